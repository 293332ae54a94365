//! Invitations as calendars send them (RFC 5545, RFC 5546).

use chrono::{NaiveTime, TimeDelta, Timelike, Utc};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::{Producer, Subject, figures, file_name, one_of, pdf, some_of, text, zone};

/// Most octets of a line, without its end (RFC 5545, section 3.1).
const LINE_OCTETS: usize = 75;
/// Most bytes of an address: longer ones are no addresses (RFC 5321, section 4.5.3.1).
const ADDRESS_BYTES: usize = 254;

/// Name and bytes of an invitation.
pub(super) fn make(subject: &Subject<'_>, rng: &mut ChaCha8Rng) -> (String, Vec<u8>) {
    let locale = &subject.locale;
    let request = subject.request;
    let zone = zone::named(request.time_zone, &subject.date);
    let sent = subject.date - TimeDelta::seconds(rng.random_range(1..25));
    let stamp = sent
        .with_timezone(&Utc)
        .format("%Y%m%dT%H%M%SZ")
        .to_string();

    let ahead = match rng.random_range(0..10) {
        0..4 => rng.random_range(1..4),
        4..8 => rng.random_range(3..9),
        _ => rng.random_range(8..24),
    };
    let local = subject.date.with_timezone(&zone);
    let day = figures::working_day(local.date_naive() + TimeDelta::days(ahead));
    // Half hours from 9 to 16:30; lunch is left alone.
    let slot = *[18, 19, 20, 20, 21, 22, 22, 23, 28, 29, 30, 30, 31, 32, 33]
        .get(rng.random_range(0..15_usize))
        .unwrap_or(&20);
    let begin = day.and_time(NaiveTime::MIN) + TimeDelta::minutes(slot * 30);
    let minutes = *[30, 30, 30, 60, 60, 60, 60, 45, 90]
        .get(rng.random_range(0..9_usize))
        .unwrap_or(&60);
    let end = begin + TimeDelta::minutes(minutes);
    let local_time = |time: chrono::NaiveDateTime| time.format("%Y%m%dT%H%M%S").to_string();

    let mut lines = vec!["BEGIN:VCALENDAR".to_owned()];
    lines.push(format!("PRODID:{}", program(subject)));
    lines.push("VERSION:2.0".to_owned());
    lines.push("CALSCALE:GREGORIAN".to_owned());
    lines.push("METHOD:REQUEST".to_owned());
    lines.extend(zone::lines(zone, begin));
    lines.push("BEGIN:VEVENT".to_owned());
    lines.push(format!("DTSTART;TZID={zone}:{}", local_time(begin)));
    lines.push(format!("DTEND;TZID={zone}:{}", local_time(end)));
    lines.push(format!("DTSTAMP:{stamp}"));
    lines.push(format!(
        "ORGANIZER;CN={}:{}",
        parameter(&subject.author),
        mailto(request.author_address).unwrap_or_else(|| "mailto:unknown".to_owned())
    ));
    lines.push(format!("UID:{}", uid(subject, rng)));
    let organizer = [(request.author_name, request.author_address)];
    for (index, &(name, address)) in organizer
        .iter()
        .chain(request.recipients.iter().take(super::MAX_PEOPLE))
        .enumerate()
    {
        let Some(mailto) = mailto(address) else {
            continue;
        };
        let answer = if index == 0 {
            "ACCEPTED"
        } else {
            "NEEDS-ACTION"
        };
        lines.push(format!(
            "ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT={answer};RSVP=TRUE;CN={}:{mailto}",
            parameter(&text::person(name, address)),
        ));
    }
    lines.push(format!("CREATED:{stamp}"));
    if rng.random_bool(0.6) {
        let count = rng.random_range(2..5);
        let points = some_of(&locale.words("points"), count, rng);
        let text = format!("{}:\n- {}\n", locale.word("agenda"), points.join("\n- "));
        lines.push(format!("DESCRIPTION:{}", escape(&text)));
    }
    lines.push(format!("LAST-MODIFIED:{stamp}"));
    lines.push(format!(
        "LOCATION:{}",
        escape(one_of(&locale.words("rooms"), rng))
    ));
    lines.push("SEQUENCE:0".to_owned());
    lines.push("STATUS:CONFIRMED".to_owned());
    lines.push(format!("SUMMARY:{}", escape(&subject.title)));
    lines.push("TRANSP:OPAQUE".to_owned());
    lines.push("BEGIN:VALARM".to_owned());
    lines.push("ACTION:DISPLAY".to_owned());
    lines.push("DESCRIPTION:REMINDER".to_owned());
    lines.push("TRIGGER:-PT15M".to_owned());
    lines.push("END:VALARM".to_owned());
    lines.push("END:VEVENT".to_owned());
    lines.push("END:VCALENDAR".to_owned());

    let mut bytes = Vec::new();
    for line in &lines {
        fold(line, &mut bytes);
    }
    // Outlook, Google and Apple name the file, Thunderbird too; some people save and rename it.
    let name = if rng.random_bool(0.85) {
        "invite".to_owned()
    } else {
        locale.word("invite").to_owned()
    };
    (file_name::finish(&name, "ics"), bytes)
}

/// What calendars of this kind of computer call themselves.
fn program(subject: &Subject<'_>) -> String {
    match subject.request.producer {
        Producer::Word | Producer::Excel => "Microsoft Exchange Server 2010".to_owned(),
        Producer::LibreOffice => "-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN".to_owned(),
        Producer::MacQuartz => {
            // "macOS Version 15.5 (Build 24F74) Quartz PDFContext".
            let system = pdf::program(subject);
            let version = system.split(' ').nth(2).unwrap_or_default();
            format!("-//Apple Inc.//macOS {version}//EN")
        }
        Producer::GoogleDocs => "-//Google Inc//Google Calendar 70.9054//EN".to_owned(),
    }
}

/// An identifier in the form of the same program.
fn uid(subject: &Subject<'_>, rng: &mut ChaCha8Rng) -> String {
    let [high, low]: [u64; 2] = [rng.random(), rng.random()];
    // Version 4 of RFC 9562.
    let uuid = format!(
        "{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        8 + (low >> 62),
        low >> 48 & 0xfff,
        low & 0xffff_ffff_ffff
    );
    match subject.request.producer {
        // A global object id (MS-OXOCAL 2.2.1.27): class, no exception, creation time, data.
        Producer::Word | Producer::Excel => {
            let ticks = (subject.date.timestamp() + 11_644_473_600) * 10_000_000
                + i64::from(subject.date.nanosecond() / 100);
            let time: String = ticks
                .to_le_bytes()
                .iter()
                .map(|byte| format!("{byte:02X}"))
                .collect();
            format!(
                "040000008200E00074C5B7101A82E00800000000{time}000000000000000010000000{high:016X}{low:016X}"
            )
        }
        Producer::LibreOffice => uuid,
        Producer::MacQuartz => uuid.to_uppercase(),
        Producer::GoogleDocs => {
            let letters = b"0123456789abcdefghijklmnopqrstuv";
            let id: String = (0..26)
                .map(|_| {
                    let digit = rng.random_range(0..letters.len());
                    char::from(letters.get(digit).copied().unwrap_or(b'0'))
                })
                .collect();
            format!("{id}@google.com")
        }
    }
}

/// A parameter value. Quotation marks cannot be in one.
fn parameter(text: &str) -> String {
    let text: String = text
        .chars()
        .filter(|c| !c.is_control())
        .map(|c| if c == '"' { '\'' } else { c })
        .collect();
    if text.contains([',', ';', ':']) {
        format!("\"{text}\"")
    } else {
        text
    }
}

/// An address as URI (RFC 6068), or nothing if it is no address.
fn mailto(address: &str) -> Option<String> {
    if address.len() > ADDRESS_BYTES || !address.contains('@') {
        return None;
    }
    let mut uri = "mailto:".to_owned();
    for c in address.trim().chars() {
        if c.is_control() || c.is_whitespace() {
            return None;
        }
        if c.is_ascii_alphanumeric() || "@.-_+!#$'*/=^{}|~".contains(c) || !c.is_ascii() {
            uri.push(c);
        } else {
            uri.push_str(&format!("%{:02X}", u32::from(c)));
        }
    }
    Some(uri)
}

/// A text value (RFC 5545, section 3.3.11).
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("\\n"),
            '\\' | ';' | ',' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c if c.is_control() => {}
            c => escaped.push(c),
        }
    }
    escaped
}

/// Writes a line, folded between characters.
fn fold(line: &str, bytes: &mut Vec<u8>) {
    let mut octets = 0;
    for c in line.chars() {
        if octets + c.len_utf8() > LINE_OCTETS {
            bytes.extend(b"\r\n ");
            octets = 1;
        }
        octets += c.len_utf8();
        bytes.extend(c.encode_utf8(&mut [0; 4]).bytes());
    }
    bytes.extend(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_characters_are_escaped() {
        assert_eq!(escape("a;b,c\\d\ne\r"), "a\\;b\\,c\\\\d\\ne");
        assert_eq!(parameter("Ruiz, \"Ana\":x\r\n"), "\"Ruiz, 'Ana':x\"");
        assert_eq!(mailto("ana\r\n@corp.example"), None);
        assert_eq!(mailto("ana"), None);
        assert_eq!(
            mailto("a?b&c:d@corp.example").as_deref(),
            Some("mailto:a%3Fb%26c%3Ad@corp.example")
        );
    }

    #[test]
    fn lines_are_folded_between_characters() {
        let mut bytes = Vec::new();
        fold(&"é".repeat(100), &mut bytes);
        let text = String::from_utf8(bytes).expect("utf-8");
        assert!(text.split("\r\n").all(|line| line.len() <= LINE_OCTETS));
        assert_eq!(text.replace("\r\n ", "").trim_end(), "é".repeat(100));
    }
}
