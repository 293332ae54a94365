//! What holds for every input of the decision: keys, trends, waits, freezing, and what a "no" says.

mod support;

use std::cell::Cell;
use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_self_heal::action::{Action, IdempotencyKey, Tier};
use decnet_self_heal::attempt::{Beginning, ErrorCode, ExecutionError, History, Known, Status};
use decnet_self_heal::decision::{Decision, Reason};
use decnet_self_heal::engine::Engine;
use decnet_self_heal::fleet::{Budget, CircuitRule};
use decnet_self_heal::freeze::{FreezeRule, Presence};
use decnet_self_heal::ledger::{Fleet, KnownTarget, TargetId};
use decnet_self_heal::point::{Point, Trend};
use decnet_self_heal::policies::age::Age;
use decnet_self_heal::policies::stagnation::Stagnation;
use decnet_self_heal::policy::{Policy, Standing};
use decnet_self_heal::retry::RetryPolicy;
use decnet_self_heal::surroundings::Surrounding;
use proptest::prelude::*;
use support::{at, check, minutes, plan, some_action};

const BUDGET: Budget = Budget {
    actions_per_hour: 4,
};

#[test]
fn a_key_is_the_same_for_ever_and_no_other_action_has_it() {
    let names = prop_oneof![any::<String>(), "[a-c:_]{0,6}(comment|edit|tier_1)?:?"];
    check(500, (names.clone(), names), |(one, other)| {
        let mut keys = BTreeMap::new();
        for target in [&one, &other] {
            for action in Action::ALL {
                for tier in Tier::ALL {
                    let key = IdempotencyKey::of(target, action, tier);
                    assert_eq!(key, IdempotencyKey::of(target, action, tier));
                    let digits = key.as_str().strip_prefix("sheal_").unwrap();
                    assert_eq!(digits.len(), 32);
                    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
                    assert!(digits.chars().all(is_digit), "{key}");
                    let of = (target, action, tier);
                    assert_eq!(*keys.entry(key).or_insert(of), of);
                }
            }
        }
    });
    let key = IdempotencyKey::of("Señor 🦊:edit", Action::Edit, Tier::Two);
    assert_eq!(key.as_str(), "sheal_661fc6f93c3be12e30e47403f89ea103");
}

fn some_points() -> impl Strategy<Value = Vec<Point>> {
    let count = prop_oneof![
        4 => 0..2_000_u64,
        1 => Just(0),
        1 => Just(u64::MAX),
        1 => any::<u64>(),
    ];
    let minute = (-12..3_i64).prop_map(|tens| tens * 10);
    let point = (minute, count.clone(), count);
    prop::collection::vec(point, 0..12).prop_map(|points| {
        let points = points.into_iter();
        points
            .map(|(minute, impressions, engagements)| Point {
                at: at(minute),
                impressions,
                engagements,
            })
            .collect()
    })
}

#[test]
fn the_order_of_points_does_not_matter() {
    let shuffled = some_points().prop_flat_map(|points| {
        let one = Just(points.clone()).prop_shuffle();
        (one, Just(points).prop_shuffle())
    });
    check(1_000, shuffled, |(one, other)| {
        let window = minutes(90);
        let trend = Trend::of(&one, window, at(0));
        assert_eq!(trend, Trend::of(&other, window, at(0)));
        let inside = one.iter();
        let inside = inside.filter(|point| (at(-90)..=at(0)).contains(&point.at));
        assert_eq!(trend.samples, inside.count());
        let stagnation = trend.stagnation(20.0);
        assert!((0.0..=1.0).contains(&stagnation), "{trend:?}");
    });
}

#[test]
fn a_trend_of_any_moments_and_counts_is_a_trend() {
    let moment = prop_oneof![
        Just(DateTime::<Utc>::MIN_UTC),
        Just(DateTime::<Utc>::MAX_UTC),
        (-1_000..1_000_i64).prop_map(at),
    ];
    let window = prop_oneof![
        Just(TimeDelta::MAX),
        Just(TimeDelta::MIN),
        Just(TimeDelta::zero()),
        (0..500_i64).prop_map(minutes),
    ];
    let point = (moment.clone(), any::<u64>(), any::<u64>());
    let points = prop::collection::vec(point, 0..6);
    check(1_000, (points, window, moment), |(points, window, now)| {
        let points = points.into_iter();
        let points: Vec<Point> = points
            .map(|(at, impressions, engagements)| Point {
                at,
                impressions,
                engagements,
            })
            .collect();
        let trend = Trend::of(&points, window, now);
        assert!(trend.samples <= points.len());
        let moved = trend.impressions > 0 || trend.engagements > 0 || trend.resets > 0;
        assert!(!moved || trend.samples > 1);
        assert!((0.0..=1.0).contains(&trend.stagnation(20.0)));
    });
}

#[test]
fn retries_wait_between_half_and_all_of_a_capped_doubling() {
    let inputs = (
        1..40_u32,
        1..2_000_i64,
        1..50_000_i64,
        0..8_u32,
        any::<u64>(),
    );
    check(1_000, inputs, |(failures, first, longest, tries, lot)| {
        let policy = RetryPolicy {
            first: TimeDelta::seconds(first),
            longest: TimeDelta::seconds(longest),
            most_tries: 5,
        };
        let mut whole = policy.first;
        for _ in 1..failures {
            whole = (whole * 2).min(policy.longest);
        }
        whole = whole.min(policy.longest);
        let again = policy.retry_at(tries, failures, at(0), lot);
        assert_eq!(again.is_some(), tries < 5);
        if let Some(again) = again {
            let wait = again - at(0);
            assert!(wait * 2 >= whole && wait <= whole, "{wait} of {whole}");
        }
    });
}

#[test]
fn a_decoy_is_left_alone_while_somebody_is_inside_and_never_for_too_long() {
    let presence = (0..900_i64, prop::option::weighted(0.8, 0..300_i64));
    let inputs = (prop::collection::vec(presence, 1..8), 1..40_i64, 1..200_i64);
    let frozen_minutes = Cell::new(0);
    check(300, inputs, |(inside, hold_off, longest)| {
        let rule = FreezeRule {
            hold_off: minutes(hold_off),
            longest: minutes(longest),
        };
        let mut by_chain: BTreeMap<DateTime<Utc>, i64> = BTreeMap::new();
        let mut was_frozen = Vec::new();
        for minute in 0..1_500_i64 {
            // What is known by then.
            let known = inside.iter().enumerate();
            let known: Vec<Presence> = known
                .filter(|(_, (since, _))| *since <= minute)
                .map(|(index, (since, stays))| Presence {
                    id: index.to_string(),
                    target: "x".to_owned(),
                    since: at(*since),
                    until: stays
                        .map(|stays| since + stays)
                        .filter(|until| *until <= minute)
                        .map(at),
                })
                .collect();
            let frozen = rule.frozen(&known, at(minute));
            let reason = frozen.reason("x");
            if let Some(reason) = &reason {
                let Reason::IntruderPresent { since, until, .. } = reason else {
                    panic!("{reason:?}");
                };
                assert!(*since <= at(minute) && at(minute) < *until);
                assert!(*until <= *since + rule.longest);
                *by_chain.entry(*since).or_default() += 1;
            }
            // Whoever came when nobody had been there is respected for as long as the rule says.
            let respected = inside.iter().any(|(since, stays)| {
                let leaves = stays.map_or(i64::MAX, |stays| since + stays + hold_off);
                let came = usize::try_from(*since).unwrap();
                let alone = came == 0 || was_frozen.get(came - 1) == Some(&false);
                alone && (*since..leaves.min(since + longest)).contains(&minute)
            });
            assert!(reason.is_some() || !respected, "minute {minute}");
            // Long after the last has come, an idle connection does not count any more.
            let last = inside.iter().map(|(since, _)| *since).max().unwrap();
            assert!(reason.is_none() || minute < last + longest);
            was_frozen.push(reason.is_some());
        }
        let total: i64 = by_chain.values().sum();
        frozen_minutes.set(frozen_minutes.get() + total);
        for (since, frozen) in by_chain {
            assert!(frozen <= longest, "since {since} for {frozen} minutes");
        }
    });
    assert!(frozen_minutes.get() > 10_000);
}

/// A history without a clock that was put back: everything in it is over.
fn some_history() -> impl Strategy<Value = History> {
    let beginnings = prop::collection::vec((some_action(), -400..0_i64), 0..6);
    let attempt = (some_action(), 0..2_i64, 0..4_u8, 1..5_u32);
    let attempts = prop::collection::vec(attempt, 0..4);
    (beginnings, attempts, 0..12_u32).prop_map(|(beginnings, attempts, failures_in_a_row)| {
        let beginnings = beginnings.into_iter();
        let beginnings = beginnings.map(|(action, minute)| Beginning::new(action, at(minute)));
        let attempts = attempts.into_iter().map(|(action, epoch, status, tries)| {
            let plan = plan("x", action, epoch);
            let failed = |retry_at| Status::Failed {
                at: at(-5),
                error: ExecutionError::new(ErrorCode::NetworkError, "no route"),
                retry_at,
            };
            Known {
                policy: Stagnation::NAME.to_owned(),
                key: plan.key,
                epoch: plan.epoch,
                started_at: at(-10),
                tries,
                status: match status {
                    0 => Status::Running { lease_until: at(5) },
                    1 => Status::Success { at: at(-5) },
                    2 => failed(None),
                    _ => failed(Some(at(3))),
                },
            }
        });
        History {
            beginnings: beginnings.collect(),
            attempts: attempts.collect(),
            failures_in_a_row,
        }
    })
}

#[derive(Clone, Debug)]
struct Situation {
    points: Vec<Point>,
    history: History,
    standing: Standing,
    last_change: Option<i64>,
    paused: (bool, bool),
    has_intruder: bool,
    begun: Vec<i64>,
    by_age: bool,
}

fn some_situation() -> impl Strategy<Value = Situation> {
    let counters = prop_oneof![
        5 => prop::collection::vec((0..300_u64, 0..20_u64), 0..6),
        1 => prop::collection::vec((Just(0), Just(0)), 3..6),
    ];
    let points = counters.prop_map(|counters| {
        let mut sum = (0, 0);
        let points = (0..)
            .zip(counters)
            .map(|(index, (impressions, engagements))| {
                sum = (sum.0 + impressions, sum.1 + engagements);
                Point {
                    at: at(-60 + 12 * index),
                    impressions: sum.0,
                    engagements: sum.1,
                }
            });
        points.collect()
    });
    let standing = prop_oneof![
        Just(Standing::Plain),
        any::<bool>().prop_map(|owner_active| Standing::Decoy { owner_active }),
    ];
    let rarely = || prop::bool::weighted(0.1);
    (
        points,
        some_history(),
        standing,
        prop::option::of(-20_000..0_i64),
        (rarely(), rarely()),
        rarely(),
        prop::collection::vec(-70..0_i64, 0..6),
        prop::bool::weighted(0.3),
    )
        .prop_map(
            |(points, history, standing, last_change, paused, has_intruder, begun, by_age)| {
                Situation {
                    points,
                    history,
                    standing,
                    last_change,
                    paused,
                    has_intruder,
                    begun,
                    by_age,
                }
            },
        )
}

/// What is decided about the target "x" at a moment.
fn judged(situation: &Situation, now: DateTime<Utc>) -> Decision {
    let (stagnation, age) = (Stagnation::default(), Age::default());
    let policy: &dyn Policy = if situation.by_age { &age } else { &stagnation };
    let policies = [policy];
    let fleet = Fleet {
        paused_since: situation.paused.0.then_some(at(-9)),
        begun: (situation.begun.iter())
            .map(|minutes| Beginning::new(Action::Comment, at(*minutes)))
            .collect(),
        ..Fleet::default()
    };
    let presence = Presence {
        id: "1".to_owned(),
        target: "x".to_owned(),
        since: at(-20),
        until: Some(at(-3)),
    };
    let presences = situation.has_intruder.then_some(presence);
    let frozen = FreezeRule::default().frozen(&presences, now);
    let mut engine = Engine::new(&policies, &fleet, &frozen, now);
    let known = KnownTarget {
        id: TargetId(1),
        name: "x".to_owned(),
        points: situation.points.clone(),
        history: situation.history.clone(),
        episodes: Vec::new(),
        paused_since: situation.paused.1.then_some(at(-9)),
    };
    let surrounding = Surrounding {
        last_change: situation.last_change.map(at),
        standing: situation.standing,
    };
    engine.judge(&known, surrounding);
    let mut judgement = engine.conclude(&CircuitRule::default(), BUDGET);
    assert_eq!(judgement.verdicts.len(), 1);
    judgement.verdicts.remove(0).decision
}

#[test]
fn a_no_has_one_reason_that_holds_until_it_says() {
    let seen = Cell::new(BTreeMap::<&str, usize>::new());
    check(4_000, some_situation(), |situation| {
        let decision = judged(&situation, at(0));
        let Some(reason) = decision.reason() else {
            return;
        };
        let mut count = seen.take();
        *count.entry(reason.name()).or_default() += 1;
        seen.set(count);
        let told = serde_json::to_value(reason).unwrap();
        assert_eq!(told["reason"], reason.name());
        assert_eq!(serde_json::from_value::<Reason>(told).unwrap(), *reason);
        let until = match reason {
            Reason::Paused { everything, .. } => {
                assert_eq!(*everything, situation.paused.0);
                None
            }
            Reason::InsufficientSamples {
                sample_count,
                needed,
            } => {
                assert!(sample_count < needed && *sample_count == situation.points.len());
                None
            }
            Reason::WindowFrequencyExceeded {
                actions,
                most,
                until,
            } => {
                assert!(actions >= most);
                *until
            }
            Reason::BudgetExhausted {
                actions,
                most,
                until,
            } => {
                assert!(actions >= most);
                *until
            }
            Reason::ActionCooldownActive {
                until,
                failures_in_a_row,
            } => {
                assert!([0, situation.history.failures_in_a_row].contains(failures_in_a_row));
                Some(*until)
            }
            Reason::IntruderPresent { until, .. } | Reason::ChangedRecently { until, .. } => {
                Some(*until)
            }
            _ => return,
        };
        let Some(until) = until else {
            return;
        };
        assert!(until > at(0), "{reason:?}");
        // Nothing but the clock changes: points stay in their window, what is old does not get older.
        let later = |now: DateTime<Utc>| {
            let mut situation = situation.clone();
            for point in &mut situation.points {
                point.at += now - at(0);
            }
            if !matches!(reason, Reason::ChangedRecently { .. }) {
                let passed = (now - at(0)).num_minutes();
                situation.last_change = situation.last_change.map(|minute| minute + passed);
            }
            let decision = judged(&situation, now);
            decision.reason().map(Reason::name)
        };
        assert_ne!(later(until), Some(reason.name()), "{reason:?}");
        let just_before = until - TimeDelta::microseconds(2);
        assert_eq!(later(just_before), Some(reason.name()), "{reason:?}");
    });
    let seen = seen.take();
    for name in [
        "paused",
        "intruder_present",
        "insufficient_samples",
        "no_traffic",
        "duplicate_action",
        "retry_scheduled",
        "window_frequency_exceeded",
        "action_cooldown_active",
        "owner_inactive",
        "changed_recently",
        "never_changed",
        "budget_exhausted",
    ] {
        assert!(seen.contains_key(name), "{name} is not among {seen:?}");
    }
}
