//! The engine against what the original implementation recorded; where that one is wrong, against
//! what is right.
//!
//! It runs as the original does: an action is done once and never again, and failures do not make
//! cooldowns longer. `DECNET_VECTORS` names another folder of the same files.

#![expect(
    clippy::disallowed_methods,
    reason = "a test looks for its cases where it is told"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use decnet_self_heal::action::{Action, IdempotencyKey, Tier};
use decnet_self_heal::attempt::{
    Attempt, AttemptId, Epoch, ErrorCode, ExecutionError, History, Status,
};
use decnet_self_heal::decision::{Decision, Plan, Reason};
use decnet_self_heal::fleet::Budget;
use decnet_self_heal::ledger::{AttemptFilter, Begun, HealLedger, Recorded};
use decnet_self_heal::limits::{Cooldowns, Limits};
use decnet_self_heal::memory_ledger::MemoryHealLedger;
use decnet_self_heal::point::Point;
use decnet_self_heal::policies::stagnation::{EpochRule, Stagnation};
use decnet_self_heal::policy::{Facts, Policy, Standing};
use decnet_self_heal::retry::RetryPolicy;
use serde_json::{Value, json};

fn cases() -> Vec<Value> {
    let folder = std::env::var_os("DECNET_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/vectors"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(folder.join("self_heal.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(!cases.is_empty());
    cases
}

/// The engine with what it has done.
struct Player {
    policy: Stagnation,
    ledger: MemoryHealLedger,
}

/// Limits that let everything through: what was done was done.
fn no_limits() -> (Limits, Budget) {
    let limits = Limits {
        window: TimeDelta::zero(),
        most_in_window: usize::MAX,
        cooldowns: Cooldowns {
            comment: TimeDelta::zero(),
            edit: TimeDelta::zero(),
            thread: TimeDelta::zero(),
        },
        after_failures: no_slowing(),
    };
    let budget = Budget {
        actions_per_hour: usize::MAX,
    };
    (limits, budget)
}

fn no_slowing() -> RetryPolicy {
    RetryPolicy {
        longest: TimeDelta::zero(),
        ..RetryPolicy::default()
    }
}

fn policy(config: &Value) -> Stagnation {
    let mut policy = Stagnation {
        epochs: EpochRule::Forever,
        limits: Limits {
            after_failures: no_slowing(),
            ..Limits::default()
        },
        ..Stagnation::default()
    };
    let empty = serde_json::Map::new();
    for (name, value) in config.as_object().unwrap_or(&empty) {
        match name.as_str() {
            "per_post_window_minutes" => {
                policy.window = span(value, 60.0);
                policy.limits.window = policy.window;
            }
            "min_samples_required" => policy.samples = count(value) as usize,
            "max_actions_per_window" => policy.limits.most_in_window = count(value) as usize,
            "cooldown_by_action_seconds" => {
                let cooldowns = &mut policy.limits.cooldowns;
                for (action, seconds) in value.as_object().unwrap() {
                    let cooldown = match action.parse().unwrap() {
                        Action::Comment => &mut cooldowns.comment,
                        Action::Edit => &mut cooldowns.edit,
                        Action::Thread => &mut cooldowns.thread,
                    };
                    *cooldown = span(seconds, 1.0);
                }
            }
            other => panic!("{other} is no setting"),
        }
    }
    policy
}

/// A length of time, given in units of so many seconds.
fn span(value: &Value, unit: f64) -> TimeDelta {
    let seconds = value.as_f64().unwrap() * unit;
    TimeDelta::microseconds((seconds * 1e6).round() as i64)
}

/// A number of things; below 0 there are none.
fn count(value: &Value) -> u64 {
    let whole = value.as_u64();
    whole.unwrap_or_else(|| value.as_f64().unwrap_or(0.0) as u64)
}

/// A moment in any zone; one that names none is in UTC.
fn moment(value: &Value) -> Option<DateTime<Utc>> {
    let text = value.as_str()?;
    let zoned = DateTime::parse_from_rfc3339(text).map(|at| at.with_timezone(&Utc));
    let naive = || text.parse::<NaiveDateTime>().map(|at| at.and_utc());
    zoned.or_else(|_| naive()).ok()
}

/// A record of an earlier attempt.
struct Record {
    plan: Plan,
    at: DateTime<Utc>,
    status: String,
    error_code: Option<String>,
    outcome: Value,
    attempts: u32,
}

impl Record {
    /// `None`: it says nothing that could be understood.
    fn parse(record: &Value, at: &Value) -> Option<Self> {
        let text = |name: &str| record[name].as_str().map(str::to_owned);
        Some(Self {
            plan: Plan {
                policy: Stagnation::NAME.to_owned(),
                target: text("post_id")?,
                tier: text("tier")?.parse().ok()?,
                action: text("action_type")?.parse().ok()?,
                key: IdempotencyKey::kept(text("idempotency_key")?),
                epoch: Epoch::FOREVER,
                stagnation: None,
                trend: None,
                last_change: None,
            },
            at: moment(at)?,
            status: text("status")?,
            error_code: text("error_code"),
            outcome: record["outcome"].clone(),
            attempts: u32::try_from(count(&record["attempts"])).unwrap_or(u32::MAX),
        })
    }

    /// What is not known to be done or being done is not done.
    fn stands(&self) -> bool {
        matches!(self.status.as_str(), "success" | "running")
    }

    /// Names that are none of ours are kept beside the code.
    fn error(&self) -> ExecutionError {
        let name = self.error_code.as_deref().unwrap_or_default();
        ExecutionError::new(name.parse().unwrap_or(ErrorCode::Other), name)
    }
}

impl Player {
    fn new(input: &Value) -> Self {
        let mut player = Self {
            policy: policy(&input["config"]),
            ledger: MemoryHealLedger::new(),
        };
        player.load(&input["history"]);
        player
    }

    /// Takes over what was recorded earlier, as far as it can be understood.
    fn load(&mut self, history: &Value) {
        let list = match &history["raw_file"] {
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            _ => history.clone(),
        };
        let mut by_key: BTreeMap<String, Vec<Record>> = BTreeMap::new();
        for record in list.as_array().into_iter().flatten() {
            if let Some(record) = Record::parse(record, &record["initiated_at"]) {
                let key = record.plan.key.as_str().to_owned();
                by_key.entry(key).or_default().push(record);
            }
        }
        for mut records in by_key.into_values() {
            // What was done stays done, whatever was recorded later.
            records.sort_by_key(|record| (record.stands(), record.at));
            let earlier = records.len() - 1;
            for (index, mut record) in records.into_iter().enumerate() {
                if index < earlier {
                    record.plan.epoch = Epoch(i64::try_from(index).unwrap() - 1_000_000);
                }
                self.keep(&record);
            }
        }
    }

    /// Notes what became of an attempt. Nobody holds it longer than this takes.
    fn keep(&mut self, record: &Record) -> Option<AttemptId> {
        let at = record.at;
        let of_target = AttemptFilter {
            target: Some(record.plan.target.clone()),
            ..AttemptFilter::default()
        };
        let attempts = self.ledger.attempts(&of_target).unwrap();
        let running = attempts.iter().find(|attempt| {
            let same = attempt.plan.key == record.plan.key;
            same && matches!(attempt.status, Status::Running { .. })
        });
        let (limits, budget) = no_limits();
        let held = match running {
            Some(attempt) => {
                let (id, token) = (attempt.id, attempt.token);
                let due = attempt.status.claimable_at().unwrap().max(at);
                self.ledger.take_up(id, token, due, at).unwrap()
            }
            None => match self.ledger.begin(&record.plan, &limits, budget, at, at) {
                Ok(Begun::Yes(held)) => Some(*held),
                Ok(Begun::Refused(_)) | Err(_) => None,
            },
        }?;
        let (id, mut token) = (held.attempt.id, held.attempt.token);
        let error = record.error();
        // Tries that are one record are one beginning.
        for _ in 1..record.attempts.min(1_000) {
            let failed = self.ledger.record_failure(id, token, &error, Some(at), at);
            assert_eq!(failed.unwrap(), Recorded::Yes);
            let again = self.ledger.take_up(id, token, at, at).unwrap().unwrap();
            token = again.attempt.token;
        }
        let settled = match record.status.as_str() {
            "running" => Recorded::Yes,
            "success" => {
                let result = &record.outcome;
                self.ledger.record_success(id, token, result, at).unwrap()
            }
            _ => {
                let failed = self.ledger.record_failure(id, token, &error, None, at);
                failed.unwrap()
            }
        };
        assert_eq!(settled, Recorded::Yes);
        Some(id)
    }

    fn play(&mut self, op: &Value) -> Value {
        match op["op"].as_str().unwrap() {
            "key" => json!(key(op)),
            "evaluate" => self.evaluate(op),
            "should_retry" => json!(self.is_retried(op["idempotency_key"].as_str().unwrap())),
            "persist" => {
                let record = Record::parse(op, &op["now"]).unwrap();
                let kept = self.keep(&record);
                let attempts = self.ledger.attempts(&AttemptFilter::default()).unwrap();
                let attempt = attempts.iter().find(|attempt| match kept {
                    Some(id) => attempt.id == id,
                    None => attempt.plan.key == record.plan.key,
                });
                attempt.map_or(Value::Null, shown)
            }
            "history" => {
                let mut attempts = self.ledger.attempts(&AttemptFilter::default()).unwrap();
                attempts.reverse();
                attempts.iter().map(shown).collect()
            }
            other => panic!("{other} is no operation"),
        }
    }

    fn evaluate(&self, op: &Value) -> Value {
        let now = moment(&op["now"]).unwrap();
        let target = op["post_id"].as_str().unwrap();
        let metrics = op["metrics"].as_array().unwrap();
        let points: Vec<Point> = metrics
            .iter()
            .map(|metric| Point {
                at: now - span(&metric["minutes_before_now"], 60.0),
                impressions: count(&metric["impressions"]),
                engagements: count(&metric["engagements"]),
            })
            .collect();
        let from = now - self.policy.limits.horizon();
        let history = self.ledger.state().history(target, from);
        let decision = self.decide(target, &points, &history, now);
        let key = |plan: Option<&Plan>| plan.map(|plan| plan.key.as_str().to_owned());
        match &decision {
            Decision::Act(plan) => json!({
                "post_id": plan.target,
                "eligible": true,
                "stagnation_score": plan.stagnation,
                "tier": plan.tier.name(),
                "action_type": plan.action.name(),
                "idempotency_key": plan.key.as_str(),
            }),
            Decision::Skip(skip) => {
                let mut shown = json!({
                    "post_id": target,
                    "eligible": false,
                    "reason": skip.reason.name(),
                });
                if let Some(key) = key(skip.plan.as_ref()) {
                    shown["idempotency_key"] = json!(key);
                }
                if let Reason::InsufficientSamples { sample_count, .. } = &skip.reason {
                    shown["sample_count"] = json!(sample_count);
                }
                shown
            }
        }
    }

    fn decide(
        &self,
        target: &str,
        points: &[Point],
        history: &History,
        now: DateTime<Utc>,
    ) -> Decision {
        let facts = Facts {
            target,
            points,
            history,
            episode: None,
            last_change: None,
            standing: Standing::Plain,
        };
        self.policy.evaluate(&facts, now).decision
    }

    /// Whether the attempt with this key failed and would be tried again.
    fn is_retried(&mut self, key: &str) -> bool {
        let attempts = self.ledger.attempts(&AttemptFilter::default()).unwrap();
        let with_key = attempts
            .iter()
            .find(|attempt| attempt.plan.key.as_str() == key);
        with_key.is_some_and(|attempt| match &attempt.status {
            Status::Failed { at, error, .. } => {
                let again = RetryPolicy::default().retry_at(attempt.tries, attempt.tries, *at, 0);
                error.is_transient() && again.is_some()
            }
            Status::Running { .. } | Status::Success { .. } => false,
        })
    }
}

fn key(op: &Value) -> String {
    let action: Action = op["action_type"].as_str().unwrap().parse().unwrap();
    let tier: Tier = op["tier"].as_str().unwrap().parse().unwrap();
    let target = op["post_id"].as_str().unwrap();
    IdempotencyKey::of(target, action, tier).as_str().to_owned()
}

/// An attempt as the original shows it.
fn shown(attempt: &Attempt) -> Value {
    let error = match &attempt.status {
        Status::Failed { error, .. } => Some(error.detail.clone()),
        Status::Running { .. } | Status::Success { .. } => None,
    };
    json!({
        "idempotency_key": attempt.plan.key.as_str(),
        "post_id": attempt.plan.target,
        "action_type": attempt.plan.action.name(),
        "tier": attempt.plan.tier.name(),
        "initiated_at": attempt.started_at,
        "status": attempt.status.name(),
        "attempts": attempt.token,
        "outcome": attempt.result,
        "error_code": error.filter(|name| !name.is_empty()),
    })
}

/// Whether two values say the same: numbers by their value, moments in any zone.
fn agree(ours: &Value, expected: &Value) -> bool {
    match (ours, expected) {
        (Value::Object(ours), Value::Object(expected)) => {
            let names: BTreeSet<&String> = ours.keys().chain(expected.keys()).collect();
            names.into_iter().all(|name| {
                let (ours, expected) = (ours.get(name), expected.get(name));
                let is_moment = name.ends_with("_at");
                match (ours, expected) {
                    (Some(ours), Some(expected)) if is_moment => {
                        moment(ours).is_some() && moment(ours) == moment(expected)
                    }
                    (Some(ours), Some(expected)) => agree(ours, expected),
                    _ => false,
                }
            })
        }
        (Value::Array(ours), Value::Array(expected)) => {
            ours.len() == expected.len()
                && ours
                    .iter()
                    .zip(expected)
                    .all(|(ours, theirs)| agree(ours, theirs))
        }
        (Value::Number(ours), Value::Number(expected)) => ours.as_f64() == expected.as_f64(),
        _ => ours == expected,
    }
}

/// What was written and read again, as the expected values were.
fn read_again(value: &Value) -> Value {
    serde_json::from_str(&value.to_string()).unwrap()
}

#[test]
fn binding_cases_agree() {
    let mut binding = 0;
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        let mut player = Player::new(&case["input"]);
        let ops = case["input"]["ops"].as_array().unwrap();
        let ours: Vec<Value> = ops.iter().map(|op| player.play(op)).collect();
        if case["quirk"] == true {
            continue;
        }
        binding += 1;
        let expected = case["expected"].as_array().unwrap();
        assert_eq!(ours.len(), expected.len(), "{name}");
        for (ours, expected) in ours.iter().zip(expected) {
            assert!(
                agree(&read_again(ours), expected),
                "{name}: {ours} is not {expected}"
            );
        }
    }
    assert!(binding > 0);
}

/// Plays operations after a history and gives what the last says.
fn last(config: Value, history: Value, ops: &[Value]) -> Value {
    let input = json!({"config": config, "history": history});
    let mut player = Player::new(&input);
    let said = ops.iter().map(|op| player.play(op));
    said.last().unwrap()
}

fn evaluate(now: &str, metrics: &[(f64, u64, u64)]) -> Value {
    let metrics = metrics.iter().map(|(minutes, impressions, engagements)| {
        json!({
            "minutes_before_now": minutes,
            "impressions": impressions,
            "engagements": engagements,
        })
    });
    let metrics: Value = metrics.collect();
    json!({"op": "evaluate", "post_id": "p1", "now": now, "metrics": metrics})
}

/// Much is seen, and nothing done.
const STALE: [(f64, u64, u64); 3] = [(60.0, 100, 10), (30.0, 500, 10), (5.0, 1100, 10)];
/// Six in a hundred do something.
const LIVELY: [(f64, u64, u64); 3] = [(60.0, 0, 0), (30.0, 500, 30), (5.0, 1000, 60)];

fn thread_key() -> String {
    key(&json!({"post_id": "p1", "action_type": "thread", "tier": "tier_3"}))
}

fn record(key: &str, action: &str, tier: &str, at: &str, status: &str) -> Value {
    json!({
        "idempotency_key": key,
        "post_id": "p1",
        "action_type": action,
        "tier": tier,
        "initiated_at": at,
        "status": status,
        "attempts": 1,
        "outcome": null,
        "error_code": null,
    })
}

fn persist(now: &str, status: &str) -> Value {
    let mut op = record(&thread_key(), "thread", "tier_3", now, status);
    op["op"] = json!("persist");
    op["now"] = json!(now);
    op
}

#[test]
fn points_of_the_future_do_not_count() {
    let ahead = [(60.0, 0, 0), (30.0, 5, 0), (-10.0, 100, 0)];
    let said = last(
        json!({}),
        json!(null),
        &[evaluate("2026-05-01T12:00:00Z", &ahead)],
    );
    assert_eq!(
        said,
        json!({"post_id": "p1", "eligible": false, "reason": "insufficient_samples", "sample_count": 2})
    );
}

#[test]
fn a_counter_that_began_again_is_no_stagnation() {
    let of = |metrics: &[(f64, u64, u64)]| {
        let said = last(
            json!({}),
            json!(null),
            &[evaluate("2026-05-01T12:00:00Z", metrics)],
        );
        (said["stagnation_score"].as_f64(), said["tier"].clone())
    };
    // 20 and 1 engagements since each reset, for 100 impressions.
    let engagements = [(60.0, 0, 50), (30.0, 5, 20), (5.0, 100, 1)];
    assert_eq!(of(&engagements), (Some(0.0), json!("tier_1")));
    // 400 before the reset and 100 after it, with 5 engagements: a rate of one in a hundred.
    let impressions = [(60.0, 100, 0), (30.0, 500, 4), (5.0, 100, 5)];
    assert_eq!(of(&impressions), (Some(0.8), json!("tier_3")));
}

#[test]
fn without_a_point_there_is_nothing_to_say_however_few_it_takes() {
    for (samples, metrics, count) in [
        (0, &[][..], Some(0)),
        (0, &[(91.0, 5, 5)], Some(0)),
        (0, &[(5.0, 5, 5)], None),
        (1, &[(5.0, 5, 5)], None),
    ] {
        let config = json!({"min_samples_required": samples});
        let said = last(
            config,
            json!(null),
            &[evaluate("2026-05-01T12:00:00Z", metrics)],
        );
        assert_eq!(
            said["sample_count"].as_u64(),
            count,
            "{samples} {metrics:?}: {said}"
        );
        assert_eq!(said["eligible"], count.is_none());
    }
}

#[test]
fn what_is_neither_done_nor_running_is_not_done() {
    for (status, reason) in [
        ("pending", None),
        ("", None),
        ("weird", None),
        ("failed", None),
        ("success", Some("duplicate_action")),
        ("running", Some("duplicate_action")),
    ] {
        let long_ago = record(
            &thread_key(),
            "thread",
            "tier_3",
            "2025-05-01T12:00:00Z",
            status,
        );
        let said = last(
            json!({}),
            json!([long_ago]),
            &[evaluate("2026-05-01T12:00:00Z", &STALE)],
        );
        assert_eq!(said["reason"].as_str(), reason, "{status:?}");
    }
}

#[test]
fn cooldowns_go_by_time_and_not_by_the_order_of_records() {
    let just_now = record("k1", "thread", "tier_3", "2026-05-01T11:55:00Z", "failed");
    let before = record("k2", "thread", "tier_3", "2026-05-01T03:40:00Z", "failed");
    for history in [json!([just_now, before]), json!([before, just_now])] {
        let said = last(
            json!({}),
            history,
            &[evaluate("2026-05-01T12:00:00Z", &STALE)],
        );
        assert_eq!(said["reason"], "action_cooldown_active");
    }
}

#[test]
fn a_record_of_the_future_rests_from_when_it_was_noticed_and_not_until_the_clock_caught_up() {
    let ahead = record(
        &thread_key(),
        "thread",
        "tier_3",
        "2026-05-01T22:00:00Z",
        "failed",
    );
    let mut player = Player::new(&json!({"history": [ahead]}));
    let mut at = |text: &str| player.play(&evaluate(text, &STALE))["reason"].clone();
    assert_eq!(at("2026-05-01T12:00:00Z"), "action_cooldown_active");
    let noticed = decnet_self_heal::ledger::Observations {
        clock_was_put_back: true,
        ..Default::default()
    };
    let noticed_at = moment(&json!("2026-05-01T12:00:00Z")).unwrap();
    player
        .ledger
        .record_observations(&noticed, noticed_at)
        .unwrap();
    let mut at = |text: &str| player.play(&evaluate(text, &STALE))["reason"].clone();
    assert_eq!(at("2026-05-01T14:59:59Z"), "action_cooldown_active");
    assert_eq!(at("2026-05-01T15:00:00Z"), Value::Null);
    // Nothing begins so close before it that the two would follow each other too fast.
    assert_eq!(at("2026-05-01T19:00:00Z"), Value::Null);
    assert_eq!(at("2026-05-01T19:00:01Z"), "action_cooldown_active");
    assert_eq!(at("2026-05-02T00:59:59Z"), "action_cooldown_active");
    assert_eq!(at("2026-05-02T01:00:00Z"), Value::Null);
}

#[test]
fn a_full_window_of_the_future_is_over_before_the_clock_has_caught_up() {
    let ahead = |key: &str, at: &str| record(key, "edit", "tier_2", at, "failed");
    let history = json!([
        ahead("a", "2026-05-08T12:00:00Z"),
        ahead("b", "2026-05-08T12:10:00Z")
    ]);
    let mut player = Player::new(&json!({"history": history}));
    let noticed_at = moment(&json!("2026-05-01T12:00:00Z")).unwrap();
    let noticed = decnet_self_heal::ledger::Observations {
        clock_was_put_back: true,
        ..Default::default()
    };
    player
        .ledger
        .record_observations(&noticed, noticed_at)
        .unwrap();
    let mut at = |text: &str| player.play(&evaluate(text, &LIVELY))["reason"].clone();
    assert_eq!(at("2026-05-01T13:30:00Z"), "window_frequency_exceeded");
    assert_eq!(at("2026-05-01T13:30:01Z"), Value::Null);
    assert_eq!(at("2026-05-08T11:00:00Z"), "window_frequency_exceeded");
    assert_eq!(at("2026-05-08T13:30:00Z"), "window_frequency_exceeded");
    assert_eq!(at("2026-05-08T13:30:01Z"), Value::Null);
}

#[test]
fn a_late_failure_does_not_undo_a_success() {
    let ops = [
        persist("2026-05-01T12:00:00Z", "success"),
        persist("2026-05-01T13:00:00Z", "failed"),
        evaluate("2026-05-01T17:00:00Z", &STALE),
    ];
    let said = last(json!({}), json!(null), &ops);
    assert_eq!(said["reason"], "duplicate_action");
    let retried = json!({"op": "should_retry", "idempotency_key": thread_key()});
    let ops = [ops[0].clone(), ops[1].clone(), retried];
    assert_eq!(last(json!({}), json!(null), &ops), json!(false));
    let history = json!({"op": "history"});
    let ops = [ops[0].clone(), ops[1].clone(), history];
    let kept = last(json!({}), json!(null), &ops);
    assert_eq!(
        (&kept[0]["status"], &kept[0]["attempts"]),
        (&json!("success"), &json!(1))
    );
    assert_eq!(moment(&kept[0]["initiated_at"]), moment(&ops[0]["now"]));
}

#[test]
fn every_beginning_of_a_failed_action_counts() {
    let ops: Vec<Value> = (0..6)
        .map(|minute| persist(&format!("2026-05-01T12:0{minute}:00Z"), "failed"))
        .chain([evaluate("2026-05-01T12:10:00Z", &LIVELY)])
        .collect();
    let said = last(json!({}), json!(null), &ops);
    assert_eq!(said["reason"], "window_frequency_exceeded");
    let most = json!({"max_actions_per_window": 6});
    let said = last(most, json!(null), &ops);
    assert_eq!(said["reason"], "window_frequency_exceeded");
    let more = json!({"max_actions_per_window": 7});
    assert_eq!(last(more, json!(null), &ops)["eligible"], true);
}

#[test]
fn taking_a_running_attempt_up_keeps_its_beginning_and_its_earlier_failure_is_over() {
    let mut failed = persist("2026-05-01T12:00:00Z", "failed");
    failed["error_code"] = json!("timeout");
    let ops = [
        failed,
        persist("2026-05-01T15:00:00Z", "running"),
        persist("2026-05-01T15:05:00Z", "success"),
        json!({"op": "history"}),
    ];
    let kept = last(json!({}), json!(null), &ops);
    assert_eq!(kept.as_array().unwrap().len(), 1);
    let kept = &kept[0];
    assert_eq!(
        (&kept["status"], &kept["attempts"], &kept["error_code"]),
        (&json!("success"), &json!(3), &Value::Null)
    );
    assert_eq!(moment(&kept["initiated_at"]), moment(&ops[1]["now"]));
}

#[test]
fn retries_come_to_an_end() {
    let retried = json!({"op": "should_retry", "idempotency_key": thread_key()});
    for (attempts, expected) in [(1, true), (4, true), (5, false), (1_000_000, false)] {
        let mut failed = record(
            &thread_key(),
            "thread",
            "tier_3",
            "2026-05-01T11:50:00Z",
            "failed",
        );
        failed["attempts"] = json!(attempts);
        failed["error_code"] = json!("timeout");
        let said = last(json!({}), json!([failed]), std::slice::from_ref(&retried));
        assert_eq!(said, json!(expected), "after {attempts} attempts");
    }
    assert_eq!(last(json!({}), json!(null), &[retried]), json!(false));
}

#[test]
fn a_moment_is_the_same_in_every_zone() {
    let done = |at: &str| record("k", "thread", "tier_3", at, "failed");
    for at in [
        "2026-05-01T09:00:00+00:00",
        "2026-05-01T09:00:00Z",
        "2026-05-01T14:30:00+05:30",
        "2026-04-30T23:00:00-10:00",
        "2026-05-01T09:00:00",
    ] {
        for (now, reason) in [
            ("2026-05-01T21:59:59+10:00", Some("action_cooldown_active")),
            ("2026-05-01T22:00:00+10:00", None),
        ] {
            let said = last(json!({}), json!([done(at)]), &[evaluate(now, &STALE)]);
            assert_eq!(said["reason"].as_str(), reason, "{at} at {now}");
        }
    }
}

#[test]
fn minutes_may_be_fractions() {
    let edge = [(90.0, 0, 0), (30.5, 500, 5), (0.01, 1000, 10)];
    let outside = [(90.001, 0, 0), (30.5, 500, 5), (0.01, 1000, 10)];
    let of = |metrics: &[(f64, u64, u64)]| {
        let now = "2026-05-01T12:00:00Z";
        let said = last(json!({}), json!(null), &[evaluate(now, metrics)]);
        said["reason"].clone()
    };
    assert_eq!(of(&edge), Value::Null);
    assert_eq!(of(&outside), "insufficient_samples");
}
