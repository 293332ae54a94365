//! What went wrong, in one line, with the exit code that says what kind it is (sysexits).

use std::fmt;
use std::io;
use std::process::ExitCode;

use decnet_activity_driver::driver::DriverError;
use decnet_activity_driver::registry::RegistryError;
use decnet_alert::ledger::AlertLedgerError;
use decnet_background::backup::BackupError;
use decnet_background::ledger::JobLedgerError;
use decnet_emailgen::ledger::LedgerError;
use decnet_emailgen::tick::{FailureCause, TickError};
use decnet_emailgen::world::ApplyError;
use decnet_memory::ledger::MemoryLedgerError;
use decnet_realism::pool::PoolError;
use decnet_self_heal::ledger::HealLedgerError;
use decnet_self_heal::tick::HealError;
use decnet_session_pipeline::ledger::SessionLedgerError;
use decnet_session_pipeline::registry::RegistryError as ProcessorRegistryError;
use decnet_store::{OpenError, RestoreError};

/// Kinds of failure, each with its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// 64: the command line.
    Usage,
    /// 65: a file or value that was read.
    BadInput,
    /// 66: what was to be read is not there.
    NoInput,
    /// 69: something that must be there is not.
    Unavailable,
    /// 73: an output cannot be written.
    CannotCreate,
    /// 75: try again.
    Temporary,
    /// 78: the configuration.
    Configuration,
}

impl Kind {
    /// The exit code, as sysexits.h numbers them.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Usage => 64,
            Self::BadInput => 65,
            Self::NoInput => 66,
            Self::Unavailable => 69,
            Self::CannotCreate => 73,
            Self::Temporary => 75,
            Self::Configuration => 78,
        }
    }
}

impl From<Kind> for ExitCode {
    fn from(kind: Kind) -> Self {
        Self::from(kind.code())
    }
}

/// What went wrong.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Which kind.
    pub(crate) kind: Kind,
    /// One line: what, where, what to do.
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// A file that cannot be read.
    pub(crate) fn reading(path: &std::path::Path, error: &io::Error) -> Self {
        Self::new(
            Kind::BadInput,
            format!("cannot read {}: {error}", path.display()),
        )
    }

    /// A file that cannot be written.
    pub(crate) fn writing(path: &std::path::Path, error: &io::Error) -> Self {
        Self::new(
            Kind::CannotCreate,
            format!("cannot write {}: {error}", path.display()),
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::output::one_line(&self.message))
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let kind = match error {
            LedgerError::Busy { .. } => Kind::Temporary,
            LedgerError::DiskFull { .. } | LedgerError::ReadOnly { .. } => Kind::CannotCreate,
            LedgerError::Corrupt { .. } => Kind::BadInput,
            _ => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<AlertLedgerError> for Failure {
    fn from(error: AlertLedgerError) -> Self {
        let kind = match error {
            AlertLedgerError::Busy { .. } => Kind::Temporary,
            AlertLedgerError::DiskFull { .. } | AlertLedgerError::ReadOnly { .. } => {
                Kind::CannotCreate
            }
            AlertLedgerError::Corrupt { .. } => Kind::BadInput,
            _ => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<HealLedgerError> for Failure {
    fn from(error: HealLedgerError) -> Self {
        let kind = match error {
            HealLedgerError::Busy { .. } => Kind::Temporary,
            HealLedgerError::DiskFull { .. } | HealLedgerError::ReadOnly { .. } => {
                Kind::CannotCreate
            }
            HealLedgerError::Corrupt { .. } | HealLedgerError::TargetName { .. } => Kind::BadInput,
            _ => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<HealError> for Failure {
    fn from(error: HealError) -> Self {
        match error {
            HealError::Ledger(error) => error.into(),
            HealError::Surroundings(error) => {
                let kind = match error.is_transient {
                    true => Kind::Temporary,
                    false => Kind::Unavailable,
                };
                Self::new(kind, error.to_string())
            }
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        let kind = match &error {
            OpenError::Newer { .. } => Kind::Configuration,
            OpenError::NotADatabase { .. } => Kind::BadInput,
            OpenError::Missing { .. } => {
                return Self::new(
                    Kind::Configuration,
                    format!("{error}; run `decnet init` first, or name another --state-dir"),
                );
            }
            OpenError::Io { .. } => Kind::CannotCreate,
            OpenError::Backup { source, .. } => backup_kind(source),
            OpenError::Ledger { path, source } => {
                let kind = match source {
                    LedgerError::Busy { .. } => Kind::Temporary,
                    LedgerError::Corrupt { .. } => Kind::BadInput,
                    _ => Kind::CannotCreate,
                };
                return Self::new(kind, format!("{}: {source}", path.display()));
            }
            _ => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<JobLedgerError> for Failure {
    fn from(error: JobLedgerError) -> Self {
        let kind = match error {
            JobLedgerError::Busy { .. } => Kind::Temporary,
            JobLedgerError::DiskFull { .. } | JobLedgerError::ReadOnly { .. } => Kind::CannotCreate,
            JobLedgerError::Corrupt { .. } => Kind::BadInput,
            _ => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<MemoryLedgerError> for Failure {
    fn from(error: MemoryLedgerError) -> Self {
        let kind = match error {
            MemoryLedgerError::Busy { .. } => Kind::Temporary,
            MemoryLedgerError::DiskFull { .. } | MemoryLedgerError::ReadOnly { .. } => {
                Kind::CannotCreate
            }
            MemoryLedgerError::Corrupt { .. }
            | MemoryLedgerError::Malformed(_)
            | MemoryLedgerError::Unknown { .. }
            | MemoryLedgerError::Canon(_) => Kind::BadInput,
            _ => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let set_aside = match &error {
            BackupError::Drill {
                set_aside: Some(path),
                ..
            } => format!("; it is set aside as {}", path.display()),
            _ => String::new(),
        };
        Self::new(backup_kind(&error), format!("{error}{set_aside}"))
    }
}

fn backup_kind(error: &BackupError) -> Kind {
    match error {
        BackupError::Busy { .. } | BackupError::Cancelled => Kind::Temporary,
        BackupError::Io { .. } => Kind::CannotCreate,
        BackupError::Drill { .. } => Kind::BadInput,
        BackupError::Storage { is_transient, .. } if *is_transient => Kind::Temporary,
        _ => Kind::Unavailable,
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        let kind = match error {
            RestoreError::Backup { .. } => Kind::BadInput,
            RestoreError::Newer { .. } => Kind::Configuration,
            RestoreError::InUse { .. } => Kind::Temporary,
            RestoreError::Io { .. } => Kind::CannotCreate,
            _ => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        match error {
            ApplyError::World(error) => Self::new(Kind::BadInput, error.to_string()),
            ApplyError::Ledger(error) => error.into(),
        }
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self::new(Kind::Configuration, error.to_string())
    }
}

impl From<DriverError> for Failure {
    fn from(error: DriverError) -> Self {
        Self::new(driver_kind(&error), error.to_string())
    }
}

impl From<TickError> for Failure {
    fn from(error: TickError) -> Self {
        match error {
            TickError::Ledger(error) => error.into(),
            TickError::Registry(error) => error.into(),
            TickError::Driver(error) => error.into(),
            TickError::Contended { .. } => Self::new(Kind::Temporary, error.to_string()),
        }
    }
}

impl From<SessionLedgerError> for Failure {
    fn from(error: SessionLedgerError) -> Self {
        let kind = match error {
            SessionLedgerError::Busy { .. } => Kind::Temporary,
            SessionLedgerError::DiskFull { .. } | SessionLedgerError::ReadOnly { .. } => {
                Kind::CannotCreate
            }
            SessionLedgerError::Corrupt { .. } => Kind::BadInput,
            _ => Kind::Unavailable,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<ProcessorRegistryError> for Failure {
    fn from(error: ProcessorRegistryError) -> Self {
        let kind = match error {
            ProcessorRegistryError::Unknown { .. } => Kind::Usage,
            ProcessorRegistryError::Unavailable { .. } => Kind::Unavailable,
            ProcessorRegistryError::Duplicate { .. } | ProcessorRegistryError::Misnamed { .. } => {
                Kind::Configuration
            }
        };
        Self::new(kind, error.to_string())
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        Self::new(Kind::BadInput, error.to_string())
    }
}

/// The kind of a mail's failure.
pub(crate) fn cause_kind(cause: &FailureCause) -> Kind {
    match cause {
        FailureCause::Driver(error) => driver_kind(error),
        FailureCause::Composition(_) => Kind::Unavailable,
    }
}

fn driver_kind(error: &DriverError) -> Kind {
    match error {
        DriverError::Io { .. } => Kind::CannotCreate,
        DriverError::Unreachable { .. } => Kind::Unavailable,
        error if error.is_transient() => Kind::Temporary,
        _ => Kind::Configuration,
    }
}
