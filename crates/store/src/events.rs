//! Events on their way to the event file.
//!
//! A record and its event commit together. Whoever writes the file puts the sequence number into
//! each line, so after a crash the last whole line says where to go on, and nothing is lost or
//! written twice.

use decnet_emailgen::ledger::LedgerError;
use rusqlite::{Transaction, params};

use crate::error::ledger_error;
use crate::open::Store;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Grows from event to event; never used twice.
    pub sequence: i64,
    /// The record, as JSON.
    pub body: String,
}

impl Store {
    /// Events after `sequence`, oldest first.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the storage fails.
    pub fn events_after(&mut self, sequence: i64) -> Result<Vec<Event>, LedgerError> {
        let read = || {
            let mut statement = self.connection.prepare_cached(
                "SELECT sequence, body FROM event WHERE sequence > ?1 ORDER BY sequence",
            )?;
            let rows = statement.query_map(params![sequence], |row| {
                Ok(Event {
                    sequence: row.get(0)?,
                    body: row.get(1)?,
                })
            })?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        read().map_err(ledger_error)
    }

    /// Forgets events up to `sequence`: they are in the file, on the disk.
    ///
    /// This commit does not wait for the disk. If a power cut undoes it, the file still says that
    /// the events are in it.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the storage fails.
    pub fn forget_events_through(&mut self, sequence: i64) -> Result<(), LedgerError> {
        let forget = || {
            let synchronous: i64 = self
                .connection
                .query_row("PRAGMA synchronous", [], |row| row.get(0))?;
            self.connection.execute_batch("PRAGMA synchronous = OFF")?;
            let forgotten = self
                .connection
                .prepare_cached("DELETE FROM event WHERE sequence <= ?1")
                .and_then(|mut statement| statement.execute(params![sequence]));
            self.connection
                .execute_batch(&format!("PRAGMA synchronous = {synchronous}"))?;
            forgotten.map(|_| ())
        };
        forget().map_err(ledger_error)
    }
}

/// Queues one record.
pub(crate) fn queue(transaction: &Transaction<'_>, body: &str) -> Result<(), LedgerError> {
    transaction
        .prepare_cached("INSERT INTO event (body) VALUES (?1)")
        .and_then(|mut statement| statement.execute(params![body]))
        .map(|_| ())
        .map_err(ledger_error)
}
