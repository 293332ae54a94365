//! Both protocols against a server that behaves, and against one that does not.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use decnet_realism::llm::backend::{
    FinishReason, GenerationRequest, LlmBackend, LlmError, OutputFormat, WaitPhase,
};
use decnet_realism::llm::backends::HttpBackend;
use decnet_realism::llm::backends::ollama::{OllamaBackend, OllamaOptions};
use decnet_realism::llm::backends::openai::OpenAiBackend;
use decnet_realism::llm::conformance::{assert_conforms, request};
use decnet_realism::llm::endpoint::Endpoint;
use decnet_realism::llm::http::{Connection, Limits};
use decnet_realism::llm::secret::ApiKey;
use decnet_tests::misbehaving_server::{Behaviour, GOOD_TEXT, MisbehavingServer};
use serde_json::json;

/// Short, so that nobody waits; long enough for a machine that is busy.
const SILENCE: Duration = Duration::from_millis(1_000);

fn backends(url: &str, api_key: Option<&str>) -> [HttpBackend; 2] {
    let connection = Connection {
        api_key: api_key.map(|key| ApiKey::parse(key).expect("a key")),
        limits: Limits {
            connect: Duration::from_secs(5),
            first_byte: SILENCE,
            idle: SILENCE,
            ..Limits::default()
        },
        ..Connection::new(Endpoint::parse(url, &[]).expect("this machine"))
    };
    [
        HttpBackend::Ollama(OllamaBackend::new(
            connection.clone(),
            "small",
            OllamaOptions::default(),
        )),
        HttpBackend::OpenAi(OpenAiBackend::new(connection, "small")),
    ]
}

fn refuse(field: &'static str, name: &'static str) -> Behaviour {
    Behaviour::RefuseField { field, name }
}

/// Waits until no generation runs there, while connections on this side are taken down.
async fn idle(server: &MisbehavingServer) {
    while server.open_generations() > 0 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn long_request() -> GenerationRequest {
    GenerationRequest {
        most_tokens: 500,
        ..request()
    }
}

#[tokio::test]
async fn both_protocols_conform() {
    let server = MisbehavingServer::start(Behaviour::Good);
    for backend in backends(&server.url(), None) {
        assert_conforms(&backend).await;
        idle(&server).await;
    }
}

#[tokio::test]
async fn the_whole_text_comes_with_its_counts() {
    let server = MisbehavingServer::start(Behaviour::Good);
    for backend in backends(&server.url(), None) {
        let generation = backend.generate(&long_request()).await.expect("an answer");
        assert_eq!(generation.text, GOOD_TEXT);
        assert_eq!(generation.finish, FinishReason::Stop);
        assert_eq!(generation.prompt_tokens, Some(321));
        let cut = backend.generate(&request()).await.expect("an answer");
        assert_eq!(cut.finish, FinishReason::Length);
        assert_eq!(cut.output_tokens, Some(request().most_tokens));
        assert_eq!(backend.models().await.expect("a list"), ["small"]);
        assert_eq!(backend.busy_slots().await.expect("no failure"), None);
    }
}

#[tokio::test]
async fn a_whole_text_needs_no_end_of_the_connection() {
    let server = MisbehavingServer::start(Behaviour::HangAfterTheEnd);
    for backend in backends(&server.url(), None) {
        let generation = backend.generate(&long_request()).await.expect("an answer");
        assert_eq!(generation.text, GOOD_TEXT);
        assert_eq!(generation.finish, FinishReason::Stop);
        idle(&server).await;
    }
}

#[tokio::test]
async fn each_misbehaviour_is_the_error_that_it_is() {
    let is = |error: &LlmError, behaviour| match behaviour {
        Behaviour::HangBeforeHeader | Behaviour::HangInBody | Behaviour::HangBetweenTokens => {
            matches!(
                error,
                LlmError::Timeout {
                    phase: WaitPhase::Idle,
                    after: SILENCE
                }
            )
        }
        Behaviour::Reset | Behaviour::HalfAStream => {
            matches!(
                error,
                LlmError::Unavailable {
                    may_run_on: true,
                    ..
                }
            )
        }
        Behaviour::Status(expected) => {
            matches!(error, LlmError::Refused { status, message, .. }
                if *status == expected && message == "no, thank you")
        }
        Behaviour::TooManyRequests(pause) => {
            matches!(error, LlmError::Refused { status: 429, retry_after, .. }
                if *retry_after == Some(Duration::from_secs(pause.into())))
        }
        Behaviour::EmptyText => matches!(error, LlmError::Empty),
        Behaviour::EmptyBody => matches!(error, LlmError::Unavailable { .. }),
        Behaviour::Redirect => {
            matches!(error, LlmError::Refused { status: 302, message, .. }
                if message.contains("elsewhere.example"))
        }
        Behaviour::ErrorInTheMiddle => {
            matches!(error, LlmError::Unavailable { reason, may_run_on: false }
                if reason == "out of memory")
        }
        _ => matches!(error, LlmError::Malformed { .. }),
    };
    for behaviour in [
        Behaviour::HangBeforeHeader,
        Behaviour::HangInBody,
        Behaviour::HangBetweenTokens,
        Behaviour::Reset,
        Behaviour::HalfAStream,
        Behaviour::Status(401),
        Behaviour::Status(404),
        Behaviour::Status(500),
        Behaviour::TooManyRequests(7),
        Behaviour::EmptyText,
        Behaviour::EmptyBody,
        Behaviour::Redirect,
        Behaviour::ErrorInTheMiddle,
        Behaviour::Huge,
        Behaviour::HugeLine,
        Behaviour::InvalidUtf8,
        Behaviour::InvalidJson,
        Behaviour::NeverEnds,
    ] {
        let server = MisbehavingServer::start(behaviour);
        for backend in backends(&server.url(), None) {
            let error = backend
                .generate(&long_request())
                .await
                .expect_err("it misbehaves");
            assert!(is(&error, behaviour), "{behaviour:?}: {error:?}");
            assert!(!error.to_string().contains(['\n', '\u{1b}']), "{error}");
            idle(&server).await;
        }
        assert_eq!(server.most_open_generations(), 1);
    }
}

#[tokio::test]
async fn dropping_a_call_ends_the_generation() {
    let server = MisbehavingServer::start(Behaviour::NeverEnds);
    for backend in backends(&server.url(), None) {
        let request = long_request();
        let call = backend.generate(&request);
        // The connection is made and the first tokens come.
        let _ = tokio::time::timeout(Duration::from_millis(5), call).await;
        idle(&server).await;
    }
}

#[tokio::test]
async fn fields_that_a_server_does_not_know_are_left_out() {
    // Any 400 that names a field; the server here says it in words of its own.
    let server = MisbehavingServer::start(Behaviour::Good);
    server.script([refuse("think", "think")]);
    let [ollama, openai] = backends(&server.url(), None);
    let asked = GenerationRequest {
        format: OutputFormat::JsonSchema(json!({"type": "object"})),
        ..long_request()
    };
    assert!(ollama.generate(&asked).await.is_ok());
    assert!(ollama.generate(&asked).await.is_ok());
    server.script([
        refuse("max_tokens", "max_tokens"),
        refuse("response_format", "response_format"),
    ]);
    assert!(openai.generate(&asked).await.is_ok());
    let bodies: Vec<_> = server.asked().into_iter().map(|asked| asked.body).collect();
    let has = |at: usize, field: &str| !bodies[at][field].is_null();
    assert!(has(0, "think") && !has(1, "think") && !has(2, "think"));
    assert!(has(1, "format"));
    assert!(has(3, "max_tokens") && !has(4, "max_tokens") && has(4, "max_completion_tokens"));
    assert!(has(4, "response_format") && !has(5, "response_format"));
    assert_eq!(bodies.len(), 6);
}

#[tokio::test]
async fn keys_are_sent_and_never_shown() {
    let server = MisbehavingServer::start(Behaviour::EchoKey);
    for backend in backends(&server.url(), Some("sk-secret-1")) {
        let error = backend
            .generate(&request())
            .await
            .expect_err("it is refused");
        assert!(error.to_string().contains("the key … is wrong"), "{error}");
        assert!(!format!("{backend:?} {error:?}").contains("sk-secret"));
    }
    assert!(server.asked().iter().all(|asked| {
        asked
            .headers
            .iter()
            .any(|line| line.eq_ignore_ascii_case("authorization: Bearer sk-secret-1"))
    }));
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    drop(listener);
    for backend in backends(&url, None) {
        let error = backend.generate(&request()).await.expect_err("nobody");
        let is_refused = matches!(
            error,
            LlmError::Unavailable {
                may_run_on: false,
                ..
            }
        );
        assert!(is_refused, "{error:?}");
    }
}

#[tokio::test]
async fn streams_are_read_as_they_are_written() {
    let check = async |body: &[&[u8]], expected: Result<&str, &str>| {
        let answer = chunked(body);
        let is_event_stream = body.concat().windows(7).any(|part| part == b"choices");
        let server = Canned::answer(vec![answer]);
        let [ollama, openai] = backends(&server.url, None);
        let backend = if is_event_stream { openai } else { ollama };
        let result = backend.generate(&long_request()).await;
        match (&result, expected) {
            (Ok(generation), Ok(text)) => assert_eq!(generation.text, text),
            (Err(error), Err(part)) => {
                assert!(error.to_string().contains(part), "{error}");
            }
            _ => panic!("{result:?} is not {expected:?}"),
        }
    };
    // Comments, other fields, either line end, and a character in two chunks.
    check(
        &[
            b": waiting\r\n\r\nevent: message\r\nid: 1\r\nretry: 5\r\n",
            b"data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\r\n\r\n",
            b"data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n",
            b"data: {\"choices\":[{\"delta\":{\"content\":\"M\xc3",
            b"\xa1laga \xf0\x9f",
            b"\x91\x8b\"}}]}\n\n",
            b"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        ],
        Ok("Málaga 👋"),
    )
    .await;
    // A server that does not stream.
    check(
        &[
            b"{\n \"choices\": [{\"message\":",
            b" {\"content\": \"Hi\"},\n \"finish_reason\": \"stop\"}]\n}",
        ],
        Ok("Hi"),
    )
    .await;
    check(
        &[
            b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n",
            b"error: {\"code\":500,\"message\":\"the slot is gone\"}\n\n",
        ],
        Err("the slot is gone"),
    )
    .await;
    check(
        &[b"data: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\n\n"],
        Err("broke off"),
    )
    .await;
    check(
        &[
            b"{\"message\":{\"thinking\":\"hm\",\"content\":\"\"},\"done\":false}\n",
            b"{\"message\":{\"content\":\"Hi\"},\"done\":false}\n\n",
            b"{\"message\":{\"content\":\"\"},\"done\":true}",
        ],
        Ok("Hi"),
    )
    .await;
    check(
        &[b"{\"message\":{\"content\":\"Hi\"},\"done\":false}\n"],
        Err("broke off"),
    )
    .await;
}

#[tokio::test]
async fn what_is_no_http_is_unavailable() {
    let header = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long_header = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(10 << 20));
    for answer in [
        b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(),
        b"HTTP/1.1 200".to_vec(),
        [header, &b"zz\r\ndata\r\n"[..]].concat(),
        [header, &b"ffffffffffffffffff\r\ndata\r\n"[..]].concat(),
        long_header.into_bytes(),
    ] {
        let server = Canned::answer(vec![answer.clone(), answer]);
        for backend in backends(&server.url, None) {
            let error = backend.generate(&request()).await.expect_err("no HTTP");
            assert!(matches!(error, LlmError::Unavailable { .. }), "{error:?}");
        }
    }
}

#[tokio::test]
async fn silence_counts_from_the_request() {
    let server = MisbehavingServer::start(Behaviour::HangBeforeHeader);
    let patient = Limits {
        connect: Duration::from_secs(3_600),
        first_byte: SILENCE,
        ..Limits::default()
    };
    let connection = Connection {
        limits: patient,
        ..Connection::new(Endpoint::parse(&server.url(), &[]).expect("this machine"))
    };
    let backend = OpenAiBackend::new(connection, "small");
    let request = request();
    let result = tokio::time::timeout(LONG, backend.generate(&request)).await;
    let error = result.expect("it ends").expect_err("silence");
    assert!(matches!(error, LlmError::Timeout { .. }), "{error:?}");
}

#[tokio::test]
async fn a_trickle_is_no_answer() {
    let header = b"HTTP/1.1 200 OK\r\nX-Slow: ";
    let document = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    for start in [&header[..], &document[..]] {
        let server = Canned::trickle(start);
        let [ollama, openai] = backends(&server.url, None);
        let probes = async { (ollama.models().await, openai.busy_slots().await) };
        let (models, slots) = tokio::time::timeout(LONG, probes).await.expect("both end");
        assert!(
            matches!(models, Err(LlmError::Timeout { .. })),
            "{models:?}"
        );
        assert!(matches!(slots, Err(LlmError::Timeout { .. })), "{slots:?}");
    }
}

#[tokio::test]
async fn slots_are_counted_behind_either_base_url() {
    let slots = json!([{"is_processing": true}, {"is_processing": false}]).to_string();
    for prefix in ["", "/v1", "/v1/"] {
        let server = Canned::answer(vec![plain(&slots)]);
        let [_, openai] = backends(&format!("{}{prefix}", server.url), None);
        assert_eq!(openai.busy_slots().await, Ok(Some(1)));
        assert_eq!(server.requests(), ["GET /slots HTTP/1.1"]);
    }
}

#[tokio::test]
async fn names_of_models_drive_no_terminal() {
    let list = json!({"data": [{"id": "a\u{1b}[2Jb\nsk-secret-1"}]}).to_string();
    let server = Canned::answer(vec![plain(&list)]);
    let [_, openai] = backends(&server.url, Some("sk-secret-1"));
    assert_eq!(openai.models().await.expect("a list"), ["a [2Jb …"]);
}

#[tokio::test]
async fn callers_at_once_learn_together_what_a_server_refuses() {
    let server = MisbehavingServer::start(Behaviour::Good);
    let [ollama, _] = backends(&server.url(), None);
    let request = long_request();
    // The words of Ollama itself.
    server.behave(refuse("think", "thinking"));
    let (one, other) = tokio::join!(ollama.generate(&request), ollama.generate(&request));
    assert!(one.is_ok() && other.is_ok(), "{one:?} and {other:?}");
    assert!((3..=4).contains(&server.asked().len()));
}

/// Longer than anything here takes, shorter than anybody waits.
const LONG: Duration = Duration::from_secs(60);

/// A server that sends bytes as they are, one answer for each connection.
struct Canned {
    url: String,
    serving: JoinHandle<Vec<String>>,
}

impl Canned {
    /// Sends each of `answers` and closes.
    fn answer(answers: Vec<Vec<u8>>) -> Self {
        Self::serve(move |listener| {
            // In this order: nobody is waited for once every answer is given.
            let connections = answers.into_iter().zip(listener.incoming());
            let exchange = |(answer, connection): (Vec<u8>, io::Result<TcpStream>)| {
                let mut connection = connection?;
                let line = read_request(&connection)?;
                connection.write_all(&answer)?;
                Ok(line)
            };
            connections
                .map(exchange)
                .map(|line: io::Result<String>| line.unwrap_or_default())
                .collect()
        })
    }

    /// Sends `start` to two callers, and then a byte now and then for as long as they stay.
    fn trickle(start: &'static [u8]) -> Self {
        Self::serve(move |listener| {
            for connection in listener.incoming().take(2) {
                let _ = connection.and_then(|mut connection| {
                    read_request(&connection)?;
                    connection.write_all(start)?;
                    while connection.write_all(b" ").is_ok() {
                        thread::sleep(SILENCE / 20);
                    }
                    Ok(())
                });
            }
            Vec::new()
        })
    }

    fn serve(serve: impl FnOnce(TcpListener) -> Vec<String> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        Self {
            url,
            serving: thread::spawn(move || serve(listener)),
        }
    }

    /// The first lines of its requests, when all have come.
    fn requests(self) -> Vec<String> {
        self.serving.join().expect("it does not panic")
    }
}

/// Reads one request and gives its first line.
fn read_request(connection: &TcpStream) -> io::Result<String> {
    let mut reader = BufReader::new(connection);
    let mut first = None;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
        first.get_or_insert_with(|| line.to_owned());
    }
    reader.read_exact(&mut vec![0; length])?;
    Ok(first.unwrap_or_default())
}

fn plain(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn chunked(chunks: &[&[u8]]) -> Vec<u8> {
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in chunks.iter().chain([&&b""[..]]) {
        answer.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        answer.extend_from_slice(chunk);
        answer.extend_from_slice(b"\r\n");
    }
    answer
}
