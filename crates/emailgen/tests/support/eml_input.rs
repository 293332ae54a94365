//! Messages described by the `eml_inputs` vectors, and what must hold for each.

use chrono::{DateTime, Datelike, FixedOffset};
use decnet_emailgen::message::{ComposeError, Mailbox, Message, ParentMessage};
use serde::Deserialize;

use super::{
    Parsed, assert_well_formed, compose, normalised_text, parse_with_mail_parser,
    parse_with_python, same_name,
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
    /// The input's message. What it answers has an empty text, so that nothing is quoted.
    fn message(&self) -> Message<'_> {
        let (ancestors, last) = self
            .references
            .rsplit_once(' ')
            .unwrap_or(("", &self.references));
        let parent_id = self
            .in_reply_to
            .as_deref()
            .or(Some(last))
            .filter(|id| !id.is_empty());
        Message {
            from: Mailbox {
                name: &self.sender_name,
                address: &self.sender_email,
            },
            to: Mailbox {
                name: &self.recipient_name,
                address: &self.recipient_email,
            },
            subject: &self.subject,
            message_id: &self.message_id,
            date: self.date(),
            language: "en",
            text: &self.body,
            signature: None,
            parent: parent_id.map(|message_id| ParentMessage {
                message_id,
                references: if message_id == last {
                    ancestors
                } else {
                    &self.references
                },
                author_name: "Pat",
                author_address: "pat@corp.example",
                date: self.date(),
                text: "",
            }),
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

    fn check(&self, parser: &str, name: &str, parsed: &Parsed) {
        let case = format!("{name} ({parser})");
        assert_eq!(parsed.defects, [""; 0], "{case}");
        for (read, written_name, written_address) in [
            (&parsed.from, &self.sender_name, &self.sender_email),
            (&parsed.to, &self.recipient_name, &self.recipient_email),
        ] {
            let read = read
                .as_ref()
                .unwrap_or_else(|| panic!("{case}: not one mailbox"));
            assert!(
                same_name(&read.name, written_name),
                "{case}: {:?} {written_name:?}",
                read.name
            );
            assert_eq!(&read.address, written_address, "{case}");
        }
        assert_eq!(parsed.subject.trim(), self.subject.trim(), "{case}");
        assert_eq!(parsed.message_id, self.message_id, "{case}");
        let body = normalised_text(&self.body);
        assert_eq!(parsed.shown(), body, "{case}");
        // Short lines are the same to a reader that knows nothing of format=flowed.
        if body.lines().all(|line| line.chars().count() <= 72) {
            assert_eq!(
                parsed.plain.replace("\r\n", "\n").trim_end_matches('\n'),
                body,
                "{case}"
            );
        }
        if let Some(html) = &parsed.html {
            assert!(html.contains("</html>"), "{case}");
        }
        let message = self.message();
        assert_eq!(
            parsed.in_reply_to.as_deref(),
            message.parent.as_ref().map(|parent| parent.message_id),
            "{case}"
        );
    }
}

/// Composes every input under both habits, and reads what comes out with both parsers.
pub(crate) fn check_messages(inputs: Vec<(String, EmlInput)>) {
    let mut cases = Vec::new();
    for (name, input) in inputs {
        // Which habits a sender has follows from the address: others give the input a chance at
        // all of them. Roles are swapped so that both ends hold what the input has.
        let mut variants = vec![(name.clone(), input.clone())];
        for address in ["eve@corp.example", "ana@corp.example"] {
            let sender_email = address.to_owned();
            variants.push((
                format!("{name}, {address}"),
                EmlInput {
                    sender_email,
                    ..input.clone()
                },
            ));
        }
        let mut swapped = input;
        std::mem::swap(&mut swapped.sender_name, &mut swapped.recipient_name);
        std::mem::swap(&mut swapped.sender_email, &mut swapped.recipient_email);
        variants.push((format!("{name}, swapped"), swapped));
        for (name, input) in variants {
            match compose(&input.message(), 1) {
                Ok(composed) => cases.push((name, input, composed.bytes)),
                Err(ComposeError::InvalidField { field, reason }) => {
                    let suspicious = input.suspicious_fields();
                    assert!(
                        suspicious.contains(&field),
                        "{name}: refused {field}: {reason}"
                    );
                }
            }
        }
    }
    let messages: Vec<Vec<u8>> = cases.iter().map(|(_, _, bytes)| bytes.clone()).collect();
    let by_python = parse_with_python(&messages);
    assert!(
        by_python.iter().any(|parsed| parsed.html.is_some()),
        "nobody composes html"
    );
    assert!(
        by_python.iter().any(|parsed| parsed.html.is_none()),
        "everybody composes html"
    );
    for ((name, input, bytes), parsed) in cases.iter().zip(by_python) {
        assert_well_formed(bytes);
        input.check("python", name, &parsed);
        input.check("mail-parser", name, &parse_with_mail_parser(bytes));
    }
}
