//! `decnet heal`: what is decided about each decoy, and how mail carries it out.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use decnet_tests::heal::{
    FOR_COMMENT, FOR_EDIT, FOR_THREAD, Healed, REASONS, cause, counted, database,
    each_attempt_made_one_mail, heal, heal_with, history, import, is_clean, later, office_on,
    points, real_now, settled, show,
};
use decnet_tests::logs::ended;
use decnet_tests::mailbox::{Folder, Stored, read_folder};
use decnet_tests::office::{friday, tick};
use decnet_tests::process::{Killed, signal};
use decnet_tests::wait::until;
use decnet_tests::world::{World, list, text};
use serde_json::{Value, json};

const USAGE: i32 = 64;
const TEMPORARY: i32 = 75;
const CONFIGURATION: i32 = 78;

/// Nothing is held back because so much is stale at once.
const NO_CIRCUIT: &str = "[heal]\ncircuit_share = 1.0\n";

/// Time for a loop to stop in, as a service manager would want it.
const STOPS_WITHIN: Duration = Duration::from_secs(2);

#[test]
fn a_tick_says_one_thing_of_each_target() {
    let world = settled(3, NO_CIRCUIT);
    let now = friday(120);
    let lines = points("mx1", &now, FOR_THREAD) + &points("p1", &now, FOR_EDIT);
    import(&world, &lines);
    let preview = heal_with(&world, &["--dry-run", "--now", &now]);
    let names: Vec<&str> = preview.targets.keys().map(String::as_str).collect();
    assert_eq!(names, ["mx1", "mx2", "mx3", "p1"]);
    for object in preview.targets.values() {
        let keys: BTreeSet<&str> = object
            .as_object()
            .expect("an object")
            .keys()
            .map(String::as_str)
            .collect();
        let expected = BTreeSet::from([
            "target",
            "decision",
            "reason",
            "stagnation",
            "tier",
            "action",
            "idempotency_key",
            "policy",
            "facts",
        ]);
        assert_eq!(keys, expected, "{object:#}");
    }
    let mx1 = preview.of("mx1");
    assert_eq!(
        (&mx1["decision"], &mx1["reason"], &mx1["stagnation"]),
        (&json!("act"), &Value::Null, &json!(1.0)),
    );
    assert_eq!(
        (&mx1["tier"], &mx1["action"], &mx1["policy"]),
        (&json!("tier_3"), &json!("thread"), &json!("stagnation"))
    );
    let mx2 = preview.of("mx2");
    assert_eq!(
        (&mx2["decision"], &mx2["reason"], &mx2["action"]),
        (&json!("skip"), &json!("insufficient_samples"), &Value::Null)
    );
    assert_eq!(
        mx2["facts"],
        json!({"sample_count": 0, "needed": 3}),
        "{mx2:#}"
    );
    assert_eq!(history(&world), [] as [Value; 0]);
}

/// The keys that the original gives, for what is told apart by the tier of its action.
#[test]
fn keys_are_those_of_the_original() {
    let vectors: Value =
        serde_json::from_str(include_str!("../fixtures/vectors/self_heal.json")).expect("JSON");
    let world = World::new(&office_on(1), NO_CIRCUIT);
    let mut compared = BTreeSet::new();
    for vector in list(&vectors) {
        let operations = list(&vector["input"]["ops"]).zip(list(&vector["expected"]));
        for (operation, key) in operations.filter(|(operation, _)| operation["op"] == "key") {
            let target = text(&operation["post_id"]);
            let (action, tier) = (text(&operation["action_type"]), text(&operation["tier"]));
            let (engagements, minute) = match (action, tier) {
                ("comment", "tier_1") => (FOR_COMMENT, 0),
                ("edit", "tier_2") => (FOR_EDIT, 200),
                ("thread", "tier_3") => (FOR_THREAD, 400),
                // Never planned.
                _ => continue,
            };
            if target.is_empty() || !compared.insert((target, tier)) {
                continue;
            }
            let now = friday(minute);
            import(&world, &points(target, &now, engagements));
            let preview = heal_with(&world, &["--dry-run", "--now", &now]);
            let found = preview.of(target);
            assert_eq!(
                (
                    &found["idempotency_key"],
                    text(&found["action"]),
                    text(&found["tier"])
                ),
                (key, action, tier),
                "{found:#}"
            );
        }
    }
    assert!(compared.len() >= 4, "{compared:?}");
}

/// The only message of a folder of the decky's mailboxes with this id.
#[track_caller]
fn stored(world: &World, decky: &str, folder: Folder, message_id: &str) -> Stored {
    let mut mailboxes = world.mailboxes();
    mailboxes.retain(|mailbox| mailbox.decky == decky);
    let messages = mailboxes
        .iter()
        .flat_map(|mailbox| read_folder(&folder.path(&mailbox.maildir)));
    let found: Vec<Stored> = messages
        .filter(|message| message.message_id() == message_id)
        .collect();
    assert_eq!(found.len(), 1, "{message_id} in {folder:?} on {decky}");
    found.into_iter().next().expect("there is one")
}

#[test]
fn a_thread_an_edit_and_a_comment_are_carried_out_as_mail() {
    let world = settled(3, NO_CIRCUIT);
    let now = friday(120);
    let before = world.mails().len();
    let lines = points("mx1", &now, FOR_THREAD)
        + &points("mx2", &now, FOR_EDIT)
        + &points("mx3", &now, FOR_COMMENT);
    import(&world, &lines);
    let healed = heal(&world, &now).succeeds();
    assert_eq!(healed.executed(), BTreeSet::from(["mx1", "mx2", "mx3"]));
    for (target, action) in [("mx1", "thread"), ("mx2", "edit"), ("mx3", "comment")] {
        let execution = healed.execution(target);
        let plan = &execution["plan"];
        assert_eq!(
            (text(&plan["action"]), text(&plan["target"])),
            (action, target)
        );
        assert_eq!(
            plan["key"],
            healed.of(target)["idempotency_key"],
            "{execution:#}"
        );
        let mail = show(&world, healed.mail(target));
        let record = &mail["record"];
        assert_eq!(text(&mail["state"]), "delivered", "{mail:#}");
        assert_eq!(text(&record["cause"]), cause(execution), "{mail:#}");
        assert_eq!(record["message_id"], execution["result"]["message_id"]);
        assert_eq!(record["mail"], execution["result"]["mail"]);
        let placements: Vec<&Value> = list(&record["placements"]).collect();
        assert!(
            placements.iter().any(|place| place["decky"] == target),
            "{mail:#}"
        );
        let message_id = text(&mail["message_id"]);
        for place in placements {
            let folder = match text(&place["folder"]) {
                "inbox" => Folder::Inbox,
                "sent" => Folder::Sent,
                "drafts" => Folder::Drafts,
                other => panic!("{other}: {mail:#}"),
            };
            let message = stored(&world, text(&place["decky"]), folder, message_id);
            assert_eq!(message.author(), text(&mail["from"]));
            assert_eq!(
                folder == Folder::Drafts,
                action == "edit",
                "{place:#} {mail:#}"
            );
        }
        match action {
            "thread" => {
                assert_eq!(mail["id"], mail["thread"], "{mail:#}");
                assert!(mail["parent"].is_null() && mail["draft"].is_null());
            }
            "edit" => {
                assert_eq!(mail["draft"], 1, "{mail:#}");
                let message = stored(&world, target, Folder::Drafts, message_id);
                assert_eq!(message.flags, "DS", "{}", message.path.display());
            }
            _ => {
                let parent = mail["parent"].as_u64().expect("it answers a mail");
                let parent = show(&world, parent);
                let anywhere = list(&record["placements"]).next().expect("it lies there");
                let folder = match text(&anywhere["folder"]) {
                    "inbox" => Folder::Inbox,
                    _ => Folder::Sent,
                };
                let message = stored(&world, text(&anywhere["decky"]), folder, message_id);
                let answered = message.in_reply_to();
                assert_eq!(answered.as_deref(), parent["message_id"].as_str());
            }
        }
        let told = world
            .decnet
            .ok(["emailgen", "show", &mail["id"].to_string()]);
        assert!(
            told.stdout.contains(message_id) && told.stdout.contains("lies in"),
            "{told:#?}"
        );
    }
    assert_eq!(world.mails().len(), before + 3);
    each_attempt_made_one_mail(&world);
    let told = world.decnet.ok(["heal", "history"]);
    assert_eq!(told.stdout.matches(" wrote \"").count(), 3, "{told:#?}");
    world.the_database_is_whole();
}

#[test]
fn explain_gives_one_reason_for_each_decoy() {
    let settings = "[heal]\ncircuit_share = 1.0\nactions_per_hour = 2\ncooldown_thread = \"5h\"\n";
    let world = settled(7, settings);
    let early = friday(60);
    let lines = points("mx1", &early, FOR_THREAD) + &points("mx2", &early, FOR_THREAD);
    import(&world, &lines);
    assert_eq!(heal(&world, &early).succeeds().executed().len(), 2);
    // Three hours later one of them was lively for a while.
    let now = friday(250);
    import(&world, &points("mx2", &friday(155), FOR_COMMENT));
    assert_eq!(heal(&world, &friday(155)).succeeds().executed().len(), 1);
    let lines = ["mx1", "mx2", "mx3", "mx4"].map(|name| points(name, &now, FOR_THREAD));
    import(&world, &lines.concat());
    import(&world, &counted("mx5", &now, 0, 0));
    world.decnet.ok(["heal", "pause", "mx4"]);
    let preview = heal_with(&world, &["--dry-run", "--now", &now]);
    let expected = [
        ("mx1", "duplicate_action"),
        ("mx2", "action_cooldown_active"),
        ("mx3", "act"),
        ("mx4", "paused"),
        ("mx5", "no_traffic"),
        ("mx6", "insufficient_samples"),
        ("mx7", "insufficient_samples"),
    ];
    for (target, reason) in expected {
        assert_eq!(preview.reason(target), reason, "{:#}", preview.of(target));
        let arguments = ["heal", "explain", target, "--now", &now];
        let object = world.decnet.json(arguments.iter().chain(&["--json"]));
        assert_eq!(object["reason"], preview.of(target)["reason"], "{object:#}");
        assert_eq!(object["facts"], preview.of(target)["facts"], "{object:#}");
        assert_eq!(
            object["reason"].is_null(),
            object["decision"] == "act",
            "{object:#}"
        );
        let by_policy: Vec<&str> = list(&object["policies"])
            .map(|of| text(&of["policy"]))
            .collect();
        assert_eq!(by_policy, ["stagnation", "age"]);
        let told = world.decnet.ok(arguments).stdout;
        is_clean(&told);
        let first = told.lines().next().unwrap_or_default();
        let named: Vec<&str> = REASONS
            .into_iter()
            .filter(|name| first.contains(&format!(": {name},")))
            .collect();
        match reason {
            "act" => assert!(
                first.starts_with("thread on mx3 (tier_3, stagnation 1.00"),
                "{first}"
            ),
            _ => assert_eq!(named, [reason], "{first}"),
        }
    }
    let attempts = world
        .decnet
        .json(["heal", "explain", "mx2", "--now", &now, "--json"]);
    assert_eq!(list(&attempts["attempts"]).count(), 2, "{attempts:#}");
    assert_eq!(
        history(&world).len(),
        3,
        "nothing was done by looking at it"
    );
}

#[test]
fn explain_knows_who_was_meant() {
    let world = World::new(&office_on(3), "");
    for (wrong, meant) in [("mx11", "did you mean mx1?"), ("MX2", "--dry-run")] {
        let ended = world.decnet.run(["heal", "explain", wrong]);
        let line = ended.fails(USAGE);
        assert!(line.contains(wrong) && line.contains(meant), "{line}");
    }
    let ended = world.decnet.run(["heal", "explain", "printer-in-the-hall"]);
    assert!(ended.fails(USAGE).contains("--dry-run"), "{ended:#?}");
    assert!(!ended.stderr.contains("did you mean"), "{ended:#?}");
}

#[test]
fn history_shows_what_is_asked_for() {
    let world = settled(3, NO_CIRCUIT);
    let now = friday(120);
    assert_eq!(
        world.decnet.ok(["heal", "history"]).stdout,
        "nothing was done\n"
    );
    let lines = ["mx1", "mx2"].map(|name| points(name, &now, FOR_THREAD));
    import(&world, &lines.concat());
    heal(&world, &now).succeeds();
    import(&world, &points("mx1", &friday(240), FOR_COMMENT));
    heal(&world, &friday(240)).succeeds();
    let away = world.path("away");
    fs::rename(world.path("decoys/mx3"), away).expect("the folder is ours");
    import(&world, &points("mx3", &friday(360), FOR_THREAD));
    let healed = heal(&world, &friday(360));
    assert_eq!(healed.outcome.code, Some(TEMPORARY), "{healed:#?}");

    let found = |options: &[&str]| -> Vec<(String, String)> {
        let arguments = ["heal", "history", "--json"];
        let said = world.decnet.json(arguments.iter().chain(options));
        list(&said)
            .map(|attempt| {
                let target = text(&attempt["plan"]["target"]).to_owned();
                (target, text(&attempt["status"]["status"]).to_owned())
            })
            .collect()
    };
    let pair = |target: &str, status: &str| (target.to_owned(), status.to_owned());
    let all = found(&[]);
    assert_eq!(all.len(), 4);
    assert_eq!(all[0], pair("mx3", "failed"), "the last comes first");
    assert_eq!(found(&["--target", "mx1"]), vec![pair("mx1", "success"); 2],);
    assert_eq!(found(&["--status", "failed"]), [pair("mx3", "failed")]);
    assert_eq!(found(&["--status", "running"]), []);
    assert_eq!(found(&["--target", "mx1", "--status", "failed"]), []);
    assert_eq!(found(&["--target", "nobody"]), []);
    assert_eq!(found(&["--limit", "2"]), all[..2]);
    assert_eq!(found(&["--limit", "0"]), all);
    let ended = world.decnet.run(["heal", "history", "--status", "done"]);
    assert_eq!(ended.code, Some(USAGE), "{ended:#?}");
    let told = world
        .decnet
        .ok(["heal", "history", "--status", "failed"])
        .stdout;
    assert!(
        told.contains("mx3") && told.contains("network_error"),
        "{told}"
    );
    assert!(!told.contains("mx1"), "{told}");
}

#[test]
fn a_dry_run_and_a_pause_leave_the_database_as_it_is() {
    let world = settled(3, NO_CIRCUIT);
    let now = friday(120);
    let lines = ["mx1", "mx2", "mx3"].map(|name| points(name, &now, FOR_THREAD));
    import(&world, &lines.concat());
    // There is more that a tick would take in: the pool has changed.
    world.write(
        "personas.json",
        r#"[{"name":"Cara Diaz","email":"cara.diaz@elsewhere.example","role":"Clerk"}]"#,
    );
    let before = database(&world);
    let preview = heal_with(&world, &["--dry-run", "--now", &now]).succeeds();
    assert_eq!(preview.reason("mx1"), "act");
    world
        .decnet
        .ok(["heal", "tick", "--dry-run", "--now", &now]);
    world.decnet.ok(["heal", "explain", "mx1", "--now", &now]);
    world.decnet.ok(["heal", "history"]);
    assert!(database(&world) == before, "looking has written");

    let said = world.decnet.ok(["heal", "pause"]).stdout;
    assert_eq!(said, "everything is paused\n");
    let paused = database(&world);
    assert!(paused != before, "the pause itself is kept");
    let healed = heal(&world, &now).succeeds();
    for target in ["mx1", "mx2", "mx3"] {
        let object = healed.of(target);
        assert_eq!(healed.reason(target), "paused", "{object:#}");
        assert_eq!(object["facts"]["everything"], true, "{object:#}");
        assert_eq!(object["action"], "thread", "{object:#}");
    }
    world.decnet.ok(["heal", "tick", "--now", &now]);
    let said = world.decnet.ok(["heal", "pause"]).stdout;
    assert_eq!(said, "everything was paused already\n");
    assert!(database(&world) == paused, "a pause has written");
    let doctor = world.decnet.run(["doctor"]);
    assert!(
        doctor.stdout.contains("everything is paused since"),
        "{doctor:#?}"
    );

    world.decnet.ok(["heal", "resume"]);
    assert_eq!(heal(&world, &now).succeeds().executed().len(), 3);
    each_attempt_made_one_mail(&world);
}

#[test]
fn one_decoy_can_be_left_alone() {
    let world = settled(2, NO_CIRCUIT);
    let now = friday(120);
    let lines = ["mx1", "mx2"].map(|name| points(name, &now, FOR_THREAD));
    import(&world, &lines.concat());
    let paused = world.decnet.json(["heal", "pause", "mx1", "--json"]);
    assert_eq!(
        paused,
        json!({"target": "mx1", "paused": true, "changed": true})
    );
    let again = world.decnet.json(["heal", "pause", "mx1", "--json"]);
    assert_eq!(again["changed"], false);
    let healed = heal(&world, &now).succeeds();
    assert_eq!(healed.executed(), BTreeSet::from(["mx2"]));
    assert_eq!(healed.reason("mx1"), "paused");
    assert_eq!(healed.of("mx1")["facts"]["everything"], false);
    let doctor = world.decnet.run(["doctor"]);
    assert!(doctor.stdout.contains("1 decoys are paused"), "{doctor:#?}");

    // A name that was mistyped is no decoy that is left alone.
    let ended = world.decnet.run(["heal", "pause", "mx22"]);
    assert!(
        ended.fails(USAGE).contains("did you mean mx2?"),
        "{ended:#?}"
    );

    world.decnet.ok(["heal", "pause"]);
    let told = world.decnet.ok(["heal", "resume", "mx1"]).stdout;
    assert!(
        told.contains("mx1 goes on") && told.contains("everything else is paused still"),
        "{told}"
    );
    assert_eq!(heal(&world, &now).succeeds().executed(), BTreeSet::new());
    world.decnet.ok(["heal", "resume"]);
    let healed = heal(&world, &now).succeeds();
    assert_eq!(healed.executed(), BTreeSet::from(["mx1"]));
    assert_eq!(healed.targets.len(), 2, "nothing else is known");
    let told = world.decnet.ok(["heal", "resume"]).stdout;
    assert_eq!(told, "everything was not paused\n");
}

/// What is decided about a decoy, an hour at a time from ten in the morning: stale but for one hour.
fn hours(world: &World) -> Vec<(String, Option<String>)> {
    [0, 240, 480, 720]
        .into_iter()
        .map(|minute| {
            let now = friday(60 + minute);
            let engagements = if minute == 480 {
                FOR_COMMENT
            } else {
                FOR_THREAD
            };
            import(world, &points("mx1", &now, engagements));
            let healed = heal(world, &now).succeeds();
            let action = healed.of("mx1")["action"].as_str().map(str::to_owned);
            (healed.reason("mx1").to_owned(), action)
        })
        .collect()
}

#[test]
fn an_action_is_done_once_in_an_episode_and_again_in_another() {
    let world = settled(1, "");
    let pair = |reason: &str, action: &str| (reason.to_owned(), Some(action.to_owned()));
    let expected = [
        pair("act", "thread"),
        pair("duplicate_action", "thread"),
        pair("act", "comment"),
        pair("act", "thread"),
    ];
    assert_eq!(hours(&world), expected);
    let epochs: Vec<Value> = history(&world)
        .iter()
        .map(|attempt| attempt["plan"]["epoch"].clone())
        .collect();
    assert_eq!(epochs, [3, 2, 1]);
    each_attempt_made_one_mail(&world);

    let world = settled(1, "[heal]\nepoch = \"forever\"\n");
    let expected = [
        pair("act", "thread"),
        pair("duplicate_action", "thread"),
        pair("act", "comment"),
        pair("duplicate_action", "thread"),
    ];
    assert_eq!(hours(&world), expected);
    each_attempt_made_one_mail(&world);
}

#[test]
fn when_half_of_the_fleet_is_stale_nothing_is_done_and_one_alert_is_raised() {
    let world = settled(10, "[alerts]\nfile = \"alerts.jsonl\"\n");
    let import_all = |now: &str, stale: usize| {
        let lines: String = (1..=10)
            .map(|n| {
                let engagements = if n <= stale { FOR_THREAD } else { 100 };
                points(&format!("mx{n}"), now, engagements)
            })
            .collect();
        import(&world, &lines);
    };
    let alerts = || -> Vec<Value> {
        let lines = fs::read_to_string(world.path("alerts.jsonl")).unwrap_or_default();
        lines
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line of JSON"))
            .collect()
    };
    for minute in [60, 70, 80] {
        let now = friday(minute);
        import_all(&now, 5);
        let healed = heal(&world, &now).succeeds();
        assert_eq!(healed.executed(), BTreeSet::new());
        for n in 1..=5 {
            let object = healed.of(&format!("mx{n}"));
            assert_eq!(object["reason"], "fleet_circuit_open", "{object:#}");
            assert_eq!(object["facts"]["stale"], 5);
            assert_eq!(object["facts"]["with_traffic"], 10);
            assert_eq!(object["action"], "thread");
        }
        assert_eq!(alerts().len(), 1, "{:#?}", alerts());
    }
    let alert = &alerts()[0];
    assert_eq!(text(&alert["kind"]), "fleet-stale", "{alert:#}");
    assert_eq!(
        (
            text(&alert["facts"]["stale"]),
            text(&alert["facts"]["with_traffic"])
        ),
        ("5", "10")
    );
    assert_eq!(history(&world), [] as [Value; 0]);
    let doctor = world.decnet.run(["doctor"]);
    assert!(
        doctor.stdout.contains("circuit is open since"),
        "{doctor:#?}"
    );

    // Four of ten are no more than the share.
    let now = friday(200);
    import_all(&now, 4);
    let healed = heal(&world, &now).succeeds();
    let stale: BTreeSet<String> = (1..=4).map(|n| format!("mx{n}")).collect();
    let acted: BTreeSet<String> = healed
        .executed()
        .into_iter()
        .filter(|target| healed.of(target)["action"] == "thread")
        .map(str::to_owned)
        .collect();
    assert_eq!(acted, stale);
    let doctor = world.decnet.run(["doctor"]);
    assert!(!doctor.stdout.contains("circuit is open"), "{doctor:#?}");
    assert_eq!(alerts().len(), 1);

    let now = friday(320);
    import_all(&now, 6);
    let healed = heal(&world, &now).succeeds();
    assert_eq!(healed.executed(), BTreeSet::new());
    assert_eq!(alerts().len(), 2, "one for each time that it opens");
}

#[test]
fn no_more_is_done_in_an_hour_than_allowed() {
    let world = settled(3, "[heal]\nactions_per_hour = 1\ncircuit_share = 1.0\n");
    let mut acted = BTreeSet::new();
    for hour in 0..3 {
        let now = friday(60 + hour * 61);
        let lines = ["mx1", "mx2", "mx3"].map(|name| points(name, &now, FOR_THREAD));
        import(&world, &lines.concat());
        let healed = heal(&world, &now).succeeds();
        let executed = healed.executed();
        assert_eq!(executed.len(), 1, "{healed:#?}");
        let reasons = healed.targets.keys().map(|target| healed.reason(target));
        let held_back = reasons
            .filter(|reason| *reason == "budget_exhausted")
            .count();
        assert_eq!(held_back, 2 - hour as usize, "{healed:#?}");
        acted.extend(executed.into_iter().map(str::to_owned));
        let again = heal(&world, &later(&now, TimeDelta::minutes(1))).succeeds();
        assert_eq!(again.executed(), BTreeSet::new());
    }
    assert_eq!(acted.len(), 3, "each had its turn");
    each_attempt_made_one_mail(&world);
}

#[test]
fn what_nobody_looks_at_is_nudged_when_it_is_old_and_its_owner_at_work() {
    let world = office_in_working_hours();
    let monday = "2026-03-09T11:00:00Z";
    let age = |now: &str| -> Healed {
        import(&world, &counted("mx1", now, 0, 0));
        heal(&world, now).succeeds()
    };
    let policies = |now: &str| -> Vec<String> {
        let explained = world
            .decnet
            .json(["heal", "explain", "mx1", "--now", now, "--json"]);
        list(&explained["policies"])
            .map(|of| of["reason"].as_str().unwrap_or("act").to_owned())
            .collect()
    };
    // Three days later, but for some minutes.
    let early = "2026-03-09T09:05:00Z";
    let fresh = age(early);
    assert_eq!(fresh.reason("mx1"), "no_traffic", "{fresh:#?}");
    assert_eq!(policies(early), ["no_traffic", "changed_recently"]);
    assert_eq!(policies(monday), ["insufficient_samples", "act"]);

    let night = age("2026-03-10T03:00:00Z");
    assert_eq!(night.reason("mx1"), "no_traffic", "{night:#?}");
    let stale_at_night = "2026-03-10T04:00:00Z";
    import(&world, &points("mx1", stale_at_night, FOR_THREAD));
    let night = heal(&world, stale_at_night).succeeds();
    assert_eq!(night.reason("mx1"), "owner_inactive", "{night:#?}");
    assert_eq!(night.of("mx1")["action"], "thread");
    assert_eq!(history(&world), [] as [Value; 0]);

    for (now, action) in [
        ("2026-03-10T11:00:00Z", "comment"),
        ("2026-03-18T11:00:00Z", "edit"),
        ("2026-03-30T11:00:00Z", "thread"),
    ] {
        let healed = age(now);
        let object = healed.of("mx1");
        assert_eq!(
            (&object["policy"], &object["action"]),
            (&json!("age"), &json!(action)),
            "{object:#}"
        );
        let mail = healed.mail("mx1");
        assert_eq!(text(&show(&world, mail)["state"]), "delivered");
        let again = heal(&world, &later(now, TimeDelta::minutes(10))).succeeds();
        assert_eq!(again.executed(), BTreeSet::new(), "it is new now");
    }
    each_attempt_made_one_mail(&world);
}

/// Two people who work on the days of a week from nine to five, with mail from a Friday.
fn office_in_working_hours() -> World {
    let hours = office_on(1).replace("00:00-00:00", "09:00-17:00");
    let world = World::new(&hours, "");
    let mut minute = 10;
    until("both have a mailbox", || {
        minute += 10;
        tick(&world, minute, &friday(minute), 2).succeeds();
        (world.mailboxes().len() == 2).then_some(())
    });
    world
}

#[test]
fn wrong_settings_are_refused_by_name() {
    for (setting, name) in [
        ("policies = []", "heal.policies"),
        ("policies = [\"stagnation\", \"luck\"]", "heal.policies"),
        ("policies = [\"age\", \"age\"]", "heal.policies"),
        ("interval = \"soon\"", "heal.interval"),
        ("window = \"0s\"", "heal.window"),
        ("rate_factor = 0.0", "heal.rate_factor"),
        ("rate_factor = nan", "heal.rate_factor"),
        ("tier_2_from = 0.9", "heal.tier_2_from"),
        ("tier_3_from = 1.5", "heal.tier_2_from"),
        ("epoch = \"never\"", "heal.epoch"),
        ("longest_episode = \"-1d\"", "heal.longest_episode"),
        ("cooldown_thread = \"3\"", "heal.cooldown_thread"),
        ("circuit_share = 1.5", "heal.circuit_share"),
        ("circuit_share = nan", "heal.circuit_share"),
        ("hold_off = \"900 years\"", "heal.hold_off"),
        ("longest_freeze = \"\"", "heal.longest_freeze"),
        ("tries = 0", "heal.tries"),
        ("retry_first = \"x\"", "heal.retry_first"),
        ("lease = \"0s\"", "heal.lease"),
        ("samples = -1", "samples"),
        ("actions_per_hour = \"many\"", "actions_per_hour"),
        ("windwo = \"90m\"", "windwo"),
    ] {
        let world = World::unapplied(&office_on(1), &format!("[heal]\n{setting}\n"));
        for command in [&["heal", "tick"][..], &["heal", "explain", "mx1"]] {
            let ended = world.decnet.run(command);
            let line = ended.fails(CONFIGURATION);
            assert!(line.contains(name), "{setting}: {line}");
        }
    }
}

#[test]
fn the_loop_ticks_and_stops_when_told() {
    // It goes by the real clock, so that everybody works every day.
    let daily = office_on(2).replace("role = ", "workdays = \"daily\"\nrole = ");
    for name in ["TERM", "INT"] {
        let world = World::new(&daily, NO_CIRCUIT);
        until("everybody has a mailbox", || {
            world.decnet.ok(["emailgen", "tick"]);
            (world.mailboxes().len() == 4).then_some(())
        });
        let started = real_now();
        let lines = ["mx1", "mx2"].map(|name| points(name, &started, FOR_THREAD));
        import(&world, &lines.concat());
        let mut running = Killed(world.decnet.start(["heal", "run", "--interval", "20ms"]));
        until("both are nudged", || {
            (history(&world).len() == 2).then_some(())
        });
        let told = Instant::now();
        signal(&running.0, name);
        let ended = ended("heal run", &mut running.0);
        assert!(told.elapsed() < STOPS_WITHIN, "{:?}", told.elapsed());
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{ended:#?}"
        );
        assert!(ended.stdout.ends_with("stopped\n"), "{ended:#?}");
        assert_eq!(
            ended.stdout.matches("thread on mx").count(),
            2,
            "{ended:#?}"
        );
        each_attempt_made_one_mail(&world);
    }
}

#[test]
fn the_doctor_warns_when_actions_fail() {
    let world = settled(1, NO_CIRCUIT);
    let now = friday(120);
    let findings = || -> Vec<String> {
        let report = world.decnet.run(["doctor", "--json"]).json();
        list(&report["findings"])
            .filter(|finding| text(&finding["subject"]) == "heal")
            .map(|finding| format!("{}: {}", text(&finding["severity"]), finding))
            .collect()
    };
    assert!(
        findings().iter().all(|found| !found.starts_with("warning")),
        "{:#?}",
        findings()
    );
    fs::rename(world.path("decoys/mx1"), world.path("away")).expect("the folder is ours");
    import(&world, &points("mx1", &now, FOR_THREAD));
    let healed = heal(&world, &now);
    assert_eq!(healed.outcome.code, Some(TEMPORARY), "{healed:#?}");
    let warned = findings()
        .iter()
        .any(|found| found.starts_with("warning") && found.contains("1 of the last 1 actions"));
    assert!(warned, "{:#?}", findings());
    let attempt = &history(&world)[0];
    assert!(attempt["status"]["retry_at"].is_string(), "{attempt:#}");
    assert!(attempt["result"].is_null());
}

#[test]
fn names_that_are_no_deckies_are_judged_and_take_nothing_from_those_that_are() {
    let world = settled(1, "[heal]\nactions_per_hour = 1\n");
    let now = friday(120);
    let foreign: Vec<String> = (0..12)
        .map(|number| points(&format!("post-{number}"), &now, FOR_THREAD))
        .collect();
    import(&world, &foreign.concat());
    import(&world, &points("mx1", &now, FOR_EDIT));
    let healed = heal(&world, &now).succeeds();
    for (name, object) in healed.targets.iter().filter(|(name, _)| *name != "mx1") {
        assert_eq!(object["tier"], "tier_3", "{object:#}");
        let reason = text(&object["reason"]);
        let expected = ["budget_exhausted", "nobody_acts"].contains(&reason);
        assert!(expected, "{name}: {object:#}");
    }
    let done = history(&world);
    assert_eq!(done.len(), 1, "{done:#?}");
    assert_eq!(done[0]["plan"]["target"], "mx1");
}
