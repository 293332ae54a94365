//! A ledger that keeps nothing, so that reading alone is measured.

use chrono::{DateTime, Utc};
use decnet_session_pipeline::ledger::{
    Batch, Begun, FailedAttempt, LogId, Progress, Quarantined, RecordedRun, RunId, RunReport,
    Sample, SessionLedger, SessionLedgerError, StoredRecord, WaitingNotice,
};

use decnet_session_pipeline::source::SourceKind;

type Result<T> = std::result::Result<T, SessionLedgerError>;

/// Knows nothing, and forgets what it is told.
#[derive(Debug)]
pub(crate) struct DiscardingLedger;

impl SessionLedger for DiscardingLedger {
    fn begin_run(&mut self, _: &str, _: u32, _: &str, _: DateTime<Utc>) -> Result<Begun> {
        Ok(Begun::Run(RunId(1)))
    }

    fn end_run(&mut self, _: RunId, _: &RunReport, _: DateTime<Utc>) -> Result<()> {
        Ok(())
    }

    fn progress(
        &mut self,
        _: &str,
        _: &str,
    ) -> Result<std::collections::HashMap<String, Progress>> {
        Ok(std::collections::HashMap::new())
    }

    fn state(&mut self, _: &str, _: LogId) -> Result<Option<Vec<u8>>> {
        Ok(None)
    }

    fn record_progress(&mut self, _: RunId, _: &str, _: u32, _: &[Batch]) -> Result<()> {
        Ok(())
    }

    fn record_samples(&mut self, _: RunId, _: &str, _: u32, _: &[Sample]) -> Result<()> {
        Ok(())
    }

    fn record_failure(&mut self, _: RunId, _: &str, _: u32, attempt: &FailedAttempt) -> Result<()> {
        Err(SessionLedgerError::Failed {
            detail: format!("{}: {}", attempt.log.key, attempt.error),
        })
    }

    fn quarantined(&mut self) -> Result<Vec<Quarantined>> {
        Ok(Vec::new())
    }

    fn replay(&mut self, _: &str, _: &str, _: Option<&str>) -> Result<u64> {
        Ok(0)
    }

    fn runs(&mut self, _: &str, _: usize) -> Result<Vec<RecordedRun>> {
        Ok(Vec::new())
    }

    fn for_each_record_since(
        &mut self,
        _: &str,
        after: i64,
        _: &mut dyn FnMut(StoredRecord),
    ) -> Result<i64> {
        Ok(after)
    }

    fn for_each_record(&mut self, _: &str, _: &str, _: &mut dyn FnMut(StoredRecord)) -> Result<()> {
        Ok(())
    }

    fn log_counts(&mut self) -> Result<Vec<(SourceKind, u64)>> {
        Ok(Vec::new())
    }

    fn record_counts(&mut self, _: &str) -> Result<Vec<(String, u64)>> {
        Ok(Vec::new())
    }

    fn notices(&mut self, _: usize) -> Result<Vec<WaitingNotice>> {
        Ok(Vec::new())
    }

    fn forget_notices(&mut self, _: &[i64]) -> Result<()> {
        Ok(())
    }
}
