//! What holds for every sequence of events, every set of pins and every set of candidates.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_memory::conformance;
use decnet_memory::entities::{Entity, extract};
use decnet_memory::in_memory::InMemoryLedger;
use decnet_memory::ledger::{Judgement, MemoryFilter, MemoryLedger};
use decnet_memory::log::State;
use decnet_memory::memory::{Facts, Kind, MemoryId, NewMemory, Pin, Words};
use decnet_memory::pins::{Hand, PINS_PER_OWNER};
use decnet_memory::recall::{BYTES_PER_TOKEN, Candidate, Cue, Reach, TOKENS_AROUND, recall};
use decnet_memory::significance::{Score, signs};
use decnet_memory::snapshot;
use proptest::prelude::*;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

#[derive(Clone, Debug)]
enum Step {
    Write {
        owner: u8,
        thread: Option<u8>,
        names: Vec<u8>,
        minute: i64,
        cause: u16,
    },
    Score {
        memory: usize,
        score: u8,
        cause: u16,
    },
    Hand {
        memory: usize,
        pin: bool,
    },
    Rebuild,
    Snapshot {
        keep: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let names = prop::collection::vec(0..6u8, 0..4);
    prop_oneof![
        5 => (0..2u8, prop::option::of(0..3u8), names, 0..30i64, 0..200u16).prop_map(
            |(owner, thread, names, minute, cause)| Step::Write { owner, thread, names, minute, cause }
        ),
        8 => (0..40usize, prop_oneof![0..4u8, Just(3)], 0..400u16)
            .prop_map(|(memory, score, cause)| Step::Score { memory, score, cause }),
        4 => (0..40usize, any::<bool>()).prop_map(|(memory, pin)| Step::Hand { memory, pin }),
        1 => Just(Step::Rebuild),
        1 => (0..4usize).prop_map(|keep| Step::Snapshot { keep }),
    ]
}

/// What is known of a memory by the plainest reading of the rules.
#[derive(Clone, Debug)]
struct Plain {
    owner: u8,
    minute: i64,
    pin: Pin,
    forbidden: bool,
}

/// The rules of pins, read plainly: make the pin, then take away the oldest automatic one that is not
/// the one just made, until there are eight or none such is left.
fn make_room(memories: &mut BTreeMap<MemoryId, Plain>, made: MemoryId) {
    let owner = memories[&made].owner;
    loop {
        let pinned = memories
            .iter()
            .filter(|(_, m)| m.owner == owner && m.pin != Pin::None);
        if pinned.clone().count() <= PINS_PER_OWNER {
            return;
        }
        let oldest = pinned
            .filter(|(id, m)| m.pin == Pin::Automatic && **id != made)
            .min_by_key(|(id, m)| (m.minute, **id))
            .map(|(id, _)| *id);
        match oldest {
            Some(id) => memories.get_mut(&id).unwrap().pin = Pin::None,
            None => return,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn ledgers_do_what_the_rules_say_and_a_rebuild_changes_nothing(
        steps in prop::collection::vec(step(), 1..150)
    ) {
        let mut ledger = InMemoryLedger::new();
        let mut plain: BTreeMap<MemoryId, Plain> = BTreeMap::new();
        let mut causes: BTreeMap<u16, MemoryId> = BTreeMap::new();
        let mut scored = std::collections::BTreeSet::new();
        for step in steps {
            match step {
                Step::Write { owner, thread, names, minute, cause } => {
                    let memory = NewMemory {
                        cause: format!("c{cause}"),
                        facts: Facts {
                            owner: format!("owner-{owner}"),
                            other: None,
                            thread: thread.map(|thread| format!("t{thread}")),
                            kind: Kind::MailSent,
                            happened_at: at(minute),
                            entities: names.iter().map(|n| Entity::name(&format!("n{n}"))).collect(),
                        },
                        words: Words { narrative: format!("{cause}"), dialogue: Vec::new() },
                    };
                    let id = ledger.write(&[memory], at(100)).unwrap()[0].id();
                    let known = causes.entry(cause).or_insert(id);
                    prop_assert_eq!(*known, id);
                    plain.entry(id).or_insert(Plain {
                        owner, minute, pin: Pin::None, forbidden: false,
                    });
                }
                Step::Score { memory, score, cause } => {
                    let Some(id) = plain.keys().nth(memory).copied() else { continue };
                    let judgement = Judgement {
                        memory: id,
                        score: Score { score, reason: "x".to_owned() },
                        scorer: "x".to_owned(),
                        cause: format!("c{cause}"),
                    };
                    let _ = ledger.set_significance(&judgement, at(200)).unwrap();
                    if !scored.insert(cause) {
                        continue;
                    }
                    let held = plain.get_mut(&id).unwrap();
                    match held.pin {
                        Pin::None if score == 3 && !held.forbidden => {
                            held.pin = Pin::Automatic;
                            make_room(&mut plain, id);
                        }
                        Pin::Automatic if score < 3 => held.pin = Pin::None,
                        _ => {}
                    }
                }
                Step::Hand { memory, pin } => {
                    let Some(id) = plain.keys().nth(memory).copied() else { continue };
                    let hand = if pin { Hand::Pin } else { Hand::Unpin };
                    ledger.set_pin(id, hand, "x", at(300)).unwrap();
                    let held = plain.get_mut(&id).unwrap();
                    held.forbidden = !pin;
                    if pin && held.pin != Pin::Manual {
                        held.pin = Pin::Manual;
                        make_room(&mut plain, id);
                    } else if !pin {
                        held.pin = Pin::None;
                    }
                }
                Step::Rebuild => {
                    let before = ledger.state().clone();
                    ledger.rebuild().unwrap();
                    prop_assert_eq!(ledger.state(), &before);
                }
                Step::Snapshot { keep } => {
                    ledger.snapshot(at(400), keep).unwrap();
                }
            }
        }
        for (id, plain) in &plain {
            let memory = ledger.show(*id).unwrap().unwrap();
            prop_assert_eq!((memory.pin, memory.unpinned_by_hand), (plain.pin, plain.forbidden));
        }
        let before = ledger.state().clone();
        let mut folded = State::default();
        ledger.log(0, usize::MAX).unwrap().iter().for_each(|entry| folded.apply(entry));
        prop_assert_eq!(&folded, &before);
        ledger.rebuild().unwrap();
        prop_assert_eq!(ledger.state(), &before);
        let bytes = snapshot::encode(&before);
        prop_assert_eq!(snapshot::decode(&bytes), Ok(before));
        conformance::agrees_with_its_log(&mut ledger);
    }

    #[test]
    fn a_damaged_snapshot_is_refused(
        texts in prop::collection::vec("[a-z]{0,9}", 0..20), at_byte in any::<prop::sample::Index>(), bit in 0..8u8
    ) {
        let mut ledger = InMemoryLedger::new();
        for (index, text) in texts.iter().enumerate() {
            let memory = NewMemory {
                cause: format!("{index}"),
                facts: Facts {
                    owner: format!("o{text}"), other: None, thread: None, kind: Kind::MailSent,
                    happened_at: at(0), entities: vec![Entity::name(text)],
                },
                words: Words::default(),
            };
            ledger.write(&[memory], at(0)).unwrap();
        }
        let mut bytes = snapshot::encode(ledger.state());
        prop_assert_eq!(&snapshot::decode(&bytes).unwrap(), ledger.state());
        let index = at_byte.index(bytes.len());
        bytes[index] ^= 1 << bit;
        prop_assert!(snapshot::decode(&bytes).is_err());
        prop_assert!(snapshot::decode(&bytes[..index]).is_err());
    }

    #[test]
    fn what_comes_to_mind_fits_and_does_not_hang_on_order(
        candidates in prop::collection::vec(candidate(), 0..40), budget in 0..400usize, turn in 0..40usize
    ) {
        let mut by_id = BTreeMap::new();
        for (index, mut candidate) in candidates.into_iter().enumerate() {
            candidate.memory = MemoryId(i64::try_from(index).unwrap());
            by_id.insert(index, candidate);
        }
        let mut candidates: Vec<Candidate> = by_id.into_values().collect();
        let cue = Cue {
            owner: "o".to_owned(),
            other: Some("p".to_owned()),
            thread: Some("t1".to_owned()),
            entities: vec![Entity::name("n1"), Entity::name("n2")],
            now: at(20 * 1_440),
        };
        let chosen = recall(&candidates, &cue, budget);
        let cost: usize = chosen.iter().map(decnet_memory::recall::Recollection::tokens).sum();
        prop_assert!(cost <= budget);
        // Pinned ones first, no text twice, none from later.
        prop_assert!(chosen.is_sorted_by_key(|one| !one.pinned));
        let mut texts: Vec<&str> = chosen.iter().map(|one| one.text.as_str()).collect();
        texts.sort_unstable();
        let all = texts.len();
        texts.dedup();
        prop_assert_eq!(texts.len(), all);
        prop_assert!(chosen.iter().all(|one| one.when <= cue.now));
        // What was left out did not fit beside what comes before it.
        let left = budget - cost;
        for candidate in &candidates {
            let is_told = candidate.text.is_empty()
                || candidate.happened_at > cue.now
                || chosen.iter().any(|one| one.text == candidate.text);
            let cost = candidate.text.len().div_ceil(BYTES_PER_TOKEN) + TOKENS_AROUND;
            prop_assert!(is_told || cost > left);
        }
        // In any order, and with what comes twice.
        let count = candidates.len();
        candidates.rotate_left(turn.min(count));
        candidates.extend(candidates.clone());
        prop_assert_eq!(recall(&candidates, &cue, budget), chosen);
    }

    #[test]
    fn no_text_is_too_odd(text in "\\PC{0,200}|[0-9.,/€$ a-z-]{0,80}") {
        let entities = extract(&text, &[], at(0));
        prop_assert!(entities.iter().all(|entity| entity.as_str().len() <= 128));
        let _ = signs::sign_in(&text);
        let words = Words { narrative: text, dialogue: Vec::new() };
        prop_assert_eq!(words.bounded().bounded(), words.bounded());
    }
}

fn candidate() -> impl Strategy<Value = Candidate> {
    (
        "[a-d]{0,60}",
        0..40i64,
        prop::option::of(0..3u8),
        prop::collection::vec(0..4u8, 0..3),
        prop::option::of(0..4u8),
        0..3u8,
    )
        .prop_map(|(text, days, thread, names, score, pin)| Candidate {
            memory: MemoryId(0),
            cause: "mail:1".to_owned(),
            kind: Kind::MailReceived,
            text,
            happened_at: at(days * 1_440),
            other: Some("p".to_owned()),
            thread: thread.map(|thread| format!("t{thread}")),
            entities: names
                .iter()
                .map(|n| Entity::name(&format!("n{n}")))
                .collect(),
            score,
            pin: [Pin::None, Pin::None, Pin::Automatic][usize::from(pin)],
        })
}

#[test]
fn the_ledger_in_memory_conforms() {
    conformance::check(InMemoryLedger::new);
}

#[test]
fn nothing_is_a_snapshot_too() {
    let mut ledger = InMemoryLedger::new();
    assert_eq!(ledger.list(&MemoryFilter::default()).unwrap(), []);
    assert!(snapshot::decode(b"").is_err());
    let empty = snapshot::encode(&State::default());
    assert_eq!(snapshot::decode(&empty).unwrap(), State::default());
    assert_eq!(
        ledger
            .candidates(
                &Cue {
                    owner: "nobody".to_owned(),
                    other: None,
                    thread: None,
                    entities: Vec::new(),
                    now: at(0),
                },
                &Reach::default()
            )
            .unwrap(),
        []
    );
}
