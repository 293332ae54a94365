//! What agents did and what it cost: one event for each tool use, MCP call, sub-agent, skill and
//! slash command, the tokens of each message, and a summary of each session.
//!
//! Rows that repeat count once: a row by its `uuid`, a tool use by its id, the tokens of a message
//! by message id and request id. Rows of one message may carry different blocks; each counts.

mod activity;
mod commands;
mod event;
mod plugins;
mod report;
mod row;
mod seen;
mod state;
mod time;

use crate::json;
use crate::lines::Lines;
use crate::processor::{Outcome, Processor, ProcessorError};
use crate::record::{Record, RecordId};
use crate::source::{Log, SourceKind};

use self::event::bounded;
use self::row::{Block, Row, Text};
use self::state::{State, Tokens, WithoutResult};

pub use self::event::{Event, EventType, MessageUsage, Summary};
pub use self::plugins::{ItemType, KnownPlugins};
pub use self::report::{UsageBy, UsageReport, UsageRow};

/// Name of the processor.
pub const NAME: &str = "usage";
/// Kind of the records that hold an [`Event`].
pub const EVENT: &str = "event";
/// Kind of the records that hold a [`MessageUsage`].
pub const MESSAGE: &str = "message";
/// Kind of the records that hold a [`Summary`].
pub const SUMMARY: &str = "summary";

const VERSION: u32 = 1;

/// The processor.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    plugins: KnownPlugins,
}

impl Usage {
    /// Attributes skills, agents and commands to these plugins.
    pub fn new(plugins: KnownPlugins) -> Self {
        Self { plugins }
    }
}

impl Processor for Usage {
    fn name(&self) -> &str {
        NAME
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn reads(&self) -> &[SourceKind] {
        &[SourceKind::Agent]
    }

    fn process(
        &self,
        log: &Log,
        lines: &mut Lines<'_>,
        state: Option<&[u8]>,
    ) -> Result<Outcome, ProcessorError> {
        let mut session = Session {
            plugins: &self.plugins,
            log,
            state: state.map_or_else(|| Ok(State::default()), State::read)?,
            records: Vec::new(),
        };
        while let Some(line) = lines.next() {
            match json::object::<Row<'_>>(line.text) {
                Ok(row) => session.row(&row),
                Err(why) => lines.refuse(why),
            }
        }
        session.finish()
    }
}

/// A session that is being read.
struct Session<'a> {
    plugins: &'a KnownPlugins,
    log: &'a Log,
    state: State,
    records: Vec<Record>,
}

/// A row, with what several of its parts need.
struct Context<'a> {
    row: &'a Row<'a>,
    /// Its number in the session: tells events apart that have no id.
    number: u64,
    at: Option<chrono::DateTime<chrono::Utc>>,
    is_new: bool,
}

impl Context<'_> {
    /// Where the records of this row stand among those of the session.
    fn ordinal(&self) -> u32 {
        u32::try_from(self.number).unwrap_or(u32::MAX)
    }
}

impl Session<'_> {
    fn row(&mut self, row: &Row<'_>) {
        let is_new = row
            .uuid
            .get()
            .is_none_or(|uuid| self.state.seen.insert(seen::key(&["row", uuid])));
        let counted = &mut self.state.counted;
        if is_new {
            counted.turns += 1;
        }
        if let Some(id) = row.session_id.get() {
            counted.note_session(&bounded(id));
        }
        let at = row.timestamp.get().and_then(time::parse);
        if let Some(at) = at {
            counted.activity.add(at.timestamp_micros());
        }
        let context = Context {
            row,
            number: counted.turns,
            at,
            is_new,
        };
        let kind = row.kind.as_deref().unwrap_or_default();
        if kind == "tool_use_result" {
            let id = row.tool_use_id.get().or(row.tool_use_id_camel.get());
            self.result(id, row.is_error.0);
        }
        if let Some(message) = &row.message {
            for block in &message.content.blocks {
                if let Block::ToolResult { id, is_error } = block {
                    self.result(id.get(), is_error.0);
                }
            }
        }
        match kind {
            "assistant" => self.assistant(&context),
            "user" => self.user(&context),
            _ => {}
        }
    }

    fn user(&mut self, context: &Context<'_>) {
        let content = context.row.message.as_ref().map(|message| &message.content);
        if !context.is_new {
            return;
        }
        if content.is_some_and(|content| content.has_text) {
            self.state.counted.user_messages += 1;
        }
        for (ordinal, name) in content
            .into_iter()
            .flat_map(|content| &content.commands)
            .enumerate()
        {
            let id = self.id(context, "slash_command", ordinal);
            let mut event = self.event(context, id, EventType::SlashCommand);
            event.command_name = Some(bounded(name));
            self.count(event, context.at, false);
        }
    }

    fn assistant(&mut self, context: &Context<'_>) {
        let message = context.row.message.as_ref();
        let is_new = self.tokens(context);
        if is_new {
            self.state.counted.assistant_messages += 1;
            if let Some(model) = message.and_then(|message| message.model.get()) {
                self.state.counted.count_model(&bounded(model));
            }
        }
        let blocks = message
            .into_iter()
            .flat_map(|message| &message.content.blocks);
        for (ordinal, block) in blocks.enumerate() {
            let Block::ToolUse { id, name, input } = block else {
                continue;
            };
            let tool = id.get().map(|id| seen::key(&["tool", id]));
            let is_new = match tool {
                Some(tool) => self.state.seen.insert(tool),
                None => context.is_new,
            };
            if !is_new {
                continue;
            }
            let name = name.get();
            let event_type = match name {
                Some("Task" | "Agent") => EventType::Subagent,
                Some(name) if name.starts_with("mcp__") => EventType::McpCall,
                _ => EventType::ToolUse,
            };
            let record = match id.get() {
                Some(id) => RecordId::ordered(
                    context.ordinal(),
                    &[&self.log.source, &self.log.key, "tool", id],
                ),
                None => self.id(context, "tool_use", ordinal),
            };
            let mut event = self.event(context, record, event_type);
            event.tool_id = id.get().map(bounded);
            event.tool_name = name.map(bounded);
            event.model = message.and_then(|message| owned(&message.model));
            match name {
                Some("Skill") => {
                    event.skill_name = owned(&input.skill).or_else(|| owned(&input.name));
                }
                Some(agent @ ("Task" | "Agent")) => {
                    let subagent_type = owned(&input.subagent_type);
                    event.subagent_type = subagent_type.or_else(|| Some(agent.to_owned()));
                }
                _ => {}
            }
            event.is_error = tool.is_some_and(|tool| self.state.counted.take_error(tool));
            let event = self.count(event, context.at, true);
            if let (Some(tool), false) = (tool, event.is_error) {
                self.state.counted.await_result(WithoutResult {
                    tool,
                    event,
                    at: context.at,
                });
            }
        }
    }

    /// Counts the tokens of a message once; says whether the message is new.
    fn tokens(&mut self, context: &Context<'_>) -> bool {
        let Some(message) = &context.row.message else {
            return context.is_new;
        };
        let key = match message.id.get() {
            Some(id) => {
                let request = context.row.request_id.get().unwrap_or_default();
                seen::key(&["message", id, request])
            }
            None if !context.is_new => return false,
            // Nothing names it, so nothing can repeat it.
            None => seen::key(&["message", &context.number.to_string()]),
        };
        let is_new = self.state.seen.insert(key);
        let counted = &mut self.state.counted;
        let usage = &message.usage;
        let numbers = [
            usage.input,
            usage.output,
            usage.cache_read,
            usage.cache_creation,
        ];
        let has_usage = numbers.iter().any(|count| count.0.is_some());
        let [input, output, cache_read, cache_creation] =
            numbers.map(|count| count.0.unwrap_or_default());
        let read = Tokens {
            input,
            output,
            cache_read,
            cache_creation,
        };
        let (tokens, ordinal) = if is_new {
            counted.tokens.replace(Tokens::default(), read);
            counted.remember_message(key, read, context.ordinal());
            (read, context.ordinal())
        } else {
            let Some(recent) = counted.recent(key) else {
                return false;
            };
            let larger = recent.tokens.max(read);
            if !has_usage || larger == recent.tokens {
                return false;
            }
            let before = std::mem::replace(&mut recent.tokens, larger);
            let ordinal = recent.ordinal;
            counted.tokens.replace(before, larger);
            (larger, ordinal)
        };
        if has_usage {
            let id = match message.id.get() {
                // But for its ordinal the same in every log that the message stands in.
                Some(id) => {
                    let request = context.row.request_id.get().unwrap_or_default();
                    RecordId::ordered(ordinal, &["message", id, request])
                }
                None => self.id(context, "message", 0),
            };
            self.push(
                MESSAGE,
                id,
                context.at,
                &MessageUsage {
                    model: owned(&message.model),
                    input: tokens.input,
                    output: tokens.output,
                    cache_read: tokens.cache_read,
                    cache_creation: tokens.cache_creation,
                },
            );
        }
        is_new
    }

    /// The result of a tool.
    fn result(&mut self, id: Option<&str>, is_error: bool) {
        let Some(id) = id else {
            return;
        };
        let tool = seen::key(&["tool", id]);
        let counted = &mut self.state.counted;
        match counted.take_waiting(tool) {
            Some(mut waiting) if is_error => {
                waiting.event.is_error = true;
                if let Some(errors) = counted.errors.get_mut(waiting.event.event_type as usize) {
                    *errors += 1;
                }
                self.push_event(&waiting.event, waiting.at);
            }
            Some(_) => {}
            None if is_error => counted.remember_error(tool),
            None => {}
        }
    }

    /// The id of something that has none of its own: the row and its place in there.
    fn id(&self, context: &Context<'_>, what: &str, ordinal: usize) -> RecordId {
        let (number, ordinal) = (context.number.to_string(), ordinal.to_string());
        let row = context.row.uuid.get().unwrap_or(&number);
        RecordId::ordered(
            context.ordinal(),
            &[&self.log.source, &self.log.key, what, row, &ordinal],
        )
    }

    fn event(&self, context: &Context<'_>, id: RecordId, event_type: EventType) -> Event {
        Event {
            id: id.to_hex(),
            event_type,
            event_uuid: owned(&context.row.uuid),
            parent_uuid: owned(&context.row.parent_uuid),
            tool_id: None,
            tool_name: None,
            skill_name: None,
            subagent_type: None,
            command_name: None,
            is_error: false,
            model: None,
            cwd: owned(&context.row.cwd),
            source: String::new(),
            ref_id: None,
            local_name: None,
            item_type: None,
        }
    }

    /// Counts and records an event.
    fn count(
        &mut self,
        mut event: Event,
        at: Option<chrono::DateTime<chrono::Utc>>,
        is_tool: bool,
    ) -> Event {
        event.attribute(self.plugins);
        let counted = &mut self.state.counted;
        let event_type = event.event_type as usize;
        if let Some(calls) = counted.calls.get_mut(event_type) {
            *calls += 1;
        }
        if let (Some(errors), true) = (counted.errors.get_mut(event_type), event.is_error) {
            *errors += 1;
        }
        if is_tool && let Some(name) = &event.tool_name {
            note(&mut counted.tool_names, name);
        }
        if let Some(name) = &event.skill_name {
            counted.skill_invocations += 1;
            note(&mut counted.skill_names, name);
        }
        self.push_event(&event, at);
        event
    }

    fn push_event(&mut self, event: &Event, at: Option<chrono::DateTime<chrono::Utc>>) {
        let mut id = [0; 16];
        for (byte, digits) in id.iter_mut().zip(event.id.as_bytes().as_chunks::<2>().0) {
            let digits = std::str::from_utf8(digits).unwrap_or_default();
            *byte = u8::from_str_radix(digits, 16).unwrap_or_default();
        }
        self.push(EVENT, RecordId(id), at, event);
    }

    fn push(
        &mut self,
        kind: &'static str,
        id: RecordId,
        occurred_at: Option<chrono::DateTime<chrono::Utc>>,
        body: &impl serde::Serialize,
    ) {
        self.records.push(Record {
            kind,
            id,
            occurred_at,
            // Plain data with string keys: serialising it cannot fail.
            body: serde_json::to_string(body).unwrap_or_default(),
        });
    }

    fn finish(mut self) -> Result<Outcome, ProcessorError> {
        let summary = Summary::of(&self.state.counted, self.log.user.as_deref(), VERSION);
        let started = self.state.counted.activity.bounds();
        let started = started.and_then(|(first, _)| chrono::DateTime::from_timestamp_micros(first));
        // Behind everything else.
        let id = RecordId::ordered(u32::MAX, &[&self.log.source, &self.log.key, "summary"]);
        self.push(SUMMARY, id, started, &summary);
        Ok(Outcome {
            records: self.records,
            state: self.state.write()?,
            notices: Vec::new(),
        })
    }
}

fn owned(text: &Text<'_>) -> Option<String> {
    text.get().map(bounded)
}

fn note(names: &mut std::collections::BTreeSet<String>, name: &str) {
    if names.len() < state::NAMES_MAX && !names.contains(name) {
        names.insert(name.to_owned());
    }
}
