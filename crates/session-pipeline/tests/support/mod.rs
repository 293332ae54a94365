//! A folder of logs, a processor that keeps every line, and a clock that stands still.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use decnet_session_pipeline::ledger::{RunReport, SessionLedger, SessionLedgerError};
use decnet_session_pipeline::lines::Lines;
use decnet_session_pipeline::memory_ledger::MemorySessionLedger;
use decnet_session_pipeline::processor::{Outcome, Processor, ProcessorError};
use decnet_session_pipeline::record::{Record, RecordId};
use decnet_session_pipeline::runner::{Ran, Run, RunSettings};
use decnet_session_pipeline::scan;
use decnet_session_pipeline::source::{FolderName, Log, Source, SourceKind};
use tempfile::TempDir;

/// What a poisoned line does.
#[allow(dead_code, reason = "each test file uses a part of it")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    Error,
    Panic,
    Unavailable,
}

/// One record for each line; its number in the log is the state.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    pub(crate) version: u32,
    pub(crate) poison: &'static str,
    pub(crate) failing: Failing,
    pub(crate) prefix: &'static str,
    /// The last byte of its states; others it cannot read.
    pub(crate) state_ending: u8,
}

impl Processor for Texts {
    fn name(&self) -> &str {
        "texts"
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn reads(&self) -> &[SourceKind] {
        &SourceKind::ALL
    }

    fn process(
        &self,
        _: &Log,
        lines: &mut Lines<'_>,
        state: Option<&[u8]>,
    ) -> Result<Outcome, ProcessorError> {
        let mut number = match state {
            None => 0,
            Some([number @ .., ending]) if *ending == self.state_ending => {
                u64::from_le_bytes(number.try_into().expect("eight bytes"))
            }
            Some(state) => {
                return Err(ProcessorError::State {
                    detail: "another ending".to_owned(),
                    bytes: state.len(),
                });
            }
        };
        let mut records = Vec::new();
        while let Some(line) = lines.next() {
            if line.text == self.poison {
                match self.failing {
                    Failing::Panic => panic!("at {}", line.text),
                    Failing::Unavailable => {
                        return Err(ProcessorError::Unavailable {
                            what: "model".to_owned(),
                            detail: "gone".to_owned(),
                        });
                    }
                    Failing::Error => {
                        return Err(ProcessorError::Failed {
                            detail: format!("{} found", line.text),
                            line: Some(line.number),
                        });
                    }
                }
            }
            number += 1;
            let id = format!("{}{number}", self.prefix);
            records.push(Record {
                kind: "text",
                id: RecordId::of(&[&id]),
                occurred_at: DateTime::from_timestamp(number.cast_signed(), 0),
                body: serde_json::json!({"text": format!("{}{}", self.prefix, line.text)})
                    .to_string(),
            });
        }
        Ok(Outcome {
            records,
            state: [&number.to_le_bytes()[..], &[self.state_ending]].concat(),
            notices: Vec::new(),
        })
    }
}

/// A folder of logs and everything that reads them.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) ledger: MemorySessionLedger,
    pub(crate) processor: Texts,
    pub(crate) settings: RunSettings,
    pub(crate) sources: Vec<Source>,
    now: AtomicI64,
    elapsed_millis: AtomicU64,
    /// How far each look at the stopwatch moves it.
    pub(crate) step_millis: AtomicU64,
}

#[allow(dead_code, reason = "each test file uses a part of it")]
impl World {
    /// Agents' sessions, none yet.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Source {
            name: "agents".to_owned(),
            kind: SourceKind::Agent,
            path: folder.path().to_owned(),
            decky: None,
        };
        Self::with(folder, source)
    }

    /// A log of a decky that rotates, `log` in the folder.
    pub(crate) fn rotating() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Source {
            name: "mail1".to_owned(),
            kind: SourceKind::Dovecot,
            path: folder.path().join("log"),
            decky: Some("mail1".to_owned()),
        };
        Self::with(folder, source)
    }

    fn with(folder: TempDir, source: Source) -> Self {
        Self {
            folder,
            ledger: MemorySessionLedger::default(),
            processor: Texts {
                version: 1,
                poison: "poison",
                failing: Failing::Error,
                prefix: "",
                state_ending: 0,
            },
            settings: RunSettings::new("a test"),
            sources: vec![source],
            now: AtomicI64::new(1_800_000_000),
            elapsed_millis: AtomicU64::new(0),
            step_millis: AtomicU64::new(0),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn append(&self, name: &str, text: &str) {
        let mut options = fs::OpenOptions::new();
        let file = options.append(true).create(true).open(self.path(name));
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.now.load(Ordering::Relaxed), 0).unwrap()
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    pub(crate) fn try_run(&mut self) -> Ran {
        let mut ledger = self.ledger.clone();
        self.run_with(&mut ledger).unwrap()
    }

    pub(crate) fn run_with(
        &mut self,
        ledger: &mut dyn SessionLedger,
    ) -> Result<Ran, SessionLedgerError> {
        let run = Run {
            processor: &self.processor,
            sources: &self.sources,
            identity: &FolderName,
            settings: &self.settings,
            wall_clock: &|| self.now(),
            elapsed: &|| {
                let step = self.step_millis.load(Ordering::Relaxed);
                Duration::from_millis(self.elapsed_millis.fetch_add(step, Ordering::Relaxed))
            },
            stop: &AtomicBool::new(false),
            on_step: &mut |_| {},
        };
        run.once(ledger)
    }

    pub(crate) fn run(&mut self) -> RunReport {
        match self.try_run() {
            Ran::Done(report) => report,
            Ran::Held { by } => panic!("held by {by:?}"),
        }
    }

    /// Every text that was recorded of one log, in order.
    pub(crate) fn recorded(&mut self) -> Vec<String> {
        let mut texts: Vec<(Option<DateTime<Utc>>, String)> = Vec::new();
        self.ledger
            .for_each_record("texts", "text", &mut |record| {
                let body: serde_json::Value = serde_json::from_str(&record.body).unwrap();
                let text = body["text"].as_str().unwrap().to_owned();
                texts.push((record.occurred_at, text));
            })
            .unwrap();
        texts.sort();
        texts.into_iter().map(|(_, text)| text).collect()
    }

    /// Every text that was recorded, sorted.
    pub(crate) fn texts(&mut self) -> Vec<String> {
        let mut texts = self.recorded();
        texts.sort();
        texts
    }

    /// The keys that a scan finds, and its problems.
    pub(crate) fn keys(&self) -> (Vec<String>, Vec<String>) {
        let mut keys = Vec::new();
        let problems = scan::logs(&self.sources[0], &mut |found| keys.push(found.key));
        keys.sort();
        keys.dedup();
        (keys, problems)
    }
}
