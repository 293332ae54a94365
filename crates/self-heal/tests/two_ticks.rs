//! Two ticks at once: what one does between two steps of the other.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use decnet_self_heal::attempt::{Attempt, AttemptId, ErrorCode, ExecutionError, Status};
use decnet_self_heal::decision::{Decision, Plan};
use decnet_self_heal::executor::{Executor, Order};
use decnet_self_heal::fleet::Budget;
use decnet_self_heal::freeze::Presence;
use decnet_self_heal::ledger::{
    AttemptFilter, Begun, Fleet, HealLedger, HealLedgerError, Held, Intake, KnownTarget,
    Observations, Recorded, TargetId, View,
};
use decnet_self_heal::limits::Limits;
use decnet_self_heal::log::{Entry, Event};
use decnet_self_heal::memory_ledger::MemoryHealLedger;
use decnet_self_heal::point::Point;
use decnet_self_heal::policies::stagnation::Stagnation;
use decnet_self_heal::surroundings::{Surrounding, Surroundings, SurroundingsError};
use decnet_self_heal::tick::{HealReport, HealSettings, HealTick};
use serde_json::{Value, json};

/// One ledger that several hold.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<MemoryHealLedger>>);

macro_rules! handed_on {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl HealLedger for Shared {
            $(fn $name(&mut self, $($argument: $kind),*) -> Result<$answer, HealLedgerError> {
                self.0.lock().unwrap().$name($($argument),*)
            })*
        }
    };
}

handed_on! {
    fn take_in(intake: &Intake<'_>) -> ();
    fn position(source: &str) -> i64;
    fn targets(after: TargetId, limit: usize, view: View) -> Vec<KnownTarget>;
    fn target(name: &str, view: View) -> Option<KnownTarget>;
    fn fleet(begun_from: DateTime<Utc>, now: DateTime<Utc>) -> Fleet;
    fn presences(ended_after: DateTime<Utc>) -> Vec<Presence>;
    fn record_observations(seen: &Observations, now: DateTime<Utc>) -> ();
    fn begin(
        plan: &Plan,
        limits: &Limits,
        budget: Budget,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>
    ) -> Begun;
    fn unfinished(now: DateTime<Utc>, limit: usize) -> Vec<Attempt>;
    fn take_up(
        id: AttemptId,
        token: u32,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>
    ) -> Option<Held>;
    fn record_success(
        id: AttemptId,
        token: u32,
        result: &Value,
        at: DateTime<Utc>
    ) -> Recorded;
    fn record_failure(
        id: AttemptId,
        token: u32,
        error: &ExecutionError,
        retry_at: Option<DateTime<Utc>>,
        at: DateTime<Utc>
    ) -> Recorded;
    fn pause(target: Option<&str>, now: DateTime<Utc>) -> bool;
    fn resume(target: Option<&str>, now: DateTime<Utc>) -> bool;
    fn paused() -> Vec<(String, DateTime<Utc>)>;
    fn attempts(filter: &AttemptFilter) -> Vec<Attempt>;
    fn log(after: i64, limit: usize) -> Vec<Entry>;
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

/// What happens in between, once.
type Meanwhile<'a> = Option<Box<dyn FnOnce() + Send + 'a>>;

/// A world in which something happens as soon as somebody looks.
struct Watched<'a>(Meanwhile<'a>);

impl Surroundings for Watched<'_> {
    fn of(
        &mut self,
        targets: &[&str],
        _: DateTime<Utc>,
    ) -> Result<Vec<Surrounding>, SurroundingsError> {
        if let Some(meanwhile) = self.0.take() {
            meanwhile();
        }
        Ok(vec![Surrounding::default(); targets.len()])
    }
}

/// An executor that is interrupted.
struct Interrupted<'a> {
    meanwhile: Meanwhile<'a>,
    fails: bool,
}

#[async_trait]
impl Executor for Interrupted<'_> {
    async fn execute(&mut self, order: &Order) -> Result<Value, ExecutionError> {
        if let Some(meanwhile) = self.meanwhile.take() {
            meanwhile();
        }
        if self.fails {
            return Err(ExecutionError::new(ErrorCode::Timeout, "too slow"));
        }
        Ok(json!({"tries": order.tries}))
    }
}

fn tick(
    mut ledger: Shared,
    minute: i64,
    while_judging: Meanwhile<'_>,
    mut executor: Interrupted<'_>,
) -> HealReport {
    let policy = Stagnation::default();
    let mut tick = HealTick {
        ledger: &mut ledger,
        policies: &[&policy],
        surroundings: &mut Watched(while_judging),
        executor: &mut executor,
        wall_clock: &move || at(minute),
        random: &mut || 0,
        on_execution: &mut |_| {},
    };
    let settings = HealSettings::new(at(minute));
    let running = pin!(tick.run(&settings));
    match running.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(report) => report.unwrap(),
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn undisturbed(fails: bool) -> Interrupted<'static> {
    Interrupted {
        meanwhile: None,
        fails,
    }
}

/// A ledger with one stale target.
fn ledger() -> Shared {
    let mut ledger = Shared::default();
    let points = [(60, 0), (30, 500), (1, 1_000)].map(|(before, impressions)| {
        let point = Point {
            at: at(-before),
            impressions,
            engagements: 0,
        };
        ("x", point)
    });
    let intake = Intake {
        points: &points,
        ..Intake::default()
    };
    ledger.take_in(&intake).unwrap();
    ledger
}

fn count(ledger: &mut Shared, is_counted: impl Fn(&Event) -> bool) -> usize {
    let log = ledger.log(0, usize::MAX).unwrap();
    log.iter().filter(|entry| is_counted(&entry.event)).count()
}

fn reason(report: &HealReport) -> Option<&'static str> {
    let decision: &Decision = &report.verdicts[0].decision;
    decision.reason().map(|reason| reason.name())
}

#[test]
fn what_another_tick_began_meanwhile_is_not_begun_again() {
    let mut shared = ledger();
    let other = shared.clone();
    let meanwhile = || {
        let report = tick(other, 0, None, undisturbed(false));
        assert_eq!(report.executions.len(), 1);
    };
    let report = tick(
        shared.clone(),
        0,
        Some(Box::new(meanwhile)),
        undisturbed(false),
    );
    assert!(report.executions.is_empty());
    assert_eq!(reason(&report), Some("duplicate_action"));
    assert!(report.verdicts[0].decision.plan().is_some());
    let begun = |event: &Event| matches!(event, Event::Began { .. });
    assert_eq!(count(&mut shared, begun), 1);
}

#[test]
fn a_pause_that_comes_after_the_judgement_is_kept() {
    for target in [None, Some("x")] {
        let mut shared = ledger();
        let mut other = shared.clone();
        let meanwhile = move || assert!(other.pause(target, at(0)).unwrap());
        let report = tick(
            shared.clone(),
            0,
            Some(Box::new(meanwhile)),
            undisturbed(false),
        );
        assert!(report.executions.is_empty());
        assert_eq!(reason(&report), Some("paused"));
        let begun = |event: &Event| matches!(event, Event::Began { .. });
        assert_eq!(count(&mut shared, begun), 0);
    }
}

#[test]
fn who_was_overtaken_says_so_and_records_nothing() {
    for (first_fails, second_fails) in [(false, false), (true, false), (false, true)] {
        let mut shared = ledger();
        let other = shared.clone();
        // The first is suspended for longer than its lease.
        let meanwhile = move || {
            let report = tick(other, 10, None, undisturbed(second_fails));
            let [execution] = report.executions.as_slice() else {
                panic!("{report:?}");
            };
            assert!(execution.was_taken_up && !execution.was_overtaken);
        };
        let executor = Interrupted {
            meanwhile: Some(Box::new(meanwhile)),
            fails: first_fails,
        };
        let report = tick(shared.clone(), 0, None, executor);
        let [execution] = report.executions.as_slice() else {
            panic!("{report:?}");
        };
        assert!(execution.was_overtaken && !execution.was_taken_up);
        let settled =
            |event: &Event| matches!(event, Event::Succeeded { .. } | Event::Failed { .. });
        assert_eq!(count(&mut shared, settled), 1);
        let attempts = shared.attempts(&AttemptFilter::default()).unwrap();
        let [attempt] = attempts.as_slice() else {
            panic!("{attempts:?}");
        };
        let has_succeeded = matches!(attempt.status, Status::Success { .. });
        assert_eq!(has_succeeded, !second_fails);
        assert_eq!((attempt.tries, attempt.token), (2, 2));
    }
}

#[test]
fn what_is_due_is_taken_up_by_one_of_two() {
    let mut shared = ledger();
    let _ = tick(shared.clone(), 0, None, undisturbed(true));
    let other = shared.clone();
    // Both find it due; the first that takes it up has it.
    let meanwhile = || {
        let report = tick(other, 5, None, undisturbed(false));
        assert_eq!(report.executions.len(), 1);
    };
    let report = tick(
        shared.clone(),
        5,
        Some(Box::new(meanwhile)),
        undisturbed(false),
    );
    assert!(report.executions.is_empty());
    let taken_up = |event: &Event| matches!(event, Event::TakenUp { .. });
    assert_eq!(count(&mut shared, taken_up), 1);
    // And somebody who still believes the old token comes too late.
    let stale = shared.take_up(AttemptId(1), 1, at(500), at(510)).unwrap();
    assert_eq!(stale, None);
}
