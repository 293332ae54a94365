//! What is due, and whose it is.
//!
//! Jobs of one kind and priority lie in the index `job_due` by the time they are due. A look goes from
//! one priority to the next lower one, so that neither done jobs nor those that wait for later are
//! read, however many there are.

use std::cmp::Reverse;

use chrono::{DateTime, Utc};
use decnet_background::job::{ClaimedJob, JobId};
use decnet_background::ledger::{LEASE_RAN_OUT, Wanted};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::payload_of;
use crate::error::Failed;
use crate::people::moment;
use crate::values::at_most;

/// A job that is due: what it is sorted by.
type Due = (Reverse<i64>, i64, i64);

/// The jobs that are due at `now` (microseconds) and wanted, in the order in which they are claimed.
pub(super) fn due(
    connection: &Connection,
    wanted: &[Wanted<'_>],
    now: i64,
) -> rusqlite::Result<Vec<Due>> {
    let mut statement = connection.prepare_cached(
        "SELECT due_at, id FROM job WHERE kind = ?1 AND priority = ?2 AND due_at <= ?3
         ORDER BY due_at, id LIMIT ?4",
    )?;
    let mut found: Vec<Due> = Vec::new();
    for want in wanted {
        let mut left = want.most;
        let mut below = None;
        while left > 0
            && let Some(priority) = priority_below(connection, want.kind, below)?
        {
            let rows = statement
                .query_map(params![want.kind, priority, now, at_most(left)], |row| {
                    Ok((Reverse(priority), row.get(0)?, row.get(1)?))
                })?;
            for row in rows {
                found.push(row?);
                left = left.saturating_sub(1);
            }
            below = Some(priority);
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The highest priority of jobs of this kind that wait or are in work, below `below` if there is one.
fn priority_below(
    connection: &Connection,
    kind: &str,
    below: Option<i64>,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT priority FROM job
             WHERE kind = ?1 AND priority < ?2 AND due_at IS NOT NULL
             ORDER BY priority DESC LIMIT 1",
        )?
        // Above what a job can have.
        .query_row(params![kind, below.unwrap_or(i64::MAX)], |row| row.get(0))
        .optional()
}

pub(super) fn claim(
    transaction: &Transaction<'_>,
    wanted: &[Wanted<'_>],
    now: i64,
    lease_until: i64,
) -> Result<Vec<ClaimedJob>, Failed> {
    // Read and written apart: what an update returns goes through a table of its own first.
    let mut read = transaction.prepare_cached(
        "SELECT id, kind, cause, payload, token + 1, failures + (state = 'running'), enqueued_at
         FROM job WHERE id = ?1",
    )?;
    let mut lease = transaction.prepare_cached(
        "UPDATE job SET token = token + 1, due_at = ?2,
                failures = failures + (state = 'running'),
                error = CASE state WHEN 'running' THEN ?3 ELSE error END,
                state = 'running'
         WHERE id = ?1",
    )?;
    due(transaction, wanted, now)?
        .into_iter()
        .map(|(_, _, id)| {
            let claim = read.query_row([id], RawClaim::read)?;
            lease.execute(params![id, lease_until, LEASE_RAN_OUT])?;
            claim.claimed()
        })
        .collect()
}

pub(super) fn next_due(
    connection: &Connection,
    kinds: &[&str],
) -> Result<Option<DateTime<Utc>>, Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT due_at FROM job WHERE kind = ?1 AND priority = ?2 AND due_at IS NOT NULL
         ORDER BY due_at LIMIT 1",
    )?;
    let mut next: Option<i64> = None;
    for kind in kinds {
        let mut below = None;
        while let Some(priority) = priority_below(connection, kind, below)? {
            let due: Option<i64> = statement
                .query_row(params![kind, priority], |row| row.get(0))
                .optional()?;
            next = [next, due].into_iter().flatten().min();
            below = Some(priority);
        }
    }
    Ok(next.map(moment).transpose()?)
}

struct RawClaim {
    id: i64,
    kind: String,
    cause: String,
    payload: Option<String>,
    token: u32,
    failures: u32,
    enqueued_at: i64,
}

impl RawClaim {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            kind: row.get(1)?,
            cause: row.get(2)?,
            payload: row.get(3)?,
            token: row.get(4)?,
            failures: row.get(5)?,
            enqueued_at: row.get(6)?,
        })
    }

    fn claimed(self) -> Result<ClaimedJob, Failed> {
        let payload = payload_of(self.id, self.payload.as_deref())?;
        Ok(ClaimedJob {
            id: JobId(self.id),
            kind: self.kind,
            cause: self.cause,
            payload,
            token: self.token,
            failures: self.failures,
            enqueued_at: moment(self.enqueued_at)?,
        })
    }
}
