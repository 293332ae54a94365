//! What the engine of self-healing did, in the database: the store does what every ledger has to do,
//! and shows the same as the ledger in memory, whatever happens to both.

#[path = "heal/side_by_side.rs"]
mod side_by_side;

use std::cell::Cell;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_self_heal::action::{IdempotencyKey, Tier};
use decnet_self_heal::attempt::{Epoch, ErrorCode, ExecutionError};
use decnet_self_heal::conformance;
use decnet_self_heal::decision::Plan;
use decnet_self_heal::fleet::Budget;
use decnet_self_heal::freeze::Presence;
use decnet_self_heal::ledger::{
    AttemptFilter, Begun, HealLedger, HealLedgerError, Intake, Recorded, TargetId, View,
};
use decnet_self_heal::limits::Limits;
use decnet_self_heal::point::Point;
use decnet_store::{Durability, OpenOptions, Store};
use rusqlite::Connection;

const ALL: View = View {
    points_from: DateTime::<Utc>::MIN_UTC,
    beginnings_from: DateTime::<Utc>::MIN_UTC,
};

fn open(path: &Path) -> Store {
    let options = OpenOptions {
        durability: Durability::ProcessOnly,
        ..OpenOptions::default()
    };
    Store::open(path, options).unwrap()
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

fn plan(target: &str, tier: Tier) -> Plan {
    Plan {
        policy: "stagnation".to_owned(),
        target: target.to_owned(),
        tier,
        action: tier.action(),
        key: IdempotencyKey::of(target, tier.action(), tier),
        epoch: Epoch(1),
        stagnation: Some(0.97),
        trend: None,
        last_change: Some(at(-5)),
    }
}

fn begin(store: &mut Store, plan: &Plan, minutes: i64) -> Begun {
    let (limits, budget) = (Limits::default(), Budget::default());
    store
        .begin(plan, &limits, budget, at(minutes), at(minutes + 10))
        .unwrap()
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
    let point = Point {
        at: at(0),
        impressions: u64::MAX,
        engagements: 3,
    };
    let presence = Presence {
        id: "s".to_owned(),
        target: "p1".to_owned(),
        since: at(0),
        until: None,
    };
    store
        .take_in(&Intake {
            points: &[("p1", point)],
            presences: std::slice::from_ref(&presence),
            position: Some(("hits", 12)),
            ..Intake::default()
        })
        .unwrap();
    for (target, tier) in [("p1", Tier::One), ("p2", Tier::Two), ("p3", Tier::Three)] {
        let begun = begin(&mut store, &plan(target, tier), 1);
        assert!(matches!(begun, Begun::Yes(_)), "{begun:?}");
    }
    let result = serde_json::json!({"file": "a b"});
    let [third, second, _] = &store.attempts(&AttemptFilter::default()).unwrap()[..] else {
        panic!("three began");
    };
    let recorded = store.record_success(second.id, 1, &result, at(2)).unwrap();
    assert_eq!(recorded, Recorded::Yes);
    let error = ExecutionError::new(ErrorCode::RateLimit, "come back later");
    let recorded = store.record_failure(third.id, 1, &error, Some(at(9)), at(3));
    assert_eq!(recorded.unwrap(), Recorded::Yes);
    assert!(store.pause(Some("p1"), at(4)).unwrap());
    let look = |store: &mut Store| {
        (
            store.targets(TargetId(0), 10, ALL).unwrap(),
            store.attempts(&AttemptFilter::default()).unwrap(),
            store.fleet(ALL.beginnings_from, at(0)).unwrap(),
            store.paused().unwrap(),
            store.log(0, 100).unwrap(),
            store.presences(at(100)).unwrap(),
            store.position("hits").unwrap(),
        )
    };
    let before = look(&mut store);
    assert_eq!((before.4.len(), before.6), (6, 12));
    drop(store);
    let mut store = open(&path);
    assert_eq!(look(&mut store), before);
    conformance::agrees_with_its_log(&mut store);
    assert_eq!(store.integrity_problems().unwrap(), Vec::<String>::new());
}

#[test]
fn what_many_begin_at_once_one_begins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    drop(open(&path));
    for round in 0..40 {
        let start = Barrier::new(2);
        let plan = plan(&format!("p{round}"), Tier::One);
        // Each round is in an hour of its own, so that none uses up the budget of another.
        let now = 100 * round;
        let begun: Vec<Begun> = thread::scope(|scope| {
            let racers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let mut store = open(&path);
                        start.wait();
                        begin(&mut store, &plan, now)
                    })
                })
                .collect();
            racers
                .into_iter()
                .map(|racer| racer.join().unwrap())
                .collect()
        });
        let held = begun.iter().filter(|begun| matches!(begun, Begun::Yes(_)));
        assert_eq!(held.count(), 1, "{begun:?}");
        let refused = begun.iter().find_map(|begun| match begun {
            Begun::Refused(reason) => Some(reason.name()),
            Begun::Yes(_) => None,
        });
        assert_eq!(refused, Some("duplicate_action"));
    }
    let mut store = open(&path);
    assert_eq!(store.attempts(&AttemptFilter::default()).unwrap().len(), 40);
    conformance::agrees_with_its_log(&mut store);
}

#[test]
fn what_many_take_up_at_once_one_takes_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let begun = begin(&mut open(&path), &plan("p1", Tier::One), 0);
    let Begun::Yes(held) = begun else {
        panic!("{begun:?}");
    };
    for token in 1..=30 {
        let now = at(i64::from(token) * 10);
        let start = Barrier::new(4);
        let taken = thread::scope(|scope| {
            let racers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut store = open(&path);
                        start.wait();
                        let lease_until = now + TimeDelta::minutes(10);
                        let id = held.attempt.id;
                        store.take_up(id, token, now, lease_until).unwrap()
                    })
                })
                .collect();
            let held = racers.into_iter().filter_map(|racer| racer.join().unwrap());
            held.count()
        });
        assert_eq!(taken, 1, "try {token}");
    }
}

#[test]
fn finer_times_than_microseconds_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("decnet.db"));
    let fine = TimeDelta::nanoseconds(1_999);
    let whole = TimeDelta::microseconds(1);
    let plan = plan("p1", Tier::One);
    let (limits, budget) = (Limits::default(), Budget::default());
    let begun = store.begin(&plan, &limits, budget, at(0) + fine, at(10) + fine);
    let Begun::Yes(held) = begun.unwrap() else {
        panic!("it was refused");
    };
    assert_eq!(held.attempt.started_at, at(0) + whole);
    assert_eq!(held.attempt.status.claimable_at(), Some(at(10) + whole));
    let error = ExecutionError::new(ErrorCode::Timeout, "");
    let (id, retry) = (held.attempt.id, Some(at(5) + fine));
    let recorded = store.record_failure(id, 1, &error, retry, at(1) + fine);
    assert_eq!(recorded.unwrap(), Recorded::Yes);
    // The log says the same as the tables.
    conformance::agrees_with_its_log(&mut store);
    assert_eq!(store.unfinished(at(5) + fine, 9).unwrap().len(), 1);
    let taken = store.take_up(id, 1, at(5) + fine, at(6) + fine).unwrap();
    assert!(taken.is_some());
    assert!(store.pause(Some("p1"), at(7) + fine).unwrap());
    conformance::agrees_with_its_log(&mut store);
    let fleet = store.fleet(at(0) + fine, at(0)).unwrap();
    assert_eq!(fleet.begun.len(), 0, "it began before that");
}

#[test]
fn what_somebody_else_wrote_into_the_database_is_told() {
    for damage in [
        "UPDATE heal_attempt SET plan = '['",
        "UPDATE heal_attempt SET status = 'failed', settled_at = 1, error_code = 'x',
                                 error_detail = ''",
        "UPDATE heal_beginning SET action = 'dance'",
        "UPDATE heal_log SET event = '{\"event\":\"exploded\"}'",
        "UPDATE heal_log SET at = 9223372036854775807",
        "PRAGMA ignore_check_constraints = 1; UPDATE heal_points SET points = x'00'",
        "PRAGMA ignore_check_constraints = 1; UPDATE heal_attempt SET status = 'lost'",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decnet.db");
        let mut store = open(&path);
        let point = Point {
            at: at(0),
            impressions: 1,
            engagements: 1,
        };
        let intake = Intake {
            points: &[("p1", point)],
            ..Intake::default()
        };
        store.take_in(&intake).unwrap();
        assert!(matches!(
            begin(&mut store, &plan("p1", Tier::One), 1),
            Begun::Yes(_)
        ));
        let vandal = Connection::open(&path).unwrap();
        vandal.execute_batch(damage).unwrap();
        let shown = store
            .target("p1", ALL)
            .and_then(|_| store.attempts(&AttemptFilter::default()))
            .and_then(|_| store.log(0, 10));
        assert!(
            matches!(shown, Err(HealLedgerError::Corrupt { .. })),
            "{damage}: {shown:?}"
        );
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
        let rows = statement
            .query_map([], |row| row.get::<_, String>(3))
            .unwrap();
        rows.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    };
    for (sql, index) in [
        (
            "SELECT target_id, policy, key, epoch, started_at, tries,
                    status, claimable_at, settled_at, error_code, error_detail
             FROM heal_attempt WHERE target_id BETWEEN 1 AND 9 AND is_current = 1
             ORDER BY target_id, policy, key",
            "COVERING INDEX heal_attempt_current",
        ),
        (
            "SELECT * FROM heal_attempt
             WHERE target_id = 1 AND policy = 'a' AND key = 'b' AND epoch = 4",
            "sqlite_autoindex_heal_attempt_1",
        ),
        (
            "SELECT * FROM heal_attempt WHERE claimable_at <= 5 ORDER BY claimable_at, id LIMIT 9",
            "heal_attempt_claimable",
        ),
        (
            "SELECT * FROM heal_attempt WHERE status = 'failed' ORDER BY id DESC LIMIT 9",
            "heal_attempt_failed",
        ),
        (
            "SELECT * FROM heal_attempt
             WHERE target_id = (SELECT id FROM heal_target WHERE name = 'x')
             AND (NULL IS NULL OR status = NULL) ORDER BY id DESC LIMIT 9",
            "heal_attempt_of",
        ),
        (
            "SELECT * FROM heal_beginning WHERE target_id = 1 AND at >= 5",
            "PRIMARY KEY",
        ),
        (
            "SELECT action, at, seen_ahead_at FROM heal_beginning WHERE at >= 5 ORDER BY at",
            "COVERING INDEX heal_beginning_at",
        ),
        (
            "SELECT 1 FROM heal_beginning
             WHERE at > 5 AND (seen_ahead_at IS NULL OR seen_ahead_at > 5)",
            "COVERING INDEX heal_beginning_at",
        ),
        (
            "SELECT * FROM heal_episode WHERE target_id BETWEEN 1 AND 9
             ORDER BY target_id, policy",
            "PRIMARY KEY",
        ),
        (
            "SELECT * FROM heal_presence WHERE until IS NULL",
            "heal_presence_until",
        ),
        (
            "SELECT * FROM heal_presence WHERE until > 5",
            "heal_presence_until",
        ),
        (
            "SELECT name FROM heal_target WHERE paused_since IS NOT NULL ORDER BY name",
            "heal_target_paused",
        ),
        (
            "SELECT id FROM heal_target WHERE name = 'x'",
            "COVERING INDEX sqlite_autoindex_heal_target_1",
        ),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index), "{sql}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        assert!(!plan.contains("SCAN heal_beginning"), "{sql}: {plan}");
    }
}
