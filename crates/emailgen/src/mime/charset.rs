//! Character sets that mail clients write (RFC 2046 §4.1.2).

use std::borrow::Cow;

/// A character set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    /// US-ASCII.
    Ascii,
    /// ISO-8859-1.
    Latin1,
    /// Windows-1252: Latin-1 with typographic characters in 0x80 to 0x9f.
    Windows1252,
    /// UTF-8.
    Utf8,
}

/// Windows-1252 from 0x80 on (WHATWG Encoding, index windows-1252); unused places are controls.
const TYPOGRAPHIC: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

impl Charset {
    /// `text` in this character set; `None` when it holds something else.
    pub(crate) fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
        if text.is_ascii() || self == Self::Utf8 {
            return Some(Cow::Borrowed(text.as_bytes()));
        }
        let mut bytes = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| !byte.is_ascii()) {
            let (plain, other) = rest.split_at(at);
            bytes.extend_from_slice(plain.as_bytes());
            let mut chars = other.chars();
            bytes.push(self.byte(chars.next()?)?);
            rest = chars.as_str();
        }
        bytes.extend_from_slice(rest.as_bytes());
        Some(Cow::Owned(bytes))
    }

    /// Whether it can hold `text`.
    pub(crate) fn holds(self, text: &str) -> bool {
        text.is_ascii()
            || self == Self::Utf8
            || text
                .chars()
                .filter(|c| !c.is_ascii())
                .all(|c| self.byte(c).is_some())
    }

    /// The byte of a character in a set of one byte each.
    pub(crate) fn byte(self, c: char) -> Option<u8> {
        match self {
            Self::Ascii | Self::Utf8 => u8::try_from(c).ok().filter(u8::is_ascii),
            Self::Latin1 => u8::try_from(c)
                .ok()
                .filter(|byte| byte.is_ascii() || *byte >= 0xa0),
            Self::Windows1252 => Self::Latin1.byte(c).or_else(|| {
                let place = TYPOGRAPHIC
                    .iter()
                    .position(|&other| other == c && !c.is_control())?;
                u8::try_from(place + 0x80).ok()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_holds_its_characters() {
        assert!(Charset::Latin1.holds("José"));
        assert!(!Charset::Latin1.holds("5 €"));
        assert!(!Charset::Latin1.holds("a\u{85}b"));
        assert!(!Charset::Windows1252.holds("a\u{81}b"));
        assert_eq!(
            Charset::Windows1252.encode("5 € – José").as_deref(),
            Some(&b"5 \x80 \x96 Jos\xe9"[..])
        );
        assert_eq!(Charset::Windows1252.encode("予"), None);
        assert_eq!(Charset::Utf8.encode("é").as_deref(), Some("é".as_bytes()));
        assert!(!Charset::Ascii.holds("é"));
    }
}
