//! Gmail on the web and on phones; both look the same from outside.

use chrono::{DateTime, Datelike, FixedOffset};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::Sender;
use super::history::{self, Habit, name_and_address};
use super::html::{escape, escaped, runs};
use super::profile::{
    Draft, Field, Multipart, Profile, Shape, TextEncoding, Transfer, Wrap, parameter,
};
use super::random_text::{constant, is_among};
use super::subject::Prefixes;
use super::words::Words;
use crate::attachment::Attachment;
use crate::message::{Mailbox, ParentMessage};
use crate::mime::charset::Charset;
use crate::mime::flowed::{Line, SIGNATURE_SEPARATOR};
use crate::mime::header::{self, HeaderStyle, collapse};
use crate::trace::Submission;

/// Headers of every mail; those of a thread are left out in its first one.
const HEADERS: &[(&str, Field)] = &[
    ("MIME-Version", Field::Fixed("1.0")),
    ("References", Field::References),
    ("In-Reply-To", Field::InReplyTo),
    ("From", Field::From),
    ("Date", Field::Date),
    ("Message-ID", Field::MessageId),
    ("Subject", Field::Subject),
    ("To", Field::Value(0)),
    ("Cc", Field::Value(1)),
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
];

const UTF_8: &str = "; charset=\"UTF-8\"";
const TEXT: &[TextEncoding] = &[
    TextEncoding {
        charset: Charset::Ascii,
        parameters: UTF_8,
        transfer: Transfer::Undeclared,
    },
    TextEncoding {
        charset: Charset::Utf8,
        parameters: UTF_8,
        transfer: Transfer::QuotedPrintable(76),
    },
];

/// Column at which the text is broken.
const WRAP_AT: usize = 76;

/// First year in which the space before AM and PM is U+202F (0 of 2,600 mails before, all after).
const NARROW_SPACE_SINCE: i32 = 2023;

/// Gmail.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gmail;

impl Profile for Gmail {
    fn name(&self) -> &'static str {
        "gmail"
    }

    fn submission(&self, _sender: &Sender<'_>) -> Submission {
        Submission::Gmail
    }

    /// `C` and 37 octets: a zero, four that are always the same for an account, and a hash. So ids
    /// start with `CA` and five letters by which people know each other's, and end with one of
    /// four (of 20 public ids of 2014 to 2026, all do).
    fn message_id(
        &self,
        sender: &Sender<'_>,
        _date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String {
        let account = constant(sender.installation.person, "Gmail account") as u32;
        let mut octets = [0; 37];
        octets[1..5].copy_from_slice(&account.to_be_bytes());
        rng.fill(&mut octets[5..]);
        format!("<C{}@mail.gmail.com>", unambiguous_base64(&octets))
    }

    fn prefixes(&self, _language: &str) -> Prefixes {
        Prefixes::PLAIN
    }

    fn shape(&self, draft: &Draft<'_>, _rng: &mut ChaCha8Rng) -> Shape {
        // People stand on lines of their own, with a space before the fold and a tab behind it.
        let people = |name, people: &[Mailbox<'_>]| {
            header::mailboxes(name, people, &HeaderStyle::PLAIN).replace(",\r\n ", ", \r\n\t")
        };
        Shape {
            headers: HEADERS,
            values: vec![
                people("To", draft.message.to),
                people("Cc", draft.message.cc),
            ],
            header_style: HeaderStyle::PLAIN,
            date_format: "%a, %-d %b %Y %H:%M:%S %z",
            date_in_utc: false,
            text: TEXT,
            html: if writes_plain(draft) { &[] } else { TEXT },
            wrap: Wrap::At(WRAP_AT),
            boundary_separator: " ",
            quotes_boundary: true,
            multipart_encoding: None,
            preamble: "",
            thread_index: None,
        }
    }

    fn lines<'d>(&self, draft: &'d Draft<'_>) -> Vec<Line<'d>> {
        let mut lines: Vec<Line<'d>> = draft.text.split('\n').map(Line::own).collect();
        let signing = Signing::of(draft);
        let sign = |lines: &mut Vec<Line<'d>>| {
            lines.push(Line::own(""));
            if signing == Signing::AtTheEnd {
                lines.push(Line::own(SIGNATURE_SEPARATOR));
            }
            lines.extend(draft.signature.split('\n').map(Line::own));
        };
        if signing == Signing::BelowText || signing == Signing::ByHand {
            sign(&mut lines);
        }
        if let Some(parent) = quoted_parent(draft) {
            lines.push(Line::own(""));
            if draft.is_forward() {
                lines.extend(forward_block(draft, parent).into_iter().map(Line::made));
                lines.push(Line::own(""));
                lines.push(Line::own(""));
                lines.extend(history::kept(&draft.parent_text));
            } else {
                lines.push(Line::made(attribution(draft, parent)));
                if !writes_plain(draft) {
                    lines.push(Line::own(""));
                }
                lines.extend(history::quote(&draft.parent_text, Habit::Untrimmed));
            }
        }
        if signing == Signing::AtTheEnd {
            sign(&mut lines);
        }
        lines
    }

    fn html(&self, draft: &Draft<'_>) -> String {
        let mut out = String::with_capacity(4096);
        out.push_str("<div dir=\"ltr\">");
        let mut lines: Vec<Line<'_>> = draft.text.split('\n').map(Line::own).collect();
        let signing = Signing::of(draft);
        if signing == Signing::ByHand {
            lines.push(Line::own(""));
            lines.extend(draft.signature.split('\n').map(Line::own));
        }
        divs(&lines, &mut out);
        let parent = quoted_parent(draft);
        if signing == Signing::BelowText || signing == Signing::AtTheEnd && parent.is_none() {
            sign_html(draft, signing, &mut out);
        }
        out.push_str("</div>");
        if let Some(parent) = parent {
            quoted_html(draft, parent, &mut out);
            if signing == Signing::AtTheEnd {
                sign_html(draft, signing, &mut out);
            }
        }
        out.push('\n');
        out
    }

    /// 28 hexadecimal digits: twelve zeros, a random number, and the time in units of 65.536 ms.
    /// Of two in one message, the inner one is made a little earlier.
    fn boundary(&self, draft: &Draft<'_>, multipart: Multipart, _rng: &mut ChaCha8Rng) -> String {
        let number = constant(fold(draft.message.message_id), "boundary");
        let sent = u64::try_from(draft.message.date.timestamp()).unwrap_or_default();
        let mut time = (sent * 1_000_000 + number % 2_000_000) >> 16;
        let mut random = number >> 40;
        let has_files = !draft.message.attachments.is_empty();
        if has_files && multipart == Multipart::Alternative {
            time = time.saturating_sub(1 + number % 2);
            random ^= 1 + (number >> 8) % 31;
        }
        format!("000000000000{random:06x}{:010x}", time & 0xff_ffff_ffff)
    }

    fn attachment_headers(
        &self,
        draft: &Draft<'_>,
        attachment: &Attachment,
        rng: &mut ChaCha8Rng,
    ) -> Vec<(&'static str, String)> {
        let mut parts = attachment.media_type.split(';').map(str::trim);
        let mut media_type = parts.next().unwrap_or_default().to_owned();
        if media_type.starts_with("text/") {
            media_type.push_str(if attachment.bytes.is_ascii() {
                "; charset=\"US-ASCII\""
            } else {
                "; charset=\"UTF-8\""
            });
        }
        for rest in parts.filter(|rest| !rest.to_ascii_lowercase().starts_with("charset")) {
            media_type.push_str("; ");
            media_type.push_str(rest);
        }
        // The time at which the file was put in, in milliseconds, and its place.
        let place = draft.message.attachments.iter();
        let place = place
            .take_while(|other| !std::ptr::eq(*other, attachment))
            .count();
        let sent = u64::try_from(draft.message.date.timestamp()).unwrap_or_default();
        let time = (sent * 1000).saturating_sub(rng.random_range(4_000..400_000));
        let id = format!("f_{}{place}", base36(time));
        vec![
            (
                "Content-Type",
                format!("{media_type}; {}", parameter("name", &attachment.file_name)),
            ),
            (
                "Content-Disposition",
                format!(
                    "attachment; {}",
                    parameter("filename", &attachment.file_name)
                ),
            ),
            ("Content-Transfer-Encoding", "base64".to_owned()),
            ("Content-ID", format!("<{id}>")),
            ("X-Attachment-Id", id),
        ]
    }
}

/// Base64 in the alphabet of Gmail's ids, which has neither `I` nor `l`, without padding.
fn unambiguous_base64(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGH+JKLMNOPQRSTUVWXYZabcdefghijk=mnopqrstuvwxyz0123456789-_";
    let mut text = String::with_capacity(octets.len() * 4 / 3 + 1);
    let (mut bits, mut count) = (0_u32, 0);
    for &octet in octets {
        bits = bits << 8 | u32::from(octet);
        count += 8;
        while count >= 6 {
            count -= 6;
            text.push(char::from(ALPHABET[(bits >> count & 63) as usize]));
        }
    }
    if count > 0 {
        text.push(char::from(ALPHABET[(bits << (6 - count) & 63) as usize]));
    }
    text
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(BASE36[(number % 36) as usize]);
        number /= 36;
    }
    digits.into_iter().rev().map(char::from).collect()
}

const BASE36: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// A number of an id.
fn fold(id: &str) -> u64 {
    constant(0, id)
}

/// Whether a mail has no HTML: 3 % of all. Few people use the plain text mode, and they always do.
fn writes_plain(draft: &Draft<'_>) -> bool {
    let person = draft.message.installation.person;
    is_among(person, "plain text mode", 2)
        || is_among(constant(person, draft.message.message_id), "plain text", 1)
}

/// Where somebody's signature comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signing {
    /// They have none.
    Never,
    /// They write it, as far as one can tell: it is part of the text.
    ByHand,
    /// Gmail puts it below the text; then it leaves the separator out.
    BelowText,
    /// Gmail puts it at the end, below the quote.
    AtTheEnd,
}

impl Signing {
    /// The classes of Gmail's signature are in 13 % of HTML, the separator in 7 % of texts.
    fn of(draft: &Draft<'_>) -> Self {
        if draft.signature.is_empty() {
            return Self::Never;
        }
        match constant(draft.message.installation.person, "signature") % 100 {
            0..=6 => Self::AtTheEnd,
            7..=12 => Self::BelowText,
            _ => Self::ByHand,
        }
    }
}

/// The mail that is quoted or passed on: one reply in fifty has no quote.
fn quoted_parent<'d>(draft: &'d Draft<'_>) -> Option<&'d ParentMessage<'d>> {
    let mail = constant(draft.message.installation.person, draft.message.message_id);
    let parent = draft.parent()?;
    (draft.is_forward() || !is_among(mail, "deletes the quote", 2)).then_some(parent)
}

/// The words of somebody's Gmail. Half of those who write English outside of the Americas have left
/// the American interface as it was.
fn words(draft: &Draft<'_>, parent: &ParentMessage<'_>) -> Words {
    let language = draft.message.language;
    let has_region = language.contains(['-', '_']);
    match Words::of(language, &parent.date) {
        Words::English
            if !has_region
                && is_among(draft.message.installation.person, "American interface", 50) =>
        {
            Words::American
        }
        words => words,
    }
}

/// The line above a quote.
fn attribution(draft: &Draft<'_>, parent: &ParentMessage<'_>) -> String {
    let name = collapse(parent.author.name);
    let address = parent.author.address;
    let who = if name.is_empty() {
        format!("<{address}>")
    } else {
        format!("{name} <{address}>")
    };
    let words = words(draft, parent);
    let when = when(words, &parent.date, &draft.message.date);
    match words {
        Words::American => format!("On {when} {who} wrote:"),
        Words::English => format!("On {when}, {who} wrote:"),
        Words::Spanish if name.is_empty() => format!("El {when}, {who} escribió:"),
        Words::Spanish => format!("El {when}, {name} (<{address}>) escribió:"),
        Words::German => format!("Am {when} schrieb {who}:"),
        Words::French => format!("Le {when}, {who} a écrit\u{a0}:"),
        Words::Italian => format!("Il giorno {when} {who} ha scritto:"),
        Words::Portuguese => format!("Em {when}, {who} escreveu:"),
        Words::Dutch => format!("Op {when} schreef {who}:"),
    }
}

/// When a mail was sent, as Gmail writes it at `now`.
fn when(words: Words, date: &DateTime<FixedOffset>, now: &DateTime<FixedOffset>) -> String {
    let (weekday, month) = (words.short_weekday(date), words.short_month(date));
    let (day, year) = (date.day(), date.year());
    let clock = date.format("%H:%M");
    match words {
        Words::American => {
            let space = if now.year() >= NARROW_SPACE_SINCE {
                '\u{202f}'
            } else {
                ' '
            };
            let (clock, half) = (date.format("%-I:%M"), date.format("%p"));
            format!("{weekday}, {month} {day}, {year} at {clock}{space}{half}")
        }
        Words::English => format!("{weekday}, {day} {month} {year} at {clock}"),
        Words::Spanish => {
            let clock = date.format("%-H:%M");
            format!("{weekday}, {day} {month} {year} a las {clock}")
        }
        Words::German => {
            let dot = if matches!(month, "März" | "Mai" | "Juni" | "Juli") {
                ""
            } else {
                "."
            };
            format!("{weekday}., {day}. {month}{dot} {year} um {clock} Uhr")
        }
        Words::French => {
            let dot = if matches!(month, "mars" | "mai" | "juin" | "août") {
                ""
            } else {
                "."
            };
            format!("{weekday}. {day} {month}{dot} {year} à {clock}")
        }
        Words::Italian => format!("{weekday} {day} {month} {year} alle ore {clock}"),
        Words::Portuguese => format!("{weekday}., {day} de {month}. de {year} às {clock}"),
        Words::Dutch => {
            let dot = if month == "mei" { "" } else { "." };
            format!("{weekday} {day} {month}{dot} {year} om {clock}")
        }
    }
}

/// The title of a forward, in English in every language.
const FORWARDED: &str = "---------- Forwarded message ---------";

/// The label of the author of what is passed on: the only one that is translated.
fn from_label(words: Words) -> &'static str {
    match words {
        Words::American | Words::English => "From:",
        Words::Spanish | Words::Portuguese => "De:",
        Words::German => "Von:",
        Words::French => "De :",
        Words::Italian => "Da:",
        Words::Dutch => "Van:",
    }
}

/// The block above what is passed on.
fn forward_block(draft: &Draft<'_>, parent: &ParentMessage<'_>) -> Vec<String> {
    let words = words(draft, parent);
    let list = |people: &[Mailbox<'_>]| {
        let people: Vec<String> = people.iter().map(name_and_address).collect();
        people.join(", ")
    };
    let mut block = vec![
        FORWARDED.to_owned(),
        format!("{} {}", from_label(words), name_and_address(&parent.author)),
        format!("Date: {}", when(words, &parent.date, &draft.message.date)),
        format!("Subject: {}", parent.subject.trim()),
        format!("To: {}", list(parent.to)),
    ];
    if !parent.cc.is_empty() {
        block.push(format!("Cc: {}", list(parent.cc)));
    }
    block
}

fn forward_block_html(draft: &Draft<'_>, parent: &ParentMessage<'_>, out: &mut String) {
    let words = words(draft, parent);
    let list = |people: &[Mailbox<'_>]| {
        let people = people.iter().map(|person| {
            let name = collapse(person.name);
            let link = mail_link(person.address);
            if name.is_empty() {
                format!("&lt;{link}&gt;")
            } else {
                format!("{} &lt;{link}&gt;", escaped(&name))
            }
        });
        people.collect::<Vec<_>>().join(", ")
    };
    out.push_str(&format!(
        "{FORWARDED}<br>{} <strong class=\"gmail_sendername\" dir=\"auto\">{}</strong> \
         <span dir=\"auto\">&lt;{}&gt;</span><br>Date: {}<br>Subject: {}<br>To: {}<br>",
        from_label(words),
        escaped(&collapse(parent.author.name)),
        mail_link(parent.author.address),
        when(words, &parent.date, &draft.message.date),
        escaped(parent.subject.trim()),
        list(parent.to),
    ));
    if !parent.cc.is_empty() {
        out.push_str(&format!("Cc: {}<br>", list(parent.cc)));
    }
}

fn mail_link(address: &str) -> String {
    let address = escaped(address);
    format!("<a href=\"mailto:{address}\">{address}</a>")
}

fn sign_html(draft: &Draft<'_>, signing: Signing, out: &mut String) {
    out.push_str("<br clear=\"all\"><div><br></div>");
    if signing == Signing::AtTheEnd {
        out.push_str("<span class=\"gmail_signature_prefix\">-- </span><br>");
    }
    out.push_str("<div dir=\"ltr\" class=\"gmail_signature\"><div dir=\"ltr\">");
    for (index, line) in draft.signature.split('\n').enumerate() {
        if index > 0 {
            out.push_str("<br>");
        }
        linked(line, out);
    }
    out.push_str("</div></div>");
}

/// A line in which addresses of the web are links, as the editor makes them while one types.
fn linked(line: &str, out: &mut String) {
    let is_link = |word: &str| {
        word.strip_prefix("https://")
            .or_else(|| word.strip_prefix("http://"))
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
            && word.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let mut after_space = true;
    for (index, word) in line.split(' ').enumerate() {
        if index > 0 {
            // Browsers show a run of spaces as one, and none at the start of a line.
            out.push_str(if after_space || word.is_empty() {
                "&nbsp;"
            } else {
                " "
            });
            after_space = true;
        }
        if word.is_empty() {
            continue;
        }
        after_space = false;
        let bare = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '>']);
        if is_link(bare) {
            let mut href = String::with_capacity(bare.len() + 8);
            escape(bare, true, &mut href);
            out.push_str(&format!("<a href=\"{href}\">{}</a>", escaped(bare)));
            escape(&word[bare.len()..], false, out);
        } else {
            escape(word, false, out);
        }
    }
}

/// A `div` for each line, but the first.
fn divs(lines: &[Line<'_>], out: &mut String) {
    for (index, line) in lines.iter().enumerate() {
        if line.text.is_empty() {
            out.push_str("<div><br></div>");
        } else if index == 0 {
            linked(&line.text, out);
        } else {
            out.push_str("<div>");
            linked(&line.text, out);
            out.push_str("</div>");
        }
    }
}

fn quoted_html(draft: &Draft<'_>, parent: &ParentMessage<'_>, out: &mut String) {
    let now = &draft.message.date;
    // The second class came late in 2024.
    let container = if (now.year(), now.month()) >= (2024, 11) {
        "gmail_quote gmail_quote_container"
    } else {
        "gmail_quote"
    };
    out.push_str(&format!(
        "<br><div class=\"{container}\"><div dir=\"ltr\" class=\"gmail_attr\">"
    ));
    if draft.is_forward() {
        forward_block_html(draft, parent, out);
        out.push_str("</div><br><br><div dir=\"ltr\">");
        for run in runs(&history::kept(&draft.parent_text), 0) {
            if run.first().is_some_and(|line| line.depth > 0) {
                blockquote(run, 0, out);
            } else {
                divs(run, out);
            }
        }
        out.push_str("</div></div>");
        return;
    }
    let line = escaped(&attribution(draft, parent));
    let address = parent.author.address;
    let bracketed = format!("&lt;{}&gt;", escaped(address));
    let link = format!("&lt;{}&gt;", mail_link(address));
    out.push_str(&line.replace(&bracketed, &link));
    out.push_str("<br></div>");
    let lines = history::quote(&draft.parent_text, Habit::Untrimmed);
    blockquote(&lines, 0, out);
    out.push_str("</div>");
}

/// Quoted lines, a block for each level.
fn blockquote(lines: &[Line<'_>], depth: usize, out: &mut String) {
    out.push_str(
        "<blockquote class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex;\
         border-left:1px solid rgb(204,204,204);padding-left:1ex\">",
    );
    for run in runs(lines, depth + 1) {
        if run.first().is_some_and(|line| line.depth > depth + 1) {
            blockquote(run, depth + 1, out);
        } else {
            for (index, line) in run.iter().enumerate() {
                if index > 0 {
                    out.push_str("<br>\n");
                }
                linked(&line.text, out);
            }
        }
    }
    out.push_str("</blockquote>");
}
