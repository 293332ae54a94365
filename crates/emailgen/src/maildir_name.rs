//! File names of Maildir messages.

use rand::{Rng, RngExt};

/// The unique part of a Maildir file name, in the form that Dovecot's delivery gives it:
/// `<seconds>.M<microseconds>P<process>.<host>`.
///
/// The seconds are those of the mail, since an IMAP server numbers messages it sees for the first
/// time in the order of their names. Nothing in it is taken from the Message-ID.
pub fn unique_name(unix_seconds: i64, host: &str, rng: &mut impl Rng) -> String {
    let microseconds = rng.random_range(0..1_000_000_u32);
    // Linux hands out process ids up to 32,768 (kernel.pid_max) on small machines.
    let process = rng.random_range(300..32_768_u32);
    format!(
        "{}.M{microseconds}P{process}.{}",
        unix_seconds.max(0),
        host_part(host)
    )
}

/// A host name without what Maildir file names give a meaning to (`/`, `:` and `,`), as
/// <https://cr.yp.to/proto/maildir.html> asks for it.
fn host_part(host: &str) -> String {
    let host: String = host
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        .take(64)
        .collect();
    let host = host.trim_matches('.');
    if host.is_empty() {
        "localhost".to_owned()
    } else {
        host.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn a_name_starts_with_the_time_and_ends_with_the_host() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let name = unique_name(1_795_227_552, "mail1", &mut rng);
        assert!(name.starts_with("1795227552.M"), "{name}");
        assert!(name.ends_with(".mail1"), "{name}");
    }

    #[test]
    fn a_hostile_host_name_cannot_leave_the_folder() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let name = unique_name(1, "../../etc/x:2,S\n", &mut rng);
        assert!(!name.contains(['/', ':', ',', '\n']), "{name}");
        assert!(unique_name(1, "../..", &mut rng).ends_with(".localhost"));
    }
}
