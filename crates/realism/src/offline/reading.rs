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
    /// An amount of money, as it is written.
    pub(crate) amount: Option<String>,
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
    reading.amount = amount_of(&words, &lower, pack);
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
    let best = other.map(|code| score(code)).max().unwrap_or(0);
    words.len() > 3 && best > own || words.len() > 6 && own == 0
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

/// The first amount with its currency: `$1,200`, `1.200 €`, `300 euros`.
fn amount_of(words: &[&str], lower: &[String], pack: &Pack) -> Option<String> {
    words.iter().enumerate().find_map(|(at, word)| {
        let digits = word.chars().filter(char::is_ascii_digit).count();
        if !(2..=9).contains(&digits) || word.chars().count() > 16 {
            return None;
        }
        let word = word.trim_matches(|c: char| !c.is_alphanumeric() && !"$£€".contains(c));
        let number = word.trim_matches(|c| "$£€".contains(c));
        if !number
            .chars()
            .all(|c| c.is_ascii_digit() || ".,".contains(c))
        {
            return None;
        }
        if number.len() < word.len() {
            return Some(word.to_owned());
        }
        let unit = words
            .get(at + 1)?
            .trim_end_matches(['.', ',', '?', '!', ';', ':']);
        let named = lower
            .get(at + 1)
            .is_some_and(|word| pack.cues.currencies.contains(&word.as_str()));
        (named || unit == "€").then(|| format!("{word} {unit}"))
    })
}

fn day_of(words: &[String], pack: &Pack, written: NaiveDate) -> Option<NaiveDate> {
    let calendar = &pack.calendar;
    // The last word of a weekday names it, whatever article stands before.
    let weekdays = calendar
        .weekdays
        .map(|day| day.rsplit(' ').next().unwrap_or(day).to_lowercase());
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
        let weekday = weekdays.iter().position(|day| day == word)?;
        let today = written.weekday().num_days_from_monday() as usize;
        let ahead = (weekday + 6 - today) % 7 + 1;
        written.checked_add_days(Days::new(ahead as u64))
    })
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, FixedOffset, TimeZone};

    use super::*;

    /// Monday, 2 March 2026.
    fn monday() -> DateTime<FixedOffset> {
        FixedOffset::east_opt(0)
            .and_then(|zone| zone.with_ymd_and_hms(2026, 3, 2, 9, 0, 0).single())
            .expect("a valid time")
    }

    fn reading(language: &str, text: &str) -> Reading {
        let parent = Parent {
            subject: "subject",
            text,
            written_at: monday(),
            topic: "topic",
            thread_length: 1,
            thread_began: monday().to_utc(),
        };
        read(&parent, language::pack(language))
    }

    #[test]
    fn questions_and_requests() {
        for (language, text, asks, requests) in [
            ("en", "Is the list of the new prices done?", true, false),
            ("en", "Could you send me the list of prices?", true, true),
            ("en", "Please have a look at the list.", false, true),
            ("en", "The list is in the folder for you.", false, false),
            ("es", "¿Está lista la relación de los precios?", true, false),
            (
                "es",
                "Revísame el informe de la semana, por favor.",
                false,
                true,
            ),
            (
                "es",
                "Mándame la lista de los precios cuando la acabes.",
                false,
                true,
            ),
            (
                "es",
                "Envíeme el contrato en cuanto esté firmado.",
                false,
                true,
            ),
            (
                "es",
                "La lista de precios está en la carpeta.",
                false,
                false,
            ),
        ] {
            let found = reading(language, text);
            assert_eq!((found.asks, found.requests), (asks, requests), "{text}");
            assert!(!found.foreign, "{text}");
        }
    }

    #[test]
    fn thanks_and_problems() {
        for (language, text, thanks, problem) in [
            ("en", "Thanks a lot for the help with that.", true, false),
            (
                "en",
                "The printer is out of order again, it jams.",
                false,
                true,
            ),
            ("es", "Muchas gracias por la ayuda de ayer.", true, false),
            ("es", "La impresora de la entrada no funciona.", false, true),
        ] {
            let found = reading(language, text);
            assert_eq!((found.thanks, found.problem), (thanks, problem), "{text}");
        }
    }

    #[test]
    fn times_and_days() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 3, day);
        for (language, text, time, expected) in [
            (
                "en",
                "Can we meet on Thursday at 3pm?",
                Some((15, 0)),
                day(5),
            ),
            ("en", "How about tomorrow, 10:30?", Some((10, 30)), day(3)),
            ("en", "It is on the list of the team.", None, None),
            (
                "es",
                "¿Nos vemos el jueves a las 16:00?",
                Some((16, 0)),
                day(5),
            ),
            (
                "es",
                "Lo vemos mañana a las 9.30 en la sala.",
                Some((9, 30)),
                day(3),
            ),
            ("es", "Lo miro por la mañana en la oficina.", None, None),
        ] {
            let found = reading(language, text);
            assert_eq!((found.time, found.day), (time, expected), "{text}");
        }
    }

    #[test]
    fn amounts() {
        for (language, text, amount) in [
            ("en", "Is the invoice for $1,200 right?", Some("$1,200")),
            ("en", "They want 300 euros for the lot.", Some("300 euros")),
            ("en", "There are 300 boxes in the hall.", None),
            ("es", "Los 2.140 € incluyen el transporte.", Some("2.140 €")),
            (
                "es",
                "Piden 450 euros por la reparación.",
                Some("450 euros"),
            ),
            ("es", "Quedan 450 cajas en el almacén.", None),
        ] {
            assert_eq!(reading(language, text).amount.as_deref(), amount, "{text}");
        }
    }
}
