//! As much of an IMAP client (RFC 3501, 5256) as the tests need.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::imap_list::Item;

/// A connection. Every method panics when the server answers `NO` or `BAD`.
#[derive(Debug)]
pub struct Imap {
    stream: BufReader<TcpStream>,
    tag: u32,
}

/// A message as `FETCH` shows it.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Its number in the folder.
    pub number: u32,
    /// Flags, without `\Recent`.
    pub flags: BTreeSet<String>,
    /// When it arrived, as the server says.
    pub internal_date: DateTime<Utc>,
    /// The message, with CRLF.
    pub body: Vec<u8>,
}

/// A message as the server describes it, and the message.
#[derive(Clone, Debug)]
pub struct Described {
    /// `ENVELOPE`
    pub envelope: Item,
    /// `BODYSTRUCTURE`
    pub structure: Item,
    /// `RFC822.SIZE`
    pub size: usize,
    /// The message, with CRLF.
    pub body: Vec<u8>,
}

/// One answer line of the server, with the literals in it.
#[derive(Clone, Debug)]
struct Answer {
    text: String,
    literals: Vec<Vec<u8>>,
}

impl Imap {
    /// Connects and reads the greeting.
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .expect("the server accepts connections");
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a time limit can be set");
        let mut imap = Self {
            stream: BufReader::new(stream),
            tag: 0,
        };
        let greeting = imap.answer();
        assert!(greeting.text.starts_with("* OK"), "{greeting:?}");
        imap
    }

    /// Sends a command and returns the untagged answers before its completion.
    #[track_caller]
    fn command(&mut self, command: &str) -> Vec<Answer> {
        self.tag += 1;
        let tag = format!("a{}", self.tag);
        let stream = self.stream.get_mut();
        stream
            .write_all(format!("{tag} {command}\r\n").as_bytes())
            .expect("the server reads");
        let mut answers = Vec::new();
        loop {
            let answer = self.answer();
            if let Some(completion) = answer.text.strip_prefix(&format!("{tag} ")) {
                assert!(completion.starts_with("OK"), "{command}: {completion}");
                return answers;
            }
            answers.push(answer);
        }
    }

    fn answer(&mut self) -> Answer {
        let mut answer = Answer {
            text: String::new(),
            literals: Vec::new(),
        };
        loop {
            let mut line = Vec::new();
            let read = self.stream.read_until(b'\n', &mut line);
            let line = String::from_utf8_lossy(&line).into_owned();
            assert!(
                read.is_ok_and(|read| read > 0),
                "the server closed the connection after {answer:?}"
            );
            let line = line.trim_end();
            answer.text.push_str(line);
            let Some(length) = line
                .strip_suffix('}')
                .and_then(|line| line.rsplit_once('{'))
                .and_then(|(_, length)| length.parse::<usize>().ok())
            else {
                return answer;
            };
            let mut literal = vec![0; length];
            self.stream
                .read_exact(&mut literal)
                .expect("the literal is complete");
            answer.literals.push(literal);
        }
    }

    /// `LOGIN`
    pub fn login(&mut self, user: &str, password: &str) {
        self.command(&format!("LOGIN {user} \"{password}\""));
    }

    /// `LIST`, as attributes and name of each folder.
    pub fn list(&mut self) -> Vec<(BTreeSet<String>, String)> {
        self.command("LIST \"\" \"*\"")
            .iter()
            .filter_map(|answer| answer.text.strip_prefix("* LIST ("))
            .map(|rest| {
                let (attributes, rest) = rest.split_once(") ").expect("attributes end");
                let (_, name) = rest.split_once(' ').expect("a separator, then a name");
                (words(attributes), name.trim_matches('"').to_owned())
            })
            .collect()
    }

    /// `SELECT`, answering how many messages the folder has.
    pub fn select(&mut self, folder: &str) -> u32 {
        self.command(&format!("SELECT \"{folder}\""))
            .iter()
            .find_map(|answer| {
                let count = answer.text.strip_prefix("* ")?.strip_suffix(" EXISTS")?;
                count.parse().ok()
            })
            .expect("SELECT says how many messages there are")
    }

    /// `STATUS` of a folder, such as of `UIDVALIDITY UIDNEXT`: what it says of each.
    pub fn status(&mut self, folder: &str, items: &str) -> BTreeMap<String, u32> {
        let answers = self.command(&format!("STATUS \"{folder}\" ({items})"));
        let list = answers
            .iter()
            .find_map(|answer| answer.text.strip_prefix("* STATUS "))
            .and_then(|rest| rest.rsplit_once('(')?.1.strip_suffix(')'))
            .expect("STATUS answers");
        let words: Vec<&str> = list.split_whitespace().collect();
        words
            .chunks_exact(2)
            .map(|pair| (pair[0].to_owned(), pair[1].parse().expect("a number")))
            .collect()
    }

    /// The GUID of a folder, which Dovecot has besides.
    pub fn guid(&mut self, folder: &str) -> String {
        let answers = self.command(&format!("STATUS \"{folder}\" (X-GUID)"));
        answers
            .iter()
            .filter_map(|answer| answer.text.rsplit_once("(X-GUID "))
            .map(|(_, guid)| guid.trim_end_matches(')').to_owned())
            .next()
            .expect("STATUS answers")
    }

    /// The UID of each message of the selected folder, by its number.
    pub fn uids(&mut self) -> Vec<u32> {
        self.command("FETCH 1:* (UID)")
            .iter()
            .filter_map(|answer| answer.text.split_once(" FETCH (UID "))
            .filter_map(|(_, uid)| uid.trim_end_matches(')').parse().ok())
            .collect()
    }

    /// `SEARCH`
    pub fn search(&mut self, criteria: &str) -> Vec<u32> {
        self.command(&format!("SEARCH {criteria}"))
            .iter()
            .filter_map(|answer| answer.text.strip_prefix("* SEARCH"))
            .flat_map(str::split_whitespace)
            .filter_map(|number| number.parse().ok())
            .collect()
    }

    /// `FETCH` of everything in the selected folder.
    pub fn fetch_all(&mut self) -> Vec<Fetched> {
        self.command("FETCH 1:* (FLAGS INTERNALDATE BODY.PEEK[])")
            .into_iter()
            .filter(|answer| answer.text.contains(" FETCH ("))
            .map(|answer| fetched(&answer))
            .collect()
    }

    /// The headers of every message in the selected folder, as a mail program lists them.
    pub fn list_headers(&mut self) -> usize {
        self.command("FETCH 1:* (FLAGS BODY.PEEK[HEADER])").len()
    }

    /// `FETCH` of one message, as a mail program shows it.
    pub fn open(&mut self, number: u32) {
        self.command(&format!("FETCH {number} (BODY[])"));
    }

    /// `LOGOUT`
    pub fn logout(mut self) {
        self.command("LOGOUT");
    }

    /// What the server makes of every message in the selected folder.
    pub fn describe_all(&mut self) -> Vec<Described> {
        self.command("UID FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE BODY.PEEK[])")
            .iter()
            .filter_map(|answer| {
                let (_, list) = answer.text.split_once(" FETCH ")?;
                let list = Item::read(list, &answer.literals);
                let Item::Text(body) = list.value("BODY[]") else {
                    panic!("FETCH has a body: {list:?}");
                };
                Some(Described {
                    envelope: list.value("ENVELOPE").clone(),
                    structure: list.value("BODYSTRUCTURE").clone(),
                    size: list.value("RFC822.SIZE").number(),
                    body: body.clone(),
                })
            })
            .collect()
    }

    /// `THREAD` with an algorithm, as the set of messages of each thread.
    pub fn threads(&mut self, algorithm: &str) -> BTreeSet<BTreeSet<u32>> {
        let answers = self.command(&format!("THREAD {algorithm} UTF-8 ALL"));
        let text = answers
            .iter()
            .find_map(|answer| answer.text.strip_prefix("* THREAD"))
            .expect("THREAD answers");
        let mut threads = BTreeSet::new();
        let mut depth = 0;
        let mut thread = BTreeSet::new();
        for word in text
            .replace('(', " ( ")
            .replace(')', " ) ")
            .split_whitespace()
        {
            match word {
                "(" => depth += 1,
                ")" => depth -= 1,
                number => {
                    thread.insert(number.parse().expect("a thread has numbers"));
                }
            }
            if depth == 0 {
                threads.insert(std::mem::take(&mut thread));
            }
        }
        threads
    }

    /// `STORE`, such as `+FLAGS (\Seen)`.
    pub fn store(&mut self, set: &str, change: &str) {
        self.command(&format!("STORE {set} {change}"));
    }

    /// `EXPUNGE`
    pub fn expunge(&mut self) {
        self.command("EXPUNGE");
    }

    /// `MOVE`
    pub fn move_to(&mut self, set: &str, folder: &str) {
        self.command(&format!("MOVE {set} \"{folder}\""));
    }

    /// `CREATE`
    pub fn create(&mut self, folder: &str) {
        self.command(&format!("CREATE \"{folder}\""));
    }
}

fn fetched(answer: &Answer) -> Fetched {
    let text = &answer.text;
    let number = text
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse().ok());
    let between = |start: &str, end: &str| {
        let (_, rest) = text.split_once(start)?;
        Some(rest.split_once(end)?.0)
    };
    let flags = between("FLAGS (", ")").expect("FETCH has FLAGS");
    let date = between("INTERNALDATE \"", "\"").expect("FETCH has INTERNALDATE");
    let mut flags = words(flags);
    flags.remove("\\Recent");
    Fetched {
        number: number.expect("FETCH has a number"),
        flags,
        internal_date: DateTime::parse_from_str(date.trim(), "%d-%b-%Y %H:%M:%S %z")
            .unwrap_or_else(|error| panic!("INTERNALDATE {date:?}: {error}"))
            .to_utc(),
        body: answer.literals.first().cloned().expect("FETCH has a body"),
    }
}

fn words(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
