//! From a mail to the way it came.

use chrono::{DateTime, FixedOffset};

use crate::ledger::Correspondent;
use crate::mail_client::{MailClient, Sender};
use crate::message::Installation;
use crate::random::{DeploymentSecret, Kind, Purpose, generator, sub_seed};
use crate::trace::{Journey, Trace, trace};

/// A mail on its way to its recipients.
pub(crate) struct Route<'a> {
    pub(crate) secret: &'a DeploymentSecret,
    pub(crate) sender: &'a Correspondent,
    pub(crate) mail_client: &'a dyn MailClient,
    pub(crate) message_id: &'a str,
    pub(crate) sent_at: DateTime<FixedOffset>,
    /// Of the mail.
    pub(crate) seed: u64,
}

impl Route<'_> {
    /// The way to a recipient: the first one has place 0, copies follow.
    pub(crate) fn to(&self, place: usize, recipient: &Correspondent) -> Trace {
        let sender = identity(self.sender, self.secret);
        let address = recipient.persona.email.as_str();
        let seed = sub_seed(self.seed ^ place as u64, Purpose::Trace);
        trace(
            &Journey {
                submission: self.mail_client.submission(&sender),
                sender_address: sender.address,
                recipient_address: address,
                message_id: self.message_id,
                date: self.sent_at,
                mail_host: recipient
                    .home
                    .as_ref()
                    .map_or("", |home| home.decky.name.as_str()),
                sender_company: sender.installation.company,
                recipient_company: company(address, self.secret),
                sender_person: sender.installation.person,
            },
            &mut generator(seed, Purpose::Trace),
        )
    }
}

/// Somebody as a sender of mail.
pub(crate) fn identity<'a>(who: &'a Correspondent, secret: &DeploymentSecret) -> Sender<'a> {
    let address = who.persona.email.as_str();
    Sender {
        address,
        installation: Installation {
            person: secret.number(Kind::Person, address),
            company: company(address, secret),
        },
    }
}

fn company(address: &str, secret: &DeploymentSecret) -> u64 {
    secret.number(
        Kind::Company,
        address.rsplit('@').next().unwrap_or_default(),
    )
}
