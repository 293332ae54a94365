//! The program under test.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

/// Where the program is: `DECNET_BIN`, or what cargo builds into the folder of the running tests.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(find_binary)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test command says here which binary it built"
)]
fn find_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("DECNET_BIN") {
        let path = PathBuf::from(path);
        assert!(path.is_file(), "DECNET_BIN={} is no file", path.display());
        return path;
    }
    // target/<profile>/deps/<this test>
    let test = std::env::current_exe().expect("a test has a path");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("tests lie two folders below the profile");
    let target = profile.parent().expect("profiles lie in a target folder");
    let mut build = Command::new(env!("CARGO"));
    build
        .args(["build", "--quiet", "--package", "decnet", "--target-dir"])
        .arg(target)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    if profile.ends_with("release") {
        build.arg("--release");
    }
    let built = build.status().expect("cargo can be run");
    assert!(built.success(), "the program cannot be built: {built}");
    profile.join("decnet")
}

/// The program, with a configuration file and without the caller's environment.
#[derive(Clone, Debug)]
pub struct Decnet {
    config: Option<PathBuf>,
    home: PathBuf,
}

impl Decnet {
    /// Without a configuration file. `home` is where it may look for a user's files.
    pub fn bare(home: &Path) -> Self {
        Self {
            config: None,
            home: home.to_owned(),
        }
    }

    /// With a configuration file.
    pub fn with_config(home: &Path, config: &Path) -> Self {
        Self {
            config: Some(config.to_owned()),
            home: home.to_owned(),
        }
    }

    /// A command that has not started.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(binary());
        self.prepare(&mut command);
        command.args(arguments);
        command
    }

    /// The same through a wrapper, such as `setpriv --reuid 8`, which runs what follows.
    pub fn wrapped(&self, wrapper: &[&str], arguments: &[&str]) -> Command {
        let [program, options @ ..] = wrapper else {
            return self.command(arguments);
        };
        let mut command = Command::new(program);
        command.args(options).arg(binary());
        self.prepare(&mut command);
        command.args(arguments);
        command
    }

    fn prepare(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DECNET_") {
                command.env_remove(name);
            }
        }
        command
            .env("HOME", &self.home)
            .env("RUST_BACKTRACE", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(config) = &self.config {
            command.arg("--config").arg(config);
        }
    }

    /// Runs to the end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Outcome {
        Outcome::of(&mut self.command(arguments))
    }

    /// Runs to the end; anything but success fails the test.
    pub fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Outcome {
        self.run(arguments).succeeds()
    }

    /// Runs to the end and reads the JSON it prints.
    pub fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        self.ok(arguments).json()
    }

    /// Starts, with output going to pipes.
    pub fn start<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Child {
        self.command(arguments).spawn().expect("the program starts")
    }
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The command line, for messages.
    pub command: String,
    /// Exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        let line = format!("{command:?}");
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("{line} cannot be run: {error}"));
        Self::from_output(line, output)
    }

    /// From what a child left.
    pub fn from_output(command: String, output: Output) -> Self {
        Self {
            command,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Itself, if it succeeded.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// The JSON on standard output, which must hold nothing else.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("standard output is not JSON: {error}: {self:#?}"))
    }

    /// The one line on standard error that a failure with this exit code leaves.
    #[track_caller]
    pub fn fails(&self, code: i32) -> &str {
        assert_eq!(self.code, Some(code), "{self:#?}");
        let line = self.stderr.trim_end_matches('\n');
        assert!(
            !line.is_empty() && !line.contains(['\n', '\r', '\u{1b}']),
            "one line on standard error: {self:#?}"
        );
        assert!(
            line.starts_with("decnet: ") && !line.contains("panicked"),
            "{self:#?}"
        );
        assert!(line.len() < 1_000, "a readable line: {self:#?}");
        line
    }
}
