//! What a message is made of: as a mail server describes it (`ENVELOPE` and `BODYSTRUCTURE`, RFC
//! 3501 §7.4.2), and as its bytes say.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use mail_parser::{
    Address, Attribute, ContentType, HeaderValue, Message, MessageParser, MimeHeaders, PartType,
};

use crate::imap_list::Item;

/// Names and addresses.
pub type People = Vec<(Option<String>, String)>;

/// The fields of `ENVELOPE`, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// `Date`
    pub date: DateTime<Utc>,
    /// `Subject`
    pub subject: String,
    /// `From`
    pub from: People,
    /// `Sender`, or who it is from
    pub sender: People,
    /// `Reply-To`, or who it is from
    pub reply_to: People,
    /// `To`
    pub to: People,
    /// `Cc`
    pub cc: People,
    /// `Bcc`
    pub bcc: People,
    /// Ids in `In-Reply-To`, without the brackets
    pub in_reply_to: Vec<String>,
    /// `Message-ID`, without the brackets
    pub message_id: String,
}

impl Envelope {
    /// As a server says.
    #[track_caller]
    pub fn served(item: &Item) -> Self {
        let [
            date,
            subject,
            from,
            sender,
            reply_to,
            to,
            cc,
            bcc,
            answers,
            id,
        ] = item.list()
        else {
            panic!("{item:?} is no envelope");
        };
        let ids = |item: &Item| -> Vec<String> {
            let text = item.text().unwrap_or_default();
            text.split_whitespace()
                .map(|id| {
                    let bare = id.strip_prefix('<').and_then(|id| id.strip_suffix('>'));
                    bare.unwrap_or_else(|| panic!("{id} is no id")).to_owned()
                })
                .collect()
        };
        let date = date.text().expect("a message has a date");
        Self {
            date: DateTime::parse_from_rfc2822(&date)
                .unwrap_or_else(|error| panic!("{date:?}: {error}"))
                .to_utc(),
            subject: decoded(&subject.text().expect("a message has a subject")),
            from: served_people(from),
            sender: served_people(sender),
            reply_to: served_people(reply_to),
            to: served_people(to),
            cc: served_people(cc),
            bcc: served_people(bcc),
            in_reply_to: ids(answers),
            message_id: ids(id).concat(),
        }
    }

    /// As its bytes say.
    #[track_caller]
    pub fn of(message: &Message<'_>) -> Self {
        let from = people(message.from());
        let or_author = |list: Option<&Address<'_>>| match list {
            Some(_) => people(list),
            None => from.clone(),
        };
        let date = message.date().expect("a message has a date").to_timestamp();
        Self {
            date: DateTime::from_timestamp(date, 0).expect("dates are not that far off"),
            subject: message.subject().unwrap_or_default().to_owned(),
            sender: or_author(message.sender()),
            reply_to: or_author(message.reply_to()),
            to: people(message.to()),
            cc: people(message.cc()),
            bcc: people(message.bcc()),
            in_reply_to: match message.in_reply_to() {
                HeaderValue::Empty => Vec::new(),
                HeaderValue::Text(id) => vec![id.to_string()],
                HeaderValue::TextList(ids) => ids.iter().map(ToString::to_string).collect(),
                other => panic!("In-Reply-To is {other:?}"),
            },
            message_id: message.message_id().unwrap_or_default().to_owned(),
            from,
        }
    }
}

fn served_people(item: &Item) -> People {
    item.list()
        .iter()
        .map(|who| {
            let [name, Item::Nil, local, domain] = who.list() else {
                panic!("{who:?} is no address");
            };
            let part = |part: &Item| part.text().unwrap_or_else(|| panic!("{who:?}"));
            let address = format!("{}@{}", part(local), part(domain));
            (name.text().map(|name| decoded(&name)), address)
        })
        .collect()
}

fn people(list: Option<&Address<'_>>) -> People {
    list.into_iter()
        .flat_map(Address::iter)
        .map(|who| {
            let address = who.address().unwrap_or_else(|| panic!("{who:?}"));
            (who.name().map(str::to_owned), address.to_owned())
        })
        .collect()
}

/// A part of a message, with its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Such as `text/plain`.
    pub media_type: String,
    /// Parameters of the media type, decoded.
    pub parameters: BTreeMap<String, String>,
    /// `Content-ID`, without the brackets.
    pub id: Option<String>,
    /// `Content-Description`
    pub description: Option<String>,
    /// Transfer encoding, in lower case; empty of a multipart.
    pub encoding: String,
    /// Length of what is encoded; 0 of a multipart.
    pub octets: usize,
    /// Lines of a text.
    pub lines: Option<usize>,
    /// `Content-Disposition` with its parameters.
    pub disposition: Option<(String, BTreeMap<String, String>)>,
    /// `Content-Language`
    pub language: Option<String>,
    /// Parts of a multipart.
    pub parts: Vec<Part>,
}

impl Part {
    /// As a server says.
    #[track_caller]
    pub fn served(item: &Item) -> Self {
        let all = item.list();
        let inner = all
            .iter()
            .take_while(|item| matches!(item, Item::List(_)))
            .count();
        let lower = |item: &Item| item.text().unwrap_or_default().to_lowercase();
        if inner > 0 {
            let [subtype, parameters, disposition, language, _] = &all[inner..] else {
                panic!("{item:?} is no multipart");
            };
            return Self {
                media_type: format!("multipart/{}", lower(subtype)),
                parameters: served_parameters(parameters),
                disposition: served_disposition(disposition),
                language: served_language(language),
                parts: all[..inner].iter().map(Self::served).collect(),
                ..Self::default()
            };
        }
        let [
            kind,
            subtype,
            parameters,
            id,
            description,
            encoding,
            octets,
            rest @ ..,
        ] = all
        else {
            panic!("{item:?} is no part");
        };
        let (lines, rest) = match (lower(kind).as_str(), rest) {
            ("text", [lines, rest @ ..]) => (Some(lines.number()), rest),
            _ => (None, rest),
        };
        let [_, disposition, language, _] = rest else {
            panic!("{item:?} is no part");
        };
        Self {
            media_type: format!("{}/{}", lower(kind), lower(subtype)),
            parameters: served_parameters(parameters),
            id: id.text().map(|id| {
                let bare = id.strip_prefix('<').and_then(|id| id.strip_suffix('>'));
                bare.unwrap_or_else(|| panic!("{id} is no id")).to_owned()
            }),
            description: description.text().map(|text| decoded(&text)),
            encoding: lower(encoding),
            octets: octets.number(),
            lines,
            disposition: served_disposition(disposition),
            language: served_language(language),
            parts: Vec::new(),
        }
    }

    /// As its bytes, whose lines end in CRLF, say.
    pub fn of(message: &Message<'_>) -> Self {
        Self::numbered(message, 0)
    }

    #[track_caller]
    fn numbered(message: &Message<'_>, number: u32) -> Self {
        let part = message.part(number).expect("parts are numbered");
        let (media_type, mut parameters) = match part.content_type() {
            Some(of) => (
                format!("{}/{}", of.ctype(), of.subtype().unwrap_or_default()).to_lowercase(),
                attributes(of.attributes()),
            ),
            None => ("text/plain".to_owned(), BTreeMap::new()),
        };
        let disposition = part
            .content_disposition()
            .map(|of: &ContentType<'_>| (of.ctype().to_lowercase(), attributes(of.attributes())));
        let language = match part.content_language() {
            HeaderValue::Text(text) => Some(text.to_string()),
            _ => None,
        };
        if let PartType::Multipart(parts) = &part.body {
            return Self {
                media_type,
                parameters,
                disposition,
                language,
                parts: parts
                    .iter()
                    .map(|number| Self::numbered(message, *number))
                    .collect(),
                ..Self::default()
            };
        }
        assert!(
            !matches!(part.body, PartType::Message(_)),
            "messages within messages are not described"
        );
        let raw = message.raw_message();
        let body = &raw[part.raw_body_offset() as usize..part.raw_end_offset() as usize];
        let is_text = media_type.starts_with("text/");
        if is_text {
            // What RFC 2046 §4.1.2 says of a text that does not tell.
            let charset = parameters.entry("charset".to_owned());
            charset.or_insert_with(|| "us-ascii".to_owned());
        }
        Self {
            media_type,
            parameters,
            id: part.content_id().map(str::to_owned),
            description: part.content_description().map(str::to_owned),
            encoding: part
                .content_transfer_encoding()
                .unwrap_or("7bit")
                .to_lowercase(),
            octets: body.len(),
            lines: is_text.then(|| body.iter().filter(|byte| **byte == b'\n').count()),
            disposition,
            language,
            parts: Vec::new(),
        }
    }

    /// Itself and everything in it.
    pub fn walk(&self) -> Vec<&Self> {
        let mut all = vec![self];
        all.extend(self.parts.iter().flat_map(Self::walk));
        all
    }

    /// The name of the file that it is.
    pub fn file_name(&self) -> Option<&str> {
        let disposition = self.disposition.as_ref();
        disposition
            .and_then(|(_, parameters)| parameters.get("filename"))
            .or_else(|| self.parameters.get("name"))
            .map(String::as_str)
    }
}

fn attributes(list: Option<&[Attribute<'_>]>) -> BTreeMap<String, String> {
    list.unwrap_or_default()
        .iter()
        .map(|of| (of.name.to_lowercase(), of.value.to_string()))
        .collect()
}

fn served_parameters(item: &Item) -> BTreeMap<String, String> {
    item.list()
        .chunks_exact(2)
        .map(|pair| {
            let [key, value] = [&pair[0], &pair[1]].map(|item| item.text().unwrap_or_default());
            let key = key.to_lowercase();
            match key.strip_suffix('*') {
                Some(key) => (key.to_owned(), without_percent(&value)),
                None => (key, decoded(&value)),
            }
        })
        .collect()
}

fn served_disposition(item: &Item) -> Option<(String, BTreeMap<String, String>)> {
    let [kind, parameters] = item.list() else {
        return None;
    };
    let kind = kind.text().unwrap_or_default().to_lowercase();
    Some((kind, served_parameters(parameters)))
}

fn served_language(item: &Item) -> Option<String> {
    match item {
        Item::List(languages) => Some(
            languages
                .iter()
                .filter_map(Item::text)
                .collect::<Vec<_>>()
                .join(", "),
        ),
        other => other.text(),
    }
}

/// Decodes the encoded words of RFC 2047.
pub fn decoded(text: &str) -> String {
    let message = format!("Subject: {text}\r\n\r\n");
    let message = MessageParser::default().parse(message.as_bytes());
    message
        .as_ref()
        .and_then(|message| message.subject())
        .unwrap_or_default()
        .to_owned()
}

/// Decodes what RFC 2231 makes of a parameter, such as `UTF-8''n%C3%BA`.
#[track_caller]
fn without_percent(text: &str) -> String {
    let [charset, _, rest] = text
        .splitn(3, '\'')
        .collect::<Vec<_>>()
        .try_into()
        .unwrap_or_else(|_| panic!("{text} has no charset"));
    let mut bytes = Vec::new();
    let mut rest = rest.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits: Vec<u8> = rest.by_ref().take(2).collect();
        let digits = String::from_utf8_lossy(&digits).into_owned();
        let byte = u8::from_str_radix(&digits, 16);
        bytes.push(byte.unwrap_or_else(|error| panic!("{text}: {error}")));
    }
    if charset.eq_ignore_ascii_case("utf-8") {
        String::from_utf8(bytes).unwrap_or_else(|error| panic!("{text}: {error}"))
    } else {
        // ISO-8859-1
        bytes.into_iter().map(char::from).collect()
    }
}
