//! What is there to read: the logs of a source, as the file system has them now.

use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::file_identity::{Checkpoint, modified_ns};
use crate::source::{IdentityResolver, Log, Source};

/// Ending of an agent session's file.
const SESSION_ENDING: &[u8] = b".jsonl";
/// Problems that are told of one source; the rest is not worth more lines.
const PROBLEMS_KEPT: usize = 20;

/// A log as a look at its folder shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its key in its source.
    pub key: String,
    /// Its file.
    pub path: PathBuf,
    /// The user's folder it is in, for agent sessions.
    pub user: Option<String>,
    /// Size in bytes.
    pub size: u64,
    /// Last change, in nanoseconds since 1970.
    pub modified_ns: i64,
    /// Inode.
    pub inode: u64,
}

impl Found {
    /// Whether nothing happened to the file since it was read up to `checkpoint`, as far as size,
    /// time and inode tell.
    pub fn is_unchanged_since(&self, checkpoint: &Checkpoint) -> bool {
        (self.size, self.modified_ns, self.inode)
            == (
                checkpoint.size,
                checkpoint.modified_ns,
                checkpoint.file.inode,
            )
    }

    /// The log, with its owner.
    pub fn log(&self, source: &Source, identity: &dyn IdentityResolver) -> Log {
        Log {
            source: source.name.clone(),
            kind: source.kind,
            key: self.key.clone(),
            user: self
                .user
                .as_deref()
                .and_then(|user| identity.resolve(source, user)),
            decky: source.decky.clone(),
        }
    }
}

/// Gives every log of `source` to `each`, in no order, and answers with what could not be looked
/// at. A place that is not there is a problem, and so is a folder that vanishes on the way; other
/// logs are found all the same.
///
/// Links are not followed below a folder of sessions: whoever writes sessions there could point
/// them anywhere.
pub fn logs(source: &Source, each: &mut dyn FnMut(Found)) -> Vec<String> {
    let mut problems = Vec::new();
    if source.kind.is_one_file() {
        match fs::metadata(&source.path) {
            Ok(metadata) if metadata.is_file() => {
                each(found(
                    one_file_key(&source.path),
                    source.path.clone(),
                    None,
                    &metadata,
                ));
            }
            Ok(_) => problems.push(format!("{} is not a file", source.path.display())),
            // Between a rename and the first line of the next file there is none; what was renamed
            // is looked for by whoever reads on.
            Err(error) if error.kind() == io::ErrorKind::NotFound && has_folder(&source.path) => {
                each(Found {
                    key: one_file_key(&source.path),
                    path: source.path.clone(),
                    user: None,
                    size: 0,
                    modified_ns: 0,
                    inode: 0,
                });
            }
            Err(error) => {
                problems.push(format!("cannot look at {}: {error}", source.path.display()))
            }
        }
        return problems;
    }
    let mut tell = |path: &Path, error: &io::Error| {
        if problems.len() < PROBLEMS_KEPT {
            problems.push(format!("cannot read {}: {error}", path.display()));
        }
    };
    let users = match fs::read_dir(&source.path) {
        Ok(users) => users,
        Err(error) => {
            tell(&source.path, &error);
            return problems;
        }
    };
    for user in users {
        let folder = match user.and_then(|user| Ok((user.file_type()?, user))) {
            Ok((kind, user)) if kind.is_dir() => user,
            Ok(_) => continue,
            Err(error) => {
                tell(&source.path, &error);
                continue;
            }
        };
        let path = folder.path();
        match fs::read_dir(&path) {
            Ok(files) => sessions(&folder, files, each, &mut tell),
            Err(error) => tell(&path, &error),
        }
    }
    problems
}

fn sessions(
    folder: &DirEntry,
    files: fs::ReadDir,
    each: &mut dyn FnMut(Found),
    tell: &mut dyn FnMut(&Path, &io::Error),
) {
    let user = text(folder.file_name().as_bytes());
    let path = folder.path();
    for file in files {
        let file = match file {
            Ok(file) => file,
            Err(error) => {
                tell(&path, &error);
                return;
            }
        };
        let name = file.file_name();
        let Some(stem) = name.as_bytes().strip_suffix(SESSION_ENDING) else {
            continue;
        };
        match file.metadata() {
            Ok(metadata) if metadata.is_file() => {
                let key = format!("{user}/{}", text(stem));
                each(found(key, file.path(), Some(user.clone()), &metadata));
            }
            Ok(_) => {}
            // It was there a moment ago.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tell(&file.path(), &error),
        }
    }
}

fn found(key: String, path: PathBuf, user: Option<String>, metadata: &Metadata) -> Found {
    Found {
        key,
        path,
        user,
        size: metadata.len(),
        modified_ns: modified_ns(metadata),
        inode: metadata.ino(),
    }
}

/// The key of a log that is one file.
fn one_file_key(path: &Path) -> String {
    text(path.file_name().unwrap_or_default().as_bytes())
}

fn has_folder(path: &Path) -> bool {
    path.parent()
        .is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir())
}

/// A file name as text. Bytes that are no text are written as `\xNN`, so that different names stay
/// different.
fn text(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.utf8_chunks() {
        text.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}
