//! Has a file changed?

use std::fs::Metadata;
use std::path::{Path, PathBuf};

use super::PoolError;

/// What tells one state of a file from another without reading it.
///
/// Two states can only be mistaken for one another when the file is rewritten in place, with the
/// same length, within the resolution of the file system's clock (a few milliseconds on Linux).
/// Where the platform knows no device, inode or change time, these are 0.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// The file, as it was named.
    pub path: PathBuf,
    /// Last change of the content, in nanoseconds since 1970.
    pub modified_ns: i128,
    /// Last change of content, name or rights, in nanoseconds since 1970. Unlike the former it
    /// cannot be set back.
    pub changed_ns: i128,
    /// Length in bytes.
    pub size: u64,
    /// Device that the file is on.
    pub device: u64,
    /// Number of the file on that device: another one after an atomic replacement.
    pub inode: u64,
}

impl Fingerprint {
    /// The state of the file at `path` now; links are followed.
    ///
    /// # Errors
    ///
    /// [`PoolError::Missing`] when there is none, [`PoolError::NotAFile`] when it is something
    /// else, [`PoolError::Io`] when it cannot be looked at.
    pub fn of(path: &Path) -> Result<Self, PoolError> {
        let metadata = std::fs::metadata(path).map_err(PoolError::io("read", path))?;
        if !metadata.is_file() {
            return Err(PoolError::NotAFile {
                path: path.to_owned(),
            });
        }
        Ok(Self::from_metadata(path, &metadata))
    }

    /// A line of text that [`parse`](Self::parse) reads, for another process to compare.
    pub fn to_text(&self) -> String {
        let Self {
            path,
            modified_ns,
            changed_ns,
            size,
            device,
            inode,
        } = self;
        let path = escape(path);
        format!("v1 {modified_ns} {changed_ns} {size} {device} {inode} {path}")
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    ///
    /// [`FingerprintError`]: take the file as changed.
    pub fn parse(text: &str) -> Result<Self, FingerprintError> {
        Self::parse_parts(text).ok_or(FingerprintError)
    }

    pub(super) fn from_metadata(path: &Path, metadata: &Metadata) -> Self {
        let (modified_ns, changed_ns, device, inode) = times_and_numbers(metadata);
        let size = metadata.len();
        Self {
            path: path.to_owned(),
            modified_ns,
            changed_ns,
            size,
            device,
            inode,
        }
    }

    fn parse_parts(text: &str) -> Option<Self> {
        let mut parts = text.splitn(7, ' ');
        if parts.next()? != "v1" {
            return None;
        }
        Some(Self {
            modified_ns: parts.next()?.parse().ok()?,
            changed_ns: parts.next()?.parse().ok()?,
            size: parts.next()?.parse().ok()?,
            device: parts.next()?.parse().ok()?,
            inode: parts.next()?.parse().ok()?,
            path: unescape(parts.next()?)?,
        })
    }
}

/// A text is not a fingerprint, or one of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint of version 1")]
pub struct FingerprintError;

#[cfg(unix)]
fn times_and_numbers(metadata: &Metadata) -> (i128, i128, u64, u64) {
    use std::os::unix::fs::MetadataExt;

    let nanoseconds =
        |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
    (
        nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        metadata.dev(),
        metadata.ino(),
    )
}

#[cfg(not(unix))]
fn times_and_numbers(metadata: &Metadata) -> (i128, i128, u64, u64) {
    let modified = metadata.modified().ok();
    let since_1970 = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    (
        since_1970.map_or(0, |time| time.as_nanos() as i128),
        0,
        0,
        0,
    )
}

/// Any path as one line of printable ASCII: other bytes, `%` and blanks become `%XX`.
fn escape(path: &Path) -> String {
    let mut text = String::new();
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn unescape(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    path_from(bytes)
}

#[cfg(unix)]
fn path_from(bytes: Vec<u8>) -> Option<PathBuf> {
    use std::os::unix::ffi::OsStringExt;

    Some(std::ffi::OsString::from_vec(bytes).into())
}

#[cfg(not(unix))]
fn path_from(bytes: Vec<u8>) -> Option<PathBuf> {
    String::from_utf8(bytes).ok().map(PathBuf::from)
}
