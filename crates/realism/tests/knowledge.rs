//! What a sender knows shows in what they write, and only where it should.

use std::collections::BTreeSet;

use chrono::{DateTime, FixedOffset, TimeDelta};
use decnet_realism::canon::{self, CanonKind, CanonWish};
use decnet_realism::knowledge::{CanonName, Knowledge, Part, Recollection};
use decnet_realism::offline::OfflineWriter;
use decnet_realism::persona::{Persona, parse_personas_text};
use decnet_realism::topic;
use decnet_realism::writer::{Brief, Draft, Occasion, Parent};

fn people() -> Vec<Persona> {
    let list = r#"[
        {"name": "Ana Ruiz", "email": "ana@corp.example", "role": "CFO"},
        {"name": "Ben Cole", "email": "ben@corp.example", "role": "Clerk"},
        {"name": "Cem Aksoy", "email": "cem@corp.example", "role": "Buyer"},
        {"name": "Dora Lind", "email": "dora@corp.example", "role": "Analyst"}
    ]"#;
    parse_personas_text(list, "en").personas
}

fn march(day: u32) -> DateTime<FixedOffset> {
    let text = format!("2026-03-{day:02}T10:20:00+00:00");
    DateTime::parse_from_rfc3339(&text).expect("a valid time")
}

fn brief<'a>(
    (sender, recipient): (&'a Persona, &'a Persona),
    language: &'a str,
    topic: &'a str,
    knowledge: &'a Knowledge,
) -> Brief<'a> {
    Brief {
        sender,
        recipient,
        language,
        written_at: march(10),
        occasion: Occasion::NewThread { topic },
        knowledge,
    }
}

fn keys(wishes: &[CanonWish]) -> Vec<(CanonKind, String)> {
    let keys = wishes.iter();
    keys.map(|wish| (wish.kind, wish.role.clone())).collect()
}

fn named(wishes: Vec<CanonWish>, seed: u64) -> Knowledge {
    let names = wishes.into_iter().map(|wish| CanonName {
        kind: wish.kind,
        name: wish.name(seed, 0),
        role: wish.role,
    });
    Knowledge {
        names: names.collect(),
        recollections: Vec::new(),
    }
}

#[test]
fn every_mail_of_a_thread_wishes_for_the_same_names() {
    let people = people();
    let (ana, ben) = (&people[0], &people[1]);
    for language in ["en", "es"] {
        for topic in topic::built_in(language) {
            let opened = brief((ana, ben), language, topic, Knowledge::NONE);
            let answer = Brief {
                sender: ben,
                recipient: ana,
                // A month later, in an answer that quotes nothing.
                written_at: march(10) + TimeDelta::days(35),
                occasion: Occasion::Reply {
                    parent: Parent {
                        subject: "anything",
                        text: "anything",
                        written_at: march(30),
                        topic,
                        thread_length: 7,
                        thread_began: march(10).to_utc(),
                    },
                },
                ..opened.clone()
            };
            let wishes = canon::wishes(&opened);
            assert_eq!(keys(&wishes), keys(&canon::wishes(&answer)), "{topic}");
            assert_eq!(canon::company(&opened), canon::company(&answer));
            let distinct: BTreeSet<_> = keys(&wishes).into_iter().collect();
            assert_eq!(distinct.len(), wishes.len(), "{topic}: {wishes:?}");
        }
    }
}

#[test]
fn wishes_have_names_in_every_language() {
    let people = people();
    for language in ["en", "es"] {
        let mut kinds = BTreeSet::new();
        for topic in topic::built_in(language) {
            let brief = brief((&people[0], &people[1]), language, topic, Knowledge::NONE);
            for wish in canon::wishes(&brief) {
                let names: BTreeSet<String> = (0..6).map(|tried| wish.name(9, tried)).collect();
                assert!(names.len() > 1, "{wish:?} has one name only: {names:?}");
                assert!(
                    names.iter().all(|name| !name.trim().is_empty()),
                    "{names:?}"
                );
                kinds.insert(wish.kind);
            }
        }
        assert_eq!(kinds.len(), 6, "{language}: {kinds:?}");
    }
}

/// All that a pair writes about a topic, over many subjects and words.
fn written(pair: (&Persona, &Persona), language: &str, topic: &str, known: &Knowledge) -> String {
    let texts = (0..24).map(|seed| {
        let Draft { subject, body } =
            OfflineWriter.draft(&brief(pair, language, topic, known), seed);
        format!("{subject}\n{body}\n")
    });
    texts.collect()
}

#[test]
fn two_pairs_call_the_vendor_of_a_matter_the_same() {
    let people = people();
    let pairs = [(&people[0], &people[1]), (&people[2], &people[3])];
    let mut seen = 0;
    for language in ["en", "es"] {
        for topic in topic::built_in(language) {
            let [one, other] = pairs.map(|pair| brief(pair, language, topic, Knowledge::NONE));
            let known = named(canon::wishes(&one), 5);
            assert_eq!(known, named(canon::wishes(&other), 5), "{topic}");
            let Some(vendor) = known.name_of(CanonKind::Vendor, topic) else {
                continue;
            };
            let [mine, theirs] = pairs.map(|pair| written(pair, language, topic, &known));
            if mine.contains(vendor) {
                seen += 1;
                assert!(theirs.contains(vendor), "{topic}: {vendor}");
            }
        }
    }
    assert!(seen >= 10, "vendors show in {seen} topics only");
}

#[test]
fn what_an_operator_calls_things_cannot_break_a_mail() {
    let people = people();
    let pair = (&people[0], &people[1]);
    for topic in topic::built_in("en") {
        let mut known = named(canon::wishes(&brief(pair, "en", topic, Knowledge::NONE)), 5);
        for name in &mut known.names {
            name.name = "Acme\r\nBcc: x@evil.example \u{202e}{topic} [a|b] <b>".to_owned();
        }
        let text = written(pair, "en", topic, &known);
        for mark in ["\r", "\nBcc", "\u{202e}", "{topic}", "[a|b]", "<b>"] {
            assert!(!text.contains(mark), "{topic}: {mark:?} in {text}");
        }
    }
}

fn remembered(topic: &str, other: &str, days_ago: i64) -> Knowledge {
    let recollection = Recollection {
        memory: 7,
        happened_at: march(10).to_utc() - TimeDelta::days(days_ago),
        other: Some(other.to_owned()),
        part: Part::Reader,
        topic: Some(topic.to_owned()),
        text: "Something about it.".to_owned(),
        is_pinned: true,
    };
    Knowledge {
        names: Vec::new(),
        recollections: vec![recollection],
    }
}

#[test]
fn people_come_back_to_what_they_had_with_each_other() {
    let people = people();
    let pair = (&people[0], &people[1]);
    for language in ["en", "es"] {
        let [topic, matter, ..] = topic::built_in(language) else {
            panic!("topics");
        };
        let mentions = |known: &Knowledge, matter: &str| {
            let drafts = (0..40).map(|seed| {
                OfflineWriter
                    .draft(&brief(pair, language, topic, known), seed)
                    .body
            });
            drafts.filter(|body| body.contains(matter)).count()
        };
        assert_eq!(mentions(Knowledge::NONE, matter), 0, "{matter}");
        let known = remembered(matter, "ben@corp.example", 6);
        assert!((8..=32).contains(&mentions(&known, matter)), "{matter}");
        // Nothing is said of what somebody else wrote, of what was just said, or long ago.
        for known in [
            remembered(matter, "cem@corp.example", 6),
            remembered(matter, "ben@corp.example", 0),
            remembered(matter, "ben@corp.example", 90),
        ] {
            assert_eq!(mentions(&known, matter), 0, "{known:?}");
        }
        let elsewhere = topic::built_in(if language == "en" { "es" } else { "en" })[1];
        let known = remembered(elsewhere, "ben@corp.example", 6);
        assert_eq!(
            mentions(&known, elsewhere),
            0,
            "a topic of another language"
        );
    }
}
