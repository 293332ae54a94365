//! `cargo xtask meter`: how far decnet's mail is from real mail.
//!
//! Three companies live through a week of mail in each of eight years, written by the real program on a simulated
//! clock. A meter, which is not part of this repository, compares their mailboxes with real
//! corpora; its figures are held against the bars in `docs/realism.md`.

mod calendar;
mod companies;
mod names;
mod random;
mod verdict;
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use self::random::Random;
use crate::install;
use crate::steps::{run as execute, step};
use crate::workspace::{Workspace, cargo};

/// Mails that are aimed at.
const MESSAGES: usize = 2_000;
const SEED: u64 = 1;
/// The corpus that the bars are defined against, and the other one.
const REFERENCE: &str = "usrp";
const REFERENCES: [&str; 2] = [REFERENCE, "hyperv"];
/// Of 100 moments of an office day so many fall where decnet finds nobody at work.
const IDLE_IN_100: usize = 3;
/// Answers that may fall due after the last moment of the story.
const LAST_ANSWERS: &str = "1000";
/// Without waiting for the disk: a power cut costs a measurement.
const CONFIGURATION: &str = "state_dir = \"state\"\npersonas = \"personas.json\"\ndurable = false\n\
     secret_file = \"secret\"\n";

/// What was asked for.
#[derive(Debug, PartialEq)]
struct Options {
    meter: PathBuf,
    out: Option<PathBuf>,
    seed: u64,
    messages: usize,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut meter = None;
        let mut options = Self {
            meter: PathBuf::new(),
            out: None,
            seed: SEED,
            messages: MESSAGES,
        };
        let mut words = arguments.iter();
        while let Some(name) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{name} needs a value"));
            let no_number = |_| format!("{name} needs a number");
            match name.as_str() {
                "--meter" => meter = Some(PathBuf::from(value()?)),
                "--out" => options.out = Some(PathBuf::from(value()?)),
                "--seed" => options.seed = value()?.parse().map_err(no_number)?,
                "--messages" => options.messages = value()?.parse().map_err(no_number)?,
                _ => return Err(format!("there is no option {name:?}")),
            }
        }
        options.meter = meter.ok_or("name the folder of the meter: --meter FOLDER")?;
        if options.messages == 0 {
            return Err("--messages: there is nothing to measure".to_owned());
        }
        Ok(options)
    }
}

/// `cargo xtask meter`
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let options = Options::parse(arguments)?;
    let meter = Meter::find(&options.meter)?;
    let workspace = Workspace::load()?;
    let folder = match &options.out {
        Some(out) => {
            refuse_used(out)?;
            out.clone()
        }
        None => workspace
            .target
            .join(format!("meter-{}", std::process::id())),
    };
    let result = measure(&options, &meter, &workspace, &folder);
    if options.out.is_none() && folder.exists() {
        fs::remove_dir_all(&folder).map_err(at(&folder))?;
    }
    result
}

fn measure(
    options: &Options,
    meter: &Meter,
    workspace: &Workspace,
    folder: &Path,
) -> Result<(), String> {
    let decnet = Decnet {
        program: workspace.target.join("release").join("decnet"),
        configuration: folder.join("decnet.toml"),
    };
    step("build", || {
        execute(cargo().current_dir(&workspace.root).args([
            "build",
            "--release",
            "--package",
            "decnet",
        ]))
    })?;
    let maildirs = step("the mail of eight weeks", || {
        write_world(&decnet, folder, options.seed)?;
        tell_story(&decnet, options)?;
        find_maildirs(folder)
    })?;
    let python = step("what the meter needs", || {
        install::meter_python(&workspace.target)
    })?;
    let report = step("the meter", || {
        // Once for the record, and once as the bars are defined.
        let json = folder.join("report.json");
        meter.report(&python, &maildirs, &REFERENCES, &json, true)?;
        let json = folder.join(format!("report.{REFERENCE}.json"));
        meter.report(&python, &maildirs, &[REFERENCE], &json, false)?;
        read_json(&json)
    })?;
    let verdict = verdict::read(&report, REFERENCE)?;
    println!(
        "\n=== verdict, against {REFERENCE} alone\n{}",
        verdict.table()
    );
    if let Some(differences) = compare_scanner(&decnet, &maildirs, &report) {
        println!("=== decnet emailgen scan beside the meter, per 1000 mails\n{differences}");
    }
    Ok(())
}

/// A folder that holds something is not written into.
fn refuse_used(folder: &Path) -> Result<(), String> {
    match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(false) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(true) => Err(format!("{} is not empty", folder.display())),
        Err(error) => Err(at(folder)(error)),
    }
}

/// The meter: a program in Python, and what it knows of real corpora.
struct Meter {
    program: PathBuf,
    folder: PathBuf,
}

impl Meter {
    fn find(folder: &Path) -> Result<Self, String> {
        let meter = Self {
            program: folder.join("meter.py"),
            folder: folder.to_owned(),
        };
        let mut files = REFERENCES.map(|name| meter.reference(name)).to_vec();
        files.push(meter.program.clone());
        match files.iter().find(|file| !file.is_file()) {
            Some(missing) => Err(format!("{} is missing", missing.display())),
            None => Ok(meter),
        }
    }

    fn reference(&self, name: &str) -> PathBuf {
        self.folder.join(format!("reference.{name}.npz"))
    }

    /// Compares all mailboxes with real corpora; what it prints may be left out.
    fn report(
        &self,
        python: &Path,
        maildirs: &[PathBuf],
        references: &[&str],
        json: &Path,
        is_printed: bool,
    ) -> Result<(), String> {
        let mut command = Command::new(python);
        // -B: the folder of the meter stays as it is.
        command
            .arg("-B")
            .arg(&self.program)
            .arg("report")
            .args(maildirs);
        command.arg("--reference");
        command.args(references.iter().map(|name| self.reference(name)));
        command.arg("--json").arg(json);
        if !is_printed {
            command.stdout(Stdio::null());
        }
        let status = command.status();
        let status = status.map_err(|error| format!("{}: {error}", python.display()))?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("the meter cannot run: {status}"))
        }
    }
}

/// The program under measurement.
struct Decnet {
    program: PathBuf,
    configuration: PathBuf,
}

impl Decnet {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--config").arg(&self.configuration);
        command
    }

    /// Runs a command and answers what it prints.
    fn ask(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command().args(arguments).output();
        let output = output.map_err(|error| format!("{}: {error}", self.program.display()))?;
        if output.status.success() {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        } else {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("decnet {}: {}", arguments.join(" "), said.trim()))
        }
    }
}

/// Makes the world and applies it.
fn write_world(decnet: &Decnet, folder: &Path, seed: u64) -> Result<(), String> {
    let world = world::make(seed);
    for root in &world.roots {
        let root = folder.join(root);
        fs::create_dir_all(&root).map_err(at(&root))?;
    }
    let file = folder.join("world.toml");
    // The same mail for the same seed.
    let mut random = Random::new(seed, "secret");
    let secret: String = (0..64)
        .map(|_| format!("{:x}", random.number(0..16)))
        .collect();
    for (path, content) in [
        (&file, world.toml.as_str()),
        (&decnet.configuration, CONFIGURATION),
        (&folder.join("secret"), &secret),
        // Nobody but the people of the world file takes part.
        (&folder.join("personas.json"), "[]"),
    ] {
        fs::write(path, content).map_err(at(path))?;
    }
    decnet.ask(&["world", "apply", &file.to_string_lossy()])?;
    println!("{} people, seed {seed}", world.people);
    Ok(())
}

/// Writes the mail of the story.
///
/// Each moment is a process of its own with one mail: a tick dates new threads within the last
/// minute, so several of them would stand in every mailbox in bunches.
fn tell_story(decnet: &Decnet, options: &Options) -> Result<(), String> {
    let seed = options.seed.to_string();
    let mut written = 0;
    let mut tick = |moment: u64, count: &str| -> Result<(), String> {
        let now = calendar::rfc3339(moment);
        let said = decnet.ask(&[
            "emailgen", "tick", "--json", "--now", &now, "--seed", &seed, "--count", count,
        ])?;
        let report: Value = serde_json::from_str(&said).map_err(|error| error.to_string())?;
        written += report["delivered"].as_array().map_or(0, Vec::len);
        Ok(())
    };
    let moments = options.messages * 100 / (100 - IDLE_IN_100);
    for moment in calendar::moments(options.seed, moments, &world::offices()) {
        tick(moment, "1")?;
    }
    tick(calendar::end(), LAST_ANSWERS)?;
    println!("{written} mails");
    Ok(())
}

/// Every mailbox of the world.
fn find_maildirs(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut maildirs = Vec::new();
    let decoys = folder.join("decoys");
    for decky in entries(&decoys)? {
        let homes = decky.join("home");
        if homes.is_dir() {
            let maildir = |home: PathBuf| home.join("Maildir");
            maildirs.extend(entries(&homes)?.into_iter().map(maildir));
        }
    }
    maildirs.retain(|maildir| maildir.is_dir());
    Ok(maildirs)
}

/// What a folder holds, in order.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut entries = fs::read_dir(folder)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.path()))
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(at(folder))?;
    entries.sort();
    Ok(entries)
}

/// Where decnet's own scanner, if this build has one, counts otherwise than the meter. Its own
/// verdict, which is its exit code, does not matter here.
fn compare_scanner(decnet: &Decnet, maildirs: &[PathBuf], report: &Value) -> Option<String> {
    decnet.ask(&["emailgen", "scan", "--help"]).ok()?;
    let mut scan = decnet.command();
    scan.args(["emailgen", "scan", "--json"]).args(maildirs);
    let printed = match scan.output() {
        Ok(output) => output,
        Err(error) => return Some(format!("it cannot run: {error}")),
    };
    let rates = match serde_json::from_slice(&printed.stdout) {
        Ok(scan) => verdict::scan_rates(&scan),
        Err(error) => {
            let said = String::from_utf8_lossy(&printed.stderr);
            return Some(format!("it prints no JSON ({error}): {}", said.trim()));
        }
    };
    let meter = verdict::meter_rates(report);
    Some(verdict::differences(&rates, &meter))
}

fn read_json(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(at(path))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> String {
    let path = path.display().to_string();
    move |error| format!("{path}: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn options_have_defaults() {
        assert_eq!(
            parse("--meter m").unwrap(),
            Options {
                meter: "m".into(),
                out: None,
                seed: SEED,
                messages: MESSAGES,
            }
        );
        let options = parse("--seed 7 --meter m --out o --messages 90").unwrap();
        assert_eq!((options.seed, options.messages), (7, 90));
        assert_eq!(options.out, Some("o".into()));
    }

    #[test]
    fn wrong_options_are_named() {
        for (line, expected) in [
            ("", "--meter FOLDER"),
            ("--meter", "--meter needs a value"),
            ("--meter m --seed x", "--seed needs a number"),
            ("--meter m --messages 0", "nothing to measure"),
            ("--metre m", "--metre"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn a_folder_in_use_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(refuse_used(folder.path()), Ok(()));
        assert_eq!(refuse_used(&folder.path().join("new")), Ok(()));
        fs::write(folder.path().join("mail"), "").unwrap();
        assert!(refuse_used(folder.path()).is_err());
    }

    #[test]
    fn a_meter_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["meter.py", "reference.usrp.npz"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let error = Meter::find(folder.path()).err().unwrap();
        assert!(error.contains("reference.hyperv.npz is missing"), "{error}");
        fs::write(folder.path().join("reference.hyperv.npz"), "").unwrap();
        assert!(Meter::find(folder.path()).is_ok());
    }
}
