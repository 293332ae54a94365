//! Work that goes on until somebody ends the process in order.

use std::cell::RefCell;
use std::fmt;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use decnet_background::stop::StopSignal;
use decnet_background::tick_loop::TickLoop;
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::environment;
use crate::failure::{Failure, Kind};
use crate::output::{one_line, say, warn};
use crate::wiring::run_with_sockets;

/// How long a tick in progress may go on after a signal. What it has not finished then is finished
/// by the next start.
const GRACE: Duration = Duration::from_millis(1_500);
/// Shortest pause between two ticks.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// Longest failure that is kept of a tick, in characters.
const FAILURE_MAX: usize = 300;

/// Runs `work` to its end, which it comes to after the first SIGTERM or SIGINT, or by itself. A second
/// signal ends it where it is.
pub(crate) fn until_told(
    work: impl AsyncFnOnce(&StopSignal) -> Result<(), Failure>,
) -> Result<(), Failure> {
    run_with_sockets(async {
        let mut told = Told::listen()?;
        let stop = StopSignal::new();
        let work = work(&stop);
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                () = told.wait() => {}
                done = &mut work => {
                    done?;
                    say("stopped");
                    return Ok(());
                }
            }
            if stop.is_stopped() {
                return Err(Failure::new(
                    Kind::Temporary,
                    "stopped at once; the next start goes on with what was under way",
                ));
            }
            stop.stop();
        }
    })
}

/// Hears when somebody ends the process in order.
pub(crate) struct Told {
    terminate: Signal,
    interrupt: Signal,
}

impl Told {
    /// Listens from now on.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                Failure::new(
                    Kind::Unavailable,
                    format!("cannot wait for signals: {error}"),
                )
            })
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next SIGTERM or SIGINT.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs `tick` at once, and after each `pause`, until `stop`. What goes wrong in one is told as the
/// part's, and does not end the loop.
pub(crate) async fn tick_until(
    stop: &StopSignal,
    pulse: &Pulse,
    pause: Duration,
    mut tick: impl AsyncFnMut() -> Result<(), Failure>,
) {
    let pause = pause.max(PAUSE_MIN);
    // From the beginning of one tick to that of the next, unless it takes longer.
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let every = TickLoop {
        name: pulse.name(),
        pause: Duration::ZERO,
    };
    let work = every.run(stop, async || {
        tokio::select! {
            biased;
            () = stop.stopped() => return Ok::<(), Failure>(()),
            _ = ticks.tick() => {}
        }
        pulse.begins();
        let outcome = tick().await;
        if let Err(failure) = &outcome {
            warn(&pulse.prefixed(failure));
        }
        pulse.ended(&outcome, pause);
        Ok(())
    });
    tokio::pin!(work);
    tokio::select! {
        _ = &mut work => {}
        () = stop.stopped() => {
            let _ = timeout(GRACE, &mut work).await;
        }
    }
}

/// How a part is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartHealth {
    /// Its name.
    pub(crate) name: String,
    /// Ticks that ended.
    pub(crate) ticks: u64,
    /// Of these, failed ones.
    pub(crate) failed: u64,
    /// When the last tick ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) last_at: Option<DateTime<Utc>>,
    /// What went wrong in it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) failure: Option<String>,
    /// When the tick in work began.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) busy_since: Option<DateTime<Utc>>,
    /// When the next one is due.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) next_at: Option<DateTime<Utc>>,
}

/// What a loop says of itself, for whoever looks after it.
#[derive(Debug)]
pub(crate) struct Pulse {
    /// Whether what it tells has to say which part it is.
    is_one_of_many: bool,
    beats: RefCell<Beats>,
}

#[derive(Debug)]
struct Beats {
    health: PartHealth,
    /// When it was heard of last, or when it said that it would be next.
    expected: Instant,
}

/// How long a loop may be silent beyond what it announced: a mail of a slow model takes minutes.
const SILENCE: Duration = Duration::from_secs(30 * 60);

impl Pulse {
    /// Of a loop that is the whole command.
    pub(crate) fn alone(name: &str) -> Self {
        Self::new(name, false)
    }

    /// Of one loop of several.
    pub(crate) fn of_part(name: &str) -> Self {
        Self::new(name, true)
    }

    fn new(name: &str, is_one_of_many: bool) -> Self {
        let health = PartHealth {
            name: name.to_owned(),
            ticks: 0,
            failed: 0,
            last_at: None,
            failure: None,
            busy_since: None,
            next_at: None,
        };
        Self {
            is_one_of_many,
            beats: RefCell::new(Beats {
                health,
                expected: Instant::now(),
            }),
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> String {
        self.beats.borrow().health.name.clone()
    }

    /// What it tells, with its name if there are others.
    pub(crate) fn prefixed(&self, what: impl fmt::Display) -> String {
        match self.is_one_of_many {
            true => format!("{}: {what}", self.name()),
            false => what.to_string(),
        }
    }

    /// A tick begins.
    pub(crate) fn begins(&self) {
        let mut beats = self.beats.borrow_mut();
        beats.expected = Instant::now();
        let health = &mut beats.health;
        if health.busy_since.is_some() {
            // It panicked.
            health.ticks = health.ticks.saturating_add(1);
            health.failed = health.failed.saturating_add(1);
        }
        health.busy_since = Some(environment::now());
    }

    /// A tick has ended, and the next one comes after so long.
    pub(crate) fn ended(&self, outcome: &Result<(), Failure>, next: Duration) {
        let now = environment::now();
        let mut beats = self.beats.borrow_mut();
        let begun = std::mem::replace(&mut beats.expected, Instant::now());
        let rest = next.saturating_sub(begun.elapsed());
        beats.expected = beats.expected.checked_add(rest).unwrap_or(begun);
        let health = &mut beats.health;
        health.ticks = health.ticks.saturating_add(1);
        health.failed = health.failed.saturating_add(u64::from(outcome.is_err()));
        health.last_at = Some(now);
        health.failure = outcome.as_ref().err().map(|failure| {
            let line = one_line(&failure.message);
            line.chars().take(FAILURE_MAX).collect()
        });
        health.busy_since = None;
        let rest = TimeDelta::from_std(rest).unwrap_or(TimeDelta::MAX);
        health.next_at = now.checked_add_signed(rest);
    }

    /// Whether it was heard of when it should have been.
    pub(crate) fn is_alive(&self) -> bool {
        self.beats.borrow().expected.elapsed() < SILENCE
    }

    /// How it is doing.
    pub(crate) fn health(&self) -> PartHealth {
        self.beats.borrow().health.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_tells_what_the_last_tick_came_to() {
        let pulse = Pulse::of_part("mail");
        assert!(pulse.is_alive());
        pulse.begins();
        assert!(pulse.health().busy_since.is_some());
        let failure = Failure::new(Kind::Unavailable, format!("no\n{}", "x".repeat(1_000)));
        assert!(pulse.prefixed(&failure).starts_with("mail: no x"));
        pulse.ended(&Err(failure), Duration::from_secs(60));
        let health = pulse.health();
        assert_eq!((health.ticks, health.failed), (1, 1));
        let told = health.failure.unwrap();
        assert!(
            told.starts_with("no x") && told.len() == FAILURE_MAX,
            "{told}"
        );
        let ahead = health.next_at.unwrap() - health.last_at.unwrap();
        assert!((1..=60).contains(&ahead.num_seconds()), "{ahead}");
        pulse.begins();
        pulse.begins();
        assert_eq!(pulse.health().failed, 2, "one that did not end");
        pulse.ended(&Ok(()), Duration::MAX);
        assert_eq!(pulse.health().failure, None);
        assert!(pulse.is_alive());
        assert_eq!(Pulse::alone("mail").prefixed("told"), "told");
    }
}
