//! The backends that are built in.

pub mod fake;
pub mod ollama;
pub mod openai;

mod optional;
mod text;

use self::ollama::OllamaBackend;
use self::openai::OpenAiBackend;
use super::backend::{Generation, GenerationRequest, LlmBackend, LlmError};

/// A model behind HTTP, in either protocol.
#[derive(Debug)]
pub enum HttpBackend {
    /// Ollama's own.
    Ollama(OllamaBackend),
    /// OpenAI's, which llama.cpp, vLLM, LM Studio and others speak.
    OpenAi(OpenAiBackend),
}

impl HttpBackend {
    /// Names of the models that the server has.
    ///
    /// # Errors
    ///
    /// [`LlmError`] when it does not say.
    pub async fn models(&self) -> Result<Vec<String>, LlmError> {
        match self {
            Self::Ollama(backend) => backend.models().await,
            Self::OpenAi(backend) => backend.models().await,
        }
    }

    /// How many slots of the server are generating; `None` when it does not tell.
    ///
    /// # Errors
    ///
    /// [`LlmError`] when it cannot be asked.
    pub async fn busy_slots(&self) -> Result<Option<u32>, LlmError> {
        match self {
            Self::Ollama(_) => Ok(None),
            Self::OpenAi(backend) => backend.busy_slots().await,
        }
    }
}

#[async_trait::async_trait]
impl LlmBackend for HttpBackend {
    fn name(&self) -> &str {
        match self {
            Self::Ollama(backend) => backend.name(),
            Self::OpenAi(backend) => backend.name(),
        }
    }

    fn model(&self) -> &str {
        match self {
            Self::Ollama(backend) => backend.model(),
            Self::OpenAi(backend) => backend.model(),
        }
    }

    async fn generate(&self, request: &GenerationRequest) -> Result<Generation, LlmError> {
        match self {
            Self::Ollama(backend) => backend.generate(request).await,
            Self::OpenAi(backend) => backend.generate(request).await,
        }
    }
}
