//! A ledger in memory: for tests, and for programs that need no database.
//!
//! [`MemoryLedger`] behaves as `decnet-store` does, except that it forgets everything when it is
//! dropped. It keeps plain collections and works out on the spot who is available and what is
//! blocked, so its methods take longer the more there is in it; a few thousand mails are fine.

mod correspondence;
mod knowledge;
mod mail;
mod nudge;
mod outcome;
mod people;
mod retention;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use decnet_activity_driver::decky::Decky;
use decnet_realism::active_hours::Schedule;
use decnet_realism::canon::CanonKind;
use decnet_realism::knowledge::Recollection;
use decnet_realism::persona::Persona;

use crate::ledger::{
    DeckyId, FollowUp, HomeChoice, LedgerError, MailId, MailPrograms, MailboxOrigin, PersonaId,
    PersonaListId, PlannedMail, ScheduleId,
};

/// A [`MailLedger`](crate::ledger::MailLedger) and [`WorldLedger`](crate::world::WorldLedger)
/// without a database.
///
/// A clone is a snapshot: what happens to one of the two does not reach the other.
///
/// ```
/// use decnet_emailgen::ledger::MailLedger;
/// use decnet_emailgen::memory_ledger::MemoryLedger;
///
/// let mut ledger = MemoryLedger::new();
/// assert!(ledger.draw_sender(&[], 7)?.is_none());
/// # Ok::<(), decnet_emailgen::ledger::LedgerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemoryLedger {
    /// The pool first, then topologies as they came. The id is the place, from 1.
    lists: Vec<PersonaList>,
    /// As they came. The id is the place, from 1.
    deckies: Vec<DeckyEntry>,
    /// As they came. The id is the place, from 1.
    personas: Vec<PersonaEntry>,
    /// As they came. The id is the place, from 1.
    schedules: Vec<Schedule>,
    mailboxes: BTreeMap<(DeckyId, String), Mailbox>,
    mails: BTreeMap<MailId, MailEntry>,
    last_mail: i64,
    /// By the mail that is answered.
    answers: BTreeMap<MailId, Answer>,
    /// Causes of mails that were let go, and whether they had been delivered.
    past_causes: BTreeMap<String, (MailId, bool)>,
    follow_ups: Vec<FollowUp>,
    /// Names that hold, by company, kind and role.
    names: BTreeMap<(String, CanonKind, String), String>,
    /// What people remember, by their address, oldest first.
    recollections: BTreeMap<String, Vec<Recollection>>,
    domains: BTreeSet<String>,
    pool_fingerprint: Option<String>,
}

impl MemoryLedger {
    /// A ledger with an empty world: no deckies, nobody in the pool.
    pub fn new() -> Self {
        let pool = PersonaList {
            topology: None,
            language_default: "en".to_owned(),
            topics: Arc::from([]),
            removed: false,
        };
        Self {
            lists: vec![pool],
            deckies: Vec::new(),
            personas: Vec::new(),
            schedules: Vec::new(),
            mailboxes: BTreeMap::new(),
            mails: BTreeMap::new(),
            last_mail: 0,
            answers: BTreeMap::new(),
            past_causes: BTreeMap::new(),
            follow_ups: Vec::new(),
            names: BTreeMap::new(),
            recollections: BTreeMap::new(),
            domains: BTreeSet::new(),
            pool_fingerprint: None,
        }
    }

    /// Has somebody remember something, whatever they write about. `owner` is their address.
    pub fn remember(&mut self, owner: &str, recollection: Recollection) {
        let owner = owner.to_ascii_lowercase();
        self.recollections
            .entry(owner)
            .or_default()
            .push(recollection);
    }

    /// What delivered mails must cause elsewhere, in the order of delivery.
    pub fn follow_ups(&self) -> &[FollowUp] {
        &self.follow_ups
    }
}

impl Default for MemoryLedger {
    fn default() -> Self {
        Self::new()
    }
}

const POOL: PersonaListId = PersonaListId(1);

#[derive(Clone, Debug)]
struct PersonaList {
    topology: Option<String>,
    language_default: String,
    topics: Arc<[String]>,
    removed: bool,
}

#[derive(Clone, Debug)]
struct DeckyEntry {
    decky: Arc<Decky>,
    list: PersonaListId,
    running: bool,
    removed: bool,
    /// The mail that it refused last and that is tried again.
    refused: Option<MailId>,
    /// The latest date of a mail or draft that was delivered there.
    last_change: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
struct PersonaEntry {
    list: PersonaListId,
    persona: Persona,
    schedule: ScheduleId,
    home: Option<HomeChoice>,
    mail_programs: Option<MailPrograms>,
    removed: bool,
    problem: Option<String>,
}

#[derive(Clone, Debug)]
struct Mailbox {
    persona: PersonaId,
    origin: MailboxOrigin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Planned,
    Composed,
    Delivered,
    Failed,
    Abandoned,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Composed => "composed",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

#[derive(Clone, Debug)]
struct MailEntry {
    state: State,
    /// With the text, which stays when the message goes.
    plan: PlannedMail,
    /// First mail of its thread.
    thread: MailId,
    thread_length: u32,
    attempt: u32,
    /// When somebody may claim it; `None` when it is delivered or abandoned.
    claimable_at: Option<DateTime<Utc>>,
    /// The attempt that failed last. While it is the latest one, nobody holds the mail.
    failed_attempt: Option<u32>,
    error: Option<String>,
    record: Option<String>,
    /// Recipients who read it.
    read_by: BTreeSet<PersonaId>,
    inbox_vanished: bool,
    sent_vanished: bool,
    /// Whether it is a draft that the next iteration took the place of.
    is_replaced: bool,
}

#[derive(Clone, Debug)]
struct Answer {
    answerer: PersonaId,
    author: PersonaId,
    due_at: DateTime<Utc>,
}

/// The entry at the place that an id names; ids count from 1.
fn at<T>(entries: &[T], id: i64) -> Option<&T> {
    entries.get(usize::try_from(id.checked_sub(1)?).ok()?)
}

fn at_mut<T>(entries: &mut [T], id: i64) -> Option<&mut T> {
    entries.get_mut(usize::try_from(id.checked_sub(1)?).ok()?)
}

/// The id of the entry that is appended next.
fn next_id<T>(entries: &[T]) -> i64 {
    i64::try_from(entries.len()).map_or(i64::MAX, |count| count.saturating_add(1))
}

/// Ids and entries, in order.
fn numbered<T>(entries: &[T]) -> impl Iterator<Item = (i64, &T)> {
    (1..).zip(entries)
}

fn drawn<T: Copy>(items: &[T], lot: u64) -> Option<T> {
    let count = u64::try_from(items.len()).ok().filter(|count| *count > 0)?;
    items.get(usize::try_from(lot % count).ok()?).copied()
}

/// A moment as it is kept: to the microsecond.
fn kept(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(time.timestamp_micros()).unwrap_or(time)
}

fn unknown(what: &str, id: i64) -> LedgerError {
    LedgerError::Corrupt {
        detail: format!("there is no {what} {id}"),
    }
}
