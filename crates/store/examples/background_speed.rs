//! What jobs and backups cost: `cargo run --release --example background_speed -- FOLDER [MEGABYTES]`.
//!
//! Jobs: enqueue, claim and settle, one by one with durable commits, beside a bare loop of the same
//! three statements; and in batches. Backup: a database of so many megabytes (default 1,024) under a
//! writer, beside a plain copy with an `fsync`. FOLDER is made, and holds two copies of it.

use std::error::Error;
use std::fs::{self, File};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use decnet_background::backup::BackupTarget;
use decnet_background::job::NewJob;
use decnet_background::ledger::{Ending, JobLedger, Settled, Wanted};
use decnet_store::{OpenOptions, Store};
use rusqlite::Connection;
use serde_json::json;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SINGLE: u32 = 300;
const ROUNDS: usize = 3;
const BATCH: usize = 1_000;
const BATCHES: usize = 20;
/// Commits that were made beside backups.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

#[expect(clippy::print_stdout, reason = "it reports")]
fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("which folder?")?;
    let megabytes: usize = arguments.next().map_or(Ok(1_024), |text| text.parse())?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let (mut ours, mut bare): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Taking turns, so that both meet the same disk.
        bare.push(rate(
            bare_jobs(&folder.join(format!("bare{round}.db")))?,
            SINGLE,
        ));
        ours.push(rate(jobs(&folder.join(format!("jobs{round}.db")))?, SINGLE));
    }
    println!("one by one, jobs/s: {ours:.0?}, bare loop {bare:.0?}");
    let batches = batches(&folder.join("batches.db"))?;
    let count = u32::try_from(BATCH * BATCHES)?;
    println!("in batches of {BATCH}: {:.0} jobs/s", rate(batches, count));
    if megabytes > 0 {
        backup(folder, megabytes)?;
    }
    Ok(())
}

fn rate(time: Duration, count: u32) -> f64 {
    f64::from(count) / time.as_secs_f64()
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

fn jobs(path: &Path) -> Result<Duration> {
    let mut store = Store::open(path, OpenOptions::default())?;
    let wanted = [Wanted {
        kind: "memory.remember",
        most: 1,
    }];
    let begun = Instant::now();
    for number in 0..SINGLE as usize {
        store.enqueue(&[job(number)], now())?;
        let claimed = store.claim(&wanted, now(), now() + TimeDelta::seconds(60))?;
        let job = claimed.first().ok_or("nothing was claimed")?;
        store.settle(&[(done(job.id, job.token), Vec::new())], now())?;
    }
    Ok(begun.elapsed())
}

fn done(id: decnet_background::job::JobId, token: u32) -> Settled {
    Settled {
        id,
        token,
        ending: Ending::Done,
    }
}

/// The same three commits on the same table, without anything around them.
fn bare_jobs(path: &Path) -> Result<Duration> {
    drop(Store::open(path, OpenOptions::default())?);
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 128")?;
    let mut insert = connection.prepare(
        "INSERT INTO job (kind, cause, payload, enqueued_at, due_at)
         VALUES ('memory.remember', ?1, '{\"mail\":1}', 1, 1)",
    )?;
    let mut claim = connection.prepare(
        "UPDATE job SET state = 'running', token = token + 1, due_at = 9 WHERE id = (
             SELECT id FROM job WHERE kind = 'memory.remember' AND priority = 0 AND due_at <= 5
             ORDER BY due_at, id LIMIT 1) RETURNING id",
    )?;
    let mut settle = connection.prepare(
        "UPDATE job SET state = 'done', due_at = NULL, settled_at = 7, payload = NULL WHERE id = ?1",
    )?;
    let begun = Instant::now();
    for number in 0..SINGLE {
        insert.execute([format!("mail {number}")])?;
        let id: i64 = claim.query_row([], |row| row.get(0))?;
        settle.execute([id])?;
    }
    Ok(begun.elapsed())
}

fn batches(path: &Path) -> Result<Duration> {
    let mut store = Store::open(path, OpenOptions::default())?;
    let wanted = [Wanted {
        kind: "memory.remember",
        most: BATCH,
    }];
    let begun = Instant::now();
    for batch in 0..BATCHES {
        let new: Vec<NewJob> = (0..BATCH)
            .map(|number| job(batch * BATCH + number))
            .collect();
        store.enqueue(&new, now())?;
        let claimed = store.claim(&wanted, now(), now() + TimeDelta::seconds(60))?;
        let settled = claimed
            .iter()
            .map(|job| (done(job.id, job.token), Vec::new()));
        store.settle(&settled.collect::<Vec<_>>(), now())?;
    }
    Ok(begun.elapsed())
}

#[expect(clippy::print_stdout, reason = "it reports")]
fn backup(folder: &Path, megabytes: usize) -> Result<()> {
    let path = folder.join("large.db");
    let mut store = Store::open(&path, OpenOptions::default())?;
    // Payloads of the size of a mail.
    let text = "a mail has about four thousand letters ".repeat(100);
    for batch in 0..megabytes / 4 {
        let new: Vec<NewJob> = (0..1_000)
            .map(|number| NewJob {
                payload: json!(text),
                ..job(batch * 1_000 + number)
            })
            .collect();
        store.enqueue(&new, now())?;
    }
    let bytes = fs::metadata(&path)?.len();
    for round in 0..ROUNDS {
        let plain = folder.join("plain.db");
        let begun = Instant::now();
        let mut copy = File::create(&plain)?;
        io::copy(&mut File::open(&path)?, &mut copy)?;
        copy.sync_all()?;
        let plain_time = begun.elapsed();
        fs::remove_file(&plain)?;
        let to = folder.join("copy.db");
        let ends = AtomicBool::new(false);
        let (facts, pages_time, time, waits) = thread::scope(|scope| -> Result<_> {
            let writer = scope.spawn(|| writes(&path, &ends).map_err(|error| error.to_string()));
            let begun = Instant::now();
            let mut pages_time = Duration::ZERO;
            let mut watch = |_| {
                pages_time = begun.elapsed();
                ControlFlow::Continue(())
            };
            let facts = store.back_up(&to, &mut watch);
            let time = begun.elapsed();
            ends.store(true, Ordering::SeqCst);
            let waits = writer.join().map_err(|_| "the writer panicked")??;
            Ok((facts?, pages_time, time, waits))
        })?;
        let begun = Instant::now();
        store.drill(&to, &facts)?;
        let drill_time = begun.elapsed();
        fs::remove_file(&to)?;
        #[expect(clippy::cast_precision_loss, reason = "it is for people")]
        let speed = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
        let alone = writes_for(&path, Duration::from_secs(2))?;
        println!(
            "{round}: {bytes} bytes; plain copy {:.0} MB/s, pages {:.0} MB/s, with counts and digest \
             {:.0} MB/s; drill {drill_time:.1?}; commits meanwhile {} (longest {:.1?}, 99 % {:.1?}), \
             alone {} (longest {:.1?}, 99 % {:.1?})",
            speed(plain_time),
            speed(pages_time),
            speed(time),
            waits.len(),
            waits.last().copied().unwrap_or_default(),
            waits
                .get(waits.len() * 99 / 100)
                .copied()
                .unwrap_or_default(),
            alone.len(),
            alone.last().copied().unwrap_or_default(),
            alone
                .get(alone.len() * 99 / 100)
                .copied()
                .unwrap_or_default(),
        );
    }
    Ok(())
}

fn writes_for(path: &Path, time: Duration) -> Result<Vec<Duration>> {
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| writes(path, &ends).map_err(|error| error.to_string()));
        thread::sleep(time);
        ends.store(true, Ordering::SeqCst);
        Ok(writer.join().map_err(|_| "the writer panicked")??)
    })
}

/// Durable commits every 20 ms; how long each took, shortest first.
fn writes(path: &Path, ends: &AtomicBool) -> Result<Vec<Duration>> {
    let mut store = Store::open(path, OpenOptions::default())?;
    let mut waits = Vec::new();
    while !ends.load(Ordering::SeqCst) {
        let number = WRITTEN.fetch_add(1, Ordering::SeqCst);
        let one = [NewJob::new("other", number.to_string(), json!(number))];
        let begun = Instant::now();
        store.enqueue(&one, now())?;
        waits.push(begun.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    waits.sort_unstable();
    Ok(waits)
}
