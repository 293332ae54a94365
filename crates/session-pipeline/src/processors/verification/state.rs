//! What of a log's beginning the rest of it needs.

use std::borrow::Cow;
use std::collections::{HashSet, VecDeque};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::prompt::Turns;
use super::rows::{Speaker, Turn};
use super::signals::{Signals, signals};
use super::text::{AFTER_MAX, BEFORE_MAX, USER_MAX, append_tail, head};
use crate::record::RecordId;

/// Rows that are remembered, to know them again when they are repeated: twice as many as the longest
/// sessions that we have seen. A row that is repeated later than that is read anew, and gives the
/// same records.
const SEEN_MAX: usize = 8_192;
/// Most questions about one log: a confirmation each minute of a working day. It bounds what a log
/// that was made to cost a lot does cost.
pub(super) const QUESTIONS_MAX: u32 = 500;
/// Longest id of a row that is kept as it is, in bytes; a UUID has 36.
const UUID_MAX: usize = 64;

/// State of one log.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    /// The end of what the assistant said since the user's last turn.
    before: String,
    /// A turn that confirms or corrects, until it is known what the assistant says to it.
    pending: Option<Pending>,
    seen: Seen,
    /// Questions so far.
    asked: u32,
    /// Turns that would have been more questions than [`QUESTIONS_MAX`].
    pub(super) passed_over: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    before: String,
    user: String,
    turn: String,
    at: Option<DateTime<Utc>>,
    signals: Signals,
}

/// A turn that confirms or corrects something, with what was said around it.
#[derive(Debug)]
pub(super) struct Question {
    before: String,
    user: String,
    after: String,
    /// The user's turn: its uuid, or where it is.
    pub(super) turn: String,
    /// When it was.
    pub(super) at: Option<DateTime<Utc>>,
    pub(super) signals: Signals,
}

impl Question {
    pub(super) fn turns(&self) -> Turns<'_> {
        Turns {
            before: &self.before,
            user: &self.user,
            after: &self.after,
        }
    }
}

impl State {
    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Takes the next turn. A question is complete when the assistant has answered the user, or the
    /// user goes on without an answer. `position` names a turn that has no uuid.
    pub(super) fn take(
        &mut self,
        turn: Turn<'_>,
        position: impl FnOnce() -> String,
    ) -> Option<Question> {
        if let Some(uuid) = &turn.uuid
            && !self.seen.is_new(uuid)
        {
            return None;
        }
        match turn.speaker {
            Speaker::Assistant => {
                append_tail(&mut self.before, &turn.text, BEFORE_MAX);
                self.complete(&turn.text)
            }
            Speaker::User => {
                let complete = self.complete("");
                let before = std::mem::take(&mut self.before);
                let user = head(&turn.text, USER_MAX);
                let signals = signals(&user);
                // There has to be something that is confirmed or corrected.
                if signals.any() && !before.is_empty() {
                    self.pend(Pending {
                        before,
                        user,
                        turn: turn.uuid.map_or_else(position, short),
                        at: turn.at,
                        signals,
                    });
                }
                complete
            }
        }
    }

    fn pend(&mut self, pending: Pending) {
        if self.asked < QUESTIONS_MAX {
            self.asked += 1;
            self.pending = Some(pending);
        } else {
            self.passed_over += 1;
        }
    }

    fn complete(&mut self, after: &str) -> Option<Question> {
        let pending = self.pending.take()?;
        Some(Question {
            before: pending.before,
            user: pending.user,
            after: head(after, AFTER_MAX),
            turn: pending.turn,
            at: pending.at,
            signals: pending.signals,
        })
    }
}

/// An id of bounded length.
fn short(uuid: Cow<'_, str>) -> String {
    if uuid.len() <= UUID_MAX {
        uuid.into_owned()
    } else {
        RecordId::of(&["uuid", &uuid]).to_hex()
    }
}

/// The rows that were read last.
#[derive(Debug, Default)]
struct Seen {
    order: VecDeque<u64>,
    known: HashSet<u64>,
}

impl Seen {
    /// Whether this row was not seen before; it is from now on.
    fn is_new(&mut self, uuid: &str) -> bool {
        let id = RecordId::of(&["row", uuid]).0;
        let hash = id
            .iter()
            .take(8)
            .fold(0, |hash, byte| hash << 8 | u64::from(*byte));
        self.add(hash)
    }

    fn add(&mut self, hash: u64) -> bool {
        if !self.known.insert(hash) {
            return false;
        }
        self.order.push_back(hash);
        if self.order.len() > SEEN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }
}

/// As hexadecimal digits, oldest first.
impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write;
        let mut digits = String::with_capacity(self.order.len() * 16);
        for hash in &self.order {
            // Writing to a string does not fail.
            let _ = write!(digits, "{hash:016x}");
        }
        serializer.serialize_str(&digits)
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(deserializer)?;
        let mut seen = Self::default();
        for hash in digits.as_bytes().chunks(16) {
            let hash = std::str::from_utf8(hash)
                .ok()
                .filter(|hash| hash.len() == 16)
                .and_then(|hash| u64::from_str_radix(hash, 16).ok())
                .ok_or_else(|| serde::de::Error::custom("rows are not hexadecimal digits"))?;
            seen.add(hash);
        }
        Ok(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_is_bounded_and_comes_back() {
        let mut state = State::default();
        for n in 0..30_000 {
            let turn = |speaker, text: String, row: String| Turn {
                speaker,
                uuid: Some(Cow::Owned(row)),
                at: None,
                text: Cow::Owned(text),
            };
            let said = "\"\u{7}語".repeat(3_000.min(n));
            if n < 20 {
                state.take(
                    turn(Speaker::Assistant, said.clone(), format!("a{n}")),
                    String::new,
                );
                state.take(
                    turn(Speaker::User, format!("yes {said}"), format!("u{n}")),
                    String::new,
                );
            }
            state.seen.is_new(&n.to_string());
        }
        let bytes = state.to_bytes().unwrap();
        assert!(bytes.len() < SEEN_MAX * 16 + 40_000, "{}", bytes.len());
        let again = State::from_bytes(&bytes).unwrap();
        assert_eq!(again.to_bytes().unwrap(), bytes);
        assert_eq!(again.seen.known.len(), SEEN_MAX);
        assert!(State::from_bytes(b"{}").is_err());
        assert!(State::from_bytes(b"").is_err());
    }

    #[test]
    fn long_ids_are_shortened() {
        assert_eq!(short("u1".into()), "u1");
        assert_eq!(short("u".repeat(1 << 20).into()).len(), 32);
    }
}
