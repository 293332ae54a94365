//! The words of a text as numbers, which are quick to compare and to look up.

use crate::style::word_bits::{BLOCK, WordBits};

/// The words of a text, and where its lines and sentences end.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// One number for each word, whatever its case.
    pub(super) hashes: Vec<u64>,
    /// How many words there are before the end of each line with words.
    pub(super) line_ends: Vec<usize>,
    /// The same for sentences; the end of a line ends one too.
    pub(super) sentence_ends: Vec<usize>,
}

impl Words {
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut words = Self {
            hashes: Vec::with_capacity(bytes.len() / 5 + 2),
            ..Self::default()
        };
        let mut base = 0;
        let mut in_word = 0;
        // Where the last word started, and where it ended.
        let (mut start, mut end) = (0, 0);
        while base < bytes.len() {
            let bits = WordBits::of(&bytes[base..]);
            let in_words = bits.ascii | bits.other;
            let mut changes = in_words ^ (in_words << 1 | in_word);
            while changes != 0 {
                let at = changes.trailing_zeros() as usize;
                changes &= changes - 1;
                if in_words >> at & 1 != 0 {
                    start = base + at;
                    words.take_gap(&bytes[end..start]);
                } else {
                    end = base + at;
                    words.hashes.push(hash(bytes, start, end));
                }
            }
            in_word = in_words >> (BLOCK - 1);
            base += BLOCK;
        }
        if in_word != 0 && end <= start {
            words.hashes.push(hash(bytes, start, bytes.len()));
        }
        words.end_line();
        words
    }

    /// Takes in what stands between two words.
    fn take_gap(&mut self, gap: &[u8]) {
        if gap == b" " {
            return;
        }
        if gap.contains(&b'\n') {
            self.end_line();
        } else if gap.len() > 1 && gap.iter().any(|byte| matches!(byte, b'.' | b'!' | b'?')) {
            self.end_sentence();
        }
    }

    fn end_line(&mut self) {
        self.end_sentence();
        if self.line_ends.last().copied().unwrap_or(0) < self.hashes.len() {
            self.line_ends.push(self.hashes.len());
        }
    }

    fn end_sentence(&mut self) {
        if self.sentence_ends.last().copied().unwrap_or(0) < self.hashes.len() {
            self.sentence_ends.push(self.hashes.len());
        }
    }
}

/// The number of one word, as [`Words`] has it.
pub(super) fn hash_of(word: &str) -> u64 {
    hash(word.as_bytes(), 0, word.len())
}

/// The number of the word from `start` to `end`.
fn hash(bytes: &[u8], start: usize, end: usize) -> u64 {
    let mut hash = 0;
    let mut letters = 0;
    let mut at = start;
    while at < end {
        let mut eight = eight_at(bytes, at);
        if end - at < 8 {
            eight &= (1 << (8 * (end - at))) - 1;
        }
        // The bits that digits lack, as letters and the bytes of other characters have them.
        letters |= eight & 0xc0c0_c0c0_c0c0_c0c0;
        hash = (hash ^ (eight | CASE)).wrapping_mul(PRIME);
        hash ^= hash >> 32;
        at += 8;
    }
    if letters != 0 { hash | 1 } else { hash & !1 }
}

/// Eight bytes from `at` on, with zeros for those that are missing.
fn eight_at(bytes: &[u8], at: usize) -> u64 {
    let rest = &bytes[at..];
    match rest.first_chunk::<8>() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => rest
            .iter()
            .rev()
            .fold(0, |eight, byte| eight << 8 | u64::from(*byte)),
    }
}

const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;

/// The bit in which the two cases of a letter differ, for eight of them.
const CASE: u64 = 0x2020_2020_2020_2020;

/// Whether a word has digits only.
pub(super) fn is_figure(hash: u64) -> bool {
    hash & 1 == 0
}

/// One number for a row of words.
pub(super) fn combined(hashes: &[u64]) -> u64 {
    // The numbers are well mixed by themselves; turning them keeps their order in the result.
    hashes
        .iter()
        .fold(7, |hash: u64, word| hash.rotate_left(11) ^ word)
}
