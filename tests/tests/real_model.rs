//! A real, small language model: llama.cpp's server, and Ollama's protocol in front of it.
//!
//! The model is far too small to write well. What these tests hold is that nothing of what it does
//! reaches a mailbox unless it is a mail.

use std::borrow::Cow;
use std::fs;
use std::sync::{Mutex, PoisonError};

use decnet_tests::language_model::{LanguageModel, MODEL_NAME};
use decnet_tests::mailbox::{Folder, read_folder};
use decnet_tests::office::{friday, office, tick_arguments};
use decnet_tests::world::{World, list, text};
use mail_parser::MessageParser;
use serde_json::Value;

/// How many mails each protocol writes.
const MAILS: usize = 20;
/// Tokens of an answer.
const CAP: u64 = 160;
const TIMEOUT_MS: u64 = 120_000;

/// One thread serves the model: two tests at once would only wait for each other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn world(protocol: &str, url: &str, format: &str) -> World {
    let people = office(&[
        ("Ana Ruiz", "mx1"),
        ("Ben Cole", "mx1"),
        ("Carla Soto", "mx2"),
        ("Diego Mora", "mx2"),
    ]);
    let people = people
        .replace(
            "name = \"Carla Soto\"",
            "name = \"Carla Soto\"\nlanguage = \"es\"",
        )
        .replace(
            "name = \"Diego Mora\"",
            "name = \"Diego Mora\"\nlanguage = \"es\"",
        );
    World::new(
        &people,
        &format!(
            "[llm]\nbackend = \"{protocol}\"\nmodel = \"{MODEL_NAME}\"\nbase_url = \"{url}\"\n\
             timeout = \"120s\"\nmost_tokens = {CAP}\nformat = \"{format}\"\ncontext = 1024\n\
             breaker_failures = 1000\n"
        ),
    )
}

/// Ticks until so many mails are delivered, and gives their records.
fn records(world: &World) -> Vec<Value> {
    let mut records = Vec::new();
    for minute in 0..1_000 {
        let mut arguments = tick_arguments(minute, &friday(minute * 11), 1, 1);
        arguments.push("--json".to_owned());
        let report = world.decnet.ok(arguments).json();
        records.extend(list(&report["delivered"]).cloned());
        if records.len() >= MAILS {
            break;
        }
    }
    assert_eq!(records.len(), MAILS);
    records
}

/// A record that adds up: who wrote, at what cost, and who did not.
fn check_record(record: &Value, protocol: &str) {
    let by = &record["written_by"];
    let effort = if by["writer"] == protocol {
        assert!(by["passed_over"].is_null(), "{by:#}");
        by
    } else {
        assert_eq!(by["writer"], "offline", "{by:#}");
        let passed_over = &by["passed_over"][0];
        assert_eq!(passed_over["writer"], protocol, "{by:#}");
        assert!(!text(&passed_over["reason"]).is_empty());
        passed_over
    };
    assert_eq!(effort["model"], MODEL_NAME);
    let number = |name: &str| {
        effort[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name}: {by:#}"))
    };
    assert!((1..=2).contains(&number("answers")), "{by:#}");
    assert!(number("prompt_tokens") > 100, "{by:#}");
    assert!((1..=2 * CAP).contains(&number("output_tokens")), "{by:#}");
    assert!(
        number("took_ms") < TIMEOUT_MS + 5_000,
        "the deadline is kept: {by:#}"
    );
}

/// The lines above what the mail answers or passes on, which Outlook shows below a rule and a
/// block of headers, and others behind marks.
fn own_lines(body: &str) -> Vec<&str> {
    let lines: Vec<&str> = body.lines().collect();
    let is_history = |pair: &[&str]| {
        let starts = |line: &str, words: &[&str]| words.iter().any(|word| line.starts_with(word));
        pair[0].starts_with("____________________")
            || starts(pair[0], &["From: ", "De: "])
                && starts(pair[1], &["Sent: ", "Date: ", "Enviado", "Fecha: "])
    };
    let end = lines.windows(2).position(is_history);
    lines[..end.unwrap_or(lines.len())]
        .iter()
        .filter(|line| !line.starts_with('>'))
        .copied()
        .collect()
}

/// What no colleague's mail holds, looked for in a way of our own.
fn tells(body: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in body.lines() {
        let lower = line.trim_start().to_lowercase();
        let headers = ["subject:", "asunto:", "betreff:"];
        if headers.iter().any(|header| lower.starts_with(header)) {
            found.push(format!("header line {line:?}"));
        }
        if line.contains("```") || lower.starts_with("### ") || line.contains("**") {
            found.push(format!("Markdown {line:?}"));
        }
        let is_placeholder = ["your name", "tu nombre"]
            .contains(&lower.trim_matches(|c: char| !c.is_alphanumeric()));
        // People write `[1]` and `[INC-2041]`.
        let in_brackets = lower.split('[').skip(1).any(|rest| {
            let inner = rest.split(']').next().unwrap_or(rest);
            ["<", "your", "name", "nombre", "insert"]
                .iter()
                .any(|sign| inner.contains(sign))
        });
        if is_placeholder || in_brackets || line.contains(['{', '}']) {
            found.push(format!("placeholder {line:?}"));
        }
    }
    let lower = body.to_lowercase();
    for phrase in [
        "ai language model",
        "<think",
        "<|",
        "as an ai ",
        "as an ai,",
        "\"body\"",
        "\u{200b}",
        "\u{2014}",
    ] {
        if lower.contains(phrase) {
            found.push(format!("{phrase:?}"));
        }
    }
    found
}

fn mails_through(protocol: &str, format: &str) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let model = LanguageModel::start();
    let url = if protocol == "ollama" {
        &model.ollama
    } else {
        &model.openai
    };
    let world = world(protocol, url, format);
    let records = records(&world);
    for record in &records {
        check_record(record, protocol);
    }
    let by_model = |language: &str| {
        records
            .iter()
            .filter(|record| record["language"] == language)
            .filter(|record| record["written_by"]["writer"] == protocol)
            .count()
    };
    let languages = records.iter().map(|record| text(&record["language"]));
    assert!(languages.clone().any(|language| language == "es"));
    assert!(languages.clone().any(|language| language == "en"));
    assert!(
        by_model("en") + by_model("es") > 0,
        "the model wrote none of {MAILS}: {records:#?}"
    );
    let mut read = 0;
    for mailbox in world.mailboxes() {
        for mail in read_folder(&Folder::Inbox.path(&mailbox.maildir)) {
            let bytes = fs::read(&mail.path).expect("it is there");
            let body = MessageParser::default()
                .parse(&bytes)
                .and_then(|message| message.body_text(0).map(Cow::into_owned))
                .expect("every mail has a text");
            // What is quoted was checked in the mail that it comes from.
            let own = own_lines(&body);
            let found = tells(&own.join("\n"));
            assert!(found.is_empty(), "{found:?} in {body}");
            assert!(own.join(" ").split_whitespace().count() >= 2, "{body}");
            read += 1;
        }
    }
    let received = records
        .iter()
        .flat_map(|record| list(&record["placements"]))
        .filter(|placement| placement["folder"] == "inbox");
    assert_eq!(read, received.count());
}

#[test]
fn mails_through_the_openai_protocol() {
    mails_through("openai", "grammar");
}

#[test]
fn mails_through_ollamas_protocol() {
    mails_through("ollama", "json");
}

#[test]
fn the_doctor_measures_a_real_server() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let model = LanguageModel::start();
    for (protocol, url) in [("openai", &model.openai), ("ollama", &model.ollama)] {
        let world = world(protocol, url, "json");
        let ended = world.decnet.run(["llm", "doctor", "--json"]);
        let report = ended.json();
        assert_eq!(report["problems"], 0, "{report:#}");
        let measured = &report["measured"];
        assert!(
            measured["tokens_per_second"].as_f64() > Some(0.0),
            "{report:#}"
        );
        assert!(
            measured["context_tokens"].as_u64() > Some(300),
            "{report:#}"
        );
        assert_eq!(measured["cancel_frees_slot"], true, "{report:#}");
        let missing = world
            .decnet
            .command(["llm", "doctor"])
            .env("DECNET_REALISM_MODEL", "large")
            .output();
        let said = String::from_utf8_lossy(&missing.expect("it runs").stdout).into_owned();
        assert!(said.contains("large"), "{said}");
    }
}
