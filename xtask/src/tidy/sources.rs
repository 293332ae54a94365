//! Rules about source text.

use std::path::Path;

use super::{Text, Violation};

/// Longest source file, in lines.
const MOST_LINES: usize = 800;
/// What only the edge of the program may touch: environment, clock, arguments.
const SURROUNDINGS: &[&str] = &[
    concat!("std::", "env"),
    concat!("SystemTime", "::now"),
    concat!("Instant", "::now"),
    concat!("Utc", "::now"),
    concat!("Local", "::now"),
];
/// The files of libraries that ask a clock: how long something took, by the clock that timers wait by.
const STOPWATCHES: &[&str] = &[
    "crates/realism/src/llm/stopwatch.rs",
    "crates/background/src/timer.rs",
];
/// What is not ready to be read by others.
const LEFTOVERS: &[&str] = &[
    concat!("to", "do!("),
    concat!("unimplemented", "!("),
    concat!("db", "g!("),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("#[", "ignore"),
];

/// Libraries take the clock and the environment as arguments.
pub(super) fn surroundings(texts: &[Text]) -> Vec<Violation> {
    let is_library = |path: &Path| {
        path.starts_with("crates")
            && !path.starts_with("crates/cli")
            && !STOPWATCHES
                .iter()
                .any(|stopwatch| path == Path::new(stopwatch))
            && path
                .components()
                .nth(2)
                .is_some_and(|part| part.as_os_str() == "src")
    };
    let libraries = texts.iter().filter(|text| is_library(&text.path));
    words(libraries, SURROUNDINGS, |word| {
        format!("`{word}` belongs into crates/cli; take the value as an argument")
    })
}

/// Nothing half done stays.
pub(super) fn leftovers(texts: &[Text]) -> Vec<Violation> {
    words(texts.iter(), LEFTOVERS, |word| {
        format!("`{word}` is left over")
    })
}

fn words<'a>(
    texts: impl Iterator<Item = &'a Text>,
    words: &[&str],
    say: impl Fn(&str) -> String,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for text in texts.filter(|text| text.has_extension("rs")) {
        for (number, line) in text.lines() {
            let code = match line.trim_start() {
                comment if comment.starts_with("//") => comment.trim_start_matches(['/', '!', ' ']),
                code => code,
            };
            let is_comment = line.trim_start().starts_with("//");
            for word in words {
                // A comment may speak of a clock; it may not announce what is missing.
                let only_code = word.contains("::");
                if code.contains(word) && !(is_comment && only_code) {
                    violations.push(Violation::new(&text.path, number, say(word)));
                }
            }
        }
    }
    violations
}

/// A file with one job fits into one sitting. Data of languages may be long.
pub(super) fn lengths(texts: &[Text]) -> Vec<Violation> {
    texts
        .iter()
        .filter(|text| text.has_extension("rs"))
        .filter(|text| !text.path.iter().any(|part| part == "language"))
        .filter_map(|text| {
            let lines = text.content.lines().count();
            let what = format!("has {lines} lines, more than {MOST_LINES}; look for the seam");
            (lines > MOST_LINES).then(|| Violation::new(&text.path, lines, what))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{printed, text};
    use super::*;

    fn check(rule: fn(&[Text]) -> Vec<Violation>, path: &str, content: &str, expected: &[&str]) {
        assert_eq!(printed(&rule(&[text(path, content)])), expected);
    }

    #[test]
    fn libraries_do_not_look_at_their_surroundings() {
        let reads = format!("// never {0}\nlet now = {0}();\n", SURROUNDINGS[1]);
        check(
            surroundings,
            "crates/store/src/open.rs",
            &reads,
            &[
                "crates/store/src/open.rs:2: `SystemTime::now` belongs into crates/cli; take the value as an argument",
            ],
        );
        for path in [
            "crates/cli/src/environment.rs",
            "crates/store/examples/rate.rs",
            "crates/store/tests/open.rs",
            "xtask/src/main.rs",
            "tests/src/lib.rs",
        ] {
            check(surroundings, path, &reads, &[]);
        }
    }

    #[test]
    fn nothing_half_done_stays() {
        for word in LEFTOVERS {
            let expected = format!("tests/a.rs:2: `{word}` is left over");
            check(
                leftovers,
                "tests/a.rs",
                &format!("fn a() {{\n  {word}"),
                &[&expected],
            );
        }
        check(
            leftovers,
            "crates/a/src/lib.rs",
            "let ignored = mastodon();",
            &[],
        );
        check(leftovers, "docs/a.md", LEFTOVERS[3], &[]);
    }

    #[test]
    fn long_files_are_named() {
        let long = "\n".repeat(MOST_LINES + 1);
        check(
            lengths,
            "xtask/src/a.rs",
            &long,
            &["xtask/src/a.rs:801: has 801 lines, more than 800; look for the seam"],
        );
        check(lengths, "crates/realism/src/language/en/mod.rs", &long, &[]);
        check(lengths, "docs/a.md", &long, &[]);
        check(lengths, "xtask/src/a.rs", &"\n".repeat(MOST_LINES), &[]);
    }
}
