//! Handlers that fail, and a ledger that does.

use super::*;

use decnet_background::job::{Enqueued, JobId};
use decnet_background::ledger::{Ending, JobLedgerError, LEASE_RAN_OUT, Recorded, Settled, Wanted};
use decnet_background::worker::WorkOffError;

#[tokio::test(start_paused = true)]
async fn neither_failures_nor_panics_nor_hangs_cost_more_than_their_own_job() {
    let handler = Arc::new(Handler {
        side_by_side: 2,
        most_time: Duration::from_secs(20),
        ..Handler::new(|job| match job.cause.as_str() {
            "fails" => Step::Answer(Outcome::Retry {
                why: "no\nluck".to_owned(),
                after: None,
            }),
            "panics" => Step::Panic("out of luck"),
            "hangs" => Step::Wait(Duration::from_secs(9_999_999)),
            "senseless" => Step::Answer(Outcome::Discard {
                why: "no such mail".to_owned(),
            }),
            "comes round" if job.failures < 2 => Step::Answer(Outcome::Retry {
                why: "not yet".to_owned(),
                after: Some(Duration::from_secs(90)),
            }),
            _ => Step::Answer(Outcome::done()),
        })
    });
    let mut ledger = MemoryJobLedger::new();
    let settings = WorkerSettings {
        retry: RetryPolicy {
            most_tries: 3,
            ..RetryPolicy::default()
        },
        ..WorkerSettings::default()
    };
    let mut worker = worker_with(&[Arc::clone(&handler)], &ledger, clock(), settings);
    let causes = [
        "fails",
        "panics",
        "hangs",
        "senseless",
        "comes round",
        "good",
    ];
    enqueue(&mut ledger, &causes.map(job));
    worker.start().unwrap();
    until(&mut ledger, JobState::Done, 2).await;
    until(&mut ledger, JobState::Dead, 3).await;
    let mut listed = all(&mut ledger);
    listed.reverse();
    let found: Vec<_> = listed
        .iter()
        .map(|job| {
            (
                job.cause.as_str(),
                job.state,
                job.failures,
                job.error.as_deref(),
            )
        })
        .collect();
    let dead = JobState::Dead;
    assert_eq!(
        found,
        [
            ("fails", dead, 3, Some("no luck")),
            ("panics", dead, 3, Some("its handler panicked: out of luck")),
            ("hangs", dead, 3, Some("it took longer than 20s")),
            ("senseless", JobState::Discarded, 0, Some("no such mail")),
            ("comes round", JobState::Done, 2, None),
            ("good", JobState::Done, 0, None),
        ]
    );
    assert!(listed[4].settled_at.unwrap() >= epoch() + TimeDelta::seconds(180));
    // Somebody saw to it.
    assert!(ledger.retry(listed[0].id, epoch()).unwrap());
    worker.notify();
    until(&mut ledger, JobState::Waiting, 1).await;
    worker.stop(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_that_takes_its_workers_with_it_is_dead_after_its_tries() {
    let handler = Arc::new(Handler::new(|_| Step::Answer(Outcome::done())));
    let mut ledger = MemoryJobLedger::new();
    enqueue(&mut ledger, &[job("poison")]);
    let wanted = [Wanted {
        kind: KIND,
        most: 1,
    }];
    // Twelve workers that were killed before they could say anything.
    for _ in 0..13 {
        let claimed = ledger.claim(&wanted, epoch(), epoch()).unwrap();
        assert_eq!(claimed.len(), 1);
    }
    assert_eq!(all(&mut ledger)[0].error.as_deref(), Some(LEASE_RAN_OUT));
    let mut worker = worker(&handler, &ledger);
    worker.start().unwrap();
    until(&mut ledger, JobState::Dead, 1).await;
    assert!(handler.begun().is_empty());
    worker.stop(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn who_lost_the_lease_stops_working_and_records_nothing() {
    let handler = Arc::new(Handler::new(|_| Step::Wait(Duration::from_secs(100))));
    let mut ledger = MemoryJobLedger::new();
    enqueue(&mut ledger, &[job("a")]);
    let mut worker = worker(&handler, &ledger);
    worker.start().unwrap();
    until(&mut ledger, JobState::Running, 1).await;
    // As if this process had been suspended past its lease.
    let wanted = [Wanted {
        kind: KIND,
        most: 1,
    }];
    let later = epoch() + TimeDelta::hours(1);
    let taken = ledger
        .claim(&wanted, later, later + TimeDelta::hours(1))
        .unwrap();
    assert_eq!(taken[0].token, 2);
    sleep(Duration::from_secs(30)).await;
    assert_eq!(handler.at_once.load(Ordering::SeqCst), 0, "it was dropped");
    sleep(Duration::from_secs(200)).await;
    let record = all(&mut ledger).remove(0);
    assert_eq!((record.state, record.token), (JobState::Running, 2));
    // There is room again.
    enqueue(&mut ledger, &[job("b")]);
    until(&mut ledger, JobState::Done, 1).await;
    let report = worker.stop(Duration::ZERO).await;
    assert!(report.cancelled.is_empty());
}

/// A ledger that fails when it is told to: each call takes one from the plan.
#[derive(Clone)]
struct Failing {
    ledger: MemoryJobLedger,
    plan: Arc<Mutex<VecDeque<bool>>>,
    calls: Arc<AtomicUsize>,
    /// Jobs of this cause cannot be settled as done.
    refused: Option<&'static str>,
}

impl Failing {
    fn ask(&self) -> Result<(), JobLedgerError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match self.plan.lock().unwrap().pop_front() {
            Some(true) => Err(JobLedgerError::Busy {
                detail: "somebody writes".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

impl JobLedger for Failing {
    fn enqueue(
        &mut self,
        jobs: &[NewJob],
        now: DateTime<Utc>,
    ) -> Result<Vec<Enqueued>, JobLedgerError> {
        self.ledger.enqueue(jobs, now)
    }

    fn claim(
        &mut self,
        wanted: &[Wanted<'_>],
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<ClaimedJob>, JobLedgerError> {
        self.ask()?;
        self.ledger.claim(wanted, now, lease_until)
    }

    fn heartbeat(
        &mut self,
        jobs: &[(JobId, u32)],
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<Recorded>, JobLedgerError> {
        self.ask()?;
        self.ledger.heartbeat(jobs, lease_until)
    }

    fn settle(
        &mut self,
        jobs: &[(Settled, Vec<NewJob>)],
        now: DateTime<Utc>,
    ) -> Result<Vec<Recorded>, JobLedgerError> {
        self.ask()?;
        for (settled, _) in jobs {
            let cause = self.ledger.job(settled.id)?.map(|job| job.cause);
            if settled.ending == Ending::Done && cause.as_deref() == self.refused {
                return Err(JobLedgerError::Failed {
                    detail: "too big".to_owned(),
                });
            }
        }
        self.ledger.settle(jobs, now)
    }

    fn next_due(&mut self, kinds: &[&str]) -> Result<Option<DateTime<Utc>>, JobLedgerError> {
        self.ask()?;
        self.ledger.next_due(kinds)
    }

    fn retry(&mut self, id: JobId, now: DateTime<Utc>) -> Result<bool, JobLedgerError> {
        self.ledger.retry(id, now)
    }

    fn discard(
        &mut self,
        id: JobId,
        why: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, JobLedgerError> {
        self.ledger.discard(id, why, now)
    }

    fn forget(&mut self, before: DateTime<Utc>, limit: usize) -> Result<u64, JobLedgerError> {
        self.ledger.forget(before, limit)
    }

    fn jobs(&mut self, filter: &JobFilter) -> Result<Vec<JobRecord>, JobLedgerError> {
        self.ledger.jobs(filter)
    }

    fn job(&mut self, id: JobId) -> Result<Option<JobRecord>, JobLedgerError> {
        self.ledger.job(id)
    }

    fn counts(&mut self) -> Result<Vec<(String, JobState, u64)>, JobLedgerError> {
        self.ask()?;
        self.ledger.counts()
    }
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_fails_is_asked_again_and_nothing_is_lost() {
    let handler = Arc::new(Handler {
        side_by_side: 4,
        ..Handler::new(|_| Step::Wait(Duration::from_millis(700)))
    });
    let mut ledger = MemoryJobLedger::new();
    enqueue(&mut ledger, &jobs(40));
    // Two of three calls fail, whichever they are.
    let plan = (0..3_000).map(|number| (number * 7) % 3 != 0).collect();
    let failing = Failing {
        ledger: ledger.clone(),
        plan: Arc::new(Mutex::new(plan)),
        calls: Arc::default(),
        refused: None,
    };
    let settings = WorkerSettings::default();
    let mut worker = worker_with(&[Arc::clone(&handler)], &failing, clock(), settings);
    worker.start().unwrap();
    until(&mut ledger, JobState::Done, 40).await;
    let listed = all(&mut ledger);
    assert!(listed.iter().all(|job| job.failures == 0 && job.token == 1));
    assert_eq!(handler.begun().len(), 40, "each was done once");
    assert!(worker.is_running());
    worker.stop(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_fails_for_long_is_not_asked_all_the_time() {
    let handler = Arc::new(Handler::new(|_| Step::Answer(Outcome::done())));
    let mut ledger = MemoryJobLedger::new();
    enqueue(&mut ledger, &jobs(1));
    let failing = Failing {
        ledger: ledger.clone(),
        plan: Arc::new(Mutex::new(vec![true; 1_000].into())),
        calls: Arc::default(),
        refused: None,
    };
    let settings = WorkerSettings::default();
    let mut worker = worker_with(&[Arc::clone(&handler)], &failing, clock(), settings);
    worker.start().unwrap();
    for _ in 0..600 {
        worker.notify();
        sleep(Duration::from_millis(100)).await;
    }
    let calls = failing.calls.load(Ordering::SeqCst);
    assert!((10..30).contains(&calls), "{calls} calls in a minute");
    failing.plan.lock().unwrap().clear();
    until(&mut ledger, JobState::Done, 1).await;
    // One that fails at the stop too says so.
    failing.plan.lock().unwrap().extend([true; 100]);
    let report = worker.stop(Duration::from_secs(1)).await;
    assert_eq!(report.waiting, None);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_the_ledger_refuses_does_not_block_the_others() {
    let handler = Arc::new(Handler {
        side_by_side: 4,
        ..Handler::new(|_| Step::Answer(Outcome::done()))
    });
    let mut ledger = MemoryJobLedger::new();
    enqueue(&mut ledger, &jobs(12));
    let failing = Failing {
        ledger: ledger.clone(),
        plan: Arc::default(),
        calls: Arc::default(),
        refused: Some("5"),
    };
    let settings = WorkerSettings::default();
    let mut worker = worker_with(&[Arc::clone(&handler)], &failing, clock(), settings);
    worker.start().unwrap();
    until(&mut ledger, JobState::Done, 11).await;
    until(&mut ledger, JobState::Dead, 1).await;
    let dead = all(&mut ledger)
        .into_iter()
        .find(|job| job.state == JobState::Dead);
    let error = dead.unwrap().error.unwrap();
    assert!(error.contains("too big"), "{error}");
    worker.stop(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn working_off_ends_when_the_ledger_fails_and_keeps_what_was_done() {
    let handler = Arc::new(Handler::new(|_| Step::Answer(Outcome::done())));
    let mut ledger = MemoryJobLedger::new();
    enqueue(&mut ledger, &jobs(2));
    // The claim succeeds, and what was claimed cannot be settled at first.
    let failing = Failing {
        ledger: ledger.clone(),
        plan: Arc::new(Mutex::new(vec![false, true].into())),
        calls: Arc::default(),
        refused: None,
    };
    let settings = WorkerSettings::default();
    let mut worker = worker_with(&[Arc::clone(&handler)], &failing, clock(), settings);
    let failed = worker.work_off().await.unwrap_err();
    let is_busy = matches!(&failed, WorkOffError::Ledger(of) if of.is_transient());
    assert!(is_busy, "{failed}");
    let mut listed = all(&mut ledger);
    listed.reverse();
    let states: Vec<JobState> = listed.iter().map(|job| job.state).collect();
    assert_eq!(states, [JobState::Done, JobState::Waiting]);
}
