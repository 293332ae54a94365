//! Texts that are the same, or nearly.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

use super::alternative::each_word;
use super::bytes::mix;

/// Smallest hashes that are kept of a text. Texts with no more groups of three words are compared
/// exactly.
const KEPT: usize = 128;

/// How many of them are looked up to find what may be alike.
const LOOKED_UP: usize = 8;

/// What more texts share is a formula, and says nothing.
const SHARED_MAX: usize = 400;

/// What is kept of a text.
#[derive(Debug, Default)]
pub(super) struct Sketch {
    /// Hash of the words and signs, if there are eight words.
    pub(super) body: Option<u64>,
    /// Smallest hashes of three words in a row, in order, if there are twelve words.
    pub(super) shingles: Vec<u32>,
}

pub(super) fn sketch(text: &str) -> Sketch {
    let words = text.split_whitespace().take(12).count();
    Sketch {
        body: (words >= 8).then(|| body(text)),
        shingles: if words >= 12 {
            shingles(text)
        } else {
            Vec::new()
        },
    }
}

/// Hash of a text in lower case in which all signs between words are one.
fn body(text: &str) -> u64 {
    let mut hash = 0x9e37_79b9_7f4a_7c15;
    let mut in_word = true;
    for c in text.chars().flat_map(char::to_lowercase) {
        let is_word = c.is_alphanumeric() || c == '_';
        if is_word {
            hash = mix(hash, u64::from(u32::from(c)));
        } else if in_word {
            hash = mix(hash, u64::from(b' '));
        }
        in_word = is_word;
    }
    hash
}

fn shingles(text: &str) -> Vec<u32> {
    let mut hashes = Vec::new();
    let mut last = [0_u64; 2];
    let mut count = 0_usize;
    each_word(text, |word| {
        let [first, second] = last;
        last = [second, word];
        count += 1;
        if count >= 3 {
            let mixed = (first.rotate_left(21) ^ second.rotate_left(42) ^ word)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            hashes.push((mixed >> 32) as u32);
        }
        true
    });
    hashes.sort_unstable();
    hashes.dedup();
    hashes.truncate(KEPT);
    hashes
}

/// For each text whether another shares more than nine tenths, and more than half, of it.
pub(super) fn near(texts: &[&[u32]]) -> Vec<(bool, bool)> {
    let mut holders: HashMap<u32, Vec<usize>, BuildHasherDefault<DefaultHasher>> =
        HashMap::default();
    for (index, text) in texts.iter().enumerate() {
        for shingle in text.iter().take(LOOKED_UP) {
            let holders = holders.entry(*shingle).or_default();
            if holders.len() <= SHARED_MAX {
                holders.push(index);
            }
        }
    }
    let mut near = vec![(false, false); texts.len()];
    for (index, text) in texts.iter().enumerate() {
        let mut others: Vec<usize> = text
            .iter()
            .take(LOOKED_UP)
            .filter_map(|shingle| holders.get(shingle))
            .filter(|holders| holders.len() <= SHARED_MAX)
            .flatten()
            .copied()
            .filter(|other| *other > index)
            .collect();
        others.sort_unstable();
        others.dedup();
        for other in others {
            let Some(other_text) = texts.get(other) else {
                continue;
            };
            let (shared, all) = overlap(text, other_text);
            for at in [index, other] {
                if let Some((very, half)) = near.get_mut(at) {
                    *very |= shared * 10 > all * 9;
                    *half |= shared * 2 > all;
                }
            }
        }
    }
    near
}

/// Size of the intersection and of the union of two ordered lists, as far as both reach.
fn overlap(one: &[u32], other: &[u32]) -> (usize, usize) {
    // A list that was cut says nothing about hashes above its last.
    let reach = |list: &[u32]| {
        if list.len() < KEPT {
            u32::MAX
        } else {
            list.last().copied().unwrap_or(u32::MAX)
        }
    };
    let end = reach(one).min(reach(other));
    let mut one = one.iter().take_while(|hash| **hash <= end).peekable();
    let mut other = other.iter().take_while(|hash| **hash <= end).peekable();
    let (mut shared, mut all) = (0, 0);
    loop {
        let step = match (one.peek(), other.peek()) {
            (None, None) => return (shared, all),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => a.cmp(b),
        };
        all += 1;
        if step.is_le() {
            one.next();
        }
        if step.is_ge() {
            other.next();
        }
        if step.is_eq() {
            shared += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_are_alike_are_found() {
        let base = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen";
        let texts = [
            base.to_owned(),
            base.to_uppercase() + ".",
            format!("{base} and more"),
            "nothing of this stands in any of the other texts that were written here today"
                .to_owned(),
        ];
        let sketches: Vec<_> = texts.iter().map(|text| sketch(text)).collect();
        let shingles: Vec<&[u32]> = sketches.iter().map(|sketch| &sketch.shingles[..]).collect();
        assert_eq!(
            near(&shingles),
            [(true, true), (true, true), (false, true), (false, false)]
        );
        assert_ne!(
            sketches[0].body, sketches[1].body,
            "the full stop is a sign between words"
        );
        assert!(sketch("too short").body.is_none());
    }
}
