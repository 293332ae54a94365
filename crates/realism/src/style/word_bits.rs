//! Which bytes of a text belong to words, 64 at a time.
//!
//! Where words start is what a branch predictor knows least about, so it is computed for many
//! bytes at once and without branches.

/// Bits of 64 bytes, the first byte lowest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WordBits {
    /// ASCII letters and digits.
    pub(crate) ascii: u64,
    /// Bytes of other characters: mostly letters, though signs of Unicode are among them.
    pub(crate) other: u64,
}

/// How many bytes one [`WordBits`] covers.
pub(crate) const BLOCK: usize = 64;

impl WordBits {
    /// The bits of the first 64 bytes; bytes that are missing belong to no word.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut bits = Self::default();
        let (eights, rest) = bytes[..bytes.len().min(BLOCK)].as_chunks::<8>();
        for (index, eight) in eights.iter().enumerate() {
            bits.take(u64::from_le_bytes(*eight), index);
        }
        if !rest.is_empty() {
            let mut eight = [0; 8];
            eight[..rest.len()].copy_from_slice(rest);
            bits.take(u64::from_le_bytes(eight), eights.len());
        }
        bits
    }

    fn take(&mut self, eight: u64, index: usize) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x80 * ONES;
        const CASE: u64 = 0x20 * ONES;
        // Seven bits per byte: no sum below carries into the next byte.
        let low = eight & !HIGH;
        let at_least = |bytes: u64, least: u8| bytes + u64::from(0x80 - least) * ONES;
        let folded = low | CASE;
        let letter = at_least(folded, b'a') & !at_least(folded, b'z' + 1);
        let digit = at_least(low, b'0') & !at_least(low, b'9' + 1);
        self.ascii |= gathered((letter | digit) & !eight & HIGH) << (8 * index);
        self.other |= gathered(eight & HIGH) << (8 * index);
    }
}

/// The high bits of eight bytes as eight bits.
fn gathered(high: u64) -> u64 {
    // Each product of a bit and a bit of the factor has a place of its own.
    (high >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_byte_has_its_bit(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let bits = WordBits::of(&bytes);
            for (at, byte) in bytes.iter().enumerate().take(BLOCK) {
                prop_assert_eq!(bits.ascii >> at & 1 != 0, byte.is_ascii_alphanumeric());
                prop_assert_eq!(bits.other >> at & 1 != 0, *byte >= 0x80);
            }
            if bytes.len() < BLOCK {
                prop_assert_eq!((bits.ascii | bits.other) >> bytes.len(), 0);
            }
        }
    }
}
