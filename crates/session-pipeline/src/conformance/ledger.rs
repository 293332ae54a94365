//! What every session ledger has to do, as checks that a ledger's own tests can run.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::file_identity::{Beginning, Checkpoint, FileIdentity};
use crate::ledger::{
    Batch, Begun, FailedAttempt, Progress, RunCounts, RunDetail, RunId, RunReport, Sample,
    SessionLedger,
};
use crate::lines::BadLines;
use crate::record::{Notice, Record, RecordId};
use crate::source::{Log, SourceKind};

/// One check: a name that says what has to hold, and what finds out.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Name, unique in the list.
    pub name: &'static str,
    /// Runs it on an empty ledger; panics, with what was found, if it does not hold.
    pub run: fn(&mut dyn SessionLedger),
}

/// Every check.
pub const CHECKS: &[Check] = &[
    Check {
        name: "progress_comes_back_as_it_was_recorded",
        run: progress_comes_back,
    },
    Check {
        name: "a_state_that_grows_comes_back_whole",
        run: states_grow,
    },
    Check {
        name: "records_written_since_are_given",
        run: records_since,
    },
    Check {
        name: "records_replace_those_of_the_same_id",
        run: records_replace,
    },
    Check {
        name: "many_small_batches_are_as_one",
        run: small_batches,
    },
    Check {
        name: "a_new_version_replaces_what_it_reads_again",
        run: a_new_version_replaces,
    },
    Check {
        name: "samples_are_no_progress",
        run: samples_are_no_progress,
    },
    Check {
        name: "failures_are_counted_and_forgotten",
        run: failures_are_counted,
    },
    Check {
        name: "a_quarantined_log_is_listed_and_replayed",
        run: quarantine,
    },
    Check {
        name: "processors_know_nothing_of_each_other",
        run: processors_are_apart,
    },
    Check {
        name: "runs_are_kept_with_their_reports",
        run: runs_are_kept,
    },
    Check {
        name: "a_notice_is_told_once",
        run: notices_are_told_once,
    },
    Check {
        name: "a_log_keeps_its_records_when_its_owner_changes",
        run: owners_change,
    },
];

/// Runs every check, each on a ledger of its own.
///
/// # Panics
///
/// When a check does not hold, with its name.
pub fn check<L: SessionLedger>(mut make: impl FnMut() -> L) {
    for check in CHECKS {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            (check.run)(&mut make());
        }));
        assert!(outcome.is_ok(), "{} does not hold", check.name);
    }
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap_or_default()
}

fn log(key: &str) -> Log {
    Log {
        source: "agents".to_owned(),
        kind: SourceKind::Agent,
        key: key.to_owned(),
        user: Some("ana".to_owned()),
        decky: None,
    }
}

fn checkpoint(offset: u64) -> Checkpoint {
    Checkpoint {
        file: FileIdentity {
            beginning: Beginning {
                length: 7,
                digest: [1; 16],
            },
            before_offset: [2; 16],
            // Inodes use all 64 bits on some file systems.
            inode: u64::MAX - 1,
        },
        offset,
        line: offset / 10,
        size: offset + 3,
        modified_ns: 1_800_000_000_123_456_789,
        generation: 2,
        earlier: vec![
            Beginning {
                length: 4096,
                digest: [3; 16],
            },
            Beginning {
                length: 1,
                digest: [4; 16],
            },
        ],
    }
}

fn record(id: &str, body: &str) -> Record {
    Record {
        kind: "text",
        id: RecordId::of(&[id]),
        occurred_at: Some(moment(1)),
        body: body.to_owned(),
    }
}

fn batch(key: &str, offset: u64, records: Vec<Record>) -> Batch {
    Batch {
        log: log(key),
        checkpoint: checkpoint(offset),
        records,
        state: Some(Arc::new(offset.to_le_bytes().to_vec())),
        state_kept: 0,
        notices: Vec::new(),
        bad: BadLines::default(),
        restarts: false,
        tried_at: moment(5),
    }
}

fn begin(ledger: &mut dyn SessionLedger, processor: &str) -> RunId {
    match ledger.begin_run(processor, 1, "a check", moment(0)) {
        Ok(Begun::Run(run)) => run,
        other => panic!("{other:?}"),
    }
}

fn write(ledger: &mut dyn SessionLedger, version: u32, batches: &[Batch]) {
    let run = begin(ledger, "p");
    ledger.record_progress(run, "p", version, batches).unwrap();
    ledger
        .end_run(run, &RunReport::default(), moment(9))
        .unwrap();
}

fn known(ledger: &mut dyn SessionLedger, key: &str) -> Option<Progress> {
    ledger.progress("p", "agents").unwrap().remove(key)
}

fn bodies(ledger: &mut dyn SessionLedger, processor: &str) -> Vec<String> {
    let mut bodies = Vec::new();
    let mut each = |record: crate::ledger::StoredRecord| bodies.push(record.body);
    ledger
        .for_each_record(processor, "text", &mut each)
        .unwrap();
    bodies.sort();
    bodies
}

fn progress_comes_back(ledger: &mut dyn SessionLedger) {
    assert_eq!(known(ledger, "ana/a"), None);
    write(
        ledger,
        1,
        &[batch("ana/a", 10, vec![]), batch("ana/b", 20, vec![])],
    );
    write(ledger, 1, &[batch("ana/a", 30, vec![])]);
    let progress = known(ledger, "ana/a").unwrap();
    assert_eq!(progress.checkpoint, Some(Box::new(checkpoint(30))));
    assert_eq!((progress.version, progress.failures), (1, 0));
    assert_eq!(progress.tried_at, Some(moment(5)));
    assert!(progress.has_state);
    let state = ledger.state("p", progress.id).unwrap();
    assert_eq!(state, Some(30_u64.to_le_bytes().to_vec()));
    // A batch without a state leaves it as it is.
    let mut without = batch("ana/a", 40, vec![]);
    without.state = None;
    write(ledger, 1, &[without]);
    let progress = known(ledger, "ana/a").unwrap();
    assert!(progress.has_state);
    let state = ledger.state("p", progress.id).unwrap();
    assert_eq!(state, Some(30_u64.to_le_bytes().to_vec()));
    assert!(ledger.progress("p", "others").unwrap().is_empty());
}

fn states_grow(ledger: &mut dyn SessionLedger) {
    // What stays at the beginning grows, what follows it is another one each time; now and then
    // everything is.
    let mut before: Vec<u8> = Vec::new();
    for step in 0..60_u32 {
        let mut state = if step % 17 == 16 {
            vec![7; 10]
        } else {
            let kept = before.len().saturating_sub(before.len() % 50);
            before[..kept].to_vec()
        };
        let kept = before
            .iter()
            .zip(&state)
            .take_while(|(a, b)| a == b)
            .count();
        let grown = (1..=step * 37 % 900).map(|byte| (byte % 251) as u8);
        state.extend(grown.chain([step as u8; 5]));
        let mut batch = batch("ana/a", u64::from(step), vec![]);
        batch.state = Some(Arc::new(state.clone()));
        batch.state_kept = kept;
        write(ledger, 1, &[batch]);
        let log = known(ledger, "ana/a").unwrap().id;
        assert_eq!(
            ledger.state("p", log).unwrap().as_ref(),
            Some(&state),
            "step {step}"
        );
        before = state;
    }
}

fn records_replace(ledger: &mut dyn SessionLedger) {
    let first = vec![record("1", r#"{"n":1}"#), record("2", r#"{"n":2}"#)];
    write(ledger, 1, &[batch("ana/a", 10, first)]);
    write(
        ledger,
        1,
        &[batch("ana/a", 20, vec![record("2", r#"{"n":3}"#)])],
    );
    // The same id in another log is another record.
    write(
        ledger,
        1,
        &[batch("ana/b", 20, vec![record("2", r#"{"n":4}"#)])],
    );
    assert_eq!(
        bodies(ledger, "p"),
        [r#"{"n":1}"#, r#"{"n":3}"#, r#"{"n":4}"#]
    );
    assert_eq!(ledger.log_counts().unwrap(), [(SourceKind::Agent, 2)]);
    assert_eq!(ledger.record_counts("p").unwrap(), [("text".to_owned(), 3)]);
    assert_eq!(ledger.record_counts("q").unwrap(), []);
    let mut seen = Vec::new();
    ledger
        .for_each_record("p", "text", &mut |record| {
            seen.push((record.log, record.occurred_at))
        })
        .unwrap();
    assert!(seen.contains(&(log("ana/b"), Some(moment(1)))));
}

fn records_since(ledger: &mut dyn SessionLedger) {
    let mut position = 0;
    let mut read = |ledger: &mut dyn SessionLedger| {
        let mut bodies = Vec::new();
        let mut each = |record: crate::ledger::StoredRecord| bodies.push(record.body);
        position = ledger
            .for_each_record_since("p", position, &mut each)
            .unwrap();
        bodies
    };
    assert!(read(ledger).is_empty());
    // So many that a ledger that folds its records does so, again and again.
    for step in 0..100_u32 {
        let body = format!(r#"{{"n":{step}}}"#);
        let records = vec![record(&format!("own {step}"), &body), record("same", &body)];
        write(ledger, 1, &[batch("ana/a", u64::from(step), records)]);
        if step % 3 == 0 {
            assert!(read(ledger).contains(&body), "step {step}");
            assert!(read(ledger).is_empty(), "step {step}");
        }
    }
    let _ = read(ledger);
    // What an earlier version said is forgotten, and what the new one says comes.
    let again = vec![record("again", r#"{"again":true}"#)];
    write(ledger, 2, &[batch("ana/a", 200, again)]);
    assert!(read(ledger).contains(&r#"{"again":true}"#.to_owned()));
}

fn small_batches(ledger: &mut dyn SessionLedger) {
    // Each batch brings a fact of its own, one that comes again, and two of one id.
    let mut expected = Vec::new();
    for step in 0..150_u32 {
        let body = |what: &str, step: u32| format!(r#"{{"{what}":{step}}}"#);
        let records = vec![
            record(&format!("own {step}"), &body("own", step)),
            record("summary", &body("old summary", step)),
            record(
                &format!("sometimes {}", step % 40),
                &body("sometimes", step),
            ),
            record("summary", &body("summary", step)),
        ];
        write(ledger, 1, &[batch("ana/a", u64::from(step), records)]);
        expected.push(body("own", step));
        if step >= 110 {
            expected.push(body("sometimes", step));
        }
        if step == 149 {
            expected.push(body("summary", step));
        }
    }
    expected.sort();
    assert_eq!(bodies(ledger, "p"), expected);
    let counts = ledger.record_counts("p").unwrap();
    assert_eq!(counts, [("text".to_owned(), expected.len() as u64)]);
}

fn a_new_version_replaces(ledger: &mut dyn SessionLedger) {
    let of = |key: &str, generation: u32, id: &str| {
        let mut batch = batch(key, 10, vec![record(id, &format!(r#"{{"id":"{id}"}}"#))]);
        batch.checkpoint.generation = generation;
        batch
    };
    write(ledger, 1, &[of("ana/a", 0, "old"), of("ana/b", 0, "other")]);
    write(
        ledger,
        1,
        &[of("ana/c", 0, "earlier file"), of("ana/c", 1, "later file")],
    );
    let again = |key: &str| Batch {
        restarts: true,
        ..of(key, 0, "new")
    };
    write(
        ledger,
        2,
        &[again("ana/a"), of("ana/a", 0, "more"), again("ana/c")],
    );
    assert_eq!(
        bodies(ledger, "p"),
        [
            r#"{"id":"earlier file"}"#,
            r#"{"id":"later file"}"#,
            r#"{"id":"more"}"#,
            r#"{"id":"new"}"#,
            r#"{"id":"new"}"#,
            r#"{"id":"other"}"#
        ]
    );
    assert_eq!(known(ledger, "ana/a").unwrap().version, 2);
    assert_eq!(known(ledger, "ana/b").unwrap().version, 1);
}

fn samples_are_no_progress(ledger: &mut dyn SessionLedger) {
    write(ledger, 1, &[batch("ana/a", 10, vec![])]);
    fail(ledger, 1, 3, None);
    let before = known(ledger, "ana/a").unwrap();
    let run = begin(ledger, "p");
    let sample = |state: Option<Vec<u8>>, body: &str| Sample {
        log: log("ana/a"),
        records: vec![record("sample", body)],
        state: state.map(Arc::new),
        state_kept: 0,
        notices: Vec::new(),
    };
    let samples = [
        sample(Some(vec![1, 2]), r#"{"n":1}"#),
        sample(None, r#"{"n":2}"#),
    ];
    ledger.record_samples(run, "p", 1, &samples).unwrap();
    ledger
        .end_run(run, &RunReport::default(), moment(9))
        .unwrap();
    assert_eq!(known(ledger, "ana/a").unwrap(), before);
    assert_eq!(ledger.state("p", before.id).unwrap(), Some(vec![1, 2]));
    assert_eq!(bodies(ledger, "p"), [r#"{"n":2}"#]);
    assert_eq!(ledger.quarantined().unwrap().len(), 1);
}

fn fail(ledger: &mut dyn SessionLedger, version: u32, at: i64, retry_at: Option<i64>) {
    let run = begin(ledger, "p");
    let attempt = FailedAttempt {
        log: log("ana/a"),
        error: format!("failed at {at}"),
        at: moment(at),
        retry_at: retry_at.map(moment),
    };
    ledger.record_failure(run, "p", version, &attempt).unwrap();
    ledger
        .end_run(run, &RunReport::default(), moment(9))
        .unwrap();
}

fn failures_are_counted(ledger: &mut dyn SessionLedger) {
    fail(ledger, 1, 1, Some(10));
    let progress = known(ledger, "ana/a").unwrap();
    assert_eq!((progress.failures, progress.checkpoint), (1, None));
    assert_eq!(progress.retry_at, Some(moment(10)));
    write(ledger, 1, &[batch("ana/a", 10, vec![])]);
    assert_eq!(known(ledger, "ana/a").unwrap().failures, 0);
    fail(ledger, 1, 2, Some(20));
    fail(ledger, 1, 3, Some(30));
    let progress = known(ledger, "ana/a").unwrap();
    assert_eq!(progress.failures, 2);
    assert_eq!(progress.checkpoint, Some(Box::new(checkpoint(10))));
    assert!(progress.has_state);
    // Another version begins anew.
    fail(ledger, 2, 4, Some(40));
    let progress = known(ledger, "ana/a").unwrap();
    assert_eq!(
        (progress.failures, progress.version, progress.checkpoint),
        (1, 2, None)
    );
    assert!(!progress.has_state);
}

fn quarantine(ledger: &mut dyn SessionLedger) {
    fail(ledger, 1, 1, Some(2));
    assert_eq!(ledger.quarantined().unwrap(), []);
    fail(ledger, 1, 3, None);
    let quarantined = ledger.quarantined().unwrap();
    assert_eq!(quarantined.len(), 1);
    assert_eq!(quarantined[0].processor, "p");
    assert_eq!(quarantined[0].log, log("ana/a"));
    assert_eq!(
        (quarantined[0].since, quarantined[0].failures),
        (moment(3), 2)
    );
    assert_eq!(quarantined[0].last_error, "failed at 3");
    assert_eq!(ledger.replay("agents", "ana/a", Some("other")).unwrap(), 0);
    assert_eq!(ledger.replay("agents", "ana/b", None).unwrap(), 0);
    assert_eq!(ledger.replay("agents", "ana/a", Some("p")).unwrap(), 1);
    assert_eq!(ledger.replay("agents", "ana/a", None).unwrap(), 0);
    let progress = known(ledger, "ana/a").unwrap();
    assert_eq!(
        (
            progress.failures,
            progress.retry_at,
            progress.quarantined_at
        ),
        (0, None, None)
    );
    // Each quarantine is told.
    fail(ledger, 1, 5, None);
    let notices = ledger.notices(10).unwrap();
    let failures: Vec<u32> = notices
        .iter()
        .filter_map(|waiting| match &waiting.notice {
            Notice::Quarantined { failures, .. } => Some(*failures),
            _ => None,
        })
        .collect();
    assert_eq!(failures, [2, 1]);
}

fn processors_are_apart(ledger: &mut dyn SessionLedger) {
    write(ledger, 1, &[batch("ana/a", 10, vec![record("1", "{}")])]);
    assert!(ledger.progress("q", "agents").unwrap().is_empty());
    assert!(bodies(ledger, "q").is_empty());
    let p = begin(ledger, "p");
    let q = begin(ledger, "q");
    let held = ledger
        .begin_run("p", 1, "somebody else", moment(1))
        .unwrap();
    match held {
        Begun::Held { by } => assert_eq!(by, Some(("a check".to_owned(), moment(0)))),
        Begun::Run(run) => panic!("{run:?} beside {p:?}"),
    }
    ledger.end_run(p, &RunReport::default(), moment(2)).unwrap();
    ledger.end_run(q, &RunReport::default(), moment(2)).unwrap();
    let again = begin(ledger, "p");
    ledger
        .end_run(again, &RunReport::default(), moment(3))
        .unwrap();
}

fn runs_are_kept(ledger: &mut dyn SessionLedger) {
    assert_eq!(ledger.runs("p", 5).unwrap(), []);
    let first = begin(ledger, "p");
    let report = RunReport {
        counts: RunCounts {
            scanned: 8,
            processed: 1,
            skipped: 2,
            capped: 3,
            errors: 2,
            items: 5,
            bad_lines: 6,
            bytes: 7,
        },
        details: vec![RunDetail {
            log: "agents/ana/a".to_owned(),
            what: "failed \"so\"\n".to_owned(),
        }],
        unavailable: Some("no model".to_owned()),
    };
    ledger.end_run(first, &report, moment(4)).unwrap();
    let second = begin(ledger, "p");
    let runs = ledger.runs("p", 5).unwrap();
    assert_eq!(runs.len(), 2);
    assert_eq!((runs[0].id, runs[0].ended_at), (second, None));
    assert_eq!((runs[1].id, runs[1].ended_at), (first, Some(moment(4))));
    assert_eq!(runs[1].report, report);
    assert_eq!(runs[1].started_by, "a check");
    assert_eq!(ledger.runs("p", 1).unwrap().len(), 1);
    ledger
        .end_run(second, &RunReport::default(), moment(5))
        .unwrap();
}

fn notices_are_told_once(ledger: &mut dyn SessionLedger) {
    let login = |decky: &str, user: &str| Notice::FirstLogin {
        decky: decky.to_owned(),
        user: user.to_owned(),
        address: "192.0.2.1".to_owned(),
        at: Some(moment(1)),
    };
    let mut first = batch("ana/a", 10, vec![]);
    first.notices = vec![
        login("mail1", "ana"),
        login("mail1", "bob"),
        login("mail2", "ana"),
    ];
    write(ledger, 1, &[first.clone()]);
    let waiting = ledger.notices(10).unwrap();
    let told: Vec<_> = waiting
        .iter()
        .map(|waiting| waiting.notice.clone())
        .collect();
    assert_eq!(told, [login("mail1", "ana"), login("mail2", "ana")]);
    assert_eq!(ledger.notices(1).unwrap().len(), 1);
    ledger.forget_notices(&[waiting[0].id]).unwrap();
    assert_eq!(ledger.notices(10).unwrap(), waiting[1..]);
    write(ledger, 1, &[first]);
    assert_eq!(ledger.notices(10).unwrap(), waiting[1..]);
}

fn owners_change(ledger: &mut dyn SessionLedger) {
    write(ledger, 1, &[batch("ana/a", 10, vec![record("1", "{}")])]);
    let mut renamed = batch("ana/a", 20, vec![]);
    renamed.log.user = Some("Ana López".to_owned());
    write(ledger, 1, &[renamed.clone()]);
    let mut logs = Vec::new();
    ledger
        .for_each_record("p", "text", &mut |record| logs.push(record.log))
        .unwrap();
    assert_eq!(logs, [renamed.log]);
}
