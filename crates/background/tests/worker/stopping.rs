//! Starting and stopping.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_stop_lets_handlers_end_and_claims_nothing_more() {
    let handler = Arc::new(Handler {
        side_by_side: 2,
        ..Handler::new(|_| Step::Wait(Duration::from_secs(10)))
    });
    let mut ledger = MemoryJobLedger::new();
    enqueue(&mut ledger, &jobs(5));
    let mut worker = worker(&handler, &ledger);
    worker.start().unwrap();
    until(&mut ledger, JobState::Running, 2).await;
    let report = worker.stop(Duration::from_secs(60)).await;
    assert_eq!((report.finished, report.waiting), (2, Some(3)));
    assert_eq!(report.cancelled, []);
    assert!(
        report.elapsed < Duration::from_secs(11),
        "{:?}",
        report.elapsed
    );
    assert_eq!(handler.begun().len(), 2);
    assert!(!worker.is_running());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_done_by_the_deadline_waits_again() {
    let handler = Arc::new(Handler {
        side_by_side: 3,
        ..Handler::new(|job| match job.cause.as_str() {
            "0" => Step::Wait(Duration::from_secs(5)),
            _ => Step::Wait(Duration::from_secs(500)),
        })
    });
    let mut ledger = MemoryJobLedger::new();
    enqueue(&mut ledger, &jobs(4));
    let mut worker = worker(&handler, &ledger);
    worker.start().unwrap();
    until(&mut ledger, JobState::Running, 3).await;
    let report = worker.stop(Duration::from_secs(30)).await;
    assert_eq!(report.elapsed.as_secs(), 30);
    assert_eq!((report.finished, report.waiting), (1, Some(3)));
    let causes: Vec<&str> = report
        .cancelled
        .iter()
        .map(|job| job.cause.as_str())
        .collect();
    assert_eq!(causes, ["1", "2"]);
    assert!(report.cancelled.iter().all(|job| job.released));
    assert_eq!(handler.at_once.load(Ordering::SeqCst), 0);
    for job in all(&mut ledger) {
        let expected = match job.cause.as_str() {
            "0" => JobState::Done,
            _ => JobState::Waiting,
        };
        assert_eq!((job.state, job.failures), (expected, 0), "{}", job.cause);
    }
}

#[tokio::test(start_paused = true)]
async fn starting_and_stopping_twice_early_and_again_is_harmless() {
    let handler = Arc::new(Handler::new(|_| Step::Answer(Outcome::done())));
    let mut ledger = MemoryJobLedger::new();
    let mut worker = worker(&handler, &ledger);
    assert_eq!(worker.stop(Duration::ZERO).await.waiting, None);
    assert!(!worker.is_running());
    for round in 1..=3 {
        enqueue(&mut ledger, &[job(&round.to_string())]);
        sleep(Duration::from_secs(100)).await;
        let waiting = all(&mut ledger)
            .iter()
            .filter(|job| job.state == JobState::Waiting)
            .count();
        assert_eq!(waiting, 1, "it waits while the worker is stopped");
        assert_eq!(worker.start().unwrap(), Started::Now);
        assert_eq!(worker.start().unwrap(), Started::Already);
        until(&mut ledger, JobState::Done, round).await;
        assert!(worker.is_running());
        assert_eq!(worker.stop(Duration::MAX).await.waiting, Some(0));
        assert_eq!(worker.stop(Duration::MAX).await.waiting, None);
        assert!(!worker.is_running());
        worker.notify();
    }
    assert_eq!(handler.begun(), ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_is_dropped_can_be_asked_again() {
    let handler = Arc::new(Handler::new(|_| Step::Wait(Duration::from_secs(500))));
    let mut ledger = MemoryJobLedger::new();
    enqueue(&mut ledger, &jobs(1));
    let mut worker = worker(&handler, &ledger);
    worker.start().unwrap();
    until(&mut ledger, JobState::Running, 1).await;
    let patient = worker.stop(Duration::from_secs(1_000));
    assert!(timeout(Duration::from_secs(3), patient).await.is_err());
    let report = worker.stop(Duration::from_secs(2)).await;
    assert_eq!(report.elapsed.as_secs(), 2);
    assert_eq!(report.cancelled.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_dropped_takes_its_handlers_with_it() {
    let handler = Arc::new(Handler::new(|_| Step::Wait(Duration::from_secs(500))));
    let mut ledger = MemoryJobLedger::new();
    enqueue(&mut ledger, &jobs(1));
    let mut worker = worker(&handler, &ledger);
    worker.start().unwrap();
    until(&mut ledger, JobState::Running, 1).await;
    drop(worker);
    sleep(Duration::from_millis(1)).await;
    assert_eq!(handler.at_once.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_cannot_be_opened_is_told_and_tried_at_the_next_start() {
    let mut tries = 0;
    let handler = Arc::new(Handler::new(|_| Step::Answer(Outcome::done())));
    let mut worker = BackgroundWorker::new(
        vec![handler],
        Box::new(move || {
            tries += 1;
            match tries {
                1 => Err("no such file".into()),
                _ => Ok(Box::new(MemoryJobLedger::new())),
            }
        }),
        clock(),
        || 0,
        WorkerSettings::default(),
    )
    .unwrap();
    let error = worker.start().unwrap_err();
    assert!(error.to_string().contains("no such file"), "{error}");
    assert!(!worker.is_running());
    assert_eq!(worker.start().unwrap(), Started::Now);
    worker.stop(Duration::ZERO).await;
}

/// A handler that computes and never waits, on a thread of its own.
#[tokio::test(flavor = "current_thread")]
async fn many_short_jobs_are_settled_together() {
    let handler = Arc::new(Handler {
        side_by_side: 64,
        ..Handler::new(|_| Step::Answer(Outcome::done()))
    });
    let mut ledger = MemoryJobLedger::new();
    enqueue(&mut ledger, &jobs(2_000));
    let mut worker = worker(&handler, &ledger);
    worker.start().unwrap();
    until(&mut ledger, JobState::Done, 2_000).await;
    let mut at: Vec<_> = all(&mut ledger).iter().map(|job| job.settled_at).collect();
    at.sort_unstable();
    at.dedup();
    assert!(at.len() <= 40, "{} commits for 2,000 jobs", at.len());
    worker.stop(Duration::ZERO).await;
}
