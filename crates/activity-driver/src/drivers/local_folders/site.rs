//! One decky during one call: its transport, and errors that name it.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;

use crate::decky::{Decky, LocalFolders, Transport};
use crate::driver::DriverError;

/// Longest argument that an error repeats, in characters.
const LONGEST_QUOTE: usize = 200;

#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    name: &'a str,
    pub(super) folders: &'a LocalFolders,
}

impl<'a> Site<'a> {
    pub(super) fn of(decky: &'a Decky) -> Result<Self, DriverError> {
        let Transport::Local(folders) = &decky.transport;
        let site = Self {
            name: &decky.name,
            folders,
        };
        if !folders.root.is_absolute() {
            let root = folders.root.to_string_lossy();
            return Err(site.invalid("root", &root, "it is not an absolute path"));
        }
        if folders.file_mode > 0o7777 || folders.dir_mode > 0o7777 {
            let modes = format!("{:o}, {:o}", folders.file_mode, folders.dir_mode);
            return Err(site.invalid("mode", &modes, "it has more than four octal digits"));
        }
        Ok(site)
    }

    /// Gives an open file or folder its owner and exactly this mode, whatever the umask says.
    pub(super) fn own(&self, file: impl AsFd, mode: u32) -> Result<(), Errno> {
        // Looking is much cheaper than a change that changes nothing.
        let now = rustix::fs::fstat(&file)?;
        let uid = self.folders.uid.filter(|&uid| uid != now.st_uid);
        let gid = self.folders.gid.filter(|&gid| gid != now.st_gid);
        let chown = uid.is_some() || gid.is_some();
        if chown {
            rustix::fs::fchown(&file, uid.map(Uid::from_raw), gid.map(Gid::from_raw))?;
        }
        // A change of owner clears the set-id bits.
        if chown || now.st_mode & 0o7777 != mode {
            rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
        }
        Ok(())
    }

    pub(super) fn io<'p, E: Into<io::Error>>(
        &self,
        operation: &'static str,
        path: &'p Path,
    ) -> impl FnOnce(E) -> DriverError + use<'a, 'p, E> {
        let decky = self.name;
        move |error| DriverError::Io {
            decky: decky.to_owned(),
            operation,
            path: path.to_owned(),
            source: error.into(),
        }
    }

    pub(super) fn invalid(
        &self,
        what: &'static str,
        value: &str,
        reason: &'static str,
    ) -> DriverError {
        DriverError::InvalidArgument {
            decky: self.name.to_owned(),
            what,
            value: value.chars().take(LONGEST_QUOTE).collect(),
            reason,
        }
    }

    pub(super) fn outside(&self, path: &Path) -> DriverError {
        DriverError::OutsideRoot {
            decky: self.name.to_owned(),
            path: path.to_owned(),
        }
    }

    pub(super) fn absent(&self, path: &Path) -> DriverError {
        DriverError::Absent {
            decky: self.name.to_owned(),
            path: path.to_owned(),
        }
    }

    pub(super) fn too_large(&self, path: &Path, limit: u64) -> DriverError {
        DriverError::TooLarge {
            decky: self.name.to_owned(),
            path: path.to_owned(),
            limit,
        }
    }

    pub(super) fn overtaken(&self, path: &Path) -> DriverError {
        DriverError::Overtaken {
            decky: self.name.to_owned(),
            path: path.to_owned(),
        }
    }
}
