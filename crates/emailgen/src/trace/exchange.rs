//! Exchange Online and Exchange Server.
//!
//! The innermost hop is the mailbox server's own (`with mapi`), between a link-local address and
//! itself. Then SMTP, from server to server. Online the zone is always +0000 and addresses are
//! Microsoft's; on premises both are the company's. Fields are folded at spaces.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};

use chrono::{DateTime, FixedOffset, NaiveDate, Utc};
use rand::RngExt;

use super::company::Company;
use super::constants::Constants;
use super::path::Path;
use super::postfix::{Client, Tls};
use super::{Journey, safe};
use crate::mime::header::folded;

/// What both sides of every hop speak.
const CIPHER: &str = "version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";

/// Sites of Exchange Online: the first three letters of the names of servers there, and the third
/// group of their addresses.
const EUROPEAN_SITES: [(&str, &str); 10] = [
    ("AM0", "208"),
    ("AM9", "20b"),
    ("AS8", "20b"),
    ("DB9", "10"),
    ("DU0", "10"),
    ("PA4", "102"),
    ("PAX", "102"),
    ("VI1", "803"),
    ("VE1", "800"),
    ("GV1", "150"),
];
const AMERICAN_SITES: [(&str, &str); 12] = [
    ("BYA", "a03"),
    ("SJ0", "a03"),
    ("BN8", "408"),
    ("LV3", "408"),
    ("PH7", "510"),
    ("PH0", "510"),
    ("MW4", "303"),
    ("CH0", "610"),
    ("DS7", "8"),
    ("DM6", "5"),
    ("BL0", "208"),
    ("SA1", "806"),
];

/// Hosts that send to the Internet: what they call themselves, what the name service calls them,
/// and their network. The last byte of the address ends the name.
type Outbound = (&'static str, &'static str, [u8; 3]);

const EUROPEAN_OUTBOUND: [Outbound; 4] = [
    ("AM0PR02CU008", "westeuropeazon11013", [52, 101, 72]),
    ("DUZPR83CU001", "northeuropeazon11012", [52, 101, 66]),
    ("DU2PR03CU002", "northeuropeazon11011", [52, 101, 65]),
    ("GVXPR05CU001", "swedencentralazon11013", [52, 101, 83]),
];
const AMERICAN_OUTBOUND: [Outbound; 6] = [
    ("BL0PR03CU003", "eastusazon11012", [52, 101, 53]),
    ("DM5PR21CU001", "centralusazon11011", [52, 101, 62]),
    ("DM1PR04CU001", "centralusazon11010", [52, 101, 61]),
    ("PH8PR06CU001", "westus3azon11012", [40, 107, 209]),
    ("CH4PR04CU002", "northcentralusazon11013", [40, 107, 201]),
    ("SN4PR2101CU001", "southcentralusazon11012", [40, 93, 195]),
];
/// Those of before autumn 2024, whose names end in 2000 and the last byte.
const OLD_EUROPEAN_OUTBOUND: [Outbound; 2] = [
    ("EUR05-AM6-obe", "am6eur05on", [40, 107, 22]),
    ("EUR04-VI1-obe", "vi1eur04on", [40, 107, 8]),
];
const OLD_AMERICAN_OUTBOUND: [Outbound; 3] = [
    ("NAM10-BN7-obe", "bn7nam10on", [104, 47, 70]),
    ("NAM12-BN8-obe", "bn8nam12on", [104, 47, 55]),
    ("NAM11-CO1-obe", "co1nam11on", [104, 47, 56]),
];

/// Builds of Exchange Server 15.2, by the month from which the first companies have them.
const BUILDS: [((i32, u32), u32); 5] = [
    ((2022, 6), 1_118),
    ((2023, 7), 1_258),
    ((2024, 5), 1_544),
    ((2025, 5), 1_748),
    ((2025, 12), 2_562),
];

/// The hops inside Exchange Online.
pub(super) fn send_online(path: &mut Path<'_>, company: &Company, journey: &Journey<'_>) -> Client {
    let server = server_of(journey.message_id).unwrap_or_else(|| any_server(company));
    let region = server.region.to_ascii_lowercase();
    let european = ["eur", "gbr", "deu", "fra", "che"];
    let american = !european.iter().any(|start| region.starts_with(start));
    let build = online_build(path.at);
    let name = server.name();
    let field = mapi(
        &name,
        &format!("15.20.{build}.{:03}", path.rng.random_range(5..40)),
        &online_date(path.at),
    );
    path.push(field);
    path.hop();

    let other = server.neighbour(relay_number(journey.message_id));
    let field = folded(&format!(
        "Received: from {name} ({}) by {} ({}) with Microsoft SMTP Server ({CIPHER}) id \
         15.20.{build}.{}; {}",
        server.address(),
        other.name(),
        other.address(),
        path.rng.random_range(5..40),
        online_date(path.at)
    ));
    path.push(field);
    path.hop();

    let pick = |number: u64, of: usize| usize::try_from(number % of.max(1) as u64).unwrap_or(0);
    let drawn: u64 = path.rng.random();
    let last: u8 = path.rng.random_range(1..128);
    let (greeting, name, [a, b, c]) = if path.at.naive_utc().date() < month(2024, 10) {
        let (greeting, name, network) = if american {
            OLD_AMERICAN_OUTBOUND[pick(drawn, OLD_AMERICAN_OUTBOUND.len())]
        } else {
            OLD_EUROPEAN_OUTBOUND[pick(drawn, OLD_EUROPEAN_OUTBOUND.len())]
        };
        (greeting, format!("{name}2{last:03}"), network)
    } else {
        let (greeting, name, network) = if american {
            AMERICAN_OUTBOUND[pick(drawn, AMERICAN_OUTBOUND.len())]
        } else {
            EUROPEAN_OUTBOUND[pick(drawn, EUROPEAN_OUTBOUND.len())]
        };
        (greeting, format!("{name}{last:03}"), network)
    };
    Client {
        greeting: format!("{greeting}.outbound.protection.outlook.com"),
        name: Some(format!("mail-{name}.outbound.protection.outlook.com")),
        address: IpAddr::V4(Ipv4Addr::new(a, b, c, last)),
        tls: Tls::V12,
        login: None,
    }
}

/// The hops inside a company's own Exchange.
pub(super) fn send_on_premises(
    path: &mut Path<'_>,
    company: &Company,
    journey: &Journey<'_>,
) -> Client {
    // The right side of a Message-ID is the mailbox server, unless it is no host at all.
    let sender_domain = safe::domain_of(journey.sender_address);
    let named =
        id_host(journey.message_id).filter(|host| !host.eq_ignore_ascii_case(&sender_domain));
    let several = named.is_none() && company.constants.holds("several Exchange servers", 40);
    let number = if several {
        // A mailbox stays on its server.
        Constants::new(journey.sender_person).byte("mailbox server", 1, 2)
    } else {
        1
    };
    let (name, address) = match named {
        Some(name) => company.exchange_server_called(name),
        None => company.exchange_server(number),
    };
    let build = on_premises_build(path.at, company.constants);
    let revision = company.constants.byte("revision", 4, 39);
    // Windows servers keep the time of their office, in which Exchange writes `Date` too.
    let zone = *journey.date.offset();
    path.push(mapi(
        &name,
        &format!("15.02.{build:04}.{revision:03}"),
        &local_date(path.at, zone),
    ));
    path.hop();

    // A message passes a transport service, that of another server as often as not.
    let (next, next_address) = if several && path.rng.random::<bool>() {
        company.exchange_server(3 - number)
    } else {
        (name.clone(), address)
    };
    path.push(folded(&format!(
        "Received: from {name} ({address}) by {next} ({next_address}) with Microsoft SMTP Server \
         ({CIPHER}) id 15.2.{build}.{revision}; {}",
        local_date(path.at, zone)
    )));
    path.hop();
    Client {
        greeting: next.clone(),
        name: Some(next.to_ascii_lowercase()),
        address: next_address.into(),
        tls: Tls::V12,
        login: None,
    }
}

/// The mailbox server's own hop.
fn mapi(name: &str, version: &str, date: &str) -> String {
    let own = Constants::new(0).of(name);
    let mut address = String::from("fe80:");
    for part in ["a", "b", "c", "d"] {
        let _ = write!(address, ":{:x}", own.below(part, 0xffff) + 1);
    }
    let interface = own.byte("interface", 2, 19);
    folded(&format!(
        "Received: from {name} ([{address}]) by {name} ([{address}%{interface}]) with mapi id \
         {version}; {date}"
    ))
}

/// A server of Exchange Online, such as `AM0PR04MB4321.eurprd04.prod.outlook.com`.
struct OnlineServer {
    label: String,
    /// `eurprd04`.
    region: String,
    /// What follows it, in the case it has.
    rest: String,
}

impl OnlineServer {
    fn name(&self) -> String {
        format!("{}.{}.{}", self.label, self.region, self.rest)
    }

    /// Always the same for one name.
    fn address(&self) -> String {
        let region = self.region.to_ascii_lowercase();
        let own = Constants::new(0).of(&self.label);
        let network = match region.get(..3).unwrap_or_default() {
            "nam" | "can" => "10b6",
            "apc" | "ind" | "jpn" | "kor" => "1096",
            "aus" => "10c6",
            "lam" | "bra" => "10d6",
            _ => "10a6",
        };
        let site = self.label.get(..3).unwrap_or_default();
        let group = EUROPEAN_SITES
            .iter()
            .chain(&AMERICAN_SITES)
            .find(|(known, _)| *known == site)
            .map_or("101", |(_, group)| group);
        format!(
            "2603:{network}:{group}:{:x}::{:x}",
            own.below("rack", 0x400) + 1,
            own.below("host", 0x2c) + 5
        )
    }

    /// A server of the same region, perhaps at another site.
    fn neighbour(&self, number: u16) -> Self {
        let own = Constants::new(u64::from(number));
        let sites: &[(&str, &str)] = match self.region.get(..3).unwrap_or_default() {
            "eur" => &EUROPEAN_SITES,
            "nam" => &AMERICAN_SITES,
            _ => &[],
        };
        let at = usize::try_from(own.below("site", sites.len() as u64)).unwrap_or(0);
        let (site, rest) = match (sites.get(at), self.label.get(3..)) {
            (Some((site, _)), Some(rest)) => (*site, rest),
            _ => ("", self.label.as_str()),
        };
        let stem = rest.trim_end_matches(|c: char| c.is_ascii_digit());
        Self {
            label: format!("{site}{stem}{number:04}"),
            region: self.region.clone(),
            rest: self.rest.clone(),
        }
    }
}

/// The label of the server that has a message next.
pub(super) fn relay(message_id: &str) -> Option<String> {
    let server = server_of(message_id)?;
    Some(server.neighbour(relay_number(message_id)).label)
}

/// The number of that server, the same for every copy.
fn relay_number(message_id: &str) -> u16 {
    let number = Constants::new(0).of(message_id).below("relay", 9_999);
    u16::try_from(number).unwrap_or_default() + 1
}

/// The server that a Message-ID of Exchange Online names.
fn server_of(message_id: &str) -> Option<OnlineServer> {
    let host = id_host(message_id)?;
    let mut parts = host.splitn(3, '.');
    let server = OnlineServer {
        label: parts.next()?.to_owned(),
        region: parts.next()?.to_owned(),
        rest: parts.next()?.to_owned(),
    };
    server
        .rest
        .eq_ignore_ascii_case("prod.outlook.com")
        .then_some(server)
}

/// A server for a company whose Message-IDs name none.
fn any_server(company: &Company) -> OnlineServer {
    let own = company.constants;
    let region = own.byte("region", 1, 10);
    let site = own.one_of("site", &EUROPEAN_SITES).0;
    OnlineServer {
        label: format!(
            "{site}PR{region:02}MB{}",
            1_000 + own.below("server", 9_000)
        ),
        region: format!("eurprd{region:02}"),
        rest: "prod.outlook.com".to_owned(),
    }
}

/// The right side of a Message-ID, if it is a host name.
fn id_host(message_id: &str) -> Option<String> {
    let (_, host) = message_id.trim().strip_suffix('>')?.rsplit_once('@')?;
    // Longer names exist, but not of these servers.
    safe::host(host)
        .filter(|host| host.len() <= 120 && host.contains('.'))
        .map(str::to_owned)
}

/// The build of a day: 8857 on 18 June 2025, 4909 on 21 January 2022, a new one about every week.
fn online_build(at: DateTime<Utc>) -> i64 {
    let weeks = (at.naive_utc().date() - month(2025, 6))
        .num_days()
        .div_euclid(7);
    (8_811 + weeks * 22 + weeks.rem_euclid(3)).max(1)
}

/// The build of a day, for a company that is late by its own number of days.
fn on_premises_build(at: DateTime<Utc>, company: Constants) -> u32 {
    let late = i64::from(company.byte("days late", 0, 240));
    let day = at.naive_utc().date() - chrono::TimeDelta::days(late);
    BUILDS
        .iter()
        .rev()
        .find(|((year, number), _)| month(*year, *number) <= day)
        .map_or(986, |&(_, build)| build)
}

/// `Thu, 8 Jun 2023 20:49:32 +0000`
fn online_date(at: DateTime<Utc>) -> String {
    at.format("%a, %-d %b %Y %H:%M:%S +0000").to_string()
}

fn local_date(at: DateTime<Utc>, zone: FixedOffset) -> String {
    at.with_timezone(&zone)
        .format("%a, %-d %b %Y %H:%M:%S %z")
        .to_string()
}

fn month(year: i32, month: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, 1).unwrap_or_default()
}
