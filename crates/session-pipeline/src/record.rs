//! What a processor produces.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The same fact gets the same id, whenever and however often it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(pub [u8; 16]);

impl RecordId {
    /// The first half of the SHA-256 of `parts`, each with its length before it, so that no two
    /// lists of parts run together.
    ///
    /// ```
    /// use decnet_session_pipeline::record::RecordId;
    ///
    /// assert_eq!(RecordId::of(&["a", "b"]), RecordId::of(&["a", "b"]));
    /// assert_ne!(RecordId::of(&["a", "b"]), RecordId::of(&["ab", ""]));
    /// ```
    pub fn of(parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }

    /// Like [`of`](Self::of), with `ordinal` before the hash: records of a log with growing ordinals
    /// are stored one after the other, which costs a fraction of what random places cost. The
    /// [rest](Self::unordered) is the same whatever the ordinal.
    pub fn ordered(ordinal: u32, parts: &[&str]) -> Self {
        let Self(mut id) = Self::of(parts);
        id[..4].copy_from_slice(&ordinal.to_be_bytes());
        Self(id)
    }

    /// The id without its ordinal: tells a fact apart that stands in several logs.
    pub fn unordered(self) -> [u8; 12] {
        let mut rest = [0; 12];
        rest.copy_from_slice(&self.0[4..]);
        rest
    }

    /// The id as 32 hexadecimal digits.
    pub fn to_hex(self) -> String {
        self.to_string()
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// One fact. A record replaces an earlier one of the same processor, log, kind and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is, such as `event` or `summary`.
    pub kind: &'static str,
    /// Which one.
    pub id: RecordId,
    /// When it happened, if the log says so. Never the time of reading.
    pub occurred_at: Option<DateTime<Utc>>,
    /// A JSON object.
    pub body: String,
}

/// Something that somebody may want to be told at once. It is stored with the records that go with
/// it, and each [key](Notice::key) is told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "kebab-case")]
pub enum Notice {
    /// Somebody logged in on a decky where nobody had before. Told by processors.
    FirstLogin {
        /// Which decky.
        decky: String,
        /// As whom.
        user: String,
        /// From which address.
        address: String,
        /// When, by the log.
        at: Option<DateTime<Utc>>,
    },
    /// A log was set aside. Told by the ledger when it records the failure.
    Quarantined {
        /// Source of the log.
        source: String,
        /// Its key.
        log: String,
        /// Failures in a row.
        failures: u32,
        /// The last of them.
        error: String,
        /// When.
        at: DateTime<Utc>,
    },
}

impl Notice {
    /// What is told once: a decky has one first login; a log that is set aside again after a
    /// replay is told again.
    pub fn key(&self) -> String {
        match self {
            Self::FirstLogin { decky, .. } => format!("first-login:{decky}"),
            Self::Quarantined {
                source, log, at, ..
            } => format!("quarantined:{source}/{log}:{}", at.timestamp_micros()),
        }
    }
}
