//! GNOME Evolution, 3.30 and later.

use chrono::{DateTime, Datelike, FixedOffset};
use rand_chacha::ChaCha8Rng;

use super::Sender;
use super::file_name;
use super::history::{Habit, name_and_address, name_or_address, people};
use super::layout::{self, Html, Posting, Section, trimming};
use super::profile::{Draft, Field, Multipart, Profile, Shape, TextEncoding, Transfer, Wrap};
use super::random_text::{BASE64, LOWER_HEX, constant, is_among, letters};
use super::release::{self, Release};
use super::subject::Prefixes;
use super::words::Words;
use crate::attachment::Attachment;
use crate::message::{Installation, Mailbox};
use crate::mime::charset::Charset;
use crate::mime::encoded_word::{EncodedWords, WordEncoding};
use crate::mime::flowed::{Line, Marks};
use crate::mime::header::HeaderStyle;
use crate::trace::Submission;

/// Since 3.44, which encodes every text.
const HEADERS: &[(&str, Field)] = &[
    ("Message-ID", Field::MessageId),
    ("Subject", Field::Subject),
    ("From", Field::From),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("Date", Field::Date),
    ("In-Reply-To", Field::Value(2)),
    ("References", Field::Value(3)),
    ("Organization", Field::Value(1)),
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("User-Agent", Field::Value(0)),
    ("MIME-Version", Field::Fixed("1.0")),
];
/// Until 3.42.
const OLD_HEADERS: &[(&str, Field)] = &[
    ("Message-ID", Field::MessageId),
    ("Subject", Field::Subject),
    ("From", Field::From),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("Date", Field::Date),
    ("In-Reply-To", Field::Value(2)),
    ("References", Field::Value(3)),
    ("Organization", Field::Value(1)),
    ("Content-Type", Field::ContentType),
    ("User-Agent", Field::Value(0)),
    ("MIME-Version", Field::Fixed("1.0")),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
];

const UTF_8: &str = "; charset=\"UTF-8\"";
const ENCODED: &[TextEncoding] = &[encoding(Charset::Utf8, Transfer::QuotedPrintable(76))];
const OLD: &[TextEncoding] = &[
    encoding(Charset::Ascii, Transfer::SevenBit),
    encoding(Charset::Utf8, Transfer::EightBit),
    encoding(Charset::Utf8, Transfer::QuotedPrintable(76)),
];

const fn encoding(charset: Charset, transfer: Transfer) -> TextEncoding {
    TextEncoding {
        charset,
        parameters: UTF_8,
        transfer,
    }
}

/// Column of its paragraphs (`composer-word-wrap-length`).
const MARKS: Marks = Marks {
    outer: "> ",
    inner: "> ",
    empty: "> ",
    own: 71,
    quoted: 71,
};

const HTML: Html = Html {
    document: [
        "<html dir=\"ltr\"><head></head><body style=\"text-align:left; direction:ltr;\">",
        "</body></html>",
    ],
    line: ["<div>", "</div>"],
    signature: ["<div><span>", "</span></div>"],
    lead: ["<div>", "</div>"],
    label: ["", ""],
    lead_break: "<br>",
    block: "<blockquote type=\"cite\" style=\"margin:0 0 0 .8ex; \
            border-left:2px #729fcf solid;padding-left:1ex\">",
    after_quote: "",
    gap: "<div><br></div>",
};

/// Fedora.
const FEDORA: &[Release] = &[
    (2018, 11, "3.30.2 (3.30.2-1.fc29)"),
    (2019, 5, "3.32.4 (3.32.4-1.fc30)"),
    (2019, 11, "3.34.2 (3.34.2-1.fc31)"),
    (2020, 5, "3.36.5 (3.36.5-1.fc32)"),
    (2020, 11, "3.38.4 (3.38.4-1.fc33)"),
    (2021, 5, "3.40.4 (3.40.4-1.fc34)"),
    (2021, 11, "3.42.4 (3.42.4-1.fc35)"),
    (2022, 5, "3.44.4 (3.44.4-1.fc36)"),
    (2022, 11, "3.46.4 (3.46.4-1.fc37)"),
    (2023, 5, "3.48.4 (3.48.4-1.fc38)"),
    (2023, 11, "3.50.4 (3.50.4-1.fc39)"),
    (2024, 5, "3.52.4 (3.52.4-1.fc40)"),
    (2024, 11, "3.54.3 (3.54.3-1.fc41)"),
    (2025, 5, "3.56.2 (3.56.2-1.fc42)"),
    (2025, 11, "3.58.3 (3.58.3-1.fc43)"),
];
/// Ubuntu with long-term support.
const UBUNTU: &[Release] = &[
    (2018, 5, "3.28.5-0ubuntu0.18.04.2"),
    (2020, 5, "3.36.5-0ubuntu1"),
    (2022, 8, "3.44.4-0ubuntu2"),
    (2024, 8, "3.52.3-0ubuntu1"),
];
/// Debian stable.
const DEBIAN: &[Release] = &[
    (2019, 7, "3.30.5-1.1"),
    (2021, 8, "3.38.3-1+deb11u2"),
    (2023, 6, "3.46.4-2"),
    (2025, 8, "3.56.1-1"),
];

/// GNOME Evolution.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Evolution;

impl Profile for Evolution {
    fn name(&self) -> &'static str {
        "evolution"
    }

    fn submission(&self, _sender: &Sender<'_>) -> Submission {
        Submission::Smtp
    }

    /// A SHA-1, and the name of the library that mails.
    fn message_id(
        &self,
        sender: &Sender<'_>,
        _date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String {
        format!(
            "<{}.camel@{}>",
            letters(LOWER_HEX, 40, rng),
            sender.domain()
        )
    }

    fn prefixes(&self, _language: &str) -> Prefixes {
        Prefixes::PLAIN
    }

    fn shape(&self, draft: &Draft<'_>, _rng: &mut ChaCha8Rng) -> Shape {
        let message = draft.message;
        let release = release(draft);
        let is_old = minor(release) < 44;
        let answers = draft.parent().filter(|_| !draft.is_forward());
        let encodings = if is_old { OLD } else { ENCODED };
        Shape {
            headers: if is_old { OLD_HEADERS } else { HEADERS },
            values: vec![
                format!("Evolution {release}"),
                organization(message.from.address, message.installation),
                answers.map_or_else(String::new, |parent| parent.message_id.to_owned()),
                answers.map_or_else(String::new, |_| draft.references.replace(' ', "\r\n\t ")),
            ],
            header_style: HeaderStyle {
                encoded_words: EncodedWords {
                    charsets: &[(Charset::Latin1, "ISO-8859-1"), (Charset::Utf8, "UTF-8")],
                    encoding: WordEncoding::Quoted,
                },
                ..HeaderStyle::PLAIN
            },
            date_format: "%a, %d %b %Y %H:%M:%S %z",
            date_in_utc: false,
            text: encodings,
            // Plain text is what the program comes with.
            html: if is_among(message.installation.person, "composes HTML", 30) {
                encodings
            } else {
                &[]
            },
            wrap: Wrap::Marked(&MARKS),
            boundary_separator: " ",
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

    /// `=-` and 20 letters of base64.
    fn boundary(&self, _draft: &Draft<'_>, _multipart: Multipart, rng: &mut ChaCha8Rng) -> String {
        format!("=-{}", letters(BASE64, 20, rng))
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
                file_name::quoted(parameter, name)
            } else {
                file_name::extended(parameter, name, "UTF-8", "\r\n\t")
            }
        };
        vec![
            (
                "Content-Type",
                format!("{}; {}", attachment.media_type, parameter("name")),
            ),
            (
                "Content-Disposition",
                format!("attachment; {}", parameter("filename")),
            ),
            ("Content-Transfer-Encoding", "base64".to_owned()),
        ]
    }
}

/// The number after `3.`.
fn minor(release: &str) -> u32 {
    let number = release.split('.').nth(1);
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}

fn release(draft: &Draft<'_>) -> &'static str {
    let message = draft.message;
    let person = message.installation.person;
    let (table, most_days) = match constant(person, "distribution") % 10 {
        0..=3 => (FEDORA, 60),
        4..=7 => (UBUNTU, 250),
        _ => (DEBIAN, 120),
    };
    release::installed(table, &message.date, person, most_days)
}

/// What an account says of the company, where it says something: the name in its domain.
pub(super) fn organization(address: &str, installation: Installation) -> String {
    if !is_among(installation.company, "organization", 12) {
        return String::new();
    }
    let domain = address.rsplit('@').next().unwrap_or_default();
    let mut labels = domain.rsplit('.').skip(1);
    let mut name = labels.next().unwrap_or_default();
    // `corp.co.uk`.
    if name.len() <= 3 {
        name = labels.next().unwrap_or(name);
    }
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}

fn sections<'d>(draft: &'d Draft<'_>) -> Vec<Section<'d>> {
    let person = draft.message.installation.person;
    let (posting, habit) = if is_among(person, "answers above", 40) {
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
    if !draft.is_forward() {
        return vec![attribution(words, &parent.date, &parent.author)];
    }
    let (title, [from, to, cc, subject, date]) = match words {
        Words::Spanish => ("Mensaje reenviado", ["De", "Para", "Cc", "Asunto", "Fecha"]),
        Words::German => (
            "Weitergeleitete Nachricht",
            ["Von", "An", "Kopie", "Betreff", "Datum"],
        ),
        Words::French => ("Message transféré", ["De", "À", "Cc", "Sujet", "Date"]),
        _ => ("Forwarded Message", ["From", "To", "Cc", "Subject", "Date"]),
    };
    let mut block = vec![
        format!("-------- {title} --------"),
        format!("{from}: {}", name_and_address(&parent.author)),
        format!("{to}: {}", people(parent.to)),
    ];
    if !parent.cc.is_empty() {
        block.push(format!("{cc}: {}", people(parent.cc)));
    }
    block.push(format!("{subject}: {}", parent.subject.trim()));
    block.push(format!(
        "{date}: {}",
        parent.date.format("%a, %d %b %Y %H:%M:%S %z")
    ));
    block
}

/// The line above a quote: the date in numbers, with the zone.
fn attribution(words: Words, date: &DateTime<FixedOffset>, author: &Mailbox<'_>) -> String {
    let who = name_or_address(author);
    let weekday = words.short_weekday(date);
    let clock = date.format("%H:%M %z");
    let iso = date.format("%Y-%m-%d");
    match words {
        Words::English | Words::American => format!("On {weekday}, {iso} at {clock}, {who} wrote:"),
        Words::Spanish => format!(
            "El {weekday}, {} a las {clock}, {who} escribió:",
            date.format("%d-%m-%Y")
        ),
        Words::German => format!(
            "Am {}, dem {} um {clock} schrieb {who}:",
            words.weekday(date),
            date.format("%d.%m.%Y")
        ),
        Words::French => format!(
            "Le {} {} {} {} à {clock}, {who} a écrit :",
            words.weekday(date),
            date.day(),
            words.month(date),
            date.year()
        ),
        Words::Italian => format!(
            "Il giorno {weekday}, {} alle {clock}, {who} ha scritto:",
            date.format("%d/%m/%Y")
        ),
        Words::Portuguese => format!("Em {weekday}, {iso} às {clock}, {who} escreveu:"),
        Words::Dutch => format!(
            "{who} schreef op {weekday} {} om {clock}:",
            date.format("%d-%m-%Y")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributions_name_the_zone() {
        let date = DateTime::parse_from_rfc3339("2019-07-24T16:39:12+02:00").unwrap_or_default();
        let ana = Mailbox {
            name: "Ana",
            address: "ana@corp.example",
        };
        for (words, expected) in [
            (
                Words::English,
                "On Wed, 2019-07-24 at 16:39 +0200, Ana wrote:",
            ),
            (
                Words::German,
                "Am Mittwoch, dem 24.07.2019 um 16:39 +0200 schrieb Ana:",
            ),
        ] {
            assert_eq!(attribution(words, &date, &ana), expected);
        }
        assert_eq!(minor("3.52.4 (3.52.4-1.fc40)"), 52);
    }

    #[test]
    fn an_organization_is_named_by_its_domain() {
        let named = (0..2000)
            .map(|company| Installation { person: 1, company })
            .map(|installation| organization("a@mail.corp.co.uk", installation))
            .filter(|name| !name.is_empty())
            .collect::<Vec<_>>();
        assert!((180..300).contains(&named.len()));
        assert!(named.iter().all(|name| name == "Corp"));
    }
}
