//! Which file is which: names, inodes and lengths come back, content does not.
//!
//! A checkpoint says how far a file was read, and what lies right at its beginning and right before
//! that place. A file goes on from the checkpoint if the same is there now; it does not matter what
//! it is called or which inode it has. So a renamed log is recognised, and a new one with an old
//! name or an old inode is not mistaken for it.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};

use sha2::{Digest, Sha256};

/// Bytes that are compared at the beginning, and as many before the offset.
pub const COMPARED: u64 = 4096;
/// Earlier files of a rotating log that are remembered, so that none is read twice.
pub const EARLIER_KEPT: usize = 16;

/// How far a log was read.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Checkpoint {
    /// The file that was read last.
    pub file: FileIdentity,
    /// Up to where, in bytes: the end of a complete line.
    pub offset: u64,
    /// Lines before the offset.
    pub line: u64,
    /// Its size when it was looked at last, complete or not. Unchanged together with
    /// `modified_ns`, the file is not opened.
    pub size: u64,
    /// When it was changed last, in nanoseconds since 1970.
    pub modified_ns: i64,
    /// Files of this log before this one, counted from 0.
    pub generation: u32,
    /// Beginnings of those that were read to their end, newest last.
    pub earlier: Vec<Beginning>,
}

/// What tells a file from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct FileIdentity {
    /// Its beginning.
    pub beginning: Beginning,
    /// SHA-256 of the last [`COMPARED`] bytes before the offset, the first half.
    pub before_offset: [u8; 16],
    /// Its inode: another one is worth a look, although size and time are the same.
    pub inode: u64,
}

/// The first bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Beginning {
    /// How many are compared: at most [`COMPARED`], and none behind the offset.
    pub length: u16,
    /// Their SHA-256, the first half.
    pub digest: [u8; 16],
}

impl FileIdentity {
    /// The identity of a file that was read up to `offset`, of which `known` is known from an earlier
    /// offset: a beginning that is complete does not change.
    ///
    /// # Errors
    ///
    /// What reading says; `UnexpectedEof` if it is shorter than `offset`.
    pub fn of(
        file: &File,
        metadata: &Metadata,
        offset: u64,
        known: Option<&Self>,
    ) -> io::Result<Self> {
        let compared = offset.min(COMPARED);
        let known = known.map(|known| known.beginning);
        let beginning = match known {
            Some(known) if u64::from(known.length) == compared => known.digest,
            _ => digest(file, 0, compared)?,
        };
        let before_offset = if offset <= COMPARED {
            beginning
        } else {
            digest(file, offset - compared, compared)?
        };
        Ok(Self {
            beginning: Beginning {
                // At most COMPARED.
                length: u16::try_from(compared).unwrap_or(u16::MAX),
                digest: beginning,
            },
            before_offset,
            inode: metadata.ino(),
        })
    }

    /// Whether `file` is the one that was read up to `offset`. Of which nothing was read, nothing
    /// can be recognised.
    ///
    /// # Errors
    ///
    /// What reading says.
    pub fn is(&self, file: &File, metadata: &Metadata, offset: u64) -> io::Result<bool> {
        if offset == 0 || metadata.len() < offset {
            return Ok(false);
        }
        match Self::of(file, metadata, offset, None) {
            Ok(found) => {
                Ok((found.beginning, found.before_offset) == (self.beginning, self.before_offset))
            }
            // It shrank meanwhile.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Beginning {
    /// The beginning of a file of which `length` bytes are looked at, at most [`COMPARED`].
    ///
    /// # Errors
    ///
    /// What reading says; `UnexpectedEof` if it is shorter than `length`.
    pub fn of(file: &File, length: u64) -> io::Result<Self> {
        let compared = length.min(COMPARED);
        Ok(Self {
            // At most COMPARED.
            length: u16::try_from(compared).unwrap_or(u16::MAX),
            digest: digest(file, 0, compared)?,
        })
    }

    /// Whether `file` begins like this. A file that nothing is known of begins like none.
    ///
    /// # Errors
    ///
    /// What reading says.
    pub fn is_of(&self, file: &File) -> io::Result<bool> {
        if self.length == 0 {
            return Ok(false);
        }
        match digest(file, 0, u64::from(self.length)) {
            Ok(found) => Ok(found == self.digest),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The modification time, in nanoseconds since 1970.
pub(crate) fn modified_ns(metadata: &Metadata) -> i64 {
    metadata
        .mtime()
        .saturating_mul(1_000_000_000)
        .saturating_add(metadata.mtime_nsec())
}

fn digest(file: &File, start: u64, length: u64) -> io::Result<[u8; 16]> {
    let mut bytes = [0; COMPARED as usize];
    let length = usize::try_from(length)
        .unwrap_or(usize::MAX)
        .min(bytes.len());
    let compared = bytes.get_mut(..length).unwrap_or_default();
    file.read_exact_at(compared, start)?;
    let digest: [u8; 32] = Sha256::digest(compared).into();
    let mut half = [0; 16];
    half.copy_from_slice(&digest[..16]);
    Ok(half)
}
