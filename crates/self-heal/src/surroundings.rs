//! What a tick asks the world about targets.

use chrono::{DateTime, Utc};

use crate::policy::Standing;

/// What the world knows of a target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surrounding {
    /// When anything of it last changed.
    pub last_change: Option<DateTime<Utc>>,
    /// What it is.
    pub standing: Standing,
}

/// Knows the world that targets are in.
pub trait Surroundings {
    /// What is known of each of these targets at `now`, in their order.
    ///
    /// # Errors
    ///
    /// When it cannot be found out; a tick does nothing then.
    fn of(
        &mut self,
        targets: &[&str],
        now: DateTime<Utc>,
    ) -> Result<Vec<Surrounding>, SurroundingsError>;
}

/// Why the world cannot be asked.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct SurroundingsError {
    /// What went wrong, one line.
    pub detail: String,
    /// Whether asking again later can help.
    pub is_transient: bool,
}

/// A world of which nothing is known: all targets are plain.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSurroundings;

impl Surroundings for NoSurroundings {
    fn of(
        &mut self,
        targets: &[&str],
        _: DateTime<Utc>,
    ) -> Result<Vec<Surrounding>, SurroundingsError> {
        Ok(vec![Surrounding::default(); targets.len()])
    }
}
