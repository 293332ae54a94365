//! Properties that are tried with the same inputs in every run, and what they are about.

use std::fmt::Debug;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_self_heal::action::{Action, IdempotencyKey, Tier};
use decnet_self_heal::attempt::Epoch;
use decnet_self_heal::decision::Plan;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

const SEED: u64 = 0x5ea1;

/// Tries so many inputs, the same in every run.
pub(crate) fn check<S>(cases: u32, inputs: S, property: impl Fn(S::Value))
where
    S: Strategy,
    S::Value: Debug,
{
    let config = ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(SEED),
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let tried = TestRunner::new(config).run(&inputs, |input| {
        property(input);
        Ok(())
    });
    tried.unwrap_or_else(|error| panic!("with seed {SEED:#x}: {error}"));
}

pub(crate) fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

pub(crate) fn minutes(minutes: i64) -> TimeDelta {
    TimeDelta::minutes(minutes)
}

pub(crate) fn some_action() -> impl Strategy<Value = Action> {
    prop::sample::select(Action::ALL.to_vec())
}

pub(crate) fn plan(target: &str, action: Action, epoch: i64) -> Plan {
    let tier = match action {
        Action::Comment => Tier::One,
        Action::Edit => Tier::Two,
        Action::Thread => Tier::Three,
    };
    Plan {
        policy: "eager".to_owned(),
        target: target.to_owned(),
        tier,
        action,
        key: IdempotencyKey::of(target, action, tier),
        epoch: Epoch(epoch),
        stagnation: None,
        trend: None,
        last_change: None,
    }
}
