//! What a server says when it refuses.

use std::time::Duration;

use chrono::DateTime;
use reqwest::Response;
use reqwest::header::{DATE, HeaderMap, LOCATION, RETRY_AFTER};
use serde_json::Value;
use tokio::time::timeout;

use crate::llm::backend::LlmError;
use crate::llm::secret::ApiKey;
use crate::style::is_invisible;

/// Most bytes that are read of an error's body.
const BODY_MAX: usize = 4 << 10;
/// Most time for it: the status is what matters.
const BODY_TIME: Duration = Duration::from_secs(2);
/// Longest message, in characters.
const MESSAGE_MAX: usize = 240;
/// Longest pause that is understood.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// The error that an answer without success is.
pub(super) async fn read(mut response: Response, key: Option<&ApiKey>) -> LlmError {
    let status = response.status();
    let retry_after = retry_after(response.headers());
    let elsewhere = response
        .headers()
        .get(LOCATION)
        .filter(|_| status.is_redirection())
        .map(|location| String::from_utf8_lossy(location.as_bytes()).into_owned());
    let mut body = Vec::new();
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
    body.truncate(BODY_MAX);
    let said = match elsewhere {
        Some(location) => format!("redirected to {location}, which is not followed"),
        None => message_of(&body),
    };
    let said = key.map_or_else(|| said.clone(), |key| key.scrub(&said));
    LlmError::Refused {
        status: status.as_u16(),
        message: match one_line(&said) {
            empty if empty.is_empty() => status
                .canonical_reason()
                .unwrap_or("no message")
                .to_lowercase(),
            message => message,
        },
        retry_after,
    }
}

/// A message on one line, shortened, with nothing that drives a terminal.
pub(super) fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || is_invisible(c)) {
        if word.is_empty() {
            continue;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if line.chars().count() > MESSAGE_MAX {
        line = line.chars().take(MESSAGE_MAX - 1).collect();
        line.push('…');
    }
    line
}

/// `{"error": {"message": "…"}}`, `{"error": "…"}`, `{"message": "…"}`, `{"detail": "…"}`, or the
/// text itself.
pub(in crate::llm) fn message_in(value: &Value) -> Option<&str> {
    let error = &value["error"];
    [
        &error["message"],
        error,
        &value["message"],
        &value["detail"],
    ]
    .into_iter()
    .find_map(Value::as_str)
}

fn message_of(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => message_in(&value).unwrap_or(&text).to_owned(),
        Err(_) => text.into_owned(),
    }
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
    fn messages_are_found_and_tamed() {
        let check = |body: &str, expected: &str| assert_eq!(message_of(body.as_bytes()), expected);
        check(r#"{"error":{"code":404,"message":"not here"}}"#, "not here");
        check(r#"{"error":"model 'x' not found"}"#, "model 'x' not found");
        check(r#"{"detail":"no"}"#, "no");
        check("<html>oops</html>", "<html>oops</html>");
        assert_eq!(one_line("a\n\u{1b}[2Jb\t c\u{202e}"), "a [2Jb c");
        assert_eq!(one_line(&"x ".repeat(500)).chars().count(), MESSAGE_MAX);
    }

    #[test]
    fn pauses_are_seconds_or_dates() {
        let check = |after: &'static str, expected: Option<u64>| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, after.parse().expect("a header"));
            headers.insert(
                DATE,
                "Fri, 06 Mar 2026 10:00:00 GMT".parse().expect("a header"),
            );
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs));
        };
        check("30", Some(30));
        check("99999999", Some(3_600));
        check("Fri, 06 Mar 2026 10:02:00 GMT", Some(120));
        check("Fri, 06 Mar 2026 09:00:00 GMT", Some(0));
        check("soon", None);
        check("-1", None);
    }
}
