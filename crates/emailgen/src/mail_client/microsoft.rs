//! What the mail programs of Microsoft share: an answer stands above the untouched history, below
//! the headers of the parent in the language of the one who answers.

pub(super) mod exchange;
mod region;
pub(super) mod web_html;
pub(super) mod word_html;

use chrono::{DateTime, Datelike, FixedOffset};

use super::history::{self, Labels};
use super::profile::{Draft, TextEncoding};
use super::random_text::constant;
use super::subject::Prefixes;
use super::words::Words;
use crate::message::{Mailbox, Message};
use crate::mime::charset::Charset;
use crate::mime::encoded_word::{EncodedWords, WordEncoding};
use crate::mime::flowed::Line;
use crate::mime::header::{HeaderStyle, collapse};

/// What stands above the parent's headers on the web and on phones, and where HTML becomes text.
const RULE: &str = "________________________________";

/// Replies that carry no history, in per cent (usrp-users).
const WITHOUT_HISTORY: u64 = 6;

/// Prefixes of Outlook in that language.
pub(super) fn prefixes(language: &str) -> Prefixes {
    let tag = language.split(['-', '_']).next().unwrap_or_default();
    let (reply, forward) = match tag.to_ascii_lowercase().as_str() {
        "de" => ("AW:", "WG:"),
        "es" => ("RE:", "RV:"),
        "fr" => ("RE:", "TR:"),
        "it" => ("R:", "I:"),
        "pt" if language.to_ascii_lowercase().ends_with("pt") && language.len() > 2 => {
            ("RE:", "FW:")
        }
        "pt" => ("RES:", "ENC:"),
        _ => ("RE:", "FW:"),
    };
    Prefixes {
        reply,
        forward,
        replaces: true,
    }
}

/// The language of the program, such as `en-US`. Only the letters of a known tag get through.
pub(super) fn language_tag(language: &str, date: &DateTime<FixedOffset>) -> String {
    let (tag, default_region) = match Words::of(language, date) {
        Words::American => return "en-US".to_owned(),
        Words::English => ("en", "GB"),
        Words::Spanish => ("es", "ES"),
        Words::German => ("de", "DE"),
        Words::French => ("fr", "FR"),
        Words::Italian => ("it", "IT"),
        Words::Portuguese => ("pt", "BR"),
        Words::Dutch => ("nl", "NL"),
    };
    let region = language
        .split(['-', '_'])
        .nth(1)
        .filter(|region| region.len() == 2 && region.bytes().all(|b| b.is_ascii_alphabetic()));
    format!(
        "{tag}-{}",
        region.unwrap_or(default_region).to_ascii_uppercase()
    )
}

/// Whether the sender has what came in that year: releases reach people within two years.
pub(super) fn has_release(message: &Message<'_>, what: &str, year: i32) -> bool {
    let lag = constant(message.installation.person, what) % 24;
    let months = i64::from(message.date.year()) * 12 + i64::from(message.date.month0());
    months >= i64::from(year) * 12 + i64::try_from(lag).unwrap_or_default()
}

/// What stands above the parent's headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Above {
    /// Nothing: Outlook on a desktop, which draws a line in HTML.
    Nothing,
    /// A rule: Outlook on the web and on phones.
    Rule,
    /// `-----Original Message-----`: Outlook on a desktop in plain text.
    Title,
}

/// How a program writes what the reader sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// Above the parent's headers.
    pub(super) above: Above,
    /// Whether the date of the parent has seconds.
    pub(super) seconds: bool,
    /// Whether it is a program from before 2013, which writes `Name [mailto:address]` for the
    /// author and only names for everybody else.
    pub(super) is_old: bool,
    /// In place of the signature.
    pub(super) footer: Option<Footer>,
}

/// The line with which Outlook on phones advertises itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Footer {
    /// Text before the link.
    pub(super) before: &'static str,
    /// Text of the link.
    pub(super) link: &'static str,
    /// Text after it.
    pub(super) after: &'static str,
    /// Where the link leads.
    pub(super) address: &'static str,
}

/// What the reader sees, in its parts.
pub(super) struct Body<'a> {
    pub(super) text: &'a str,
    /// May be empty.
    pub(super) signature: &'a str,
    pub(super) footer: Option<Footer>,
    pub(super) history: Option<History<'a>>,
}

/// The mail that is answered or passed on.
pub(super) struct History<'a> {
    pub(super) above: Above,
    title: &'static str,
    /// Label and value of the parent's headers.
    pub(super) block: Vec<(&'static str, String)>,
    pub(super) lines: Vec<Line<'a>>,
}

impl<'a> Body<'a> {
    pub(super) fn of(draft: &'a Draft<'_>, layout: Layout) -> Self {
        let carries_history =
            draft.is_forward() || constant(0, draft.message.message_id) % 100 >= WITHOUT_HISTORY;
        let parent = draft.parent().filter(|_| carries_history);
        let history = parent.map(|parent| {
            let words = Words::of(draft.message.language, &parent.date);
            let labels = match layout.above {
                Above::Rule => Labels::of(words),
                Above::Nothing | Above::Title => Labels::of_desktop(words),
            };
            let date = history::outlook_date(words, &parent.date, layout.seconds);
            let mailbox = match layout.above {
                _ if layout.is_old => history::name_or_address,
                Above::Rule => name_and_address_twice,
                Above::Nothing | Above::Title => history::name_and_address,
            };
            let mut block = history::header_block(parent, &labels, date, mailbox);
            if layout.is_old
                && let Some((_, author)) = block.first_mut()
            {
                *author = format!(
                    "{} [mailto:{}]",
                    history::name_or_address(&parent.author),
                    parent.author.address
                );
            }
            History {
                above: layout.above,
                title: title(words),
                block,
                lines: history::untouched(&draft.parent_text),
            }
        });
        Self {
            text: &draft.text,
            signature: if layout.footer.is_some() {
                ""
            } else {
                &draft.signature
            },
            footer: layout.footer,
            history,
        }
    }

    pub(super) fn into_lines(self) -> Vec<Line<'a>> {
        let mut lines: Vec<Line<'a>> = self.text.split('\n').map(Line::own).collect();
        if !self.signature.is_empty() {
            lines.push(Line::own(""));
            lines.extend(self.signature.split('\n').map(Line::own));
        }
        if let Some(footer) = self.footer {
            let Footer {
                before,
                link,
                after,
                address,
            } = footer;
            lines.push(Line::own(""));
            lines.push(Line::made(format!("{before}{link}<{address}>{after}")));
        }
        let Some(history) = self.history else {
            return lines;
        };
        match history.above {
            Above::Nothing => lines.push(Line::own("")),
            Above::Rule => lines.push(Line::own(RULE)),
            Above::Title => {
                lines.push(Line::own(""));
                lines.push(Line::own(history.title));
            }
        }
        lines.extend(
            history.block.into_iter().map(|(label, value)| {
                Line::made(format!("{label}: {value}").trim_end().to_owned())
            }),
        );
        if !history.lines.is_empty() {
            lines.push(Line::own(""));
            lines.extend(history.lines);
        }
        lines
    }
}

/// The line above the parent's headers in plain text.
fn title(words: Words) -> &'static str {
    match words {
        Words::English | Words::American => "-----Original Message-----",
        Words::Spanish => "-----Mensaje original-----",
        Words::German => "-----Ursprüngliche Nachricht-----",
        Words::French => "-----Message d'origine-----",
        Words::Italian => "-----Messaggio originale-----",
        Words::Portuguese => "-----Mensagem original-----",
        Words::Dutch => "-----Oorspronkelijk bericht-----",
    }
}

/// `Name <address>`; the web has the address in place of a name that is missing.
fn name_and_address_twice(mailbox: &Mailbox<'_>) -> String {
    let name = collapse(mailbox.name);
    let address = mailbox.address;
    if name.is_empty() {
        format!("{address} <{address}>")
    } else {
        format!("{name} <{address}>")
    }
}

/// A character set as Microsoft's programs write it: in the parts, in the HTML and in headers.
pub(super) struct Coding {
    /// Its name.
    pub(super) name: &'static str,
    /// The parts.
    pub(super) text: &'static [TextEncoding],
    /// Headers, folded with a tab.
    pub(super) header_style: HeaderStyle,
}

/// The smallest of the sets that holds all of these texts.
pub(super) fn smallest_charset(texts: &[&str]) -> Charset {
    let sets = [Charset::Ascii, Charset::Latin1, Charset::Windows1252];
    let holds_all = |set: &Charset| texts.iter().all(|text| set.holds(text));
    sets.into_iter().find(holds_all).unwrap_or(Charset::Utf8)
}

pub(super) const fn header_style(
    charsets: &'static [(Charset, &'static str)],
    encoding: WordEncoding,
    quotes_names: bool,
) -> HeaderStyle {
    HeaderStyle {
        encoded_words: EncodedWords { charsets, encoding },
        fold: '\t',
        quotes_names,
    }
}
