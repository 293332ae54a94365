//! Tries, their leases, and what became of them.

use serde_json::json;

use super::desk::{Desk, P1, at, plan, plan_on, timeout};
use crate::action::Tier;
use crate::attempt::{AttemptId, ErrorCode, ExecutionError, Status};
use crate::ledger::{AttemptFilter, Recorded};

fn running(lease_until: i64) -> Status {
    Status::Running {
        lease_until: at(lease_until),
    }
}

fn failed(minutes: i64, retry: Option<i64>) -> Status {
    Status::Failed {
        at: at(minutes),
        error: timeout(),
        retry_at: retry.map(at),
    }
}

pub(super) fn a_success_is_settled(desk: &mut Desk<'_>) {
    let id = desk.begin(&plan(Tier::One), 0).attempt.id;
    let result = json!({"thread": "Re: \u{1f600}\0\n", "nested": [1, null, {"a": 0.5}]});
    let recorded = desk.0.record_success(id, 1, &result, at(3));
    assert_eq!(Desk::ok(recorded), Recorded::Yes);
    let attempt = desk.attempt(id);
    assert_eq!(attempt.status, Status::Success { at: at(3) });
    assert_eq!(attempt.result, Some(result));
    assert_eq!((attempt.tries, attempt.token), (1, 1));
    assert!(desk.due(10_000, 10).is_empty());
    assert_eq!(desk.take_up(id, 1, 10_000), None);
    assert_eq!(desk.success(id, 1, 4), Recorded::Overtaken);
    assert_eq!(desk.failure(id, 1, 4, None), Recorded::Overtaken);
    let next = desk.begin(&plan(Tier::Two), 5).attempt.id;
    let recorded = desk
        .0
        .record_success(next, 1, &serde_json::Value::Null, at(6));
    assert_eq!(Desk::ok(recorded), Recorded::Yes);
    assert_eq!(desk.result(next), Some(serde_json::Value::Null));
}

pub(super) fn a_failure_is_tried_again_when_it_is_due(desk: &mut Desk<'_>) {
    let id = desk.begin(&plan(Tier::One), 0).attempt.id;
    assert_eq!(desk.failure(id, 1, 1, Some(20)), Recorded::Yes);
    assert_eq!(desk.status(id), failed(1, Some(20)));
    assert!(desk.due(19, 10).is_empty());
    assert_eq!(desk.take_up(id, 1, 19), None, "it is not due");
    assert_eq!(desk.due(20, 10), [id.0]);
    assert_eq!(desk.take_up(id, 2, 20), None, "another token");
    assert_eq!(desk.take_up(AttemptId(99), 1, 20), None);
    let held = desk.take_up(id, 1, 20);
    let Some(held) = held else {
        panic!("it is due, and nobody has it");
    };
    assert_eq!((held.attempt.tries, held.attempt.token), (2, 2));
    assert_eq!(held.attempt.status, running(30));
    assert_eq!(held.attempt.started_at, at(0), "it goes on");
    assert_eq!((held.beginning, held.failures_in_a_row), (1, 1));
    assert_eq!(desk.attempt(id), held.attempt);
    assert_eq!(desk.take_up(id, 1, 20), None, "somebody was faster");
    assert!(desk.due(29, 10).is_empty());
    assert_eq!(desk.beginnings(P1).len(), 1, "a try is no beginning");
}

pub(super) fn a_failure_for_good_is_settled(desk: &mut Desk<'_>) {
    let id = desk.begin(&plan(Tier::One), 0).attempt.id;
    for code in ErrorCode::ALL {
        let error = ExecutionError {
            code,
            detail: format!("it's {code}\n\0\"%\u{1f980}"),
        };
        let attempt = desk.attempt(id);
        let recorded = desk
            .0
            .record_failure(id, attempt.token, &error, None, at(7));
        assert_eq!(Desk::ok(recorded), Recorded::Yes);
        let expected = Status::Failed {
            at: at(7),
            error,
            retry_at: None,
        };
        assert_eq!(desk.status(id), expected);
        assert_eq!(desk.target().history.attempts[0].status, expected);
        assert!(desk.due(10_000, 10).is_empty());
        assert_eq!(desk.take_up(id, attempt.token, 10_000), None);
        assert_eq!(desk.success(id, attempt.token, 8), Recorded::Overtaken);
        assert_eq!(
            desk.failure(id, attempt.token, 8, Some(9)),
            Recorded::Overtaken
        );
        desk.begin(&plan(Tier::One), 10);
    }
}

pub(super) fn a_lease_keeps_others_away_until_it_ends(desk: &mut Desk<'_>) {
    let id = desk.begin(&plan(Tier::One), 0).attempt.id;
    assert!(desk.due(9, 10).is_empty());
    assert_eq!(desk.take_up(id, 1, 9), None);
    assert_eq!(desk.due(10, 10), [id.0]);
    let Some(held) = desk.take_up(id, 1, 10) else {
        panic!("its lease ended");
    };
    assert_eq!((held.attempt.tries, held.attempt.token), (2, 2));
    assert_eq!(
        held.failures_in_a_row, 0,
        "that nobody finished is no failure"
    );
    assert!(desk.due(19, 10).is_empty());
    assert_eq!(desk.due(20, 10), [id.0]);
}

pub(super) fn who_was_overtaken_changes_nothing(desk: &mut Desk<'_>) {
    let id = desk.begin(&plan(Tier::One), 0).attempt.id;
    assert!(desk.take_up(id, 1, 10).is_some());
    let entries = desk.events().len();
    assert_eq!(desk.success(id, 1, 11), Recorded::Overtaken);
    assert_eq!(desk.failure(id, 1, 11, None), Recorded::Overtaken);
    assert_eq!(desk.success(id, 3, 11), Recorded::Overtaken);
    assert_eq!(desk.success(AttemptId(99), 1, 11), Recorded::Overtaken);
    assert_eq!(
        desk.failure(AttemptId(99), 1, 11, None),
        Recorded::Overtaken
    );
    assert_eq!(desk.status(id), running(20));
    assert_eq!(desk.target().history.failures_in_a_row, 0);
    assert_eq!(desk.events().len(), entries);
    // The holder may be late as long as nobody took it up.
    assert_eq!(desk.success(id, 2, 500), Recorded::Yes);
}

pub(super) fn a_late_failure_does_not_undo_a_success(desk: &mut Desk<'_>) {
    let id = desk.begin(&plan(Tier::One), 0).attempt.id;
    assert!(desk.take_up(id, 1, 10).is_some());
    assert_eq!(desk.success(id, 2, 11), Recorded::Yes);
    assert_eq!(desk.failure(id, 1, 12, Some(13)), Recorded::Overtaken);
    assert_eq!(desk.failure(id, 2, 12, Some(13)), Recorded::Overtaken);
    assert_eq!(desk.status(id), Status::Success { at: at(11) });
    assert_eq!(desk.result(id), Some(json!({"by": 2})));
    assert_eq!(desk.target().history.failures_in_a_row, 0);
}

pub(super) fn who_held_it_before_it_began_again_is_overtaken(desk: &mut Desk<'_>) {
    let id = desk.begin(&plan(Tier::One), 0).attempt.id;
    assert!(desk.take_up(id, 1, 10).is_some());
    assert_eq!(desk.failure(id, 2, 11, None), Recorded::Yes);
    let held = desk.begin(&plan(Tier::One), 12);
    assert_eq!((held.attempt.tries, held.attempt.token), (1, 3));
    for token in [1, 2] {
        assert_eq!(desk.success(id, token, 13), Recorded::Overtaken);
        assert_eq!(desk.failure(id, token, 13, None), Recorded::Overtaken);
        assert_eq!(desk.take_up(id, token, 10_000), None);
    }
    assert_eq!(desk.status(id), running(22));
    assert_eq!(desk.success(id, 3, 14), Recorded::Yes);
}

pub(super) fn failures_are_counted_until_a_success(desk: &mut Desk<'_>) {
    let failures = |desk: &mut Desk<'_>| desk.target().history.failures_in_a_row;
    let id = desk.begin(&plan(Tier::One), 0).attempt.id;
    for token in 1..=3 {
        assert_eq!(desk.failure(id, token, 1, Some(2)), Recorded::Yes);
        assert_eq!(failures(desk), token);
        assert!(desk.take_up(id, token, 2).is_some());
    }
    assert_eq!(desk.failure(id, 4, 3, None), Recorded::Yes);
    // Of all attempts on the target, and of this target alone.
    desk.botched(&plan(Tier::Two), 4);
    desk.botched(&plan_on("p2", Tier::One), 5);
    assert_eq!(failures(desk), 5);
    desk.done(&plan(Tier::Three), 6);
    assert_eq!(failures(desk), 0);
    desk.botched(&plan(Tier::Two), 7);
    assert_eq!(failures(desk), 1);
}

pub(super) fn what_is_due_longest_comes_first(desk: &mut Desk<'_>) {
    let mut ids = Vec::new();
    for (number, retry) in [50, 20, 20, 40].into_iter().enumerate() {
        let held = desk.begin(&plan_on(&format!("t{number}"), Tier::One), 0);
        let id = held.attempt.id;
        assert_eq!(desk.failure(id, 1, 1, Some(retry)), Recorded::Yes);
        ids.push(id.0);
    }
    // Its lease ends at 35.
    ids.push(desk.begin(&plan_on("leased", Tier::One), 25).attempt.id.0);
    let in_order = [ids[1], ids[2], ids[4], ids[3], ids[0]];
    assert_eq!(desk.due(100, 10), in_order);
    assert_eq!(desk.due(100, 2), in_order[..2]);
    assert!(desk.due(100, 0).is_empty());
    assert_eq!(desk.due(35, 10), in_order[..3]);
    assert!(desk.due(19, 10).is_empty());
    let due = Desk::ok(desk.0.unfinished(at(20), 10));
    assert_eq!(due.len(), 2);
    assert_eq!(due[0], desk.attempt(AttemptId(ids[1])));
}

pub(super) fn lists_are_filtered_and_the_last_comes_first(desk: &mut Desk<'_>) {
    let done = desk.done(&plan(Tier::One), 0).0;
    let botched = desk.botched(&plan(Tier::Two), 1).0;
    let busy = desk.begin(&plan(Tier::Three), 2).attempt.id.0;
    let other = desk.done(&plan_on("p2", Tier::One), 3).0;
    let waits = desk.begin(&plan_on("p2", Tier::Two), 4).attempt.id.0;
    assert_eq!(desk.failure(AttemptId(waits), 1, 5, Some(6)), Recorded::Yes);
    // Begun again, it stays where it was made.
    assert_eq!(desk.begin(&plan(Tier::Two), 7).attempt.id.0, botched);
    assert_eq!(desk.failure(AttemptId(botched), 2, 8, None), Recorded::Yes);
    let mut ids = |target: Option<&str>, status: Option<&str>, limit| {
        let listed = desk.attempts(&AttemptFilter {
            target: target.map(str::to_owned),
            status: status.map(str::to_owned),
            limit,
        });
        listed
            .iter()
            .map(|attempt| attempt.id.0)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(None, None, 0), [waits, other, busy, botched, done]);
    assert_eq!(ids(None, None, 2), [waits, other]);
    assert_eq!(ids(None, None, u64::MAX).len(), 5);
    assert_eq!(ids(Some(P1), None, 0), [busy, botched, done]);
    assert_eq!(ids(Some(P1), None, 1), [busy]);
    assert!(ids(Some("nobody"), None, 0).is_empty());
    assert_eq!(ids(None, Some("success"), 0), [other, done]);
    assert_eq!(ids(None, Some("failed"), 0), [waits, botched]);
    assert_eq!(ids(None, Some("failed"), 1), [waits]);
    assert_eq!(ids(None, Some("running"), 0), [busy]);
    assert!(ids(None, Some("Running"), 0).is_empty());
    assert_eq!(ids(Some("p2"), Some("success"), 0), [other]);
    assert_eq!(ids(Some(P1), Some("failed"), 9), [botched]);
    assert!(ids(Some(P1), Some("lost"), 0).is_empty());
}
