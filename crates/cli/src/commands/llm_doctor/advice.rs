//! What to do about what is found.

use decnet_realism::llm::backend::{LlmError, WaitPhase};

use crate::config::LlmKind;

/// Advice for an error of the server.
pub(super) fn for_error(error: &LlmError, kind: LlmKind) -> &'static str {
    match error {
        LlmError::Unavailable { .. } if kind == LlmKind::Ollama => {
            "start it (`ollama serve`), or name its place in llm.base_url or DECNET_REALISM_BASE_URL"
        }
        LlmError::Unavailable { .. } => {
            "start it, or name its place in llm.base_url or DECNET_REALISM_BASE_URL"
        }
        LlmError::Timeout {
            phase: WaitPhase::Connect,
            ..
        } => "nothing answers there: check host, port and firewall",
        LlmError::Timeout { .. } => {
            "it is busy or too slow: look at its load, choose a smaller model, or raise llm.timeout"
        }
        LlmError::Refused {
            status: 401 | 403, ..
        } => "it wants a key: set DECNET_REALISM_API_KEY_FILE, or llm.api_key_file",
        LlmError::Refused { status: 404, .. } => {
            "it does not know this path or model: check llm.backend, llm.base_url and llm.model"
        }
        LlmError::Refused { status: 429, .. } => "it is overloaded or rationed: ask less often",
        LlmError::Refused {
            status: 300..=399, ..
        } => {
            "it sends its callers elsewhere, which decnet does not follow: name the final address in llm.base_url"
        }
        LlmError::Refused {
            status: 500..=599, ..
        } => "the server failed: look at its log; memory is often short",
        LlmError::Malformed { .. } => {
            "this is another protocol: try llm.backend = \"openai\" or \"ollama\""
        }
        _ => "look at the server's log",
    }
}

/// Advice when the model is not there.
pub(super) fn missing_model(kind: LlmKind) -> &'static str {
    match kind {
        LlmKind::Ollama => "fetch it with `ollama pull`, or name another in llm.model",
        _ => "name one of the server's in llm.model or DECNET_REALISM_MODEL",
    }
}

/// A question whose answer stands before some `tokens` of filler.
pub(super) fn long_question(marker: &str, tokens: u32) -> String {
    // Common words are one token each in every vocabulary seen.
    const WORDS: [&str; 16] = [
        "the", "house", "water", "green", "table", "morning", "paper", "street", "window", "quiet",
        "number", "river", "letter", "stone", "summer", "music",
    ];
    let mut question = format!("The secret word is {marker}.\n");
    let mut state = 1_u32;
    for place in 0..tokens.saturating_sub(60) {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if let Some(word) = WORDS.get((state >> 28) as usize) {
            question.push_str(word);
        }
        question.push(if place % 12 == 11 { '\n' } else { ' ' });
    }
    question.push_str("\nWhat is the secret word? Answer with the word alone.");
    question
}
