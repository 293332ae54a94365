//! The record of a mail: one versioned JSON object, stored with the mail and emitted as an event.

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::ledger::{MailId, MailKind, Placement, WrittenBy};

/// Version that [`MailRecord`] writes. A reader accepts every version up to its own.
pub const RECORD_VERSION: u32 = 1;

/// What happened to a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailEvent {
    /// It lies in every mailbox it was sent to, and in the sender's.
    #[serde(rename = "mail.delivered")]
    Delivered,
    /// It could not be delivered and is tried again.
    #[serde(rename = "mail.failed")]
    Failed,
    /// It will not be delivered.
    #[serde(rename = "mail.abandoned")]
    Abandoned,
}

/// Everything worth telling about one mail and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailRecord {
    /// [`RECORD_VERSION`].
    pub version: u32,
    /// What happened.
    pub event: MailEvent,
    /// Which mail.
    pub mail: MailId,
    /// First mail of its thread.
    pub thread: MailId,
    /// The mail it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<MailId>,
    /// What it is to its thread.
    #[serde(default)]
    pub kind: MailKind,
    /// Number of the iteration, from 1, if it is a draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<u32>,
    /// What it was asked for by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// With angle brackets.
    pub message_id: String,
    /// Address of the sender.
    pub from: String,
    /// Address of the first recipient.
    pub to: String,
    /// Addresses of the other recipients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also_to: Vec<String>,
    /// Addresses of those who got a copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    /// Subject, empty when no text was written.
    pub subject: String,
    /// Date of the mail, RFC 3339, in the sender's zone.
    pub sent_at: String,
    /// Topic of the thread.
    pub topic: String,
    /// Language of the mail.
    pub language: String,
    /// Who wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_by: Option<WrittenBy>,
    /// Where it lies.
    pub placements: Vec<Placement>,
    /// Which try this was.
    pub attempt: u32,
    /// When the recipient will answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_due_at: Option<DateTime<Utc>>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// When this was recorded, RFC 3339.
    pub recorded_at: String,
}

impl MailRecord {
    /// The record as one line of JSON.
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists only: serialising them cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A moment as the record writes it: RFC 3339 with seconds.
pub(crate) fn rfc3339(time: DateTime<FixedOffset>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, false)
}
