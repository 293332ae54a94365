//! What the processor records, for those who read it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Kind of the records that are [`Presence`]s.
pub const PRESENCE: &str = "presence";
/// Kind of the records that are [`Point`]s.
pub const POINT: &str = "point";

/// Somebody is or was inside a decky: logged in, and not only connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Where: the decky, or the key of the log that has none.
    pub decky: String,
    /// As whom. Control characters are written as escapes.
    pub user: String,
    /// From where, as the log writes it, if it does.
    pub address: Option<String>,
    /// `imap`, `pop3`, `ssh` or `telnet`.
    pub protocol: String,
    /// Time of the login.
    pub since: DateTime<Utc>,
    /// When it ended. `None`: it has not.
    pub until: Option<DateTime<Utc>>,
    /// How it ended.
    pub ended: Option<Ended>,
}

/// How a presence ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// The log says so: a logout, a lost connection, a process that was killed.
    Left,
    /// The server ended or started again.
    Restarted,
    /// Nothing was heard of it any more; `until` is when something last was, or when it had to make
    /// room.
    GivenUp,
}

/// How much has happened on a decky from the beginning of its log to a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// Where: the decky, or the key of the log that has none.
    pub decky: String,
    /// The moment.
    pub at: DateTime<Utc>,
    /// Connections and listings.
    pub impressions: u64,
    /// Bodies fetched, commands, files moved.
    pub engagements: u64,
}

/// A record of this processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngagementRecord {
    /// Kind [`PRESENCE`].
    Presence(Presence),
    /// Kind [`POINT`].
    Point(Point),
}

impl EngagementRecord {
    /// Reads the body of a record of that kind. `None`: no kind of this processor's.
    ///
    /// ```
    /// use decnet_session_pipeline::processors::engagement::EngagementRecord;
    ///
    /// let body = r#"{"decky":"mail01","at":"2026-11-21T16:30:00Z","impressions":7,"engagements":2}"#;
    /// let Some(EngagementRecord::Point(point)) = EngagementRecord::read("point", body).unwrap()
    /// else {
    ///     panic!("it is a point");
    /// };
    /// assert_eq!((point.impressions, point.engagements), (7, 2));
    /// ```
    ///
    /// # Errors
    ///
    /// When the body is not what its kind says.
    pub fn read(kind: &str, body: &str) -> Result<Option<Self>, serde_json::Error> {
        Ok(match kind {
            PRESENCE => Some(Self::Presence(serde_json::from_str(body)?)),
            POINT => Some(Self::Point(serde_json::from_str(body)?)),
            _ => None,
        })
    }
}

impl Presence {
    /// Whether nothing says that it ended.
    pub fn is_open(&self) -> bool {
        self.until.is_none()
    }
}
