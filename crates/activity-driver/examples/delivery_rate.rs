//! Measures how fast mail is delivered below a folder.
//!
//! `cargo run --release --example delivery_rate -- FOLDER MESSAGES MAILBOXES BATCH [durable]`

use std::time::Instant;

use decnet_activity_driver::action::{Action, Folder, MailDelivery, MailFlags, MailLocation};
use decnet_activity_driver::decky::{Decky, DeckySource, LocalFolders, Transport};
use decnet_activity_driver::driver::ActivityDriver;
use decnet_activity_driver::drivers::local_folders::{LocalFoldersDriver, LocalFoldersOptions};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, messages, mailboxes, batch, durable @ ..] = arguments.as_slice() else {
        panic!("usage: delivery_rate FOLDER MESSAGES MAILBOXES BATCH [durable]");
    };
    let number = |text: &str| text.parse::<usize>().expect("a number");
    let (messages, mailboxes, batch) = (number(messages), number(mailboxes), number(batch));
    let driver = LocalFoldersDriver::new(LocalFoldersOptions {
        durable: !durable.is_empty(),
    });
    let decky = Decky {
        uuid: "d1".to_owned(),
        name: "d1".to_owned(),
        source: DeckySource::Fleet,
        services: vec!["imap".to_owned()],
        transport: Transport::Local(LocalFolders::at(folder)),
    };
    let actions: Vec<Action> = (0..messages)
        .map(|index| {
            let login = format!("user{}", index % mailboxes);
            Action::DeliverMail(MailDelivery {
                location: MailLocation {
                    address: format!("{login}@corp.example"),
                    login,
                    folder: Folder::Inbox,
                    unique_name: format!("{}.M{index}P77.mx1", 1_780_000_000 + index),
                },
                message: b"Subject: hi\n\n"
                    .iter()
                    .copied()
                    .cycle()
                    .take(4_000)
                    .collect(),
                delivered_at: 1_780_000_000,
                flags: MailFlags::default(),
                attempt: 1,
                history: None,
            })
        })
        .collect();
    let start = Instant::now();
    for actions in actions.chunks(batch) {
        let pairs: Vec<_> = actions.iter().map(|action| (&decky, action)).collect();
        for outcome in driver.run_all(&pairs).await {
            let _ = outcome.expect("delivered");
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{:.0} deliveries/s", messages as f64 / seconds);
}
