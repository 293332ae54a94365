//! An attempt at an action, its tries, and what became of it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::action::{Action, IdempotencyKey, UnknownName};
use crate::decision::{Plan, Reason};

/// An attempt in a ledger; ids grow in the order of beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(pub i64);

/// Longer than any lease and any wait for another try.
pub const LONGEST_WAIT: TimeDelta = TimeDelta::days(7);

/// What an attempt is made for: an action is done once in an epoch.
///
/// Policies say what an epoch is: for [stagnation](crate::policies::stagnation) an episode, for
/// [age](crate::policies::age) the last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub i64);

impl Epoch {
    /// The only epoch of a policy that does an action once and never again.
    pub const FOREVER: Self = Self(0);
}

/// An attempt: one action on one target in one epoch, with every try at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which.
    pub id: AttemptId,
    /// What is done, and why.
    pub plan: Plan,
    /// When it began. An attempt that failed for good can be begun again, and then begins anew.
    pub started_at: DateTime<Utc>,
    /// Tries since it began, the one at work included.
    pub tries: u32,
    /// Number of the latest try of all; the fencing token.
    pub token: u32,
    /// Where it stands.
    pub status: Status,
    /// What the executor said of a success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<serde_json::Value>,
}

impl Attempt {
    /// Why it cannot be begun again: it is done, being done, or tried again by itself. `None` if it
    /// failed for good.
    pub fn bars_beginning(&self) -> Option<Reason> {
        let is_over = matches!(self.status, Status::Failed { retry_at: None, .. });
        (!is_over).then(|| Reason::DuplicateAction {
            started_at: self.started_at,
            status: self.status.name().to_owned(),
        })
    }
}

/// Where an attempt stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Status {
    /// Somebody works on it.
    Running {
        /// When somebody else may take it over.
        lease_until: DateTime<Utc>,
    },
    /// It is done.
    Success {
        /// When.
        at: DateTime<Utc>,
    },
    /// It was not done.
    Failed {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        error: ExecutionError,
        /// When it is tried again; `None`: it is not, though the action may be begun again after
        /// its cooldown.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<DateTime<Utc>>,
    },
}

impl Status {
    /// `running`, `success` or `failed`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Running { .. } => "running",
            Self::Success { .. } => "success",
            Self::Failed { .. } => "failed",
        }
    }

    /// Whether somebody may take it up at `now`: its lease ran out, or its next try is due. What is
    /// claimable later than [`LONGEST_WAIT`] was so by a clock that was put back since.
    pub fn is_claimable(&self, now: DateTime<Utc>) -> bool {
        let beyond = now.checked_add_signed(LONGEST_WAIT);
        self.claimable_at()
            .is_some_and(|at| at <= now || beyond.is_some_and(|beyond| at > beyond))
    }

    /// When somebody may take it up: the end of its lease, or its next try.
    pub fn claimable_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Running { lease_until } => Some(*lease_until),
            Self::Success { .. } => None,
            Self::Failed { retry_at, .. } => *retry_at,
        }
    }
}

/// Why an action was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct ExecutionError {
    /// The kind.
    pub code: ErrorCode,
    /// What happened, one line.
    pub detail: String,
}

impl ExecutionError {
    /// An error of this kind. `detail` becomes one line of at most 400 characters.
    pub fn new(code: ErrorCode, detail: impl fmt::Display) -> Self {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let detail = detail.to_string().chars().take(400).map(plain).collect();
        Self { code, detail }
    }

    /// Whether the same action may be tried again: it was not done, and may be done later.
    pub fn is_transient(&self) -> bool {
        self.code.is_transient()
    }
}

/// Kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// It took too long.
    Timeout,
    /// Somebody said to come back later.
    RateLimit,
    /// What it needs does not work now.
    ServiceUnavailable,
    /// What it needs cannot be reached.
    NetworkError,
    /// The target does not exist, or nobody acts on targets like it.
    NotFound,
    /// There is nothing that the action could be done to, such as a thread to answer.
    NothingToDo,
    /// What it was about to do was refused, and would be again.
    Rejected,
    /// Something else.
    Other,
}

impl ErrorCode {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Timeout,
        Self::RateLimit,
        Self::ServiceUnavailable,
        Self::NetworkError,
        Self::NotFound,
        Self::NothingToDo,
        Self::Rejected,
        Self::Other,
    ];

    /// Its name, such as `rate_limit`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::RateLimit => "rate_limit",
            Self::ServiceUnavailable => "service_unavailable",
            Self::NetworkError => "network_error",
            Self::NotFound => "not_found",
            Self::NothingToDo => "nothing_to_do",
            Self::Rejected => "rejected",
            Self::Other => "other",
        }
    }

    /// Whether the same action may be tried again after it: `timeout`, `rate_limit`,
    /// `service_unavailable` and `network_error`.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Timeout | Self::RateLimit | Self::ServiceUnavailable | Self::NetworkError => true,
            Self::NotFound | Self::NothingToDo | Self::Rejected | Self::Other => false,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ErrorCode {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|code| code.name() == name);
        found.ok_or_else(|| UnknownName::of(name))
    }
}

/// What is known of earlier attempts on a target, as far back as it can matter, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Beginnings of attempts by any policy. Tries after the first are not among them.
    pub beginnings: Vec<Beginning>,
    /// Attempts of the epochs that last.
    pub attempts: Vec<Known>,
    /// Tries that failed since the last success.
    pub failures_in_a_row: u32,
}

/// The beginning of an attempt: what cooldowns and limits count. In the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Beginning {
    /// When, by the clock of then.
    pub at: DateTime<Utc>,
    /// What was done.
    pub action: Action,
    /// When it was first seen to lie in the future: the clock was put back. Cooldowns run from
    /// there, so that none is cut short and none lasts until the clock has caught up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_ahead_at: Option<DateTime<Utc>>,
}

impl Beginning {
    /// One of which nothing else is known.
    pub fn new(action: Action, at: DateTime<Utc>) -> Self {
        Self {
            action,
            at,
            seen_ahead_at: None,
        }
    }

    /// When it does not count any more, for what counts beginnings within `span`; `None` if it does
    /// not by now.
    ///
    /// One that lies ahead means that the clock was put back since. It counts from when that was
    /// noticed, so that its time neither is cut short nor lasts until the clock has caught up; and
    /// times within a span of its own count too, so that by the clock no two are ever closer.
    pub fn counts_until(&self, span: TimeDelta, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let after = |from: DateTime<Utc>| {
            let end = from.checked_add_signed(span);
            end.unwrap_or(DateTime::<Utc>::MAX_UTC)
        };
        // What was noticed at a moment that lies ahead itself is noticed again: the clock was put
        // back once more.
        let noticed = match self.seen_ahead_at {
            Some(at) if at <= now => Some(at),
            _ if self.at > now => Some(now),
            _ => None,
        };
        let since_noticed = noticed.map(after).filter(|end| now < *end);
        let is_near = (now - self.at).abs() < span;
        let by_its_clock = is_near.then(|| after(self.at));
        since_noticed.max(by_its_clock)
    }

    /// Whether it lies ahead of `now`, and was not seen to do so at a moment before that.
    pub fn is_unseen_ahead(&self, now: DateTime<Utc>) -> bool {
        self.at > now && self.seen_ahead_at.is_none_or(|seen| seen > now)
    }
}

/// An attempt, as far as a decision needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Name of the policy that made it.
    pub policy: String,
    /// What was done.
    pub key: IdempotencyKey,
    /// What it was made for.
    pub epoch: Epoch,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// Tries since then.
    pub tries: u32,
    /// Where it stands.
    pub status: Status,
}
