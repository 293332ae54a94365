//! Measures how long a mail client takes to compose a message:
//!
//! ```text
//! cargo run --release -p decnet-emailgen --example compose_time
//! ```

use std::time::{Duration, Instant};

use chrono::DateTime;
use decnet_emailgen::mail_client;
use decnet_emailgen::message::{Mailbox, Message, ParentMessage};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const ROUNDS: usize = 20_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let date = DateTime::parse_from_rfc3339("2025-03-04T09:15:30+01:00")?;
    let paragraph = "The numbers for the third quarter are in the shared folder now, please have \
                     a look before Thursday and tell me what is missing (https://files.example/q3). ";
    let text = format!(
        "Hi José,\n\n{}\n\n{}\n\nThanks,\nAna",
        paragraph.repeat(3),
        paragraph
    );
    let parent = ParentMessage {
        message_id: "<0e5ac26a-36a8-4f2b-a1ac-1f1e9a2f0d11@corp.example>",
        references: "<6f9619ff-8b86-4011-b42d-00c04fc964ff@corp.example> <a@corp.example>",
        author_name: "José Núñez",
        author_address: "jose@corp.example",
        date,
        text: &text,
    };
    for client in mail_client::ALL {
        for sender in [
            "ana@corp.example",
            "bob@corp.example",
            "eve@corp.example",
            "joe@corp.example",
        ] {
            for parent in [None, Some(parent.clone())] {
                let kind = if parent.is_some() {
                    "reply"
                } else {
                    "new mail"
                };
                let message = Message {
                    from: Mailbox {
                        name: "Ana García",
                        address: sender,
                    },
                    to: Mailbox {
                        name: "José Núñez",
                        address: "jose@corp.example",
                    },
                    subject: "Re: números del tercer trimestre",
                    message_id: "<9b2f8c2e-4a53-4d52-9a0b-6d7d2f1c3e4b@corp.example>",
                    date,
                    language: "en",
                    text: &text,
                    signature: Some("Ana García\nFinance"),
                    parent,
                };
                let mut rng = ChaCha8Rng::seed_from_u64(1);
                let composed = client.compose(&message, &mut rng)?;
                let mut times: Vec<Duration> = (0..ROUNDS)
                    .map(|_| {
                        let start = Instant::now();
                        std::hint::black_box(client.compose(&message, &mut rng)).ok();
                        start.elapsed()
                    })
                    .collect();
                times.sort_unstable();
                println!(
                    "{} {kind} by {sender}: {} octets, median {:?}, p99 {:?}",
                    client.name(),
                    composed.bytes.len(),
                    times[ROUNDS / 2],
                    times[ROUNDS / 100 * 99],
                );
            }
        }
    }
    Ok(())
}
