//! The repository of jobs.
//!
//! Each method is one transaction and never waits for anything but the storage, so it is not
//! `async`. [`MemoryJobLedger`](crate::memory_ledger::MemoryJobLedger) keeps everything in memory;
//! `decnet-store` keeps it in SQLite. Both pass [`conformance`](crate::conformance).
//!
//! # A job
//!
//! ```text
//! waiting ─► running ─► done
//!    ▲          ├─────► dead       (its tries are used up; says why)
//!    │          ├─────► discarded  (its handler gave it up; says why)
//!    └──────────┘ failed, or its worker is gone
//! ```
//!
//! A job in work is leased. Its token is the number of its latest claim: whoever claims it after the
//! lease ran out gets a higher one, and what the earlier holder still records is refused as
//! [`Recorded::Overtaken`].

use chrono::{DateTime, Utc};

use crate::job::{ClaimedJob, Enqueued, JobId, JobRecord, JobState, NewJob};

/// The error of a job whose holder let its lease run out.
pub const LEASE_RAN_OUT: &str = "its worker was gone before it was done";

/// How many jobs of a kind somebody has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// Which kind; each at most once in a claim.
    pub kind: &'a str,
    /// At most so many of it; 0 for none.
    pub most: usize,
}

/// Whether what was to be recorded still belonged to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    /// It was recorded.
    Yes,
    /// Somebody else holds or settled the job since; nothing was changed.
    Overtaken,
}

/// How a claimed job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It is done.
    Done,
    /// It failed, and is tried again.
    Retry {
        /// When.
        at: DateTime<Utc>,
        /// Why it failed, one line.
        error: String,
    },
    /// It failed for good.
    Dead {
        /// Why, one line.
        error: String,
    },
    /// It is given up.
    Discarded {
        /// Why, one line.
        error: String,
    },
    /// It was not done, and nothing is held against it: its worker stops.
    Released,
}

/// A claimed job and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Which job.
    pub id: JobId,
    /// The fencing token.
    pub token: u32,
    /// How it ended.
    pub ending: Ending,
}

/// Which jobs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only this kind.
    pub kind: Option<String>,
    /// Only this state.
    pub state: Option<JobState>,
    /// At most this many; 0 for all.
    pub limit: u64,
}

/// The repository of jobs.
pub trait JobLedger: Send {
    /// Enqueues jobs, each unless there is one of its kind and cause already. Answers in the same
    /// order.
    ///
    /// # Errors
    ///
    /// [`JobLedgerError`] when the storage fails; so for every method below.
    fn enqueue(
        &mut self,
        jobs: &[NewJob],
        now: DateTime<Utc>,
    ) -> Result<Vec<Enqueued>, JobLedgerError>;

    /// Takes over jobs of these kinds that are due at `now`, and leases them until `lease_until`: of
    /// each kind those of highest priority first, then those due longest, then those enqueued first.
    /// Answers in that order across kinds. Jobs whose lease ran out are among them, and have one more
    /// failure, [`LEASE_RAN_OUT`]. Writes nothing when there is none.
    fn claim(
        &mut self,
        wanted: &[Wanted<'_>],
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<ClaimedJob>, JobLedgerError>;

    /// Leases jobs in work until `lease_until`. Answers in the same order. A lease that ran out is
    /// still its holder's as long as nobody else has claimed the job.
    fn heartbeat(
        &mut self,
        jobs: &[(JobId, u32)],
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<Recorded>, JobLedgerError>;

    /// Notes how claimed jobs ended, and enqueues what they caused, in one transaction; what an
    /// overtaken one caused is left out. Answers in the order of `jobs`. A retry and a death are one
    /// more failure each; a job that is done loses its payload and its last error, and keeps its
    /// cause.
    fn settle(
        &mut self,
        jobs: &[(Settled, Vec<NewJob>)],
        now: DateTime<Utc>,
    ) -> Result<Vec<Recorded>, JobLedgerError>;

    /// When the next job of these kinds is due, or its lease runs out. `None`: there is none that
    /// waits or is in work.
    fn next_due(&mut self, kinds: &[&str]) -> Result<Option<DateTime<Utc>>, JobLedgerError>;

    /// Has a dead or discarded job tried again, with all its tries. `false`: there is none such.
    fn retry(&mut self, id: JobId, now: DateTime<Utc>) -> Result<bool, JobLedgerError>;

    /// Gives a job up that is waiting or dead. `false`: there is none such.
    fn discard(&mut self, id: JobId, why: &str, now: DateTime<Utc>)
    -> Result<bool, JobLedgerError>;

    /// Forgets jobs that were done or discarded before `before`, at most `limit`, oldest first, and
    /// says how many. Their causes are free again.
    fn forget(&mut self, before: DateTime<Utc>, limit: usize) -> Result<u64, JobLedgerError>;

    /// Lists jobs, the one enqueued last first.
    fn jobs(&mut self, filter: &JobFilter) -> Result<Vec<JobRecord>, JobLedgerError>;

    /// One job.
    fn job(&mut self, id: JobId) -> Result<Option<JobRecord>, JobLedgerError>;

    /// How many jobs there are of each kind and state, by kind.
    fn counts(&mut self) -> Result<Vec<(String, JobState, u64)>, JobLedgerError>;
}

/// Why the storage failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobLedgerError {
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

impl JobLedgerError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::DiskFull { .. } => true,
            Self::ReadOnly { .. } | Self::Corrupt { .. } | Self::Failed { .. } => false,
        }
    }
}
