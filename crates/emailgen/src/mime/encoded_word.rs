//! Non-ASCII text in headers (RFC 2047).

use super::charset::Charset;
use super::{base64, quoted_printable};

/// Longest encoded word, its frame included (RFC 2047 §2).
const MAX_WORD: usize = 75;

/// How a mail client writes text that is not ASCII in a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EncodedWords {
    /// Character sets with their spelling, the first one that holds the text is taken. The last
    /// one is a spelling of UTF-8.
    pub(crate) charsets: &'static [(Charset, &'static str)],
    /// Which of the two encodings.
    pub(crate) encoding: WordEncoding,
}

/// Which encoding of RFC 2047 §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WordEncoding {
    /// The shorter one.
    Shorter,
    /// Always `Q`.
    Quoted,
    /// Always `B`.
    Base64,
}

impl EncodedWords {
    /// `=?UTF-8?Q?…?=` or `=?UTF-8?B?…?=`, whichever is shorter.
    pub(crate) const UTF_8: Self = Self {
        charsets: &[(Charset::Utf8, "UTF-8")],
        encoding: WordEncoding::Shorter,
    };

    fn charset(&self, text: &str) -> (Charset, &'static str) {
        self.charsets
            .iter()
            .copied()
            .find(|(charset, _)| charset.holds(text))
            .unwrap_or((Charset::Utf8, "UTF-8"))
    }
}

/// Whether `text` cannot stand in a header as it is: it holds something other than printable
/// ASCII, or would be read as an encoded word itself.
pub(crate) fn needs_encoding(text: &str) -> bool {
    text.contains("=?") || text.bytes().any(|b| !(b' '..=b'~').contains(&b))
}

/// Cuts `text` into encoded words. The first one holds at most `first_room` characters, the others
/// [`MAX_WORD`].
///
/// The Q encoding keeps to the characters that RFC 2047 §5 (3) allows in a display name, so the words
/// are right in every header. `at_spaces` prefers ends of words as cuts: some parsers put a space
/// between adjacent encoded words of a name, and there it does no harm.
pub(crate) fn encode(
    text: &str,
    style: &EncodedWords,
    first_room: usize,
    at_spaces: bool,
) -> Vec<String> {
    let (charset, label) = style.charset(text);
    let frame = label.len() + "=??Q??=".len();
    let is_short = |q: usize, bytes: usize, room: usize| match style.encoding {
        WordEncoding::Shorter => q <= room || base64_len(bytes) <= room,
        WordEncoding::Quoted => q <= room,
        WordEncoding::Base64 => base64_len(bytes) <= room,
    };
    let mut words = Vec::new();
    let mut rest = text;
    let mut room = first_room.min(MAX_WORD);
    while !rest.is_empty() {
        let payload = room.saturating_sub(frame);
        let mut end = Cut::default();
        let mut last_space = Cut::default();
        for c in rest.chars() {
            let next = end.and(c, charset);
            if !is_short(next.q_len, next.bytes, payload) {
                break;
            }
            end = next;
            if c == ' ' {
                last_space = end;
            }
        }
        if end.at == 0 {
            if room == MAX_WORD {
                break;
            }
            // Nothing fits beside what is on the line already.
            room = MAX_WORD;
            continue;
        }
        if at_spaces && end.at < rest.len() && last_space.at > 0 {
            end = last_space;
        }
        let (chunk, tail) = rest.split_at(end.at);
        let q = match style.encoding {
            WordEncoding::Shorter => end.q_len <= base64_len(end.bytes),
            WordEncoding::Quoted => true,
            WordEncoding::Base64 => false,
        };
        words.push(word(chunk, charset, label, q));
        rest = tail;
        room = MAX_WORD;
    }
    words
}

/// How much of a text goes into one word.
#[derive(Clone, Copy, Default)]
struct Cut {
    /// In octets of the text.
    at: usize,
    /// In octets of the character set.
    bytes: usize,
    /// In characters of the Q encoding.
    q_len: usize,
}

impl Cut {
    fn and(self, c: char, charset: Charset) -> Self {
        let (bytes, q_len) = match charset.byte(c) {
            Some(byte) => (1, q_cost(byte)),
            None => (c.len_utf8(), 3 * c.len_utf8()),
        };
        Self {
            at: self.at + c.len_utf8(),
            bytes: self.bytes + bytes,
            q_len: self.q_len + q_len,
        }
    }
}

fn word(chunk: &str, charset: Charset, label: &str, q: bool) -> String {
    let bytes = charset.encode(chunk).unwrap_or_default();
    let mut word = String::with_capacity(MAX_WORD);
    word.push_str("=?");
    word.push_str(label);
    word.push_str(if q { "?Q?" } else { "?B?" });
    if q {
        for &byte in bytes.iter() {
            match byte {
                b' ' => word.push('_'),
                _ if q_cost(byte) == 1 => word.push(char::from(byte)),
                _ => {
                    word.extend(quoted_printable::escaped(byte).map(char::from));
                }
            }
        }
    } else {
        word.push_str(&base64::inline(&bytes));
    }
    word.push_str("?=");
    word
}

fn q_cost(byte: u8) -> usize {
    if byte.is_ascii_alphanumeric() || b" !*+-/".contains(&byte) {
        1
    } else {
        3
    }
}

fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_encoding_wins() {
        let one = |text| encode(text, &EncodedWords::UTF_8, 75, false).join(" ");
        assert_eq!(one("José Núñez"), "=?UTF-8?B?Sm9zw6kgTsO6w7Fleg==?=");
        assert_eq!(
            one("Daniel P. Berrangé"),
            "=?UTF-8?Q?Daniel_P=2E_Berrang=C3=A9?="
        );
        assert_eq!(one("予算"), "=?UTF-8?B?5LqI566X?=");
        assert_eq!(one("=?utf-8?q?x?="), "=?UTF-8?B?PT91dGYtOD9xP3g/PQ==?=");
        assert_eq!(one("é"), "=?UTF-8?B?w6k=?=");
        assert_eq!(one("🎉🎉"), "=?UTF-8?B?8J+OifCfjok=?=");
    }

    #[test]
    fn a_smaller_character_set_is_preferred() {
        let style = EncodedWords {
            charsets: &[(Charset::Latin1, "iso-8859-1"), (Charset::Utf8, "utf-8")],
            encoding: WordEncoding::Quoted,
        };
        let one = |text| encode(text, &style, 75, false).join(" ");
        assert_eq!(one("José Núñez"), "=?iso-8859-1?Q?Jos=E9_N=FA=F1ez?=");
        assert_eq!(one("5 €"), "=?utf-8?Q?5_=E2=82=AC?=");
        let style = EncodedWords {
            charsets: &[(Charset::Utf8, "utf-8")],
            encoding: WordEncoding::Base64,
        };
        assert_eq!(encode("José", &style, 75, false), ["=?utf-8?B?Sm9zw6k=?="]);
    }

    #[test]
    fn words_stay_short_and_whole() {
        for text in [
            "é".repeat(600),
            "予算 ".repeat(200),
            "🎉".repeat(90),
            "a".repeat(300),
        ] {
            for first_room in [0, 13, 20, 66, 75, 400] {
                for word in encode(&text, &EncodedWords::UTF_8, first_room, true) {
                    assert!(word.len() <= MAX_WORD, "{word}");
                }
                assert!(encode(&text, &EncodedWords::UTF_8, first_room, false)[0].len() <= 75);
            }
        }
    }
}
