//! What people and machines do wrong: one clear line each, the right exit code, nothing lost.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use decnet_tests::binary::{Decnet, Outcome};
use decnet_tests::mailbox::{headers, tree};
use decnet_tests::mount::Small;
use decnet_tests::office::{
    disk_and_ledger_agree, finish, friday, office, settle, tick, two_people,
};
use decnet_tests::process::is_superuser;
use decnet_tests::python;
use decnet_tests::world::{World, list, text};

const USAGE: i32 = 64;
const BAD_INPUT: i32 = 65;
const UNAVAILABLE: i32 = 69;
const CANNOT_CREATE: i32 = 73;
const TRY_AGAIN: i32 = 75;
const CONFIGURATION: i32 = 78;

/// Deeper than any stack.
const DEEP: usize = 100_000;

fn fresh() -> World {
    World::unapplied(&two_people(), "")
}

fn apply(world: &World) -> Outcome {
    let path = world.path("world.toml").display().to_string();
    world.decnet.run(["world", "apply", &path])
}

/// World files that are refused: the line says what it should, and nothing is applied.
#[track_caller]
fn check_worlds(cases: &[(String, &str)]) {
    let mut wrong = Vec::new();
    for (file, expected) in cases {
        let world = fresh();
        apply(&world).succeeds();
        let before = world.decnet.json(["world", "show", "--json"]);
        world.write_world(file);
        let ended = apply(&world);
        if ended.code != Some(BAD_INPUT) {
            wrong.push(format!("{expected:?}: {ended:#?}"));
            continue;
        }
        let line = ended.fails(BAD_INPUT);
        if !line.contains(expected) || !line.contains("world.toml") {
            wrong.push(format!("lacks {expected:?} or the file: {line}"));
        }
        if world.decnet.json(["world", "show", "--json"]) != before {
            wrong.push(format!("{expected:?}: something was applied"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The world of two people with a change.
fn with(from: &str, to: &str) -> String {
    let world = two_people();
    assert!(world.contains(from), "{from:?} is in the world file");
    world.replacen(from, to, 1)
}

#[test]
fn a_broken_world_file() {
    check_worlds(&[
        ("[[topology]\nname = 1".to_owned(), "world.toml:1"),
        ("domains = []\n[[decky]]\nnam = \"x\"".to_owned(), "nam"),
        (format!("domains = {}", "[".repeat(DEEP)), "world.toml"),
        (format!("{}x = 1", "a.".repeat(DEEP)), "world.toml"),
        (
            "[[topology]]\nname = \"a\"\n[[topology]]\nname = \"a\"".to_owned(),
            "\"a\"",
        ),
        (
            format!(
                "{}{}",
                two_people(),
                two_people().replace("office", "branch")
            ),
            "mx1",
        ),
        (
            with("topology = \"office\"", "topology = \"offcie\""),
            "offcie",
        ),
        (with("home = \"mx1\"", "home = 7"), "home"),
    ]);
}

#[test]
fn people_who_cannot_be() {
    let name = "name = \"Ana Ruiz\"";
    let email = "ana.ruiz@office.example";
    check_worlds(&[
        (
            with(name, "name = \"Ana\\r\\nBcc: all@office.example\""),
            "name",
        ),
        (with(name, "name = \"Ana\\u202Eziur\""), "name"),
        (with(name, "name = \"\""), "name"),
        (with(email, "ana\\r\\n@office.example"), "email"),
        (with(email, "ana"), "email"),
        (with(email, "ana@gmail.com"), "gmail.com"),
        (
            with("ben.cole@office.example", "ANA.RUIZ@office.example"),
            "same address",
        ),
        (with("role = \"Clerk\"\n", ""), "role"),
        (
            with(
                "role = \"Clerk\"",
                "role = \"Clerk\"\ntimezone = \"Mars/Olympus\"",
            ),
            "Mars/Olympus",
        ),
        (
            with(
                "role = \"Clerk\"",
                "role = \"Clerk\"\nsignature = \"a\\u0000b\"",
            ),
            "signature",
        ),
    ]);
}

#[test]
fn hostile_deckies() {
    let names = [
        "",
        "..",
        "a/b",
        "a b",
        "-x",
        "a\\nb",
        "a\\u0000b",
        "a\\u001b[2J",
        "ñ",
    ];
    let name = |name: &str| with("\nname = \"mx1\"", &format!("\nname = \"{name}\""));
    let named: Vec<_> = names.iter().map(|of| (name(of), "decky")).collect();
    check_worlds(&named);
    check_worlds(&[
        (with("\"decoys/mx1\"", "\"/\""), "root"),
        (
            with("kind = \"local\"", "kind = \"telepathy\""),
            "telepathy",
        ),
        (
            with("services = [\"imap\"]", "services = [\"im ap\"]"),
            "im ap",
        ),
    ]);
}

#[test]
fn mailboxes_that_would_lie_outside_or_on_top_of_each_other() {
    let patterns = [
        "../../etc/{login}",
        "home/{login}/../../x",
        "Maildir",
        "home/{name}/Maildir",
        "home/{login",
        "",
    ];
    let transport = |pattern: &str| {
        with(
            "kind = \"local\"",
            &format!("kind = \"local\"\nmaildir = \"{pattern}\""),
        )
    };
    let cases: Vec<_> = patterns
        .iter()
        .map(|of| (transport(of), "maildir"))
        .collect();
    check_worlds(&cases);
}

#[test]
fn a_broken_configuration() {
    let check = |content: &str, expected: &str| {
        let world = fresh();
        world.write("decnet.toml", content);
        let ended = tick(&world, 1, &friday(0), 1);
        let line = ended.fails(CONFIGURATION);
        assert!(
            line.contains("decnet.toml") && line.contains(expected),
            "{line}"
        );
    };
    check("state_dir = ", "decnet.toml:1");
    check("[emailgen]\nlaese = \"2s\"", "laese");
    check("[emailgen]\nlease = \"soon\"", "soon");
    check("[emailgen]\nlease = \"0s\"", "lease");
    check("[emailgen]\nreply_share = 2.0", "reply_share");
    check("[emailgen]\nreply_share = nan", "reply_share");
    check("[emailgen]\npacing = \"wild\"", "wild");
    check(&format!("x = {}", "[".repeat(DEEP)), "decnet.toml");
}

#[test]
fn a_configuration_or_database_that_is_not_there() {
    let world = fresh();
    let nowhere = Decnet::with_config(world.outside(), Path::new("/nowhere/decnet.toml"));
    let ended = nowhere.run(["doctor"]);
    assert!(
        ended.fails(CONFIGURATION).contains("/nowhere/decnet.toml"),
        "{ended:#?}"
    );
    let ended = tick(&world, 1, &friday(0), 1);
    assert!(
        ended.fails(CONFIGURATION).contains("decnet init"),
        "{ended:#?}"
    );
    let path = world.path("nothing.toml").display().to_string();
    let ended = world.decnet.run(["world", "apply", &path]);
    assert!(
        ended.fails(BAD_INPUT).contains("nothing.toml"),
        "{ended:#?}"
    );
}

#[test]
fn a_list_of_people_that_is_none() {
    let world = fresh();
    apply(&world).succeeds();
    let file = world.path("staff.json").display().to_string();
    let check = |content: &[u8]| {
        fs::write(world.path("staff.json"), content).expect("the folder is ours");
        for command in ["import", "validate"] {
            let ended = world.decnet.run(["personas", command, &file]);
            assert!(ended.fails(BAD_INPUT).contains("staff.json"), "{ended:#?}");
        }
    };
    check(b"");
    check(b"{\"name\": ");
    check(b"{}");
    check(b"\xff\xfe\x00");
    check(&b"[".repeat(DEEP));
    check(b"[{\"name\": \"Ana\\r\\nBcc: x\", \"email\": \"a@b.example\", \"role\": \"x\"}]");
    check(&[b" ".repeat(17 << 20), b"[]".to_vec()].concat());
    assert!(
        !world.path("personas.json").exists(),
        "nothing was imported"
    );
}

#[test]
fn a_database_of_another_kind() {
    let check = |change: &dyn Fn(&World), code: i32, expected: &str| {
        let world = World::new(&two_people(), "");
        settle(&world, 2);
        change(&world);
        let before = fs::read(world.path("state/decnet.db")).expect("it is there");
        for command in [
            &["emailgen", "tick"][..],
            &["emailgen", "list"],
            &["world", "show"],
        ] {
            let ended = world.decnet.run(command);
            assert!(ended.fails(code).contains(expected), "{ended:#?}");
        }
        world.decnet.run(["doctor"]).fails(UNAVAILABLE);
        let after = fs::read(world.path("state/decnet.db")).expect("it is there");
        assert!(before == after, "the file was not touched");
    };
    let newer = |world: &World| {
        let script = "import sqlite3,sys\n\
                      db=sqlite3.connect(sys.stdin.read())\n\
                      db.execute('pragma user_version=999')\n\
                      db.commit()\n\
                      db.execute('pragma wal_checkpoint(truncate)')\n";
        python::run(script, &world.path("state/decnet.db").display().to_string());
    };
    check(&newer, CONFIGURATION, "newer");
    let no_database = |world: &World| {
        for name in ["state/decnet.db-wal", "state/decnet.db-shm"] {
            let _ = fs::remove_file(world.path(name));
        }
        fs::write(world.path("state/decnet.db"), "dear diary ".repeat(1_000)).expect("it is ours");
    };
    check(&no_database, BAD_INPUT, "decnet.db");
}

#[test]
fn state_inside_a_decoy() {
    let world = World::unapplied(&two_people(), "");
    let inside = world
        .path("decoys/mx1/var/lib/decnet")
        .display()
        .to_string();
    let file = world.path("world.toml").display().to_string();
    let ended = world
        .decnet
        .run(["--state-dir", &inside, "world", "apply", &file]);
    assert!(ended.fails(CONFIGURATION).contains("mx1"), "{ended:#?}");
    assert!(!Path::new(&inside).exists(), "nothing was made");
}

#[test]
fn a_mailbox_with_somebody_else_s_mail() {
    let world = World::new(&two_people(), "");
    let maildir = world.path("decoys/mx1/home/anaruiz/Maildir");
    for part in ["new", "cur", "tmp"] {
        fs::create_dir_all(maildir.join(part)).expect("the root is ours");
    }
    fs::write(maildir.join("cur/1.a.b:2,S"), "Subject: not ours\n\nx\n").expect("it is ours");
    let before = tree(&world.path("decoys"));
    for minute in 0..5 {
        let ended = tick(&world, minute, &friday(minute), 2).succeeds();
        assert!(ended.stdout.starts_with("nothing sent"), "{ended:#?}");
    }
    assert_eq!(tree(&world.path("decoys")), before, "nothing was written");
    let doctor = world.decnet.run(["doctor"]);
    assert_eq!(doctor.code, Some(UNAVAILABLE), "{doctor:#?}");
    assert!(
        doctor.stdout.contains("anaruiz") && doctor.stdout.contains("adopt"),
        "{doctor:#?}"
    );
    world.write_world(&two_people().replace("{owner}", "adopt = true\n{owner}"));
    world.apply();
    tick(&world, 9, &friday(30), 3).succeeds();
    assert_eq!(world.mails().len(), 3);
    let kept = fs::read(maildir.join("cur/1.a.b:2,S")).expect("it is still there");
    assert_eq!(headers(&kept)[0].1, "not ours");
    let doctor = world.decnet.json(["doctor", "--json"]);
    assert_eq!(doctor["problems"], 0, "{doctor:#}");
}

#[test]
fn slips_on_the_command_line() {
    let world = fresh();
    let check = |arguments: &[&str], suggestion: &str| {
        let ended = world.decnet.run(arguments);
        assert_eq!(ended.code, Some(USAGE), "{ended:#?}");
        assert!(ended.stdout.is_empty(), "{ended:#?}");
        assert!(ended.stderr.contains(suggestion), "{ended:#?}");
        assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
    };
    check(&["emailgne"], "emailgen");
    check(&["emailgen", "tikc"], "tick");
    check(&["emailgen", "tick", "--cuont", "3"], "--count");
    check(&["emailgen", "tick", "--count", "0"], "1..=1000000");
    check(&["emailgen", "tick", "--now", "yesterday"], "yesterday");
    check(&["emailgen", "list", "--state", "deliverd"], "delivered");
    check(&["world", "remove"], "--decky");
    check(&[], "Usage");
    let ended = world.decnet.run(["init", "--dir", "x"]);
    assert!(ended.fails(USAGE).contains("--config"), "{ended:#?}");
}

#[test]
fn a_name_that_is_not_in_the_world() {
    let world = World::new(&two_people(), "");
    let ended = world.decnet.run(["world", "remove", "--decky", "mx9"]);
    assert!(ended.fails(BAD_INPUT).contains("mx9"), "{ended:#?}");
    let ended = world.decnet.run(["emailgen", "show", "999"]);
    assert!(ended.fails(BAD_INPUT).contains("999"), "{ended:#?}");
}

#[test]
fn a_demo_where_something_is() {
    let world = fresh();
    let taken = world.outside().display().to_string();
    let before = tree(world.outside());
    let ended = Decnet::bare(world.outside()).run(["demo", &taken]);
    assert!(ended.fails(CANNOT_CREATE).contains(&taken), "{ended:#?}");
    assert_eq!(tree(world.outside()), before);
}

/// A tick fails with one of these codes, again and again; once the obstacle is gone, everything
/// that was planned arrives.
#[track_caller]
fn waits(world: &World, codes: &[i32], expected: &str) {
    for minute in 0..2 {
        let ended = tick(world, minute, &friday(100 + minute), 1);
        // Later ticks keep away from a decky that refuses.
        if minute == 0 || ended.code != Some(0) {
            let code = ended.code.expect("it ends by itself");
            assert!(codes.contains(&code), "{codes:?}: {ended:#?}");
            let line = ended.fails(code);
            assert!(line.contains(expected), "{expected:?} in {line}");
        }
    }
}

fn arrives(world: &World) {
    finish(world);
    tick(world, 5, &friday(200), 2).succeeds();
    assert!(
        world
            .mails()
            .iter()
            .all(|mail| text(&mail["state"]) == "delivered")
    );
    disk_and_ledger_agree(world);
    let doctor = world.decnet.json(["doctor", "--json"]);
    assert_eq!(doctor["problems"], 0, "{doctor:#}");
}

#[test]
fn mail_waits_for_a_decky_that_cannot_be_written() {
    // All of them wait at the same time.
    let missing = World::new(&two_people(), "");
    settle(&missing, 2);
    fs::rename(missing.path("decoys/mx1"), missing.path("away")).expect("it is ours");
    waits(&missing, &[UNAVAILABLE, CANNOT_CREATE, TRY_AGAIN], "mx1");
    assert!(!missing.unfinished().is_empty(), "kept for later");

    let blocked = World::new(&two_people(), "");
    settle(&blocked, 2);
    let homes = ["anaruiz", "bencole"].map(|login| blocked.path("decoys/mx1/home").join(login));
    for home in &homes {
        let tmp = home.join("Maildir/tmp");
        fs::remove_dir_all(&tmp).expect("it is ours");
        fs::write(&tmp, "in the way").expect("it is ours");
    }
    waits(&blocked, &[CANNOT_CREATE, CONFIGURATION, TRY_AGAIN], "mx1");
    assert!(!blocked.unfinished().is_empty(), "kept for later");

    let full = World::unapplied(&two_people(), "");
    let disk = Small::over(&full.path("decoys/mx1"), 8_192);
    if let Some(disk) = &disk {
        full.apply();
        settle(&full, 2);
        disk.fill();
        waits(&full, &[CANNOT_CREATE], "space");
        assert!(!full.unfinished().is_empty(), "kept for later");
        disk.make_room();
    }

    fs::rename(missing.path("away"), missing.path("decoys/mx1")).expect("it is ours");
    for home in &homes {
        fs::remove_file(home.join("Maildir/tmp")).expect("it is ours");
    }
    arrives(&missing);
    arrives(&blocked);
    if disk.is_some() {
        arrives(&full);
    }
}

#[test]
fn one_broken_decky_leaves_the_others_alone() {
    let second = two_people()
        .replace("office", "branch")
        .replace("mx1", "mx2")
        .replace("Ana Ruiz", "Cara Diaz")
        .replace("Ben Cole", "Dan Eames");
    let check = |breaks: &dyn Fn(&Path), mends: &dyn Fn(&Path)| {
        let world = World::new(&format!("{}{second}", two_people()), "");
        let root = world.path("decoys/mx2");
        breaks(&root);
        for minute in 0..10 {
            let ended = tick(&world, minute, &friday(minute), 2);
            if ended.code != Some(0) {
                assert!(!ended.stderr.contains("panicked"), "{ended:#?}");
            }
        }
        let delivered = world
            .mails()
            .iter()
            .filter(|mail| text(&mail["state"]) == "delivered")
            .count();
        assert!(
            delivered >= 10,
            "{delivered} mails in ten ticks for two each"
        );
        mends(&root);
        tick(&world, 11, &friday(20), 40).succeeds();
        assert_eq!(world.mailboxes().len(), 4);
    };
    check(
        &|root| fs::remove_dir_all(root).expect("it is ours"),
        &|root| fs::create_dir_all(root).expect("it is ours"),
    );
    check(
        &|root| fs::write(root.join("home"), "no folder").expect("it is ours"),
        &|root| fs::remove_file(root.join("home")).expect("it is ours"),
    );
    check(
        &|root| std::os::unix::fs::symlink("/", root.join("home")).expect("it is ours"),
        &|root| fs::remove_file(root.join("home")).expect("it is ours"),
    );
}

#[test]
fn mail_waits_for_a_mailbox_that_belongs_to_somebody_else() {
    if !is_superuser() {
        println!("skipped, only the superuser can run the program as somebody else");
        return;
    }
    let world = World::unapplied(&two_people().replace("{owner}", ""), "");
    let all = world.outside().display().to_string();
    let owned_by = |who: &str, path: &Path| {
        let done = std::process::Command::new("chown")
            .args(["-R", who])
            .arg(path)
            .status()
            .expect("chown can be run");
        assert!(done.success());
    };
    fs::create_dir_all(world.path("decoys/mx1")).expect("it is ours");
    owned_by("8:8", Path::new(&all));
    let as_mail = |arguments: &[&str]| {
        let wrapper = ["setpriv", "--reuid", "8", "--regid", "8", "--clear-groups"];
        Outcome::of(&mut world.decnet.wrapped(&wrapper, arguments))
    };
    let file = world.path("world.toml").display().to_string();
    as_mail(&["world", "apply", &file]).succeeds();
    as_mail(&["emailgen", "tick", "--count", "4", "--now", &friday(0)]).succeeds();
    let maildir = world.path("decoys/mx1/home/anaruiz/Maildir");
    owned_by("0:0", &maildir);
    let ended = as_mail(&["emailgen", "tick", "--now", &friday(10)]);
    let line = ended.fails(CANNOT_CREATE);
    assert!(
        line.contains("ermission denied") && line.contains("mx1"),
        "{line}"
    );
    owned_by("8:8", &maildir);
    decnet_tests::wait::until("what waited is delivered", || {
        as_mail(&[
            "emailgen",
            "tick",
            "--now",
            decnet_tests::office::SUNDAY_BEFORE,
        ])
        .succeeds();
        let listed = as_mail(&["emailgen", "list", "--limit", "0", "--json"])
            .succeeds()
            .json();
        list(&listed)
            .all(|mail| text(&mail["state"]) == "delivered")
            .then_some(())
    });
}

#[test]
fn a_full_disk_under_the_database() {
    let world = World::unapplied(&two_people(), "");
    let Some(disk) = Small::over(&world.path("state"), 2_048) else {
        return;
    };
    world.apply();
    settle(&world, 2);
    disk.fill();
    for minute in 0..3 {
        // More than fits into the pages that the write-ahead log has already.
        let ended = tick(&world, minute, &friday(minute), 100);
        assert!(ended.fails(CANNOT_CREATE).contains("space"), "{ended:#?}");
    }
    disk.make_room();
    tick(&world, 4, &friday(9), 3).succeeds();
    finish(&world);
    disk_and_ledger_agree(&world);
}

#[test]
fn a_read_only_database() {
    let world = World::unapplied(&two_people(), "");
    let Some(disk) = Small::over(&world.path("state"), 8_192) else {
        return;
    };
    world.apply();
    settle(&world, 2);
    disk.set_read_only(true);
    let before = tree(&world.path("decoys"));
    let ended = tick(&world, 1, &friday(5), 1);
    assert!(
        ended.fails(CANNOT_CREATE).contains("decnet.db"),
        "{ended:#?}"
    );
    assert_eq!(tree(&world.path("decoys")), before);
    disk.set_read_only(false);
    tick(&world, 1, &friday(5), 1).succeeds();
    disk_and_ledger_agree(&world);
}

#[test]
fn a_database_that_somebody_holds_for_good() {
    let world = World::new(&office(&[("Ana Ruiz", "mx1"), ("Ben Cole", "mx2")]), "");
    settle(&world, 2);
    let script = "import sqlite3,sys,subprocess\n\
                  words=sys.stdin.read().split('\\n')\n\
                  db=sqlite3.connect(words[0], isolation_level=None)\n\
                  db.execute('begin immediate')\n\
                  ended=subprocess.run(words[1:], capture_output=True, text=True)\n\
                  print(ended.returncode, ended.stderr, end='')\n";
    let config = world.path("decnet.toml").display().to_string();
    let words = [
        world.path("state/decnet.db").display().to_string(),
        decnet_tests::binary::binary().display().to_string(),
        "--config".to_owned(),
        config,
        "emailgen".to_owned(),
        "tick".to_owned(),
        "--now".to_owned(),
        friday(20),
    ];
    let said = python::run(script, &words.join("\n"));
    let line = said.trim_end();
    assert!(
        line.starts_with("75 decnet: ") && !line.contains('\n'),
        "{said}"
    );
    tick(&world, 3, &friday(21), 1).succeeds();
}

#[test]
fn state_that_others_can_read_is_a_problem() {
    let world = World::new(&two_people(), "");
    for (name, mode) in [("state", 0o755), ("state/decnet.db", 0o644)] {
        let path = world.path(name);
        let before = fs::metadata(&path).expect("it is there").permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
        let doctor = world.decnet.run(["doctor"]);
        assert_eq!(doctor.code, Some(UNAVAILABLE), "{doctor:#?}");
        assert!(
            doctor.stdout.contains("can be read by others"),
            "{doctor:#?}"
        );
        fs::set_permissions(&path, before).expect("it is ours");
    }
}
