//! Logs, how far they were read, and what was extracted.
//!
//! The lock of a run is a file beside the database that the process holds a lock on: the kernel
//! frees it whenever and however the process ends.

mod progress;
mod records;
mod runs;
mod state;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use decnet_emailgen::ledger::LedgerError;
use decnet_session_pipeline::ledger::{
    Batch, Begun, FailedAttempt, LogId, Progress, Quarantined, RecordedRun, RunId, RunReport,
    Sample, SessionLedger, SessionLedgerError, StoredRecord, WaitingNotice,
};
use decnet_session_pipeline::record::Notice;
use decnet_session_pipeline::source::{Log, SourceKind};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::{Failed, corrupt, ledger_error};
use crate::open::Store;
use crate::people::moment;

pub(crate) use self::runs::RunLocks;

impl SessionLedger for Store {
    fn begin_run(
        &mut self,
        processor: &str,
        version: u32,
        started_by: &str,
        now: DateTime<Utc>,
    ) -> Result<Begun, SessionLedgerError> {
        runs::begin(self, processor, version, started_by, now)
    }

    fn end_run(
        &mut self,
        run: RunId,
        report: &RunReport,
        now: DateTime<Utc>,
    ) -> Result<(), SessionLedgerError> {
        runs::end(self, run, report, now)
    }

    fn progress(
        &mut self,
        processor: &str,
        source: &str,
    ) -> Result<HashMap<String, Progress>, SessionLedgerError> {
        progress::of_source(&self.connection, processor, source).map_err(session_error)
    }

    fn state(
        &mut self,
        processor: &str,
        log: LogId,
    ) -> Result<Option<Vec<u8>>, SessionLedgerError> {
        state::read(&self.connection, processor, log)
            .map_err(|error| session_error(ledger_error(error)))
    }

    fn record_progress(
        &mut self,
        _: RunId,
        processor: &str,
        version: u32,
        batches: &[Batch],
    ) -> Result<(), SessionLedgerError> {
        self.write(|transaction| {
            let processor = processor_id(transaction, processor)?;
            for batch in batches {
                progress::record(transaction, processor, version, batch)?;
            }
            Ok(())
        })
        .map_err(session_error)
    }

    fn record_samples(
        &mut self,
        _: RunId,
        processor: &str,
        version: u32,
        samples: &[Sample],
    ) -> Result<(), SessionLedgerError> {
        self.write(|transaction| {
            let processor = processor_id(transaction, processor)?;
            for sample in samples {
                progress::record_sample(transaction, processor, version, sample)?;
            }
            Ok(())
        })
        .map_err(session_error)
    }

    fn record_failure(
        &mut self,
        _: RunId,
        processor: &str,
        version: u32,
        attempt: &FailedAttempt,
    ) -> Result<(), SessionLedgerError> {
        self.write(|transaction| {
            let processor = processor_id(transaction, processor)?;
            progress::record_failure(transaction, processor, version, attempt)
        })
        .map_err(session_error)
    }

    fn quarantined(&mut self) -> Result<Vec<Quarantined>, SessionLedgerError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT l.source, l.key, l.kind, l.user, l.decky,
                            r.name, p.quarantined_at, p.failures, p.last_error
                     FROM session_progress p JOIN session_log l ON l.id = p.log_id
                     JOIN session_processor r ON r.id = p.processor_id
                     WHERE p.quarantined_at IS NOT NULL
                     ORDER BY p.quarantined_at, l.source, l.key, r.name",
                )?
                .query_map([], |row| {
                    Ok((
                        RawLog::read(row, 0)?,
                        row.get::<_, String>(5)?,
                        row.get::<_, i64>(6)?,
                        row.get::<_, u32>(7)?,
                        row.get::<_, Option<String>>(8)?,
                    ))
                })?
                .collect::<Result<Vec<_>, _>>()
        };
        let rows = read().map_err(|error| session_error(ledger_error(error)))?;
        rows.into_iter()
            .map(|(log, processor, since, failures, last_error)| {
                Ok(Quarantined {
                    processor,
                    log: log.parse()?,
                    since: moment(since)?,
                    failures,
                    last_error: last_error.unwrap_or_default(),
                })
            })
            .collect::<Result<_, _>>()
            .map_err(session_error)
    }

    fn replay(
        &mut self,
        source: &str,
        key: &str,
        processor: Option<&str>,
    ) -> Result<u64, SessionLedgerError> {
        self.write(|transaction| {
            transaction
                .execute(
                    "UPDATE session_progress
                     SET quarantined_at = NULL, retry_at = NULL, failures = 0
                     WHERE quarantined_at IS NOT NULL
                       AND log_id = (SELECT id FROM session_log WHERE source = ?1 AND key = ?2)
                       AND (?3 IS NULL OR processor_id =
                            (SELECT id FROM session_processor WHERE name = ?3))",
                    params![source, key, processor],
                )
                .map(|replayed| replayed as u64)
                .map_err(ledger_error)
        })
        .map_err(session_error)
    }

    fn runs(
        &mut self,
        processor: &str,
        limit: usize,
    ) -> Result<Vec<RecordedRun>, SessionLedgerError> {
        runs::last(&self.connection, processor, limit).map_err(session_error)
    }

    fn for_each_record(
        &mut self,
        processor: &str,
        kind: &str,
        each: &mut dyn FnMut(StoredRecord),
    ) -> Result<(), SessionLedgerError> {
        records::for_each(&self.connection, processor, Some(kind), each).map_err(session_error)
    }

    fn for_each_record_since(
        &mut self,
        processor: &str,
        after: i64,
        each: &mut dyn FnMut(StoredRecord),
    ) -> Result<i64, SessionLedgerError> {
        records::for_each_since(&self.connection, processor, after, each).map_err(session_error)
    }

    fn log_counts(&mut self) -> Result<Vec<(SourceKind, u64)>, SessionLedgerError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT kind, count(*) FROM session_log GROUP BY kind ORDER BY kind",
                )?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<Vec<(String, i64)>, _>>()
        };
        let counts = read().map_err(|error| session_error(ledger_error(error)))?;
        counts
            .into_iter()
            .map(|(kind, count)| Ok((source_kind(&kind)?, count.cast_unsigned())))
            .collect::<Result<_, _>>()
            .map_err(session_error)
    }

    fn record_counts(&mut self, processor: &str) -> Result<Vec<(String, u64)>, SessionLedgerError> {
        records::counts(&self.connection, processor).map_err(session_error)
    }

    fn notices(&mut self, limit: usize) -> Result<Vec<WaitingNotice>, SessionLedgerError> {
        let read = || {
            self.connection
                .prepare_cached(
                    "SELECT n.id, r.name, n.body FROM session_notice n
                     JOIN session_processor r ON r.id = n.processor_id
                     WHERE n.body IS NOT NULL ORDER BY n.id LIMIT ?1",
                )?
                .query_map(params![i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
                })?
                .collect::<Result<Vec<(i64, String, String)>, _>>()
        };
        let rows = read().map_err(|error| session_error(ledger_error(error)))?;
        rows.into_iter()
            .map(|(id, processor, body)| {
                let notice: Notice = serde_json::from_str(&body)
                    .map_err(|error| corrupt(format!("notice {id}: {error}")))?;
                Ok(WaitingNotice {
                    id,
                    processor,
                    notice,
                })
            })
            .collect::<Result<_, _>>()
            .map_err(session_error)
    }

    fn forget_notices(&mut self, ids: &[i64]) -> Result<(), SessionLedgerError> {
        self.write(|transaction| {
            let mut statement = transaction
                .prepare_cached("UPDATE session_notice SET body = NULL WHERE id = ?1")
                .map_err(ledger_error)?;
            for id in ids {
                statement.execute(params![id]).map_err(ledger_error)?;
            }
            Ok(())
        })
        .map_err(session_error)
    }
}

/// A log as its row has it.
struct RawLog {
    source: String,
    key: String,
    kind: String,
    user: Option<String>,
    decky: Option<String>,
}

impl RawLog {
    /// Reads source, key, kind, user and decky, from column `at` on.
    fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            source: row.get(at)?,
            key: row.get(at + 1)?,
            kind: row.get(at + 2)?,
            user: row.get(at + 3)?,
            decky: row.get(at + 4)?,
        })
    }

    fn parse(self) -> Result<Log, LedgerError> {
        Ok(Log {
            kind: source_kind(&self.kind)?,
            source: self.source,
            key: self.key,
            user: self.user,
            decky: self.decky,
        })
    }
}

fn source_kind(name: &str) -> Result<SourceKind, LedgerError> {
    SourceKind::named(name).ok_or_else(|| corrupt(format!("a log of kind {name:?}")))
}

/// The number of a processor; made at its first use.
fn processor_id(connection: &Connection, name: &str) -> Result<i64, LedgerError> {
    let found = connection
        .prepare_cached("SELECT id FROM session_processor WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([name], |row| row.get(0)).optional())
        .map_err(ledger_error)?;
    match found {
        Some(id) => Ok(id),
        None => {
            connection
                .execute("INSERT INTO session_processor (name) VALUES (?1)", [name])
                .map_err(ledger_error)?;
            Ok(connection.last_insert_rowid())
        }
    }
}

/// The same facts, in the words of the session ledger.
fn session_error(error: LedgerError) -> SessionLedgerError {
    Failed(error).into()
}
