//! Headers and parts of a message, in one pass and without copies.

use super::bytes::{find, line, slice, starts_with};

/// More parts than this are not looked at.
const PARTS_MAX: usize = 1_000;

/// Containers in containers, deeper than which a part is taken as it is.
const DEPTH_MAX: usize = 16;

/// Gives each header, name and value (folded, without blanks around), and returns the body.
///
/// A line that is no header is passed over, as is the `From ` line of an mbox.
pub(super) fn headers<'a>(bytes: &'a [u8], mut each: impl FnMut(&'a [u8], &'a [u8])) -> &'a [u8] {
    let mut rest = bytes;
    if rest.starts_with(b"From ") {
        rest = line(rest).1;
    }
    while !rest.is_empty() {
        let mut length = 0;
        loop {
            let ahead = slice(rest, length, rest.len());
            length += find(ahead, b'\n').map_or(ahead.len(), |end| end + 1);
            if length <= 2 && matches!(slice(rest, 0, length), b"\n" | b"\r\n") {
                return slice(rest, length, rest.len());
            }
            if !matches!(rest.get(length), Some(b' ' | b'\t')) {
                break;
            }
        }
        let header = slice(rest, 0, length);
        if let Some(colon) = find(header, b':') {
            let name = slice(header, 0, colon).trim_ascii_end();
            if !name.is_empty() && find(name, b'\n').is_none() {
                each(name, slice(header, colon + 1, length).trim_ascii());
            }
        }
        rest = slice(rest, length, rest.len());
    }
    &[]
}

/// A parameter of a header such as Content-Type, without quotes.
pub(super) fn parameter<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = value;
    while let Some(at) = find(rest, b';') {
        rest = slice(rest, at + 1, rest.len()).trim_ascii_start();
        let equals = rest.iter().position(|byte| matches!(byte, b'=' | b';'))?;
        if rest.get(equals) == Some(&b';') {
            rest = slice(rest, equals, rest.len());
            continue;
        }
        let key = slice(rest, 0, equals).trim_ascii_end();
        let after = slice(rest, equals + 1, rest.len()).trim_ascii_start();
        let found = if let Some(quoted) = after.strip_prefix(b"\"") {
            let end = find(quoted, b'"').unwrap_or(quoted.len());
            rest = slice(quoted, end, quoted.len());
            slice(quoted, 0, end)
        } else {
            let end = after
                .iter()
                .position(|byte| *byte == b';' || byte.is_ascii_whitespace())
                .unwrap_or(after.len());
            rest = slice(after, end, after.len());
            slice(after, 0, end)
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(found);
        }
    }
    None
}

/// What a part is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Plain,
    Html,
    Alternative,
    OtherMultipart,
    Message,
    Signature,
    Other,
}

impl Kind {
    /// Of a Content-Type; plain text if there is none that can be read.
    fn of(content_type: &[u8]) -> Self {
        let end = find(content_type, b';').unwrap_or(content_type.len());
        let name = slice(content_type, 0, end).trim_ascii();
        if name.iter().filter(|byte| **byte == b'/').count() != 1 {
            return Self::Plain;
        }
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        if is(b"text/plain") {
            Self::Plain
        } else if is(b"text/html") {
            Self::Html
        } else if is(b"multipart/alternative") {
            Self::Alternative
        } else if starts_with(name, b"multipart/") {
            Self::OtherMultipart
        } else if is(b"message/rfc822") {
            Self::Message
        } else if is(b"application/pgp-signature")
            || is(b"application/pkcs7-signature")
            || is(b"application/x-pkcs7-signature")
        {
            Self::Signature
        } else {
            Self::Other
        }
    }

    pub(super) fn is_multipart(self) -> bool {
        matches!(self, Self::Alternative | Self::OtherMultipart)
    }
}

/// A part, or the message as one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Part<'a> {
    pub(super) kind: Kind,
    pub(super) content_type: &'a [u8],
    pub(super) encoding: &'a [u8],
    disposition: &'a [u8],
    pub(super) body: &'a [u8],
}

impl<'a> Part<'a> {
    /// Takes a header that says something about the part. The first of each name counts.
    pub(super) fn take(&mut self, name: &[u8], value: &'a [u8]) {
        let field = match name.len() {
            12 if name.eq_ignore_ascii_case(b"content-type") => &mut self.content_type,
            19 if name.eq_ignore_ascii_case(b"content-disposition") => &mut self.disposition,
            25 if name.eq_ignore_ascii_case(b"content-transfer-encoding") => &mut self.encoding,
            _ => return,
        };
        if field.is_empty() {
            *field = value;
        }
    }

    pub(super) fn with_body(mut self, body: &'a [u8]) -> Self {
        self.kind = Kind::of(self.content_type);
        self.body = body;
        self
    }

    pub(super) fn charset(&self) -> &'a [u8] {
        parameter(self.content_type, b"charset").unwrap_or_default()
    }

    pub(super) fn is_attached(&self) -> bool {
        starts_with(self.disposition, b"attachment")
    }

    fn has_file_name(&self) -> bool {
        parameter(self.disposition, b"filename").is_some()
            || parameter(self.disposition, b"filename*").is_some()
            || parameter(self.content_type, b"name").is_some()
    }
}

/// What a message is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct Mime<'a> {
    pub(super) root: Kind,
    /// The root has parts, not only the name of it.
    pub(super) is_multipart: bool,
    /// Boundary of the root.
    pub(super) boundary: &'a [u8],
    /// The text that people read.
    pub(super) plain: Option<Part<'a>>,
    pub(super) html: Option<Part<'a>>,
    pub(super) attachments: u32,
    /// Of two alternatives the HTML comes first.
    pub(super) html_first: bool,
    parts: usize,
}

/// A multipart that is open.
struct Container<'a> {
    boundary: &'a [u8],
    is_alternative: bool,
    has_html: bool,
}

impl<'a> Mime<'a> {
    /// Reads the parts of a message.
    pub(super) fn of(root: Part<'a>) -> Self {
        let mut mime = Self {
            root: root.kind,
            ..Self::default()
        };
        let mut open: Vec<Container<'a>> = Vec::new();
        let mut nested = 0;
        let mut part = root;
        // Each round reads one part and leaves the rest behind it.
        loop {
            let boundary = if part.kind.is_multipart() {
                parameter(part.content_type, b"boundary").map(<[u8]>::trim_ascii_end)
            } else {
                None
            };
            let rest = match boundary {
                Some(boundary) if open.len() < DEPTH_MAX && !boundary.is_empty() => {
                    if mime.parts == 0 && open.is_empty() && nested == 0 {
                        mime.boundary = boundary;
                    }
                    open.push(Container {
                        boundary,
                        is_alternative: part.kind == Kind::Alternative,
                        has_html: false,
                    });
                    part.body
                }
                _ if part.kind == Kind::Message && nested < DEPTH_MAX => {
                    nested += 1;
                    part = read_part(part.body);
                    continue;
                }
                _ => {
                    let end = if open.is_empty() {
                        part.body.len()
                    } else {
                        delimiter(part.body, &open).map_or(part.body.len(), |found| found.at)
                    };
                    let (body, rest) = part.body.split_at(end.min(part.body.len()));
                    // The line end before a delimiter belongs to it.
                    part.body = if rest.is_empty() {
                        body
                    } else {
                        let body = body.strip_suffix(b"\n").unwrap_or(body);
                        body.strip_suffix(b"\r").unwrap_or(body)
                    };
                    mime.leaf(part, open.last_mut());
                    rest
                }
            };
            if open.is_empty() || mime.parts >= PARTS_MAX {
                return mime;
            }
            let mut rest = rest;
            loop {
                let Some(found) = delimiter(rest, &open) else {
                    return mime;
                };
                rest = slice(rest, found.next, rest.len());
                open.truncate(found.index + 1);
                if found.closes {
                    open.pop();
                    if open.is_empty() {
                        return mime;
                    }
                } else {
                    mime.is_multipart |= found.index == 0;
                    part = read_part(rest);
                    break;
                }
            }
        }
    }

    fn leaf(&mut self, part: Part<'a>, container: Option<&mut Container<'a>>) {
        self.parts += 1;
        match part.kind {
            Kind::Html => {
                if let Some(container) = container {
                    container.has_html = true;
                }
            }
            Kind::Plain if !part.is_attached() => {
                self.html_first |= container
                    .is_some_and(|container| container.is_alternative && container.has_html);
            }
            _ => {}
        }
        if part.kind == Kind::Plain && self.plain.is_none() && !part.is_attached() {
            self.plain = Some(part);
        } else if part.kind == Kind::Html && self.html.is_none() && !part.is_attached() {
            self.html = Some(part);
        } else if part.kind != Kind::Signature && (part.is_attached() || part.has_file_name()) {
            self.attachments = self.attachments.saturating_add(1);
        }
    }
}

fn read_part(bytes: &[u8]) -> Part<'_> {
    let mut part = Part::default();
    let body = headers(bytes, |name, value| part.take(name, value));
    part.with_body(body)
}

/// A delimiter line.
struct Delimiter {
    /// Where the line starts.
    at: usize,
    /// Where the next one starts.
    next: usize,
    /// Which of the open containers it belongs to.
    index: usize,
    closes: bool,
}

/// The first delimiter line of any open container.
fn delimiter(bytes: &[u8], open: &[Container<'_>]) -> Option<Delimiter> {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let length = find(rest, b'\n').map_or(rest.len(), |end| end + 1);
        if rest.starts_with(b"--") {
            let marked = slice(rest, 2, length).trim_ascii_end();
            for (index, container) in open.iter().enumerate().rev() {
                let closes = match marked.strip_prefix(container.boundary) {
                    Some(b"") => false,
                    Some(b"--") => true,
                    _ => continue,
                };
                return Some(Delimiter {
                    at,
                    next: at + length,
                    index,
                    closes,
                });
            }
        }
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(message: &str) -> Mime<'_> {
        let mut part = Part::default();
        let body = headers(message.as_bytes(), |name, value| part.take(name, value));
        Mime::of(part.with_body(body))
    }

    #[test]
    fn nested_parts_are_read() {
        let mime = read(
            "From: a@b.example\nContent-Type: multipart/mixed; boundary=\"out\"\n\npreamble\n\
             --out\nContent-Type: multipart/alternative;\n boundary=in\n\n\
             --in\n\nHello\n--in\nContent-Type: text/html\n\n<p>Hello\n--in--\n\
             --out\nContent-Type: application/pdf; name=a.pdf\n\nx\n--out--\n",
        );
        assert!(mime.is_multipart && !mime.html_first);
        assert_eq!(mime.boundary, b"out");
        assert_eq!(mime.plain.unwrap().body, b"Hello");
        assert_eq!(mime.html.unwrap().body, b"<p>Hello");
        assert_eq!(mime.attachments, 1);
    }

    #[test]
    fn a_message_in_a_message_is_looked_into() {
        let mime = read(
            "Content-Type: multipart/mixed; boundary=out\n\n--out\nContent-Type: message/rfc822\n\n\
             Subject: x\nContent-Type: text/html\n\n<p>Hi\n--out--\n",
        );
        assert_eq!(mime.html.unwrap().body, b"<p>Hi");
    }

    #[test]
    fn a_boundary_that_never_comes_makes_no_parts() {
        let mime = read("Content-Type: multipart/mixed; boundary=x\n\nHello\n");
        assert!(!mime.is_multipart && mime.plain.is_none());
    }

    #[test]
    fn parameters_are_read_whatever_stands_between_them() {
        let value = b"text/plain; format = flowed;;x; charset=\"utf-8; a\"; name=b";
        assert_eq!(parameter(value, b"charset"), Some(&b"utf-8; a"[..]));
        assert_eq!(parameter(value, b"FORMAT"), Some(&b"flowed"[..]));
        assert_eq!(parameter(value, b"name"), Some(&b"b"[..]));
        assert_eq!(parameter(value, b"x"), None);
    }
}
