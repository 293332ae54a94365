//! A folder of logs, and databases that what is in them goes to.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Child;

use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{Decnet, Outcome};
use crate::draw::Draw;
use crate::killing::kill;
use crate::transcript::{BY, Transcript};
use crate::wait::until;
use crate::world::{folder, list, text};

/// Agent sessions in `logs/agents`, and nothing else.
pub const AGENTS: &str = "[[sessions.source]]\nkind = \"agent\"\npath = \"{logs}/agents\"\n";

/// A folder of logs, with as many databases as a test wants, each read by a program of its own.
#[derive(Debug)]
pub struct Logs {
    folder: TempDir,
    settings: String,
    /// The program with the database that is tested.
    pub decnet: Decnet,
}

impl Logs {
    /// With lines for the configuration, in which `{logs}` stands for the folder of the logs. The
    /// configuration is made by `init`.
    pub fn new(settings: &str) -> Self {
        Self::with_state(settings, |_| ())
    }

    /// The same, with a look at the folder of the database before it is made.
    pub fn with_state(settings: &str, before: impl FnOnce(&Path)) -> Self {
        let folder = folder();
        fs::create_dir_all(folder.path().join("logs/agents")).expect("the folder is ours");
        let mut this = Self {
            decnet: Decnet::bare(folder.path()),
            folder,
            settings: settings.to_owned(),
        };
        before(&this.state());
        this.decnet = this.another("first", settings);
        this
    }

    /// The folder of the database that is tested.
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("first/state")
    }

    /// The program with another database, which nothing was read into.
    pub fn fresh(&self) -> Decnet {
        self.another("another", &self.settings)
    }

    /// The same with other settings.
    pub fn another(&self, name: &str, settings: &str) -> Decnet {
        let root = self.folder.path().join(name);
        Decnet::bare(self.folder.path()).ok(["init", "--dir", &root.display().to_string()]);
        let config = root.join("decnet.toml");
        let made = fs::read_to_string(&config).expect("init made it");
        let logs = self.path("").display().to_string();
        let settings = settings.replace("{logs}", logs.trim_end_matches('/'));
        // A table stands in a file once; those of `init` hold nothing but comments.
        let is_ours = |line: &str| line.starts_with('[') && settings.contains(table(line));
        let mut text: String = made
            .lines()
            .filter(|line| !is_ours(line))
            .flat_map(|line| [line, "\n"])
            .collect();
        text.push_str(&settings);
        fs::write(&config, text).expect("it is ours");
        Decnet::with_config(self.folder.path(), &config)
    }

    /// A path in the folder of the logs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("logs").join(name)
    }

    /// The path of an agent session.
    pub fn agent(&self, name: &str) -> PathBuf {
        let path = self.path("agents").join(name);
        let user = path.parent().expect("a session lies in a folder");
        fs::create_dir_all(user).expect("the folder is ours");
        path
    }

    /// Writes whole transcripts.
    pub fn write(&self, transcripts: &[&Transcript]) {
        for transcript in transcripts {
            let path = self.agent(&transcript.path());
            fs::write(path, transcript.text()).expect("the folder is ours");
        }
    }

    /// Whether the database holds what one undisturbed tick reads into a new one: the same records
    /// of these processors and kinds (all kinds: an empty text), and the same usage.
    #[track_caller]
    pub fn equal_one_clean_tick(&self, processors: &[(&str, &str)]) {
        let clean = self.fresh();
        clean.ok(["sessions", "tick"]);
        for (processor, kind) in processors {
            let (found, expected) = (
                records(&self.decnet, processor, kind),
                records(&clean, processor, kind),
            );
            assert!(
                !expected.is_empty(),
                "a clean tick finds records of {processor}"
            );
            let differ = |(found, expected): &(&String, &String)| found != expected;
            assert!(
                found == expected,
                "{processor}: {} records, a clean tick has {}; found and expected where they part: \
                 {:?}",
                found.len(),
                expected.len(),
                found.iter().zip(&expected).find(differ)
            );
        }
        for by in BY {
            assert_eq!(usage(&self.decnet, by), usage(&clean, by), "by {by}");
        }
    }

    /// Whether the database has no fault that anybody can see.
    pub fn the_database_is_whole(&self) {
        let script = "import sqlite3,sys\n\
                      db=sqlite3.connect(sys.stdin.read())\n\
                      print(db.execute('pragma integrity_check').fetchall(), \
                      db.execute('pragma foreign_key_check').fetchall())";
        let database = self.state().join("decnet.db").display().to_string();
        assert_eq!(crate::python::run(script, &database), "[('ok',)] []\n");
    }
}

/// The name of a table, with its brackets.
fn table(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

/// What a processor recorded, one line each, sorted.
#[track_caller]
pub fn records(decnet: &Decnet, processor: &str, kind: &str) -> Vec<String> {
    let mut arguments = vec!["sessions", "records", processor];
    if !kind.is_empty() {
        arguments.extend(["--kind", kind]);
    }
    let said = decnet.ok(arguments).stdout;
    let mut lines: Vec<String> = said.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The bodies of such records.
#[track_caller]
pub fn bodies(decnet: &Decnet, processor: &str, kind: &str) -> Vec<Value> {
    records(decnet, processor, kind)
        .iter()
        .map(|line| {
            let record: Value = serde_json::from_str(line).expect("a record is a line of JSON");
            record["record"].clone()
        })
        .collect()
}

/// Usage by name, with the total as `total`.
#[track_caller]
pub fn usage(decnet: &Decnet, by: &str) -> BTreeMap<String, Value> {
    let report = decnet.json(["sessions", "usage", "--by", by, "--json"]);
    assert_eq!(text(&report["by"]), by);
    let rows = list(&report["rows"]).chain([&report["total"]]);
    rows.map(|row| (text(&row["name"]).to_owned(), row.clone()))
        .collect()
}

/// What `sessions tick --json` says of a processor.
#[track_caller]
pub fn run_of<'a>(report: &'a Value, processor: &str) -> &'a Value {
    list(&report["runs"])
        .find(|run| run["processor"] == processor)
        .unwrap_or_else(|| panic!("{processor} did not run: {report:#}"))
}

/// What `sessions status` says of a processor.
#[track_caller]
pub fn status_of(decnet: &Decnet, processor: &str) -> Value {
    let status = decnet.json(["sessions", "status", "--json"]);
    list(&status["processors"])
        .find(|of| of["processor"] == processor)
        .unwrap_or_else(|| panic!("there is no {processor}: {status:#}"))
        .clone()
}

/// Waits for a child and answers how it ended, unless it never does.
#[track_caller]
pub fn ended(what: &str, child: &mut Child) -> Outcome {
    let status = until(what, || child.try_wait().expect("it is our child"));
    let read = |pipe: Option<&mut dyn Read>| {
        let mut text = Vec::new();
        if let Some(pipe) = pipe {
            pipe.read_to_end(&mut text).expect("a pipe can be read");
        }
        String::from_utf8_lossy(&text).into_owned()
    };
    Outcome {
        command: what.to_owned(),
        code: status.code(),
        stdout: read(child.stdout.as_mut().map(|pipe| pipe as &mut dyn Read)),
        stderr: read(child.stderr.as_mut().map(|pipe| pipe as &mut dyn Read)),
    }
}

/// Appends to a file, which is made if it is not there.
#[track_caller]
pub fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .unwrap_or_else(|error| panic!("{} cannot be written: {error}", path.display()));
}

/// Rows of an agent that nobody repeats, so many, of about four kilobytes each.
pub fn many_rows(count: usize) -> String {
    let long = "x".repeat(3_700);
    (0..count)
        .map(|n| {
            format!(
                "{{\"type\":\"assistant\",\"uuid\":\"a{n}\",\"sessionId\":\"long\",\
                 \"requestId\":\"r{n}\",\"timestamp\":\"2026-05-12T09:00:01.000Z\",\
                 \"cwd\":\"/workspace\",\"message\":{{\"id\":\"m{n}\",\"role\":\"assistant\",\
                 \"model\":\"model-large\",\"usage\":{{\"input_tokens\":3,\"output_tokens\":5}},\
                 \"content\":[{{\"type\":\"tool_use\",\"id\":\"t{n}\",\"name\":\"Bash\",\
                 \"input\":{{\"command\":\"{long}\"}}}}]}}}}\n"
            )
        })
        .collect()
}

/// Something that is written piece by piece.
#[derive(Debug)]
pub struct Growing {
    path: PathBuf,
    bytes: Vec<u8>,
    written: usize,
}

impl Growing {
    /// What is to be in the file in the end.
    pub fn new(path: PathBuf, text: String) -> Self {
        Self {
            path,
            bytes: text.into_bytes(),
            written: 0,
        }
    }

    /// Appends a piece, cut anywhere, so that about `share` of it is written, and with 1 all.
    pub fn grow(&mut self, share: f64, draw: &mut Draw) {
        let length = self.bytes.len();
        let goal = if share < 1.0 {
            (length as f64 * share) as usize + draw.below(900) as usize
        } else {
            length
        };
        let goal = goal.min(length);
        if goal > self.written {
            append(&self.path, &self.bytes[self.written..goal]);
            self.written = goal;
        }
    }

    /// Renames the file, as a log is rotated: at the end of a line. What comes goes into a new one.
    pub fn rotate(&mut self, ending: &str) {
        let rest = &self.bytes[self.written..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        let end = end.map_or(rest.len(), |end| end + 1);
        append(&self.path, &rest[..end]);
        self.written += end;
        let mut rotated = self.path.clone().into_os_string();
        rotated.push(ending);
        fs::rename(&self.path, rotated).expect("it is ours");
    }
}

/// Starts ticks and kills them, as [`kill`] does. Before each start `before`
/// is told which worker it is and how much of the kills is done, from 0 to 1.
pub fn kill_ticks<W: Send>(
    decnet: &Decnet,
    most: u64,
    workers: impl IntoIterator<Item = W>,
    before: impl Fn(&mut W, f64, &mut Draw) + Sync,
) {
    kill(decnet, most, workers, |worker, share, draw| {
        before(worker, share, draw);
        ["sessions", "tick"].map(str::to_owned).to_vec()
    });
}
