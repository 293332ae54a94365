//! One exchange with a server: bounded in time and size, and ended when it is dropped.

mod lines;
mod refusal;
#[cfg(feature = "tls")]
mod tls;

use std::error::Error as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, Url};
use serde_json::Value;
use tokio::time::timeout;

use super::backend::{LlmError, WaitPhase};
use super::endpoint::{Endpoint, LOCALHOST};
use super::secret::ApiKey;

pub(super) use self::lines::Lines;
pub(super) use self::refusal::message_in;

/// How a server is reached, and within which bounds.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Where it is.
    pub endpoint: Endpoint,
    /// What it is shown, as a bearer token (RFC 6750).
    pub api_key: Option<ApiKey>,
    /// The bounds of each exchange.
    pub limits: Limits,
}

impl Connection {
    /// To `endpoint`, without a key, with the default limits.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            api_key: None,
            limits: Limits::default(),
        }
    }
}

/// Bounds of one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most time for a connection. Default 5 s.
    pub connect: Duration,
    /// Most time from the call to the first text, the connection included: the model is loaded and
    /// the prompt read meanwhile, in silence. Also the most time for a whole document, such as the
    /// list of models. Default 120 s.
    pub first_byte: Duration,
    /// Longest silence after that. Default 30 s.
    pub idle: Duration,
    /// Most bytes of an answer. Default 1 MiB: a mail of a few kilobytes, token by token, each in
    /// an envelope of a few hundred bytes.
    pub most_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            first_byte: Duration::from_secs(120),
            idle: Duration::from_secs(30),
            most_bytes: 1 << 20,
        }
    }
}

/// A client for one server. Making one costs nothing; what it needs is set up by its first
/// exchange.
#[derive(Debug)]
pub(super) struct HttpClient {
    connection: Connection,
    client: OnceLock<Client>,
}

impl HttpClient {
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            client: OnceLock::new(),
        }
    }

    /// What a server said, on one line and without the key.
    pub(super) fn tamed(&self, message: &str) -> String {
        let key = self.connection.api_key.as_ref();
        let message = key.map_or_else(|| message.to_owned(), |key| key.scrub(message));
        refusal::one_line(&message)
    }

    /// The URL of a path below the endpoint.
    pub(super) fn url(&self, prefix: &str, path: &str) -> Url {
        self.connection.endpoint.url(prefix, path)
    }

    /// Sends JSON and gives the answer, once its header is there and says success.
    pub(super) async fn post(&self, url: Url, body: &Value) -> Result<Body<'_>, LlmError> {
        self.exchange(Method::POST, url, Some(body.to_string()))
            .await
    }

    /// The URL of a path that does not lie below `prefix`, although the base URL may.
    pub(super) fn url_outside(&self, prefix: &str, path: &str) -> Url {
        self.connection.endpoint.url_outside(prefix, path)
    }

    /// Fetches one JSON document.
    pub(super) async fn get(&self, url: Url) -> Result<Value, LlmError> {
        let after = self.connection.limits.first_byte;
        let document = async {
            let mut body = self.exchange(Method::GET, url, None).await?;
            let mut bytes = Vec::new();
            while let Some(chunk) = body.chunk().await? {
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes)
        };
        let bytes = timeout(after, document)
            .await
            .unwrap_or(Err(LlmError::Timeout {
                phase: WaitPhase::Total,
                after,
            }))?;
        serde_json::from_slice(&bytes).map_err(|error| LlmError::Malformed {
            what: error.to_string(),
        })
    }

    async fn exchange(
        &self,
        method: Method,
        url: Url,
        body: Option<String>,
    ) -> Result<Body<'_>, LlmError> {
        let limits = &self.connection.limits;
        let mut request = self
            .client()?
            .request(method, url)
            .header(ACCEPT, HeaderValue::from_static("application/json, */*"));
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body);
        }
        if let Some(key) = &self.connection.api_key {
            let mut value = HeaderValue::try_from(format!("Bearer {}", key.reveal()))
                .map_err(|_| unavailable("the key does not fit into a header".to_owned(), false))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let response = timeout(limits.first_byte, request.send())
            .await
            .map_err(|_| LlmError::Timeout {
                phase: WaitPhase::Idle,
                after: limits.first_byte,
            })?
            .map_err(|error| self.failure(&error))?;
        if response.status().is_success() {
            Ok(Body {
                client: self,
                response,
                bytes: 0,
                has_begun: false,
            })
        } else {
            Err(refusal::read(response, self.connection.api_key.as_ref()).await)
        }
    }

    fn client(&self) -> Result<&Client, LlmError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let builder = Client::builder()
            // Only what the configuration names is spoken to.
            .no_proxy()
            .redirect(Policy::none())
            // Port 0 stands for the one of the URL.
            .resolve(LOCALHOST, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .connect_timeout(self.connection.limits.connect)
            // A connection belongs to one exchange: closing it is how a generation is given up.
            .pool_max_idle_per_host(0)
            .http1_only()
            .user_agent(concat!("decnet/", env!("CARGO_PKG_VERSION")));
        #[cfg(feature = "tls")]
        let builder = tls::configure(builder, self.connection.endpoint.is_encrypted())?;
        let client = builder
            .build()
            .map_err(|error| unavailable(chain(&error), false))?;
        Ok(self.client.get_or_init(|| client))
    }

    fn failure(&self, error: &reqwest::Error) -> LlmError {
        if error.is_connect() {
            if error.is_timeout() {
                return LlmError::Timeout {
                    phase: WaitPhase::Connect,
                    after: self.connection.limits.connect,
                };
            }
            return unavailable(chain(error), false);
        }
        unavailable(chain(error), true)
    }
}

/// The body of an answer, as it comes.
pub(super) struct Body<'c> {
    client: &'c HttpClient,
    response: Response,
    bytes: usize,
    has_begun: bool,
}

impl Body<'_> {
    /// The next bytes; `None` at the end.
    pub(super) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, LlmError> {
        let limits = &self.client.connection.limits;
        let after = if self.has_begun {
            limits.idle
        } else {
            limits.first_byte
        };
        let chunk = timeout(after, self.response.chunk())
            .await
            .map_err(|_| LlmError::Timeout {
                phase: WaitPhase::Idle,
                after,
            })?
            .map_err(|error| self.client.failure(&error))?;
        self.has_begun = true;
        let Some(chunk) = chunk else {
            return Ok(None);
        };
        self.bytes = self.bytes.saturating_add(chunk.len());
        if self.bytes > limits.most_bytes {
            return Err(LlmError::Malformed {
                what: format!("it is longer than {} bytes", limits.most_bytes),
            });
        }
        Ok(Some(chunk.to_vec()))
    }
}

fn unavailable(reason: String, may_run_on: bool) -> LlmError {
    LlmError::Unavailable { reason, may_run_on }
}

/// What an error and the errors behind it say, without the URL, which the caller knows.
fn chain(error: &reqwest::Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Each layer repeats the one below it.
        if !said.iter().any(|known| known.contains(&text)) {
            said.retain(|known| !text.contains(known.as_str()));
            said.push(text);
        }
        next = cause.source();
    }
    if said.is_empty() {
        "the exchange failed".to_owned()
    } else {
        refusal::one_line(&said.join(": "))
    }
}
