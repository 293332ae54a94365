//! Turning jobs off.

use chrono::{DateTime, Utc};

use crate::job::{ClaimedJob, Enqueued, JobId, JobRecord, JobState, NewJob};
use crate::ledger::{JobFilter, JobLedger, JobLedgerError, Recorded, Settled, Wanted};

/// A ledger that takes no new jobs: what is enqueued is forgotten, what a job caused too. Those that
/// there are already go on as ever.
///
/// It is for tests and for deployments without background work. What a ledger of another domain
/// enqueues in its own transactions does not come by here; whoever makes such follow-ups leaves them
/// out.
#[derive(Clone, Debug)]
pub struct DisabledJobs<L>(pub L);

impl<L: JobLedger> JobLedger for DisabledJobs<L> {
    fn enqueue(
        &mut self,
        jobs: &[NewJob],
        _now: DateTime<Utc>,
    ) -> Result<Vec<Enqueued>, JobLedgerError> {
        Ok(vec![Enqueued::Disabled; jobs.len()])
    }

    fn claim(
        &mut self,
        wanted: &[Wanted<'_>],
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<ClaimedJob>, JobLedgerError> {
        self.0.claim(wanted, now, lease_until)
    }

    fn heartbeat(
        &mut self,
        jobs: &[(JobId, u32)],
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<Recorded>, JobLedgerError> {
        self.0.heartbeat(jobs, lease_until)
    }

    fn settle(
        &mut self,
        jobs: &[(Settled, Vec<NewJob>)],
        now: DateTime<Utc>,
    ) -> Result<Vec<Recorded>, JobLedgerError> {
        let alone = jobs
            .iter()
            .map(|(settled, _)| (settled.clone(), Vec::new()));
        self.0.settle(&alone.collect::<Vec<_>>(), now)
    }

    fn next_due(&mut self, kinds: &[&str]) -> Result<Option<DateTime<Utc>>, JobLedgerError> {
        self.0.next_due(kinds)
    }

    fn retry(&mut self, id: JobId, now: DateTime<Utc>) -> Result<bool, JobLedgerError> {
        self.0.retry(id, now)
    }

    fn discard(
        &mut self,
        id: JobId,
        why: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, JobLedgerError> {
        self.0.discard(id, why, now)
    }

    fn forget(&mut self, before: DateTime<Utc>, limit: usize) -> Result<u64, JobLedgerError> {
        self.0.forget(before, limit)
    }

    fn jobs(&mut self, filter: &JobFilter) -> Result<Vec<JobRecord>, JobLedgerError> {
        self.0.jobs(filter)
    }

    fn job(&mut self, id: JobId) -> Result<Option<JobRecord>, JobLedgerError> {
        self.0.job(id)
    }

    fn counts(&mut self) -> Result<Vec<(String, JobState, u64)>, JobLedgerError> {
        self.0.counts()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Ending;
    use crate::memory_ledger::MemoryJobLedger;
    use serde_json::json;

    #[test]
    fn nothing_new_gets_in() {
        let now = DateTime::UNIX_EPOCH;
        let job = |cause: &str| NewJob::new("kind", cause, json!(1));
        let mut open = MemoryJobLedger::new();
        assert_eq!(
            open.enqueue(&[job("a")], now).unwrap(),
            [Enqueued::New(JobId(1))]
        );
        let mut disabled = DisabledJobs(open.clone());
        let enqueued = disabled.enqueue(&[job("a"), job("b")], now).unwrap();
        assert_eq!(enqueued, [Enqueued::Disabled; 2]);
        let wanted = Wanted {
            kind: "kind",
            most: 5,
        };
        let claimed = disabled.claim(&[wanted], now, now).unwrap();
        assert_eq!(claimed.len(), 1);
        let settled = Settled {
            id: claimed[0].id,
            token: claimed[0].token,
            ending: Ending::Done,
        };
        let recorded = disabled.settle(&[(settled, vec![job("c")])], now).unwrap();
        assert_eq!(recorded, [Recorded::Yes]);
        assert_eq!(open.jobs(&JobFilter::default()).unwrap().len(), 1);
    }
}
