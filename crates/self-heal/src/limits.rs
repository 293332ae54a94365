//! How often one target may be acted on: duplicates, the limit of a window, cooldowns.

use chrono::{DateTime, TimeDelta, Utc};

use crate::action::{Action, IdempotencyKey};
use crate::attempt::{Beginning, Epoch, History, Status};
use crate::decision::Reason;
use crate::retry::RetryPolicy;

/// How often one target may be acted on, by all policies together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The window that actions are counted in. Default 90 minutes.
    pub window: TimeDelta,
    /// Most actions that begin in it; 0 forbids all. Default 2.
    pub most_in_window: usize,
    /// How long each action rests after it began.
    pub cooldowns: Cooldowns,
    /// How failures in a row make a cooldown longer.
    pub after_failures: RetryPolicy,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            window: TimeDelta::minutes(90),
            most_in_window: 2,
            cooldowns: Cooldowns::default(),
            after_failures: RetryPolicy {
                longest: TimeDelta::hours(6),
                ..RetryPolicy::default()
            },
        }
    }
}

/// How long each action rests on a target after it began there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cooldowns {
    /// Default 30 minutes.
    pub comment: TimeDelta,
    /// Default 2 hours.
    pub edit: TimeDelta,
    /// Default 3 hours.
    pub thread: TimeDelta,
}

impl Default for Cooldowns {
    fn default() -> Self {
        Self {
            comment: TimeDelta::minutes(30),
            edit: TimeDelta::hours(2),
            thread: TimeDelta::hours(3),
        }
    }
}

impl Cooldowns {
    /// That of an action.
    pub fn of(&self, action: Action) -> TimeDelta {
        match action {
            Action::Comment => self.comment,
            Action::Edit => self.edit,
            Action::Thread => self.thread,
        }
    }

    /// The longest.
    pub fn longest(&self) -> TimeDelta {
        self.comment.max(self.edit).max(self.thread)
    }
}

impl Limits {
    /// How far back beginnings matter.
    pub fn horizon(&self) -> TimeDelta {
        let failures = self.after_failures.longest;
        self.window.max(self.cooldowns.longest()).max(failures)
    }

    /// What stands against beginning `action` at `now`, in this order: it is a duplicate, the
    /// window is full, it rests. `None`: nothing.
    pub fn objection(
        &self,
        history: &History,
        policy: &str,
        (key, epoch): (&IdempotencyKey, Epoch),
        action: Action,
        now: DateTime<Utc>,
    ) -> Option<Reason> {
        duplicate(history, policy, key, epoch).or_else(|| self.rests(history, action, now))
    }

    /// What stands against any attempt at `action` at `now`: the window is full, or it rests.
    pub fn rests(&self, history: &History, action: Action, now: DateTime<Utc>) -> Option<Reason> {
        self.full_window(&history.beginnings, now)
            .or_else(|| self.cooldown(history, action, now))
    }

    fn full_window(&self, beginnings: &[Beginning], now: DateTime<Utc>) -> Option<Reason> {
        // Both ends of the window are in it.
        let span = self.window.checked_add(&TimeDelta::microseconds(1));
        let span = span.unwrap_or(TimeDelta::MAX);
        let beginnings = beginnings.iter();
        let mut leaving: Vec<DateTime<Utc>> = beginnings
            .filter_map(|beginning| beginning.counts_until(span, now))
            .collect();
        if leaving.len() < self.most_in_window {
            return None;
        }
        leaving.sort_unstable();
        // There is room when so many have left that fewer than allowed are in.
        let last_to_leave = leaving.len().checked_sub(self.most_in_window);
        Some(Reason::WindowFrequencyExceeded {
            actions: leaving.len(),
            most: self.most_in_window,
            until: last_to_leave.and_then(|at| leaving.get(at).copied()),
        })
    }

    fn cooldown(&self, history: &History, action: Action, now: DateTime<Utc>) -> Option<Reason> {
        let usual = self.cooldowns.of(action);
        let failures = history.failures_in_a_row;
        let slowed = match failures {
            0 | 1 => TimeDelta::zero(),
            more => self.after_failures.wait(more),
        };
        let cooldown = usual.max(slowed);
        let same = history
            .beginnings
            .iter()
            .filter(|beginning| beginning.action == action);
        let until = same
            .filter_map(|beginning| beginning.counts_until(cooldown, now))
            .max()?;
        Some(Reason::ActionCooldownActive {
            until,
            failures_in_a_row: if slowed > usual { failures } else { 0 },
        })
    }
}

/// Whether it was done, is being done or is tried again in this epoch.
fn duplicate(
    history: &History,
    policy: &str,
    key: &IdempotencyKey,
    epoch: Epoch,
) -> Option<Reason> {
    let known = history
        .attempts
        .iter()
        .find(|known| known.policy == policy && known.key == *key && known.epoch == epoch)?;
    match &known.status {
        Status::Running { .. } | Status::Success { .. } => Some(Reason::DuplicateAction {
            started_at: known.started_at,
            status: known.status.name().to_owned(),
        }),
        Status::Failed {
            retry_at: Some(at),
            error,
            ..
        } => Some(Reason::RetryScheduled {
            at: *at,
            tries: known.tries,
            error: error.code.name().to_owned(),
        }),
        Status::Failed { retry_at: None, .. } => None,
    }
}
