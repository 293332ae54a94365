//! The worker: what it does with jobs, handlers, a ledger that fails, and a stop.

#[path = "worker/faults.rs"]
mod faults;
#[path = "worker/stopping.rs"]
mod stopping;
#[path = "worker/working_off.rs"]
mod working_off;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use decnet_background::handler::{JobHandler, Outcome};
use decnet_background::job::{ClaimedJob, JobRecord, JobState, NewJob};
use decnet_background::ledger::{JobFilter, JobLedger};
use decnet_background::memory_ledger::MemoryJobLedger;
use decnet_background::retry::RetryPolicy;
use decnet_background::worker::{BackgroundWorker, Clock, Started, WorkerSettings};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

const KIND: &str = "kind";

/// A clock that goes with tokio's, which tests hold still.
fn clock() -> Clock {
    let (begun, epoch) = (Instant::now(), epoch());
    Arc::new(move || epoch + TimeDelta::from_std(begun.elapsed()).unwrap())
}

fn epoch() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

type Work = Box<dyn Fn(&ClaimedJob) -> Step + Send + Sync>;

/// What a handler does with one job.
enum Step {
    Answer(Outcome),
    Panic(&'static str),
    /// Waits, then is done.
    Wait(Duration),
}

struct Handler {
    kind: &'static str,
    side_by_side: usize,
    most_time: Duration,
    work: Work,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    /// Causes in the order in which they were begun.
    begun: Mutex<Vec<String>>,
}

impl Handler {
    fn new(work: impl Fn(&ClaimedJob) -> Step + Send + Sync + 'static) -> Self {
        Self {
            kind: KIND,
            side_by_side: 1,
            most_time: Duration::from_secs(300),
            work: Box::new(work),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            begun: Mutex::default(),
        }
    }

    fn begun(&self) -> Vec<String> {
        self.begun.lock().unwrap().clone()
    }
}

/// Counts down also when it is dropped where it waits.
struct Inside<'a>(&'a AtomicUsize);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl JobHandler for Handler {
    fn kind(&self) -> &str {
        self.kind
    }

    async fn handle(&self, job: &ClaimedJob) -> Outcome {
        self.begun.lock().unwrap().push(job.cause.clone());
        let inside = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        let _inside = Inside(&self.at_once);
        self.most_at_once.fetch_max(inside, Ordering::SeqCst);
        match (self.work)(job) {
            Step::Answer(outcome) => outcome,
            Step::Panic(message) => panic!("{message}"),
            Step::Wait(time) => {
                sleep(time).await;
                Outcome::done()
            }
        }
    }

    fn most_time(&self) -> Duration {
        self.most_time
    }

    fn side_by_side(&self) -> usize {
        self.side_by_side
    }
}

fn worker_with(
    handlers: &[Arc<Handler>],
    ledger: &(impl JobLedger + Clone + 'static),
    clock: Clock,
    settings: WorkerSettings,
) -> BackgroundWorker {
    let opened = ledger.clone();
    let handlers = handlers
        .iter()
        .map(|of| Arc::clone(of) as Arc<dyn JobHandler>);
    BackgroundWorker::new(
        handlers.collect(),
        Box::new(move || Ok(Box::new(opened.clone()))),
        clock,
        || u64::MAX,
        settings,
    )
    .unwrap()
}

fn worker(handler: &Arc<Handler>, ledger: &MemoryJobLedger) -> BackgroundWorker {
    let handlers = [Arc::clone(handler)];
    worker_with(&handlers, ledger, clock(), WorkerSettings::default())
}

fn job(cause: &str) -> NewJob {
    NewJob::new(KIND, cause, json!({ "of": cause }))
}

fn jobs(count: usize) -> Vec<NewJob> {
    (0..count).map(|number| job(&number.to_string())).collect()
}

fn enqueue(ledger: &mut MemoryJobLedger, jobs: &[NewJob]) {
    assert_eq!(ledger.enqueue(jobs, epoch()).unwrap().len(), jobs.len());
}

fn all(ledger: &mut MemoryJobLedger) -> Vec<JobRecord> {
    ledger.jobs(&JobFilter::default()).unwrap()
}

/// Waits, at most an hour of the clock that is held still, until so many jobs have this state.
async fn until(ledger: &mut MemoryJobLedger, state: JobState, count: usize) {
    let reached = async {
        loop {
            let listed = all(ledger);
            if listed.iter().filter(|job| job.state == state).count() >= count {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(3_600), reached)
        .await
        .expect("it comes to that");
}

#[tokio::test(start_paused = true)]
async fn jobs_are_done_and_cause_others() {
    let handler = Arc::new(Handler::new(|job| {
        Step::Answer(match job.cause.as_str() {
            "first" => Outcome::Done(vec![NewJob::new(KIND, "second", Value::Null)]),
            _ => Outcome::done(),
        })
    }));
    let mut ledger = MemoryJobLedger::new();
    let mut worker = worker(&handler, &ledger);
    enqueue(&mut ledger, &[job("first")]);
    assert_eq!(worker.start().unwrap(), Started::Now);
    let begun = Instant::now();
    until(&mut ledger, JobState::Done, 2).await;
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "nobody waits for the poll"
    );
    assert_eq!(handler.begun(), ["first", "second"]);
    let report = worker.stop(Duration::ZERO).await;
    assert_eq!((report.cancelled, report.waiting), (vec![], Some(0)));
}

#[tokio::test(start_paused = true)]
async fn it_wakes_when_a_job_is_due_when_it_is_told_and_now_and_then() {
    let handler = Arc::new(Handler::new(|_| Step::Answer(Outcome::done())));
    let mut ledger = MemoryJobLedger::new();
    let mut worker = worker(&handler, &ledger);
    worker.start().unwrap();
    let begun = Instant::now();
    let due = NewJob {
        run_at: Some(epoch() + TimeDelta::milliseconds(7_300)),
        ..job("due")
    };
    enqueue(&mut ledger, &[due]);
    until(&mut ledger, JobState::Done, 1).await;
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_millis(7_300) && took < Duration::from_millis(7_330),
        "{took:?}"
    );
    // Nobody says so, as when another process enqueues.
    enqueue(&mut ledger, &[job("polled")]);
    until(&mut ledger, JobState::Done, 2).await;
    assert!(begun.elapsed() < took + Duration::from_millis(5_030));
    sleep(Duration::from_millis(300)).await;
    let told = Instant::now();
    enqueue(&mut ledger, &[job("told")]);
    worker.notifier().clone().notify();
    until(&mut ledger, JobState::Done, 3).await;
    assert!(
        told.elapsed() < Duration::from_millis(30),
        "{:?}",
        told.elapsed()
    );
    worker.stop(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_important_goes_first_and_kinds_do_not_hold_each_other_up() {
    let second = || Step::Wait(Duration::from_secs(1));
    let slow = Arc::new(Handler {
        kind: "slow",
        ..Handler::new(|_| Step::Wait(Duration::from_secs(1_000)))
    });
    let usual = Arc::new(Handler {
        side_by_side: 3,
        ..Handler::new(move |_| second())
    });
    let mut ledger = MemoryJobLedger::new();
    let handlers = [Arc::clone(&slow), Arc::clone(&usual)];
    let mut worker = worker_with(&handlers, &ledger, clock(), WorkerSettings::default());
    let mut enqueued = jobs(9);
    for (number, job) in enqueued.iter_mut().enumerate() {
        job.priority = i32::try_from(number).unwrap();
    }
    enqueued.push(NewJob::new("slow", "a", Value::Null));
    enqueued.push(NewJob::new("slow", "b", Value::Null));
    enqueued.push(NewJob::new("nobody's", "c", Value::Null));
    enqueue(&mut ledger, &enqueued);
    let begun = Instant::now();
    worker.start().unwrap();
    until(&mut ledger, JobState::Done, 9).await;
    assert_eq!(begun.elapsed().as_secs(), 3, "three at a time");
    assert_eq!(usual.most_at_once.load(Ordering::SeqCst), 3);
    assert_eq!(usual.begun(), ["8", "7", "6", "5", "4", "3", "2", "1", "0"]);
    assert_eq!(slow.begun(), ["a"]);
    let report = worker.stop(Duration::ZERO).await;
    assert_eq!(report.cancelled.len(), 1);
    assert_eq!(report.waiting, Some(2), "those of its kinds");
}

#[tokio::test(start_paused = true)]
async fn leases_are_renewed_while_handlers_work() {
    let handler = Arc::new(Handler::new(|_| Step::Wait(Duration::from_secs(250))));
    let mut ledger = MemoryJobLedger::new();
    let clock = clock();
    let settings = WorkerSettings::default();
    let mut first = worker_with(
        &[Arc::clone(&handler)],
        &ledger,
        Arc::clone(&clock),
        settings,
    );
    let mut second = worker_with(&[Arc::clone(&handler)], &ledger, clock, settings);
    enqueue(&mut ledger, &[job("long")]);
    first.start().unwrap();
    second.start().unwrap();
    until(&mut ledger, JobState::Done, 1).await;
    let record = all(&mut ledger).remove(0);
    assert_eq!((record.token, record.failures), (1, 0));
    assert_eq!(handler.begun(), ["long"]);
    first.stop(Duration::ZERO).await;
    second.stop(Duration::ZERO).await;
}

#[test]
fn two_handlers_of_a_kind_are_refused() {
    let handler = || Arc::new(Handler::new(|_| Step::Panic("never"))) as Arc<dyn JobHandler>;
    let made = BackgroundWorker::new(
        vec![handler(), handler()],
        Box::new(|| Ok(Box::new(MemoryJobLedger::new()))),
        Arc::new(epoch),
        || 0,
        WorkerSettings::default(),
    );
    assert_eq!(made.unwrap_err().kind, KIND);
}

#[test]
fn waits_grow_and_are_drawn_from_their_upper_half() {
    let policy = RetryPolicy::default();
    let wait = |failures: u32, lot: u64| {
        let at = policy.retry_at(failures, epoch(), lot)?;
        Some((at - epoch()).num_milliseconds())
    };
    assert_eq!(wait(1, 0), Some(5_000));
    assert_eq!(wait(1, u64::MAX), Some(9_999));
    assert_eq!(wait(2, 1 << 63), Some(15_000));
    assert_eq!(wait(11, u64::MAX), Some(3_599_999));
    assert_eq!(wait(12, 0), None);
    let broken = RetryPolicy {
        first: TimeDelta::MAX,
        longest: TimeDelta::MAX,
        most_tries: u32::MAX,
    };
    assert_eq!(
        broken.retry_at(9, epoch(), 1),
        None,
        "there is no such moment"
    );
}
