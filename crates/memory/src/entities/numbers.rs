//! Amounts and dates.

use chrono::{DateTime, Datelike, NaiveDate, Utc};

use super::Word;

/// Currencies: what stands for them beside a number, in small letters.
const CURRENCIES: &[(&str, &[&str])] = &[
    ("eur", &["€", "eur", "euro", "euros"]),
    ("usd", &["$", "usd", "us$", "dollar", "dollars", "dólares"]),
    ("gbp", &["£", "gbp", "pounds"]),
    ("jpy", &["¥", "jpy", "yen"]),
    ("chf", &["chf", "francs", "francos"]),
    ("cad", &["cad"]),
    ("aud", &["aud"]),
    ("sek", &["sek"]),
    ("nok", &["nok"]),
    ("dkk", &["dkk"]),
    ("pln", &["pln"]),
    ("mxn", &["mxn", "pesos"]),
    ("inr", &["₹", "inr", "rupees"]),
    ("brl", &["brl", "reais"]),
];

/// The months in English and Spanish, by name and shortened.
const MONTHS: [&[&str]; 12] = [
    &["january", "jan", "enero", "ene"],
    &["february", "feb", "febrero"],
    &["march", "mar", "marzo"],
    &["april", "apr", "abril", "abr"],
    &["may", "mayo"],
    &["june", "jun", "junio"],
    &["july", "jul", "julio"],
    &["august", "aug", "agosto", "ago"],
    &["september", "sep", "sept", "septiembre", "setiembre"],
    &["october", "oct", "octubre"],
    &["november", "nov", "noviembre"],
    &["december", "dec", "diciembre", "dic"],
];

/// The currency that a sign stands for.
pub(super) fn currency_sign(c: char) -> Option<&'static str> {
    let mut bytes = [0; 4];
    let sign: &str = c.encode_utf8(&mut bytes);
    if c.is_alphanumeric() {
        return None;
    }
    currency(sign)
}

fn currency(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let found = CURRENCIES
        .iter()
        .find(|(_, names)| names.contains(&lower.as_str()));
    found.map(|(code, _)| *code)
}

/// The amount that the words begin with, and how many words it takes.
pub(super) fn amount_at(words: &[Word<'_>]) -> Option<(String, usize)> {
    let first = words.first()?;
    let is_sign = |c: char| currency_sign(c).is_some();
    let sign = first.text.chars().find(|c| is_sign(*c));
    let bare = first.text.trim_matches(is_sign);
    if let (Some(code), Some(number)) = (sign.and_then(currency_sign), number(bare)) {
        return Some((format!("{number} {code}"), 1));
    }
    let next = words.get(1)?;
    if first.ends {
        return None;
    }
    // `12 000 EUR`: thousands apart.
    if let (Some(last), Some(grouped)) = (words.get(2), number(&format!("{bare} {}", next.text)))
        && !next.ends
        && let Some(code) = currency(last.text)
    {
        return Some((format!("{grouped} {code}"), 3));
    }
    let (code, number) = match (currency(first.text), currency(next.text)) {
        (Some(code), _) => (code, number(next.text)?),
        (None, Some(code)) => (code, number(first.text)?),
        (None, None) => return None,
    };
    Some((format!("{number} {code}"), 2))
}

/// A number in one form: no marks between thousands, and two digits after the point or none.
fn number(text: &str) -> Option<String> {
    let (digits, thousands) = match text.strip_suffix(['k', 'K', 'm', 'M']) {
        Some(digits) if text.ends_with(['k', 'K']) => (digits, 1_000),
        Some(digits) => (digits, 1_000_000),
        None => (text, 1),
    };
    let is_mark = |c: char| matches!(c, '.' | ',' | '\'' | '’' | ' ' | '\u{a0}' | '\u{202f}');
    let begins_and_ends_well =
        digits.starts_with(|c: char| c.is_ascii_digit()) && !digits.ends_with(is_mark);
    if !begins_and_ends_well || !digits.chars().all(|c| c.is_ascii_digit() || is_mark(c)) {
        return None;
    }
    let groups: Vec<&str> = digits.split(is_mark).collect();
    let (whole, cents) = match groups.split_last()? {
        // The last mark is a decimal one if it leaves one or two digits.
        (last, whole) if !whole.is_empty() && matches!(last.len(), 1 | 2) => {
            let cents: u64 = last.parse().ok()?;
            (whole, if last.len() == 1 { cents * 10 } else { cents })
        }
        _ => (groups.as_slice(), 0),
    };
    let (first, others) = whole.split_first()?;
    let is_grouped = (others.is_empty() || first.len() <= 3) && others.iter().all(|g| g.len() == 3);
    if !is_grouped {
        return None;
    }
    let whole: u64 = whole.concat().parse().ok()?;
    let cents = whole.checked_mul(100)?.checked_add(cents)?;
    let cents = cents.checked_mul(thousands)?;
    let (whole, cents) = (cents / 100, cents % 100);
    Some(match cents {
        0 => whole.to_string(),
        cents => format!("{whole}.{cents:02}"),
    })
}

/// The date that the words begin with, and how many words it takes.
pub(super) fn date_at(words: &[Word<'_>], when: DateTime<Utc>) -> Option<(NaiveDate, usize)> {
    let first = words.first()?;
    if let Some(date) = by_numbers(first.text) {
        return Some((date, 1));
    }
    // "de" stands between the parts in Spanish.
    let parts: Vec<(usize, &Word<'_>)> = words
        .iter()
        .take(5)
        .enumerate()
        .filter(|(_, word)| !word.text.eq_ignore_ascii_case("de"))
        .collect();
    let (_, second) = parts.get(1)?;
    if first.ends && !first.text.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (day, month) = match (day(first.text), month(second.text)) {
        (Some(day), Some(month)) => (day, month),
        _ => (day(second.text)?, month(first.text)?),
    };
    let (second_at, _) = *parts.get(1)?;
    let year = parts.get(2).and_then(|(at, word)| {
        let is_year = word.text.len() == 4;
        is_year.then(|| word.text.parse().ok().map(|year| (*at, year)))?
    });
    match year {
        Some((at, year)) => Some((NaiveDate::from_ymd_opt(year, month, day)?, at + 1)),
        None => Some((nearest(month, day, when)?, second_at + 1)),
    }
}

fn by_numbers(text: &str) -> Option<NaiveDate> {
    let mark = text.chars().find(|c| matches!(c, '.' | '/' | '-'))?;
    let mut parts = text.split(mark);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let small = |text: &str| matches!(text.len(), 1 | 2).then(|| text.parse::<u32>().ok())?;
    let year = |text: &str| (text.len() == 4).then(|| text.parse::<i32>().ok())?;
    if let (Some(year), Some(month), Some(day)) = (year(a), small(b), small(c)) {
        return NaiveDate::from_ymd_opt(year, month, day);
    }
    let (first, second, year) = (small(a)?, small(b)?, year(c)?);
    NaiveDate::from_ymd_opt(year, second, first)
        .or_else(|| (mark == '/').then(|| NaiveDate::from_ymd_opt(year, first, second))?)
}

fn day(text: &str) -> Option<u32> {
    let lower = text.to_lowercase();
    let digits = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let is_day = matches!(digits.len(), 1 | 2)
        && matches!(&lower[digits.len()..], "" | "st" | "nd" | "rd" | "th");
    is_day.then(|| digits.parse().ok())?
}

fn month(text: &str) -> Option<u32> {
    let lower = text.to_lowercase();
    let index = MONTHS
        .iter()
        .position(|names| names.contains(&lower.as_str()))?;
    u32::try_from(index + 1).ok()
}

/// The day of this name that is nearest.
fn nearest(month: u32, day: u32, when: DateTime<Utc>) -> Option<NaiveDate> {
    let today = when.date_naive();
    let years = [-1, 0, 1].map(|step| today.year().saturating_add(step));
    let days = years
        .into_iter()
        .filter_map(|year| NaiveDate::from_ymd_opt(year, month, day));
    days.min_by_key(|date| date.signed_duration_since(today).num_days().abs())
}
