//! `decnet memory`, `decnet canon`, `decnet db snapshot`, and what the doctor says of them: the program
//! on a database that was filled as the worker fills it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use decnet_background::job::NewJob;
use decnet_background::ledger::{Ending, JobLedger, Settled, Wanted};
use decnet_memory::canon::{CanonDraft, CanonLedger};
use decnet_memory::entities::Entity;
use decnet_memory::ledger::{Judgement, MemoryLedger, Written};
use decnet_memory::memory::{Facts, Kind, MemoryId, NewMemory, Speaker, Utterance, Words};
use decnet_memory::significance::Score;
use decnet_store::{Durability, OpenOptions, Store};
use decnet_tests::binary::Outcome;
use decnet_tests::python;
use decnet_tests::world::{list, text};
use serde_json::Value;
use tempfile::TempDir;

const USAGE: i32 = 64;
const BAD: i32 = 65;
const CONFIGURATION: i32 = 78;

const LAURA: &str = "laura.bennett@northgate.example";
const TOM: &str = "tom.oneill@northgate.example";

/// An installation of its own.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let this = Self(tempfile::tempdir().expect("a folder can be made"));
        let folder = this.0.path().display().to_string();
        this.ok(&["init", "--dir", &folder]);
        this
    }

    fn database(&self) -> PathBuf {
        self.0.path().join("state/decnet.db")
    }

    fn store(&self) -> Store {
        let options = OpenOptions {
            create: false,
            durability: Durability::ProcessOnly,
            ..OpenOptions::default()
        };
        Store::open(&self.database(), options).expect("it is there")
    }

    fn run(&self, arguments: &[&str]) -> Outcome {
        let mut command = Command::new(env!("CARGO_BIN_EXE_decnet"));
        command
            .env_clear()
            .env("HOME", self.0.path())
            .stdin(Stdio::null());
        if arguments.first() != Some(&"init") {
            command
                .arg("--config")
                .arg(self.0.path().join("decnet.toml"));
        }
        Outcome::of(command.args(arguments))
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments).succeeds();
        let drives = |c: char| c.is_control() && c != '\n';
        assert!(!outcome.stdout.contains(drives), "{outcome:#?}");
        outcome.stdout
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        self.run(&arguments).succeeds().json()
    }

    /// The one line of a command that fails.
    #[track_caller]
    fn refused(&self, code: i32, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.stdout, "", "{outcome:#?}");
        outcome.fails(code).to_owned()
    }

    /// What the doctor finds of this, with how bad it is.
    fn findings(&self, subject: &str) -> Vec<String> {
        let found = self.run(&["doctor", "--json"]).json();
        list(&found["findings"])
            .filter(|finding| finding["subject"] == subject)
            .map(|finding| format!("{}: {}", text(&finding["severity"]), text(&finding["what"])))
            .collect()
    }
}

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

fn memory(cause: &str, minutes: i64, owner: &str, other: &str) -> NewMemory {
    NewMemory {
        cause: cause.to_owned(),
        facts: Facts {
            owner: owner.to_owned(),
            other: Some(other.to_owned()),
            thread: Some(format!("<{}@northgate.example>", minutes / 10)),
            kind: Kind::MailReceived,
            happened_at: at(minutes),
            entities: vec![Entity::name("Winmark Retail")],
        },
        words: Words {
            narrative: format!("{cause} was about Winmark Retail.\nIt waits."),
            dialogue: vec![Utterance {
                by: Speaker::Owner,
                text: "When do they deliver?".to_owned(),
            }],
        },
    }
}

fn write(store: &mut Store, memories: &[NewMemory]) -> Vec<MemoryId> {
    let written = store.write(memories, at(500)).expect("it can be written");
    written.into_iter().map(Written::id).collect()
}

fn score(store: &mut Store, memory: MemoryId, score: u8) {
    let judgement = Judgement {
        memory,
        score: Score {
            score,
            reason: "a deadline with an amount".to_owned(),
        },
        scorer: "rules".to_owned(),
        cause: format!("job:{memory}"),
    };
    let judged = store.set_significance(&judgement, at(600));
    let _ = judged.expect("it can be scored");
}

/// Ten memories of Laura, scored 0 to 3, and one of Tom that nobody scored.
fn filled() -> (Place, Vec<MemoryId>) {
    let place = Place::new();
    let mut store = place.store();
    let mut memories: Vec<NewMemory> = (0..10)
        .map(|n| memory(&format!("mail:{n}/reader"), n, LAURA, TOM))
        .collect();
    memories.push(memory("mail:10/reader", 30, TOM, LAURA));
    let ids = write(&mut store, &memories);
    for (id, value) in ids.iter().zip([0, 1, 2, 3, 0, 1, 2, 3, 0, 1]) {
        score(&mut store, *id, value);
    }
    (place, ids)
}

fn ids(listed: &Value) -> Vec<i64> {
    list(listed)
        .map(|memory| memory["id"].as_i64().expect("a number"))
        .collect()
}

#[test]
fn where_nothing_is_remembered_it_is_said_what_to_do() {
    let place = Place::new();
    let said = place.ok(&["memory", "list"]);
    assert!(
        said.contains("no memories yet; nobody has written a mail"),
        "{said}"
    );
    assert_eq!(place.json(&["memory", "list"]), serde_json::json!([]));
    let said = place.ok(&["memory", "list", "--owner", "nobody@x.example"]);
    assert!(said.contains("no memories yet"), "{said}");
    assert!(
        place
            .ok(&["memory", "rebuild"])
            .contains("nothing is remembered yet")
    );
    assert!(
        place
            .ok(&["db", "snapshot"])
            .contains("nothing is remembered yet")
    );
    let taken = place.json(&["db", "snapshot"]);
    assert_eq!(
        (&taken["taken"], ids_of_kept(&taken).len()),
        (&Value::Bool(false), 0)
    );
    assert!(place.ok(&["canon", "list"]).contains("`decnet canon set"));
    assert_eq!(
        place.findings("memory"),
        ["good: nothing is remembered yet"]
    );

    let waiting = NewJob::new("memory.remember", "mail:1", Value::Null);
    let enqueued = place.store().enqueue(&[waiting], at(0));
    assert_eq!(enqueued.expect("it can be").len(), 1);
    let said = place.ok(&["memory", "list"]);
    assert!(said.contains("mail waits to be remembered"), "{said}");
}

#[test]
fn without_a_database_it_is_said_where_none_is() {
    let place = Place::new();
    std::fs::remove_dir_all(place.0.path().join("state")).expect("it is ours");
    for arguments in [
        &["memory", "list"][..],
        &["memory", "show", "1"],
        &["memory", "pin", "1"],
        &["memory", "unpin", "1"],
        &["memory", "rebuild"],
        &["db", "snapshot"],
        &["canon", "list"],
        &["canon", "set", "northgate.example", "vendor:paper", "Acme"],
        &["canon", "rename", "1", "Acme"],
        &["canon", "describe", "1", "x"],
    ] {
        let line = place.refused(CONFIGURATION, arguments);
        assert!(line.contains("decnet init"), "{line}");
    }
    assert!(!place.database().exists());
}

#[test]
fn memories_are_listed_and_filtered() {
    let (place, all) = filled();
    let newest = all[10].0;
    let table = place.ok(&["memory", "list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 12, "{table}");
    assert!(
        lines.iter().all(|line| line.chars().count() <= 120),
        "{table}"
    );
    assert!(lines[1].starts_with(&newest.to_string()), "{table}");
    assert!(
        lines[4].contains("3      automatic  mail:7/reader was about"),
        "{table}"
    );
    let few = place.json(&["memory", "list", "--limit", "2"]);
    assert_eq!(ids(&few), [newest, newest - 1]);
    for (arguments, count) in [
        (&["--owner", LAURA][..], 10),
        (&["--owner", "LAURA.Bennett@northgate.example"], 10),
        (&["--owner", TOM], 1),
        (&["--about", LAURA], 1),
        (&["--thread", "<3@northgate.example>"], 1),
        (&["--owner", LAURA, "--thread", "<3@northgate.example>"], 0),
        (&["--pinned"], 2),
        (&["--least-score", "0"], 10),
        (&["--least-score", "2", "--limit", "0"], 4),
        (&["--owner", "' OR 1=1 --"], 0),
    ] {
        let arguments: Vec<&str> = ["memory", "list"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        assert_eq!(ids(&place.json(&arguments)).len(), count, "{arguments:?}");
    }
    assert_eq!(
        place.ok(&["memory", "list", "--about", "x"]),
        "no memories match\n"
    );
}

#[test]
fn an_owner_who_is_mistyped_is_told_with_who_was_meant() {
    let (place, _) = filled();
    let world = place.0.path().join("world.toml").display().to_string();
    place.ok(&["world", "apply", &world]);
    for owner in ["laura", "laura.benett@northgate.example"] {
        let said = place.ok(&["memory", "list", "--owner", owner]);
        assert_eq!(said, format!("no memories match; did you mean {LAURA}?\n"));
    }
    let long = "x".repeat(100_000);
    let said = place.ok(&["memory", "list", "--owner", &long]);
    assert_eq!(said, "no memories match\n");
}

#[test]
fn a_memory_is_shown_with_everything_known_of_it() {
    let (place, all) = filled();
    let id = all[3].to_string();
    let shown = place.ok(&["memory", "show", &id]);
    for line in [
        "owner     laura.bennett@northgate.example",
        "about     tom.oneill@northgate.example",
        "thread    <0@northgate.example>",
        "cause     mail:3/reader",
        "          a deadline with an amount",
        "pin       automatic",
        "mentions  name:winmark retail",
        "mail:3/reader was about Winmark Retail.",
        "It waits.",
        "  owner  When do they deliver?",
    ] {
        assert!(shown.lines().any(|of| of == line), "{line}\n{shown}");
    }
    assert!(shown.contains("score     3 of 3, by rules"), "{shown}");
    assert!(
        shown.contains("automatic on") && shown.contains("it was scored 3"),
        "{shown}"
    );
    let value = place.json(&["memory", "show", &id]);
    assert_eq!(value["significance"]["score"], 3);
    assert_eq!(value["pin_changes"][0]["cause"], format!("job:{id}"));
    let unscored = place.ok(&["memory", "show", &all[10].to_string()]);
    assert!(unscored.contains("score     none yet"), "{unscored}");
}

#[test]
fn a_hand_pins_and_unpins() {
    let (place, all) = filled();
    let id = all[0].to_string();
    let said = place.ok(&["memory", "pin", &id]);
    assert_eq!(
        said,
        format!("memory {id} is pinned, whatever it is scored\n")
    );
    let said = place.ok(&["memory", "pin", &id]);
    assert_eq!(said, format!("memory {id} was pinned by hand already\n"));
    let again = place.json(&["memory", "pin", &id]);
    assert_eq!(
        (&again["changed"], &again["pin"]),
        (&Value::Bool(false), &"manual".into())
    );
    let said = place.ok(&["memory", "unpin", &id]);
    assert!(said.contains("no score pins it from now on"), "{said}");
    let said = place.ok(&["memory", "unpin", &id]);
    assert_eq!(said, format!("memory {id} was unpinned by hand already\n"));
    assert_eq!(place.json(&["memory", "pin", &id])["changed"], true);
    let shown = place.json(&["memory", "show", &id]);
    let causes: Vec<&str> = list(&shown["pin_changes"])
        .map(|change| text(&change["cause"]))
        .collect();
    assert_eq!(causes.len(), 3, "{shown:#}");
    assert!(
        causes.iter().all(|cause| cause.starts_with("operator:")),
        "{causes:?}"
    );
    assert!(
        causes[0] != causes[1] && causes[1] != causes[2],
        "{causes:?}"
    );
    // What a score pinned is told apart.
    let pinned = all[3].to_string();
    let said = place.ok(&["memory", "pin", &pinned]);
    assert!(said.contains("which was pinned by its score"), "{said}");
}

#[test]
fn who_has_to_go_for_a_pin_is_named() {
    let (place, all) = filled();
    // Two are pinned by their scores; with six by hand there is room for no more.
    for id in [0, 1, 2, 4, 5, 6] {
        let said = place.ok(&["memory", "pin", &all[id].to_string()]);
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    let said = place.ok(&["memory", "pin", &all[8].to_string()]);
    let displaced = format!(
        "memory {} is not pinned any more: memory {} was pinned, and 8 of one owner are enough",
        all[3], all[8]
    );
    assert_eq!(said.lines().nth(1), Some(displaced.as_str()));
    let shown = place.ok(&["memory", "show", &all[3].to_string()]);
    assert!(shown.contains("pin       none\n"), "{shown}");
    assert!(shown.contains("8 of one owner are enough"), "{shown}");
}

#[test]
fn a_rebuild_and_snapshots_change_nothing_that_is_shown() {
    let (place, all) = filled();
    place.ok(&["memory", "pin", &all[1].to_string()]);
    let before = place.json(&["memory", "list", "--limit", "0"]);
    let rebuilt = place.ok(&["memory", "rebuild"]);
    assert_eq!(
        rebuilt,
        "11 memories made anew, from all 24 entries of the log; there is no snapshot\n"
    );
    let taken = place.ok(&["db", "snapshot"]);
    assert!(
        taken.starts_with("took a snapshot of entry 24: 11 memories, "),
        "{taken}"
    );
    let again = place.ok(&["db", "snapshot"]);
    assert!(
        again.starts_with("nothing happened since the snapshot of entry 24"),
        "{again}"
    );
    assert_eq!(place.json(&["db", "snapshot"])["taken"], false);
    place.ok(&["memory", "unpin", &all[2].to_string()]);
    let rebuilt = place.ok(&["memory", "rebuild"]);
    assert_eq!(
        rebuilt,
        "11 memories made anew, from the snapshot of entry 24 and 1 entry behind it\n"
    );
    let mut after = place.json(&["memory", "list", "--limit", "0"]);
    // The one that was unpinned.
    after[8]["unpinned_by_hand"] = false.into();
    assert_eq!(after, before);
    for round in 0..5 {
        let hand = if round % 2 == 0 { "pin" } else { "unpin" };
        place.ok(&["memory", hand, &all[2].to_string()]);
        let taken = place.json(&["db", "snapshot"]);
        assert_eq!(taken["taken"], true, "{taken:#}");
    }
    let kept = place.json(&["db", "snapshot"]);
    assert_eq!(ids_of_kept(&kept), [30, 29, 28, 27, 26]);
    let found = place.findings("memory");
    assert!(
        found[0].starts_with("good: the newest snapshot has 11 memories"),
        "{found:?}"
    );
}

fn ids_of_kept(taken: &Value) -> Vec<i64> {
    list(&taken["kept"])
        .map(|kept| kept["last_entry"].as_i64().expect("a number"))
        .collect()
}

#[test]
fn a_log_that_is_damaged_is_told_and_left_as_it_is() {
    let (place, _) = filled();
    let before = place.json(&["memory", "list"]);
    vandalise(&place, "UPDATE memory_log SET version = 9 WHERE number = 5");
    for arguments in [&["memory", "rebuild"][..], &["db", "snapshot"]] {
        let line = place.refused(BAD, arguments);
        assert!(line.contains("entry 5"), "{line}");
    }
    assert_eq!(place.json(&["memory", "list"]), before);
}

/// Does to a database what decnet never does.
fn vandalise(place: &Place, sql: &str) {
    let script = "import sqlite3,sys\n\
                  path,sql=sys.stdin.read().split('\\n',1)\n\
                  db=sqlite3.connect(path)\n\
                  db.executescript(sql)\n\
                  db.commit()\n\
                  print('done')";
    let input = format!("{}\n{sql}", place.database().display());
    assert_eq!(python::run(script, &input), "done\n");
}

#[test]
fn what_is_not_there_and_what_is_no_number() {
    let (place, _) = filled();
    for command in ["show", "pin", "unpin"] {
        for id in ["999", "0", "9223372036854775807"] {
            let line = place.refused(BAD, &["memory", command, id]);
            assert!(line.contains(&format!("no memory {id}")), "{line}");
            assert!(line.contains("decnet memory list"), "{line}");
        }
        let line = place.refused(BAD, &["memory", command, "--", "-1"]);
        assert!(line.contains("no memory -1"), "{line}");
    }
    // The number of an entry that is no memory.
    place.refused(BAD, &["memory", "show", "12"]);
    for arguments in [
        &["canon", "rename", "7", "Acme"][..],
        &["canon", "describe", "7", "x"],
    ] {
        let line = place.refused(BAD, arguments);
        assert!(line.contains("no entry 7; `decnet canon list`"), "{line}");
    }
    for arguments in [
        &["memory", "show", "twelve"][..],
        &["memory", "show", "-1"],
        &["memory", "show", "9223372036854775808"],
        &["memory", "list", "--limit", "-1"],
        &["memory", "list", "--least-score", "4"],
        &["memory", "list", "--least-score=-1"],
        &["canon", "rename", "x", "Acme"],
    ] {
        let outcome = place.run(arguments);
        assert_eq!(outcome.code, Some(USAGE), "{outcome:#?}");
    }
    let outcome = place.run(&["canon", "list", "--kind", "vender"]);
    assert_eq!(outcome.code, Some(USAGE), "{outcome:#?}");
    assert!(outcome.stderr.contains("'vendor'"), "{outcome:#?}");
}

#[test]
fn an_entry_is_made_renamed_and_described() {
    let place = Place::new();
    let paper = ["canon", "set", "Northgate.example", "vendor:paper"];
    let set = |more: &[&str]| {
        let arguments: Vec<&str> = paper.iter().chain(more).copied().collect();
        place.ok(&arguments)
    };
    let said = set(&["Acme  Paper", "--details", "delivers on Tuesdays"]);
    assert_eq!(
        said,
        "made entry 1, vendor:paper of northgate.example: Acme Paper\n\
         no persona has an address at northgate.example yet\n"
    );
    let said = set(&["Acme Paper"]);
    assert!(said.contains("was so already"), "{said}");
    let said = set(&["Winmark", "--details", "delivers on Fridays"]);
    assert!(
        said.contains("renamed entry 1") && said.contains("mail that says Acme Paper"),
        "{said}"
    );
    let entry = &place.json(&["canon", "list"])[0];
    assert_eq!(
        (
            text(&entry["name"]),
            text(&entry["details"]),
            &entry["aliases"][0]
        ),
        ("Winmark", "delivers on Fridays", &"Acme Paper".into())
    );
    let said = place.ok(&["canon", "rename", "1", "Acme Paper"]);
    assert!(said.contains("renamed entry 1"), "{said}");
    assert!(
        place
            .ok(&["canon", "rename", "1", "Acme Paper"])
            .contains("was so already")
    );
    assert_eq!(
        place.json(&["canon", "rename", "1", "Acme Paper"])["changed"],
        false
    );
    assert!(
        place
            .ok(&["canon", "describe", "1", ""])
            .contains("no details any more")
    );
    let described = place.json(&["canon", "describe", "1", "by phone"]);
    assert_eq!(
        (&described["details"], &described["changed"]),
        (&"by phone".into(), &true.into())
    );

    // Also a name that it had is its own.
    let toner = ["canon", "set", "northgate.example", "vendor:toner"];
    for name in ["ACME paper", "winmark"] {
        let arguments: Vec<&str> = toner.iter().copied().chain([name]).collect();
        let line = place.refused(BAD, &arguments);
        let whose = "belongs to entry 1, vendor:paper of northgate.example";
        assert!(line.contains(whose), "{line}");
    }
    place.ok(&[
        "canon",
        "set",
        "northgate.example",
        "vendor:toner",
        "Inkwell",
    ]);
    let line = place.refused(BAD, &["canon", "rename", "2", "Winmark"]);
    assert!(line.contains("belongs to entry 1, vendor:paper"), "{line}");
    place.ok(&["canon", "set", "other.example", "vendor:toner", "Winmark"]);
    place.ok(&[
        "canon",
        "set",
        "northgate.example",
        "person:auditor",
        "Winmark",
    ]);
    for (arguments, count) in [
        (&["--company", "NORTHGATE.example"][..], 3),
        (&["--kind", "vendor"], 3),
        (&["--company", "other.example", "--kind", "person"], 0),
    ] {
        let arguments: Vec<&str> = ["canon", "list"]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        assert_eq!(ids(&place.json(&arguments)).len(), count, "{arguments:?}");
    }
    let said = place.ok(&["canon", "list", "--company", "northgte.example"]);
    assert_eq!(said, "no entries match; did you mean northgate.example?\n");
}

#[test]
fn texts_that_no_entry_can_have() {
    let place = Place::new();
    let huge = "x".repeat(100_000);
    let escape = "\u{1b}]0;x\u{7}";
    for (company, key, name, expected) in [
        (
            "northgate.example",
            "vender:paper",
            "Acme",
            "did you mean vendor",
        ),
        ("northgate.example", "paper", "Acme", "kinds are person"),
        ("northgate.example", "vendor:", "Acme", "no key"),
        (
            "northgate.example",
            &format!("vendor:{huge}"),
            "Acme",
            "no key",
        ),
        (
            "northgate.example",
            &format!("vendor:{escape}"),
            "Acme",
            "no key",
        ),
        ("northgate.example", "vendor:paper", "", "1 to 200 bytes"),
        (
            "northgate.example",
            "vendor:paper",
            "\u{200b}\n",
            "1 to 200 bytes",
        ),
        (
            "northgate.example",
            "vendor:paper",
            &huge,
            "and this one 100000",
        ),
        (&huge, "vendor:paper", "Acme", "no domain"),
        ("", "vendor:paper", "Acme", "no domain"),
        (&format!("a{escape}"), "vendor:paper", "Acme", "no domain"),
    ] {
        let line = place.refused(BAD, &["canon", "set", company, key, name]);
        assert!(line.contains(expected), "{expected}: {line}");
    }
    assert_eq!(place.json(&["canon", "list"]), serde_json::json!([]));
    // What can be cleaned is.
    let name = format!("Ac\u{202e}me{escape}");
    let details = format!("{escape}{huge}");
    let said = place.ok(&[
        "canon",
        "set",
        "northgate.example",
        "vendor:paper",
        &name,
        "--details",
        &details,
    ]);
    assert!(said.contains("Ac\u{fffd}me ]0;x\n"), "{said}");
    assert!(said.contains("cut to 2048 bytes"), "{said}");
    let entry = &place.json(&["canon", "list"])[0];
    assert_eq!(text(&entry["details"]).len(), 2_048);
    place.ok(&["canon", "list"]);
}

#[test]
fn nothing_that_was_remembered_drives_a_terminal() {
    let place = Place::new();
    let mut hostile = memory("mail:1\u{1b}[2J", 1, "laura\u{9b}31m", "tom\u{1b}]0;x\u{7}");
    hostile.facts.thread = Some("<\r\n\u{1b}c>".to_owned());
    hostile.facts.entities = vec![Entity::from("host:\u{1b}[H".to_owned())];
    hostile.words.narrative = "\u{1b}[2Jready.\u{202e}".repeat(1_000);
    let id = write(&mut place.store(), &[hostile])[0].to_string();
    // Each of these looks that no control character comes out.
    place.ok(&["memory", "list"]);
    place.ok(&["memory", "show", &id]);
    place.ok(&["memory", "pin", &id]);
    assert_eq!(
        place.json(&["memory", "list", "--owner", "laura\u{9b}31m"])[0]["id"],
        1
    );
}

#[test]
fn whoever_only_looks_does_not_wait_for_who_writes() {
    let (place, all) = filled();
    let id = all[0].to_string();
    let before = place.json(&["memory", "show", &id]);
    let mut looked = 0;
    let mut store = place.store();
    let key = "vendor:paper".parse().expect("a key");
    // While a draft is asked for, the write lock is held.
    let mut draft = |_: u32| {
        assert_eq!(place.json(&["memory", "show", &id]), before);
        assert_eq!(ids(&place.json(&["memory", "list"])).len(), 11);
        assert_eq!(place.json(&["canon", "list"]), serde_json::json!([]));
        looked += 1;
        CanonDraft {
            name: "Acme".to_owned(),
            details: String::new(),
        }
    };
    let made = store.canon("northgate.example", &key, &mut draft, at(0));
    assert_eq!(
        (made.expect("it is made").name.as_str(), looked),
        ("Acme", 1)
    );
    assert_eq!(ids(&place.json(&["canon", "list"])).len(), 1);
}

#[test]
fn the_doctor_finds_memories_that_wait_and_those_that_never_come() {
    let (place, _) = filled();
    let good = "good: no snapshot yet, and none needed";
    assert_eq!(place.findings("memory"), [good]);
    let mut store = place.store();
    let jobs = [
        NewJob::new("memory.score", "a", Value::Null),
        NewJob::new("memory.score", "b", Value::Null),
        NewJob::new("memory.remember", "c", Value::Null),
    ];
    store.enqueue(&jobs, at(0)).expect("it can be");
    let late = &place.findings("memory")[0];
    let waiting = "warning: 1 mails wait to be remembered, 2 memories for their score, and one has been due for";
    assert!(late.starts_with(waiting), "{late}");
    assert_eq!(
        place.findings("jobs"),
        ["good: 0 waiting or in work, beside those of memories"],
        "told once"
    );
    let wanted = [Wanted {
        kind: "memory.score",
        most: 2,
    }];
    let claimed = store.claim(&wanted, at(1), at(2)).expect("it can be");
    assert_eq!(claimed.len(), 2);
    let settled: Vec<_> = claimed
        .iter()
        .map(|job| {
            let ending = Ending::Dead {
                error: "no model".to_owned(),
            };
            let (id, token) = (job.id, job.token);
            (Settled { id, token, ending }, Vec::new())
        })
        .collect();
    store.settle(&settled, at(3)).expect("it can be");
    let found = place.findings("memory");
    assert_eq!(
        found[0],
        "warning: 2 memories are not scored: their jobs failed for good"
    );
    let waiting = "warning: 1 mails wait to be remembered, 0 memories for their score, and";
    assert!(found[1].starts_with(waiting), "{found:?}");
    assert_eq!(
        place.findings("jobs"),
        ["good: 0 waiting or in work, beside those of memories"]
    );
}

#[test]
fn the_doctor_finds_a_long_log_without_a_snapshot() {
    let (place, _) = filled();
    place.ok(&["db", "snapshot"]);
    // As many entries as a busy year has.
    vandalise(
        &place,
        "INSERT INTO memory_log (number, version, kind, at, cause, event)
         SELECT 60000, version, 3, at, 'operator:x', event FROM memory_log WHERE kind = 3 LIMIT 1",
    );
    let found = place.findings("memory");
    let long = "warning: more than 50000 entries of the log are in no snapshot";
    assert!(found[0].starts_with(long), "{found:?}");
    assert_eq!(place.json(&["db", "snapshot"])["taken"], true);
    let found = place.findings("memory");
    assert!(
        found[0].starts_with("good: the newest snapshot"),
        "{found:?}"
    );
}
