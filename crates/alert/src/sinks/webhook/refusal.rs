//! What a server says when it refuses.

use std::time::Duration;

use chrono::DateTime;
use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use tokio::time::timeout;

use super::MESSAGE_MAX;
use super::token::BearerToken;
use crate::sink::SinkError;
use crate::text;

/// Most bytes that are read of an error's body.
const BODY_MAX: usize = 4 << 10;
/// Most time for it: the status is what matters.
const BODY_TIME: Duration = Duration::from_secs(2);
/// Longest pause that is understood.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(6 * 3_600);

/// The error that an answer without success is.
pub(super) async fn read(mut response: Response, token: Option<&BearerToken>) -> SinkError {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let mut body = Vec::new();
    if !status.is_redirection() {
        // What cannot be read is not worth another error.
        let _ = timeout(BODY_TIME, async {
            while body.len() < BODY_MAX {
                match response.chunk().await {
                    Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                    Ok(None) | Err(_) => break,
                }
            }
        })
        .await;
    }
    body.truncate(BODY_MAX);
    let said = if status.is_redirection() {
        // Where to stays unsaid: it may hold a secret.
        "a redirect, which is not followed".to_owned()
    } else {
        String::from_utf8_lossy(&body).trim().to_owned()
    };
    let said = token.map_or_else(|| said.clone(), |token| token.scrub(&said));
    SinkError::Refused {
        status: status.as_u16(),
        message: match text::one_line(&said, MESSAGE_MAX) {
            empty if empty.is_empty() => status
                .canonical_reason()
                .unwrap_or("no message")
                .to_lowercase(),
            message => message,
        },
        is_transient: is_transient(status.as_u16()),
        retry_after,
    }
}

/// Whether the same request may succeed later.
fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 425 | 429) || status >= 500
}

/// Seconds, or a date (RFC 9110, section 10.2.3) against the server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = DateTime::parse_from_rfc2822(text).ok()?;
            let now = headers.get(DATE)?.to_str().ok()?;
            let now = DateTime::parse_from_rfc2822(now).ok()?;
            (until - now).to_std().unwrap_or_default()
        }
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_seconds_or_dates() {
        let check = |after: &'static str, expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, after.parse().unwrap());
            headers.insert(DATE, "Fri, 06 Mar 2026 10:00:00 GMT".parse().unwrap());
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs));
        };
        check("30", Some(30));
        check("99999999", Some(6 * 3_600));
        check("Fri, 06 Mar 2026 10:02:00 GMT", Some(120));
        check("Fri, 06 Mar 2026 09:00:00 GMT", Some(0));
        check("soon", None);
        check("-1", None);
    }

    #[test]
    fn some_refusals_pass() {
        let transient: Vec<u16> = (100..=599).filter(|status| is_transient(*status)).collect();
        let expected: Vec<u16> = [408, 425, 429].into_iter().chain(500..=599).collect();
        assert_eq!(transient, expected);
    }
}
