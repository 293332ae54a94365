//! What a service manager is told (`sd_notify`): that the service is ready, stops, and is alive.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use crate::environment;

/// The service manager, if one waits for news.
#[derive(Debug)]
pub(crate) struct ServiceManager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    /// How often it wants a sign of life.
    watchdog: Option<Duration>,
}

impl ServiceManager {
    /// The one that the environment names: `NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`.
    pub(crate) fn from_environment() -> Self {
        let address = environment::variable("NOTIFY_SOCKET");
        let number = |name: &str| -> Option<u64> {
            environment::variable(name)?.to_str()?.trim().parse().ok()
        };
        // The variables are inherited: they may be meant for another process.
        let is_ours = match environment::variable("WATCHDOG_PID") {
            Some(_) => number("WATCHDOG_PID") == Some(u64::from(std::process::id())),
            None => true,
        };
        let watchdog = number("WATCHDOG_USEC").filter(|micros| is_ours && *micros > 0);
        Self::new(address.as_deref(), watchdog.map(Duration::from_micros))
    }

    fn new(address: Option<&OsStr>, watchdog: Option<Duration>) -> Self {
        let socket = address.and_then(|name| match connect(name) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::warn!(%error, socket = %name.display(), "the service manager cannot be told anything");
                None
            }
        });
        Self { socket, watchdog }
    }

    /// Pause between signs of life: half of what the manager waits for one.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.socket.as_ref()?;
        self.watchdog.map(|most| most / 2)
    }

    /// Says that everything has started.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// Says that it begins to stop.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    /// Says that everything is alive.
    pub(crate) fn alive(&self) {
        self.tell("WATCHDOG=1");
    }

    fn tell(&self, what: &str) {
        let Some((socket, address)) = &self.socket else {
            return;
        };
        if let Err(error) = socket.send_to_addr(what.as_bytes(), address) {
            tracing::warn!(%error, what, "the service manager was not told");
        }
    }
}

/// A socket for messages to this address: a path, or an abstract name behind an `@`.
fn connect(name: &OsStr) -> io::Result<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes() {
        [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    // Who does not read must not hold up what is to be watched.
    socket.set_nonblocking(true)?;
    Ok((socket, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(socket: &UnixDatagram) -> String {
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut buffer = [0; 64];
        let length = socket.recv(&mut buffer).unwrap();
        str::from_utf8(&buffer[..length]).unwrap().to_owned()
    }

    #[test]
    fn messages_arrive_at_paths_and_abstract_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let name = format!("@decnet-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name.as_bytes()[1..]).unwrap();
        let by_path = UnixDatagram::bind(&path).unwrap();
        let by_name = UnixDatagram::bind_addr(&address).unwrap();
        for (socket, name) in [(by_path, path.as_os_str()), (by_name, OsStr::new(&name))] {
            let manager = ServiceManager::new(Some(name), Some(Duration::from_secs(4)));
            assert_eq!(manager.pause(), Some(Duration::from_secs(2)));
            manager.ready();
            manager.alive();
            manager.stopping();
            let told = [heard(&socket), heard(&socket), heard(&socket)];
            assert_eq!(told, ["READY=1", "WATCHDOG=1", "STOPPING=1"]);
        }
    }

    #[test]
    fn without_a_manager_nothing_is_said() {
        let manager = ServiceManager::new(None, Some(Duration::from_secs(4)));
        assert_eq!(manager.pause(), None);
        manager.ready();
        let gone = ServiceManager::new(Some(OsStr::new("/nowhere/notify")), None);
        gone.ready();
        assert_eq!(gone.pause(), None);
    }
}
