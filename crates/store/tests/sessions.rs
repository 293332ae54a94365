//! The SQLite store does what every session ledger has to do, and its locks hold between processes.

use std::cell::Cell;
use std::path::Path;

use chrono::{DateTime, Utc};
use decnet_session_pipeline::conformance;
use decnet_session_pipeline::ledger::{Begun, RunReport, SessionLedger};
use decnet_store::{Durability, OpenOptions, Store};

fn open(path: &Path) -> Store {
    let options = OpenOptions {
        durability: Durability::ProcessOnly,
        ..OpenOptions::default()
    };
    Store::open(path, options).unwrap()
}

#[test]
fn the_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Cell::new(0);
    conformance::ledger::check(|| {
        opened.set(opened.get() + 1);
        open(&folder.path().join(format!("{}.db", opened.get())))
    });
}

#[test]
fn a_lock_is_held_by_one_store_and_goes_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let (mut first, mut second) = (open(&path), open(&path));
    let now = DateTime::<Utc>::UNIX_EPOCH;
    let Begun::Run(run) = first.begin_run("usage", 1, "first", now).unwrap() else {
        panic!("somebody holds the lock of a fresh database");
    };
    let held = second.begin_run("usage", 1, "second", now).unwrap();
    assert!(matches!(held, Begun::Held { by: Some((who, _)) } if who == "first"));
    // Another processor is another lock.
    assert!(matches!(
        second.begin_run("cowrie", 1, "second", now),
        Ok(Begun::Run(_))
    ));
    first.end_run(run, &RunReport::default(), now).unwrap();
    let Begun::Run(_) = second.begin_run("usage", 1, "second", now).unwrap() else {
        panic!("the lock of a run that ended is held");
    };
    drop(second);
    assert!(matches!(
        first.begin_run("usage", 1, "first", now),
        Ok(Begun::Run(_))
    ));
    let runs = first.runs("usage", 10).unwrap();
    assert_eq!(runs.len(), 3);
    assert!(runs[0].ended_at.is_none() && runs[1].ended_at.is_none());
}
