//! Memories: what somebody will remember, of whom, since when, and how much it matters.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::entities::Entity;

/// Most bytes of what happened. Longer text loses its end.
pub const NARRATIVE_MAX: usize = 4_096;
/// Most bytes of all that was said before. Longer dialogues lose their beginning.
pub const DIALOGUE_MAX: usize = 4_096;
/// Most utterances that are kept of a dialogue: the last ones.
pub const UTTERANCES_MAX: usize = 16;
/// Longest key of an owner, another party or a thread, and longest cause, in bytes. A `Message-ID`
/// has at most 998.
pub const KEY_MAX: usize = 1_024;
/// Longest kind, in bytes.
pub const KIND_MAX: usize = 64;
/// Most entities of one memory: the first ones.
pub const ENTITIES_MAX: usize = 32;

/// A memory in a ledger: the number of the log's entry that it was written with. Ids grow in the
/// order of writing, with gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemoryId(pub i64);

impl fmt::Display for MemoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a memory is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Kind {
    /// A mail that its owner wrote: `mail-sent`.
    MailSent,
    /// A mail that its owner got: `mail-received`.
    MailReceived,
    /// Anything else, by a name of small letters, digits and hyphens, 1 to [`KIND_MAX`] bytes.
    Other(String),
}

impl Kind {
    /// The kind of a name.
    ///
    /// # Errors
    ///
    /// [`MalformedMemory::Kind`] if no kind can be called that.
    pub fn parse(name: &str) -> Result<Self, MalformedMemory> {
        let is_one_of_ours = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        match name {
            "mail-sent" => Ok(Self::MailSent),
            "mail-received" => Ok(Self::MailReceived),
            other if (1..=KIND_MAX).contains(&other.len()) && other.chars().all(is_one_of_ours) => {
                Ok(Self::Other(other.to_owned()))
            }
            _ => Err(MalformedMemory::Kind),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::MailSent => "mail-sent",
            Self::MailReceived => "mail-received",
            Self::Other(name) => name,
        }
    }
}

impl TryFrom<String> for Kind {
    type Error = MalformedMemory;

    fn try_from(name: String) -> Result<Self, MalformedMemory> {
        Self::parse(&name)
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.name().to_owned()
    }
}

/// Who spoke. It comes from who sent a mail, never from what the mail says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The owner of the memory.
    Owner,
    /// Anybody else.
    Other,
}

/// Something that was said before.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Utterance {
    /// By whom.
    pub by: Speaker,
    /// What.
    pub text: String,
}

/// What a memory is about, as far as it is not told in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Whose it is: an opaque key, such as that of a persona; 1 to [`KEY_MAX`] bytes.
    pub owner: String,
    /// Whom it is about, by the same sort of key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other: Option<String>,
    /// The thread or topic that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// What it is of.
    pub kind: Kind,
    /// When it happened, to the microsecond: the age of the memory counts from here.
    pub happened_at: DateTime<Utc>,
    /// What it mentions; see [`extract`](crate::entities::extract).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entities: Vec<Entity>,
}

/// What a memory tells in words. All of it is data: it may come from anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// What happened.
    pub narrative: String,
    /// What was said before, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dialogue: Vec<Utterance>,
}

/// A memory that is to be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMemory {
    /// What it is written because of, such as `mail:17/reader`; 1 to [`KEY_MAX`] bytes, unique for
    /// ever: writing the same cause again changes nothing.
    pub cause: String,
    /// What it is about.
    pub facts: Facts,
    /// What it tells.
    pub words: Words,
}

impl NewMemory {
    /// The memory as ledgers keep it: texts cleaned and cut to their bounds, the moment cut to
    /// microseconds, entities without duplicates.
    ///
    /// Control characters become spaces, but for line breaks. Characters that are invisible are left
    /// out; those that have no use but to hide text or to turn it around leave `\u{fffd}` behind.
    ///
    /// # Errors
    ///
    /// [`MalformedMemory`] if a key cannot be one. Keys are never cut: two of them would become one.
    pub fn prepared(&self) -> Result<Self, MalformedMemory> {
        check_key("cause", &self.cause)?;
        check_key("owner", &self.facts.owner)?;
        for (what, key) in [
            ("other party", &self.facts.other),
            ("thread", &self.facts.thread),
        ] {
            key.as_deref().map_or(Ok(()), |key| check_key(what, key))?;
        }
        let kind = Kind::parse(self.facts.kind.name())?;
        let mut entities: Vec<Entity> = Vec::new();
        for entity in &self.facts.entities {
            if entities.len() < ENTITIES_MAX && !entities.contains(entity) {
                entities.push(entity.clone());
            }
        }
        Ok(Self {
            cause: self.cause.clone(),
            facts: Facts {
                kind,
                happened_at: whole_micros(self.facts.happened_at),
                entities,
                ..self.facts.clone()
            },
            words: self.words.bounded(),
        })
    }
}

impl Words {
    /// These words cleaned and cut to their bounds.
    pub fn bounded(&self) -> Self {
        let mut left = DIALOGUE_MAX;
        let mut dialogue = Vec::new();
        for said in self.dialogue.iter().rev().take(UTTERANCES_MAX) {
            let text = clean(&said.text);
            let text = text.trim();
            if text.is_empty() {
                continue;
            }
            let kept = last_bytes(text, left);
            if kept.is_empty() {
                break;
            }
            left -= kept.len();
            dialogue.push(Utterance {
                by: said.by,
                text: kept.to_owned(),
            });
        }
        dialogue.reverse();
        let narrative = clean(&self.narrative);
        Self {
            narrative: first_bytes(narrative.trim(), NARRATIVE_MAX)
                .trim_end()
                .to_owned(),
            dialogue,
        }
    }
}

/// How a memory is held on to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pin {
    /// Not at all: it fades.
    #[default]
    None,
    /// Because its score says so.
    Automatic,
    /// Because an operator says so.
    Manual,
}

impl Pin {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Automatic => "automatic",
            Self::Manual => "manual",
        }
    }
}

/// How much a memory matters, who says so, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Significance {
    /// How much, and why.
    #[serde(flatten)]
    pub score: crate::significance::Score,
    /// Who says so, such as `rules` or a model's name.
    pub scorer: String,
    /// When it was said.
    pub at: DateTime<Utc>,
}

/// A memory with everything known of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// Which.
    pub id: MemoryId,
    /// What it was written because of.
    pub cause: String,
    /// When it was written, which may be long after it happened.
    pub written_at: DateTime<Utc>,
    /// What it is about.
    #[serde(flatten)]
    pub facts: Facts,
    /// What it tells.
    #[serde(flatten)]
    pub words: Words,
    /// How much it matters, once somebody has said so.
    pub significance: Option<Significance>,
    /// How it is held on to.
    pub pin: Pin,
    /// Whether an operator took its pin away, or forbade one: no score pins it then.
    pub unpinned_by_hand: bool,
}

/// Why a memory cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedMemory {
    /// A key is empty or too long.
    #[error("the {what} of a memory has 1 to {KEY_MAX} bytes, and this one {length}")]
    Key {
        /// Which key.
        what: &'static str,
        /// Its length in bytes.
        length: usize,
    },
    /// A kind that none can be.
    #[error(
        "the kind of a memory has 1 to {KIND_MAX} small letters, digits and hyphens, and this one \
         does not"
    )]
    Kind,
}

/// Whether this may be a key.
///
/// # Errors
///
/// [`MalformedMemory::Key`].
pub fn check_key(what: &'static str, key: &str) -> Result<(), MalformedMemory> {
    match key.len() {
        1..=KEY_MAX => Ok(()),
        length => Err(MalformedMemory::Key { what, length }),
    }
}

/// What is kept of a moment.
pub fn whole_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// The text without what is not text; see [`NewMemory::prepared`].
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\n' => out.push('\n'),
            // A lone carriage return breaks a line too, and one before a line feed is part of it.
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            c if c.is_control() => out.push(' '),
            // What is left of a run of them is seen, by people and by rules.
            c if is_treacherous(c) => {
                if !out.ends_with(char::REPLACEMENT_CHARACTER) {
                    out.push(char::REPLACEMENT_CHARACTER);
                }
            }
            c if is_invisible(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// Whether a character has no other use in correspondence than to hide text or to turn it around.
fn is_treacherous(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether nobody sees this character, or it changes how others are seen. Joiners that some scripts
/// need are not meant.
pub fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// As much of the beginning as fits.
pub(crate) fn first_bytes(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// As much of the end as fits.
fn last_bytes(text: &str, most: usize) -> &str {
    let from = text.ceil_char_boundary(text.len().saturating_sub(most));
    text.get(from..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(narrative: &str, dialogue: &[&str]) -> Words {
        let said = |text: &&str| Utterance {
            by: Speaker::Other,
            text: (*text).to_owned(),
        };
        Words {
            narrative: narrative.to_owned(),
            dialogue: dialogue.iter().map(said).collect(),
        }
    }

    #[test]
    fn text_is_cleaned() {
        let cleaned = |text: &str| words(text, &[]).bounded().narrative;
        assert_eq!(
            cleaned(" a\u{0}b\tc\r\nd\re\u{7f}\u{85}f "),
            "a b c\nd\ne  f"
        );
        assert_eq!(cleaned("s\u{200b}c\u{ad}ore"), "score");
        assert_eq!(cleaned("a\u{202e}\u{e0041}b"), "a\u{fffd}b");
        assert_eq!(cleaned("می\u{200c}خواهم"), "می\u{200c}خواهم");
    }

    #[test]
    fn a_narrative_loses_its_end_and_a_dialogue_its_beginning() {
        let long = "é".repeat(NARRATIVE_MAX);
        let bounded = words(&long, &[&long, "b", "", "c"]).bounded();
        assert_eq!(bounded.narrative.len(), NARRATIVE_MAX);
        let said: Vec<usize> = bounded
            .dialogue
            .iter()
            .map(|said| said.text.len())
            .collect();
        assert_eq!(said, [DIALOGUE_MAX - 2, 1, 1]);
        let many = vec!["x"; 40];
        assert_eq!(words("", &many).bounded().dialogue.len(), UTTERANCES_MAX);
    }

    #[test]
    fn what_is_prepared_stays_as_it_is() {
        let memory = NewMemory {
            cause: "mail:1/reader".to_owned(),
            facts: Facts {
                owner: "jane@corp.example".to_owned(),
                other: None,
                thread: None,
                kind: Kind::MailReceived,
                happened_at: DateTime::from_timestamp_nanos(1_999),
                entities: vec![Entity::name("Acme"), Entity::name("ACME")],
            },
            words: words("a\u{0}", &["b\r\n"]),
        };
        let prepared = memory.prepared().unwrap();
        assert_eq!(prepared.facts.entities.len(), 1);
        assert_eq!(prepared.facts.happened_at.timestamp_subsec_nanos(), 1_000);
        assert_eq!(prepared.prepared().unwrap(), prepared);
        let nameless = NewMemory {
            cause: String::new(),
            ..memory
        };
        let error = nameless.prepared().unwrap_err();
        assert!(matches!(error, MalformedMemory::Key { length: 0, .. }));
    }

    #[test]
    fn kinds_have_plain_names() {
        for name in ["mail-sent", "mail-received", "visit-2"] {
            assert_eq!(Kind::parse(name).unwrap().name(), name);
        }
        for name in ["", "Mail", "a b", &"x".repeat(65)] {
            assert_eq!(Kind::parse(name), Err(MalformedMemory::Kind), "{name}");
        }
    }
}
