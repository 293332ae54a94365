//! A model's server that does what servers should not do, and counts what it is made to do.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use serde_json::{Value, json};

/// What the server does with one request for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behaviour {
    /// A mail, token by token.
    Good,
    /// This text.
    Text(&'static str),
    /// A mail that says the first thing that the prompt's author remembers, or [`NO_MEMORY`].
    Remembering,
    /// Nothing, for as long as the caller waits.
    HangBeforeHeader,
    /// A header, and nothing more.
    HangInBody,
    /// A few tokens, and nothing more.
    HangBetweenTokens,
    /// The connection is broken off without a word.
    Reset,
    /// This HTTP status, with an error as the protocol has it.
    Status(u16),
    /// 429 with `Retry-After`, in seconds.
    TooManyRequests(u32),
    /// A header with a body of no bytes.
    EmptyBody,
    /// A proper answer of no text.
    EmptyText,
    /// A mail with its end, and then no end of the connection.
    HangAfterTheEnd,
    /// Ten megabytes of tokens.
    Huge,
    /// Ten megabytes without a line end.
    HugeLine,
    /// Bytes that are no UTF-8.
    InvalidUtf8,
    /// Lines that are no JSON.
    InvalidJson,
    /// A few tokens, and the end of the connection.
    HalfAStream,
    /// Tokens without end.
    NeverEnds,
    /// 302 to another host.
    Redirect,
    /// 401 with the key that was sent.
    EchoKey,
    /// An error in the middle of the stream.
    ErrorInTheMiddle,
    /// 400 with a message that names a field, or what it is about, to requests that hold it.
    RefuseField {
        /// The field.
        field: &'static str,
        /// What the message calls it.
        name: &'static str,
    },
}

/// The text of [`Behaviour::Good`].
pub const GOOD_TEXT: &str = "Subject: Meeting room on Tuesday\n\nHi,\n\nthe big room is taken on \
    Tuesday, so I moved us to the one on the second floor. Please bring the list of open orders \
    with you.\n";

/// What [`Behaviour::Remembering`] says where nothing is remembered.
pub const NO_MEMORY: &str = "my memory is not what it was, so tell me again.";

/// One request for a text.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Path of the request.
    pub path: String,
    /// Header lines.
    pub headers: Vec<String>,
    /// Body.
    pub body: Value,
}

/// The server. It runs until it is dropped.
#[derive(Debug)]
pub struct MisbehavingServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Behaviour>,
    otherwise: Option<Behaviour>,
    /// Whether a generation ends when its caller leaves.
    notices_callers: bool,
    open: usize,
    most_open: usize,
    asked: Vec<Asked>,
    connections: Vec<TcpStream>,
    is_over: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MisbehavingServer {
    /// A server that does `behaviour` with every request.
    pub fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::default());
        shared.state().otherwise = Some(behaviour);
        shared.state().notices_callers = true;
        let serving = shared.clone();
        let listener = thread::spawn(move || serve(&listener, &serving));
        Self {
            address,
            shared,
            listener: Some(listener),
        }
    }

    /// Base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What to do with every request from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        let mut state = self.shared.state();
        state.script.clear();
        state.otherwise = Some(behaviour);
    }

    /// What to do with the next requests, before what it does otherwise.
    pub fn script(&self, behaviours: impl IntoIterator<Item = Behaviour>) {
        self.shared.state().script.extend(behaviours);
    }

    /// From now on generations go on when their callers leave, as some servers have it, until
    /// [`finish_generations`](Self::finish_generations).
    pub fn ignore_disconnects(&self) {
        self.shared.state().notices_callers = false;
    }

    /// Ends the generations of callers who left.
    pub fn finish_generations(&self) {
        let mut state = self.shared.state();
        state.notices_callers = true;
        drop(state);
        self.shared.changed.notify_all();
        self.until(|state| state.open == 0);
    }

    /// Generations that run now.
    pub fn open_generations(&self) -> usize {
        self.shared.state().open
    }

    /// The most that ever ran at once.
    pub fn most_open_generations(&self) -> usize {
        self.shared.state().most_open
    }

    /// Every request for a text so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.state().asked.clone()
    }

    /// Waits until so many requests for a text have come.
    pub fn wait_for_requests(&self, count: usize) {
        self.until(|state| state.asked.len() >= count);
    }

    /// Waits until no generation runs.
    pub fn wait_until_idle(&self) {
        self.until(|state| state.open == 0);
    }

    fn until(&self, done: impl Fn(&State) -> bool) {
        let mut state = self.shared.state();
        while !done(&state) {
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for MisbehavingServer {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.is_over = true;
        state.notices_callers = true;
        for connection in &state.connections {
            // It may be closed already.
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

/// Counts a generation while it runs.
struct Generation<'s>(&'s Shared);

impl<'s> Generation<'s> {
    fn begin(shared: &'s Shared, asked: Asked) -> (Self, Behaviour) {
        let mut state = shared.state();
        state.asked.push(asked);
        state.open += 1;
        state.most_open = state.most_open.max(state.open);
        let otherwise = state.otherwise.unwrap_or(Behaviour::Good);
        let behaviour = state.script.pop_front().unwrap_or(otherwise);
        drop(state);
        shared.changed.notify_all();
        (Self(shared), behaviour)
    }
}

impl Drop for Generation<'_> {
    fn drop(&mut self) {
        self.0.state().open -= 1;
        self.0.changed.notify_all();
    }
}

fn serve(listener: &TcpListener, shared: &Arc<Shared>) {
    let mut callers = Vec::new();
    for connection in listener.incoming() {
        let Ok(connection) = connection else { break };
        let mut state = shared.state();
        if state.is_over {
            break;
        }
        if let Ok(copy) = connection.try_clone() {
            state.connections.push(copy);
        }
        drop(state);
        let shared = shared.clone();
        callers.push(thread::spawn(move || {
            // A caller that leaves in the middle is what these tests are about.
            let _ = exchange(connection, &shared);
        }));
    }
    for caller in callers {
        let _ = caller.join();
    }
}

fn exchange(mut connection: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
        headers.push(line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    match path.as_str() {
        "/api/tags" => document(
            &mut connection,
            200,
            "",
            &json!({"models": [{"name": "small"}]}),
        ),
        "/v1/models" => document(
            &mut connection,
            200,
            "",
            &json!({"data": [{"id": "small"}]}),
        ),
        "/api/chat" | "/v1/chat/completions" => {
            let key = headers
                .iter()
                .find(|line| line.to_lowercase().starts_with("authorization:"))
                .and_then(|line| line.split(' ').next_back())
                .unwrap_or_default()
                .to_owned();
            let asked = Asked {
                path: path.clone(),
                headers,
                body: serde_json::from_slice(&body).unwrap_or(Value::Null),
            };
            let cap = cap_of(&asked.body);
            let sent = asked.body.clone();
            let (_generation, behaviour) = Generation::begin(shared, asked);
            let behaviour = match behaviour {
                Behaviour::RefuseField { field, .. } if sent[field].is_null() => Behaviour::Good,
                other => other,
            };
            let answer = Answer {
                connection,
                is_ollama: path == "/api/chat",
                cap,
            };
            let done = answer.misbehave(behaviour, &sent, &key, &mut reader, shared);
            linger(behaviour, shared);
            done
        }
        _ => document(&mut connection, 404, "", &json!({"error": "not found"})),
    }
}

/// A server that does not notice that callers leave goes on.
fn linger(behaviour: Behaviour, shared: &Shared) {
    let runs_on = matches!(
        behaviour,
        Behaviour::HangBeforeHeader
            | Behaviour::HangInBody
            | Behaviour::HangBetweenTokens
            | Behaviour::NeverEnds
    );
    let mut state = shared.state();
    while runs_on && !state.notices_callers && !state.is_over {
        state = shared
            .changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
    }
}

fn document(
    connection: &mut TcpStream,
    status: u16,
    headers: &str,
    value: &Value,
) -> std::io::Result<()> {
    let body = value.to_string();
    write!(
        connection,
        "HTTP/1.1 {status} Whatever\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         {headers}\r\n{body}",
        body.len()
    )
}

/// The token cap of a request; a server without one would go on for ever.
fn cap_of(body: &Value) -> usize {
    [&body["options"]["num_predict"], &body["max_tokens"]]
        .into_iter()
        .find_map(Value::as_u64)
        .and_then(|cap| usize::try_from(cap).ok())
        .unwrap_or(usize::MAX)
}

/// The last line of the first thing that a prompt says somebody remembers.
fn remembered(asked: &Value) -> Option<&str> {
    let messages = asked["messages"].as_array()?;
    let said = messages
        .iter()
        .filter_map(|message| message["content"].as_str());
    let (_, behind) = said
        .filter_map(|text| text.split_once("what it said:\n"))
        .next()?;
    let lines = behind.lines().take_while(|line| line.starts_with("  "));
    lines.last().map(str::trim)
}

struct Answer {
    connection: TcpStream,
    is_ollama: bool,
    cap: usize,
}

impl Answer {
    /// One token, and a proper end.
    fn whole(mut self, text: &str) -> std::io::Result<()> {
        self.header()?;
        self.token(text)?;
        self.end(1)
    }

    fn misbehave(
        mut self,
        behaviour: Behaviour,
        asked: &Value,
        key: &str,
        caller: &mut BufReader<TcpStream>,
        shared: &Shared,
    ) -> std::io::Result<()> {
        match behaviour {
            Behaviour::Good => {
                self.header()?;
                let mut words = 0;
                for word in GOOD_TEXT.split_inclusive(' ').take(self.cap) {
                    self.token(word)?;
                    words += 1;
                }
                self.end(words)
            }
            Behaviour::Text(text) => self.whole(text),
            Behaviour::Remembering => {
                let said = remembered(asked).unwrap_or(NO_MEMORY);
                self.whole(&format!("Subject: Where we stand\n\nHi,\n\n{said}\n"))
            }
            Behaviour::HangBeforeHeader => wait_for_leave(caller),
            Behaviour::HangInBody => {
                self.header()?;
                wait_for_leave(caller)
            }
            Behaviour::HangBetweenTokens => {
                self.header()?;
                self.token("Subject: ")?;
                self.token("Some")?;
                wait_for_leave(caller)
            }
            Behaviour::Reset => self.connection.shutdown(Shutdown::Both),
            Behaviour::Status(status) => self.refuse(status, "", "no, thank you"),
            Behaviour::TooManyRequests(seconds) => self.refuse(
                429,
                &format!("Retry-After: {seconds}\r\n"),
                "too many requests",
            ),
            Behaviour::EmptyBody => write!(
                self.connection,
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            ),
            Behaviour::EmptyText => {
                self.header()?;
                self.token("")?;
                self.end(0)
            }
            Behaviour::HangAfterTheEnd => {
                self.header()?;
                self.token(GOOD_TEXT)?;
                self.finish()?;
                wait_for_leave(caller)
            }
            Behaviour::Huge => {
                self.header()?;
                let token = "word ".repeat(200);
                for _ in 0..10_000 {
                    self.token(&token)?;
                }
                self.end(10_000)
            }
            Behaviour::HugeLine => {
                self.header()?;
                let piece = "x".repeat(64 << 10);
                for _ in 0..160 {
                    self.chunk(piece.as_bytes())?;
                }
                self.chunk(b"")
            }
            Behaviour::InvalidUtf8 => {
                self.header()?;
                self.chunk(b"data: {\"choices\": \"\xff\xfe\"}\n\n")?;
                self.chunk(b"")
            }
            Behaviour::InvalidJson => {
                self.header()?;
                self.chunk(b"data: {\"choices\": [}\n\n")?;
                self.chunk(b"")
            }
            Behaviour::HalfAStream => {
                self.header()?;
                self.token("Subject: Half")?;
                self.token(" a mail\n\nThis is")?;
                self.connection.shutdown(Shutdown::Both)
            }
            Behaviour::NeverEnds => {
                self.header()?;
                while !shared.state().is_over {
                    self.token("and so on ")?;
                    thread::yield_now();
                }
                Ok(())
            }
            Behaviour::Redirect => {
                self.refuse(302, "Location: http://elsewhere.example/steal\r\n", "moved")
            }
            Behaviour::EchoKey => self.refuse(401, "", &format!("the key {key} is wrong")),
            Behaviour::RefuseField { name, .. } => self.refuse(
                400,
                "",
                &format!("this model does not support {name}, sorry"),
            ),
            Behaviour::ErrorInTheMiddle => {
                self.header()?;
                self.token("Subject: ")?;
                let error = json!({"error": "out of memory"}).to_string();
                let line = if self.is_ollama {
                    format!("{error}\n")
                } else {
                    format!("data: {error}\n\n")
                };
                self.chunk(line.as_bytes())?;
                self.chunk(b"")
            }
        }
    }

    fn header(&mut self) -> std::io::Result<()> {
        let kind = if self.is_ollama {
            "application/x-ndjson"
        } else {
            "text/event-stream"
        };
        write!(
            self.connection,
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
    }

    fn chunk(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        write!(self.connection, "{:x}\r\n", bytes.len())?;
        self.connection.write_all(bytes)?;
        self.connection.write_all(b"\r\n")
    }

    fn token(&mut self, text: &str) -> std::io::Result<()> {
        let line = if self.is_ollama {
            let message = json!({"role": "assistant", "content": text});
            format!("{}\n", json!({"message": message, "done": false}))
        } else {
            let choice = json!({"delta": {"content": text}, "finish_reason": null});
            format!("data: {}\n\n", json!({"choices": [choice]}))
        };
        self.chunk(line.as_bytes())
    }

    fn end(&mut self, tokens: usize) -> std::io::Result<()> {
        let reason = if tokens >= self.cap { "length" } else { "stop" };
        let last = if self.is_ollama {
            format!(
                "{}\n",
                json!({
                    "message": {"role": "assistant", "content": ""},
                    "done": true,
                    "done_reason": reason,
                    "prompt_eval_count": 321,
                    "eval_count": tokens,
                })
            )
        } else {
            let choice = json!({"delta": {}, "finish_reason": reason});
            let usage = json!({"prompt_tokens": 321, "completion_tokens": tokens});
            format!(
                "data: {}\n\ndata: {}\n\ndata: [DONE]\n\n",
                json!({"choices": [choice]}),
                json!({"choices": [], "usage": usage})
            )
        };
        self.chunk(last.as_bytes())?;
        self.chunk(b"")
    }

    /// The event that says that the text is whole, without what follows it.
    fn finish(&mut self) -> std::io::Result<()> {
        let message = json!({"role": "assistant", "content": ""});
        let line = if self.is_ollama {
            format!(
                "{}\n",
                json!({"message": message, "done": true, "done_reason": "stop"})
            )
        } else {
            let choice = json!({"delta": {}, "finish_reason": "stop"});
            format!("data: {}\n\n", json!({"choices": [choice]}))
        };
        self.chunk(line.as_bytes())
    }

    fn refuse(&mut self, status: u16, headers: &str, message: &str) -> std::io::Result<()> {
        let error = if self.is_ollama {
            json!({"error": message})
        } else {
            json!({"error": {"message": message, "code": status}})
        };
        document(&mut self.connection, status, headers, &error)
    }
}

/// Blocks until the caller closes the connection.
fn wait_for_leave(caller: &mut BufReader<TcpStream>) -> std::io::Result<()> {
    let mut byte = [0];
    while caller.read(&mut byte)? > 0 {}
    Ok(())
}
