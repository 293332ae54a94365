//! Mail clients: each gives a message the shape that its own users' mail has.
//!
//! Adding one takes a file here, with a type that implements [`MailClient`], and a line in [`ALL`].

pub mod thunderbird;

use chrono::{DateTime, FixedOffset};
use rand_chacha::ChaCha8Rng;

use crate::message::{ComposeError, ComposedMessage, Message};

/// Gives messages their shape.
///
/// An implementation is a pure function of its arguments: the same message and a generator in the
/// same state give the same bytes. It never reads the clock, the environment, the host name or any
/// other source of randomness. What is constant for one person (composes HTML or not, quotes all
/// or little) follows from the sender's address, and so it stays the same from mail to mail.
///
/// For every message, `compose` either returns bytes that a strict parser reads back as the same
/// people, subject and text, or an error that names the field it cannot write:
///
/// * The header block has no line that the message's fields did not ask for: a control character
///   in a name, an address, a subject or an id is an error.
/// * Names are read back with single spaces, subjects without white space around them.
/// * Text is read back with `\n` line ends, and without blanks at the end of lines, empty lines at
///   its end, and control characters other than tabs.
/// * Every line ends in CRLF and has at most 998 octets (RFC 5322 §2.1.1).
pub trait MailClient: Send + Sync {
    /// Its name in configuration and in the catalogue: lower-case ASCII.
    fn name(&self) -> &'static str;

    /// A new id with angle brackets, in the client's own form.
    ///
    /// Called when a mail is planned, before its text exists, so that the plan can be stored and
    /// carried out again under the same id. `date` is when the mail will be sent: some clients
    /// write it into the id.
    fn message_id(
        &self,
        sender_address: &str,
        date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String;

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
}

/// Every built-in mail client, most used first.
pub static ALL: &[&dyn MailClient] = &[&thunderbird::Thunderbird];

/// The built-in client of that [name](MailClient::name).
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn MailClient> {
    ALL.iter().copied().find(|client| client.name() == name)
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
