//! Drafts: one mail that somebody writes over days, saved again and again.
//!
//! Each time it is saved is a mail of the outbox, an *iteration*. The first one settles everything:
//! to whom, about what, the whole text, and in how many iterations it comes. Each shows more of the
//! text, the last one all of it. It is saved as mail programs do: the new text is put into Drafts,
//! then the file of the iteration before is removed. A draft is never sent.

use std::ops::RangeInclusive;

use rand::RngExt;

use crate::ledger::{DraftPlan, HomeChoice, MailId, PersonaId, WrittenBy};
use crate::random::{Purpose, generator, sub_seed};

/// Iterations of one draft. A judgement: who saves a mail without sending it comes back a few times.
const ITERATIONS: RangeInclusive<u32> = 3..=5;
/// How far from its even share of the words an iteration may end, either way. Below a half, so that
/// every iteration shows more than the one before.
const UNEVEN: f64 = 0.3;
/// How much further it may go to end with a sentence.
const TO_SENTENCE_END: f64 = 0.15;
/// Words of a first line that may be a greeting.
const LONGEST_GREETING: usize = 5;
/// Share of iterations that leave out a word that comes in later.
const LEAVES_OUT: f64 = 0.4;
/// Share of iterations that end with a sentence whose full stop is still missing.
const WITHOUT_FULL_STOP: f64 = 0.3;
/// Words that are put in when one reads a text again: it is right without them.
const AFTERTHOUGHTS: &[&str] = &[
    "also",
    "actually",
    "already",
    "just",
    "maybe",
    "only",
    "probably",
    "quickly",
    "really",
    "still",
    "auch",
    "bereits",
    "eigentlich",
    "kurz",
    "noch",
    "nur",
    "vielleicht",
    "wohl",
    "además",
    "quizá",
    "realmente",
    "solo",
    "también",
    "todavía",
];

/// A draft that somebody may go on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDraft {
    /// Its latest iteration.
    pub mail: MailId,
    /// Who writes it.
    pub author: PersonaId,
    /// Mailbox that it lies in.
    pub home: HomeChoice,
    /// Unique part of its file name in Drafts.
    pub name: String,
    /// Who would get it.
    pub recipient: PersonaId,
    /// Number of its latest iteration, from 1.
    pub iteration: u32,
    /// Number of its last iteration.
    pub last: u32,
    /// Seed of its first iteration.
    pub seed: u64,
    /// Name of the mail client it is written with.
    pub mail_client: String,
    /// Topic.
    pub topic: String,
    /// Language.
    pub language: String,
    /// Subject.
    pub subject: String,
    /// The whole text, of which an iteration shows the beginning.
    pub body: String,
    /// Who wrote the text.
    pub written_by: WrittenBy,
}

impl DraftPlan {
    /// The first iteration of a draft made from `seed`.
    pub(crate) fn first(seed: u64) -> Self {
        let mut rng = generator(sub_seed(seed, Purpose::Draft), Purpose::Picker);
        Self {
            iteration: 1,
            last: rng.random_range(ITERATIONS),
            seed,
            before: None,
        }
    }

    /// What this iteration shows of the whole text.
    pub(crate) fn shown(&self, whole: &str) -> String {
        if self.iteration >= self.last {
            return whole.to_owned();
        }
        let seed = sub_seed(self.seed ^ u64::from(self.iteration), Purpose::Draft);
        let mut rng = generator(seed, Purpose::Text);
        let words = words_of(whole);
        let share = words.len() as f64 / f64::from(self.last);
        let even = f64::from(self.iteration);
        let until = |by: f64| ((even + by) * share) as usize;
        // A greeting and a word or two at least.
        let opening = whole.lines().next().map_or(0, |line| words_of(line).len());
        let greeting = if opening <= LONGEST_GREETING {
            opening + 2
        } else {
            1
        };
        let least = greeting.min(until(UNEVEN));
        let target = until(rng.random_range(-UNEVEN..UNEVEN)).max(least).max(1);
        let furthest = until(UNEVEN + TO_SENTENCE_END).max(target);
        let sentence = (target..=furthest).find(|count| {
            let word = count.checked_sub(1).and_then(|at| words.get(at));
            word.and_then(|(start, end)| whole.get(*start..*end))
                .is_some_and(|word| word.ends_with(['.', '!', '?']))
        });
        let count = sentence.unwrap_or(target).min(words.len());
        let end = count
            .checked_sub(1)
            .and_then(|at| words.get(at))
            .map_or(0, |(_, end)| *end);
        let mut shown = whole.get(..end).unwrap_or(whole).to_owned();
        let leaves_out = rng.random::<f64>() < LEAVES_OUT;
        let without_stop = rng.random::<f64>() < WITHOUT_FULL_STOP;
        if sentence.is_none() {
            // The rest of the sentence comes later, and with it what divides its parts.
            shown.truncate(shown.trim_end_matches([',', ';', ':']).len());
        } else if without_stop && shown.ends_with('.') && !shown.ends_with("..") {
            shown.pop();
        }
        if leaves_out && let Some(shorter) = without_afterthought(&shown) {
            shown = shorter;
        }
        shown
    }
}

/// Where the words of a text are, in bytes.
fn words_of(text: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices() {
        match (character.is_whitespace(), start) {
            (false, None) => start = Some(at),
            (true, Some(from)) => {
                words.push((from, at));
                start = None;
            }
            _ => {}
        }
    }
    words.extend(start.map(|from| (from, text.len())));
    words
}

/// The text without the last word that could as well be missing, if there is one between others.
fn without_afterthought(text: &str) -> Option<String> {
    let (at, word) = AFTERTHOUGHTS
        .iter()
        .filter_map(|word| Some((text.rfind(&format!(" {word} "))?, word)))
        .max()?;
    let mut shorter = text.to_owned();
    shorter.replace_range(at..at + word.len() + 1, "");
    Some(shorter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "Hi Ben,\n\nthe offer from the printer came in this morning. They would \
        still need two weeks, and the price is about the same as last year. Could you have a look \
        at the second page? I am not sure about the paper, and we should also ask for the larger \
        format.\n\nI will be in on Thursday. Let us decide then.\n\nAna";

    fn iterations(seed: u64) -> Vec<String> {
        let first = DraftPlan::first(seed);
        (1..=first.last)
            .map(|iteration| {
                DraftPlan {
                    iteration,
                    ..first.clone()
                }
                .shown(WHOLE)
            })
            .collect()
    }

    #[test]
    fn a_draft_grows_to_the_whole_text() {
        let mut lengths = [0; 6];
        for seed in 0..500 {
            let shown = iterations(seed);
            lengths[shown.len()] += 1;
            assert_eq!(shown.last().map(String::as_str), Some(WHOLE));
            let counts: Vec<usize> = shown.iter().map(|text| words_of(text).len()).collect();
            assert!(
                counts.windows(2).all(|pair| pair[0] < pair[1]),
                "{seed}: {shown:#?}"
            );
            for text in &shown {
                assert!(text.starts_with("Hi Ben,\n\nthe offer"), "{text:?}");
                assert_eq!(text.trim_end(), text);
            }
            assert_eq!(shown, iterations(seed));
        }
        assert!(lengths[..3].iter().all(|count| *count == 0));
        assert!(lengths[3..].iter().all(|count| *count > 100), "{lengths:?}");
    }

    #[test]
    fn a_text_without_a_greeting_grows_too() {
        let whole = "The contract renews itself unless we give notice, and half of the machines \
            stand around. My suggestion is to cancel and ask for a smaller offer, as they always \
            come back with one. Any objections?\n\nKind regards\n\nAna";
        for seed in 0..200 {
            let first = DraftPlan::first(seed);
            let counts: Vec<usize> = (1..=first.last)
                .map(|iteration| DraftPlan {
                    iteration,
                    ..first.clone()
                })
                .map(|plan| words_of(&plan.shown(whole)).len())
                .collect();
            assert!(
                counts.windows(2).all(|pair| pair[0] < pair[1]),
                "{counts:?}"
            );
        }
    }

    #[test]
    fn iterations_end_within_and_after_sentences() {
        let shown: Vec<String> = (0..200)
            .flat_map(|seed| {
                let mut shown = iterations(seed);
                shown.pop();
                shown
            })
            .collect();
        let ends = |what: &[char]| shown.iter().filter(|text| text.ends_with(what)).count();
        assert!(ends(&['.', '?']) > shown.len() / 10);
        assert!(ends(&['.', '?']) < shown.len() * 9 / 10);
        assert_eq!(ends(&[',', ';']), 0);
        let left_out = |word: &str| {
            let words = |text: &str| text.split(' ').any(|other| other == word);
            let with = shown.iter().filter(|text| words(text)).count();
            with > 0 && with < shown.len()
        };
        assert!(left_out("still"));
    }

    #[test]
    fn any_text_can_be_a_draft() {
        for whole in [
            "",
            "Ok",
            "Ok.",
            "  ",
            "a b",
            "\n\n",
            "é",
            "Hi,\n\nyes",
            "¿Qué? Sí.",
        ] {
            for seed in 0..50 {
                let first = DraftPlan::first(seed);
                for iteration in 1..=first.last {
                    let plan = DraftPlan {
                        iteration,
                        ..first.clone()
                    };
                    let shown = plan.shown(whole);
                    assert!(shown.len() <= whole.len());
                    assert!(iteration < first.last || shown == whole);
                }
            }
        }
    }
}
