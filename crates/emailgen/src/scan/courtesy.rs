//! Greetings and signatures, in the first and last lines of what somebody wrote.

use super::catalogue::Tell;
use super::new_text::is_word;

/// A text with more lines is looked at only so far from both ends.
const LINES_MAX: usize = 2_000;

/// Tells whether the prose of a text starts with a greeting or ends with regards.
pub(super) fn find(text: &str, mut found: impl FnMut(Tell)) {
    let is_written = |line: &&str| !line.trim().is_empty() && !is_machine_made(line);
    let mut lines = text.split('\n').take(LINES_MAX).filter(is_written);
    if lines.next().is_some_and(is_greeting) {
        found(Tell::HasGreetingLine);
    }
    let last = text.rsplit('\n').take(LINES_MAX).filter(is_written).take(4);
    if last.into_iter().any(is_sign_off) {
        found(Tell::HasSignoffLine);
    }
}

/// What follows `word` at the start of `text` in any case.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.get(..word.len())?;
    (start.eq_ignore_ascii_case(word) || !word.is_ascii() && start.to_lowercase() == word)
        .then(|| text.get(word.len()..))
        .flatten()
}

/// At most this many characters.
fn is_within(text: &str, max: usize) -> bool {
    text.chars().nth(max).is_none()
}

fn is_greeting(line: &str) -> bool {
    let line = line.trim();
    let end = line
        .find(|c: char| !(c.is_ascii_alphabetic() || matches!(c, 'À'..='ÿ')))
        .unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    if !word.starts_with(|c: char| c.is_ascii_alphabetic()) && word.to_lowercase() != "olá"
        || is_within(word, 1)
        || rest.starts_with(is_word)
    {
        return false;
    }
    let opens = ["hi", "hello", "hey", "dear"]
        .iter()
        .any(|opening| word.eq_ignore_ascii_case(opening));
    if opens && is_within(rest, 50) {
        return true;
    }
    let day = [" morning", " afternoon", " evening", " day"]
        .iter()
        .filter(|_| word.eq_ignore_ascii_case("good"))
        .find_map(|time| after(rest, time));
    day.unwrap_or(rest)
        .strip_suffix([',', ':', '!', '-', '–'])
        .is_some_and(|inner| is_within(inner, 40))
}

fn is_sign_off(line: &str) -> bool {
    const WORDS: &[&str] = &[
        "regards",
        "thanks",
        "wishes",
        "best",
        "cheers",
        "thank you",
        "thank",
        "thanks you",
        "thx",
        "sincerely",
        "respectfully",
        "ciao",
        "saludos",
        "cordialement",
        "mfg",
        "viele grüße",
        "mit freundlichen grüßen",
        "--",
        "br",
        "rgds",
        "take care",
        "talk soon",
        "yours",
    ];
    let line = line.trim();
    let closes = |rest: &str, last_is_word: bool| {
        // A word ends, or one starts behind the dashes.
        let boundary = rest.starts_with(is_word) != last_is_word;
        boundary && is_within(rest.strip_suffix([',', '.', '!']).unwrap_or(rest), 25)
    };
    let plain = WORDS
        .iter()
        .any(|word| after(line, word).is_some_and(|rest| closes(rest, !word.ends_with('-'))));
    plain
        || ["kind", "best", "warm", "many"].iter().any(|kind| {
            after(line, kind).is_some_and(|rest| {
                ["regards", "thanks", "wishes"].iter().any(|word| {
                    after(rest.trim_start(), word).is_some_and(|rest| closes(rest, true))
                })
            })
        })
}

/// Longest line that may be prose, in bytes; programs and logs write longer ones.
const PROSE_MAX: usize = 20_000;

/// Whether a line is code, a log or a table rather than prose.
fn is_machine_made(line: &str) -> bool {
    if line.len() > PROSE_MAX {
        return true;
    }
    let trimmed = line.trim();
    let marks = ["::", "()", "=>", "==", "->", "\\n"];
    if line.starts_with('\t')
        || trimmed.starts_with('|')
        || trimmed.ends_with(';')
        || line.contains(['{', '}'])
        || marks.iter().any(|mark| line.contains(mark))
        || line.starts_with("    ")
            && line
                .trim_start_matches(' ')
                .starts_with(|c: char| !c.is_whitespace())
    {
        return true;
    }
    let starts = ["#include", "#define", "diff ", "index ", "@@", "---", "+++"];
    if starts.iter().any(|start| after(trimmed, start).is_some()) {
        return true;
    }
    is_change(trimmed)
        || is_shell_prompt(line.trim_start())
        || is_assignment(trimmed)
        || line.contains("0x") && has_address(line)
        || line.contains("0X") && has_address(line)
        || line.contains('[') && has_level(line)
        || line.contains('.') && has_source_file(line)
        || is_mostly_signs(trimmed)
}

/// A changed line of code: `+ x;`
fn is_change(trimmed: &str) -> bool {
    let rest = trimmed.trim_start_matches(['-', '+']);
    rest.len() < trimmed.len()
        && trimmed.len() >= 3
        && trimmed
            .get(2..)
            .is_some_and(|rest| rest.contains([';', '{']))
}

fn is_shell_prompt(line: &str) -> bool {
    let end = line
        .find(|c: char| !(is_word(c) || matches!(c, '.' | '/' | '~' | '-')))
        .unwrap_or(line.len());
    let mut rest = line.get(end..).unwrap_or_default().chars();
    end > 0
        && matches!(rest.next(), Some('$' | '#'))
        && rest.next().is_some_and(char::is_whitespace)
}

fn is_assignment(trimmed: &str) -> bool {
    let rest = trimmed.trim_start_matches(is_word);
    rest.len() < trimmed.len()
        && rest
            .trim_start()
            .strip_prefix('=')
            .is_some_and(|value| !value.trim().is_empty())
}

fn has_address(line: &str) -> bool {
    line.as_bytes().windows(5).any(|window| {
        matches!(window, [b'0', b'x' | b'X', digits @ ..] if digits.iter().all(u8::is_ascii_hexdigit))
    })
}

fn has_level(line: &str) -> bool {
    line.match_indices('[').any(|(at, _)| {
        let rest = line.get(at + 1..).unwrap_or_default();
        ["info]", "error]", "warning]", "debug]", "trace]"]
            .iter()
            .any(|level| after(rest, level).is_some())
    })
}

fn has_source_file(line: &str) -> bool {
    line.match_indices('.').any(|(at, _)| {
        let rest = line.get(at + 1..).unwrap_or_default();
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        rest.get(..end).is_some_and(|name| {
            ["cpp", "hpp", "py", "c", "h", "vhd", "v", "so"]
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
        })
    })
}

/// Whether less than 72 of 100 characters are letters or spaces.
fn is_mostly_signs(trimmed: &str) -> bool {
    let (mut count, mut letters) = (0_usize, 0_usize);
    for c in trimmed.chars() {
        count += 1;
        letters += usize::from(c.is_alphabetic() || c == ' ');
    }
    count > 6 && letters * 100 < count * 72
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn courtesy_is_found_where_it_stands() {
        for (text, greeting, sign_off) in [
            ("Hi Ana,\n\nsee below.\n\nThanks,\nBen", true, true),
            ("Ana,\nsee below.\nBen", true, false),
            ("Good morning all!\nsee below", true, false),
            ("See below.\n\nBest regards\nBen", false, true),
            ("See below: it is there.\nBestowed", false, false),
            ("int x = 3;\nHi Ana", true, false),
            (
                "I think that this goes on for much longer than forty letters, does it not,",
                false,
                false,
            ),
        ] {
            let mut tells = Vec::new();
            find(text, |tell| tells.push(tell));
            assert_eq!(tells.contains(&Tell::HasGreetingLine), greeting, "{text}");
            assert_eq!(tells.contains(&Tell::HasSignoffLine), sign_off, "{text}");
        }
    }
}
