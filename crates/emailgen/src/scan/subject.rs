//! Encoded words, reply prefixes, and what a subject says without them.

use std::borrow::Cow;

use super::bytes::{find, slice, starts_with};
use super::decode::{base64, quoted_printable, text};

/// Longest header value that is decoded.
const VALUE_MAX: usize = 16 << 10;

/// An encoded word at the start of `bytes`: charset, whether base64, data, length.
fn encoded_word(bytes: &[u8]) -> Option<(&[u8], bool, &[u8], usize)> {
    let rest = bytes.strip_prefix(b"=?")?;
    let charset = slice(rest, 0, find(rest, b'?')?);
    let after = slice(rest, charset.len() + 1, rest.len());
    let is_base64 = match after.first()? {
        b'b' | b'B' => true,
        b'q' | b'Q' => false,
        _ => return None,
    };
    let data = after.get(1..)?.strip_prefix(b"?")?;
    let mut end = 0;
    loop {
        end += find(slice(data, end, data.len()), b'?')?;
        if data.get(end + 1) == Some(&b'=') {
            break;
        }
        end += 1;
    }
    let length = 2 + charset.len() + 1 + 2 + end + 2;
    Some((charset, is_base64, slice(data, 0, end), length))
}

/// A header value without folding and encoded words.
pub(super) fn decoded(value: &[u8]) -> Cow<'_, str> {
    let value = slice(value, 0, value.len().min(VALUE_MAX));
    if find(value, b'\n').is_none() && !has_encoded_word(value) {
        return String::from_utf8_lossy(value);
    }
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    let mut after_word = false;
    while !rest.is_empty() {
        if let Some((charset, is_base64, data, length)) = encoded_word(rest) {
            let data = if is_base64 {
                Cow::Owned(base64(data))
            } else {
                let blanks: Vec<u8> = data
                    .iter()
                    .map(|byte| if *byte == b'_' { b' ' } else { *byte })
                    .collect();
                Cow::Owned(quoted_printable(&blanks).into_owned())
            };
            out.push_str(&text(&data, charset));
            rest = slice(rest, length, rest.len());
            after_word = true;
            continue;
        }
        let blanks = rest.len() - rest.trim_ascii_start().len();
        let ahead = slice(rest, blanks, rest.len());
        if blanks > 0 && after_word && encoded_word(ahead).is_some() {
            rest = ahead;
            continue;
        }
        after_word = false;
        let next = find(slice(rest, 1, rest.len()), b'=').map_or(rest.len(), |at| at + 1);
        // Blanks before a word that is encoded may have to go.
        let end = if next < rest.len() { next } else { rest.len() };
        out.push_str(&String::from_utf8_lossy(slice(rest, 0, end)));
        rest = slice(rest, end, rest.len());
    }
    Cow::Owned(out)
}

fn has_encoded_word(value: &[u8]) -> bool {
    value.windows(2).any(|signs| signs == b"=?")
}

/// Whether a value holds the start of an encoded word that cannot be read: cut, with blanks in it,
/// or with what is not in its alphabet.
pub(super) fn has_malformed_word(value: &[u8]) -> bool {
    let value = slice(value, 0, value.len().min(VALUE_MAX));
    let mut rest = value;
    while let Some(at) = rest.windows(2).position(|signs| signs == b"=?") {
        rest = slice(rest, at, rest.len());
        let Some((charset, is_base64, data, length)) = encoded_word(rest) else {
            // Only what names a charset and an encoding was meant as one.
            let named = [
                &b"=?utf-8?"[..],
                b"=?iso-8859-",
                b"=?windows-125",
                b"=?us-ascii?",
            ];
            if named.iter().any(|start| starts_with(rest, start)) {
                return true;
            }
            rest = slice(rest, 2, rest.len());
            continue;
        };
        let data_is_sound = if is_base64 {
            super::decode::strict_base64(data).is_some()
        } else {
            data.iter().all(u8::is_ascii_graphic)
        };
        if charset.is_empty() || !data_is_sound {
            return true;
        }
        rest = slice(rest, length, rest.len());
    }
    false
}

const REPLY_PREFIXES: &[&str] = &[
    "re", "aw", "sv", "vs", "odp", "antw", "ref", "rv", "r", "ynt", "回复", "答复", "返信", "bls",
];

const FORWARD_PREFIXES: &[&str] = &[
    "fw", "fwd", "wg", "tr", "rv", "enc", "vb", "vl", "pd", "i", "转发",
];

/// What stands behind a prefix of `words`, if one opens the subject.
fn behind<'a>(subject: &'a str, words: &[&str], numbered: bool) -> Option<&'a str> {
    let subject = subject.trim_start();
    let end = subject
        .find(|c: char| !c.is_alphabetic())
        .unwrap_or(subject.len());
    let (word, rest) = subject.split_at_checked(end)?;
    // No prefix is longer than four letters.
    if word.chars().nth(4).is_some() {
        return None;
    }
    let folded = word.to_lowercase();
    if !words.contains(&folded.as_str()) {
        return None;
    }
    let mut rest = rest.trim_start();
    if numbered && let Some(inner) = rest.strip_prefix('[') {
        let digits = inner.trim_start_matches(|c: char| c.is_numeric());
        if digits.len() < inner.len() {
            rest = digits.strip_prefix(']')?.trim_start();
        }
    }
    rest.strip_prefix([':', '：']).map(str::trim_start)
}

/// Whether a prefix says that it answers.
pub(super) fn is_reply(subject: &str) -> bool {
    behind(subject, REPLY_PREFIXES, true).is_some()
}

/// Whether a prefix says that it passes a mail on.
pub(super) fn is_forward(subject: &str) -> bool {
    behind(subject, FORWARD_PREFIXES, false).is_some()
}

/// The subject without any prefix, in lower case.
pub(super) fn base(subject: &str) -> String {
    let mut rest = subject;
    while let Some(behind) =
        behind(rest, REPLY_PREFIXES, true).or_else(|| behind(rest, FORWARD_PREFIXES, false))
    {
        rest = behind;
    }
    rest.to_lowercase().trim().to_owned()
}

/// Whether at least three words start with a letter, and all with a capital.
pub(super) fn is_title_case(subject: &str) -> bool {
    let mut rest = subject;
    while let Some(behind) = behind_english(rest) {
        rest = behind;
    }
    let mut words = 0;
    for word in rest.split_whitespace() {
        match word.chars().next() {
            Some(first) if first.is_uppercase() => words += 1,
            Some(first) if first.is_alphabetic() => return false,
            _ => {}
        }
    }
    words >= 3
}

fn behind_english(subject: &str) -> Option<&str> {
    ["re:", "fwd:", "fw:"].iter().find_map(|prefix| {
        let start = subject.get(..prefix.len())?;
        start
            .eq_ignore_ascii_case(prefix)
            .then(|| subject[prefix.len()..].trim_start())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_decoded() {
        for (value, expected) in [
            ("Plain", "Plain"),
            ("=?utf-8?b?w5Z0emk=?= trip", "Ötzi trip"),
            ("=?UTF-8?Q?a_=C3=A9?=\n =?UTF-8?Q?b?=", "a éb"),
            ("Re: =?iso-8859-1?Q?=E9t=E9?=", "Re: été"),
            ("1 =? 2 = 3", "1 =? 2 = 3"),
        ] {
            assert_eq!(decoded(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn malformed_words_are_seen() {
        for (value, malformed) in [
            ("=?utf-8?b?w5Z0emk=?=", false),
            ("=?utf-8?b?w5Z0emk?=", true),
            ("=?utf-8?q?a b?=", true),
            ("=?utf-8?q?a", true),
            ("what =?", false),
        ] {
            assert_eq!(has_malformed_word(value.as_bytes()), malformed, "{value}");
        }
    }

    #[test]
    fn prefixes_are_taken_off() {
        assert!(is_reply("RE: x") && is_reply("Aw[2]: x") && is_reply("回复：x"));
        assert!(!is_reply("Regarding: x") && !is_reply("Re x") && is_forward("Fwd: x"));
        assert_eq!(base("Re: FW: AW : The Plan "), "the plan");
        assert!(is_title_case("Re: The Big Plan") && !is_title_case("The big Plan"));
        assert!(!is_title_case("The Plan"));
    }
}
