//! A ledger in memory: for tests, simulations, and programs that keep their state elsewhere.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use crate::action::IdempotencyKey;
use crate::attempt::{Attempt, AttemptId, Beginning, Epoch, ExecutionError, LONGEST_WAIT, Status};
use crate::decision::{Plan, Reason};
use crate::fleet::Budget;
use crate::freeze::Presence;
use crate::ledger::{
    AttemptFilter, Begun, CounterPoint, Fleet, HealLedger, HealLedgerError, Held, Intake,
    KnownTarget, Observations, POINTS_MAX, Recorded, TargetId, View, check_target_name,
};
use crate::limits::Limits;
use crate::log::{Entry, Event, State};
use crate::point::Point;

/// The ledger. Its state is what its log says; nothing is kept that does not follow from it, but for
/// points and presences.
#[derive(Debug, Default)]
pub struct MemoryHealLedger {
    log: Vec<Entry>,
    state: State,
    names: Vec<String>,
    ids: HashMap<String, TargetId>,
    points: HashMap<TargetId, Vec<Point>>,
    presences: BTreeMap<String, Presence>,
    positions: HashMap<String, i64>,
    /// What each counter of a target showed last.
    counters: HashMap<(TargetId, String), Point>,
    /// Attempts by target, policy, key and epoch.
    made: HashMap<(String, String, IdempotencyKey, Epoch), AttemptId>,
    /// Beginnings in the order of time; the number tells those of one moment apart.
    begun: BTreeMap<(DateTime<Utc>, i64), Beginning>,
    /// Attempts that somebody may take up, by when.
    claimable: BTreeSet<(DateTime<Utc>, AttemptId)>,
}

impl MemoryHealLedger {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// What follows from the log.
    pub fn state(&self) -> &State {
        &self.state
    }

    fn append(&mut self, at: DateTime<Utc>, event: Event) {
        let number = self.state.last_entry + 1;
        let entry = Entry { number, at, event };
        let changed = match &entry.event {
            Event::Began { attempt, plan, .. } => {
                self.made.insert(made_for(plan), *attempt);
                let beginning = Beginning::new(plan.action, at);
                self.begun.insert((at, number), beginning);
                Some(*attempt)
            }
            Event::TakenUp { attempt, .. }
            | Event::Succeeded { attempt, .. }
            | Event::Failed { attempt, .. } => Some(*attempt),
            Event::ClockPutBack => {
                for (_, ahead) in self.begun.range_mut((at, 0)..) {
                    if ahead.is_unseen_ahead(at) {
                        ahead.seen_ahead_at = Some(at);
                    }
                }
                None
            }
            _ => None,
        };
        let claimable_at = |state: &State| {
            let attempt = changed.and_then(|id| state.attempts.get(&id));
            attempt.and_then(|attempt| Some((attempt.status.claimable_at()?, attempt.id)))
        };
        if let Some(before) = claimable_at(&self.state) {
            self.claimable.remove(&before);
        }
        self.state.apply(&entry);
        self.claimable.extend(claimable_at(&self.state));
        self.log.push(entry);
    }

    fn id_of(&mut self, name: &str) -> Result<TargetId, HealLedgerError> {
        check_target_name(name)?;
        if let Some(id) = self.ids.get(name) {
            return Ok(*id);
        }
        self.names.push(name.to_owned());
        let id = TargetId(i64::try_from(self.names.len()).unwrap_or(i64::MAX));
        self.ids.insert(name.to_owned(), id);
        Ok(id)
    }

    fn keep(&mut self, id: TargetId, point: Point, keep_for: Option<TimeDelta>) {
        let kept = self.points.entry(id).or_default();
        match kept.binary_search_by_key(&point.at, |point| point.at) {
            Ok(index) => kept[index] = point,
            Err(index) => kept.insert(index, point),
        }
        if let (Some(newest), Some(keep_for)) = (kept.last(), keep_for) {
            let from = newest.at.checked_sub_signed(keep_for);
            let old = kept.partition_point(|point| from.is_some_and(|from| point.at < from));
            kept.drain(..old);
        }
        let surplus = kept.len().saturating_sub(POINTS_MAX);
        kept.drain(..surplus);
    }

    fn known(&self, id: TargetId, view: View) -> Option<KnownTarget> {
        let index = usize::try_from(id.0).ok()?.checked_sub(1)?;
        let name = self.names.get(index)?;
        let points = self.points.get(&id).map(Vec::as_slice).unwrap_or_default();
        let state = self.state.targets.get(name);
        let episodes = state.map(|state| state.episodes.clone());
        Some(KnownTarget {
            id,
            name: name.clone(),
            points: points
                .iter()
                .filter(|point| point.at >= view.points_from)
                .copied()
                .collect(),
            history: self.state.history(name, view.beginnings_from),
            episodes: episodes.unwrap_or_default().into_iter().collect(),
            paused_since: state.and_then(|state| state.paused_since),
        })
    }

    /// The attempt, if this is still its token and somebody works on it.
    fn held(&self, id: AttemptId, token: u32) -> Option<&Attempt> {
        let attempt = self.state.attempts.get(&id)?;
        let is_held = attempt.token == token && matches!(attempt.status, Status::Running { .. });
        is_held.then_some(attempt)
    }

    fn hand_over(&self, id: AttemptId) -> Option<Held> {
        let attempt = self.state.attempts.get(&id)?.clone();
        let target = self.state.targets.get(&attempt.plan.target);
        Some(Held {
            failures_in_a_row: target.map_or(0, |target| target.failures_in_a_row),
            beginning: self.state.beginnings.get(&id).copied().unwrap_or(1),
            attempt,
        })
    }

    /// Those that were seen ahead need no look of their own: each was seen before its own time.
    fn begun_from(&self, from: DateTime<Utc>) -> Vec<Beginning> {
        let begun = self.begun.range((from, 0)..);
        begun.map(|(_, beginning)| *beginning).collect()
    }

    fn objection(
        &self,
        plan: &Plan,
        limits: &Limits,
        budget: Budget,
        now: DateTime<Utc>,
    ) -> Option<Reason> {
        let back = |span| {
            let from = now.checked_sub_signed(span);
            from.unwrap_or(DateTime::<Utc>::MIN_UTC)
        };
        let target = self.state.targets.get(&plan.target);
        let known = KnownTarget {
            history: self.state.history(&plan.target, back(limits.horizon())),
            paused_since: target.and_then(|target| target.paused_since),
            ..KnownTarget::unheard(&plan.target)
        };
        let fleet = Fleet {
            paused_since: self.state.paused_since,
            begun: self.begun_from(back(Budget::SPAN)),
            ..Fleet::default()
        };
        fleet.objection(&known, plan, limits, budget, now)
    }
}

/// What there is one attempt for.
fn made_for(plan: &Plan) -> (String, String, IdempotencyKey, Epoch) {
    let (target, policy) = (plan.target.clone(), plan.policy.clone());
    (target, policy, plan.key.clone(), plan.epoch)
}

impl HealLedger for MemoryHealLedger {
    fn take_in(&mut self, intake: &Intake<'_>) -> Result<(), HealLedgerError> {
        let points = intake.points.iter().map(|(name, _)| *name);
        let counters = intake.counters.iter().map(|point| point.target);
        let presences = intake
            .presences
            .iter()
            .map(|presence| presence.target.as_str());
        let targets = intake.targets.iter().copied();
        let names: Vec<&str> = targets
            .chain(points)
            .chain(counters)
            .chain(presences)
            .collect();
        // All of it is kept, or nothing.
        names.iter().copied().try_for_each(check_target_name)?;
        for name in names {
            self.id_of(name)?;
        }
        for (name, point) in intake.points {
            let id = self.id_of(name)?;
            self.keep(id, *point, intake.keep_for);
        }
        for CounterPoint {
            target,
            counter,
            point,
        } in intake.counters
        {
            let id = self.id_of(target)?;
            let name = (id, (*counter).to_owned());
            let newest = self.points.get(&id).and_then(|points| points.last());
            let Some(sum) = point.summed(self.counters.get(&name), newest) else {
                continue;
            };
            self.counters.insert(name, *point);
            self.keep(id, sum, intake.keep_for);
        }
        for presence in intake.presences {
            self.presences.insert(presence.id.clone(), presence.clone());
        }
        if let Some(before) = intake.forget_presences_before {
            let is_kept = |presence: &Presence| presence.until.is_none_or(|until| until >= before);
            self.presences.retain(|_, presence| is_kept(presence));
        }
        if let Some((source, position)) = intake.position {
            self.positions.insert(source.to_owned(), position);
        }
        Ok(())
    }

    fn position(&mut self, source: &str) -> Result<i64, HealLedgerError> {
        Ok(self.positions.get(source).copied().unwrap_or(0))
    }

    fn targets(
        &mut self,
        after: TargetId,
        limit: usize,
        view: View,
    ) -> Result<Vec<KnownTarget>, HealLedgerError> {
        let first = usize::try_from(after.0).unwrap_or(0);
        let ids = (first + 1..=self.names.len()).take(limit);
        let ids = ids.filter_map(|id| i64::try_from(id).ok().map(TargetId));
        Ok(ids.filter_map(|id| self.known(id, view)).collect())
    }

    fn target(&mut self, name: &str, view: View) -> Result<Option<KnownTarget>, HealLedgerError> {
        let id = self.ids.get(name).copied();
        Ok(id.and_then(|id| self.known(id, view)))
    }

    fn fleet(
        &mut self,
        begun_from: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Fleet, HealLedgerError> {
        let mut ahead = self.begun.range((now, 0)..).map(|(_, beginning)| beginning);
        Ok(Fleet {
            paused_since: self.state.paused_since,
            circuit_open_since: self.state.circuit_open_since,
            begun: self.begun_from(begun_from),
            clock_was_put_back: ahead.any(|beginning| beginning.is_unseen_ahead(now)),
        })
    }

    fn presences(&mut self, ended_after: DateTime<Utc>) -> Result<Vec<Presence>, HealLedgerError> {
        let counts = |presence: &&Presence| presence.until.is_none_or(|until| until > ended_after);
        Ok(self.presences.values().filter(counts).cloned().collect())
    }

    fn record_observations(
        &mut self,
        seen: &Observations,
        now: DateTime<Utc>,
    ) -> Result<(), HealLedgerError> {
        for (_, target, _) in &seen.episodes {
            check_target_name(target)?;
        }
        if seen.clock_was_put_back {
            self.append(now, Event::ClockPutBack);
        }
        for (policy, target, episode) in &seen.episodes {
            self.id_of(target)?;
            let event = Event::EpisodeBegan {
                policy: policy.clone(),
                target: target.clone(),
                episode: *episode,
            };
            self.append(now, event);
        }
        if let Some((is_open, count)) = seen.circuit
            && is_open != self.state.circuit_open_since.is_some()
        {
            let (stale, with_traffic) = (count.stale, count.with_traffic);
            let event = if is_open {
                Event::CircuitOpened {
                    stale,
                    with_traffic,
                }
            } else {
                Event::CircuitClosed {
                    stale,
                    with_traffic,
                }
            };
            self.append(now, event);
        }
        Ok(())
    }

    fn begin(
        &mut self,
        plan: &Plan,
        limits: &Limits,
        budget: Budget,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Begun, HealLedgerError> {
        self.id_of(&plan.target)?;
        if let Some(reason) = self.objection(plan, limits, budget, now) {
            return Ok(Begun::Refused(reason));
        }
        let same = self.made.get(&made_for(plan));
        let same = same.and_then(|id| self.state.attempts.get(id));
        // An older epoch that has come back: what was done in it stays done.
        if let Some(reason) = same.and_then(Attempt::bars_beginning) {
            return Ok(Begun::Refused(reason));
        }
        let (id, token) = match same {
            Some(attempt) => (attempt.id, attempt.token.saturating_add(1)),
            None => {
                let last = self.state.attempts.last_key_value();
                (AttemptId(last.map_or(1, |(id, _)| id.0 + 1)), 1)
            }
        };
        let event = Event::Began {
            attempt: id,
            plan: plan.clone(),
            token,
            lease_until,
        };
        self.append(now, event);
        let nobody = || HealLedgerError::Corrupt {
            detail: format!("attempt {} is lost", id.0),
        };
        Ok(Begun::Yes(Box::new(self.hand_over(id).ok_or_else(nobody)?)))
    }

    fn unfinished(
        &mut self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Attempt>, HealLedgerError> {
        let due = self.claimable.range(..=(now, AttemptId(i64::MAX)));
        let beyond = now.checked_add_signed(LONGEST_WAIT);
        let beyond = beyond.map(|beyond| self.claimable.range((beyond, AttemptId(i64::MAX))..));
        let due = due.chain(beyond.into_iter().flatten());
        let attempts = due.filter_map(|(_, id)| self.state.attempts.get(id));
        Ok(attempts.take(limit).cloned().collect())
    }

    fn take_up(
        &mut self,
        id: AttemptId,
        token: u32,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<Held>, HealLedgerError> {
        let is_due = self
            .state
            .attempts
            .get(&id)
            .is_some_and(|attempt| attempt.status.is_claimable(now) && attempt.token == token);
        if !is_due {
            return Ok(None);
        }
        let event = Event::TakenUp {
            attempt: id,
            token: token.saturating_add(1),
            lease_until,
        };
        self.append(now, event);
        Ok(self.hand_over(id))
    }

    fn record_success(
        &mut self,
        id: AttemptId,
        token: u32,
        result: &serde_json::Value,
        at: DateTime<Utc>,
    ) -> Result<Recorded, HealLedgerError> {
        if self.held(id, token).is_none() {
            return Ok(Recorded::Overtaken);
        }
        let event = Event::Succeeded {
            attempt: id,
            token,
            result: result.clone(),
        };
        self.append(at, event);
        Ok(Recorded::Yes)
    }

    fn record_failure(
        &mut self,
        id: AttemptId,
        token: u32,
        error: &ExecutionError,
        retry_at: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    ) -> Result<Recorded, HealLedgerError> {
        if self.held(id, token).is_none() {
            return Ok(Recorded::Overtaken);
        }
        let event = Event::Failed {
            attempt: id,
            token,
            error: error.clone(),
            retry_at,
        };
        self.append(at, event);
        Ok(Recorded::Yes)
    }

    fn pause(&mut self, target: Option<&str>, now: DateTime<Utc>) -> Result<bool, HealLedgerError> {
        let since = match target {
            None => self.state.paused_since,
            Some(name) => {
                self.id_of(name)?;
                let target = self.state.targets.get(name);
                target.and_then(|target| target.paused_since)
            }
        };
        if since.is_none() {
            let target = target.map(str::to_owned);
            self.append(now, Event::Paused { target });
        }
        Ok(since.is_none())
    }

    fn resume(
        &mut self,
        target: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool, HealLedgerError> {
        let since = match target {
            None => self.state.paused_since,
            Some(name) => {
                let target = self.state.targets.get(name);
                target.and_then(|target| target.paused_since)
            }
        };
        if since.is_some() {
            let target = target.map(str::to_owned);
            self.append(now, Event::Resumed { target });
        }
        Ok(since.is_some())
    }

    fn paused(&mut self) -> Result<Vec<(String, DateTime<Utc>)>, HealLedgerError> {
        let targets = self.state.targets.iter();
        let paused =
            targets.filter_map(|(name, target)| Some((name.clone(), target.paused_since?)));
        Ok(paused.collect())
    }

    fn attempts(&mut self, filter: &AttemptFilter) -> Result<Vec<Attempt>, HealLedgerError> {
        let wanted = |attempt: &&Attempt| {
            let target = filter.target.as_ref();
            let status = filter.status.as_deref();
            target.is_none_or(|target| *target == attempt.plan.target)
                && status.is_none_or(|status| status == attempt.status.name())
        };
        let limit = match filter.limit {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let newest_first = self.state.attempts.values().rev();
        Ok(newest_first.filter(wanted).take(limit).cloned().collect())
    }

    fn log(&mut self, after: i64, limit: usize) -> Result<Vec<Entry>, HealLedgerError> {
        // The first entry has number 1, each one more.
        let first = usize::try_from(after).unwrap_or(0);
        Ok(self.log.iter().skip(first).take(limit).cloned().collect())
    }
}
