//! How long something takes.

use std::time::Duration;

use tokio::time::Instant;

/// Measures on the clock that timers wait by. It says how long something took, never when it was,
/// and tests can move it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
