//! The last gate before bytes: nothing that ends a header, or starts another, gets past it.

use chrono::{DateTime, Datelike, FixedOffset};
use decnet_realism::address::EmailAddress;

use crate::message::ComposeError;
use crate::threading::{MAX_SUBJECT_CHARS, is_message_id};

/// Longest display name, in characters. Quoted and escaped it stays below one line's 998 octets.
pub(crate) const MAX_NAME_CHARS: usize = 256;

/// Longest text, in octets: of the new text, and of the parent's.
pub(crate) const MAX_TEXT_BYTES: usize = 256 * 1024;

/// Longest signature, in octets.
pub(crate) const MAX_SIGNATURE_BYTES: usize = 4 * 1024;

/// Longest message id of our own, in octets.
const MAX_OWN_MESSAGE_ID_BYTES: usize = 400;

type Checked = Result<(), ComposeError>;

/// A display name: any text of one line.
pub(crate) fn name(field: &'static str, value: &str) -> Checked {
    one_line(field, value)?;
    refuse_if(field, value.chars().count() > MAX_NAME_CHARS, "too long")
}

/// A subject: any text of one line, up to [`MAX_SUBJECT_CHARS`].
pub(crate) fn subject(field: &'static str, value: &str) -> Checked {
    one_line(field, value)?;
    refuse_if(field, value.chars().count() > MAX_SUBJECT_CHARS, "too long")
}

/// An address. Callers hold validated ones; a message is the last place to find out otherwise.
pub(crate) fn address(field: &'static str, value: &str) -> Checked {
    one_line(field, value)?;
    refuse_if(field, !value.is_ascii(), "holds non-ASCII characters")?;
    refuse_if(
        field,
        EmailAddress::parse(value).is_err(),
        "not a mail address",
    )
}

/// The id of the message itself, in the strict form of RFC 5322 §3.6.4.
pub(crate) fn message_id(field: &'static str, value: &str) -> Checked {
    one_line(field, value)?;
    refuse_if(field, value.len() > MAX_OWN_MESSAGE_ID_BYTES, "too long")?;
    let sides = value
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
        .and_then(|inner| inner.split_once('@'));
    let sound = sides.is_some_and(|(left, right)| is_dot_atom(left) && is_dot_atom(right));
    refuse_if(field, !sound, "not a message id in angle brackets")
}

/// The id of somebody else's message, repeated as it is.
pub(crate) fn foreign_message_id(field: &'static str, value: &str) -> Checked {
    one_line(field, value)?;
    refuse_if(
        field,
        !is_message_id(value),
        "not a message id in angle brackets",
    )
}

/// A list of ids separated by spaces. Malformed ones are dropped later, not refused.
pub(crate) fn references(field: &'static str, value: &str) -> Checked {
    one_line(field, value)
}

/// A date that RFC 5322 §3.3 can write: four digits of year, a zone of less than a day.
pub(crate) fn date(field: &'static str, value: &DateTime<FixedOffset>) -> Checked {
    refuse_if(
        field,
        !(1900..=9999).contains(&value.year()),
        "year outside 1900 to 9999",
    )
}

/// Text of several lines: `\n` line ends, no other control characters but tabs, nothing blank at
/// the end of a line or of the text.
///
/// A lone `\r` ends a line too. Blanks at the end of a line mean nothing to the reader and a line
/// break to a `format=flowed` one, so they go. The signature separator `-- ` keeps its space.
pub(crate) fn text(field: &'static str, value: &str, max: usize) -> Result<String, ComposeError> {
    refuse_if(field, value.len() > max, "too long")?;
    let mut clean = String::with_capacity(value.len() + 1);
    let mut line_start = 0;
    let mut rest = value;
    loop {
        // Up to what may be a control character; 0xc2 is the first octet of those beyond ASCII.
        let run = rest
            .bytes()
            .position(|byte| byte.is_ascii_control() || byte == 0xc2);
        let (plain, tail) = rest.split_at(run.unwrap_or(rest.len()));
        clean.push_str(plain);
        let mut chars = tail.chars();
        let Some(c) = chars.next() else {
            break;
        };
        rest = chars.as_str();
        match c {
            '\n' | '\r' => {
                if c == '\r' {
                    rest = rest.strip_prefix('\n').unwrap_or(rest);
                }
                trim_line(&mut clean, line_start);
                clean.push('\n');
                line_start = clean.len();
            }
            '\t' => clean.push(c),
            _ if c.is_control() => {}
            _ => clean.push(c),
        }
    }
    trim_line(&mut clean, line_start);
    clean.truncate(clean.trim_end_matches('\n').len());
    Ok(clean)
}

fn trim_line(text: &mut String, line_start: usize) {
    let line = &text[line_start..];
    if line != "-- " {
        text.truncate(line_start + line.trim_end_matches([' ', '\t']).len());
    }
}

fn one_line(field: &'static str, value: &str) -> Checked {
    refuse_if(
        field,
        value.chars().any(char::is_control),
        "holds a control character",
    )
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| {
        !atom.is_empty()
            && atom
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
    })
}

fn refuse_if(field: &'static str, bad: bool, reason: &'static str) -> Checked {
    if bad {
        return Err(ComposeError::InvalidField { field, reason });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_normalised() {
        let check = |value: &str, expected: &str| {
            assert_eq!(
                text("text", value, 100).as_deref(),
                Ok(expected),
                "{value:?}"
            );
        };
        check("a\r\nb\rc\n", "a\nb\nc");
        check("a\0\u{7}\u{85}b\tc", "ab\tc");
        check("a  \n-- \nb \t", "a\n-- \nb");
        check("\n\na\n\n\n", "\n\na");
        check("\r\r\n\n", "");
        assert!(text("text", &"x".repeat(101), 100).is_err());
    }

    #[test]
    fn ids_are_checked() {
        for good in ["<m@corp.com>", "<a.b-c@d>", "<2025$1@x.y>"] {
            assert_eq!(message_id("message_id", good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "m@corp.com",
            "<m>",
            "<@x>",
            "<a..b@x>",
            "<a@b@c>",
            "<a b@x>",
            "<a@x>\r\nX: y",
        ] {
            assert!(message_id("message_id", bad).is_err(), "{bad:?}");
        }
    }
}
