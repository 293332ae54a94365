//! Answers that were given, for the next try.
//!
//! When the model goes away in the middle of a call, the whole call is done over. What it answered
//! before need not be asked again, so that a call gets further with each try.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::answer::Answer;
use super::prompt::Turns;
use crate::record::RecordId;

/// Most answers that are kept: more than the turns of a call that confirm or correct. With eight
/// facts of the longest texts each has some 6 KB.
const KEPT: usize = 512;

/// What became of a question: the answer, or why none can be used.
pub(super) type Reading = Result<Answer, String>;

#[derive(Default)]
pub(super) struct Memory {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    order: VecDeque<RecordId>,
    readings: HashMap<RecordId, Reading>,
}

impl Memory {
    pub(super) fn recall(&self, turns: Turns<'_>) -> Option<Reading> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.readings.get(&key(turns)).cloned()
    }

    pub(super) fn keep(&self, turns: Turns<'_>, reading: Reading) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(turns);
        if inner.readings.insert(key, reading).is_none() {
            inner.order.push_back(key);
        }
        if inner.order.len() > KEPT
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.readings.remove(&oldest);
        }
    }
}

fn key(turns: Turns<'_>) -> RecordId {
    RecordId::of(&["question", turns.before, turns.user, turns.after])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_answers_are_forgotten() {
        let memory = Memory::default();
        let texts: Vec<String> = (0..=KEPT).map(|n| n.to_string()).collect();
        let turns = |n: usize| Turns {
            before: "",
            user: &texts[n],
            after: "",
        };
        for (n, text) in texts.iter().enumerate() {
            memory.keep(turns(n), Err(text.clone()));
            memory.keep(turns(n), Err(text.clone()));
        }
        assert_eq!(memory.recall(turns(0)), None);
        assert_eq!(memory.recall(turns(1)), Some(Err("1".to_owned())));
        assert_eq!(memory.recall(turns(KEPT)), Some(Err(KEPT.to_string())));
    }
}
