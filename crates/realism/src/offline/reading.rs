//! What a parent says: a small reading by cues, bounded and forgiving.

use chrono::{Datelike, Days, NaiveDate};

use crate::language::{self, Pack};
use crate::writer::Parent;

/// Characters of a parent that are read.
const READ_MAX: usize = 4000;
/// Words of a parent that are read.
const WORDS_MAX: usize = 700;

/// What was found in a parent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// It asks something.
    pub(crate) asks: bool,
    /// It wants something done.
    pub(crate) requests: bool,
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
    if reading.foreign {
        return reading;
    }
    reading.requests = has(pack.cues.requests);
    reading.meeting = has(pack.cues.meetings);
    reading.thanks = has(pack.cues.thanks);
    reading.problem = has(pack.cues.problems);
    let written = parent.written_at.date_naive();
    reading.day = day_of(&lower, pack, written).or_else(|| {
        let subject: Vec<String> = bounded(parent.subject)
            .split_whitespace()
            .take(WORDS_MAX)
            .map(|word| bare(word).to_lowercase())
            .collect();
        day_of(&subject, pack, written)
    });
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

fn day_of(words: &[String], pack: &Pack, written: NaiveDate) -> Option<NaiveDate> {
    let calendar = &pack.calendar;
    words.iter().enumerate().find_map(|(i, word)| {
        // "por la mañana" is a part of a day, not the next day.
        let follows_article = i > 0
            && pack
                .cues
                .before_part_of_day
                .contains(&words[i - 1].as_str());
        if word == calendar.today {
            return Some(written);
        }
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
