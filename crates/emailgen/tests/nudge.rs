//! Nudges over a ledger in memory and real Maildirs.

#[allow(dead_code, reason = "shared with the tests of ticks")]
#[path = "tick/faults.rs"]
mod faults;
#[path = "nudge/frozen.rs"]
mod frozen;
#[path = "nudge/killed.rs"]
mod killed;
#[allow(dead_code, reason = "shared with the tests of ticks")]
#[path = "tick/office.rs"]
mod office;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_activity_driver::action::Folder;
use decnet_activity_driver::registry::DriverRegistry;
use decnet_emailgen::ledger::{MailId, MailLedger, MailSummary};
use decnet_emailgen::memory_ledger::MemoryLedger;
use decnet_emailgen::nudge::{Nudge, NudgeFailure, NudgeKind, NudgeOutcome, Obstacle};
use decnet_emailgen::nudge_ledger::NudgeLedger;
use decnet_emailgen::reply_timing::ReplyTiming;
use decnet_emailgen::scan::{Place, give_aways};
use decnet_emailgen::tick::{Pacing, Tick, TickError, TickSettings};
use decnet_emailgen::world::WorldLedger;
use decnet_realism::offline::OfflineWriter;
use decnet_realism::writer::Writer;
use mail_parser::MessageParser;
use serde_json::json;

use faults::{FaultyDriver, SlowWriter};
use office::{
    Office, assert_exactly_once, monday, person, quick_driver, registry, settings, snapshot,
};

const NAMES: [&str; 4] = ["Ana", "Bob", "Cy", "Dan"];
const KINDS: [NudgeKind; 3] = [NudgeKind::Comment, NudgeKind::Edit, NudgeKind::Thread];

fn nudge(kind: NudgeKind, decky: &str, cause: &str) -> Nudge {
    Nudge {
        cause: cause.to_owned(),
        decky: decky.to_owned(),
        kind,
    }
}

fn run_nudge(
    ledger: &mut dyn MailLedger,
    drivers: &DriverRegistry,
    writer: &dyn Writer,
    wall_clock: DateTime<Utc>,
    settings: &TickSettings,
    nudge: &Nudge,
) -> Result<NudgeOutcome, TickError> {
    let mut tick = Tick {
        ledger,
        drivers,
        writer,
        wall_clock: &move || wall_clock,
        follow_ups: &|_| Vec::new(),
        on_record: &mut |_| (),
    };
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(tick.nudge(settings, nudge))
}

/// A nudge with the offline writer, the real driver, and a wall clock that shows `now`.
fn do_nudge(office: &mut Office, settings: &TickSettings, nudge: &Nudge) -> NudgeOutcome {
    let drivers = registry(quick_driver());
    run_nudge(
        &mut office.ledger,
        &drivers,
        &OfflineWriter,
        settings.now,
        settings,
        nudge,
    )
    .unwrap()
}

#[track_caller]
fn done(outcome: NudgeOutcome) -> (MailId, serde_json::Value, bool) {
    match outcome {
        NudgeOutcome::Done {
            mail,
            record,
            repeated,
        } => (mail, record, repeated),
        other => panic!("it is not done: {other:?}"),
    }
}

/// Settings under which no mail is answered of itself.
fn quiet(hour: i64) -> TickSettings {
    TickSettings {
        replies: ReplyTiming {
            share_answered: 0.0,
            ..ReplyTiming::default()
        },
        ..settings(hour, 1)
    }
}

/// Two deckies with people and a few mails.
fn lived_in() -> Office {
    let mut office = Office::always(&NAMES, &["mx1", "mx2"]);
    for hour in 0..6 {
        office.tick(&TickSettings {
            count: 2,
            ..quiet(hour)
        });
    }
    office
}

/// A decky that somebody lives on.
fn inhabited(office: &mut Office) -> String {
    let life = office
        .ledger
        .decky_life(decnet_emailgen::ledger::DeckyId(0), 10, &[])
        .unwrap();
    life.into_iter()
        .max_by_key(|life| life.owners)
        .map(|life| life.name)
        .unwrap()
}

/// Drafts on the disk: decky, login, file name below the folder, bytes.
fn drafts(office: &Office) -> Vec<(String, String, String, Vec<u8>)> {
    snapshot(office.folder.path())
        .into_iter()
        .filter_map(|(path, bytes)| {
            let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
            match parts[..] {
                [
                    decky,
                    "home",
                    login,
                    "Maildir",
                    ".Drafts",
                    part @ ("new" | "cur"),
                    name,
                ] => Some((
                    decky.to_owned(),
                    login.to_owned(),
                    format!("{part}/{name}"),
                    bytes,
                )),
                _ => None,
            }
        })
        .collect()
}

/// Asserts that mails lie where they should, and that of each draft the latest iteration does.
#[track_caller]
fn assert_consistent(office: &mut Office) {
    let mails = office.mails();
    let (saved, sent): (Vec<MailSummary>, Vec<MailSummary>) =
        mails.into_iter().partition(|mail| mail.draft.is_some());
    assert_exactly_once(&sent, &office.messages());
    let mut lying = BTreeSet::new();
    for (.., bytes) in drafts(office) {
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        let id = format!("<{}>", parsed.message_id().unwrap());
        assert!(lying.insert(id.clone()), "{id} lies there twice");
    }
    for id in &lying {
        assert!(
            saved
                .iter()
                .any(|mail| mail.message_id == *id && mail.state == "delivered"),
            "nobody knows of {id}"
        );
    }
    let messages: u64 = office
        .ledger
        .world()
        .unwrap()
        .deckies
        .iter()
        .map(|decky| decky.messages)
        .sum();
    let on_disk = office.messages().len() + lying.len();
    assert_eq!(messages, on_disk as u64, "all of them are counted");
}

#[test]
fn a_cause_is_done_once() {
    for kind in KINDS {
        let mut office = lived_in();
        let decky = inhabited(&mut office);
        let wanted = nudge(kind, &decky, "heal-1");
        let before = office.mails().len();
        let (mail, record, repeated) = done(do_nudge(&mut office, &settings(30, 1), &wanted));
        assert!(!repeated);
        assert_eq!(office.mails().len(), before + 1);
        assert_eq!(record["mail"], json!(mail.0));
        assert_eq!(record["event"], "mail.delivered");
        assert_eq!(record["cause"], "heal-1");
        assert_consistent(&mut office);
        let disk = snapshot(office.folder.path());
        for hour in [30, 31, 500] {
            let again = done(do_nudge(&mut office, &settings(hour, 1), &wanted));
            assert_eq!(again, (mail, record.clone(), true), "{kind:?}");
        }
        assert_eq!(snapshot(office.folder.path()), disk);
        // It lies on the decky.
        let placements = record["placements"].as_array().unwrap();
        assert!(
            placements
                .iter()
                .any(|placement| placement["decky"] == *decky),
            "{kind:?}: {placements:?}"
        );
    }
}

#[test]
fn a_cause_is_done_even_when_its_mail_was_let_go() {
    let mut office = lived_in();
    let decky = inhabited(&mut office);
    let wanted = nudge(NudgeKind::Thread, &decky, "heal-1");
    let (mail, ..) = done(do_nudge(&mut office, &quiet(30), &wanted));
    let sweeping = TickSettings {
        keep_for: Some(TimeDelta::days(1)),
        ..quiet(24 * 30)
    };
    office.tick(&sweeping);
    assert_eq!(office.ledger.mail(mail).unwrap(), None);
    let again = done(do_nudge(&mut office, &quiet(24 * 30), &wanted));
    assert_eq!(again, (mail, serde_json::Value::Null, true));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for kind in KINDS {
        let disk = |seed| {
            let mut office = lived_in();
            let decky = inhabited(&mut office);
            let settings = TickSettings {
                seed,
                ..settings(30, 1)
            };
            let _ = done(do_nudge(&mut office, &settings, &nudge(kind, &decky, "a")));
            snapshot(office.folder.path())
        };
        assert_eq!(disk(1), disk(1), "{kind:?}");
        assert_ne!(disk(1), disk(2), "{kind:?}");
    }
}

#[test]
fn comments_answer_the_stalest_thread_first() {
    let mut office = lived_in();
    let decky = inhabited(&mut office);
    let mut answered = BTreeSet::new();
    let mut last = None;
    for number in 0..40 {
        let wanted = nudge(NudgeKind::Comment, &decky, &format!("c{number}"));
        // All within minutes, so that no answer of these is old enough to be answered.
        let settings = quiet(100);
        let (mail, record, _) = match do_nudge(&mut office, &settings, &wanted) {
            NudgeOutcome::Impossible(obstacle) => {
                assert_eq!(obstacle, Obstacle::NothingToAnswer);
                assert!(number > 2, "only {number} threads were answered");
                assert_consistent(&mut office);
                return;
            }
            outcome => done(outcome),
        };
        let parent = MailId(record["parent"].as_i64().unwrap());
        assert!(answered.insert(parent));
        let parent = office.ledger.mail(parent).unwrap().unwrap();
        let sent_at = parent.summary.sent_at;
        assert!(last.is_none_or(|last| last <= sent_at), "the stalest first");
        last = Some(sent_at);
        assert_eq!(record["kind"], "reply");
        assert_eq!(record["thread"], json!(parent.summary.thread.0));
        assert_eq!(record["to"], *parent.summary.from);
        let reply = office.ledger.mail(mail).unwrap().unwrap().summary;
        assert!(
            reply.sent_at <= settings.now && reply.sent_at > settings.now - TimeDelta::hours(1)
        );
        assert!(parent.summary.to == reply.from || parent.summary.copies.contains(&reply.from));
        assert_eq!(parent.answer_due_at, None);
    }
    panic!("threads do not come to an end");
}

#[test]
fn a_comment_takes_the_place_of_an_answer_to_come() {
    let mut office = Office::always(&["Ana", "Bob"], &["mx1"]);
    let all_answered = TickSettings {
        replies: ReplyTiming {
            share_answered: 1.0,
            ..ReplyTiming::default()
        },
        ..settings(0, 1)
    };
    let first = office.tick(&all_answered).delivered.remove(0);
    let due = first.answer_due_at.unwrap();
    let wanted = nudge(NudgeKind::Comment, "mx1", "c");
    let settings = TickSettings {
        now: all_answered.now + TimeDelta::minutes(10),
        ..quiet(0)
    };
    let (_, record, _) = done(do_nudge(&mut office, &settings, &wanted));
    assert_eq!(record["parent"], json!(first.mail.0));
    let replies_only = TickSettings {
        pacing: Pacing::RepliesOnly,
        now: due + TimeDelta::days(1),
        ..quiet(0)
    };
    assert!(office.tick(&replies_only).delivered.is_empty());
    assert_consistent(&mut office);
}

#[test]
fn old_and_fresh_threads_are_left_alone() {
    let mut office = Office::always(&["Ana", "Bob"], &["mx1"]);
    office.tick(&quiet(0));
    let at = |minutes: i64| TickSettings {
        now: monday() + TimeDelta::minutes(minutes),
        ..quiet(0)
    };
    let nothing = NudgeOutcome::Impossible(Obstacle::NothingToAnswer);
    let wanted = nudge(NudgeKind::Comment, "mx1", "c");
    for minutes in [1, 3, 46 * 24 * 60] {
        assert_eq!(do_nudge(&mut office, &at(minutes), &wanted), nothing);
    }
    assert_eq!(office.mails().len(), 1);
    let _ = done(do_nudge(&mut office, &at(44 * 24 * 60), &wanted));
}

#[test]
fn threads_begin_or_end_on_the_decky() {
    let mut office = lived_in();
    let decky = inhabited(&mut office);
    let mut roles = BTreeSet::new();
    for number in 0..20 {
        let wanted = nudge(NudgeKind::Thread, &decky, &format!("t{number}"));
        let (mail, record, _) = done(do_nudge(&mut office, &settings(30 + number, 1), &wanted));
        assert_eq!(record["thread"], json!(mail.0));
        let lives_here = |who: &serde_json::Value| {
            office.ledger.clone().world().unwrap().lists[0]
                .personas
                .iter()
                .any(|view| {
                    view.persona.email.as_str() == who && view.mailbox_on.as_deref() == Some(&decky)
                })
        };
        let role = (lives_here(&record["from"]), lives_here(&record["to"]));
        assert!(role.0 || role.1);
        roles.insert(role);
    }
    assert!(roles.len() > 1, "as author and as reader: {roles:?}");
    assert_consistent(&mut office);
}

#[test]
fn somebody_moves_in_where_nobody_lives() {
    for number in 0..8 {
        let mut office = Office::always(&NAMES, &["mx1", "mx2", "mx3"]);
        let settings = settings(number, 1);
        for kind in [NudgeKind::Comment, NudgeKind::Edit] {
            let refused = do_nudge(&mut office, &settings, &nudge(kind, "mx2", "a"));
            assert_eq!(refused, NudgeOutcome::Impossible(Obstacle::NoMailbox));
        }
        let wanted = nudge(NudgeKind::Thread, "mx2", "a");
        let _ = done(do_nudge(&mut office, &settings, &wanted));
        let life = office.ledger.decky_life_of("mx2", &[]).unwrap().unwrap();
        assert!(life.owners > 0 && life.last_change.is_some());
        assert_consistent(&mut office);
    }
    // Everybody has a mailbox elsewhere.
    let people = NAMES
        .iter()
        .map(|name| person(name, &json!({"home": "mx1"})))
        .collect();
    let mut office = Office::new(people, &["mx1", "mx2"]);
    let wanted = nudge(NudgeKind::Thread, "mx2", "a");
    let refused = do_nudge(&mut office, &settings(0, 1), &wanted);
    assert_eq!(refused, NudgeOutcome::Impossible(Obstacle::NoMailbox));
}

#[test]
fn what_stands_in_the_way_is_told() {
    let mut office = lived_in();
    let known = snapshot(office.folder.path());
    let mails = office.mails();
    let told = |office: &mut Office, kind, decky: &str| match do_nudge(
        office,
        &settings(10, 1),
        &nudge(kind, decky, "a"),
    ) {
        NudgeOutcome::Impossible(obstacle) => obstacle,
        other => panic!("{other:?}"),
    };
    for kind in KINDS {
        assert_eq!(told(&mut office, kind, "mx9"), Obstacle::UnknownDecky);
    }
    assert_eq!(snapshot(office.folder.path()), known);
    assert_eq!(office.mails(), mails);

    // Nobody is at work before nine, and somebody is from then on.
    let day = json!({"active_hours": "09:00-17:00", "workdays": "mon-fri", "timezone": "UTC"});
    let late = json!({"active_hours": "11:00-19:00", "workdays": "mon-fri", "timezone": "UTC"});
    let mut office = Office::new(vec![person("Ana", &day), person("Bob", &late)], &["mx1"]);
    let at = |hour: i64| settings(hour - 10, 1);
    let _ = done(do_nudge(
        &mut office,
        &at(12),
        &nudge(NudgeKind::Thread, "mx1", "first"),
    ));
    for kind in KINDS {
        let outcome = do_nudge(&mut office, &at(24 + 6), &nudge(kind, "mx1", "a"));
        let NudgeOutcome::Impossible(Obstacle::NobodyAtWork { next_opening }) = outcome else {
            panic!("{kind:?}: {outcome:?}");
        };
        let next = next_opening.unwrap();
        let morning = at(24).now;
        assert!(
            next == morning + TimeDelta::hours(9) || next == morning + TimeDelta::hours(11),
            "{kind:?}: {next}"
        );
    }
    // One alone writes to nobody; a draft may be to somebody who is away.
    let alone = do_nudge(
        &mut office,
        &at(24 + 10),
        &nudge(NudgeKind::Thread, "mx1", "b"),
    );
    assert_eq!(alone, NudgeOutcome::Impossible(Obstacle::NoColleague));
    let _ = done(do_nudge(
        &mut office,
        &at(24 + 10),
        &nudge(NudgeKind::Edit, "mx1", "c"),
    ));
}

#[test]
fn obstacles_are_told_as_data() {
    let told = |obstacle: Obstacle| serde_json::to_value(obstacle).unwrap();
    assert_eq!(
        told(Obstacle::UnknownDecky),
        json!({"obstacle": "unknown_decky"})
    );
    assert_eq!(
        told(Obstacle::NobodyAtWork {
            next_opening: Some(monday())
        }),
        json!({"obstacle": "nobody_at_work", "next_opening": "2026-03-02T10:00:00Z"})
    );
    assert_eq!(serde_json::to_value(NudgeKind::Comment).unwrap(), "comment");
    assert_eq!(
        serde_json::to_value(NudgeFailure::RateLimit).unwrap(),
        "rate_limit"
    );
}

#[test]
fn a_draft_grows_and_comes_to_its_end() {
    let mut office = Office::always(&["Ana", "Bob"], &["mx1"]);
    office.tick(&quiet(0));
    let inboxes = office.messages().len();
    let mut texts: Vec<String> = Vec::new();
    let mut finished = 0;
    let mut subjects: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    for number in 0..24 {
        let before = drafts(&office);
        let wanted = nudge(NudgeKind::Edit, "mx1", &format!("e{number}"));
        let settings = quiet(20 + number);
        let (mail, record, _) = done(do_nudge(&mut office, &settings, &wanted));
        assert_consistent(&mut office);
        assert_eq!(office.messages().len(), inboxes, "nothing is sent");
        let after = drafts(&office);
        let [(_, login, name, bytes)] = &after
            .iter()
            .filter(|draft| !before.contains(draft))
            .collect::<Vec<_>>()[..]
        else {
            panic!("one draft is saved");
        };
        let details = office.ledger.mail(mail).unwrap().unwrap();
        assert!(details.summary.from.starts_with(login.as_str()));
        assert!(
            name.starts_with("cur/") && name.ends_with(":2,DS"),
            "{name}"
        );
        let parsed = MessageParser::default().parse(bytes).unwrap();
        assert_eq!(parsed.subject(), Some(&*details.summary.subject));
        assert!(parsed.received().is_none() && !bytes.starts_with(b"Return-Path"));
        assert_eq!(
            parsed.to().unwrap().first().unwrap().address(),
            Some(&*details.summary.to)
        );
        let place = Place {
            folder: "Drafts",
            file_name: name.strip_prefix("cur/").unwrap(),
            modified_at: None,
        };
        assert_eq!(give_aways(bytes, &place), []);
        let iteration = record["draft"].as_i64().unwrap();
        assert_eq!(details.summary.draft, u32::try_from(iteration).ok());
        assert_eq!(details.answer_due_at, None);
        subjects
            .entry(details.summary.subject.clone())
            .or_default()
            .insert(iteration);
        if iteration == 1 {
            finished += usize::from(!texts.is_empty());
            assert!(texts.is_empty() || (3..=5).contains(&texts.len()));
            assert_eq!(after.len(), before.len() + 1, "the last one stays");
            texts.clear();
        } else {
            assert_eq!(usize::try_from(iteration).unwrap(), texts.len() + 1);
            assert_eq!(after.len(), before.len());
            let longer = details.text.split_whitespace().count();
            let shorter = texts.last().unwrap().split_whitespace().count();
            assert!(
                longer > shorter,
                "{:?} after {:?}",
                details.text,
                texts.last()
            );
        }
        texts.push(details.text);
    }
    assert!(finished >= 4, "{finished}");
    assert!(subjects.values().all(|iterations| iterations.contains(&1)));
    // Nobody finds one unread, and nobody answers one.
    let replies = TickSettings {
        pacing: Pacing::RepliesOnly,
        ..settings(24 * 60, 100)
    };
    assert!(office.tick(&replies).delivered.is_empty());
    let answers = (0..10)
        .map(|number| nudge(NudgeKind::Comment, "mx1", &format!("c{number}")))
        .filter(|wanted| {
            matches!(
                do_nudge(&mut office, &quiet(50), wanted),
                NudgeOutcome::Done { .. }
            )
        })
        .count();
    assert_eq!(answers, 1, "the one mail that was sent");
}

#[test]
fn a_draft_goes_on_without_what_an_intruder_removed() {
    let mut office = Office::always(&["Ana", "Bob"], &["mx1"]);
    office.tick(&quiet(0));
    let edit = |office: &mut Office, number: i64| {
        let wanted = nudge(NudgeKind::Edit, "mx1", &format!("e{number}"));
        done(do_nudge(office, &quiet(20 + number), &wanted))
    };
    let (first, ..) = edit(&mut office, 0);
    let [(decky, login, name, _)] = &drafts(&office)[..] else {
        panic!("one draft is saved");
    };
    let maildir = office.root(decky).join("home").join(login).join("Maildir");
    fs::remove_file(maildir.join(".Drafts").join(name)).unwrap();
    let (_, record, _) = edit(&mut office, 1);
    assert_eq!(record["draft"], 2);
    assert_eq!(drafts(&office).len(), 1);
    let gone = office.ledger.mail(first).unwrap().unwrap();
    assert_eq!(gone.vanished_from, [Folder::Drafts]);
    assert_consistent(&mut office);
}

#[test]
fn drafts_are_as_their_programs_save_them() {
    let mut seen = BTreeSet::new();
    for client in decnet_emailgen::mail_client::ALL {
        let extra = json!({"mail_client": client.name()});
        let people = ["Ana", "Bob"].map(|name| person(name, &extra)).to_vec();
        let mut office = Office::new(people, &["mx1"]);
        office.tick(&quiet(0));
        let wanted = nudge(NudgeKind::Edit, "mx1", "e");
        let (_, record, _) = done(do_nudge(&mut office, &quiet(20), &wanted));
        let client = record["written_by"]["mail_client"].as_str().unwrap();
        let drafts = drafts(&office);
        let text = String::from_utf8_lossy(&drafts[0].3).into_owned();
        let (head, _) = text.split_once("\n\n").unwrap();
        let has = |name: &str| head.lines().any(|line| line.starts_with(name));
        assert_eq!(has("X-Mozilla-Draft-Info: "), client == "thunderbird");
        assert_eq!(
            has("X-Uniform-Type-Identifier: com.apple.mail-draft"),
            client == "apple-mail"
        );
        match client {
            "thunderbird" => {
                let host = &drafts[0].0;
                assert!(head.contains("internal/draft; vcard=0; receipt=0; DSN=0; uuencode=0;\n "));
                assert!(head.to_lowercase().contains("\nfcc: imap://") || head.starts_with("FCC"));
                assert!(head.contains(&format!("@{host}/Sent")), "{head}");
                assert!(!head.contains("multipart/"), "{head}");
            }
            "apple-mail" => {
                assert!(
                    !head.contains("X-Mailer") && !head.contains("multipart/"),
                    "{head}"
                );
                assert!(head.contains("Content-Type: text/html;"), "{head}");
            }
            _ => assert!(!has("X-Apple-Base-Url")),
        }
        seen.insert(client.to_owned());
    }
    // Some write it on their phone.
    assert!(seen.len() > 8, "{seen:?}");
    for client in ["thunderbird", "apple-mail"] {
        assert!(seen.contains(client), "{seen:?}");
    }
}

#[test]
fn what_fails_is_kept_and_says_why() {
    let mut office = lived_in();
    let decky = inhabited(&mut office);
    let wanted = nudge(NudgeKind::Thread, &decky, "t");
    let settings = settings(30, 1);
    let drivers = registry(quick_driver());
    let writer = SlowWriter::failing(1);
    let go = |office: &mut Office, drivers: &DriverRegistry, wall| {
        run_nudge(
            &mut office.ledger,
            drivers,
            &writer,
            wall,
            &settings,
            &wanted,
        )
        .unwrap()
    };
    let outcome = go(&mut office, &drivers, settings.now);
    let NudgeOutcome::Kept {
        mail,
        error,
        next_attempt_at,
        failure,
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert!(error.contains("out of ideas"), "{error}");
    assert_eq!(failure, NudgeFailure::Unavailable);
    assert!(next_attempt_at > settings.now);

    // It was to be tried again later, but somebody asks for it.
    let driver = FaultyDriver::new();
    for name in ["mx1", "mx2"] {
        driver.cut_off(name);
    }
    let cut_off = registry(driver.clone());
    let outcome = go(&mut office, &cut_off, settings.now);
    let NudgeOutcome::Kept {
        mail: same,
        failure,
        ..
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!((same, failure), (mail, NudgeFailure::Unreachable));
    let (same, _, repeated) = done(go(&mut office, &drivers, settings.now));
    assert_eq!((same, repeated), (mail, false));
    assert_consistent(&mut office);
}

#[test]
fn what_nobody_can_help_is_given_up_for_good() {
    let mut office = lived_in();
    let decky = inhabited(&mut office);
    let wanted = nudge(NudgeKind::Thread, &decky, "t");
    let once = TickSettings {
        retries: decnet_emailgen::tick::RetryPolicy {
            most_attempts: 1,
            ..Default::default()
        },
        ..settings(30, 1)
    };
    let drivers = registry(quick_driver());
    let go = |office: &mut Office, writer: &dyn Writer| {
        run_nudge(
            &mut office.ledger,
            &drivers,
            writer,
            once.now,
            &once,
            &wanted,
        )
        .unwrap()
    };
    let outcome = go(&mut office, &SlowWriter::failing(1));
    let NudgeOutcome::Abandoned { mail, error } = outcome else {
        panic!("{outcome:?}");
    };
    assert!(error.contains("out of ideas"));
    assert_eq!(
        go(&mut office, &OfflineWriter),
        NudgeOutcome::Abandoned { mail, error }
    );
    assert_consistent(&mut office);
}

#[test]
fn a_mail_in_work_is_left_to_whoever_has_it() {
    let mut office = lived_in();
    let decky = inhabited(&mut office);
    let wanted = nudge(NudgeKind::Thread, &decky, "t");
    let settings = settings(30, 1);
    let drivers = registry(quick_driver());
    // Dropped while the text is written: the lease holds.
    let mut clone: MemoryLedger = office.ledger.clone();
    killed::drop_midway(&mut office, &settings, &wanted);
    let outcome = do_nudge(&mut office, &settings, &wanted);
    let NudgeOutcome::InWork { mail } = outcome else {
        panic!("{outcome:?}");
    };
    let later = settings.now + TimeDelta::hours(1);
    let (same, record, repeated) = done(
        run_nudge(
            &mut office.ledger,
            &drivers,
            &OfflineWriter,
            later,
            &settings,
            &wanted,
        )
        .unwrap(),
    );
    assert_eq!((same, repeated), (mail, false));
    assert_eq!(record["attempt"], 2);
    assert_consistent(&mut office);
    // A snapshot of before knows nothing of it.
    assert_eq!(clone.caused("t").unwrap(), None);
}
