//! Rules about crates and their manifests.

use std::path::{Path, PathBuf};

use super::{Text, Violation};
use crate::workspace::{Crate, Workspace};

/// What each crate may depend on, of ours, by folder. `cli` may depend on all.
const EDGES: &[(&str, &[&str])] = &[
    ("realism", &[]),
    ("activity-driver", &[]),
    ("session-pipeline", &[]),
    ("self-heal", &[]),
    ("background", &[]),
    ("memory", &[]),
    ("alert", &[]),
    ("emailgen", &["realism", "activity-driver"]),
    (
        "store",
        &[
            "realism",
            "activity-driver",
            "emailgen",
            "session-pipeline",
            "self-heal",
            "memory",
            "background",
            "alert",
        ],
    ),
    ("xtask", &[]),
    ("tests", &[]),
];
/// The crate of servers and worlds for tests, which others may use in theirs.
const FIXTURES: &str = "tests";
/// The crate that puts the others together.
const CLI: &str = "cli";
/// External crates that only some crates of ours may name, with their folders.
const EXCLUSIVE: &[(&[&str], &[&str])] = &[
    (
        &["store"],
        &[
            "rusqlite",
            "rusqlite_migration",
            "libsqlite3-sys",
            "sqlx",
            "diesel",
        ],
    ),
    // Each speaks to the servers that the configuration names for it, and to no other.
    (&["realism", "alert"], &["reqwest"]),
    (
        &["realism"],
        &[
            "hyper",
            "hyper-util",
            "ureq",
            "attohttpc",
            "isahc",
            "surf",
            "curl",
            "minreq",
        ],
    ),
];

/// The manifests of the workspace.
#[derive(Debug)]
pub(super) struct Manifests<'a> {
    root: &'a Path,
    /// The workspace's own.
    pub(super) workspace: Option<&'a Text>,
    /// Those of its crates.
    pub(super) crates: Vec<(&'a Crate, Text)>,
    texts: &'a [Text],
}

impl<'a> Manifests<'a> {
    pub(super) fn new(workspace: &'a Workspace, texts: &'a [Text]) -> Self {
        let root = workspace.root.as_path();
        let find = |path: &Path| texts.iter().find(|text| text.path == path);
        let crates = workspace
            .crates
            .iter()
            .map(|member| {
                let path = below(root, &member.manifest);
                let text = find(&path).cloned().unwrap_or(Text {
                    path,
                    content: String::new(),
                });
                (member, text)
            })
            .collect();
        Self {
            root,
            workspace: find(Path::new("Cargo.toml")),
            crates,
            texts,
        }
    }

    /// The folder of a crate, from the root: `crates/store`, `xtask`.
    pub(super) fn folder(&self, member: &Crate) -> PathBuf {
        below(self.root, member.folder())
    }

    /// Whether a package is one of ours.
    pub(super) fn is_ours(&self, package: &str) -> bool {
        self.crates.iter().any(|(member, _)| member.name == package)
    }
}

fn below(root: &Path, path: &Path) -> PathBuf {
    path.strip_prefix(root).unwrap_or(path).to_owned()
}

fn last(folder: &Path) -> &str {
    folder
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

/// Crates depend on each other as the architecture allows.
pub(super) fn edges(manifests: &Manifests<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (member, manifest) in &manifests.crates {
        let folder = manifests.folder(member);
        let own = last(&folder);
        if own == CLI {
            continue;
        }
        let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == own) else {
            let what = format!("{own} has no row of allowed edges in xtask/src/tidy/crates.rs");
            violations.push(Violation::new(&manifest.path, 1, what));
            continue;
        };
        for dependency in &member.dependencies {
            let Some((other, _)) = manifests
                .crates
                .iter()
                .find(|(other, _)| other.name == dependency.name)
            else {
                continue;
            };
            let other = manifests.folder(other);
            // Servers that tests are run against belong to no crate's own code.
            let is_fixture = last(&other) == FIXTURES && dependency.is_for_tests;
            if !is_fixture && !allowed.contains(&last(&other)) {
                let what = format!("{own} may not depend on {}", last(&other));
                let line = manifest.line_of(&dependency.name);
                violations.push(Violation::new(&manifest.path, line, what));
            }
        }
    }
    violations
}

/// Folder and package have one name; the program is `decnet`; nothing is called `common`.
pub(super) fn names(manifests: &Manifests<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (member, manifest) in &manifests.crates {
        let folder = manifests.folder(member);
        let own = last(&folder);
        let expected = match own {
            "xtask" => "xtask".to_owned(),
            CLI => "decnet".to_owned(),
            _ => format!("decnet-{own}"),
        };
        let mut wrong = |what: String| {
            let line = manifest.line_of("name =");
            violations.push(Violation::new(&manifest.path, line, what));
        };
        if member.name != expected {
            wrong(format!(
                "package {} in folder {own} is to be called {expected}",
                member.name
            ));
        }
        if matches!(own, "common" | "utils" | "util" | "shared" | "helpers") {
            wrong(format!(
                "{own} says nothing; name a crate after what it owns"
            ));
        }
        if own == CLI && member.binaries != ["decnet"] {
            wrong(format!(
                "its binaries are {:?}, not decnet",
                member.binaries
            ));
        }
        if folder.components().count() > 1 && !folder.starts_with("crates") {
            wrong(format!(
                "crates lie in crates/, not in {}",
                folder.display()
            ));
        }
    }
    violations
}

/// Databases and HTTP clients have few crates that name them.
pub(super) fn exclusive_dependencies(manifests: &Manifests<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (member, manifest) in &manifests.crates {
        let folder = manifests.folder(member);
        for dependency in &member.dependencies {
            for (owners, names) in EXCLUSIVE {
                if names.contains(&dependency.name.as_str()) && !owners.contains(&last(&folder)) {
                    let line = manifest.line_of(&dependency.name);
                    let owners = owners.join(" and ");
                    let what = format!("only {owners} may depend on {}", dependency.name);
                    violations.push(Violation::new(&manifest.path, line, what));
                }
            }
        }
    }
    violations
}

/// Every crate takes the lints of the workspace, and those forbid `unsafe`.
pub(super) fn lints(manifests: &Manifests<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (_, manifest) in &manifests.crates {
        let mut lines = manifest.content.lines().map(str::trim);
        let inherits = lines.any(|line| line == "[lints]")
            && lines.next().is_some_and(|line| line == "workspace = true");
        if !inherits {
            let what = "no `[lints]` with `workspace = true`";
            violations.push(Violation::new(&manifest.path, 1, what));
        }
    }
    let forbids = manifests.workspace.is_some_and(|manifest| {
        manifest
            .lines()
            .any(|(_, line)| line.trim() == "unsafe_code = \"forbid\"")
    });
    if !forbids {
        let what = "`unsafe_code = \"forbid\"` is gone from the workspace's lints";
        violations.push(Violation::new("Cargo.toml", 1, what));
    }
    violations
}

/// A library or program opens with what it is.
pub(super) fn essays(manifests: &Manifests<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (member, _) in &manifests.crates {
        let folder = manifests.folder(member);
        for name in ["src/lib.rs", "src/main.rs"] {
            let path = folder.join(name);
            let Some(text) = manifests.texts.iter().find(|text| text.path == path) else {
                continue;
            };
            if !text.content.starts_with("//!") {
                violations.push(Violation::new(path, 1, "does not open with `//!`"));
            }
        }
        if member.library.is_none() && member.binaries.is_empty() {
            violations.push(Violation::new(
                folder.join("Cargo.toml"),
                1,
                "builds nothing",
            ));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::fixture::{printed, text};
    use super::*;

    const LINTS: &str = "[lints]\nworkspace = true\n";

    /// Checks a rule on a workspace of one crate beside the usual ones.
    fn check(
        rule: fn(&Manifests<'_>) -> Vec<Violation>,
        (folder, package, manifest): (&str, &str, &str),
        expected: &[&str],
    ) {
        let member = |folder: &str, package: &str, manifest: &str| {
            let dependencies: Vec<_> = manifest
                .lines()
                .filter_map(|line| line.strip_suffix(".workspace = true"))
                .map(|name| json!({ "name": name, "kind": null }))
                .collect();
            json!({
                "name": package,
                "manifest_path": format!("/ws/{folder}/Cargo.toml"),
                "dependencies": dependencies,
                "targets": [{ "name": package, "kind": ["lib"], "src_path": format!("/ws/{folder}/src/lib.rs") }],
            })
        };
        let workspace = Workspace::from_metadata(&json!({
            "workspace_root": "/ws",
            "target_directory": "/ws/target",
            "packages": [member(folder, package, manifest), member("crates/emailgen", "decnet-emailgen", LINTS)],
        }));
        let texts = [
            text(
                "Cargo.toml",
                "[workspace.lints.rust]\nunsafe_code = \"forbid\"\n",
            ),
            text(&format!("{folder}/Cargo.toml"), manifest),
            text("crates/emailgen/Cargo.toml", LINTS),
            text(&format!("{folder}/src/lib.rs"), manifest),
            text("crates/emailgen/src/lib.rs", "//! Mail."),
        ];
        let found = printed(&rule(&Manifests::new(&workspace, &texts)));
        assert_eq!(found, expected);
    }

    #[test]
    fn edges_follow_the_table() {
        let uses_emailgen =
            "[dependencies]\nserde.workspace = true\ndecnet-emailgen.workspace = true\n";
        check(edges, ("crates/store", "decnet-store", uses_emailgen), &[]);
        check(edges, ("crates/cli", "decnet", uses_emailgen), &[]);
        check(
            edges,
            ("crates/realism", "decnet-realism", uses_emailgen),
            &["crates/realism/Cargo.toml:3: realism may not depend on emailgen"],
        );
        check(
            edges,
            ("crates/new", "decnet-new", ""),
            &[
                "crates/new/Cargo.toml:1: new has no row of allowed edges in xtask/src/tidy/crates.rs",
            ],
        );
    }

    #[test]
    fn a_package_is_named_after_its_folder() {
        check(names, ("crates/store", "decnet-store", ""), &[]);
        check(
            names,
            (
                "crates/store",
                "decnet-db",
                "[package]\nname = \"decnet-db\"\n",
            ),
            &[
                "crates/store/Cargo.toml:2: package decnet-db in folder store is to be called decnet-store",
            ],
        );
        check(
            names,
            ("crates/utils", "decnet-utils", ""),
            &["crates/utils/Cargo.toml:1: utils says nothing; name a crate after what it owns"],
        );
    }

    #[test]
    fn the_database_is_the_store_s_and_the_network_has_few_owners() {
        let database = "rusqlite.workspace = true";
        check(
            exclusive_dependencies,
            ("crates/store", "decnet-store", database),
            &[],
        );
        check(
            exclusive_dependencies,
            ("tests", "decnet-tests", database),
            &["tests/Cargo.toml:1: only store may depend on rusqlite"],
        );
        check(
            exclusive_dependencies,
            ("crates/cli", "decnet", "\nureq.workspace = true"),
            &["crates/cli/Cargo.toml:2: only realism may depend on ureq"],
        );
        let client = "reqwest.workspace = true";
        for (folder, package) in [
            ("crates/realism", "decnet-realism"),
            ("crates/alert", "decnet-alert"),
        ] {
            check(exclusive_dependencies, (folder, package, client), &[]);
        }
        check(
            exclusive_dependencies,
            ("crates/alert", "decnet-alert", "hyper.workspace = true"),
            &["crates/alert/Cargo.toml:1: only realism may depend on hyper"],
        );
        check(
            exclusive_dependencies,
            ("crates/store", "decnet-store", client),
            &["crates/store/Cargo.toml:1: only realism and alert may depend on reqwest"],
        );
    }

    #[test]
    fn every_crate_takes_the_lints_of_the_workspace() {
        check(lints, ("crates/store", "decnet-store", LINTS), &[]);
        check(
            lints,
            (
                "crates/store",
                "decnet-store",
                "[lints.rust]\nunsafe_code = \"allow\"\n",
            ),
            &["crates/store/Cargo.toml:1: no `[lints]` with `workspace = true`"],
        );
    }

    #[test]
    fn a_crate_opens_with_what_it_is() {
        check(essays, ("crates/store", "decnet-store", "//! Stores."), &[]);
        check(
            essays,
            ("crates/store", "decnet-store", "mod a;"),
            &["crates/store/src/lib.rs:1: does not open with `//!`"],
        );
    }
}
