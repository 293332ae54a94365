//! Work that nobody waits for: durable jobs, ticks, and backups that are proven to restore.
//!
//! A [`NewJob`](job::NewJob) is enqueued in a [`JobLedger`](ledger::JobLedger), by SQL in the same
//! transaction as what caused it or through [`enqueue`](ledger::JobLedger::enqueue). A
//! [`BackgroundWorker`](worker::BackgroundWorker) claims what is due under a lease, gives it to the
//! [`JobHandler`](handler::JobHandler) of its kind, and records how it ended under a fencing token: who
//! lost the lease can record nothing. A job is done at least once. Its effect carries its cause as a
//! unique key, and so happens once.
//!
//! A [`TickLoop`](tick_loop::TickLoop) does something again and again, and a
//! [`Nightly`](schedule::Nightly) says when something is due that happens once a night.
//! [`Backups`](backup::Backups) keeps copies of a [`BackupTarget`](backup::BackupTarget), each of
//! which was opened and compared before it counts.
//!
//! Everything here can be stopped at once, twice, and started again. This crate knows nothing of what
//! jobs mean, and names no database. It never reads the clock, the environment or a source of
//! randomness; what it needs of them is an argument. Only [`backup`] touches files.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use std::time::Duration;
//!
//! use async_trait::async_trait;
//! use chrono::{DateTime, TimeDelta, Utc};
//! use decnet_background::handler::{JobHandler, Outcome};
//! use decnet_background::job::{ClaimedJob, NewJob};
//! use decnet_background::ledger::JobLedger;
//! use decnet_background::memory_ledger::MemoryJobLedger;
//! use decnet_background::worker::{BackgroundWorker, WorkerSettings};
//! use serde_json::json;
//! use tokio::sync::mpsc;
//!
//! struct Greeter(mpsc::UnboundedSender<String>);
//!
//! #[async_trait]
//! impl JobHandler for Greeter {
//!     fn kind(&self) -> &str {
//!         "greet"
//!     }
//!
//!     async fn handle(&self, job: &ClaimedJob) -> Outcome {
//!         match self.0.send(format!("hello {}", job.payload)) {
//!             Ok(()) => Outcome::done(),
//!             Err(_) => Outcome::Discard { why: "nobody listens".to_owned() },
//!         }
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let now: DateTime<Utc> = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
//! let mut ledger = MemoryJobLedger::new();
//! let opened = ledger.clone();
//! let (sender, mut greetings) = mpsc::unbounded_channel();
//! let mut worker = BackgroundWorker::new(
//!     vec![Arc::new(Greeter(sender))],
//!     Box::new(move || Ok(Box::new(opened.clone()))),
//!     Arc::new(move || now),
//!     || 4,
//!     WorkerSettings::default(),
//! )?;
//! worker.start()?;
//! ledger.enqueue(&[NewJob::new("greet", "ana", json!("Ana"))], now)?;
//! worker.notify();
//! assert_eq!(greetings.recv().await.as_deref(), Some("hello \"Ana\""));
//! let report = worker.stop(Duration::from_secs(10)).await;
//! assert_eq!((report.cancelled.len(), report.waiting), (0, Some(0)));
//! # Ok(())
//! # })
//! # }
//! ```

pub mod handler;
pub mod job;
pub mod retry;

pub mod conformance;
pub mod disabled;
pub mod ledger;
pub mod memory_ledger;

pub mod worker;

mod caught;
pub mod stop;
pub mod tick_loop;
mod timer;

pub mod backup;
pub mod schedule;
