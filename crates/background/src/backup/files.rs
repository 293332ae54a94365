//! The folder of backups.

use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::names::{self, FACTS, FAILED, LOCK, PARTIAL};
use super::{BackupError, BackupFacts, BackupTarget, DrillFailure, Step};

/// Backups that are kept if nothing else is said: two weeks of nights.
pub const KEEP: usize = 14;
/// How the names of copies begin that are made for a reason of their own.
pub(super) const COPY_PREFIX: &str = "before-";

/// Whoever watches a run; breaks to have it end.
type OnStep<'a> = &'a mut dyn FnMut(Step) -> ControlFlow<()>;

/// A folder of backups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backups {
    /// Where they are. It is made, `0700`, when the first one is.
    pub folder: PathBuf,
    /// How many are kept; the one just made is always among them. Default 14, at least 1.
    pub keep: usize,
}

/// A backup in its folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupFile {
    /// Where it is.
    pub path: PathBuf,
    /// When it was taken, to the second, by its name.
    pub taken_at: DateTime<Utc>,
}

/// A new backup.
#[derive(Debug)]
pub struct Taken {
    /// The backup.
    pub file: BackupFile,
    /// What it holds.
    pub facts: BackupFacts,
    /// Older ones that are gone now.
    pub pruned: Vec<PathBuf>,
    /// Why not all of those that should be are.
    pub not_pruned: Option<BackupError>,
}

impl Backups {
    /// A folder in which 14 are kept.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            keep: KEEP,
        }
    }

    /// Makes a backup, drills it, and removes old ones.
    ///
    /// # Errors
    ///
    /// [`BackupError`]; the folder then holds the backups that it held before. One that failed its
    /// drill is set aside as `.failed`, in place of an earlier one.
    pub fn take(
        &self,
        target: &mut dyn BackupTarget,
        now: DateTime<Utc>,
        on_step: OnStep<'_>,
    ) -> Result<Taken, BackupError> {
        let _lock = begin(&self.folder, false, on_step)?;
        // A name that was pruned within this second would sort before those that were not.
        let of_this_second = |file: &BackupFile| file.taken_at.timestamp() == now.timestamp();
        let last = self.list()?.into_iter().rfind(of_this_second);
        let is_free = |name: &str| {
            let path = self.folder.join(name);
            let facts = behind(&path, FACTS);
            last.as_ref().is_none_or(|last| last.path < path)
                && [path, facts]
                    .iter()
                    .all(|path| fs::symlink_metadata(path).is_err())
        };
        let name = names::name(now, is_free).ok_or_else(|| BackupError::Io {
            operation: "find a name for",
            path: self.folder.join(names::stamp(now)),
            source: io::ErrorKind::AlreadyExists.into(),
        })?;
        let path = self.folder.join(name);
        let facts = place(target, &path, on_step)?;
        let mut pruned = Vec::new();
        let not_pruned = self.prune(&path, &mut pruned).err();
        // There is nothing left that could be cancelled.
        let _ = on_step(Step::Pruned);
        let file = BackupFile {
            path,
            taken_at: now,
        };
        Ok(Taken {
            file,
            facts,
            pruned,
            not_pruned,
        })
    }

    /// The backups, oldest first. None if there is no folder yet.
    ///
    /// # Errors
    ///
    /// [`BackupError::Io`] when the folder cannot be read.
    pub fn list(&self) -> Result<Vec<BackupFile>, BackupError> {
        let mut files = Vec::new();
        for name in entries(&self.folder)? {
            if let Some(taken_at) = names::taken_at(&name) {
                let path = self.folder.join(name);
                files.push(BackupFile { path, taken_at });
            }
        }
        files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        Ok(files)
    }

    /// When the latest backup was taken. Every backup in the folder has passed its drill.
    ///
    /// # Errors
    ///
    /// [`BackupError::Io`] when the folder cannot be read.
    pub fn last_success(&self) -> Result<Option<DateTime<Utc>>, BackupError> {
        Ok(self.list()?.last().map(|file| file.taken_at))
    }

    fn prune(&self, newest: &Path, pruned: &mut Vec<PathBuf>) -> Result<(), BackupError> {
        let older: Vec<BackupFile> = self
            .list()?
            .into_iter()
            // After the clock was put back the newest does not have the last name.
            .filter(|file| file.path != newest)
            .collect();
        let surplus = older.len().saturating_sub(self.keep.max(1) - 1);
        for file in older.into_iter().take(surplus) {
            remove(&file.path)?;
            pruned.push(file.path.clone());
            remove(&behind(&file.path, FACTS))?;
        }
        if pruned.is_empty() {
            return Ok(());
        }
        sync_folder(&self.folder)
    }
}

/// Makes one copy for a reason of its own, such as `before-migration-0008.db`, drills it, and puts it
/// into the place of an earlier one of that name. It is not among the [`Backups`] that are pruned.
/// Waits for whoever makes another one in the same folder; `is_needed` is asked after that.
/// Answers `None` if it was not needed any more.
///
/// # Errors
///
/// [`BackupError`]; an earlier copy is then as it was. [`BackupError::Io`] for a name that does not
/// begin with `before-`.
pub fn keep_copy(
    target: &mut dyn BackupTarget,
    folder: &Path,
    name: &str,
    is_needed: impl FnOnce() -> bool,
    on_step: OnStep<'_>,
) -> Result<Option<(PathBuf, BackupFacts)>, BackupError> {
    let path = folder.join(name);
    if !name.starts_with(COPY_PREFIX) || name.contains('/') {
        return Err(BackupError::Io {
            operation: "make a copy named",
            path,
            source: io::ErrorKind::InvalidInput.into(),
        });
    }
    let _lock = begin(folder, true, on_step)?;
    if !is_needed() {
        return Ok(None);
    }
    let facts = place(target, &path, on_step)?;
    Ok(Some((path, facts)))
}

/// The facts of a backup, from the file beside it. `None` without one.
///
/// # Errors
///
/// [`DrillFailure::Unreadable`] for a file that cannot be read or holds something else.
pub fn read_facts(backup: &Path) -> Result<Option<BackupFacts>, DrillFailure> {
    let file = behind(backup, FACTS);
    let unreadable = |detail: String| DrillFailure::Unreadable {
        file: file.clone(),
        detail,
    };
    let text = match fs::read(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let facts = serde_json::from_slice(&text);
    facts
        .map(Some)
        .map_err(|error| unreadable(error.to_string()))
}

/// Puts the facts of a backup beside it, on the disk, in place of those that are there.
///
/// # Errors
///
/// [`BackupError::Io`].
pub fn write_facts(backup: &Path, facts: &BackupFacts) -> Result<(), BackupError> {
    let file = behind(backup, FACTS);
    let partial = behind(&file, PARTIAL);
    let error = |source| io_error("write", &partial, source);
    // Strings and numbers with string keys: serialising them cannot fail.
    let mut text = serde_json::to_string_pretty(facts).unwrap_or_default();
    text.push('\n');
    let mut written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)
        .map_err(error)?;
    written.write_all(text.as_bytes()).map_err(error)?;
    written.sync_all().map_err(error)?;
    rename(&partial, &file)
}

/// Locks the folder and clears what is left over. The lock goes with what is returned.
fn begin(folder: &Path, waits: bool, on_step: OnStep<'_>) -> Result<File, BackupError> {
    if let Err(error) = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
    {
        return Err(io_error("create", folder, error));
    }
    let path = folder.join(LOCK);
    let error = |source| io_error("lock", &path, source);
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(error)?;
    if waits {
        lock.lock().map_err(error)?;
    } else {
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(BackupError::Busy {
                    folder: folder.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(error(source)),
        }
    }
    go_on(on_step(Step::Locked))?;
    clear(folder)?;
    go_on(on_step(Step::Cleared))?;
    Ok(lock)
}

/// Removes what killed runs left: begun files, and facts of backups that did not get their name.
fn clear(folder: &Path) -> Result<(), BackupError> {
    for name in entries(folder)? {
        let is_of_none = |backup: &str| {
            let is_backup = names::taken_at(backup).is_some();
            is_backup && fs::symlink_metadata(folder.join(backup)).is_err()
        };
        if names::is_leftover(&name) || name.strip_suffix(FACTS).is_some_and(is_of_none) {
            remove(&folder.join(name))?;
        }
    }
    Ok(())
}

/// Makes a copy, drills it, and gives it its name.
fn place(
    target: &mut dyn BackupTarget,
    path: &Path,
    on_step: OnStep<'_>,
) -> Result<BackupFacts, BackupError> {
    let partial = behind(path, PARTIAL);
    match prove(target, &partial, path, on_step) {
        Ok(facts) => Ok(facts),
        Err(failure) => {
            // Room is needed more than what is known to be no good. What cannot be removed now is
            // removed by the next run.
            let _ = fs::remove_file(&partial);
            Err(failure)
        }
    }
}

fn prove(
    target: &mut dyn BackupTarget,
    partial: &Path,
    path: &Path,
    on_step: OnStep<'_>,
) -> Result<BackupFacts, BackupError> {
    let facts = target.back_up(partial, &mut |copying| on_step(Step::Copying(copying)))?;
    // Whatever the target does, the copy is private and on the disk before it counts.
    fs::set_permissions(partial, Permissions::from_mode(0o600))
        .and_then(|()| File::open(partial)?.sync_all())
        .map_err(|error| io_error("sync", partial, error))?;
    go_on(on_step(Step::Copied))?;
    if let Err(failure) = target.drill(partial, &facts) {
        let set_aside = set_aside(partial, path);
        return Err(BackupError::Drill { failure, set_aside });
    }
    go_on(on_step(Step::Drilled))?;
    write_facts(path, &facts)?;
    go_on(on_step(Step::FactsWritten))?;
    rename(partial, path)?;
    let _ = on_step(Step::Renamed);
    sync_folder(path.parent().unwrap_or(Path::new(".")))?;
    let _ = on_step(Step::Kept);
    Ok(facts)
}

/// Keeps a copy that failed its drill for whoever looks into it, in place of an earlier one.
fn set_aside(partial: &Path, path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    for name in entries(folder).ok()? {
        let is_ours =
            |backup: &str| names::taken_at(backup).is_some() || backup.starts_with(COPY_PREFIX);
        if name.strip_suffix(FAILED).is_some_and(is_ours) {
            remove(&folder.join(name)).ok()?;
        }
    }
    let aside = behind(path, FAILED);
    rename(partial, &aside).ok()?;
    Some(aside)
}

fn go_on(answer: ControlFlow<()>) -> Result<(), BackupError> {
    match answer {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(BackupError::Cancelled),
    }
}

/// The names in a folder that are text; those of backups are. None without the folder.
fn entries(folder: &Path) -> Result<Vec<String>, BackupError> {
    let error = |source| io_error("read", folder, source);
    let read = match fs::read_dir(folder) {
        Ok(read) => read,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(other) => return Err(error(other)),
    };
    let mut names = Vec::new();
    for entry in read {
        let entry = entry.map_err(error)?;
        let is_file = entry.file_type().map_err(error)?.is_file();
        if let (true, Ok(name)) = (is_file, entry.file_name().into_string()) {
            names.push(name);
        }
    }
    Ok(names)
}

/// A file of the same name with something behind it.
fn behind(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn rename(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::rename(from, to).map_err(|error| io_error("rename", from, error))
}

/// Removes a file, or finds that it is gone.
fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("remove", path, error))
        }
        _ => Ok(()),
    }
}

fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| io_error("sync", folder, error))
}

fn io_error(operation: &'static str, path: &Path, source: io::Error) -> BackupError {
    BackupError::Io {
        operation,
        path: path.to_owned(),
        source,
    }
}
