//! Many processors over session logs that grow, each at its own pace, nothing lost.
//!
//! A deception network learns by reading what happened: sessions of intruders on decoys, and
//! transcripts of agents. Their logs keep growing while they are read, rotate, are cut and replaced.
//! A [`Processor`](processor::Processor) reads new complete lines and produces
//! [records](record::Record); a [run](runner::Run) brings every log that has something new to one
//! processor and commits, in one transaction, what it found and how far it has read.
//!
//! What holds:
//!
//! - A record is written once, whatever dies when: records and [checkpoint](file_identity::Checkpoint)
//!   commit together.
//! - A file is known by [what it holds](file_identity), not by its name or inode.
//! - A line that cannot be read is counted with its position and skipped; it costs no other line.
//! - A log that a processor cannot read is tried again after a growing pause, then set aside. It
//!   holds up no other log and no other processor.
//! - Memory is bounded, whatever the files hold.
//!
//! What this crate does not do: it never writes to a log, never reads the clock, the environment or
//! a configuration, opens no connection, and knows no database: state is behind
//! [`SessionLedger`](ledger::SessionLedger), a language model behind
//! [`FactExtractor`](processors::verification::extractor::FactExtractor).
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use std::time::{Duration, Instant};
//!
//! use decnet_session_pipeline::memory_ledger::MemorySessionLedger;
//! use decnet_session_pipeline::processors::usage::{Usage, UsageBy, UsageReport};
//! use decnet_session_pipeline::runner::{Ran, Run, RunSettings};
//! use decnet_session_pipeline::source::{FolderName, Source, SourceKind};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! std::fs::create_dir(folder.path().join("ana"))?;
//! std::fs::write(
//!     folder.path().join("ana/session.jsonl"),
//!     r#"{"type": "assistant", "message": {"model": "m", "usage": {"output_tokens": 7}}}
//! "#,
//! )?;
//! let sources = [Source {
//!     name: "agents".to_owned(),
//!     kind: SourceKind::Agent,
//!     path: folder.path().to_owned(),
//!     decky: None,
//! }];
//! let mut ledger = MemorySessionLedger::default();
//! let started = Instant::now();
//! let run = Run {
//!     processor: &Usage::default(),
//!     sources: &sources,
//!     identity: &FolderName,
//!     settings: &RunSettings::new("an example"),
//!     wall_clock: &|| chrono::DateTime::UNIX_EPOCH,
//!     elapsed: &|| started.elapsed(),
//!     stop: &AtomicBool::new(false),
//!     on_step: &mut |_| {},
//! };
//! let Ran::Done(report) = run.once(&mut ledger)? else {
//!     panic!("somebody else runs it");
//! };
//! assert_eq!(report.counts.processed, 1);
//! let usage = UsageReport::read(&mut ledger, UsageBy::User)?;
//! assert_eq!(usage.rows[0].name, "ana");
//! assert_eq!(usage.total.output_tokens, 7);
//! # Ok(())
//! # }
//! ```

pub mod conformance;
pub mod file_identity;
pub mod json;
pub mod ledger;
pub mod lines;
mod log_files;
pub mod memory_ledger;
pub mod processor;
pub mod processors;
pub mod record;
pub mod registry;
pub mod runner;
pub mod scan;
pub mod schedule;
pub mod source;

/// The page about processors, whose example is compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/processors.md")]
struct Processors;
