//! Roundcube, a web mailer on the company's own server.

use chrono::{DateTime, FixedOffset};
use rand_chacha::ChaCha8Rng;

use super::Sender;
use super::evolution::organization;
use super::file_name;
use super::history::{Habit, name_and_address, name_or_address, people};
use super::layout::{self, Html, Posting, Section, trimming};
use super::profile::{Draft, Field, Multipart, Profile, Shape, TextEncoding, Transfer, Wrap};
use super::random_text::{LOWER_HEX, is_among, letters};
use super::release::{self, Release};
use super::subject::Prefixes;
use super::words::Words;
use crate::attachment::Attachment;
use crate::mime::charset::Charset;
use crate::mime::encoded_word::{EncodedWords, WordEncoding};
use crate::mime::flowed::Line;
use crate::mime::header::HeaderStyle;
use crate::trace::Submission;

/// Since 1.4.
const HEADERS: &[(&str, Field)] = &[
    ("MIME-Version", Field::Fixed("1.0")),
    ("Date", Field::Date),
    ("From", Field::From),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("Subject", Field::Subject),
    ("In-Reply-To", Field::Value(3)),
    ("References", Field::Value(4)),
    ("User-Agent", Field::Value(0)),
    ("Message-ID", Field::MessageId),
    ("X-Sender", Field::Value(1)),
    ("Organization", Field::Value(2)),
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
];
/// Until 1.3.
const OLD_HEADERS: &[(&str, Field)] = &[
    ("MIME-Version", Field::Fixed("1.0")),
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("Date", Field::Date),
    ("From", Field::From),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("Subject", Field::Subject),
    ("Organization", Field::Value(2)),
    ("In-Reply-To", Field::Value(3)),
    ("References", Field::Value(4)),
    ("Message-ID", Field::MessageId),
    ("X-Sender", Field::Value(1)),
    ("User-Agent", Field::Value(0)),
];

const TEXT: &[TextEncoding] = &[
    TextEncoding::new(
        Charset::Ascii,
        "; charset=US-ASCII;\r\n format=flowed",
        Transfer::SevenBit,
    ),
    TextEncoding::new(
        Charset::Utf8,
        "; charset=UTF-8;\r\n format=flowed",
        Transfer::EightBit,
    ),
    TextEncoding::new(
        Charset::Utf8,
        "; charset=UTF-8;\r\n format=flowed",
        Transfer::QuotedPrintable(76),
    ),
];
const HTML_PART: &[TextEncoding] = &[TextEncoding::new(
    Charset::Utf8,
    "; charset=UTF-8",
    Transfer::QuotedPrintable(76),
)];

const HTML: Html = Html {
    document: [
        "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\" />\
         </head><body style='font-size: 10pt; font-family: Verdana,Geneva,sans-serif'>\n",
        "</body></html>",
    ],
    line: ["<div>", "</div>\n"],
    signature: ["<div id=\"signature\">", "</div>\n"],
    lead: ["<p id=\"reply-intro\">", "</p>\n"],
    label: ["", ""],
    lead_break: "<br>",
    block: "<blockquote type=\"cite\" style=\"padding: 0 0.4em; \
            border-left: #1010ff 2px solid; margin: 0\">\n",
    after_quote: "",
    gap: "<div><br /></div>\n",
};

const RELEASES: &[Release] = &[
    (2018, 11, "1.3.8"),
    (2019, 4, "1.3.9"),
    (2019, 9, "1.3.10"),
    (2019, 12, "1.4.1"),
    (2020, 3, "1.4.3"),
    (2020, 5, "1.4.4"),
    (2020, 7, "1.4.7"),
    (2020, 9, "1.4.8"),
    (2021, 1, "1.4.10"),
    (2021, 3, "1.4.11"),
    (2021, 11, "1.5.0"),
    (2022, 1, "1.5.2"),
    (2022, 8, "1.6.0"),
    (2023, 2, "1.6.1"),
    (2023, 10, "1.6.3"),
    (2023, 12, "1.6.5"),
    (2024, 2, "1.6.6"),
    (2024, 6, "1.6.7"),
    (2024, 9, "1.6.9"),
    (2025, 3, "1.6.10"),
    (2025, 6, "1.6.11"),
    (2026, 1, "1.6.12"),
];

/// Roundcube.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Roundcube;

impl Profile for Roundcube {
    fn name(&self) -> &'static str {
        "roundcube"
    }

    fn submission(&self, _sender: &Sender<'_>) -> Submission {
        Submission::Webmail
    }

    /// 32 hexadecimal digits (54 of 54 mails).
    fn message_id(
        &self,
        sender: &Sender<'_>,
        _date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String {
        format!("<{}@{}>", letters(LOWER_HEX, 32, rng), sender.domain())
    }

    fn prefixes(&self, _language: &str) -> Prefixes {
        Prefixes::PLAIN
    }

    fn shape(&self, draft: &Draft<'_>, _rng: &mut ChaCha8Rng) -> Shape {
        let message = draft.message;
        let company = message.installation.company;
        let release = release::installed(RELEASES, &message.date, company, 300);
        let answers = draft.parent().filter(|_| !draft.is_forward());
        Shape {
            headers: if release.starts_with("1.3.") {
                OLD_HEADERS
            } else {
                HEADERS
            },
            values: vec![
                format!("Roundcube Webmail/{release}"),
                message.from.address.to_owned(),
                organization(message.from.address, message.installation),
                answers.map_or_else(String::new, |parent| parent.message_id.to_owned()),
                answers.map_or_else(String::new, |_| draft.references.replace(' ', "\r\n ")),
            ],
            header_style: HeaderStyle {
                encoded_words: EncodedWords {
                    charsets: &[(Charset::Utf8, "UTF-8")],
                    encoding: WordEncoding::Quoted,
                },
                ..HeaderStyle::PLAIN
            },
            date_format: "%a, %d %b %Y %H:%M:%S %z",
            date_in_utc: false,
            text: TEXT,
            // Plain text is what the program comes with; many servers are set otherwise.
            html: if is_among(message.installation.person, "composes HTML", 40) {
                HTML_PART
            } else {
                &[]
            },
            wrap: Wrap::Flowed,
            boundary_separator: "\r\n ",
            quotes_boundary: true,
            multipart_encoding: None,
            preamble: "",
            thread_index: None,
        }
    }

    fn lines<'d>(&self, draft: &'d Draft<'_>) -> Vec<Line<'d>> {
        layout::lines(sections(draft), usize::from(draft.is_forward()))
    }

    fn html(&self, draft: &Draft<'_>) -> String {
        layout::html(&sections(draft), &HTML)
    }

    /// Writes the transfer encoding first.
    fn arrange_part(&self, headers: &mut Vec<(&'static str, String)>) {
        headers.reverse();
    }

    /// `=_` and 32 hexadecimal digits.
    fn boundary(&self, _draft: &Draft<'_>, _multipart: Multipart, rng: &mut ChaCha8Rng) -> String {
        format!("=_{}", letters(LOWER_HEX, 32, rng))
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
            ("Content-Transfer-Encoding", "base64".to_owned()),
            (
                "Content-Type",
                format!("{};\r\n {}", attachment.media_type, parameter("name")),
            ),
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

fn sections<'d>(draft: &'d Draft<'_>) -> Vec<Section<'d>> {
    let person = draft.message.installation.person;
    let (posting, habit) = if is_among(person, "answers above", 45) {
        (Posting::Top, Habit::Everything)
    } else {
        (Posting::Bottom, trimming(person))
    };
    layout::sections(draft, &draft.signature, posting, habit, lead(draft), "")
}

fn lead(draft: &Draft<'_>) -> Vec<String> {
    let Some(parent) = draft.parent() else {
        return Vec::new();
    };
    let words = Words::of(draft.message.language, &parent.date);
    // The long date of the program's settings (`date_long`), in every language.
    let date = parent.date.format("%Y-%m-%d %H:%M");
    if !draft.is_forward() {
        let who = name_or_address(&parent.author);
        return vec![match words {
            Words::English | Words::American => format!("On {date}, {who} wrote:"),
            Words::Spanish => format!("El {date}, {who} escribió:"),
            Words::German => format!("Am {date}, schrieb {who}:"),
            Words::French => format!("Le {date}, {who} a écrit :"),
            Words::Italian => format!("Il {date} {who} ha scritto:"),
            Words::Portuguese => format!("Em {date}, {who} escreveu:"),
            Words::Dutch => format!("{who} schreef op {date}:"),
        }];
    }
    let (title, [subject, when, from, to, cc]) = match words {
        Words::Spanish => (
            "Mensaje Original",
            ["Asunto", "Fecha", "Remitente", "Destinatario", "Cc"],
        ),
        Words::German => (
            "Originalnachricht",
            ["Betreff", "Datum", "Von", "An", "Kopie"],
        ),
        Words::French => ("Message original", ["Objet", "Date", "De", "À", "Cc"]),
        _ => ("Original Message", ["Subject", "Date", "From", "To", "Cc"]),
    };
    let mut block = vec![
        format!("-------- {title} --------"),
        format!("{subject}: {}", parent.subject.trim()),
        format!("{when}: {date}"),
        format!("{from}: {}", name_and_address(&parent.author)),
        format!("{to}: {}", people(parent.to)),
    ];
    if !parent.cc.is_empty() {
        block.push(format!("{cc}: {}", people(parent.cc)));
    }
    block
}
