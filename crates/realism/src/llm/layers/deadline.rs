//! An end to every call.

use std::time::Duration;

use crate::llm::backend::{Generation, GenerationRequest, LlmBackend, LlmError, WaitPhase};

/// Ends every call after [`GenerationRequest::within`], and never later than its own limit.
///
/// What is ended is dropped, so its connection closes.
#[derive(Clone, Debug)]
pub struct Deadline<B> {
    inner: B,
    longest: Duration,
}

impl<B> Deadline<B> {
    /// `inner`, for at most `longest` a call.
    pub fn new(inner: B, longest: Duration) -> Self {
        Self { inner, longest }
    }
}

#[async_trait::async_trait]
impl<B: LlmBackend> LlmBackend for Deadline<B> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn model(&self) -> &str {
        self.inner.model()
    }

    async fn generate(&self, request: &GenerationRequest) -> Result<Generation, LlmError> {
        let after = request.within.min(self.longest);
        tokio::time::timeout(after, self.inner.generate(request))
            .await
            .unwrap_or(Err(LlmError::Timeout {
                phase: WaitPhase::Total,
                after,
            }))
    }
}
