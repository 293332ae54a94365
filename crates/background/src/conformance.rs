//! What every ledger of jobs has to do, as checks that a ledger's own tests can run.
//!
//! Each check starts with an empty ledger, drives it through the trait alone, and looks at what it
//! shows.
//!
//! ```
//! use decnet_background::conformance;
//! use decnet_background::memory_ledger::MemoryJobLedger;
//!
//! conformance::check(MemoryJobLedger::new);
//! ```

mod endings;
mod waiting;

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::caught::said;
use crate::job::{ClaimedJob, Enqueued, JobId, JobRecord, NewJob};
use crate::ledger::{Ending, JobFilter, JobLedger, Recorded, Settled, Wanted};

use self::endings::*;
use self::waiting::*;

/// One check: a name that says what has to hold, and what finds out.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Name, unique in the list.
    pub name: &'static str,
    /// Runs it on an empty ledger; panics, with what was found, if it does not hold.
    pub run: fn(&mut dyn JobLedger),
}

macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        /// Every check.
        pub const CHECKS: &[Check] = &[$(Check {
            name: stringify!($name),
            run: |ledger| $name(&mut Desk(ledger)),
        }),*];
    };
}
checks!(
    a_job_is_kept_as_it_is,
    a_cause_is_enqueued_once_within_its_kind,
    what_is_important_comes_first_then_what_waits_longest,
    a_job_waits_for_its_time,
    a_claim_takes_its_kinds_and_no_more_than_there_is_room_for,
    a_lease_keeps_others_away_and_its_end_is_a_failure,
    a_heartbeat_keeps_a_lease,
    the_next_one_due_is_told,
    lists_are_filtered_and_the_last_comes_first,
    what_is_done_keeps_its_cause_alone,
    what_failed_waits_for_its_time,
    what_is_dead_is_tried_again_only_if_somebody_says_so,
    what_its_handler_gives_up_is_kept,
    what_is_released_is_held_against_nobody,
    who_was_overtaken_changes_nothing,
    what_a_job_caused_comes_with_its_end,
    many_are_settled_at_once,
    an_operator_gives_up_what_waits_or_is_dead,
    old_jobs_are_forgotten_and_their_causes_are_free,
    counts_are_by_kind_and_state,
);

/// Runs every check, each on a ledger of its own that `make` gives.
///
/// # Panics
///
/// If any does not hold, listing all that do not.
pub fn check<L: JobLedger>(mut make: impl FnMut() -> L) {
    let mut failures = Vec::new();
    for check in CHECKS {
        let mut ledger = make();
        // What a failed check leaves behind is dropped with its ledger.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (check.run)(&mut ledger))) {
            failures.push(format!("{}: {}", check.name, said(&*panic)));
        }
    }
    assert!(
        failures.is_empty(),
        "the ledger does not conform:\n{}",
        failures.join("\n")
    );
}

/// The kind of most jobs here, and another one.
const MAIL: &str = "mail";
const SCAN: &str = "scan";

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000_000 + seconds)
}

fn job(cause: &str) -> NewJob {
    NewJob::new(MAIL, cause, json!({ "of": cause }))
}

fn scan(cause: &str) -> NewJob {
    NewJob::new(SCAN, cause, Value::Null)
}

fn error(text: &str) -> String {
    text.to_owned()
}

/// A ledger whose storage does not fail.
struct Desk<'l>(&'l mut dyn JobLedger);

impl Desk<'_> {
    #[track_caller]
    fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
        match result {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    fn enqueue_all(&mut self, jobs: &[NewJob], now: i64) -> Vec<Enqueued> {
        Self::ok(self.0.enqueue(jobs, at(now)))
    }

    /// Enqueues one that is new.
    #[track_caller]
    fn enqueue(&mut self, job: NewJob, now: i64) -> JobId {
        match self.enqueue_all(&[job], now)[..] {
            [Enqueued::New(id)] => id,
            ref other => panic!("it is new, but: {other:?}"),
        }
    }

    /// Claims for a minute.
    #[track_caller]
    fn claim_of(&mut self, wanted: &[(&str, usize)], now: i64) -> Vec<ClaimedJob> {
        let wanted: Vec<Wanted<'_>> = wanted
            .iter()
            .map(|&(kind, most)| Wanted { kind, most })
            .collect();
        Self::ok(self.0.claim(&wanted, at(now), at(now + 60)))
    }

    /// Claims everything of both kinds; causes and tokens.
    #[track_caller]
    fn claim(&mut self, now: i64) -> Vec<(String, u32)> {
        let claimed = self.claim_of(&[(MAIL, 100), (SCAN, 100)], now);
        let claimed = claimed.into_iter();
        claimed.map(|job| (job.cause, job.token)).collect()
    }

    /// Claims everything; there has to be one alone.
    #[track_caller]
    fn claim_one(&mut self, now: i64) -> ClaimedJob {
        let mut claimed = self.claim_of(&[(MAIL, 100), (SCAN, 100)], now);
        assert_eq!(claimed.len(), 1, "{claimed:?}");
        claimed.remove(0)
    }

    #[track_caller]
    fn beat(&mut self, id: JobId, token: u32, until: i64) -> Recorded {
        match Self::ok(self.0.heartbeat(&[(id, token)], at(until)))[..] {
            [recorded] => recorded,
            ref other => panic!("one answer for each job, not {other:?}"),
        }
    }

    #[track_caller]
    fn settle_with(
        &mut self,
        id: JobId,
        token: u32,
        ending: Ending,
        caused: Vec<NewJob>,
        now: i64,
    ) -> Recorded {
        let settled = Settled { id, token, ending };
        match Self::ok(self.0.settle(&[(settled, caused)], at(now)))[..] {
            [recorded] => recorded,
            ref other => panic!("one answer for each job, not {other:?}"),
        }
    }

    #[track_caller]
    fn settle(&mut self, id: JobId, token: u32, ending: Ending, now: i64) -> Recorded {
        self.settle_with(id, token, ending, Vec::new(), now)
    }

    #[track_caller]
    fn job(&mut self, id: JobId) -> JobRecord {
        match Self::ok(self.0.job(id)) {
            Some(job) => job,
            None => panic!("there is no job {id:?}"),
        }
    }

    #[track_caller]
    fn list(&mut self, filter: &JobFilter) -> Vec<JobRecord> {
        Self::ok(self.0.jobs(filter))
    }

    #[track_caller]
    fn next_due(&mut self, kinds: &[&str]) -> Option<DateTime<Utc>> {
        Self::ok(self.0.next_due(kinds))
    }
}
