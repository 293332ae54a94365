//! Jobs in the database.

use std::cell::Cell;
use std::path::Path;
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_background::conformance;
use decnet_background::job::{ClaimedJob, Enqueued, JobId, JobState, NewJob};
use decnet_background::ledger::{
    Ending, JobFilter, JobLedger, JobLedgerError, Recorded, Settled, Wanted,
};
use decnet_background::memory_ledger::MemoryJobLedger;
use decnet_store::{Durability, OpenOptions, Store};
use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::json;

const KINDS: [&str; 3] = ["mail", "scan", "memory"];

fn open(path: &Path) -> Store {
    let options = OpenOptions {
        durability: Durability::ProcessOnly,
        ..OpenOptions::default()
    };
    Store::open(path, options).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000 + seconds)
}

fn job(kind: &str, cause: &str) -> NewJob {
    NewJob::new(kind, cause, json!({ "of": cause }))
}

fn all(most: usize) -> [Wanted<'static>; 3] {
    KINDS.map(|kind| Wanted { kind, most })
}

fn done(job: &ClaimedJob) -> (Settled, Vec<NewJob>) {
    let settled = Settled {
        id: job.id,
        token: job.token,
        ending: Ending::Done,
    };
    (settled, Vec::new())
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

#[derive(Clone, Debug)]
enum Act {
    Enqueue(Vec<(usize, u8, i32, Option<i64>)>),
    Claim([usize; 3]),
    Beat(usize),
    Settle(Vec<(usize, u8, Option<u8>)>),
    Retry(i64),
    Discard(i64),
    Forget(i64, usize),
    Pass(i64),
}

fn act() -> impl Strategy<Value = Act> {
    let new = (
        0..3_usize,
        0..12_u8,
        -1..2,
        proptest::option::of(-20..100_i64),
    );
    prop_oneof![
        4 => vec(new, 1..4).prop_map(Act::Enqueue),
        4 => [0..3_usize, 0..3_usize, 0..3_usize].prop_map(Act::Claim),
        1 => (0..8_usize).prop_map(Act::Beat),
        4 => vec((0..8_usize, 0..5_u8, proptest::option::of(0..12_u8)), 1..4).prop_map(Act::Settle),
        1 => (1..12_i64).prop_map(Act::Retry),
        1 => (1..12_i64).prop_map(Act::Discard),
        1 => (-50..5_i64, 0..4_usize).prop_map(|(before, limit)| Act::Forget(before, limit)),
        3 => (0..60_i64).prop_map(Act::Pass),
    ]
}

/// Does one thing with a ledger; what it answered, as text.
fn apply(
    ledger: &mut dyn JobLedger,
    act: &Act,
    now: i64,
    held: &mut Vec<(JobId, u32)>,
) -> Result<String, JobLedgerError> {
    let of = |place: usize, held: &[(JobId, u32)]| match held.len() {
        0 => (JobId(1), 1),
        count => held[place % count],
    };
    Ok(match act {
        Act::Enqueue(new) => {
            let jobs: Vec<NewJob> = new
                .iter()
                .map(|(kind, cause, priority, run_at)| NewJob {
                    priority: *priority,
                    run_at: run_at.map(|seconds| at(now + seconds)),
                    ..job(KINDS[*kind], &cause.to_string())
                })
                .collect();
            format!("{:?}", ledger.enqueue(&jobs, at(now))?)
        }
        Act::Claim(most) => {
            let wanted: Vec<Wanted<'_>> = KINDS
                .iter()
                .zip(most)
                .map(|(kind, most)| Wanted { kind, most: *most })
                .collect();
            let claimed = ledger.claim(&wanted, at(now), at(now + 30))?;
            held.extend(claimed.iter().map(|job| (job.id, job.token)));
            format!("{claimed:?}")
        }
        Act::Beat(place) => {
            format!("{:?}", ledger.heartbeat(&[of(*place, held)], at(now + 30))?)
        }
        Act::Settle(endings) => {
            let jobs: Vec<_> = endings
                .iter()
                .map(|(place, ending, caused)| {
                    let (id, token) = of(*place, held);
                    let error = format!("at {now}");
                    let ending = match ending {
                        0 => Ending::Done,
                        1 => Ending::Retry {
                            at: at(now + 20),
                            error,
                        },
                        2 => Ending::Dead { error },
                        3 => Ending::Discarded { error },
                        _ => Ending::Released,
                    };
                    let caused = caused.map(|cause| job(KINDS[0], &cause.to_string()));
                    (Settled { id, token, ending }, caused.into_iter().collect())
                })
                .collect();
            format!("{:?}", ledger.settle(&jobs, at(now))?)
        }
        Act::Retry(id) => ledger.retry(JobId(*id), at(now))?.to_string(),
        Act::Discard(id) => ledger.discard(JobId(*id), "no", at(now))?.to_string(),
        Act::Forget(before, limit) => ledger.forget(at(now + before), *limit)?.to_string(),
        Act::Pass(_) => String::new(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn it_does_what_the_memory_does(acts in vec(act(), 1..60)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(&folder.path().join("decnet.db"));
        let mut memory = MemoryJobLedger::new();
        let (mut now, mut held, mut also_held) = (0, Vec::new(), Vec::new());
        for act in &acts {
            if let Act::Pass(seconds) = act {
                now += seconds;
            }
            let one = apply(&mut store, act, now, &mut held).unwrap();
            let other = apply(&mut memory, act, now, &mut also_held).unwrap();
            prop_assert_eq!(one, other, "{:?}", act);
            for state in [None].into_iter().chain(JobState::ALL.map(Some)) {
                let filter = JobFilter { state, ..JobFilter::default() };
                prop_assert_eq!(store.jobs(&filter).unwrap(), memory.jobs(&filter).unwrap());
            }
            prop_assert_eq!(store.next_due(&KINDS).unwrap(), memory.next_due(&KINDS).unwrap());
            prop_assert_eq!(store.counts().unwrap(), memory.counts().unwrap());
        }
        prop_assert_eq!(store.integrity_problems().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn what_many_claim_side_by_side_is_claimed_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    let jobs: Vec<NewJob> = (0..400)
        .map(|number| job(KINDS[number % 3], &number.to_string()))
        .collect();
    assert_eq!(store.enqueue(&jobs, at(0)).unwrap().len(), 400);
    let mut claimed: Vec<i64> = thread::scope(|scope| {
        let claimers: Vec<_> = (1..5)
            .map(|most| {
                let path = &path;
                scope.spawn(move || {
                    let mut store = open(path);
                    let mut ids = Vec::new();
                    loop {
                        let claimed = store.claim(&all(most), at(1), at(600)).unwrap();
                        if claimed.is_empty() {
                            return ids;
                        }
                        assert!(
                            claimed
                                .iter()
                                .all(|job| (job.token, job.failures) == (1, 0))
                        );
                        ids.extend(claimed.iter().map(|job| job.id.0));
                        let settled: Vec<_> = claimed.iter().map(done).collect();
                        let recorded = store.settle(&settled, at(2)).unwrap();
                        assert!(recorded.iter().all(|of| *of == Recorded::Yes));
                    }
                })
            })
            .collect();
        claimers
            .into_iter()
            .flat_map(|claimer| claimer.join().unwrap())
            .collect()
    });
    claimed.sort_unstable();
    assert_eq!(claimed, (1..=400).collect::<Vec<_>>());
}

#[test]
fn what_was_enqueued_is_there_again_and_ids_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    let enqueued = store.enqueue(&[job("mail", "a"), job("mail", "b")], at(0));
    assert_eq!(enqueued.unwrap().len(), 2);
    let claimed = store.claim(&all(1), at(0), at(60)).unwrap();
    assert_eq!(
        store.settle(&[done(&claimed[0])], at(1)).unwrap(),
        [Recorded::Yes]
    );
    let claimed = store.claim(&all(1), at(1), at(60)).unwrap();
    let before = store.jobs(&JobFilter::default()).unwrap();
    drop(store);
    let mut store = open(&path);
    assert_eq!(store.jobs(&JobFilter::default()).unwrap(), before);
    // A worker that comes back before its lease ran out goes on.
    assert_eq!(
        store.settle(&[done(&claimed[0])], at(30)).unwrap(),
        [Recorded::Yes]
    );
    assert_eq!(store.forget(at(900), 9).unwrap(), 2);
    drop(store);
    let enqueued = open(&path).enqueue(&[job("mail", "a")], at(0)).unwrap();
    assert_eq!(enqueued, [Enqueued::New(JobId(3))]);
}

#[test]
fn claiming_nothing_writes_nothing_and_waits_for_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    let later = NewJob {
        run_at: Some(at(100)),
        ..job("mail", "a")
    };
    assert_eq!(store.enqueue(&[later], at(0)).unwrap().len(), 1);
    let writer = Connection::open(&path).unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(store.claim(&all(9), at(99), at(200)).unwrap(), []);
    assert_eq!(store.next_due(&KINDS).unwrap(), Some(at(100)));
    writer.execute_batch("ROLLBACK").unwrap();
    assert_eq!(store.claim(&all(9), at(100), at(200)).unwrap().len(), 1);
}

#[test]
fn follow_ups_of_earlier_versions_become_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let earlier = Connection::open(&path).unwrap();
    for sql in [
        include_str!("../src/migrations/0001_world_and_mail.sql"),
        include_str!("../src/migrations/0002_model.sql"),
        include_str!("../src/migrations/0003_several_recipients.sql"),
        include_str!("../src/migrations/0004_alerts.sql"),
        include_str!("../src/migrations/0005_sessions.sql"),
        include_str!("../src/migrations/0006_nudges.sql"),
        include_str!("../src/migrations/0007_self_heal.sql"),
        include_str!("../src/migrations/0008_chunk_numbers.sql"),
    ] {
        earlier.execute_batch(sql).unwrap();
    }
    earlier
        .execute_batch(
            "INSERT INTO follow_up (kind, cause, payload)
             VALUES ('memory', 'mail 7', '{\"mail\":7}'), ('mail', 'mail 7', '1');
             PRAGMA user_version = 8",
        )
        .unwrap();
    drop(earlier);
    let mut store = open(&path);
    let listed = store.jobs(&JobFilter::default()).unwrap();
    let listed: Vec<_> = listed
        .iter()
        .map(|job| (job.id.0, job.kind.as_str(), job.cause.as_str(), job.state))
        .collect();
    let waiting = JobState::Waiting;
    assert_eq!(
        listed,
        [
            (2, "mail", "mail 7", waiting),
            (1, "memory", "mail 7", waiting)
        ]
    );
    let claimed = store.claim(&all(9), at(0), at(60)).unwrap();
    assert_eq!(claimed.len(), 2, "they are due at once");
    assert_eq!(claimed[0].payload, json!({ "mail": 7 }));
    let enqueued = store.enqueue(&[job("memory", "mail 7")], at(0)).unwrap();
    assert_eq!(enqueued, [Enqueued::Known(JobId(1))]);
    let connection = Connection::open(&path).unwrap();
    assert!(connection.prepare("SELECT * FROM follow_up").is_err());
}

#[test]
fn what_somebody_else_wrote_into_the_database_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    assert_eq!(store.enqueue(&[job("mail", "a")], at(0)).unwrap().len(), 1);
    Connection::open(&path)
        .unwrap()
        .execute_batch("UPDATE job SET payload = '{'")
        .unwrap();
    let corrupt = |error: &JobLedgerError| matches!(error, JobLedgerError::Corrupt { .. });
    assert!(corrupt(&store.jobs(&JobFilter::default()).unwrap_err()));
    assert!(corrupt(&store.claim(&all(1), at(0), at(60)).unwrap_err()));
}

#[test]
fn a_backlog_is_what_is_not_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    assert_eq!(store.backlog().unwrap(), []);
    let later = NewJob {
        run_at: Some(at(500)),
        ..job("late", "l")
    };
    let jobs = [
        job("early", "1"),
        job("early", "2"),
        job("dead", "3"),
        later,
    ];
    let ids: Vec<JobId> = store
        .enqueue(&jobs, at(100))
        .unwrap()
        .iter()
        .map(|enqueued| match enqueued {
            Enqueued::New(id) => *id,
            other => panic!("{other:?} is not new"),
        })
        .collect();
    let connection = Connection::open(&path).unwrap();
    let over = |id: JobId, state: &str| {
        let payload = if state == "done" { "NULL" } else { "payload" };
        let sql = format!(
            "UPDATE job SET state = '{state}', due_at = NULL, settled_at = 1, payload = {payload}
             WHERE id = {}",
            id.0
        );
        assert_eq!(connection.execute(&sql, []).unwrap(), 1);
    };
    over(ids[1], "done");
    over(ids[2], "dead");
    // What a mail enqueued is due at once, and goes by when that was.
    connection
        .execute("UPDATE job SET due_at = 0 WHERE id = ?1", [ids[0].0])
        .unwrap();
    let backlog = store.backlog().unwrap();
    let found: Vec<_> = backlog
        .iter()
        .map(|of| (of.kind.as_str(), of.open, of.dead, of.due_since))
        .collect();
    assert_eq!(
        found,
        [
            ("dead", 0, 1, None),
            ("early", 1, 0, Some(at(100))),
            ("late", 1, 0, Some(at(500))),
        ]
    );
}

#[test]
fn nothing_that_is_asked_often_reads_a_whole_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    drop(open(&path));
    let connection = Connection::open(&path).unwrap();
    for (sql, index) in [
        (
            "SELECT due_at, id FROM job WHERE kind = ?1 AND priority = ?2 AND due_at <= ?3
             ORDER BY due_at, id LIMIT ?4",
            "COVERING INDEX job_due (kind=? AND priority=? AND due_at<?)",
        ),
        (
            "SELECT priority FROM job WHERE kind = ?1 AND priority < ?2 AND due_at IS NOT NULL
             ORDER BY priority DESC LIMIT 1",
            "COVERING INDEX job_due (kind=? AND priority<?)",
        ),
        (
            "SELECT due_at FROM job WHERE kind = ?1 AND priority = ?2 AND due_at IS NOT NULL
             ORDER BY due_at LIMIT 1",
            "INDEX job_due (kind=? AND priority=?",
        ),
        (
            "SELECT id FROM job WHERE kind = ?1 AND cause = ?2",
            "COVERING INDEX sqlite_autoindex_job_1 (kind=? AND cause=?)",
        ),
        (
            "SELECT id FROM job INDEXED BY job_over
             WHERE state IN ('done', 'discarded') AND settled_at < ?1
             ORDER BY settled_at, id LIMIT ?2",
            "INDEX job_over (settled_at<?)",
        ),
        (
            "SELECT kind, count(*), min(max(due_at, enqueued_at)) FROM job INDEXED BY job_due
             WHERE due_at IS NOT NULL GROUP BY kind",
            "INDEX job_due",
        ),
        (
            "SELECT * FROM job WHERE state = 'dead' AND (?1 IS NULL OR kind = ?1)
             ORDER BY id DESC LIMIT ?3",
            "INDEX job_dead",
        ),
    ] {
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        // The plan is the same whatever is bound; nothing is.
        let (mut rows, mut plan) = (statement.raw_query(), String::new());
        while let Some(row) = rows.next().unwrap() {
            plan.push_str(&row.get::<_, String>(3).unwrap());
            plan.push_str("; ");
        }
        assert!(plan.contains(index), "{sql}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}
