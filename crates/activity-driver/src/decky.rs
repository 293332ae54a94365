//! Decoy hosts and how they are reached.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where a decky comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeckySource {
    /// Part of a topology, with that topology's personas.
    Topology,
    /// Stands alone; uses the pool.
    Fleet,
    /// Runs on an enrolled worker; uses the pool.
    Shard,
}

/// A decoy host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decky {
    /// Unique for ever.
    pub uuid: String,
    /// Host name.
    pub name: String,
    /// Where it comes from.
    pub source: DeckySource,
    /// Services it offers, such as `imap`, `pop3`, `ssh`.
    pub services: Vec<String>,
    /// How decnet reaches it.
    pub transport: Transport,
}

impl Decky {
    /// Whether it offers mailboxes: one of its services is `imap` or `pop3`.
    pub fn serves_mail(&self) -> bool {
        self.services
            .iter()
            .any(|service| service == "imap" || service == "pop3")
    }
}

/// The name of the container that serves a decky's mail: `<name>-imap` if it offers IMAP, else
/// `<name>-pop3`; `None` for a decky without a name or without a mail service.
///
/// ```
/// use decnet_activity_driver::decky::container_name;
///
/// assert_eq!(container_name("mx1", &["ssh", "pop3", "imap"]).as_deref(), Some("mx1-imap"));
/// assert_eq!(container_name("web1", &["http"]), None);
/// ```
pub fn container_name<S: AsRef<str>>(decky_name: &str, services: &[S]) -> Option<String> {
    if decky_name.is_empty() {
        return None;
    }
    let offers = |wanted: &str| services.iter().any(|service| service.as_ref() == wanted);
    ["imap", "pop3"]
        .into_iter()
        .find(|service| offers(service))
        .map(|service| format!("{decky_name}-{service}"))
}

/// How decnet reaches a decky.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Transport {
    /// The decky's file system is a folder of this host.
    Local(LocalFolders),
}

/// The kind of a [`Transport`], a key of the [registry](crate::registry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TransportKind {
    /// [`Transport::Local`].
    Local,
}

impl Transport {
    /// The kind, for look-ups in the registry.
    pub fn kind(&self) -> TransportKind {
        match self {
            Self::Local(_) => TransportKind::Local,
        }
    }
}

impl From<&Transport> for TransportKind {
    fn from(transport: &Transport) -> Self {
        transport.kind()
    }
}

impl std::fmt::Display for TransportKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
        })
    }
}

/// A decky whose file system is a folder of this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalFolders {
    /// The decky's `/` as this host sees it; absolute. Nothing outside is ever touched.
    pub root: PathBuf,
    /// Maildir of a mailbox below `root`. `{login}`, `{address}`, `{local}` and `{domain}` stand
    /// for the owner's login name, address, and the two halves of the address.
    #[serde(default = "LocalFolders::default_maildir")]
    pub maildir: String,
    /// Numeric owner of what is written; left as it is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    /// Numeric group of what is written; left as it is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gid: Option<u32>,
    /// Mode of message files, octal in configuration files (`"0600"`).
    #[serde(default = "LocalFolders::default_file_mode", with = "octal")]
    pub file_mode: u32,
    /// Mode of mailbox folders, octal in configuration files (`"0700"`).
    #[serde(default = "LocalFolders::default_dir_mode", with = "octal")]
    pub dir_mode: u32,
    /// Whether decnet may write into mailboxes here that already hold foreign mail.
    #[serde(default)]
    pub adopt: bool,
}

impl LocalFolders {
    /// A root with the default of everything else.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            maildir: Self::default_maildir(),
            uid: None,
            gid: None,
            file_mode: Self::default_file_mode(),
            dir_mode: Self::default_dir_mode(),
            adopt: false,
        }
    }

    /// Whether [`maildir`](Self::maildir) can name a folder below the root for every mailbox.
    ///
    /// # Errors
    ///
    /// What is wrong with it, for a person to read.
    pub fn check_maildir(&self) -> Result<(), String> {
        crate::drivers::local_folders::check_maildir(self).map_err(|error| error.to_string())
    }

    /// `home/{login}/Maildir`.
    pub fn default_maildir() -> String {
        "home/{login}/Maildir".to_owned()
    }

    /// `0600`.
    pub fn default_file_mode() -> u32 {
        0o600
    }

    /// `0700`.
    pub fn default_dir_mode() -> u32 {
        0o700
    }
}

mod octal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{mode:04o}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        match u32::from_str_radix(&text, 8) {
            Ok(mode) if mode <= 0o7777 => Ok(mode),
            _ => Err(D::Error::custom(format!(
                "mode {text:?} is not octal, such as \"0600\""
            ))),
        }
    }
}
