//! The headers that tie a reply to its thread (RFC 5322 §3.6.4 and §3.6.5).

/// Longest subject, in characters. A reply's subject is cut to it, and a mail client refuses more:
/// one unbroken word of this length still fits an RFC 5322 §2.1.1 line of 998 octets.
pub const MAX_SUBJECT_CHARS: usize = 900;

/// Longest `References` value, in octets. A thread that outgrows it keeps its first id and the
/// newest ones, which is what RFC 5537 §3.4.4 asks of a reply that has to drop some.
pub const MAX_REFERENCES_BYTES: usize = 32 * 1024;

/// Longest message id, in octets, its brackets included: with a header name in front it still fits
/// a line of 998 octets.
pub const MAX_MESSAGE_ID_BYTES: usize = 900;

/// Prefixes that say "this answers", as the mail clients of the languages write them, in lower case.
/// Forwards (`Fwd`, `WG`, `RV`, `TR`) are not here: they are part of what is answered. Neither are
/// prefixes that are words too (`R`, `VS`).
const REPLY_PREFIXES: [&str; 15] = [
    "re", "ré", "aw", "antw", "antwort", "antwoord", "sv", "res", "rif", "ynt", "odp", "回复",
    "答复", "回覆", "답장",
];

/// The subject of a reply: one `Re: ` before the [base subject](base_subject).
///
/// The result holds no control character and at most [`MAX_SUBJECT_CHARS`] characters.
///
/// ```
/// use decnet_emailgen::threading::reply_subject;
///
/// assert_eq!(reply_subject("budget"), "Re: budget");
/// assert_eq!(reply_subject("RE: AW: budget"), "Re: budget");
/// assert_eq!(reply_subject("Fwd: Re: budget"), "Re: Fwd: Re: budget");
/// ```
#[must_use]
pub fn reply_subject(parent_subject: &str) -> String {
    let mut subject = String::with_capacity(parent_subject.len() + 4);
    subject.push_str("Re: ");
    subject.extend(
        base_subject(parent_subject)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MAX_SUBJECT_CHARS - 4),
    );
    if subject.len() > 4 {
        subject.truncate(subject.trim_end().len());
    }
    subject
}

/// A subject without its reply prefixes and the white space around it: what the mails of one
/// thread share.
///
/// Folds `Re:`, `RE :`, `Re[2]:`, `Re(2):`, `Re^2:`, and what other languages write instead (`AW:`,
/// `SV:`, `RES:`, `回复：` and others). Only leading prefixes count, and a forward ends them.
#[must_use]
pub fn base_subject(subject: &str) -> &str {
    let mut rest = subject.trim_matches(is_blank);
    while let Some(stripped) = strip_reply_prefix(rest) {
        rest = stripped.trim_start_matches(is_blank);
    }
    rest
}

/// The `References` value of a reply: the ids of its ancestors, oldest first, then its parent's,
/// separated by one space.
///
/// Entries that are no message id (empty, without brackets, with white space or control characters
/// inside, longer than [`MAX_MESSAGE_ID_BYTES`]) are dropped, and so is an id that comes twice:
/// its last place counts for the parent, its first one for the others. The result holds at most
/// [`MAX_REFERENCES_BYTES`].
///
/// ```
/// use decnet_emailgen::threading::references;
///
/// assert_eq!(references(&["<a@x>", "", "<b@x>"], "<p@x>"), "<a@x> <b@x> <p@x>");
/// ```
#[must_use]
pub fn references(ancestors: &[impl AsRef<str>], parent_message_id: &str) -> String {
    let parent = Some(parent_message_id.trim()).filter(|id| is_message_id(id));
    let mut ids: Vec<&str> = Vec::with_capacity(ancestors.len() + 1);
    let mut seen = std::collections::HashSet::with_capacity(ancestors.len() + 1);
    seen.extend(parent);
    for ancestor in ancestors {
        let id = ancestor.as_ref().trim();
        if is_message_id(id) && seen.insert(id) {
            ids.push(id);
        }
    }
    ids.extend(parent);

    let total: usize = ids.iter().map(|id| id.len() + 1).sum();
    if let Some((&root, others)) = ids.split_first()
        && total > MAX_REFERENCES_BYTES + 1
    {
        let mut left = MAX_REFERENCES_BYTES - root.len();
        let kept = others.iter().rev().take_while(|id| {
            let fits = id.len() < left;
            left = left.saturating_sub(id.len() + 1);
            fits
        });
        let first_kept = others.len() - kept.count();
        ids.drain(1..=first_kept);
    }
    ids.join(" ")
}

/// Whether `text` can stand as one id in `References`: printable ASCII in angle brackets, nothing
/// that a header or a list of ids would read as its end.
///
/// Looser than the `msg-id` of RFC 5322 §3.6.4 on purpose: ids come from other people's programs,
/// and a reply repeats them as they are.
#[must_use]
pub fn is_message_id(text: &str) -> bool {
    text.len() <= MAX_MESSAGE_ID_BYTES
        && text
            .strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'))
            .is_some_and(|inner| {
                !inner.is_empty()
                    && inner
                        .bytes()
                        .all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>')
            })
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

/// `subject` after one reply prefix, or `None` when it has none.
fn strip_reply_prefix(subject: &str) -> Option<&str> {
    // Found by its colon: the prefix itself is short, so a colon far away belongs to the subject.
    let (before, after) = subject
        .char_indices()
        .take(24)
        .find(|(_, c)| matches!(c, ':' | '：'))
        .map(|(at, c)| (&subject[..at], &subject[at + c.len_utf8()..]))?;
    let word = strip_counter(before.trim_end()).trim_end();
    REPLY_PREFIXES
        .iter()
        .any(|prefix| prefix.chars().eq(word.chars().flat_map(char::to_lowercase)))
        .then_some(after)
}

/// `Re[2]`, `Re(2)`, `Re^2`, `Re*2` without their count.
fn strip_counter(word: &str) -> &str {
    let open = match word.chars().last() {
        Some(']') => '[',
        Some(')') => '(',
        Some(last) if last.is_ascii_digit() => {
            let bare = word.trim_end_matches(|c: char| c.is_ascii_digit());
            return bare.strip_suffix(['^', '*']).unwrap_or(word);
        }
        _ => return word,
    };
    match word[..word.len() - 1].rsplit_once(open) {
        Some((bare, count)) if !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit()) => {
            bare
        }
        _ => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_fold_every_prefix_into_one() {
        for (subject, expected) in [
            ("Re[2]: budget", "Re: budget"),
            ("Re(12): budget", "Re: budget"),
            ("Re^2: budget", "Re: budget"),
            ("Re : budget", "Re: budget"),
            ("RE: AW: Antw: SV: RES: budget", "Re: budget"),
            ("R: a language", "Re: R: a language"),
            ("Ré: x", "Re: x"),
            ("回复：预算", "Re: 预算"),
            ("回复: 答复: 预算", "Re: 预算"),
            ("  Re:   budget  ", "Re: budget"),
            ("RV: presupuesto", "Re: RV: presupuesto"),
            ("Re: WG: Angebot", "Re: WG: Angebot"),
            ("Re:Fwd: Re: x", "Re: Fwd: Re: x"),
            ("Regarding: x", "Re: Regarding: x"),
            ("Re[x]: y", "Re: Re[x]: y"),
            ("Re[]: y", "Re: Re[]: y"),
            ("Re", "Re: Re"),
            (":", "Re: :"),
            ("Re: a\r\nBcc: x@y.z", "Re: a  Bcc: x@y.z"),
            ("\u{85}Re:\0x", "Re: x"),
        ] {
            assert_eq!(reply_subject(subject), expected, "{subject:?}");
        }
    }

    #[test]
    fn subjects_stay_bounded() {
        let subject = reply_subject(&"é".repeat(5000));
        assert_eq!(subject.chars().count(), MAX_SUBJECT_CHARS);
        let deep = "Re: ".repeat(20_000) + "x";
        assert_eq!(reply_subject(&deep), "Re: x");
        assert_eq!(reply_subject(&reply_subject(&subject)), subject);
    }

    #[test]
    fn references_drop_what_is_no_id() {
        let none: [&str; 0] = [];
        assert_eq!(references(&none, ""), "");
        assert_eq!(references(&["<a@x>"], ""), "<a@x>");
        assert_eq!(references(&["<a@x>", "<p@x>"], "<p@x>"), "<a@x> <p@x>");
        assert_eq!(references(&["<p@x>", "<a@x>"], "<p@x>"), "<a@x> <p@x>");
        assert_eq!(
            references(&["<a b@x>", "a@x", "<>", "<a@x\r\n>"], "<p@x>"),
            "<p@x>"
        );
        assert_eq!(
            references(&["<a@x>", "<b@x>", "<a@x>"], "<p@x>"),
            "<a@x> <b@x> <p@x>"
        );
        assert_eq!(references(&["<é@x>"], " <p@x>\r\n"), "<p@x>");
    }

    #[test]
    fn references_keep_the_root_and_the_newest() {
        let ids: Vec<String> = (0..4000).map(|n| format!("<{n}@corp.example>")).collect();
        let value = references(&ids, "<p@x>");
        assert!(value.len() <= MAX_REFERENCES_BYTES, "{}", value.len());
        assert!(value.len() > MAX_REFERENCES_BYTES - 40, "{}", value.len());
        assert!(value.starts_with("<0@corp.example> "));
        assert!(value.ends_with(" <3999@corp.example> <p@x>"));
        assert!(!value.contains("<1@corp.example>"));
    }
}
