//! What the mail clients share: the way from a message to bytes.
//!
//! A client is a [`Profile`]: data (the headers in order, character sets, transfer encodings,
//! boundaries) and how it writes the text and its HTML twin. [`compose`] does the rest, and so
//! what every message must hold (no line that nobody asked for, no octet undeclared) is held in
//! one place.

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset};
use rand_chacha::ChaCha8Rng;

use super::Sender;
use super::file_name;
use super::subject::Prefixes;
use crate::attachment::Attachment;
use crate::message::{ComposeError, ComposedMessage, Mailbox, Message, Occasion, ParentMessage};
use crate::mime::charset::Charset;
use crate::mime::encoded_word::EncodedWords;
use crate::mime::flowed::{self, Line, Marks};
use crate::mime::header::{self, HeaderStyle};
use crate::mime::{base64, check, quoted_printable};
use crate::threading;
use crate::trace::Submission;

/// A mail client.
pub(super) trait Profile: Send + Sync {
    /// Its name in configuration: lower-case ASCII.
    fn name(&self) -> &'static str;

    /// How it hands in what it sends.
    fn submission(&self, sender: &Sender<'_>) -> Submission;

    /// A new id with angle brackets.
    fn message_id(
        &self,
        sender: &Sender<'_>,
        date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String;

    /// What it puts before the subject of an answer and of a forward.
    fn prefixes(&self, language: &str) -> Prefixes;

    /// The shape of a message.
    fn shape(&self, draft: &Draft<'_>, rng: &mut ChaCha8Rng) -> Shape;

    /// What the reader sees, unwrapped.
    fn lines<'d>(&self, draft: &'d Draft<'_>) -> Vec<Line<'d>>;

    /// An HTML document that says the same. Called for messages with an HTML part.
    fn html(&self, draft: &Draft<'_>) -> String;

    /// Whether what is saved as a draft has the HTML document alone: its twin is made when it is
    /// sent.
    fn saves_html_alone(&self) -> bool {
        false
    }

    /// What the sender keeps of a message: all of it, if the client wrote all of it.
    fn sent_copy(&self, message: &[u8]) -> Vec<u8> {
        message.to_vec()
    }

    /// Puts the headers of a text inside a multipart into the client's order, and adds its own:
    /// they come as `Content-Type` and, when it is declared, `Content-Transfer-Encoding`.
    fn arrange_part(&self, headers: &mut Vec<(&'static str, String)>) {
        let _ = headers;
    }

    /// The boundary of a multipart. The outer one is asked for first.
    fn boundary(&self, draft: &Draft<'_>, multipart: Multipart, rng: &mut ChaCha8Rng) -> String;

    /// The headers of the part of an attachment, in order, `Content-Transfer-Encoding` included;
    /// the content follows in base64.
    fn attachment_headers(
        &self,
        draft: &Draft<'_>,
        attachment: &Attachment,
        rng: &mut ChaCha8Rng,
    ) -> Vec<(&'static str, String)> {
        let _ = (draft, rng);
        let name = parameter("name", &attachment.file_name);
        let file_name = parameter("filename", &attachment.file_name);
        vec![
            (
                "Content-Type",
                format!("{};\r\n {name}", attachment.media_type),
            ),
            (
                "Content-Disposition",
                format!("attachment;\r\n {file_name}"),
            ),
            ("Content-Transfer-Encoding", "base64".to_owned()),
        ]
    }
}

/// Which multipart a boundary is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Multipart {
    /// Text and files.
    Mixed,
    /// Text and its HTML twin.
    Alternative,
}

/// A header that a client writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    From,
    To,
    /// Left out when nobody gets a copy.
    Cc,
    Subject,
    Date,
    MessageId,
    /// Left out in a mail that starts a thread, as [`Field::InReplyTo`].
    References,
    InReplyTo,
    ContentType,
    /// Left out when it is not declared.
    ContentTransferEncoding,
    /// Content of [`Shape::thread_index`]; left out when there is none.
    ThreadIndex,
    /// The subject without prefixes.
    ThreadTopic,
    /// `yes` or empty.
    HasAttachment,
    /// Always the same.
    Fixed(&'static str),
    /// The value at that place of [`Shape::values`]; left out when that is empty.
    Value(usize),
}

/// The shape of one message: what its client, the release and the settings of its sender decide.
pub(super) struct Shape {
    /// Headers as they are spelled, in order.
    pub(super) headers: &'static [(&'static str, Field)],
    /// What [`Field::Value`] refers to.
    pub(super) values: Vec<String>,
    /// How headers are encoded and folded.
    pub(super) header_style: HeaderStyle,
    /// `chrono` format of `Date`.
    pub(super) date_format: &'static str,
    /// Whether `Date` is in UTC whatever the zone of the sender.
    pub(super) date_in_utc: bool,
    /// How the text is encoded: the first one that can hold it.
    pub(super) text: &'static [TextEncoding],
    /// How the HTML twin is; empty when there is none.
    pub(super) html: &'static [TextEncoding],
    /// How long lines of the text are sent.
    pub(super) wrap: Wrap,
    /// What stands between `multipart/…;` and `boundary=`: a space, or a fold.
    pub(super) boundary_separator: &'static str,
    /// Whether the boundary stands between quotes.
    pub(super) quotes_boundary: bool,
    /// `Content-Transfer-Encoding` of a multipart, if it is declared.
    pub(super) multipart_encoding: Option<&'static str>,
    /// What old programs show in place of the parts (RFC 2046 §5.1.1), with its line end.
    pub(super) preamble: &'static str,
    /// `Thread-Index`.
    pub(super) thread_index: Option<String>,
}

/// One way to send a text: taken when the character set can hold it and, for what is not encoded,
/// when its lines are short enough.
pub(super) struct TextEncoding {
    /// What it can hold, and the bytes that are written.
    pub(super) charset: Charset,
    /// What follows the media type, such as `; charset="UTF-8"`.
    pub(super) parameters: &'static str,
    /// The transfer encoding.
    pub(super) transfer: Transfer,
}

impl TextEncoding {
    pub(super) const fn new(
        charset: Charset,
        parameters: &'static str,
        transfer: Transfer,
    ) -> Self {
        Self {
            charset,
            parameters,
            transfer,
        }
    }
}

/// A transfer encoding (RFC 2045 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transfer {
    /// `7bit`, not declared.
    Undeclared,
    /// `7bit`.
    SevenBit,
    /// `8bit`.
    EightBit,
    /// `quoted-printable`, with the longest line.
    QuotedPrintable(usize),
    /// The same, in the way of one client.
    QuotedPrintableBy(usize, quoted_printable::Habit),
    /// `base64`.
    Base64,
}

impl Transfer {
    fn name(self) -> Option<&'static str> {
        match self {
            Self::Undeclared => None,
            Self::SevenBit => Some("7bit"),
            Self::EightBit => Some("8bit"),
            Self::QuotedPrintable(_) | Self::QuotedPrintableBy(..) => Some("quoted-printable"),
            Self::Base64 => Some("base64"),
        }
    }
}

/// How long lines of a text are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrap {
    /// As they are.
    Never,
    /// Broken at that column, quoted ones too.
    At(usize),
    /// With marks and columns of the client's own.
    Marked(&'static Marks),
    /// Broken so that the reader can join them again (RFC 3676); declared by the client's
    /// `format=flowed`.
    Flowed,
}

/// A message whose fields have been checked, with its texts normalised.
pub(super) struct Draft<'m> {
    pub(super) message: &'m Message<'m>,
    pub(super) text: String,
    pub(super) signature: String,
    pub(super) parent_text: String,
    /// Ids of the thread, oldest first, separated by one space.
    pub(super) references: String,
    /// The mail server that it is saved on, if it is not sent.
    pub(super) saved_on: Option<&'m str>,
}

impl<'m> Draft<'m> {
    fn new(message: &'m Message<'m>, saved_on: Option<&'m str>) -> Result<Self, ComposeError> {
        check_mailbox(message.from, ["from.name", "from.address"])?;
        check_mailboxes(message.to, ["to.name", "to.address"])?;
        check_mailboxes(message.cc, ["cc.name", "cc.address"])?;
        if message.to.is_empty() {
            return Err(ComposeError::InvalidField {
                field: "to",
                reason: "nobody reads it",
            });
        }
        check::subject("subject", message.subject)?;
        check::message_id("message_id", message.message_id)?;
        check::date("date", &message.date)?;
        for attachment in message.attachments {
            check::name("attachment.file_name", &attachment.file_name)?;
        }
        let text = check::text("text", message.text, check::MAX_TEXT_BYTES)?;
        let signature = check::text(
            "signature",
            message.signature.unwrap_or_default(),
            check::MAX_SIGNATURE_BYTES,
        )?;
        let (mut parent_text, mut references) = (String::new(), String::new());
        if let Some(parent) = message.occasion.parent() {
            check::foreign_message_id("parent.message_id", parent.message_id)?;
            check::references("parent.references", parent.references)?;
            check_mailbox(
                parent.author,
                ["parent.author.name", "parent.author.address"],
            )?;
            check_mailboxes(parent.to, ["parent.to.name", "parent.to.address"])?;
            check_mailboxes(parent.cc, ["parent.cc.name", "parent.cc.address"])?;
            check::subject("parent.subject", parent.subject)?;
            check::date("parent.date", &parent.date)?;
            parent_text = check::text("parent.text", parent.text, check::MAX_TEXT_BYTES)?;
            let ancestors: Vec<&str> = parent.references.split_ascii_whitespace().collect();
            references = threading::references(&ancestors, parent.message_id);
        }
        Ok(Self {
            message,
            text,
            signature,
            parent_text,
            references,
            saved_on,
        })
    }

    /// The mail that is answered or passed on.
    pub(super) fn parent(&self) -> Option<&ParentMessage<'m>> {
        self.message.occasion.parent()
    }

    pub(super) fn is_forward(&self) -> bool {
        matches!(self.message.occasion, Occasion::Forward(_))
    }
}

/// The whole message, as it is sent, or as it is saved on a mail server.
pub(super) fn compose(
    profile: &dyn Profile,
    message: &Message<'_>,
    saved_on: Option<&str>,
    rng: &mut ChaCha8Rng,
) -> Result<ComposedMessage, ComposeError> {
    let draft = Draft::new(message, saved_on)?;
    let shape = profile.shape(&draft, rng);
    let lines = profile.lines(&draft);
    let has_files = !message.attachments.is_empty();
    let mixed = has_files.then(|| profile.boundary(&draft, Multipart::Mixed, rng));
    let mut text = text_part("text/plain", shape.text, &wrapped(&lines, shape.wrap));
    if has_files || !shape.html.is_empty() {
        profile.arrange_part(&mut text.headers);
    }
    let is_html_alone = saved_on.is_some() && profile.saves_html_alone();
    let content = if shape.html.is_empty() {
        text
    } else if is_html_alone {
        text_part("text/html", shape.html, &profile.html(&draft))
    } else {
        let boundary = profile.boundary(&draft, Multipart::Alternative, rng);
        let mut html = text_part("text/html", shape.html, &profile.html(&draft));
        profile.arrange_part(&mut html.headers);
        // The preamble is for the outermost multipart.
        let preamble = if has_files { "" } else { shape.preamble };
        multipart("alternative", &boundary, preamble, vec![text, html], &shape)
    };
    let root = match mixed {
        None => content,
        Some(boundary) => {
            let mut parts = vec![content];
            for attachment in message.attachments {
                let headers = profile.attachment_headers(&draft, attachment, rng);
                parts.push(file_part(headers, &attachment.bytes));
            }
            multipart("mixed", &boundary, shape.preamble, parts, &shape)
        }
    };
    // Some clients fold it in a way of their own.
    let writes_references = shape.headers.iter().any(|(name, field)| {
        *name == "References" && header_value(name, *field, &draft, &shape, &root).is_some()
    });
    Ok(ComposedMessage {
        bytes: serialise(&draft, &shape, root),
        text: flowed::render(&lines),
        references: if writes_references {
            draft.references
        } else {
            String::new()
        },
        thread_index: shape.thread_index,
    })
}

/// `name="value"`, or the forms for names that are not ASCII: an encoded word, as mail clients
/// write it although RFC 2047 §5 forbids it there, since every client reads it.
pub(super) fn parameter(name: &str, value: &str) -> String {
    if value.is_ascii() {
        file_name::quoted(name, value)
    } else {
        file_name::encoded(name, value, &EncodedWords::UTF_8, "\r\n ")
    }
}

/// One part: headers in order, and content.
struct Part {
    headers: Vec<(&'static str, String)>,
    content: Vec<u8>,
}

impl Part {
    /// Appends the headers as they are (what writes them has folded them where its client does),
    /// an empty line, and the content.
    fn write(&self, out: &mut Vec<u8>) {
        for (name, value) in &self.headers {
            write_header(name, value, out);
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.content);
    }
}

/// A header. A value that starts with a fold stands below its name.
fn write_header(name: &str, value: &str, out: &mut Vec<u8>) {
    let separator = if value.starts_with("\r\n") { ":" } else { ": " };
    for piece in [name, separator, value, "\r\n"] {
        out.extend_from_slice(piece.as_bytes());
    }
}

fn text_part(media_type: &str, encodings: &[TextEncoding], text: &str) -> Part {
    // `From ` at the start of a line would be changed by a mailbox file.
    let mbox_unsafe = text.starts_with("From ") || text.contains("\nFrom ");
    let chosen = encodings.iter().find_map(|encoding| {
        let bytes = encoding.charset.encode(text)?;
        let as_it_is = match encoding.transfer {
            Transfer::Undeclared | Transfer::SevenBit => Some(bytes.is_ascii()),
            Transfer::EightBit => Some(true),
            Transfer::QuotedPrintable(_) | Transfer::QuotedPrintableBy(..) | Transfer::Base64 => {
                None
            }
        };
        let fits = match as_it_is {
            Some(clean) => clean && !mbox_unsafe && !quoted_printable::has_long_line(&bytes),
            None => true,
        };
        fits.then_some((encoding.parameters, encoding.transfer, bytes))
    });
    let (parameters, transfer, bytes) = chosen.unwrap_or((
        "; charset=utf-8",
        Transfer::QuotedPrintable(76),
        Cow::Borrowed(text.as_bytes()),
    ));
    let mut content = Vec::with_capacity(bytes.len() + bytes.len() / 4 + 64);
    match transfer {
        Transfer::Undeclared | Transfer::SevenBit | Transfer::EightBit => {
            quoted_printable::write_plain(&bytes, &mut content);
        }
        Transfer::QuotedPrintable(line) => {
            quoted_printable::write_encoded(&bytes, line, &mut content);
        }
        Transfer::QuotedPrintableBy(line, habit) => {
            quoted_printable::write_lines(&bytes, line, habit, &mut content);
        }
        Transfer::Base64 => {
            let mut lines = Vec::with_capacity(bytes.len() + 64);
            quoted_printable::write_plain(&bytes, &mut lines);
            lines.extend_from_slice(b"\r\n");
            base64::write_lines(&lines, &mut content);
        }
    }
    if !content.ends_with(b"\r\n") {
        content.extend_from_slice(b"\r\n");
    }
    let mut headers = vec![("Content-Type", format!("{media_type}{parameters}"))];
    if let Some(name) = transfer.name() {
        headers.push(("Content-Transfer-Encoding", name.to_owned()));
    }
    Part { headers, content }
}

fn file_part(headers: Vec<(&'static str, String)>, bytes: &[u8]) -> Part {
    let mut content = Vec::new();
    base64::write_lines(bytes, &mut content);
    Part { headers, content }
}

fn multipart(kind: &str, boundary: &str, preamble: &str, parts: Vec<Part>, shape: &Shape) -> Part {
    let size: usize = parts.iter().map(|part| part.content.len() + 256).sum();
    let mut content = Vec::with_capacity(size);
    content.extend_from_slice(preamble.as_bytes());
    for part in parts {
        content.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        part.write(&mut content);
        content.extend_from_slice(b"\r\n");
    }
    content.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    let quote = if shape.quotes_boundary { "\"" } else { "" };
    let value = format!(
        "multipart/{kind};{}boundary={quote}{boundary}{quote}",
        shape.boundary_separator
    );
    let mut headers = vec![("Content-Type", value)];
    if let Some(encoding) = shape.multipart_encoding {
        headers.push(("Content-Transfer-Encoding", encoding.to_owned()));
    }
    Part { headers, content }
}

fn serialise(draft: &Draft<'_>, shape: &Shape, root: Part) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(root.content.len() + 2048);
    for (name, field) in shape.headers {
        if let Some(value) = header_value(name, *field, draft, shape, &root) {
            write_header(name, &value, &mut bytes);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(&root.content);
    bytes
}

fn header_value(
    name: &str,
    field: Field,
    draft: &Draft<'_>,
    shape: &Shape,
    root: &Part,
) -> Option<String> {
    let message = draft.message;
    let style = &shape.header_style;
    let part_header = |wanted: &str| {
        let mut headers = root.headers.iter();
        headers
            .find(|(name, _)| *name == wanted)
            .map(|(_, value)| value.clone())
    };
    match field {
        Field::From => Some(header::mailboxes(name, &[message.from], style)),
        Field::To => Some(header::mailboxes(name, message.to, style)),
        Field::Cc => (!message.cc.is_empty()).then(|| header::mailboxes(name, message.cc, style)),
        Field::Subject => Some(header::unstructured(name, message.subject, style)),
        Field::Date => {
            let date = if shape.date_in_utc {
                message.date.to_utc().fixed_offset()
            } else {
                message.date
            };
            Some(date.format(shape.date_format).to_string())
        }
        Field::MessageId => Some(message.message_id.to_owned()),
        Field::References => {
            (!draft.references.is_empty()).then(|| header::message_ids(&draft.references, style))
        }
        Field::InReplyTo => draft.parent().map(|parent| parent.message_id.to_owned()),
        Field::ContentType => part_header("Content-Type"),
        Field::ContentTransferEncoding => part_header("Content-Transfer-Encoding"),
        Field::ThreadIndex => shape.thread_index.clone(),
        Field::ThreadTopic => Some(header::unstructured(
            name,
            super::subject::topic(message.subject),
            style,
        )),
        Field::HasAttachment => Some(if message.attachments.is_empty() {
            String::new()
        } else {
            "yes".to_owned()
        }),
        Field::Fixed(value) => Some(value.to_owned()),
        Field::Value(place) => shape
            .values
            .get(place)
            .filter(|value| !value.is_empty())
            .cloned(),
    }
}

/// The text as it is sent, `\n` line ends.
fn wrapped(lines: &[Line<'_>], wrap: Wrap) -> String {
    match wrap {
        Wrap::Never => flowed::render(lines),
        Wrap::At(column) => flowed::wrap_at(lines, column),
        Wrap::Marked(marks) => flowed::wrap_marked(lines, marks),
        Wrap::Flowed => flowed::encode(lines),
    }
}

fn check_mailboxes(
    mailboxes: &[Mailbox<'_>],
    fields: [&'static str; 2],
) -> Result<(), ComposeError> {
    mailboxes
        .iter()
        .try_for_each(|mailbox| check_mailbox(*mailbox, fields))
}

fn check_mailbox(
    mailbox: Mailbox<'_>,
    [name, address]: [&'static str; 2],
) -> Result<(), ComposeError> {
    check::name(name, mailbox.name)?;
    check::address(address, mailbox.address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_file_names_take_several_words() {
        assert_eq!(parameter("name", "a \"b\".csv"), "name=\"a \\\"b\\\".csv\"");
        assert_eq!(parameter("name", "é.csv"), "name=\"=?UTF-8?B?w6kuY3N2?=\"");
        let long = parameter("name", &"🎉".repeat(256));
        assert!(long.split("\r\n").all(|line| line.len() <= 84), "{long}");
    }

    #[test]
    fn a_value_may_stand_below_its_name() {
        let written = |value: &str| {
            let mut out = Vec::new();
            write_header("Message-ID", value, &mut out);
            String::from_utf8(out).unwrap_or_default()
        };
        assert_eq!(written("<a@b>"), "Message-ID: <a@b>\r\n");
        assert_eq!(written("\r\n <a@b>"), "Message-ID:\r\n <a@b>\r\n");
    }
}
