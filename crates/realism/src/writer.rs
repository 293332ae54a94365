//! The contract of whoever writes the text of a mail: the offline writer, or a model.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};
use serde::{Deserialize, Serialize};

use crate::knowledge::Knowledge;
use crate::persona::Persona;

/// Writes the text of one mail.
///
/// A writer decides words only: subject of a new thread, and the new text. Quoting the parent,
/// `Re:`, the signature and everything MIME belong to the mail client and are added afterwards.
///
/// The same brief and the same seed give the same draft, as far as what a writer asks does so.
#[async_trait::async_trait]
pub trait Writer: Send + Sync {
    /// Name for the record, such as `offline`.
    fn name(&self) -> &str;

    /// Whether [`write`](Writer::write) answers at once, without waiting for anything outside the
    /// process. A tick then plans and composes in one step. `false` unless overridden.
    fn is_immediate(&self) -> bool {
        false
    }

    /// Writes one mail.
    ///
    /// # Errors
    ///
    /// [`WriterError`] says what stood in the way and whether a retry can help.
    async fn write(&self, brief: &Brief<'_>, seed: u64) -> Result<Written, WriterError>;
}

/// A draft, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The words.
    pub draft: Draft,
    /// Who found them.
    pub authorship: Authorship,
}

/// Who wrote a text, what it took, and who was asked before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorship {
    /// Name of the writer, such as `offline`.
    pub writer: String,
    /// What it took.
    #[serde(flatten)]
    pub effort: Effort,
    /// Writers that were asked before, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<PassedOver>,
}

impl Authorship {
    /// A writer that needs no account of its effort.
    pub fn of(writer: impl Into<String>) -> Self {
        Self {
            writer: writer.into(),
            ..Self::default()
        }
    }
}

/// What a model needed for a text, all tries together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effort {
    /// Name of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// Answers it gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<u32>,
    /// Tokens it read, as far as the server says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u32>,
    /// Tokens it wrote, as far as the server says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u32>,
}

impl Effort {
    /// Sets how long it took.
    pub fn set_took(&mut self, took: Duration) {
        self.took_ms = Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }
}

/// A writer whose text is not used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// Its name.
    pub writer: String,
    /// Why.
    pub reason: String,
    /// What it took all the same.
    #[serde(flatten)]
    pub effort: Effort,
}

/// Everything a writer may use.
#[derive(Clone, Debug)]
pub struct Brief<'a> {
    /// Who writes.
    pub sender: &'a Persona,
    /// Who reads.
    pub recipient: &'a Persona,
    /// Language of the mail, such as `en`.
    pub language: &'a str,
    /// When the mail is sent, in the sender's local time.
    pub written_at: DateTime<FixedOffset>,
    /// Why the mail is written.
    pub occasion: Occasion<'a>,
    /// What the sender knows beside it.
    pub knowledge: &'a Knowledge,
}

/// Why a mail is written.
#[derive(Clone, Debug)]
pub enum Occasion<'a> {
    /// It starts a thread about `topic`: a phrase of the world file, or one of
    /// [`topic::built_in`](crate::topic::built_in).
    NewThread {
        /// What the thread is about.
        topic: &'a str,
    },
    /// It answers `parent`, which the recipient wrote to the sender.
    Reply {
        /// The mail that is answered.
        parent: Parent<'a>,
    },
    /// It passes `parent`, which somebody else wrote, on to the recipient: a line or two above it.
    Forward {
        /// The mail that is passed on.
        parent: Parent<'a>,
    },
}

/// The mail that a reply answers.
#[derive(Clone, Debug)]
pub struct Parent<'a> {
    /// Subject as it stood in the parent, prefixes included.
    pub subject: &'a str,
    /// What its author wrote, without quotes and signature.
    pub text: &'a str,
    /// When it was sent, in its author's local time.
    pub written_at: DateTime<FixedOffset>,
    /// Topic the thread started with.
    pub topic: &'a str,
    /// How many mails the thread has so far, at least 1.
    pub thread_length: u32,
    /// When its first mail was sent.
    pub thread_began: DateTime<Utc>,
}

/// What a writer wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Subject of a new thread, one line; ignored for a reply, whose subject follows from its
    /// parent.
    pub subject: String,
    /// Text, with `\n` line ends, paragraphs unwrapped, greeting and sign-off included where the
    /// persona uses them; without quotes and without [`Persona::signature`].
    pub body: String,
}

/// Why a writer could not write.
#[derive(Debug, thiserror::Error)]
pub enum WriterError {
    /// The writer is not available now.
    #[error("writer {writer} is unavailable: {reason}")]
    Unavailable {
        /// Name of the writer.
        writer: String,
        /// What happened.
        reason: String,
        /// What kind of thing happened.
        cause: Unavailability,
        /// What it took to find out.
        effort: Effort,
    },
    /// The writer wrote, but nothing that could be sent.
    #[error("writer {writer} wrote nothing that can be sent: {reason}")]
    Unusable {
        /// Name of the writer.
        writer: String,
        /// What is wrong with it.
        reason: String,
        /// What it took.
        effort: Effort,
    },
}

/// What kept a writer from answering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unavailability {
    /// It did not answer in time.
    Timeout,
    /// It wants to be asked less often.
    RateLimit,
    /// Anything else.
    #[default]
    Other,
}

impl WriterError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Unusable { .. } => true,
        }
    }

    /// The account of it for the record of who writes instead.
    pub fn into_passed_over(self) -> PassedOver {
        let (Self::Unavailable {
            writer,
            reason,
            effort,
            ..
        }
        | Self::Unusable {
            writer,
            reason,
            effort,
        }) = self;
        PassedOver {
            writer,
            reason,
            effort,
        }
    }
}
