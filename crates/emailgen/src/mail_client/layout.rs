//! The parts of a message in the order in which the reader sees them, as text and as HTML.

use super::history::{self, Habit};
use super::html::{escape, levels, with_spaces};
use super::profile::Draft;
use super::random_text::constant;
use crate::mime::flowed::{Line, SIGNATURE_SEPARATOR};

/// One part of what the reader sees.
pub(super) enum Section<'d> {
    /// New text.
    Own(&'d str),
    /// A signature, without the separator that goes above it.
    Signature(&'d str),
    /// What the program writes above what it quotes or passes on.
    Lead(Vec<String>),
    /// What is quoted or passed on.
    Quote(Vec<Line<'d>>),
    /// What the program writes below.
    Tail(&'static str),
}

/// Where the new text of a reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Posting {
    /// Above the quote, the signature with it.
    Top,
    /// Above the quote, the signature at the end.
    TopSignatureLast,
    /// Below the quote.
    Bottom,
}

/// The sections of a message. A reply that quotes nothing has no lead either.
pub(super) fn sections<'d>(
    draft: &'d Draft<'_>,
    signature: &'d str,
    posting: Posting,
    habit: Habit,
    lead: Vec<String>,
    tail: &'static str,
) -> Vec<Section<'d>> {
    let own = Section::Own(&draft.text);
    let signature = Section::Signature(signature);
    if draft.parent().is_none() {
        return vec![own, signature];
    }
    if draft.is_forward() {
        let passed_on = Section::Quote(history::whole(&draft.parent_text));
        return vec![
            own,
            signature,
            Section::Lead(lead),
            passed_on,
            Section::Tail(tail),
        ];
    }
    let quoted = history::quote(&draft.parent_text, habit);
    if quoted.is_empty() {
        return vec![own, signature];
    }
    let (lead, quoted) = (Section::Lead(lead), Section::Quote(quoted));
    match posting {
        Posting::Top => vec![own, signature, lead, quoted],
        Posting::TopSignatureLast => vec![own, lead, quoted, signature],
        Posting::Bottom => vec![lead, quoted, own, signature],
    }
}

/// How much of a parent somebody who answers below it leaves.
pub(super) fn trimming(person: u64) -> Habit {
    let number = constant(person, "quoting");
    match number % 10 {
        0..=3 => Habit::Everything,
        4..=6 => Habit::NewestAuthor,
        _ => Habit::LastLines(8 + usize::from((number >> 8) as u8 % 8)),
    }
}

impl Section<'_> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Own(text) | Self::Signature(text) => text.is_empty(),
            Self::Lead(lines) => lines.is_empty(),
            Self::Quote(lines) => lines.is_empty(),
            Self::Tail(text) => text.is_empty(),
        }
    }
}

/// The lines of the sections, with one empty line between two sections, and `below_lead` between a
/// lead and the quote.
pub(super) fn lines<'d>(sections: Vec<Section<'d>>, below_lead: usize) -> Vec<Line<'d>> {
    let mut lines = Vec::new();
    let mut after_lead = false;
    for section in sections {
        if section.is_empty() {
            continue;
        }
        if !lines.is_empty() {
            let gap = if after_lead { below_lead } else { 1 };
            lines.extend(std::iter::repeat_n(Line::own(""), gap));
        }
        after_lead = matches!(section, Section::Lead(_));
        match section {
            Section::Own(text) => lines.extend(text.split('\n').map(Line::own)),
            Section::Signature(text) => {
                lines.push(Line::own(SIGNATURE_SEPARATOR));
                lines.extend(text.split('\n').map(Line::own));
            }
            Section::Lead(lead) => lines.extend(lead.into_iter().map(Line::made)),
            Section::Quote(quoted) => lines.extend(quoted),
            Section::Tail(text) => lines.push(Line::own(text)),
        }
    }
    if lines.is_empty() {
        lines.push(Line::own(""));
    }
    lines
}

/// How a client's editor writes HTML: what stands before and after each thing.
pub(super) struct Html {
    pub(super) document: [&'static str; 2],
    pub(super) line: [&'static str; 2],
    pub(super) signature: [&'static str; 2],
    pub(super) lead: [&'static str; 2],
    /// Around the label of a header of what is passed on, its colon included.
    pub(super) label: [&'static str; 2],
    /// Between two lines of a lead.
    pub(super) lead_break: &'static str,
    /// Around a quote; its end is an end of the block too.
    pub(super) block: &'static str,
    /// What follows a quote or what is passed on.
    pub(super) after_quote: &'static str,
    /// Between two sections.
    pub(super) gap: &'static str,
}

/// The sections as HTML.
pub(super) fn html(sections: &[Section<'_>], style: &Html) -> String {
    let mut out = String::with_capacity(4096);
    out.push_str(style.document[0]);
    let [start, end] = style.line;
    let mut is_first = true;
    let mut after_lead = false;
    for section in sections.iter().filter(|section| !section.is_empty()) {
        if !is_first && !after_lead {
            out.push_str(style.gap);
        }
        is_first = false;
        let below_lead = after_lead;
        after_lead = matches!(section, Section::Lead(_));
        match section {
            Section::Own(text) => {
                let lines: Vec<Line<'_>> = text.split('\n').map(Line::own).collect();
                levels(&lines, 0, [start, end, style.block], &mut out);
            }
            Section::Signature(text) => {
                out.push_str(style.signature[0]);
                out.push_str("-- ");
                for line in text.split('\n') {
                    out.push_str("<br>");
                    with_spaces(line, &mut out);
                }
                out.push_str(style.signature[1]);
            }
            Section::Lead(lead) => {
                out.push_str(style.lead[0]);
                for (index, line) in lead.iter().enumerate() {
                    if index > 0 {
                        out.push_str(style.lead_break);
                    }
                    let (label, value) = match line.split_once(": ") {
                        Some((label, _)) => line.split_at(label.len() + 1),
                        None => ("", line.as_str()),
                    };
                    if !label.is_empty() {
                        out.push_str(style.label[0]);
                        escape(label, false, &mut out);
                        out.push_str(style.label[1]);
                    }
                    escape(value, false, &mut out);
                }
                out.push_str(style.lead[1]);
            }
            Section::Quote(lines) => {
                let starts_no_block = lines.first().is_some_and(|line| line.depth == 0);
                if below_lead && style.lead[1].is_empty() && starts_no_block {
                    out.push_str("<br>");
                }
                levels(lines, 0, [start, end, style.block], &mut out);
                out.push_str(style.after_quote);
            }
            Section::Tail(text) => {
                out.push_str(start);
                escape(text, false, &mut out);
                out.push_str(end);
            }
        }
    }
    out.push_str(style.document[1]);
    out
}
