//! A second and third try, where they cost the server nothing.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::llm::backend::{Generation, GenerationRequest, LlmBackend, LlmError};

/// How often and how soon to ask again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries in all, at least 1. Default 3.
    pub most_tries: u32,
    /// Longest pause before the second try; each further one is up to twice as long. Default
    /// 200 ms.
    pub first_pause: Duration,
    /// Longest pause at all. A server that asks for a longer one is not asked again. Default 2 s.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            most_tries: 3,
            first_pause: Duration::from_millis(200),
            longest_pause: Duration::from_secs(2),
        }
    }
}

/// Asks again after an error that can pass, unless the server may still be at work on the request:
/// asking again then would leave it with two.
///
/// A pause is between half and all of its length, drawn from the request's seed: many callers that
/// failed together do not come back together.
#[derive(Clone, Debug)]
pub struct Retry<B> {
    inner: B,
    policy: RetryPolicy,
}

impl<B> Retry<B> {
    /// `inner`, asked again under `policy`.
    pub fn new(inner: B, policy: RetryPolicy) -> Self {
        Self { inner, policy }
    }

    /// The pause before the next try, after `error` ended try number `tries`; `None` when there is
    /// no next one.
    fn pause(&self, error: &LlmError, tries: u32, seed: u64) -> Option<Duration> {
        let repeats = matches!(
            error,
            LlmError::CircuitOpen { .. } | LlmError::NoSlot { .. } | LlmError::Cancelled
        );
        if tries >= self.policy.most_tries || repeats || !error.is_transient() || error.may_run_on()
        {
            return None;
        }
        if let Some(wanted) = error.retry_after() {
            return (wanted <= self.policy.longest_pause).then_some(wanted);
        }
        let doubled = self
            .policy
            .first_pause
            .saturating_mul(1 << (tries - 1).min(16));
        let longest = doubled.min(self.policy.longest_pause);
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ u64::from(tries));
        Some(longest.mul_f64(rng.random_range(0.5..=1.0)))
    }
}

#[async_trait::async_trait]
impl<B: LlmBackend> LlmBackend for Retry<B> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn model(&self) -> &str {
        self.inner.model()
    }

    async fn generate(&self, request: &GenerationRequest) -> Result<Generation, LlmError> {
        let mut tries = 1;
        loop {
            let error = match self.inner.generate(request).await {
                Ok(generation) => return Ok(generation),
                Err(error) => error,
            };
            match self.pause(&error, tries, request.seed) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            }
            tries += 1;
        }
    }
}
