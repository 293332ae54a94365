//! When what failed is tried again.

use chrono::{DateTime, TimeDelta, Utc};

/// How tries follow each other: after `first`, then twice as long each time, up to `longest`,
/// `most_tries` in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Wait after the first failure. Default 1 minute.
    pub first: TimeDelta,
    /// Longest wait. Default 30 minutes.
    pub longest: TimeDelta,
    /// Tries of one attempt, the first included. Default 5.
    pub most_tries: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            first: TimeDelta::minutes(1),
            longest: TimeDelta::minutes(30),
            most_tries: 5,
        }
    }
}

impl RetryPolicy {
    /// The wait after this many failures in a row, without jitter.
    pub fn wait(&self, failures: u32) -> TimeDelta {
        let doublings = failures.saturating_sub(1).min(20);
        let wait = self.first.checked_mul(1 << doublings);
        wait.unwrap_or(self.longest).min(self.longest)
    }

    /// When to try again after `tries` tries, the last of which failed at `now` as failure number
    /// `failures_in_a_row`; `None` for never. `lot` draws from half of the wait to all of it, so that
    /// what failed together is not tried together.
    ///
    /// ```
    /// use chrono::{DateTime, TimeDelta};
    /// use decnet_self_heal::retry::RetryPolicy;
    ///
    /// let now = DateTime::UNIX_EPOCH;
    /// let at = RetryPolicy::default().retry_at(1, 1, now, u64::MAX).unwrap();
    /// assert!(at - now > TimeDelta::seconds(59) && at - now <= TimeDelta::seconds(60));
    /// assert_eq!(RetryPolicy::default().retry_at(5, 5, now, 0), None);
    /// ```
    pub fn retry_at(
        &self,
        tries: u32,
        failures_in_a_row: u32,
        now: DateTime<Utc>,
        lot: u64,
    ) -> Option<DateTime<Utc>> {
        if tries >= self.most_tries {
            return None;
        }
        let whole = self.wait(failures_in_a_row).num_milliseconds().max(0);
        let half = whole / 2;
        let share = (u128::from(lot) * half.unsigned_abs() as u128) >> 64;
        let drawn = i64::try_from(share).unwrap_or(half);
        now.checked_add_signed(TimeDelta::milliseconds(whole - half + drawn))
    }
}
