//! `decnet run`: everything in one process, and what it tells those who look after it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use decnet_tests::logs::ended;
use decnet_tests::office::{disk_and_ledger_agree, office};
use decnet_tests::process::{Killed, signal};
use decnet_tests::wait::{PATIENCE, until};
use decnet_tests::world::{World, text};
use serde_json::Value;

const TRY_AGAIN: i32 = 75;
const USAGE: i32 = 64;
const CONFIGURATION: i32 = 78;
/// Time to stop in when nothing long is under way, as a service manager would want it.
const STOPS_WITHIN: Duration = Duration::from_secs(5);

const SETTINGS: &str = "[emailgen]\ninterval = \"50ms\"\nlease = \"5s\"\n\
    [heal]\ninterval = \"100ms\"\nlease = \"5s\"\n\
    [[sessions.source]]\nkind = \"cowrie\"\npath = \"cowrie.json\"\ndecky = \"mx1\"\n";

/// People who are always at work, since it goes by the real clock.
fn world(settings: &str) -> World {
    let people = [
        ("Ana Ruiz", "mx1"),
        ("Ben Cole", "mx1"),
        ("Cara Diaz", "mx2"),
    ];
    let daily = office(&people).replace("role = ", "workdays = \"daily\"\nrole = ");
    World::new(&daily, settings)
}

fn health(world: &World) -> Option<Value> {
    let read = fs::read_to_string(world.path("state/run.json")).ok()?;
    Some(serde_json::from_str(&read).expect("it is written whole"))
}

/// Waits until each of these parts has ticked.
fn wait_for_parts(world: &World, names: &[&str]) -> Value {
    until("every part ticks", || {
        let health = health(world)?;
        let parts = health["parts"].as_array()?.clone();
        let found: Vec<&str> = parts.iter().map(|part| text(&part["name"])).collect();
        assert_eq!(found, names, "{health:#}");
        parts
            .iter()
            .all(|part| part["ticks"].as_u64() > Some(0))
            .then_some(health)
    })
}

fn findings(world: &World) -> String {
    let report = world.decnet.run(["doctor", "--json"]).json();
    let findings = report["findings"].as_array().expect("a list").iter();
    let of_run = findings.filter(|of| text(&of["subject"]).starts_with("run"));
    of_run.map(Value::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_part_works_and_all_end_in_order() {
    for name in ["TERM", "INT"] {
        let world = world(SETTINGS);
        let mut running = Killed(world.decnet.start(["run"]));
        let health = wait_for_parts(&world, &["mail", "sessions", "heal", "worker"]);
        assert_eq!(health["pid"], running.0.id(), "{health:#}");
        let file = fs::metadata(world.path("state/run.json")).expect("it is there");
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        until("mail is written, and a backup made", || {
            let checked = world.decnet.json(["db", "check", "--json"]);
            (world.mails().len() > 5 && !checked["newest_backup"].is_null()).then_some(())
        });
        let found = findings(&world);
        assert!(found.contains("mail, sessions, heal, worker"), "{found}");
        let second = world.decnet.run(["run"]);
        let process = format!("process {}", running.0.id());
        assert!(second.fails(TRY_AGAIN).contains(&process), "{second:#?}");

        let told = Instant::now();
        signal(&running.0, name);
        let ended = ended("all of it", &mut running.0).succeeds();
        assert!(told.elapsed() < STOPS_WITHIN, "{:?}", told.elapsed());
        assert_eq!(ended.stderr, "", "{ended:#?}");
        assert!(ended.stdout.starts_with("running mail, "), "{ended:#?}");
        assert!(ended.stdout.contains("\nmail: sent "), "{ended:#?}");
        assert!(ended.stdout.ends_with("stopped\n"), "{ended:#?}");
        assert!(!world.path("state/run.json").exists());
        assert_eq!(findings(&world), "");
        assert_eq!(world.unfinished(), [] as [Value; 0]);
        disk_and_ledger_agree(&world);
    }
}

#[test]
fn a_service_manager_hears_of_start_life_and_end() {
    let world = world("");
    let socket = world.outside().join("notify");
    let manager = UnixDatagram::bind(&socket).expect("a socket can be made");
    manager
        .set_read_timeout(Some(PATIENCE))
        .expect("it is ours");
    let hear = || {
        let mut buffer = [0; 256];
        let length = manager.recv(&mut buffer).expect("it says something");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let mut command = world.decnet.command(["run"]);
    command
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "400000");
    let mut running = Killed(command.spawn().expect("the program starts"));
    assert_eq!(hear(), "READY=1");
    let begun = Instant::now();
    for _ in 0..5 {
        assert_eq!(hear(), "WATCHDOG=1");
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(700),
        "{:?}",
        begun.elapsed()
    );
    // What stands still says nothing, and goes on after.
    signal(&running.0, "STOP");
    manager.set_nonblocking(true).expect("it is ours");
    let mut buffer = [0; 256];
    until("nothing is left to hear", || {
        manager.recv(&mut buffer).err()
    });
    std::thread::sleep(Duration::from_millis(500));
    assert!(manager.recv(&mut buffer).is_err(), "it stands still");
    signal(&running.0, "CONT");
    manager.set_nonblocking(false).expect("it is ours");
    assert_eq!(hear(), "WATCHDOG=1");
    signal(&running.0, "TERM");
    until("it stops", || (hear() == "STOPPING=1").then_some(()));
    ended("it", &mut running.0).succeeds();

    // Another process's watchdog is none of its business.
    let mut command = world.decnet.command(["run"]);
    command.env("NOTIFY_SOCKET", &socket);
    command
        .env("WATCHDOG_USEC", "1000")
        .env("WATCHDOG_PID", "1");
    let mut running = Killed(command.spawn().expect("the program starts"));
    until("it is ready", || (hear() == "READY=1").then_some(()));
    wait_for_parts(&world, &["mail", "heal", "worker"]);
    signal(&running.0, "TERM");
    assert_eq!(hear(), "STOPPING=1");
    ended("it", &mut running.0).succeeds();
}

#[test]
fn what_was_killed_is_noticed_and_the_next_start_goes_on() {
    let world = world(SETTINGS);
    let mut running = Killed(world.decnet.start(["run"]));
    wait_for_parts(&world, &["mail", "sessions", "heal", "worker"]);
    running.0.kill().expect("it is our child");
    let _ = running.0.wait();
    let found = findings(&world);
    assert!(
        found.contains("problem") && found.contains("was killed"),
        "{found}"
    );
    let before = world.mails().len();
    let mut running = Killed(world.decnet.start(["run"]));
    until("it goes on", || {
        (world.mails().len() > before + 3).then_some(())
    });
    signal(&running.0, "TERM");
    ended("it", &mut running.0).succeeds();
    assert_eq!(findings(&world), "");
    world.decnet.ok(["db", "check"]);
}

#[test]
fn one_part_that_fails_does_not_end_the_others() {
    let settings = "[backup]\nfolder = \"in-the-way\"\n[emailgen]\ninterval = \"50ms\"\n";
    let world = world(settings);
    fs::write(world.path("in-the-way"), "no folder").expect("it is ours");
    let mut running = Killed(world.decnet.start(["run", "--without", "heal"]));
    let health = wait_for_parts(&world, &["mail", "worker"]);
    let worker = &health["parts"][1];
    assert!(
        text(&worker["failure"]).contains("in-the-way"),
        "{health:#}"
    );
    assert!(health["parts"][0]["failure"].is_null(), "{health:#}");
    until("mail is written", || {
        (world.mails().len() > 3).then_some(())
    });
    let found = findings(&world);
    assert!(found.contains("run worker"), "{found}");
    signal(&running.0, "TERM");
    let ended = ended("it", &mut running.0).succeeds();
    assert!(ended.stderr.contains("decnet: worker: "), "{ended:#?}");
}

#[test]
fn parts_are_left_out_by_flag_and_by_configuration() {
    let world = world("[run]\nwithout = [\"heal\", \"worker\"]\n");
    let mut running = Killed(world.decnet.start(["run"]));
    wait_for_parts(&world, &["mail"]);
    signal(&running.0, "TERM");
    ended("it", &mut running.0).succeeds();
    let flags = ["run", "--without", "mail", "--without", "heal"];
    let mut running = Killed(world.decnet.start(flags));
    wait_for_parts(&world, &["worker"]);
    signal(&running.0, "TERM");
    ended("it", &mut running.0).succeeds();
    assert_eq!(
        world.decnet.run(["run", "--without", "cats"]).code,
        Some(USAGE)
    );
    let all = ["mail", "sessions", "heal", "worker"].map(|part| ["--without", part]);
    let nothing = world.decnet.run(["run"].iter().chain(all.as_flattened()));
    assert!(nothing.fails(CONFIGURATION).contains("nothing is left"));
    let world = World::unapplied("", "[run]\nwithout = [\"cats\"]\n");
    let unknown = world.decnet.run(["run"]);
    assert!(
        unknown
            .fails(CONFIGURATION)
            .contains("mail, sessions, heal, worker"),
        "{unknown:#?}"
    );
}

#[test]
fn a_second_signal_ends_it_at_once() {
    // A processor that is busy for long is waited for.
    let world = world("[emailgen]\ninterval = \"1h\"\n");
    let mut running = Killed(world.decnet.start(["run"]));
    wait_for_parts(&world, &["mail", "heal", "worker"]);
    signal(&running.0, "STOP");
    signal(&running.0, "TERM");
    signal(&running.0, "INT");
    signal(&running.0, "CONT");
    let told = Instant::now();
    let ended = ended("it", &mut running.0);
    assert!(told.elapsed() < STOPS_WITHIN, "{:?}", told.elapsed());
    assert!(ended.fails(TRY_AGAIN).contains("at once"), "{ended:#?}");
    let mut again = Killed(world.decnet.start(["run"]));
    wait_for_parts(&world, &["mail", "heal", "worker"]);
    signal(&again.0, "TERM");
    ended_in_order(&mut again);
}

fn ended_in_order(running: &mut Killed) {
    let ended = ended("it", &mut running.0).succeeds();
    assert!(ended.stdout.ends_with("stopped\n"), "{ended:#?}");
}
