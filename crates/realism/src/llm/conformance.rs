//! What every backend, and every ledger of models, has to do, as checks that their own tests can
//! run.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use decnet_realism::llm::backends::fake::FakeBackend;
//! use decnet_realism::llm::conformance::assert_conforms;
//!
//! assert_conforms(&FakeBackend::new("Subject: Hello\n\nAll is well.")).await;
//! # });
//! ```

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use chrono::DateTime;

use super::backend::{
    ChatMessage, FinishReason, GenerationRequest, LlmBackend, OutputFormat, Role,
};
use super::circuit_breaker::{CircuitPolicy, CircuitState};
use super::model_state::{ModelLedger, ModelState, SlotPolicy};

/// A small request that every backend can answer.
pub fn request() -> GenerationRequest {
    let message = |role, content: &str| ChatMessage {
        role,
        content: content.to_owned(),
    };
    GenerationRequest {
        messages: vec![
            message(Role::System, "You answer briefly."),
            message(Role::User, "Grüße aus Málaga: say hello 👋."),
        ],
        most_tokens: 24,
        temperature: 0.0,
        repeat_penalty: 1.0,
        seed: 7,
        stop: Vec::new(),
        format: OutputFormat::Text,
        within: Duration::from_secs(60),
    }
}

/// Panics when `backend`, which must be able to answer, does not do what a backend has to.
pub async fn assert_conforms(backend: &dyn LlmBackend) {
    has_names(backend);
    answers(backend).await;
    answers_two_at_once(backend).await;
    survives_a_caller_that_leaves(backend).await;
}

/// Panics when `ledger`, in which nobody has asked these servers yet, does not do what a
/// [`ModelLedger`] has to.
pub fn assert_ledger_conforms(ledger: &dyn ModelLedger) {
    let state = |server: &str| match ledger.state(server) {
        Ok(state) => state,
        Err(error) => panic!("{error}"),
    };
    let change = |server: &str, change: &mut dyn FnMut(&mut ModelState)| {
        if let Err(error) = ledger.change(server, change) {
            panic!("{error}");
        }
    };
    let (one, other) = ("openai http://127.0.0.1:1 a", "openai http://127.0.0.1:1 b");
    assert_eq!(state(one), ModelState::default(), "a server that is new");
    let policy = CircuitPolicy::default();
    let noon = DateTime::UNIX_EPOCH;
    let mut seen = None;
    change(one, &mut |held| {
        for _ in 0..policy.failures {
            let admission = held.breaker.admission();
            held.breaker.record_failure(admission, noon, None, &policy);
        }
        seen = Some(held.clone());
    });
    assert_eq!(Some(state(one)), seen, "what was changed is kept");
    assert_eq!(state(one).breaker.state(), CircuitState::Open);
    assert_eq!(state(other), ModelState::default(), "servers are apart");
    change(one, &mut |held| {
        assert_eq!(Some(&*held), seen.as_ref(), "a change sees the one before");
        *held = ModelState::default();
    });
    assert_eq!(state(one), ModelState::default());
    let mut permit = None;
    let slots = SlotPolicy::default();
    for round in 0..2 {
        change(other, &mut |held| {
            permit = held
                .admit(noon, Duration::from_secs(1), &policy, &slots)
                .ok();
        });
        assert_eq!(permit.is_some(), round == 0, "one slot is given once");
    }
}

fn has_names(backend: &dyn LlmBackend) {
    for name in [backend.name(), backend.model()] {
        assert!(
            !name.is_empty() && !name.contains(char::is_control),
            "{name:?} is no name for a record"
        );
    }
}

async fn answers(backend: &dyn LlmBackend) {
    let request = request();
    let generation = match backend.generate(&request).await {
        Ok(generation) => generation,
        Err(error) => panic!("no answer: {error}"),
    };
    assert!(
        !generation.text.trim().is_empty(),
        "an empty answer is an error"
    );
    if let Some(tokens) = generation.output_tokens {
        assert!(
            tokens <= request.most_tokens,
            "{tokens} tokens, beyond the cap"
        );
        if generation.finish == FinishReason::Length {
            assert_eq!(tokens, request.most_tokens, "cut before the cap");
        }
    }
}

async fn answers_two_at_once(backend: &dyn LlmBackend) {
    let request = request();
    let (one, other) = tokio::join!(backend.generate(&request), backend.generate(&request));
    assert!(one.is_ok() && other.is_ok(), "{one:?} and {other:?}");
}

/// A call that is dropped wherever it is does not disturb the next one.
async fn survives_a_caller_that_leaves(backend: &dyn LlmBackend) {
    let request = request();
    for polls in 1..4 {
        let mut call = pin!(backend.generate(&request));
        for _ in 0..polls {
            let mut context = Context::from_waker(Waker::noop());
            if let Poll::Ready(result) = call.as_mut().poll(&mut context) {
                assert!(result.is_ok(), "{result:?}");
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let result = backend.generate(&request).await;
    assert!(result.is_ok(), "after calls that were given up: {result:?}");
}
