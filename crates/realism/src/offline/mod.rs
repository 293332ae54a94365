//! The offline writer: mail from scripts, without a model.
//!
//! Threads follow [script]s: everyday situations between two colleagues, written mail by mail with
//! many alternatives, so that an answer really answers. The [facts] keep names, amounts and days the
//! same along a thread; a parent that no script knows is [read](reading) for what it asks; and
//! [polish] types the result with the [habits] of the sender and the [mannerism]s that the operator
//! gave. Words live in [`language`](crate::language); nothing here knows a language.
//!
//! No clock is read and nothing is remembered between mails.

use crate::writer::{Brief, Draft, Writer, WriterError};

pub(crate) mod clean;
mod compose;
pub(crate) mod dice;
pub(crate) mod facts;
mod habits;
mod mannerism;
mod polish;
mod reading;
pub(crate) mod script;

/// Writes mail from scripts, in the languages of
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
