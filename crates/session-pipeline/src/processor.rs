//! The contract of a processor.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::lines::Lines;
use crate::record::{Notice, Record};
use crate::source::{Log, SourceKind};

/// Largest state that a processor may keep for one log, in bytes.
pub const STATE_MAX: usize = 16 << 20;

/// Reads logs as they grow, and produces records.
///
/// # Contract
///
/// - `process` gets complete lines that it has not seen, in order, and the state that it returned
///   for the lines before them; `None` at the beginning of a log. What it returns commits together
///   with how far it has read: all or nothing.
/// - A log comes in as many calls as it has to: a few megabytes at a time, and again whenever it
///   has grown. However it is cut, the records are the same in the end. So everything that a later
///   line may need belongs in the state, and the state stays small against the log.
/// - The same lines and the same state give the same records: no clock, no randomness, no global.
/// - The lines it does not read to the end are taken as read.
/// - An error leaves all lines of that call unread for this processor, and only for it. The
///   processor is called with them again, after a growing pause.
/// - Lines are hostile. A line that is not what it should be is [refused](Lines::refuse) and
///   skipped; it is no error.
/// - Several logs are processed side by side by one processor; each log by one thread at a time.
pub trait Processor: Send + Sync {
    /// Unique among the processors: lower-case letters, digits and hyphens.
    fn name(&self) -> &str;

    /// When it grows, every log that still exists is read again from its beginning.
    fn version(&self) -> u32;

    /// Which logs it reads.
    fn reads(&self) -> &[SourceKind];

    /// Reads `lines` and says what they tell.
    ///
    /// # Errors
    ///
    /// [`ProcessorError`].
    fn process(
        &self,
        log: &Log,
        lines: &mut Lines<'_>,
        state: Option<&[u8]>,
    ) -> Result<Outcome, ProcessorError>;

    /// What there is to record at a moment at which the log may have said nothing new. Called once
    /// in every run for every log that has a state, after its lines were read. By default there is
    /// nothing, and the runner does not ask.
    ///
    /// # Errors
    ///
    /// [`ProcessorError`].
    fn sample(
        &self,
        log: &Log,
        now: DateTime<Utc>,
        state: &[u8],
    ) -> Result<Option<Outcome>, ProcessorError> {
        let _ = (log, now, state);
        Ok(None)
    }

    /// Whether [`sample`](Self::sample) is to be called. Default `false`.
    fn samples(&self) -> bool {
        false
    }
}

/// What lines told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// New facts, and newer versions of earlier ones.
    pub records: Vec<Record>,
    /// What the next call for this log gets. At most [`STATE_MAX`] bytes.
    pub state: Vec<u8>,
    /// What somebody may want to be told at once.
    pub notices: Vec<Notice>,
}

/// Why a processor could not do its work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessorError {
    /// Something that it needs is not there now. That is not the log's fault: it does not count
    /// towards quarantine, and the run of this processor ends.
    #[error("{what} is not available: {detail}")]
    Unavailable {
        /// What it needs, such as `language model`.
        what: String,
        /// What went wrong.
        detail: String,
    },
    /// This log cannot be processed.
    #[error("{detail}")]
    Failed {
        /// What went wrong, with facts.
        detail: String,
        /// The line it went wrong at, from 1, if it is known.
        line: Option<u64>,
    },
    /// The state is not what this version of the processor writes.
    #[error("cannot read the state of {bytes} bytes: {detail}")]
    State {
        /// What is wrong.
        detail: String,
        /// Length of the state.
        bytes: usize,
    },
}

impl ProcessorError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// When a processor is due, and when it is late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// From the end of one run to the beginning of the next.
    pub every: Duration,
}

impl Cadence {
    /// A run every `every`.
    pub fn new(every: Duration) -> Self {
        Self { every }
    }

    /// A processor whose last run ended longer ago than this is overdue: three times the cadence,
    /// since one run may fail and one take long, but at least a quarter of an hour, for those that
    /// are called from cron.
    pub fn overdue_after(self) -> Duration {
        self.every
            .saturating_mul(3)
            .max(Duration::from_secs(15 * 60))
    }
}
