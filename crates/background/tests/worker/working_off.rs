//! Working off what is due, without a worker that stays.

use super::*;

use decnet_background::ledger::Wanted;
use decnet_background::worker::{WorkOffError, WorkedOff};

#[tokio::test(start_paused = true)]
async fn what_is_due_is_done_with_what_follows_and_the_rest_stays() {
    let handler = Arc::new(Handler {
        side_by_side: 2,
        ..Handler::new(|job| match job.cause.as_str() {
            "first" => Step::Answer(Outcome::Done(vec![super::job("second")])),
            "second" => Step::Wait(Duration::from_secs(90)),
            "fails" => Step::Answer(Outcome::Retry {
                why: "not yet".to_owned(),
                after: None,
            }),
            "senseless" => Step::Answer(Outcome::Discard {
                why: "no such mail".to_owned(),
            }),
            "panics" => Step::Panic("out of luck"),
            _ => Step::Answer(Outcome::done()),
        })
    });
    let mut ledger = MemoryJobLedger::new();
    let settings = WorkerSettings {
        retry: RetryPolicy {
            first: TimeDelta::hours(1),
            ..RetryPolicy::default()
        },
        ..WorkerSettings::default()
    };
    let mut worker = worker_with(&[Arc::clone(&handler)], &ledger, clock(), settings);
    assert_eq!(worker.work_off().await.unwrap(), WorkedOff::default());
    // Somebody else holds it, and lives.
    enqueue(&mut ledger, &[job("held")]);
    let wanted = [Wanted {
        kind: KIND,
        most: 1,
    }];
    let lease_until = epoch() + TimeDelta::hours(1);
    assert_eq!(
        ledger.claim(&wanted, epoch(), lease_until).unwrap().len(),
        1
    );
    enqueue(
        &mut ledger,
        &["first", "fails", "senseless", "panics"].map(job),
    );
    let later = NewJob {
        run_at: Some(epoch() + TimeDelta::hours(2)),
        ..job("later")
    };
    enqueue(&mut ledger, &[later]);
    let expected = WorkedOff {
        done: 2,
        failed: 2,
        discarded: 1,
        waiting: 3,
        ..WorkedOff::default()
    };
    assert_eq!(worker.work_off().await.unwrap(), expected);
    assert!(!worker.is_running());
    assert_eq!(
        handler.begun(),
        ["first", "fails", "senseless", "panics", "second"]
    );
    // Once more it finds nothing to do.
    let expected = WorkedOff {
        waiting: 3,
        ..WorkedOff::default()
    };
    assert_eq!(worker.work_off().await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn two_at_once_do_each_job_once() {
    let handler = Arc::new(Handler {
        side_by_side: 3,
        ..Handler::new(|_| Step::Wait(Duration::from_secs(1)))
    });
    let mut ledger = MemoryJobLedger::new();
    enqueue(&mut ledger, &jobs(20));
    let mut first = worker(&handler, &ledger);
    let mut second = worker(&handler, &ledger);
    let (first, second) = tokio::join!(first.work_off(), second.work_off());
    assert_eq!(first.unwrap().done + second.unwrap().done, 20);
    let mut begun = handler.begun();
    begun.sort();
    begun.dedup();
    assert_eq!(begun.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_somebody_took_over_is_told() {
    let mut ledger = MemoryJobLedger::new();
    let taker = Mutex::new(ledger.clone());
    let handler = Arc::new(Handler::new(move |_| {
        // As if this process had been suspended past its lease.
        let wanted = [Wanted {
            kind: KIND,
            most: 1,
        }];
        let later = epoch() + TimeDelta::hours(1);
        let mut taker = taker.lock().unwrap();
        let taken = taker.claim(&wanted, later, later + TimeDelta::hours(1));
        assert_eq!(taken.unwrap().len(), 1);
        Step::Answer(Outcome::done())
    }));
    enqueue(&mut ledger, &[job("a")]);
    let expected = WorkedOff {
        lost: 1,
        ..WorkedOff::default()
    };
    assert_eq!(
        worker(&handler, &ledger).work_off().await.unwrap(),
        expected
    );
    assert_eq!(all(&mut ledger)[0].state, JobState::Running);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_cannot_be_opened_ends_it() {
    let mut worker = BackgroundWorker::new(
        Vec::new(),
        Box::new(|| Err("no such folder".into())),
        clock(),
        || 0,
        WorkerSettings::default(),
    )
    .unwrap();
    let failed = worker.work_off().await.unwrap_err();
    assert!(matches!(failed, WorkOffError::Start(_)), "{failed}");
    assert!(failed.to_string().contains("no such folder"), "{failed}");
}
