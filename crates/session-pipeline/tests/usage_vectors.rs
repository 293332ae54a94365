//! Usage against what the original implementation recorded; where that one is wrong, against what
//! is right.
//!
//! `DECNET_VECTORS` names another folder of the same files.

#![expect(
    clippy::disallowed_methods,
    reason = "a test looks for its cases where it is told"
)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use decnet_session_pipeline::conformance::processor::{Reading, read, violations};
use decnet_session_pipeline::processors::usage::{ItemType, KnownPlugins, SUMMARY, Usage};
use decnet_session_pipeline::record::RecordId;
use decnet_session_pipeline::source::{Log, SourceKind};
use serde_json::{Value, json};

/// What is ours to define.
const OURS: [&str; 4] = ["id", "processor_version", "user_messages", "occurred_at"];

fn cases() -> Vec<Value> {
    let folder = std::env::var_os("DECNET_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/vectors"),
        PathBuf::from,
    );
    let text = std::fs::read_to_string(folder.join("usage_events.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    assert!(!cases.is_empty());
    cases
}

fn usage() -> Usage {
    let mut plugins = KnownPlugins::default();
    plugins
        .curated
        .extend(["myplug", "compound"].map(str::to_owned));
    plugins
        .community
        .insert("flea-skill-by-alice".to_owned(), ItemType::Skill);
    plugins
        .community
        .insert("bundle-by-bob".to_owned(), ItemType::Plugin);
    Usage::new(plugins)
}

fn log() -> Log {
    Log {
        source: "agents".to_owned(),
        kind: SourceKind::Agent,
        key: "ana/session".to_owned(),
        user: Some("ana".to_owned()),
        decky: None,
    }
}

fn lines(input: &Value) -> Vec<u8> {
    let mut bytes = match (&input["jsonl"], &input["jsonl_hex"]) {
        (Value::String(text), _) => text.clone().into_bytes(),
        (_, Value::String(hex)) => hex
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect(),
        other => panic!("no lines in {other:?}"),
    };
    if !bytes.is_empty() && !bytes.ends_with(b"\n") {
        bytes.push(b'\n');
    }
    bytes
}

/// Events by their ids in the log, and the summary.
fn told(reading: &Reading) -> (Vec<Value>, Value) {
    let mut events = Vec::new();
    let mut summary = Value::Null;
    for ((kind, id), (at, body)) in &reading.records {
        let mut body: Value = serde_json::from_str(body).unwrap();
        match kind.as_str() {
            "event" => {
                assert_eq!(body["id"], id.to_hex());
                body["occurred_at"] = json!(at);
                events.push(body);
            }
            SUMMARY => summary = body,
            _ => {}
        }
    }
    (events, summary)
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str().map(|text| text.parse().unwrap())
}

/// Fields that have to agree; absent is null.
fn same(ours: &Value, expected: &Value) -> Result<(), String> {
    for (name, expected) in expected.as_object().unwrap() {
        if OURS.contains(&name.as_str()) {
            continue;
        }
        let found = &ours[name];
        let agrees = if name.ends_with("_at") {
            time(found) == time(expected)
        } else {
            found == expected
        };
        if !agrees {
            return Err(format!("{name} is {found}, not {expected}"));
        }
    }
    Ok(())
}

/// What tells events of a case apart.
fn key(event: &Value) -> String {
    format!(
        "{}|{}|{}",
        event["event_uuid"], event["tool_id"], event["command_name"]
    )
}

#[test]
fn binding_cases_agree() {
    let mut binding = 0;
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        let text = lines(&case["input"]);
        let found = violations(&usage(), &log(), &text);
        assert!(found.is_empty(), "{name}: {found:?}");
        if case["quirk"] == true {
            continue;
        }
        binding += 1;
        let reading = read(&usage(), &log(), &[&text]).unwrap();
        let (mut events, summary) = told(&reading);
        let expected = &case["expected"];
        assert_eq!(summary["turns"], expected["turns"], "{name}");
        same(&summary, &expected["summary"]).unwrap_or_else(|what| panic!("{name}: {what}"));
        let mut wanted = expected["events"].as_array().unwrap().clone();
        assert_eq!(events.len(), wanted.len(), "{name}: {events:#?}");
        events.sort_by_key(key);
        wanted.sort_by_key(key);
        for (event, wanted) in events.iter().zip(&wanted) {
            same(event, wanted).unwrap_or_else(|what| panic!("{name}: {what}"));
            assert_eq!(
                time(&event["occurred_at"]),
                time(&wanted["occurred_at"]),
                "{name}"
            );
        }
    }
    assert!(binding > 0);
}

/// Rows of a session, each an object.
fn session(rows: &[Value]) -> Vec<u8> {
    let mut text = String::new();
    for row in rows {
        text.push_str(&row.to_string());
        text.push('\n');
    }
    text.into_bytes()
}

fn row(kind: &str, uuid: &str, message: Value) -> Value {
    json!({"type": kind, "uuid": uuid, "sessionId": "s1", "timestamp": "2026-05-12T07:30:00.000Z",
           "requestId": "r1", "message": message})
}

fn tool(id: &str, name: &str) -> Value {
    json!({"type": "tool_use", "id": id, "name": name, "input": {}})
}

fn check(what: &str, rows: &[Value], expected: Value, events: usize) {
    check_text(what, &session(rows), expected, events);
}

fn check_text(what: &str, text: &[u8], expected: Value, events: usize) {
    let found = violations(&usage(), &log(), text);
    assert!(found.is_empty(), "{what}: {found:?}");
    let reading = read(&usage(), &log(), &[text]).unwrap();
    let (found, summary) = told(&reading);
    same(&summary, &expected).unwrap_or_else(|problem| panic!("{what}: {problem}"));
    assert_eq!(found.len(), events, "{what}");
}

#[test]
fn rows_of_one_message_count_its_tokens_once_and_each_of_its_blocks() {
    let usage = json!({"input_tokens": 5, "output_tokens": 9, "cache_read_input_tokens": 2});
    let message =
        |block: Value| json!({"id": "m1", "model": "claude-x", "content": [block], "usage": usage});
    let rows = [
        row(
            "assistant",
            "a1",
            message(json!({"type": "text", "text": "hm"})),
        ),
        row("assistant", "a2", message(tool("t1", "Bash"))),
        row("assistant", "a3", message(tool("t2", "Bash"))),
        // The same row again, and the same tool use in another row.
        row("assistant", "a3", message(tool("t2", "Bash"))),
        row("assistant", "a4", message(tool("t1", "Bash"))),
    ];
    check(
        "one message in five rows",
        &rows,
        json!({"input_tokens": 5, "output_tokens": 9, "cache_read_tokens": 2, "tool_calls": 2,
               "assistant_messages": 1, "turns": 4}),
        2,
    );
    let mut other = rows.to_vec();
    for row in &mut other {
        row["requestId"] = json!("r2");
    }
    let both = [&rows[..], &other[..1]].concat();
    // The row is the same, so the message is not new although its request is.
    check(
        "another request",
        &both,
        json!({"assistant_messages": 2, "output_tokens": 18}),
        2,
    );
}

#[test]
fn a_row_that_was_written_before_its_message_was_complete_does_not_hide_the_rest() {
    let message =
        |tokens: i64| json!({"id": "m1", "content": [], "usage": {"output_tokens": tokens}});
    check(
        "growing",
        &[
            row("assistant", "a", message(1)),
            row("assistant", "b", message(40)),
        ],
        json!({"output_tokens": 40, "assistant_messages": 1}),
        0,
    );
}

#[test]
fn commands_of_one_turn_are_told_apart() {
    let twice = "<command-name>/clear</command-name> <command-name>/clear</command-name>";
    check(
        "the same command twice",
        &[row("user", "u1", json!({"content": twice}))],
        json!({"slash_commands": 2}),
        2,
    );
}

#[test]
fn results_of_tools_are_no_words_of_the_user() {
    let result = json!({"content": [{"type": "tool_result", "tool_use_id": "t", "content": "x"}]});
    check(
        "a result",
        &[
            row("user", "u1", result),
            row("user", "u2", json!({"content": "thanks"})),
        ],
        json!({"user_messages": 1, "turns": 2}),
        0,
    );
}

#[test]
fn errors_never_outnumber_calls() {
    let failed = |id: &str| json!({"content": [{"type": "tool_result", "tool_use_id": id, "is_error": true}]});
    check(
        "an MCP call that failed",
        &[
            row(
                "assistant",
                "a1",
                json!({"content": [tool("t1", "mcp__github__issue")]}),
            ),
            row("user", "u1", failed("t1")),
        ],
        json!({"mcp_calls": 1, "mcp_errors": 1, "tool_calls": 0, "tool_errors": 0}),
        1,
    );
    let said =
        json!({"content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": "false"}]});
    check(
        "a word is no error",
        &[
            row("assistant", "a1", json!({"content": [tool("t1", "Bash")]})),
            row("user", "u1", said),
        ],
        json!({"tool_calls": 1, "tool_errors": 0}),
        1,
    );
}

#[test]
fn one_odd_line_costs_only_itself() {
    let good = row("assistant", "a1", json!({"content": [tool("t1", "Bash")]})).to_string();
    let odd: [&[u8]; 9] = [
        b"null",
        b"42",
        b"[1, 2]",
        b"{\"type\":\"assistant\",\"message\":\"hi\"}",
        b"{\"type\":5}",
        b"{\"type\":\"user\",\"message\":{\"content\":\"\xff\"}}",
        b"{\"x\":NaN}",
        b"{\"half\":",
        b"{\"a\":\"\x00\"}",
    ];
    let mut text = Vec::new();
    for line in odd {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(good.as_bytes());
    text.push(b'\n');
    let deep = "[".repeat(100_000);
    text.extend_from_slice(format!("{{\"message\":{deep}\n").as_bytes());
    check_text("odd lines", &text, json!({"tool_calls": 1, "turns": 1}), 1);
    let reading = read(&usage(), &log(), &[&text]).unwrap();
    assert_eq!(reading.bad.count, 10, "{:?}", reading.bad);
}

#[test]
fn a_leaf_of_the_wrong_type_costs_only_itself() {
    let mut odd = row(
        "assistant",
        "a1",
        json!({"content": [
        {"type": "tool_use", "id": "t1", "name": "Skill", "input": "oops"},
        {"type": "tool_use", "id": "t2", "name": 7, "input": [1]}, 5, "x", null, {"type": 3},
    ], "model": {}, "usage": "none"}),
    );
    odd["timestamp"] = json!(1_715_499_000);
    odd["cwd"] = json!([]);
    check(
        "odd leaves",
        &[odd],
        json!({"tool_calls": 2, "turns": 1, "started_at": null, "skill_invocations": 0}),
        2,
    );
}

#[test]
fn what_has_no_time_is_not_given_the_present() {
    for timestamp in [json!(null), json!("soon"), json!(17)] {
        let mut row = row("assistant", "a1", json!({"content": [tool("t1", "Bash")]}));
        row["timestamp"] = timestamp.clone();
        let reading = read(&usage(), &log(), &[&session(&[row])]).unwrap();
        for ((kind, _), (at, _)) in &reading.records {
            assert_eq!(*at, None, "{kind} at {timestamp}");
        }
    }
    let mut naive = row("user", "u1", json!({"content": "x"}));
    naive["timestamp"] = json!("2026-05-12T07:29:00");
    let aware = row("user", "u2", json!({"content": "x"}));
    check("mixed", &[naive, aware], json!({"wall_seconds": 60}), 0);
}

#[test]
fn ids_are_unique_and_stable() {
    let rows = [
        row(
            "assistant",
            "a1",
            json!({"content": [tool("t1", "Bash"), {"type": "tool_use"}]}),
        ),
        json!({"type": "assistant", "message": {"content": [{"type": "tool_use", "name": "X"}]}}),
        json!({"type": "assistant", "message": {"content": [{"type": "tool_use", "name": "X"}]}}),
    ];
    let ids = |log: &Log| -> BTreeMap<(String, RecordId), String> {
        let reading = read(&usage(), log, &[&session(&rows)]).unwrap();
        let records = reading.records.into_iter();
        records.map(|(key, (_, body))| (key, body)).collect()
    };
    let first = ids(&log());
    assert_eq!(first, ids(&log()));
    assert_eq!(first.keys().filter(|(kind, _)| kind == "event").count(), 4);
    let other = Log {
        key: "ana/other".to_owned(),
        ..log()
    };
    let events = |ids: &BTreeMap<(String, RecordId), String>| -> Vec<RecordId> {
        let keys = ids.keys().filter(|(kind, _)| kind == "event");
        keys.map(|(_, id)| *id).collect()
    };
    let others = events(&ids(&other));
    assert!(events(&first).iter().all(|id| !others.contains(id)));
}

#[test]
fn plugins_are_recognised() {
    let check = |input: Value, expected: Value| {
        let block =
            json!({"type": "tool_use", "id": "t", "name": "Skill", "input": {"skill": input}});
        let text = session(&[row("assistant", "a", json!({"content": [block]}))]);
        let reading = read(&usage(), &log(), &[&text]).unwrap();
        let (events, _) = told(&reading);
        same(&events[0], &expected).unwrap_or_else(|what| panic!("{input}: {what}"));
    };
    let item = |source: &str, plugin: Value, name: Value, item_type: Value| json!({"source": source, "ref_id": plugin, "local_name": name, "item_type": item_type});
    check(
        json!("myplug:a:b"),
        item("curated", json!("myplug"), json!("a:b"), json!("skill")),
    );
    check(
        json!("flea:flea-skill-by-alice"),
        item(
            "flea",
            Value::Null,
            json!("flea-skill-by-alice"),
            json!("skill"),
        ),
    );
    check(
        json!("bundle-by-bob:inner"),
        item(
            "flea",
            json!("bundle-by-bob"),
            json!("inner"),
            json!("skill"),
        ),
    );
    check(
        json!("flea:gone"),
        item("builtin", Value::Null, Value::Null, Value::Null),
    );
    check(
        json!("plain"),
        item("builtin", Value::Null, Value::Null, Value::Null),
    );
}
