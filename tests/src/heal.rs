//! Self-heal in small offices: points that make decoys due, ticks, and what came of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use crate::binary::Outcome;
use crate::office::{friday, office, settle, tick};
use crate::wait::until;
use crate::world::{World, list, text};

/// Engagements of a thousand impressions that call for a comment: a stagnation of 0.4.
pub const FOR_COMMENT: u64 = 30;
/// Engagements of a thousand impressions that call for an edit: a stagnation of 0.7.
pub const FOR_EDIT: u64 = 15;
/// Engagements of a thousand impressions that call for a thread: a stagnation of 1.
pub const FOR_THREAD: u64 = 0;

/// Names of the columns that points are imported from.
pub const HEADER: &str = "target,ts,impressions,engagements\n";

/// Every second brings a new episode, so that everything is due again at each moment. What is left
/// behind is taken up soon.
pub const ALWAYS_DUE: &str = "[emailgen]\nlease = \"1s\"\n\
    [heal]\npolicies = [\"stagnation\"]\nwindow = \"30d\"\nlongest_episode = \"1s\"\n\
    cooldown_comment = \"1s\"\ncooldown_edit = \"1s\"\ncooldown_thread = \"1s\"\n\
    actions_per_window = 100000\nactions_per_hour = 100000\ncircuit_share = 1.0\n\
    tries = 1000\nretry_first = \"100ms\"\nretry_longest = \"500ms\"\nlease = \"1s\"\n";

/// When nothing is due any more with [`ALWAYS_DUE`]: the points are too old.
const MUCH_LATER: &str = "2026-04-08T12:00:00Z";

/// Every reason that nothing is done.
pub const REASONS: [&str; 14] = [
    "paused",
    "intruder_present",
    "insufficient_samples",
    "no_traffic",
    "duplicate_action",
    "retry_scheduled",
    "window_frequency_exceeded",
    "action_cooldown_active",
    "owner_inactive",
    "changed_recently",
    "never_changed",
    "nobody_acts",
    "fleet_circuit_open",
    "budget_exhausted",
];

/// Two people on each of so many deckies, `mx1` and so on, who are always at work from Monday to
/// Friday, all with a mailbox and some mail. No commit waits for the disk.
pub fn settled(deckies: usize, settings: &str) -> World {
    let settings = format!("durable = false\n{settings}");
    let world = World::new(&office_on(deckies), &settings);
    settle(&world, 2 * deckies);
    for minute in 0..3 {
        tick(&world, minute, &friday(minute), 4).succeeds();
    }
    world
}

/// The world file of such an office.
pub fn office_on(deckies: usize) -> String {
    const NAMES: [&str; 10] = [
        "Ruiz", "Cole", "Diaz", "Eames", "Foster", "Grant", "Hayes", "Irwin", "Jones", "Klein",
    ];
    let people: Vec<(String, String)> = (0..deckies)
        .flat_map(|n| {
            let decky = format!("mx{}", n + 1);
            ["Ana", "Ben"].map(|first| (format!("{first} {}", NAMES[n]), decky.clone()))
        })
        .collect();
    let people: Vec<(&str, &str)> = people
        .iter()
        .map(|(name, decky)| (name.as_str(), decky.as_str()))
        .collect();
    office(&people)
}

/// Moments of the week after the day of the [office](crate::office), six minutes apart: nobody answers
/// what has just arrived.
pub fn moment(number: i64) -> String {
    let start: DateTime<Utc> = "2026-03-09T00:01:00Z".parse().expect("a time");
    assert!(number < 1_190, "the week is over");
    later(&start.to_rfc3339(), TimeDelta::minutes(6 * number))
}

/// The moment by the real clock.
#[expect(
    clippy::disallowed_methods,
    reason = "servers log and loops tick by the real clock, which tests have to follow"
)]
pub fn real_now() -> String {
    Utc::now().to_rfc3339()
}

/// So long after a moment.
pub fn later(now: &str, span: TimeDelta) -> String {
    let at: DateTime<Utc> = now.parse().expect("a time");
    (at + span).to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Lines of three points within the hour before `now`, between which a thousand impressions were
/// counted with so many engagements.
pub fn points(target: &str, now: &str, engagements: u64) -> String {
    counted(target, now, 1_000, engagements)
}

/// The same with any number of impressions.
pub fn counted(target: &str, now: &str, impressions: u64, engagements: u64) -> String {
    let mut lines = String::new();
    for (minutes, share) in [(60, 0), (30, 1), (0, 2)] {
        let at = later(now, TimeDelta::minutes(-minutes));
        let (seen, used) = (500 + impressions * share / 2, engagements * share / 2);
        let _ = writeln!(lines, "{target},{at},{seen},{used}");
    }
    lines
}

/// Takes in such lines.
#[track_caller]
pub fn import(world: &World, lines: &str) {
    world.write("points.csv", &format!("{HEADER}{lines}"));
    let file = world.path("points.csv").display().to_string();
    world.decnet.ok(["heal", "metrics", "import", &file]);
}

/// What `heal tick --json` said.
#[derive(Clone, Debug)]
pub struct Healed {
    /// How it ended.
    pub outcome: Outcome,
    /// What it said of each target.
    pub targets: BTreeMap<String, Value>,
}

/// One tick at a moment of the day of the [office](crate::office), to its end.
#[track_caller]
pub fn heal(world: &World, now: &str) -> Healed {
    heal_with(world, &["--now", now])
}

/// The same with any options.
#[track_caller]
pub fn heal_with(world: &World, options: &[&str]) -> Healed {
    let arguments = ["heal", "tick", "--json", "--seed", "7"];
    let outcome = world.decnet.run(arguments.iter().chain(options));
    assert!(matches!(outcome.code, Some(0 | 69 | 75)), "{outcome:#?}");
    let said = outcome.json();
    let mut targets = BTreeMap::new();
    for object in list(&said) {
        let before = targets.insert(text(&object["target"]).to_owned(), object.clone());
        assert!(before.is_none(), "a target is there twice: {said:#}");
    }
    Healed { outcome, targets }
}

impl Healed {
    /// Itself, if nothing failed.
    #[track_caller]
    pub fn succeeds(self) -> Self {
        assert_eq!(self.outcome.code, Some(0), "{:#?}", self.outcome);
        self
    }

    /// What was said of a target.
    #[track_caller]
    pub fn of(&self, target: &str) -> &Value {
        let found = self.targets.get(target);
        found.unwrap_or_else(|| panic!("nothing is said of {target}: {:#?}", self.targets))
    }

    /// Why nothing is done to a target.
    #[track_caller]
    pub fn reason(&self, target: &str) -> &str {
        self.of(target)["reason"].as_str().unwrap_or("act")
    }

    /// What was done to a target, in order: what was left of an earlier tick comes first.
    pub fn executions(&self, target: &str) -> Vec<&Value> {
        let executions = self.of(target)["executions"].as_array();
        executions.into_iter().flatten().collect()
    }

    /// The one thing that was done to a target.
    #[track_caller]
    pub fn execution(&self, target: &str) -> &Value {
        match self.executions(target).as_slice() {
            [execution] => execution,
            _ => panic!("one thing is done: {:#}", self.of(target)),
        }
    }

    /// Targets that something was done to.
    pub fn executed(&self) -> BTreeSet<&str> {
        let targets = self.targets.keys().map(String::as_str);
        targets
            .filter(|target| !self.executions(target).is_empty())
            .collect()
    }

    /// The mail that was made for a target.
    #[track_caller]
    pub fn mail(&self, target: &str) -> u64 {
        let execution = self.execution(target);
        assert_eq!(execution["status"]["status"], "success", "{execution:#}");
        mail_of(execution)
    }
}

/// The mail that an attempt made.
#[track_caller]
pub fn mail_of(attempt: &Value) -> u64 {
    let mail = attempt["result"]["mail"].as_u64();
    mail.unwrap_or_else(|| panic!("it made a mail: {attempt:#}"))
}

/// Every attempt, the last first.
#[track_caller]
pub fn history(world: &World) -> Vec<Value> {
    let said = world
        .decnet
        .json(["heal", "history", "--limit", "0", "--json"]);
    list(&said).cloned().collect()
}

/// What the mail of an attempt was asked for by.
pub fn cause(attempt: &Value) -> String {
    let plan = &attempt["plan"];
    let (policy, key) = (text(&plan["policy"]), text(&plan["key"]));
    format!("{policy}/{key}/{}", plan["epoch"])
}

/// One mail with everything that is known of it.
#[track_caller]
pub fn show(world: &World, mail: u64) -> Value {
    let id = mail.to_string();
    world.decnet.json(["emailgen", "show", &id, "--json"])
}

/// Ticks until every attempt is settled, with [`ALWAYS_DUE`].
pub fn settle_attempts(world: &World) {
    until("every attempt is settled", || {
        let _ = heal(world, MUCH_LATER);
        let attempts = history(world);
        let mut states = attempts.iter().map(|attempt| &attempt["status"]["status"]);
        states.all(|status| status == "success").then_some(())
    });
}

/// What was asked for by each cause: ids of its mails.
pub fn caused(world: &World) -> BTreeMap<String, Vec<u64>> {
    let mut caused: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let rows = crate::python::run(
        "import sqlite3,sys\n\
         db=sqlite3.connect(sys.stdin.read())\n\
         for row in db.execute('select cause, id from mail where cause is not null'):\n\
         \x20 print(*row, sep='\\t')",
        &world.path("state/decnet.db").display().to_string(),
    );
    for row in rows.lines() {
        let (cause, mail) = row.split_once('\t').expect("two columns");
        let mail = mail.parse().expect("a number");
        caused.entry(cause.to_owned()).or_default().push(mail);
    }
    caused
}

/// The bytes of the database and of its log.
pub fn database(world: &World) -> BTreeMap<&'static str, Vec<u8>> {
    ["decnet.db", "decnet.db-wal"]
        .map(|name| {
            let bytes = fs::read(world.path("state").join(name));
            (name, bytes.unwrap_or_default())
        })
        .into()
}

/// Every attempt succeeded, each with a mail of its own that lies where it should, and nothing else
/// was made by anybody's asking.
#[track_caller]
pub fn each_attempt_made_one_mail(world: &World) {
    let attempts = history(world);
    let mut expected: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for attempt in &attempts {
        assert_eq!(attempt["status"]["status"], "success", "{attempt:#}");
        expected
            .entry(cause(attempt))
            .or_default()
            .push(mail_of(attempt));
    }
    assert_eq!(caused(world), expected);
    let ids: BTreeSet<u64> = expected.values().flatten().copied().collect();
    assert_eq!(ids.len(), attempts.len(), "one mail for each attempt");
    let mails = world.mails();
    let states: BTreeSet<&str> = mails.iter().map(|mail| text(&mail["state"])).collect();
    assert_eq!(states, BTreeSet::from(["delivered"]));
    crate::office::disk_and_ledger_agree(world);
}

/// Nothing in a text drives a terminal or breaks a line where none ends.
#[track_caller]
pub fn is_clean(text: &str) {
    let wrong = |c: &char| {
        c.is_control() && *c != '\n' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2028}')
    };
    assert_eq!(text.chars().find(wrong), None, "{text:?}");
}
