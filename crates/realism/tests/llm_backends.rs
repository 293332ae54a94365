//! Both protocols against a server that behaves, and against one that does not.

use std::time::Duration;

use decnet_realism::llm::backend::{
    FinishReason, GenerationRequest, LlmBackend, LlmError, OutputFormat, WaitPhase,
};
use decnet_realism::llm::backends::HttpBackend;
use decnet_realism::llm::backends::ollama::{OllamaBackend, OllamaOptions};
use decnet_realism::llm::backends::openai::OpenAiBackend;
use decnet_realism::llm::conformance::{assert_conforms, request};
use decnet_realism::llm::endpoint::Endpoint;
use decnet_realism::llm::http::{Connection, Limits};
use decnet_realism::llm::secret::ApiKey;
use decnet_tests::misbehaving_server::{Behaviour, GOOD_TEXT, MisbehavingServer};
use serde_json::json;

/// Short, so that nobody waits; long enough for a machine that is busy.
const SILENCE: Duration = Duration::from_millis(1_000);

fn backends(url: &str, api_key: Option<&str>) -> [HttpBackend; 2] {
    let connection = Connection {
        api_key: api_key.map(|key| ApiKey::parse(key).expect("a key")),
        limits: Limits {
            connect: Duration::from_secs(5),
            first_byte: SILENCE,
            idle: SILENCE,
            ..Limits::default()
        },
        ..Connection::new(Endpoint::parse(url, &[]).expect("this machine"))
    };
    [
        HttpBackend::Ollama(OllamaBackend::new(
            connection.clone(),
            "small",
            OllamaOptions::default(),
        )),
        HttpBackend::OpenAi(OpenAiBackend::new(connection, "small")),
    ]
}

/// Waits until no generation runs there, while connections on this side are taken down.
async fn idle(server: &MisbehavingServer) {
    while server.open_generations() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn long_request() -> GenerationRequest {
    GenerationRequest {
        most_tokens: 500,
        ..request()
    }
}

#[tokio::test]
async fn both_protocols_conform() {
    let server = MisbehavingServer::start(Behaviour::Good);
    for backend in backends(&server.url(), None) {
        assert_conforms(&backend).await;
        idle(&server).await;
    }
}

#[tokio::test]
async fn the_whole_text_comes_with_its_counts() {
    let server = MisbehavingServer::start(Behaviour::Good);
    for backend in backends(&server.url(), None) {
        let generation = backend.generate(&long_request()).await.expect("an answer");
        assert_eq!(generation.text, GOOD_TEXT);
        assert_eq!(generation.finish, FinishReason::Stop);
        assert_eq!(generation.prompt_tokens, Some(321));
        let cut = backend.generate(&request()).await.expect("an answer");
        assert_eq!(cut.finish, FinishReason::Length);
        assert_eq!(cut.output_tokens, Some(request().most_tokens));
        assert_eq!(backend.models().await.expect("a list"), ["small"]);
        assert_eq!(backend.busy_slots().await.expect("no failure"), None);
    }
}

#[tokio::test]
async fn each_misbehaviour_is_the_error_that_it_is() {
    let is = |error: &LlmError, behaviour| match behaviour {
        Behaviour::HangBeforeHeader | Behaviour::HangInBody | Behaviour::HangBetweenTokens => {
            matches!(
                error,
                LlmError::Timeout {
                    phase: WaitPhase::Idle,
                    after: SILENCE
                }
            )
        }
        Behaviour::Reset | Behaviour::HalfAStream => {
            matches!(
                error,
                LlmError::Unavailable {
                    may_run_on: true,
                    ..
                }
            )
        }
        Behaviour::Status(expected) => {
            matches!(error, LlmError::Refused { status, message, .. }
                if *status == expected && message == "no, thank you")
        }
        Behaviour::TooManyRequests(pause) => {
            matches!(error, LlmError::Refused { status: 429, retry_after, .. }
                if *retry_after == Some(Duration::from_secs(pause.into())))
        }
        Behaviour::EmptyText => matches!(error, LlmError::Empty),
        Behaviour::EmptyBody => matches!(error, LlmError::Unavailable { .. }),
        Behaviour::Redirect => {
            matches!(error, LlmError::Refused { status: 302, message, .. }
                if message.contains("elsewhere.example"))
        }
        Behaviour::ErrorInTheMiddle => {
            matches!(error, LlmError::Unavailable { reason, may_run_on: false }
                if reason == "out of memory")
        }
        _ => matches!(error, LlmError::Malformed { .. }),
    };
    for behaviour in [
        Behaviour::HangBeforeHeader,
        Behaviour::HangInBody,
        Behaviour::HangBetweenTokens,
        Behaviour::Reset,
        Behaviour::HalfAStream,
        Behaviour::Status(401),
        Behaviour::Status(404),
        Behaviour::Status(500),
        Behaviour::TooManyRequests(7),
        Behaviour::EmptyText,
        Behaviour::EmptyBody,
        Behaviour::Redirect,
        Behaviour::ErrorInTheMiddle,
        Behaviour::Huge,
        Behaviour::HugeLine,
        Behaviour::InvalidUtf8,
        Behaviour::InvalidJson,
        Behaviour::NeverEnds,
    ] {
        let server = MisbehavingServer::start(behaviour);
        for backend in backends(&server.url(), None) {
            let error = backend
                .generate(&long_request())
                .await
                .expect_err("it misbehaves");
            assert!(is(&error, behaviour), "{behaviour:?}: {error:?}");
            assert!(!error.to_string().contains(['\n', '\u{1b}']), "{error}");
            idle(&server).await;
        }
        assert_eq!(server.most_open_generations(), 1);
    }
}

#[tokio::test]
async fn dropping_a_call_ends_the_generation() {
    let server = MisbehavingServer::start(Behaviour::NeverEnds);
    for backend in backends(&server.url(), None) {
        let request = long_request();
        let call = backend.generate(&request);
        // The connection is made and the first tokens come.
        let _ = tokio::time::timeout(Duration::from_millis(5), call).await;
        idle(&server).await;
    }
}

#[tokio::test]
async fn fields_that_a_server_does_not_know_are_left_out() {
    // Any 400 that names a field; the server here says it in words of its own.
    let server = MisbehavingServer::start(Behaviour::Good);
    server.script([Behaviour::RefuseField("think")]);
    let [ollama, openai] = backends(&server.url(), None);
    let asked = GenerationRequest {
        format: OutputFormat::JsonSchema(json!({"type": "object"})),
        ..long_request()
    };
    assert!(ollama.generate(&asked).await.is_ok());
    assert!(ollama.generate(&asked).await.is_ok());
    server.script([
        Behaviour::RefuseField("max_tokens"),
        Behaviour::RefuseField("response_format"),
    ]);
    assert!(openai.generate(&asked).await.is_ok());
    let bodies: Vec<_> = server.asked().into_iter().map(|asked| asked.body).collect();
    let has = |at: usize, field: &str| !bodies[at][field].is_null();
    assert!(has(0, "think") && !has(1, "think") && !has(2, "think"));
    assert!(has(1, "format"));
    assert!(has(3, "max_tokens") && !has(4, "max_tokens") && has(4, "max_completion_tokens"));
    assert!(has(4, "response_format") && !has(5, "response_format"));
    assert_eq!(bodies.len(), 6);
}

#[tokio::test]
async fn keys_are_sent_and_never_shown() {
    let server = MisbehavingServer::start(Behaviour::EchoKey);
    for backend in backends(&server.url(), Some("sk-secret-1")) {
        let error = backend
            .generate(&request())
            .await
            .expect_err("it is refused");
        assert!(error.to_string().contains("the key … is wrong"), "{error}");
        assert!(!format!("{backend:?} {error:?}").contains("sk-secret"));
    }
    assert!(server.asked().iter().all(|asked| {
        asked
            .headers
            .iter()
            .any(|line| line.eq_ignore_ascii_case("authorization: Bearer sk-secret-1"))
    }));
}
