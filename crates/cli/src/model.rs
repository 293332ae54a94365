//! The language model, put together from the settings.

use std::sync::Arc;

use decnet_realism::llm::backend::{
    Generation, GenerationRequest, LlmBackend, LlmError, OutputFormat,
};
use decnet_realism::llm::backends::HttpBackend;
use decnet_realism::llm::backends::fake::FakeBackend;
use decnet_realism::llm::backends::ollama::{OllamaBackend, OllamaOptions};
use decnet_realism::llm::backends::openai::OpenAiBackend;
use decnet_realism::llm::cassette::{Cassette, Recorded};
use decnet_realism::llm::endpoint::Endpoint;
use decnet_realism::llm::http::{Connection, Limits};
use decnet_realism::llm::layers::{Deadline, Guarded, Retry, RetryPolicy};
use decnet_realism::llm::writer::LlmWriter;
use decnet_store::{Store, StoredModelLedger};

use crate::config::{LlmKind, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};

/// A model with everything around it.
pub(crate) type Model = Box<dyn LlmBackend>;

/// A model that writes, as the settings ask for it.
pub(crate) fn llm_writer(
    settings: &Settings,
    store: &mut Store,
) -> Result<LlmWriter<Model>, Failure> {
    let model = guarded_model(settings, store)?.ok_or_else(switched_off)?;
    Ok(LlmWriter::new(model, settings.llm.writer_settings()))
}

/// The model of the settings with everything around it; `None` if none is set.
pub(crate) fn guarded_model(
    settings: &Settings,
    store: &mut Store,
) -> Result<Option<Model>, Failure> {
    let model = match http_backend(settings)? {
        Some(server) => Some(guarded(settings, server, store)?),
        None => unguarded_backend(settings)?,
    };
    let Some(path) = &settings.llm.cassette else {
        return Ok(model);
    };
    let cassette = Cassette::open(path)
        .map_err(|error| Failure::new(Kind::BadInput, format!("{}: {error}", path.display())))?;
    Ok(Some(Box::new(Recorded::new(cassette, model))))
}

/// The server that the settings name, bare.
pub(crate) fn http_backend(settings: &Settings) -> Result<Option<HttpBackend>, Failure> {
    let llm = &settings.llm;
    if !matches!(llm.kind.value, LlmKind::Ollama | LlmKind::OpenAi) {
        return Ok(None);
    }
    let endpoint =
        Endpoint::parse(&llm.base_url.value, &llm.allow_hosts.value).map_err(|error| {
            Failure::new(
                Kind::Configuration,
                format!("llm.base_url ({}): {error}", llm.base_url.origin),
            )
        })?;
    let connection = Connection {
        api_key: match &llm.api_key {
            Some(key) => Some(key.value.read()?),
            None => None,
        },
        limits: Limits {
            connect: llm.connect_timeout.value,
            first_byte: llm.timeout.value,
            idle: llm.idle_timeout.value,
            ..Limits::default()
        },
        ..Connection::new(endpoint)
    };
    let model = llm.model.value.clone();
    Ok(Some(match llm.kind.value {
        LlmKind::Ollama => {
            let options = OllamaOptions {
                context: llm.context.value,
                keep_alive: llm.keep_alive.value.clone(),
            };
            HttpBackend::Ollama(OllamaBackend::new(connection, model, options))
        }
        _ => HttpBackend::OpenAi(OpenAiBackend::new(connection, model)),
    }))
}

/// A model that is no server.
pub(crate) fn unguarded_backend(settings: &Settings) -> Result<Option<Model>, Failure> {
    let llm = &settings.llm;
    Ok(match llm.kind.value {
        LlmKind::Fake => Some(Box::new(FakeBackend::new(llm.fake_output.clone()))),
        _ => None,
    })
}

/// Asks for an answer in the shape of the request, and once more in any shape if the server does not
/// take the request: not every one knows schemas. Whoever reads the answer checks it in any case.
pub(crate) async fn ask_in_a_schema(
    model: &dyn LlmBackend,
    mut request: GenerationRequest,
) -> Result<Generation, LlmError> {
    let answer = model.generate(&request).await;
    if answer.as_ref().is_err_and(is_at_fault) {
        request.format = OutputFormat::Text;
        return model.generate(&request).await;
    }
    answer
}

/// Whether the server says that it is this request which it does not take. A key that is missing or
/// a model that it does not know would fail every other request as well.
pub(crate) fn is_at_fault(error: &LlmError) -> bool {
    matches!(
        error,
        LlmError::Refused {
            status: 400 | 413 | 422 | 501,
            ..
        }
    )
}

/// Name under which the state of the server is kept. It holds no key.
pub(crate) fn server_name(settings: &Settings) -> String {
    let llm = &settings.llm;
    format!(
        "{} {} {}",
        llm.kind.value.name(),
        llm.base_url.value,
        llm.model.value
    )
}

/// What to say when a model is needed and none is set.
pub(crate) fn switched_off() -> Failure {
    Failure::new(
        Kind::Configuration,
        "no model writes; set DECNET_REALISM_LLM or llm.backend to ollama or openai, or give --llm",
    )
}

fn guarded(settings: &Settings, server: HttpBackend, store: &mut Store) -> Result<Model, Failure> {
    let name = server_name(settings);
    let seen = store.model_state(&name)?;
    let bounded = Deadline::new(
        Retry::new(server, RetryPolicy::default()),
        settings.llm.timeout.value,
    );
    Ok(Box::new(Guarded::new(
        bounded,
        name,
        settings.llm.guard_policy(),
        Arc::new(StoredModelLedger::new(settings.database())),
        environment::now,
        seen,
    )))
}
