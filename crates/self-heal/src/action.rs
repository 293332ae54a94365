//! What can be done to a target, how strong that is, and the key that it is known by.

use std::fmt::{self, Write};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What is done to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Something is said about what is there.
    Comment,
    /// Something that is there changes.
    Edit,
    /// Something new begins.
    Thread,
}

impl Action {
    /// All of them, the mildest first.
    pub const ALL: [Self; 3] = [Self::Comment, Self::Edit, Self::Thread];

    /// `comment`, `edit` or `thread`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Edit => "edit",
            Self::Thread => "thread",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Action {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|action| action.name() == name);
        found.ok_or_else(|| UnknownName::of(name))
    }
}

/// How strong an action is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Tier {
    /// The mildest.
    #[serde(rename = "tier_1")]
    One,
    /// In between.
    #[serde(rename = "tier_2")]
    Two,
    /// The strongest.
    #[serde(rename = "tier_3")]
    Three,
}

impl Tier {
    /// All of them, the mildest first.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Three];

    /// `tier_1`, `tier_2` or `tier_3`.
    pub fn name(self) -> &'static str {
        match self {
            Self::One => "tier_1",
            Self::Two => "tier_2",
            Self::Three => "tier_3",
        }
    }

    /// What a target of this tier gets: a comment, an edit, a thread.
    pub fn action(self) -> Action {
        match self {
            Self::One => Action::Comment,
            Self::Two => Action::Edit,
            Self::Three => Action::Thread,
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Tier {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|tier| tier.name() == name);
        found.ok_or_else(|| UnknownName::of(name))
    }
}

/// A name that is none of the known ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not known")]
pub struct UnknownName {
    /// The name, cut after 64 characters.
    pub name: String,
}

impl UnknownName {
    pub(crate) fn of(name: &str) -> Self {
        Self {
            name: name.chars().take(64).collect(),
        }
    }
}

/// What tells one action on one target from all others: `sheal_` and the first 32 hexadecimal
/// digits of the SHA-256 of `target:action:tier`.
///
/// ```
/// use decnet_self_heal::action::{Action, IdempotencyKey, Tier};
///
/// let key = IdempotencyKey::of("p1", Action::Thread, Tier::Three);
/// assert_eq!(key.as_str(), "sheal_2304be7ef58ba8f0e6dd06cb68632a31");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key of an action.
    pub fn of(target: &str, action: Action, tier: Tier) -> Self {
        let mut hash = Sha256::new();
        for part in [target, ":", action.name(), ":", tier.name()] {
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let mut key = String::with_capacity(38);
        key.push_str("sheal_");
        for byte in digest.iter().take(16) {
            // Writing to a string cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        Self(key)
    }

    /// A key as it was kept, whatever it looks like.
    pub fn kept(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
