//! Hostile text, made harmless: one line, bounded, and nothing that drives a terminal.

use serde::Serialize;

/// Stands where text was cut.
const CUT: char = '…';

/// Control characters, and format characters that reorder or hide text.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// Text on one line of at most `most` bytes: line breaks and tabs become a space, what a terminal
/// might act on `�`, and what is cut ends in `…`.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    for c in text.chars() {
        line.push(match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_unsafe(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        });
        if line.len() > most {
            return cut(&line, most);
        }
    }
    line
}

/// The start of a text that is longer than `most` bytes, with `…` for the rest.
fn cut(text: &str, most: usize) -> String {
    let room = most.saturating_sub(CUT.len_utf8());
    let mut short = text[..text.floor_char_boundary(room)].to_owned();
    if most >= CUT.len_utf8() {
        short.push(CUT);
    }
    short
}

/// As much of a text as takes at most `most` bytes between the quotes of JSON, with `…` for the
/// rest.
pub(crate) fn cut_for_json(text: &str, most: usize) -> String {
    if quoted_len(text) <= most {
        return text.to_owned();
    }
    let room = most.saturating_sub(CUT.len_utf8());
    let mut short = String::new();
    let mut length = 0;
    let mut buffer = [0; 4];
    for c in text.chars() {
        length += quoted_len(c.encode_utf8(&mut buffer));
        if length > room {
            break;
        }
        short.push(c);
    }
    short.push(CUT);
    short
}

/// Bytes that a text takes between the quotes of JSON.
fn quoted_len(text: &str) -> usize {
    json(&text).len().saturating_sub(2)
}

/// A value as JSON on one line, in which every control and format character is escaped, those too
/// that JSON would let through.
pub(crate) fn json(value: &impl Serialize) -> String {
    // Plain data with string keys: serialising it cannot fail.
    let written = serde_json::to_string(value).unwrap_or_default();
    if !written.contains(is_unsafe) {
        return written;
    }
    // What is left of them stands inside strings; all lie in the basic plane.
    let mut escaped = String::with_capacity(written.len());
    for c in written.chars() {
        if is_unsafe(c) {
            escaped.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_bounded_and_harmless() {
        assert_eq!(
            one_line("a\r\nb\u{1b}[2J\u{202e}", 64),
            "a  b\u{fffd}[2J\u{fffd}"
        );
        assert_eq!(one_line("ñandú", 7), "ñandú");
        assert_eq!(one_line("ñandú", 6), "ña…");
        assert_eq!(one_line("abc", 1), "");
    }

    #[test]
    fn json_escapes_what_serde_lets_through() {
        assert_eq!(
            json(&"a\u{7f}\u{85}\u{2028}\n"),
            r#""a\u007f\u0085\u2028\n""#
        );
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_bounds(text in ".{0,200}", most in 3_usize..100) {
            let line = one_line(&text, most);
            prop_assert!(line.len() <= most);
            prop_assert!(!line.contains(is_unsafe));
            prop_assert_eq!(one_line(&line, most), line);
            let short = cut_for_json(&text, most);
            prop_assert!(quoted_len(&short) <= most);
            prop_assert_eq!(cut_for_json(&short, most), short);
        }

        #[test]
        fn json_stays_the_same_value(text in any::<String>()) {
            let written = json(&text);
            prop_assert!(!written.contains(is_unsafe));
            prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
    }
}
