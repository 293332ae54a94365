//! The pool: one file with the personas of every decky that has no topology of its own.

mod fingerprint;
mod import;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::persona::{DroppedEntry, ListError, MAX_TEXT, ParsedPersonas, Persona};

pub use fingerprint::{Fingerprint, FingerprintError};
pub use import::{ImportReport, import};

/// The pool of a host, when the environment names none and this file exists.
pub const SYSTEM_POOL: &str = "/etc/decnet/email_personas.json";

/// The pool below the user's home folder, when there is no other.
pub const HOME_POOL: &str = ".decnet/email_personas.json";

/// Where the pool is: `explicit` (the value of `DECNET_REALISM_PERSONAS`) if it is given and not
/// empty, else [`SYSTEM_POOL`] if `exists` says that it does, else [`HOME_POOL`] below `home`.
///
/// With none of the three it is [`SYSTEM_POOL`], which [`PersonaPool::load`] will report as
/// missing. A path that is given explicitly is taken whether it exists or not: falling back would
/// hide a slip. Nothing is read from the environment here.
///
/// ```
/// use std::path::Path;
/// use decnet_realism::pool::pool_path;
///
/// let path = pool_path(None, Some(Path::new("/home/ana")), |_| false);
/// assert_eq!(path, Path::new("/home/ana/.decnet/email_personas.json"));
/// ```
pub fn pool_path(
    explicit: Option<&Path>,
    home: Option<&Path>,
    exists: impl Fn(&Path) -> bool,
) -> PathBuf {
    let given = |path: &&Path| !path.as_os_str().is_empty();
    let system = Path::new(SYSTEM_POOL);
    match (explicit.filter(given), home.filter(given)) {
        (Some(path), _) => path.to_owned(),
        (None, Some(home)) if !exists(system) => home.join(HOME_POOL),
        (None, _) => system.to_owned(),
    }
}

/// A persona file that is read again when it changes.
///
/// It can be shared between threads; one of them reads while the others wait.
///
/// ```
/// use decnet_realism::pool::PersonaPool;
///
/// let pool = PersonaPool::new("/nonexistent/personas.json");
/// let loaded = pool.load();
/// assert!(loaded.personas("en").is_empty());
/// assert!(loaded.problem.is_some());
/// ```
#[derive(Debug)]
pub struct PersonaPool {
    path: PathBuf,
    latest: Mutex<Option<Arc<LoadedPool>>>,
}

impl PersonaPool {
    /// The pool in the file at `path`, which is not touched before [`load`](Self::load).
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            latest: Mutex::new(None),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The pool as it is now. The file is read only if its [`Fingerprint`] is not that of the last
    /// reading.
    ///
    /// This never fails and never makes personas up:
    ///
    /// - a missing file is an empty pool with a [`problem`](LoadedPool::problem);
    /// - a file that turned bad (unreadable, not a list, nothing usable in it) leaves the personas
    ///   of the last good reading in place, with a problem; on the first reading the pool is
    ///   empty;
    /// - an empty list is an empty pool, without a problem.
    pub fn load(&self) -> Arc<LoadedPool> {
        // A panic elsewhere cannot leave a half-made value behind: it is one assignment.
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let fingerprint = Fingerprint::of(&self.path);
        if let Some(loaded) = &*latest
            && let Ok(fingerprint) = &fingerprint
            && loaded.fingerprint.as_ref() == Some(fingerprint)
        {
            return Arc::clone(loaded);
        }
        let loaded = Arc::new(match fingerprint.and_then(|_| read_list(&self.path)) {
            Ok((fingerprint, text)) => LoadedPool::from_text(&text, fingerprint, latest.as_deref()),
            Err(PoolError::Missing { path }) => LoadedPool {
                problem: Some(PoolError::Missing { path }),
                ..LoadedPool::default()
            },
            // Not remembered by fingerprint, so that the next call tries again.
            Err(error) => LoadedPool::kept(latest.as_deref(), error, None),
        });
        *latest = Some(Arc::clone(&loaded));
        loaded
    }
}

/// The personas of a pool at one moment.
#[derive(Debug, Default)]
pub struct LoadedPool {
    /// State of the file that was read last; `None` when it could not be read.
    pub fingerprint: Option<Fingerprint>,
    /// What is in the list, with languages unset where the file leaves them unset. After a
    /// problem, the list of the last good reading.
    pub parsed: ParsedPersonas,
    /// What is wrong with the file now.
    pub problem: Option<PoolError>,
}

impl LoadedPool {
    /// The personas; those without a language of their own get `language_default`.
    pub fn personas(&self, language_default: &str) -> Vec<Persona> {
        self.parsed.clone().with_language(language_default).personas
    }

    fn from_text(text: &str, fingerprint: Fingerprint, last: Option<&Self>) -> Self {
        let path = fingerprint.path.clone();
        let parsed = ParsedPersonas::from_text(without_mark(text));
        match PoolError::in_list(&path, &parsed) {
            Some(problem) if last.is_some_and(|last| !last.parsed.personas.is_empty()) => {
                Self::kept(last, problem, Some(fingerprint))
            }
            problem => Self {
                fingerprint: Some(fingerprint),
                parsed,
                problem,
            },
        }
    }

    /// The last good list, with what is wrong now.
    fn kept(last: Option<&Self>, problem: PoolError, fingerprint: Option<Fingerprint>) -> Self {
        Self {
            fingerprint,
            parsed: last.map(|last| last.parsed.clone()).unwrap_or_default(),
            problem: Some(problem),
        }
    }
}

/// Why a pool cannot be read, or written.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// There is no such file.
    #[error("{} does not exist", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// It is a folder, a device or a pipe.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// It is longer than [`MAX_TEXT`].
    #[error("{} has more than {MAX_TEXT} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It is not UTF-8.
    #[error("{} is not UTF-8: the first bad byte is at {valid_up_to}", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// How many bytes are fine, from the start.
        valid_up_to: usize,
    },
    /// It does not hold a list.
    #[error("{}: {error}", path.display())]
    NotAList {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        error: ListError,
    },
    /// The text to import is not a list.
    #[error(transparent)]
    BadImport(#[from] ListError),
    /// The list has no entry that can be used.
    #[error("none of the {} entries can be used{}", dropped.len(), dropped.first().map(|first| format!("; {first}")).unwrap_or_default())]
    NothingUsable {
        /// Every entry, with what is wrong with it.
        dropped: Vec<DroppedEntry>,
    },
    /// The system said no.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl PoolError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::NotFound if action == "read" => Self::Missing { path },
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }

    /// What makes a list that was read unusable as a whole.
    fn in_list(path: &Path, parsed: &ParsedPersonas) -> Option<Self> {
        if let Some(error) = &parsed.list_error {
            return Some(Self::NotAList {
                path: path.to_owned(),
                error: error.clone(),
            });
        }
        (parsed.personas.is_empty() && !parsed.dropped.is_empty()).then(|| Self::NothingUsable {
            dropped: parsed.dropped.clone(),
        })
    }
}

/// Reads the text of a list from a file, with the state the file had before the reading: if it
/// changes meanwhile, the next look at it tells.
fn read_list(path: &Path) -> Result<(Fingerprint, String), PoolError> {
    // Asked first: opening a pipe would wait for a writer.
    let metadata = std::fs::metadata(path).map_err(PoolError::io("read", path))?;
    if !metadata.is_file() {
        return Err(PoolError::NotAFile {
            path: path.to_owned(),
        });
    }
    let file = File::open(path).map_err(PoolError::io("read", path))?;
    let metadata = file.metadata().map_err(PoolError::io("read", path))?;
    let fingerprint = Fingerprint::from_metadata(path, &metadata);
    let mut bytes = Vec::new();
    file.take(MAX_TEXT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(PoolError::io("read", path))?;
    if bytes.len() > MAX_TEXT {
        return Err(PoolError::TooLong {
            path: path.to_owned(),
        });
    }
    let text = String::from_utf8(bytes).map_err(|error| PoolError::NotUtf8 {
        path: path.to_owned(),
        valid_up_to: error.utf8_error().valid_up_to(),
    })?;
    Ok((fingerprint, text))
}

/// Editors of Windows put a byte order mark in front, which JSON does not allow.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}
