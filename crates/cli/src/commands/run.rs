//! `decnet run`

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use decnet_background::stop::StopSignal;
use decnet_background::tick_loop::TickLoop;
use tokio::time::sleep;

use crate::commands::sessions_run::Reading;
use crate::commands::{emailgen_run, heal_run};
use crate::config::{Flags, Part, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::health::{self, Health};
use crate::jobs::work_until;
use crate::output::{say, warn};
use crate::service_manager::ServiceManager;
use crate::ticking::{Pulse, until_told};
use crate::wiring::{Session, open_store};

/// Pause before a part is begun again that could not begin, or broke off.
const AGAIN: Duration = Duration::from_secs(30);
/// When the health file is written again after the first time: every part has begun by then.
const FIRST: Duration = Duration::from_secs(1);

/// Everything that there is, in one process, until SIGTERM or SIGINT.
pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let settings = Arc::new(Settings::load(flags)?);
    // What is wrong with the database is said now. What keeps one part from beginning does not keep
    // the others.
    open_store(&settings, false)?;
    let _only_one = health::only_one(&settings.state_dir.value)?;
    let running = Running::new(&settings);
    let names: Vec<String> = running.pulses().map(Pulse::name).collect();
    if names.is_empty() {
        let what = "nothing is left to run: see `decnet run --help` about --without";
        return Err(Failure::new(Kind::Configuration, what));
    }
    let done = until_told(async |stop| {
        say(&format!("running {}", names.join(", ")));
        running.until(stop).await;
        Ok(())
    });
    // Whoever ended it at once knows that it ended, too.
    let path = health::path(&settings.state_dir.value);
    if let Err(error) = health::remove(&path) {
        warn(&Failure::writing(&path, &error).to_string());
    }
    done
}

/// The parts that run, each with its pulse.
struct Running {
    settings: Arc<Settings>,
    mail: Option<Pulse>,
    sessions: Option<Pulse>,
    heal: Option<Pulse>,
    worker: Option<Pulse>,
}

impl Running {
    /// All that the settings do not leave out.
    fn new(settings: &Arc<Settings>) -> Self {
        let pulse = |part: Part| {
            let is_wanted = !settings.run.without.value.contains(&part);
            is_wanted.then(|| Pulse::of_part(part.name()))
        };
        let has_jobs = settings.run.enabled.value;
        let has_logs = !settings.sessions.sources.value.is_empty();
        Self {
            mail: pulse(Part::Mail),
            sessions: pulse(Part::Sessions).filter(|_| has_logs),
            heal: pulse(Part::Heal),
            worker: pulse(Part::Worker).filter(|_| has_jobs),
            settings: Arc::clone(settings),
        }
    }

    fn pulses(&self) -> impl Iterator<Item = &Pulse> {
        let all = [&self.mail, &self.sessions, &self.heal, &self.worker];
        all.into_iter().flatten()
    }

    /// Keeps every part going until `stop`, and says how they are doing.
    async fn until(&self, stop: &StopSignal) {
        let settings = &self.settings;
        let mail = keep_going(stop, self.mail.as_ref(), async |pulse| {
            let mut session = session(settings)?;
            emailgen_run::tick(stop, pulse, &mut session).await;
            Ok(())
        });
        let sessions = keep_going(stop, self.sessions.as_ref(), async |pulse| {
            let mut reading = Reading::begin(settings.as_ref().clone())?;
            reading.go_on(stop, pulse).await;
            Ok(())
        });
        let heal = keep_going(stop, self.heal.as_ref(), async |pulse| {
            let mut session = session(settings)?;
            heal_run::tick(stop, pulse, &mut session).await;
            Ok(())
        });
        let worker = keep_going(stop, self.worker.as_ref(), async |pulse| {
            work_until(stop, pulse, settings).await
        });
        let parts = async { tokio::join!(mail, sessions, heal, worker) };
        let path = health::path(&settings.state_dir.value);
        tokio::select! {
            biased;
            _ = parts => {}
            () = self.tell(stop, &path) => {}
        }
    }

    /// Tells the service manager and the health file, for as long as it is asked to.
    async fn tell(&self, stop: &StopSignal, path: &Path) {
        let manager = ServiceManager::from_environment();
        let started_at = environment::now();
        // The parts begin first: they are polled before this is.
        manager.ready();
        let mut told_stopping = false;
        let mut file_at = Instant::now();
        let mut until_next = FIRST;
        let mut alive_at = Instant::now();
        loop {
            if stop.is_stopped() && !told_stopping {
                told_stopping = true;
                manager.stopping();
                file_at = Instant::now();
            }
            if Instant::now() >= file_at {
                file_at = Instant::now() + until_next;
                until_next = health::EVERY;
                if let Err(error) = health::write(path, &self.health(started_at, told_stopping)) {
                    warn(&Failure::writing(path, &error).to_string());
                }
            }
            let mut wait = file_at.saturating_duration_since(Instant::now());
            if let Some(pause) = manager.pause() {
                if Instant::now() >= alive_at {
                    alive_at = Instant::now() + pause;
                    let silent = self.pulses().find(|pulse| !pulse.is_alive());
                    match silent {
                        None => manager.alive(),
                        Some(pulse) => tracing::error!(part = pulse.name(), "it hangs"),
                    }
                }
                wait = wait.min(alive_at.saturating_duration_since(Instant::now()));
            }
            tokio::select! {
                () = stop.stopped(), if !told_stopping => {}
                () = sleep(wait) => {}
            }
        }
    }

    fn health(&self, started_at: DateTime<Utc>, is_stopping: bool) -> Health {
        let pid = std::process::id();
        Health {
            pid,
            pid_began: health::began(pid).unwrap_or_default(),
            started_at,
            written_at: environment::now(),
            is_stopping,
            parts: self.pulses().map(Pulse::health).collect(),
        }
    }
}

/// Does `work` until it ends after `stop`. If it cannot begin, fails or panics, that is told, and it
/// is done again after a while.
async fn keep_going(
    stop: &StopSignal,
    pulse: Option<&Pulse>,
    work: impl AsyncFn(&Pulse) -> Result<(), Failure>,
) {
    let Some(pulse) = pulse else { return };
    let again = TickLoop {
        name: pulse.name(),
        pause: AGAIN,
    };
    let _ = again
        .run(stop, async || {
            let outcome = work(pulse).await;
            if let Err(failure) = &outcome {
                warn(&pulse.prefixed(failure));
                pulse.ended(&outcome, AGAIN);
            }
            Ok::<(), Failure>(())
        })
        .await;
}

/// What mail is written with.
fn session(settings: &Settings) -> Result<Session, Failure> {
    let mut session = Session::open(settings.clone(), false)?;
    session.prepare_writer()?;
    Ok(session)
}
