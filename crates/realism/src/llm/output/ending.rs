//! How a text ends: with a whole sentence, a closing, a name, or in the middle.

use super::letter;

/// How a text ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    /// It broke off; this is left of it without the unfinished sentence.
    Shortened(String),
    /// It broke off, and what is left makes no mail.
    Cut,
}

/// Looks at the end of `body`.
///
/// People forget the last period, so its lack alone tells nothing when the server was done. It does
/// when the server was not, when a word is left dangling, when the text is longer than 200 words, or
/// when it greets so formally that its writer would not forget.
///
/// An unfinished last sentence is left out when a mail remains: at least twelve words, five in a
/// reply. It does not when the text is longer than 200 words, because a model that ran into the cap
/// has lost its thread long before, or when the greeting is so formal that a closing is missed.
pub(super) fn look(body: &str, is_cut: bool, is_reply: bool) -> Ending {
    const CUT_WORDS_MAX: usize = 200;
    const DROPS_MAX: usize = 3;
    let is_formal = body
        .lines()
        .find(|line| !line.trim().is_empty())
        .and_then(letter::greeting_of)
        .is_some_and(|greeting| greeting.is_formal);
    let is_careful =
        is_formal || may_have_more_words(body, CUT_WORDS_MAX) && words(body) > CUT_WORDS_MAX;
    if is_whole(body, is_cut || is_careful) {
        return Ending::Whole;
    }
    if is_careful {
        return Ending::Cut;
    }
    let mut left = body;
    for _ in 0..DROPS_MAX {
        left = without_last_sentence(left);
        let wanted = if is_reply { 5 } else { 12 };
        if words(left) < wanted {
            return Ending::Cut;
        }
        if is_whole(left, true) {
            return Ending::Shortened(left.to_owned());
        }
    }
    Ending::Cut
}

/// Whether `text` has enough bytes that may separate words; counting them is much quicker than
/// looking at the words, and few mails are that long.
fn may_have_more_words(text: &str, count: usize) -> bool {
    // A blank beyond ASCII has at least one byte that is none of ASCII.
    let separates = |byte: u8| byte <= b' ' || !byte.is_ascii();
    text.bytes().filter(|byte| separates(*byte)).count() >= count
}

fn words(text: &str) -> usize {
    text.split_whitespace()
        .filter(|word| word.contains(char::is_alphanumeric))
        .count()
}

/// Whether `body` has an end; with `needs_period` one that cannot be an accident.
fn is_whole(body: &str, needs_period: bool) -> bool {
    /// So many lines may follow a closing: a name and a signature.
    const AFTER_CLOSING: usize = 7;
    let body = body.trim_end();
    let mut lines = body.lines().rev().filter(|line| !line.trim().is_empty());
    let Some(last) = lines.next().map(str::trim) else {
        return true;
    };
    let closing = |line: &str| letter::closing_of(line).is_some();
    let before = lines.next().map(str::trim);
    if closing(last) {
        return true;
    }
    if ends_sentence(last) {
        return true;
    }
    let signed = before.is_some_and(|before| {
        let unsigned = letter::is_name(last) && before.ends_with(['.', '!', '?', ',', ')', ':']);
        closing(before) || unsigned && letter::greeting_of(last).is_none()
    });
    let closed =
        || lines.clone().take(AFTER_CLOSING).any(closing) && letter::is_signature_line(last);
    if signed || closed() {
        return true;
    }
    if needs_period || last.ends_with([',', ':', ';', '-', '(', '/', '&']) {
        return false;
    }
    !dangles(last)
}

fn ends_sentence(line: &str) -> bool {
    let line = line.trim_end_matches(['"', '\'', ')', ']', '»', '”', '’', '*', '_', '`']);
    match line.chars().next_back() {
        None => true,
        Some('.' | '!' | '?' | '…' | '。' | '！' | '？') => true,
        // An emoji ends a sentence as well.
        Some(c) => {
            !c.is_ascii()
                && !c.is_alphanumeric()
                && !matches!(c, '–' | '—' | '“' | '«' | '„' | '‘' | '¿' | '¡')
        }
    }
}

/// Whether the last word cannot be the last of a sentence.
fn dangles(line: &str) -> bool {
    let last = line.rsplit(' ').next().unwrap_or_default().to_lowercase();
    matches!(
        last.as_str(),
        "the"
            | "a"
            | "an"
            | "to"
            | "of"
            | "and"
            | "or"
            | "with"
            | "for"
            | "from"
            | "as"
            | "our"
            | "your"
            | "my"
            | "their"
            | "its"
            | "be"
            | "been"
            | "will"
            | "we"
            | "i"
            | "if"
            | "but"
            | "because"
            | "into"
            | "which"
            | "than"
            | "also"
            | "el"
            | "la"
            | "los"
            | "las"
            | "de"
            | "del"
            | "que"
            | "y"
            | "o"
            | "con"
            | "en"
            | "un"
            | "una"
            | "para"
            | "por"
            | "su"
            | "se"
            | "der"
            | "die"
            | "das"
            | "und"
            | "oder"
            | "ein"
            | "eine"
            | "mit"
            | "für"
            | "zu"
            | "im"
            | "le"
            | "les"
            | "des"
            | "et"
            | "ou"
            | "une"
            | "dans"
            | "pour"
            | "au"
    )
}

/// `text` without its last sentence, or its last line if that has only one.
fn without_last_sentence(text: &str) -> &str {
    let text = text.trim_end();
    let line_start = text.rfind('\n').map_or(0, |at| at + 1);
    let line = &text[line_start..];
    let end = line
        .char_indices()
        .zip(line.chars().skip(1))
        .filter(|((_, c), next)| matches!(c, '.' | '!' | '?' | '…') && *next == ' ')
        .last()
        .map(|((at, c), _)| at + c.len_utf8());
    match end {
        // The number of an item is no sentence.
        Some(end)
            if !line[..end]
                .trim_end_matches('.')
                .bytes()
                .all(|byte| byte.is_ascii_digit()) =>
        {
            &text[..line_start + end]
        }
        _ => text[..line_start].trim_end(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unfinished_sentence_goes_when_a_mail_is_left() {
        for text in [
            "Hi Ana,\n\nThe plan is on.",
            "It works, thanks.\n\nLuis",
            "All good 👍",
            "Fine.\n\nBest regards,\nAna Lopez\nFinance",
            "Will do, thanks",
            "See you.\n\nCheers",
            "Points:\n- one\n- two",
            "Done (see \"plan\").",
        ] {
            assert_eq!(look(text, false, false), Ending::Whole, "{text}");
        }
        let mail = "Hi Ana,\n\nThe printer on the second floor is broken again, so please use ours. I have called the";
        assert_eq!(
            look(mail, true, false),
            Ending::Shortened(
                "Hi Ana,\n\nThe printer on the second floor is broken again, so please use ours."
                    .to_owned()
            )
        );
        assert_eq!(
            look("I will be there at ten. Then we", false, true),
            Ending::Shortened("I will be there at ten.".to_owned())
        );
        for text in [
            "We need to",
            "Dear Ana,\n\nThe printer on the second floor is broken again, so please use ours. I have called the",
            "Hi Ana,\n\nPlease send the following:",
        ] {
            assert_eq!(look(text, true, false), Ending::Cut, "{text}");
        }
    }
}
