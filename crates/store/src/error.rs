//! Why the database cannot be opened, and what SQLite's errors mean to its callers.

use std::path::PathBuf;

use decnet_alert::ledger::AlertLedgerError;
use decnet_background::backup::BackupError;
use decnet_background::ledger::JobLedgerError;
use decnet_emailgen::ledger::LedgerError;
use decnet_memory::ledger::MemoryLedgerError;
use decnet_self_heal::ledger::HealLedgerError;
use decnet_session_pipeline::ledger::SessionLedgerError;
use rusqlite::ErrorCode;

/// Why the database cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It was written by a newer decnet.
    #[error(
        "{} has schema version {found}, newer than this decnet's {supported}; use the newer decnet, \
         or another state directory", path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Newest version that this build knows.
        supported: u32,
    },
    /// It is not a database.
    #[error("{} is not a decnet database: {detail}", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// There is none, and none was to be created.
    #[error("there is no database at {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// SQLite refused.
    #[error("cannot open {}: {source}", path.display())]
    Ledger {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: LedgerError,
    },
    /// It has an older schema, and could not be backed up before it is migrated. It was not changed.
    #[error("cannot back up {} before its schema is changed: {source}", path.display())]
    Backup {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: BackupError,
    },
}

impl OpenError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Ledger { source, .. } => source.is_transient(),
            Self::Backup { source, .. } => source.is_transient(),
            Self::Newer { .. }
            | Self::NotADatabase { .. }
            | Self::Missing { .. }
            | Self::Io { .. } => false,
        }
    }
}

/// What fails inside a transaction.
pub(crate) struct Failed(pub(crate) LedgerError);

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self(ledger_error(error))
    }
}

impl From<LedgerError> for Failed {
    fn from(error: LedgerError) -> Self {
        Self(error)
    }
}

/// The same failure, in the words of each of these.
macro_rules! in_the_words_of {
    ($($error:ident),*) => {$(
        impl From<Failed> for $error {
            fn from(Failed(error): Failed) -> Self {
                match error {
                    LedgerError::Busy { detail } => Self::Busy { detail },
                    LedgerError::DiskFull { path } => Self::DiskFull { path },
                    LedgerError::ReadOnly { detail } => Self::ReadOnly { detail },
                    LedgerError::Corrupt { detail } => Self::Corrupt { detail },
                    LedgerError::Failed { detail } => Self::Failed { detail },
                    other => Self::Failed {
                        detail: other.to_string(),
                    },
                }
            }
        }
    )*};
}
in_the_words_of!(
    AlertLedgerError,
    HealLedgerError,
    JobLedgerError,
    SessionLedgerError,
    MemoryLedgerError
);

/// What a SQLite error means to a caller.
pub(crate) fn ledger_error(error: rusqlite::Error) -> LedgerError {
    let detail = error.to_string();
    // What the processes share beside the database did not fit.
    let is_without_room = error
        .sqlite_error()
        .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) if is_without_room => LedgerError::DiskFull {
            path: String::new(),
        },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy { detail },
        Some(ErrorCode::DiskFull) => LedgerError::DiskFull {
            path: String::new(),
        },
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            LedgerError::ReadOnly { detail }
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            LedgerError::Corrupt { detail }
        }
        _ => LedgerError::Failed { detail },
    }
}

/// The error with the file that it is about.
pub(crate) fn named(error: LedgerError, path: &str) -> LedgerError {
    let named = |detail: String| format!("{path}: {detail}");
    match error {
        LedgerError::Busy { detail } => LedgerError::Busy {
            detail: named(detail),
        },
        LedgerError::ReadOnly { detail } => LedgerError::ReadOnly {
            detail: named(detail),
        },
        LedgerError::DiskFull { .. } => LedgerError::DiskFull {
            path: path.to_owned(),
        },
        other => other,
    }
}

/// A value in the database that its column should not hold.
pub(crate) fn corrupt(detail: impl Into<String>) -> LedgerError {
    LedgerError::Corrupt {
        detail: detail.into(),
    }
}
