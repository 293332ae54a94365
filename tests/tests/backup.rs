//! `decnet db`: copies that are proven, checked and put back.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use decnet_tests::draw::Draw;
use decnet_tests::office::{friday, tick, two_people};
use decnet_tests::process::{Killed, signal};
use decnet_tests::python;
use decnet_tests::wait::until;
use decnet_tests::world::{World, text};

const BAD: i32 = 65;
const NO_INPUT: i32 = 66;
const CANNOT_WRITE: i32 = 73;
const TRY_AGAIN: i32 = 75;
const CONFIGURATION: i32 = 78;

/// An office with some mail.
fn world(settings: &str) -> World {
    let world = World::new(&two_people(), settings);
    for round in 0..3 {
        tick(&world, round, &friday(round * 10), 4).succeeds();
    }
    world
}

fn path_of(shown: &serde_json::Value) -> PathBuf {
    PathBuf::from(text(&shown["file"]))
}

fn run(world: &World, arguments: &[&str], file: &Path) -> decnet_tests::binary::Outcome {
    let file = file.display().to_string();
    let arguments = arguments.iter().copied().chain([file.as_str()]);
    world.decnet.run(arguments)
}

#[test]
fn a_backup_is_proven_and_puts_everything_back() {
    let world = world("");
    let before = world.mails();
    let taken = world.decnet.json(["db", "backup", "--json"]);
    let file = path_of(&taken);
    assert_eq!(taken["proven"], true, "{taken:#}");
    assert_eq!(taken["rows"]["mail"], before.len(), "{taken:#}");
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(&world.path("state/backups")), 0o700);

    let checked = run(&world, &["db", "check"], &file).succeeds();
    assert!(checked.stdout.contains("as it was made"), "{checked:#?}");
    let both = world.decnet.json(["db", "check", "--json"]);
    assert_eq!(path_of(&both["newest_backup"]), file, "{both:#}");
    assert_eq!(both["newest_backup"]["compared"], true, "{both:#}");

    tick(&world, 9, &friday(60), 8).succeeds();
    assert!(world.mails().len() > before.len());
    let restored = run(&world, &["db", "restore"], &file).succeeds();
    assert_eq!(world.mails(), before);
    let kept = restored
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("what it replaced is "))
        .expect("it says where");
    run(&world, &["db", "restore"], Path::new(kept)).succeeds();
    assert!(world.mails().len() > before.len(), "and back again");
    let shown = world.decnet.json(["db", "migrate", "--json"]);
    assert_eq!(shown["from"], shown["to"], "{shown:#}");
    assert!(shown["copy"].is_null(), "{shown:#}");
}

#[test]
fn a_copy_goes_where_it_is_wanted_and_replaces_nothing() {
    let world = world("");
    let copy = world.path("my copy.db");
    let made = run(&world, &["db", "backup"], &copy).succeeds();
    assert!(made.stdout.contains("proven to restore"), "{made:#?}");
    run(&world, &["db", "check"], &copy).succeeds();
    let bytes = fs::read(&copy).expect("it is there");
    let again = run(&world, &["db", "backup"], &copy);
    assert!(again.fails(CANNOT_WRITE).contains("exists"), "{again:#?}");
    assert_eq!(fs::read(&copy).expect("it is there"), bytes);
    let nowhere = run(&world, &["db", "backup"], &world.path("none/copy.db"));
    nowhere.fails(CANNOT_WRITE);
    let names: Vec<String> = fs::read_dir(world.path(""))
        .expect("it is ours")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.contains("partial"))
        .collect();
    assert!(names.is_empty(), "{names:?}");
    assert!(!world.path("state/backups").exists());
    fs::remove_file(world.path("my copy.db.json")).expect("it is there");
    let alone = run(&world, &["db", "check"], &copy).succeeds();
    assert!(alone.stdout.contains("only its structure"), "{alone:#?}");
}

#[test]
fn no_copy_is_made_inside_a_decoy() {
    let world = world("");
    let decoys = world.path("decoys");
    let decoy = fs::read_dir(&decoys).expect("there are decoys");
    let decoy = decoy.flatten().next().expect("there is one").path();
    for place in ["copy.db", "not/yet/there/copy.db"] {
        let ended = run(&world, &["db", "backup"], &decoy.join(place));
        assert!(
            ended.fails(CONFIGURATION).contains("inside decky"),
            "{ended:#?}"
        );
    }
    world.configure(&format!("[backup]\nfolder = {:?}\n", decoy.join("bk")));
    let ended = world.decnet.run(["db", "backup"]);
    assert!(
        ended.fails(CONFIGURATION).contains("inside decky"),
        "{ended:#?}"
    );
    assert!(!decoy.join("bk").exists() && !decoy.join("copy.db").exists());
}

#[test]
fn one_flipped_byte_anywhere_is_found() {
    let world = world("");
    let file = path_of(&world.decnet.json(["db", "backup", "--json"]));
    let whole = fs::read(&file).expect("it is there");
    let database = fs::read(world.path("state/decnet.db")).expect("it is there");
    let mut draw = Draw::new(7);
    for _ in 0..50 {
        let mut damaged = whole.clone();
        let at = draw.below(whole.len() as u64) as usize;
        let bit = draw.below(8);
        damaged[at] ^= 1 << bit;
        fs::write(&file, &damaged).expect("it is ours");
        let checked = run(&world, &["db", "check"], &file);
        assert!(
            checked.fails(BAD).contains("SHA-256"),
            "byte {at}: {checked:#?}"
        );
    }
    world.decnet.run(["db", "check"]).fails(BAD);
    run(&world, &["db", "restore"], &file).fails(BAD);
    assert_eq!(
        fs::read(world.path("state/decnet.db")).expect("it is there"),
        database
    );
    let [shorter, longer] = [
        &whole[..whole.len() - 1],
        &[whole.as_slice(), b"x"].concat(),
    ];
    for other in [shorter, longer] {
        fs::write(&file, other).expect("it is ours");
        let checked = run(&world, &["db", "check"], &file);
        assert!(
            checked.fails(BAD).contains("bytes instead of"),
            "{checked:#?}"
        );
    }
}

#[test]
fn what_is_no_backup_is_refused() {
    let world = world("");
    let text = world.path("text.db");
    fs::write(
        &text,
        "no database at all, though it is long enough to be one",
    )
    .expect("it is ours");
    let other = world.path("other.db");
    python::run(
        "import sqlite3,sys\ndb=sqlite3.connect(sys.stdin.read())\n\
         db.execute('create table t (a)')\ndb.commit()",
        &other.display().to_string(),
    );
    let newer = world.path("newer.db");
    run(&world, &["db", "backup"], &newer).succeeds();
    fs::remove_file(world.path("newer.db.json")).expect("it is there");
    python::run(
        "import sqlite3,sys\ndb=sqlite3.connect(sys.stdin.read())\n\
         db.execute('pragma user_version = 999')",
        &newer.display().to_string(),
    );
    for command in ["check", "restore"] {
        run(&world, &["db", command], &text).fails(BAD);
        run(&world, &["db", command], &other).fails(BAD);
        run(&world, &["db", command], &world.path("decoys")).fails(BAD);
        run(&world, &["db", command], &world.path("none.db")).fails(NO_INPUT);
    }
    run(&world, &["db", "restore"], &newer).fails(78);
    run(&world, &["db", "restore"], &world.path("state/decnet.db")).fails(64);
    assert!(!world.mails().is_empty());
}

#[test]
fn a_backup_while_mail_is_written_is_of_one_moment() {
    let world = world("durable = false\n");
    let enough = AtomicBool::new(false);
    let files: Vec<PathBuf> = thread::scope(|scope| {
        for worker in 0..2_u64 {
            let (world, enough) = (&world, &enough);
            scope.spawn(move || {
                let mut round = 0;
                while !enough.load(Ordering::Relaxed) {
                    round += 1;
                    let seed = worker * 1_000 + round;
                    let ended = tick(world, seed, &friday(round * 3), 4);
                    assert!(matches!(ended.code, Some(0 | TRY_AGAIN)), "{ended:#?}");
                }
            });
        }
        let taken = (0..8).map(|_| path_of(&world.decnet.json(["db", "backup", "--json"])));
        let files = taken.collect();
        enough.store(true, Ordering::Relaxed);
        files
    });
    for file in &files {
        run(&world, &["db", "check"], file).succeeds();
    }
    world.decnet.ok(["db", "check"]);
    let last = files.last().expect("there are some");
    run(&world, &["db", "restore"], last).succeeds();
    world.decnet.ok(["db", "check"]);
    // It goes on from there.
    for mail in world.unfinished() {
        assert_ne!(text(&mail["state"]), "delivered", "{mail:#}");
    }
    let before = world.mails().len();
    tick(&world, 77, &friday(800), 4).succeeds();
    assert!(world.mails().len() >= before);
}

#[test]
fn as_many_are_kept_as_the_settings_say() {
    let world = world("[backup]\nkeep = 3\nfolder = \"kept\"\n");
    let mut made = Vec::new();
    for number in 1..=5 {
        let taken = world.decnet.json(["db", "backup", "--json"]);
        made.push(path_of(&taken));
        let pruned = taken["pruned"].as_array().expect("a list").len();
        assert_eq!(pruned, usize::from(number > 3), "{taken:#}");
    }
    let kept: Vec<bool> = made.iter().map(|file| file.exists()).collect();
    assert_eq!(kept, [false, false, true, true, true]);
    assert!(made[4].starts_with(world.path("kept")), "{made:?}");
    assert!(made.is_sorted(), "{made:?}");
}

#[test]
fn nothing_is_restored_while_decnet_runs() {
    let world = world("");
    let file = path_of(&world.decnet.json(["db", "backup", "--json"]));
    let mut running = Killed(world.decnet.start(["emailgen", "run", "--interval", "1h"]));
    until("it has the database open", || {
        let links = fs::read_dir(format!("/proc/{}/fd", running.0.id())).ok()?;
        let mut names = links.filter_map(|link| fs::read_link(link.ok()?.path()).ok());
        names
            .any(|name| name.ends_with("decnet.db-shm"))
            .then_some(())
    });
    let refused = run(&world, &["db", "restore"], &file);
    assert!(refused.fails(TRY_AGAIN).contains("in use"), "{refused:#?}");
    signal(&running.0, "TERM");
    assert!(running.0.wait().expect("it ends").success());
    run(&world, &["db", "restore"], &file).succeeds();
}

/// Makes the database that an older decnet would have made, from the migrations that it had.
const OLDER: &str = "import sqlite3,sys\n\
    lines=sys.stdin.read().splitlines()\n\
    db=sqlite3.connect(lines[0])\n\
    for path in lines[1:]:\n\
    \x20 db.executescript(open(path).read())\n\
    db.execute(f'pragma user_version={len(lines)-1}')\n\
    db.commit()";

#[test]
fn a_copy_is_made_before_a_database_is_migrated() {
    let world = world("");
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../crates/store/src/migrations"
    );
    let mut scripts: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the migrations are there")
        .map(|entry| entry.expect("it can be read").path())
        .collect();
    scripts.sort();
    let older = scripts.len() - 2;
    for ending in ["", "-wal", "-shm"] {
        // There may be no log.
        let _ = fs::remove_file(world.path(&format!("state/decnet.db{ending}")));
    }
    let database = world.path("state/decnet.db");
    let lines: Vec<String> = std::iter::once(&database)
        .chain(&scripts[..older])
        .map(|path| path.display().to_string())
        .collect();
    python::run(OLDER, &lines.join("\n"));

    // A copy that cannot be made keeps the database as it is.
    fs::write(world.path("state/backups"), "in the way").expect("it is ours");
    world.decnet.run(["db", "migrate"]).fails(CANNOT_WRITE);
    fs::remove_file(world.path("state/backups")).expect("it is ours");

    let shown = world.decnet.json(["db", "migrate", "--json"]);
    assert_eq!(shown["from"], older, "{shown:#}");
    let copy = PathBuf::from(text(&shown["copy"]));
    let name = format!("before-migration-{older:04}.db");
    assert!(copy.ends_with(&name), "{shown:#}");
    run(&world, &["db", "check"], &copy).succeeds();
    run(&world, &["db", "restore"], &copy).succeeds();
    // Whatever comes first migrates, with a copy too.
    fs::remove_file(&copy).expect("it is ours");
    world.decnet.ok(["jobs", "list"]);
    assert!(copy.exists());
    assert!(
        world
            .decnet
            .ok(["db", "migrate"])
            .stdout
            .starts_with("up to date")
    );
}

#[test]
fn a_copy_that_is_no_good_is_set_aside_told_and_leaves_the_others() {
    let world = world("[alerts]\nfile = \"alerts.jsonl\"\n");
    let good = path_of(&world.decnet.json(["db", "backup", "--json"]));
    python::run(
        "import sqlite3,sys\ndb=sqlite3.connect(sys.stdin.read())\n\
         db.execute('update mail set parent_id = 999999 where id = 1')\ndb.commit()",
        &world.path("state/decnet.db").display().to_string(),
    );
    let failed = world.decnet.run(["db", "backup"]);
    let line = failed.fails(BAD);
    assert!(
        line.contains("the table mail") && line.contains(".failed"),
        "{failed:#?}"
    );
    let by_hand = run(&world, &["db", "backup"], &world.path("copy.db"));
    by_hand.fails(BAD);
    assert!(!world.path("copy.db").exists());
    run(&world, &["db", "check"], &good).succeeds();
    let damaged = world.decnet.run(["db", "check"]);
    assert!(
        damaged.fails(BAD).contains("restore a backup"),
        "{damaged:#?}"
    );
    let alerts = fs::read_to_string(world.path("alerts.jsonl")).expect("it is there");
    assert_eq!(alerts.matches("\"backup-failed\"").count(), 2, "{alerts}");
    let found = findings(&world);
    assert!(found.contains("failed its drill"), "{found}");

    run(&world, &["db", "restore"], &good).succeeds();
    world.decnet.ok(["db", "check"]);
    world.decnet.ok(["db", "backup"]);
}

/// What the doctor says of backups.
fn findings(world: &World) -> String {
    let report = world.decnet.run(["doctor", "--json"]).json();
    let findings = report["findings"].as_array().expect("a list").iter();
    let of_backups = findings.filter(|of| text(&of["subject"]) == "backups");
    of_backups
        .map(|of| format!("{}: {}\n", text(&of["severity"]), text(&of["what"])))
        .collect()
}

#[test]
fn the_doctor_looks_at_the_newest_backup() {
    let world = world("");
    assert!(
        findings(&world).starts_with("good: none yet"),
        "{}",
        findings(&world)
    );
    let file = path_of(&world.decnet.json(["db", "backup", "--json"]));
    let good = findings(&world);
    assert!(
        good.starts_with("good: ") && good.contains("has passed its drill"),
        "{good}"
    );
    let folder = world.path("state/backups");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let open = findings(&world);
    assert!(
        open.starts_with("problem: ") && open.contains("read by others"),
        "{open}"
    );
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("it is ours");
    let old = folder.join("decnet-20260101T030000Z.db");
    let facts = |path: &Path| PathBuf::from(format!("{}.json", path.display()));
    fs::rename(&file, &old).expect("it is ours");
    fs::rename(facts(&file), facts(&old)).expect("it is ours");
    let late = findings(&world);
    assert!(late.starts_with("warning: the newest is old"), "{late}");
    let whole = fs::read(&old).expect("it is there");
    fs::write(&old, &whole[1..]).expect("it is ours");
    let shorter = findings(&world);
    assert!(
        shorter.contains("problem: ") && shorter.contains("bytes instead of"),
        "{shorter}"
    );
    fs::remove_file(facts(&old)).expect("it is ours");
    let alone = findings(&world);
    assert!(alone.contains("has lost the facts"), "{alone}");
}
