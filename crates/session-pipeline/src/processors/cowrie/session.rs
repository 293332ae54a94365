//! One attacker's session, as far as the log tells it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Body of a record of kind `session`.
///
/// All text in it comes from an attacker. Control characters are written as escapes, and it is cut
/// after a bounded number of bytes; what was cut ends in `…`. Lists keep what came first, and say
/// how much they left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AttackerSession {
    /// Cowrie's id of the session.
    pub session: String,
    /// The decky, or the key of the log that has none.
    pub decky: String,
    /// Cowrie's name of itself.
    pub sensor: Option<String>,
    /// Where the attacker came from.
    pub source: Endpoint,
    /// The port that the attacker came to.
    pub port: Option<u32>,
    /// `ssh` or `telnet`.
    pub protocol: Option<String>,
    /// What the attacker's program says it is.
    pub client_version: Option<String>,
    /// Fingerprint of the attacker's program.
    pub hassh: Option<String>,
    /// Time of the first line.
    pub started: DateTime<Utc>,
    /// Time of the line that ended it. `None` while it lasts, and if no line ever did.
    pub ended: Option<DateTime<Utc>>,
    /// By Cowrie's own clock if it says so, else from the first line to the last.
    pub duration_seconds: Option<f64>,
    /// The log holds an earlier part of the session, in another record or nowhere: it had ended, or
    /// was given up, or the log begins in its midst.
    pub continued: bool,
    /// Who the attacker tried to be.
    pub logins: Logins,
    /// What was typed.
    pub commands: Commands,
    /// Files that came to the decky, from addresses or from what was typed.
    pub downloads: Transfers,
    /// Files that the attacker sent along the session.
    pub uploads: Transfers,
    /// Connections through the decky.
    pub tunnels: Tunnels,
}

/// One end of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Address, as the log writes it.
    pub address: Option<String>,
    /// Port.
    pub port: Option<u32>,
}

/// Attempts to log in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logins {
    /// All attempts.
    pub attempts: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that succeeded; Cowrie allows more than one.
    pub succeeded: u64,
    /// The name of the last one that succeeded.
    pub logged_in_as: Option<String>,
    /// Names tried, each once.
    pub user_names: Vec<String>,
    /// What was tried, in order.
    pub tried: Vec<Login>,
    /// Attempts that are not in `tried`.
    pub left_out: u64,
}

/// An attempt to log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// As whom.
    pub user: String,
    /// `[redacted]`, unless passwords are kept. `None`: there was none, such as with a key.
    pub password: Option<String>,
    /// Whether Cowrie let the attacker in.
    pub succeeded: bool,
}

/// What was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commands {
    /// Lines typed.
    pub count: u64,
    /// Commands that Cowrie does not know; one line may have several.
    pub failed: u64,
    /// The lines, in order.
    pub inputs: Vec<Input>,
    /// Lines that are not in `inputs`.
    pub left_out: u64,
}

/// A line typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// When.
    pub at: DateTime<Utc>,
    /// The line.
    pub input: String,
    /// The program that asked for it, if it was not the shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}

/// Files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfers {
    /// How many came through.
    pub count: u64,
    /// How many did not.
    pub failed: u64,
    /// Those that came through and those that did not, in order.
    pub files: Vec<Transfer>,
    /// Files that are not in `files`.
    pub left_out: u64,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// When.
    pub at: DateTime<Utc>,
    /// Where it came from.
    pub url: Option<String>,
    /// Its name on the decky.
    pub file: Option<String>,
    /// SHA-256 of it.
    pub sha256: Option<String>,
    /// Whether it did not come through.
    pub failed: bool,
}

/// Connections through the decky.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tunnels {
    /// Connections asked for.
    pub count: u64,
    /// Where to, and how often.
    pub destinations: Vec<Destination>,
    /// Connections to others.
    pub left_out: u64,
}

/// Where a tunnel leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// Host, as the attacker wrote it.
    pub host: String,
    /// Port.
    pub port: u32,
    /// Connections asked for.
    pub count: u64,
}

impl AttackerSession {
    /// Reads the body of a record of kind `session`.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn from_body(body: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(body)
    }
}
