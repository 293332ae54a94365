//! Measures how many messages a second are scanned, over the files of a folder and those below:
//!
//! ```text
//! cargo run --release -p decnet-emailgen --example scan_speed -- Maildir
//! ```

use std::path::PathBuf;
use std::time::{Duration, Instant};

use decnet_emailgen::scan::{MailboxScan, Place, scan_message};

/// Each measurement goes over the files again until it took this long.
const AT_LEAST: Duration = Duration::from_secs(1);

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::env::args_os()
        .nth(1)
        .ok_or("name a folder of messages")?;
    let mut messages = Vec::new();
    let mut open = vec![PathBuf::from(root)];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .parent()
                .is_some_and(|folder| folder.ends_with("cur") || folder.ends_with("new"))
            {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                messages.push((name, std::fs::read(&path)?));
            }
        }
    }
    let octets: usize = messages.iter().map(|(_, bytes)| bytes.len()).sum();
    println!(
        "{} messages of {} octets on average",
        messages.len(),
        octets / messages.len().max(1)
    );
    measure("scan_message", &messages, |bytes, place| {
        std::hint::black_box(scan_message(bytes, place));
    });
    let mut scan = MailboxScan::default();
    measure("MailboxScan::add", &messages, |bytes, place| {
        std::hint::black_box(scan.add(bytes, place));
    });
    let start = Instant::now();
    let report = scan.finish();
    println!(
        "MailboxScan::finish: {:?} for {} messages",
        start.elapsed(),
        report.messages
    );
    Ok(())
}

fn measure(what: &str, messages: &[(String, Vec<u8>)], mut scan: impl FnMut(&[u8], &Place<'_>)) {
    let start = Instant::now();
    let mut rounds = 0_u32;
    while start.elapsed() < AT_LEAST && !messages.is_empty() {
        for (file_name, bytes) in messages {
            let place = Place {
                folder: "INBOX",
                file_name,
                modified_at: None,
            };
            scan(bytes, &place);
        }
        rounds += 1;
    }
    let scanned = f64::from(rounds) * messages.len() as f64;
    let rate = scanned / start.elapsed().as_secs_f64();
    println!("{what}: {rate:.0} messages/s");
}
