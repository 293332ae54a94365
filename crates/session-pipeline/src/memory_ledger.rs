//! A session ledger that keeps everything in memory: for tests, and for programs that need no more.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use chrono::{DateTime, Utc};

use crate::ledger::{
    Batch, Begun, FailedAttempt, LogId, Progress, Quarantined, RecordedRun, RunId, RunReport,
    Sample, SessionLedger, SessionLedgerError, StoredRecord, WaitingNotice,
};
use crate::record::{Notice, Record, RecordId};
use crate::source::{Log, SourceKind};

/// Everything in memory. Clones share it, as connections to one database do; a run's lock is gone
/// with the clone that began it.
#[derive(Debug, Default)]
pub struct MemorySessionLedger {
    shared: Arc<Mutex<Shared>>,
    /// Alive as long as this clone.
    alive: Arc<()>,
}

impl Clone for MemorySessionLedger {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            alive: Arc::new(()),
        }
    }
}

#[derive(Debug, Default)]
struct Shared {
    logs: Vec<Log>,
    by_key: HashMap<(String, String), usize>,
    progress: HashMap<(String, usize), Known>,
    records: BTreeMap<(String, usize, &'static str, RecordId), Kept>,
    runs: Vec<RecordedRun>,
    running: HashMap<String, (RunId, Weak<()>)>,
    notices: Vec<WaitingNotice>,
    told: HashSet<(String, String)>,
    last_notice: i64,
    last_record: i64,
}

#[derive(Debug)]
struct Known {
    progress: Progress,
    state: Option<Vec<u8>>,
    last_error: String,
}

impl Known {
    /// What is known of a log that nobody has read.
    fn nothing(id: LogId, version: u32) -> Self {
        Self {
            progress: Progress {
                id,
                checkpoint: None,
                version,
                has_state: false,
                tried_at: None,
                failures: 0,
                retry_at: None,
                quarantined_at: None,
            },
            state: None,
            last_error: String::new(),
        }
    }
}

#[derive(Debug)]
struct Kept {
    occurred_at: Option<DateTime<Utc>>,
    body: String,
    version: u32,
    generation: u32,
    /// Its place in the order of writing.
    position: i64,
}

impl MemorySessionLedger {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn log(&mut self, log: &Log) -> usize {
        let key = (log.source.clone(), log.key.clone());
        if let Some(at) = self.by_key.get(&key) {
            if let Some(known) = self.logs.get_mut(*at) {
                *known = log.clone();
            }
            return *at;
        }
        self.logs.push(log.clone());
        self.by_key.insert(key, self.logs.len() - 1);
        self.logs.len() - 1
    }

    fn known(&mut self, processor: &str, version: u32, log: &Log) -> (usize, &mut Known) {
        let at = self.log(log);
        let id = LogId(i64::try_from(at).unwrap_or(i64::MAX));
        let known = self
            .progress
            .entry((processor.to_owned(), at))
            .or_insert_with(|| Known::nothing(id, version));
        if known.progress.version != version {
            // Another version begins anew, and nothing is held against it.
            *known = Known::nothing(id, version);
        }
        (at, known)
    }

    fn record(&mut self, processor: &str, version: u32, batch: &Batch) {
        let (log, known) = self.known(processor, version, &batch.log);
        known.progress.checkpoint = Some(Box::new(batch.checkpoint.clone()));
        known.progress.tried_at = Some(batch.tried_at);
        known.progress.failures = 0;
        known.progress.retry_at = None;
        known.progress.quarantined_at = None;
        if let Some(state) = &batch.state {
            known.state = Some(state.to_vec());
            known.progress.has_state = true;
        }
        if batch.restarts {
            let is_of_it = |of: &str, at: usize| of == processor && at == log;
            let was_one_file = !self
                .records
                .iter()
                .any(|((of, at, _, _), kept)| is_of_it(of, *at) && kept.generation > 0);
            self.records.retain(|(of, at, _, _), kept| {
                !is_of_it(of, *at) || kept.version == version || !was_one_file
            });
        }
        let generation = batch.checkpoint.generation;
        self.keep(processor, log, version, generation, &batch.records);
        for notice in &batch.notices {
            self.tell(processor, notice);
        }
    }

    fn keep(
        &mut self,
        processor: &str,
        log: usize,
        version: u32,
        generation: u32,
        records: &[Record],
    ) {
        for record in records {
            self.last_record += 1;
            self.records.insert(
                (processor.to_owned(), log, record.kind, record.id),
                Kept {
                    occurred_at: record.occurred_at,
                    body: record.body.clone(),
                    version,
                    generation,
                    position: self.last_record,
                },
            );
        }
    }

    fn tell(&mut self, processor: &str, notice: &Notice) {
        if self.told.insert((processor.to_owned(), notice.key())) {
            self.last_notice += 1;
            self.notices.push(WaitingNotice {
                id: self.last_notice,
                processor: processor.to_owned(),
                notice: notice.clone(),
            });
        }
    }
}

impl SessionLedger for MemorySessionLedger {
    fn begin_run(
        &mut self,
        processor: &str,
        version: u32,
        started_by: &str,
        now: DateTime<Utc>,
    ) -> Result<Begun, SessionLedgerError> {
        let alive = Arc::downgrade(&self.alive);
        let mut shared = self.shared();
        if let Some((id, holder)) = shared.running.get(processor)
            && holder.strong_count() > 0
        {
            let by = shared
                .runs
                .iter()
                .find(|run| run.id == *id)
                .map(|run| (run.started_by.clone(), run.started_at));
            return Ok(Begun::Held { by });
        }
        let id = RunId(i64::try_from(shared.runs.len()).unwrap_or(i64::MAX) + 1);
        shared.runs.push(RecordedRun {
            id,
            processor: processor.to_owned(),
            version,
            started_by: started_by.to_owned(),
            started_at: now,
            ended_at: None,
            report: RunReport::default(),
        });
        shared.running.insert(processor.to_owned(), (id, alive));
        Ok(Begun::Run(id))
    }

    fn end_run(
        &mut self,
        run: RunId,
        report: &RunReport,
        now: DateTime<Utc>,
    ) -> Result<(), SessionLedgerError> {
        let mut shared = self.shared();
        shared.running.retain(|_, (id, _)| *id != run);
        if let Some(recorded) = shared.runs.iter_mut().find(|recorded| recorded.id == run) {
            recorded.ended_at = Some(now);
            recorded.report = report.clone();
        }
        Ok(())
    }

    fn progress(
        &mut self,
        processor: &str,
        source: &str,
    ) -> Result<HashMap<String, Progress>, SessionLedgerError> {
        let shared = self.shared();
        Ok(shared
            .progress
            .iter()
            .filter(|((of, _), _)| of == processor)
            .filter_map(|((_, at), known)| {
                let log = shared.logs.get(*at).filter(|log| log.source == source)?;
                Some((log.key.clone(), known.progress.clone()))
            })
            .collect())
    }

    fn state(
        &mut self,
        processor: &str,
        log: LogId,
    ) -> Result<Option<Vec<u8>>, SessionLedgerError> {
        let at = usize::try_from(log.0).unwrap_or(usize::MAX);
        let shared = self.shared();
        let known = shared.progress.get(&(processor.to_owned(), at));
        Ok(known.and_then(|known| known.state.clone()))
    }

    fn record_progress(
        &mut self,
        _: RunId,
        processor: &str,
        version: u32,
        batches: &[Batch],
    ) -> Result<(), SessionLedgerError> {
        let mut shared = self.shared();
        for batch in batches {
            shared.record(processor, version, batch);
        }
        Ok(())
    }

    fn record_samples(
        &mut self,
        _: RunId,
        processor: &str,
        version: u32,
        samples: &[Sample],
    ) -> Result<(), SessionLedgerError> {
        let mut shared = self.shared();
        for sample in samples {
            let (log, known) = shared.known(processor, version, &sample.log);
            if let Some(state) = &sample.state {
                known.state = Some(state.to_vec());
                known.progress.has_state = true;
            }
            let checkpoint = known.progress.checkpoint.as_ref();
            let generation = checkpoint.map_or(0, |checkpoint| checkpoint.generation);
            shared.keep(processor, log, version, generation, &sample.records);
            for notice in &sample.notices {
                shared.tell(processor, notice);
            }
        }
        Ok(())
    }

    fn record_failure(
        &mut self,
        _: RunId,
        processor: &str,
        version: u32,
        attempt: &FailedAttempt,
    ) -> Result<(), SessionLedgerError> {
        let mut shared = self.shared();
        let (_, known) = shared.known(processor, version, &attempt.log);
        known.progress.tried_at = Some(attempt.at);
        known.progress.failures += 1;
        known.progress.retry_at = attempt.retry_at;
        known.last_error = attempt.error.clone();
        if attempt.retry_at.is_none() {
            known.progress.quarantined_at = Some(attempt.at);
            let notice = Notice::Quarantined {
                source: attempt.log.source.clone(),
                log: attempt.log.key.clone(),
                failures: known.progress.failures,
                error: attempt.error.clone(),
                at: attempt.at,
            };
            shared.tell(processor, &notice);
        }
        Ok(())
    }

    fn quarantined(&mut self) -> Result<Vec<Quarantined>, SessionLedgerError> {
        let shared = self.shared();
        let mut quarantined: Vec<Quarantined> = shared
            .progress
            .iter()
            .filter_map(|((processor, at), known)| {
                Some(Quarantined {
                    processor: processor.clone(),
                    log: shared.logs.get(*at)?.clone(),
                    since: known.progress.quarantined_at?,
                    failures: known.progress.failures,
                    last_error: known.last_error.clone(),
                })
            })
            .collect();
        quarantined.sort_by(|a, b| (a.since, &a.log).cmp(&(b.since, &b.log)));
        Ok(quarantined)
    }

    fn replay(
        &mut self,
        source: &str,
        key: &str,
        processor: Option<&str>,
    ) -> Result<u64, SessionLedgerError> {
        let mut shared = self.shared();
        let shared = &mut *shared;
        let Some(log) = shared.by_key.get(&(source.to_owned(), key.to_owned())) else {
            return Ok(0);
        };
        let mut replayed = 0;
        for ((of, at), known) in &mut shared.progress {
            let is_meant = at == log && processor.is_none_or(|name| name == of);
            if is_meant && known.progress.quarantined_at.take().is_some() {
                known.progress.failures = 0;
                known.progress.retry_at = None;
                replayed += 1;
            }
        }
        Ok(replayed)
    }

    fn runs(
        &mut self,
        processor: &str,
        limit: usize,
    ) -> Result<Vec<RecordedRun>, SessionLedgerError> {
        let shared = self.shared();
        let of_it = shared.runs.iter().rev();
        Ok(of_it
            .filter(|run| run.processor == processor)
            .take(limit)
            .cloned()
            .collect())
    }

    fn for_each_record(
        &mut self,
        processor: &str,
        kind: &str,
        each: &mut dyn FnMut(StoredRecord),
    ) -> Result<(), SessionLedgerError> {
        let shared = self.shared();
        let mut found: Vec<StoredRecord> = shared
            .records
            .iter()
            .filter(|((of, _, of_kind, _), _)| of == processor && *of_kind == kind)
            .filter_map(|((_, at, kind, id), kept)| {
                Some(StoredRecord {
                    log: shared.logs.get(*at)?.clone(),
                    kind: (*kind).to_owned(),
                    id: *id,
                    occurred_at: kept.occurred_at,
                    body: kept.body.clone(),
                })
            })
            .collect();
        found.sort_by(|a, b| (&a.log, a.occurred_at, a.id).cmp(&(&b.log, b.occurred_at, b.id)));
        found.into_iter().for_each(each);
        Ok(())
    }

    fn for_each_record_since(
        &mut self,
        processor: &str,
        after: i64,
        each: &mut dyn FnMut(StoredRecord),
    ) -> Result<i64, SessionLedgerError> {
        let shared = self.shared();
        let mut found: Vec<(i64, StoredRecord)> = shared
            .records
            .iter()
            .filter(|((of, _, _, _), kept)| of == processor && kept.position > after)
            .filter_map(|((_, at, kind, id), kept)| {
                let record = StoredRecord {
                    log: shared.logs.get(*at)?.clone(),
                    kind: (*kind).to_owned(),
                    id: *id,
                    occurred_at: kept.occurred_at,
                    body: kept.body.clone(),
                };
                Some((kept.position, record))
            })
            .collect();
        found.sort_by_key(|(position, _)| *position);
        let last = found.last().map_or(after, |(position, _)| *position);
        found.into_iter().for_each(|(_, record)| each(record));
        Ok(last)
    }

    fn log_counts(&mut self) -> Result<Vec<(SourceKind, u64)>, SessionLedgerError> {
        let mut counts: BTreeMap<SourceKind, u64> = BTreeMap::new();
        for log in &self.shared().logs {
            *counts.entry(log.kind).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }

    fn record_counts(&mut self, processor: &str) -> Result<Vec<(String, u64)>, SessionLedgerError> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for (of, _, kind, _) in self.shared().records.keys() {
            if of == processor {
                *counts.entry((*kind).to_owned()).or_default() += 1;
            }
        }
        Ok(counts.into_iter().collect())
    }

    fn notices(&mut self, limit: usize) -> Result<Vec<WaitingNotice>, SessionLedgerError> {
        Ok(self.shared().notices.iter().take(limit).cloned().collect())
    }

    fn forget_notices(&mut self, ids: &[i64]) -> Result<(), SessionLedgerError> {
        self.shared()
            .notices
            .retain(|notice| !ids.contains(&notice.id));
        Ok(())
    }
}
