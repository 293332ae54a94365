//! The file in which `decnet run` says how it is doing, for whoever looks from outside.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind};
use crate::ticking::PartHealth;

/// How often it is written.
pub(crate) const EVERY: Duration = Duration::from_secs(10);
/// Age from which it is stale: several commits may wait for the database for half a minute each.
const STALE: TimeDelta = TimeDelta::seconds(120);
/// Largest such file that is read, in bytes.
const FILE_MAX: u64 = 64 << 10;

/// How `decnet run` is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Health {
    /// Its process.
    pub(crate) pid: u32,
    /// When that process began, in ticks since the machine did: tells it from a later one of the
    /// same number.
    pub(crate) pid_began: u64,
    /// When it started.
    pub(crate) started_at: DateTime<Utc>,
    /// When this was written.
    pub(crate) written_at: DateTime<Utc>,
    /// Whether it is stopping.
    pub(crate) is_stopping: bool,
    /// Its parts.
    pub(crate) parts: Vec<PartHealth>,
}

/// What a health file says of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It runs, and wrote the file lately.
    Well,
    /// It runs, and has not written the file for this many seconds.
    Silent(i64),
    /// It is gone and did not say so.
    Dead,
}

impl Health {
    /// What it says at `now`, of a process that exists or is gone.
    pub(crate) fn condition(&self, now: DateTime<Utc>, exists: bool) -> Condition {
        let age = now - self.written_at;
        match exists {
            false => Condition::Dead,
            true if age > STALE => Condition::Silent(age.num_seconds()),
            true => Condition::Well,
        }
    }

    /// Whether its process exists.
    pub(crate) fn exists(&self) -> bool {
        began(self.pid) == Some(self.pid_began)
    }
}

/// When a process began, in ticks since the machine did. `None` if there is no such process.
pub(crate) fn began(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold anything, brackets too.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Where it is.
pub(crate) fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("run.json")
}

/// Writes it, in place of the one before.
pub(crate) fn write(path: &Path, health: &Health) -> io::Result<()> {
    let partial = path.with_extension("json.partial");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)?;
    let text = serde_json::to_string_pretty(health).unwrap_or_default();
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    drop(file);
    fs::rename(&partial, path)
}

/// Removes it.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reads it. `None` without one.
pub(crate) fn read(path: &Path) -> Result<Option<Health>, Failure> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() && metadata.len() <= FILE_MAX => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::reading(path, &error)),
        Ok(_) => {
            let what = format!("{} is no health file", path.display());
            return Err(Failure::new(Kind::BadInput, what));
        }
    }
    let text = fs::read(path).map_err(|error| Failure::reading(path, &error))?;
    let wrong = |error| Failure::new(Kind::BadInput, format!("{}: {error}", path.display()));
    serde_json::from_slice(&text).map(Some).map_err(wrong)
}

/// What the one `decnet run` of a state folder holds; it goes with the process.
pub(crate) struct OnlyOne {
    _lock: File,
}

/// Makes sure that there is no other one.
pub(crate) fn only_one(state_dir: &Path) -> Result<OnlyOne, Failure> {
    let lock_path = state_dir.join("run.lock");
    let failed = |error: io::Error| Failure::writing(&lock_path, &error);
    let lock = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&lock_path)
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(OnlyOne { _lock: lock }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
        Err(TryLockError::WouldBlock) => {
            let other = read(&path(state_dir)).ok().flatten();
            let who = other.map_or_else(String::new, |of| format!(", process {}", of.pid));
            let what = format!("`decnet run` runs already on {}{who}", state_dir.display());
            Err(Failure::new(Kind::Temporary, what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment;

    fn health(pid: u32, pid_began: u64) -> Health {
        let now = environment::now();
        Health {
            pid,
            pid_began,
            started_at: now,
            written_at: now,
            is_stopping: false,
            parts: Vec::new(),
        }
    }

    #[test]
    fn a_file_is_written_whole_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = path(folder.path());
        assert_eq!(read(&path).unwrap(), None);
        let health = health(1, 2);
        write(&path, &health).unwrap();
        write(&path, &health).unwrap();
        assert_eq!(read(&path).unwrap(), Some(health));
        fs::write(&path, "{").unwrap();
        assert_eq!(read(&path).unwrap_err().kind, Kind::BadInput);
        remove(&path).unwrap();
        remove(&path).unwrap();
    }

    #[test]
    fn processes_are_judged_by_their_file_and_their_beginning() {
        let own = std::process::id();
        let began = began(own).unwrap();
        let ours = health(own, began);
        let later = |seconds| ours.written_at + TimeDelta::seconds(seconds);
        assert!(ours.exists());
        assert_eq!(ours.condition(later(10), true), Condition::Well);
        assert_eq!(ours.condition(later(150), true), Condition::Silent(150));
        let other = health(own, began + 1);
        assert!(!other.exists(), "a later process of the same number");
        assert_eq!(other.condition(later(10), false), Condition::Dead);
        assert_eq!(other.condition(later(90), false), Condition::Dead);
    }

    #[test]
    fn there_is_one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = only_one(folder.path()).unwrap();
        let second = only_one(folder.path()).err().unwrap();
        assert_eq!(second.kind, Kind::Temporary);
        drop(first);
        only_one(folder.path()).unwrap();
    }
}
