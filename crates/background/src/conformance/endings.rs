//! How jobs end, and what operators do with them.

use super::*;
use crate::job::JobState;

pub(super) fn what_is_done_keeps_its_cause_alone(desk: &mut Desk<'_>) {
    let id = desk.enqueue(job("a"), 0);
    let retry = Ending::Retry {
        at: at(5),
        error: error("no"),
    };
    assert_eq!(desk.claim_one(0).token, 1);
    assert_eq!(desk.settle(id, 1, retry, 1), Recorded::Yes);
    assert_eq!(desk.claim_one(5).failures, 1);
    assert_eq!(desk.settle(id, 2, Ending::Done, 6), Recorded::Yes);
    let done = desk.job(id);
    assert_eq!((done.state, done.token), (JobState::Done, 2));
    assert_eq!((done.failures, done.error), (1, None));
    assert_eq!((done.due_at, done.settled_at), (None, Some(at(6))));
    assert_eq!((done.payload, done.cause.as_str()), (Value::Null, "a"));
    assert_eq!(desk.claim(9_999), []);
    assert_eq!(desk.next_due(&[MAIL]), None);
    assert!(!Desk::ok(desk.0.retry(id, at(7))));
    assert!(!Desk::ok(desk.0.discard(id, "no", at(7))));
}

pub(super) fn what_failed_waits_for_its_time(desk: &mut Desk<'_>) {
    let id = desk.enqueue(job("a"), 0);
    let retry = |seconds: i64| Ending::Retry {
        at: at(seconds),
        error: format!("until {seconds}"),
    };
    assert_eq!(desk.claim_one(0).token, 1);
    assert_eq!(desk.settle(id, 1, retry(500), 1), Recorded::Yes);
    let kept = desk.job(id);
    assert_eq!((kept.state, kept.failures), (JobState::Waiting, 1));
    assert_eq!(kept.error.as_deref(), Some("until 500"));
    assert_eq!((kept.due_at, kept.settled_at), (Some(at(500)), None));
    assert_eq!(kept.payload, json!({ "of": "a" }));
    assert_eq!(desk.claim(499), []);
    let again = desk.claim_one(500);
    assert_eq!((again.token, again.failures), (2, 1));
    assert_eq!(again.payload, json!({ "of": "a" }));
    assert_eq!(desk.settle(id, 2, retry(600), 501), Recorded::Yes);
    assert_eq!(desk.job(id).failures, 2);
}

pub(super) fn what_is_dead_is_tried_again_only_if_somebody_says_so(desk: &mut Desk<'_>) {
    let id = desk.enqueue(job("a"), 0);
    assert!(!Desk::ok(desk.0.retry(id, at(0))), "it waits already");
    assert_eq!(desk.claim_one(0).token, 1);
    assert!(!Desk::ok(desk.0.retry(id, at(0))), "somebody works on it");
    let dead = Ending::Dead {
        error: error("broken"),
    };
    assert_eq!(desk.settle(id, 1, dead, 7), Recorded::Yes);
    let kept = desk.job(id);
    assert_eq!((kept.state, kept.failures), (JobState::Dead, 1));
    assert_eq!(kept.error.as_deref(), Some("broken"));
    assert_eq!((kept.due_at, kept.settled_at), (None, Some(at(7))));
    assert_eq!(desk.claim(9_999), []);
    assert!(Desk::ok(desk.0.retry(id, at(10_000))));
    let kept = desk.job(id);
    assert_eq!((kept.state, kept.failures), (JobState::Waiting, 0));
    assert_eq!((kept.due_at, kept.settled_at), (Some(at(10_000)), None));
    let again = desk.claim_one(10_000);
    assert_eq!((again.token, again.failures), (2, 0), "tokens only grow");
    assert_eq!(again.payload, json!({ "of": "a" }));
    assert!(!Desk::ok(desk.0.retry(JobId(id.0 + 1), at(0))));
}

pub(super) fn what_its_handler_gives_up_is_kept(desk: &mut Desk<'_>) {
    let id = desk.enqueue(job("a"), 0);
    assert_eq!(desk.claim_one(0).token, 1);
    let discarded = Ending::Discarded {
        error: error("no such mail"),
    };
    assert_eq!(desk.settle(id, 1, discarded, 7), Recorded::Yes);
    let kept = desk.job(id);
    assert_eq!((kept.state, kept.failures), (JobState::Discarded, 0));
    assert_eq!(kept.error.as_deref(), Some("no such mail"));
    assert_eq!((kept.due_at, kept.settled_at), (None, Some(at(7))));
    assert_eq!(kept.payload, json!({ "of": "a" }));
    assert_eq!(desk.claim(9_999), []);
    assert!(!Desk::ok(desk.0.discard(id, "twice", at(8))));
    assert!(Desk::ok(desk.0.retry(id, at(8))));
    assert_eq!(desk.claim_one(8).token, 2);
}

pub(super) fn what_is_released_is_held_against_nobody(desk: &mut Desk<'_>) {
    let id = desk.enqueue(job("a"), 0);
    assert_eq!(desk.claim_one(0).token, 1);
    assert_eq!(desk.settle(id, 1, Ending::Released, 7), Recorded::Yes);
    let kept = desk.job(id);
    assert_eq!((kept.state, kept.failures), (JobState::Waiting, 0));
    assert_eq!((kept.due_at, kept.error), (Some(at(7)), None));
    let again = desk.claim_one(7);
    assert_eq!((again.token, again.failures), (2, 0));
}

pub(super) fn who_was_overtaken_changes_nothing(desk: &mut Desk<'_>) {
    let id = desk.enqueue(job("a"), 0);
    assert_eq!(desk.claim_one(0).token, 1);
    assert_eq!(desk.claim_one(60).token, 2);
    let before = desk.job(id);
    let endings = [
        Ending::Done,
        Ending::Retry {
            at: at(1),
            error: error("late"),
        },
        Ending::Dead {
            error: error("late"),
        },
        Ending::Discarded {
            error: error("late"),
        },
        Ending::Released,
    ];
    let caused = || vec![job("caused by who was overtaken")];
    for ending in &endings {
        for (id, token) in [(id, 1), (id, 3), (id, 0), (JobId(id.0 + 1), 2)] {
            let recorded = desk.settle_with(id, token, ending.clone(), caused(), 61);
            assert_eq!(recorded, Recorded::Overtaken, "{ending:?}");
        }
    }
    assert_eq!(desk.list(&JobFilter::default()), [before]);
    assert_eq!(desk.settle(id, 2, Ending::Done, 62), Recorded::Yes);
    let before = desk.job(id);
    for ending in endings {
        let recorded = desk.settle_with(id, 2, ending, caused(), 63);
        assert_eq!(recorded, Recorded::Overtaken, "it is settled");
    }
    assert_eq!(desk.list(&JobFilter::default()), [before]);
}

pub(super) fn what_a_job_caused_comes_with_its_end(desk: &mut Desk<'_>) {
    let id = desk.enqueue(job("a"), 0);
    desk.enqueue(scan("known"), 500);
    assert_eq!(desk.claim_of(&[(MAIL, 1)], 0).len(), 1);
    let later = NewJob {
        run_at: Some(at(300)),
        ..job("later")
    };
    let caused = vec![scan("b"), scan("known"), scan("b"), later];
    let recorded = desk.settle_with(id, 1, Ending::Done, caused, 7);
    assert_eq!(recorded, Recorded::Yes);
    let listed = desk.list(&JobFilter::default());
    let causes: Vec<&str> = listed.iter().map(|job| job.cause.as_str()).collect();
    assert_eq!(causes, ["later", "b", "known", "a"]);
    assert_eq!(listed[1].enqueued_at, at(7));
    assert_eq!(desk.claim(7), [("b".to_owned(), 1)]);
}

pub(super) fn many_are_settled_at_once(desk: &mut Desk<'_>) {
    let ids: Vec<JobId> = ["a", "b", "c", "d"]
        .iter()
        .map(|cause| desk.enqueue(job(cause), 0))
        .collect();
    assert_eq!(desk.claim(0).len(), 4);
    let settled = |number: usize, token: u32, ending: Ending| {
        let settled = Settled {
            id: ids[number],
            token,
            ending,
        };
        (settled, vec![scan(&number.to_string())])
    };
    let jobs = [
        settled(0, 1, Ending::Done),
        settled(1, 7, Ending::Done),
        settled(2, 1, Ending::Released),
        settled(3, 1, Ending::Dead { error: error("no") }),
        settled(0, 1, Ending::Released),
    ];
    let recorded = Desk::ok(desk.0.settle(&jobs, at(5)));
    let (yes, no) = (Recorded::Yes, Recorded::Overtaken);
    assert_eq!(recorded, [yes, no, yes, yes, no]);
    let states = ids.iter().map(|id| desk.job(*id).state).collect::<Vec<_>>();
    let expected = [
        JobState::Done,
        JobState::Running,
        JobState::Waiting,
        JobState::Dead,
    ];
    assert_eq!(states, expected);
    let causes: Vec<_> = desk.claim_of(&[(SCAN, 9)], 5);
    let causes: Vec<&str> = causes.iter().map(|job| job.cause.as_str()).collect();
    assert_eq!(causes, ["0", "2", "3"]);
    assert_eq!(Desk::ok(desk.0.settle(&[], at(6))), []);
}

pub(super) fn an_operator_gives_up_what_waits_or_is_dead(desk: &mut Desk<'_>) {
    let waiting = desk.enqueue(job("a"), 0);
    assert!(Desk::ok(desk.0.discard(waiting, "not needed", at(1))));
    let kept = desk.job(waiting);
    assert_eq!(kept.state, JobState::Discarded);
    assert_eq!(kept.error.as_deref(), Some("not needed"));
    assert_eq!(kept.settled_at, Some(at(1)));
    assert_eq!(desk.claim(9_999), []);
    let dead = desk.enqueue(job("b"), 2);
    assert_eq!(desk.claim_one(2).token, 1);
    assert!(
        !Desk::ok(desk.0.discard(dead, "no", at(3))),
        "it is in work"
    );
    let ending = Ending::Dead {
        error: error("broken"),
    };
    assert_eq!(desk.settle(dead, 1, ending, 3), Recorded::Yes);
    assert!(Desk::ok(desk.0.discard(dead, "seen to", at(4))));
    assert_eq!(desk.job(dead).state, JobState::Discarded);
    assert_eq!(desk.job(dead).settled_at, Some(at(4)));
    assert!(!Desk::ok(desk.0.discard(JobId(dead.0 + 1), "no", at(5))));
}

pub(super) fn old_jobs_are_forgotten_and_their_causes_are_free(desk: &mut Desk<'_>) {
    let ids: Vec<JobId> = ["a", "b", "c", "dead", "waiting"]
        .iter()
        .map(|cause| desk.enqueue(job(cause), 0))
        .collect();
    assert_eq!(desk.claim_of(&[(MAIL, 4)], 0).len(), 4);
    assert!(Desk::ok(desk.0.discard(ids[4], "no", at(11))));
    for (number, end) in [(1, 10), (0, 20), (2, 30)] {
        let settled = desk.settle(ids[number], 1, Ending::Done, end);
        assert_eq!(settled, Recorded::Yes);
    }
    let dead = Ending::Dead {
        error: error("broken"),
    };
    assert_eq!(desk.settle(ids[3], 1, dead, 1), Recorded::Yes);
    let causes = |desk: &mut Desk<'_>| -> Vec<String> {
        let listed = desk.list(&JobFilter::default());
        listed.into_iter().map(|job| job.cause).collect()
    };
    let forget =
        |desk: &mut Desk<'_>, before: i64, limit: usize| Desk::ok(desk.0.forget(at(before), limit));
    assert_eq!(forget(desk, 10, 9), 0, "dead letters are kept");
    assert_eq!(forget(desk, 30, 0), 0);
    assert_eq!(forget(desk, 30, 2), 2, "the oldest");
    assert_eq!(causes(desk), ["dead", "c", "a"]);
    assert_eq!(forget(desk, 30, 9), 1);
    assert_eq!(causes(desk), ["dead", "c"]);
    assert_eq!(forget(desk, 9_999, 9), 1);
    let again = desk.enqueue(job("waiting"), 9_999);
    assert!(again > ids[4], "no id is used twice");
    assert_eq!(desk.claim_one(9_999).token, 1);
}

pub(super) fn counts_are_by_kind_and_state(desk: &mut Desk<'_>) {
    assert_eq!(Desk::ok(desk.0.counts()), []);
    for cause in ["a", "b", "c", "d"] {
        desk.enqueue(job(cause), 0);
    }
    desk.enqueue(scan("a"), 0);
    let claimed = desk.claim_of(&[(MAIL, 2)], 0);
    let settled = desk.settle(claimed[0].id, 1, Ending::Done, 1);
    assert_eq!(settled, Recorded::Yes);
    let expected = [
        (MAIL, JobState::Waiting, 2),
        (MAIL, JobState::Running, 1),
        (MAIL, JobState::Done, 1),
        (SCAN, JobState::Waiting, 1),
    ];
    let expected = expected.map(|(kind, state, count)| (kind.to_owned(), state, count));
    assert_eq!(Desk::ok(desk.0.counts()), expected);
}
