//! What a text mentions: names, amounts, dates, hosts and addresses, found by code.
//!
//! Entities tie memories together: two that mention the same vendor belong together, whoever wrote
//! them. They are found by shape, so some are missed and some mean nothing. Names that are known
//! (people, projects, vendors) are found wherever they stand.

mod numbers;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use self::numbers::{amount_at, date_at};
use crate::memory::first_bytes;

/// Longest entity with its kind, in bytes. Longer ones are cut.
pub const ENTITY_MAX: usize = 128;
/// Most words of a name that is known by its capitals alone.
const NAME_WORDS_MAX: usize = 4;
/// Words with a capital that begin no name.
const NO_NAMES: &[&str] = &[
    "a",
    "al",
    "an",
    "and",
    "april",
    "august",
    "best",
    "buenas",
    "buenos",
    "but",
    "cc",
    "cheers",
    "dear",
    "december",
    "el",
    "en",
    "estimada",
    "estimado",
    "estoy",
    "february",
    "for",
    "friday",
    "from",
    "fw",
    "fwd",
    "good",
    "gracias",
    "hello",
    "hi",
    "hola",
    "i",
    "if",
    "in",
    "it",
    "january",
    "july",
    "june",
    "kind",
    "la",
    "las",
    "let",
    "los",
    "march",
    "may",
    "monday",
    "my",
    "no",
    "november",
    "october",
    "on",
    "our",
    "please",
    "querida",
    "querido",
    "re",
    "regards",
    "saludos",
    "saturday",
    "september",
    "subject",
    "sunday",
    "thanks",
    "that",
    "the",
    "this",
    "thursday",
    "to",
    "tuesday",
    "un",
    "una",
    "we",
    "wednesday",
    "when",
    "yes",
    "you",
    "your",
];

/// Something that a text mentions: a kind and a value in one form, such as `amount:1240.50 eur`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Entity(String);

impl Entity {
    /// A person, project, vendor or product, whatever its capitals.
    pub fn name(name: &str) -> Self {
        Self::new("name", name)
    }

    /// A date.
    pub fn date(date: chrono::NaiveDate) -> Self {
        Self::new("date", &date.to_string())
    }

    fn new(kind: &str, value: &str) -> Self {
        let words: Vec<String> = value.split_whitespace().map(str::to_lowercase).collect();
        Self::from(format!("{kind}:{}", words.join(" ")))
    }

    /// Kind and value, as they are kept.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is: `name`, `amount`, `date`, `host` or `address`, or what somebody else calls it.
    pub fn kind(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }

    /// Which one it is.
    pub fn value(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, value)| value)
    }
}

/// An entity of the text that [`Entity::as_str`] gives.
impl From<String> for Entity {
    fn from(mut text: String) -> Self {
        text.truncate(first_bytes(&text, ENTITY_MAX).len());
        Self(text)
    }
}

impl From<Entity> for String {
    fn from(entity: Entity) -> Self {
        entity.0
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name that is known, and how it may be spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownName<'a> {
    /// A spelling: the name itself, or another by which it is known.
    pub spelling: &'a str,
    /// The name that is meant.
    pub name: &'a str,
}

/// What a text mentions, in the order of first mention, each once.
///
/// - `amount:1240.50 eur`: a number beside a currency, by sign, code or word.
/// - `date:2026-03-14`: by numbers (day before month, unless that cannot be) or with the month's
///   name in English or Spanish. A date without a year is the one nearest to `when`.
/// - `host:srv-web01`: letters, hyphens and digits, ending in digits; names with dots; addresses of
///   IPv4.
/// - `address:jane@corp.example`.
/// - `name:acme gmbh`: those that are known, and two to four words with capitals in a row.
pub fn extract(text: &str, known: &[KnownName<'_>], when: DateTime<Utc>) -> Vec<Entity> {
    let mut found: Vec<Entity> = Vec::new();
    let mut add = |entity: Entity| {
        if !found.contains(&entity) {
            found.push(entity);
        }
    };
    let lower = text.to_lowercase();
    for known in known {
        if mentions(&lower, &known.spelling.to_lowercase()) {
            add(Entity::name(known.name));
        }
    }
    let words = words_of(text);
    let mut index = 0;
    while let Some(word) = words.get(index) {
        let rest = words.get(index..).unwrap_or_default();
        if let Some((date, used)) = date_at(rest, when) {
            add(Entity::date(date));
            index += used;
        } else if let Some((amount, used)) = amount_at(rest) {
            add(Entity::new("amount", &amount));
            index += used;
        } else if let Some(kind) = kind_of(word.text) {
            add(Entity::new(kind, word.text));
            index += 1;
        } else if let Some(used) = name_at(rest) {
            let name: Vec<&str> = rest.iter().take(used).map(|word| word.text).collect();
            add(Entity::name(&name.join(" ")));
            index += used;
        } else {
            index += 1;
        }
    }
    found
}

/// A word of a text without the marks around it.
#[derive(Clone, Copy, Debug)]
struct Word<'a> {
    text: &'a str,
    /// Whether a mark after it ends what it belongs to.
    ends: bool,
}

fn words_of(text: &str) -> Vec<Word<'_>> {
    let is_kept = |c: char| c.is_alphanumeric() || numbers::currency_sign(c).is_some();
    let is_gap = |c: char| c.is_whitespace() && c != '\u{a0}' && c != '\u{202f}';
    let mut words = Vec::new();
    for line in text.lines() {
        let begin = words.len();
        words.extend(line.split(is_gap).map(|raw| Word {
            text: raw.trim_matches(|c: char| !is_kept(c)),
            ends: !raw.ends_with(is_kept),
        }));
        // A subject and a greeting are no name together.
        if let Some(last) = words.get_mut(begin..).and_then(<[_]>::last_mut) {
            last.ends = true;
        }
    }
    words.retain(|word| !word.text.is_empty());
    words
}

/// Whether `lower` has `name` as a word or words of its own; both in small letters.
fn mentions(lower: &str, name: &str) -> bool {
    let name = name.trim();
    !name.is_empty()
        && lower.match_indices(name).any(|(at, _)| {
            let before = lower.get(..at).and_then(|text| text.chars().next_back());
            let after = lower.get(at + name.len()..);
            let after = after.and_then(|text| text.chars().next());
            !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
        })
}

/// What a single word is by its shape.
fn kind_of(word: &str) -> Option<&'static str> {
    let has = |test: fn(char) -> bool| word.chars().any(test);
    if !word.is_ascii() || word.len() > ENTITY_MAX {
        return None;
    }
    if let Some((local, domain)) = word.split_once('@') {
        let is_address = !local.is_empty() && domain.contains('.') && !domain.contains('@');
        return is_address.then_some("address");
    }
    let labels: Vec<&str> = word.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty()
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    if !labels.iter().all(is_label) {
        return None;
    }
    let is_octet = |label: &&str| label.parse::<u8>().is_ok();
    if labels.len() == 4 && labels.iter().all(is_octet) {
        return Some("host");
    }
    let last = labels.last()?;
    let ends_like_a_domain = last.len() >= 2 && last.chars().all(|c| c.is_ascii_lowercase());
    if labels.len() >= 3 && ends_like_a_domain {
        return Some("host");
    }
    let begins_small = word.starts_with(|c: char| c.is_ascii_lowercase());
    let is_small = !has(|c| c.is_ascii_uppercase());
    let ends_in_digits = word.ends_with(|c: char| c.is_ascii_digit());
    let is_numbered = labels.len() == 1 && begins_small && is_small && ends_in_digits;
    // `q3` and `v2` are no hosts.
    (is_numbered && word.len() >= 4).then_some("host")
}

/// How many of the next words are a name by their capitals.
fn name_at(words: &[Word<'_>]) -> Option<usize> {
    let mut used = 0;
    for word in words.iter().take(NAME_WORDS_MAX) {
        let begins = word.text.chars().next().is_some_and(char::is_uppercase);
        let is_word = word
            .text
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '-' | '&' | '\'' | '’'));
        if !begins || !is_word || NO_NAMES.contains(&word.text.to_lowercase().as_str()) {
            break;
        }
        used += 1;
        if word.ends {
            break;
        }
    }
    (used >= 2).then_some(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let when = DateTime::from_timestamp(1_772_000_000, 0).unwrap(); // 2026-02-25
        let known = [
            KnownName {
                spelling: "atlas",
                name: "Atlas",
            },
            KnownName {
                spelling: "Müller & Co",
                name: "Müller Papier",
            },
        ];
        let found = extract(text, &known, when);
        let found: Vec<&str> = found.iter().map(Entity::as_str).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn amounts() {
        check("It costs €1,240.50.", &["amount:1240.50 eur"]);
        check("son 1.240,50 euros", &["amount:1240.50 eur"]);
        check("USD 12k or 12 000 $", &["amount:12000 usd"]);
        check("12\u{a0}000 CHF", &["amount:12000 chf"]);
        check("£1.5m", &["amount:1500000 gbp"]);
        check("12,400 EUR and 12.400 eur", &["amount:12400 eur"]);
        check("room 12, $, 5 apples, €", &[]);
        check("99999999999999999999999 EUR", &[]);
    }

    #[test]
    fn dates() {
        let march = &["date:2026-03-14"];
        for text in [
            "2026-03-14",
            "on 14.03.2026,",
            "14/3/2026",
            "3/14/2026",
            "14 March 2026",
            "March 14th, 2026",
            "(Mar 14)",
            "el 14 de marzo de 2026",
            "14 de marzo",
        ] {
            check(text, march);
        }
        check("by 30 December", &["date:2025-12-30"]);
        check("2026-02-30, 14.13.2026, in March", &[]);
        check("10.0.0.2026 1.2.3", &[]);
    }

    #[test]
    fn hosts_and_addresses() {
        check("srv-web01 (10.1.2.3)", &["host:srv-web01", "host:10.1.2.3"]);
        check("see git.corp.example.", &["host:git.corp.example"]);
        check("write to Jane@Corp.example", &["address:jane@corp.example"]);
        check("in q3, v2, e.g. this", &[]);
    }

    #[test]
    fn names() {
        check(
            "Dear Jane, ATLAS goes to Acme Paper Ltd. Jane Doe agrees.",
            &["name:atlas", "name:acme paper ltd", "name:jane doe"],
        );
        check("von müller & co gekauft", &["name:müller papier"]);
        check(
            "Ashbridge Hotels\nAshbridge Hotels wants less.",
            &["name:ashbridge hotels"],
        );
        check("atlases", &[]);
    }
}
