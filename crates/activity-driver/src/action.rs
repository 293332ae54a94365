//! What a driver can be asked to do, and what it answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The kinds of action a planner can ask for; with the transport, the key of the
/// [registry](crate::registry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionKind {
    /// Mail in a mailbox.
    Email,
    /// A new file.
    File,
    /// A change to a file.
    Edit,
    /// Network traffic.
    Traffic,
}

impl std::fmt::Display for ActionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Email => "email",
            Self::File => "file",
            Self::Edit => "edit",
            Self::Traffic => "traffic",
        })
    }
}

/// One thing to do on one decky.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Put a message into a mailbox.
    DeliverMail(MailDelivery),
    /// Set flags on a message that was delivered before.
    FlagMail(MailFlagging),
    /// Remove a message that was delivered before.
    RemoveMail(MailLocation),
}

impl Action {
    /// The kind, for look-ups in the registry.
    pub fn kind(&self) -> ActionKind {
        match self {
            Self::DeliverMail(_) | Self::FlagMail(_) | Self::RemoveMail(_) => ActionKind::Email,
        }
    }

    /// The message it is about.
    pub fn mail_location(&self) -> Option<&MailLocation> {
        match self {
            Self::DeliverMail(delivery) => Some(&delivery.location),
            Self::FlagMail(flagging) => Some(&flagging.location),
            Self::RemoveMail(location) => Some(location),
        }
    }
}

/// A mailbox folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Folder {
    /// Received mail.
    Inbox,
    /// Sent mail (`.Sent` in a Maildir++ tree).
    Sent,
    /// Mail that is still being written (`.Drafts`).
    Drafts,
}

/// Where one message lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailLocation {
    /// Login name of the mailbox owner on the decky.
    pub login: String,
    /// Mail address of the mailbox owner.
    pub address: String,
    /// Folder.
    pub folder: Folder,
    /// Unique part of the Maildir file name, without `,S=…` and without `:2,…`.
    pub unique_name: String,
}

/// IMAP flags of a message, as a Maildir writes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailFlags {
    /// `D`, `\Draft`.
    pub draft: bool,
    /// `R`, `\Answered`.
    pub answered: bool,
    /// `S`, `\Seen`.
    pub seen: bool,
}

/// A message to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailDelivery {
    /// Where it goes.
    pub location: MailLocation,
    /// The message, with LF or CRLF line ends.
    pub message: Vec<u8>,
    /// Unix time in seconds of its delivery: the file's `mtime`, which IMAP shows as INTERNALDATE.
    pub delivered_at: i64,
    /// Flags it starts with. A message with no flags goes to `new/`, any other to `cur/`.
    pub flags: MailFlags,
    /// 1 for the first try; every later try is one higher. A try above 1 first withdraws what
    /// earlier ones left unfinished, so that a worker that was overtaken cannot deliver twice.
    pub attempt: u32,
    /// What a mailbox that has to be made for it shows of its past. `None` leaves that to the mail
    /// server, which dates a mailbox by the first look at it and counts its messages from 1.
    pub history: Option<MailboxHistory>,
}

/// The past of a mailbox, in all its folders.
///
/// A mailbox is made with [`Folder::Inbox`] and [`Folder::Sent`] at once; [`Folder::Drafts`] comes
/// with the first draft, as most mail programs make it. What is told is told once, when a folder is
/// made. A mailbox that was there before keeps its own past, and another history in a later
/// delivery changes nothing.
/// A driver that has no way to tell it leaves it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MailboxHistory {
    /// That of [`Folder::Inbox`].
    pub inbox: FolderHistory,
    /// That of [`Folder::Sent`]. Dovecot gives a new folder of a mailbox the `UIDVALIDITY` after
    /// the last that it gave out, so one above that of the INBOX is what it would have.
    pub sent: FolderHistory,
    /// That of [`Folder::Drafts`], told if the mailbox shows a past at all.
    pub drafts: LaterFolderHistory,
}

/// The past of one folder, as IMAP tells it (RFC 9051 §2.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderHistory {
    /// `UIDVALIDITY`, above 0: for Dovecot, Unix time in seconds at which the mailbox was made.
    pub uid_validity: u32,
    /// `UIDNEXT`, above 0: the UID of the first message that is delivered now. One more than the
    /// messages that were ever in the folder.
    pub next_uid: u32,
    /// What Dovecot tells the folder by, different for each. It makes one of the nanoseconds, the
    /// Unix time in seconds and the process id, 32 bits each with the low byte first, and the last
    /// four bytes of the SHA-1 of the host's name.
    pub guid: [u8; 16],
}

/// The past of a folder that a mailbox gets later. Its `UIDVALIDITY` is not chosen: as Dovecot does
/// it, it is the one after the last that the mailbox gave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaterFolderHistory {
    /// As [`FolderHistory::next_uid`].
    pub next_uid: u32,
    /// As [`FolderHistory::guid`].
    pub guid: [u8; 16],
}

/// Flags to add to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailFlagging {
    /// Which message.
    pub location: MailLocation,
    /// Flags to add; none is ever taken away.
    pub add: MailFlags,
}

/// What an action did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
#[must_use]
pub enum ActivityResult {
    /// The message was written.
    Delivered {
        /// Path below the decky's root.
        path: PathBuf,
        /// Bytes on disk.
        size: u64,
    },
    /// The message was there already, from an earlier try, perhaps with other flags.
    AlreadyDelivered {
        /// Path below the decky's root.
        path: PathBuf,
    },
    /// The flags are set.
    Flagged {
        /// Path below the decky's root.
        path: PathBuf,
    },
    /// The message is gone from the disk.
    Removed,
    /// The message is not there: somebody else removed it.
    Absent,
}

/// What a mailbox holds before decnet first writes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[must_use]
pub enum MailboxState {
    /// It does not exist.
    Absent,
    /// It exists, without a message in any folder.
    Empty,
    /// It holds messages that decnet did not write.
    Occupied {
        /// How many were counted; counting stops at 1,000.
        messages: u64,
    },
}

impl MailboxState {
    /// How many messages were counted, at most 1,000.
    pub fn messages(self) -> u64 {
        match self {
            Self::Absent | Self::Empty => 0,
            Self::Occupied { messages } => messages,
        }
    }
}
