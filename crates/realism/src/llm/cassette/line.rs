//! One line of a cassette.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::llm::backend::{Generation, GenerationRequest, LlmError, OutputFormat, WaitPhase};

/// Version of the lines written here.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line {
    version: u32,
    /// For people who read the file.
    model: String,
    request: Value,
    #[serde(flatten)]
    result: StoredResult,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredResult {
    Generation(Generation),
    Error(StoredError),
}

/// [`LlmError`] as plain data. Durations in milliseconds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum StoredError {
    Timeout {
        phase: StoredPhase,
        after: u64,
    },
    Unavailable {
        reason: String,
        may_run_on: bool,
    },
    Refused {
        status: u16,
        message: String,
        retry_after: Option<u64>,
    },
    Empty,
    Malformed {
        what: String,
    },
    Cancelled,
    CircuitOpen {
        retry_after: u64,
    },
    NoSlot {
        retry_after: u64,
    },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredPhase {
    Connect,
    Idle,
    Total,
}

/// What a request is found by: everything that decides its answer, which its time does not.
pub(super) fn key_of(request: &GenerationRequest) -> String {
    request_json(request).to_string()
}

fn request_json(request: &GenerationRequest) -> Value {
    let format = match &request.format {
        OutputFormat::Text => Value::Null,
        OutputFormat::JsonSchema(schema) => json!({"json_schema": schema}),
        OutputFormat::Grammar(grammar) => json!({"grammar": grammar}),
    };
    json!({
        "messages": request.messages,
        "most_tokens": request.most_tokens,
        "temperature": request.temperature,
        "repeat_penalty": request.repeat_penalty,
        "seed": request.seed,
        "stop": request.stop,
        "format": format,
    })
}

impl Line {
    pub(super) fn new(
        model: &str,
        request: &GenerationRequest,
        result: &Result<Generation, LlmError>,
    ) -> Self {
        Self {
            version: VERSION,
            model: model.to_owned(),
            request: request_json(request),
            result: match result {
                Ok(generation) => StoredResult::Generation(generation.clone()),
                Err(error) => StoredResult::Error(StoredError::from(error)),
            },
        }
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let line: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if line.version > VERSION {
            return Err(format!(
                "version {} is newer than this decnet",
                line.version
            ));
        }
        Ok(line)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        // Strings, numbers and lists only: serialising them cannot fail.
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    pub(super) fn into_parts(self) -> (String, Result<Generation, LlmError>) {
        let result = match self.result {
            StoredResult::Generation(generation) => Ok(generation),
            StoredResult::Error(error) => Err(error.into()),
        };
        (self.request.to_string(), result)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<&LlmError> for StoredError {
    fn from(error: &LlmError) -> Self {
        match error.clone() {
            LlmError::Timeout { phase, after } => Self::Timeout {
                phase: match phase {
                    WaitPhase::Connect => StoredPhase::Connect,
                    WaitPhase::Idle => StoredPhase::Idle,
                    WaitPhase::Total => StoredPhase::Total,
                },
                after: millis(after),
            },
            LlmError::Unavailable { reason, may_run_on } => {
                Self::Unavailable { reason, may_run_on }
            }
            LlmError::Refused {
                status,
                message,
                retry_after,
            } => Self::Refused {
                status,
                message,
                retry_after: retry_after.map(millis),
            },
            LlmError::Empty => Self::Empty,
            LlmError::Malformed { what } => Self::Malformed { what },
            LlmError::Cancelled => Self::Cancelled,
            LlmError::CircuitOpen { retry_after } => Self::CircuitOpen {
                retry_after: millis(retry_after),
            },
            LlmError::NoSlot { retry_after } => Self::NoSlot {
                retry_after: millis(retry_after),
            },
        }
    }
}

impl From<StoredError> for LlmError {
    fn from(error: StoredError) -> Self {
        match error {
            StoredError::Timeout { phase, after } => Self::Timeout {
                phase: match phase {
                    StoredPhase::Connect => WaitPhase::Connect,
                    StoredPhase::Idle => WaitPhase::Idle,
                    StoredPhase::Total => WaitPhase::Total,
                },
                after: Duration::from_millis(after),
            },
            StoredError::Unavailable { reason, may_run_on } => {
                Self::Unavailable { reason, may_run_on }
            }
            StoredError::Refused {
                status,
                message,
                retry_after,
            } => Self::Refused {
                status,
                message,
                retry_after: retry_after.map(Duration::from_millis),
            },
            StoredError::Empty => Self::Empty,
            StoredError::Malformed { what } => Self::Malformed { what },
            StoredError::Cancelled => Self::Cancelled,
            StoredError::CircuitOpen { retry_after } => Self::CircuitOpen {
                retry_after: Duration::from_millis(retry_after),
            },
            StoredError::NoSlot { retry_after } => Self::NoSlot {
                retry_after: Duration::from_millis(retry_after),
            },
        }
    }
}
