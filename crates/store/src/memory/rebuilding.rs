//! What follows from the log, made anew; and snapshots of it.

use chrono::{DateTime, Utc};
use decnet_memory::ledger::{Rebuilt, SnapshotInfo};
use decnet_memory::log::{NameId, State};
use decnet_memory::snapshot;
use rusqlite::{Connection, Transaction, params};

use super::writing::pin_number;
use super::{count, journal};
use crate::error::{Failed, corrupt};
use crate::people::moment;
use crate::values::at_most;

/// The indexes of the tables that a rebuild fills. They are made when all rows are there: rows that
/// come in no order take several times as long with them.
const INDEXES: [&str; 4] = [
    "memory_name_text",
    "memory_other",
    "memory_thread",
    "memory_pinned",
];
/// Memory for pages while a rebuild runs, in KiB: with less, pages are written several times.
const CACHE_KIB: i64 = 65_536;

/// A state of the log that is to be kept.
pub(super) struct Taken {
    state: State,
    /// Whether it is one that is kept already.
    is_kept: bool,
    bytes: Vec<u8>,
}

/// Fills the tables that follow from the log with what follows from it.
pub(super) fn rebuild(transaction: &Transaction<'_>) -> Result<Rebuilt, Failed> {
    let before: i64 = transaction.query_row("PRAGMA cache_size", [], |row| row.get(0))?;
    transaction.pragma_update(None, "cache_size", -CACHE_KIB)?;
    let rebuilt = fill(transaction);
    transaction.pragma_update(None, "cache_size", before)?;
    rebuilt
}

fn fill(transaction: &Transaction<'_>) -> Result<Rebuilt, Failed> {
    let (state, entries, from_snapshot) = by_the_log(transaction)?;
    let mut definitions = Vec::new();
    for index in INDEXES {
        let sql: String = transaction.query_row(
            "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?1",
            [index],
            |row| row.get(0),
        )?;
        transaction.execute_batch(&format!("DROP INDEX {index}"))?;
        definitions.push(sql);
    }
    transaction
        .execute_batch("DELETE FROM memory_entity; DELETE FROM memory; DELETE FROM memory_name;")?;
    fill_names(transaction, &state)?;
    fill_memories(transaction, &state)?;
    fill_entities(transaction, &state)?;
    for sql in definitions {
        transaction.execute_batch(&sql)?;
    }
    Ok(Rebuilt {
        entries,
        memories: count(state.memories().len()),
        from_snapshot,
    })
}

/// The state of the log, the entries read for it, and the snapshot that it started from: the newest
/// that can be read.
fn by_the_log(connection: &Connection) -> Result<(State, u64, Option<i64>), Failed> {
    let mut statement = connection
        .prepare("SELECT last_entry, state FROM memory_snapshot ORDER BY last_entry DESC")?;
    let mut rows = statement.query([])?;
    let (mut state, mut from) = (State::default(), None);
    while let Some(row) = rows.next()? {
        let last: i64 = row.get(0)?;
        let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        // One that was damaged, or is of another version, costs time and nothing else.
        if let Ok(kept) = snapshot::decode(bytes)
            && kept.last_entry == last
        {
            (state, from) = (kept, Some(last));
            break;
        }
    }
    let entries = journal::for_each(connection, state.last_entry, |entry| state.apply(entry))?;
    Ok((state, entries, from))
}

fn fill_names(transaction: &Transaction<'_>, state: &State) -> Result<(), Failed> {
    let mut statement =
        transaction.prepare("INSERT INTO memory_name (id, text) VALUES (?1, ?2)")?;
    for (id, text) in (1_i64..).zip(state.names.texts()) {
        statement.execute(params![id, text])?;
    }
    Ok(())
}

fn fill_memories(transaction: &Transaction<'_>, state: &State) -> Result<(), Failed> {
    let mut statement = transaction.prepare(
        "INSERT INTO memory (id, owner, other, thread, happened_at, score, scored_by, pin,
                             unpinned_by_hand)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    let number = |name: Option<NameId>| name.map(|name| name.0);
    for memory in state.memories() {
        statement.execute(params![
            memory.id.0,
            memory.owner.0,
            number(memory.other),
            number(memory.thread),
            memory.happened_at.timestamp_micros(),
            memory.score,
            memory.scored_by,
            pin_number(memory.pin),
            memory.unpinned_by_hand,
        ])?;
    }
    Ok(())
}

/// Entities in the order of their key, so that each row comes behind the last.
fn fill_entities(transaction: &Transaction<'_>, state: &State) -> Result<(), Failed> {
    let memories = state.memories().iter();
    let mut rows: Vec<(u32, u32, i64, i64)> = memories
        .flat_map(|memory| {
            let happened_at = memory.happened_at.timestamp_micros();
            let entities = memory.entities.iter();
            entities.map(move |entity| (memory.owner.0, entity.0, happened_at, memory.id.0))
        })
        .collect();
    rows.sort_unstable();
    let mut statement = transaction.prepare(
        "INSERT INTO memory_entity (owner, entity, happened_at, memory) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (owner, entity, happened_at, memory) in rows {
        statement.execute(params![owner, entity, happened_at, memory])?;
    }
    Ok(())
}

/// What follows from the log now.
pub(super) fn take(connection: &Connection) -> Result<Taken, Failed> {
    let (state, entries, from) = by_the_log(connection)?;
    let is_kept = entries == 0 && from == Some(state.last_entry);
    let bytes = match is_kept {
        true => Vec::new(),
        false => snapshot::encode(&state),
    };
    Ok(Taken {
        state,
        is_kept,
        bytes,
    })
}

/// Keeps it, and of all snapshots the newest `keep`.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    taken: &Taken,
    at: DateTime<Utc>,
    keep: usize,
) -> Result<SnapshotInfo, Failed> {
    let last = taken.state.last_entry;
    if !taken.is_kept {
        // One of the same entry is there only if it could not be read.
        transaction
            .prepare(
                "INSERT OR REPLACE INTO memory_snapshot (last_entry, taken_at, memories, state)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                last,
                at.timestamp_micros(),
                count(taken.state.memories().len()).cast_signed(),
                taken.bytes,
            ])?;
    }
    transaction
        .prepare(
            "DELETE FROM memory_snapshot WHERE last_entry NOT IN (
                 SELECT last_entry FROM memory_snapshot ORDER BY last_entry DESC LIMIT ?1)",
        )?
        .execute([at_most(keep.max(1))])?;
    let kept = kept(transaction)?;
    let kept = kept.into_iter().find(|info| info.last_entry == last);
    // Somebody else may have taken newer ones meanwhile, so that there was no room for this one.
    Ok(kept.unwrap_or(SnapshotInfo {
        last_entry: last,
        taken_at: moment(at.timestamp_micros())?,
        memories: count(taken.state.memories().len()),
        bytes: count(taken.bytes.len()),
    }))
}

/// The snapshots that are kept, newest first.
pub(super) fn kept(connection: &Connection) -> Result<Vec<SnapshotInfo>, Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT last_entry, taken_at, memories, length(state) FROM memory_snapshot
         ORDER BY last_entry DESC",
    )?;
    let mut rows = statement.query([])?;
    let mut infos = Vec::new();
    while let Some(row) = rows.next()? {
        let number = |column| -> Result<u64, Failed> {
            let number: i64 = row.get(column)?;
            Ok(u64::try_from(number).map_err(|_| corrupt(format!("the number {number}")))?)
        };
        infos.push(SnapshotInfo {
            last_entry: row.get(0)?,
            taken_at: moment(row.get(1)?)?,
            memories: number(2)?,
            bytes: number(3)?,
        });
    }
    Ok(infos)
}
