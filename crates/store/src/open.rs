//! Opening the database: permissions, pragmas, migrations.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use decnet_emailgen::ledger::LedgerError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use crate::backup;
use crate::error::{Failed, OpenError, ledger_error, named};
use crate::sessions::RunLocks;

/// Everything that changed the schema, oldest first; the schema version is their number.
static MIGRATIONS: LazyLock<Migrations<'static>> =
    LazyLock::new(|| Migrations::new(MIGRATION_LIST.iter().map(|sql| M::up(sql)).collect()));
const MIGRATION_LIST: &[&str] = &[
    include_str!("migrations/0001_world_and_mail.sql"),
    include_str!("migrations/0002_model.sql"),
    include_str!("migrations/0003_several_recipients.sql"),
    include_str!("migrations/0004_alerts.sql"),
    include_str!("migrations/0005_sessions.sql"),
    include_str!("migrations/0006_nudges.sql"),
    include_str!("migrations/0007_self_heal.sql"),
    include_str!("migrations/0008_chunk_numbers.sql"),
    include_str!("migrations/0009_jobs.sql"),
    include_str!("migrations/0010_memory.sql"),
    include_str!("migrations/0011_customers.sql"),
    include_str!("migrations/0012_pin_changes.sql"),
    include_str!("migrations/0013_first_names.sql"),
];
/// The newest schema version that this build knows.
#[expect(
    clippy::cast_possible_truncation,
    reason = "there are a few migrations"
)]
pub(crate) const SUPPORTED: u32 = MIGRATION_LIST.len() as u32;

/// Pages (of 4 KiB) of write-ahead log after which it is folded into the database. A process that
/// starts reads the log once, so it is kept shorter than SQLite's default of 1,000.
const CHECKPOINT_PAGES: u32 = 128;
/// Statements kept prepared; a tick uses about thirty.
const STATEMENTS: usize = 96;

/// Tries at turning the write-ahead log on while others open the same fresh file.
const MOST_SWITCHES: u32 = 100;
/// Held while a database file is made, so that no connection of this process has locks on it yet.
static OPENING: Mutex<()> = Mutex::new(());

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// A commit is on the disk when it returns, whatever happens to the machine.
    #[default]
    Full,
    /// A commit survives the process, but not a power cut. For simulations and tests.
    ProcessOnly,
}

/// How to open a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOptions {
    /// Whether a commit waits for the disk. Default [`Durability::Full`].
    pub durability: Durability,
    /// Make the file if there is none. Default `true`.
    pub create: bool,
    /// How long to wait for other writers. Default 30 s.
    pub busy_timeout: Duration,
    /// Queue each record as an [`Event`](crate::Event) too. Default `false`.
    pub queue_events: bool,
    /// A folder that a database with an older schema is copied into before it is migrated, as
    /// `before-migration-NNNN.db` with the version it had; an earlier copy of that name is replaced.
    /// Without a good copy there is no migration. Default `None`: no copy.
    pub backup_before_migration: Option<PathBuf>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            durability: Durability::Full,
            create: true,
            busy_timeout: Duration::from_secs(30),
            queue_events: false,
            backup_before_migration: None,
        }
    }
}

/// The database.
#[derive(Debug)]
pub struct Store {
    pub(crate) connection: Connection,
    pub(crate) queue_events: bool,
    pub(crate) run_locks: RunLocks,
    migrated_from: Option<u32>,
}

/// How large a database is, for people to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    /// Schema version.
    pub schema_version: u32,
    /// Bytes in the database file.
    pub bytes: u64,
    /// Mails in the ledger.
    pub mails: u64,
    /// Of these, on their way.
    pub unfinished: u64,
    /// Answers still to be written.
    pub answers: u64,
}

impl Store {
    /// Opens the database at `path`, brings its schema up to date, and makes it if asked to.
    ///
    /// # Errors
    ///
    /// [`OpenError`]; a database from a newer decnet is left untouched.
    pub fn open(path: &Path, options: OpenOptions) -> Result<Self, OpenError> {
        let io_error = |operation, source| OpenError::Io {
            operation,
            path: path.to_owned(),
            source,
        };
        // Closing a file drops every lock that this process has on it, those of other connections
        // too; so the file is opened only to make it, before any connection can be open.
        let opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
        match fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if !options.create {
                    return Err(OpenError::Missing {
                        path: path.to_owned(),
                    });
                }
                // SQLite gives its log and index files the mode of the database.
                fs::OpenOptions::new()
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .mode(0o600)
                    .open(path)
                    .map_err(|error| io_error("create", error))?;
            }
            Err(error) => return Err(io_error("open", error)),
        }
        drop(opening);
        let failed = |error: rusqlite::Error| refine(path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection
            .busy_timeout(options.busy_timeout)
            .map_err(failed)?;
        // Before anything is written.
        refuse_others(&mut connection, path)?;
        configure(&connection, &options).map_err(failed)?;
        let mut store = Self {
            connection,
            queue_events: options.queue_events,
            run_locks: RunLocks::default(),
            migrated_from: None,
        };
        store.migrated_from = store.migrate(path, options.backup_before_migration.as_deref())?;
        Ok(store)
    }

    /// The schema version that the database had when it was opened, if it was older than this build's;
    /// 0 for a fresh one.
    pub fn migrated_from(&self) -> Option<u32> {
        self.migrated_from
    }

    /// Checks the whole file, page by page and row by row, and what rows refer to. Empty when all is
    /// well.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the check itself cannot be made.
    pub fn integrity_problems(&mut self) -> Result<Vec<String>, LedgerError> {
        let check = |sql: &str| {
            let mut statement = self.connection.prepare(sql)?;
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<Result<Vec<_>, _>>()
        };
        let mut problems = check("PRAGMA integrity_check").map_err(ledger_error)?;
        problems.retain(|line| line != "ok");
        let dangling = check("PRAGMA foreign_key_check").map_err(ledger_error)?;
        let what = |table| format!("a row of the table {table} refers to what is not there");
        problems.extend(dangling.into_iter().map(what));
        Ok(problems)
    }

    /// Counts for people to read.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the storage fails.
    pub fn usage(&mut self) -> Result<Usage, LedgerError> {
        let count = |sql: &str| {
            self.connection
                .query_row(sql, [], |row| row.get::<_, i64>(0))
                .map(i64::cast_unsigned)
        };
        let read = || {
            Ok(Usage {
                schema_version: u32::try_from(count("PRAGMA user_version")?).unwrap_or(u32::MAX),
                bytes: count("PRAGMA page_count")?.saturating_mul(count("PRAGMA page_size")?),
                mails: count("SELECT count(*) FROM mail")?,
                unfinished: count("SELECT count(*) FROM mail WHERE claimable_at IS NOT NULL")?,
                answers: count("SELECT count(*) FROM answer")?,
            })
        };
        read().map_err(ledger_error)
    }

    /// Runs `work` in one transaction that holds the write lock from its start.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let path = self.connection.path().unwrap_or_default().to_owned();
        let in_transaction = || {
            let transaction = self
                .connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(ledger_error)?;
            let value = work(&transaction)?;
            transaction.commit().map_err(ledger_error)?;
            Ok(value)
        };
        in_transaction().map_err(|error| named(error, &path))
    }

    /// The same for ledgers that have words of their own for what fails.
    pub(crate) fn change<T, E: From<Failed>>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failed>,
    ) -> Result<T, E> {
        let done = self.write(|transaction| work(transaction).map_err(|Failed(error)| error));
        Ok(done.map_err(Failed)?)
    }

    fn migrate(&mut self, path: &Path, copy_to: Option<&Path>) -> Result<Option<u32>, OpenError> {
        let failed = |error: rusqlite::Error| refine(path, error);
        let found = schema_version(&self.connection).map_err(failed)?;
        if found == SUPPORTED {
            return Ok(None);
        }
        if let Some(folder) = copy_to
            && found > 0
        {
            backup::before_migration(self, folder, found).map_err(|source| OpenError::Backup {
                path: path.to_owned(),
                source,
            })?;
        }
        if let Err(error) = MIGRATIONS.to_latest(&mut self.connection) {
            // Somebody else may have been faster.
            let now = schema_version(&self.connection).map_err(failed)?;
            if now != SUPPORTED {
                return Err(match error {
                    rusqlite_migration::Error::RusqliteError { err, .. } => refine(path, err),
                    other => OpenError::NotADatabase {
                        path: path.to_owned(),
                        detail: other.to_string(),
                    },
                });
            }
        }
        Ok(Some(found))
    }
}

/// The schema version of a database; 0 for a fresh one.
pub(crate) fn schema_version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Refuses what a newer decnet or another program wrote.
fn refuse_others(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error: rusqlite::Error| refine(path, error);
    let snapshot = connection.transaction().map_err(failed)?;
    let tables: i64 = snapshot
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    let found = schema_version(&snapshot).map_err(failed)?;
    if found > SUPPORTED {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            supported: SUPPORTED,
        });
    }
    if found == 0 && tables > 0 {
        return Err(OpenError::NotADatabase {
            path: path.to_owned(),
            detail: "it holds tables of another program".to_owned(),
        });
    }
    Ok(())
}

/// Turns the write-ahead log on. SQLite does not wait for others here: who meets another one
/// doing the same waits for the end of its transaction and looks again.
fn log_ahead(connection: &Connection) -> rusqlite::Result<()> {
    for _ in 0..MOST_SWITCHES {
        let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        if mode == "wal" {
            return Ok(());
        }
        match connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                connection.execute_batch("BEGIN EXCLUSIVE; ROLLBACK")?;
            }
            switched => return switched,
        }
    }
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
}

fn configure(connection: &Connection, options: &OpenOptions) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans do not depend on bound values: without this, statements are prepared again whenever a
    // value changes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Folding the log in at every exit would double what a tick writes.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    log_ahead(connection)?;
    let synchronous = match options.durability {
        Durability::Full => "FULL",
        Durability::ProcessOnly => "OFF",
    };
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous};
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY;"
    ))?;
    connection.query_row(
        &format!("PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"),
        [],
        |_| Ok(()),
    )
}

fn refine(path: &Path, error: rusqlite::Error) -> OpenError {
    let path: PathBuf = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => OpenError::NotADatabase {
            path,
            detail: error.to_string(),
        },
        _ => OpenError::Ledger {
            path,
            source: ledger_error(error),
        },
    }
}
