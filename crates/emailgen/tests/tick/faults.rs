//! Ledgers, drivers and writers that fail, die, or take note.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use decnet_activity_driver::action::{
    Action, ActionKind, ActivityResult, Folder, MailLocation, MailboxState,
};
use decnet_activity_driver::decky::Decky;
use decnet_activity_driver::driver::{ActivityDriver, DriverError};
use decnet_activity_driver::drivers::local_folders::LocalFoldersDriver;
use decnet_emailgen::drafts::OpenDraft;
use decnet_emailgen::knowledge_ledger::{KnowledgeLedger, RecallCue};
use decnet_emailgen::ledger::*;
use decnet_emailgen::memory_ledger::MemoryLedger;
use decnet_emailgen::nudge_ledger::{CausedMail, DeckyLife, NudgeLedger};
use decnet_realism::active_hours::Schedule;
use decnet_realism::canon::CanonKind;
use decnet_realism::knowledge::Recollection;
use decnet_realism::offline::OfflineWriter;
use decnet_realism::writer::{
    Authorship, Brief, Effort, Unavailability, Writer, WriterError, Written,
};

use crate::office::quick_driver;

/// When a process dies, as seen from its ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    Never,
    /// Before this call, counted from 0.
    Before(usize),
    /// After this call took effect.
    After(usize),
}

/// A ledger that notes its calls and dies when told to.
pub(crate) struct MortalLedger<'l> {
    inner: &'l mut MemoryLedger,
    pub(crate) calls: Vec<&'static str>,
    death: Death,
    dead: Arc<AtomicBool>,
}

impl<'l> MortalLedger<'l> {
    pub(crate) fn new(inner: &'l mut MemoryLedger, death: Death) -> Self {
        Self {
            inner,
            calls: Vec::new(),
            death,
            dead: Arc::default(),
        }
    }

    /// Dies with whatever else shares the flag.
    pub(crate) fn with_flag(inner: &'l mut MemoryLedger, dead: &Arc<AtomicBool>) -> Self {
        Self {
            dead: Arc::clone(dead),
            ..Self::new(inner, Death::Never)
        }
    }

    pub(crate) fn count(&self, call: &str) -> usize {
        self.calls.iter().filter(|made| **made == call).count()
    }

    fn call<T>(
        &mut self,
        name: &'static str,
        call: impl FnOnce(&mut MemoryLedger) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let number = self.calls.len();
        self.calls.push(name);
        if self.death == Death::Before(number) {
            self.dead.store(true, Ordering::SeqCst);
        }
        if self.dead.load(Ordering::SeqCst) {
            return Err(dead());
        }
        let result = call(self.inner);
        if self.death == Death::After(number) {
            self.dead.store(true, Ordering::SeqCst);
            return Err(dead());
        }
        result
    }
}

fn dead() -> LedgerError {
    LedgerError::Failed {
        detail: "the process is dead".to_owned(),
    }
}

macro_rules! forward {
    ($trait:ident: $(fn $name:ident(&mut self $(, $arg:ident: $type:ty)*) -> $result:ty;)*) => {
        impl $trait for MortalLedger<'_> {
            $(fn $name(&mut self $(, $arg: $type)*) -> Result<$result, LedgerError> {
                self.call(stringify!($name), |inner| inner.$name($($arg),*))
            })*
        }
    };
}

forward! {
    NudgeLedger:
    fn caused(&mut self, cause: &str) -> Option<CausedMail>;
    fn claim_mail(&mut self, id: MailId, wall_clock: DateTime<Utc>, lease_until: DateTime<Utc>) -> Option<ClaimedMail>;
    fn unanswered_on(&mut self, decky: DeckyId, since: DateTime<Utc>, until: DateTime<Utc>, look_at: usize) -> Vec<MailId>;
    fn parent(&mut self, id: MailId, reader: PersonaId) -> Option<ParentMail>;
    fn residents(&mut self, decky: DeckyId) -> Vec<(PersonaId, ScheduleId)>;
    fn newcomers(&mut self, decky: DeckyId) -> Vec<(PersonaId, ScheduleId)>;
    fn open_drafts(&mut self, decky: DeckyId) -> Vec<OpenDraft>;
    fn decky_life(&mut self, after: DeckyId, limit: usize, open: &[ScheduleId]) -> Vec<DeckyLife>;
    fn decky_life_of(&mut self, name: &str, open: &[ScheduleId]) -> Option<DeckyLife>;
}

forward! {
    KnowledgeLedger:
    fn canon_names(&mut self, company: &str, wanted: &[(CanonKind, &str)]) -> Vec<Option<String>>;
    fn is_canon_name_taken(&mut self, company: &str, kind: CanonKind, name: &str) -> bool;
    fn recollections(&mut self, cue: &RecallCue<'_>) -> Vec<Recollection>;
}

forward! {
    MailLedger:
    fn next_mail_id(&mut self) -> MailId;
    fn schedules(&mut self) -> Vec<(ScheduleId, Schedule)>;
    fn correspondent(&mut self, id: PersonaId) -> Option<Correspondent>;
    fn draw_sender(&mut self, open: &[ScheduleId], lot: u64) -> Option<Correspondent>;
    fn draw_recipient(&mut self, sender: &Correspondent, open: &[ScheduleId], lot: u64) -> Option<Correspondent>;
    fn draw_home(&mut self, list: PersonaListId, lot: u64) -> Option<(DeckyId, Arc<Decky>)>;
    fn named_home(&mut self, list: PersonaListId, name: &str) -> Option<(DeckyId, Arc<Decky>)>;
    fn login_taken(&mut self, decky: DeckyId, login: &str) -> bool;
    fn mailbox_origin(&mut self, decky: DeckyId, login: &str) -> Option<MailboxOrigin>;
    fn record_mailbox(&mut self, persona: PersonaId, home: &HomeChoice, origin: MailboxOrigin) -> ();
    fn topics(&mut self, list: PersonaListId) -> Arc<[String]>;
    fn due_replies(&mut self, now: DateTime<Utc>, limit: usize) -> Vec<DueReply>;
    fn standstill(&mut self, open: &[ScheduleId]) -> Standstill;
    fn record_planned(&mut self, plans: &[PlannedMail], lease_until: DateTime<Utc>) -> Vec<PlanOutcome>;
    fn record_composed(&mut self, id: MailId, attempt: u32, composed: &ComposedMail) -> Recorded;
    fn record_delivered(&mut self, mails: &[DeliveredMail]) -> Vec<Recorded>;
    fn record_failed(&mut self, mails: &[FailedMail]) -> Vec<Recorded>;
    fn claim_unfinished(&mut self, wall_clock: DateTime<Utc>, lease_until: DateTime<Utc>, limit: usize) -> Vec<ClaimedMail>;
    fn unread(&mut self, reader: PersonaId, before: DateTime<Utc>, limit: usize) -> Vec<UnreadMail>;
    fn note_vanished(&mut self, id: MailId, folder: Folder) -> ();
    fn expired(&mut self, retention: &Retention, limit: usize) -> Vec<ExpiredMail>;
    fn forget(&mut self, mails: &[MailId]) -> ();
    fn mails(&mut self, filter: &MailFilter) -> Vec<MailSummary>;
    fn mail(&mut self, id: MailId) -> Option<MailDetails>;
}

/// The real driver, except that some deckies cannot be reached, and that the process dies after
/// so many actions.
#[derive(Clone)]
pub(crate) struct FaultyDriver {
    pub(crate) inner: LocalFoldersDriver,
    pub(crate) unreachable: Arc<Mutex<BTreeSet<String>>>,
    /// Also when a mailbox is looked into.
    pub(crate) looks_fail: bool,
    pub(crate) actions: Arc<AtomicUsize>,
    pub(crate) dies_after: usize,
    pub(crate) dead: Arc<AtomicBool>,
}

impl FaultyDriver {
    pub(crate) fn new() -> Self {
        Self {
            inner: quick_driver(),
            unreachable: Arc::default(),
            looks_fail: false,
            actions: Arc::default(),
            dies_after: usize::MAX,
            dead: Arc::default(),
        }
    }

    pub(crate) fn cut_off(&self, decky: &str) {
        self.unreachable.lock().unwrap().insert(decky.to_owned());
    }

    pub(crate) fn restore(&self, decky: &str) {
        self.unreachable.lock().unwrap().remove(decky);
    }

    fn check(&self, decky: &Decky) -> Result<(), DriverError> {
        if self.dead.load(Ordering::SeqCst)
            || self.unreachable.lock().unwrap().contains(&decky.name)
        {
            return Err(DriverError::Unreachable {
                decky: decky.name.clone(),
                reason: "the cable is out".to_owned(),
            });
        }
        Ok(())
    }
}

#[async_trait::async_trait]
impl ActivityDriver for FaultyDriver {
    fn capabilities(&self) -> &'static [ActionKind] {
        &[ActionKind::Email]
    }

    async fn run(&self, decky: &Decky, action: &Action) -> Result<ActivityResult, DriverError> {
        if self.actions.fetch_add(1, Ordering::SeqCst) >= self.dies_after {
            self.dead.store(true, Ordering::SeqCst);
        }
        self.check(decky)?;
        self.inner.run(decky, action).await
    }

    async fn mailbox_state(
        &self,
        decky: &Decky,
        mailbox: &MailLocation,
    ) -> Result<MailboxState, DriverError> {
        if self.looks_fail {
            self.check(decky)?;
        }
        self.inner.mailbox_state(decky, mailbox).await
    }
}

/// The offline writer, taking its time, and failing so many times first.
pub(crate) struct SlowWriter {
    pub(crate) failures: AtomicUsize,
}

impl SlowWriter {
    pub(crate) fn failing(times: usize) -> Self {
        Self {
            failures: AtomicUsize::new(times),
        }
    }
}

#[async_trait::async_trait]
impl Writer for SlowWriter {
    fn name(&self) -> &str {
        "slow"
    }

    async fn write(&self, brief: &Brief<'_>, seed: u64) -> Result<Written, WriterError> {
        let take = |left: usize| left.checked_sub(1);
        if self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
            .is_ok()
        {
            return Err(WriterError::Unavailable {
                writer: "slow".to_owned(),
                reason: "out of ideas".to_owned(),
                cause: Unavailability::Other,
                effort: Effort::default(),
            });
        }
        tokio::task::yield_now().await;
        Ok(Written {
            draft: OfflineWriter.draft(brief, seed),
            authorship: Authorship::of(self.name()),
        })
    }
}
