//! Independent readers of what the mail clients write.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod eml_input;
pub(crate) mod story;

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use chrono::DateTime;
use decnet_emailgen::mail_client;
use decnet_emailgen::message::{
    ComposeError, ComposedMessage, Installation, Mailbox as Recipient, Message, Occasion,
    ParentMessage,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Deserialize;

/// A message as a parser understood it.
#[derive(Debug, Deserialize)]
pub(crate) struct Parsed {
    #[serde(default)]
    pub(crate) headers: Vec<String>,
    #[serde(default)]
    pub(crate) from: Vec<Mailbox>,
    #[serde(default)]
    pub(crate) to: Vec<Mailbox>,
    #[serde(default)]
    pub(crate) cc: Vec<Mailbox>,
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
    #[serde(default)]
    pub(crate) plain: String,
    pub(crate) html: Option<String>,
    /// Contents of the attachments, in hexadecimal.
    #[serde(default)]
    pub(crate) files: Vec<String>,
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

    /// Asserts that this is `message`, and that it says `text`.
    pub(crate) fn check(&self, message: &Message<'_>, text: &str) {
        assert_eq!(self.defects, [""; 0]);
        for (field, read, written) in [
            ("From", &self.from, &[message.from][..]),
            ("To", &self.to, message.to),
            ("Cc", &self.cc, message.cc),
        ] {
            assert_eq!(read.len(), written.len(), "{field}: {read:?}");
            for (read, written) in read.iter().zip(written) {
                assert!(same_name(&read.name, written.name), "{read:?} {written:?}");
                assert_eq!(read.address, written.address);
            }
        }
        assert_eq!(self.subject.trim(), message.subject.trim());
        // Python keeps the space of a fold in front of it.
        assert_eq!(self.message_id.trim(), message.message_id);
        assert_eq!(
            DateTime::parse_from_rfc3339(&self.date).expect("a date"),
            message.date
        );
        let parent = message.occasion.parent().map(|parent| parent.message_id);
        let last = |ids: &String| ids.split_whitespace().next_back().map(str::to_owned);
        let last_reference = self.references.as_ref().and_then(last);
        let is_forward = matches!(message.occasion, Occasion::Forward(_));
        for id in [self.in_reply_to.as_deref(), last_reference.as_deref()] {
            // Not every client ties a forward to its thread.
            assert!(
                id.map(str::trim) == parent || is_forward && id.is_none(),
                "{id:?}"
            );
        }
        let files: Vec<String> = message
            .attachments
            .iter()
            .map(|file| {
                file.bytes
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect()
            })
            .collect();
        assert_eq!(self.files, files);
        let (shown, text) = (self.shown(), text.trim_end_matches('\n'));
        assert!(is_wrapped(&shown, text), "{shown:?}\nis not\n{text:?}");
        if let Some(html) = &self.html {
            let (visible, all) = html_words(html);
            let said = words(&without_title(text, html));
            // What a client shows as a link it writes out in plain text.
            let missing: Vec<_> = said.difference(&all).collect();
            assert!(missing.is_empty(), "not in HTML: {missing:?}\n{html}");
            let more: Vec<_> = visible.difference(&said).collect();
            assert!(more.is_empty(), "in HTML only: {more:?}\n{html}");
        }
    }
}

/// The text without what K-9 has in its text only: a title above what it passes on, where the HTML
/// has a rule.
fn without_title(text: &str, html: &str) -> String {
    let has_rule = html.contains("<hr style='border:none;border-top:solid #E1E1E1 1.0pt'>");
    let is_title = |line: &&str| line.starts_with("-------- ") && line.ends_with(" --------");
    let kept: Vec<_> = text
        .split('\n')
        .filter(|line| !(has_rule && is_title(line)))
        .collect();
    kept.join("\n")
}

/// Whether `sent` is `shown` with its lines broken at spaces. Where a quoted line is broken, the
/// quote marks are repeated, with spaces between them or without.
pub(crate) fn is_wrapped(sent: &str, shown: &str) -> bool {
    let mut sent = sent.split('\n');
    shown.split('\n').map(same_marks).all(|line| {
        let first = same_marks(sent.next().unwrap_or_default());
        let Some(mut rest) = line.strip_prefix(&*first) else {
            return false;
        };
        while !rest.trim_matches(' ').is_empty() {
            let next = sent.next().unwrap_or_default();
            rest = rest.trim_start_matches(' ');
            let Some(tail) = continued(rest, next) else {
                return false;
            };
            rest = tail;
        }
        true
    }) && sent.all(str::is_empty)
}

/// What is left of `rest` behind the line `next`, which may repeat any number of quote marks.
fn continued<'r>(rest: &'r str, next: &str) -> Option<&'r str> {
    let mut piece = next;
    loop {
        let words = piece.trim_start_matches(' ');
        let tail = [piece, words, &same_marks(piece)]
            .into_iter()
            .filter(|piece| !piece.is_empty())
            .find_map(|piece| rest.strip_prefix(piece));
        if tail.is_some() {
            return tail;
        }
        piece = words.strip_prefix('>')?;
    }
}

/// A line with its quote marks together and one space behind them; clients differ in both.
fn same_marks(line: &str) -> String {
    let (mut marks, mut rest) = (String::new(), line);
    while let Some(after) = rest.strip_prefix('>') {
        marks.push('>');
        rest = after.trim_start_matches(' ');
    }
    if marks.is_empty() {
        return line.to_owned();
    }
    format!("{marks} {}", rest.trim_start_matches(' '))
        .trim_end_matches(' ')
        .to_owned()
}

/// The words of a text, in lower case.
fn words(text: &str) -> HashSet<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The words that an HTML document shows, and these with the ones in its attributes.
fn html_words(html: &str) -> (HashSet<String>, HashSet<String>) {
    let (mut visible, mut hidden) = (String::new(), String::new());
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('<') {
        visible.push_str(before);
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").expect("comments are closed").1;
            continue;
        }
        let (tag, after) = after.split_once('>').expect("tags are closed");
        let name: String = tag
            .chars()
            .take_while(|c| !c.is_whitespace())
            .collect::<String>()
            .to_ascii_lowercase();
        assert!(
            name.trim_start_matches(['/', '!'])
                .starts_with(|c: char| c.is_ascii_alphabetic()),
            "not a tag: {tag}"
        );
        rest = after;
        if matches!(name.as_str(), "style" | "title" | "script") {
            let end = format!("</{name}");
            let at = rest.to_ascii_lowercase().find(&end).expect("it is closed");
            rest = &rest[at..];
            continue;
        }
        // Words may be divided by anything but the tags within a line.
        if !matches!(name.trim_start_matches('/'), "a" | "b" | "i" | "span" | "u") {
            visible.push(' ');
        }
        hidden.push_str(tag);
        hidden.push(' ');
    }
    visible.push_str(rest);
    let resolve = |text: &str| {
        text.replace("&nbsp;", " ")
            .replace("&#160;", " ")
            .replace("&#8239;", "\u{202f}")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&")
    };
    let visible = words(&resolve(&visible));
    let all = words(&resolve(&hidden)).union(&visible).cloned().collect();
    (visible, all)
}

/// The names of the headers, in order; `Content-Transfer-Encoding` follows from the text.
pub(crate) fn header_names(bytes: &[u8]) -> Vec<String> {
    let head = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .expect("an end of the header block");
    String::from_utf8_lossy(&bytes[..head])
        .split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split_once(':').expect("a header").0.to_owned())
        .filter(|name| name != "Content-Transfer-Encoding")
        .collect()
}

/// The message with all that users write replaced by something harmless, so that its headers are
/// those its client wants.
pub(crate) fn harmless<'a>(message: &Message<'a>) -> Message<'a> {
    const PAT: Recipient<'static> = Recipient {
        name: "Pat",
        address: "pat@corp.example",
    };
    let some = |people: &[Recipient<'a>]| -> &'static [Recipient<'static>] {
        if people.is_empty() { &[] } else { &[PAT] }
    };
    let harmless_parent = |parent: &ParentMessage<'a>| ParentMessage {
        message_id: "<p@corp.example>",
        references: "",
        author: PAT,
        to: &[PAT],
        cc: some(parent.cc),
        subject: "x",
        date: parent.date,
        text: "x",
        thread_index: None,
    };
    Message {
        from: Recipient {
            name: "Kim",
            address: "kim@corp.example",
        },
        to: &[PAT],
        cc: some(message.cc),
        subject: "x",
        message_id: "<m@corp.example>",
        text: "x",
        signature: None,
        occasion: match &message.occasion {
            Occasion::New => Occasion::New,
            Occasion::Reply(parent) => Occasion::Reply(harmless_parent(parent)),
            Occasion::Forward(parent) => Occasion::Forward(harmless_parent(parent)),
        },
        ..message.clone()
    }
}

pub(crate) fn compose_with(
    client: &str,
    message: &Message<'_>,
    seed: u64,
) -> Result<ComposedMessage, ComposeError> {
    let client = mail_client::by_name(client).expect("built in");
    client.compose(message, &mut ChaCha8Rng::seed_from_u64(seed))
}

/// What 2,000 people write with a client in answer to `Parent.`: `Answer.` and a signature.
pub(crate) fn answers(client: &str, date: &str) -> Vec<String> {
    let kim = Recipient {
        name: "Kim Lee",
        address: "kim@corp.example",
    };
    let date = DateTime::parse_from_rfc3339(date).expect("a time");
    let one = |person| {
        let message_id = format!("<{person}@corp.example>");
        let message = Message {
            from: kim,
            to: &[kim],
            cc: &[],
            subject: "Re: x",
            message_id: &message_id,
            date,
            language: "en",
            text: "Answer.",
            signature: Some("Kim Lee, Corp"),
            occasion: Occasion::Reply(ParentMessage {
                message_id: "<p@corp.example>",
                references: "",
                author: kim,
                to: &[kim],
                cc: &[],
                subject: "x",
                date,
                text: "Parent.",
                thread_index: None,
            }),
            attachments: &[],
            installation: Installation { person, company: 1 },
        };
        let composed = compose_with(client, &message, person).expect("valid");
        String::from_utf8_lossy(&composed.bytes).into_owned()
    };
    (0..2000).map(one).collect()
}

/// Asserts that about so many per cent of the mails are like that.
pub(crate) fn assert_share(mails: &[String], per_cent: f64, like: impl Fn(&str) -> bool) {
    let count = mails.iter().filter(|mail| like(mail)).count();
    let share = count as f64 * 100.0 / mails.len() as f64;
    let tolerance = 1.0 + per_cent.min(100.0 - per_cent) * 0.15;
    assert!(
        (share - per_cent).abs() < tolerance,
        "{share} instead of {per_cent} %"
    );
}

/// Compares a message with a file in `tests/fixtures`, byte for byte. To accept a change of shape,
/// delete the file and run the test twice: a missing one is written, and fails.
pub(crate) fn check_fixture(fixture: &str, composed: &ComposedMessage) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(fixture);
    let Ok(expected) = std::fs::read(&path) else {
        std::fs::write(&path, &composed.bytes).expect("the fixture can be written");
        panic!("{} did not exist, and has been written", path.display());
    };
    assert_eq!(
        String::from_utf8_lossy(&composed.bytes),
        String::from_utf8_lossy(&expected),
        "{fixture}"
    );
    assert_eq!(composed.bytes, expected, "{fixture}");
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
    let mailboxes = |address: Option<&mail_parser::Address<'_>>| {
        let people = address.map(mail_parser::Address::iter);
        people
            .into_iter()
            .flatten()
            .map(|person| Mailbox {
                name: person.name().unwrap_or_default().to_owned(),
                address: person.address().unwrap_or_default().to_owned(),
            })
            .collect()
    };
    let plain = message
        .text_part(0)
        .unwrap_or_else(|| panic!("no text: {}", String::from_utf8_lossy(bytes)));
    let content_type = mail_parser::MimeHeaders::content_type(plain).expect("a content type");
    let ids = |header: &mail_parser::HeaderValue<'_>| {
        let ids: Vec<String> = match header.as_text_list() {
            Some(ids) => ids.iter().map(|id| format!("<{id}>")).collect(),
            None => header
                .as_text()
                .map(|id| format!("<{id}>"))
                .into_iter()
                .collect(),
        };
        (!ids.is_empty()).then(|| ids.join(" "))
    };
    Parsed {
        headers: message
            .headers()
            .iter()
            .map(|header| header.name().to_owned())
            .collect(),
        from: mailboxes(message.from()),
        to: mailboxes(message.to()),
        cc: mailboxes(message.cc()),
        subject: message.subject().unwrap_or_default().to_owned(),
        message_id: format!("<{}>", message.message_id().unwrap_or_default()),
        date: message
            .date()
            .map(mail_parser::DateTime::to_rfc3339)
            .unwrap_or_default(),
        in_reply_to: ids(message.in_reply_to()),
        references: ids(message.references()),
        flowed: content_type.attribute("format") == Some("flowed"),
        plain: plain.text_contents().unwrap_or_default().to_owned(),
        html: message
            .html_part(0)
            .filter(|part| part.is_text_html())
            .and_then(|part| part.text_contents())
            .map(str::to_owned),
        files: message
            .attachments()
            .map(|part| {
                part.contents()
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect()
            })
            .collect(),
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
    let is_encoded = !written.is_ascii() || written.contains("=?");
    read == written || (is_encoded && bare(&read) == bare(&written))
}

/// Asserts what RFC 5322 §2.1 asks of the bytes of any message.
pub(crate) fn assert_well_formed(bytes: &[u8]) {
    assert!(bytes.ends_with(b"\r\n"), "no line end at the end");
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let shown = String::from_utf8_lossy(line);
        let Some(line) = line.strip_suffix(b"\r\n") else {
            panic!("bare line end in {shown:?}");
        };
        assert!(!line.contains(&b'\r'), "bare line end in {shown:?}");
        assert!(!line.contains(&0), "nul in {shown:?}");
        assert!(line.len() <= 998, "{} octets in a line", line.len());
        assert!(
            !line.starts_with(b"From "),
            "a mailbox file would change {shown:?}"
        );
    }
    let text = String::from_utf8_lossy(bytes);
    let head = text.split("\r\n\r\n").next().expect("a header block");
    assert!(head.is_ascii(), "8-bit data in headers");
    for line in head.split("\r\n") {
        assert!(!line.trim().is_empty(), "blank header line");
        // Gmail leaves a space where it folds a list of people; an empty value has one.
        assert!(
            !line.ends_with(' ') || line.ends_with(", ") || line.ends_with(": "),
            "trailing space in {line:?}"
        );
    }
    for word in head
        .split([' ', '\t', '\r', '\n', '"'])
        .filter(|word| word.starts_with("=?"))
    {
        assert!(word.len() <= 75, "long encoded word {word:?}");
    }
}
