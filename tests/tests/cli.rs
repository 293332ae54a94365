//! The command line as a whole: help, JSON, dry runs, completions, people, removal.

use std::fs;

use decnet_tests::binary::{Decnet, Outcome};
use decnet_tests::mailbox::{Tree, tree};
use decnet_tests::office::{disk_and_ledger_agree, friday, office, settle, tick, two_people};
use decnet_tests::process::is_superuser;
use decnet_tests::world::{World, folder, list, text};
use serde_json::Value;

/// Help longer than this shows an example.
const SHORT: usize = 16;

/// Every command, found by walking through the help texts.
fn commands(decnet: &Decnet, path: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let mut arguments = path.to_vec();
    arguments.push("--help".to_owned());
    let help = decnet.ok(&arguments).stdout;
    let section = help
        .split_once("\nCommands:\n")
        .map(|(_, rest)| rest.split("\n\n").next().unwrap_or(rest))
        .unwrap_or_default();
    for line in section.lines() {
        // Longer descriptions go on in the next line, further to the right.
        let indent = line.len() - line.trim_start().len();
        let Some(name) = line.split_whitespace().next().filter(|_| indent == 2) else {
            continue;
        };
        if name != "help" {
            let path: Vec<String> = path.iter().cloned().chain([name.to_owned()]).collect();
            commands(decnet, &path, found);
        }
    }
    found.push((path.to_vec(), help));
}

#[test]
fn help_is_short_or_shows_an_example() {
    let home = folder();
    let mut found = Vec::new();
    commands(&Decnet::bare(home.path()), &[], &mut found);
    assert!(found.len() >= 15, "{} commands", found.len());
    for (path, help) in found {
        let has_example = help.contains("Example") || help.contains("Start here");
        let is_short = help.lines().count() <= SHORT;
        let has_more = help.contains("\nCommands:\n");
        assert!(has_example || is_short || has_more, "{path:?}:\n{help}");
        assert!(
            help.lines().all(|line| line.chars().count() <= 100),
            "{path:?}:\n{help}"
        );
        let about = help.lines().next().unwrap_or_default();
        assert!(!about.is_empty() && !about.starts_with("Usage"), "{path:?}");
    }
}

#[test]
fn json_stands_alone() {
    let world = World::new(&two_people(), "");
    settle(&world, 2);
    let file = world.path("world.toml").display().to_string();
    world.write(
        "staff.json",
        "[{\"name\": \"Eva Foster\", \"email\": \"eva@pool.example\", \"role\": \"Clerk\", \"nmae\": 1},\n\
          {\"name\": \"Finn Gray\", \"email\": \"finn@pool.example\", \"role\": \"Clerk\"}]",
    );
    let staff = world.path("staff.json").display().to_string();
    let now = friday(30);
    let night = decnet_tests::office::SUNDAY_BEFORE;
    for arguments in [
        &["doctor", "--json"][..],
        &["world", "show", "--json"],
        &["world", "apply", &file, "--json"],
        &["world", "apply", &file, "--dry-run", "--json"],
        &["personas", "validate", &staff, "--json"],
        &["personas", "import", &staff, "--json"],
        &["personas", "list", "--json"],
        &["emailgen", "tick", "--json", "--now", &now],
        &["emailgen", "tick", "--json", "--now", night],
        &["emailgen", "tick", "--json", "--dry-run", "--now", &now],
        &["-vv", "emailgen", "tick", "--json", "--now", &now],
        &[
            "--log-json",
            "-v",
            "emailgen",
            "tick",
            "--json",
            "--now",
            &now,
        ],
        &["emailgen", "list", "--json"],
        &["emailgen", "list", "--json", "--state", "failed"],
        &["emailgen", "show", "1", "--json"],
        &["worker", "tick", "--json"],
        &["-vv", "worker", "tick", "--json"],
        &["world", "remove", "--decky", "mx1", "--json"],
    ] {
        let value = world.decnet.json(arguments);
        assert!(
            value.is_object() || value.is_array(),
            "{arguments:?}: {value}"
        );
    }
    let demo = world.outside().join("demo").display().to_string();
    let made = Decnet::bare(world.outside()).json(["demo", &demo, "--json", "--seed", "3"]);
    assert_eq!(text(&made["dir"]), demo);
}

#[test]
fn logs_are_json_lines_on_standard_error() {
    let world = World::new(&two_people(), "");
    let ended = world
        .decnet
        .ok(["--log-json", "-v", "emailgen", "tick", "--now", &friday(0)]);
    assert!(!ended.stderr.is_empty());
    for line in ended.stderr.lines() {
        let _: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

/// What a command must not touch: decoys, pool, database. Locks of readers are no change.
fn everything(world: &World) -> Tree {
    let mut tree = tree(world.outside());
    tree.retain(|path, _| !path.to_string_lossy().ends_with("-shm"));
    tree
}

#[test]
fn dry_runs_touch_nothing() {
    let world = World::new(&two_people(), "[events]\nfile = \"events.jsonl\"\n");
    settle(&world, 2);
    let file = world.path("world.toml").display().to_string();
    world.write_world(&office(&[("Ana Ruiz", "mx1"), ("Gil Hart", "mx9")]));
    let before = everything(&world);
    let said = world
        .decnet
        .ok(["world", "apply", &file, "--dry-run"])
        .stdout;
    assert!(
        said.contains("+ decky mx9") && said.contains("would be"),
        "{said}"
    );
    let said = world
        .decnet
        .json(["world", "apply", &file, "--dry-run", "--json"]);
    assert_eq!(said["dry_run"], true);
    for count in ["1", "10"] {
        let now = friday(60);
        let said = world.decnet.json([
            "emailgen",
            "tick",
            "--dry-run",
            "--json",
            "--now",
            &now,
            "--count",
            count,
        ]);
        assert_eq!(list(&said["mails"]).count().to_string(), count);
    }
    unchanged(&world, &before);
}

#[track_caller]
fn unchanged(world: &World, before: &Tree) {
    let after = everything(world);
    assert!(before.keys().eq(after.keys()), "the same files");
    for (path, file) in before {
        assert!(after[path].0 == file.0, "{} has changed", path.display());
    }
}

#[test]
fn a_dry_run_says_what_the_tick_then_does() {
    let world = World::new(&two_people(), "");
    settle(&world, 2);
    let now = friday(90);
    let arguments = ["emailgen", "tick", "--seed", "5", "--now", &now, "--json"];
    let said = world.decnet.json(arguments.iter().chain(&["--dry-run"]));
    let done = world.decnet.json(arguments);
    let (said, done) = (&said["mails"][0], &done["delivered"][0]);
    for field in ["from", "to", "subject"] {
        assert_eq!(said[field], done[field], "{field}");
    }
}

#[test]
fn a_look_changes_nothing() {
    let world = World::new(&two_people(), "");
    settle(&world, 2);
    let before = everything(&world);
    for arguments in [
        &["doctor"][..],
        &["world", "show"],
        &["personas", "list"],
        &["emailgen", "list"],
        &["emailgen", "show", "1"],
    ] {
        world.decnet.ok(arguments);
    }
    unchanged(&world, &before);
}

#[test]
fn completions_are_scripts_that_shells_take() {
    let home = folder();
    let decnet = Decnet::bare(home.path());
    let script = decnet.ok(["completions", "bash"]).stdout;
    let path = home.path().join("decnet.bash");
    fs::write(&path, &script).expect("the folder is ours");
    let taken = std::process::Command::new("bash")
        .arg("-c")
        .arg("source \"$0\" && complete -p decnet && COMP_WORDS=(decnet emailgen ti) COMP_CWORD=2 && _decnet decnet ti emailgen && echo \"${COMPREPLY[@]}\"")
        .arg(&path)
        .output()
        .expect("bash can be run");
    let said = String::from_utf8_lossy(&taken.stdout);
    assert!(taken.status.success() && said.contains("tick"), "{taken:?}");
    for shell in ["zsh", "fish"] {
        assert!(
            decnet
                .ok(["completions", shell])
                .stdout
                .contains("emailgen"),
            "{shell}"
        );
    }
}

#[test]
fn the_pool_is_checked_imported_and_used() {
    let world = World::new(
        "[[decky]]\nname = \"mx1\"\nservices = [\"pop3\"]\n[decky.transport]\nkind = \"local\"\nroot = \"decoys/mx1\"\n{owner}\n",
        "",
    );
    let nobody = world.decnet.ok(["personas", "list"]).stdout;
    assert!(nobody.contains("nobody yet"), "{nobody}");
    let one = |name: &str, more: &str| {
        format!(
            "{{\"name\": \"{name}\", \"email\": \"{name}@pool.example\", \"role\": \"Clerk\", \"active_hours\": \"00:00-00:00\"{more}}}"
        )
    };
    let good = [
        one("eva", ""),
        one("finn", ", \"timzone\": \"UTC\""),
        one("gus", ", \"tone\": \"angry\""),
    ];
    world.write("staff.json", &format!("[{}]", good.join(",")));
    let staff = world.path("staff.json").display().to_string();
    let checked = world.decnet.run(["personas", "validate", &staff]);
    checked.fails(65);
    for expected in ["entry 2", "angry", "timzone", "2 valid, 1 wrong"] {
        assert!(
            checked.stdout.contains(expected),
            "{expected}: {checked:#?}"
        );
    }
    let imported = world.decnet.ok(["personas", "import", &staff]);
    assert!(
        imported.stdout.starts_with("imported 2 of 3"),
        "{imported:#?}"
    );
    let people = world.decnet.json(["personas", "list", "--json"]);
    assert_eq!(list(&people).count(), 2, "{people:#}");
    tick(&world, 1, &friday(0), 3).succeeds();
    assert_eq!(world.mails().len(), 3);
    disk_and_ledger_agree(&world);
}

#[test]
fn what_is_removed_gets_no_more_mail_and_keeps_what_it_has() {
    let world = World::new(&office(&[("Ana Ruiz", "mx1"), ("Ben Cole", "mx2")]), "");
    settle(&world, 2);
    let before = tree(&world.path("decoys"));
    let said = world
        .decnet
        .ok(["world", "remove", "--decky", "mx2"])
        .stdout;
    assert!(said.contains("mx2"), "{said}");
    assert_eq!(tree(&world.path("decoys")), before);
    let ended = tick(&world, 1, &friday(50), 3).succeeds();
    assert!(ended.stdout.starts_with("nothing sent"), "{ended:#?}");
    world.apply();
    world.decnet.ok(["world", "remove", "--topology", "office"]);
    let left = world.decnet.json(["world", "show", "--json"]);
    assert_eq!(list(&left["deckies"]).count(), 0, "{left:#}");
    assert_eq!(tree(&world.path("decoys")), before);
}

#[test]
fn init_makes_a_world_that_works_at_once() {
    let home = folder();
    let dir = home.path().join("with space");
    let decnet = Decnet::bare(home.path());
    let said = decnet
        .ok(["init", "--dir", &dir.display().to_string()])
        .stdout;
    assert!(said.contains("'"), "the path is quoted: {said}");
    let decnet = Decnet::with_config(home.path(), &dir.join("decnet.toml"));
    decnet.ok([
        "world",
        "apply",
        &dir.join("world.toml").display().to_string(),
    ]);
    decnet.ok(["emailgen", "tick", "--count", "5", "--now", &friday(0)]);
    decnet.ok(["doctor"]);
    let before = tree(&dir.join("decoys"));
    assert!(before.len() >= 10, "{} files", before.len());
    let again = Decnet::bare(home.path()).ok(["init", "--dir", &dir.display().to_string()]);
    assert!(!again.stdout.contains("made"), "{again:#?}");
    assert_eq!(tree(&dir.join("decoys")), before);
}

#[test]
fn variables_and_flags_beat_the_configuration() {
    let world = World::new(&two_people(), "");
    let elsewhere = world.outside().join("elsewhere").display().to_string();
    let mut command = world.decnet.command(["doctor", "--json"]);
    command.env("DECNET_STATE_DIR", &elsewhere);
    let said = Outcome::of(&mut command).json();
    let origin = |said: &Value| {
        list(&said["settings"])
            .find(|setting| setting["name"] == "state_dir")
            .map(|setting| {
                (
                    text(&setting["value"]).to_owned(),
                    text(&setting["origin"]).to_owned(),
                )
            })
    };
    let expected = (elsewhere.clone(), "environment DECNET_STATE_DIR".to_owned());
    assert_eq!(origin(&said), Some(expected));
    let mut command = world
        .decnet
        .command(["--state-dir", "/nowhere", "doctor", "--json"]);
    command.env("DECNET_STATE_DIR", &elsewhere);
    let said = Outcome::of(&mut command).json();
    assert_eq!(
        origin(&said),
        Some(("/nowhere".to_owned(), "flag --state-dir".to_owned()))
    );
    assert!(!std::path::Path::new(&elsewhere).exists());
    assert!(!is_superuser() || !std::path::Path::new("/nowhere").exists());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let world = World::new(&two_people(), "");
    tick(&world, 1, &friday(0), 100).succeeds();
    let mut listing = world
        .decnet
        .start(["emailgen", "list", "--limit", "0", "--json"]);
    drop(listing.stdout.take());
    let ended = listing.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
}

#[test]
fn output_that_cannot_be_written() {
    let world = World::new(&two_people(), "");
    let full = || {
        fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("Linux has it")
    };
    for arguments in [&["world", "show"][..], &["completions", "bash"]] {
        let mut command = world.decnet.command(arguments);
        let child = command.stdout(full()).spawn().expect("the program starts");
        let output = child.wait_with_output().expect("it ends");
        let ended = Outcome::from_output(format!("{arguments:?} > /dev/full"), output);
        ended.fails(73);
    }
    let mut script = world.decnet.start(["completions", "bash"]);
    drop(script.stdout.take());
    let output = script.wait_with_output().expect("it ends");
    let ended = Outcome::from_output("completions | true".to_owned(), output);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}
