//! Ticks over a ledger in memory and real Maildirs.

#[path = "tick/faults.rs"]
mod faults;
#[path = "tick/office.rs"]
mod office;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use decnet_emailgen::ledger::{MailId, MailKind, MailLedger, Standstill};
use decnet_emailgen::record::{MailEvent, MailRecord};
use decnet_emailgen::reply_timing::ReplyTiming;
use decnet_emailgen::tick::{Pacing, RetryPolicy, TickReport, TickSettings};
use decnet_emailgen::world::{WorldChange, WorldLedger};
use decnet_realism::offline::OfflineWriter;
use mail_parser::{HeaderValue, Message, MessageParser};
use serde_json::json;

use faults::{Death, FaultyDriver, MortalLedger, SlowWriter};
use office::{
    Office, OnDisk, assert_exactly_once, by_message_id, is_what_was_sent, messages, monday, people,
    person, quick_driver, registry, run, settings, snapshot,
};

const NAMES: [&str; 5] = ["Ana", "Bob", "Cy", "Dan", "Eli"];

fn parse(message: &OnDisk) -> Message<'_> {
    MessageParser::default().parse(&message.bytes).unwrap()
}

fn ids(value: &HeaderValue<'_>) -> Vec<String> {
    match value {
        HeaderValue::Text(id) => vec![format!("<{id}>")],
        HeaderValue::TextList(ids) => ids.iter().map(|id| format!("<{id}>")).collect(),
        _ => Vec::new(),
    }
}

fn delivered(office: &mut Office, from: i64, until: i64, count: usize) -> Vec<MailRecord> {
    (from..until)
        .flat_map(|hour| office.tick(&settings(hour, count)).delivered)
        .collect()
}

#[test]
fn each_mail_lies_in_the_inbox_and_among_the_sent() {
    let mut office = Office::always(&NAMES, &["mx1", "mx2"]);
    let report = office.tick(&settings(0, 20));
    assert_eq!(report.delivered.len(), 20);
    assert!(report.failed.is_empty() && report.standstill.is_none());
    let on_disk = office.messages();
    assert_exactly_once(&office.mails(), &on_disk);
    for record in &report.delivered {
        assert_ne!(record.from, record.to);
        assert_eq!(record.event, MailEvent::Delivered);
        let ends: Vec<&OnDisk> = on_disk
            .iter()
            .filter(|message| message.message_id() == record.message_id)
            .collect();
        let sent = *ends.iter().find(|message| message.is_sent).unwrap();
        let inboxes: Vec<&OnDisk> = ends.into_iter().filter(|end| !end.is_sent).collect();
        assert_eq!(inboxes.len(), 1 + record.also_to.len() + record.cc.len());
        for inbox in &inboxes {
            assert!(is_what_was_sent(&inbox.bytes, &sent.bytes));
            assert!(inbox.bytes.starts_with(b"Return-Path: <"));
        }
        assert!(!sent.bytes.starts_with(b"Return-Path"));
        assert_eq!(sent.flags(), "S", "what one wrote, one has seen");
        assert!(!sent.is_new);
        let owner = |address: &str| {
            office.ledger.clone().world().unwrap().lists[0]
                .personas
                .iter()
                .find(|view| view.persona.email.as_str() == address)
                .map(|view| {
                    (
                        view.mailbox_on.clone().unwrap(),
                        view.login.clone().unwrap(),
                    )
                })
                .unwrap()
        };
        let recipients = [&record.to]
            .into_iter()
            .chain(&record.also_to)
            .chain(&record.cc);
        let expected: BTreeSet<_> = recipients.map(|address| owner(address)).collect();
        let found: BTreeSet<_> = inboxes
            .iter()
            .map(|inbox| (inbox.decky.clone(), inbox.login.clone()))
            .collect();
        assert_eq!(found, expected);
        assert_eq!(
            owner(&record.from),
            (sent.decky.clone(), sent.login.clone())
        );
        let message = parse(inboxes[0]);
        assert_eq!(
            message.from().unwrap().first().unwrap().address(),
            Some(&*record.from)
        );
        assert_eq!(
            message.to().unwrap().first().unwrap().address(),
            Some(&*record.to)
        );
        assert_eq!(message.subject(), Some(&*record.subject));
        let date = DateTime::parse_from_rfc3339(&record.sent_at).unwrap();
        assert_eq!(message.date().unwrap().to_timestamp(), date.timestamp());
        for placement in &record.placements {
            assert!(on_disk.iter().any(|message| {
                message.decky == placement.decky
                    && message.unique_name() == placement.location.unique_name
            }));
        }
    }
}

#[test]
fn replies_answer_what_was_written_to_their_author_once() {
    let mut office = Office::always(&NAMES, &["mx1", "mx2"]);
    let records = delivered(&mut office, 0, 120, 3);
    assert_eq!(records.len(), 360);
    let by_id = by_message_id(&records);
    let by_mail: BTreeMap<_, _> = records.iter().map(|record| (record.mail, record)).collect();
    let on_disk = office.messages();
    assert_exactly_once(&office.mails(), &on_disk);
    let mut answered = BTreeSet::new();
    let mut deep = 0;
    // The references that each mail tells.
    let mut told: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut sent: Vec<&OnDisk> = on_disk.iter().filter(|message| message.is_sent).collect();
    sent.sort_by_key(|message| by_id[&*message.message_id()].mail);
    for message in sent {
        let record = by_id[&*message.message_id()];
        let parsed = parse(message);
        let references = ids(parsed.references());
        let Some(parent) = record.parent.map(|parent| by_mail[&parent]) else {
            // It may answer what no mailbox holds.
            let unseen = usize::from(record.kind == MailKind::ReplyToUnseen);
            assert_eq!(ids(parsed.in_reply_to()).len(), unseen);
            assert_eq!(references, ids(parsed.in_reply_to()));
            assert_eq!(record.thread, record.mail);
            told.insert(record.message_id.clone(), references);
            continue;
        };
        assert!(
            answered.insert(parent.mail),
            "{} is answered twice",
            parent.message_id
        );
        let readers = [&parent.to]
            .into_iter()
            .chain(&parent.also_to)
            .chain(&parent.cc);
        assert!(readers.clone().any(|reader| *reader == record.from));
        if record.kind == MailKind::Forward {
            assert!(readers.clone().all(|reader| *reader != record.to));
            assert_ne!(record.to, parent.from);
        } else {
            assert_eq!(record.to, parent.from);
        }
        assert_eq!(record.thread, parent.thread);
        let answers = ids(parsed.in_reply_to()).join(" ");
        let is_forward = record.kind == MailKind::Forward;
        assert!(answers == parent.message_id || is_forward && answers.is_empty());
        let (_, base) = record.subject.split_once(": ").unwrap();
        // Outlook replaces all the prefixes that are there.
        let mut old = &*parent.subject;
        while let Some((prefix, rest)) = old.split_once(": ")
            && prefix.chars().count() <= 3
        {
            old = rest;
        }
        assert!(
            base.contains(old),
            "{} answers {}",
            record.subject,
            parent.subject
        );
        // Every ancestor, oldest first; a forward need not name what it passes on.
        let mut ancestry = told[&parent.message_id].clone();
        ancestry.push(parent.message_id.clone());
        told.insert(record.message_id.clone(), references.clone());
        deep = deep.max(ancestry.len());
        assert!(references == ancestry || is_forward && references.is_empty());
        // A reply is dated when it was due, not when the tick came.
        let due = parent.answer_due_at.unwrap();
        let sent = DateTime::parse_from_rfc3339(&record.sent_at).unwrap();
        assert_eq!(sent.timestamp(), due.timestamp());
        assert_eq!(record.topic, parent.topic);
    }
    assert!(answered.len() > 100, "{}", answered.len());
    assert!(deep > 3, "the longest thread has {deep} ancestors");
}

#[test]
fn who_writes_has_read_what_came_before() {
    let mut office = Office::always(&["Ana", "Bob"], &["mx1"]);
    for hour in 0..60 {
        let written = office.tick(&settings(hour, 1)).delivered.remove(0);
        let sent = DateTime::parse_from_rfc3339(&written.sent_at).unwrap();
        let mine: Vec<_> = office
            .messages()
            .into_iter()
            .filter(|message| !message.is_sent)
            .filter(|message| {
                let message = parse(message);
                let to = message.to().unwrap().first().unwrap().address();
                to == Some(&*written.from)
                    && message.date().unwrap().to_timestamp() < sent.timestamp()
            })
            .collect();
        for message in mine {
            assert!(!message.is_new, "{} is unread", message.file_name);
            assert!(message.flags().contains('S'), "{}", message.file_name);
            let parent = written
                .parent
                .map(|parent| office.ledger.mail(parent).unwrap().unwrap());
            if parent.is_some_and(|parent| parent.summary.message_id == message.message_id()) {
                assert!(message.flags().contains('R'), "{}", message.file_name);
            }
        }
    }
    let answered = office
        .messages()
        .iter()
        .filter(|message| message.flags().contains('R'))
        .count();
    assert!(answered > 10, "{answered}");
}

#[test]
fn six_mails_in_ten_are_answered() {
    let mut office = Office::always(&NAMES, &["mx1"]);
    office.tick(&settings(0, 1_000));
    let threads = office.mails().len();
    assert_eq!(threads, 1_000);
    let will_be = office
        .mails()
        .iter()
        .filter(|mail| {
            let details = office.ledger.mail(mail.id).unwrap().unwrap();
            details.answer_due_at.is_some()
        })
        .count();
    // Binomial with p = 0.6: six standard deviations are 93.
    assert!((507..=693).contains(&will_be), "{will_be}");
    // A month later each of them is written, once.
    let mut replies = TickSettings {
        pacing: Pacing::RepliesOnly,
        replies: ReplyTiming {
            share_answered: 0.0,
            ..ReplyTiming::default()
        },
        ..settings(24 * 60, 10_000)
    };
    replies.seed = 99;
    let report = office.tick(&replies);
    assert_eq!(report.delivered.len(), will_be);
    assert_eq!(report.standstill, Some(Standstill::NothingDue));
    assert_eq!(office.tick(&replies).delivered.len(), 0);
}

#[test]
fn replies_that_are_due_come_first() {
    let mut office = Office::always(&NAMES, &["mx1"]);
    let answer_all = |hour, count| TickSettings {
        replies: ReplyTiming {
            share_answered: 1.0,
            ..ReplyTiming::default()
        },
        ..settings(hour, count)
    };
    let first = office.tick(&answer_all(0, 6)).delivered;
    let mut due: Vec<_> = first
        .iter()
        .map(|record| (record.answer_due_at.unwrap(), record.mail))
        .collect();
    due.sort();
    // When all of them are due, replies go in the order in which they were due.
    let later = office.tick(&answer_all(24 * 40, 4)).delivered;
    let parents: Vec<_> = later.iter().map(|record| record.parent).collect();
    let expected: Vec<_> = due.iter().take(4).map(|(_, mail)| Some(*mail)).collect();
    assert_eq!(parents, expected);
    // Before the first is due there are only threads.
    let mut office = Office::always(&NAMES, &["mx1"]);
    let first = office.tick(&answer_all(0, 6)).delivered;
    let next = first
        .iter()
        .filter_map(|record| record.answer_due_at)
        .min()
        .unwrap();
    let mut early = answer_all(0, 3);
    early.now = next - TimeDelta::milliseconds(1);
    assert!(
        office
            .tick(&early)
            .delivered
            .iter()
            .all(|record| record.parent.is_none())
    );
}

#[test]
fn a_tick_never_skips_when_somebody_can_send() {
    let mut office = Office::always(&["Ana", "Bob"], &["mx1"]);
    for hour in 0..24 * 8 {
        let report = office.tick(&settings(hour, 1));
        assert_eq!(
            report.delivered.len(),
            1,
            "hour {hour}: {:?}",
            report.standstill
        );
    }
}

#[test]
fn a_tick_that_writes_nothing_says_why() {
    let why = |office: &mut Office, hour| {
        let report = office.tick(&settings(hour, 3));
        assert!(report.delivered.is_empty());
        report.standstill.unwrap()
    };
    let mut nothing = Office::new(Vec::new(), &[]);
    assert_eq!(why(&mut nothing, 0), Standstill::NoDeckies);
    let mut alone = Office::always(&["Ana"], &["mx1"]);
    assert_eq!(why(&mut alone, 0), Standstill::TooFewPersonas);
    let mut down = Office::always(&NAMES, &["mx1"]);
    let mut spec = down.decky("mx1");
    spec.running = false;
    down.apply(&WorldChange {
        deckies: vec![spec],
        ..WorldChange::default()
    });
    assert_eq!(why(&mut down, 0), Standstill::NoRunningMailDecky);
    let hours = json!({"active_hours": "09:00-17:00", "workdays": "mon-fri"});
    let mut asleep = Office::new(vec![person("Ana", &hours), person("Bob", &hours)], &["mx1"]);
    assert_eq!(
        why(&mut asleep, 24 * 5),
        Standstill::OutsideHours {
            next_opening: Some(monday() + TimeDelta::hours(24 * 7 - 1)),
        },
        "on Saturday nobody works before Monday at nine"
    );
    let mut quiet = Office::always(&NAMES, &["mx1"]);
    let replies_only = TickSettings {
        pacing: Pacing::RepliesOnly,
        ..settings(0, 3)
    };
    assert_eq!(
        quiet.tick(&replies_only).standstill,
        Some(Standstill::NothingDue)
    );
    let mut foreign = Office::always(&["Ana", "Bob"], &["mx1"]);
    for login in ["ana", "bob"] {
        occupy(&foreign, "mx1", login);
    }
    assert_eq!(why(&mut foreign, 0), Standstill::NoUsableMailbox);
    assert_eq!(
        foreign.messages().len(),
        2,
        "somebody else's mail is left alone"
    );
}

/// Puts a message of somebody else's into a mailbox.
fn occupy(office: &Office, decky: &str, login: &str) {
    let maildir = office.root(decky).join("home").join(login).join("Maildir");
    for part in ["new", "cur", "tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    let text = "Message-ID: <foreign@elsewhere.example>\n\nHello\n";
    fs::write(maildir.join("cur").join("1.M1P1.host:2,S"), text).unwrap();
}

#[test]
fn working_hours_are_those_of_each_zone() {
    let at = |zone: &str, hours: &str, days: &str| json!({"timezone": zone, "active_hours": hours, "workdays": days});
    let team = vec![
        person("Ana", &at("Europe/Madrid", "09:00-18:00", "mon-fri")),
        person("Bob", &at("Europe/Madrid", "09:00-18:00", "mon-fri")),
        person("Cy", &at("America/New_York", "08:30-17:00", "mon-fri")),
        person("Dan", &at("America/New_York", "08:30-17:00", "mon-fri")),
        person("Eli", &at("Asia/Kolkata", "10:00-19:00", "sun-thu")),
        person("Fay", &at("Asia/Kolkata", "10:00-19:00", "sun-thu")),
        person("Gus", &at("Pacific/Auckland", "22:00-06:00", "daily")),
    ];
    let schedules: BTreeMap<String, _> = team
        .iter()
        .map(|persona| (persona.email.as_str().to_owned(), persona.schedule()))
        .collect();
    let mut office = Office::new(team, &["mx1", "mx2"]);
    // Two weeks, across the American change to summer time.
    let records = delivered(&mut office, 0, 24 * 14, 2);
    let mut writers = BTreeSet::new();
    for record in &records {
        let schedule = schedules[&record.from];
        let sent = DateTime::parse_from_rfc3339(&record.sent_at).unwrap();
        assert!(schedule.is_open(sent.to_utc()), "{} at {sent}", record.from);
        assert_eq!(
            schedule.local(sent.to_utc()).offset(),
            sent.offset(),
            "{}",
            record.from
        );
        writers.insert(&record.from);
        if record.parent.is_none() {
            // A thread starts when both are at work. The tick came up to a minute later.
            let open = (0..=60).any(|seconds| {
                let now = sent.to_utc() + TimeDelta::seconds(seconds);
                schedules[&record.to].is_open(now)
            });
            assert!(open, "{} gets mail at {sent}", record.to);
        }
    }
    assert_eq!(writers.len(), 7, "{writers:?}");
    assert!(records.len() > 200, "{}", records.len());
}

#[test]
fn a_mail_that_is_refused_is_tried_again_as_the_same_message() {
    let homes = [
        ("Ana", "mx1"),
        ("Bob", "mx1"),
        ("Cy", "mx2"),
        ("Dan", "mx2"),
    ];
    let team = homes.map(|(name, home)| person(name, &json!({"home": home})));
    let mut office = Office::new(team.to_vec(), &["mx1", "mx2"]);
    let driver = FaultyDriver::new();
    let drivers = registry(driver.clone());
    driver.cut_off("mx2");
    let tick = |office: &mut Office, wall: DateTime<Utc>, count| {
        let settings = settings(0, count);
        run(
            &mut office.ledger,
            &drivers,
            &OfflineWriter,
            wall,
            &settings,
        )
        .unwrap()
    };
    let report = tick(&mut office, monday(), 12);
    assert!(!report.failed.is_empty() && !report.delivered.is_empty());
    assert_eq!(
        report.delivered.len(),
        12,
        "what is refused is not the tick's mail"
    );
    for record in &report.delivered {
        for placement in &record.placements {
            assert_eq!(placement.decky, "mx1", "the others go on");
        }
    }
    for failure in &report.failed {
        assert_eq!(failure.record.event, MailEvent::Failed);
        assert_eq!(
            failure.record.next_attempt_at,
            Some(monday() + TimeDelta::seconds(30))
        );
        assert!(
            failure
                .record
                .error
                .as_deref()
                .unwrap()
                .contains("the cable is out")
        );
        assert_eq!(failure.record.answer_due_at, None);
    }
    assert!(office.ledger.world().unwrap().deckies[1].refusing.is_some());
    // New mail avoids mx2 while it refuses.
    let report = tick(&mut office, monday() + TimeDelta::seconds(29), 5);
    assert_eq!((report.delivered.len(), report.failed.len()), (5, 0));
    let before: BTreeMap<_, _> = office
        .mails()
        .into_iter()
        .map(|mail| (mail.id, mail.message_id))
        .collect();
    let half: Vec<_> = office
        .messages()
        .iter()
        .map(|m| m.unique_name().to_owned())
        .collect();
    driver.restore("mx2");
    let waiting = office
        .mails()
        .iter()
        .filter(|mail| mail.state == "failed")
        .count();
    let report = tick(&mut office, monday() + TimeDelta::seconds(30), waiting);
    assert_eq!((report.delivered.len(), report.failed.len()), (waiting, 0));
    for mail in office.mails() {
        assert_eq!(mail.state, "delivered");
        assert_eq!(before[&mail.id], mail.message_id, "the same Message-ID");
    }
    let on_disk = office.messages();
    assert_exactly_once(&office.mails(), &on_disk);
    for name in half {
        assert!(
            on_disk.iter().any(|message| message.unique_name() == name),
            "{name} is delivered under another name"
        );
    }
    assert!(office.ledger.world().unwrap().deckies[1].refusing.is_none());
}

#[test]
fn a_mail_that_is_refused_for_ever_is_abandoned_and_leaves_nothing() {
    let team =
        [("Ana", "mx1"), ("Bob", "mx2")].map(|(name, home)| person(name, &json!({"home": home})));
    let mut office = Office::new(team.to_vec(), &["mx1", "mx2"]);
    let driver = FaultyDriver::new();
    let drivers = registry(driver.clone());
    driver.cut_off("mx2");
    let mut wall = monday();
    let mut waits = Vec::new();
    let settings = TickSettings {
        retries: RetryPolicy {
            first: TimeDelta::seconds(30),
            longest: TimeDelta::seconds(100),
            most_attempts: 5,
        },
        ..settings(0, 1)
    };
    for _ in 0..5 {
        let report = run(
            &mut office.ledger,
            &drivers,
            &OfflineWriter,
            wall,
            &settings,
        )
        .unwrap();
        let failure = &report.failed[0];
        assert_eq!(failure.record.mail, MailId(1));
        let next = failure.record.next_attempt_at;
        waits.push(next.map(|next| (next - wall).num_seconds()));
        wall = next.unwrap_or(wall);
    }
    assert_eq!(waits, [Some(30), Some(60), Some(100), Some(100), None]);
    let mails = office.mails();
    let mail = mails.iter().find(|mail| mail.id == MailId(1)).unwrap();
    assert_eq!((mail.attempts, &*mail.state), (5, "abandoned"));
    let messages = office.messages();
    assert!(
        messages
            .iter()
            .all(|message| message.message_id() != mail.message_id),
        "{messages:?}"
    );
}

#[test]
fn a_slow_writer_goes_through_every_state() {
    let mut office = Office::always(&NAMES, &["mx1"]);
    let drivers = registry(quick_driver());
    let writer = SlowWriter::failing(0);
    let mut ledger = MortalLedger::new(&mut office.ledger, Death::Never);
    let report = run(&mut ledger, &drivers, &writer, monday(), &settings(0, 3)).unwrap();
    assert_eq!(report.delivered.len(), 3);
    let writes: Vec<_> = ledger
        .calls
        .iter()
        .filter(|call| call.starts_with("record_"))
        .copied()
        .collect();
    assert_eq!(
        writes,
        [
            "record_planned",
            "record_composed",
            "record_composed",
            "record_composed",
            "record_delivered",
        ]
    );
    assert_exactly_once(&office.mails(), &office.messages());
    // An immediate writer needs two commits for all of them.
    let mut ledger = MortalLedger::new(&mut office.ledger, Death::Never);
    run(
        &mut ledger,
        &drivers,
        &OfflineWriter,
        monday(),
        &settings(1, 3),
    )
    .unwrap();
    assert_eq!(ledger.count("record_planned"), 1);
    assert_eq!(ledger.count("record_composed"), 0);
    assert_eq!(ledger.count("record_delivered"), 1);
}

#[test]
fn a_writer_that_fails_is_asked_again_later() {
    let mut office = Office::always(&NAMES, &["mx1"]);
    let drivers = registry(quick_driver());
    let writer = SlowWriter::failing(2);
    let settings = settings(0, 5);
    let report = run(&mut office.ledger, &drivers, &writer, monday(), &settings).unwrap();
    assert_eq!((report.delivered.len(), report.failed.len()), (3, 2));
    for failure in &report.failed {
        assert_eq!(
            failure.record.next_attempt_at,
            Some(monday() + TimeDelta::seconds(30))
        );
        assert!(
            failure
                .record
                .error
                .as_deref()
                .unwrap()
                .contains("out of ideas")
        );
        assert_eq!(failure.record.subject, "");
    }
    assert_eq!(
        office.ledger.world().unwrap().deckies[0].refusing,
        None,
        "no decky refused"
    );
    let failed: BTreeMap<_, _> = office
        .mails()
        .into_iter()
        .filter(|mail| mail.state == "failed")
        .map(|mail| (mail.id, mail.message_id))
        .collect();
    let wall = monday() + TimeDelta::seconds(30);
    let report = run(&mut office.ledger, &drivers, &writer, wall, &settings).unwrap();
    assert_eq!(report.delivered.len(), 5);
    let again: BTreeMap<_, _> = report
        .delivered
        .iter()
        .filter(|record| record.attempt == 2)
        .map(|record| (record.mail, record.message_id.clone()))
        .collect();
    assert_eq!(again, failed);
    assert_exactly_once(&office.mails(), &office.messages());
}

#[test]
fn a_batch_shares_its_commits() {
    let mut office = Office::always(&NAMES, &["mx1", "mx2"]);
    let drivers = registry(quick_driver());
    let mut ledger = MortalLedger::new(&mut office.ledger, Death::Never);
    let report = run(
        &mut ledger,
        &drivers,
        &OfflineWriter,
        monday(),
        &settings(0, 300),
    )
    .unwrap();
    assert_eq!(report.delivered.len(), 300);
    // 128, 128 and 44.
    assert_eq!(ledger.count("record_planned"), 3);
    assert_eq!(ledger.count("record_delivered"), 3);
    by_message_id(&report.delivered);
    assert_exactly_once(&office.mails(), &office.messages());
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let write = |seed| {
        let mut office = Office::always(&NAMES, &["mx1", "mx2"]);
        for hour in 0..20 {
            office.tick(&TickSettings {
                seed,
                ..settings(hour, 5)
            });
        }
        snapshot(office.folder.path())
    };
    let first = write(7);
    assert!(first.len() > 200, "{}", first.len());
    assert_eq!(first, write(7));
    assert_ne!(first, write(8));
}

#[test]
fn a_preview_shows_what_comes_and_writes_nothing() {
    let mut office = Office::always(&NAMES, &["mx1", "mx2"]);
    office.tick(&settings(0, 6));
    let settings = settings(30, 8);
    let drivers = registry(quick_driver());
    let before = (office.mails(), snapshot(office.folder.path()));
    let now = settings.now;
    let mut tick = decnet_emailgen::tick::Tick {
        ledger: &mut office.ledger,
        drivers: &drivers,
        writer: &OfflineWriter,
        wall_clock: &move || now,
        follow_ups: &|_| Vec::new(),
        on_record: &mut |_| (),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (previews, standstill) = runtime.block_on(tick.preview(&settings)).unwrap();
    assert_eq!(standstill, None);
    assert_eq!((office.mails(), snapshot(office.folder.path())), before);
    let written = office.tick(&settings).delivered;
    assert_eq!(previews.len(), written.len());
    assert!(previews.iter().any(|preview| preview.is_reply));
    for (preview, record) in previews.iter().zip(&written) {
        assert_eq!(
            (
                &preview.from,
                &preview.to,
                &preview.subject,
                &preview.sent_at
            ),
            (&record.from, &record.to, &record.subject, &record.sent_at)
        );
        assert_eq!(preview.is_reply, record.parent.is_some());
    }
}

#[test]
fn retention_removes_messages_and_rows_together() {
    let mut office = Office::always(&NAMES, &["mx1"]);
    for day in 0..6 {
        office.tick(&TickSettings {
            keep_for: Some(TimeDelta::days(2)),
            ..settings(day * 24, 5)
        });
    }
    let mails = office.mails();
    assert!(mails.len() <= 20, "{}", mails.len());
    let oldest = mails.iter().map(|mail| mail.sent_at).min().unwrap();
    assert!(
        oldest >= monday() + TimeDelta::days(3) - TimeDelta::minutes(1),
        "{oldest}"
    );
    assert_exactly_once(&mails, &office.messages());
    for day in 6..9 {
        office.tick(&TickSettings {
            messages_per_decky: 12,
            ..settings(day * 24, 4)
        });
        assert!(office.messages().len() <= 12, "{}", office.messages().len());
        assert_exactly_once(&office.mails(), &office.messages());
    }
}

#[test]
fn a_message_that_somebody_removed_is_noted_and_not_put_back() {
    let mut office = Office::always(&["Ana", "Bob"], &["mx1"]);
    let all_answered = |hour| TickSettings {
        replies: ReplyTiming {
            share_answered: 1.0,
            ..ReplyTiming::default()
        },
        ..settings(hour, 1)
    };
    let first = office.tick(&all_answered(0)).delivered.remove(0);
    let path = office.folder.path().to_owned();
    let inbox = messages(&path)
        .into_iter()
        .find(|message| !message.is_sent)
        .unwrap();
    let maildir = path
        .join(&inbox.decky)
        .join("home")
        .join(&inbox.login)
        .join("Maildir");
    fs::remove_file(maildir.join("new").join(&inbox.file_name)).unwrap();
    let reply = office.tick(&all_answered(24 * 30)).delivered.remove(0);
    assert_eq!(reply.parent, Some(first.mail));
    let details = office.ledger.mail(first.mail).unwrap().unwrap();
    assert_eq!(
        details.vanished_from,
        [decnet_activity_driver::action::Folder::Inbox]
    );
    assert_eq!(
        office.messages().len(),
        3,
        "Sent of the first, both of the reply"
    );
}

#[path = "tick/killed.rs"]
mod killed;
#[path = "tick/obstacles.rs"]
mod obstacles;
