//! Personas: the fictional employees who own mailboxes and write mail.
//!
//! A list of personas comes as JSON, written by hand. [`parse_personas`] never gives up on a list
//! because of one entry: what cannot be used is dropped, and says where and why.

mod parse;
mod reason;
#[cfg(test)]
mod tests;

use chrono_tz::Tz;

use crate::active_hours::{ActiveHours, Schedule, Workdays};
use crate::address::EmailAddress;

pub use parse::{
    DroppedEntry, ENTRIES_MAX, EntryWarning, ListError, MAX_TEXT, ParsedPersonas, parse_personas,
    parse_personas_text,
};
pub use reason::{FieldError, Reason, Warning};

/// Longest accepted [`Persona::name`] and [`Persona::role`], in characters.
pub const NAME_MAX: usize = 128;

/// Longest text accepted as [`Persona::email`], in characters. The address rules of
/// [`EmailAddress::parse`] are a little stricter.
pub const EMAIL_MAX: usize = 255;

/// Longest accepted [`Persona::tone_custom`], in characters.
pub const TONE_CUSTOM_MAX: usize = 128;

/// Most [`Persona::mannerisms`] of one persona.
pub const MANNERISMS_MAX: usize = 12;

/// Longest accepted [`Persona::language`], in characters.
pub const LANGUAGE_MAX: usize = 8;

/// Longest accepted [`Persona::signature`], in characters.
pub const SIGNATURE_MAX: usize = 512;

/// Longest accepted [`Persona::active_hours`], in characters.
pub const ACTIVE_HOURS_MAX: usize = 32;

/// Longest accepted [`Persona::mail_client`] and [`Persona::workdays`], in characters.
pub const TOKEN_MAX: usize = 64;

/// Longest accepted [`Persona::department`] and [`Persona::home`], in characters.
pub const PLACE_MAX: usize = 128;

/// Hours of a persona that names none.
pub const DEFAULT_ACTIVE_HOURS: &str = "09:00-18:00";

/// How a persona writes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Tone {
    /// Complete sentences, titles, no contractions.
    #[default]
    Formal,
    /// Short, to the point.
    Direct,
    /// Chatty, contractions, small talk.
    Casual,
    /// Precise, with identifiers and numbers.
    Technical,
    /// As described in [`Persona::tone_custom`].
    Custom,
}

/// How quickly a persona answers mail.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum ReplyLatency {
    /// Minutes.
    Fast,
    /// About an hour.
    #[default]
    Normal,
    /// Hours.
    Slow,
}

/// A fictional employee: mailbox owner and author.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Persona {
    /// Display name, 1 to 128 characters, no control characters.
    pub name: String,
    /// Mail address, unique in a list.
    pub email: EmailAddress,
    /// Job title, 1 to 128 characters.
    pub role: String,
    /// How they write.
    pub tone: Tone,
    /// The voice in the operator's words, at most 128 characters; required when `tone` is custom.
    pub tone_custom: Option<String>,
    /// Habits of writing, at most 12.
    pub mannerisms: Vec<String>,
    /// Language code (`en`, `es`, …), at most 8 characters; `None` until a default is resolved.
    pub language: Option<String>,
    /// Text below the mail, at most 512 characters.
    pub signature: Option<String>,
    /// Working hours as written, `HH:MM-HH:MM` in the persona's time zone, at most 32 characters.
    /// What cannot be read as hours counts as always.
    pub active_hours: String,
    /// How quickly they answer.
    pub reply_latency: ReplyLatency,
    /// Lifts the style guard: this persona's text may read as a model's.
    pub uses_llms_heavily: bool,
    /// IANA time zone (`Europe/Madrid`); UTC when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Mail client, by profile name; drawn when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail_client: Option<String>,
    /// Days of work, such as `mon-fri` or `sun-thu`; Monday to Friday when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workdays: Option<String>,
    /// Department, for signatures and topics, at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Name of the decky that serves this persona's mailbox; chosen at their first mail when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home: Option<String>,
}

impl Persona {
    /// Reads one entry of a list. What serialising a persona gives is read back as the same
    /// persona.
    ///
    /// Warnings are lost; [`parse_personas`] keeps them.
    ///
    /// # Errors
    ///
    /// [`FieldError`] names the first field that cannot be used, and why.
    pub fn from_json(entry: &serde_json::Value) -> Result<Self, FieldError> {
        parse::parse_entry(entry, &mut Vec::new())
    }

    /// Their language, or `default` when they have none of their own.
    pub fn language_or<'a>(&'a self, default: &'a str) -> &'a str {
        self.language.as_deref().unwrap_or(default)
    }

    /// The name a colleague would call them by: `John` of `John Smith`, of `Smith, John`, of
    /// `Dr. John Smith`. The whole name when nothing better is found.
    pub fn first_name(&self) -> &str {
        first_name(&self.name)
    }

    /// When they work: hours, days and time zone, with the defaults of each.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            timezone: self.time_zone(),
            hours: ActiveHours::parse_or_always(&self.active_hours),
            // Checked when the persona was read; a persona built by hand gets the default.
            workdays: self
                .workdays
                .as_deref()
                .and_then(|days| Workdays::parse(days).ok())
                .unwrap_or_default(),
        }
    }

    /// Their time zone; UTC when they name none, or one that does not exist.
    pub fn time_zone(&self) -> Tz {
        self.timezone
            .as_deref()
            .and_then(|zone| zone.parse().ok())
            .unwrap_or(Tz::UTC)
    }
}

fn first_name(name: &str) -> &str {
    // `Don` is left out: more people are called so than are addressed so.
    const TITLES: [&str; 13] = [
        "dr", "mr", "mrs", "ms", "miss", "prof", "sir", "herr", "frau", "sr", "sra", "srta", "mme",
    ];
    // `Smith, John`: the part after the comma, unless it is `Jr.` and the like.
    let given = match name.split_once(',') {
        Some((family, given)) if !is_suffix(given) => {
            if given.trim().is_empty() {
                family
            } else {
                given
            }
        }
        Some((family, _)) => family,
        None => name,
    };
    given
        .split_whitespace()
        .find(|word| {
            let bare = word.trim_end_matches('.').to_lowercase();
            // An initial is not what anybody is called: `J. Robert Miller`.
            let initial = word.ends_with('.') && bare.chars().count() <= 1;
            !initial && !TITLES.contains(&bare.as_str())
        })
        .or_else(|| given.split_whitespace().next_back())
        .unwrap_or(name)
}

fn is_suffix(text: &str) -> bool {
    let bare = text.trim().trim_end_matches('.').to_lowercase();
    [
        "jr", "sr", "ii", "iii", "iv", "phd", "ph.d", "md", "m.d", "mba", "esq", "cpa",
    ]
    .contains(&bare.as_str())
}
