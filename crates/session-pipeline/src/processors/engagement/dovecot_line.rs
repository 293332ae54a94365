//! One line of Dovecot's log, as it writes it itself or sends it to syslog.

use serde::{Deserialize, Serialize};

use crate::processors::engagement::calendar::Stamp;
use crate::processors::engagement::line_start;

/// Longest session id that is believed; Dovecot's have some 16 letters.
const SESSION_MAX: usize = 128;

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// The server ended or started.
    Restarted,
    /// Somebody logged in.
    Login {
        protocol: &'a str,
        user: &'a str,
        address: Option<&'a str>,
        pid: Option<u32>,
        session: Option<&'a str>,
    },
    /// A connection ended before anybody logged in.
    Connection { address: Option<&'a str> },
    /// A session ended.
    End {
        protocol: &'a str,
        user: &'a str,
        pid: Option<u32>,
        session: Option<&'a str>,
        counts: Counts,
    },
    /// The process of a session was killed, or crashed.
    Killed {
        pid: Option<u32>,
        session: Option<&'a str>,
    },
    /// Nothing that matters here.
    Other,
}

/// What was read in a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Messages whose headers were listed.
    pub(crate) listed: u64,
    /// Messages whose bodies were fetched.
    pub(crate) fetched: u64,
}

impl Counts {
    /// What two lines of one session say.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            listed: self.listed.saturating_add(other.listed),
            fetched: self.fetched.saturating_add(other.fetched),
        }
    }
}

/// Reads a line. `None`: it does not start with a time.
pub(crate) fn read(line: &str) -> Option<(Stamp, Event<'_>)> {
    let (stamp, message) = line_start::split(line)?;
    Some((stamp, event(message)))
}

fn event(text: &str) -> Event<'_> {
    let Some((process, message)) = text.split_once(": ") else {
        return Event::Other;
    };
    let message = without_level(message);
    if process == "master" {
        return master(message);
    }
    if let Some(protocol) = process.strip_suffix("-login") {
        return at_login(protocol, message);
    }
    match Process::read(process) {
        Some(process) => in_session(process, message),
        None => Event::Other,
    }
}

fn without_level(message: &str) -> &str {
    const LEVELS: [&str; 6] = [
        "Info: ",
        "Warning: ",
        "Error: ",
        "Fatal: ",
        "Panic: ",
        "Debug: ",
    ];
    LEVELS
        .iter()
        .find_map(|level| message.strip_prefix(level))
        .unwrap_or(message)
}

fn master(message: &str) -> Event<'_> {
    let is_start = message.starts_with("Dovecot v") && message.contains(" starting up");
    if is_start || message.starts_with("Killed with signal ") {
        return Event::Restarted;
    }
    if is_killed_child(message) {
        return Event::Killed {
            pid: child(message),
            session: None,
        };
    }
    Event::Other
}

fn is_killed_child(message: &str) -> bool {
    message.starts_with("service(") && message.contains(" killed with signal ")
}

fn child(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("): child ")?;
    rest.split(' ').next()?.parse().ok()
}

/// `Login: user=<…>, method=PLAIN, rip=…, lip=…, mpid=…, secured, session=<…>`, or with a reason
/// instead of `Login`.
///
/// The user is what a stranger sent. It may look like further fields; so those are searched from the
/// end of the line, where Dovecot writes them.
fn at_login<'a>(protocol: &'a str, message: &'a str) -> Event<'a> {
    let Some((reason, fields)) = message.split_once("user=<") else {
        return Event::Other;
    };
    let address = field(fields, ", rip=");
    if !matches!(reason, "Login: " | "Logged in: ") {
        // A proxy says so too, twice for one connection.
        let is_end = reason.ends_with(": ") && !reason.starts_with("proxy(");
        return if is_end {
            Event::Connection { address }
        } else {
            Event::Other
        };
    }
    let end = fields
        .rfind(">, method=")
        .or_else(|| fields.rfind(">, rip="));
    let Some(user) = end.and_then(|end| fields.get(..end)) else {
        return Event::Other;
    };
    Event::Login {
        protocol,
        user,
        address,
        pid: field(fields, ", mpid=").and_then(|pid| pid.parse().ok()),
        session: fields
            .rfind("session=<")
            .and_then(|at| fields.get(at + "session=<".len()..))
            .and_then(|rest| rest.strip_suffix('>'))
            .filter(|session| is_session(session)),
    }
}

fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    let value = fields.get(fields.rfind(name)? + name.len()..)?;
    value
        .split([',', ' '])
        .next()
        .filter(|value| !value.is_empty())
}

fn is_session(session: &str) -> bool {
    !session.is_empty() && session.len() <= SESSION_MAX
}

/// `imap(ana@corp.example)<14276><+Mc70ctg3rl/AAAB>`; up to version 2.2, `imap(ana@corp.example)`.
struct Process<'a> {
    protocol: &'a str,
    user: &'a str,
    pid: Option<u32>,
    session: Option<&'a str>,
}

impl<'a> Process<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (service, rest) = text.split_once('(')?;
        // The others deliver, index or administer: nobody is inside through them.
        let protocol = match service {
            "imap" | "imap-hibernate" => "imap",
            "pop3" | "submission" | "managesieve" => service,
            _ => return None,
        };
        let (user, ids) = rest.rsplit_once(')')?;
        let mut ids = ids.split(['<', '>']).filter(|id| !id.is_empty());
        Some(Self {
            protocol,
            user,
            pid: ids.next().and_then(|pid| pid.parse().ok()),
            session: ids.next().filter(|session| is_session(session)),
        })
    }
}

fn in_session<'a>(process: Process<'a>, message: &'a str) -> Event<'a> {
    const ENDS: [&str; 4] = [
        "Disconnected",
        "Connection closed",
        "Logged out",
        "Server shutting down",
    ];
    let by_master = message.strip_prefix("master: ");
    if by_master.is_some_and(is_killed_child) {
        return Event::Killed {
            pid: process.pid,
            session: process.session,
        };
    }
    if !ENDS.iter().any(|end| message.starts_with(end)) {
        return Event::Other;
    }
    Event::End {
        protocol: process.protocol,
        user: process.user,
        pid: process.pid,
        session: process.session,
        counts: counts(message),
    }
}

/// The numbers at the end of the line: `in=151 … hdr_count=3 … body_count=2 body_bytes=651`, or
/// `top=1/321, retr=1/343, del=0/3, size=978`.
fn counts(message: &str) -> Counts {
    let mut counts = Counts::default();
    for word in message.rsplit(' ') {
        let Some((name, value)) = word.trim_end_matches(',').split_once('=') else {
            break;
        };
        let number = || {
            value
                .split('/')
                .next()
                .and_then(|value| value.parse().ok())
                .unwrap_or(0)
        };
        match name {
            "hdr_count" | "top" => counts.listed = number(),
            "body_count" | "retr" => counts.fetched = number(),
            _ => {}
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Event<'_>) {
        assert_eq!(read(line).map(|(_, event)| event), Some(expected), "{line}");
    }

    const LOGIN: Event<'static> = Event::Login {
        protocol: "imap",
        user: "ana@corp.example",
        address: Some("192.0.2.7"),
        pid: Some(14276),
        session: Some("+Mc70ctg3rl/AAAB"),
    };

    #[test]
    fn logins_are_read_in_every_format() {
        let fields = "user=<ana@corp.example>, method=PLAIN, rip=192.0.2.7, lip=127.0.0.1, \
                      mpid=14276, TLS, session=<+Mc70ctg3rl/AAAB>";
        for prefix in [
            "Nov 21 16:26:09 imap-login: Info: Login: ",
            "Nov  1 16:26:09 imap-login: Info: Login: ",
            "2026-11-21T16:26:09 imap-login: Info: Login: ",
            "2026-11-21 16:26:09.123 imap-login: Info: Logged in: ",
            "Nov 21 16:26:09 mx dovecot: imap-login: Login: ",
            "Nov 21 16:26:09 mx dovecot[812]: imap-login: Info: Login: ",
            "2026-11-21T16:26:09.123456+01:00 mx dovecot: imap-login: Login: ",
        ] {
            check(&format!("{prefix}{fields}"), LOGIN);
        }
    }

    #[test]
    fn users_that_look_like_fields_are_users() {
        let user = "x>, method=PLAIN, rip=9.9.9.9, mpid=1, session=<AAAA>";
        let fields = format!(
            "user=<{user}>, method=PLAIN, rip=192.0.2.7, lip=127.0.0.1, mpid=14276, secured, \
             session=<+Mc70ctg3rl/AAAB>"
        );
        let Event::Login {
            protocol,
            address,
            pid,
            session,
            ..
        } = LOGIN
        else {
            panic!("it is a login");
        };
        check(
            &format!("Nov 21 16:26:09 imap-login: Info: Login: {fields}"),
            Event::Login {
                protocol,
                user,
                address,
                pid,
                session,
            },
        );
        check(
            &format!("Nov 21 16:26:09 imap-login: Info: Aborted login (auth failed): {fields}"),
            Event::Connection { address },
        );
    }

    #[test]
    fn ends_are_read_from_the_end() {
        let end = |protocol, listed, fetched| Event::End {
            protocol,
            user: "ana",
            pid: Some(7),
            session: Some("s1"),
            counts: Counts { listed, fetched },
        };
        let check = |process: &str, message: &str, expected: Event<'_>| {
            check(
                &format!("Nov 21 16:26:09 {process}: Info: {message}"),
                expected,
            );
        };
        check(
            "imap(ana)<7><s1>",
            "Disconnected: Logged out in=151 out=3412 deleted=0 expunged=0 trashed=0 hdr_count=3 \
             hdr_bytes=954 body_count=2 body_bytes=651",
            end("imap", 3, 2),
        );
        check(
            "imap(ana)<7><s1>",
            "Connection closed (IDLE running for 0.001 secs, 2 B in + 10 B out, body_count=9) in=1 \
             out=2 hdr_count=0 body_count=0",
            end("imap", 0, 0),
        );
        check(
            "pop3(ana)<7><s1>",
            "Disconnected: Logged out top=1/321, retr=2/343, del=0/3, size=978",
            end("pop3", 1, 2),
        );
        check(
            "imap(ana)<7><s1>",
            "Disconnected: Too many invalid IMAP commands.",
            end("imap", 0, 0),
        );
        check(
            "imap(ana)",
            "Logged out in=43 out=532 hdr_count=18446744073709551616",
            Event::End {
                protocol: "imap",
                user: "ana",
                pid: None,
                session: None,
                counts: Counts::default(),
            },
        );
        check(
            "imap(ana)<7><s1>",
            "save: box=INBOX, msgid=<Disconnected body_count=9>",
            Event::Other,
        );
        check(
            "lmtp(14270)",
            "Disconnect from 127.0.0.1: Logged out (state=READY)",
            Event::Other,
        );
        check(
            "lmtp(ana)<7><s1>",
            "Disconnected: body_count=9",
            Event::Other,
        );
        check(
            "doveadm(ana)<7><s1>",
            "Disconnected: body_count=9",
            Event::Other,
        );
    }

    #[test]
    fn servers_end_and_start() {
        check(
            "Nov 21 16:26:16 master: Warning: Killed with signal 15 (by pid=1 uid=0 code=kill)",
            Event::Restarted,
        );
        check(
            "Nov 21 16:26:16 mx dovecot: master: Dovecot v2.3.19.1 (9b53102964) starting up for imap",
            Event::Restarted,
        );
        check(
            "Nov 21 16:26:16 imap(ana)<7><s1>: Fatal: master: service(imap): child 7 killed with \
             signal 9",
            Event::Killed {
                pid: Some(7),
                session: Some("s1"),
            },
        );
        check(
            "Nov 21 16:26:16 master: Error: service(imap): child 7 killed with signal 9",
            Event::Killed {
                pid: Some(7),
                session: None,
            },
        );
        check(
            "Nov 21 16:26:16 master: Warning: SIGHUP received - reloading configuration",
            Event::Other,
        );
    }

    #[test]
    fn other_lines_are_other_lines() {
        for line in [
            "",
            "Nov",
            "Nov 21",
            "hello world",
            "Now 21 16:26:09 x",
            "Nov 2x 16:26:09 x",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
        for line in [
            "Nov 21 16:26:09",
            "Nov 21 16:26:09 mx sshd[1]: Accepted password for root",
            "Nov 21 16:26:09 imap-login: Info: Login: user=<",
            "Nov 21 16:26:09 imap-login: Error: user=<",
            "Nov 21 16:26:09 auth: Error: x",
            "Nov 21 16:26:09 imap(: Info: Disconnected",
        ] {
            check(line, Event::Other);
        }
    }
}
