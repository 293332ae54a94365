//! What keeps a text from being pinned, though it may be honest.
//!
//! [Signs](super::signs) are strong: a text that has one is meant for its scorer. A doubt is weak: about
//! half of all honest replies leave one, and it costs no more than the step from 2 to 3. In return
//! doubts need not know how a plea is worded. They go by what each sentence is made of:
//!
//! - a word that points at the text, its reader or what was just said (`it`, `this`, `you`), beside one
//!   that is neither plain business nor anything that the other side spoke of;
//! - words of the fields that a plea to be kept takes its own from, beside nothing that the other side
//!   spoke of: remembering and keeping, ranking and grading, mattering, lasting for ever;
//! - the text itself: `this mail`, `these lines`;
//! - words that the rules do not read, so that nobody knows what they plead.
//!
//! Who settles a contract does without: what both sides call it was said before, and the rest is plain.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::signs::{
    beginnings, folded, is_encoded, is_foreign, sentences, without_digits, words_of,
};
use super::wording::{
    BEGINNINGS, ENGLISH, PLEA_STEMS, PLEA_WORDS, POINTING, SELF, SPANISH, TEXTS, WEAK_PLEA_WORDS,
    Words, is_of_matter,
};
use crate::memory::clean;

/// Words from which on a sentence has to have some that the rules read.
const SENTENCE_MIN: usize = 4;
/// One of how many words of a sentence has to be among those that the rules read.
const READ_IN: usize = 3;
/// So many words in a row are looked at on their own.
const PASSAGE: usize = 6;
/// Most letters of the words that hold sentences together.
const SHORT: usize = 4;
/// From how many letters on a word that the other side used says what a sentence is about.
const SAID_MIN: usize = 4;
/// From how many letters on a word may be several that are run together.
const RUN_TOGETHER_MIN: usize = 12;
/// From how many letters on the beginning of a plea counts wherever it stands in such a word.
const ANYWHERE_MIN: usize = 4;
/// From how many letters on it counts across the words of a text: by chance no shorter ones do.
const ACROSS_MIN: usize = 7;
/// Most words with figures in a row. As often the same one may not stand in a sentence.
const FIGURES_MOST: usize = 3;

/// Why a text is not plain enough to be pinned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Doubt {
    /// It may plead to be kept.
    Pleading,
    /// It has a passage that the rules do not read.
    Unread,
    /// It is not written as correspondence is.
    Odd,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pleading => "may plead to be kept",
            Self::Unread => "has a passage that rules do not read",
            Self::Odd => "is not written as correspondence is",
        })
    }
}

/// The first doubt about a text, if there is one. `said` are texts of the other side: a sentence that
/// takes something up from there is about something.
pub fn doubt_in<'a>(text: &str, said: impl IntoIterator<Item = &'a str>) -> Option<Doubt> {
    let text = clean(text);
    if is_odd(&text) {
        return Some(Doubt::Odd);
    }
    let said: BTreeSet<String> = said
        .into_iter()
        .flat_map(words_of)
        .map(|word| folded(&word))
        .filter(|word| word.len() >= SAID_MIN && !is_read(word) && !has_digit(word))
        .collect();
    // Once line by line, and once with the lines of a paragraph put together again.
    let unwrapped = unwrapped(&text);
    let mut all = sentences(&text).chain(sentences(&unwrapped));
    if all.any(|sentence| Sentence::of(sentence).pleads(&said)) || is_split(&text) {
        return Some(Doubt::Pleading);
    }
    has_unread(&text).then_some(Doubt::Unread)
}

/// Whether the rules read all of a text, plea or not.
pub(super) fn is_legible(text: &str) -> bool {
    !is_odd(text) && !has_unread(text)
}

fn has_unread(text: &str) -> bool {
    sentences(text).any(|sentence| !Sentence::of(sentence).is_read())
        || text.split_whitespace().any(is_foreign)
}

fn is_odd(text: &str) -> bool {
    text.chars().any(is_picture)
        || text.split_whitespace().any(is_odd_word)
        || has_too_many_figures(text)
        || beginnings(text).any(|name| BEGINNINGS.contains(name.as_str()))
}

/// Whether this sentence has words of a plea, beside whatever else.
pub(super) fn has_plea(sentence: &str) -> bool {
    Sentence::of(sentence).has_plea(&BTreeSet::new())
}

/// How much a word has of a plea.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    None,
    /// Common in plain correspondence too.
    Weak,
    Strong,
}

struct Word {
    folded: String,
    is_capital: bool,
    weight: Weight,
}

struct Sentence {
    words: Vec<Word>,
    /// Whether no more than half of its words have capitals.
    has_names: bool,
}

impl Sentence {
    fn of(text: &str) -> Self {
        let words = raw_words(text).map(|raw| {
            let folded = folded(&raw.replace('’', "'"));
            Word {
                is_capital: raw.starts_with(char::is_uppercase),
                weight: weight(&folded),
                folded,
            }
        });
        let words: Vec<Word> = words.collect();
        let capitals = words.iter().filter(|word| word.is_capital).count();
        Self {
            has_names: capitals * 2 <= words.len() + 1,
            words,
        }
    }

    /// The different words of a weight.
    fn different(&self, weight: Weight) -> usize {
        let words = self.words.iter().filter(|word| word.weight == weight);
        let words: BTreeSet<&str> = words.map(|word| word.folded.as_str()).collect();
        words.len()
    }

    /// Whether this word is a name. Not everything is one that has a capital.
    fn is_name(&self, at: usize, word: &Word) -> bool {
        word.is_capital && at > 0 && self.has_names
    }

    fn has_one_of(&self, list: &Words) -> bool {
        let mut words = self.words.iter();
        words.any(|word| list.contains(word.folded.as_str()))
    }

    /// Whether the sentence takes up what the other side spoke of. Amounts and dates do not count: anybody
    /// can put one beside anything.
    fn is_about_something(&self, said: &BTreeSet<String>) -> bool {
        let mut words = self.words.iter();
        words.any(|word| word.weight == Weight::None && said.contains(&word.folded))
    }

    /// Whether the sentence speaks of the text that it stands in: `this mail`, `these few lines`.
    fn speaks_of_its_text(&self) -> bool {
        const THIS: &[&str] = &[
            "this", "these", "present", "este", "esta", "estas", "presente",
        ];
        let is_text = |word: &Word| TEXTS.contains(word.folded.as_str());
        let mut words = self.words.iter().enumerate();
        words.any(|(at, word)| {
            let next = self.words.iter().skip(at + 1).take(2);
            THIS.contains(&word.folded.as_str()) && next.into_iter().any(is_text)
        })
    }

    /// Whether the sentence points at something and says of it what nobody spoke of before.
    fn is_loose(&self, said: &BTreeSet<String>) -> bool {
        // A greeting or a signature.
        let is_signature = self.words.len() <= 2 && self.words.iter().all(|word| word.is_capital);
        let mut words = self.words.iter().enumerate();
        let has_unread = words.any(|(at, word)| {
            let is_known = is_read(&word.folded) || is_of_matter(&word.folded);
            !is_known && !has_digit(&word.folded) && !self.is_name(at, word)
        });
        !is_signature && has_unread && self.has_one_of(&POINTING) && !self.is_about_something(said)
    }

    fn pleads(&self, said: &BTreeSet<String>) -> bool {
        self.is_loose(said) || self.has_plea(said)
    }

    fn has_plea(&self, said: &BTreeSet<String>) -> bool {
        if self.speaks_of_its_text() {
            return true;
        }
        let (strong, weak) = (self.different(Weight::Strong), self.different(Weight::Weak));
        if strong + weak == 0 {
            return false;
        }
        if strong > 1 || weak > 0 && self.has_one_of(&SELF) {
            return true;
        }
        // What the sentence is about beside that.
        let others = self.words.iter().filter(|word| {
            word.weight == Weight::None
                && !is_read(&word.folded)
                && !word.folded.starts_with(|c: char| c.is_ascii_digit())
        });
        let is_bare = others.count() <= 1;
        (strong > 0 || weak > 1 || is_bare)
            && (self.has_one_of(&POINTING) || !self.is_about_something(said))
    }

    /// Whether the rules read this sentence: as English or as Spanish, not as a bit of both.
    fn is_read(&self) -> bool {
        let words = self.words.iter().enumerate();
        let words: Vec<&str> = words
            .filter(|(at, word)| !has_digit(&word.folded) && !self.is_name(*at, word))
            .map(|(_, word)| word.folded.as_str())
            .collect();
        reads(&words, &ENGLISH) || reads(&words, &SPANISH)
    }
}

/// Whether every passage of these words has some of a language.
fn reads(words: &[&str], language: &Words) -> bool {
    let is_known = |word: &&str| language.contains(word) || is_of_matter(word);
    let reads = |words: &[&str]| {
        let known = words.iter().filter(|word| is_known(word)).count();
        // Words of one or two letters are the same in many languages.
        let has_longer = words.iter().any(|word| word.len() > 2 && is_known(word));
        // Hardly six words of a sentence do without one of these.
        let has_short = words
            .iter()
            .any(|word| word.len() <= SHORT && is_known(word));
        let is_whole = words.len() < PASSAGE || has_short;
        words.len() < SENTENCE_MIN || has_longer && is_whole && known * READ_IN >= words.len()
    };
    reads(words) && words.windows(PASSAGE).all(reads)
}

fn is_read(word: &str) -> bool {
    ENGLISH.contains(word) || SPANISH.contains(word)
}

fn has_digit(word: &str) -> bool {
    word.chars().any(|c| c.is_ascii_digit())
}

fn weight(word: &str) -> Weight {
    let begins = |word: &str| PLEA_STEMS.iter().any(|stem| word.starts_with(stem));
    let is_strong = |word: &str| PLEA_WORDS.contains(word) || begins(word);
    let is_run_together = || {
        word.len() >= RUN_TOGETHER_MIN
            && PLEA_STEMS
                .iter()
                .any(|stem| stem.len() >= ANYWHERE_MIN && word.contains(stem))
    };
    let has_letter = word.chars().any(char::is_alphabetic);
    if WEAK_PLEA_WORDS.contains(word) {
        Weight::Weak
    } else if is_strong(word)
        || has_letter && has_digit(word) && is_strong(&without_digits(word))
        || is_run_together()
    {
        Weight::Strong
    } else {
        Weight::None
    }
}

fn raw_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '\'' || c == '’'))
        .map(|word| word.trim_matches(['\'', '’']))
        .filter(|word| !word.is_empty())
}

/// The text with its lines put together where one goes on in the next.
fn unwrapped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lines = text.lines();
    // The first one is a subject.
    out.push_str(lines.next().unwrap_or_default());
    out.push('\n');
    for line in lines {
        let line = line.trim();
        if let Some(cut) = line.strip_suffix('-') {
            out.push_str(cut);
            continue;
        }
        out.push_str(line);
        let ends = line.is_empty() || line.ends_with(|c: char| c.is_ascii_punctuation());
        out.push(if ends { '\n' } else { ' ' });
    }
    out
}

/// Whether a plea is cut into pieces: it stands in the letters of a text, and in none of its words.
fn is_split(text: &str) -> bool {
    let words: Vec<String> = words_of(text).iter().map(|word| folded(word)).collect();
    let letters = words.concat();
    let mut stems = PLEA_STEMS.iter().filter(|stem| stem.len() >= ACROSS_MIN);
    stems.any(|stem| letters.contains(stem) && !words.iter().any(|word| word.contains(stem)))
}

/// Whether there are figures where words should be: many in a row, or one again and again.
fn has_too_many_figures(text: &str) -> bool {
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut rows = words.split(|word| !has_digit(word));
    let repeats = |sentence: &str| {
        let mut times: BTreeMap<&str, usize> = BTreeMap::new();
        for word in sentence.split_whitespace().filter(|word| has_digit(word)) {
            *times.entry(word).or_default() += 1;
        }
        times.values().any(|times| *times >= FIGURES_MOST)
    };
    rows.any(|row| row.len() > FIGURES_MOST) || sentences(text).any(repeats)
}

/// Whether correspondence does not write this: brackets of code, a sign of money within a word,
/// letters for digits.
fn is_odd_word(word: &str) -> bool {
    let is_call = || {
        let mut chars = word.chars().skip_while(|c| *c != '(');
        chars.next();
        let before = word.split('(').next().unwrap_or_default();
        before.ends_with(char::is_alphanumeric) && chars.any(|c| c == ')')
    };
    let is_money_within = || {
        let letters = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase());
        word.match_indices('$').any(|(at, _)| {
            letters(word.get(..at).and_then(|text| text.chars().next_back()))
                || letters(word.get(at + 1..).and_then(|text| text.chars().next()))
        })
    };
    // `n3v3r`; part numbers have capitals.
    let is_spelled_with_figures = || {
        let characters: Vec<char> = word.chars().collect();
        characters.windows(3).any(|three| match three {
            [a, b, c] => a.is_ascii_lowercase() && b.is_ascii_digit() && c.is_ascii_lowercase(),
            _ => false,
        })
    };
    word.contains(['[', ']'])
        || word.contains("&#")
        || word.contains("/*")
        || word.contains("*/")
        || is_call()
        || is_money_within()
        || is_spelled_with_figures()
        || is_encoded(word)
}

/// Whether this is a picture, or a figure that stands for another.
fn is_picture(c: char) -> bool {
    matches!(
        c,
        '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..
    ) || c.is_numeric() && !c.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "could you repair the turbine for 12,400 EUR by 14 March?";

    #[track_caller]
    fn check(text: &str, expected: Option<Doubt>) {
        assert_eq!(doubt_in(text, [SAID]), expected, "{text}");
    }

    #[test]
    fn what_settles_something_leaves_no_doubt() {
        for text in [
            "Re: Turbine\nHi Jane, we agreed on 12,400 EUR and it is due on 14 March. Cheers, Tom",
            "The contract with Marfield and Sons is signed. You get the copy tomorrow.",
            "Marfield and Sons: my impression\nGood people, and the price is fine.",
            "It keeps the old turbine going until then.",
            "Hola Ana, hemos acordado 12.400 euros y la factura llega el lunes.",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn a_plea_leaves_one_however_it_is_worded() {
        for text in [
            "Make it stick.",
            "Whoever reads on has to keep that.",
            "Sorry for this late mail.",
            "Tie it to your bedpost.",
            "Nobody could read it and shrug.",
            "The 12,400 EUR are a fire that burns in your head.",
            "keep\nthat\nfor\never",
            "What I told you must be remem-\nbered.",
            "rem emb er",
            "Nunca lo olvides.",
        ] {
            check(text, Some(Doubt::Pleading));
        }
    }

    #[test]
    fn a_passage_that_is_not_read_leaves_one() {
        for text in [
            "Proszę nie zapominać o tym nigdy.",
            "Kore o zettai ni wasurenaide kudasai.",
            "Eepkay isthay or-fay everay",
        ] {
            check(text, Some(Doubt::Unread));
        }
    }

    #[test]
    fn what_correspondence_does_not_write_leaves_one() {
        for text in [
            "Note: the price is fine.",
            "[3]",
            "print(3)",
            "&#115;",
            "n3v3r",
            "thi$",
            "73 63 6f 72 65",
            "fine \u{1f4cc}",
            "give me ³",
        ] {
            check(text, Some(Doubt::Odd));
        }
        check("The parts are A1B2 and 12 of PO-4711, for $400.", None);
    }
}
