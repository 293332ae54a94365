//! The event file: one line of JSON for each event, in order, none lost and none twice.

use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use decnet_tests::draw::Draw;
use decnet_tests::office::{
    disk_and_ledger_agree, finish, friday, office, settle, tick, tick_arguments,
};
use decnet_tests::world::{World, text};
use serde_json::Value;

const SETTINGS: &str = "[events]\nfile = \"log/events.jsonl\"\n[emailgen]\nlease = \"1s\"\n";
const KILLS: u64 = 60;
const WORKERS: u64 = 4;
/// In microseconds.
const LONGEST_LIFE: u64 = 400_000;

fn world() -> World {
    World::new(
        &office(&[
            ("Ana Ruiz", "mx1"),
            ("Ben Cole", "mx2"),
            ("Cara Diaz", "mx2"),
        ]),
        SETTINGS,
    )
}

fn events(world: &World) -> Vec<Value> {
    let file = fs::read_to_string(world.path("log/events.jsonl")).unwrap_or_default();
    assert!(
        file.is_empty() || file.ends_with('\n'),
        "the last line is whole"
    );
    file.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}

/// Each delivered mail has one line, and the numbers of the lines grow.
fn complete(world: &World) {
    let events = events(world);
    let mut last = 0;
    let mut told = BTreeSet::new();
    for event in &events {
        let sequence = event["sequence"]
            .as_i64()
            .expect("every line has a sequence");
        assert!(sequence > last, "{sequence} after {last}");
        last = sequence;
        if event["event"] == "mail.delivered" {
            let id = text(&event["message_id"]).to_owned();
            assert!(told.insert(id), "told twice: {event}");
            let more = ["also_to", "cc"].map(|field| event[field].as_array().map_or(0, Vec::len));
            assert_eq!(
                event["placements"].as_array().map_or(0, Vec::len),
                2 + more.iter().sum::<usize>(),
                "{event}"
            );
        }
    }
    let delivered: BTreeSet<String> = world
        .mails()
        .iter()
        .filter(|mail| text(&mail["state"]) == "delivered")
        .map(|mail| text(&mail["message_id"]).to_owned())
        .collect();
    assert_eq!(told, delivered);
}

#[test]
fn every_mail_is_told_of_once() {
    let world = world();
    settle(&world, 3);
    tick(&world, 9, &friday(30), 50).succeeds();
    complete(&world);
    let line = &events(&world)[0];
    for field in [
        "version",
        "event",
        "from",
        "to",
        "sent_at",
        "recorded_at",
        "subject",
    ] {
        assert!(!line[field].is_null(), "{field} in {line}");
    }
}

#[test]
fn kills_lose_no_event_and_repeat_none() {
    let world = world();
    settle(&world, 3);
    let kills = AtomicU64::new(0);
    thread::scope(|scope| {
        for worker in 0..WORKERS {
            let (world, kills) = (&world, &kills);
            scope.spawn(move || {
                let mut draw = Draw::new(worker);
                while kills.load(Ordering::Relaxed) < KILLS {
                    let minute = draw.below(300);
                    let arguments =
                        tick_arguments(draw.next_number() >> 1, &friday(minute), 1_000, 2);
                    let mut child = world.decnet.start(arguments);
                    thread::sleep(Duration::from_micros(draw.below(LONGEST_LIFE)));
                    child.kill().expect("it is our child");
                    let ended = child.wait_with_output().expect("it ends");
                    let said = String::from_utf8_lossy(&ended.stderr);
                    assert!(said.is_empty(), "{said}");
                    kills.fetch_add(u64::from(ended.status.code().is_none()), Ordering::Relaxed);
                }
            });
        }
    });
    finish(&world);
    assert!(world.mails().len() > 100, "{} mails", world.mails().len());
    disk_and_ledger_agree(&world);
    complete(&world);
}

#[test]
fn a_torn_line_is_dropped_and_a_rotated_file_goes_on() {
    let world = world();
    settle(&world, 3);
    let path = world.path("log/events.jsonl");
    let whole = fs::read_to_string(&path).expect("there are events");
    fs::write(&path, format!("{whole}{{\"sequence\":99")).expect("the file can be written");
    tick(&world, 1, &friday(40), 3).succeeds();
    complete(&world);
    fs::rename(&path, world.path("log/events.1")).expect("the file can be renamed");
    let before = events(&world).len();
    assert_eq!(before, 0);
    tick(&world, 2, &friday(50), 3).succeeds();
    let rotated: Vec<Value> = events(&world);
    assert!(rotated.len() == 3, "{rotated:#?}");
}

#[test]
fn a_file_that_is_something_else_is_left_alone() {
    let world = world();
    settle(&world, 3);
    let path = world.path("log/events.jsonl");
    fs::write(&path, "dear diary\n").expect("the file can be written");
    let said = tick(&world, 1, &friday(40), 1);
    assert!(said.fails(65).contains("events.jsonl"), "{said:#?}");
    assert_eq!(
        fs::read_to_string(&path).expect("it is there"),
        "dear diary\n"
    );
}
