//! Random histories of the store and of the ledger in memory, one beside the other.

use chrono::{DateTime, TimeDelta, Utc};
use decnet_memory::canon::{CanonDraft, CanonId, CanonKey, CanonKind};
use decnet_memory::conformance;
use decnet_memory::entities::Entity;
use decnet_memory::in_memory::InMemoryLedger;
use decnet_memory::ledger::{Judgement, MemoryFilter, MemoryLedger};
use decnet_memory::memory::{Facts, Kind, MemoryId, NewMemory, Speaker, Utterance, Words};
use decnet_memory::pins::Hand;
use decnet_memory::recall::{Cue, Reach, recall};
use decnet_memory::significance::Score;
use proptest::prelude::*;

use super::open;

fn at(seconds: i64) -> DateTime<Utc> {
    // Finer than what is kept.
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds) + TimeDelta::nanoseconds(seconds * 100)
}

#[derive(Clone, Debug)]
struct About {
    owner: u8,
    other: Option<u8>,
    thread: Option<u8>,
    names: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<(About, i64, u8)>),
    Score(i64, u8, u8),
    Hand(i64, bool),
    Recall(About, i64, usize),
    List(About, bool, Option<u8>, u64),
    Scoring(i64),
    Canon(u8, u8, u8, u8),
    Rename(i64, u8),
    Rebuild,
    Snapshot(usize),
}

fn about() -> impl Strategy<Value = About> {
    (
        0..3u8,
        prop::option::of(0..3u8),
        prop::option::of(0..3u8),
        prop::collection::vec(0..5u8, 0..4),
    )
        .prop_map(|(owner, other, thread, names)| About {
            owner,
            other,
            thread,
            names,
        })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec((about(), 0..50i64, any::<u8>()), 0..6).prop_map(Step::Write),
        9 => (0..60i64, prop_oneof![0..5u8, Just(3)], any::<u8>())
            .prop_map(|(id, score, cause)| Step::Score(id, score, cause)),
        4 => (0..60i64, any::<bool>()).prop_map(|(id, pin)| Step::Hand(id, pin)),
        5 => (about(), 0..60i64, 0..4usize).prop_map(|(about, now, reach)| Step::Recall(about, now, reach)),
        2 => (about(), any::<bool>(), prop::option::of(0..4u8), 0..5u64)
            .prop_map(|(about, pinned, least, limit)| Step::List(about, pinned, least, limit)),
        2 => (0..60i64).prop_map(Step::Scoring),
        3 => (0..2u8, 0..3u8, 0..3u8, 0..4u8).prop_map(|(a, b, c, d)| Step::Canon(a, b, c, d)),
        2 => (0..8i64, 0..4u8).prop_map(|(id, name)| Step::Rename(id, name)),
        1 => Just(Step::Rebuild),
        1 => (0..4usize).prop_map(Step::Snapshot),
    ]
}

fn key(prefix: &str, number: u8) -> String {
    format!("{prefix}-{number}")
}

fn entities(names: &[u8]) -> Vec<Entity> {
    names
        .iter()
        .map(|name| Entity::name(&key("n", *name)))
        .collect()
}

fn new_memory((about, seconds, cause): &(About, i64, u8)) -> NewMemory {
    NewMemory {
        cause: key("cause", *cause),
        facts: Facts {
            owner: key("p", about.owner),
            other: about.other.map(|other| key("p", other)),
            thread: about.thread.map(|thread| key("t", thread)),
            kind: Kind::MailSent,
            happened_at: at(*seconds),
            entities: entities(&about.names),
        },
        words: Words {
            narrative: format!("{cause}\u{0} \u{202e}{seconds}"),
            dialogue: vec![Utterance {
                by: Speaker::Other,
                text: "x".to_owned(),
            }],
        },
    }
}

/// Does a step; what is seen of it, as text, so that two ledgers can be compared.
fn carry_out(ledger: &mut dyn MemoryLedger, step: &Step, now: i64) -> String {
    match step {
        Step::Write(batch) => {
            let batch: Vec<NewMemory> = batch.iter().map(new_memory).collect();
            format!("{:?}", ledger.write(&batch, at(now)))
        }
        Step::Score(id, score, cause) => {
            let judgement = Judgement {
                memory: MemoryId(*id),
                score: Score {
                    score: *score,
                    reason: key("because", *cause),
                },
                scorer: "x".to_owned(),
                cause: key("cause", *cause),
            };
            format!("{:?}", ledger.set_significance(&judgement, at(now)))
        }
        Step::Hand(id, pin) => {
            let hand = if *pin { Hand::Pin } else { Hand::Unpin };
            format!("{:?}", ledger.set_pin(MemoryId(*id), hand, "op", at(now)))
        }
        Step::Recall(about, seconds, reach) => {
            let cue = Cue {
                owner: key("p", about.owner),
                other: about.other.map(|other| key("p", other)),
                thread: about.thread.map(|thread| key("t", thread)),
                entities: entities(&about.names),
                now: at(*seconds),
            };
            let reach = match reach {
                0 => Reach::default(),
                most => Reach {
                    pinned: *most,
                    with_other: *most,
                    in_thread: *most,
                    per_entity: *most,
                    entities: *most,
                },
            };
            let candidates = ledger.candidates(&cue, &reach).unwrap();
            format!("{candidates:?} {:?}", recall(&candidates, &cue, 60))
        }
        Step::List(about, pinned, least_score, limit) => {
            let filter = MemoryFilter {
                owner: (about.owner < 2).then(|| key("p", about.owner)),
                other: about.other.map(|other| key("p", other)),
                thread: about.thread.map(|thread| key("t", thread)),
                pinned: *pinned,
                least_score: *least_score,
                limit: *limit,
            };
            format!("{:?}", ledger.list(&filter))
        }
        Step::Scoring(id) => format!("{:?}", ledger.scoring(MemoryId(*id))),
        Step::Canon(company, kind, role, name) => {
            let key_of = CanonKey {
                kind: CanonKind::ALL[usize::from(*kind) + 1],
                role: key("role", *role),
            };
            let mut make = |tried: u32| CanonDraft {
                name: format!("Name {}", u32::from(*name) + tried / 2),
                details: tried.to_string(),
            };
            let made = ledger.canon(&key("c", *company), &key_of, &mut make, at(now));
            let named = ledger.canon_named(&key("C", *company), key_of.kind, &key("NAME ", *name));
            format!("{made:?} {named:?}")
        }
        Step::Rename(id, name) => {
            let renamed = ledger.canon_rename(CanonId(*id), &format!("name  {name}"));
            format!("{renamed:?}")
        }
        // How far back it starts is the same in both.
        Step::Rebuild => format!("{:?}", ledger.rebuild()),
        Step::Snapshot(keep) => {
            format!(
                "{:?} {:?}",
                ledger.snapshot(at(now), *keep),
                ledger.snapshots()
            )
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_store_and_the_ledger_in_memory_show_the_same(
        steps in prop::collection::vec(step(), 1..80)
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decnet.db");
        let mut store = open(&path);
        let mut in_memory = InMemoryLedger::new();
        for (now, step) in (1_000..).zip(&steps) {
            let stored = carry_out(&mut store, step, now);
            let held = carry_out(&mut in_memory, step, now);
            prop_assert_eq!(stored, held, "{:?}", step);
        }
        let log = store.log(0, usize::MAX).unwrap();
        prop_assert_eq!(&log, &in_memory.log(0, usize::MAX).unwrap());
        conformance::agrees_with_its_log(&mut store);
        let rows = super::projections(&path);
        store.rebuild().unwrap();
        prop_assert_eq!(super::projections(&path), rows);
    }
}
