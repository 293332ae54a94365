//! A real language model behind both protocols.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

/// llama.cpp's server with a small model, and Ollama's protocol in front of it. Both end with it,
/// also when the test is killed: they read a pipe that closes then.
#[derive(Debug)]
pub struct LanguageModel {
    /// Base URL of the OpenAI-compatible server.
    pub openai: String,
    /// Base URL of Ollama's protocol.
    pub ollama: String,
    servers: Vec<Child>,
    pipes: Vec<ChildStdin>,
}

/// Name under which both serve the model.
pub const MODEL_NAME: &str = "small";

impl LanguageModel {
    /// Starts both, from what `cargo xtask test` installed.
    pub fn start() -> Self {
        let mut this = Self {
            openai: String::new(),
            ollama: String::new(),
            servers: Vec::new(),
            pipes: Vec::new(),
        };
        this.openai = this.serve("llama_server.py", &[]);
        let upstream = this.openai.clone();
        this.ollama = this.serve("ollama_protocol.py", &[&upstream]);
        this
    }

    fn serve(&mut self, script: &str, arguments: &[&str]) -> String {
        let port = free_port();
        let mut server = Command::new("python3")
            .arg(
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("fixtures")
                    .join(script),
            )
            .args(arguments)
            .arg(port.to_string())
            .env("PYTHONPATH", packages())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("python3 starts");
        let stdout = server.stdout.take().expect("it is piped");
        let ready = BufReader::new(stdout)
            .lines()
            .map_while(Result::ok)
            .any(|line| line == "READY");
        assert!(
            ready,
            "{script} is not ready; `cargo xtask test` installs what it needs"
        );
        self.pipes.extend(server.stdin.take());
        self.servers.push(server);
        format!("http://127.0.0.1:{port}")
    }
}

impl Drop for LanguageModel {
    fn drop(&mut self) {
        self.pipes.clear();
        for server in &mut self.servers {
            // It may be gone already.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test command says here where it installed the model"
)]
fn packages() -> PathBuf {
    std::env::var_os("DECNET_LANGUAGE_MODEL").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/language-model"),
        PathBuf::from,
    )
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a port is free")
        .port()
}
