//! Mail on the Mac, macOS 10.14 and later.

use chrono::{DateTime, FixedOffset};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Sender;
use super::apple::builds::{self, Build, MACOS};
use super::apple::{
    ForwardWords, HEADER_STYLE, MARKS, attribution, divs, forward_block, forward_lines,
    has_short_lines, linked, media_type, name_parameters, own_lines, reply_lines, upper_uuid,
};
use super::file_name;
use super::html::{escape, levels, with_spaces};
use super::profile::{Draft, Field, Multipart, Profile, Shape, TextEncoding, Transfer, Wrap};
use super::random_text::constant;
use super::subject::Prefixes;
use super::words::Words;
use crate::attachment::Attachment;
use crate::mime::charset::Charset;
use crate::mime::flowed::Line;
use crate::mime::quoted_printable::Habit;
use crate::trace::Submission;

/// Of a reply in one part (8 of 10 on a list of plain text). The program keeps its headers in a
/// table, and so their order depends on how many there are.
const PLAIN_REPLY: &[(&str, Field)] = &[
    ("Content-Type", Field::ContentType),
    ("Mime-Version", Field::Value(0)),
    ("Subject", Field::Subject),
    ("From", Field::From),
    ("In-Reply-To", Field::InReplyTo),
    ("Date", Field::Date),
    ("Cc", Field::Cc),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("Message-Id", Field::MessageId),
    ("References", Field::References),
    ("To", Field::To),
    ("X-Mailer", Field::Value(1)),
];
/// Of a reply in several parts, as seen on public lists from 10.12 to 12.
const REPLY: &[(&str, Field)] = &[
    ("From", Field::From),
    ("Message-Id", Field::MessageId),
    ("Content-Type", Field::ContentType),
    ("Mime-Version", Field::Value(0)),
    ("Subject", Field::Subject),
    ("Date", Field::Date),
    ("In-Reply-To", Field::InReplyTo),
    ("Cc", Field::Cc),
    ("To", Field::To),
    ("References", Field::References),
    ("X-Mailer", Field::Value(1)),
];
const NEW: &[(&str, Field)] = &[
    ("From", Field::From),
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("Mime-Version", Field::Value(0)),
    ("Subject", Field::Subject),
    ("Message-Id", Field::MessageId),
    ("Date", Field::Date),
    ("Cc", Field::Cc),
    ("To", Field::To),
    ("X-Mailer", Field::Value(1)),
];
/// Of a mail that starts a thread, as it is saved among the drafts: seen on public lists in mail
/// that was sent with all of its headers (macOS 10.15 and 11), and in a draft of macOS 13.
const DRAFT: &[(&str, Field)] = &[
    ("Subject", Field::Subject),
    ("Mime-Version", Field::Value(0)),
    ("Content-Type", Field::ContentType),
    ("X-Apple-Auto-Saved", Field::Fixed("1")),
    ("X-Apple-Mail-Plain-Text-Draft", Field::Value(2)),
    ("X-Apple-Base-Url", Field::Value(3)),
    ("X-Universally-Unique-Identifier", Field::Value(4)),
    ("X-Apple-Mail-Remote-Attachments", Field::Fixed("YES")),
    ("From", Field::From),
    ("X-Apple-Windows-Friendly", Field::Fixed("1")),
    ("Date", Field::Date),
    ("X-Apple-Mail-Signature", Field::Value(5)),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("Message-Id", Field::MessageId),
    (
        "X-Uniform-Type-Identifier",
        Field::Fixed("com.apple.mail-draft"),
    ),
    ("Cc", Field::Cc),
    ("To", Field::To),
];
/// A forward names its thread, but answers nothing.
const FORWARD: &[(&str, Field)] = &[
    ("From", Field::From),
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("Mime-Version", Field::Value(0)),
    ("Subject", Field::Subject),
    ("Message-Id", Field::MessageId),
    ("References", Field::References),
    ("Cc", Field::Cc),
    ("To", Field::To),
    ("Date", Field::Date),
    ("X-Mailer", Field::Value(1)),
];

const ASCII: &str = ";\r\n\tcharset=us-ascii";
const UTF_8: &str = ";\r\n\tcharset=utf-8";
/// Breaks lines between words, where the iPhone breaks them anywhere.
const ENCODED: Transfer = Transfer::QuotedPrintableBy(
    76,
    Habit {
        escapes_dots: false,
        breaks_at_words: true,
    },
);
const SHORT: &[TextEncoding] = &[
    TextEncoding::new(Charset::Ascii, ASCII, Transfer::SevenBit),
    TextEncoding::new(Charset::Utf8, UTF_8, ENCODED),
];
const LONG: &[TextEncoding] = &[
    TextEncoding::new(Charset::Ascii, ASCII, ENCODED),
    TextEncoding::new(Charset::Utf8, UTF_8, ENCODED),
];
const UTF_8_ONLY: &[TextEncoding] = &[TextEncoding::new(Charset::Utf8, UTF_8, ENCODED)];

/// Mail on the Mac.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AppleMail;

/// What only a draft tells: whether it will be sent as plain text, and names that the program gives
/// to what it works on.
fn saved_values(draft: &Draft<'_>, is_plain: bool, rng: &mut ChaCha8Rng) -> Vec<String> {
    let person = draft.message.installation.person;
    let signature = if draft.signature.is_empty() {
        "SKIP_SIGNATURE".to_owned()
    } else {
        upper_uuid(&mut ChaCha8Rng::seed_from_u64(constant(
            person,
            "signature",
        )))
    };
    vec![
        if is_plain { "yes" } else { "" }.to_owned(),
        // Counts the windows since the program was started.
        format!("x-msg://{}/", rng.random_range(1..300)),
        upper_uuid(rng),
        signature,
    ]
}

impl Profile for AppleMail {
    fn name(&self) -> &'static str {
        "apple-mail"
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

    fn shape(&self, draft: &Draft<'_>, rng: &mut ChaCha8Rng) -> Shape {
        let build = release(draft);
        let is_reply = draft.parent().is_some() && !draft.is_forward();
        // The program sends plain text when nothing is formatted. A quote is, and so is the
        // signature of most.
        let plain_per_cent = match (is_reply || draft.is_forward(), draft.signature.is_empty()) {
            (true, _) => 12,
            (false, false) => 30,
            (false, true) => 55,
        };
        let is_plain = rng.random_range(0..100) < plain_per_cent;
        let is_whole = is_plain && draft.message.attachments.is_empty();
        let text = if is_plain && has_short_lines(&self.lines(draft)) {
            SHORT
        } else if is_plain || !is_reply {
            LONG
        } else {
            // An answer keeps the character set that it answers (85 % of all mail is in UTF-8).
            UTF_8_ONLY
        };
        let saved = match draft.saved_on {
            Some(_) => saved_values(draft, is_plain, rng),
            None => Vec::new(),
        };
        let mut values = vec![
            format!(
                "1.0 (Mac OS X Mail {} \\({}\\))",
                build.version, build.build
            ),
            format!("Apple Mail (2.{})", build.build),
        ];
        values.extend(saved);
        Shape {
            headers: match (is_reply, draft.is_forward()) {
                (false, false) if draft.saved_on.is_some() => DRAFT,
                (true, _) if is_whole => PLAIN_REPLY,
                (true, _) => REPLY,
                (false, true) => FORWARD,
                (false, false) => NEW,
            },
            values,
            header_style: HEADER_STYLE,
            date_format: "%a, %-d %b %Y %H:%M:%S %z",
            date_in_utc: false,
            text,
            html: match (is_plain, is_reply) {
                (true, _) if draft.saved_on.is_none() => &[],
                (_, true) => UTF_8_ONLY,
                (_, false) => LONG,
            },
            wrap: Wrap::Marked(&MARKS),
            boundary_separator: "\r\n\t",
            quotes_boundary: true,
            multipart_encoding: None,
            preamble: "",
            thread_index: None,
        }
    }

    fn saves_html_alone(&self) -> bool {
        true
    }

    fn lines<'d>(&self, draft: &'d Draft<'_>) -> Vec<Line<'d>> {
        let Body { lead, quoted } = Body::of(draft);
        let mut lines = own_lines(&draft.text, &draft.signature);
        if lead.is_empty() {
            return lines;
        }
        lines.push(Line::own(""));
        lines.extend(lead.into_iter().map(|text| Line {
            depth: 1,
            text: text.into(),
        }));
        lines.extend(quoted);
        lines
    }

    fn html(&self, draft: &Draft<'_>) -> String {
        // Until macOS 12 the editor leaves an empty class at every element.
        let number = release(draft).number();
        let class = if number < 3731 { " class=\"\"" } else { "" };
        let wrap = if number < 3731 {
            "word-wrap"
        } else {
            "overflow-wrap"
        };
        let mut out = String::with_capacity(4096);
        let charset = if draft.parent().is_some() && !draft.is_forward() || !is_ascii(draft) {
            "utf-8"
        } else {
            "us-ascii"
        };
        out.push_str(&format!(
            "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset={charset}\">\
             </head><body style=\"{wrap}: break-word; -webkit-nbsp-mode: space; \
             line-break: after-white-space;\"{class}>"
        ));
        let text: Vec<&str> = draft.text.split('\n').collect();
        divs(&text, class, &mut out);
        if !draft.signature.is_empty() {
            out.push_str(&format!("<br{class}><div{class}>\n<div{class}>"));
            for (index, line) in draft.signature.split('\n').enumerate() {
                if index > 0 {
                    out.push_str(&format!("<br{class}>"));
                }
                with_spaces(line, &mut out);
            }
            out.push_str("</div>\n</div>");
        }
        let Body { lead, quoted } = Body::of(draft);
        if let (Some((first, rest)), Some(parent)) = (lead.split_first(), draft.parent()) {
            let block = format!("<blockquote type=\"cite\"{class}>");
            out.push_str(&format!("\n<div><br{class}>{block}<div{class}>"));
            linked(first, parent.author.address, class, &mut out);
            out.push_str("</div><br class=\"Apple-interchange-newline\">");
            for line in rest.iter().filter(|line| !line.is_empty()) {
                out.push_str(&format!(
                    "<div style=\"margin-top: 0px; margin-right: 0px; margin-bottom: 0px; \
                     margin-left: 0px;\"{class}><b{class}>"
                ));
                let (label, value) = line.split_once(": ").unwrap_or((line, ""));
                escape(label, false, &mut out);
                out.push_str(": </b>");
                escape(value, false, &mut out);
                out.push_str(&format!("<br{class}></div>"));
            }
            if rest.len() > 1 {
                out.push_str(&format!("<br{class}>"));
            }
            out.push_str(&format!("<div{class}>"));
            let (start, end) = (format!("<div{class}>"), format!("<br{class}></div>"));
            levels(&quoted, 1, [&start, &end, &block], &mut out);
            out.push_str(&format!("</div></blockquote></div><br{class}>"));
        }
        out.push_str("</body></html>");
        out
    }

    /// Writes the transfer encoding first.
    fn arrange_part(&self, headers: &mut Vec<(&'static str, String)>) {
        headers.reverse();
    }

    /// `Apple-Mail=_` and a UUID.
    fn boundary(&self, _draft: &Draft<'_>, _multipart: Multipart, rng: &mut ChaCha8Rng) -> String {
        format!("Apple-Mail=_{}", upper_uuid(rng))
    }

    fn attachment_headers(
        &self,
        _draft: &Draft<'_>,
        attachment: &Attachment,
        _rng: &mut ChaCha8Rng,
    ) -> Vec<(&'static str, String)> {
        let media_type = media_type(attachment);
        let [type_name, file_name] = name_parameters(attachment, file_name::quoted);
        vec![
            (
                "Content-Disposition",
                format!("attachment;\r\n\t{file_name}"),
            ),
            (
                "Content-Type",
                format!("{media_type};\r\n\tx-unix-mode=0644;\r\n\t{type_name}"),
            ),
            ("Content-Transfer-Encoding", "base64".to_owned()),
        ]
    }
}

fn release(draft: &Draft<'_>) -> Build {
    let message = draft.message;
    builds::installed(MACOS, &message.date, message.installation.person)
}

/// Whether everything that the reader sees is ASCII.
fn is_ascii(draft: &Draft<'_>) -> bool {
    let Body { lead, quoted } = Body::of(draft);
    draft.text.is_ascii()
        && draft.signature.is_ascii()
        && lead.iter().all(|line| line.is_ascii())
        && quoted.iter().all(|line| line.text.is_ascii())
}

/// What is quoted.
struct Body<'d> {
    /// What the program writes at the start of the quote, with an empty line at its end. Empty when
    /// nothing is quoted.
    lead: Vec<String>,
    quoted: Vec<Line<'d>>,
}

impl<'d> Body<'d> {
    fn of(draft: &'d Draft<'_>) -> Self {
        let mut body = Self {
            lead: Vec::new(),
            quoted: Vec::new(),
        };
        let Some(parent) = draft.parent() else {
            return body;
        };
        // Since macOS 13.
        let narrow = release(draft).number() >= 3731;
        let words = Words::of(draft.message.language, &parent.date);
        if draft.is_forward() {
            body.quoted = forward_lines(draft, "");
            body.lead = vec![ForwardWords::of(words).begin.to_owned(), String::new()];
            body.lead.extend(
                forward_block(draft, words, narrow, false)
                    .into_iter()
                    .map(|(label, value)| format!("{label}: {value}")),
            );
            body.lead.push(String::new());
        } else {
            body.quoted = reply_lines(draft, "");
            if !body.quoted.is_empty() {
                body.lead = vec![
                    attribution(words, &parent.date, &parent.author, narrow),
                    String::new(),
                ];
            }
        }
        body
    }
}
