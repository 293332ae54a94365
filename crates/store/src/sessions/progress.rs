//! How far logs were read, and the facts that go with it.

use std::collections::HashMap;

use decnet_emailgen::ledger::LedgerError;
use decnet_session_pipeline::file_identity::{Beginning, Checkpoint, FileIdentity};
use decnet_session_pipeline::ledger::{Batch, FailedAttempt, LogId, Progress, Sample};
use decnet_session_pipeline::record::Notice;
use decnet_session_pipeline::source::Log;
use rusqlite::{Connection, OptionalExtension, params};

use super::{records, state};
use crate::error::{corrupt, ledger_error};
use crate::people::moment;

/// What a processor knows of the logs of a source, by key.
pub(super) fn of_source(
    connection: &Connection,
    processor: &str,
    source: &str,
) -> Result<HashMap<String, Progress>, LedgerError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT l.key, p.log_id, p.version, p.has_state, p.tried_at, p.failures, p.retry_at,
                    p.quarantined_at, p.read_to, p.line, p.size, p.modified_ns, p.inode,
                    p.generation, p.identity, p.earlier
             FROM session_log l JOIN session_progress p ON p.log_id = l.id
             WHERE l.source = ?2
               AND p.processor_id = (SELECT id FROM session_processor WHERE name = ?1)",
        )
        .map_err(ledger_error)?;
    let mut rows = statement
        .query(params![processor, source])
        .map_err(ledger_error)?;
    let mut found = HashMap::new();
    while let Some(row) = rows.next().map_err(ledger_error)? {
        let moment = |at: usize| {
            row.get::<_, Option<i64>>(at)
                .map_err(ledger_error)?
                .map(moment)
                .transpose()
        };
        let number = |at: usize| row.get::<_, i64>(at).map_err(ledger_error);
        let log = number(1)?;
        let key: String = row.get(0).map_err(ledger_error)?;
        let damaged = || {
            corrupt(format!(
                "what {processor} knows of {source}/{key}; restore a backup of the database"
            ))
        };
        let read_to: Option<i64> = row.get(8).map_err(ledger_error)?;
        let checkpoint = match read_to {
            None => None,
            Some(offset) => {
                let identity: Option<Vec<u8>> = row.get(14).map_err(ledger_error)?;
                let earlier: Option<Vec<u8>> = row.get(15).map_err(ledger_error)?;
                let identity = identity_from(
                    identity.as_deref().unwrap_or_default(),
                    number(12)?.cast_unsigned(),
                );
                Some(Box::new(Checkpoint {
                    file: identity.ok_or_else(damaged)?,
                    offset: offset.cast_unsigned(),
                    line: number(9)?.cast_unsigned(),
                    size: number(10)?.cast_unsigned(),
                    modified_ns: number(11)?,
                    generation: row.get(13).map_err(ledger_error)?,
                    earlier: beginnings_from(earlier.as_deref().unwrap_or_default())
                        .ok_or_else(damaged)?,
                }))
            }
        };
        let progress = Progress {
            id: LogId(log),
            checkpoint,
            version: row.get(2).map_err(ledger_error)?,
            has_state: row.get(3).map_err(ledger_error)?,
            tried_at: moment(4)?,
            failures: row.get(5).map_err(ledger_error)?,
            retry_at: moment(6)?,
            quarantined_at: moment(7)?,
        };
        found.insert(key, progress);
    }
    Ok(found)
}

/// Records one batch.
pub(super) fn record(
    connection: &Connection,
    processor: i64,
    version: u32,
    batch: &Batch,
) -> Result<(), LedgerError> {
    let log = log_id(connection, &batch.log)?;
    let write = || {
        let progress = upsert(connection, processor, log, version, batch)?;
        if let Some(state) = &batch.state {
            state::write(connection, progress, state, batch.state_kept)?;
        }
        Ok(())
    };
    write().map_err(ledger_error)?;
    if batch.restarts {
        records::forget_earlier_versions(connection, processor, log, version)?;
    }
    let generation = batch.checkpoint.generation;
    records::write(
        connection,
        processor,
        log,
        version,
        generation,
        &batch.records,
    )?;
    for notice in &batch.notices {
        tell(connection, processor, notice)?;
    }
    Ok(())
}

fn upsert(
    connection: &Connection,
    processor: i64,
    log: i64,
    version: u32,
    batch: &Batch,
) -> rusqlite::Result<i64> {
    let checkpoint = &batch.checkpoint;
    connection
        .prepare_cached(
            "INSERT INTO session_progress
                 (processor_id, log_id, version, read_to, line, size, modified_ns, inode,
                  generation, identity, earlier, has_state, tried_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (processor_id, log_id) DO UPDATE SET
                 version = excluded.version, read_to = excluded.read_to, line = excluded.line,
                 size = excluded.size, modified_ns = excluded.modified_ns,
                 inode = excluded.inode, generation = excluded.generation,
                 identity = excluded.identity, earlier = excluded.earlier,
                 has_state = excluded.has_state
                     OR (session_progress.has_state AND session_progress.version = excluded.version),
                 tried_at = excluded.tried_at, failures = 0, retry_at = NULL,
                 quarantined_at = NULL, last_error = NULL
             RETURNING id",
        )?
        .query_row(
            params![
                processor,
                log,
                version,
                checkpoint.offset.cast_signed(),
                checkpoint.line.cast_signed(),
                checkpoint.size.cast_signed(),
                checkpoint.modified_ns,
                checkpoint.file.inode.cast_signed(),
                checkpoint.generation,
                identity_bytes(&checkpoint.file),
                beginnings_bytes(&checkpoint.earlier),
                batch.state.is_some(),
                batch.tried_at.timestamp_micros(),
            ],
            |row| row.get(0),
        )
}

/// Records one sample.
pub(super) fn record_sample(
    connection: &Connection,
    processor: i64,
    version: u32,
    sample: &Sample,
) -> Result<(), LedgerError> {
    let log = log_id(connection, &sample.log)?;
    let write = || -> rusqlite::Result<Option<u32>> {
        let found: Option<(i64, u32)> = connection
            .prepare_cached(
                "SELECT id, generation FROM session_progress
                 WHERE processor_id = ?1 AND log_id = ?2 AND version = ?3",
            )?
            .query_row(params![processor, log, version], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((progress, generation)) = found else {
            return Ok(None);
        };
        if let Some(state) = &sample.state {
            state::write(connection, progress, state, sample.state_kept)?;
        }
        Ok(Some(generation))
    };
    let generation = write().map_err(ledger_error)?.ok_or_else(|| {
        corrupt(format!(
            "a sample of {}, which nobody has read",
            sample.log.key
        ))
    })?;
    records::write(
        connection,
        processor,
        log,
        version,
        generation,
        &sample.records,
    )?;
    for notice in &sample.notices {
        tell(connection, processor, notice)?;
    }
    Ok(())
}

/// Records a failed attempt.
pub(super) fn record_failure(
    connection: &Connection,
    processor: i64,
    version: u32,
    attempt: &FailedAttempt,
) -> Result<(), LedgerError> {
    let log = log_id(connection, &attempt.log)?;
    let at = attempt.at.timestamp_micros();
    let quarantined_at = attempt.retry_at.is_none().then_some(at);
    let failures: u32 = connection
        .prepare_cached(
            "INSERT INTO session_progress
                 (processor_id, log_id, version, tried_at, failures, retry_at, quarantined_at,
                  last_error)
             VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7)
             ON CONFLICT (processor_id, log_id) DO UPDATE SET
                 failures = CASE WHEN version = excluded.version THEN failures + 1 ELSE 1 END,
                 read_to = CASE WHEN version = excluded.version THEN read_to END,
                 has_state = has_state AND version = excluded.version,
                 version = excluded.version, tried_at = excluded.tried_at,
                 retry_at = excluded.retry_at, quarantined_at = excluded.quarantined_at,
                 last_error = excluded.last_error
             RETURNING failures",
        )
        .and_then(|mut statement| {
            statement.query_row(
                params![
                    processor,
                    log,
                    version,
                    at,
                    attempt.retry_at.map(|at| at.timestamp_micros()),
                    quarantined_at,
                    attempt.error,
                ],
                |row| row.get(0),
            )
        })
        .map_err(ledger_error)?;
    if attempt.retry_at.is_none() {
        let notice = Notice::Quarantined {
            source: attempt.log.source.clone(),
            log: attempt.log.key.clone(),
            failures,
            error: attempt.error.clone(),
            at: attempt.at,
        };
        tell(connection, processor, &notice)?;
    }
    Ok(())
}

/// Queues a notice, unless its key was told before.
fn tell(connection: &Connection, processor: i64, notice: &Notice) -> Result<(), LedgerError> {
    let body = serde_json::to_string(notice)
        .map_err(|error| corrupt(format!("a notice cannot be written: {error}")))?;
    connection
        .prepare_cached(
            "INSERT INTO session_notice (processor_id, key, body) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
        )
        .and_then(|mut statement| statement.execute(params![processor, notice.key(), body]))
        .map(|_| ())
        .map_err(ledger_error)
}

/// The number of a log; made at its first use, and kept up to date.
fn log_id(connection: &Connection, log: &Log) -> Result<i64, LedgerError> {
    type Found = (i64, Option<String>, Option<String>);
    let find = || {
        let found: Option<Found> = connection
            .prepare_cached(
                "SELECT id, user, decky FROM session_log WHERE source = ?1 AND key = ?2",
            )?
            .query_row(params![log.source, log.key], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        if let Some((id, user, decky)) = found {
            if (&user, &decky) != (&log.user, &log.decky) {
                connection
                    .prepare_cached("UPDATE session_log SET user = ?2, decky = ?3 WHERE id = ?1")?
                    .execute(params![id, log.user, log.decky])?;
            }
            return Ok(id);
        }
        connection
            .prepare_cached(
                "INSERT INTO session_log (source, key, kind, user, decky)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                log.source,
                log.key,
                log.kind.name(),
                log.user,
                log.decky
            ])?;
        Ok(connection.last_insert_rowid())
    };
    find().map_err(ledger_error)
}

/// A length and two digests.
fn identity_bytes(identity: &FileIdentity) -> Vec<u8> {
    let mut bytes = beginnings_bytes(&[identity.beginning]);
    bytes.extend_from_slice(&identity.before_offset);
    bytes
}

fn identity_from(bytes: &[u8], inode: u64) -> Option<FileIdentity> {
    let (beginning, before_offset) = bytes.split_at_checked(bytes.len().checked_sub(16)?)?;
    let [beginning] = beginnings_from(beginning)?.try_into().ok()?;
    Some(FileIdentity {
        beginning,
        before_offset: before_offset.try_into().ok()?,
        inode,
    })
}

/// For each, its length and its digest.
fn beginnings_bytes(beginnings: &[Beginning]) -> Vec<u8> {
    beginnings
        .iter()
        .flat_map(|beginning| {
            let length = beginning.length.to_le_bytes();
            length.into_iter().chain(beginning.digest)
        })
        .collect()
}

fn beginnings_from(bytes: &[u8]) -> Option<Vec<Beginning>> {
    let (beginnings, []) = bytes.as_chunks::<18>() else {
        return None;
    };
    beginnings
        .iter()
        .map(|bytes| {
            let (length, digest) = bytes.split_first_chunk::<2>()?;
            Some(Beginning {
                length: u16::from_le_bytes(*length),
                digest: digest.try_into().ok()?,
            })
        })
        .collect()
}
