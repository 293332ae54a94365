//! `decnet heal tick`

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use decnet_self_heal::attempt::{ErrorCode, Status};
use decnet_self_heal::decision::{Decision, Reason};
use decnet_self_heal::engine::Verdict;
use decnet_self_heal::tick::{Execution, HealReport};
use serde_json::{Map, Value, json};

use crate::arguments::HealTickArguments;
use crate::commands::emailgen_tick::wait_interruptibly;
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::heal;
use crate::output::{one_line, say, say_json, shortened, table};
use crate::wiring::Session;

/// Targets that are shown one by one, beside those that something is done about.
const MOST_SHOWN: usize = 20;

/// Judges every decoy once, and does what is to be done.
pub(crate) fn run(flags: &Flags, arguments: &HealTickArguments) -> Result<(), Failure> {
    let mut session = Session::open(Settings::load(flags)?, false)?;
    let now = arguments.now.unwrap_or_else(environment::now);
    let seed = arguments.seed.unwrap_or_else(environment::random);
    let report = wait_interruptibly(&mut session, async |session| {
        heal::tick(session, now, seed, arguments.dry_run).await
    })??;
    if arguments.json {
        say_json(&as_json(&report));
    } else if !arguments.quiet {
        show(&report, arguments.dry_run);
    }
    failure_of(&report)
}

/// One object for each target. What was carried out on it stands in `executions`: what an earlier tick
/// left, and what was decided now.
fn as_json(report: &HealReport) -> Vec<Value> {
    let mut carried_out: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for execution in &report.executions {
        let of_target = carried_out.entry(&execution.attempt.plan.target);
        of_target.or_default().push(execution_json(execution));
    }
    let mut objects: Vec<Value> = report
        .verdicts
        .iter()
        .map(|verdict| {
            let mut object = verdict_json(verdict);
            if let Some(executions) = carried_out.remove(verdict.target.as_str()) {
                object.insert("executions".to_owned(), json!(executions));
            }
            Value::Object(object)
        })
        .collect();
    // Targets that were taken out of the ledger between two looks.
    objects.extend(
        carried_out
            .into_iter()
            .map(|(target, executions)| json!({ "target": target, "executions": executions })),
    );
    objects
}

/// What was decided about a target: `target`, `decision`, `reason`, `stagnation`, `tier`, `action`,
/// `idempotency_key` are always there, null where they say nothing.
pub(crate) fn verdict_json(verdict: &Verdict) -> Map<String, Value> {
    let mut object = decision_json(&verdict.decision);
    object.insert("target".to_owned(), json!(verdict.target));
    object.insert("policy".to_owned(), json!(verdict.policy));
    object
}

/// A decision with the facts behind it.
pub(crate) fn decision_json(decision: &Decision) -> Map<String, Value> {
    let plan = decision.plan();
    let mut facts = Map::new();
    if let Some(plan) = plan {
        facts.insert("trend".to_owned(), json!(plan.trend));
        facts.insert("last_change".to_owned(), json!(plan.last_change));
        facts.insert("epoch".to_owned(), json!(plan.epoch));
        facts.retain(|_, value| !value.is_null());
    }
    // The reason's own fields; its name stands apart.
    if let Some(Ok(Value::Object(reason))) = decision.reason().map(serde_json::to_value) {
        let fields = reason.into_iter().filter(|(name, _)| name != "reason");
        facts.extend(fields);
    }
    let mut object = Map::new();
    let is_act = matches!(decision, Decision::Act(_));
    object.insert(
        "decision".to_owned(),
        json!(if is_act { "act" } else { "skip" }),
    );
    object.insert(
        "reason".to_owned(),
        json!(decision.reason().map(Reason::name)),
    );
    object.insert(
        "stagnation".to_owned(),
        json!(plan.and_then(|plan| plan.stagnation)),
    );
    object.insert("tier".to_owned(), json!(plan.map(|plan| plan.tier)));
    object.insert("action".to_owned(), json!(plan.map(|plan| plan.action)));
    object.insert(
        "idempotency_key".to_owned(),
        json!(plan.map(|plan| &plan.key)),
    );
    object.insert("facts".to_owned(), Value::Object(facts));
    object
}

fn execution_json(execution: &Execution) -> Value {
    let mut value = json!(execution.attempt);
    value["taken_up"] = json!(execution.was_taken_up);
    value["overtaken"] = json!(execution.was_overtaken);
    value
}

fn show(report: &HealReport, dry_run: bool) {
    if report.verdicts.is_empty() {
        say("nothing to judge: no decky, and no points of anything; see `decnet world apply`");
        return;
    }
    for execution in &report.executions {
        say(&execution_line(execution));
    }
    let planned = |verdict: &&Verdict| {
        let is_done = report
            .executions
            .iter()
            .any(|execution| execution.attempt.plan.target == verdict.target);
        matches!(verdict.decision, Decision::Act(_)) && !is_done
    };
    for verdict in report.verdicts.iter().filter(planned) {
        let what = sentence(verdict);
        say(&if dry_run {
            format!("would act: {what}")
        } else {
            what
        });
    }
    let mut skipped: BTreeMap<&str, Vec<&Verdict>> = BTreeMap::new();
    for verdict in &report.verdicts {
        if let Some(reason) = verdict.decision.reason() {
            skipped.entry(reason.name()).or_default().push(verdict);
        }
    }
    let count: usize = skipped.values().map(Vec::len).sum();
    if count > 0 && count <= MOST_SHOWN {
        let rows: Vec<Vec<String>> = skipped
            .values()
            .flatten()
            .map(|verdict| {
                let reason = verdict.decision.reason();
                vec![
                    shortened(&verdict.target, 40),
                    reason.map_or_else(String::new, |reason| reason.name().to_owned()),
                    reason.map(because).unwrap_or_default(),
                ]
            })
            .collect();
        say(&table(&["nothing for", "reason", "because"], &rows));
    } else if count > 0 {
        let rows: Vec<Vec<String>> = skipped
            .iter()
            .map(|(name, verdicts)| {
                let example = verdicts.first();
                vec![
                    verdicts.len().to_string(),
                    (*name).to_owned(),
                    example.map_or_else(String::new, |verdict| shortened(&verdict.target, 40)),
                ]
            })
            .collect();
        say(&table(&["nothing for", "reason", "such as"], &rows));
    }
    if let Some(circuit) = &report.circuit {
        say(&format!(
            "the fleet's circuit is open: {} of {} decoys with traffic are stale",
            circuit.count.stale, circuit.count.with_traffic
        ));
    }
}

/// What came of a try, in a line.
pub(crate) fn execution_line(execution: &Execution) -> String {
    let attempt = &execution.attempt;
    let plan = &attempt.plan;
    let outcome = match &attempt.status {
        _ if execution.was_overtaken => "overtaken by another tick".to_owned(),
        Status::Success { .. } => match attempt.result.as_ref().map(mail_of) {
            Some(mail) if !mail.is_empty() => format!("done: {mail}"),
            _ => "done".to_owned(),
        },
        Status::Failed {
            error,
            retry_at: Some(at),
            ..
        } => format!("failed ({error}), tried again from {}", clock(*at)),
        Status::Failed { error, .. } => format!("failed ({error})"),
        Status::Running { .. } => "running".to_owned(),
    };
    one_line(&format!(
        "{} on {}{}: {outcome}",
        plan.action,
        shortened(&plan.target, 60),
        match execution.was_taken_up {
            true => format!(", try {}", attempt.tries),
            false => String::new(),
        }
    ))
}

/// What mail an action made, from its result.
pub(crate) fn mail_of(result: &Value) -> String {
    let text = |name: &str| result.get(name).and_then(Value::as_str).unwrap_or_default();
    match (text("from"), text("subject")) {
        ("", "") => String::new(),
        (from, subject) => format!("{from} wrote \"{}\"", shortened(subject, 50)),
    }
}

/// What is to be done about a target, in a sentence.
pub(crate) fn sentence(verdict: &Verdict) -> String {
    let target = shortened(&verdict.target, 60);
    let text = match &verdict.decision {
        Decision::Act(plan) => {
            let why = match (plan.stagnation, plan.last_change) {
                (Some(stagnation), _) => format!("stagnation {stagnation:.2}"),
                (None, Some(at)) => format!("nothing has changed since {}", day(at)),
                (None, None) => "its policy says so".to_owned(),
            };
            let policy = &plan.policy;
            format!(
                "{} on {target} ({}, {why}; policy {policy})",
                plan.action, plan.tier
            )
        }
        Decision::Skip(skip) => {
            format!(
                "nothing for {target}: {}, {}",
                skip.reason.name(),
                because(&skip.reason)
            )
        }
    };
    one_line(&text)
}

/// A reason with its facts, for people to read.
pub(crate) fn because(reason: &Reason) -> String {
    match reason {
        Reason::Paused {
            everything: true,
            since,
        } => format!(
            "everything is paused since {}; `decnet heal resume`",
            day(*since)
        ),
        Reason::Paused { since, .. } => format!("it is paused since {}", day(*since)),
        Reason::IntruderPresent {
            left_at: Some(at),
            until,
            ..
        } => format!(
            "somebody was inside until {}; left alone until {}",
            clock(*at),
            clock(*until)
        ),
        Reason::IntruderPresent { since, until, .. } => format!(
            "somebody is inside since {}; left alone until {} at the latest",
            clock(*since),
            clock(*until)
        ),
        Reason::InsufficientSamples {
            sample_count,
            needed,
        } => format!(
            "{} in the window, and it takes {needed}",
            points(*sample_count)
        ),
        Reason::NoTraffic { sample_count } => {
            format!(
                "nobody looked at it in the window ({})",
                points(*sample_count)
            )
        }
        Reason::DuplicateAction { started_at, status } => match status.as_str() {
            "running" => format!("it is being done since {}", clock(*started_at)),
            _ => format!("it was done on {}, once in this episode", day(*started_at)),
        },
        Reason::RetryScheduled { at, tries, error } => {
            format!(
                "try {tries} failed ({error}); tried again from {}",
                clock(*at)
            )
        }
        Reason::WindowFrequencyExceeded {
            actions,
            most,
            until,
        } => format!(
            "{actions} actions in the window, and {most} are allowed{}",
            until.map_or_else(String::new, |at| format!("; again from {}", clock(at)))
        ),
        Reason::ActionCooldownActive {
            until,
            failures_in_a_row,
        } => match failures_in_a_row {
            0 => format!("the same action rests until {}", clock(*until)),
            failures => format!(
                "it failed {failures} times in a row, and rests until {}",
                clock(*until)
            ),
        },
        Reason::OwnerInactive => "nobody whose mailbox is there is at work".to_owned(),
        Reason::ChangedRecently { at, until } => {
            format!("it changed on {}; old from {}", day(*at), day(*until))
        }
        Reason::NobodyActs => "it is no decky of this world".to_owned(),
        Reason::NeverChanged => "nothing was ever there".to_owned(),
        Reason::FleetCircuitOpen {
            stale,
            with_traffic,
            since,
        } => format!(
            "{stale} of {with_traffic} decoys with traffic are stale since {}: something else is wrong",
            day(*since)
        ),
        Reason::BudgetExhausted {
            actions,
            most,
            until,
        } => format!(
            "{actions} actions in the last hour, and {most} are allowed{}",
            until.map_or_else(String::new, |at| format!("; again from {}", clock(at)))
        ),
    }
}

fn points(count: usize) -> String {
    match count {
        1 => "1 point".to_owned(),
        count => format!("{count} points"),
    }
}

fn clock(at: DateTime<Utc>) -> String {
    at.format("%H:%M:%S UTC").to_string()
}

/// A moment that may be far away.
pub(crate) fn day(at: DateTime<Utc>) -> String {
    at.format("%a %Y-%m-%d %H:%M UTC").to_string()
}

/// The failure that a report amounts to: something could not be done, now or at all. That there was
/// nothing to do it to is none.
pub(crate) fn failure_of(report: &HealReport) -> Result<(), Failure> {
    let mut worst: Option<(Kind, String)> = None;
    let mut failed = 0;
    for execution in &report.executions {
        let attempt = &execution.attempt;
        let Status::Failed {
            error, retry_at, ..
        } = &attempt.status
        else {
            continue;
        };
        if execution.was_overtaken || error.code == ErrorCode::NothingToDo {
            continue;
        }
        failed += 1;
        let kind = match retry_at {
            Some(_) => Kind::Temporary,
            None => Kind::Unavailable,
        };
        // What is tried again is the lesser trouble.
        if kind == Kind::Unavailable || worst.is_none() {
            worst = Some((kind, format!("on {}: {error}", attempt.plan.target)));
        }
    }
    match worst {
        None => Ok(()),
        Some((kind, what)) => Err(Failure::new(
            kind,
            format!(
                "{failed} of {} actions failed, such as {what}",
                report.executions.len()
            ),
        )),
    }
}
