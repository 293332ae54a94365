//! What somebody knows when they write, beyond the occasion: what they remember, and what things
//! are called in their company.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::canon::CanonKind;

/// What the sender of a mail knows. Nothing, by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knowledge {
    /// Names that hold in the company of the mail, for the [wishes](crate::canon::wishes) of its
    /// brief. Those that are missing are made up by the writer.
    pub names: Vec<CanonName>,
    /// What the sender remembers, what matters most first.
    pub recollections: Vec<Recollection>,
}

impl Knowledge {
    /// Nothing at all.
    pub const NONE: &'static Self = &Self {
        names: Vec::new(),
        recollections: Vec::new(),
    };

    /// The name of what has this kind and role.
    pub fn name_of(&self, kind: CanonKind, role: &str) -> Option<&str> {
        let mut names = self.names.iter();
        names
            .find(|name| name.kind == kind && name.role == role)
            .map(|name| name.name.as_str())
    }
}

/// A name that holds in a company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanonName {
    /// What is called that.
    pub kind: CanonKind,
    /// Its part, such as `office supplies`.
    pub role: String,
    /// The name.
    pub name: String,
}

/// What somebody had to do with a mail that they remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// They wrote it to the other party.
    Author,
    /// The other party wrote it to them.
    Reader,
    /// The other party wrote it to somebody else, and they got it too.
    Copied,
}

/// Something that the sender remembers. Its text may come from anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recollection {
    /// Number of the memory, for the record.
    pub memory: i64,
    /// When it happened.
    pub happened_at: DateTime<Utc>,
    /// Address of the other party, in small letters.
    pub other: Option<String>,
    /// What the sender had to do with it.
    pub part: Part,
    /// What it was about.
    pub topic: Option<String>,
    /// What it tells.
    pub text: String,
    /// Whether it is one that is never forgotten.
    pub is_pinned: bool,
}
