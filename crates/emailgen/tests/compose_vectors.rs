//! The recorded behaviour vectors: subjects and references of replies, and messages that have to
//! survive a round trip through two parsers.

mod support;

use std::path::PathBuf;

use decnet_emailgen::threading;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use support::eml_input::{EmlInput, check_messages};

#[derive(Deserialize)]
struct Vector<I> {
    name: String,
    input: I,
    expected: Option<String>,
    #[serde(default)]
    quirk: bool,
}

/// The cases of one file, never none.
#[expect(
    clippy::disallowed_methods,
    reason = "a test takes the folder of its cases from outside"
)]
fn vectors<I: DeserializeOwned>(file: &str) -> Vec<Vector<I>> {
    let folder = std::env::var_os("DECNET_VECTORS").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../tests/fixtures/vectors"
            ))
        },
        PathBuf::from,
    );
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let vectors: Vec<Vector<I>> = serde_json::from_str(&without_lone_surrogates(&text))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(!vectors.is_empty(), "{} has no cases", path.display());
    vectors
}

/// JSON with the escapes of lone surrogates replaced: Python's strings may hold them, a `String`
/// cannot, and so no caller can hand one over.
fn without_lone_surrogates(json: &str) -> String {
    let mut clean = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (before, escape) = rest.split_at(at);
        clean.push_str(before);
        let unit = |from: usize| {
            let hex = escape.get(from..)?.strip_prefix("\\u")?.get(..4)?;
            u16::from_str_radix(hex, 16).ok()
        };
        let (written, len) = match (unit(0), unit(6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => (&escape[..12], 12),
            (Some(0xd800..=0xdfff), _) => ("\\ufffd", 6),
            // An escaped backslash is one unit with what it escapes.
            _ => (&escape[..2], 2),
        };
        clean.push_str(written);
        rest = &escape[len..];
    }
    clean + rest
}

#[test]
fn vectors_may_hold_lone_surrogates() {
    let json = r#"["\ud800", "\ud83c\udf89", "a\\ud800", "\udc00\ud800x", "\n"]"#;
    let read: Vec<String> =
        serde_json::from_str(&without_lone_surrogates(json)).expect("valid json");
    assert_eq!(
        read,
        ["\u{fffd}", "🎉", "a\\ud800", "\u{fffd}\u{fffd}x", "\n"]
    );
}

#[derive(Deserialize)]
struct SubjectInput {
    parent_subject: String,
}

#[test]
fn vectors_reply_subject() {
    for vector in vectors::<SubjectInput>("reply_subject.json") {
        let subject = threading::reply_subject(&vector.input.parent_subject);
        if vector.quirk {
            assert!(subject.starts_with("Re: "), "{}: {subject:?}", vector.name);
            let base = threading::base_subject(&vector.input.parent_subject);
            assert_eq!(threading::base_subject(base), base, "{}", vector.name);
            assert!(subject.chars().count() <= threading::MAX_SUBJECT_CHARS);
        } else {
            assert_eq!(Some(&subject), vector.expected.as_ref(), "{}", vector.name);
        }
        assert_eq!(
            threading::reply_subject(&subject),
            subject,
            "{}: not stable",
            vector.name
        );
    }
}

#[derive(Deserialize)]
struct ReferencesInput {
    chain: Chain,
}

#[derive(Deserialize)]
struct Chain {
    references: Vec<String>,
    parent_message_id: String,
}

#[test]
fn vectors_references() {
    for vector in vectors::<ReferencesInput>("references.json") {
        let chain = &vector.input.chain;
        let references = threading::references(&chain.references, &chain.parent_message_id);
        if vector.quirk {
            let ids: Vec<&str> = references.split(' ').filter(|id| !id.is_empty()).collect();
            assert_eq!(ids.join(" "), references, "{}", vector.name);
            let mut unique = ids.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), ids.len(), "{}: an id twice", vector.name);
            for id in &ids {
                let known = chain.references.iter().any(|other| other.trim() == *id)
                    || chain.parent_message_id.trim() == *id;
                assert!(
                    known && threading::is_message_id(id),
                    "{}: {id:?}",
                    vector.name
                );
            }
        } else {
            assert_eq!(
                Some(&references),
                vector.expected.as_ref(),
                "{}",
                vector.name
            );
        }
    }
}

#[test]
fn vectors_eml_inputs() {
    let inputs = vectors::<EmlInput>("eml_inputs.json");
    check_messages(
        inputs
            .into_iter()
            .map(|vector| (vector.name, vector.input))
            .collect(),
    );
}
