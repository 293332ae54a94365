//! Mail clients: each gives a message the shape that its own users' mail has.
//!
//! Adding one takes a file here, with a type that implements `profile::Profile`, a line in
//! [`ALL`], and a fixture in `tests/fixtures`.

mod apple;
mod apple_mail;
pub mod choice;
mod evolution;
mod file_name;
mod gmail;
mod history;
mod html;
mod iphone;
mod iphone_exchange;
mod k9;
mod layout;
mod microsoft;
mod mutt;
mod outlook;
mod outlook_exchange;
mod outlook_mobile;
mod profile;
mod random_text;
mod release;
mod roundcube;
mod subject;
mod thread_index;
mod thunderbird;
mod words;

use chrono::{DateTime, FixedOffset};
use rand_chacha::ChaCha8Rng;

use crate::message::{ComposeError, ComposedMessage, Installation, Message};
use crate::trace::Submission;

/// Gives messages their shape.
///
/// An implementation is a pure function of its arguments: the same message and a generator in the
/// same state give the same bytes. It never reads the clock, the environment, the host name or any
/// other source of randomness. What is constant for one person (composes HTML or not, quotes all
/// or little) follows from the [`Installation`], and so it stays the same from mail to mail.
///
/// For every message, `compose` either returns bytes that a strict parser reads back as the same
/// people, subject and text, or an error that names the field it cannot write:
///
/// * The header block has no line that the message's fields did not ask for: a control character
///   in a name, an address, a subject or an id is an error.
/// * Names are read back with single spaces, subjects without white space around them.
/// * Text is read back with `\n` line ends, and without blanks at the end of lines, empty lines at
///   its end, and control characters other than tabs; where the client wraps, its lines may be
///   broken at spaces.
/// * Every line ends in CRLF and has at most 998 octets (RFC 5322 §2.1.1).
pub trait MailClient: Send + Sync {
    /// Its name in configuration and in the catalogue: lower-case ASCII.
    fn name(&self) -> &'static str;

    /// How it hands in what it sends.
    fn submission(&self, sender: &Sender<'_>) -> Submission;

    /// A new id with angle brackets, in the client's own form.
    ///
    /// Called when a mail is planned, before its text exists, so that the plan can be stored and
    /// carried out again under the same id. `date` is when the mail will be sent: some clients
    /// write it into the id.
    fn message_id(
        &self,
        sender: &Sender<'_>,
        date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String;

    /// The subject of an answer, in the form of the client in that language.
    fn reply_subject(&self, parent_subject: &str, language: &str) -> String;

    /// The subject of a forward.
    fn forward_subject(&self, parent_subject: &str, language: &str) -> String;

    /// The whole message.
    ///
    /// # Errors
    ///
    /// [`ComposeError::InvalidField`] when a field holds what no message may hold.
    fn compose(
        &self,
        message: &Message<'_>,
        rng: &mut ChaCha8Rng,
    ) -> Result<ComposedMessage, ComposeError>;

    /// The message as it is saved among the drafts of the sender, on the mail server `host`: with
    /// headers that only drafts have, where they are known, and else as it would be sent.
    ///
    /// # Errors
    ///
    /// As [`compose`](MailClient::compose).
    fn compose_draft(
        &self,
        message: &Message<'_>,
        host: &str,
        rng: &mut ChaCha8Rng,
    ) -> Result<ComposedMessage, ComposeError>;

    /// What the sender keeps of a message that it composed: the same bytes, without the headers
    /// that their own servers add once it is on its way.
    fn sent_copy(&self, message: &[u8]) -> Vec<u8>;
}

/// Who sends, as far as it shows outside the text.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// Address (RFC 5321 mailbox).
    pub address: &'a str,
    /// Their mail program.
    pub installation: Installation,
}

impl Sender<'_> {
    /// The domain of the address.
    pub(crate) fn domain(&self) -> &str {
        self.address.rsplit('@').next().unwrap_or_default()
    }
}

/// Every built-in mail client, most used first.
pub static ALL: &[&dyn MailClient] = &[
    &gmail::Gmail,
    &outlook_exchange::OutlookExchange,
    &thunderbird::Thunderbird,
    &outlook::Outlook,
    &outlook_mobile::OutlookMobile,
    &iphone::IPhone,
    &iphone_exchange::IPhoneExchange,
    &apple_mail::AppleMail,
    &roundcube::Roundcube,
    &evolution::Evolution,
    &mutt::Mutt,
    &k9::K9,
];

/// The built-in client of that [name](MailClient::name).
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn MailClient> {
    ALL.iter().copied().find(|client| client.name() == name)
}

impl<P: profile::Profile> MailClient for P {
    fn name(&self) -> &'static str {
        profile::Profile::name(self)
    }

    fn submission(&self, sender: &Sender<'_>) -> Submission {
        profile::Profile::submission(self, sender)
    }

    fn message_id(
        &self,
        sender: &Sender<'_>,
        date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String {
        profile::Profile::message_id(self, sender, date, rng)
    }

    fn reply_subject(&self, parent_subject: &str, language: &str) -> String {
        self.prefixes(language).reply(parent_subject)
    }

    fn forward_subject(&self, parent_subject: &str, language: &str) -> String {
        self.prefixes(language).forward(parent_subject)
    }

    fn compose(
        &self,
        message: &Message<'_>,
        rng: &mut ChaCha8Rng,
    ) -> Result<ComposedMessage, ComposeError> {
        profile::compose(self, message, None, rng)
    }

    fn compose_draft(
        &self,
        message: &Message<'_>,
        host: &str,
        rng: &mut ChaCha8Rng,
    ) -> Result<ComposedMessage, ComposeError> {
        profile::compose(self, message, Some(host), rng)
    }

    fn sent_copy(&self, message: &[u8]) -> Vec<u8> {
        profile::Profile::sent_copy(self, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found() {
        for client in ALL {
            let found = by_name(client.name()).map(MailClient::name);
            assert_eq!(found, Some(client.name()));
            assert_eq!(
                ALL.iter()
                    .filter(|other| other.name() == client.name())
                    .count(),
                1
            );
        }
        assert!(by_name("pine").is_none());
    }
}
