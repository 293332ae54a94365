//! Stretches of text as they stand in transcripts, already escaped for JSON.
//!
//! What matters for the speed of a reader is how long strings are and how often something in them
//! is escaped; so lines have the lengths, the quotes, the tabs and the other alphabets of real ones.

use crate::chance::Chance;

/// Lines of each kind; a stretch starts anywhere, and goes around.
const LINES: usize = 4000;

/// Many lines of one kind.
#[derive(Debug)]
pub(crate) struct Text {
    joined: String,
    starts: Vec<usize>,
}

impl Text {
    fn new(mut line: impl FnMut(usize) -> String) -> Self {
        let (mut joined, mut starts) = (String::new(), Vec::new());
        for number in 0..LINES {
            starts.push(joined.len());
            joined.push_str(&line(number));
            joined.push_str("\\n");
        }
        Self { joined, starts }
    }

    /// Appends at least `length` bytes, in whole lines.
    pub(crate) fn write(&self, chance: &mut Chance, length: usize, out: &mut String) {
        let end = out.len() + length;
        let mut at = chance.below(LINES);
        while out.len() < end {
            let to = self
                .starts
                .get(at + 1)
                .copied()
                .unwrap_or(self.joined.len());
            out.push_str(&self.joined[self.starts[at]..to]);
            at = (at + 1) % LINES;
        }
    }
}

/// All kinds.
#[derive(Debug)]
pub(crate) struct Texts {
    /// A source file.
    pub(crate) code: Text,
    /// The same with numbers before its lines, as tools show it.
    pub(crate) numbered: Text,
    /// Paths, as searches and listings print them.
    pub(crate) listing: Text,
    /// Of compilers, tests and servers.
    pub(crate) output: Text,
    /// Of people and models.
    pub(crate) prose: Text,
}

const WORDS: [&str; 32] = [
    "config", "request", "buffer", "session", "state", "parser", "value", "error", "handler",
    "index", "user", "token", "result", "message", "node", "length", "cache", "path", "entry",
    "record", "client", "stream", "batch", "offset", "table", "query", "option", "worker", "queue",
    "field", "timeout", "header",
];
const PROSE: [&str; 40] = [
    "the",
    "the",
    "to",
    "a",
    "of",
    "and",
    "is",
    "that",
    "it",
    "in",
    "for",
    "with",
    "this",
    "we",
    "now",
    "should",
    "file",
    "test",
    "function",
    "because",
    "when",
    "first",
    "change",
    "check",
    "so",
    "not",
    "there",
    "returns",
    "fails",
    "before",
    "caf\u{e9}",
    "na\\u00efve",
    "\u{2014}",
    "\u{2192}",
    "`main.rs`",
    "\\\"yes\\\"",
    "see",
    "line",
    "update",
    "run",
];

fn words(chance: &mut Chance, of: &[&str], count: usize, between: &str) -> String {
    let mut text = String::new();
    for at in 0..count {
        if at > 0 {
            text.push_str(between);
        }
        text.push_str(of[chance.below(of.len())]);
    }
    text
}

fn code_line(chance: &mut Chance) -> String {
    let indent = ["", "    ", "        ", "            ", "\\t", "\\t\\t"];
    let indent = chance.pick(&indent);
    let mut word = |count: usize| words(chance, &WORDS, count, "_");
    match (word(1).len() + word(2).len()) % 8 {
        0 => String::new(),
        1 => format!("{indent}}}"),
        2 => format!(
            "{indent}let {} = self.{}({}, &{});",
            word(2),
            word(2),
            word(1),
            word(1)
        ),
        3 => format!("{indent}if {}.is_empty() || {} > 0 {{", word(2), word(1)),
        4 => format!(
            "{indent}println!(\\\"{}: {{:?}}\\\", {});",
            word(1),
            word(2)
        ),
        5 => format!("{indent}// {}", words(chance, &PROSE, 9, " ")),
        6 => format!(
            "{indent}pub fn {}(&self, {}: &str) -> Option<{}> {{",
            word(2),
            word(1),
            word(1)
        ),
        _ => format!("{indent}{}: \\\"{}\\\",", word(2), word(1)),
    }
}

fn path(chance: &mut Chance) -> String {
    format!(
        "src/{}/{}.rs",
        words(chance, &WORDS, 2, "/"),
        words(chance, &WORDS, 2, "_")
    )
}

fn output_line(chance: &mut Chance) -> String {
    let number = chance.below(100_000);
    let name = words(chance, &WORDS, 2, "_");
    match chance.below(5) {
        0 => format!(
            "test {name}::tests::{} ... ok",
            words(chance, &WORDS, 3, "_")
        ),
        1 => format!(
            "\\u001b[1m\\u001b[32m   Compiling\\u001b[0m {name} v0.{}.0",
            number % 40
        ),
        2 => format!("  --> {}:{}:{}", path(chance), number % 900, number % 80),
        3 => format!(
            "2026-05-12T07:{:02}:{:02}Z INFO {name}: took {number} us",
            number % 60,
            number % 59
        ),
        _ => format!("{:>8} | {}", number % 900, code_line(chance)),
    }
}

impl Texts {
    pub(crate) fn new() -> Self {
        let mut chance = Chance::of(u64::MAX);
        let chance = &mut chance;
        let listing = |_: usize, chance: &mut Chance| {
            let (number, path) = (chance.below(900), path(chance));
            match chance.below(3) {
                0 => path,
                1 => format!("{path}:{number}:{}", code_line(chance)),
                _ => format!(
                    "-rw-r--r-- 1 ana ana {:>7} May 12 07:30 {path}",
                    number * 97
                ),
            }
        };
        Self {
            code: Text::new(|_| code_line(chance)),
            numbered: Text::new(|number| {
                format!("{:>6}\u{2192}{}", number % 900 + 1, code_line(chance))
            }),
            listing: Text::new(|number| listing(number, chance)),
            output: Text::new(|_| output_line(chance)),
            prose: Text::new(|_| {
                let count = 8 + chance.below(40);
                words(chance, &PROSE, count, " ")
            }),
        }
    }
}
