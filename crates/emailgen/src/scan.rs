//! Anything in a mailbox by which a script could tell that it is synthetic.
//!
//! [`scan_message`] names the tells of one message, [`give_aways`] those of them that real mail
//! never has: nothing with one should be delivered. [`MailboxScan`] takes the messages of a whole
//! world and adds what only shows beside each other.
//!
//! A tell that real mail has too says nothing by itself. [`MailboxReport`] compares its share with
//! that in real mail, and a [`Verdict`] needs [`MESSAGES_MIN`] messages; the findings about a whole
//! mailbox say below how many they need.
//!
//! Everything that is read is hostile. The time for a message follows from its length alone, and
//! what is kept of it for a mailbox has a fixed size.
//!
//! ```
//! use decnet_emailgen::scan::{Place, Tell, give_aways};
//!
//! let mail = b"Received: by mx.corp.example; Mon, 2 Mar 2026 09:15:31 +0100\n\
//!     From: Ana <ana@corp.example>\nDate: Mon, 2 Mar 2026 09:15:30 +0100\n\
//!     Message-ID: <6f9619ff-8b86-4011-b42d-00c04fc964ff@corp.example>\n\
//!     User-Agent: Mozilla Thunderbird\nSubject: Lunch\n\nHi [Your name], at noon?\n";
//! let place = Place { folder: "INBOX", file_name: "1772439331.M1P2.mail", modified_at: None };
//! let tells: Vec<Tell> = give_aways(mail, &place).iter().map(|found| found.tell).collect();
//! assert_eq!(tells, [Tell::PlaceholderLeft]);
//! ```

mod alternative;
mod bytes;
mod catalogue;
mod courtesy;
mod date;
mod decode;
mod duplicates;
mod head;
mod mailbox;
mod mailer;
mod message;
mod new_text;
mod reader;
mod subject;
mod values;

pub use self::catalogue::{RealShare, Tell, TellRow, Weight};
pub use self::mailbox::{MESSAGES_MIN, MailboxReport, MailboxScan, TellCount, Verdict};

/// Where a message lies.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place<'a> {
    /// Name of the folder. What lies in one with `sent` or `draft` in its name was never received.
    pub folder: &'a str,
    /// Name of the file, without folders.
    pub file_name: &'a str,
    /// When the file last changed, in Unix seconds.
    pub modified_at: Option<i64>,
}

/// A tell in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which one.
    pub tell: Tell,
    /// What shows it: the start of a header or a text. It comes from the message and may hold
    /// anything.
    pub detail: String,
}

/// Names all tells of a message, each once.
pub fn scan_message(bytes: &[u8], place: &Place<'_>) -> Vec<Finding> {
    message::read(bytes, place, false).0
}

/// Names the tells of a message that real mail never has.
pub fn give_aways(bytes: &[u8], place: &Place<'_>) -> Vec<Finding> {
    let mut found = scan_message(bytes, place);
    found.retain(|finding| finding.tell.is_giveaway());
    found
}
