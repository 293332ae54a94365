//! Gmail's web client and apps, and Google's servers behind them.
//!
//! A message is received by a server with a 6to4-like IPv6 address (`X-Received`), then by the
//! host that sends it out, both on Pacific time. The ids of one cluster share 13 letters, and what
//! follows them grows with the years.

use std::net::{IpAddr, Ipv4Addr};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::America::Los_Angeles;
use rand::{Rng, RngExt};

use super::Journey;
use super::constants::Constants;
use super::path::Path;
use super::postfix::{Client, Tls};
use crate::mime::base64;
use crate::mime::header::folded;

/// Where Google folds the opaque fields, in columns.
const OPAQUE_FOLD_AT: usize = 76;

/// A cluster of servers, as in mail of 2023 to 2026.
struct Cluster {
    /// In the names of its hosts.
    site: &'static str,
    /// Network of the hosts that send, and the last byte of the first and last of them, which the
    /// name repeats.
    network: [u8; 3],
    hosts: (u8, u8),
    /// Start of the addresses inside.
    inside: &'static str,
    /// Start of its ids, and end of the last number in them.
    id: &'static str,
    end: &'static str,
    /// Middle of its ids on 1 July 2025, and by how much it grows in 100 days.
    counter: u32,
    growth: i64,
}

const EUROPE: [Cluster; 5] = [
    Cluster {
        site: "ed1",
        network: [209, 85, 208],
        hosts: (41, 54),
        inside: "2002:a05:6402",
        id: "4fb4d7f45d1cf",
        end: "a12",
        counter: 0x606,
        growth: 36,
    },
    Cluster {
        site: "ej1",
        network: [209, 85, 218],
        hosts: (41, 54),
        inside: "2002:a17:907",
        id: "a640c23a62f3a",
        end: "66b",
        counter: 0xaec,
        growth: 36,
    },
    Cluster {
        site: "wm1",
        network: [209, 85, 128],
        hosts: (41, 54),
        inside: "2002:a05:600c",
        id: "5b1f17b1804b1",
        end: "e9",
        counter: 0x454,
        growth: 26,
    },
    Cluster {
        site: "wr1",
        network: [209, 85, 221],
        hosts: (41, 54),
        inside: "2002:a05:6000",
        id: "ffacd0b85a97d",
        end: "f8f",
        counter: 0x3b2,
        growth: 38,
    },
    Cluster {
        site: "lf1",
        network: [209, 85, 167],
        hosts: (41, 54),
        inside: "2002:a05:6512",
        id: "2adb3069b0e04",
        end: "e87",
        counter: 0x553,
        growth: 21,
    },
];
const AMERICA: [Cluster; 3] = [
    Cluster {
        site: "qk1",
        network: [209, 85, 222],
        hosts: (169, 182),
        inside: "2002:a05:620a",
        id: "af79cd13be357",
        end: "85a",
        counter: 0x7d6,
        growth: 30,
    },
    Cluster {
        site: "pl1",
        network: [209, 85, 214],
        hosts: (169, 182),
        inside: "2002:a17:903",
        id: "d9443c01a7336",
        end: "ad",
        counter: 0x268,
        growth: 35,
    },
    Cluster {
        site: "il1",
        network: [209, 85, 166],
        hosts: (169, 182),
        inside: "2002:a05:6e02",
        id: "e9e14a558f8ab",
        end: "ab",
        counter: 0x3e6,
        growth: 18,
    },
];

/// The hops inside Google.
pub(super) fn send(
    path: &mut Path<'_>,
    person: Constants,
    journey: &Journey<'_>,
    recipient: Option<&str>,
) -> Client {
    let cluster = cluster(person, journey, path.rng);
    let counter = cluster.counter_at(path.at);
    let low: u32 = path.rng.random();
    // The server has its address for weeks before it gives out this id.
    let since = counter.wrapping_sub(path.rng.random_range(0..20)) & 0xfff;
    let (a, b): (u16, u16) = (path.rng.random(), path.rng.random());
    let inside = format!(
        "{}:{:x}:b0:{since:x}:{a:x}:{b:x}",
        cluster.inside,
        path.rng.random_range(0x300..0xffff)
    );
    let sequence = |rng: &mut dyn Rng| rng.next_u32() % 9_000_000 + 150_000;
    let received = folded(&format!(
        "X-Received: by {inside} with SMTP id {}-{counter:03x}{low:08x}mr{}{}.{}.{}; {}",
        cluster.id,
        sequence(path.rng),
        cluster.end,
        path.rng.random_range(0..50),
        path.at.timestamp_millis(),
        date(path.at)
    ));
    path.push(received);
    let field = opaque(
        "X-Google-Smtp-Source",
        &[0x00, 0x61, 0xd3, 0xf8, 0x81],
        68,
        path.rng,
    );
    path.push(field);
    // In every mail since 2025, in some of 2024.
    if path.at.naive_utc().date() >= day(2025, 1, 1) {
        let length = path.rng.random_range(140..270);
        let field = opaque("X-Gm-Gg", &[0x01, 0x26, 0xc6, 0x9d, 0xcb], length, path.rng);
        path.push(field);
    }
    let length = path.rng.random_range(100..140);
    let field = opaque(
        "X-Gm-Message-State",
        &[0x00, 0xe2, 0x6e, 0xd1, 0x8c],
        length,
        path.rng,
    );
    path.push(field);
    path.hop();

    let (first, last) = cluster.hosts;
    let host = path.rng.random_range(first..=last);
    let name = format!("mail-{}-f{host}.google.com", cluster.site);
    let clause = recipient.map_or(String::new(), |to| format!("\r\n        for <{to}>"));
    let separator = if clause.is_empty() {
        ";\r\n        "
    } else {
        "; "
    };
    let field = format!(
        "Received: by {name} with SMTP id {}-{counter:03x}{low:08x}so{}{}.{}{clause}{separator}{}",
        cluster.id,
        sequence(path.rng),
        cluster.end,
        path.rng.random_range(0..4),
        date(path.at)
    );
    path.push(field);
    let [x, y, z] = cluster.network;
    Client {
        greeting: name.clone(),
        name: Some(name),
        address: IpAddr::V4(Ipv4Addr::new(x, y, z, host)),
        tls: Tls::V13,
        login: None,
    }
}

impl Cluster {
    fn counter_at(&self, at: DateTime<Utc>) -> u32 {
        let days = at.naive_utc().date() - day(2025, 7, 1);
        let grown = i64::from(self.counter) + days.num_days() * self.growth / 100;
        u32::try_from(grown.rem_euclid(0x1000)).unwrap_or(0)
    }
}

/// Mostly the one that keeps somebody's mail, on the side of the Atlantic that their clock says.
fn cluster(person: Constants, journey: &Journey<'_>, rng: &mut impl Rng) -> &'static Cluster {
    let america = journey.date.offset().local_minus_utc() < -2 * 3_600;
    let clusters: &[Cluster] = if america { &AMERICA } else { &EUROPE };
    let usual = person.below("cluster", clusters.len() as u64);
    let chosen = if rng.random::<f64>() < 0.75 {
        usize::try_from(usual).unwrap_or(0)
    } else {
        rng.random_range(0..clusters.len())
    };
    &clusters[chosen]
}

/// A field of so many bytes that mean something to Google alone, beginning as all of them do.
fn opaque(name: &str, start: &[u8], length: usize, rng: &mut impl Rng) -> String {
    let mut bytes = vec![0; length];
    rng.fill_bytes(&mut bytes);
    bytes[..start.len()].copy_from_slice(start);
    let text = base64::inline(&bytes);
    let mut field = format!("{name}: ");
    let mut room = OPAQUE_FOLD_AT - field.len();
    let mut rest = text.as_str();
    // One line where it fits into the 100 columns or so that short ones get.
    if name.len() + 2 + rest.len() <= 118 {
        field.push_str(rest);
        return field;
    }
    while rest.len() > room {
        let (line, after) = rest.split_at(room);
        field.push_str(line);
        field.push_str("\r\n\t");
        rest = after;
        room = OPAQUE_FOLD_AT - 1;
    }
    field.push_str(rest);
    field
}

/// `Mon, 23 Jun 2025 09:26:54 -0700 (PDT)`, the day with two digits.
fn date(at: DateTime<Utc>) -> String {
    at.with_timezone(&Los_Angeles)
        .format("%a, %d %b %Y %H:%M:%S %z (%Z)")
        .to_string()
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default()
}
