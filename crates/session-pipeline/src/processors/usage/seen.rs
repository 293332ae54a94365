//! Which rows, messages and tool uses were counted: 64 bits of a hash for each, in the order in
//! which they came.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use crate::record::RecordId;

/// Most that are remembered; then the older half is forgotten. A megabyte of a transcript has about
/// 600, so what repeats within 200 MB of one session is recognised. Reports recognise messages and
/// tool uses however far apart they are.
const MOST: usize = 250_000;

/// 64 bits of the hash of an id.
pub(super) fn key(parts: &[&str]) -> u64 {
    let RecordId(bytes) = RecordId::of(parts);
    let mut key = [0; 8];
    key.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(key)
}

/// A set that knows its order.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    order: Vec<u64>,
    set: HashSet<u64, BuildHasherDefault<AlreadyHashed>>,
}

impl Seen {
    /// Adds a key; says whether it is new.
    pub(super) fn insert(&mut self, key: u64) -> bool {
        if !self.set.insert(key) {
            return false;
        }
        self.order.push(key);
        if self.order.len() > MOST {
            for old in self.order.drain(..MOST / 2) {
                self.set.remove(&old);
            }
        }
        true
    }

    /// Length of what [`write`](Self::write) writes.
    pub(super) fn bytes(&self) -> usize {
        8 * self.order.len()
    }

    /// Writes the keys in their order, little-endian.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        for key in &self.order {
            bytes.extend_from_slice(&key.to_le_bytes());
        }
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (keys, []) = bytes.as_chunks::<8>() else {
            return None;
        };
        let order: Vec<u64> = keys.iter().map(|key| u64::from_le_bytes(*key)).collect();
        let set = order.iter().copied().collect();
        Some(Self { order, set })
    }
}

/// The keys are hashes already.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut seen = Seen::default();
        assert!(seen.insert(7) && seen.insert(u64::MAX) && !seen.insert(7));
        let mut bytes = Vec::new();
        seen.write(&mut bytes);
        assert_eq!(bytes.len(), seen.bytes());
        let mut again = Seen::read(&bytes).unwrap();
        assert!(!again.insert(7) && again.insert(8));
        assert!(Seen::read(&bytes[1..]).is_none());
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut seen = Seen::default();
        for key in 0..MOST as u64 + 1 {
            assert!(seen.insert(key));
        }
        assert!(!seen.insert(MOST as u64));
        assert!(seen.insert(0));
        assert!(seen.order.len() <= MOST);
    }
}
