//! Mail on the iPhone, iOS 12 and later.

use chrono::{DateTime, FixedOffset};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Sender;
use super::apple::builds::{self, Build, IOS};
use super::apple::{
    BYTE_ORDER_MARK, ForwardWords, HEADER_STYLE, MARKS, attribution, divs, forward_block,
    forward_lines, has_short_lines, media_type, name_parameters, own_lines, reply_lines,
    upper_uuid,
};
use super::file_name;
use super::html::{escape, levels, with_spaces};
use super::profile::{Draft, Field, Multipart, Profile, Shape, TextEncoding, Transfer, Wrap};
use super::random_text::is_among;
use super::subject::Prefixes;
use super::words::Words;
use crate::attachment::Attachment;
use crate::message::Installation;
use crate::mime::charset::Charset;
use crate::mime::flowed::Line;
use crate::trace::Submission;

/// Order of 349 of some 400 replies, iOS 13 to 16; the same on iOS 26.
const REPLY: &[(&str, Field)] = &[
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("From", Field::From),
    ("Mime-Version", Field::Fixed("1.0 (1.0)")),
    ("Subject", Field::Subject),
    ("Date", Field::Date),
    ("Message-Id", Field::MessageId),
    ("References", Field::References),
    ("Cc", Field::Cc),
    ("In-Reply-To", Field::InReplyTo),
    ("To", Field::To),
    ("X-Mailer", Field::Value(0)),
];
/// Of new mail. A forward names its thread, but answers nothing.
const NEW: &[(&str, Field)] = &[
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("From", Field::From),
    ("Mime-Version", Field::Fixed("1.0 (1.0)")),
    ("Date", Field::Date),
    ("Subject", Field::Subject),
    ("Message-Id", Field::MessageId),
    ("References", Field::References),
    ("Cc", Field::Cc),
    ("To", Field::To),
    ("X-Mailer", Field::Value(0)),
];

/// A text that is the whole message has its character set on the same line, a part on the next.
const WHOLE: [&str; 2] = ["; charset=us-ascii", "; charset=utf-8"];
const PART: [&str; 2] = [";\r\n\tcharset=us-ascii", ";\r\n\tcharset=utf-8"];

const WHOLE_SHORT: &[TextEncoding] = &[ascii(WHOLE[0], Transfer::SevenBit), utf_8(WHOLE[1])];
const WHOLE_LONG: &[TextEncoding] = &[
    ascii(WHOLE[0], Transfer::QuotedPrintable(76)),
    utf_8(WHOLE[1]),
];
const PART_SHORT: &[TextEncoding] = &[ascii(PART[0], Transfer::SevenBit), utf_8(PART[1])];
const PART_LONG: &[TextEncoding] = &[
    ascii(PART[0], Transfer::QuotedPrintable(76)),
    utf_8(PART[1]),
];
const HTML: &[TextEncoding] = &[utf_8(PART[1])];

const fn ascii(parameters: &'static str, transfer: Transfer) -> TextEncoding {
    TextEncoding {
        charset: Charset::Ascii,
        parameters,
        transfer,
    }
}

const fn utf_8(parameters: &'static str) -> TextEncoding {
    TextEncoding {
        charset: Charset::Utf8,
        parameters,
        transfer: Transfer::QuotedPrintable(76),
    }
}

/// Mail on the iPhone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IPhone;

impl Profile for IPhone {
    fn name(&self) -> &'static str {
        "iphone"
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
        let message = draft.message;
        // 31 % of all mail is plain text. What is answered is mostly HTML, and then so is the
        // answer; what is typed on a phone has nothing that would need it.
        let is_reply = draft.parent().is_some() && !draft.is_forward();
        let plain_per_cent = if is_reply { 24 } else { 60 };
        let is_plain = rng.random_range(0..100) < plain_per_cent;
        let is_whole = is_plain && message.attachments.is_empty();
        let is_short = has_short_lines(&self.lines(draft));
        Shape {
            headers: if is_reply { REPLY } else { NEW },
            values: vec![format!("iPhone Mail ({})", release(draft).build)],
            header_style: HEADER_STYLE,
            date_format: "%a, %-d %b %Y %H:%M:%S %z",
            date_in_utc: false,
            text: match (is_whole, is_short) {
                (true, true) => WHOLE_SHORT,
                (true, false) => WHOLE_LONG,
                (false, true) => PART_SHORT,
                (false, false) => PART_LONG,
            },
            html: if is_plain { &[] } else { HTML },
            wrap: Wrap::Marked(&MARKS),
            boundary_separator: " ",
            quotes_boundary: false,
            multipart_encoding: Some("7bit"),
            preamble: "",
            thread_index: None,
        }
    }

    fn lines<'d>(&self, draft: &'d Draft<'_>) -> Vec<Line<'d>> {
        let Body {
            below,
            lead,
            quoted,
        } = Body::of(draft);
        let mut lines = own_lines(&draft.text, below);
        if lead.is_empty() {
            return lines;
        }
        lines.push(Line::own(""));
        let depth = usize::from(!draft.is_forward());
        lines.extend(lead.into_iter().enumerate().map(|(index, text)| Line {
            // `Begin forwarded message:` is not quoted, what follows is.
            depth: depth.max(usize::from(index > 1)),
            text: text.into(),
        }));
        lines.extend(quoted);
        lines
    }

    fn html(&self, draft: &Draft<'_>) -> String {
        let Body {
            below,
            lead,
            quoted,
        } = Body::of(draft);
        let mut out = String::with_capacity(4096);
        out.push_str(
            "<html><head><meta http-equiv=\"content-type\" content=\"text/html; charset=utf-8\">\
             </head><body dir=\"auto\">",
        );
        let text: Vec<&str> = draft.text.split('\n').collect();
        divs(&text, "", &mut out);
        if !below.is_empty() {
            // The line break got its name with iOS 16.
            out.push_str(if release(draft).number() >= 20 {
                "<div><br id=\"lineBreakAtBeginningOfSignature\"><div dir=\"ltr\">"
            } else {
                "<div><br><div dir=\"ltr\">"
            });
            for (index, line) in below.split('\n').enumerate() {
                if index > 0 {
                    out.push_str("<br>");
                }
                with_spaces(line, &mut out);
            }
            out.push_str("</div></div>");
        }
        if let Some((first, rest)) = lead.split_first() {
            out.push_str("<div dir=\"ltr\"><br><blockquote type=\"cite\">");
            escape(first, false, &mut out);
            out.push_str("<br><br></blockquote></div><blockquote type=\"cite\"><div dir=\"ltr\">");
            // Of a forward: the block of headers, its labels in bold, and an empty line.
            for line in rest.iter().filter(|line| !line.is_empty()) {
                match line.split_once(": ") {
                    Some((label, value)) => {
                        out.push_str("<b>");
                        escape(label, false, &mut out);
                        out.push_str(":</b> ");
                        escape(value, false, &mut out);
                    }
                    None => escape(line, false, &mut out),
                }
                out.push_str("<br>");
            }
            if rest.len() > 1 {
                out.push_str("<br></div></blockquote><blockquote type=\"cite\"><div dir=\"ltr\">");
            }
            levels(
                &quoted,
                1,
                ["<span>", "</span><br>", "<blockquote type=\"cite\">"],
                &mut out,
            );
            out.push_str("</div></blockquote>");
        }
        out.push_str("</body></html>");
        out
    }

    /// `Apple-Mail-` and a UUID.
    fn boundary(&self, _draft: &Draft<'_>, _multipart: Multipart, rng: &mut ChaCha8Rng) -> String {
        format!("Apple-Mail-{}", upper_uuid(rng))
    }

    fn attachment_headers(
        &self,
        _draft: &Draft<'_>,
        attachment: &Attachment,
        rng: &mut ChaCha8Rng,
    ) -> Vec<(&'static str, String)> {
        let media_type = media_type(attachment);
        let [type_name, file_name] = name_parameters(attachment, file_name::bare);
        vec![
            (
                "Content-Type",
                format!(
                    "{media_type};\r\n\t{type_name};\r\n\tx-apple-part-url={}",
                    upper_uuid(rng)
                ),
            ),
            ("Content-Disposition", format!("inline;\r\n\t{file_name}")),
            ("Content-Transfer-Encoding", "base64".to_owned()),
        ]
    }
}

fn release(draft: &Draft<'_>) -> Build {
    let message = draft.message;
    builds::installed(IOS, &message.date, message.installation.person)
}

/// What is below the text: 367 of 456 people keep what the phone comes with. The others have their
/// own signature there, or none.
fn below<'d>(draft: &'d Draft<'_>) -> &'d str {
    let message = draft.message;
    if !keeps_footer(message.installation) {
        return &draft.signature;
    }
    match Words::of(message.language, &message.date) {
        Words::English | Words::American => "Sent from my iPhone",
        Words::Spanish => "Enviado desde mi iPhone",
        Words::German => "Von meinem iPhone gesendet",
        Words::French => "Envoyé de mon iPhone",
        Words::Italian => "Inviato da iPhone",
        Words::Portuguese => "Enviado do meu iPhone",
        Words::Dutch => "Verstuurd vanaf mijn iPhone",
    }
}

fn keeps_footer(installation: Installation) -> bool {
    is_among(installation.person, "footer of the phone", 80)
}

/// What is below the text, in its parts.
struct Body<'d> {
    /// The footer or the signature. May be empty.
    below: &'d str,
    /// What the phone writes above the quote, with an empty line at its end. Empty when nothing is
    /// quoted.
    lead: Vec<String>,
    quoted: Vec<Line<'d>>,
}

impl<'d> Body<'d> {
    fn of(draft: &'d Draft<'_>) -> Self {
        let mut body = Self {
            below: below(draft),
            lead: Vec::new(),
            quoted: Vec::new(),
        };
        let Some(parent) = draft.parent() else {
            return body;
        };
        let number = release(draft).number();
        let mark = if number >= 17 { BYTE_ORDER_MARK } else { "" };
        // Since iOS 17: mail of 16.1 and 16.3 has a plain space, of 17.4 the narrow one.
        let narrow = number >= 21;
        let words = Words::of(draft.message.language, &parent.date);
        if draft.is_forward() {
            body.quoted = forward_lines(draft, mark);
            body.lead = vec![ForwardWords::of(words).begin.to_owned(), String::new()];
            body.lead.extend(
                forward_block(draft, words, narrow, true)
                    .into_iter()
                    .map(|(label, value)| format!("{label}: {value}")),
            );
            body.lead.push(String::new());
        } else {
            body.quoted = reply_lines(draft, mark);
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
