//! A circuit breaker: after some failures in a row it lets nothing through for a while, then one
//! probe.
//!
//! ```text
//!            failures in a row                 cooldown over
//!  closed ───────────────────────► open ──────────────────────► half-open
//!    ▲                              ▲                               │ │
//!    │                              └────────── probe failed ───────┘ │
//!    └───────────────────────────────────────── probe succeeded ──────┘
//! ```
//!
//! This is the state machine alone. It never reads a clock; who holds it passes the time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitPolicy {
    /// Failures in a row that open it, at least 1. Default 3.
    pub failures: u32,
    /// How long it stays open before a probe. Default 60 s.
    pub cooldown: Duration,
    /// How long a probe may take before another one may go. Default 120 s; should be longer than
    /// any call.
    pub probe_lease: Duration,
    /// A call that takes longer counts as a failure although it succeeds: a model that answers
    /// just inside its deadline, mail after mail, is in the way too. `None` for never, the default.
    pub slow_call: Option<Duration>,
}

impl Default for CircuitPolicy {
    fn default() -> Self {
        Self {
            failures: 3,
            cooldown: Duration::from_secs(60),
            probe_lease: Duration::from_secs(120),
            slow_call: None,
        }
    }
}

/// Longest time that a server can ask to be left alone.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// A breaker.
///
/// ```
/// use std::time::Duration;
/// use chrono::{TimeDelta, TimeZone, Utc};
/// use decnet_realism::llm::circuit_breaker::{CircuitBreaker, CircuitPolicy, CircuitState};
///
/// let policy = CircuitPolicy { failures: 2, ..CircuitPolicy::default() };
/// let mut breaker = CircuitBreaker::default();
/// let noon = Utc.with_ymd_and_hms(2026, 3, 6, 12, 0, 0).unwrap();
/// for _ in 0..2 {
///     let admission = breaker.allow(noon, &policy).unwrap();
///     breaker.record_failure(admission, noon, None, &policy);
/// }
/// assert_eq!(breaker.state(), CircuitState::Open);
/// assert_eq!(breaker.allow(noon, &policy), Err(Duration::from_secs(60)));
/// let later = noon + TimeDelta::seconds(60);
/// let probe = breaker.allow(later, &policy).unwrap();
/// assert!(breaker.allow(later, &policy).is_err(), "one probe at a time");
/// breaker.record_success(probe);
/// assert_eq!(breaker.state(), CircuitState::Closed);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitBreaker {
    /// Grows with every change of state and every probe, so that the outcome of a call that was
    /// let through earlier changes nothing.
    epoch: u64,
    phase: Phase,
}

/// What a breaker does with calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// They go through.
    Closed,
    /// None goes through.
    Open,
    /// One goes through, to try.
    HalfOpen,
}

impl std::fmt::Display for CircuitState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        })
    }
}

/// That a call may go through. Its outcome is reported with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    epoch: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Phase {
    Closed { failures: u32 },
    Open { since: DateTime<Utc>, millis: u64 },
    HalfOpen { since: DateTime<Utc> },
}

impl Default for Phase {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl CircuitBreaker {
    /// What it does with calls. An open breaker whose cooldown is over says open until somebody
    /// asks for the probe.
    pub fn state(&self) -> CircuitState {
        match self.phase {
            Phase::Closed { .. } => CircuitState::Closed,
            Phase::Open { .. } => CircuitState::Open,
            Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// Failures in a row so far; 0 unless it is closed.
    pub fn failures(&self) -> u32 {
        match self.phase {
            Phase::Closed { failures } => failures,
            Phase::Open { .. } | Phase::HalfOpen { .. } => 0,
        }
    }

    /// How long it lets nothing through from `now` on; zero when a call may go.
    pub fn blocked_for(&self, now: DateTime<Utc>, policy: &CircuitPolicy) -> Duration {
        match self.phase {
            Phase::Closed { .. } => Duration::ZERO,
            Phase::Open { since, millis } => left(since, Duration::from_millis(millis), now),
            Phase::HalfOpen { since } => left(since, policy.probe_lease, now),
        }
    }

    /// Lets a call through, or says how long not to ask.
    ///
    /// # Errors
    ///
    /// The time until the next try.
    pub fn allow(
        &mut self,
        now: DateTime<Utc>,
        policy: &CircuitPolicy,
    ) -> Result<Admission, Duration> {
        let wait = self.blocked_for(now, policy);
        if !wait.is_zero() {
            self.forget_a_later_clock(now);
            return Err(wait);
        }
        if !matches!(self.phase, Phase::Closed { .. }) {
            self.enter(Phase::HalfOpen { since: now });
        }
        Ok(self.admission())
    }

    /// The admission that a call has which goes through now. For callers that ask nobody first.
    pub fn admission(&self) -> Admission {
        Admission { epoch: self.epoch }
    }

    /// The call succeeded, within [`CircuitPolicy::slow_call`].
    pub fn record_success(&mut self, admission: Admission) {
        if admission.epoch != self.epoch {
            return;
        }
        match self.phase {
            Phase::Closed { failures: 0 } | Phase::Open { .. } => {}
            Phase::Closed { .. } => self.phase = Phase::default(),
            Phase::HalfOpen { .. } => self.enter(Phase::default()),
        }
    }

    /// The call failed. A server that asks to be left alone for `retry_after` is, at once, for at
    /// most [`LONGEST_RETRY_AFTER`].
    pub fn record_failure(
        &mut self,
        admission: Admission,
        now: DateTime<Utc>,
        retry_after: Option<Duration>,
        policy: &CircuitPolicy,
    ) {
        if admission.epoch != self.epoch {
            return;
        }
        let pause = policy
            .cooldown
            .max(retry_after.unwrap_or_default().min(LONGEST_RETRY_AFTER));
        let open = Phase::Open {
            since: now,
            millis: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
        };
        match &mut self.phase {
            Phase::Open { .. } => {}
            Phase::HalfOpen { .. } => self.enter(open),
            Phase::Closed { failures } => {
                *failures = failures.saturating_add(1);
                if *failures >= policy.failures.max(1) || retry_after.is_some() {
                    self.enter(open);
                }
            }
        }
    }

    /// The call said nothing about the server: it was given up by its caller. A probe given up
    /// lets the next one go.
    pub fn record_nothing(&mut self, admission: Admission, now: DateTime<Utc>) {
        if admission.epoch == self.epoch && matches!(self.phase, Phase::HalfOpen { .. }) {
            self.enter(Phase::Open {
                since: now,
                millis: 0,
            });
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.epoch = self.epoch.wrapping_add(1);
        self.phase = phase;
    }

    /// A clock that was put back must not keep the breaker open for the difference.
    fn forget_a_later_clock(&mut self, now: DateTime<Utc>) {
        if let Phase::Open { since, .. } | Phase::HalfOpen { since } = &mut self.phase
            && *since > now
        {
            *since = now;
        }
    }
}

/// What is left of `span` since `since`, at most all of it.
fn left(since: DateTime<Utc>, span: Duration, now: DateTime<Utc>) -> Duration {
    let span = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
    (span - (now - since).max(TimeDelta::zero()))
        .to_std()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn open(policy: &CircuitPolicy) -> CircuitBreaker {
        let mut breaker = CircuitBreaker::default();
        for _ in 0..policy.failures {
            let admission = breaker.allow(at(0), policy).expect("closed");
            breaker.record_failure(admission, at(0), None, policy);
        }
        assert_eq!(breaker.state(), CircuitState::Open);
        breaker
    }

    #[test]
    fn late_outcomes_change_nothing() {
        let policy = CircuitPolicy::default();
        let mut breaker = CircuitBreaker::default();
        let late = breaker.allow(at(0), &policy).expect("closed");
        for _ in 0..3 {
            breaker.record_failure(late, at(0), None, &policy);
        }
        breaker.record_success(late);
        assert_eq!(breaker.state(), CircuitState::Open);
        breaker.record_failure(late, at(50), None, &policy);
        let probe = breaker
            .allow(at(60), &policy)
            .expect("the cooldown is over");
        breaker.record_failure(late, at(61), None, &policy);
        assert_eq!(breaker.state(), CircuitState::HalfOpen);
        breaker.record_success(probe);
        assert_eq!(breaker.state(), CircuitState::Closed);
    }

    #[test]
    fn one_probe_goes_at_a_time_and_a_lost_one_is_replaced() {
        let policy = CircuitPolicy::default();
        let mut breaker = open(&policy);
        let lost = breaker.allow(at(60), &policy).expect("a probe");
        assert_eq!(
            breaker.allow(at(61), &policy),
            Err(Duration::from_secs(119))
        );
        let second = breaker.allow(at(180), &policy).expect("a second probe");
        breaker.record_success(lost);
        assert_eq!(breaker.state(), CircuitState::HalfOpen, "it was given up");
        breaker.record_nothing(second, at(181));
        assert!(breaker.allow(at(181), &policy).is_ok(), "it says nothing");
    }

    #[test]
    fn a_server_that_asks_for_a_pause_gets_it() {
        let policy = CircuitPolicy::default();
        let mut breaker = CircuitBreaker::default();
        let admission = breaker.allow(at(0), &policy).expect("closed");
        let pause = Duration::from_secs(300);
        breaker.record_failure(admission, at(0), Some(pause), &policy);
        assert_eq!(breaker.blocked_for(at(0), &policy), pause);
        let mut breaker = CircuitBreaker::default();
        breaker.record_failure(admission, at(0), Some(Duration::MAX), &policy);
        assert_eq!(breaker.blocked_for(at(0), &policy), LONGEST_RETRY_AFTER);
    }

    #[test]
    fn a_clock_put_back_does_not_keep_it_open() {
        let policy = CircuitPolicy::default();
        let mut breaker = open(&policy);
        assert_eq!(breaker.allow(at(-5_000), &policy), Err(policy.cooldown));
        assert!(breaker.allow(at(-4_940), &policy).is_ok());
    }

    #[test]
    fn success_forgets_failures() {
        let policy = CircuitPolicy::default();
        let mut breaker = CircuitBreaker::default();
        for _ in 0..10 {
            let admission = breaker.admission();
            breaker.record_failure(admission, at(0), None, &policy);
            breaker.record_failure(admission, at(0), None, &policy);
            breaker.record_success(admission);
        }
        assert_eq!(breaker.state(), CircuitState::Closed);
        assert_eq!(breaker.failures(), 0);
    }

    #[test]
    fn it_survives_being_stored() {
        let breaker = open(&CircuitPolicy::default());
        let stored = serde_json::to_string(&breaker).expect("plain data");
        assert_eq!(
            serde_json::from_str::<CircuitBreaker>(&stored).expect("what was stored"),
            breaker
        );
    }
}
