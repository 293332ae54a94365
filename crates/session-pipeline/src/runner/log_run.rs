//! Reads one log after the other: what each reader's thread does.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::room::Room;
use super::{Candidate, RunSettings};
use crate::file_identity::Checkpoint;
use crate::ledger::Batch;
use crate::lines::{BadLine, LineBuffer};
use crate::log_files::{self, LogFile};
use crate::processor::{Outcome, Processor, ProcessorError, STATE_MAX};
use crate::source::Log;

/// A log for a reader.
#[derive(Debug)]
pub(super) struct Job<'a> {
    pub(super) candidate: Candidate<'a>,
    pub(super) log: Log,
    pub(super) state: Option<Arc<Vec<u8>>>,
}

impl Job<'_> {
    pub(super) fn state_bytes(&self) -> usize {
        self.state.as_ref().map_or(0, |state| state.len())
    }
}

/// From a reader.
#[derive(Debug)]
pub(super) enum Message<'a> {
    /// More of the log follows.
    Batch(Box<ReadBatch>),
    /// A log is done with.
    Ended {
        job: Box<Job<'a>>,
        how: Ended,
        ending: Ending,
    },
}

/// What goes with the end of a log.
#[derive(Debug, Default)]
pub(super) struct Ending {
    /// The last batch, if there was any.
    pub(super) last: Option<Box<ReadBatch>>,
    /// Where lines may be lost: the end of what was read of a file that is gone.
    pub(super) lost_behind: Option<u64>,
    /// Rotated files that cannot be opened.
    pub(super) unreadable: Vec<String>,
    /// The state could not be read, and was given up.
    pub(super) restarted: bool,
    /// Something of the log was committed before its reading ended.
    pub(super) has_read: bool,
}

/// A batch, and how many bytes of the log it came from.
#[derive(Debug)]
pub(super) struct ReadBatch {
    pub(super) batch: Batch,
    pub(super) bytes: u64,
}

impl ReadBatch {
    /// Bytes that it holds, about.
    pub(super) fn size(&self) -> usize {
        let records = self
            .batch
            .records
            .iter()
            .map(|record| record.body.len() + 64);
        records.sum::<usize>() + self.batch.state.as_ref().map_or(0, |state| state.len())
    }
}

/// Where readers put what they read.
pub(super) struct Out<'r, 'a> {
    pub(super) send: Sender<Message<'a>>,
    pub(super) room: &'r Room,
}

impl<'a> Out<'_, 'a> {
    /// Sends a message when there is room for its batch.
    fn put(&self, message: Message<'a>) -> Result<(), Abandoned> {
        let size = match &message {
            Message::Batch(read) => read.size(),
            Message::Ended { ending, .. } => ending.last.as_ref().map_or(0, |read| read.size()),
        };
        if self.room.take(size) && self.send.send(message).is_ok() {
            Ok(())
        } else {
            Err(Abandoned)
        }
    }
}

/// How the reading of a log ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Up to the last complete line.
    Read,
    /// There was no complete line after the checkpoint.
    NothingNew,
    /// The rest waits for the next run.
    Capped,
    Failed(ProcessorError),
    Unreadable(io::Error),
}

/// What all readers of a run share.
pub(super) struct LogRun<'a> {
    pub(super) processor: &'a dyn Processor,
    pub(super) settings: &'a RunSettings,
    pub(super) wall_clock: &'a (dyn Fn() -> DateTime<Utc> + Sync),
    pub(super) elapsed: &'a (dyn Fn() -> Duration + Sync),
    /// When the budget of the run is used up, by `elapsed`.
    pub(super) deadline: Duration,
    pub(super) stop: &'a AtomicBool,
    pub(super) halt: &'a AtomicBool,
}

/// Nobody takes what was read any more: the run has failed.
struct Abandoned;

impl<'a> LogRun<'a> {
    /// Whether no other log is to be begun.
    pub(super) fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
            || self.halt.load(Ordering::Relaxed)
            || (self.elapsed)() >= self.deadline
    }

    /// Reads logs until there are no more.
    pub(super) fn work(&self, take: &Mutex<Receiver<Job<'a>>>, out: &Out<'_, 'a>) {
        let mut buffer = LineBuffer::default();
        loop {
            let next = take.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = next else {
                return;
            };
            let mut ending = Ending::default();
            let Ok(how) = self.one(&job, &mut buffer, out, &mut ending) else {
                return;
            };
            let ended = Message::Ended {
                job: Box::new(job),
                how,
                ending,
            };
            if out.put(ended).is_err() {
                return;
            }
        }
    }

    /// Reads one log as far as it goes.
    fn one(
        &self,
        job: &Job<'a>,
        buffer: &mut LineBuffer,
        out: &Out<'_, 'a>,
        ending: &mut Ending,
    ) -> Result<Ended, Abandoned> {
        if self.is_over() {
            return Ok(Ended::Capped);
        }
        let progress = job.candidate.progress.as_ref();
        let known = progress.and_then(|progress| progress.checkpoint.as_deref());
        let state = job.state.clone();
        let ended = self.from(job, known, state, buffer, out, ending)?;
        let is_state = matches!(ended, Ended::Failed(ProcessorError::State { .. }));
        if is_state && job.state.is_some() && ending.last.is_none() {
            ending.restarted = true;
            // Nobody will ever read this state again. Without it, the log is read from its
            // beginning, and its records are written once more.
            return self.from(job, None, None, buffer, out, ending);
        }
        Ok(ended)
    }

    /// Reads a log from a checkpoint on, with the state that goes with it.
    fn from(
        &self,
        job: &Job<'a>,
        known: Option<&Checkpoint>,
        state: Option<Arc<Vec<u8>>>,
        buffer: &mut LineBuffer,
        out: &Out<'_, 'a>,
        ending: &mut Ending,
    ) -> Result<Ended, Abandoned> {
        let rotates = job.log.kind.is_one_file();
        let unread = match log_files::unread(&job.candidate.found.path, rotates, known) {
            Ok(unread) => unread,
            Err(error) => return Ok(Ended::Unreadable(error)),
        };
        ending.lost_behind = unread.lost_behind;
        ending.unreadable = unread.unreadable;
        let mut reading = Reading {
            of: self,
            log: &job.log,
            checkpoint: unread.start,
            state,
            restarts: known.is_none(),
            until: (self.elapsed)().saturating_add(self.settings.log_budget),
            has_new_lines: false,
            ending,
        };
        let last = unread.files.len().saturating_sub(1);
        for (at, file) in unread.files.iter().enumerate() {
            if at > 0 {
                reading.checkpoint = log_files::after(&reading.checkpoint);
            }
            let is_finished = at < last || unread.has_more;
            match reading.file(file, is_finished, buffer, out)? {
                Ended::Read => {}
                ended => return Ok(ended),
            }
        }
        Ok(if unread.has_more {
            Ended::Capped
        } else if reading.has_new_lines {
            Ended::Read
        } else {
            Ended::NothingNew
        })
    }
}

/// Where a reader is in a log.
struct Reading<'r, 'a> {
    of: &'r LogRun<'a>,
    log: &'r Log,
    checkpoint: Checkpoint,
    state: Option<Arc<Vec<u8>>>,
    restarts: bool,
    until: Duration,
    has_new_lines: bool,
    /// Holds the batch that was read last: it goes with the end of the log, if none follows it.
    ending: &'r mut Ending,
}

impl<'a> Reading<'_, 'a> {
    /// Reads one file of the log, batch by batch.
    fn file(
        &mut self,
        file: &LogFile,
        is_finished: bool,
        buffer: &mut LineBuffer,
        out: &Out<'_, 'a>,
    ) -> Result<Ended, Abandoned> {
        loop {
            let (batch, is_at_end) = match self.batch(file, is_finished, buffer) {
                Ok(Some(read)) => read,
                Ok(None) => return Ok(Ended::Read),
                Err(ended) => return Ok(ended),
            };
            let bytes = batch
                .checkpoint
                .offset
                .saturating_sub(self.checkpoint.offset);
            self.checkpoint = batch.checkpoint.clone();
            if let Some(state) = &batch.state {
                self.state = Some(state.clone());
            }
            self.restarts = false;
            self.has_new_lines |= bytes > 0;
            self.ending.has_read = true;
            let before = self
                .ending
                .last
                .replace(Box::new(ReadBatch { batch, bytes }));
            if let Some(before) = before {
                out.put(Message::Batch(before))?;
            }
            if is_at_end {
                return Ok(Ended::Read);
            }
            if self.of.is_over() || (self.of.elapsed)() >= self.until {
                return Ok(Ended::Capped);
            }
        }
    }

    /// Reads the next batch, and says whether nothing complete is left behind it. `None` when there
    /// is nothing to record.
    fn batch(
        &self,
        file: &LogFile,
        is_finished: bool,
        buffer: &mut LineBuffer,
    ) -> Result<Option<(Batch, bool)>, Ended> {
        let start = &self.checkpoint;
        let mut input = file.from(start.offset);
        let until = start.offset.saturating_add(self.of.settings.batch.max(1));
        let mut lines = buffer.lines(&mut input, start.offset, start.line, until);
        let log = self.log;
        let outcome = if lines.has_more() {
            // A processor that panics is no reason to leave the other logs unread.
            let processor = self.of.processor;
            let state = self.state.as_ref().map(|state| state.as_slice());
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                let outcome = processor.process(log, &mut lines, state);
                lines.drain();
                outcome
            }))
            .unwrap_or_else(|panic| Err(panicked(&*panic)));
            Some(outcome)
        } else {
            None
        };
        let (offset, line, at_end) = (lines.consumed(), lines.number(), lines.is_at_end());
        let (mut bad, error) = lines.finish();
        if let Some(error) = error {
            return Err(Ended::Unreadable(error));
        }
        let (outcome, has_read) = match outcome {
            Some(outcome) => (outcome.map_err(Ended::Failed)?, true),
            None => (Outcome::default(), false),
        };
        if outcome.state.len() > STATE_MAX {
            // Of the new state, not of the old one: reading the log again would not help.
            let bytes = outcome.state.len();
            return Err(Ended::Failed(ProcessorError::Failed {
                detail: format!(
                    "its state has {bytes} bytes, more than the {STATE_MAX} that are kept"
                ),
                line: None,
            }));
        }
        if is_finished && at_end && file.is_cut_off_at(offset).map_err(Ended::Unreadable)? {
            bad.add(line + 1, offset, BadLine::CutOff);
        }
        let checkpoint = file
            .checkpoint(start, offset, line, at_end)
            .map_err(Ended::Unreadable)?;
        if checkpoint == *start && bad.count == 0 {
            return Ok(None);
        }
        let batch = Batch {
            log: log.clone(),
            checkpoint,
            records: outcome.records,
            state_kept: same_beginning(
                self.state.as_ref().map(|state| state.as_slice()),
                &outcome.state,
            ),
            state: has_read.then(|| Arc::new(outcome.state)),
            notices: outcome.notices,
            bad,
            restarts: self.restarts,
            tried_at: (self.of.wall_clock)(),
        };
        Ok(Some((batch, at_end)))
    }
}

/// How many bytes at the beginning are the same.
pub(super) fn same_beginning(before: Option<&[u8]>, state: &[u8]) -> usize {
    let before = before.unwrap_or_default();
    // Whole blocks first: they are compared at the speed of memory.
    let blocks = before.chunks_exact(1024).zip(state.chunks_exact(1024));
    let start = 1024 * blocks.take_while(|(before, state)| before == state).count();
    let rest = before.iter().zip(state).skip(start);
    start + rest.take_while(|(before, state)| before == state).count()
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> ProcessorError {
    let what = panic
        .downcast_ref::<&str>()
        .map(|what| (*what).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    ProcessorError::Failed {
        detail: format!("the processor panicked: {what}"),
        line: None,
    }
}
