//! What personas remember, and the canons of companies.
//!
//! `memory_log` and `memory_words` are the truth; `memory_name`, `memory` and `memory_entity` are what
//! follows from them, kept so that nothing that is asked often reads more than it shows. An entry is
//! appended and applied in one transaction.

pub(crate) mod canons;
mod journal;
pub(crate) mod looks;
mod rebuilding;
mod writing;

use chrono::{DateTime, Utc};
use decnet_memory::canon::CanonError;
use decnet_memory::ledger::{
    Judged, Judgement, MemoryFilter, MemoryLedger, MemoryLedgerError, Rebuilt, SnapshotInfo,
    Written,
};
use decnet_memory::log::Entry;
use decnet_memory::memory::{Memory, MemoryId, NewMemory, check_key};
use decnet_memory::pins::{Hand, PinChange};
use decnet_memory::recall::{Candidate, Cue, Reach};
use decnet_memory::significance::Scoring;
use rusqlite::Connection;

use crate::error::Failed;
use crate::open::Store;

impl MemoryLedger for Store {
    fn write(
        &mut self,
        batch: &[NewMemory],
        at: DateTime<Utc>,
    ) -> Result<Vec<Written>, MemoryLedgerError> {
        let prepared = batch.iter().map(NewMemory::prepared);
        let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        if prepared.is_empty() {
            return Ok(Vec::new());
        }
        self.change(|transaction| {
            let memories = prepared.iter();
            memories
                .map(|memory| writing::write(transaction, memory, at))
                .collect()
        })
    }

    fn scoring(&mut self, memory: MemoryId) -> Result<Option<Scoring>, MemoryLedgerError> {
        self.look_back(|snapshot| looks::scoring(snapshot, memory))
    }

    fn set_significance(
        &mut self,
        judgement: &Judgement,
        at: DateTime<Utc>,
    ) -> Result<Judged, MemoryLedgerError> {
        check_key("cause", &judgement.cause)?;
        self.change::<_, MemoryLedgerError>(|transaction| {
            writing::set_significance(transaction, judgement, at)
        })?
        .ok_or(MemoryLedgerError::Unknown {
            memory: judgement.memory,
        })
    }

    fn set_pin(
        &mut self,
        memory: MemoryId,
        hand: Hand,
        cause: &str,
        at: DateTime<Utc>,
    ) -> Result<Vec<PinChange>, MemoryLedgerError> {
        check_key("cause", cause)?;
        self.change::<_, MemoryLedgerError>(|transaction| {
            writing::set_pin(transaction, memory, hand, cause, at)
        })?
        .ok_or(MemoryLedgerError::Unknown { memory })
    }

    fn candidates(
        &mut self,
        cue: &Cue,
        reach: &Reach,
    ) -> Result<Vec<Candidate>, MemoryLedgerError> {
        self.look_back(|snapshot| looks::candidates(snapshot, cue, reach))
    }

    fn list(&mut self, filter: &MemoryFilter) -> Result<Vec<Memory>, MemoryLedgerError> {
        self.look_back(|snapshot| looks::list(snapshot, filter))
    }

    fn show(&mut self, memory: MemoryId) -> Result<Option<Memory>, MemoryLedgerError> {
        self.look_back(|snapshot| looks::show(snapshot, memory))
    }

    fn pin_changes(
        &mut self,
        memory: MemoryId,
        limit: usize,
    ) -> Result<Vec<Entry>, MemoryLedgerError> {
        Ok(journal::pin_changes(&self.connection, memory, limit)?)
    }

    fn log(&mut self, after: i64, limit: usize) -> Result<Vec<Entry>, MemoryLedgerError> {
        Ok(journal::read(&self.connection, after, limit)?)
    }

    fn rebuild(&mut self) -> Result<Rebuilt, MemoryLedgerError> {
        self.change(rebuilding::rebuild)
    }

    fn snapshot(
        &mut self,
        at: DateTime<Utc>,
        keep: usize,
    ) -> Result<SnapshotInfo, MemoryLedgerError> {
        // The log is read before the write lock is taken: what is appended meanwhile is for the next
        // snapshot, and nobody waits.
        let taken = self.look_back(rebuilding::take)?;
        self.change(|transaction| rebuilding::keep(transaction, &taken, at, keep))
    }

    fn snapshots(&mut self) -> Result<Vec<SnapshotInfo>, MemoryLedgerError> {
        Ok(rebuilding::kept(&self.connection)?)
    }
}

impl Store {
    /// Reads with several statements what is true at one moment.
    fn look_back<T>(
        &mut self,
        read: impl FnOnce(&Connection) -> Result<T, Failed>,
    ) -> Result<T, MemoryLedgerError> {
        let snapshot = self.connection.transaction().map_err(Failed::from)?;
        Ok(read(&snapshot)?)
    }
}

/// What a transaction comes to that a canon's rules may stand against.
pub(crate) type ByTheCanon<T> = Result<Result<T, CanonError>, Failed>;

/// How many there are.
fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
