//! The contract of whatever generates text: a model behind HTTP, a recording, a fixed answer.

use std::time::Duration;

/// Generates text from a conversation.
///
/// One call is one generation. Dropping the future gives the generation up: a backend closes its
/// connection then, which tells most servers to stop.
#[async_trait::async_trait]
pub trait LlmBackend: Send + Sync {
    /// Name of the protocol, such as `ollama`.
    fn name(&self) -> &str;

    /// Name of the model, as the server knows it.
    fn model(&self) -> &str;

    /// Generates one answer of at most [`GenerationRequest::most_tokens`] tokens.
    ///
    /// # Errors
    ///
    /// [`LlmError`] says what stood in the way and whether a retry can help.
    async fn generate(&self, request: &GenerationRequest) -> Result<Generation, LlmError>;
}

#[async_trait::async_trait]
impl<B: LlmBackend + ?Sized> LlmBackend for &B {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn model(&self) -> &str {
        (**self).model()
    }

    async fn generate(&self, request: &GenerationRequest) -> Result<Generation, LlmError> {
        (**self).generate(request).await
    }
}

#[async_trait::async_trait]
impl<B: LlmBackend + ?Sized> LlmBackend for Box<B> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn model(&self) -> &str {
        (**self).model()
    }

    async fn generate(&self, request: &GenerationRequest) -> Result<Generation, LlmError> {
        (**self).generate(request).await
    }
}

/// What to generate, and within which bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerationRequest {
    /// The conversation so far, oldest first.
    pub messages: Vec<ChatMessage>,
    /// Most tokens of the answer, at least 1. There is no request without a cap.
    pub most_tokens: u32,
    /// How freely to draw, 0 for not at all.
    pub temperature: f32,
    /// How much words that were used lose weight; 1 for not at all.
    pub repeat_penalty: f32,
    /// Seed of the draw. Servers that honour it give the same text again.
    pub seed: u64,
    /// Texts at which the answer ends; they are no part of it.
    pub stop: Vec<String>,
    /// Shape of the answer.
    pub format: OutputFormat,
    /// Most time for the whole answer, waiting for a slot and retries included.
    pub within: Duration,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ChatMessage {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The rules.
    System,
    /// The one who asks.
    User,
    /// The model.
    Assistant,
}

/// Shape of an answer. A server that cannot keep to a shape answers as it likes: whoever reads the
/// answer checks it in any case.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum OutputFormat {
    /// Anything.
    #[default]
    Text,
    /// JSON that fits a schema.
    JsonSchema(serde_json::Value),
    /// Text that fits a grammar in llama.cpp's notation (GBNF). Servers without it get none.
    Grammar(String),
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Generation {
    /// The text, as the model wrote it.
    pub text: String,
    /// Why it ends.
    pub finish: FinishReason,
    /// Tokens that the server read, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u32>,
    /// Tokens that it wrote, where it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u32>,
}

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model was done, or met a stop text.
    Stop,
    /// The token cap, or the end of the window: the text is cut.
    Length,
    /// The server gave no reason or another one.
    Other,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LlmError {
    /// A deadline passed. The server may still be generating.
    #[error("no answer within {}: {phase}", seconds(*.after))]
    Timeout {
        /// What was waited for.
        phase: WaitPhase,
        /// How long.
        after: Duration,
    },
    /// The server cannot be reached, or broke the connection.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
        /// Whether the server had the request by then, so that it may still be generating.
        may_run_on: bool,
    },
    /// The server answered with an error.
    #[error("refused with HTTP status {status}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What the server said, shortened, on one line.
        message: String,
        /// When it wants to be asked again (RFC 9110, section 10.2.3).
        retry_after: Option<Duration>,
    },
    /// The answer holds no text.
    #[error("the answer is empty")]
    Empty,
    /// The answer cannot be read.
    #[error("malformed answer: {what}")]
    Malformed {
        /// What is wrong with it.
        what: String,
    },
    /// It was asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// Earlier failures closed the way to the server for a while.
    #[error("circuit breaker open for another {}", seconds(*.retry_after))]
    CircuitOpen {
        /// Until the next try.
        retry_after: Duration,
    },
    /// Every slot of the server is taken, or may still be running an abandoned generation.
    #[error("every slot of the server is taken for at most another {}", seconds(*.retry_after))]
    NoSlot {
        /// Until the next one is free, at the latest.
        retry_after: Duration,
    },
}

/// What a deadline was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitPhase {
    /// The connection.
    Connect,
    /// The first byte, or the next one.
    Idle,
    /// The whole answer.
    Total,
}

impl std::fmt::Display for WaitPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "it took no connection",
            Self::Idle => "it fell silent",
            Self::Total => "it was not done",
        })
    }
}

impl LlmError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout { .. }
            | Self::Unavailable { .. }
            | Self::Empty
            | Self::CircuitOpen { .. }
            | Self::NoSlot { .. } => true,
            Self::Refused { status, .. } => {
                matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504 | 529)
            }
            Self::Malformed { .. } | Self::Cancelled => false,
        }
    }

    /// Whether the server may still be at work on the request: nobody told us that it ended.
    pub fn may_run_on(&self) -> bool {
        match self {
            Self::Timeout { phase, .. } => *phase != WaitPhase::Connect,
            Self::Unavailable { may_run_on, .. } => *may_run_on,
            // A stream that was given up in the middle.
            Self::Malformed { .. } | Self::Cancelled => true,
            Self::Refused { .. } | Self::Empty | Self::CircuitOpen { .. } | Self::NoSlot { .. } => {
                false
            }
        }
    }

    /// How long the server, or what guards it, wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::CircuitOpen { retry_after } | Self::NoSlot { retry_after } => Some(*retry_after),
            _ => None,
        }
    }
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
