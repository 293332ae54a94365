//! Attackers' sessions in Cowrie's JSON log.
//!
//! Cowrie pretends to be an SSH and telnet server. Its log has a line for everything that happens,
//! with many sessions side by side. Here each session becomes one [record](AttackerSession) of kind
//! `session`, which is replaced by a newer version as the session goes on.
//!
//! - **Which record.** Its id comes from the log, Cowrie's session id, and the time of the session's
//!   first line: the ids of older versions have 32 bits, so a busy decky sees one twice.
//! - **Missing lines.** A connection may never be seen to close. Sessions that have not ended are
//!   kept up to a number and a size, and the one idle longest is given up first. What is said of a
//!   session after that, or after its end, or before its beginning, becomes a record of its own,
//!   `continued`, and leaves the earlier one as it is.
//! - **Passwords** are replaced by `[redacted]` unless they are to be kept: those that the attacker
//!   logs in with, wherever they stand in later lines of the session, and those that commands take.
//!   The state that is kept between runs does not have them either.
//!
//! No notices come from here: [`engagement`](crate::processors::engagement) reads the same log,
//! knows decnet's own access, and tells of a first login.

mod arguments;
mod captured;
mod follow;
pub(crate) mod printable;
mod redaction;
pub(crate) mod row;
mod session;
pub(crate) mod sessions;
mod shell;
pub(crate) mod stamp;

use serde::{Deserialize, Serialize};

pub use self::session::{
    AttackerSession, Commands, Destination, Endpoint, Input, Login, Logins, Transfer, Transfers,
    Tunnels,
};

use self::follow::Followed;
use self::row::SessionRow;
use self::sessions::Sessions;
use crate::lines::Lines;
use crate::processor::{Outcome, Processor, ProcessorError};
use crate::record::{Record, RecordId};
use crate::source::{Log, SourceKind};

/// Sessions that are followed at a time in one log.
pub const OPEN_MAX: usize = 4000;
/// What they may weigh together, in bytes, roughly. Half of what a state may have is for quotes
/// and backslashes, which JSON writes twice.
const WEIGHT_MAX: usize = 6 << 20;

/// One record for each attacker's session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cowrie {
    /// Leave captured passwords in the records. Default `false`.
    pub keep_passwords: bool,
}

#[derive(Serialize)]
struct StateRef<'a> {
    open: Vec<(&'a str, &'a Followed)>,
}

#[derive(Deserialize)]
struct State {
    open: Vec<(String, Followed)>,
}

impl Processor for Cowrie {
    fn name(&self) -> &str {
        "cowrie"
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &[SourceKind] {
        &[SourceKind::Cowrie]
    }

    fn process(
        &self,
        log: &Log,
        lines: &mut Lines<'_>,
        state: Option<&[u8]>,
    ) -> Result<Outcome, ProcessorError> {
        let mut reading = Reading::resume(log, self.keep_passwords, state)?;
        while let Some(line) = lines.next() {
            match row::read(line.text) {
                Ok(Some(row)) => reading.take(&row)?,
                Ok(None) => {}
                Err(why) => lines.refuse(why),
            }
        }
        reading.finish()
    }
}

/// The sessions of a log while it is read.
struct Reading<'a> {
    log: &'a Log,
    keep_passwords: bool,
    open: Sessions<Followed>,
    weight: usize,
    records: Vec<Record>,
}

impl<'a> Reading<'a> {
    fn resume(
        log: &'a Log,
        keep_passwords: bool,
        state: Option<&[u8]>,
    ) -> Result<Self, ProcessorError> {
        let open = match state {
            None => Vec::new(),
            Some(bytes) => {
                let state: State =
                    serde_json::from_slice(bytes).map_err(|error| ProcessorError::State {
                        detail: error.to_string(),
                        bytes: bytes.len(),
                    })?;
                state.open
            }
        };
        Ok(Self {
            log,
            keep_passwords,
            weight: open.iter().map(|(_, followed)| followed.weight).sum(),
            open: Sessions::new(open),
            records: Vec::new(),
        })
    }

    fn take(&mut self, row: &SessionRow<'_>) -> Result<(), ProcessorError> {
        let (id, event) = (row.row.session(), row.row.eventid());
        let begins = event == "cowrie.session.connect";
        let known = self.open.touch(id).map(|followed| followed.session.started);
        let is_another = begins && known.is_some_and(|started| started != row.at);
        if is_another {
            // The same id again: the session that had it is over, whatever became of it.
            self.close(id)?;
        }
        if known.is_none() || is_another {
            if !begins && !has_content(event) {
                return Ok(());
            }
            let decky = self.log.decky.as_deref().unwrap_or(&self.log.key);
            let followed = Followed::new(row, decky);
            self.weight += followed.weight;
            self.open.insert(id.to_owned(), followed);
        }
        if let Some(followed) = self.open.touch(id) {
            self.weight -= followed.weight;
            followed.take(row, self.keep_passwords);
            self.weight += followed.weight;
        }
        if event == "cowrie.session.closed" {
            self.close(id)?;
        }
        while self.open.len() > OPEN_MAX || self.weight > WEIGHT_MAX {
            let Some((id, followed)) = self.open.pop_longest_idle() else {
                break;
            };
            self.weight -= followed.weight;
            self.tell(&id, &followed)?;
        }
        Ok(())
    }

    fn close(&mut self, id: &str) -> Result<(), ProcessorError> {
        if let Some(followed) = self.open.remove(id) {
            self.weight -= followed.weight;
            self.tell(id, &followed)?;
        }
        Ok(())
    }

    fn tell(&mut self, id: &str, followed: &Followed) -> Result<(), ProcessorError> {
        if followed.is_news {
            self.records.push(record(self.log, id, followed)?);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Outcome, ProcessorError> {
        for (id, followed) in self.open.ordered() {
            if followed.is_news {
                self.records.push(record(self.log, id, followed)?);
            }
        }
        let state = StateRef {
            open: self.open.ordered().collect(),
        };
        Ok(Outcome {
            state: serde_json::to_vec(&state).map_err(|error| failed("state", &error))?,
            records: self.records,
            notices: Vec::new(),
        })
    }
}

/// Whether a line is worth a record if nothing else is known of its session. Cowrie says a good
/// deal about its own files when a session is over.
fn has_content(event: &str) -> bool {
    matches!(
        event,
        "cowrie.login.failed"
            | "cowrie.login.success"
            | "cowrie.command.input"
            | "cowrie.command.success"
            | "cowrie.session.input"
            | "cowrie.session.file_download"
            | "cowrie.session.file_download.failed"
            | "cowrie.session.file_upload"
            | "cowrie.direct-tcpip.request"
    )
}

fn record(log: &Log, id: &str, followed: &Followed) -> Result<Record, ProcessorError> {
    let session = &followed.session;
    let started = session.started.timestamp_micros().to_string();
    let part = if session.continued {
        "continued"
    } else {
        "whole"
    };
    Ok(Record {
        kind: "session",
        id: RecordId::of(&["session", &log.source, &log.key, id, &started, part]),
        occurred_at: Some(session.started),
        body: serde_json::to_string(session).map_err(|error| failed(id, &error))?,
    })
}

fn failed(what: &str, error: &serde_json::Error) -> ProcessorError {
    ProcessorError::Failed {
        detail: format!("cannot write {what:?} as JSON: {error}"),
        line: None,
    }
}
