//! Draws that come out the same every time.

use crate::random::{FNV_OFFSET, fnv1a, mix};

/// What follows from a number: each draw is made by its name, so that a new one leaves the others
/// as they were.
#[derive(Clone, Copy, Debug)]
pub(super) struct Constants(u64);

impl Constants {
    pub(super) fn new(number: u64) -> Self {
        Self(mix(number))
    }

    /// Those of something that has a name.
    pub(super) fn of(self, name: &str) -> Self {
        Self(mix(self.0 ^ fnv1a(FNV_OFFSET, name.bytes())))
    }

    pub(super) fn number(self, what: &str) -> u64 {
        self.of(what).0
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(self, what: &str, end: u64) -> u64 {
        self.number(what) % end.max(1)
    }

    /// A byte between two, both included.
    pub(super) fn byte(self, what: &str, from: u8, to: u8) -> u8 {
        let width = u64::from(to.saturating_sub(from)) + 1;
        from.saturating_add(u8::try_from(self.below(what, width)).unwrap_or(0))
    }

    /// One of a list that is not empty.
    pub(super) fn one_of<T: Copy, const N: usize>(self, what: &str, of: &[T; N]) -> T {
        const { assert!(N > 0) };
        of[usize::try_from(self.below(what, N as u64)).unwrap_or(0)]
    }

    /// Whether something holds that holds for so many of a hundred.
    pub(super) fn holds(self, what: &str, percent: u64) -> bool {
        self.below(what, 100) < percent
    }
}
