//! One line of Cowrie's JSON log.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use crate::json;
use crate::lines::BadLine;
use crate::processors::cowrie::stamp;

/// Longest session id that is believed; Cowrie's have 12 digits.
const SESSION_MAX: usize = 64;

/// What a line says, as far as anybody asks. Cowrie writes dozens of other fields.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Row<'a> {
    #[serde(borrow)]
    pub(crate) eventid: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) session: Option<Text<'a>>,
    #[serde(borrow)]
    timestamp: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) src_ip: Option<Text<'a>>,
    pub(crate) src_port: Option<u32>,
    #[serde(borrow)]
    pub(crate) dst_ip: Option<Text<'a>>,
    /// In a tunnel's line the client chose it: 32 bits.
    pub(crate) dst_port: Option<u32>,
    #[serde(borrow)]
    pub(crate) protocol: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) sensor: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) version: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) hassh: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) username: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) password: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) input: Option<Text<'a>>,
    /// Which program asked for the input, if it was not the shell.
    #[serde(borrow)]
    pub(crate) realm: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) url: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) shasum: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) filename: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) destfile: Option<Text<'a>>,
    duration: Option<Seconds>,
    duration_ms: Option<Seconds>,
}

/// A line that belongs to a session.
#[derive(Debug)]
pub(crate) struct SessionRow<'a> {
    pub(crate) row: Row<'a>,
    pub(crate) at: DateTime<Utc>,
}

/// Reads a line. `None`: Cowrie speaks of itself, and not of a session.
pub(crate) fn read(line: &str) -> Result<Option<SessionRow<'_>>, BadLine> {
    let row: Row<'_> = json::object(line)?;
    if row.eventid().is_empty() {
        return Err(BadLine::Unrecognised);
    }
    match row.session() {
        "" => return Ok(None),
        session if session.len() > SESSION_MAX => return Err(BadLine::Unrecognised),
        _ => {}
    }
    let stamp = row.timestamp.as_ref().and_then(|text| stamp::full(&text.0));
    let (local, offset, _) = stamp.ok_or(BadLine::WrongType)?;
    // Versions that left the zone out wrote UTC.
    let offset = offset.map_or(0, |offset| offset.local_minus_utc());
    let at = local
        .checked_sub_signed(chrono::TimeDelta::seconds(offset.into()))
        .ok_or(BadLine::WrongType)?
        .and_utc();
    Ok(Some(SessionRow { row, at }))
}

impl Row<'_> {
    pub(crate) fn eventid(&self) -> &str {
        text(&self.eventid)
    }

    pub(crate) fn session(&self) -> &str {
        text(&self.session)
    }

    /// The attacker's address. A tunnel's line is no witness of it: up to version 2, `src_ip` there
    /// is what the client said.
    pub(crate) fn address(&self) -> Option<&str> {
        if self.eventid().starts_with("cowrie.direct-tcpip") {
            return None;
        }
        self.src_ip.as_ref().map(|address| &*address.0)
    }

    /// How long the session lasted, in seconds, to the millisecond.
    pub(crate) fn duration(&self) -> Option<f64> {
        let milliseconds = match (&self.duration_ms, &self.duration) {
            (Some(milliseconds), _) => milliseconds.0?,
            (None, Some(seconds)) => seconds.0? * 1000.0,
            (None, None) => return None,
        };
        Some(milliseconds.round() / 1000.0)
    }
}

/// The text, or an empty one.
pub(crate) fn text<'r>(field: &'r Option<Text<'_>>) -> &'r str {
    field.as_ref().map_or("", |text| &text.0)
}

/// Text that borrows from the line where it can. Halves of surrogate pairs, which JSON can write
/// and Unicode has no place for, are replaced: an attacker could make any line unreadable with one.
#[derive(Debug)]
pub(crate) struct Text<'a>(pub(in crate::processors) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;

        impl<'de> Visitor<'de> for AsText {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(Text(String::from_utf8_lossy(bytes)))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(
                    String::from_utf8_lossy(bytes).into_owned(),
                )))
            }
        }

        deserializer.deserialize_bytes(AsText)
    }
}

/// A number, or a string that is one; `None` for what is no length of time.
#[derive(Debug)]
struct Seconds(Option<f64>);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsSeconds;

        impl Visitor<'_> for AsSeconds {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or a string with one")
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Seconds, E> {
                let is_length = number.is_finite() && (0.0..=1e12).contains(&number);
                Ok(Seconds(is_length.then_some(number)))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Seconds, E> {
                self.visit_f64(number as f64)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Seconds, E> {
                self.visit_f64(number as f64)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Seconds, E> {
                match text.trim().parse() {
                    Ok(number) => self.visit_f64(number),
                    Err(_) => Ok(Seconds(None)),
                }
            }
        }

        deserializer.deserialize_any(AsSeconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fields: &str) -> String {
        format!(
            "{{\"eventid\":\"cowrie.x\",\"session\":\"s\",\
             \"timestamp\":\"2026-11-21T16:33:27.159456Z\"{fields}}}"
        )
    }

    #[test]
    fn durations_of_every_version_are_read() {
        let check = |fields: &str, expected: Option<f64>| {
            let line = line(fields);
            let found = read(&line).unwrap().unwrap().row.duration();
            assert_eq!(found, expected, "{fields}");
        };
        check("", None);
        check(",\"duration\":3.051718", Some(3.052));
        check(",\"duration\":\"3.1\"", Some(3.1));
        check(",\"duration\":7", Some(7.0));
        check(",\"duration_ms\":302", Some(0.302));
        check(",\"duration\":null", None);
        check(",\"duration\":-1", None);
        check(",\"duration\":\"NaN\"", None);
        check(",\"duration\":\"inf\"", None);
        check(",\"duration\":\"long\"", None);
    }

    #[test]
    fn text_borrows_and_survives_half_a_pair() {
        let plain = line(",\"input\":\"uname -a\"");
        let row = read(&plain).unwrap().unwrap().row;
        assert!(matches!(row.input, Some(Text(Cow::Borrowed("uname -a")))));
        let broken = line(",\"input\":\"a\\ud800b\"");
        let row = read(&broken).unwrap().unwrap().row;
        assert!(text(&row.input).starts_with("a\u{fffd}"));
    }

    #[test]
    fn bad_lines_say_why() {
        let check = |text: &str, expected: BadLine| {
            assert_eq!(read(text).err(), Some(expected), "{text}");
        };
        check("[]", BadLine::NotAnObject);
        check("{}", BadLine::Unrecognised);
        check(&line(",\"input\":[1]"), BadLine::WrongType);
        check(&line(",\"src_port\":-1"), BadLine::WrongType);
        check("{\"eventid\":\"x\",\"session\":\"s\"}", BadLine::WrongType);
        let long = "s".repeat(65);
        check(
            &format!("{{\"eventid\":\"x\",\"session\":\"{long}\"}}"),
            BadLine::Unrecognised,
        );
        assert!(read("{\"eventid\":\"cowrie.x\"}").unwrap().is_none());
    }
}
