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

use super::dice::Dice;

/// One script, as ranges of its text.
#[derive(Debug)]
pub(crate) struct Script {
    /// Name in the text.
    pub(crate) id: &'static str,
    /// What the thread is about; `*` suits any topic.
    pub(crate) topic: &'static str,
    /// Alternatives of the subject.
    pub(crate) subject: &'static str,
    /// Sentences of each mail.
    pub(crate) mails: Vec<Vec<&'static str>>,
}

/// Every script of a text, with what is wrong with it.
pub(crate) fn parse(text: &'static str) -> (Vec<Script>, Vec<String>) {
    let mut scripts: Vec<Script> = Vec::new();
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        let mut fault = |what: &str| faults.push(format!("line {}: {what}: {line}", number + 1));
        if line.is_empty() || line.starts_with("# ") {
            continue;
        }
        if let Some(id) = line.strip_prefix("## ") {
            let id = id.split_whitespace().next().unwrap_or_default();
            scripts.push(Script {
                id,
                topic: "",
                subject: "",
                mails: Vec::new(),
            });
            continue;
        }
        let Some(script) = scripts.last_mut() else {
            fault("text before the first script");
            continue;
        };
        if let Some(topic) = line.strip_prefix("topic:") {
            script.topic = topic.trim();
        } else if let Some(subject) = line.strip_prefix("subject:") {
            script.subject = subject.trim();
        } else if let Some(mail) = line.strip_suffix(':').and_then(|n| n.parse::<usize>().ok()) {
            if mail != script.mails.len() + 1 {
                fault("mails out of order");
            }
            script.mails.push(Vec::new());
        } else if let Some(sentences) = script.mails.last_mut() {
            sentences.push(line);
        } else {
            fault("a sentence outside a mail");
        }
    }
    scripts.retain(|script| {
        let complete =
            !script.topic.is_empty() && !script.subject.is_empty() && script.mails.len() > 1;
        if !complete {
            faults.push(format!("script {} is not complete", script.id));
        }
        complete
    });
    (scripts, faults)
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

    #[test]
    fn a_script_is_read() {
        let (scripts, faults) = parse(
            "## one  a note\ntopic: the thing\nsubject: thing | Thing\n1:\nHi. | Hello.\n-\n* Yes?\n2:\nNo.\n",
        );
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(scripts[0].id, "one");
        assert_eq!(
            scripts[0].mails,
            [vec!["Hi. | Hello.", "-", "* Yes?"], vec!["No."]]
        );
        let (scripts, faults) = parse("x\n## two\n2:\n");
        assert!(scripts.is_empty());
        assert_eq!(faults.len(), 3);
    }
}
