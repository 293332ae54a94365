//! A subject as a mail client shows it: one line, without marks.

use super::header;
use crate::style;

/// Longest subject in characters: clients show fewer, and people write far fewer.
pub(super) const SUBJECT_MAX: usize = 120;

/// `subject` on one line without marks, quotes, labels and periods around it, and, unless it is one
/// of a reply, without `Re:` and the like.
pub(super) fn clean(subject: &str, is_reply: bool, uses_llms_heavily: bool) -> String {
    // A longer one is refused in any case; the cut bounds the work.
    const LOOK_MAX: usize = 2_000;
    let mut subject = &subject[..subject.floor_char_boundary(LOOK_MAX)];
    let spaced;
    if subject.contains(['\n', '\t']) || subject.contains("  ") {
        spaced = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        subject = &spaced;
    }
    let guarded = style::guarded(subject, uses_llms_heavily);
    let mut left: &str = &guarded;
    loop {
        let before = left.len();
        left = left.trim_matches(|c: char| {
            c.is_whitespace() || matches!(c, '"' | '*' | '_' | '`' | '“' | '”' | '«' | '»' | '#')
        });
        left = left
            .trim_end_matches(['.', ',', ';', ':', '…', '\\'])
            .trim_start_matches([':', '-', '–', '—', '>']);
        if left.len() > 1 && left.starts_with('\'') && left.ends_with('\'') {
            left = &left[1..left.len() - 1];
        }
        if let Some(value) = header::subject_of(left) {
            left = value;
        }
        if !is_reply {
            left = without_prefix(left);
        }
        if left.len() == before {
            break;
        }
    }
    if left.contains(char::is_alphanumeric) {
        left.to_owned()
    } else {
        String::new()
    }
}

fn without_prefix(subject: &str) -> &str {
    const PREFIXES: [&str; 12] = [
        "re", "fw", "fwd", "aw", "wg", "rv", "tr", "sv", "res", "enc", "antw", "rif",
    ];
    let end = subject
        .bytes()
        .take_while(u8::is_ascii_alphabetic)
        .take(5)
        .count();
    let is_prefix = PREFIXES
        .iter()
        .any(|prefix| subject[..end].eq_ignore_ascii_case(prefix));
    let rest = &subject[end..];
    // `Re[2]:` counts as well.
    let rest = match rest
        .strip_prefix('[')
        .and_then(|inner| inner.split_once(']'))
    {
        Some((count, rest))
            if !count.is_empty()
                && count.len() <= 3
                && count.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            rest
        }
        _ => rest,
    };
    match rest.trim_start().strip_prefix([':', '：']) {
        Some(rest) if is_prefix => rest.trim_start(),
        _ => subject,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_around_a_subject_go() {
        for (subject, expected) in [
            ("Plan", "Plan"),
            (" **\"Plan for Q3.\"** ", "Plan for Q3"),
            ("Re: RE: AW: Plan", "Plan"),
            ("Re[2]: Plan", "Plan"),
            ("Subject: Plan:", "Plan"),
            ("Plan — new", "Plan, new"),
            ("'Plan'", "Plan"),
            ("Don't wait", "Don't wait"),
            ("...", ""),
            ("Really?", "Really?"),
            ("Reorg: plan", "Reorg: plan"),
        ] {
            assert_eq!(clean(subject, false, false), expected, "{subject}");
        }
        assert_eq!(clean("Re: Plan", true, false), "Re: Plan");
    }
}
