//! What is known of a session between two calls.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::activity::Activity;
use super::event::{Event, EventType};
use super::seen::Seen;
use crate::processor::ProcessorError;

/// Names that are counted as distinct; more count no further.
pub(super) const NAMES_MAX: usize = 1000;
/// Tool uses without a result that are remembered, and errors without a tool use.
const PENDING_MAX: usize = 256;
/// Messages whose tokens may still grow: their rows come one after the other.
const RECENT_MAX: usize = 8;
/// Session ids beside the first that are kept.
const OTHER_IDS_MAX: usize = 16;

/// Everything.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) counted: Counted,
    /// Rows by their own id, messages by message id and request id, tool uses by their id.
    pub(super) seen: Seen,
}

/// Everything but the set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Counted {
    pub(super) turns: u64,
    pub(super) session_id: Option<String>,
    pub(super) other_session_ids: Vec<String>,
    pub(super) user_messages: u64,
    pub(super) assistant_messages: u64,
    /// Calls and errors by type.
    pub(super) calls: [u64; EventType::COUNT],
    pub(super) errors: [u64; EventType::COUNT],
    pub(super) skill_invocations: u64,
    pub(super) tool_names: BTreeSet<String>,
    pub(super) skill_names: BTreeSet<String>,
    /// In the order in which they came up.
    pub(super) models: Vec<(String, u64)>,
    pub(super) tokens: Tokens,
    pub(super) activity: Activity,
    pub(super) without_result: Vec<WithoutResult>,
    pub(super) errors_without_use: Vec<u64>,
    pub(super) recent: Vec<RecentMessage>,
}

/// Tokens: input, output, read from a cache, written to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tokens {
    pub(super) input: i64,
    pub(super) output: i64,
    pub(super) cache_read: i64,
    pub(super) cache_creation: i64,
}

impl Tokens {
    /// The larger number of each kind: the rows of one message repeat its usage, and a row that was
    /// written before the message was complete has less.
    pub(super) fn max(self, other: Self) -> Self {
        Self {
            input: self.input.max(other.input),
            output: self.output.max(other.output),
            cache_read: self.cache_read.max(other.cache_read),
            cache_creation: self.cache_creation.max(other.cache_creation),
        }
    }

    /// Adds `new` in place of `old`.
    pub(super) fn replace(&mut self, old: Self, new: Self) {
        let add = |sum: &mut i64, old: i64, new: i64| {
            *sum = sum.saturating_add(new.saturating_sub(old));
        };
        add(&mut self.input, old.input, new.input);
        add(&mut self.output, old.output, new.output);
        add(&mut self.cache_read, old.cache_read, new.cache_read);
        add(
            &mut self.cache_creation,
            old.cache_creation,
            new.cache_creation,
        );
    }
}

/// A tool use whose result was not read yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct WithoutResult {
    pub(super) tool: u64,
    pub(super) event: Event,
    pub(super) at: Option<DateTime<Utc>>,
}

/// A message that was counted a moment ago.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RecentMessage {
    pub(super) message: u64,
    pub(super) tokens: Tokens,
    /// Where its record stands among those of the session.
    pub(super) ordinal: u32,
}

impl Counted {
    /// Remembers a tool use until its result comes.
    pub(super) fn await_result(&mut self, waiting: WithoutResult) {
        if self.without_result.len() >= PENDING_MAX {
            self.without_result.remove(0);
        }
        self.without_result.push(waiting);
    }

    /// The tool use with this key, if it waits for its result.
    pub(super) fn take_waiting(&mut self, tool: u64) -> Option<WithoutResult> {
        let at = self
            .without_result
            .iter()
            .position(|waiting| waiting.tool == tool)?;
        Some(self.without_result.remove(at))
    }

    /// Remembers an error whose tool use was not read yet.
    pub(super) fn remember_error(&mut self, tool: u64) {
        if self.errors_without_use.contains(&tool) {
            return;
        }
        if self.errors_without_use.len() >= PENDING_MAX {
            self.errors_without_use.remove(0);
        }
        self.errors_without_use.push(tool);
    }

    /// Whether an error came before the tool use with this key.
    pub(super) fn take_error(&mut self, tool: u64) -> bool {
        let at = self
            .errors_without_use
            .iter()
            .position(|error| *error == tool);
        at.map(|at| self.errors_without_use.remove(at)).is_some()
    }

    /// The tokens of a message that was counted a moment ago.
    pub(super) fn recent(&mut self, message: u64) -> Option<&mut RecentMessage> {
        self.recent
            .iter_mut()
            .find(|recent| recent.message == message)
    }

    /// Remembers the tokens of a message.
    pub(super) fn remember_message(&mut self, message: u64, tokens: Tokens, ordinal: u32) {
        if self.recent.len() >= RECENT_MAX {
            self.recent.remove(0);
        }
        self.recent.push(RecentMessage {
            message,
            tokens,
            ordinal,
        });
    }

    /// Notes the session that a row belongs to.
    pub(super) fn note_session(&mut self, id: &str) {
        match &self.session_id {
            None => self.session_id = Some(id.to_owned()),
            Some(first) if first == id => {}
            Some(_) => {
                let is_new = !self.other_session_ids.iter().any(|other| other == id);
                if is_new && self.other_session_ids.len() < OTHER_IDS_MAX {
                    self.other_session_ids.push(id.to_owned());
                }
            }
        }
    }

    /// Counts a message of a model.
    pub(super) fn count_model(&mut self, model: &str) {
        if let Some((_, count)) = self.models.iter_mut().find(|(name, _)| name == model) {
            *count += 1;
        } else if self.models.len() < NAMES_MAX {
            self.models.push((model.to_owned(), 1));
        }
    }

    /// The model with most messages; of several, the one that came up first.
    pub(super) fn primary_model(&self) -> Option<&str> {
        let most = self.models.iter().map(|(_, count)| *count).max()?;
        let (name, _) = self.models.iter().find(|(_, count)| *count == most)?;
        Some(name)
    }
}

impl State {
    /// The state as bytes: the set, which only grows at its end; the rest as JSON; its length. So
    /// the beginning of a state is the next one's, too.
    pub(super) fn write(&self) -> Result<Vec<u8>, ProcessorError> {
        let counted = serde_json::to_vec(&self.counted).map_err(|error| ProcessorError::State {
            detail: error.to_string(),
            bytes: 0,
        })?;
        let mut bytes = Vec::with_capacity(self.seen.bytes() + counted.len() + 8);
        self.seen.write(&mut bytes);
        bytes.extend_from_slice(&counted);
        bytes.extend_from_slice(&(counted.len() as u64).to_le_bytes());
        Ok(bytes)
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ProcessorError> {
        let wrong = |detail: String| ProcessorError::State {
            detail,
            bytes: bytes.len(),
        };
        let cut = || wrong("it is too short".to_owned());
        let (rest, length) = bytes.split_last_chunk::<8>().ok_or_else(cut)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| cut())?;
        let seen = rest.len().checked_sub(length).ok_or_else(cut)?;
        let (seen, counted) = rest.split_at_checked(seen).ok_or_else(cut)?;
        Ok(Self {
            counted: serde_json::from_slice(counted).map_err(|error| wrong(error.to_string()))?,
            seen: Seen::read(seen).ok_or_else(|| wrong("its set is cut".to_owned()))?,
        })
    }
}
