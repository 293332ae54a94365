//! The canon of a company: who and what there is, so that no two mails contradict each other.
//!
//! An entry is made when it is first asked for, from a seed that the caller has, and kept for ever:
//! `vendor:office-supplies` is the same vendor in every mail. An operator may rename it; its id and
//! what was said under its old name stay, for the old name becomes an alias.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::entities::KnownName;
use crate::ledger::MemoryLedgerError;
use crate::memory::clean;

/// Longest company, role or name, in bytes.
pub const NAME_MAX: usize = 200;
/// Most bytes of details. Longer ones are cut.
pub const DETAILS_MAX: usize = 2_048;
/// How often a name is made before it is given up, when all are taken.
pub const MOST_TRIES: u32 = 64;

/// An entry of a canon; ids grow in the order of making.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CanonId(pub i64);

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CanonKind {
    /// Somebody who is no persona: a contact, a boss.
    Person,
    /// Something that is worked on.
    Project,
    /// Somebody who sells.
    Vendor,
    /// Somebody who buys.
    Customer,
    /// A sum of money. Several may be the same.
    Amount,
    /// A machine.
    Host,
}

impl CanonKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Person,
        Self::Project,
        Self::Vendor,
        Self::Customer,
        Self::Amount,
        Self::Host,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Project => "project",
            Self::Vendor => "vendor",
            Self::Customer => "customer",
            Self::Amount => "amount",
            Self::Host => "host",
        }
    }

    /// Whether no two entries of this kind in one company have the same name.
    pub fn has_unique_names(self) -> bool {
        !matches!(self, Self::Amount)
    }
}

/// What an entry stands for, such as `vendor:office-supplies`: what it is looked up by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonKey {
    /// What it is.
    pub kind: CanonKind,
    /// Its part, 1 to [`NAME_MAX`] bytes.
    pub role: String,
}

impl FromStr for CanonKey {
    type Err = CanonError;

    fn from_str(text: &str) -> Result<Self, CanonError> {
        let malformed = || CanonError::Key {
            text: text.to_owned(),
        };
        let (kind, role) = text.split_once(':').ok_or_else(malformed)?;
        let kind = CanonKind::ALL.into_iter().find(|of| of.name() == kind);
        let key = Self {
            kind: kind.ok_or_else(malformed)?,
            role: role.to_owned(),
        };
        key.check()?;
        Ok(key)
    }
}

impl fmt::Display for CanonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.role)
    }
}

impl CanonKey {
    /// Whether an entry may stand for this.
    ///
    /// # Errors
    ///
    /// [`CanonError::Key`].
    pub fn check(&self) -> Result<(), CanonError> {
        if (1..=NAME_MAX).contains(&self.role.len()) && !self.role.chars().any(char::is_control) {
            return Ok(());
        }
        Err(CanonError::Key {
            text: self.to_string(),
        })
    }
}

/// A name that is to be kept, and what is to be said of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CanonDraft {
    /// The name, 1 to [`NAME_MAX`] bytes. White space is folded, as in names of mails.
    pub name: String,
    /// Anything else that has to stay the same; up to [`DETAILS_MAX`] bytes.
    pub details: String,
}

/// An entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CanonEntry {
    /// Which.
    pub id: CanonId,
    /// Of which company: its domain, in small letters.
    pub company: String,
    /// What it is.
    pub kind: CanonKind,
    /// Its part.
    pub role: String,
    /// What it is called.
    pub name: String,
    /// What else is kept of it.
    pub details: String,
    /// What it was called before, oldest first.
    pub aliases: Vec<String>,
    /// When it was made.
    pub made_at: DateTime<Utc>,
}

impl CanonEntry {
    /// What it stands for.
    pub fn key(&self) -> CanonKey {
        CanonKey {
            kind: self.kind,
            role: self.role.clone(),
        }
    }

    /// Its spellings, for [`extract`](crate::entities::extract): also what was said under an old
    /// name is about it.
    pub fn known_names(&self) -> impl Iterator<Item = KnownName<'_>> {
        let spellings = std::iter::once(&self.name).chain(&self.aliases);
        spellings.map(|spelling| KnownName {
            spelling,
            name: &self.name,
        })
    }
}

/// Keeps canons.
pub trait CanonLedger {
    /// The entry that stands for `key` in a company, made now if there is none yet.
    ///
    /// `make` is told how often it was asked already, from 0, and gives a name; a name that is taken
    /// is not kept, and it is asked again, up to [`MOST_TRIES`] times. It may be called while a
    /// transaction is open, so it must not wait for anything.
    ///
    /// # Errors
    ///
    /// [`CanonError::NoFreeName`] when all names are taken, [`CanonError::Key`] and
    /// [`CanonError::Name`] for what cannot be one; else what the storage says.
    fn canon(
        &mut self,
        company: &str,
        key: &CanonKey,
        make: &mut dyn FnMut(u32) -> CanonDraft,
        at: DateTime<Utc>,
    ) -> Result<CanonEntry, MemoryLedgerError>;

    /// The entry of this kind that has or had this name, whatever its capitals. Where several have
    /// it, the first that was made.
    ///
    /// # Errors
    ///
    /// What the storage says; so for every method below.
    fn canon_named(
        &mut self,
        company: &str,
        kind: CanonKind,
        name: &str,
    ) -> Result<Option<CanonEntry>, MemoryLedgerError>;

    /// Gives an entry another name. The old one becomes an alias; a new one that was an alias of the
    /// same entry is none any more.
    ///
    /// # Errors
    ///
    /// [`CanonError::Unknown`], [`CanonError::Taken`], [`CanonError::Name`].
    fn canon_rename(&mut self, id: CanonId, name: &str) -> Result<CanonEntry, MemoryLedgerError>;

    /// Replaces the details of an entry.
    ///
    /// # Errors
    ///
    /// [`CanonError::Unknown`].
    fn canon_describe(
        &mut self,
        id: CanonId,
        details: &str,
    ) -> Result<CanonEntry, MemoryLedgerError>;

    /// Entries in the order of their ids: of one company and kind, or of all.
    fn canon_list(
        &mut self,
        company: Option<&str>,
        kind: Option<CanonKind>,
    ) -> Result<Vec<CanonEntry>, MemoryLedgerError>;
}

/// What cannot be done to a canon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CanonError {
    /// What no entry can stand for.
    #[error("{text:?} is no key of a canon, such as \"vendor:office-supplies\"")]
    Key {
        /// The text.
        text: String,
    },
    /// What nothing can be called.
    #[error("a name has 1 to {NAME_MAX} bytes, and this one {length}")]
    Name {
        /// Its length in bytes.
        length: usize,
    },
    /// Something else is or was called that.
    #[error("the name {name:?} belongs to entry {}", by.0)]
    Taken {
        /// The name.
        name: String,
        /// Whose it is.
        by: CanonId,
    },
    /// There is no such entry.
    #[error("there is no entry {} in any canon", id.0)]
    Unknown {
        /// The id.
        id: CanonId,
    },
    /// Every name that was made is taken.
    #[error("no free name for {key} after {MOST_TRIES} tries")]
    NoFreeName {
        /// What it is for.
        key: String,
    },
}

/// A company as canons know it.
pub fn company_key(company: &str) -> String {
    company.trim().to_lowercase()
}

/// A name as it is kept.
///
/// # Errors
///
/// [`CanonError::Name`].
pub fn tidy_name(name: &str) -> Result<String, CanonError> {
    let cleaned = clean(name);
    let words: Vec<&str> = cleaned.split_whitespace().collect();
    let name = words.join(" ");
    match name.len() {
        1..=NAME_MAX => Ok(name),
        length => Err(CanonError::Name { length }),
    }
}

/// What two spellings of one name have in common.
pub fn name_key(name: &str) -> String {
    let cleaned = clean(name).to_lowercase();
    let words: Vec<&str> = cleaned.split_whitespace().collect();
    words.join(" ")
}

/// Details as they are kept.
pub fn tidy_details(details: &str) -> String {
    let cleaned = clean(details);
    let kept = crate::memory::first_bytes(cleaned.trim(), DETAILS_MAX);
    kept.trim_end().to_owned()
}
