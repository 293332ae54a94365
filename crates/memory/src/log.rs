//! Everything that was remembered, judged and pinned, in order, and the state that follows from it.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::memory::{Facts, MemoryId, Pin, Words};
use crate::pins::{Held, PinReason};
use crate::significance::Score;

/// Version of the entries that this crate writes, and the newest that it reads.
pub const VERSION: u32 = 1;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number: the first has 1, each one more.
    pub number: i64,
    /// Version of its shape.
    pub version: u32,
    /// When it was written, by the clock of then, to the microsecond.
    pub at: DateTime<Utc>,
    /// What it was written because of. No two memories have the same, and no two scores.
    pub cause: String,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A memory was written. Its id is the number of the entry.
    MemoryWritten {
        /// What it is about.
        #[serde(flatten)]
        facts: Facts,
        /// What it tells.
        #[serde(flatten)]
        words: Words,
    },
    /// Somebody said how much a memory matters.
    MemorySignificanceSet {
        /// Which memory.
        memory: MemoryId,
        /// How much, and why.
        #[serde(flatten)]
        score: Score,
        /// Who says so.
        scorer: String,
    },
    /// A memory is held on to in another way.
    MemoryPinChanged {
        /// Which memory.
        memory: MemoryId,
        /// How, from now on.
        pin: Pin,
        /// Why.
        why: PinReason,
    },
}

/// A text that memories share, such as an owner or an entity: numbered from 1 in the order of first
/// mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameId(pub u32);

/// Texts and their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    texts: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, NameId>,
}

impl Names {
    /// The number of a text, new if it has none yet.
    pub fn intern(&mut self, text: &str) -> NameId {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        // More than the numbers that there are would be more text than any machine holds.
        let id = NameId(u32::try_from(self.texts.len()).unwrap_or(u32::MAX));
        self.ids.insert(text, id);
        id
    }

    /// The number of a text.
    pub fn id(&self, text: &str) -> Option<NameId> {
        self.ids.get(text).copied()
    }

    /// The text of a number.
    pub fn text(&self, id: NameId) -> Option<&str> {
        let index = usize::try_from(id.0).ok()?.checked_sub(1)?;
        self.texts.get(index).map(AsRef::as_ref)
    }

    /// All texts, from number 1 on.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.texts.iter().map(AsRef::as_ref)
    }
}

/// What follows from the log for one memory. What it tells stays in its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Which.
    pub id: MemoryId,
    /// Whose.
    pub owner: NameId,
    /// About whom.
    pub other: Option<NameId>,
    /// In which thread.
    pub thread: Option<NameId>,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// What it mentions.
    pub entities: Box<[NameId]>,
    /// How much it matters.
    pub score: Option<u8>,
    /// Number of the entry that says so; 0 for none.
    pub scored_by: i64,
    /// How it is held on to.
    pub pin: Pin,
    /// Whether an operator took its pin away.
    pub unpinned_by_hand: bool,
}

/// What follows from a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Owners, other parties, threads and entities.
    pub names: Names,
    /// Number of the last entry.
    pub last_entry: i64,
    memories: Vec<Remembered>,
}

impl State {
    /// The state after `entry`, which has to be the one behind the last. What a memory tells is not
    /// looked at, so that a ledger may leave it out.
    pub fn apply(&mut self, entry: &Entry) {
        self.last_entry = entry.number;
        match &entry.event {
            Event::MemoryWritten { facts, .. } => self.wrote(entry.number, facts),
            Event::MemorySignificanceSet { memory, score, .. } => {
                if let Some(remembered) = self.get_mut(*memory) {
                    remembered.score = Some(score.score);
                    remembered.scored_by = entry.number;
                }
            }
            Event::MemoryPinChanged { memory, pin, why } => {
                if let Some(remembered) = self.get_mut(*memory) {
                    remembered.pin = *pin;
                    match (pin, why) {
                        (Pin::None, PinReason::ByHand) => remembered.unpinned_by_hand = true,
                        (Pin::Manual, _) => remembered.unpinned_by_hand = false,
                        (Pin::None | Pin::Automatic, _) => {}
                    }
                }
            }
        }
    }

    /// Every memory, in the order of ids.
    pub fn memories(&self) -> &[Remembered] {
        &self.memories
    }

    /// One memory.
    pub fn get(&self, id: MemoryId) -> Option<&Remembered> {
        let index = self.memories.binary_search_by_key(&id, |memory| memory.id);
        self.memories.get(index.ok()?)
    }

    /// The pinned memories of an owner.
    pub fn pinned(&self, owner: NameId) -> Vec<Held> {
        let memories = self.memories.iter();
        let pinned = memories.filter(|memory| memory.owner == owner && memory.pin != Pin::None);
        pinned.map(Held::from).collect()
    }

    /// A state of these parts, as [`snapshot`](crate::snapshot) reads them: memories in the order of
    /// ids.
    pub(crate) fn of(names: Names, memories: Vec<Remembered>, last_entry: i64) -> Self {
        Self {
            names,
            last_entry,
            memories,
        }
    }

    fn get_mut(&mut self, id: MemoryId) -> Option<&mut Remembered> {
        let index = self.memories.binary_search_by_key(&id, |memory| memory.id);
        self.memories.get_mut(index.ok()?)
    }

    fn wrote(&mut self, number: i64, facts: &Facts) {
        let owner = self.names.intern(&facts.owner);
        let other = facts.other.as_deref().map(|key| self.names.intern(key));
        let thread = facts.thread.as_deref().map(|key| self.names.intern(key));
        let entities = facts.entities.iter();
        let entities = entities
            .map(|entity| self.names.intern(entity.as_str()))
            .collect();
        self.memories.push(Remembered {
            id: MemoryId(number),
            owner,
            other,
            thread,
            happened_at: facts.happened_at,
            entities,
            score: None,
            scored_by: 0,
            pin: Pin::None,
            unpinned_by_hand: false,
        });
    }
}
