//! The process's surroundings: the only place that reads environment, clock and randomness.

#![expect(
    clippy::disallowed_methods,
    reason = "the edge where environment, clock and randomness come in; everything else takes them as arguments"
)]

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use decnet_emailgen::random::DeploymentSecret;
use rand::TryRng;
use rand::rngs::SysRng;

/// A variable, unless it is empty.
pub(crate) fn variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The user's home folder.
pub(crate) fn home() -> Option<PathBuf> {
    variable("HOME").map(PathBuf::from)
}

/// Whether colours are unwelcome (<https://no-color.org>).
pub(crate) fn no_color() -> bool {
    variable("NO_COLOR").is_some()
}

/// The clock.
pub(crate) fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// A number that nobody can guess.
pub(crate) fn random() -> u64 {
    // The kernel's generator does not fail on Linux; if it did, a clock is still no shared default.
    SysRng
        .try_next_u64()
        .unwrap_or_else(|_| now().timestamp_micros().cast_unsigned())
}

/// A secret for a new deployment.
pub(crate) fn secret() -> DeploymentSecret {
    let mut bytes = [0; 32];
    for chunk in bytes.chunks_mut(8) {
        chunk.copy_from_slice(&random().to_be_bytes());
    }
    DeploymentSecret::new(bytes)
}

/// Name of this machine, if it has one.
pub(crate) fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// Whether this is the superuser, who keeps state in system folders.
pub(crate) fn is_superuser() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
