//! A model that always says the same.

use crate::llm::backend::{FinishReason, Generation, GenerationRequest, LlmBackend, LlmError};

/// Always the same text, at once. For tests and for trying things out.
#[derive(Clone, Debug)]
pub struct FakeBackend {
    text: String,
}

impl FakeBackend {
    /// A model that says `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

#[async_trait::async_trait]
impl LlmBackend for FakeBackend {
    fn name(&self) -> &str {
        "fake"
    }

    fn model(&self) -> &str {
        "fake"
    }

    async fn generate(&self, _: &GenerationRequest) -> Result<Generation, LlmError> {
        if self.text.is_empty() {
            return Err(LlmError::Empty);
        }
        Ok(Generation {
            text: self.text.clone(),
            finish: FinishReason::Stop,
            prompt_tokens: None,
            output_tokens: None,
        })
    }
}
