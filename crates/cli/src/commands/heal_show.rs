//! `decnet heal explain` and `decnet heal history`

use chrono::{DateTime, Utc};
use decnet_self_heal::attempt::{Attempt, Status};
use decnet_self_heal::ledger::{AttemptFilter, HealLedger};
use serde_json::{Value, json};

use crate::arguments::HealHistoryArguments;
use crate::commands::heal_tick::{because, day, decision_json, mail_of, sentence, verdict_json};
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::heal::{self, reads_engagement};
use crate::output::{one_line, say, say_json, shortened, table};
use crate::suggestion::nearest;
use crate::wiring::{Session, open_store, runtime};

/// Attempts on a target that `explain` shows.
const SHOWN: u64 = 5;

/// Says why something is or is not done to a target now. Writes nothing.
pub(crate) fn explain(
    flags: &Flags,
    target: &str,
    now: Option<DateTime<Utc>>,
    json: bool,
) -> Result<(), Failure> {
    let mut session = Session::open(Settings::load(flags)?, false)?;
    let now = now.unwrap_or_else(environment::now);
    let report = runtime()?.block_on(heal::tick(&mut session, now, 0, true))?;
    let mut verdicts = report.verdicts.iter();
    let Some(verdict) = verdicts.find(|verdict| verdict.target == target) else {
        let names = report
            .verdicts
            .iter()
            .map(|verdict| verdict.target.as_str());
        return Err(unknown(target, names));
    };
    let filter = AttemptFilter {
        target: Some(target.to_owned()),
        limit: SHOWN,
        ..AttemptFilter::default()
    };
    let attempts = session.store.attempts(&filter)?;
    if json {
        let mut object = verdict_json(verdict);
        let policies: Vec<Value> = verdict
            .by_policy
            .iter()
            .map(|(name, decision)| {
                let mut object = decision_json(decision);
                object.insert("policy".to_owned(), json!(name));
                Value::Object(object)
            })
            .collect();
        object.insert("policies".to_owned(), json!(policies));
        object.insert("attempts".to_owned(), json!(attempts));
        say_json(&object);
        return Ok(());
    }
    say(&sentence(verdict));
    if verdict.by_policy.len() > 1 {
        let rows: Vec<Vec<String>> = verdict
            .by_policy
            .iter()
            .map(|(name, decision)| {
                let plan = decision.plan();
                let would = plan.map(|plan| format!("{} ({})", plan.action, plan.tier));
                let why = decision.reason().map(because);
                vec![
                    one_line(name),
                    would.unwrap_or_else(|| "-".to_owned()),
                    match decision.reason() {
                        Some(reason) => reason.name().to_owned(),
                        None => "act".to_owned(),
                    },
                    one_line(&why.unwrap_or_default()),
                ]
            })
            .collect();
        say(&format!(
            "\n{}",
            table(&["policy", "would", "says", "because"], &rows)
        ));
    }
    if !attempts.is_empty() {
        say(&format!("\n{}", listing(&attempts)));
    }
    if !reads_engagement(&session.settings)
        && report.verdicts.iter().all(|v| v.decision.plan().is_none())
    {
        say(
            "\nnobody counts who looks at decoys: add [[sessions.source]] of their logs, or `decnet heal metrics import`",
        );
    }
    Ok(())
}

/// Lists what was done, the last first.
pub(crate) fn history(flags: &Flags, arguments: &HealHistoryArguments) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let attempts = store.attempts(&AttemptFilter {
        target: arguments.target.clone(),
        status: arguments.status.clone(),
        limit: arguments.limit,
    })?;
    if arguments.json {
        say_json(&attempts);
    } else if attempts.is_empty() {
        say("nothing was done");
    } else {
        say(&listing(&attempts));
    }
    Ok(())
}

fn listing(attempts: &[Attempt]) -> String {
    let rows: Vec<Vec<String>> = attempts
        .iter()
        .map(|attempt| {
            let plan = &attempt.plan;
            let outcome = match &attempt.status {
                Status::Running { lease_until } => {
                    format!("taken up again from {}", day(*lease_until))
                }
                Status::Success { .. } => attempt.result.as_ref().map(mail_of).unwrap_or_default(),
                Status::Failed {
                    error,
                    retry_at: Some(at),
                    ..
                } => format!("{error}; again from {}", day(*at)),
                Status::Failed { error, .. } => error.to_string(),
            };
            vec![
                attempt.id.0.to_string(),
                day(attempt.started_at),
                shortened(&plan.target, 30),
                plan.action.to_string(),
                one_line(&plan.policy),
                attempt.status.name().to_owned(),
                attempt.tries.to_string(),
                shortened(&one_line(&outcome), 80),
            ]
        })
        .collect();
    let names = [
        "id", "began", "target", "action", "policy", "status", "tries", "outcome",
    ];
    table(&names, &rows)
}

/// A target that nobody knows, with the nearest that somebody does.
pub(crate) fn unknown<'n>(target: &str, names: impl Iterator<Item = &'n str>) -> Failure {
    let hint = match nearest(target, names) {
        Some(name) => format!("did you mean {}?", one_line(name)),
        None => "`decnet heal tick --dry-run` names all".to_owned(),
    };
    Failure::new(
        Kind::Usage,
        format!("there is no target {target:?}; {hint}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_target_is_told_with_the_nearest() {
        let failure = unknown("mail1", ["web01", "mail01"].into_iter());
        assert!(
            failure.message.contains("did you mean mail01?"),
            "{failure}"
        );
        let failure = unknown("x", ["web01"].into_iter());
        assert!(failure.message.contains("--dry-run"), "{failure}");
    }
}
