//! Times as servers write them.

use chrono::{FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

/// Reads `2026-11-21T16:33:27.159456Z` at the beginning of `text`: a blank may stand for the `T`,
/// fraction and zone may be left out, and the zone's colon. Returns the local time, the zone, and
/// how many bytes that was.
pub(crate) fn full(text: &str) -> Option<(NaiveDateTime, Option<FixedOffset>, usize)> {
    let bytes = text.as_bytes();
    let year = digits(bytes.get(..4)?)?;
    let (b'-', b'-') = (*bytes.get(4)?, *bytes.get(7)?) else {
        return None;
    };
    let (month, day) = (digits(bytes.get(5..7)?)?, digits(bytes.get(8..10)?)?);
    let (b'T' | b't' | b' ') = *bytes.get(10)? else {
        return None;
    };
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    let time = clock(bytes.get(11..19)?)?;
    let mut end = 19;
    let mut nanoseconds = 0;
    if let Some(b'.' | b',') = bytes.get(end) {
        let fraction = bytes.get(end + 1..)?;
        let length = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        // Beyond nanoseconds nothing is kept.
        for place in 0..9 {
            let digit = fraction.get(place).filter(|_| place < length);
            nanoseconds = nanoseconds * 10 + digit.map_or(0, |digit| u32::from(digit - b'0'));
        }
        end += 1 + length;
    }
    let offset = match bytes.get(end) {
        Some(b'Z' | b'z') => Some((FixedOffset::east_opt(0)?, 1)),
        Some(sign @ (b'+' | b'-')) => zone(*sign, bytes.get(end + 1..)?),
        _ => None,
    };
    let (offset, length) = offset.map_or((None, 0), |(offset, length)| (Some(offset), length));
    let seconds = chrono::Timelike::with_nanosecond(&time, nanoseconds)?;
    Some((date.and_time(seconds), offset, end + length))
}

/// `16:33:27`. A leap second counts as the second before it.
pub(crate) fn clock(bytes: &[u8]) -> Option<NaiveTime> {
    let [h, hh, b':', m, mm, b':', s, ss] = bytes else {
        return None;
    };
    let seconds = digits(&[*s, *ss])?;
    let seconds = if seconds == 60 { 59 } else { seconds };
    NaiveTime::from_hms_opt(digits(&[*h, *hh])?, digits(&[*m, *mm])?, seconds)
}

/// A number of nothing but digits.
pub(crate) fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0_u32, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u32::from(byte - b'0'))
    })
}

fn zone(sign: u8, rest: &[u8]) -> Option<(FixedOffset, usize)> {
    let hours = digits(rest.get(..2)?)?;
    let colon = usize::from(rest.get(2) == Some(&b':'));
    let minutes = digits(rest.get(2 + colon..4 + colon)?)?;
    let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
    let offset = if sign == b'-' { -seconds } else { seconds };
    Some((FixedOffset::east_opt(offset)?, 5 + colon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_up_to_their_end() {
        let check = |text: &str, expected: Option<(&str, Option<i32>, usize)>| {
            let found = full(text).map(|(local, offset, length)| {
                let offset = offset.map(|offset| offset.local_minus_utc());
                (local.to_string(), offset, length)
            });
            let expected =
                expected.map(|(local, offset, length)| (local.to_owned(), offset, length));
            assert_eq!(found, expected, "{text}");
        };
        check(
            "2026-11-21T16:33:27.159456Z",
            Some(("2026-11-21 16:33:27.159456", Some(0), 27)),
        );
        check(
            "2023-06-01T00:00:02.500000+0200",
            Some(("2023-06-01 00:00:02.500", Some(7200), 31)),
        );
        check(
            "2023-06-01T00:00:02-03:30 mx",
            Some(("2023-06-01 00:00:02", Some(-12600), 25)),
        );
        check(
            "2023-06-01 00:00:02 x",
            Some(("2023-06-01 00:00:02", None, 19)),
        );
        check(
            "2016-12-31T23:59:60Z",
            Some(("2016-12-31 23:59:59", Some(0), 20)),
        );
        for text in [
            "",
            "2023",
            "2023-13-01T00:00:00Z",
            "2023-06-01T24:00:00Z",
            "２023-06-01T00:00:00Z",
            "2023-06-01T00:00",
            "yesterday at around noon",
            "+023-06-01T00:00:00Z",
        ] {
            check(text, None);
        }
    }
}
