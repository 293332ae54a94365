//! What it costs to decide about targets and to record what was done, beside SQLite and the disk.
//!
//! - `heal_speed records DATABASE COUNT` adds attempts until there are COUNT, and looks at targets
//!   among them and settles some more.
//! - `heal_speed decoys DATABASE COUNT` adds points to the targets `decky-0` and on, and attempts to
//!   a tenth of them.
//! - `heal_speed tick DATABASE` judges all of those.
//!
//! Figures are lines of a name and a number, in seconds unless the name says otherwise.

use std::error::Error;
use std::fs::{self, File};
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use decnet_self_heal::action::{IdempotencyKey, Tier};
use decnet_self_heal::attempt::{Epoch, ErrorCode, ExecutionError};
use decnet_self_heal::decision::Plan;
use decnet_self_heal::engine::Engine;
use decnet_self_heal::executor::{Executor, Order};
use decnet_self_heal::fleet::{Budget, CircuitRule};
use decnet_self_heal::freeze::FreezeRule;
use decnet_self_heal::ledger::{Begun, HealLedger, Held, Intake, Observations, Recorded};
use decnet_self_heal::limits::Limits;
use decnet_self_heal::point::{Point, Trend};
use decnet_self_heal::policies::age::Age;
use decnet_self_heal::policies::stagnation::Stagnation;
use decnet_self_heal::policy::{Episode, Policy, Standing};
use decnet_self_heal::surroundings::{Surrounding, Surroundings, SurroundingsError};
use decnet_self_heal::tick::{HealReport, HealSettings, HealTick};
use decnet_store::{Durability, OpenOptions, Store};
use rusqlite::{Connection, OpenFlags, params};
use serde_json::json;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Targets that attempts are made on.
const TARGETS: usize = 10_000;
/// Seconds between two attempts: the budget of an hour is just kept.
const APART: i64 = 181;
/// Points of each target, five minutes apart.
const POINTS: u64 = 18;
/// Looks at single targets.
const LOOKS: usize = 20_000;
/// Attempts that are begun and settled, each beside a bare write to the disk.
const OUTCOMES: usize = 300;
/// Outcomes whose commits are counted.
const COUNTED: usize = 50;
/// Times that all targets are judged.
const ROUNDS: usize = 5;
/// Bytes of a page, and of one in the write-ahead log.
const PAGE: usize = 4_096;
const FRAME: usize = PAGE + 24;
/// What one transaction adds.
const CHUNK: usize = 10_000;

/// Only the disk sets a limit to how much is done.
const NO_BUDGET: Budget = Budget {
    actions_per_hour: usize::MAX,
};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["records", database, count] => records(Path::new(database), count.parse()?),
        ["decoys", database, count] => decoys(Path::new(database), count.parse()?),
        ["tick", database] => tick(Path::new(database)),
        _ => Err("usage: heal_speed records|decoys|tick DATABASE [COUNT]".into()),
    }
}

/// A Friday morning, when everybody is at work.
fn friday() -> Result<DateTime<Utc>> {
    Ok("2026-03-06T10:00:00Z".parse()?)
}

/// When the attempt of this number begins.
fn beginning_of(number: usize) -> Result<DateTime<Utc>> {
    let from: DateTime<Utc> = "2020-01-01T00:00:00Z".parse()?;
    Ok(from + TimeDelta::seconds(APART * i64::try_from(number)?))
}

fn open(database: &Path, durability: Durability) -> Result<Store> {
    let options = OpenOptions {
        durability,
        ..OpenOptions::default()
    };
    Ok(Store::open(database, options)?)
}

fn print(name: &str, value: f64) {
    println!("{name} {value}");
}

// Single targets in a ledger of many attempts.

fn records(database: &Path, count: usize) -> Result<()> {
    let mut store = open(database, Durability::ProcessOnly)?;
    let newest = store.attempts(&newest_attempt())?;
    let made = newest
        .first()
        .map_or(0, |attempt| usize::try_from(attempt.id.0).unwrap_or(0));
    for number in made..count {
        let at = beginning_of(number)?;
        let plan = plan(&name_of(number % TARGETS), number / TARGETS + 1);
        let held = begin(&mut store, &plan, Budget::default(), at)?;
        settle(&mut store, &held, at + TimeDelta::seconds(2))?;
    }
    let now = beginning_of(count.max(made))?;
    observe(&mut store, count.max(made) / TARGETS + 1, now)?;
    look_at_targets(&mut store, database, now)?;
    drop(store);
    settle_outcomes(database, count.max(made), now)
}

fn newest_attempt() -> decnet_self_heal::ledger::AttemptFilter {
    decnet_self_heal::ledger::AttemptFilter {
        limit: 1,
        ..Default::default()
    }
}

fn name_of(target: usize) -> String {
    format!("mail{target:05}")
}

/// The plan of a thread, as the policy of stagnation makes it.
fn plan(target: &str, epoch: usize) -> Plan {
    let tier = Tier::Three;
    Plan {
        policy: Stagnation::NAME.to_owned(),
        target: target.to_owned(),
        tier,
        action: tier.action(),
        key: IdempotencyKey::of(target, tier.action(), tier),
        epoch: Epoch(i64::try_from(epoch).unwrap_or(i64::MAX)),
        stagnation: Some(0.85),
        trend: Some(Trend {
            samples: 18,
            impressions: 4_000,
            engagements: 30,
            resets: 0,
        }),
        last_change: None,
    }
}

fn begin(store: &mut Store, plan: &Plan, budget: Budget, at: DateTime<Utc>) -> Result<Held> {
    let lease = at + TimeDelta::minutes(10);
    match store.begin(plan, &Limits::default(), budget, at, lease)? {
        Begun::Yes(held) => Ok(*held),
        Begun::Refused(reason) => Err(format!("{}: {reason:?}", plan.target).into()),
    }
}

fn settle(store: &mut Store, held: &Held, at: DateTime<Utc>) -> Result<()> {
    let number = held.attempt.id.0;
    let result = json!({
        "mail": number,
        "message_id": format!("<{number:020x}@mail.northgate.example>"),
        "from": "laura.bennett@northgate.example",
        "to": "tom.oneill@northgate.example",
        "subject": "Parcel for Winmark Retail",
        "repeated": false,
    });
    match store.record_success(held.attempt.id, held.attempt.token, &result, at)? {
        Recorded::Yes => Ok(()),
        Recorded::Overtaken => Err("overtaken by nobody".into()),
    }
}

/// Gives each target points up to `now`, and an episode.
fn observe(store: &mut Store, episode: usize, now: DateTime<Utc>) -> Result<()> {
    let names: Vec<String> = (0..TARGETS).map(name_of).collect();
    let mut points = Vec::with_capacity(TARGETS * POINTS as usize);
    let mut episodes = Vec::with_capacity(TARGETS);
    for name in &names {
        points.extend(trend(now, 240, 2).map(|point| (name.as_str(), point)));
        let episode = Episode {
            number: i64::try_from(episode)?,
            is_stale: true,
            since: now - TimeDelta::hours(1),
        };
        episodes.push((Stagnation::NAME.to_owned(), name.clone(), episode));
    }
    store.take_in(&Intake {
        points: &points,
        keep_for: Some(TimeDelta::hours(3)),
        ..Intake::default()
    })?;
    let seen = Observations {
        episodes,
        ..Observations::default()
    };
    Ok(store.record_observations(&seen, now)?)
}

/// Points of the last 90 minutes, with so much more in each.
fn trend(now: DateTime<Utc>, impressions: u64, engagements: u64) -> impl Iterator<Item = Point> {
    (0..POINTS).map(move |number| Point {
        at: now - TimeDelta::minutes(5) * i32::try_from(POINTS - number).unwrap_or(i32::MAX),
        impressions: 1_000 + impressions * number,
        engagements: 50 + engagements * number,
    })
}

/// Decides about targets one by one: everything that is known of each is looked up.
fn look_at_targets(store: &mut Store, database: &Path, now: DateTime<Utc>) -> Result<()> {
    let (stagnation, age) = (Stagnation::default(), Age::default());
    let policies: [&dyn Policy; 2] = [&stagnation, &age];
    let view = Engine::view(&policies, now);
    let freeze = FreezeRule::default();
    let mut fleets = Vec::new();
    for _ in 0..LOOKS / 10 {
        let start = Instant::now();
        let fleet = store.fleet(now - Budget::SPAN, now)?;
        let presences = store.presences(now - freeze.horizon())?;
        black_box(freeze.frozen(&presences, now));
        black_box(fleet);
        fleets.push(start.elapsed().as_secs_f64());
    }
    let fleet = store.fleet(now - Budget::SPAN, now)?;
    let frozen = freeze.frozen(&[], now);
    let (mut looked, mut judged) = (Vec::new(), Vec::new());
    let mut evaluate = |name: &str| -> Result<()> {
        let start = Instant::now();
        let known = store.target(name, view)?.ok_or("a target is lost")?;
        let found = start.elapsed();
        let mut engine = Engine::new(&policies, &fleet, &frozen, now);
        engine.judge(&known, decoy(now - TimeDelta::hours(5)));
        let judgement = engine.conclude(&CircuitRule::default(), Budget::default());
        judged.push(start.elapsed().as_secs_f64());
        looked.push(found.as_secs_f64());
        let decision = judgement.verdicts.first().map(|verdict| &verdict.decision);
        if decision.is_none_or(|decision| decision.plan().is_none()) {
            return Err(format!("{name}: {decision:?}").into());
        }
        Ok(())
    };
    let bare = BareLooks::of(database)?;
    let mut bare_looks = Vec::new();
    for name in names_to_look_at() {
        evaluate(&name)?;
        let start = Instant::now();
        bare.target(&name, now)?;
        bare_looks.push(start.elapsed().as_secs_f64());
    }
    print("evaluate_s", median(&mut judged));
    print("evaluate_worst_percent_s", quantile(&mut judged, 0.99));
    print("look_up_s", median(&mut looked));
    print("bare_look_up_s", median(&mut bare_looks));
    print("fleet_s", median(&mut fleets));
    Ok(())
}

/// A decoy that has mail and somebody at work.
fn decoy(last_change: DateTime<Utc>) -> Surrounding {
    Surrounding {
        last_change: Some(last_change),
        standing: Standing::Decoy { owner_active: true },
    }
}

/// Targets in an order that no page cache is made for.
fn names_to_look_at() -> impl Iterator<Item = String> {
    (0..LOOKS).map(|number| name_of(number * 7_919 % TARGETS))
}

/// Begins and settles attempts, durably, each beside a write of as many bytes.
fn settle_outcomes(database: &Path, made: usize, now: DateTime<Utc>) -> Result<()> {
    let mut store = open(database, Durability::Full)?;
    // None that is made while the ledger grows on.
    let epoch = 1_000_000 + made;
    // Those whose last attempt is longest ago.
    let mut plans = (0..TARGETS).map(|number| plan(&name_of((made + number) % TARGETS), epoch));
    let mut held = |store: &mut Store| -> Result<Held> {
        let plan = plans.next().ok_or("there are too few targets")?;
        begin(store, &plan, NO_BUDGET, now)
    };
    let (commits, frames) = {
        // Somebody who reads keeps the log from beginning anew, so that all frames are in it.
        let reader = Connection::open(database)?;
        let held: Vec<Held> = (0..COUNTED)
            .map(|_| held(&mut store))
            .collect::<Result<_>>()?;
        reader.execute_batch("BEGIN; SELECT id FROM heal_fleet;")?;
        let before = written(database)?;
        for held in &held {
            settle(&mut store, held, now)?;
        }
        let after = written(database)?;
        let each = |after: usize, before: usize| (after - before) as f64 / COUNTED as f64;
        (each(after.0, before.0), each(after.1, before.1))
    };
    let bytes = vec![7; frames.ceil() as usize * FRAME];
    let disk = BareDisk::of(&database.with_extension("bare"), bytes.len())?;
    let (mut begins, mut outcomes, mut syncs) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..OUTCOMES {
        let start = Instant::now();
        let held = held(&mut store)?;
        begins.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        settle(&mut store, &held, now)?;
        outcomes.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        disk.write(number, &bytes)?;
        syncs.push(start.elapsed().as_secs_f64());
    }
    print("commits", commits);
    print("pages", frames);
    print("begin_s", median(&mut begins));
    print("outcome_s", median(&mut outcomes));
    print("outcome_mean_s", mean(&outcomes));
    print("sync_s", median(&mut syncs));
    print("sync_mean_s", mean(&syncs));
    fs::remove_file(&disk.path)?;
    Ok(())
}

/// Commits and frames in the write-ahead log of a database.
fn written(database: &Path) -> Result<(usize, usize)> {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    let log = fs::read(PathBuf::from(name))?;
    // Frames of the present round have the salts of the header; the last of a commit says how many
    // pages the database has then.
    let salts = log.get(16..24).ok_or("there is no write-ahead log")?;
    let frames = log.get(32..).unwrap_or_default().chunks_exact(FRAME);
    let mut counted = (0, 0);
    for frame in frames.take_while(|frame| frame.get(8..16) == Some(salts)) {
        counted.1 += 1;
        counted.0 += usize::from(frame.get(4..8) != Some(&[0; 4]));
    }
    Ok(counted)
}

/// A file that is written to again and again, as the write-ahead log is.
struct BareDisk {
    path: PathBuf,
    file: File,
    places: usize,
}

impl BareDisk {
    fn of(path: &Path, bytes: usize) -> Result<Self> {
        let places = (128 * FRAME / bytes.max(1)).max(1);
        let file = File::create(path)?;
        file.write_all_at(&vec![0; places * bytes], 0)?;
        file.sync_all()?;
        Ok(Self {
            path: path.to_owned(),
            file,
            places,
        })
    }

    fn write(&self, number: usize, bytes: &[u8]) -> Result<()> {
        let place = number % self.places * bytes.len();
        self.file.write_all_at(bytes, place as u64)?;
        Ok(self.file.sync_data()?)
    }
}

// All targets at once.

/// Nine in ten are looked at by nobody; the tenth was nudged in this episode.
fn decoys(database: &Path, count: usize) -> Result<()> {
    let now = friday()?;
    let mut store = open(database, Durability::ProcessOnly)?;
    let names: Vec<String> = (0..count).map(|number| format!("decky-{number}")).collect();
    for (chunk, names) in names.chunks(CHUNK).enumerate() {
        let mut points = Vec::with_capacity(names.len() * POINTS as usize);
        for (number, name) in names.iter().enumerate() {
            let added = match (chunk * CHUNK + number).is_multiple_of(10) {
                true => (20, 2),
                false => (0, 0),
            };
            points.extend(trend(now, added.0, added.1).map(|point| (name.as_str(), point)));
        }
        store.take_in(&Intake {
            points: &points,
            ..Intake::default()
        })?;
    }
    for (number, name) in names.iter().step_by(10).enumerate() {
        let tier = Tier::One;
        let plan = Plan {
            tier,
            action: tier.action(),
            key: IdempotencyKey::of(name, tier.action(), tier),
            ..plan(name, 1)
        };
        let ago = TimeDelta::seconds(APART * i64::try_from(number % 1_000)?);
        let at = now - TimeDelta::days(1) - ago;
        let held = begin(&mut store, &plan, NO_BUDGET, at)?;
        settle(&mut store, &held, at)?;
    }
    Ok(())
}

fn tick(database: &Path) -> Result<()> {
    let now = friday()?;
    let mut store = open(database, Durability::Full)?;
    let first = timed(|| run(&mut store, now, true))?;
    let (mut runs, mut previews, mut old_ones) = (Vec::new(), Vec::new(), Vec::new());
    let mut bare_loops = Vec::new();
    let bare = BareLooks::of(database)?;
    for _ in 0..ROUNDS {
        runs.push(timed(|| run(&mut store, now, true))?);
        previews.push(timed(|| run(&mut store, now, false))?);
        old_ones.push(timed(|| judge_old_ones(&mut store, now))?);
        bare_loops.push(timed(|| bare.everything(now))?);
    }
    print("first_tick_s", first);
    print("tick_s", median(&mut runs));
    print("preview_s", median(&mut previews));
    print("old_s", median(&mut old_ones));
    print("bare_loop_s", median(&mut bare_loops));
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

/// One tick, or a look at what it would do, that finds nothing to do.
fn run(store: &mut Store, now: DateTime<Utc>, writes: bool) -> Result<()> {
    let mut decoys = Decoys {
        unchanged_for: TimeDelta::hours(5),
    };
    let report = judge(store, &mut decoys, (now, Budget::default()), writes)?;
    check(&report, "no_traffic")
}

/// A look at decoys that have not changed for days: most deserve something, for which there is no
/// budget.
fn judge_old_ones(store: &mut Store, now: DateTime<Utc>) -> Result<()> {
    let mut decoys = Decoys {
        unchanged_for: TimeDelta::days(4),
    };
    let budget = Budget {
        actions_per_hour: 0,
    };
    let report = judge(store, &mut decoys, (now, budget), true)?;
    check(&report, "budget_exhausted")
}

fn judge(
    store: &mut Store,
    decoys: &mut Decoys,
    (now, budget): (DateTime<Utc>, Budget),
    writes: bool,
) -> Result<HealReport> {
    let (stagnation, age) = (Stagnation::default(), Age::default());
    let policies: [&dyn Policy; 2] = [&stagnation, &age];
    let mut tick = HealTick {
        ledger: store,
        policies: &policies,
        surroundings: decoys,
        executor: &mut Nobody,
        wall_clock: &|| DateTime::<Utc>::MIN_UTC,
        random: &mut || 0,
        on_execution: &mut |_| {},
    };
    let settings = HealSettings {
        budget,
        ..HealSettings::new(now)
    };
    Ok(match writes {
        true => at_once(tick.run(&settings))??,
        false => tick.preview(&settings)?,
    })
}

/// A tenth was nudged in this episode; the others are left alone for `reason`, and nothing is done.
fn check(report: &HealReport, reason: &str) -> Result<()> {
    let count = |name: &str| {
        let verdicts = report.verdicts.iter();
        let reasons = verdicts.filter_map(|verdict| verdict.decision.reason());
        reasons.filter(|reason| reason.name() == name).count()
    };
    let (all, others) = (report.verdicts.len(), count(reason));
    let nudged = match reason {
        "no_traffic" => count("duplicate_action"),
        // By the policy of age they were not.
        _ => 0,
    };
    if all == 0 || nudged + others != all || !report.executions.is_empty() {
        return Err(format!("{nudged} and {others} of {all} decoys").into());
    }
    Ok(())
}

/// The result of what never has to wait.
fn at_once<T>(work: impl Future<Output = T>) -> Result<T> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Ok(result),
        Poll::Pending => Err("a tick that does nothing waits".into()),
    }
}

/// Decoys that are all alike.
struct Decoys {
    unchanged_for: TimeDelta,
}

impl Surroundings for Decoys {
    fn of(
        &mut self,
        targets: &[&str],
        now: DateTime<Utc>,
    ) -> std::result::Result<Vec<Surrounding>, SurroundingsError> {
        Ok(vec![decoy(now - self.unchanged_for); targets.len()])
    }
}

/// Has nothing to do.
struct Nobody;

#[async_trait]
impl Executor for Nobody {
    async fn execute(
        &mut self,
        order: &Order,
    ) -> std::result::Result<serde_json::Value, ExecutionError> {
        Err(ExecutionError::new(ErrorCode::Other, &order.plan.target))
    }
}

// What SQLite takes for the same look-ups.

/// The statements that a look consists of, with nothing made of their rows.
struct BareLooks {
    connection: Connection,
}

impl BareLooks {
    fn of(database: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Ok(Self {
            connection: Connection::open_with_flags(database, flags)?,
        })
    }

    fn target(&self, name: &str, now: DateTime<Utc>) -> Result<()> {
        let look = self.connection.unchecked_transaction()?;
        let id: i64 = look
            .prepare_cached(
                "SELECT t.id, t.name, t.failures_in_a_row, t.paused_since, p.points
                 FROM heal_target t LEFT JOIN heal_points p ON p.target_id = t.id
                 WHERE t.name = ?1",
            )?
            .query_row([name], |row| {
                black_box(row.get_ref(4)?.as_bytes()?.len());
                row.get(0)
            })?;
        let from = (now - Limits::default().horizon()).timestamp_micros();
        rows(&look, EPISODES, params![id, id])?;
        rows(&look, ATTEMPTS, params![id, id])?;
        rows(&look, BEGINNINGS, params![id, from])?;
        Ok(())
    }

    fn everything(&self, now: DateTime<Utc>) -> Result<()> {
        let look = self.connection.unchecked_transaction()?;
        let from = (now - Limits::default().horizon()).timestamp_micros();
        rows(
            &look,
            "SELECT t.id, t.name, t.failures_in_a_row, t.paused_since, p.points
             FROM heal_target t LEFT JOIN heal_points p ON p.target_id = t.id ORDER BY t.id",
            [],
        )?;
        rows(&look, EPISODES, params![0, i64::MAX])?;
        for id in rows(&look, ATTEMPTS, params![0, i64::MAX])? {
            rows(&look, BEGINNINGS, params![id, from])?;
        }
        Ok(())
    }
}

const EPISODES: &str = "SELECT target_id, policy, number, is_stale, since FROM heal_episode
    WHERE target_id BETWEEN ?1 AND ?2 ORDER BY target_id, policy";
const ATTEMPTS: &str = "SELECT target_id, policy, key, epoch, started_at, tries, status,
           claimable_at, settled_at, error_code, error_detail
    FROM heal_attempt WHERE target_id BETWEEN ?1 AND ?2 AND is_current = 1
    ORDER BY target_id, policy, key";
const BEGINNINGS: &str = "SELECT entry, action, at, seen_ahead_at FROM heal_beginning
    WHERE target_id = ?1 AND at >= ?2";

/// Steps through the rows of a statement; the first column of each.
fn rows(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params)?;
    let mut first = Vec::new();
    while let Some(row) = rows.next()? {
        for column in 1..columns {
            black_box(row.get_ref(column)?);
        }
        first.push(row.get(0)?);
    }
    Ok(first)
}

fn median(times: &mut [f64]) -> f64 {
    quantile(times, 0.5)
}

fn quantile(times: &mut [f64], share: f64) -> f64 {
    times.sort_by(f64::total_cmp);
    let at = (times.len() as f64 * share) as usize;
    times.get(at).copied().unwrap_or(f64::NAN)
}

fn mean(times: &[f64]) -> f64 {
    times.iter().sum::<f64>() / times.len() as f64
}
