//! Postfix, and what submits to it.
//!
//! `Received` as smtpd writes it: the client's greeting, its name as the name service has it or
//! `unknown`, its address; with `smtpd_tls_received_header` the cipher; with
//! `smtpd_sasl_authenticated_header` the login. The day of the month is padded with a space, and
//! the zone is followed by its name.

use std::net::IpAddr;

use chrono::{DateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use rand::RngExt;

use super::company::{Company, Role, Server, home};
use super::constants::Constants;
use super::path::Path;
use super::{Journey, safe};

/// Digits of a long queue id (`enable_long_queue_ids`): no vowels, so that it spells nothing.
const DIGITS: &[u8; 52] = b"0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
/// Letters and digits of the names that Windows gives to computers.
const WINDOWS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// Zones to look for one that has a given offset, the most common first.
const ZONES: [Tz; 13] = [
    Tz::UTC,
    Tz::Europe__Berlin,
    Tz::America__New_York,
    Tz::America__Los_Angeles,
    Tz::America__Chicago,
    Tz::Europe__London,
    Tz::Asia__Kolkata,
    Tz::Europe__Helsinki,
    Tz::America__Denver,
    Tz::Asia__Tokyo,
    Tz::Asia__Shanghai,
    Tz::America__Sao_Paulo,
    Tz::Australia__Sydney,
];

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tls {
    Off,
    V12,
    V13,
}

/// Who hands a message to a server.
#[derive(Clone, Debug)]
pub(super) struct Client {
    /// What it says in EHLO.
    pub(super) greeting: String,
    /// What the name service calls its address.
    pub(super) name: Option<String>,
    pub(super) address: IpAddr,
    pub(super) tls: Tls,
    /// Whether it has logged in, and the login if that can be written.
    pub(super) login: Option<Option<String>>,
}

impl Client {
    /// A server as another one on its network sees it.
    pub(super) fn inside(server: &Server) -> Self {
        Self {
            address: server.inside.into(),
            tls: Tls::Off,
            ..Self::outside(server)
        }
    }

    /// A server as others on the Internet see it.
    pub(super) fn outside(server: &Server) -> Self {
        Self {
            greeting: server.name.clone(),
            name: Some(server.name.clone()),
            address: server.outside.into(),
            tls: Tls::V13,
            login: None,
        }
    }
}

/// A server that runs Postfix.
pub(super) struct Postfix {
    name: String,
    zone: Tz,
    /// What is constant about it.
    own: Constants,
    shows_tls: bool,
    shows_login: bool,
    short_logins: bool,
    long_ids: bool,
}

impl Postfix {
    pub(super) fn of(company: &Company, server: &Server) -> Self {
        Self::named(company, &server.name)
    }

    pub(super) fn named(company: &Company, name: &str) -> Self {
        let constants = company.constants;
        Self {
            name: name.to_owned(),
            zone: company.zone(),
            own: constants.of(name),
            // Set up by the same people.
            shows_tls: constants.holds("shows TLS", 70),
            shows_login: constants.holds("shows logins", 55),
            short_logins: constants.holds("short logins", 40),
            long_ids: constants.holds("long queue ids", 50),
        }
    }

    /// Puts its `Received` on top.
    pub(super) fn receive(&self, path: &mut Path<'_>, client: &Client, recipient: Option<&str>) {
        let name = client.name.as_deref().unwrap_or("unknown");
        let address = match client.address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("IPv6:{address}"),
        };
        let mut field = format!("Received: from {} ({name} [{address}])", client.greeting);
        if self.shows_tls && client.tls != Tls::Off {
            field.push_str(&format!(
                "\r\n\t{}\r\n\t(No client certificate requested)",
                self.cipher(client.tls)
            ));
        }
        if let Some(Some(login)) = &client.login
            && self.shows_login
        {
            let login = match login.rsplit_once('@') {
                Some((local, _)) if self.short_logins => local,
                _ => login,
            };
            field.push_str(&format!("\r\n\t(Authenticated sender: {login})"));
        }
        let encrypted = if client.tls == Tls::Off { "" } else { "S" };
        let authenticated = if client.login.is_some() { "A" } else { "" };
        let id = self.queue_id(path);
        field.push_str(&format!(
            "\r\n\tby {} (Postfix) with ESMTP{encrypted}{authenticated} id {id}",
            self.name
        ));
        let date = date(path.at, self.zone);
        field.push_str(&match recipient {
            Some(recipient) => format!("\r\n\tfor <{recipient}>; {date}"),
            None => format!(";\r\n\t{date}"),
        });
        path.push(field);
    }

    /// As its comment says it.
    fn cipher(&self, tls: Tls) -> String {
        if tls == Tls::V12 {
            return "(using TLSv1.2 with cipher ECDHE-RSA-AES256-GCM-SHA384 (256/256 bits))"
                .to_owned();
        }
        let signatures = [
            "RSA-PSS (2048 bits)",
            "RSA-PSS (4096 bits)",
            "ECDSA (P-256)",
        ];
        let signature = self.own.one_of("certificate", &signatures);
        format!(
            "(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\r\n\t \
             key-exchange X25519 server-signature {signature} server-digest SHA256)"
        )
    }

    /// The time and the inode of the file in the queue, in one of two forms.
    fn queue_id(&self, path: &mut Path<'_>) -> String {
        let inode = self.own.below("inode", 1_500_000) + path.rng.random_range(100_000..104_000);
        let microseconds = u64::from(path.at.timestamp_subsec_micros());
        if !self.long_ids {
            return format!("{microseconds:05X}{inode:X}");
        }
        let seconds = u64::try_from(path.at.timestamp()).unwrap_or(0);
        format!(
            "{}{}z{}",
            digits(seconds, 52, 6),
            digits(microseconds, 52, 4),
            // Without the z that stands before it.
            digits(inode, 51, 1)
        )
    }
}

/// A mail client that submits over the network: from a desk at the office, or from home.
pub(super) fn mail_client(
    path: &mut Path<'_>,
    company: &Company,
    person: Constants,
    journey: &Journey<'_>,
) -> Client {
    let at_home_percent = [0, 0, 20, 40, 100];
    let share = f64::from(person.one_of("share at home", &at_home_percent)) / 100.0;
    let (public, private, name) = if path.rng.random::<f64>() < share {
        let (public, private) = home(person);
        (public, private, None)
    } else {
        let (name, address) = company.desk(person);
        let known = company.names_its_desks().then_some(name);
        (address.into(), address.into(), known)
    };
    // Outlook is the one that gives the computer's name; its Message-ID ends in a `$`.
    let outlook = journey.message_id.contains("$@");
    let greeting = match private {
        _ if outlook => computer(person),
        IpAddr::V4(address) => format!("[{address}]"),
        IpAddr::V6(address) => format!("[IPv6:{address}]"),
    };
    Client {
        greeting,
        name,
        address: public,
        tls: if outlook { Tls::V12 } else { Tls::V13 },
        login: Some(safe::address(journey.sender_address).map(str::to_owned)),
    }
}

/// Webmail, which logs in with the password of its user.
pub(super) fn webmail(company: &Company, journey: &Journey<'_>) -> Client {
    let server = company.server(Role::Webmail);
    let beside_it = server.name == company.server(Role::Hub).name;
    let login = Some(safe::address(journey.sender_address).map(str::to_owned));
    if beside_it {
        return Client {
            name: Some("localhost".to_owned()),
            address: IpAddr::from([127, 0, 0, 1]),
            tls: Tls::Off,
            login,
            greeting: server.name,
        };
    }
    Client {
        tls: Tls::V13,
        login,
        ..Client::inside(&server)
    }
}

/// `sendmail` at the desk, whose Postfix passes everything on.
pub(super) fn local_sendmail(
    path: &mut Path<'_>,
    company: &Company,
    person: Constants,
    journey: &Journey<'_>,
) -> Client {
    let (name, address) = company.desk(person);
    let own = Postfix {
        long_ids: false,
        zone: zone_with(journey.date),
        ..Postfix::named(company, &name)
    };
    // The first person on a computer is 1000; accounts of a directory begin higher.
    let user = if company.constants.holds("directory", 50) {
        10_000 + person.below("user", 900)
    } else {
        1_000
    };
    let id = own.queue_id(path);
    path.push(format!(
        "Received: by {name} (Postfix, from userid {user})\r\n\tid {id}; {}",
        date(path.at, own.zone)
    ));
    path.hop();
    Client {
        greeting: name.clone(),
        name: company.names_its_desks().then_some(name),
        address: address.into(),
        tls: Tls::V13,
        login: None,
    }
}

/// `DESKTOP-` and seven letters or digits.
fn computer(person: Constants) -> String {
    let prefix = person.one_of("kind of computer", &["DESKTOP-", "LAPTOP-"]);
    let mut rest = person.number("name of computer");
    let mut name = prefix.to_owned();
    for _ in 0..7 {
        name.push(char::from(WINDOWS[(rest % 36) as usize]));
        rest /= 36;
    }
    name
}

/// A zone that the clock of the sender could be in.
fn zone_with(date: DateTime<chrono::FixedOffset>) -> Tz {
    let there = |zone: &&Tz| {
        let local = zone.offset_from_utc_datetime(&date.naive_utc());
        local.fix() == *date.offset()
    };
    ZONES.iter().find(there).copied().unwrap_or(Tz::UTC)
}

/// `Mon,  2 Mar 2026 09:30:01 +0100 (CET)`
fn date(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone)
        .format("%a, %e %b %Y %H:%M:%S %z (%Z)")
        .to_string()
}

/// A number with at least so many digits.
pub(super) fn digits(mut number: u64, base: u64, least: usize) -> String {
    let mut reversed = Vec::new();
    while number > 0 || reversed.len() < least {
        reversed.push(DIGITS[(number % base) as usize]);
        number /= base;
    }
    reversed
        .iter()
        .rev()
        .map(|&digit| char::from(digit))
        .collect()
}
