//! `decnet sessions tick` over what it cannot read: lines, names, files, sources, its own state.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;

use decnet_tests::binary::{Outcome, binary};
use decnet_tests::logs::{AGENTS, Logs, append, bodies, ended, run_of, status_of, usage};
use decnet_tests::process::{Killed, is_superuser};
use decnet_tests::python;
use decnet_tests::sessions::{SESSIONS_RUN, amounts_to, intruder, tick, ticked, two_users};
use decnet_tests::transcript::Transcript;
use decnet_tests::world::{list, text};
use serde_json::{Value, json};

const BAD_INPUT: i32 = 65;
const NO_INPUT: i32 = 66;

#[test]
fn lines_that_cannot_be_read_are_counted_and_cost_no_memory() {
    let logs = Logs::new(AGENTS);
    let good = Transcript::new("ana", "bad", 5).go_on(12);
    let path = logs.agent(&good.path());
    let mut file = File::create(&path).expect("it is ours");
    let deep = 100_000;
    let bad: Vec<(Vec<u8>, &str)> = vec![
        (b"not json".to_vec(), "not JSON"),
        (b"{\"type\":\"user\"".to_vec(), "not JSON"),
        (b"[1,2]".to_vec(), "not a JSON object"),
        (b"null".to_vec(), "not a JSON object"),
        (b"{\"type\":7}".to_vec(), "a value of the wrong type"),
        (
            b"{\"type\":\"user\",\"message\":3}".to_vec(),
            "a value of the wrong type",
        ),
        (b"{\"type\":\"us\xffer\"}".to_vec(), "invalid UTF-8"),
        (b"{\"type\":\"us\0er\"}".to_vec(), "NUL byte"),
        ("[".repeat(deep).into_bytes(), "nested too deep"),
        (
            format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep)).into_bytes(),
            "nested too deep",
        ),
    ];
    let mut rows = good.rows.iter();
    let (mut number, mut offset) = (0, 0);
    let mut expected = Vec::new();
    let mut line = |file: &mut File, bytes: &[u8], why: &str| {
        number += 1;
        if !why.is_empty() {
            expected.push(format!("line {number} at byte {offset} skipped: {why}"));
        }
        file.write_all(bytes)
            .and_then(|()| file.write_all(b"\n"))
            .expect("there is room");
        offset += bytes.len() as u64 + 1;
    };
    for (bytes, why) in &bad {
        let row = rows.next().expect("there are more good rows than bad ones");
        line(&mut file, row.as_bytes(), "");
        line(&mut file, bytes, why);
    }
    // 100 MB without a single line feed, which take no room on the disk.
    let long = 100_000_000;
    number += 1;
    expected.push(format!("line {number} at byte {offset} skipped: too long"));
    file.set_len(offset + long)
        .and_then(|()| file.seek(SeekFrom::End(0)))
        .and_then(|_| file.write_all(b"\n"))
        .expect("a file may have holes");
    for row in rows {
        file.write_all(row.as_bytes())
            .and_then(|()| file.write_all(b"\n"))
            .expect("there is room");
    }
    drop(file);

    let config = logs
        .state()
        .parent()
        .expect("it has one")
        .join("decnet.toml");
    let script = "import json,resource,subprocess,sys\n\
                  ended=subprocess.run(sys.stdin.read().split('\\n'), capture_output=True, text=True)\n\
                  most=resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss\n\
                  print(json.dumps([ended.returncode, ended.stdout, ended.stderr, most]))";
    let words = [
        &binary().display().to_string(),
        "--config",
        &config.display().to_string(),
        "sessions",
        "tick",
        "--json",
    ]
    .join("\n");
    let said: Value = serde_json::from_str(&python::run(script, &words)).expect("JSON");
    assert_eq!(said[0], 0, "{said:#}");
    let report: Value = serde_json::from_str(text(&said[1])).expect("JSON");
    let run = run_of(&report, "usage");
    let found: Vec<&str> = list(&run["details"])
        .map(|detail| text(&detail["what"]))
        .collect();
    assert_eq!(found, expected);
    assert_eq!(
        (&run["bad_lines"], &run["errors"]),
        (&json!(expected.len()), &json!(0)),
        "{run:#}"
    );
    amounts_to(&logs.decnet, &[&good]);
    let kilobytes = said[3].as_u64().expect("a number");
    assert!(kilobytes < 64 << 10, "a tick took {kilobytes} KiB");
}

#[test]
fn a_message_that_is_a_list_is_of_the_wrong_type() {
    let logs = Logs::new(AGENTS);
    // The fields of a message in their order, without their names.
    let row = json!({"type": "assistant", "uuid": "u", "timestamp": "2026-05-12T09:00:00Z",
        "message": ["msg_1", "model-large", [], {"input_tokens": 1, "output_tokens": 1}]});
    append(&logs.agent("ana/list.jsonl"), format!("{row}\n").as_bytes());
    let report = ticked(&logs.decnet);
    let run = run_of(&report, "usage");
    assert_eq!(
        (
            &run["bad_lines"],
            usage(&logs.decnet, "model")["total"]["messages"].as_u64()
        ),
        (&json!(1), Some(0)),
        "{run:#}"
    );
}

#[test]
fn hostile_names_are_read_or_passed_over_and_drive_no_terminal() {
    let logs = Logs::new(AGENTS);
    let root = logs.path("agents");
    let names: [&[u8]; 9] = [
        b"two\nlines.jsonl",
        b"\x1b[2J\x1b]0;owned\x07.jsonl",
        b"\xff\xfe.jsonl",
        // What the one before is written as.
        b"\\xff\\xfe.jsonl",
        b"a\"b'c.jsonl",
        b".jsonl",
        b" .jsonl",
        "\u{202e}rtl.jsonl".as_bytes(),
        b"-rf.jsonl",
    ];
    let long = [b"x".repeat(249), b".jsonl".to_vec()].concat();
    assert_eq!(long.len(), 255, "the longest that there is");
    let user: &[u8] = b"e\x1b[31mva\n\xff";
    fs::create_dir(root.join(OsStr::from_bytes(user))).expect("it is ours");
    let mut transcripts = Vec::new();
    for (seed, name) in names.into_iter().chain([long.as_slice()]).enumerate() {
        // The bad line makes the name be told.
        let transcript = Transcript::new("e\u{1b}[31mva\n\\xff", "x", seed as u64).go_on(2);
        let path = root
            .join(OsStr::from_bytes(user))
            .join(OsStr::from_bytes(name));
        fs::write(path, format!("{}not json\n", transcript.text())).expect("it is ours");
        transcripts.push(transcript);
    }
    // What nobody may follow or wait for.
    let secret = Transcript::new("secret", "secret", 99).go_on(2);
    fs::create_dir_all(logs.path("elsewhere/secret")).expect("it is ours");
    fs::write(logs.path("elsewhere").join(secret.path()), secret.text()).expect("it is ours");
    let ana = root.join("ana");
    fs::create_dir(&ana).expect("it is ours");
    let elsewhere = logs.path("elsewhere").join(secret.path());
    symlink(&elsewhere, ana.join("link.jsonl")).expect("it is ours");
    symlink("loop.jsonl", ana.join("loop.jsonl")).expect("it is ours");
    symlink(logs.path("elsewhere/secret"), root.join("linked")).expect("it is ours");
    fs::create_dir(ana.join("folder.jsonl")).expect("it is ours");
    let _socket = UnixListener::bind(ana.join("socket.jsonl")).expect("it is ours");
    for fifo in [ana.join("pipe.jsonl"), root.join("pipe")] {
        let made = Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .expect("mkfifo can be run");
        assert!(made.success());
    }

    let mut child = Killed(logs.decnet.start(["sessions", "tick"]));
    let ended = ended("a tick that waits for nothing", &mut child.0).succeeds();
    assert_eq!(
        ended.stderr.matches("not JSON").count(),
        transcripts.len(),
        "{ended:#?}"
    );
    amounts_to(&logs.decnet, &transcripts.iter().collect::<Vec<_>>());
    let shown = ["status", "usage", "processors"].map(|what| logs.decnet.ok(["sessions", what]));
    let by_user = logs.decnet.ok(["sessions", "usage", "--by", "user"]);
    let recorded = logs.decnet.ok(["sessions", "records", "usage"]);
    for said in shown.iter().chain([&ended, &by_user, &recorded]) {
        for text in [&said.stdout, &said.stderr] {
            let wrong = text
                .chars()
                .find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
            assert_eq!(wrong, None, "{said:#?}");
        }
    }
    assert_eq!(
        by_user.stdout.lines().count(),
        3,
        "a heading, a user, a total: {by_user:#?}"
    );
    let keys: BTreeMap<String, Value> = recorded
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"))
        .map(|record| (text(&record["log"]).to_owned(), record["user"].clone()))
        .collect();
    assert_eq!(keys.len(), transcripts.len(), "names stay apart: {keys:#?}");
}

#[test]
fn a_folder_that_vanishes_is_told_and_what_was_read_stays() {
    let logs = Logs::new(AGENTS);
    let [first, resumed, other] = two_users();
    let all = [&first, &resumed, &other];
    logs.write(&all);
    tick(&logs.decnet).succeeds();

    fs::remove_dir_all(logs.path("agents/ana")).expect("it is ours");
    tick(&logs.decnet).succeeds();
    amounts_to(&logs.decnet, &all);

    fs::rename(logs.path("agents"), logs.path("away")).expect("it is ours");
    let ended = tick(&logs.decnet);
    assert_eq!(ended.code, Some(NO_INPUT), "{ended:#?}");
    assert!(ended.stderr.contains("logs/agents"), "{ended:#?}");
    assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
    amounts_to(&logs.decnet, &all);

    fs::rename(logs.path("away"), logs.path("agents")).expect("it is ours");
    let longer = other.go_on(2);
    logs.write(&[&longer]);
    tick(&logs.decnet).succeeds();
    amounts_to(&logs.decnet, &[&first, &resumed, &longer]);
}

#[test]
fn a_missing_source_holds_up_no_other() {
    let missing =
        "[[sessions.source]]\nkind = \"agent\"\nname = \"gone\"\npath = \"{logs}/gone\"\n";
    let logs = Logs::new(&format!("{missing}{AGENTS}"));
    let [first, resumed, other] = two_users();
    logs.write(&[&first, &resumed, &other]);
    let ended = logs.decnet.run(["sessions", "tick", "--json"]);
    let line = ended.fails(NO_INPUT);
    assert!(line.contains("gone"), "{line}");
    assert_eq!(run_of(&ended.json(), "usage")["errors"], 1, "{ended:#?}");
    amounts_to(&logs.decnet, &[&first, &resumed, &other]);
}

#[test]
fn a_session_that_cannot_be_read_holds_up_no_other() {
    let logs = Logs::new(AGENTS);
    let [first, resumed, other] = two_users();
    logs.write(&[&first, &resumed, &other]);
    let closed = Transcript::new("ana", "closed", 9).go_on(3);
    logs.write(&[&closed]);
    let mode = |mode| {
        let path = logs.agent(&closed.path());
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
    };
    mode(0);
    // The superuser reads everything, unless he may not.
    let wrapper: &[&str] = if is_superuser() {
        &["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    } else {
        &[]
    };
    let tick = || {
        let mut command = logs
            .decnet
            .wrapped(wrapper, &["sessions", "tick", "--json"]);
        Outcome::of(&mut command).succeeds().json()
    };
    let report = tick();
    let run = run_of(&report, "usage");
    assert_eq!(
        (&run["scanned"], &run["processed"], &run["errors"]),
        (&json!(4), &json!(3), &json!(1)),
        "{run:#}"
    );
    let detail = &run["details"][0];
    assert_eq!(text(&detail["log"]), "agent/ana/closed");
    let what = text(&detail["what"]);
    assert!(
        what.contains("ermission denied") && what.contains("closed.jsonl"),
        "{what}"
    );
    amounts_to(&logs.decnet, &[&first, &resumed, &other]);

    // It is left alone for a while; meanwhile the others go on.
    let longer = other.clone().go_on(4);
    logs.write(&[&longer]);
    let report = tick();
    let run = run_of(&report, "usage");
    assert_eq!(
        (&run["processed"], &run["skipped"], &run["errors"]),
        (&json!(1), &json!(1), &json!(0)),
        "{run:#}"
    );
    amounts_to(&logs.decnet, &[&first, &resumed, &longer]);
    let quarantine = logs
        .decnet
        .json(["sessions", "quarantine", "list", "--json"]);
    assert_eq!(quarantine, json!([]), "nothing is wrong with what is in it");
}

/// Changes the database behind the program's back.
fn change(logs: &Logs, sql: &str) {
    let script = "import sqlite3,sys\n\
                  path,sql=sys.stdin.read().split('\\n',1)\n\
                  db=sqlite3.connect(path)\n\
                  db.executescript(sql)\n\
                  db.commit()";
    let database = logs.state().join("decnet.db").display().to_string();
    python::run(script, &format!("{database}\n{sql}"));
}

/// The progress of the session `ben/other`, for a `where`.
const OF_OTHER: &str = "log_id = (select id from session_log where key = 'ben/other')";

#[test]
fn a_session_whose_state_is_damaged_is_read_again_from_its_beginning() {
    let logs = Logs::new(AGENTS);
    let [first, resumed, other] = two_users();
    logs.write(&[&first, &resumed, &other]);
    tick(&logs.decnet).succeeds();
    let of_other = format!("progress_id in (select id from session_progress where {OF_OTHER})");
    change(
        &logs,
        &format!("update session_state set base = x'00' where {of_other}"),
    );
    let [longer_first, longer] = [first.clone().go_on(3), other.clone().go_on(3)];
    logs.write(&[&longer_first, &longer]);
    let report = ticked(&logs.decnet);
    let run = run_of(&report, "usage");
    assert_eq!(
        (&run["processed"], &run["errors"]),
        (&json!(2), &json!(0)),
        "{run:#}"
    );
    amounts_to(&logs.decnet, &[&longer_first, &resumed, &longer]);
    logs.equal_one_clean_tick(&[("usage", "")]);
}

#[test]
fn a_session_that_was_set_aside_is_listed_left_alone_and_replayed() {
    let logs = Logs::new(AGENTS);
    let [first, resumed, other] = two_users();
    logs.write(&[&first, &resumed, &other]);
    tick(&logs.decnet).succeeds();
    // No line makes a processor of decnet fail, so what a failure leaves behind is put there.
    change(
        &logs,
        &format!(
            "update session_progress set quarantined_at = tried_at, failures = 5,
             last_error = 'it failed' where {OF_OTHER}"
        ),
    );
    let [longer_first, longer] = [first.clone().go_on(3), other.clone().go_on(3)];
    logs.write(&[&longer_first, &longer]);
    let run = run_of(&ticked(&logs.decnet), "usage").clone();
    assert_eq!(
        (&run["processed"], &run["skipped"], &run["errors"]),
        (&json!(1), &json!(1), &json!(0)),
        "{run:#}"
    );
    amounts_to(&logs.decnet, &[&longer_first, &resumed, &other]);
    let quarantined = logs
        .decnet
        .json(["sessions", "quarantine", "list", "--json"]);
    assert_eq!(list(&quarantined).count(), 1, "{quarantined:#}");
    let one = &quarantined[0];
    assert_eq!(
        (&one["key"], &one["processor"], &one["tries"], &one["error"]),
        (
            &json!("agent/ben/other"),
            &json!("usage"),
            &json!(5),
            &json!("it failed")
        )
    );
    assert_eq!(status_of(&logs.decnet, "usage")["quarantined"], 1);
    let ended = logs
        .decnet
        .run(["sessions", "quarantine", "replay", "agent/ben/none"]);
    assert!(
        ended.fails(BAD_INPUT).contains("agent/ben/none"),
        "{ended:#?}"
    );
    logs.decnet
        .ok(["sessions", "quarantine", "replay", "agent/ben/other"]);
    tick(&logs.decnet).succeeds();
    amounts_to(&logs.decnet, &[&longer_first, &resumed, &longer]);
    let quarantined = logs
        .decnet
        .json(["sessions", "quarantine", "list", "--json"]);
    assert_eq!(quarantined, json!([]));
    logs.equal_one_clean_tick(&[("usage", "")]);
}

#[test]
fn damage_that_stops_one_processor_stops_no_other() {
    let logs = Logs::new(&format!("{SESSIONS_RUN}{AGENTS}"));
    let [first, resumed, other] = two_users();
    logs.write(&[&first, &resumed, &other]);
    tick(&logs.decnet).succeeds();
    change(
        &logs,
        &format!("update session_progress set identity = x'00' where {OF_OTHER}"),
    );
    append(
        &logs.path("cowrie.json"),
        intruder("aaaaaaaaaaaa").as_bytes(),
    );
    let ended = tick(&logs.decnet);
    assert_eq!(ended.code, Some(BAD_INPUT), "{ended:#?}");
    assert!(ended.stderr.contains("damaged"), "{ended:#?}");
    assert_eq!(bodies(&logs.decnet, "cowrie", "session").len(), 1);
    let alerts = logs
        .decnet
        .json(["alerts", "list", "--kind", "first-login", "--json"]);
    assert_eq!(
        list(&alerts).count(),
        1,
        "who is inside is told all the same: {alerts:#}"
    );
}
