//! Jobs that are done in the background.

mod claim;
mod listing;

use chrono::{DateTime, Utc};
use decnet_background::job::{ClaimedJob, Enqueued, JobId, JobRecord, JobState, NewJob};
use decnet_background::ledger::{
    Ending, JobFilter, JobLedger, JobLedgerError, Recorded, Settled, Wanted,
};
use decnet_emailgen::ledger::LedgerError;
use rusqlite::{OptionalExtension, Transaction, params};
use serde_json::Value;

use crate::error::{Failed, corrupt};
use crate::open::Store;
use crate::values::{at_most, ceil_micros};

/// What is left to do of one kind of jobs, for people to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backlog {
    /// The kind.
    pub kind: String,
    /// How many wait or are in work.
    pub open: u64,
    /// How many failed for good.
    pub dead: u64,
    /// Since when the one that has been due for longest is due; in the future if none is yet. A job
    /// that is due at once is so from when it was enqueued. `None`: none is open.
    pub due_since: Option<DateTime<Utc>>,
}

impl Store {
    /// What is left to do, by kind, in the order of their names. Jobs that are over, which are nearly
    /// all there are, are not looked at.
    ///
    /// # Errors
    ///
    /// [`JobLedgerError`] when the storage fails.
    pub fn backlog(&mut self) -> Result<Vec<Backlog>, JobLedgerError> {
        Ok(listing::backlog(&self.connection)?)
    }
}

impl JobLedger for Store {
    fn enqueue(
        &mut self,
        jobs: &[NewJob],
        now: DateTime<Utc>,
    ) -> Result<Vec<Enqueued>, JobLedgerError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        self.change(|transaction| {
            let enqueued = jobs.iter().map(|job| {
                let due_at = job.run_at.map_or(now.timestamp_micros(), ceil_micros);
                enqueue(transaction, job, now.timestamp_micros(), due_at)
            });
            enqueued.collect()
        })
    }

    fn claim(
        &mut self,
        wanted: &[Wanted<'_>],
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<ClaimedJob>, JobLedgerError> {
        let now = now.timestamp_micros();
        // A look does not wait for writers; what it finds may be gone when it is claimed.
        if claim::due(&self.connection, wanted, now)
            .map_err(Failed::from)?
            .is_empty()
        {
            return Ok(Vec::new());
        }
        self.change(|transaction| {
            claim::claim(transaction, wanted, now, lease_until.timestamp_micros())
        })
    }

    fn heartbeat(
        &mut self,
        jobs: &[(JobId, u32)],
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<Recorded>, JobLedgerError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        self.change(|transaction| {
            let mut statement = transaction.prepare_cached(
                "UPDATE job SET due_at = ?3 WHERE id = ?1 AND token = ?2 AND state = 'running'",
            )?;
            let lease_until = lease_until.timestamp_micros();
            jobs.iter()
                .map(|(id, token)| {
                    let changed = statement.execute(params![id.0, token, lease_until])?;
                    Ok(recorded(changed))
                })
                .collect()
        })
    }

    fn settle(
        &mut self,
        jobs: &[(Settled, Vec<NewJob>)],
        now: DateTime<Utc>,
    ) -> Result<Vec<Recorded>, JobLedgerError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let now = now.timestamp_micros();
        self.change(|transaction| {
            jobs.iter()
                .map(|(settled, caused)| {
                    let recorded = settle(transaction, settled, now)?;
                    if recorded == Recorded::Yes {
                        for job in caused {
                            let due_at = job.run_at.map_or(now, ceil_micros);
                            // One that is known already is as good as a new one.
                            let _ = enqueue(transaction, job, now, due_at)?;
                        }
                    }
                    Ok(recorded)
                })
                .collect()
        })
    }

    fn next_due(&mut self, kinds: &[&str]) -> Result<Option<DateTime<Utc>>, JobLedgerError> {
        Ok(claim::next_due(&self.connection, kinds)?)
    }

    fn retry(&mut self, id: JobId, now: DateTime<Utc>) -> Result<bool, JobLedgerError> {
        self.change(|transaction| {
            let changed = transaction.execute(
                "UPDATE job SET state = 'waiting', failures = 0, due_at = ?2, settled_at = NULL
                 WHERE id = ?1 AND state IN ('dead', 'discarded')",
                params![id.0, now.timestamp_micros()],
            )?;
            Ok(changed > 0)
        })
    }

    fn discard(
        &mut self,
        id: JobId,
        why: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, JobLedgerError> {
        self.change(|transaction| {
            let changed = transaction.execute(
                "UPDATE job SET state = 'discarded', due_at = NULL, settled_at = ?2, error = ?3
                 WHERE id = ?1 AND state IN ('dead', 'waiting')",
                params![id.0, now.timestamp_micros(), why],
            )?;
            Ok(changed > 0)
        })
    }

    fn forget(&mut self, before: DateTime<Utc>, limit: usize) -> Result<u64, JobLedgerError> {
        self.change(|transaction| {
            let forgotten = transaction.execute(
                "DELETE FROM job WHERE id IN (
                     SELECT id FROM job INDEXED BY job_over
                     WHERE state IN ('done', 'discarded') AND settled_at < ?1
                     ORDER BY settled_at, id LIMIT ?2)",
                params![ceil_micros(before), at_most(limit)],
            )?;
            Ok(forgotten as u64)
        })
    }

    fn jobs(&mut self, filter: &JobFilter) -> Result<Vec<JobRecord>, JobLedgerError> {
        Ok(listing::list(&self.connection, filter)?)
    }

    fn job(&mut self, id: JobId) -> Result<Option<JobRecord>, JobLedgerError> {
        Ok(listing::one(&self.connection, id)?)
    }

    fn counts(&mut self) -> Result<Vec<(String, JobState, u64)>, JobLedgerError> {
        Ok(listing::counts(&self.connection)?)
    }
}

/// Enqueues a job, unless there is one of its kind and cause. Times are microseconds; a `due_at` of 0
/// is at once.
pub(crate) fn enqueue(
    transaction: &Transaction<'_>,
    job: &NewJob,
    enqueued_at: i64,
    due_at: i64,
) -> Result<Enqueued, Failed> {
    // Asked first: an insert that meets its like uses up an id all the same.
    let known: Option<i64> = transaction
        .prepare_cached("SELECT id FROM job WHERE kind = ?1 AND cause = ?2")?
        .query_row(params![job.kind, job.cause], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(Enqueued::Known(JobId(known)));
    }
    transaction
        .prepare_cached(
            "INSERT INTO job (kind, cause, payload, priority, enqueued_at, due_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            job.kind,
            job.cause,
            job.payload.to_string(),
            job.priority,
            enqueued_at,
            due_at,
        ])?;
    Ok(Enqueued::New(JobId(transaction.last_insert_rowid())))
}

fn settle(transaction: &Transaction<'_>, settled: &Settled, now: i64) -> Result<Recorded, Failed> {
    let (id, token) = (settled.id.0, settled.token);
    // The same row for each: only what is set differs.
    let changed = match &settled.ending {
        Ending::Done => transaction
            .prepare_cached(
                "UPDATE job SET state = 'done', payload = NULL, due_at = NULL, settled_at = ?3,
                        error = NULL
                 WHERE id = ?1 AND token = ?2 AND state = 'running'",
            )?
            .execute(params![id, token, now])?,
        Ending::Retry { at, error } => transaction
            .prepare_cached(
                "UPDATE job SET state = 'waiting', due_at = ?3, failures = failures + 1, error = ?4
                 WHERE id = ?1 AND token = ?2 AND state = 'running'",
            )?
            .execute(params![id, token, ceil_micros(*at), error])?,
        Ending::Dead { error } => transaction
            .prepare_cached(
                "UPDATE job SET state = 'dead', due_at = NULL, settled_at = ?3,
                        failures = failures + 1, error = ?4
                 WHERE id = ?1 AND token = ?2 AND state = 'running'",
            )?
            .execute(params![id, token, now, error])?,
        Ending::Discarded { error } => transaction
            .prepare_cached(
                "UPDATE job SET state = 'discarded', due_at = NULL, settled_at = ?3, error = ?4
                 WHERE id = ?1 AND token = ?2 AND state = 'running'",
            )?
            .execute(params![id, token, now, error])?,
        Ending::Released => transaction
            .prepare_cached(
                "UPDATE job SET state = 'waiting', due_at = ?3
                 WHERE id = ?1 AND token = ?2 AND state = 'running'",
            )?
            .execute(params![id, token, now])?,
    };
    Ok(recorded(changed))
}

fn recorded(changed: usize) -> Recorded {
    match changed {
        0 => Recorded::Overtaken,
        _ => Recorded::Yes,
    }
}

/// What was kept of the payload of a job.
fn payload_of(id: i64, kept: Option<&str>) -> Result<Value, LedgerError> {
    let payload = serde_json::from_str(kept.unwrap_or("null"));
    payload.map_err(|error| corrupt(format!("the payload of job {id}: {error}")))
}
