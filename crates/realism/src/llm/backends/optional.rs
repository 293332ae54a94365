//! Fields of a request that a server may not know.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::llm::backend::LlmError;

/// Which optional fields a server has refused so far. It is asked once more without them, and not
/// sent them again.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<BTreeSet<&'static str>>);

impl Refused {
    /// Whether the server takes `field`, as far as is known.
    pub(super) fn takes(&self, field: &str) -> bool {
        !self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(field)
    }

    /// Whether `error` is about one of `fields` that stands in `body`, the request that was sent; it
    /// is remembered, and the request is worth another try without it.
    pub(super) fn learn(&self, error: &LlmError, fields: &[&'static str], body: &Value) -> bool {
        let LlmError::Refused {
            status: 400 | 422,
            message,
            ..
        } = error
        else {
            return false;
        };
        let mut refused = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut learned = false;
        for field in fields {
            // Another call may have learned the same meanwhile.
            if names(message, field) && body.get(field).is_some() {
                refused.insert(field);
                learned = true;
            }
        }
        learned
    }
}

/// Whether `message` names `field` as a word: `max_tokens` is not `max_tokens_total`. What switches
/// thinking off goes by either form of the word.
fn names(message: &str, field: &str) -> bool {
    if field == "think" && names(message, "thinking") {
        return true;
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    message.match_indices(field).any(|(at, _)| {
        let before = message[..at].chars().next_back();
        let after = message[at + field.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_is_dropped_once() {
        let refused = Refused::default();
        let error = LlmError::Refused {
            status: 400,
            message: "\"llama2\" does not support think, use max_tokens_total".to_owned(),
            retry_after: None,
        };
        assert!(refused.takes("think"));
        let body = json!({"think": false, "max_tokens": 5});
        assert!(refused.learn(&error, &["think", "max_tokens"], &body));
        assert!(!refused.takes("think") && refused.takes("max_tokens"));
        let body = json!({"max_tokens": 5});
        assert!(!refused.learn(&error, &["think", "max_tokens"], &body));
    }
}
