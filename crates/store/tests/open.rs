//! Opening: what is made, what is refused, and what is left alone.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Barrier;
use std::thread;

use decnet_emailgen::conformance::{Desk, everyone_always};
use decnet_emailgen::world::WorldLedger;
use decnet_store::{Durability, OpenError, OpenOptions, Store};
use rusqlite::Connection;

fn quick() -> OpenOptions {
    OpenOptions {
        durability: Durability::ProcessOnly,
        ..OpenOptions::default()
    }
}

fn only_existing() -> OpenOptions {
    OpenOptions {
        create: false,
        ..quick()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = Store::open(&path, OpenOptions::default()).unwrap();
    Desk::new(&mut store).apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    let mut files = 0;
    for entry in fs::read_dir(folder.path()).unwrap() {
        let file = entry.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        files += 1;
    }
    assert!(files >= 2, "the log lies beside the database");
}

#[test]
fn what_was_written_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut store = Store::open(&path, OpenOptions::default()).unwrap();
    let mut desk = Desk::new(&mut store);
    desk.apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    desk.deliver("ana@corp.example", "bob@corp.example", Some(30));
    let before = (store.world().unwrap(), store.usage().unwrap().mails);
    drop(store);
    let mut store = Store::open(&path, only_existing()).unwrap();
    assert_eq!(
        (store.world().unwrap(), store.usage().unwrap().mails),
        before
    );
    assert_eq!(store.integrity_problems().unwrap(), Vec::<String>::new());
}

#[test]
fn a_missing_database_is_made_only_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    match Store::open(&path, only_existing()) {
        Err(error @ OpenError::Missing { .. }) => assert!(!error.is_transient()),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let nowhere = folder.path().join("no").join("decnet.db");
    assert!(matches!(
        Store::open(&nowhere, quick()),
        Err(OpenError::Io { .. })
    ));
}

#[test]
fn a_newer_database_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    for journal in ["delete", "wal"] {
        let path = folder.path().join(format!("{journal}.db"));
        let other = Connection::open(&path).unwrap();
        other
            .query_row(&format!("PRAGMA journal_mode = {journal}"), [], |_| Ok(()))
            .unwrap();
        other
            .execute_batch("CREATE TABLE future (x); PRAGMA user_version = 4711")
            .unwrap();
        drop(other);
        let before = fs::read(&path).unwrap();
        match Store::open(&path, quick()) {
            Err(error @ OpenError::Newer { found, .. }) => {
                assert_eq!(found, 4_711);
                assert!(!error.is_transient());
                assert!(error.to_string().contains("4711"), "{error}");
            }
            other => panic!("{journal}: {other:?}"),
        }
        assert!(
            fs::read(&path).unwrap() == before,
            "{journal}: it was changed"
        );
    }
}

#[test]
fn what_is_no_database_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let text = "This is a letter, and quite a long one. ".repeat(500);
    fs::write(&path, &text).unwrap();
    let refused = Store::open(&path, quick());
    assert!(
        matches!(refused, Err(OpenError::NotADatabase { .. })),
        "{refused:?}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert!(
        Store::open(folder.path(), quick()).is_err(),
        "a folder is no database"
    );
}

#[test]
fn the_database_of_another_program_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let other = Connection::open(&path).unwrap();
    other
        .execute_batch("CREATE TABLE bookmarks (url TEXT); INSERT INTO bookmarks VALUES ('x')")
        .unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    let refused = Store::open(&path, quick());
    assert!(
        matches!(refused, Err(OpenError::NotADatabase { .. })),
        "{refused:?}"
    );
    assert!(fs::read(&path).unwrap() == before, "it was changed");
}

#[test]
fn an_empty_file_becomes_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    fs::write(&path, "").unwrap();
    let mut store = Store::open(&path, quick()).unwrap();
    assert!(store.usage().unwrap().schema_version > 0);
}

#[test]
fn many_may_open_a_fresh_file_at_once() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decnet.db");
        let start = Barrier::new(6);
        thread::scope(|scope| {
            for number in 0..6 {
                let (start, path) = (&start, &path);
                scope.spawn(move || {
                    start.wait();
                    let mut store = Store::open(path, quick()).unwrap();
                    let change = decnet_emailgen::world::WorldChange {
                        domains: vec![format!("own{number}.com")],
                        ..Default::default()
                    };
                    store.apply(&change, false, &mut |_| ()).unwrap();
                });
            }
        });
        let mut store = Store::open(&path, only_existing()).unwrap();
        assert_eq!(store.declared_domains().unwrap().len(), 6);
        assert_eq!(store.integrity_problems().unwrap(), Vec::<String>::new());
    }
}

#[test]
fn opening_twice_leaves_the_locks_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let mut first = Store::open(&path, quick()).unwrap();
    drop(Store::open(&path, quick()).unwrap());
    // Another program that comes and goes folds the log in and deletes it, unless it sees that
    // somebody else has the database open.
    let script = "import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute('SELECT count(*) FROM mail').fetchall()
connection.close()";
    let status = Command::new("python3")
        .args(["-c", script])
        .arg(&path)
        .status()
        .expect("python3 must be installed: it stands in for another program");
    assert!(status.success());
    Desk::new(&mut first).apply(&everyone_always(&["Ana", "Bob"], &["mx1"]));
    let mut second = Store::open(&path, only_existing()).unwrap();
    assert_eq!(second.world().unwrap(), first.world().unwrap());
}
