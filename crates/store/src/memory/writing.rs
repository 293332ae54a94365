//! What is appended to the log, and applied to the tables beside it.

use chrono::{DateTime, Utc};
use decnet_memory::ledger::{Judged, Judgement, Written};
use decnet_memory::log::Event;
use decnet_memory::memory::{MemoryId, NewMemory, Pin};
use decnet_memory::pins::{self, Hand, Held, PinChange, PinReason};
use decnet_memory::significance::scorer_name;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::journal;
use crate::error::{Failed, corrupt};
use crate::people::moment;

/// Writes a memory that is prepared.
pub(super) fn write(
    transaction: &Transaction<'_>,
    memory: &NewMemory,
    at: DateTime<Utc>,
) -> Result<Written, Failed> {
    if let Some(known) = journal::of_cause(transaction, &memory.cause, journal::WRITTEN)? {
        return Ok(Written::Known(MemoryId(known)));
    }
    let NewMemory {
        cause,
        facts,
        words,
    } = memory.clone();
    let event = Event::MemoryWritten { facts, words };
    let number = journal::append(transaction, at, &cause, &event)?;
    let facts = &memory.facts;
    // In the order in which the state of the log numbers them.
    let owner = intern(transaction, &facts.owner)?;
    let intern_some = |text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| intern(transaction, text)).transpose()
    };
    let (other, thread) = (intern_some(&facts.other)?, intern_some(&facts.thread)?);
    let happened_at = facts.happened_at.timestamp_micros();
    transaction
        .prepare_cached(
            "INSERT INTO memory (id, owner, other, thread, happened_at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![number, owner, other, thread, happened_at])?;
    let mut statement = transaction.prepare_cached(
        "INSERT INTO memory_entity (owner, entity, happened_at, memory) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for entity in &facts.entities {
        let entity = intern(transaction, entity.as_str())?;
        statement.execute(params![owner, entity, happened_at, number])?;
    }
    Ok(Written::New(MemoryId(number)))
}

/// The number of a text, new if it has none yet.
fn intern(transaction: &Transaction<'_>, text: &str) -> Result<i64, Failed> {
    if let Some(id) = name_id(transaction, text)? {
        return Ok(id);
    }
    transaction
        .prepare_cached("INSERT INTO memory_name (text) VALUES (?1)")?
        .execute([text])?;
    Ok(transaction.last_insert_rowid())
}

/// The number of a text.
pub(super) fn name_id(connection: &Connection, text: &str) -> Result<Option<i64>, Failed> {
    let mut statement = connection.prepare_cached("SELECT id FROM memory_name WHERE text = ?1")?;
    Ok(statement.query_row([text], |row| row.get(0)).optional()?)
}

/// Keeps a judgement. `None`: there is no such memory.
pub(super) fn set_significance(
    transaction: &Transaction<'_>,
    judgement: &Judgement,
    at: DateTime<Utc>,
) -> Result<Option<Judged>, Failed> {
    if journal::of_cause(transaction, &judgement.cause, journal::JUDGED)?.is_some() {
        return Ok(Some(Judged::Known));
    }
    let Some((held, pinned)) = with_pins(transaction, judgement.memory)? else {
        return Ok(None);
    };
    let score = judgement.score.bounded();
    let changes = pins::after_score(&held, score.score, &pinned);
    let value = score.score;
    let event = Event::MemorySignificanceSet {
        memory: judgement.memory,
        score,
        scorer: scorer_name(&judgement.scorer),
    };
    let entry = journal::append(transaction, at, &judgement.cause, &event)?;
    transaction
        .prepare_cached("UPDATE memory SET score = ?2, scored_by = ?3 WHERE id = ?1")?
        .execute(params![judgement.memory.0, value, entry])?;
    change_pins(transaction, &changes, &judgement.cause, at)?;
    Ok(Some(Judged::New(changes)))
}

/// Pins or unpins by hand. `None`: there is no such memory.
pub(super) fn set_pin(
    transaction: &Transaction<'_>,
    memory: MemoryId,
    hand: Hand,
    cause: &str,
    at: DateTime<Utc>,
) -> Result<Option<Vec<PinChange>>, Failed> {
    let Some((held, pinned)) = with_pins(transaction, memory)? else {
        return Ok(None);
    };
    let changes = pins::by_hand(&held, hand, &pinned);
    change_pins(transaction, &changes, cause, at)?;
    Ok(Some(changes))
}

fn change_pins(
    transaction: &Transaction<'_>,
    changes: &[PinChange],
    cause: &str,
    at: DateTime<Utc>,
) -> Result<(), Failed> {
    for PinChange { memory, pin, why } in changes.iter().copied() {
        let event = Event::MemoryPinChanged { memory, pin, why };
        journal::append(transaction, at, cause, &event)?;
        transaction
            .prepare_cached(
                "UPDATE memory SET pin = ?2, unpinned_by_hand = coalesce(?3, unpinned_by_hand)
                 WHERE id = ?1",
            )?
            .execute(params![memory.0, pin_number(pin), by_hand(pin, why)])?;
    }
    Ok(())
}

/// Whether a change says that an operator took a pin away, or that none did.
fn by_hand(pin: Pin, why: PinReason) -> Option<bool> {
    match (pin, why) {
        (Pin::None, PinReason::ByHand) => Some(true),
        (Pin::Manual, _) => Some(false),
        (Pin::None | Pin::Automatic, _) => None,
    }
}

/// A memory with the pins of its owner.
fn with_pins(
    transaction: &Transaction<'_>,
    memory: MemoryId,
) -> Result<Option<(Held, Vec<Held>)>, Failed> {
    let found: Option<(i64, RawHeld)> = transaction
        .prepare_cached(
            "SELECT id, happened_at, pin, unpinned_by_hand, owner FROM memory WHERE id = ?1",
        )?
        .query_row([memory.0], |row| Ok((row.get(4)?, raw_held(row)?)))
        .optional()?;
    let Some((owner, memory)) = found else {
        return Ok(None);
    };
    let mut statement = transaction.prepare_cached(
        "SELECT id, happened_at, pin, unpinned_by_hand FROM memory WHERE owner = ?1 AND pin > 0",
    )?;
    let mut rows = statement.query([owner])?;
    let mut pinned = Vec::new();
    while let Some(row) = rows.next()? {
        pinned.push(held(raw_held(row)?)?);
    }
    Ok(Some((held(memory)?, pinned)))
}

type RawHeld = (i64, i64, i64, bool);

fn raw_held(row: &Row<'_>) -> rusqlite::Result<RawHeld> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn held((id, happened_at, pin, unpinned_by_hand): RawHeld) -> Result<Held, Failed> {
    Ok(Held {
        memory: MemoryId(id),
        happened_at: moment(happened_at)?,
        pin: pin_of(pin)?,
        unpinned_by_hand,
    })
}

/// A pin as it is kept.
pub(super) fn pin_number(pin: Pin) -> i64 {
    match pin {
        Pin::None => 0,
        Pin::Automatic => 1,
        Pin::Manual => 2,
    }
}

/// The pin that is kept so.
pub(super) fn pin_of(number: i64) -> Result<Pin, Failed> {
    match number {
        0 => Ok(Pin::None),
        1 => Ok(Pin::Automatic),
        2 => Ok(Pin::Manual),
        other => Err(corrupt(format!("the pin {other}")).into()),
    }
}
