//! The repository that a run needs: what is known of each log, and what was extracted.
//!
//! Each method is one transaction. [`MemorySessionLedger`](crate::memory_ledger::MemorySessionLedger)
//! keeps everything in memory; `decnet-store` keeps it in SQLite. Both pass
//! [`conformance`](crate::conformance).

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::file_identity::Checkpoint;
use crate::lines::BadLines;
use crate::record::{Notice, Record, RecordId};
use crate::source::{Log, SourceKind};

/// Number of a log in a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogId(pub i64);

/// Number of a run in a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RunId(pub i64);

/// What a processor knows of a log, without its state: small, so that a hundred thousand fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The log.
    pub id: LogId,
    /// How far it was read. `None` before the first success.
    pub checkpoint: Option<Box<Checkpoint>>,
    /// The version of the processor that read it.
    pub version: u32,
    /// Whether there is a state.
    pub has_state: bool,
    /// When it was last tried.
    pub tried_at: Option<DateTime<Utc>>,
    /// Failures since the last success.
    pub failures: u32,
    /// Not to be tried before this.
    pub retry_at: Option<DateTime<Utc>>,
    /// Set aside after too many failures.
    pub quarantined_at: Option<DateTime<Utc>>,
}

/// Progress in one log, to be committed: all of it, or none.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Which log.
    pub log: Log,
    /// How far it is read with this.
    pub checkpoint: Checkpoint,
    /// Facts.
    pub records: Vec<Record>,
    /// State for the next batch. `None` leaves it as it is.
    pub state: Option<Arc<Vec<u8>>>,
    /// So many bytes at the beginning of the state are those of the state before it.
    pub state_kept: usize,
    /// What to tell.
    pub notices: Vec<Notice>,
    /// Lines that were skipped.
    pub bad: BadLines,
    /// The log is read from its beginning. If it never was another file than the one that is read
    /// now, what earlier versions of the processor said of it goes; else it stays, since some of it
    /// cannot be read again.
    pub restarts: bool,
    /// When it was tried.
    pub tried_at: DateTime<Utc>,
}

/// What a processor had to say of a log at a moment, to be committed. It is no progress: nothing was
/// read, and no failure is forgotten.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Which log. It has a checkpoint.
    pub log: Log,
    /// Facts.
    pub records: Vec<Record>,
    /// The state after it. `None` leaves it as it is.
    pub state: Option<Arc<Vec<u8>>>,
    /// So many bytes at the beginning of the state are those of the state before it.
    pub state_kept: usize,
    /// What to tell.
    pub notices: Vec<Notice>,
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedAttempt {
    /// Which log.
    pub log: Log,
    /// What went wrong.
    pub error: String,
    /// When.
    pub at: DateTime<Utc>,
    /// When it is tried again; `None` sets the log aside.
    pub retry_at: Option<DateTime<Utc>>,
}

/// How a run went. Counts are of logs, but for `items`, `bad_lines` and `bytes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunCounts {
    /// Logs with something new, and those whose retry was due. Unchanged ones are left out.
    pub scanned: u64,
    /// Of these, read to the last complete line.
    pub processed: u64,
    /// Of these, without a complete new line, in quarantine or waiting for a retry.
    pub skipped: u64,
    /// Of these, left for the next run: the cap or the budget was reached.
    pub capped: u64,
    /// Attempts that failed.
    pub errors: u64,
    /// Records written.
    pub items: u64,
    /// Lines skipped because they could not be read.
    pub bad_lines: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// A fact about one log in a run, for people to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunDetail {
    /// Which log: `<source>/<key>`.
    pub log: String,
    /// What happened to it.
    pub what: String,
}

/// A run that ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunReport {
    /// Counts.
    pub counts: RunCounts,
    /// The first [`DETAILS_KEPT`] things worth telling.
    pub details: Vec<RunDetail>,
    /// Why the run ended early: what the processor needs was not available.
    pub unavailable: Option<String>,
}

/// Details that are kept of a run.
pub const DETAILS_KEPT: usize = 100;

/// A run as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRun {
    /// Which.
    pub id: RunId,
    /// Of which processor.
    pub processor: String,
    /// Its version.
    pub version: u32,
    /// Who started it, such as `sessions tick by root`.
    pub started_by: String,
    /// When.
    pub started_at: DateTime<Utc>,
    /// When it ended; `None` while it runs, or when it was killed.
    pub ended_at: Option<DateTime<Utc>>,
    /// How it went.
    pub report: RunReport,
}

/// A log that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// The processor that cannot read it.
    pub processor: String,
    /// The log.
    pub log: Log,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Attempts in a row.
    pub failures: u32,
    /// What went wrong last.
    pub last_error: String,
}

/// A record as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRecord {
    /// Its log.
    pub log: Log,
    /// See [`Record::kind`].
    pub kind: String,
    /// See [`Record::id`].
    pub id: RecordId,
    /// See [`Record::occurred_at`].
    pub occurred_at: Option<DateTime<Utc>>,
    /// See [`Record::body`].
    pub body: String,
}

/// Whether a run may begin.
#[derive(Debug)]
#[must_use]
pub enum Begun {
    /// It may; nobody else can begin one of this processor until it ends or its process dies.
    Run(RunId),
    /// Another run of the processor goes on.
    Held {
        /// Who started it and when, as far as is known.
        by: Option<(String, DateTime<Utc>)>,
    },
}

/// Something to tell, waiting to be passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingNotice {
    /// Its number; grows.
    pub id: i64,
    /// Who says so.
    pub processor: String,
    /// What.
    pub notice: Notice,
}

/// Why a ledger could not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionLedgerError {
    /// Another process is writing; try again.
    #[error("busy: {detail}")]
    Busy {
        /// What the storage said.
        detail: String,
    },
    /// There is no room left.
    #[error("the disk is full: {path}")]
    DiskFull {
        /// What could not grow.
        path: String,
    },
    /// It cannot be written.
    #[error("cannot be written: {detail}")]
    ReadOnly {
        /// What the storage said.
        detail: String,
    },
    /// It holds what nobody wrote.
    #[error("damaged: {detail}")]
    Corrupt {
        /// What is wrong.
        detail: String,
    },
    /// Anything else.
    #[error("{detail}")]
    Failed {
        /// What the storage said.
        detail: String,
    },
}

impl SessionLedgerError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::DiskFull { .. })
    }
}

/// What is known of each log, and what was extracted.
pub trait SessionLedger {
    /// Begins a run, unless another one of this processor goes on in any process. A run whose
    /// process died does not count: its lock is gone with it.
    fn begin_run(
        &mut self,
        processor: &str,
        version: u32,
        started_by: &str,
        now: DateTime<Utc>,
    ) -> Result<Begun, SessionLedgerError>;

    /// Ends a run. Its lock is free, also when this fails.
    fn end_run(
        &mut self,
        run: RunId,
        report: &RunReport,
        now: DateTime<Utc>,
    ) -> Result<(), SessionLedgerError>;

    /// What a processor knows of the logs of a source, by key.
    fn progress(
        &mut self,
        processor: &str,
        source: &str,
    ) -> Result<HashMap<String, Progress>, SessionLedgerError>;

    /// The state after the last batch of a log.
    fn state(&mut self, processor: &str, log: LogId)
    -> Result<Option<Vec<u8>>, SessionLedgerError>;

    /// Records progress in several logs in one commit, in order. Facts with the id of an earlier
    /// one of the same processor, log and kind replace it. Failures are forgotten.
    fn record_progress(
        &mut self,
        run: RunId,
        processor: &str,
        version: u32,
        batches: &[Batch],
    ) -> Result<(), SessionLedgerError>;

    /// Records samples of several logs in one commit.
    fn record_samples(
        &mut self,
        run: RunId,
        processor: &str,
        version: u32,
        samples: &[Sample],
    ) -> Result<(), SessionLedgerError>;

    /// Counts an attempt as failed; what was read in it is not kept.
    fn record_failure(
        &mut self,
        run: RunId,
        processor: &str,
        version: u32,
        attempt: &FailedAttempt,
    ) -> Result<(), SessionLedgerError>;

    /// The logs that were set aside, longest first.
    fn quarantined(&mut self) -> Result<Vec<Quarantined>, SessionLedgerError>;

    /// Makes a log due again, for one processor or for all that set it aside. Answers for how many.
    fn replay(
        &mut self,
        source: &str,
        key: &str,
        processor: Option<&str>,
    ) -> Result<u64, SessionLedgerError>;

    /// The last `limit` runs of a processor, newest first.
    fn runs(
        &mut self,
        processor: &str,
        limit: usize,
    ) -> Result<Vec<RecordedRun>, SessionLedgerError>;

    /// Gives every record of one kind to `each`, log by log, in no order within one.
    fn for_each_record(
        &mut self,
        processor: &str,
        kind: &str,
        each: &mut dyn FnMut(StoredRecord),
    ) -> Result<(), SessionLedgerError>;

    /// Gives every record that was written after position `after` to `each`, in the order of
    /// writing, and answers with the position of the last; 0 is before all. What was given before
    /// may come again, as long as something beside it is new.
    fn for_each_record_since(
        &mut self,
        processor: &str,
        after: i64,
        each: &mut dyn FnMut(StoredRecord),
    ) -> Result<i64, SessionLedgerError>;

    /// How many logs of each kind are known.
    fn log_counts(&mut self) -> Result<Vec<(SourceKind, u64)>, SessionLedgerError>;

    /// How many records of each kind a processor has. This looks at all of them.
    fn record_counts(&mut self, processor: &str) -> Result<Vec<(String, u64)>, SessionLedgerError>;

    /// What waits to be told, oldest first.
    fn notices(&mut self, limit: usize) -> Result<Vec<WaitingNotice>, SessionLedgerError>;

    /// Forgets notices: they were passed on. Their keys are kept, so that none is told again.
    fn forget_notices(&mut self, ids: &[i64]) -> Result<(), SessionLedgerError>;
}
