//! Which program wrote a mail, and the forms that its Message-IDs and boundaries have.

use super::bytes::{all, contains, ends_with, slice, split_at_byte, split_at_last_byte};

/// The program that a mail names, or betrays by its headers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Mailer {
    Gmail,
    Exchange,
    Outlook,
    Thunderbird,
    AppleMac,
    IPhone,
    IPad,
    Evolution,
    Mutt,
    K9,
    Roundcube,
    Yahoo,
    Proton,
    /// One that is named and whose habits are not known here.
    Other(u8),
    /// Nothing says.
    #[default]
    None,
}

/// What User-Agent or X-Mailer hold, the first that fits.
const NAMED: &[(&[u8], Mailer)] = &[
    (b"git-send-email", Mailer::Other(1)),
    (b"phpmailer", Mailer::Other(2)),
    (b"iphone mail", Mailer::IPhone),
    (b"ipad mail", Mailer::IPad),
    (b"apple mail", Mailer::AppleMac),
    (b"thunderbird", Mailer::Thunderbird),
    (b"evolution", Mailer::Evolution),
    (b"neomutt", Mailer::Mutt),
    (b"mutt", Mailer::Mutt),
    (b"k-9", Mailer::K9),
    (b"kmail", Mailer::Other(3)),
    (b"roundcube", Mailer::Roundcube),
    (b"outlook express", Mailer::Other(4)),
    (b"outlook-express", Mailer::Other(4)),
    (b"microsoft-macoutlook", Mailer::Other(5)),
    (b"microsoft outlook, build", Mailer::Other(6)),
    (b"microsoft office outlook", Mailer::Outlook),
    (b"microsoft outlook", Mailer::Outlook),
    (b"internet mail service", Mailer::Other(7)),
    (b"exchange", Mailer::Other(7)),
    (b"cyrus-jmap", Mailer::Other(8)),
    (b"webservice", Mailer::Yahoo),
    (b"ymail", Mailer::Yahoo),
    (b"alpine", Mailer::Other(9)),
    (b"pine", Mailer::Other(9)),
    (b"gnus", Mailer::Other(10)),
    (b"notmuch", Mailer::Other(11)),
    (b"em_client", Mailer::Other(12)),
    (b"eudora", Mailer::Other(13)),
    (b"stgit", Mailer::Other(1)),
    (b"quilt", Mailer::Other(1)),
    (b"b4 ", Mailer::Other(1)),
    (b"exmh", Mailer::Other(14)),
    (b"ximian", Mailer::Evolution),
    (b"mozilla", Mailer::Other(15)),
    (b"entourage", Mailer::Other(16)),
    (b"zoho", Mailer::Other(17)),
    (b"sylpheed", Mailer::Other(18)),
    (b"claws", Mailer::Other(19)),
];

/// Longest name of a program that is looked at.
const NAME_MAX: usize = 200;

impl Mailer {
    /// From what the headers say. `has_exchange_headers` are those that only Exchange adds.
    pub(super) fn of(
        user_agent: &[u8],
        x_mailer: &[u8],
        message_id: &[u8],
        class: IdClass,
        has_exchange_headers: bool,
    ) -> Self {
        let agents = [user_agent, x_mailer].map(|name| slice(name, 0, name.len().min(NAME_MAX)));
        if agents.iter().any(|name| !name.is_empty()) {
            return NAMED
                .iter()
                .find(|(needle, _)| agents.iter().any(|name| contains(name, needle)))
                .map_or(Self::Other(0), |(_, mailer)| *mailer);
        }
        if class == IdClass::Gmail {
            Self::Gmail
        } else if class.is_exchange_online() || has_exchange_headers {
            Self::Exchange
        } else if find_word(message_id, b"yahoo.com") {
            Self::Yahoo
        } else if find_word(message_id, b"protonmail") || find_word(message_id, b"proton.me") {
            Self::Proton
        } else {
            Self::None
        }
    }

    /// Whether real mail of this program has Message-IDs of `class`; `None` if that is not known.
    pub(super) fn makes(self, class: IdClass) -> Option<bool> {
        let classes: &[IdClass] = match self {
            Self::Gmail => &[IdClass::Gmail],
            Self::IPhone | Self::IPad | Self::AppleMac => &[IdClass::UuidUpper],
            Self::Thunderbird => &[IdClass::UuidLower, IdClass::Netscape],
            Self::Evolution => &[IdClass::Evolution],
            Self::Mutt => &[IdClass::Mutt, IdClass::MuttNew, IdClass::Digits],
            Self::K9 => &[IdClass::UuidUpper, IdClass::Other],
            Self::Outlook => &[
                IdClass::OutlookDollar,
                IdClass::ExchangeOnline,
                IdClass::ExchangeOnlineUpper,
                IdClass::Hex32,
            ],
            Self::Exchange => &[
                IdClass::ExchangeOnline,
                IdClass::ExchangeOnlineUpper,
                IdClass::Hex32,
                IdClass::Hex40,
            ],
            _ => return None,
        };
        Some(classes.contains(&class))
    }

    /// Whether it puts the sender's domain into its Message-IDs.
    pub(super) fn uses_senders_domain(self) -> bool {
        matches!(
            self,
            Self::Thunderbird | Self::IPhone | Self::AppleMac | Self::Evolution
        )
    }

    /// Whether its Message-IDs may be 32 hexadecimal digits.
    pub(super) fn makes_hex32(self) -> bool {
        matches!(self, Self::Exchange | Self::Outlook | Self::Roundcube)
    }

    /// Whether it is a program for people whose headers are known to be sound: it encodes what is
    /// not ASCII, and never writes `-0000` into a Date.
    pub(super) fn is_sound_client(self) -> bool {
        matches!(
            self,
            Self::Gmail
                | Self::Exchange
                | Self::Outlook
                | Self::Thunderbird
                | Self::AppleMac
                | Self::IPhone
                | Self::IPad
                | Self::Evolution
                | Self::Mutt
                | Self::K9
                | Self::Roundcube
        )
    }

    pub(super) fn is_apple(self) -> bool {
        matches!(self, Self::AppleMac | Self::IPhone | Self::IPad)
    }

    pub(super) fn is_microsoft(self) -> bool {
        matches!(self, Self::Exchange | Self::Outlook)
    }

    /// Whether it makes boundaries of `class`, of two alternatives; `None` if that is not known.
    pub(super) fn bounds_with(self, class: BoundaryClass) -> Option<bool> {
        let classes: &[BoundaryClass] = match self {
            Self::Thunderbird => &[BoundaryClass::Mozilla],
            Self::AppleMac | Self::IPhone | Self::IPad => &[BoundaryClass::Apple],
            Self::Exchange => &[BoundaryClass::Exchange],
            Self::Outlook => &[BoundaryClass::Exchange, BoundaryClass::NextPart],
            Self::Evolution => &[BoundaryClass::Evolution],
            _ => return None,
        };
        Some(classes.contains(&class))
    }
}

/// Whether an address-like text, mostly in lower case, holds a word.
fn find_word(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// The form of a Message-ID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum IdClass {
    Gmail,
    OutlookDollar,
    ExchangeOnline,
    ExchangeOnlineUpper,
    /// 32 hexadecimal digits: Exchange on premises, Roundcube, Python's `uuid4().hex`.
    Hex32,
    UuidUpper,
    UuidLower,
    Evolution,
    Netscape,
    MuttNew,
    Mutt,
    Git,
    MakeMsgid,
    JavaMail,
    Alpine,
    KMail,
    Hex40,
    Digits,
    Other,
    #[default]
    Absent,
}

fn is_lower_hex(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_upper_hex(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'F')
}

fn is_upper_or_digit(byte: &u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'A'..=b'Z')
}

const ANY: usize = usize::MAX;

/// Longest Message-ID whose form is looked at.
const ID_MAX: usize = 998;

impl IdClass {
    /// Of a Message-ID with its brackets.
    pub(super) fn of(message_id: &[u8]) -> Self {
        if message_id.is_empty() {
            return Self::Absent;
        }
        let id = slice(message_id, 0, message_id.len().min(ID_MAX));
        let id = id.strip_prefix(b"<").unwrap_or(id);
        let Some((local, domain)) = split_at_byte(id, b'@') else {
            return Self::without_domain(id);
        };
        let gmail =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'=' | b'-');
        if domain.starts_with(b"mail.gmail.com")
            && local
                .strip_prefix(b"CA")
                .is_some_and(|rest| all(rest, 30, ANY, gmail))
        {
            return Self::Gmail;
        }
        if let Some(rest) = local.strip_suffix(b"$") {
            let mut groups = rest.split(|byte| *byte == b'$');
            let mut group = |min, max| {
                groups
                    .next()
                    .is_some_and(|group| all(group, min, max, is_lower_hex))
            };
            if group(10, 13) && group(8, 8) && group(8, 8) && groups.next().is_none() {
                return Self::OutlookDollar;
            }
        }
        if local.len() >= 16
            && all(local, 16, ANY, is_upper_or_digit)
            && all(
                slice(local, local.len() - 8, local.len()),
                8,
                8,
                is_upper_hex,
            )
            && let Some(class) = exchange_domain(domain)
        {
            return class;
        }
        if all(local, 32, 32, is_lower_hex)
            && domain
                .first()
                .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        {
            return Self::Hex32;
        }
        if is_uuid(local, is_upper_hex) {
            return Self::UuidUpper;
        }
        let (start, tail) = local.split_at(local.len().min(36));
        if is_uuid(start, is_lower_hex)
            && tail.strip_prefix(b".").map_or(tail.is_empty(), |word| {
                all(word, 1, ANY, |byte| {
                    byte.is_ascii_alphanumeric() || *byte == b'_'
                })
            })
        {
            return Self::UuidLower;
        }
        if local
            .strip_suffix(b".camel")
            .is_some_and(|hex| all(hex, 40, 40, is_lower_hex))
        {
            return Self::Evolution;
        }
        let halves = split_at_byte(local, b'.');
        if let Some((first, second)) = halves
            && all(first, 8, 8, is_upper_hex)
            && (all(second, 5, 8, u8::is_ascii_digit) || all(second, 6, 8, is_upper_hex))
        {
            return Self::Netscape;
        }
        let sixteen =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-');
        if all(local, 16, 16, sixteen) {
            return Self::MuttNew;
        }
        let long = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        if let Some((first, second)) = halves
            && all(first, 14, 14, u8::is_ascii_digit)
            && (all(second, 5, ANY, u8::is_ascii_alphanumeric) || all(second, 10, ANY, long))
        {
            return Self::Mutt;
        }
        if is_git(local) {
            return Self::Git;
        }
        let mut groups = local.split(|byte| *byte == b'.');
        let mut group = |min, max| {
            groups
                .next()
                .is_some_and(|group| all(group, min, max, u8::is_ascii_digit))
        };
        if group(15, 20) && group(1, ANY) && group(10, ANY) && groups.next().is_none() {
            return Self::MakeMsgid;
        }
        if find_word(id, b"JavaMail") {
            return Self::JavaMail;
        }
        if local.starts_with(b"alpine.") || local.starts_with(b"Pine.") {
            return Self::Alpine;
        }
        if let Some((first, second)) = halves
            && all(first, 3, 10, u8::is_ascii_digit)
            && all(second, 6, 10, u8::is_ascii_alphanumeric)
        {
            return Self::KMail;
        }
        if all(local, 40, 64, is_lower_hex) {
            return Self::Hex40;
        }
        if all(local, 1, ANY, |byte| byte.is_ascii_digit() || *byte == b'.') {
            return Self::Digits;
        }
        Self::Other
    }

    fn without_domain(id: &[u8]) -> Self {
        if is_git(id) {
            Self::Git
        } else if find_word(id, b"JavaMail") {
            Self::JavaMail
        } else if id.starts_with(b"alpine.") || id.starts_with(b"Pine.") {
            Self::Alpine
        } else {
            Self::Other
        }
    }

    pub(super) fn is_exchange_online(self) -> bool {
        matches!(self, Self::ExchangeOnline | Self::ExchangeOnlineUpper)
    }
}

/// `SERVER.region.prod.outlook.com`, in one case behind the server.
fn exchange_domain(domain: &[u8]) -> Option<IdClass> {
    let (server, rest) = split_at_byte(domain, b'.')?;
    let (region, rest) = split_at_byte(rest, b'.')?;
    if !all(server, 1, ANY, is_upper_or_digit) {
        return None;
    }
    let lower = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z');
    if all(region, 1, ANY, lower) && rest.starts_with(b"prod.outlook.com") {
        Some(IdClass::ExchangeOnline)
    } else if all(region, 1, ANY, is_upper_or_digit) && rest.starts_with(b"PROD.OUTLOOK.COM") {
        Some(IdClass::ExchangeOnlineUpper)
    } else {
        None
    }
}

/// `^\d{10,14}[.-]\d+-\d+-`
fn is_git(id: &[u8]) -> bool {
    let digits = id.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if !(10..=14).contains(&digits) || !matches!(id.get(digits), Some(b'.' | b'-')) {
        return false;
    }
    let mut groups = slice(id, digits + 1, id.len()).split(|byte| *byte == b'-');
    let mut is_number = || {
        groups
            .next()
            .is_some_and(|group| all(group, 1, ANY, u8::is_ascii_digit))
    };
    is_number() && is_number() && groups.next().is_some()
}

fn is_uuid(text: &[u8], class: fn(&u8) -> bool) -> bool {
    text.len() == 36
        && text.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => class(byte),
        })
}

/// Whether 32 hexadecimal digits are a version 4 UUID.
pub(super) fn is_uuid4_hex(local: &[u8]) -> bool {
    all(local, 32, 32, is_lower_hex)
        && local.get(12) == Some(&b'4')
        && matches!(local.get(16), Some(b'8' | b'9' | b'a' | b'b'))
}

/// Left and right side of a Message-ID, without brackets.
pub(super) fn sides(message_id: &[u8]) -> (&[u8], &[u8]) {
    let id = message_id.strip_prefix(b"<").unwrap_or(message_id);
    let id = id.strip_suffix(b">").unwrap_or(id);
    split_at_last_byte(id, b'@').unwrap_or((id, &[]))
}

/// Whether Exchange names the same server on both sides.
pub(super) fn exchange_servers_agree(message_id: &[u8]) -> bool {
    let (local, domain) = sides(message_id);
    let server = domain
        .split(|byte| *byte == b'.')
        .next()
        .unwrap_or_default();
    local
        .strip_prefix(server)
        .is_some_and(|rest| all(rest, 25, 25, is_upper_hex))
}

/// Whether `boundary` is what Exchange makes of the Message-ID: `_000_`, both servers, the first
/// letters of the region, `_`.
pub(super) fn exchange_boundary_agrees(boundary: &[u8], message_id: &[u8]) -> bool {
    let (local, domain) = sides(message_id);
    let mut labels = domain.split(|byte| *byte == b'.');
    let server = labels.next().unwrap_or_default();
    let region = labels.next().unwrap_or_default();
    let inner = slice(boundary, 5, boundary.len().saturating_sub(1));
    inner
        .strip_prefix(local)
        .and_then(|rest| rest.strip_prefix(server))
        .is_some_and(|rest| rest == slice(region, 0, region.len().min(4)))
        && ends_with(boundary, b"_")
}

/// Whether `boundary` has the form of one of Exchange Online, whatever the Message-ID.
pub(super) fn is_exchange_boundary(boundary: &[u8]) -> bool {
    let inner = slice(boundary, 5, boundary.len().saturating_sub(1));
    let digits = slice(boundary, 1, 4);
    boundary.starts_with(b"_")
        && all(digits, 3, 3, u8::is_ascii_digit)
        && ends_with(boundary, b"_")
        && all(inner, 32, 120, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')
        })
}

/// The form of a boundary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum BoundaryClass {
    #[default]
    None,
    Gmail,
    Apple,
    Exchange,
    NextPart,
    Mozilla,
    Python,
    Evolution,
    Mutt,
    Other,
}

impl BoundaryClass {
    pub(super) fn of(boundary: &[u8]) -> Self {
        if boundary.is_empty() {
            return Self::None;
        }
        let zeros = boundary.iter().take_while(|byte| **byte == b'0').count();
        // Zeros before the hexadecimal digits do not count.
        let gmail = all(boundary, 26, ANY, is_lower_hex) && boundary.len() - zeros <= 32;
        if gmail {
            return Self::Gmail;
        }
        if boundary.starts_with(b"Apple-Mail") {
            return Self::Apple;
        }
        if boundary.starts_with(b"_")
            && all(slice(boundary, 1, 4), 3, 3, u8::is_ascii_digit)
            && boundary.get(4) == Some(&b'_')
        {
            return Self::Exchange;
        }
        if boundary.starts_with(b"----=_NextPart_") {
            return Self::NextPart;
        }
        if boundary.starts_with(b"----------") {
            return Self::Mozilla;
        }
        let equals = boundary.iter().take_while(|byte| **byte == b'=').count();
        if equals >= 10
            && slice(boundary, equals, boundary.len())
                .strip_suffix(b"==")
                .is_some_and(|digits| all(digits, 1, ANY, u8::is_ascii_digit))
        {
            return Self::Python;
        }
        if boundary.starts_with(b"=-") {
            return Self::Evolution;
        }
        if all(boundary, 16, 16, |byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
        }) {
            return Self::Mutt;
        }
        Self::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_have_the_form_of_their_program() {
        for (id, class) in [
            ("", IdClass::Absent),
            (
                "<CAF1bQ=x8Zl+k_vT0yJ2m4nR6sW8uY0aC2eG4iK6mO8qS0tU2wY4@mail.gmail.com>",
                IdClass::Gmail,
            ),
            (
                "<000a01d5423f$1b2c3d4e$5f6a7b8c$@corp.example>",
                IdClass::OutlookDollar,
            ),
            (
                "<AM6PR01MB4321A1B2C3D4E5F60718293A4B5C6@AM6PR01MB4321.eurprd01.prod.outlook.com>",
                IdClass::ExchangeOnline,
            ),
            (
                "<0123456789abcdef0123456789abcdef@corp.example>",
                IdClass::Hex32,
            ),
            (
                "<6F9619FF-8B86-4011-B42D-00C04FC964FF@corp.example>",
                IdClass::UuidUpper,
            ),
            (
                "<6f9619ff-8b86-4011-b42d-00c04fc964ff@corp.example>",
                IdClass::UuidLower,
            ),
            (
                "<0123456789abcdef0123456789abcdef01234567.camel@corp.example>",
                IdClass::Evolution,
            ),
            ("<20190724163902.GA12345@host.corp.example>", IdClass::Mutt),
            ("<XTg5bGFkZmFzZGZh@host.corp.example>", IdClass::MuttNew),
            (
                "<176342312345678.4711.1234567890123456789@host>",
                IdClass::MakeMsgid,
            ),
            ("<1234.5@x>", IdClass::Digits),
            ("<no at sign>", IdClass::Other),
        ] {
            assert_eq!(IdClass::of(id.as_bytes()), class, "{id}");
        }
    }

    #[test]
    fn boundaries_have_the_form_of_their_program() {
        for (boundary, class) in [
            ("", BoundaryClass::None),
            ("000000000000a1b2c3058f0e1d2c", BoundaryClass::Gmail),
            (
                "Apple-Mail=_6F9619FF-8B86-4011-B42D-00C04FC964FF",
                BoundaryClass::Apple,
            ),
            (
                "----=_NextPart_000_0001_01D5423F.1B2C3D4E",
                BoundaryClass::NextPart,
            ),
            (
                "------------0123456789ABCDEF01234567",
                BoundaryClass::Mozilla,
            ),
            (
                "===============1234567890123456789==",
                BoundaryClass::Python,
            ),
            ("=-abcdefghijklmnopqrst", BoundaryClass::Evolution),
            ("AbCdEfGhIjKlMn+/", BoundaryClass::Mutt),
            ("x", BoundaryClass::Other),
        ] {
            assert_eq!(BoundaryClass::of(boundary.as_bytes()), class, "{boundary}");
        }
    }

    #[test]
    fn exchange_boundaries_follow_from_the_message_id() {
        let id =
            b"<AM6PR01MB4321A1B2C3D4E5F60718293A4B5C6@AM6PR01MB4321.eurprd01.prod.outlook.com>";
        let boundary = b"_000_AM6PR01MB4321A1B2C3D4E5F60718293A4B5C6AM6PR01MB4321eurp_";
        assert!(exchange_servers_agree(id));
        assert!(exchange_boundary_agrees(boundary, id));
        assert!(is_exchange_boundary(boundary));
        assert!(!exchange_boundary_agrees(
            &boundary[..boundary.len() - 2],
            id
        ));
        assert!(!exchange_servers_agree(
            b"<AM6PR01MB4321A1B2C3D4E5F60718293A4B5C6@AM6PR02MB1.eurprd01.prod.outlook.com>"
        ));
    }
}
