//! `decnet sessions` over the logs of decoys: who is inside, what was done, who is told.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use decnet_tests::binary::Decnet;
use decnet_tests::dovecot::{Dovecot, info_log};
use decnet_tests::logs::{Growing, Logs, append, bodies, ended, kill_ticks, records, run_of};
use decnet_tests::office::{finish, office, settle};
use decnet_tests::process::Killed;
use decnet_tests::wait::until;
use decnet_tests::world::{World, list, text};
use serde_json::{Value, json};

/// What Cowrie wrote under sessions over the loopback interface.
const RECORDED: &str =
    include_str!("../../crates/session-pipeline/tests/fixtures/cowrie/recorded.json");
/// What nobody should have written, and what a terminal must not see.
const HOSTILE: &str =
    include_str!("../../crates/session-pipeline/tests/fixtures/cowrie/hostile.json");
/// What most of its intruders logged in with.
const PASSWORD: &str = "hunter2-pass";
const ANA: &str = "ana.ruiz@office.example";
const BEN: &str = "ben.cole@office.example";
const CARA: &str = "cara.diaz@office.example";

/// What the log has of everybody who comes.
const LOGIN: &str = "Login: user=";
/// What it has of everybody who leaves in order.
const LOGOUT: &str = "Logged out";

/// Processes that must have died of SIGKILL.
const KILLS: u64 = 300;

/// An office with mail on two deckies, each with a server.
struct Office {
    world: World,
}

impl Office {
    fn new() -> Self {
        let people = [
            ("Ana Ruiz", "mx1"),
            ("Ben Cole", "mx1"),
            ("Cara Diaz", "mx2"),
        ];
        let world = World::new(&office(&people), "");
        settle(&world, people.len());
        finish(&world);
        Self { world }
    }

    fn folder(&self, decky: &str) -> PathBuf {
        let folder = self.world.outside().join(format!("dovecot-{decky}"));
        fs::create_dir_all(&folder).expect("the world's folder can be written");
        folder
    }

    fn log(&self, decky: &str) -> PathBuf {
        info_log(&self.folder(decky))
    }

    /// Serves the mail of a decky. What was logged when the server was looked for is in the log.
    fn serve(&self, decky: &str) -> Dovecot {
        let mut mailboxes = self.world.mailboxes();
        mailboxes.retain(|mailbox| mailbox.decky == decky);
        let dovecot = Dovecot::start(&self.folder(decky), &mailboxes);
        logged(&self.log(decky), "Disconnected", 1);
        dovecot
    }

    /// Lines for the configuration that name the logs of both servers.
    fn sources(&self) -> String {
        let source = |decky| {
            let log = self.log(decky);
            format!(
                "[[sessions.source]]\nkind = \"dovecot\"\npath = \"{}\"\ndecky = \"{decky}\"\n",
                log.display()
            )
        };
        format!(
            "[sessions]\nsample_every = \"1s\"\n{}{}",
            source("mx1"),
            source("mx2")
        )
    }
}

/// How often a log holds a text.
fn count(log: &Path, what: &str) -> usize {
    let log = fs::read_to_string(log).unwrap_or_default();
    log.matches(what).count()
}

/// Waits until a log holds a text so many times.
fn logged(log: &Path, what: &str, times: usize) {
    until(&format!("{times} times {what:?} in the log"), || {
        (count(log, what) >= times).then_some(())
    });
}

/// Somebody looks at a mailbox, opens one mail and leaves. All of it is in the log then, which is
/// the file that the server writes to.
fn look_around(dovecot: &Dovecot, log: &Path, address: &str) {
    let [logins, logouts] = [LOGIN, LOGOUT].map(|what| count(log, what) + 1);
    let mut imap = dovecot.login(address);
    logged(log, LOGIN, logins);
    assert!(imap.select("INBOX") > 0, "{address} has mail");
    assert!(imap.list_headers() > 0);
    imap.open(1);
    imap.logout();
    logged(log, LOGOUT, logouts);
}

fn tick(decnet: &Decnet) {
    decnet.ok(["sessions", "tick"]);
}

/// Impressions and engagements of a decky so far.
fn counted(decnet: &Decnet, decky: &str) -> (u64, u64) {
    let points = bodies(decnet, "engagement", "point");
    let last = points
        .iter()
        .filter(|point| text(&point["decky"]) == decky)
        .max_by_key(|point| text(&point["at"]).to_owned())
        .unwrap_or_else(|| panic!("there is a point of {decky}: {points:#?}"));
    let number = |field: &str| last[field].as_u64().expect("a number");
    (number("impressions"), number("engagements"))
}

/// Everybody who is or was inside a decky, in the order in which they came.
fn visitors(decnet: &Decnet, decky: &str) -> Vec<Value> {
    let mut all = bodies(decnet, "engagement", "presence");
    all.retain(|presence| text(&presence["decky"]) == decky);
    all.sort_by_key(|presence| text(&presence["since"]).to_owned());
    all
}

/// Decky and user of each first login that was told, by `alerts list`.
fn first_logins(decnet: &Decnet) -> Vec<(String, String)> {
    let alerts = decnet.json([
        "alerts",
        "list",
        "--kind",
        "first-login",
        "--limit",
        "0",
        "--json",
    ]);
    let mut logins: Vec<(String, String)> = list(&alerts)
        .map(|alert| {
            let user = text(&alert["facts"]["user"]).to_owned();
            (text(&alert["decky"]).to_owned(), user)
        })
        .collect();
    logins.sort();
    logins
}

/// The same, by the file that alerts go to.
fn first_logins_in(file: &Path) -> Vec<(String, String)> {
    let lines = fs::read_to_string(file).unwrap_or_default();
    let mut logins: Vec<(String, String)> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line of JSON"))
        .filter(|alert| text(&alert["kind"]) == "first-login")
        .map(|alert| {
            let user = text(&alert["facts"]["user"]).to_owned();
            (text(&alert["decky"]).to_owned(), user)
        })
        .collect();
    logins.sort();
    logins
}

fn pair(decky: &str, user: &str) -> (String, String) {
    (decky.to_owned(), user.to_owned())
}

#[test]
fn an_intruder_in_a_mailbox_is_seen_counted_and_told() {
    let office = Office::new();
    let (mx1, mx2) = (office.serve("mx1"), office.serve("mx2"));
    let alerts = "[alerts]\nfile = \"alerts.jsonl\"\n";
    let logs = Logs::new(&format!("{}{alerts}", office.sources()));
    let sink = logs.state().with_file_name("alerts.jsonl");
    let decnet = &logs.decnet;
    tick(decnet);
    assert_eq!(bodies(decnet, "engagement", "presence"), [] as [Value; 0]);
    let before = counted(decnet, "mx1");

    let mut imap = mx1.login(ANA);
    logged(&office.log("mx1"), LOGIN, 1);
    tick(decnet);
    let inside = visitors(decnet, "mx1");
    assert_eq!(inside.len(), 1, "{inside:#?}");
    let presence = &inside[0];
    assert_eq!(
        (
            text(&presence["user"]),
            text(&presence["address"]),
            text(&presence["protocol"])
        ),
        (ANA, "127.0.0.1", "imap")
    );
    assert!(
        presence["until"].is_null() && presence["since"].is_string(),
        "{presence:#}"
    );
    assert_eq!(
        counted(decnet, "mx1"),
        (before.0 + 1, before.1),
        "a login is an impression"
    );
    assert_eq!(first_logins(decnet), [pair("mx1", ANA)]);
    assert_eq!(first_logins_in(&sink), [pair("mx1", ANA)]);

    assert!(imap.select("INBOX") > 0 && imap.list_headers() > 0);
    imap.open(1);
    imap.logout();
    logged(&office.log("mx1"), LOGOUT, 1);
    tick(decnet);
    let left = visitors(decnet, "mx1");
    assert_eq!(left.len(), 1, "{left:#?}");
    assert!(left[0]["until"].is_string(), "{left:#?}");
    assert_eq!(
        (&left[0]["since"], text(&left[0]["ended"])),
        (&presence["since"], "left")
    );
    assert_eq!(
        counted(decnet, "mx1"),
        (before.0 + 2, before.1 + 1),
        "a list is an impression, a mail that is opened an engagement"
    );

    // The second one on a decky is seen, but not told; the first one on another decky is.
    look_around(&mx1, &office.log("mx1"), BEN);
    tick(decnet);
    assert_eq!(visitors(decnet, "mx1").len(), 2);
    assert_eq!(counted(decnet, "mx1"), (before.0 + 4, before.1 + 2));
    assert_eq!(first_logins(decnet), [pair("mx1", ANA)]);
    look_around(&mx2, &office.log("mx2"), CARA);
    tick(decnet);
    tick(decnet);
    let expected = [pair("mx1", ANA), pair("mx2", CARA)];
    assert_eq!(first_logins(decnet), expected);
    assert_eq!(first_logins_in(&sink), expected);
    assert_eq!(visitors(decnet, "mx2").len(), 1);
    assert_eq!(mx1.errors() + &mx2.errors(), "");
}

#[test]
fn the_access_of_decnet_itself_is_left_out() {
    let office = Office::new();
    let mx1 = office.serve("mx1");
    look_around(&mx1, &office.log("mx1"), ANA);
    look_around(&mx1, &office.log("mx1"), BEN);
    let sources = office.sources();
    let logs = Logs::new(&sources);
    let own = |name: &str, line: &str| {
        let decnet = logs.another(
            name,
            &sources.replace("[sessions]", &format!("[sessions]\n{line}")),
        );
        tick(&decnet);
        decnet
    };
    tick(&logs.decnet);
    let everybody = counted(&logs.decnet, "mx1");
    assert_eq!(first_logins(&logs.decnet), [pair("mx1", ANA)]);

    let user = own("user", "own_users = [\"Ana.Ruiz@office.example\"]");
    let inside = visitors(&user, "mx1");
    assert_eq!(
        inside
            .iter()
            .map(|who| text(&who["user"]))
            .collect::<Vec<_>>(),
        [BEN]
    );
    assert_eq!(counted(&user, "mx1"), (everybody.0 - 2, everybody.1 - 1));
    assert_eq!(
        first_logins(&user),
        [pair("mx1", BEN)],
        "the first stranger is told"
    );

    let address = own("address", "own_addresses = [\"127.0.0.1\"]");
    assert_eq!(visitors(&address, "mx1"), [] as [Value; 0]);
    assert_eq!(counted(&address, "mx1"), (0, 0));
    assert_eq!(first_logins(&address), []);
}

#[test]
fn a_mail_log_that_is_renamed_between_ticks_loses_nothing() {
    let office = Office::new();
    let mx1 = office.serve("mx1");
    let logs = Logs::new(&office.sources());
    let decnet = &logs.decnet;
    let log = office.log("mx1");
    look_around(&mx1, &log, ANA);
    tick(decnet);
    assert_eq!(visitors(decnet, "mx1").len(), 1);

    // One is inside while the log is renamed; the server goes on in the renamed file.
    let inside = mx1.login(BEN);
    logged(&log, LOGIN, 2);
    let renamed = log.with_extension("log.1");
    fs::rename(&log, &renamed).expect("it is ours");
    tick(decnet);
    let still = visitors(decnet, "mx1");
    let still = still.iter().filter(|who| who["until"].is_null());
    assert_eq!(
        still.map(|who| text(&who["user"])).collect::<Vec<_>>(),
        [BEN]
    );
    look_around(&mx1, &renamed, ANA);
    inside.logout();
    logged(&renamed, LOGOUT, 3);
    mx1.reopen_logs();
    look_around(&mx1, &log, BEN);
    tick(decnet);
    let visitors = visitors(decnet, "mx1");
    assert_eq!(visitors.len(), 4, "{visitors:#?}");
    assert!(
        visitors.iter().all(|who| who["until"].is_string()),
        "{visitors:#?}"
    );

    // And once more, all between two ticks.
    fs::rename(&renamed, log.with_extension("log.2")).expect("it is ours");
    look_around(&mx1, &log, ANA);
    fs::rename(&log, &renamed).expect("it is ours");
    mx1.reopen_logs();
    look_around(&mx1, &log, BEN);
    tick(decnet);
    logs.equal_one_clean_tick(&[("engagement", "presence")]);
    let clean = logs.another("clean", &office.sources());
    tick(&clean);
    assert_eq!(counted(decnet, "mx1"), counted(&clean, "mx1"));
    assert_eq!(bodies(decnet, "engagement", "presence").len(), 6);
}

const MAIL_LOG: &str = "[sessions]\nsample_every = \"1s\"\n[[sessions.source]]\n\
                        kind = \"dovecot\"\npath = \"{logs}/info.log\"\ndecky = \"mail01\"\n";

/// Two processes log, each through a pipe of its own: a busy Dovecot writes what they say in
/// either order.
#[test]
fn who_left_is_not_inside_although_the_login_is_logged_last() {
    let logs = Logs::new(MAIL_LOG);
    let session = |n: u32| {
        [
            format!(
                "Nov 20 10:00:0{n} imap-login: Info: Login: user=<{ANA}>, method=PLAIN, \
                 rip=192.0.2.7, lip=198.51.100.1, mpid={n}, secured, session=<S{n}>\n"
            ),
            format!(
                "Nov 20 10:00:0{n} imap({ANA})<{n}><S{n}>: Info: Disconnected: Logged out in=89 \
                 out=7077 deleted=0 expunged=0 trashed=0 hdr_count=3 hdr_bytes=2781 body_count=1 \
                 body_bytes=3180\n"
            ),
        ]
    };
    let ([first_login, first_end], [login, end]) = (session(1), session(2));
    append(
        &logs.path("info.log"),
        format!("{first_login}{first_end}{end}{login}").as_bytes(),
    );
    tick(&logs.decnet);
    let visitors = visitors(&logs.decnet, "mail01");
    assert_eq!(visitors.len(), 2, "{visitors:#?}");
    assert!(
        visitors.iter().all(|who| who["until"].is_string()),
        "{visitors:#?}"
    );
    assert_eq!(counted(&logs.decnet, "mail01"), (4, 2), "each counts once");
}

const COWRIE: &str = "[[sessions.source]]\nkind = \"cowrie\"\npath = \"{logs}/cowrie.json\"\n\
                      decky = \"files01\"\n";

/// Whether any file in a folder holds a text.
fn holds(folder: &Path, what: &str) -> bool {
    fs::read_dir(folder).expect("it is a folder").any(|entry| {
        let path = entry.expect("it can be listed").path();
        let bytes = fs::read(&path).unwrap_or_default();
        bytes
            .windows(what.len())
            .any(|window| window == what.as_bytes())
    })
}

#[test]
fn attackers_sessions_outlast_a_rotation_and_their_passwords_are_left_out() {
    let logs = Logs::new(COWRIE);
    let rows: Vec<&str> = RECORDED.lines().collect();
    let is = |event: &str| rows.iter().filter(|row| row.contains(event)).count();
    let sessions = is("\"cowrie.session.connect\"");
    let (first, rest) = rows.split_at(20);
    let text_of = |rows: &[&str]| {
        rows.iter()
            .map(|row| format!("{row}\n"))
            .collect::<String>()
    };
    append(&logs.path("cowrie.json"), text_of(first).as_bytes());
    tick(&logs.decnet);
    let open = bodies(&logs.decnet, "cowrie", "session")
        .iter()
        .filter(|session| session["ended"].is_null())
        .count();
    assert!(open > 0, "the log is rotated in the middle of a session");
    fs::rename(
        logs.path("cowrie.json"),
        logs.path("cowrie.json.2026-11-20"),
    )
    .expect("it is ours");
    append(&logs.path("cowrie.json"), text_of(rest).as_bytes());
    tick(&logs.decnet);

    let found = bodies(&logs.decnet, "cowrie", "session");
    let ids: BTreeSet<&str> = found
        .iter()
        .map(|session| text(&session["session"]))
        .collect();
    assert_eq!((found.len(), ids.len()), (sessions, sessions));
    assert!(
        found
            .iter()
            .all(|session| session["continued"] == false && session["ended"].is_string())
    );
    assert!(found.iter().all(|session| session["decky"] == "files01"));
    let said = records(&logs.decnet, "cowrie", "").join("\n");
    assert!(said.contains("[redacted]") && !said.contains(PASSWORD));
    assert!(
        !holds(&logs.state(), PASSWORD),
        "nor does the database have it anywhere"
    );
    logs.equal_one_clean_tick(&[("cowrie", ""), ("engagement", "presence")]);

    let kept = logs.another(
        "kept",
        &format!("[sessions]\nkeep_passwords = true\n{COWRIE}"),
    );
    tick(&kept);
    let said = records(&kept, "cowrie", "").join("\n");
    assert!(said.contains(PASSWORD) && !said.contains("[redacted]"));
}

#[test]
fn a_log_that_is_copied_and_emptied_between_ticks_loses_nothing() {
    let logs = Logs::new(COWRIE);
    let log = logs.path("cowrie.json");
    let rows: Vec<String> = RECORDED.lines().map(|row| format!("{row}\n")).collect();
    for (number, rows) in rows.chunks(25).enumerate() {
        let (before, after) = rows.split_at(12);
        append(&log, before.concat().as_bytes());
        tick(&logs.decnet);
        // What comes between the last look and the copy is in the copy only.
        append(&log, after.concat().as_bytes());
        fs::copy(&log, logs.path(&format!("cowrie.json.{}", 9 - number))).expect("there is room");
        fs::write(&log, "").expect("it is ours");
    }
    tick(&logs.decnet);
    let connects = RECORDED.matches("\"cowrie.session.connect\"").count();
    assert_eq!(bodies(&logs.decnet, "cowrie", "session").len(), connects);
    logs.equal_one_clean_tick(&[("cowrie", ""), ("engagement", "presence")]);
}

#[test]
fn what_attackers_write_drives_no_terminal() {
    let logs = Logs::new(COWRIE);
    append(&logs.path("cowrie.json"), HOSTILE.as_bytes());
    let ticked = logs.decnet.ok(["sessions", "tick"]);
    assert!(
        ticked.stderr.contains("cowrie.json: line 2 at byte "),
        "{ticked:#?}"
    );
    let told = logs.decnet.ok(["alerts", "list"]);
    assert!(told.stdout.contains("first login on files01"), "{told:#?}");
    let [cowrie, engagement] = ["cowrie", "engagement"]
        .map(|processor| logs.decnet.ok(["sessions", "records", processor]));
    assert!(cowrie.stdout.contains("owned"), "{cowrie:#?}");
    for said in [&ticked, &told, &cowrie, &engagement] {
        for text in [&said.stdout, &said.stderr] {
            let wrong = text
                .chars()
                .find(|c| c.is_control() && *c != '\n' || *c == '\u{202e}');
            assert_eq!(wrong, None, "{said:#?}");
        }
    }
}

#[test]
fn a_log_that_is_no_file_is_told_and_not_waited_for() {
    let logs = Logs::new(COWRIE);
    let made = Command::new("mkfifo")
        .arg(logs.path("cowrie.json"))
        .status()
        .expect("mkfifo can be run");
    assert!(made.success());
    let mut child = Killed(logs.decnet.start(["sessions", "tick", "--json"]));
    let ended = ended("a tick that waits for nothing", &mut child.0);
    let report = ended.json();
    let run = run_of(&report, "cowrie");
    assert_eq!(run["errors"], 1, "{report:#}");
    assert!(
        text(&run["details"][0]["what"]).contains("not a file"),
        "{report:#}"
    );
}

/// Many sessions of intruders on an SSH decoy, several at a time.
fn cowrie_log() -> String {
    let mut log = String::new();
    for n in 0..600_u32 {
        let mut row = |session: u32, event: &str, mut row: Value| {
            row["session"] = json!(format!("{session:012x}"));
            row["eventid"] = json!(event);
            row["src_ip"] = json!(format!("192.0.2.{}", session % 250));
            let (minute, second) = (n / 60 % 60, n % 60);
            row["timestamp"] = json!(format!("2026-11-20T10:{minute:02}:{second:02}.000000Z"));
            let _ = writeln!(log, "{row}");
        };
        row(n, "cowrie.session.connect", json!({"protocol": "ssh"}));
        row(
            n,
            "cowrie.login.success",
            json!({"username": "root", "password": "x"}),
        );
        row(
            n,
            "cowrie.command.input",
            json!({"input": format!("uname -a; echo {n}")}),
        );
        if n >= 5 {
            row(n - 5, "cowrie.command.input", json!({"input": "exit"}));
            row(n - 5, "cowrie.session.closed", json!({"duration": 5.0}));
        }
    }
    log
}

/// Many sessions of intruders on a mail decoy, several at a time.
fn dovecot_log() -> String {
    let mut log = String::new();
    for n in 0..900_u32 {
        let at = format!("Nov 20 10:{:02}:{:02}", n / 60 % 60, n % 60);
        let user = |n: u32| format!("user{}@office.example", n % 7);
        let _ = writeln!(
            log,
            "{at} imap-login: Info: Login: user=<{}>, method=PLAIN, rip=192.0.2.{}, \
             lip=198.51.100.1, mpid={}, secured, session=<S{n}>",
            user(n),
            n % 250,
            1000 + n
        );
        if n >= 5 {
            let n = n - 5;
            let _ = writeln!(
                log,
                "{at} imap({})<{}><S{n}>: Info: Disconnected: Logged out in=151 out=3412 deleted=0 \
                 expunged=0 trashed=0 hdr_count=3 hdr_bytes=900 body_count=1 body_bytes=1000",
                user(n),
                1000 + n
            );
        }
    }
    log
}

#[test]
fn ticks_that_are_killed_while_logs_rotate_lose_and_repeat_nothing() {
    let settings = format!(
        "{COWRIE}[[sessions.source]]\nkind = \"dovecot\"\npath = \"{{logs}}/info.log\"\n\
         decky = \"mail01\"\n"
    );
    let logs = Logs::new(&settings);
    let growing = [("cowrie.json", cowrie_log()), ("info.log", dovecot_log())];
    let workers = growing.map(|(name, text)| (Growing::new(logs.path(name), text), 0));
    kill_ticks(
        &logs.decnet,
        KILLS,
        workers,
        |(file, rotations), share, draw| {
            file.grow(share, draw);
            // Ten times on the way.
            if share * 11.0 > f64::from(*rotations + 1) && share < 1.0 {
                *rotations += 1;
                file.rotate(&format!(".2026-11-{:02}", *rotations));
            }
        },
    );
    let rotated = fs::read_dir(logs.path("")).expect("it is ours").count();
    assert!(rotated > 12, "{rotated} files");
    tick(&logs.decnet);
    assert_eq!(bodies(&logs.decnet, "cowrie", "session").len(), 600);
    logs.equal_one_clean_tick(&[("cowrie", ""), ("engagement", "presence")]);
    let clean = logs.another("clean", &settings);
    tick(&clean);
    for decky in ["files01", "mail01"] {
        assert_eq!(
            counted(&logs.decnet, decky),
            counted(&clean, decky),
            "{decky}"
        );
    }
    let told = [
        pair("files01", "root"),
        pair("mail01", "user0@office.example"),
    ];
    assert_eq!(first_logins(&logs.decnet), told);
    logs.the_database_is_whole();
}
