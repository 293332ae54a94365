//! `decnet worker run` and `decnet jobs`: what is done in the background, and what failed for good.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Child;

use decnet_tests::logs::ended;
use decnet_tests::office::two_people;
use decnet_tests::process::{Killed, signal};
use decnet_tests::wait::until;
use decnet_tests::world::{World, text};
use serde_json::Value;

const BAD: i32 = 65;

fn jobs(world: &World, arguments: &[&str]) -> Vec<Value> {
    let arguments = ["jobs", "list", "--limit", "0", "--json"]
        .iter()
        .chain(arguments);
    let listed = world.decnet.json(arguments);
    listed.as_array().expect("a list").clone()
}

fn stop(running: &mut Child) -> String {
    signal(running, "TERM");
    let ended = ended("the worker", running).succeeds();
    assert!(ended.stdout.ends_with("stopped\n"), "{ended:#?}");
    ended.stderr
}

/// A worker that has looked at what is due: as a part of `decnet run` it says so.
fn looked(world: &World) -> Killed {
    let alone = ["run", "--without", "mail", "--without", "heal"];
    let worker = Killed(world.decnet.start(alone));
    until("it has looked", || {
        let health = fs::read_to_string(world.path("state/run.json")).ok()?;
        let health: Value = serde_json::from_str(&health).ok()?;
        health["parts"][0]["last_at"].as_str().map(str::to_owned)
    });
    worker
}

/// How many alerts say that a backup failed.
fn failures(world: &World) -> usize {
    let arguments = ["alerts", "list", "--kind", "backup-failed", "--json"];
    let alerts = world.decnet.json(arguments);
    alerts.as_array().expect("a list").len()
}

/// Waits for a job in this state.
fn wait_for(world: &World, state: &str) -> i64 {
    until(state, || {
        let found = jobs(world, &["--state", state]);
        found.first()?["id"].as_i64()
    })
}

#[test]
fn a_night_has_one_backup_that_the_worker_makes() {
    let world = World::new(&two_people(), "");
    let mut workers = [(); 2].map(|()| Killed(world.decnet.start(["worker", "run"])));
    let id = wait_for(&world, "done");
    let checked = world.decnet.json(["db", "check", "--json"]);
    assert_eq!(checked["newest_backup"]["compared"], true, "{checked:#}");
    for worker in &mut workers {
        assert_eq!(stop(&mut worker.0), "");
    }
    // One that comes later finds nothing to do.
    let mut again = looked(&world);
    assert_eq!(stop(&mut again.0), "");
    let all = jobs(&world, &[]);
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(text(&all[0]["kind"]), "backup.nightly");
    let id = id.to_string();
    for command in ["retry", "discard"] {
        let refused = world.decnet.run(["jobs", command, &id]);
        assert!(refused.fails(BAD).contains("is done"), "{refused:#?}");
    }
    let shown = world.decnet.ok(["jobs", "show", &id]);
    assert!(shown.stdout.contains("backup.nightly"), "{shown:#?}");
    let files = fs::read_dir(world.path("state/backups")).expect("it is there");
    let names = files.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    assert_eq!(names.filter(|name| name.ends_with(".db")).count(), 1);
}

#[test]
fn what_failed_for_good_is_listed_retried_and_discarded() {
    let settings = "[backup]\nfolder = \"backups\"\n[worker]\ntries = 2\nretry_first = \"10ms\"\n\
                    [alerts]\nfile = \"alerts.jsonl\"\n";
    let world = World::new(&two_people(), settings);
    let in_the_way = world.path("backups");
    fs::write(&in_the_way, "no folder").expect("it is ours");
    let mut worker = Killed(world.decnet.start(["worker", "run"]));
    // The folder cannot be read, so nobody knows what is due.
    let mut said = String::new();
    let errors = worker.0.stderr.as_mut().expect("it is a pipe");
    BufReader::new(errors)
        .read_line(&mut said)
        .expect("it can be read");
    assert!(said.contains("backups"), "{said}");
    stop(&mut worker.0);
    assert_eq!(failures(&world), 1);
    let doctor = world.decnet.run(["doctor", "--json"]);
    assert!(
        doctor.stdout.contains("correct backup.folder"),
        "{doctor:#?}"
    );
    fs::remove_file(&in_the_way).expect("it is ours");
    // A folder in the place of its lock: it can be read, and no backup be made.
    fs::create_dir_all(in_the_way.join(".backup.lock")).expect("it is ours");
    let mut worker = Killed(world.decnet.start(["worker", "run"]));
    let id = wait_for(&world, "dead");
    let dead = &jobs(&world, &["--state", "dead", "--kind", "backup.nightly"])[0];
    assert_eq!(dead["failures"], 2, "{dead:#}");
    assert!(text(&dead["error"]).contains(".backup.lock"), "{dead:#}");
    assert!(jobs(&world, &["--kind", "other"]).is_empty());
    let table = world.decnet.ok(["jobs", "list", "--state", "dead"]).stdout;
    assert!(table.contains("backup.nightly"), "{table}");
    assert_eq!(failures(&world), 1, "one alert for all tries of a night");
    let doctor = world.decnet.run(["doctor", "--json"]).stdout;
    assert!(doctor.contains("failed for good"), "{doctor}");

    let number = id.to_string();
    world.decnet.ok(["jobs", "discard", &number]);
    assert_eq!(jobs(&world, &["--state", "discarded"]).len(), 1);
    world.decnet.run(["jobs", "discard", &number]).fails(BAD);
    fs::remove_dir(in_the_way.join(".backup.lock")).expect("it is empty");
    let retried = world.decnet.json(["jobs", "retry", &number, "--json"]);
    assert_eq!(text(&retried["state"]), "waiting");
    assert_eq!(wait_for(&world, "done"), id);
    world.decnet.ok(["db", "check"]);
    stop(&mut worker.0);
    for command in ["show", "retry", "discard"] {
        let unknown = world.decnet.run(["jobs", command, "999"]);
        assert!(unknown.fails(BAD).contains("no job 999"), "{unknown:#?}");
    }
}

#[test]
fn a_worker_that_is_not_to_make_backups_makes_none() {
    let world = World::new(&two_people(), "[backup]\nenabled = false\n");
    let mut worker = looked(&world);
    assert_eq!(stop(&mut worker.0), "");
    assert!(jobs(&world, &[]).is_empty());
    assert!(!world.path("state/backups").exists());
}
