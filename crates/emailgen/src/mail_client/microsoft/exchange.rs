//! What an Exchange server adds to a mail, in Microsoft's data centres or in the company's own:
//! ids, boundaries, headers, and the headers of files.
//!
//! Shapes are those of mail in public archives from 2019 to 2025.

use chrono::{DateTime, Datelike, FixedOffset, Utc};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

use super::region::Region;
use super::{Coding, header_style, smallest_charset};
use crate::attachment::Attachment;
use crate::mail_client::Sender;
use crate::mail_client::profile::{Draft, Field, Multipart, Shape, TextEncoding, Transfer, Wrap};
use crate::mail_client::random_text::{
    BASE64, LOWER_HEX, UPPER_HEX, constant, is_among, letters, uuid,
};
use crate::mail_client::thread_index::{self, Maker};
use crate::message::Installation;
use crate::mime::base64;
use crate::mime::charset::Charset;
use crate::mime::encoded_word::{self, WordEncoding};
use crate::mime::header;
use crate::trace::{self, Submission};

/// Companies with a server of their own, in per cent (24 % of the Exchange ids on usrp-users).
const ON_PREMISES: u64 = 24;

/// Headers of mail from Microsoft's servers: what the program wrote, what the servers wrote inside
/// the company in lower case, and what they wrote on the way out.
pub(in crate::mail_client) const ONLINE: &[(&str, Field)] = &[
    ("From", Field::From),
    ("To", Field::To),
    ("CC", Field::Cc),
    ("Subject", Field::Subject),
    ("Thread-Topic", Field::ThreadTopic),
    ("Thread-Index", Field::ThreadIndex),
    ("Date", Field::Date),
    ("Message-ID", Field::Value(MESSAGE_ID)),
    ("References", Field::Value(REFERENCES)),
    ("In-Reply-To", Field::Value(IN_REPLY_TO)),
    ("Accept-Language", Field::Value(ACCEPT_LANGUAGE)),
    ("Content-Language", Field::Value(CONTENT_LANGUAGE)),
    ("X-MS-Has-Attach", Field::HasAttachment),
    ("X-MS-TNEF-Correlator", Field::Fixed("")),
    ("x-ms-publictraffictype", Field::Fixed("Email")),
    ("x-ms-traffictypediagnostic", Field::Value(DIAGNOSTIC)),
    (
        "x-ms-office365-filtering-correlation-id",
        Field::Value(NETWORK_ID),
    ),
    ("x-ms-exchange-senderadcheck", Field::Fixed("1")),
    ("x-ms-exchange-antispam-relay", Field::Value(RELAY)),
    ("x-microsoft-antispam", Field::Value(ANTISPAM)),
    (
        "x-microsoft-antispam-message-info",
        Field::Value(MESSAGE_INFO),
    ),
    ("x-forefront-antispam-report", Field::Value(REPORT)),
    (
        "x-ms-exchange-antispam-messagedata-chunkcount",
        Field::Value(CHUNKS),
    ),
    (
        "x-ms-exchange-antispam-messagedata-0",
        Field::Value(MESSAGE_DATA),
    ),
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("MIME-Version", Field::Fixed("1.0")),
    ("X-OriginatorOrg", Field::Value(DOMAIN)),
    ("X-MS-Exchange-CrossTenant-AuthAs", Field::Fixed("Internal")),
    ("X-MS-Exchange-CrossTenant-AuthSource", Field::Value(SERVER)),
    (
        "X-MS-Exchange-CrossTenant-Network-Message-Id",
        Field::Value(NETWORK_ID),
    ),
    (
        "X-MS-Exchange-CrossTenant-originalarrivaltime",
        Field::Value(ARRIVAL),
    ),
    (
        "X-MS-Exchange-CrossTenant-fromentityheader",
        Field::Fixed("Hosted"),
    ),
    ("X-MS-Exchange-CrossTenant-id", Field::Value(TENANT)),
    (
        "X-MS-Exchange-CrossTenant-mailboxtype",
        Field::Fixed("HOSTED"),
    ),
    (
        "X-MS-Exchange-CrossTenant-userprincipalname",
        Field::Value(PRINCIPAL),
    ),
    (
        "X-MS-Exchange-Transport-CrossTenantHeadersStamped",
        Field::Value(STAMPED),
    ),
];

/// Headers of mail from a company's own server.
pub(in crate::mail_client) const OWN_SERVER: &[(&str, Field)] = &[
    ("From", Field::From),
    ("To", Field::To),
    ("CC", Field::Cc),
    ("Subject", Field::Subject),
    ("Thread-Topic", Field::ThreadTopic),
    ("Thread-Index", Field::ThreadIndex),
    ("Date", Field::Date),
    ("Message-ID", Field::MessageId),
    ("References", Field::Value(REFERENCES)),
    ("In-Reply-To", Field::InReplyTo),
    ("Accept-Language", Field::Value(ACCEPT_LANGUAGE)),
    ("Content-Language", Field::Value(CONTENT_LANGUAGE)),
    ("X-MS-Has-Attach", Field::HasAttachment),
    ("X-MS-TNEF-Correlator", Field::Fixed("")),
    ("x-originating-ip", Field::Value(CLIENT)),
    ("Content-Type", Field::ContentType),
    ("Content-Transfer-Encoding", Field::ContentTransferEncoding),
    ("MIME-Version", Field::Fixed("1.0")),
];

// Places in the list that `values` makes.
const REFERENCES: usize = 0;
const ACCEPT_LANGUAGE: usize = 1;
const CONTENT_LANGUAGE: usize = 2;
const CLIENT: usize = 3;
const DIAGNOSTIC: usize = 4;
const NETWORK_ID: usize = 5;
const RELAY: usize = 6;
const ANTISPAM: usize = 7;
const MESSAGE_INFO: usize = 8;
const REPORT: usize = 9;
const CHUNKS: usize = 10;
const MESSAGE_DATA: usize = 11;
const DOMAIN: usize = 12;
const SERVER: usize = 13;
const ARRIVAL: usize = 14;
const TENANT: usize = 15;
const PRINCIPAL: usize = 16;
const STAMPED: usize = 17;
const MESSAGE_ID: usize = 18;
const IN_REPLY_TO: usize = 19;
const VALUES: usize = 20;

/// Whether the company runs a server of its own.
pub(in crate::mail_client) fn is_on_premises(installation: Installation) -> bool {
    is_among(installation.company, "Exchange of its own", ON_PREMISES)
}

pub(in crate::mail_client) fn submission(sender: &Sender<'_>) -> Submission {
    if is_on_premises(sender.installation) {
        Submission::ExchangeOnPremises
    } else {
        Submission::ExchangeOnline
    }
}

/// What every program on Exchange leaves to the server.
pub(in crate::mail_client) fn shape(
    draft: &Draft<'_>,
    coding: &'static Coding,
    maker: Maker,
    rng: &mut ChaCha8Rng,
) -> Shape {
    Shape {
        headers: if is_on_premises(draft.message.installation) {
            OWN_SERVER
        } else {
            ONLINE
        },
        values: values(draft, coding, rng),
        header_style: coding.header_style,
        date_format: "%a, %-d %b %Y %H:%M:%S %z",
        date_in_utc: true,
        text: coding.text,
        html: coding.text,
        wrap: Wrap::Never,
        boundary_separator: "\r\n\t",
        quotes_boundary: true,
        multipart_encoding: None,
        preamble: "",
        thread_index: Some(thread_index(draft, maker, rng)),
    }
}

/// Headers that Exchange Online adds once a message is on its way.
const ON_THE_WAY: [&str; 7] = [
    "x-ms-exchange-",
    "x-ms-office365-",
    "x-ms-publictraffictype",
    "x-ms-traffictypediagnostic",
    "x-microsoft-antispam",
    "x-forefront-",
    "x-originatororg",
];

/// What the sender keeps of a message: the same without the headers that transport adds.
pub(in crate::mail_client) fn sent_copy(message: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(message.len());
    let mut rest = message;
    let mut drops = false;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = rest.split_at(end + 1);
        if line.trim_ascii().is_empty() {
            break;
        }
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            drops = ON_THE_WAY.iter().any(|start| {
                line.get(..start.len())
                    .is_some_and(|name| name.eq_ignore_ascii_case(start.as_bytes()))
            });
        }
        if !drops {
            kept.extend_from_slice(line);
        }
        rest = after;
    }
    kept.extend_from_slice(rest);
    kept
}

/// The server that holds somebody's mailbox. Mailboxes are moved every four to ten months.
fn mailbox_server(sender: &Sender<'_>, date: &DateTime<FixedOffset>) -> (String, String) {
    let Installation { person, company } = sender.installation;
    let rhythm = constant(person, "mailbox moves");
    let days = u64::try_from(date.timestamp() / 86_400).unwrap_or_default();
    let stay = (days + rhythm % 1_000) / (120 + rhythm / 1_000 % 180);
    Region::of(sender).server(
        constant(company, "forest"),
        constant(person ^ stay.wrapping_mul(0x9e37_79b9), "mailbox server"),
    )
}

/// Last digit of an id by the year: the same in each of the archives' ids of a year.
fn era_digit(year: i32) -> &'static str {
    match year {
        ..=2020 => "0",
        2021 | 2022 => "9",
        2023 => "A",
        _ => "2",
    }
}

/// A new id: the server on both sides, or 32 hexadecimal digits at the company's own host.
pub(in crate::mail_client) fn message_id(
    sender: &Sender<'_>,
    date: &DateTime<FixedOffset>,
    rng: &mut ChaCha8Rng,
) -> String {
    if is_on_premises(sender.installation) {
        let company = sender.installation.company;
        let id = letters(LOWER_HEX, 32, rng);
        let host = match constant(company, "host") % 5 {
            0 => "exch01.",
            1 => "mail.",
            2 => "srv-ex01.",
            3 => "exchange.",
            // The name that the world knows is set as the server's own.
            _ => "",
        };
        return format!("<{id}@{host}{}>", sender.domain());
    }
    let (server, domain) = mailbox_server(sender, date);
    let id = letters(UPPER_HEX, 24, rng);
    format!("<{server}{id}{}@{server}.{domain}>", era_digit(date.year()))
}

/// Both sides of an id.
fn sides(message_id: &str) -> (&str, &str) {
    let bare = message_id.trim_start_matches('<').trim_end_matches('>');
    bare.split_once('@').unwrap_or((bare, ""))
}

/// Letters and digits of an id that a boundary has room for, which leaves four letters of the
/// region's name after a server of 13 letters, and six after one of 12.
const BOUNDARY_LETTERS: usize = 55;

/// A boundary: a number for the kind of the multipart and what is alphanumeric of the id.
pub(in crate::mail_client) fn boundary(
    message_id: &str,
    multipart: Multipart,
    has_html: bool,
) -> String {
    let kind = match (multipart, has_html) {
        (Multipart::Alternative, _) => "000",
        (Multipart::Mixed, true) => "004",
        (Multipart::Mixed, false) => "002",
    };
    let id: String = message_id
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(BOUNDARY_LETTERS)
        .collect();
    format!("_{kind}_{id}_")
}

/// The place in the conversation.
pub(in crate::mail_client) fn thread_index(
    draft: &Draft<'_>,
    maker: Maker,
    rng: &mut ChaCha8Rng,
) -> String {
    let date = &draft.message.date;
    match draft.parent() {
        None => thread_index::root(maker, date, rng),
        Some(parent) => thread_index::reply(parent.thread_index, &parent.date, date, rng),
    }
}

const QUOTED: Transfer = Transfer::QuotedPrintable(76);
const UTF_8: (Charset, &str) = (Charset::Utf8, "utf-8");

static US_ASCII: Coding = Coding {
    name: "us-ascii",
    text: &[TextEncoding::new(
        Charset::Ascii,
        "; charset=\"us-ascii\"",
        QUOTED,
    )],
    header_style: header_style(
        &[(Charset::Ascii, "us-ascii"), UTF_8],
        WordEncoding::Quoted,
        false,
    ),
};
static SEVEN_BIT: Coding = Coding {
    name: "us-ascii",
    text: &[
        TextEncoding::new(Charset::Ascii, "; charset=\"us-ascii\"", Transfer::SevenBit),
        TextEncoding::new(Charset::Ascii, "; charset=\"us-ascii\"", QUOTED),
    ],
    header_style: header_style(
        &[(Charset::Ascii, "us-ascii"), UTF_8],
        WordEncoding::Quoted,
        false,
    ),
};
static LATIN_1: Coding = Coding {
    name: "iso-8859-1",
    text: &[TextEncoding::new(
        Charset::Latin1,
        "; charset=\"iso-8859-1\"",
        QUOTED,
    )],
    header_style: header_style(
        &[(Charset::Latin1, "iso-8859-1"), UTF_8],
        WordEncoding::Quoted,
        false,
    ),
};
static WINDOWS_1252: Coding = Coding {
    name: "Windows-1252",
    text: &[TextEncoding::new(
        Charset::Windows1252,
        "; charset=\"Windows-1252\"",
        QUOTED,
    )],
    header_style: header_style(
        &[(Charset::Windows1252, "Windows-1252"), UTF_8],
        WordEncoding::Quoted,
        false,
    ),
};
static UTF_8_BASE64: Coding = Coding {
    name: "utf-8",
    text: &[TextEncoding::new(
        Charset::Utf8,
        "; charset=\"utf-8\"",
        Transfer::Base64,
    )],
    header_style: header_style(&[UTF_8], WordEncoding::Base64, false),
};

/// What somebody's mail is written in by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mail_client) enum Preference {
    /// The smallest set, `us-ascii` too.
    UsAscii,
    /// The same, but not encoded while it is ASCII.
    SevenBit,
    /// ISO-8859-1 at least.
    Latin1,
    /// Windows-1252 at least.
    Windows1252,
    /// UTF-8 for all that is not ASCII.
    Utf8,
}

/// The character set of a message, one for all its parts and its headers.
pub(in crate::mail_client) fn coding(
    draft: &Draft<'_>,
    text: &str,
    preference: Preference,
) -> &'static Coding {
    let message = draft.message;
    let people = message.to.iter().chain(message.cc).chain([&message.from]);
    let files = message.attachments.iter();
    let texts: Vec<&str> = people
        .map(|mailbox| mailbox.name)
        .chain(files.map(|file| file.file_name.as_str()))
        .chain([message.subject, text])
        .collect();
    match (smallest_charset(&texts), preference) {
        // Base64 is never written for ASCII.
        (Charset::Ascii, Preference::UsAscii | Preference::Utf8) => &US_ASCII,
        (Charset::Ascii, Preference::SevenBit) => &SEVEN_BIT,
        (_, Preference::Utf8) | (Charset::Utf8, _) => &UTF_8_BASE64,
        (_, Preference::Windows1252) | (Charset::Windows1252, _) => &WINDOWS_1252,
        (Charset::Ascii | Charset::Latin1, _) => &LATIN_1,
    }
}

/// What a server adds, at the places that the headers name.
pub(in crate::mail_client) fn values(
    draft: &Draft<'_>,
    coding: &Coding,
    rng: &mut ChaCha8Rng,
) -> Vec<String> {
    let message = draft.message;
    let Installation { person, company } = message.installation;
    let mut values = vec![String::new(); VALUES];
    let mut set = |place: usize, value: String| {
        if let Some(slot) = values.get_mut(place) {
            *slot = value;
        }
    };
    // A space and not the tab of the other headers.
    set(REFERENCES, draft.references.replace(' ', "\r\n "));
    let language = super::language_tag(message.language, &message.date);
    set(
        ACCEPT_LANGUAGE,
        if language == "en-US" {
            language.clone()
        } else {
            format!("{language}, en-US")
        },
    );
    set(CONTENT_LANGUAGE, language.clone());
    if is_on_premises(message.installation) {
        let host = constant(company, "network");
        let client = constant(person, "client");
        set(
            CLIENT,
            format!(
                "[10.{}.{}.{}]",
                host % 250,
                client % 8 + host / 256 % 200,
                client / 8 % 250 + 2
            ),
        );
        return values;
    }
    let sender = Sender {
        address: message.from.address,
        installation: message.installation,
    };
    let utc = message.date.to_utc();
    let year = utc.year();
    let (name, domain) = mailbox_server(&sender, &message.date);
    let (_, id_host) = sides(message.message_id);
    // The server of the id, which was made when the mail was planned.
    let (name, host) = match id_host.split_once('.') {
        Some((server, _)) if server.contains("MB") => (server.to_owned(), id_host.to_owned()),
        _ => (name.clone(), format!("{name}.{domain}")),
    };
    let (any, _) = Region::of(&sender).server(constant(company, "forest"), rng.random());
    let other = trace::exchange_relay(message.message_id).unwrap_or(any);
    // Since 2021 with the kind of a check.
    let check = if year >= 2021 { "EE_" } else { "" };
    set(
        DIAGNOSTIC,
        if year >= 2021 {
            format!("{name}:{check}|{other}:{check}")
        } else {
            format!("{other}:")
        },
    );
    set(NETWORK_ID, network_id(&utc, rng));
    let rules = rules(year, rng);
    if year >= 2021 {
        set(RELAY, "0".to_owned());
        set(CHUNKS, "1".to_owned());
    }
    set(
        ANTISPAM,
        if year >= 2024 {
            format!("BCL:0;ARA:{};", rules.join("|"))
        } else {
            "BCL:0;".to_owned()
        },
    );
    let info = rng.random_range(420..760);
    set(MESSAGE_INFO, opaque(coding, info, year, rng));
    let tag = language.split('-').next().unwrap_or("en");
    set(
        REPORT,
        format!(
            "CIP:255.255.255.255;CTRY:;LANG:{tag};SCL:1;SRV:;IPV:NLI;SFV:NSPM;H:{host};PTR:;\
             CAT:NONE;SFS:({});DIR:OUT;SFP:1101;",
            rules.join(")(")
        ),
    );
    let data = rng.random_range(240..560);
    set(MESSAGE_DATA, opaque(coding, data, year, rng));
    set(DOMAIN, sender.domain().to_owned());
    set(SERVER, host);
    set(
        ARRIVAL,
        format!(
            "{}.{:04} (UTC)",
            utc.format("%d %b %Y %H:%M:%S"),
            rng.random_range(0..10_000)
        ),
    );
    set(TENANT, guid(company, "tenant"));
    set(PRINCIPAL, principal(person));
    set(STAMPED, other);
    set(MESSAGE_ID, message.message_id.to_owned());
    let parent = draft.parent().map(|parent| parent.message_id);
    set(IN_REPLY_TO, parent.unwrap_or_default().to_owned());
    if year >= 2021 {
        fold_long(&mut values);
    }
    values
}

/// Puts what does not fit beside the name of its header below it, as Microsoft's servers have done
/// since about 2021.
fn fold_long(values: &mut [String]) {
    for (name, field) in ONLINE {
        let Field::Value(place) = *field else {
            continue;
        };
        let Some(value) = values.get_mut(place) else {
            continue;
        };
        let first = value.split([' ', '\r']).next().unwrap_or_default();
        if name.len() + 2 + first.len() > 78 && !value.starts_with('\r') {
            value.insert_str(0, "\r\n ");
        }
    }
}

/// A UUID whose last group is the time, as steps of 100 ns since year 1 without the lowest 16 bits.
fn network_id(date: &DateTime<Utc>, rng: &mut ChaCha8Rng) -> String {
    const SECONDS_TO_1970: i64 = 62_135_596_800;
    let ticks = u64::try_from(date.timestamp() + SECONDS_TO_1970).unwrap_or_default() * 10_000_000
        + rng.random_range(0..10_000_000);
    let random = uuid(rng);
    let head = random.get(..23).unwrap_or_default();
    let group: u16 = rng.random();
    let head = head.get(..19).unwrap_or(head);
    format!("{head}{group:04x}-{:012x}", ticks >> 16)
}

/// Which rules of the filter a mail has met.
fn rules(year: i32, rng: &mut ChaCha8Rng) -> Vec<&'static str> {
    const RECENT: &[&str] = &[
        "1800799024",
        "366016",
        "376014",
        "38070700018",
        "10070799003",
        "7053199007",
        "8096899003",
        "4022899009",
        "38070700021",
    ];
    const OLDER: &[&str] = &[
        "396003",
        "136003",
        "376002",
        "346002",
        "366004",
        "39860400002",
        "186003",
        "26005",
        "66446008",
        "66556008",
        "66476007",
        "66946007",
        "64756008",
        "76116006",
        "52536014",
        "5660300002",
        "7696005",
        "6506007",
        "53546011",
        "478600001",
        "33656002",
        "8676002",
        "8936002",
        "9686003",
        "71200400001",
        "55016002",
        "316002",
        "2906002",
        "86362001",
        "4326008",
        "110136005",
    ];
    let (first, pool, least) = match year {
        ..=2021 => ("4636009", OLDER, 18),
        2022 | 2023 => ("13230031", OLDER, 18),
        _ => ("13230040", RECENT, 4),
    };
    let mut rules = vec![first];
    let start = rng.random_range(0..pool.len());
    let count = rng.random_range(least..pool.len());
    rules.extend(pool.iter().cycle().skip(start).take(count));
    rules
}

/// Data that only Microsoft can read: base64, since 2021 as encoded words in the character set of
/// the message.
fn opaque(coding: &Coding, length: usize, year: i32, rng: &mut ChaCha8Rng) -> String {
    let mut bytes = vec![0; length / 4 * 4];
    rng.fill_bytes(&mut bytes);
    let mut text: String = bytes
        .iter()
        .map(|byte| char::from(BASE64[usize::from(byte & 63)]))
        .collect();
    if year < 2021 {
        return text;
    }
    let name = coding.name;
    let is_base64 = coding.header_style.encoded_words.encoding == WordEncoding::Base64;
    let room = if is_base64 { 45 } else { 66 - name.len() };
    let mut words = String::with_capacity(length * 3 / 2);
    while !text.is_empty() {
        let rest = text.split_off(room.min(text.len()));
        if !words.is_empty() {
            words.push_str("\r\n ");
        }
        words.push_str("=?");
        words.push_str(name);
        if is_base64 {
            words.push_str("?B?");
            words.push_str(&base64::inline(text.as_bytes()));
        } else {
            words.push_str("?Q?");
            words.push_str(&text);
        }
        words.push_str("?=");
        text = rest;
    }
    words
}

/// A UUID that is constant for a company.
fn guid(number: u64, question: &str) -> String {
    let (high, low) = (constant(number, question), constant(!number, question));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

/// The name of a mailbox, encrypted: 64 octets that are constant for a person.
fn principal(person: u64) -> String {
    let mut bytes = Vec::with_capacity(64);
    let mut number = person;
    for _ in 0..8 {
        number = constant(number, "principal");
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    base64::inline(&bytes)
}

/// Headers of the part of a file.
pub(in crate::mail_client) fn attachment_headers(
    coding: &Coding,
    attachment: &Attachment,
    date: &DateTime<FixedOffset>,
    rng: &mut ChaCha8Rng,
) -> Vec<(&'static str, String)> {
    let name = &attachment.file_name;
    let (quoted, description) = if encoded_word::needs_encoding(name) {
        let words = encoded_word::encode(name, &coding.header_style.encoded_words, 60, false);
        let words = words.join("\r\n ");
        (format!("\"{words}\""), words)
    } else {
        (header::quoted(name), name.clone())
    };
    // The file was put into the message some time before it was sent.
    let attached = date.to_utc() - chrono::TimeDelta::seconds(rng.random_range(20..900));
    let changed = attached.format("%a, %d %b %Y %H:%M:%S GMT");
    let size = attachment.bytes.len();
    vec![
        (
            "Content-Type",
            format!("{}; name={quoted}", attachment.media_type),
        ),
        ("Content-Description", description),
        (
            "Content-Disposition",
            format!(
                "attachment; filename={quoted}; size={size};\r\n\tcreation-date=\"{changed}\";\
                 \r\n\tmodification-date=\"{changed}\""
            ),
        ),
        ("Content-Transfer-Encoding", "base64".to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sent_copy_has_what_a_server_of_ones_own_would_have() {
        let header: String = ONLINE
            .iter()
            .map(|(name, _)| format!("{name}: one\r\n two\r\n\tthree\r\n"))
            .collect();
        let body = "\r\nx-forefront-antispam-report: in the text\r\n\r\n\r\nEnd";
        let kept: String = ONLINE
            .iter()
            .filter(|(name, _)| OWN_SERVER.iter().any(|(other, _)| other == name))
            .map(|(name, _)| format!("{name}: one\r\n two\r\n\tthree\r\n"))
            .collect();
        let copy = sent_copy(format!("{header}{body}").as_bytes());
        assert_eq!(String::from_utf8(copy).unwrap(), format!("{kept}{body}"));
        assert!(kept.contains("Thread-Index") && !kept.contains("x-ms-exchange"));
    }

    #[test]
    fn a_message_without_a_body_is_copied_whole() {
        for message in ["From: ana\r\nTo: ben\r\n", "From: ana", ""] {
            assert_eq!(sent_copy(message.as_bytes()), message.as_bytes());
        }
    }
}
