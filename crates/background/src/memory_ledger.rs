//! A [`JobLedger`] in memory: the reference for others, and for whoever keeps nothing.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::job::{ClaimedJob, Enqueued, JobId, JobRecord, JobState, NewJob};
use crate::ledger::{
    Ending, JobFilter, JobLedger, JobLedgerError, LEASE_RAN_OUT, Recorded, Settled, Wanted,
};

/// Jobs in memory. Clones share them, as connections to one database do.
#[derive(Clone, Debug, Default)]
pub struct MemoryJobLedger {
    shared: Arc<Mutex<Jobs>>,
}

#[derive(Debug, Default)]
struct Jobs {
    last: i64,
    by_id: BTreeMap<JobId, JobRecord>,
    by_cause: HashMap<(String, String), JobId>,
}

impl MemoryJobLedger {
    /// No jobs.
    pub fn new() -> Self {
        Self::default()
    }

    fn all(&self) -> MutexGuard<'_, Jobs> {
        // Nothing below panics halfway through a change.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Jobs {
    fn enqueue(&mut self, job: &NewJob, now: DateTime<Utc>) -> Enqueued {
        let cause = (job.kind.clone(), job.cause.clone());
        if let Some(known) = self.by_cause.get(&cause) {
            return Enqueued::Known(*known);
        }
        // Ids are never used twice: a holder of a forgotten job could take another for its own.
        self.last = self.last.saturating_add(1);
        let id = JobId(self.last);
        self.by_cause.insert(cause, id);
        let record = JobRecord {
            id,
            kind: job.kind.clone(),
            cause: job.cause.clone(),
            state: JobState::Waiting,
            priority: job.priority,
            token: 0,
            failures: 0,
            enqueued_at: now,
            due_at: Some(job.run_at.unwrap_or(now)),
            settled_at: None,
            error: None,
            payload: job.payload.clone(),
        };
        self.by_id.insert(id, record);
        Enqueued::New(id)
    }

    /// The job, if it is still in work under this token.
    fn held(&mut self, id: JobId, token: u32) -> Option<&mut JobRecord> {
        let is_held = |job: &&mut JobRecord| job.state == JobState::Running && job.token == token;
        self.by_id.get_mut(&id).filter(is_held)
    }

    fn settle(&mut self, settled: &Settled, caused: &[NewJob], now: DateTime<Utc>) -> Recorded {
        let Some(job) = self.held(settled.id, settled.token) else {
            return Recorded::Overtaken;
        };
        match &settled.ending {
            Ending::Done => {
                job.end(JobState::Done, now);
                job.error = None;
                job.payload = Value::Null;
            }
            Ending::Retry { at, error } => {
                job.wait(*at);
                job.fail(error);
            }
            Ending::Dead { error } => {
                job.end(JobState::Dead, now);
                job.fail(error);
            }
            Ending::Discarded { error } => {
                job.end(JobState::Discarded, now);
                job.error = Some(error.clone());
            }
            Ending::Released => job.wait(now),
        }
        for job in caused {
            // One that is known already is as good as a new one.
            let _ = self.enqueue(job, now);
        }
        Recorded::Yes
    }
}

impl JobRecord {
    fn wait(&mut self, until: DateTime<Utc>) {
        self.state = JobState::Waiting;
        self.due_at = Some(until);
        self.settled_at = None;
    }

    fn end(&mut self, state: JobState, now: DateTime<Utc>) {
        self.state = state;
        self.due_at = None;
        self.settled_at = Some(now);
    }

    fn fail(&mut self, error: &str) {
        self.failures = self.failures.saturating_add(1);
        self.error = Some(error.to_owned());
    }
}

impl JobLedger for MemoryJobLedger {
    fn enqueue(
        &mut self,
        jobs: &[NewJob],
        now: DateTime<Utc>,
    ) -> Result<Vec<Enqueued>, JobLedgerError> {
        let mut held = self.all();
        Ok(jobs.iter().map(|job| held.enqueue(job, now)).collect())
    }

    fn claim(
        &mut self,
        wanted: &[Wanted<'_>],
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<ClaimedJob>, JobLedgerError> {
        let mut room: HashMap<&str, usize> =
            wanted.iter().map(|want| (want.kind, want.most)).collect();
        let mut jobs = self.all();
        let mut due: Vec<&mut JobRecord> = jobs
            .by_id
            .values_mut()
            .filter(|job| room.contains_key(job.kind.as_str()))
            .filter(|job| job.due_at.is_some_and(|due| due <= now))
            .collect();
        due.sort_by_key(|job| (std::cmp::Reverse(job.priority), job.due_at, job.id));
        due.retain(|job| match room.get_mut(job.kind.as_str()) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        });
        let claimed = due.into_iter().map(|job| {
            if job.state == JobState::Running {
                job.fail(LEASE_RAN_OUT);
            }
            job.state = JobState::Running;
            job.token = job.token.saturating_add(1);
            job.due_at = Some(lease_until);
            ClaimedJob {
                id: job.id,
                kind: job.kind.clone(),
                cause: job.cause.clone(),
                payload: job.payload.clone(),
                token: job.token,
                failures: job.failures,
                enqueued_at: job.enqueued_at,
            }
        });
        Ok(claimed.collect())
    }

    fn heartbeat(
        &mut self,
        jobs: &[(JobId, u32)],
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<Recorded>, JobLedgerError> {
        let mut held = self.all();
        let beat = |(id, token): &(JobId, u32)| match held.held(*id, *token) {
            Some(job) => {
                job.due_at = Some(lease_until);
                Recorded::Yes
            }
            None => Recorded::Overtaken,
        };
        Ok(jobs.iter().map(beat).collect())
    }

    fn settle(
        &mut self,
        jobs: &[(Settled, Vec<NewJob>)],
        now: DateTime<Utc>,
    ) -> Result<Vec<Recorded>, JobLedgerError> {
        let mut held = self.all();
        let settle = |(settled, caused): &(Settled, Vec<NewJob>)| held.settle(settled, caused, now);
        Ok(jobs.iter().map(settle).collect())
    }

    fn next_due(&mut self, kinds: &[&str]) -> Result<Option<DateTime<Utc>>, JobLedgerError> {
        let jobs = self.all();
        let of_kinds = jobs
            .by_id
            .values()
            .filter(|job| kinds.contains(&job.kind.as_str()));
        Ok(of_kinds.filter_map(|job| job.due_at).min())
    }

    fn retry(&mut self, id: JobId, now: DateTime<Utc>) -> Result<bool, JobLedgerError> {
        let mut jobs = self.all();
        let Some(job) = jobs.by_id.get_mut(&id) else {
            return Ok(false);
        };
        if !matches!(job.state, JobState::Dead | JobState::Discarded) {
            return Ok(false);
        }
        job.wait(now);
        job.failures = 0;
        Ok(true)
    }

    fn discard(
        &mut self,
        id: JobId,
        why: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, JobLedgerError> {
        let mut jobs = self.all();
        let Some(job) = jobs.by_id.get_mut(&id) else {
            return Ok(false);
        };
        if !matches!(job.state, JobState::Dead | JobState::Waiting) {
            return Ok(false);
        }
        job.end(JobState::Discarded, now);
        job.error = Some(why.to_owned());
        Ok(true)
    }

    fn forget(&mut self, before: DateTime<Utc>, limit: usize) -> Result<u64, JobLedgerError> {
        let mut jobs = self.all();
        let mut old: Vec<(DateTime<Utc>, JobId)> = jobs
            .by_id
            .values()
            .filter(|job| matches!(job.state, JobState::Done | JobState::Discarded))
            .filter_map(|job| Some((job.settled_at?, job.id)))
            .filter(|(settled_at, _)| *settled_at < before)
            .collect();
        old.sort_unstable();
        old.truncate(limit);
        for (_, id) in &old {
            if let Some(job) = jobs.by_id.remove(id) {
                jobs.by_cause.remove(&(job.kind, job.cause));
            }
        }
        Ok(old.len() as u64)
    }

    fn jobs(&mut self, filter: &JobFilter) -> Result<Vec<JobRecord>, JobLedgerError> {
        let most = match filter.limit {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let is_wanted = |job: &&JobRecord| {
            let of_kind = |kind: &String| *kind == job.kind;
            filter.kind.as_ref().is_none_or(of_kind)
                && filter.state.is_none_or(|state| state == job.state)
        };
        let jobs = self.all();
        let listed = jobs.by_id.values().rev().filter(is_wanted).take(most);
        Ok(listed.cloned().collect())
    }

    fn job(&mut self, id: JobId) -> Result<Option<JobRecord>, JobLedgerError> {
        Ok(self.all().by_id.get(&id).cloned())
    }

    fn counts(&mut self) -> Result<Vec<(String, JobState, u64)>, JobLedgerError> {
        let mut counts: BTreeMap<(String, usize), (JobState, u64)> = BTreeMap::new();
        for job in self.all().by_id.values() {
            let place = JobState::ALL.iter().position(|state| *state == job.state);
            let key = (job.kind.clone(), place.unwrap_or_default());
            counts.entry(key).or_insert((job.state, 0)).1 += 1;
        }
        let counts = counts.into_iter();
        Ok(counts
            .map(|((kind, _), (state, count))| (kind, state, count))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_conforms() {
        crate::conformance::check(super::MemoryJobLedger::new);
    }
}
