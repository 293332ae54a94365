//! Keys that are never shown.

/// Longest accepted [`ApiKey`], in bytes.
pub const API_KEY_MAX: usize = 4_096;

/// Shortest start of a key, in bytes, that is taken for one.
const CUT_MIN: usize = 4;

/// A key for a server. It shows in no message, log or `Debug`.
///
/// ```
/// use decnet_realism::llm::secret::ApiKey;
///
/// let key = ApiKey::parse("sk-123\n").unwrap();
/// assert_eq!(format!("{key:?}"), "ApiKey(…)");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

/// Why a text is no key. What the text was is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiKeyError {
    /// Nothing but white space.
    #[error("the key is empty")]
    Empty,
    /// More than [`API_KEY_MAX`] bytes.
    #[error("the key has more than {API_KEY_MAX} bytes")]
    TooLong,
    /// Something that a header cannot carry.
    #[error("the key holds something other than visible ASCII characters")]
    NotVisible,
}

impl ApiKey {
    /// Reads a key; white space around it, such as the line end of a file, is no part of it.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError`].
    pub fn parse(text: &str) -> Result<Self, ApiKeyError> {
        let text = text.trim();
        if text.is_empty() {
            Err(ApiKeyError::Empty)
        } else if text.len() > API_KEY_MAX {
            Err(ApiKeyError::TooLong)
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Err(ApiKeyError::NotVisible)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The key itself, for the header that carries it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }

    /// `text` without the key, nor the start of it at the end of a text that was cut: servers repeat
    /// what they were sent.
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

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_header_carries_is_a_key() {
        assert_eq!(ApiKey::parse(" \n"), Err(ApiKeyError::Empty));
        assert_eq!(ApiKey::parse("a\r\nb"), Err(ApiKeyError::NotVisible));
        assert_eq!(ApiKey::parse("clé"), Err(ApiKeyError::NotVisible));
        assert_eq!(ApiKey::parse(&"x".repeat(5_000)), Err(ApiKeyError::TooLong));
        let key = ApiKey::parse("\tsk-abc \n").expect("a key");
        assert_eq!(key.reveal(), "sk-abc");
        assert_eq!(key.scrub("no such key: sk-abc!"), "no such key: …!");
        assert_eq!(key.scrub("sk-a sk-b, cut: sk-ab"), "sk-a sk-b, cut: …");
        assert!(!format!("{key:?}").contains("abc"));
    }
}
