//! Putting backups back.

use super::*;

use decnet_store::{RestoreError, restore};
use std::process::Command;

fn causes(path: &Path) -> usize {
    open(path).jobs(&JobFilter::default()).unwrap().len()
}

#[test]
fn what_was_backed_up_is_there_again_and_what_it_replaces_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let backups = Backups::new(folder.path().join("backups"));
    let mut store = open(&path);
    fill(&mut store, 0, 10, 100);
    let taken = backups.take(&mut store, at(0), &mut on).unwrap();
    fill(&mut store, 10, 5, 100);
    drop(store);
    let log = folder.path().join("decnet.db-wal");
    assert!(
        fs::metadata(&log).unwrap().len() > 0,
        "there is something in the log"
    );
    let restored = restore(&path, &taken.file.path, at(5)).unwrap();
    assert!(restored.compared);
    assert_eq!(restored.facts, taken.facts);
    assert!(!log.exists());
    assert_eq!(causes(&path), 10);
    let kept = restored.kept.unwrap();
    assert_eq!(
        kept,
        folder
            .path()
            .join("decnet.db.before-restore-20241004T000005Z")
    );
    assert_eq!(causes(&kept), 15, "what was in the log is in it");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // And back again, within the same second.
    let again = restore(&path, &kept, at(5)).unwrap();
    assert!(!again.compared, "nothing lies beside it");
    assert_eq!(causes(&path), 15);
    assert_ne!(again.kept, Some(kept));
    let mut store = open(&path);
    fill(&mut store, 15, 1, 100);
    assert_eq!(store.integrity_problems().unwrap(), Vec::<String>::new());
}

#[test]
fn what_is_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let copy = folder.path().join("copy.db");
    let mut store = open(&path);
    fill(&mut store, 0, 3, 100);
    back_up(&mut store, &copy);
    let is_refused = || match restore(&path, &copy, at(0)) {
        Err(error @ RestoreError::InUse { .. }) => assert!(error.is_transient()),
        other => panic!("{other:?}"),
    };
    // By this process, which does nothing with it.
    is_refused();
    fill(&mut store, 3, 3, 100);
    assert_eq!(store.jobs(&JobFilter::default()).unwrap().len(), 6);
    drop(store);
    // By another one.
    let script = "import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute('SELECT count(*) FROM job').fetchall()
print('open', flush=True)
sys.stdin.read()";
    let mut other = Command::new("python3")
        .args(["-c", script])
        .arg(&path)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("python3 must be installed: it stands in for another process");
    let mut said = [0; 5];
    std::io::Read::read_exact(other.stdout.as_mut().unwrap(), &mut said).unwrap();
    is_refused();
    drop(other.stdin.take());
    assert!(other.wait().unwrap().success());
    assert_eq!(causes(&path), 6);
    let left = fs::read_dir(folder.path()).unwrap();
    let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let litter: Vec<String> = names.filter(|name| name.contains("restor")).collect();
    assert_eq!(litter, Vec::<String>::new());
    restore(&path, &copy, at(0)).unwrap();
    assert_eq!(causes(&path), 3);
}

#[test]
fn a_bad_backup_is_refused_and_a_bad_database_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("decnet.db");
    let copy = folder.path().join("copy.db");
    let mut store = open(&path);
    fill(&mut store, 0, 3, 100);
    let facts = back_up(&mut store, &copy);
    write_facts(&copy, &facts).unwrap();
    drop(store);
    let good = fs::read(&copy).unwrap();
    let mut bad = good.clone();
    let place = bad.len() - 50;
    bad[place] ^= 4;
    fs::write(&copy, &bad).unwrap();
    let refused = restore(&path, &copy, at(0));
    assert!(
        matches!(refused, Err(RestoreError::Backup { .. })),
        "{refused:?}"
    );
    assert_eq!(causes(&path), 3);
    fs::write(&copy, &good).unwrap();
    // No database at all, with a log that belongs to nothing any more.
    let wal = folder.path().join("decnet.db-wal");
    fs::write(&path, "This is a letter. ".repeat(1_000)).unwrap();
    fs::write(&wal, "and its log").unwrap();
    let restored = restore(&path, &copy, at(0)).unwrap();
    let kept = restored.kept.unwrap();
    assert!(fs::read(&kept).unwrap().starts_with(b"This is"));
    let kept_log = format!("{}-wal", kept.display());
    assert_eq!(fs::read(kept_log).unwrap(), b"and its log");
    assert_eq!(causes(&path), 3);
    // Where there is none.
    let nowhere = folder.path().join("new.db");
    assert_eq!(restore(&nowhere, &copy, at(0)).unwrap().kept, None);
    assert_eq!(causes(&nowhere), 3);
    // One from a newer decnet, and one of another program.
    for (sql, name) in [
        ("PRAGMA user_version = 4711", "newer.db"),
        ("CREATE TABLE bookmarks (url TEXT)", "other.db"),
    ] {
        let foreign = folder.path().join(name);
        Connection::open(&foreign)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
        assert!(restore(&path, &foreign, at(0)).is_err(), "{name}");
    }
    assert_eq!(causes(&path), 3);
}
