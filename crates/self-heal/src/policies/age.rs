//! Targets that have not changed for days although their owner is active.

use chrono::{DateTime, TimeDelta, Utc};

use crate::action::{IdempotencyKey, Tier};
use crate::attempt::Epoch;
use crate::decision::{Decision, Plan, Reason};
use crate::limits::Limits;
use crate::policy::{Evaluation, Facts, Policy};

/// The policy. What has not changed for [`after`](Self::after) gets a comment, for twice as long an
/// edit, for three times as long a thread; each once for the same last change. Its checks, in order:
/// something that can be old, its age, duplicates, the limit of the window, cooldowns, an active
/// owner.
///
/// Targets of which no change is known are [never changed](Reason::NeverChanged).
#[derive(Clone, Debug, PartialEq)]
pub struct Age {
    /// How long a target may stay as it is. Default 3 days: a weekend and a bit more.
    pub after: TimeDelta,
    /// How often a target may be acted on.
    pub limits: Limits,
}

impl Default for Age {
    fn default() -> Self {
        Self {
            after: TimeDelta::days(3),
            limits: Limits::default(),
        }
    }
}

impl Age {
    /// The name that its attempts are kept under.
    pub const NAME: &'static str = "age";
}

impl Policy for Age {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn evaluate(&self, facts: &Facts<'_>, now: DateTime<Utc>) -> Evaluation {
        let Some(last_change) = facts.last_change else {
            return Decision::skip(Reason::NeverChanged).into();
        };
        let age = now - last_change;
        let whole = |days: i32| self.after.checked_mul(days).unwrap_or(TimeDelta::MAX);
        let tier = if age < whole(1) || self.after <= TimeDelta::zero() {
            let until = last_change.checked_add_signed(self.after);
            return Decision::skip(Reason::ChangedRecently {
                at: last_change,
                until: until.unwrap_or(DateTime::<Utc>::MAX_UTC),
            })
            .into();
        } else if age < whole(2) {
            Tier::One
        } else if age < whole(3) {
            Tier::Two
        } else {
            Tier::Three
        };
        let action = tier.action();
        let plan = Plan {
            policy: Self::NAME.to_owned(),
            target: facts.target.to_owned(),
            tier,
            action,
            key: IdempotencyKey::of(facts.target, action, tier),
            epoch: Epoch(last_change.timestamp_micros()),
            stagnation: None,
            trend: None,
            last_change: Some(last_change),
        };
        let id = (&plan.key, plan.epoch);
        let objection = self
            .limits
            .objection(facts.history, Self::NAME, id, action, now)
            .or_else(|| {
                let is_deserted = facts.standing.is_deserted();
                is_deserted.then_some(Reason::OwnerInactive)
            });
        match objection {
            Some(reason) => Decision::withhold(plan, reason),
            None => Decision::Act(plan),
        }
        .into()
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn looks_back(&self) -> TimeDelta {
        TimeDelta::zero()
    }
}
