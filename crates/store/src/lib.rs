//! SQLite behind every repository trait of decnet: one file, one migration history.
//!
//! [`Store`] implements [`MailLedger`](decnet_emailgen::ledger::MailLedger),
//! [`WorldLedger`](decnet_emailgen::world::WorldLedger),
//! [`CorrespondenceLedger`](decnet_emailgen::correspondence::CorrespondenceLedger),
//! [`SessionLedger`](decnet_session_pipeline::ledger::SessionLedger),
//! [`AlertLedger`](decnet_alert::ledger::AlertLedger),
//! [`HealLedger`](decnet_self_heal::ledger::HealLedger),
//! [`MemoryLedger`](decnet_memory::ledger::MemoryLedger),
//! [`JobLedger`](decnet_background::ledger::JobLedger) and
//! [`BackupTarget`](decnet_background::backup::BackupTarget). Every method is one transaction that
//! takes the write lock at its start, so processes that run side by side queue instead of failing.
//! It takes no domain decisions, and nothing outside this crate names rusqlite.
//!
//! Files are private to the user (`0600`). A database from a newer decnet is refused. The
//! write-ahead log stays beside the file between processes and is folded in as it grows; copy both
//! files together, or stop decnet first.
//!
//! ```
//! use decnet_emailgen::ledger::MailLedger;
//! use decnet_store::{OpenOptions, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let mut store = Store::open(&folder.path().join("decnet.db"), OpenOptions::default())?;
//! assert!(store.schedules()?.is_empty());
//! # Ok(())
//! # }
//! ```

mod alerts;
mod availability;
mod backup;
mod error;
mod events;
mod heal;
mod jobs;
mod mail;
mod memory;
mod model_state;
mod open;
mod people;
mod restore;
mod secret;
mod sessions;
mod values;
mod world;

pub use backup::check_backup;
pub use error::OpenError;
pub use events::Event;
pub use jobs::Backlog;
pub use model_state::StoredModelLedger;
pub use open::{Durability, OpenOptions, Store, Usage};
pub use restore::{RestoreError, Restored, restore};
