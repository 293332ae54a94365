//! Where a model's server is, and whether it may be spoken to.

use std::net::{IpAddr, Ipv4Addr};

use reqwest::Url;

/// Longest accepted base URL, in bytes.
const URL_MAX: usize = 2_048;
/// Name of this machine, which is never asked of a resolver.
pub(super) const LOCALHOST: &str = "localhost";

/// A server that may be spoken to: this machine, or a host that the configuration names.
///
/// ```
/// use decnet_realism::llm::endpoint::Endpoint;
///
/// assert!(Endpoint::parse("http://127.0.0.1:11434", &[]).is_ok());
/// assert!(Endpoint::parse("http://gpu.corp.example:8000", &[]).is_err());
/// let allowed = ["gpu.corp.example".to_owned()];
/// assert!(Endpoint::parse("http://gpu.corp.example:8000", &allowed).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    base: Url,
}

/// Why a server may not be spoken to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It is no URL.
    #[error("{0:?} is no URL such as http://127.0.0.1:11434")]
    NotAUrl(String),
    /// Neither `http` nor `https`.
    #[error("{0:?} is no protocol that models speak; write http:// or https://")]
    Scheme(String),
    /// It carries a user name or password, which belongs into a key.
    #[error("a URL with a user name or password is not used; give the key as the API key")]
    Credentials,
    /// It carries a query or a fragment.
    #[error("a base URL has no query and no fragment")]
    Query,
    /// `https`, in a build without the feature `tls`.
    #[error("https:// needs a decnet that is built with the feature \"tls\"")]
    NoTls,
    /// Another machine that nobody allowed.
    #[error("{host} is another machine, which is not spoken to unless llm.allow_hosts names it")]
    NotAllowed {
        /// Name or address.
        host: String,
    },
}

impl Endpoint {
    /// Reads a base URL. `allowed` are names and addresses of other machines, exactly as they stand
    /// in URLs, in any case.
    ///
    /// # Errors
    ///
    /// [`EndpointError`].
    pub fn parse(base_url: &str, allowed: &[String]) -> Result<Self, EndpointError> {
        // What stands before an @ may be a password.
        let shown = base_url.rsplit('@').next().unwrap_or_default();
        let shortened: String = shown.chars().take(80).collect();
        let base_url = base_url.trim();
        if base_url.len() > URL_MAX || base_url.contains(char::is_control) {
            return Err(EndpointError::NotAUrl(shortened));
        }
        let mut base =
            Url::parse(base_url).map_err(|_| EndpointError::NotAUrl(shortened.clone()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(EndpointError::Scheme(base.scheme().to_owned()));
        }
        if base.scheme() == "https" && !cfg!(feature = "tls") {
            return Err(EndpointError::NoTls);
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(EndpointError::Query);
        }
        let host = base
            .host_str()
            .ok_or(EndpointError::NotAUrl(shortened))?
            .to_owned();
        if host.eq_ignore_ascii_case(LOCALHOST) {
            // No resolver decides what this machine is. Certificates are for the name, which stays
            // there, and is resolved by whoever connects.
            if base.scheme() == "http" {
                base.set_ip_host(IpAddr::V4(Ipv4Addr::LOCALHOST))
                    .map_err(|()| EndpointError::NotAUrl(host))?;
            }
        } else if !is_loopback(&host) && !is_allowed(&host, allowed) {
            return Err(EndpointError::NotAllowed { host });
        }
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        Ok(Self { base })
    }

    /// The URL of `path`, which starts with a slash. `prefix` is part of the path unless the base
    /// URL ends with it already: both `http://h/v1` and `http://h` work.
    pub(super) fn url(&self, prefix: &str, path: &str) -> Url {
        let own = self.base.path().trim_end_matches('/');
        let prefix = if !prefix.is_empty() && own.ends_with(prefix) {
            ""
        } else {
            prefix
        };
        let mut url = self.base.clone();
        url.set_path(&format!("{own}{prefix}{path}"));
        url
    }

    /// The URL of `path` beside `prefix`, where the base URL may or may not end.
    pub(super) fn url_outside(&self, prefix: &str, path: &str) -> Url {
        let own = self.base.path().trim_end_matches('/');
        let own = own.strip_suffix(prefix).unwrap_or(own);
        let mut url = self.base.clone();
        url.set_path(&format!("{own}{path}"));
        url
    }

    /// Host and port, for messages.
    pub fn authority(&self) -> &str {
        self.base.authority()
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.base.scheme() == "https"
    }
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn is_loopback(host: &str) -> bool {
    bare(host)
        .parse::<IpAddr>()
        .is_ok_and(|address| address.to_canonical().is_loopback())
}

fn is_allowed(host: &str, allowed: &[String]) -> bool {
    allowed
        .iter()
        .any(|name| bare(name.trim()).eq_ignore_ascii_case(bare(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_may_be_spoken_to_and_others_when_they_are_named() {
        let ok = |url: &str, allowed: &[&str]| {
            let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            Endpoint::parse(url, &allowed).is_ok()
        };
        for url in [
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:8080/v1/",
            "http://LocalHost:1",
            "http://[::ffff:127.0.0.1]:1",
        ] {
            assert!(ok(url, &[]), "{url}");
        }
        for url in [
            "http://localhost.evil.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://127.0.0.1.evil.example",
            "http://2130706434.example",
            "http://user:pass@127.0.0.1",
            "http://127.0.0.1/?a=b",
            "http://127.0.0.1/#a",
            "ftp://127.0.0.1",
            "unix:///run/model",
            "127.0.0.1:80",
            "http://",
            "http://127.0.0.1\r\nHost: x",
            "",
        ] {
            assert!(!ok(url, &["other.example"]), "{url}");
        }
        assert_eq!(ok("https://localhost", &[]), cfg!(feature = "tls"));
        assert!(ok("http://GPU.example:1", &["gpu.EXAMPLE"]));
        assert!(ok("http://[fd00::1]:1", &["fd00::1"]));
        assert!(!ok("http://sub.gpu.example", &["gpu.example"]));
    }

    #[test]
    fn prefixes_are_not_doubled() {
        let url = |base: &str| {
            Endpoint::parse(base, &[])
                .expect("this machine")
                .url("/v1", "/models")
                .to_string()
        };
        assert_eq!(url("http://127.0.0.1:1"), "http://127.0.0.1:1/v1/models");
        assert_eq!(url("http://127.0.0.1:1/v1"), "http://127.0.0.1:1/v1/models");
        assert_eq!(
            url("http://127.0.0.1:1/v1/"),
            "http://127.0.0.1:1/v1/models"
        );
        #[cfg(feature = "tls")]
        assert_eq!(
            url("https://LocalHost:1"),
            "https://localhost:1/v1/models",
            "a certificate for localhost is for this name"
        );
        assert_eq!(
            url("http://localhost:1/llm"),
            "http://127.0.0.1:1/llm/v1/models"
        );
    }

    #[test]
    fn errors_show_no_password() {
        for url in [
            "http://me:hunter2@127.0.0.1",
            "http://me:hunter2@127.0.0.1:port",
            "http://me:hunter2@",
            "me:hunter2@127.0.0.1",
        ] {
            let error = Endpoint::parse(url, &[]).expect_err("refused");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}
