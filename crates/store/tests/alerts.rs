//! Alerts in the database.

use std::cell::Cell;
use std::path::Path;
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_alert::alert::{Alert, AlertId, AlertKind, Severity};
use decnet_alert::conformance;
use decnet_alert::ledger::{AlertFilter, AlertLedger, AlertLedgerError, Raised};
use decnet_alert::sink::SinkName;
use decnet_store::{Durability, OpenOptions, Store};
use rusqlite::Connection;

const KIND: AlertKind = AlertKind::constant("first-login");
const FILE: SinkName = SinkName::constant("file");

fn open(path: &Path) -> Store {
    let options = OpenOptions {
        durability: Durability::ProcessOnly,
        ..OpenOptions::default()
    };
    Store::open(path, options).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn alert(key: &str) -> Alert {
    Alert::new(KIND, key, Severity::Notice, at(1), "x").unwrap()
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
fn what_many_processes_raise_at_once_is_one_alert() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    drop(open(&path));
    let new = thread::scope(|scope| {
        let raisers: Vec<_> = (0..8)
            .map(|id| {
                let path = &path;
                scope.spawn(move || {
                    open(path)
                        .raise(AlertId(id), &alert("mx1"), &[FILE])
                        .unwrap()
                })
            })
            .collect();
        let raised = raisers.into_iter().map(|raiser| raiser.join().unwrap());
        raised
            .filter(|raised| matches!(raised, Raised::New(_)))
            .count()
    });
    assert_eq!(new, 1);
    let listed = open(&path).alerts(&AlertFilter::default()).unwrap();
    assert_eq!((listed.len(), listed[0].times), (1, 8));
    assert_eq!(listed[0].deliveries.len(), 1);
}

#[test]
fn what_many_processes_claim_at_once_is_claimed_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    for id in 0..40 {
        let raised = store.raise(AlertId(id), &alert(&format!("mx{id}")), &[FILE]);
        assert_eq!(raised.unwrap(), Raised::New(AlertId(id)));
    }
    let mut claimed: Vec<u128> = thread::scope(|scope| {
        let claimers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut store = open(&path);
                    let mut claimed = Vec::new();
                    while let [delivery] =
                        &store.claim_deliveries(&FILE, at(2), at(60), 1).unwrap()[..]
                    {
                        assert_eq!(delivery.attempt, 1);
                        claimed.push(delivery.id.0);
                    }
                    claimed
                })
            })
            .collect();
        claimers
            .into_iter()
            .flat_map(|claimer| claimer.join().unwrap())
            .collect()
    });
    claimed.sort_unstable();
    assert_eq!(claimed, (0..40).collect::<Vec<_>>());
}

#[test]
fn an_id_that_was_drawn_twice_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("decnet.db"));
    assert!(store.raise(AlertId(1), &alert("a"), &[FILE]).is_ok());
    let refused = store.raise(AlertId(1), &alert("b"), &[FILE]);
    assert!(
        matches!(refused, Err(AlertLedgerError::Failed { .. })),
        "{refused:?}"
    );
    assert_eq!(store.alerts(&AlertFilter::default()).unwrap().len(), 1);
}

#[test]
fn what_somebody_else_wrote_into_the_database_is_told() {
    for damage in [
        "UPDATE alert SET kind = 'No Kind'",
        "UPDATE alert SET severity = 0",
        "UPDATE alert SET facts = '['",
        "UPDATE alert SET id = 'x'",
        "UPDATE alert SET key = ''",
        "UPDATE alert_delivery SET sink = 'a b'",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decnet.db");
        let mut store = open(&path);
        assert!(store.raise(AlertId(1), &alert("a"), &[FILE]).is_ok());
        Connection::open(&path)
            .unwrap()
            .execute_batch(damage)
            .unwrap();
        let listed = store.alerts(&AlertFilter::default());
        assert!(
            matches!(listed, Err(AlertLedgerError::Corrupt { .. })),
            "{damage}: {listed:?}"
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
            "SELECT 1 FROM alert_delivery WHERE sink = 'x' AND claimable_at <= 5
             ORDER BY claimable_at, alert LIMIT 1",
            "alert_delivery_waiting",
        ),
        (
            "SELECT DISTINCT sink FROM alert_delivery WHERE claimable_at IS NOT NULL",
            "alert_delivery_waiting",
        ),
        (
            "SELECT * FROM alert WHERE kind = 'x' AND key = 'y'",
            "sqlite_autoindex_alert",
        ),
        (
            "SELECT * FROM alert WHERE id = 'x'",
            "sqlite_autoindex_alert",
        ),
        (
            "SELECT * FROM alert WHERE kind = 'x' ORDER BY number DESC LIMIT 5",
            "alert_kind",
        ),
        (
            "SELECT alert FROM alert_delivery WHERE state = 'given-up'",
            "alert_delivery_state",
        ),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index), "{sql}: {plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}
