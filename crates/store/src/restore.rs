//! Putting a backup into the place of the database.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use decnet_background::backup::{BackupFacts, DrillFailure, read_facts, stamp};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rustix::fs::{FlockOperation, fcntl_lock};

use crate::backup::{check_backup, digest};
use crate::open::SUPPORTED;

/// How long to wait for whoever uses the database only for a moment.
const BUSY: Duration = Duration::from_secs(2);
/// Most databases that were replaced within one second.
const MOST_PER_SECOND: u32 = 99;

/// A restored database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What it holds.
    pub facts: BackupFacts,
    /// Whether the backup was compared with facts that lay beside it.
    pub compared: bool,
    /// Where the replaced database is now, if there was one.
    pub kept: Option<PathBuf>,
}

/// Why nothing was restored. The database is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The backup is no good.
    #[error("{} cannot be restored: {failure}", file.display())]
    Backup {
        /// The backup.
        file: PathBuf,
        /// What is wrong with it.
        failure: DrillFailure,
    },
    /// The backup was made by a newer decnet.
    #[error(
        "{} has schema version {found}, newer than this decnet's {supported}; use the newer decnet",
        file.display()
    )]
    Newer {
        /// The backup.
        file: PathBuf,
        /// Its version.
        found: u32,
        /// Newest version that this build knows.
        supported: u32,
    },
    /// A process has the database open.
    #[error("{} is in use; stop decnet first", path.display())]
    InUse {
        /// The database.
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
        source: io::Error,
    },
    /// The write-ahead log could not be folded into the database that is to be replaced.
    #[error("cannot close {}: {detail}", path.display())]
    Storage {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        detail: String,
    },
}

impl RestoreError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::InUse { .. } => true,
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            ),
            Self::Backup { .. } | Self::Newer { .. } | Self::Storage { .. } => false,
        }
    }
}

/// Puts `backup` into the place of `database`, which nobody may have open, in this process or another.
///
/// The backup is checked first, against the facts beside it if there are any. What is replaced is kept
/// beside the database as `NAME.before-restore-TIME`, with everything that its write-ahead log held. A
/// crash anywhere leaves the one or the other, whole.
///
/// # Errors
///
/// [`RestoreError`]; the database is then as it was.
pub fn restore(
    database: &Path,
    backup: &Path,
    now: DateTime<Utc>,
) -> Result<Restored, RestoreError> {
    let no_good = |failure| RestoreError::Backup {
        file: backup.to_owned(),
        failure,
    };
    let known = read_facts(backup).map_err(no_good)?;
    let facts = check_backup(backup, known.as_ref()).map_err(no_good)?;
    if facts.schema_version > SUPPORTED {
        return Err(RestoreError::Newer {
            file: backup.to_owned(),
            found: facts.schema_version,
            supported: SUPPORTED,
        });
    }
    let partial = behind(database, ".restoring");
    let done = copy(backup, &partial, &facts).and_then(|()| replace(database, &partial, now));
    if done.is_err() {
        // What is left of it is overwritten by the next try.
        let _ = fs::remove_file(&partial);
    }
    Ok(Restored {
        facts,
        compared: known.is_some(),
        kept: done?,
    })
}

/// Copies the backup beside the database, onto the disk.
fn copy(backup: &Path, to: &Path, facts: &BackupFacts) -> Result<(), RestoreError> {
    let error = |source| io_error("write", to, source);
    remove(to)?;
    let mut from = File::open(backup).map_err(|source| io_error("open", backup, source))?;
    let mut copy = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(error)?;
    io::copy(&mut from, &mut copy).map_err(error)?;
    copy.sync_all().map_err(error)?;
    let (_, found) = digest(to).map_err(error)?;
    if found != facts.sha256 {
        return Err(RestoreError::Backup {
            file: backup.to_owned(),
            failure: DrillFailure::Digest {
                expected: facts.sha256.clone(),
                found,
            },
        });
    }
    Ok(())
}

/// Keeps the database under another name and gives its own to `new`. Answers where it is.
fn replace(
    database: &Path,
    new: &Path,
    now: DateTime<Utc>,
) -> Result<Option<PathBuf>, RestoreError> {
    let exists = match fs::symlink_metadata(database) {
        Ok(_) => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(io_error("open", database, error)),
    };
    let held = if exists { Some(hold(database)?) } else { None };
    let kept = free_name(database, now)?;
    if exists {
        // The old name goes on to lead to the old database until the new one takes it.
        fs::hard_link(database, &kept).map_err(|source| io_error("keep", database, source))?;
    }
    // A log that is left belongs to the old database, and SQLite would write it into the new one.
    for suffix in ["-wal", "-journal"] {
        let log = behind(database, suffix);
        match fs::rename(&log, behind(&kept, suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("keep", &log, error));
            }
            _ => {}
        }
    }
    remove(&behind(database, "-shm"))?;
    sync_folder(database)?;
    fs::rename(new, database).map_err(|source| io_error("rename", new, source))?;
    sync_folder(database)?;
    drop(held);
    Ok(exists.then_some(kept))
}

/// What keeps everybody out of the database for as long as it is there.
enum Hold {
    Sqlite { _connection: Connection },
    File { _file: File },
}

/// Folds the write-ahead log in and locks the database.
fn hold(database: &Path) -> Result<Hold, RestoreError> {
    match hold_as_database(database) {
        Ok(connection) => Ok(Hold::Sqlite {
            _connection: connection,
        }),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Err(RestoreError::InUse {
                path: database.to_owned(),
            }),
            // That may be why it is restored. It is kept as it is, with its log.
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => hold_as_file(database),
            _ => Err(RestoreError::Storage {
                path: database.to_owned(),
                detail: error.to_string(),
            }),
        },
    }
}

fn hold_as_database(database: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(BUSY)?;
    // The log of what turns out to be no database is kept as it is, not deleted.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.query_row("PRAGMA locking_mode = EXCLUSIVE", [], |_| Ok(()))?;
    // Whoever has it open, idle too, stands against this.
    connection.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")?;
    connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    connection.execute_batch("BEGIN EXCLUSIVE")?;
    Ok(connection)
}

/// Locks what SQLite cannot read, against all that use SQLite.
fn hold_as_file(database: &Path) -> Result<Hold, RestoreError> {
    let file = fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(database)
        .map_err(|source| io_error("open", database, source))?;
    fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        RestoreError::InUse {
            path: database.to_owned(),
        }
    })?;
    Ok(Hold::File { _file: file })
}

/// A name for the replaced database that no file has.
fn free_name(database: &Path, now: DateTime<Utc>) -> Result<PathBuf, RestoreError> {
    let first = behind(database, &format!(".before-restore-{}", stamp(now)));
    let numbered = (2..=MOST_PER_SECOND).map(|number| behind(&first, &format!("_{number:02}")));
    let is_free = |path: &PathBuf| {
        ["", "-wal", "-journal"]
            .iter()
            .all(|suffix| fs::symlink_metadata(behind(path, suffix)).is_err())
    };
    let mut names = std::iter::once(first.clone()).chain(numbered);
    names
        .find(is_free)
        .ok_or_else(|| io_error("keep", &first, io::ErrorKind::AlreadyExists.into()))
}

fn behind(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn remove(path: &Path) -> Result<(), RestoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("remove", path, error))
        }
        _ => Ok(()),
    }
}

/// Brings the names beside a file to the disk.
fn sync_folder(file: &Path) -> Result<(), RestoreError> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|source| io_error("sync", folder, source))
}

fn io_error(operation: &'static str, path: &Path, source: io::Error) -> RestoreError {
    RestoreError::Io {
        operation,
        path: path.to_owned(),
        source,
    }
}
