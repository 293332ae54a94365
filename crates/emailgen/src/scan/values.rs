//! What single header values, file names and lines say.

use super::bytes::{contains, find, number, slice, split_at_last_byte};
use super::decode::{TEXT_MAX, strict_base64};
use super::mailer;

/// The lines of a file.
#[derive(Default)]
pub(super) struct Lines {
    pub(super) longest: usize,
    pub(super) lf: usize,
    pub(super) crlf: usize,
}

impl Lines {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut lines = Self::default();
        let mut rest = bytes;
        while let Some(length) = find(rest, b'\n') {
            if length > 0 && rest.get(length - 1) == Some(&b'\r') {
                lines.crlf += 1;
                lines.longest = lines.longest.max(length - 1);
            } else {
                lines.lf += 1;
                lines.longest = lines.longest.max(length);
            }
            rest = slice(rest, length + 1, rest.len());
        }
        lines.longest = lines.longest.max(rest.len());
        lines
    }

    /// Adds the lines that follow.
    pub(super) fn add(&mut self, other: &Self) {
        self.longest = self.longest.max(other.longest);
        self.lf += other.lf;
        self.crlf += other.crlf;
    }

    /// Whether headers all end their lines alike, and most lines of their body do so too. Single
    /// carriage returns of a sender stay in a text.
    pub(super) fn go_with(&self, body: &Self) -> bool {
        let all_alike = self.lf == 0 || self.crlf == 0;
        let body_alike = if self.crlf > 0 {
            body.crlf >= body.lf
        } else {
            body.lf >= body.crlf
        };
        all_alike && body_alike
    }
}

/// Whether a line has more than `max` characters.
pub(super) fn longer_than(text: &str, max: usize) -> bool {
    text.split('\n')
        .any(|line| line.len() > max && line.chars().nth(max).is_some())
}

/// The address of a From line: what stands in its last angle brackets, or all of it.
pub(super) fn address(from: &[u8]) -> &[u8] {
    let Some((_, rest)) = split_at_last_byte(from, b'<') else {
        return from
            .split(|byte| *byte == b'(')
            .next()
            .unwrap_or_default()
            .trim_ascii();
    };
    let end = find(rest, b'>').unwrap_or(rest.len());
    slice(rest, 0, end).trim_ascii()
}

/// Whether a name before the address holds signs that need quotes, or bytes that need encoding.
pub(super) fn is_unescaped(from: &[u8]) -> bool {
    let end = from
        .iter()
        .position(|byte| matches!(byte, b'"' | b'<'))
        .unwrap_or(from.len());
    let is_name = from.get(end) == Some(&b'<');
    let special = |byte: &u8| matches!(byte, b',' | b';' | b'@' | b'(' | b')');
    is_name && slice(from, 0, end).iter().any(special) || !from.is_ascii()
}

/// Message-IDs in angle brackets, without blanks in them.
pub(super) fn ids(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = value;
    std::iter::from_fn(move || {
        loop {
            let start = find(rest, b'<')?;
            let inner = slice(rest, start + 1, rest.len());
            let end = inner
                .iter()
                .position(|byte| matches!(byte, b'<' | b'>') || byte.is_ascii_whitespace())?;
            let id = slice(rest, start, start + end + 2);
            let is_closed = inner.get(end) == Some(&b'>') && end > 0;
            // What opens here may close the next round.
            rest = slice(inner, end, inner.len());
            if is_closed {
                return Some(id);
            }
        }
    })
}

/// Whether Apple Mail names the same build in both headers: `Apple Mail (2.3445.9.1)` and
/// `1.0 (Mac OS X Mail 12.4 \(3445.9.1\))`.
pub(super) fn apple_builds_agree(x_mailer: &[u8], mime_version: &[u8]) -> bool {
    let last_bracket = |value| split_at_last_byte(value, b'(').map(|(_, rest)| rest);
    let (Some(program), Some(build)) = (last_bracket(x_mailer), last_bracket(mime_version)) else {
        return true;
    };
    let is_version = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    let length = build.iter().take_while(|byte| is_version(byte)).count();
    contains(program, slice(build, 0, length))
}

/// When the thread of a Thread-Index began, in Unix seconds, if it can be read.
pub(super) fn thread_start(index: &[u8]) -> Option<i64> {
    const TO_1970: i64 = 11_644_473_600;
    let index: Vec<u8> = slice(index, 0, index.len().min(TEXT_MAX))
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let bytes = strict_base64(&index)?;
    let is_whole = bytes.len() >= 22 && (bytes.len() - 22).is_multiple_of(5);
    if !is_whole || bytes.first() != Some(&1) {
        return None;
    }
    let ticks = bytes
        .iter()
        .take(6)
        .fold(0_i64, |ticks, byte| ticks << 8 | i64::from(*byte))
        << 16;
    Some(ticks / 10_000_000 - TO_1970)
}

/// Whether a file is named after a Message-ID, or its left side. Short ones agree by chance.
pub(super) fn is_named_after(file_name: &str, message_id: &[u8]) -> bool {
    const CHANCE_MAX: usize = 15;
    let unique = file_name.split([':', ',']).next().unwrap_or_default();
    let unique = unique.strip_suffix(".eml").unwrap_or(unique).as_bytes();
    let id = message_id.strip_prefix(b"<").unwrap_or(message_id);
    let id = id.strip_suffix(b">").unwrap_or(id);
    let (local, _) = mailer::sides(message_id);
    unique.len() > CHANCE_MAX && (unique == id || unique == local)
}

/// What a field such as `,S=` in a Maildir name says.
pub(super) fn size_in_name(name: &str, field: &str) -> Option<usize> {
    let unique = name.split(':').next()?;
    let digits = unique
        .split(',')
        .skip(1)
        .find_map(|part| part.strip_prefix(field))?;
    usize::try_from(number(digits.as_bytes())?).ok()
}

/// Unix seconds at the start of a Maildir name.
pub(super) fn seconds_in_name(name: &str) -> Option<i64> {
    let (digits, _) = name.split_once('.')?;
    (9..=10)
        .contains(&digits.len())
        .then(|| number(digits.as_bytes()))
        .flatten()
}
