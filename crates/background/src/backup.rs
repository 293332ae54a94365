//! Backups that are proven to restore.
//!
//! ```text
//! lock ─► clear leftovers ─► copy to a temporary name ─► fsync ─► drill ─► facts ─► rename ─► prune
//! ```
//!
//! A copy gets its final name only after its [target](BackupTarget) has opened it and found in it what
//! it put there. Whatever ends it before (an error, a full disk, a power cut) leaves the older ones as
//! they are, and the next run removes what is left over. Beside each backup lie its
//! [facts](BackupFacts), in a file of its name with `.json` behind it, for a later look.
//!
//! Files are `0600`, a folder that is made is `0700`. Names sort by time.

mod files;
mod names;

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use self::files::{BackupFile, Backups, KEEP, Taken, keep_copy, read_facts, write_facts};
pub use self::names::stamp;

/// What a backup holds, as its source said at the moment of the copy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupFacts {
    /// Version of its schema.
    pub schema_version: u32,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in lower-case hexadecimal digits.
    pub sha256: String,
    /// Rows of each table.
    pub rows: BTreeMap<String, u64>,
    /// The highest number of each table that numbers its rows, and so of each log.
    pub heads: BTreeMap<String, i64>,
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copying {
    /// Pages that are copied.
    pub done: u64,
    /// Pages in all.
    pub total: u64,
}

/// Something that can be backed up and can tell a good backup from a bad one.
pub trait BackupTarget {
    /// Writes a copy of one moment to the file `to`, which does not exist yet, and says what it holds.
    /// The file is on the disk, and private to the user, when this returns. `on_step` is called
    /// after each step of the copy, and ends it with [`BackupError::Cancelled`] when it breaks.
    ///
    /// # Errors
    ///
    /// [`BackupError`]; a file that was begun may be left.
    fn back_up(
        &mut self,
        to: &Path,
        on_step: &mut dyn FnMut(Copying) -> ControlFlow<()>,
    ) -> Result<BackupFacts, BackupError>;

    /// Opens a copy, changes nothing in it, and compares what it holds with `facts`.
    ///
    /// # Errors
    ///
    /// [`DrillFailure`] on the first thing that is not as it should be.
    fn drill(&mut self, file: &Path, facts: &BackupFacts) -> Result<(), DrillFailure>;
}

/// What a run has just done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// It holds the lock of the folder.
    Locked,
    /// It has removed what was left over.
    Cleared,
    /// It copies.
    Copying(Copying),
    /// The copy is on the disk, under a temporary name.
    Copied,
    /// The copy has passed its drill.
    Drilled,
    /// The facts lie beside the place where the copy comes.
    FactsWritten,
    /// The copy has its final name. What comes now cannot be cancelled.
    Renamed,
    /// Names are on the disk.
    Kept,
    /// Old ones are gone.
    Pruned,
}

/// Why there is no new backup.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Another process makes one in this folder.
    #[error("another backup is being made in {}", folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// What is backed up could not be read, or its copy not be written.
    #[error("cannot copy the database to {}: {detail}", path.display())]
    Storage {
        /// The copy.
        path: PathBuf,
        /// What the storage said.
        detail: String,
        /// Whether trying again later can help.
        is_transient: bool,
    },
    /// The copy is no good. Older ones are as they were.
    #[error("the new backup is no good: {failure}")]
    Drill {
        /// What is wrong with it.
        failure: DrillFailure,
        /// Where it was set aside, if it could be.
        set_aside: Option<PathBuf>,
    },
    /// Somebody wanted it to end.
    #[error("the backup was cancelled")]
    Cancelled,
}

impl BackupError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Busy { .. } | Self::Drill { .. } | Self::Cancelled => true,
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::Interrupted
                    | io::ErrorKind::WouldBlock
                    | io::ErrorKind::ResourceBusy
                    | io::ErrorKind::TimedOut
            ),
            Self::Storage { is_transient, .. } => *is_transient,
        }
    }
}

/// What is wrong with a backup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DrillFailure {
    /// It cannot be read.
    #[error("{} cannot be read: {detail}", file.display())]
    Unreadable {
        /// The backup.
        file: PathBuf,
        /// What the system or the storage said.
        detail: String,
    },
    /// It is shorter or longer than it was.
    #[error("it has {found} bytes instead of {expected}")]
    Bytes {
        /// As it was written.
        expected: u64,
        /// As it is.
        found: u64,
    },
    /// Its bytes are not those that were written.
    #[error("its SHA-256 is {found} instead of {expected}")]
    Digest {
        /// As it was written.
        expected: String,
        /// As it is.
        found: String,
    },
    /// Its structure is damaged.
    #[error("its integrity check found {count} problems, the first: {first}")]
    Integrity {
        /// How many problems; the storage stops counting at some number.
        count: usize,
        /// The first.
        first: String,
    },
    /// Rows refer to rows that are not there.
    #[error("{count} rows refer to what is not there, the first in the table {first}")]
    References {
        /// How many rows.
        count: usize,
        /// The table of the first.
        first: String,
    },
    /// It has another schema.
    #[error("its schema version is {found} instead of {expected}")]
    Schema {
        /// That of its source.
        expected: u32,
        /// Its own.
        found: u32,
    },
    /// A table has more or fewer rows; `None` without the table.
    #[error("the table {table} has {found:?} rows instead of {expected:?}")]
    Rows {
        /// Which table.
        table: String,
        /// In the source.
        expected: Option<u64>,
        /// In the copy.
        found: Option<u64>,
    },
    /// A table ends at another number; `None` without one.
    #[error("the table {table} ends at {found:?} instead of {expected:?}")]
    Head {
        /// Which table.
        table: String,
        /// In the source.
        expected: Option<i64>,
        /// In the copy.
        found: Option<i64>,
    },
}
