//! Delivering one message.
//!
//! # Tries that overlap
//!
//! The caller numbers its tries. A worker may be overtaken at any point (its lease ran out while
//! it was suspended), and wake up later and go on. Two tries never make two messages because of
//! this order:
//!
//! - Each try first makes its own file in `tmp/`: the unique name for the first try, the unique
//!   name and the number for later ones.
//! - A later try then unlinks the files of all earlier ones, whose rename will fail, and gives up
//!   if it sees the file of a try later than itself. Only then does it look for the message. So of
//!   two tries above 1 the higher either stops the lower, or has finished before the lower looks.
//! - The first try does not look, because listing a folder for every new message would be slow.
//!   Instead each later try leaves an empty file, the *fence* (`<unique name>.0`), before it
//!   unlinks anything, and the first try gives up if the fence is there once its own file is. The
//!   fence stays after a delivery, since a first try could still wake up; flagging or removing
//!   the message an hour later takes it away, and so does a mail server that clears out `tmp/`.

use std::borrow::Cow;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::rc::Rc;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, Timespec, Timestamps};
use rustix::io::Errno;

use crate::action::{ActivityResult, MailDelivery, MailFlags};
use crate::driver::DriverError;

use super::batch::Done;
use super::beneath::subfolder;
use super::mail_folder::{MailFolder, Part};
use super::names;
use super::site::Site;
use super::tree::rename_new;

/// Number of the fence among the files of one message in `tmp/`, which no try has.
const FENCE: u32 = 0;
/// After how long a first try that has yet to begin is taken for dead, in seconds.
const OLD_FENCE_SECONDS: i64 = 3_600;

/// What became of a delivery before the disk was waited for.
pub(super) enum Step<'a> {
    Written(Written<'a>),
    Done(Done),
}

/// A message in `tmp/`, which goes away again unless it is published.
pub(super) struct Written<'a> {
    site: Site<'a>,
    tmp: TmpFile,
    file: File,
    part: Part,
    file_name: String,
    size: u64,
}

impl<'a> Written<'a> {
    pub(super) fn site(&self) -> &Site<'a> {
        &self.site
    }

    pub(super) fn folder(&self) -> &Rc<MailFolder> {
        &self.tmp.folder
    }
}

impl AsFd for Written<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Puts a message into `tmp/`, unless it is found to be delivered already.
pub(super) fn write<'a>(
    site: &Site<'a>,
    folder: &Rc<MailFolder>,
    unique_name: &str,
    delivery: &MailDelivery,
) -> Result<Step<'a>, DriverError> {
    let message = with_line_feeds(&delivery.message);
    let line_feeds = message.iter().filter(|&&byte| byte == b'\n').count();
    let mut file_name = names::message_name(unique_name, message.len(), line_feeds);
    let part = if delivery.flags == MailFlags::default() {
        Part::New
    } else {
        file_name.push_str(":2,");
        file_name.push_str(names::flag_letters(delivery.flags));
        Part::Cur
    };
    let attempt = delivery.attempt.max(1);

    let (tmp, mut file) = TmpFile::create(site, folder, names::tmp_name(unique_name, attempt))?;
    if attempt > 1 {
        let raised = raise_fence(site, folder, unique_name)?;
        withdraw_earlier(site, folder, unique_name, attempt)?;
        if let Some(found) = folder.find(site, unique_name)? {
            // A try above the second would have raised the fence before, or unlinked this file
            // since, had it got as far as to deliver. So the first one has delivered, cannot do
            // so again, and need not be fenced off.
            if raised && attempt == 2 && tmp.is_there(site)? {
                lower_fence(site, folder, unique_name);
            }
            let path = folder.file_path(found.part, found.file_name);
            return Ok(Step::Done(Done {
                result: ActivityResult::AlreadyDelivered { path },
                changed: found.part.alone(),
            }));
        }
    } else if fence_is_up(site, folder, unique_name)? {
        return Err(site.overtaken(folder.path()));
    }

    let failed = |error| site.io("write", &tmp.path())(error);
    file.write_all(&message).map_err(failed)?;
    site.own(&file, site.folders.file_mode)
        .and_then(|()| rustix::fs::futimens(&file, &at(delivery.delivered_at)))
        .map_err(|error| failed(error.into()))?;
    Ok(Step::Written(Written {
        site: *site,
        tmp,
        file,
        part,
        file_name,
        size: message.len() as u64,
    }))
}

/// Moves a message from `tmp/` to where the mail server sees it.
pub(super) fn publish(written: Written<'_>) -> Result<Done, DriverError> {
    let Written {
        site,
        tmp,
        part,
        file_name,
        size,
        ..
    } = written;
    let folder = Rc::clone(&tmp.folder);
    let path = folder.file_path(part, &file_name);
    let renamed = rename_new(
        folder.part(&site, Part::Tmp)?,
        &tmp.name,
        folder.part(&site, part)?,
        &file_name,
    );
    let result = match renamed {
        Ok(()) => {
            tmp.keep();
            ActivityResult::Delivered { path, size }
        }
        Err(Errno::EXIST) => ActivityResult::AlreadyDelivered { path },
        // A later try unlinked it, or somebody removed the folder: either way, not delivered.
        Err(Errno::NOENT) => return Err(site.overtaken(folder.path())),
        Err(error) => return Err(site.io("move a message to", &path)(error)),
    };
    Ok(Done {
        result,
        changed: part.alone(),
    })
}

/// Removes the fence of a message if it is an hour old. `changed` has just been written to, so
/// that its time is now.
pub(super) fn lower_old_fence(
    site: &Site<'_>,
    folder: &MailFolder,
    unique_name: &str,
    changed: Part,
) -> Result<(), DriverError> {
    let fence = names::tmp_name(unique_name, FENCE);
    let tmp = folder.part(site, Part::Tmp)?;
    if let Ok(fenced) = rustix::fs::statat(tmp, &fence, AtFlags::SYMLINK_NOFOLLOW) {
        let now = rustix::fs::fstat(folder.part(site, changed)?)
            .map_err(|error| site.io("look at", folder.path())(error))?;
        if now.st_mtime - fenced.st_mtime > OLD_FENCE_SECONDS {
            lower_fence(site, folder, unique_name);
        }
    }
    Ok(())
}

/// Both times of a file, in Unix seconds.
pub(super) fn at(seconds: i64) -> Timestamps {
    let time = Timespec {
        tv_sec: seconds,
        tv_nsec: 0,
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

/// A file of `tmp/`, unlinked on drop unless kept.
struct TmpFile {
    folder: Rc<MailFolder>,
    name: String,
    keep: bool,
}

impl TmpFile {
    fn create(
        site: &Site<'_>,
        folder: &Rc<MailFolder>,
        name: String,
    ) -> Result<(Self, File), DriverError> {
        match create(site, folder.part(site, Part::Tmp)?, &name) {
            Ok(file) => {
                let tmp = Self {
                    folder: Rc::clone(folder),
                    name,
                    keep: false,
                };
                Ok((tmp, file))
            }
            // This try was made before, whether or not it is still under way.
            Err(Errno::EXIST) => Err(site.overtaken(folder.path())),
            Err(error) => Err(site.io("create", &folder.file_path(Part::Tmp, &name))(
                error,
            )),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.file_path(Part::Tmp, &self.name)
    }

    /// Whether no later try has unlinked it.
    fn is_there(&self, site: &Site<'_>) -> Result<bool, DriverError> {
        exists(site, &self.folder, &self.name)
    }

    fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for TmpFile {
    fn drop(&mut self) {
        if let Some(tmp) = self.folder.opened(Part::Tmp).filter(|_| !self.keep) {
            // Fails if a later try did it already.
            let _ = rustix::fs::unlinkat(tmp, &self.name, AtFlags::empty());
        }
    }
}

fn create(site: &Site<'_>, tmp: BorrowedFd<'_>, name: &str) -> Result<File, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    // Usually what is wanted at once; the umask may take away, and set-id bits come with the owner.
    let mode = Mode::from_raw_mode(site.folders.file_mode & 0o777);
    rustix::fs::openat(tmp, name, flags, mode).map(File::from)
}

/// Whether the fence was not there before.
fn raise_fence(
    site: &Site<'_>,
    folder: &MailFolder,
    unique_name: &str,
) -> Result<bool, DriverError> {
    let name = names::tmp_name(unique_name, FENCE);
    let raised = create(site, folder.part(site, Part::Tmp)?, &name)
        .and_then(|fence| site.own(fence, site.folders.file_mode));
    match raised {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => Ok(false),
        Err(error) => Err(site.io("create", &folder.file_path(Part::Tmp, &name))(
            error,
        )),
    }
}

fn fence_is_up(
    site: &Site<'_>,
    folder: &MailFolder,
    unique_name: &str,
) -> Result<bool, DriverError> {
    exists(site, folder, &names::tmp_name(unique_name, FENCE))
}

fn lower_fence(site: &Site<'_>, folder: &MailFolder, unique_name: &str) {
    if let Ok(tmp) = folder.part(site, Part::Tmp) {
        // Best effort, as it does no harm.
        let fence = names::tmp_name(unique_name, FENCE);
        let _ = rustix::fs::unlinkat(tmp, fence, AtFlags::empty());
    }
}

/// Whether `tmp/` has a file of this name.
fn exists(site: &Site<'_>, folder: &MailFolder, name: &str) -> Result<bool, DriverError> {
    let tmp = folder.part(site, Part::Tmp)?;
    match rustix::fs::statat(tmp, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(site.io("look for", &folder.file_path(Part::Tmp, name))(
            error,
        )),
    }
}

/// Unlinks what earlier tries have in `tmp/`.
fn withdraw_earlier(
    site: &Site<'_>,
    folder: &MailFolder,
    unique_name: &str,
    attempt: u32,
) -> Result<(), DriverError> {
    let tmp = folder.part(site, Part::Tmp)?;
    let failed = |error: Errno| site.io("clear out", &folder.path().join("tmp"))(error);
    for entry in subfolder(tmp, ".").and_then(Dir::new).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        match names::attempt_of(entry.file_name().to_bytes(), unique_name) {
            None | Some(FENCE) => {}
            Some(other) if other > attempt => return Err(site.overtaken(folder.path())),
            Some(other) if other == attempt => {}
            Some(other) => match rustix::fs::unlinkat(tmp, entry.file_name(), AtFlags::empty()) {
                Ok(()) => tracing::debug!(
                    unique_name,
                    attempt,
                    withdrawn = other,
                    "withdrew an unfinished delivery"
                ),
                Err(Errno::NOENT) => {}
                Err(error) => return Err(failed(error)),
            },
        }
    }
    Ok(())
}

/// Ends every line with LF alone, as a Maildir wants it.
fn with_line_feeds(message: &[u8]) -> Cow<'_, [u8]> {
    if !message.contains(&b'\r') {
        return Cow::Borrowed(message);
    }
    let mut out: Vec<u8> = Vec::with_capacity(message.len());
    for &byte in message {
        if byte == b'\n' {
            while out.last() == Some(&b'\r') {
                out.pop();
            }
        }
        out.push(byte);
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::action::{Folder, MailLocation};
    use crate::decky::{Decky, DeckySource, LocalFolders, Transport};

    const NAME: &str = "1780000000.M1P2.mx1";

    /// A mailbox in which tries overlap as a test says.
    struct Mailbox {
        root: tempfile::TempDir,
        decky: Decky,
    }

    impl Mailbox {
        fn new() -> Self {
            let root = tempfile::tempdir().unwrap();
            let decky = Decky {
                uuid: "d1".to_owned(),
                name: "mx1".to_owned(),
                source: DeckySource::Fleet,
                services: vec!["imap".to_owned()],
                transport: Transport::Local(LocalFolders::at(root.path())),
            };
            Self { root, decky }
        }

        fn write(&self, attempt: u32) -> Result<Step<'_>, DriverError> {
            let site = Site::of(&self.decky)?;
            let maildir = Path::new("home/ana/Maildir");
            let folder = MailFolder::open_or_create(&site, false, maildir, Folder::Inbox, None)?;
            let delivery = MailDelivery {
                location: MailLocation {
                    login: "ana".to_owned(),
                    address: "ana@corp.example".to_owned(),
                    folder: Folder::Inbox,
                    unique_name: NAME.to_owned(),
                },
                message: b"Hi\n".to_vec(),
                delivered_at: 1_780_000_000,
                flags: MailFlags::default(),
                attempt,
                history: None,
            };
            write(&site, &Rc::new(folder), NAME, &delivery)
        }

        fn written(&self, attempt: u32) -> Written<'_> {
            match self.write(attempt).unwrap() {
                Step::Written(written) => written,
                Step::Done(done) => panic!("try {attempt} ends with {:?}", done.result),
            }
        }

        /// The mail server takes the message out of `new/`.
        fn serve(&self) {
            for name in self.names("new") {
                let from = self.part("new").join(&name);
                std::fs::rename(from, self.part("cur").join(format!("{name}:2,S"))).unwrap();
            }
        }

        fn part(&self, part: &str) -> PathBuf {
            self.root.path().join("home/ana/Maildir").join(part)
        }

        fn names(&self, part: &str) -> Vec<String> {
            std::fs::read_dir(self.part(part))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect()
        }

        fn messages(&self) -> usize {
            self.names("new").len() + self.names("cur").len()
        }
    }

    fn delivered(done: Result<Done, DriverError>) {
        let result = done.unwrap().result;
        assert!(
            matches!(result, ActivityResult::Delivered { .. }),
            "{result:?}"
        );
    }

    fn already(step: Result<Step<'_>, DriverError>) {
        match step.unwrap() {
            Step::Done(Done {
                result: ActivityResult::AlreadyDelivered { .. },
                ..
            }) => {}
            Step::Done(done) => panic!("{:?}", done.result),
            Step::Written(_) => panic!("written a second time"),
        }
    }

    fn overtaken<T>(result: Result<T, DriverError>) {
        match result {
            Err(error @ DriverError::Overtaken { .. }) => assert!(error.is_transient()),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("not overtaken"),
        }
    }

    #[test]
    fn a_first_try_that_stops_before_its_rename_is_overtaken() {
        for served in [false, true] {
            let mailbox = Mailbox::new();
            let first = mailbox.written(1);
            let second = mailbox.written(2);
            delivered(publish(second));
            if served {
                mailbox.serve();
            }
            overtaken(publish(first));
            assert_eq!(mailbox.messages(), 1);
        }
    }

    #[test]
    fn a_first_try_that_has_yet_to_start_is_turned_away() {
        let mailbox = Mailbox::new();
        delivered(publish(mailbox.written(2)));
        mailbox.serve();
        overtaken(mailbox.write(1));
        assert_eq!(mailbox.messages(), 1);
        assert_eq!(mailbox.names("tmp"), [format!("{NAME}.0")]);
    }

    #[test]
    fn a_lower_try_gives_way_to_a_higher_one() {
        let mailbox = Mailbox::new();
        let third = mailbox.written(3);
        overtaken(mailbox.write(2));
        overtaken(mailbox.write(1));
        delivered(publish(third));
        already(mailbox.write(2));
        assert_eq!(mailbox.messages(), 1);
    }

    #[test]
    fn the_same_try_twice_writes_once() {
        let mailbox = Mailbox::new();
        for attempt in 1..3 {
            let once = mailbox.written(attempt);
            overtaken(mailbox.write(attempt));
            drop(once);
        }
        assert_eq!(mailbox.messages(), 0);
    }

    #[test]
    fn what_a_killed_try_left_is_cleared_away() {
        let mailbox = Mailbox::new();
        for attempt in [1, 2, 3] {
            std::mem::forget(mailbox.written(attempt));
        }
        delivered(publish(mailbox.written(4)));
        assert_eq!(mailbox.names("tmp"), [format!("{NAME}.0")]);
        assert_eq!(mailbox.messages(), 1);
    }

    #[test]
    fn a_delivery_that_is_merely_repeated_leaves_nothing_behind() {
        let mailbox = Mailbox::new();
        delivered(publish(mailbox.written(1)));
        mailbox.serve();
        already(mailbox.write(2));
        already(mailbox.write(3));
        // The third try raised a fence of its own, which only the second may lower.
        assert!(mailbox.names("tmp").len() <= 1);
        let mailbox = Mailbox::new();
        delivered(publish(mailbox.written(1)));
        already(mailbox.write(2));
        assert_eq!(mailbox.names("tmp"), [""; 0]);
    }

    #[test]
    fn an_old_fence_goes_when_the_message_is_changed() {
        for (age, left) in [(60, 1), (2 * OLD_FENCE_SECONDS, 0)] {
            let mailbox = Mailbox::new();
            delivered(publish(mailbox.written(2)));
            let fence = mailbox.part("tmp").join(format!("{NAME}.0"));
            let fence = File::options().write(true).open(fence).unwrap();
            let now = fence.metadata().unwrap().modified().unwrap();
            let then = now - std::time::Duration::from_secs(age.unsigned_abs());
            fence.set_modified(then).unwrap();

            let site = Site::of(&mailbox.decky).unwrap();
            let maildir = Path::new("home/ana/Maildir");
            let folder = MailFolder::open(&site, maildir, Folder::Inbox).unwrap();
            let folder = folder.unwrap();
            let removed = super::super::change::remove(&site, &folder, NAME).unwrap();
            assert_eq!(removed.result, ActivityResult::Removed);
            assert_eq!(mailbox.names("tmp").len(), left, "fence of {age} seconds");
        }
    }

    #[test]
    fn line_ends_become_line_feeds() {
        for (from, to) in [
            (&b"a\r\nb\n"[..], &b"a\nb\n"[..]),
            (b"a\r\r\nb", b"a\nb"),
            (b"a\rb\r", b"a\rb\r"),
            (b"\r\n", b"\n"),
            (b"", b""),
        ] {
            assert_eq!(with_line_feeds(from), to);
        }
    }
}
