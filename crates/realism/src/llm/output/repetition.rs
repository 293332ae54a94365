//! Loops: words, phrases, sentences and lines that come again and again.

use super::words::{self, Words};

/// Whether `text` repeats itself beyond what people write.
///
/// | what | how often |
/// |---|---|
/// | a sentence of eight words or more | twice |
/// | a sentence of four words or more | three times |
/// | a line | four times |
/// | one to eight words in a row | a run of four, and at least six words |
/// | five words in a row, in a text of forty or more | a quarter of all such places |
/// | a letter in a row | sixteen times |
pub(super) fn is_in(text: &str, words: &Words) -> bool {
    let repeated = repeated_phrases(words);
    let phrases = (words.hashes.len() + 1).saturating_sub(PHRASE);
    // A loop of words repeats a phrase of five at least once, so most texts need no closer look.
    letters_run(text)
        || repeated > 0 && words_run(&words.hashes)
        || words.hashes.len() >= PHRASE_WORDS_MIN && repeated * 4 >= phrases
        || sentences_repeat(words)
}

/// How many words make a phrase.
const PHRASE: usize = 5;

/// In a text with fewer words a repeated phrase may be a manner of speaking.
const PHRASE_WORDS_MIN: usize = 40;

/// Whether a letter or digit comes some sixteen times in a row: a run of that length fills at least
/// one group of eight bytes, and shorter ones may.
fn letters_run(text: &str) -> bool {
    const RUN_MIN: usize = 16;
    let bytes = text.as_bytes();
    let (eights, _) = bytes.as_chunks::<8>();
    eights.iter().enumerate().any(|(index, eight)| {
        let first = eight[0];
        if *eight != [first; 8] || !first.is_ascii_alphanumeric() {
            return false;
        }
        // The run may have started before, but not more than a group: that one would have told.
        let from = (8 * index).saturating_sub(8);
        let run = bytes[from..]
            .iter()
            .take(3 * 8)
            .skip_while(|byte| **byte != first)
            .take_while(|byte| **byte == first);
        run.count() >= RUN_MIN
    })
}

/// Whether the same one to eight words come at least four times in a row.
fn words_run(words: &[u64]) -> bool {
    const PERIOD_MAX: usize = 8;
    const TIMES: usize = 4;
    const WORDS_MIN: usize = 6;
    let mut runs = [0; PERIOD_MAX + 1];
    for (at, &word) in words.iter().enumerate() {
        for period in 1..=PERIOD_MAX.min(at) {
            // Rows of figures are no loop.
            let same = words[at - period] == word && !words::is_figure(word);
            runs[period] = if same { runs[period] + 1 } else { 0 };
            if runs[period] >= (period * (TIMES - 1)).max(WORDS_MIN.saturating_sub(period)) {
                return true;
            }
        }
    }
    false
}

/// How many phrases of five words came before.
fn repeated_phrases(words: &Words) -> usize {
    let mut seen = Seen::new(words.hashes.len());
    words
        .hashes
        .windows(PHRASE)
        .filter(|phrase| seen.times(words::combined(phrase)) > 1)
        .count()
}

fn sentences_repeat(words: &Words) -> bool {
    repeats(words, &words.sentence_ends, |times, words| {
        times >= 2 && words >= 8 || times >= 3 && words >= 4
    }) || repeats(words, &words.line_ends, |times, _| times >= 4)
}

/// Whether some part that ends at one of `ends` comes more often than `is_loop` allows for it.
fn repeats(words: &Words, ends: &[usize], is_loop: fn(u32, usize) -> bool) -> bool {
    let mut seen = Seen::new(ends.len());
    let mut start = 0;
    ends.iter().any(|&end| {
        let part = &words.hashes[start..end];
        start = end;
        is_loop(seen.times(words::combined(part)), part.len())
    })
}

/// How often a number came: a table with twice as many places as there can be numbers.
struct Seen {
    numbers: Vec<u64>,
    times: Vec<u32>,
}

impl Seen {
    fn new(count: usize) -> Self {
        let places = (count.max(8) * 2).next_power_of_two();
        Self {
            numbers: vec![0; places],
            times: vec![0; places],
        }
    }

    /// How often `number` came, this time included.
    fn times(&mut self, number: u64) -> u32 {
        let mask = self.numbers.len() - 1;
        let mut at = (number ^ number >> 29) as usize & mask;
        // A full table would not end the search; it ends after as many looks as there are places.
        for _ in 0..=mask {
            if self.times[at] == 0 || self.numbers[at] == number {
                self.numbers[at] = number;
                self.times[at] += 1;
                return self.times[at];
            }
            at = (at + 1) & mask;
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_in(text: &str) -> bool {
        super::is_in(text, &Words::of(text))
    }

    #[test]
    fn loops_are_seen_and_habits_are_not() {
        for text in [
            "Business, Business, Business, Business, Business, Business".to_owned(),
            "and so on and so on and so on and so on".to_owned(),
            "We will meet the team on Friday at ten. Fine. We will meet the team on Friday at ten."
                .to_owned(),
            "The meeting ended today. No. The meeting ended today. So. The meeting ended today."
                .to_owned(),
            "Luxury:\na\nLuxury:\nb\nLuxury:\nc\nLuxury:".to_owned(),
            "sooooooooooooooooooooo long".to_owned(),
            (0..20)
                .map(|n| format!("item {n} is part of the budget review process of the team "))
                .collect(),
        ] {
            assert!(is_in(&text), "{text}");
        }
        for text in [
            "",
            "No, no, no, not again.",
            "Thanks!\n\nI will send it. Thanks for the reminder. Thanks!\n\nAna",
            "The numbers are 0 0 0 0 0 0 0 0 and 5.",
            "Room 1: free\nRoom 2: free\nRoom 3: free",
            "I'm in touch with the vendor about the budget. I will be in touch with you once the budget is clear, and then we can plan the year. Until then please keep the old figures in the sheet, nobody should change them.",
        ] {
            assert!(!is_in(text), "{text}");
        }
    }
}
