//! The offline writer: mail from a seeded grammar, without a model.
//!
//! A mail is composed of speech acts, each a sentence that a [grammar] expands for the
//! scenario family of its topic. The [scene] keeps people, amounts and days in agreement,
//! [reading] finds what a parent asks for, and [polish] types the result with the [habits] of the
//! sender and the [mannerism]s that the operator gave. Words live in
//! [`language`](crate::language); nothing here knows a language.
//!
//! No clock is read and nothing is remembered between mails.

use crate::writer::{Brief, Draft, Writer, WriterError};

pub(crate) mod clean;
mod compose;
pub(crate) mod dice;
pub(crate) mod grammar;
mod habits;
mod mannerism;
mod polish;
mod reading;
mod scene;

/// Writes mail from a grammar, in the languages of
/// [`language::supported`](crate::language::supported) and otherwise in English.
///
/// It always succeeds, at once. The same brief and seed give the same draft on every platform.
#[derive(Clone, Copy, Debug, Default)]
pub struct OfflineWriter;

impl OfflineWriter {
    /// Writes one mail; what [`Writer::write`] does, without a runtime.
    pub fn draft(&self, brief: &Brief<'_>, seed: u64) -> Draft {
        compose::compose(brief, seed)
    }
}

#[async_trait::async_trait]
impl Writer for OfflineWriter {
    fn name(&self) -> &str {
        "offline"
    }

    fn is_immediate(&self) -> bool {
        true
    }

    async fn write(&self, brief: &Brief<'_>, seed: u64) -> Result<Draft, WriterError> {
        Ok(self.draft(brief, seed))
    }
}
