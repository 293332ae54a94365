//! Runs, and the locks that keep two of one processor apart.

use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use decnet_emailgen::ledger::LedgerError;
use decnet_session_pipeline::ledger::{
    Begun, RecordedRun, RunCounts, RunDetail, RunId, RunReport, SessionLedgerError,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::{processor_id, session_error};
use crate::error::{corrupt, ledger_error};
use crate::open::Store;
use crate::people::moment;

/// Runs that are kept of each processor.
const RUNS_KEPT: i64 = 500;

/// Pages that SQLite keeps in memory during a run.
const CACHE_KIB: u32 = 8192;

/// Locks of the runs that this store began.
#[derive(Debug, Default)]
pub(crate) struct RunLocks(HashMap<i64, File>);

/// A report as its row has it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct StoredReport {
    scanned: u64,
    processed: u64,
    skipped: u64,
    capped: u64,
    errors: u64,
    items: u64,
    bad_lines: u64,
    bytes: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unavailable: Option<String>,
}

pub(super) fn begin(
    store: &mut Store,
    processor: &str,
    version: u32,
    started_by: &str,
    now: DateTime<Utc>,
) -> Result<Begun, SessionLedgerError> {
    let path = lock_path(store, processor);
    let unwritable = |error: std::io::Error| SessionLedgerError::ReadOnly {
        detail: format!("{}: {error}", path.display()),
    };
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(unwritable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = last(&store.connection, processor, 1).map_err(session_error)?;
            let by = holder
                .into_iter()
                .find(|run| run.ended_at.is_none())
                .map(|run| (run.started_by, run.started_at));
            return Ok(Begun::Held { by });
        }
        Err(TryLockError::Error(error)) => return Err(unwritable(error)),
    }
    let id = store
        .write(|transaction| {
            let processor = processor_id(transaction, processor)?;
            transaction
                .execute(
                    "INSERT INTO session_run (processor_id, version, started_by, started_at, report)
                     VALUES (?1, ?2, ?3, ?4, '{}')",
                    params![processor, version, started_by, now.timestamp_micros()],
                )
                .map_err(ledger_error)?;
            let id = transaction.last_insert_rowid();
            transaction
                .execute(
                    "DELETE FROM session_run WHERE processor_id = ?1 AND id <=
                         (SELECT id FROM session_run WHERE processor_id = ?1
                          ORDER BY id DESC LIMIT 1 OFFSET ?2)",
                    params![processor, RUNS_KEPT],
                )
                .map_err(ledger_error)?;
            Ok(id)
        })
        .map_err(session_error)?;
    // A run comes back to the pages of many logs; a tick of mail never does.
    store
        .connection
        .execute_batch(&format!("PRAGMA cache_size = -{CACHE_KIB}"))
        .map_err(|error| session_error(ledger_error(error)))?;
    store.run_locks.0.insert(id, lock);
    Ok(Begun::Run(RunId(id)))
}

pub(super) fn end(
    store: &mut Store,
    run: RunId,
    report: &RunReport,
    now: DateTime<Utc>,
) -> Result<(), SessionLedgerError> {
    // Closed at the end of this function, whatever happens in it.
    let _lock = store.run_locks.0.remove(&run.0);
    let counts = &report.counts;
    let stored = StoredReport {
        scanned: counts.scanned,
        processed: counts.processed,
        skipped: counts.skipped,
        capped: counts.capped,
        errors: counts.errors,
        items: counts.items,
        bad_lines: counts.bad_lines,
        bytes: counts.bytes,
        details: report
            .details
            .iter()
            .map(|detail| (detail.log.clone(), detail.what.clone()))
            .collect(),
        unavailable: report.unavailable.clone(),
    };
    let stored = serde_json::to_string(&stored).map_err(|error| SessionLedgerError::Failed {
        detail: error.to_string(),
    })?;
    store
        .write(|transaction| {
            transaction
                .execute(
                    "UPDATE session_run SET ended_at = ?2, report = ?3 WHERE id = ?1",
                    params![run.0, now.timestamp_micros(), stored],
                )
                .map_err(ledger_error)
                .map(|_| ())
        })
        .map_err(session_error)
}

/// The last runs of a processor, newest first.
pub(super) fn last(
    connection: &Connection,
    processor: &str,
    limit: usize,
) -> Result<Vec<RecordedRun>, LedgerError> {
    type Found = (i64, u32, String, i64, Option<i64>, String);
    let read = || {
        let processor: Option<i64> = connection
            .prepare_cached("SELECT id FROM session_processor WHERE name = ?1")?
            .query_row([processor], |row| row.get(0))
            .optional()?;
        connection
            .prepare_cached(
                "SELECT id, version, started_by, started_at, ended_at, report FROM session_run
                 WHERE processor_id = ?1 ORDER BY id DESC LIMIT ?2",
            )?
            .query_map(
                params![processor, i64::try_from(limit).unwrap_or(i64::MAX)],
                |row| {
                    Ok((
                        row.get(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get(3)?,
                        row.get(4)?,
                        row.get(5)?,
                    ))
                },
            )?
            .collect::<Result<Vec<Found>, _>>()
    };
    let rows = read().map_err(ledger_error)?;
    rows.into_iter()
        .map(|(id, version, started_by, started_at, ended_at, report)| {
            let stored: StoredReport = serde_json::from_str(&report)
                .map_err(|error| corrupt(format!("run {id}: {error}")))?;
            Ok(RecordedRun {
                id: RunId(id),
                processor: processor.to_owned(),
                version,
                started_by,
                started_at: moment(started_at)?,
                ended_at: ended_at.map(moment).transpose()?,
                report: RunReport {
                    counts: RunCounts {
                        scanned: stored.scanned,
                        processed: stored.processed,
                        skipped: stored.skipped,
                        capped: stored.capped,
                        errors: stored.errors,
                        items: stored.items,
                        bad_lines: stored.bad_lines,
                        bytes: stored.bytes,
                    },
                    details: stored
                        .details
                        .into_iter()
                        .map(|(log, what)| RunDetail { log, what })
                        .collect(),
                    unavailable: stored.unavailable,
                },
            })
        })
        .collect()
}

/// The lock file of a processor, beside the database. Names of processors are lower-case letters,
/// digits and hyphens; anything else is left out of the file's name.
fn lock_path(store: &Store, processor: &str) -> PathBuf {
    let name: String = processor
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(64)
        .collect();
    let mut path = store.connection.path().unwrap_or_default().to_owned();
    path.push_str(&format!(".sessions-{name}.lock"));
    path.into()
}
