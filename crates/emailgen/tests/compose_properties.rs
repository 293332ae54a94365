//! Properties of every message: it reads back as what was asked for, or the error names the field.

mod support;

use chrono::{DateTime, FixedOffset};
use decnet_emailgen::message::{ComposeError, Mailbox, Message, ParentMessage};
use proptest::prelude::*;
use support::{
    Parsed, assert_well_formed, compose, normalised_text, parse_with_mail_parser,
    parse_with_python, same_name, thunderbird,
};

const NEW_MAIL: [&str; 10] = [
    "Message-ID",
    "Date",
    "MIME-Version",
    "User-Agent",
    "Content-Language",
    "To",
    "From",
    "Subject",
    "Content-Type",
    "Content-Transfer-Encoding",
];
const REPLY: [&str; 12] = [
    "Message-ID",
    "Date",
    "MIME-Version",
    "User-Agent",
    "Subject",
    "To",
    "References",
    "Content-Language",
    "From",
    "In-Reply-To",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// Owned input of one message.
#[derive(Clone, Debug)]
struct Input {
    from: (String, String),
    to: (String, String),
    subject: String,
    message_id: String,
    seconds: i64,
    offset_minutes: i32,
    language: &'static str,
    text: String,
    signature: Option<String>,
    /// Id, references, text.
    parent: Option<(String, String, String)>,
}

impl Input {
    fn date(&self) -> DateTime<FixedOffset> {
        let offset = FixedOffset::east_opt(self.offset_minutes * 60).expect("less than a day");
        DateTime::from_timestamp(self.seconds, 0)
            .expect("in range")
            .with_timezone(&offset)
    }

    fn message(&self) -> Message<'_> {
        Message {
            from: Mailbox {
                name: &self.from.0,
                address: &self.from.1,
            },
            to: Mailbox {
                name: &self.to.0,
                address: &self.to.1,
            },
            subject: &self.subject,
            message_id: &self.message_id,
            date: self.date(),
            language: self.language,
            text: &self.text,
            signature: self.signature.as_deref(),
            parent: self
                .parent
                .as_ref()
                .map(|(message_id, references, text)| ParentMessage {
                    message_id,
                    references,
                    author_name: &self.to.0,
                    author_address: &self.to.1,
                    date: self.date(),
                    text,
                }),
        }
    }

    /// What a field holds that is named in an error.
    fn field(&self, field: &str) -> &str {
        let parent = self.parent.as_ref();
        match field {
            "from.name" => &self.from.0,
            "from.address" => &self.from.1,
            "to.name" | "parent.author_name" => &self.to.0,
            "to.address" | "parent.author_address" => &self.to.1,
            "subject" => &self.subject,
            "message_id" => &self.message_id,
            "parent.message_id" => parent.map_or("", |parent| &parent.0),
            "parent.references" => parent.map_or("", |parent| &parent.1),
            "text" => &self.text,
            other => panic!("an error names {other}"),
        }
    }

    fn check(&self, composed_text: &str, parsed: &Parsed) {
        assert_eq!(parsed.defects, [""; 0]);
        for (read, (name, address)) in [(&parsed.from, &self.from), (&parsed.to, &self.to)] {
            let read = read.as_ref().expect("one mailbox");
            assert!(same_name(&read.name, name), "{:?} {name:?}", read.name);
            assert_eq!(&read.address, address);
        }
        assert_eq!(parsed.subject.trim(), self.subject.trim());
        assert_eq!(parsed.message_id, self.message_id);
        assert_eq!(
            DateTime::parse_from_rfc3339(&parsed.date).expect("a date"),
            self.date()
        );
        assert_eq!(parsed.charset.as_deref(), Some("utf-8"));
        assert_eq!(parsed.shown(), composed_text.trim_end_matches('\n'));
        assert_eq!(
            parsed.in_reply_to.as_ref(),
            self.parent.as_ref().map(|parent| &parent.0)
        );
        let order: &[&str] = if self.parent.is_some() {
            &REPLY
        } else {
            &NEW_MAIL
        };
        // A multipart has its transfer encodings in its parts.
        let order = if parsed.html.is_some() {
            &order[..order.len() - 1]
        } else {
            order
        };
        assert_eq!(parsed.headers, order);
        if let Some(html) = &parsed.html {
            assert_eq!(squeezed(&html_text(html)), squeezed(composed_text));
        }
    }
}

/// Text without white space, and without the character of quote marks: HTML has none of them.
fn squeezed(text: &str) -> String {
    text.chars()
        .filter(|&c| !c.is_whitespace() && c != '>')
        .collect()
}

/// What an HTML document says: its tags dropped, its entities resolved.
fn html_text(html: &str) -> String {
    let body = html.split_once("<body>").expect("a body").1;
    let mut text = String::new();
    let mut rest = body;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = after.split_once('>').expect("tags are closed");
        assert!(
            tag.trim_start_matches('/')
                .starts_with(|c: char| c.is_ascii_alphabetic()),
            "not a tag: {tag}"
        );
        rest = after;
    }
    text.push_str(rest);
    text.replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Z][a-z]{1,10} [A-Z][a-z]{1,12}",
        2 => "[ -~]{0,40}",
        2 => "([A-Za-zéñøß予🎉()\"\\\\,.@<>=?_ ]{1,8} ?){0,12}",
        1 => "\\PC{0,60}",
        1 => any::<String>(),
    ]
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => "[a-z]{1,10}(\\.[a-z]{1,10})?@[a-z]{1,10}\\.example",
        1 => "[ -~]{0,20}",
        1 => any::<String>(),
    ]
}

fn subject() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "(Re: )?([A-Za-z0-9]{1,12} ){0,30}",
        2 => "([A-Za-zéñ予🎉=?_ ]{1,10} {0,3}){0,60}",
        1 => "(=\\?utf-8\\?[qb]\\?[A-Za-z=]{0,8}\\?= ?){1,4}",
        1 => "\\PC{0,200}",
        1 => "x{0,950}",
        1 => any::<String>(),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "(([A-Za-z,.']{1,10} ){0,40}\n{0,3}){0,6}",
        2 => "((>{0,5} ?|From |-- ?|\\.| {0,3}|\t)[a-zé<>&\" ]{0,90}\n{0,2}){0,12}",
        1 => "(https?://[a-z.]{1,9}/[a-z?&=]{0,9}|[a-z.]{1,9}@[a-z.]{1,9}|[(<\"]|[,.>)] | |\n){0,20}",
        1 => "[xé予 ]{0,1500}",
        1 => any::<String>(),
    ]
}

fn message_id() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => "<[a-z0-9$+-]{1,30}(\\.[a-z0-9]{1,9})?@[a-z]{1,20}\\.example>",
        1 => "[ -~]{0,20}",
        1 => any::<String>(),
    ]
}

fn parent() -> impl Strategy<Value = Option<(String, String, String)>> {
    let references = prop_oneof![
        6 => "(<[a-z0-9]{1,40}@[a-z]{1,30}\\.example> ){0,12}",
        1 => any::<String>(),
    ];
    prop::option::weighted(0.7, (message_id(), references, text()))
}

fn input() -> impl Strategy<Value = Input> {
    let language =
        prop::sample::select(vec!["en", "es", "de", "fr", "pt-BR", "it", "nl", "xx", ""]);
    (
        (name(), address()),
        (name(), address()),
        subject(),
        message_id(),
        (0..4_000_000_000_i64, -720..=840_i32),
        language,
        text(),
        prop::option::of("([A-Za-zé .,@<>]{0,30}\n?){0,4}"),
        parent(),
    )
        .prop_map(
            |(
                from,
                to,
                subject,
                message_id,
                (seconds, offset),
                language,
                text,
                signature,
                parent,
            )| Input {
                from,
                to,
                subject,
                message_id,
                seconds,
                offset_minutes: offset,
                language,
                text,
                signature,
                parent,
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn reads_back_or_is_refused(input in input(), seed: u64) {
        match compose(&input.message(), seed) {
            Ok(composed) => {
                assert_well_formed(&composed.bytes);
                input.check(&composed.text, &parse_with_mail_parser(&composed.bytes));
                let again = compose(&input.message(), seed);
                prop_assert_eq!(Ok(&composed), again.as_ref());
                if input.parent.is_none() && input.signature.is_none() {
                    prop_assert_eq!(composed.text, normalised_text(&input.text));
                }
            }
            Err(ComposeError::InvalidField { field, reason }) => {
                prop_assert!(!reason.is_empty());
                let value = input.field(field);
                let is_plain = value.chars().all(|c| c.is_ascii_lowercase() || c == ' ');
                prop_assert!(!is_plain || !field.ends_with("name") && field != "text", "{field}: {value:?}");
            }
        }
    }

    #[test]
    fn ids_are_valid_and_repeatable(address in "[a-z]{1,9}@[a-z]{1,9}\\.example", seed: u64) {
        use rand_chacha::rand_core::SeedableRng;
        let id = || {
            let date = DateTime::UNIX_EPOCH.fixed_offset();
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            thunderbird().message_id(&address, date, &mut rng)
        };
        let id = (id(), id());
        prop_assert_eq!(&id.0, &id.1);
        let (uuid, domain) = id.0.trim_matches(['<', '>']).split_once('@').expect("an at sign");
        prop_assert!(address.ends_with(domain));
        let groups: Vec<usize> = uuid.split('-').map(str::len).collect();
        prop_assert_eq!(groups, [8, 4, 4, 4, 12]);
        prop_assert!(uuid.bytes().all(|b| b == b'-' || b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
        prop_assert_eq!(&uuid[14..15], "4");
    }
}

/// The same with Python's parser, which is strict about more, in one process for all cases.
#[test]
fn reads_back_in_python() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let strategy = input();
    let mut cases = Vec::new();
    while cases.len() < 600 {
        let input = strategy.new_tree(&mut runner).expect("a case").current();
        if let Ok(composed) = compose(&input.message(), 7) {
            cases.push((input, composed));
        }
    }
    let messages: Vec<Vec<u8>> = cases
        .iter()
        .map(|(_, composed)| composed.bytes.clone())
        .collect();
    for ((input, composed), parsed) in cases.iter().zip(parse_with_python(&messages)) {
        let result = std::panic::catch_unwind(|| input.check(&composed.text, &parsed));
        assert!(
            result.is_ok(),
            "{input:?}\n{}",
            String::from_utf8_lossy(&composed.bytes)
        );
    }
}
