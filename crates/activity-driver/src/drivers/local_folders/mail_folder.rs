//! One folder of a Maildir++ tree.

use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, AtFlags, Dir, FileType};
use rustix::io::Errno;

use crate::action::{Folder, MailLocation, MailboxHistory, MailboxState};
use crate::driver::DriverError;

use super::beneath::{Root, subfolder};
use super::history;
use super::names::{self, is_message};
use super::site::Site;
use super::tree::{Contents, NewFile, open_or_create, subfolder_or_create};

/// The folder of sent mail.
pub(super) const SENT: &str = ".Sent";
/// The folder of mail that is being written.
pub(super) const DRAFTS: &str = ".Drafts";
/// The empty file of a folder other than INBOX; Dovecot puts it into every folder that it makes.
pub(super) const MAILDIR_FOLDER: &str = "maildirfolder";
/// Subscribes to the folder of sent mail, in the format of Dovecot 2.3.
const SUBSCRIPTIONS: &[u8] = b"V\t2\n\nSent\n";
/// Where counting the messages of a mailbox stops.
const MOST_COUNTED: u64 = 1_000;
/// How often a folder is searched while a mail server keeps renaming in it, and how much longer
/// to wait before each further search, so as not to go on in step with it: 0.1 s in all.
const MOST_SEARCHES: u32 = 32;
const SEARCH_PAUSE: Duration = Duration::from_micros(200);

/// The three parts of a Maildir folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Tmp,
    New,
    Cur,
}

impl Part {
    const ALL: [Self; 3] = [Self::Tmp, Self::New, Self::Cur];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tmp => "tmp",
            Self::New => "new",
            Self::Cur => "cur",
        }
    }

    /// A list of this part.
    pub(super) fn alone(self) -> &'static [Self] {
        match self {
            Self::Tmp => &[Self::Tmp],
            Self::New => &[Self::New],
            Self::Cur => &[Self::Cur],
        }
    }
}

/// An open mail folder. Its parts are opened when they are first needed.
pub(super) struct MailFolder {
    path: PathBuf,
    handle: OwnedFd,
    parts: [OnceCell<OwnedFd>; 3],
    create: Create,
}

/// Whether a missing part is made.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Create {
    No,
    Yes { durable: bool },
}

/// A message that was found.
pub(super) struct Found {
    pub(super) part: Part,
    pub(super) file_name: OsString,
}

impl MailFolder {
    /// `None` if there is no such folder.
    pub(super) fn open(
        site: &Site<'_>,
        maildir: &Path,
        folder: Folder,
    ) -> Result<Option<Self>, DriverError> {
        let opened = open_root(site)?
            .folder(maildir)
            .and_then(|handle| match name_of(folder) {
                None => Ok(handle),
                Some(name) => subfolder(handle, name),
            });
        match opened {
            Ok(handle) => Ok(Some(Self::new(maildir, folder, handle, Create::No))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(site
                .io("open the mail folder", &folder_path(maildir, folder))(
                error
            )),
        }
    }

    /// Makes what is missing of the folder, the whole Maildir if need be, which then has this
    /// history.
    pub(super) fn open_or_create(
        site: &Site<'_>,
        durable: bool,
        maildir: &Path,
        folder: Folder,
        history: Option<MailboxHistory>,
    ) -> Result<Self, DriverError> {
        let later = history.map(|past| past.drafts);
        let history = history
            .map(|past| history::files(site, &past))
            .transpose()?;
        let root = open_root(site)?;
        let opened = match root.folder(maildir) {
            Err(Errno::NOENT) => {
                let mode = site.folders.dir_mode;
                let mut contents = new_maildir();
                contents.files.extend(history.into_iter().flatten());
                open_or_create(site, durable, &root, maildir, mode, &contents)
            }
            result => result,
        };
        let opened = opened.and_then(|handle| {
            let Some(name) = name_of(folder) else {
                return Ok(handle);
            };
            match subfolder(&handle, name) {
                Err(Errno::NOENT) => {
                    let mut contents = new_mail_folder(Path::new(""));
                    if folder == Folder::Drafts {
                        let past = history::of_later_folder(&handle, name, later.as_ref())?;
                        contents.files.extend(past);
                    }
                    subfolder_or_create(site, durable, &handle, name, &contents)
                }
                result => result,
            }
        });
        match opened {
            Ok(handle) => Ok(Self::new(maildir, folder, handle, Create::Yes { durable })),
            Err(error) => Err(site
                .io("create the mail folder", &folder_path(maildir, folder))(
                error
            )),
        }
    }

    fn new(maildir: &Path, folder: Folder, handle: OwnedFd, create: Create) -> Self {
        Self {
            path: folder_path(maildir, folder),
            handle,
            parts: Default::default(),
            create,
        }
    }

    /// Whether it was opened to write new messages to.
    pub(super) fn creates(&self) -> bool {
        self.create != Create::No
    }

    /// Path below the root.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Path below the root of a file in one of the parts.
    pub(super) fn file_path(&self, part: Part, file_name: impl AsRef<OsStr>) -> PathBuf {
        let mut path = self.path.join(part.name());
        path.push(file_name.as_ref());
        path
    }

    /// One of the parts; it can be listed and synced.
    pub(super) fn part(&self, site: &Site<'_>, part: Part) -> Result<BorrowedFd<'_>, DriverError> {
        let cell = &self.parts[part as usize];
        if cell.get().is_none() {
            let opened = match (subfolder(&self.handle, part.name()), self.create) {
                (Err(Errno::NOENT), Create::Yes { durable }) => {
                    let empty = Contents::default();
                    subfolder_or_create(site, durable, &self.handle, part.name(), &empty)
                }
                (result, _) => result,
            };
            let path = || self.path.join(part.name());
            let opened = opened.map_err(|error| site.io("open", &path())(error))?;
            // Nobody else can have set it: the cell is not shared between threads.
            let _ = cell.set(opened);
        }
        match cell.get() {
            Some(opened) => Ok(opened.as_fd()),
            None => Err(site.io("open", &self.path)(Errno::BADF)),
        }
    }

    /// One of the parts, if it was needed before.
    pub(super) fn opened(&self, part: Part) -> Option<BorrowedFd<'_>> {
        self.parts[part as usize].get().map(AsFd::as_fd)
    }

    /// Looks for a message, with any flags, in `new/` and then `cur/`: the way a mail server moves
    /// it. A listing can miss what is renamed meanwhile, and flags are changed by renames in
    /// `cur/`. So the message is said to be absent only after two searches in a row during which
    /// `cur/` did not change: two, because on older kernels changes within a few milliseconds show
    /// the same time.
    pub(super) fn find(
        &self,
        site: &Site<'_>,
        unique_name: &str,
    ) -> Result<Option<Found>, DriverError> {
        let mut before = None;
        for searches in 0..MOST_SEARCHES {
            std::thread::sleep(SEARCH_PAUSE * searches.saturating_sub(1));
            let now = self.last_change_of_cur();
            for part in [Part::New, Part::Cur] {
                let found = self
                    .search(part, unique_name)
                    .map_err(|error| site.io("list", &self.path.join(part.name()))(error))?;
                if let Some(file_name) = found {
                    return Ok(Some(Found { part, file_name }));
                }
            }
            if before.is_some() && before == Some(self.last_change_of_cur()) {
                return Ok(None);
            }
            before = Some(now);
        }
        Err(site
            .io("list while it keeps changing", &self.path.join("cur"))(
            Errno::AGAIN,
        ))
    }

    fn search(&self, part: Part, unique_name: &str) -> Result<Option<OsString>, Errno> {
        // Opened by name each time, as a handle would have to be rewound.
        let listed = match subfolder(&self.handle, part.name()) {
            Err(Errno::NOENT) => return Ok(None),
            result => Dir::new(result?)?,
        };
        for entry in listed {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if is_message(name, unique_name) && entry.file_type() != FileType::Directory {
                return Ok(Some(OsStr::from_bytes(name).to_owned()));
            }
        }
        Ok(None)
    }

    fn last_change_of_cur(&self) -> Option<(i64, u64)> {
        let cur = subfolder(&self.handle, Part::Cur.name()).ok()?;
        let stat = rustix::fs::fstat(cur).ok()?;
        Some((stat.st_mtime, stat.st_mtime_nsec))
    }
}

/// Whether the root is there and can be written to.
pub(super) fn probe(site: &Site<'_>) -> Result<(), DriverError> {
    let root = open_root(site)?;
    let handle = root
        .folder(Path::new("."))
        .map_err(|error| site.io("open the root", &site.folders.root)(error))?;
    let wanted = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    rustix::fs::accessat(&handle, ".", wanted, AtFlags::EACCESS)
        .map_err(|error| site.io("write to", &site.folders.root)(error))
}

/// What a mailbox holds, in all its folders.
pub(super) fn mailbox_state(
    site: &Site<'_>,
    mailbox: &MailLocation,
) -> Result<MailboxState, DriverError> {
    let maildir = names::maildir(site, mailbox)?;
    let handle = match open_root(site)?.folder(&maildir) {
        Ok(handle) => handle,
        Err(Errno::NOENT) => return Ok(MailboxState::Absent),
        Err(error) => return Err(site.io("open the mailbox", &maildir)(error)),
    };
    let messages = count_tree(&handle).map_err(|error| site.io("list", &maildir)(error))?;
    Ok(match messages {
        0 => MailboxState::Empty,
        messages => MailboxState::Occupied { messages },
    })
}

fn count_tree(maildir: &OwnedFd) -> Result<u64, Errno> {
    let mut messages = count_folder(maildir, 0)?;
    for entry in Dir::new(subfolder(maildir, ".")?)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        let is_folder = name.as_bytes().starts_with(b".") && name != "." && name != "..";
        if !is_folder || messages >= MOST_COUNTED {
            continue;
        }
        match subfolder(maildir, name) {
            Ok(folder) => messages = count_folder(&folder, messages)?,
            // A hidden file, a link that a mail server would follow elsewhere, or just removed.
            Err(Errno::NOTDIR | Errno::LOOP | Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(messages)
}

fn count_folder(folder: &OwnedFd, mut messages: u64) -> Result<u64, Errno> {
    for part in [Part::New, Part::Cur] {
        let listed = match subfolder(folder, part.name()) {
            Err(Errno::NOENT | Errno::NOTDIR) => continue,
            result => Dir::new(result?)?,
        };
        for entry in listed {
            if messages >= MOST_COUNTED {
                return Ok(MOST_COUNTED);
            }
            let entry = entry?;
            let hidden = entry.file_name().to_bytes().starts_with(b".");
            messages += u64::from(!hidden && entry.file_type() != FileType::Directory);
        }
    }
    Ok(messages)
}

fn open_root(site: &Site<'_>) -> Result<Root, DriverError> {
    Root::open(&site.folders.root)
        .map_err(|error| site.io("open the root", &site.folders.root)(error))
}

fn folder_path(maildir: &Path, folder: Folder) -> PathBuf {
    match name_of(folder) {
        None => maildir.to_owned(),
        Some(name) => maildir.join(name),
    }
}

/// The name of a folder in its Maildir; the INBOX is the Maildir itself.
fn name_of(folder: Folder) -> Option<&'static str> {
    match folder {
        Folder::Inbox => None,
        Folder::Sent => Some(SENT),
        Folder::Drafts => Some(DRAFTS),
    }
}

fn new_maildir() -> Contents {
    let mut contents = new_mail_folder(Path::new(SENT));
    contents.folders.insert(0, PathBuf::from(SENT));
    contents
        .folders
        .extend(Part::ALL.iter().map(|part| PathBuf::from(part.name())));
    let subscriptions = NewFile::new(PathBuf::from("subscriptions"), SUBSCRIPTIONS);
    contents.files.push(subscriptions);
    contents
}

/// A folder other than INBOX, which the empty file tells apart.
fn new_mail_folder(at: &Path) -> Contents {
    Contents {
        folders: Part::ALL.iter().map(|part| at.join(part.name())).collect(),
        files: vec![NewFile::new(at.join(MAILDIR_FOLDER), b"")],
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::decky::{Decky, DeckySource, LocalFolders, Transport};

    /// A folder long enough that one listing of it misses what is renamed meanwhile.
    #[test]
    fn a_message_that_is_renamed_meanwhile_is_found() {
        let root = tempfile::tempdir().unwrap();
        let decky = Decky {
            uuid: "d1".to_owned(),
            name: "mx1".to_owned(),
            source: DeckySource::Fleet,
            services: vec!["imap".to_owned()],
            transport: Transport::Local(LocalFolders::at(root.path())),
        };
        let site = Site::of(&decky).unwrap();
        let maildir = Path::new("Maildir");
        let folder =
            MailFolder::open_or_create(&site, false, maildir, Folder::Inbox, None).unwrap();
        let cur = root.path().join("Maildir/cur");
        for index in 0..3_000 {
            std::fs::write(cur.join(format!("{index},S=0,W=0:2,")), "").unwrap();
        }
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let names = ["1500,S=0,W=0:2,", "1500,S=0,W=0:2,S", "1500,S=0,W=0:2,FS"];
                for (from, to) in names.iter().cycle().zip(names.iter().cycle().skip(1)) {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    std::fs::rename(cur.join(from), cur.join(to)).unwrap();
                }
            });
            // Giving up is fine; "not there" is not.
            let found = (0..200).all(|_| !matches!(folder.find(&site, "1500"), Ok(None)));
            stop.store(true, Ordering::Relaxed);
            assert!(found);
        });
    }
}
