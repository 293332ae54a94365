//! What of the parent an answer or a forward carries, and the block of headers above it.

use chrono::{DateTime, FixedOffset};

use super::words::Words;
use crate::message::{Mailbox, ParentMessage};
use crate::mime::flowed::{Line, SIGNATURE_SEPARATOR, WRAP_AT};
use crate::mime::header::collapse;

/// Deepest quote that is kept. What is older has been trimmed by somebody on the way.
const MAX_DEPTH: usize = 4;

/// Deepest quote where nobody trims.
const MAX_UNTRIMMED_DEPTH: usize = 12;

/// Most lines of one quote, as wrapped on the screen.
const MAX_LINES: usize = 200;

/// Most lines of history below an answer.
const MAX_HISTORY_LINES: usize = 400;

/// Most octets of history below an answer, so that a thread's text stays far below what is read of
/// a parent (`check::MAX_TEXT_BYTES`) however long it gets.
const MAX_HISTORY_BYTES: usize = 64 * 1024;

/// How much of a parent somebody leaves in a reply: a habit of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// As it is, signatures and older quotes too: a program that hides what is quoted.
    Untrimmed,
    /// All of it, older quotes too.
    Everything,
    /// What the parent's author wrote, without older quotes.
    NewestAuthor,
    /// The end of what the parent's author wrote: about that many lines.
    LastLines(usize),
}

/// The quoted lines of a reply, each one level deeper than in the parent. Empty when the parent
/// has no text.
pub(super) fn quote(parent_text: &str, habit: Habit) -> Vec<Line<'_>> {
    if habit == Habit::Untrimmed {
        let mut lines = kept(parent_text);
        lines.retain(|line| line.depth < MAX_UNTRIMMED_DEPTH);
        for line in &mut lines {
            line.depth += 1;
        }
        trim_ends(&mut lines);
        return lines;
    }
    let mut raw: Vec<&str> = parent_text.split('\n').collect();
    // The parent's signature is left out, as Thunderbird and most others do.
    if let Some(at) = raw.iter().rposition(|&line| line == SIGNATURE_SEPARATOR) {
        raw.truncate(at);
    }
    let mut lines: Vec<Line<'_>> = raw.into_iter().map(parse).collect();
    if habit != Habit::Everything {
        lines = newest_author(lines);
    }
    lines.retain(|line| line.depth < MAX_DEPTH);
    for line in &mut lines {
        line.depth += 1;
    }
    trim(&mut lines);
    let limit = match habit {
        Habit::LastLines(limit) => limit,
        Habit::Untrimmed | Habit::Everything | Habit::NewestAuthor => MAX_LINES,
    };
    keep_last(&mut lines, limit);
    trim(&mut lines);
    lines
}

/// The lines of the parent as they are, without marks: the history below an answer in Outlook.
pub(super) fn untouched(parent_text: &str) -> Vec<Line<'_>> {
    let mut used = 0;
    let mut lines: Vec<Line<'_>> = parent_text
        .split('\n')
        .take(MAX_HISTORY_LINES)
        .take_while(|line| {
            used += line.len() + 1;
            used <= MAX_HISTORY_BYTES
        })
        .map(Line::own)
        .collect();
    trim(&mut lines);
    lines
}

/// The lines of the parent with the levels that they have, its signature too: what is passed on.
pub(super) fn whole(parent_text: &str) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = parent_text
        .split('\n')
        .take(MAX_HISTORY_LINES)
        .map(parse)
        .filter(|line| line.depth < MAX_DEPTH)
        .collect();
    trim(&mut lines);
    lines
}

/// [`whole`], with every level and every empty line inside.
pub(super) fn kept(parent_text: &str) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = parent_text
        .split('\n')
        .take(MAX_HISTORY_LINES)
        .map(parse)
        .collect();
    trim_ends(&mut lines);
    lines
}

/// The labels of a block of headers in a language: of author, date, recipients, copies, subject.
pub(super) struct Labels {
    pub(super) from: &'static str,
    pub(super) sent: &'static str,
    pub(super) to: &'static str,
    pub(super) cc: &'static str,
    pub(super) subject: &'static str,
}

impl Labels {
    /// As Outlook on a desktop writes them, which says in some languages `sent on`.
    pub(super) fn of_desktop(words: Words) -> Self {
        let labels = Self::of(words);
        let (sent, cc) = match words {
            Words::Spanish => ("Enviado el", "CC"),
            Words::Portuguese => ("Enviada em", "Cc"),
            _ => (labels.sent, labels.cc),
        };
        Self { sent, cc, ..labels }
    }

    /// As Outlook on the web and on phones writes them.
    pub(super) fn of(words: Words) -> Self {
        let [from, sent, to, cc, subject] = match words {
            Words::English | Words::American => ["From", "Sent", "To", "Cc", "Subject"],
            Words::Spanish => ["De", "Enviado", "Para", "Cc", "Asunto"],
            Words::German => ["Von", "Gesendet", "An", "Cc", "Betreff"],
            // French has a space before a colon, and it must not break.
            Words::French => [
                "De\u{a0}",
                "Envoyé\u{a0}",
                "À\u{a0}",
                "Cc\u{a0}",
                "Objet\u{a0}",
            ],
            Words::Italian => ["Da", "Inviato", "A", "Cc", "Oggetto"],
            Words::Portuguese => ["De", "Enviado", "Para", "Cc", "Assunto"],
            Words::Dutch => ["Van", "Verzonden", "Aan", "CC", "Onderwerp"],
        };
        Self {
            from,
            sent,
            to,
            cc,
            subject,
        }
    }
}

/// The parent's headers as label and value, in the order of Outlook: author, date, recipients,
/// copies when there are any, subject.
pub(super) fn header_block(
    parent: &ParentMessage<'_>,
    labels: &Labels,
    date: String,
    mailbox: fn(&Mailbox<'_>) -> String,
) -> Vec<(&'static str, String)> {
    let list =
        |mailboxes: &[Mailbox<'_>]| mailboxes.iter().map(mailbox).collect::<Vec<_>>().join("; ");
    let mut block = vec![
        (labels.from, mailbox(&parent.author)),
        (labels.sent, date),
        (labels.to, list(parent.to)),
    ];
    if !parent.cc.is_empty() {
        block.push((labels.cc, list(parent.cc)));
    }
    block.push((labels.subject, parent.subject.trim().to_owned()));
    block
}

/// The name, or the address when there is none.
pub(super) fn name_or_address(mailbox: &Mailbox<'_>) -> String {
    let name = collapse(mailbox.name);
    if name.is_empty() {
        mailbox.address.to_owned()
    } else {
        name
    }
}

/// Several people as [`name_and_address`] writes each.
pub(super) fn people(mailboxes: &[Mailbox<'_>]) -> String {
    let mailboxes: Vec<String> = mailboxes.iter().map(name_and_address).collect();
    mailboxes.join(", ")
}

/// `Name <address>`, or the address alone.
pub(super) fn name_and_address(mailbox: &Mailbox<'_>) -> String {
    let name = collapse(mailbox.name);
    if name.is_empty() {
        mailbox.address.to_owned()
    } else {
        format!("{name} <{}>", mailbox.address)
    }
}

/// The date of a parent as Outlook writes it, such as `Friday, March 6, 2026 4:39 PM`.
pub(super) fn outlook_date(
    words: Words,
    date: &DateTime<FixedOffset>,
    with_seconds: bool,
) -> String {
    let weekday = words.weekday(date);
    let month = words.month(date);
    let clock = match (words, with_seconds) {
        (Words::American, false) => date.format("%-I:%M %p"),
        (Words::American, true) => date.format("%-I:%M:%S %p"),
        (_, false) => date.format("%H:%M"),
        (_, true) => date.format("%H:%M:%S"),
    };
    let (day, year) = (date.format("%-d"), date.format("%Y"));
    match words {
        Words::American => format!("{weekday}, {month} {day}, {year} {clock}"),
        // The long date of British Windows has no weekday, and a day of two digits.
        Words::English => format!("{} {month} {year} {clock}", date.format("%d")),
        Words::Spanish => format!("{weekday}, {day} de {month} de {year} {clock}"),
        Words::German => format!("{weekday}, {day}. {month} {year} {clock}"),
        Words::Portuguese => format!("{weekday}, {day} de {month} de {year} {clock}"),
        Words::French | Words::Italian | Words::Dutch => {
            format!("{weekday} {day} {month} {year} {clock}")
        }
    }
}

/// One line of a text with quote marks: `> `, `>> ` and `> > ` alike.
fn parse(line: &str) -> Line<'_> {
    let (mut depth, mut rest) = (0, line);
    while let Some(after) = rest.strip_prefix('>') {
        depth += 1;
        rest = after
            .strip_prefix(' ')
            .filter(|next| next.starts_with('>'))
            .unwrap_or(after);
    }
    if depth > 0 {
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
    Line {
        depth,
        text: rest.trim_end().into(),
    }
}

/// Leaves out older quotes, and the attribution lines above them.
fn newest_author(lines: Vec<Line<'_>>) -> Vec<Line<'_>> {
    let mut kept: Vec<Line<'_>> = Vec::with_capacity(lines.len());
    let mut in_quote = false;
    for line in lines {
        // What Outlook puts above the history: everything below is older.
        let is_rule = line.text.len() >= 20 && line.text.bytes().all(|byte| byte == b'_');
        if line.depth == 0 && (is_rule || line.text.starts_with("-----")) {
            break;
        }
        if line.depth > 0 {
            if !in_quote {
                while kept.last().is_some_and(|last| last.text.is_empty()) {
                    kept.pop();
                }
                if kept.last().is_some_and(|last| last.text.ends_with(':')) {
                    kept.pop();
                }
            }
            in_quote = true;
        } else {
            in_quote = false;
            kept.push(line);
        }
    }
    kept
}

/// Drops empty lines at both ends and the second of two in a row.
fn trim(lines: &mut Vec<Line<'_>>) {
    lines.dedup_by(|next, previous| {
        next.text.is_empty() && previous.text.is_empty() && next.depth == previous.depth
    });
    trim_ends(lines);
}

/// Drops empty lines at both ends.
fn trim_ends(lines: &mut Vec<Line<'_>>) {
    while lines.last().is_some_and(|line| line.text.is_empty()) {
        lines.pop();
    }
    let blank = lines.iter().take_while(|line| line.text.is_empty()).count();
    lines.drain(..blank);
}

/// Keeps the last lines, up to `limit` as wrapped on the screen, and at least one.
fn keep_last(lines: &mut Vec<Line<'_>>, limit: usize) {
    let mut used = 0;
    let kept = lines
        .iter()
        .rev()
        .take_while(|line| {
            used += line.width().div_ceil(WRAP_AT).max(1);
            used <= limit
        })
        .count();
    lines.drain(..lines.len() - kept.clamp(1.min(lines.len()), lines.len()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mime::flowed::render;

    const PARENT: &str = "On 4/16/25 8:31 AM, Jan wrote:\n> older\n>\n> lines\n\nHello,\n\nsee below.\n\nJan\n-- \nJan Doe\nCorp";

    fn quoted(text: &str, habit: Habit) -> String {
        render(&quote(text, habit))
    }

    #[test]
    fn habits_differ() {
        assert_eq!(
            quoted(PARENT, Habit::Everything),
            "> On 4/16/25 8:31 AM, Jan wrote:\n>> older\n>>\n>> lines\n>\n> Hello,\n>\n> see below.\n>\n> Jan"
        );
        assert_eq!(
            quoted(PARENT, Habit::NewestAuthor),
            "> Hello,\n>\n> see below.\n>\n> Jan"
        );
        assert_eq!(
            quoted(PARENT, Habit::LastLines(3)),
            "> see below.\n>\n> Jan"
        );
    }

    #[test]
    fn nothing_is_lost_where_nobody_trims() {
        let quoted = quoted(PARENT, Habit::Untrimmed);
        assert!(quoted.starts_with("> On 4/16/25 8:31 AM, Jan wrote:\n>> older\n"));
        assert!(quoted.ends_with("> Jan\n> --\n> Jan Doe\n> Corp"));
    }

    #[test]
    fn quotes_stay_bounded() {
        assert_eq!(quoted("", Habit::Everything), "");
        assert_eq!(
            quoted(">>>> four\n>>> three\n> > two", Habit::Everything),
            ">>>> three\n>>> two"
        );
        let long = "line\n".repeat(5000);
        assert_eq!(quote(&long, Habit::Everything).len(), MAX_LINES);
        let wide = "word ".repeat(50_000);
        assert_eq!(quote(&wide, Habit::LastLines(8)).len(), 1);
    }

    #[test]
    fn outlook_writes_dates_of_the_reader() {
        let date = DateTime::parse_from_rfc3339("2026-03-06T16:39:05+01:00").unwrap_or_default();
        for (words, seconds, expected) in [
            (Words::American, false, "Friday, March 6, 2026 4:39 PM"),
            (Words::American, true, "Friday, March 6, 2026 4:39:05 PM"),
            (Words::English, false, "06 March 2026 16:39"),
            (Words::Spanish, false, "viernes, 6 de marzo de 2026 16:39"),
            (Words::German, true, "Freitag, 6. März 2026 16:39:05"),
            (Words::French, false, "vendredi 6 mars 2026 16:39"),
            (
                Words::Portuguese,
                false,
                "sexta-feira, 6 de março de 2026 16:39",
            ),
        ] {
            assert_eq!(outlook_date(words, &date, seconds), expected);
        }
        assert_eq!(Labels::of_desktop(Words::Spanish).sent, "Enviado el");
        assert_eq!(Labels::of(Words::Spanish).sent, "Enviado");
    }

    #[test]
    fn history_stays_bounded() {
        let long = "line\n".repeat(5000);
        assert_eq!(untouched(&long).len(), MAX_HISTORY_LINES);
        let wide = format!("{}\n", "word ".repeat(1000)).repeat(40);
        assert_eq!(untouched(&wide).len(), MAX_HISTORY_BYTES / 5001);
    }
}
