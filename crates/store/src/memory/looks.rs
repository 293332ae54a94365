//! What is asked of memories.

use std::cmp::Reverse;

use decnet_memory::ledger::MemoryFilter;
use decnet_memory::log::Event;
use decnet_memory::memory::{Memory, MemoryId, Significance};
use decnet_memory::recall::{Candidate, Cue, Reach};
use decnet_memory::significance::{Circumstances, EARLIER_MAX, Scoring};
use rusqlite::{Connection, OptionalExtension, Params, Row, named_params, params};

use super::journal;
use super::writing::{name_id, pin_of};
use crate::error::{Failed, corrupt};
use crate::people::moment;
use crate::values::at_most;

/// The columns that a memory is read from, in the order of [`memory`].
macro_rules! memories {
    ($($rest:literal)?) => {
        concat!(
            "SELECT m.id, l.cause, l.at, l.event, w.narrative, w.dialogue,
                    m.scored_by, m.pin, m.unpinned_by_hand
             FROM memory m JOIN memory_log l ON l.number = m.id
                           JOIN memory_words w ON w.number = m.id ",
            $($rest)?
        )
    };
}

/// A memory as a scorer needs it.
pub(super) fn scoring(connection: &Connection, id: MemoryId) -> Result<Option<Scoring>, Failed> {
    let Some(memory) = show(connection, id)? else {
        return Ok(None);
    };
    let happened_at = memory.facts.happened_at.timestamp_micros();
    let earlier = |sql: &str| -> Result<u32, Failed> {
        let mut statement = connection.prepare_cached(sql)?;
        let count = statement.query_row(
            named_params! { ":id": id.0, ":at": happened_at, ":most": EARLIER_MAX },
            |row| row.get(0),
        )?;
        Ok(count)
    };
    let circumstances = Circumstances {
        earlier_in_thread: earlier(
            "SELECT count(*) FROM (
                 SELECT 1 FROM memory m JOIN memory e ON e.owner = m.owner AND e.thread = m.thread
                 WHERE m.id = :id AND e.thread IS NOT NULL
                     AND (e.happened_at, e.id) < (:at, :id) LIMIT :most)",
        )?,
        earlier_with_other: earlier(
            "SELECT count(*) FROM (
                 SELECT 1 FROM memory m JOIN memory e ON e.owner = m.owner AND e.other = m.other
                 WHERE m.id = :id AND (e.happened_at, e.id) < (:at, :id) LIMIT :most)",
        )?,
    };
    Ok(Some(Scoring {
        memory: id,
        facts: memory.facts,
        words: memory.words,
        circumstances,
    }))
}

/// Memories that may come to mind.
pub(crate) fn candidates(
    connection: &Connection,
    cue: &Cue,
    reach: &Reach,
) -> Result<Vec<Candidate>, Failed> {
    let Some(owner) = name_id(connection, &cue.owner)? else {
        return Ok(Vec::new());
    };
    let now = cue.now.timestamp_micros();
    // By time and id, newest first.
    let mut found: Vec<Reverse<(i64, i64)>> = Vec::new();
    let mut find =
        |sql: &str, params: &dyn Fn(&mut rusqlite::CachedStatement<'_>) -> rusqlite::Result<()>| {
            let mut statement = connection.prepare_cached(sql)?;
            params(&mut statement)?;
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                found.push(Reverse((row.get(1)?, row.get(0)?)));
            }
            Ok::<_, Failed>(())
        };
    find(
        "SELECT id, happened_at FROM memory WHERE owner = ?1 AND pin > 0 AND happened_at <= ?2
         ORDER BY happened_at DESC, id DESC LIMIT ?3",
        &|statement| bind(statement, &[owner, now, at_most(reach.pinned)]),
    )?;
    let named = |key: &Option<String>| match key {
        Some(key) => name_id(connection, key),
        None => Ok(None),
    };
    if let Some(other) = named(&cue.other)? {
        find(
            "SELECT id, happened_at FROM memory
             WHERE owner = ?1 AND other = ?2 AND happened_at <= ?3
             ORDER BY happened_at DESC, id DESC LIMIT ?4",
            &|statement| bind(statement, &[owner, other, now, at_most(reach.with_other)]),
        )?;
    }
    if let Some(thread) = named(&cue.thread)? {
        find(
            "SELECT id, happened_at FROM memory
             WHERE owner = ?1 AND thread = ?2 AND happened_at <= ?3
             ORDER BY happened_at DESC, id DESC LIMIT ?4",
            &|statement| bind(statement, &[owner, thread, now, at_most(reach.in_thread)]),
        )?;
    }
    for entity in cue.entities.iter().take(reach.entities) {
        let Some(entity) = name_id(connection, entity.as_str())? else {
            continue;
        };
        find(
            "SELECT memory, happened_at FROM memory_entity
             WHERE owner = ?1 AND entity = ?2 AND happened_at <= ?3
             ORDER BY happened_at DESC, memory DESC LIMIT ?4",
            &|statement| bind(statement, &[owner, entity, now, at_most(reach.per_entity)]),
        )?;
    }
    found.sort_unstable();
    found.dedup();
    let candidates = found.into_iter();
    candidates
        .map(|Reverse((_, id))| candidate(connection, id))
        .collect()
}

fn bind(statement: &mut rusqlite::CachedStatement<'_>, values: &[i64]) -> rusqlite::Result<()> {
    for (index, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}

fn candidate(connection: &Connection, id: i64) -> Result<Candidate, Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT m.score, m.pin, l.event, w.narrative, l.cause
         FROM memory m JOIN memory_log l ON l.number = m.id JOIN memory_words w ON w.number = m.id
         WHERE m.id = ?1",
    )?;
    let mut rows = statement.query([id])?;
    let row = rows
        .next()?
        .ok_or_else(|| corrupt(format!("memory {id} is lost")))?;
    let kept = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
    let facts = journal::facts(kept, id)?;
    Ok(Candidate {
        memory: MemoryId(id),
        cause: row.get(4)?,
        kind: facts.kind,
        text: row.get(3)?,
        happened_at: facts.happened_at,
        other: facts.other,
        thread: facts.thread,
        entities: facts.entities,
        score: row.get(0)?,
        pin: pin_of(row.get(1)?)?,
    })
}

/// Lists memories.
pub(super) fn list(connection: &Connection, filter: &MemoryFilter) -> Result<Vec<Memory>, Failed> {
    let limit = match filter.limit {
        0 => i64::MAX,
        limit => i64::try_from(limit).unwrap_or(i64::MAX),
    };
    // Texts that have no number are those of no memory.
    let named = |key: &Option<String>| -> Result<Option<i64>, Failed> {
        match key {
            Some(key) => Ok(Some(name_id(connection, key)?.unwrap_or(0))),
            None => Ok(None),
        }
    };
    let (owner, other, thread) = (
        named(&filter.owner)?,
        named(&filter.other)?,
        named(&filter.thread)?,
    );
    // The owner's index first, where an owner is named.
    let sql = match (owner, filter.pinned) {
        (Some(_), false) => memories!(
            "WHERE m.owner = ?1 AND (?2 IS NULL OR m.other = ?2) AND (?3 IS NULL OR m.thread = ?3)
                 AND (?4 IS NULL OR m.score >= ?4) ORDER BY m.id DESC LIMIT ?5"
        ),
        (Some(_), true) => memories!(
            "WHERE m.owner = ?1 AND m.pin > 0 AND (?2 IS NULL OR m.other = ?2)
                 AND (?3 IS NULL OR m.thread = ?3) AND (?4 IS NULL OR m.score >= ?4)
             ORDER BY m.id DESC LIMIT ?5"
        ),
        (None, false) => memories!(
            "WHERE ?1 IS NULL AND (?2 IS NULL OR m.other = ?2) AND (?3 IS NULL OR m.thread = ?3)
                 AND (?4 IS NULL OR m.score >= ?4) ORDER BY m.id DESC LIMIT ?5"
        ),
        (None, true) => memories!(
            "WHERE ?1 IS NULL AND m.pin > 0 AND (?2 IS NULL OR m.other = ?2)
                 AND (?3 IS NULL OR m.thread = ?3) AND (?4 IS NULL OR m.score >= ?4)
             ORDER BY m.id DESC LIMIT ?5"
        ),
    };
    read(
        connection,
        sql,
        params![owner, other, thread, filter.least_score, limit],
    )
}

/// One memory.
pub(super) fn show(connection: &Connection, id: MemoryId) -> Result<Option<Memory>, Failed> {
    Ok(read(connection, memories!("WHERE m.id = ?1"), [id.0])?.pop())
}

fn read(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<Memory>, Failed> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut memories = Vec::new();
    while let Some(row) = rows.next()? {
        memories.push(memory(connection, row)?);
    }
    Ok(memories)
}

fn memory(connection: &Connection, row: &Row<'_>) -> Result<Memory, Failed> {
    let id: i64 = row.get(0)?;
    let kept = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
    let facts = journal::facts(kept, id)?;
    let scored_by: i64 = row.get(6)?;
    let significance = match scored_by {
        0 => None,
        number => Some(significance(connection, number)?),
    };
    Ok(Memory {
        id: MemoryId(id),
        cause: row.get(1)?,
        written_at: moment(row.get(2)?)?,
        facts,
        words: decnet_memory::memory::Words {
            narrative: row.get(4)?,
            dialogue: journal::dialogue(row, 5)?,
        },
        significance,
        pin: pin_of(row.get(7)?)?,
        unpinned_by_hand: row.get(8)?,
    })
}

fn significance(connection: &Connection, number: i64) -> Result<Significance, Failed> {
    let entry = journal::entry(connection, number)?;
    match entry.map(|entry| (entry.at, entry.event)) {
        Some((at, Event::MemorySignificanceSet { score, scorer, .. })) => {
            Ok(Significance { score, scorer, at })
        }
        _ => Err(corrupt(format!("entry {number} of the memories is no score")).into()),
    }
}

/// The first column of the first row, if there is one.
pub(super) fn first<T: rusqlite::types::FromSql>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<Option<T>, Failed> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row(params, |row| row.get(0)).optional()?)
}
