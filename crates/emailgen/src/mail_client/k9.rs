//! K-9 Mail on Android.

use chrono::{DateTime, Datelike, FixedOffset, Offset, Weekday};
use rand_chacha::ChaCha8Rng;

use super::Sender;
use super::apple::upper_uuid;
use super::file_name;
use super::history::{self, name_and_address, people};
use super::layout::{self, Html, Posting, Section, trimming};
use super::profile::{Draft, Field, Multipart, Profile, Shape, TextEncoding, Transfer, Wrap};
use super::random_text::{UPPER_ALPHANUMERIC, is_among, letters};
use super::subject::Prefixes;
use super::words::Words;
use crate::attachment::Attachment;
use crate::mime::charset::Charset;
use crate::mime::flowed::{Line, Marks};
use crate::mime::header::HeaderStyle;
use crate::mime::quoted_printable::Habit;
use crate::trace::Submission;

const HEADERS: &[(&str, Field)] = &[
    ("Date", Field::Date),
    ("From", Field::From),
    ("To", Field::To),
    ("CC", Field::Cc),
    ("Subject", Field::Subject),
    ("User-Agent", Field::Fixed("K-9 Mail for Android")),
    ("In-Reply-To", Field::InReplyTo),
    ("References", Field::Value(0)),
    ("Message-ID", Field::MessageId),
    ("MIME-Version", Field::Fixed("1.0")),
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
];

const TEXT: &[TextEncoding] = &[TextEncoding {
    charset: Charset::Utf8,
    parameters: ";\r\n charset=utf-8",
    transfer: Transfer::QuotedPrintableBy(
        76,
        Habit {
            escapes_dots: true,
            breaks_at_words: false,
        },
    ),
}];

/// Quoted lines are broken (`REPLY_WRAP_LINE_WIDTH`), with no space after the mark.
const MARKS: Marks = Marks {
    outer: ">",
    inner: ">",
    empty: ">",
    own: usize::MAX,
    quoted: 71,
};

/// Most octets of `References` on one line, where the program puts all of them.
const LONGEST_REFERENCES: usize = 900;

const HTML: Html = Html {
    document: ["<!DOCTYPE html><html><head></head><body>", "</body></html>"],
    line: ["", "<br>\r\n"],
    signature: ["<div class='k9mail-signature'>", "</div>"],
    lead: ["<div class=\"gmail_quote\">", ""],
    label: ["", ""],
    lead_break: "<br>",
    block: "<blockquote class=\"gmail_quote\" style=\"margin: 0pt 0pt 0pt 0.8ex; \
            border-left: 1px solid rgb(204, 204, 204); padding-left: 1ex;\">\r\n",
    after_quote: "</div>",
    gap: "<br>",
};

/// What is passed on stands below a rule, where the text has a title, and is not framed.
const FORWARD_HTML: Html = Html {
    lead: [
        "<div style='font-size:10.0pt;font-family:\"Tahoma\",\"sans-serif\";\
         padding:3.0pt 0in 0in 0in'>\r\n<hr style='border:none;border-top:solid #E1E1E1 1.0pt'>\r\n",
        "<br>\r\n</div>\r\n<br>\r\n",
    ],
    label: ["<b>", "</b>"],
    lead_break: "<br>\r\n",
    after_quote: "",
    ..HTML
};

/// K-9 Mail.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct K9;

impl Profile for K9 {
    fn name(&self) -> &'static str {
        "k9"
    }

    fn submission(&self, _sender: &Sender<'_>) -> Submission {
        Submission::Smtp
    }

    fn message_id(
        &self,
        sender: &Sender<'_>,
        _date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String {
        format!("<{}@{}>", upper_uuid(rng), sender.domain())
    }

    fn prefixes(&self, _language: &str) -> Prefixes {
        Prefixes::PLAIN
    }

    fn shape(&self, draft: &Draft<'_>, _rng: &mut ChaCha8Rng) -> Shape {
        Shape {
            headers: HEADERS,
            values: vec![one_line(&draft.references)],
            header_style: HeaderStyle::PLAIN,
            date_format: "%a, %d %b %Y %H:%M:%S %z",
            date_in_utc: false,
            text: TEXT,
            // HTML is what the program comes with.
            html: if is_among(draft.message.installation.person, "composes HTML", 65) {
                TEXT
            } else {
                &[]
            },
            wrap: Wrap::Marked(&MARKS),
            boundary_separator: "\r\n ",
            quotes_boundary: false,
            multipart_encoding: Some("7bit"),
            preamble: "",
            thread_index: None,
        }
    }

    fn lines<'d>(&self, draft: &'d Draft<'_>) -> Vec<Line<'d>> {
        layout::lines(sections(draft), usize::from(draft.is_forward()))
    }

    fn html(&self, draft: &Draft<'_>) -> String {
        let mut sections = sections(draft);
        let style = if draft.is_forward() {
            for section in &mut sections {
                if let Section::Lead(lines) = section {
                    lines.drain(..1.min(lines.len()));
                }
            }
            &FORWARD_HTML
        } else {
            &HTML
        };
        layout::html(&sections, style).replace("\r\n", "\n")
    }

    /// `----` and 30 letters or digits.
    fn boundary(&self, _draft: &Draft<'_>, _multipart: Multipart, rng: &mut ChaCha8Rng) -> String {
        format!("----{}", letters(UPPER_ALPHANUMERIC, 30, rng))
    }

    fn attachment_headers(
        &self,
        _draft: &Draft<'_>,
        attachment: &Attachment,
        _rng: &mut ChaCha8Rng,
    ) -> Vec<(&'static str, String)> {
        let name = &attachment.file_name;
        let parameter = |parameter| {
            if name.is_ascii() {
                file_name::bare(parameter, name)
            } else {
                file_name::extended(parameter, name, "UTF-8", "\r\n ")
            }
        };
        vec![
            (
                "Content-Type",
                format!("{};\r\n {}", attachment.media_type, parameter("name")),
            ),
            ("Content-Transfer-Encoding", "base64".to_owned()),
            (
                "Content-Disposition",
                format!(
                    "attachment;\r\n {};\r\n size={}",
                    parameter("filename"),
                    attachment.bytes.len()
                ),
            ),
        ]
    }
}

/// Ids on one line, as far as a line may go.
fn one_line(ids: &str) -> String {
    let mut out = String::with_capacity(ids.len() + 8);
    let mut column = 0;
    for id in ids.split(' ').filter(|id| !id.is_empty()) {
        if column > 0 && column + 1 + id.len() > LONGEST_REFERENCES {
            out.push_str("\r\n ");
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(id);
        column += id.len();
    }
    out
}

/// What the program comes with, kept by about half of its users, or the user's own.
fn signature<'d>(draft: &'d Draft<'_>) -> &'d str {
    let message = draft.message;
    if !is_among(message.installation.person, "footer of the program", 55) {
        return &draft.signature;
    }
    match Words::of(message.language, &message.date) {
        Words::English | Words::American => {
            "Sent from my Android device with K-9 Mail. Please excuse my brevity."
        }
        Words::Spanish => {
            "Enviado desde mi dispositivo Android con K-9 Mail. Por favor, disculpa mi brevedad."
        }
        Words::German => "Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.",
        Words::French => {
            "Envoyé de mon appareil Android avec Courriel K-9 Mail. Veuillez excuser ma brièveté."
        }
        Words::Italian => "Inviato dal mio dispositivo Android con K-9 Mail. Perdonate la brevità.",
        Words::Portuguese => {
            "Enviado de meu dispositivo Android com K-9 Mail. Desculpe-me pela brevidade."
        }
        Words::Dutch => {
            "Verstuurd vanaf mijn Android apparaat met K-9 Mail. Excuseer mijn beknoptheid."
        }
    }
}

fn sections<'d>(draft: &'d Draft<'_>) -> Vec<Section<'d>> {
    let person = draft.message.installation.person;
    // A phone puts the cursor above, and the signature at the end; some have told it otherwise.
    let (posting, habit) = if is_among(person, "answers above", 80) {
        (Posting::TopSignatureLast, history::Habit::Everything)
    } else {
        (Posting::Bottom, trimming(person))
    };
    layout::sections(draft, signature(draft), posting, habit, lead(draft), "")
}

fn lead(draft: &Draft<'_>) -> Vec<String> {
    let Some(parent) = draft.parent() else {
        return Vec::new();
    };
    let words = Words::of(draft.message.language, &parent.date);
    let when = when(words, &parent.date);
    if !draft.is_forward() {
        let who = name_and_address(&parent.author);
        return vec![match words {
            Words::English | Words::American => format!("On {when}, {who} wrote:"),
            Words::Spanish => format!("El {when}, {who} escribió:"),
            Words::German => format!("Am {when} schrieb {who}:"),
            Words::French => format!("Le {when}, {who} a écrit :"),
            Words::Italian => format!("Il {when}, {who} ha scritto:"),
            Words::Portuguese => format!("Em {when}, {who} escreveu:"),
            Words::Dutch => format!("Op {when} schreef {who}:"),
        }];
    }
    let (title, [from, sent, to, cc, subject]) = match words {
        Words::Spanish => (
            "Mensaje original",
            ["De", "Enviado", "Para", "CC", "Asunto"],
        ),
        Words::German => (
            "Ursprüngliche Nachricht",
            ["Von", "Gesendet", "An", "CC", "Betreff"],
        ),
        Words::French => ("Message original", ["De", "Envoyé", "À", "Cc", "Objet"]),
        _ => ("Original Message", ["From", "Sent", "To", "CC", "Subject"]),
    };
    let mut block = vec![
        format!("-------- {title} --------"),
        format!("{from}: {}", name_and_address(&parent.author)),
        format!("{sent}: {when}"),
        format!("{to}: {}", people(parent.to)),
    ];
    if !parent.cc.is_empty() {
        block.push(format!("{cc}: {}", people(parent.cc)));
    }
    block.push(format!("{subject}: {}", parent.subject.trim()));
    block
}

/// Date and time in the long form of Android, with the zone.
fn when(words: Words, date: &DateTime<FixedOffset>) -> String {
    let (day, month, year) = (date.day(), words.month(date), date.year());
    let (clock, zone) = (date.format("%H:%M:%S"), zone(words, date));
    match words {
        Words::American => format!(
            "{month} {day}, {year} {} {zone}",
            date.format("%-I:%M:%S %p")
        ),
        Words::Spanish | Words::Portuguese => {
            format!("{day} de {month} de {year} {clock} {zone}")
        }
        Words::German => format!("{day}. {month} {year} {clock} {zone}"),
        Words::English | Words::French | Words::Italian | Words::Dutch => {
            format!("{day} {month} {year} {clock} {zone}")
        }
    }
}

/// The zone by the name that it has where the language is spoken, else by its offset.
fn zone(words: Words, date: &DateTime<FixedOffset>) -> String {
    let minutes = date.offset().fix().local_minus_utc() / 60;
    let name = match (words, minutes, is_summer(words, date)) {
        (Words::American, -240, true) => "EDT",
        (Words::American, -300, false) => "EST",
        (Words::American, -300, true) => "CDT",
        (Words::American, -360, false) => "CST",
        (Words::American, -360, true) => "MDT",
        (Words::American, -420, false) => "MST",
        (Words::American, -420, true) => "PDT",
        (Words::American, -480, false) => "PST",
        (Words::English, 60, true) => "BST",
        (Words::German, 60, false) => "MEZ",
        (Words::German, 120, true) => "MESZ",
        (Words::Spanish | Words::French | Words::Italian | Words::Dutch, 60, false) => "CET",
        (Words::Spanish | Words::French | Words::Italian | Words::Dutch, 120, true) => "CEST",
        (_, 0, _) => "GMT",
        _ => {
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.abs();
            return format!("GMT{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        }
    };
    name.to_owned()
}

/// Whether clocks are on summer time that day: from the second Sunday of March to the first of
/// November in the United States, between the last ones of March and October in Europe.
fn is_summer(words: Words, date: &DateTime<FixedOffset>) -> bool {
    // The day of the month of the Sunday on or before this day.
    let days = date.weekday().days_since(Weekday::Sun);
    let sunday = i64::from(date.day()) - i64::from(days);
    match (words, date.month()) {
        (Words::American, 3) => sunday >= 8,
        (Words::American, 11) => sunday < 1,
        (Words::American, month) => (4..=10).contains(&month),
        (_, 3) => sunday >= 25,
        (_, 10) => sunday < 25,
        (_, month) => (4..=9).contains(&month),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_long_and_name_their_zone() {
        for (words, date, expected) in [
            (
                Words::American,
                "2019-07-24T16:39:12-04:00",
                "July 24, 2019 4:39:12 PM EDT",
            ),
            (
                Words::American,
                "2019-11-04T16:39:12-08:00",
                "November 4, 2019 4:39:12 PM PST",
            ),
            (
                Words::English,
                "2022-12-12T15:10:53+03:00",
                "12 December 2022 15:10:53 GMT+03:00",
            ),
            (
                Words::German,
                "2019-03-30T16:39:12+01:00",
                "30. März 2019 16:39:12 MEZ",
            ),
            (
                Words::Spanish,
                "2019-03-31T16:39:12+02:00",
                "31 de marzo de 2019 16:39:12 CEST",
            ),
        ] {
            let date = DateTime::parse_from_rfc3339(date).unwrap_or_default();
            assert_eq!(when(words, &date), expected);
        }
    }

    #[test]
    fn references_stay_on_a_line_while_they_fit() {
        assert_eq!(one_line("<a@x> <b@y>"), "<a@x> <b@y>");
        let many = vec!["<0123456789012345678901234567890123456789@corp.example>"; 40].join(" ");
        let folded = one_line(&many);
        assert!(folded.split("\r\n").all(|line| line.len() <= 901));
        assert_eq!(folded.replace("\r\n ", " "), many);
    }
}
