//! How fast model output is read: megabytes per second over answers of each kind.
//!
//! `cargo run --release -p decnet-realism --example parse_speed [FOLDER]` reads the `*.txt` of a
//! folder (default: the test fixtures) again and again until some 50 MB are read. It times the mails
//! that come out, those that are refused, and a plain mail in each of the dresses that models use.

use std::time::{Duration, Instant};

use decnet_realism::llm::output::{ExpectedMail, read_mail, split};

/// How much is read of each kind.
const VOLUME: usize = 50_000_000;

const EXPECTED: ExpectedMail<'static> = ExpectedMail {
    is_reply: false,
    is_cut: false,
    language: Some("en"),
    sender_name: Some("Ana Lopez"),
    recipient_name: Some("Luis Ortega"),
    sender_signature: None,
    parent_text: None,
    uses_llms_heavily: false,
};

fn main() {
    let folder = std::env::args().nth(1).unwrap_or_else(|| {
        concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/fixtures/llm-outputs"
        )
        .to_owned()
    });
    let mut answers: Vec<String> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{folder}: {error}"))
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok())
        .collect();
    answers.sort();
    let nothing = ExpectedMail::default();
    let (good, refused): (Vec<String>, Vec<String>) = answers
        .iter()
        .cloned()
        .partition(|text| read_mail(text, &nothing).is_ok());
    measure("samples, all", &answers, &nothing);
    measure("samples, good", &good, &nothing);
    measure("samples, refused", &refused, &nothing);
    for (kind, text) in dresses() {
        measure(kind, &[text], &EXPECTED);
    }
    let start = Instant::now();
    let (mut bytes, mut count) = (0, 0);
    while bytes < VOLUME {
        for text in &answers {
            bytes += text.len();
            count += 1;
            std::hint::black_box(split(std::hint::black_box(text)));
        }
    }
    report("samples, all, split only", bytes, start.elapsed(), count);
    for (kind, piece) in [
        ("1 MiB of <", "<"),
        ("1 MiB of {\"", "{\""),
        ("1 MiB of **a", "**a "),
        ("1 MiB of words", "printer and floor "),
    ] {
        let text = piece.repeat((1 << 20) / piece.len());
        let start = Instant::now();
        std::hint::black_box(read_mail(&text, &EXPECTED)).ok();
        report(kind, text.len(), start.elapsed(), 1);
    }
}

/// One mail of ordinary length as models dress it.
fn dresses() -> Vec<(&'static str, String)> {
    let body = "Hi Luis,\n\nthe numbers for the third quarter are in the shared folder now, apart from the freight costs, which Marta will add \
         tomorrow morning. Could you look at the travel line before Thursday? It is twelve percent over what we agreed in June, and I would like \
         to know whether that is the fair in Lisbon or something we did not plan.\n\nIf you have five minutes after lunch we can go through it \
         together; otherwise a short note is enough.\n\nBest regards,\nAna";
    let escaped = body.replace('\n', "\\n");
    vec![
        ("plain", format!("Subject: Travel costs in Q3\n\n{body}\n")),
        ("JSON", format!("{{\"subject\": \"Travel costs in Q3\", \"body\": \"{escaped}\"}}")),
        ("introduced, Markdown, a note", format!("Sure! Here is the email:\n\n**Subject:** Travel costs in Q3\n\n{}\n\nNote: This email is short.", body.replace("twelve percent", "**twelve percent**"))),
        ("fenced", format!("```\nSubject: Travel costs in Q3\n\n{body}\n```")),
        ("thoughts", format!("<think>\n{body}\n</think>\n\nSubject: Travel costs in Q3\n\n{body}")),
        ("HTML", format!("Subject: Travel costs in Q3\n\n<p>{}</p>", body.replace("\n\n", "</p>\n<p>"))),
        ("CRLF, curly quotes, stock phrase", format!("Subject: Travel costs in Q3\n\n{}", body.replace("Hi Luis,\n\n", "Hi Luis,\n\nI hope this email finds you well. It’s about the “travel” line — again. ")).replace('\n', "\r\n")),
        ("with a second mail", format!("Subject: Travel costs in Q3\n\n{body}\n\nSubject: Another\n\n{body}")),
    ]
}

fn measure(kind: &str, texts: &[String], expected: &ExpectedMail<'_>) {
    let all: usize = texts.iter().map(String::len).sum();
    if all == 0 {
        return;
    }
    let start = Instant::now();
    let (mut bytes, mut count) = (0, 0);
    while bytes < VOLUME {
        for text in texts {
            std::hint::black_box(read_mail(std::hint::black_box(text), expected)).ok();
        }
        bytes += all;
        count += texts.len();
    }
    report(kind, bytes, start.elapsed(), count);
}

fn report(kind: &str, bytes: usize, took: Duration, count: usize) {
    let seconds = took.as_secs_f64();
    println!(
        "{kind:<36} {:>7.0} MB/s  {:>8.1} µs each",
        bytes as f64 / 1e6 / seconds,
        seconds * 1e6 / count as f64
    );
}
