//! Non-ASCII text in headers (RFC 2047).

/// Longest encoded word, its frame included (RFC 2047 §2).
const MAX_WORD: usize = 75;

/// `=?UTF-8?Q?` and `?=`.
const FRAME: usize = 12;

/// Whether `text` cannot stand in a header as it is: it holds something other than printable
/// ASCII, or would be read as an encoded word itself.
pub(crate) fn needs_encoding(text: &str) -> bool {
    text.contains("=?") || text.bytes().any(|b| !(b' '..=b'~').contains(&b))
}

/// Cuts `text` into encoded words. The first one holds at most `first_room` characters, the others
/// [`MAX_WORD`].
///
/// Each word takes the shorter of the two encodings for what it holds, as Thunderbird does. The Q
/// encoding keeps to the characters that RFC 2047 §5 (3) allows in a display name, so the words
/// are right in every header. `at_spaces` prefers ends of words as cuts: some parsers put a space
/// between adjacent encoded words of a name, and there it does no harm.
pub(crate) fn encode(text: &str, first_room: usize, at_spaces: bool) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    let mut room = first_room.min(MAX_WORD);
    while !rest.is_empty() {
        let payload = room.saturating_sub(FRAME);
        let (mut end, mut q_len, mut last_space) = (0, 0, 0);
        for (at, c) in rest.char_indices() {
            let next = at + c.len_utf8();
            let next_q = q_len + rest[at..next].bytes().map(q_cost).sum::<usize>();
            if next_q > payload && base64_len(next) > payload {
                break;
            }
            (end, q_len) = (next, next_q);
            if c == ' ' {
                last_space = end;
            }
        }
        if end == 0 {
            if room == MAX_WORD {
                break;
            }
            // Nothing fits beside what is on the line already.
            room = MAX_WORD;
            continue;
        }
        if at_spaces && end < rest.len() && last_space > 0 {
            end = last_space;
            q_len = rest[..end].bytes().map(q_cost).sum();
        }
        let (chunk, tail) = rest.split_at(end);
        words.push(word(chunk, q_len <= base64_len(end)));
        rest = tail;
        room = MAX_WORD;
    }
    words
}

fn word(chunk: &str, q: bool) -> String {
    let mut word = String::with_capacity(MAX_WORD);
    word.push_str(if q { "=?UTF-8?Q?" } else { "=?UTF-8?B?" });
    if q {
        for byte in chunk.bytes() {
            match byte {
                b' ' => word.push('_'),
                _ if q_cost(byte) == 1 => word.push(char::from(byte)),
                _ => {
                    word.push('=');
                    word.push(hex(byte >> 4));
                    word.push(hex(byte & 15));
                }
            }
        }
    } else {
        base64(chunk.as_bytes(), &mut word);
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

fn hex(nibble: u8) -> char {
    char::from(b"0123456789ABCDEF"[usize::from(nibble)])
}

fn base64(bytes: &[u8], out: &mut String) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for chunk in bytes.chunks(3) {
        let group = chunk
            .iter()
            .chain([0, 0].iter())
            .take(3)
            .fold(0_u32, |group, &byte| group << 8 | u32::from(byte));
        for place in 0..4 {
            if place <= chunk.len() {
                let index = group >> (18 - 6 * place) & 63;
                out.push(char::from(ALPHABET[index as usize]));
            } else {
                out.push('=');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_encoding_wins() {
        let one = |text| encode(text, 75, false).join(" ");
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
    fn words_stay_short_and_whole() {
        for text in [
            "é".repeat(600),
            "予算 ".repeat(200),
            "🎉".repeat(90),
            "a".repeat(300),
        ] {
            for first_room in [0, 13, 20, 66, 75, 400] {
                for word in encode(&text, first_room, true) {
                    assert!(word.len() <= MAX_WORD, "{word}");
                }
                assert!(encode(&text, first_room, false)[0].len() <= 75);
            }
        }
    }
}
