//! Runs over real files: what is read, when, how often, and what becomes of failures.

mod support;

use std::fs;
use std::io::Write;
use std::sync::atomic::Ordering;

use decnet_session_pipeline::ledger::SessionLedger;
use decnet_session_pipeline::runner::Ran;

use support::{Failing, World};

#[test]
fn only_what_is_new_is_read() {
    let mut world = World::new();
    world.write("ana/one.jsonl", "a\nb\nhalf");
    world.write("bob/two.jsonl", "c\n");
    world.write("bob/notes.txt", "no session\n");
    let counts = world.run().counts;
    assert_eq!((counts.scanned, counts.processed, counts.items), (2, 2, 3));
    assert_eq!(world.texts(), ["a", "b", "c"]);
    let counts = world.run().counts;
    assert_eq!((counts.scanned, counts.bytes), (0, 0));
    world.append("ana/one.jsonl", " line\nd");
    let counts = world.run().counts;
    assert_eq!((counts.scanned, counts.processed, counts.items), (1, 1, 1));
    assert_eq!(world.texts(), ["a", "b", "c", "half line"]);
    // A half line is new, but there is nothing to read yet.
    world.append("ana/one.jsonl", "d");
    let counts = world.run().counts;
    assert_eq!(
        (counts.scanned, counts.processed, counts.skipped),
        (1, 0, 1)
    );
    assert_eq!(world.run().counts.scanned, 0);
    world.append("ana/one.jsonl", "\n");
    world.run();
    assert_eq!(world.texts(), ["a", "b", "c", "dd", "half line"]);
}

#[test]
fn what_was_extracted_stays_when_the_log_is_gone() {
    let mut world = World::new();
    world.write("ana/one.jsonl", "a\n");
    world.run();
    fs::remove_dir_all(world.folder()).unwrap();
    let report = world.run();
    assert_eq!(report.counts.errors, 1, "{report:?}");
    assert_eq!(world.texts(), ["a"]);
}

#[test]
fn a_poisoned_session_does_not_hold_up_a_thousand_others() {
    let mut world = World::new();
    world.write("ana/000.jsonl", "poison\n");
    for number in 1..=1000 {
        world.write(
            &format!("ana/{number:03}.jsonl"),
            &format!("line {number}\n"),
        );
    }
    let counts = world.run().counts;
    assert_eq!(
        (counts.scanned, counts.processed, counts.errors),
        (1001, 1000, 1)
    );
    assert_eq!(world.texts().len(), 1000);
}

#[test]
fn failures_wait_longer_each_time_and_end_in_quarantine() {
    let mut world = World::new();
    world.write("ana/one.jsonl", "a\n");
    world.write("ana/two.jsonl", "fine\npoison\n");
    let report = world.run();
    assert_eq!((report.counts.processed, report.counts.errors), (1, 1));
    assert!(report.details[0].what.contains("poison"), "{report:?}");
    for failures in 2..=5 {
        // Too early.
        let counts = world.run().counts;
        assert_eq!(
            (counts.errors, counts.skipped),
            (0, 1),
            "before failure {failures}"
        );
        world.advance(60 << (failures - 2));
        assert_eq!(world.run().counts.errors, 1, "failure {failures}");
    }
    let quarantined = world.ledger.quarantined().unwrap();
    assert_eq!(quarantined.len(), 1);
    assert_eq!(quarantined[0].log.key, "ana/two");
    assert_eq!(quarantined[0].failures, 5);
    assert!(quarantined[0].last_error.contains("poison"));
    assert_eq!(world.ledger.notices(10).unwrap().len(), 1);
    world.advance(1_000_000);
    let counts = world.run().counts;
    assert_eq!((counts.errors, counts.skipped), (0, 1));
    // It is read when somebody says so, and what is wrong is mended.
    assert_eq!(world.ledger.replay("agents", "ana/two", None).unwrap(), 1);
    assert_eq!(world.ledger.replay("agents", "ana/two", None).unwrap(), 0);
    world.processor.poison = "nothing";
    assert_eq!(world.run().counts.processed, 1);
    assert_eq!(world.texts(), ["a", "fine", "poison"]);
    assert!(world.ledger.quarantined().unwrap().is_empty());
}

#[test]
fn a_processor_that_panics_is_a_failure_of_one_log() {
    let mut world = World::new();
    world.processor.failing = Failing::Panic;
    world.write("ana/one.jsonl", "poison\n");
    world.write("ana/two.jsonl", "a\n");
    let report = world.run();
    assert_eq!((report.counts.processed, report.counts.errors), (1, 1));
    assert!(report.details[0].what.contains("panicked"), "{report:?}");
}

#[test]
fn what_is_missing_is_held_against_no_log() {
    let mut world = World::new();
    world.processor.failing = Failing::Unavailable;
    world.write("ana/one.jsonl", "poison\n");
    for _ in 0..10 {
        let report = world.run();
        assert_eq!((report.counts.errors, report.counts.capped), (0, 1));
        assert!(report.unavailable.unwrap().contains("model"));
        world.advance(100_000);
    }
    assert!(world.ledger.quarantined().unwrap().is_empty());
    world.processor.poison = "nothing";
    assert_eq!(world.run().counts.processed, 1);
}

#[test]
fn what_is_left_by_the_cap_comes_first_next_time() {
    let mut world = World::new();
    world.settings.cap = 2;
    for name in ["a", "b", "c", "d", "e", "f"] {
        world.write(&format!("ana/{name}.jsonl"), &format!("{name}\n"));
    }
    for read in [2, 4, 6] {
        let counts = world.run().counts;
        assert_eq!((counts.scanned, counts.processed, counts.capped), (6, 2, 4));
        // Those that were read grow all the time; the others are not starved.
        let texts = world.texts();
        assert_eq!(texts.len(), read);
        for name in texts {
            world.append(&format!("ana/{name}.jsonl"), &format!("{name} more\n"));
        }
        world.advance(1);
    }
}

#[test]
fn a_log_is_read_in_several_batches_and_runs() {
    let mut world = World::new();
    let lines: Vec<String> = (0..100).map(|number| format!("{number:03}")).collect();
    world.write("ana/one.jsonl", &(lines.join("\n") + "\n"));
    world.settings.batch = 40;
    // Each look at the clock takes a second, so one batch uses up the budget of the log.
    world.step_millis.store(1000, Ordering::Relaxed);
    world.settings.log_budget = std::time::Duration::from_secs(2);
    let mut runs = 0;
    while world.texts().len() < 100 {
        world.run();
        runs += 1;
        assert!(runs < 100);
    }
    assert!(runs > 5, "{runs}");
    assert_eq!(world.texts(), lines);
    assert_eq!(world.run().counts.scanned, 0);
}

#[test]
fn a_second_run_is_told_so() {
    let mut world = World::new();
    world.write("ana/one.jsonl", "a\n");
    let mut other = world.ledger.clone();
    let begun = other
        .begin_run("texts", 1, "somebody else", world.now())
        .unwrap();
    match world.try_run() {
        Ran::Held { by: Some((who, _)) } => assert_eq!(who, "somebody else"),
        other => panic!("{other:?}"),
    }
    drop(begun);
    // Who holds the lock dies, and it is free.
    drop(other);
    assert_eq!(world.run().counts.processed, 1);
}

#[test]
fn a_new_version_reads_everything_again() {
    let mut world = World::new();
    world.write("ana/one.jsonl", "a\nb\n");
    world.write("ana/two.jsonl", "c\n");
    world.run();
    fs::remove_file(world.path("ana/two.jsonl")).unwrap();
    world.processor.version = 2;
    world.processor.prefix = "2:";
    let counts = world.run().counts;
    assert_eq!((counts.scanned, counts.items), (1, 2));
    // Facts of the earlier version about what is gone stay; the others are replaced.
    assert_eq!(world.texts(), ["2:a", "2:b", "c"]);
}

#[test]
fn nothing_but_regular_files_below_folders_is_read() {
    let mut world = World::new();
    world.write("ana/one.jsonl", "a\n");
    world.write("secret", "b\n");
    std::os::unix::fs::symlink(world.path("secret"), world.path("ana/link.jsonl")).unwrap();
    fs::create_dir(world.path("ana/folder.jsonl")).unwrap();
    std::os::unix::fs::symlink(world.path("ana"), world.path("linked")).unwrap();
    let status = std::process::Command::new("mkfifo")
        .arg(world.path("ana/pipe.jsonl"))
        .status()
        .unwrap();
    assert!(status.success());
    let report = world.run();
    assert_eq!(
        (report.counts.scanned, report.counts.errors),
        (1, 0),
        "{report:?}"
    );
    assert_eq!(world.texts(), ["a"]);
}

#[test]
fn names_that_are_no_text_are_told_apart() {
    use std::os::unix::ffi::OsStrExt;
    let mut world = World::new();
    world.write("ana/x.jsonl", "x\n");
    for name in [
        &b"\xff.jsonl"[..],
        b"\xfe.jsonl",
        b"a\\xff.jsonl",
        b"new\nline.jsonl",
    ] {
        let path = world.path("ana").join(std::ffi::OsStr::from_bytes(name));
        fs::write(path, b"y\n").unwrap();
    }
    assert_eq!(world.run().counts.processed, 5);
    let (keys, problems) = world.keys();
    assert_eq!(keys.len(), 5, "{keys:?}");
    assert!(problems.is_empty());
    assert_eq!(world.run().counts.scanned, 0);
}

#[test]
fn a_hundred_megabytes_without_a_line_end_are_skipped_in_little_memory() {
    let mut world = World::new();
    let path = world.path("ana/one.jsonl");
    world.write("ana/one.jsonl", "a\n");
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    for _ in 0..100 {
        file.write_all(&[b'x'; 1 << 20]).unwrap();
    }
    file.write_all(b"\nb\n").unwrap();
    let report = world.run();
    assert_eq!((report.counts.items, report.counts.bad_lines), (2, 1));
    assert!(
        report.details[0]
            .what
            .contains("line 2 at byte 2 skipped: too long"),
        "{report:?}"
    );
    assert_eq!(world.texts(), ["a", "b"]);
}

#[test]
fn a_state_that_cannot_be_read_is_given_up_for_the_log_itself() {
    let mut world = World::new();
    world.write("ana/one.jsonl", "a\nb\n");
    world.run();
    // Another program wrote it, or a disk did.
    world.processor.state_ending = 7;
    world.append("ana/one.jsonl", "c\n");
    let counts = world.run().counts;
    assert_eq!((counts.processed, counts.errors, counts.items), (1, 0, 3));
    assert_eq!(world.texts(), ["a", "b", "c"]);
    world.append("ana/one.jsonl", "d\n");
    assert_eq!(world.run().counts.items, 1);
}

#[test]
fn lines_that_may_be_lost_are_told() {
    let mut world = World::rotating();
    world.append("log", "a\n");
    assert!(world.run().details.is_empty());
    // Packed before it was read to its end.
    fs::rename(world.path("log"), world.path("log.1.gz")).unwrap();
    assert!(world.run().details.is_empty(), "nothing came after it yet");
    world.append("log", "b\n");
    let report = world.run();
    assert!(
        report.details[0].what.contains("up to byte 2"),
        "{report:?}"
    );
    assert_eq!(world.texts(), ["a", "b"]);
    fs::rename(world.path("log"), world.path("log.1")).unwrap();
    world.append("log", "c\n");
    assert!(world.run().details.is_empty());
}

#[test]
fn copies_and_other_programs_files_are_no_rotated_files() {
    let mut world = World::rotating();
    let line = "x".repeat(100);
    world.append("log", &format!("a {line}\n"));
    fs::copy(world.path("log"), world.path("log.bak")).unwrap();
    // Half of a rotation by copying: it has not been cut yet.
    fs::copy(world.path("log"), world.path("log.1")).unwrap();
    assert_eq!(world.run().counts.items, 1);
    assert_eq!(world.run().counts.items, 0);
}

#[test]
fn a_rotated_file_that_cannot_be_opened_hides_no_other() {
    let mut world = World::rotating();
    // What opening refuses to everybody, the superuser too.
    std::os::unix::fs::symlink(world.path("log.1"), world.path("log.1")).unwrap();
    world.append("log.2", "a\n");
    world.append("log", "b\n");
    assert_eq!(world.run().counts.items, 2);
}

#[test]
fn more_rotated_files_than_may_be_open_are_read_in_several_runs() {
    let mut world = World::rotating();
    let mut expected = Vec::new();
    for number in 1..=100 {
        let text = format!("line {:03}", 101 - number);
        world.append(&format!("log.{number}"), &format!("{text}\n"));
        let file = fs::File::options()
            .append(true)
            .open(world.path(&format!("log.{number}")));
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(2_000_000 - number);
        file.unwrap().set_modified(time).unwrap();
        expected.push(text);
    }
    world.append("log", "newest\n");
    expected.push("newest".to_owned());
    let mut runs = 0;
    while world.run().counts.items > 0 {
        runs += 1;
    }
    assert!((3..6).contains(&runs), "{runs}");
    expected.sort();
    assert_eq!(world.texts(), expected);
    assert_eq!(world.recorded().last().map(String::as_str), Some("newest"));
}

#[test]
fn a_cut_off_line_is_told_also_when_its_beginning_was_seen_before() {
    let mut world = World::rotating();
    world.append("log", "a\nhalf");
    assert_eq!(world.run().counts.bad_lines, 0);
    fs::rename(world.path("log"), world.path("log.1")).unwrap();
    world.append("log", "b\n");
    let report = world.run();
    assert_eq!(report.counts.bad_lines, 1);
    assert!(
        report.details[0].what.contains("line 2 at byte 2"),
        "{report:?}"
    );
    assert_eq!(world.run().counts.bad_lines, 0);
    assert_eq!(world.texts(), ["a", "b"]);
}
