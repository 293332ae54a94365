//! The headers of a message, each looked at once.

use super::bytes::{contains, find, mix, split_at_last_byte, starts_with};
use super::date::{self, MailDate};
use super::reader::Part;

/// Most Received lines whose times are compared.
const HOPS_MAX: usize = 200;

/// The headers that are looked at.
#[derive(Default)]
pub(super) struct Head<'a> {
    pub(super) from: &'a [u8],
    pub(super) to: &'a [u8],
    pub(super) cc: &'a [u8],
    pub(super) subject: &'a [u8],
    pub(super) date: Option<&'a [u8]>,
    pub(super) message_id: &'a [u8],
    pub(super) in_reply_to: &'a [u8],
    pub(super) references: &'a [u8],
    pub(super) mime_version: &'a [u8],
    pub(super) user_agent: &'a [u8],
    pub(super) x_mailer: &'a [u8],
    pub(super) thread_index: Option<&'a [u8]>,
    pub(super) has_exchange_headers: bool,
    pub(super) is_of_a_list: bool,
    pub(super) spells_message_id_in_capitals: bool,
    pub(super) has_cc: bool,
    /// The names that may stand once, one bit each, and the first that stands twice.
    pub(super) seen: u16,
    pub(super) twice: Option<&'static str>,
    /// Places of From, Content-Type, MIME-Version and Content-Transfer-Encoding.
    pub(super) places: [Option<u32>; 4],
    pub(super) received: Received,
    /// Of the names that the sender's program decides, in their order.
    pub(super) order: u64,
    /// The part that the message is.
    pub(super) root: Part<'a>,
}

/// The Received lines.
#[derive(Default)]
pub(super) struct Received {
    pub(super) count: usize,
    /// Unix seconds of the last server.
    pub(super) newest: Option<i64>,
    /// Unix seconds of the first.
    pub(super) oldest: Option<i64>,
    pub(super) times: usize,
    pub(super) goes_back: bool,
}

impl Received {
    fn add(&mut self, value: &[u8]) {
        self.count += 1;
        if self.count > HOPS_MAX {
            return;
        }
        let time = split_at_last_byte(value, b';').and_then(|(_, date)| date::read(date));
        let Some(MailDate { seconds, .. }) = time else {
            return;
        };
        self.times += 1;
        self.newest = self.newest.or(Some(seconds));
        // Clocks of servers differ by some seconds.
        self.goes_back |= self.oldest.is_some_and(|above| above < seconds - 120);
        self.oldest = Some(seconds);
    }
}

const SINGLETONS: [&str; 11] = [
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "from",
    "to",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "user-agent",
];

impl<'a> Head<'a> {
    pub(super) fn add(&mut self, index: u32, name: &'a [u8], value: &'a [u8]) {
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        if !is_added_on_the_way(name) {
            for byte in name {
                self.order = mix(self.order, u64::from(byte.to_ascii_lowercase()));
            }
            self.order = mix(self.order, u64::from(b'\n'));
        }
        let first = |field: &mut &'a [u8]| {
            if field.is_empty() {
                *field = value;
            }
        };
        let mut singleton = None;
        match name.len() {
            2 if is(b"to") => {
                singleton = Some(4);
                first(&mut self.to);
            }
            2 if is(b"cc") => {
                self.has_cc |= find(value, b'@').is_some();
                first(&mut self.cc);
            }
            4 if is(b"from") => {
                singleton = Some(3);
                self.places[0].get_or_insert(index);
                if self.seen & 1 << 3 == 0 {
                    self.from = value;
                }
            }
            4 if is(b"date") => {
                singleton = Some(6);
                self.date.get_or_insert(value);
            }
            7 if is(b"subject") => {
                singleton = Some(5);
                if self.seen & 1 << 5 == 0 {
                    self.subject = value;
                }
            }
            7 if is(b"list-id") => self.is_of_a_list = true,
            8 if is(b"received") => self.received.add(value),
            8 if is(b"x-mailer") => first(&mut self.x_mailer),
            10 if is(b"message-id") => {
                singleton = Some(7);
                self.spells_message_id_in_capitals |= name == b"Message-ID";
                if self.seen & 1 << 7 == 0 {
                    self.message_id = value;
                }
            }
            10 if is(b"references") => {
                singleton = Some(9);
                first(&mut self.references);
            }
            10 if is(b"user-agent") => {
                singleton = Some(10);
                first(&mut self.user_agent);
            }
            11 if is(b"in-reply-to") => {
                singleton = Some(8);
                first(&mut self.in_reply_to);
            }
            12 if is(b"mime-version") => {
                singleton = Some(0);
                self.places[2].get_or_insert(index);
                first(&mut self.mime_version);
            }
            12 if is(b"content-type") => {
                singleton = Some(1);
                self.places[1].get_or_insert(index);
                self.root.take(name, value);
            }
            12 if is(b"thread-index") => {
                self.thread_index.get_or_insert(value);
                self.has_exchange_headers = true;
            }
            12 if is(b"thread-topic") => self.has_exchange_headers = true,
            15 if is(b"x-ms-has-attach") => self.has_exchange_headers = true,
            20 if is(b"x-ms-tnef-correlator") => self.has_exchange_headers = true,
            19 => self.root.take(name, value),
            25 if is(b"content-transfer-encoding") => {
                singleton = Some(2);
                self.places[3].get_or_insert(index);
                self.root.take(name, value);
            }
            _ => {}
        }
        if let Some(number) = singleton {
            let bit = 1 << number;
            if self.seen & bit != 0 {
                self.twice = self.twice.or_else(|| SINGLETONS.get(number).copied());
            }
            self.seen |= bit;
        }
    }
}

/// Whether a header is added by servers and lists, not by the sender's program.
fn is_added_on_the_way(name: &[u8]) -> bool {
    const STARTS: &[&[u8]] = &[
        b"list-",
        b"x-mailman",
        b"x-beenthere",
        b"received",
        b"dkim-",
        b"arc-",
        b"x-google",
        b"return-path",
        b"delivered-to",
        b"x-original-to",
        b"authentication-results",
        b"x-spam",
        b"precedence",
        b"errors-to",
        b"x-content-filtered",
        b"x-virus",
        b"archived-at",
        b"x-rcpt-to",
        b"x-gm-",
        b"x-received",
        b"x-get-message",
        b"x-authenticated",
        b"x-source",
        b"x-antiabuse",
        b"x-mailfrom",
        b"x-topics",
        b"x-mailing-list",
        b"x-ham",
        b"x-tcpremote",
        b"x-pyzor",
        b"x-egroups",
        b"mailing-list",
        b"x-loop",
        b"x-apparently",
        b"x-sender",
        b"x-provags",
        b"x-ui-",
        b"x-yahoo",
        b"x-ymail",
        b"x-sonic",
        b"x-mailprotector",
        b"envelope-to",
        b"x-folder",
        b"x-filename",
        b"x-keywords",
        b"x-uid",
    ];
    const WHOLE: &[&[u8]] = &[
        b"sender",
        b"x-origin",
        b"x-from",
        b"x-to",
        b"x-cc",
        b"x-bcc",
        b"bcc",
        b"status",
        b"x-status",
    ];
    match name.first().map(u8::to_ascii_lowercase) {
        Some(b'x' | b'l' | b'r' | b'd' | b'a' | b'p' | b'e' | b'm' | b's' | b'b') => {
            STARTS.iter().any(|start| starts_with(name, start))
                || WHOLE.iter().any(|whole| name.eq_ignore_ascii_case(whole))
                || contains(name, b"message-id-hash")
        }
        _ => false,
    }
}
