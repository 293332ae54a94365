//! Deckies whose file system is a folder of this host: a container's volume, a chroot, a
//! template.
//!
//! Mail goes straight into a Maildir++ tree, the way a delivery agent would put it there: a server
//! that runs on the decky finds it as new mail. The intruder may own everything below the root and
//! change it at any moment, so each path is resolved by the kernel with the root as `/`
//! (`openat2`, Linux 5.6), and every name that goes to the disk is checked first.
//!
//! All work is short file I/O and done on the calling thread, inside the future's first poll;
//! an async caller that minds a few milliseconds of `fsync` wraps the call in its runtime's
//! `spawn_blocking`.

mod batch;
mod beneath;
mod change;
mod delivery;
mod files;
mod history;
mod mail_folder;
mod names;
mod site;
mod sync;
mod tree;

use std::path::Path;

use crate::action::{Action, ActionKind, ActivityResult, Folder, MailLocation, MailboxState};
use crate::decky::{Decky, DeckySource, LocalFolders, Transport};
use crate::driver::{ActivityDriver, DriverError};

use self::site::Site;

/// Writes below the root folder of [`Transport::Local`].
///
/// Mail for a mailbox that does not exist creates it, parents included. What decnet creates
/// appears complete, with its owner and mode; what was there before keeps both. A mailbox that it
/// makes can have a [past](crate::action::MailboxHistory), in the words of Dovecot 2.3.
///
/// A delivery is a file of `tmp/` that is renamed. Of two tries at one delivery (a worker that was
/// thought dead, and the one that took over) only one makes it: the later one takes the earlier's
/// file out of `tmp/` before it looks for the message, and leaves an empty `tmp/<name>.0` that
/// turns away a first try which has yet to start. Such a file goes away when the message is
/// flagged or removed an hour later, or when the mail server clears out `tmp/`.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalFoldersDriver {
    options: LocalFoldersOptions,
}

/// How [`LocalFoldersDriver`] writes.
#[derive(Clone, Copy, Debug)]
pub struct LocalFoldersOptions {
    /// Whether an action is on stable storage when it is answered (default). `false` skips every
    /// `fsync`, for simulations that can be run again; a rename is still all or nothing as long as
    /// the machine stays up.
    pub durable: bool,
}

impl Default for LocalFoldersOptions {
    fn default() -> Self {
        Self { durable: true }
    }
}

impl LocalFoldersDriver {
    /// A driver; it holds nothing but its options.
    pub fn new(options: LocalFoldersOptions) -> Self {
        Self { options }
    }
}

/// Whether the Maildir template of `folders` can be filled in for a mailbox.
pub(crate) fn check_maildir(folders: &LocalFolders) -> Result<(), DriverError> {
    let decky = Decky {
        uuid: String::new(),
        name: "any".to_owned(),
        source: DeckySource::Fleet,
        services: Vec::new(),
        transport: Transport::Local(folders.clone()),
    };
    let maildir_of = |login: &str, address: &str| {
        let mailbox = MailLocation {
            login: login.to_owned(),
            address: address.to_owned(),
            folder: Folder::Inbox,
            unique_name: String::new(),
        };
        names::maildir(&Site::of(&decky)?, &mailbox)
    };
    if maildir_of("ana", "ana@a.example")? == maildir_of("ben", "ben@a.example")? {
        return Err(DriverError::InvalidArgument {
            decky: decky.name.clone(),
            what: "maildir",
            value: folders.maildir.chars().take(200).collect(),
            reason: "every mailbox would lie in the same folder; use {login} or {address}",
        });
    }
    Ok(())
}

#[async_trait::async_trait]
impl ActivityDriver for LocalFoldersDriver {
    fn capabilities(&self) -> &'static [ActionKind] {
        &[ActionKind::Email, ActionKind::File, ActionKind::Edit]
    }

    async fn run(&self, decky: &Decky, action: &Action) -> Result<ActivityResult, DriverError> {
        batch::run_one(self.options.durable, decky, action)
    }

    async fn run_all(
        &self,
        actions: &[(&Decky, &Action)],
    ) -> Vec<Result<ActivityResult, DriverError>> {
        batch::run_all(self.options.durable, actions)
    }

    async fn probe(&self, decky: &Decky) -> Result<(), DriverError> {
        let site = Site::of(decky)?;
        check_maildir(site.folders)?;
        mail_folder::probe(&site)
    }

    async fn mailbox_state(
        &self,
        decky: &Decky,
        mailbox: &MailLocation,
    ) -> Result<MailboxState, DriverError> {
        mail_folder::mailbox_state(&Site::of(decky)?, mailbox)
    }

    async fn plant_file(
        &self,
        decky: &Decky,
        path: &Path,
        bytes: &[u8],
        mode: Option<u32>,
        mtime: Option<i64>,
    ) -> Result<(), DriverError> {
        let durable = self.options.durable;
        files::plant(&Site::of(decky)?, durable, path, bytes, mode, mtime)
    }

    async fn read_file(
        &self,
        decky: &Decky,
        path: &Path,
        limit: u64,
    ) -> Result<Vec<u8>, DriverError> {
        files::read(&Site::of(decky)?, path, limit)
    }
}
