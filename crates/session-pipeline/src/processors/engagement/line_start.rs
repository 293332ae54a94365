//! How a line of a server's log starts: when, and what syslog puts before the message.

use crate::processors::cowrie::stamp;
use crate::processors::engagement::calendar::Stamp;

/// Splits a line into its time and its message. `None`: it does not start with a time.
pub(crate) fn split(line: &str) -> Option<(Stamp, &str)> {
    let (stamp, length) = when(line)?;
    let rest = line.get(length..)?.trim_start();
    Some((stamp, without_syslog_prefix(rest)))
}

fn when(line: &str) -> Option<(Stamp, usize)> {
    if let Some((local, zone, length)) = stamp::full(line) {
        return Some((Stamp::Full(local, zone), length));
    }
    let bytes = line.as_bytes();
    let month = match bytes.get(..4)? {
        b"Jan " => 1,
        b"Feb " => 2,
        b"Mar " => 3,
        b"Apr " => 4,
        b"May " => 5,
        b"Jun " => 6,
        b"Jul " => 7,
        b"Aug " => 8,
        b"Sep " => 9,
        b"Oct " => 10,
        b"Nov " => 11,
        b"Dec " => 12,
        _ => return None,
    };
    let day = match bytes.get(4..7)? {
        [b' ', one, b' '] => stamp::digits(&[*one])?,
        [ten, one, b' '] => stamp::digits(&[*ten, *one])?,
        _ => return None,
    };
    let time = stamp::clock(bytes.get(7..15)?)?;
    Some((Stamp::Yearless { month, day, time }, 15))
}

/// Syslog puts `host tag: ` or `host tag[pid]: ` before the message. Dovecot's own lines have a
/// process there, and `: ` after it.
fn without_syslog_prefix(text: &str) -> &str {
    let Some((host, rest)) = text.split_once(' ') else {
        return text;
    };
    let Some((tag, message)) = rest.split_once(": ") else {
        return text;
    };
    let is_prefix = !host.ends_with(':') && !host.contains('(') && !tag.contains([' ', '(']);
    if is_prefix { message } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_after_its_time() {
        let check = |line: &str, expected: Option<(&str, &str)>| {
            let found = split(line).map(|(stamp, message)| {
                let stamp = match stamp {
                    Stamp::Yearless { month, day, time } => format!("{month}-{day} {time}"),
                    Stamp::Full(local, zone) => {
                        format!(
                            "{local}{}",
                            zone.map_or(String::new(), |zone| zone.to_string())
                        )
                    }
                };
                (stamp, message.to_owned())
            });
            let expected = expected.map(|(stamp, message)| (stamp.to_owned(), message.to_owned()));
            assert_eq!(found, expected, "{line}");
        };
        check(
            "Nov 21 16:26:09 auth: Info: x",
            Some(("11-21 16:26:09", "auth: Info: x")),
        );
        check("Jan  1 00:00:00 auth: x", Some(("1-1 00:00:00", "auth: x")));
        check("Jan 01 00:00:00", Some(("1-1 00:00:00", "")));
        check("Dec 31 23:59:60 a: x", Some(("12-31 23:59:59", "a: x")));
        check(
            "Nov 21 16:26:09 mx dovecot: auth: x",
            Some(("11-21 16:26:09", "auth: x")),
        );
        check(
            "Nov 21 16:26:09 mx dovecot[81]: auth: x",
            Some(("11-21 16:26:09", "auth: x")),
        );
        check(
            "2026-11-21T16:26:09.5+01:00 mx dovecot: auth: x",
            Some(("2026-11-21 16:26:09.500+01:00", "auth: x")),
        );
        check(
            "2026-11-21 16:26:09 imap(a b)<1><s>: Info: x: y",
            Some(("2026-11-21 16:26:09", "imap(a b)<1><s>: Info: x: y")),
        );
        for line in [
            "",
            "Nov",
            "Nov 21",
            "Now 21 16:26:09 x",
            "Nov 2x 16:26:09 x",
            "Nov 1 16:26:09",
        ] {
            check(line, None);
        }
    }
}
