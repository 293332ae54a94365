//! Values as the database keeps them.

use chrono::{DateTime, Utc};

use crate::error::{Failed, corrupt};

/// What is kept of a moment.
pub(crate) fn floor_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

/// The first moment that can be kept and is not before `at`.
pub(crate) fn ceil_micros(at: DateTime<Utc>) -> i64 {
    let is_whole = at.timestamp_subsec_nanos().is_multiple_of(1_000);
    at.timestamp_micros().saturating_add(i64::from(!is_whole))
}

/// A limit as SQLite takes it.
pub(crate) fn at_most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A value as JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<String, Failed> {
    let text = serde_json::to_string(value);
    Ok(text.map_err(|error| corrupt(format!("what cannot be kept: {error}")))?)
}
