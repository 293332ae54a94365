//! Tokens that are never shown.

use reqwest::header::HeaderValue;

use crate::sink::SinkError;

/// Longest accepted [`BearerToken`], in bytes.
pub const TOKEN_MAX: usize = 4_096;
/// Shortest start of a token, in bytes, that is taken for one.
const CUT_MIN: usize = 4;

/// A token for a webhook. It shows in no message, log or `Debug`.
///
/// ```
/// use decnet_alert::sinks::webhook::BearerToken;
///
/// let token = BearerToken::parse("s3cret\n").unwrap();
/// assert_eq!(format!("{token:?}"), "BearerToken(…)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(String);

/// Why a text is no token. What the text was is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BearerTokenError {
    /// Nothing but white space.
    #[error("the token is empty")]
    Empty,
    /// More than [`TOKEN_MAX`] bytes.
    #[error("the token has more than {TOKEN_MAX} bytes")]
    TooLong,
    /// Something that a header cannot carry.
    #[error("the token holds something other than visible ASCII characters")]
    NotVisible,
}

impl BearerToken {
    /// Reads a token; white space around it, such as the line end of a file, is no part of it.
    ///
    /// # Errors
    ///
    /// [`BearerTokenError`].
    pub fn parse(text: &str) -> Result<Self, BearerTokenError> {
        let text = text.trim();
        if text.is_empty() {
            Err(BearerTokenError::Empty)
        } else if text.len() > TOKEN_MAX {
            Err(BearerTokenError::TooLong)
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Err(BearerTokenError::NotVisible)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The header that carries it.
    pub(super) fn header(&self) -> Result<HeaderValue, SinkError> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", self.0)).map_err(|_| {
            SinkError::Misconfigured {
                what: "the token does not fit into a header".to_owned(),
            }
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// `text` without the token, nor the start of it at the end of a text that was cut: servers
    /// repeat what they were sent.
    pub(super) fn scrub(&self, text: &str) -> String {
        let mut text = text.replace(&self.0, "…");
        let longest = (CUT_MIN..self.0.len()).rev().find(|length| {
            self.0
                .get(..*length)
                .is_some_and(|start| text.ends_with(start))
        });
        if let Some(length) = longest {
            text.truncate(text.len() - length);
            text.push('…');
        }
        text
    }
}

impl std::fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BearerToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_header_carries_is_a_token() {
        let check = |text: &str, expected| assert_eq!(BearerToken::parse(text), Err(expected));
        check(" \n", BearerTokenError::Empty);
        check("a\r\nb", BearerTokenError::NotVisible);
        check("clé", BearerTokenError::NotVisible);
        check(&"x".repeat(5_000), BearerTokenError::TooLong);
        let token = BearerToken::parse("\ts3cret \n").unwrap();
        assert_eq!(token.header().unwrap(), "Bearer s3cret");
        assert!(token.header().unwrap().is_sensitive());
        assert_eq!(token.scrub("no such token: s3cret!"), "no such token: …!");
        assert_eq!(token.scrub("cut: s3cre"), "cut: …");
    }
}
