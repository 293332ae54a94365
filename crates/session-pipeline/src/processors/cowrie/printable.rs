//! Text of strangers, made harmless and short.

use std::fmt::Write as _;

/// Says that text was cut.
const CUT: char = '…';

/// `text` with everything that commands a terminal, or turns the order of letters around, written
/// as an escape; cut after `max` bytes.
///
/// The result has no control characters. A backslash stays one: it is for people to read.
pub(crate) fn printable(text: &str, max: usize) -> String {
    let mut clean = String::with_capacity(text.len().min(max));
    for letter in text.chars() {
        let before = clean.len();
        match letter {
            '\n' => clean.push_str("\\n"),
            '\r' => clean.push_str("\\r"),
            '\t' => clean.push_str("\\t"),
            _ if is_dangerous(letter) => {
                let _ = write!(clean, "\\u{{{:x}}}", u32::from(letter));
            }
            _ => clean.push(letter),
        }
        if clean.len() > max {
            clean.truncate(before);
            clean.push(CUT);
            break;
        }
    }
    clean
}

fn is_dangerous(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_commands_a_terminal() {
        let check = |text: &str, max: usize, expected: &str| {
            assert_eq!(printable(text, max), expected, "{text:?}");
        };
        check("uname -a", 100, "uname -a");
        check(
            "\u{1b}[2J\u{9b}31m\u{7f}\u{0}",
            100,
            "\\u{1b}[2J\\u{9b}31m\\u{7f}\\u{0}",
        );
        check("a\nb\tc\r", 100, "a\\nb\\tc\\r");
        check("\u{202e}gpj.exe", 100, "\\u{202e}gpj.exe");
        check("äöü", 4, "äö…");
        check("äöü", 6, "äöü");
        check("abc\u{1b}", 5, "abc…");
    }
}
