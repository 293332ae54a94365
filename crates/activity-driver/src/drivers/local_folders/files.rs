//! Files other than mail.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::driver::DriverError;

use super::beneath::{Root, subfolder};
use super::delivery::at;
use super::names::{self, LONGEST_NAME};
use super::site::Site;
use super::tree::{Contents, PARENT_MODE, open_or_create};

/// Mode of a planted file unless the caller says otherwise.
const DEFAULT_MODE: u32 = 0o600;
/// How many temporary names are tried, each taken only while another call plants the same file.
const NAME_TRIES: u32 = 16;

/// Writes a whole file by rename.
pub(super) fn plant(
    site: &Site<'_>,
    durable: bool,
    path: &Path,
    bytes: &[u8],
    mode: Option<u32>,
    mtime: Option<i64>,
) -> Result<(), DriverError> {
    let path = names::file_path(site, path)?;
    let mode = mode.unwrap_or(DEFAULT_MODE);
    if mode > 0o7777 {
        let reason = "it has more than four octal digits";
        return Err(site.invalid("mode", &format!("{mode:o}"), reason));
    }
    let parent = path.parent().unwrap_or(Path::new(""));
    let name = path.file_name().unwrap_or_default();

    let root = open_root(site)?;
    let folder = open_or_create(
        site,
        durable,
        &root,
        parent,
        PARENT_MODE,
        &Contents::default(),
    )
    .and_then(|handle| subfolder(handle, "."))
    .map_err(|error| site.io("open the folder", parent)(error))?;
    let failed = |error: std::io::Error| site.io("write", &path)(error);
    let mut tmp = TmpFile::create(&folder, name).map_err(|error| failed(error.into()))?;
    tmp.file.write_all(bytes).map_err(failed)?;
    site.own(&tmp.file, mode)
        .and_then(|()| match mtime {
            Some(mtime) => rustix::fs::futimens(&tmp.file, &at(mtime)),
            None => Ok(()),
        })
        .and_then(|()| match durable {
            true => rustix::fs::fsync(&tmp.file),
            false => Ok(()),
        })
        .and_then(|()| tmp.replace(name))
        .and_then(|()| match durable {
            true => rustix::fs::fsync(&folder),
            false => Ok(()),
        })
        .map_err(|error| failed(error.into()))
}

/// Reads a whole file.
pub(super) fn read(site: &Site<'_>, path: &Path, limit: u64) -> Result<Vec<u8>, DriverError> {
    let path = names::file_path(site, path)?;
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => site.absent(&path),
        _ => site.io("read", &path)(error),
    };
    let handle = open_root(site)?
        .handle(&path)
        .map_err(|error| failed(error.into()))?;
    let stat = rustix::fs::fstat(&handle).map_err(|error| failed(error.into()))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        let reason = "it is not a regular file";
        return Err(site.invalid("path", &path.to_string_lossy(), reason));
    }
    // A sparse file costs its owner nothing, so its size is looked at before its content.
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    if size > limit {
        return Err(site.too_large(&path, limit));
    }
    let file = reopen(&handle).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(site.too_large(&path, limit));
    }
    Ok(bytes)
}

/// Opens for reading what a handle holds: exactly the file whose type was checked, whatever its
/// name leads to by now.
fn reopen(handle: &OwnedFd) -> Result<File, std::io::Error> {
    let path = format!("/proc/self/fd/{}", handle.as_raw_fd());
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(File::from(rustix::fs::openat(
        CWD,
        path,
        flags,
        Mode::empty(),
    )?))
}

fn open_root(site: &Site<'_>) -> Result<Root, DriverError> {
    Root::open(&site.folders.root)
        .map_err(|error| site.io("open the root", &site.folders.root)(error))
}

/// A temporary file next to its destination, unlinked on drop unless it took its place.
struct TmpFile<'a> {
    folder: &'a OwnedFd,
    name: OsString,
    file: File,
    placed: bool,
}

impl<'a> TmpFile<'a> {
    /// The names are always the same for the same destination, so that a call that was killed is
    /// cleaned up after by the next. The lock says whether a call is still at work.
    fn create(folder: &'a OwnedFd, destination: &OsStr) -> Result<Self, Errno> {
        for number in 0..NAME_TRIES {
            let name = temporary_name(destination, number);
            if let Some(file) = create_locked(folder, &name)? {
                return Ok(Self {
                    folder,
                    name,
                    file,
                    placed: false,
                });
            }
        }
        Err(Errno::BUSY)
    }

    fn replace(&mut self, destination: &OsStr) -> Result<(), Errno> {
        rustix::fs::renameat(self.folder, &self.name, self.folder, destination)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for TmpFile<'_> {
    fn drop(&mut self) {
        if !self.placed {
            let _ = rustix::fs::unlinkat(self.folder, &self.name, AtFlags::empty());
        }
    }
}

/// `None` if another call uses the name.
fn create_locked(folder: &OwnedFd, name: &OsStr) -> Result<Option<File>, Errno> {
    for _ in 0..2 {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        match rustix::fs::openat(folder, name, flags, Mode::RUSR | Mode::WUSR) {
            // Before it is locked, another call may take it for left behind.
            Ok(file) => return Ok(lock(folder, name, &file)?.then(|| File::from(file))),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        let Some(_left_behind) = lock_left_behind(folder, name)? else {
            return Ok(None);
        };
        match rustix::fs::unlinkat(folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Locks what a killed call has left; `None` if there is nothing of the kind.
fn lock_left_behind(folder: &OwnedFd, name: &OsStr) -> Result<Option<File>, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = match rustix::fs::openat(folder, name, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        result => result?,
    };
    let stat = rustix::fs::fstat(&handle)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let Ok(file) = reopen(&handle) else {
        return Ok(None);
    };
    Ok(lock(folder, name, &file)?.then_some(file))
}

/// Whether the lock on a file was had, and it still has its name.
fn lock(folder: &OwnedFd, name: &OsStr, file: impl AsFd) -> Result<bool, Errno> {
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(false),
        Err(error) => return Err(error),
    }
    let locked = rustix::fs::fstat(&file)?;
    match rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) => Ok((named.st_dev, named.st_ino) == (locked.st_dev, locked.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Hidden, in the manner of `rsync`.
fn temporary_name(destination: &OsStr, number: u32) -> OsString {
    let mut hasher = DefaultHasher::new();
    (destination, number).hash(&mut hasher);
    let mut hash = hasher.finish();
    let mut suffix = [0; 6];
    for byte in &mut suffix {
        const LETTERS: &[u8; 52] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        *byte = LETTERS[(hash % 52) as usize];
        hash /= 52;
    }
    let destination = destination.as_bytes();
    let kept = &destination[..destination.len().min(LONGEST_NAME - suffix.len() - 2)];
    OsString::from_vec([b".", kept, b".", &suffix].concat())
}
