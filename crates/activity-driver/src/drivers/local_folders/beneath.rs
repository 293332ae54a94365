//! Opening things below a root that its inhabitants may change at any moment.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// How often a path is resolved again when a rename got in the way.
const RESOLVE_TRIES: u32 = 64;

/// The root folder of a decky. The kernel resolves every path as if this were `/`: `..` and
/// absolute symbolic links stay inside, whoever changes them meanwhile.
pub(super) struct Root(OwnedFd);

impl Root {
    pub(super) fn open(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(CWD, path, flags, Mode::empty()).map(Self)
    }

    /// A handle on a folder, to name things in. The empty path is the root itself.
    pub(super) fn folder(&self, below: &Path) -> Result<OwnedFd, Errno> {
        let below = if below.as_os_str().is_empty() {
            Path::new(".")
        } else {
            below
        };
        self.resolve(below, OFlags::PATH | OFlags::DIRECTORY)
    }

    /// A handle on anything, which opens nothing: no device notices and no FIFO waits.
    pub(super) fn handle(&self, below: &Path) -> Result<OwnedFd, Errno> {
        self.resolve(below, OFlags::PATH)
    }

    fn resolve(&self, below: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let within = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        openat2(self.0.as_fd(), below, flags, within)
    }
}

/// Opens a folder below `folder` without following any symbolic link. The empty path is `folder`.
pub(super) fn plain_folder(folder: impl AsFd, below: &Path) -> Result<OwnedFd, Errno> {
    let below = if below.as_os_str().is_empty() {
        Path::new(".")
    } else {
        below
    };
    let within = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    openat2(folder.as_fd(), below, OFlags::DIRECTORY, within)
}

/// Opens a folder by its name in `folder`; not through a symbolic link. It can be listed and
/// synced.
pub(super) fn subfolder(folder: impl AsFd, name: impl AsRef<OsStr>) -> Result<OwnedFd, Errno> {
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(folder, name.as_ref(), flags, Mode::empty())
}

/// Makes the entries of a folder durable, through a handle that may be good for names alone.
pub(super) fn sync_folder(folder: impl AsFd) -> Result<(), Errno> {
    rustix::fs::fsync(subfolder(folder, ".")?)
}

fn openat2(
    folder: BorrowedFd<'_>,
    below: &Path,
    flags: OFlags,
    within: ResolveFlags,
) -> Result<OwnedFd, Errno> {
    let mut tries = 1;
    loop {
        match rustix::fs::openat2(
            folder,
            below,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            within,
        ) {
            // A rename elsewhere made it impossible to prove that `..` stayed inside.
            Err(Errno::AGAIN | Errno::INTR) if tries < RESOLVE_TRIES => tries += 1,
            result => return result,
        }
    }
}
