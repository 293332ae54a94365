//! One run of a worker, from its start to its stop.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::error::Elapsed;
use tokio::time::{sleep, sleep_until, timeout, timeout_at};
use tracing::{error, info, warn};

use super::{
    BackgroundWorker, CancelledJob, Clock, Random, Registered, StopReport, WorkedOff,
    WorkerSettings,
};
use crate::caught::said;
use crate::handler::Outcome;
use crate::job::{ClaimedJob, JobId, JobState, NewJob};
use crate::ledger::{Ending, JobLedger, JobLedgerError, Recorded, Settled, Wanted};
use crate::timer::{self, Instant};

/// Longest error that is kept of a job, in bytes.
const ERROR_MAX: usize = 512;
/// How long handlers that were dropped may take to let go.
const LET_GO: Duration = Duration::from_secs(1);
/// Shortest pause between two looks at the ledger: what is due now was just left there.
const BREATH: Duration = Duration::from_millis(1);
/// How often the last endings are tried to be recorded at a stop.
const LAST_TRIES: u32 = 5;

type TaskResult = Result<(Id, Result<Outcome, Elapsed>), JoinError>;

/// A run.
pub(super) struct Run {
    ledger: Box<dyn JobLedger>,
    handlers: Arc<[Registered]>,
    clock: Clock,
    random: Random,
    settings: WorkerSettings,
    wake: Arc<Notify>,
    stop: watch::Receiver<Option<Instant>>,
    tasks: JoinSet<Result<Outcome, Elapsed>>,
    /// Jobs in work, by task.
    running: HashMap<Id, Held>,
    /// Jobs that ended and are not settled yet. They take up room until they are, so a ledger that
    /// fails for long does not fill the memory.
    ended: Vec<(Settled, Vec<NewJob>)>,
    /// Handlers of those, by place.
    ended_of: Vec<usize>,
    /// Jobs of each handler that are in work or not settled.
    busy: Vec<usize>,
    /// When leases are renewed.
    heartbeat_at: Instant,
    /// The ledger failed so often in a row, and is not asked before this moment.
    failures: u32,
    not_before: Instant,
    /// Handlers that ended since the stop was asked for.
    finished: u64,
    /// What became of jobs so far.
    tally: WorkedOff,
}

/// A job in work.
struct Held {
    handler: usize,
    id: JobId,
    token: u32,
    kind: String,
    cause: String,
    failures: u32,
    task: AbortHandle,
    /// Somebody else holds it now; how it ends is nobody's business.
    is_lost: bool,
}

impl Run {
    pub(super) fn new(
        worker: &BackgroundWorker,
        ledger: Box<dyn JobLedger>,
        stop: watch::Receiver<Option<Instant>>,
    ) -> Self {
        let now = timer::now();
        Self {
            ledger,
            busy: vec![0; worker.handlers.len()],
            handlers: Arc::clone(&worker.handlers),
            clock: Arc::clone(&worker.clock),
            random: Arc::clone(&worker.random),
            settings: worker.settings,
            wake: Arc::clone(&worker.wake),
            stop,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            ended: Vec::new(),
            ended_of: Vec::new(),
            heartbeat_at: now,
            failures: 0,
            not_before: now,
            finished: 0,
            tally: WorkedOff::default(),
        }
    }

    /// Works until it is told to stop.
    pub(super) async fn work(mut self) -> StopReport {
        let wake = Arc::clone(&self.wake);
        while self.stop.borrow().is_none() {
            let wait = self.look(Self::round);
            tokio::select! {
                biased;
                changed = self.stop.changed() => {
                    // Its owner is gone, and drops this too.
                    if changed.is_err() {
                        break;
                    }
                }
                Some(joined) = self.tasks.join_next_with_id() => self.note_all(joined),
                () = wake.notified() => {}
                () = sleep(wait) => {}
            }
        }
        self.drain().await;
        let cancelled = self.cancel().await;
        self.report(cancelled)
    }

    /// Works until nothing is due, or the ledger fails.
    pub(super) async fn work_off(mut self) -> Result<WorkedOff, JobLedgerError> {
        loop {
            let wait = match self.round() {
                Ok(wait) => wait,
                Err(failure) => {
                    self.cancel().await;
                    return Err(failure);
                }
            };
            // There was room for everything, and nothing was claimed.
            if self.running.is_empty() && self.ended.is_empty() {
                let waiting = self.waiting()?;
                return Ok(WorkedOff {
                    waiting,
                    ..self.tally
                });
            }
            tokio::select! {
                biased;
                Some(joined) = self.tasks.join_next_with_id() => self.note_all(joined),
                () = sleep(wait) => {}
            }
        }
    }

    /// Asks the ledger unless it has failed just now. Answers how long there is nothing else to ask.
    fn look(
        &mut self,
        ask: impl FnOnce(&mut Self) -> Result<Duration, JobLedgerError>,
    ) -> Duration {
        let now = timer::now();
        if now < self.not_before {
            return self.not_before - now;
        }
        match ask(self) {
            Ok(wait) => {
                self.failures = 0;
                wait
            }
            Err(failure) => {
                let doubled = 2_u32.saturating_pow(self.failures.min(16));
                let pause = self
                    .settings
                    .ledger_pause
                    .max(BREATH)
                    .saturating_mul(doubled);
                let pause = pause.min(self.settings.longest_ledger_pause.max(BREATH));
                self.failures = self.failures.saturating_add(1);
                self.not_before = timer::now() + pause;
                warn!(%failure, in_a_row = self.failures, ?pause, "the ledger of jobs failed");
                pause
            }
        }
    }

    /// Settles what has ended, renews leases, claims what there is room for.
    fn round(&mut self) -> Result<Duration, JobLedgerError> {
        self.settle()?;
        let until_heartbeat = self.heartbeat()?;
        self.claim()?;
        if !self.ended.is_empty() {
            return Ok(Duration::ZERO);
        }
        let with_room: Vec<&str> = self
            .handlers
            .iter()
            .zip(&self.busy)
            .filter(|(of, busy)| **busy < of.side_by_side)
            .map(|(of, _)| of.kind.as_str())
            .collect();
        let mut wait = self.settings.poll.min(until_heartbeat);
        if !with_room.is_empty()
            && let Some(due) = self.ledger.next_due(&with_room)?
        {
            let until_due = (due - (self.clock)()).to_std().unwrap_or_default();
            wait = wait.min(until_due);
        }
        Ok(wait.max(BREATH))
    }

    fn claim(&mut self) -> Result<(), JobLedgerError> {
        let rooms = self.handlers.iter().zip(&self.busy);
        let wanted: Vec<Wanted<'_>> = rooms
            .map(|(of, busy)| Wanted {
                kind: &of.kind,
                most: of.side_by_side.saturating_sub(*busy),
            })
            .filter(|wanted| wanted.most > 0)
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let now = (self.clock)();
        let claimed = self.ledger.claim(&wanted, now, self.lease_until(now))?;
        for job in claimed {
            let place = self.handlers.iter().position(|of| of.kind == job.kind);
            match place {
                Some(handler) => self.begin(handler, job),
                // A ledger that gives what nobody asked for: its lease runs out.
                None => error!(kind = job.kind, id = job.id.0, "a job of an unknown kind"),
            }
        }
        Ok(())
    }

    fn begin(&mut self, handler: usize, job: ClaimedJob) {
        let Some(of) = self.handlers.get(handler) else {
            return;
        };
        if let Some(busy) = self.busy.get_mut(handler) {
            *busy += 1;
        }
        if job.failures >= self.settings.retry.most_tries {
            // Nobody was left to count its tries: it took its workers with it.
            let error = format!("{} workers were gone before it was done", job.failures);
            warn!(kind = job.kind, id = job.id.0, error, "a job is dead");
            let ending = Ending::Dead { error };
            self.end(handler, (job.id, job.token), ending, Vec::new());
            return;
        }
        let (id, token, failures) = (job.id, job.token, job.failures);
        let (kind, cause) = (job.kind.clone(), job.cause.clone());
        let (work, most_time) = (Arc::clone(&of.handler), of.most_time);
        let task = self
            .tasks
            .spawn(async move { timeout(most_time, work.handle(&job)).await });
        let held = Held {
            handler,
            id,
            token,
            kind,
            cause,
            failures,
            is_lost: false,
            task: task.clone(),
        };
        self.running.insert(task.id(), held);
    }

    /// Takes in a handler that has ended, and all others that have meanwhile, so that they are settled
    /// together.
    fn note_all(&mut self, joined: TaskResult) {
        self.note(joined);
        while let Some(joined) = self.tasks.try_join_next_with_id() {
            self.note(joined);
        }
    }

    fn note(&mut self, joined: TaskResult) {
        let (task, result) = match joined {
            Ok((task, result)) => (task, Ok(result)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some(held) = self.running.remove(&task) else {
            return;
        };
        if held.is_lost {
            self.free(held.handler);
            return;
        }
        if self.stop.borrow().is_some() {
            self.finished = self.finished.saturating_add(1);
        }
        let now = (self.clock)();
        let (ending, caused) = match result {
            Ok(Ok(Outcome::Done(caused))) => (Ending::Done, caused),
            Ok(Ok(Outcome::Discard { why })) => {
                let error = one_line(&why);
                warn!(
                    kind = held.kind,
                    id = held.id.0,
                    error,
                    "a job was given up"
                );
                (Ending::Discarded { error }, Vec::new())
            }
            Ok(Ok(Outcome::Retry { why, after })) => (self.failed(&held, &why, after, now), vec![]),
            Ok(Err(Elapsed { .. })) => {
                let most = self.handlers.get(held.handler).map(|of| of.most_time);
                let why = format!("it took longer than {:?}", most.unwrap_or_default());
                (self.failed(&held, &why, None, now), Vec::new())
            }
            Err(error) => {
                let why = match error.try_into_panic() {
                    Ok(panic) => {
                        let why = format!("its handler panicked: {}", said(&*panic));
                        // A message may be anything, and so may its destructor.
                        let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
                        why
                    }
                    Err(error) => error.to_string(),
                };
                (self.failed(&held, &why, None, now), Vec::new())
            }
        };
        self.end(held.handler, (held.id, held.token), ending, caused);
    }

    /// What becomes of a job that failed now.
    fn failed(
        &self,
        held: &Held,
        why: &str,
        after: Option<Duration>,
        now: DateTime<Utc>,
    ) -> Ending {
        let error = one_line(why);
        let failures = held.failures.saturating_add(1);
        let lot = {
            let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
            random()
        };
        match self.settings.retry.retry_at(failures, now, lot) {
            Some(usual) => {
                let asked = after.map(|after| later(now, after));
                let at = asked.unwrap_or(usual);
                info!(kind = held.kind, id = held.id.0, failures, error, %at, "a job failed");
                Ending::Retry { at, error }
            }
            None => {
                warn!(
                    kind = held.kind,
                    id = held.id.0,
                    failures,
                    error,
                    "a job is dead"
                );
                Ending::Dead { error }
            }
        }
    }

    fn end(
        &mut self,
        handler: usize,
        (id, token): (JobId, u32),
        ending: Ending,
        caused: Vec<NewJob>,
    ) {
        self.ended.push((Settled { id, token, ending }, caused));
        self.ended_of.push(handler);
    }

    fn free(&mut self, handler: usize) {
        if let Some(busy) = self.busy.get_mut(handler) {
            *busy = busy.saturating_sub(1);
        }
    }

    /// Records how jobs ended, all in one transaction.
    fn settle(&mut self) -> Result<(), JobLedgerError> {
        if self.ended.is_empty() {
            return Ok(());
        }
        let now = (self.clock)();
        match self.ledger.settle(&self.ended, now) {
            Ok(recorded) => {
                for ((settled, _), recorded) in self.ended.drain(..).zip(recorded) {
                    self.tally.count(&settled.ending, recorded);
                    tell_if_overtaken(settled.id, recorded);
                }
                for handler in std::mem::take(&mut self.ended_of) {
                    self.free(handler);
                }
                Ok(())
            }
            Err(failure) if failure.is_transient() => Err(failure),
            Err(failure) => self.settle_singly(&failure, now),
        }
    }

    /// Records each on its own: it may be one alone that the ledger does not take, such as for what
    /// it caused. That one has failed.
    fn settle_singly(
        &mut self,
        failure: &JobLedgerError,
        now: DateTime<Utc>,
    ) -> Result<(), JobLedgerError> {
        warn!(%failure, jobs = self.ended.len(), "jobs could not be settled together");
        let mut last = None;
        let ended = std::mem::take(&mut self.ended);
        let ended_of = std::mem::take(&mut self.ended_of);
        for ((settled, caused), handler) in ended.into_iter().zip(ended_of) {
            let id = settled.id;
            let mut ending = settled.ending.clone();
            let alone = [(settled, caused)];
            let recorded = self.ledger.settle(&alone, now).or_else(|failure| {
                if failure.is_transient() {
                    return Err(failure);
                }
                let error = one_line(&format!("its end could not be recorded: {failure}"));
                ending = Ending::Dead { error };
                let token = alone[0].0.token;
                let settled = Settled {
                    id,
                    token,
                    ending: ending.clone(),
                };
                self.ledger.settle(&[(settled, Vec::new())], now)
            });
            match recorded {
                Ok(recorded) => {
                    for recorded in recorded {
                        self.tally.count(&ending, recorded);
                        tell_if_overtaken(id, recorded);
                    }
                    self.free(handler);
                }
                Err(failure) => {
                    let [kept] = alone;
                    self.ended.push(kept);
                    self.ended_of.push(handler);
                    last = Some(failure);
                }
            }
        }
        last.map_or(Ok(()), Err)
    }

    /// Renews leases, if it is time. Answers how long it is until the next time.
    fn heartbeat(&mut self) -> Result<Duration, JobLedgerError> {
        let third = self.settings.lease / 3;
        let now = timer::now();
        if self.running.is_empty() && self.ended.is_empty() {
            self.heartbeat_at = now + third;
            return Ok(third);
        }
        if now < self.heartbeat_at {
            return Ok(self.heartbeat_at - now);
        }
        let tasks: Vec<Id> = self.running.keys().copied().collect();
        let in_work = tasks.iter().filter_map(|task| self.running.get(task));
        let in_work = in_work.map(|held| (held.id, held.token));
        let ended = self.ended.iter().map(|(of, _)| (of.id, of.token));
        let jobs: Vec<(JobId, u32)> = in_work.chain(ended).collect();
        let until = self.lease_until((self.clock)());
        let recorded = self.ledger.heartbeat(&jobs, until)?;
        self.heartbeat_at = now + third;
        for (task, recorded) in tasks.iter().zip(recorded) {
            if recorded == Recorded::Overtaken
                && let Some(held) = self.running.get_mut(task)
                && !held.is_lost
            {
                held.is_lost = true;
                held.task.abort();
                self.tally.lost = self.tally.lost.saturating_add(1);
                tell_if_overtaken(held.id, recorded);
            }
        }
        Ok(third)
    }

    fn lease_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        later(now, self.settings.lease)
    }

    /// Lets handlers end until the deadline.
    async fn drain(&mut self) {
        loop {
            let wait = self.look(|run| {
                run.settle()?;
                run.heartbeat()
            });
            let deadline = *self.stop.borrow_and_update();
            let Some(deadline) = deadline.filter(|deadline| timer::now() < *deadline) else {
                return;
            };
            if self.running.is_empty() {
                return;
            }
            tokio::select! {
                biased;
                Some(joined) = self.tasks.join_next_with_id() => self.note_all(joined),
                changed = self.stop.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = sleep_until(deadline) => {}
                () = sleep(wait) => {}
            }
        }
    }

    /// Drops the handlers that are left, and frees their jobs.
    async fn cancel(&mut self) -> Vec<CancelledJob> {
        let mut cancelled = Vec::new();
        self.tasks.abort_all();
        let end = timer::now() + LET_GO;
        while let Ok(Some(joined)) = timeout_at(end, self.tasks.join_next_with_id()).await {
            match joined {
                Err(error) if error.is_cancelled() => {
                    let Some(held) = self.running.remove(&error.id()) else {
                        continue;
                    };
                    if held.is_lost {
                        continue;
                    }
                    let whose = (held.id, held.token);
                    self.end(held.handler, whose, Ending::Released, Vec::new());
                    cancelled.push(held.cancelled(true));
                }
                joined => self.note(joined),
            }
        }
        // What does not let go may still be at work: others get it when its lease runs out.
        let stuck = self.running.drain().map(|(_, held)| held.cancelled(false));
        cancelled.extend(stuck);
        for number in 0..LAST_TRIES {
            if number > 0 {
                sleep(self.settings.ledger_pause).await;
            }
            match self.settle() {
                Ok(()) => break,
                Err(failure) => warn!(%failure, "jobs could not be settled at a stop"),
            }
        }
        for (settled, _) in &self.ended {
            let of_it = |job: &&mut CancelledJob| job.id == settled.id;
            if let Some(job) = cancelled.iter_mut().find(of_it) {
                job.released = false;
            }
        }
        cancelled.sort_by_key(|job| job.id);
        cancelled
    }

    /// Jobs of the handlers' kinds that wait in the ledger.
    fn waiting(&mut self) -> Result<u64, JobLedgerError> {
        let counts = self.ledger.counts()?;
        let of_ours = |kind: &str| self.handlers.iter().any(|of| of.kind == kind);
        let ours = counts
            .iter()
            .filter(|(kind, state, _)| *state == JobState::Waiting && of_ours(kind));
        Ok(ours.map(|(_, _, count)| *count).sum())
    }

    fn report(mut self, cancelled: Vec<CancelledJob>) -> StopReport {
        let waiting = match self.waiting() {
            Ok(waiting) => Some(waiting),
            Err(failure) => {
                warn!(%failure, "waiting jobs could not be counted");
                None
            }
        };
        StopReport {
            finished: self.finished,
            cancelled,
            waiting,
            elapsed: Duration::ZERO,
        }
    }
}

impl WorkedOff {
    fn count(&mut self, ending: &Ending, recorded: Recorded) {
        let count = match (recorded, ending) {
            (Recorded::Overtaken, _) => &mut self.lost,
            (Recorded::Yes, Ending::Done) => &mut self.done,
            (Recorded::Yes, Ending::Retry { .. }) => &mut self.failed,
            (Recorded::Yes, Ending::Dead { .. }) => &mut self.dead,
            (Recorded::Yes, Ending::Discarded { .. }) => &mut self.discarded,
            (Recorded::Yes, Ending::Released) => return,
        };
        *count = count.saturating_add(1);
    }
}

impl Held {
    fn cancelled(self, released: bool) -> CancelledJob {
        CancelledJob {
            id: self.id,
            kind: self.kind,
            cause: self.cause,
            released,
        }
    }
}

fn tell_if_overtaken(id: JobId, recorded: Recorded) {
    if recorded == Recorded::Overtaken {
        warn!(
            id = id.0,
            "the lease of a job ran out, and it belongs to somebody else by now"
        );
    }
}

/// A moment so much later; the latest there is, if there is none.
fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(by)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// A text on one line, without control characters, and not too long.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(ERROR_MAX));
    for character in text.trim().chars() {
        if line.len() + character.len_utf8() > ERROR_MAX {
            break;
        }
        line.push(if character.is_control() {
            ' '
        } else {
            character
        });
    }
    line
}
