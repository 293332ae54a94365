//! Why an entry of a persona list, or a field of it, is not as it should be.

use crate::active_hours::{ActiveHoursError, WorkdaysError};
use crate::address::AddressError;

/// A field that makes an entry unusable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", field.map(|field| format!("{field}: ")).unwrap_or_default())]
pub struct FieldError {
    /// Its name; `None` when the entry is not an object at all.
    pub field: Option<&'static str>,
    /// What is wrong.
    pub reason: Reason,
}

/// Why an entry was dropped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// A required field is absent.
    #[error("missing")]
    Missing,
    /// The value has another JSON type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// What the field takes.
        expected: &'static str,
        /// What stood there.
        found: &'static str,
    },
    /// Nothing, or white space only.
    #[error("empty")]
    Empty,
    /// Longer than the field allows, in characters.
    #[error("{found} characters, more than {max}")]
    TooLong {
        /// Length, in Unicode code points.
        found: usize,
        /// Most of them that are allowed.
        max: usize,
    },
    /// More items than the field allows.
    #[error("{found} items, more than {max}")]
    TooMany {
        /// How many there are.
        found: usize,
        /// Most of them that are allowed.
        max: usize,
    },
    /// Not one of the known values.
    #[error("{found:?} is not one of {}", known.join(", "))]
    Unknown {
        /// What stood there, shortened.
        found: String,
        /// What the field takes.
        known: &'static [&'static str],
    },
    /// A control character, a line break, or an invisible character that steers the display.
    #[error("control or invisible character U+{:04X}", u32::from(*character))]
    ForbiddenCharacter {
        /// The first one.
        character: char,
    },
    /// A character that does not belong into a short name.
    #[error("{character:?} is not a letter, a digit, '-', '_', '.' or '+'")]
    NotAToken {
        /// The first one.
        character: char,
    },
    /// `tone` is custom, and `tone_custom` does not say which.
    #[error("required, and not blank, when tone is custom")]
    ToneCustomMissing,
    /// Not a mail address that can be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Not a zone of the IANA database.
    #[error("{found:?} is not an IANA time zone{}", suggestion.map(|name| format!("; did you mean {name}?")).unwrap_or_default())]
    TimeZone {
        /// What stood there, shortened.
        found: String,
        /// The most similar zone, if one is similar.
        suggestion: Option<&'static str>,
    },
    /// Not a set of days.
    #[error(transparent)]
    Workdays(#[from] WorkdaysError),
    /// An earlier entry has the same address (case aside).
    #[error("entry {index} has the same address as entry {first}")]
    Duplicate {
        /// This entry, counted from 0.
        index: usize,
        /// The entry that is kept, counted from 0.
        first: usize,
    },
}

/// What is odd about an entry that is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// The hours cannot be read, so this persona is always at work.
    #[error("{0}; counts as always at work")]
    Hours(ActiveHoursError),
    /// The field is blank, and counts as absent.
    #[error("blank, taken as absent")]
    Blank,
    /// A number where true or false is expected.
    #[error("{found} instead of {value}")]
    NumberForBool {
        /// What stood there.
        found: String,
        /// What it was taken for.
        value: bool,
    },
    /// Line breaks other than `\n` were replaced.
    #[error("CR LF line ends, taken as LF")]
    LineEnds,
    /// A key that is ignored, and resembles one that is not.
    #[error("unknown key {found:?} is ignored; did you mean {known}?")]
    SimilarKey {
        /// The key, shortened.
        found: String,
        /// The field it resembles.
        known: &'static str,
    },
}
