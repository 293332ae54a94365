//! Where logs come from.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// What the lines of a log are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SourceKind {
    /// Transcripts of agents: JSON lines, `<folder>/<user>/<file>.jsonl`, one session a file.
    Agent,
    /// Cowrie's JSON log: many sessions in one file that rotates.
    Cowrie,
    /// Dovecot's log lines: many sessions in one file that rotates.
    Dovecot,
}

impl SourceKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Cowrie, Self::Dovecot];

    /// Its name in the configuration and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Cowrie => "cowrie",
            Self::Dovecot => "dovecot",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether the path is one file that rotates, and not a folder of sessions.
    pub fn is_one_file(self) -> bool {
        match self {
            Self::Agent => false,
            Self::Cowrie | Self::Dovecot => true,
        }
    }
}

/// A place that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Unique among the sources; part of what tells logs apart.
    pub name: String,
    /// What is there.
    pub kind: SourceKind,
    /// A folder of users' folders, or a log file, as [`SourceKind::is_one_file`] says.
    pub path: PathBuf,
    /// The decky that writes the log.
    pub decky: Option<String>,
}

/// A log that grows: one agent session, or everything that one decky's server ever wrote, whatever
/// files it was in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Log {
    /// Name of its source.
    pub source: String,
    /// What its lines are.
    pub kind: SourceKind,
    /// Which log of the source: `<user>/<file>` for an agent session, else the name of the file.
    pub key: String,
    /// Whose session it is, as the [`IdentityResolver`] says.
    pub user: Option<String>,
    /// The decky that writes it.
    pub decky: Option<String>,
}

/// Says who the owner of a user's folder is.
pub trait IdentityResolver: Send + Sync {
    /// The person behind `<folder>/<user>`. `None` when nobody is known; the log is read all the
    /// same.
    fn resolve(&self, source: &Source, user: &str) -> Option<String>;
}

/// The folder's name is the user.
#[derive(Clone, Copy, Debug, Default)]
pub struct FolderName;

impl IdentityResolver for FolderName {
    fn resolve(&self, _: &Source, user: &str) -> Option<String> {
        Some(user.to_owned())
    }
}

/// Users by the names of their folders; who is not among them is called what the folder is called.
impl IdentityResolver for BTreeMap<String, String> {
    fn resolve(&self, source: &Source, user: &str) -> Option<String> {
        let known = self.get(user).cloned();
        known.or_else(|| FolderName.resolve(source, user))
    }
}
