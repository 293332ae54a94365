//! The quoted-printable transfer encoding (RFC 2045 §6.7).

/// Longest line that may stay as it is under `7bit`, in octets (Thunderbird's own threshold, below
/// the 998 of RFC 5322 §2.1.1).
const LONGEST_PLAIN_LINE: usize = 990;

/// Whether a line of `text` is too long to be sent as it is.
pub(crate) fn has_long_line(text: &[u8]) -> bool {
    text.split(|&byte| byte == b'\n')
        .any(|line| line.len() > LONGEST_PLAIN_LINE)
}

/// Appends `text` (`\n` line ends) with CRLF line ends, as it is.
pub(crate) fn write_plain(text: &[u8], out: &mut Vec<u8>) {
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(line);
    }
}

/// Appends `text` (`\n` line ends) encoded, with CRLF line ends.
///
/// No line is longer than `line` characters, at most 76 (RFC 2045 §6.7 (5)), the `=` of a soft
/// break included. A `.` and the `F` of `From ` are escaped at the start of a line, so that no
/// transport or mailbox format reads them as its own; white space is escaped at its end.
pub(crate) fn write_encoded(text: &[u8], line: usize, out: &mut Vec<u8>) {
    write_lines(text, line, Habit::default(), out);
}

/// What some clients do that others do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Habit {
    /// Escapes every `.`, wherever it stands.
    pub(crate) escapes_dots: bool,
    /// Breaks lines in front of words, where there are any.
    pub(crate) breaks_at_words: bool,
}

/// As [`write_encoded`], with the habit of one client.
pub(crate) fn write_lines(text: &[u8], line: usize, habit: Habit, out: &mut Vec<u8>) {
    for (index, content) in text.split(|&byte| byte == b'\n').enumerate() {
        if index > 0 {
            out.extend_from_slice(b"\r\n");
        }
        write_line(content, line.clamp(20, 76), habit, out);
    }
}

fn write_line(line: &[u8], most: usize, habit: Habit, out: &mut Vec<u8>) {
    let (mut column, mut next) = (0, 0);
    while let Some(&byte) = line.get(next) {
        // Nearly all of a line is plain, and is written together.
        if column > 0 && !habit.breaks_at_words {
            let room = most.saturating_sub(column + 1);
            let run = plain_run(&line[next..line.len() - 1], room, habit);
            if run > 0 {
                out.extend_from_slice(&line[next..next + run]);
                column += run;
                next += run;
                continue;
            }
        }
        let at = next;
        next += 1;
        let last = next == line.len();
        if habit.breaks_at_words && column > 0 && line[at - 1] == b' ' && byte != b' ' {
            let word = word_cost(&line[at..]);
            if column + word + 1 > most && word < most {
                out.extend_from_slice(b"=\r\n");
                column = 0;
            }
        }
        let plain = match byte {
            b' ' | b'\t' => !last,
            b'.' => column > 0 && !habit.escapes_dots,
            b'F' => column > 0 || !line[at..].starts_with(b"From "),
            b'=' => false,
            _ => byte.is_ascii_graphic(),
        };
        let cost = if plain { 1 } else { 3 };
        if column + cost + usize::from(!last) > most {
            out.extend_from_slice(b"=\r\n");
            column = 0;
            // A line that starts with what a transport reads as its own is escaped here too.
            if byte == b'.' || byte == b'F' && line[at..].starts_with(b"From ") {
                out.extend_from_slice(&escaped(byte));
                column = 3;
                continue;
            }
        }
        if plain {
            out.push(byte);
        } else {
            out.extend_from_slice(&escaped(byte));
        }
        column += cost;
    }
}

/// How many bytes, up to `room`, are plain wherever they stand but at the start or the end of a
/// line.
fn plain_run(text: &[u8], room: usize, habit: Habit) -> usize {
    let is_plain = |byte: &u8| match byte {
        b'=' => false,
        b'.' => !habit.escapes_dots,
        b' '..=b'~' | b'\t' => true,
        _ => false,
    };
    text.iter()
        .take(room)
        .take_while(|byte| is_plain(byte))
        .count()
}

/// Columns of the word at the start of `text` with the spaces that follow it.
fn word_cost(text: &[u8]) -> usize {
    let end = text.iter().position(|&byte| byte == b' ');
    let end = end.unwrap_or(text.len());
    let spaces = text[end..].iter().take_while(|&&byte| byte == b' ').count();
    let cost = |byte: &u8| match byte {
        b'=' => 3,
        _ if byte.is_ascii_graphic() => 1,
        _ => 3,
    };
    text[..end].iter().map(cost).sum::<usize>() + spaces
}

/// A byte as `=` and two digits.
pub(super) fn escaped(byte: u8) -> [u8; 3] {
    let hex = |nibble: u8| b"0123456789ABCDEF"[usize::from(nibble)];
    [b'=', hex(byte >> 4), hex(byte & 15)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        let mut out = Vec::new();
        write_encoded(text.as_bytes(), 76, &mut out);
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
    fn clients_have_habits() {
        let encoded = |text: &str, habit| {
            let mut out = Vec::new();
            write_lines(text.as_bytes(), 20, habit, &mut out);
            String::from_utf8(out).unwrap_or_default()
        };
        let dots = Habit {
            escapes_dots: true,
            ..Habit::default()
        };
        assert_eq!(encoded("a.b.c", dots), "a=2Eb=2Ec");
        let words = Habit {
            breaks_at_words: true,
            ..Habit::default()
        };
        assert_eq!(
            encoded("the numbers are in the folder", words),
            "the numbers are in =\r\nthe folder"
        );
        let long = encoded(&format!("a {}", "é".repeat(40)), words);
        assert!(long.split("\r\n").all(|line| line.len() <= 20), "{long}");
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
