//! Subjects of answers and forwards, as mail clients write them.

use crate::threading::MAX_SUBJECT_CHARS;

/// What a client puts before a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefixes {
    /// Before the subject of an answer, such as `Re:`.
    pub(super) reply: &'static str,
    /// Before the subject of a forward, such as `Fwd:`.
    pub(super) forward: &'static str,
    /// Whether any prefix that is there is replaced, as Outlook does; others only know their own
    /// and `Re:`, and put theirs before the prefix of another language.
    pub(super) replaces: bool,
}

impl Prefixes {
    /// `Re:` and `Fwd:`, in every language.
    pub(super) const PLAIN: Self = Self {
        reply: "Re:",
        forward: "Fwd:",
        replaces: false,
    };

    /// The subject of an answer.
    pub(super) fn reply(&self, subject: &str) -> String {
        let mut rest = subject.trim();
        if self.replaces {
            rest = topic(rest);
        } else {
            while let Some(stripped) = strip(rest, "re:").or_else(|| strip(rest, self.reply)) {
                rest = stripped;
            }
        }
        prefixed(self.reply, rest)
    }

    /// The subject of a forward.
    pub(super) fn forward(&self, subject: &str) -> String {
        let rest = subject.trim();
        let rest = if self.replaces { topic(rest) } else { rest };
        prefixed(self.forward, rest)
    }
}

/// A subject without the prefix in front of it: up to three letters and a colon
/// ([MS-OXCMSG] §3.2.5.2).
///
/// [MS-OXCMSG]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxcmsg
pub(super) fn topic(subject: &str) -> &str {
    let mut rest = subject.trim();
    while let Some((prefix, after)) = rest.split_once(':') {
        let is_prefix =
            (1..=3).contains(&prefix.chars().count()) && prefix.chars().all(char::is_alphabetic);
        if !is_prefix || !after.starts_with(' ') {
            break;
        }
        rest = after.trim_start();
    }
    rest
}

fn strip<'s>(subject: &'s str, prefix: &str) -> Option<&'s str> {
    let head = subject.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| subject[prefix.len()..].trim_start())
}

fn prefixed(prefix: &str, subject: &str) -> String {
    let mut whole = String::with_capacity(prefix.len() + 1 + subject.len());
    whole.push_str(prefix);
    whole.push(' ');
    let room = MAX_SUBJECT_CHARS - prefix.chars().count() - 1;
    whole.extend(
        subject
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(room),
    );
    whole.truncate(whole.trim_end().len());
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTLOOK: Prefixes = Prefixes {
        reply: "RE:",
        forward: "FW:",
        replaces: true,
    };

    #[test]
    fn each_client_knows_its_own() {
        for (subject, plain, outlook) in [
            ("budget", "Re: budget", "RE: budget"),
            ("RE: budget", "Re: budget", "RE: budget"),
            ("Re: re: budget", "Re: budget", "RE: budget"),
            ("AW: budget", "Re: AW: budget", "RE: budget"),
            ("Fwd: Re: budget", "Re: Fwd: Re: budget", "RE: budget"),
            ("Note: budget", "Re: Note: budget", "RE: Note: budget"),
            ("10:30 call", "Re: 10:30 call", "RE: 10:30 call"),
            ("", "Re:", "RE:"),
        ] {
            assert_eq!(Prefixes::PLAIN.reply(subject), plain);
            assert_eq!(OUTLOOK.reply(subject), outlook);
        }
        assert_eq!(Prefixes::PLAIN.forward("Re: x"), "Fwd: Re: x");
        assert_eq!(OUTLOOK.forward("Re: x"), "FW: x");
    }

    #[test]
    fn a_subject_stays_bounded() {
        let long = "é".repeat(2000);
        assert_eq!(
            Prefixes::PLAIN.reply(&long).chars().count(),
            MAX_SUBJECT_CHARS
        );
        assert_eq!(OUTLOOK.forward("a\u{7}b"), "FW: a b");
    }
}
