//! `decnet sessions run`: the loop, what goes on beside it, and how it ends.

use std::fs;

use decnet_tests::logs::{
    AGENTS, Logs, append, bodies, ended, many_rows, run_of, status_of, usage,
};
use decnet_tests::process::{self, Killed};
use decnet_tests::sessions::{MANY, SESSIONS_RUN, intruder, reading, ticked, two_users};
use decnet_tests::transcript::{self, Transcript};
use decnet_tests::wait::until;

const TRY_AGAIN: i32 = 75;

#[test]
fn the_loop_picks_up_what_is_written_and_stops_when_told() {
    for name in ["TERM", "INT"] {
        let logs = Logs::new(&format!("{SESSIONS_RUN}{AGENTS}"));
        let [first, resumed, other] = two_users();
        logs.write(&[&first]);
        let mut running = Killed(logs.decnet.start(["sessions", "run"]));
        let read = |transcripts: &[&Transcript]| {
            let expected = transcript::usage(transcripts, "user");
            until("the loop reads", || {
                (usage(&logs.decnet, "user") == expected).then_some(())
            });
        };
        read(&[&first]);
        logs.write(&[&resumed, &other]);
        append(
            &logs.path("cowrie.json"),
            intruder("aaaaaaaaaaaa").as_bytes(),
        );
        read(&[&first, &resumed, &other]);
        let longer = other.go_on(4);
        logs.write(&[&longer]);
        read(&[&first, &resumed, &longer]);
        until("the other processors read, too", || {
            let all = [("cowrie", "session"), ("engagement", "presence")];
            all.iter()
                .all(|(processor, kind)| bodies(&logs.decnet, processor, kind).len() == 1)
                .then_some(())
        });
        process::signal(&running.0, name);
        let ended = ended("the loop", &mut running.0).succeeds();
        assert_eq!(ended.stderr, "", "{ended:#?}");
        assert!(ended.stdout.ends_with("stopped\n"), "{ended:#?}");
        assert!(ended.stdout.contains("usage: logs read 1"), "{ended:#?}");
    }
}

#[test]
fn the_loop_runs_processors_side_by_side_and_ends_in_the_middle_of_a_log() {
    let settings = SESSIONS_RUN.replace("usage = \"100ms\"", "usage = \"1h\"");
    let logs = Logs::new(&format!("{settings}{AGENTS}"));
    fs::write(logs.agent("ana/long.jsonl"), many_rows(MANY)).expect("it is ours");
    let mut running = reading(&logs, &["sessions", "run"]);
    append(
        &logs.path("cowrie.json"),
        intruder("aaaaaaaaaaaa").as_bytes(),
    );
    until("another processor reads", || {
        (bodies(&logs.decnet, "cowrie", "session").len() == 1).then_some(())
    });
    let run = status_of(&logs.decnet, "usage")["last_run"].clone();
    assert!(
        run["ended_at"].is_null(),
        "the first one is still at it: {run:#}"
    );
    let who = format!("sessions run, process {}", running.0.id());
    let beside = logs
        .decnet
        .run(["sessions", "tick", "--processor", "usage"]);
    assert_eq!(beside.code, Some(TRY_AGAIN), "{beside:#?}");
    assert!(beside.stderr.contains(&who), "{beside:#?}");
    let mut second = Killed(logs.decnet.start(["sessions", "run"]));
    // It goes on with what nobody else does.
    append(
        &logs.path("cowrie.json"),
        intruder("bbbbbbbbbbbb").as_bytes(),
    );
    until("one of them reads", || {
        (bodies(&logs.decnet, "cowrie", "session").len() == 2).then_some(())
    });
    process::signal(&running.0, "TERM");
    let first = ended("the loop", &mut running.0).succeeds();
    assert!(first.stdout.ends_with("stopped\n"), "{first:#?}");
    process::signal(&second.0, "TERM");
    let second = ended("the second loop", &mut second.0).succeeds();
    assert!(
        second.stderr.contains(&who),
        "it was told who reads: {second:#?}"
    );

    let run = status_of(&logs.decnet, "usage")["last_run"].clone();
    assert_eq!(run["capped"], 1, "it ended in the middle: {run:#}");
    assert!(run["started_by"].as_str() == Some(&who), "{run:#}");
    let read = run["bytes"].as_u64().expect("a number");
    let size = fs::metadata(logs.agent("ana/long.jsonl"))
        .expect("it is there")
        .len();
    assert!(read < size, "{read} of {size}");
    let report = ticked(&logs.decnet);
    assert_eq!(
        run_of(&report, "usage")["bytes"],
        size - read,
        "the next tick goes on: {report:#}"
    );
    logs.equal_one_clean_tick(&[("usage", ""), ("cowrie", "")]);
}
