//! Where the language model comes in.

use serde_json::Value;

/// Asks a language model.
///
/// # Contract
///
/// - One call is one generation. It blocks until the answer is there or a deadline of the
///   implementation's has passed, so it is not called from an asynchronous task.
/// - The answer is the model's text as it is, empty if there is none. Nobody trusts it.
/// - An error that another log or a later time may not see is [`ExtractorError::Unavailable`].
pub trait FactExtractor: Send + Sync {
    /// What the model says to `request`.
    ///
    /// # Errors
    ///
    /// [`ExtractorError`].
    fn extract(&self, request: &ExtractionRequest) -> Result<String, ExtractorError>;

    /// The name of the model, for the record.
    fn model(&self) -> String;
}

/// One question to a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtractionRequest {
    /// The rules.
    pub system: String,
    /// The turns, fenced, and what is asked about them.
    pub user: String,
    /// JSON schema of the answer, for servers that can hold a model to one.
    pub schema: Value,
    /// Most tokens of the answer.
    pub most_tokens: u32,
    /// Follows from the question: the same question draws the same answer, where servers allow it.
    pub seed: u64,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExtractorError {
    /// The model cannot be asked now, or not with these settings. The question was not at fault.
    #[error("unavailable: {detail}")]
    Unavailable {
        /// What went wrong.
        detail: String,
    },
    /// The server does not take this very question, now or later.
    #[error("refused: {detail}")]
    Refused {
        /// What it said.
        detail: String,
    },
}
