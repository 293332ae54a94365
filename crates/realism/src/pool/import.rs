//! Putting a checked list in place of the pool.

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{PoolError, without_mark};
use crate::persona::{DroppedEntry, EntryWarning, ListError, ParsedPersonas};

/// What an import did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct ImportReport {
    /// The file that was written, links followed.
    pub written_to: PathBuf,
    /// How many entries it has.
    pub kept: usize,
    /// The entries that were left out.
    pub dropped: Vec<DroppedEntry>,
    /// What is odd about entries that were kept.
    pub warnings: Vec<EntryWarning>,
}

impl ImportReport {
    /// Whether there are too few personas for any mail: it takes two.
    pub fn is_too_small(&self) -> bool {
        self.kept < 2
    }
}

/// Checks the list in `entries_text` and writes what can be used to `destination`.
///
/// Entries stay as they were written, with their keys in order, unknown ones included, and nothing
/// filled in: a language that is unset stays unset. The file gets the rights 0600 and takes its
/// place at once (temporary file, `fsync`, rename, `fsync` of the folder); a missing folder is
/// made, for the user alone. If `destination` is a link, what it points to is replaced.
///
/// # Errors
///
/// [`PoolError::BadImport`] when the text is not a list, [`PoolError::NothingUsable`] when no entry
/// can be used, and whatever the system says. `destination` is untouched then.
pub fn import(entries_text: &str, destination: &Path) -> Result<ImportReport, PoolError> {
    let text = without_mark(entries_text);
    let parsed = ParsedPersonas::from_text(text);
    if let Some(error) = parsed.list_error {
        return Err(error.into());
    }
    if parsed.personas.is_empty() {
        return Err(PoolError::NothingUsable {
            dropped: parsed.dropped,
        });
    }
    let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let kept: Vec<&Entry> = parsed
        .indexes
        .iter()
        .filter_map(|&index| entries.get(index))
        .collect();
    let mut json = serde_json::to_vec_pretty(&kept).map_err(|error| not_json(&error))?;
    json.push(b'\n');

    let written_to = resolve(destination)?;
    replace(&written_to, &json)?;
    Ok(ImportReport {
        written_to,
        kept: kept.len(),
        dropped: parsed.dropped,
        warnings: parsed.warnings,
    })
}

fn not_json(error: &serde_json::Error) -> PoolError {
    PoolError::BadImport(ListError::from_json(error))
}

/// The file that a write would go to.
fn resolve(destination: &Path) -> Result<PathBuf, PoolError> {
    match fs::canonicalize(destination) {
        Ok(path) if path.is_file() => Ok(path),
        Ok(path) => Err(PoolError::NotAFile { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if destination.is_symlink() || destination.file_name().is_none() {
                return Err(PoolError::NotAFile {
                    path: destination.to_owned(),
                });
            }
            Ok(destination.to_owned())
        }
        Err(error) => Err(PoolError::io("resolve", destination)(error)),
    }
}

/// Writes a file so that a reader sees the old content or the new one, and a crash leaves one of
/// the two.
fn replace(path: &Path, content: &[u8]) -> Result<(), PoolError> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    make_folder(folder).map_err(PoolError::io("create", folder))?;
    let (temporary, mut file) = create_beside(path).map_err(PoolError::io("write in", folder))?;
    let mut write = || {
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    if let Err(error) = write() {
        // Left behind it would only be litter; the first error is the one that matters.
        let _ = fs::remove_file(&temporary);
        return Err(PoolError::io("write", path)(error));
    }
    sync_folder(folder).map_err(PoolError::io("sync", folder))
}

/// A new file next to `path` that no other thread or process writes.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);

    let name = path.file_name().unwrap_or_default().to_string_lossy();
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_file_name(format!(".{name}.{}-{number}.tmp", std::process::id()));
        match open_new(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            // Left by a process with the same id that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(unix)]
fn open_new(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

#[cfg(not(unix))]
fn open_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;

    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems cannot open a folder as a file.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// An entry of a list with its keys in their order, which a [`serde_json::Value`] forgets.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum Entry {
    Object(Object),
    /// Never kept; it only holds the place, so that indexes count alike.
    Other(serde_json::Value),
}

struct Object(Vec<(String, serde_json::Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;

        impl<'de> Visitor<'de> for Keys {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut pairs: Vec<(String, serde_json::Value)> = Vec::new();
                let mut places = HashMap::new();
                while let Some((key, value)) = map.next_entry::<String, _>()? {
                    // Of two equal keys the last one counts, as it does when the list is read.
                    match places.get(&key) {
                        Some(&place) => pairs[place] = (key, value),
                        None => {
                            places.insert(key.clone(), pairs.len());
                            pairs.push((key, value));
                        }
                    }
                }
                Ok(Object(pairs))
            }
        }

        deserializer.deserialize_map(Keys)
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}
