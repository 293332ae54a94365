//! The repository that a tick needs: who can write, what is due, and the outbox.
//!
//! Each method is one transaction and never waits for anything but the storage, so it is not
//! `async`: nothing can be awaited inside a transaction. [`MemoryLedger`](crate::memory_ledger)
//! keeps everything in memory; `decnet-store` keeps it in SQLite. Both pass
//! [`conformance`](crate::conformance).
//!
//! # The outbox
//!
//! ```text
//! planned ─► composed ─► delivered
//!    │           └──────► failed     (tried again at `next_attempt_at`)
//!    └──────────────────► abandoned  (says why)
//! ```
//!
//! Seed, Message-ID and file names are chosen when a mail is planned, so every later try makes the
//! same message in the same place. A mail in work is leased; its attempt number is the fencing
//! token: whoever claims it after the lease ran out gets a higher one, and what the earlier holder
//! still records is refused as [`Recorded::Overtaken`].

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, FixedOffset, Utc};
use decnet_activity_driver::action::{ActivityResult, Folder, MailLocation};
use decnet_activity_driver::decky::Decky;
use decnet_realism::active_hours::Schedule;
use decnet_realism::knowledge::CanonName;
use decnet_realism::persona::Persona;
use decnet_realism::writer::Authorship;
use serde::{Deserialize, Serialize};

use crate::knowledge_ledger::KnowledgeLedger;
use crate::nudge_ledger::NudgeLedger;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);
    };
}

id!(
    /// A persona in a ledger.
    PersonaId
);
id!(
    /// A list of personas: a topology's, or the pool.
    PersonaListId
);
id!(
    /// A decky in a ledger.
    DeckyId
);
id!(
    /// A mail in a ledger; ids grow in the order of planning.
    MailId
);
id!(
    /// Distinct working hours (time zone, hours, workdays), shared by everyone who keeps them.
    ScheduleId
);

/// A persona who can write or be written to now.
#[derive(Clone, Debug)]
pub struct Correspondent {
    /// Who.
    pub id: PersonaId,
    /// The list they belong to; people write to each other inside one list.
    pub list: PersonaListId,
    /// As the operator described them, language resolved.
    pub persona: Arc<Persona>,
    /// Where their mailbox is; `None` before their first mail.
    pub home: Option<Home>,
    /// What they write their mail with; `None` before their first one.
    pub mail_programs: Option<MailPrograms>,
}

/// The decky that serves a persona's mailbox.
#[derive(Clone, Debug)]
pub struct Home {
    /// Which decky.
    pub decky_id: DeckyId,
    /// The decky itself.
    pub decky: Arc<Decky>,
    /// Login name of the persona there.
    pub login: String,
}

/// What somebody writes their mail with, kept for good: [names](crate::mail_client::MailClient::name)
/// of mail clients.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailPrograms {
    /// At the desk.
    pub desk: String,
    /// On the phone, for those who write from it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// A reply whose time has come.
#[derive(Clone, Debug)]
pub struct DueReply {
    /// When it is due: the date it carries.
    pub due_at: DateTime<Utc>,
    /// Who answers: one of those that the parent was sent to.
    pub answerer: Correspondent,
    /// Who is answered: the author of the parent.
    pub author: Correspondent,
    /// The mail that is answered.
    pub parent: ParentMail,
}

/// A recorded mail, as its reply needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParentMail {
    /// Which mail.
    pub id: MailId,
    /// The first mail of its thread.
    pub thread: MailId,
    /// How many mails the thread had when this one was planned, itself included.
    pub thread_length: u32,
    /// With angle brackets.
    pub message_id: String,
    /// Ancestors, oldest first, separated by one space.
    pub references: String,
    /// Subject with prefixes.
    pub subject: String,
    /// What its author wrote.
    pub new_text: String,
    /// The whole text, quotes and signature included.
    pub text: String,
    /// When it was sent, in its author's zone.
    pub sent_at: DateTime<FixedOffset>,
    /// When the first mail of the thread was sent; this one, if that is not kept any more.
    pub thread_began: DateTime<Utc>,
    /// Topic of the thread.
    pub topic: String,
    /// Language of the thread.
    pub language: String,
    /// Who wrote it.
    pub author: Party,
    /// Whom it was sent to, in the order of its headers.
    pub recipients: Vec<(Party, RecipientField)>,
    /// Its `Thread-Index`, if it has one.
    pub thread_index: Option<String>,
    /// Mailbox of the one who answers, that it was delivered to.
    pub inbox_home: HomeChoice,
    /// Unique part of its file name in that INBOX.
    pub inbox_name: String,
}

/// Somebody in the headers of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Who.
    pub id: PersonaId,
    /// Display name.
    pub name: String,
    /// Address.
    pub address: String,
}

/// Which header names a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecipientField {
    /// `To`.
    To,
    /// `Cc`.
    Cc,
}

/// What a mail is to its thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailKind {
    /// It starts a thread.
    #[default]
    New,
    /// It answers a mail of the ledger.
    Reply,
    /// It passes a mail of the ledger on.
    Forward,
    /// It answers a mail that no mailbox holds: real mailboxes are never closed.
    ReplyToUnseen,
}

/// A mail about to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedMail {
    /// The id that its seed was made for: the one it gets if nobody else plans a mail meanwhile,
    /// a higher one otherwise. Never a lower one, or a later mail would be made for an id, and so
    /// from a seed, that this one has used. A mail with the same Message-ID from this id on is a
    /// conflict: another tick with the same seed was faster.
    pub expected_id: MailId,
    /// Everything random about the mail follows from this.
    pub seed: u64,
    /// List of both personas.
    pub list: PersonaListId,
    /// Who writes.
    pub sender: PersonaId,
    /// Mailbox of the sender.
    pub sender_home: HomeChoice,
    /// Who reads.
    pub recipient: PersonaId,
    /// Mailbox of the recipient.
    pub recipient_home: HomeChoice,
    /// Who else gets it, in the order of its headers.
    pub copies: Vec<PlannedCopy>,
    /// What it is to its thread.
    pub kind: MailKind,
    /// The mail it answers or passes on, its thread and its place in it; `None` starts a thread.
    pub reply_to: Option<ReplyTo>,
    /// Name of the mail client it is written with.
    pub mail_client: String,
    /// What the sender writes their mail with from now on, when that was not settled yet.
    pub new_mail_programs: Option<MailPrograms>,
    /// Topic of the thread.
    pub topic: String,
    /// Language of the mail.
    pub language: String,
    /// Date of the mail, in the sender's zone.
    pub sent_at: DateTime<FixedOffset>,
    /// With angle brackets.
    pub message_id: String,
    /// Unique part of the file name in the recipient's INBOX.
    pub inbox_name: String,
    /// Unique part of the file name in the sender's Sent folder.
    pub sent_name: String,
    /// The finished mail, when the writer was immediate.
    pub composed: Option<ComposedMail>,
    /// What it was asked for by, for ever unique: a plan for a cause that has a mail is a conflict.
    /// With a cause, a reply may be planned that nobody owes.
    pub cause: Option<String>,
    /// Names that it speaks of and that its company did not have yet. They are kept with the plan; one
    /// whose kind and role has another name by now makes the plan a conflict.
    pub names: Vec<PlannedName>,
    /// Which iteration of a draft it is, if it is one. A draft goes into Drafts of its sender under
    /// `sent_name`, and nowhere else: its `recipient_home` is the sender's, and it has no copies.
    pub draft: Option<DraftPlan>,
}

impl PlannedMail {
    /// Everybody it concerns with their mailbox: the sender, the recipient, who else gets it. Of a
    /// draft it is the sender alone.
    pub fn people(&self) -> impl Iterator<Item = (PersonaId, &HomeChoice)> {
        let copies = self.copies.iter().map(|copy| (copy.recipient, &copy.home));
        let recipient = (self.recipient, &self.recipient_home);
        std::iter::once((self.sender, &self.sender_home))
            .chain(self.draft.is_none().then_some(recipient))
            .chain(copies)
    }
}

/// A name that holds in a company from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedName {
    /// The company: a domain in small letters.
    pub company: String,
    /// What is called how.
    pub name: CanonName,
}

/// One iteration of a [draft](crate::drafts).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftPlan {
    /// Its number, from 1.
    pub iteration: u32,
    /// Number of the last iteration of this draft.
    pub last: u32,
    /// Seed of the first iteration, from which subject, recipient and text follow.
    pub seed: u64,
    /// The iteration that it replaces; `None` for the first one.
    pub before: Option<DraftBefore>,
}

/// The iteration of a draft that the next one replaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftBefore {
    /// Which mail.
    pub mail: MailId,
    /// Unique part of its file name in Drafts.
    pub name: String,
    /// Subject of the draft.
    pub subject: String,
    /// The whole text.
    pub body: String,
    /// Who wrote it.
    pub written_by: WrittenBy,
}

/// One more recipient of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedCopy {
    /// Who.
    pub recipient: PersonaId,
    /// Their mailbox.
    pub home: HomeChoice,
    /// Which header names them.
    pub field: RecipientField,
    /// Unique part of the file name in their INBOX.
    pub inbox_name: String,
}

/// Which mail a reply answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyTo {
    /// The parent.
    pub parent: MailId,
    /// First mail of the thread.
    pub thread: MailId,
    /// Place of the reply in its thread; a thread's first mail has 1.
    pub thread_length: u32,
}

/// The mailbox a persona has, or gets with this mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeChoice {
    /// Which decky.
    pub decky: DeckyId,
    /// Login name there.
    pub login: String,
}

/// The text of a mail and its final bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComposedMail {
    /// Subject with prefixes.
    pub subject: String,
    /// References header, ids separated by one space; empty for a thread's first mail.
    pub references: String,
    /// What the sender wrote; of a draft, all that they will have written in the end.
    pub new_text: String,
    /// The whole text, quotes and signature included.
    pub text: String,
    /// RFC 5322 bytes, without the headers that servers add on the way.
    pub message: Vec<u8>,
    /// Its `Thread-Index`, if it has one.
    pub thread_index: Option<String>,
    /// Who wrote the text, for the record.
    pub written_by: WrittenBy,
}

/// Who wrote the text of a mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenBy {
    /// The writer, and what it took.
    #[serde(flatten)]
    pub authorship: Authorship,
    /// Name of the mail client profile.
    pub mail_client: String,
    /// Numbers of the memories that its author had in mind.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recalled: Vec<i64>,
    /// What gave earlier tries away, so that the mail was made again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remade_for: Vec<String>,
}

/// What became of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum PlanOutcome {
    /// It is in the outbox, leased to the caller, attempt 1.
    Planned(MailId),
    /// The world moved on since the plan was made (somebody took the reply, the home or the
    /// login); plan again.
    Conflict,
}

/// A mail in the outbox that the caller holds now.
#[derive(Clone, Debug)]
pub struct ClaimedMail {
    /// Which mail.
    pub id: MailId,
    /// Number of this attempt; the fencing token.
    pub attempt: u32,
    /// When it was planned.
    pub plan: PlannedMail,
    /// The sender.
    pub sender: Correspondent,
    /// The recipient.
    pub recipient: Correspondent,
    /// Who else gets it, in the order of the plan.
    pub copies: Vec<Correspondent>,
    /// The mail it answers, if that is still known.
    pub parent: Option<ParentMail>,
}

/// Where a message lies, for the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// Name of the decky.
    pub decky: String,
    /// Mailbox, folder and unique name.
    #[serde(flatten)]
    pub location: MailLocation,
    /// What the driver did.
    #[serde(flatten)]
    pub result: ActivityResult,
}

/// A mail that lies in both mailboxes.
#[derive(Clone, Debug)]
pub struct DeliveredMail {
    /// Which mail.
    pub id: MailId,
    /// The fencing token.
    pub attempt: u32,
    /// The versioned record of it, as JSON.
    pub record: String,
    /// Who will answer it and when, if anybody will.
    pub answer: Option<ComingAnswer>,
    /// What other parts of decnet must do because of it.
    pub follow_ups: Vec<FollowUp>,
    /// Mails that its sender has read by now: their messages are flagged in the INBOX.
    pub read: Vec<MailId>,
    /// Mails to its sender that somebody else removed from the INBOX.
    pub vanished: Vec<MailId>,
}

/// An answer that is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComingAnswer {
    /// Who answers.
    pub answerer: PersonaId,
    /// When.
    pub due_at: DateTime<Utc>,
}

/// A delivered mail that its recipient has not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadMail {
    /// Which mail.
    pub id: MailId,
    /// Unique part of its file name in the INBOX.
    pub inbox_name: String,
}

/// Something that another part of decnet must do, written in the same transaction as its cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// What kind of work, such as `memory.remember`.
    pub kind: String,
    /// Opaque to everybody but its handler.
    pub payload: serde_json::Value,
    /// Unique per kind: writing the same cause again changes nothing.
    pub cause: String,
}

/// Why a mail was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedMail {
    /// Which mail.
    pub id: MailId,
    /// The fencing token.
    pub attempt: u32,
    /// What happened, one line.
    pub error: String,
    /// When to try again; `None` abandons it.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// The decky that refused, which gets no new mail until this one got through or is abandoned.
    pub refused_by: Option<DeckyId>,
    /// The versioned record of it, as JSON.
    pub record: String,
}

/// Whether what was to be recorded still belonged to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    /// It was recorded.
    Yes,
    /// Somebody else holds the mail since; nothing was changed.
    Overtaken,
}

/// What decnet knows of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailboxOrigin {
    /// decnet made it, or found it empty.
    Made,
    /// It held mail, and the operator lets decnet write to it.
    Adopted,
    /// It held mail that decnet did not write; decnet keeps out.
    Foreign,
}

/// Why nobody can start a thread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Standstill {
    /// The world has no deckies.
    NoDeckies,
    /// No decky that offers `imap` or `pop3` is running.
    NoRunningMailDecky,
    /// No list with a running mail decky has two personas.
    TooFewPersonas,
    /// Every persona's mailbox is out of reach: its decky stopped, refused its last mail, or it
    /// holds foreign mail.
    NoUsableMailbox,
    /// No reply is due, and no thread was wanted.
    NothingDue,
    /// Nobody, or only one person per list, is at work.
    OutsideHours {
        /// When somebody starts work next.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_opening: Option<DateTime<Utc>>,
    },
}

/// A mail that is old enough, or one too many, to be removed.
#[derive(Clone, Debug)]
pub struct ExpiredMail {
    /// Which mail.
    pub id: MailId,
    /// Where it lies.
    pub placements: Vec<(Arc<Decky>, MailLocation)>,
}

/// How long mail is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Mail dated before this goes; `None` keeps mail of any age.
    pub older_than: Option<DateTime<Utc>>,
    /// Most messages on one decky; 0 sets no limit.
    pub messages_per_decky: u64,
    /// Deckies to count messages on: those that got mail just now, since no other can have become
    /// too full.
    pub deckies: Vec<DeckyId>,
    /// Names of deckies that lose nothing. A mail that lies on one of them stays everywhere.
    pub spared: BTreeSet<String>,
}

/// One line of a mail listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MailSummary {
    /// Which mail.
    pub id: MailId,
    /// First mail of its thread.
    pub thread: MailId,
    /// `planned`, `composed`, `delivered`, `failed` or `abandoned`.
    pub state: String,
    /// Date, in the sender's zone.
    pub sent_at: DateTime<FixedOffset>,
    /// Address of the sender.
    pub from: String,
    /// Address of the first recipient.
    pub to: String,
    /// Addresses of the other recipients, in the order of the headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub copies: Vec<String>,
    /// Subject; empty while it is only planned, unless it goes on with a draft.
    pub subject: String,
    /// With angle brackets.
    pub message_id: String,
    /// Number of the iteration, from 1, if it is a draft.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<u32>,
    /// Tries so far.
    pub attempts: u32,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One mail with everything known of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MailDetails {
    /// The line of the listing.
    #[serde(flatten)]
    pub summary: MailSummary,
    /// Display name of the sender.
    pub from_name: String,
    /// Display name of the recipient.
    pub to_name: String,
    /// The mail it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<MailId>,
    /// When the recipient will answer, if they will and have not yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer_due_at: Option<DateTime<Utc>>,
    /// The whole text.
    pub text: String,
    /// Folders in which somebody other than decnet removed it.
    pub vanished_from: Vec<Folder>,
    /// The versioned record, once delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<serde_json::Value>,
}

/// Which mails to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailFilter {
    /// Only mail from or to this address.
    pub address: Option<String>,
    /// Only this thread.
    pub thread: Option<MailId>,
    /// Only this state.
    pub state: Option<String>,
    /// At most this many, newest first; 0 for all.
    pub limit: u64,
}

/// The repository behind a tick.
pub trait MailLedger: NudgeLedger + KnowledgeLedger + Send {
    /// The id that the next planned mail gets if nobody else plans one before.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the storage fails; so for every method below.
    fn next_mail_id(&mut self) -> Result<MailId, LedgerError>;

    /// Every distinct schedule that an available persona keeps.
    fn schedules(&mut self) -> Result<Vec<(ScheduleId, Schedule)>, LedgerError>;

    /// One available persona who keeps one of the `open` schedules and has an available colleague
    /// who does too, drawn by `lot`. Its cost does not grow with the number of deckies.
    fn draw_sender(
        &mut self,
        open: &[ScheduleId],
        lot: u64,
    ) -> Result<Option<Correspondent>, LedgerError>;

    /// Somebody by their id, if they are available.
    fn correspondent(&mut self, id: PersonaId) -> Result<Option<Correspondent>, LedgerError>;

    /// An available colleague of `sender` who keeps one of the `open` schedules, drawn by `lot`.
    fn draw_recipient(
        &mut self,
        sender: &Correspondent,
        open: &[ScheduleId],
        lot: u64,
    ) -> Result<Option<Correspondent>, LedgerError>;

    /// A running mail decky for personas of `list`, drawn by `lot`.
    fn draw_home(
        &mut self,
        list: PersonaListId,
        lot: u64,
    ) -> Result<Option<(DeckyId, Arc<Decky>)>, LedgerError>;

    /// The decky that the persona's `home` field names, if it is a running mail decky of `list`.
    fn named_home(
        &mut self,
        list: PersonaListId,
        name: &str,
    ) -> Result<Option<(DeckyId, Arc<Decky>)>, LedgerError>;

    /// Whether a persona on this decky has this login already.
    fn login_taken(&mut self, decky: DeckyId, login: &str) -> Result<bool, LedgerError>;

    /// What is known of a mailbox; `None` before decnet looked into it.
    fn mailbox_origin(
        &mut self,
        decky: DeckyId,
        login: &str,
    ) -> Result<Option<MailboxOrigin>, LedgerError>;

    /// Remembers what a look into a mailbox showed. A mailbox that is known already keeps its
    /// origin, unless it was foreign and is adopted now. A foreign mailbox makes `persona`
    /// unavailable.
    fn record_mailbox(
        &mut self,
        persona: PersonaId,
        home: &HomeChoice,
        origin: MailboxOrigin,
    ) -> Result<(), LedgerError>;

    /// Topics that the operator gave for new threads of a list; empty for the built-in ones.
    fn topics(&mut self, list: PersonaListId) -> Result<Arc<[String]>, LedgerError>;

    /// Replies due at `now` whose answerer is available, oldest first.
    fn due_replies(
        &mut self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<DueReply>, LedgerError>;

    /// Why no thread can be started; `open` are the schedules open now.
    fn standstill(&mut self, open: &[ScheduleId]) -> Result<Standstill, LedgerError>;

    /// Puts plans into the outbox, leased until `lease_until`, and gives personas the homes and the
    /// mail programs that the plans chose; mail programs that somebody has stay. Answers in the
    /// same order.
    fn record_planned(
        &mut self,
        plans: &[PlannedMail],
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<PlanOutcome>, LedgerError>;

    /// Adds the text to a planned mail.
    fn record_composed(
        &mut self,
        id: MailId,
        attempt: u32,
        composed: &ComposedMail,
    ) -> Result<Recorded, LedgerError>;

    /// Marks mails as delivered, with their answers and follow-ups. Answers in the same order. A
    /// draft replaces the iteration before it, which counts on its decky no more.
    fn record_delivered(&mut self, mails: &[DeliveredMail]) -> Result<Vec<Recorded>, LedgerError>;

    /// Gives mails back, to be tried later or never. Answers in the same order.
    fn record_failed(&mut self, mails: &[FailedMail]) -> Result<Vec<Recorded>, LedgerError>;

    /// Takes over mails of the outbox whose lease ran out or whose next attempt has come, oldest
    /// first, and leases them until `lease_until`. Writes nothing when there is none.
    fn claim_unfinished(
        &mut self,
        wall_clock: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<ClaimedMail>, LedgerError>;

    /// Delivered mails in the mailbox of `reader` dated before `before` that are not read, oldest
    /// first, at most `limit`. Mail in a mailbox that they left is not among them.
    fn unread(
        &mut self,
        reader: PersonaId,
        before: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<UnreadMail>, LedgerError>;

    /// Notes that somebody other than decnet removed a delivered message. A draft is only in
    /// Drafts, and no other mail is there.
    fn note_vanished(&mut self, id: MailId, folder: Folder) -> Result<(), LedgerError>;

    /// Delivered mails that `retention` lets go, oldest first, at most `limit`. One that a reply in
    /// work answers is not among them.
    fn expired(
        &mut self,
        retention: &Retention,
        limit: usize,
    ) -> Result<Vec<ExpiredMail>, LedgerError>;

    /// Forgets mails whose messages are gone from the disk. One that a reply in work still needs
    /// is kept, and expires again later.
    fn forget(&mut self, mails: &[MailId]) -> Result<(), LedgerError>;

    /// Lists mails, newest first.
    fn mails(&mut self, filter: &MailFilter) -> Result<Vec<MailSummary>, LedgerError>;

    /// One mail with everything known of it.
    fn mail(&mut self, id: MailId) -> Result<Option<MailDetails>, LedgerError>;
}

/// Why the storage failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Somebody else is writing, for longer than the storage waits.
    #[error("the database is busy: {detail}")]
    Busy {
        /// What the storage said.
        detail: String,
    },
    /// The disk is full.
    #[error("no space left for the database {path}")]
    DiskFull {
        /// The file, where it is known.
        path: String,
    },
    /// The storage may not be written.
    #[error("the database cannot be written: {detail}")]
    ReadOnly {
        /// What the storage said.
        detail: String,
    },
    /// What is stored makes no sense.
    #[error("the database holds what cannot be right: {detail}")]
    Corrupt {
        /// What was found.
        detail: String,
    },
    /// Anything else.
    #[error("the database failed: {detail}")]
    Failed {
        /// What the storage said.
        detail: String,
    },
}

impl LedgerError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::DiskFull { .. } => true,
            Self::ReadOnly { .. } | Self::Corrupt { .. } | Self::Failed { .. } => false,
        }
    }
}
