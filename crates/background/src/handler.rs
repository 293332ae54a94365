//! The contract of what does jobs.

use std::time::Duration;

use async_trait::async_trait;

use crate::job::{ClaimedJob, NewJob};

/// Does jobs of one kind.
///
/// A job is done at least once: a worker may die after its handler and before it could say so. So a
/// handler's effect carries the job's cause as a unique key, and doing it again changes nothing.
/// Whatever a handler does, errors and panics included, costs its own job alone. One that computes
/// for long without waiting holds up everything on its thread, and no deadline ends it.
///
/// A worker asks for everything but [`handle`](Self::handle) once, when it is made.
#[async_trait]
pub trait JobHandler: Send + Sync {
    /// The kind of job that it does.
    fn kind(&self) -> &str;

    /// Does one. It is dropped where it waits when the worker has to stop, or when it takes longer
    /// than [`most_time`](Self::most_time).
    async fn handle(&self, job: &ClaimedJob) -> Outcome;

    /// How long one may take. Default 5 minutes.
    fn most_time(&self) -> Duration {
        Duration::from_secs(300)
    }

    /// How many may be done side by side. Default 1; 0 counts as 1. They are also claimed and settled
    /// together, so a larger number makes short jobs cheaper.
    fn side_by_side(&self) -> usize {
        1
    }
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done, and these are to be done because of it.
    Done(Vec<NewJob>),
    /// It failed, and may be tried again.
    Retry {
        /// Why, one line.
        why: String,
        /// Not before so long; `None` leaves it to the worker's policy.
        after: Option<Duration>,
    },
    /// It makes no sense, and never will.
    Discard {
        /// Why, one line.
        why: String,
    },
}

impl Outcome {
    /// Done, without anything that follows.
    pub fn done() -> Self {
        Self::Done(Vec::new())
    }
}
