//! A ledger whose storage does not fail, and what its log says of it.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::action::{IdempotencyKey, Tier};
use crate::attempt::{Attempt, AttemptId, Beginning, Epoch, ErrorCode, ExecutionError, Status};
use crate::decision::{Plan, Reason};
use crate::fleet::{Budget, FleetCount};
use crate::freeze::Presence;
use crate::ledger::{
    AttemptFilter, Begun, CounterPoint, Fleet, HealLedger, Held, Intake, KnownTarget, Observations,
    Recorded, TargetId, View,
};
use crate::limits::{Cooldowns, Limits};
use crate::log::{Event, State};
use crate::point::Point;
use crate::policy::Episode;
use crate::retry::RetryPolicy;

/// Name of the policy that most plans are of.
pub(super) const POLICY: &str = "stagnation";
/// Looks that go back as far as there is anything.
pub(super) const ALL: View = View {
    points_from: DateTime::<Utc>::MIN_UTC,
    beginnings_from: DateTime::<Utc>::MIN_UTC,
};
/// Name of most targets.
pub(super) const P1: &str = "p1";

/// Minutes after a moment that is the same in all checks.
pub(super) fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

/// When the beginnings that count for all targets were.
pub(super) fn times(fleet: &Fleet) -> Vec<DateTime<Utc>> {
    fleet.begun.iter().map(|beginning| beginning.at).collect()
}

/// A plan of the usual policy on the usual target in the first epoch.
pub(super) fn plan(tier: Tier) -> Plan {
    plan_on(P1, tier)
}

/// A plan of the usual policy in the first epoch.
pub(super) fn plan_on(target: &str, tier: Tier) -> Plan {
    Plan {
        policy: POLICY.to_owned(),
        target: target.to_owned(),
        tier,
        action: tier.action(),
        key: IdempotencyKey::of(target, tier.action(), tier),
        epoch: Epoch(1),
        stagnation: None,
        trend: None,
        last_change: None,
    }
}

/// Limits that nothing stands against but what was done.
pub(super) fn no_limits() -> Limits {
    let none = TimeDelta::zero();
    Limits {
        window: TimeDelta::minutes(1),
        most_in_window: usize::MAX,
        cooldowns: Cooldowns {
            comment: none,
            edit: none,
            thread: none,
        },
        after_failures: RetryPolicy {
            first: none,
            longest: none,
            most_tries: 1,
        },
    }
}

/// A budget that is never used up.
pub(super) const NO_BUDGET: Budget = Budget {
    actions_per_hour: usize::MAX,
};

/// An error that may pass.
pub(super) fn timeout() -> ExecutionError {
    ExecutionError::new(ErrorCode::Timeout, "no answer in 10 s")
}

pub(super) fn point(minutes: i64, impressions: u64, engagements: u64) -> Point {
    Point {
        at: at(minutes),
        impressions,
        engagements,
    }
}

pub(super) fn presence(id: &str, target: &str, since: i64, until: Option<i64>) -> Presence {
    Presence {
        id: id.to_owned(),
        target: target.to_owned(),
        since: at(since),
        until: until.map(at),
    }
}

fn sort(beginnings: &mut [Beginning]) {
    beginnings.sort_unstable_by_key(|held| (held.at, held.action, held.seen_ahead_at));
}

/// A ledger whose storage does not fail; times are minutes.
pub(super) struct Desk<'l>(pub(super) &'l mut dyn HealLedger);

impl Desk<'_> {
    #[track_caller]
    pub(super) fn ok<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
        match result {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }

    #[track_caller]
    pub(super) fn take_in(&mut self, intake: &Intake<'_>) {
        Self::ok(self.0.take_in(intake));
    }

    #[track_caller]
    pub(super) fn points(&mut self, points: &[(&str, Point)]) {
        self.take_in(&Intake {
            points,
            ..Intake::default()
        });
    }

    #[track_caller]
    pub(super) fn counters(&mut self, counted: &[(&str, Point)]) {
        let counters: Vec<_> = counted
            .iter()
            .map(|(counter, point)| CounterPoint {
                target: P1,
                counter,
                point: *point,
            })
            .collect();
        self.take_in(&Intake {
            counters: &counters,
            ..Intake::default()
        });
    }

    #[track_caller]
    pub(super) fn page(&mut self, after: i64, limit: usize) -> Vec<KnownTarget> {
        Self::ok(self.0.targets(TargetId(after), limit, ALL))
    }

    #[track_caller]
    pub(super) fn look(&mut self, name: &str, view: View) -> KnownTarget {
        match Self::ok(self.0.target(name, view)) {
            Some(target) => target,
            None => panic!("{name:?} is not known"),
        }
    }

    #[track_caller]
    pub(super) fn target(&mut self) -> KnownTarget {
        self.look(P1, ALL)
    }

    #[track_caller]
    pub(super) fn beginnings(&mut self, name: &str) -> Vec<Beginning> {
        self.look(name, ALL).history.beginnings
    }

    #[track_caller]
    pub(super) fn fleet(&mut self, begun_from: i64, now: i64) -> Fleet {
        let mut fleet = Self::ok(self.0.fleet(at(begun_from), at(now)));
        sort(&mut fleet.begun);
        fleet
    }

    /// Ids of the presences that count, in their order.
    #[track_caller]
    pub(super) fn present(&mut self, ended_after: i64) -> Vec<String> {
        let presences = Self::ok(self.0.presences(at(ended_after)));
        let mut ids: Vec<_> = presences.into_iter().map(|held| held.id).collect();
        ids.sort_unstable();
        ids
    }

    #[track_caller]
    pub(super) fn observe(&mut self, seen: &Observations, now: i64) {
        Self::ok(self.0.record_observations(seen, at(now)));
    }

    #[track_caller]
    pub(super) fn episode(&mut self, policy: &str, number: i64, now: i64) -> Episode {
        let episode = Episode {
            number,
            is_stale: number % 2 == 0,
            since: at(now - 3),
        };
        let seen = Observations {
            episodes: vec![(policy.to_owned(), P1.to_owned(), episode)],
            ..Observations::default()
        };
        self.observe(&seen, now);
        episode
    }

    #[track_caller]
    pub(super) fn circuit(&mut self, is_open: bool, now: i64) {
        let count = FleetCount {
            stale: 5,
            with_traffic: 10,
        };
        let seen = Observations {
            circuit: Some((is_open, count)),
            ..Observations::default()
        };
        self.observe(&seen, now);
    }

    #[track_caller]
    pub(super) fn put_back(&mut self, now: i64) {
        let seen = Observations {
            clock_was_put_back: true,
            ..Observations::default()
        };
        self.observe(&seen, now);
    }

    /// Begins with these limits and budget, leased for 10 minutes.
    #[track_caller]
    pub(super) fn begin_within(
        &mut self,
        plan: &Plan,
        limits: &Limits,
        budget: Budget,
        now: i64,
    ) -> Begun {
        Self::ok(self.0.begin(plan, limits, budget, at(now), at(now + 10)))
    }

    /// Begins without limits, leased for 10 minutes.
    #[track_caller]
    pub(super) fn begin(&mut self, plan: &Plan, now: i64) -> Held {
        match self.begin_within(plan, &no_limits(), NO_BUDGET, now) {
            Begun::Yes(held) => *held,
            Begun::Refused(reason) => panic!("refused: {reason:?}"),
        }
    }

    /// Why it may not begin though there are no limits.
    #[track_caller]
    pub(super) fn refused(&mut self, plan: &Plan, now: i64) -> Reason {
        self.refused_within(plan, &no_limits(), NO_BUDGET, now)
    }

    #[track_caller]
    pub(super) fn refused_within(
        &mut self,
        plan: &Plan,
        limits: &Limits,
        budget: Budget,
        now: i64,
    ) -> Reason {
        let (attempts, entries) = (self.list().len(), self.events().len());
        match self.begin_within(plan, limits, budget, now) {
            Begun::Yes(held) => panic!("it began: {held:?}"),
            Begun::Refused(reason) => {
                let after = (self.list().len(), self.events().len());
                assert_eq!(after, (attempts, entries), "a refusal changed something");
                reason
            }
        }
    }

    /// Begins and is done at once.
    #[track_caller]
    pub(super) fn done(&mut self, plan: &Plan, now: i64) -> AttemptId {
        let held = self.begin(plan, now);
        let id = held.attempt.id;
        assert_eq!(self.success(id, held.attempt.token, now), Recorded::Yes);
        id
    }

    /// Begins and fails for good at once.
    #[track_caller]
    pub(super) fn botched(&mut self, plan: &Plan, now: i64) -> AttemptId {
        let held = self.begin(plan, now);
        let (id, token) = (held.attempt.id, held.attempt.token);
        assert_eq!(self.failure(id, token, now, None), Recorded::Yes);
        id
    }

    #[track_caller]
    pub(super) fn success(&mut self, id: AttemptId, token: u32, now: i64) -> Recorded {
        let result = json!({"by": token});
        Self::ok(self.0.record_success(id, token, &result, at(now)))
    }

    #[track_caller]
    pub(super) fn failure(
        &mut self,
        id: AttemptId,
        token: u32,
        now: i64,
        retry: Option<i64>,
    ) -> Recorded {
        let retry_at = retry.map(at);
        Self::ok(
            self.0
                .record_failure(id, token, &timeout(), retry_at, at(now)),
        )
    }

    /// Takes up, leased for 10 minutes.
    #[track_caller]
    pub(super) fn take_up(&mut self, id: AttemptId, token: u32, now: i64) -> Option<Held> {
        Self::ok(self.0.take_up(id, token, at(now), at(now + 10)))
    }

    /// Ids of what is due.
    #[track_caller]
    pub(super) fn due(&mut self, now: i64, limit: usize) -> Vec<i64> {
        let due = Self::ok(self.0.unfinished(at(now), limit));
        due.iter().map(|attempt| attempt.id.0).collect()
    }

    #[track_caller]
    pub(super) fn attempts(&mut self, filter: &AttemptFilter) -> Vec<Attempt> {
        Self::ok(self.0.attempts(filter))
    }

    #[track_caller]
    pub(super) fn list(&mut self) -> Vec<Attempt> {
        self.attempts(&AttemptFilter::default())
    }

    /// The attempt with this id.
    #[track_caller]
    pub(super) fn attempt(&mut self, id: AttemptId) -> Attempt {
        let found = self.list().into_iter().find(|attempt| attempt.id == id);
        match found {
            Some(attempt) => attempt,
            None => panic!("attempt {} is not listed", id.0),
        }
    }

    #[track_caller]
    pub(super) fn status(&mut self, id: AttemptId) -> Status {
        self.attempt(id).status
    }

    #[track_caller]
    pub(super) fn result(&mut self, id: AttemptId) -> Option<Value> {
        self.attempt(id).result
    }

    #[track_caller]
    pub(super) fn events(&mut self) -> Vec<Event> {
        let entries = Self::ok(self.0.log(0, usize::MAX));
        entries.into_iter().map(|entry| entry.event).collect()
    }

    #[track_caller]
    pub(super) fn pause(&mut self, target: Option<&str>, now: i64) -> bool {
        Self::ok(self.0.pause(target, at(now)))
    }

    #[track_caller]
    pub(super) fn resume(&mut self, target: Option<&str>, now: i64) -> bool {
        Self::ok(self.0.resume(target, at(now)))
    }
}

/// Folds the log of a ledger, and compares what follows from it with everything the ledger shows.
///
/// # Panics
///
/// If they differ, or if the storage fails.
pub fn agrees_with_its_log(ledger: &mut dyn HealLedger) {
    let mut state = State::default();
    loop {
        // A page size that divides nothing.
        let page = Desk::ok(ledger.log(state.last_entry, 7));
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 7, "a page of {} entries", page.len());
        for entry in &page {
            assert_eq!(entry.number, state.last_entry + 1, "a gap in the log");
            state.apply(entry);
        }
    }
    let mut newest_first = Desk::ok(ledger.attempts(&AttemptFilter::default()));
    newest_first.reverse();
    let made: Vec<_> = state.attempts.values().cloned().collect();
    assert_eq!(newest_first, made, "attempts");

    let mut known = BTreeMap::new();
    let mut after = TargetId(0);
    loop {
        let page = Desk::ok(ledger.targets(after, 3, ALL));
        let Some(last) = page.last() else { break };
        assert!(last.id > after, "a page that does not go on");
        after = last.id;
        known.extend(page.into_iter().map(|target| (target.name.clone(), target)));
    }
    for name in state.targets.keys() {
        assert!(known.contains_key(name), "{name:?} is in the log alone");
    }
    for (name, target) in &known {
        let expected = state.targets.get(name).cloned().unwrap_or_default();
        let history = state.history(name, ALL.beginnings_from);
        assert_eq!(target.history, history, "history of {name:?}");
        let episodes: Vec<_> = expected.episodes.into_iter().collect();
        assert_eq!(target.episodes, episodes, "episodes of {name:?}");
        assert_eq!(target.paused_since, expected.paused_since, "{name:?}");
        let alone = Desk::ok(ledger.target(name, ALL));
        assert_eq!(alone.as_ref(), Some(target), "{name:?} alone and in a page");
    }

    let targets = state.targets.iter();
    let paused: Vec<_> = targets
        .filter_map(|(name, target)| Some((name.clone(), target.paused_since?)))
        .collect();
    assert_eq!(Desk::ok(ledger.paused()), paused, "pauses");

    let beginnings = state.targets.values().flat_map(|target| &target.beginnings);
    let mut begun: Vec<_> = beginnings.copied().collect();
    sort(&mut begun);
    for now in [at(0), at(50), at(100), DateTime::<Utc>::MAX_UTC] {
        let mut fleet = Desk::ok(ledger.fleet(ALL.beginnings_from, now));
        sort(&mut fleet.begun);
        let expected = Fleet {
            paused_since: state.paused_since,
            circuit_open_since: state.circuit_open_since,
            begun: begun.clone(),
            clock_was_put_back: begun.iter().any(|beginning| beginning.is_unseen_ahead(now)),
        };
        assert_eq!(fleet, expected, "what holds for all");
    }

    let mut claimable: Vec<_> = state
        .attempts
        .values()
        .filter_map(|attempt| Some((attempt.status.claimable_at()?, attempt)))
        .collect();
    claimable.sort_by_key(|(at, attempt)| (*at, attempt.id));
    let claimable: Vec<_> = claimable
        .into_iter()
        .map(|(_, attempt)| attempt.clone())
        .collect();
    let unfinished = ledger.unfinished(DateTime::<Utc>::MAX_UTC, usize::MAX);
    assert_eq!(Desk::ok(unfinished), claimable, "unfinished attempts");
}
