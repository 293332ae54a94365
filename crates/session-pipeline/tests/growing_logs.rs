//! However a log grows, rotates, shrinks or is replaced, and whenever a run dies: what is recorded
//! is what one clean reading of everything that was written would record, once.

mod support;

use std::collections::HashMap;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use decnet_session_pipeline::ledger::{
    Batch, Begun, FailedAttempt, LogId, Progress, Quarantined, RecordedRun, RunId, RunReport,
    Sample, SessionLedger, SessionLedgerError, StoredRecord, WaitingNotice,
};
use decnet_session_pipeline::source::SourceKind;
use proptest::prelude::*;

use support::World;

/// What happens to a log, and to those who read it.
#[derive(Clone, Debug)]
enum Happens {
    /// Complete lines, of these lengths.
    Append(Vec<u16>),
    /// The beginning of a line.
    Half,
    /// Renamed, and a new one begun.
    Rotate,
    /// Renamed; the new one comes later.
    RenameAway,
    /// Copied, and cut to nothing.
    CopyTruncate,
    /// Cut to nothing, after it was read.
    Truncate,
    /// Another file in its place, after it was read.
    Replace(Vec<u16>),
    /// Deleted and made again: the inode comes back.
    Recreate,
    /// Moved to another inode as it is.
    CopyOver,
    /// A run, in batches of so many bytes.
    Run(u64),
    /// A run that dies at its nth write.
    Die(u32, u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let lengths = || proptest::collection::vec(0_u16..6000, 1..6);
    prop_oneof![
        4 => lengths().prop_map(Happens::Append),
        2 => Just(Happens::Half),
        2 => Just(Happens::Rotate),
        1 => Just(Happens::RenameAway),
        1 => Just(Happens::CopyTruncate),
        1 => Just(Happens::Truncate),
        1 => lengths().prop_map(Happens::Replace),
        1 => Just(Happens::Recreate),
        1 => Just(Happens::CopyOver),
        3 => (1_u64..9000).prop_map(Happens::Run),
        2 => ((0_u32..4), (1_u64..9000)).prop_map(|(at, batch)| Happens::Die(at, batch)),
    ]
}

/// Rotated files that are kept.
const KEPT: u32 = 3;

struct Writer {
    world: World,
    rotates: bool,
    /// Complete lines, in order.
    written: Vec<String>,
    /// What the last line has so far.
    half: String,
    lines: u32,
    /// The clock of the file system: each change is a second later.
    ticks: u64,
}

impl Writer {
    fn new(rotates: bool) -> Self {
        let world = if rotates {
            World::rotating()
        } else {
            World::new()
        };
        if !rotates {
            fs::create_dir(world.path("ana")).unwrap();
        }
        Self {
            world,
            rotates,
            written: Vec::new(),
            half: String::new(),
            lines: 0,
            ticks: 0,
        }
    }

    fn name(&self) -> &'static str {
        if self.rotates { "log" } else { "ana/log.jsonl" }
    }

    fn touch(&mut self, name: &str) {
        self.ticks += 1;
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + self.ticks);
        let file = File::options()
            .append(true)
            .open(self.world.path(name))
            .unwrap();
        file.set_modified(time).unwrap();
    }

    fn lines(&mut self, lengths: &[u16]) -> String {
        let mut text = String::new();
        for length in lengths {
            self.lines += 1;
            let begun = std::mem::take(&mut self.half);
            let rest = format!("{} {}", self.lines, "x".repeat(usize::from(*length)));
            self.written.push(format!("{begun}{rest}"));
            text.push_str(&rest);
            text.push('\n');
        }
        text
    }

    fn append(&mut self, text: &str) {
        self.world.append(self.name(), text);
        self.touch(self.name());
    }

    fn exists(&self) -> bool {
        self.world.path(self.name()).exists()
    }

    /// Older files make room, and one that was not read yet is not thrown away.
    fn shift(&mut self) {
        let number = |number: u32| format!("log.{number}");
        if self.world.path(&number(KEPT)).exists() {
            self.run(u64::MAX);
            fs::remove_file(self.world.path(&number(KEPT))).unwrap();
        }
        for at in (1..KEPT).rev() {
            let from = self.world.path(&number(at));
            if from.exists() {
                fs::rename(from, self.world.path(&number(at + 1))).unwrap();
            }
        }
    }

    fn run(&mut self, batch: u64) {
        self.world.settings.batch = batch;
        let report = self.world.run();
        assert_eq!(report.counts.errors, 0, "{report:?}");
    }

    fn is_recorded(&mut self, story: &[Happens]) {
        let recorded = self.world.recorded();
        if recorded != self.written {
            // The beginnings tell the lines apart.
            let short = |lines: &[String]| -> Vec<String> {
                let short = lines.iter().map(|line| line.chars().take(12).collect());
                short.collect()
            };
            assert_eq!(short(&recorded), short(&self.written), "{story:?}");
            panic!("the lines differ behind their beginnings: {story:?}");
        }
    }

    fn happens(&mut self, what: &Happens) {
        match what {
            Happens::Append(lengths) => {
                let text = self.lines(lengths);
                self.append(&text);
            }
            Happens::Half => {
                self.lines += 1;
                let text = format!("half {} ", self.lines);
                self.append(&text);
                self.half.push_str(&text);
            }
            Happens::Run(batch) => self.run(*batch),
            Happens::Die(at, batch) => {
                self.world.settings.batch = *batch;
                let mut dying = Dying {
                    ledger: Box::new(self.world.ledger.clone()),
                    left: *at,
                };
                // Whether it dies depends on how much there is to do.
                let _ = self.world.run_with(&mut dying);
            }
            _ if !self.exists() => {}
            Happens::Rotate | Happens::RenameAway if self.rotates => {
                self.shift();
                fs::rename(self.world.path("log"), self.world.path("log.1")).unwrap();
                self.half.clear();
                if matches!(what, Happens::Rotate) {
                    self.append("");
                }
            }
            Happens::CopyTruncate if self.rotates => {
                self.shift();
                fs::copy(self.world.path("log"), self.world.path("log.1")).unwrap();
                self.touch("log.1");
                File::create(self.world.path("log")).unwrap();
                self.touch("log");
                self.half.clear();
            }
            Happens::Truncate => {
                self.run(u64::MAX);
                File::create(self.world.path(self.name())).unwrap();
                self.touch(self.name());
                self.half.clear();
            }
            Happens::Replace(lengths) => {
                self.run(u64::MAX);
                self.half.clear();
                let text = self.lines(lengths);
                let other = self.world.path("other");
                fs::write(&other, text).unwrap();
                fs::rename(other, self.world.path(self.name())).unwrap();
                self.touch(self.name());
            }
            Happens::Recreate => {
                self.run(u64::MAX);
                fs::remove_file(self.world.path(self.name())).unwrap();
                self.half.clear();
                self.append("");
            }
            Happens::CopyOver => {
                let other = self.world.path("other");
                fs::copy(self.world.path(self.name()), &other).unwrap();
                fs::rename(other, self.world.path(self.name())).unwrap();
                self.touch(self.name());
            }
            Happens::Rotate | Happens::RenameAway | Happens::CopyTruncate => {}
        }
    }
}

/// A ledger that fails after some writes, as if the process had died there.
struct Dying {
    ledger: Box<dyn SessionLedger>,
    left: u32,
}

impl Dying {
    fn write(&mut self) -> Result<(), SessionLedgerError> {
        self.left = self.left.checked_sub(1).ok_or(SessionLedgerError::Busy {
            detail: "died".to_owned(),
        })?;
        Ok(())
    }
}

impl SessionLedger for Dying {
    fn begin_run(
        &mut self,
        processor: &str,
        version: u32,
        started_by: &str,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<Begun, SessionLedgerError> {
        self.ledger.begin_run(processor, version, started_by, now)
    }

    fn end_run(
        &mut self,
        run: RunId,
        report: &RunReport,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<(), SessionLedgerError> {
        self.ledger.end_run(run, report, now)
    }

    fn progress(
        &mut self,
        processor: &str,
        source: &str,
    ) -> Result<HashMap<String, Progress>, SessionLedgerError> {
        self.ledger.progress(processor, source)
    }

    fn state(
        &mut self,
        processor: &str,
        log: LogId,
    ) -> Result<Option<Vec<u8>>, SessionLedgerError> {
        self.ledger.state(processor, log)
    }

    fn record_progress(
        &mut self,
        run: RunId,
        processor: &str,
        version: u32,
        batches: &[Batch],
    ) -> Result<(), SessionLedgerError> {
        self.write()?;
        self.ledger
            .record_progress(run, processor, version, batches)
    }

    fn record_samples(
        &mut self,
        run: RunId,
        processor: &str,
        version: u32,
        samples: &[Sample],
    ) -> Result<(), SessionLedgerError> {
        self.write()?;
        self.ledger.record_samples(run, processor, version, samples)
    }

    fn record_failure(
        &mut self,
        run: RunId,
        processor: &str,
        version: u32,
        attempt: &FailedAttempt,
    ) -> Result<(), SessionLedgerError> {
        self.write()?;
        self.ledger.record_failure(run, processor, version, attempt)
    }

    fn quarantined(&mut self) -> Result<Vec<Quarantined>, SessionLedgerError> {
        self.ledger.quarantined()
    }

    fn replay(
        &mut self,
        source: &str,
        key: &str,
        processor: Option<&str>,
    ) -> Result<u64, SessionLedgerError> {
        self.ledger.replay(source, key, processor)
    }

    fn runs(
        &mut self,
        processor: &str,
        limit: usize,
    ) -> Result<Vec<RecordedRun>, SessionLedgerError> {
        self.ledger.runs(processor, limit)
    }

    fn for_each_record(
        &mut self,
        processor: &str,
        kind: &str,
        each: &mut dyn FnMut(StoredRecord),
    ) -> Result<(), SessionLedgerError> {
        self.ledger.for_each_record(processor, kind, each)
    }

    fn for_each_record_since(
        &mut self,
        processor: &str,
        after: i64,
        each: &mut dyn FnMut(StoredRecord),
    ) -> Result<i64, SessionLedgerError> {
        self.ledger.for_each_record_since(processor, after, each)
    }

    fn log_counts(&mut self) -> Result<Vec<(SourceKind, u64)>, SessionLedgerError> {
        self.ledger.log_counts()
    }

    fn record_counts(&mut self, processor: &str) -> Result<Vec<(String, u64)>, SessionLedgerError> {
        self.ledger.record_counts(processor)
    }

    fn notices(&mut self, limit: usize) -> Result<Vec<WaitingNotice>, SessionLedgerError> {
        self.ledger.notices(limit)
    }

    fn forget_notices(&mut self, ids: &[i64]) -> Result<(), SessionLedgerError> {
        self.ledger.forget_notices(ids)
    }
}

fn check(rotates: bool, story: &[Happens]) {
    let mut writer = Writer::new(rotates);
    for what in story {
        writer.happens(what);
    }
    // The writer goes on in the end, so that nothing is left behind in a file it has left.
    writer.happens(&Happens::Append(vec![3]));
    writer.run(u64::MAX);
    writer.is_recorded(story);
    writer.run(u64::MAX);
    writer.is_recorded(story);
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_rotating_log_is_read_once(story in proptest::collection::vec(happens(), 1..30)) {
        check(true, &story);
    }

    #[test]
    fn a_session_is_read_once(story in proptest::collection::vec(happens(), 1..30)) {
        check(false, &story);
    }
}
