//! Backups: what is kept whatever goes wrong, and at whatever moment it ends.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use decnet_background::backup::{
    BackupError, BackupFacts, BackupTarget, Backups, Copying, DrillFailure, Step, keep_copy,
    read_facts,
};

/// Writes files that say what they hold.
#[derive(Default)]
struct Fake {
    content: String,
    fault: Fault,
}

#[derive(Default, PartialEq, Eq)]
enum Fault {
    #[default]
    None,
    /// It cannot be read.
    Fails,
    /// Half of it is written, and then no more.
    Full,
    /// The copy is another one than it says.
    Lies,
    /// Nothing is written at all, and it says so to nobody.
    WritesNothing,
}

impl BackupTarget for Fake {
    fn back_up(
        &mut self,
        to: &Path,
        on_step: &mut dyn FnMut(Copying) -> ControlFlow<()>,
    ) -> Result<BackupFacts, BackupError> {
        assert!(!to.exists(), "{}", to.display());
        let storage = |detail: &str, is_transient| BackupError::Storage {
            path: to.to_owned(),
            detail: detail.to_owned(),
            is_transient,
        };
        let half = &self.content[..self.content.len() / 2];
        match self.fault {
            Fault::Fails => return Err(storage("unreadable", false)),
            Fault::Full => {
                fs::write(to, half).unwrap();
                return Err(storage("disk full", true));
            }
            Fault::WritesNothing => {}
            Fault::Lies => fs::write(to, half).unwrap(),
            Fault::None => {
                fs::write(to, half).unwrap();
                let copying = Copying { done: 1, total: 2 };
                if on_step(copying).is_break() {
                    return Err(BackupError::Cancelled);
                }
                fs::write(to, &self.content).unwrap();
            }
        }
        Ok(facts(&self.content))
    }

    fn drill(&mut self, file: &Path, facts: &BackupFacts) -> Result<(), DrillFailure> {
        let found = fs::read(file).unwrap().len() as u64;
        let expected = facts.bytes;
        match found == expected {
            true => Ok(()),
            false => Err(DrillFailure::Bytes { expected, found }),
        }
    }
}

fn facts(content: &str) -> BackupFacts {
    BackupFacts {
        schema_version: 9,
        bytes: content.len() as u64,
        sha256: "00".to_owned(),
        rows: BTreeMap::from([("mail".to_owned(), 3)]),
        heads: BTreeMap::from([("mail".to_owned(), 7)]),
    }
}

fn fake(content: &str) -> Fake {
    Fake {
        content: content.to_owned(),
        fault: Fault::None,
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
}

fn on(_: Step) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != ".backup.lock").collect();
    names.sort();
    names
}

/// Contents of the backups, oldest first.
fn contents(backups: &Backups) -> Vec<String> {
    let read = |path: PathBuf| fs::read_to_string(path).unwrap();
    let list = backups.list().unwrap();
    list.into_iter().map(|file| read(file.path)).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_backup_is_private_has_its_facts_beside_it_and_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let backups = Backups::new(folder.path().join("deep").join("backups"));
    assert_eq!(backups.keep, 14);
    assert_eq!(backups.list().unwrap(), []);
    assert_eq!(backups.last_success().unwrap(), None);
    let mut steps = Vec::new();
    let mut watch = |step| {
        steps.push(step);
        ControlFlow::Continue(())
    };
    let taken = backups.take(&mut fake("one"), at(0), &mut watch).unwrap();
    assert_eq!(taken.facts, facts("one"));
    assert!(taken.pruned.is_empty() && taken.not_pruned.is_none());
    assert_eq!(steps[0], Step::Locked);
    assert_eq!(steps.last(), Some(&Step::Pruned));
    assert_eq!(backups.list().unwrap(), std::slice::from_ref(&taken.file));
    assert_eq!(backups.last_success().unwrap(), Some(at(0)));
    assert_eq!(read_facts(&taken.file.path).unwrap(), Some(facts("one")));
    assert_eq!(mode(&backups.folder), 0o700);
    for name in names(&backups.folder) {
        assert_eq!(mode(&backups.folder.join(&name)), 0o600, "{name}");
    }
    let expected = [
        "decnet-20241004T000000Z.db",
        "decnet-20241004T000000Z.db.json",
    ];
    assert_eq!(names(&backups.folder), expected);
}

#[test]
fn old_ones_go_and_files_of_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let backups = Backups {
        keep: 3,
        ..Backups::new(folder.path())
    };
    let others = [
        "notes.txt",
        "decnet.db",
        "decnet-old.db",
        "before-migration-0008.db",
        "a.partial",
    ];
    for other in others {
        fs::write(folder.path().join(other), "x").unwrap();
    }
    for number in 0..5 {
        let mut target = fake(&format!("{number}"));
        let taken = backups.take(&mut target, at(number), &mut on).unwrap();
        assert_eq!(taken.pruned.len(), usize::from(number >= 3));
    }
    assert_eq!(contents(&backups), ["2", "3", "4"]);
    assert_eq!(names(folder.path()).len(), 3 * 2 + others.len());
    // Several of one second.
    for _ in 0..2 {
        backups.take(&mut fake("again"), at(4), &mut on).unwrap();
    }
    assert_eq!(contents(&backups), ["4", "again", "again"]);
    let none_kept = Backups {
        keep: 0,
        ..backups.clone()
    };
    none_kept.take(&mut fake("last"), at(9), &mut on).unwrap();
    assert_eq!(contents(&backups), ["last"]);
    // After the clock was put back, the newest is not the one that goes.
    none_kept
        .take(&mut fake("earlier"), at(-9), &mut on)
        .unwrap();
    assert_eq!(contents(&backups), ["earlier"]);
}

#[test]
fn backups_of_one_second_stay_in_order_while_old_ones_go() {
    let folder = tempfile::tempdir().unwrap();
    let backups = Backups {
        keep: 2,
        ..Backups::new(folder.path())
    };
    for number in 0..5 {
        let mut target = fake(&number.to_string());
        backups.take(&mut target, at(0), &mut on).unwrap();
    }
    assert_eq!(contents(&backups), ["3", "4"]);
}

#[test]
fn what_fails_leaves_the_old_ones_and_no_litter() {
    let folder = tempfile::tempdir().unwrap();
    let backups = Backups {
        keep: 1,
        ..Backups::new(folder.path())
    };
    backups.take(&mut fake("good"), at(0), &mut on).unwrap();
    let before = names(folder.path());
    let fails = |fault, number| {
        let mut target = Fake {
            fault,
            ..fake("another")
        };
        backups.take(&mut target, at(number), &mut on).unwrap_err()
    };
    let error = fails(Fault::Fails, 1);
    assert!(!error.is_transient(), "{error}");
    assert_eq!(names(folder.path()), before);
    let error = fails(Fault::Full, 2);
    assert!(error.is_transient(), "{error}");
    assert_eq!(names(folder.path()), before);
    let error = fails(Fault::WritesNothing, 3);
    assert!(matches!(error, BackupError::Io { .. }), "{error}");
    assert_eq!(names(folder.path()), before);
    for number in 4..7 {
        let error = fails(Fault::Lies, number);
        let BackupError::Drill { failure, set_aside } = error else {
            panic!("{error}");
        };
        let expected = DrillFailure::Bytes {
            expected: 7,
            found: 3,
        };
        assert_eq!(failure, expected);
        let aside = set_aside.unwrap();
        assert!(aside.to_str().unwrap().ends_with(".db.failed"));
        assert_eq!(names(folder.path()).len(), before.len() + 1, "at most one");
    }
    assert_eq!(contents(&backups), ["good"]);
    assert_eq!(backups.last_success().unwrap(), Some(at(0)));
    backups.take(&mut fake("better"), at(9), &mut on).unwrap();
    assert_eq!(contents(&backups), ["better"]);
}

/// Whatever the moment, nothing that has the name of a backup is anything but a good one.
#[test]
fn a_kill_between_any_two_steps_leaves_good_backups_alone() {
    let mut ended = 0;
    for (kill, steps) in [true, false]
        .into_iter()
        .flat_map(|kill| (0..20).map(move |n| (kill, n)))
    {
        let folder = tempfile::tempdir().unwrap();
        let backups = Backups {
            keep: 2,
            ..Backups::new(folder.path())
        };
        backups.take(&mut fake("first"), at(0), &mut on).unwrap();
        backups.take(&mut fake("second"), at(1), &mut on).unwrap();
        let (mut left, mut last) = (steps, None);
        let mut ends = |step| {
            last = Some(step);
            if left > 0 {
                left -= 1;
                return ControlFlow::Continue(());
            }
            assert!(!kill, "killed");
            ControlFlow::Break(())
        };
        let mut target = fake("third");
        let take = AssertUnwindSafe(|| backups.take(&mut target, at(2), &mut ends));
        let result = catch_unwind(take);
        let found = contents(&backups);
        let (old, with_new) = (["first", "second"], ["first", "second", "third"]);
        assert!(
            found == old || found == with_new || found == with_new[1..],
            "{last:?}: {found:?}"
        );
        for file in backups.list().unwrap() {
            let facts = read_facts(&file.path).unwrap().unwrap();
            fake("").drill(&file.path, &facts).unwrap();
        }
        match result {
            Ok(Err(error)) => {
                assert!(matches!(error, BackupError::Cancelled), "{error}");
                assert_eq!(found, old, "{last:?}");
                let litter = |name: &String| name.ends_with(".partial");
                assert!(!names(folder.path()).iter().any(litter), "{last:?}");
                ended += 1;
            }
            Ok(Ok(_)) => assert_eq!(found, with_new[1..], "{last:?}"),
            Err(_) => ended += 1,
        }
        // The next run clears up.
        backups.take(&mut fake("fourth"), at(3), &mut on).unwrap();
        assert_eq!(contents(&backups).last().unwrap(), "fourth");
        let names = names(folder.path());
        assert_eq!(names.len(), 4, "{last:?}: {names:?}");
    }
    assert!(ended >= 12, "{ended} of the runs ended early");
}

#[test]
fn two_at_once_are_one() {
    let folder = tempfile::tempdir().unwrap();
    let backups = Backups::new(folder.path());
    let mut others = Vec::new();
    let mut meanwhile = |step| {
        if step == Step::Copied {
            others.push(backups.take(&mut fake("other"), at(1), &mut on));
        }
        ControlFlow::Continue(())
    };
    backups
        .take(&mut fake("one"), at(0), &mut meanwhile)
        .unwrap();
    let error = others.remove(0).unwrap_err();
    assert!(matches!(error, BackupError::Busy { .. }), "{error}");
    assert!(error.is_transient());
    assert_eq!(contents(&backups), ["one"]);
}

#[test]
fn a_copy_for_a_reason_of_its_own_replaces_an_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    let name = "before-migration-0008.db";
    let copy = |content: &str, is_needed: bool| {
        let mut target = fake(content);
        keep_copy(&mut target, folder.path(), name, || is_needed, &mut on).unwrap()
    };
    let (path, found) = copy("one", true).unwrap();
    assert_eq!(found, facts("one"));
    assert_eq!(copy("two", false), None);
    assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    copy("three", true).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "three");
    assert_eq!(read_facts(&path).unwrap(), Some(facts("three")));
    assert_eq!(Backups::new(folder.path()).list().unwrap(), []);
    for wrong in ["decnet-1.db", "before-/../x.db"] {
        let refused = keep_copy(&mut fake("x"), folder.path(), wrong, || true, &mut on);
        assert!(matches!(refused, Err(BackupError::Io { .. })), "{wrong}");
    }
}
