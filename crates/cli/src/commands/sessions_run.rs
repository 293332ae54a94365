//! `decnet sessions run`

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use decnet_session_pipeline::ledger::SessionLedger;
use decnet_session_pipeline::registry::ProcessorRegistry;
use decnet_session_pipeline::schedule::Schedule;
use decnet_session_pipeline::source::Source;
use decnet_store::Store;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::alerting;
use crate::commands::sessions_tick::tell;
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::output::{say, warn};
use crate::processors::registry;
use crate::sessions::{Ended, alert_overdue, missing, pass_on_notices, run_processor, sources};
use crate::wiring::{open_store, run_with_sockets};

/// How long runs in progress may go on after a signal: each finishes its batch.
const GRACE: Duration = Duration::from_secs(10);
/// How often it is looked whether a processor is overdue and an alert waits.
const CARE: Duration = Duration::from_secs(30);

/// What a run in the background needs.
#[derive(Clone)]
struct Shared {
    settings: Arc<Settings>,
    registry: Arc<ProcessorRegistry>,
    sources: Arc<Vec<Source>>,
    stop: Arc<AtomicBool>,
}

/// Runs processors when they are due, side by side, until SIGTERM or SIGINT.
pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let registry = registry(&settings)?;
    let sources = sources(&settings, None)?;
    let mut store = open_store(&settings, false)?;
    missing(&sources).iter().for_each(|what| warn(what));
    let started = Instant::now();
    let schedule = schedule(&registry, &mut store, started)?;
    let shared = Shared {
        settings: Arc::new(settings),
        registry: Arc::new(registry),
        sources: Arc::new(sources),
        stop: Arc::new(AtomicBool::new(false)),
    };
    let stop = shared.stop.clone();
    let done = run_with_sockets(watch(shared, schedule, &mut store, started));
    stop.store(true, Ordering::Relaxed);
    done
}

/// When each processor is due: its last run counts, whoever started it.
fn schedule(
    registry: &ProcessorRegistry,
    store: &mut Store,
    started: Instant,
) -> Result<Schedule, Failure> {
    let mut schedule = Schedule::default();
    for entry in registry.entries() {
        let runs = store.runs(&entry.name, 50)?;
        let ended = runs.iter().find_map(|run| run.ended_at);
        // A run that ended in the future, by this clock, says nothing.
        let ago = ended.and_then(|at| environment::now().signed_duration_since(at).to_std().ok());
        schedule.add(&entry.name, entry.cadence, ago, started.elapsed());
    }
    Ok(schedule)
}

async fn watch(
    shared: Shared,
    mut schedule: Schedule,
    store: &mut Store,
    started: Instant,
) -> Result<(), Failure> {
    let no_signals = |error| {
        Failure::new(
            Kind::Unavailable,
            format!("cannot wait for signals: {error}"),
        )
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(no_signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(no_signals)?;
    let mut runs: JoinSet<(String, Result<Ended, Failure>)> = JoinSet::new();
    let mut care = tokio::time::interval(CARE);
    loop {
        while let Some(name) = schedule.begin(started.elapsed()) {
            begin(&mut runs, &shared, name);
        }
        let due = schedule.next_due().unwrap_or(Duration::MAX);
        let wait = due.saturating_sub(started.elapsed()).min(CARE);
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            Some(joined) = runs.join_next() => {
                if let Some(name) = ended(joined) {
                    schedule.end(&name, started.elapsed());
                }
                look_after(&shared, store).await;
            }
            _ = care.tick() => look_after(&shared, store).await,
            () = sleep(wait) => {}
        }
    }
    shared.stop.store(true, Ordering::Relaxed);
    let all = async {
        while let Some(joined) = runs.join_next().await {
            ended(joined);
        }
    };
    if timeout(GRACE, all).await.is_err() {
        warn("a run did not end in time; its next one goes on where it was committed last");
    }
    look_after(&shared, store).await;
    say("stopped");
    Ok(())
}

fn begin(runs: &mut JoinSet<(String, Result<Ended, Failure>)>, shared: &Shared, name: String) {
    let shared = shared.clone();
    runs.spawn_blocking(move || {
        let started_by = format!("sessions run, process {}", std::process::id());
        // Whatever happens in it, the schedule has to know that it is over.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            run_processor(
                &shared.settings,
                &shared.registry,
                &shared.sources,
                &name,
                &started_by,
                &shared.stop,
                &mut |_| {},
            )
        }));
        let broke_off = |_| Err(Failure::new(Kind::Unavailable, "the run broke off"));
        (name, outcome.unwrap_or_else(broke_off))
    });
}

/// Tells how a run ended. What goes wrong does not end the loop.
fn ended(
    joined: Result<(String, Result<Ended, Failure>), tokio::task::JoinError>,
) -> Option<String> {
    let (name, outcome) = match joined {
        Ok(joined) => joined,
        Err(error) => {
            warn(&format!("a run broke off: {error}"));
            return None;
        }
    };
    match outcome {
        Ok(Ended::Ran(report)) => {
            let counts = &report.counts;
            if counts.processed > 0 || counts.errors > 0 || counts.capped > 0 {
                say(&format!(
                    "{name}: logs read {}, records {}, errors {}, left {}",
                    counts.processed, counts.items, counts.errors, counts.capped
                ));
            }
            tell(&name, &Ended::Ran(report));
        }
        Ok(Ended::Unavailable(why)) => tracing::info!(processor = name, why, "not available"),
        Ok(other @ (Ended::Held(_) | Ended::Failed(_))) => tell(&name, &other),
        Err(failure) => warn(&format!("{name}: {failure}")),
    }
    Some(name)
}

/// Passes on what was noticed, and delivers alerts that are due.
async fn look_after(shared: &Shared, store: &mut Store) {
    let now = environment::now();
    let raised = pass_on_notices(store, &shared.settings)
        .and_then(|()| alert_overdue(store, &shared.settings, &shared.registry, now));
    if let Err(failure) = raised {
        warn(&failure.to_string());
    }
    if let Err(failure) = alerting::deliver(store, &shared.settings).await {
        warn(&failure.to_string());
    }
}
