//! When a job that failed is tried again.

use chrono::{DateTime, TimeDelta, Utc};

/// After `first`, then twice as long each time, up to `longest`, `most_tries` in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Wait after the first failure. Default 10 s.
    pub first: TimeDelta,
    /// Longest wait. Default 1 h.
    pub longest: TimeDelta,
    /// Tries before a job is dead. Default 12: about half a day.
    pub most_tries: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: TimeDelta::seconds(10),
            longest: TimeDelta::hours(1),
            most_tries: 12,
        }
    }
}

impl RetryPolicy {
    /// When to try again after failure number `failures` at `now`; `None` for never. `lot` draws from
    /// half of the wait to all of it, so that what failed together is not tried together.
    pub fn retry_at(&self, failures: u32, now: DateTime<Utc>, lot: u64) -> Option<DateTime<Utc>> {
        if failures >= self.most_tries {
            return None;
        }
        let doublings = failures.saturating_sub(1).min(20);
        let wait = self.first.checked_mul(1 << doublings);
        let whole = wait.unwrap_or(self.longest).min(self.longest);
        let whole = whole.num_milliseconds().max(0);
        let half = whole / 2;
        let share = (u128::from(lot) * u128::from(half.unsigned_abs())) >> 64;
        let drawn = i64::try_from(share).unwrap_or(half);
        now.checked_add_signed(TimeDelta::milliseconds(whole - half + drawn))
    }
}
