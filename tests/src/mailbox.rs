//! What lies in Maildirs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, FixedOffset, Utc};
use mail_parser::MessageParser;

use crate::world::Mailbox;

/// A folder of a mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Folder {
    /// Received mail.
    Inbox,
    /// Copies of sent mail.
    Sent,
    /// Mail that is still being written.
    Drafts,
}

impl Folder {
    /// Those that every mailbox has.
    pub const ALL: [Self; 2] = [Self::Inbox, Self::Sent];

    /// Its path.
    pub fn path(self, maildir: &Path) -> PathBuf {
        match self {
            Self::Inbox => maildir.to_owned(),
            Self::Sent => maildir.join(".Sent"),
            Self::Drafts => maildir.join(".Drafts"),
        }
    }
}

/// A message file.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The file.
    pub path: PathBuf,
    /// Letters after `:2,`.
    pub flags: String,
    /// Modification time, seconds since 1970.
    pub mtime: i64,
    /// The message.
    pub bytes: Vec<u8>,
}

impl Stored {
    /// Values of a header, unfolded.
    pub fn all(&self, name: &str) -> Vec<String> {
        headers(&self.bytes)
            .into_iter()
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    /// The value of a header that stands exactly once.
    #[track_caller]
    pub fn one(&self, name: &str) -> String {
        match self.all(name).as_slice() {
            [value] => value.clone(),
            values => panic!("{}: {name} is {values:?}", self.path.display()),
        }
    }

    /// `Message-ID`
    #[track_caller]
    pub fn message_id(&self) -> String {
        self.one("Message-ID")
    }

    /// `Date`
    #[track_caller]
    pub fn date(&self) -> DateTime<FixedOffset> {
        let date = self.one("Date");
        DateTime::parse_from_rfc2822(&date)
            .unwrap_or_else(|error| panic!("{}: Date {date:?}: {error}", self.path.display()))
    }

    /// `References`, oldest first.
    pub fn references(&self) -> Vec<String> {
        self.all("References")
            .iter()
            .flat_map(|value| value.split_whitespace())
            .map(str::to_owned)
            .collect()
    }

    /// `In-Reply-To`
    pub fn in_reply_to(&self) -> Option<String> {
        self.all("In-Reply-To").first().cloned()
    }

    /// The address in `From`.
    #[track_caller]
    pub fn author(&self) -> String {
        match <[String; 1]>::try_from(self.addresses("From")) {
            Ok([author]) => author,
            Err(authors) => panic!("{}: From is {authors:?}", self.path.display()),
        }
    }

    /// The addresses in `To` and `Cc`.
    pub fn recipients(&self) -> Vec<String> {
        [self.addresses("To"), self.addresses("Cc")].concat()
    }

    /// When a server put it into the mailbox: the time of the topmost `Received`, or of `Date`
    /// where it never was on the way.
    #[track_caller]
    pub fn arrived(&self) -> DateTime<Utc> {
        arrived(&self.bytes)
    }

    fn addresses(&self, header: &str) -> Vec<String> {
        let parsed = MessageParser::default().parse(&self.bytes);
        let parsed = parsed.unwrap_or_else(|| panic!("{} is no message", self.path.display()));
        let list = match header {
            "From" => parsed.from(),
            "To" => parsed.to(),
            _ => parsed.cc(),
        };
        list.into_iter()
            .flat_map(mail_parser::Address::iter)
            .filter_map(|who| who.address())
            .map(str::to_owned)
            .collect()
    }
}

/// When a server put a message into a mailbox.
#[track_caller]
pub fn arrived(message: &[u8]) -> DateTime<Utc> {
    let headers = headers(message);
    let value = |wanted: &str| {
        let mut headers = headers.iter();
        headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted))
    };
    let date = match value("Received") {
        Some((_, received)) => received.rsplit(';').next().unwrap_or_default(),
        None => value("Date").map_or("", |(_, date)| date.as_str()),
    };
    DateTime::parse_from_rfc2822(date.trim())
        .unwrap_or_else(|error| panic!("{date:?}: {error}"))
        .to_utc()
}

/// Names and unfolded values of a message's headers.
pub fn headers(message: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(message);
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in text.lines().take_while(|line| !line.is_empty()) {
        match headers.last_mut() {
            Some((_, value)) if line.starts_with([' ', '\t']) => {
                if !value.is_empty() {
                    value.push(' ');
                }
                value.push_str(line.trim());
            }
            _ => {
                let (name, value) = line.split_once(':').unwrap_or((line, ""));
                headers.push((name.to_owned(), value.trim().to_owned()));
            }
        }
    }
    headers
}

/// The messages of one folder.
pub fn read_folder(folder: &Path) -> Vec<Stored> {
    let mut messages = Vec::new();
    for part in ["new", "cur"] {
        for path in files(&folder.join(part)) {
            let bytes = fs::read(&path).expect("a message can be read");
            let name = file_name(&path);
            messages.push(Stored {
                flags: name
                    .split_once(":2,")
                    .map(|(_, flags)| flags.to_owned())
                    .unwrap_or_default(),
                mtime: fs::metadata(&path).expect("it was just read").mtime(),
                path,
                bytes,
            });
        }
    }
    messages
}

/// Everything in every mailbox.
pub fn read_all(mailboxes: &[Mailbox]) -> BTreeMap<(String, Folder), Vec<Stored>> {
    let mut all = BTreeMap::new();
    for mailbox in mailboxes {
        for folder in Folder::ALL {
            let messages = read_folder(&folder.path(&mailbox.maildir));
            all.insert((mailbox.address.clone(), folder), messages);
        }
    }
    all
}

/// The files of a folder; none if there is no such folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

/// The last part of a path.
pub fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .expect("mail files have plain names")
}

/// Contents, modification time and mode of a file, by its path below a folder.
pub type Tree = BTreeMap<PathBuf, (Vec<u8>, i64, u32)>;

/// Every file below a folder.
pub fn tree(root: &Path) -> Tree {
    fn add(root: &Path, folder: &Path, tree: &mut Tree) {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            let metadata = fs::symlink_metadata(&path).expect("the file is there");
            if metadata.is_dir() {
                add(root, &path, tree);
            } else {
                let bytes = fs::read(&path).expect("the file can be read");
                let below = path.strip_prefix(root).expect("it lies below");
                let kept = (bytes, metadata.mtime(), metadata.mode() & 0o7777);
                tree.insert(below.to_owned(), kept);
            }
        }
    }
    let mut found = Tree::new();
    add(root, root, &mut found);
    found
}
