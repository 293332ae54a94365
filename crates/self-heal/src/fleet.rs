//! What holds for all targets together: the circuit, and the budget of an hour.

use chrono::{DateTime, TimeDelta, Utc};

use crate::attempt::Beginning;
use crate::decision::Reason;

/// When so many targets are stagnant at once that something else must be wrong, such as a broken
/// counter, and nothing is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CircuitRule {
    /// Above this share of the targets with traffic, 0 to 1. Default 0.4.
    pub share: f64,
    /// Fewer targets with traffic than this say nothing about each other. Default 4.
    pub at_least: usize,
}

impl Default for CircuitRule {
    fn default() -> Self {
        Self {
            share: 0.4,
            at_least: 4,
        }
    }
}

/// How many targets have traffic, and are stagnant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FleetCount {
    /// With traffic and stagnant.
    pub stale: usize,
    /// With traffic.
    pub with_traffic: usize,
}

impl FleetCount {
    /// Counts one more target; `None` has no traffic.
    pub fn add(&mut self, is_stale: Option<bool>) {
        if let Some(is_stale) = is_stale {
            self.with_traffic += 1;
            self.stale += usize::from(is_stale);
        }
    }
}

impl CircuitRule {
    /// Whether the circuit is open.
    ///
    /// ```
    /// use decnet_self_heal::fleet::{CircuitRule, FleetCount};
    ///
    /// let rule = CircuitRule::default();
    /// assert!(rule.is_open(FleetCount { stale: 5, with_traffic: 10 }));
    /// assert!(!rule.is_open(FleetCount { stale: 4, with_traffic: 10 }));
    /// assert!(!rule.is_open(FleetCount { stale: 3, with_traffic: 3 }));
    /// ```
    pub fn is_open(&self, count: FleetCount) -> bool {
        count.with_traffic >= self.at_least.max(1)
            && count.stale as f64 > self.share * count.with_traffic as f64
    }
}

/// How many actions may begin within an hour, on all targets together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Most of them; 0 forbids all. Default 20.
    pub actions_per_hour: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            actions_per_hour: 20,
        }
    }
}

impl Budget {
    /// What beginnings are counted in.
    pub const SPAN: TimeDelta = TimeDelta::hours(1);

    /// What stands against one more action at `now`, after these beginnings, in any order. Those count
    /// that began less than an hour ago, or lie ahead and were noticed less than an hour ago, or lie
    /// ahead by less than an hour: the clock was put back since.
    pub fn objection(&self, begun: &[Beginning], now: DateTime<Utc>) -> Option<Reason> {
        let begun = begun.iter();
        let mut ends: Vec<DateTime<Utc>> = begun
            .filter_map(|beginning| beginning.counts_until(Self::SPAN, now))
            .collect();
        if ends.len() < self.actions_per_hour {
            return None;
        }
        ends.sort_unstable();
        let leaving = ends.len() - self.actions_per_hour;
        Some(Reason::BudgetExhausted {
            actions: ends.len(),
            most: self.actions_per_hour,
            until: ends.get(leaving).copied(),
        })
    }
}
