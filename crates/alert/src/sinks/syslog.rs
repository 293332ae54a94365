//! Syslog, as RFC 5424 has it: over UDP (RFC 5426), over TCP with octet counting (RFC 6587), and to
//! the socket of this machine, such as `/dev/log`.
//!
//! Datagrams may get lost without a word. What is certain to have failed (nobody listens on this
//! machine, the name is unknown) is an error.

mod message;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket, UnixDatagram, lookup_host};
use tokio::time::timeout;

use crate::alert::{Alert, AlertId};
use crate::sink::{Sink, SinkError, SinkName};
use crate::text;

pub use self::message::SyslogOrigin;

/// Longest message over UDP, in bytes: what RFC 5426 (section 3.2) has receivers take.
pub const UDP_MAX: usize = 2_048;
/// Longest message otherwise, in bytes: what syslog daemons take unless told otherwise.
pub const LOCAL_MAX: usize = 8_192;
/// The port of a target that names none.
const PORT: u16 = 514;
/// Longest target, in bytes.
const TARGET_MAX: usize = 512;
/// How long a TCP receiver may take to close the connection after us. One that has not broken it
/// off by then has the message.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// Where a syslog daemon listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyslogTarget {
    /// `udp://host:port`.
    Udp {
        /// Name or address.
        host: String,
        /// Port; 514 when none is given.
        port: u16,
    },
    /// `tcp://host:port`.
    Tcp {
        /// Name or address.
        host: String,
        /// Port; 514 when none is given.
        port: u16,
    },
    /// `unix:/path`: a datagram socket.
    Unix {
        /// The socket.
        path: PathBuf,
    },
}

/// A text that is no target.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no target of syslog; write udp://host:514, tcp://host:514 or unix:/dev/log")]
pub struct SyslogTargetError {
    /// The text, shortened.
    pub found: String,
}

impl SyslogTarget {
    /// Reads `udp://host[:port]`, `tcp://host[:port]` or `unix:/path`. An IPv6 address stands in
    /// brackets.
    ///
    /// ```
    /// use decnet_alert::sinks::syslog::SyslogTarget;
    ///
    /// let target = SyslogTarget::parse("udp://[::1]:5514")?;
    /// assert_eq!(target.to_string(), "udp://[::1]:5514");
    /// assert!(SyslogTarget::parse("unix:dev/log").is_err());
    /// # Ok::<(), decnet_alert::sinks::syslog::SyslogTargetError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`SyslogTargetError`] when it is none of them.
    pub fn parse(target: &str) -> Result<Self, SyslogTargetError> {
        let wrong = || SyslogTargetError {
            found: text::one_line(target, 80),
        };
        if target.len() > TARGET_MAX || target.contains(|c: char| c.is_control()) {
            return Err(wrong());
        }
        if let Some(path) = target.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.starts_with('/') && path.len() > 1 {
                Ok(Self::Unix { path: path.into() })
            } else {
                Err(wrong())
            };
        }
        let (is_udp, authority) = match target.split_once("://") {
            Some(("udp", authority)) => (true, authority),
            Some(("tcp", authority)) => (false, authority),
            _ => return Err(wrong()),
        };
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        let (host, port) = host_and_port(authority).ok_or_else(wrong)?;
        Ok(if is_udp {
            Self::Udp { host, port }
        } else {
            Self::Tcp { host, port }
        })
    }
}

fn host_and_port(authority: &str) -> Option<(String, u16)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            address.parse::<Ipv6Addr>().ok()?;
            match rest.strip_prefix(':') {
                Some(port) => (address, Some(port)),
                None if rest.is_empty() => (address, None),
                None => return None,
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    if host.is_empty() || !host.chars().all(is_host) {
        return None;
    }
    let port = match port {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) => return None,
        None => PORT,
    };
    (port != 0).then(|| (host.to_owned(), port))
}

impl fmt::Display for SyslogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, host, port) = match self {
            Self::Udp { host, port } => ("udp", host, port),
            Self::Tcp { host, port } => ("tcp", host, port),
            Self::Unix { path } => return write!(f, "unix:{}", path.display()),
        };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}

/// Sends alerts to a syslog daemon.
#[derive(Clone, Debug)]
pub struct SyslogSink {
    name: SinkName,
    target: SyslogTarget,
    origin: SyslogOrigin,
}

impl SyslogSink {
    /// A sink that sends to `target`, in the name of `origin`.
    pub fn new(name: SinkName, target: SyslogTarget, origin: SyslogOrigin) -> Self {
        Self {
            name,
            target,
            origin,
        }
    }

    fn unreachable(&self, operation: &'static str, detail: impl fmt::Display) -> SinkError {
        SinkError::Unreachable {
            operation,
            destination: self.destination(),
            detail: text::one_line(&detail.to_string(), 240),
        }
    }

    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, SinkError> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![(address, port).into()]);
        }
        let found = lookup_host((host, port))
            .await
            .map_err(|error| self.unreachable("find", error))?;
        Ok(found.collect())
    }
}

#[async_trait]
impl Sink for SyslogSink {
    fn name(&self) -> &SinkName {
        &self.name
    }

    fn destination(&self) -> String {
        text::one_line(&self.target.to_string(), TARGET_MAX)
    }

    async fn send(&self, id: AlertId, alert: &Alert) -> Result<(), SinkError> {
        let write = |most| message::write(&self.origin, id, alert, most).into_bytes();
        match &self.target {
            SyslogTarget::Udp { host, port } | SyslogTarget::Tcp { host, port } => {
                let is_udp = matches!(self.target, SyslogTarget::Udp { .. });
                let message = write(if is_udp { UDP_MAX } else { LOCAL_MAX });
                let mut last = self.unreachable("find", "it has no address");
                for address in self.addresses(host, *port).await? {
                    let sent = if is_udp {
                        send_datagram(address, &message).await
                    } else {
                        send_stream(address, &message).await
                    };
                    match sent {
                        Ok(()) => return Ok(()),
                        Err(error) => last = self.unreachable("send to", error),
                    }
                }
                Err(last)
            }
            SyslogTarget::Unix { path } => {
                let message = write(LOCAL_MAX);
                let socket =
                    UnixDatagram::unbound().map_err(|error| self.unreachable("send to", error))?;
                socket
                    .send_to(&message, path)
                    .await
                    .map(|_| ())
                    .map_err(|error| self.unreachable("send to", error))
            }
        }
    }
}

async fn send_datagram(address: SocketAddr, message: &[u8]) -> std::io::Result<()> {
    let any: IpAddr = if address.is_ipv4() {
        Ipv4Addr::UNSPECIFIED.into()
    } else {
        Ipv6Addr::UNSPECIFIED.into()
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(address).await?;
    socket.send(message).await?;
    // On this machine, that nobody listens is known at once.
    match socket.take_error()? {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

async fn send_stream(address: SocketAddr, message: &[u8]) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address).await?;
    let mut frame = format!("{} ", message.len()).into_bytes();
    frame.extend_from_slice(message);
    stream.write_all(&frame).await?;
    stream.shutdown().await?;
    // Nothing is to come back but the end, or the news that the other side broke off.
    let mut byte = [0; 64];
    match timeout(CLOSE_TIME, stream.read(&mut byte)).await {
        Ok(Err(error)) => Err(error),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}
