//! Mozilla Thunderbird, from release 31 on.
//!
//! Shapes are those of mail that was sent with these releases, and of the program's sources
//! (`mailnews/compose/src/{MimeMessage,MimePart,MimeEncoder}.sys.mjs`, `jsmime`). Shares of people
//! were counted on a list of 2019 to 2026 (2,777 mails).

mod html;
mod release;
mod wording;

use chrono::{DateTime, FixedOffset};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use self::release::Release;
use super::Sender;
use super::history::{self, Habit};
use super::profile::{Draft, Multipart, Profile, Shape, Wrap, parameter};
use super::random_text::{ALPHANUMERIC, UPPER_HEX, constant, is_among, letters, uuid};
use super::subject::Prefixes;
use super::words::Words;
use crate::attachment::Attachment;
use crate::message::{Installation, Occasion};
use crate::mime::charset::Charset;
use crate::mime::flowed::{self, Line, SIGNATURE_SEPARATOR};
use crate::trace::Submission;

/// Mozilla Thunderbird.
///
/// More than half of its users compose HTML, which is sent with a plain text twin; the others
/// compose plain text. Plain text is `format=flowed`. Replies mostly stand below the quote. How
/// much a user quotes is a habit too, and so is when they update the program.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Thunderbird;

impl Profile for Thunderbird {
    fn name(&self) -> &'static str {
        "thunderbird"
    }

    fn submission(&self, _sender: &Sender<'_>) -> Submission {
        Submission::Smtp
    }

    /// A random UUID at the domain of the sender.
    fn message_id(
        &self,
        sender: &Sender<'_>,
        date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String {
        let left = if Release::of(sender.installation, &date).has_netscape_ids() {
            let random: u32 = rng.random_range(1_000_000..10_000_000);
            format!("{:08X}.{random}", date.timestamp())
        } else {
            uuid(rng)
        };
        format!("<{left}@{}>", sender.domain())
    }

    fn prefixes(&self, _language: &str) -> Prefixes {
        Prefixes::PLAIN
    }

    fn shape(&self, draft: &Draft<'_>, _rng: &mut ChaCha8Rng) -> Shape {
        let message = draft.message;
        let release = release(draft);
        // 91 % of mails flow: some users have it off, and some texts are better fixed.
        let has_flowed_off = is_among(message.installation.person, "flowed text off", 8);
        let is_fixed = has_flowed_off || flowed::is_better_fixed(&self.lines(draft));
        let (headers, forwarded) = match &message.occasion {
            Occasion::New if draft.saved_on.is_some() => (release.draft_headers(), String::new()),
            Occasion::New => (release.new_headers(), String::new()),
            Occasion::Reply(_) => (release.reply_headers(), String::new()),
            Occasion::Forward(parent) => (release.forward_headers(), parent.message_id.to_owned()),
        };
        Shape {
            headers,
            values: vec![
                if hides_user_agent(message.installation) {
                    String::new()
                } else {
                    release.user_agent_header()
                },
                if release.names_language() {
                    wording::content_language(message.language)
                } else {
                    String::new()
                },
                forwarded,
                release.draft_info(composes_html(message.installation)),
                sent_folder(draft),
            ],
            header_style: release.header_style(),
            date_format: "%a, %-d %b %Y %H:%M:%S %z",
            date_in_utc: false,
            text: release.encodings(!is_fixed),
            html: if composes_html(message.installation) {
                release.encodings(false)
            } else {
                &[]
            },
            wrap: if is_fixed {
                Wrap::At(flowed::WRAP_AT)
            } else {
                Wrap::Flowed
            },
            boundary_separator: "\r\n ",
            quotes_boundary: true,
            multipart_encoding: None,
            preamble: "This is a multi-part message in MIME format.\r\n",
            thread_index: None,
        }
    }

    fn saves_html_alone(&self) -> bool {
        true
    }

    fn lines<'d>(&self, draft: &'d Draft<'_>) -> Vec<Line<'d>> {
        Body::of(draft).into_lines()
    }

    fn html(&self, draft: &Draft<'_>) -> String {
        let body = Body::of(draft);
        let release = release(draft);
        let charset = if release.prefers_windows() && body.fits(Charset::Windows1252) {
            "windows-1252"
        } else {
            "UTF-8"
        };
        html::render(&body, draft.parent(), release, charset)
    }

    /// `------------` and 24 letters or digits.
    fn boundary(&self, draft: &Draft<'_>, _multipart: Multipart, rng: &mut ChaCha8Rng) -> String {
        let alphabet = if release(draft).has_hexadecimal_boundaries() {
            UPPER_HEX
        } else {
            ALPHANUMERIC
        };
        format!("------------{}", letters(alphabet, 24, rng))
    }

    fn attachment_headers(
        &self,
        draft: &Draft<'_>,
        attachment: &Attachment,
        _rng: &mut ChaCha8Rng,
    ) -> Vec<(&'static str, String)> {
        let mut parts = attachment.media_type.split(';').map(str::trim);
        let mut media_type = parts.next().unwrap_or_default().to_owned();
        if media_type.starts_with("text/") {
            media_type.push_str("; charset=UTF-8");
        }
        for rest in parts.filter(|rest| !rest.to_ascii_lowercase().starts_with("charset")) {
            media_type.push_str("; ");
            media_type.push_str(rest);
        }
        let name = parameter("name", &attachment.file_name);
        let file_name = file_name(&attachment.file_name);
        let transfer = ("Content-Transfer-Encoding", "base64".to_owned());
        if release(draft).folds_parameters() {
            vec![
                ("Content-Type", format!("{media_type};\r\n {name}")),
                transfer,
                (
                    "Content-Disposition",
                    format!("attachment;\r\n {file_name}"),
                ),
            ]
        } else {
            vec![
                ("Content-Type", format!("{media_type}; {name}")),
                ("Content-Disposition", format!("attachment; {file_name}")),
                transfer,
            ]
        }
    }
}

/// The name of a file in `Content-Disposition`: in several pieces of UTF-8 (RFC 2231 §3 and §4)
/// when it is not ASCII.
fn file_name(name: &str) -> String {
    if name.is_ascii() {
        return parameter("filename", name);
    }
    /// Characters of a piece, so that its line stays below 78.
    const PIECE: usize = 54;
    let mut pieces = vec![String::new()];
    for c in name.chars() {
        let mut encoded = String::new();
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        match pieces.last_mut() {
            Some(last) if last.len() + encoded.len() <= PIECE => last.push_str(&encoded),
            _ => pieces.push(encoded),
        }
    }
    if let [only] = &pieces[..] {
        return format!("filename*=UTF-8''{only}");
    }
    let pieces = pieces.iter().enumerate().map(|(index, piece)| {
        let charset = if index == 0 { "UTF-8''" } else { "" };
        format!("filename*{index}*={charset}{piece}")
    });
    pieces.collect::<Vec<_>>().join(";\r\n ")
}

fn release(draft: &Draft<'_>) -> Release {
    Release::of(draft.message.installation, &draft.message.date)
}

/// Where a draft will be kept once it is sent; empty for what is sent. Accounts are mostly set up
/// with the address as the name of the user.
fn sent_folder(draft: &Draft<'_>) -> String {
    let Some(host) = draft.saved_on else {
        return String::new();
    };
    let user = draft.message.from.address.replace('@', "%40");
    let host: String = host
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        .collect();
    format!("imap://{user}@{host}/Sent")
}

/// Whether somebody's program does not name itself (`mailnews.headers.sendUserAgent`): 2 % of the
/// mail on usrp-users has no trace of its program, and in Thunderbird it is a setting.
fn hides_user_agent(installation: Installation) -> bool {
    is_among(installation.person, "hides the User-Agent", 6)
}

fn composes_html(installation: Installation) -> bool {
    is_among(installation.person, "composes HTML", 55)
}

/// How much of a parent somebody leaves. Who writes above it never sees how long it is.
fn quoting(installation: Installation) -> Habit {
    let number = constant(installation.person, "quoting");
    match number % 10 {
        _ if answers_above(installation) => Habit::Everything,
        0..=3 => Habit::Everything,
        4..=6 => Habit::NewestAuthor,
        _ => Habit::LastLines(8 + usize::from((number >> 8) as u8 % 8)),
    }
}

/// 81 % answer below the quote or in it.
fn answers_above(installation: Installation) -> bool {
    is_among(installation.person, "answers above the quote", 19)
}

/// What the reader sees, in its parts.
struct Body<'a> {
    /// May be empty.
    text: &'a str,
    /// Without its separator. May be empty.
    signature: &'a str,
    history: History<'a>,
}

/// What of the parent a message carries.
enum History<'a> {
    None,
    Quoted {
        attribution: String,
        lines: Vec<Line<'a>>,
        place: Place,
    },
    Forwarded {
        title: &'static str,
        headers: Vec<(&'static str, String)>,
        lines: Vec<Line<'a>>,
        /// HTML has a table, which leaves a tab in the plain text twin.
        separator: &'static str,
    },
}

/// Where an answer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    BelowQuote,
    AboveQuote,
    /// With the signature at the end, the program's own default.
    AboveQuoteAndSignature,
}

impl<'a> Body<'a> {
    fn of(draft: &'a Draft<'_>) -> Self {
        let installation = draft.message.installation;
        let history = draft.parent().map_or(History::None, |parent| {
            let words = Words::of(draft.message.language, &parent.date);
            if draft.is_forward() {
                let (title, headers) = wording::forward_block(words, parent);
                let is_html = composes_html(installation);
                return History::Forwarded {
                    title,
                    headers,
                    lines: history::kept(&draft.parent_text),
                    separator: if is_html { " \t" } else { " " },
                };
            }
            let lines = history::quote(&draft.parent_text, quoting(installation));
            // Nothing to quote, nothing to attribute. One reply in fifty has no quote at all.
            let mail = constant(installation.person, draft.message.message_id);
            if lines.is_empty() || is_among(mail, "deletes the quote", 2) {
                return History::None;
            }
            History::Quoted {
                attribution: wording::attribution(
                    words,
                    installation,
                    &parent.date,
                    &parent.author,
                ),
                lines,
                place: match constant(installation.person, "signature place") % 2 {
                    _ if !answers_above(installation) => Place::BelowQuote,
                    0 => Place::AboveQuote,
                    _ => Place::AboveQuoteAndSignature,
                },
            }
        });
        Self {
            text: &draft.text,
            signature: &draft.signature,
            history,
        }
    }

    fn into_lines(self) -> Vec<Line<'a>> {
        let mut lines = Vec::new();
        let (text, signature) = (self.text, self.signature);
        match self.history {
            History::None => {
                push_text(text, &mut lines);
                push_signature(signature, &mut lines);
            }
            History::Quoted {
                attribution,
                lines: quoted,
                place,
            } => {
                if place == Place::BelowQuote {
                    lines.push(Line::made(attribution));
                    lines.extend(quoted);
                    push_text(text, &mut lines);
                    push_signature(signature, &mut lines);
                    return lines;
                }
                push_text(text, &mut lines);
                if place == Place::AboveQuote {
                    push_signature(signature, &mut lines);
                }
                push_blank(&mut lines);
                lines.push(Line::made(attribution));
                lines.extend(quoted);
                if place == Place::AboveQuoteAndSignature {
                    push_signature(signature, &mut lines);
                }
            }
            History::Forwarded {
                title,
                headers,
                lines: forwarded,
                separator,
            } => {
                push_text(text, &mut lines);
                push_signature(signature, &mut lines);
                lines.extend([Line::own(""), Line::own(""), Line::own(title)]);
                for (label, value) in headers {
                    lines.push(Line::made(format!("{label}{separator}{value}")));
                }
                lines.extend([Line::own(""), Line::own("")]);
                lines.extend(forwarded);
            }
        }
        if lines.is_empty() {
            lines.push(Line::own(""));
        }
        lines
    }

    /// Whether a character set can hold all of it.
    fn fits(&self, charset: Charset) -> bool {
        let lines_fit = |lines: &[Line<'_>]| lines.iter().all(|line| charset.holds(&line.text));
        charset.holds(self.text)
            && charset.holds(self.signature)
            && match &self.history {
                History::None => true,
                History::Quoted {
                    attribution, lines, ..
                } => charset.holds(attribution) && lines_fit(lines),
                History::Forwarded { headers, lines, .. } => {
                    lines_fit(lines) && headers.iter().all(|(_, value)| charset.holds(value))
                }
            }
    }
}

fn push_blank(lines: &mut Vec<Line<'_>>) {
    if !lines.is_empty() {
        lines.push(Line::own(""));
    }
}

fn push_text<'a>(text: &'a str, lines: &mut Vec<Line<'a>>) {
    if !text.is_empty() {
        push_blank(lines);
        lines.extend(text.split('\n').map(Line::own));
    }
}

fn push_signature<'a>(signature: &'a str, lines: &mut Vec<Line<'a>>) {
    if !signature.is_empty() {
        push_blank(lines);
        lines.push(Line::own(SIGNATURE_SEPARATOR));
        lines.extend(signature.split('\n').map(Line::own));
    }
}
