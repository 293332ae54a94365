//! Which domains decoy mail may name.

/// Whether `domain` is set aside for examples and tests, so that nobody else can own it: `.test`,
/// `.example`, `.invalid`, `.localhost` (RFC 2606 §2, RFC 6761) and `example.com`, `example.net`,
/// `example.org` (RFC 2606 §3), with everything below them.
///
/// Case and one closing dot are ignored.
///
/// ```
/// use decnet_realism::domain::is_reserved;
///
/// assert!(is_reserved("Mail.Example.COM"));
/// assert!(!is_reserved("notexample.com"));
/// ```
pub fn is_reserved(domain: &str) -> bool {
    const RESERVED: [&str; 7] = [
        "test",
        "example",
        "invalid",
        "localhost",
        "example.com",
        "example.net",
        "example.org",
    ];
    RESERVED.iter().any(|parent| is_at_or_below(domain, parent))
}

/// Whether `domain` is one of `declared`, or below one of them.
///
/// Case and one closing dot are ignored; empty entries match nothing. Whether a *reserved* domain
/// is fine without being declared is the caller's policy: see [`is_reserved`].
pub fn matches_declared(domain: &str, declared: &[String]) -> bool {
    declared
        .iter()
        .any(|parent| is_at_or_below(domain, parent.trim()))
}

fn is_at_or_below(domain: &str, parent: &str) -> bool {
    let domain = domain.strip_suffix('.').unwrap_or(domain).as_bytes();
    let parent = parent.strip_suffix('.').unwrap_or(parent).as_bytes();
    if parent.is_empty() || domain.len() < parent.len() {
        return false;
    }
    let (rest, tail) = domain.split_at(domain.len() - parent.len());
    // `rest` is empty, or ends a label: `notexample.com` is not below `example.com`.
    tail.eq_ignore_ascii_case(parent) && (rest.is_empty() || rest.len() > 1 && rest.ends_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_domains_and_what_is_below_them() {
        for domain in [
            "test",
            "corp.test",
            "a.b.example",
            "x.invalid",
            "localhost",
            "example.com",
            "EXAMPLE.NET",
            "mail.example.org",
            "example.com.",
        ] {
            assert!(is_reserved(domain), "{domain}");
        }
        for domain in [
            "",
            ".",
            "corp.com",
            "notexample.com",
            "test.com",
            "example.com.evil.net",
            "example.co",
            "contest",
        ] {
            assert!(!is_reserved(domain), "{domain}");
        }
    }

    #[test]
    fn declared_domains_and_what_is_below_them() {
        let declared = [
            "Corp.com".to_owned(),
            String::new(),
            " shop.io. ".to_owned(),
        ];
        for domain in ["corp.com", "mail.CORP.com", "corp.com.", "a.shop.io"] {
            assert!(matches_declared(domain, &declared), "{domain}");
        }
        for domain in [
            "",
            "com",
            "evilcorp.com",
            "corp.com.evil.net",
            ".corp.com",
            "corp.org",
        ] {
            assert!(!matches_declared(domain, &declared), "{domain}");
        }
        assert!(!matches_declared("corp.com", &[]));
    }
}
