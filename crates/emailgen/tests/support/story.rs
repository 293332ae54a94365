//! Five mails that every client's fixtures are made of: a new one with a copy, an answer, a
//! forward, one with files, and an answer in Spanish to an answer.

use chrono::{DateTime, Datelike, FixedOffset};
use decnet_emailgen::attachment::{Attachment, AttachmentKind};
use decnet_emailgen::mail_client::{self, Sender};
use decnet_emailgen::message::{
    ComposedMessage, Installation, Mailbox, Message, Occasion, ParentMessage,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{check_fixture, compose_with};

const ANA: Mailbox<'static> = Mailbox {
    name: "Ana García",
    address: "ana@corp.example",
};
const JOHN: Mailbox<'static> = Mailbox {
    name: "Smith, John",
    address: "john@corp.example",
};
const LEO: Mailbox<'static> = Mailbox {
    name: "Leo Brandt",
    address: "leo.brandt@partner.example",
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

const SIGNATURE: &str = "Ana García\nFinance, Corp <https://corp.example>";

/// Who writes the mails of a story, with what, and when.
pub(crate) struct Story {
    pub(crate) client: &'static str,
    /// What the names of the fixtures start with.
    pub(crate) fixtures: &'static str,
    /// Day on which all is written, such as `2025-03-04`.
    pub(crate) day: &'static str,
    /// What mail by Ana looks like: the first person with these habits is taken.
    pub(crate) ana: fn(&str) -> bool,
    /// What mail by John looks like.
    pub(crate) john: fn(&str) -> bool,
}

impl Story {
    fn at(&self, time: &str) -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339(&format!("{}T{time}", self.day)).expect("a time")
    }

    fn person(&self, first: u64, writes: fn(&str) -> bool) -> Installation {
        (first..first + 1000)
            .map(|person| Installation { person, company: 1 })
            .find(|&installation| {
                let message = Message {
                    installation,
                    ..self.first_mail("<m@corp.example>")
                };
                let parent = ParentMessage {
                    message_id: "<p@corp.example>",
                    references: "",
                    author: JOHN,
                    to: &[ANA],
                    cc: &[],
                    subject: "x",
                    date: message.date,
                    text: "Parent.",
                    thread_index: None,
                };
                let reply = Message {
                    occasion: Occasion::Reply(parent),
                    text: "Answer.",
                    ..message.clone()
                };
                let composed = compose_with(self.client, &reply, 1).expect("valid");
                writes(&String::from_utf8_lossy(&composed.bytes))
            })
            .expect("somebody has these habits")
    }

    fn first_mail<'a>(&self, message_id: &'a str) -> Message<'a> {
        Message {
            from: ANA,
            to: &[JOHN],
            cc: &[LEO],
            subject: "Números del tercer trimestre",
            message_id,
            date: self.at("09:15:30+01:00"),
            language: "en",
            text: FIRST_TEXT,
            signature: Some(SIGNATURE),
            occasion: Occasion::New,
            attachments: &[],
            installation: Installation::default(),
        }
    }

    fn check(&self, name: &str, message: &Message<'_>) -> ComposedMessage {
        let composed = compose_with(self.client, message, message.text.len() as u64);
        let composed = composed.expect("valid");
        check_fixture(&format!("{}_{name}.eml", self.fixtures), &composed);
        composed
    }

    /// Composes the five mails and compares them with their fixtures.
    pub(crate) fn check_all(&self) {
        let (ana, john) = (self.person(0, self.ana), self.person(5000, self.john));
        let client = mail_client::by_name(self.client).expect("built in");
        let id = |address, installation, seed| {
            let sender = Sender {
                address,
                installation,
            };
            let date = self.at("09:15:30+01:00");
            client.message_id(&sender, date, &mut ChaCha8Rng::seed_from_u64(seed))
        };
        let ids = [
            id(ANA.address, ana, 1),
            id(JOHN.address, john, 2),
            id(ANA.address, ana, 3),
            id(ANA.address, ana, 4),
            id(ANA.address, ana, 5),
        ];
        let first = Message {
            installation: ana,
            ..self.first_mail(&ids[0])
        };
        let composed = self.check("new", &first);

        let reply_subject = client.reply_subject(first.subject, "en");
        let reply = Message {
            from: JOHN,
            to: &[ANA],
            subject: &reply_subject,
            message_id: &ids[1],
            date: self.at("10:02:11-05:00"),
            text: SECOND_TEXT,
            signature: None,
            occasion: Occasion::Reply(ParentMessage {
                message_id: &ids[0],
                references: "",
                author: ANA,
                to: first.to,
                cc: first.cc,
                subject: first.subject,
                date: self.at("03:15:30-05:00"),
                text: &composed.text,
                thread_index: composed.thread_index.as_deref(),
            }),
            installation: john,
            ..first.clone()
        };
        let second = self.check("reply", &reply);
        let answered = ParentMessage {
            message_id: &ids[1],
            references: &ids[0],
            author: JOHN,
            to: &[ANA],
            cc: &[LEO],
            subject: &reply_subject,
            date: self.at("16:02:11+01:00"),
            text: &second.text,
            thread_index: second.thread_index.as_deref(),
        };

        let forward_subject = client.forward_subject(&reply_subject, "en");
        self.check(
            "forward",
            &Message {
                to: &[LEO],
                cc: &[],
                subject: &forward_subject,
                message_id: &ids[2],
                date: self.at("16:20:00+01:00"),
                text: "Leo, see below.\n\nAna",
                occasion: Occasion::Forward(answered.clone()),
                ..first.clone()
            },
        );

        let spanish_subject = client.reply_subject(&reply_subject, "es");
        self.check(
            "spanish",
            &Message {
                subject: &spanish_subject,
                message_id: &ids[3],
                date: self.at("16:40:00+01:00"),
                language: "es",
                text: "Gracias, queda claro.\nUn saludo",
                occasion: Occasion::Reply(answered),
                ..first.clone()
            },
        );

        let attachments = [
            Attachment {
                kind: AttachmentKind::Pdf,
                file_name: format!("Offer {}.pdf", first.date.year()),
                media_type: "application/pdf",
                bytes: b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n%%EOF\n".to_vec(),
            },
            Attachment {
                kind: AttachmentKind::Csv,
                file_name: "Números.csv".to_owned(),
                media_type: "text/csv",
                bytes: "mes,importe\nmarzo,\"1.200,50 €\"\n".as_bytes().to_vec(),
            },
        ];
        self.check(
            "attachment",
            &Message {
                cc: &[],
                subject: "Offer",
                message_id: &ids[4],
                text: "The offer and the table.",
                attachments: &attachments,
                ..first.clone()
            },
        );
    }
}
