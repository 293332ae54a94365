//! What jobs and backups cost, beside SQLite and the disk.
//!
//! - `background_speed jobs FOLDER` enqueues, claims and settles jobs: one by one with durable commits,
//!   in turn with a bare loop of the same three statements, and in batches.
//! - `background_speed waiting DATABASE COUNT` adds jobs until COUNT wait, and does some more among them.
//! - `background_speed backup FOLDER MEGABYTES` copies a database of so many megabytes while somebody
//!   writes to it, in turn with a plain copy and an `fsync`.
//!
//! Figures are lines of a name and a number, in seconds unless the name says otherwise.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use decnet_background::backup::{BackupFacts, BackupTarget, Copying};
use decnet_background::job::{JobId, NewJob};
use decnet_background::ledger::{Ending, JobLedger, Settled, Wanted};
use decnet_store::{Durability, OpenOptions, Store};
use rusqlite::Connection;
use serde_json::json;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Jobs that are done one by one.
const SINGLE: usize = 600;
/// Jobs of a batch, and batches.
const BATCH: usize = 1_000;
const BATCHES: usize = 20;
/// Jobs that are enqueued in a commit that there is anyway.
const TOGETHER: usize = 100;
/// Jobs that are done among those that wait.
const LOOKS: usize = 2_000;
/// Copies of which the median is taken.
const ROUNDS: usize = 5;
/// Bytes of the payloads in a database that is copied: about a mail.
const PAYLOAD: usize = 4_000;
/// How long the writer rests between two commits.
const REST: Duration = Duration::from_millis(20);
/// Commits that were made beside backups.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["jobs", folder] => jobs(Path::new(folder)),
        ["waiting", database, count] => waiting(Path::new(database), count.parse()?),
        ["backup", folder, megabytes] => backup(Path::new(folder), megabytes.parse()?),
        _ => Err(
            "usage: background_speed jobs FOLDER | waiting DATABASE COUNT | \
                  backup FOLDER MEGABYTES"
                .into(),
        ),
    }
}

fn open(path: &Path, durability: Durability) -> Result<Store> {
    let options = OpenOptions {
        durability,
        ..OpenOptions::default()
    };
    Ok(Store::open(path, options)?)
}

#[expect(clippy::print_stdout, reason = "it reports")]
fn print(name: &str, value: f64) {
    println!("{name} {value}");
}

fn print_median(name: &str, mut values: Vec<f64>) {
    print(name, at_share(&mut values, 50));
}

/// The value that so many per cent stay below.
fn at_share(values: &mut [f64], per_cent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() * per_cent / 100).min(values.len().saturating_sub(1));
    values.get(index).copied().unwrap_or(f64::NAN)
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let begun = Instant::now();
    let value = work()?;
    Ok((value, begun.elapsed().as_secs_f64()))
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn job(number: usize) -> NewJob {
    NewJob::new(
        "memory.remember",
        format!("mail {number}"),
        json!({ "mail": number }),
    )
}

fn wanted(most: usize) -> [Wanted<'static>; 1] {
    [Wanted {
        kind: "memory.remember",
        most,
    }]
}

fn done(id: JobId, token: u32) -> Settled {
    Settled {
        id,
        token,
        ending: Ending::Done,
    }
}

// Jobs one by one and in batches.

fn jobs(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut store = open(&folder.join("jobs.db"), Durability::Full)?;
    let bare_path = folder.join("bare.db");
    drop(open(&bare_path, Durability::Full)?);
    let connection = Connection::open(&bare_path)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 128")?;
    let mut bare = Bare::new(&connection)?;
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for number in 0..SINGLE {
        // Taking turns, so that both meet the same disk.
        limit.push(timed(|| bare.job(number))?.1);
        ours.push(timed(|| one_job(&mut store, number))?.1);
    }
    print("job_mean_s", ours.iter().sum::<f64>() / SINGLE as f64);
    print("bare_job_mean_s", limit.iter().sum::<f64>() / SINGLE as f64);
    print_median("job_s", ours);
    print_median("bare_job_s", limit);
    drop(store);
    let mut store = open(&folder.join("batches.db"), Durability::Full)?;
    let mut steps = [0.0; 3];
    for batch in 0..BATCHES {
        for (sum, seconds) in steps.iter_mut().zip(one_batch(&mut store, batch)?) {
            *sum += seconds;
        }
    }
    let count = (BATCH * BATCHES) as f64;
    print("batched_jobs_per_s", count / steps.iter().sum::<f64>());
    for (name, seconds) in ["enqueue", "claim", "settle"].iter().zip(steps) {
        print(&format!("batched_{name}_each_s"), seconds / count);
    }
    let mut times = Vec::new();
    for batch in 0..BATCHES {
        times.push(timed(|| bare.batch(SINGLE + batch * BATCH))?.1);
    }
    print("bare_batched_jobs_per_s", count / times.iter().sum::<f64>());
    Ok(())
}

fn one_job(store: &mut Store, number: usize) -> Result<()> {
    store.enqueue(&[job(number)], now())?;
    let claimed = store.claim(&wanted(1), now(), now() + TimeDelta::seconds(60))?;
    let job = claimed.first().ok_or("nothing was claimed")?;
    store.settle(&[(done(job.id, job.token), Vec::new())], now())?;
    Ok(())
}

/// A batch enqueued, claimed and settled; how long each took.
fn one_batch(store: &mut Store, batch: usize) -> Result<[f64; 3]> {
    let new: Vec<NewJob> = (0..BATCH)
        .map(|number| job(batch * BATCH + number))
        .collect();
    let (_, enqueue) = timed(|| Ok(store.enqueue(&new, now())?))?;
    let lease_until = now() + TimeDelta::seconds(60);
    let (claimed, claim) = timed(|| Ok(store.claim(&wanted(BATCH), now(), lease_until)?))?;
    let settled = claimed
        .iter()
        .map(|job| (done(job.id, job.token), Vec::new()));
    let settled = settled.collect::<Vec<_>>();
    let (_, settle) = timed(|| Ok(store.settle(&settled, now())?))?;
    Ok([enqueue, claim, settle])
}

/// The same three statements on the same table, without anything around them.
struct Bare<'c> {
    connection: &'c Connection,
    insert: rusqlite::Statement<'c>,
    claim: rusqlite::Statement<'c>,
    settle: rusqlite::Statement<'c>,
}

impl<'c> Bare<'c> {
    fn new(connection: &'c Connection) -> Result<Self> {
        Ok(Self {
            connection,
            insert: connection.prepare(
                "INSERT INTO job (kind, cause, payload, enqueued_at, due_at)
                 VALUES ('memory.remember', ?1, '{\"mail\":1}', 1, 1)",
            )?,
            claim: connection.prepare(
                "UPDATE job SET state = 'running', token = token + 1, due_at = ?1 WHERE id = (
                     SELECT id FROM job
                     WHERE kind = 'memory.remember' AND priority = 0 AND due_at < ?1
                     ORDER BY due_at, id LIMIT 1) RETURNING id",
            )?,
            settle: connection.prepare(
                "UPDATE job SET state = 'done', due_at = NULL, settled_at = 7, payload = NULL
                 WHERE id = ?1",
            )?,
        })
    }

    fn enqueue(&mut self, number: usize) -> Result<()> {
        self.insert.execute([format!("bare {number}")])?;
        Ok(())
    }

    fn claim(&mut self) -> Result<i64> {
        let lease_until = now().timestamp_micros() + 60_000_000;
        Ok(self.claim.query_row([lease_until], |row| row.get(0))?)
    }

    fn settle(&mut self, id: i64) -> Result<()> {
        self.settle.execute([id])?;
        Ok(())
    }

    fn job(&mut self, number: usize) -> Result<()> {
        self.enqueue(number)?;
        let id = self.claim()?;
        self.settle(id)
    }

    fn batch(&mut self, from: usize) -> Result<()> {
        let connection = self.connection;
        let together = |work: &mut dyn FnMut() -> Result<()>| -> Result<()> {
            connection.execute_batch("BEGIN IMMEDIATE")?;
            work()?;
            Ok(connection.execute_batch("COMMIT")?)
        };
        together(&mut || (from..from + BATCH).try_for_each(|number| self.enqueue(number)))?;
        let mut ids = Vec::new();
        together(&mut || {
            for _ in 0..BATCH {
                ids.push(self.claim()?);
            }
            Ok(())
        })?;
        together(&mut || ids.iter().try_for_each(|id| self.settle(*id)))
    }
}

// Jobs among many that wait.

fn waiting(database: &Path, count: usize) -> Result<()> {
    // What a commit waits for is the disk, and that is measured above.
    let mut store = open(database, Durability::ProcessOnly)?;
    let connection = Connection::open(database)?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 128")?;
    let number = |sql: &str| -> Result<usize> {
        let number: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        Ok(usize::try_from(number)?)
    };
    let there = number("SELECT count(*) FROM job WHERE state = 'waiting'")?;
    let made = number("SELECT coalesce(max(id), 0) FROM job")?;
    let mut next = made;
    while next - made < count.saturating_sub(there) {
        let end = (next + BATCH).min(made + count - there);
        let new: Vec<NewJob> = (next..end).map(job).collect();
        store.enqueue(&new, now())?;
        next = end;
    }
    let mut bare = Bare::new(&connection)?;
    let (mut enqueue, mut claim, mut settle) = (Vec::new(), Vec::new(), Vec::new());
    let (mut bare_enqueue, mut bare_claim, mut bare_settle) = (Vec::new(), Vec::new(), Vec::new());
    for number in next..next + LOOKS {
        enqueue.push(timed(|| Ok(store.enqueue(&[job(number)], now())?))?.1);
        let lease_until = now() + TimeDelta::seconds(60);
        let (claimed, seconds) = timed(|| Ok(store.claim(&wanted(1), now(), lease_until)?))?;
        claim.push(seconds);
        let job = claimed.first().ok_or("nothing was claimed")?;
        let settled = [(done(job.id, job.token), Vec::new())];
        settle.push(timed(|| Ok(store.settle(&settled, now())?))?.1);
        bare_enqueue.push(timed(|| bare.enqueue(number))?.1);
        let (id, seconds) = timed(|| bare.claim())?;
        bare_claim.push(seconds);
        bare_settle.push(timed(|| bare.settle(id))?.1);
    }
    next += LOOKS;
    print_median("enqueue_s", enqueue);
    print_median("bare_enqueue_s", bare_enqueue);
    print_median("claim_s", claim);
    print_median("bare_claim_s", bare_claim);
    print_median("settle_s", settle);
    print_median("bare_settle_s", bare_settle);
    // What each more costs in a commit that there is anyway.
    let mut each = Vec::new();
    for _ in 0..BATCHES {
        let new: Vec<NewJob> = (next..next + TOGETHER).map(job).collect();
        let (_, seconds) = timed(|| Ok(store.enqueue(&new, now())?))?;
        each.push(seconds / TOGETHER as f64);
        next += TOGETHER;
    }
    print_median("enqueue_each_s", each);
    // They are taken away again, so that as many wait as before.
    connection.execute(
        "DELETE FROM job WHERE id > (SELECT max(id) FROM job) - ?1",
        [i64::try_from(BATCHES * TOGETHER)?],
    )?;
    Ok(())
}

// Backups.

/// What one round of a backup measured, in seconds.
#[derive(Default)]
struct Copies {
    plain: Vec<f64>,
    pages: Vec<f64>,
    back_up: Vec<f64>,
    drill: Vec<f64>,
    most: Vec<f64>,
    per_cent: Vec<f64>,
    alone_most: Vec<f64>,
    alone_per_cent: Vec<f64>,
}

fn backup(folder: &Path, megabytes: usize) -> Result<()> {
    fs::create_dir_all(folder)?;
    let path = folder.join("large.db");
    let mut store = open(&path, Durability::ProcessOnly)?;
    fill(&mut store, &path, megabytes)?;
    drop(store);
    let mut copies = Copies::default();
    for _ in 0..ROUNDS {
        let plain = folder.join("plain.db");
        rustix::fs::sync();
        // While nobody has it open: closing a file drops the locks of the whole process on it.
        copies.plain.push(timed(|| plain_copy(&path, &plain))?.1);
        fs::remove_file(&plain)?;
        rustix::fs::sync();
        let to = folder.join("copy.db");
        let mut store = open(&path, Durability::Full)?;
        let (backed_up, mut waits) = beside_a_writer(&path, || back_up(&mut store, &to))?;
        let (facts, pages, seconds) = backed_up;
        copies.pages.push(pages);
        copies.back_up.push(seconds);
        copies.most.push(at_share(&mut waits, 100));
        copies.per_cent.push(at_share(&mut waits, 99));
        copies
            .drill
            .push(timed(|| Ok(store.drill(&to, &facts)?))?.1);
        fs::remove_file(&to)?;
        drop(store);
        rustix::fs::sync();
        let rests = || {
            thread::sleep(Duration::from_secs_f64(seconds));
            Ok(())
        };
        let ((), mut waits) = beside_a_writer(&path, rests)?;
        copies.alone_most.push(at_share(&mut waits, 100));
        copies.alone_per_cent.push(at_share(&mut waits, 99));
    }
    print("bytes", fs::metadata(&path)?.len() as f64);
    let beside_plain = copies.plain.iter().zip(&copies.back_up);
    print_median(
        "ratio",
        beside_plain.map(|(plain, ours)| plain / ours).collect(),
    );
    let beside_plain = copies.plain.iter().zip(&copies.pages);
    print_median(
        "pages_ratio",
        beside_plain.map(|(plain, ours)| plain / ours).collect(),
    );
    print_median("plain_s", copies.plain);
    print_median("pages_s", copies.pages);
    print_median("back_up_s", copies.back_up);
    print_median("drill_s", copies.drill);
    print_median("commit_most_s", copies.most);
    print_median("commit_99_s", copies.per_cent);
    print_median("commit_alone_most_s", copies.alone_most);
    print_median("commit_alone_99_s", copies.alone_per_cent);
    Ok(())
}

/// Adds jobs with payloads of the size of a mail until the database is so large.
fn fill(store: &mut Store, path: &Path, megabytes: usize) -> Result<()> {
    let text = "a mail has about four thousand letters ".repeat(PAYLOAD.div_ceil(39));
    let mut next = 0;
    while fs::metadata(path)?.len() < megabytes as u64 * 1_000_000 {
        let new: Vec<NewJob> = (next..next + BATCH)
            .map(|number| NewJob {
                payload: json!(text),
                ..job(number)
            })
            .collect();
        store.enqueue(&new, now())?;
        next += BATCH;
    }
    Ok(())
}

fn plain_copy(from: &Path, to: &Path) -> Result<()> {
    let mut copy = File::create(to)?;
    io::copy(&mut File::open(from)?, &mut copy)?;
    Ok(copy.sync_all()?)
}

/// Makes a backup; how long its pages took, and all of it with counts and digest.
fn back_up(store: &mut Store, to: &Path) -> Result<(BackupFacts, f64, f64)> {
    let begun = Instant::now();
    let mut pages = 0.0;
    let mut watch = |_: Copying| {
        pages = begun.elapsed().as_secs_f64();
        ControlFlow::Continue(())
    };
    let facts = store.back_up(to, &mut watch)?;
    Ok((facts, pages, begun.elapsed().as_secs_f64()))
}

/// Does something while somebody else makes a durable commit every 20 ms; how long each took.
fn beside_a_writer<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<(T, Vec<f64>)> {
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| writes(path, &ends).map_err(|error| error.to_string()));
        let value = work();
        ends.store(true, Ordering::SeqCst);
        let waits = writer.join().map_err(|_| "the writer panicked")??;
        Ok((value?, waits))
    })
}

fn writes(path: &Path, ends: &AtomicBool) -> Result<Vec<f64>> {
    let mut store = open(path, Durability::Full)?;
    let mut waits = Vec::new();
    while !ends.load(Ordering::SeqCst) {
        let number = WRITTEN.fetch_add(1, Ordering::SeqCst);
        let one = [NewJob::new("other", number.to_string(), json!(number))];
        waits.push(timed(|| Ok(store.enqueue(&one, now())?))?.1);
        thread::sleep(REST);
    }
    Ok(waits)
}
