//! Whole messages by Apple's clients, Evolution, K-9, Roundcube and mutt, byte for byte, and what
//! must hold for every message of theirs.
//!
//! To accept a change of shape, delete the fixture and run the test twice: a missing fixture is
//! written, and fails.

use std::path::Path;

use chrono::{DateTime, FixedOffset};
use decnet_emailgen::attachment::{Attachment, AttachmentKind};
use decnet_emailgen::mail_client::{self, MailClient, Sender};
use decnet_emailgen::message::{
    ComposedMessage, Installation, Mailbox, Message, Occasion, ParentMessage,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The clients that are checked here.
const CLIENTS: &[&str] = &[
    "iphone",
    "apple-mail",
    "evolution",
    "k9",
    "roundcube",
    "mutt",
];

const ANA: Mailbox<'static> = Mailbox {
    name: "Ana García",
    address: "ana@corp.example",
};
const JOHN: Mailbox<'static> = Mailbox {
    name: "John Smith",
    address: "john@corp.example",
};
const UTE: Mailbox<'static> = Mailbox {
    name: "Müller, Ute",
    address: "ute@partner.example",
};

const FIRST_TEXT: &str = "Hi John,

The numbers for the third quarter are in the shared folder now: https://files.example/q3?a=1&b=2 \
has everything but the travel costs, which <finance@corp.example> will send on Monday.

Could you check the second sheet before Thursday? The totals there are > 5% above what we planned.

Thanks
Ana";
const SECOND_TEXT: &str = "Done, the second sheet is fine. The 5% come from the two machines that \
were ordered in May and delivered in July.";
const SPANISH: &str = "Gracias, queda claro. ¿Lo vemos el miércoles a las 10 con María? Así lo \
cerramos antes de la reunión.\n\nUn saludo";
const GERMAN: &str = "Hallo,\n\nkönnt ihr die Übersicht bis Freitag schicken? Die Größe der \
Flächen fehlt noch.\n\nGrüße\nUte";

fn at(time: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(time).expect("an RFC 3339 time")
}

fn client(name: &str) -> &'static dyn MailClient {
    mail_client::by_name(name).expect("built in")
}

fn installation(person: u64) -> Installation {
    Installation { person, company: 7 }
}

fn pdf(file_name: &str) -> Attachment {
    Attachment {
        kind: AttachmentKind::Pdf,
        file_name: file_name.to_owned(),
        media_type: "application/pdf",
        bytes: b"%PDF-1.4 not really".repeat(9),
    }
}

fn new_mail(message_id: &str) -> Message<'_> {
    Message {
        from: ANA,
        to: &[JOHN],
        cc: &[],
        subject: "Números del tercer trimestre",
        message_id,
        date: at("2024-03-04T09:15:30+01:00"),
        language: "en",
        text: FIRST_TEXT,
        signature: Some("Ana García\nFinance, Corp <https://corp.example>"),
        occasion: Occasion::New,
        attachments: &[],
        installation: installation(3),
    }
}

/// Compares with a fixture, and says what is different.
fn check(fixture: &str, composed: &ComposedMessage) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(fixture);
    let Ok(expected) = std::fs::read(&path) else {
        std::fs::write(&path, &composed.bytes).expect("the fixture can be written");
        return Some(format!("{fixture} did not exist, and has been written"));
    };
    let found = String::from_utf8_lossy(&composed.bytes);
    let expected = String::from_utf8_lossy(&expected);
    (found != expected).then(|| format!("{fixture} is\n{expected}\nbut is composed as\n{found}"))
}

/// A conversation, a forward and two mails with files: what each client writes in each situation.
fn conversation(name: &str) -> Vec<(&'static str, ComposedMessage)> {
    let client = client(name);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let sender = |address| Sender {
        address,
        installation: installation(3),
    };
    let compose = |message: &Message<'_>, rng: &mut ChaCha8Rng| {
        client.compose(message, rng).expect("a valid message")
    };
    let mut all = Vec::new();

    let first_date = at("2024-03-04T09:15:30+01:00");
    let first_id = client.message_id(&sender(ANA.address), first_date, &mut rng);
    let first = new_mail(&first_id);
    let composed = compose(&first, &mut rng);
    let first_text = composed.text.clone();
    all.push(("new", composed));

    let second_date = at("2024-03-04T10:02:11-05:00");
    let second_id = client.message_id(&sender(JOHN.address), second_date, &mut rng);
    let subject = client.reply_subject(first.subject, "en");
    let second = Message {
        from: JOHN,
        to: &[ANA],
        cc: &[UTE],
        subject: &subject,
        message_id: &second_id,
        date: second_date,
        text: SECOND_TEXT,
        signature: None,
        occasion: Occasion::Reply(ParentMessage {
            message_id: &first_id,
            references: "",
            author: ANA,
            to: &[JOHN],
            cc: &[],
            subject: first.subject,
            date: at("2024-03-04T03:15:30-05:00"),
            text: &first_text,
            thread_index: None,
        }),
        installation: installation(4),
        ..first.clone()
    };
    let composed = compose(&second, &mut rng);
    let second_text = composed.text.clone();
    all.push(("reply", composed));

    let third_date = at("2024-03-04T16:40:00+01:00");
    let third_id = client.message_id(&sender(ANA.address), third_date, &mut rng);
    let subject = client.reply_subject(&subject, "es");
    let third = Message {
        from: ANA,
        to: &[JOHN, UTE],
        cc: &[],
        subject: &subject,
        message_id: &third_id,
        date: third_date,
        language: "es",
        text: SPANISH,
        occasion: Occasion::Reply(ParentMessage {
            message_id: &second_id,
            references: &first_id,
            author: JOHN,
            to: &[ANA],
            cc: &[UTE],
            subject: &subject,
            date: at("2024-03-04T16:02:11+01:00"),
            text: &second_text,
            thread_index: None,
        }),
        installation: installation(5),
        ..first.clone()
    };
    let composed = compose(&third, &mut rng);
    all.push(("reply_es", composed));

    let subject = client.forward_subject(second.subject, "de");
    let files = [pdf("Übersicht 2024.pdf")];
    let forward = Message {
        from: UTE,
        to: &[JOHN],
        cc: &[ANA],
        subject: &subject,
        date: at("2024-03-05T08:00:01+01:00"),
        language: "de",
        text: GERMAN,
        signature: Some("Ute Müller\nPartner GmbH"),
        occasion: Occasion::Forward(ParentMessage {
            message_id: &second_id,
            references: &first_id,
            author: JOHN,
            to: &[ANA],
            cc: &[UTE],
            subject: second.subject,
            date: at("2024-03-04T16:02:11+01:00"),
            text: &second_text,
            thread_index: None,
        }),
        installation: installation(8),
        ..first.clone()
    };
    all.push(("forward_de", compose(&forward, &mut rng)));
    let attached = Message {
        text: "Here it is.",
        attachments: &files,
        ..first.clone()
    };
    all.push(("attachment", compose(&attached, &mut rng)));
    let several = [pdf("q3.pdf"), pdf("q3 (final) \"really\".pdf")];
    let attached = Message {
        text: "Here they are.",
        signature: None,
        attachments: &several,
        installation: installation(9),
        ..second.clone()
    };
    all.push(("attachments_reply", compose(&attached, &mut rng)));
    all
}

#[test]
fn messages_match_their_fixtures() {
    let mut different = Vec::new();
    for name in CLIENTS {
        for (occasion, composed) in conversation(name) {
            let fixture = format!("{}_{occasion}.eml", name.replace('-', "_"));
            different.extend(check(&fixture, &composed));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

fn header_names(composed: &ComposedMessage) -> Vec<String> {
    let text = String::from_utf8_lossy(&composed.bytes).into_owned();
    let head = text.split("\r\n\r\n").next().expect("a header block");
    head.split("\r\n")
        .filter(|line| !line.starts_with([' ', '\t']))
        .map(|line| line.split(':').next().unwrap_or_default().to_owned())
        .collect()
}

fn header<'t>(text: &'t str, name: &str) -> &'t str {
    let start = text
        .find(&format!("\r\n{name}: "))
        .map(|at| at + name.len() + 4)
        .unwrap_or_else(|| panic!("no {name}"));
    let rest = &text[start..];
    let end = rest
        .match_indices("\r\n")
        .find(|(at, _)| !rest[at + 2..].starts_with([' ', '\t']))
        .map_or(rest.len(), |(at, _)| at);
    &rest[..end]
}

/// Whether `text` has the shape of `pattern`: `H` upper hex, `h` lower hex, `9` digit, `A` upper
/// letter or digit, `B` base64, anything else itself.
fn has_shape(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text
            .bytes()
            .zip(pattern.bytes())
            .all(|(byte, shape)| match shape {
                b'H' => byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte),
                b'h' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
                b'9' => byte.is_ascii_digit(),
                b'N' => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
                b'B' => byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte),
                _ => byte == shape,
            })
}

const UPPER_UUID: &str = "HHHHHHHH-HHHH-HHHH-HHHH-HHHHHHHHHHHH";

/// Many messages of one client, over people.
fn many(name: &str, occasion: &str, count: u64) -> Vec<(Message<'static>, ComposedMessage)> {
    let client = client(name);
    (0..count)
        .map(|person| {
            let mut message = new_mail("<F0E1@corp.example>");
            message.from = JOHN;
            message.to = &[ANA];
            message.text = SECOND_TEXT;
            message.signature = None;
            message.date = at("2024-03-04T10:02:11-05:00");
            message.installation = installation(person);
            if occasion == "reply" {
                message.cc = &[UTE];
                message.subject = "Re: Números del tercer trimestre";
                message.occasion = Occasion::Reply(ParentMessage {
                    message_id: "<first@corp.example>",
                    references: "<root@corp.example>",
                    author: ANA,
                    to: &[JOHN],
                    cc: &[],
                    subject: "Números del tercer trimestre",
                    date: at("2024-03-04T03:15:30-05:00"),
                    text: FIRST_TEXT,
                    thread_index: None,
                });
            }
            let mut rng = ChaCha8Rng::seed_from_u64(person);
            let composed = client.compose(&message, &mut rng).expect("valid");
            (message, composed)
        })
        .collect()
}

/// How many of a hundred.
fn share(all: &[(Message<'_>, ComposedMessage)], is: impl Fn(&str) -> bool) -> usize {
    let count = all
        .iter()
        .filter(|(_, composed)| is(&String::from_utf8_lossy(&composed.bytes)))
        .count();
    count * 100 / all.len()
}

#[test]
fn iphone_has_the_shape_of_the_facts() {
    let all = many("iphone", "reply", 1000);
    for (_, composed) in &all {
        assert_eq!(
            header_names(composed).join(" "),
            "Content-Type Content-Transfer-Encoding From Mime-Version Subject Date Message-Id \
             References Cc In-Reply-To To X-Mailer"
        );
        let text = String::from_utf8_lossy(&composed.bytes);
        assert_eq!(header(&text, "Mime-Version"), "1.0 (1.0)");
        assert_eq!(header(&text, "Date"), "Mon, 4 Mar 2024 10:02:11 -0500");
        assert!(header(&text, "X-Mailer").starts_with("iPhone Mail (2"));
        assert!(text.contains("> On Mar 4, 2024, at 3:15"));
        assert!(text.contains("> =EF=BB=BFHi John,"));
        assert!(!text.contains("charset=\""));
    }
    let plain = share(&all, |text| {
        text.starts_with("Content-Type: text/plain; charset=utf-8\r\n")
    });
    assert!((18..31).contains(&plain), "{plain} % plain");
    let footer = share(&all, |text| {
        text.contains("Sent from my iPhone\r\n\r\n> On")
    });
    assert!((76..85).contains(&footer), "{footer} % with footer");
    for (_, composed) in &all {
        let text = String::from_utf8_lossy(&composed.bytes);
        if let Some(rest) = text.strip_prefix("Content-Type: multipart/alternative; boundary=") {
            let boundary = rest.split("\r\n").next().unwrap_or_default();
            assert!(has_shape(&boundary[11..], UPPER_UUID), "{boundary}");
            assert!(boundary.starts_with("Apple-Mail-"));
            assert!(text.contains("Content-Type: text/plain;\r\n\tcharset=utf-8\r\n"));
            assert!(text.contains("<blockquote type=3D\"cite\">"));
        }
    }
    let mut old = new_mail("<F0E1@corp.example>");
    old.date = at("2019-03-04T09:15:30+01:00");
    old.occasion = all[0].0.occasion.clone();
    let composed = client("iphone")
        .compose(&old, &mut ChaCha8Rng::seed_from_u64(1))
        .expect("valid");
    assert!(composed.text.contains("> Hi John,"));
    assert!(
        composed.text.contains("> On 4 Mar 2024, at 03:15, Ana")
            || composed.text.contains("> On Mar 4")
    );
}

#[test]
fn apple_mail_has_the_shape_of_the_facts() {
    let all = many("apple-mail", "reply", 500);
    for (_, composed) in &all {
        let text = String::from_utf8_lossy(&composed.bytes);
        let order = header_names(composed).join(" ");
        if text.contains("multipart/alternative") {
            assert_eq!(
                order,
                "From Message-Id Content-Type Mime-Version Subject Date In-Reply-To Cc To \
                 References X-Mailer"
            );
            let boundary = header(&text, "Content-Type")
                .strip_prefix("multipart/alternative;\r\n\tboundary=\"Apple-Mail=_")
                .and_then(|rest| rest.strip_suffix('"'))
                .expect("a quoted boundary");
            assert!(has_shape(boundary, UPPER_UUID), "{boundary}");
            assert!(text.contains(
                "Content-Transfer-Encoding: quoted-printable\r\nContent-Type: text/plain;\r\n\t\
                 charset=utf-8\r\n"
            ));
            assert!(text.contains("Apple-interchange-newline"));
        } else {
            assert_eq!(
                order,
                "Content-Type Mime-Version Subject From In-Reply-To Date Cc \
                 Content-Transfer-Encoding Message-Id References To X-Mailer"
            );
        }
        let mailer = header(&text, "X-Mailer");
        let build = mailer
            .strip_prefix("Apple Mail (2.")
            .and_then(|rest| rest.strip_suffix(')'))
            .expect("a build");
        assert!(header(&text, "Mime-Version").ends_with(&format!("\\({build}\\))")));
    }
    let all = many("apple-mail", "new", 500);
    for (_, composed) in &all {
        let order = header_names(composed).join(" ");
        assert_eq!(
            order.replace(" Content-Transfer-Encoding", ""),
            "From Content-Type Mime-Version Subject Message-Id Date To X-Mailer"
        );
    }
}

/// The boundary of the outer multipart.
fn boundary(text: &str) -> &str {
    let content_type = header(text, "Content-Type");
    let (_, boundary) = content_type.split_once("boundary=").expect("a boundary");
    boundary.trim_matches('"')
}

#[test]
fn evolution_has_the_shape_of_the_facts() {
    let all = many("evolution", "reply", 400);
    for (_, composed) in &all {
        let text = String::from_utf8_lossy(&composed.bytes);
        let text = format!("\r\n{text}");
        let order = header_names(composed)
            .join(" ")
            .replace(" Organization", "");
        let release = header(&text, "User-Agent");
        assert!(release.starts_with("Evolution 3."), "{release}");
        let tail = order
            .strip_prefix("Message-ID Subject From To Cc Date In-Reply-To References Content-Type ")
            .expect("an order");
        if text.contains("multipart/") {
            assert_eq!(tail, "User-Agent MIME-Version");
            let boundary = boundary(&text);
            assert!(
                has_shape(boundary, &format!("=-{}", "B".repeat(20))),
                "{boundary}"
            );
        } else if ["3.28", "3.30", "3.36", "3.38"]
            .iter()
            .any(|old| release.contains(old))
        {
            assert_eq!(tail, "User-Agent MIME-Version Content-Transfer-Encoding");
        } else {
            assert_eq!(tail, "Content-Transfer-Encoding User-Agent MIME-Version");
        }
        assert_eq!(header(&text, "Date"), "Mon, 04 Mar 2024 10:02:11 -0500");
        assert!(text.contains("charset=\"UTF-8\""));
        assert!(
            composed
                .text
                .contains("On Mon, 2024-03-04 at 03:15 -0500, Ana García wrote:\n> ")
        );
    }
}

#[test]
fn k9_has_the_shape_of_the_facts() {
    let all = many("k9", "reply", 400);
    for (_, composed) in &all {
        assert_eq!(
            header_names(composed).join(" "),
            "Date From To CC Subject User-Agent In-Reply-To References Message-ID MIME-Version \
             Content-Type Content-Transfer-Encoding"
        );
        let text = format!("\r\n{}", String::from_utf8_lossy(&composed.bytes));
        assert_eq!(header(&text, "Date"), "Mon, 04 Mar 2024 10:02:11 -0500");
        assert_eq!(header(&text, "User-Agent"), "K-9 Mail for Android");
        assert!(text.contains(
            "text/plain;\r\n charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable"
        ));
        assert!(
            composed.text.contains(
                "On March 4, 2024 3:15:30 AM EST, Ana García <ana@corp.example> wrote:\n> "
            )
        );
        assert!(text.contains("\r\n>Hi John,\r\n>\r\n") || !composed.text.contains("> Hi John"));
        if text.contains("multipart/") {
            assert!(has_shape(
                boundary(&text),
                &format!("----{}", "N".repeat(30))
            ));
        }
    }
}

#[test]
fn roundcube_has_the_shape_of_the_facts() {
    let all = many("roundcube", "reply", 400);
    for (message, composed) in &all {
        let order = header_names(composed)
            .join(" ")
            .replace(" Organization", "");
        let text = format!("\r\n{}", String::from_utf8_lossy(&composed.bytes));
        let encoding = if text.contains("multipart/") {
            assert!(has_shape(boundary(&text), &format!("=_{}", "h".repeat(32))));
            ""
        } else {
            " Content-Transfer-Encoding"
        };
        assert_eq!(
            order,
            format!(
                "MIME-Version Date From To Cc Subject In-Reply-To References User-Agent \
                 Message-ID X-Sender Content-Type{encoding}"
            )
        );
        assert!(header(&text, "User-Agent").starts_with("Roundcube Webmail/1.6."));
        assert_eq!(header(&text, "X-Sender"), message.from.address);
        assert!(
            composed
                .text
                .contains("On 2024-03-04 03:15, Ana García wrote:\n> ")
        );
        assert!(text.contains("; charset=UTF-8;\r\n format=flowed"));
    }
}

#[test]
fn mutt_has_the_shape_of_the_facts() {
    let all = many("mutt", "reply", 1000);
    for (_, composed) in &all {
        let order = header_names(composed).join(" ");
        assert_eq!(
            order.trim_end_matches(" User-Agent"),
            "Date From To Cc Subject Message-ID References MIME-Version Content-Type \
             Content-Disposition Content-Transfer-Encoding In-Reply-To"
        );
        let text = format!("\r\n{}", String::from_utf8_lossy(&composed.bytes));
        assert_eq!(header(&text, "Content-Type"), "text/plain; charset=utf-8");
        assert!(
            composed
                .text
                .contains("On Mon, Mar 04, 2024 at 03:15:30AM -0500, Ana García wrote:\n> ")
        );
        let longest = text.lines().map(|line| line.chars().count()).max();
        assert!(longest <= Some(78), "{longest:?}");
    }
    let silent = share(&all, |text| !text.contains("\r\nUser-Agent: "));
    assert!((29..38).contains(&silent), "{silent} % without User-Agent");
    let utc = share(&all, |text| text.contains("Mon, 4 Mar 2024 15:02:11 +0000"));
    assert!((16..25).contains(&utc), "{utc} % in UTC");
    let ascii = many("mutt", "new", 1).remove(0).1;
    let text = format!("\r\n{}", String::from_utf8_lossy(&ascii.bytes));
    assert_eq!(
        header(&text, "Content-Type"),
        "text/plain; charset=us-ascii"
    );
    assert!(!text.contains("Content-Transfer-Encoding"));
}

#[test]
fn ids_have_the_shape_of_the_facts() {
    let sender = Sender {
        address: ANA.address,
        installation: installation(1),
    };
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let date = at("2024-03-04T09:15:30+01:00");
    for name in ["iphone", "apple-mail"] {
        let id = client(name).message_id(&sender, date, &mut rng);
        assert!(
            has_shape(&id, &format!("<{UPPER_UUID}@corp.example>")),
            "{id}"
        );
    }
}

/// The generator that proptest drives is not needed where every header is a plain value.
#[test]
fn hostile_fields_are_refused() {
    for name in CLIENTS {
        let client = client(name);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let good = new_mail("<F0E1@corp.example>");
        assert!(client.compose(&good, &mut rng).is_ok());
        let evil = "x\r\nBcc: evil@corp.example";
        for bad in [
            Message {
                subject: evil,
                ..good.clone()
            },
            Message {
                message_id: "<a@b>\r\nX: y",
                ..good.clone()
            },
            Message {
                from: Mailbox {
                    name: evil,
                    address: ANA.address,
                },
                ..good.clone()
            },
            Message {
                attachments: &[pdf(evil)],
                ..good.clone()
            },
        ] {
            assert!(client.compose(&bad, &mut rng).is_err());
        }
        // Text and language cannot end a header.
        let odd = Message {
            text: "a\r\nBcc: evil@corp.example\r\n\r\n--x--",
            language: "en\r\nBcc: evil@corp.example",
            ..good.clone()
        };
        let composed = client.compose(&odd, &mut rng).expect("valid");
        assert!(!header_names(&composed).iter().any(|name| name == "Bcc"));
    }
}
