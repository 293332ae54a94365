//! A webhook: each alert is one `POST` of its JSON.
//!
//! The header `Idempotency-Key` carries the id of the alert, the same in every try. Only the one
//! server of the URL is spoken to: redirects are not followed, and proxies are not used, whatever the
//! environment says.

mod refusal;
mod tls;
mod token;

use std::error::Error as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::alert::{Alert, AlertId};
use crate::sink::{Sink, SinkError, SinkName};
use crate::text;

pub use self::token::{BearerToken, BearerTokenError, TOKEN_MAX};

/// Longest URL, in bytes.
const URL_MAX: usize = 2_048;
/// Longest message of a failure, in bytes.
const MESSAGE_MAX: usize = 240;
/// Most time for a connection.
const CONNECT_TIME: Duration = Duration::from_secs(5);
/// Most time for a whole exchange, whatever the deadline around it.
const TOTAL_TIME: Duration = Duration::from_secs(60);
/// Name of this machine, which is never asked of a resolver.
const LOCALHOST: &str = "localhost";

/// Where a webhook is. Its path is often a secret, and is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookUrl(Url);

/// Why a text is no URL of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WebhookUrlError {
    /// It is no URL of `http` or `https`.
    #[error("it is no URL such as https://hooks.example/decnet")]
    NotAUrl,
    /// It carries a user name or password.
    #[error("a URL with a user name or password is not used; give a token")]
    Credentials,
}

impl WebhookUrl {
    /// Reads the URL of a webhook.
    ///
    /// # Errors
    ///
    /// [`WebhookUrlError`], which does not repeat the text: it may hold a secret.
    pub fn parse(url: &str) -> Result<Self, WebhookUrlError> {
        if url.len() > URL_MAX || url.contains(char::is_control) {
            return Err(WebhookUrlError::NotAUrl);
        }
        let mut url = Url::parse(url.trim()).map_err(|_| WebhookUrlError::NotAUrl)?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(WebhookUrlError::NotAUrl);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(WebhookUrlError::Credentials);
        }
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// Whether it is this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.0.host_str().unwrap_or_default();
        host.eq_ignore_ascii_case(LOCALHOST)
            || host
                .trim_matches(['[', ']'])
                .parse::<IpAddr>()
                .is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

/// Protocol, host and port; an ellipsis for the rest.
impl std::fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let has_more = self.0.path() != "/" || self.0.query().is_some();
        let more = if has_more { "/…" } else { "" };
        write!(f, "{}://{}{more}", self.0.scheme(), self.0.authority())
    }
}

impl std::fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WebhookUrl({self})")
    }
}

/// Posts alerts to a webhook.
#[derive(Debug)]
pub struct WebhookSink {
    name: SinkName,
    url: WebhookUrl,
    token: Option<BearerToken>,
    client: OnceLock<Client>,
}

impl WebhookSink {
    /// A sink that posts to `url`, and shows `token` as a bearer token (RFC 6750).
    pub fn new(name: SinkName, url: WebhookUrl, token: Option<BearerToken>) -> Self {
        Self {
            name,
            url,
            token,
            client: OnceLock::new(),
        }
    }

    fn client(&self) -> Result<&Client, SinkError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let unusable = |what: String| SinkError::Misconfigured { what };
        let builder = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            // Port 0 stands for the one of the URL.
            .resolve(LOCALHOST, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .connect_timeout(CONNECT_TIME)
            .timeout(TOTAL_TIME)
            // Alerts are rare: a connection would only be closed on us.
            .pool_max_idle_per_host(0)
            .http1_only()
            .user_agent(concat!("decnet/", env!("CARGO_PKG_VERSION")));
        let client = tls::configure(builder, self.url.is_encrypted())
            .map_err(unusable)?
            .build()
            .map_err(|error| unusable(chain(&error)))?;
        Ok(self.client.get_or_init(|| client))
    }

    fn unreachable(&self, error: &reqwest::Error) -> SinkError {
        SinkError::Unreachable {
            operation: if error.is_connect() {
                "connect to"
            } else {
                "send to"
            },
            destination: self.destination(),
            detail: chain(error),
        }
    }
}

#[async_trait]
impl Sink for WebhookSink {
    fn name(&self) -> &SinkName {
        &self.name
    }

    fn destination(&self) -> String {
        text::one_line(&self.url.to_string(), MESSAGE_MAX)
    }

    async fn send(&self, id: AlertId, alert: &Alert) -> Result<(), SinkError> {
        let mut request = self
            .client()?
            .post(self.url.0.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("Idempotency-Key", id.to_string())
            .body(alert.to_json(id));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.header()?);
        }
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            // What it has to say beside that is not read.
            return Ok(());
        }
        Err(refusal::read(response, self.token.as_ref()).await)
    }
}

/// What an error and the errors behind it say, without the URL.
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
        text::one_line(&said.join(": "), MESSAGE_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_of_http_and_show_no_secret() {
        let check = |url: &str, shown: &str| {
            assert_eq!(WebhookUrl::parse(url).unwrap().to_string(), shown, "{url}");
        };
        check("https://hooks.example", "https://hooks.example");
        check("https://hooks.example/", "https://hooks.example");
        check(
            "http://h.example:8080/T0/s3cret#x",
            "http://h.example:8080/…",
        );
        check("https://h.example/?key=s3cret", "https://h.example/…");
        let debug = format!(
            "{:?}",
            WebhookUrl::parse("https://h.example/s3cret").unwrap()
        );
        assert!(!debug.contains("s3cret"), "{debug}");
        for wrong in [
            "",
            "hooks.example",
            "ftp://h",
            "gopher://h",
            "http://",
            "http://h\n/",
        ] {
            assert_eq!(
                WebhookUrl::parse(wrong),
                Err(WebhookUrlError::NotAUrl),
                "{wrong:?}"
            );
        }
        for wrong in ["https://user@h", "https://:pass@h"] {
            assert_eq!(WebhookUrl::parse(wrong), Err(WebhookUrlError::Credentials));
        }
    }

    #[test]
    fn this_machine_has_several_names() {
        let is_loopback = |url| WebhookUrl::parse(url).unwrap().is_loopback();
        for own in [
            "http://localhost",
            "http://127.9.9.9:1/x",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(is_loopback(own), "{own}");
        }
        for other in [
            "http://localhost.example",
            "http://10.0.0.1",
            "http://[fe80::1]",
        ] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
