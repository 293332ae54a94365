//! `decnet demo`

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_emailgen::ledger::{MailDetails, MailFilter, MailLedger, MailSummary};
use decnet_emailgen::random::DeploymentSecret;
use decnet_emailgen::tick::{Pacing, TickSettings};
use decnet_emailgen::world::WorldLedger;
use decnet_realism::pool;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use crate::arguments::DemoArguments;
use crate::commands::emailgen_mails::listing;
use crate::commands::init::shell_word;
use crate::commands::world::progress_bar;
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::jobs;
use crate::output::{bold, one_line, safe_text, say, say_json};
use crate::wiring::{Session, make_passable_dir, run_with_sockets, runtime};
use crate::world_file;

const WORLD: &str = include_str!("../templates/demo_world.toml");
const POOL: &str = include_str!("../templates/demo_pool.json");
/// The story starts this long before its end: mail of two working weeks.
const STORY: TimeDelta = TimeDelta::days(14);
/// Of 100 mails so many start a thread, since 0.6 of all mails are answered and some answers
/// fall after the end.
const THREADS_IN_100: u32 = 44;
/// Mails of the mailbox that is shown.
const SHOWN_MAILS: usize = 12;
/// Moments tried for one thread before nobody is taken to be at work at all.
const MOST_TRIES: u32 = 1_000;

/// Fills the mailboxes of a world of its own, on a simulated clock.
pub(crate) fn run(arguments: &DemoArguments) -> Result<(), Failure> {
    let dir = match &arguments.dir {
        Some(dir) => dir.clone(),
        None => free_name(Path::new("decnet-demo")),
    };
    if dir.exists() && fs::read_dir(&dir).map_or(true, |mut entries| entries.next().is_some()) {
        return Err(Failure::new(
            Kind::CannotCreate,
            format!(
                "{} exists already; name another folder, or remove it",
                dir.display()
            ),
        ));
    }
    let now = arguments.now.unwrap_or_else(environment::now);
    let seed = arguments.seed.unwrap_or_else(environment::random);
    let mut session = make_world(&dir, seed)?;
    let mails = tell_story(&mut session, now, seed, arguments.mails)?;
    session.settings.durable.value = true;
    if arguments.json {
        say_json(&json!({
            "dir": dir,
            "config": dir.join("decnet.toml"),
            "seed": seed,
            "mails": mails,
            "world": session.store.world()?,
        }));
        return Ok(());
    }
    show(&mut session, &dir, mails)
}

/// `name`, or the first of `name-2`, `name-3`, … that does not exist.
fn free_name(name: &Path) -> PathBuf {
    if !name.exists() {
        return name.to_owned();
    }
    (2..)
        .map(|number: u32| PathBuf::from(format!("{}-{number}", name.display())))
        .find(|candidate| !candidate.exists())
        .unwrap_or_else(|| name.to_owned())
}

/// Writes configuration, world file and pool, and applies them.
///
/// The secret follows from the seed: the same demo can be seen again.
fn make_world(dir: &Path, seed: u64) -> Result<Session, Failure> {
    make_passable_dir(dir)?;
    let write = |name: &str, content: &str| {
        let path = dir.join(name);
        fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(content.as_bytes()))
            .map_err(|error| Failure::writing(&path, &error))
    };
    write("world.toml", WORLD)?;
    write(
        "decnet.toml",
        "# Configuration of the demo; paths are relative to this file.\n\
         state_dir = \"state\"\n\
         personas = \"personas.json\"\n",
    )?;
    let _kept = pool::import(POOL, &dir.join("personas.json"))?;
    let mut settings = Settings::load(&Flags {
        config: Some(dir.join("decnet.toml")),
        ..Flags::default()
    })?;
    // The past is simulated at full speed; a power cut only costs a demo.
    settings.durable.value = false;
    settings.lease.value = Duration::from_secs(600);
    settings.llm.switch_off();
    let world = world_file::read(&dir.join("world.toml"))?;
    for spec in &world.change.deckies {
        let decnet_activity_driver::decky::Transport::Local(folders) = &spec.decky.transport;
        fs::create_dir_all(&folders.root)
            .map_err(|error| Failure::writing(&folders.root, &error))?;
    }
    let secret = || DeploymentSecret::new(ChaCha8Rng::seed_from_u64(seed).random());
    let mut session = Session::open_as(settings, true, secret)?;
    session.store.apply(&world.change, false, &mut |_| {})?;
    session.sync_pool()?;
    Ok(session)
}

/// Lives through two weeks: threads start at random moments, and answers come when they are due.
/// Answers how many mails were written.
fn tell_story(
    session: &mut Session,
    now: DateTime<Utc>,
    seed: u64,
    mails: u32,
) -> Result<usize, Failure> {
    let threads = (mails * THREADS_IN_100).div_ceil(100).max(1);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let span = STORY.num_milliseconds();
    let mut moments: Vec<_> = (0..threads).map(|_| rng.random_range(0..span)).collect();
    moments.sort_unstable();
    let bar = progress_bar(u64::from(mails));
    let runtime = runtime()?;
    let settings_of_jobs = Arc::new(session.settings.clone());
    let mut written = 0;
    let mut remembered_until = now.date_naive();
    let mut advance = |session: &mut Session, settings: &TickSettings| {
        let report = runtime.block_on(session.tick(async |tick| tick.run(settings).await))??;
        super::emailgen_tick::failure_of(&report)?;
        written += report.delivered.len();
        bar.set_position(written as u64);
        Ok::<_, Failure>(report.delivered.len())
    };
    let replies_until = |session: &Session, moment| TickSettings {
        pacing: Pacing::RepliesOnly,
        ..session.tick_settings(moment, seed, decnet_emailgen::tick::MOST_IN_A_GROUP)
    };
    for moment in moments {
        let mut moment = now - STORY + TimeDelta::milliseconds(moment);
        // Nobody speaks of what was written the same day as of something remembered.
        if remembered_until != moment.date_naive() {
            remembered_until = moment.date_naive();
            run_with_sockets(jobs::work_off(&settings_of_jobs))?;
        }
        for _ in 0..MOST_TRIES {
            let settings = replies_until(session, moment);
            // An answer may be answered again before the moment comes.
            while advance(session, &settings)? > 0 {}
            let settings = session.tick_settings(moment, seed, 1);
            if advance(session, &settings)? > 0 {
                break;
            }
            // Nobody is at work: later the same day, or the next morning.
            moment += TimeDelta::milliseconds(rng.random_range(0..6 * 3_600_000));
            if moment > now {
                break;
            }
        }
    }
    let settings = replies_until(session, now);
    while advance(session, &settings)? > 0 {}
    run_with_sockets(jobs::work_off(&settings_of_jobs))?;
    bar.finish_and_clear();
    Ok(written)
}

fn show(session: &mut Session, dir: &Path, mails: usize) -> Result<(), Failure> {
    let world = session.store.world()?;
    say(&format!(
        "Two weeks of mail between {} people: {mails} messages in {}\n",
        world
            .lists
            .iter()
            .map(|list| list.personas.len())
            .sum::<usize>(),
        dir.display()
    ));
    let all = session.store.mails(&MailFilter::default())?;
    let shown_list = world.lists.first();
    let people: Vec<&str> = shown_list
        .iter()
        .flat_map(|list| &list.personas)
        .map(|view| view.persona.email.as_str())
        .collect();
    let shown = busiest(&all, &people).map(|address| {
        let inbox: Vec<MailSummary> = all
            .iter()
            .filter(|mail| mail.to == address)
            .cloned()
            .collect();
        (address, inbox)
    });
    if let Some((address, inbox)) = &shown {
        say(&bold(&format!("INBOX of {address}, newest first")));
        say(&listing(inbox.get(..SHOWN_MAILS).unwrap_or(inbox)));
        if let Some(mail) = worth_showing(session, inbox)? {
            say(&format!(
                "\n{}\nFrom: {} <{}>\nTo: {} <{}>\nDate: {}\nSubject: {}\n\n{}",
                bold("One of them"),
                one_line(&mail.from_name),
                one_line(&mail.summary.from),
                one_line(&mail.to_name),
                one_line(&mail.summary.to),
                mail.summary.sent_at.to_rfc2822(),
                one_line(&mail.summary.subject),
                safe_text(&mail.text)
            ));
        }
    }
    let config = shell_word(&dir.join("decnet.toml"));
    let program = program();
    say(&format!("\n{}", bold("Maildirs")));
    for list in &world.lists {
        for person in &list.personas {
            if let (Some(decky), Some(login)) = (&person.mailbox_on, &person.login) {
                say(&format!(
                    "  {:<42} {}",
                    person.persona.email.as_str(),
                    dir.join("decoys")
                        .join(decky)
                        .join("home")
                        .join(login)
                        .join("Maildir")
                        .display()
                ));
            }
        }
    }
    say(&format!(
        "\n{}\n  {program} --config {config} emailgen list\n  {program} --config {config} emailgen tick\n  {program} --config {config} memory list\n  {program} --config {config} world show\n  {program} --config {config} doctor",
        bold("Go on from here")
    ));
    Ok(())
}

/// How this program was called.
fn program() -> String {
    std::env::args_os().next().map_or_else(
        || "decnet".to_owned(),
        |program| shell_word(Path::new(&program)),
    )
}

/// Who of these people got most mail.
fn busiest(mails: &[MailSummary], people: &[&str]) -> Option<String> {
    let received = |address: &&&str| mails.iter().filter(|mail| mail.to == ***address).count();
    people
        .iter()
        .max_by_key(received)
        .map(|address| (*address).to_owned())
}

/// The newest reply that is neither a line nor a page long.
fn worth_showing(
    session: &mut Session,
    inbox: &[MailSummary],
) -> Result<Option<MailDetails>, Failure> {
    for summary in inbox.iter().filter(|mail| mail.id != mail.thread) {
        let Some(mail) = session.store.mail(summary.id)? else {
            continue;
        };
        if (400..1_200).contains(&mail.text.chars().count()) {
            return Ok(Some(mail));
        }
    }
    Ok(None)
}
