//! Where the subject and the text of a mail stand in an answer.

use super::header::{self, Header, HeaderKind};
use super::letter;
use super::repair::{Repair, Repairs};
use super::wording;

/// Subject and text as they stand, before anything is cleaned.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout<'a> {
    pub(super) subject: Option<std::borrow::Cow<'a, str>>,
    pub(super) body: &'a str,
}

/// How many words behind a late subject line make a mail of their own.
const LATE_MAIL_WORDS: usize = 5;

/// Longest line in bytes that is taken as a subject without standing on the line of its label.
const LOOSE_SUBJECT_MAX: usize = 120;

/// Finds subject and text. With `is_reply` a mail that stands before a subject line is kept.
pub(super) fn find<'a>(text: &'a str, is_reply: bool, repairs: &mut Repairs) -> Layout<'a> {
    let Some((before, line, after)) = subject_line(text) else {
        return without_label(text, repairs);
    };
    if is_mail(before, is_reply) && (is_reply || !has_words(after, LATE_MAIL_WORDS)) {
        repairs.note(Repair::HeaderLines);
        let subject = header::subject_of(line).filter(|value| !value.is_empty());
        return Layout {
            subject: subject.map(Into::into),
            body: without_preamble(skip_headers(before, repairs), repairs).trim(),
        };
    }
    if !before.trim().is_empty() {
        repairs.note(Repair::Preamble);
    }
    let (subject, body) = match header::subject_of(line) {
        Some("") | None => loose_subject(line, after),
        Some(value) => continued(value, after),
    };
    let body = skip_headers(body, repairs);
    Layout {
        subject,
        body: body.trim(),
    }
}

/// The first subject line, with what stands before and after it.
fn subject_line(text: &str) -> Option<(&str, &str, &str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        let is_heading = || {
            header::header_of(line).is_some_and(|h| h.kind == HeaderKind::Subject && h.is_heading)
        };
        if header::subject_of(line).is_some() || is_heading() {
            return Some((&text[..at], line, &text[end..]));
        }
        at = end;
    }
    None
}

fn has_words(text: &str, count: usize) -> bool {
    text.split_whitespace().nth(count - 1).is_some()
}

/// Whether `text` is a mail by itself: it greets or closes, or is the text of a reply.
fn is_mail(text: &str, is_reply: bool) -> bool {
    let is_letter = text.lines().any(|line| {
        letter::greeting_of(line).is_some_and(|greeting| greeting.is_whole_line)
            || letter::closing_of(line).is_some()
    });
    let words = skip_headers(text, &mut Repairs::default());
    if is_letter {
        return has_words(words, LATE_MAIL_WORDS);
    }
    is_reply && !wording::is_preamble(words.trim()) && has_words(words, 3 * LATE_MAIL_WORDS)
}

/// The subject of a label with nothing behind it: on the next line, if that stands alone.
fn loose_subject<'a>(label: &str, after: &'a str) -> (Option<std::borrow::Cow<'a, str>>, &'a str) {
    let is_heading = label.trim_start().starts_with('#');
    let candidates = if is_heading {
        after.trim_start_matches('\n')
    } else {
        after
    };
    let (line, rest) = candidates.split_once('\n').unwrap_or((candidates, ""));
    let words = line.trim();
    let stands_alone = !words.is_empty()
        && words.len() <= LOOSE_SUBJECT_MAX
        && rest.trim_start_matches([' ', '\t']).starts_with('\n')
        && !rest.trim().is_empty()
        && letter::greeting_of(words).is_none()
        && header::header_of(words).is_none();
    if stands_alone {
        (Some(words.into()), rest)
    } else {
        (None, after)
    }
}

/// A subject that goes on in small letters on the next line, before the empty line.
fn continued<'a>(value: &'a str, after: &'a str) -> (Option<std::borrow::Cow<'a, str>>, &'a str) {
    const PART_MAX: usize = 60;
    let (line, rest) = after.split_once('\n').unwrap_or((after, ""));
    let words = line.trim();
    let goes_on = words.len() <= PART_MAX
        && words.starts_with(char::is_lowercase)
        && !words.ends_with(['.', ',', ':', '!', '?', ';'])
        && rest.starts_with('\n')
        && !rest.trim().is_empty()
        && letter::greeting_of(words).is_none();
    if goes_on {
        (Some(format!("{value} {words}").into()), rest)
    } else {
        (Some(value.into()), after)
    }
}

/// `body` without the header lines at its top, other than subjects.
///
/// Fields that stand among them (`Location: …`) go too.
pub(super) fn skip_headers<'a>(body: &'a str, repairs: &mut Repairs) -> &'a str {
    let mut rest = body;
    let mut kept = body;
    let mut had_header = false;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        match header::header_of(line) {
            _ if line.trim().is_empty() => {}
            Some(Header {
                kind: HeaderKind::Subject,
                ..
            }) => break,
            Some(Header {
                kind: HeaderKind::Body,
                value,
                ..
            }) => {
                repairs.note(Repair::HeaderLines);
                // What stands behind the label is the start of the text.
                return if value.is_empty() {
                    after
                } else {
                    &rest[rest.find(value).unwrap_or(0)..]
                };
            }
            Some(_) => {
                repairs.note(Repair::HeaderLines);
                had_header = true;
                kept = after;
            }
            None if had_header && is_field(line) && !after.is_empty() => {}
            None => break,
        }
        if line.trim().is_empty() && had_header {
            // The block of headers with its fields ends here.
            kept = rest;
        }
        rest = after;
    }
    kept
}

/// Whether a line looks like a field of a form: `Location: Room 785`.
pub(super) fn is_field(line: &str) -> bool {
    const LABEL_MAX: usize = 30;
    let line = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '#'));
    let ahead = &line[..line.floor_char_boundary(LABEL_MAX)];
    let Some(at) = ahead.find(':') else {
        return false;
    };
    let label = &line[..at];
    label.split_whitespace().count() <= 3
        && label.starts_with(char::is_uppercase)
        && label
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '*' | '/'))
        && letter::greeting_of(line).is_none()
        && !letter::is_postscript(line)
}

/// An answer without any subject label.
fn without_label<'a>(text: &'a str, repairs: &mut Repairs) -> Layout<'a> {
    let body = without_preamble(skip_headers(text.trim(), repairs), repairs).trim();
    let body = skip_headers(body, repairs).trim();
    let (first, rest) = body.split_once('\n').unwrap_or((body, ""));
    let title = first.trim();
    // A title that is marked as one, and a letter below it.
    let is_title = (title.starts_with("# ")
        || title.starts_with("## ")
        || title.len() > 4 && title.starts_with("**") && title.ends_with("**"))
        && title.len() <= LOOSE_SUBJECT_MAX
        && rest.starts_with('\n')
        && !rest.trim().is_empty()
        && letter::greeting_of(title).is_none();
    if is_title {
        repairs.note(Repair::Subject);
        let value = header::unmarked(title.trim_start_matches('#'));
        return Layout {
            subject: Some(value.into()),
            body: rest.trim(),
        };
    }
    // "Re: …" on a line of its own at the top.
    let prefixed = ["re:", "fw:", "fwd:", "aw:", "rv:", "wg:", "tr:", "r:"]
        .iter()
        .any(|prefix| {
            title
                .get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        });
    if prefixed && rest.starts_with('\n') && title.len() <= LOOSE_SUBJECT_MAX {
        return Layout {
            subject: Some(title.into()),
            body: rest.trim(),
        };
    }
    Layout {
        subject: None,
        body,
    }
}

/// `text` without lines at its top that introduce the mail.
fn without_preamble<'a>(text: &'a str, repairs: &mut Repairs) -> &'a str {
    const LINES_MAX: usize = 4;
    let mut rest = text.trim_start();
    for _ in 0..LINES_MAX {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let is_separator = line.trim_end().len() >= 3
            && line
                .trim_end()
                .bytes()
                .all(|byte| matches!(byte, b'-' | b'=' | b'*' | b'_'));
        if !(wording::is_preamble(line) || is_separator) || after.trim().is_empty() {
            break;
        }
        repairs.note(Repair::Preamble);
        rest = after.trim_start();
    }
    rest
}
