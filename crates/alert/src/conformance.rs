//! What every ledger of alerts has to do, as checks that a ledger's own tests can run.
//!
//! Each check starts with an empty ledger, drives it through the trait alone, and looks at what it
//! shows.
//!
//! ```
//! use decnet_alert::conformance;
//! use decnet_alert::memory_ledger::MemoryAlertLedger;
//!
//! conformance::check(MemoryAlertLedger::new);
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::{Alert, AlertId, AlertKind, Severity};
use crate::ledger::{
    AlertFilter, AlertLedger, AlertRecord, DROPPED, Delivery, DeliveryState, FailedDelivery,
    Raised, Recorded,
};
use crate::sink::SinkName;

const LOGIN: AlertKind = AlertKind::constant("first-login");
const QUARANTINE: AlertKind = AlertKind::constant("quarantine");
const FILE: SinkName = SinkName::constant("file");
const HOOK: SinkName = SinkName::constant("webhook");

/// One check: a name that says what has to hold, and what finds out.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Name, unique in the list.
    pub name: &'static str,
    /// Runs it on an empty ledger; panics, with what was found, if it does not hold.
    pub run: fn(&mut dyn AlertLedger),
}

macro_rules! checks {
    ($($name:ident),* $(,)?) => {
        /// Every check.
        pub const CHECKS: &[Check] = &[$(Check {
            name: stringify!($name),
            run: |ledger| $name(&mut Desk(ledger)),
        }),*];
    };
}
checks!(
    an_alert_is_kept_as_it_is,
    a_repeat_is_counted_and_not_delivered,
    kind_and_key_tell_alerts_apart,
    sinks_that_come_later_get_nothing,
    what_was_raised_first_is_claimed_first,
    a_claim_is_for_one_sink_and_has_a_limit,
    a_lease_keeps_others_away_until_it_ends,
    what_was_sent_is_settled,
    what_failed_waits_for_its_time,
    what_is_given_up_stays_so,
    who_was_overtaken_changes_nothing,
    unconfigured_sinks_are_dropped,
    lists_are_filtered_and_the_last_comes_first,
);

/// Runs every check, each on a ledger of its own that `make` gives.
///
/// # Panics
///
/// If any does not hold, listing all that do not.
pub fn check<L: AlertLedger>(mut make: impl FnMut() -> L) {
    let mut failures = Vec::new();
    for check in CHECKS {
        let mut ledger = make();
        // What a failed check leaves behind is dropped with its ledger.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (check.run)(&mut ledger))) {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            failures.push(format!("{}: {said}", check.name));
        }
    }
    assert!(
        failures.is_empty(),
        "the ledger does not conform:\n{}",
        failures.join("\n")
    );
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000_000 + seconds)
}

fn alert(kind: AlertKind, key: &str, seconds: i64) -> Alert {
    match Alert::new(
        kind,
        key,
        Severity::Notice,
        at(seconds),
        "something happened",
    ) {
        Ok(alert) => alert,
        Err(error) => panic!("{error}"),
    }
}

/// A ledger whose storage does not fail.
struct Desk<'l>(&'l mut dyn AlertLedger);

impl Desk<'_> {
    #[track_caller]
    fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
        match result {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    fn raise(&mut self, id: u128, alert: &Alert, sinks: &[SinkName]) -> Raised {
        Self::ok(self.0.raise(AlertId(id), alert, sinks))
    }

    /// A new first login with this id and key.
    #[track_caller]
    fn login(&mut self, id: u128, sinks: &[SinkName]) {
        let raised = self.raise(id, &alert(LOGIN, &format!("mx{id}"), 0), sinks);
        assert_eq!(raised, Raised::New(AlertId(id)));
    }

    #[track_caller]
    fn claim(&mut self, sink: &SinkName, now: i64, limit: usize) -> Vec<Delivery> {
        Self::ok(self.0.claim_deliveries(sink, at(now), at(now + 60), limit))
    }

    /// Ids and attempts of what is claimed.
    #[track_caller]
    fn claimed(&mut self, sink: &SinkName, now: i64) -> Vec<(u128, u32)> {
        let claimed = self.claim(sink, now, 100);
        claimed
            .iter()
            .map(|held| (held.id.0, held.attempt))
            .collect()
    }

    #[track_caller]
    fn sent(&mut self, id: u128, sink: &SinkName, attempt: u32, now: i64) -> Recorded {
        Self::ok(self.0.record_sent(AlertId(id), sink, attempt, at(now)))
    }

    #[track_caller]
    fn failed(&mut self, id: u128, attempt: u32, now: i64, next: Option<i64>) -> Recorded {
        Self::ok(self.0.record_failed(&FailedDelivery {
            id: AlertId(id),
            sink: FILE,
            attempt,
            error: format!("try {attempt} failed"),
            at: at(now),
            next_attempt_at: next.map(at),
        }))
    }

    #[track_caller]
    fn list(&mut self, filter: &AlertFilter) -> Vec<AlertRecord> {
        Self::ok(self.0.alerts(filter))
    }

    /// The only alert, and the states, tries and errors of its deliveries.
    #[track_caller]
    fn only(&mut self) -> (AlertRecord, Vec<(DeliveryState, u32, Option<String>)>) {
        let mut all = self.list(&AlertFilter::default());
        assert_eq!(all.len(), 1, "{all:?}");
        let record = all.remove(0);
        let states = record.deliveries.iter();
        let states = states.map(|held| (held.state, held.attempts, held.error.clone()));
        let states = states.collect();
        (record, states)
    }
}

fn an_alert_is_kept_as_it_is(desk: &mut Desk<'_>) {
    let raised = alert(LOGIN, "mx1 \u{1b} ñ", 5)
        .with_decky("mx1")
        .with_fact("source", "203.0.113.9")
        .with_fact("port", 22)
        .with_fact("users", vec!["root", "a\u{7}b"]);
    assert_eq!(
        desk.raise(1, &raised, &[FILE, HOOK]),
        Raised::New(AlertId(1))
    );
    let (record, states) = desk.only();
    assert_eq!((record.id, &record.alert), (AlertId(1), &raised));
    assert_eq!((record.times, record.last_at), (1, at(5)));
    let sinks: Vec<_> = record.deliveries.iter().map(|held| &held.sink).collect();
    assert_eq!(sinks, [&FILE, &HOOK]);
    assert_eq!(states, vec![(DeliveryState::Waiting, 0, None); 2]);
    let claimed = desk.claim(&FILE, 10, 10);
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].id, &claimed[0].alert), (AlertId(1), &raised));
    assert_eq!((&claimed[0].sink, claimed[0].attempt), (&FILE, 1));
}

fn a_repeat_is_counted_and_not_delivered(desk: &mut Desk<'_>) {
    desk.login(1, &[FILE]);
    let first = Raised::Repeated(AlertId(1));
    assert_eq!(desk.raise(2, &alert(LOGIN, "mx1", 30), &[FILE]), first);
    assert_eq!(desk.raise(3, &alert(LOGIN, "mx1", 20), &[FILE]), first);
    let (record, states) = desk.only();
    assert_eq!((record.times, record.last_at), (3, at(30)));
    assert_eq!(record.alert.at(), at(0), "it stays as it was raised first");
    assert_eq!(states.len(), 1);
    assert_eq!(desk.claimed(&FILE, 10), [(1, 1)]);
    assert_eq!(desk.sent(1, &FILE, 1, 11), Recorded::Yes);
    assert_eq!(desk.raise(4, &alert(LOGIN, "mx1", 40), &[FILE]), first);
    assert_eq!(desk.claimed(&FILE, 100), []);
}

fn kind_and_key_tell_alerts_apart(desk: &mut Desk<'_>) {
    desk.login(1, &[]);
    let id = |number| Raised::New(AlertId(number));
    assert_eq!(desk.raise(2, &alert(QUARANTINE, "mx1", 0), &[]), id(2));
    assert_eq!(desk.raise(3, &alert(LOGIN, "mx1 ", 0), &[]), id(3));
    assert_eq!(desk.raise(4, &alert(LOGIN, "MX1", 0), &[]), id(4));
    assert_eq!(desk.list(&AlertFilter::default()).len(), 4);
}

fn sinks_that_come_later_get_nothing(desk: &mut Desk<'_>) {
    desk.login(1, &[FILE]);
    let raised = desk.raise(2, &alert(LOGIN, "mx1", 1), &[FILE, HOOK]);
    assert_eq!(raised, Raised::Repeated(AlertId(1)));
    assert_eq!(desk.claimed(&HOOK, 10), []);
    assert_eq!(desk.claimed(&FILE, 10), [(1, 1)]);
}

fn what_was_raised_first_is_claimed_first(desk: &mut Desk<'_>) {
    // Ids are random and say nothing of the order.
    desk.login(9, &[FILE]);
    desk.login(2, &[FILE]);
    desk.login(5, &[FILE]);
    assert_eq!(desk.claimed(&FILE, 0), [(9, 1), (2, 1), (5, 1)]);
    assert_eq!(desk.failed(9, 1, 1, Some(30)), Recorded::Yes);
    assert_eq!(desk.failed(2, 1, 1, Some(20)), Recorded::Yes);
    assert_eq!(desk.sent(5, &FILE, 1, 1), Recorded::Yes);
    desk.login(1, &[FILE]);
    assert_eq!(desk.claimed(&FILE, 40), [(1, 1), (2, 2), (9, 2)]);
}

fn a_claim_is_for_one_sink_and_has_a_limit(desk: &mut Desk<'_>) {
    for id in 1..=3 {
        desk.login(id, &[FILE, HOOK]);
    }
    let first = desk.claim(&FILE, 0, 2);
    assert_eq!(first.len(), 2);
    assert!(first.iter().all(|held| held.sink == FILE), "{first:?}");
    assert_eq!(desk.claimed(&FILE, 0), [(3, 1)]);
    assert_eq!(desk.claimed(&HOOK, 0).len(), 3);
    assert_eq!(desk.claim(&FILE, 1_000, 0), []);
}

fn a_lease_keeps_others_away_until_it_ends(desk: &mut Desk<'_>) {
    desk.login(1, &[FILE]);
    assert_eq!(desk.claimed(&FILE, 0), [(1, 1)]);
    assert_eq!(desk.claimed(&FILE, 59), []);
    assert_eq!(desk.claimed(&FILE, 60), [(1, 2)]);
    assert_eq!(desk.claimed(&FILE, 119), []);
}

fn what_was_sent_is_settled(desk: &mut Desk<'_>) {
    desk.login(1, &[FILE, HOOK]);
    assert_eq!(desk.claimed(&FILE, 0), [(1, 1)]);
    assert_eq!(desk.failed(1, 1, 1, Some(2)), Recorded::Yes);
    assert_eq!(desk.claimed(&FILE, 2), [(1, 2)]);
    assert_eq!(desk.sent(1, &FILE, 2, 3), Recorded::Yes);
    assert_eq!(desk.claimed(&FILE, 1_000), []);
    let (record, states) = desk.only();
    assert_eq!(states[0], (DeliveryState::Sent, 2, None));
    assert_eq!(record.deliveries[0].settled_at, Some(at(3)));
    assert_eq!(record.deliveries[0].claimable_at, None);
    assert_eq!(states[1], (DeliveryState::Waiting, 0, None));
}

fn what_failed_waits_for_its_time(desk: &mut Desk<'_>) {
    desk.login(1, &[FILE]);
    assert_eq!(desk.claimed(&FILE, 0), [(1, 1)]);
    assert_eq!(desk.failed(1, 1, 1, Some(500)), Recorded::Yes);
    let (record, states) = desk.only();
    let error = Some("try 1 failed".to_owned());
    assert_eq!(states, [(DeliveryState::Waiting, 1, error)]);
    assert_eq!(record.deliveries[0].claimable_at, Some(at(500)));
    assert_eq!(record.deliveries[0].settled_at, None);
    assert_eq!(desk.claimed(&FILE, 499), []);
    assert_eq!(desk.claimed(&FILE, 500), [(1, 2)]);
}

fn what_is_given_up_stays_so(desk: &mut Desk<'_>) {
    desk.login(1, &[FILE]);
    assert_eq!(desk.claimed(&FILE, 0), [(1, 1)]);
    assert_eq!(desk.failed(1, 1, 7, None), Recorded::Yes);
    assert_eq!(desk.claimed(&FILE, 10_000), []);
    let (record, states) = desk.only();
    let error = Some("try 1 failed".to_owned());
    assert_eq!(states, [(DeliveryState::GivenUp, 1, error)]);
    assert_eq!(record.deliveries[0].settled_at, Some(at(7)));
    assert_eq!(desk.failed(1, 1, 8, Some(9)), Recorded::Overtaken);
    assert_eq!(desk.sent(1, &FILE, 1, 8), Recorded::Overtaken);
    assert_eq!(desk.claimed(&FILE, 20_000), []);
}

fn who_was_overtaken_changes_nothing(desk: &mut Desk<'_>) {
    desk.login(1, &[FILE]);
    assert_eq!(desk.claimed(&FILE, 0), [(1, 1)]);
    assert_eq!(desk.claimed(&FILE, 60), [(1, 2)]);
    assert_eq!(desk.sent(1, &FILE, 1, 61), Recorded::Overtaken);
    assert_eq!(desk.failed(1, 1, 61, None), Recorded::Overtaken);
    assert_eq!(desk.only().1, [(DeliveryState::Waiting, 2, None)]);
    assert_eq!(desk.sent(1, &HOOK, 2, 61), Recorded::Overtaken);
    assert_eq!(desk.sent(2, &FILE, 2, 61), Recorded::Overtaken);
    assert_eq!(desk.sent(1, &FILE, 2, 62), Recorded::Yes);
    assert_eq!(desk.sent(1, &FILE, 2, 63), Recorded::Overtaken);
}

fn unconfigured_sinks_are_dropped(desk: &mut Desk<'_>) {
    desk.login(1, &[FILE, HOOK]);
    desk.login(2, &[HOOK]);
    assert_eq!(desk.claimed(&HOOK, 0), [(1, 1), (2, 1)]);
    assert_eq!(desk.sent(2, &HOOK, 1, 1), Recorded::Yes);
    let both = [FILE, HOOK];
    assert_eq!(Desk::ok(desk.0.drop_unconfigured(&both, at(2))), 0);
    assert_eq!(Desk::ok(desk.0.drop_unconfigured(&[FILE], at(3))), 1);
    assert_eq!(Desk::ok(desk.0.drop_unconfigured(&[FILE], at(4))), 0);
    let all = desk.list(&AlertFilter::default());
    let dropped = &all[1].deliveries[1];
    assert_eq!(dropped.state, DeliveryState::Dropped);
    assert_eq!(dropped.error.as_deref(), Some(DROPPED));
    assert_eq!(dropped.settled_at, Some(at(3)));
    assert_eq!(all[1].deliveries[0].state, DeliveryState::Waiting);
    assert_eq!(all[0].deliveries[0].state, DeliveryState::Sent);
    // It does not come back with its sink, and who held it was overtaken.
    assert_eq!(desk.claimed(&HOOK, 1_000), []);
    assert_eq!(desk.sent(1, &HOOK, 1, 5), Recorded::Overtaken);
    assert_eq!(desk.claimed(&FILE, 5), [(1, 1)]);
    assert_eq!(Desk::ok(desk.0.drop_unconfigured(&[], at(6))), 1);
}

fn lists_are_filtered_and_the_last_comes_first(desk: &mut Desk<'_>) {
    desk.login(7, &[FILE]);
    desk.login(3, &[]);
    let raised = desk.raise(5, &alert(QUARANTINE, "session 1", 0), &[FILE]);
    assert_eq!(raised, Raised::New(AlertId(5)));
    assert_eq!(desk.claimed(&FILE, 0), [(7, 1), (5, 1)]);
    assert_eq!(desk.failed(7, 1, 1, None), Recorded::Yes);
    let mut ids = |filter: AlertFilter| {
        let listed = desk.list(&filter);
        listed.iter().map(|record| record.id.0).collect::<Vec<_>>()
    };
    let all = AlertFilter::default;
    assert_eq!(ids(all()), [5, 3, 7]);
    assert_eq!(ids(AlertFilter { limit: 2, ..all() }), [5, 3]);
    let kind = Some(LOGIN);
    assert_eq!(
        ids(AlertFilter {
            kind: kind.clone(),
            ..all()
        }),
        [3, 7]
    );
    assert_eq!(
        ids(AlertFilter {
            kind,
            limit: 1,
            ..all()
        }),
        [3]
    );
    let state = Some(DeliveryState::GivenUp);
    assert_eq!(ids(AlertFilter { state, ..all() }), [7]);
    let state = Some(DeliveryState::Waiting);
    assert_eq!(ids(AlertFilter { state, ..all() }), [5]);
    let (kind, state) = (Some(LOGIN), Some(DeliveryState::Dropped));
    assert_eq!(
        ids(AlertFilter {
            kind,
            state,
            ..all()
        }),
        []
    );
}
