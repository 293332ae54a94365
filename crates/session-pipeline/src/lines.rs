//! Complete lines of a log, in bounded memory.
//!
//! A line ends with a line feed; a carriage return before it is not part of it. What is too long, is
//! not UTF-8 or holds a NUL byte never reaches a processor: it is counted, with its position.

use std::io::{self, Read};

use memchr::memchr;

/// Longest line, in bytes: twice the largest picture that agents keep in a line of their logs
/// (5 MB in base64 is 6.7 MB).
pub const LINE_MAX: usize = 8 << 20;
/// Deepest nesting of JSON that is read; what `serde_json` allows, too.
pub const DEPTH_MAX: usize = 128;
/// What some programs begin a text file with; no part of its first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes that are read at once.
const CHUNK: usize = 1 << 20;
/// Bad lines whose positions are kept; the rest is counted.
pub const BAD_LINES_KEPT: usize = 20;

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The text, without its end.
    pub text: &'a str,
    /// Its number in the file, from 1.
    pub number: u64,
    /// Where it starts in the file, in bytes.
    pub offset: u64,
}

/// Why a line was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BadLine {
    /// Longer than [`LINE_MAX`].
    TooLong,
    /// Not UTF-8.
    InvalidUtf8,
    /// A NUL byte: usually a file system that lost what was written before a power cut.
    Nul,
    /// Nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// Not JSON.
    NotJson,
    /// JSON, but not an object.
    NotAnObject,
    /// An object with a value of the wrong type in it.
    WrongType,
    /// Not a line of this kind of log.
    Unrecognised,
    /// The file ended before the line did, and nobody writes to it any more.
    CutOff,
}

impl BadLine {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::TooLong,
        Self::InvalidUtf8,
        Self::Nul,
        Self::TooDeep,
        Self::NotJson,
        Self::NotAnObject,
        Self::WrongType,
        Self::Unrecognised,
        Self::CutOff,
    ];

    /// A few words for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::TooLong => "too long",
            Self::InvalidUtf8 => "invalid UTF-8",
            Self::Nul => "NUL byte",
            Self::TooDeep => "nested too deep",
            Self::NotJson => "not JSON",
            Self::NotAnObject => "not a JSON object",
            Self::WrongType => "a value of the wrong type",
            Self::Unrecognised => "not a line of this log",
            Self::CutOff => "cut off",
        }
    }
}

/// Which lines were skipped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BadLines {
    /// How many.
    pub count: u64,
    /// The first of them: number, offset, reason.
    pub first: Vec<(u64, u64, BadLine)>,
}

impl BadLines {
    /// Counts one.
    pub fn add(&mut self, number: u64, offset: u64, why: BadLine) {
        self.count += 1;
        if self.first.len() < BAD_LINES_KEPT {
            self.first.push((number, offset, why));
        }
    }

    /// Counts those of `other`, which come later.
    pub fn extend(&mut self, other: &Self) {
        self.count += other.count;
        let room = BAD_LINES_KEPT.saturating_sub(self.first.len());
        self.first.extend(other.first.iter().take(room));
    }
}

/// Reads a source of bytes line by line, through a buffer that is used again for the next one.
#[derive(Debug, Default)]
pub struct LineBuffer {
    bytes: Vec<u8>,
}

/// A stream of complete lines.
pub struct Lines<'a> {
    input: &'a mut dyn Read,
    buffer: &'a mut Vec<u8>,
    /// What of the buffer is filled.
    filled: usize,
    /// Where the next line starts in the buffer.
    at: usize,
    /// Up to where the buffer was searched for the end of that line.
    searched: usize,
    /// Where the next line starts in the file.
    offset: u64,
    /// The number of the last line that was given or skipped.
    number: u64,
    /// Where the line that was given last starts.
    given_offset: u64,
    /// Where the last complete line ends.
    consumed: u64,
    /// Bytes of the next line that were thrown away: it is too long.
    thrown_away: u64,
    /// The number of the line that was refused last.
    refused: u64,
    ended: bool,
    /// Stop giving lines once this offset is reached.
    until: u64,
    bad: BadLines,
    error: Option<io::Error>,
}

impl LineBuffer {
    /// The lines of `input`, which starts at `offset` of its file, after `number` lines. No line
    /// that starts at `until` or later is given.
    pub fn lines<'a>(
        &'a mut self,
        input: &'a mut dyn Read,
        offset: u64,
        number: u64,
        until: u64,
    ) -> Lines<'a> {
        Lines {
            input,
            buffer: &mut self.bytes,
            filled: 0,
            at: 0,
            searched: 0,
            offset,
            number,
            given_offset: offset,
            consumed: offset,
            thrown_away: 0,
            refused: 0,
            ended: false,
            until,
            bad: BadLines::default(),
            error: None,
        }
    }
}

impl Lines<'_> {
    /// The next line that can be read, or `None` at the end of what is there. Blank lines are not
    /// given.
    #[expect(
        clippy::should_implement_trait,
        reason = "a line borrows the buffer, which `Iterator` cannot say"
    )]
    pub fn next(&mut self) -> Option<Line<'_>> {
        let (start, end) = loop {
            if self.offset >= self.until {
                return None;
            }
            let end = self.find_end()?;
            let start = self.at;
            let length = std::mem::take(&mut self.thrown_away) + (end - start) as u64 + 1;
            self.given_offset = self.offset;
            self.at = end + 1;
            self.searched = self.at;
            self.offset += length;
            self.consumed = self.offset;
            self.number += 1;
            if length > LINE_MAX as u64 + 1 {
                self.refuse(BadLine::TooLong);
                continue;
            }
            let line = self.buffer.get(start..end)?;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let mark = if self.given_offset == 0 && line.starts_with(BYTE_ORDER_MARK) {
                BYTE_ORDER_MARK.len()
            } else {
                0
            };
            let line = line.get(mark..).unwrap_or_default();
            let start = start + mark;
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            if std::str::from_utf8(line).is_err() {
                self.refuse(BadLine::InvalidUtf8);
                continue;
            }
            if memchr(0, line).is_some() {
                self.refuse(BadLine::Nul);
                continue;
            }
            break (start, start + line.len());
        };
        let text = std::str::from_utf8(self.buffer.get(start..end)?).ok()?;
        Some(Line {
            text,
            number: self.number,
            offset: self.given_offset,
        })
    }

    /// Counts the line that was given last as bad. A line is counted once.
    pub fn refuse(&mut self, why: BadLine) {
        if self.refused != self.number {
            self.refused = self.number;
            self.bad.add(self.number, self.given_offset, why);
        }
    }

    /// Whether there is a complete line to give or to skip.
    pub(crate) fn has_more(&mut self) -> bool {
        self.offset < self.until && self.find_end().is_some()
    }

    /// Where the last complete line ends.
    pub(crate) fn consumed(&self) -> u64 {
        self.consumed
    }

    /// The number of the last complete line.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether nothing complete is left behind [`consumed`](Self::consumed), as far as was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.ended
    }

    /// Reads what was not asked for, so that it counts as read.
    pub(crate) fn drain(&mut self) {
        while self.next().is_some() {}
    }

    /// The lines that were skipped, and what went wrong with reading.
    pub(crate) fn finish(self) -> (BadLines, Option<io::Error>) {
        (self.bad, self.error)
    }

    /// The position of the next line feed, reading on as long as there is none.
    fn find_end(&mut self) -> Option<usize> {
        loop {
            let unsearched = self.buffer.get(self.searched..self.filled)?;
            if let Some(found) = memchr(b'\n', unsearched) {
                return Some(self.searched + found);
            }
            self.searched = self.filled;
            if self.ended {
                return None;
            }
            if self.filled - self.at > LINE_MAX {
                // Nothing of it will be given: forget what is there, and go on to its end.
                self.thrown_away += (self.filled - self.at) as u64;
                (self.at, self.searched, self.filled) = (0, 0, 0);
            }
            self.fill();
        }
    }

    /// Reads more, moving what is left of the buffer to its beginning.
    fn fill(&mut self) {
        if self.at > 0 {
            self.buffer.copy_within(self.at..self.filled, 0);
            self.filled -= self.at;
            self.searched -= self.at;
            self.at = 0;
        }
        if self.buffer.len() < self.filled + CHUNK {
            self.buffer.resize(self.filled + CHUNK, 0);
        }
        let room = self.buffer.get_mut(self.filled..).unwrap_or_default();
        loop {
            match self.input.read(room) {
                Ok(0) => self.ended = true,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.error = Some(error);
                    self.ended = true;
                }
            }
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives at most `at_once` bytes a read.
    struct Trickle<'a> {
        bytes: &'a [u8],
        at_once: usize,
    }

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(self.at_once).min(self.bytes.len());
            let (now, later) = self.bytes.split_at(length);
            buffer[..length].copy_from_slice(now);
            self.bytes = later;
            Ok(length)
        }
    }

    fn check(text: &[u8], expected: &[(u64, u64, &str)], bad: &[(u64, u64, BadLine)], end: u64) {
        for at_once in [1, 3, usize::MAX] {
            if text.len() > 1 << 16 && at_once < usize::MAX {
                continue;
            }
            let mut buffer = LineBuffer::default();
            let mut input = Trickle {
                bytes: text,
                at_once,
            };
            let mut lines = buffer.lines(&mut input, 0, 0, u64::MAX);
            let mut found = Vec::new();
            while let Some(line) = lines.next() {
                found.push((line.number, line.offset, line.text.to_owned()));
            }
            let expected: Vec<_> = expected
                .iter()
                .map(|(number, offset, text)| (*number, *offset, (*text).to_owned()))
                .collect();
            assert_eq!(found, expected);
            assert_eq!(lines.consumed(), end);
            assert!(lines.is_at_end());
            assert_eq!(lines.finish().0.first, bad);
        }
    }

    #[test]
    fn complete_lines_are_given_with_their_places() {
        check(b"", &[], &[], 0);
        check(b"half", &[], &[], 0);
        check(b"a\nb", &[(1, 0, "a")], &[], 2);
        check(b"a\r\n\n \t\nb\n", &[(1, 0, "a"), (4, 7, "b")], &[], 9);
        check(b"\xef\xbb\xbfa\nb\n", &[(1, 0, "a"), (2, 5, "b")], &[], 7);
    }

    #[test]
    fn lines_that_cannot_be_read_are_counted_with_their_places() {
        check(
            b"a\n\xff\n\0\nb\n",
            &[(1, 0, "a"), (4, 6, "b")],
            &[(2, 2, BadLine::InvalidUtf8), (3, 4, BadLine::Nul)],
            8,
        );
        for length in [LINE_MAX, LINE_MAX + 1, 5 * LINE_MAX] {
            let mut text = b"a\n".to_vec();
            text.resize(text.len() + length, b'x');
            text.extend_from_slice(b"\nb\n");
            let end = text.len() as u64;
            let long = "x".repeat(length);
            let first = (1, 0, "a");
            let last = (3, end - 2, "b");
            if length > LINE_MAX {
                check(&text, &[first, last], &[(2, 2, BadLine::TooLong)], end);
            } else {
                check(&text, &[first, (2, 2, &long), last], &[], end);
            }
        }
    }

    #[test]
    fn a_line_is_counted_once_however_often_it_is_refused() {
        let mut buffer = LineBuffer::default();
        let mut input: &[u8] = b"a\nb\n";
        let mut lines = buffer.lines(&mut input, 10, 4, 11);
        assert_eq!(
            lines.next().map(|line| (line.number, line.offset)),
            Some((5, 10))
        );
        lines.refuse(BadLine::NotJson);
        lines.refuse(BadLine::WrongType);
        assert_eq!(lines.next(), None);
        assert_eq!((lines.consumed(), lines.number()), (12, 5));
        assert!(!lines.is_at_end());
        assert_eq!(lines.finish().0.first, [(5, 10, BadLine::NotJson)]);
    }
}
