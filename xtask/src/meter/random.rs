//! Draws that follow from a seed.

use std::ops::Range;

/// SplitMix64. A world for measuring needs no better generator, and this one needs no crate.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The generator of one purpose: another purpose of the same seed draws other numbers.
    pub(super) fn new(seed: u64, purpose: &str) -> Self {
        let mut random = Self(seed);
        for byte in purpose.bytes() {
            random.0 = random.next() ^ u64::from(byte);
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `range`, which is not empty. The bias of a remainder is far below what anybody
    /// could measure at these sizes.
    pub(super) fn number(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// Whether something that happens `percent` times in a hundred happens.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.number(0..100) < percent
    }

    /// One of `choices`, of which there is at least one.
    pub(super) fn choice<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.number(0..choices.len() as u64) as usize]
    }

    /// The place of a weight, each drawn as often as it weighs; their sum is not zero.
    pub(super) fn weighted(&mut self, weights: impl Iterator<Item = u64> + Clone) -> usize {
        let mut left = self.number(0..weights.clone().sum());
        for (place, weight) in weights.enumerate() {
            match left.checked_sub(weight) {
                Some(rest) => left = rest,
                None => return place,
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_purpose_draw_the_same() {
        let draws = |seed, purpose| {
            let mut random = Random::new(seed, purpose);
            [(); 4].map(|()| random.number(0..1_000_000))
        };
        assert_eq!(draws(1, "people"), draws(1, "people"));
        assert_ne!(draws(1, "people"), draws(1, "moments"));
        assert_ne!(draws(1, "people"), draws(2, "people"));
    }

    #[test]
    fn weights_decide_how_often() {
        let mut random = Random::new(7, "weights");
        let mut counts = [0_u32; 3];
        for _ in 0..1_000 {
            counts[random.weighted([0, 3, 1].into_iter())] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!((650..850).contains(&counts[1]), "{counts:?}");
    }
}
