//! Installs what tests need and a fresh Debian-like machine lacks.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::steps::run;
use crate::workspace::cargo;

/// Installs everything that is missing. Says nothing when nothing is.
pub(crate) fn everything() -> Result<(), String> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if !answers(cargo().args([subcommand, "--version"])) {
            run(Command::new("rustup").args(["component", "add", component])).map_err(|error| {
                format!("cargo {subcommand} is missing and cannot be added ({error})")
            })?;
        }
    }
    let mut packages = Vec::new();
    if !answers(Command::new("cc").arg("--version")) {
        packages.extend(["gcc", "libc6-dev"]);
    }
    if !answers(Command::new("python3").arg("--version")) {
        packages.push("python3");
    }
    if !Path::new("/usr/sbin/dovecot").exists() {
        packages.extend(["dovecot-imapd", "dovecot-lmtpd", "dovecot-pop3d"]);
    }
    if packages.is_empty() {
        return Ok(());
    }
    install(&packages).map_err(|error| {
        format!(
            "{} missing and cannot be installed ({error}); install by hand, then run this again",
            packages.join(", ")
        )
    })
}

fn install(packages: &[&str]) -> Result<(), String> {
    if !answers(Command::new("apt-get").arg("--version")) {
        return Err("there is no apt-get".to_owned());
    }
    run(apt_get()?.arg("update"))?;
    run(apt_get()?
        .args(["install", "--yes", "--no-install-recommends"])
        .args(packages))
}

/// `apt-get` as the superuser, who is never asked anything.
fn apt_get() -> Result<Command, String> {
    const QUIET: [&str; 2] = ["DEBIAN_FRONTEND=noninteractive", "apt-get"];
    let is_superuser = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let mut command = if is_superuser {
        Command::new("env")
    } else if answers(Command::new("sudo").args(["-n", "true"])) {
        let mut sudo = Command::new("sudo");
        sudo.args(["-n", "env"]);
        sudo
    } else {
        return Err("this needs the superuser or a sudo that asks for no password".to_owned());
    };
    command.args(QUIET);
    Ok(command)
}

/// Whether a command exists and succeeds.
fn answers(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
