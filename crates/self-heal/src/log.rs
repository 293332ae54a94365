//! Everything that was done and observed, in order, and the state that follows from it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::attempt::{Attempt, AttemptId, Beginning, ExecutionError, History, Known, Status};
use crate::decision::Plan;
use crate::policy::Episode;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number: the first has 1, each one more.
    pub number: i64,
    /// When, by the clock of then.
    pub at: DateTime<Utc>,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What was done or observed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// An attempt began, for the first time or again after it failed for good.
    Began {
        /// Which.
        attempt: AttemptId,
        /// What is to be done.
        plan: Plan,
        /// Number of the try.
        token: u32,
        /// Until when nobody else takes it up.
        lease_until: DateTime<Utc>,
    },
    /// It was taken up after a failure, or from somebody who did not finish.
    TakenUp {
        /// Which.
        attempt: AttemptId,
        /// Number of the try.
        token: u32,
        /// Until when nobody else takes it up.
        lease_until: DateTime<Utc>,
    },
    /// It is done.
    Succeeded {
        /// Which.
        attempt: AttemptId,
        /// Number of the try.
        token: u32,
        /// What there is to keep of it.
        result: serde_json::Value,
    },
    /// It was not done.
    Failed {
        /// Which.
        attempt: AttemptId,
        /// Number of the try.
        token: u32,
        /// Why.
        error: ExecutionError,
        /// When it is tried again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<DateTime<Utc>>,
    },
    /// A target entered an episode.
    EpisodeBegan {
        /// Name of the policy.
        policy: String,
        /// Which target.
        target: String,
        /// The episode.
        episode: Episode,
    },
    /// So many targets are stagnant that nothing is done any more.
    CircuitOpened {
        /// Targets that are stagnant.
        stale: usize,
        /// Targets with traffic.
        with_traffic: usize,
    },
    /// That is over.
    CircuitClosed {
        /// Targets that are stagnant.
        stale: usize,
        /// Targets with traffic.
        with_traffic: usize,
    },
    /// Beginnings lie ahead: the clock was put back.
    ClockPutBack,
    /// An operator paused a target, or everything.
    Paused {
        /// Which target; `None` is everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
    },
    /// An operator ended a pause.
    Resumed {
        /// Which target; `None` is everything.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<String>,
    },
}

/// What follows from a log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Every attempt.
    pub attempts: BTreeMap<AttemptId, Attempt>,
    /// How often each attempt was begun.
    pub beginnings: BTreeMap<AttemptId, u32>,
    /// What is known of targets, by name.
    pub targets: BTreeMap<String, TargetState>,
    /// Since when everything is paused.
    pub paused_since: Option<DateTime<Utc>>,
    /// Since when the circuit is open.
    pub circuit_open_since: Option<DateTime<Utc>>,
    /// Number of the last entry.
    pub last_entry: i64,
}

/// What follows from a log for one target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetState {
    /// Beginnings on it, in their order.
    pub beginnings: Vec<Beginning>,
    /// The latest attempt of each policy and key, in the order of names.
    pub latest: BTreeMap<(String, String), AttemptId>,
    /// The episodes that it is in, by policy.
    pub episodes: BTreeMap<String, Episode>,
    /// Tries that failed since the last success.
    pub failures_in_a_row: u32,
    /// Since when it is paused.
    pub paused_since: Option<DateTime<Utc>>,
}

impl State {
    /// The state after `entry`.
    pub fn apply(&mut self, entry: &Entry) {
        let at = entry.at;
        self.last_entry = entry.number;
        match &entry.event {
            Event::Began {
                attempt: id,
                plan,
                token,
                lease_until,
            } => self.began(*id, plan, *token, *lease_until, at),
            Event::TakenUp {
                attempt,
                token,
                lease_until,
            } => {
                if let Some(attempt) = self.attempts.get_mut(attempt) {
                    attempt.tries = attempt.tries.saturating_add(1);
                    attempt.token = *token;
                    attempt.status = Status::Running {
                        lease_until: *lease_until,
                    };
                }
            }
            Event::Succeeded {
                attempt, result, ..
            } => {
                if let Some(attempt) = self.attempts.get_mut(attempt) {
                    attempt.status = Status::Success { at };
                    attempt.result = Some(result.clone());
                    let target = self.targets.entry(attempt.plan.target.clone());
                    target.or_default().failures_in_a_row = 0;
                }
            }
            Event::Failed {
                attempt,
                error,
                retry_at,
                ..
            } => {
                if let Some(attempt) = self.attempts.get_mut(attempt) {
                    attempt.status = Status::Failed {
                        at,
                        error: error.clone(),
                        retry_at: *retry_at,
                    };
                    let target = self.targets.entry(attempt.plan.target.clone());
                    let failures = &mut target.or_default().failures_in_a_row;
                    *failures = failures.saturating_add(1);
                }
            }
            Event::EpisodeBegan {
                policy,
                target,
                episode,
            } => {
                let target = self.targets.entry(target.clone()).or_default();
                target.episodes.insert(policy.clone(), *episode);
            }
            Event::CircuitOpened { .. } => self.circuit_open_since = Some(at),
            Event::CircuitClosed { .. } => self.circuit_open_since = None,
            Event::ClockPutBack => {
                let beginnings = self
                    .targets
                    .values_mut()
                    .flat_map(|target| &mut target.beginnings);
                for ahead in beginnings.filter(|beginning| beginning.is_unseen_ahead(at)) {
                    ahead.seen_ahead_at = Some(at);
                }
            }
            Event::Paused { target } => self.set_pause(target.as_deref(), Some(at)),
            Event::Resumed { target } => self.set_pause(target.as_deref(), None),
        }
    }

    /// What decisions need to know of the attempts on a target.
    pub fn history(&self, target: &str, beginnings_from: DateTime<Utc>) -> History {
        let Some(target) = self.targets.get(target) else {
            return History::default();
        };
        let beginnings = target.beginnings.iter();
        let attempts = target.latest.values();
        History {
            beginnings: beginnings
                .filter(|beginning| beginning.at >= beginnings_from)
                .copied()
                .collect(),
            attempts: attempts
                .filter_map(|id| self.attempts.get(id))
                .map(known)
                .collect(),
            failures_in_a_row: target.failures_in_a_row,
        }
    }

    fn began(
        &mut self,
        id: AttemptId,
        plan: &Plan,
        token: u32,
        lease_until: DateTime<Utc>,
        at: DateTime<Utc>,
    ) {
        let begun = self.beginnings.entry(id).or_default();
        *begun = begun.saturating_add(1);
        let attempt = Attempt {
            id,
            plan: plan.clone(),
            started_at: at,
            tries: 1,
            token,
            status: Status::Running { lease_until },
            result: None,
        };
        self.attempts.insert(id, attempt);
        let target = self.targets.entry(plan.target.clone()).or_default();
        target.beginnings.push(Beginning::new(plan.action, at));
        let name = (plan.policy.clone(), plan.key.as_str().to_owned());
        target.latest.insert(name, id);
    }

    fn set_pause(&mut self, target: Option<&str>, since: Option<DateTime<Utc>>) {
        match target {
            None => self.paused_since = since,
            Some(target) => {
                self.targets
                    .entry(target.to_owned())
                    .or_default()
                    .paused_since = since;
            }
        }
    }
}

/// An attempt, as far as a decision needs it.
pub fn known(attempt: &Attempt) -> Known {
    Known {
        policy: attempt.plan.policy.clone(),
        key: attempt.plan.key.clone(),
        epoch: attempt.plan.epoch,
        started_at: attempt.started_at,
        tries: attempt.tries,
        status: attempt.status.clone(),
    }
}
