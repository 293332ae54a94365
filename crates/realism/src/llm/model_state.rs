//! What is known about a model's server, shared by everything that asks it and kept between
//! processes: its circuit breaker, and who holds its slots.
//!
//! A server generates for as long as it likes when a caller goes away: not every one notices. So a
//! slot whose caller gave up, or died, stays taken for a while, and at most one abandoned
//! generation per slot can be running there.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::backend::LlmError;
use super::circuit_breaker::{Admission, CircuitBreaker, CircuitPolicy};

/// Keeps the [`ModelState`] of each server. One state per name, such as `ollama http://host:1`.
pub trait ModelLedger: Send + Sync {
    /// The state of `server`, new when nobody has asked it yet.
    ///
    /// # Errors
    ///
    /// [`ModelLedgerError`] when the storage fails.
    fn state(&self, server: &str) -> Result<ModelState, ModelLedgerError>;

    /// Changes the state of `server` in one transaction. `change` may be called again when the
    /// transaction has to be repeated.
    ///
    /// # Errors
    ///
    /// [`ModelLedgerError`] when the storage fails; nothing has changed then.
    fn change(
        &self,
        server: &str,
        change: &mut dyn FnMut(&mut ModelState),
    ) -> Result<(), ModelLedgerError>;
}

/// The state of a server could not be read or kept.
#[derive(Debug, thiserror::Error)]
#[error("the state of the model's server cannot be kept: {reason}")]
pub struct ModelLedgerError {
    /// What happened.
    pub reason: String,
}

/// How a server's slots are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotPolicy {
    /// How many generations the server runs at once, at least 1. Default 1.
    pub slots: usize,
    /// How long an abandoned generation may go on. Default 60 s. Zero for a server that is known
    /// to stop when its caller goes away.
    pub hold: Duration,
}

impl Default for SlotPolicy {
    fn default() -> Self {
        Self {
            slots: 1,
            hold: Duration::from_secs(60),
        }
    }
}

/// What is known about one server.
///
/// Pure: whoever holds it passes the time, and numbers for leases that nobody else uses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelState {
    /// Its circuit breaker.
    pub breaker: CircuitBreaker,
    /// What the server did wrong last, for people to read.
    pub last_failure: Option<LastFailure>,
    leases: Vec<SlotLease>,
    last_token: u64,
}

/// What a server did wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastFailure {
    /// When.
    pub at: DateTime<Utc>,
    /// What, on one line.
    pub reason: String,
}

/// One slot that is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SlotLease {
    token: u64,
    admission: Admission,
    since: DateTime<Utc>,
    millis: u64,
    /// Its caller is gone.
    abandoned: bool,
}

impl SlotLease {
    fn left(&self, now: DateTime<Utc>) -> Duration {
        let span = TimeDelta::milliseconds(i64::try_from(self.millis).unwrap_or(i64::MAX / 2));
        // A clock that was put back does not lengthen a lease.
        let gone = (now - self.since).max(TimeDelta::zero());
        (span - gone).to_std().unwrap_or_default()
    }
}

/// That one generation may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permit {
    token: u64,
    admission: Admission,
}

/// What became of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It came, after this long.
    Success {
        /// How long it took.
        took: Duration,
    },
    /// The server failed.
    Failure {
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
        /// Whether it may still be generating.
        may_run_on: bool,
    },
    /// The caller gave it up.
    Abandoned,
}

/// Why no generation may be asked for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The circuit breaker is open.
    CircuitOpen {
        /// Until the next try.
        retry_after: Duration,
    },
    /// Every slot is taken.
    NoSlot {
        /// Until one is free, at the latest.
        retry_after: Duration,
        /// Whether somebody is waiting for an answer on one of them, so that it may be free
        /// earlier.
        may_end_sooner: bool,
    },
}

impl From<Refusal> for LlmError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::CircuitOpen { retry_after } => Self::CircuitOpen { retry_after },
            Refusal::NoSlot { retry_after, .. } => Self::NoSlot { retry_after },
        }
    }
}

impl ModelState {
    /// Why nothing may be asked for at `now`, if so. Changes nothing.
    pub fn refusal(
        &self,
        now: DateTime<Utc>,
        circuit: &CircuitPolicy,
        slots: &SlotPolicy,
    ) -> Option<Refusal> {
        let retry_after = self.breaker.blocked_for(now, circuit);
        if !retry_after.is_zero() {
            return Some(Refusal::CircuitOpen { retry_after });
        }
        let taken = self
            .leases
            .iter()
            .filter(|lease| !lease.left(now).is_zero());
        if taken.clone().count() < slots.slots.max(1) {
            return None;
        }
        Some(Refusal::NoSlot {
            retry_after: taken
                .clone()
                .map(|lease| lease.left(now))
                .min()
                .unwrap_or_default(),
            may_end_sooner: taken.clone().any(|lease| !lease.abandoned),
        })
    }

    /// Takes a slot for a generation that is given up after `within` at the latest.
    ///
    /// # Errors
    ///
    /// [`Refusal`] when the breaker is open or every slot is taken.
    pub fn admit(
        &mut self,
        now: DateTime<Utc>,
        within: Duration,
        circuit: &CircuitPolicy,
        slots: &SlotPolicy,
    ) -> Result<Permit, Refusal> {
        let (over, running): (Vec<_>, Vec<_>) = std::mem::take(&mut self.leases)
            .into_iter()
            .map(|lease| SlotLease {
                since: lease.since.min(now),
                ..lease
            })
            .partition(|lease| lease.left(now).is_zero());
        self.leases = running;
        for lost in over.iter().filter(|lease| !lease.abandoned) {
            // Its caller was killed while it waited: nobody else will tell the breaker.
            self.breaker
                .record_failure(lost.admission, now, None, circuit);
        }
        if let Some(refusal @ Refusal::NoSlot { .. }) = self.refusal(now, circuit, slots) {
            return Err(refusal);
        }
        let admission = self
            .breaker
            .allow(now, circuit)
            .map_err(|retry_after| Refusal::CircuitOpen { retry_after })?;
        self.last_token = self.last_token.wrapping_add(1);
        self.leases.push(SlotLease {
            token: self.last_token,
            admission,
            since: now,
            // A caller that is killed frees nothing: then this is how long the slot stays taken.
            millis: millis(within.saturating_add(slots.hold)),
            abandoned: false,
        });
        Ok(Permit {
            token: self.last_token,
            admission,
        })
    }

    /// Gives the slot back, or keeps it for as long as an abandoned generation may go on, and
    /// tells the breaker.
    pub fn settle(
        &mut self,
        permit: Permit,
        outcome: Outcome,
        now: DateTime<Utc>,
        circuit: &CircuitPolicy,
        slots: &SlotPolicy,
    ) {
        let may_run_on = match outcome {
            Outcome::Success { took } => {
                if circuit.slow_call.is_some_and(|limit| took > limit) {
                    self.breaker
                        .record_failure(permit.admission, now, None, circuit);
                } else {
                    self.breaker.record_success(permit.admission);
                }
                false
            }
            Outcome::Failure {
                retry_after,
                may_run_on,
            } => {
                self.breaker
                    .record_failure(permit.admission, now, retry_after, circuit);
                may_run_on
            }
            Outcome::Abandoned => {
                self.breaker.record_nothing(permit.admission, now);
                true
            }
        };
        if may_run_on && !slots.hold.is_zero() {
            for lease in &mut self.leases {
                if lease.token == permit.token {
                    lease.since = now;
                    lease.millis = millis(slots.hold);
                    lease.abandoned = true;
                }
            }
        } else {
            self.leases.retain(|lease| lease.token != permit.token);
        }
    }

    /// Slots that are taken at `now`, and how many of these by abandoned generations.
    pub fn taken(&self, now: DateTime<Utc>) -> (usize, usize) {
        let taken = self
            .leases
            .iter()
            .filter(|lease| !lease.left(now).is_zero());
        let abandoned = taken.clone().filter(|lease| lease.abandoned).count();
        (taken.count(), abandoned)
    }
}

/// A [`ModelLedger`] in memory, for programs that run on, and for tests.
#[derive(Debug, Default)]
pub struct MemoryModelLedger {
    states: Mutex<BTreeMap<String, ModelState>>,
}

impl ModelLedger for MemoryModelLedger {
    fn state(&self, server: &str) -> Result<ModelState, ModelLedgerError> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(states.get(server).cloned().unwrap_or_default())
    }

    fn change(
        &self,
        server: &str,
        change: &mut dyn FnMut(&mut ModelState),
    ) -> Result<(), ModelLedgerError> {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        change(states.entry(server.to_owned()).or_default());
        Ok(())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(30);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn admit(state: &mut ModelState, seconds: i64) -> Result<Permit, Refusal> {
        state.admit(
            at(seconds),
            WITHIN,
            &CircuitPolicy::default(),
            &SlotPolicy::default(),
        )
    }

    fn settle(state: &mut ModelState, permit: Permit, outcome: Outcome, seconds: i64) {
        state.settle(
            permit,
            outcome,
            at(seconds),
            &CircuitPolicy::default(),
            &SlotPolicy::default(),
        );
    }

    const DONE: Outcome = Outcome::Success {
        took: Duration::from_secs(1),
    };
    const TIMED_OUT: Outcome = Outcome::Failure {
        retry_after: None,
        may_run_on: true,
    };

    #[test]
    fn a_slot_is_taken_and_given_back() {
        let mut state = ModelState::default();
        let permit = admit(&mut state, 0).expect("a free slot");
        assert_eq!(
            admit(&mut state, 10),
            Err(Refusal::NoSlot {
                retry_after: Duration::from_secs(80),
                may_end_sooner: true
            })
        );
        settle(&mut state, permit, DONE, 11);
        assert!(admit(&mut state, 11).is_ok());
    }

    #[test]
    fn an_abandoned_generation_keeps_its_slot_for_a_while() {
        for outcome in [TIMED_OUT, Outcome::Abandoned] {
            let mut state = ModelState::default();
            let permit = admit(&mut state, 0).expect("a free slot");
            settle(&mut state, permit, outcome, 30);
            assert_eq!(state.taken(at(31)), (1, 1));
            assert_eq!(
                admit(&mut state, 40),
                Err(Refusal::NoSlot {
                    retry_after: Duration::from_secs(50),
                    may_end_sooner: false
                })
            );
            assert!(admit(&mut state, 90).is_ok());
        }
    }

    #[test]
    fn a_caller_that_was_killed_loses_its_slot_in_the_end() {
        let mut state = ModelState::default();
        let lost = admit(&mut state, 0).expect("a free slot");
        assert!(admit(&mut state, 89).is_err());
        let second = admit(&mut state, 90).expect("the lease is over");
        // The first was only stopped, and comes back: the slot is not its own any more.
        settle(&mut state, lost, DONE, 91);
        assert!(admit(&mut state, 91).is_err());
        settle(&mut state, second, DONE, 92);
        assert!(admit(&mut state, 92).is_ok());
    }

    #[test]
    fn callers_that_are_killed_while_they_wait_open_the_breaker() {
        let mut state = ModelState::default();
        for killed in 0..3 {
            admit(&mut state, killed * 90).expect("the last lease is over");
        }
        let refused = admit(&mut state, 270);
        assert!(
            matches!(refused, Err(Refusal::CircuitOpen { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn no_slot_costs_the_breaker_no_probe() {
        let mut state = ModelState::default();
        let quick = SlotPolicy {
            slots: 2,
            hold: Duration::from_secs(300),
        };
        let circuit = CircuitPolicy {
            failures: 1,
            ..CircuitPolicy::default()
        };
        let first = state.admit(at(0), WITHIN, &circuit, &quick).expect("free");
        state.settle(first, TIMED_OUT, at(30), &circuit, &quick);
        let one = SlotPolicy { slots: 1, ..quick };
        let refused = state.admit(at(100), WITHIN, &circuit, &one);
        assert!(
            matches!(refused, Err(Refusal::NoSlot { .. })),
            "{refused:?}"
        );
        assert!(state.admit(at(100), WITHIN, &circuit, &quick).is_ok());
    }

    #[test]
    fn slow_answers_open_the_breaker() {
        let circuit = CircuitPolicy {
            slow_call: Some(Duration::from_secs(20)),
            ..CircuitPolicy::default()
        };
        let mut state = ModelState::default();
        for call in 0..3 {
            let now = at(call * 30);
            let permit = state
                .admit(now, WITHIN, &circuit, &SlotPolicy::default())
                .expect("closed so far");
            let slow = Outcome::Success {
                took: Duration::from_secs(25),
            };
            state.settle(permit, slow, now, &circuit, &SlotPolicy::default());
        }
        assert!(matches!(
            state.refusal(at(100), &circuit, &SlotPolicy::default()),
            Some(Refusal::CircuitOpen { .. })
        ));
    }

    #[test]
    fn a_clock_put_back_frees_slots_all_the_same() {
        let mut state = ModelState::default();
        admit(&mut state, 100_000).expect("a free slot");
        assert!(admit(&mut state, 0).is_err());
        assert!(admit(&mut state, 90).is_ok());
    }
}
