//! What writers learn from the database: what somebody remembers of a matter, and of whom.

use chrono::{DateTime, TimeDelta, TimeZone, Utc};
use decnet_emailgen::knowledge_ledger::{KnowledgeLedger, RecallCue};
use decnet_emailgen::ledger::MailId;
use decnet_memory::canon::{CanonDraft, CanonKey, CanonLedger};
use decnet_memory::entities::{Entity, extract};
use decnet_memory::ledger::MemoryLedger;
use decnet_memory::memory::{Facts, Kind, MemoryId, NewMemory, Words};
use decnet_memory::pins::Hand;
use decnet_realism::canon::CanonKind;
use decnet_realism::knowledge::Part;
use decnet_store::{OpenOptions, Store};

const ANA: &str = "ana@corp.example";
const BOB: &str = "bob@corp.example";
const CY: &str = "cy@corp.example";

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 3, 2, 10, 0, 0).unwrap()
}

fn store(folder: &tempfile::TempDir) -> Store {
    let options = OpenOptions {
        create: true,
        ..OpenOptions::default()
    };
    Store::open(&folder.path().join("decnet.db"), options).unwrap()
}

/// Ana remembers a mail of `thread` with somebody.
fn remember(
    store: &mut Store,
    (mail, thread): (i64, i64),
    (kind, other): (Kind, &str),
    topic: &str,
    text: &str,
) -> MemoryId {
    let happened_at = now() - TimeDelta::days(20) + TimeDelta::hours(mail);
    let mut entities = vec![Entity::from(format!("topic:{topic}"))];
    entities.extend(extract(text, &[], happened_at));
    let memory = NewMemory {
        cause: format!("mail:{mail}/{ANA}"),
        facts: Facts {
            owner: ANA.to_owned(),
            other: Some(other.to_owned()),
            thread: Some(format!("thread:{thread}")),
            kind,
            happened_at,
            entities,
        },
        words: Words {
            narrative: text.to_owned(),
            dialogue: Vec::new(),
        },
    };
    store.write(&[memory], now()).unwrap()[0].id()
}

fn cue<'a>(topic: &'a str, text: &'a str) -> RecallCue<'a> {
    RecallCue {
        owner: ANA,
        other: BOB,
        thread: None,
        parent: None,
        topic,
        text,
        names: &[],
        now: now(),
        tokens: 400,
    }
}

fn recalled(store: &mut Store, cue: &RecallCue<'_>) -> Vec<i64> {
    let recollections = store.recollections(cue).unwrap();
    recollections.iter().map(|held| held.memory).collect()
}

#[test]
fn people_and_matters_and_threads_bring_memories_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(&folder);
    let with_bob = remember(
        &mut store,
        (1, 1),
        (Kind::MailSent, BOB),
        "parking",
        "The gate.",
    );
    let of_paper = remember(
        &mut store,
        (2, 2),
        (Kind::MailReceived, CY),
        "paper",
        "No paper.",
    );
    let in_text = remember(
        &mut store,
        (3, 3),
        (Kind::MailReceived, CY),
        "travel",
        "Lumisol Travel wants 1,240 EUR.",
    );
    let in_thread = remember(
        &mut store,
        (4, 9),
        (Kind::MailReceived, CY),
        "cake",
        "Friday?",
    );
    let pinned = remember(
        &mut store,
        (5, 5),
        (Kind::MailReceived, CY),
        "move",
        "We move.",
    );
    remember(
        &mut store,
        (6, 6),
        (Kind::MailReceived, CY),
        "lunch",
        "Soup again.",
    );
    store
        .set_pin(pinned, Hand::Pin, "operator:1", now())
        .unwrap();

    let plain = cue("nothing of it", "");
    assert_eq!(recalled(&mut store, &plain), [pinned.0, with_bob.0]);
    let paper = cue("paper", "What about the EUR 1240 of last week?");
    let found = recalled(&mut store, &paper);
    assert_eq!(found[0], pinned.0);
    for memory in [of_paper, in_text, with_bob] {
        assert!(found.contains(&memory.0), "{found:?}");
    }
    let answer = RecallCue {
        thread: Some(MailId(9)),
        ..plain
    };
    assert!(recalled(&mut store, &answer).contains(&in_thread.0));
    // The mail that is answered is there already.
    let answer = RecallCue {
        parent: Some(MailId(4)),
        ..answer
    };
    assert!(!recalled(&mut store, &answer).contains(&in_thread.0));
    let earlier = RecallCue {
        now: now() - TimeDelta::days(30),
        ..paper
    };
    assert_eq!(store.recollections(&earlier).unwrap(), []);
    let nobody = RecallCue {
        owner: "nobody@corp.example",
        ..paper
    };
    assert_eq!(store.recollections(&nobody).unwrap(), []);

    let told = store.recollections(&paper).unwrap();
    let own = told.iter().find(|held| held.memory == with_bob.0).unwrap();
    assert!(own.part == Part::Author && !own.is_pinned);
    assert_eq!(own.other.as_deref(), Some(BOB));
    assert_eq!(own.topic.as_deref(), Some("parking"));
    assert_eq!(own.text, "The gate.");
    assert!(told[0].is_pinned && told[0].part == Part::Reader);
}

#[test]
fn a_budget_bounds_what_is_recalled() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(&folder);
    for mail in 1..=30 {
        let text = format!("mail {mail} {}", "word ".repeat(40));
        remember(
            &mut store,
            (mail, mail),
            (Kind::MailSent, BOB),
            "parking",
            &text,
        );
    }
    for tokens in [0, 30, 100, 400] {
        let cue = RecallCue {
            tokens,
            ..cue("parking", "")
        };
        let told = store.recollections(&cue).unwrap();
        let bytes: usize = told.iter().map(|held| held.text.len()).sum();
        assert!(bytes <= tokens * 4, "{bytes} bytes for {tokens} tokens");
        assert_eq!(told.is_empty(), tokens < 60, "{tokens}");
    }
}

#[test]
fn what_operators_edit_is_what_writers_learn() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(&folder);
    let key: CanonKey = "vendor:office supplies".parse().unwrap();
    let mut make = |_| CanonDraft {
        name: "Acme Paper".to_owned(),
        details: String::new(),
    };
    let entry = store.canon("Corp.Example", &key, &mut make, now()).unwrap();
    let wanted = [
        (CanonKind::Customer, "office supplies"),
        (CanonKind::Vendor, "office supplies"),
    ];
    let names = store.canon_names("corp.example", &wanted).unwrap();
    assert_eq!(names, [None, Some("Acme Paper".to_owned())]);
    store.canon_rename(entry.id, "Ebro Papel").unwrap();
    let names = store.canon_names("corp.example", &wanted).unwrap();
    assert_eq!(names[1].as_deref(), Some("Ebro Papel"));
    // An old name is not given to something else.
    for name in ["Acme Paper", "ebro papel"] {
        let kind = CanonKind::Vendor;
        assert!(
            store
                .is_canon_name_taken("corp.example", kind, name)
                .unwrap()
        );
    }
}
