//! `decnet sessions run`

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use decnet_background::stop::StopSignal;
use decnet_session_pipeline::ledger::SessionLedger;
use decnet_session_pipeline::registry::ProcessorRegistry;
use decnet_session_pipeline::schedule::Schedule;
use decnet_session_pipeline::source::Source;
use decnet_store::Store;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::alerting;
use crate::commands::sessions_tick::tell;
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::heal::take_in_engagement;
use crate::output::{say, warn};
use crate::processors::registry;
use crate::sessions::{Ended, alert_overdue, missing, pass_on_notices, run_processor, sources};
use crate::ticking::{Pulse, until_told};
use crate::wiring::open_store;

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
    let mut reading = Reading::begin(Settings::load(flags)?)?;
    until_told(async |stop| {
        reading.go_on(stop, &Pulse::alone("sessions")).await;
        Ok(())
    })
}

/// Logs that are read when their processors are due.
pub(crate) struct Reading {
    shared: Shared,
    schedule: Schedule,
    store: Store,
    started: Instant,
}

impl Reading {
    /// With the sources that these settings name.
    pub(crate) fn begin(settings: Settings) -> Result<Self, Failure> {
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
        Ok(Self {
            shared,
            schedule,
            store,
            started,
        })
    }

    /// Runs processors until `stop`.
    pub(crate) async fn go_on(&mut self, stop: &StopSignal, pulse: &Pulse) {
        let mut runs: JoinSet<(String, Result<Ended, Failure>)> = JoinSet::new();
        let mut care = tokio::time::interval(CARE);
        loop {
            while let Some(name) = self.schedule.begin(self.started.elapsed()) {
                begin(&mut runs, &self.shared, name);
            }
            let due = self.schedule.next_due().unwrap_or(Duration::MAX);
            let wait = due.saturating_sub(self.started.elapsed()).min(CARE);
            tokio::select! {
                biased;
                () = stop.stopped() => break,
                Some(joined) = runs.join_next() => {
                    let (name, outcome) = ended(joined, pulse);
                    if let Some(name) = name {
                        self.schedule.end(&name, self.started.elapsed());
                    }
                    self.look_after(pulse, outcome).await;
                }
                _ = care.tick() => self.look_after(pulse, Ok(())).await,
                () = sleep(wait) => {}
            }
        }
        self.shared.stop.store(true, Ordering::Relaxed);
        let all = async {
            while let Some(joined) = runs.join_next().await {
                let _ = ended(joined, pulse);
            }
        };
        if timeout(GRACE, all).await.is_err() {
            warn(&pulse.prefixed(
                "a run did not end in time; its next one goes on where it was committed last",
            ));
        }
        self.look_after(pulse, Ok(())).await;
    }

    /// Passes on what was noticed, and delivers alerts that are due. `outcome` is that of the run
    /// that ended just now.
    async fn look_after(&mut self, pulse: &Pulse, outcome: Result<(), Failure>) {
        pulse.begins();
        let (shared, store) = (&self.shared, &mut self.store);
        let now = environment::now();
        let raised = pass_on_notices(store, &shared.settings)
            .and_then(|()| take_in_engagement(store, &shared.settings))
            .and_then(|()| alert_overdue(store, &shared.settings, &shared.registry, now));
        if let Err(failure) = &raised {
            warn(&pulse.prefixed(failure));
        }
        let delivered = alerting::deliver(store, &shared.settings).await.map(|_| ());
        if let Err(failure) = &delivered {
            warn(&pulse.prefixed(failure));
        }
        pulse.ended(&outcome.and(raised).and(delivered), CARE);
    }
}

impl Drop for Reading {
    /// Runs in threads of their own end at their next step.
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
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

/// Tells how a run ended, and says which, if that is known. What goes wrong does not end the loop.
fn ended(
    joined: Result<(String, Result<Ended, Failure>), JoinError>,
    pulse: &Pulse,
) -> (Option<String>, Result<(), Failure>) {
    let (name, outcome) = match joined {
        Ok(joined) => joined,
        Err(error) => {
            let failure = Failure::new(Kind::Unavailable, format!("a run broke off: {error}"));
            warn(&pulse.prefixed(&failure));
            return (None, Err(failure));
        }
    };
    let failure = match outcome {
        Ok(Ended::Ran(report)) => {
            let counts = &report.counts;
            if counts.processed > 0 || counts.errors > 0 || counts.capped > 0 {
                say(&format!(
                    "{name}: logs read {}, records {}, errors {}, left {}",
                    counts.processed, counts.items, counts.errors, counts.capped
                ));
            }
            tell(&name, &Ended::Ran(report));
            Ok(())
        }
        Ok(Ended::Unavailable(why)) => {
            tracing::info!(processor = name, why, "not available");
            Ok(())
        }
        Ok(held @ Ended::Held(_)) => {
            tell(&name, &held);
            Ok(())
        }
        Ok(Ended::Failed(failure)) => {
            let said = failure.to_string();
            tell(&name, &Ended::Failed(failure));
            Err(Failure::new(Kind::Unavailable, format!("{name}: {said}")))
        }
        Err(failure) => {
            warn(&format!("{name}: {failure}"));
            Err(failure)
        }
    };
    (Some(name), failure)
}
