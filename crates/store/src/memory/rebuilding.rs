//! What follows from the log, made anew; and snapshots of it.

use chrono::{DateTime, Utc};
use decnet_memory::ledger::{Rebuilt, SnapshotInfo};
use decnet_memory::log::{NameId, Remembered, State};
use decnet_memory::significance::PIVOTAL;
use decnet_memory::snapshot;
use rusqlite::{Connection, Statement, ToSql, Transaction, params};

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
/// Rows that one statement inserts.
const ROWS: usize = 64;

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
    // A list of values in a condition of a column is made anew for each row, which takes longer than
    // the row. What these conditions are there for is checked before a row is inserted.
    transaction.pragma_update(None, "ignore_check_constraints", true)?;
    let rebuilt = fill(transaction);
    transaction.pragma_update(None, "ignore_check_constraints", false)?;
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
    let after = state.last_entry;
    let entries = journal::for_each(connection, after, |entry| state.apply(entry))?;
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
    let number = |name: Option<NameId>| name.map(|name| i64::from(name.0));
    let too_high = |memory: &&Remembered| memory.score.is_some_and(|score| score > PIVOTAL);
    if let Some(memory) = state.memories().iter().find(too_high) {
        let number = memory.scored_by;
        return Err(corrupt(format!(
            "entry {number} of the memories has too high a score"
        ))
        .into());
    }
    let rows = state.memories().iter().map(|memory| {
        [
            Some(memory.id.0),
            Some(i64::from(memory.owner.0)),
            number(memory.other),
            number(memory.thread),
            Some(memory.happened_at.timestamp_micros()),
            memory.score.map(i64::from),
            Some(memory.scored_by),
            Some(pin_number(memory.pin)),
            Some(i64::from(memory.unpinned_by_hand)),
        ]
    });
    insert(
        transaction,
        "memory (id, owner, other, thread, happened_at, score, scored_by, pin, unpinned_by_hand)",
        rows,
    )
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
    let rows = rows
        .into_iter()
        .map(|(owner, entity, happened_at, memory)| {
            [i64::from(owner), i64::from(entity), happened_at, memory]
        });
    insert(
        transaction,
        "memory_entity (owner, entity, happened_at, memory)",
        rows,
    )
}

/// Inserts rows into these columns of a table, many with each statement: to begin and to end one
/// costs more than a row.
fn insert<T: ToSql, const COLUMNS: usize>(
    transaction: &Transaction<'_>,
    into: &str,
    rows: impl Iterator<Item = [T; COLUMNS]>,
) -> Result<(), Failed> {
    let statement = |rows: usize| {
        let row = format!("({})", ["?"; COLUMNS].join(", "));
        let rows = vec![row; rows].join(", ");
        transaction.prepare(&format!("INSERT INTO {into} VALUES {rows}"))
    };
    let run = |statement: &mut Statement<'_>, rows: &[[T; COLUMNS]]| {
        for (index, value) in rows.iter().flatten().enumerate() {
            statement.raw_bind_parameter(index + 1, value)?;
        }
        statement.raw_execute()
    };
    let mut many = statement(ROWS)?;
    let mut batch = Vec::with_capacity(ROWS);
    for row in rows {
        batch.push(row);
        if batch.len() == ROWS {
            run(&mut many, &batch)?;
            batch.clear();
        }
    }
    if !batch.is_empty() {
        run(&mut statement(batch.len())?, &batch)?;
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

#[cfg(test)]
mod tests {
    use decnet_memory::ledger::MemoryLedger as _;

    use crate::{OpenOptions, Store};

    #[test]
    fn after_a_rebuild_the_tables_refuse_what_they_refused_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decnet.db");
        let mut store = Store::open(&path, OpenOptions::default()).unwrap();
        let refuses = |store: &Store| {
            let wrong = "INSERT INTO memory (id, owner, happened_at, pin) VALUES (9, 1, 1, 7)";
            store.connection.execute(wrong, []).is_err()
        };
        assert!(refuses(&store));
        store.rebuild().unwrap();
        assert!(refuses(&store));
        let newer = "INSERT INTO memory_log VALUES (1, 99, 1, 1, 'mail:1', '{}')";
        store.connection.execute(newer, []).unwrap();
        store.rebuild().unwrap_err();
        assert!(refuses(&store));
    }
}
