//! Webhooks, against servers that behave and servers that do not.

#![cfg(feature = "webhook")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::time::Duration;

use chrono::DateTime;
use decnet_alert::alert::{Alert, AlertId, AlertKind, Severity};
use decnet_alert::sink::{Sink, SinkError, SinkName};
use decnet_alert::sinks::webhook::{BearerToken, WebhookSink, WebhookUrl};
use decnet_tests::misbehaving_server::{Behaviour, MisbehavingServer};
use tokio::time::timeout;

const KIND: AlertKind = AlertKind::constant("first-login");
const TOKEN: &str = "t0ken-of-the-hook";
/// Longer than any exchange with a server on this machine takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn alert() -> Alert {
    Alert::new(
        KIND,
        "mx1",
        Severity::Warning,
        DateTime::UNIX_EPOCH,
        "first login",
    )
    .unwrap()
    .with_fact("user", "ro\u{1b}ot")
}

fn sink(url: &str) -> WebhookSink {
    let url = WebhookUrl::parse(url).unwrap();
    let token = BearerToken::parse(TOKEN).unwrap();
    WebhookSink::new(SinkName::constant("webhook"), url, Some(token))
}

/// Waits for a server while the client goes on: it still has connections to close.
async fn meanwhile(wait: impl FnOnce() + Send + 'static) {
    let waiting = tokio::task::spawn_blocking(wait);
    let waited = timeout(PATIENCE, waiting).await;
    waited.expect("it comes to an end").unwrap();
}

/// Sends to a server that reads requests with a JSON body at this path.
async fn send(server: &MisbehavingServer) -> Result<(), SinkError> {
    let url = format!("{}/v1/chat/completions", server.url());
    timeout(PATIENCE, sink(&url).send(AlertId(7), &alert()))
        .await
        .expect("it comes to an end")
}

async fn refusal(behaviour: Behaviour) -> SinkError {
    let server = MisbehavingServer::start(behaviour);
    let error = send(&server).await.unwrap_err();
    assert_eq!(
        server.asked().len(),
        1,
        "{behaviour:?}: one request, never two"
    );
    let said = format!("{error} {error:?}");
    assert!(!said.contains("t0ken"), "{behaviour:?}: {said}");
    assert!(!said.contains("/v1/chat"), "{behaviour:?}: {said}");
    error
}

#[tokio::test]
async fn an_alert_is_posted_as_json_with_its_id_and_the_token() {
    let server = MisbehavingServer::start(Behaviour::EmptyBody);
    send(&server).await.unwrap();
    send(&server).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    for request in asked {
        let header = |wanted: &str| {
            request
                .headers
                .iter()
                .any(|line| line.eq_ignore_ascii_case(wanted))
        };
        assert!(header("idempotency-key: 00000000000000000000000000000007"));
        assert!(header(&format!("authorization: Bearer {TOKEN}")));
        assert!(header("content-type: application/json"));
        assert_eq!(request.body["id"], "00000000000000000000000000000007");
        assert_eq!(request.body["kind"], "first-login");
        assert_eq!(request.body["facts"]["user"], "ro\u{1b}ot");
    }
}

#[tokio::test]
async fn success_is_success_whatever_comes_after_it() {
    for behaviour in [
        Behaviour::Good,
        Behaviour::HangInBody,
        Behaviour::Huge,
        Behaviour::NeverEnds,
        Behaviour::InvalidUtf8,
        Behaviour::HalfAStream,
    ] {
        let server = MisbehavingServer::start(behaviour);
        assert!(send(&server).await.is_ok(), "{behaviour:?}");
    }
}

#[tokio::test]
async fn refusals_say_whether_they_pass() {
    for (status, is_transient) in [
        (400, false),
        (401, false),
        (404, false),
        (408, true),
        (410, false),
        (425, true),
        (429, true),
        (500, true),
        (503, true),
    ] {
        let error = refusal(Behaviour::Status(status)).await;
        assert_eq!(error.is_transient(), is_transient, "{error}");
        let said = error.to_string();
        assert!(said.contains(&format!("status {status}: ")), "{said}");
        assert!(said.contains("no, thank you"), "{said}");
    }
    let error = refusal(Behaviour::TooManyRequests(77)).await;
    assert_eq!(error.retry_after(), Some(Duration::from_secs(77)));
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let error = refusal(Behaviour::Redirect).await;
    assert!(!error.is_transient());
    assert!(error.to_string().contains("redirect"), "{error}");
    assert!(!error.to_string().contains("steal"), "{error}");
}

#[tokio::test]
async fn the_token_is_not_repeated() {
    let error = refusal(Behaviour::EchoKey).await;
    assert!(error.to_string().contains("the key … is wrong"), "{error}");
    let shown = format!("{:?}", sink("http://127.0.0.1:1/s3cret"));
    assert!(
        !shown.contains("t0ken") && !shown.contains("s3cret"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_server_that_breaks_off_may_come_back() {
    let error = refusal(Behaviour::Reset).await;
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_when_the_send_is_dropped() {
    let server = MisbehavingServer::start(Behaviour::HangBeforeHeader);
    let url = format!("{}/v1/chat/completions", server.url());
    let sink = sink(&url);
    let alert = alert();
    let sent = timeout(Duration::from_millis(300), sink.send(AlertId(7), &alert)).await;
    assert!(sent.is_err(), "{sent:?}");
    // The connection is closed: the server notices.
    meanwhile(move || {
        server.wait_for_requests(1);
        server.wait_until_idle();
    })
    .await;
}

/// A server that answers each connection with these bytes and keeps it open.
fn answering(bytes: impl Into<Vec<u8>>) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let bytes = bytes.into();
    let server = std::thread::spawn(move || {
        let (mut connection, _) = listener.accept().unwrap();
        let mut buffer = [0; 65_536];
        let _ = connection.read(&mut buffer);
        for piece in bytes.chunks(1 << 16) {
            if connection.write_all(piece).is_err() {
                break;
            }
        }
        let _ = connection.shutdown(Shutdown::Write);
        while connection.read(&mut buffer).is_ok_and(|length| length > 0) {}
    });
    (url, server)
}

#[tokio::test]
async fn garbage_is_an_error_on_one_line() {
    for garbage in [
        &b"\x00\xff\xfe this is no HTTP\r\n\r\n"[..],
        b"HTTP/1.1 two hundred OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"",
    ] {
        let (url, server) = answering(garbage);
        let error = sink(&url).send(AlertId(7), &alert()).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        let said = error.to_string();
        assert!(
            !said.contains(char::is_control) && said.len() < 400,
            "{said:?}"
        );
        meanwhile(move || server.join().unwrap()).await;
    }
}

#[tokio::test]
async fn the_message_of_a_refusal_is_bounded_and_harmless() {
    let mut answer = b"HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let piece = format!("10000\r\n{}\r\n", "\u{1b}]".repeat(1 << 15));
    for _ in 0..100 {
        answer.extend_from_slice(piece.as_bytes());
    }
    let (url, server) = answering(answer);
    let error = sink(&url).send(AlertId(7), &alert()).await.unwrap_err();
    let said = error.to_string();
    assert!(
        !said.contains(char::is_control) && said.len() < 400,
        "{said:?}"
    );
    meanwhile(move || server.join().unwrap()).await;
}

#[tokio::test]
async fn who_is_not_there_is_told_without_the_path() {
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let error = sink(&format!("http://{port}/s3cret"))
        .send(AlertId(7), &alert())
        .await;
    let said = error.unwrap_err().to_string();
    assert!(
        said.starts_with(&format!("cannot connect to http://{port}/…: ")),
        "{said}"
    );
    assert!(!said.contains("s3cret"), "{said}");
}
