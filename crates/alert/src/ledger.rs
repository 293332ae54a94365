//! The repository of alerts and of their deliveries.
//!
//! Each method is one transaction and never waits for anything but the storage, so it is not
//! `async`. [`MemoryAlertLedger`](crate::memory_ledger::MemoryAlertLedger) keeps everything in
//! memory; `decnet-store` keeps it in SQLite. Both pass [`conformance`](crate::conformance).
//!
//! # A delivery
//!
//! ```text
//! waiting ─► sent
//!    ├─────► given up   (says why)
//!    └─────► dropped    (its sink is not configured any more)
//! ```
//!
//! A delivery in work is leased. Its attempt is the fencing token: whoever claims it after the
//! lease ran out gets a higher one, and what the earlier holder still records is refused as
//! [`Recorded::Overtaken`].

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::alert::{Alert, AlertId, AlertKind};
use crate::sink::SinkName;

/// What became of an alert that was raised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Raised {
    /// It is the first of its kind and key; it has a delivery for each sink.
    New(AlertId),
    /// There was one already, under this id. It was counted, and is delivered no second time.
    Repeated(AlertId),
}

impl Raised {
    /// The id under which the alert is kept.
    pub fn id(self) -> AlertId {
        match self {
            Self::New(id) | Self::Repeated(id) => id,
        }
    }
}

/// A delivery that the caller holds now.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Which alert.
    pub id: AlertId,
    /// The alert.
    pub alert: Alert,
    /// Where it goes.
    pub sink: SinkName,
    /// Number of this attempt, from 1; the fencing token.
    pub attempt: u32,
}

/// Why an alert did not get to a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedDelivery {
    /// Which alert.
    pub id: AlertId,
    /// Which sink.
    pub sink: SinkName,
    /// The fencing token.
    pub attempt: u32,
    /// What happened, one line.
    pub error: String,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// When to try again; `None` gives up.
    pub next_attempt_at: Option<DateTime<Utc>>,
}

/// Whether what was to be recorded still belonged to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Recorded {
    /// It was recorded.
    Yes,
    /// Somebody else holds or settled the delivery since; nothing was changed.
    Overtaken,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// It is due now or later.
    Waiting,
    /// The sink took it.
    Sent,
    /// It failed for good.
    GivenUp,
    /// Its sink was taken out of the configuration.
    Dropped,
}

impl DeliveryState {
    const ALL: [(&'static str, Self); 4] = [
        ("waiting", Self::Waiting),
        ("sent", Self::Sent),
        ("given-up", Self::GivenUp),
        ("dropped", Self::Dropped),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, state)| *state == self)
            .map_or("", |(name, _)| name)
    }

    /// The state of a name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, state)| *state)
    }
}

/// One delivery of a listed alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeliveryRecord {
    /// Where to.
    pub sink: SinkName,
    /// Where it stands.
    pub state: DeliveryState,
    /// Tries so far.
    pub attempts: u32,
    /// When it was sent, given up or dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<DateTime<Utc>>,
    /// When it may be tried next; the epoch stands for at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimable_at: Option<DateTime<Utc>>,
    /// What went wrong last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A listed alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertRecord {
    /// Which alert.
    pub id: AlertId,
    /// The alert, as it was raised first.
    #[serde(flatten)]
    pub alert: Alert,
    /// How often it was raised.
    pub times: u64,
    /// The latest time that it was raised for.
    pub last_at: DateTime<Utc>,
    /// Its deliveries, by name of the sink.
    pub deliveries: Vec<DeliveryRecord>,
}

/// Which alerts to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Only this kind.
    pub kind: Option<AlertKind>,
    /// Only those with a delivery in this state.
    pub state: Option<DeliveryState>,
    /// At most this many; 0 for all.
    pub limit: u64,
}

/// What is said of a delivery whose sink is gone.
pub const DROPPED: &str = "the sink is not configured any more";

/// The repository of alerts.
pub trait AlertLedger: Send {
    /// Keeps an alert as `id`, with a delivery for each of `sinks`, due at once. If there is one of
    /// the same kind and key, that one is counted instead and nothing else changes: it gets no new
    /// delivery, neither for a sink that was added since.
    ///
    /// # Errors
    ///
    /// [`AlertLedgerError`] when the storage fails; so for every method below.
    fn raise(
        &mut self,
        id: AlertId,
        alert: &Alert,
        sinks: &[SinkName],
    ) -> Result<Raised, AlertLedgerError>;

    /// Drops what waits for a sink that is not among `configured`, with [`DROPPED`] as the reason,
    /// and says how many. Writes nothing when there is none.
    fn drop_unconfigured(
        &mut self,
        configured: &[SinkName],
        at: DateTime<Utc>,
    ) -> Result<u64, AlertLedgerError>;

    /// Takes over what is due for `sink` at `now`, longest due first, and leases it until
    /// `lease_until`. What was never tried counts as due for ever; of it, what was raised first
    /// comes first. Writes nothing when nothing is due.
    fn claim_deliveries(
        &mut self,
        sink: &SinkName,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Delivery>, AlertLedgerError>;

    /// Notes that the sink took it.
    fn record_sent(
        &mut self,
        id: AlertId,
        sink: &SinkName,
        attempt: u32,
        at: DateTime<Utc>,
    ) -> Result<Recorded, AlertLedgerError>;

    /// Gives a delivery back, to be tried later or never.
    fn record_failed(&mut self, failed: &FailedDelivery) -> Result<Recorded, AlertLedgerError>;

    /// Lists alerts, the one raised last first.
    fn alerts(&mut self, filter: &AlertFilter) -> Result<Vec<AlertRecord>, AlertLedgerError>;
}

/// Why the storage failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlertLedgerError {
    /// Somebody else is writing, for longer than the storage waits.
    #[error("the database is busy: {detail}")]
    Busy {
        /// What the storage said.
        detail: String,
    },
    /// The disk is full.
    #[error("no space left for the database {path}")]
    DiskFull {
        /// The file, where it is known.
        path: String,
    },
    /// The storage may not be written.
    #[error("the database cannot be written: {detail}")]
    ReadOnly {
        /// What the storage said.
        detail: String,
    },
    /// What is stored makes no sense.
    #[error("the database holds what cannot be right: {detail}")]
    Corrupt {
        /// What was found.
        detail: String,
    },
    /// Anything else.
    #[error("the database failed: {detail}")]
    Failed {
        /// What the storage said.
        detail: String,
    },
}

impl AlertLedgerError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::DiskFull { .. } => true,
            Self::ReadOnly { .. } | Self::Corrupt { .. } | Self::Failed { .. } => false,
        }
    }
}
