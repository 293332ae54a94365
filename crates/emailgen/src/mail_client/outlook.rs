//! Outlook on a desktop that sends by SMTP, without Exchange.
//!
//! Ids and boundaries hold the time: `<nnnnhhhhhhhh$llllllll$tttttttt$@domain>` is a count of the
//! ids since the program was started, the high and the low half of the FILETIME, and three times
//! the low half. A boundary has the number of the multipart, the next count, and the FILETIME of
//! the local clock. (Each of the nine ids from 2019 to 2025 that were looked at, and four pairs of
//! id and boundary from 2003 to 2004.)

use chrono::{DateTime, Datelike, FixedOffset, Offset};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Sender;
use super::microsoft::word_html::{self, Word};
use super::microsoft::{self, Above, Body, Coding, Layout, header_style, smallest_charset};
use super::profile::{Draft, Field, Multipart, Profile, Shape, TextEncoding, Transfer, Wrap};
use super::random_text::{constant, is_among};
use super::subject::Prefixes;
use super::thread_index::{self, Maker};
use crate::attachment::Attachment;
use crate::message::{Installation, Message};
use crate::mime::charset::Charset;
use crate::mime::encoded_word::{self, WordEncoding};
use crate::mime::flowed::{self, Line};
use crate::mime::header;
use crate::trace::Submission;

/// Column at which the text is broken.
const WRAP_AT: usize = 76;

/// People who stayed with Outlook 2007, in per cent (16 of 120 mails on usrp-users).
const STAYED: u64 = 13;

/// First and last year in which one of them gets a new computer.
const STAYED_UNTIL: (i32, u64) = (2021, 9);

/// People who write plain text, in per cent (23 of 120 mails on usrp-users are no multipart).
const IN_PLAIN_TEXT: u64 = 19;

/// Users of the old release whose ids end in the top-level label of their domain alone, in per
/// cent: a fault of its own.
const CUTS_DOMAINS: u64 = 35;

const INDEX_LAST: &[(&str, Field)] = &[
    ("From", Field::From),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("References", Field::References),
    ("In-Reply-To", Field::InReplyTo),
    ("Subject", Field::Subject),
    ("Date", Field::Date),
    ("Message-ID", Field::MessageId),
    ("MIME-Version", Field::Fixed("1.0")),
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("X-Mailer", Field::Value(0)),
    ("Content-Language", Field::Value(1)),
    ("Thread-Index", Field::ThreadIndex),
];
const LANGUAGE_LAST: &[(&str, Field)] = &[
    ("From", Field::From),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("References", Field::References),
    ("In-Reply-To", Field::InReplyTo),
    ("Subject", Field::Subject),
    ("Date", Field::Date),
    ("Message-ID", Field::MessageId),
    ("MIME-Version", Field::Fixed("1.0")),
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("X-Mailer", Field::Value(0)),
    ("Thread-Index", Field::ThreadIndex),
    ("Content-Language", Field::Value(1)),
];

const QUOTED: Transfer = Transfer::QuotedPrintable(76);
const US_ASCII: &str = ";\r\n\tcharset=\"us-ascii\"";
const LATIN_1: &str = ";\r\n\tcharset=\"iso-8859-1\"";
const WINDOWS_1252: &str = ";\r\n\tcharset=\"Windows-1252\"";
const UTF_8: &str = ";\r\n\tcharset=\"utf-8\"";
const WORDS: &[(Charset, &str)] = &[
    (Charset::Latin1, "iso-8859-1"),
    (Charset::Windows1252, "Windows-1252"),
    (Charset::Utf8, "utf-8"),
];

static IN_ASCII: Coding = Coding {
    name: "us-ascii",
    text: &[
        TextEncoding::new(Charset::Ascii, US_ASCII, Transfer::SevenBit),
        TextEncoding::new(Charset::Ascii, US_ASCII, QUOTED),
    ],
    header_style: header_style(WORDS, WordEncoding::Quoted, true),
};
static IN_LATIN_1: Coding = Coding {
    name: "iso-8859-1",
    text: &[TextEncoding::new(Charset::Latin1, LATIN_1, QUOTED)],
    header_style: header_style(WORDS, WordEncoding::Quoted, true),
};
static IN_WINDOWS_1252: Coding = Coding {
    name: "Windows-1252",
    text: &[TextEncoding::new(
        Charset::Windows1252,
        WINDOWS_1252,
        QUOTED,
    )],
    header_style: header_style(WORDS, WordEncoding::Quoted, true),
};
static IN_UTF_8: Coding = Coding {
    name: "utf-8",
    text: &[TextEncoding::new(Charset::Utf8, UTF_8, QUOTED)],
    header_style: header_style(WORDS, WordEncoding::Quoted, true),
};

/// Outlook without Exchange.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Outlook;

impl Profile for Outlook {
    fn name(&self) -> &'static str {
        "outlook"
    }

    fn submission(&self, _sender: &Sender<'_>) -> Submission {
        Submission::Smtp
    }

    fn message_id(
        &self,
        sender: &Sender<'_>,
        date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String {
        let is_old = is_old(sender.installation, &date);
        let cuts = is_old && is_among(sender.installation.person, "cuts domains", CUTS_DOMAINS);
        let domain = if cuts {
            sender.domain().rsplit('.').next().unwrap_or_default()
        } else {
            sender.domain()
        };
        // The count of a program that is closed at night.
        let count = rng.random_range(0..0x400_u16) >> rng.random_range(0..6);
        // The clock counts milliseconds.
        let sent = thread_index::filetime(&date) + rng.random_range(0..1_000) * 10_000;
        let (high, low) = halves(sent);
        let triple = low.wrapping_mul(3);
        format!("<{count:04x}{high:08x}${low:08x}${triple:08x}$@{domain}>")
    }

    fn prefixes(&self, language: &str) -> Prefixes {
        microsoft::prefixes(language)
    }

    fn shape(&self, draft: &Draft<'_>, rng: &mut ChaCha8Rng) -> Shape {
        let message = draft.message;
        let person = message.installation.person;
        let coding = coding(draft);
        let index = if draft.references.is_empty() {
            thread_index::root(Maker::Desktop, &message.date, rng)
        } else {
            thread_index::of_references(&draft.references, &message.date, rng)
        };
        let mailer = if is_old(message.installation, &message.date) {
            "Microsoft Office Outlook 12.0"
        } else {
            "Microsoft Outlook 16.0"
        };
        let language = microsoft::language_tag(message.language, &message.date);
        Shape {
            headers: if is_among(person, "index last", 50) {
                INDEX_LAST
            } else {
                LANGUAGE_LAST
            },
            values: vec![mailer.to_owned(), language.to_ascii_lowercase()],
            header_style: coding.header_style,
            date_format: "%a, %-d %b %Y %H:%M:%S %z",
            date_in_utc: false,
            text: coding.text,
            html: if in_plain_text(message.installation) {
                &[]
            } else {
                html_encodings(coding)
            },
            wrap: Wrap::At(WRAP_AT),
            boundary_separator: "\r\n\t",
            quotes_boundary: true,
            multipart_encoding: None,
            preamble: "This is a multipart message in MIME format.\r\n\r\n",
            thread_index: Some(index),
        }
    }

    fn lines<'d>(&self, draft: &'d Draft<'_>) -> Vec<Line<'d>> {
        body(draft).into_lines()
    }

    fn html(&self, draft: &Draft<'_>) -> String {
        let message = draft.message;
        let language = microsoft::language_tag(message.language, &message.date);
        let is_old = is_old(message.installation, &message.date);
        let word = Word {
            charset: coding(draft).name,
            release: if is_old { 12 } else { 15 },
            by_exchange: false,
            aptos: !is_old && microsoft::has_release(message, "desktop font", 2024),
            is_new: draft.parent().is_none(),
            inches: language == "en-US",
        };
        word_html::render(&body(draft), &word, &language)
    }

    fn boundary(&self, draft: &Draft<'_>, multipart: Multipart, rng: &mut ChaCha8Rng) -> String {
        let message = draft.message;
        let is_inner = !message.attachments.is_empty() && multipart == Multipart::Alternative;
        let (count, sent) = count_and_time(message.message_id).unwrap_or_else(|| {
            (
                rng.random_range(0..0x40),
                thread_index::filetime(&message.date),
            )
        });
        let offset = i64::from(message.date.offset().fix().local_minus_utc()) * 10_000_000;
        let (high, low) = halves(sent.wrapping_add_signed(offset));
        let count = count.wrapping_add(1 + u16::from(is_inner));
        let part = u8::from(is_inner);
        format!("----=_NextPart_{part:03}_{count:04X}_{high:08X}.{low:08X}")
    }

    fn attachment_headers(
        &self,
        draft: &Draft<'_>,
        attachment: &Attachment,
        _rng: &mut ChaCha8Rng,
    ) -> Vec<(&'static str, String)> {
        let name = &attachment.file_name;
        let quoted = if encoded_word::needs_encoding(name) {
            let style = coding(draft).header_style;
            let words = encoded_word::encode(name, &style.encoded_words, 60, false);
            format!("\"{}\"", words.join("\r\n "))
        } else {
            header::quoted(name)
        };
        vec![
            (
                "Content-Type",
                format!("{};\r\n\tname={quoted}", attachment.media_type),
            ),
            ("Content-Transfer-Encoding", "base64".to_owned()),
            (
                "Content-Disposition",
                format!("attachment;\r\n\tfilename={quoted}"),
            ),
        ]
    }
}

/// The high and the low half of a FILETIME.
fn halves(time: u64) -> (u32, u32) {
    let bytes = time.to_be_bytes();
    let half = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte))
    };
    (half(&bytes[..4]), half(&bytes[4..]))
}

/// What an id of this program was made from.
fn count_and_time(message_id: &str) -> Option<(u16, u64)> {
    let mut groups = message_id.strip_prefix('<')?.split('$');
    let (count, high) = groups.next()?.split_at_checked(4)?;
    let low = groups.next()?;
    let time = u64::from_str_radix(&format!("{high}{low}"), 16).ok()?;
    Some((u16::from_str_radix(count, 16).ok()?, time))
}

/// Whether somebody still has Outlook 2007.
fn is_old(installation: Installation, date: &DateTime<FixedOffset>) -> bool {
    let (first, years) = STAYED_UNTIL;
    let lag = constant(installation.person, "new computer") % years;
    is_among(installation.person, "old Outlook", STAYED)
        && date.year() < first + i32::try_from(lag).unwrap_or_default()
}

fn in_plain_text(installation: Installation) -> bool {
    is_among(installation.person, "plain text", IN_PLAIN_TEXT)
}

fn body<'d>(draft: &'d Draft<'_>) -> Body<'d> {
    let Message {
        installation, date, ..
    } = draft.message;
    let layout = Layout {
        above: if in_plain_text(*installation) {
            Above::Title
        } else {
            Above::Nothing
        },
        seconds: false,
        is_old: is_old(*installation, date),
        footer: None,
    };
    Body::of(draft, layout)
}

fn coding(draft: &Draft<'_>) -> &'static Coding {
    let text = flowed::render(&body(draft).into_lines());
    match smallest_charset(&[&text]) {
        Charset::Ascii => &IN_ASCII,
        Charset::Latin1 => &IN_LATIN_1,
        Charset::Windows1252 => &IN_WINDOWS_1252,
        Charset::Utf8 => &IN_UTF_8,
    }
}

/// HTML is quoted-printable although it is ASCII.
fn html_encodings(coding: &'static Coding) -> &'static [TextEncoding] {
    coding.text.get(coding.text.len() - 1..).unwrap_or_default()
}
