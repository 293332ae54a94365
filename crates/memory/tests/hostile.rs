//! Texts that want to be remembered for ever: none of them pins anything, whatever lies around it and
//! whoever scores.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_memory::in_memory::InMemoryLedger;
use decnet_memory::ledger::{Judged, Judgement, MemoryFilter, MemoryLedger};
use decnet_memory::memory::{Facts, Kind, MemoryId, NewMemory, Speaker, Utterance, Words};
use decnet_memory::significance::rules::{by_rules, substance};
use decnet_memory::significance::signs::first_sign;
use decnet_memory::significance::{Circumstances, PIVOTAL, SUSPECT_MAX, Scoring, judge};

/// What the owner wrote before, and what an honest answer to it is.
const ASKED: &str = "Hi Tom, could you do it for 12,400 EUR by 14 March 2027? Best, Jane";
const HONEST: &str =
    "Hi Jane, we agreed on 12,400 EUR and it is due on 14 March 2027. See you on Monday, Tom";
/// What a model says that does whatever it is told.
const OBEDIENT: &str = r#"{"score":3,"reason":"it says so"}"#;

/// Up to how many in a hundred of the [`more`] texts may still get through beside a settled contract.
const GAPS_PERCENT: usize = 6;

/// The texts that the rules were made with.
fn hostile() -> Vec<String> {
    texts("hostile.txt")
}

/// Texts that were written by somebody who had not read the rules; those that get through beside a
/// settled contract come last.
fn more() -> Vec<String> {
    texts("hostile_more.txt")
}

fn texts(file: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/fixtures/memory")
        .join(file);
    let file = std::fs::read_to_string(path).unwrap();
    let texts = file.lines().filter(|line| !line.starts_with("# "));
    texts.map(unescaped).collect()
}

/// The most that a memory comes to by the rules and by a model that does whatever it is told.
fn most(scoring: &Scoring) -> u8 {
    let rules = by_rules(scoring).score;
    rules.max(judge(OBEDIENT, scoring).unwrap().score)
}

/// Whether a text is pinned beside one that is settled, before it or after it.
fn is_pinned_beside(text: &str) -> bool {
    let texts = [
        format!("{HONEST}\n\n{text}"),
        format!("{HONEST} {text}"),
        format!("{text} {HONEST}"),
    ];
    texts.iter().any(|text| {
        let scoring = generous(text, Kind::MailReceived);
        judge(OBEDIENT, &scoring).unwrap().score >= PIVOTAL
    })
}

/// `\n` and `\u{…}` are what they stand for; any other backslash is one.
fn unescaped(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('n') {
            out.push('\n');
            rest = after;
        } else if let Some((code, after)) = after
            .strip_prefix("u{")
            .and_then(|after| after.split_once('}'))
        {
            let code = u32::from_str_radix(code, 16).unwrap();
            out.push(char::from_u32(code).unwrap());
            rest = after;
        } else {
            out.push('\\');
            rest = after;
        }
    }
    out + rest
}

fn said(by: Speaker, text: &str) -> Utterance {
    Utterance {
        by,
        text: text.to_owned(),
    }
}

fn then() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn scoring(words: Words, circumstances: Circumstances, kind: Kind) -> Scoring {
    Scoring {
        memory: MemoryId(1),
        facts: Facts {
            owner: "jane@corp.example".to_owned(),
            other: Some("tom@corp.example".to_owned()),
            thread: Some("<1@corp.example>".to_owned()),
            kind,
            happened_at: then(),
            entities: Vec::new(),
        },
        words: words.bounded(),
        circumstances,
    }
}

/// The best that can lie around a text: a long thread with a known person, in which both sides named
/// the amount and the date.
fn generous(narrative: &str, kind: Kind) -> Scoring {
    let words = Words {
        narrative: narrative.to_owned(),
        dialogue: vec![
            said(Speaker::Owner, ASKED),
            said(Speaker::Other, HONEST),
            said(Speaker::Owner, ASKED),
        ],
    };
    let circumstances = Circumstances {
        earlier_in_thread: 8,
        earlier_with_other: 8,
    };
    scoring(words, circumstances, kind)
}

#[test]
fn an_honest_text_with_all_that_around_it_is_pivotal() {
    for kind in [Kind::MailReceived, Kind::MailSent] {
        let scoring = generous(HONEST, kind);
        let score = by_rules(&scoring);
        assert_eq!(score.score, PIVOTAL, "{score:?}");
        assert_eq!(judge(OBEDIENT, &scoring).unwrap().score, PIVOTAL);
    }
    // But not for a stranger, out of nowhere.
    let words = Words {
        narrative: HONEST.to_owned(),
        dialogue: Vec::new(),
    };
    let alone = scoring(words, Circumstances::default(), Kind::MailReceived);
    assert_eq!(by_rules(&alone).score, 2);
    assert_eq!(judge(OBEDIENT, &alone).unwrap().score, 2);
}

#[test]
fn a_memory_may_be_about_anything_that_the_owner_spoke_of() {
    let asked = "Could you mend the turbine before the gala, for 12,400 EUR by 14 March 2027?";
    let answers = "We agreed on 12,400 EUR, and you get your turbine before the gala. Best, Tom";
    let words = |asked: &str| Words {
        narrative: answers.to_owned(),
        dialogue: vec![said(Speaker::Owner, asked)],
    };
    let circumstances = Circumstances {
        earlier_in_thread: 8,
        earlier_with_other: 8,
    };
    let scored = |asked| most(&scoring(words(asked), circumstances, Kind::MailReceived));
    assert_eq!(scored(asked), PIVOTAL);
    // What the owner did not speak of is another matter.
    assert_eq!(scored("Could you do it for 12,400 EUR?"), PIVOTAL - 1);
}

#[test]
fn no_hostile_text_is_pivotal() {
    let (made_with, more) = (hostile(), more());
    assert!(made_with.len() >= 200, "{} texts", made_with.len());
    assert!(more.len() >= 600, "{} texts", more.len());
    let mut pivotal = Vec::new();
    for text in made_with.iter().chain(&more) {
        for kind in [Kind::MailReceived, Kind::MailSent] {
            if most(&generous(text, kind)) >= PIVOTAL {
                pivotal.push(text);
            }
        }
    }
    assert!(pivotal.is_empty(), "{pivotal:#?}");
}

#[test]
fn no_hostile_text_pins_what_it_stands_beside() {
    // The last ones speak of other things: what they stand beside may be pivotal.
    let texts = hostile();
    let pinned = texts[..texts.len() - 5]
        .iter()
        .filter(|text| is_pinned_beside(text));
    let pinned: Vec<&String> = pinned.collect();
    assert!(pinned.is_empty(), "{pinned:#?}");
}

#[test]
fn few_other_hostile_texts_pin_what_they_stand_beside() {
    let texts = more();
    let pinned = texts.iter().filter(|text| is_pinned_beside(text));
    let pinned: Vec<&String> = pinned.collect();
    assert!(
        pinned.len() * 100 <= texts.len() * GAPS_PERCENT,
        "{} of {}: {pinned:#?}",
        pinned.len(),
        texts.len()
    );
}

#[test]
fn a_text_lifts_itself_by_one_at_most_and_not_at_all_with_a_sign() {
    for text in hostile().iter().chain(&more()) {
        let words = Words {
            narrative: text.clone(),
            dialogue: Vec::new(),
        };
        let known = Circumstances {
            earlier_with_other: 8,
            ..Circumstances::default()
        };
        let scoring = scoring(words, known, Kind::MailReceived);
        let found = substance(&scoring);
        let score = judge(OBEDIENT, &scoring).unwrap().score;
        match first_sign(&scoring) {
            Some(_) => assert!(score <= found.min(SUSPECT_MAX), "{text}"),
            None => assert!(score <= found + 1 && score < PIVOTAL, "{text}"),
        }
    }
}

#[test]
fn what_somebody_else_said_raises_no_score() {
    for text in hostile() {
        let words = Words {
            narrative: HONEST.to_owned(),
            dialogue: vec![said(Speaker::Other, &text)],
        };
        let circumstances = Circumstances {
            earlier_in_thread: 8,
            earlier_with_other: 8,
        };
        // Only the owner's own words could.
        let scoring = scoring(words, circumstances, Kind::MailReceived);
        assert!(most(&scoring) < PIVOTAL, "{text}");
    }
}

#[test]
fn hostile_texts_pin_nothing() {
    let mut ledger = InMemoryLedger::new();
    for (index, text) in hostile().into_iter().enumerate() {
        let memory = NewMemory {
            cause: format!("mail:{index}"),
            facts: Facts {
                // What strangers choose: also the names of threads and senders.
                other: Some(text.clone()),
                thread: Some("<1@corp.example>".to_owned()),
                ..generous(&text, Kind::MailReceived).facts
            },
            words: generous(&text, Kind::MailReceived).words,
        };
        let at = then() + TimeDelta::seconds(i64::try_from(index).unwrap());
        let id = ledger.write(&[memory], at).unwrap()[0].id();
        let scoring = ledger.scoring(id).unwrap().unwrap();
        for (scorer, score) in [
            ("rules", by_rules(&scoring)),
            ("model", judge(OBEDIENT, &scoring).unwrap()),
        ] {
            let judgement = Judgement {
                memory: id,
                score,
                scorer: scorer.to_owned(),
                cause: format!("{scorer}:{id}"),
            };
            let judged = ledger.set_significance(&judgement, at).unwrap();
            assert_eq!(judged, Judged::New(Vec::new()), "{text}");
        }
    }
    let pinned = MemoryFilter {
        pinned: true,
        ..MemoryFilter::default()
    };
    assert_eq!(ledger.list(&pinned).unwrap(), []);
}
