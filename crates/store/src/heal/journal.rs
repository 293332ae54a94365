//! The log.

use chrono::{DateTime, Utc};
use decnet_self_heal::log::{Entry, Event};
use rusqlite::{Connection, Transaction, params};

use crate::error::{Failed, corrupt};
use crate::people::moment;
use crate::values::{at_most, json};

/// Appends an entry; gives its number.
pub(super) fn append(
    transaction: &Transaction<'_>,
    at: DateTime<Utc>,
    event: &Event,
) -> Result<i64, Failed> {
    // Numbers leave no gap: nothing is deleted, and what is rolled back took none.
    transaction
        .prepare_cached("INSERT INTO heal_log (at, event) VALUES (?1, ?2)")?
        .execute(params![at.timestamp_micros(), json(event)?])?;
    Ok(transaction.last_insert_rowid())
}

pub(super) fn read(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> Result<Vec<Entry>, Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT number, at, event FROM heal_log WHERE number > ?1 ORDER BY number LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, at_most(limit)])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let number = row.get(0)?;
        let event = serde_json::from_str(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?);
        entries.push(Entry {
            number,
            at: moment(row.get(1)?)?,
            event: event.map_err(|error| corrupt(format!("entry {number}: {error}")))?,
        });
    }
    Ok(entries)
}
