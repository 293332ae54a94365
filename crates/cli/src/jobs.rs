//! The background worker: what it does, and what goes on beside its jobs.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use decnet_background::handler::JobHandler;
use decnet_background::ledger::{JobLedger, JobLedgerError};
use decnet_background::stop::StopSignal;
use decnet_background::worker::{BackgroundWorker, StopReport, WorkOffError, WorkedOff};
use decnet_store::Store;

use crate::alerting;
use crate::backing_up::{NightlyBackup, enqueue_nightly};
use crate::config::Settings;
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::memory_scorer;
use crate::output::{say, warn};
use crate::remembering::{Remember, ScoreMemory, Snapshot, enqueue_snapshot};
use crate::ticking::{Pulse, tick_until};
use crate::wiring::open_store;

/// How often it is looked whether a backup is due, an alert waits, or an old job can be forgotten.
const CARE: Duration = Duration::from_secs(30);
/// How long jobs in work may go on after a signal. They are then free for the next start.
const GRACE: Duration = Duration::from_secs(10);
/// Most jobs that are forgotten at once.
const FORGOTTEN_AT_ONCE: usize = 1_000;

/// What does jobs: one handler for each kind.
///
/// # Errors
///
/// A failure if the settings ask for what cannot be had.
pub(crate) fn handlers(settings: &Arc<Settings>) -> Result<Vec<Arc<dyn JobHandler>>, Failure> {
    let scorer = memory_scorer::from_settings(settings, &mut open_store(settings, false)?)?;
    let of_each = || Arc::clone(settings);
    Ok(vec![
        Arc::new(NightlyBackup::new(of_each())),
        Arc::new(Remember::new(of_each())),
        Arc::new(ScoreMemory::new(of_each(), scorer)),
        Arc::new(Snapshot::new(of_each())),
    ])
}

/// A worker that is not started.
fn worker(settings: &Arc<Settings>) -> Result<BackgroundWorker, Failure> {
    let of_ledger = Arc::clone(settings);
    let open = move || match open_store(&of_ledger, false) {
        Ok(store) => Ok(Box::new(store) as Box<dyn JobLedger>),
        Err(failure) => Err(failure.message.into()),
    };
    BackgroundWorker::new(
        handlers(settings)?,
        Box::new(open),
        Arc::new(environment::now),
        environment::random,
        settings.run.worker(),
    )
    .map_err(|error| Failure::new(Kind::Configuration, error.to_string()))
}

/// Does every job that is due, and what follows from them, until none is. It has to be called inside
/// of a runtime with timers and sockets. A job that fails is counted, and no failure.
pub(crate) async fn work_off(settings: &Arc<Settings>) -> Result<WorkedOff, Failure> {
    worker(settings)?
        .work_off()
        .await
        .map_err(|error| match error {
            WorkOffError::Ledger(error) => error.into(),
            WorkOffError::Start(error) => Failure::new(Kind::Unavailable, error.to_string()),
        })
}

/// Does once what [`work_until`] does: enqueues what is due, and works off what waits.
pub(crate) async fn tick(settings: &Arc<Settings>) -> Result<WorkedOff, Failure> {
    let mut store = open_store(settings, false)?;
    // What cannot be enqueued, forgotten or delivered keeps no job from being done.
    if let Err(failure) = enqueue_due(&mut store, settings) {
        warn(&failure.to_string());
    }
    let done = work_off(settings).await?;
    forget(&mut store, settings)?;
    if let Err(failure) = alerting::deliver(&mut store, settings).await {
        warn(&failure.to_string());
    }
    Ok(done)
}

/// Does jobs until `stop`, and what is due beside them.
pub(crate) async fn work_until(
    stop: &StopSignal,
    pulse: &Pulse,
    settings: &Arc<Settings>,
) -> Result<(), Failure> {
    let mut worker = worker(settings)?;
    let mut store = None;
    tick_until(stop, pulse, CARE, async || {
        let store = match &mut store {
            Some(store) => store,
            none => none.insert(open_store(settings, false)?),
        };
        // It runs already unless it has just begun, or broke off.
        worker
            .start()
            .map_err(|error| Failure::new(Kind::Unavailable, error.to_string()))?;
        look_after(&worker, store, settings).await
    })
    .await;
    let report = worker.stop(GRACE).await;
    tell(pulse, &report);
    Ok(())
}

/// Has done what is due beside the jobs. One thing that fails does not keep the others from being
/// done.
async fn look_after(
    worker: &BackgroundWorker,
    store: &mut Store,
    settings: &Settings,
) -> Result<(), Failure> {
    let enqueued = enqueue_due(store, settings).map(|is_new| {
        if is_new {
            worker.notify();
        }
    });
    let forgotten = forget(store, settings);
    let delivered = alerting::deliver(store, settings).await;
    enqueued?;
    forgotten?;
    delivered.map(|_| ())
}

/// Enqueues what is due by the clock. Answers whether there was anything.
fn enqueue_due(store: &mut Store, settings: &Settings) -> Result<bool, Failure> {
    let backup = enqueue_nightly(store, settings);
    let snapshot = enqueue_snapshot(store, settings, environment::now());
    Ok(backup? | snapshot?)
}

/// Forgets old jobs that are over.
fn forget(store: &mut Store, settings: &Settings) -> Result<(), JobLedgerError> {
    let keep = TimeDelta::from_std(settings.run.keep_jobs.value).unwrap_or(TimeDelta::MAX);
    match environment::now().checked_sub_signed(keep) {
        Some(before) => store.forget(before, FORGOTTEN_AT_ONCE).map(|_| ()),
        None => Ok(()),
    }
}

/// Says what a stop left, if there is anything to say.
fn tell(pulse: &Pulse, report: &StopReport) {
    for job in &report.cancelled {
        let then = match job.released {
            true => "it waits for the next start",
            false => "it waits until its lease runs out",
        };
        warn(&pulse.prefixed(format_args!(
            "job {} ({} {}) was cancelled; {then}",
            job.id.0, job.kind, job.cause
        )));
    }
    let waiting = report.waiting.unwrap_or_default();
    if report.finished > 0 || waiting > 0 {
        say(&pulse.prefixed(format_args!(
            "jobs finished while stopping {}, waiting {waiting}, after {:.1} s",
            report.finished,
            report.elapsed.as_secs_f64()
        )));
    }
}
