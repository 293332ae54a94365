//! The behaviour vectors of the functions this crate has: see `README.md` of their folder.
//!
//! A case without `quirk` binds. One with `quirk` records something that we do better than what it
//! expects; here it only has to keep the promises of our own documentation, and the better result
//! is asserted next to the code.
//!
//! `DECNET_VECTORS` names another folder of the same files.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta};
use decnet_realism::active_hours::ActiveHours;
use decnet_realism::llm::circuit_breaker::{CircuitBreaker, CircuitPolicy, CircuitState};
use decnet_realism::llm::output::split;
use decnet_realism::login::{LOGIN_MAX, login_for};
use decnet_realism::persona::{self, ParsedPersonas, Persona};
use decnet_realism::style::replace_dashes;
use serde_json::{Value, json};

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    input: Value,
    expected: Value,
    quirk: bool,
}

/// Runs `actual` on every case of a file and compares; `promise` looks at the quirks too.
fn check(file: &str, actual: impl Fn(&Value) -> Value, promise: impl Fn(&Value, &Value)) {
    let path = folder().join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let cases: Vec<Case> = serde_json::from_str(&text).expect("a list of cases");
    assert!(!cases.is_empty(), "{} has no cases", path.display());
    for case in cases {
        let ours = actual(&case.input);
        promise(&case.input, &ours);
        if !case.quirk {
            assert_eq!(ours, case.expected, "{file}: {}", case.name);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "which cases to run is the choice of whoever runs the test"
)]
fn folder() -> PathBuf {
    match std::env::var_os("DECNET_VECTORS") {
        Some(folder) if !folder.is_empty() => folder.into(),
        _ => concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/vectors").into(),
    }
}

fn text<'a>(input: &'a Value, key: &str) -> &'a str {
    input[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is not a string"))
}

fn parsed(input: &Value) -> ParsedPersonas {
    persona::parse_personas(&input["raw"], text(input, "language_default"))
}

#[test]
fn vectors_personas_parse() {
    check(
        "personas_parse.json",
        |input| serde_json::to_value(parsed(input).personas).expect("personas serialise"),
        |input, ours| {
            for persona in ours.as_array().expect("a list") {
                let again = Persona::from_json(persona).expect("a persona is valid input");
                assert_eq!(serde_json::to_value(again).unwrap(), *persona);
            }
            let parsed = parsed(input);
            assert_eq!(parsed.personas.len(), parsed.indexes.len());
            if let Some(entries) = input["raw"].as_array() {
                assert_eq!(parsed.list_error, None);
                assert_eq!(parsed.personas.len() + parsed.dropped.len(), entries.len());
            }
            for dropped in &parsed.dropped {
                assert!(
                    dropped
                        .to_string()
                        .starts_with(&format!("entry {}", dropped.index))
                );
            }
        },
    );
}

#[test]
fn vectors_active_hours() {
    let contains = |input: &Value| {
        let now = text(input, "now");
        let now: NaiveDateTime = now.parse().unwrap_or_else(|error| panic!("{now}: {error}"));
        ActiveHours::parse_or_always(text(input, "window")).contains(now.time())
    };
    check(
        "active_hours.json",
        |input| json!(contains(input)),
        |input, ours| {
            // What cannot be read is always open.
            if ActiveHours::parse(text(input, "window")).is_err() {
                assert_eq!(*ours, json!(true), "{input}");
            }
        },
    );
}

#[test]
fn vectors_login_for() {
    check(
        "login_for.json",
        |input| json!(login_for(text(input, "persona"))),
        |input, ours| {
            let login = ours.as_str().expect("a string");
            let mut letters = login.chars();
            assert!(
                letters.next().is_some_and(|c| c.is_ascii_lowercase()),
                "{input}"
            );
            assert!(
                letters.all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_' | '-')),
                "{input} gives {login}"
            );
            assert!(login.len() <= LOGIN_MAX, "{input} gives {login}");
            assert!(!["root", "admin", "daemon", "mail", "nobody"].contains(&login));
        },
    );
}

#[test]
fn vectors_em_dash() {
    check(
        "em_dash.json",
        |input| {
            let heavy = input["uses_llms_heavily"].as_bool().expect("a boolean");
            json!(replace_dashes(text(input, "text"), heavy))
        },
        |input, ours| {
            let ours = ours.as_str().expect("a string");
            if input["uses_llms_heavily"] == json!(true) {
                assert_eq!(ours, text(input, "text"));
            } else {
                assert!(!ours.contains(['–', '—', '―', '−']), "{input} gives {ours}");
                assert_eq!(replace_dashes(ours, false), ours);
            }
        },
    );
}

#[test]
fn vectors_parse_llm_email() {
    check(
        "parse_llm_email.json",
        |input| {
            let mail = split(text(input, "text"));
            json!({"subject": mail.subject, "body": mail.body})
        },
        |input, ours| {
            let body = ours["body"].as_str().expect("a string");
            assert_eq!(body.trim(), body, "{input}");
            assert!(
                !body.contains(['\r', '\u{b}', '\u{c}', '\u{feff}']) && !body.contains("```"),
                "{input}"
            );
            if let Some(subject) = ours["subject"].as_str() {
                assert!(!subject.is_empty() && !subject.contains('\n'), "{input}");
            }
        },
    );
}

/// What we do better than the recorded behaviour.
#[test]
fn llm_emails_are_split_better_than_recorded() {
    for (text, subject, body) in [
        ("Subject:\n\nbody", None, "body"),
        ("Subject:    \n\nbody", None, "body"),
        ("  \n\t ", None, ""),
        ("```Subject: X```", Some("X"), ""),
        ("```\n```", None, ""),
        (
            "Here is the email:\n\nSubject: X\n\nbody",
            Some("X"),
            "body",
        ),
        ("**Subject:** X\n\nbody", Some("X"), "body"),
        ("Subject: A\u{b}more\n\nbody", Some("A more"), "body"),
        ("Subject: A\u{2028}B\n\nbody", Some("A B"), "body"),
        ("Subject: A\n\np1\u{c}p2", Some("A"), "p1\np2"),
        ("Subject: A\nFrom: evil@x.y\n\nbody", Some("A"), "body"),
        ("\u{feff}Subject: A\n\nb", Some("A"), "b"),
        ("<think>\nplan\n</think>\nSubject: A\n\nb", Some("A"), "b"),
    ] {
        let mail = split(text);
        assert_eq!(
            (mail.subject.as_deref(), &*mail.body),
            (subject, body),
            "{text:?}"
        );
    }
}

/// Plays the operations of a case, each call let through on its own, as if it ended before the
/// next operation.
fn play_circuit_breaker(input: &Value) -> Value {
    let number = |key: &str| input[key].as_f64().unwrap_or_else(|| panic!("{key}"));
    let policy = CircuitPolicy {
        failures: number("failure_threshold") as u32,
        cooldown: Duration::from_secs_f64(number("cooldown_seconds")),
        ..CircuitPolicy::default()
    };
    let mut now = DateTime::UNIX_EPOCH;
    let mut breaker = CircuitBreaker::default();
    let mut admission = breaker.admission();
    let ops = input["ops"].as_array().expect("a list of operations");
    let mut results = Vec::new();
    for op in ops {
        let op = op.as_str().expect("an operation");
        let mut result = json!({});
        if breaker.state() == CircuitState::Closed {
            admission = breaker.admission();
        }
        match op {
            "allow" => match breaker.allow(now, &policy) {
                Ok(allowed) => {
                    admission = allowed;
                    result["allow"] = json!(true);
                }
                Err(wait) => {
                    assert!(!wait.is_zero());
                    result["allow"] = json!(false);
                }
            },
            "ok" => breaker.record_success(admission),
            "fail" => breaker.record_failure(admission, now, None, &policy),
            wait => {
                let seconds: f64 = wait
                    .strip_prefix('+')
                    .and_then(|seconds| seconds.parse().ok())
                    .unwrap_or_else(|| panic!("{wait} is no operation"));
                now += TimeDelta::microseconds((seconds * 1e6) as i64);
            }
        }
        result["state"] = json!(match breaker.state() {
            CircuitState::Closed => "closed",
            CircuitState::Open => "open",
            CircuitState::HalfOpen => "half_open",
        });
        results.push(result);
    }
    Value::Array(results)
}

#[test]
fn circuit_breaker() {
    check(
        "circuit_breaker.json",
        play_circuit_breaker,
        |input, ours| {
            // At most one probe goes between two outcomes, and nothing goes while it is open.
            let ops = input["ops"].as_array().expect("a list of operations");
            let mut probing = false;
            for (op, result) in ops.iter().zip(ours.as_array().expect("a list")) {
                let op = op.as_str().expect("an operation");
                if op == "allow" {
                    if result["state"] == "half_open" && result["allow"] == true {
                        assert!(!probing, "{input}");
                        probing = true;
                    }
                    assert!(
                        result["state"] != "open" || result["allow"] == false,
                        "{input}"
                    );
                } else {
                    // A probe that says nothing for long is given up.
                    probing = false;
                }
            }
        },
    );
}

#[test]
fn circuit_breaker_beats_its_quirks() {
    let play = |ops: &[&str]| {
        play_circuit_breaker(&json!({"failure_threshold": 3, "cooldown_seconds": 60.0, "ops": ops}))
    };
    let probes = play(&["fail", "fail", "fail", "+60", "allow", "allow", "allow"]);
    assert_eq!(probes[4], json!({"allow": true, "state": "half_open"}));
    for later in 5..7 {
        assert_eq!(probes[later], json!({"allow": false, "state": "half_open"}));
    }
    let late = play(&["fail", "fail", "fail", "ok", "allow"]);
    assert_eq!(
        late[4],
        json!({"allow": false, "state": "open"}),
        "a late success"
    );
    let lost = play(&["fail", "fail", "fail", "+60", "allow", "+3600", "allow"]);
    assert_eq!(lost[6], json!({"allow": true, "state": "half_open"}));
}
