//! The shared test vectors: recorded inputs and outputs of the tool whose deckies these are.

use std::path::PathBuf;

use decnet_activity_driver::decky::container_name;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    name: String,
    input: Input,
    expected: Option<String>,
    quirk: bool,
}

#[derive(Deserialize)]
struct Input {
    decky_name: String,
    services: Vec<String>,
}

fn cases() -> Vec<Case> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test run chooses its vectors by environment"
    )]
    let folder = std::env::var_os("DECNET_VECTORS").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../tests/fixtures/vectors"
            ))
        },
        PathBuf::from,
    );
    let file = folder.join("container_for.json");
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
    let cases: Vec<Case> = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{} is not a list of cases: {error}", file.display()));
    assert!(!cases.is_empty(), "{} has no cases", file.display());
    cases
}

#[test]
fn container_names_match_the_vectors() {
    let binding: Vec<Case> = cases().into_iter().filter(|case| !case.quirk).collect();
    assert!(!binding.is_empty(), "every case is a quirk");
    for case in binding {
        let name = container_name(&case.input.decky_name, &case.input.services);
        assert_eq!(name, case.expected, "case {}", case.name);
    }
}

/// The original answers `-imap` for a decky without a name; no container can be called that.
#[test]
fn quirks_of_the_vectors_are_not_copied() {
    for case in cases().into_iter().filter(|case| case.quirk) {
        assert_eq!(case.input.decky_name, "", "unknown quirk {}", case.name);
        let name = container_name(&case.input.decky_name, &case.input.services);
        assert_eq!(name, None, "case {}", case.name);
    }
}
