//! Doing something again and again.

use std::fmt;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{error, warn};

use crate::caught::caught;
use crate::stop::StopSignal;

/// Runs a tick, pauses, runs it again, until it is told to stop.
///
/// Ticks never overlap: the pause begins when one has ended. One that fails or panics is logged, and
/// the next one comes after the same pause.
///
/// ```
/// use std::time::Duration;
///
/// use decnet_background::stop::StopSignal;
/// use decnet_background::tick_loop::TickLoop;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let stop = StopSignal::new();
/// let mut left = 3;
/// let every = TickLoop { name: "example".to_owned(), pause: Duration::from_millis(1) };
/// let report = every
///     .run(&stop, async || {
///         left -= 1;
///         if left == 0 {
///             stop.stop();
///         }
///         Ok::<(), String>(())
///     })
///     .await;
/// assert_eq!(report.ticks, 3);
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickLoop {
    /// What logs call it.
    pub name: String,
    /// From the end of a tick to the beginning of the next. Zero gives others on the thread their
    /// turn, no more.
    pub pause: Duration,
}

/// What a loop did until it was told to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TickReport {
    /// Ticks in all.
    pub ticks: u64,
    /// Ticks that failed.
    pub failed: u64,
    /// Ticks that panicked.
    pub panicked: u64,
}

impl TickLoop {
    /// Runs `tick` at once and then after each pause, until `stop` is given.
    ///
    /// A pause ends at once then. A tick in work is not interrupted: one that takes long listens to
    /// `stop` itself, and whoever cannot wait for it drops this future. After a panic the tick meets
    /// what it captured as the panic left it.
    pub async fn run<E: fmt::Display>(
        &self,
        stop: &StopSignal,
        mut tick: impl AsyncFnMut() -> Result<(), E>,
    ) -> TickReport {
        let mut report = TickReport::default();
        while !stop.is_stopped() {
            report.ticks = report.ticks.saturating_add(1);
            // The call itself may panic too.
            match caught(async { tick().await }).await {
                Ok(Ok(())) => {}
                Ok(Err(failure)) => {
                    report.failed = report.failed.saturating_add(1);
                    warn!(tick = self.name, %failure, "a tick failed");
                }
                Err(panic) => {
                    report.panicked = report.panicked.saturating_add(1);
                    error!(tick = self.name, panic, "a tick panicked");
                }
            }
            tokio::select! {
                biased;
                () = stop.stopped() => {}
                () = sleep(self.pause) => {}
            }
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timer;
    use std::cell::Cell;

    fn every(seconds: u64) -> TickLoop {
        TickLoop {
            name: "test".to_owned(),
            pause: Duration::from_secs(seconds),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ticks_never_overlap_and_the_pause_follows_them() {
        let (stop, inside, begun) = (StopSignal::new(), Cell::new(false), timer::now());
        let mut at = Vec::new();
        let tick = async || {
            assert!(!inside.replace(true), "two at once");
            at.push(begun.elapsed().as_secs());
            sleep(Duration::from_secs(7)).await;
            inside.set(false);
            if at.len() == 4 {
                stop.stop();
            }
            Ok::<(), String>(())
        };
        let report = every(5).run(&stop, tick).await;
        assert_eq!(at, [0, 12, 24, 36]);
        assert_eq!(report.ticks, 4);
        assert_eq!(begun.elapsed().as_secs(), 43, "no pause after the last");
    }

    #[tokio::test(start_paused = true)]
    async fn neither_failure_nor_panic_ends_it() {
        let (stop, mut number) = (StopSignal::new(), 0);
        let tick = async || {
            number += 1;
            match number {
                1 => panic!("before it waits"),
                2 => Err("it failed".to_owned()),
                3 => {
                    sleep(Duration::from_secs(1)).await;
                    panic!("after it waited: {number}")
                }
                4 => Ok(()),
                _ => {
                    stop.stop();
                    Ok(())
                }
            }
        };
        let report = every(1).run(&stop, tick).await;
        let expected = TickReport {
            ticks: 5,
            failed: 1,
            panicked: 2,
        };
        assert_eq!(report, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn stopping_ends_the_pause_at_once_and_another_signal_begins_again() {
        let stop = StopSignal::new();
        let begun = timer::now();
        let stopper = async {
            sleep(Duration::from_secs(60)).await;
            stop.stop();
        };
        let hourly = every(3_600);
        let (report, ()) = tokio::join!(hourly.run(&stop, async || Ok::<(), String>(())), stopper);
        assert_eq!((report.ticks, begun.elapsed().as_secs()), (1, 60));
        let report = hourly.run(&stop, async || Ok::<(), String>(())).await;
        assert_eq!(report, TickReport::default());
        let again = StopSignal::new();
        let tick = async || {
            again.stop();
            Ok::<(), String>(())
        };
        assert_eq!(hourly.run(&again, tick).await.ticks, 1);
    }
}
