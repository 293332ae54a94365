//! What a mailbox shows of its past, in the files that Dovecot 2.3 keeps.
//!
//! Observed with 2.3.19: `dovecot-uidlist` is read before anything else is known of a folder, and
//! its first line gives `UIDVALIDITY` (`V`), the UID of the next new message (`N`) and the folder's
//! GUID (`G`). Messages that it does not list get UIDs from there, in the order of their names.
//! Dovecot appends to it and leaves the line as it is. `dovecot-uidvalidity` has the last
//! `UIDVALIDITY` that was given out, as does the name of the empty file beside it, which nobody may
//! write to; the next folder gets the one after that. Without these two it would get the time.
//!
//! A folder that is made later takes its `UIDVALIDITY` the way Dovecot does: the empty file is
//! renamed to the next number, which only one of two can do, and then the other file is rewritten.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Dir, Mode, OFlags};
use rustix::io::Errno;

use crate::action::{FolderHistory, LaterFolderHistory, MailboxHistory};
use crate::driver::DriverError;

use super::beneath::subfolder;
use super::mail_folder::{MAILDIR_FOLDER, SENT};
use super::site::Site;
use super::tree::{NewFile, rename_new};

const UIDLIST: &str = "dovecot-uidlist";
const UIDVALIDITY: &str = "dovecot-uidvalidity";
/// Mode of the file whose name is a `UIDVALIDITY`.
const MARKER_MODE: u32 = 0o444;
const SUBSCRIPTIONS: &str = "subscriptions";
/// Most of a file of subscriptions that is looked at: thousands of folders.
const LONGEST_SUBSCRIPTIONS: u64 = 256 * 1024;
/// How often the next `UIDVALIDITY` is asked for when somebody else takes it meanwhile.
const MOST_RENAMES: u32 = 16;

/// The files of a new mailbox that tell its past.
pub(super) fn files(site: &Site<'_>, past: &MailboxHistory) -> Result<[NewFile; 5], DriverError> {
    at_least_one(site, "next_uid", past.drafts.next_uid)?;
    let last = past.inbox.uid_validity.max(past.sent.uid_validity);
    let marker = PathBuf::from(format!("{UIDVALIDITY}.{last:08x}"));
    Ok([
        uidlist(site, Path::new(""), &past.inbox)?,
        uidlist(site, Path::new(SENT), &past.sent)?,
        NewFile::new(
            PathBuf::from(UIDVALIDITY),
            format!("{last:08x}").into_bytes(),
        ),
        NewFile::new(marker, b"").with_mode(MARKER_MODE),
        NewFile::new(PathBuf::from(MAILDIR_FOLDER), b""),
    ])
}

/// The files that tell the past of a folder which a mailbox gets later, and subscribes the mailbox
/// to it. None if there is no past to tell, or if the mailbox itself shows none: then the mail
/// server dates the folder as it dated the others.
pub(super) fn of_later_folder(
    maildir: &OwnedFd,
    folder: &str,
    past: Option<&LaterFolderHistory>,
) -> Result<Option<NewFile>, Errno> {
    // What a mail program does when it makes a folder. A mailbox without that file has clients that
    // keep no subscriptions.
    match subscribe(maildir, folder.trim_start_matches('.')) {
        Err(Errno::NOENT | Errno::LOOP | Errno::ACCESS) => {}
        result => result?,
    }
    let Some(past) = past else { return Ok(None) };
    let Some(uid_validity) = next_validity(maildir)? else {
        return Ok(None);
    };
    let line = uidlist_line(&FolderHistory {
        uid_validity,
        next_uid: past.next_uid,
        guid: past.guid,
    });
    Ok(Some(NewFile::new(
        PathBuf::from(UIDLIST),
        line.into_bytes(),
    )))
}

/// Takes the next `UIDVALIDITY` of a mailbox; `None` if it never gave one out. One that is taken
/// and not used, since the process ended, is skipped for good, which is as well.
fn next_validity(maildir: &OwnedFd) -> Result<Option<u32>, Errno> {
    for _ in 0..MOST_RENAMES {
        let Some(last) = last_validity(maildir)? else {
            return Ok(None);
        };
        let Some(next) = last.checked_add(1) else {
            return Ok(None);
        };
        let marker = |number: u32| format!("{UIDVALIDITY}.{number:08x}");
        match rename_new(maildir, marker(last), maildir, marker(next)) {
            Ok(()) => {
                // A hint for the server, which finds the number by the marker if it is wrong.
                let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                if let Ok(file) = rustix::fs::openat(maildir, UIDVALIDITY, flags, Mode::empty()) {
                    let written =
                        File::from(file).write_all_at(format!("{next:08x}").as_bytes(), 0);
                    if let Err(error) = written {
                        tracing::debug!(%error, "cannot write {UIDVALIDITY}");
                    }
                }
                return Ok(Some(next));
            }
            // The server was faster.
            Err(Errno::NOENT | Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno::AGAIN)
}

/// The last `UIDVALIDITY` that was given out, by the names of the markers.
fn last_validity(maildir: &OwnedFd) -> Result<Option<u32>, Errno> {
    let mut last = None;
    for entry in Dir::new(subfolder(maildir, ".")?)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        let number = name
            .to_str()
            .and_then(|name| name.strip_prefix(UIDVALIDITY)?.strip_prefix('.'))
            .filter(|digits| digits.len() == 8)
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        last = last.max(number);
    }
    Ok(last)
}

/// Adds a folder to the subscriptions of a mailbox, in the format of Dovecot 2.3. A file in another
/// format is left alone.
fn subscribe(maildir: &OwnedFd, folder: &str) -> Result<(), Errno> {
    // Not a FIFO that an intruder made of it, nor a link to another file.
    let flags =
        OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = File::from(rustix::fs::openat(
        maildir,
        SUBSCRIPTIONS,
        flags,
        Mode::empty(),
    )?);
    let io = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    if !file.metadata().map_err(io)?.is_file() {
        return Ok(());
    }
    let mut subscribed = Vec::new();
    Read::by_ref(&mut file)
        .take(LONGEST_SUBSCRIPTIONS)
        .read_to_end(&mut subscribed)
        .map_err(io)?;
    let is_there = subscribed
        .split(|byte| *byte == b'\n')
        .any(|line| line == folder.as_bytes());
    if is_there || !subscribed.starts_with(b"V\t2\n") || !subscribed.ends_with(b"\n") {
        return Ok(());
    }
    file.write_all(format!("{folder}\n").as_bytes()).map_err(io)
}

fn uidlist(site: &Site<'_>, folder: &Path, past: &FolderHistory) -> Result<NewFile, DriverError> {
    for (what, value) in [
        ("uid_validity", past.uid_validity),
        ("next_uid", past.next_uid),
    ] {
        at_least_one(site, what, value)?;
    }
    let line = uidlist_line(past);
    Ok(NewFile::new(folder.join(UIDLIST), line.into_bytes()))
}

fn at_least_one(site: &Site<'_>, what: &'static str, value: u32) -> Result<(), DriverError> {
    if value == 0 {
        return Err(site.invalid(what, "0", "it starts at 1"));
    }
    Ok(())
}

/// The first line of a `dovecot-uidlist`.
fn uidlist_line(past: &FolderHistory) -> String {
    let FolderHistory {
        uid_validity,
        next_uid,
        guid,
    } = past;
    let guid: String = guid.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("3 V{uid_validity} N{next_uid} G{guid}\n")
}
