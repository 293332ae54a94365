//! Does jobs: claims what is due, runs its handlers, records how they ended.

mod run;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tracing::error;

use crate::handler::JobHandler;
use crate::job::JobId;
use crate::ledger::{JobLedger, JobLedgerError};
use crate::retry::RetryPolicy;
use crate::timer::{self, Instant};

use self::run::Run;

/// A stop without an end, as far as a timer is concerned.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// How a worker works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerSettings {
    /// How long a job is held without a sign of life; renewed every third of it while its handler
    /// runs. A shorter one gives the jobs of a dead worker to another one sooner; one that is shorter
    /// than what the machine may stall gives them away while they are in work. Default 60 s, at
    /// least 3 ms.
    pub lease: Duration,
    /// Longest time without a look at the ledger, for jobs that other processes enqueue. Default 5 s,
    /// at least 1 ms.
    pub poll: Duration,
    /// When jobs that failed are tried again.
    pub retry: RetryPolicy,
    /// Pause after the ledger failed, twice as long each time in a row. Default 100 ms.
    pub ledger_pause: Duration,
    /// Longest pause after the ledger failed. Default 5 s.
    pub longest_ledger_pause: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(60),
            poll: Duration::from_secs(5),
            retry: RetryPolicy::default(),
            ledger_pause: Duration::from_millis(100),
            longest_ledger_pause: Duration::from_secs(5),
        }
    }
}

/// Any error of what opens a ledger.
pub type OpenFailure = Box<dyn std::error::Error + Send + Sync>;
/// Opens the ledger, at each start anew.
pub type OpenLedger = Box<dyn FnMut() -> Result<Box<dyn JobLedger>, OpenFailure> + Send>;
/// The clock of leases and retries. Processes that share a ledger have to agree on it.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;
/// Where random numbers come from.
pub type Random = Arc<Mutex<dyn FnMut() -> u64 + Send>>;

/// Two handlers of one kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are two handlers for jobs of the kind {kind}")]
pub struct DuplicateHandler {
    /// Of which kind.
    pub kind: String,
}

/// The ledger could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("the worker cannot open its jobs: {source}")]
pub struct StartError {
    /// Why not.
    pub source: OpenFailure,
}

/// What a start changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It runs now.
    Now,
    /// It ran already.
    Already,
}

/// A job that a stop ended before its handler was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelledJob {
    /// Which.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// Its cause.
    pub cause: String,
    /// Whether it waits again. If not, its handler did not let go or the ledger failed, and it
    /// waits again when its lease runs out.
    pub released: bool,
}

/// What a stop left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StopReport {
    /// Jobs whose handlers ended after the stop was asked for, well or badly.
    pub finished: u64,
    /// Jobs whose handlers were ended by it.
    pub cancelled: Vec<CancelledJob>,
    /// Jobs of the worker's kinds that wait in the ledger. `None`: it did not run, or the ledger
    /// failed.
    pub waiting: Option<u64>,
    /// How long it took.
    pub elapsed: Duration,
}

/// What came of working off what was due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkedOff {
    /// Jobs that were done.
    pub done: u64,
    /// Tries that failed, of jobs that are tried again.
    pub failed: u64,
    /// Jobs that failed for good.
    pub dead: u64,
    /// Jobs that were given up.
    pub discarded: u64,
    /// Jobs whose lease ran out before they were recorded: they belong to somebody else.
    pub lost: u64,
    /// Jobs of the worker's kinds that wait for later.
    pub waiting: u64,
}

/// Why what was due was not worked off.
#[derive(Debug, thiserror::Error)]
pub enum WorkOffError {
    /// The ledger could not be opened.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The ledger failed. Jobs in work were dropped where they waited, and freed if that could still
    /// be recorded.
    #[error(transparent)]
    Ledger(#[from] JobLedgerError),
}

/// Tells a worker that there may be something to do. Clones tell the same worker.
#[derive(Clone, Debug)]
pub struct Notifier(Arc<Notify>);

impl Notifier {
    /// Has it look at the ledger now. Told to one that is stopped, it changes nothing.
    pub fn notify(&self) {
        self.0.notify_one();
    }
}

/// A handler, and what it said of itself.
struct Registered {
    handler: Arc<dyn JobHandler>,
    kind: String,
    most_time: Duration,
    side_by_side: usize,
}

/// Does jobs with handlers, one ledger and its share of the machine.
///
/// Whatever a handler does costs its own job alone: one that fails or panics is tried again under the
/// [policy](WorkerSettings::retry) and then dead. A ledger that fails is asked again after a pause.
/// Several workers, also of other processes, may share a ledger.
///
/// Starting twice is harmless, so is stopping twice or before a start, and what was stopped can be
/// started again; jobs wait in the ledger meanwhile. A worker that is dropped drops its handlers where
/// they wait, and its jobs are free when their leases run out.
pub struct BackgroundWorker {
    handlers: Arc<[Registered]>,
    open: OpenLedger,
    clock: Clock,
    random: Random,
    settings: WorkerSettings,
    wake: Arc<Notify>,
    /// The run, if there is one: never more.
    run: JoinSet<StopReport>,
    /// Until when it drains; `None` before a stop. Each run has its own.
    deadline: watch::Sender<Option<Instant>>,
}

impl fmt::Debug for BackgroundWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<&str> = self.handlers.iter().map(|of| of.kind.as_str()).collect();
        f.debug_struct("BackgroundWorker")
            .field("kinds", &kinds)
            .field("settings", &self.settings)
            .field("is_running", &!self.run.is_empty())
            .finish_non_exhaustive()
    }
}

impl BackgroundWorker {
    /// A worker that is not started.
    ///
    /// # Errors
    ///
    /// [`DuplicateHandler`] when two handlers are of one kind.
    pub fn new(
        handlers: Vec<Arc<dyn JobHandler>>,
        open: OpenLedger,
        clock: Clock,
        random: impl FnMut() -> u64 + Send + 'static,
        settings: WorkerSettings,
    ) -> Result<Self, DuplicateHandler> {
        let mut kinds = BTreeSet::new();
        let mut registered = Vec::with_capacity(handlers.len());
        for handler in handlers {
            let kind = handler.kind().to_owned();
            if !kinds.insert(kind.clone()) {
                return Err(DuplicateHandler { kind });
            }
            registered.push(Registered {
                kind,
                most_time: handler.most_time(),
                side_by_side: handler.side_by_side().max(1),
                handler,
            });
        }
        Ok(Self {
            handlers: registered.into(),
            open,
            clock,
            random: Arc::new(Mutex::new(random)),
            settings: WorkerSettings {
                lease: settings.lease.max(Duration::from_millis(3)),
                poll: settings.poll.max(Duration::from_millis(1)),
                ..settings
            },
            wake: Arc::new(Notify::new()),
            run: JoinSet::new(),
            deadline: watch::Sender::new(None),
        })
    }

    /// Opens the ledger and begins to work, on the runtime it is called in, which has timers.
    ///
    /// # Errors
    ///
    /// [`StartError`] when the ledger cannot be opened; it does not run then.
    ///
    /// # Panics
    ///
    /// If it is called outside of a tokio runtime.
    pub fn start(&mut self) -> Result<Started, StartError> {
        if self.is_running() {
            return Ok(Started::Already);
        }
        let ledger = (self.open)().map_err(|source| StartError { source })?;
        let (deadline, stop) = watch::channel(None);
        self.deadline = deadline;
        let run = Run::new(self, ledger, stop);
        self.run.spawn(run.work());
        Ok(Started::Now)
    }

    /// Does every job that is due, and what follows from them, until none is; what is due later stays,
    /// and what somebody else holds. It needs no start, and goes well beside other workers. Dropped,
    /// it drops its handlers where they wait, and its jobs are free when their leases run out.
    ///
    /// # Errors
    ///
    /// [`WorkOffError`] when the ledger cannot be opened or fails; it is not asked again. A job that
    /// fails is none: it is counted.
    ///
    /// # Panics
    ///
    /// If it is called outside of a tokio runtime with timers.
    pub async fn work_off(&mut self) -> Result<WorkedOff, WorkOffError> {
        let ledger = (self.open)().map_err(|source| StartError { source })?;
        let (_never_stopped, stop) = watch::channel(None);
        Ok(Run::new(self, ledger, stop).work_off().await?)
    }

    /// Whether it works.
    pub fn is_running(&mut self) -> bool {
        while let Some(ended) = self.run.try_join_next() {
            if let Err(panic) = ended {
                error!(%panic, "the worker ended where it should not");
            }
        }
        !self.run.is_empty()
    }

    /// Has it look at the ledger now.
    pub fn notify(&self) {
        self.wake.notify_one();
    }

    /// Something that can [notify](Self::notify) it from elsewhere.
    pub fn notifier(&self) -> Notifier {
        Notifier(Arc::clone(&self.wake))
    }

    /// Stops: claims nothing more, lets handlers end until `deadline` from now, then drops them where
    /// they wait and frees their jobs. May be dropped and called again, which sets the deadline anew.
    pub async fn stop(&mut self, deadline: Duration) -> StopReport {
        let begun = timer::now();
        if self.run.is_empty() {
            return StopReport::default();
        }
        let until = begun.checked_add(deadline.min(FOR_EVER)).unwrap_or(begun);
        self.deadline.send_replace(Some(until));
        let report = match self.run.join_next().await {
            Some(Ok(report)) => report,
            Some(Err(panic)) => {
                error!(%panic, "the worker ended where it should not");
                StopReport::default()
            }
            None => StopReport::default(),
        };
        StopReport {
            elapsed: begun.elapsed(),
            ..report
        }
    }
}
