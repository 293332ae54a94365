//! Jobs: what they are, and what becomes of them.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A job in a ledger; ids grow in the order of enqueuing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(pub i64);

/// A job that is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewJob {
    /// What kind of work, such as `memory.remember`; the name of its [handler](crate::handler).
    pub kind: String,
    /// What it is done because of, unique within its kind for ever: enqueuing it again changes
    /// nothing, and its effect carries it, so that doing it twice changes nothing either.
    pub cause: String,
    /// Opaque to everybody but its handler.
    pub payload: Value,
    /// Which go first when several are due: higher ones. Default 0.
    #[serde(default)]
    pub priority: i32,
    /// Not before this moment. `None`: at once.
    #[serde(default)]
    pub run_at: Option<DateTime<Utc>>,
}

impl NewJob {
    /// A job of usual priority that is due at once.
    pub fn new(kind: impl Into<String>, cause: impl Into<String>, payload: Value) -> Self {
        Self {
            kind: kind.into(),
            cause: cause.into(),
            payload,
            priority: 0,
            run_at: None,
        }
    }
}

/// What became of a job that was to be enqueued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Enqueued {
    /// It waits under this id.
    New(JobId),
    /// There was one of this kind and cause already, under this id.
    Known(JobId),
    /// Jobs are turned off; it is forgotten.
    Disabled,
}

/// A job that the caller holds now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedJob {
    /// Which.
    pub id: JobId,
    /// See [`NewJob::kind`].
    pub kind: String,
    /// See [`NewJob::cause`].
    pub cause: String,
    /// See [`NewJob::payload`].
    pub payload: Value,
    /// Number of this claim, from 1; the fencing token.
    pub token: u32,
    /// Tries that failed before.
    pub failures: u32,
    /// When it was enqueued.
    pub enqueued_at: DateTime<Utc>,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// It is due now or later.
    Waiting,
    /// Somebody works on it.
    Running,
    /// It is done.
    Done,
    /// It failed for good: a dead letter, which an operator can have tried again.
    Dead,
    /// Its handler or an operator gave it up.
    Discarded,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Running,
        Self::Done,
        Self::Dead,
        Self::Discarded,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
        }
    }

    /// The state of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A job with everything known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JobRecord {
    /// Which.
    pub id: JobId,
    /// See [`NewJob::kind`].
    pub kind: String,
    /// See [`NewJob::cause`].
    pub cause: String,
    /// Where it stands.
    pub state: JobState,
    /// See [`NewJob::priority`].
    pub priority: i32,
    /// Claims so far.
    pub token: u32,
    /// Tries that failed.
    pub failures: u32,
    /// When it was enqueued.
    pub enqueued_at: DateTime<Utc>,
    /// While it waits: when it is due, `None` for at once. While somebody works on it: when the lease
    /// runs out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
    /// When it was done, failed for good, or was discarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<DateTime<Utc>>,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// See [`NewJob::payload`]; null once it is done.
    pub payload: Value,
}
