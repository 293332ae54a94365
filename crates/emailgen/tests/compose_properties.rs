//! Properties of every message by every mail client: it reads back as what was asked for, or the
//! error names the field.

mod support;

use chrono::{DateTime, FixedOffset};
use decnet_emailgen::attachment::{Attachment, AttachmentKind};
use decnet_emailgen::mail_client::{self, Sender};
use decnet_emailgen::message::{
    ComposeError, Installation, Mailbox, Message, Occasion, ParentMessage,
};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use support::{
    assert_well_formed, compose_with, harmless, header_names, normalised_text,
    parse_with_mail_parser, parse_with_python,
};

type Person = (String, String);

/// Owned input of one message.
#[derive(Clone, Debug)]
struct Input {
    from: Person,
    to: Vec<Person>,
    cc: Vec<Person>,
    subject: String,
    message_id: String,
    seconds: i64,
    offset_minutes: i32,
    language: &'static str,
    text: String,
    signature: Option<String>,
    parent: Option<Parent>,
    attachments: Vec<Attachment>,
    installation: Installation,
}

#[derive(Clone, Debug)]
struct Parent {
    message_id: String,
    references: String,
    text: String,
    subject: String,
    is_forwarded: bool,
}

/// The people of a message, as it borrows them.
struct People<'a> {
    to: Vec<Mailbox<'a>>,
    cc: Vec<Mailbox<'a>>,
    author: [Mailbox<'a>; 1],
}

fn mailbox((name, address): &Person) -> Mailbox<'_> {
    Mailbox { name, address }
}

impl Input {
    fn date(&self) -> DateTime<FixedOffset> {
        let offset = FixedOffset::east_opt(self.offset_minutes * 60).expect("less than a day");
        DateTime::from_timestamp(self.seconds, 0)
            .expect("in range")
            .with_timezone(&offset)
    }

    fn people(&self) -> People<'_> {
        People {
            to: self.to.iter().map(mailbox).collect(),
            cc: self.cc.iter().map(mailbox).collect(),
            author: [self.to.first().map(mailbox).expect("somebody")],
        }
    }

    fn message<'a>(&'a self, people: &'a People<'a>) -> Message<'a> {
        let occasion = match &self.parent {
            None => Occasion::New,
            Some(parent) => {
                let message = ParentMessage {
                    message_id: &parent.message_id,
                    references: &parent.references,
                    author: people.author[0],
                    to: &people.author,
                    cc: &people.cc,
                    subject: &parent.subject,
                    date: self.date(),
                    text: &parent.text,
                    thread_index: None,
                };
                if parent.is_forwarded {
                    Occasion::Forward(message)
                } else {
                    Occasion::Reply(message)
                }
            }
        };
        Message {
            from: mailbox(&self.from),
            to: &people.to,
            cc: &people.cc,
            subject: &self.subject,
            message_id: &self.message_id,
            date: self.date(),
            language: self.language,
            text: &self.text,
            signature: self.signature.as_deref(),
            occasion,
            attachments: &self.attachments,
            installation: self.installation,
        }
    }

    /// What a field holds that is named in an error.
    fn field(&self, field: &str) -> String {
        let of = |people: &[Person], name: bool| {
            let values: Vec<&str> = people
                .iter()
                .map(|person| if name { &*person.0 } else { &*person.1 })
                .collect();
            values.concat()
        };
        let parent = self.parent.as_ref();
        match field {
            "from.name" => self.from.0.clone(),
            "from.address" => self.from.1.clone(),
            "to.name" | "parent.author.name" => of(&self.to, true),
            "to.address" | "parent.author.address" => of(&self.to, false),
            "cc.name" => of(&self.cc, true),
            "cc.address" => of(&self.cc, false),
            "subject" => self.subject.clone(),
            "message_id" => self.message_id.clone(),
            "parent.message_id" => parent.map_or("", |parent| &parent.message_id).to_owned(),
            "parent.references" => parent.map_or("", |parent| &parent.references).to_owned(),
            "parent.subject" => parent.map_or("", |parent| &parent.subject).to_owned(),
            "attachment.file_name" => {
                let names: Vec<&str> = self
                    .attachments
                    .iter()
                    .map(|file| &*file.file_name)
                    .collect();
                names.concat()
            }
            other => panic!("an error names {other}"),
        }
    }
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

fn parent() -> impl Strategy<Value = Option<Parent>> {
    let references = prop_oneof![
        6 => "(<[a-z0-9]{1,40}@[a-z]{1,30}\\.example> ){0,12}",
        1 => any::<String>(),
    ];
    let parent = (
        message_id(),
        references,
        text(),
        subject(),
        prop::bool::weighted(0.3),
    )
        .prop_map(
            |(message_id, references, text, subject, is_forwarded)| Parent {
                message_id,
                references,
                text,
                subject,
                is_forwarded,
            },
        );
    prop::option::weighted(0.7, parent)
}

fn attachments() -> impl Strategy<Value = Vec<Attachment>> {
    let kind = prop::sample::select(vec![
        (AttachmentKind::Pdf, "application/pdf", "pdf"),
        (AttachmentKind::Csv, "text/csv", "csv"),
        (AttachmentKind::Csv, "text/csv; charset=utf-8", "csv"),
        (AttachmentKind::Image, "image/png", "png"),
        (
            AttachmentKind::Calendar,
            "text/calendar; charset=utf-8; method=REQUEST",
            "ics",
        ),
    ]);
    let stem = prop_oneof![
        4 => "[A-Za-z0-9 _.-]{1,30}",
        2 => "[A-Za-zéñ予\"\\\\();=?' ]{1,60}",
        1 => "[é予🎉]{100,200}",
        1 => any::<String>(),
    ];
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    let file = (kind, stem, bytes).prop_map(|((kind, media_type, extension), stem, bytes)| {
        let is_text = media_type.starts_with("text/");
        Attachment {
            kind,
            file_name: format!("{stem}.{extension}"),
            media_type,
            // Parsers decode texts, so theirs is ASCII.
            bytes: bytes
                .into_iter()
                .map(|byte| if is_text { byte & 0x3f | 0x40 } else { byte })
                .collect(),
        }
    });
    prop_oneof![
        3 => Just(Vec::new()),
        1 => prop::collection::vec(file, 1..4),
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let language = prop::sample::select(vec![
        "en", "en-GB", "es", "de", "fr", "pt-BR", "it", "nl", "xx", "",
    ]);
    let person = || (name(), address());
    // Releases of the last years are where the clients differ.
    let seconds = prop_oneof![4 => 1_400_000_000..1_800_000_000_i64, 1 => 0..4_000_000_000_i64];
    let installation =
        (any::<u64>(), any::<u64>()).prop_map(|(person, company)| Installation { person, company });
    (
        (
            person(),
            prop_oneof![
                4 => prop::collection::vec(person(), 1),
                1 => prop::collection::vec(person(), 2..5),
            ],
            prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(person(), 1..4)],
        ),
        (subject(), message_id()),
        (seconds, -720..=840_i32),
        language,
        text(),
        prop::option::of("([A-Za-zé .,@<>]{0,30}\n?){0,4}"),
        parent(),
        attachments(),
        installation,
    )
        .prop_map(
            |(
                (from, to, cc),
                (subject, message_id),
                (seconds, offset_minutes),
                language,
                text,
                signature,
                parent,
                attachments,
                installation,
            )| Input {
                from,
                to,
                cc,
                subject,
                message_id,
                seconds,
                offset_minutes,
                language,
                text,
                signature,
                parent,
                attachments,
                installation,
            },
        )
}

/// More cases when `PROPTEST_CASES` asks for that.
fn at_least(cases: u32) -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig {
        cases: asked.cases.max(cases),
        failure_persistence: None,
        ..asked
    }
}

proptest! {
    #![proptest_config(at_least(600))]

    #[test]
    fn reads_back_or_is_refused(input in input(), seed: u64) {
        let people = input.people();
        let message = input.message(&people);
        for client in mail_client::ALL {
            let client = client.name();
            match compose_with(client, &message, seed) {
                Ok(composed) => {
                    assert_well_formed(&composed.bytes);
                    parse_with_mail_parser(&composed.bytes).check(&message, &composed.text);
                    let again = compose_with(client, &message, seed);
                    prop_assert_eq!(Ok(&composed), again.as_ref());
                    let twin = compose_with(client, &harmless(&message), seed).expect("harmless");
                    prop_assert_eq!(header_names(&composed.bytes), header_names(&twin.bytes));
                    prop_assert!(composed.text.contains(&normalised_text(&input.text)));
                }
                Err(ComposeError::InvalidField { field, reason }) => {
                    prop_assert!(!reason.is_empty());
                    let value = input.field(field);
                    let is_plain = value.chars().all(|c| c.is_ascii_lowercase() || c == ' ');
                    prop_assert!(!is_plain || !field.ends_with("name"), "{field}: {value:?}");
                }
            }
        }
    }

    #[test]
    fn ids_are_valid_and_repeatable(
        address in "[a-z]{1,9}@[a-z]{1,9}\\.example",
        seconds in 1_300_000_000..1_800_000_000_i64,
        person: u64,
        company: u64,
        seed: u64,
    ) {
        let installation = Installation { person, company };
        let sender = Sender { address: &address, installation };
        let date = DateTime::from_timestamp(seconds, 0).expect("in range").fixed_offset();
        for client in mail_client::ALL {
            let id = |seed| client.message_id(&sender, date, &mut ChaCha8Rng::seed_from_u64(seed));
            prop_assert_eq!(id(seed), id(seed));
            prop_assert_ne!(id(seed), id(seed ^ 1), "{}", client.name());
            let ours = [Mailbox { name: "Pat", address: "pat@corp.example" }];
            let own = id(seed);
            let message = Message {
                from: Mailbox { name: "Kim", address: &address },
                to: &ours,
                cc: &[],
                subject: "x",
                message_id: &own,
                date,
                language: "en",
                text: "x",
                signature: None,
                occasion: Occasion::New,
                attachments: &[],
                installation,
            };
            prop_assert!(compose_with(client.name(), &message, seed).is_ok(), "{own}");
        }
    }
}

/// The same with Python's parser, which is strict about more, in one process for each client.
#[test]
fn reads_back_in_python() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    // The same cases each time, and others when more are asked for.
    let cases = usize::try_from(at_least(400).cases).expect("small");
    let mut runner = if cases > 400 {
        TestRunner::default()
    } else {
        TestRunner::deterministic()
    };
    let strategy = input();
    let mut inputs = Vec::new();
    while inputs.len() < cases {
        let input = strategy.new_tree(&mut runner).expect("a case").current();
        let people = input.people();
        if compose_with("thunderbird", &input.message(&people), 7).is_ok() {
            inputs.push(input);
        }
    }
    for client in mail_client::ALL {
        let client = client.name();
        let composed: Vec<_> = inputs
            .iter()
            .map(|input| {
                compose_with(client, &input.message(&input.people()), 7).expect("as above")
            })
            .collect();
        let messages: Vec<Vec<u8>> = composed.iter().map(|it| it.bytes.clone()).collect();
        let all = inputs
            .iter()
            .zip(&composed)
            .zip(parse_with_python(&messages));
        for ((input, composed), parsed) in all {
            let people = input.people();
            let check = || parsed.check(&input.message(&people), &composed.text);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
            assert!(
                result.is_ok(),
                "{client}: {input:?}\n{}",
                String::from_utf8_lossy(&composed.bytes)
            );
        }
    }
}
