//! From JSON to personas.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::reason::{FieldError, Reason, Warning};
use super::{
    ACTIVE_HOURS_MAX, DEFAULT_ACTIVE_HOURS, EMAIL_MAX, LANGUAGE_MAX, MANNERISMS_MAX, NAME_MAX,
    PLACE_MAX, Persona, ReplyLatency, SIGNATURE_MAX, TOKEN_MAX, TONE_CUSTOM_MAX, Tone,
};
use crate::active_hours::{ActiveHours, Workdays};
use crate::address::EmailAddress;
use crate::style::is_invisible;

/// Longest text of a list, in bytes (16 MiB). Ten thousand personas with every field at its limit
/// are below it, short of a list made of nothing but four-byte characters.
pub const MAX_TEXT: usize = 16 * 1024 * 1024;

/// Most entries of a list. A longer one is refused as a whole: which entries to leave out is not
/// ours to choose.
pub const ENTRIES_MAX: usize = 10_000;

/// The fields of an entry.
const FIELDS: [&str; 16] = [
    "name",
    "email",
    "role",
    "tone",
    "tone_custom",
    "mannerisms",
    "language",
    "signature",
    "active_hours",
    "reply_latency",
    "uses_llms_heavily",
    "timezone",
    "mail_client",
    "workdays",
    "department",
    "home",
];

/// Reads a persona list: a JSON list, or a string that holds one.
///
/// Personas without a language of their own get `language_default`. A `null`, a missing list and
/// anything else that is not a list give no personas and a [`list_error`](ParsedPersonas::list_error).
pub fn parse_personas(raw: &Value, language_default: &str) -> ParsedPersonas {
    ParsedPersonas::from_value(raw).with_language(language_default)
}

/// Reads the text of a persona list, as [`parse_personas`] does.
pub fn parse_personas_text(text: &str, language_default: &str) -> ParsedPersonas {
    ParsedPersonas::from_text(text).with_language(language_default)
}

/// What a list holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParsedPersonas {
    /// The personas that can be used, in the order of the list.
    pub personas: Vec<Persona>,
    /// Entry of the list that each persona came from, counted from 0.
    pub indexes: Vec<usize>,
    /// The entries that cannot be used, in the order of the list.
    pub dropped: Vec<DroppedEntry>,
    /// What is odd about entries that are used.
    pub warnings: Vec<EntryWarning>,
    /// Why nothing at all could be read.
    pub list_error: Option<ListError>,
}

impl ParsedPersonas {
    /// Reads a list, or a string that holds one, and leaves languages that are not given unset.
    pub fn from_value(raw: &Value) -> Self {
        match raw {
            Value::String(text) => Self::from_text(text),
            Value::Array(entries) => Self::from_entries(entries),
            other => Self::failed(ListError::NotAList { found: kind(other) }),
        }
    }

    /// Reads the text of a list, and leaves languages that are not given unset.
    pub fn from_text(text: &str) -> Self {
        if text.len() > MAX_TEXT {
            return Self::failed(ListError::TextTooLong { bytes: text.len() });
        }
        if text.trim().is_empty() {
            return Self::failed(ListError::Empty);
        }
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(entries)) => Self::from_entries(&entries),
            // A string inside a text is not unwrapped once more.
            Ok(other) => Self::failed(ListError::NotAList {
                found: kind(&other),
            }),
            Err(error) => Self::failed(ListError::from_json(&error)),
        }
    }

    /// Gives `default` to the personas without a language.
    #[must_use]
    pub fn with_language(mut self, default: &str) -> Self {
        for persona in &mut self.personas {
            if persona.language.is_none() {
                persona.language = Some(default.to_owned());
            }
        }
        self
    }

    fn failed(error: ListError) -> Self {
        Self {
            list_error: Some(error),
            ..Self::default()
        }
    }

    fn from_entries(entries: &[Value]) -> Self {
        if entries.len() > ENTRIES_MAX {
            return Self::failed(ListError::TooManyEntries {
                found: entries.len(),
            });
        }
        let mut parsed = Self::default();
        let mut first_with = HashMap::new();
        for (index, entry) in entries.iter().enumerate() {
            let mut warnings = Vec::new();
            let outcome = parse_entry(entry, &mut warnings).and_then(|persona| {
                match first_with.get(&persona.email) {
                    Some(&first) => {
                        Err(FieldError::of("email", Reason::Duplicate { index, first }))
                    }
                    None => Ok(persona),
                }
            });
            match outcome {
                Ok(persona) => {
                    first_with.insert(persona.email.clone(), index);
                    parsed.personas.push(persona);
                    parsed.indexes.push(index);
                    parsed
                        .warnings
                        .extend(warnings.into_iter().map(|(field, reason)| EntryWarning {
                            index,
                            field,
                            reason,
                        }));
                }
                Err(FieldError { field, reason }) => {
                    parsed.dropped.push(DroppedEntry {
                        index,
                        field,
                        reason,
                    });
                }
            }
        }
        parsed
    }
}

/// An entry that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {index}{}: {reason}", field.map(|field| format!(", {field}")).unwrap_or_default())]
pub struct DroppedEntry {
    /// Its place in the list, counted from 0.
    pub index: usize,
    /// The first field that is wrong; `None` when the entry is not an object.
    pub field: Option<&'static str>,
    /// What is wrong.
    pub reason: Reason,
}

/// Something odd about an entry that is used all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("entry {index}{}: {reason}", field.map(|field| format!(", {field}")).unwrap_or_default())]
pub struct EntryWarning {
    /// Its place in the list, counted from 0.
    pub index: usize,
    /// The field; `None` when it is about the entry.
    pub field: Option<&'static str>,
    /// What is odd.
    pub reason: Warning,
}

/// Why a list could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The text is empty.
    #[error("the text is empty; a persona list is a JSON list, [] at the least")]
    Empty,
    /// The text is longer than [`MAX_TEXT`].
    #[error("{bytes} bytes, more than {MAX_TEXT}")]
    TextTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The text is not JSON.
    #[error("not JSON: {message} at line {line}, column {column}")]
    NotJson {
        /// What the JSON reader says.
        message: String,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in bytes; 0 at the very start of a line.
        column: usize,
    },
    /// The JSON is not a list.
    #[error("a JSON list is expected, not {found}")]
    NotAList {
        /// What it is.
        found: &'static str,
    },
    /// The list has more than [`ENTRIES_MAX`] entries.
    #[error("{found} entries, more than {ENTRIES_MAX}")]
    TooManyEntries {
        /// How many there are.
        found: usize,
    },
}

impl ListError {
    pub(crate) fn from_json(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        // The position has fields of its own.
        let position = format!(" at line {line} column {column}");
        Self::NotJson {
            message: message
                .strip_suffix(&position)
                .unwrap_or(&message)
                .to_owned(),
            line,
            column,
        }
    }
}

type Warnings = Vec<(Option<&'static str>, Warning)>;

/// Reads one entry; says what is odd about it in `warnings`.
pub(super) fn parse_entry(entry: &Value, warnings: &mut Warnings) -> Result<Persona, FieldError> {
    let Value::Object(map) = entry else {
        let reason = Reason::WrongType {
            expected: "an object",
            found: kind(entry),
        };
        return Err(FieldError {
            field: None,
            reason,
        });
    };
    let mut fields = Fields { map, warnings };
    let persona = Persona {
        name: fields.title("name")?,
        email: fields.email()?,
        role: fields.title("role")?,
        tone: fields.tone()?,
        tone_custom: fields.optional("tone_custom", TONE_CUSTOM_MAX)?,
        mannerisms: fields.mannerisms()?,
        language: fields.not_blank("language", LANGUAGE_MAX)?,
        signature: fields.signature()?,
        active_hours: fields.active_hours()?,
        reply_latency: fields.reply_latency()?,
        uses_llms_heavily: fields.uses_llms_heavily()?,
        timezone: fields.timezone()?,
        mail_client: fields.mail_client()?,
        workdays: fields.workdays()?,
        department: fields.not_blank("department", PLACE_MAX)?,
        home: fields.not_blank("home", PLACE_MAX)?,
    };
    let described = |text: &String| !text.trim().is_empty();
    if persona.tone == Tone::Custom && !persona.tone_custom.as_ref().is_some_and(described) {
        return Err(FieldError::of("tone_custom", Reason::ToneCustomMissing));
    }
    fields.warn_of_similar_keys();
    Ok(persona)
}

/// The fields of one entry.
struct Fields<'a> {
    map: &'a Map<String, Value>,
    warnings: &'a mut Warnings,
}

impl<'a> Fields<'a> {
    /// A required text of up to [`NAME_MAX`] characters, without the white space around it.
    fn title(&self, field: &'static str) -> Result<String, FieldError> {
        let text = self.required(field)?;
        // Before trimming, so that the limit is the one that is documented.
        check_length(field, text, NAME_MAX)?;
        check_characters(field, text)?;
        let text = text.trim();
        if text.is_empty() {
            return Err(FieldError::of(field, Reason::Empty));
        }
        Ok(text.to_owned())
    }

    fn email(&self) -> Result<EmailAddress, FieldError> {
        let text = self.required("email")?;
        check_length("email", text, EMAIL_MAX)?;
        check_characters("email", text)?;
        EmailAddress::parse(text).map_err(|error| FieldError::of("email", error.into()))
    }

    fn tone(&self) -> Result<Tone, FieldError> {
        self.one_of(
            "tone",
            &["formal", "direct", "casual", "technical", "custom"],
            [
                Tone::Formal,
                Tone::Direct,
                Tone::Casual,
                Tone::Technical,
                Tone::Custom,
            ],
        )
    }

    fn reply_latency(&self) -> Result<ReplyLatency, FieldError> {
        self.one_of(
            "reply_latency",
            &["fast", "normal", "slow"],
            [ReplyLatency::Fast, ReplyLatency::Normal, ReplyLatency::Slow],
        )
    }

    fn mannerisms(&self) -> Result<Vec<String>, FieldError> {
        let field = "mannerisms";
        let Some(value) = self.map.get(field) else {
            return Ok(Vec::new());
        };
        let Value::Array(items) = value else {
            return Err(wrong_type(field, "a list of strings", value));
        };
        if items.len() > MANNERISMS_MAX {
            let reason = Reason::TooMany {
                found: items.len(),
                max: MANNERISMS_MAX,
            };
            return Err(FieldError::of(field, reason));
        }
        items
            .iter()
            .map(|item| {
                let text = item
                    .as_str()
                    .ok_or_else(|| wrong_type(field, "a list of strings", item))?;
                check_characters(field, text)?;
                Ok(text.to_owned())
            })
            .collect()
    }

    /// The one field that may have several lines.
    fn signature(&mut self) -> Result<Option<String>, FieldError> {
        let field = "signature";
        let Some(text) = self.text_or_null(field)? else {
            return Ok(None);
        };
        check_length(field, text, SIGNATURE_MAX)?;
        let unix = text.replace("\r\n", "\n");
        if unix.len() < text.len() {
            self.warnings.push((Some(field), Warning::LineEnds));
        }
        for line in unix.split(['\n', '\t']) {
            check_characters(field, line)?;
        }
        Ok(Some(unix))
    }

    fn active_hours(&mut self) -> Result<String, FieldError> {
        let field = "active_hours";
        let Some(value) = self.map.get(field) else {
            return Ok(DEFAULT_ACTIVE_HOURS.to_owned());
        };
        let text = value
            .as_str()
            .ok_or_else(|| wrong_type(field, "a string", value))?;
        check_length(field, text, ACTIVE_HOURS_MAX)?;
        check_characters(field, text)?;
        if text.trim().is_empty() {
            self.warnings.push((Some(field), Warning::Blank));
            return Ok(DEFAULT_ACTIVE_HOURS.to_owned());
        }
        if let Err(error) = ActiveHours::parse(text) {
            self.warnings.push((Some(field), Warning::Hours(error)));
        }
        Ok(text.to_owned())
    }

    fn uses_llms_heavily(&mut self) -> Result<bool, FieldError> {
        let field = "uses_llms_heavily";
        let Some(value) = self.map.get(field) else {
            return Ok(false);
        };
        if let Value::Bool(flag) = value {
            return Ok(*flag);
        }
        let flag = match value.as_f64() {
            Some(0.0) => false,
            Some(1.0) => true,
            _ => return Err(wrong_type(field, "true or false", value)),
        };
        let warning = Warning::NumberForBool {
            found: value.to_string(),
            value: flag,
        };
        self.warnings.push((Some(field), warning));
        Ok(flag)
    }

    fn timezone(&mut self) -> Result<Option<String>, FieldError> {
        let Some(text) = self.not_blank("timezone", TOKEN_MAX)? else {
            return Ok(None);
        };
        if text.parse::<chrono_tz::Tz>().is_err() {
            let reason = Reason::TimeZone {
                suggestion: similar_zone(&text),
                found: text,
            };
            return Err(FieldError::of("timezone", reason));
        }
        Ok(Some(text))
    }

    fn mail_client(&mut self) -> Result<Option<String>, FieldError> {
        let field = "mail_client";
        let Some(text) = self.not_blank(field, TOKEN_MAX)? else {
            return Ok(None);
        };
        let belongs = |c: char| c.is_ascii_alphanumeric() || "-_.+".contains(c);
        match text.chars().find(|&c| !belongs(c)) {
            Some(character) => Err(FieldError::of(field, Reason::NotAToken { character })),
            None => Ok(Some(text)),
        }
    }

    fn workdays(&mut self) -> Result<Option<String>, FieldError> {
        let Some(text) = self.not_blank("workdays", TOKEN_MAX)? else {
            return Ok(None);
        };
        Workdays::parse(&text).map_err(|error| FieldError::of("workdays", error.into()))?;
        Ok(Some(text))
    }

    /// An optional line of text, kept as written.
    fn optional(&self, field: &'static str, max: usize) -> Result<Option<String>, FieldError> {
        let Some(text) = self.text_or_null(field)? else {
            return Ok(None);
        };
        check_length(field, text, max)?;
        check_characters(field, text)?;
        Ok(Some(text.to_owned()))
    }

    /// An optional line of text without the white space around it; a blank one counts as absent.
    fn not_blank(&mut self, field: &'static str, max: usize) -> Result<Option<String>, FieldError> {
        let Some(text) = self.optional(field, max)? else {
            return Ok(None);
        };
        let text = text.trim();
        if text.is_empty() {
            self.warnings.push((Some(field), Warning::Blank));
            return Ok(None);
        }
        Ok(Some(text.to_owned()))
    }

    fn one_of<T: Copy + Default, const N: usize>(
        &self,
        field: &'static str,
        known: &'static [&'static str; N],
        values: [T; N],
    ) -> Result<T, FieldError> {
        let Some(value) = self.map.get(field) else {
            return Ok(T::default());
        };
        let text = value
            .as_str()
            .ok_or_else(|| wrong_type(field, "a string", value))?;
        match known.iter().zip(values).find(|(name, _)| **name == text) {
            Some((_, value)) => Ok(value),
            None => Err(FieldError::of(
                field,
                Reason::Unknown {
                    found: shorten(text),
                    known,
                },
            )),
        }
    }

    fn required(&self, field: &'static str) -> Result<&'a str, FieldError> {
        let value = self
            .map
            .get(field)
            .ok_or(FieldError::of(field, Reason::Missing))?;
        let text = value
            .as_str()
            .ok_or_else(|| wrong_type(field, "a string", value))?;
        if text.is_empty() {
            return Err(FieldError::of(field, Reason::Empty));
        }
        Ok(text)
    }

    fn text_or_null(&self, field: &'static str) -> Result<Option<&'a str>, FieldError> {
        match self.map.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(field, "a string or null", other)),
        }
    }

    /// Extra keys are fine; a misspelt one is worth a word.
    fn warn_of_similar_keys(&mut self) {
        for key in self.map.keys() {
            if FIELDS.contains(&key.as_str()) {
                continue;
            }
            let similar = FIELDS
                .into_iter()
                .filter(|field| !self.map.contains_key(*field))
                .find(|field| field.len() > 4 && are_similar(key, field));
            if let Some(known) = similar {
                let warning = Warning::SimilarKey {
                    found: shorten(key),
                    known,
                };
                self.warnings.push((None, warning));
            }
        }
    }
}

impl FieldError {
    fn of(field: &'static str, reason: Reason) -> Self {
        Self {
            field: Some(field),
            reason,
        }
    }
}

fn wrong_type(field: &'static str, expected: &'static str, value: &Value) -> FieldError {
    FieldError::of(
        field,
        Reason::WrongType {
            expected,
            found: kind(value),
        },
    )
}

fn check_length(field: &'static str, text: &str, max: usize) -> Result<(), FieldError> {
    let found = text.chars().count();
    if found > max {
        return Err(FieldError::of(field, Reason::TooLong { found, max }));
    }
    Ok(())
}

fn check_characters(field: &'static str, text: &str) -> Result<(), FieldError> {
    // Joiners shape Persian and Indic names, and the direction marks Hebrew ones; neither can
    // turn the text around them over, as the overrides do.
    let harmless = |c| matches!(c, '\u{200c}'..='\u{200f}' | '\u{61c}');
    match text.chars().find(|&c| is_invisible(c) && !harmless(c)) {
        Some(character) => Err(FieldError::of(
            field,
            Reason::ForbiddenCharacter { character },
        )),
        None => Ok(()),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Enough of a text to recognise it in a message.
fn shorten(text: &str) -> String {
    text.chars().take(48).collect()
}

/// The zone that was probably meant: `europe/madrid`, `Madrid` and `Europe/Madird` all mean one.
fn similar_zone(text: &str) -> Option<&'static str> {
    let wanted = text.replace(' ', "_");
    let names = || chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let city = |name: &'static str| name.rsplit('/').next().unwrap_or(name);
    names()
        .find(|name| name.eq_ignore_ascii_case(&wanted))
        .or_else(|| names().find(|name| city(name).eq_ignore_ascii_case(&wanted)))
        .or_else(|| names().find(|name| name.len() > 4 && are_similar(&wanted, name)))
}

/// Whether two or fewer letters were added, left out or replaced, case aside.
fn are_similar(found: &str, known: &str) -> bool {
    if found.len().abs_diff(known.len()) > 2 {
        return false;
    }
    let found = found.to_ascii_lowercase().into_bytes();
    let known = known.to_ascii_lowercase().into_bytes();
    // Levenshtein, one row at a time.
    let mut row: Vec<usize> = (0..=known.len()).collect();
    for (i, a) in found.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in known.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[known.len()] <= 2
}
