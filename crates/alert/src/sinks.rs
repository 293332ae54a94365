//! The sinks that there are.

pub mod json_lines;
pub mod syslog;
#[cfg(feature = "webhook")]
pub mod webhook;
