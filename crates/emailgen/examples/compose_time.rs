//! Measures how long each mail client takes to compose a message: the median over its users. What
//! is answered or passed on is the third mail of a thread that this client wrote.
//!
//! ```text
//! cargo run --release -p decnet-emailgen --example compose_time
//! ```

use std::time::{Duration, Instant};

use chrono::{DateTime, FixedOffset};
use decnet_emailgen::mail_client;
use decnet_emailgen::message::{Installation, Mailbox, Message, Occasion, ParentMessage};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Users of each client, whose habits differ.
const PEOPLE: u64 = 40;

/// Messages of each user and kind.
const ROUNDS: usize = 500;

const ANA: Mailbox<'_> = Mailbox {
    name: "Ana García",
    address: "ana@corp.example",
};

const JOSE: Mailbox<'_> = Mailbox {
    name: "José Núñez",
    address: "jose@corp.example",
};

fn parent(text: &str, date: DateTime<FixedOffset>) -> ParentMessage<'_> {
    ParentMessage {
        message_id: "<0e5ac26a-36a8-4f2b-a1ac-1f1e9a2f0d11@corp.example>",
        references: "<6f9619ff-8b86-4011-b42d-00c04fc964ff@corp.example> <a@corp.example>",
        author: JOSE,
        to: &[ANA],
        cc: &[],
        subject: "números del tercer trimestre",
        date,
        text,
        thread_index: None,
    }
}

fn mail<'a>(
    text: &'a str,
    occasion: Occasion<'a>,
    person: u64,
    date: DateTime<FixedOffset>,
) -> Message<'a> {
    Message {
        from: ANA,
        to: &[JOSE],
        cc: &[],
        subject: "Re: números del tercer trimestre",
        message_id: "<9b2f8c2e-4a53-4d52-9a0b-6d7d2f1c3e4b@corp.example>",
        date,
        language: "en",
        text,
        signature: Some("Ana García\nFinance"),
        occasion,
        attachments: &[],
        installation: Installation { person, company: 1 },
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let date = DateTime::parse_from_rfc3339("2025-03-04T09:15:30+01:00")?;
    let paragraph = "The numbers for the third quarter are in the shared folder now, please have \
                     a look before Thursday and tell me what is missing (https://files.example/q3). ";
    let text = format!(
        "Hi José,\n\n{}\n\n{}\n\nThanks,\nAna",
        paragraph.repeat(3),
        paragraph
    );
    for client in mail_client::ALL {
        for kind in ["new mail", "reply", "forward"] {
            let mut times = Vec::new();
            for person in 0..PEOPLE {
                let mut rng = ChaCha8Rng::seed_from_u64(1);
                let mut thread = text.clone();
                for _ in 0..2 {
                    let reply = mail(&text, Occasion::Reply(parent(&thread, date)), person, date);
                    thread = client.compose(&reply, &mut rng)?.text;
                }
                let parent = parent(&thread, date);
                let occasion = match kind {
                    "new mail" => Occasion::New,
                    "reply" => Occasion::Reply(parent),
                    _ => Occasion::Forward(parent),
                };
                let message = mail(&text, occasion, person, date);
                for _ in 0..ROUNDS {
                    let start = Instant::now();
                    std::hint::black_box(client.compose(&message, &mut rng))?;
                    times.push(start.elapsed());
                }
            }
            times.sort_unstable();
            let at = |share: f64| -> Duration {
                let place = times.len() as f64 * share;
                times.get(place as usize).copied().unwrap_or_default()
            };
            println!(
                "{} {kind}: median {:?}, p99 {:?}",
                client.name(),
                at(0.5),
                at(0.99)
            );
        }
    }
    Ok(())
}
