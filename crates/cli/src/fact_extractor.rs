//! The language model of the settings, as the one that reads facts out of sessions.

use std::sync::Arc;
use std::time::Duration;

use decnet_realism::llm::backend::{
    ChatMessage, GenerationRequest, LlmBackend, LlmError, OutputFormat, Role,
};
use decnet_session_pipeline::processors::verification::extractor::{
    ExtractionRequest, ExtractorError, FactExtractor,
};
use decnet_store::Store;
use tokio::runtime::{Builder, Runtime};

use crate::config::Settings;
use crate::failure::{Failure, Kind};
use crate::model::{self, Model};

/// Asks a model, and waits for it. It has a runtime of its own, for worker threads that are in none.
pub(crate) struct LlmFactExtractor {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    model: Model,
    /// Most time for one answer, which the model's own deadline keeps to.
    within: Duration,
}

impl LlmFactExtractor {
    pub(crate) fn new(model: Model, within: Duration) -> Result<Self, Failure> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::new(Kind::Unavailable, format!("cannot start: {error}")))?;
        Ok(Self {
            runtime: Some(runtime),
            model,
            within,
        })
    }

    fn generate(&self, request: GenerationRequest) -> Result<String, LlmError> {
        let runtime = self.runtime.as_ref().ok_or(LlmError::Cancelled)?;
        let generation = runtime.block_on(model::ask_in_a_schema(&self.model, request))?;
        Ok(generation.text)
    }
}

impl Drop for LlmFactExtractor {
    /// A name that no server resolves is not waited for.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl FactExtractor for LlmFactExtractor {
    fn extract(&self, request: &ExtractionRequest) -> Result<String, ExtractorError> {
        match self.generate(generation_request(request, self.within)) {
            Ok(text) => Ok(text),
            Err(LlmError::Empty) => Ok(String::new()),
            Err(error) if model::is_at_fault(&error) => Err(ExtractorError::Refused {
                detail: error.to_string(),
            }),
            Err(error) => Err(ExtractorError::Unavailable {
                detail: error.to_string(),
            }),
        }
    }

    fn model(&self) -> String {
        self.model.model().to_owned()
    }
}

fn generation_request(request: &ExtractionRequest, within: Duration) -> GenerationRequest {
    let message = |role, content: &str| ChatMessage {
        role,
        content: content.to_owned(),
    };
    GenerationRequest {
        messages: vec![
            message(Role::System, &request.system),
            message(Role::User, &request.user),
        ],
        most_tokens: request.most_tokens,
        // To copy words is no matter of taste, and JSON repeats its names.
        temperature: 0.0,
        repeat_penalty: 1.0,
        seed: request.seed,
        stop: Vec::new(),
        format: OutputFormat::JsonSchema(request.schema.clone()),
        within,
    }
}

/// The extractor that the settings ask for. The state of the server is shared with the writer of
/// mail: a circuit breaker that is open for one is open for the other.
///
/// # Errors
///
/// A [`Kind::Configuration`] failure if no model is configured, or if its settings are wrong.
pub(crate) fn from_settings(
    settings: &Settings,
    store: &mut Store,
) -> Result<Arc<dyn FactExtractor>, Failure> {
    let model = model::guarded_model(settings, store)?.ok_or_else(|| {
        Failure::new(
            Kind::Configuration,
            "no language model is configured (set [llm] or DECNET_REALISM_LLM)",
        )
    })?;
    Ok(Arc::new(LlmFactExtractor::new(
        model,
        settings.llm.timeout.value,
    )?))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use decnet_realism::llm::backend::{FinishReason, Generation};
    use decnet_realism::llm::backends::fake::FakeBackend;
    use decnet_realism::llm::layers::Deadline;
    use serde_json::json;

    use super::*;
    use crate::config::Flags;
    use crate::wiring::open_store;

    const WITHIN: Duration = Duration::from_secs(5);

    fn request() -> ExtractionRequest {
        ExtractionRequest {
            system: "rules".to_owned(),
            user: "turns".to_owned(),
            schema: json!({"type": "object"}),
            most_tokens: 100,
            seed: 7,
        }
    }

    /// A server with an answer for each call, and what it was asked.
    struct Server {
        answers: Mutex<Vec<Result<String, LlmError>>>,
        asked: Arc<Mutex<Vec<GenerationRequest>>>,
    }

    #[async_trait::async_trait]
    impl LlmBackend for Server {
        fn name(&self) -> &str {
            "server"
        }

        fn model(&self) -> &str {
            "model"
        }

        async fn generate(&self, request: &GenerationRequest) -> Result<Generation, LlmError> {
            self.asked.lock().unwrap().push(request.clone());
            let answer = self.answers.lock().unwrap().pop();
            match answer {
                Some(answer) => answer.map(|text| Generation {
                    text,
                    finish: FinishReason::Stop,
                    prompt_tokens: None,
                    output_tokens: None,
                }),
                None => std::future::pending().await,
            }
        }
    }

    fn refused(status: u16) -> Result<String, LlmError> {
        Err(LlmError::Refused {
            status,
            message: "no".to_owned(),
            retry_after: None,
        })
    }

    /// What comes of the answers, the last one first, and in which formats was asked.
    fn ask(answers: Vec<Result<String, LlmError>>) -> (Result<String, ExtractorError>, Vec<bool>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let server = Server {
            answers: Mutex::new(answers),
            asked: asked.clone(),
        };
        let within = Duration::from_millis(50);
        let bounded = Deadline::new(server, within);
        let extractor = LlmFactExtractor::new(Box::new(bounded), within).unwrap();
        let answer = extractor.extract(&request());
        let asked = asked.lock().unwrap();
        let schemas = asked
            .iter()
            .map(|request| request.format != OutputFormat::Text);
        (answer, schemas.collect())
    }

    #[test]
    fn errors_tell_the_server_from_the_question() {
        let kind = |answer: Result<String, ExtractorError>| match answer {
            Ok(text) => text,
            Err(ExtractorError::Unavailable { .. }) => "unavailable".to_owned(),
            Err(ExtractorError::Refused { .. }) => "refused".to_owned(),
        };
        let check = |answers: Vec<Result<String, LlmError>>, expected: &str, schemas: &[bool]| {
            let (answer, asked) = ask(answers.into_iter().rev().collect());
            assert_eq!(
                (kind(answer).as_str(), asked.as_slice()),
                (expected, schemas)
            );
        };
        check(vec![Ok("{}".to_owned())], "{}", &[true]);
        check(vec![Err(LlmError::Empty)], "", &[true]);
        check(
            vec![refused(400), Ok("{}".to_owned())],
            "{}",
            &[true, false],
        );
        check(vec![refused(400), refused(400)], "refused", &[true, false]);
        check(vec![refused(422), Err(LlmError::Empty)], "", &[true, false]);
        for status in [401, 403, 404, 429, 500, 503] {
            check(vec![refused(status)], "unavailable", &[true]);
        }
        let open = LlmError::CircuitOpen {
            retry_after: WITHIN,
        };
        check(vec![Err(open)], "unavailable", &[true]);
        check(vec![Err(LlmError::Cancelled)], "unavailable", &[true]);
        // It never answers.
        check(vec![], "unavailable", &[true]);
    }

    #[test]
    fn several_threads_may_ask() {
        let model = Box::new(FakeBackend::new("{\"facts\":[]}"));
        let extractor = LlmFactExtractor::new(model, WITHIN).unwrap();
        assert_eq!(extractor.model(), "fake");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        assert_eq!(extractor.extract(&request()).unwrap(), "{\"facts\":[]}");
                    }
                });
            }
        });
    }
    #[test]
    fn settings_name_the_model() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("decnet.toml");
        std::fs::write(&config, "").unwrap();
        let from = |llm: &str| {
            let flags = Flags {
                config: Some(config.clone()),
                state_dir: Some(folder.path().to_owned()),
                llm: Some(llm.to_owned()),
                ..Flags::default()
            };
            let settings = Settings::load(&flags).unwrap();
            let mut store = open_store(&settings, true).unwrap();
            from_settings(&settings, &mut store)
        };
        let fake = from("fake").ok().unwrap();
        assert_eq!(fake.model(), "fake");
        assert!(fake.extract(&request()).is_ok());
        assert_eq!(from("ollama").ok().unwrap().model(), "llama3.2");
        let off = from("off").err().unwrap();
        assert_eq!(off.kind, Kind::Configuration);
        assert!(
            off.message.starts_with("no language model is configured"),
            "{off}"
        );
    }
}
