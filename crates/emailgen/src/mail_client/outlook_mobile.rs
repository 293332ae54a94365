//! Outlook on phones, on Exchange.

use chrono::{DateTime, Datelike, FixedOffset};
use rand_chacha::ChaCha8Rng;

use super::Sender;
use super::microsoft::exchange::{self, Preference};
use super::microsoft::web_html::{self, Web};
use super::microsoft::{self, Above, Body, Coding, Footer, Layout};
use super::profile::{Draft, Multipart, Profile, Shape};
use super::random_text::{constant, is_among};
use super::subject::Prefixes;
use super::thread_index::Maker;
use super::words::Words;
use crate::attachment::Attachment;
use crate::mime::flowed::{self, Line};
use crate::trace::Submission;

/// People who leave the line that the program comes with, in per cent (usrp-users).
const WITH_FOOTER: u64 = 78;

/// People whose program writes the seconds of the parent's date, in per cent (33 of 50 there).
const WITH_SECONDS: u64 = 66;

/// Outlook for iOS and for Android.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OutlookMobile;

impl Profile for OutlookMobile {
    fn name(&self) -> &'static str {
        "outlook-mobile"
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

    /// As on a desktop, but for English: `Re:` and `Fw:`.
    fn prefixes(&self, language: &str) -> Prefixes {
        let prefixes = microsoft::prefixes(language);
        if (prefixes.reply, prefixes.forward) == ("RE:", "FW:") {
            return Prefixes {
                reply: "Re:",
                forward: "Fw:",
                ..prefixes
            };
        }
        prefixes
    }

    fn shape(&self, draft: &Draft<'_>, rng: &mut ChaCha8Rng) -> Shape {
        exchange::shape(draft, coding(draft), Maker::Server, rng)
    }

    fn sent_copy(&self, message: &[u8]) -> Vec<u8> {
        exchange::sent_copy(message)
    }

    fn lines<'d>(&self, draft: &'d Draft<'_>) -> Vec<Line<'d>> {
        body(draft).into_lines()
    }

    fn html(&self, draft: &Draft<'_>) -> String {
        let web = Web {
            charset: coding(draft).name,
            element_to_proof: false,
            aptos: false,
            append_on_send: false,
            renames_classes: draft
                .parent()
                .is_some_and(|parent| is_among(0, parent.message_id, 38)),
            is_phone: true,
        };
        web_html::render(&body(draft), &web)
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

fn body<'d>(draft: &'d Draft<'_>) -> Body<'d> {
    let person = draft.message.installation.person;
    let words = Words::of(draft.message.language, &draft.message.date);
    let footer = is_among(person, "mobile footer", WITH_FOOTER).then(|| {
        if is_among(person, "Android", 30) {
            android_footer(words, draft.message.date.year())
        } else {
            ios_footer(words)
        }
    });
    let layout = Layout {
        above: Above::Rule,
        seconds: is_among(person, "seconds", WITH_SECONDS),
        is_old: false,
        footer,
    };
    Body::of(draft, layout)
}

fn ios_footer(words: Words) -> Footer {
    let (before, link, after) = match words {
        Words::English | Words::American => ("Get ", "Outlook for iOS", ""),
        Words::Spanish => ("Obtener ", "Outlook para iOS", ""),
        Words::German => ("", "Outlook für iOS", " beziehen"),
        Words::French => ("Obtenir ", "Outlook pour iOS", ""),
        Words::Italian => ("Ottieni ", "Outlook per iOS", ""),
        Words::Portuguese => ("Obter o ", "Outlook para iOS", ""),
        Words::Dutch => ("", "Outlook voor iOS", " downloaden"),
    };
    Footer {
        before,
        link,
        after,
        address: "https://aka.ms/o0ukef",
    }
}

fn android_footer(words: Words, year: i32) -> Footer {
    let (before, link, after) = match words {
        Words::English | Words::American => ("Get ", "Outlook for Android", ""),
        Words::Spanish => ("Obtener ", "Outlook para Android", ""),
        Words::German => ("", "Outlook für Android", " beziehen"),
        Words::French => ("Obtenir ", "Outlook pour Android", ""),
        Words::Italian => ("Ottieni ", "Outlook per Android", ""),
        Words::Portuguese => ("Obter o ", "Outlook para Android", ""),
        Words::Dutch => ("", "Outlook voor Android", " downloaden"),
    };
    Footer {
        before,
        link,
        after,
        // The link was changed near the end of 2020.
        address: if year < 2021 {
            "https://aka.ms/ghei36"
        } else {
            "https://aka.ms/AAb9ysg"
        },
    }
}

/// Windows-1252 in 65 % of the mails on usrp-users.
fn coding(draft: &Draft<'_>) -> &'static Coding {
    let person = draft.message.installation.person;
    let preference = match constant(person, "mobile character set") % 100 {
        0..65 => Preference::Windows1252,
        65..82 => Preference::UsAscii,
        82..94 => Preference::Latin1,
        _ => Preference::Utf8,
    };
    let text = flowed::render(&body(draft).into_lines());
    exchange::coding(draft, &text, preference)
}
