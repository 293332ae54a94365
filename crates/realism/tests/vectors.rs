//! The behaviour vectors of the functions this crate has: see `README.md` of their folder.
//!
//! A case without `quirk` binds. One with `quirk` records something that we do better than what it
//! expects; here it only has to keep the promises of our own documentation, and the better result
//! is asserted next to the code.
//!
//! `DECNET_VECTORS` names another folder of the same files.

use std::path::PathBuf;

use chrono::NaiveDateTime;
use decnet_realism::active_hours::ActiveHours;
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
