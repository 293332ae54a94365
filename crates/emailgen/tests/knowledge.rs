//! What people know when they write: names that hold in their company, and what they remember.

#[allow(dead_code, reason = "shared with the tests of ticks")]
#[path = "tick/office.rs"]
mod office;

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use decnet_emailgen::knowledge_ledger::KnowledgeLedger;
use decnet_emailgen::ledger::MailLedger;
use decnet_emailgen::memory_ledger::MemoryLedger;
use decnet_emailgen::tick::{Tick, TickSettings};
use decnet_realism::canon::{self, CanonKind};
use decnet_realism::knowledge::{CanonName, Knowledge, Part, Recollection};
use decnet_realism::offline::OfflineWriter;
use decnet_realism::topic;
use decnet_realism::writer::{Authorship, Brief, Draft, Occasion, Writer, WriterError, Written};

use office::{Office, monday, quick_driver, registry, run, settings};

const NAMES: [&str; 4] = ["Ana", "Bob", "Cy", "Dan"];

fn remembered(topic: &str, other: &str, at: DateTime<Utc>) -> Recollection {
    Recollection {
        memory: 4711,
        happened_at: at,
        other: Some(format!("{other}@corp.example")),
        part: Part::Reader,
        topic: Some(topic.to_owned()),
        text: "We agreed on 12,400 EUR with Acme Paper.".to_owned(),
        is_pinned: true,
    }
}

/// Everybody remembers a matter with everybody else, from the Wednesday before.
fn remember(ledger: &mut MemoryLedger, topic: &str) {
    for owner in NAMES {
        for other in NAMES.iter().filter(|other| **other != owner) {
            let memory = remembered(topic, &other.to_lowercase(), monday() - TimeDelta::days(5));
            ledger.remember(&format!("{}@corp.example", owner.to_lowercase()), memory);
        }
    }
}

fn texts(office: &mut Office) -> Vec<String> {
    let mut mails = office.mails();
    mails.sort_by_key(|mail| mail.id);
    let texts = mails.iter().map(|mail| {
        let details = office.ledger.mail(mail.id).unwrap().unwrap();
        details.text
    });
    texts.collect()
}

#[test]
fn the_offline_writer_comes_back_to_what_is_remembered() {
    let matter = topic::built_in("en")[3];
    let mut told = BTreeMap::new();
    for remembers in [false, true] {
        let mut office = Office::always(&NAMES, &["mx1"]);
        if remembers {
            remember(&mut office.ledger, matter);
        }
        let report = office.tick(&settings(0, 40));
        let recalled: Vec<Vec<i64>> = report
            .delivered
            .iter()
            .map(|record| record.written_by.as_ref().unwrap().recalled.clone())
            .collect();
        assert!(
            recalled
                .iter()
                .all(|memories| memories.is_empty() != remembers)
        );
        let texts = texts(&mut office);
        assert_eq!(texts.len(), 40);
        let speak_of_it = texts.iter().filter(|text| text.contains(matter)).count();
        told.insert(remembers, speak_of_it);
    }
    assert!(told[&true] >= told[&false] + 8, "{told:?}");
}

#[test]
fn nothing_is_recalled_without_a_budget_or_before_it_happened() {
    let matter = topic::built_in("en")[3];
    for (budget, now) in [(0, 0), (400, -10)] {
        let mut office = Office::always(&NAMES, &["mx1"]);
        remember(&mut office.ledger, matter);
        let settings = TickSettings {
            recall_tokens: budget,
            now: monday() + TimeDelta::days(now),
            ..settings(0, 20)
        };
        let report = office.tick(&settings);
        assert_eq!(report.delivered.len(), 20);
        for record in report.delivered {
            assert!(record.written_by.unwrap().recalled.is_empty());
        }
    }
}

/// Notes what writers are told, and writes as the offline one.
#[derive(Default)]
struct NotingWriter {
    told: Mutex<Vec<(String, CanonKind, String, String)>>,
    recalled: Mutex<usize>,
}

#[async_trait]
impl Writer for NotingWriter {
    fn name(&self) -> &str {
        "noting"
    }

    fn is_immediate(&self) -> bool {
        false
    }

    async fn write(&self, brief: &Brief<'_>, seed: u64) -> Result<Written, WriterError> {
        let wishes = canon::wishes(brief);
        assert_eq!(
            wishes.len(),
            brief.knowledge.names.len(),
            "some have no name"
        );
        let mut told = self.told.lock().unwrap();
        told.extend(
            wishes
                .iter()
                .zip(&brief.knowledge.names)
                .map(|(wish, name)| {
                    assert_eq!((wish.kind, &wish.role), (name.kind, &name.role));
                    (
                        canon::company(brief),
                        name.kind,
                        name.role.clone(),
                        name.name.clone(),
                    )
                }),
        );
        *self.recalled.lock().unwrap() += brief.knowledge.recollections.len();
        Ok(Written {
            draft: OfflineWriter.draft(brief, seed),
            authorship: Authorship::of("noting"),
        })
    }
}

#[test]
fn nothing_ever_has_two_names_and_no_two_things_have_one() {
    let writer = NotingWriter::default();
    let mut office = Office::always(&NAMES, &["mx1"]);
    let drivers = registry(quick_driver());
    remember(&mut office.ledger, "the copier contract");
    for hour in 0..60 {
        // One mail at a time, then groups.
        let count = if hour < 20 { 1 } else { 12 };
        let settings = settings(hour, count);
        let report = run(
            &mut office.ledger,
            &drivers,
            &writer,
            settings.now,
            &settings,
        )
        .unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
    }
    let told = writer.told.into_inner().unwrap();
    assert!(*writer.recalled.lock().unwrap() > 400);
    let mut name_of: BTreeMap<(String, CanonKind, String), String> = BTreeMap::new();
    for (company, kind, role, name) in told {
        let held = name_of
            .entry((company, kind, role.clone()))
            .or_insert(name.clone());
        assert_eq!(*held, name, "{kind:?} {role} has two names");
    }
    assert!(name_of.len() > 100, "{} things have names", name_of.len());
    let mut role_of: BTreeMap<(CanonKind, String), String> = BTreeMap::new();
    for ((company, kind, role), name) in name_of {
        let held = office
            .ledger
            .canon_names(&company, &[(kind, &role)])
            .unwrap();
        assert_eq!(held, [Some(name.clone())], "{role} is not kept");
        if kind != CanonKind::Amount
            && let Some(other) = role_of.insert((kind, name.to_lowercase()), role.clone())
        {
            panic!("{kind:?} {role} and {other} are both called {name}");
        }
    }
}

#[test]
fn a_dry_run_keeps_no_names() {
    let mut office = Office::always(&NAMES, &["mx1"]);
    let drivers = registry(quick_driver());
    let settings = settings(0, 12);
    let mut ledger = office.ledger.clone();
    let (previews, _) = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(
            Tick {
                ledger: &mut ledger,
                drivers: &drivers,
                writer: &OfflineWriter,
                wall_clock: &monday,
                follow_ups: &|_| Vec::new(),
                on_record: &mut |_| (),
            }
            .preview(&settings),
        )
        .unwrap();
    assert_eq!(previews.len(), 12);
    let before = format!("{:?}", office.ledger);
    assert_eq!(format!("{ledger:?}"), before, "the dry run left something");
    office.tick(&settings);
    assert_ne!(format!("{:?}", office.ledger), before);
    // What it told is what is written then, names included.
    let subjects: Vec<String> = previews
        .into_iter()
        .map(|preview| preview.subject)
        .collect();
    let mut mails = office.mails();
    mails.sort_by_key(|mail| mail.id);
    let written: Vec<String> = mails.into_iter().map(|mail| mail.subject).collect();
    assert_eq!(written, subjects);
}

#[test]
fn the_same_knowledge_gives_the_same_bytes() {
    let [one, other] = [(), ()].map(|()| {
        let mut office = Office::always(&NAMES, &["mx1", "mx2"]);
        remember(&mut office.ledger, "the copier contract");
        for hour in 0..12 {
            office.tick(&settings(hour, 4));
        }
        office::snapshot(office.folder.path())
    });
    assert!(one == other, "two runs differ");
}

/// What an offline thread says once with a canon that calls the vendor something else.
#[test]
fn a_name_that_the_operator_gives_shows_in_the_mail() {
    let office = Office::always(&NAMES, &["mx1"]);
    let world = decnet_emailgen::world::WorldLedger::world(&mut office.ledger.clone()).unwrap();
    let people: Vec<_> = world.lists[0]
        .personas
        .iter()
        .map(|view| &view.persona)
        .collect();
    let mut shown = 0;
    for topic in topic::built_in("en") {
        let mut brief = Brief {
            sender: people[0],
            recipient: people[1],
            language: "en",
            written_at: monday().fixed_offset(),
            occasion: Occasion::NewThread { topic },
            knowledge: Knowledge::NONE,
        };
        let names = canon::wishes(&brief).into_iter().map(|wish| CanonName {
            name: match wish.kind {
                CanonKind::Vendor => "Zebra & Sons Ltd".to_owned(),
                _ => wish.name(1, 0),
            },
            kind: wish.kind,
            role: wish.role,
        });
        let knowledge = Knowledge {
            names: names.collect(),
            recollections: Vec::new(),
        };
        brief.knowledge = &knowledge;
        for seed in 0..10 {
            let Draft { subject, body } = OfflineWriter.draft(&brief, seed);
            shown += usize::from(format!("{subject}{body}").contains("Zebra & Sons Ltd"));
        }
    }
    assert!(shown > 20, "{shown} mails name it");
}
