//! What the client of a model costs beside a bare exchange with the same server.
//!
//! `cargo run --release -p decnet-realism --example client_cost` prints four numbers: microseconds
//! of one generation and of one bare exchange (medians, the same bytes both ways, connection
//! included), KiB of memory that the first generation took, and KiB that a thousand more did.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use decnet_realism::llm::backend::{GenerationRequest, LlmBackend};
use decnet_realism::llm::backends::ollama::{OllamaBackend, OllamaOptions};
use decnet_realism::llm::conformance::request;
use decnet_realism::llm::endpoint::Endpoint;
use decnet_realism::llm::http::Connection;

/// Exchanges of which the median is taken.
const EXCHANGES: usize = 1_000;
/// Tokens of the answer.
const TOKENS: usize = 150;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || serve(&listener));
    for _ in 0..50 {
        bare(address)?;
    }
    let bare = median(|| bare(address))?;
    let before = resident_kib()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let endpoint = Endpoint::parse(&format!("http://{address}"), &[])?;
    let connection = Connection::new(endpoint);
    let backend = OllamaBackend::new(connection, "small", OllamaOptions::default());
    let request = GenerationRequest {
        most_tokens: TOKENS as u32,
        ..request()
    };
    let generate = || -> std::io::Result<()> {
        runtime
            .block_on(backend.generate(&request))
            .map(|_| ())
            .map_err(std::io::Error::other)
    };
    generate()?;
    let first = resident_kib()?;
    let client = median(generate)?;
    let later = resident_kib()?;
    println!(
        "{} {} {} {}",
        client.as_micros(),
        bare.as_micros(),
        first.saturating_sub(before),
        later.saturating_sub(first)
    );
    Ok(())
}

/// Answers every request with the same stream, each token in a chunk of its own.
fn serve(listener: &TcpListener) {
    let mut answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\
        Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        .to_vec();
    for token in 0..=TOKENS {
        let line = if token == TOKENS {
            "{\"message\":{\"content\":\"\"},\"done\":true,\"done_reason\":\"stop\"}\n".to_owned()
        } else {
            format!("{{\"message\":{{\"content\":\"word{token} \"}},\"done\":false}}\n")
        };
        answer.extend_from_slice(format!("{:x}\r\n{line}\r\n", line.len()).as_bytes());
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    for mut connection in listener.incoming().flatten() {
        if read_request(&mut connection).is_ok() {
            // A caller that is gone already is not worth a word.
            let _ = connection.write_all(&answer);
        }
    }
}

fn read_request(connection: &mut TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let count = connection.read(&mut buffer)?;
        request.extend_from_slice(buffer.get(..count).unwrap_or_default());
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let header = text.split("\r\n\r\n").next().unwrap_or_default();
        let length: usize = header
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .and_then(|value| value.parse().ok())
            .unwrap_or_default();
        if count == 0 || text.contains("\r\n\r\n") && request.len() >= header.len() + 4 + length {
            return Ok(());
        }
    }
}

/// The same exchange with nothing around it.
fn bare(address: SocketAddr) -> std::io::Result<()> {
    let mut connection = TcpStream::connect(address)?;
    let body = "x".repeat(420);
    write!(
        connection,
        "POST /api/chat HTTP/1.1\r\nhost: {address}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    assert!(answer.len() > 5_000);
    Ok(())
}

fn median(mut exchange: impl FnMut() -> std::io::Result<()>) -> std::io::Result<Duration> {
    let mut times = Vec::with_capacity(EXCHANGES);
    for _ in 0..EXCHANGES {
        let start = Instant::now();
        exchange()?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok(times.get(EXCHANGES / 2).copied().unwrap_or_default())
}

fn resident_kib() -> Result<u64, Box<dyn std::error::Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
}
