//! Mail addresses.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Longest address, in octets (RFC 5321 §4.5.3.1.3: a path of 256 octets with its two brackets).
pub const ADDRESS_MAX: usize = 254;

/// Longest local part, in octets (RFC 5321 §4.5.3.1.1).
pub const LOCAL_MAX: usize = 64;

/// Longest domain, in octets (RFC 5321 §4.5.3.1.2).
pub const DOMAIN_MAX: usize = 255;

/// Longest label of a domain, in octets (RFC 1035 §2.3.4).
pub const LABEL_MAX: usize = 63;

/// A mail address that has been validated: a dot-atom (RFC 5322 §3.2.3), `@`, and a domain of at
/// least two labels, all ASCII.
///
/// The written case is kept. Comparison, order and hash ignore it, in the local part too: RFC 5321
/// lets a server tell `Ana@` from `ana@`, but no server that people use does, and two personas
/// whose addresses differ only in case would answer each other's mail.
///
/// ```
/// use decnet_realism::address::EmailAddress;
///
/// let address = EmailAddress::parse("Ana@Corp.Example")?;
/// assert_eq!(address.as_str(), "Ana@Corp.Example");
/// assert_eq!(address, EmailAddress::parse("ana@corp.example")?);
/// assert!(EmailAddress::parse("a@b@corp.example").is_err());
/// # Ok::<(), decnet_realism::address::AddressError>(())
/// ```
#[derive(Clone, serde::Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Checks an address and keeps it as written.
    ///
    /// Quoted local parts (`"ana b"@…`) and address literals (`ana@[192.0.2.1]`) are legal on the
    /// wire and refused here: no mail client shows a colleague with one.
    ///
    /// # Errors
    ///
    /// [`AddressError`] names the first rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if let Some(character) = text.chars().find(|c| c.is_whitespace() || c.is_control()) {
            return Err(AddressError::SpaceOrControl { character });
        }
        let (local, domain) = text.split_once('@').ok_or(AddressError::NoAt)?;
        if domain.contains('@') {
            return Err(AddressError::SeveralAt);
        }
        check_local(local)?;
        check_domain(domain)?;
        if text.len() > ADDRESS_MAX {
            return Err(AddressError::TooLong { octets: text.len() });
        }
        Ok(Self(text.to_owned()))
    }

    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `@`, as written.
    pub fn local(&self) -> &str {
        self.0.split_once('@').map_or("", |(local, _)| local)
    }

    /// The part after the `@`, as written.
    pub fn domain(&self) -> &str {
        self.0.split_once('@').map_or("", |(_, domain)| domain)
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for EmailAddress {}

impl Hash for EmailAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
        state.write_u8(0xff);
    }
}

impl PartialOrd for EmailAddress {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EmailAddress {
    fn cmp(&self, other: &Self) -> Ordering {
        let lower = |address: &'_ Self| address.0.to_ascii_lowercase();
        lower(self).cmp(&lower(other))
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl<'de> serde::Deserialize<'de> for EmailAddress {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing was given.
    #[error("the address is empty")]
    Empty,
    /// White space or a control character, at either end too.
    #[error("white space or a control character ({})", character.escape_unicode())]
    SpaceOrControl {
        /// The first one.
        character: char,
    },
    /// There is no `@`.
    #[error("there is no @")]
    NoAt,
    /// There is more than one `@`.
    #[error("there is more than one @")]
    SeveralAt,
    /// The address is longer than [`ADDRESS_MAX`].
    #[error("{octets} octets, more than the {ADDRESS_MAX} of RFC 5321")]
    TooLong {
        /// Its length.
        octets: usize,
    },
    /// Nothing stands before the `@`.
    #[error("nothing stands before the @")]
    EmptyLocal,
    /// The part before the `@` is longer than [`LOCAL_MAX`].
    #[error("the part before the @ has {octets} octets, more than the {LOCAL_MAX} of RFC 5321")]
    LocalTooLong {
        /// Its length.
        octets: usize,
    },
    /// The part before the `@` starts or ends with a dot, or has two in a row.
    #[error("the part before the @ has a dot at an end, or two dots in a row")]
    LocalDots,
    /// A character that needs quoting, or is not allowed, before the `@`.
    #[error("{character:?} is not allowed before the @")]
    LocalCharacter {
        /// The first one.
        character: char,
    },
    /// A non-ASCII character before the `@`.
    #[error(
        "{character:?} before the @ is not ASCII; such addresses need SMTPUTF8, which decnet does not use"
    )]
    LocalNotAscii {
        /// The first one.
        character: char,
    },
    /// Nothing stands after the `@`.
    #[error("nothing stands after the @")]
    EmptyDomain,
    /// The domain is longer than [`DOMAIN_MAX`].
    #[error("the domain has {octets} octets, more than the {DOMAIN_MAX} of RFC 5321")]
    DomainTooLong {
        /// Its length.
        octets: usize,
    },
    /// The domain is an address literal.
    #[error("an address literal in brackets instead of a domain")]
    AddressLiteral,
    /// The domain has no dot.
    #[error("the domain {domain:?} has no dot")]
    DomainWithoutDot {
        /// The domain.
        domain: String,
    },
    /// A label of the domain is empty: a dot at an end, or two in a row.
    #[error("the domain has a dot at an end, or two dots in a row")]
    EmptyLabel,
    /// A label of the domain is longer than [`LABEL_MAX`].
    #[error("a label of the domain has {octets} octets, more than the {LABEL_MAX} of RFC 1035")]
    LabelTooLong {
        /// Its length.
        octets: usize,
    },
    /// A label of the domain starts or ends with a hyphen.
    #[error("the label {label:?} of the domain starts or ends with a hyphen")]
    LabelHyphen {
        /// The label.
        label: String,
    },
    /// A character other than letters, digits, hyphens and dots in the domain.
    #[error("{character:?} is not allowed in a domain")]
    DomainCharacter {
        /// The first one.
        character: char,
    },
    /// A non-ASCII character in the domain.
    #[error("{character:?} in the domain is not ASCII; write the domain in its xn--… form")]
    DomainNotAscii {
        /// The first one.
        character: char,
    },
}

fn check_local(local: &str) -> Result<(), AddressError> {
    if local.is_empty() {
        return Err(AddressError::EmptyLocal);
    }
    if let Some(character) = local.chars().find(|c| !c.is_ascii()) {
        return Err(AddressError::LocalNotAscii { character });
    }
    if let Some(character) = local.chars().find(|&c| c != '.' && !is_atext(c)) {
        return Err(AddressError::LocalCharacter { character });
    }
    if local.split('.').any(str::is_empty) {
        return Err(AddressError::LocalDots);
    }
    if local.len() > LOCAL_MAX {
        return Err(AddressError::LocalTooLong {
            octets: local.len(),
        });
    }
    Ok(())
}

fn check_domain(domain: &str) -> Result<(), AddressError> {
    if domain.is_empty() {
        return Err(AddressError::EmptyDomain);
    }
    if domain.starts_with('[') {
        return Err(AddressError::AddressLiteral);
    }
    if let Some(character) = domain.chars().find(|c| !c.is_ascii()) {
        return Err(AddressError::DomainNotAscii { character });
    }
    if let Some(character) = domain
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.'))
    {
        return Err(AddressError::DomainCharacter { character });
    }
    if !domain.contains('.') {
        return Err(AddressError::DomainWithoutDot {
            domain: domain.chars().take(LABEL_MAX).collect(),
        });
    }
    for label in domain.split('.') {
        if label.is_empty() {
            return Err(AddressError::EmptyLabel);
        }
        if label.len() > LABEL_MAX {
            return Err(AddressError::LabelTooLong {
                octets: label.len(),
            });
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(AddressError::LabelHyphen {
                label: label.to_owned(),
            });
        }
    }
    if domain.len() > DOMAIN_MAX {
        return Err(AddressError::DomainTooLong {
            octets: domain.len(),
        });
    }
    Ok(())
}

/// RFC 5322 §3.2.3: the characters of an atom.
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_that_people_have_are_taken() {
        let longest_local = format!("{}@corp.com", "a".repeat(LOCAL_MAX));
        let labels = ["a".repeat(63), "b".repeat(63), "c".repeat(58)].join(".");
        let longest = format!("{}@{labels}.co", "x".repeat(64));
        assert_eq!(longest.len(), ADDRESS_MAX);
        for text in [
            "ana@corp.com",
            "ANA@CORP.COM",
            "a@b.c",
            "a.b+tag@mail.corp.co.uk",
            "o'neil@corp.com",
            "x!#$%&'*+-/=?^_`{|}~@corp.com",
            "ana@xn--mnchen-3ya.de",
            "1@2.3",
            &longest_local,
            &longest,
        ] {
            let address = EmailAddress::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(address.to_string(), text);
            assert_eq!(format!("{}@{}", address.local(), address.domain()), text);
        }
    }

    #[test]
    fn everything_else_says_why() {
        use AddressError as E;
        let labels = ["a".repeat(63), "b".repeat(63), "c".repeat(59)].join(".");
        for (text, expected) in [
            ("", E::Empty),
            (" ana@corp.com ", E::SpaceOrControl { character: ' ' }),
            (
                "ana@corp.com\r\nBcc: x@y.z",
                E::SpaceOrControl { character: '\r' },
            ),
            ("ana\0@corp.com", E::SpaceOrControl { character: '\0' }),
            (
                "ana\u{3000}@corp.com",
                E::SpaceOrControl {
                    character: '\u{3000}',
                },
            ),
            ("ana.corp.com", E::NoAt),
            ("a@b@corp.com", E::SeveralAt),
            ("@corp.com", E::EmptyLocal),
            (".ana@corp.com", E::LocalDots),
            ("ana.@corp.com", E::LocalDots),
            ("a..b@corp.com", E::LocalDots),
            ("\"ana\"@corp.com", E::LocalCharacter { character: '"' }),
            ("<ana@corp.com>", E::LocalCharacter { character: '<' }),
            ("a,b@corp.com", E::LocalCharacter { character: ',' }),
            ("josé@corp.com", E::LocalNotAscii { character: 'é' }),
            (
                "a\u{202e}b@corp.com",
                E::LocalNotAscii {
                    character: '\u{202e}',
                },
            ),
            ("ana@", E::EmptyDomain),
            (
                "ana@corp",
                E::DomainWithoutDot {
                    domain: "corp".into(),
                },
            ),
            ("a@.", E::EmptyLabel),
            ("a@.com", E::EmptyLabel),
            ("a@corp.com.", E::EmptyLabel),
            ("a@corp..com", E::EmptyLabel),
            ("a@[192.0.2.1]", E::AddressLiteral),
            ("a@co_rp.com", E::DomainCharacter { character: '_' }),
            ("a@corp.com>", E::DomainCharacter { character: '>' }),
            ("a@münchen.de", E::DomainNotAscii { character: 'ü' }),
            (
                "a@-corp.com",
                E::LabelHyphen {
                    label: "-corp".into(),
                },
            ),
            (
                "a@corp-.com",
                E::LabelHyphen {
                    label: "corp-".into(),
                },
            ),
            (
                &format!("{}@corp.com", "a".repeat(65)),
                E::LocalTooLong { octets: 65 },
            ),
            (
                &format!("a@{}.com", "a".repeat(64)),
                E::LabelTooLong { octets: 64 },
            ),
            (
                &format!("{}@{labels}.co", "x".repeat(64)),
                E::TooLong { octets: 255 },
            ),
            (
                &format!("a@{}com", "corp.".repeat(60)),
                E::DomainTooLong { octets: 303 },
            ),
        ] {
            assert_eq!(EmailAddress::parse(text), Err(expected), "{text:?}");
        }
    }

    #[test]
    fn case_does_not_tell_addresses_apart() {
        let [lower, upper, other] =
            ["x@c.co", "X@C.Co", "y@c.co"].map(|text| EmailAddress::parse(text).unwrap());
        assert_eq!(lower, upper);
        assert_eq!(lower.cmp(&upper), Ordering::Equal);
        assert!(upper < other);
        assert_eq!(HashSet::from([lower, upper, other]).len(), 2);
    }

    #[test]
    fn json_is_checked() {
        let address: EmailAddress = serde_json::from_str("\"Ana@corp.com\"").unwrap();
        assert_eq!(serde_json::to_string(&address).unwrap(), "\"Ana@corp.com\"");
        assert!(serde_json::from_str::<EmailAddress>("\"a@b\"").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_safe(text in prop_oneof![any::<String>(), "[a-z.@\"<\\r\\n é-]{0,20}"]) {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert!(!address.local().is_empty() && address.domain().contains('.'));
            }
        }
    }
}
