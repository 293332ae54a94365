//! Reading a delivered mail together with what was said before it, for those who make something of
//! it elsewhere: who wrote to whom, in which words, in answer to what.

use chrono::{DateTime, FixedOffset};

use crate::ledger::{LedgerError, MailId, Party, RecipientField};

/// What a memory is of that somebody has of a mail to somebody else, of which they got a copy.
pub const MAIL_COPIED: &str = "mail-copied";

/// A delivered mail, and what was said before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correspondence {
    /// Which mail.
    pub id: MailId,
    /// The first mail of its thread.
    pub thread: MailId,
    /// Who wrote it.
    pub author: Party,
    /// Whom it was sent to, in the order of its headers. Of a draft, whom it is meant for.
    pub recipients: Vec<(Party, RecipientField)>,
    /// Subject with prefixes.
    pub subject: String,
    /// What its author wrote, without quotes and signature.
    pub new_text: String,
    /// Topic of the thread.
    pub topic: String,
    /// Language of the mail.
    pub language: String,
    /// When it was sent, in its author's zone.
    pub sent_at: DateTime<FixedOffset>,
    /// Whether it is a draft, which nobody but its author can read.
    pub is_draft: bool,
    /// What was said before it in its thread, oldest first.
    pub earlier: Vec<EarlierMail>,
}

/// A mail that was sent before another one of its thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierMail {
    /// Address of who wrote it.
    pub author: String,
    /// What they wrote, without quotes and signature.
    pub new_text: String,
    /// When it was sent, in their zone.
    pub sent_at: DateTime<FixedOffset>,
}

/// The part of the repository that tells what was delivered.
pub trait CorrespondenceLedger {
    /// A delivered mail with up to `earlier` mails that led to it: the one that it answers or passes
    /// on, the one before that, and so on, as far as the ledger still has them. `None` if there is no
    /// such mail, or none that was delivered.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the storage fails.
    fn correspondence(
        &mut self,
        mail: MailId,
        earlier: usize,
    ) -> Result<Option<Correspondence>, LedgerError>;
}

/// What is done because a mail was delivered has this cause: `mail:17`.
pub fn mail_cause(mail: MailId) -> String {
    format!("mail:{}", mail.0)
}

/// The cause of what somebody remembers of a mail: `mail:17/ana@corp.example`, with the address of
/// whose memory it is, in small letters.
pub fn memory_cause(mail: MailId, owner: &str) -> String {
    format!("{}/{}", mail_cause(mail), owner.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_have_one_form() {
        let mail = MailId(17);
        assert_eq!(mail_cause(mail), "mail:17");
        for address in ["ana@corp.example", "Ana@CORP.example"] {
            assert_eq!(memory_cause(mail, address), "mail:17/ana@corp.example");
        }
    }
}
