//! Ticks that die anywhere, and one that sleeps too long: every mail arrives once.

use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use decnet_tests::binary::Outcome;
use decnet_tests::dovecot::Dovecot;
use decnet_tests::draw::Draw;
use decnet_tests::office::{
    SUNDAY_BEFORE, disk_and_ledger_agree, finish, friday, nothing_is_left, office, settle, tick,
    tick_arguments,
};
use decnet_tests::process::{self, Killed};
use decnet_tests::wait::until;
use decnet_tests::world::World;

/// Processes that must have died of SIGKILL.
const KILLS: u64 = 300;
/// Ticks at a time.
const WORKERS: u64 = 8;
/// Longest life of a tick, in microseconds: some die before they have opened the database.
const LONGEST_LIFE: u64 = 600_000;
const SEED: u64 = 20_260_306;
const SETTINGS: &str = "[emailgen]\nlease = \"2s\"\n";

/// Two deckies, people who are always at work.
fn world() -> World {
    World::new(
        &office(&[
            ("Ana Ruiz", "mx1"),
            ("Ben Cole", "mx1"),
            ("Cara Diaz", "mx2"),
            ("Dan Eames", "mx2"),
            ("Eva Foster", "mx1"),
        ]),
        SETTINGS,
    )
}

#[test]
fn ticks_that_are_killed_anywhere_lose_and_repeat_nothing() {
    let world = world();
    settle(&world, 5);
    let dovecot = Dovecot::serve(&world);
    let addresses: Vec<String> = world.mailboxes().into_iter().map(|m| m.address).collect();
    let kills = AtomicU64::new(0);
    let over = AtomicBool::new(false);
    let complaints = thread::scope(|scope| {
        let (world, kills, over, dovecot) = (&world, &kills, &over, &dovecot);
        let readers: Vec<_> = addresses
            .chunks(3)
            .map(|addresses| scope.spawn(move || read(dovecot, addresses, over)))
            .collect();
        let ends = EndsReaders(over);
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| scope.spawn(move || work(world, worker, kills)))
            .collect();
        let complaints: Vec<String> = workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("the worker ends"))
            .collect();
        drop(ends);
        for reader in readers {
            reader.join().expect("the mail server goes on serving");
        }
        complaints
    });
    assert!(kills.into_inner() >= KILLS);
    assert_eq!(
        complaints,
        Vec::<String>::new(),
        "what surviving ticks said"
    );
    finish(&world);
    let errors = dovecot.errors();
    // A listing that runs while somebody renames a file may miss the file: so it is with every
    // Maildir, and the server says that it found the message again, or under two numbers.
    let known = ["Expunged message reappeared", "Duplicate file entry"];
    let unexpected: Vec<&str> = errors
        .lines()
        .filter(|line| !known.iter().any(|known| line.contains(known)))
        .collect();
    assert_eq!(unexpected, [] as [&str; 0]);
    drop(dovecot);
    let mails = world.mails();
    let taken_over = mails
        .iter()
        .filter(|mail| mail["attempts"].as_u64() > Some(1));
    let (taken_over, count) = (taken_over.count(), mails.len());
    assert!(
        taken_over >= 5 && count >= 100,
        "{taken_over} of {count} mails were taken over"
    );
    disk_and_ledger_agree(&world);
    nothing_is_left(&world);
    the_database_is_whole(&world);
}

/// Ends the readers also when a worker panics.
struct EndsReaders<'a>(&'a AtomicBool);

impl Drop for EndsReaders<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Starts ticks and kills them until enough have died. Answers what was on standard error.
fn work(world: &World, worker: u64, kills: &AtomicU64) -> Vec<String> {
    let mut draw = Draw::new(SEED ^ worker);
    let mut complaints = Vec::new();
    let mut round = 0;
    while kills.load(Ordering::Relaxed) < KILLS {
        round += 1;
        // Most are in the middle of some mail for as long as they live.
        let (count, group) = [(1, 1), (1_000, 1), (1_000, 4), (1_000, 32)][draw.below(4) as usize];
        let seed = draw.next_number() >> 1;
        let mut child = world
            .decnet
            .start(tick_arguments(seed, &friday(round), count, group));
        let life = Duration::from_micros(draw.below(LONGEST_LIFE));
        thread::sleep(life);
        child.kill().expect("it is our child");
        let output = child.wait_with_output().expect("it ends");
        if output.status.signal() == Some(9) {
            kills.fetch_add(1, Ordering::Relaxed);
        }
        let ended = Outcome::from_output("tick".to_owned(), output);
        if !ended.stderr.is_empty() || !matches!(ended.code, None | Some(0)) {
            complaints.push(format!("{:?} {}", ended.code, ended.stderr));
        }
    }
    complaints
}

/// Reads and flags mail, as an intruder with a mail program would, so that files are renamed.
fn read(dovecot: &Dovecot, addresses: &[String], over: &AtomicBool) {
    let mut clients: Vec<_> = addresses.iter().map(|who| dovecot.login(who)).collect();
    let mut round = 0_u32;
    while !over.load(Ordering::Relaxed) {
        round += 1;
        for imap in &mut clients {
            for folder in ["INBOX", "Sent"] {
                let count = imap.select(folder);
                if count > 0 {
                    let sign = if round.is_multiple_of(3) { '-' } else { '+' };
                    let first = count.saturating_sub(15).max(1);
                    imap.store(&format!("{first}:*"), &format!("{sign}FLAGS (\\Flagged)"));
                }
            }
        }
    }
}

fn the_database_is_whole(world: &World) {
    let doctor = world.decnet.json(["doctor", "--json"]);
    assert_eq!(doctor["problems"], 0, "{doctor:#}");
    world.the_database_is_whole();
}

#[test]
fn a_tick_that_slept_past_its_lease_repeats_nothing() {
    let world = world();
    settle(&world, 5);
    finish(&world);
    let mut draw = Draw::new(SEED);
    let mut overtaken = 0;
    for round in 0..40_u64 {
        let seed = draw.next_number() >> 1;
        let now = friday(500 + round);
        let before = world.mails().len();
        let mut sleeper = Killed(world.decnet.start(tick_arguments(seed, &now, 96, 16)));
        thread::sleep(Duration::from_micros(draw.below(LONGEST_LIFE)));
        if sleeper.0.try_wait().expect("it is our child").is_some() {
            continue;
        }
        process::signal(&sleeper.0, "STOP");
        until("it is stopped, or had ended", || {
            matches!(process::state(&sleeper.0), Some('T' | 'Z')).then_some(())
        });
        // It may sleep while it holds the database; then nobody can take anything over.
        let holds = world.mails().len() > before && !world.unfinished().is_empty();
        if holds {
            taken_over(&world);
            overtaken += 1;
        }
        process::signal(&sleeper.0, "CONT");
        let ended = sleeper.0.wait().expect("it ends");
        assert!(ended.code().is_some(), "{ended:?}");
        if overtaken >= 5 {
            break;
        }
    }
    assert!(overtaken >= 3, "{overtaken} ticks slept with mail in hand");
    finish(&world);
    disk_and_ledger_agree(&world);
    nothing_is_left(&world);
    the_database_is_whole(&world);
}

/// Ticks until somebody else has delivered what the sleeper holds.
fn taken_over(world: &World) {
    let start = Instant::now();
    loop {
        let ended = tick(world, 2, SUNDAY_BEFORE, 128);
        // The sleeper may have the write lock; it is continued then.
        if ended.code == Some(75) || world.unfinished().is_empty() {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{ended:#?}");
    }
}
