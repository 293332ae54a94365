//! Signals, users, and children that end with their test.

use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Stdio};

/// Whether the tests run as the superuser.
pub fn is_superuser() -> bool {
    own_ids().0 == 0
}

/// User and group of the tests.
pub fn own_ids() -> (u32, u32) {
    let own = std::fs::metadata("/proc/self").expect("the tests run on Linux");
    (own.uid(), own.gid())
}

/// Sends a signal, such as `TERM`.
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .arg(format!("-{name}"))
        .arg(child.id().to_string())
        .stderr(Stdio::null())
        .status()
        .expect("kill can be run");
    assert!(sent.success(), "no {name} for process {}", child.id());
}

/// The state letter of a process, such as `T` for stopped.
pub fn state(child: &Child) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// A child that is killed when its test ends, however it ends.
#[derive(Debug)]
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
