//! A ledger in memory: for tests, simulations, and programs that keep their state elsewhere.
//!
//! It looks through all memories of an owner whenever it is asked, so that there is nothing beside
//! the log and its state that could be wrong. Some ten thousand memories an owner are fine.

mod canons;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use self::canons::Canons;
use crate::ledger::{
    Judged, Judgement, MemoryFilter, MemoryLedger, MemoryLedgerError, Rebuilt, SnapshotInfo,
    Written,
};
use crate::log::{Entry, Event, NameId, Remembered, State, VERSION};
use crate::memory::{
    Facts, Memory, MemoryId, NewMemory, Pin, Significance, Words, check_key, whole_micros,
};
use crate::pins::{self, Hand, Held, PinChange};
use crate::recall::{Candidate, Cue, Reach};
use crate::significance::{Circumstances, EARLIER_MAX, Scoring, scorer_name};
use crate::snapshot;

/// The ledger.
#[derive(Debug, Default)]
pub struct InMemoryLedger {
    log: Vec<Entry>,
    state: State,
    /// Memories by what they were written because of.
    written: HashMap<String, MemoryId>,
    /// What scores were given because of.
    judged: BTreeSet<String>,
    /// Places in the state of each owner's memories.
    of_owner: HashMap<NameId, Vec<usize>>,
    /// By their last entry.
    snapshots: BTreeMap<i64, (DateTime<Utc>, Vec<u8>)>,
    canons: Canons,
}

impl InMemoryLedger {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// What follows from the log.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Appends an entry and applies it; gives its number.
    fn append(&mut self, at: DateTime<Utc>, cause: &str, event: Event) -> i64 {
        let entry = Entry {
            number: self.state.last_entry + 1,
            version: VERSION,
            at: whole_micros(at),
            cause: cause.to_owned(),
            event,
        };
        self.state.apply(&entry);
        let number = entry.number;
        if let (Event::MemoryWritten { .. }, Some(memory)) =
            (&entry.event, self.state.memories().last())
        {
            let place = self.state.memories().len() - 1;
            self.of_owner.entry(memory.owner).or_default().push(place);
        }
        self.log.push(entry);
        number
    }

    fn entry(&self, number: i64) -> Option<&Entry> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.log.get(index)
    }

    fn told(&self, id: MemoryId) -> Option<(&Entry, &Facts, &Words)> {
        let entry = self.entry(id.0)?;
        match &entry.event {
            Event::MemoryWritten { facts, words } => Some((entry, facts, words)),
            Event::MemorySignificanceSet { .. } | Event::MemoryPinChanged { .. } => None,
        }
    }

    /// The memories of an owner, what happened last first.
    fn of(&self, owner: &str) -> Vec<&Remembered> {
        let owner = self.state.names.id(owner);
        let places = owner.and_then(|owner| self.of_owner.get(&owner));
        let places = places.map(Vec::as_slice).unwrap_or_default();
        let all = self.state.memories();
        let mut memories: Vec<&Remembered> =
            places.iter().filter_map(|place| all.get(*place)).collect();
        memories.sort_unstable_by_key(|memory| Reverse((memory.happened_at, memory.id)));
        memories
    }

    fn memory(&self, remembered: &Remembered) -> Option<Memory> {
        let (entry, facts, words) = self.told(remembered.id)?;
        let significance = self.entry(remembered.scored_by).and_then(|entry| {
            let Event::MemorySignificanceSet { score, scorer, .. } = &entry.event else {
                return None;
            };
            Some(Significance {
                score: score.clone(),
                scorer: scorer.clone(),
                at: entry.at,
            })
        });
        Some(Memory {
            id: remembered.id,
            cause: entry.cause.clone(),
            written_at: entry.at,
            facts: facts.clone(),
            words: words.clone(),
            significance,
            pin: remembered.pin,
            unpinned_by_hand: remembered.unpinned_by_hand,
        })
    }

    /// A memory with the pins of its owner.
    fn with_pins(&self, id: MemoryId) -> Result<(Held, Vec<Held>), MemoryLedgerError> {
        let memory = self.state.get(id);
        let memory = memory.ok_or(MemoryLedgerError::Unknown { memory: id })?;
        Ok((Held::from(memory), self.state.pinned(memory.owner)))
    }

    fn change_pins(&mut self, changes: &[PinChange], cause: &str, at: DateTime<Utc>) {
        for PinChange { memory, pin, why } in changes.iter().copied() {
            self.append(at, cause, Event::MemoryPinChanged { memory, pin, why });
        }
    }

    /// The state by the log, the entries read for it, and the snapshot that it started from.
    fn by_the_log(&self) -> (State, u64, Option<i64>) {
        let newest_first = self.snapshots.iter().rev();
        let found = newest_first
            .filter_map(|(last, (_, bytes))| Some((*last, snapshot::decode(bytes).ok()?)))
            .next();
        let (from, mut state) = match found {
            Some((last, state)) => (Some(last), state),
            None => (None, State::default()),
        };
        let read = usize::try_from(state.last_entry).unwrap_or(0);
        let mut entries = 0;
        for entry in self.log.iter().skip(read) {
            state.apply(entry);
            entries += 1;
        }
        (state, entries, from)
    }
}

impl MemoryLedger for InMemoryLedger {
    fn write(
        &mut self,
        batch: &[NewMemory],
        at: DateTime<Utc>,
    ) -> Result<Vec<Written>, MemoryLedgerError> {
        let prepared = batch.iter().map(NewMemory::prepared);
        let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        let mut written = Vec::with_capacity(prepared.len());
        for NewMemory {
            cause,
            facts,
            words,
        } in prepared
        {
            if let Some(known) = self.written.get(&cause) {
                written.push(Written::Known(*known));
                continue;
            }
            let id = MemoryId(self.append(at, &cause, Event::MemoryWritten { facts, words }));
            self.written.insert(cause, id);
            written.push(Written::New(id));
        }
        Ok(written)
    }

    fn scoring(&mut self, memory: MemoryId) -> Result<Option<Scoring>, MemoryLedgerError> {
        let Some((_, facts, words)) = self.told(memory) else {
            return Ok(None);
        };
        let happened = (facts.happened_at, memory);
        let earlier = self.of(&facts.owner);
        let earlier = earlier
            .into_iter()
            .filter(|other| (other.happened_at, other.id) < happened);
        let name = |key: &Option<String>| {
            let key = key.as_deref();
            key.and_then(|key| self.state.names.id(key))
        };
        let (thread, other) = (name(&facts.thread), name(&facts.other));
        let mut circumstances = Circumstances::default();
        for memory in earlier {
            let counts =
                |mine: Option<NameId>, of: Option<NameId>| u32::from(mine.is_some() && mine == of);
            circumstances.earlier_in_thread += counts(thread, memory.thread);
            circumstances.earlier_with_other += counts(other, memory.other);
        }
        circumstances.earlier_in_thread = circumstances.earlier_in_thread.min(EARLIER_MAX);
        circumstances.earlier_with_other = circumstances.earlier_with_other.min(EARLIER_MAX);
        Ok(Some(Scoring {
            memory,
            facts: facts.clone(),
            words: words.clone(),
            circumstances,
        }))
    }

    fn set_significance(
        &mut self,
        judgement: &Judgement,
        at: DateTime<Utc>,
    ) -> Result<Judged, MemoryLedgerError> {
        check_key("cause", &judgement.cause)?;
        if self.judged.contains(&judgement.cause) {
            return Ok(Judged::Known);
        }
        let (held, pinned) = self.with_pins(judgement.memory)?;
        let score = judgement.score.bounded();
        let changes = pins::after_score(&held, score.score, &pinned);
        let event = Event::MemorySignificanceSet {
            memory: judgement.memory,
            score,
            scorer: scorer_name(&judgement.scorer),
        };
        self.append(at, &judgement.cause, event);
        self.judged.insert(judgement.cause.clone());
        self.change_pins(&changes, &judgement.cause, at);
        Ok(Judged::New(changes))
    }

    fn set_pin(
        &mut self,
        memory: MemoryId,
        hand: Hand,
        cause: &str,
        at: DateTime<Utc>,
    ) -> Result<Vec<PinChange>, MemoryLedgerError> {
        check_key("cause", cause)?;
        let (held, pinned) = self.with_pins(memory)?;
        let changes = pins::by_hand(&held, hand, &pinned);
        self.change_pins(&changes, cause, at);
        Ok(changes)
    }

    fn candidates(
        &mut self,
        cue: &Cue,
        reach: &Reach,
    ) -> Result<Vec<Candidate>, MemoryLedgerError> {
        let mut memories = self.of(&cue.owner);
        memories.retain(|memory| memory.happened_at <= cue.now);
        let name = |key: &Option<String>| {
            let key = key.as_deref();
            key.and_then(|key| self.state.names.id(key))
        };
        let (other, thread) = (name(&cue.other), name(&cue.thread));
        let mut wanted: BTreeSet<MemoryId> = BTreeSet::new();
        let mut want = |most: usize, matches: &dyn Fn(&Remembered) -> bool| {
            let found = memories.iter().filter(|memory| matches(memory));
            wanted.extend(found.take(most).map(|memory| memory.id));
        };
        want(reach.pinned, &|memory| memory.pin != Pin::None);
        want(reach.with_other, &|memory| {
            other.is_some() && memory.other == other
        });
        want(reach.in_thread, &|memory| {
            thread.is_some() && memory.thread == thread
        });
        for entity in cue.entities.iter().take(reach.entities) {
            if let Some(name) = self.state.names.id(entity.as_str()) {
                want(reach.per_entity, &|memory| memory.entities.contains(&name));
            }
        }
        let wanted = memories.iter().filter(|memory| wanted.contains(&memory.id));
        let candidates = wanted.filter_map(|memory| {
            let (entry, facts, words) = self.told(memory.id)?;
            Some(Candidate {
                memory: memory.id,
                cause: entry.cause.clone(),
                kind: facts.kind.clone(),
                text: words.narrative.clone(),
                happened_at: memory.happened_at,
                other: facts.other.clone(),
                thread: facts.thread.clone(),
                entities: facts.entities.clone(),
                score: memory.score,
                pin: memory.pin,
            })
        });
        Ok(candidates.collect())
    }

    fn list(&mut self, filter: &MemoryFilter) -> Result<Vec<Memory>, MemoryLedgerError> {
        let wanted = |memory: &Memory| {
            let same = |wanted: &Option<String>, is: Option<&String>| {
                wanted.as_ref().is_none_or(|wanted| is == Some(wanted))
            };
            let score = memory.significance.as_ref().map(|given| given.score.score);
            same(&filter.owner, Some(&memory.facts.owner))
                && same(&filter.other, memory.facts.other.as_ref())
                && same(&filter.thread, memory.facts.thread.as_ref())
                && (!filter.pinned || memory.pin != Pin::None)
                && filter
                    .least_score
                    .is_none_or(|least| score.is_some_and(|score| score >= least))
        };
        let limit = match filter.limit {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let newest_first = self.state.memories().iter().rev();
        let memories = newest_first.filter_map(|memory| self.memory(memory));
        Ok(memories.filter(wanted).take(limit).collect())
    }

    fn show(&mut self, memory: MemoryId) -> Result<Option<Memory>, MemoryLedgerError> {
        let remembered = self.state.get(memory);
        Ok(remembered.and_then(|remembered| self.memory(remembered)))
    }

    fn pin_changes(
        &mut self,
        memory: MemoryId,
        limit: usize,
    ) -> Result<Vec<Entry>, MemoryLedgerError> {
        let of_it = |entry: &&Entry| matches!(&entry.event, Event::MemoryPinChanged { memory: of, .. } if *of == memory);
        let last_first = self.log.iter().rev().filter(of_it);
        Ok(last_first.take(limit).cloned().collect())
    }

    fn log(&mut self, after: i64, limit: usize) -> Result<Vec<Entry>, MemoryLedgerError> {
        let after = usize::try_from(after).unwrap_or(0);
        Ok(self.log.iter().skip(after).take(limit).cloned().collect())
    }

    fn rebuild(&mut self) -> Result<Rebuilt, MemoryLedgerError> {
        let (state, entries, from_snapshot) = self.by_the_log();
        let mut of_owner: HashMap<NameId, Vec<usize>> = HashMap::new();
        for (place, memory) in state.memories().iter().enumerate() {
            of_owner.entry(memory.owner).or_default().push(place);
        }
        (self.of_owner, self.state) = (of_owner, state);
        Ok(Rebuilt {
            entries,
            memories: count(self.state.memories().len()),
            from_snapshot,
        })
    }

    fn snapshot(
        &mut self,
        at: DateTime<Utc>,
        keep: usize,
    ) -> Result<SnapshotInfo, MemoryLedgerError> {
        let (state, ..) = self.by_the_log();
        let last = state.last_entry;
        let taken = self.snapshots.entry(last);
        let (taken_at, bytes) =
            taken.or_insert_with(|| (whole_micros(at), snapshot::encode(&state)));
        let info = SnapshotInfo {
            last_entry: last,
            taken_at: *taken_at,
            memories: count(state.memories().len()),
            bytes: count(bytes.len()),
        };
        while self.snapshots.len() > keep.max(1) {
            self.snapshots.pop_first();
        }
        Ok(info)
    }

    fn snapshots(&mut self) -> Result<Vec<SnapshotInfo>, MemoryLedgerError> {
        let newest_first = self.snapshots.iter().rev();
        let infos = newest_first.map(|(last, (taken_at, bytes))| {
            let state = snapshot::decode(bytes).unwrap_or_default();
            SnapshotInfo {
                last_entry: *last,
                taken_at: *taken_at,
                memories: count(state.memories().len()),
                bytes: count(bytes.len()),
            }
        });
        Ok(infos.collect())
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
