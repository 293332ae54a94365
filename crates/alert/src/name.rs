//! Names that code gives: lower-case words joined by hyphens.

/// Longest name, in bytes.
pub(crate) const NAME_MAX: usize = 64;

/// A text that is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no name: lower-case words joined by hyphens, at most {NAME_MAX} bytes")]
pub struct NameError {
    /// The text, shortened.
    pub found: String,
}

/// Whether `text` is a name.
pub(crate) const fn is_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > NAME_MAX {
        return false;
    }
    let mut at = 0;
    let mut after_hyphen = true;
    while at < bytes.len() {
        match bytes[at] {
            b'a'..=b'z' => after_hyphen = false,
            b'0'..=b'9' if at > 0 => after_hyphen = false,
            b'-' if !after_hyphen => after_hyphen = true,
            _ => return false,
        }
        at += 1;
    }
    !after_hyphen
}

/// A type for names of one sort.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(std::borrow::Cow<'static, str>);

        impl $name {
            /// A name in the program's text.
            ///
            /// # Panics
            ///
            /// If it is none: lower-case words joined by hyphens, at most 64 bytes. In a constant
            /// that is an error of compilation.
            pub const fn constant(name: &'static str) -> Self {
                assert!($crate::name::is_name(name), "lower-case words joined by hyphens");
                Self(std::borrow::Cow::Borrowed(name))
            }

            /// Reads a name.
            ///
            /// # Errors
            ///
            /// [`NameError`](crate::NameError) when it is none.
            pub fn parse(name: &str) -> Result<Self, $crate::NameError> {
                if $crate::name::is_name(name) {
                    Ok(Self(std::borrow::Cow::Owned(name.to_owned())))
                } else {
                    Err($crate::NameError {
                        found: $crate::text::one_line(name, $crate::name::NAME_MAX),
                    })
                }
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use name;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words_joined_by_hyphens() {
        for good in ["a", "first-login", "stage-2", "x509"] {
            assert!(is_name(good), "{good}");
        }
        let long = "a".repeat(NAME_MAX + 1);
        for bad in [
            "", "-", "a-", "-a", "a--b", "2a", "First", "a b", "a_b", "ä", "a\n", &long,
        ] {
            assert!(!is_name(bad), "{bad}");
        }
        assert!(is_name(&"a".repeat(NAME_MAX)));
    }
}
