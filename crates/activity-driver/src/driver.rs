//! The contract that every driver keeps.

use std::path::{Path, PathBuf};

use crate::action::{Action, ActionKind, ActivityResult, MailLocation, MailboxState};
use crate::decky::Decky;

/// Carries out actions against deckies of one transport.
///
/// Every action is idempotent: doing it again with the same arguments and a higher attempt leaves
/// the decky as one try would have. A driver never writes outside what the transport names.
#[async_trait::async_trait]
pub trait ActivityDriver: Send + Sync {
    /// What this driver can do. A planner asks before it plans; an action of any other kind is
    /// refused with [`DriverError::Unsupported`].
    fn capabilities(&self) -> &'static [ActionKind];

    /// Does one thing on one decky.
    ///
    /// # Errors
    ///
    /// See [`DriverError`]; after a transient one the same action may be tried again.
    async fn run(&self, decky: &Decky, action: &Action) -> Result<ActivityResult, DriverError>;

    /// Does many things, each on its own decky, and answers in the same order. A driver that can
    /// share the cost of durability between them overrides this; one that fails does not hold up
    /// the others.
    async fn run_all(
        &self,
        actions: &[(&Decky, &Action)],
    ) -> Vec<Result<ActivityResult, DriverError>> {
        let mut results = Vec::with_capacity(actions.len());
        for (decky, action) in actions {
            results.push(self.run(decky, action).await);
        }
        results
    }

    /// Whether the decky can be reached and written to, without writing anything.
    ///
    /// # Errors
    ///
    /// [`DriverError::Unsupported`] unless overridden; otherwise what stands in the way.
    async fn probe(&self, decky: &Decky) -> Result<(), DriverError> {
        Err(DriverError::Unsupported {
            decky: decky.name.clone(),
            operation: "probe",
        })
    }

    /// Looks into a mailbox before decnet first writes to it; `unique_name` is ignored.
    ///
    /// # Errors
    ///
    /// [`DriverError::Unsupported`] unless the driver does e-mail.
    async fn mailbox_state(
        &self,
        decky: &Decky,
        mailbox: &MailLocation,
    ) -> Result<MailboxState, DriverError> {
        let _ = mailbox;
        Err(DriverError::Unsupported {
            decky: decky.name.clone(),
            operation: "mailbox_state",
        })
    }

    /// Writes a whole file below the decky's root, by rename. `mode` is 0600 when `None`, `mtime`
    /// (Unix seconds) the time of writing when `None`.
    ///
    /// # Errors
    ///
    /// [`DriverError::Unsupported`] unless overridden; [`DriverError::OutsideRoot`] for a path
    /// that leaves the root.
    async fn plant_file(
        &self,
        decky: &Decky,
        path: &Path,
        bytes: &[u8],
        mode: Option<u32>,
        mtime: Option<i64>,
    ) -> Result<(), DriverError> {
        let _ = (path, bytes, mode, mtime);
        Err(DriverError::Unsupported {
            decky: decky.name.clone(),
            operation: "plant_file",
        })
    }

    /// Reads a whole file below the decky's root, at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// [`DriverError::Unsupported`] unless overridden; [`DriverError::Absent`] when there is no
    /// such file; [`DriverError::TooLarge`] when it is longer than `limit`.
    async fn read_file(
        &self,
        decky: &Decky,
        path: &Path,
        limit: u64,
    ) -> Result<Vec<u8>, DriverError> {
        let _ = (path, limit);
        Err(DriverError::Unsupported {
            decky: decky.name.clone(),
            operation: "read_file",
        })
    }
}

/// Why an action was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The driver does not do this.
    #[error("{operation} is not supported on decky {decky}")]
    Unsupported {
        /// Name of the decky.
        decky: String,
        /// What was asked for.
        operation: &'static str,
    },
    /// The file does not exist.
    #[error("{} does not exist on decky {decky}", path.display())]
    Absent {
        /// Name of the decky.
        decky: String,
        /// Path below the root.
        path: PathBuf,
    },
    /// The path leads out of the decky's root.
    #[error("{} leads outside the root of decky {decky}", path.display())]
    OutsideRoot {
        /// Name of the decky.
        decky: String,
        /// Path as it was asked for.
        path: PathBuf,
    },
    /// The file is longer than the caller allows.
    #[error("{} on decky {decky} is longer than {limit} bytes", path.display())]
    TooLarge {
        /// Name of the decky.
        decky: String,
        /// Path below the root.
        path: PathBuf,
        /// Most bytes the caller allows.
        limit: u64,
    },
    /// An argument cannot be used, such as a login with a slash in it.
    #[error("decky {decky}: {what} {value:?} cannot be used: {reason}")]
    InvalidArgument {
        /// Name of the decky.
        decky: String,
        /// Which argument.
        what: &'static str,
        /// Its value.
        value: String,
        /// Why not.
        reason: &'static str,
    },
    /// The operating system refused.
    #[error("decky {decky}: cannot {operation} {}: {source}", path.display())]
    Io {
        /// Name of the decky.
        decky: String,
        /// What was being done.
        operation: &'static str,
        /// Path below the root.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A later try at the same delivery has started, or this try was made before: this one wrote
    /// nothing and the next, with a higher attempt, tells whether the message is there.
    #[error("decky {decky}: the delivery of {} was overtaken by another try", path.display())]
    Overtaken {
        /// Name of the decky.
        decky: String,
        /// Path below the root of the mailbox folder.
        path: PathBuf,
    },
    /// The transport did not answer.
    #[error("decky {decky} cannot be reached: {reason}")]
    Unreachable {
        /// Name of the decky.
        decky: String,
        /// What happened.
        reason: String,
    },
}

impl DriverError {
    /// Whether trying the same action again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Io { .. } | Self::Overtaken { .. } | Self::Unreachable { .. } => true,
            Self::Unsupported { .. }
            | Self::Absent { .. }
            | Self::OutsideRoot { .. }
            | Self::TooLarge { .. }
            | Self::InvalidArgument { .. } => false,
        }
    }
}
