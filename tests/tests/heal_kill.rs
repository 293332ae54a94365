//! `decnet heal tick`, killed anywhere, beside others, and beside those who write mail: each action
//! is done once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};

use decnet_tests::binary::Outcome;
use decnet_tests::heal::{
    ALWAYS_DUE, FOR_COMMENT, FOR_EDIT, FOR_THREAD, each_attempt_made_one_mail, heal, history,
    import, moment, office_on, points, settle_attempts,
};
use decnet_tests::killing::{self, kill, strace_works};
use decnet_tests::logs::ended;
use decnet_tests::office::{finish, friday, nothing_is_left, settle, tick, tick_arguments};
use decnet_tests::process::Killed;
use decnet_tests::wait::until;
use decnet_tests::world::{World, list, text};
use serde_json::Value;

/// Processes that must have died of SIGKILL.
const KILLS: u64 = 240;
/// Ticks at a time.
const WORKERS: u64 = 4;

/// Four deckies with mail, on each of which something is due at every moment of the week that
/// follows.
fn world() -> World {
    let world = World::new(&office_on(4), ALWAYS_DUE);
    settle(&world, 8);
    for minute in 10..14 {
        tick(&world, minute, &friday(minute), 16).succeeds();
    }
    let now = friday(60);
    let lines = [
        ("mx1", FOR_THREAD),
        ("mx2", FOR_EDIT),
        ("mx3", FOR_COMMENT),
        ("mx4", FOR_THREAD),
    ]
    .map(|(target, engagements)| points(target, &now, engagements));
    import(&world, &lines.concat());
    world
}

fn arguments(now: &str, seed: u64) -> Vec<String> {
    let seed = seed.to_string();
    ["heal", "tick", "--json", "--now", now, "--seed", &seed]
        .map(str::to_owned)
        .to_vec()
}

#[test]
fn ticks_that_are_killed_anywhere_lose_and_repeat_no_action() {
    let world = world();
    // Undisturbed, a tick does four things.
    let first = world.decnet.ok(arguments(&moment(0), 1)).json();
    let done =
        list(&first).filter(|object| object["executions"][0]["status"]["status"] == "success");
    assert_eq!(done.count(), 4, "{first:#}");
    let next = AtomicI64::new(1);
    kill(&world.decnet, KILLS, 0..WORKERS, |worker, _, draw| {
        let seed = (draw.next_number() >> 1) ^ *worker;
        arguments(&moment(next.fetch_add(1, Ordering::Relaxed)), seed)
    });
    let attempts = history(&world);
    let is_begun = |attempt: &&Value| attempt["status"]["status"] == "running";
    let left = attempts.iter().filter(is_begun).count();
    settle_attempts(&world);
    let attempts = history(&world);
    let again = |attempt: &&Value| attempt["tries"].as_u64() > Some(1);
    let taken_up = attempts.iter().filter(again).count();
    println!(
        "{taken_up} of {} attempts were taken up, {left} of them in the end",
        attempts.len()
    );
    assert!(
        taken_up >= KILLS as usize / 20 && taken_up >= left,
        "few were killed in the middle of an action"
    );
    let actions: BTreeSet<&str> = attempts
        .iter()
        .filter(again)
        .map(|attempt| text(&attempt["plan"]["action"]))
        .collect();
    assert_eq!(actions, BTreeSet::from(["comment", "edit", "thread"]));
    each_attempt_made_one_mail(&world);
    nothing_is_left(&world);
    world.the_database_is_whole();
}

/// Calls by which a tick changes what others see, each a step that it may die at.
const CALLS: [&str; 10] = [
    "fsync",
    "fdatasync",
    "syncfs",
    "rename",
    "renameat2",
    "unlink",
    "unlinkat",
    "mkdir",
    "mkdirat",
    "ftruncate",
];

/// Whether a tick was killed as it made a call for the so-manieth time; it may end before.
fn killed_at(world: &World, call: &str, time: u32, now: &str) -> bool {
    let tick = ["heal", "tick", "--seed", "1", "--now", now];
    killing::killed_at(&world.decnet, &tick, call, time)
}

/// Does what was left of a moment, or had not been begun.
fn finish_moment(world: &World, action: &str, now: &str) {
    until("it is done", || {
        let ended = world.decnet.run(arguments(now, 1));
        assert!(matches!(ended.code, Some(0 | 75)), "{ended:#?}");
        let attempts = history(world);
        let last = &attempts.first().expect("it is begun")["plan"];
        assert_eq!(last["action"], action, "{last:#}");
        let mut states = attempts.iter().map(|attempt| &attempt["status"]["status"]);
        states.all(|status| status == "success").then_some(())
    });
}

#[test]
fn a_tick_that_is_killed_at_any_step_loses_and_repeats_no_action() {
    if !strace_works() {
        return;
    }
    let settings = ALWAYS_DUE
        .replace("lease = \"1s\"", "lease = \"1ms\"")
        .replace("window = \"30d\"", "window = \"9h\"");
    let world = World::new(&office_on(1), &settings);
    settle(&world, 2);
    for minute in 10..14 {
        tick(&world, minute, &friday(minute), 8).succeeds();
    }
    let mut moments = 0;
    for (action, engagements) in [
        ("thread", FOR_THREAD),
        ("edit", FOR_EDIT),
        ("comment", FOR_COMMENT),
    ] {
        // What was counted before is out of the window.
        moments += 100;
        let first = moments;
        import(&world, &points("mx1", &moment(first), engagements));
        let mut kills = 0;
        for call in CALLS {
            for time in 1.. {
                moments += 1;
                let now = moment(moments);
                let is_killed = killed_at(&world, call, time, &now);
                finish_moment(&world, action, &now);
                if !is_killed {
                    break;
                }
                kills += 1;
            }
        }
        println!("{action}: killed at {kills} steps");
        assert!(kills > 10, "{action} takes more than {kills} steps");
        let done = history(&world).into_iter();
        let done = done.filter(|attempt| attempt["plan"]["action"] == action);
        let expected = usize::try_from(moments - first).expect("above 0");
        assert_eq!(done.count(), expected, "each moment brings one");
    }
    each_attempt_made_one_mail(&world);
    nothing_is_left(&world);
    world.the_database_is_whole();
}

#[test]
fn what_an_action_left_in_the_outbox_is_delivered_by_a_tick_of_the_mail_and_not_again() {
    if !strace_works() {
        return;
    }
    let settings = ALWAYS_DUE.replace("[emailgen]\nlease = \"1s\"", "[emailgen]\nlease = \"1ms\"");
    let world = World::new(&office_on(1), &settings);
    settle(&world, 2);
    finish(&world);
    for (number, engagements) in [(0, FOR_THREAD), (1, FOR_EDIT)] {
        let now = moment(number);
        import(&world, &points("mx1", &now, engagements));
        assert!(killed_at(&world, "renameat2", 1, &now), "mail is delivered");
        assert_eq!(world.unfinished().len(), 1);
        finish(&world);
        let running = history(&world)[0].clone();
        assert_eq!(running["status"]["status"], "running", "{running:#}");
        settle_attempts(&world);
        let settled = history(&world)[0].clone();
        assert_eq!(settled["id"], running["id"]);
        assert_eq!(settled["result"]["repeated"], true, "{settled:#}");
    }
    each_attempt_made_one_mail(&world);
    nothing_is_left(&world);
}

#[test]
fn what_was_left_and_what_is_due_now_are_both_done_and_told() {
    if !strace_works() {
        return;
    }
    let settings = ALWAYS_DUE
        .replace("lease = \"1s\"", "lease = \"1ms\"")
        .replace("window = \"30d\"", "window = \"90m\"");
    let world = World::new(&office_on(1), &settings);
    settle(&world, 2);
    finish(&world);
    let (now, later) = (moment(20), moment(40));
    import(&world, &points("mx1", &now, FOR_THREAD));
    assert!(killed_at(&world, "renameat2", 1, &now), "mail is delivered");
    import(&world, &points("mx1", &later, FOR_EDIT));
    let healed = heal(&world, &later).succeeds();
    let told: Vec<(&str, &Value)> = healed
        .executions("mx1")
        .into_iter()
        .map(|execution| (text(&execution["plan"]["action"]), &execution["taken_up"]))
        .collect();
    let [left, due] = [Value::Bool(true), Value::Bool(false)];
    assert_eq!(told, [("thread", &left), ("edit", &due)], "{healed:#?}");
    assert_eq!(healed.of("mx1")["action"], "edit");
    each_attempt_made_one_mail(&world);
}

#[test]
fn of_many_ticks_at_once_each_action_is_done_by_one() {
    let world = world();
    for round in 0..6 {
        let now = moment(round);
        let before = history(&world).len();
        let mut ticks: Vec<Killed> = (0..8)
            .map(|seed| Killed(world.decnet.start(arguments(&now, seed))))
            .collect();
        let ended: Vec<Outcome> = ticks
            .iter_mut()
            .map(|tick| ended("a tick", &mut tick.0).succeeds())
            .collect();
        let mut executed: Vec<String> = Vec::new();
        for ended in &ended {
            for object in list(&ended.json()) {
                let target = text(&object["target"]);
                if object["executions"].is_array() {
                    executed.push(target.to_owned());
                } else {
                    assert_eq!(object["reason"], "duplicate_action", "{object:#}");
                }
            }
        }
        executed.sort();
        assert_eq!(executed, ["mx1", "mx2", "mx3", "mx4"]);
        assert_eq!(history(&world).len(), before + 4);
    }
    each_attempt_made_one_mail(&world);
    world.the_database_is_whole();
}

#[test]
fn ticks_that_write_mail_beside_those_that_heal_are_not_in_each_others_way() {
    let world = world();
    for round in 0..6 {
        let now = moment(10 * round);
        let mut ticks: Vec<Killed> = (0..3)
            .flat_map(|number| {
                let seed = u64::try_from(100 * round + number).expect("not negative");
                [
                    world.decnet.start(arguments(&now, seed)),
                    world.decnet.start(tick_arguments(seed, &now, 12, 4)),
                ]
            })
            .map(Killed)
            .collect();
        for tick in &mut ticks {
            let ended = ended("a tick", &mut tick.0);
            assert!(matches!(ended.code, Some(0 | 75)), "{ended:#?}");
        }
    }
    settle_attempts(&world);
    let attempts = history(&world);
    assert!(attempts.len() >= 24, "{}", attempts.len());
    each_attempt_made_one_mail(&world);
    nothing_is_left(&world);
    world.the_database_is_whole();
}
