//! Transcripts of agents that look like real ones: the same session has the same rows each time.

use std::fmt::Write;
use std::io;

use chrono::{DateTime, SecondsFormat, TimeDelta};

use crate::chance::Chance;
use crate::texts::{Text, Texts};

/// Longest result of a tool.
const RESULT_MAX: usize = 50_000;

/// A session that is being written.
pub(crate) struct Session<'a> {
    texts: &'a Texts,
    chance: Chance,
    id: String,
    cwd: String,
    model: &'static str,
    /// Id of the row before.
    parent: Option<String>,
    /// Milliseconds since 1970.
    now: i64,
    row: String,
    out: &'a mut dyn io::Write,
    written: u64,
    until: u64,
}

/// What a message's rows have in common.
struct Message {
    id: String,
    request: String,
    usage: String,
}

impl<'a> Session<'a> {
    /// The session with this number; `part` is 0 for its beginning, and
    /// another number for what is appended each time, so many milliseconds later.
    pub(crate) fn new(
        texts: &'a Texts,
        number: u64,
        part: u64,
        out: &'a mut dyn io::Write,
    ) -> Self {
        let mut of_session = Chance::of(number);
        let (id, project) = (of_session.uuid(), of_session.below(90));
        Self {
            texts,
            id,
            cwd: format!("/home/dev/projects/service-{project}"),
            model: of_session.pick(&["claude-sonnet-4-6", "claude-opus-4-6", "claude-haiku-4-5"]),
            chance: Chance::of(number ^ (part + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            parent: None,
            now: 1_778_000_000_000 + (number as i64 % 5_000) * 60_000 + part as i64,
            row: String::new(),
            out,
            written: 0,
            until: 0,
        }
    }

    /// Writes rows until there are `bytes` of them, and answers with how many bytes there are.
    pub(crate) fn write(mut self, bytes: u64) -> io::Result<u64> {
        self.until = bytes;
        if self.chance.percent(20) {
            self.row.push_str("{\"type\":\"summary\",\"summary\":\"");
            self.texts.prose.write(&mut self.chance, 40, &mut self.row);
            let leaf = self.chance.uuid();
            let _ = write!(self.row, "\",\"leafUuid\":\"{leaf}\"");
            self.end()?;
        }
        while self.written < self.until {
            self.prompt()?;
            for _ in 0..2 + self.chance.below(16) {
                if self.written < self.until {
                    self.answer()?;
                }
            }
        }
        Ok(self.written)
    }

    /// What a row starts with: everything but its type and what belongs to that.
    fn start(&mut self) {
        self.row.clear();
        let parent = match &self.parent {
            Some(parent) => format!("\"{parent}\""),
            None => "null".to_owned(),
        };
        let _ = write!(
            self.row,
            "{{\"parentUuid\":{parent},\"isSidechain\":false,\"userType\":\"external\",\
             \"cwd\":\"{}\",\"sessionId\":\"{}\",\"version\":\"2.0.14\",\"gitBranch\":\"main\",",
            self.cwd, self.id
        );
    }

    /// Ends a row that has an id and a time.
    fn stamp(&mut self) -> io::Result<()> {
        let uuid = self.chance.uuid();
        self.now += self.chance.length(4_000.0, 1_500_000) as i64;
        let time = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(self.now);
        let time = time.to_rfc3339_opts(SecondsFormat::Millis, true);
        let _ = write!(self.row, ",\"uuid\":\"{uuid}\",\"timestamp\":\"{time}\"");
        self.parent = Some(uuid);
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        self.row.push_str("}\n");
        // When a session is resumed, rows are written again.
        for _ in 0..1 + usize::from(self.chance.percent(1)) {
            self.out.write_all(self.row.as_bytes())?;
            self.written += self.row.len() as u64;
        }
        self.row.clear();
        Ok(())
    }

    fn text(&mut self, of: fn(&Texts) -> &Text, median: f64) {
        let length = self.chance.length(median, RESULT_MAX);
        of(self.texts).write(&mut self.chance, length, &mut self.row);
    }

    /// A user asks for something.
    fn prompt(&mut self) -> io::Result<()> {
        self.row.clear();
        let snapshot = self.chance.uuid();
        let _ = write!(
            self.row,
            "{{\"type\":\"file-history-snapshot\",\"messageId\":\"{snapshot}\",\
             \"snapshot\":{{\"messageId\":\"{snapshot}\",\"trackedFileBackups\":{{}}}},\
             \"isSnapshotUpdate\":false"
        );
        self.end()?;
        self.start();
        self.row
            .push_str("\"type\":\"user\",\"message\":{\"role\":\"user\",\"content\":\"");
        if self.chance.percent(10) {
            let name = self
                .chance
                .pick(&["compact", "review", "clear", "team:deploy"]);
            let _ = write!(
                self.row,
                "<command-name>/{name}</command-name>\\n            \
                 <command-message>{name}</command-message>"
            );
        } else {
            self.text(|texts| &texts.prose, 250.0);
        }
        self.row.push_str("\"}");
        self.stamp()?;
        if self.chance.percent(15) {
            self.start();
            self.row.push_str(
                "\"type\":\"system\",\"subtype\":\"turn_duration\",\"content\":\"Done\",\"level\":\"info\"",
            );
            self.stamp()?;
        }
        Ok(())
    }

    /// A model answers: a row for each of its blocks, all with the usage of the whole message; then
    /// the results of the tools that it uses.
    fn answer(&mut self) -> io::Result<()> {
        let chance = &mut self.chance;
        let message = Message {
            id: chance.id("msg_01"),
            request: chance.id("req_011C"),
            usage: format!(
                "{{\"input_tokens\":{},\"cache_creation_input_tokens\":{},\
                 \"cache_read_input_tokens\":{},\"cache_creation\":{{\
                 \"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0}},\
                 \"output_tokens\":{},\"service_tier\":\"standard\"}}",
                chance.below(40),
                chance.below(20_000),
                chance.below(160_000),
                chance.below(3_000)
            ),
        };
        if self.chance.percent(25) {
            self.start_block(&message);
            self.row.push_str("{\"type\":\"thinking\",\"thinking\":\"");
            self.text(|texts| &texts.prose, 500.0);
            self.row.push_str("\",\"signature\":\"");
            for _ in 0..6 + self.chance.below(20) {
                let part = self.chance.id("Er+/");
                self.row.push_str(&part);
            }
            self.row.push_str("==\"}");
            self.end_block(&message)?;
        }
        if self.chance.percent(45) {
            self.start_block(&message);
            self.row.push_str("{\"type\":\"text\",\"text\":\"");
            self.text(|texts| &texts.prose, 350.0);
            self.row.push_str("\"}");
            self.end_block(&message)?;
        }
        for _ in 0..1 + usize::from(self.chance.percent(15)) {
            self.tool(&message)?;
        }
        Ok(())
    }

    fn start_block(&mut self, message: &Message) {
        self.start();
        let _ = write!(
            self.row,
            "\"message\":{{\"model\":\"{}\",\"id\":\"{}\",\"type\":\"message\",\
             \"role\":\"assistant\",\"content\":[",
            self.model, message.id
        );
    }

    fn end_block(&mut self, message: &Message) -> io::Result<()> {
        let _ = write!(
            self.row,
            "],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{}}},\
             \"requestId\":\"{}\",\"type\":\"assistant\"",
            message.usage, message.request
        );
        self.stamp()
    }

    /// A tool is used, and answers.
    fn tool(&mut self, message: &Message) -> io::Result<()> {
        let (id, kind) = (self.chance.id("toolu_01"), self.chance.below(100));
        self.start_block(message);
        let name = match kind {
            0..35 => "Bash",
            35..60 => "Read",
            60..78 => "Edit",
            78..90 => "Grep",
            90..95 => "mcp__github__get_issue",
            95..98 => "Task",
            _ => "Skill",
        };
        let _ = write!(
            self.row,
            "{{\"type\":\"tool_use\",\"id\":\"{id}\",\"name\":\"{name}\",\"input\":{{"
        );
        let file = self.chance.below(400);
        let _ = match name {
            "Bash" => write!(
                self.row,
                "\"command\":\"cd {} && cargo test --lib part_{file} 2>&1 | tail -40\",\
                 \"description\":\"Run the tests of part {file}\"",
                self.cwd
            ),
            "Grep" => write!(
                self.row,
                "\"pattern\":\"fn part_{file}\\\\(\",\"output_mode\":\"content\""
            ),
            "Skill" => write!(self.row, "\"skill\":\"pdf\""),
            "Task" => write!(
                self.row,
                "\"subagent_type\":\"Explore\",\"description\":\"Find part {file}\""
            ),
            "Read" | "Edit" => write!(
                self.row,
                "\"file_path\":\"{}/src/part_{file}.rs\"",
                self.cwd
            ),
            _ => write!(self.row, "\"owner\":\"example\",\"issue_number\":{file}"),
        };
        if name == "Edit" {
            for field in ["old_string", "new_string"] {
                let _ = write!(self.row, ",\"{field}\":\"");
                self.text(|texts| &texts.code, 300.0);
                self.row.push('"');
            }
        } else if name == "Task" {
            self.row.push_str(",\"prompt\":\"");
            self.text(|texts| &texts.prose, 900.0);
            self.row.push('"');
        }
        self.row.push_str("}}");
        self.end_block(message)?;
        self.result(&id, name)
    }

    /// The result of a tool. Short ones stand in the row twice: as the model and as the program sees
    /// them.
    fn result(&mut self, id: &str, name: &str) -> io::Result<()> {
        let (of, median): (fn(&Texts) -> &Text, f64) = match name {
            "Read" => (|texts| &texts.numbered, 2_600.0),
            "Edit" => (|texts| &texts.numbered, 900.0),
            "Grep" => (|texts| &texts.listing, 1_100.0),
            "Task" => (|texts| &texts.prose, 2_500.0),
            _ => (|texts| &texts.output, 1_400.0),
        };
        self.start();
        let _ = write!(
            self.row,
            "\"type\":\"user\",\"message\":{{\"role\":\"user\",\"content\":[{{\
             \"tool_use_id\":\"{id}\",\"type\":\"tool_result\",\"content\":\""
        );
        let from = self.row.len();
        self.text(of, median);
        let content = self.row[from..].to_owned();
        let is_error = self.chance.percent(4);
        let _ = write!(self.row, "\",\"is_error\":{is_error}}}]}}");
        if name == "Bash" && content.len() < 4_000 {
            let _ = write!(
                self.row,
                ",\"toolUseResult\":{{\"stdout\":\"{content}\",\"stderr\":\"\",\
                 \"interrupted\":false,\"isImage\":false}}"
            );
        }
        self.stamp()
    }
}
