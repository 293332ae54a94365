//! Delivery into the mailbox, as Dovecot 2.3.19 writes it.
//!
//! Observed: `from`, `by`, `id`, `envelope-from` and `for` on lines of their own, each with a TAB;
//! the day of the month with two digits; the peer's address only where it came by TCP. The id is
//! base64 of a GUID: nanoseconds, Unix seconds and process id, each 32 bits with the low byte
//! first, then the last four bytes of the SHA-1 of the host's name.

use chrono::TimeDelta;
use rand::RngExt;

use super::company::{Company, Server};
use super::path::Path;
use super::postfix::{Client, Postfix};
use super::sha1::sha1;
use super::{Journey, safe};
use crate::mime::base64;

/// The way from `entry`, the company's server that has the message, into the mailbox.
pub(super) fn deliver(
    path: &mut Path<'_>,
    company: &Company,
    entry: &Server,
    mail_host: &str,
    journey: &Journey<'_>,
    recipient: Option<&str>,
) {
    // One host for everything hands over by a socket of its own; of the others, some deliver to
    // Dovecot over the network, and some to a Postfix beside it.
    let mut from = mail_host.to_owned();
    if entry.name != mail_host {
        if company.constants.holds("delivers over the network", 50) {
            from = format!("{} ([{}])", entry.name, entry.inside);
        } else {
            Postfix::named(company, mail_host).receive(path, &Client::inside(entry), recipient);
            path.hop();
        }
    }
    let id = session_id(path, mail_host);
    let mut field = format!("Received: from {from}\r\n\tby {mail_host} with LMTP\r\n\tid {id}");
    if let Some(sender) = safe::address(journey.sender_address) {
        field.push_str(&format!("\r\n\t(envelope-from <{sender}>)"));
    }
    if let Some(recipient) = recipient {
        field.push_str(&format!("\r\n\tfor <{recipient}>"));
    }
    let date = path.at.with_timezone(&company.zone());
    field.push_str(&format!("; {}", date.format("%a, %d %b %Y %H:%M:%S %z")));
    path.push(field);
}

/// The id of a session that has been there for a moment: less than the shortest hop, so that it
/// began after the server before had the message.
fn session_id(path: &mut Path<'_>, mail_host: &str) -> String {
    let began = path.at - TimeDelta::microseconds(path.rng.random_range(800..15_000));
    let nanoseconds = began.timestamp_subsec_nanos() + path.rng.random_range(0..1_000);
    let seconds = began.timestamp().rem_euclid(1 << 32);
    // Process ids up to 32,768, as in the names of Maildir files.
    let process: u32 = path.rng.random_range(300..32_768);
    let host = mail_host.split('.').next().unwrap_or(mail_host);
    let mut guid = Vec::with_capacity(16);
    guid.extend_from_slice(&nanoseconds.to_le_bytes());
    guid.extend_from_slice(&u32::try_from(seconds).unwrap_or(0).to_le_bytes());
    guid.extend_from_slice(&process.to_le_bytes());
    guid.extend_from_slice(&sha1(host.as_bytes())[16..]);
    base64::inline(&guid).trim_end_matches('=').to_owned()
}
