//! The file of JSON lines.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chrono::DateTime;
use decnet_alert::alert::{Alert, AlertId, AlertKind, Severity};
use decnet_alert::sink::{Sink, SinkError, SinkName};
use decnet_alert::sinks::json_lines::JsonLinesSink;
use serde_json::Value;

const KIND: AlertKind = AlertKind::constant("first-login");

fn alert(key: &str) -> Alert {
    Alert::new(
        KIND,
        key,
        Severity::Notice,
        DateTime::UNIX_EPOCH,
        "a login\u{1b}\n",
    )
    .unwrap()
}

fn sink(path: &Path) -> JsonLinesSink {
    JsonLinesSink::new(SinkName::constant("file"), path)
}

async fn send(path: &Path, id: u128) -> Result<(), SinkError> {
    sink(path).send(AlertId(id), &alert("mx1")).await
}

/// The ids of the lines that are JSON, and how many are not.
fn ids(path: &Path) -> (Vec<u128>, usize) {
    // A character may have been torn too.
    let bytes = fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.ends_with('\n'));
    let lines: Vec<Option<Value>> = text
        .lines()
        .map(|line| serde_json::from_str(line).ok())
        .collect();
    let broken = lines.iter().filter(|line| line.is_none()).count();
    let ids = lines
        .iter()
        .flatten()
        .map(|line| AlertId::parse(line["id"].as_str().unwrap()).unwrap().0);
    (ids.collect(), broken)
}

#[tokio::test]
async fn each_alert_is_one_line_of_a_private_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.jsonl");
    for id in 1..=3 {
        send(&path, id).await.unwrap();
    }
    assert_eq!(ids(&path), (vec![1, 2, 3], 0));
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let first = fs::read_to_string(&path).unwrap();
    assert!(
        !first.replace('\n', "").contains(char::is_control),
        "{first:?}"
    );
    let first: Value = serde_json::from_str(first.lines().next().unwrap()).unwrap();
    assert_eq!(first["summary"], "a login\u{fffd} ");
    assert_eq!(first["severity"], "notice");
}

#[tokio::test]
async fn an_alert_that_was_written_before_a_crash_is_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.jsonl");
    for id in 1..=50 {
        send(&path, id).await.unwrap();
    }
    let before = fs::read(&path).unwrap();
    send(&path, 7).await.unwrap();
    assert!(fs::read(&path).unwrap() == before);
    // Whoever renames the file begins a new one.
    fs::rename(&path, folder.path().join("alerts.1")).unwrap();
    send(&path, 7).await.unwrap();
    assert_eq!(ids(&path), (vec![7], 0));
}

#[tokio::test]
async fn a_torn_line_is_closed_wherever_it_was_torn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.jsonl");
    send(&path, 1).await.unwrap();
    let first = fs::read(&path).unwrap();
    send(&path, 2).await.unwrap();
    let both = fs::read(&path).unwrap();
    for cut in first.len() + 1..both.len() {
        fs::write(&path, &both[..cut]).unwrap();
        send(&path, 2).await.unwrap();
        // Cut at its very end, the line is whole but for its end and is written once more.
        let expected = if cut == both.len() - 1 {
            (vec![1, 2, 2], 0)
        } else {
            (vec![1, 2], 1)
        };
        assert_eq!(ids(&path), expected, "{cut}");
    }
}

#[tokio::test]
async fn many_writers_do_not_mix_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.jsonl");
    let mut writers = tokio::task::JoinSet::new();
    for id in 0..40 {
        let path = path.clone();
        // Each alert comes twice at once.
        writers.spawn(async move { send(&path, id / 2).await });
    }
    for result in writers.join_all().await {
        result.unwrap();
    }
    let (mut found, broken) = ids(&path);
    found.sort_unstable();
    assert_eq!((found, broken), ((0..20).collect(), 0));
}

#[tokio::test]
async fn what_is_no_file_in_a_folder_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let check = async |path: &Path, expected: &str| {
        let error = send(path, 1).await.unwrap_err();
        assert!(error.is_transient(), "{error}: somebody may correct it");
        let said = error.to_string();
        assert!(said.contains(expected), "{said}");
    };
    check(&folder.path().join("none/alerts.jsonl"), "No such file").await;
    check(folder.path(), "cannot open").await;
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .unwrap();
    assert!(made.success());
    check(&pipe, "it is no file").await;
    assert!(!folder.path().join("none").exists(), "no folder is made");
}
