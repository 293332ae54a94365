//! The repository behind memories: what happened, how much it matters, what is held on to.
//!
//! Each method is one transaction and never waits for anything but the storage, so it is not `async`.
//! [`InMemoryLedger`](crate::in_memory::InMemoryLedger) keeps everything in memory; `decnet-store`
//! keeps it in SQLite. Both pass [`conformance`](crate::conformance).
//!
//! # The log
//!
//! Whatever happens is appended to a [log](crate::log) and applied in the same transaction. Nothing
//! in it is ever changed or removed, and [`State`](crate::log::State) makes of it again what the
//! ledger shows: [`rebuild`](MemoryLedger::rebuild) does, from the newest
//! [snapshot](MemoryLedger::snapshot) on. Canons are not in the log: they are edited in place.
//!
//! # Causes
//!
//! A memory and a score each have a cause that is unique for ever. Whoever writes them may do so
//! again after a crash: nothing changes.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::canon::{CanonError, CanonLedger};
use crate::log::Entry;
use crate::memory::{MalformedMemory, Memory, MemoryId, NewMemory};
use crate::pins::{Hand, PinChange};
use crate::recall::{Candidate, Cue, Reach};
use crate::significance::{Score, Scoring};

/// Snapshots that are kept, unless somebody says otherwise.
pub const SNAPSHOTS_KEPT: usize = 5;

/// What became of a memory that was to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Written {
    /// It has this id now.
    New(MemoryId),
    /// There was one of this cause already, whatever it tells. Nothing changed.
    Known(MemoryId),
}

impl Written {
    /// Which memory has the cause.
    pub fn id(self) -> MemoryId {
        match self {
            Self::New(id) | Self::Known(id) => id,
        }
    }
}

/// How much a memory matters, in somebody's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Which memory.
    pub memory: MemoryId,
    /// How much, and why. Kept [within its bounds](Score::bounded).
    pub score: Score,
    /// Who says so, such as `rules`.
    pub scorer: String,
    /// What it is said because of, such as `job:12`; 1 to [`KEY_MAX`](crate::memory::KEY_MAX) bytes.
    pub cause: String,
}

/// What became of a judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Judged {
    /// It was kept, and these pins changed.
    New(Vec<PinChange>),
    /// There was one of this cause already. Nothing changed.
    Known,
}

/// Which memories to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryFilter {
    /// Only those of this owner.
    pub owner: Option<String>,
    /// Only those about this other party.
    pub other: Option<String>,
    /// Only those of this thread.
    pub thread: Option<String>,
    /// Only those that are pinned.
    pub pinned: bool,
    /// Only those with this score or a higher one.
    pub least_score: Option<u8>,
    /// At most this many; 0 for all.
    pub limit: u64,
}

/// What a rebuild did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Entries that were read from the log.
    pub entries: u64,
    /// Memories that there are.
    pub memories: u64,
    /// Last entry in the snapshot that it started from. `None`: from the first entry on.
    pub from_snapshot: Option<i64>,
}

/// A snapshot that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotInfo {
    /// Number of the last entry in it.
    pub last_entry: i64,
    /// When it was taken.
    pub taken_at: DateTime<Utc>,
    /// Memories in it.
    pub memories: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The repository behind memories.
pub trait MemoryLedger: CanonLedger + Send {
    /// Writes memories, all or none; what became of each, in their order. `at` is the clock's time,
    /// not when they happened.
    ///
    /// # Errors
    ///
    /// [`MemoryLedgerError::Malformed`] for a memory that cannot be one; else what the storage says,
    /// as for every method below.
    fn write(
        &mut self,
        batch: &[NewMemory],
        at: DateTime<Utc>,
    ) -> Result<Vec<Written>, MemoryLedgerError>;

    /// A memory as a scorer needs it. `None`: there is none.
    fn scoring(&mut self, memory: MemoryId) -> Result<Option<Scoring>, MemoryLedgerError>;

    /// Keeps how much a memory matters, and changes [pins](crate::pins) accordingly. The latest
    /// judgement holds.
    ///
    /// # Errors
    ///
    /// [`MemoryLedgerError::Unknown`] if there is no such memory.
    fn set_significance(
        &mut self,
        judgement: &Judgement,
        at: DateTime<Utc>,
    ) -> Result<Judged, MemoryLedgerError>;

    /// Pins or unpins a memory by hand; which pins changed. Empty, and nothing is written, if it is
    /// so already.
    ///
    /// # Errors
    ///
    /// [`MemoryLedgerError::Unknown`] if there is no such memory.
    fn set_pin(
        &mut self,
        memory: MemoryId,
        hand: Hand,
        cause: &str,
        at: DateTime<Utc>,
    ) -> Result<Vec<PinChange>, MemoryLedgerError>;

    /// Memories of the cue's owner that may come to mind, for [`recall`](crate::recall::recall):
    /// pinned ones, those about the other party, those of the thread, those that share entities. Each
    /// once, none that happened after the cue; what happened last first, of the same moment what was
    /// written last.
    fn candidates(&mut self, cue: &Cue, reach: &Reach)
    -> Result<Vec<Candidate>, MemoryLedgerError>;

    /// Lists memories, the one that was written last first.
    fn list(&mut self, filter: &MemoryFilter) -> Result<Vec<Memory>, MemoryLedgerError>;

    /// One memory. `None`: there is none.
    fn show(&mut self, memory: MemoryId) -> Result<Option<Memory>, MemoryLedgerError>;

    /// The entries that changed how a memory is held on to, the last first, at most `limit`: why its
    /// pin is as it is. Empty if none did, or if there is no such memory.
    fn pin_changes(
        &mut self,
        memory: MemoryId,
        limit: usize,
    ) -> Result<Vec<Entry>, MemoryLedgerError>;

    /// The log after entry number `after`, at most `limit` entries.
    fn log(&mut self, after: i64, limit: usize) -> Result<Vec<Entry>, MemoryLedgerError>;

    /// Makes everything that follows from the log anew: from the newest snapshot that can be read
    /// and the entries behind it, or from all entries. Afterwards the ledger shows the same as
    /// before, unless somebody else has changed what follows from the log.
    fn rebuild(&mut self) -> Result<Rebuilt, MemoryLedgerError>;

    /// Keeps what follows from the log so far, and of all snapshots the newest `keep`, at least one.
    /// It is made of the log, never of what the ledger shows. Nothing new is taken when nothing
    /// happened since the newest.
    fn snapshot(
        &mut self,
        at: DateTime<Utc>,
        keep: usize,
    ) -> Result<SnapshotInfo, MemoryLedgerError>;

    /// The snapshots that are kept, newest first.
    fn snapshots(&mut self) -> Result<Vec<SnapshotInfo>, MemoryLedgerError>;
}

/// Why a ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryLedgerError {
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
    /// A memory that cannot be one.
    #[error(transparent)]
    Malformed(#[from] MalformedMemory),
    /// There is no such memory.
    #[error("there is no memory {memory}")]
    Unknown {
        /// The id.
        memory: MemoryId,
    },
    /// What cannot be done to a canon.
    #[error(transparent)]
    Canon(#[from] CanonError),
    /// Anything else.
    #[error("the database failed: {detail}")]
    Failed {
        /// What the storage said.
        detail: String,
    },
}

impl MemoryLedgerError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::DiskFull { .. } => true,
            Self::ReadOnly { .. }
            | Self::Corrupt { .. }
            | Self::Malformed(_)
            | Self::Unknown { .. }
            | Self::Canon(_)
            | Self::Failed { .. } => false,
        }
    }
}
