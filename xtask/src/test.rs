//! `cargo xtask test`

use std::path::Path;
use std::process::Command;

use crate::steps::{run as execute, step};
use crate::workspace::{Workspace, cargo};
use crate::{install, no_arguments, tidy};

/// The crate of the end-to-end tests, which need servers and the program.
const END_TO_END: &str = "decnet-tests";

/// How many of them run at a time.
const END_TO_END_THREADS: &str = "6";

/// Everything, cheapest first; stops at the first failure.
///
/// Builds select the whole workspace where they can: a smaller selection can mean other features
/// of shared dependencies, and building those again. The end-to-end tests have few.
fn run_all(workspace: &Workspace) -> Result<(), String> {
    let root = workspace.root.as_path();
    step("what tests need", || install::everything(&workspace.target))?;
    step("format", || {
        execute(in_root(root).args(["fmt", "--all", "--check"]))
    })?;
    step("clippy", || {
        execute(in_root(root).args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    step("tidy", || tidy::check(workspace))?;
    step("build", || {
        execute(in_root(root).args(["build", "--workspace", "--all-targets"]))
    })?;
    step("unit and integration tests", || {
        execute(in_root(root).args(["test", "--workspace", "--exclude", END_TO_END, "--tests"]))
    })?;
    step("examples in the documentation", || {
        execute(in_root(root).args(["test", "--workspace", "--doc"]))
    })?;
    step("end-to-end tests", || {
        execute(
            in_root(root)
                .env("DECNET_BIN", workspace.target.join("debug").join("decnet"))
                .env(
                    "DECNET_LANGUAGE_MODEL",
                    install::language_model_folder(&workspace.target),
                )
                // They wait for servers, leases and retries more than they compute.
                .env("RUST_TEST_THREADS", END_TO_END_THREADS)
                .args(["test", "--package", END_TO_END]),
        )
    })?;
    step("documentation", || {
        execute(in_root(root).env("RUSTDOCFLAGS", "-D warnings").args([
            "doc",
            "--workspace",
            "--no-deps",
        ]))
    })
}

/// `cargo xtask test`
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    no_arguments(arguments)?;
    run_all(&Workspace::load()?)?;
    println!("\nall tests passed");
    Ok(())
}

fn in_root(root: &Path) -> Command {
    let mut command = cargo();
    command.current_dir(root);
    command
}
