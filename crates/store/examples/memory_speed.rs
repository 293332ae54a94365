//! What it costs to remember: writing, recalling, scoring, and making it all anew from the log.
//!
//! - `memory_speed recall DATABASE COUNT` adds memories until there are COUNT, recalls among them,
//!   and writes and scores some more.
//! - `memory_speed rebuild DATABASE COUNT` adds memories and scores until the log has COUNT entries,
//!   and makes everything that follows from it anew: from all entries, and from a snapshot.
//!
//! Figures are lines of a name and a number, in seconds unless the name says otherwise.

use std::error::Error;
use std::fs::File;
use std::hint::black_box;
use std::io::{Seek, Write};
use std::path::Path;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_memory::entities::Entity;
use decnet_memory::ledger::{Judgement, MemoryLedger, Written};
use decnet_memory::memory::{Facts, Kind, MemoryId, NewMemory, Speaker, Utterance, Words};
use decnet_memory::recall::{Cue, Reach, recall};
use decnet_memory::significance::Score;
use decnet_store::{Durability, OpenOptions, Store};
use rusqlite::Connection;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// People who remember, each with twenty others and threads of eight memories.
const OWNERS: u64 = 2_000;
const OTHERS: u64 = 20;
const PER_THREAD: u64 = 8;
/// Names that memories mention, two each; and amounts and dates, one each.
const NAMES: u64 = 3_000;
const AMOUNTS: u64 = 2_000;
/// What one transaction adds.
const CHUNK: u64 = 5_000;
/// Times that something is recalled.
const RECALLS: u64 = 5_000;
/// Tokens that recollections may take.
const BUDGET: usize = 600;
/// Single memories that are written, each in a transaction of its own; and those in one.
const SINGLE: u64 = 300;
const TOGETHER: u64 = 100;
/// Times that everything is made anew.
const REBUILDS: usize = 5;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["recall", database, count] => recalling(Path::new(database), count.parse()?),
        ["rebuild", database, count] => rebuilding(Path::new(database), count.parse()?),
        _ => Err("usage: memory_speed recall|rebuild DATABASE COUNT".into()),
    }
}

fn open(path: &Path, durability: Durability) -> Result<Store> {
    let options = OpenOptions {
        durability,
        ..OpenOptions::default()
    };
    Ok(Store::open(path, options)?)
}

fn at(number: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(number.cast_signed() * 30)
}

/// A number that looks drawn, below `below`.
fn mixed(number: u64, salt: u64, below: u64) -> u64 {
    let mut x =
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ x >> 30).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ x >> 31) % below
}

fn person(number: u64) -> String {
    format!("person.{number}@company-{}.example", number % 40)
}

/// The memory of a number: about 300 bytes of what happened, and 500 of what was said before.
fn memory(number: u64) -> NewMemory {
    let owner = mixed(number, 1, OWNERS);
    let other = (owner + 1 + mixed(number, 2, OTHERS)) % OWNERS;
    let sentence = "They want to know by the end of the week whether the offer still stands. ";
    let said = |by| Utterance {
        by,
        text: sentence.repeat(3),
    };
    NewMemory {
        cause: format!("mail:{number}/reader"),
        facts: Facts {
            owner: person(owner),
            other: Some(person(other)),
            thread: Some(format!(
                "<{}.{owner}@company.example>",
                number / PER_THREAD / OWNERS
            )),
            kind: Kind::MailReceived,
            happened_at: at(number),
            entities: vec![
                Entity::name(&format!("project {}", mixed(number, 3, NAMES))),
                Entity::name(&format!("vendor {}", mixed(number, 4, NAMES))),
                Entity::from(format!("amount:{} eur", mixed(number, 5, AMOUNTS))),
                Entity::date(at(number).date_naive()),
            ],
        },
        words: Words {
            narrative: format!("Mail {number}. {}", sentence.repeat(4)),
            dialogue: vec![said(Speaker::Owner), said(Speaker::Other)],
        },
    }
}

fn judgement(memory: MemoryId) -> Judgement {
    let draw = mixed(memory.0.cast_unsigned(), 6, 100);
    Judgement {
        memory,
        score: Score {
            score: match draw {
                0..3 => 3,
                3..20 => 2,
                20..60 => 1,
                _ => 0,
            },
            reason: "a decision, amount:12400 eur, a thread that has gone on".to_owned(),
        },
        scorer: "rules".to_owned(),
        cause: format!("score:{memory}"),
    }
}

fn count(path: &Path, what: &str) -> Result<u64> {
    let connection = Connection::open(path)?;
    let sql = format!("SELECT coalesce(max(rowid), 0), count(*) FROM {what}");
    let (last, rows): (i64, i64) =
        connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(if what == "memory_log" { last } else { rows }.cast_unsigned())
}

fn recalling(path: &Path, wanted: u64) -> Result<()> {
    let mut store = open(path, Durability::ProcessOnly)?;
    let mut next = count(path, "memory")?;
    let began = Instant::now();
    let (first, last) = (next, wanted.max(next));
    while next < last {
        let end = (next + CHUNK).min(last);
        let batch: Vec<NewMemory> = (next..end).map(memory).collect();
        store.write(&batch, at(next))?;
        next = end;
    }
    if last > first {
        let each = began.elapsed().as_secs_f64() / (last - first) as f64;
        println!("write_in_bulk_each_s {each:.9}");
    }
    println!("memories {next}");
    drop(store);

    let mut store = open(path, Durability::Full)?;
    recall_some(&mut store, path, next)?;

    // One memory in a transaction of its own, beside a bare durable write of as much.
    let mut bare = File::create(path.with_extension("bare"))?;
    let (mut alone, mut disk) = (0.0, 0.0);
    let mut ids = Vec::new();
    for number in next..next + SINGLE {
        let fresh = [memory(number)];
        let began = Instant::now();
        ids.extend(
            store
                .write(&fresh, at(number))?
                .into_iter()
                .map(Written::id),
        );
        alone += began.elapsed().as_secs_f64();
        let began = Instant::now();
        bare.rewind()?;
        bare.write_all(&[7; 8 * 4_096])?;
        bare.sync_data()?;
        disk += began.elapsed().as_secs_f64();
    }
    println!("write_alone_s {:.9}", alone / SINGLE as f64);
    println!("sync_s {:.9}", disk / SINGLE as f64);
    let began = Instant::now();
    for id in &ids {
        let _ = store.set_significance(&judgement(*id), at(next))?;
    }
    println!(
        "score_alone_s {:.9}",
        began.elapsed().as_secs_f64() / SINGLE as f64
    );
    // What each more costs in a transaction that there is anyway.
    drop(store);
    let mut store = open(path, Durability::ProcessOnly)?;
    let from = next + SINGLE;
    let mut times = Vec::new();
    for round in 0..20 {
        let from = from + round * TOGETHER;
        let batch: Vec<NewMemory> = (from..from + TOGETHER).map(memory).collect();
        let began = Instant::now();
        store.write(&batch, at(from))?;
        times.push(began.elapsed().as_secs_f64() / TOGETHER as f64);
    }
    println!("write_each_s {:.9}", at_share(&mut times, 500));
    Ok(())
}

/// Recalls something of many people, each time as somebody who writes to them would.
fn recall_some(store: &mut Store, path: &Path, count: u64) -> Result<()> {
    let connection = Connection::open(path)?;
    let mut look_up = connection.prepare(
        "SELECT m.score, m.pin, l.event, w.narrative
         FROM memory m JOIN memory_log l ON l.number = m.id JOIN memory_words w ON w.number = m.id
         WHERE m.id = ?1",
    )?;
    let reach = Reach::default();
    let (mut times, mut bare, mut told, mut found) = (Vec::new(), Vec::new(), 0, 0);
    for number in 0..RECALLS {
        let about = memory(mixed(number, 7, count));
        let cue = Cue {
            owner: about.facts.owner,
            other: about.facts.other,
            thread: about.facts.thread,
            entities: about.facts.entities,
            now: at(count),
        };
        let began = Instant::now();
        let candidates = store.candidates(&cue, &reach)?;
        let recalled = recall(&candidates, &cue, BUDGET);
        times.push(began.elapsed().as_secs_f64());
        found += candidates.len();
        told += black_box(recalled).len();
        // The limit: what was considered, looked up with nothing made of it.
        let began = Instant::now();
        for candidate in &candidates {
            let mut rows = look_up.query([candidate.memory.0])?;
            while let Some(row) = rows.next()? {
                let _ = black_box(row.get_ref(3)?);
            }
        }
        bare.push(began.elapsed().as_secs_f64());
    }
    for (name, times) in [("recall", &mut times), ("bare_look_up", &mut bare)] {
        println!("{name}_median_s {:.9}", at_share(times, 500));
        println!("{name}_99_s {:.9}", at_share(times, 990));
        println!("{name}_most_s {:.9}", at_share(times, 1_000));
    }
    println!("candidates_each {:.1}", found as f64 / RECALLS as f64);
    println!("recollections_each {:.1}", told as f64 / RECALLS as f64);
    Ok(())
}

/// The value that so many thousandths stay below.
fn at_share(values: &mut [f64], thousandths: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() * thousandths / 1_000).min(values.len().saturating_sub(1));
    values.get(index).copied().unwrap_or(f64::NAN)
}

fn rebuilding(path: &Path, wanted: u64) -> Result<()> {
    let mut store = open(path, Durability::ProcessOnly)?;
    let mut next = count(path, "memory")?;
    let mut entries = count(path, "memory_log")?;
    while entries < wanted {
        let most = (wanted - entries).min(CHUNK);
        let batch: Vec<NewMemory> = (next..next + most.div_ceil(2)).map(memory).collect();
        next += most.div_ceil(2);
        for written in store.write(&batch, at(next))? {
            let _ = store.set_significance(&judgement(written.id()), at(next))?;
        }
        entries = count(path, "memory_log")?;
    }
    drop(store);
    let mut store = open(path, Durability::Full)?;
    println!("entries {entries}");
    let mut times = Vec::new();
    for _ in 0..REBUILDS {
        let began = Instant::now();
        let rebuilt = store.rebuild()?;
        times.push(began.elapsed().as_secs_f64());
        if rebuilt.from_snapshot.is_some() {
            return Err("there is a snapshot already".into());
        }
    }
    println!("rebuild_s {:.3}", at_share(&mut times, 500));
    println!("rebuild_best_s {:.3}", at_share(&mut times, 0));
    let began = Instant::now();
    let info = store.snapshot(at(next), 5)?;
    println!("snapshot_s {:.3}", began.elapsed().as_secs_f64());
    println!("snapshot_bytes {}", info.bytes);
    let began = Instant::now();
    store.rebuild()?;
    println!(
        "rebuild_from_snapshot_s {:.3}",
        began.elapsed().as_secs_f64()
    );
    drop(store);
    println!("bare_rebuild_s {:.3}", bare_rebuild(path)?);
    Ok(())
}

/// The same rows and indexes made by SQLite alone, in one durable commit that nothing is read or
/// decided for; the log is read to its end.
fn bare_rebuild(path: &Path) -> Result<f64> {
    let connection = Connection::open(path)?;
    connection.execute_batch(
        "DELETE FROM memory_snapshot;
         PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;",
    )?;
    let began = Instant::now();
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let _: i64 = connection.query_row("SELECT sum(length(event)) FROM memory_log", [], |row| {
        row.get(0)
    })?;
    connection.execute_batch(
        "CREATE TABLE bare_name (id INTEGER PRIMARY KEY, text TEXT);
         INSERT INTO bare_name SELECT id, text FROM memory_name;
         CREATE UNIQUE INDEX bare_name_text ON bare_name (text);
         CREATE TABLE bare (id INTEGER PRIMARY KEY, owner, other, thread, happened_at, score,
                            scored_by, pin, unpinned_by_hand);
         INSERT INTO bare SELECT * FROM memory;
         CREATE INDEX bare_other ON bare (owner, other, happened_at);
         CREATE INDEX bare_thread ON bare (owner, thread, happened_at) WHERE thread IS NOT NULL;
         CREATE INDEX bare_pinned ON bare (owner, happened_at) WHERE pin > 0;
         CREATE TABLE bare_entity (owner, entity, happened_at, memory,
                                   PRIMARY KEY (owner, entity, happened_at, memory)) WITHOUT ROWID;
         INSERT INTO bare_entity SELECT * FROM memory_entity;
         COMMIT;",
    )?;
    let seconds = began.elapsed().as_secs_f64();
    connection.execute_batch("DROP TABLE bare_entity; DROP TABLE bare; DROP TABLE bare_name")?;
    Ok(seconds)
}
