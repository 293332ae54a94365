//! Facts, in chunks.
//!
//! What one batch found in one log is one row. A row for each fact would touch two or three pages
//! for every log that has grown, since facts of a log belong together and its pages are full; a
//! chunk goes to the end of the table. Later chunks of a log replace facts of earlier ones with the
//! same kind and id: that is seen to when facts are read, and when small chunks are folded into one.
//!
//! A fact in a chunk: length and text of its kind, its id, its time (a flag and microseconds), length
//! and text of its body; numbers are little-endian.

use std::collections::{BTreeMap, HashMap, HashSet};

use decnet_emailgen::ledger::LedgerError;
use decnet_session_pipeline::ledger::StoredRecord;
use decnet_session_pipeline::record::{Record, RecordId};
use rusqlite::{Connection, params};

use super::RawLog;
use crate::error::{corrupt, ledger_error};
use crate::people::moment;

/// Chunks of a log from which its newest ones are folded into one.
const CHUNKS_MAX: i64 = 32;
/// Larger ones are not folded again, in bytes.
const FOLDED_MAX: i64 = 256 << 10;

/// A fact as its chunk has it.
struct Fact<'a> {
    kind: &'a str,
    id: RecordId,
    occurred_at: Option<i64>,
    body: &'a str,
}

/// Forgets what earlier versions of a processor said of a log that is read again, unless there was
/// another file: that one may not be there any more.
pub(super) fn forget_earlier_versions(
    connection: &Connection,
    processor: i64,
    log: i64,
    version: u32,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached(
            "DELETE FROM session_chunk WHERE processor_id = ?1 AND log_id = ?2 AND version <> ?3
             AND NOT EXISTS (SELECT 1 FROM session_chunk o WHERE o.processor_id = ?1
                             AND o.log_id = ?2 AND o.generation > 0)",
        )
        .and_then(|mut statement| statement.execute(params![processor, log, version]))
        .map(|_| ())
        .map_err(ledger_error)
}

/// Writes what was found at once.
pub(super) fn write(
    connection: &Connection,
    processor: i64,
    log: i64,
    version: u32,
    generation: u32,
    records: &[Record],
) -> Result<(), LedgerError> {
    if records.is_empty() {
        return Ok(());
    }
    let mut chunk = Vec::with_capacity(records.iter().map(|r| r.body.len() + 48).sum());
    for record in records {
        append(&mut chunk, &Fact::of(record));
    }
    insert(connection, processor, log, version, generation, &chunk)?;
    let chunks: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM session_chunk WHERE processor_id = ?1 AND log_id = ?2",
        )
        .and_then(|mut statement| statement.query_row([processor, log], |row| row.get(0)))
        .map_err(ledger_error)?;
    if chunks > CHUNKS_MAX {
        fold(connection, processor, log)?;
    }
    Ok(())
}

/// How many facts there are of each kind.
pub(super) fn counts(
    connection: &Connection,
    processor: &str,
) -> Result<Vec<(String, u64)>, LedgerError> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (id, _, _) in logs(connection, processor)? {
        let mut seen = HashSet::new();
        let mut kinds = Vec::new();
        each_chunk(connection, processor, id, &mut |chunk, facts| {
            for fact in Facts::of(chunk, facts) {
                let fact = fact?;
                // One chunk may hold a fact twice, too.
                if seen.insert(key(&mut kinds, &fact)) {
                    match counts.get_mut(fact.kind) {
                        Some(count) => *count += 1,
                        None => {
                            counts.insert(fact.kind.to_owned(), 1);
                        }
                    }
                }
            }
            Ok(())
        })?;
    }
    Ok(counts.into_iter().collect())
}

/// Gives facts to `each`, log by log; those of one kind, or all.
pub(super) fn for_each(
    connection: &Connection,
    processor: &str,
    kind: Option<&str>,
    each: &mut dyn FnMut(StoredRecord),
) -> Result<(), LedgerError> {
    let mut kinds = Vec::new();
    for (id, log, chunks) in logs(connection, processor)? {
        // Once to learn which chunk has the last word on each fact, and once to give it: the facts of
        // a large log need not fit into memory.
        let mut newest = HashMap::new();
        if chunks > 1 {
            each_chunk(connection, processor, id, &mut |chunk, facts| {
                for fact in Facts::of(chunk, facts) {
                    newest.insert(key(&mut kinds, &fact?), chunk);
                }
                Ok(())
            })?;
        }
        let log = log.parse()?;
        each_chunk(connection, processor, id, &mut |chunk, facts| {
            for fact in last_words(&[(chunk, facts)])? {
                let is_old = newest
                    .get(&key(&mut kinds, &fact))
                    .is_some_and(|newest| *newest != chunk);
                if is_old || kind.is_some_and(|kind| kind != fact.kind) {
                    continue;
                }
                each(StoredRecord {
                    log: log.clone(),
                    kind: fact.kind.to_owned(),
                    id: fact.id,
                    occurred_at: fact.occurred_at.map(moment).transpose()?,
                    body: fact.body.to_owned(),
                });
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Gives the facts of chunks above `after` to `each`, in the order of writing, and answers with the
/// number of the last one.
pub(super) fn for_each_since(
    connection: &Connection,
    processor: &str,
    after: i64,
    each: &mut dyn FnMut(StoredRecord),
) -> Result<i64, LedgerError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT c.id, c.facts, l.source, l.key, l.kind, l.user, l.decky
             FROM session_chunk c JOIN session_log l ON l.id = c.log_id
             WHERE c.id > ?2
               AND c.processor_id = (SELECT id FROM session_processor WHERE name = ?1)
             ORDER BY c.id",
        )
        .map_err(ledger_error)?;
    let mut rows = statement
        .query(params![processor, after])
        .map_err(ledger_error)?;
    let mut last = after;
    while let Some(row) = rows.next().map_err(ledger_error)? {
        last = row.get(0).map_err(ledger_error)?;
        let log = RawLog::read(row, 2).map_err(ledger_error)?.parse()?;
        let facts = row.get_ref(1).map_err(ledger_error)?;
        let facts = facts
            .as_blob()
            .map_err(|_| corrupt(format!("chunk {last} is no blob")))?;
        for fact in Facts::of(last, facts) {
            let fact = fact?;
            each(StoredRecord {
                log: log.clone(),
                kind: fact.kind.to_owned(),
                id: fact.id,
                occurred_at: fact.occurred_at.map(moment).transpose()?,
                body: fact.body.to_owned(),
            });
        }
    }
    Ok(last)
}

/// The logs that a processor has facts about, each with its chunks' number.
fn logs(connection: &Connection, processor: &str) -> Result<Vec<(i64, RawLog, i64)>, LedgerError> {
    connection
        .prepare_cached(
            "SELECT l.id, count(*), l.source, l.key, l.kind, l.user, l.decky
             FROM session_chunk c JOIN session_log l ON l.id = c.log_id
             WHERE c.processor_id = (SELECT id FROM session_processor WHERE name = ?1)
             GROUP BY c.log_id ORDER BY c.log_id",
        )
        .and_then(|mut statement| {
            statement
                .query_map([processor], |row| {
                    Ok((row.get(0)?, RawLog::read(row, 2)?, row.get(1)?))
                })?
                .collect()
        })
        .map_err(ledger_error)
}

/// Gets the number of a chunk and its facts.
type EachChunk<'a> = dyn FnMut(i64, &[u8]) -> Result<(), LedgerError> + 'a;

/// Gives the chunks of a log to `each`, oldest first.
fn each_chunk(
    connection: &Connection,
    processor: &str,
    log: i64,
    each: &mut EachChunk<'_>,
) -> Result<(), LedgerError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT id, facts FROM session_chunk
             WHERE processor_id = (SELECT id FROM session_processor WHERE name = ?1)
               AND log_id = ?2 ORDER BY id",
        )
        .map_err(ledger_error)?;
    let mut rows = statement
        .query(params![processor, log])
        .map_err(ledger_error)?;
    while let Some(row) = rows.next().map_err(ledger_error)? {
        let chunk = row.get(0).map_err(ledger_error)?;
        let facts = row.get_ref(1).map_err(ledger_error)?;
        let facts = facts
            .as_blob()
            .map_err(|_| corrupt(format!("chunk {chunk} is no blob")))?;
        each(chunk, facts)?;
    }
    Ok(())
}

/// What tells a fact of a log apart: the number of its kind, and its id.
fn key(kinds: &mut Vec<String>, fact: &Fact<'_>) -> (usize, RecordId) {
    let known = kinds.iter().position(|kind| kind == fact.kind);
    let kind = known.unwrap_or_else(|| {
        kinds.push(fact.kind.to_owned());
        kinds.len() - 1
    });
    (kind, fact.id)
}

/// The facts of chunks, of those that are there several times the last.
fn last_words<'a>(chunks: &[(i64, &'a [u8])]) -> Result<Vec<Fact<'a>>, LedgerError> {
    let mut places: HashMap<(&str, RecordId), usize> = HashMap::new();
    let mut facts: Vec<Fact<'_>> = Vec::new();
    for (chunk, bytes) in chunks {
        for fact in Facts::of(*chunk, bytes) {
            let fact = fact?;
            let place = *places.entry((fact.kind, fact.id)).or_insert(facts.len());
            match facts.get_mut(place) {
                Some(earlier) => *earlier = fact,
                None => facts.push(fact),
            }
        }
    }
    Ok(facts)
}

/// Folds the newest chunks of a log into one; of facts that are there several times, the last stays.
fn fold(connection: &Connection, processor: i64, log: i64) -> Result<(), LedgerError> {
    let chunks = connection
        .prepare_cached(
            "SELECT id, version, generation, facts FROM session_chunk
             WHERE processor_id = ?1 AND log_id = ?2 AND id > coalesce(
                 (SELECT max(id) FROM session_chunk
                  WHERE processor_id = ?1 AND log_id = ?2 AND length(facts) > ?3), 0)
             ORDER BY id",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![processor, log, FOLDED_MAX], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect::<Result<Vec<(i64, u32, u32, Vec<u8>)>, _>>()
        })
        .map_err(ledger_error)?;
    // A new version replaces what an earlier one said of the same file: those stay apart.
    let Some((_, version, generation, _)) = chunks.last() else {
        return Ok(());
    };
    let alike = |chunk: &&(i64, u32, u32, Vec<u8>)| (chunk.1, chunk.2) == (*version, *generation);
    let first = chunks.len() - chunks.iter().rev().take_while(alike).count();
    let folded = chunks.get(first..).unwrap_or_default();
    if folded.len() < 2 {
        return Ok(());
    }
    let bytes: Vec<(i64, &[u8])> = folded
        .iter()
        .map(|(id, _, _, facts)| (*id, facts.as_slice()))
        .collect();
    let mut chunk = Vec::new();
    for fact in last_words(&bytes)? {
        append(&mut chunk, &fact);
    }
    for (id, _, _, _) in folded {
        connection
            .prepare_cached("DELETE FROM session_chunk WHERE id = ?1")
            .and_then(|mut statement| statement.execute([id]))
            .map_err(ledger_error)?;
    }
    insert(connection, processor, log, *version, *generation, &chunk)
}

fn insert(
    connection: &Connection,
    processor: i64,
    log: i64,
    version: u32,
    generation: u32,
    facts: &[u8],
) -> Result<(), LedgerError> {
    let number: i64 = connection
        .prepare_cached("UPDATE session_chunk_number SET last = last + 1 RETURNING last")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .map_err(ledger_error)?;
    connection
        .prepare_cached(
            "INSERT INTO session_chunk (id, processor_id, log_id, version, generation, facts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )
        .and_then(|mut statement| {
            statement.execute(params![number, processor, log, version, generation, facts])
        })
        .map(|_| ())
        .map_err(ledger_error)
}

impl<'a> Fact<'a> {
    fn of(record: &'a Record) -> Self {
        Self {
            kind: record.kind,
            id: record.id,
            occurred_at: record.occurred_at.map(|at| at.timestamp_micros()),
            body: &record.body,
        }
    }
}

fn append(chunk: &mut Vec<u8>, fact: &Fact<'_>) {
    let text = |chunk: &mut Vec<u8>, text: &str| {
        chunk.extend_from_slice(&(text.len() as u64).to_le_bytes());
        chunk.extend_from_slice(text.as_bytes());
    };
    text(chunk, fact.kind);
    chunk.extend_from_slice(&fact.id.0);
    chunk.push(u8::from(fact.occurred_at.is_some()));
    chunk.extend_from_slice(&fact.occurred_at.unwrap_or_default().to_le_bytes());
    text(chunk, fact.body);
}

/// The facts of a chunk, in order.
struct Facts<'a> {
    chunk: i64,
    rest: &'a [u8],
}

impl<'a> Facts<'a> {
    fn of(chunk: i64, facts: &'a [u8]) -> Self {
        Self { chunk, rest: facts }
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(u64::from_le_bytes(self.array()?)).ok()?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*bytes)
    }

    fn fact(&mut self) -> Option<Fact<'a>> {
        let kind = self.text()?;
        let id = RecordId(self.array()?);
        let [has_time] = self.array()?;
        let occurred_at = i64::from_le_bytes(self.array()?);
        Some(Fact {
            kind,
            id,
            occurred_at: (has_time == 1).then_some(occurred_at),
            body: self.text()?,
        })
    }
}

impl<'a> Iterator for Facts<'a> {
    type Item = Result<Fact<'a>, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let fact = self.fact();
        if fact.is_none() {
            self.rest = &[];
        }
        Some(fact.ok_or_else(|| corrupt(format!("chunk {} is cut off", self.chunk))))
    }
}
