//! Takes what the readers found to the ledger, many logs in one transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use super::log_run::{Ended, Ending, Job, ReadBatch};
use super::{Candidate, RunSettings, Step, tell};
use crate::ledger::{Batch, FailedAttempt, RunId, RunReport, SessionLedger, SessionLedgerError};
use crate::processor::{Processor, ProcessorError};
use crate::source::IdentityResolver;

/// Records that are committed together, by their bytes.
const COMMIT_BYTES: usize = 4 << 20;
/// Logs whose progress is committed together.
const COMMIT_LOGS: usize = 512;

pub(super) struct Committer<'a> {
    pub(super) ledger: &'a mut dyn SessionLedger,
    pub(super) run: RunId,
    pub(super) processor: &'a dyn Processor,
    pub(super) settings: &'a RunSettings,
    pub(super) wall_clock: &'a (dyn Fn() -> DateTime<Utc> + Sync),
    pub(super) identity: &'a dyn IdentityResolver,
    pub(super) report: &'a mut RunReport,
    pub(super) batches: Vec<Batch>,
    pub(super) bytes: usize,
    /// Set when no other log is to be begun.
    pub(super) halt: &'a AtomicBool,
    pub(super) on_step: &'a mut dyn FnMut(Step),
}

impl Committer<'_> {
    /// What a reader needs to go on with a log.
    pub(super) fn job<'c>(
        &mut self,
        candidate: Candidate<'c>,
    ) -> Result<Job<'c>, SessionLedgerError> {
        let state = match &candidate.progress {
            Some(progress) if progress.has_state => {
                self.ledger.state(self.processor.name(), progress.id)?
            }
            _ => None,
        };
        let state = state.map(Arc::new);
        Ok(Job {
            log: candidate.found.log(candidate.source, self.identity),
            candidate,
            state,
        })
    }

    /// Takes a batch, and commits when enough came together.
    pub(super) fn take(&mut self, read: ReadBatch) -> Result<(), SessionLedgerError> {
        let size = read.size();
        let ReadBatch { mut batch, bytes } = read;
        let counts = &mut self.report.counts;
        counts.items += batch.records.len() as u64;
        counts.bad_lines += batch.bad.count;
        counts.bytes += bytes;
        for (number, offset, why) in &batch.bad.first {
            let what = format!("line {number} at byte {offset} skipped: {}", why.describe());
            tell(self.report, &batch.log.source, &batch.log.key, what);
        }
        // Of several states that would be committed together only the last one counts.
        let before = self.batches.last_mut().filter(|last| last.log == batch.log);
        if let Some(before) = before
            && batch.state.is_some()
            && before.state.take().is_some()
        {
            batch.state_kept = batch.state_kept.min(before.state_kept);
        }
        self.bytes += size;
        self.batches.push(batch);
        (self.on_step)(Step::Read { bytes });
        if self.bytes >= COMMIT_BYTES || self.batches.len() >= COMMIT_LOGS {
            return self.flush();
        }
        Ok(())
    }

    /// Commits what came together.
    pub(super) fn flush(&mut self) -> Result<(), SessionLedgerError> {
        if self.batches.is_empty() {
            return Ok(());
        }
        let (name, version) = (self.processor.name(), self.processor.version());
        self.ledger
            .record_progress(self.run, name, version, &self.batches)?;
        self.batches.clear();
        self.bytes = 0;
        Ok(())
    }

    /// A reader is done with a log.
    pub(super) fn ended(
        &mut self,
        job: &Job<'_>,
        how: Ended,
        ending: Ending,
    ) -> Result<(), SessionLedgerError> {
        if ending.restarted {
            let what = "its state could not be read; it was read again from its beginning";
            tell(self.report, &job.log.source, &job.log.key, what.to_owned());
        }
        for what in ending.unreadable {
            tell(self.report, &job.log.source, &job.log.key, what);
        }
        if let (Some(offset), Ended::Read) = (ending.lost_behind, &how) {
            let what = format!(
                "the file that was read up to byte {offset} is gone, packed or cut; \
                 what was written behind that is lost"
            );
            tell(self.report, &job.log.source, &job.log.key, what);
        }
        (self.on_step)(Step::Done);
        let counts = &mut self.report.counts;
        match how {
            Ended::Read => counts.processed += 1,
            Ended::NothingNew => counts.skipped += 1,
            Ended::Capped => counts.capped += 1,
            Ended::Failed(ProcessorError::Unavailable { what, detail }) => {
                counts.capped += 1;
                self.halt.store(true, Ordering::Relaxed);
                let why = format!("{what} is not available: {detail}");
                self.report.unavailable.get_or_insert(why);
            }
            Ended::Failed(error) => {
                let what = match &error {
                    ProcessorError::Failed {
                        line: Some(line), ..
                    } => format!("line {line}: {error}"),
                    _ => error.to_string(),
                };
                return self.failed(job, what, true, ending.has_read);
            }
            Ended::Unreadable(error) => {
                let what = format!(
                    "cannot read {}: {error}",
                    job.candidate.found.path.display()
                );
                return self.failed(job, what, false, ending.has_read);
            }
        }
        Ok(())
    }

    /// Counts a failure. What the file system refuses is tried for ever: it says nothing of what
    /// is in the log.
    fn failed(
        &mut self,
        job: &Job<'_>,
        error: String,
        may_quarantine: bool,
        has_read: bool,
    ) -> Result<(), SessionLedgerError> {
        self.report.counts.errors += 1;
        // What was read of the log before stays.
        self.flush()?;
        let failures = job
            .candidate
            .progress
            .as_ref()
            // What was read in this run has made up for them.
            .filter(|_| !has_read)
            .map_or(0, |progress| progress.failures)
            .saturating_add(1);
        let now = (self.wall_clock)();
        let pause =
            TimeDelta::from_std(self.settings.pause_after(failures)).unwrap_or(TimeDelta::days(1));
        let retry_at = (!may_quarantine || failures < self.settings.most_failures).then(|| {
            now.checked_add_signed(pause)
                .unwrap_or(DateTime::<Utc>::MAX_UTC)
        });
        let told = match retry_at {
            Some(_) => format!("{error} (try {failures})"),
            None => format!("{error} (try {failures}; now in quarantine)"),
        };
        tell(self.report, &job.log.source, &job.log.key, told);
        self.ledger.record_failure(
            self.run,
            self.processor.name(),
            self.processor.version(),
            &FailedAttempt {
                log: job.log.clone(),
                error,
                at: now,
                retry_at,
            },
        )
    }
}
