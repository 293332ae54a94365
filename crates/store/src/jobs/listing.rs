//! Jobs for people to read.

use std::collections::BTreeMap;

use decnet_background::job::{JobId, JobRecord, JobState};
use decnet_background::ledger::JobFilter;
use decnet_emailgen::ledger::LedgerError;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Backlog, payload_of};
use crate::error::{Failed, corrupt};
use crate::people::moment;

/// The columns that a job is read from, in the order of [`RawJob::read`].
macro_rules! job_columns {
    () => {
        "id, kind, cause, payload, priority, state, token, failures, enqueued_at, due_at, \
         settled_at, error"
    };
}

pub(super) fn list(connection: &Connection, filter: &JobFilter) -> Result<Vec<JobRecord>, Failed> {
    // One statement for each shape of filter, so that each uses its index. What is done is nearly
    // everything, so the first rows from the end are it.
    let sql = match filter.state {
        None | Some(JobState::Done | JobState::Discarded) => concat!(
            "SELECT ",
            job_columns!(),
            " FROM job WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR state = ?2)
              ORDER BY id DESC LIMIT ?3"
        ),
        Some(JobState::Dead) => concat!(
            "SELECT ",
            job_columns!(),
            " FROM job WHERE state = 'dead' AND (?1 IS NULL OR kind = ?1) AND ?2 IS NOT NULL
              ORDER BY id DESC LIMIT ?3"
        ),
        Some(JobState::Waiting | JobState::Running) => concat!(
            "SELECT ",
            job_columns!(),
            " FROM job INDEXED BY job_due
              WHERE due_at IS NOT NULL AND (?1 IS NULL OR kind = ?1) AND state = ?2
              ORDER BY id DESC LIMIT ?3"
        ),
    };
    let limit = match filter.limit {
        0 => -1,
        limit => i64::try_from(limit).unwrap_or(-1),
    };
    let state = filter.state.map(JobState::name);
    let mut statement = connection.prepare_cached(sql)?;
    let raw = statement
        .query_map(params![filter.kind, state, limit], RawJob::read)?
        .collect::<Result<Vec<_>, _>>()?;
    let records = raw.into_iter().map(RawJob::record);
    Ok(records.collect::<Result<_, _>>()?)
}

pub(super) fn one(connection: &Connection, id: JobId) -> Result<Option<JobRecord>, Failed> {
    let raw = connection
        .prepare_cached(concat!(
            "SELECT ",
            job_columns!(),
            " FROM job WHERE id = ?1"
        ))?
        .query_row(params![id.0], RawJob::read)
        .optional()?;
    Ok(raw.map(RawJob::record).transpose()?)
}

pub(super) fn backlog(connection: &Connection) -> Result<Vec<Backlog>, Failed> {
    let mut kinds: BTreeMap<String, Backlog> = BTreeMap::new();
    let mut open = connection.prepare_cached(
        "SELECT kind, count(*), min(max(due_at, enqueued_at)) FROM job INDEXED BY job_due
         WHERE due_at IS NOT NULL GROUP BY kind",
    )?;
    let mut rows = open.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, open, due): (String, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let backlog = Backlog {
            kind: kind.clone(),
            open: open.cast_unsigned(),
            dead: 0,
            due_since: Some(moment(due)?),
        };
        kinds.insert(kind, backlog);
    }
    let mut dead = connection.prepare_cached(
        "SELECT kind, count(*) FROM job INDEXED BY job_dead WHERE state = 'dead' GROUP BY kind",
    )?;
    let mut rows = dead.query([])?;
    while let Some(row) = rows.next()? {
        let (kind, dead): (String, i64) = (row.get(0)?, row.get(1)?);
        let backlog = kinds.entry(kind.clone()).or_insert(Backlog {
            kind,
            open: 0,
            dead: 0,
            due_since: None,
        });
        backlog.dead = dead.cast_unsigned();
    }
    Ok(kinds.into_values().collect())
}

pub(super) fn counts(connection: &Connection) -> Result<Vec<(String, JobState, u64)>, Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, state, count(*) FROM job GROUP BY kind, state ORDER BY kind",
    )?;
    let rows = statement
        .query_map([], |row| {
            let counted: (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(counted)
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let mut counts = Vec::with_capacity(rows.len());
    for (kind, state, count) in rows {
        counts.push((kind, state_of(&state)?, count.cast_unsigned()));
    }
    // By kind, then in the order of a job's life, as every ledger lists them.
    let place = |state: JobState| JobState::ALL.iter().position(|of| *of == state);
    counts.sort_by(|one, other| (&one.0, place(one.1)).cmp(&(&other.0, place(other.1))));
    Ok(counts)
}

struct RawJob {
    id: i64,
    kind: String,
    cause: String,
    payload: Option<String>,
    priority: i32,
    state: String,
    token: u32,
    failures: u32,
    enqueued_at: i64,
    due_at: Option<i64>,
    settled_at: Option<i64>,
    error: Option<String>,
}

impl RawJob {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            kind: row.get(1)?,
            cause: row.get(2)?,
            payload: row.get(3)?,
            priority: row.get(4)?,
            state: row.get(5)?,
            token: row.get(6)?,
            failures: row.get(7)?,
            enqueued_at: row.get(8)?,
            due_at: row.get(9)?,
            settled_at: row.get(10)?,
            error: row.get(11)?,
        })
    }

    fn record(self) -> Result<JobRecord, LedgerError> {
        let payload = payload_of(self.id, self.payload.as_deref())?;
        Ok(JobRecord {
            id: JobId(self.id),
            kind: self.kind,
            cause: self.cause,
            state: state_of(&self.state)?,
            priority: self.priority,
            token: self.token,
            failures: self.failures,
            enqueued_at: moment(self.enqueued_at)?,
            due_at: self
                .due_at
                .filter(|due| *due != 0)
                .map(moment)
                .transpose()?,
            settled_at: self.settled_at.map(moment).transpose()?,
            error: self.error,
            payload,
        })
    }
}

fn state_of(name: &str) -> Result<JobState, LedgerError> {
    JobState::parse(name).ok_or_else(|| corrupt(format!("a job is {name:?}")))
}
