//! The repository behind the engine: what was counted, what was done, what is paused.
//!
//! Each method is one transaction and never waits for anything but the storage, so it is not
//! `async`. Times may be kept to the microsecond. [`MemoryHealLedger`](crate::memory_ledger::MemoryHealLedger) keeps everything in memory;
//! `decnet-store` keeps it in SQLite. Both pass [`conformance`](crate::conformance).
//!
//! # The log
//!
//! Whatever is done or observed is appended to a [log](crate::log) and applied in the same
//! transaction. Nothing in it is ever changed, and [`State`](crate::log::State) makes of it again
//! what the ledger shows. Points and presences are not in it: they come from elsewhere and age.
//!
//! # An attempt
//!
//! ```text
//! running ─► success
//!  ▲  └────► failed  (tried again at `retry_at`, or begun again after its cooldown)
//!  └──────────┘
//! ```
//!
//! An attempt in work is leased. Its token is the number of its latest try: whoever takes it up
//! after the lease ran out gets a higher one, and what the earlier holder still records is refused
//! as [`Recorded::Overtaken`]. So a late failure cannot undo a success.

use chrono::{DateTime, Utc};

use crate::attempt::{Attempt, AttemptId, Beginning, ExecutionError, History};
use crate::decision::{Plan, Reason};
use crate::fleet::{Budget, FleetCount};
use crate::freeze::Presence;
use crate::limits::Limits;
use crate::log::Entry;
use crate::point::Point;
use crate::policy::Episode;

/// Longest name of a target, in bytes.
pub const TARGET_NAME_MAX: usize = 512;
/// Most points that are kept of one target: the newest.
pub const POINTS_MAX: usize = 4_096;

/// A target in a ledger; ids grow in the order of first mention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetId(pub i64);

/// What was seen of targets, to be kept in one transaction.
#[derive(Clone, Debug, Default)]
pub struct Intake<'a> {
    /// Targets that are to be known, whether anything was seen of them or not.
    pub targets: &'a [&'a str],
    /// Points by target. One of the same moment replaces the earlier.
    pub points: &'a [(&'a str, Point)],
    /// Points of counters that only in sum say what was counted of a target, as when two servers of
    /// one decoy log apart. What a counter has gained since its last point, or shows after it began
    /// again, is added to the newest point of the target: as a new one, no earlier than that. The
    /// first point of a counter adds nothing that was counted before, and one that is no later than
    /// its last is passed over.
    pub counters: &'a [CounterPoint<'a>],
    /// How long points are kept, counted back from the newest of their target. `None` keeps
    /// [`POINTS_MAX`].
    pub keep_for: Option<chrono::TimeDelta>,
    /// Presences; one with the id of an earlier one replaces it.
    pub presences: &'a [Presence],
    /// Presences that ended before this are forgotten.
    pub forget_presences_before: Option<DateTime<Utc>>,
    /// Where it comes from, and how far that was read: kept with it, so that nothing is taken in
    /// twice.
    pub position: Option<(&'a str, i64)>,
}

/// What one of several counters of a target showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CounterPoint<'a> {
    /// Which target.
    pub target: &'a str,
    /// Which of its counters.
    pub counter: &'a str,
    /// What it showed, and when.
    pub point: Point,
}

/// How far back a look at targets goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Points from here on.
    pub points_from: DateTime<Utc>,
    /// Beginnings from here on.
    pub beginnings_from: DateTime<Utc>,
}

/// A target with everything that is kept of it and that a look asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownTarget {
    /// Which.
    pub id: TargetId,
    /// Its name.
    pub name: String,
    /// What was counted, in the order of time.
    pub points: Vec<Point>,
    /// What was done to it: beginnings in the order of their ids, and of each policy and key the
    /// attempt that began last.
    pub history: History,
    /// The episodes that it is in, by name of the policy.
    pub episodes: Vec<(String, Episode)>,
    /// Since when it is paused.
    pub paused_since: Option<DateTime<Utc>>,
}

impl KnownTarget {
    /// One that no ledger has heard of.
    pub fn unheard(name: &str) -> Self {
        Self {
            id: TargetId::default(),
            name: name.to_owned(),
            points: Vec::new(),
            history: History::default(),
            episodes: Vec::new(),
            paused_since: None,
        }
    }
}

/// What holds for all targets together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    /// Since when everything is paused.
    pub paused_since: Option<DateTime<Utc>>,
    /// Since when the circuit is open.
    pub circuit_open_since: Option<DateTime<Utc>>,
    /// Beginnings on any target, from the given moment on, in any order.
    pub begun: Vec<Beginning>,
    /// Whether a beginning lies ahead of now that was not seen to do so before.
    pub clock_was_put_back: bool,
}

impl Fleet {
    /// The pause that a target is under: that of everything, or its own.
    pub fn pause(&self, of_target: Option<DateTime<Utc>>) -> Option<Reason> {
        let pause = |everything, since| Reason::Paused { everything, since };
        let all = self.paused_since.map(|since| pause(true, since));
        all.or_else(|| of_target.map(|since| pause(false, since)))
    }

    /// What stands against beginning `plan` at `now`, of which `target` is known, as far back as the
    /// limits look, and of all targets the beginnings of a [`Budget::SPAN`]. In this order: a pause,
    /// the limits, the budget.
    pub fn objection(
        &self,
        target: &KnownTarget,
        plan: &Plan,
        limits: &Limits,
        budget: Budget,
        now: DateTime<Utc>,
    ) -> Option<Reason> {
        let id = (&plan.key, plan.epoch);
        let of_limits = || limits.objection(&target.history, &plan.policy, id, plan.action, now);
        self.pause(target.paused_since)
            .or_else(of_limits)
            .or_else(|| budget.objection(&self.begun, now))
    }
}

/// What a tick saw and has to remember.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observations {
    /// Episodes that targets have entered: name of the policy, target, episode.
    pub episodes: Vec<(String, String, Episode)>,
    /// Whether the circuit opens or closes, and what was counted.
    pub circuit: Option<(bool, FleetCount)>,
    /// Whether beginnings lie ahead of now, as [`Fleet::clock_was_put_back`] said.
    pub clock_was_put_back: bool,
}

impl Observations {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.episodes.is_empty() && self.circuit.is_none() && !self.clock_was_put_back
    }
}

/// An attempt that the caller holds now.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The attempt, running.
    pub attempt: Attempt,
    /// How often it was begun, from 1.
    pub beginning: u32,
    /// Tries on its target that failed since the last success.
    pub failures_in_a_row: u32,
}

/// What became of an attempt that was to begin.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub enum Begun {
    /// It is the caller's.
    Yes(Box<Held>),
    /// Meanwhile something stands against it.
    Refused(Reason),
}

/// Whether what was to be recorded still belonged to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    /// It was recorded.
    Yes,
    /// Somebody else holds or settled the attempt since; nothing was changed.
    Overtaken,
}

/// Which attempts to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptFilter {
    /// Only those on this target.
    pub target: Option<String>,
    /// Only those in this state: `running`, `success` or `failed`.
    pub status: Option<String>,
    /// At most this many; 0 for all.
    pub limit: u64,
}

/// The repository behind the engine.
pub trait HealLedger: Send {
    /// Keeps what was seen.
    ///
    /// # Errors
    ///
    /// [`HealLedgerError`] when the storage fails; so for every method below.
    fn take_in(&mut self, intake: &Intake<'_>) -> Result<(), HealLedgerError>;

    /// How far a source was taken in; 0 if it never was.
    fn position(&mut self, source: &str) -> Result<i64, HealLedgerError>;

    /// Targets in the order of their ids, after `after`, at most `limit`.
    fn targets(
        &mut self,
        after: TargetId,
        limit: usize,
        view: View,
    ) -> Result<Vec<KnownTarget>, HealLedgerError>;

    /// One target.
    fn target(&mut self, name: &str, view: View) -> Result<Option<KnownTarget>, HealLedgerError>;

    /// What holds for all targets at `now`; beginnings from `begun_from` on.
    fn fleet(
        &mut self,
        begun_from: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Fleet, HealLedgerError>;

    /// Presences that have not ended, or ended after `ended_after`.
    fn presences(&mut self, ended_after: DateTime<Utc>) -> Result<Vec<Presence>, HealLedgerError>;

    /// Remembers what a tick saw at `now`. Writes nothing when there is nothing.
    fn record_observations(
        &mut self,
        seen: &Observations,
        now: DateTime<Utc>,
    ) -> Result<(), HealLedgerError>;

    /// Begins an attempt, or begins one again that failed for good, unless by now something stands
    /// against it: a pause, the limits, the budget. Leased until `lease_until`.
    fn begin(
        &mut self,
        plan: &Plan,
        limits: &Limits,
        budget: Budget,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Begun, HealLedgerError>;

    /// Attempts that are [claimable](crate::attempt::Status::is_claimable) at `now`, longest due first,
    /// then those that a clock put far ahead; at most `limit`.
    fn unfinished(
        &mut self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Attempt>, HealLedgerError>;

    /// Takes an attempt up that is claimable at `now` and has this token still: one more try. `None`:
    /// somebody else was faster.
    fn take_up(
        &mut self,
        id: AttemptId,
        token: u32,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<Held>, HealLedgerError>;

    /// Notes that it is done, and what there is to keep of it.
    fn record_success(
        &mut self,
        id: AttemptId,
        token: u32,
        result: &serde_json::Value,
        at: DateTime<Utc>,
    ) -> Result<Recorded, HealLedgerError>;

    /// Notes that it was not done, and when it is tried again.
    fn record_failure(
        &mut self,
        id: AttemptId,
        token: u32,
        error: &ExecutionError,
        retry_at: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    ) -> Result<Recorded, HealLedgerError>;

    /// Pauses a target, or everything. Whether it was not paused before; else nothing is written.
    fn pause(&mut self, target: Option<&str>, now: DateTime<Utc>) -> Result<bool, HealLedgerError>;

    /// Ends a pause. Whether there was one; else nothing is written.
    fn resume(&mut self, target: Option<&str>, now: DateTime<Utc>)
    -> Result<bool, HealLedgerError>;

    /// Targets that are paused on their own, by name, and since when.
    fn paused(&mut self) -> Result<Vec<(String, DateTime<Utc>)>, HealLedgerError>;

    /// Lists attempts, the one that was made last first.
    fn attempts(&mut self, filter: &AttemptFilter) -> Result<Vec<Attempt>, HealLedgerError>;

    /// The log after entry number `after`, at most `limit` entries.
    fn log(&mut self, after: i64, limit: usize) -> Result<Vec<Entry>, HealLedgerError>;
}

/// Why the storage failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealLedgerError {
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
    /// A name that no target can have.
    #[error("a target's name has 1 to {TARGET_NAME_MAX} bytes, and this one {length}")]
    TargetName {
        /// Its length in bytes.
        length: usize,
    },
    /// Anything else.
    #[error("the database failed: {detail}")]
    Failed {
        /// What the storage said.
        detail: String,
    },
}

impl HealLedgerError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::DiskFull { .. } => true,
            Self::ReadOnly { .. }
            | Self::Corrupt { .. }
            | Self::TargetName { .. }
            | Self::Failed { .. } => false,
        }
    }
}

/// Whether a target may have this name.
///
/// # Errors
///
/// [`HealLedgerError::TargetName`].
pub fn check_target_name(name: &str) -> Result<(), HealLedgerError> {
    match name.len() {
        1..=TARGET_NAME_MAX => Ok(()),
        length => Err(HealLedgerError::TargetName { length }),
    }
}
