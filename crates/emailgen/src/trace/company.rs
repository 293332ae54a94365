//! What is constant about a company's mail systems: names, addresses, habits.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chrono_tz::Tz;

use super::constants::Constants;
use super::safe;

/// What a server is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Takes mail from the company's own people.
    Hub,
    /// Takes mail from the Internet.
    Exchanger,
    /// Hands mail to the Internet, where the hub does not do so itself.
    Relay,
    /// Webmail.
    Webmail,
}

/// A server of a company.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// With its domain.
    pub(super) name: String,
    /// Address on the company's own network.
    pub(super) inside: Ipv4Addr,
    /// Address on the Internet.
    pub(super) outside: Ipv4Addr,
}

/// The mail systems of one company.
#[derive(Clone, Debug)]
pub(super) struct Company {
    pub(super) constants: Constants,
    domain: String,
}

/// Ways to name hub, exchanger, relay and webmail. In some a host has two roles.
const PLAIN: [[&str; 4]; 12] = [
    ["smtp", "mx1", "relay", "webmail"],
    ["smtp", "mx", "out", "webmail"],
    ["mail", "mail", "relay", "mail"],
    ["mail", "mx01", "smtp-out", "webmail"],
    ["smtp1", "mx1", "smtp2", "roundcube"],
    ["mta1", "mta1", "mta2", "webmail"],
    ["mailhub", "mail-in", "mail-out", "webmail"],
    ["smtp", "in", "out", "mail"],
    ["submit", "mx-a", "relay1", "rc"],
    ["mailgw", "mailgw", "relay", "webmail"],
    ["post", "mx0", "post2", "post"],
    ["mx", "mx", "mx2", "webmail"],
];
/// Names for hosts of a company that likes names. Three in a row are hub, exchanger and relay.
const THEMES: [[&str; 8]; 8] = [
    [
        "castor", "pollux", "vega", "altair", "deneb", "rigel", "sirius", "mizar",
    ],
    [
        "hermes", "iris", "atlas", "helios", "kronos", "athena", "ares", "pan",
    ],
    [
        "oak", "birch", "maple", "alder", "rowan", "larch", "ash", "elm",
    ],
    [
        "heron", "kestrel", "swift", "plover", "dunlin", "merlin", "wren", "osprey",
    ],
    [
        "eiger", "jungfrau", "rigi", "pilatus", "titlis", "saentis", "piz", "matter",
    ],
    [
        "kepler", "tycho", "galileo", "newton", "euler", "gauss", "noether", "planck",
    ],
    [
        "granite", "basalt", "quartz", "flint", "marble", "slate", "gneiss", "opal",
    ],
    [
        "odin", "thor", "freya", "loki", "balder", "heimdall", "frigg", "tyr",
    ],
];
/// What stands before the domain in the names of machines inside.
const INSIDE: [&str; 6] = ["", "int.", "lan.", "corp.", "ad.", "intra."];
/// Where a country's companies are, by the end of their domain. Servers elsewhere keep UTC, as
/// servers of hosting companies and containers do.
const ZONES: [(&str, Tz); 16] = [
    ("at", Tz::Europe__Vienna),
    ("be", Tz::Europe__Brussels),
    ("ch", Tz::Europe__Zurich),
    ("cz", Tz::Europe__Prague),
    ("de", Tz::Europe__Berlin),
    ("dk", Tz::Europe__Copenhagen),
    ("es", Tz::Europe__Madrid),
    ("fi", Tz::Europe__Helsinki),
    ("fr", Tz::Europe__Paris),
    ("it", Tz::Europe__Rome),
    ("jp", Tz::Asia__Tokyo),
    ("nl", Tz::Europe__Amsterdam),
    ("no", Tz::Europe__Oslo),
    ("pl", Tz::Europe__Warsaw),
    ("se", Tz::Europe__Stockholm),
    ("uk", Tz::Europe__London),
];
/// The ranges for documentation of RFC 5737.
const DOCUMENTATION: [[u8; 3]; 3] = [[192, 0, 2], [198, 51, 100], [203, 0, 113]];

impl Company {
    /// `domain` is safe to write, and in small letters.
    pub(super) fn new(number: u64, domain: &str) -> Self {
        Self {
            constants: Constants::new(number),
            domain: domain.to_owned(),
        }
    }

    pub(super) fn server(&self, role: Role) -> Server {
        let place = role as u8;
        let label = self.label(role);
        // One host has one address, whatever it does.
        let roles = [Role::Hub, Role::Exchanger, Role::Relay, Role::Webmail];
        let first = roles
            .into_iter()
            .find(|&role| self.label(role) == label)
            .map_or(place, |role| role as u8);
        let [a, b, c] = self.constants.one_of("public network", &DOCUMENTATION);
        let public = self.constants.byte("public host", 8, 240);
        let [d, e, f] = self.network();
        let host = self.constants.byte("server", 8, 30);
        Server {
            name: format!("{label}.{}", self.domain),
            inside: Ipv4Addr::new(d, e, f, host + first),
            outside: Ipv4Addr::new(a, b, c, public + first),
        }
    }

    /// The server that hands mail to the Internet, if that is not the hub.
    pub(super) fn relay(&self) -> Option<Server> {
        self.constants
            .holds("relay", 30)
            .then(|| self.server(Role::Relay))
    }

    /// A server that has a name already.
    pub(super) fn mail_host(&self, name: &str) -> String {
        match safe::host(name) {
            Some(name) if name.contains('.') => name.to_owned(),
            Some(name) => format!("{name}.{}", self.domain),
            None => format!("mail.{}", self.domain),
        }
    }

    /// Its Exchange servers, numbered from 1, with the address of each.
    pub(super) fn exchange_server(&self, number: u8) -> (String, Ipv4Addr) {
        let styles = ["EX", "EXCH", "SRV-EX", "MBX", "EXCH-", "VM-EXCH"];
        let style = self.constants.one_of("Exchange", &styles);
        let [a, b, c] = self.network();
        let host = self.constants.byte("Exchange host", 60, 90);
        (
            format!("{style}{number:02}.{}", self.inside_domain()),
            Ipv4Addr::new(a, b, c, host + number),
        )
    }

    /// An Exchange server that has a name already, with its address.
    pub(super) fn exchange_server_called(&self, name: String) -> (String, Ipv4Addr) {
        let [a, b, c] = self.network();
        let host = self.constants.of(&name).byte("Exchange host", 60, 99);
        (name, Ipv4Addr::new(a, b, c, host))
    }

    /// A computer at somebody's desk: its name, and its address.
    pub(super) fn desk(&self, person: Constants) -> (String, Ipv4Addr) {
        let [a, b, c] = self.network();
        let host = person.byte("desk", 20, 220);
        let label = self
            .constants
            .one_of("desks", &["ws", "pc", "pc-", "wks-", "client"]);
        (
            format!("{label}{host:03}.{}", self.inside_domain()),
            Ipv4Addr::new(a, b, c + 1, host),
        )
    }

    /// Whether the network has names for its computers.
    pub(super) fn names_its_desks(&self) -> bool {
        self.constants.holds("names for desks", 60)
    }

    /// What its servers keep: local time where the domain says where that is, else UTC.
    pub(super) fn zone(&self) -> Tz {
        let country = self.domain.rsplit('.').next().unwrap_or_default();
        ZONES
            .iter()
            .find(|(known, _)| *known == country)
            .map_or(Tz::UTC, |&(_, zone)| zone)
    }

    fn label(&self, role: Role) -> &'static str {
        let place = role as usize;
        if role == Role::Webmail || !self.constants.holds("likes names", 35) {
            return self.constants.one_of("plain names", &PLAIN)[place];
        }
        let theme = self.constants.one_of("theme", &THEMES);
        let from = usize::from(self.constants.byte("first name", 0, 7));
        theme[(from + place) % theme.len()]
    }

    fn inside_domain(&self) -> String {
        let before = self.constants.one_of("inside", &INSIDE);
        format!("{before}{}", self.domain)
    }

    /// The network of its servers; that of its desks follows it.
    fn network(&self) -> [u8; 3] {
        let of = self.constants;
        let third = of.byte("third byte", 1, 200);
        match of.below("private range", 4) {
            0 => [192, 168, third],
            1 => [172, of.byte("second byte", 16, 31), third],
            _ => [10, of.byte("second byte", 0, 200), third],
        }
    }
}

/// Somebody's home: the address that the Internet sees, and the one that their computer has.
pub(super) fn home(person: Constants) -> (IpAddr, IpAddr) {
    if person.holds("IPv6 at home", 25) {
        let part = |what: &str| u16::try_from(person.below(what, 0x1_0000)).unwrap_or(0);
        // RFC 3849, with an interface identifier that says nothing (RFC 8981).
        let address = Ipv6Addr::new(
            0x2001,
            0xdb8,
            part("site"),
            part("subnet"),
            part("host 1"),
            part("host 2"),
            part("host 3"),
            part("host 4"),
        );
        return (address.into(), address.into());
    }
    let [a, b, c] = person.one_of("provider", &DOCUMENTATION);
    let public = Ipv4Addr::new(a, b, c, person.byte("home", 2, 253));
    // What common routers hand out.
    let [d, e, f] = person.one_of(
        "router",
        &[
            [192, 168, 1],
            [192, 168, 0],
            [192, 168, 178],
            [192, 168, 2],
            [10, 0, 0],
        ],
    );
    let private = Ipv4Addr::new(d, e, f, person.byte("computer", 20, 199));
    (public.into(), private.into())
}
