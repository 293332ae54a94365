//! What a tick does with what it finds: retries, leases, pauses, the circuit, policies side by side.

use std::future::pending;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use decnet_self_heal::action::Action;
use decnet_self_heal::attempt::{AttemptId, ErrorCode, ExecutionError, Status};
use decnet_self_heal::decision::{Decision, Reason};
use decnet_self_heal::executor::{Executor, Order};
use decnet_self_heal::freeze::Presence;
use decnet_self_heal::ledger::{Begun, HealLedger, Intake, Recorded};
use decnet_self_heal::log::{Entry, Event};
use decnet_self_heal::memory_ledger::MemoryHealLedger;
use decnet_self_heal::point::Point;
use decnet_self_heal::policies::age::Age;
use decnet_self_heal::policies::stagnation::Stagnation;
use decnet_self_heal::policy::{Policy, Standing};
use decnet_self_heal::surroundings::{Surrounding, Surroundings, SurroundingsError};
use decnet_self_heal::tick::{HealError, HealReport, HealSettings, HealTick};
use serde_json::json;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

/// What the executor does next.
#[derive(Clone, Copy)]
enum Next {
    Do,
    Fail(ErrorCode),
    /// The process dies.
    Die,
}

/// Does as it is told, and notes what it was told to do.
struct Script {
    next: Next,
    orders: Vec<Order>,
}

#[async_trait]
impl Executor for Script {
    async fn execute(&mut self, order: &Order) -> Result<serde_json::Value, ExecutionError> {
        self.orders.push(order.clone());
        match self.next {
            Next::Do => Ok(json!({"order": self.orders.len()})),
            Next::Fail(code) => Err(ExecutionError::new(code, "it did not work")),
            Next::Die => pending().await,
        }
    }
}

/// The same of every target.
struct Same(Surrounding);

impl Surroundings for Same {
    fn of(
        &mut self,
        targets: &[&str],
        _: DateTime<Utc>,
    ) -> Result<Vec<Surrounding>, SurroundingsError> {
        Ok(vec![self.0; targets.len()])
    }
}

struct Bench {
    ledger: MemoryHealLedger,
    script: Script,
    policies: Vec<Box<dyn Policy>>,
    surrounding: Surrounding,
}

impl Bench {
    fn new() -> Self {
        Self {
            ledger: MemoryHealLedger::new(),
            script: Script {
                next: Next::Do,
                orders: Vec::new(),
            },
            policies: vec![Box::new(Stagnation::default())],
            surrounding: Surrounding::default(),
        }
    }

    /// Counts looks and deeds on a target in the hour before `minute`.
    fn count(&mut self, target: &str, minute: i64, looks: u64, deeds: u64) {
        let points = [(60, 0, 0), (30, looks / 2, 0), (1, looks, deeds)];
        let points = points.map(|(before, impressions, engagements)| {
            let point = Point {
                at: at(minute - before),
                impressions,
                engagements,
            };
            (target, point)
        });
        let intake = Intake {
            points: &points,
            ..Intake::default()
        };
        self.ledger.take_in(&intake).unwrap();
    }

    /// `None`: its process died.
    fn tick(&mut self, minute: i64) -> Option<HealReport> {
        self.tick_or_preview(minute, false)
    }

    fn preview(&mut self, minute: i64) -> HealReport {
        self.tick_or_preview(minute, true).unwrap()
    }

    fn tick_or_preview(&mut self, minute: i64, is_preview: bool) -> Option<HealReport> {
        let policies: Vec<&dyn Policy> = self.policies.iter().map(|policy| &**policy).collect();
        let wall_clock = move || at(minute);
        let settings = HealSettings::new(at(minute));
        let mut told = 0;
        let mut tick = HealTick {
            ledger: &mut self.ledger,
            policies: &policies,
            surroundings: &mut Same(self.surrounding),
            executor: &mut self.script,
            wall_clock: &wall_clock,
            random: &mut || u64::MAX,
            on_execution: &mut |_| told += 1,
        };
        if is_preview {
            return Some(tick.preview(&settings).unwrap());
        }
        let report = poll_once(&mut tick, &settings)?.unwrap();
        assert_eq!(told, report.executions.len());
        Some(report)
    }

    fn log(&mut self) -> Vec<Entry> {
        self.ledger.log(0, usize::MAX).unwrap()
    }

    fn status(&self, id: i64) -> &Status {
        &self.ledger.state().attempts[&AttemptId(id)].status
    }
}

/// Runs a tick as far as it gets without waiting; `None` when its process dies while it waits.
fn poll_once(
    tick: &mut HealTick<'_>,
    settings: &HealSettings,
) -> Option<Result<HealReport, HealError>> {
    let running = pin!(tick.run(settings));
    match running.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(ended) => Some(ended),
        Poll::Pending => None,
    }
}

/// What was decided about the only target.
fn decided(report: &HealReport) -> &'static str {
    assert_eq!(report.verdicts.len(), 1, "{report:?}");
    name(&report.verdicts[0].decision)
}

fn name(decision: &Decision) -> &'static str {
    match decision {
        Decision::Act(plan) => plan.action.name(),
        Decision::Skip(skip) => skip.reason.name(),
    }
}

/// A bench with one stale target on which one thread was tried at minute 0.
fn after(next: Next) -> Bench {
    let mut bench = Bench::new();
    bench.count("x", 0, 1_000, 0);
    bench.script.next = next;
    bench.tick(0);
    assert_eq!(bench.script.orders.len(), 1);
    bench
}

#[test]
fn a_stale_target_gets_a_thread_and_then_rests() {
    let mut bench = Bench::new();
    bench.count("x", 0, 1_000, 0);
    let report = bench.tick(0).unwrap();
    assert_eq!(decided(&report), "thread");
    let order = &bench.script.orders[0];
    assert_eq!((order.beginning, order.tries, order.now), (1, 1, at(0)));
    let attempt = &report.executions[0].attempt;
    assert_eq!(attempt.status, Status::Success { at: at(0) });
    assert_eq!(attempt.result, Some(json!({"order": 1})));
    assert_eq!(attempt, &bench.ledger.state().attempts[&attempt.id]);
    assert_eq!(decided(&bench.tick(1).unwrap()), "duplicate_action");
    assert_eq!(bench.script.orders.len(), 1);
}

#[test]
fn a_transient_failure_is_tried_again_ever_later_and_not_for_ever() {
    let mut bench = after(Next::Fail(ErrorCode::Timeout));
    let mut tried_at = vec![0];
    for minute in 1..60 {
        let report = bench.tick(minute).unwrap();
        if let Some(execution) = report.executions.first() {
            assert!(execution.was_taken_up && !execution.was_overtaken);
            tried_at.push(minute);
        }
    }
    // Waits of 1, 2, 4 and 8 minutes, five tries in all.
    assert_eq!(tried_at, [0, 1, 3, 7, 15]);
    let tries: Vec<u32> = bench
        .script
        .orders
        .iter()
        .map(|order| order.tries)
        .collect();
    assert_eq!(tries, [1, 2, 3, 4, 5]);
    let causes = bench.script.orders.iter().map(|order| order.plan.cause());
    assert_eq!(causes.collect::<std::collections::BTreeSet<_>>().len(), 1);
    let state = bench.ledger.state();
    assert_eq!(
        state.targets["x"].beginnings.len(),
        1,
        "retries do not count"
    );
    assert_eq!(state.targets["x"].failures_in_a_row, 5);
}

#[test]
fn while_a_retry_waits_the_answer_names_it() {
    let mut bench = after(Next::Fail(ErrorCode::RateLimit));
    let report = bench.preview(0);
    let Some(Reason::RetryScheduled {
        at: again,
        tries,
        error,
    }) = report.verdicts[0].decision.reason()
    else {
        panic!("{report:?}");
    };
    assert!(*again > at(0) && *again <= at(1));
    assert_eq!((*tries, error.as_str()), (1, "rate_limit"));
}

#[test]
fn a_success_ends_failures_in_a_row() {
    let mut bench = after(Next::Fail(ErrorCode::NetworkError));
    assert_eq!(bench.ledger.state().targets["x"].failures_in_a_row, 1);
    bench.script.next = Next::Do;
    bench.tick(1).unwrap();
    assert_eq!(*bench.status(1), Status::Success { at: at(1) });
    assert_eq!(bench.ledger.state().targets["x"].failures_in_a_row, 0);
}

#[test]
fn what_failed_for_good_is_not_tried_again_but_begun_again_after_its_cooldown() {
    for code in ErrorCode::ALL
        .into_iter()
        .filter(|code| !code.is_transient())
    {
        let mut bench = after(Next::Fail(code));
        bench.script.next = Next::Do;
        bench.count("x", 170, 2_000, 0);
        for (minute, decision) in [
            (1, "action_cooldown_active"),
            (179, "action_cooldown_active"),
            (180, "thread"),
        ] {
            assert_eq!(decided(&bench.tick(minute).unwrap()), decision, "{code}");
        }
        let [first, second] = bench.script.orders.as_slice() else {
            panic!("{code}: {:?}", bench.script.orders);
        };
        assert_eq!(first.plan.cause(), second.plan.cause());
        assert_eq!((second.beginning, second.tries), (2, 1));
        assert_eq!(first.attempt, second.attempt);
    }
}

#[test]
fn what_a_dead_process_left_is_taken_up_when_its_lease_has_run_out() {
    let mut bench = after(Next::Die);
    bench.script.next = Next::Do;
    let report = bench.tick(9).unwrap();
    assert_eq!(
        (decided(&report), report.executions.len()),
        ("duplicate_action", 0)
    );
    let report = bench.tick(10).unwrap();
    assert!(report.executions[0].was_taken_up);
    let [first, second] = bench.script.orders.as_slice() else {
        panic!("{:?}", bench.script.orders);
    };
    assert_eq!(first.plan, second.plan);
    assert_eq!((second.beginning, second.tries), (1, 2));
    assert_eq!(*bench.status(1), Status::Success { at: at(10) });
    assert!(bench.tick(20).unwrap().executions.is_empty());
}

#[test]
fn who_comes_back_too_late_changes_nothing() {
    let mut bench = after(Next::Die);
    // Held by the first process with token 1, by the second with token 2.
    bench.script.next = Next::Do;
    bench.tick(10).unwrap();
    let id = AttemptId(1);
    let before = bench.log();
    let error = ExecutionError::new(ErrorCode::Timeout, "so late");
    let late = bench
        .ledger
        .record_failure(id, 1, &error, Some(at(12)), at(11));
    assert_eq!(late.unwrap(), Recorded::Overtaken);
    let late = bench.ledger.record_success(id, 1, &json!("late"), at(11));
    assert_eq!(late.unwrap(), Recorded::Overtaken);
    assert_eq!(bench.log(), before);
}

#[test]
fn retries_wait_while_everything_or_the_target_is_paused() {
    for target in [None, Some("x")] {
        let mut bench = after(Next::Fail(ErrorCode::Timeout));
        assert!(bench.ledger.pause(target, at(0)).unwrap());
        let before = bench.log();
        for minute in [5, 500] {
            let report = bench.tick(minute).unwrap();
            assert_eq!((decided(&report), report.executions.len()), ("paused", 0));
        }
        assert_eq!(bench.log(), before, "a pause writes nothing");
        assert!(bench.ledger.resume(target, at(500)).unwrap());
        assert_eq!(bench.tick(500).unwrap().executions.len(), 1);
    }
}

#[test]
fn retries_wait_while_somebody_is_inside_and_a_while_longer() {
    let mut bench = after(Next::Fail(ErrorCode::Timeout));
    let mut presence = Presence {
        id: "session 1".to_owned(),
        target: "x".to_owned(),
        since: at(0),
        until: None,
    };
    for (minute, until, decision) in [
        (5, None, "intruder_present"),
        (30, Some(20), "intruder_present"),
        (34, Some(20), "intruder_present"),
    ] {
        presence.until = until.map(at);
        let presences = [presence.clone()];
        let intake = Intake {
            presences: &presences,
            ..Intake::default()
        };
        bench.ledger.take_in(&intake).unwrap();
        let before = bench.log();
        let report = bench.tick(minute).unwrap();
        assert_eq!((decided(&report), report.executions.len()), (decision, 0));
        assert_eq!(bench.log(), before);
    }
    assert_eq!(bench.tick(35).unwrap().executions.len(), 1);
}

#[test]
fn attempts_on_paused_targets_do_not_stand_in_the_way_of_others() {
    let mut bench = Bench::new();
    let paused: Vec<String> = (0..600).map(|index| format!("paused-{index:03}")).collect();
    for target in paused.iter().map(String::as_str).chain(["x"]) {
        bench.count(target, 0, 1_000, 0);
    }
    // All begin, and die.
    let plan = |target: &str, bench: &mut Bench| {
        let report = bench.preview(0);
        let mut verdicts = report.verdicts.into_iter();
        let verdict = verdicts.find(|verdict| verdict.target == target).unwrap();
        verdict.decision.plan().cloned().unwrap()
    };
    let template = plan("x", &mut bench);
    let policy = Stagnation::default();
    for target in paused.iter().map(String::as_str).chain(["x"]) {
        let mut plan = template.clone();
        target.clone_into(&mut plan.target);
        plan.key = decnet_self_heal::action::IdempotencyKey::of(target, plan.action, plan.tier);
        let budget = decnet_self_heal::fleet::Budget {
            actions_per_hour: 1_000,
        };
        let limits = policy.limits();
        let begun = bench.ledger.begin(&plan, limits, budget, at(0), at(10));
        assert!(matches!(begun, Ok(Begun::Yes(_))));
    }
    for target in &paused {
        bench.ledger.pause(Some(target), at(5)).unwrap();
    }
    // Long after the traffic, so that the circuit says nothing.
    let report = bench.tick(300).unwrap();
    let done: Vec<&str> = report
        .executions
        .iter()
        .map(|execution| execution.attempt.plan.target.as_str())
        .collect();
    assert_eq!(done, ["x"]);
}

#[test]
fn when_too_many_are_stale_at_once_nothing_is_done() {
    let mut bench = Bench::new();
    let targets: Vec<String> = (0..10).map(|index| format!("t{index}")).collect();
    // One thread fails before the others go stale.
    bench.count("t0", -100, 1_000, 0);
    bench.script.next = Next::Fail(ErrorCode::Timeout);
    bench.tick(-100).unwrap();
    bench.script.next = Next::Do;
    let count = |bench: &mut Bench, minute: i64, stale: usize| {
        for (index, target) in targets.iter().enumerate() {
            let deeds = if index < stale { 0 } else { 200 };
            bench.count(target, minute, 1_000, deeds);
        }
    };
    count(&mut bench, 0, 5);
    let report = bench.tick(0).unwrap();
    let open = report.circuit.unwrap();
    assert_eq!(
        (open.count.stale, open.count.with_traffic, open.since),
        (5, 10, at(0))
    );
    assert!(report.executions.is_empty(), "not even a retry that is due");
    let circuit = report
        .verdicts
        .iter()
        .map(|verdict| name(&verdict.decision));
    assert_eq!(
        circuit.filter(|name| *name == "fleet_circuit_open").count(),
        9
    );
    assert_eq!(bench.tick(1).unwrap().circuit.unwrap().since, at(0));
    count(&mut bench, 200, 4);
    let report = bench.tick(200).unwrap();
    assert_eq!(report.circuit, None);
    assert!(report.executions[0].was_taken_up);
    assert_eq!(report.executions.len(), 10);
    let turns: Vec<bool> = bench
        .log()
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::CircuitOpened { stale: 5, .. } => Some(true),
            Event::CircuitClosed { stale: 4, .. } => Some(false),
            _ => None,
        })
        .collect();
    assert_eq!(turns, [true, false], "each turn is told once");
}

#[test]
fn a_preview_says_what_a_tick_would_do_and_writes_nothing() {
    let mut bench = Bench::new();
    for (target, deeds) in [("a", 0), ("b", 200), ("c", 200), ("d", 20), ("e", 200)] {
        bench.count(target, 0, 1_000, deeds);
    }
    let presence = Presence {
        id: "1".to_owned(),
        target: "e".to_owned(),
        since: at(0),
        until: None,
    };
    let intake = Intake {
        presences: &[presence],
        ..Intake::default()
    };
    bench.ledger.take_in(&intake).unwrap();
    let before = (bench.log(), bench.ledger.state().clone());
    let preview = bench.preview(0);
    assert_eq!((bench.log(), bench.ledger.state().clone()), before);
    assert!(bench.script.orders.is_empty() && preview.executions.is_empty());
    let report = bench.tick(0).unwrap();
    assert_eq!(preview.verdicts, report.verdicts);
    let names: Vec<&str> = report.verdicts.iter().map(|v| name(&v.decision)).collect();
    assert_eq!(
        names,
        ["thread", "comment", "comment", "edit", "intruder_present"]
    );
    // The strongest first, then who comes first by name.
    let order: Vec<&str> = bench
        .script
        .orders
        .iter()
        .map(|o| &*o.plan.target)
        .collect();
    assert_eq!(order, ["a", "d", "b", "c"]);
}

#[test]
fn an_untouched_decoy_is_left_to_its_age() {
    let mut bench = Bench::new();
    bench.policies.push(Box::new(Age::default()));
    bench.surrounding = Surrounding {
        last_change: Some(at(0) - TimeDelta::days(4)),
        standing: Standing::Decoy { owner_active: true },
    };
    bench.count("x", 0, 0, 0);
    let report = bench.tick(0).unwrap();
    let verdict = &report.verdicts[0];
    assert_eq!(verdict.policy.as_deref(), Some("age"));
    let each: Vec<(&str, &str)> = verdict
        .by_policy
        .iter()
        .map(|(policy, decision)| (policy.as_str(), name(decision)))
        .collect();
    assert_eq!(each, [("stagnation", "no_traffic"), ("age", "comment")]);
    assert_eq!(bench.script.orders[0].plan.policy, "age");
    // Once for the same last change.
    let report = bench.tick(60).unwrap();
    let by_age = &report.verdicts[0].by_policy[1].1;
    assert_eq!(name(by_age), "duplicate_action");
    // What nobody counts is as old.
    let mut bench = Bench::new();
    bench.policies.push(Box::new(Age::default()));
    bench.surrounding.last_change = Some(at(0) - TimeDelta::days(10));
    let intake = Intake {
        targets: &["y"],
        ..Intake::default()
    };
    bench.ledger.take_in(&intake).unwrap();
    assert_eq!(decided(&bench.tick(0).unwrap()), "thread");
}

#[test]
fn nobody_acts_on_a_decoy_whose_owner_is_not_there() {
    let mut bench = Bench::new();
    bench.policies.push(Box::new(Age::default()));
    bench.count("x", 0, 1_000, 0);
    bench.surrounding = Surrounding {
        last_change: Some(at(0) - TimeDelta::days(4)),
        standing: Standing::Decoy {
            owner_active: false,
        },
    };
    let report = bench.tick(0).unwrap();
    assert_eq!(decided(&report), "owner_inactive");
    for (policy, decision) in &report.verdicts[0].by_policy {
        assert_eq!(name(decision), "owner_inactive", "{policy}");
    }
    assert!(bench.script.orders.is_empty());
    bench.surrounding.standing = Standing::Decoy { owner_active: true };
    assert_eq!(decided(&bench.tick(1).unwrap()), "thread");
}

#[test]
fn policies_side_by_side_share_the_limits_of_a_target() {
    let mut bench = Bench::new();
    bench.policies.push(Box::new(Age::default()));
    // Middling: stagnation wants an edit, and age a comment.
    bench.count("x", 0, 1_000, 20);
    bench.surrounding.last_change = Some(at(0) - TimeDelta::days(4));
    assert_eq!(decided(&bench.tick(0).unwrap()), "edit");
    assert_eq!(decided(&bench.tick(1).unwrap()), "comment");
    bench.surrounding.last_change = Some(at(0) - TimeDelta::days(20));
    let report = bench.tick(2).unwrap();
    let names = report.verdicts[0].by_policy.iter().map(|(_, d)| name(d));
    let names: Vec<&str> = names.collect();
    assert_eq!(names, ["duplicate_action", "window_frequency_exceeded"]);
    let actions: Vec<Action> = bench.script.orders.iter().map(|o| o.plan.action).collect();
    assert_eq!(actions, [Action::Edit, Action::Comment]);
}

#[test]
fn the_budget_of_an_hour_goes_to_the_most_stale() {
    let mut bench = Bench::new();
    let count = |bench: &mut Bench, minute| {
        for index in 0..100 {
            // Most of all that have traffic, so that the circuit stays closed.
            bench.count(&format!("busy-{index:02}"), minute, 1_000, 200);
        }
        for index in 0..30 {
            bench.count(&format!("stale-{index:02}"), minute, 1_000, 10 - index / 3);
        }
    };
    count(&mut bench, 0);
    let report = bench.tick(0).unwrap();
    assert_eq!(report.executions.len(), 20);
    let acted: Vec<&str> = bench
        .script
        .orders
        .iter()
        .map(|o| &*o.plan.target)
        .collect();
    assert!(acted.contains(&"stale-29") && !acted.contains(&"stale-00"));
    assert!(!acted.iter().any(|target| target.starts_with("busy")));
    let held = report
        .verdicts
        .iter()
        .map(|verdict| name(&verdict.decision));
    assert_eq!(held.filter(|name| *name == "budget_exhausted").count(), 110);
    // An hour later there is room again.
    count(&mut bench, 59);
    let report = bench.tick(59).unwrap();
    assert!(report.executions.is_empty());
    let held = report
        .verdicts
        .iter()
        .map(|verdict| name(&verdict.decision));
    assert_eq!(held.filter(|name| *name == "budget_exhausted").count(), 110);
    assert_eq!(bench.tick(60).unwrap().executions.len(), 20);
}

/// Cannot be asked.
struct Gone;

impl Surroundings for Gone {
    fn of(&mut self, _: &[&str], _: DateTime<Utc>) -> Result<Vec<Surrounding>, SurroundingsError> {
        Err(SurroundingsError {
            detail: "the world is gone".to_owned(),
            is_transient: true,
        })
    }
}

#[test]
fn a_world_that_cannot_be_asked_stops_a_tick_before_it_writes_anything() {
    let mut bench = Bench::new();
    bench.count("x", 0, 1_000, 0);
    let policy = Stagnation::default();
    let mut tick = HealTick {
        ledger: &mut bench.ledger,
        policies: &[&policy],
        surroundings: &mut Gone,
        executor: &mut bench.script,
        wall_clock: &|| at(0),
        random: &mut || 0,
        on_execution: &mut |_| {},
    };
    let settings = HealSettings::new(at(0));
    let Some(Err(error)) = poll_once(&mut tick, &settings) else {
        panic!("it cannot go on");
    };
    assert!(error.is_transient());
    assert_eq!(error.to_string(), "the world is gone");
    assert!(bench.log().is_empty());
}
