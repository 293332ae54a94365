//! `decnet sessions tick`, killed anywhere, stopped, beside others, and on a full disk.

use std::fs;
use std::process::Child;

use decnet_tests::binary::Outcome;
use decnet_tests::logs::{AGENTS, Growing, Logs, ended, kill_ticks, many_rows, run_of, status_of};
use decnet_tests::mount::Small;
use decnet_tests::process::{self, Killed};
use decnet_tests::python;
use decnet_tests::sessions::{MANY, amounts_to, reading, tick, two_users};
use decnet_tests::transcript::Transcript;
use decnet_tests::wait::until;

const CANNOT_CREATE: i32 = 73;
const TRY_AGAIN: i32 = 75;

/// Processes that must have died of SIGKILL.
const KILLS: u64 = 300;

#[test]
fn ticks_that_are_killed_anywhere_lose_and_repeat_nothing() {
    let logs = Logs::new(AGENTS);
    let sessions: Vec<Transcript> = (0..9)
        .map(|n| {
            Transcript::new(["ana", "ben", "eva"][n % 3], &format!("s{n}"), n as u64).go_on(120)
        })
        .collect();
    let growing = |session: &Transcript| Growing::new(logs.agent(&session.path()), session.text());
    let workers = sessions
        .chunks(3)
        .map(|sessions| sessions.iter().map(growing).collect::<Vec<_>>());
    kill_ticks(&logs.decnet, KILLS, workers, |files, share, draw| {
        for file in files {
            file.grow(share, draw);
        }
    });
    let unfinished = python::run(
        "import sqlite3,sys\n\
         print(sqlite3.connect(sys.stdin.read()).execute(\
         'select count(*) from session_run where ended_at is null').fetchone()[0])",
        &logs.state().join("decnet.db").display().to_string(),
    );
    let unfinished: u64 = unfinished.trim().parse().expect("a number");
    assert!(
        unfinished >= KILLS / 10,
        "{unfinished} runs were killed while they went on"
    );
    tick(&logs.decnet).succeeds();
    amounts_to(&logs.decnet, &sessions.iter().collect::<Vec<_>>());
    logs.equal_one_clean_tick(&[("usage", "")]);
    logs.the_database_is_whole();
}

#[test]
fn many_ticks_at_once_read_everything_once() {
    let logs = Logs::new(AGENTS);
    let sessions: Vec<Transcript> = (0..40)
        .map(|n| Transcript::new(&format!("user{}", n % 5), &format!("s{n}"), n).go_on(15))
        .collect();
    logs.write(&sessions.iter().collect::<Vec<_>>());
    let mut ticks: Vec<Killed> = (0..16)
        .map(|_| Killed(logs.decnet.start(["sessions", "tick"])))
        .collect();
    let ended: Vec<Outcome> = ticks
        .iter_mut()
        .map(|tick| ended("a tick", &mut tick.0))
        .collect();
    for ended in &ended {
        match ended.code {
            Some(0) => {}
            Some(TRY_AGAIN) => assert!(
                ended.stderr.contains("another run goes on") || ended.stderr.contains("busy"),
                "{ended:#?}"
            ),
            _ => panic!("{ended:#?}"),
        }
    }
    let told = ended
        .iter()
        .filter(|ended| ended.code == Some(TRY_AGAIN))
        .count();
    assert!(told > 0, "some came while another one was at it");
    tick(&logs.decnet).succeeds();
    amounts_to(&logs.decnet, &sessions.iter().collect::<Vec<_>>());
    logs.equal_one_clean_tick(&[("usage", "")]);
}

#[test]
fn a_tick_that_sleeps_keeps_others_out_and_one_that_is_killed_does_not() {
    let logs = Logs::new(AGENTS);
    fs::write(logs.agent("ana/long.jsonl"), many_rows(MANY)).expect("it is ours");
    let holder = reading(&logs, &["sessions", "tick", "--processor", "usage"]);
    let other = stopped(&logs, &holder.0);
    let run = &status_of(&logs.decnet, "usage")["last_run"];
    assert!(
        run["ended_at"].is_null(),
        "it did not end meanwhile: {run:#}"
    );
    let who = format!("sessions tick, process {}", holder.0.id());
    assert!(
        other.stderr.contains(&who) && other.stderr.contains("usage"),
        "{who} is named: {other:#?}"
    );
    let json = logs.decnet.run(["sessions", "tick", "--json"]);
    let line = json.fails(TRY_AGAIN);
    assert!(line.contains(&who) && line.contains("try again"), "{line}");
    assert_eq!(run_of(&json.json(), "usage")["state"], "held", "{json:#?}");
    // The others are not kept out.
    assert_eq!(run_of(&json.json(), "cowrie")["state"], "done", "{json:#?}");

    drop(holder);
    tick(&logs.decnet).succeeds();
    logs.equal_one_clean_tick(&[("usage", "")]);
}

/// Stops the holder while it does not happen to write, and answers what a tick beside it says.
fn stopped(logs: &Logs, holder: &Child) -> Outcome {
    until("it is stopped outside a transaction", || {
        process::signal(holder, "STOP");
        until("it is stopped", || {
            (process::state(holder) == Some('T')).then_some(())
        });
        let ended = tick(&logs.decnet);
        assert_eq!(ended.code, Some(TRY_AGAIN), "{ended:#?}");
        if ended.stderr.contains("another run goes on") {
            return Some(ended);
        }
        process::signal(holder, "CONT");
        None
    })
}

#[test]
fn a_full_disk_leaves_nothing_half_written() {
    let mut disk = None;
    let logs = Logs::with_state(AGENTS, |state| disk = Small::over(state, 4_096));
    let Some(disk) = disk else {
        return;
    };
    let [first, resumed, other] = two_users();
    logs.write(&[&first, &resumed, &other]);
    tick(&logs.decnet).succeeds();

    // Not a byte more fits, and there is more of it than the log of the database has room for.
    let session = Transcript::new("ben", "new", 7).go_on(600);
    logs.write(&[&session]);
    disk.fill();
    for _ in 0..3 {
        let ended = tick(&logs.decnet);
        let line = ended.fails(CANNOT_CREATE);
        assert!(line.contains("space") || line.contains("full"), "{line}");
    }
    amounts_to(&logs.decnet, &[&first, &resumed, &other]);
    disk.make_room();

    // Some of it fits.
    fs::write(logs.agent("ana/long.jsonl"), many_rows(MANY)).expect("it is ours");
    let ended = tick(&logs.decnet);
    let line = ended.fails(CANNOT_CREATE);
    assert!(line.contains("space") || line.contains("full"), "{line}");

    disk.grow(65_536);
    tick(&logs.decnet).succeeds();
    logs.equal_one_clean_tick(&[("usage", "")]);
    logs.the_database_is_whole();
}
