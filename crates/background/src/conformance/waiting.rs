//! Enqueuing, claiming, leases and lists.

use super::*;
use crate::job::JobState;
use crate::ledger::LEASE_RAN_OUT;

pub(super) fn a_job_is_kept_as_it_is(desk: &mut Desk<'_>) {
    let payload =
        json!({ "text": "ñ \u{1b}\u{0} \"", "numbers": [1, -2.5, u64::MAX], "none": null });
    let new = NewJob {
        kind: MAIL.to_owned(),
        cause: "mail 1 \u{1b} '".to_owned(),
        payload: payload.clone(),
        priority: -7,
        run_at: Some(at(30)),
    };
    let id = desk.enqueue(new.clone(), 5);
    let expected = JobRecord {
        id,
        kind: new.kind,
        cause: new.cause,
        state: JobState::Waiting,
        priority: -7,
        token: 0,
        failures: 0,
        enqueued_at: at(5),
        due_at: Some(at(30)),
        settled_at: None,
        error: None,
        payload: payload.clone(),
    };
    assert_eq!(desk.job(id), expected);
    assert_eq!(desk.list(&JobFilter::default()), [expected]);
    let claimed = desk.claim_one(30);
    assert_eq!((claimed.id, claimed.token, claimed.failures), (id, 1, 0));
    assert_eq!(claimed.payload, payload);
    assert_eq!(claimed.cause, "mail 1 \u{1b} '");
    assert_eq!(claimed.enqueued_at, at(5));
    let running = desk.job(id);
    assert_eq!((running.state, running.token), (JobState::Running, 1));
    assert_eq!(running.due_at, Some(at(90)), "the end of its lease");
    assert_eq!(Desk::ok(desk.0.job(JobId(id.0 + 1))), None);
}

pub(super) fn a_cause_is_enqueued_once_within_its_kind(desk: &mut Desk<'_>) {
    let other = NewJob {
        payload: json!("another"),
        priority: 9,
        ..job("a")
    };
    let enqueued = desk.enqueue_all(&[job("a"), scan("a"), other.clone(), job("A")], 0);
    let [
        Enqueued::New(first),
        Enqueued::New(second),
        known,
        Enqueued::New(third),
    ] = enqueued[..]
    else {
        panic!("{enqueued:?}");
    };
    assert_eq!(known, Enqueued::Known(first));
    assert!(first < second && second < third, "ids grow");
    assert_eq!(
        desk.job(first).payload,
        json!({ "of": "a" }),
        "the first counts"
    );
    assert_eq!(desk.job(first).priority, 0);
    // Whatever has become of it since.
    let claimed = desk.claim_of(&[(MAIL, 1)], 1);
    assert_eq!(claimed[0].id, first);
    let again = std::slice::from_ref(&other);
    assert_eq!(desk.enqueue_all(again, 2), [Enqueued::Known(first)]);
    assert_eq!(desk.settle(first, 1, Ending::Done, 3), Recorded::Yes);
    assert_eq!(desk.enqueue_all(again, 4), [Enqueued::Known(first)]);
    assert_eq!(desk.job(first).state, JobState::Done);
    assert_eq!(desk.enqueue_all(&[], 5), []);
}

pub(super) fn what_is_important_comes_first_then_what_waits_longest(desk: &mut Desk<'_>) {
    let of = |cause: &str, priority: i32, run_at: Option<i64>| NewJob {
        priority,
        run_at: run_at.map(at),
        ..job(cause)
    };
    desk.enqueue(of("low", -1, Some(-500)), 0);
    desk.enqueue(of("second", 0, None), 10);
    desk.enqueue(of("third", 0, None), 10);
    desk.enqueue(of("first", 0, Some(5)), 11);
    desk.enqueue(of("high", i32::MAX, None), 12);
    desk.enqueue(of("lowest", i32::MIN, None), 0);
    desk.enqueue(
        NewJob {
            priority: 5,
            ..scan("of another kind")
        },
        13,
    );
    let order = ["high", "of another kind", "first", "second", "third", "low"];
    let mut claimed = desk.claim_of(&[(SCAN, 1), (MAIL, 5)], 20);
    claimed.extend(desk.claim_of(&[(MAIL, 5)], 20));
    let causes: Vec<&str> = claimed.iter().map(|job| job.cause.as_str()).collect();
    assert_eq!(causes[..6], order);
    assert_eq!(causes[6..], ["lowest"]);
}

pub(super) fn a_job_waits_for_its_time(desk: &mut Desk<'_>) {
    let later = NewJob {
        run_at: Some(at(100)),
        priority: 5,
        ..job("later")
    };
    desk.enqueue(later, 0);
    desk.enqueue(job("now"), 0);
    assert_eq!(desk.claim(0), [("now".to_owned(), 1)]);
    assert_eq!(desk.claim(59), []);
    let now = desk.claim_of(&[(MAIL, 9)], 99);
    assert_eq!(now.len(), 1, "its lease ran out, the other is not due");
    assert_eq!(desk.claim(100), [("later".to_owned(), 1)]);
}

pub(super) fn a_claim_takes_its_kinds_and_no_more_than_there_is_room_for(desk: &mut Desk<'_>) {
    for number in 0..3 {
        desk.enqueue(job(&number.to_string()), number);
        desk.enqueue(scan(&number.to_string()), number);
    }
    assert_eq!(desk.claim_of(&[], 10), []);
    assert_eq!(desk.claim_of(&[(MAIL, 0)], 10), []);
    assert_eq!(desk.claim_of(&[("nothing", 5)], 10), []);
    let claimed = desk.claim_of(&[(MAIL, 2), (SCAN, 1), ("nothing", 5)], 10);
    let of = |kind: &str| claimed.iter().filter(|job| job.kind == kind).count();
    assert_eq!((claimed.len(), of(MAIL), of(SCAN)), (3, 2, 1));
    assert_eq!(desk.claim_of(&[(MAIL, 9)], 10).len(), 1);
    assert_eq!(desk.claim_of(&[(SCAN, usize::MAX)], 10).len(), 2);
    assert_eq!(desk.claim(10), []);
}

pub(super) fn a_lease_keeps_others_away_and_its_end_is_a_failure(desk: &mut Desk<'_>) {
    let id = desk.enqueue(job("a"), 0);
    assert_eq!(desk.claim_one(0).failures, 0);
    assert_eq!(desk.claim(59), []);
    let second = desk.claim_one(60);
    assert_eq!((second.token, second.failures), (2, 1));
    let kept = desk.job(id);
    assert_eq!((kept.token, kept.failures), (2, 1));
    assert_eq!(kept.error.as_deref(), Some(LEASE_RAN_OUT));
    assert_eq!(desk.claim(119), []);
    let third = desk.claim_one(500);
    assert_eq!((third.token, third.failures), (3, 2));
}

pub(super) fn a_heartbeat_keeps_a_lease(desk: &mut Desk<'_>) {
    let id = desk.enqueue(job("a"), 0);
    assert_eq!(
        desk.beat(id, 0, 100),
        Recorded::Overtaken,
        "nobody holds it"
    );
    assert_eq!(desk.claim_one(0).token, 1);
    assert_eq!(desk.beat(id, 1, 100), Recorded::Yes);
    assert_eq!(desk.claim(99), []);
    // It ran out, and nobody has noticed.
    assert_eq!(desk.beat(id, 1, 200), Recorded::Yes);
    assert_eq!(desk.claim(199), []);
    assert_eq!(desk.claim_one(200).token, 2);
    assert_eq!(desk.beat(id, 1, 900), Recorded::Overtaken);
    assert_eq!(desk.job(id).due_at, Some(at(260)));
    let beats = [(id, 1), (id, 2), (JobId(id.0 + 1), 1)];
    let recorded = Desk::ok(desk.0.heartbeat(&beats, at(300)));
    let no = Recorded::Overtaken;
    assert_eq!(recorded, [no, Recorded::Yes, no]);
    assert_eq!(desk.settle(id, 2, Ending::Done, 250), Recorded::Yes);
    assert_eq!(desk.beat(id, 2, 900), Recorded::Overtaken);
    assert_eq!(Desk::ok(desk.0.heartbeat(&[], at(300))), []);
}

pub(super) fn the_next_one_due_is_told(desk: &mut Desk<'_>) {
    assert_eq!(desk.next_due(&[MAIL, SCAN]), None);
    let of = |cause: &str, run_at: i64, priority: i32| NewJob {
        run_at: Some(at(run_at)),
        priority,
        ..job(cause)
    };
    desk.enqueue(of("a", 50, 3), 0);
    desk.enqueue(of("b", 40, -3), 0);
    desk.enqueue(of("c", 60, 0), 0);
    desk.enqueue(scan("d"), 30);
    assert_eq!(desk.next_due(&[MAIL, SCAN]), Some(at(30)));
    assert_eq!(desk.next_due(&[MAIL]), Some(at(40)));
    assert_eq!(desk.next_due(&["nothing"]), None);
    assert_eq!(desk.next_due(&[]), None);
    assert_eq!(desk.claim(45).len(), 2);
    assert_eq!(desk.next_due(&[MAIL]), Some(at(50)));
    assert_eq!(desk.next_due(&[SCAN]), Some(at(105)), "the end of a lease");
}

pub(super) fn lists_are_filtered_and_the_last_comes_first(desk: &mut Desk<'_>) {
    let first = desk.enqueue(job("a"), 0);
    let second = desk.enqueue(scan("a"), 0);
    let third = desk.enqueue(job("b"), 0);
    assert_eq!(desk.claim_of(&[(MAIL, 1)], 1)[0].id, first);
    assert_eq!(desk.claim_of(&[(SCAN, 1)], 1)[0].id, second);
    assert_eq!(desk.settle(second, 1, Ending::Done, 2), Recorded::Yes);
    let mut ids = |kind: Option<&str>, state: Option<JobState>, limit: u64| {
        let filter = JobFilter {
            kind: kind.map(str::to_owned),
            state,
            limit,
        };
        let listed = desk.list(&filter);
        listed.iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(None, None, 0), [third, second, first]);
    assert_eq!(ids(None, None, 2), [third, second]);
    assert_eq!(ids(Some(MAIL), None, 0), [third, first]);
    assert_eq!(ids(Some(MAIL), None, 1), [third]);
    assert_eq!(ids(None, Some(JobState::Running), 0), [first]);
    assert_eq!(ids(None, Some(JobState::Waiting), 9), [third]);
    assert_eq!(ids(None, Some(JobState::Done), 9), [second]);
    assert_eq!(ids(Some(MAIL), Some(JobState::Done), 9), []);
    assert_eq!(ids(Some(MAIL), Some(JobState::Dead), 0), []);
}
