//! The offline writer: mail from scripts, without a model.
//!
//! Threads follow scripts: everyday situations between two colleagues, written mail by mail with
//! many alternatives, so that an answer really answers. Names, amounts and days are the same along
//! a thread, and across threads as far as the brief's [knowledge](crate::knowledge) has them; what its
//! sender remembers comes up now and then. A parent that no script knows is read for what it asks. The result is typed with the
//! habits of the sender, which never change, and the mannerisms that the operator gave. Words live
//! in [`language`](crate::language); nothing here knows a language.
//!
//! No clock is read, and nothing is kept between mails.

use crate::writer::{Authorship, Brief, Draft, Writer, WriterError, Written};

pub(crate) mod clean;
mod compose;
pub(crate) mod dice;
pub(crate) mod facts;
pub(crate) mod habits;
mod known;
mod mannerism;
mod polish;
mod reading;
pub(crate) mod script;
pub(crate) mod slots;

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

    async fn write(&self, brief: &Brief<'_>, seed: u64) -> Result<Written, WriterError> {
        Ok(Written {
            draft: self.draft(brief, seed),
            authorship: Authorship::of(self.name()),
        })
    }
}
