//! The log.

use chrono::{DateTime, Utc};
use decnet_memory::log::{Entry, Event, VERSION};
use decnet_memory::memory::{Facts, MemoryId, Pin, Utterance, Words};
use decnet_memory::pins::PinReason;
use decnet_memory::significance::Score;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use crate::error::{Failed, corrupt};
use crate::people::moment;
use crate::values::{at_most, json};

/// Kinds of entries that have a cause of their own.
pub(super) const WRITTEN: i64 = 1;
pub(super) const JUDGED: i64 = 2;
const PIN_CHANGED: i64 = 3;

/// How much a memory matters, as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptJudgement {
    memory: MemoryId,
    #[serde(flatten)]
    score: Score,
    scorer: String,
}

/// A pin that changed, as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptPin {
    memory: MemoryId,
    pin: Pin,
    why: PinReason,
}

/// Appends an entry; gives its number.
pub(super) fn append(
    transaction: &Transaction<'_>,
    at: DateTime<Utc>,
    cause: &str,
    event: &Event,
) -> Result<i64, Failed> {
    let (kind, kept, words) = match event {
        Event::MemoryWritten { facts, words } => (WRITTEN, json(facts)?, Some(words)),
        Event::MemorySignificanceSet {
            memory,
            score,
            scorer,
        } => {
            let kept = KeptJudgement {
                memory: *memory,
                score: score.clone(),
                scorer: scorer.clone(),
            };
            (JUDGED, json(&kept)?, None)
        }
        Event::MemoryPinChanged { memory, pin, why } => {
            let (memory, pin, why) = (*memory, *pin, *why);
            (PIN_CHANGED, json(&KeptPin { memory, pin, why })?, None)
        }
    };
    // Numbers leave no gap: nothing is deleted, and what is rolled back took none.
    transaction
        .prepare_cached(
            "INSERT INTO memory_log (version, kind, at, cause, event) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![VERSION, kind, at.timestamp_micros(), cause, kept])?;
    let number = transaction.last_insert_rowid();
    if let Some(words) = words {
        transaction
            .prepare_cached(
                "INSERT INTO memory_words (number, narrative, dialogue) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![number, words.narrative, json(&words.dialogue)?])?;
    }
    Ok(number)
}

/// The entry of this kind and cause.
pub(super) fn of_cause(
    connection: &Connection,
    cause: &str,
    kind: i64,
) -> Result<Option<i64>, Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT number FROM memory_log WHERE cause = ?1 AND kind = ?2 AND kind != 3",
    )?;
    let found = statement.query_row(params![cause, kind], |row| row.get(0));
    Ok(found.optional()?)
}

/// One entry.
pub(super) fn entry(connection: &Connection, number: i64) -> Result<Option<Entry>, Failed> {
    let mut entries = read(connection, number.saturating_sub(1), 1)?;
    entries.retain(|entry| entry.number == number);
    Ok(entries.pop())
}

pub(super) fn read(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> Result<Vec<Entry>, Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT l.number, l.version, l.kind, l.at, l.cause, l.event, w.narrative, w.dialogue
         FROM memory_log l LEFT JOIN memory_words w ON w.number = l.number
         WHERE l.number > ?1 ORDER BY l.number LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, at_most(limit)])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let mut entry = parsed(row)?;
        entry.cause = row.get(4)?;
        if let Event::MemoryWritten { words, .. } = &mut entry.event {
            words.narrative = row.get(6)?;
            words.dialogue = dialogue(row, 7)?;
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// The entries that changed the pin of a memory, the last first.
pub(super) fn pin_changes(
    connection: &Connection,
    memory: MemoryId,
    limit: usize,
) -> Result<Vec<Entry>, Failed> {
    // The expression and the kind of its index, memory_log_pin.
    let mut statement = connection.prepare_cached(
        "SELECT number, version, kind, at, cause, event FROM memory_log
         WHERE kind = 3 AND CASE WHEN json_valid(event) THEN event ->> '$.memory' END = ?1
         ORDER BY number DESC LIMIT ?2",
    )?;
    let mut rows = statement.query(params![memory.0, at_most(limit)])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let mut entry = parsed(row)?;
        entry.cause = row.get(4)?;
        entries.push(entry);
    }
    Ok(entries)
}

/// Reads the log after `after` without causes and without what memories tell: nothing follows from
/// those.
pub(super) fn for_each(
    connection: &Connection,
    after: i64,
    mut apply: impl FnMut(&Entry),
) -> Result<u64, Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT number, version, kind, at, NULL, event FROM memory_log
         WHERE number > ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([after])?;
    let mut entries = 0;
    while let Some(row) = rows.next()? {
        apply(&parsed(row)?);
        entries += 1;
    }
    Ok(entries)
}

/// An entry of these columns, without its cause and what it tells.
fn parsed(row: &Row<'_>) -> Result<Entry, Failed> {
    let (number, version, kind): (i64, u32, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    if version > VERSION {
        return Err(corrupt(format!(
            "entry {number} of the memories has version {version}, newer than {VERSION}"
        ))
        .into());
    }
    let kept = row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?;
    let event = match kind {
        WRITTEN => facts(kept, number).map(|facts| Event::MemoryWritten {
            facts,
            words: Words::default(),
        })?,
        JUDGED => {
            let judged: KeptJudgement = from_json(kept, number)?;
            Event::MemorySignificanceSet {
                memory: judged.memory,
                score: judged.score,
                scorer: judged.scorer,
            }
        }
        _ => {
            let KeptPin { memory, pin, why } = from_json(kept, number)?;
            Event::MemoryPinChanged { memory, pin, why }
        }
    };
    Ok(Entry {
        number,
        version,
        at: moment(row.get(3)?)?,
        cause: String::new(),
        event,
    })
}

/// What a memory is about, as it is kept.
pub(super) fn facts(kept: &str, number: i64) -> Result<Facts, Failed> {
    from_json(kept, number)
}

/// What was said before, as it is kept.
pub(super) fn dialogue(row: &Row<'_>, column: usize) -> Result<Vec<Utterance>, Failed> {
    let kept = row
        .get_ref(column)?
        .as_str()
        .map_err(rusqlite::Error::from)?;
    from_json(kept, row.get(0)?)
}

fn from_json<'a, T: Deserialize<'a>>(kept: &'a str, number: i64) -> Result<T, Failed> {
    let value = serde_json::from_str(kept);
    Ok(value.map_err(|error| corrupt(format!("entry {number} of the memories: {error}")))?)
}
