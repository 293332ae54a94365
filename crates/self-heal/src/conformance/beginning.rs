//! What may begin, and what stands against it.

use chrono::{DateTime, TimeDelta};

use super::desk::{ALL, Desk, NO_BUDGET, P1, POLICY, at, no_limits, plan, plan_on, times};
use super::looks::hostile_names;
use crate::action::{Action, IdempotencyKey, Tier};
use crate::attempt::{Attempt, AttemptId, Beginning, Epoch, Status};
use crate::decision::{Plan, Reason};
use crate::fleet::Budget;
use crate::ledger::{Begun, Held, Recorded};
use crate::limits::Limits;
use crate::point::Trend;
use crate::retry::RetryPolicy;

fn in_epoch(tier: Tier, epoch: i64) -> Plan {
    Plan {
        epoch: Epoch(epoch),
        ..plan(tier)
    }
}

fn duplicate(started: i64, status: &str) -> Reason {
    Reason::DuplicateAction {
        started_at: at(started),
        status: status.to_owned(),
    }
}

pub(super) fn a_first_attempt_begins(desk: &mut Desk<'_>) {
    let plan = plan(Tier::Two);
    let held = desk.begin(&plan, 5);
    let attempt = Attempt {
        id: AttemptId(1),
        plan: plan.clone(),
        started_at: at(5),
        tries: 1,
        token: 1,
        status: Status::Running {
            lease_until: at(15),
        },
        result: None,
    };
    let expected = Held {
        attempt: attempt.clone(),
        beginning: 1,
        failures_in_a_row: 0,
    };
    assert_eq!(held, expected);
    assert_eq!(desk.list(), [attempt]);
    let history = desk.target().history;
    assert_eq!(history.beginnings, [Beginning::new(Action::Edit, at(5))]);
    let [known] = &history.attempts[..] else {
        panic!("{:?}", history.attempts);
    };
    assert_eq!((&known.policy, &known.key), (&plan.policy, &plan.key));
    assert_eq!((known.epoch, known.tries), (Epoch(1), 1));
    assert_eq!(known.started_at, at(5));
    assert_eq!(times(&desk.fleet(5, 5)), [at(5)]);
    assert!(desk.fleet(6, 5).begun.is_empty());
}

pub(super) fn what_was_done_is_not_done_again_in_its_epoch(desk: &mut Desk<'_>) {
    desk.done(&in_epoch(Tier::One, 1), 0);
    let again = desk.refused(&in_epoch(Tier::One, 1), 10_000);
    assert_eq!(again, duplicate(0, "success"));
    // Another epoch and another tier are something else.
    desk.done(&in_epoch(Tier::One, 2), 10_001);
    desk.done(&in_epoch(Tier::Two, 1), 10_002);
    let again = desk.refused(&in_epoch(Tier::One, 2), 20_000);
    assert_eq!(again, duplicate(10_001, "success"));
    assert_eq!(desk.list().len(), 3);
    // The key decides, not what else the plan says.
    let mut disguised = in_epoch(Tier::One, 2);
    disguised.action = Action::Thread;
    disguised.stagnation = Some(0.5);
    assert_eq!(desk.refused(&disguised, 20_000), again);
}

pub(super) fn what_is_being_done_is_not_begun_twice(desk: &mut Desk<'_>) {
    let plan = plan(Tier::One);
    let held = desk.begin(&plan, 0);
    assert_eq!(desk.refused(&plan, 0), duplicate(0, "running"));
    // Neither after its lease: it is taken up then.
    assert_eq!(desk.refused(&plan, 1_000), duplicate(0, "running"));
    assert!(desk.take_up(held.attempt.id, 1, 1_000).is_some());
    assert_eq!(desk.refused(&plan, 2_000), duplicate(0, "running"));
}

pub(super) fn what_waits_for_its_retry_is_not_begun(desk: &mut Desk<'_>) {
    let plan = plan(Tier::One);
    let id = desk.begin(&plan, 0).attempt.id;
    assert_eq!(desk.failure(id, 1, 1, Some(5)), Recorded::Yes);
    let scheduled = Reason::RetryScheduled {
        at: at(5),
        tries: 1,
        error: "timeout".to_owned(),
    };
    assert_eq!(desk.refused(&plan, 2), scheduled);
    assert_eq!(desk.refused(&plan, 500), scheduled);
}

pub(super) fn what_failed_for_good_may_begin_again(desk: &mut Desk<'_>) {
    let id = desk.botched(&plan(Tier::One), 0);
    let mut newer = plan(Tier::One);
    newer.stagnation = Some(0.75);
    let held = desk.begin(&newer, 60);
    let attempt = Attempt {
        id,
        plan: newer.clone(),
        started_at: at(60),
        tries: 1,
        token: 2,
        status: Status::Running {
            lease_until: at(70),
        },
        result: None,
    };
    assert_eq!(held.attempt, attempt, "the same attempt, anew");
    assert_eq!((held.beginning, held.failures_in_a_row), (2, 1));
    assert_eq!(desk.list(), [attempt]);
    let begun: Vec<_> = desk.beginnings(P1).iter().map(|held| held.at).collect();
    assert_eq!(begun, [at(0), at(60)], "both beginnings count");
    assert_eq!(desk.failure(id, 2, 61, None), Recorded::Yes);
    let held = desk.begin(&newer, 120);
    assert_eq!((held.beginning, held.attempt.token), (3, 3));
    assert_eq!(held.failures_in_a_row, 2);
    assert_eq!(desk.success(id, 3, 121), Recorded::Yes);
    assert_eq!(desk.refused(&newer, 9_000), duplicate(120, "success"));
}

pub(super) fn an_epoch_that_comes_back_stays_done(desk: &mut Desk<'_>) {
    desk.done(&in_epoch(Tier::One, 1), 0);
    let waits = desk.begin(&in_epoch(Tier::One, 2), 1).attempt.id;
    assert_eq!(desk.failure(waits, 1, 2, Some(500)), Recorded::Yes);
    desk.done(&in_epoch(Tier::One, 3), 3);
    // The latest of this key is that of epoch 3; the ledger remembers the others.
    assert_eq!(
        desk.refused(&in_epoch(Tier::One, 1), 4),
        duplicate(0, "success")
    );
    assert_eq!(
        desk.refused(&in_epoch(Tier::One, 2), 5),
        duplicate(1, "failed")
    );
    let history = desk.target().history;
    assert_eq!(history.attempts.len(), 1);
    assert_eq!(history.attempts[0].epoch, Epoch(3));
}

pub(super) fn an_epoch_that_comes_back_may_begin_again(desk: &mut Desk<'_>) {
    let first = desk.botched(&in_epoch(Tier::One, 1), 0);
    let second = desk.done(&in_epoch(Tier::One, 2), 1);
    assert!(first < second, "ids grow");
    let held = desk.begin(&in_epoch(Tier::One, 1), 2);
    assert_eq!((held.attempt.id, held.beginning), (first, 2));
    // It began last of its key, though it was made first.
    let history = desk.target().history;
    assert_eq!(history.attempts.len(), 1);
    assert_eq!(history.attempts[0].epoch, Epoch(1));
    let ids: Vec<_> = desk.list().iter().map(|attempt| attempt.id).collect();
    assert_eq!(ids, [second, first]);
    desk.begin(&in_epoch(Tier::One, 3), 3);
    assert_eq!(desk.target().history.attempts[0].epoch, Epoch(3));
}

pub(super) fn policies_and_targets_stand_apart(desk: &mut Desk<'_>) {
    desk.done(&plan(Tier::One), 0);
    let mut by_age = plan(Tier::One);
    "age".clone_into(&mut by_age.policy);
    desk.done(&by_age, 1);
    desk.done(&plan_on("p2", Tier::One), 2);
    // Keys are of one target. One that is given to two all the same tells nothing of the other.
    let mut borrowed = plan_on("p3", Tier::One);
    borrowed.key = plan(Tier::One).key;
    let third = desk.botched(&borrowed, 3);
    borrowed.target = "p4".to_owned();
    assert_ne!(desk.done(&borrowed, 4), third);
    borrowed.target = "p3".to_owned();
    assert_eq!(desk.begin(&borrowed, 5).attempt.id, third);
    let policies: Vec<_> = desk.target().history.attempts;
    let policies: Vec<_> = policies.iter().map(|held| held.policy.as_str()).collect();
    assert_eq!(policies, ["age", POLICY], "by policy and key");
    assert_eq!(desk.look("p3", ALL).history.beginnings.len(), 2);
    assert_eq!(desk.look("p4", ALL).history.beginnings.len(), 1);
}

/// The defaults, without cooldowns.
fn window_only() -> Limits {
    Limits {
        window: TimeDelta::minutes(90),
        most_in_window: 2,
        ..no_limits()
    }
}

pub(super) fn the_window_counts_all_actions_on_a_target(desk: &mut Desk<'_>) {
    let limits = window_only();
    let begin = |desk: &mut Desk<'_>, plan: &Plan, now| {
        matches!(
            desk.begin_within(plan, &limits, NO_BUDGET, now),
            Begun::Yes(_)
        )
    };
    assert!(begin(desk, &plan(Tier::One), 0));
    let mut by_age = plan(Tier::Two);
    "age".clone_into(&mut by_age.policy);
    assert!(begin(desk, &by_age, 30));
    let full = desk.refused_within(&plan(Tier::Three), &limits, NO_BUDGET, 60);
    let until = at(90) + TimeDelta::microseconds(1);
    let expected = Reason::WindowFrequencyExceeded {
        actions: 2,
        most: 2,
        until: Some(until),
    };
    assert_eq!(full, expected);
    assert_eq!(
        desk.refused_within(&plan(Tier::Three), &limits, NO_BUDGET, 90),
        expected
    );
    assert!(
        begin(desk, &plan_on("p2", Tier::Three), 60),
        "another target"
    );
    assert!(begin(desk, &plan(Tier::Three), 91));
    // A window of none forbids all.
    let none = Limits {
        most_in_window: 0,
        ..window_only()
    };
    let refused = desk.refused_within(&plan_on("p3", Tier::One), &none, NO_BUDGET, 0);
    assert_eq!(refused.name(), "window_frequency_exceeded");
}

pub(super) fn an_action_rests_after_it_began(desk: &mut Desk<'_>) {
    let limits = Limits {
        most_in_window: usize::MAX,
        ..Limits::default()
    };
    desk.botched(&plan(Tier::One), 0);
    let rests = Reason::ActionCooldownActive {
        until: at(30),
        failures_in_a_row: 0,
    };
    let mut later = in_epoch(Tier::One, 2);
    assert_eq!(desk.refused_within(&later, &limits, NO_BUDGET, 29), rests);
    "age".clone_into(&mut later.policy);
    assert_eq!(desk.refused_within(&later, &limits, NO_BUDGET, 29), rests);
    // Other actions do not rest with it, nor does the same one on another target.
    for other in [plan(Tier::Two), plan_on("p2", Tier::One)] {
        let begun = desk.begin_within(&other, &limits, NO_BUDGET, 1);
        assert!(matches!(begun, Begun::Yes(_)), "{begun:?}");
    }
    let begun = desk.begin_within(&later, &limits, NO_BUDGET, 30);
    assert!(matches!(begun, Begun::Yes(_)), "{begun:?}");
}

pub(super) fn failures_in_a_row_make_the_rest_longer(desk: &mut Desk<'_>) {
    let mut limits = no_limits();
    limits.after_failures = RetryPolicy {
        first: TimeDelta::minutes(100),
        longest: TimeDelta::minutes(1_000),
        most_tries: 1,
    };
    desk.botched(&plan(Tier::One), 0);
    desk.botched(&plan(Tier::One), 1);
    let rests = |failures_in_a_row, until| Reason::ActionCooldownActive {
        until: at(until),
        failures_in_a_row,
    };
    let refused = desk.refused_within(&plan(Tier::One), &limits, NO_BUDGET, 2);
    assert_eq!(refused, rests(2, 201));
    desk.botched(&plan(Tier::Two), 3);
    let refused = desk.refused_within(&plan(Tier::One), &limits, NO_BUDGET, 4);
    assert_eq!(refused, rests(3, 401), "any failure on the target counts");
    desk.done(&plan(Tier::Three), 5);
    let begun = desk.begin_within(&plan(Tier::One), &limits, NO_BUDGET, 6);
    let Begun::Yes(held) = begun else {
        panic!("{begun:?}");
    };
    assert_eq!(held.failures_in_a_row, 0);
}

pub(super) fn the_budget_counts_all_targets(desk: &mut Desk<'_>) {
    let budget = Budget {
        actions_per_hour: 2,
    };
    let limits = no_limits();
    desk.begin(&plan_on("p1", Tier::One), 0);
    desk.begin(&plan_on("p2", Tier::One), 10);
    let full = Reason::BudgetExhausted {
        actions: 2,
        most: 2,
        until: Some(at(60)),
    };
    let third = plan_on("p3", Tier::One);
    assert_eq!(desk.refused_within(&third, &limits, budget, 20), full);
    // Those of a future that the clock was put back from count for an hour from now.
    let from_now = Reason::BudgetExhausted {
        actions: 2,
        most: 2,
        until: Some(at(-440)),
    };
    assert_eq!(desk.refused_within(&third, &limits, budget, -500), from_now);
    let begun = desk.begin_within(&third, &limits, budget, 60);
    assert!(matches!(begun, Begun::Yes(_)), "{begun:?}");
    // Tries are no beginnings.
    let held = desk.begin(&plan_on("p4", Tier::One), 200);
    let id = held.attempt.id;
    assert_eq!(desk.failure(id, 1, 201, Some(202)), Recorded::Yes);
    assert!(desk.take_up(id, 1, 202).is_some());
    assert_eq!(times(&desk.fleet(100, 202)), [at(200)]);
    let begun = desk.begin_within(&plan_on("p5", Tier::One), &limits, budget, 203);
    assert!(matches!(begun, Begun::Yes(_)), "{begun:?}");
    let none = Budget {
        actions_per_hour: 0,
    };
    let refused = desk.refused_within(&plan_on("p6", Tier::One), &limits, none, 9_000);
    let expected = Reason::BudgetExhausted {
        actions: 0,
        most: 0,
        until: None,
    };
    assert_eq!(refused, expected);
}

pub(super) fn what_stands_against_it_comes_in_order(desk: &mut Desk<'_>) {
    let limits = Limits {
        most_in_window: 1,
        ..Limits::default()
    };
    let budget = Budget {
        actions_per_hour: 1,
    };
    desk.done(&in_epoch(Tier::One, 1), 0);
    desk.done(&in_epoch(Tier::One, 2), 1);
    assert!(desk.pause(Some(P1), 2));
    assert!(desk.pause(None, 3));
    let reason = |desk: &mut Desk<'_>, epoch, limits: &Limits, budget| {
        desk.refused_within(&in_epoch(Tier::One, epoch), limits, budget, 4)
    };
    let paused = |everything, since| Reason::Paused {
        everything,
        since: at(since),
    };
    assert_eq!(reason(desk, 2, &limits, budget), paused(true, 3));
    assert!(desk.resume(None, 4));
    assert_eq!(reason(desk, 2, &limits, budget), paused(false, 2));
    assert!(desk.resume(Some(P1), 4));
    assert_eq!(reason(desk, 2, &limits, budget), duplicate(1, "success"));
    let name = |reason: Reason| reason.name();
    assert_eq!(
        name(reason(desk, 3, &limits, budget)),
        "window_frequency_exceeded"
    );
    let limits = Limits {
        most_in_window: 100,
        ..limits
    };
    assert_eq!(
        name(reason(desk, 3, &limits, budget)),
        "action_cooldown_active"
    );
    assert_eq!(
        name(reason(desk, 3, &no_limits(), budget)),
        "budget_exhausted"
    );
    // An epoch that has come back is looked for last.
    assert_eq!(
        name(reason(desk, 1, &no_limits(), budget)),
        "budget_exhausted"
    );
    assert_eq!(
        reason(desk, 1, &no_limits(), NO_BUDGET),
        duplicate(0, "success")
    );
}

pub(super) fn plans_are_kept_as_they_are(desk: &mut Desk<'_>) {
    for (number, name) in hostile_names().into_iter().enumerate() {
        let now = i64::try_from(number).unwrap_or(0);
        let plan = Plan {
            policy: format!("age/{name}"),
            target: name.clone(),
            tier: Tier::Three,
            action: Action::Thread,
            key: IdempotencyKey::kept(format!("key of {name}")),
            epoch: Epoch(i64::MIN + now),
            // No short decimal number is the same.
            stagnation: Some(0.1 + 0.2 + now as f64 / 3.0),
            trend: Some(Trend {
                samples: 18,
                impressions: u64::MAX,
                engagements: 1,
                resets: u32::MAX,
            }),
            last_change: Some(DateTime::UNIX_EPOCH - TimeDelta::nanoseconds(1 + now)),
        };
        let held = desk.begin(&plan, now);
        assert_eq!(held.attempt.plan, plan);
        assert_eq!(desk.attempt(held.attempt.id).plan, plan);
        let known = desk.look(&name, ALL).history.attempts;
        assert_eq!((known[0].epoch, &known[0].key), (plan.epoch, &plan.key));
        let reason = desk.refused(&plan, now);
        assert_eq!(reason, duplicate(now, "running"));
        let result = serde_json::json!({
            "text": name, "numbers": [0.1 + 0.2, u64::MAX, i64::MIN], "none": null,
        });
        let recorded = desk.0.record_success(held.attempt.id, 1, &result, at(now));
        assert_eq!(Desk::ok(recorded), Recorded::Yes);
        assert_eq!(desk.result(held.attempt.id), Some(result));
    }
}
