//! Attackers' sessions, from the lines that Cowrie writes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use decnet_session_pipeline::conformance::processor::{Reading, read, violations};
use decnet_session_pipeline::lines::BadLine;
use decnet_session_pipeline::processor::{Processor, STATE_MAX};
use decnet_session_pipeline::processors::cowrie::{AttackerSession, Cowrie, OPEN_MAX};
use decnet_session_pipeline::source::{Log, SourceKind};
use proptest::prelude::*;

const RECORDED: &str = include_str!("fixtures/cowrie/recorded.json");
const DOCUMENTED: &str = include_str!("fixtures/cowrie/documented.json");
const HOSTILE: &str = include_str!("fixtures/cowrie/hostile.json");

const REDACTING: Cowrie = Cowrie {
    keep_passwords: false,
};
const KEEPING: Cowrie = Cowrie {
    keep_passwords: true,
};

fn log() -> Log {
    Log {
        source: "ssh-decoys".to_owned(),
        kind: SourceKind::Cowrie,
        key: "cowrie.json".to_owned(),
        user: None,
        decky: Some("files01".to_owned()),
    }
}

fn read_all(cowrie: Cowrie, text: &str) -> Reading {
    read(&cowrie, &log(), &[text.as_bytes()]).unwrap()
}

/// The sessions in the order in which they began.
fn sessions(reading: &Reading) -> Vec<AttackerSession> {
    let mut sessions: Vec<AttackerSession> = reading
        .records
        .values()
        .map(|(_, body)| AttackerSession::from_body(body).unwrap())
        .collect();
    sessions.sort_by_key(|session| (session.started, session.continued));
    sessions
}

fn session(reading: &Reading, id: &str) -> AttackerSession {
    let mut all = sessions(reading).into_iter();
    all.find(|session| session.session == id).unwrap()
}

fn inputs(session: &AttackerSession) -> Vec<&str> {
    let inputs = session.commands.inputs.iter();
    inputs.map(|input| input.input.as_str()).collect()
}

#[test]
fn it_conforms() {
    for (name, text) in [
        ("recorded", RECORDED),
        ("documented", DOCUMENTED),
        ("hostile", HOSTILE),
    ] {
        for cowrie in [REDACTING, KEEPING] {
            let found = violations(&cowrie, &log(), text.as_bytes());
            assert!(found.is_empty(), "{name}, {cowrie:?}: {found:#?}");
        }
    }
}

#[test]
fn a_recorded_session_is_told_from_beginning_to_end() {
    let reading = read_all(REDACTING, RECORDED);
    assert_eq!(reading.bad.count, 0);
    assert!(reading.notices.is_empty());
    let connects = RECORDED.matches("\"cowrie.session.connect\"").count();
    assert_eq!(reading.records.len(), connects);
    assert!(sessions(&reading).iter().all(|session| !session.continued));

    let session = session(&reading, "b69c3d12894f");
    assert_eq!(session.decky, "files01");
    assert_eq!(session.sensor.as_deref(), Some("decoy-files01"));
    assert_eq!(session.source.address.as_deref(), Some("127.0.0.1"));
    assert_eq!(session.source.port, Some(54704));
    assert_eq!(session.port, Some(23222));
    assert_eq!(session.protocol.as_deref(), Some("ssh"));
    assert_eq!(
        session.client_version.as_deref(),
        Some("SSH-2.0-paramiko_5.1.0")
    );
    assert_eq!(
        session.hassh.as_deref(),
        Some("4c94058d5e9e31659879f79fd5b46084")
    );
    assert_eq!(session.duration_seconds, Some(11.203));
    assert_eq!(
        session.started.to_rfc3339(),
        "2026-11-21T16:33:27.462496+00:00"
    );
    assert!(session.ended.is_some());
    let logins = &session.logins;
    assert_eq!(
        (logins.attempts, logins.failed, logins.succeeded),
        (2, 1, 1)
    );
    assert_eq!(logins.logged_in_as.as_deref(), Some("root"));
    assert_eq!(logins.user_names, ["root"]);
    assert_eq!(
        inputs(&session),
        [
            "whoami",
            "ls -la /[redacted]", // `root` was tried as a password.
            "passwd",
            "[redacted]",
            "[redacted]",
            "cat > /tmp/z",
            "text",
            "exit"
        ]
    );
    assert_eq!(session.uploads.count, 1);
    assert_eq!(session.uploads.files[0].file.as_deref(), Some("up.sh"));
    assert_eq!(session.downloads.files[0].file.as_deref(), Some("/tmp/z"));
    assert_eq!(session.tunnels.count, 1);
    assert_eq!(session.tunnels.destinations[0].host, "198.51.100.7");
    assert_eq!(session.tunnels.destinations[0].port, 25);
}

#[test]
fn no_password_stays_unless_told() {
    let passwords = [
        "hunter2-pass",
        "N3wpass",
        "N3w\\",
        "newsecret",
        "aaaaa1",
        "bbbbb2",
        "SqlPw123",
        "Zz9zz",
        "secretpw",
        "1234\"",
        "vizxv",
    ];
    let everything = |reading: &Reading| {
        let mut text = String::from_utf8(reading.state.clone().unwrap()).unwrap();
        for (_, body) in reading.records.values() {
            text += body;
        }
        text
    };
    // In the middle of the sessions, too: the state must not have any either.
    let lines: Vec<&str> = RECORDED.split_inclusive('\n').collect();
    for end in 0..=lines.len() {
        let text = everything(&read_all(REDACTING, &lines[..end].concat()));
        for password in passwords {
            assert!(!text.contains(password), "{password} after {end} lines");
        }
    }
    let text = everything(&read_all(KEEPING, RECORDED));
    for password in passwords {
        assert!(text.contains(password), "{password}");
    }
    assert!(!text.contains("[redacted]"));
}

#[test]
fn older_versions_are_read() {
    let reading = read_all(REDACTING, DOCUMENTED);
    assert_eq!(reading.bad.count, 0);
    let all = sessions(&reading);
    assert_eq!(all.len(), 3);
    // A tunnel's line does not say where the attacker comes from.
    assert_eq!(all[0].source.address.as_deref(), Some("192.0.2.92"));
    assert_eq!(all[0].source.port, Some(48299));
    assert_eq!(all[0].duration_seconds, Some(3.052));
    assert_eq!(
        all[0].downloads.files[0].url.as_deref(),
        Some("http://203.0.113.9/x86")
    );
    assert_eq!(all[1].started.to_rfc3339(), "2023-05-31T22:00:00+00:00");
    assert_eq!(all[1].duration_seconds, Some(4.2));
    assert_eq!(all[1].logins.failed, 1);
    // What is said after the end is a record of its own, and the earlier one stays.
    assert_eq!(all[2].session, all[1].session);
    assert!(all[2].continued && !all[1].continued);
    assert_eq!((all[2].downloads.count, all[1].downloads.count), (1, 0));
}

#[test]
fn hostile_lines_are_counted_or_made_harmless() {
    let reading = read_all(REDACTING, HOSTILE);
    let bad: Vec<(u64, BadLine)> = reading
        .bad
        .first
        .iter()
        .map(|(number, _, why)| (*number, *why))
        .collect();
    assert_eq!(
        bad,
        [
            (2, BadLine::NotJson),
            (3, BadLine::NotAnObject),
            (4, BadLine::WrongType),
            (5, BadLine::WrongType),
            (8, BadLine::WrongType),
            (11, BadLine::Unrecognised),
        ]
    );
    let all = sessions(&reading);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].logins.user_names, ["r\\u{1b}[2Joot\\u{202e}"]);
    assert_eq!(all[0].source.address.as_deref(), Some("192.0.2.7"));
    assert_eq!(all[0].tunnels.destinations[0].host, "x\\u{0}y");
    assert_eq!(all[0].duration_seconds, Some(4.0));
    for (_, body) in reading.records.values() {
        assert!(!body.chars().any(char::is_control));
        assert!(!body.contains("\\u00"), "{body}");
    }
}

/// A line of a session.
fn line(session: &str, second: u64, fields: &str) -> String {
    let (minute, second) = (second / 60 % 60, second % 60);
    format!(
        "{{\"session\":\"{session}\",\"src_ip\":\"192.0.2.1\",\"timestamp\":\
         \"2026-11-21T10:{minute:02}:{second:02}.000000Z\",\"eventid\":\"cowrie.{fields}}}\n"
    )
}

#[test]
fn a_used_id_does_not_touch_the_earlier_session() {
    let check = |lines: &[(u64, &str)], expected: &[(bool, u64, bool)]| {
        let text: String = lines
            .iter()
            .map(|(at, fields)| line("s", *at, fields))
            .collect();
        let reading = read_all(REDACTING, &text);
        let found: Vec<_> = sessions(&reading)
            .iter()
            .map(|session| {
                (
                    session.continued,
                    session.commands.count,
                    session.ended.is_some(),
                )
            })
            .collect();
        assert_eq!(found, expected, "{lines:?}");
        assert!(violations(&REDACTING, &log(), text.as_bytes()).is_empty());
    };
    const CONNECT: &str = "session.connect\"";
    const COMMAND: &str = "command.input\",\"input\":\"id\"";
    const CLOSED: &str = "session.closed\",\"duration\":1.0";
    check(
        &[(1, CONNECT), (2, COMMAND), (3, CLOSED)],
        &[(false, 1, true)],
    );
    check(
        &[
            (1, CONNECT),
            (2, COMMAND),
            (3, CLOSED),
            (4, COMMAND),
            (5, COMMAND),
        ],
        &[(false, 1, true), (true, 2, false)],
    );
    check(
        &[
            (1, CONNECT),
            (2, COMMAND),
            (3, CLOSED),
            (4, CLOSED),
            (5, "log.closed\""),
        ],
        &[(false, 1, true)],
    );
    check(
        &[(1, CONNECT), (2, COMMAND), (3, CONNECT), (4, CLOSED)],
        &[(false, 1, false), (false, 0, true)],
    );
    check(
        &[(1, CONNECT), (2, COMMAND), (1, CONNECT)],
        &[(false, 1, false)],
    );
    check(&[(2, COMMAND), (3, CLOSED)], &[(true, 1, true)]);
    check(&[(3, CLOSED), (4, "client.kex\",\"hassh\":\"x\"")], &[]);
}

#[test]
fn lists_and_texts_are_bounded() {
    let mut text = line("s", 0, "session.connect\"");
    let long = "A".repeat(1 << 20);
    for _ in 0..1000 {
        text += &line("s", 1, "command.input\",\"input\":\"id\"");
    }
    let _ = write!(
        text,
        "{}",
        line("s", 2, &format!("command.input\",\"input\":\"{long}\""))
    );
    for number in 0..1000 {
        text += &line(
            "s",
            3,
            &format!("login.failed\",\"username\":\"u{number}\""),
        );
        let url = format!(
            "session.file_download\",\"url\":\"http://h/{number}/{}\"",
            &long[..2000]
        );
        text += &line("s", 4, &url);
        let tunnel = format!("direct-tcpip.request\",\"dst_ip\":\"h{number}\",\"dst_port\":25");
        text += &line("s", 5, &tunnel);
        text += &line(
            "s",
            5,
            "direct-tcpip.request\",\"dst_ip\":\"h0\",\"dst_port\":25",
        );
    }
    let reading = read_all(REDACTING, &text);
    let session = session(&reading, "s");
    assert_eq!(session.commands.count, 1001);
    let kept = session.commands.inputs.len() as u64;
    assert_eq!(kept + session.commands.left_out, 1001);
    assert_eq!(session.logins.attempts, 1000);
    assert_eq!(
        session.logins.tried.len() as u64 + session.logins.left_out,
        1000
    );
    assert_eq!(
        session.downloads.files.len() as u64 + session.downloads.left_out,
        1000
    );
    assert_eq!(session.tunnels.count, 2000);
    assert_eq!(session.tunnels.destinations[0].count, 1001);
    let told: u64 = session.tunnels.destinations.iter().map(|to| to.count).sum();
    assert_eq!(told + session.tunnels.left_out, 2000);
    let (_, body) = reading.records.values().next().unwrap();
    assert!(body.len() < 300_000, "{}", body.len());
}

#[test]
fn the_state_is_bounded_and_what_is_given_up_is_recorded() {
    let count = OPEN_MAX * 3;
    let mut text = String::new();
    for number in 0..count {
        text += &line(&format!("s{number}"), 0, "session.connect\"");
    }
    let reading = read_all(REDACTING, &text);
    assert_eq!(reading.records.len(), count);
    assert!(reading.state.unwrap().len() < STATE_MAX);

    // Quotes and backslashes take two bytes in JSON.
    let mut text = String::new();
    let typed = "\\\\\\\"".repeat(600);
    for number in 0..200 {
        let id = format!("s{number}");
        text += &line(&id, 0, "session.connect\"");
        for _ in 0..100 {
            text += &line(&id, 1, &format!("command.input\",\"input\":\"{typed}\""));
        }
    }
    let reading = read_all(REDACTING, &text);
    assert_eq!(reading.records.len(), 200);
    assert!(
        sessions(&reading)
            .iter()
            .all(|session| session.commands.count == 100)
    );
    let length = reading.state.unwrap().len();
    assert!((1 << 20..STATE_MAX).contains(&length), "{length}");
}

#[test]
fn a_state_that_is_none_is_an_error() {
    let mut buffer = decnet_session_pipeline::lines::LineBuffer::default();
    let mut nothing = std::io::empty();
    let mut lines = buffer.lines(&mut nothing, 0, 0, u64::MAX);
    let error = REDACTING
        .process(&log(), &mut lines, Some(b"{}"))
        .unwrap_err();
    assert!(error.to_string().contains("2 bytes"), "{error}");
}

/// Lines of one session.
fn events() -> impl Strategy<Value = Vec<String>> {
    let event = prop_oneof![
        Just("session.connect\",\"protocol\":\"ssh\"".to_owned()),
        "[a-z]{1,3}".prop_map(|name| format!(
            "login.success\",\"username\":\"{name}\",\"password\":\"pw-{name}\""
        )),
        Just("login.failed\",\"username\":\"x\",\"password\":\"y\"".to_owned()),
        "[a-z |;]{0,12}pw-[a-z]{1,3}"
            .prop_map(|typed| format!("command.input\",\"input\":\"{typed}\"")),
        Just("command.failed\",\"input\":\"x\"".to_owned()),
        Just("session.file_download\",\"url\":\"http://h/\"".to_owned()),
        Just("direct-tcpip.request\",\"dst_ip\":\"h\",\"dst_port\":25".to_owned()),
        Just("log.closed\",\"duration\":1".to_owned()),
        Just("session.closed\",\"duration\":\"2.5\"".to_owned()),
    ];
    prop::collection::vec(event, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn garbage_changes_no_record(
        garbage in prop::collection::vec((any::<prop::sample::Index>(), any::<Vec<u8>>()), 0..40),
        cuts in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 0..20),
    ) {
        let lines: Vec<&[u8]> = RECORDED.as_bytes().split_inclusive(|byte| *byte == b'\n').collect();
        let mut mixed: Vec<Vec<u8>> = lines.iter().map(|line| line.to_vec()).collect();
        for (line, end) in cuts {
            let line = line.get(&lines);
            let mut half = line[..end.index(line.len() - 2)].to_vec();
            half.push(b'\n');
            mixed.insert(mixed.len() / 2, half);
        }
        for (at, mut bytes) in garbage {
            // Half of it looks like an object at first.
            if bytes.len() % 2 == 0 {
                bytes.splice(0..0, *b"{\"eventid\":");
            }
            bytes.push(b'\n');
            mixed.insert(at.index(mixed.len()), bytes);
        }
        let found = read(&REDACTING, &log(), &[&mixed.concat()]).unwrap();
        prop_assert_eq!(found.records, read_all(REDACTING, RECORDED).records);
    }

    #[test]
    fn whatever_is_typed_can_be_shown(
        typed in prop::collection::vec(
            prop_oneof![any::<String>(), "[a-z:@/|;<>'\"\\\\ =-]{0,60}(passwd|mysql -p|curl -u|\\$\\()?[ -~]{0,20}"],
            1..20,
        ),
        password in any::<String>(),
    ) {
        let string = |text: &str| serde_json::to_string(text).unwrap();
        let mut text = line("s", 0, &format!("login.success\",\"password\":{}", string(&password)));
        for typed in &typed {
            text += &line("s", 1, &format!("command.input\",\"input\":{}", string(typed)));
        }
        for cowrie in [REDACTING, KEEPING] {
            let reading = read_all(cowrie, &text);
            prop_assert_eq!(reading.bad.count, 0);
            prop_assert_eq!(session(&reading, "s").commands.inputs.len(), typed.len());
            for (_, body) in reading.records.values() {
                prop_assert!(!body.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn sessions_side_by_side_are_as_alone(
        all in prop::collection::vec(events(), 1..6),
        order in prop::collection::vec(any::<prop::sample::Index>(), 60),
    ) {
        let alone: Vec<Vec<String>> = all
            .iter()
            .enumerate()
            .map(|(id, events)| {
                let times = events.iter().zip(1..);
                times.map(|(event, at)| line(&format!("s{id}"), at, event)).collect()
            })
            .collect();
        let mut expected = Reading::default();
        for lines in &alone {
            expected.records.extend(read_all(REDACTING, &lines.concat()).records);
        }
        let mut rest: Vec<_> = alone.iter().map(|lines| lines.iter()).collect();
        let mut mixed = String::new();
        for index in order.iter().cycle() {
            rest.retain(|lines| lines.len() > 0);
            if rest.is_empty() {
                break;
            }
            let at = index.index(rest.len());
            mixed.extend(rest[at].next().map(String::as_str));
        }
        prop_assert_eq!(&read_all(REDACTING, &mixed).records, &expected.records);
        prop_assert_eq!(violations(&REDACTING, &log(), mixed.as_bytes()), Vec::<String>::new());
        let ids: BTreeSet<_> = sessions(&expected).into_iter().map(|session| session.session).collect();
        prop_assert!(ids.len() <= all.len());
    }
}
