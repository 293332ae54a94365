//! Transcripts of agents, row by row, and what they amount to.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::draw::Draw;

/// When the first turn is.
const START: &str = "2026-05-12T07:00:00Z";
/// Between two turns, so that a few dozen of them span days.
const BETWEEN: TimeDelta = TimeDelta::minutes(41);
const MODELS: [&str; 3] = ["model-large", "model-small", "model-tiny"];
const TOOLS: [&str; 4] = ["Bash", "Read", "Task", "mcp__tracker__create_issue"];

/// A session of one user, in one file.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// Whose it is: the name of the folder.
    pub user: String,
    /// The name of its file, without the ending.
    pub name: String,
    /// Its rows, without their ends.
    pub rows: Vec<String>,
    messages: Vec<Message>,
    events: Vec<Event>,
    draw: Draw,
}

/// What was said by a model, and what it cost.
#[derive(Clone, Debug)]
struct Message {
    id: String,
    request: String,
    model: &'static str,
    day: String,
    /// Input, output, read from a cache, written to it.
    tokens: [u64; 4],
}

/// What was done.
#[derive(Clone, Debug)]
struct Event {
    /// Of the tool use, or of the row of a command.
    id: String,
    /// The tool, or the command with its slash.
    name: String,
    model: Option<&'static str>,
    day: String,
    is_error: bool,
}

/// What usage is added up by, as the command line has it.
pub const BY: [&str; 4] = ["day", "user", "model", "tool"];

impl Transcript {
    /// An empty one.
    pub fn new(user: &str, name: &str, seed: u64) -> Self {
        Self {
            user: user.to_owned(),
            name: name.to_owned(),
            rows: Vec::new(),
            messages: Vec::new(),
            events: Vec::new(),
            draw: Draw::new(seed),
        }
    }

    /// The path below the folder of all sessions.
    pub fn path(&self) -> String {
        format!("{}/{}.jsonl", self.user, self.name)
    }

    /// The rows as the file has them.
    pub fn text(&self) -> String {
        let mut text = self.rows.join("\n");
        text.push('\n');
        text
    }

    /// The same session, resumed: another file that begins with every row of this one.
    pub fn resumed(&self, name: &str, seed: u64) -> Self {
        let mut resumed = self.clone();
        resumed.name = name.to_owned();
        resumed.draw = Draw::new(seed);
        let (old, new) = (session_id(&self.name), session_id(name));
        for row in &mut resumed.rows {
            *row = row.replace(&old, &new);
        }
        resumed
    }

    /// So many further turns: what the user wants, what the model says and does, in several rows
    /// that repeat its id and usage, and what came of it.
    pub fn go_on(mut self, turns: usize) -> Self {
        for _ in 0..turns {
            self.turn();
        }
        self
    }

    /// A turn with a command of the user.
    pub fn command(mut self, command: &str) -> Self {
        let at = self.now();
        let uuid = self.uuid();
        let text = format!("<command-name>/{command}</command-name>");
        self.row(
            json!({"type": "user", "message": {"role": "user", "content": text}}),
            &uuid,
            at,
        );
        self.events.push(Event {
            id: uuid,
            name: format!("/{command}"),
            model: None,
            day: day(at),
            is_error: false,
        });
        self
    }

    fn turn(&mut self) {
        let at = self.now();
        let uuid = self.uuid();
        let wanted = "Do what has to be done.";
        self.row(
            json!({"type": "user", "message": {"role": "user", "content": wanted}}),
            &uuid,
            at,
        );
        let number = self.draw.next_number();
        let (id, request) = (format!("msg_{number:x}"), format!("req_{number:x}"));
        let model = MODELS[self.draw.below(3) as usize];
        let tokens = [2_000, 900, 50_000, 700].map(|most| 1 + self.draw.below(most));
        let rows = 1 + self.draw.below(4);
        let mut used = Vec::new();
        for row in 0..rows {
            let tool = format!("toolu_{number:x}_{row}");
            let name = TOOLS[self.draw.below(4) as usize];
            // Only the last row of a message knows how long it has become.
            let output = if row + 1 == rows { tokens[1] } else { 1 };
            let content = json!([{"type": "tool_use", "id": tool, "name": name, "input": {
                "command": "x".repeat(self.draw.below(400) as usize), "subagent_type": "reviewer",
            }}]);
            let message = json!({
                "id": id, "role": "assistant", "model": model, "content": content,
                "usage": {
                    "input_tokens": tokens[0], "output_tokens": output,
                    "cache_read_input_tokens": tokens[2], "cache_creation_input_tokens": tokens[3],
                },
            });
            let uuid = self.uuid();
            let row = json!({"type": "assistant", "requestId": request, "message": message});
            self.row(row.clone(), &uuid, at);
            if self.draw.below(5) == 0 {
                self.row(row, &uuid, at);
            }
            used.push((tool, name));
        }
        for (tool, name) in used {
            let is_error = self.draw.below(6) == 0;
            let result = json!([{"type": "tool_result", "tool_use_id": tool, "is_error": is_error,
                "content": "done"}]);
            let uuid = self.uuid();
            let row = json!({"type": "user", "message": {"role": "user", "content": result}});
            self.row(row, &uuid, at);
            self.events.push(Event {
                id: tool,
                name: name.to_owned(),
                model: Some(model),
                day: day(at),
                is_error,
            });
        }
        self.messages.push(Message {
            id,
            request,
            model,
            day: day(at),
            tokens,
        });
    }

    fn row(&mut self, mut row: Value, uuid: &str, at: DateTime<Utc>) {
        row["uuid"] = json!(uuid);
        row["sessionId"] = json!(session_id(&self.name));
        row["timestamp"] = json!(at.to_rfc3339_opts(SecondsFormat::Millis, true));
        row["cwd"] = json!("/workspace");
        self.rows.push(row.to_string());
    }

    fn uuid(&mut self) -> String {
        format!("{:016x}", self.draw.next_number())
    }

    fn now(&self) -> DateTime<Utc> {
        let start: DateTime<Utc> = START.parse().expect("a time");
        let turns = self.messages.len() + self.events.len();
        start + BETWEEN * i32::try_from(turns).expect("not that many")
    }
}

/// What transcripts amount to: the rows of `sessions usage --by … --json` by name, and the total as
/// `total`. What stands in several transcripts of a user counts once.
pub fn usage(transcripts: &[&Transcript], by: &str) -> BTreeMap<String, Value> {
    let mut rows: BTreeMap<String, [u64; 10]> = BTreeMap::from([("total".to_owned(), [0; 10])]);
    let mut add = |name: &str, numbers: [u64; 10]| {
        for name in [name, "total"] {
            let row = rows.entry(name.to_owned()).or_default();
            for (sum, number) in row.iter_mut().zip(numbers) {
                *sum += number;
            }
        }
    };
    let mut seen = BTreeSet::new();
    for transcript in transcripts {
        for message in &transcript.messages {
            // What a tool costs is in no log.
            if by == "tool" || !seen.insert((&message.id, &message.request)) {
                continue;
            }
            let name = match by {
                "day" => &message.day,
                "user" => &transcript.user,
                _ => message.model,
            };
            let [input, output, read, written] = message.tokens;
            add(name, [1, input, output, read, written, 0, 0, 0, 0, 0]);
        }
        for event in &transcript.events {
            if !seen.insert((&event.id, &transcript.user)) {
                continue;
            }
            let name = match by {
                "day" => &event.day,
                "user" => &transcript.user,
                "model" => event.model.unwrap_or("unknown"),
                _ => &event.name,
            };
            let is = |is: bool| u64::from(is);
            let sub = [
                is(event.name == "Task"),
                is(event.name.starts_with("mcp__")),
                is(event.name.starts_with('/')),
            ];
            let [agents, mcp, commands] = sub;
            add(
                name,
                [0, 0, 0, 0, 0, 1, is(event.is_error), agents, mcp, commands],
            );
        }
    }
    let fields = [
        "messages",
        "input_tokens",
        "output_tokens",
        "cache_read_tokens",
        "cache_creation_tokens",
        "events",
        "errors",
        "subagents",
        "mcp_calls",
        "slash_commands",
    ];
    let as_json = |(name, numbers): (String, [u64; 10])| {
        let mut row = json!({ "name": name });
        for (field, number) in fields.iter().zip(numbers) {
            row[*field] = json!(number);
        }
        (name, row)
    };
    rows.into_iter().map(as_json).collect()
}

fn session_id(name: &str) -> String {
    format!("session-{name}")
}

fn day(at: DateTime<Utc>) -> String {
    at.date_naive().to_string()
}
