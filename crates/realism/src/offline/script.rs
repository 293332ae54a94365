//! Scripts: everyday situations between two colleagues, told mail by mail.
//!
//! A script text has scripts, each a line `## id`, then `topic:` (a phrase, or `*` for a script
//! that suits any topic), `subject:` (alternatives), and the mails, each a line `1:`, `2:`, … with
//! one sentence a line below it. In a sentence
//!
//! - ` | ` separates alternatives,
//! - `[a|b|]` is a choice, possibly of nothing,
//! - `(a~b)` is `a` between equals and `b` in a polite register,
//! - `{slot}` is a [fact](super::facts) that stays the same along the thread,
//! - `* ` at the start makes the sentence optional; `-` alone starts a new paragraph.
//!
//! Mails alternate between the two, so mail 2 answers mail 1 whatever alternatives were drawn.
//!
//! The build script reads the texts and leaves tables of ranges: nothing is parsed at run time.

use super::dice::{Dice, stable_hash};
use crate::language::Pack;

#[cfg(test)]
mod parse;

/// A range: of bytes in the text, of lines, or of mails.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span(pub(crate) u32, pub(crate) u32);

impl Span {
    fn range(self) -> std::ops::Range<usize> {
        self.0 as usize..self.1 as usize
    }
}

/// What the build script knows about one script.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) id: Span,
    pub(crate) topic: Span,
    pub(crate) subject: Span,
    /// Slots of the subject, one bit each, in the order of `SLOTS`.
    pub(crate) in_subject: u64,
    pub(crate) mails: Span,
}

/// The scripts of a language, as tables that the build script wrote.
#[derive(Debug)]
pub(crate) struct Book {
    /// All sentences.
    pub(crate) text: &'static str,
    pub(crate) rows: &'static [Row],
    /// Lines of each mail.
    pub(crate) mails: &'static [Span],
    /// Bytes of each line.
    pub(crate) lines: &'static [Span],
}

impl Book {
    /// Every script, in the order of the texts.
    pub(crate) fn scripts(&'static self) -> impl Iterator<Item = Script> + Clone {
        self.rows.iter().map(move |row| Script { book: self, row })
    }

    /// A script without any mail.
    pub(crate) fn blank(&'static self) -> Script {
        static BLANK: Row = Row {
            id: Span(0, 0),
            topic: Span(0, 0),
            subject: Span(0, 0),
            in_subject: 0,
            mails: Span(0, 0),
        };
        Script {
            book: self,
            row: &BLANK,
        }
    }

    fn text(&self, span: Span) -> &'static str {
        self.text.get(span.range()).unwrap_or_default()
    }
}

/// One script of a book.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Script {
    book: &'static Book,
    row: &'static Row,
}

impl Script {
    /// Name in the text.
    pub(crate) fn id(self) -> &'static str {
        self.book.text(self.row.id)
    }

    /// What the thread is about; `*` suits any topic.
    pub(crate) fn topic(self) -> &'static str {
        self.book.text(self.row.topic)
    }

    /// Alternatives of the subject.
    pub(crate) fn subject(self) -> &'static str {
        self.book.text(self.row.subject)
    }

    /// Slots of the subject, one bit each, in the order of `SLOTS`.
    pub(crate) fn in_subject(self) -> u64 {
        self.row.in_subject
    }

    /// Everything that it may say, its subject included.
    pub(crate) fn texts(self) -> impl Iterator<Item = &'static str> {
        let mails = self.book.mails.get(self.row.mails.range());
        let lines = mails.unwrap_or_default().iter().filter_map(move |mail| {
            let lines = self.book.lines.get(mail.range())?;
            Some(lines.iter().map(move |line| self.book.text(*line)))
        });
        std::iter::once(self.subject()).chain(lines.flatten())
    }

    /// How many mails it has.
    #[cfg(test)]
    pub(crate) fn mail_count(self) -> usize {
        self.row.mails.range().len()
    }

    /// Sentences of a mail, the first of which is 0; `None` beyond the last.
    pub(crate) fn mail(self, index: usize) -> Option<impl Iterator<Item = &'static str> + Clone> {
        let mails = self.book.mails.get(self.row.mails.range())?;
        let lines = self.book.lines.get(mails.get(index)?.range())?;
        Some(lines.iter().map(move |line| self.book.text(*line)))
    }
}

/// The script of a topic; a topic that is the operator's own gets one that suits any.
pub(crate) fn script_of(pack: &'static Pack, topic: &str) -> Script {
    if let Some(script) = pack.book.scripts().find(|script| script.topic() == topic) {
        return script;
    }
    let mut any = pack.book.scripts().filter(|script| script.topic() == "*");
    let mut dice = Dice::new(stable_hash(&[topic, "script"]));
    let chosen = dice.below(any.clone().count());
    any.nth(chosen).unwrap_or_else(|| pack.book.blank())
}

/// Alternatives of a line.
pub(crate) fn alternatives(line: &'static str) -> impl Iterator<Item = &'static str> {
    line.split(" | ").map(str::trim)
}

/// One of the alternatives.
pub(crate) fn draw(line: &'static str, dice: &mut Dice) -> &'static str {
    let count = alternatives(line).count();
    alternatives(line)
        .nth(dice.below(count))
        .unwrap_or_default()
}

/// Fills choices, registers and slots of one alternative.
pub(crate) fn expand(
    alternative: &str,
    polite: bool,
    dice: &mut Dice,
    fill: &mut dyn FnMut(&str) -> Option<String>,
) -> String {
    let mut out = String::with_capacity(alternative.len() + 16);
    let mut rest = alternative;
    while let Some(at) = rest.find(['[', '(', '{']) {
        out.push_str(&rest[..at]);
        let open = rest.as_bytes()[at];
        let close = match open {
            b'[' => ']',
            b'(' => ')',
            _ => '}',
        };
        let inner = &rest[at + 1..];
        let Some(end) = closing(inner, char::from(open), close) else {
            out.push_str(&rest[at..]);
            return out;
        };
        let body = &inner[..end];
        match open {
            b'[' => {
                let choices: Vec<&str> = split_outside(body, '|');
                let chosen = choices
                    .get(dice.below(choices.len()))
                    .copied()
                    .unwrap_or_default();
                out.push_str(&expand(chosen, polite, dice, fill));
            }
            b'(' => match body.split_once('~') {
                Some((equal, formal)) => {
                    let chosen = if polite { formal } else { equal };
                    out.push_str(&expand(chosen, polite, dice, fill));
                }
                None => {
                    out.push('(');
                    out.push_str(&expand(body, polite, dice, fill));
                    out.push(')');
                }
            },
            _ => match fill(body) {
                Some(value) => out.push_str(&value),
                None => out.push_str(body),
            },
        }
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    out
}

/// Where the bracket that was opened before `text` closes.
fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if c == close {
            if depth == 0 {
                return Some(at);
            }
            depth -= 1;
        } else if c == open {
            depth += 1;
        }
    }
    None
}

/// Parts of `text` between `mark`s that stand in no bracket.
fn split_outside(text: &str, mark: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '[' | '(' | '{' => depth += 1,
            ']' | ')' | '}' => depth = depth.saturating_sub(1),
            c if c == mark && depth == 0 => {
                parts.push(&text[start..at]);
                start = at + mark.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, polite: bool, expected: &[&str]) {
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..64 {
            let mut dice = Dice::new(seed);
            seen.insert(expand(text, polite, &mut dice, &mut |slot| {
                (slot == "name").then(|| "Ana".to_owned())
            }));
        }
        let expected: std::collections::BTreeSet<String> =
            expected.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(seen, expected);
    }

    #[test]
    fn choices_registers_and_slots_are_filled() {
        check("a [b|c|]d", false, &["a bd", "a cd", "a d"]);
        check("(tú~usted) y {name}", false, &["tú y Ana"]);
        check("(tú~usted) y {name}", true, &["usted y Ana"]);
        check("[({name}~x)|y]", false, &["Ana", "y"]);
        check("(no register)", false, &["(no register)"]);
        check("open [a|b", false, &["open [a|b"]);
    }
}
