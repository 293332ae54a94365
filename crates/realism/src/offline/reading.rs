//! What a parent says: a small reading by cues, bounded and forgiving.

use chrono::{Datelike, Days, NaiveDate};

use crate::language::{self, Pack};
use crate::writer::Parent;

/// Characters of a parent that are read.
const READ_MAX: usize = 4000;
/// Words of a parent that are read.
const WORDS_MAX: usize = 700;

/// What was found in a parent. Every string is short and plain.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// It asks something.
    pub(crate) asks: bool,
    /// It wants something done.
    pub(crate) requests: bool,
    /// What is to be done: index of the verb in the cues, and its object.
    pub(crate) task: Option<(usize, String)>,
    /// It proposes to meet or talk.
    pub(crate) meeting: bool,
    /// It thanks.
    pub(crate) thanks: bool,
    /// It reports trouble.
    pub(crate) problem: bool,
    /// A time of day, hour and minute.
    pub(crate) time: Option<(u32, u32)>,
    /// A day it speaks of.
    pub(crate) day: Option<NaiveDate>,
    /// An amount of money as written.
    pub(crate) amount: Option<String>,
    /// A ticket or order number as written.
    pub(crate) ticket: Option<String>,
    /// The name of a file as written.
    pub(crate) file: Option<String>,
    /// First names of colleagues, at most two.
    pub(crate) people: Vec<&'static str>,
    /// Number of words.
    pub(crate) words: usize,
    /// It is not written in the language of the answer.
    pub(crate) foreign: bool,
}

/// Reads `parent` with the cues of `pack`.
pub(crate) fn read(parent: &Parent<'_>, pack: &Pack) -> Reading {
    let text = bounded(parent.text);
    let plain: String = text
        .chars()
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .map(|c| if c == '\u{2019}' { '\'' } else { c })
        .filter(|c| !super::clean::is_hidden(*c))
        .collect();
    let words: Vec<&str> = plain
        .split(' ')
        .filter(|w| !w.is_empty())
        .take(WORDS_MAX)
        .collect();
    let lower: Vec<String> = words.iter().map(|word| bare(word).to_lowercase()).collect();
    let flat = format!(" {} ", lower.join(" "));
    let has = |cues: &[&str]| cues.iter().any(|cue| flat.contains(&format!(" {cue}")));
    let mut reading = Reading {
        asks: plain.contains('?'),
        words: words.len(),
        foreign: is_foreign(&lower, pack),
        ..Reading::default()
    };
    reading.time = words.iter().enumerate().find_map(|(i, word)| {
        time_of(word).or_else(|| {
            let hour = bare(word)
                .parse::<u32>()
                .ok()
                .filter(|h| (1..=12).contains(h))?;
            let half = lower.get(i + 1)?;
            to_clock(hour, 0, half)
        })
    });
    reading.amount = words.iter().enumerate().find_map(|(i, word)| {
        amount_of(
            word,
            i.checked_sub(1).map(|i| words[i]),
            words.get(i + 1).copied(),
        )
    });
    reading.ticket = words.iter().find_map(|word| ticket_of(word));
    reading.file = words.iter().find_map(|word| file_of(word));
    if reading.foreign {
        return reading;
    }
    reading.requests = has(pack.cues.requests);
    reading.meeting = has(pack.cues.meetings);
    reading.thanks = has(pack.cues.thanks);
    reading.problem = has(pack.cues.problems);
    reading.day = day_of(&lower, pack, parent.written_at.date_naive());
    reading.task = if reading.requests || reading.asks {
        task_of(&words, &lower, pack)
    } else {
        None
    };
    for name in (pack.grammar)().literals("_person") {
        if reading.people.len() < 2 && words.iter().skip(1).any(|word| bare(word) == name) {
            reading.people.push(name);
        }
    }
    reading
}

fn bounded(text: &str) -> &str {
    text.char_indices()
        .nth(READ_MAX)
        .map_or(text, |(end, _)| &text[..end])
}

fn bare(word: &str) -> &str {
    word.trim_matches(|c: char| !c.is_alphanumeric())
}

fn is_foreign(words: &[String], pack: &Pack) -> bool {
    let score = |code: &str| {
        let common = language::pack(code).cues.common;
        words
            .iter()
            .filter(|word| common.contains(&word.as_str()))
            .count()
    };
    let own = score(pack.code);
    let other = language::supported()
        .iter()
        .filter(|code| **code != pack.code);
    words.len() > 3 && (other.map(|code| score(code)).max().unwrap_or(0) > own || own == 0)
}

fn to_clock(hour: u32, minute: u32, half: &str) -> Option<(u32, u32)> {
    match half {
        "am" | "a.m" => Some((hour % 12, minute)),
        "pm" | "p.m" => Some((hour % 12 + 12, minute)),
        _ => None,
    }
}

fn time_of(word: &str) -> Option<(u32, u32)> {
    let lower = bare(word).to_ascii_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &lower[digits.len()..];
    if let Some((hour, minute)) = digits.split_once([':', '.']) {
        if hour.len() > 2 || minute.len() != 2 || !matches!(unit, "" | "h" | "am" | "pm") {
            return None;
        }
        let (hour, minute) = (hour.parse().ok()?, minute.parse().ok()?);
        if unit.is_empty() && word.contains('.') && !word.contains(':') && minute % 15 != 0 {
            return None;
        }
        return (hour < 24 && minute < 60)
            .then(|| to_clock(hour, minute, unit).unwrap_or((hour, minute)))
            .filter(|(hour, _)| (6..22).contains(hour));
    }
    let hour = digits
        .parse::<u32>()
        .ok()
        .filter(|hour| (1..=12).contains(hour))?;
    to_clock(hour, 0, unit)
}

fn amount_of(word: &str, before: Option<&str>, after: Option<&str>) -> Option<String> {
    let core = word.trim_matches(|c: char| !c.is_alphanumeric() && !"$€£".contains(c));
    let number = core.trim_matches(|c: char| "$€£".contains(c));
    let is_number = number.len() <= 12
        && number.starts_with(|c: char| c.is_ascii_digit())
        && number
            .chars()
            .all(|c| c.is_ascii_digit() || ".,k".contains(c));
    if !is_number {
        return None;
    }
    if core.len() > number.len() {
        return Some(core.to_owned());
    }
    const UNITS: [&str; 6] = ["€", "EUR", "USD", "euros", "dollars", "GBP"];
    if let Some(unit) = after.map(|w| w.trim_end_matches(['.', ',', '?', '!', ';', ':']))
        && UNITS.contains(&unit)
    {
        return Some(format!("{number} {unit}"));
    }
    before
        .filter(|unit| UNITS.contains(unit))
        .map(|unit| format!("{unit} {number}"))
}

fn ticket_of(word: &str) -> Option<String> {
    let core = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '#');
    let letters = core.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = core.len() - letters.len();
    let prefix = letters.trim_end_matches('-');
    let known = prefix == "#"
        || ((2..=4).contains(&prefix.len()) && prefix.chars().all(|c| c.is_ascii_uppercase()));
    ((4..=8).contains(&digits) && known).then(|| core.to_owned())
}

fn file_of(word: &str) -> Option<String> {
    const KINDS: [&str; 6] = ["xlsx", "docx", "pdf", "pptx", "csv", "txt"];
    let core = bare(word);
    let (stem, kind) = core.rsplit_once('.')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    (KINDS.contains(&kind) && (1..=40).contains(&stem.len()) && stem.chars().all(is_plain))
        .then(|| core.to_owned())
}

fn day_of(words: &[String], pack: &Pack, written: NaiveDate) -> Option<NaiveDate> {
    let calendar = &pack.calendar;
    words.iter().enumerate().find_map(|(i, word)| {
        // "por la mañana" is a part of a day, not the next day.
        let follows_article = i > 0 && words[i - 1] == "la";
        if word == calendar.tomorrow && !follows_article {
            return written.checked_add_days(Days::new(1));
        }
        let weekday = calendar.weekdays.iter().position(|day| {
            day.rsplit(' ')
                .next()
                .is_some_and(|day| day.to_lowercase() == *word)
        })?;
        let today = written.weekday().num_days_from_monday() as usize;
        let ahead = (weekday + 6 - today) % 7 + 1;
        written.checked_add_days(Days::new(ahead as u64))
    })
}

fn task_of(words: &[&str], lower: &[String], pack: &Pack) -> Option<(usize, String)> {
    let cues = &pack.cues;
    let starts: Vec<usize> = (0..lower.len())
        .filter(|i| {
            cues.requests.iter().any(|cue| {
                let mut at = *i;
                cue.split(' ').all(|part| {
                    let same = lower.get(at).is_some_and(|word| word == part);
                    at += 1;
                    same
                })
            })
        })
        .take(12)
        .collect();
    for start in starts {
        for at in start..(start + 7).min(lower.len()) {
            let verb = cues.verbs.iter().position(|(verb, ..)| {
                lower[at] == *verb || (pack.code == "es" && lower[at].starts_with(verb))
            });
            let Some(verb) = verb else {
                continue;
            };
            if let Some(object) = object_of(words, lower, at + 1, cues) {
                return Some((verb, object));
            }
        }
    }
    None
}

/// Article and one to four words, up to a small word or a mark.
fn object_of(
    words: &[&str],
    lower: &[String],
    from: usize,
    cues: &language::Cues,
) -> Option<String> {
    let start = (from..(from + 3).min(lower.len()))
        .find(|at| cues.articles.contains(&lower[*at].as_str()))?;
    let mut object = lower[start].clone();
    for at in start + 1..lower.len() {
        let count = at - start;
        if cues.stops.contains(&lower[at].as_str()) {
            return (count > 1).then_some(object);
        }
        let plain = |c: char| c.is_alphanumeric() || c == '-' || c == '\'';
        if count > 4
            || lower[at].is_empty()
            || lower[at].len() > 24
            || !bare(words[at]).chars().all(plain)
        {
            return None;
        }
        object.push(' ');
        object.push_str(bare(words[at]));
        if words[at].ends_with(|c: char| !c.is_alphanumeric()) {
            return Some(object);
        }
    }
    object.contains(' ').then_some(object)
}
