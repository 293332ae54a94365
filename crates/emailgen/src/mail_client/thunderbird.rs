//! Mozilla Thunderbird, releases 115 to 128.
//!
//! Shapes are those of mail that was sent with these releases, and of the program's sources
//! (`mailnews/compose/src/{MimeMessage,MimePart,MimeEncoder}.sys.mjs`, `jsmime`).
//!
//! One choice differs from a default installation: text that is not ASCII goes as
//! quoted-printable, where Thunderbird writes `8bit` and a relay without RFC 6152 turns it into
//! quoted-printable. Decoy mail is stored as if it had come over such a relay.

mod html;
mod quote;

use std::borrow::Cow;

use chrono::{DateTime, FixedOffset};
use mail_builder::MessageBuilder;
use mail_builder::headers::HeaderType;
use mail_builder::headers::raw::Raw;
use mail_builder::mime::{BodyPart, MimePart};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::MailClient;
use crate::message::{ComposeError, ComposedMessage, Message};
use crate::mime::flowed::{self, Line, SIGNATURE_SEPARATOR};
use crate::mime::{check, header, quoted_printable};
use crate::threading;
use quote::Habit;

/// What the program has called itself in `User-Agent` since release 103.
const USER_AGENT: &str = "Mozilla Thunderbird";

/// What old programs show in place of the parts (RFC 2046 §5.1.1).
const PREAMBLE: &str = "This is a multi-part message in MIME format.\r\n";

/// Mozilla Thunderbird.
///
/// About half of its users compose HTML, which is sent with a plain text twin; the others compose
/// plain text. Plain text is `format=flowed`. Replies stand below the quote. How much a user
/// quotes is a habit too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Thunderbird;

impl MailClient for Thunderbird {
    fn name(&self) -> &'static str {
        "thunderbird"
    }

    /// A random UUID at the domain of the sender.
    fn message_id(
        &self,
        sender_address: &str,
        _date: DateTime<FixedOffset>,
        rng: &mut ChaCha8Rng,
    ) -> String {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        // Version 4, variant 1 (RFC 9562 §5.4).
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = format!("{:032x}", u128::from_be_bytes(bytes));
        let domain = sender_address.rsplit('@').next().unwrap_or_default();
        format!(
            "<{}-{}-{}-{}-{}@{domain}>",
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..]
        )
    }

    fn compose(
        &self,
        message: &Message<'_>,
        rng: &mut ChaCha8Rng,
    ) -> Result<ComposedMessage, ComposeError> {
        let draft = Draft::new(message)?;
        let persona = Persona::of(message.from.address);
        let body = draft.body(message, persona);

        let mut builder = MessageBuilder::new();
        for (name, value) in draft.headers(message) {
            builder = builder.header(name, Raw::new(value));
        }
        let plain = plain_part(&body.lines());
        let mut content = b"\r\n".to_vec();
        if persona.composes_html {
            let boundary = boundary(rng);
            // mail-builder would write the parameter on the same line, and has no preamble: the
            // frame of a multipart is written here, its parts by mail-builder.
            let value = format!("multipart/alternative;\r\n boundary=\"{boundary}\"");
            builder = builder.header("Content-Type", Raw::new(value));
            let html = html_part(&html::render(&body, message));
            content.extend_from_slice(PREAMBLE.as_bytes());
            for part in [plain, html] {
                content.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
                part.write_part(&mut content);
                content.extend_from_slice(b"\r\n");
            }
            content.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
        } else {
            builder.headers.extend(plain.headers);
            if let BodyPart::Binary(text) = plain.contents {
                content.extend_from_slice(&text);
            }
        }
        // A raw part is written as it is. Date, Message-ID and MIME-Version are among the headers,
        // so nothing is left for mail-builder to make up.
        let mut bytes = Vec::with_capacity(content.len() + 1024);
        builder.body(MimePart::raw(content)).serialize(&mut bytes);
        Ok(ComposedMessage {
            bytes,
            text: flowed::render(&body.lines()),
        })
    }
}

/// What stays the same in all mail of one person.
#[derive(Clone, Copy, Debug)]
struct Persona {
    composes_html: bool,
    quoting: Habit,
}

impl Persona {
    fn of(address: &str) -> Self {
        let hash = fnv1a(address);
        let quoting = match (hash >> 8) % 10 {
            0..=3 => Habit::Everything,
            4..=6 => Habit::NewestAuthor,
            _ => Habit::LastLines(8 + usize::from((hash >> 16) as u8 % 8)),
        };
        Self {
            composes_html: composes_html(address),
            quoting,
        }
    }
}

fn composes_html(address: &str) -> bool {
    fnv1a(address) & 1 == 0
}

/// FNV-1a of the lower-case address, and the last step of SplitMix64 so that all bits vary: stable
/// across builds and platforms, which `std`'s hasher is not.
fn fnv1a(address: &str) -> u64 {
    let hash = address
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
        });
    let hash = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ hash >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ hash >> 31
}

/// A message whose fields have been checked, with its texts normalised.
struct Draft {
    text: String,
    signature: String,
    parent_text: String,
    references: String,
}

impl Draft {
    fn new(message: &Message<'_>) -> Result<Self, ComposeError> {
        check::name("from.name", message.from.name)?;
        check::address("from.address", message.from.address)?;
        check::name("to.name", message.to.name)?;
        check::address("to.address", message.to.address)?;
        check::subject("subject", message.subject)?;
        check::message_id("message_id", message.message_id)?;
        check::date("date", &message.date)?;
        let text = check::text("text", message.text, check::MAX_TEXT_BYTES)?;
        let signature = check::text(
            "signature",
            message.signature.unwrap_or_default(),
            check::MAX_SIGNATURE_BYTES,
        )?;
        let (mut parent_text, mut references) = (String::new(), String::new());
        if let Some(parent) = &message.parent {
            check::foreign_message_id("parent.message_id", parent.message_id)?;
            check::references("parent.references", parent.references)?;
            check::name("parent.author_name", parent.author_name)?;
            check::address("parent.author_address", parent.author_address)?;
            check::date("parent.date", &parent.date)?;
            parent_text = check::text("parent.text", parent.text, check::MAX_TEXT_BYTES)?;
            let ancestors: Vec<&str> = parent.references.split_ascii_whitespace().collect();
            references = threading::references(&ancestors, parent.message_id);
        }
        Ok(Self {
            text,
            signature,
            parent_text,
            references,
        })
    }

    /// The headers up to `Content-Type`, in order.
    ///
    /// A reply has its subject before the recipients and its author after them; a new mail has
    /// them at the end, in the order in which a user fills them in.
    fn headers(&self, message: &Message<'_>) -> Vec<(&'static str, String)> {
        let date = message.date.format("%a, %-d %b %Y %H:%M:%S %z").to_string();
        let subject = ("Subject", header::unstructured("Subject", message.subject));
        let to = (
            "To",
            header::mailbox("To", message.to.name, message.to.address),
        );
        let from = (
            "From",
            header::mailbox("From", message.from.name, message.from.address),
        );
        let language = ("Content-Language", content_language(message.language));
        let mut headers = vec![
            ("Message-ID", message.message_id.to_owned()),
            ("Date", date),
            ("MIME-Version", "1.0".to_owned()),
            ("User-Agent", USER_AGENT.to_owned()),
        ];
        match &message.parent {
            Some(parent) => headers.extend([
                subject,
                to,
                ("References", header::message_ids(&self.references)),
                language,
                from,
                ("In-Reply-To", parent.message_id.to_owned()),
            ]),
            None => headers.extend([language, to, from, subject]),
        }
        headers
    }

    fn body<'a>(&'a self, message: &Message<'_>, persona: Persona) -> Body<'a> {
        let quoted = message.parent.as_ref().and_then(|parent| {
            let lines = quote::quote(&self.parent_text, persona.quoting);
            // Nothing to quote, nothing to attribute: the user has deleted the empty quote.
            (!lines.is_empty()).then(|| Quoted {
                attribution: quote::attribution(message.language, &parent.date, parent.author_name),
                lines,
            })
        });
        Body {
            quoted,
            text: &self.text,
            signature: &self.signature,
        }
    }
}

/// What the reader sees, in its parts.
struct Body<'a> {
    quoted: Option<Quoted<'a>>,
    /// May be empty.
    text: &'a str,
    /// Without its separator. May be empty.
    signature: &'a str,
}

struct Quoted<'a> {
    attribution: String,
    lines: Vec<Line<'a>>,
}

impl Body<'_> {
    fn lines(&self) -> Vec<Line<'_>> {
        let mut lines = Vec::new();
        if let Some(quoted) = &self.quoted {
            lines.push(Line::own(&quoted.attribution));
            lines.extend(quoted.lines.iter().cloned());
            if !self.text.is_empty() {
                lines.push(Line::own(""));
            }
        }
        if !self.text.is_empty() || lines.is_empty() {
            lines.extend(self.text.split('\n').map(Line::own));
        }
        if !self.signature.is_empty() {
            lines.push(Line::own(""));
            lines.push(Line::own(SIGNATURE_SEPARATOR));
            lines.extend(self.signature.split('\n').map(Line::own));
        }
        lines
    }
}

/// `------------` and 24 letters or digits.
fn boundary(rng: &mut ChaCha8Rng) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut boundary = "-".repeat(12);
    while boundary.len() < 36 {
        // Six bits at a time, the two values without a letter drawn again.
        if let Some(&letter) = ALPHABET.get((rng.next_u32() >> 26) as usize) {
            boundary.push(char::from(letter));
        }
    }
    boundary
}

fn plain_part(lines: &[Line<'_>]) -> MimePart<'static> {
    if flowed::is_better_fixed(lines) {
        text_part("text/plain; charset=UTF-8", &flowed::render(lines))
    } else {
        text_part(
            "text/plain; charset=UTF-8; format=flowed",
            &flowed::encode(lines),
        )
    }
}

fn html_part(html: &str) -> MimePart<'static> {
    text_part("text/html; charset=UTF-8", html.trim_end())
}

/// One part with its transfer encoding chosen and applied here: mail-builder would take base64
/// where that is shorter, and quote the charset.
fn text_part(content_type: &'static str, text: &str) -> MimePart<'static> {
    let mut content = Vec::with_capacity(text.len() + text.len() / 8 + 64);
    // `From ` at the start of a fixed line is no longer stuffed, and a mailbox file would change it.
    let mbox_unsafe = text.split('\n').any(|line| line.starts_with("From "));
    let encoding = if quoted_printable::is_needed(text) || mbox_unsafe {
        quoted_printable::write_encoded(text, &mut content);
        "quoted-printable"
    } else {
        quoted_printable::write_plain(text, &mut content);
        "7bit"
    };
    content.extend_from_slice(b"\r\n");
    let header = |name, value| (Cow::Borrowed(name), HeaderType::Raw(Raw::new(value)));
    MimePart {
        headers: vec![
            header("Content-Type", content_type),
            header("Content-Transfer-Encoding", encoding),
        ],
        contents: BodyPart::Binary(Cow::Owned(content)),
    }
}

/// The tag of the spelling dictionary that a user with this language has.
fn content_language(language: &str) -> String {
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
    fn habits_are_spread() {
        let personas: Vec<Persona> = (0..400)
            .map(|n| Persona::of(&format!("user{n}@corp.example")))
            .collect();
        let html = personas.iter().filter(|p| p.composes_html).count();
        assert!((160..240).contains(&html), "{html}");
        for habit in [Habit::Everything, Habit::NewestAuthor] {
            let count = personas.iter().filter(|p| p.quoting == habit).count();
            assert!((80..220).contains(&count), "{habit:?} {count}");
        }
        assert_eq!(fnv1a("Ana@Corp.Example"), fnv1a("ana@corp.example"));
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
