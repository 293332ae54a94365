//! What comes to mind: from the memories that may matter now, those that fit into a prompt.
//!
//! Pinned memories come first, then the others, the most relevant first in both. One that does not
//! fit any more is passed over, and shorter ones behind it may still fit. The same candidates give
//! the same recollections, in whatever order they come.

use std::cmp::Reverse;
use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use crate::entities::Entity;
use crate::memory::{Kind, MemoryId, Pin};

/// Bytes that a token has, about, in the languages of mail. Tokenizers of today give 3.5 to 4.5 for
/// English and Spanish; what is estimated is a budget, not a bill.
pub const BYTES_PER_TOKEN: usize = 4;
/// Tokens that a recollection takes beside its text: its date and what it is set in.
pub const TOKENS_AROUND: usize = 8;
/// In which time a memory loses half of its relevance.
pub const HALF_LIFE: TimeDelta = TimeDelta::days(30);

/// Relevance of what has just happened.
const FRESH: u64 = 1 << 20;
/// Age does not make less of a memory than this, four halvings: what is old and about the matter at
/// hand comes before what is new and about nothing.
const FADED: u64 = FRESH >> 4;
/// What everything has.
const BASE: u64 = 2;
/// For each step of its score. What nobody has scored yet counts as 1.
const PER_SCORE: u64 = 2;
/// For each entity that it shares with the topic, up to [`SHARED_MOST`].
const PER_SHARED: u64 = 3;
const SHARED_MOST: usize = 4;
/// For being of the same thread.
const SAME_THREAD: u64 = 6;
/// For being about the same other party.
const SAME_OTHER: u64 = 2;

/// What is being thought of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// Who thinks: whose memories are wanted.
    pub owner: String,
    /// Of whom, such as the recipient of a mail.
    pub other: Option<String>,
    /// In which thread.
    pub thread: Option<String>,
    /// Of what.
    pub entities: Vec<Entity>,
    /// When. What happened later is not remembered.
    pub now: DateTime<Utc>,
}

/// How many memories may come to mind, before the budget decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Most pinned ones, the newest. Default 16: twice what is pinned by itself.
    pub pinned: usize,
    /// Most about the same other party, the newest. Default 12.
    pub with_other: usize,
    /// Most of the same thread, the newest. Default 12.
    pub in_thread: usize,
    /// Most that share one entity, the newest. Default 6.
    pub per_entity: usize,
    /// Most entities of the cue that are looked up, the first. Default 8.
    pub entities: usize,
}

impl Default for Reach {
    fn default() -> Self {
        Self {
            pinned: 16,
            with_other: 12,
            in_thread: 12,
            per_entity: 6,
            entities: 8,
        }
    }
}

/// A memory that may come to mind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub memory: MemoryId,
    /// What it was written because of.
    pub cause: String,
    /// What it is of.
    pub kind: Kind,
    /// What it tells.
    pub text: String,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// About whom it is.
    pub other: Option<String>,
    /// Its thread.
    pub thread: Option<String>,
    /// What it mentions.
    pub entities: Vec<Entity>,
    /// How much it matters, once somebody has said so.
    pub score: Option<u8>,
    /// How it is held on to.
    pub pin: Pin,
}

/// A memory that came to mind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recollection {
    /// What it tells.
    pub text: String,
    /// When it happened.
    pub when: DateTime<Utc>,
    /// Whether it is one that is never forgotten.
    pub pinned: bool,
    /// Which memory.
    pub memory: MemoryId,
}

impl Recollection {
    /// Tokens that it takes, estimated.
    pub fn tokens(&self) -> usize {
        tokens(&self.text)
    }
}

/// Chooses what comes to mind within `budget` tokens, in the order in which it should stand.
///
/// No memory comes twice, nor do two that tell the same: of those, the first in the order above.
pub fn recall(candidates: &[Candidate], cue: &Cue, budget: usize) -> Vec<Recollection> {
    let mut ranked: Vec<(&Candidate, u64)> = candidates
        .iter()
        .filter(|candidate| candidate.happened_at <= cue.now && !candidate.text.is_empty())
        .map(|candidate| (candidate, relevance(candidate, cue)))
        .collect();
    ranked.sort_by_key(|(candidate, relevance)| {
        let is_pinned = candidate.pin != Pin::None;
        Reverse((
            is_pinned,
            *relevance,
            candidate.happened_at,
            candidate.memory,
        ))
    });
    let mut left = budget;
    let mut told = HashSet::new();
    let mut chosen = Vec::new();
    for (candidate, _) in ranked {
        let cost = tokens(&candidate.text);
        if cost > left || !told.insert(candidate.text.as_str()) {
            continue;
        }
        left -= cost;
        chosen.push(Recollection {
            text: candidate.text.clone(),
            when: candidate.happened_at,
            pinned: candidate.pin != Pin::None,
            memory: candidate.memory,
        });
    }
    chosen
}

/// How relevant a memory is to what is being thought of: what it has in common with it, times how
/// fresh it is. In whole numbers, so that it is the same everywhere.
pub fn relevance(candidate: &Candidate, cue: &Cue) -> u64 {
    let is_shared = |entity: &&Entity| cue.entities.contains(entity);
    let shared = candidate.entities.iter().filter(is_shared).count();
    let shared = u64::try_from(shared.min(SHARED_MOST)).unwrap_or_default();
    let same = |of: &Option<String>, with: &Option<String>| of.is_some() && of == with;
    let weight = BASE
        + PER_SCORE * u64::from(candidate.score.unwrap_or(1).min(3))
        + PER_SHARED * shared
        + SAME_THREAD * u64::from(same(&candidate.thread, &cue.thread))
        + SAME_OTHER * u64::from(same(&candidate.other, &cue.other));
    weight * recency(cue.now.signed_duration_since(candidate.happened_at)).max(FADED)
}

/// What age leaves: half after each [`HALF_LIFE`], in a straight line between.
fn recency(age: TimeDelta) -> u64 {
    let age = u64::try_from(age.num_seconds()).unwrap_or(0);
    let half_life = u64::try_from(HALF_LIFE.num_seconds()).unwrap_or(1);
    let (halvings, rest) = (age / half_life, age % half_life);
    let left = u32::try_from(halvings)
        .ok()
        .and_then(|halvings| FRESH.checked_shr(halvings))
        .unwrap_or(0);
    left - left / 2 * rest / half_life
}

fn tokens(text: &str) -> usize {
    text.len().div_ceil(BYTES_PER_TOKEN) + TOKENS_AROUND
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_is_left_after_each_half_life() {
        for (days, left) in [
            (0, FRESH),
            (15, FRESH / 4 * 3),
            (30, FRESH / 2),
            (90, FRESH / 8),
        ] {
            assert_eq!(recency(TimeDelta::days(days)), left, "{days} days");
        }
        assert_eq!(recency(TimeDelta::MAX), 0);
        assert_eq!(recency(TimeDelta::days(-1)), FRESH);
    }
}
