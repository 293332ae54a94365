//! Dovecot's lines come from two processes: the end of a session may be logged before its login.

use chrono::{DateTime, FixedOffset, Utc};
use decnet_session_pipeline::conformance::processor::{Reading, read, violations};
use decnet_session_pipeline::processor::Processor;
use decnet_session_pipeline::processors::engagement::{
    Calendar, Engagement, OwnAccess, PRESENCE, Point, Presence,
};
use decnet_session_pipeline::record::Notice;
use decnet_session_pipeline::source::{Log, SourceKind};
use proptest::prelude::*;

fn engagement() -> Engagement {
    Engagement::new(Calendar::of_year(2026, FixedOffset::east_opt(0).unwrap()))
}

fn of_others(addresses: &[&str], users: &[&str]) -> Engagement {
    let addresses = addresses.iter().map(|address| address.parse().unwrap());
    Engagement {
        own: OwnAccess {
            addresses: addresses.collect(),
            users: users.iter().map(|user| (*user).to_owned()).collect(),
        },
        ..engagement()
    }
}

fn mail_log() -> Log {
    Log {
        source: "decoys".to_owned(),
        kind: SourceKind::Dovecot,
        key: "server.log".to_owned(),
        user: None,
        decky: Some("mail01".to_owned()),
    }
}

fn line(second: u32, text: &str) -> String {
    format!("Nov 21 16:00:{second:02} {text}\n")
}

fn login(second: u32, session: &str) -> String {
    let fields = "method=PLAIN, rip=192.0.2.7, lip=10.0.0.1, mpid=71, TLS";
    let text = format!("imap-login: Info: Login: user=<ana@x>, {fields}, session=<{session}>");
    line(second, &text)
}

/// Headers were listed and two bodies fetched: one impression and two engagements.
fn end(second: u32, session: &str) -> String {
    let read = "in=1 out=1 hdr_count=5 hdr_bytes=9 body_count=2 body_bytes=9";
    let text = format!("imap(ana@x)<71><{session}>: Info: Disconnected: Logged out {read}");
    line(second, &text)
}

fn killed(second: u32, session: &str) -> String {
    let how = "service(imap): child 71 killed with signal 9";
    let text = format!("imap(ana@x)<71><{session}>: Fatal: master: {how}");
    line(second, &text)
}

fn restart(second: u32) -> String {
    line(second, "master: Info: Dovecot v2.3.19.1 (x) starting up")
}

fn other(second: u32) -> String {
    line(second, "auth: Info: x")
}

/// Impressions and engagements in a point taken now.
fn counts(engagement: &Engagement, state: &[u8]) -> (u64, u64) {
    let now: DateTime<Utc> = "2026-11-21T18:00:00Z".parse().unwrap();
    let outcome = engagement.sample(&mail_log(), now, state).unwrap().unwrap();
    let point = outcome.records.last().unwrap();
    let body: Point = serde_json::from_str(&point.body).unwrap();
    (body.impressions, body.engagements)
}

/// `since until how` of everybody who was inside, in order.
fn told(reading: &Reading) -> Vec<String> {
    let clock = |at: DateTime<Utc>| at.format("%M:%S").to_string();
    let mut all: Vec<Presence> = reading
        .records
        .iter()
        .map(|((kind, _), (_, body))| {
            assert_eq!(kind, PRESENCE);
            serde_json::from_str(body).unwrap()
        })
        .collect();
    all.sort_by_key(|presence| (presence.since, presence.until));
    let line = |presence: Presence| {
        let until = presence.until.map_or("-".to_owned(), clock);
        let how = presence.ended.map(|how| format!("{how:?}"));
        let since = clock(presence.since);
        format!("{since} {until} {}", how.unwrap_or("-".to_owned()))
    };
    all.into_iter().map(line).collect()
}

/// Checks what is counted after each line, and what is told in the end, however the log is cut.
fn check(engagement: &Engagement, lines: &[(String, (u64, u64))], expected: &[&str]) -> Reading {
    let log = mail_log();
    let text: String = lines.iter().map(|(line, _)| line.as_str()).collect();
    let whole = read(engagement, &log, &[text.as_bytes()]).unwrap();
    assert_eq!(whole.bad.count, 0, "{text}");
    assert_eq!(told(&whole), expected, "{text}");
    let mut so_far = String::new();
    for (line, expected) in lines {
        so_far += line;
        let reading = read(engagement, &log, &[so_far.as_bytes()]).unwrap();
        let found = counts(engagement, &reading.state.unwrap());
        assert_eq!(found, *expected, "after {line}");
    }
    let pieces: Vec<&[u8]> = lines.iter().map(|(line, _)| line.as_bytes()).collect();
    let by_line = read(engagement, &log, &pieces).unwrap();
    assert_eq!(by_line.state, whole.state, "{text}");
    let found = violations(engagement, &log, text.as_bytes());
    assert!(found.is_empty(), "{found:#?}");
    whole
}

#[test]
fn a_login_that_is_logged_last_is_of_somebody_who_has_left() {
    let reading = check(
        &engagement(),
        &[
            (end(3, "s"), (0, 0)),
            (login(3, "s"), (2, 2)),
            (other(59), (2, 2)),
        ],
        &["00:03 00:03 Left"],
    );
    let told = Notice::FirstLogin {
        decky: "mail01".to_owned(),
        user: "ana@x".to_owned(),
        address: "192.0.2.7".to_owned(),
        at: "2026-11-21T16:00:03Z".parse().ok(),
    };
    assert_eq!(reading.notices, [told]);
    let logged_late = [(end(3, "s"), (0, 0)), (login(5, "s"), (2, 2))];
    check(&engagement(), &logged_late, &["00:03 00:03 Left"]);
    let stamped_early = [(end(5, "s"), (0, 0)), (login(3, "s"), (2, 2))];
    check(&engagement(), &stamped_early, &["00:03 00:05 Left"]);
    // Other sessions go on meanwhile, and nobody is taken for somebody else.
    check(
        &engagement(),
        &[
            (login(1, "a"), (1, 0)),
            (end(2, "b"), (1, 0)),
            (login(2, "c"), (2, 0)),
            (end(3, "a"), (3, 2)),
            (login(3, "b"), (5, 4)),
            (end(4, "c"), (6, 6)),
        ],
        &["00:01 00:03 Left", "00:02 00:02 Left", "00:02 00:04 Left"],
    );
    // Who was killed is as gone; what was read is still believed.
    let lines = [(killed(3, "s"), (0, 0)), (login(3, "s"), (1, 0))];
    check(&engagement(), &lines, &["00:03 00:03 Left"]);
    let lines = [
        (killed(3, "s"), (0, 0)),
        (end(4, "s"), (0, 0)),
        (login(4, "s"), (2, 2)),
    ];
    check(&engagement(), &lines, &["00:03 00:03 Left"]);
}

#[test]
fn own_access_is_left_out_in_either_order() {
    for own in [of_others(&["192.0.2.7"], &[]), of_others(&[], &["ANA@x"])] {
        let lines = [
            (end(3, "s"), (0, 0)),
            (login(3, "s"), (0, 0)),
            (killed(4, "t"), (0, 0)),
            (login(4, "t"), (0, 0)),
            (login(5, "u"), (0, 0)),
            (end(5, "u"), (0, 0)),
            (other(59), (0, 0)),
        ];
        let reading = check(&own, &lines, &[]);
        assert!(reading.notices.is_empty(), "{:?}", reading.notices);
    }
    let others = of_others(&["192.0.2.8"], &["luis@x"]);
    let lines = [(end(3, "s"), (0, 0)), (login(3, "s"), (2, 2))];
    check(&others, &lines, &["00:03 00:03 Left"]);
}

#[test]
fn an_end_without_a_login_counts_when_the_log_has_gone_on() {
    let lines = [
        (end(3, "s"), (0, 0)),
        (other(13), (0, 0)),
        (other(14), (1, 2)),
        (other(59), (1, 2)),
    ];
    check(&engagement(), &lines, &[]);
    // Its user is all that is known of it.
    check(&of_others(&["192.0.2.7"], &[]), &lines, &[]);
    let nothing = lines.map(|(line, _)| (line, (0, 0)));
    check(&of_others(&[], &["ana@x"]), &nothing, &[]);
    // A login after that is another session's.
    let lines = [(end(3, "s"), (0, 0)), (login(14, "s"), (2, 2))];
    check(&engagement(), &lines, &["00:14 - -"]);
    // The clock was set back.
    let lines = [(end(30, "s"), (0, 0)), (other(3), (1, 2))];
    check(&engagement(), &lines, &[]);
    // Without an id, a login could not be told from that of another session.
    let nameless = end(3, "s").replace("<s>", "");
    check(&engagement(), &[(nameless, (1, 2))], &[]);
}

#[test]
fn a_server_that_starts_again_changes_nothing_about_who_had_left() {
    check(
        &engagement(),
        &[
            (end(3, "s"), (0, 0)),
            (restart(4), (0, 0)),
            (login(4, "s"), (2, 2)),
            (restart(5), (2, 2)),
        ],
        &["00:03 00:03 Left"],
    );
    // One who was inside already is out with the server, and their last line is the better witness.
    check(
        &engagement(),
        &[
            (login(1, "a"), (1, 0)),
            (end(3, "b"), (1, 0)),
            (restart(4), (1, 0)),
            (end(5, "a"), (2, 2)),
            (other(14), (3, 4)),
        ],
        &["00:01 00:05 Left"],
    );
}

#[test]
fn many_ends_make_room_for_each_other() {
    const HELD_MAX: u64 = 256;
    let (count, mut lines) = (HELD_MAX + 44, Vec::new());
    for number in 0..count {
        let too_many = (number + 1).saturating_sub(HELD_MAX);
        lines.push((end(3, &format!("s{number}")), (too_many, 2 * too_many)));
    }
    // The oldest has been counted; the newest still waits, and counts once.
    lines.push((login(4, "s299"), (46, 90)));
    lines.push((other(13), (46, 90)));
    lines.push((login(14, "s0"), (count + 2, 2 * count)));
    check(&engagement(), &lines, &["00:03 00:03 Left", "00:14 - -"]);
}

#[test]
fn a_state_from_before_ends_were_held_back_is_read() {
    let state = br#"{"impressions":3,"engagements":1,"first_login_told":true,
        "latest":"2026-11-21","open":[]}"#;
    assert_eq!(counts(&engagement(), state), (3, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whichever of its lines comes first, a session is the same, among any others.
    #[test]
    fn the_order_of_two_lines_does_not_matter(
        swapped in prop::collection::vec(any::<bool>(), 1..8),
        order in prop::collection::vec(any::<prop::sample::Index>(), 40),
    ) {
        let (mut in_order, mut rest) = (String::new(), Vec::new());
        for (second, is_swapped) in (0u32..).zip(&swapped) {
            let session = format!("s{second}");
            let mut lines = vec![login(second, &session), end(second, &session)];
            in_order += &lines.concat();
            if !is_swapped {
                // The next line is taken from the back.
                lines.reverse();
            }
            rest.push(lines);
        }
        let (mut mixed, mut before) = (String::new(), (0, 0));
        for index in order.iter().cycle() {
            rest.retain(|lines| !lines.is_empty());
            if rest.is_empty() {
                break;
            }
            let at = index.index(rest.len());
            mixed.extend(rest[at].pop());
            let reading = read(&engagement(), &mail_log(), &[mixed.as_bytes()]).unwrap();
            let now = counts(&engagement(), &reading.state.unwrap());
            prop_assert!(now.0 >= before.0 && now.1 >= before.1, "{before:?} {now:?}");
            before = now;
        }
        let expected = read(&engagement(), &mail_log(), &[in_order.as_bytes()]).unwrap();
        let found = read(&engagement(), &mail_log(), &[mixed.as_bytes()]).unwrap();
        prop_assert_eq!(found.records, expected.records);
        prop_assert_eq!(before, counts(&engagement(), &expected.state.unwrap()));
        prop_assert_eq!(found.notices.len(), 1);
        let wrong = violations(&engagement(), &mail_log(), mixed.as_bytes());
        prop_assert_eq!(wrong, Vec::<String>::new());
    }
}

#[test]
fn nobody_is_inside_for_ever() {
    let text = login(1, "s1") + &other(2);
    let reading = read(&engagement(), &mail_log(), &[text.as_bytes()]).unwrap();
    let state = reading.state.unwrap();
    let ended = |now: &str| {
        let now: DateTime<Utc> = now.parse().unwrap();
        let outcome = engagement()
            .sample(&mail_log(), now, &state)
            .unwrap()
            .unwrap();
        let presences = outcome
            .records
            .iter()
            .filter(|record| record.kind == PRESENCE);
        presences
            .map(|record| record.body.clone())
            .collect::<Vec<_>>()
    };
    assert!(
        ended("2026-11-22T16:00:00Z").is_empty(),
        "a day is not long"
    );
    let given_up = ended("2026-11-24T16:00:00Z");
    assert_eq!(given_up.len(), 1);
    let presence: Presence = serde_json::from_str(&given_up[0]).unwrap();
    assert!(!presence.is_open(), "{presence:?}");
}
