//! The protocol of OpenAI's chat completions, which llama.cpp, vLLM, LM Studio and others speak.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::optional::Refused;
use super::text::{GrowingText, finish_reason, tokens};
use crate::llm::backend::{
    FinishReason, Generation, GenerationRequest, LlmBackend, LlmError, OutputFormat,
};
use crate::llm::http::{Connection, HttpClient, Lines, message_in};

/// A model behind `/v1/chat/completions`.
#[derive(Debug)]
pub struct OpenAiBackend {
    client: HttpClient,
    model: String,
    refused: Refused,
}

/// Fields beyond the protocol's core, which one server or another refuses.
///
/// The penalty has two names: llama.cpp and LM Studio call it `repeat_penalty`, vLLM
/// `repetition_penalty`. Both are sent; servers leave out what they do not know, or say so.
const OPTIONAL: [&str; 7] = [
    "repeat_penalty",
    "repetition_penalty",
    "stream_options",
    "max_tokens",
    "seed",
    "response_format",
    "grammar",
];

/// How long to wait for what may follow a whole text.
const AFTER_THE_END: Duration = Duration::from_secs(1);

impl OpenAiBackend {
    /// `model` on the server at the end of `connection`.
    pub fn new(connection: Connection, model: impl Into<String>) -> Self {
        Self {
            client: HttpClient::new(connection),
            model: model.into(),
            refused: Refused::default(),
        }
    }

    /// Names of the models that the server has.
    ///
    /// # Errors
    ///
    /// [`LlmError`] when it does not say.
    pub async fn models(&self) -> Result<Vec<String>, LlmError> {
        let value = self.client.get(self.client.url("/v1", "/models")).await?;
        let models = value["data"]
            .as_array()
            .ok_or_else(|| LlmError::Malformed {
                what: "the list of models is no list".to_owned(),
            })?;
        let names = models.iter().filter_map(|model| model["id"].as_str());
        Ok(names.map(|name| self.client.tamed(name)).collect())
    }

    /// How many slots of the server are generating, which llama.cpp tells; `None` elsewhere.
    ///
    /// # Errors
    ///
    /// [`LlmError`] when the server cannot be asked.
    pub async fn busy_slots(&self) -> Result<Option<u32>, LlmError> {
        let url = self.client.url_outside("/v1", "/slots");
        match self.client.get(url).await {
            Ok(Value::Array(slots)) => {
                let busy = slots
                    .iter()
                    .filter(|slot| slot["is_processing"].as_bool() == Some(true));
                Ok(u32::try_from(busy.count()).ok())
            }
            Ok(_) | Err(LlmError::Refused { .. } | LlmError::Malformed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn body(&self, request: &GenerationRequest) -> Value {
        let takes = |field| self.refused.takes(field);
        let cap = if takes("max_tokens") {
            "max_tokens"
        } else {
            "max_completion_tokens"
        };
        let mut body = json!({
            "model": self.model,
            "messages": request.messages,
            "stream": true,
            "temperature": request.temperature,
        });
        body[cap] = json!(request.most_tokens);
        if takes("stream_options") {
            body["stream_options"] = json!({"include_usage": true});
        }
        if takes("seed") {
            body["seed"] = json!(request.seed);
        }
        for field in ["repeat_penalty", "repetition_penalty"] {
            if takes(field) && request.repeat_penalty != 1.0 {
                body[field] = json!(request.repeat_penalty);
            }
        }
        if !request.stop.is_empty() {
            body["stop"] = json!(request.stop);
        }
        match &request.format {
            OutputFormat::JsonSchema(schema) if takes("response_format") => {
                body["response_format"] = json!({
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": schema, "strict": true},
                });
            }
            OutputFormat::Grammar(grammar) if takes("grammar") => {
                body["grammar"] = json!(grammar);
            }
            _ => {}
        }
        body
    }

    async fn once(
        &self,
        request: &GenerationRequest,
        body: &Value,
    ) -> Result<Generation, LlmError> {
        let url = self.client.url("/v1", "/chat/completions");
        let mut lines = Lines::new(self.client.post(url, body).await?);
        let mut text = GrowingText::new(request);
        loop {
            let line = if text.finish.is_some() {
                // The text is whole. Counts may follow; a server that holds them back is not
                // waited for.
                match timeout(AFTER_THE_END, lines.next()).await {
                    Ok(Ok(line)) => line,
                    Ok(Err(_)) | Err(_) => None,
                }
            } else {
                lines.next().await?
            };
            let Some(line) = line else { break };
            if line.starts_with('{') {
                // A server that does not stream.
                return self.whole(line, lines, text).await;
            }
            if let Some(error) = line.strip_prefix("error:") {
                // Older llama.cpp has a field of its own for it.
                let error: Value = parse(error.trim())?;
                return self
                    .fail_on_error(&json!({"error": error}))
                    .and(text.finish());
            }
            let Some(data) = line.strip_prefix("data:") else {
                // An empty line, a comment or another field (HTML, section 9.2.6).
                if is_event_stream(&line) {
                    continue;
                }
                return Err(LlmError::Malformed {
                    what: "it is neither an event stream nor JSON".to_owned(),
                });
            };
            let data = data.trim();
            if data == "[DONE]" {
                text.finish.get_or_insert(FinishReason::Other);
                break;
            }
            let event: Value = parse(data)?;
            self.fail_on_error(&event)?;
            self.take(&event, "delta", &mut text)?;
        }
        text.finish()
    }

    async fn whole(
        &self,
        first: String,
        mut lines: Lines<'_>,
        mut text: GrowingText,
    ) -> Result<Generation, LlmError> {
        let mut document = first;
        while let Some(line) = lines.next().await? {
            document.push('\n');
            document.push_str(&line);
        }
        let value: Value = parse(&document)?;
        self.fail_on_error(&value)?;
        self.take(&value, "message", &mut text)?;
        text.finish.get_or_insert(FinishReason::Other);
        text.finish()
    }

    /// Takes what one event, or one document, holds of the first choice.
    fn take(&self, value: &Value, part: &str, text: &mut GrowingText) -> Result<(), LlmError> {
        let choice = &value["choices"][0];
        // What a model reasons (`reasoning_content`) is no part of its answer.
        text.push(choice[part]["content"].as_str().unwrap_or_default())?;
        if let Some(reason) = choice["finish_reason"].as_str() {
            text.finish = Some(finish_reason(reason));
        }
        let usage = &value["usage"];
        text.prompt_tokens = tokens(&usage["prompt_tokens"]).or(text.prompt_tokens);
        text.output_tokens = tokens(&usage["completion_tokens"]).or(text.output_tokens);
        Ok(())
    }

    fn fail_on_error(&self, value: &Value) -> Result<(), LlmError> {
        match value.get("error") {
            Some(error) if !error.is_null() => Err(LlmError::Unavailable {
                reason: self.client.tamed(message_in(value).unwrap_or("an error")),
                may_run_on: false,
            }),
            _ => Ok(()),
        }
    }
}

#[async_trait::async_trait]
impl LlmBackend for OpenAiBackend {
    fn name(&self) -> &str {
        "openai"
    }

    fn model(&self) -> &str {
        &self.model
    }

    async fn generate(&self, request: &GenerationRequest) -> Result<Generation, LlmError> {
        loop {
            let body = self.body(request);
            match self.once(request, &body).await {
                Err(error) if self.refused.learn(&error, &OPTIONAL, &body) => {}
                done => return done,
            }
        }
    }
}

fn is_event_stream(line: &str) -> bool {
    line.is_empty()
        || line.starts_with(':')
        || ["event:", "id:", "retry:"]
            .iter()
            .any(|field| line.starts_with(field))
}

fn parse(json: &str) -> Result<Value, LlmError> {
    serde_json::from_str(json).map_err(|error| LlmError::Malformed {
        what: error.to_string(),
    })
}
