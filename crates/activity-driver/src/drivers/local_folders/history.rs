//! What a mailbox shows of its past, in the files that Dovecot 2.3 keeps.
//!
//! Observed with 2.3.19: `dovecot-uidlist` is read before anything else is known of a folder, and
//! its first line gives `UIDVALIDITY` (`V`), the UID of the next new message (`N`) and the folder's
//! GUID (`G`). Messages that it does not list get UIDs from there, in the order of their names.
//! Dovecot appends to it and leaves the line as it is. `dovecot-uidvalidity` has the last
//! `UIDVALIDITY` that was given out, as does the name of the empty file beside it, which nobody may
//! write to; the next folder gets the one after that. Without these two it would get the time.

use std::path::{Path, PathBuf};

use crate::action::{FolderHistory, MailboxHistory};
use crate::driver::DriverError;

use super::mail_folder::{MAILDIR_FOLDER, SENT};
use super::site::Site;
use super::tree::NewFile;

const UIDLIST: &str = "dovecot-uidlist";
const UIDVALIDITY: &str = "dovecot-uidvalidity";
/// Mode of the file whose name is a `UIDVALIDITY`.
const MARKER_MODE: u32 = 0o444;

/// The files of a new mailbox that tell its past.
pub(super) fn files(site: &Site<'_>, past: &MailboxHistory) -> Result<[NewFile; 5], DriverError> {
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

fn uidlist(site: &Site<'_>, folder: &Path, past: &FolderHistory) -> Result<NewFile, DriverError> {
    let FolderHistory {
        uid_validity,
        next_uid,
        guid,
    } = past;
    for (what, value) in [("uid_validity", *uid_validity), ("next_uid", *next_uid)] {
        if value == 0 {
            return Err(site.invalid(what, "0", "it starts at 1"));
        }
    }
    let guid: String = guid.iter().map(|byte| format!("{byte:02x}")).collect();
    let line = format!("3 V{uid_validity} N{next_uid} G{guid}\n");
    Ok(NewFile::new(folder.join(UIDLIST), line.into_bytes()))
}
