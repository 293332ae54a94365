//! A ledger whose storage does not fail, and what its log says of it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::entities::Entity;
use crate::ledger::{
    Judged, Judgement, MemoryFilter, MemoryLedger, MemoryLedgerError, SnapshotInfo, Written,
};
use crate::log::State;
use crate::memory::{Facts, Kind, Memory, MemoryId, NewMemory, Pin, Words};
use crate::pins::{Hand, PinChange};
use crate::recall::{Cue, Reach};
use crate::significance::Score;

pub(super) const JANE: &str = "jane@corp.example";
pub(super) const TOM: &str = "tom@corp.example";
pub(super) const ANN: &str = "ann@corp.example";

/// Minutes after a moment that is the same in all checks.
pub(super) fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

/// A memory of Jane about Tom.
pub(super) fn memory(cause: &str, minutes: i64) -> NewMemory {
    NewMemory {
        cause: cause.to_owned(),
        facts: Facts {
            owner: JANE.to_owned(),
            other: Some(TOM.to_owned()),
            thread: None,
            kind: Kind::MailReceived,
            happened_at: at(minutes),
            entities: Vec::new(),
        },
        words: Words {
            narrative: format!("Tom wrote {cause}"),
            dialogue: Vec::new(),
        },
    }
}

/// The same in a thread, about something.
pub(super) fn about(cause: &str, minutes: i64, thread: &str, names: &[&str]) -> NewMemory {
    let mut memory = memory(cause, minutes);
    memory.facts.thread = Some(thread.to_owned());
    memory.facts.entities = names.iter().map(|name| Entity::name(name)).collect();
    memory
}

pub(super) fn cue(minutes: i64) -> Cue {
    Cue {
        owner: JANE.to_owned(),
        other: None,
        thread: None,
        entities: Vec::new(),
        now: at(minutes),
    }
}

pub(super) fn score(score: u8) -> Score {
    Score {
        score,
        reason: format!("it is a {score}"),
    }
}

/// A ledger whose storage does not fail; times are minutes.
pub(super) struct Desk<'l>(pub(super) &'l mut dyn MemoryLedger);

impl Desk<'_> {
    #[track_caller]
    pub(super) fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
        match result {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    pub(super) fn write(&mut self, memory: NewMemory) -> MemoryId {
        let written = Self::ok(self.0.write(&[memory], at(1_000)));
        assert!(matches!(written[..], [Written::New(_)]), "{written:?}");
        written[0].id()
    }

    /// A plain memory of that minute.
    #[track_caller]
    pub(super) fn plain(&mut self, cause: &str, minutes: i64) -> MemoryId {
        self.write(memory(cause, minutes))
    }

    #[track_caller]
    pub(super) fn score(&mut self, memory: MemoryId, value: u8, cause: &str) -> Vec<PinChange> {
        let judgement = Judgement {
            memory,
            score: score(value),
            scorer: "rules".to_owned(),
            cause: cause.to_owned(),
        };
        match Self::ok(self.0.set_significance(&judgement, at(2_000))) {
            Judged::New(changes) => changes,
            Judged::Known => panic!("{cause} is known"),
        }
    }

    #[track_caller]
    pub(super) fn hand(&mut self, memory: MemoryId, hand: Hand) -> Vec<PinChange> {
        Self::ok(self.0.set_pin(memory, hand, "operator", at(3_000)))
    }

    /// Writes a memory of each minute and scores it 3.
    #[track_caller]
    pub(super) fn pivotal(&mut self, minutes: std::ops::Range<i64>) -> Vec<MemoryId> {
        let mut ids = Vec::new();
        for minute in minutes {
            let id = self.plain(&format!("pivotal:{minute}"), minute);
            self.score(id, 3, &format!("score:{minute}"));
            ids.push(id);
        }
        ids
    }

    #[track_caller]
    pub(super) fn show(&mut self, memory: MemoryId) -> Memory {
        match Self::ok(self.0.show(memory)) {
            Some(memory) => memory,
            None => panic!("memory {memory} is lost"),
        }
    }

    #[track_caller]
    pub(super) fn pin(&mut self, memory: MemoryId) -> Pin {
        self.show(memory).pin
    }

    #[track_caller]
    pub(super) fn list(&mut self, filter: &MemoryFilter) -> Vec<MemoryId> {
        let memories = Self::ok(self.0.list(filter));
        memories.iter().map(|memory| memory.id).collect()
    }

    /// What is pinned, in the order of ids.
    #[track_caller]
    pub(super) fn pinned(&mut self) -> Vec<MemoryId> {
        let mut pinned = self.list(&MemoryFilter {
            pinned: true,
            ..MemoryFilter::default()
        });
        pinned.sort_unstable();
        pinned
    }

    #[track_caller]
    pub(super) fn candidates(&mut self, cue: &Cue, reach: &Reach) -> Vec<MemoryId> {
        let candidates = Self::ok(self.0.candidates(cue, reach));
        candidates
            .iter()
            .map(|candidate| candidate.memory)
            .collect()
    }

    #[track_caller]
    pub(super) fn snapshot(&mut self, keep: usize) -> SnapshotInfo {
        Self::ok(self.0.snapshot(at(4_000), keep))
    }

    #[track_caller]
    pub(super) fn last_entry(&mut self) -> i64 {
        let log = Self::ok(self.0.log(0, usize::MAX));
        log.last().map_or(0, |entry| entry.number)
    }

    #[track_caller]
    pub(super) fn refused<T: std::fmt::Debug>(
        result: Result<T, MemoryLedgerError>,
    ) -> MemoryLedgerError {
        match result {
            Ok(done) => panic!("it was done: {done:?}"),
            Err(error) => {
                assert!(!error.is_transient(), "{error}");
                error
            }
        }
    }
}

/// Folds the log of a ledger and compares that with what the ledger shows.
///
/// # Panics
///
/// If they differ.
pub fn agrees_with_its_log(ledger: &mut dyn MemoryLedger) {
    let mut state = State::default();
    let log = Desk::ok(ledger.log(0, usize::MAX));
    for (number, entry) in (1..).zip(&log) {
        assert_eq!(entry.number, number, "numbers leave no gap");
        state.apply(entry);
    }
    let mut shown = Desk::ok(ledger.list(&MemoryFilter::default()));
    shown.reverse();
    assert_eq!(shown.len(), state.memories().len(), "memories");
    let text = |name| state.names.text(name).map(str::to_owned);
    for (memory, folded) in shown.iter().zip(state.memories()) {
        assert_eq!(memory.id, folded.id);
        assert_eq!(Some(&memory.facts.owner), text(folded.owner).as_ref());
        assert_eq!(memory.facts.other, folded.other.and_then(text));
        assert_eq!(memory.facts.thread, folded.thread.and_then(text));
        assert_eq!(memory.facts.happened_at, folded.happened_at);
        let entities = folded.entities.iter().copied().map(text);
        let entities: Option<Vec<String>> = entities.collect();
        let shown: Vec<String> = memory
            .facts
            .entities
            .iter()
            .map(Entity::to_string)
            .collect();
        assert_eq!(Some(shown), entities);
        let score = memory.significance.as_ref().map(|given| given.score.score);
        assert_eq!(score, folded.score, "score of {}", memory.id);
        assert_eq!(memory.pin, folded.pin, "pin of {}", memory.id);
        assert_eq!(memory.unpinned_by_hand, folded.unpinned_by_hand);
        let alone = Desk::ok(ledger.show(memory.id));
        assert_eq!(alone.as_ref(), Some(memory));
    }
}
