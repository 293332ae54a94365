//! One mail before a mail client gives it its shape.

use chrono::{DateTime, FixedOffset};

use crate::attachment::Attachment;

/// A name and an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mailbox<'a> {
    /// Display name.
    pub name: &'a str,
    /// Address (RFC 5321 mailbox).
    pub address: &'a str,
}

/// What is constant about the mail program of one person and about their company: numbers that
/// follow from the deployment's secret, so that no two deployments share a habit, a server name or
/// a house style beyond chance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Installation {
    /// Of the person: habits, host, program settings.
    pub person: u64,
    /// Of the company: house style, servers, tenant.
    pub company: u64,
}

/// What a mail client is given.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Who writes.
    pub from: Mailbox<'a>,
    /// Who reads, at least one.
    pub to: &'a [Mailbox<'a>],
    /// Who gets a copy.
    pub cc: &'a [Mailbox<'a>],
    /// Subject, prefix included.
    pub subject: &'a str,
    /// With angle brackets.
    pub message_id: &'a str,
    /// When it is sent, in the sender's zone.
    pub date: DateTime<FixedOffset>,
    /// Language of the mail, for attribution lines and `Content-Language`.
    pub language: &'a str,
    /// New text, `\n` line ends, paragraphs unwrapped.
    pub text: &'a str,
    /// Signature of the sender.
    pub signature: Option<&'a str>,
    /// Why it is written.
    pub occasion: Occasion<'a>,
    /// Files that go with it.
    pub attachments: &'a [Attachment],
    /// The sender's mail program.
    pub installation: Installation,
}

/// Why a mail is written.
#[derive(Clone, Debug)]
pub enum Occasion<'a> {
    /// It starts a thread.
    New,
    /// It answers a mail.
    Reply(ParentMessage<'a>),
    /// It passes a mail on.
    Forward(ParentMessage<'a>),
}

impl<'a> Occasion<'a> {
    /// The mail that is answered or passed on.
    pub fn parent(&self) -> Option<&ParentMessage<'a>> {
        match self {
            Self::New => None,
            Self::Reply(parent) | Self::Forward(parent) => Some(parent),
        }
    }
}

/// The mail that another one answers or passes on.
#[derive(Clone, Debug)]
pub struct ParentMessage<'a> {
    /// With angle brackets.
    pub message_id: &'a str,
    /// Its own ancestors, oldest first, with angle brackets, separated by one space.
    pub references: &'a str,
    /// Who wrote it.
    pub author: Mailbox<'a>,
    /// Whom it was sent to.
    pub to: &'a [Mailbox<'a>],
    /// Who got a copy.
    pub cc: &'a [Mailbox<'a>],
    /// Its subject.
    pub subject: &'a str,
    /// When it was sent, in the zone of the one who answers.
    pub date: DateTime<FixedOffset>,
    /// Its whole text as shown to the reader: new text, quotes and signature, unwrapped.
    pub text: &'a str,
    /// Its `Thread-Index`, if it has one.
    pub thread_index: Option<&'a str>,
}

/// A finished message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposedMessage {
    /// RFC 5322 bytes, CRLF line ends.
    pub bytes: Vec<u8>,
    /// Its whole plain text as the reader sees it, decoded and unwrapped: what the next reply
    /// quotes.
    pub text: String,
    /// Its `References`, ids separated by one space: empty where the client writes none.
    pub references: String,
    /// Its `Thread-Index`, if it has one: what the next reply continues.
    pub thread_index: Option<String>,
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
