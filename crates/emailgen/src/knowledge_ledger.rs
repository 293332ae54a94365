//! What somebody knows when they write, as the repository has it: names that hold in a company, and
//! what its people remember.
//!
//! Each method is one transaction, as those of [`MailLedger`](crate::ledger::MailLedger), which every
//! ledger with these is. Nothing here writes: a plan carries the
//! [names](crate::ledger::PlannedMail::names) that it makes.

use chrono::{DateTime, Utc};
use decnet_realism::canon::CanonKind;
use decnet_realism::knowledge::{CanonName, Recollection};

use crate::ledger::{LedgerError, MailId};

/// What a mail is about to be written for.
#[derive(Clone, Copy, Debug)]
pub struct RecallCue<'a> {
    /// Address of who writes, in small letters.
    pub owner: &'a str,
    /// Address of who reads first, in small letters.
    pub other: &'a str,
    /// First mail of the thread; `None` if this is it.
    pub thread: Option<MailId>,
    /// The mail that is answered or passed on. Its own memory is of no use: the writer has the mail.
    pub parent: Option<MailId>,
    /// What the thread is about.
    pub topic: &'a str,
    /// What is answered or passed on; empty if nothing is.
    pub text: &'a str,
    /// What things are called in this matter.
    pub names: &'a [CanonName],
    /// The moment of writing: what happened later is not remembered.
    pub now: DateTime<Utc>,
    /// Most tokens of what is remembered, estimated.
    pub tokens: usize,
}

/// The part of the repository that writers learn from.
///
/// # Errors
///
/// [`LedgerError`] when the storage fails, for every method.
pub trait KnowledgeLedger {
    /// What these are called in a company, in their order; `None` for what has no name yet. A company
    /// is a domain in small letters.
    fn canon_names(
        &mut self,
        company: &str,
        wanted: &[(CanonKind, &str)],
    ) -> Result<Vec<Option<String>>, LedgerError>;

    /// Whether something of this kind has or had this name in a company, whatever its capitals. Of a
    /// person, also whether it is the first name of a persona there.
    fn is_canon_name_taken(
        &mut self,
        company: &str,
        kind: CanonKind,
        name: &str,
    ) -> Result<bool, LedgerError>;

    /// What the writer remembers that bears on the mail, within the budget, what matters most first.
    fn recollections(&mut self, cue: &RecallCue<'_>) -> Result<Vec<Recollection>, LedgerError>;
}
