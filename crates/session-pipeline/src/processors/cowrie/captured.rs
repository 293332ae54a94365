//! Passwords that were captured in a session, without the passwords.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What stands where a password stood.
pub(crate) const REDACTED: &str = "[redacted]";
/// Passwords that are looked for in one session.
const CAPTURED_MAX: usize = 32;
/// Longest password that is looked for, in bytes.
const LENGTH_MAX: usize = 256;
/// A shorter password is found only where it is a word of its own: `1` is everywhere.
const LENGTH_ANYWHERE: usize = 4;

/// Recognises passwords in later text of the same session. What it keeps does not say what they
/// are: it is stored between runs, and stored passwords are what redaction is to avoid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Captured {
    marks: Vec<Mark>,
}

/// Length of a password, a checksum that is cheap to roll over a text, and a hash with the session
/// in it, which decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Mark(u16, u8, u64);

impl Captured {
    /// Looks for `password` from now on. Past [`CAPTURED_MAX`], the one captured first is given up.
    pub(crate) fn add(&mut self, session: &str, password: &str) {
        let bytes = password.as_bytes();
        let Ok(length) = u16::try_from(bytes.len()) else {
            return;
        };
        if bytes.is_empty() || bytes.len() > LENGTH_MAX {
            return;
        }
        let mark = Mark(length, checksum(bytes), hash(session, bytes));
        if self.marks.contains(&mark) {
            return;
        }
        if self.marks.len() == CAPTURED_MAX {
            self.marks.remove(0);
        }
        self.marks.push(mark);
    }

    /// Where passwords stand in `text`.
    pub(crate) fn find(&self, session: &str, text: &str) -> Vec<(usize, usize)> {
        let bytes = text.as_bytes();
        let mut found = Vec::new();
        for Mark(length, sum, expected) in &self.marks {
            let length = usize::from(*length);
            let mut rolling = 0_u8;
            let mut free_from = 0;
            for (end, byte) in (1_usize..).zip(bytes) {
                rolling = rolling.wrapping_add(*byte);
                let Some(start) = end.checked_sub(length) else {
                    continue;
                };
                if let Some(gone) = start.checked_sub(1).and_then(|before| bytes.get(before)) {
                    rolling = rolling.wrapping_sub(*gone);
                }
                if rolling != *sum || start < free_from {
                    continue;
                }
                let Some(window) = bytes.get(start..end) else {
                    continue;
                };
                if (length >= LENGTH_ANYWHERE || is_word(bytes, start, end))
                    && text.is_char_boundary(start)
                    && text.is_char_boundary(end)
                    && hash(session, window) == *expected
                {
                    found.push((start, end));
                    free_from = end;
                }
            }
        }
        found
    }
}

fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

fn hash(session: &str, password: &[u8]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(session.as_bytes());
    hash.update([0]);
    hash.update(password);
    let digest: [u8; 32] = hash.finalize().into();
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn is_word(bytes: &[u8], start: usize, end: usize) -> bool {
    let in_word = |at: Option<&u8>| {
        at.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii())
    };
    !in_word(start.checked_sub(1).and_then(|before| bytes.get(before))) && !in_word(bytes.get(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captured_passwords_are_found() {
        let check = |passwords: &[&str], text: &str, expected: &[&str]| {
            let mut captured = Captured::default();
            for password in passwords {
                captured.add("s", password);
            }
            let found = captured.find("s", text);
            let found: Vec<&str> = found
                .iter()
                .map(|(start, end)| &text[*start..*end])
                .collect();
            assert_eq!(found, expected, "{passwords:?} in {text:?}");
            let kept = serde_json::to_string(&captured).unwrap();
            for password in passwords.iter().filter(|password| password.len() > 4) {
                assert!(!kept.contains(password));
            }
        };
        check(
            &["hunter2"],
            "ssh -p hunter2 hunter2x",
            &["hunter2", "hunter2"],
        );
        check(&["hunter2"], "hunter", &[]);
        check(&["aaaa"], "aaaaaaaaa", &["aaaa", "aaaa"]);
        check(&["1"], "echo 1 | x10 -1", &["1", "1"]);
        check(&["ana"], "banana ana", &["ana"]);
        check(&["pässword"], "x pässword", &["pässword"]);
        check(&[""], "anything", &[]);
        check(&["abcd", "dcba"], "dcba abcd", &["abcd", "dcba"]);
    }

    #[test]
    fn another_session_has_other_marks() {
        let (mut one, mut two) = (Captured::default(), Captured::default());
        one.add("a", "hunter2");
        two.add("b", "hunter2");
        assert_ne!(one, two);
    }

    #[test]
    fn not_more_than_so_many_are_kept() {
        let mut captured = Captured::default();
        for number in 0..1000 {
            captured.add("s", &format!("password{number}"));
        }
        captured.add("s", &"x".repeat(100_000));
        assert_eq!(captured.marks.len(), CAPTURED_MAX);
        assert_eq!(captured.find("s", "password999").len(), 1);
    }
}
