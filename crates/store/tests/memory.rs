//! What personas remember, in the database: the store does what every ledger has to do, and shows the
//! same as the ledger in memory, whatever happens to both.

#[path = "memory/side_by_side.rs"]
mod side_by_side;

use std::cell::Cell;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_memory::canon::{CanonDraft, CanonLedger};
use decnet_memory::conformance;
use decnet_memory::entities::Entity;
use decnet_memory::ledger::{
    Judged, Judgement, MemoryFilter, MemoryLedger, MemoryLedgerError, Written,
};
use decnet_memory::memory::{Facts, Kind, MemoryId, NewMemory, Speaker, Utterance, Words};
use decnet_memory::pins::Hand;
use decnet_memory::recall::{Cue, Reach, recall};
use decnet_memory::significance::Score;
use decnet_memory::significance::rules::by_rules;
use decnet_store::{Durability, OpenOptions, Store};
use rusqlite::Connection;

fn open(path: &Path) -> Store {
    let options = OpenOptions {
        durability: Durability::ProcessOnly,
        ..OpenOptions::default()
    };
    Store::open(path, options).unwrap()
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

fn memory(cause: &str, minutes: i64) -> NewMemory {
    NewMemory {
        cause: cause.to_owned(),
        facts: Facts {
            owner: "jane@corp.example".to_owned(),
            other: Some("tom@corp.example".to_owned()),
            thread: Some("<1@corp.example>".to_owned()),
            kind: Kind::MailReceived,
            happened_at: at(minutes),
            entities: vec![Entity::name("Acme"), Entity::name(cause)],
        },
        words: Words {
            narrative: format!("Tom wrote {cause}"),
            dialogue: vec![Utterance {
                by: Speaker::Owner,
                text: "When?".to_owned(),
            }],
        },
    }
}

fn judgement(memory: MemoryId, score: u8, cause: &str) -> Judgement {
    Judgement {
        memory,
        score: Score {
            score,
            reason: "it is so".to_owned(),
        },
        scorer: "rules".to_owned(),
        cause: cause.to_owned(),
    }
}

/// Some of everything.
fn fill(store: &mut Store) -> Vec<MemoryId> {
    let batch: Vec<NewMemory> = (0..12).map(|n| memory(&format!("m{n}"), n)).collect();
    let written = store.write(&batch, at(100)).unwrap();
    let ids: Vec<MemoryId> = written.into_iter().map(Written::id).collect();
    for id in &ids {
        let judged = store.set_significance(&judgement(*id, 3, &format!("s{id}")), at(200));
        assert!(matches!(judged.unwrap(), Judged::New(_)));
    }
    store
        .set_pin(ids[11], Hand::Unpin, "operator", at(300))
        .unwrap();
    store
        .set_pin(ids[0], Hand::Pin, "operator", at(300))
        .unwrap();
    ids
}

fn cue() -> Cue {
    Cue {
        owner: "jane@corp.example".to_owned(),
        other: Some("tom@corp.example".to_owned()),
        thread: Some("<1@corp.example>".to_owned()),
        entities: vec![Entity::name("Acme")],
        now: at(1_000),
    }
}

/// Every row of the tables that follow from the log.
fn projections(path: &Path) -> Vec<String> {
    let connection = Connection::open(path).unwrap();
    let mut rows = Vec::new();
    for table in ["memory", "memory_name", "memory_entity"] {
        let columns: i64 = connection
            .query_row(
                "SELECT count(*) FROM pragma_table_info(?1)",
                [table],
                |row| row.get(0),
            )
            .unwrap();
        let order = (1..=columns).map(|column| column.to_string());
        let order = order.collect::<Vec<_>>().join(", ");
        let mut statement = connection
            .prepare(&format!("SELECT * FROM {table} ORDER BY {order}"))
            .unwrap();
        let count = statement.column_count();
        let found = statement.query_map([], |row| {
            let cells = (0..count).map(|index| row.get::<_, rusqlite::types::Value>(index));
            let cells: Result<Vec<_>, _> = cells.collect();
            Ok(format!("{table}: {:?}", cells?))
        });
        rows.extend(found.unwrap().map(Result::unwrap));
    }
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE name LIKE 'memory%' ORDER BY name")
        .unwrap();
    let schema = statement.query_map([], |row| {
        Ok(format!(
            "{}: {:?}",
            row.get::<_, String>(0)?,
            row.get::<_, Option<String>>(1)?
        ))
    });
    rows.extend(schema.unwrap().map(Result::unwrap));
    rows
}

#[test]
fn the_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Cell::new(0);
    conformance::check(|| {
        opened.set(opened.get() + 1);
        open(&folder.path().join(format!("{}.db", opened.get())))
    });
}

#[test]
fn what_was_written_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    fill(&mut store);
    let key = "vendor:paper".parse().unwrap();
    let mut make = |_| CanonDraft {
        name: "Acme".to_owned(),
        details: "paper".to_owned(),
    };
    let vendor = store.canon("corp.example", &key, &mut make, at(0)).unwrap();
    store.canon_rename(vendor.id, "Papyrus").unwrap();
    store.snapshot(at(400), 5).unwrap();
    let look = |store: &mut Store| {
        (
            store.list(&MemoryFilter::default()).unwrap(),
            store.log(0, 1_000).unwrap(),
            store.candidates(&cue(), &Reach::default()).unwrap(),
            store.canon_list(None, None).unwrap(),
            store.snapshots().unwrap(),
        )
    };
    let before = look(&mut store);
    drop(store);
    let mut store = open(&path);
    assert_eq!(look(&mut store), before);
    conformance::agrees_with_its_log(&mut store);
    assert_eq!(store.integrity_problems().unwrap(), Vec::<String>::new());
    let recalled = recall(&before.2, &cue(), 40);
    assert!(!recalled.is_empty() && recalled[0].pinned, "{recalled:?}");
}

#[test]
fn a_rebuild_gives_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    fill(&mut store);
    let before = projections(&path);
    assert_eq!(store.rebuild().unwrap().from_snapshot, None);
    assert_eq!(projections(&path), before);
    let taken = store.snapshot(at(400), 5).unwrap();
    store.write(&[memory("later", 50)], at(500)).unwrap();
    let before = projections(&path);
    // Whatever somebody has done to the tables.
    let vandal = Connection::open(&path).unwrap();
    vandal
        .execute_batch(
            "DELETE FROM memory WHERE id % 2 = 0; UPDATE memory SET pin = 2; DELETE FROM memory_name;
             UPDATE memory_entity SET entity = entity + 1000",
        )
        .unwrap();
    let rebuilt = store.rebuild().unwrap();
    assert_eq!(
        (rebuilt.from_snapshot, rebuilt.entries),
        (Some(taken.last_entry), 1)
    );
    assert_eq!(projections(&path), before);
}

#[test]
fn a_rebuild_of_many_gives_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    // More than is read, and more than is inserted, at once; and no multiple of either.
    let many: Vec<NewMemory> = (0..1_501)
        .map(|number| memory(&format!("mail:{number}"), number % 300))
        .collect();
    store.write(&many, at(400)).unwrap();
    let before = projections(&path);
    assert_eq!(store.rebuild().unwrap().memories, 1_501);
    assert_eq!(projections(&path), before);
}

#[test]
fn a_damaged_snapshot_costs_time_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    store.write(&[memory("first", 1)], at(0)).unwrap();
    let older = store.snapshot(at(1), 5).unwrap();
    fill(&mut store);
    let newer = store.snapshot(at(2), 5).unwrap();
    let before = projections(&path);
    let vandal = Connection::open(&path).unwrap();
    let spoil = |last: i64| {
        let sql = "UPDATE memory_snapshot SET state = substr(state, 1, 60) WHERE last_entry = ?1";
        vandal.execute(sql, [last]).unwrap();
    };
    spoil(newer.last_entry);
    assert_eq!(
        store.rebuild().unwrap().from_snapshot,
        Some(older.last_entry)
    );
    assert_eq!(projections(&path), before);
    // The next one takes the place of the damaged one.
    let again = store.snapshot(at(3), 5).unwrap();
    assert_eq!(
        (again.last_entry, again.taken_at),
        (newer.last_entry, at(3))
    );
    assert_eq!(
        store.rebuild().unwrap().from_snapshot,
        Some(newer.last_entry)
    );
    spoil(newer.last_entry);
    spoil(older.last_entry);
    assert_eq!(store.rebuild().unwrap().from_snapshot, None);
    assert_eq!(projections(&path), before);
}

#[test]
fn what_many_write_at_once_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let first = open(&path).write(&[memory("first", 0)], at(0)).unwrap()[0].id();
    let start = Barrier::new(4);
    let written: Vec<Vec<Written>> = thread::scope(|scope| {
        let racers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut store = open(&path);
                    start.wait();
                    let mut written = Vec::new();
                    for number in 0..30 {
                        let one = memory(&format!("m{number}"), number);
                        written.extend(store.write(&[one], at(100)).unwrap());
                        let one = judgement(first, 3, &format!("s{number}"));
                        let _ = store.set_significance(&one, at(200)).unwrap();
                        let key = format!("vendor:{number}").parse().unwrap();
                        let mut make = |tried| CanonDraft {
                            name: format!("Acme {tried}"),
                            details: String::new(),
                        };
                        store.canon("corp.example", &key, &mut make, at(0)).unwrap();
                    }
                    written
                })
            })
            .collect();
        racers
            .into_iter()
            .map(|racer| racer.join().unwrap())
            .collect()
    });
    for number in 0..30 {
        let of_all: Vec<Written> = written.iter().map(|one| one[number]).collect();
        let new = of_all.iter().filter(|one| matches!(one, Written::New(_)));
        assert_eq!(new.count(), 1, "{of_all:?}");
        assert!(
            of_all.iter().all(|one| one.id() == of_all[0].id()),
            "{of_all:?}"
        );
    }
    let mut store = open(&path);
    // 31 memories, 30 scores, one pin.
    assert_eq!(store.log(0, 1_000).unwrap().len(), 62);
    assert_eq!(store.canon_list(None, None).unwrap().len(), 30);
    conformance::agrees_with_its_log(&mut store);
}

#[test]
fn hostile_texts_pin_nothing() {
    let read = |file: &str| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/memory");
        std::fs::read_to_string(folder.join(file)).unwrap()
    };
    let texts = read("hostile.txt") + &read("hostile_more.txt");
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("decnet.db"));
    for number in 0..8 {
        store
            .write(&[memory(&format!("before:{number}"), number)], at(0))
            .unwrap();
    }
    let texts: Vec<&str> = texts
        .lines()
        .filter(|line| !line.starts_with("# "))
        .collect();
    assert!(texts.len() >= 800);
    for (number, text) in (100..).zip(texts) {
        let mut hostile = memory(&format!("hostile:{number}"), number);
        hostile.words.narrative = text.replace("\\n", "\n");
        hostile.words.dialogue[0].text =
            "Could you do it for 12,400 EUR by 14 March 2027?".to_owned();
        let id = store.write(&[hostile], at(number)).unwrap()[0].id();
        let scoring = store.scoring(id).unwrap().unwrap();
        assert_eq!(scoring.circumstances.earlier_in_thread, 8);
        let score = by_rules(&scoring);
        let one = Judgement {
            score,
            ..judgement(id, 0, &format!("s{number}"))
        };
        let judged = store.set_significance(&one, at(number)).unwrap();
        assert_eq!(judged, Judged::New(Vec::new()), "{text}");
    }
}

#[test]
fn what_somebody_else_wrote_into_the_database_is_told() {
    for damage in [
        "UPDATE memory_log SET event = '['",
        "UPDATE memory_log SET event = replace(event, 'mail-received', 'No Kind')",
        "UPDATE memory_log SET version = 2",
        "UPDATE memory_log SET at = 9223372036854775807",
        "UPDATE memory_words SET dialogue = '{}'",
        "UPDATE memory SET scored_by = 1",
        "PRAGMA ignore_check_constraints = 1; UPDATE memory SET pin = 7",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decnet.db");
        let mut store = open(&path);
        fill(&mut store);
        let vandal = Connection::open(&path).unwrap();
        vandal.execute_batch(damage).unwrap();
        let shown = store
            .list(&MemoryFilter::default())
            .map(drop)
            .and_then(|()| store.log(0, 10).map(drop));
        assert!(
            matches!(shown, Err(MemoryLedgerError::Corrupt { .. })),
            "{damage}: {shown:?}"
        );
    }
}

#[test]
fn a_rebuild_that_fails_changes_nothing() {
    for damage in [
        "UPDATE memory_log SET version = 9 WHERE number = 5",
        "UPDATE memory_log SET event = '{' WHERE number = 5",
        "INSERT INTO memory_log (version, kind, at, cause, event)
         VALUES (1, 2, 1, 'high', '{\"memory\":1,\"score\":4,\"reason\":\"\",\"scorer\":\"\"}')",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decnet.db");
        let mut store = open(&path);
        fill(&mut store);
        let before = projections(&path);
        let vandal = Connection::open(&path).unwrap();
        vandal.execute_batch(damage).unwrap();
        let rebuilt = store.rebuild();
        assert!(
            matches!(rebuilt, Err(MemoryLedgerError::Corrupt { .. })),
            "{damage}: {rebuilt:?}"
        );
        assert_eq!(projections(&path), before, "{damage}");
    }
}

#[test]
fn nothing_that_is_asked_often_reads_a_whole_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    drop(open(&path));
    let connection = Connection::open(&path).unwrap();
    let plan = |sql: &str| {
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let unbound = vec![rusqlite::types::Null; statement.parameter_count()];
        let rows = statement
            .query_map(rusqlite::params_from_iter(unbound), |row| {
                row.get::<_, String>(3)
            })
            .unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    for (sql, index) in [
        (
            "SELECT number FROM memory_log WHERE cause = ?1 AND kind = ?2 AND kind != 3",
            "COVERING INDEX memory_log_cause",
        ),
        (
            "SELECT number, version, kind, at, cause, event FROM memory_log
             WHERE kind = 3 AND CASE WHEN json_valid(event) THEN event ->> '$.memory' END = ?1
             ORDER BY number DESC LIMIT ?2",
            "INDEX memory_log_pin",
        ),
        (
            "SELECT id FROM memory_name WHERE text = 'x'",
            "COVERING INDEX memory_name_text",
        ),
        (
            "SELECT id, happened_at FROM memory WHERE owner = 1 AND pin > 0 AND happened_at <= 2
             ORDER BY happened_at DESC, id DESC LIMIT 3",
            "INDEX memory_pinned",
        ),
        (
            "SELECT id, happened_at, pin, unpinned_by_hand FROM memory WHERE owner = 1 AND pin > 0",
            "INDEX memory_pinned",
        ),
        (
            "SELECT id, happened_at FROM memory WHERE owner = 1 AND other = 2 AND happened_at <= 3
             ORDER BY happened_at DESC, id DESC LIMIT 4",
            "COVERING INDEX memory_other",
        ),
        (
            "SELECT id, happened_at FROM memory WHERE owner = 1 AND thread = 2 AND happened_at <= 3
             ORDER BY happened_at DESC, id DESC LIMIT 4",
            "COVERING INDEX memory_thread",
        ),
        (
            "SELECT memory, happened_at FROM memory_entity
             WHERE owner = 1 AND entity = 2 AND happened_at <= 3
             ORDER BY happened_at DESC, memory DESC LIMIT 4",
            "PRIMARY KEY",
        ),
        (
            "SELECT count(*) FROM (
                 SELECT 1 FROM memory m JOIN memory e ON e.owner = m.owner AND e.thread = m.thread
                 WHERE m.id = 7 AND e.thread IS NOT NULL
                     AND (e.happened_at, e.id) < (8, 7) LIMIT 8)",
            "COVERING INDEX memory_thread",
        ),
        (
            "SELECT count(*) FROM (
                 SELECT 1 FROM memory m JOIN memory e ON e.owner = m.owner AND e.other = m.other
                 WHERE m.id = 7 AND (e.happened_at, e.id) < (8, 7) LIMIT 8)",
            "COVERING INDEX memory_other",
        ),
        (
            "SELECT canon FROM canon_name WHERE company = 'a' AND kind = 'host' AND key = 'b'
             ORDER BY canon LIMIT 1",
            "PRIMARY KEY",
        ),
        (
            "SELECT alias FROM canon_name WHERE canon = 1 AND place IS NOT NULL ORDER BY place",
            "canon_name_of",
        ),
        (
            "SELECT * FROM canon WHERE company = 'a' AND kind = 'host' AND role = 'b'",
            "sqlite_autoindex_canon_1",
        ),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index), "{sql}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        assert!(!plan.contains("SCAN memory"), "{sql}: {plan}");
    }
}
