//! A text as it grows, piece by piece.

use crate::llm::backend::{FinishReason, Generation, GenerationRequest, LlmError};

/// What has come so far of an answer.
#[derive(Debug)]
pub(super) struct GrowingText {
    text: String,
    pieces: usize,
    most_pieces: usize,
    /// Why it ends, once the server said so.
    pub(super) finish: Option<FinishReason>,
    pub(super) prompt_tokens: Option<u32>,
    pub(super) output_tokens: Option<u32>,
}

impl GrowingText {
    pub(super) fn new(request: &GenerationRequest) -> Self {
        // A piece is a token, seldom less. A server that forgets the cap is not read for ever.
        let most_pieces = (request.most_tokens as usize)
            .saturating_mul(2)
            .saturating_add(64);
        Self {
            text: String::new(),
            pieces: 0,
            most_pieces,
            finish: None,
            prompt_tokens: None,
            output_tokens: None,
        }
    }

    pub(super) fn push(&mut self, piece: &str) -> Result<(), LlmError> {
        if piece.is_empty() {
            return Ok(());
        }
        self.pieces += 1;
        if self.pieces > self.most_pieces {
            return Err(LlmError::Malformed {
                what: "it goes on beyond the token cap".to_owned(),
            });
        }
        self.text.push_str(piece);
        Ok(())
    }

    /// The answer, whole.
    pub(super) fn finish(self) -> Result<Generation, LlmError> {
        let Some(finish) = self.finish else {
            return Err(LlmError::Unavailable {
                reason: "the answer broke off".to_owned(),
                may_run_on: true,
            });
        };
        if self.text.trim().is_empty() {
            return Err(LlmError::Empty);
        }
        Ok(Generation {
            text: self.text,
            finish,
            prompt_tokens: self.prompt_tokens,
            output_tokens: self.output_tokens,
        })
    }
}

/// A reason as servers name it.
pub(super) fn finish_reason(name: &str) -> FinishReason {
    match name {
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" => FinishReason::Stop,
        "length" | "max_tokens" | "limit" => FinishReason::Length,
        _ => FinishReason::Other,
    }
}

/// A count of tokens.
pub(super) fn tokens(value: &serde_json::Value) -> Option<u32> {
    value.as_u64().and_then(|count| u32::try_from(count).ok())
}
