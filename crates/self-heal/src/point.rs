//! How much a target was looked at and used, over time.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// What had been counted at a moment, from the beginning of counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The moment.
    pub at: DateTime<Utc>,
    /// How often somebody saw the target.
    pub impressions: u64,
    /// How often somebody did something with it.
    pub engagements: u64,
}

impl Point {
    /// The next point of a target whose newest one is `newest`, after one of its counters showed this
    /// and, before, `last`: what the counter gained is added, no earlier than the newest point. A value
    /// below the one before means that the counter began again at 0; the first it shows adds nothing.
    /// `None` if this is no later than what it showed last.
    pub fn summed(&self, last: Option<&Self>, newest: Option<&Self>) -> Option<Self> {
        if last.is_some_and(|last| self.at <= last.at) {
            return None;
        }
        let before = |count: fn(&Self) -> u64| newest.map_or(0, count);
        let gained = |count: fn(&Self) -> u64| {
            let (shown, last) = (count(self), last.map_or(count(self), count));
            shown.checked_sub(last).unwrap_or(shown)
        };
        let sum = |count: fn(&Self) -> u64| before(count).saturating_add(gained(count));
        Some(Self {
            at: newest.map_or(self.at, |newest| newest.at.max(self.at)),
            impressions: sum(|point| point.impressions),
            engagements: sum(|point| point.engagements),
        })
    }
}

/// What the points of a window say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trend {
    /// Points in the window.
    pub samples: usize,
    /// Impressions that were added in the window.
    pub impressions: u64,
    /// Engagements that were added in the window.
    pub engagements: u64,
    /// How often a counter began again.
    pub resets: u32,
}

impl Trend {
    /// The trend of `points`, in any order, between `now - window` and `now`, both included. Points
    /// of the future say nothing.
    ///
    /// A value below an earlier one means that its counter began again at 0: what it shows since
    /// then was added.
    ///
    /// ```
    /// use chrono::{DateTime, TimeDelta};
    /// use decnet_self_heal::point::{Point, Trend};
    ///
    /// let at = |minutes: i64| DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
    /// let points = [(0, 100, 9), (10, 400, 12), (20, 50, 1)]
    ///     .map(|(minutes, impressions, engagements)| Point { at: at(minutes), impressions, engagements });
    /// let trend = Trend::of(&points, TimeDelta::minutes(90), at(30));
    /// assert_eq!((trend.impressions, trend.engagements, trend.resets), (350, 4, 2));
    /// ```
    pub fn of(points: &[Point], window: TimeDelta, now: DateTime<Utc>) -> Self {
        let from = now.checked_sub_signed(window);
        let is_inside =
            |point: &&Point| point.at <= now && from.is_none_or(|from| point.at >= from);
        // Of one moment, what shows less came first.
        let in_order = |point: &Point| (point.at, point.impressions, point.engagements);
        if points.is_sorted_by_key(in_order) {
            return Self::of_ordered(points.iter().filter(is_inside));
        }
        let mut inside: Vec<&Point> = points.iter().filter(is_inside).collect();
        inside.sort_by_key(|point| in_order(point));
        Self::of_ordered(inside.into_iter())
    }

    fn of_ordered<'p>(points: impl Iterator<Item = &'p Point>) -> Self {
        let mut trend = Self::default();
        let mut earlier: Option<&Point> = None;
        for point in points {
            trend.samples += 1;
            if let Some(earlier) = earlier {
                let mut added = |before: u64, now: u64| match now.checked_sub(before) {
                    Some(added) => added,
                    None => {
                        trend.resets = trend.resets.saturating_add(1);
                        now
                    }
                };
                let impressions = added(earlier.impressions, point.impressions);
                let engagements = added(earlier.engagements, point.engagements);
                trend.impressions = trend.impressions.saturating_add(impressions);
                trend.engagements = trend.engagements.saturating_add(engagements);
            }
            earlier = Some(point);
        }
        trend
    }

    /// Engagements for each impression; 0 without impressions.
    pub fn engagement_rate(&self) -> f64 {
        if self.impressions == 0 {
            return 0.0;
        }
        self.engagements as f64 / self.impressions as f64
    }

    /// `1 − min(1, engagement rate × factor)`: 1 when nobody does anything, 0 when many do.
    pub fn stagnation(&self, factor: f64) -> f64 {
        1.0 - (self.engagement_rate() * factor).min(1.0)
    }
}
