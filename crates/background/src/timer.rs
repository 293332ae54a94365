//! The clock that timers wait by. It says how long something took, never when it was, and tests can
//! move it.

pub(crate) use tokio::time::Instant;

/// This moment.
pub(crate) fn now() -> Instant {
    Instant::now()
}
