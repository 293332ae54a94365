//! Whether a text says something, word for word.

/// A text for comparing: lower case, one blank between words, plain quotes and dashes, and without
/// the marks of Markdown.
pub(super) fn normalised(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '`' | '*' => {}
            '\'' | '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2b9}' | '\u{2bc}' => out.push('\''),
            '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' => out.push('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => out.push('-'),
            c if c.is_whitespace() => {
                if !out.is_empty() && !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c => out.extend(c.to_lowercase()),
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// What makes two subjects, attributes or values the same: [`normalised`], without quotes around it
/// and without the end of a sentence.
pub(super) fn folded(text: &str) -> String {
    normalised(text)
        .trim_start_matches(['"', '\'', ' '])
        .trim_end_matches(['.', ',', ';', ':', '!', '?', '"', '\'', ' '])
        .to_owned()
}

/// How a text says something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It does not.
    Not,
    /// Only with a `not` right before it.
    Denied,
    /// At least once without.
    Plainly,
}

/// How `text` says `what`, both [`normalised`]. Parts of words, names and numbers do not count: `8443`
/// does not say `443`.
pub(super) fn said(text: &str, what: &str) -> Said {
    let mut found = Said::Not;
    if what.is_empty() {
        return found;
    }
    for (at, _) in text.match_indices(what) {
        let (before, after) = (&text[..at], &text[at + what.len()..]);
        if is_inside(what.chars(), after.chars(), true)
            || is_inside(what.chars(), before.chars().rev(), false)
        {
            continue;
        }
        if !is_denied(before) {
            return Said::Plainly;
        }
        found = Said::Denied;
    }
    found
}

/// Whether a word or number goes on beyond the edge of `what`. `outside` leads away from it.
fn is_inside(
    mut what: impl DoubleEndedIterator<Item = char>,
    mut outside: impl Iterator<Item = char>,
    at_end: bool,
) -> bool {
    let edge = if at_end {
        what.next_back()
    } else {
        what.next()
    };
    let (Some(edge), Some(next)) = (edge, outside.next()) else {
        return false;
    };
    let goes_on = match (next, outside.next()) {
        // A number, or the name of a machine or a file.
        ('.' | '@', Some(beyond)) => is_word(beyond),
        (',', Some(beyond)) => edge.is_ascii_digit() && beyond.is_ascii_digit(),
        _ => is_word(next),
    };
    is_word(edge) && goes_on
}

/// Part of a word, in scripts that put blanks between words.
fn is_word(c: char) -> bool {
    c == '_' || (c < '\u{2e80}' && c.is_alphanumeric())
}

/// Whether the last word of `before` denies what comes after it.
fn is_denied(before: &str) -> bool {
    const DENIALS: [&str; 13] = [
        "not", "isn't", "aren't", "wasn't", "never", "nicht", "kein", "keine", "nao", "não", "pas",
        "nunca", "jamais",
    ];
    let Some(rest) = before.strip_suffix(' ') else {
        return false;
    };
    let (earlier, last) = rest.rsplit_once(' ').unwrap_or(("", rest));
    // At the beginning, `no` is an answer.
    DENIALS.contains(&last) || (matches!(last, "no" | "non") && !earlier.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers_count_whole() {
        let check = |text: &str, what: &str, expected: Said| {
            assert_eq!(
                said(&normalised(text), &normalised(what)),
                expected,
                "{what:?} in {text:?}"
            );
        };
        check("the port is 8443", "443", Said::Not);
        check("the port is 8443.", "8443", Said::Plainly);
        check("it took 10.5 s", "5", Said::Not);
        check("it took 10.5 s", "10", Said::Not);
        check("10, 5", "10", Said::Plainly);
        check("1,000", "1", Said::Not);
        check("a,b", "b", Said::Plainly);
        check("on mail.example.com.", "example.com", Said::Not);
        check("on mail.example.com.", "mail.example.com", Said::Plainly);
        check("ana@example.com", "ana", Said::Not);
        check("It is. So", "is", Said::Plainly);
        check("on db1:5432", "5432", Said::Plainly);
        check("so it's **Port  8443**,\nOK", "port 8443", Said::Plainly);
        check("it’s “Lisbon”", "it's \"lisbon\"", Said::Plainly);
        check("not 443", "443", Said::Denied);
        check("8443, not 443", "443", Said::Denied);
        check("not 443, I mean 443", "443", Said::Plainly);
        check("no 8443", "8443", Said::Plainly);
        check("es 8443, no 443", "443", Said::Denied);
        check("it is not encrypted", "not encrypted", Said::Plainly);
        check("サーバーは東京です", "東京", Said::Plainly);
        check("anything", "", Said::Not);
        check("", "x", Said::Not);
        check("aaaa", "aa", Said::Not);
    }

    #[test]
    fn folding_leaves_what_tells_values_apart() {
        for (text, expected) in [
            (" Lisbon. ", "lisbon"),
            ("\"8443\"", "8443"),
            ("C++", "c++"),
            (".NET", ".net"),
            ("-5 %", "-5 %"),
            ("...", ""),
        ] {
            assert_eq!(folded(text), expected);
        }
    }
}
