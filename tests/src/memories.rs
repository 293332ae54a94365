//! What personas remember, and the jobs behind it, read from the database as it lies there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::office::recipients;
use crate::world::{World, text};

/// The rows of a question to the database, one object each.
#[track_caller]
pub fn rows(world: &World, sql: &str) -> Vec<Value> {
    let script = "import json,sqlite3,sys\n\
                  path,sql=sys.stdin.read().split('\\0')\n\
                  db=sqlite3.connect(path)\n\
                  db.row_factory=sqlite3.Row\n\
                  print(json.dumps([dict(row) for row in db.execute(sql)]))";
    let path = world.path("state/decnet.db").display().to_string();
    let printed = crate::python::run(script, &format!("{path}\0{sql}"));
    let rows: Value = serde_json::from_str(&printed).expect("it is JSON");
    rows.as_array().expect("a list").clone()
}

/// Every job.
#[track_caller]
pub fn jobs(world: &World) -> Vec<Value> {
    let listed = world
        .decnet
        .json(["jobs", "list", "--limit", "0", "--json"]);
    listed.as_array().expect("a list").clone()
}

/// One tick of the worker: what it says that it did.
#[track_caller]
pub fn work_off(world: &World) -> Value {
    world.decnet.json(["worker", "tick", "--json"])
}

/// A score that somebody gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scored {
    /// How much it matters.
    pub score: u64,
    /// Who says so.
    pub scorer: String,
    /// Why.
    pub reason: String,
}

/// Every score of the log, by the cause of its memory: `mail:17/ana@office.example`.
#[track_caller]
pub fn scores(world: &World) -> BTreeMap<String, Vec<Scored>> {
    let mut scores: BTreeMap<String, Vec<Scored>> = BTreeMap::new();
    for row in rows(
        world,
        "WITH judged AS MATERIALIZED (
             SELECT number, event ->> '$.memory' AS memory, event ->> '$.score' AS score,
                    event ->> '$.scorer' AS scorer, event ->> '$.reason' AS reason
             FROM memory_log WHERE kind = 2)
         SELECT w.cause, s.score, s.scorer, s.reason
         FROM memory_log w LEFT JOIN judged s ON s.memory = w.number
         WHERE w.kind = 1 ORDER BY w.number, s.number",
    ) {
        let of_memory = scores.entry(text(&row["cause"]).to_owned()).or_default();
        if let Some(score) = row["score"].as_u64() {
            of_memory.push(Scored {
                score,
                scorer: text(&row["scorer"]).to_owned(),
                reason: text(&row["reason"]).to_owned(),
            });
        }
    }
    scores
}

/// The causes that memories of all delivered mail have: one for its author and one for each reader.
#[track_caller]
pub fn expected(world: &World) -> BTreeSet<String> {
    let mails = world.mails();
    let delivered = mails
        .iter()
        .filter(|mail| text(&mail["state"]) == "delivered" && mail["draft"].is_null());
    delivered
        .flat_map(|mail| {
            let people = std::iter::once(text(&mail["from"])).chain(recipients(mail));
            people.map(|address| format!("mail:{}/{}", mail["id"], address.to_lowercase()))
        })
        .collect()
}

/// Of every delivered mail its author and its readers have one memory each, which has one score with
/// its reason; nobody has another one; and no job is left.
#[track_caller]
pub fn all_is_remembered_once(world: &World) {
    let written = rows(
        world,
        "SELECT cause, count(*) AS times FROM memory_log WHERE kind = 1 GROUP BY cause",
    );
    for row in &written {
        assert_eq!(row["times"], 1, "{row:#}");
    }
    let scores = scores(world);
    let expected = expected(world);
    let found: BTreeSet<String> = scores.keys().cloned().collect();
    assert_eq!(found, expected);
    for (cause, scored) in &scores {
        let [scored] = scored.as_slice() else {
            panic!("{cause}: {scored:#?}");
        };
        assert!(scored.score <= 3 && !scored.reason.is_empty(), "{scored:?}");
    }
    for job in jobs(world) {
        assert_eq!(text(&job["state"]), "done", "{job:#}");
    }
    follows_from_the_log(world);
}

/// What the tables show of memories is what follows from the log.
#[track_caller]
pub fn follows_from_the_log(world: &World) {
    let from_log = rows(
        world,
        // Of several entries about a memory the last one holds.
        "WITH judged AS MATERIALIZED (
             SELECT max(number), event ->> '$.memory' AS memory, event ->> '$.score' AS score
             FROM memory_log WHERE kind = 2 GROUP BY memory),
         pinned AS MATERIALIZED (
             SELECT max(number), event ->> '$.memory' AS memory, event ->> '$.pin' AS pin
             FROM memory_log WHERE kind = 3 GROUP BY memory)
         SELECT w.number AS id, w.event ->> '$.owner' AS owner, w.event ->> '$.other' AS other,
                w.event ->> '$.thread' AS thread, s.score, coalesce(p.pin, 'none') AS pin,
                (SELECT count(DISTINCT value) FROM json_each(w.event, '$.entities')) AS entities
         FROM memory_log w LEFT JOIN judged s ON s.memory = w.number
              LEFT JOIN pinned p ON p.memory = w.number
         WHERE w.kind = 1 ORDER BY w.number",
    );
    let shown = rows(
        world,
        "SELECT m.id, owner.text AS owner, other.text AS other, thread.text AS thread, m.score,
                CASE m.pin WHEN 0 THEN 'none' WHEN 1 THEN 'automatic' ELSE 'manual' END AS pin,
                (SELECT count(*) FROM memory_entity e
                 WHERE e.owner = m.owner AND e.memory = m.id) AS entities
         FROM memory m LEFT JOIN memory_name owner ON owner.id = m.owner
              LEFT JOIN memory_name other ON other.id = m.other
              LEFT JOIN memory_name thread ON thread.id = m.thread
         ORDER BY m.id",
    );
    assert_eq!(shown, from_log);
    let numbers = rows(
        world,
        "SELECT count(*) AS entries, coalesce(max(number), 0) AS last FROM memory_log",
    );
    assert_eq!(numbers[0]["entries"], numbers[0]["last"], "no gaps");
}
