//! What `decnet heal` does when what it needs is in the way: a model, a disk, a decoy.

use std::fs;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_tests::binary::Outcome;
use decnet_tests::heal::{
    ALWAYS_DUE, FOR_COMMENT, FOR_EDIT, FOR_THREAD, caused, each_attempt_made_one_mail, heal,
    history, import, moment, office_on, points, settle_attempts, settled, show,
};
use decnet_tests::mailbox::read_folder;
use decnet_tests::misbehaving_server::{Behaviour, MisbehavingServer};
use decnet_tests::mount::Small;
use decnet_tests::office::{disk_and_ledger_agree, friday, nothing_is_left, settle, tick};
use decnet_tests::process::signal;
use decnet_tests::wait::until;
use decnet_tests::world::{World, list, text};
use serde_json::Value;

const CANNOT_CREATE: i32 = 73;
const TRY_AGAIN: i32 = 75;

/// Settings of a model's server.
fn model(url: &str, timeout: &str) -> String {
    format!(
        "[llm]\nbackend = \"openai\"\nmodel = \"small\"\nbase_url = \"{url}\"\n\
         timeout = \"{timeout}\"\n"
    )
}

/// Three deckies with mail, and something due on each.
fn three_due() -> (World, String) {
    let world = settled(3, "[heal]\ncircuit_share = 1.0\n");
    let now = friday(120);
    let lines = [("mx1", FOR_THREAD), ("mx2", FOR_EDIT), ("mx3", FOR_COMMENT)]
        .map(|(target, engagements)| points(target, &now, engagements));
    import(&world, &lines.concat());
    (world, now)
}

#[test]
fn a_model_writes_what_an_action_needs() {
    let server = MisbehavingServer::start(Behaviour::Good);
    let (world, now) = three_due();
    world.configure(&model(&server.url(), "45s"));
    let healed = heal(&world, &now).succeeds();
    let mail = show(&world, healed.mail("mx1"));
    assert_eq!(mail["record"]["written_by"]["writer"], "openai", "{mail:#}");
    let lies_there = world
        .mailboxes()
        .iter()
        .flat_map(|mailbox| read_folder(&mailbox.maildir))
        .any(|stored| String::from_utf8_lossy(&stored.bytes).contains("the big room is taken"));
    assert!(lies_there, "{mail:#}");
    assert!(!server.asked().is_empty());
    each_attempt_made_one_mail(&world);
}

/// A model that does not write costs no action and no further try: the offline writer takes over.
#[test]
fn a_model_that_is_in_the_way_holds_no_action_up() {
    for (behaviour, timeout, said) in [
        (Some(Behaviour::HangBeforeHeader), "1s", "no answer within"),
        (Some(Behaviour::TooManyRequests(30)), "45s", "429"),
        (Some(Behaviour::Status(503)), "45s", "503"),
        (Some(Behaviour::HalfAStream), "45s", "unavailable"),
        (None, "45s", "unavailable"),
    ] {
        let server = MisbehavingServer::start(behaviour.unwrap_or(Behaviour::Good));
        let (world, now) = three_due();
        world.configure(&model(&server.url(), timeout));
        if behaviour.is_none() {
            // Nobody listens there any more.
            drop(server);
        }
        let healed = heal(&world, &now).succeeds();
        for target in ["mx1", "mx2", "mx3"] {
            let execution = healed.execution(target);
            assert_eq!(execution["tries"], 1, "{behaviour:?}: {execution:#}");
            let mail = show(&world, healed.mail(target));
            let by = &mail["record"]["written_by"];
            assert_eq!(by["writer"], "offline", "{behaviour:?}: {mail:#}");
            let passed_over = &by["passed_over"][0];
            assert_eq!(passed_over["writer"], "openai", "{behaviour:?}: {mail:#}");
            if target == "mx1" {
                let reason = text(&passed_over["reason"]);
                assert!(reason.contains(said), "{behaviour:?}: {reason}");
            }
        }
        each_attempt_made_one_mail(&world);
    }
}

#[test]
fn a_tick_that_is_stopped_while_a_model_writes_is_finished_by_another() {
    let server = MisbehavingServer::start(Behaviour::HangBetweenTokens);
    let settings = ALWAYS_DUE.replace("lease = \"1s\"", "lease = \"500ms\"");
    let world = settled(1, &settings);
    let now = moment(0);
    import(&world, &points("mx1", &now, FOR_THREAD));
    world.configure(&model(&server.url(), "2s"));
    let child = world.decnet.start(["heal", "tick", "--now", &now]);
    server.wait_for_requests(1);
    signal(&child, "TERM");
    let output = child.wait_with_output().expect("it ends");
    let ended = Outcome::from_output("heal tick".to_owned(), output);
    assert!(ended.fails(TRY_AGAIN).contains("stopped"), "{ended:#?}");
    let attempts = history(&world);
    assert_eq!(attempts[0]["status"]["status"], "running", "{attempts:#?}");
    assert_eq!(world.unfinished().len(), 1);
    settle_attempts(&world);
    assert_eq!(history(&world).len(), 1);
    each_attempt_made_one_mail(&world);
}

/// When a failed attempt is tried again, if it failed so.
#[track_caller]
fn wait_after(attempt: &Value, code: &str) -> TimeDelta {
    let status = &attempt["status"];
    assert_eq!(status["status"], "failed", "{attempt:#}");
    assert_eq!(status["error"]["code"], code, "{attempt:#}");
    let at = |name: &str| -> DateTime<Utc> { text(&status[name]).parse().expect("a time") };
    at("retry_at") - at("at")
}

#[test]
fn a_decoy_that_is_away_is_tried_again_with_longer_waits_and_then_nudged_once() {
    let settings = "[heal]\ncircuit_share = 1.0\nretry_first = \"200ms\"\ntries = 8\n";
    let world = settled(2, settings);
    let now = friday(120);
    import(&world, &points("mx1", &now, FOR_THREAD));
    let (root, away) = (world.path("decoys/mx1"), world.path("decoys/mx1-away"));
    fs::rename(&root, &away).expect("the folder is ours");
    let healed = heal(&world, &now);
    let line = healed.outcome.fails(TRY_AGAIN);
    assert!(
        line.contains("1 of 1 actions failed, such as on mx1"),
        "{line}"
    );
    let mut attempt = healed.execution("mx1").clone();
    for try_number in 1_u32..=4 {
        assert_eq!(attempt["tries"], try_number, "{attempt:#}");
        let wait = wait_after(&attempt, "network_error");
        let longest = TimeDelta::milliseconds(200 << (try_number - 1));
        assert!(
            wait >= longest / 2 && wait <= longest,
            "{wait} after try {try_number}"
        );
        let told = world.decnet.ok(["heal", "history", "--status", "failed"]);
        assert!(told.stdout.contains("network_error"), "{told:#?}");
        if try_number == 4 {
            break;
        }
        attempt = until("the next try", || {
            let healed = heal(&world, &now);
            assert_eq!(healed.reason("mx1"), "retry_scheduled", "{healed:#?}");
            if healed.executed().is_empty() {
                assert_eq!(healed.outcome.code, Some(0), "{healed:#?}");
                return None;
            }
            let execution = healed.execution("mx1");
            assert_eq!(execution["taken_up"], true, "{execution:#}");
            Some(execution.clone())
        });
    }
    assert_eq!(caused(&world).len(), 1, "it waits in the outbox");
    let doctor = world.decnet.run(["doctor"]);
    assert!(
        doctor.stdout.contains("1 of the last 1 actions failed"),
        "{doctor:#?}"
    );

    fs::rename(&away, &root).expect("the folder is ours");
    until("it is nudged", || {
        let healed = heal(&world, &now).succeeds();
        healed.executed().contains("mx1").then_some(())
    });
    let attempts = history(&world);
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0]["tries"], 5, "{:#}", attempts[0]);
    for _ in 0..3 {
        let healed = heal(&world, &now).succeeds();
        assert_eq!(healed.reason("mx1"), "duplicate_action");
        assert!(healed.executed().is_empty());
    }
    each_attempt_made_one_mail(&world);
    nothing_is_left(&world);
}

#[test]
fn a_disk_that_is_full_of_other_things_costs_no_action() {
    let world = World::unapplied(&office_on(1), ALWAYS_DUE);
    let Some(disk) = Small::over(&world.path("state"), 8_192) else {
        return;
    };
    world.apply();
    settle(&world, 2);
    for minute in 10..14 {
        tick(&world, minute, &friday(minute), 8).succeeds();
    }
    let now = friday(60);
    let mut number = 0;
    let mut codes = Vec::new();
    for engagements in [FOR_THREAD, FOR_EDIT, FOR_COMMENT] {
        import(&world, &points("mx1", &now, engagements));
        for pages in [0, 4, 8, 12, 16, 24, 32, 48, 64, 80, 96] {
            number += 1;
            disk.fill_but(pages * 4_096);
            let tick = ["heal", "tick", "--now", &moment(number), "--seed", "1"];
            let ended = world.decnet.run(tick);
            disk.make_room();
            match ended.code {
                Some(0) => {}
                Some(CANNOT_CREATE) => {
                    let line = ended.fails(CANNOT_CREATE);
                    assert!(line.contains("no space left"), "{line}");
                }
                // It could be noted that it failed.
                Some(TRY_AGAIN) => {
                    let line = ended.fails(TRY_AGAIN);
                    assert!(line.contains("actions failed"), "{line}");
                }
                _ => panic!("{pages} pages: {ended:#?}"),
            }
            codes.push(ended.code.unwrap_or_default());
            world.the_database_is_whole();
        }
    }
    let often = |code: i32| codes.iter().filter(|found| **found == code).count();
    println!("{codes:?}");
    assert!(often(CANNOT_CREATE) >= 3 && often(0) >= 3, "{codes:?}");
    settle_attempts(&world);
    each_attempt_made_one_mail(&world);
    nothing_is_left(&world);
}

#[test]
fn a_mailbox_on_a_full_disk_is_tried_again() {
    let world = World::unapplied(&office_on(1), ALWAYS_DUE);
    let Some(disk) = Small::over(&world.path("decoys"), 4_096) else {
        return;
    };
    world.apply();
    settle(&world, 2);
    let now = friday(60);
    import(&world, &points("mx1", &now, FOR_THREAD));
    disk.fill();
    let healed = heal(&world, &moment(1));
    healed.outcome.fails(TRY_AGAIN);
    wait_after(healed.execution("mx1"), "network_error");
    let before = world.mails();
    let failed = list(&Value::Array(before))
        .filter(|mail| text(&mail["state"]) == "failed")
        .count();
    assert_eq!(failed, 1);
    disk_and_ledger_agree(&world);
    disk.make_room();
    settle_attempts(&world);
    assert_eq!(history(&world).len(), 1);
    each_attempt_made_one_mail(&world);
    nothing_is_left(&world);
}
