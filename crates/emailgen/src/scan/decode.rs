//! From the bytes of a part to its text.

use std::borrow::Cow;

use super::bytes::{find, slice};
use super::reader::Part;

/// More of a part than this is not read.
pub(super) const TEXT_MAX: usize = 1 << 20;

/// The bytes of a part without its transfer encoding, at most [`TEXT_MAX`] of what is there.
pub(super) fn payload<'a>(part: &Part<'a>) -> Cow<'a, [u8]> {
    let body = slice(part.body, 0, part.body.len().min(TEXT_MAX));
    if part.encoding.eq_ignore_ascii_case(b"quoted-printable") {
        quoted_printable(body)
    } else if part.encoding.eq_ignore_ascii_case(b"base64") {
        Cow::Owned(base64(body))
    } else {
        Cow::Borrowed(body)
    }
}

/// Text of a payload, with lines that end in LF.
pub(super) fn text<'a>(payload: &'a [u8], charset: &[u8]) -> Cow<'a, str> {
    let charset = charset.trim_ascii();
    let is = |name: &[u8]| charset.eq_ignore_ascii_case(name);
    let text = if payload.is_ascii() {
        String::from_utf8_lossy(payload)
    } else if is(b"us-ascii") || is(b"ascii") {
        single_bytes(payload, |_| char::REPLACEMENT_CHARACTER)
    } else if is(b"windows-1252") || is(b"cp1252") {
        single_bytes(payload, windows_1252)
    } else if super::bytes::starts_with(charset, b"iso-8859-") || is(b"latin1") {
        single_bytes(payload, char::from)
    } else {
        String::from_utf8_lossy(payload)
    };
    if find(payload, b'\r').is_none() {
        return text;
    }
    Cow::Owned(text.replace('\r', ""))
}

fn single_bytes(payload: &[u8], high: fn(u8) -> char) -> Cow<'static, str> {
    let chars = payload.iter().map(|byte| {
        if byte.is_ascii() {
            char::from(*byte)
        } else {
            high(*byte)
        }
    });
    Cow::Owned(chars.collect())
}

fn windows_1252(byte: u8) -> char {
    const HIGH: &str = "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ";
    match byte {
        0x80..=0x9f => HIGH
            .chars()
            .nth(usize::from(byte - 0x80))
            .unwrap_or(char::REPLACEMENT_CHARACTER),
        byte => char::from(byte),
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Reads quoted-printable, and leaves what is none as it is.
pub(super) fn quoted_printable(body: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = find(body, b'=') else {
        return Cow::Borrowed(body);
    };
    let mut out = Vec::with_capacity(body.len());
    let (clean, mut rest) = body.split_at(first);
    out.extend_from_slice(clean);
    while let Some((_, after)) = rest.split_first() {
        rest = match after {
            [b'\n', after @ ..] | [b'\r', b'\n', after @ ..] => after,
            [high, low, after_code @ ..] => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    after_code
                }
                _ => {
                    out.push(b'=');
                    after
                }
            },
            _ => {
                out.push(b'=');
                after
            }
        };
        let next = find(rest, b'=').unwrap_or(rest.len());
        let (clean, more) = rest.split_at(next.min(rest.len()));
        out.extend_from_slice(clean);
        rest = more;
    }
    Cow::Owned(out)
}

/// Six bits of a sign of base64, or none.
fn sextet(sign: u8) -> Option<u32> {
    let value = match sign {
        b'A'..=b'Z' => sign - b'A',
        b'a'..=b'z' => sign - b'a' + 26,
        b'0'..=b'9' => sign - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

/// Reads base64 and passes over what is none.
pub(super) fn base64(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0);
    for sign in body {
        let Some(six) = sextet(*sign) else {
            continue;
        };
        bits = bits << 6 | six;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    out
}

/// Reads base64 that must be nothing else: whole groups, padded.
pub(super) fn strict_base64(text: &[u8]) -> Option<Vec<u8>> {
    let padding = text.iter().rev().take_while(|sign| **sign == b'=').count();
    let signs = slice(text, 0, text.len() - padding.min(text.len()));
    let is_whole = text.len().is_multiple_of(4) && padding <= 2;
    (is_whole && signs.iter().all(|sign| sextet(*sign).is_some())).then(|| base64(signs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_read_tolerantly() {
        assert_eq!(
            &*quoted_printable(b"a=C3=A9b=\nc=\r\nd=zz=3"),
            "a\u{e9}bcd=zz=3".as_bytes()
        );
        assert_eq!(base64(b"aGVs\r\nbG8="), b"hello");
        assert_eq!(strict_base64(b"aGVsbG8="), Some(b"hello".to_vec()));
        assert_eq!(strict_base64(b"aGVsbG8"), None);
        assert_eq!(strict_base64(b"===="), None);
        assert_eq!(text(b"\x93a\x94\r\n", b"Windows-1252"), "“a”\n");
        assert_eq!(text(b"\xe9", b"iso-8859-1"), "é");
        assert_eq!(text(b"\xe9", b"us-ascii"), "\u{fffd}");
        assert_eq!(text("é".as_bytes(), b"utf-8"), "é");
    }
}
