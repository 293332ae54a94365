//! Whole messages by the mail programs of Microsoft: byte for byte, by the patterns of real mail,
//! and as two independent parsers read them.
//!
//! To accept a change of shape, delete the fixture and run the test twice: a missing fixture is
//! written, and fails.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use chrono::{DateTime, FixedOffset, TimeDelta};
use decnet_emailgen::attachment::{Attachment, AttachmentKind};
use decnet_emailgen::mail_client::{self, MailClient, Sender};
use decnet_emailgen::message::{
    ComposedMessage, Installation, Mailbox, Message, Occasion, ParentMessage,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde::Deserialize;

const CLIENTS: &[&str] = &["outlook-exchange", "outlook-mobile", "outlook"];

// Whose habits the fixtures show.
const DESKTOP_AND_WEB: u64 = 10;
const UTF_8_AND_PLAIN: u64 = 2;
const ON_PREMISES: u64 = 9;
const IOS: u64 = 1;
const ANDROID: u64 = 52;
const OLD: u64 = 34;
const PLAIN: u64 = 17;

const ANA: Mailbox<'static> = Mailbox {
    name: "Ana García",
    address: "ana@corp.example",
};
const JOHN: Mailbox<'static> = Mailbox {
    name: "Smith, John",
    address: "john@corp.example",
};
const JUERGEN: Mailbox<'static> = Mailbox {
    name: "Jürgen Groß",
    address: "juergen@werk.example",
};
const LIST: Mailbox<'static> = Mailbox {
    name: "",
    address: "finance@corp.example",
};

const FIRST_TEXT: &str = "Hi John,

The numbers for the third quarter are in the shared folder now: https://files.example/q3?a=1&b=2 \
has everything but the travel costs, which <finance@corp.example> will send on Monday.

Could you check the second sheet before Thursday? The totals there are > 5% above what we planned.

Thanks
Ana";
const GERMAN_TEXT: &str = "Hallo zusammen,

das zweite Blatt ist in Ordnung. Die 5 % kommen von den zwei Maschinen, die im Mai bestellt und \
im Juli geliefert wurden. Größere Änderungen sind nicht nötig.

Viele Grüße
Jürgen";
const SPANISH_TEXT: &str = "Gracias a los dos, queda claro. ¿Lo cerramos mañana?\n\nUn saludo\nAna";

fn at(time: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(time).expect("an RFC 3339 time")
}

fn client(name: &str) -> &'static dyn MailClient {
    mail_client::by_name(name).expect("built in")
}

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// One mail with everything it needs, by somebody with that installation.
struct Mail {
    from: Mailbox<'static>,
    to: Vec<Mailbox<'static>>,
    cc: Vec<Mailbox<'static>>,
    subject: String,
    date: DateTime<FixedOffset>,
    language: &'static str,
    text: &'static str,
    signature: Option<&'static str>,
    attachments: Vec<Attachment>,
    installation: Installation,
    id: String,
    references: String,
    composed: Option<ComposedMessage>,
}

impl Mail {
    fn new(from: Mailbox<'static>, date: &str, text: &'static str) -> Self {
        Self {
            from,
            to: vec![JOHN],
            cc: Vec::new(),
            subject: String::new(),
            date: at(date),
            language: "en",
            text,
            signature: None,
            attachments: Vec::new(),
            installation: Installation::default(),
            id: String::new(),
            references: String::new(),
            composed: None,
        }
    }

    /// Composes it and remembers what came out.
    fn send(&mut self, client: &dyn MailClient, parent: Option<(&Self, bool)>, seed: u64) {
        let mut rng = rng(seed);
        let sender = Sender {
            address: self.from.address,
            installation: self.installation,
        };
        self.id = client.message_id(&sender, self.date, &mut rng);
        if let Some((parent, is_forward)) = parent {
            self.references = format!("{} {}", parent.references, parent.id)
                .trim()
                .to_owned();
            self.subject = if is_forward {
                client.forward_subject(&parent.subject, self.language)
            } else {
                client.reply_subject(&parent.subject, self.language)
            };
        }
        if self.composed.is_some() {
            return;
        }
        let occasion = match parent {
            None => Occasion::New,
            Some((parent, is_forward)) => {
                let parent = parent.as_parent(self.date.timezone());
                if is_forward {
                    Occasion::Forward(parent)
                } else {
                    Occasion::Reply(parent)
                }
            }
        };
        let message = Message {
            from: self.from,
            to: &self.to,
            cc: &self.cc,
            subject: &self.subject,
            message_id: &self.id,
            date: self.date,
            language: self.language,
            text: self.text,
            signature: self.signature,
            occasion,
            attachments: &self.attachments,
            installation: self.installation,
        };
        self.composed = Some(client.compose(&message, &mut rng).expect("valid"));
    }

    fn as_parent(&self, zone: FixedOffset) -> ParentMessage<'_> {
        ParentMessage {
            message_id: &self.id,
            references: &self.references,
            author: self.from,
            to: &self.to,
            cc: &self.cc,
            subject: &self.subject,
            date: self.date.with_timezone(&zone),
            text: &self.composed().text,
            thread_index: self.composed().thread_index.as_deref(),
        }
    }

    fn composed(&self) -> &ComposedMessage {
        self.composed.as_ref().expect("sent")
    }

    fn source(&self) -> &str {
        std::str::from_utf8(&self.composed().bytes).expect("ascii")
    }

    /// The values of a header, unfolded.
    fn header(&self, name: &str) -> Option<String> {
        let head = self.source().split("\r\n\r\n").next().expect("a head");
        let unfolded = head
            .replace(":\r\n ", ": ")
            .replace("\r\n\t", " ")
            .replace("\r\n ", " ");
        unfolded
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")))
            .map(str::to_owned)
    }

    fn header_names(&self) -> Vec<&str> {
        let head = self.source().split("\r\n\r\n").next().expect("a head");
        head.split("\r\n")
            .filter(|line| !line.starts_with([' ', '\t']))
            .filter_map(|line| line.split(':').next())
            .collect()
    }
}

fn report() -> Attachment {
    Attachment {
        kind: AttachmentKind::Pdf,
        file_name: "Q3 report.pdf".to_owned(),
        media_type: "application/pdf",
        bytes: b"%PDF-1.4 short\n".repeat(9),
    }
}

/// A thread of three with copies, a forward with a file, by three people of two companies whose
/// habits follow from `base`.
fn thread(client: &dyn MailClient, base: u64) -> Vec<Mail> {
    let corp = |person: u64| Installation {
        person: base.wrapping_add(person),
        company: base,
    };
    let mut first = Mail::new(ANA, "2025-03-04T09:15:30+01:00", FIRST_TEXT);
    first.subject = "Números del tercer trimestre".to_owned();
    first.to = vec![JOHN, LIST];
    first.signature = Some("Ana García\nFinance, Corp <https://corp.example>");
    first.installation = corp(1);
    first.send(client, None, base ^ 1);

    let mut second = Mail::new(JUERGEN, "2025-03-04T11:02:11+01:00", GERMAN_TEXT);
    second.language = "de";
    second.to = vec![ANA];
    second.cc = vec![JOHN, LIST];
    second.installation = Installation {
        person: base.wrapping_add(77),
        company: base.wrapping_add(7),
    };
    second.send(client, Some((&first, false)), base ^ 2);

    let mut third = Mail::new(ANA, "2025-03-05T16:40:00+01:00", SPANISH_TEXT);
    third.language = "es";
    third.to = vec![JUERGEN];
    third.cc = vec![JOHN];
    third.installation = corp(1);
    third.send(client, Some((&second, false)), base ^ 3);

    let mut forward = Mail::new(
        JOHN,
        "2025-03-05T11:01:59-05:00",
        "FYI, see attached.\n\nJohn",
    );
    forward.to = vec![LIST];
    forward.attachments = vec![report()];
    forward.installation = corp(2);
    forward.send(client, Some((&third, true)), base ^ 4);

    vec![first, second, third, forward]
}

fn check(fixture: &str, composed: &ComposedMessage) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(fixture);
    let Ok(expected) = std::fs::read(&path) else {
        std::fs::write(&path, &composed.bytes).expect("the fixture can be written");
        panic!("{} did not exist, and has been written", path.display());
    };
    let found = String::from_utf8_lossy(&composed.bytes);
    assert_eq!(found, String::from_utf8_lossy(&expected), "{fixture}");
}

fn check_thread(name: &str, variant: &str, base: u64) {
    let kinds = ["new", "reply", "second_reply", "forward_with_file"];
    for (mail, kind) in thread(client(name), base).iter().zip(kinds) {
        let name = name.replace('-', "_");
        check(&format!("{name}_{variant}_{kind}.eml"), mail.composed());
    }
}

#[test]
fn outlook_on_exchange_matches_its_fixtures() {
    check_thread("outlook-exchange", "html", DESKTOP_AND_WEB);
    check_thread("outlook-exchange", "utf8", UTF_8_AND_PLAIN);
    check_thread("outlook-exchange", "on_premises", ON_PREMISES);
}

/// Whether `text` is made of letters of these classes: `H` and `h` for hexadecimal digits, `9` for
/// decimal ones, anything else for itself.
fn matches(pattern: &str, text: &str) -> bool {
    pattern.len() == text.len()
        && pattern
            .chars()
            .zip(text.chars())
            .all(|(class, c)| match class {
                'H' => c.is_ascii_digit() || ('A'..='F').contains(&c),
                'h' => c.is_ascii_digit() || ('a'..='f').contains(&c),
                '9' => c.is_ascii_digit(),
                other => c == other,
            })
}

fn boundaries(source: &str) -> Vec<&str> {
    let declared = source.split("\tboundary=\"").skip(1);
    declared.filter_map(|rest| rest.split('"').next()).collect()
}

fn index_bytes(mail: &Mail) -> Vec<u8> {
    let value = mail.header("Thread-Index").expect("an index");
    assert_eq!(mail.composed().thread_index.as_deref(), Some(&*value));
    base64::engine::general_purpose::STANDARD
        .decode(value)
        .expect("base64")
}

#[test]
fn exchange_encodes_by_content_and_person() {
    let mut found = std::collections::BTreeMap::new();
    for (text, kind) in [
        ("Hi, see you at ten.", "ascii"),
        ("Hola, mañana a las diez.", "latin"),
        ("It’s 5 € – “fine”.", "typographic"),
        ("予算を見ました。", "other"),
    ] {
        for person in 0..400 {
            let mut mail = Mail::new(JOHN, "2024-06-05T11:01:59-05:00", text);
            mail.subject = "Ten".to_owned();
            mail.installation.person = person;
            mail.send(client("outlook-exchange"), None, person);
            let source = mail.source();
            for charset in ["us-ascii", "iso-8859-1", "Windows-1252", "utf-8"] {
                if source.contains(&format!("text/plain; charset=\"{charset}\"")) {
                    *found.entry((kind, charset)).or_insert(0) += 1;
                }
            }
            let is_base64 = source.contains("Content-Transfer-Encoding: base64");
            assert_eq!(is_base64, source.contains("charset=\"utf-8\""), "{source}");
        }
    }
    let count = |kind, charset| found.get(&(kind, charset)).copied().unwrap_or(0);
    assert!(
        (170..270).contains(&count("ascii", "us-ascii")),
        "{found:?}"
    );
    assert!(
        (110..200).contains(&count("ascii", "iso-8859-1")),
        "{found:?}"
    );
    assert_eq!(count("ascii", "utf-8"), 0);
    assert!(
        (220..310).contains(&count("latin", "iso-8859-1")),
        "{found:?}"
    );
    assert_eq!(count("typographic", "iso-8859-1"), 0);
    assert!(
        (220..330).contains(&count("typographic", "Windows-1252")),
        "{found:?}"
    );
    assert_eq!(count("other", "utf-8"), 400);
}

/// The order of linux-hyperv's Exchange mail (88 %), as far as a message has these headers.
const EXCHANGE_ORDER: &[&str] = &[
    "From",
    "To",
    "CC",
    "Subject",
    "Thread-Topic",
    "Thread-Index",
    "Date",
    "Message-ID",
    "References",
    "In-Reply-To",
    "Accept-Language",
    "Content-Language",
    "X-MS-Has-Attach",
    "X-MS-TNEF-Correlator",
    "Content-Type",
    "Content-Transfer-Encoding",
    "MIME-Version",
    "X-OriginatorOrg",
];

#[test]
fn exchange_has_the_order_the_ids_and_the_boundaries_of_real_mail() {
    let (mut online, mut capitals, mut plain) = (0, 0, 0);
    for base in 0..200 {
        let mails = thread(client("outlook-exchange"), base * 1_000);
        for (place, mail) in mails.iter().enumerate() {
            let names: Vec<&str> = mail
                .header_names()
                .into_iter()
                .filter(|name| EXCHANGE_ORDER.contains(name))
                .collect();
            let mut order = EXCHANGE_ORDER.iter();
            for name in &names {
                assert!(order.any(|other| other == name), "{names:?}");
            }
            assert!(names.contains(&"MIME-Version"));
            assert_eq!(names.contains(&"CC"), !mail.cc.is_empty());
            assert!(mail.header("Date").expect("a date").ends_with(" +0000"));
            let attached = mail.header("X-MS-Has-Attach").expect("always there");
            assert_eq!(attached, if place == 3 { "yes" } else { "" });
            assert!(mail.header("Thread-Topic").is_some());
            if place == 0 {
                assert_eq!(mail.header("Thread-Topic"), mail.header("Subject"));
            }

            let (local, domain) = mail
                .id
                .trim_matches(['<', '>'])
                .split_once('@')
                .expect("an id");
            if let Some((server, region)) = domain.split_once('.').filter(|(s, _)| s.contains("MB"))
            {
                online += 1;
                capitals += usize::from(region.ends_with("PROD.OUTLOOK.COM"));
                assert!(
                    region.to_lowercase().ends_with(".prod.outlook.com"),
                    "{region}"
                );
                let unique = local.strip_prefix(server).expect("the server twice");
                assert!(matches(&"H".repeat(25), unique), "{}", mail.id);
                assert_eq!(
                    mail.header("X-OriginatorOrg"),
                    mail.from.address.split('@').nth(1).map(str::to_owned)
                );
                let tail = &region[..4];
                for boundary in boundaries(mail.source()) {
                    assert_eq!(boundary[4..], format!("_{local}{server}{tail}_"));
                }
            } else {
                assert!(matches(&"h".repeat(32), local), "{}", mail.id);
                assert!(domain.ends_with("corp.example") || domain.ends_with("werk.example"));
                assert_eq!(mail.header("X-OriginatorOrg"), None);
            }
            let declared = boundaries(mail.source());
            let kinds: Vec<&str> = declared.iter().map(|boundary| &boundary[..5]).collect();
            let is_plain = !mail.source().contains("text/html");
            plain += usize::from(is_plain);
            assert_eq!(
                kinds,
                match (place == 3, is_plain) {
                    (false, true) => vec![],
                    (false, false) => vec!["_000_"],
                    (true, true) => vec!["_002_"],
                    (true, false) => vec!["_004_", "_000_"],
                }
            );
            assert!(!mail.source().contains("Content-Transfer-Encoding: 8bit"));
        }
        let indexes: Vec<Vec<u8>> = mails.iter().map(index_bytes).collect();
        let lengths: Vec<usize> = indexes.iter().map(Vec::len).collect();
        assert_eq!(lengths, [22, 27, 32, 37]);
        for pair in indexes.windows(2) {
            assert!(pair[1].starts_with(&pair[0]));
        }
        assert_eq!(indexes[0][0], 1);
        // Made by a desktop or by a server: its time is then the second to the seventh byte.
        let skip = usize::from(indexes[0][1] == 1);
        let mut time = [0; 8];
        time[..5].copy_from_slice(&indexes[0][skip..skip + 5]);
        let seconds = i64::try_from(u64::from_be_bytes(time) / 10_000_000).expect("a time");
        let sent = mails[0].date.timestamp() + 11_644_473_600;
        assert!((0..=2).contains(&(sent - seconds)), "{sent} {seconds}");
        for (index, mail) in indexes.iter().zip(&mails).skip(1) {
            let child = &index[index.len() - 5..];
            let steps = u32::from_be_bytes(child[..4].try_into().expect("four bytes"));
            let elapsed = TimeDelta::seconds((u64::from(steps) << 18) as i64 / 10_000_000);
            let real = mail.date - mails[0].date;
            assert!((real - elapsed).num_seconds().abs() < 3, "{real} {elapsed}");
        }
    }
    // 65 of 104 regions on usrp-users are written in lower case; 7 % of the mails are plain.
    assert!(
        (25..50).contains(&(capitals * 100 / online)),
        "{capitals} of {online}"
    );
    assert!((20..100).contains(&plain), "{plain}");
}

#[test]
fn outlook_on_phones_matches_its_fixtures() {
    check_thread("outlook-mobile", "ios", IOS);
    check_thread("outlook-mobile", "android", ANDROID);
}

#[test]
fn outlook_on_phones_advertises_itself_above_the_rule() {
    let (mut footers, mut seconds, mut windows) = (0, 0, 0);
    for base in 0..300 {
        let mails = thread(client("outlook-mobile"), base * 1_000);
        let text = &mails[3].composed().text;
        let footer = text
            .lines()
            .find(|line| line.contains("<https://aka.ms/"))
            .filter(|line| !line.starts_with("Obtener") && !line.ends_with("beziehen"));
        if let Some(footer) =
            footer.filter(|_| text.starts_with("FYI, see attached.\n\nJohn\n\nGet"))
        {
            footers += 1;
            assert!(
                [
                    "Get Outlook for iOS<https://aka.ms/o0ukef>",
                    "Get Outlook for Android<https://aka.ms/AAb9ysg>"
                ]
                .contains(&footer)
            );
            let below = text.split_once(footer).expect("found").1;
            assert!(
                below.starts_with(&format!("\n{}\nFrom: ", "_".repeat(32))),
                "{below}"
            );
        }
        let sent = text
            .lines()
            .find(|line| line.starts_with("Sent: "))
            .expect("a date");
        seconds += usize::from(sent == "Sent: Wednesday, March 5, 2025 10:40:00 AM");
        assert!(sent.starts_with("Sent: Wednesday, March 5, 2025 10:40"));
        windows += usize::from(mails[3].source().contains("charset=\"Windows-1252\""));
        assert!(mails[3].source().contains("text/html"));
        assert_eq!(mails[3].subject, "Fw: Números del tercer trimestre");
        assert!(
            mails[0]
                .header("Thread-Index")
                .expect("an index")
                .starts_with("AQ")
        );
    }
    // 78 %, 66 %, 65 % on usrp-users.
    assert!((200..265).contains(&footers), "{footers}");
    assert!((170..230).contains(&seconds), "{seconds}");
    assert!((165..240).contains(&windows), "{windows}");
}

#[test]
fn outlook_without_exchange_matches_its_fixtures() {
    check_thread("outlook", "old", OLD);
    check_thread("outlook", "plain", PLAIN);
}

const OUTLOOK_ORDER: &[&str] = &[
    "From",
    "To",
    "Cc",
    "References",
    "In-Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "X-Mailer",
];

#[test]
fn outlook_without_exchange_writes_its_clock_into_ids_and_boundaries() {
    let (mut old, mut cut, mut plain) = (0, 0, 0);
    for base in 0..300 {
        let mails = thread(client("outlook"), base * 1_000);
        for (place, mail) in mails.iter().enumerate() {
            let mut names = mail.header_names();
            let last: Vec<&str> = names.split_off(names.len() - 2);
            assert!(last.contains(&"Thread-Index") && last.contains(&"Content-Language"));
            let mut order = OUTLOOK_ORDER.iter();
            for name in &names {
                assert!(order.any(|other| other == name), "{names:?}");
            }
            let language = ["en-gb", "de-de", "es-es", "en-us"][place];
            assert_eq!(mail.header("Content-Language").as_deref(), Some(language));
            let zone = ["+0100", "+0100", "+0100", "-0500"][place];
            assert!(mail.header("Date").expect("a date").ends_with(zone));

            let (local, domain) = mail
                .id
                .trim_matches(['<', '>'])
                .split_once('@')
                .expect("an id");
            let pattern = format!("{}${}${}$", "h".repeat(12), "h".repeat(8), "h".repeat(8));
            assert!(matches(&pattern, local), "{local}");
            let number = |digits: &str| u64::from_str_radix(digits, 16).expect("hexadecimal");
            let (count, high) = (number(&local[..4]), number(&local[4..12]));
            let (low, triple) = (number(&local[13..21]), number(&local[22..30]));
            assert_eq!(triple, low * 3 % (1 << 32));
            let time = high << 32 | low;
            let sent = i64::try_from(time / 10_000_000).expect("a time") - 11_644_473_600;
            assert_eq!(sent, mail.date.timestamp());
            let is_old =
                mail.header("X-Mailer").as_deref() == Some("Microsoft Office Outlook 12.0");
            old += usize::from(is_old);
            assert!(is_old || mail.header("X-Mailer").as_deref() == Some("Microsoft Outlook 16.0"));
            cut += usize::from(domain == "example");
            assert!(is_old || domain.contains('.'));

            let offset = i64::from(mail.date.offset().local_minus_utc()) * 10_000_000;
            let local_time = time.checked_add_signed(offset).expect("a time");
            let (high, low) = (local_time >> 32, local_time & 0xffff_ffff);
            let declared = boundaries(mail.source());
            for (part, boundary) in declared.iter().enumerate() {
                let count = (count + 1 + part as u64) & 0xffff;
                let expected = format!("----=_NextPart_{part:03}_{count:04X}_{high:08X}.{low:08X}");
                assert_eq!(*boundary, expected);
            }
            if !declared.is_empty() {
                assert!(mail.source().contains("\r\n\r\nThis is a multipart message in MIME format.\r\n\r\n------=_NextPart_000_"));
            }
            let is_plain = !mail.source().contains("text/html");
            plain += usize::from(is_plain);
            let title = [
                "",
                "-----Ursprüngliche Nachricht-----",
                "-----Mensaje original-----",
                "-----Original Message-----",
            ][place];
            let text = &mail.composed().text;
            let has_history = text.contains(": John") || place > 0 && text.contains("Hi John");
            if place > 0 && has_history {
                assert_eq!(text.contains(title), is_plain, "{text}");
            }
            assert!(mail.header("Thread-Topic").is_none());
        }
        let indexes: Vec<Vec<u8>> = mails.iter().map(index_bytes).collect();
        let lengths: Vec<usize> = indexes.iter().map(Vec::len).collect();
        assert_eq!(lengths, [22, 27, 32, 37]);
        assert_eq!(indexes[0][..2], [1, 0xdb]);
        // Answers take theirs from the ids of the thread.
        for index in &indexes[1..] {
            assert_eq!(index[0], 1);
            assert!(index[1] < 4 && index[index.len() - 1] & 15 == 0);
            assert_eq!(index[..22], indexes[1][..22]);
        }
        assert_eq!(indexes[2][..27], indexes[3][..27]);
        assert!(indexes[2][22] < 4);
    }
    // 13 % and 19 % of 1,200.
    assert!((60..180).contains(&old), "{old}");
    assert!((10..90).contains(&cut), "{cut}");
    assert!((150..310).contains(&plain), "{plain}");
}

#[test]
fn a_long_thread_can_always_be_answered() {
    let text: &'static str = Box::leak("A long paragraph of many words. ".repeat(120).into());
    for name in CLIENTS {
        let mut last = Mail::new(ANA, "2025-03-04T09:15:30+01:00", text);
        last.subject = "Plans".to_owned();
        last.send(client(name), None, 1);
        for step in 0..150 {
            let mut next = Mail::new(JOHN, "2025-03-04T09:15:30+01:00", text);
            next.date = last.date + TimeDelta::hours(5);
            next.send(client(name), Some((&last, false)), step);
            assert_well_formed(&next.composed().bytes);
            assert!(next.composed().text.len() < 80 * 1024);
            last = next;
        }
    }
}

/// A message as Python read it.
#[derive(Debug, Deserialize)]
struct Whole {
    #[serde(default)]
    headers: Vec<(String, String)>,
    #[serde(default)]
    from: Vec<(String, String)>,
    #[serde(default)]
    to: Vec<(String, String)>,
    #[serde(default)]
    cc: Vec<(String, String)>,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    date: String,
    #[serde(default)]
    plain: String,
    shared_words: Option<f64>,
    #[serde(default)]
    files: Vec<(Option<String>, String)>,
    #[serde(default)]
    defects: Vec<String>,
}

fn read_with_python(messages: &[Vec<u8>]) -> Vec<Whole> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/read_whole.py");
    let mut python = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 must be installed");
    let mut input = String::new();
    for message in messages {
        input.extend(message.iter().map(|byte| format!("{byte:02x}")));
        input.push('\n');
    }
    let mut stdin = python.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = python.wait_with_output().expect("python3 ran");
    writer.join().expect("no panic").expect("python3 read");
    assert!(output.status.success());
    let parsed: Vec<Whole> = String::from_utf8(output.stdout)
        .expect("json is utf-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("one object per message"))
        .collect();
    assert_eq!(parsed.len(), messages.len());
    parsed
}

fn people(mailboxes: &[Mailbox<'_>]) -> Vec<(String, String)> {
    mailboxes
        .iter()
        .map(|mailbox| (mailbox.name.to_owned(), mailbox.address.to_owned()))
        .collect()
}

#[test]
fn python_reads_the_same_without_defects() {
    let mut mails = Vec::new();
    for name in CLIENTS {
        for base in 0..60 {
            mails.extend(
                thread(client(name), base * 31)
                    .into_iter()
                    .map(|mail| (*name, mail)),
            );
        }
    }
    let sources: Vec<Vec<u8>> = mails
        .iter()
        .map(|(_, mail)| mail.composed().bytes.clone())
        .collect();
    for ((name, mail), read) in mails.iter().zip(read_with_python(&sources)) {
        let source = mail.source();
        assert_eq!(read.defects, [""; 0], "{source}");
        assert_eq!(read.from, people(&[mail.from]), "{source}");
        assert_eq!(read.to, people(&mail.to), "{source}");
        assert_eq!(read.cc, people(&mail.cc), "{source}");
        assert_eq!(read.subject, mail.subject);
        assert_eq!(at(&read.date), mail.date);
        assert!(
            read.headers
                .iter()
                .any(|(name, value)| name == "Message-ID" && value.trim() == mail.id)
        );
        let flat = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            flat(&read.plain),
            flat(&mail.composed().text),
            "{name}\n{source}"
        );
        if *name != "outlook" {
            let plain = read.plain.replace("\r\n", "\n");
            assert_eq!(plain.trim_end(), mail.composed().text.trim_end());
        }
        if let Some(shared) = read.shared_words {
            assert!(shared > 0.99, "{shared} {source}");
        }
        let files: Vec<(Option<String>, String)> = mail
            .attachments
            .iter()
            .map(|file| {
                let bytes = file
                    .bytes
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                (Some(file.file_name.clone()), bytes)
            })
            .collect();
        assert_eq!(read.files, files, "{source}");
    }
}

fn assert_well_formed(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).expect("ascii");
    assert!(text.is_ascii(), "8-bit data");
    for line in text.split("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        assert!(line.len() <= 998, "{} octets in a line", line.len());
        assert!(!line.starts_with("From "), "{line:?}");
    }
    let head = text.split("\r\n\r\n").next().expect("a head");
    assert!(head.split("\r\n").all(|line| !line.trim().is_empty()));
    for word in text
        .split([' ', '\t', '\r', '\n', '"'])
        .filter(|word| word.starts_with("=?"))
    {
        assert!(word.len() <= 75 || !head.contains(word), "{word:?}");
    }
}
