use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The smallest entry, with `more` put over it.
fn entry(more: Value) -> Value {
    let mut entry = json!({"name": "Ana", "email": "ana@corp.com", "role": "CFO"});
    for (key, value) in more.as_object().expect("an object") {
        entry[key] = value.clone();
    }
    entry
}

fn read(more: Value) -> Result<Persona, FieldError> {
    Persona::from_json(&entry(more))
}

/// The one warning about an entry that is otherwise fine.
fn warning(more: Value) -> EntryWarning {
    let parsed = parse_personas(&json!([entry(more)]), "en");
    assert_eq!(parsed.dropped, []);
    let [warning] = &parsed.warnings[..] else {
        panic!("one warning expected: {:?}", parsed.warnings)
    };
    warning.clone()
}

#[test]
fn limits_are_counted_in_characters() {
    for (field, max) in [
        ("name", NAME_MAX),
        ("role", NAME_MAX),
        ("tone_custom", TONE_CUSTOM_MAX),
        ("language", LANGUAGE_MAX),
        ("signature", SIGNATURE_MAX),
        ("active_hours", ACTIVE_HOURS_MAX),
        ("department", PLACE_MAX),
        ("home", PLACE_MAX),
    ] {
        let text = "é".repeat(max);
        let persona = read(json!({field: text})).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(serde_json::to_value(persona).unwrap()[field], text);
        assert_eq!(
            read(json!({field: "é".repeat(max + 1)})).unwrap_err(),
            FieldError {
                field: Some(field),
                reason: Reason::TooLong {
                    found: max + 1,
                    max
                }
            }
        );
    }
    let many = |count| read(json!({"mannerisms": vec!["m"; count]}));
    assert!(many(MANNERISMS_MAX).is_ok());
    assert_eq!(
        many(13).unwrap_err().reason,
        Reason::TooMany { found: 13, max: 12 }
    );
}

#[test]
fn what_drops_an_entry_names_the_field() {
    for (more, expected) in [
        (
            json!({"name": 5}),
            "name: expected a string, found a number",
        ),
        (json!({"name": null}), "name: expected a string, found null"),
        (json!({"name": ""}), "name: empty"),
        (json!({"name": "   "}), "name: empty"),
        (json!({"name": "\u{3000}\u{a0}"}), "name: empty"),
        (
            json!({"name": "John\nBcc: x@y.z"}),
            "name: control or invisible character U+000A",
        ),
        (
            json!({"name": "John\r"}),
            "name: control or invisible character U+000D",
        ),
        (
            json!({"name": "Jo\u{0}hn"}),
            "name: control or invisible character U+0000",
        ),
        (
            json!({"name": "Jo\u{85}hn"}),
            "name: control or invisible character U+0085",
        ),
        (
            json!({"name": "Jo\u{2028}hn"}),
            "name: control or invisible character U+2028",
        ),
        (
            json!({"name": "\u{202e}nhoJ"}),
            "name: control or invisible character U+202E",
        ),
        (
            json!({"name": "Jo\u{200b}hn"}),
            "name: control or invisible character U+200B",
        ),
        (json!({"role": " "}), "role: empty"),
        (
            json!({"role": "CFO\tCEO"}),
            "role: control or invisible character U+0009",
        ),
        (
            json!({"email": null}),
            "email: expected a string, found null",
        ),
        (
            json!({"email": "a@b"}),
            "email: the domain \"b\" has no dot",
        ),
        (
            json!({"email": "a@."}),
            "email: the domain has a dot at an end, or two dots in a row",
        ),
        (
            json!({"email": "a@b@corp.com"}),
            "email: there is more than one @",
        ),
        (
            json!({"email": " ana@corp.com "}),
            "email: white space or a control character (\\u{20})",
        ),
        (
            json!({"email": "ana@corp.com\r\nBcc: x@y.z"}),
            "email: control or invisible character U+000D",
        ),
        (
            json!({"tone": "Formal"}),
            "tone: \"Formal\" is not one of formal, direct, casual, technical, custom",
        ),
        (json!({"tone": null}), "tone: expected a string, found null"),
        (
            json!({"tone": "custom"}),
            "tone_custom: required, and not blank, when tone is custom",
        ),
        (
            json!({"tone": "custom", "tone_custom": " "}),
            "tone_custom: required, and not blank, when tone is custom",
        ),
        (
            json!({"tone_custom": "dry\nwit"}),
            "tone_custom: control or invisible character U+000A",
        ),
        (
            json!({"tone_custom": 3}),
            "tone_custom: expected a string or null, found a number",
        ),
        (
            json!({"mannerisms": "one"}),
            "mannerisms: expected a list of strings, found a string",
        ),
        (
            json!({"mannerisms": null}),
            "mannerisms: expected a list of strings, found null",
        ),
        (
            json!({"mannerisms": ["ok", 3]}),
            "mannerisms: expected a list of strings, found a number",
        ),
        (
            json!({"mannerisms": ["a\r\nb"]}),
            "mannerisms: control or invisible character U+000D",
        ),
        (
            json!({"language": 1}),
            "language: expected a string or null, found a number",
        ),
        (
            json!({"signature": ["x"]}),
            "signature: expected a string or null, found a list",
        ),
        (
            json!({"signature": "a\u{b}b"}),
            "signature: control or invisible character U+000B",
        ),
        (
            json!({"active_hours": null}),
            "active_hours: expected a string, found null",
        ),
        (
            json!({"reply_latency": "glacial"}),
            "reply_latency: \"glacial\" is not one of fast, normal, slow",
        ),
        (
            json!({"uses_llms_heavily": null}),
            "uses_llms_heavily: expected true or false, found null",
        ),
        (
            json!({"uses_llms_heavily": "yes"}),
            "uses_llms_heavily: expected true or false, found a string",
        ),
        (
            json!({"uses_llms_heavily": 2}),
            "uses_llms_heavily: expected true or false, found a number",
        ),
        (
            json!({"timezone": "Madrid"}),
            "timezone: \"Madrid\" is not an IANA time zone; did you mean Europe/Madrid?",
        ),
        (
            json!({"timezone": "europe/madrid"}),
            "timezone: \"europe/madrid\" is not an IANA time zone; did you mean Europe/Madrid?",
        ),
        (
            json!({"timezone": "Europe/Madird"}),
            "timezone: \"Europe/Madird\" is not an IANA time zone; did you mean Europe/Madrid?",
        ),
        (
            json!({"timezone": "new york"}),
            "timezone: \"new york\" is not an IANA time zone; did you mean America/New_York?",
        ),
        (
            json!({"timezone": "Mars/Olympus"}),
            "timezone: \"Mars/Olympus\" is not an IANA time zone",
        ),
        (
            json!({"mail_client": "out look"}),
            "mail_client: ' ' is not a letter, a digit, '-', '_', '.' or '+'",
        ),
    ] {
        assert_eq!(
            read(more.clone()).unwrap_err().to_string(),
            expected,
            "{more}"
        );
    }
    let days = read(json!({"workdays": "lun-vie"})).unwrap_err();
    assert!(
        days.to_string()
            .starts_with("workdays: \"vie\" is not a day"),
        "{days}"
    );
    assert_eq!(
        Persona::from_json(&json!([])).unwrap_err().to_string(),
        "expected an object, found a list"
    );
    let missing = Persona::from_json(&json!({"name": "A", "email": "a@b.co"})).unwrap_err();
    assert_eq!(missing.to_string(), "role: missing");
}

#[test]
fn what_is_odd_is_kept_with_a_warning() {
    for (more, field, value, expected) in [
        (
            json!({"active_hours": "9-17"}),
            "active_hours",
            json!("9-17"),
            "entry 0, active_hours: \"9-17\" is not HH:MM-HH:MM with ASCII digits and a plain hyphen; counts as always at work",
        ),
        (
            json!({"active_hours": ""}),
            "active_hours",
            json!("09:00-18:00"),
            "entry 0, active_hours: blank, taken as absent",
        ),
        (
            json!({"language": ""}),
            "language",
            json!("en"),
            "entry 0, language: blank, taken as absent",
        ),
        (
            json!({"timezone": " "}),
            "timezone",
            Value::Null,
            "entry 0, timezone: blank, taken as absent",
        ),
        (
            json!({"uses_llms_heavily": 1}),
            "uses_llms_heavily",
            json!(true),
            "entry 0, uses_llms_heavily: 1 instead of true",
        ),
        (
            json!({"uses_llms_heavily": 0}),
            "uses_llms_heavily",
            json!(false),
            "entry 0, uses_llms_heavily: 0 instead of false",
        ),
        (
            json!({"uses_llms_heavily": 1.0}),
            "uses_llms_heavily",
            json!(true),
            "entry 0, uses_llms_heavily: 1.0 instead of true",
        ),
        (
            json!({"signature": "Ana\r\nCFO"}),
            "signature",
            json!("Ana\nCFO"),
            "entry 0, signature: CR LF line ends, taken as LF",
        ),
        (
            json!({"singature": "Ana"}),
            "signature",
            Value::Null,
            "entry 0: unknown key \"singature\" is ignored; did you mean signature?",
        ),
    ] {
        assert_eq!(warning(more.clone()).to_string(), expected);
        let persona = &parse_personas(&json!([entry(more)]), "en").personas[0];
        let persona = serde_json::to_value(persona).unwrap();
        assert_eq!(
            persona.get(field).unwrap_or(&Value::Null),
            &value,
            "{expected}"
        );
    }
}

#[test]
fn names_lose_only_the_blanks_around_them() {
    assert_eq!(
        read(json!({"name": "  Ana  María "})).unwrap().name,
        "Ana  María"
    );
    // Joiners and direction marks are part of how some names are written.
    assert!(read(json!({"name": "علی\u{200c}رضا"})).is_ok());
    // Whatever would need quoting in a header is the header's business.
    assert!(read(json!({"name": "Smith, John <ceo@corp.com>"})).is_ok());
}

#[test]
fn signatures_keep_lines_and_tabs() {
    let signature = read(json!({"signature": "Ana\n\tCFO"})).unwrap().signature;
    assert_eq!(signature.as_deref(), Some("Ana\n\tCFO"));
}

#[test]
fn an_address_belongs_to_the_first_who_has_it() {
    let list = json!([
        entry(json!({"name": 1})),
        entry(json!({"email": "X@C.co"})),
        entry(json!({"email": "x@c.CO", "name": "Other"})),
        entry(json!({})),
    ]);
    let parsed = parse_personas(&list, "en");
    assert_eq!(parsed.indexes, [1, 3]);
    let dropped: Vec<String> = parsed.dropped.iter().map(ToString::to_string).collect();
    assert_eq!(
        dropped,
        [
            "entry 0, name: expected a string, found a number",
            "entry 2, email: entry 2 has the same address as entry 1",
        ]
    );
}

#[test]
fn what_is_not_a_list_says_what_it_is() {
    let error = |raw: Value| {
        parse_personas(&raw, "en")
            .list_error
            .map(|error| error.to_string())
    };
    for (raw, expected) in [
        (json!(null), "a JSON list is expected, not null"),
        (json!({}), "a JSON list is expected, not an object"),
        (json!("5"), "a JSON list is expected, not a number"),
        (json!("\"[]\""), "a JSON list is expected, not a string"),
        (
            json!(" \n"),
            "the text is empty; a persona list is a JSON list, [] at the least",
        ),
        (
            json!("[{"),
            "not JSON: EOF while parsing an object at line 1, column 2",
        ),
        (
            json!("[\n  1,\n  x]"),
            "not JSON: expected value at line 3, column 3",
        ),
    ] {
        assert_eq!(error(raw).as_deref(), Some(expected));
    }
    assert_eq!(error(json!([])), None);
    assert_eq!(error(json!("[]")), None);
}

#[test]
fn hostile_texts_are_refused_calmly() {
    for text in [
        "[".repeat(100_000),
        "[{\"name\":".repeat(100_000),
        format!("{}1{}", "[".repeat(5000), "]".repeat(5000)),
    ] {
        let parsed = parse_personas_text(&text, "en");
        let Some(ListError::NotJson {
            message, line: 1, ..
        }) = parsed.list_error
        else {
            panic!("{:?}", parsed.list_error)
        };
        assert_eq!(message, "recursion limit exceeded");
    }
    let long = format!("[{}]", " ".repeat(MAX_TEXT));
    let bytes = MAX_TEXT + 2;
    assert_eq!(
        parse_personas_text(&long, "en").list_error,
        Some(ListError::TextTooLong { bytes })
    );
    let many = Value::Array(vec![Value::Null; ENTRIES_MAX + 1]);
    assert_eq!(
        parse_personas(&many, "en").list_error,
        Some(ListError::TooManyEntries { found: 10_001 })
    );
}

#[test]
fn the_schedule_has_the_defaults_of_each_part() {
    let schedule = |more| read(more).unwrap().schedule().to_text();
    assert_eq!(schedule(json!({})), "UTC 09:00-18:00 mon-fri");
    assert_eq!(
        schedule(json!({"active_hours": "9-17"})),
        "UTC 00:00-00:00 mon-fri"
    );
    assert_eq!(
        schedule(
            json!({"active_hours": "8:30-17:00", "timezone": "Asia/Dubai", "workdays": "Sun-Thu"})
        ),
        "Asia/Dubai 08:30-17:00 sun-thu"
    );
}

#[test]
fn languages_are_resolved_late() {
    let list = json!([
        entry(json!({})),
        entry(json!({"email": "b@c.co", "language": "es"}))
    ]);
    let unset = ParsedPersonas::from_value(&list);
    assert_eq!(unset.personas[0].language, None);
    assert_eq!(unset.personas[0].language_or("de"), "de");
    assert_eq!(unset.personas[1].language_or("de"), "es");
    let resolved = unset.with_language("fr");
    assert_eq!(resolved.personas[0].language.as_deref(), Some("fr"));
    assert_eq!(resolved.personas[1].language.as_deref(), Some("es"));
}

#[test]
fn first_names() {
    for (name, expected) in [
        ("John Smith", "John"),
        ("Ana", "Ana"),
        ("Smith, John", "John"),
        ("John Smith, Jr.", "John"),
        ("Smith,", "Smith"),
        ("Dr. Jane Doe", "Jane"),
        ("Don Draper", "Don"),
        ("J. Robert Miller", "Robert"),
        ("Ana María Núñez", "Ana"),
        ("Dr.", "Dr."),
        ("José", "José"),
        (",", ","),
    ] {
        assert_eq!(
            read(json!({"name": name})).unwrap().first_name(),
            expected,
            "{name}"
        );
    }
}

proptest! {
    #[test]
    fn what_is_accepted_is_read_back_the_same(
        name in "[ a-zé\u{200b}\n\u{202e},.<>\"]{0,6}",
        hours in "[0-9: -]{0,11}",
        signature in proptest::option::of("[a\r\n\t\u{0}]{0,6}"),
        language in proptest::option::of(" ?[a-z]{0,9}"),
        flag in prop_oneof![Just(json!(1)), Just(json!(true)), Just(json!(0.0)), Just(json!("on"))],
    ) {
        let more = json!({
            "name": name, "active_hours": hours, "signature": signature, "language": language,
            "uses_llms_heavily": flag, "home": "mail-1", "timezone": "Asia/Tokyo",
        });
        if let Ok(persona) = read(more) {
            let json = serde_json::to_value(&persona).unwrap();
            prop_assert_eq!(Persona::from_json(&json), Ok(persona));
        }
    }
}
