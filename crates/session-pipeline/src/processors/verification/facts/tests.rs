use proptest::prelude::*;

use super::*;

/// One piece of evidence, in short.
#[derive(Clone, Copy, Debug)]
struct Short {
    minute: u32,
    log: &'static str,
    turn: &'static str,
    user: &'static str,
    value: &'static str,
    kind: EvidenceKind,
    explicit: bool,
    replaces: Option<&'static str>,
}

const YES: Short = Short {
    minute: 1,
    log: "ana/1",
    turn: "u1",
    user: "ana",
    value: "443",
    kind: EvidenceKind::Confirmed,
    explicit: false,
    replaces: None,
};

const CORRECTION: Short = Short {
    minute: 2,
    log: "ana/1",
    turn: "u2",
    user: "ana",
    value: "8443",
    kind: EvidenceKind::Corrected,
    explicit: true,
    replaces: Some("443"),
};

fn evidence(short: Short) -> Evidence {
    Evidence {
        at: DateTime::from_timestamp(i64::from(short.minute) * 60, 0).filter(|_| short.minute > 0),
        source: "agents".to_owned(),
        log: short.log.to_owned(),
        turn: short.turn.to_owned(),
        user: Some(short.user.to_owned()),
        fact_key: fact_key("Server", "port"),
        subject: "Server".to_owned(),
        attribute: "port".to_owned(),
        value: short.value.to_owned(),
        kind: short.kind,
        explicit: short.explicit,
        replaces: short.replaces.map(str::to_owned),
        quote: "yes".to_owned(),
        model: "m".to_owned(),
    }
}

/// Value, confidence, number of evidence, value of what supersedes it, whether it is disputed.
type Expected<'a> = (&'a str, f64, usize, Option<&'a str>, bool);

fn check(what: &str, shorts: &[Short], expected: &[Expected<'_>]) {
    let facts = merge(shorts.iter().copied().map(evidence));
    let value_of = |id| {
        let fact = facts.iter().find(|fact| fact.id == id).unwrap();
        fact.value.as_str()
    };
    let found: Vec<Expected<'_>> = facts
        .iter()
        .map(|fact| {
            (
                fact.value.as_str(),
                fact.confidence,
                fact.evidence.len(),
                fact.superseded_by.map(value_of),
                fact.disputed,
            )
        })
        .collect();
    assert_eq!(found, expected, "{what}");
}

#[test]
fn evidence_adds_up_to_facts() {
    check("nothing", &[], &[]);
    check("a bare yes", &[YES], &[("443", 0.5, 1, None, false)]);
    let again = Short {
        turn: "u9",
        minute: 9,
        ..YES
    };
    check(
        "the same session says it again",
        &[YES, again],
        &[("443", 0.55, 2, None, false)],
    );
    let elsewhere = Short {
        log: "ana/2",
        ..again
    };
    check(
        "another session",
        &[YES, elsewhere],
        &[("443", 0.75, 2, None, false)],
    );
    let copied = Short {
        log: "ana/2",
        ..YES
    };
    check(
        "a copy of the turn",
        &[YES, copied],
        &[("443", 0.5, 2, None, false)],
    );
    check(
        "the very same",
        &[YES, YES],
        &[("443", 0.5, 1, None, false)],
    );
    let spelled = Short {
        value: " \"443\".",
        ..elsewhere
    };
    check(
        "spelled otherwise",
        &[YES, spelled],
        &[("443", 0.75, 2, None, false)],
    );
    let other_user = Short {
        user: "ben",
        ..again
    };
    check(
        "another user",
        &[YES, other_user],
        &[("443", 0.5, 1, None, false), ("443", 0.5, 1, None, false)],
    );
    let other_value = Short {
        value: "80",
        ..again
    };
    check(
        "another value without a correction",
        &[YES, other_value],
        &[("443", 0.5, 1, None, false), ("80", 0.5, 1, None, false)],
    );
}

#[test]
fn a_correction_is_a_fact_of_its_own() {
    check("alone", &[CORRECTION], &[("8443", 0.8, 1, None, false)]);
    check(
        "of what was confirmed",
        &[YES, CORRECTION],
        &[
            ("443", 0.1, 1, Some("8443"), false),
            ("8443", 0.8, 1, None, false),
        ],
    );
    check(
        "that names no old value",
        &[
            YES,
            Short {
                replaces: None,
                ..CORRECTION
            },
        ],
        &[
            ("443", 0.1, 1, Some("8443"), false),
            ("8443", 0.8, 1, None, false),
        ],
    );
    check(
        "that names another value",
        &[
            YES,
            Short {
                replaces: Some("80"),
                ..CORRECTION
            },
        ],
        &[("443", 0.5, 1, None, false), ("8443", 0.8, 1, None, false)],
    );
    let later = Short {
        turn: "u3",
        minute: 3,
        ..YES
    };
    check(
        "and the old value after it",
        &[YES, CORRECTION, later],
        &[("443", 0.11, 2, None, true), ("8443", 0.8, 1, None, true)],
    );
    check(
        "that names no old value, before the old value",
        &[
            Short {
                replaces: None,
                ..CORRECTION
            },
            later,
        ],
        &[("443", 0.5, 1, None, false), ("8443", 0.8, 1, None, false)],
    );
    let back = Short {
        turn: "u4",
        minute: 4,
        value: "443",
        replaces: Some("8443"),
        ..CORRECTION
    };
    check(
        "taken back",
        &[YES, CORRECTION, back],
        &[
            ("443", 0.16, 2, None, false),
            ("8443", 0.16, 1, Some("443"), false),
        ],
    );
    let third = Short {
        turn: "u5",
        minute: 5,
        value: "80",
        replaces: None,
        ..CORRECTION
    };
    check(
        "of both",
        &[YES, CORRECTION, later, third],
        &[
            ("443", 0.02, 2, Some("80"), false),
            ("80", 0.8, 1, None, false),
            ("8443", 0.16, 1, Some("80"), false),
        ],
    );
}

#[test]
fn confidence_stays_below_certainty() {
    let turns: Vec<&'static str> = (0..200).map(|n| &*format!("t{n}").leak()).collect();
    let one_session: Vec<Short> = turns
        .iter()
        .map(|turn| Short { turn, ..CORRECTION })
        .collect();
    check(
        "one session",
        &one_session,
        &[("8443", 0.84, 200, None, false)],
    );
    let many: Vec<Short> = turns
        .iter()
        .map(|turn| Short {
            turn,
            log: turn,
            ..YES
        })
        .collect();
    check("many sessions", &many, &[("443", 0.99, 200, None, false)]);
}

#[test]
fn bodies_come_back() {
    let evidence = evidence(CORRECTION);
    let record = evidence.record().unwrap();
    assert_eq!(Evidence::from_body(&record.body).unwrap(), evidence);
    assert_eq!(record.id, evidence.id());
    assert!(Evidence::from_body("{}").is_err());
}

fn shorts() -> impl Strategy<Value = Short> {
    (
        (0..5_u32, 0..3_usize, 0..6_usize, any::<bool>()),
        (0..3_usize, 0..3_usize, any::<bool>(), 0..4_usize),
    )
        .prop_map(
            |((minute, log, turn, is_ana), (value, kind, explicit, replaces))| {
                let values = ["443", "8443", "80"];
                let kinds = [
                    EvidenceKind::Confirmed,
                    EvidenceKind::Restated,
                    EvidenceKind::Corrected,
                ];
                Short {
                    minute,
                    log: ["ana/1", "ana/2", "ana/3"][log],
                    turn: ["u1", "u2", "u3", "u4", "u5", "u6"][turn],
                    user: if is_ana { "ana" } else { "ben" },
                    value: values[value],
                    kind: kinds[kind],
                    explicit,
                    replaces: values.get(replaces).copied(),
                }
            },
        )
}

proptest! {
    #[test]
    fn order_and_repetition_do_not_matter(
        shorts in proptest::collection::vec(shorts(), 0..12),
        turned in 0..12_usize,
    ) {
        let evidence: Vec<Evidence> = shorts.into_iter().map(evidence).collect();
        let facts = merge(evidence.clone());
        let mut other = evidence.clone();
        other.reverse();
        let length = other.len().max(1);
        other.rotate_left(turned % length);
        prop_assert_eq!(&merge(other), &facts);
        prop_assert_eq!(&merge(evidence.iter().chain(&evidence).cloned()), &facts);
    }

    #[test]
    fn confidence_is_a_share_with_two_digits(
        shorts in proptest::collection::vec(shorts(), 0..12),
    ) {
        for fact in merge(shorts.into_iter().map(evidence)) {
            prop_assert!((0.0..=0.99).contains(&fact.confidence));
            prop_assert_eq!((fact.confidence * 100.0).round() / 100.0, fact.confidence);
        }
    }

    #[test]
    fn a_correction_never_raises_what_it_contradicts(
        shorts in proptest::collection::vec(shorts(), 0..12),
        correction in shorts(),
    ) {
        let mut evidence: Vec<Evidence> = shorts.into_iter().map(evidence).collect();
        let before = merge(evidence.clone());
        let correction = self::evidence(Short { kind: EvidenceKind::Corrected, ..correction });
        let id = correction.id();
        evidence.push(correction.clone());
        for fact in merge(evidence) {
            let is_its_own = fact.value == correction.value;
            prop_assert!(!(is_its_own && fact.user == correction.user) || fact.evidence.contains(&id));
            if let (true, Some(old)) = (
                fact.against.contains(&id),
                before.iter().find(|old| old.id == fact.id),
            ) {
                prop_assert!(!is_its_own);
                prop_assert_eq!(&old.evidence, &fact.evidence);
                prop_assert!(fact.confidence <= old.confidence);
            }
        }
    }

    #[test]
    fn nothing_supersedes_in_a_circle(shorts in proptest::collection::vec(shorts(), 0..12)) {
        let facts = merge(shorts.into_iter().map(evidence));
        for fact in &facts {
            let mut at = fact;
            let mut steps = 0;
            while let Some(next) = at.superseded_by {
                at = facts.iter().find(|fact| fact.id == next).unwrap();
                steps += 1;
                prop_assert!(steps <= facts.len());
            }
        }
    }
}
