//! Deckies and actions for tests.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test crate uses its own part of this"
)]

use std::path::Path;

use decnet_activity_driver::action::{
    Action, Folder, MailDelivery, MailFlagging, MailFlags, MailLocation,
};
use decnet_activity_driver::decky::{Decky, DeckySource, LocalFolders, Transport};
use decnet_activity_driver::drivers::local_folders::{LocalFoldersDriver, LocalFoldersOptions};

pub const NO_FLAGS: MailFlags = MailFlags {
    draft: false,
    answered: false,
    seen: false,
};
pub const SEEN: MailFlags = MailFlags {
    draft: false,
    answered: false,
    seen: true,
};

pub fn fast() -> LocalFoldersDriver {
    LocalFoldersDriver::new(LocalFoldersOptions { durable: false })
}

pub fn decky(root: &Path) -> Decky {
    decky_with(LocalFolders::at(root))
}

pub fn decky_with(folders: LocalFolders) -> Decky {
    Decky {
        uuid: "d1".to_owned(),
        name: "mx1".to_owned(),
        source: DeckySource::Fleet,
        services: vec!["imap".to_owned()],
        transport: Transport::Local(folders),
    }
}

pub fn location(folder: Folder, unique_name: &str) -> MailLocation {
    MailLocation {
        login: "ana".to_owned(),
        address: "ana@corp.example".to_owned(),
        folder,
        unique_name: unique_name.to_owned(),
    }
}

pub fn delivery(unique_name: &str, attempt: u32) -> MailDelivery {
    MailDelivery {
        location: location(Folder::Inbox, unique_name),
        message: b"Subject: hi\n\nHello\n".to_vec(),
        delivered_at: 1_700_000_000,
        flags: NO_FLAGS,
        attempt,
        history: None,
    }
}

pub fn deliver(unique_name: &str, attempt: u32) -> Action {
    Action::DeliverMail(delivery(unique_name, attempt))
}

pub fn flag(unique_name: &str, add: MailFlags) -> Action {
    Action::FlagMail(MailFlagging {
        location: location(Folder::Inbox, unique_name),
        add,
    })
}

pub fn remove(unique_name: &str) -> Action {
    Action::RemoveMail(location(Folder::Inbox, unique_name))
}

/// The names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()))
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Everything below a folder, sorted.
pub fn tree(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, below: &str, out: &mut Vec<String>) {
        for name in names(folder) {
            let below = format!("{below}{name}");
            let path = folder.join(&name);
            out.push(below.clone());
            if path.symlink_metadata().unwrap().is_dir() {
                walk(&path, &format!("{below}/"), out);
            }
        }
    }
    let mut out = Vec::new();
    walk(folder, "", &mut out);
    out
}
