//! What cargo knows of the workspace.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The workspace.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Its folder.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// Its crates, by name.
    pub(crate) crates: Vec<Crate>,
}

/// A crate of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Crate {
    /// Package name.
    pub(crate) name: String,
    /// Its manifest.
    pub(crate) manifest: PathBuf,
    /// What its manifest names.
    pub(crate) dependencies: Vec<Dependency>,
    /// Names of its binaries.
    pub(crate) binaries: Vec<String>,
    /// Source file of its library.
    pub(crate) library: Option<PathBuf>,
}

/// A line in a manifest's dependencies.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    /// Package name.
    pub(crate) name: String,
    /// Whether only tests, examples and benchmarks need it.
    pub(crate) is_for_tests: bool,
}

impl Crate {
    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new("."))
    }
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn load() -> Result<Self, String> {
        let output = cargo()
            .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
            .output()
            .map_err(|error| format!("cargo cannot be run: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        let metadata = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("cargo metadata prints no JSON: {error}"))?;
        Ok(Self::from_metadata(&metadata))
    }

    /// Reads what `cargo metadata` printed.
    pub(crate) fn from_metadata(metadata: &Value) -> Self {
        let path = |value: &Value| PathBuf::from(value.as_str().unwrap_or_default());
        let mut crates: Vec<Crate> = list(&metadata["packages"])
            .map(|package| Crate {
                name: text(&package["name"]),
                manifest: path(&package["manifest_path"]),
                dependencies: list(&package["dependencies"])
                    .map(|dependency| Dependency {
                        name: text(&dependency["name"]),
                        is_for_tests: dependency["kind"] == "dev",
                    })
                    .collect(),
                binaries: targets(package, "bin")
                    .map(|target| text(&target["name"]))
                    .collect(),
                library: targets(package, "lib")
                    .map(|target| path(&target["src_path"]))
                    .next(),
            })
            .collect();
        crates.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            root: path(&metadata["workspace_root"]),
            target: path(&metadata["target_directory"]),
            crates,
        }
    }
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(env!("CARGO"))
}

fn targets<'a>(package: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    list(&package["targets"]).filter(move |target| list(&target["kind"]).any(|of| of == kind))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
