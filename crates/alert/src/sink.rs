//! Where alerts go: the contract.

use std::fmt;
use std::io;
use std::time::Duration;

use async_trait::async_trait;

use crate::alert::{Alert, AlertId};
use crate::name::name;

name!(
    /// Name of a sink in a configuration, such as `file` or `webhook`: lower-case words joined by
    /// hyphens, at most 64 bytes.
    SinkName
);

/// Somewhere that alerts are sent to.
///
/// A send that returns `Ok` has handed the alert over as far as its protocol can tell. It may come
/// again with the same id: after a crash, or when an answer got lost. A sink that can recognise it
/// does so; otherwise it hands on the id, for others to recognise it.
///
/// [`send`](Sink::send) may be dropped at any await point, when its deadline has passed, and may be
/// called again while what it left behind still runs. It never blocks its thread: other sinks run
/// there.
#[async_trait]
pub trait Sink: Send + Sync + fmt::Debug {
    /// Its name, unique among the sinks of a configuration.
    fn name(&self) -> &SinkName;

    /// Where it sends to, for people to read, on one line and without secrets.
    fn destination(&self) -> String;

    /// Hands over one alert.
    ///
    /// # Errors
    ///
    /// [`SinkError`], which says whether trying again later can help.
    async fn send(&self, id: AlertId, alert: &Alert) -> Result<(), SinkError>;
}

/// Why a sink did not take an alert. No message holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// It took too long.
    #[error("no success within {after:?}")]
    Timeout {
        /// The deadline.
        after: Duration,
    },
    /// It cannot be reached, or broke off.
    #[error("cannot {operation} {destination}: {detail}")]
    Unreachable {
        /// What was being done, such as `connect to`.
        operation: &'static str,
        /// Where.
        destination: String,
        /// What was said.
        detail: String,
    },
    /// It was reached and said no.
    #[error("refused with status {status}: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// What it said, on one line.
        message: String,
        /// Whether it may say yes later.
        is_transient: bool,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The file system said no.
    #[error("cannot {operation} {path}: {source}")]
    File {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: String,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is not set up as it has to be. Somebody may correct that before the last try.
    #[error("{what}")]
    Misconfigured {
        /// What is wrong.
        what: String,
    },
    /// The sink itself broke.
    #[error("the sink broke: {what}")]
    Broken {
        /// How.
        what: String,
    },
}

impl SinkError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Timeout { .. }
            | Self::Unreachable { .. }
            | Self::File { .. }
            | Self::Misconfigured { .. } => true,
            Self::Refused { is_transient, .. } => *is_transient,
            Self::Broken { .. } => false,
        }
    }

    /// How long the sink wants to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
