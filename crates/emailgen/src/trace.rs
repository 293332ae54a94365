//! The way a message came: the header fields that servers put on top of it (RFC 5321 §4.4).
//!
//! [`trace`] is a pure function of a [`Journey`] and a generator. It writes what real servers
//! would have written, newest on top: `Return-Path`, `Delivered-To` and the `Received` of Dovecot's
//! delivery, the `Received` of the recipient's Postfix, and the hops on the sender's side, each in
//! the words, zone and folding of the system that writes it. Mail inside one company stays on its
//! own network; mail between two companies crosses both.
//!
//! | system | file | seen in |
//! |---|---|---|
//! | Dovecot's LMTP delivery | `trace/dovecot.rs` | Dovecot 2.3.19 |
//! | Postfix | `trace/postfix.rs` | Postfix 3.5 to 3.8 |
//! | Gmail and Workspace | `trace/gmail.rs` | list archives, 2023 to 2026 |
//! | Exchange Online, Exchange Server | `trace/exchange.rs` | list archives, 2019 to 2026 |
//!
//! What is constant about a company (host names, addresses, whether its servers log TLS) or a
//! person (home address, computer) follows from the numbers in the journey, not from the
//! generator: two mails of one sender agree. Companies and homes have addresses from RFC 1918 and
//! from the ranges for documentation (RFC 5737, RFC 3849) alone, so that nobody real is pointed at;
//! the hosts of Google and Microsoft have their own.
//!
//! What it does not do: it signs nothing. `DKIM-Signature`, ARC fields and the like would need the
//! body, and a key that nobody but the provider has.

mod clock;
mod company;
mod constants;
mod dovecot;
mod exchange;
mod gmail;
mod path;
mod postfix;
mod safe;
mod sha1;
#[cfg(test)]
mod tests;

use chrono::{DateTime, FixedOffset, Utc};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use self::company::{Company, Role};
use self::constants::Constants;
use self::path::Path;
use self::postfix::{Client, Postfix};

/// What a message's way follows from.
#[derive(Clone, Copy, Debug)]
pub struct Journey<'a> {
    /// How the sender's client hands it in.
    pub submission: Submission,
    /// Envelope sender.
    pub sender_address: &'a str,
    /// Envelope recipient.
    pub recipient_address: &'a str,
    /// With angle brackets. Exchange's server name is in it, and its form tells mail clients apart.
    pub message_id: &'a str,
    /// Its `Date` header.
    pub date: DateTime<FixedOffset>,
    /// Host that serves the recipient's mailbox, such as `mail01`: bare, or with its domain.
    pub mail_host: &'a str,
    /// Number that everything constant about the mail systems of the sender's company follows
    /// from. The same for everybody in it.
    pub sender_company: u64,
    /// Likewise for the recipient's company.
    pub recipient_company: u64,
    /// Likewise for the sender: home address, computer.
    pub sender_person: u64,
}

/// How a client hands a message in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Submission {
    /// Outlook or its web application, mailbox at Microsoft.
    ExchangeOnline,
    /// The same with an Exchange Server of the company's own.
    ExchangeOnPremises,
    /// Gmail, or Workspace with a domain of its own.
    Gmail,
    /// Authenticated submission (RFC 6409) to the company's own server: Thunderbird, Apple Mail,
    /// Outlook, Evolution, K-9.
    Smtp,
    /// Roundcube on the company's own server.
    Webmail,
    /// `sendmail` on the sender's own computer: mutt.
    LocalSendmail,
}

/// The way a message came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Header lines with CRLF, to be put in front of the message.
    pub header: Vec<u8>,
    /// When it came into the mailbox: the time of the topmost hop, with its fraction of a second.
    /// Before [`Journey::date`] in the rare case that the sender's clock was wrong.
    pub delivered_at: DateTime<Utc>,
}

/// Draws the way that a message came.
///
/// What cannot be written safely is left out: an address that is no plain ASCII mailbox, a host
/// name with anything but letters, digits, dots and hyphens.
pub fn trace(journey: &Journey<'_>, rng: &mut ChaCha8Rng) -> Trace {
    let sender_domain = safe::domain_of(journey.sender_address);
    let recipient_domain = safe::domain_of(journey.recipient_address);
    let internal = sender_domain == recipient_domain;
    let theirs = Company::new(journey.recipient_company, &recipient_domain);
    // One company has one number, should the caller have given it two.
    let ours = if internal {
        theirs.clone()
    } else {
        Company::new(journey.sender_company, &sender_domain)
    };
    let recipient = safe::address(journey.recipient_address);
    let way = Way {
        journey,
        sender: &ours,
        person: Constants::new(journey.sender_person),
        recipient,
        internal,
    };

    // Every recipient's copy was handed in at once, by one clock.
    let handed_in = Constants::new(journey.sender_person)
        .of(journey.message_id)
        .number("handed in");
    let first = clock::first_hop(
        journey.submission,
        journey.date,
        &mut ChaCha8Rng::seed_from_u64(handed_in),
    );
    let mut path = Path::new(first, rng);
    let from = way.leave(&mut path);
    way.arrive(&mut path, &theirs, from);
    path.finish(safe::address(journey.sender_address), recipient)
}

/// Name of the server that Exchange Online passes a message on to inside its region, which its own
/// headers name too; `None` if the Message-ID is of another system.
pub(crate) fn exchange_relay(message_id: &str) -> Option<String> {
    exchange::relay(message_id)
}

/// The four bytes that Dovecot tells a host by in ids: the last ones of the SHA-1 of its name.
pub(crate) fn host_digest(host: &str) -> [u8; 4] {
    let digest = sha1::sha1(host.as_bytes());
    [digest[16], digest[17], digest[18], digest[19]]
}

/// Where a message is once the sender's systems are done with it.
enum Handover {
    /// A client on the Internet has it for the recipient's server.
    Outside(Box<Client>),
    /// The hub of the company, which serves the recipient too, already has it.
    AtHub,
}

/// A journey with what follows from it.
struct Way<'a> {
    journey: &'a Journey<'a>,
    sender: &'a Company,
    person: Constants,
    recipient: Option<&'a str>,
    internal: bool,
}

impl Way<'_> {
    /// The hops on the sender's side.
    fn leave(&self, path: &mut Path<'_>) -> Handover {
        match self.journey.submission {
            Submission::Gmail => {
                let client = gmail::send(path, self.person, self.journey, self.recipient);
                Handover::Outside(Box::new(client))
            }
            Submission::ExchangeOnline => {
                let client = exchange::send_online(path, self.sender, self.journey);
                Handover::Outside(Box::new(client))
            }
            Submission::ExchangeOnPremises => {
                let client = exchange::send_on_premises(path, self.sender, self.journey);
                self.through_hub(path, client)
            }
            Submission::Smtp => {
                let client = postfix::mail_client(path, self.sender, self.person, self.journey);
                self.through_hub(path, client)
            }
            Submission::Webmail => {
                let client = postfix::webmail(self.sender, self.journey);
                self.through_hub(path, client)
            }
            Submission::LocalSendmail => {
                let client = postfix::local_sendmail(path, self.sender, self.person, self.journey);
                self.through_hub(path, client)
            }
        }
    }

    /// Through the company's own server, and its relay if it has one.
    fn through_hub(&self, path: &mut Path<'_>, client: Client) -> Handover {
        let hub = self.sender.server(Role::Hub);
        Postfix::of(self.sender, &hub).receive(path, &client, self.recipient);
        if self.internal {
            return Handover::AtHub;
        }
        path.hop();
        let Some(relay) = self.sender.relay() else {
            return Handover::Outside(Box::new(Client::outside(&hub)));
        };
        let client = Client::inside(&hub);
        Postfix::of(self.sender, &relay).receive(path, &client, self.recipient);
        path.hop();
        Handover::Outside(Box::new(Client::outside(&relay)))
    }

    /// The hops on the recipient's side, down to the mailbox.
    fn arrive(&self, path: &mut Path<'_>, company: &Company, from: Handover) {
        let entry = match from {
            Handover::AtHub => company.server(Role::Hub),
            Handover::Outside(client) => {
                let cloud = matches!(
                    self.journey.submission,
                    Submission::Gmail | Submission::ExchangeOnline
                );
                if !self.internal {
                    path.wait_in_queue(cloud);
                }
                let exchanger = company.server(Role::Exchanger);
                Postfix::of(company, &exchanger).receive(path, &client, self.recipient);
                exchanger
            }
        };
        path.hop();
        let mail_host = company.mail_host(self.journey.mail_host);
        dovecot::deliver(
            path,
            company,
            &entry,
            &mail_host,
            self.journey,
            self.recipient,
        );
    }
}
