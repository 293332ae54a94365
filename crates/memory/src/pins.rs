//! Which memories are held on to.
//!
//! - A score of 3 pins a memory automatically.
//! - An owner has at most [`PINS_PER_OWNER`] pins, softly: over that, the oldest automatic pin goes,
//!   but never a manual one, and never the one that was just made. So with 8 manual pins there is
//!   room for one automatic pin, the newest. Oldest is what happened first; of the same moment, what
//!   was written first.
//! - A manual pin stays manual, whatever the memory is scored.
//! - A score below 3 takes an automatic pin away.
//! - A pin that an operator took away does not come back by itself, also with a 3: a hand that unpins
//!   knows something that scores do not. Pinning by hand ends that.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::log::Remembered;
use crate::memory::{MemoryId, Pin};
use crate::significance::PIVOTAL;

/// Pins of one owner over which automatic ones go.
pub const PINS_PER_OWNER: usize = 8;

/// A memory as far as pins are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Which.
    pub memory: MemoryId,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// How it is held on to.
    pub pin: Pin,
    /// Whether an operator took its pin away.
    pub unpinned_by_hand: bool,
}

impl From<&Remembered> for Held {
    fn from(memory: &Remembered) -> Self {
        Self {
            memory: memory.id,
            happened_at: memory.happened_at,
            pin: memory.pin,
            unpinned_by_hand: memory.unpinned_by_hand,
        }
    }
}

/// Why a pin changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PinReason {
    /// It was scored 3.
    Pivotal,
    /// It was scored lower than before.
    NoLongerPivotal,
    /// There was no room beside this newer pin.
    Displaced {
        /// The pin that was made.
        by: MemoryId,
    },
    /// An operator said so.
    ByHand,
}

/// What an operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hand {
    /// Hold on to it, whatever it is scored.
    Pin,
    /// Let it fade, whatever it is scored.
    Unpin,
}

/// A pin that changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct PinChange {
    /// Of which memory.
    pub memory: MemoryId,
    /// How it is held on to from now on.
    pub pin: Pin,
    /// Why.
    pub why: PinReason,
}

/// What changes when a memory is scored. `pinned` are the pins of its owner before that, in any
/// order.
pub fn after_score(memory: &Held, score: u8, pinned: &[Held]) -> Vec<PinChange> {
    match memory.pin {
        Pin::Automatic if score < PIVOTAL => {
            vec![change(memory, Pin::None, PinReason::NoLongerPivotal)]
        }
        Pin::None if score >= PIVOTAL && !memory.unpinned_by_hand => {
            let mut changes = vec![change(memory, Pin::Automatic, PinReason::Pivotal)];
            changes.extend(displaced(memory, pinned));
            changes
        }
        Pin::None | Pin::Automatic | Pin::Manual => Vec::new(),
    }
}

/// What changes when an operator pins or unpins a memory. `pinned` are the pins of its owner before
/// that, in any order. Nothing if it is so already.
pub fn by_hand(memory: &Held, hand: Hand, pinned: &[Held]) -> Vec<PinChange> {
    match (hand, memory.pin) {
        (Hand::Pin, Pin::Manual) => Vec::new(),
        (Hand::Unpin, Pin::None) if memory.unpinned_by_hand => Vec::new(),
        (Hand::Unpin, _) => vec![change(memory, Pin::None, PinReason::ByHand)],
        (Hand::Pin, Pin::None | Pin::Automatic) => {
            let mut changes = vec![change(memory, Pin::Manual, PinReason::ByHand)];
            changes.extend(displaced(memory, pinned));
            changes
        }
    }
}

/// The automatic pins for which there is no room beside the one that was made, oldest first.
fn displaced(made: &Held, pinned: &[Held]) -> Vec<PinChange> {
    let others = pinned.iter().filter(|held| held.memory != made.memory);
    let surplus = (others.clone().count() + 1).saturating_sub(PINS_PER_OWNER);
    let mut automatic: Vec<&Held> = others.filter(|held| held.pin == Pin::Automatic).collect();
    automatic.sort_unstable_by_key(|held| (held.happened_at, held.memory));
    let why = PinReason::Displaced { by: made.memory };
    let gone = automatic.into_iter().take(surplus);
    gone.map(|held| change(held, Pin::None, why)).collect()
}

fn change(held: &Held, pin: Pin, why: PinReason) -> PinChange {
    PinChange {
        memory: held.memory,
        pin,
        why,
    }
}
