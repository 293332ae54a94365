//! Ollama's own protocol.
//!
//! Its OpenAI-compatible one has neither `num_ctx` nor `keep_alive`: the window stays at a few
//! thousand tokens, whatever the model could do, and nobody is told.

use serde_json::{Value, json};

use super::optional::Refused;
use super::text::{GrowingText, finish_reason, tokens};
use crate::llm::backend::{
    FinishReason, Generation, GenerationRequest, LlmBackend, LlmError, OutputFormat,
};
use crate::llm::http::{Connection, HttpClient, Lines, message_in};

/// What Ollama is told beside the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OllamaOptions {
    /// Window in tokens. Default 4,096: a prompt of at most some 2,000 and the answer, with room;
    /// memory grows with it.
    pub context: u32,
    /// How long the model stays loaded after an answer, such as `10m` (the default) or `-1` for
    /// ever. Longer than a pause between ticks: loading takes longer than a mail.
    pub keep_alive: String,
}

impl Default for OllamaOptions {
    fn default() -> Self {
        Self {
            context: 4_096,
            keep_alive: "10m".to_owned(),
        }
    }
}

/// A model in Ollama, by `/api/chat`.
#[derive(Debug)]
pub struct OllamaBackend {
    client: HttpClient,
    model: String,
    options: OllamaOptions,
    refused: Refused,
}

/// Fields that older servers, or some models, refuse.
const OPTIONAL: [&str; 2] = ["think", "format"];

impl OllamaBackend {
    /// `model` on the server at the end of `connection`.
    pub fn new(connection: Connection, model: impl Into<String>, options: OllamaOptions) -> Self {
        Self {
            client: HttpClient::new(connection),
            model: model.into(),
            options,
            refused: Refused::default(),
        }
    }

    /// Names of the models that the server has.
    ///
    /// # Errors
    ///
    /// [`LlmError`] when it does not say.
    pub async fn models(&self) -> Result<Vec<String>, LlmError> {
        let value = self.client.get(self.client.url("", "/api/tags")).await?;
        let models = value["models"]
            .as_array()
            .ok_or_else(|| LlmError::Malformed {
                what: "the list of models is no list".to_owned(),
            })?;
        let names = models.iter().filter_map(|model| model["name"].as_str());
        Ok(names.map(|name| self.client.tamed(name)).collect())
    }

    fn body(&self, request: &GenerationRequest) -> Value {
        let mut options = json!({
            "num_ctx": self.options.context,
            "num_predict": request.most_tokens,
            "temperature": request.temperature,
            "repeat_penalty": request.repeat_penalty,
            "seed": request.seed,
        });
        if !request.stop.is_empty() {
            options["stop"] = json!(request.stop);
        }
        let mut body = json!({
            "model": self.model,
            "messages": request.messages,
            "stream": true,
            "keep_alive": self.keep_alive(),
            "options": options,
        });
        if self.refused.takes("think") {
            // What a model thinks counts against the cap, and is thrown away.
            body["think"] = json!(false);
        }
        if let OutputFormat::JsonSchema(schema) = &request.format
            && self.refused.takes("format")
        {
            body["format"] = schema.clone();
        }
        body
    }

    /// A number of seconds is a number, everything else a text.
    fn keep_alive(&self) -> Value {
        self.options
            .keep_alive
            .parse::<i64>()
            .map_or_else(|_| json!(self.options.keep_alive), |seconds| json!(seconds))
    }

    async fn once(
        &self,
        request: &GenerationRequest,
        body: &Value,
    ) -> Result<Generation, LlmError> {
        let url = self.client.url("", "/api/chat");
        let mut lines = Lines::new(self.client.post(url, body).await?);
        let mut text = GrowingText::new(request);
        while let Some(line) = lines.next().await? {
            if line.trim().is_empty() {
                continue;
            }
            let event: Value =
                serde_json::from_str(&line).map_err(|error| LlmError::Malformed {
                    what: error.to_string(),
                })?;
            if event.get("error").is_some_and(|error| !error.is_null()) {
                return Err(LlmError::Unavailable {
                    reason: self.client.tamed(message_in(&event).unwrap_or("an error")),
                    may_run_on: false,
                });
            }
            text.push(event["message"]["content"].as_str().unwrap_or_default())?;
            if event["done"].as_bool() == Some(true) {
                text.finish = Some(
                    event["done_reason"]
                        .as_str()
                        .map_or(FinishReason::Other, finish_reason),
                );
                text.prompt_tokens = tokens(&event["prompt_eval_count"]);
                text.output_tokens = tokens(&event["eval_count"]);
                break;
            }
        }
        text.finish()
    }
}

#[async_trait::async_trait]
impl LlmBackend for OllamaBackend {
    fn name(&self) -> &str {
        "ollama"
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
