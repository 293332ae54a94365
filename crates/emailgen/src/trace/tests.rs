use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, FixedOffset, TimeDelta, TimeZone, Utc};
use mail_parser::{HeaderValue, MessageParser};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::mime::header::folded;

const ALL: [Submission; 6] = [
    Submission::ExchangeOnline,
    Submission::ExchangeOnPremises,
    Submission::Gmail,
    Submission::Smtp,
    Submission::Webmail,
    Submission::LocalSendmail,
];
const EXCHANGE_ID: &str =
    "<AM0PR04MB43217A4F61B54F44D4EB8B0EDF5A9@AM0PR04MB4321.eurprd04.prod.outlook.com>";

fn date() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2026-03-02T09:30:12+01:00").unwrap()
}

fn journey(submission: Submission) -> Journey<'static> {
    Journey {
        submission,
        sender_address: "ben.cole@north.example",
        recipient_address: "ana@corp.example",
        message_id: match submission {
            Submission::ExchangeOnline => EXCHANGE_ID,
            Submission::ExchangeOnPremises => {
                "<0a4f61b54f44d4eb8b0edf5a9c3e2d10@EX01.ad.north.example>"
            }
            _ => "<6ad1f2a0-7f7e-4f2a-9d4c-0a1b2c3d4e5f@north.example>",
        },
        date: date(),
        mail_host: "mail01",
        sender_company: 7,
        recipient_company: 8,
        sender_person: 9,
    }
}

fn internal(submission: Submission) -> Journey<'static> {
    Journey {
        sender_address: "ben.cole@Corp.Example",
        sender_company: 8,
        ..journey(submission)
    }
}

fn traced(journey: &Journey<'_>, seed: u64) -> (String, Trace) {
    let trace = trace(journey, &mut ChaCha8Rng::seed_from_u64(seed));
    let text = String::from_utf8(trace.header.clone()).unwrap();
    (text, trace)
}

/// The `Received` fields, newest first, unfolded.
fn received(header: &str) -> Vec<String> {
    header
        .replace("\r\n\t", " ")
        .replace("\r\n ", " ")
        .split("\r\n")
        .filter_map(|field| field.strip_prefix("Received: "))
        .map(str::to_owned)
        .collect()
}

/// Their times, newest first, and of `X-Received` too.
fn times(header: &str) -> Vec<DateTime<Utc>> {
    let unfolded = header.replace("\r\n\t", " ").replace("\r\n ", " ");
    unfolded
        .split("\r\n")
        .filter(|field| field.starts_with("Received: ") || field.starts_with("X-Received: "))
        .map(|field| {
            let (_, date) = field.rsplit_once(';').unwrap();
            let date = date.split(" (").next().unwrap().trim();
            DateTime::parse_from_rfc2822(date)
                .unwrap_or_else(|error| panic!("{date}: {error}"))
                .to_utc()
        })
        .collect()
}

fn sorted(mut seconds: Vec<i64>) -> impl Fn(f64) -> i64 {
    seconds.sort_unstable();
    move |share| seconds[(share * (seconds.len() - 1) as f64) as usize]
}

#[test]
fn every_way_has_the_shape_of_its_systems() {
    for submission in ALL {
        for journey in [journey(submission), internal(submission)] {
            let (header, _) = traced(&journey, 1);
            let start = format!(
                "Return-Path: <{}>\r\nDelivered-To: ana@corp.example\r\nReceived: from ",
                journey.sender_address
            );
            assert!(header.starts_with(&start), "{header}");
            assert!(header.ends_with("\r\n"));
            assert!(!header.contains("\r\n\r\n"));
            let hops = received(&header);
            assert!(
                hops[0].contains("by mail01.corp.example with LMTP id "),
                "{header}"
            );
            assert!(hops.len() >= 2, "{header}");
            for line in header.split("\r\n") {
                assert!(line.len() <= 998 && line.is_ascii(), "{line}");
                assert!(
                    !line
                        .replace('\n', "")
                        .contains(|c: char| c.is_control() && c != '\t')
                );
            }
        }
    }
    let innermost = |submission| received(&traced(&journey(submission), 1).0).pop().unwrap();
    let online = innermost(Submission::ExchangeOnline);
    assert!(
        online.starts_with("from AM0PR04MB4321.eurprd04.prod.outlook.com ([fe80::")
            && online.contains(" with mapi id 15.20.")
            && online.ends_with(" +0000"),
        "{online}"
    );
    let on_premises = innermost(Submission::ExchangeOnPremises);
    assert!(
        on_premises.starts_with("from EX01.ad.north.example ([fe80::")
            && on_premises.contains(" with mapi id 15.02.")
            && on_premises.ends_with(" +0100"),
        "{on_premises}"
    );
    let gmail = innermost(Submission::Gmail);
    assert!(
        gmail.starts_with("by mail-") && gmail.ends_with(" -0800 (PST)"),
        "{gmail}"
    );
    assert!(innermost(Submission::Smtp).contains(" with ESMTPSA id "));
    assert!(innermost(Submission::Webmail).contains("A id "));
    assert!(innermost(Submission::LocalSendmail).contains(" (Postfix, from userid "));
}

#[test]
fn times_never_go_back_and_the_last_is_the_delivery() {
    for seed in 0..10_000 {
        let submission = ALL[(seed % 6) as usize];
        let journey = if seed % 5 == 0 {
            internal(submission)
        } else {
            journey(submission)
        };
        let (header, trace) = traced(&journey, seed);
        let times = times(&header);
        assert!(
            times.is_sorted_by(|newer, older| newer >= older),
            "{header}"
        );
        assert_eq!(
            times[0].timestamp(),
            trace.delivered_at.timestamp(),
            "{header}"
        );
    }
}

#[test]
fn delays_are_those_of_real_mail() {
    for submission in [Submission::Smtp, Submission::ExchangeOnline] {
        let journey = journey(submission);
        let mut first = Vec::new();
        let mut later = Vec::new();
        for seed in 0..10_000 {
            let journey = Journey {
                sender_person: seed,
                ..journey
            };
            let (header, _) = traced(&journey, seed);
            let times = times(&header);
            first.push((*times.last().unwrap() - journey.date.to_utc()).num_seconds());
            later.extend(
                times
                    .windows(2)
                    .map(|pair| (pair[0] - pair[1]).num_seconds()),
            );
        }
        let bad = first.iter().filter(|&&delay| delay < -60).count();
        assert!((60..=90).contains(&bad), "{bad} bad clocks");
        assert!(first.iter().all(|delay| !(-60..0).contains(delay)));
        let first = sorted(first);
        assert!((1..=3).contains(&first(0.5)), "median {}", first(0.5));
        assert!((17..=37).contains(&first(0.95)), "p95 {}", first(0.95));
        let waited = later.iter().filter(|&&delay| delay >= 60).count();
        assert!((5..400).contains(&waited), "{waited} waited");
        let later = sorted(later);
        assert!(later(0.9) <= 2, "p90 {}", later(0.9));
    }
}

#[test]
fn copies_of_a_mail_are_handed_in_at_once_and_take_one_relay() {
    for person in 0..300 {
        let journey = Journey {
            sender_person: person,
            ..journey(Submission::ExchangeOnline)
        };
        let first = |seed| {
            let (header, _) = traced(&journey, seed);
            let hops: Vec<&str> = header.split("Received: ").collect();
            let at = *times(&header).last().unwrap();
            let relay = hops[hops.len() - 2].split(" by ").nth(1).unwrap();
            (at, relay.split_once('.').unwrap().0.to_owned())
        };
        let (at, relay) = first(1);
        assert_eq!(first(2), (at, relay.clone()));
        assert_eq!(exchange_relay(journey.message_id), Some(relay));
    }
}

#[test]
fn mail_inside_a_company_stays_inside() {
    for number in 0..300 {
        for submission in [
            Submission::Smtp,
            Submission::Webmail,
            Submission::LocalSendmail,
            Submission::ExchangeOnPremises,
        ] {
            let inside = Journey {
                sender_company: number,
                recipient_company: number,
                sender_person: 0,
                ..internal(submission)
            };
            let outside = Journey {
                recipient_company: number,
                ..journey(submission)
            };
            let (inner, trace) = traced(&inside, number);
            let (outer, _) = traced(&outside, number);
            assert!(
                received(&inner).len() <= received(&outer).len(),
                "{inner}\n{outer}"
            );
            assert!(trace.delivered_at - inside.date.to_utc() < TimeDelta::seconds(360));
            let exchanger = Company::new(number, "corp.example").server(Role::Exchanger);
            assert!(!inner.contains(&exchanger.outside.to_string()), "{inner}");
            assert!(
                !inner.contains("north.example") || submission == Submission::ExchangeOnPremises
            );
            for hop in received(&outer) {
                let ours = hop.contains("by mx") || hop.contains(&exchanger.name);
                assert!(!ours || !hop.contains("unknown"), "{outer}");
            }
        }
    }
}

#[test]
fn private_and_documentation_addresses_alone_but_for_the_providers() {
    for number in 0..2_000 {
        let submission = ALL[(number % 6) as usize];
        let journey = Journey {
            sender_company: number,
            recipient_company: number + 1,
            sender_person: number,
            ..journey(submission)
        };
        let (header, _) = traced(&journey, number);
        for hop in received(&header) {
            if hop.contains("google.com") || hop.contains("outlook.com") {
                continue;
            }
            for part in hop.split(['[', ']', '(', ')']) {
                if let Ok(address) = part.parse::<std::net::Ipv4Addr>() {
                    let documentation = matches!(
                        address.octets(),
                        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _]
                    );
                    let fine = documentation || address.is_private() || address.is_loopback();
                    assert!(fine, "{address} in {hop}");
                } else if let Some(address) = part.strip_prefix("IPv6:") {
                    assert!(address.starts_with("2001:db8:"), "{hop}");
                }
            }
        }
    }
}

#[test]
fn the_same_arguments_give_the_same_bytes() {
    for submission in ALL {
        let journey = journey(submission);
        assert_eq!(traced(&journey, 5), traced(&journey, 5));
        assert_ne!(traced(&journey, 5).0, traced(&journey, 6).0);
    }
}

#[test]
fn hosts_of_a_company_keep_their_names_and_addresses() {
    let mut seen: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    for seed in 0..200 {
        let (header, _) = traced(&journey(Submission::Webmail), seed);
        for (at, hop) in received(&header).iter().rev().enumerate() {
            let stable = hop.split(" id ").next().unwrap().to_owned();
            seen.entry(at.to_string()).or_default().insert(stable);
        }
    }
    assert!(seen.values().all(|forms| forms.len() == 1), "{seen:#?}");
}

#[test]
fn different_companies_share_no_host() {
    let mut owners: BTreeMap<String, u64> = BTreeMap::new();
    let mut labels = HashSet::new();
    for number in 0..500_u64 {
        let domain = format!("c{number}.example");
        let company = Company::new(number, &domain);
        for role in [Role::Hub, Role::Exchanger, Role::Relay] {
            let server = company.server(role);
            let owner = *owners.entry(server.name.clone()).or_insert(number);
            assert_eq!(owner, number, "{}", server.name);
            labels.insert(server.name.split('.').next().unwrap().to_owned());
        }
    }
    assert!(labels.len() > 50, "{labels:?}");
}

#[test]
fn hostile_arguments_inject_nothing() {
    let long = "x".repeat(5_000);
    let hostile = [
        "a@b\r\nBcc: x@y.example",
        "a\n@b.example",
        "\r\n\r\nbody",
        "a b@c.example",
        "a>@c.example",
        "",
        "@",
        "é@ü.example",
        "a@..",
        long.as_str(),
    ];
    for submission in ALL {
        for text in hostile {
            let id = format!("<{text}@{text}.eurprd04.prod.outlook.com>");
            let variants = [
                Journey {
                    sender_address: text,
                    ..journey(submission)
                },
                Journey {
                    recipient_address: text,
                    ..journey(submission)
                },
                Journey {
                    message_id: text,
                    ..journey(submission)
                },
                Journey {
                    message_id: &id,
                    ..journey(submission)
                },
                Journey {
                    mail_host: text,
                    ..journey(submission)
                },
            ];
            for journey in variants {
                let (header, _) = traced(&journey, 3);
                for line in header.split("\r\n").filter(|line| !line.is_empty()) {
                    let known = [
                        "Return-Path: ",
                        "Delivered-To: ",
                        "Received: ",
                        "X-Received: ",
                        "X-Gm-",
                        "X-Google-",
                        " ",
                        "\t",
                    ];
                    assert!(
                        known.iter().any(|start| line.starts_with(start)),
                        "{line:?}"
                    );
                    assert!(line.len() <= 998 && line.is_ascii() && !line.contains(['\r', '\n']));
                    assert!(!line.contains("Bcc") && !line.contains("body"), "{line:?}");
                }
            }
        }
    }
}

#[test]
fn a_parser_reads_every_hop() {
    for seed in 0..300 {
        let journey = journey(ALL[(seed % 6) as usize]);
        let (header, trace) = traced(&journey, seed);
        let message = format!("{header}Subject: hi\r\n\r\nHello\r\n");
        let parsed = MessageParser::default().parse(message.as_bytes()).unwrap();
        let hops: Vec<i64> = parsed
            .header_values("Received")
            .map(|value| match value {
                HeaderValue::Received(received) => received.date().unwrap().to_timestamp(),
                other => panic!("{other:?} in {header}"),
            })
            .collect();
        let wanted: Vec<i64> = times(&header)
            .iter()
            .map(DateTime::timestamp)
            .take(hops.len())
            .collect();
        assert_eq!(hops, wanted, "{header}");
        assert_eq!(hops[0], trace.delivered_at.timestamp());
    }
}

#[test]
fn google_follows_daylight_saving_and_gains_a_field() {
    for (date, zone, gg) in [
        ("2026-07-01T12:00:00+02:00", "-0700 (PDT)", true),
        ("2024-01-15T12:00:00+01:00", "-0800 (PST)", false),
    ] {
        let date = DateTime::parse_from_rfc3339(date).unwrap();
        let (header, _) = traced(
            &Journey {
                date,
                ..journey(Submission::Gmail)
            },
            2,
        );
        assert_eq!(header.matches(zone).count(), 2, "{header}");
        assert_eq!(header.contains("X-Gm-Gg: ASbGnc"), gg, "{header}");
        assert!(header.contains("X-Gm-Message-State: AOJu0Y"), "{header}");
        assert!(header.contains("X-Google-Smtp-Source: AGHT+I"), "{header}");
    }
}

#[test]
fn an_exchange_server_without_a_name_gets_one() {
    for number in 0..50 {
        let journey = Journey {
            message_id: "<0a4f61b54f44d4eb8b0edf5a9c3e2d10@north.example>",
            sender_company: number,
            ..journey(Submission::ExchangeOnPremises)
        };
        let (header, _) = traced(&journey, number);
        assert!(!header.contains("from north.example"), "{header}");
    }
}

#[test]
fn a_long_queue_id_is_the_time() {
    // Written by a real server at that second.
    let at = Utc.with_ymd_and_hms(2026, 10, 3, 19, 37, 10).unwrap();
    assert_eq!(postfix::digits(at.timestamp() as u64, 52, 6), "4hxws2");
    assert_eq!(postfix::digits(735_703, 52, 4), "5D47");
}

#[test]
fn microsoft_folds_as_its_servers_do() {
    let field = "Received: from SJ0PR10MB4429.namprd10.prod.outlook.com (2603:10b6:a03:2d1::14) by \
         BYAPR10MB3416.namprd10.prod.outlook.com (2603:10b6:a03:156::32) with Microsoft SMTP \
         Server (version=TLS1_2, cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.4909.10; \
         Fri, 21 Jan 2022 01:33:41 +0000";
    let lines = [
        "Received: from SJ0PR10MB4429.namprd10.prod.outlook.com (2603:10b6:a03:2d1::14)",
        " by BYAPR10MB3416.namprd10.prod.outlook.com (2603:10b6:a03:156::32) with",
        " Microsoft SMTP Server (version=TLS1_2,",
        " cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.4909.10; Fri, 21 Jan",
        " 2022 01:33:41 +0000",
    ];
    assert_eq!(folded(field), lines.join("\r\n"));
}
