//! What Apple's mail programs share: how they quote, and how they name files.
//!
//! The line that says who wrote is inside the quote, with the first mark in front of it. Answers
//! stand above.

pub(super) mod builds;

use std::borrow::Cow;

use chrono::{DateTime, Datelike, FixedOffset, Offset};

use super::file_name;
use super::history::{self, Habit, name_and_address, people};
use super::html::{escape, with_spaces};
use super::profile::Draft;
use super::random_text::uuid;
use super::words::Words;
use crate::attachment::Attachment;
use crate::message::Mailbox;
use crate::mime::charset::Charset;
use crate::mime::encoded_word::{EncodedWords, WordEncoding};
use crate::mime::flowed::{Line, Marks};
use crate::mime::header::HeaderStyle;

/// Quoted-printable takes care of long lines.
pub(super) const MARKS: Marks = Marks {
    outer: ">",
    inner: "> ",
    empty: "> ",
    own: usize::MAX,
    quoted: usize::MAX,
};

pub(super) const ENCODED_WORDS: EncodedWords = EncodedWords {
    charsets: &[(Charset::Utf8, "utf-8")],
    encoding: WordEncoding::Shorter,
};

pub(super) const HEADER_STYLE: HeaderStyle = HeaderStyle {
    encoded_words: ENCODED_WORDS,
    fold: ' ',
    quotes_names: false,
};

/// Longest line of ASCII that goes without an encoding.
pub(super) const LONGEST_LINE: usize = 76;

/// What opens the first quoted line on the iPhone since iOS 13 (397 of 406 mails).
pub(super) const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A random UUID in upper case.
pub(super) fn upper_uuid(rng: &mut rand_chacha::ChaCha8Rng) -> String {
    uuid(rng).to_ascii_uppercase()
}

/// The new text and what is below it by the same hand.
pub(super) fn own_lines<'d>(text: &'d str, below: &'d str) -> Vec<Line<'d>> {
    let mut lines: Vec<Line<'d>> = text.split('\n').map(Line::own).collect();
    if !below.is_empty() {
        if !text.is_empty() {
            lines.push(Line::own(""));
        }
        lines.extend(below.split('\n').map(Line::own));
    }
    lines
}

/// A line of the quote that the program adds itself.
fn added(text: impl Into<Cow<'static, str>>) -> Line<'static> {
    Line {
        depth: 1,
        text: text.into(),
    }
}

/// What is quoted in a reply, without the line that says who wrote. Empty when there is nothing.
pub(super) fn reply_lines<'d>(draft: &'d Draft<'_>, opening: &str) -> Vec<Line<'d>> {
    let mut lines = history::quote(&draft.parent_text, Habit::Everything);
    open(&mut lines, opening);
    lines
}

/// What is passed on, one level deeper. Empty when there is nothing.
pub(super) fn forward_lines<'d>(draft: &'d Draft<'_>, opening: &str) -> Vec<Line<'d>> {
    let mut lines = history::whole(&draft.parent_text);
    for line in &mut lines {
        line.depth += 1;
    }
    open(&mut lines, opening);
    lines
}

fn open(lines: &mut Vec<Line<'_>>, opening: &str) {
    if opening.is_empty() {
        return;
    }
    match lines.first_mut() {
        None => {}
        Some(first) if first.depth == 1 => first.text.to_mut().insert_str(0, opening),
        Some(_) => {
            lines.insert(0, added(""));
            lines.insert(0, added(opening.to_owned()));
        }
    }
}

/// The line that says who wrote, in the writer's language and clock.
///
/// `narrow` puts U+202F before AM and PM.
pub(super) fn attribution(
    words: Words,
    date: &DateTime<FixedOffset>,
    author: &Mailbox<'_>,
    narrow: bool,
) -> String {
    let who = name_and_address(author);
    let (day, month, year) = (date.day(), words.short_month(date), date.year());
    let clock = date.format("%H:%M");
    match words {
        Words::American => {
            let space = if narrow { '\u{202f}' } else { ' ' };
            let (clock, half) = (date.format("%-I:%M"), date.format("%p"));
            format!("On {month} {day}, {year}, at {clock}{space}{half}, {who} wrote:")
        }
        Words::English => format!("On {day} {month} {year}, at {clock}, {who} wrote:"),
        Words::Spanish => format!("El {day} {month} {year}, a las {clock}, {who} escribió:"),
        Words::German => format!("Am {} um {clock} schrieb {who}:", date.format("%d.%m.%Y")),
        Words::French => {
            let dot = dot(month, &["mars", "mai", "juin", "août"]);
            format!("Le {day} {month}{dot} {year} à {clock}, {who} a écrit :")
        }
        Words::Italian => {
            format!("Il giorno {day} {month} {year}, alle ore {clock}, {who} ha scritto:")
        }
        Words::Portuguese => {
            format!("Em {day} de {month}. de {year}, à(s) {clock}, {who} escreveu:")
        }
        Words::Dutch => {
            let dot = dot(month, &["mei"]);
            format!("Op {day} {month}{dot} {year}, om {clock} heeft {who} het volgende geschreven:")
        }
    }
}

fn dot(month: &str, whole: &[&str]) -> &'static str {
    if whole.contains(&month) { "" } else { "." }
}

/// What stands above a mail that is passed on.
pub(super) struct ForwardWords {
    pub(super) begin: &'static str,
    from: &'static str,
    subject: &'static str,
    date: &'static str,
    to: &'static str,
    cc: &'static str,
}

impl ForwardWords {
    pub(super) fn of(words: Words) -> Self {
        let [begin, from, subject, date, to, cc] = match words {
            Words::English | Words::American => [
                "Begin forwarded message:",
                "From",
                "Subject",
                "Date",
                "To",
                "Cc",
            ],
            Words::Spanish => [
                "Inicio del mensaje reenviado:",
                "De",
                "Asunto",
                "Fecha",
                "Para",
                "Cc",
            ],
            Words::German => [
                "Anfang der weitergeleiteten Nachricht:",
                "Von",
                "Betreff",
                "Datum",
                "An",
                "Kopie",
            ],
            Words::French => [
                "Début du message transféré :",
                "De",
                "Objet",
                "Date",
                "À",
                "Cc",
            ],
            Words::Italian => [
                "Inizio messaggio inoltrato:",
                "Da",
                "Oggetto",
                "Data",
                "A",
                "Cc",
            ],
            Words::Portuguese => [
                "Início da mensagem encaminhada:",
                "De",
                "Assunto",
                "Data",
                "Para",
                "Cc",
            ],
            Words::Dutch => [
                "Begin doorgestuurd bericht:",
                "Van",
                "Onderwerp",
                "Datum",
                "Aan",
                "Kopie",
            ],
        };
        Self {
            begin,
            from,
            subject,
            date,
            to,
            cc,
        }
    }
}

/// The headers of a mail that is passed on, as label and value. The Mac has the subject second,
/// the iPhone last.
pub(super) fn forward_block(
    draft: &Draft<'_>,
    words: Words,
    narrow: bool,
    subject_is_last: bool,
) -> Vec<(&'static str, String)> {
    let Some(parent) = draft.parent() else {
        return Vec::new();
    };
    let labels = ForwardWords::of(words);
    let subject = (labels.subject, parent.subject.trim().to_owned());
    let mut block = vec![(labels.from, name_and_address(&parent.author))];
    if !subject_is_last {
        block.push(subject.clone());
    }
    block.push((labels.date, long_date(words, &parent.date, narrow)));
    block.push((labels.to, people(parent.to)));
    if !parent.cc.is_empty() {
        block.push((labels.cc, people(parent.cc)));
    }
    if subject_is_last {
        block.push(subject);
    }
    block
}

/// A date in long form with seconds and zone, such as `July 24, 2019 at 4:39:12 PM GMT-4`.
fn long_date(words: Words, date: &DateTime<FixedOffset>, narrow: bool) -> String {
    let (day, month, year) = (date.day(), words.month(date), date.year());
    let zone = zone(date);
    let clock = date.format("%H:%M:%S");
    match words {
        Words::American => {
            let space = if narrow { '\u{202f}' } else { ' ' };
            let (clock, half) = (date.format("%-I:%M:%S"), date.format("%p"));
            format!("{month} {day}, {year} at {clock}{space}{half} {zone}")
        }
        Words::English => format!("{day} {month} {year} at {clock} {zone}"),
        Words::Spanish => format!("{day} de {month} de {year}, {clock} {zone}"),
        Words::German => format!("{day}. {month} {year} um {clock} {zone}"),
        Words::French => format!("{day} {month} {year} à {clock} {zone}"),
        Words::Italian => format!("{day} {month} {year} alle ore {clock} {zone}"),
        Words::Portuguese => format!("{day} de {month} de {year} {clock} {zone}"),
        Words::Dutch => format!("{day} {month} {year} om {clock} {zone}"),
    }
}

/// `GMT+2`: how a zone is called outside its own country.
fn zone(date: &DateTime<FixedOffset>) -> String {
    let minutes = date.offset().fix().local_minus_utc() / 60;
    let (hours, rest) = (minutes / 60, (minutes % 60).abs());
    match (minutes, rest) {
        (0, _) => "GMT".to_owned(),
        (_, 0) => format!("GMT{hours:+}"),
        _ => format!("GMT{hours:+}:{rest:02}"),
    }
}

/// Lines between `div`s, the first one without, as the editors write what is typed.
pub(super) fn divs(lines: &[&str], class: &str, out: &mut String) {
    for (index, line) in lines.iter().enumerate() {
        if line.is_empty() && (index > 0 || lines.len() > 1) {
            out.push_str(&format!("<div{class}><br{class}></div>"));
        } else if index == 0 {
            with_spaces(line, out);
        } else {
            out.push_str(&format!("<div{class}>"));
            with_spaces(line, out);
            out.push_str("</div>");
        }
    }
}

/// The line that says who wrote with its address as a link.
pub(super) fn linked(attribution: &str, address: &str, class: &str, out: &mut String) {
    let bracketed = format!("<{address}>");
    match attribution.split_once(&bracketed) {
        None => escape(attribution, false, out),
        Some((before, after)) => {
            escape(before, false, out);
            out.push_str("&lt;<a href=\"mailto:");
            escape(address, true, out);
            out.push_str(&format!("\"{class}>"));
            escape(address, false, out);
            out.push_str("</a>&gt;");
            escape(after, false, out);
        }
    }
}

/// Whether no line is too long to go without an encoding.
pub(super) fn has_short_lines(lines: &[Line<'_>]) -> bool {
    lines.iter().all(|line| line.width() <= LONGEST_LINE)
}

/// The media type of a file with each parameter on a line.
pub(super) fn media_type(attachment: &Attachment) -> String {
    let parts = attachment.media_type.split(';').map(str::trim);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join(";\r\n\t")
}

/// The parameters `name` and `filename`, the first one as `written` for names in ASCII.
pub(super) fn name_parameters(
    attachment: &Attachment,
    written: fn(&str, &str) -> String,
) -> [String; 2] {
    let name = &attachment.file_name;
    if name.is_ascii() {
        return [written("name", name), file_name::bare("filename", name)];
    }
    [
        file_name::encoded("name", name, &ENCODED_WORDS, "\r\n\t"),
        file_name::extended("filename", name, "utf-8", "\r\n\t"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributions_follow_language_and_clock() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap_or_default();
        let (us, eu) = (
            at("2019-07-24T16:39:12-04:00"),
            at("2019-07-24T16:39:12+02:00"),
        );
        let ana = Mailbox {
            name: "Ana",
            address: "ana@corp.example",
        };
        let check = |language: &str, date: &DateTime<FixedOffset>, expected: &str| {
            assert_eq!(
                attribution(Words::of(language, date), date, &ana, false),
                expected
            );
        };
        check(
            "en",
            &us,
            "On Jul 24, 2019, at 4:39 PM, Ana <ana@corp.example> wrote:",
        );
        check(
            "en",
            &eu,
            "On 24 Jul 2019, at 16:39, Ana <ana@corp.example> wrote:",
        );
        check(
            "es",
            &eu,
            "El 24 jul 2019, a las 16:39, Ana <ana@corp.example> escribió:",
        );
        check(
            "de",
            &eu,
            "Am 24.07.2019 um 16:39 schrieb Ana <ana@corp.example>:",
        );
        check(
            "fr",
            &eu,
            "Le 24 juil. 2019 à 16:39, Ana <ana@corp.example> a écrit :",
        );
        assert_eq!(
            attribution(Words::American, &us, &ana, true),
            "On Jul 24, 2019, at 4:39\u{202f}PM, Ana <ana@corp.example> wrote:"
        );
        assert_eq!(zone(&us), "GMT-4");
        assert_eq!(zone(&at("2019-07-24T16:39:12+05:30")), "GMT+5:30");
        assert_eq!(zone(&at("2019-07-24T16:39:12Z")), "GMT");
    }
}
