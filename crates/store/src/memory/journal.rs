//! The log.

use std::mem;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

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

/// Bytes of entries that are handed over together, and how often before somebody waits.
const BATCH_BYTES: usize = 1 << 18;
const BATCHES: usize = 2;

/// How much a memory matters, as it is kept.
#[derive(Serialize, Deserialize)]
struct KeptJudgement {
    memory: MemoryId,
    score: u8,
    reason: String,
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
                score: score.score,
                reason: score.reason.clone(),
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
        let event = row.get_ref(5)?.as_str().map_err(rusqlite::Error::from)?;
        let mut entry = Kept::read(row, event.len())?.parsed(event)?;
        entry.cause = row.get(4)?;
        if let Event::MemoryWritten { words, .. } = &mut entry.event {
            words.narrative = row.get(6)?;
            words.dialogue = dialogue(row, 7)?;
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// Reads the log after `after` without causes and without what memories tell: nothing follows from
/// those. Entries are read here and made sense of beside it, which takes longer.
pub(super) fn for_each(
    connection: &Connection,
    after: i64,
    mut apply: impl FnMut(&Entry) + Send,
) -> Result<u64, Failed> {
    thread::scope(|scope| {
        let (hand_over, batches) = sync_channel::<Batch>(BATCHES);
        let applier = scope.spawn(move || -> Result<u64, Failed> {
            let mut entries = 0;
            for batch in batches {
                let mut text = batch.text.as_str();
                for kept in batch.entries {
                    let (event, rest) = text.split_at(kept.length);
                    text = rest;
                    apply(&kept.parsed(event)?);
                    entries += 1;
                }
            }
            Ok(entries)
        });
        let read = read_batches(connection, after, &hand_over);
        drop(hand_over);
        let applied = applier.join();
        let applied = applied.map_err(|_| corrupt("the thread that applies entries ended"))??;
        read.map(|()| applied)
    })
}

/// Reads until the end, or until nobody takes what is read: whoever took it says why.
fn read_batches(
    connection: &Connection,
    after: i64,
    hand_over: &SyncSender<Batch>,
) -> Result<(), Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT number, version, kind, at, event FROM memory_log WHERE number > ?1 ORDER BY number",
    )?;
    let mut rows = statement.query([after])?;
    let mut batch = Batch::default();
    while let Some(row) = rows.next()? {
        let event = row.get_ref(4)?.as_str().map_err(rusqlite::Error::from)?;
        batch.text.push_str(event);
        batch.entries.push(Kept::read(row, event.len())?);
        if batch.text.len() >= BATCH_BYTES && hand_over.send(mem::take(&mut batch)).is_err() {
            return Ok(());
        }
    }
    // Who took the others may have ended meanwhile, and says so.
    let _ = hand_over.send(batch);
    Ok(())
}

/// Entries that are handed over together.
#[derive(Default)]
struct Batch {
    entries: Vec<Kept>,
    /// What happened, one entry behind the other.
    text: String,
}

/// An entry as it is kept, without its cause and what it tells.
struct Kept {
    number: i64,
    version: u32,
    kind: i64,
    at: i64,
    /// Bytes of what happened.
    length: usize,
}

impl Kept {
    fn read(row: &Row<'_>, length: usize) -> Result<Self, Failed> {
        Ok(Self {
            number: row.get(0)?,
            version: row.get(1)?,
            kind: row.get(2)?,
            at: row.get(3)?,
            length,
        })
    }

    fn parsed(&self, event: &str) -> Result<Entry, Failed> {
        let (number, version) = (self.number, self.version);
        if version > VERSION {
            return Err(corrupt(format!(
                "entry {number} of the memories has version {version}, newer than {VERSION}"
            ))
            .into());
        }
        let event = match self.kind {
            WRITTEN => facts(event, number).map(|facts| Event::MemoryWritten {
                facts,
                words: Words::default(),
            })?,
            JUDGED => {
                let judged: KeptJudgement = from_json(event, number)?;
                Event::MemorySignificanceSet {
                    memory: judged.memory,
                    score: Score {
                        score: judged.score,
                        reason: judged.reason,
                    },
                    scorer: judged.scorer,
                }
            }
            _ => {
                let KeptPin { memory, pin, why } = from_json(event, number)?;
                Event::MemoryPinChanged { memory, pin, why }
            }
        };
        Ok(Entry {
            number,
            version,
            at: moment(self.at)?,
            cause: String::new(),
            event,
        })
    }
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
