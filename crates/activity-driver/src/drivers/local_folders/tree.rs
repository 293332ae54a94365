//! Creating folders that appear complete or not at all.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::beneath::{Root, plain_folder, subfolder, sync_folder};
use super::names::LONGEST_NAME;
use super::site::Site;

/// Mode of the folders above a mailbox or a planted file, such as `/home`.
pub(super) const PARENT_MODE: u32 = 0o755;
/// How long to wait for another process that is creating the same folder.
const LOCK_TRIES: u32 = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// How often to start over when somebody else creates or removes the same folder meanwhile.
const CREATE_TRIES: u32 = 8;
/// How far down leftovers are cleared away.
const DEEPEST: u32 = 16;

/// What a new folder holds, parents first, relative to it; the folder itself is not listed.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) folders: Vec<PathBuf>,
    pub(super) files: Vec<NewFile>,
}

/// A file of a new folder.
pub(super) struct NewFile {
    path: PathBuf,
    bytes: Cow<'static, [u8]>,
    /// The mailbox's unless it has its own.
    mode: Option<u32>,
}

impl NewFile {
    pub(super) fn new(path: PathBuf, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        Self {
            path,
            bytes: bytes.into(),
            mode: None,
        }
    }

    pub(super) fn with_mode(self, mode: u32) -> Self {
        Self {
            mode: Some(mode),
            ..self
        }
    }

    fn entry(&self, site: &Site<'_>, at: &Path) -> Entry<'_> {
        let mode = self.mode.unwrap_or(site.folders.file_mode);
        Entry::File(at.join(&self.path), &self.bytes, mode)
    }
}

/// Opens the folder `below` of the root, made with `mode` and `contents` if it is missing, and
/// with plain parents if those are missing too.
pub(super) fn open_or_create(
    site: &Site<'_>,
    durable: bool,
    root: &Root,
    below: &Path,
    mode: u32,
    contents: &Contents,
) -> Result<OwnedFd, Errno> {
    let mut tries = 1;
    loop {
        match root.folder(below) {
            Err(Errno::NOENT) if tries < CREATE_TRIES => tries += 1,
            result => return result,
        }
        let (parent, missing) = deepest_parent(root, below)?;
        let mut parts = missing.iter();
        let Some(first) = parts.next() else { continue };
        // Everything that is missing goes into one tree, so that it appears with one rename.
        let mut entries = Vec::new();
        let mut inner = PathBuf::new();
        for part in parts {
            inner.push(part);
            entries.push(Entry::Folder(inner.clone(), PARENT_MODE));
        }
        let top_mode = match entries.last_mut() {
            Some(Entry::Folder(_, last_mode)) => {
                *last_mode = mode;
                PARENT_MODE
            }
            _ => mode,
        };
        entries.extend(
            contents
                .folders
                .iter()
                .map(|name| Entry::Folder(inner.join(name), site.folders.dir_mode)),
        );
        entries.extend(contents.files.iter().map(|file| file.entry(site, &inner)));
        install(site, durable, &parent, first, top_mode, &entries)?;
    }
}

/// Opens the folder `name` of `parent`, made with the mailbox mode and `contents` if missing.
pub(super) fn subfolder_or_create(
    site: &Site<'_>,
    durable: bool,
    parent: impl AsFd,
    name: &str,
    contents: &Contents,
) -> Result<OwnedFd, Errno> {
    let mode = site.folders.dir_mode;
    let mut entries: Vec<_> = contents
        .folders
        .iter()
        .map(|name| Entry::Folder(name.clone(), mode))
        .collect();
    let here = Path::new("");
    entries.extend(contents.files.iter().map(|file| file.entry(site, here)));
    let mut tries = 1;
    loop {
        match subfolder(&parent, name) {
            Err(Errno::NOENT) if tries < CREATE_TRIES => tries += 1,
            result => return result,
        }
        install(site, durable, &parent, OsStr::new(name), mode, &entries)?;
    }
}

/// Renames without replacing what has the new name, on file systems that cannot do so in one step
/// too.
pub(super) fn rename_new(
    from: impl AsFd,
    old: impl AsRef<OsStr>,
    to: impl AsFd,
    new: impl AsRef<OsStr>,
) -> Result<(), Errno> {
    let (old, new) = (old.as_ref(), new.as_ref());
    match rustix::fs::renameat_with(&from, old, &to, new, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => {
            rustix::fs::linkat(&from, old, &to, new, AtFlags::empty())?;
            rustix::fs::unlinkat(&from, old, AtFlags::empty())
        }
        result => result,
    }
}

enum Entry<'c> {
    Folder(PathBuf, u32),
    File(PathBuf, &'c [u8], u32),
}

fn deepest_parent(root: &Root, below: &Path) -> Result<(OwnedFd, Vec<OsString>), Errno> {
    let mut parent = below.to_owned();
    let mut missing = Vec::new();
    while let Some(name) = parent.file_name() {
        missing.insert(0, name.to_owned());
        parent.pop();
        match root.folder(&parent) {
            Err(Errno::NOENT) => {}
            result => return Ok((result?, missing)),
        }
    }
    Err(Errno::NOENT)
}

/// Builds a folder under a temporary name and renames it. A builder that was killed leaves that
/// name behind; the next one takes it over, which the lock makes safe.
fn install(
    site: &Site<'_>,
    durable: bool,
    parent: impl AsFd,
    name: &OsStr,
    mode: u32,
    entries: &[Entry<'_>],
) -> Result<(), Errno> {
    let parent = parent.as_fd();
    let temporary = temporary_name(name);
    let Some(folder) = lock_temporary(parent, &temporary)? else {
        return Ok(());
    };
    let built = build(site, durable, &folder, mode, entries)
        .and_then(|()| rename_folder(parent, &temporary, name));
    match built {
        Ok(()) if durable => sync_folder(parent),
        Ok(()) => Ok(()),
        Err(error) => {
            // Best effort: there is an error to report already.
            let _ = clear(&folder, 0);
            let _ = rustix::fs::unlinkat(parent, &temporary, AtFlags::REMOVEDIR);
            // Somebody else was quicker; theirs it is.
            if error == Errno::EXIST || error == Errno::NOTEMPTY {
                return Ok(());
            }
            Err(error)
        }
    }
}

/// In a Maildir, a name that starts with a dot is a mail folder; elsewhere it is merely hidden.
fn temporary_name(name: &OsStr) -> OsString {
    let bytes = name.as_bytes();
    let mailbox_part = bytes.starts_with(b".") || matches!(bytes, b"new" | b"cur" | b"tmp");
    let prefix: &[u8] = if mailbox_part { b"tmp" } else { b"." };
    // Two long names may share one temporary name: they take turns.
    let kept = &bytes[..bytes.len().min(LONGEST_NAME - prefix.len())];
    OsString::from_vec([prefix, kept].concat())
}

/// `None` if the folder went away meanwhile: whoever had the lock has finished.
fn lock_temporary(parent: BorrowedFd<'_>, name: &OsStr) -> Result<Option<OwnedFd>, Errno> {
    let left_behind = match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
        Ok(()) => false,
        Err(Errno::EXIST) => true,
        Err(error) => return Err(error),
    };
    let folder = match subfolder(parent, name) {
        Err(Errno::NOENT) => return Ok(None),
        result => result?,
    };
    for tries in 1.. {
        match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            // The intruder can hold the lock too; that delays, but never blocks.
            Err(Errno::WOULDBLOCK) if tries < LOCK_TRIES => std::thread::sleep(LOCK_PAUSE),
            result => {
                result?;
                break;
            }
        }
    }
    let locked = rustix::fs::fstat(&folder)?;
    match rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) if (named.st_dev, named.st_ino) == (locked.st_dev, locked.st_ino) => {
            if left_behind {
                clear(&folder, 0)?;
            }
            Ok(Some(folder))
        }
        Ok(_) | Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

fn build(
    site: &Site<'_>,
    durable: bool,
    folder: &OwnedFd,
    mode: u32,
    entries: &[Entry<'_>],
) -> Result<(), Errno> {
    let mut unsynced = Vec::new();
    for entry in entries {
        let (Entry::Folder(path, _) | Entry::File(path, _, _)) = entry;
        let (parent, name) = split(path);
        let parent = plain_folder(folder, parent)?;
        match entry {
            Entry::Folder(_, mode) => {
                rustix::fs::mkdirat(&parent, name, Mode::RWXU)?;
                let made = subfolder(&parent, name)?;
                site.own(&made, *mode)?;
                if durable {
                    unsynced.push(made);
                }
            }
            Entry::File(_, bytes, mode) => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let made = rustix::fs::openat(&parent, name, flags, Mode::RUSR | Mode::WUSR)?;
                site.own(&made, *mode)?;
                let mut made = File::from(made);
                made.write_all(bytes)
                    .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
                if durable {
                    unsynced.push(made.into());
                }
            }
        }
    }
    site.own(folder, mode)?;
    if durable {
        unsynced.iter().try_for_each(rustix::fs::fsync)?;
        rustix::fs::fsync(folder)?;
    }
    Ok(())
}

fn rename_folder(parent: BorrowedFd<'_>, old: &OsStr, new: &OsStr) -> Result<(), Errno> {
    match rustix::fs::renameat_with(parent, old, parent, new, RenameFlags::NOREPLACE) {
        // A plain rename replaces nothing but an empty folder.
        Err(Errno::INVAL | Errno::NOSYS) => rustix::fs::renameat(parent, old, parent, new),
        result => result,
    }
}

/// Empties a folder without following any symbolic link.
fn clear(folder: &OwnedFd, depth: u32) -> Result<(), Errno> {
    if depth > DEEPEST {
        return Err(Errno::LOOP);
    }
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
            Err(Errno::ISDIR) => {
                clear(&subfolder(folder, name)?, depth + 1)?;
                rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR)?;
            }
            result => result?,
        }
    }
    Ok(())
}

fn split(path: &Path) -> (&Path, &OsStr) {
    (
        path.parent().unwrap_or(Path::new("")),
        path.file_name().unwrap_or_default(),
    )
}
