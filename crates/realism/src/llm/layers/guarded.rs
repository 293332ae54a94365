//! The circuit breaker and the slots around a backend.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::llm::backend::{Generation, GenerationRequest, LlmBackend, LlmError};
use crate::llm::circuit_breaker::CircuitPolicy;
use crate::llm::model_state::{
    LastFailure, ModelLedger, ModelLedgerError, ModelState, Outcome, Permit, Refusal, SlotPolicy,
};
use crate::llm::stopwatch::Stopwatch;

/// How long to wait before a look whether a slot is free by now. Other processes cannot tell us.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// When a call is let through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardPolicy {
    /// The circuit breaker.
    pub circuit: CircuitPolicy,
    /// The slots.
    pub slots: SlotPolicy,
}

/// Lets a call through when the circuit breaker allows it and a slot is free, and reports the
/// outcome.
///
/// A call waits for a slot that somebody holds who is alive, within its own time. It does not wait
/// for a breaker, nor for a slot that an abandoned generation may hold.
pub struct Guarded<B> {
    inner: B,
    server: String,
    policy: GuardPolicy,
    ledger: Arc<dyn ModelLedger>,
    wall_clock: fn() -> DateTime<Utc>,
    /// The state as it was last seen: while it refuses, the ledger is not asked.
    seen: Mutex<ModelState>,
}

impl<B: LlmBackend> Guarded<B> {
    /// `inner`, guarded by what `ledger` knows of `server`. `seen` is that state if the caller has
    /// it already, or a new one.
    pub fn new(
        inner: B,
        server: impl Into<String>,
        policy: GuardPolicy,
        ledger: Arc<dyn ModelLedger>,
        wall_clock: fn() -> DateTime<Utc>,
        seen: ModelState,
    ) -> Self {
        Self {
            inner,
            server: server.into(),
            policy,
            ledger,
            wall_clock,
            seen: Mutex::new(seen),
        }
    }

    async fn permit(&self, within: Duration) -> Result<Permit, LlmError> {
        let started = Stopwatch::start();
        loop {
            let refusal = match self.admit(within)? {
                Ok(permit) => return Ok(permit),
                Err(refusal) => refusal,
            };
            let left = within.saturating_sub(started.elapsed());
            match refusal {
                Refusal::NoSlot {
                    may_end_sooner: true,
                    ..
                } if left > LOOK_AGAIN => tokio::time::sleep(LOOK_AGAIN).await,
                refusal => return Err(refusal.into()),
            }
        }
    }

    fn admit(&self, within: Duration) -> Result<Result<Permit, Refusal>, LlmError> {
        let GuardPolicy { circuit, slots } = &self.policy;
        let now = (self.wall_clock)();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = seen.refusal(now, circuit, slots);
        drop(seen);
        // What can pass at any moment has to be looked at again.
        if let Some(refusal @ Refusal::CircuitOpen { .. }) = remembered {
            return Ok(Err(refusal));
        }
        let mut admitted = None;
        let mut state = ModelState::default();
        self.ledger
            .change(&self.server, &mut |held| {
                admitted = Some(held.admit(now, within, circuit, slots));
                state = held.clone();
            })
            .map_err(unkept)?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = state;
        admitted.ok_or_else(|| {
            unkept(ModelLedgerError {
                reason: "it changed nothing".to_owned(),
            })
        })
    }

    fn settle(
        &self,
        permit: Permit,
        outcome: Outcome,
        failure: Option<String>,
    ) -> Result<(), ModelLedgerError> {
        let GuardPolicy { circuit, slots } = &self.policy;
        let now = (self.wall_clock)();
        let mut state = ModelState::default();
        self.ledger.change(&self.server, &mut |held| {
            held.settle(permit, outcome, now, circuit, slots);
            if let Some(reason) = failure.clone() {
                held.last_failure = Some(LastFailure { at: now, reason });
            }
            state = held.clone();
        })?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = state;
        Ok(())
    }
}

/// Settles a permit whose call is dropped.
struct InFlight<'a, B: LlmBackend> {
    guarded: &'a Guarded<B>,
    permit: Option<Permit>,
}

impl<B: LlmBackend> InFlight<'_, B> {
    fn end(mut self, outcome: Outcome, failure: Option<String>) -> Result<(), ModelLedgerError> {
        match self.permit.take() {
            Some(permit) => self.guarded.settle(permit, outcome, failure),
            None => Ok(()),
        }
    }
}

impl<B: LlmBackend> Drop for InFlight<'_, B> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            // Nobody is left to tell. Unsettled, the slot is given back when its lease is over.
            let _ = self.guarded.settle(permit, Outcome::Abandoned, None);
        }
    }
}

#[async_trait::async_trait]
impl<B: LlmBackend> LlmBackend for Guarded<B> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn model(&self) -> &str {
        self.inner.model()
    }

    async fn generate(&self, request: &GenerationRequest) -> Result<Generation, LlmError> {
        let started = Stopwatch::start();
        let permit = self.permit(request.within).await?;
        let in_flight = InFlight {
            guarded: self,
            permit: Some(permit),
        };
        let asked = Stopwatch::start();
        let left = GenerationRequest {
            within: request.within.saturating_sub(started.elapsed()),
            ..request.clone()
        };
        let generated = self.inner.generate(&left).await;
        let outcome = match &generated {
            Ok(_) => Outcome::Success {
                took: asked.elapsed(),
            },
            Err(LlmError::Cancelled) => Outcome::Abandoned,
            Err(error) => Outcome::Failure {
                retry_after: error.retry_after(),
                may_run_on: error.may_run_on(),
            },
        };
        let failure = match (&generated, outcome) {
            (Err(error), Outcome::Failure { .. }) => Some(error.to_string()),
            _ => None,
        };
        in_flight.end(outcome, failure).map_err(unkept)?;
        generated
    }
}

fn unkept(error: ModelLedgerError) -> LlmError {
    LlmError::Unavailable {
        reason: error.to_string(),
        may_run_on: false,
    }
}
