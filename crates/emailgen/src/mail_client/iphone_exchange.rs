//! Mail on the iPhone with an Exchange account: what is read is the phone's, what carries it the
//! server's.
//!
//! The phone hands its mail in over ActiveSync, with an id of its own, and the server builds the
//! message. So the id is not of the form that Exchange gives: 2 % of the mail of usrp-users has an
//! id that its mailer does not make.

use chrono::{DateTime, FixedOffset};
use rand_chacha::ChaCha8Rng;

use super::Sender;
use super::iphone::IPhone;
use super::microsoft::Coding;
use super::microsoft::exchange::{self, Preference};
use super::profile::{Draft, Multipart, Profile, Shape};
use super::subject::Prefixes;
use super::thread_index::Maker;
use crate::attachment::Attachment;
use crate::mime::flowed::{self, Line};
use crate::trace::Submission;

/// Mail on the iPhone, with the company's Exchange.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IPhoneExchange;

impl Profile for IPhoneExchange {
    fn name(&self) -> &'static str {
        "iphone-exchange"
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
        IPhone.message_id(sender, date, rng)
    }

    fn prefixes(&self, language: &str) -> Prefixes {
        IPhone.prefixes(language)
    }

    fn shape(&self, draft: &Draft<'_>, rng: &mut ChaCha8Rng) -> Shape {
        exchange::shape(draft, coding(draft), Maker::Server, rng)
    }

    fn sent_copy(&self, message: &[u8]) -> Vec<u8> {
        exchange::sent_copy(message)
    }

    fn lines<'d>(&self, draft: &'d Draft<'_>) -> Vec<Line<'d>> {
        IPhone.lines(draft)
    }

    fn html(&self, draft: &Draft<'_>) -> String {
        IPhone.html(draft)
    }

    fn boundary(&self, draft: &Draft<'_>, multipart: Multipart, _rng: &mut ChaCha8Rng) -> String {
        exchange::boundary(draft.message.message_id, multipart, true)
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

fn coding(draft: &Draft<'_>) -> &'static Coding {
    let text = flowed::render(&IPhone.lines(draft));
    exchange::coding(draft, &text, Preference::UsAscii)
}
