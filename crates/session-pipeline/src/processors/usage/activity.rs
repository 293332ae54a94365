//! How long a session was active.
//!
//! Moments at most ten minutes apart belong to one stretch; a session was active from the beginning
//! to the end of each stretch. Stretches are kept instead of moments, so rows may come in any order.

use serde::{Deserialize, Serialize};

/// Longest pause within a stretch, in microseconds.
const LONGEST_PAUSE: i64 = 600 * 1_000_000;
/// Stretches that are kept; more make the earliest two one that lasts as long as both.
const STRETCHES_MAX: usize = 4096;

/// Stretches of activity: first and last moment, in microseconds since 1970, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Activity(Vec<(i64, i64)>);

impl Activity {
    /// Adds a moment.
    pub(super) fn add(&mut self, at: i64) {
        // The first stretch that ends late enough to take the moment in.
        let first = self
            .0
            .partition_point(|(_, end)| end.saturating_add(LONGEST_PAUSE) < at);
        let mut merged = (at, at);
        let mut next = first;
        while let Some((start, end)) = self.0.get(next)
            && start.saturating_sub(LONGEST_PAUSE) <= merged.1
        {
            merged = (merged.0.min(*start), merged.1.max(*end));
            next += 1;
        }
        self.0.splice(first..next, [merged]);
        if self.0.len() > STRETCHES_MAX
            && let [(start, end), (later, last), ..] = *self.0.as_slice()
        {
            let length = (end - start).saturating_add(last - later);
            self.0.splice(0..2, [(last - length, last)]);
        }
    }

    /// The first and the last moment.
    pub(super) fn bounds(&self) -> Option<(i64, i64)> {
        Some((self.0.first()?.0, self.0.last()?.1))
    }

    /// Seconds of activity, rounded down.
    pub(super) fn active_seconds(&self) -> i64 {
        self.0.iter().map(|(start, end)| end - start).sum::<i64>() / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, on all moments at once.
    fn active_seconds(moments: &[i64]) -> i64 {
        let mut sorted = moments.to_vec();
        sorted.sort_unstable();
        let pauses = sorted.windows(2).map(|pair| pair[1] - pair[0]);
        pauses.filter(|pause| *pause <= LONGEST_PAUSE).sum::<i64>() / 1_000_000
    }

    proptest! {
        #[test]
        fn the_order_of_moments_does_not_matter(
            moments in proptest::collection::vec(0_i64..20_000_000_000, 0..60)
        ) {
            let mut activity = Activity::default();
            moments.iter().for_each(|at| activity.add(*at));
            prop_assert_eq!(activity.active_seconds(), active_seconds(&moments));
            let bounds = moments.iter().min().copied().zip(moments.iter().max().copied());
            prop_assert_eq!(activity.bounds(), bounds);
        }
    }

    #[test]
    fn ten_minutes_are_still_a_pause() {
        let mut activity = Activity::default();
        for at in [0, 600, 1201] {
            activity.add(at * 1_000_000);
        }
        assert_eq!(activity.active_seconds(), 600);
    }
}
