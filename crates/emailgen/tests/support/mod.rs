//! Independent readers of what the mail clients write.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod eml_input;

use std::io::Write;
use std::process::{Command, Stdio};

use decnet_emailgen::mail_client::{self, MailClient};
use decnet_emailgen::message::{ComposeError, ComposedMessage, Message};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Deserialize;

/// A message as a parser understood it.
#[derive(Debug, Deserialize)]
pub(crate) struct Parsed {
    #[serde(default)]
    pub(crate) headers: Vec<String>,
    pub(crate) from: Option<Mailbox>,
    pub(crate) to: Option<Mailbox>,
    #[serde(default)]
    pub(crate) subject: String,
    #[serde(default)]
    pub(crate) message_id: String,
    #[serde(default)]
    pub(crate) date: String,
    pub(crate) in_reply_to: Option<String>,
    pub(crate) references: Option<String>,
    #[serde(default)]
    pub(crate) flowed: bool,
    pub(crate) charset: Option<String>,
    #[serde(default)]
    pub(crate) plain: String,
    pub(crate) html: Option<String>,
    #[serde(default)]
    pub(crate) defects: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Mailbox {
    pub(crate) name: String,
    pub(crate) address: String,
}

impl Parsed {
    /// The text as a reader shows it that knows `format=flowed`, without newlines at its end.
    pub(crate) fn shown(&self) -> String {
        let text = self.plain.replace("\r\n", "\n");
        let text = text.trim_end_matches('\n');
        if self.flowed {
            unflow(text)
        } else {
            text.to_owned()
        }
    }
}

pub(crate) fn thunderbird() -> &'static dyn MailClient {
    mail_client::by_name("thunderbird").expect("built in")
}

pub(crate) fn compose(message: &Message<'_>, seed: u64) -> Result<ComposedMessage, ComposeError> {
    thunderbird().compose(message, &mut ChaCha8Rng::seed_from_u64(seed))
}

/// What Python's `email` reads, with its default policy.
pub(crate) fn parse_with_python(messages: &[Vec<u8>]) -> Vec<Parsed> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/parse.py");
    let mut python = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 must be installed: the vectors are checked with its email parser");
    let mut input = String::new();
    for message in messages {
        input.extend(message.iter().map(|byte| format!("{byte:02x}")));
        input.push('\n');
    }
    let mut stdin = python.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = python.wait_with_output().expect("python3 ran");
    writer
        .join()
        .expect("no panic")
        .expect("python3 read its input");
    assert!(output.status.success(), "python3 failed: {}", output.status);
    let parsed: Vec<Parsed> = String::from_utf8(output.stdout)
        .expect("json is utf-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object per message"))
        .collect();
    assert_eq!(parsed.len(), messages.len());
    parsed
}

/// What mail-parser reads.
pub(crate) fn parse_with_mail_parser(bytes: &[u8]) -> Parsed {
    let message = mail_parser::MessageParser::default()
        .parse(bytes)
        .expect("a message");
    let mailbox = |address: Option<&mail_parser::Address<'_>>| {
        let address = address.filter(|list| list.iter().count() == 1)?.first()?;
        Some(Mailbox {
            name: address.name().unwrap_or_default().to_owned(),
            address: address.address().unwrap_or_default().to_owned(),
        })
    };
    let plain = message.text_part(0).expect("a text part");
    let content_type = mail_parser::MimeHeaders::content_type(plain).expect("a content type");
    Parsed {
        headers: message
            .headers()
            .iter()
            .map(|header| header.name().to_owned())
            .collect(),
        from: mailbox(message.from()),
        to: mailbox(message.to()),
        subject: message.subject().unwrap_or_default().to_owned(),
        message_id: format!("<{}>", message.message_id().unwrap_or_default()),
        date: message
            .date()
            .map(mail_parser::DateTime::to_rfc3339)
            .unwrap_or_default(),
        in_reply_to: message.in_reply_to().as_text().map(|id| format!("<{id}>")),
        references: message.references().as_text_list().map(|ids| {
            ids.iter()
                .map(|id| format!("<{id}>"))
                .collect::<Vec<_>>()
                .join(" ")
        }),
        flowed: content_type.attribute("format") == Some("flowed"),
        charset: content_type.attribute("charset").map(str::to_lowercase),
        plain: plain.text_contents().unwrap_or_default().to_owned(),
        html: message
            .html_part(0)
            .filter(|part| part.is_text_html())
            .and_then(|part| part.text_contents())
            .map(str::to_owned),
        defects: Vec::new(),
    }
}

/// RFC 3676 §4.1, written from the RFC and not from the code under test.
pub(crate) fn unflow(text: &str) -> String {
    let mut shown: Vec<(usize, String)> = Vec::new();
    let mut continues = false;
    for line in text.split('\n') {
        let depth = line.bytes().take_while(|&byte| byte == b'>').count();
        let mut content = &line[depth..];
        if let Some(unstuffed) = content.strip_prefix(' ') {
            content = unstuffed;
        }
        let is_separator = content == "-- ";
        match shown.last_mut() {
            Some((last_depth, last)) if continues && *last_depth == depth && !is_separator => {
                last.push_str(content);
            }
            _ => shown.push((depth, content.to_owned())),
        }
        continues = content.ends_with(' ') && !is_separator;
    }
    let lines: Vec<String> = shown
        .into_iter()
        .map(|(depth, content)| {
            let space = if depth > 0 && !content.is_empty() {
                " "
            } else {
                ""
            };
            format!("{}{space}{content}", ">".repeat(depth))
        })
        .collect();
    lines.join("\n")
}

/// What a reader gets back of a text: `\n` line ends, no control characters but tabs, nothing
/// blank at the end of a line, no newline at the end.
pub(crate) fn normalised_text(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| {
            line.chars()
                .filter(|&c| c == '\t' || !c.is_control())
                .collect()
        })
        .map(|line: String| {
            if line == "-- " {
                line
            } else {
                line.trim_end_matches([' ', '\t']).to_owned()
            }
        })
        .collect();
    lines.join("\n").trim_end_matches('\n').to_owned()
}

/// A name as a reader gets it back: single spaces.
pub(crate) fn normalised_name(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether two names are the same to a reader. Python before 3.13 shows a space between two
/// encoded words of a name, against RFC 2047 §6.2, so a name that needs several is compared
/// without its spaces.
pub(crate) fn same_name(read: &str, written: &str) -> bool {
    let (read, written) = (normalised_name(read), normalised_name(written));
    let bare = |name: &str| name.replace(' ', "");
    read == written || (written.len() > 20 && !written.is_ascii() && bare(&read) == bare(&written))
}

/// Asserts what RFC 5322 §2.1 asks of the bytes of any message.
pub(crate) fn assert_well_formed(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("ascii");
    assert!(text.is_ascii(), "8-bit data");
    assert!(text.ends_with("\r\n"), "no line end at the end");
    for line in text.split("\r\n") {
        assert!(!line.contains(['\r', '\n']), "bare line end in {line:?}");
        assert!(!line.contains('\0'), "nul in {line:?}");
        assert!(line.len() <= 998, "{} octets in a line", line.len());
        assert!(
            !line.starts_with("From "),
            "a mailbox file would change {line:?}"
        );
    }
    let head = text.split("\r\n\r\n").next().expect("a header block");
    for line in head.split("\r\n") {
        assert!(!line.trim().is_empty(), "blank header line");
        assert!(
            !line.ends_with(' ') || line == "Subject: ",
            "trailing space in {line:?}"
        );
        if line.contains(' ') && line.len() > 78 {
            // Nothing to fold at: a single long word.
            assert_eq!(
                line.trim_start().matches(' ').count(),
                usize::from(!line.starts_with(' ')),
                "{line}"
            );
        }
    }
    for word in text
        .split([' ', '\r', '\n'])
        .filter(|word| word.starts_with("=?"))
    {
        assert!(word.len() <= 75, "long encoded word {word:?}");
    }
}
