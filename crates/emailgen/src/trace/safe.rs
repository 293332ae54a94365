//! What may be written into a header field.

/// Longest mailbox of RFC 5321 §4.5.3.1.3, without its angle brackets.
const LONGEST_ADDRESS: usize = 254;
/// Longest host name of RFC 1035 §2.3.4.
const LONGEST_HOST: usize = 253;
/// Domain of a machine that was given none.
const NO_DOMAIN: &str = "localdomain";

/// An address, if it can stand between angle brackets as it is.
pub(super) fn address(address: &str) -> Option<&str> {
    let (local, domain) = address.rsplit_once('@')?;
    let plain = |c: char| c.is_ascii_graphic() && !"<>()[],;:\\\"@".contains(c);
    (address.len() <= LONGEST_ADDRESS
        && !local.is_empty()
        && local.chars().all(plain)
        && host(domain).is_some())
    .then_some(address)
}

/// A host name, in the letters it has.
pub(super) fn host(name: &str) -> Option<&str> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    (name.len() <= LONGEST_HOST && name.split('.').all(label)).then_some(name)
}

/// The domain of an address in small letters, or one that says that there is none.
pub(super) fn domain_of(address: &str) -> String {
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    // Room for what is put in front of it.
    host(domain)
        .filter(|domain| domain.len() <= LONGEST_HOST - 64)
        .unwrap_or(NO_DOMAIN)
        .to_ascii_lowercase()
}
