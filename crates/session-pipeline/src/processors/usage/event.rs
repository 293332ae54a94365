//! What an agent did, and what a session came to, as records.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::plugins::{ItemType, KnownPlugins};
use super::state::Counted;

/// Longest name or path that is kept, in characters.
const TEXT_MAX: usize = 512;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// A tool was used; a skill, if it names one.
    ToolUse,
    /// A sub-agent was sent for.
    Subagent,
    /// A tool of an MCP server was called.
    McpCall,
    /// The user gave a slash command.
    SlashCommand,
}

impl EventType {
    /// How many there are.
    pub(super) const COUNT: usize = 4;

    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::ToolUse => "tool_use",
            Self::Subagent => "subagent",
            Self::McpCall => "mcp_call",
            Self::SlashCommand => "slash_command",
        }
    }
}

/// An event: the body of a record of kind [`EVENT`](super::EVENT).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Id of the record, in hexadecimal digits.
    pub id: String,
    /// What happened.
    pub event_type: EventType,
    /// Id of the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_uuid: Option<String>,
    /// Id of the row before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_uuid: Option<String>,
    /// Id of the tool use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_id: Option<String>,
    /// Name of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_name: Option<String>,
    /// Name of the skill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skill_name: Option<String>,
    /// Type of the sub-agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subagent_type: Option<String>,
    /// Name of the command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_name: Option<String>,
    /// Whether its result was an error.
    pub is_error: bool,
    /// The model that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Working directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// `builtin`, `curated` or the name of the community market.
    pub source: String,
    /// The plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ref_id: Option<String>,
    /// Its name in the plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_name: Option<String>,
    /// What it is in the plugin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_type: Option<String>,
}

impl Event {
    /// Says where it comes from.
    pub(super) fn attribute(&mut self, plugins: &KnownPlugins) {
        let origin = plugins.origin([
            (self.skill_name.as_deref(), ItemType::Skill),
            (self.subagent_type.as_deref(), ItemType::Agent),
            (self.command_name.as_deref(), ItemType::Skill),
        ]);
        let (source, plugin, local_name) = (
            origin.source.to_owned(),
            origin.plugin.map(str::to_owned),
            origin.local_name.map(str::to_owned),
        );
        let item_type = origin.item_type.map(|item_type| {
            match item_type {
                ItemType::Skill => "skill",
                ItemType::Agent => "agent",
                ItemType::Plugin => "plugin",
            }
            .to_owned()
        });
        self.source = source;
        self.ref_id = plugin;
        self.local_name = local_name;
        self.item_type = item_type;
    }
}

/// The tokens of one message: the body of a record of kind [`MESSAGE`](super::MESSAGE). A message
/// that stands in several logs, as when a session is resumed, has the same id in all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageUsage {
    /// The model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Tokens read.
    pub input: i64,
    /// Tokens written.
    pub output: i64,
    /// Tokens read from a cache.
    pub cache_read: i64,
    /// Tokens written to a cache.
    pub cache_creation: i64,
}

/// A session: the body of a record of kind [`SUMMARY`](super::SUMMARY).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The first session id in the log; empty if there is none.
    pub session_id: String,
    /// Other session ids in it, as when a session was resumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_session_ids: Vec<String>,
    /// Whose session it is.
    pub user: Option<String>,
    /// Time of the earliest row.
    pub started_at: Option<String>,
    /// Time of the latest row.
    pub ended_at: Option<String>,
    /// Seconds without the pauses of more than ten minutes.
    pub active_seconds: i64,
    /// Seconds from the first to the last row.
    pub wall_seconds: i64,
    /// Rows.
    pub turns: u64,
    /// Rows that a user wrote; results of tools do not count.
    pub user_messages: u64,
    /// Messages of models.
    pub assistant_messages: u64,
    /// Tools used, without MCP calls and sub-agents.
    pub tool_calls: u64,
    /// Of these, with an error.
    pub tool_errors: u64,
    /// Tools used that name a skill.
    pub skill_invocations: u64,
    /// Sub-agents.
    pub subagent_dispatches: u64,
    /// Of these, with an error.
    pub subagent_errors: u64,
    /// MCP calls.
    pub mcp_calls: u64,
    /// Of these, with an error.
    pub mcp_errors: u64,
    /// Slash commands.
    pub slash_commands: u64,
    /// Different tools, of all kinds.
    pub distinct_tools: u64,
    /// Different skills.
    pub distinct_skills: u64,
    /// The model with most messages.
    pub primary_model: Option<String>,
    /// Tokens read.
    pub input_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// Tokens read from a cache.
    pub cache_read_tokens: i64,
    /// Tokens written to a cache.
    pub cache_creation_tokens: i64,
    /// Version of the processor.
    pub processor_version: u32,
}

impl Summary {
    pub(super) fn of(counted: &Counted, user: Option<&str>, version: u32) -> Self {
        let of_type = |counts: &[u64; EventType::COUNT], event_type: EventType| {
            counts.get(event_type as usize).copied().unwrap_or(0)
        };
        let calls = |event_type| of_type(&counted.calls, event_type);
        let errors = |event_type| of_type(&counted.errors, event_type);
        let bounds = counted.activity.bounds();
        let time = |micros| DateTime::<Utc>::from_timestamp_micros(micros).map(time_text);
        Self {
            session_id: counted.session_id.clone().unwrap_or_default(),
            other_session_ids: counted.other_session_ids.clone(),
            user: user.map(str::to_owned),
            started_at: bounds.and_then(|(first, _)| time(first)),
            ended_at: bounds.and_then(|(_, last)| time(last)),
            active_seconds: counted.activity.active_seconds(),
            wall_seconds: bounds.map_or(0, |(first, last)| (last - first) / 1_000_000),
            turns: counted.turns,
            user_messages: counted.user_messages,
            assistant_messages: counted.assistant_messages,
            tool_calls: calls(EventType::ToolUse),
            tool_errors: errors(EventType::ToolUse),
            skill_invocations: counted.skill_invocations,
            subagent_dispatches: calls(EventType::Subagent),
            subagent_errors: errors(EventType::Subagent),
            mcp_calls: calls(EventType::McpCall),
            mcp_errors: errors(EventType::McpCall),
            slash_commands: calls(EventType::SlashCommand),
            distinct_tools: counted.tool_names.len() as u64,
            distinct_skills: counted.skill_names.len() as u64,
            primary_model: counted.primary_model().map(str::to_owned),
            input_tokens: counted.tokens.input,
            output_tokens: counted.tokens.output,
            cache_read_tokens: counted.tokens.cache_read,
            cache_creation_tokens: counted.tokens.cache_creation,
            processor_version: version,
        }
    }
}

/// A time as records have it: RFC 3339, in UTC.
fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// At most [`TEXT_MAX`] characters of a text.
pub(super) fn bounded(text: &str) -> String {
    // No more characters than bytes, so most texts need not be counted.
    let end = match text.len() {
        0..=TEXT_MAX => None,
        _ => text.char_indices().nth(TEXT_MAX),
    };
    let bounded = end.and_then(|(end, _)| text.get(..end));
    bounded.unwrap_or(text).to_owned()
}
