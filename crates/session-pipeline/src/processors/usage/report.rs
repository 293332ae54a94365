//! Usage by day, user, model or tool.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{EVENT, Event, EventType, MESSAGE, MessageUsage, NAME};
use crate::ledger::{SessionLedger, SessionLedgerError, StoredRecord};

/// What usage is added up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageBy {
    /// Days, in UTC.
    Day,
    /// Users.
    User,
    /// Models.
    Model,
    /// Tools.
    Tool,
}

/// Usage of one day, user, model or tool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UsageRow {
    /// Which. `unknown` where the log does not say.
    pub name: String,
    /// Messages of models.
    pub messages: u64,
    /// Tokens read.
    pub input_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// Tokens read from a cache.
    pub cache_read_tokens: i64,
    /// Tokens written to a cache.
    pub cache_creation_tokens: i64,
    /// Events of every type.
    pub events: u64,
    /// Of these, with an error.
    pub errors: u64,
    /// Sub-agents.
    pub subagents: u64,
    /// MCP calls.
    pub mcp_calls: u64,
    /// Slash commands.
    pub slash_commands: u64,
}

/// Usage, added up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UsageReport {
    /// One row for each, in order: days by date, others by tokens written, then events.
    pub rows: Vec<UsageRow>,
    /// Everything.
    pub total: UsageRow,
}

impl UsageReport {
    /// Adds up what the processor recorded. A message or event that stands in several logs counts
    /// once.
    ///
    /// # Errors
    ///
    /// [`SessionLedgerError`] when the storage fails.
    pub fn read(ledger: &mut dyn SessionLedger, by: UsageBy) -> Result<Self, SessionLedgerError> {
        let mut rows: BTreeMap<String, UsageRow> = BTreeMap::new();
        let mut total = UsageRow {
            name: "total".to_owned(),
            ..UsageRow::default()
        };
        if by != UsageBy::Tool {
            for (name, usage) in messages(ledger, by)? {
                for row in [rows.entry(name).or_default(), &mut total] {
                    row.add_message(&usage);
                }
            }
        }
        for (name, event) in events(ledger, by)? {
            for row in [rows.entry(name).or_default(), &mut total] {
                row.add_event(&event);
            }
        }
        let mut rows: Vec<UsageRow> = rows
            .into_iter()
            .map(|(name, row)| UsageRow { name, ..row })
            .collect();
        if by != UsageBy::Day {
            rows.sort_by_key(|row| std::cmp::Reverse((row.output_tokens, row.events)));
        }
        Ok(Self { rows, total })
    }
}

impl UsageRow {
    fn add_message(&mut self, usage: &MessageUsage) {
        let add = |sum: &mut i64, tokens: i64| *sum = sum.saturating_add(tokens);
        self.messages += 1;
        add(&mut self.input_tokens, usage.input);
        add(&mut self.output_tokens, usage.output);
        add(&mut self.cache_read_tokens, usage.cache_read);
        add(&mut self.cache_creation_tokens, usage.cache_creation);
    }

    fn add_event(&mut self, event: &CountedEvent) {
        self.events += 1;
        self.errors += u64::from(event.is_error);
        match event.event_type {
            EventType::Subagent => self.subagents += 1,
            EventType::McpCall => self.mcp_calls += 1,
            EventType::SlashCommand => self.slash_commands += 1,
            EventType::ToolUse => {}
        }
    }
}

/// Every message once, with what it is added up by. Of one that stands in several logs, as when a
/// session broke off and was resumed, the most complete copy counts.
fn messages(
    ledger: &mut dyn SessionLedger,
    by: UsageBy,
) -> Result<Vec<(String, MessageUsage)>, SessionLedgerError> {
    let mut places: HashMap<[u8; 12], usize> = HashMap::new();
    let mut found: Vec<(String, MessageUsage)> = Vec::new();
    ledger.for_each_record(NAME, MESSAGE, &mut |record| {
        let Ok(usage) = serde_json::from_str::<MessageUsage>(&record.body) else {
            return;
        };
        let place = *places.entry(record.id.unordered()).or_insert(found.len());
        if let Some((_, known)) = found.get_mut(place) {
            known.input = known.input.max(usage.input);
            known.output = known.output.max(usage.output);
            known.cache_read = known.cache_read.max(usage.cache_read);
            known.cache_creation = known.cache_creation.max(usage.cache_creation);
            return;
        }
        let name = match by {
            UsageBy::Day => day(&record),
            UsageBy::User => record.log.user,
            UsageBy::Model => usage.model.clone(),
            UsageBy::Tool => None,
        };
        found.push((name.unwrap_or_else(unknown), usage));
    })?;
    Ok(found)
}

/// What tells an event apart in all logs of a user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct EventKey {
    user: Option<String>,
    /// The tool use, or else the row and the command or tool.
    id: String,
    at: Option<DateTime<Utc>>,
}

/// What counts of an event.
#[derive(Clone, Copy, Debug)]
struct CountedEvent {
    event_type: EventType,
    is_error: bool,
}

/// Every event once, with what it is added up by. One that stands in several logs is an error if it
/// is one in any of them.
fn events(
    ledger: &mut dyn SessionLedger,
    by: UsageBy,
) -> Result<Vec<(String, CountedEvent)>, SessionLedgerError> {
    // Without an id of their own, several may be alike in one log: each is one more, and has its
    // like in a copy of the log.
    let mut places: HashMap<EventKey, Vec<usize>> = HashMap::new();
    let mut alike: HashMap<EventKey, usize> = HashMap::new();
    let mut log = None;
    let mut found: Vec<(String, CountedEvent)> = Vec::new();
    ledger.for_each_record(NAME, EVENT, &mut |record| {
        let Ok(event) = serde_json::from_str::<Event>(&record.body) else {
            return;
        };
        if log.as_ref() != Some(&record.log) {
            log = Some(record.log.clone());
            alike.clear();
        }
        let key = EventKey {
            user: record.log.user.clone(),
            id: match (&event.tool_id, &event.event_uuid) {
                (Some(tool), _) => tool.clone(),
                (None, Some(row)) => {
                    let what = event.command_name.as_ref().or(event.tool_name.as_ref());
                    format!("{row} {}", what.map_or("", String::as_str))
                }
                (None, None) => event.id.clone(),
            },
            at: record.occurred_at,
        };
        let before = alike.entry(key.clone()).or_default();
        let number = *before;
        *before += 1;
        let known = places.entry(key).or_default();
        if let Some(place) = known.get(number) {
            if let Some((_, known)) = found.get_mut(*place) {
                known.is_error |= event.is_error;
            }
            return;
        }
        known.push(found.len());
        let name = match by {
            UsageBy::Day => day(&record),
            UsageBy::User => record.log.user,
            UsageBy::Model => event.model,
            UsageBy::Tool => event
                .tool_name
                .or_else(|| event.command_name.map(|name| format!("/{name}"))),
        };
        let name = name.unwrap_or_else(unknown);
        let counted = CountedEvent {
            event_type: event.event_type,
            is_error: event.is_error,
        };
        found.push((name, counted));
    })?;
    Ok(found)
}

fn day(record: &StoredRecord) -> Option<String> {
    record.occurred_at.map(|at| at.date_naive().to_string())
}

fn unknown() -> String {
    "unknown".to_owned()
}
