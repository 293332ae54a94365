//! One mail before a mail client gives it its shape.

use chrono::{DateTime, FixedOffset};

/// A name and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox<'a> {
    /// Display name.
    pub name: &'a str,
    /// Address (RFC 5321 mailbox).
    pub address: &'a str,
}

/// What a mail client is given.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Who writes.
    pub from: Mailbox<'a>,
    /// Who reads.
    pub to: Mailbox<'a>,
    /// Subject, prefix included.
    pub subject: &'a str,
    /// With angle brackets.
    pub message_id: &'a str,
    /// When it is sent, in the sender's zone.
    pub date: DateTime<FixedOffset>,
    /// Language of the mail, for `Content-Language` and the attribution line.
    pub language: &'a str,
    /// New text, `\n` line ends, paragraphs unwrapped.
    pub text: &'a str,
    /// Signature of the sender.
    pub signature: Option<&'a str>,
    /// The mail it answers.
    pub parent: Option<ParentMessage<'a>>,
}

/// The mail that a reply answers.
#[derive(Clone, Debug)]
pub struct ParentMessage<'a> {
    /// With angle brackets.
    pub message_id: &'a str,
    /// Its own ancestors, oldest first, with angle brackets, separated by one space.
    pub references: &'a str,
    /// Display name of its author.
    pub author_name: &'a str,
    /// Address of its author.
    pub author_address: &'a str,
    /// When it was sent, in the zone of the one who answers.
    pub date: DateTime<FixedOffset>,
    /// Its whole text as shown to the reader: new text, quotes and signature, unwrapped.
    pub text: &'a str,
}

/// A finished message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposedMessage {
    /// RFC 5322 bytes, CRLF line ends.
    pub bytes: Vec<u8>,
    /// Its whole plain text as the reader sees it, decoded and unwrapped: what the next reply
    /// quotes.
    pub text: String,
}

/// Why a message was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ComposeError {
    /// A field holds what no header may hold.
    #[error("{field} cannot be used in a message: {reason}")]
    InvalidField {
        /// Which field, such as `from.name` or `subject`.
        field: &'static str,
        /// Why not.
        reason: &'static str,
    },
}
