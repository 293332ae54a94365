//! What a policy answers: act with a plan, or skip with one reason.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::action::{Action, IdempotencyKey, Tier};
use crate::attempt::Epoch;
use crate::point::Trend;

/// What is to be done about a target now.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// This.
    Act(Plan),
    /// Nothing.
    Skip(Skip),
}

impl Decision {
    /// Nothing, before it was clear what it could be.
    pub fn skip(reason: Reason) -> Self {
        Self::Skip(Skip { reason, plan: None })
    }

    /// Nothing, though this would be the thing to do.
    pub fn withhold(plan: Plan, reason: Reason) -> Self {
        Self::Skip(Skip {
            reason,
            plan: Some(plan),
        })
    }

    /// The plan, whether it is to be done or not.
    pub fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Act(plan) => Some(plan),
            Self::Skip(skip) => skip.plan.as_ref(),
        }
    }

    /// Why nothing is done.
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Act(_) => None,
            Self::Skip(skip) => Some(&skip.reason),
        }
    }
}

/// Nothing is done, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Skip {
    /// Why.
    pub reason: Reason,
    /// What would have been done, as far as it was clear.
    pub plan: Option<Plan>,
}

/// What to do to a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the policy that made it.
    pub policy: String,
    /// What it is done to.
    pub target: String,
    /// How strong it is.
    pub tier: Tier,
    /// What is done.
    pub action: Action,
    /// What tells it from other actions.
    pub key: IdempotencyKey,
    /// It is done once in this.
    pub epoch: Epoch,
    /// How stagnant the target is, 0 to 1, for policies that look at that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stagnation: Option<f64>,
    /// What the points say, for policies that look at them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trend: Option<Trend>,
    /// When the target last changed, for policies that look at that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_change: Option<DateTime<Utc>>,
}

impl Plan {
    /// What an executor makes sure to do once: the policy, the key and the epoch.
    pub fn cause(&self) -> String {
        format!("{}/{}/{}", self.policy, self.key, self.epoch.0)
    }
}

/// Why nothing is done to a target: the whole vocabulary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// An operator paused it.
    Paused {
        /// Whether all targets are paused, not this one alone.
        everything: bool,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// Somebody is inside, or was a moment ago.
    IntruderPresent {
        /// Since when.
        since: DateTime<Utc>,
        /// When they left; `None`: they are inside.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left_at: Option<DateTime<Utc>>,
        /// When the target is free again, at the latest.
        until: DateTime<Utc>,
    },
    /// Too few points in the window to say anything.
    InsufficientSamples {
        /// Points in the window.
        sample_count: usize,
        /// How many it takes.
        needed: usize,
    },
    /// Nobody looked at it in the window: nothing to conclude.
    NoTraffic {
        /// Points in the window.
        sample_count: usize,
    },
    /// It was done in this epoch, or is being done.
    DuplicateAction {
        /// When it began.
        started_at: DateTime<Utc>,
        /// `success` or `running`.
        status: String,
    },
    /// It failed in this epoch, and is tried again by itself.
    RetryScheduled {
        /// When.
        at: DateTime<Utc>,
        /// Tries so far.
        tries: u32,
        /// Why it failed.
        error: String,
    },
    /// As many actions as are allowed began in the window.
    WindowFrequencyExceeded {
        /// How many.
        actions: usize,
        /// How many are allowed.
        most: usize,
        /// When there is room again; `None`: never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    },
    /// The same action began a short while ago, or failed again and again.
    ActionCooldownActive {
        /// When it may be done again.
        until: DateTime<Utc>,
        /// Tries that failed in a row, when they made it longer.
        #[serde(default, skip_serializing_if = "is_zero")]
        failures_in_a_row: u32,
    },
    /// Nobody who could do it is at work.
    OwnerInactive,
    /// It changed a short while ago.
    ChangedRecently {
        /// When.
        at: DateTime<Utc>,
        /// When it is old.
        until: DateTime<Utc>,
    },
    /// Nothing was ever there that could be old.
    NeverChanged,
    /// Nobody carries out actions on a target of this name.
    NobodyActs,
    /// So many targets are stagnant at once that something else must be wrong.
    FleetCircuitOpen {
        /// Targets that are stagnant.
        stale: usize,
        /// Targets with traffic.
        with_traffic: usize,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// As many actions as are allowed in an hour began on all targets together.
    BudgetExhausted {
        /// How many.
        actions: usize,
        /// How many are allowed in an hour.
        most: usize,
        /// When there is room again; `None`: never, or as soon as those of now are an hour old.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    },
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Reason {
    /// Its name, such as `no_traffic`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Paused { .. } => "paused",
            Self::IntruderPresent { .. } => "intruder_present",
            Self::InsufficientSamples { .. } => "insufficient_samples",
            Self::NoTraffic { .. } => "no_traffic",
            Self::DuplicateAction { .. } => "duplicate_action",
            Self::RetryScheduled { .. } => "retry_scheduled",
            Self::WindowFrequencyExceeded { .. } => "window_frequency_exceeded",
            Self::ActionCooldownActive { .. } => "action_cooldown_active",
            Self::OwnerInactive => "owner_inactive",
            Self::ChangedRecently { .. } => "changed_recently",
            Self::NeverChanged => "never_changed",
            Self::NobodyActs => "nobody_acts",
            Self::FleetCircuitOpen { .. } => "fleet_circuit_open",
            Self::BudgetExhausted { .. } => "budget_exhausted",
        }
    }
}
