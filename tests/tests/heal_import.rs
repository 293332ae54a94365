//! `decnet heal metrics import`: points from files that anybody may have written.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::thread;

use decnet_tests::binary::Outcome;
use decnet_tests::heal::{FOR_EDIT, FOR_THREAD, HEADER, heal_with, is_clean, points};
use decnet_tests::office::{friday, two_people};
use decnet_tests::world::{World, text};
use serde_json::{Value, json};

const BAD_INPUT: i32 = 65;
const NO_INPUT: i32 = 66;
const USAGE: i32 = 64;

fn world() -> World {
    // Points of whatever is named: nothing of it is stale at once by accident.
    World::new(&two_people(), "[heal]\ncircuit_share = 1.0\n")
}

/// An import of a file of the world.
fn import(world: &World, name: &str) -> Outcome {
    let file = world.path(name).display().to_string();
    world.decnet.run(["heal", "metrics", "import", &file])
}

/// An import from standard input.
fn import_from_input(world: &World, input: &[u8], options: &[&str]) -> Outcome {
    let arguments = ["heal", "metrics", "import", "-"];
    let mut command = world.decnet.command(arguments.iter().chain(options));
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut pipe = child.stdin.take().expect("its input is a pipe");
    let output = thread::scope(|scope| {
        scope.spawn(move || pipe.write_all(input));
        child.wait_with_output().expect("it ends")
    });
    Outcome::from_output(format!("{command:?}"), output)
}

/// What is decided now, without doing it.
fn decided(world: &World) -> Value {
    let preview = heal_with(world, &["--dry-run", "--now", &friday(60)]);
    assert_eq!(preview.outcome.code, Some(0), "{preview:#?}");
    json!(preview.targets)
}

/// Lines of CSV with plain names as lines of JSON.
fn as_json_lines(csv: &str) -> String {
    csv.lines()
        .map(|line| {
            let [target, ts, impressions, engagements] =
                <[&str; 4]>::try_from(line.split(',').collect::<Vec<_>>()).expect("four fields");
            let number = |text: &str| text.parse::<u64>().expect("a count");
            let object = json!({"target": target, "ts": ts, "more": [1],
                "impressions": number(impressions), "engagements": number(engagements)});
            format!("{object}\n")
        })
        .collect()
}

#[test]
fn csv_and_json_lines_say_the_same_and_may_be_imported_again() {
    let lines = points("mx1", &friday(60), FOR_EDIT) + &points("web", &friday(60), FOR_THREAD);
    let csv = world();
    csv.write("points.csv", &format!("{HEADER}{lines}"));
    let said = import(&csv, "points.csv").succeeds();
    assert_eq!(said.stdout, "6 points of 2 targets taken in\n");
    let expected = decided(&csv);
    assert_eq!(expected["mx1"]["action"], "edit", "{expected:#}");
    assert_eq!(expected["web"]["decision"], "act", "{expected:#}");
    assert_eq!(expected["web"]["facts"]["trend"]["samples"], 3);

    // The same points again add nothing, in any order.
    import(&csv, "points.csv").succeeds();
    let backwards: String = lines.lines().rev().flat_map(|line| [line, "\n"]).collect();
    csv.write("points.csv", &format!("{HEADER}{backwards}"));
    import(&csv, "points.csv").succeeds();
    assert_eq!(decided(&csv), expected);

    let json = world();
    let ended = import_from_input(&json, as_json_lines(&lines).as_bytes(), &["--json"]);
    assert_eq!(
        ended.succeeds().json(),
        json!({"points": 6, "targets": 2, "bad_lines": 0})
    );
    assert_eq!(decided(&json), expected);
    let nothing = import_from_input(&json, b"", &[]).succeeds();
    assert_eq!(nothing.stdout, "0 points of 0 targets taken in\n");
}

#[test]
fn bad_lines_are_named_by_number_and_the_rest_is_taken_in() {
    let good = points("mx1", &friday(60), FOR_EDIT);
    let [first, second, third] =
        <[&str; 3]>::try_from(good.lines().collect::<Vec<_>>()).expect("three lines");
    let csv = format!(
        "{HEADER}{first}\nmx1,yesterday,1,1\n{second}\n\nmx1,2026-03-06T10:00:00Z,-1,1\n\
         mx1,2026-03-06T10:00:00Z,1\n,2026-03-06T10:00:00Z,1,1\n{third}\n"
    );
    let json = format!(
        "{}nonsense \u{1b}[2J\n{{\"target\":\"mx1\"}}\n[]\n",
        as_json_lines(&good)
    );
    for (file, bad) in [(csv, vec![3, 6, 7, 8]), (json, vec![4, 5, 6])] {
        let world = world();
        let ended = import_from_input(&world, file.as_bytes(), &["--json"]);
        assert_eq!(ended.code, Some(BAD_INPUT), "{ended:#?}");
        is_clean(&ended.stderr);
        let complaints: Vec<&str> = ended.stderr.lines().collect();
        assert_eq!(complaints.len(), bad.len() + 1, "{ended:#?}");
        for (complaint, line) in complaints.iter().zip(&bad) {
            let named = format!("decnet: -: line {line}: ");
            assert!(complaint.starts_with(&named), "{named}{ended:#?}");
        }
        let total = format!("{} lines hold no point", bad.len());
        assert!(complaints[bad.len()].contains(&total), "{ended:#?}");
        assert_eq!(
            ended.json(),
            json!({"points": 3, "targets": 1, "bad_lines": bad.len()})
        );
        assert_eq!(decided(&world)["mx1"]["action"], "edit");
    }
}

#[test]
fn of_many_bad_lines_the_first_are_named() {
    let world = world();
    let mut file = HEADER.to_owned();
    for _ in 0..40_000 {
        file.push_str("mx1,never,1,1\n");
    }
    file.push_str(&points("mx1", &friday(60), FOR_EDIT));
    let ended = import_from_input(&world, file.as_bytes(), &[]);
    assert_eq!(ended.code, Some(BAD_INPUT), "{ended:#?}");
    assert_eq!(ended.stderr.lines().count(), 6, "{ended:#?}");
    assert!(ended.stderr.contains("40000 lines"), "{ended:#?}");
    assert_eq!(decided(&world)["mx1"]["action"], "edit");
}

#[test]
fn names_that_are_attacks_stay_names() {
    let world = world();
    let longest = "n".repeat(512);
    let names = [
        "two\nlines",
        "\u{1b}[2J\u{1b}]0;owned\u{7}",
        "\u{202e}gnp.exe",
        "a\u{0}b\tc\r\nd",
        "'; DROP TABLE heal_target; --",
        "../../etc/passwd",
        "--now",
        "名\u{301}",
        longest.as_str(),
    ];
    let now = friday(60);
    let file: String = names
        .iter()
        .map(|name| {
            let lines = points("NAME", &now, FOR_THREAD);
            let mut rows = as_json_lines(&lines);
            let quoted = json!(name).to_string();
            rows = rows.replace("\"NAME\"", &quoted);
            rows
        })
        .collect();
    let too_long = as_json_lines(&points(&"n".repeat(513), &now, FOR_THREAD));
    let file = format!("{file}{too_long}");
    let ended = import_from_input(&world, file.as_bytes(), &[]);
    assert_eq!(ended.code, Some(BAD_INPUT), "{ended:#?}");
    assert!(ended.stderr.contains("512"), "{ended:#?}");
    is_clean(&ended.stderr);

    let mut known: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    known.push("mx1".to_owned());
    known.sort();
    let preview = heal_with(&world, &["--dry-run", "--now", &now]);
    assert_eq!(preview.targets.keys().cloned().collect::<Vec<_>>(), known);

    // They are no decoys: they are judged, and nothing is done to them.
    let ended = world.decnet.run(["heal", "tick", "--now", &now]);
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    is_clean(&ended.stdout);
    assert_eq!(ended.stdout.matches("nobody_acts").count(), names.len());
    assert_eq!(
        world.decnet.ok(["heal", "history"]).stdout,
        "nothing was done\n"
    );
    for name in names.iter().filter(|name| !name.contains('\0')) {
        let target = ["heal", "explain", "--now", &now, "--", name];
        let explained = world.decnet.ok(target);
        is_clean(&explained.stdout);
        let object = world
            .decnet
            .json(["heal", "explain", "--json", "--now", &now, "--", name]);
        assert_eq!(text(&object["target"]), *name);
        let paused = world.decnet.ok(["heal", "pause", "--", name]);
        is_clean(&paused.stdout);
        let unknown = format!("{name}x{name}");
        let refused = world.decnet.run(["heal", "explain", "--", &unknown]);
        if unknown.len() < 400 {
            is_clean(refused.fails(USAGE));
        }
        assert_eq!(refused.code, Some(USAGE), "{refused:#?}");
    }
    let doctor = world.decnet.run(["doctor"]);
    is_clean(&doctor.stdout);
}

#[test]
fn what_is_no_file_of_points_is_refused() {
    let world = world();
    let ended = import(&world, "nowhere.csv");
    assert!(ended.fails(NO_INPUT).contains("nowhere.csv"), "{ended:#?}");
    let ended = import(&world, "decoys");
    ended.fails(BAD_INPUT);
    world.write("points.csv", "target,impressions,engagements\nmx1,1,1\n");
    let ended = import(&world, "points.csv");
    assert!(
        ended.fails(BAD_INPUT).contains("ts is missing"),
        "{ended:#?}"
    );
    fs::write(world.path("points.csv"), [0xff; 100]).expect("the folder is ours");
    let ended = import(&world, "points.csv");
    assert!(ended.fails(BAD_INPUT).contains("UTF-8"), "{ended:#?}");
    let preview = decided(&world);
    assert_eq!(preview["mx1"]["reason"], "insufficient_samples");
}

#[test]
fn a_line_without_end_needs_little_memory() {
    let world = world();
    let mut file = HEADER.to_owned();
    file.push_str(&"x".repeat(96 << 20));
    file.push('\n');
    file.push_str(&points("mx1", &friday(60), FOR_EDIT));
    let wrapper = ["prlimit", "--data=50331648"];
    let arguments = ["heal", "metrics", "import", "-"];
    let mut command = world.decnet.wrapped(&wrapper, &arguments);
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    let mut pipe = child.stdin.take().expect("its input is a pipe");
    let output = thread::scope(|scope| {
        let writer = scope.spawn(move || pipe.write_all(file.as_bytes()));
        let output = child.wait_with_output().expect("it ends");
        writer.join().expect("it ends").expect("all of it is read");
        output
    });
    let ended = Outcome::from_output(format!("{command:?}"), output);
    assert_eq!(ended.code, Some(BAD_INPUT), "{ended:#?}");
    assert!(ended.stderr.contains("line 2: "), "{ended:#?}");
    assert_eq!(decided(&world)["mx1"]["action"], "edit");
}
