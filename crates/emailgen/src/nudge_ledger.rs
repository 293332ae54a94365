//! What a [nudge](crate::nudge) asks of the repository: who lives on a decky, what lies there that
//! somebody can answer or go on with, and what became of a cause.
//!
//! Each method is one transaction, as those of [`MailLedger`](crate::ledger::MailLedger), which every
//! ledger with these is.

use chrono::{DateTime, Utc};

use crate::drafts::OpenDraft;
use crate::ledger::{ClaimedMail, DeckyId, LedgerError, MailId, ParentMail, PersonaId, ScheduleId};

/// The mail that was planned for a cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CausedMail {
    /// Which mail.
    pub id: MailId,
    /// What became of it.
    pub state: CausedState,
}

/// What became of a mail with a cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CausedState {
    /// It is in the outbox.
    Unfinished,
    /// It was delivered.
    Delivered {
        /// The versioned record of it, as JSON; `None` when the mail itself was let go since.
        record: Option<String>,
    },
    /// It was given up.
    Abandoned {
        /// Why; empty when the mail itself was let go since.
        error: String,
    },
}

/// How alive one decky looks. A decky that serves mail, is running, and was not removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeckyLife {
    /// Which decky.
    pub id: DeckyId,
    /// Its name.
    pub name: String,
    /// The latest date of a mail or draft that was delivered there; `None` before the first. It
    /// stays when retention takes that mail away.
    pub last_change: Option<DateTime<Utc>>,
    /// People whose mailbox is there and who can be written to.
    pub owners: u32,
    /// Whether one of them keeps an open schedule.
    pub owner_at_work: bool,
}

/// The part of the repository that nudges need.
///
/// # Errors
///
/// [`LedgerError`] when the storage fails, for every method.
pub trait NudgeLedger {
    /// The mail that was planned for this cause, whatever became of it.
    fn caused(&mut self, cause: &str) -> Result<Option<CausedMail>, LedgerError>;

    /// Takes over one mail of the outbox and leases it until `lease_until`, if its lease ran out or
    /// if it failed and waits to be tried again, even if its next attempt has not come yet. `None` if
    /// somebody else holds it, or if it is finished.
    fn claim_mail(
        &mut self,
        id: MailId,
        wall_clock: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<ClaimedMail>, LedgerError>;

    /// Mails that can be answered on behalf of a decky: of the newest `look_at` mails that went to
    /// or came from one of its mailboxes, those delivered, dated from `since` to `until`, and
    /// without an answer in the ledger. Oldest first. A draft is none of them.
    fn unanswered_on(
        &mut self,
        decky: DeckyId,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
        look_at: usize,
    ) -> Result<Vec<MailId>, LedgerError>;

    /// A mail as the answer of `reader` needs it.
    fn parent(&mut self, id: MailId, reader: PersonaId) -> Result<Option<ParentMail>, LedgerError>;

    /// Available people whose mailbox is on the decky, with the hours that they keep, by their ids.
    fn residents(&mut self, decky: DeckyId) -> Result<Vec<(PersonaId, ScheduleId)>, LedgerError>;

    /// Available people of the decky's list who have no mailbox yet and may have it there, by their
    /// ids: nobody if the decky takes no new mailboxes.
    fn newcomers(&mut self, decky: DeckyId) -> Result<Vec<(PersonaId, ScheduleId)>, LedgerError>;

    /// Drafts that somebody may go on with, newest first: delivered to a mailbox on the decky, not
    /// replaced, not at their last iteration, and without a next one in the outbox. Their authors
    /// are available and still have that mailbox.
    fn open_drafts(&mut self, decky: DeckyId) -> Result<Vec<OpenDraft>, LedgerError>;

    /// How alive deckies look: those after `after` in the order of their ids, at most `limit`.
    /// `open` are the schedules open now. Costs a few look-ups for each, whatever lies on it.
    fn decky_life(
        &mut self,
        after: DeckyId,
        limit: usize,
        open: &[ScheduleId],
    ) -> Result<Vec<DeckyLife>, LedgerError>;

    /// How alive one decky looks; `None` if no decky of that name serves mail, is running, and was
    /// not removed.
    fn decky_life_of(
        &mut self,
        name: &str,
        open: &[ScheduleId],
    ) -> Result<Option<DeckyLife>, LedgerError>;
}
