//! `decnet worker run`, killed anywhere, beside others, and while mail is written: each mail is
//! remembered once, and each memory is scored once. And one that is suspended past its lease.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use decnet_tests::draw::Draw;
use decnet_tests::killing::{killed_at, strace_works};
use decnet_tests::logs::ended;
use decnet_tests::memories::{all_is_remembered_once, expected, jobs, rows, scores, work_off};
use decnet_tests::misbehaving_server::{Behaviour, MisbehavingServer};
use decnet_tests::office::{friday, office, tick, two_people};
use decnet_tests::process::{Killed, signal, state};
use decnet_tests::wait::until;
use decnet_tests::world::{World, text};

/// Workers that must have died of SIGKILL.
const KILLS: u64 = 300;
/// Workers at a time, at most.
const WORKERS: u64 = 3;
/// Every so many kills it changes how many workers there are at a time.
const PHASE: u64 = 20;
/// Longest life of a worker, in microseconds. Some die before the database is open.
const LONGEST: u64 = 150_000;
/// Jobs that wait at most before no more mail is written.
const BACKLOG: u64 = 900;

/// Workers die, the machine does not, so nothing has to wait for the disk. A job that is in work as
/// its worker is killed has failed, and some are hit often.
const SETTINGS: &str = "durable = false\n\
    [backup]\nenabled = false\n\
    [memory]\nsnapshot_every = \"1s\"\n\
    [worker]\nlease = \"300ms\"\ntries = 1000\nretry_first = \"1ms\"\nretry_longest = \"5ms\"\n";

fn waiting(world: &World) -> u64 {
    let counted = rows(
        world,
        "SELECT count(*) AS open FROM job WHERE due_at IS NOT NULL",
    );
    counted[0]["open"].as_u64().expect("a number")
}

/// Starts workers and kills them, until so many have died.
fn kill_workers(world: &World, kills: &AtomicU64, worker: u64) {
    let mut draw = Draw::new(worker);
    loop {
        let done = kills.load(Ordering::Relaxed);
        if done >= KILLS {
            return;
        }
        // At first it is alone, then there are two, then three, and so on.
        if worker > (done / PHASE) % WORKERS {
            thread::sleep(Duration::from_millis(5));
            continue;
        }
        let mut child = Killed(world.decnet.start(["worker", "run"]));
        thread::sleep(Duration::from_micros(draw.below(LONGEST)));
        child.0.kill().expect("it is our child");
        let status = child.0.wait().expect("it ends");
        assert_eq!(
            status.signal(),
            Some(9),
            "a worker ends only when it is told"
        );
        kills.fetch_add(1, Ordering::Relaxed);
    }
}

/// Writes mail until the workers are through, so that there is always something to do.
fn keep_busy(world: &World, kills: &AtomicU64) {
    let mut round = 100;
    let mut most = 0;
    while kills.load(Ordering::Relaxed) < KILLS {
        let waiting = waiting(world);
        most = most.max(waiting);
        if waiting < BACKLOG {
            round += 1;
            let ended = tick(world, round, &friday(7 * round), 40);
            assert!(matches!(ended.code, Some(0 | 75)), "{ended:#?}");
        }
    }
    println!("up to {most} jobs waited");
    assert!(most > 300, "there was little to do: {most}");
}

#[test]
fn workers_that_are_killed_anywhere_lose_and_repeat_nothing() {
    let people = [
        ("Ana Ruiz", "mx1"),
        ("Ben Cole", "mx1"),
        ("Zoe Hart", "mx2"),
        ("Tom Reed", "mx2"),
    ];
    let world = World::new(&office(&people), SETTINGS);
    for round in 0..3 {
        tick(&world, round, &friday(60 * round), 128).succeeds();
    }
    let kills = AtomicU64::new(0);
    thread::scope(|scope| {
        let (world, kills) = (&world, &kills);
        for worker in 0..WORKERS {
            scope.spawn(move || kill_workers(world, kills, worker));
        }
        keep_busy(world, kills);
    });
    let left = waiting(&world);
    until("nothing waits any more", || {
        work_off(&world);
        // Those who died last hold what they had until their leases run out.
        (waiting(&world) == 0).then_some(())
    });
    let all = jobs(&world);
    let of_kind = |kind: &str| all.iter().filter(|job| text(&job["kind"]) == kind).count();
    assert_eq!(of_kind("memory.remember"), world.mails().len());
    assert_eq!(of_kind("memory.score"), expected(&world).len());
    let hit = |kind: &str| {
        let again = all.iter().filter(|job| job["token"].as_u64() > Some(1));
        again.filter(|job| text(&job["kind"]) == kind).count()
    };
    let (remember, score) = (hit("memory.remember"), hit("memory.score"));
    println!(
        "{remember} of {} and {score} of {} jobs were taken up again, {left} were left in the end",
        of_kind("memory.remember"),
        of_kind("memory.score")
    );
    assert!(
        remember + score > KILLS as usize / 5 && remember > 0 && score > 0,
        "few were killed in the middle of a job"
    );
    all_is_remembered_once(&world);
    let snapshots = rows(&world, "SELECT last_entry FROM memory_snapshot");
    assert!((1..=5).contains(&snapshots.len()), "{snapshots:#?}");
    // What follows from the log is what there is.
    let shown = |world: &World| {
        world
            .decnet
            .json(["memory", "list", "--limit", "0", "--json"])
    };
    let before = shown(&world);
    world.decnet.ok(["memory", "rebuild"]);
    assert_eq!(shown(&world), before);
    world.the_database_is_whole();
}

#[test]
fn a_tick_that_is_killed_at_any_write_loses_and_repeats_nothing() {
    if !strace_works() {
        return;
    }
    let settings = SETTINGS.replace("lease = \"300ms\"", "lease = \"1ms\"");
    let world = World::new(&two_people(), &settings);
    tick(&world, 0, &friday(0), 1).succeeds();
    work_off(&world);
    let mut kills: u32 = 0;
    for time in 1.. {
        tick(&world, u64::from(time), &friday(u64::from(time)), 1).succeeds();
        // Whatever changes the database goes through this call.
        let is_killed = killed_at(&world.decnet, &["worker", "tick"], "pwrite64", time);
        until("nothing waits any more", || {
            work_off(&world);
            (waiting(&world) == 0).then_some(())
        });
        let (found, expected) = (scores(&world).len(), expected(&world).len());
        assert_eq!(found, expected, "after write {time}");
        if !is_killed {
            break;
        }
        kills += 1;
    }
    println!("killed at {kills} writes");
    assert!(kills > 10, "a tick takes more than {kills} writes");
    all_is_remembered_once(&world);
    world.the_database_is_whole();
}

#[test]
fn who_was_suspended_past_the_lease_records_nothing() {
    let server = MisbehavingServer::start(Behaviour::HangBeforeHeader);
    let world = World::new(
        &two_people(),
        &format!(
            "[backup]\nenabled = false\n[worker]\nlease = \"1s\"\n\
             [llm]\nbackend = \"openai\"\nbase_url = \"{}\"\nslots = 8\n",
            server.url()
        ),
    );
    let now = friday(1);
    world
        .decnet
        .ok(["emailgen", "tick", "--llm", "off", "--now", &now]);
    let mut suspended = Killed(world.decnet.start(["worker", "run"]));
    let memories = 2;
    server.wait_for_requests(memories);
    signal(&suspended.0, "STOP");
    until("it is suspended", || {
        (state(&suspended.0) == Some('T')).then_some(())
    });
    server.behave(Behaviour::Text(
        "{\"score\": 1, \"reason\": \"a question\"}",
    ));
    // It holds what it had until its lease runs out; then another one takes it over.
    let mut other = Killed(world.decnet.start(["worker", "run"]));
    let is_scored = |world: &World| {
        let scores = scores(world);
        scores.len() == memories && scores.values().all(|scored| scored.len() == 1)
    };
    until("the other one has scored", || {
        is_scored(&world).then_some(())
    });
    until("every job is done", || {
        let mut all = jobs(&world).into_iter();
        all.all(|job| text(&job["state"]) == "done").then_some(())
    });
    let of_score = |world: &World| {
        let all = jobs(world).into_iter();
        all.filter(|job| text(&job["kind"]) == "memory.score")
            .map(|job| {
                world
                    .decnet
                    .json(["jobs", "show", &job["id"].to_string(), "--json"])
            })
            .collect::<Vec<_>>()
    };
    let done = of_score(&world);
    assert_eq!(done.len(), memories);
    for job in &done {
        assert_eq!(job["token"], 2, "two have held it: {job:#}");
    }
    let kept = rows(&world, "SELECT * FROM memory_log ORDER BY number");

    signal(&suspended.0, "CONT");
    let errors = suspended.0.stderr.take().expect("it is a pipe");
    let said = BufReader::new(errors).lines().map_while(Result::ok);
    let lost = said.filter(|line| line.contains("belongs to somebody else"));
    assert_eq!(lost.take(memories).count(), memories, "it says so");
    server.wait_until_idle();
    signal(&suspended.0, "TERM");
    ended("the suspended worker", &mut suspended.0).succeeds();
    signal(&other.0, "TERM");
    ended("the other worker", &mut other.0).succeeds();
    assert_eq!(of_score(&world), done, "nothing changed");
    let log = rows(&world, "SELECT * FROM memory_log ORDER BY number");
    assert_eq!(log, kept, "nothing was added");
    all_is_remembered_once(&world);
}
