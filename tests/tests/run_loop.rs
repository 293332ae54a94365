//! `decnet emailgen run`: ticks until it is told to stop.

use std::time::{Duration, Instant};

use decnet_tests::binary::Outcome;
use decnet_tests::office::{disk_and_ledger_agree, office};
use decnet_tests::process::{Killed, signal};
use decnet_tests::wait::until;
use decnet_tests::world::World;

/// Time to stop in, as a service manager would want it.
const STOPS_WITHIN: Duration = Duration::from_secs(2);

/// People who are always at work, since the loop goes by the real clock.
fn world() -> World {
    let people = [
        ("Ana Ruiz", "mx1"),
        ("Ben Cole", "mx1"),
        ("Cara Diaz", "mx2"),
    ];
    let daily = office(&people).replace("role = ", "workdays = \"daily\"\nrole = ");
    World::new(&daily, "[emailgen]\nlease = \"5s\"\n")
}

fn start(world: &World) -> Killed {
    Killed(
        world
            .decnet
            .start(["emailgen", "run", "--interval", "50ms"]),
    )
}

fn wait_for_mails(world: &World, count: usize) {
    until("the loop writes", || {
        (world.mails().len() >= count).then_some(())
    });
}

/// Sends the signal and answers how the loop ended.
fn stop(mut running: Killed, name: &str) -> Outcome {
    let start = Instant::now();
    signal(&running.0, name);
    let code = running.0.wait().expect("it ends").code();
    let took = start.elapsed();
    assert!(took < STOPS_WITHIN, "{took:?} after {name}");
    let read = |pipe: &mut dyn std::io::Read| {
        let mut text = String::new();
        pipe.read_to_string(&mut text).expect("its output is text");
        text
    };
    let stdout = running.0.stdout.take().map(|mut pipe| read(&mut pipe));
    let stderr = running.0.stderr.take().map(|mut pipe| read(&mut pipe));
    Outcome {
        command: "emailgen run".to_owned(),
        code,
        stdout: stdout.unwrap_or_default(),
        stderr: stderr.unwrap_or_default(),
    }
}

#[test]
fn it_stops_when_told_and_leaves_nothing_half_done() {
    for name in ["TERM", "INT"] {
        let world = world();
        let running = start(&world);
        wait_for_mails(&world, 5);
        let ended = stop(running, name);
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{ended:#?}"
        );
        assert!(ended.stdout.ends_with("stopped\n"), "{ended:#?}");
        assert_eq!(world.unfinished(), [] as [serde_json::Value; 0]);
        disk_and_ledger_agree(&world);
    }
}

#[test]
fn it_stops_while_it_waits_for_the_next_tick() {
    let world = world();
    let running = Killed(world.decnet.start(["emailgen", "run", "--interval", "1h"]));
    wait_for_mails(&world, 1);
    let ended = stop(running, "TERM");
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[test]
fn loops_and_ticks_may_overlap() {
    let world = world();
    let loops = [(); 3].map(|()| start(&world));
    for _ in 0..10 {
        world.decnet.ok(["emailgen", "tick", "--quiet"]);
    }
    wait_for_mails(&world, 40);
    for running in loops {
        let ended = stop(running, "TERM");
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{ended:#?}"
        );
    }
    assert_eq!(world.unfinished(), [] as [serde_json::Value; 0]);
    disk_and_ledger_agree(&world);
}

#[test]
fn a_tick_that_fails_does_not_end_the_loop() {
    let world = world();
    let running = start(&world);
    wait_for_mails(&world, 3);
    let database = world.path("state/decnet.db");
    let hold = "import sqlite3,sys,time\n\
                db=sqlite3.connect(sys.stdin.read(), isolation_level=None)\n\
                db.execute('begin immediate')\n\
                time.sleep(1)\n\
                db.execute('rollback')";
    decnet_tests::python::run(hold, &database.display().to_string());
    wait_for_mails(&world, world.mails().len() + 3);
    let ended = stop(running, "TERM");
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:#?}"
    );
}
