//! Whole messages by Thunderbird, byte for byte.
//!
//! To accept a change of shape, delete the fixture and run the test twice: a missing fixture is
//! written, and fails.

mod support;

use std::path::Path;

use chrono::{DateTime, FixedOffset};
use decnet_emailgen::message::{ComposedMessage, Mailbox, Message, ParentMessage};
use support::compose;

/// Composes HTML.
const HTML_USER: Mailbox<'static> = Mailbox {
    name: "Ana García",
    address: "ana@corp.example",
};
/// Composes plain text.
const PLAIN_USER: Mailbox<'static> = Mailbox {
    name: "Smith, John",
    address: "john@corp.example",
};

const FIRST_TEXT: &str = "Hi John,

The numbers for the third quarter are in the shared folder now: https://files.example/q3?a=1&b=2 \
has everything but the travel costs, which <finance@corp.example> will send on Monday.

Could you check the second sheet before Thursday? The totals there are > 5% above what we planned.

Thanks
Ana";

const SECOND_TEXT: &str = "Done, the second sheet is fine. The 5% come from the two machines that \
were ordered in May and delivered in July.

John";

fn at(time: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(time).expect("an RFC 3339 time")
}

fn new_mail() -> Message<'static> {
    Message {
        from: HTML_USER,
        to: PLAIN_USER,
        subject: "Números del tercer trimestre",
        message_id: "<1b0a0c2e-4a53-4d52-9a0b-6d7d2f1c3e4b@corp.example>",
        date: at("2025-03-04T09:15:30+01:00"),
        language: "en",
        text: FIRST_TEXT,
        signature: Some("Ana García\nFinance, Corp <https://corp.example>"),
        parent: None,
    }
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

#[test]
fn new_mail_and_replies_match_their_fixtures() {
    let first = new_mail();
    let composed = compose(&first, 1).expect("valid");
    check("thunderbird_html_new.eml", &composed);

    let reply = Message {
        from: PLAIN_USER,
        to: HTML_USER,
        subject: "Re: Números del tercer trimestre",
        message_id: "<2c1b1d3f-5b64-4e63-8b1c-7e8e3a2d4f5c@corp.example>",
        date: at("2025-03-04T10:02:11-05:00"),
        language: "en",
        text: SECOND_TEXT,
        signature: None,
        parent: Some(ParentMessage {
            message_id: first.message_id,
            references: "",
            author_name: first.from.name,
            author_address: first.from.address,
            date: at("2025-03-04T03:15:30-05:00"),
            text: &composed.text,
        }),
    };
    let second = compose(&reply, 2).expect("valid");
    check("thunderbird_plain_reply.eml", &second);

    let answer = Message {
        from: HTML_USER,
        to: PLAIN_USER,
        subject: reply.subject,
        message_id: "<3d2c2e4a-6c75-4f74-9c2d-8f9f4b3e5a6d@corp.example>",
        date: at("2025-03-04T16:40:00+01:00"),
        language: "es",
        text: "Gracias, queda claro.\nUn saludo",
        signature: first.signature,
        parent: Some(ParentMessage {
            message_id: reply.message_id,
            references: first.message_id,
            author_name: reply.from.name,
            author_address: reply.from.address,
            date: at("2025-03-04T16:02:11+01:00"),
            text: &second.text,
        }),
    };
    check(
        "thunderbird_html_reply.eml",
        &compose(&answer, 3).expect("valid"),
    );
}

#[test]
fn plain_new_mail_matches_its_fixture() {
    let message = Message {
        from: PLAIN_USER,
        to: HTML_USER,
        subject: "Lunch",
        text: "Tomorrow at one?\n\nJohn",
        signature: None,
        ..new_mail()
    };
    check(
        "thunderbird_plain_new.eml",
        &compose(&message, 4).expect("valid"),
    );
}
