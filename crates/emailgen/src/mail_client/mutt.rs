//! mutt and NeoMutt.
//!
//! Plain text only. What the editor writes is sent as it is, and nothing follows the language of
//! the user: the format of dates starts with `!`, which asks for English.

use chrono::{DateTime, FixedOffset};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Sender;
use super::file_name;
use super::history::{name_and_address, name_or_address, people};
use super::layout::{self, Posting, Section, trimming};
use super::profile::{Draft, Field, Multipart, Profile, Shape, TextEncoding, Transfer, Wrap};
use super::random_text::{BASE64, constant, is_among, letters};
use super::release::{self, Release};
use super::subject::Prefixes;
use crate::attachment::Attachment;
use crate::message::Installation;
use crate::mime::charset::Charset;
use crate::mime::encoded_word::{EncodedWords, WordEncoding};
use crate::mime::flowed::{Line, Marks};
use crate::mime::header::HeaderStyle;
use crate::trace::Submission;

const REPLY: &[(&str, Field)] = &[
    ("Date", Field::Date),
    ("From", Field::From),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("Subject", Field::Subject),
    ("Message-ID", Field::MessageId),
    ("References", Field::References),
    ("MIME-Version", Field::Fixed("1.0")),
    ("Content-Type", Field::ContentType),
    ("Content-Disposition", Field::Fixed("inline")),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("In-Reply-To", Field::InReplyTo),
    ("User-Agent", Field::Value(0)),
];
/// A forward does not name what it passes on.
const NEW: &[(&str, Field)] = &[
    ("Date", Field::Date),
    ("From", Field::From),
    ("To", Field::To),
    ("Cc", Field::Cc),
    ("Subject", Field::Subject),
    ("Message-ID", Field::MessageId),
    ("MIME-Version", Field::Fixed("1.0")),
    ("Content-Type", Field::ContentType),
    ("Content-Disposition", Field::Fixed("inline")),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("User-Agent", Field::Value(0)),
];

const ASCII: &str = "; charset=us-ascii";
const UTF_8: &str = "; charset=utf-8";
const TEXT: &[TextEncoding] = &[
    TextEncoding::new(Charset::Ascii, ASCII, Transfer::Undeclared),
    TextEncoding::new(Charset::Ascii, ASCII, Transfer::QuotedPrintable(76)),
    TextEncoding::new(Charset::Utf8, UTF_8, Transfer::EightBit),
    TextEncoding::new(Charset::Utf8, UTF_8, Transfer::QuotedPrintable(76)),
];

/// vim breaks what is typed (`textwidth=72` in mail), and leaves what is quoted.
const MARKS: Marks = Marks {
    outer: "> ",
    inner: "> ",
    empty: "> ",
    own: 72,
    quoted: 76,
};

/// Debian stable.
const DEBIAN: &[Release] = &[
    (2017, 6, "Mutt/1.7.2 (2016-11-26)"),
    (2019, 7, "Mutt/1.10.1 (2018-07-13)"),
    (2021, 8, "Mutt/2.0.5 (2021-01-21)"),
    (2023, 6, "Mutt/2.2.9 (2022-11-12)"),
    (2025, 8, "Mutt/2.2.13 (2024-03-09)"),
];
/// Ubuntu with long-term support.
const UBUNTU: &[Release] = &[
    (2018, 5, "Mutt/1.9.4 (2018-02-28)"),
    (2020, 5, "Mutt/1.13.2 (2019-12-18)"),
    (2022, 5, "Mutt/2.1.4 (2021-12-11)"),
    (2024, 5, "Mutt/2.2.12 (2023-09-09)"),
];
/// Distributions that take each release.
const ROLLING: &[Release] = &[
    (2018, 8, "Mutt/1.10.1 (2018-07-13)"),
    (2019, 7, "Mutt/1.12.1 (2019-06-15)"),
    (2020, 1, "Mutt/1.13.2 (2019-12-18)"),
    (2020, 8, "Mutt/1.14.6 (2020-07-11)"),
    (2020, 12, "Mutt/2.0.2 (2020-11-20)"),
    (2021, 6, "Mutt/2.0.7 (2021-05-04)"),
    (2021, 10, "Mutt/2.1.3 (2021-09-10)"),
    (2022, 3, "Mutt/2.2.1 (2022-02-19)"),
    (2022, 9, "Mutt/2.2.7 (2022-08-07)"),
    (2023, 4, "Mutt/2.2.10 (2023-03-25)"),
    (2023, 10, "Mutt/2.2.12 (2023-09-09)"),
    (2024, 4, "Mutt/2.2.13 (2024-03-09)"),
    (2025, 3, "Mutt/2.2.14 (2025-02-20)"),
];
/// NeoMutt in Debian.
const NEOMUTT_DEBIAN: &[Release] = &[
    (2017, 6, "NeoMutt/20170113 (1.7.2)"),
    (2019, 7, "NeoMutt/20180716"),
    (2021, 8, "NeoMutt/20201127"),
    (2023, 6, "NeoMutt/20220429"),
    (2025, 8, "NeoMutt/20250113"),
];
/// NeoMutt where each release is taken.
const NEOMUTT_ROLLING: &[Release] = &[
    (2018, 8, "NeoMutt/20180716"),
    (2020, 1, "NeoMutt/20191207"),
    (2020, 7, "NeoMutt/20200626"),
    (2020, 12, "NeoMutt/20201127"),
    (2021, 3, "NeoMutt/20210205"),
    (2021, 11, "NeoMutt/20211029"),
    (2022, 5, "NeoMutt/20220429"),
    (2023, 6, "NeoMutt/20230517"),
    (2024, 1, "NeoMutt/20231221"),
    (2024, 5, "NeoMutt/20240425"),
    (2024, 11, "NeoMutt/20241002"),
    (2025, 2, "NeoMutt/20250113"),
    (2025, 6, "NeoMutt/20250510"),
];

/// mutt and NeoMutt.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mutt;

impl Profile for Mutt {
    fn name(&self) -> &'static str {
        "mutt"
    }

    fn submission(&self, _sender: &Sender<'_>) -> Submission {
        Submission::LocalSendmail
    }

    /// At the sender's own machine. mutt 1 writes the time and the number of its process, NeoMutt
    /// the time and a random tail, mutt 2 both in base64.
    fn message_id(
        &self,
        sender: &Sender<'_>,
        date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String {
        let host = host(sender);
        let utc = date.to_utc();
        let release = release(sender.installation, &date);
        if release.starts_with("NeoMutt/") {
            let tail = letters(b"abcdefghijklmnopqrstuvwxyz234567", 16, rng);
            format!("<{}.{tail}@{host}>", utc.format("%Y%m%d%H%M%S"))
        } else if release.starts_with("Mutt/1.") {
            let letter = char::from(b'A' + rng.random_range(0..4_u8));
            let process = rng.random_range(900..32_768);
            format!("<{}.G{letter}{process}@{host}>", utc.format("%Y%m%d%H%M%S"))
        } else {
            // Four octets of seconds and eight random ones.
            let seconds = u32::try_from(utc.timestamp()).unwrap_or_default();
            let bytes: [u8; 8] = rng.random();
            let bytes = [&seconds.to_be_bytes()[..], &bytes].concat();
            let local = crate::mime::base64::inline(&bytes)
                .replace('+', "-")
                .replace('/', "_");
            format!("<{local}@{host}>")
        }
    }

    fn prefixes(&self, _language: &str) -> Prefixes {
        Prefixes::PLAIN
    }

    fn shape(&self, draft: &Draft<'_>, _rng: &mut ChaCha8Rng) -> Shape {
        let message = draft.message;
        // 3,000 of some 3,800 mails are by people who have switched it off, a third of all users.
        let is_silent = is_among(message.installation.person, "hides its name", 33);
        let user_agent = if is_silent {
            ""
        } else {
            release(message.installation, &message.date)
        };
        let answers = draft.parent().is_some() && !draft.is_forward();
        Shape {
            headers: if answers { REPLY } else { NEW },
            values: vec![user_agent.to_owned()],
            header_style: HeaderStyle {
                encoded_words: EncodedWords {
                    charsets: &[(Charset::Utf8, "utf-8")],
                    encoding: WordEncoding::Shorter,
                },
                ..HeaderStyle::PLAIN
            },
            date_format: "%a, %-d %b %Y %H:%M:%S %z",
            // 20 % are written on servers that keep UTC.
            date_in_utc: is_among(message.installation.person, "server in UTC", 20),
            text: TEXT,
            html: &[],
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

    fn html(&self, _draft: &Draft<'_>) -> String {
        String::new()
    }

    /// Every part says how it is shown.
    fn arrange_part(&self, headers: &mut Vec<(&'static str, String)>) {
        headers.insert(
            1.min(headers.len()),
            ("Content-Disposition", "inline".to_owned()),
        );
    }

    /// 16 letters of base64.
    fn boundary(&self, _draft: &Draft<'_>, _multipart: Multipart, rng: &mut ChaCha8Rng) -> String {
        letters(BASE64, 16, rng)
    }

    fn attachment_headers(
        &self,
        _draft: &Draft<'_>,
        attachment: &Attachment,
        _rng: &mut ChaCha8Rng,
    ) -> Vec<(&'static str, String)> {
        let name = &attachment.file_name;
        let file_name = if name.is_ascii() {
            file_name::quoted("filename", name)
        } else {
            file_name::extended("filename", name, "utf-8", "\r\n\t")
        };
        vec![
            ("Content-Type", attachment.media_type.to_owned()),
            ("Content-Disposition", format!("attachment; {file_name}")),
            ("Content-Transfer-Encoding", "base64".to_owned()),
        ]
    }
}

fn release(installation: Installation, date: &DateTime<FixedOffset>) -> &'static str {
    let person = installation.person;
    let (table, most_days) = match constant(person, "distribution") % 10 {
        0..=2 => (DEBIAN, 200),
        3..=4 => (UBUNTU, 250),
        5 => (ROLLING, 40),
        6..=7 => (NEOMUTT_ROLLING, 40),
        _ => (NEOMUTT_DEBIAN, 200),
    };
    release::installed(table, date, person, most_days)
}

/// Names that people give to machines.
const HOSTS: &[&str] = &[
    "laptop", "ws", "desk", "nb", "dev", "shell", "thinkpad", "box", "pc", "work",
];

/// The machine: half of all users have set the name of their domain.
fn host(sender: &Sender<'_>) -> String {
    let person = sender.installation.person;
    let domain = sender.domain();
    if is_among(person, "names the domain", 50) {
        return domain.to_owned();
    }
    let number = constant(person, "host");
    let length = u64::try_from(HOSTS.len()).unwrap_or(1);
    let name = usize::try_from(number % length)
        .ok()
        .and_then(|at| HOSTS.get(at))
        .copied()
        .unwrap_or("pc");
    match number >> 32 & 3 {
        0 => format!("{name}.{domain}"),
        _ => format!("{name}{}.{domain}", 1 + (number >> 40) % 60),
    }
}

fn sections<'d>(draft: &'d Draft<'_>) -> Vec<Section<'d>> {
    let habit = trimming(draft.message.installation.person);
    let tail = "----- End forwarded message -----";
    layout::sections(
        draft,
        &draft.signature,
        Posting::Bottom,
        habit,
        lead(draft),
        tail,
    )
}

fn lead(draft: &Draft<'_>) -> Vec<String> {
    let Some(parent) = draft.parent() else {
        return Vec::new();
    };
    if !draft.is_forward() {
        let who = name_or_address(&parent.author);
        let date = parent.date.format("%a, %b %d, %Y at %I:%M:%S%p %z");
        return vec![format!("On {date}, {who} wrote:")];
    }
    let author = name_and_address(&parent.author);
    let mut block = vec![
        format!("----- Forwarded message from {author} -----"),
        String::new(),
        format!("Date: {}", parent.date.format("%a, %-d %b %Y %H:%M:%S %z")),
        format!("From: {author}"),
        format!("To: {}", people(parent.to)),
    ];
    if !parent.cc.is_empty() {
        block.push(format!("Cc: {}", people(parent.cc)));
    }
    block.push(format!("Subject: {}", parent.subject.trim()));
    block
}
