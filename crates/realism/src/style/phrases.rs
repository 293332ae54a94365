//! Finding any of many phrases in one pass over a text.

use super::word_bits::{BLOCK, WordBits};

/// A list of phrases, indexed by their first two letters.
///
/// Phrases are written in lower case. They are found in any case, at the start of a word, and end
/// at the end of one, unless they end in `*`. A blank in a phrase stands for a blank or a line
/// end, an apostrophe for the curly one too. Of several phrases at one place the longest is found.
pub(crate) struct Phrases<T> {
    /// Sorted by key, then longest first.
    entries: Vec<Entry<T>>,
    /// Where the entries of each key start; one more than there are keys.
    starts: Vec<u16>,
    /// One bit for each three letters that a phrase starts with: most words need no closer look.
    openings: Vec<u64>,
}

struct Entry<T> {
    phrase: &'static str,
    value: T,
    /// The first letters in one case, and which bits of them tell: one look rules most out.
    prefix: u64,
    mask: u64,
}

/// A phrase in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found<T> {
    /// Byte offset of its first letter.
    pub(crate) start: usize,
    /// Byte offset after its last letter.
    pub(crate) end: usize,
    /// What the list says about it.
    pub(crate) value: T,
}

/// Five bits of each of two bytes, which are the same for both cases of a letter.
const KEYS: usize = 1 << 10;

impl<T: Copy> Phrases<T> {
    /// The index of `list`.
    pub(crate) fn new(list: &[(&'static str, T)]) -> Self {
        let mut entries: Vec<Entry<T>> = list
            .iter()
            .map(|(phrase, value)| Entry::new(phrase, *value))
            .collect();
        entries.sort_by_key(|entry| {
            (
                key(entry.phrase.as_bytes()),
                usize::MAX - entry.phrase.len(),
            )
        });
        let mut starts = vec![0; KEYS + 1];
        let mut openings = vec![0; OPENINGS / 64];
        for Entry { phrase, .. } in &entries {
            starts[key(phrase.as_bytes()) + 1] += 1;
            // Anything may follow a shorter phrase, a star, and an apostrophe, which may be curly.
            let letters = phrase.bytes().take(3).take_while(|byte| *byte != b'*');
            let apostrophe = phrase.bytes().position(|byte| byte == b'\'');
            let fixed = letters.count().min(apostrophe.map_or(3, |at| at + 1));
            for rest in 0..1 << (5 * (3 - fixed)) {
                let opening = opening(&phrase.as_bytes()[..fixed]) | rest << (5 * fixed);
                openings[opening / 64] |= 1 << (opening % 64);
            }
        }
        for index in 1..starts.len() {
            starts[index] += starts[index - 1];
        }
        Self {
            entries,
            starts,
            openings,
        }
    }

    /// The first phrase that starts at or after the byte offset `from`.
    pub(crate) fn find(&self, text: &str, from: usize) -> Option<Found<T>> {
        let bytes = text.as_bytes();
        let mut base = from;
        let mut in_word = from > 0 && bytes[from - 1].is_ascii_alphanumeric();
        while base < bytes.len() {
            let bits = WordBits::of(&bytes[base..]);
            // Behind a sign of Unicode a word may start as well as go on.
            let mut starts = (bits.ascii | bits.other) & !(bits.ascii << 1 | u64::from(in_word));
            while starts != 0 {
                let at = base + starts.trailing_zeros() as usize;
                starts &= starts - 1;
                if self.may_start(bytes, at)
                    && let Some(found) = self.at(text, at)
                    && starts_word(text, at)
                {
                    return Some(found);
                }
            }
            in_word = bits.ascii >> (BLOCK - 1) != 0;
            base += BLOCK;
        }
        None
    }

    fn may_start(&self, bytes: &[u8], at: usize) -> bool {
        is_set(&self.openings, opening_at(bytes, at))
    }

    /// Whether a phrase stands at the start of the word at the byte offset `at`.
    fn stands_at(&self, text: &str, at: usize, opening: usize) -> bool {
        is_set(&self.openings, opening) && self.at(text, at).is_some() && starts_word(text, at)
    }

    /// The longest phrase that starts at the byte offset `at`.
    pub(crate) fn at(&self, text: &str, at: usize) -> Option<Found<T>> {
        let bytes = text.as_bytes();
        let key = key(bytes.get(at..)?);
        let letters = first_eight(&bytes[at..]);
        let candidates = usize::from(self.starts[key])..usize::from(self.starts[key + 1]);
        self.entries[candidates].iter().find_map(|entry| {
            if letters & entry.mask != entry.prefix {
                return None;
            }
            let end = match_at(bytes, at, entry.phrase.as_bytes())?;
            Some(Found {
                start: at,
                end,
                value: entry.value,
            })
        })
    }
}

/// Three lists that are looked for together: a text is walked through once, and most hold no phrase
/// of any of them.
pub(crate) struct ThreeLists<A: 'static, B: 'static, C: 'static> {
    lists: (
        &'static Phrases<A>,
        &'static Phrases<B>,
        &'static Phrases<C>,
    ),
    /// The openings of all lists.
    openings: Vec<u64>,
}

impl<A: Copy, B: Copy, C: Copy> ThreeLists<A, B, C> {
    /// These lists, as one.
    pub(crate) fn new(
        one: &'static Phrases<A>,
        two: &'static Phrases<B>,
        three: &'static Phrases<C>,
    ) -> Self {
        let both = one.openings.iter().zip(&two.openings);
        let openings = both.zip(&three.openings).map(|((a, b), c)| a | b | c);
        Self {
            lists: (one, two, three),
            openings: openings.collect(),
        }
    }

    /// Of which lists `text` holds a phrase.
    pub(crate) fn in_text(&self, text: &str) -> [bool; 3] {
        let (one, two, three) = self.lists;
        let bytes = text.as_bytes();
        let mut found = [false; 3];
        for_each_word(bytes, |at| {
            let opening = opening_at(bytes, at);
            if is_set(&self.openings, opening) {
                found[0] = found[0] || one.stands_at(text, at, opening);
                found[1] = found[1] || two.stands_at(text, at, opening);
                found[2] = found[2] || three.stands_at(text, at, opening);
            }
        });
        found
    }
}

/// Calls `look` with each place where a word may start.
fn for_each_word(bytes: &[u8], mut look: impl FnMut(usize)) {
    let mut base = 0;
    let mut in_word = false;
    while base < bytes.len() {
        let bits = WordBits::of(&bytes[base..]);
        // Behind a sign of Unicode a word may start as well as go on.
        let mut starts = (bits.ascii | bits.other) & !(bits.ascii << 1 | u64::from(in_word));
        while starts != 0 {
            look(base + starts.trailing_zeros() as usize);
            starts &= starts - 1;
        }
        in_word = bits.ascii >> (BLOCK - 1) != 0;
        base += BLOCK;
    }
}

fn is_set(openings: &[u64], opening: usize) -> bool {
    openings[opening / 64] >> (opening % 64) & 1 != 0
}

impl<T> Entry<T> {
    fn new(phrase: &'static str, value: T) -> Self {
        let is_fixed = |byte: &u8| byte.is_ascii() && !matches!(byte, b'\'' | b'*');
        let mask = phrase
            .bytes()
            .take(8)
            .take_while(is_fixed)
            .enumerate()
            // Blanks and line ends look different.
            .filter(|(_, byte)| *byte != b' ')
            .fold(0, |mask, (index, _)| mask | 0xff << (8 * index));
        Self {
            phrase,
            value,
            prefix: first_eight(phrase.as_bytes()) & mask,
            mask,
        }
    }
}

/// The first eight bytes, with the bit set in which the cases of a letter differ.
fn first_eight(bytes: &[u8]) -> u64 {
    const CASE: u64 = 0x2020_2020_2020_2020;
    let eight = match bytes.first_chunk::<8>() {
        Some(eight) => *eight,
        None => {
            let mut eight = [0; 8];
            eight[..bytes.len()].copy_from_slice(bytes);
            eight
        }
    };
    u64::from_le_bytes(eight) | CASE
}

/// Five bits of each of three bytes.
const OPENINGS: usize = 1 << 15;

fn key(bytes: &[u8]) -> usize {
    opening(&bytes[..bytes.len().min(2)])
}

/// Five bits of each of at most three bytes; a missing one counts like a blank.
fn opening(bytes: &[u8]) -> usize {
    bytes.iter().rev().fold(0, |bits, byte| {
        bits << 5 | usize::from(BITS[usize::from(*byte)])
    })
}

/// The [`opening`] of the word at `at`.
fn opening_at(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..at + 3) {
        Some(&[one, two, three]) => {
            let bits = |byte| usize::from(BITS[usize::from(byte)]);
            bits(one) | bits(two) << 5 | bits(three) << 10
        }
        _ => opening(&bytes[at..]),
    }
}

/// Bits that are the same for both cases of a letter, for every blank, and for every apostrophe.
const BITS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b' ' | b'\n' | b'\t' => 0,
            b'\'' | 0xe2 => 7,
            other => other & 31,
        };
        byte += 1;
    }
    table
};

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Whether no letter stands before `at`.
fn starts_word(text: &str, at: usize) -> bool {
    text.get(..at)
        .is_some_and(|before| !before.ends_with(char::is_alphanumeric))
}

/// Where `phrase` ends if it stands at `at`.
fn match_at(text: &[u8], at: usize, phrase: &[u8]) -> Option<usize> {
    let mut position = at;
    for &wanted in phrase {
        match wanted {
            b'*' => return Some(position),
            b' ' => {
                if !matches!(text.get(position)?, b' ' | b'\n' | b'\t') {
                    return None;
                }
                position += 1;
            }
            b'\'' if text.get(position) == Some(&0xe2) => {
                if !matches!(text.get(position + 1..position + 3)?, [0x80, 0x98 | 0x99]) {
                    return None;
                }
                position += 3;
            }
            wanted => {
                let byte = *text.get(position)?;
                let same = byte.to_ascii_lowercase() == wanted
                    // The capitals of Latin-1, such as `É`.
                    || matches!(byte, 0x80..=0x9e) && byte | 0x20 == wanted && text[position - 1] == 0xc3;
                if !same {
                    return None;
                }
                position += 1;
            }
        }
    }
    let ends_in_word = phrase.last().copied().is_some_and(is_word);
    let goes_on = match text.get(position) {
        // Signs of Latin-1 and of general punctuation are no letters.
        Some(0xc2) => false,
        Some(0xe2) => !matches!(text.get(position + 1), Some(0x80)),
        Some(&next) => is_word(next),
        None => false,
    };
    (!(ends_in_word && goes_on)).then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_phrase_at_the_start_of_a_word_is_found() {
        let phrases = Phrases::new(&[
            ("i'm sorry", 1),
            ("i'm sorry, but", 2),
            ("él va", 3),
            ("writ*", 4),
            ("a line", 5),
        ]);
        for (text, expected) in [
            ("I'm sorry.", Some((0, 9, 1))),
            ("oh, I’m\nSORRY, but no", Some((4, 20, 2))),
            ("¿Él va?", Some((2, 8, 3))),
            ("ÉL VA", Some((0, 6, 3))),
            ("aél va", None),
            ("now writing", Some((4, 8, 4))),
            ("a lines", None),
            ("a line… x", Some((0, 6, 5))),
            ("", None),
        ] {
            let found = phrases.find(text, 0);
            assert_eq!(found.map(|f| (f.start, f.end, f.value)), expected, "{text}");
        }
    }
}
