//! The quoted-printable transfer encoding (RFC 2045 §6.7).

/// Column after which Thunderbird breaks an encoded line: 73 characters, an escape that started
/// before, and the `=` stay within the 76 of RFC 2045.
const SOFT_BREAK: usize = 73;

/// Longest line that may stay as it is under `7bit`, in octets (Thunderbird's own threshold, below
/// the 998 of RFC 5322 §2.1.1).
const LONGEST_PLAIN_LINE: usize = 990;

/// Whether `text` has to be encoded: it is not ASCII, or a line of it is too long.
pub(crate) fn is_needed(text: &str) -> bool {
    !text.is_ascii() || text.split('\n').any(|line| line.len() > LONGEST_PLAIN_LINE)
}

/// Appends `text` (`\n` line ends) with CRLF line ends, as it is.
pub(crate) fn write_plain(text: &str, out: &mut Vec<u8>) {
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(line.as_bytes());
    }
}

/// Appends `text` (`\n` line ends) encoded, with CRLF line ends.
///
/// As in Thunderbird, a `.` and the `F` of `From ` are escaped at the start of a line, so that no
/// transport or mailbox format reads them as its own; white space is escaped at its end.
pub(crate) fn write_encoded(text: &str, out: &mut Vec<u8>) {
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        write_line(line.as_bytes(), out);
    }
}

fn write_line(line: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    for (at, &byte) in line.iter().enumerate() {
        let last = at + 1 == line.len();
        let plain = match byte {
            b' ' | b'\t' => !last,
            b'.' => column > 0,
            b'F' => column > 0 || !line[at..].starts_with(b"From "),
            b'=' => false,
            _ => byte.is_ascii_graphic(),
        };
        if plain {
            out.push(byte);
            column += 1;
        } else {
            out.push(b'=');
            out.push(hex(byte >> 4));
            out.push(hex(byte & 15));
            column += 3;
        }
        if column >= SOFT_BREAK && !last {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
    }
}

fn hex(nibble: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(nibble)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        let mut out = Vec::new();
        write_encoded(text, &mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    #[test]
    fn encodes_what_needs_it() {
        assert_eq!(
            encoded("cómo = a.b\n.\nFrom x\nFrost "),
            "c=C3=B3mo =3D a.b\r\n=2E\r\n=46rom x\r\nFrost=20"
        );
        assert_eq!(encoded("\n\n"), "\r\n\r\n");
    }

    #[test]
    fn lines_stay_short() {
        for text in [
            "x".repeat(5000),
            "é".repeat(5000),
            "a ".repeat(400),
            ".".repeat(400),
        ] {
            assert!(encoded(&text).lines().all(|line| line.len() <= 76));
        }
    }
}
