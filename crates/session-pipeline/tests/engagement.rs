//! Impressions, engagements and presence, from the lines that Dovecot and Cowrie write.

use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};
use decnet_session_pipeline::conformance::processor::{Reading, read, violations};
use decnet_session_pipeline::lines::BadLine;
use decnet_session_pipeline::processor::{Processor, STATE_MAX};
use decnet_session_pipeline::processors::engagement::{
    Calendar, Ended, Engagement, EngagementRecord, OPEN_MAX, OwnAccess, PRESENCE, Point, Presence,
};
use decnet_session_pipeline::record::{Notice, RecordId};
use decnet_session_pipeline::source::{Log, SourceKind};
use proptest::prelude::*;

const DEFAULT_FORMAT: &str = include_str!("fixtures/dovecot/default-format.log");
const ISO_ONE_FILE: &str = include_str!("fixtures/dovecot/iso-one-file.log");
const SYSLOG: &str = include_str!("fixtures/dovecot/syslog.log");
const COWRIE: &str = include_str!("fixtures/cowrie/recorded.json");
const COWRIE_DOCUMENTED: &str = include_str!("fixtures/cowrie/documented.json");
const COWRIE_HOSTILE: &str = include_str!("fixtures/cowrie/hostile.json");

fn engagement() -> Engagement {
    Engagement::new(Calendar::of_year(2026, FixedOffset::east_opt(0).unwrap()))
}

fn of_others(addresses: &[&str], users: &[&str]) -> Engagement {
    Engagement {
        own: OwnAccess {
            addresses: addresses
                .iter()
                .map(|address| address.parse().unwrap())
                .collect(),
            users: users.iter().map(|user| (*user).to_owned()).collect(),
        },
        ..engagement()
    }
}

fn log(kind: SourceKind) -> Log {
    Log {
        source: "decoys".to_owned(),
        kind,
        key: "server.log".to_owned(),
        user: None,
        decky: Some("mail01".to_owned()),
    }
}

fn read_all(engagement: &Engagement, kind: SourceKind, text: &str) -> Reading {
    read(engagement, &log(kind), &[text.as_bytes()]).unwrap()
}

fn point(engagement: &Engagement, reading: &Reading, now: &str) -> (RecordId, Point) {
    let now: DateTime<Utc> = now.parse().unwrap();
    let log = log(SourceKind::Dovecot);
    let state = reading.state.as_deref().unwrap();
    let outcome = engagement.sample(&log, now, state).unwrap().unwrap();
    assert_eq!(outcome.state, state);
    let [record] = outcome.records.as_slice() else {
        panic!("one point: {:?}", outcome.records);
    };
    assert_eq!(record.occurred_at, Some(now));
    match EngagementRecord::read(record.kind, &record.body) {
        Ok(Some(EngagementRecord::Point(point))) => (record.id, point),
        other => panic!("{other:?}"),
    }
}

/// Impressions and engagements.
fn counts(engagement: &Engagement, reading: &Reading) -> (u64, u64) {
    let (_, point) = point(engagement, reading, "2026-11-21T18:00:00Z");
    (point.impressions, point.engagements)
}

/// Everybody who was inside, in order.
fn presences(reading: &Reading) -> Vec<Presence> {
    let mut found: Vec<Presence> = reading
        .records
        .iter()
        .map(
            |((kind, _), (_, body))| match EngagementRecord::read(kind, body) {
                Ok(Some(EngagementRecord::Presence(presence))) => presence,
                other => panic!("{other:?}"),
            },
        )
        .collect();
    found.sort_by_key(|presence| {
        let Presence { user, protocol, .. } = presence.clone();
        (presence.since, presence.until, user, protocol)
    });
    found
}

/// `user protocol since until how`, with times as minutes and seconds.
fn told(reading: &Reading) -> Vec<String> {
    let clock = |at: DateTime<Utc>| at.format("%M:%S").to_string();
    presences(reading)
        .iter()
        .map(|presence| {
            let until = presence.until.map_or("-".to_owned(), clock);
            let how = presence
                .ended
                .map_or("-".to_owned(), |how| format!("{how:?}"));
            let name = presence.user.split('@').next().unwrap_or_default();
            let since = clock(presence.since);
            format!("{name} {} {since} {until} {how}", presence.protocol)
        })
        .collect()
}

#[test]
fn it_conforms() {
    for (kind, text) in [
        (SourceKind::Dovecot, DEFAULT_FORMAT),
        (SourceKind::Dovecot, ISO_ONE_FILE),
        (SourceKind::Dovecot, SYSLOG),
        (SourceKind::Cowrie, COWRIE),
        (SourceKind::Cowrie, COWRIE_DOCUMENTED),
        (SourceKind::Cowrie, COWRIE_HOSTILE),
    ] {
        for engagement in [
            engagement(),
            of_others(&["127.0.0.1"], &["luis@corp.example"]),
        ] {
            let found = violations(&engagement, &log(kind), text.as_bytes());
            assert!(found.is_empty(), "{kind:?}: {found:#?}");
        }
    }
    assert!(engagement().samples());
}

#[test]
fn a_real_log_in_the_default_format() {
    let reading = read_all(&engagement(), SourceKind::Dovecot, DEFAULT_FORMAT);
    assert_eq!(reading.bad.count, 0);
    assert_eq!(
        told(&reading),
        [
            "ana imap 26:09 26:09 Left",
            "ana imap 26:09 26:09 Left",
            "luis imap 26:09 26:09 Left",
            "ana pop3 26:15 26:15 Left",
            "luis pop3 26:15 26:15 Left",
            "luis imap 26:15 26:16 Left",
            "ana imap 26:15 26:18 Left",
            "ana imap 26:23 26:24 Left",
        ]
    );
    // Connections: 8 logins, 2 that failed, 2 without an attempt. Listings: 2 over IMAP, 1 over POP3.
    // Bodies: 2 over IMAP, 1 over POP3. Three deliveries are nothing.
    assert_eq!(counts(&engagement(), &reading), (15, 3));
    let first = &presences(&reading)[0];
    assert_eq!(first.since.to_rfc3339(), "2026-11-21T16:26:09+00:00");
    assert_eq!(first.address.as_deref(), Some("127.0.0.1"));
    assert_eq!(first.decky, "mail01");
    let [
        Notice::FirstLogin {
            decky,
            user,
            address,
            at,
        },
    ] = reading.notices.as_slice()
    else {
        panic!("{:?}", reading.notices);
    };
    assert_eq!(
        (decky.as_str(), user.as_str(), address.as_str(), *at),
        ("mail01", "ana@corp.example", "127.0.0.1", Some(first.since))
    );
}

#[test]
fn a_real_log_with_years_and_killed_processes() {
    let reading = read_all(&engagement(), SourceKind::Dovecot, ISO_ONE_FILE);
    assert_eq!(reading.bad.count, 0);
    assert_eq!(
        told(&reading),
        [
            "ana imap 32:19 32:19 Left",
            "ana pop3 32:19 32:19 Left",
            "luis imap 32:19 32:19 Left",
            "ana imap 32:20 32:20 Left",
            "ana imap 32:20 32:20 Left",
        ]
    );
    assert_eq!(counts(&engagement(), &reading), (12, 0));
    // Who claims to come from elsewhere does not.
    let others = of_others(&["127.0.0.1"], &[]);
    let reading = read_all(&others, SourceKind::Dovecot, ISO_ONE_FILE);
    assert_eq!(counts(&others, &reading), (0, 0));
    assert!(reading.records.is_empty() && reading.notices.is_empty());
    let others = of_others(&["9.9.9.9"], &[]);
    let reading = read_all(&others, SourceKind::Dovecot, ISO_ONE_FILE);
    assert_eq!(counts(&others, &reading), (12, 0));
}

#[test]
fn real_syslog_lines() {
    let reading = read_all(&engagement(), SourceKind::Dovecot, SYSLOG);
    assert_eq!(reading.bad.count, 0);
    assert_eq!(told(&reading), ["ana imap 36:56 36:56 Left"]);
    assert_eq!(counts(&engagement(), &reading), (2, 0));
}

#[test]
fn own_users_are_left_out() {
    let others = of_others(&[], &["Ana@Corp.Example"]);
    let reading = read_all(&others, SourceKind::Dovecot, DEFAULT_FORMAT);
    assert!(
        presences(&reading)
            .iter()
            .all(|presence| presence.user == "luis@corp.example")
    );
    // 3 logins of the other user; wrong passwords are not decnet's.
    assert_eq!(counts(&others, &reading), (7, 0));
    assert_eq!(reading.notices.len(), 1);
}

#[test]
fn cowrie_sessions_are_presences_from_login_on() {
    let reading = read_all(&engagement(), SourceKind::Cowrie, COWRIE);
    assert_eq!(reading.bad.count, 0);
    let all = presences(&reading);
    assert_eq!(all.len(), 9);
    assert!(
        all.iter()
            .all(|presence| presence.ended == Some(Ended::Left))
    );
    assert!(all.iter().all(|presence| presence.user == "root"));
    assert_eq!(
        all[0].since.to_rfc3339(),
        "2026-11-21T16:33:28.475394+00:00"
    );
    assert_eq!(
        all.iter()
            .filter(|presence| presence.protocol == "telnet")
            .count(),
        1
    );
    let count = |event: &str| COWRIE.matches(&format!("\"cowrie.{event}\"")).count() as u64;
    assert_eq!(
        counts(&engagement(), &reading),
        (
            count("session.connect"),
            count("command.input") + count("session.file_download") + count("session.file_upload")
        )
    );
    assert_eq!(reading.notices.len(), 1);
    for others in [
        of_others(&["::ffff:127.0.0.1"], &[]),
        of_others(&["127.0.0.1"], &[]),
    ] {
        let reading = read_all(&others, SourceKind::Cowrie, COWRIE);
        assert_eq!(counts(&others, &reading), (0, 0));
        assert!(reading.records.is_empty() && reading.notices.is_empty());
    }
    // A scanner never logs in: it is nobody's own.
    let others = of_others(&[], &["root"]);
    let reading = read_all(&others, SourceKind::Cowrie, COWRIE);
    assert_eq!(counts(&others, &reading), (1, 0));
    assert!(reading.records.is_empty());
}

/// A login over IMAP.
fn login(clock: &str, session: &str) -> String {
    format!(
        "{clock} imap-login: Info: Login: user=<ana@x>, method=PLAIN, rip=192.0.2.7, lip=10.0.0.1, \
         mpid=71, TLS, session=<{session}>\n"
    )
}

/// The end of a session over IMAP.
fn end(clock: &str, session: &str) -> String {
    format!(
        "{clock} imap(ana@x)<71><{session}>: Info: Disconnected: Logged out in=1 out=1 deleted=0 \
         expunged=0 trashed=0 hdr_count=5 hdr_bytes=9 body_count=2 body_bytes=9\n"
    )
}

#[test]
fn presences_end_however_the_log_says() {
    let check = |text: String, expected: &[&str], expected_counts: (u64, u64)| {
        let reading = read_all(&engagement(), SourceKind::Dovecot, &text);
        assert_eq!(told(&reading), expected, "{text}");
        assert_eq!(counts(&engagement(), &reading), expected_counts, "{text}");
        let found = violations(&engagement(), &log(SourceKind::Dovecot), text.as_bytes());
        assert!(found.is_empty(), "{found:#?}");
    };
    let at = |second: u32| format!("Nov 21 16:00:{second:02}");
    let start = |second| {
        format!(
            "{} master: Info: Dovecot v2.3.19.1 (x) starting up for imap\n",
            at(second)
        )
    };
    check(login(&at(1), "s"), &["ana imap 00:01 - -"], (1, 0));
    check(
        login(&at(1), "s") + &end(&at(9), "s"),
        &["ana imap 00:01 00:09 Left"],
        (2, 2),
    );
    check(
        login(&at(1), "s") + &start(5),
        &["ana imap 00:01 00:05 Restarted"],
        (1, 0),
    );
    // Its own last line is the better witness, and counts once.
    check(
        login(&at(1), "s") + &start(5) + &end(&at(6), "s") + &start(7),
        &["ana imap 00:01 00:06 Left"],
        (2, 2),
    );
    check(
        format!(
            "{}{} master: Warning: Killed with signal 15 (by pid=1 uid=0 code=kill)\n{}",
            login(&at(1), "s"),
            at(3),
            start(5)
        ),
        &["ana imap 00:01 00:03 Restarted"],
        (1, 0),
    );
    check(
        format!(
            "{}{} master: Error: service(imap): child 71 killed with signal 11\n",
            login(&at(1), "s"),
            at(4)
        ),
        &["ana imap 00:01 00:04 Left"],
        (1, 0),
    );
    // The line that ended it is missing, and the id is used again.
    check(
        login(&at(1), "s") + &login(&at(4), "s"),
        &["ana imap 00:01 00:04 Left", "ana imap 00:04 - -"],
        (2, 0),
    );
    // The log begins in the midst of a session, as is plain when it has gone on for a while.
    check(end(&at(1), "s"), &[], (0, 0));
    check(
        end(&at(1), "s") + &login(&at(12), "t"),
        &["ana imap 00:12 - -"],
        (2, 2),
    );
    // Up to version 2.2, processes have no ids.
    check(
        login(&at(1), "s") + &format!("{} imap(ana@x): Info: Logged out in=1 out=1\n", at(2)),
        &["ana imap 00:01 00:02 Left"],
        (1, 0),
    );
    check(
        login(&at(1), "").replace(", session=<>", "") + &end(&at(2), "").replace("<>", ""),
        &["ana imap 00:01 00:02 Left"],
        (2, 2),
    );
}

#[test]
fn years_go_on_over_calls() {
    let text = login("Dec 31 23:59:58", "a")
        + &login("Jan  1 00:00:01", "b")
        + &end("Jan  1 00:00:02", "a")
        + &end("Jul 14 10:00:00", "b")
        + &login("Jan  2 00:00:00", "c");
    let mut buffer = engagement();
    buffer.calendar = Calendar::of_year(2025, FixedOffset::east_opt(3600).unwrap());
    let reading = read_all(&buffer, SourceKind::Dovecot, &text);
    let times: Vec<_> = presences(&reading)
        .iter()
        .map(|presence| {
            (
                presence.since.to_rfc3339(),
                presence.until.map(|until| until.to_rfc3339()),
            )
        })
        .collect();
    let time = |text: &str| format!("{text}+00:00");
    assert_eq!(
        times,
        [
            (
                time("2025-12-31T22:59:58"),
                Some(time("2025-12-31T23:00:02"))
            ),
            (
                time("2025-12-31T23:00:01"),
                Some(time("2026-07-14T09:00:00"))
            ),
            (time("2027-01-01T23:00:00"), None),
        ]
    );
    let found = violations(&buffer, &log(SourceKind::Dovecot), text.as_bytes());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn points_of_one_stretch_replace_each_other() {
    let engagement = engagement();
    let reading = read_all(&engagement, SourceKind::Dovecot, DEFAULT_FORMAT);
    let id = |at: &str| point(&engagement, &reading, at).0;
    assert_eq!(id("2026-11-21T16:30:00Z"), id("2026-11-21T16:34:59.9Z"));
    assert_ne!(id("2026-11-21T16:30:00Z"), id("2026-11-21T16:35:00Z"));
    let (_, found) = point(&engagement, &reading, "2026-11-21T16:30:00Z");
    assert_eq!(found.decky, "mail01");
    let every_hour = Engagement {
        sample_every: Duration::from_secs(3600),
        ..engagement.clone()
    };
    let id = |at: &str| point(&every_hour, &reading, at).0;
    assert_eq!(id("2026-11-21T16:00:00Z"), id("2026-11-21T16:59:59Z"));
    let mut nameless = log(SourceKind::Dovecot);
    nameless.decky = None;
    let state = reading.state.as_deref().unwrap();
    let outcome = engagement
        .sample(&nameless, DateTime::UNIX_EPOCH, state)
        .unwrap()
        .unwrap();
    assert!(outcome.records[0].body.contains("\"decky\":\"server.log\""));
    assert!(
        engagement
            .sample(&nameless, DateTime::UNIX_EPOCH, b"[")
            .is_err()
    );
}

#[test]
fn bad_lines_are_counted_and_foreign_ones_are_not() {
    let text = "hello\n{}\nNov 31 16:00:00 imap-login: Info: x\n\
                Nov 21 16:00:00 mx sshd[1]: Accepted password\n";
    let reading = read_all(&engagement(), SourceKind::Dovecot, text);
    let bad: Vec<_> = reading
        .bad
        .first
        .iter()
        .map(|(number, _, why)| (*number, *why))
        .collect();
    let why = BadLine::Unrecognised;
    assert_eq!(bad, [(1, why), (2, why), (3, why)]);
    assert_eq!(counts(&engagement(), &reading), (0, 0));
}

#[test]
fn open_sessions_are_bounded() {
    let count = OPEN_MAX + 10;
    let mut dovecot = String::new();
    for number in 0..count {
        dovecot += &login("Nov 21 16:00:00", &format!("s{number}"));
    }
    let reading = read_all(&engagement(), SourceKind::Dovecot, &dovecot);
    let given_up = presences(&reading);
    let given_up = given_up
        .iter()
        .filter(|presence| presence.ended == Some(Ended::GivenUp));
    assert_eq!(given_up.count(), 10);
    assert_eq!(counts(&engagement(), &reading), (count as u64, 0));
    assert!(reading.state.unwrap().len() < STATE_MAX);

    let mut cowrie = String::new();
    for number in 0..count {
        let _ = writeln!(
            cowrie,
            "{{\"eventid\":\"cowrie.session.connect\",\"session\":\"s{number}\",\"src_ip\":\"192.0.2.1\",\
             \"timestamp\":\"2026-11-21T16:00:00.000000Z\"}}"
        );
    }
    let reading = read_all(&engagement(), SourceKind::Cowrie, &cowrie);
    assert_eq!(counts(&engagement(), &reading), (10, 0));
    assert!(reading.state.unwrap().len() < STATE_MAX);
}

#[test]
fn cowrie_sessions_that_fall_silent_are_given_up() {
    let line = |day: u32, session: &str, event: &str| {
        format!(
            "{{\"eventid\":\"cowrie.{event}\",\"session\":\"{session}\",\"src_ip\":\"192.0.2.1\",\
             \"username\":\"root\",\"timestamp\":\"2026-11-{day}T16:00:00.000000Z\"}}\n"
        )
    };
    let text = line(21, "a", "session.connect")
        + &line(21, "a", "login.success")
        + &line(21, "b", "session.connect")
        + &line(23, "c", "login.success");
    let reading = read_all(&engagement(), SourceKind::Cowrie, &text);
    let all = presences(&reading);
    assert_eq!(all.len(), 2);
    assert_eq!(
        (all[0].until, all[0].ended),
        (Some(all[0].since), Some(Ended::GivenUp))
    );
    assert!(all[1].is_open());
    assert_eq!(counts(&engagement(), &reading), (3, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn garbage_changes_nothing(
        garbage in prop::collection::vec(
            (any::<prop::sample::Index>(), any::<Vec<u8>>(), 0..4_usize),
            0..40,
        ),
        is_cowrie in any::<bool>(),
    ) {
        let (kind, text) = if is_cowrie {
            (SourceKind::Cowrie, COWRIE)
        } else {
            (SourceKind::Dovecot, ISO_ONE_FILE)
        };
        let mut mixed: Vec<Vec<u8>> =
            text.as_bytes().split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        for (at, mut bytes, how) in garbage {
            let beginning: &[u8] = match how {
                0 => b"",
                1 => b"{\"eventid\":",
                2 => b"2026-11-21T16:32:19 imap(",
                _ => b"2026-11-21T16:32:19 imap-login: Info: user=<",
            };
            // Anything may stand in a line but what makes it one that counts.
            bytes.retain(|byte| *byte != b'\n' && *byte != b':');
            bytes.splice(0..0, beginning.iter().copied());
            bytes.push(b'\n');
            mixed.insert(at.index(mixed.len()), bytes);
        }
        let found = read(&engagement(), &log(kind), &[&mixed.concat()]).unwrap();
        let expected = read_all(&engagement(), kind, text);
        prop_assert_eq!(&found.records, &expected.records);
        prop_assert_eq!(&found.notices, &expected.notices);
        prop_assert_eq!(counts(&engagement(), &found), counts(&engagement(), &expected));
    }

    #[test]
    fn no_line_is_a_reason_to_panic(lines in prop::collection::vec(
        "(Nov 21 16:00:00|2026-11-21T16:00:00)? ?(mx dovecot: )?(imap|pop3|master|imap-login)?[(<>): a-z0-9=,]{0,40}",
        0..30,
    )) {
        let text = lines.join("\n") + "\n";
        let found = violations(&engagement(), &log(SourceKind::Dovecot), text.as_bytes());
        prop_assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn sessions_side_by_side_are_as_alone(
        lengths in prop::collection::vec(1..3_usize, 1..8),
        order in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let alone: Vec<Vec<String>> = lengths
            .iter()
            .enumerate()
            .map(|(id, length)| {
                let session = format!("s{id}");
                let second = format!("Nov 21 16:00:{id:02}");
                let mut lines = vec![login(&second, &session), end(&second, &session)];
                lines.truncate(*length);
                lines
            })
            .collect();
        let (mut records, mut sum) = (Reading::default().records, (0, 0));
        for lines in &alone {
            let reading = read_all(&engagement(), SourceKind::Dovecot, &lines.concat());
            let (impressions, engagements) = counts(&engagement(), &reading);
            sum = (sum.0 + impressions, sum.1 + engagements);
            records.extend(reading.records);
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
        let reading = read_all(&engagement(), SourceKind::Dovecot, &mixed);
        prop_assert_eq!(counts(&engagement(), &reading), sum);
        prop_assert!(reading.records.keys().all(|(kind, _)| kind == PRESENCE));
        prop_assert_eq!(reading.records, records);
        prop_assert_eq!(reading.notices.len(), 1);
    }
}
