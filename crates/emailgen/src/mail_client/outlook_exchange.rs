//! Outlook on Exchange: on a desktop, or on the web and as the new Outlook.

use chrono::{DateTime, FixedOffset};
use rand_chacha::ChaCha8Rng;

use super::Sender;
use super::microsoft::exchange::{self, Preference};
use super::microsoft::web_html::{self, Web};
use super::microsoft::word_html::{self, Word};
use super::microsoft::{self, Above, Body, Coding, Layout};
use super::profile::{Draft, Multipart, Profile, Shape};
use super::random_text::{constant, is_among};
use super::subject::Prefixes;
use super::thread_index::Maker;
use crate::attachment::Attachment;
use crate::message::Installation;
use crate::mime::flowed::{self, Line};
use crate::trace::Submission;

/// People who have Outlook on a desktop, in per cent; the others have it on the web. From the
/// roots of conversations (452 made by a server, 322 by a desktop on usrp-users) and the rules
/// above the history (47 % against 36 %), with a weight to what is read in companies.
const ON_DESKTOP: u64 = 58;

/// People who write plain text, in per cent (7 % of the mails on usrp-users).
const IN_PLAIN_TEXT: u64 = 7;

/// Outlook on Exchange.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OutlookExchange;

impl Profile for OutlookExchange {
    fn name(&self) -> &'static str {
        "outlook-exchange"
    }

    fn submission(&self, sender: &Sender<'_>) -> Submission {
        exchange::submission(sender)
    }

    fn message_id(
        &self,
        sender: &Sender<'_>,
        date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String {
        exchange::message_id(sender, &date, rng)
    }

    fn prefixes(&self, language: &str) -> Prefixes {
        microsoft::prefixes(language)
    }

    fn shape(&self, draft: &Draft<'_>, rng: &mut ChaCha8Rng) -> Shape {
        let installation = draft.message.installation;
        let maker = if on_desktop(installation) {
            Maker::Desktop
        } else {
            Maker::Server
        };
        let shape = exchange::shape(draft, coding(draft), maker, rng);
        if in_plain_text(installation) {
            return Shape { html: &[], ..shape };
        }
        shape
    }

    fn sent_copy(&self, message: &[u8]) -> Vec<u8> {
        exchange::sent_copy(message)
    }

    fn lines<'d>(&self, draft: &'d Draft<'_>) -> Vec<Line<'d>> {
        body(draft).into_lines()
    }

    fn html(&self, draft: &Draft<'_>) -> String {
        let message = draft.message;
        let installation = message.installation;
        let charset = coding(draft).name;
        let language = microsoft::language_tag(message.language, &message.date);
        if on_desktop(installation) {
            let word = Word {
                charset,
                release: 15,
                by_exchange: true,
                aptos: microsoft::has_release(message, "desktop font", 2024),
                is_new: draft.parent().is_none(),
                inches: language == "en-US",
            };
            return word_html::render(&body(draft), &word, &language);
        }
        let web = Web {
            charset,
            element_to_proof: microsoft::has_release(message, "proofing", 2021),
            aptos: microsoft::has_release(message, "web font", 2024),
            append_on_send: is_among(installation.person, "append on send", 68),
            // What the parent's own program wrote.
            renames_classes: draft
                .parent()
                .is_some_and(|parent| is_among(0, parent.message_id, 38)),
            is_phone: false,
        };
        web_html::render(&body(draft), &web)
    }

    fn boundary(&self, draft: &Draft<'_>, multipart: Multipart, _rng: &mut ChaCha8Rng) -> String {
        let has_html = !in_plain_text(draft.message.installation);
        exchange::boundary(draft.message.message_id, multipart, has_html)
    }

    fn attachment_headers(
        &self,
        draft: &Draft<'_>,
        attachment: &Attachment,
        rng: &mut ChaCha8Rng,
    ) -> Vec<(&'static str, String)> {
        exchange::attachment_headers(coding(draft), attachment, &draft.message.date, rng)
    }
}

fn on_desktop(installation: Installation) -> bool {
    is_among(installation.person, "on a desktop", ON_DESKTOP)
}

fn in_plain_text(installation: Installation) -> bool {
    is_among(installation.person, "plain text", IN_PLAIN_TEXT)
}

fn body<'d>(draft: &'d Draft<'_>) -> Body<'d> {
    let installation = draft.message.installation;
    let layout = Layout {
        above: match (on_desktop(installation), in_plain_text(installation)) {
            (false, _) => Above::Rule,
            (true, true) => Above::Title,
            (true, false) => Above::Nothing,
        },
        seconds: false,
        is_old: false,
        footer: None,
    };
    Body::of(draft, layout)
}

/// The character set of the message by its content and the sender's preference, so that of all
/// mails on usrp-users 31 % are in iso-8859-1, 26 % in us-ascii, 26 % in utf-8.
fn coding(draft: &Draft<'_>) -> &'static Coding {
    let person = draft.message.installation.person;
    let preference = match constant(person, "character set") % 100 {
        _ if in_plain_text(draft.message.installation) && is_among(person, "7bit", 43) => {
            Preference::SevenBit
        }
        0..40 => Preference::Latin1,
        40..66 => Preference::UsAscii,
        66..93 => Preference::Utf8,
        _ => Preference::Windows1252,
    };
    let text = flowed::render(&body(draft).into_lines());
    exchange::coding(draft, &text, preference)
}
