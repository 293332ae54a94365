//! `format=flowed` text (RFC 3676): paragraphs that the reader's window wraps.

use std::borrow::Cow;

/// Column at which Thunderbird wraps (`mailnews.wraplength`), the space at the end of the line not
/// counted. RFC 3676 §4.2 would allow 78, but then lines of 73 to 78 characters, which no
/// Thunderbird sends, would tell.
pub(crate) const WRAP_AT: usize = 72;

/// The separator before a signature (RFC 3676 §4.3). Never flows, and keeps its space.
pub(crate) const SIGNATURE_SEPARATOR: &str = "-- ";

/// A line of a message as the writer sees it, unwrapped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// How many people deep it is quoted.
    pub(crate) depth: usize,
    /// What it says, without quote marks.
    pub(crate) text: Cow<'a, str>,
}

impl<'a> Line<'a> {
    /// A line that nobody is quoted in.
    pub(crate) fn own(text: &'a str) -> Self {
        Self {
            depth: 0,
            text: Cow::Borrowed(text),
        }
    }

    /// [`own`](Line::own), of text made just now.
    pub(crate) fn made(text: String) -> Self {
        Self {
            depth: 0,
            text: Cow::Owned(text),
        }
    }

    /// Appends the line with its quote marks, as a reader shows it.
    pub(crate) fn render(&self, out: &mut String) {
        out.extend(std::iter::repeat_n('>', self.depth));
        if self.depth > 0 && !self.text.is_empty() {
            out.push(' ');
        }
        out.push_str(&self.text);
    }

    /// The columns it takes, its quote marks included.
    pub(crate) fn width(&self) -> usize {
        let marks = if self.depth == 0 { 0 } else { self.depth + 1 };
        marks + width(&self.text)
    }

    /// Whether RFC 3676 §4.4 wants a space in front of it that is not part of the text.
    fn needs_stuffing(&self) -> bool {
        self.depth == 0 && needs_stuffing(&self.text)
    }
}

/// How a client that does not flow its text marks quoted lines, and where it breaks lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Marks {
    /// One level of a quote, but the innermost.
    pub(crate) outer: &'static str,
    /// The innermost level.
    pub(crate) inner: &'static str,
    /// The innermost level in front of an empty line.
    pub(crate) empty: &'static str,
    /// Most columns of a line of the writer's own.
    pub(crate) own: usize,
    /// Most columns of a quoted line, its marks not counted.
    pub(crate) quoted: usize,
}

/// Whether `lines` are better sent as fixed text (no `format` parameter).
///
/// That is so when something would have to be stuffed and nothing is long enough to flow: pasted
/// logs, code, indented lists. A reader that knows nothing of `format=flowed` then sees exactly
/// what was written, and the bytes are those of a Thunderbird whose user has flowed text off.
pub(crate) fn is_better_fixed(lines: &[Line<'_>]) -> bool {
    lines.iter().any(Line::needs_stuffing) && lines.iter().all(|line| line.width() <= WRAP_AT)
}

/// The lines with their quote marks, one after the other: what the reader sees.
pub(crate) fn render(lines: &[Line<'_>]) -> String {
    let mut out = String::with_capacity(lines.iter().map(|line| line.text.len() + 8).sum());
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        line.render(&mut out);
    }
    out
}

/// The lines as `format=flowed` text with `\n` line ends.
///
/// A line up to [`WRAP_AT`] stays as it is. A longer one is broken after a space, which stays at
/// the end of its line and says that the next one belongs to it. A word that is too long by
/// itself is left whole.
pub(crate) fn encode(lines: &[Line<'_>]) -> String {
    let mut out = String::with_capacity(lines.iter().map(|line| line.text.len() + 16).sum());
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        encode_line(line, &mut out);
    }
    out
}

/// The lines broken at spaces so that none is wider than `column`, quote marks included, with `\n`
/// line ends. The spaces at a break go; a word that is too long by itself is left whole.
pub(crate) fn wrap_at(lines: &[Line<'_>], column: usize) -> String {
    let mut out = String::with_capacity(lines.iter().map(|line| line.text.len() + 16).sum());
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if line.width() <= column {
            line.render(&mut out);
            continue;
        }
        let marks = if line.depth == 0 { 0 } else { line.depth + 1 };
        let mut rest: &str = &line.text;
        loop {
            let end = break_at(rest, column.saturating_sub(marks).max(20));
            let (piece, tail) = rest.split_at(end);
            let last = tail.is_empty();
            let piece = if last {
                piece
            } else {
                piece.trim_end_matches(' ')
            };
            out.extend(std::iter::repeat_n('>', line.depth));
            if line.depth > 0 && !piece.is_empty() {
                out.push(' ');
            }
            out.push_str(piece);
            if last {
                break;
            }
            out.push('\n');
            rest = tail;
        }
    }
    out
}

/// As [`wrap_at`], with the marks and the columns of one client.
pub(crate) fn wrap_marked(lines: &[Line<'_>], marks: &Marks) -> String {
    let mut out = String::with_capacity(lines.iter().map(|line| line.text.len() + 16).sum());
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let column = if line.depth == 0 {
            marks.own
        } else {
            marks.quoted
        };
        let mut rest: &str = &line.text;
        loop {
            let (piece, tail) = rest.split_at(break_unlike_a_quote(rest, column));
            let piece = if tail.is_empty() {
                piece
            } else {
                piece.trim_end_matches(' ')
            };
            if line.depth > 0 {
                out.extend(std::iter::repeat_n(marks.outer, line.depth - 1));
                out.push_str(if piece.is_empty() {
                    marks.empty
                } else {
                    marks.inner
                });
            }
            out.push_str(piece);
            if tail.is_empty() {
                break;
            }
            out.push('\n');
            rest = tail;
        }
    }
    out
}

fn encode_line(line: &Line<'_>, out: &mut String) {
    let text: &str = &line.text;
    let text = if text == SIGNATURE_SEPARATOR {
        text
    } else {
        text.trim_end_matches(' ')
    };
    if text.is_empty() {
        out.extend(std::iter::repeat_n('>', line.depth));
        return;
    }
    let marks = if line.depth == 0 { 0 } else { line.depth + 1 };
    let mut rest = text;
    loop {
        out.extend(std::iter::repeat_n('>', line.depth));
        if line.depth > 0 || needs_stuffing(rest) {
            out.push(' ');
        }
        let end = break_at(rest, WRAP_AT.saturating_sub(marks).max(20));
        let (piece, tail) = rest.split_at(end);
        out.push_str(piece);
        if tail.is_empty() {
            return;
        }
        out.push('\n');
        rest = tail;
    }
}

/// Where the first physical line of `text` ends, in octets: behind the spaces after the last word
/// that fits, or behind the first word when not even that one does.
fn break_at(text: &str, room: usize) -> usize {
    if text.len() <= room {
        return text.len();
    }
    let (mut at, mut column, mut best) = (0, 0, None);
    for word in text.split_inclusive(' ') {
        let bare = word.trim_end_matches(' ');
        // A lone space belongs to the run that ends the word before: it never starts a line.
        if !bare.is_empty() && column + width(bare) > room && best.is_some() {
            break;
        }
        column += width(word);
        at += word.len();
        let next_starts_with_space = text[at..].starts_with(' ');
        // A line that is just `-- ` would be read as the separator of a signature.
        if word.ends_with(' ') && !next_starts_with_space && &text[..at] != SIGNATURE_SEPARATOR {
            best = Some(at);
        }
    }
    if column <= room && at == text.len() {
        return at;
    }
    best.filter(|&at| at < text.len()).unwrap_or(text.len())
}

/// As [`break_at`], earlier when the next line would start with a quote mark.
fn break_unlike_a_quote(text: &str, room: usize) -> usize {
    let mut end = break_at(text, room);
    while text[end..].starts_with('>') {
        let shorter = width(text[..end].trim_end_matches(' ')).saturating_sub(1);
        let earlier = break_at(text, shorter);
        if earlier >= end {
            break;
        }
        end = earlier;
    }
    end
}

fn needs_stuffing(text: &str) -> bool {
    text.starts_with([' ', '>']) || text.starts_with("From ")
}

fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.chars().count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 3676 §4.1, for the tests: text as a reader that knows `format=flowed` shows it.
    fn decode(encoded: &str) -> String {
        let mut lines: Vec<Line<'static>> = Vec::new();
        let mut open = false;
        for physical in encoded.split('\n') {
            let content = physical.trim_start_matches('>');
            let depth = physical.len() - content.len();
            let content = content.strip_prefix(' ').unwrap_or(content);
            let flows = content.ends_with(' ') && content != SIGNATURE_SEPARATOR;
            match lines.last_mut() {
                Some(last) if open && last.depth == depth && content != SIGNATURE_SEPARATOR => {
                    last.text.to_mut().push_str(content);
                }
                _ => lines.push(Line {
                    depth,
                    text: Cow::Owned(content.to_owned()),
                }),
            }
            open = flows;
        }
        render(&lines)
    }

    fn lines(text: &str) -> Vec<Line<'_>> {
        text.split('\n').map(Line::own).collect()
    }

    #[test]
    fn long_lines_flow_and_others_stay() {
        let text = "short\n\nThe quick brown fox jumps over the lazy dog and then it comes back to do it all again.";
        assert_eq!(
            encode(&lines(text)),
            "short\n\nThe quick brown fox jumps over the lazy dog and then it comes back to do \nit all again."
        );
    }

    #[test]
    fn stuffs_only_what_needs_it() {
        let text = "From here\n >x\n>y\n.\n--\n-- \nfrom x\nFrom:";
        assert_eq!(
            encode(&lines(text)),
            " From here\n  >x\n >y\n.\n--\n-- \nfrom x\nFrom:"
        );
    }

    #[test]
    fn clients_have_marks_of_their_own() {
        let marks = Marks {
            outer: ">",
            inner: "> ",
            empty: "> ",
            own: 9,
            quoted: 12,
        };
        let line = |depth, text: &'static str| Line {
            depth,
            text: text.into(),
        };
        let lines = [
            line(0, "one two three"),
            line(0, "a figure > 5"),
            line(1, ""),
            line(2, "four five six"),
        ];
        assert_eq!(
            wrap_marked(&lines, &marks),
            "one two\nthree\na\nfigure >\n5\n> \n>> four five\n>> six"
        );
    }

    #[test]
    fn quotes_keep_their_depth() {
        let lines = [
            Line {
                depth: 2,
                text: "a".into(),
            },
            Line {
                depth: 1,
                text: "".into(),
            },
            Line {
                depth: 1,
                text: "word ".repeat(20).into(),
            },
        ];
        assert_eq!(
            encode(&lines),
            format!(
                ">> a\n>\n> {}\n> {}",
                "word ".repeat(14),
                "word ".repeat(6).trim_end()
            )
        );
    }

    proptest! {
        #[test]
        fn decoding_gives_the_text_back(
            texts in prop::collection::vec((0..4_usize, "([ >a-]|From |-- |é|[a-z]{1,30} | {1,3}|x{80}){0,40}"), 0..12),
        ) {
            let lines: Vec<Line<'_>> = texts
                .iter()
                .map(|(depth, text)| Line {
                    depth: *depth,
                    text: if text == SIGNATURE_SEPARATOR { text.as_str() } else { text.trim_end_matches(' ') }.into(),
                })
                .collect();
            prop_assert_eq!(decode(&encode(&lines)), render(&lines));
        }
    }
}
