//! What of the parent a reply quotes, and the line above it.

use chrono::{DateTime, FixedOffset, Offset};

use crate::mime::flowed::{Line, SIGNATURE_SEPARATOR, WRAP_AT};
use crate::mime::header::collapse;

/// Deepest quote that is kept. What is older has been trimmed by somebody on the way.
const MAX_DEPTH: usize = 4;

/// Most lines of one quote, as wrapped on the screen.
const MAX_LINES: usize = 200;

/// How much of a parent somebody leaves in a reply: a habit of the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Habit {
    /// All of it, older quotes too.
    Everything,
    /// What the parent's author wrote, without older quotes.
    NewestAuthor,
    /// The end of what the parent's author wrote: about that many lines.
    LastLines(usize),
}

/// The attribution line in the language and the clock of the one who answers.
///
/// The forms are those of Thunderbird's translations with the short date of the region. English is
/// written in several: a zone of the Americas is taken for the United States.
pub(super) fn attribution(language: &str, date: &DateTime<FixedOffset>, name: &str) -> String {
    let name = collapse(name);
    let tag = language.split(['-', '_']).next().unwrap_or_default();
    match tag.to_ascii_lowercase().as_str() {
        "es" => format!(
            "El {}, {name} escribió:",
            date.format("%-d/%-m/%y a las %-H:%M")
        ),
        "de" => format!("Am {} schrieb {name}:", date.format("%d.%m.%y um %H:%M")),
        "fr" => format!("Le {}, {name} a écrit :", date.format("%d/%m/%Y à %H:%M")),
        "it" => format!("Il {}, {name} ha scritto:", date.format("%d/%m/%Y %H:%M")),
        "pt" => format!("Em {}, {name} escreveu:", date.format("%d/%m/%Y %H:%M")),
        "nl" => format!("Op {} schreef {name}:", date.format("%d-%m-%Y om %H:%M")),
        _ => {
            let hours = date.offset().fix().local_minus_utc() / 3600;
            let written = if (-10..=-4).contains(&hours) {
                date.format("%-m/%-d/%y %-I:%M %p")
            } else {
                date.format("%d/%m/%Y %H:%M")
            };
            format!("On {written}, {name} wrote:")
        }
    }
}

/// The quoted lines of a reply, each one level deeper than in the parent. Empty when the parent
/// has no text.
pub(super) fn quote<'a>(parent_text: &'a str, habit: Habit) -> Vec<Line<'a>> {
    let mut raw: Vec<&str> = parent_text.split('\n').collect();
    // Thunderbird leaves the parent's signature out.
    if let Some(at) = raw.iter().rposition(|&line| line == SIGNATURE_SEPARATOR) {
        raw.truncate(at);
    }
    let mut lines: Vec<Line<'a>> = raw.into_iter().map(parse).collect();
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
        Habit::Everything | Habit::NewestAuthor => MAX_LINES,
    };
    keep_last(&mut lines, limit);
    trim(&mut lines);
    lines
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
    fn attributions_follow_language_and_clock() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap_or_default();
        let us = at("2019-07-24T16:39:00-05:00");
        let eu = at("2019-07-24T16:39:00+02:00");
        for (language, date, expected) in [
            ("en", &us, "On 7/24/19 4:39 PM, Ana wrote:"),
            ("en-GB", &eu, "On 24/07/2019 16:39, Ana wrote:"),
            ("es", &eu, "El 24/7/19 a las 16:39, Ana escribió:"),
            ("de_AT", &eu, "Am 24.07.19 um 16:39 schrieb Ana:"),
            ("fr", &eu, "Le 24/07/2019 à 16:39, Ana a écrit :"),
            ("xx", &eu, "On 24/07/2019 16:39, Ana wrote:"),
        ] {
            assert_eq!(attribution(language, date, "Ana"), expected);
        }
    }
}
