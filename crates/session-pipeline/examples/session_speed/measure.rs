//! What reading a folder of sessions costs: at the least, with a typed parser, and as decnet does it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chrono::DateTime;
use decnet_session_pipeline::ledger::RunCounts;
use decnet_session_pipeline::processors::usage::Usage;
use decnet_session_pipeline::runner::{Ran, Run, RunSettings};
use decnet_session_pipeline::source::{FolderName, Source, SourceKind};
use serde::Deserialize;

use crate::discarding_ledger::DiscardingLedger;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// As many as a run has.
const THREADS: usize = 2;
/// Bytes that are read at once; as large as the longest line here, and more.
const CHUNK: usize = 1 << 20;

/// The session files below `dir`, with their metadata looked at.
pub(crate) fn files(dir: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    for user in fs::read_dir(dir)? {
        for file in fs::read_dir(user?.path())? {
            let file = file?;
            files.push((file.path(), file.metadata()?.len()));
        }
    }
    Ok(files)
}

/// How long it takes at the least to look at each file.
pub(crate) fn walk(dir: &Path) -> Result<()> {
    let mut best = Duration::MAX;
    for _ in 0..7 {
        let start = Instant::now();
        files(dir)?;
        best = best.min(start.elapsed());
    }
    println!("walk_s {:.4}", best.as_secs_f64());
    Ok(())
}

/// Gives complete lines of every file to `each`, which answers with what to add up.
fn over_lines(files: &[(PathBuf, u64)], each: &(dyn Fn(&[u8]) -> u64 + Sync)) -> io::Result<u64> {
    let (next, total) = (AtomicUsize::new(0), AtomicU64::new(0));
    let work = || -> io::Result<()> {
        let mut buffer = vec![0; CHUNK];
        while let Some((path, _)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (mut file, mut filled, mut sum) = (File::open(path)?, 0, 0);
            loop {
                let read = file.read(&mut buffer[filled..])?;
                if read == 0 {
                    break;
                }
                filled += read;
                let mut start = 0;
                for end in memchr::memchr_iter(b'\n', &buffer[..filled]) {
                    sum += each(&buffer[start..end]);
                    start = end + 1;
                }
                buffer.copy_within(start..filled, 0);
                filled -= start;
            }
            total.fetch_add(sum, Ordering::Relaxed);
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or(Ok(())))
    })?;
    Ok(total.into_inner())
}

/// The least that can be asked of a row.
#[derive(Deserialize)]
struct BareRow<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a str>,
    #[serde(borrow)]
    uuid: Option<&'a str>,
    #[serde(borrow)]
    timestamp: Option<&'a str>,
    message: Option<BareMessage<'a>>,
}

#[derive(Deserialize)]
struct BareMessage<'a> {
    #[serde(borrow)]
    id: Option<&'a str>,
    #[serde(borrow)]
    model: Option<&'a str>,
    usage: Option<BareUsage>,
}

#[derive(Deserialize)]
struct BareUsage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

fn parse(line: &[u8]) -> u64 {
    let Ok(text) = std::str::from_utf8(line) else {
        return 0;
    };
    serde_json::from_str::<BareRow<'_>>(text).map_or(0, |row| {
        let length = |text: Option<&str>| text.map_or(0, str::len) as u64;
        let message = row.message.map_or(0, |message| {
            let usage = message.usage.map_or(0, |usage| {
                usage.input_tokens.unwrap_or(0) + usage.output_tokens.unwrap_or(0)
            });
            usage + length(message.id) + length(message.model)
        });
        message + length(row.kind) + length(row.uuid) + length(row.timestamp)
    })
}

/// Runs the processor of usage over `dir`, and keeps nothing.
fn extract(dir: &Path) -> Result<RunCounts> {
    let started = Instant::now();
    // Nothing here depends on when it is.
    let wall_clock = || DateTime::UNIX_EPOCH;
    let run = Run {
        processor: &Usage::default(),
        sources: &[Source {
            name: "sessions".to_owned(),
            kind: SourceKind::Agent,
            path: dir.to_owned(),
            decky: None,
        }],
        identity: &FolderName,
        settings: &RunSettings {
            readers: THREADS,
            ..RunSettings::new("session_speed")
        },
        wall_clock: &wall_clock,
        elapsed: &|| started.elapsed(),
        stop: &AtomicBool::new(false),
        on_step: &mut |_| {},
    };
    match run.once(&mut DiscardingLedger)? {
        Ran::Done(report) => Ok(report.counts),
        Ran::Held { .. } => Err("nobody can hold a ledger that keeps nothing".into()),
    }
}

/// Seconds that all threads of this process have computed, to a hundredth.
fn processor_seconds() -> Result<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program, in parentheses, may have spaces in it.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    Ok(ticks
        .map(str::parse::<f64>)
        .sum::<std::result::Result<f64, _>>()?
        / TICKS_A_SECOND)
}

/// Each figure is the best of several, taken in turn so that a busy moment hits all alike.
pub(crate) fn all(dir: &Path, rounds: usize) -> Result<()> {
    let files = files(dir)?;
    let bytes: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    let mut best = [Duration::MAX; 3];
    let mut processor_time = f64::MAX;
    let (mut lines, mut counts) = (0, RunCounts::default());
    for _ in 0..rounds.max(1) {
        let mut time = |at: usize, work: &mut dyn FnMut() -> Result<()>| -> Result<()> {
            let start = Instant::now();
            work()?;
            best[at] = best[at].min(start.elapsed());
            Ok(())
        };
        time(0, &mut || {
            lines = over_lines(&files, &|_| 1)?;
            Ok(())
        })?;
        time(1, &mut || {
            std::hint::black_box(over_lines(&files, &parse)?);
            Ok(())
        })?;
        time(2, &mut || {
            let before = processor_seconds()?;
            counts = extract(dir)?;
            processor_time = processor_time.min(processor_seconds()? - before);
            Ok(())
        })?;
    }
    let [bare, parsed, extracted] = best.map(|time| time.as_secs_f64());
    println!("files {}\nbytes {bytes}\nlines {lines}", files.len());
    println!("items {}\nbad_lines {}", counts.items, counts.bad_lines);
    println!("bare_s {bare:.4}\nparse_s {parsed:.4}\nextract_s {extracted:.4}");
    println!("extract_processor_s {processor_time:.2}");
    if counts.bytes != bytes {
        return Err(format!("{} of {bytes} bytes were read", counts.bytes).into());
    }
    Ok(())
}
