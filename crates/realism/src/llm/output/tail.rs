//! Where a mail ends, and what does not belong to it: quotes, header lines, notes, a second mail.

use super::header::{self, Header, HeaderKind};
use super::layout;
use super::letter;
use super::repair::{Repair, Repairs};
use super::wording;

/// How many words make a mail that may end at a line of dashes.
const WHOLE_WORDS: usize = 5;

/// `body` up to its end, without what does not belong to it; `None` if all of it does.
pub(super) fn trim(body: &str, repairs: &mut Repairs) -> Option<String> {
    let lines: Vec<&str> = body.lines().collect();
    let mut kept: Vec<std::borrow::Cow<'_, str>> = Vec::new();
    let mut words = 0;
    let mut changed = false;
    let mut index = 0;
    while index < lines.len() {
        let line = lines[index];
        match step(&lines, index, words) {
            Step::Keep => {
                if words < WHOLE_WORDS {
                    words += line.split_whitespace().take(WHOLE_WORDS).count();
                }
                kept.push(line.into());
            }
            Step::Item => {
                repairs.note(Repair::Details);
                changed = true;
                kept.push(
                    format!(
                        "- {}",
                        line.trim_start_matches(['*', '_', '#', '`', '"', ' '])
                    )
                    .into(),
                );
            }
            Step::Drop(repair) => {
                repairs.note(repair);
                changed = true;
            }
            Step::End(repair) => {
                repairs.note(repair);
                changed = true;
                break;
            }
        }
        if is_end_of_letter(&lines, index) {
            let end = after_closing(&lines, index, &mut kept);
            if end < lines.len() {
                repairs.note(Repair::Trailer);
                changed = true;
            }
            break;
        }
        index += 1;
    }
    changed.then(|| kept.join("\n"))
}

/// What becomes of a line.
enum Step {
    Keep,
    /// It stays as an item of a list, because it reads like a header line.
    Item,
    Drop(Repair),
    /// It and all that follows go.
    End(Repair),
}

fn step(lines: &[&str], index: usize, words: usize) -> Step {
    let line = lines[index];
    let start = line.trim_start();
    let Some(&first) = start.as_bytes().first() else {
        return Step::Keep;
    };
    let is_whole = words >= WHOLE_WORDS;
    match first {
        b'>' => return Step::Drop(Repair::Quote),
        b'-' | b'_' | b'=' | b'*' | b'#' | b'~' | b'[' | b'(' | b'<' => {
            if is_quote_mark(start) {
                return if is_whole {
                    Step::End(Repair::Quote)
                } else {
                    Step::Drop(Repair::Quote)
                };
            }
            if wording::says_end(line) {
                return if is_whole {
                    Step::End(Repair::Trailer)
                } else {
                    Step::Drop(Repair::Trailer)
                };
            }
            if is_separator(line) {
                return separator(lines, index, is_whole, line);
            }
        }
        _ => {}
    }
    if is_attribution(lines, index) {
        return if is_whole {
            Step::End(Repair::Quote)
        } else {
            Step::Drop(Repair::Quote)
        };
    }
    if let Some(header) = header::header_of(line) {
        return header_line(lines, index, is_whole, header);
    }
    let starts_paragraph = index == 0 || lines[index - 1].trim().is_empty();
    if is_whole
        && (wording::starts_another(line) || starts_paragraph && is_closing_remark(lines, index))
    {
        return Step::End(Repair::Trailer);
    }
    if is_whole && wording::says_end(line) {
        return Step::End(Repair::Trailer);
    }
    Step::Keep
}

fn header_line(lines: &[&str], index: usize, is_whole: bool, header: Header<'_>) -> Step {
    let neighbour = |at: usize| lines.get(at).and_then(|line| header::header_of(line));
    let in_block = neighbour(index + 1).is_some() || index > 0 && neighbour(index - 1).is_some();
    match header.kind {
        HeaderKind::Subject if is_whole => Step::End(Repair::Trailer),
        HeaderKind::Date if !in_block && !header.value.is_empty() => Step::Item,
        HeaderKind::Address | HeaderKind::Date if in_block && is_whole => Step::End(Repair::Quote),
        _ => Step::Drop(Repair::HeaderLines),
    }
}

/// Whether the paragraph at `index` speaks about the mail, and nothing of a mail follows it.
fn is_closing_remark(lines: &[&str], index: usize) -> bool {
    const LINES_MAX: usize = 12;
    wording::is_remark(lines[index])
        && !lines[index..]
            .iter()
            .take(LINES_MAX)
            .any(|line| letter::closing_of(line).is_some_and(|closing| !closing.is_weak))
}

fn is_separator(line: &str) -> bool {
    let line = line.trim();
    let mut signs = line.chars().filter(|c| *c != ' ');
    let first = signs.next();
    matches!(first, Some('-' | '_' | '=' | '*' | '~' | '#'))
        && line.len() >= 2
        && (line.len() >= 3 || line == "--")
        && signs.all(|c| Some(c) == first)
}

/// A line of dashes ends a mail, unless the mail goes on behind it.
fn separator(lines: &[&str], index: usize, is_whole: bool, line: &str) -> Step {
    const AHEAD: usize = 40;
    let goes_on = lines[index + 1..]
        .iter()
        .take(AHEAD)
        .any(|line| letter::closing_of(line).is_some_and(|closing| !closing.is_weak));
    let follows_greeting = lines[index + 1..]
        .iter()
        .find(|line| !line.trim().is_empty())
        .is_some_and(|line| {
            letter::greeting_of(line).is_some() || header::header_of(line).is_some()
        });
    if is_whole && (!goes_on || follows_greeting || line.trim() == "--") {
        Step::End(Repair::Trailer)
    } else {
        Step::Drop(Repair::Trailer)
    }
}

fn is_quote_mark(line: &str) -> bool {
    let words = line.trim_matches(|c: char| matches!(c, '-' | '_' | '=' | '*' | ' ' | '>' | ':'));
    if words.len() > 40 || line.len() < words.len() + 4 {
        return false;
    }
    let words = words.to_lowercase();
    [
        "original message",
        "forwarded message",
        "mensaje original",
        "mensaje reenviado",
        "ursprüngliche nachricht",
        "weitergeleitete nachricht",
        "originalnachricht",
        "message d'origine",
        "message original",
        "message transféré",
        "messaggio originale",
        "messaggio inoltrato",
        "mensagem original",
        "mensagem encaminhada",
        "begin forwarded message",
        "reply above this line",
    ]
    .iter()
    .any(|mark| words == *mark)
}

/// Whether a line, or it and the next, say who wrote what is quoted below.
fn is_attribution(lines: &[&str], index: usize) -> bool {
    const LENGTH_MAX: usize = 200;
    const STARTS: [&str; 9] = [
        "On ", "El ", "Am ", "Le ", "Il ", "Em ", "Op ", "Den ", "W dniu ",
    ];
    let line = lines[index].trim();
    if !line.starts_with(['O', 'E', 'A', 'L', 'I', 'D', 'W']) {
        return false;
    }
    if !STARTS.iter().any(|start| line.starts_with(start)) || line.len() > LENGTH_MAX {
        return false;
    }
    let has_digit = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
    let ends = |line: &str| {
        let line = line.trim_end_matches([' ', '*']);
        [
            "wrote:",
            "escribió:",
            "schrieb:",
            "a écrit :",
            "a écrit:",
            "ha scritto:",
            "escreveu:",
            "schreef:",
            "skrev:",
            "napisał:",
            "wrote :",
        ]
        .iter()
        .any(|end| line.ends_with(end))
    };
    let german = line.starts_with("Am ") && line.contains(" schrieb ") && line.ends_with(':');
    let next = lines.get(index + 1).map_or("", |next| next.trim());
    ends(line)
        || german
        || has_digit(line) && next.len() <= LENGTH_MAX && !line.ends_with('.') && ends(next)
}

/// Whether the letter closes with the line at `index`.
fn is_end_of_letter(lines: &[&str], index: usize) -> bool {
    let Some(closing) = letter::closing_of(lines[index]) else {
        return false;
    };
    if !closing.name.is_empty() {
        return true;
    }
    let mut rest = lines[index + 1..]
        .iter()
        .filter(|line| !line.trim().is_empty());
    let Some(next) = rest.next() else {
        return true;
    };
    // A closing over a name; over the first lines of a signature; or at the end of all.
    letter::is_name(next)
        || letter::is_postscript(next)
        || !closing.is_weak
            && (letter::is_signature_line(next) || wording::is_remark(next) || is_separator(next))
        || letter::closing_of(next).is_some_and(|next| !next.is_weak)
            && rest.next().is_none_or(|name| letter::is_name(name))
}

/// Takes the lines behind a closing over that belong to the letter: a name, a short signature, a
/// postscript. Gives the first line that does not.
fn after_closing<'a>(
    lines: &[&'a str],
    closing: usize,
    kept: &mut Vec<std::borrow::Cow<'a, str>>,
) -> usize {
    const SIGNATURE_MAX: usize = 5;
    let mut taken = 0;
    let mut index = closing + 1;
    let mut postscript = false;
    let mut gap = false;
    while let Some(&line) = lines.get(index) {
        let words = line.trim();
        if words.is_empty() {
            gap |= taken > 0;
            postscript = false;
        } else if starts_something_else(lines, index) {
            break;
        } else if letter::is_postscript(words) || postscript {
            postscript = true;
        } else {
            let is_again = lines[closing + 1..index]
                .iter()
                .any(|earlier| earlier.trim() == words);
            let is_signature = letter::is_signature_line(words);
            let stops = is_again
                || taken >= SIGNATURE_MAX
                || (gap || taken > 0) && wording::is_remark(words)
                || words.starts_with('(')
                // Behind a name and an empty line only more of a signature follows.
                || gap && !(is_signature && is_short(words))
                || taken == 0 && !is_signature && letter::closing_of(words).is_none();
            if stops {
                break;
            }
            taken += 1;
        }
        kept.push(line.into());
        index += 1;
    }
    // Blank lines at the end are no repair.
    if lines[index..].iter().all(|line| line.trim().is_empty()) {
        return lines.len();
    }
    index
}

/// Whether a line behind the end of a letter starts a quote, a second mail or a turn.
fn starts_something_else(lines: &[&str], index: usize) -> bool {
    let words = lines[index].trim();
    let greets = || letter::greeting_of(words).is_some_and(|greeting| greeting.is_whole_line);
    words.starts_with('>')
        || header::header_of(words).is_some()
        || is_separator(words)
        || is_quote_mark(words)
        || is_attribution(lines, index)
        || wording::says_end(words)
        || wording::starts_another(words)
        || greets()
}

/// Whether a line may be one of a signature that stands apart from the name: no field, few words.
fn is_short(words: &str) -> bool {
    const WORDS_MAX: usize = 6;
    !layout::is_field(words) && words.split_whitespace().count() <= WORDS_MAX
}
