//! Languages of the offline writer: one folder each, and one line in `PACKS`.

use crate::offline::script::Book;

mod en;
mod es;

/// Codes of the languages that have a pack. Mail in any other language is written in English.
pub fn supported() -> &'static [&'static str] {
    &["en", "es"]
}

/// Every pack, in the order of [`supported`].
const PACKS: [&Pack; 2] = [&en::PACK, &es::PACK];

/// The pack of a language code, by its primary subtag in any case (`es-MX`); English when there
/// is none.
pub(crate) fn pack(code: &str) -> &'static Pack {
    let primary = code.trim().split(['-', '_']).next().unwrap_or_default();
    PACKS
        .into_iter()
        .find(|pack| pack.code.eq_ignore_ascii_case(primary))
        .unwrap_or(PACKS[0])
}

/// Whether a topic is one of those that are built in, and only in other languages.
pub(crate) fn is_of_another(topic: &str, pack: &Pack) -> bool {
    let has = |pack: &Pack| pack.topics.contains(&topic);
    !has(pack) && PACKS.into_iter().any(has)
}

/// The text behind the first of `articles`, all of it when it has none.
fn behind_article<'a>(text: &'a str, articles: &[&str]) -> &'a str {
    articles
        .iter()
        .find_map(|article| {
            let head = text.get(..article.len())?;
            let tail = text[article.len()..].strip_prefix(' ')?;
            head.eq_ignore_ascii_case(article).then_some(tail)
        })
        .unwrap_or(text)
}

/// Whether every longer word is a name, as in `Project Bluebird` or `ISO 27001`.
fn is_name(text: &str) -> bool {
    let mut words = text.split(' ').filter(|word| word.chars().count() > 3);
    text.starts_with(|c: char| c.is_uppercase())
        && words.all(|word| word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit()))
}

/// The text with a lower-case start, unless its first word is an abbreviation.
fn uncapitalized(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some(first) if rest.as_str().starts_with(|c: char| c.is_lowercase()) => {
            first.to_lowercase().chain(rest).collect()
        }
        _ => text.to_owned(),
    }
}

/// Everything the offline writer knows about a language.
pub(crate) struct Pack {
    /// Primary language subtag.
    pub(crate) code: &'static str,
    /// Its scripts.
    pub(crate) book: &'static Book,
    /// Topics of the scripts.
    pub(crate) topics: &'static [&'static str],
    /// Words of dates and times.
    pub(crate) calendar: Calendar,
    /// Small numbers from two on.
    pub(crate) numbers: &'static [&'static str],
    /// An amount of money: units, and the currency (0 dollar, 1 pound, 2 euro).
    pub(crate) money: fn(u32, u8) -> String,
    /// A share.
    pub(crate) percent: fn(u32) -> String,
    /// Letters before the number of an invoice.
    pub(crate) invoice_prefix: &'static str,
    /// Word before the number of a room.
    pub(crate) room: &'static str,
    /// A topic as it stands in a sentence: with the article that the operator left out.
    pub(crate) with_article: fn(&str) -> String,
    /// A topic as it stands at the head of a subject: without article.
    pub(crate) without_article: fn(&str) -> &str,
    /// What stands for a topic that has no letters.
    pub(crate) vague_topic: &'static str,
    /// Words that are written with a capital wherever they stand.
    pub(crate) proper: &'static [&'static str],
    /// Short forms with their long forms.
    pub(crate) contractions: &'static [(&'static str, &'static str)],
    /// Pairs of words that merge in writing, wherever they meet.
    pub(crate) mergers: &'static [(&'static str, &'static str)],
    /// How abbreviations and accents may be dropped in a careless hand.
    pub(crate) careless: &'static [(char, &'static str)],
    /// Names and things that facts are drawn from.
    pub(crate) lists: Lists,
    /// First lines.
    pub(crate) greetings: Greetings,
    /// Last lines.
    pub(crate) sign_offs: SignOffs,
    /// Last mails of a thread that went on beyond its script.
    pub(crate) closings: &'static [&'static str],
    /// Mails that pass another one on.
    pub(crate) forwards: &'static [&'static str],
    /// Answers to mail that no script knows.
    pub(crate) answers: Answers,
    /// What mannerisms add.
    pub(crate) asides: Asides,
    /// Cues for reading a parent.
    pub(crate) cues: Cues,
}

/// Names and things.
pub(crate) struct Lists {
    pub(crate) people: &'static [&'static str],
    pub(crate) surnames: &'static [&'static str],
    pub(crate) vendor_stems: &'static [&'static str],
    pub(crate) vendor_ends: &'static [&'static str],
    pub(crate) vendor_tails: &'static [&'static str],
    pub(crate) customer_tails: &'static [&'static str],
    pub(crate) projects: &'static [&'static str],
    pub(crate) floors: &'static [&'static str],
    pub(crate) cities: &'static [&'static str],
    pub(crate) durations: &'static [&'static str],
    /// First quarter first.
    pub(crate) quarters: [&'static str; 4],
}

/// First lines, with `{name}` for the reader.
pub(crate) struct Greetings {
    pub(crate) any: &'static [&'static str],
    pub(crate) polite: &'static [&'static str],
    pub(crate) morning: &'static [&'static str],
    pub(crate) afternoon: &'static [&'static str],
    pub(crate) evening: &'static [&'static str],
    /// First hour of the afternoon.
    pub(crate) afternoon_from: u32,
    /// First hour of the evening.
    pub(crate) evening_from: u32,
}

/// Last lines.
pub(crate) struct SignOffs {
    pub(crate) plain: &'static [&'static str],
    pub(crate) formal: &'static [&'static str],
}

/// Answers to mail that no script knows, in the form of script lines.
pub(crate) struct Answers {
    pub(crate) question: &'static [&'static str],
    pub(crate) request: &'static [&'static str],
    pub(crate) meeting: &'static [&'static str],
    /// About an amount that the parent named, `{said}`.
    pub(crate) money: &'static [&'static str],
    pub(crate) problem: &'static [&'static str],
    pub(crate) thanks: &'static [&'static str],
    pub(crate) noted: &'static [&'static str],
    pub(crate) more: &'static [&'static str],
}

/// What mannerisms add.
pub(crate) struct Asides {
    /// Questions of people who always ask one.
    pub(crate) questions: &'static [&'static str],
    /// Sentences around something they like to mention, `{mention}`.
    pub(crate) mentions: &'static [&'static str],
    /// About another matter, `{topic}`, that the writer brought up and the reader did not answer.
    pub(crate) waiting: &'static [&'static str],
    /// About one in which the writer answered the reader last.
    pub(crate) helped: &'static [&'static str],
    /// About one in which the reader answered the writer last.
    pub(crate) thankful: &'static [&'static str],
    /// About one that the reader brought up and the writer did not answer.
    pub(crate) owing: &'static [&'static str],
    /// Words of a topic that is no particular matter: a delivery, not the delivery.
    pub(crate) vague: &'static [&'static str],
}

/// Words of dates and times.
pub(crate) struct Calendar {
    /// Monday first, as used in a sentence.
    pub(crate) weekdays: [&'static str; 7],
    /// January first.
    pub(crate) months: [&'static str; 12],
    /// The current day.
    pub(crate) today: &'static str,
    /// The next day.
    pub(crate) tomorrow: &'static str,
    /// What stands before a month from which on something holds.
    pub(crate) from: &'static str,
    /// A day on which something happens: its name, and whether it is today or tomorrow.
    pub(crate) on_day: fn(&str, bool) -> String,
    /// A day by which something is done.
    pub(crate) by_day: fn(&str, bool) -> String,
}

/// Cues for reading a parent, all in lower case.
pub(crate) struct Cues {
    /// Openings of a request.
    pub(crate) requests: &'static [&'static str],
    /// Signs that a meeting or a time is proposed.
    pub(crate) meetings: &'static [&'static str],
    /// Thanks.
    pub(crate) thanks: &'static [&'static str],
    /// Currencies, as words.
    pub(crate) currencies: &'static [&'static str],
    /// Trouble.
    pub(crate) problems: &'static [&'static str],
    /// Words before a part of the day that is also the name of a day.
    pub(crate) before_part_of_day: &'static [&'static str],
    /// Words of a sentence that can bear an exclamation mark.
    pub(crate) glad: &'static [&'static str],
    /// Frequent small words, for telling the language.
    pub(crate) common: &'static [&'static str],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pack_has_scripts_for_any_topic() {
        for pack in PACKS {
            let any = pack.book.scripts().filter(|script| script.topic() == "*");
            assert!(any.count() >= 4, "{}", pack.code);
            assert!(pack.topics.len() > 30);
            assert!(!pack.topics.contains(&"*"));
        }
    }
}
