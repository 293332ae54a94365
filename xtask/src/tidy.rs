//! `cargo xtask tidy`: the rules of the code base that the compiler does not know.
//!
//! A rule is a function from what it looks at to violations, and a line in [`check`].

mod crates;
mod docs;
mod sources;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::no_arguments;
use crate::workspace::Workspace;

/// Something that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Violation {
    /// File, from the root of the workspace.
    path: PathBuf,
    /// Line, from 1.
    line: usize,
    /// What is wrong.
    what: String,
}

impl Violation {
    fn new(path: impl Into<PathBuf>, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path.display(), self.line, self.what)
    }
}

/// A text file of the repository.
#[derive(Clone, Debug)]
struct Text {
    /// Its path from the root of the workspace.
    path: PathBuf,
    /// What it says.
    content: String,
}

impl Text {
    /// Lines with their numbers, from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.content
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
    }

    /// The first line that contains `word`, or 1.
    fn line_of(&self, word: &str) -> usize {
        self.lines()
            .find(|(_, line)| line.contains(word))
            .map_or(1, |(number, _)| number)
    }

    fn has_extension(&self, extension: &str) -> bool {
        self.path.extension().is_some_and(|of| of == extension)
    }
}

/// `cargo xtask tidy`
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    no_arguments(arguments)?;
    check(&Workspace::load()?)
}

/// Applies every rule and prints what breaks one.
pub(crate) fn check(workspace: &Workspace) -> Result<(), String> {
    let texts = texts(&workspace.root)?;
    let manifests = crates::Manifests::new(workspace, &texts);
    let violations: Vec<Violation> = [
        crates::edges(&manifests),
        crates::names(&manifests),
        crates::exclusive_dependencies(&manifests),
        crates::lints(&manifests),
        crates::essays(&manifests),
        docs::dependencies(&manifests, &texts),
        docs::crates_in_architecture(&manifests, &texts),
        docs::links(&workspace.root, &texts),
        docs::machine_paths(&workspace.root, &texts),
        sources::surroundings(&texts),
        sources::leftovers(&texts),
        sources::lengths(&texts),
    ]
    .concat();
    for violation in &violations {
        println!("{violation}");
    }
    match violations.len() {
        0 => Ok(()),
        1 => Err("1 violation".to_owned()),
        count => Err(format!("{count} violations")),
    }
}

/// Every source, manifest and document, in order.
fn texts(root: &Path) -> Result<Vec<Text>, String> {
    let mut paths = Vec::new();
    collect(root, &mut paths).map_err(|error| format!("{}: {error}", root.display()))?;
    paths.sort();
    let mut texts = Vec::with_capacity(paths.len());
    for path in paths {
        let content =
            fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        texts.push(Text {
            path: path.strip_prefix(root).unwrap_or(&path).to_owned(),
            content,
        });
    }
    Ok(texts)
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            let is_generated = name == "target" || path.join("CACHEDIR.TAG").exists();
            let is_hidden = name.starts_with('.') && !matches!(&*name, ".cargo" | ".ci");
            if !is_generated && !is_hidden {
                collect(&path, paths)?;
            }
        } else if matches!(
            path.extension().and_then(|extension| extension.to_str()),
            Some("rs" | "toml" | "md" | "py" | "sh" | "sql")
        ) || path.ends_with(".ci/run")
        {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod fixture {
    use super::*;

    /// A text file that only a test has.
    pub(super) fn text(path: &str, content: &str) -> Text {
        Text {
            path: path.into(),
            content: content.to_owned(),
        }
    }

    /// Violations as they are printed.
    pub(super) fn printed(violations: &[Violation]) -> Vec<String> {
        violations.iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_and_hidden_folders_are_not_read() {
        let root = tempfile::tempdir().unwrap();
        for path in [
            "src/lib.rs",
            "target/x.rs",
            "cache/x.rs",
            ".git/x.md",
            ".ci/run",
            "a.bin",
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        fs::write(root.path().join("cache/CACHEDIR.TAG"), "").unwrap();
        let found: Vec<PathBuf> = texts(root.path())
            .unwrap()
            .into_iter()
            .map(|text| text.path)
            .collect();
        assert_eq!(found, [Path::new(".ci/run"), Path::new("src/lib.rs")]);
    }

    #[test]
    fn a_violation_is_one_line_that_editors_understand() {
        let violation = Violation::new("crates/a/src/lib.rs", 3, "too long");
        assert_eq!(violation.to_string(), "crates/a/src/lib.rs:3: too long");
    }
}
