//! Line ends, invisible characters, and which signs a text holds at all.

use super::header;
use crate::style::{is_invisible, strip_invisible};

/// Which of the rarer signs occur in a text, so that a step without work is skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs(u16);

impl Signs {
    /// Controls other than `\n`; tabs count, because they are blanks that nobody means.
    const CONTROL: u16 = 1;
    /// A byte that may start an invisible character.
    const RARE: u16 = 1 << 1;
    pub(super) const ANGLE: u16 = 1 << 2;
    pub(super) const AMPERSAND: u16 = 1 << 3;
    pub(super) const FENCE: u16 = 1 << 4;
    pub(super) const BRACE: u16 = 1 << 5;
    pub(super) const BRACKET: u16 = 1 << 6;
    pub(super) const BACKSLASH: u16 = 1 << 7;
    /// Signs that blanks to fill in are made of, apart from brackets.
    pub(super) const FILLER: u16 = 1 << 8;
    pub(super) const PIPE: u16 = 1 << 9;

    const OF_BYTE: [u16; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            table[byte] = match byte as u8 {
                b'\n' => 0,
                0..=0x1f | 0x7f => Self::CONTROL,
                b'<' | b'>' => Self::ANGLE,
                b'&' => Self::AMPERSAND,
                b'`' | b'~' => Self::FENCE,
                b'{' | b'}' => Self::BRACE,
                b'[' | b']' => Self::BRACKET,
                b'\\' => Self::BACKSLASH,
                b'_' | b'$' | b'%' | b'X' => Self::FILLER,
                b'|' => Self::PIPE,
                0xc2 | 0xcd | 0xd8 | 0xe1 | 0xe2 | 0xe3 | 0xef | 0xf0 | 0xf3 => Self::RARE,
                _ => 0,
            };
            byte += 1;
        }
        table
    };

    pub(super) fn of(text: &str) -> Self {
        let mut signs = 0;
        for &byte in text.as_bytes() {
            signs |= Self::OF_BYTE[usize::from(byte)];
        }
        Self(signs)
    }

    pub(super) fn any(self, signs: u16) -> bool {
        self.0 & signs != 0
    }
}

/// How many bytes of a line tell whether it is a subject line.
const LINE_START: usize = 100;

/// `text` with `\n` as its only line end and without what cannot be seen; `None` if it is so.
///
/// Other line ends become `\n`, except that a vertical tab, a form feed or a line separator inside
/// a subject line is a blank: the subject goes on behind it.
pub(super) fn clean(text: &str, signs: Signs) -> Option<String> {
    let hidden = |c: char| is_invisible(c) && c != '\n';
    if !signs.any(Signs::CONTROL | Signs::RARE) || !text.contains(hidden) {
        return None;
    }
    let is_soft_break =
        |c: char| matches!(c, '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let text = text.replace('\t', " ");
    if !text.contains(is_soft_break) {
        return Some(strip_invisible(&text));
    }
    let mut joined = String::with_capacity(text.len());
    let mut line_start = 0;
    for c in text.chars() {
        if is_soft_break(c) {
            // The start says it all; looking at all of a long line each time would not be linear.
            let line = &joined[line_start..];
            let line = line[..line.floor_char_boundary(LINE_START)].trim_start_matches('\u{feff}');
            let in_subject = header::subject_of(line).is_some_and(|value| !value.is_empty());
            joined.push(if in_subject { ' ' } else { '\n' });
        } else {
            joined.push(c);
        }
        if joined.ends_with(['\n', '\r']) {
            line_start = joined.len();
        }
    }
    Some(strip_invisible(&joined))
}

/// Whether [`clean`] took more out than line ends and tabs, which nobody calls a repair.
pub(super) fn hid_something(text: &str) -> bool {
    text.contains(|c| {
        is_invisible(c)
            && !matches!(
                c,
                '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
            )
    })
}
