//! Messages described by the `eml_inputs` vectors, and what must hold for each.

use chrono::{DateTime, Datelike, FixedOffset};
use decnet_emailgen::mail_client;
use decnet_emailgen::message::{
    ComposeError, Installation, Mailbox, Message, Occasion, ParentMessage,
};
use serde::Deserialize;

use super::{
    assert_well_formed, compose_with, harmless, header_names, normalised_text,
    parse_with_mail_parser, parse_with_python,
};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct EmlInput {
    pub(crate) sender_name: String,
    pub(crate) sender_email: String,
    pub(crate) recipient_name: String,
    pub(crate) recipient_email: String,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) message_id: String,
    pub(crate) in_reply_to: Option<String>,
    #[serde(default)]
    pub(crate) references: String,
    pub(crate) ts: String,
}

impl EmlInput {
    fn to(&self) -> Mailbox<'_> {
        Mailbox {
            name: &self.recipient_name,
            address: &self.recipient_email,
        }
    }

    /// The input's message. What it answers has an empty text, so that nothing is quoted.
    fn message<'a>(&'a self, to: &'a [Mailbox<'a>], person: u64) -> Message<'a> {
        let (ancestors, last) = self
            .references
            .rsplit_once(' ')
            .unwrap_or(("", &self.references));
        let parent_id = self
            .in_reply_to
            .as_deref()
            .or(Some(last))
            .filter(|id| !id.is_empty());
        let parent = parent_id.map(|message_id| ParentMessage {
            message_id,
            references: if message_id == last {
                ancestors
            } else {
                &self.references
            },
            author: Mailbox {
                name: "Pat",
                address: "pat@corp.example",
            },
            to: &[],
            cc: &[],
            subject: "Q3",
            date: self.date(),
            text: "",
            thread_index: None,
        });
        Message {
            from: Mailbox {
                name: &self.sender_name,
                address: &self.sender_email,
            },
            to,
            cc: &[],
            subject: &self.subject,
            message_id: &self.message_id,
            date: self.date(),
            language: "en",
            text: &self.body,
            signature: None,
            occasion: parent.map_or(Occasion::New, Occasion::Reply),
            attachments: &[],
            installation: Installation { person, company: 1 },
        }
    }

    fn date(&self) -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339(&self.ts)
            .or_else(|_| DateTime::parse_from_rfc3339(&format!("{}Z", self.ts)))
            .expect("an RFC 3339 time, or one without a zone")
    }

    /// The fields that an error may name for a good reason.
    fn suspicious_fields(&self) -> Vec<&'static str> {
        let control = |text: &str| text.chars().any(char::is_control);
        let address = |text: &str| {
            let local_ok = |local: &str| {
                let known =
                    |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
                local.len() <= 64
                    && local
                        .split('.')
                        .all(|atom| !atom.is_empty() && atom.bytes().all(known))
            };
            let label_ok = |label: &str| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
                    && !label.starts_with('-')
                    && !label.ends_with('-')
            };
            !text.split_once('@').is_some_and(|(local, domain)| {
                text.len() <= 254
                    && local_ok(local)
                    && domain.contains('.')
                    && domain.split('.').all(label_ok)
            })
        };
        let id = |text: &str| {
            let inner = text
                .strip_prefix('<')
                .and_then(|rest| rest.strip_suffix('>'));
            let inner = inner.filter(|inner| inner.len() < 400);
            inner.is_none_or(|inner| {
                let sides: Vec<&str> = inner.split('@').collect();
                sides.len() != 2
                    || sides.iter().any(|side| {
                        side.is_empty()
                            || side.starts_with('.')
                            || side.ends_with('.')
                            || side.contains("..")
                            || !side
                                .bytes()
                                .all(|b| b.is_ascii_graphic() && !b"\"(),:;<>[\\]".contains(&b))
                    })
            })
        };
        let name = |text: &str| control(text) || text.chars().count() > 256;
        let mut fields = Vec::new();
        for (field, suspicious) in [
            ("from.name", name(&self.sender_name)),
            ("from.address", address(&self.sender_email)),
            ("to.name", name(&self.recipient_name)),
            ("to.address", address(&self.recipient_email)),
            (
                "subject",
                control(&self.subject) || self.subject.chars().count() > 900,
            ),
            (
                "message_id",
                id(&self.message_id) || self.message_id.len() > 400,
            ),
            ("date", self.date().year() < 1900),
            ("text", self.body.len() > 256 * 1024),
            (
                "parent.message_id",
                self.in_reply_to.as_deref().is_some_and(id),
            ),
            (
                "parent.message_id",
                self.references.split(' ').next_back().is_some_and(id),
            ),
            ("parent.references", control(&self.references)),
        ] {
            if suspicious {
                fields.push(field);
            }
        }
        fields
    }
}

/// How many people compose each input with each client: which habits they have follows from their
/// installation.
const PEOPLE: u64 = 3;

/// Composes every input with every client, and reads what comes out with both parsers.
pub(crate) fn check_messages(inputs: Vec<(String, EmlInput)>) {
    for client in mail_client::ALL {
        check_client(client.name(), &inputs);
    }
}

fn check_client(client: &str, inputs: &[(String, EmlInput)]) {
    let mut cases = Vec::new();
    for (index, (name, input)) in inputs.iter().enumerate() {
        // Roles are swapped too, so that both ends hold what the input has.
        let mut swapped = input.clone();
        std::mem::swap(&mut swapped.sender_name, &mut swapped.recipient_name);
        std::mem::swap(&mut swapped.sender_email, &mut swapped.recipient_email);
        let people = (0..PEOPLE).map(|person| (format!("{name}, {person}"), input, person));
        let person = index as u64;
        let variants = people.chain([(format!("{name}, swapped"), &swapped, person)]);
        for (name, input, person) in variants {
            let to = [input.to()];
            let message = input.message(&to, person * 7 + index as u64);
            match compose_with(client, &message, 1) {
                Ok(composed) => {
                    assert_well_formed(&composed.bytes);
                    let twin = compose_with(client, &harmless(&message), 1).expect("harmless");
                    assert_eq!(
                        header_names(&composed.bytes),
                        header_names(&twin.bytes),
                        "{client}, {name}"
                    );
                    cases.push((name, input.clone(), person, index, composed));
                }
                Err(ComposeError::InvalidField { field, reason }) => {
                    let suspicious = input.suspicious_fields();
                    assert!(
                        suspicious.contains(&field),
                        "{client}, {name}: refused {field}: {reason}"
                    );
                }
            }
        }
    }
    let messages: Vec<Vec<u8>> = cases
        .iter()
        .map(|(.., composed)| composed.bytes.clone())
        .collect();
    for ((name, input, person, index, composed), by_python) in
        cases.iter().zip(parse_with_python(&messages))
    {
        let to = [input.to()];
        let message = input.message(&to, person * 7 + *index as u64);
        assert!(
            composed.text.contains(&normalised_text(&input.body)),
            "{client}, {name}: {:?}",
            composed.text
        );
        for (parser, parsed) in [
            ("python", by_python),
            ("mail-parser", parse_with_mail_parser(&composed.bytes)),
        ] {
            let check = || parsed.check(&message, &composed.text);
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
            assert!(
                result.is_ok(),
                "{client}, {name}, read by {parser}:\n{}",
                String::from_utf8_lossy(&composed.bytes)
            );
        }
    }
}
