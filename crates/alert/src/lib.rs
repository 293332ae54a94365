//! Alerts: what an operator is told once, where they want to read it.
//!
//! Whoever notices something makes an [`Alert`](alert::Alert), a plain value. An
//! [`AlertLedger`](ledger::AlertLedger) keeps it: the first one of its kind and key is new and gets
//! a delivery for each sink, a later one only counts. A [`Dispatcher`](dispatch::Dispatcher) brings
//! what is due to the [`Sink`](sink::Sink)s: a file of JSON lines, syslog, a webhook. A sink that
//! fails or hangs holds up no other; what it missed is tried again for about a day.
//!
//! Delivery is at least once. An alert keeps its [`AlertId`](alert::AlertId) through every try, so
//! that who receives it can tell a repeat.
//!
//! Texts in alerts come from logs and names that intruders choose. Their sizes are bounded when an
//! alert is made, and no control character reaches a sink as it is.
//!
//! This crate knows nothing of who raises alerts and what they mean. It never reads the clock, the
//! host name, the environment or a source of randomness, and names no database.
//!
//! ```
//! use chrono::{DateTime, Utc};
//! use decnet_alert::alert::{Alert, AlertId, AlertKind, Severity};
//! use decnet_alert::ledger::{AlertLedger, Raised};
//! use decnet_alert::memory_ledger::MemoryAlertLedger;
//! use decnet_alert::sink::SinkName;
//!
//! const FIRST_LOGIN: AlertKind = AlertKind::constant("first-login");
//! const FILE: SinkName = SinkName::constant("file");
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let at: DateTime<Utc> = "2026-03-06T16:00:00Z".parse()?;
//! let alert = Alert::new(FIRST_LOGIN, "mx1", Severity::Warning, at, "first login on mx1")?
//!     .with_decky("mx1")
//!     .with_fact("source", "203.0.113.9");
//! let mut ledger = MemoryAlertLedger::new();
//! let id = AlertId(7);
//! assert_eq!(ledger.raise(id, &alert, &[FILE])?, Raised::New(id));
//! assert_eq!(ledger.raise(AlertId(8), &alert, &[FILE])?, Raised::Repeated(id));
//! # Ok(())
//! # }
//! ```

pub mod alert;
mod name;
mod text;

pub mod conformance;
pub mod ledger;
pub mod memory_ledger;

pub mod dispatch;
pub mod sink;
pub mod sinks;

pub use name::NameError;
