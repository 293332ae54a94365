//! Changing a message that was delivered before.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

use rustix::fs::AtFlags;
use rustix::io::Errno;

use crate::action::{ActivityResult, MailFlagging, MailFlags};
use crate::driver::DriverError;

use super::batch::Done;
use super::delivery::lower_old_fence;
use super::mail_folder::{MailFolder, Part};
use super::names;
use super::site::Site;
use super::tree::rename_new;

/// How often a change is tried on a message that the mail server renames meanwhile, and how much
/// longer to wait before each further try, so as not to lose in step with it: 0.1 s in all.
const CHANGE_TRIES: u32 = 32;
const CHANGE_PAUSE: Duration = Duration::from_micros(200);

/// Adds flags to a message, which moves it to `cur/`.
///
/// It does not wait for the disk: after a power cut the message has its old name or its new one,
/// and a flag that is lost costs nothing.
pub(super) fn flag(
    site: &Site<'_>,
    folder: &MailFolder,
    unique_name: &str,
    flagging: &MailFlagging,
) -> Result<Done, DriverError> {
    for tries in 0..CHANGE_TRIES {
        std::thread::sleep(CHANGE_PAUSE * tries);
        let Some(found) = folder.find(site, unique_name)? else {
            return Ok(ABSENT);
        };
        let name = names::with_flags(found.file_name.as_bytes(), flagging.add);
        let name = OsStr::from_bytes(&name);
        let changed = found.part != Part::Cur || name != found.file_name;
        if flagging.add == MailFlags::default() || !changed {
            let path = folder.file_path(found.part, found.file_name);
            return Ok(flagged(path));
        }
        let from = folder.part(site, found.part)?;
        let path = folder.file_path(Part::Cur, name);
        match rename_new(from, &found.file_name, folder.part(site, Part::Cur)?, name) {
            Ok(()) => {
                lower_old_fence(site, folder, unique_name, Part::Cur)?;
                return Ok(flagged(path));
            }
            Err(Errno::NOENT) => {}
            Err(error) => return Err(site.io("rename a message to", &path)(error)),
        }
    }
    Err(site.io("flag a message in", folder.path())(Errno::AGAIN))
}

fn flagged(path: PathBuf) -> Done {
    Done {
        result: ActivityResult::Flagged { path },
        changed: &[],
    }
}

/// Removes a message from wherever it is.
pub(super) fn remove(
    site: &Site<'_>,
    folder: &MailFolder,
    unique_name: &str,
) -> Result<Done, DriverError> {
    for tries in 0..CHANGE_TRIES {
        std::thread::sleep(CHANGE_PAUSE * tries);
        let Some(found) = folder.find(site, unique_name)? else {
            return Ok(ABSENT);
        };
        let from = folder.part(site, found.part)?;
        match rustix::fs::unlinkat(from, &found.file_name, AtFlags::empty()) {
            Ok(()) => {
                lower_old_fence(site, folder, unique_name, found.part)?;
                return Ok(Done {
                    result: ActivityResult::Removed,
                    changed: found.part.alone(),
                });
            }
            Err(Errno::NOENT) => {}
            Err(error) => {
                let path = folder.file_path(found.part, found.file_name);
                return Err(site.io("remove", &path)(error));
            }
        }
    }
    Err(site.io("remove a message from", folder.path())(
        Errno::AGAIN,
    ))
}

const ABSENT: Done = Done {
    result: ActivityResult::Absent,
    changed: &[],
};
