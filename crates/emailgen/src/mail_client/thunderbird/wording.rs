//! What the program itself says in a message, in the language of its user.

use chrono::{DateTime, FixedOffset};

use super::super::history::name_and_address;
use super::super::random_text::constant;
use super::super::words::Words;
use crate::message::{Installation, Mailbox, ParentMessage};
use crate::mime::header::collapse;

/// The attribution line in the language and the clock of the one who answers: no weekday, no
/// address. How dates are written is a setting of the person's desktop, and not always that of the
/// language: ISO dates are met everywhere.
pub(super) fn attribution(
    words: Words,
    installation: Installation,
    date: &DateTime<FixedOffset>,
    author: &Mailbox<'_>,
) -> String {
    let name = collapse(author.name);
    let name = if name.is_empty() {
        author.address.to_owned()
    } else {
        name
    };
    let choice = constant(installation.person, "date format") % 100;
    let (day, time) = match (words, choice) {
        (Words::American, ..94) => ("%-m/%-d/%y", "%-I:%M %p"),
        (Words::English, ..60) => ("%d/%m/%Y", "%H:%M"),
        (Words::English, 60..88) => ("%d.%m.%y", "%H:%M"),
        (Words::Spanish, ..75) => ("%-d/%-m/%y", "%-H:%M"),
        (Words::Spanish, 75..94) => ("%d/%m/%Y", "%H:%M"),
        (Words::German, ..70) => ("%d.%m.%y", "%H:%M"),
        (Words::German, 70..95) => ("%d.%m.%Y", "%H:%M"),
        (Words::French | Words::Italian | Words::Portuguese, ..93) => ("%d/%m/%Y", "%H:%M"),
        (Words::Dutch, ..93) => ("%d-%m-%Y", "%H:%M"),
        _ => ("%Y-%m-%d", "%H:%M"),
    };
    let (day, time) = (date.format(day), date.format(time));
    match words {
        Words::American | Words::English => format!("On {day} {time}, {name} wrote:"),
        Words::Spanish => format!("El {day} a las {time}, {name} escribió:"),
        Words::German => format!("Am {day} um {time} schrieb {name}:"),
        Words::French => format!("Le {day} à {time}, {name} a écrit :"),
        Words::Italian => format!("Il {day} {time}, {name} ha scritto:"),
        Words::Portuguese => format!("Em {day} {time}, {name} escreveu:"),
        Words::Dutch => format!("Op {day} om {time} schreef {name}:"),
    }
}

/// Characters that put a name between quotes (RFC 5322 §3.2.3).
const SPECIALS: [char; 10] = ['(', ')', ',', '.', ':', ';', '<', '>', '@', '"'];

/// What stands above a forward: the title, and labels (colon included) with their values.
pub(super) fn forward_block(
    words: Words,
    parent: &ParentMessage<'_>,
) -> (&'static str, Vec<(&'static str, String)>) {
    let (title, labels) = match words {
        Words::American | Words::English => (
            "-------- Forwarded Message --------",
            ["Subject:", "Date:", "From:", "To:", "CC:"],
        ),
        Words::Spanish => (
            "-------- Mensaje reenviado --------",
            ["Asunto:", "Fecha:", "De:", "Para:", "CC:"],
        ),
        Words::German => (
            "-------- Weitergeleitete Nachricht --------",
            ["Betreff:", "Datum:", "Von:", "An:", "Kopie (CC):"],
        ),
        Words::French => (
            "-------- Message transféré --------",
            ["Sujet :", "Date :", "De :", "Pour :", "Copie à :"],
        ),
        Words::Italian => (
            "-------- Messaggio Inoltrato --------",
            ["Oggetto:", "Data:", "Mittente:", "A:", "CC:"],
        ),
        Words::Portuguese => (
            "-------- Mensagem encaminhada --------",
            ["Assunto:", "Data:", "De:", "Para:", "CC:"],
        ),
        Words::Dutch => (
            "-------- Doorgestuurd bericht --------",
            ["Onderwerp:", "Datum:", "Van:", "Aan:", "CC:"],
        ),
    };
    // The header as it was sent, its quotes included.
    let list = |people: &[Mailbox<'_>]| {
        let people = people.iter().map(|person| {
            let shown = name_and_address(person);
            match shown.rsplit_once(" <") {
                Some((name, address)) if name.contains(SPECIALS) => {
                    format!("\"{}\" <{address}", name.replace('"', "\\\""))
                }
                _ => shown,
            }
        });
        people.collect::<Vec<_>>().join(", ")
    };
    let date = parent.date.format("%a, %-d %b %Y %H:%M:%S %z").to_string();
    let values = [
        parent.subject.trim().to_owned(),
        date,
        list(&[parent.author]),
        list(parent.to),
        list(parent.cc),
    ];
    let lines = labels.into_iter().zip(values);
    (
        title,
        lines.filter(|(_, value)| !value.is_empty()).collect(),
    )
}

/// The tag of the spelling dictionary that a user with this language has.
pub(super) fn content_language(language: &str) -> String {
    let mut parts = language.split(['-', '_']);
    let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
    let region = parts
        .next()
        .filter(|r| r.len() == 2 && r.bytes().all(|b| b.is_ascii_alphabetic()));
    let default_region = match tag.as_str() {
        "es" => "ES",
        "de" => "DE",
        "it" => "IT",
        "pt" => "BR",
        "pl" => "PL",
        "ru" => "RU",
        "sv" => "SE",
        // These dictionaries are named by their language alone.
        "fr" | "nl" => return tag,
        "en" => "US",
        _ => return "en-US".to_owned(),
    };
    format!(
        "{tag}-{}",
        region.unwrap_or(default_region).to_ascii_uppercase()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributions_follow_language_clock_and_person() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap_or_default();
        let ana = Mailbox {
            name: "Ana",
            address: "ana@corp.example",
        };
        let all = |language: &str, date: &str| -> Vec<String> {
            let date = at(date);
            let of = |person| {
                let words = Words::of(language, &date);
                attribution(words, Installation { person, company: 0 }, &date, &ana)
            };
            (0..100).map(of).collect()
        };
        for (language, date, expected) in [
            (
                "en",
                "2019-07-24T16:39:00-05:00",
                "On 7/24/19 4:39 PM, Ana wrote:",
            ),
            (
                "en-GB",
                "2019-07-24T16:39:00+02:00",
                "On 24/07/2019 16:39, Ana wrote:",
            ),
            (
                "xx",
                "2019-07-24T16:39:00+02:00",
                "On 24.07.19 16:39, Ana wrote:",
            ),
            (
                "en",
                "2019-07-24T16:39:00+02:00",
                "On 2019-07-24 16:39, Ana wrote:",
            ),
            (
                "es",
                "2019-07-24T16:39:00+02:00",
                "El 24/7/19 a las 16:39, Ana escribió:",
            ),
            (
                "de_AT",
                "2019-07-24T16:39:00+02:00",
                "Am 24.07.19 um 16:39 schrieb Ana:",
            ),
            (
                "fr",
                "2019-07-24T16:39:00+02:00",
                "Le 24/07/2019 à 16:39, Ana a écrit :",
            ),
        ] {
            assert!(
                all(language, date).iter().any(|line| line == expected),
                "{expected}"
            );
        }
    }

    #[test]
    fn dictionaries_have_their_names() {
        for (language, expected) in [
            ("en", "en-US"),
            ("en-GB", "en-GB"),
            ("es", "es-ES"),
            ("de_at", "de-AT"),
            ("fr", "fr"),
            ("tlh", "en-US"),
            ("", "en-US"),
            ("es\r\nBcc: x@y.z", "en-US"),
        ] {
            assert_eq!(content_language(language), expected);
        }
    }
}
