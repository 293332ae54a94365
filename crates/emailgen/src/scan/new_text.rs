//! Parting what somebody wrote from what they quote.

/// How a mail quotes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum QuoteStyle {
    #[default]
    None,
    /// `> ` without a line that says who wrote.
    Prefix,
    /// `On … wrote:` and `> `.
    AttributedPrefix,
    /// `-----Original Message-----`.
    OriginalMessage,
    /// A rule and a block of headers.
    OutlookRule,
    /// A block of headers.
    OutlookHeader,
    /// `On … wrote:` and the text as it was.
    Attributed,
}

/// What a text is made of.
#[derive(Clone, Debug, Default)]
pub(super) struct NewText {
    /// Without quotes, signature and the footer of a phone.
    pub(super) text: String,
    pub(super) quoted_lines: usize,
    pub(super) style: QuoteStyle,
}

/// Splits a text whose lines end in LF.
pub(super) fn split(text: &str) -> NewText {
    let lines: Vec<&str> = text.split('\n').collect();
    let line = |at: usize| lines.get(at).copied().unwrap_or_default();
    let mut new = String::with_capacity(text.len().min(4 << 10));
    let mut style = QuoteStyle::None;
    let (mut quoted, mut attributed, mut at) = (0, false, 0);
    // What starts the rest of a text that is all quoted.
    let mut history = None;
    while at < lines.len() {
        let current = line(at);
        let trimmed = current.trim();
        if is_original_message(current) {
            history = Some(QuoteStyle::OriginalMessage);
            break;
        }
        if is_rule(trimmed) && [1, 2].iter().any(|next| is_from_line(line(at + next))) {
            history = Some(QuoteStyle::OutlookRule);
            break;
        }
        if at > 0
            && is_from_line(current)
            && [1, 2].iter().any(|next| is_header_line(line(at + next)))
        {
            history = Some(QuoteStyle::OutlookHeader);
            break;
        }
        if is_quoted(current) {
            quoted += 1;
            if style == QuoteStyle::None {
                style = QuoteStyle::Prefix;
            }
            at += 1;
            continue;
        }
        if let Some(height) = attribution(current, lines.get(at + 1).copied()) {
            let mut next = at + height;
            while next < lines.len() && line(next).trim().is_empty() {
                next += 1;
            }
            if next < lines.len() {
                if line(next).trim_start().starts_with('>') {
                    attributed = true;
                    quoted += height;
                    at += height;
                    continue;
                }
                let opens = if height == 1 {
                    opens_unmarked_quote(current)
                } else {
                    opens_unmarked_quote(&joined(current, line(at + 1)))
                };
                if opens {
                    history = Some(QuoteStyle::Attributed);
                    break;
                }
            }
        }
        if trimmed == "--" && current.starts_with("--") {
            at += 1;
            while at < lines.len()
                && !(is_original_message(line(at))
                    || is_attribution(line(at))
                    || line(at).trim_start().starts_with('>'))
            {
                at += 1;
            }
            continue;
        }
        if !is_phone_footer(trimmed) {
            new.push_str(current);
            new.push('\n');
        }
        at += 1;
    }
    if let Some(found) = history {
        if style == QuoteStyle::None {
            style = found;
        }
        quoted += lines.len() - at;
    }
    if style == QuoteStyle::Prefix && attributed {
        style = QuoteStyle::AttributedPrefix;
    }
    let kept = new.trim_end().len();
    new.truncate(kept);
    let start = new.len() - new.trim_start().len();
    new.drain(..start);
    NewText {
        text: new,
        quoted_lines: quoted,
        style,
    }
}

fn is_quoted(line: &str) -> bool {
    let trimmed = line.trim_start();
    if trimmed.starts_with('>') || trimmed.starts_with("|>") {
        return true;
    }
    let letters = line
        .bytes()
        .take(5)
        .take_while(u8::is_ascii_alphabetic)
        .count();
    (1..=4).contains(&letters) && line.as_bytes().get(letters) == Some(&b'>')
}

fn is_rule(trimmed: &str) -> bool {
    trimmed.len() >= 20 && trimmed.bytes().all(|byte| byte == b'_')
}

/// What follows `word` at the start of `text`, in any case.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let start = text.get(..word.len())?;
    if start.eq_ignore_ascii_case(word) {
        return text.get(word.len()..);
    }
    if word.is_ascii() {
        return None;
    }
    (start.to_lowercase() == word)
        .then(|| text.get(word.len()..))
        .flatten()
}

fn after_any<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().find_map(|word| after(text, word))
}

/// `-----Original Message-----` and its like.
fn is_original_message(line: &str) -> bool {
    let rest = line.trim_start().trim_start_matches('>').trim_start();
    let dashes = rest.trim_start_matches('-');
    rest.len() - dashes.len() >= 2
        && after_any(
            dashes.trim_start(),
            &[
                "original message",
                "original appointment",
                "forwarded message",
                "forwarded by",
                "ursprüngliche nachricht",
                "message d'origine",
                "mensaje original",
                "reply message",
                "inline attachment",
                "begin forwarded",
            ],
        )
        .is_some()
}

/// The name of a header before a colon, as Outlook writes them.
fn label<'a>(line: &'a str, words: &[&str]) -> Option<&'a str> {
    let start = line.trim_start();
    let start = start.strip_prefix('*').unwrap_or(start);
    let rest = after_any(start, words)?;
    let rest = rest.strip_prefix('*').unwrap_or(rest).trim_start();
    rest.strip_prefix([':', '：'])
}

fn is_from_line(line: &str) -> bool {
    let is_candidate = line
        .trim_start_matches(|c: char| c.is_whitespace() || c == '*')
        .starts_with(['f', 'F', 'v', 'V', 'd', 'D', '发']);
    is_candidate
        && label(
            line,
            &["from", "von", "de", "da", "发件人", "van", "fran", "från"],
        )
        .is_some_and(|rest| !rest.trim_start_matches('*').trim().is_empty())
}

fn is_header_line(line: &str) -> bool {
    label(
        line,
        &[
            "sent",
            "date",
            "gesendet",
            "envoyé",
            "envoye",
            "enviado",
            "inviato",
            "发送时间",
            "verzonden",
            "to",
            "subject",
            "an",
            "cc",
            "betreff",
            "objet",
            "asunto",
        ],
    )
    .is_some()
}

fn is_phone_footer(trimmed: &str) -> bool {
    after_any(
        trimmed,
        &[
            "sent from my",
            "get outlook for",
            "sent from mail",
            "sent from outlook",
            "sent from yahoo",
            "sent from samsung",
            "sent from proton",
            "envoyé de mon",
            "enviado desde mi",
            "sent with",
        ],
    )
    .is_some()
        || after(trimmed, "von meinem ")
            .is_some_and(|rest| find_folded(rest, " gesendet").is_some())
}

/// Whether an attribution that starts so may go on in the next line.
fn may_wrap(line: &str) -> bool {
    after_any(line.trim_start(), &["on", "am", "le", "el", "il"])
        .is_some_and(|rest| !rest.starts_with(is_word))
}

/// How many lines an attribution takes here, if one starts.
fn attribution(line: &str, next: Option<&str>) -> Option<usize> {
    if is_attribution(line) {
        return Some(1);
    }
    let next = next?;
    if !may_wrap(line) || !may_end_attribution(next.trim()) {
        return None;
    }
    is_attribution(&joined(line, next)).then_some(2)
}

/// Two lines of an attribution as one.
fn joined(line: &str, next: &str) -> String {
    format!("{} {}", line.trim_end(), next.trim())
}

/// Whether what follows this line is quoted without any mark.
fn opens_unmarked_quote(line: &str) -> bool {
    let end = line.trim_end();
    let without_colon = end.strip_suffix(':').unwrap_or(end);
    ends_folded(without_colon, "wrote")
        || find_folded(line, "schrieb").is_some()
        || line.contains("写道")
        || end
            .strip_suffix(':')
            .is_some_and(|rest| ends_folded(rest.trim_end(), "crit"))
        || find_crit(line)
}

/// `crit` and a colon, anywhere.
fn find_crit(line: &str) -> bool {
    let mut rest = line;
    while let Some(at) = rest.find("crit") {
        rest = rest.get(at + 4..).unwrap_or_default();
        if rest.trim_start().starts_with(':') {
            return true;
        }
    }
    false
}

/// Only these ends can end an attribution: a colon, or a word without one.
fn may_end_attribution(trimmed: &str) -> bool {
    trimmed.ends_with([':', '：'])
        || ends_folded(trimmed, "wrote")
        || ends_folded(trimmed, "quotes from")
}

fn ends_folded(text: &str, end: &str) -> bool {
    super::bytes::ends_with(text.as_bytes(), end.as_bytes())
}

/// Where an ASCII word in lower case stands, in any case.
fn find_folded(text: &str, word: &str) -> Option<usize> {
    let first = word.bytes().next()?;
    text.bytes().enumerate().position(|(at, byte)| {
        byte.eq_ignore_ascii_case(&first)
            && super::bytes::starts_with(
                text.as_bytes().get(at..).unwrap_or_default(),
                word.as_bytes(),
            )
    })
}

pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Longest line that can be an attribution, in bytes: 180 characters and their frame.
const ATTRIBUTION_MAX: usize = 1_000;

/// Whether a whole line says who wrote what follows.
fn is_attribution(line: &str) -> bool {
    if line.len() > ATTRIBUTION_MAX {
        return false;
    }
    let text = line.trim_start().trim_start_matches('>').trim();
    if !may_end_attribution(text) {
        return false;
    }
    // `wrote` may stand without a colon only in the English form with a date.
    if let Some(before) = ending_word(text, &["wrote:", "wrote"])
        && let Some(inner) = after(text, "on").filter(|rest| !rest.starts_with(is_word))
    {
        let inner_length = length(inner) - length_of_tail(before, text);
        if (5..=180).contains(&inner_length) {
            return true;
        }
    }
    for (word, max) in [("wrote:", 80), ("writes:", 100), ("said:", 80)] {
        if let Some(before) = ending_word(text, &[word])
            && (2..=max).contains(&length(before))
        {
            return true;
        }
    }
    foreign_attribution(text) || rare_attribution(text)
}

/// The text before a last word that starts as one.
fn ending_word<'a>(text: &'a str, words: &[&str]) -> Option<&'a str> {
    words.iter().find_map(|word| {
        if !ends_folded(text, word) {
            return None;
        }
        let before = text.get(..text.len() - word.len())?;
        (!before.ends_with(is_word)).then_some(before)
    })
}

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Characters of `text` that are not in `before`.
fn length_of_tail(before: &str, text: &str) -> usize {
    text.get(before.len()..).map_or(0, length)
}

fn foreign_attribution(text: &str) -> bool {
    // The word that opens, the word that names the act, and whether anything may follow that.
    const FORMS: &[(&str, &[&str], bool)] = &[
        ("am ", &["schrieb"], true),
        ("le ", &["écrit", "ecrit"], false),
        ("el ", &["escribió", "escribio"], false),
        ("il ", &["ha scritto"], false),
        ("em ", &["escreveu"], false),
        ("op ", &["schreef"], true),
        ("den ", &["skrev"], true),
    ];
    let Some(before_colon) = text.strip_suffix(':') else {
        return text.strip_suffix('：').is_some_and(chinese_attribution);
    };
    let by_form = FORMS.iter().any(|(opening, verbs, anything_follows)| {
        let Some(inner) = after(before_colon, opening) else {
            return false;
        };
        verbs.iter().any(|verb| {
            let before = if *anything_follows {
                find_folded(inner, verb).and_then(|at| inner.get(..at))
            } else {
                let inner = inner.trim_end();
                inner
                    .len()
                    .checked_sub(verb.len())
                    .filter(|at| {
                        inner
                            .get(*at..)
                            .is_some_and(|end| after(end, verb) == Some(""))
                    })
                    .and_then(|at| inner.get(..at))
            };
            before.is_some_and(|before| (5..=140).contains(&length(before)))
        })
    });
    by_form
        || chinese_attribution(before_colon)
        || ["пишет", "написал", "написала", "написали"]
            .iter()
            .filter_map(|verb| before_colon.strip_suffix(verb))
            .any(|before| (5..=120).contains(&length(before)))
}

fn chinese_attribution(before_colon: &str) -> bool {
    before_colon
        .strip_prefix('在')
        .and_then(|inner| inner.strip_suffix("写道"))
        .is_some_and(|inner| (5..=120).contains(&length(inner)))
}

fn rare_attribution(text: &str) -> bool {
    if ends_folded(text, "quotes from") {
        return (5..=120).contains(&(length(text) - "quotes from".len()));
    }
    if text.ends_with(':') && after(text, "once upon a time").is_some() {
        return true;
    }
    if ends_folded(text, "wrote:") {
        if after(text, "at ").is_some_and(|rest| rest.starts_with(|c: char| c.is_numeric())) {
            return (5..=100).contains(&length(text).saturating_sub("at 1wrote:".len()));
        }
        if ends_folded(text, ") wrote:") {
            let before = length(text) - ") wrote:".len();
            return text
                .char_indices()
                .filter(|(_, c)| *c == '(')
                .any(|(at, _)| {
                    let outer = text.get(..at).map_or(0, length);
                    (3..=60).contains(&outer) && (3..=40).contains(&(before - outer - 1))
                });
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_taken_off() {
        for (text, new, style) in [
            ("Hi\n\nthere\n", "Hi\n\nthere", QuoteStyle::None),
            (
                "Yes\n\nOn Wed, Jul 24, 2019 at 4:39 PM Ana <a@b.example> wrote:\n\n> Hi\n",
                "Yes",
                QuoteStyle::AttributedPrefix,
            ),
            (
                "Yes\n\nOn Wed, Jul 24, 2019 at 4:39 PM Ana Maria Ruiz\n<a@b.example> wrote:\n> Hi\n",
                "Yes",
                QuoteStyle::AttributedPrefix,
            ),
            (
                "Yes\n\n________________________________\nFrom: Ana\nSent: x\n\nHi",
                "Yes",
                QuoteStyle::OutlookRule,
            ),
            (
                "Yes\n\nFrom: Ana\nSent: x\n\nHi",
                "Yes",
                QuoteStyle::OutlookHeader,
            ),
            (
                "Yes\n-----Original Message-----\nHi",
                "Yes",
                QuoteStyle::OriginalMessage,
            ),
            (
                "Am 24.07.19 um 16:39 schrieb Ana:\n> Hi\n\nJa",
                "Ja",
                QuoteStyle::AttributedPrefix,
            ),
            (
                "Le 24/07/2019 à 16:39, Ana a écrit :\n> Hi\n\nOui",
                "Oui",
                QuoteStyle::AttributedPrefix,
            ),
            (
                "El 24/7/19 a las 16:39, Ana escribió:\n> Hi\n\nSí",
                "Sí",
                QuoteStyle::AttributedPrefix,
            ),
            ("Yes\n> Hi", "Yes", QuoteStyle::Prefix),
            (
                "Yes\n\nOn 7/24/19 4:39 PM, Ana wrote:\nHi there",
                "Yes",
                QuoteStyle::Attributed,
            ),
            ("Yes\n\n-- \nBen\nFinance", "Yes", QuoteStyle::None),
            (
                "Yes\n\nSent from my iPhone\n\n> On x, Ana wrote:\n> Hi",
                "Yes",
                QuoteStyle::Prefix,
            ),
            (
                "From: us to you\nwith: care",
                "From: us to you\nwith: care",
                QuoteStyle::None,
            ),
        ] {
            let split = split(text);
            assert_eq!((split.text.as_str(), split.style), (new, style), "{text}");
        }
    }
}
