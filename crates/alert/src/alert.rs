//! An alert: something that an operator wants to know, once.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, SubsecRound, Utc};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::name::name;
use crate::text;

/// Longest deduplication key, in bytes.
pub const KEY_MAX: usize = 512;
/// Longest summary, in bytes.
pub const SUMMARY_MAX: usize = 512;
/// Longest name of a decky, in bytes.
pub const DECKY_MAX: usize = 256;
/// Most facts of an alert.
pub const FACTS_MAX: usize = 24;
/// Longest name of a fact, in bytes: that of a parameter of syslog.
pub const FACT_NAME_MAX: usize = 32;
/// Longest fact, in bytes of JSON.
pub const FACT_MAX: usize = 1_024;

name!(
    /// What sort of thing happened, such as `first-login`: lower-case words joined by hyphens, at
    /// most 64 bytes.
    AlertKind
);

/// Tells an alert from every other, through all tries and for everybody who receives it: a random
/// number of 128 bits, drawn by whoever raises it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertId(pub u128);

impl AlertId {
    /// Reads what [`Display`](fmt::Display) writes: 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex
            .then(|| u128::from_str_radix(text, 16).ok())?
            .map(Self)
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for AlertId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How bad it is, as RFC 5424 (section 6.2.1) orders it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody has to act now.
    Critical = 2,
    /// Something does not work.
    Error = 3,
    /// Something needs a look.
    Warning = 4,
    /// Normal, and worth knowing.
    Notice = 5,
    /// Nothing to do.
    Info = 6,
}

impl Severity {
    const ALL: [(&'static str, Self); 5] = [
        ("critical", Self::Critical),
        ("error", Self::Error),
        ("warning", Self::Warning),
        ("notice", Self::Notice),
        ("info", Self::Info),
    ];

    /// Its number in RFC 5424.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The severity of a number.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .iter()
            .map(|(_, severity)| *severity)
            .find(|severity| severity.number() == number)
    }

    /// Its name, in lower case.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, severity)| *severity == self)
            .map_or("", |(name, _)| name)
    }
}

/// Why there is no such alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AlertError {
    /// The key is empty: every alert of its kind would be one.
    #[error("an alert needs a key")]
    NoKey,
    /// The key has more than [`KEY_MAX`] bytes. It is not cut, or two alerts might become one.
    #[error("a key of {bytes} bytes is longer than {KEY_MAX}")]
    KeyTooLong {
        /// Its length.
        bytes: usize,
    },
}

/// Something that an operator wants to know, once.
///
/// There is one alert for each pair of kind and key, for ever. Whoever raises it puts into the key
/// what makes it a new one: the decky, the session, the start of an outage.
///
/// Text of others may be given as it is: it is cut to its bounds and put on one line here.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    kind: AlertKind,
    key: String,
    severity: Severity,
    at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decky: Option<String>,
    summary: String,
    facts: BTreeMap<String, Value>,
}

impl Alert {
    /// An alert about what happened `at`. Of the time, microseconds are kept; of the summary, one
    /// line of at most [`SUMMARY_MAX`] bytes.
    ///
    /// # Errors
    ///
    /// [`AlertError`] when the key is empty or too long.
    pub fn new(
        kind: AlertKind,
        key: impl Into<String>,
        severity: Severity,
        at: DateTime<Utc>,
        summary: &str,
    ) -> Result<Self, AlertError> {
        let key = key.into();
        if key.is_empty() {
            return Err(AlertError::NoKey);
        }
        if key.len() > KEY_MAX {
            return Err(AlertError::KeyTooLong { bytes: key.len() });
        }
        Ok(Self {
            kind,
            key,
            severity,
            at: at.trunc_subsecs(6),
            decky: None,
            summary: text::one_line(summary, SUMMARY_MAX),
            facts: BTreeMap::new(),
        })
    }

    /// With the decky that it is about; of its name, one line of at most [`DECKY_MAX`] bytes.
    #[must_use]
    pub fn with_decky(mut self, name: &str) -> Self {
        self.decky = Some(text::one_line(name, DECKY_MAX));
        self
    }

    /// With something more to know. An earlier fact of the same name is replaced.
    ///
    /// In names, what is no letter, digit, `_`, `-` or `.` of ASCII becomes `_`. A longer text is
    /// cut to [`FACT_MAX`]; a longer list or object is left out for its size. Facts after
    /// [`FACTS_MAX`] are left out.
    #[must_use]
    pub fn with_fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        let name = fact_name(name);
        if self.facts.len() < FACTS_MAX || self.facts.contains_key(&name) {
            self.facts.insert(name, bounded(value.into()));
        }
        self
    }

    /// What sort of thing happened.
    pub fn kind(&self) -> &AlertKind {
        &self.kind
    }

    /// The deduplication key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// When it happened.
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// The decky that it is about.
    pub fn decky(&self) -> Option<&str> {
        self.decky.as_deref()
    }

    /// What happened, in one line.
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// What else is known, by name.
    pub fn facts(&self) -> &BTreeMap<String, Value> {
        &self.facts
    }

    /// The alert with its id as one line of JSON, without a line end. The id comes first; control
    /// characters are escaped.
    pub fn to_json(&self, id: AlertId) -> String {
        #[derive(Serialize)]
        struct Identified<'a> {
            id: AlertId,
            #[serde(flatten)]
            alert: &'a Alert,
        }
        text::json(&Identified { id, alert: self })
    }
}

fn fact_name(name: &str) -> String {
    let name: String = name
        .chars()
        .take(FACT_NAME_MAX)
        .map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' => c,
            _ => '_',
        })
        .collect();
    if name.is_empty() {
        "_".to_owned()
    } else {
        name
    }
}

fn bounded(value: Value) -> Value {
    let length = text::json(&value).len();
    if length <= FACT_MAX {
        return value;
    }
    match value {
        // Its quotes take two.
        Value::String(long) => Value::String(text::cut_for_json(&long, FACT_MAX - 2)),
        _ => Value::String(format!("… ({length} bytes)")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const KIND: AlertKind = AlertKind::constant("first-login");

    fn alert(key: &str, summary: &str) -> Result<Alert, AlertError> {
        Alert::new(KIND, key, Severity::Warning, DateTime::UNIX_EPOCH, summary)
    }

    #[test]
    fn an_alert_is_one_object_that_starts_with_its_id() {
        let written = alert("mx1", "first login\non mx1")
            .unwrap()
            .with_decky("mx1\u{1b}")
            .with_fact("user name", "ro\u{7f}ot")
            .with_fact("port", 22)
            .to_json(AlertId(255));
        assert_eq!(
            written,
            "{\"id\":\"000000000000000000000000000000ff\",\"kind\":\"first-login\",\
             \"key\":\"mx1\",\"severity\":\"warning\",\"at\":\"1970-01-01T00:00:00Z\",\
             \"decky\":\"mx1\u{fffd}\",\"summary\":\"first login on mx1\",\
             \"facts\":{\"port\":22,\"user_name\":\"ro\\u007fot\"}}"
        );
    }

    #[test]
    fn a_key_is_never_cut() {
        assert_eq!(alert("", "x").unwrap_err(), AlertError::NoKey);
        assert!(alert(&"k".repeat(KEY_MAX), "x").is_ok());
        assert_eq!(
            alert(&"k".repeat(KEY_MAX + 1), "x").unwrap_err(),
            AlertError::KeyTooLong { bytes: KEY_MAX + 1 }
        );
    }

    #[test]
    fn facts_are_bounded_in_number_and_size() {
        let mut made = alert("k", "x").unwrap();
        for number in 0..100 {
            made = made.with_fact(&format!("fact{number:03}"), number);
        }
        assert_eq!(made.facts().len(), FACTS_MAX);
        made = made
            .with_fact("fact000", vec!["x"; 1_000])
            .with_fact("one more", 1);
        assert_eq!(made.facts().len(), FACTS_MAX);
        assert_eq!(made.facts()["fact000"], json!("… (4001 bytes)"));
    }

    #[test]
    fn ids_and_severities_are_read_back() {
        let id = AlertId(0x0123_4567_89ab_cdef);
        assert_eq!(AlertId::parse(&id.to_string()), Some(id));
        for wrong in [
            "",
            "12",
            "+0000000000000000123456789abcdef",
            &"g".repeat(32),
        ] {
            assert_eq!(AlertId::parse(wrong), None, "{wrong}");
        }
        for (name, severity) in Severity::ALL {
            assert_eq!(Severity::from_number(severity.number()), Some(severity));
            assert_eq!((severity.name(), json!(severity)), (name, json!(name)));
        }
        assert_eq!(Severity::from_number(0), None);
    }

    proptest! {
        #[test]
        fn an_alert_is_bounded_whatever_it_is_made_of(
            key in ".{1,100}", summary in any::<String>(), decky in any::<String>(),
            facts in proptest::collection::vec((any::<String>(), any::<String>()), 0..40)
        ) {
            let mut made = alert(&key, &summary.repeat(20)).unwrap().with_decky(&decky.repeat(20));
            for (name, value) in &facts {
                made = made.with_fact(name, value.repeat(30));
            }
            let line = made.to_json(AlertId(1));
            prop_assert!(line.len() < LINE_MAX, "{} bytes", line.len());
            prop_assert!(!line.contains(text::is_unsafe));
        }
    }

    /// Everything at its bound, each byte of the key escaped.
    const LINE_MAX: usize = 256
        + 6 * KEY_MAX
        + 2 * (SUMMARY_MAX + DECKY_MAX)
        + FACTS_MAX * (FACT_NAME_MAX + FACT_MAX + 4);
}
