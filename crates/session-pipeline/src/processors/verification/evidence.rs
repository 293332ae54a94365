//! What a user said about a fact, once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::occurs::folded;
use crate::record::{Record, RecordId};

/// Kind of the records that hold an [`Evidence`].
pub const EVIDENCE: &str = "evidence";

/// One turn of a user that bears on one fact: the body of a record of kind [`EVIDENCE`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Evidence {
    /// When the turn was, by the log.
    pub at: Option<DateTime<Utc>>,
    /// Source of the log.
    pub source: String,
    /// Key of the log in its source.
    pub log: String,
    /// The turn: its uuid, or where it is in the log if it has none.
    pub turn: String,
    /// Who said it.
    pub user: Option<String>,
    /// The same for the same subject and attribute.
    pub fact_key: String,
    /// Whom or what the fact is about.
    pub subject: String,
    /// Which property of it.
    pub attribute: String,
    /// Its value.
    pub value: String,
    /// What the user did.
    pub kind: EvidenceKind,
    /// Whether the value stands in the user's own words.
    pub explicit: bool,
    /// For a correction, the value that is wrong, if somebody named it.
    pub replaces: Option<String>,
    /// The words that show it.
    pub quote: String,
    /// The model that read them.
    pub model: String,
}

/// What a user did with a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    /// Agreed with what the assistant said.
    Confirmed,
    /// Agreed, and said the value again.
    Restated,
    /// Said that it is different.
    Corrected,
}

impl Evidence {
    /// What a record's body says.
    ///
    /// # Errors
    ///
    /// What `serde_json` says of a body that holds no evidence.
    pub fn from_body(body: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(body)
    }

    /// Follows from log, turn, fact and value alone: the same again is the same evidence.
    pub fn id(&self) -> RecordId {
        RecordId::of(&[
            EVIDENCE,
            &self.source,
            &self.log,
            &self.turn,
            &fact_key(&self.subject, &self.attribute),
            &folded(&self.value),
        ])
    }

    /// How much it says for its value, from 0 to 1. A guess, by what the user had to know: whoever
    /// corrects with a value of their own knows it, a bare `yes` may be politeness.
    ///
    /// | what the user did | weight |
    /// |---|---|
    /// | corrected, and said the value | 0.8 |
    /// | agreed, and said the value again | 0.7 |
    /// | corrected, and chose among the assistant's values | 0.55 |
    /// | agreed | 0.5 |
    pub fn weight(&self) -> f64 {
        match (self.kind, self.explicit) {
            (EvidenceKind::Corrected, true) => 0.8,
            (EvidenceKind::Restated, _) => 0.7,
            (EvidenceKind::Corrected, false) => 0.55,
            (EvidenceKind::Confirmed, _) => 0.5,
        }
    }

    /// The record of it.
    pub(super) fn record(&self) -> Result<Record, serde_json::Error> {
        Ok(Record {
            kind: EVIDENCE,
            id: self.id(),
            occurred_at: self.at,
            body: serde_json::to_string(self)?,
        })
    }
}

/// The same for the same subject and attribute, however they are spelled.
pub fn fact_key(subject: &str, attribute: &str) -> String {
    RecordId::of(&["fact", &folded(subject), &folded(attribute)]).to_hex()
}
