//! Copies of the database, and what proves them.
//!
//! SQLite's online backup copies pages from a connection of its own, which holds one snapshot from the
//! first page to the last: writers neither wait for it nor have it begin again. What a step wrote is
//! brought to the disk while the next one is copied, and no further step begins before. Without that,
//! a gigabyte of it would pile up in memory, and the next commit of anybody would wait until the kernel
//! has written it.
//!
//! SQLite's own checks look at structure. They do not see a letter that changed inside a text, so a
//! copy is compared by its SHA-256 too.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use decnet_background::backup::{
    BackupError, BackupFacts, BackupTarget, Copying, DrillFailure, keep_copy,
};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Advice, fadvise};
use sha2::{Digest, Sha256};

use crate::error::ledger_error;
use crate::open::{Store, schema_version};

/// Pages of a step: with 4 KiB each, 2 MiB. Fewer wait for the disk more often; with more, a commit
/// that comes meanwhile waits longer.
const STEP_PAGES: i32 = 512;
/// How long to wait for whoever holds the whole database, as for a moment when it is opened.
const BUSY: Duration = Duration::from_secs(30);
/// How much of a file is hashed at once.
const CHUNK: usize = 1 << 20;

impl BackupTarget for Store {
    fn back_up(
        &mut self,
        to: &Path,
        on_step: &mut dyn FnMut(Copying) -> ControlFlow<()>,
    ) -> Result<BackupFacts, BackupError> {
        let failed = |error: rusqlite::Error| storage_error(to, error);
        let io_failed = |operation| {
            move |source| BackupError::Io {
                operation,
                path: to.to_owned(),
                source,
            }
        };
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(to)
            .map_err(io_failed("create"))?;
        let path = PathBuf::from(self.connection.path().unwrap_or_default());
        let source = reader(&path).map_err(failed)?;
        // From the first statement that reads, everything is of that moment.
        source.execute_batch("BEGIN").map_err(failed)?;
        let mut facts = count(&source).map_err(failed)?;
        let mut copy = open_copy(to).map_err(failed)?;
        copy_pages(&source, &mut copy, &file, to, on_step)?;
        // Closing a file drops the locks of the whole process on it, so SQLite's goes first.
        copy.close().map_err(|(_, error)| failed(error))?;
        drop(source);
        file.sync_all().map_err(io_failed("write"))?;
        (facts.bytes, facts.sha256) = digest(to).map_err(io_failed("read"))?;
        Ok(facts)
    }

    fn drill(&mut self, file: &Path, facts: &BackupFacts) -> Result<(), DrillFailure> {
        let drilled = check_backup(file, Some(facts)).map(drop);
        forget_pages(file);
        drilled
    }
}

/// Tells the kernel that nobody will read a file again soon. It was read three times, so its pages
/// would stay in memory rather than those of the database.
fn forget_pages(path: &Path) {
    // Only memory is at stake.
    if let Ok(file) = File::open(path) {
        let _ = fadvise(&file, 0, None, Advice::DontNeed);
    }
}

/// Copies all pages, and brings each step to the disk while the next one is copied.
fn copy_pages(
    source: &Connection,
    copy: &mut Connection,
    file: &File,
    to: &Path,
    on_step: &mut dyn FnMut(Copying) -> ControlFlow<()>,
) -> Result<(), BackupError> {
    let backup = Backup::new(source, copy).map_err(|error| storage_error(to, error))?;
    thread::scope(|scope| {
        // Nothing waits in it: a step is handed over when the one before is on the disk.
        let (written, steps) = sync_channel(0);
        let syncer = scope.spawn(move || steps.into_iter().try_for_each(|()| file.sync_data()));
        let copied = loop {
            let step = match backup.step(STEP_PAGES) {
                Ok(step) => step,
                Err(error) => break Err(storage_error(to, error)),
            };
            // It has failed, and says below why.
            if written.send(()).is_err() {
                break Ok(());
            }
            let progress = backup.progress();
            let pages = |count: i32| u64::try_from(count).unwrap_or_default();
            let total = pages(progress.pagecount);
            let done = total.saturating_sub(pages(progress.remaining));
            if on_step(Copying { done, total }).is_break() {
                break Err(BackupError::Cancelled);
            }
            match step {
                StepResult::Done => break Ok(()),
                StepResult::More => {}
                // Nobody else knows the copy, and the snapshot is held already.
                _ => {
                    break Err(BackupError::Storage {
                        path: to.to_owned(),
                        detail: "the database is locked".to_owned(),
                        is_transient: true,
                    });
                }
            }
        };
        drop(written);
        let synced = syncer.join();
        let synced = synced.unwrap_or_else(|_| Err(io::Error::other("the thread ended")));
        synced.map_err(|source| BackupError::Io {
            operation: "write",
            path: to.to_owned(),
            source,
        })?;
        copied
    })
}

/// Checks a backup without changing anything: its size and SHA-256, SQLite's `integrity_check` and
/// `foreign_key_check`, and for each table its rows and where it ends. Without facts only what SQLite
/// finds. Answers with what it holds.
///
/// It is for files that nobody has open. Of a database that this process has open, closing the file
/// would drop the locks.
///
/// # Errors
///
/// [`DrillFailure`] on the first thing that is not as it should be.
pub fn check_backup(file: &Path, facts: Option<&BackupFacts>) -> Result<BackupFacts, DrillFailure> {
    let unreadable = |detail: String| DrillFailure::Unreadable {
        file: file.to_owned(),
        detail,
    };
    let (bytes, sha256) = digest(file).map_err(|error| unreadable(error.to_string()))?;
    if let Some(facts) = facts {
        if bytes != facts.bytes {
            return Err(DrillFailure::Bytes {
                expected: facts.bytes,
                found: bytes,
            });
        }
        if sha256 != facts.sha256 {
            return Err(DrillFailure::Digest {
                expected: facts.sha256.clone(),
                found: sha256,
            });
        }
    }
    let failed = |error: rusqlite::Error| unreadable(error.to_string());
    let copy = open_unchanging(file).map_err(failed)?;
    check_structure(&copy, &failed)?;
    let found = BackupFacts {
        bytes,
        sha256,
        ..count(&copy).map_err(failed)?
    };
    if found.schema_version == 0 {
        return Err(unreadable("it is no database of decnet".to_owned()));
    }
    facts.map_or(Ok(()), |facts| compare(facts, &found))?;
    Ok(found)
}

/// Copies a database that is about to be migrated from this version.
pub(crate) fn before_migration(
    store: &mut Store,
    folder: &Path,
    version: u32,
) -> Result<(), BackupError> {
    let path = PathBuf::from(store.connection.path().unwrap_or_default());
    // Another process may have migrated it while this one waited for the folder.
    let is_needed = || {
        let found = reader(&path).and_then(|reader| schema_version(&reader));
        found.map_or(true, |found| found == version)
    };
    let name = format!("before-migration-{version:04}.db");
    let on_step = &mut |_| ControlFlow::Continue(());
    keep_copy(store, folder, &name, is_needed, on_step).map(drop)
}

/// A connection that only reads, and sees what other connections commit.
fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

/// The copy while it is written: whoever finds it unfinished throws it away, so it needs no journal.
fn open_copy(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copy = Connection::open_with_flags(path, flags)?;
    copy.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
    copy.execute_batch("PRAGMA synchronous = OFF")?;
    Ok(copy)
}

/// A file that nobody changes: nothing is locked, and no file is made beside it.
fn open_unchanging(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(char::from(*byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(uri, flags)
}

fn check_structure(
    copy: &Connection,
    failed: &dyn Fn(rusqlite::Error) -> DrillFailure,
) -> Result<(), DrillFailure> {
    let list = |sql: &str| -> rusqlite::Result<Vec<String>> {
        let mut statement = copy.prepare(sql)?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect()
    };
    let mut problems = list("PRAGMA integrity_check").map_err(failed)?;
    problems.retain(|line| line != "ok");
    if let Some(first) = problems.first() {
        return Err(DrillFailure::Integrity {
            count: problems.len(),
            first: first.clone(),
        });
    }
    let dangling = list("PRAGMA foreign_key_check").map_err(failed)?;
    if let Some(first) = dangling.first() {
        return Err(DrillFailure::References {
            count: dangling.len(),
            first: first.clone(),
        });
    }
    Ok(())
}

/// What a database holds; bytes and digest are those of a file, and left out.
fn count(connection: &Connection) -> rusqlite::Result<BackupFacts> {
    let mut tables = connection.prepare(
        "SELECT name, wr FROM pragma_table_list
         WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite^_%' ESCAPE '^'",
    )?;
    let tables = tables
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<(String, bool)>>>()?;
    let mut facts = BackupFacts {
        schema_version: schema_version(connection)?,
        ..BackupFacts::default()
    };
    for (table, is_without_rowid) in tables {
        let quoted = table.replace('"', "\"\"");
        let sql = format!("SELECT count(*) FROM \"{quoted}\"");
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        if !is_without_rowid {
            let sql = format!("SELECT max(rowid) FROM \"{quoted}\"");
            let head: Option<i64> = connection.query_row(&sql, [], |row| row.get(0))?;
            facts.heads.extend(head.map(|head| (table.clone(), head)));
        }
        facts.rows.insert(table, rows.cast_unsigned());
    }
    Ok(facts)
}

fn compare(expected: &BackupFacts, found: &BackupFacts) -> Result<(), DrillFailure> {
    if found.schema_version != expected.schema_version {
        return Err(DrillFailure::Schema {
            expected: expected.schema_version,
            found: found.schema_version,
        });
    }
    if let Some((table, expected, found)) = difference(&expected.rows, &found.rows) {
        return Err(DrillFailure::Rows {
            table,
            expected,
            found,
        });
    }
    if let Some((table, expected, found)) = difference(&expected.heads, &found.heads) {
        return Err(DrillFailure::Head {
            table,
            expected,
            found,
        });
    }
    Ok(())
}

/// The first table for which two differ.
fn difference<T: Copy + PartialEq>(
    one: &BTreeMap<String, T>,
    other: &BTreeMap<String, T>,
) -> Option<(String, Option<T>, Option<T>)> {
    one.keys()
        .chain(other.keys())
        .map(|table| (table, one.get(table).copied(), other.get(table).copied()))
        .find(|(_, one, other)| one != other)
        .map(|(table, one, other)| (table.clone(), one, other))
}

/// Size and SHA-256 of a file.
pub(crate) fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut bytes: u64 = 0;
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hash.update(chunk.get(..read).unwrap_or_default());
        bytes = bytes.saturating_add(read as u64);
    }
    let digits = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok((bytes, digits))
}

fn storage_error(path: &Path, error: rusqlite::Error) -> BackupError {
    let detail = error.to_string();
    BackupError::Storage {
        path: path.to_owned(),
        detail,
        is_transient: ledger_error(error).is_transient(),
    }
}
