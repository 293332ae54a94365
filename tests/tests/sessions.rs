//! `decnet sessions`, from a new user's first tick on: what grows, what counts, what waits.

use std::process::Stdio;

use decnet_tests::binary::{Decnet, Outcome};
use decnet_tests::logs::{AGENTS, Logs, append, bodies, records, run_of, status_of, usage};
use decnet_tests::sessions::{amounts_to, tick, ticked, two_users};
use decnet_tests::transcript::Transcript;
use decnet_tests::world::{list, text};
use serde_json::{Value, json};

const NO_INPUT: i32 = 66;
const UNAVAILABLE: i32 = 69;
const CONFIGURATION: i32 = 78;

#[test]
fn a_new_user_sees_what_agents_did_and_what_it_cost() {
    let logs = Logs::new(AGENTS);
    assert_eq!(
        logs.decnet.ok(["sessions", "usage"]).stdout,
        "no usage is recorded yet: decnet sessions tick\n"
    );
    let [first, resumed, other] = two_users();
    let other = other.command("review");
    logs.write(&[&first, &resumed, &other]);
    let report = ticked(&logs.decnet);
    let run = run_of(&report, "usage");
    assert_eq!(
        (&run["scanned"], &run["processed"]),
        (&json!(3), &json!(3)),
        "{run:#}"
    );
    assert_eq!(
        (&run["errors"], &run["bad_lines"]),
        (&json!(0), &json!(0)),
        "{run:#}"
    );
    amounts_to(&logs.decnet, &[&first, &resumed, &other]);
    let table = logs.decnet.ok(["sessions", "usage", "--by", "tool"]).stdout;
    assert!(
        table.contains("\nBash ") && table.contains("\n/review "),
        "{table}"
    );
    assert_eq!(status_of(&logs.decnet, "usage")["last_run"]["processed"], 3);

    let report = ticked(&logs.decnet);
    let run = run_of(&report, "usage");
    assert_eq!(
        (&run["scanned"], &run["bytes"]),
        (&json!(0), &json!(0)),
        "{run:#}"
    );
}

#[test]
fn one_folder_is_read_without_a_configured_source() {
    let logs = Logs::new("");
    let [first, resumed, other] = two_users();
    logs.write(&[&first, &resumed, &other]);
    let line = tick(&logs.decnet);
    assert!(
        line.fails(CONFIGURATION).contains("[[sessions.source]]"),
        "{line:#?}"
    );
    let folder = logs.path("agents").display().to_string();
    logs.decnet.ok(["sessions", "tick", "--dir", &folder]);
    amounts_to(&logs.decnet, &[&first, &resumed, &other]);
    let ended = logs.decnet.run(["sessions", "tick", "--dir", "/nowhere"]);
    assert!(ended.fails(NO_INPUT).contains("/nowhere"), "{ended:#?}");
}

#[test]
fn a_session_that_goes_on_is_read_on_to_its_last_complete_line() {
    let logs = Logs::new(AGENTS);
    let [first, resumed, other] = two_users();
    logs.write(&[&first, &resumed, &other]);
    tick(&logs.decnet).succeeds();

    let longer = first.clone().go_on(7);
    let longest = longer.clone().command("review");
    let new = longest.text()[first.text().len()..].to_owned();
    let path = logs.agent(&first.path());
    let (complete, last) = new
        .trim_end()
        .rsplit_once('\n')
        .expect("there are several rows");
    let (half, rest) = last.split_at(last.len() / 2);
    append(&path, format!("{complete}\n{half}").as_bytes());
    let report = ticked(&logs.decnet);
    let run = run_of(&report, "usage");
    assert_eq!(
        (&run["scanned"], &run["processed"], &run["bytes"]),
        (&json!(1), &json!(1), &json!(complete.len() + 1)),
        "only what is new is read: {run:#}"
    );
    amounts_to(&logs.decnet, &[&longer, &resumed, &other]);
    let report = ticked(&logs.decnet);
    assert_eq!(
        run_of(&report, "usage")["scanned"],
        0,
        "half a line is nothing new: {report:#}"
    );

    append(&path, format!("{rest}\n").as_bytes());
    let report = ticked(&logs.decnet);
    let run = run_of(&report, "usage");
    assert_eq!(
        (&run["bytes"], &run["bad_lines"]),
        (&json!(last.len() + 1), &json!(0)),
        "{run:#}"
    );
    amounts_to(&logs.decnet, &[&longest, &resumed, &other]);
    logs.equal_one_clean_tick(&[("usage", "")]);
}

#[test]
fn what_is_over_the_cap_waits_for_the_next_ticks() {
    let logs = Logs::new(&format!("[sessions]\ncap = 1\n{AGENTS}"));
    let [first, resumed, mut other] = two_users();
    logs.write(&[&first, &resumed]);
    // One that always has something new does not keep others waiting.
    for _ in 0..3 {
        other = other.go_on(1);
        logs.write(&[&other]);
        let report = ticked(&logs.decnet);
        let run = run_of(&report, "usage");
        assert_eq!(run["processed"], 1, "{run:#}");
        assert_eq!(
            run["scanned"].as_u64(),
            run["capped"].as_u64().map(|capped| capped + 1),
            "{run:#}"
        );
    }
    let status = logs.decnet.json(["sessions", "status", "--json"]);
    assert_eq!(
        status["logs"][0]["logs"], 3,
        "each had its turn: {status:#}"
    );
    tick(&logs.decnet).succeeds();
    amounts_to(&logs.decnet, &[&first, &resumed, &other]);
}

#[test]
fn a_command_that_a_resumed_session_repeats_counts_once() {
    let logs = Logs::new(AGENTS);
    let first = Transcript::new("ana", "first", 1)
        .go_on(2)
        .command("review");
    let resumed = first.resumed("resumed", 2).go_on(2);
    logs.write(&[&first, &resumed]);
    tick(&logs.decnet).succeeds();
    amounts_to(&logs.decnet, &[&first, &resumed]);
}

#[test]
fn a_session_that_broke_off_counts_as_its_resumption_has_it() {
    let logs = Logs::new(AGENTS);
    let row = |mut row: Value| {
        row["sessionId"] = json!("s");
        row["timestamp"] = json!("2026-05-12T09:05:00.000Z");
        format!("{row}\n")
    };
    let message = |uuid: &str, output: u64, content: Value| {
        row(
            json!({"type": "assistant", "uuid": uuid, "requestId": "r", "message": {"id": "m",
            "role": "assistant", "model": "model-large", "content": content,
            "usage": {"input_tokens": 3, "output_tokens": output}}}),
        )
    };
    let tool = json!([{"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]);
    let said = message("a1", 1, tool);
    append(&logs.agent("ana/first.jsonl"), said.as_bytes());
    tick(&logs.decnet).succeeds();
    // The message was not complete, and its tool had not answered.
    let result = json!([{"type": "tool_result", "tool_use_id": "t", "is_error": true}]);
    let rest = message("a2", 500, json!([{"type": "text", "text": "Done."}]))
        + &row(
            json!({"type": "user", "uuid": "u1", "message": {"role": "user", "content": result}}),
        );
    append(
        &logs.agent("ana/resumed.jsonl"),
        format!("{said}{rest}").as_bytes(),
    );
    tick(&logs.decnet).succeeds();
    let total = &usage(&logs.decnet, "day")["total"];
    let count = |field: &str| total[field].as_u64().expect("a number");
    assert_eq!(
        [
            "messages",
            "input_tokens",
            "output_tokens",
            "events",
            "errors"
        ]
        .map(count),
        [1, 3, 500, 1, 1],
        "{total:#}"
    );
}

/// A session in which a user corrects an agent.
fn corrected() -> String {
    let row = |uuid: &str, role: &str, text: &str| {
        let content = json!([{"type": "text", "text": text}]);
        let row = json!({"type": role, "uuid": uuid, "sessionId": "s",
            "timestamp": "2026-05-12T09:05:00.000Z",
            "message": {"role": role, "content": content}});
        format!("{row}\n")
    };
    [
        row("u1", "user", "Why does the health probe fail?"),
        row(
            "a1",
            "assistant",
            "It goes to port 443. Is that where the mail gateway listens?",
        ),
        row("u2", "user", "No, the mail gateway listens on 8443."),
        row("a2", "assistant", "Then the probe has to go to 8443."),
    ]
    .concat()
}

fn with_model(decnet: &Decnet, answer: &str, arguments: &[&str]) -> Outcome {
    let mut command = decnet.command(arguments);
    command
        .env("DECNET_REALISM_LLM", "fake")
        .env("DECNET_REALISM_FAKE_OUTPUT", answer)
        .stdin(Stdio::null());
    Outcome::of(&mut command)
}

#[test]
fn facts_wait_for_a_model_and_nothing_else_does() {
    let logs = Logs::new(AGENTS);
    append(&logs.agent("ana/s.jsonl"), corrected().as_bytes());
    let plain = tick(&logs.decnet).succeeds();
    assert!(
        plain.stdout.contains("verification is not available"),
        "{plain:#?}"
    );
    let named = logs
        .decnet
        .run(["sessions", "tick", "--processor", "verification", "--json"]);
    let line = named.fails(UNAVAILABLE);
    assert!(line.contains("no language model"), "{line}");
    assert_eq!(
        run_of(&named.json(), "verification")["state"],
        "unavailable",
        "{named:#?}"
    );
    let processors = logs.decnet.json(["sessions", "processors", "--json"]);
    let available: Vec<(&str, bool)> = list(&processors)
        .map(|of| (text(&of["processor"]), of["available"] == true))
        .collect();
    assert!(
        available.contains(&("verification", false)) && available.contains(&("usage", true)),
        "{available:?}"
    );
    assert_eq!(records(&logs.decnet, "verification", ""), [] as [String; 0]);

    let fact = "{\"facts\":[{\"subject\":\"Mail gateway\",\"attribute\":\"port\",\"value\":\"8443\",\
                \"kind\":\"corrected\",\"replaces\":\"443\",\"quote\":\"listens on 8443\"}]}";
    with_model(&logs.decnet, fact, &["sessions", "tick"]).succeeds();
    let evidence = bodies(&logs.decnet, "verification", "evidence");
    assert_eq!(evidence.len(), 1, "{evidence:#?}");
    assert_eq!(
        (
            &evidence[0]["value"],
            &evidence[0]["replaces"],
            &evidence[0]["user"]
        ),
        (&json!("8443"), &json!("443"), &json!("ana")),
        "{evidence:#?}"
    );
    let facts = logs.decnet.json(["sessions", "facts", "--json"]);
    assert_eq!(list(&facts).count(), 1, "{facts:#}");
    assert_eq!(
        (
            &facts[0]["value"],
            &facts[0]["confidence"],
            &facts[0]["disputed"]
        ),
        (&json!("8443"), &json!(0.8), &json!(false)),
        "{facts:#}"
    );

    // What a model says that is no answer is kept as that.
    append(&logs.agent("ben/s.jsonl"), corrected().as_bytes());
    with_model(&logs.decnet, "I cannot say.", &["sessions", "tick"]).succeeds();
    assert_eq!(bodies(&logs.decnet, "verification", "unreadable").len(), 1);
    assert_eq!(bodies(&logs.decnet, "verification", "evidence"), evidence);
}
