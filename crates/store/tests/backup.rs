//! Backups of a database that is written to, and what they restore to.

#[path = "backup/restoring.rs"]
mod restoring;

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_background::backup::{
    BackupError, BackupFacts, BackupTarget, Backups, DrillFailure, Step, read_facts, write_facts,
};
use decnet_background::job::NewJob;
use decnet_background::ledger::{Ending, JobFilter, JobLedger, Settled, Wanted};
use decnet_store::{Durability, OpenOptions, Store, check_backup};
use decnet_tests::mount::Small;
use rusqlite::Connection;
use serde_json::json;

fn open(path: &Path) -> Store {
    let options = OpenOptions {
        durability: Durability::ProcessOnly,
        ..OpenOptions::default()
    };
    Store::open(path, options).unwrap()
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
}

fn on<T>(_: T) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn fill(store: &mut Store, from: usize, count: usize, bytes: usize) {
    let text = "text of a letter ".repeat(bytes / 17 + 1);
    let jobs: Vec<NewJob> = (from..from + count)
        .map(|number| NewJob::new("kind", number.to_string(), json!({ "text": text })))
        .collect();
    assert_eq!(store.enqueue(&jobs, at(0)).unwrap().len(), count);
}

fn back_up(store: &mut Store, to: &Path) -> BackupFacts {
    store.back_up(to, &mut on).unwrap()
}

#[test]
fn a_copy_is_private_passes_its_drill_and_opens_like_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("decnet.db"));
    fill(&mut store, 0, 50, 1_000);
    // A name that means something in URIs.
    let copy = folder.path().join("a copy?immutable=0#50%.db");
    let facts = back_up(&mut store, &copy);
    assert_eq!(facts.rows["job"], 50);
    assert_eq!(facts.heads["job"], 50);
    assert_eq!(facts.bytes, fs::metadata(&copy).unwrap().len());
    assert_eq!(facts.sha256.len(), 64);
    let mode = fs::metadata(&copy).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    store.drill(&copy, &facts).unwrap();
    assert_eq!(check_backup(&copy, None).unwrap(), facts);
    let beside: Vec<PathBuf> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("copy"))
        .collect();
    assert_eq!(
        beside,
        std::slice::from_ref(&copy),
        "a drill leaves nothing beside it"
    );
    let listed = open(&copy).jobs(&JobFilter::default()).unwrap();
    assert_eq!(listed, store.jobs(&JobFilter::default()).unwrap());
    assert!(
        store.back_up(&copy, &mut on).is_err(),
        "it overwrites nothing"
    );
}

/// Each job that is done has caused one of another kind, in one transaction.
#[test]
fn a_copy_made_under_writes_is_of_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = open(&path);
    fill(&mut store, 0, 4_000, 2_000);
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut store = open(&path);
            let wanted = [Wanted {
                kind: "kind",
                most: 1,
            }];
            let mut written: u32 = 0;
            while !ends.load(Ordering::SeqCst) {
                let claimed = store.claim(&wanted, at(1), at(900)).unwrap();
                let Some(job) = claimed.first() else { break };
                let settled = Settled {
                    id: job.id,
                    token: job.token,
                    ending: Ending::Done,
                };
                let caused = NewJob::new("caused", &job.cause, json!("x".repeat(3_000)));
                assert_eq!(
                    store
                        .settle(&[(settled, vec![caused])], at(2))
                        .unwrap()
                        .len(),
                    1
                );
                written += 1;
            }
            written
        });
        let mut different = 0;
        for number in 0..5 {
            let copy = folder.path().join(format!("{number}.db"));
            let mut steps = 0;
            let mut slowly = |_| {
                steps += 1;
                thread::sleep(std::time::Duration::from_millis(10));
                ControlFlow::Continue(())
            };
            let facts = store.back_up(&copy, &mut slowly).unwrap();
            assert!(steps > 2, "{steps}");
            store.drill(&copy, &facts).unwrap();
            let counts = open(&copy).counts().unwrap();
            let count = |kind: &str, state: &str| -> u64 {
                let of = |(other, of, _): &&(String, _, u64)| {
                    other == kind && decnet_background::job::JobState::name(*of) == state
                };
                counts.iter().find(of).map_or(0, |(_, _, count)| *count)
            };
            assert_eq!(
                count("kind", "done"),
                count("caused", "waiting"),
                "{counts:?}"
            );
            let now = store.counts().unwrap();
            different += u32::from(now != counts);
        }
        ends.store(true, Ordering::SeqCst);
        assert!(writer.join().unwrap() > 20, "somebody wrote meanwhile");
        assert!(different > 0, "it was written to while it was copied");
    });
}

#[test]
fn one_flipped_bit_anywhere_fails_the_drill() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("decnet.db"));
    fill(&mut store, 0, 40, 2_000);
    let copy = folder.path().join("copy.db");
    let facts = back_up(&mut store, &copy);
    let good = fs::read(&copy).unwrap();
    let (mut lot, mut seen_by_sqlite) = (7_u64, 0);
    for _ in 0..200 {
        lot = lot.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let place = usize::try_from(lot >> 16).unwrap() % good.len();
        let mut bad = good.clone();
        bad[place] ^= 1 << (lot >> 61);
        fs::write(&copy, &bad).unwrap();
        let failed = store.drill(&copy, &facts);
        assert!(
            matches!(failed, Err(DrillFailure::Digest { .. })),
            "{place}: {failed:?}"
        );
        seen_by_sqlite += u32::from(check_backup(&copy, None).is_err());
    }
    assert!(seen_by_sqlite < 200, "which is why there is a digest");
    fs::write(&copy, &good).unwrap();
    store.drill(&copy, &facts).unwrap();
    for length in [0, 1, 100, 4_096, good.len() / 2, good.len() - 1] {
        fs::write(&copy, &good[..length]).unwrap();
        let failed = store.drill(&copy, &facts);
        assert!(
            matches!(failed, Err(DrillFailure::Bytes { .. })),
            "{length}: {failed:?}"
        );
    }
    fs::remove_file(&copy).unwrap();
    let failed = store.drill(&copy, &facts);
    assert!(
        matches!(failed, Err(DrillFailure::Unreadable { .. })),
        "{failed:?}"
    );
}

/// What a digest alone does not see: a whole and healthy copy of something else.
#[test]
fn a_copy_that_is_whole_but_another_one_fails_the_drill() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("decnet.db"));
    fill(&mut store, 0, 10, 100);
    let copy = folder.path().join("copy.db");
    let facts = back_up(&mut store, &copy);
    let mut lies = [facts.clone(), facts.clone(), facts.clone(), facts.clone()];
    lies[0].rows.insert("job".to_owned(), 11);
    lies[1].heads.insert("job".to_owned(), 9);
    lies[2].rows.remove("mail");
    lies[3].schema_version -= 1;
    for lie in lies {
        let failed = store.drill(&copy, &lie);
        let is_seen = matches!(
            failed,
            Err(DrillFailure::Rows { .. }
                | DrillFailure::Head { .. }
                | DrillFailure::Schema { .. })
        );
        assert!(is_seen, "{failed:?}");
    }
    // Rows that refer to nothing.
    let other = Connection::open(&copy).unwrap();
    other
        .execute_batch(
            "PRAGMA journal_mode = DELETE; PRAGMA foreign_keys = OFF;
             INSERT INTO alert_delivery (alert, sink, state, claimable_at)
             VALUES (77, 'file', 'waiting', 0)",
        )
        .unwrap();
    drop(other);
    let failed = check_backup(&copy, None);
    let expected = DrillFailure::References {
        count: 1,
        first: "alert_delivery".to_owned(),
    };
    assert_eq!(failed, Err(expected));
}

#[test]
fn a_full_disk_leaves_the_old_backups() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("decnet.db"));
    fill(&mut store, 0, 100, 1_000);
    let place = folder.path().join("backups");
    let Some(small) = Small::over(&place, 2_000) else {
        return;
    };
    let backups = Backups::new(&place);
    let kept = backups.take(&mut store, at(0), &mut on).unwrap().file;
    fill(&mut store, 100, 1_000, 1_500);
    for number in 1..3 {
        let error = backups.take(&mut store, at(number), &mut on).unwrap_err();
        assert!(error.is_transient(), "{error}");
        assert_eq!(backups.list().unwrap(), std::slice::from_ref(&kept));
    }
    let facts = read_facts(&kept.path).unwrap().unwrap();
    store.drill(&kept.path, &facts).unwrap();
    small.grow(9_000);
    backups.take(&mut store, at(9), &mut on).unwrap();
    assert_eq!(backups.list().unwrap().len(), 2);
}

#[test]
fn one_that_is_killed_midway_leaves_no_half_file_with_a_final_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("decnet.db"));
    fill(&mut store, 0, 3_000, 4_000);
    let backups = Backups::new(folder.path().join("backups"));
    for number in 0..7 {
        let mut left = number;
        let mut killed = |_: Step| {
            assert!(left > 0, "killed");
            left -= 1;
            ControlFlow::Continue(())
        };
        let take = AssertUnwindSafe(|| backups.take(&mut store, at(number), &mut killed));
        assert!(catch_unwind(take).is_err());
        assert_eq!(backups.list().unwrap(), [], "after {number} steps");
    }
    let mut cancelled = |step: Step| match step {
        Step::Copying(copying) if copying.done * 2 > copying.total => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    let error = backups
        .take(&mut store, at(50), &mut cancelled)
        .unwrap_err();
    assert!(matches!(error, BackupError::Cancelled), "{error}");
    let taken = backups.take(&mut store, at(60), &mut on).unwrap();
    let left: Vec<_> = fs::read_dir(&backups.folder).unwrap().collect();
    assert_eq!(left.len(), 3, "the backup, its facts, the lock");
    store.drill(&taken.file.path, &taken.facts).unwrap();
}

#[test]
fn a_database_is_copied_before_its_schema_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let earlier = Connection::open(&path).unwrap();
    let first = include_str!("../src/migrations/0001_world_and_mail.sql");
    earlier.execute_batch(first).unwrap();
    let row = "INSERT INTO follow_up (kind, cause, payload) VALUES ('a', 'b', '1');
               PRAGMA user_version = 1";
    earlier.execute_batch(row).unwrap();
    drop(earlier);
    let backups = folder.path().join("backups");
    let options = OpenOptions {
        backup_before_migration: Some(backups.clone()),
        ..OpenOptions::default()
    };
    let copy = backups.join("before-migration-0001.db");
    // Where no copy can be made, nothing is changed.
    fs::write(&backups, "a file").unwrap();
    assert!(Store::open(&path, options.clone()).is_err());
    fs::remove_file(&backups).unwrap();
    let mut store = Store::open(&path, options.clone()).unwrap();
    assert_eq!(store.jobs(&JobFilter::default()).unwrap().len(), 1);
    let facts = read_facts(&copy).unwrap().unwrap();
    assert_eq!((facts.schema_version, facts.rows["follow_up"]), (1, 1));
    assert_eq!(check_backup(&copy, Some(&facts)).unwrap(), facts);
    fs::remove_dir_all(&backups).unwrap();
    drop(Store::open(&path, options.clone()).unwrap());
    drop(Store::open(&folder.path().join("new.db"), options).unwrap());
    assert!(!backups.exists(), "there was nothing to migrate");
}
