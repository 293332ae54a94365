//! The files of a log, in the order in which they are to be read.
//!
//! A log that rotates is one stream of lines, whatever files they are in. After a rotation the file
//! that was read is found again by what it holds, under its new name; its rest comes first, then
//! the files that came after it, then the one with the log's own name. A file that is not the one
//! that was read starts a new generation, and is read from its beginning.

use std::cmp::Reverse;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::file_identity::{Beginning, Checkpoint, EARLIER_KEPT, FileIdentity, modified_ns};

/// Rotated files that are looked at, the newest ones.
const ROTATED_MAX: usize = 10_000;
/// Rotated files that are open at once.
const OPEN_MAX: usize = 32;
/// A shorter file may begin like another one by chance.
const COPIED_MIN: u64 = 64;

/// What there is to read of a log.
#[derive(Debug)]
pub(crate) struct Unread {
    /// Where to begin in the first file.
    pub(crate) start: Checkpoint,
    /// The files, in order. Nobody writes to any but the last.
    pub(crate) files: Vec<LogFile>,
    /// There are more files than are read at once: the last one here is not the last of the log.
    pub(crate) has_more: bool,
    /// The file that was read up to here is gone, or packed, or was cut: what was written behind it
    /// may be lost.
    pub(crate) lost_behind: Option<u64>,
    /// Rotated files that cannot be opened.
    pub(crate) unreadable: Vec<String>,
}

/// A file of a log.
#[derive(Debug)]
pub(crate) struct LogFile {
    file: File,
    metadata: Metadata,
}

impl LogFile {
    /// How far the file is read, once everything before `offset` is. `at_end` says that nothing
    /// complete was left behind it. `before` is an earlier checkpoint in the same file.
    pub(crate) fn checkpoint(
        &self,
        before: &Checkpoint,
        offset: u64,
        line: u64,
        at_end: bool,
    ) -> io::Result<Checkpoint> {
        Ok(Checkpoint {
            file: FileIdentity::of(&self.file, &self.metadata, offset, Some(&before.file))?,
            offset,
            line,
            size: if at_end { self.metadata.len() } else { offset },
            modified_ns: modified_ns(&self.metadata),
            generation: before.generation,
            earlier: before.earlier.clone(),
        })
    }

    /// The bytes from `offset` on.
    pub(crate) fn from(&self, offset: u64) -> From<'_> {
        From {
            file: &self.file,
            offset,
        }
    }

    /// Whether there is more than white space from `offset` on: a line that was cut off.
    pub(crate) fn is_cut_off_at(&self, offset: u64) -> io::Result<bool> {
        let mut start = [0; 64];
        let read = self.file.read_at(&mut start, offset)?;
        Ok(!start.iter().take(read).all(u8::is_ascii_whitespace))
    }
}

/// Reads a file from a place on.
#[derive(Debug)]
pub(crate) struct From<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for From<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// What there is to read of the log at `path`, after `checkpoint`.
pub(crate) fn unread(
    path: &Path,
    rotates: bool,
    checkpoint: Option<&Checkpoint>,
) -> io::Result<Unread> {
    let current = open(path, rotates)?;
    if let (Some(checkpoint), Some(LogFile { file, metadata })) = (checkpoint, &current)
        && checkpoint.file.is(file, metadata, checkpoint.offset)?
    {
        return Ok(Unread {
            start: checkpoint.clone(),
            files: current.into_iter().collect(),
            has_more: false,
            lost_behind: None,
            unreadable: Vec::new(),
        });
    }
    let mut start = match checkpoint {
        // Nothing of it was read, so it is no loss if it is another one by now.
        Some(checkpoint) if checkpoint.offset == 0 => checkpoint.clone(),
        Some(checkpoint) => after(checkpoint),
        None => Checkpoint::default(),
    };
    let mut found = if rotates {
        newer(path, checkpoint, &start.earlier, current.as_ref())?
    } else {
        Newer::default()
    };
    let mut lost_behind = None;
    if let Some(checkpoint) = checkpoint {
        if found.has_read_last {
            start = checkpoint.clone();
        } else if rotates && checkpoint.offset > 0 {
            // As long as nothing came after it, it may be on its way to another name.
            let is_followed = !found.files.is_empty() || current.is_some();
            lost_behind = is_followed.then_some(checkpoint.offset);
        }
    }
    let mut files = std::mem::take(&mut found.files);
    if !found.has_more {
        files.extend(current);
        // As long as the newest file is empty, whoever writes may still have the one before it open.
        while files.len() > 1 && files.last().is_some_and(|last| last.metadata.len() == 0) {
            files.pop();
        }
    }
    Ok(Unread {
        start,
        files,
        has_more: found.has_more,
        lost_behind,
        unreadable: found.unreadable,
    })
}

/// Rotated files that come after a checkpoint.
#[derive(Debug, Default)]
struct Newer {
    /// Oldest first; the one that was read last among them, if it was found.
    files: Vec<LogFile>,
    has_read_last: bool,
    has_more: bool,
    unreadable: Vec<String>,
}

/// The rotated files to read after `checkpoint`, at most [`OPEN_MAX`]. They are opened while they are
/// looked for: a moment later a name may be another file's.
fn newer(
    path: &Path,
    checkpoint: Option<&Checkpoint>,
    earlier: &[Beginning],
    current: Option<&LogFile>,
) -> io::Result<Newer> {
    let mut newer = Newer::default();
    for path in rotated(path)? {
        let other = match open(&path, true) {
            Ok(Some(other)) => other,
            Ok(None) => continue,
            Err(error) => {
                newer
                    .unreadable
                    .push(format!("cannot read {}: {error}", path.display()));
                continue;
            }
        };
        if let Some(checkpoint) = checkpoint {
            if checkpoint
                .file
                .is(&other.file, &other.metadata, checkpoint.offset)?
            {
                // What came before it was read before it.
                newer.files.clear();
                newer.files.push(other);
                newer.has_read_last = true;
                newer.has_more = false;
                continue;
            }
            // If that one is gone, or packed, or nothing of it was read: what was changed after it
            // was read is newer.
            let is_newer = newer.has_read_last
                || modified_ns(&other.metadata) > checkpoint.modified_ns
                || other.metadata.ino() == checkpoint.file.inode;
            if !is_newer {
                continue;
            }
        }
        let in_chosen = newer.files.iter().chain(current);
        if was_read(earlier, &other.file)? || is_copied(&other, in_chosen)? {
            continue;
        }
        if newer.files.len() >= OPEN_MAX {
            newer.has_more = true;
            continue;
        }
        newer.files.push(other);
    }
    Ok(newer)
}

/// Whether one of `others` begins with what `file` begins with, and is not shorter.
fn is_copied<'a>(file: &LogFile, others: impl Iterator<Item = &'a LogFile>) -> io::Result<bool> {
    let length = file.metadata.len();
    if length < COPIED_MIN {
        return Ok(false);
    }
    let beginning = Beginning::of(&file.file, length)?;
    for other in others {
        if other.metadata.len() >= length && beginning.is_of(&other.file)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The checkpoint at the beginning of the file that comes after `checkpoint`'s.
pub(crate) fn after(checkpoint: &Checkpoint) -> Checkpoint {
    let mut earlier = checkpoint.earlier.clone();
    if checkpoint.file.beginning.length > 0 {
        earlier.push(checkpoint.file.beginning);
    }
    let surplus = earlier.len().saturating_sub(EARLIER_KEPT);
    earlier.drain(..surplus);
    Checkpoint {
        generation: checkpoint.generation.saturating_add(1),
        earlier,
        ..Checkpoint::default()
    }
}

fn was_read(earlier: &[Beginning], file: &File) -> io::Result<bool> {
    for beginning in earlier {
        if beginning.is_of(file)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Opens a regular file; `None` if there is none. A pipe or a device is an error, not a wait.
fn open(path: &Path, follow: bool) -> io::Result<Option<LogFile>> {
    let mut flags = OFlags::NONBLOCK | OFlags::CLOEXEC;
    if !follow {
        flags |= OFlags::NOFOLLOW;
    }
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path);
    match file {
        Ok(file) => {
            let metadata = file.metadata()?;
            if metadata.is_file() {
                Ok(Some(LogFile { file, metadata }))
            } else {
                Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file"))
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The rotated files of a log, oldest first: those whose names go on with numbers and dates where its
/// name ends. Of two that were changed within one tick of the file system's clock, the one with the
/// higher number is older, the one with the later date newer.
fn rotated(path: &Path) -> io::Result<Vec<PathBuf>> {
    let (Some(name), Some(folder)) = (path.file_name(), path.parent()) else {
        return Ok(Vec::new());
    };
    let folder = if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    };
    let mut found: Vec<(i64, Reverse<u64>, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let other = entry.file_name();
        let Some(ending) = other.as_bytes().strip_prefix(name.as_bytes()) else {
            continue;
        };
        let Some(age) = age(ending) else {
            continue;
        };
        match entry.metadata() {
            Ok(metadata) if metadata.is_file() => {
                found.push((modified_ns(&metadata), Reverse(age), entry.path()));
            }
            _ => {}
        }
    }
    found.sort();
    let surplus = found.len().saturating_sub(ROTATED_MAX);
    Ok(found
        .split_off(surplus)
        .into_iter()
        .map(|(_, _, path)| path)
        .collect())
}

/// How old the ending of a rotated file's name says that it is, beside others: `.2` is older than
/// `.1`, `-20261120` older than `-20261121`. `None` for an ending that is none of a rotated file, such
/// as `.bak` of a copy or `.gz` of a packed one.
fn age(ending: &[u8]) -> Option<u64> {
    let separator = |byte: &u8| matches!(byte, b'.' | b'-' | b'_');
    let allowed =
        |byte: &u8| byte.is_ascii_digit() || separator(byte) || matches!(byte, b'T' | b':');
    if !ending.first().is_some_and(separator) || !ending.iter().all(allowed) {
        return None;
    }
    let digits: String = ending
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .map(|byte| char::from(*byte))
        .take(18)
        .collect();
    let number: u64 = digits.parse().ok()?;
    // A date has at least six digits; nobody keeps so many files.
    Some(if digits.len() >= 6 {
        u64::MAX - number
    } else {
        number
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_say_which_file_is_older() {
        let older = |a: &str, b: &str| {
            assert!(
                age(a.as_bytes()) > age(b.as_bytes()),
                "{a} is older than {b}"
            );
        };
        older(".2", ".1");
        older(".10", ".9");
        older("-20261120", "-20261121");
        older(".2026-11-20", ".2026-11-21");
        older("-20261120-1300", "-20261120-1400");
        for ending in ["", ".bak", ".old", "~", ".1.gz", "2", ".json", ".", ".-"] {
            assert_eq!(age(ending.as_bytes()), None, "{ending}");
        }
    }
}
