//! Ticks of `decnet sessions`, and what they read.

use serde_json::{Value, json};

use crate::binary::{Decnet, Outcome};
use crate::logs::{Logs, status_of, usage};
use crate::process::Killed;
use crate::transcript::{self, BY, Transcript};
use crate::wait::until;

/// Rows that take a while to read: 40 MB.
pub const MANY: usize = 10_000;

/// Settings for a loop that looks often, and a log of Cowrie for it to look at.
pub const SESSIONS_RUN: &str = "[sessions.cadence]\nusage = \"100ms\"\ncowrie = \"100ms\"\n\
                                engagement = \"100ms\"\nverification = \"1h\"\n\
                                [[sessions.source]]\nkind = \"cowrie\"\n\
                                path = \"{logs}/cowrie.json\"\n\
                                name = \"cowrie\"\ndecky = \"ssh1\"\n";

/// The usage in the database is what the transcripts amount to.
#[track_caller]
pub fn amounts_to(decnet: &Decnet, transcripts: &[&Transcript]) {
    for by in BY {
        assert_eq!(
            usage(decnet, by),
            transcript::usage(transcripts, by),
            "by {by}"
        );
    }
}

/// A tick, and its report.
pub fn ticked(decnet: &Decnet) -> Value {
    decnet.json(["sessions", "tick", "--json"])
}

/// A tick, however it ends.
pub fn tick(decnet: &Decnet) -> Outcome {
    decnet.run(["sessions", "tick"])
}

/// Everything of two users that is read in most tests.
pub fn two_users() -> [Transcript; 3] {
    let first = Transcript::new("ana", "first", 1).go_on(25);
    // It has all rows of the first one, and more.
    let resumed = first.resumed("resumed", 2).go_on(10);
    [first, resumed, Transcript::new("ben", "other", 3).go_on(20)]
}

/// A child that reads a long session, after its run of `usage` was recorded.
pub fn reading(logs: &Logs, arguments: &[&str]) -> Killed {
    let child = Killed(logs.decnet.start(arguments));
    let who = format!("process {}", child.0.id());
    until("its run goes on", || {
        let run = status_of(&logs.decnet, "usage")["last_run"].clone();
        let is_its = run["started_by"]
            .as_str()
            .is_some_and(|by| by.ends_with(&who));
        (is_its && run["ended_at"].is_null()).then_some(())
    });
    child
}

/// Somebody logs in on an SSH decoy, and leaves.
pub fn intruder(session: &str) -> String {
    let rows = [
        json!({"eventid": "cowrie.session.connect", "protocol": "ssh", "src_port": 4711,
            "dst_ip": "198.51.100.1", "dst_port": 22}),
        json!({"eventid": "cowrie.login.success", "username": "root", "password": "hunter2"}),
        json!({"eventid": "cowrie.session.closed", "duration": 3.0}),
    ];
    rows.map(|mut row| {
        row["session"] = json!(session);
        row["src_ip"] = json!("192.0.2.7");
        row["timestamp"] = json!("2026-11-20T10:00:00.000000Z");
        format!("{row}\n")
    })
    .concat()
}
