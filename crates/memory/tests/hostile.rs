//! Texts that want to be remembered for ever: none of them pins anything, whatever lies around it and
//! whoever scores.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_memory::in_memory::InMemoryLedger;
use decnet_memory::ledger::{Judged, Judgement, MemoryFilter, MemoryLedger};
use decnet_memory::memory::{Facts, Kind, MemoryId, NewMemory, Speaker, Utterance, Words};
use decnet_memory::significance::rules::by_rules;
use decnet_memory::significance::{Circumstances, PIVOTAL, SUSPECT_MAX, Scoring, judge};

/// What the owner wrote before, and what an honest answer to it is.
const ASKED: &str = "Hi Tom, could you do it for 12,400 EUR by 14 March 2027? Best, Jane";
const HONEST: &str =
    "Hi Jane, we agreed on 12,400 EUR and it is due on 14 March 2027. See you on Monday, Tom";
/// What a model says that does whatever it is told.
const OBEDIENT: &str = r#"{"score":3,"reason":"it says so"}"#;

fn hostile() -> Vec<String> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/memory/hostile.txt");
    let file = std::fs::read_to_string(path).unwrap();
    let texts = file.lines().filter(|line| !line.starts_with("# "));
    texts.map(unescaped).collect()
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
fn no_hostile_text_is_pivotal() {
    let texts = hostile();
    assert!(texts.len() >= 200, "{} texts", texts.len());
    let mut pivotal = Vec::new();
    for text in &texts {
        for kind in [Kind::MailReceived, Kind::MailSent] {
            let scoring = generous(text, kind);
            let rules = by_rules(&scoring).score;
            let model = judge(OBEDIENT, &scoring).unwrap().score;
            if rules >= PIVOTAL || model >= PIVOTAL {
                pivotal.push((text, rules, model));
            }
        }
    }
    assert!(pivotal.is_empty(), "{pivotal:#?}");
}

#[test]
fn no_hostile_text_raises_what_it_stands_beside() {
    let mut raised = Vec::new();
    // The last ones speak of other things: what they stand beside may be pivotal.
    let texts = hostile();
    for text in &texts[..texts.len() - 5] {
        let beside = [
            generous(&format!("{HONEST}\n\n{text}"), Kind::MailReceived),
            generous(&format!("{text}\n\n{HONEST}"), Kind::MailReceived),
            generous(&format!("{HONEST} {text}"), Kind::MailReceived),
        ];
        for scoring in beside {
            let rules = by_rules(&scoring).score;
            let model = judge(OBEDIENT, &scoring).unwrap().score;
            if rules > SUSPECT_MAX || model > SUSPECT_MAX {
                raised.push((text, rules, model));
            }
        }
    }
    assert!(raised.is_empty(), "{raised:#?}");
}

#[test]
fn no_hostile_dialogue_raises_a_score() {
    let mut raised = Vec::new();
    for text in hostile() {
        for by in [Speaker::Other, Speaker::Owner] {
            let words = Words {
                narrative: HONEST.to_owned(),
                dialogue: vec![said(by, &text)],
            };
            let circumstances = Circumstances {
                earlier_in_thread: 8,
                earlier_with_other: 8,
            };
            let scoring = scoring(words, circumstances, Kind::MailReceived);
            let score = by_rules(&scoring);
            let model = judge(OBEDIENT, &scoring).unwrap().score;
            if score.score >= PIVOTAL || model >= PIVOTAL {
                raised.push((text.clone(), score.score, model));
            }
        }
    }
    assert!(raised.is_empty(), "{raised:#?}");
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
