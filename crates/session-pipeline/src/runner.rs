//! One run of one processor over every log that has something new for it.
//!
//! Logs are read by several threads, each log by one at a time; what they found is committed by the
//! caller's thread, the results of many logs in one transaction, each with how far its log was
//! read. So a crash at any moment loses at most work, never a record, and repeats none.

mod committer;
mod log_run;
mod room;

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::ledger::{
    Begun, DETAILS_KEPT, Progress, RunDetail, RunId, RunReport, Sample, SessionLedger,
    SessionLedgerError,
};
use crate::processor::Processor;
use crate::scan::{self, Found};
use crate::source::{IdentityResolver, Log, Source};

use self::committer::Committer;
use self::log_run::{Job, LogRun, Message, Out};
use self::room::Room;

/// How a run behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunSettings {
    /// Who started it, for the record.
    pub started_by: String,
    /// Most logs that are tried in one run. Default 100,000.
    pub cap: usize,
    /// After this long no other log is begun. Default 150 s.
    pub budget: Duration,
    /// After this long the rest of one log waits for the next run. Default 60 s.
    pub log_budget: Duration,
    /// Bytes of one log that are committed together; a log is longer. Default 16 MiB.
    pub batch: u64,
    /// Threads that read. Default 2.
    pub readers: usize,
    /// Failures in a row after which a log is set aside. Default 5.
    pub most_failures: u32,
    /// Pause after the first failure; it doubles with each. Default 1 minute.
    pub first_pause: Duration,
    /// Longest pause. Default 6 hours.
    pub longest_pause: Duration,
}

impl RunSettings {
    /// The defaults.
    pub fn new(started_by: &str) -> Self {
        Self {
            started_by: started_by.to_owned(),
            cap: 100_000,
            budget: Duration::from_secs(150),
            log_budget: Duration::from_secs(60),
            batch: 16 << 20,
            readers: 2,
            most_failures: 5,
            first_pause: Duration::from_secs(60),
            longest_pause: Duration::from_secs(6 * 3600),
        }
    }

    /// The pause after so many failures in a row.
    pub fn pause_after(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first_pause
            .saturating_mul(1 << doublings)
            .min(self.longest_pause)
    }
}

/// What a run reads, and what it is told from outside.
pub struct Run<'a> {
    /// Who reads.
    pub processor: &'a dyn Processor,
    /// Every source; those of other kinds are left alone.
    pub sources: &'a [Source],
    /// Whose sessions they are.
    pub identity: &'a dyn IdentityResolver,
    /// How it behaves.
    pub settings: &'a RunSettings,
    /// The clock that records and pauses go by.
    pub wall_clock: &'a (dyn Fn() -> DateTime<Utc> + Sync),
    /// Time since some moment before the run, on a clock that nobody sets: budgets go by it.
    pub elapsed: &'a (dyn Fn() -> Duration + Sync),
    /// Once true, what is in work is finished, and the rest waits for the next run.
    pub stop: &'a AtomicBool,
    /// Told of every step.
    pub on_step: &'a mut dyn FnMut(Step),
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run")
            .field("processor", &self.processor.name())
            .field("sources", &self.sources)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// A step of a run, for a progress bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many logs, with so many bytes, have something new.
    Found {
        /// Logs.
        logs: u64,
        /// Bytes that were not read yet.
        bytes: u64,
    },
    /// So many more bytes were read.
    Read {
        /// Bytes.
        bytes: u64,
    },
    /// One log is done with, for this run.
    Done,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Ran {
    /// It ended.
    Done(RunReport),
    /// Another run of this processor goes on.
    Held {
        /// Who started it, and when.
        by: Option<(String, DateTime<Utc>)>,
    },
}

/// Bytes of what was read that wait to be committed.
const IN_FLIGHT: usize = 8 << 20;
/// Logs that wait for a reader with their state in memory.
const WAITING_LOGS: usize = 64;
/// Bytes of state that wait in memory with them.
const WAITING_STATE: usize = 8 << 20;

/// A log that has something new. There may be a hundred thousand of them, so what can be made of
/// this is made when it is needed.
#[derive(Debug)]
struct Candidate<'a> {
    source: &'a Source,
    found: Found,
    progress: Option<Progress>,
    /// How long it has been waiting: since it was tried last, or changed.
    waits_since: i64,
    unread: u64,
}

impl Candidate<'_> {
    /// Those that have been waiting longest come first.
    fn order(&self) -> (i64, &str, &str) {
        (self.waits_since, &self.source.name, &self.found.key)
    }
}

impl<'a> Run<'a> {
    /// Runs once.
    ///
    /// # Errors
    ///
    /// [`SessionLedgerError`] when the storage fails; what was committed before stays.
    pub fn once(self, ledger: &mut dyn SessionLedger) -> Result<Ran, SessionLedgerError> {
        let name = self.processor.name().to_owned();
        let version = self.processor.version();
        let started_by = &self.settings.started_by;
        let run = match ledger.begin_run(&name, version, started_by, (self.wall_clock)())? {
            Begun::Run(run) => run,
            Begun::Held { by } => return Ok(Ran::Held { by }),
        };
        let clock = self.wall_clock;
        let mut report = RunReport::default();
        let worked = self.work(ledger, run, &mut report);
        let ended = ledger.end_run(run, &report, clock());
        worked?;
        ended?;
        Ok(Ran::Done(report))
    }

    fn work(
        mut self,
        ledger: &mut dyn SessionLedger,
        run: RunId,
        report: &mut RunReport,
    ) -> Result<(), SessionLedgerError> {
        let candidates = self.candidates(ledger, report)?;
        (self.on_step)(Step::Found {
            logs: candidates.len() as u64,
            bytes: candidates.iter().map(|candidate| candidate.unread).sum(),
        });
        self.read(ledger, run, candidates, report)?;
        if self.processor.samples() && report.unavailable.is_none() {
            self.sample(ledger, run, report)?;
        }
        Ok(())
    }

    /// The logs with something new, those first that have been waiting longest.
    fn candidates(
        &self,
        ledger: &mut dyn SessionLedger,
        report: &mut RunReport,
    ) -> Result<Vec<Candidate<'a>>, SessionLedgerError> {
        let now = (self.wall_clock)();
        let mut candidates = Vec::new();
        for source in self.sources_read() {
            let mut known = ledger.progress(self.processor.name(), &source.name)?;
            let problems = scan::logs(source, &mut |found| {
                // Another version of the processor begins anew.
                let progress = known
                    .remove(&found.key)
                    .filter(|progress| progress.version == self.processor.version());
                let checkpoint = progress
                    .as_ref()
                    .and_then(|progress| progress.checkpoint.as_deref());
                let is_untouched = match checkpoint {
                    Some(checkpoint) => found.is_unchanged_since(checkpoint),
                    // Nothing was ever written to it.
                    None => found.size == 0 && !source.kind.is_one_file(),
                };
                if is_untouched {
                    return;
                }
                report.counts.scanned += 1;
                if progress.as_ref().is_some_and(|p| is_left_alone(p, now)) {
                    // `quarantined` lists them; to say so in every run would be noise.
                    report.counts.skipped += 1;
                    return;
                }
                let read = checkpoint.map_or(0, |checkpoint| checkpoint.offset);
                candidates.push(Candidate {
                    source,
                    waits_since: progress
                        .as_ref()
                        .and_then(|p| p.tried_at)
                        .map_or(found.modified_ns / 1000, |tried| tried.timestamp_micros()),
                    unread: found.size.saturating_sub(read),
                    found,
                    progress,
                });
            });
            for problem in problems {
                report.counts.errors += 1;
                tell(report, &source.name, "", problem);
            }
        }
        candidates.sort_by(|a, b| a.order().cmp(&b.order()));
        Ok(candidates)
    }

    fn sources_read(&self) -> impl Iterator<Item = &'a Source> + use<'a> {
        let kinds = self.processor.reads();
        self.sources
            .iter()
            .filter(move |source| kinds.contains(&source.kind))
    }

    /// Reads the candidates with several threads, and commits what they find.
    fn read(
        &mut self,
        ledger: &mut dyn SessionLedger,
        run: RunId,
        candidates: Vec<Candidate<'a>>,
        report: &mut RunReport,
    ) -> Result<(), SessionLedgerError> {
        let most = candidates.len().min(self.settings.cap);
        report.counts.capped += (candidates.len() - most) as u64;
        let halt = AtomicBool::new(false);
        let log_run = LogRun {
            processor: self.processor,
            settings: self.settings,
            wall_clock: self.wall_clock,
            elapsed: self.elapsed,
            deadline: (self.elapsed)().saturating_add(self.settings.budget),
            stop: self.stop,
            halt: &halt,
        };
        let mut committer = Committer {
            ledger,
            run,
            processor: self.processor,
            settings: self.settings,
            wall_clock: self.wall_clock,
            identity: self.identity,
            report,
            batches: Vec::new(),
            bytes: 0,
            halt: &halt,
            on_step: self.on_step,
        };
        let mut waiting = candidates.into_iter().take(most);
        let (give, take) = sync_channel::<Job<'_>>(WAITING_LOGS);
        let take = Mutex::new(take);
        let room = Room::new(IN_FLIGHT);
        let outcome = std::thread::scope(|scope| {
            // Whatever ends this closure closes both channels, and with them the readers' work.
            let give = give;
            let readers = self.settings.readers.clamp(1, 64);
            let (send, receive) = channel::<Message<'_>>();
            for _ in 0..readers {
                let out = Out {
                    send: send.clone(),
                    room: &room,
                };
                let (take, log_run) = (&take, &log_run);
                scope.spawn(move || log_run.work(take, &out));
            }
            drop(send);
            let _closes = room.close_when_dropped();
            let (mut in_work, mut state_bytes) = (0_usize, 0_usize);
            loop {
                while in_work < WAITING_LOGS
                    && (state_bytes < WAITING_STATE || in_work == 0)
                    && !log_run.is_over()
                    && let Some(candidate) = waiting.next()
                {
                    let job = committer.job(candidate)?;
                    state_bytes += job.state_bytes();
                    in_work += 1;
                    // There is room for as many as may be in work.
                    if give.send(job).is_err() {
                        break;
                    }
                }
                if in_work == 0 {
                    return committer.flush();
                }
                // Readers end only when the channel is closed, so one of them will answer.
                match receive.recv() {
                    Ok(Message::Batch(read)) => {
                        room.free(read.size());
                        committer.take(*read)?;
                    }
                    Ok(Message::Ended {
                        job,
                        how,
                        mut ending,
                    }) => {
                        if let Some(read) = ending.last.take() {
                            room.free(read.size());
                            committer.take(*read)?;
                        }
                        in_work -= 1;
                        state_bytes = state_bytes.saturating_sub(job.state_bytes());
                        committer.ended(&job, how, ending)?;
                    }
                    Err(_) => return committer.flush(),
                }
            }
        });
        report.counts.capped += waiting.count() as u64;
        outcome
    }

    /// Records what there is to say at this moment of every log, whether it grew or not.
    fn sample(
        &mut self,
        ledger: &mut dyn SessionLedger,
        run: RunId,
        report: &mut RunReport,
    ) -> Result<(), SessionLedgerError> {
        let name = self.processor.name().to_owned();
        let now = (self.wall_clock)();
        let mut samples = Vec::new();
        for source in self.sources_read() {
            for (key, progress) in ledger.progress(&name, &source.name)? {
                let is_ours = progress.version == self.processor.version() && progress.has_state;
                if progress.checkpoint.is_none() || !is_ours {
                    continue;
                }
                let Some(state) = ledger.state(&name, progress.id)? else {
                    continue;
                };
                let user = key.split_once('/').map(|(user, _)| user.to_owned());
                let log = Log {
                    source: source.name.clone(),
                    kind: source.kind,
                    user: user.and_then(|user| self.identity.resolve(source, &user)),
                    decky: source.decky.clone(),
                    key,
                };
                match self.processor.sample(&log, now, &state) {
                    Ok(None) => {}
                    Ok(Some(outcome)) => {
                        report.counts.items += outcome.records.len() as u64;
                        samples.push(Sample {
                            log,
                            records: outcome.records,
                            state_kept: log_run::same_beginning(Some(&state), &outcome.state),
                            state: Some(outcome.state)
                                .filter(|new| *new != state)
                                .map(Arc::new),
                            notices: outcome.notices,
                        });
                    }
                    Err(error) => {
                        report.counts.errors += 1;
                        tell(report, &log.source, &log.key, format!("sampling: {error}"));
                    }
                }
            }
        }
        if samples.is_empty() {
            return Ok(());
        }
        ledger.record_samples(run, &name, self.processor.version(), &samples)
    }
}

/// Whether a log is in quarantine, or waits for its next try.
fn is_left_alone(progress: &Progress, now: DateTime<Utc>) -> bool {
    progress.quarantined_at.is_some() || progress.retry_at.is_some_and(|at| at > now)
}

/// Adds a detail, as long as there are few.
fn tell(report: &mut RunReport, source: &str, key: &str, what: String) {
    if report.details.len() < DETAILS_KEPT {
        let log = if key.is_empty() {
            source.to_owned()
        } else {
            format!("{source}/{key}")
        };
        report.details.push(RunDetail { log, what });
    }
}
