//! Small file systems, for full and read-only disks.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file system in memory, unmounted at the end.
#[derive(Debug)]
pub struct Small {
    path: PathBuf,
}

impl Small {
    /// Mounts one of so many kilobytes over a folder that is empty. `None`, with a printed reason,
    /// where nothing can be mounted.
    pub fn over(path: &Path, kilobytes: u32) -> Option<Self> {
        fs::create_dir_all(path).expect("the mount point can be made");
        let options = format!("size={kilobytes}k,mode=0700");
        let output = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(path)
            .stdin(Stdio::null())
            .output();
        match output {
            Ok(output) if output.status.success() => Some(Self {
                path: path.to_owned(),
            }),
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                println!("skipped, nothing can be mounted here: {reason}");
                None
            }
            Err(error) => {
                println!("skipped, mount cannot be run: {error}");
                None
            }
        }
    }

    /// Fills it to the last byte.
    pub fn fill(&self) {
        let mut file = fs::File::create(self.filler()).expect("a file can be made");
        for size in [4_096, 1] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    /// Fills it until so many bytes are left.
    pub fn fill_but(&self, bytes: u64) {
        self.fill();
        let filler = fs::OpenOptions::new().write(true).open(self.filler());
        let filler = filler.expect("the filler is there");
        let length = filler.metadata().expect("it is open").len();
        let left = length.checked_sub(bytes).expect("so much was filled");
        filler.set_len(left).expect("it can be shortened");
    }

    /// Makes room again.
    pub fn make_room(&self) {
        fs::remove_file(self.filler()).expect("the filler is there");
    }

    /// Makes it larger.
    pub fn grow(&self, kilobytes: u32) {
        self.remount(&format!("remount,size={kilobytes}k"));
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }

    /// Makes it read-only, or writable again.
    pub fn set_read_only(&self, read_only: bool) {
        self.remount(if read_only {
            "remount,ro"
        } else {
            "remount,rw"
        });
    }

    fn remount(&self, options: &str) {
        let changed = Command::new("mount")
            .args(["-o", options])
            .arg(&self.path)
            .status()
            .expect("mount could be run before");
        assert!(changed.success(), "mount -o {options}: {changed}");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}
