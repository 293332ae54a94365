//! What holds for every sequence of ticks: cooldowns, windows and budgets in any order and under any
//! clock, replay, episodes.

mod support;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use chrono::{DateTime, FixedOffset, SecondsFormat, TimeDelta, Utc};
use decnet_self_heal::action::{Action, Tier};
use decnet_self_heal::attempt::{AttemptId, ErrorCode, ExecutionError, Status};
use decnet_self_heal::decision::{Decision, Reason};
use decnet_self_heal::executor::{Executor, Order};
use decnet_self_heal::fleet::{Budget, FleetCount};
use decnet_self_heal::ledger::{Begun, HealLedger, Intake, Observations};
use decnet_self_heal::limits::{Cooldowns, Limits};
use decnet_self_heal::log::{Entry, State};
use decnet_self_heal::memory_ledger::MemoryHealLedger;
use decnet_self_heal::point::{Point, Trend};
use decnet_self_heal::policies::stagnation::{EpochRule, Stagnation};
use decnet_self_heal::policy::{Episode, Evaluation, Facts, Policy};
use decnet_self_heal::retry::RetryPolicy;
use decnet_self_heal::surroundings::NoSurroundings;
use decnet_self_heal::tick::{HealReport, HealSettings, HealTick};
use proptest::prelude::*;
use serde_json::json;
use support::{at, check, minutes, plan, some_action};

/// Wants its action on every target at every moment, each time for another cause.
struct Eager {
    name: &'static str,
    action: Action,
    next_epoch: AtomicI64,
    limits: Limits,
}

impl Policy for Eager {
    fn name(&self) -> &str {
        self.name
    }

    fn evaluate(&self, facts: &Facts<'_>, now: DateTime<Utc>) -> Evaluation {
        let epoch = self.next_epoch.fetch_add(1, Ordering::Relaxed);
        let mut plan = plan(facts.target, self.action, epoch);
        plan.policy = self.name.to_owned();
        match self.limits.rests(facts.history, self.action, now) {
            Some(reason) => Decision::withhold(plan, reason).into(),
            None => Decision::Act(plan).into(),
        }
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// Notes when each attempt began, by the clock and in truth.
#[derive(Default)]
struct Notes {
    begun: Vec<Noted>,
    truth: i64,
    /// Minutes that the clock has been put forward by, in all.
    put_forward: i64,
    outcome: u8,
}

struct Noted {
    target: String,
    action: Action,
    clock: DateTime<Utc>,
    truth: i64,
    put_forward: i64,
}

#[async_trait]
impl Executor for Notes {
    async fn execute(&mut self, order: &Order) -> Result<serde_json::Value, ExecutionError> {
        if order.tries == 1 {
            self.begun.push(Noted {
                target: order.plan.target.clone(),
                action: order.plan.action,
                clock: order.now,
                truth: self.truth,
                put_forward: self.put_forward,
            });
        }
        match self.outcome {
            0 => Err(ExecutionError::new(ErrorCode::Timeout, "too slow")),
            1 => Err(ExecutionError::new(ErrorCode::Rejected, "no")),
            _ => Ok(json!(null)),
        }
    }
}

fn tick(
    ledger: &mut MemoryHealLedger,
    policies: &[&dyn Policy],
    executor: &mut dyn Executor,
    settings: &HealSettings,
) -> HealReport {
    let now = settings.now;
    let mut tick = HealTick {
        ledger,
        policies,
        surroundings: &mut NoSurroundings,
        executor,
        wall_clock: &move || now,
        random: &mut || u64::MAX / 3,
        on_execution: &mut |_| {},
    };
    let running = pin!(tick.run(settings));
    match running.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(report) => report.unwrap(),
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// The moment, as somebody in another zone writes it.
fn written_elsewhere(now: DateTime<Utc>, hours_east: i32) -> DateTime<Utc> {
    let zone = FixedOffset::east_opt(hours_east * 3_600).unwrap();
    let text = now
        .with_timezone(&zone)
        .to_rfc3339_opts(SecondsFormat::Secs, false);
    let read: DateTime<FixedOffset> = text.parse().unwrap();
    read.to_utc()
}

const BUDGET: Budget = Budget {
    actions_per_hour: 4,
};

/// No two beginnings of an action too close, no window too full, no hour over the budget: by the
/// clock.
fn assert_limits(begun: &[(String, Action, DateTime<Utc>)], limits: &Limits) {
    let mut all: Vec<DateTime<Utc>> = begun.iter().map(|(_, _, at)| *at).collect();
    all.sort_unstable();
    for hour in all.windows(BUDGET.actions_per_hour + 1) {
        assert!(hour[BUDGET.actions_per_hour] - hour[0] >= TimeDelta::hours(1));
    }
    let targets: BTreeSet<&str> = begun.iter().map(|(target, ..)| target.as_str()).collect();
    for target in targets {
        let of_target = begun.iter().filter(|(of, ..)| of == target);
        let mut of_target: Vec<(DateTime<Utc>, Action)> =
            of_target.map(|(_, action, at)| (*at, *action)).collect();
        of_target.sort_unstable();
        for window in of_target.windows(limits.most_in_window + 1) {
            let wide = window[limits.most_in_window].0 - window[0].0;
            assert!(
                wide > limits.window,
                "{target}: {window:?} within {} minutes",
                wide.num_minutes()
            );
        }
        for action in Action::ALL {
            let same = of_target.iter().filter(|(_, of)| *of == action);
            let same: Vec<DateTime<Utc>> = same.map(|(at, _)| *at).collect();
            for pair in same.windows(2) {
                let apart = pair[1] - pair[0];
                assert!(
                    apart >= limits.cooldowns.of(action),
                    "{target}: {action} again after {} minutes",
                    apart.num_minutes()
                );
            }
        }
    }
}

#[test]
fn limits_hold_under_every_clock() {
    let jump = prop_oneof![4 => Just(0_i64), 1 => -2_000..2_000_i64];
    let step = (0..150_i64, jump, 0..3_usize, -12..=14_i32, 0..6_u8);
    let (begun, refused) = (Cell::new(0), Cell::new(0));
    check(400, prop::collection::vec(step, 1..60), |steps| {
        let limits = Limits::default();
        let eager = |name, action| Eager {
            name,
            action,
            next_epoch: AtomicI64::new(0),
            limits: limits.clone(),
        };
        let policies = [
            eager("a", Action::Comment),
            eager("b", Action::Edit),
            eager("c", Action::Thread),
        ];
        let mut ledger = MemoryHealLedger::new();
        let targets = ["x", "y", "z"];
        ledger
            .take_in(&Intake {
                targets: &targets,
                ..Intake::default()
            })
            .unwrap();
        let mut notes = Notes::default();
        let mut skew = 0;
        for (pass, jump, first, zone, outcome) in steps {
            skew += jump;
            notes.put_forward += jump.max(0);
            notes.truth += pass;
            notes.outcome = outcome;
            let now = written_elsewhere(at(notes.truth + skew), zone);
            let mut list: Vec<&dyn Policy> = policies.iter().map(|p| p as &dyn Policy).collect();
            list.rotate_left(first);
            let settings = HealSettings {
                budget: BUDGET,
                ..HealSettings::new(now)
            };
            let report = tick(&mut ledger, &list, &mut notes, &settings);
            let held = report.verdicts.iter();
            refused.set(refused.get() + held.filter(|v| v.decision.reason().is_some()).count());
        }
        begun.set(begun.get() + notes.begun.len());
        let by_clock = notes.begun.iter();
        let by_clock: Vec<(String, Action, DateTime<Utc>)> = by_clock
            .map(|noted| (noted.target.clone(), noted.action, noted.clock))
            .collect();
        assert_limits(&by_clock, &limits);
        // And in truth, unless the clock was put forward meanwhile.
        for (index, later) in notes.begun.iter().enumerate() {
            for earlier in &notes.begun[..index] {
                if earlier.target == later.target && earlier.action == later.action {
                    let passed = later.truth - earlier.truth;
                    let skipped = later.put_forward - earlier.put_forward;
                    assert!(
                        minutes(passed + skipped) >= limits.cooldowns.of(later.action),
                        "{} of {} again after {passed} minutes",
                        later.action,
                        later.target
                    );
                }
            }
        }
    });
    assert!(begun.get() > 2_000 && refused.get() > 2_000);
}

#[test]
fn limits_hold_whatever_the_order_of_ticks() {
    let moment = (0..3_usize, some_action(), 0..1_000_i64, any::<bool>());
    let (begun, refused) = (Cell::new(0), Cell::new(0));
    check(400, prop::collection::vec(moment, 1..120), |moments| {
        let limits = Limits::default();
        let mut ledger = MemoryHealLedger::new();
        let mut accepted = Vec::new();
        for (epoch, (target, action, minute, looks)) in (0..).zip(moments) {
            let target = ["x", "y", "z"][target];
            let now = at(minute);
            if looks {
                let seen = Observations {
                    clock_was_put_back: ledger.fleet(now, now).unwrap().clock_was_put_back,
                    ..Observations::default()
                };
                ledger.record_observations(&seen, now).unwrap();
            }
            let plan = plan(target, action, epoch);
            let lease = now + minutes(10);
            match ledger.begin(&plan, &limits, BUDGET, now, lease).unwrap() {
                Begun::Yes(_) => accepted.push((target.to_owned(), action, now)),
                Begun::Refused(_) => refused.set(refused.get() + 1),
            }
        }
        begun.set(begun.get() + accepted.len());
        assert_limits(&accepted, &limits);
    });
    assert!(begun.get() > 2_000 && refused.get() > 2_000);
}

/// Something that is done to a ledger.
#[derive(Clone, Debug)]
enum Step {
    Begin(usize, Action, i64, f64),
    TakeUp(usize),
    Settle(usize, u8),
    Episode(usize, i64, bool),
    Circuit(bool),
    ClockPutBack,
    Pause(Option<usize>),
    Resume(Option<usize>),
}

fn some_step() -> impl Strategy<Value = Step> {
    let target = 0..4_usize;
    prop_oneof![
        4 => (target.clone(), some_action(), 0..3_i64, 0.0..1.0_f64)
            .prop_map(|(target, action, epoch, stagnation)| {
                Step::Begin(target, action, epoch, stagnation)
            }),
        2 => (0..8_usize).prop_map(Step::TakeUp),
        4 => (0..8_usize, 0..4_u8).prop_map(|(attempt, outcome)| Step::Settle(attempt, outcome)),
        1 => (target.clone(), 1..9_i64, any::<bool>())
            .prop_map(|(target, number, is_stale)| Step::Episode(target, number, is_stale)),
        1 => any::<bool>().prop_map(Step::Circuit),
        1 => Just(Step::ClockPutBack),
        1 => prop::option::of(target.clone()).prop_map(Step::Pause),
        2 => prop::option::of(target).prop_map(Step::Resume),
    ]
}

const NAMES: [&str; 4] = ["x", "y:z", "\u{1F98A} \"quoted\"\n", "w"];

fn play(ledger: &mut MemoryHealLedger, step: Step, now: DateTime<Utc>) {
    let name = |target: Option<usize>| target.map(|target| NAMES[target]);
    let attempts: Vec<(AttemptId, u32)> = {
        let attempts = ledger.state().attempts.values();
        attempts
            .map(|attempt| (attempt.id, attempt.token))
            .collect()
    };
    let chosen = |index: usize| attempts.iter().rev().nth(index).copied();
    match step {
        Step::Begin(target, action, epoch, stagnation) => {
            let mut plan = plan(NAMES[target], action, epoch);
            plan.stagnation = Some(stagnation);
            plan.trend = Some(Trend {
                samples: 3,
                impressions: u64::MAX,
                engagements: 1,
                resets: 2,
            });
            plan.last_change = Some(now - TimeDelta::nanoseconds(1));
            let budget = Budget::default();
            let limits = Limits::default();
            let _ = ledger
                .begin(&plan, &limits, budget, now, now + minutes(10))
                .unwrap();
        }
        Step::TakeUp(index) => {
            if let Some((id, token)) = chosen(index) {
                let lease_until = now + minutes(10);
                ledger.take_up(id, token, now, lease_until).unwrap();
            }
        }
        Step::Settle(index, outcome) => {
            if let Some((id, token)) = chosen(index) {
                let error = ExecutionError::new(ErrorCode::RateLimit, "later\nplease");
                let retry_at = (outcome == 1).then(|| now + minutes(1));
                let _ = match outcome {
                    0 | 1 => ledger.record_failure(id, token, &error, retry_at, now),
                    2 => ledger.record_success(id, token, &json!({"mail": [1, null, 0.5]}), now),
                    _ => ledger.record_success(id, token.wrapping_sub(1), &json!("late"), now),
                }
                .unwrap();
            }
        }
        Step::Episode(target, number, is_stale) => {
            let episode = Episode {
                number,
                is_stale,
                since: now,
            };
            let seen = Observations {
                episodes: vec![("eager".to_owned(), NAMES[target].to_owned(), episode)],
                ..Observations::default()
            };
            ledger.record_observations(&seen, now).unwrap();
        }
        Step::Circuit(is_open) => {
            let count = FleetCount {
                stale: 5,
                with_traffic: 9,
            };
            let seen = Observations {
                circuit: Some((is_open, count)),
                ..Observations::default()
            };
            ledger.record_observations(&seen, now).unwrap();
        }
        Step::ClockPutBack => {
            let seen = Observations {
                clock_was_put_back: true,
                ..Observations::default()
            };
            ledger.record_observations(&seen, now).unwrap();
        }
        Step::Pause(target) => {
            ledger.pause(name(target), now).unwrap();
        }
        Step::Resume(target) => {
            ledger.resume(name(target), now).unwrap();
        }
    }
}

fn replayed(log: &[Entry]) -> State {
    let mut state = State::default();
    for entry in log {
        state.apply(entry);
    }
    state
}

#[test]
fn replaying_the_log_gives_the_same_state() {
    let steps = prop::collection::vec((some_step(), -200..400_i64), 1..80);
    let kinds = Cell::new(BTreeSet::new());
    check(400, steps, |steps| {
        let mut ledger = MemoryHealLedger::new();
        let mut now = 0;
        for (step, pass) in steps {
            now += pass;
            play(&mut ledger, step, at(now));
        }
        let log = ledger.log(0, usize::MAX).unwrap();
        assert_eq!(replayed(&log), *ledger.state());
        let mut read = Vec::new();
        let mut seen = kinds.take();
        for entry in &log {
            let text = serde_json::to_string(entry).unwrap();
            let json: serde_json::Value = serde_json::from_str(&text).unwrap();
            seen.insert(json["event"].as_str().unwrap().to_owned());
            let entry_again: Entry = serde_json::from_str(&text).unwrap();
            assert_eq!(entry_again, *entry, "{text}");
            read.push(entry_again);
        }
        kinds.set(seen);
        assert_eq!(replayed(&read), *ledger.state());
        let half = log.len() / 2;
        let after = ledger.log(i64::try_from(half).unwrap(), 3).unwrap();
        let expected: Vec<Entry> = log.iter().skip(half).take(3).cloned().collect();
        assert_eq!(after, expected);
    });
    assert_eq!(
        kinds.take().len(),
        10,
        "every kind of entry was in some log"
    );
}

fn no_limits() -> Limits {
    Limits {
        most_in_window: usize::MAX,
        cooldowns: Cooldowns {
            comment: TimeDelta::zero(),
            edit: TimeDelta::zero(),
            thread: TimeDelta::zero(),
        },
        after_failures: RetryPolicy {
            longest: TimeDelta::zero(),
            ..RetryPolicy::default()
        },
        ..Limits::default()
    }
}

/// Points that give this tier, after everything that was counted before.
fn take_in_tier(ledger: &mut MemoryHealLedger, tier: Tier, now: DateTime<Utc>, round: u64) {
    let engagements = match tier {
        Tier::One => 100,
        Tier::Two => 20,
        Tier::Three => 0,
    };
    let point = |minute: i64, impressions, engagements| {
        let point = Point {
            at: now - minutes(minute),
            impressions: round * 1_000 + impressions,
            engagements: round * 100 + engagements,
        };
        ("x", point)
    };
    let points = [
        point(60, 0, 0),
        point(30, 500, engagements / 2),
        point(0, 1_000, engagements),
    ];
    let intake = Intake {
        points: &points,
        keep_for: Some(minutes(180)),
        ..Intake::default()
    };
    ledger.take_in(&intake).unwrap();
}

#[test]
fn an_action_is_done_once_in_an_episode_and_again_in_the_next() {
    let step = (
        prop::sample::select(Tier::ALL.to_vec()),
        100..3_000_i64,
        0..5_u8,
    );
    let (acted, refused) = (Cell::new(0), Cell::new(0));
    check(200, prop::collection::vec(step, 1..40), |steps| {
        let longest = TimeDelta::days(3);
        let policy = Stagnation {
            epochs: EpochRule::Episode { longest },
            limits: no_limits(),
            ..Stagnation::default()
        };
        let mut ledger = MemoryHealLedger::new();
        let mut notes = Notes::default();
        let mut now = at(0);
        // Whether the episode is stale, since when, and what was done in it.
        let mut episode: Option<(bool, DateTime<Utc>, BTreeSet<Tier>)> = None;
        for (round, (tier, pass, outcome)) in (0..).zip(steps) {
            now += minutes(pass);
            take_in_tier(&mut ledger, tier, now, round);
            let is_stale = tier != Tier::One;
            let goes_on = episode
                .as_ref()
                .is_some_and(|(stale, since, _)| *stale == is_stale && now - *since < longest);
            if !goes_on {
                episode = Some((is_stale, now, BTreeSet::new()));
            }
            // Only for good, so that nothing of an earlier step is finished in a later one.
            notes.outcome = outcome.max(1);
            let settings = HealSettings::new(now);
            let report = tick(&mut ledger, &[&policy], &mut notes, &settings);
            let (_, _, done) = episode.as_mut().unwrap();
            let reason = report.verdicts[0].decision.reason().map(Reason::name);
            let expected = done.contains(&tier).then_some("duplicate_action");
            assert_eq!(reason, expected, "round {round} at {now}");
            assert_eq!(report.executions.len(), usize::from(expected.is_none()));
            let counter = if expected.is_some() { &refused } else { &acted };
            counter.set(counter.get() + 1);
            if notes.outcome > 1 {
                done.insert(tier);
            }
        }
    });
    assert!(acted.get() > 500 && refused.get() > 500);
}

#[test]
fn what_was_done_for_ever_is_never_done_again() {
    let step = (
        prop::sample::select(Tier::ALL.to_vec()),
        1..200_i64,
        0..5_u8,
    );
    check(200, prop::collection::vec(step, 1..60), |steps| {
        let policy = Stagnation {
            epochs: EpochRule::Forever,
            limits: no_limits(),
            ..Stagnation::default()
        };
        let mut ledger = MemoryHealLedger::new();
        let mut notes = Notes::default();
        let mut now = at(0);
        let mut done = BTreeSet::new();
        for (round, (tier, days, outcome)) in (0..).zip(steps) {
            now += TimeDelta::days(days);
            take_in_tier(&mut ledger, tier, now, round);
            notes.outcome = outcome;
            let settings = HealSettings::new(now);
            let report = tick(&mut ledger, &[&policy], &mut notes, &settings);
            for execution in &report.executions {
                let tier = execution.attempt.plan.tier;
                assert!(!done.contains(&tier), "{tier} again on {now}");
                if matches!(execution.attempt.status, Status::Success { .. }) {
                    done.insert(tier);
                }
            }
            if done.contains(&tier) && report.executions.is_empty() {
                let reason = report.verdicts[0].decision.reason().map(Reason::name);
                assert_eq!(reason, Some("duplicate_action"));
            }
        }
    });
}
