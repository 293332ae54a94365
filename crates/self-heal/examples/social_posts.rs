//! Heals the posts of an account on a social network: the engine has no need of decoys.
//!
//! Posts that are seen and get no reaction get a comment, an edit or a thread, each once and never
//! again, as the engine did that this one descends from. The network fails now and then.
//!
//! `cargo run -p decnet-self-heal --example social_posts`

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use decnet_self_heal::action::Action;
use decnet_self_heal::attempt::{ErrorCode, ExecutionError, Status};
use decnet_self_heal::decision::Reason;
use decnet_self_heal::executor::{Executor, Order};
use decnet_self_heal::ledger::{HealLedger, Intake};
use decnet_self_heal::memory_ledger::MemoryHealLedger;
use decnet_self_heal::point::Point;
use decnet_self_heal::policies::stagnation::{EpochRule, Stagnation};
use decnet_self_heal::surroundings::NoSurroundings;
use decnet_self_heal::tick::{HealReport, HealSettings, HealTick};
use serde_json::{Value, json};

/// Posts, how often each is seen in half an hour, how many of 1,000 viewers react at first, and how
/// many fewer in each half hour after that.
const POSTS: [(&str, u64, u64, u64); 4] = [
    ("launch-day", 900, 80, 0),
    ("changelog", 400, 45, 4),
    ("hiring", 600, 22, 0),
    ("behind-the-scenes", 500, 4, 0),
];
const HALF_HOURS: u64 = 14;

/// Stands in for the client of a network.
#[derive(Default)]
struct Network {
    calls: u64,
}

#[async_trait]
impl Executor for Network {
    async fn execute(&mut self, order: &Order) -> Result<Value, ExecutionError> {
        self.calls += 1;
        if self.calls % 3 == 1 {
            return Err(ExecutionError::new(ErrorCode::RateLimit, "slow down"));
        }
        // A real client sends the cause along, so that the network does nothing twice.
        let path = match order.plan.action {
            Action::Comment => "comments",
            Action::Edit => "revisions",
            Action::Thread => "threads",
        };
        Ok(json!(format!(
            "/{}/{path}/{}",
            order.plan.target, self.calls
        )))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut ledger = MemoryHealLedger::new();
    let mut network = Network::default();
    let noon = DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::hours(12);
    for half_hour in 0..HALF_HOURS {
        let now = noon + TimeDelta::minutes(30) * i32::try_from(half_hour)?;
        count(&mut ledger, half_hour, now)?;
        // Two ticks for each count: the second finds what is to be tried again.
        for now in [now, now + TimeDelta::minutes(2)] {
            let report = heal(&mut ledger, &mut network, now).await?;
            show_done(&report, now);
        }
    }
    let end = noon + TimeDelta::minutes(30) * i32::try_from(HALF_HOURS)?;
    show_reasons(&heal(&mut ledger, &mut network, end).await?);
    Ok(())
}

/// What the network has counted by now.
fn count(
    ledger: &mut MemoryHealLedger,
    half_hour: u64,
    now: DateTime<Utc>,
) -> Result<(), Box<dyn std::error::Error>> {
    let points = POSTS.map(|(post, seen, reactions, fewer)| {
        let shares = (0..half_hour).map(|past| reactions.saturating_sub(fewer * past));
        let point = Point {
            at: now,
            impressions: seen * half_hour,
            engagements: shares.map(|share| seen * share / 1_000).sum(),
        };
        (post, point)
    });
    ledger.take_in(&Intake {
        points: &points,
        ..Intake::default()
    })?;
    Ok(())
}

async fn heal(
    ledger: &mut MemoryHealLedger,
    network: &mut Network,
    now: DateTime<Utc>,
) -> Result<HealReport, Box<dyn std::error::Error>> {
    let policy = Stagnation {
        epochs: EpochRule::Forever,
        ..Stagnation::default()
    };
    let mut tick = HealTick {
        ledger,
        policies: &[&policy],
        surroundings: &mut NoSurroundings,
        executor: network,
        wall_clock: &move || now,
        random: &mut || u64::MAX / 2,
        on_execution: &mut |_| {},
    };
    let mut settings = HealSettings::new(now);
    // A few posts that all go badly are no sign of a broken counter.
    settings.circuit.at_least = usize::MAX;
    Ok(tick.run(&settings).await?)
}

fn show_done(report: &HealReport, now: DateTime<Utc>) {
    for execution in &report.executions {
        let attempt = &execution.attempt;
        let outcome = match (&attempt.status, &attempt.result) {
            (
                Status::Failed {
                    error, retry_at, ..
                },
                _,
            ) => {
                let again = retry_at.map(|at| at.format("%H:%M:%S").to_string());
                let again = again.as_deref().unwrap_or("no time");
                format!("{error}, again at {again}")
            }
            (_, Some(result)) => format!("done: {result}"),
            (status, None) => status.name().to_owned(),
        };
        let stagnation = attempt.plan.stagnation.unwrap_or_default();
        println!(
            "{}  {:<18} {stagnation:.2}  {:<8} try {}  {outcome}",
            now.format("%H:%M"),
            attempt.plan.target,
            attempt.plan.action,
            attempt.tries,
        );
    }
}

/// Why nothing more is done.
fn show_reasons(report: &HealReport) {
    println!("\nin the end");
    for verdict in &report.verdicts {
        let reason = verdict.decision.reason().map_or("acted", Reason::name);
        println!("       {:<18} {reason}", verdict.target);
    }
}
