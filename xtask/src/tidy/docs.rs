//! Rules about documents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::crates::Manifests;
use super::{Text, Violation};

const DEPENDENCIES: &str = "docs/dependencies.md";
const ARCHITECTURE: &str = "docs/architecture.md";

/// Every external crate that a manifest names has one row with its reason, and no row is left of
/// one that went.
pub(super) fn dependencies(manifests: &Manifests<'_>, texts: &[Text]) -> Vec<Violation> {
    let Some(document) = find(texts, DEPENDENCIES) else {
        return vec![missing(DEPENDENCIES)];
    };
    let mut rows: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, line) in document.lines() {
        let entry = line
            .trim_start()
            .strip_prefix(['|', '-', '*'])
            .and_then(|rest| rest.trim_start().strip_prefix('`'))
            .and_then(|rest| rest.split_once('`'));
        if let Some((name, _)) = entry {
            rows.entry(name).or_default().push(number);
        }
    }
    let mut violations = Vec::new();
    let mut used = BTreeSet::new();
    for (member, manifest) in &manifests.crates {
        for dependency in &member.dependencies {
            let name = dependency.name.as_str();
            if manifests.is_ours(name) || !used.insert(name) {
                continue;
            }
            if !rows.contains_key(name) {
                let what = format!("{name} has no line with its reason in {DEPENDENCIES}");
                violations.push(Violation::new(&manifest.path, manifest.line_of(name), what));
            }
        }
    }
    for (name, lines) in rows {
        let what = if !used.contains(name) {
            format!("no manifest names {name}")
        } else if lines.len() > 1 {
            format!("{name} has {} lines", lines.len())
        } else {
            continue;
        };
        violations.push(Violation::new(
            DEPENDENCIES,
            *lines.last().unwrap_or(&1),
            what,
        ));
    }
    violations
}

/// Every crate has its place in the architecture.
pub(super) fn crates_in_architecture(manifests: &Manifests<'_>, texts: &[Text]) -> Vec<Violation> {
    let Some(document) = find(texts, ARCHITECTURE) else {
        return vec![missing(ARCHITECTURE)];
    };
    manifests
        .crates
        .iter()
        .map(|(member, _)| manifests.folder(member).display().to_string())
        .filter(|folder| !document.content.contains(&format!("`{folder}`")))
        .map(|folder| Violation::new(ARCHITECTURE, 1, format!("does not name `{folder}`")))
        .collect()
}

/// Links between documents lead somewhere.
pub(super) fn links(root: &Path, texts: &[Text]) -> Vec<Violation> {
    let mut violations = Vec::new();
    for text in texts.iter().filter(|text| text.has_extension("md")) {
        for (number, target) in link_targets(text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path = match file {
                "" => text.path.clone(),
                _ => without_dots(&text.path.parent().unwrap_or(Path::new("")).join(file)),
            };
            let problem = if !root.join(&path).exists() {
                "leads nowhere"
            } else if !anchor.is_empty()
                && find(texts, &path.to_string_lossy()).is_some_and(|to| !has_anchor(to, anchor))
            {
                "leads to no heading"
            } else {
                continue;
            };
            violations.push(Violation::new(
                &text.path,
                number,
                format!("{target:?} {problem}"),
            ));
        }
    }
    violations
}

/// Nothing names a folder of the machine it was written on.
pub(super) fn machine_paths(root: &Path, texts: &[Text]) -> Vec<Violation> {
    let scheme = concat!("file:", "//");
    let root = root.display().to_string();
    let is_telling = root.matches('/').count() > 1;
    let mut violations = Vec::new();
    for text in texts {
        for (number, line) in text.lines() {
            if line.contains(scheme) || (is_telling && line.contains(&root)) {
                let what = "a path of the machine that this was written on";
                violations.push(Violation::new(&text.path, number, what));
            }
        }
        if text.has_extension("md") {
            for (number, target) in link_targets(text) {
                if target.starts_with('/') {
                    let what = format!("{target:?} is a path of one machine");
                    violations.push(Violation::new(&text.path, number, what));
                }
            }
        }
    }
    violations
}

/// Targets of Markdown links outside code blocks, with their lines.
fn link_targets(text: &Text) -> Vec<(usize, String)> {
    let mut targets = Vec::new();
    let mut in_code = false;
    for (number, line) in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for part in line.split("](").skip(1) {
            if let Some((target, _)) = part.split_once(')') {
                targets.push((number, target.to_owned()));
            }
        }
    }
    targets
}

/// Whether a heading of the document has this anchor, made as Git hosts make them.
fn has_anchor(text: &Text, anchor: &str) -> bool {
    text.lines().any(|(_, line)| {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() {
            return false;
        }
        let made: String = heading
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        made == anchor
    })
}

fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

fn find<'a>(texts: &'a [Text], path: &str) -> Option<&'a Text> {
    texts.iter().find(|text| text.path == Path::new(path))
}

fn missing(path: &str) -> Violation {
    Violation::new(path, 1, "is missing")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixture::{printed, text};
    use super::*;
    use crate::workspace::Workspace;

    fn workspace() -> Workspace {
        Workspace::from_metadata(&json!({
            "workspace_root": "/ws",
            "target_directory": "/ws/target",
            "packages": [{
                "name": "decnet-store",
                "manifest_path": "/ws/crates/store/Cargo.toml",
                "dependencies": [{ "name": "rusqlite", "kind": null }],
                "targets": [],
            }],
        }))
    }

    #[test]
    fn every_dependency_has_one_reason() {
        let workspace = workspace();
        let check = |document: &str, expected: &[&str]| {
            let texts = [
                text(
                    "crates/store/Cargo.toml",
                    "[dependencies]\nrusqlite.workspace = true\n",
                ),
                text(DEPENDENCIES, document),
            ];
            let manifests = Manifests::new(&workspace, &texts);
            assert_eq!(printed(&dependencies(&manifests, &texts)), expected);
        };
        check("| `rusqlite` | one file |\n", &[]);
        check("- `rusqlite`: one file\n", &[]);
        check(
            "Of course `rusqlite`.\n",
            &[
                "crates/store/Cargo.toml:2: rusqlite has no line with its reason in docs/dependencies.md",
            ],
        );
        check(
            "| `rusqlite` | a |\n| `rusqlite` | b |\n| `left-pad` | c |\n",
            &[
                "docs/dependencies.md:3: no manifest names left-pad",
                "docs/dependencies.md:2: rusqlite has 2 lines",
            ],
        );
    }

    #[test]
    fn every_crate_is_in_the_architecture() {
        let workspace = workspace();
        let check = |document: &str, expected: &[&str]| {
            let texts = [text(ARCHITECTURE, document)];
            let manifests = Manifests::new(&workspace, &texts);
            assert_eq!(
                printed(&crates_in_architecture(&manifests, &texts)),
                expected
            );
        };
        check("| `crates/store` | SQLite |\n", &[]);
        check(
            "nothing\n",
            &["docs/architecture.md:1: does not name `crates/store`"],
        );
    }

    #[test]
    fn links_lead_somewhere() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("docs")).unwrap();
        std::fs::write(root.path().join("docs/a.md"), "").unwrap();
        let texts = [
            text(
                "docs/a.md",
                "# Where `it` goes\n[up](../docs/a.md#where-it-goes) [web](https://a.example)\n```\n[no](link)\n```\n",
            ),
            text("b.md", "[a](docs/a.md#gone)\n[c](docs/c.md)\n"),
        ];
        let found = printed(&links(root.path(), &texts));
        assert_eq!(
            found,
            [
                "b.md:1: \"docs/a.md#gone\" leads to no heading",
                "b.md:2: \"docs/c.md\" leads nowhere",
            ]
        );
    }

    #[test]
    fn nothing_names_one_machine() {
        let texts = [
            text("a.rs", "// see /somewhere/checkout/src\n"),
            text("b.md", "\n[x](/etc/passwd)\n"),
            text("c.md", "put it into /etc/decnet\n"),
        ];
        let found = printed(&machine_paths(Path::new("/somewhere/checkout"), &texts));
        assert_eq!(
            found,
            [
                "a.rs:1: a path of the machine that this was written on",
                "b.md:2: \"/etc/passwd\" is a path of one machine",
            ]
        );
    }
}
