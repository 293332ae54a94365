//! Reading the dates of mail, tolerantly.

use chrono::NaiveDate;

use super::bytes::{all, number, slice};

/// A date that could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MailDate {
    /// Unix seconds.
    pub(super) seconds: i64,
    /// Minutes east of UTC; 0 where nothing is said.
    pub(super) offset_minutes: i32,
    /// How the zone is written.
    pub(super) zone: Zone,
}

/// How a zone is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// `+0000`
    PlusZero,
    /// `-0000`
    MinusZero,
    /// Another offset.
    Offset,
    /// A word for UTC and no offset.
    Word,
    /// Something else, or nothing.
    Unknown,
}

impl Zone {
    pub(super) fn is_utc(self) -> bool {
        matches!(self, Self::PlusZero | Self::MinusZero | Self::Word)
    }
}

impl MailDate {
    /// The clock of the writer, as Unix seconds would show it.
    pub(super) fn local_seconds(self) -> i64 {
        self.seconds + i64::from(self.offset_minutes) * 60
    }

    /// 0 for Monday.
    pub(super) fn weekday(self) -> i64 {
        (self.local_seconds().div_euclid(86_400) + 3).rem_euclid(7)
    }

    pub(super) fn hour(self) -> i64 {
        self.local_seconds().rem_euclid(86_400) / 3_600
    }
}

/// Longest date that is read, in bytes.
const DATE_MAX: usize = 200;

/// Dates before 1989 and after 2103 are no dates of mail.
const SECONDS: std::ops::Range<i64> = 600_000_000..4_200_000_001;

const MONTHS: [&[u8]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];

/// Reads `Wed, 24 Jul 2019 16:39:02 +0200 (CEST)` and what people make of it.
pub(super) fn read(value: &[u8]) -> Option<MailDate> {
    let value = slice(value, 0, value.len().min(DATE_MAX));
    let mut words = value
        .split(|byte| byte.is_ascii_whitespace() || *byte == b',')
        .filter(|word| !word.is_empty());
    let mut word = words.next()?;
    if !word.first()?.is_ascii_digit() {
        word = words.next()?;
    }
    let day = number(word).filter(|day| *day <= 31)?;
    let name = words.next()?;
    let month = MONTHS
        .iter()
        .position(|month| super::bytes::starts_with(name, month))?;
    let year = match number(words.next()?)? {
        year @ 0..=68 => year + 2000,
        year @ 69..=99 => year + 1900,
        year => year,
    };
    let mut clock = words.next()?.split(|byte| *byte == b':');
    let hour = number(clock.next()?)?;
    let minute = number(clock.next()?)?;
    let second = clock.next().map_or(Some(0), number)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let zone = words.next().unwrap_or_default();
    let date = NaiveDate::from_ymd_opt(
        i32::try_from(year).ok()?,
        u32::try_from(month).ok()? + 1,
        u32::try_from(day).ok()?,
    )?;
    let days = date.signed_duration_since(NaiveDate::from_ymd_opt(1970, 1, 1)?);
    let offset_minutes = offset(zone).or_else(|| named(zone)).unwrap_or(0);
    let seconds = days.num_days() * 86_400 + hour * 3_600 + minute * 60 + second
        - i64::from(offset_minutes) * 60;
    SECONDS.contains(&seconds).then(|| MailDate {
        seconds,
        offset_minutes,
        zone: form(value),
    })
}

/// `+0130`
fn offset(zone: &[u8]) -> Option<i32> {
    let (sign, digits) = zone.split_first()?;
    let sign = match sign {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    if !all(digits, 4, 4, u8::is_ascii_digit) {
        return None;
    }
    let digits = i32::try_from(number(digits)?).ok()?;
    Some(sign * (digits / 100 * 60 + digits % 100))
}

fn named(zone: &[u8]) -> Option<i32> {
    let hours = match zone {
        b"EDT" | b"AST" => -4,
        b"EST" | b"CDT" => -5,
        b"CST" | b"MDT" => -6,
        b"MST" | b"PDT" => -7,
        b"PST" => -8,
        b"ADT" => -3,
        _ => return None,
    };
    Some(hours * 60)
}

/// The first offset anywhere in the value, or a word for UTC.
fn form(value: &[u8]) -> Zone {
    for (at, byte) in value.iter().enumerate() {
        if !matches!(byte, b'+' | b'-') {
            continue;
        }
        let digits = slice(value, at + 1, at + 5);
        let goes_on = value
            .get(at + 5)
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if all(digits, 4, 4, u8::is_ascii_digit) && !goes_on {
            return match (byte, digits) {
                (b'+', b"0000") => Zone::PlusZero,
                (_, b"0000") => Zone::MinusZero,
                _ => Zone::Offset,
            };
        }
    }
    if value.windows(3).any(|word| word == b"GMT") || value.windows(2).any(|word| word == b"UT") {
        Zone::Word
    } else {
        Zone::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_the_forms_that_mail_has() {
        for (value, seconds, offset, zone) in [
            (
                "Wed, 24 Jul 2019 16:39:02 +0200",
                1_563_979_142,
                120,
                Zone::Offset,
            ),
            (
                "24 Jul 2019 14:39:02 +0000 (UTC)",
                1_563_979_142,
                0,
                Zone::PlusZero,
            ),
            (
                "Wed, 24 Jul 2019 14:39:02 -0000",
                1_563_979_142,
                0,
                Zone::MinusZero,
            ),
            (
                "Wed, 24 Jul 2019 14:39:02 GMT",
                1_563_979_142,
                0,
                Zone::Word,
            ),
            (
                "Wed, 24 Jul 19 10:39:02 EDT",
                1_563_979_142,
                -240,
                Zone::Unknown,
            ),
            ("Wed,  4 Jul 2019 14:39", 1_562_251_140, 0, Zone::Unknown),
        ] {
            let date = read(value.as_bytes());
            let expected = MailDate {
                seconds,
                offset_minutes: offset,
                zone,
            };
            assert_eq!(date, Some(expected), "{value}");
        }
        for value in [
            "",
            "yesterday",
            "Wed, 31 Feb 2019 16:39:02 +0200",
            "24 Jul 1019 16:39:02 +0200",
            "1 1 1 1",
            "24 Jul 999999999999999999 16:39:02 +0200",
        ] {
            assert_eq!(read(value.as_bytes()), None, "{value}");
        }
    }
}
