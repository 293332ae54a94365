//! Finding many short patterns in one pass.
//!
//! Each pattern starts with fixed letters. A table for each of the first three says which patterns
//! a byte allows there, so one look at three bytes rules nearly every place out.

use std::ops::Range;
use std::sync::LazyLock;

use super::TextTell;

/// A pattern: how it starts, and what must follow.
struct Needle {
    tell: TextTell,
    /// ASCII in lower case, found in any case.
    opening: &'static str,
    /// Given the whole text and the place after the opening: where the match ends.
    ends: fn(&str, Range<usize>) -> Option<usize>,
}

/// The patterns with their tables.
pub(super) struct Needles {
    allowed: [[u64; 256]; 3],
}

pub(super) static NEEDLES: LazyLock<Needles> = LazyLock::new(Needles::new);

/// How far into a text a model's remarks about it are looked for, in characters.
const REMARKS_WITHIN: usize = 400;

/// Longest Markdown bold in characters, and longest rest of a placeholder.
const BOLD_MAX: usize = 60;
const PLACEHOLDER_MAX: usize = 30;

const fn needle(
    tell: TextTell,
    opening: &'static str,
    ends: fn(&str, Range<usize>) -> Option<usize>,
) -> Needle {
    Needle {
        tell,
        opening,
        ends,
    }
}

use TextTell::*;

/// At most 64, one a bit.
const LIST: &[Needle] = &[
    needle(MarkdownFence, "```", whole),
    needle(MarkdownBoldOrHeading, "**", bold),
    needle(MarkdownBoldOrHeading, "#", heading),
    needle(Placeholder, "[", placeholder),
    needle(PlaceholderLeft, "[", placeholder_left),
    needle(Placeholder, "{{", whole),
    needle(Placeholder, "lorem ipsum", word),
    needle(PlaceholderLeft, "lorem ipsum", word),
    needle(Placeholder, "<name>", whole),
    needle(Placeholder, "<company>", whole),
    needle(Placeholder, "xxxx", crosses),
    needle(AiDisclaimer, "as an ai", |text, at| {
        word(text, at.clone()).filter(|_| is_early(text, at.end))
    }),
    needle(AiDisclaimer, "language model", early),
    needle(AiDisclaimer, "i cannot assist", early),
    needle(AiDisclaimer, "i cannot fulfil", early),
    needle(AiDisclaimer, "here's ", draft),
    needle(AiDisclaimer, "here is ", draft),
    needle(AiDisclaimer, "subject:", subject),
    needle(AiSpeaks, "as an ai language model", word),
    needle(AiSpeaks, "as an ai assistant", word),
    needle(AiSpeaks, "as a large language model", word),
    needle(AiSpeaks, "i am an ai language", word),
    needle(AiSpeaks, "i'm an ai language", word),
    needle(PromptRemains, "<think>", whole),
    needle(PromptRemains, "</think>", whole),
    needle(PromptRemains, "<|im_", whole),
    needle(PromptRemains, "<|end", whole),
    needle(PromptRemains, "<|start_header", whole),
    needle(PromptRemains, "[inst]", whole),
    needle(PromptRemains, "[/inst]", whole),
    needle(PromptRemains, "<start_of_turn>", whole),
    needle(PhraseHopeThisFinds, "hope ", hope),
    needle(PhraseDontHesitate, "don", |text, at| {
        let rest = text.get(at.end..)?;
        let any = rest.chars().next().filter(|c| *c != '\n')?;
        let at = after(text, at.end + any.len_utf8(), &["t "])?;
        after(text, at, &["hesitate", "reach out", "contact"])
    }),
    needle(PhraseDontHesitate, "do not ", |text, at| {
        after(text, at.end, &["hesitate", "reach out", "contact"])
    }),
    needle(PhraseDontHesitate, "feel free to ", |text, at| {
        after(text, at.end, &["hesitate", "reach out", "contact"])
    }),
    needle(PhraseCircleBack, "circle back", whole),
    needle(PhraseCircleBack, "touch base", whole),
    needle(PhraseCircleBack, "loop ", |text, at| {
        after(text, at.end, &["you in", "in"])
    }),
    needle(PhraseCircleBack, "move the needle", whole),
    needle(PhraseDelveLeverage, "delve", word),
    needle(PhraseDelveLeverage, "leverage", word),
    needle(PhraseDelveLeverage, "leveraging", word),
    needle(PhraseDelveLeverage, "streamlin", longer_word),
    needle(PhraseDelveLeverage, "seamless", |text, at| {
        starts_word(text, at.start).then_some(at.end)
    }),
    needle(PhraseDelveLeverage, "robust", word),
    needle(PhraseDelveLeverage, "synerg", longer_word),
    needle(PhraseDelveLeverage, "utiliz", longer_word),
    needle(PhraseDelveLeverage, "align", |text, at| {
        let end = after(text, at.end, &["ed ", "ment ", " "])?;
        let end = after(text, end, &["on", "with"])?;
        word(text, at.start..end)
    }),
    needle(PhraseLetMeKnowIf, "let me know if ", |text, at| {
        after(text, at.end, &["you", "there"])
    }),
    needle(PhraseAsDiscussed, "as ", |text, at| {
        after(text, at.end, &["discussed", "per our", "mentioned"])
    }),
    needle(PhraseMovingForward, "moving forward", whole),
    needle(PhraseMovingForward, "going forward", whole),
    needle(PhraseLookForward, "look forward to", whole),
    needle(PhraseLookForward, "looking forward to", whole),
    needle(PhraseEnsureThat, "ensur", |text, at| {
        let end = after(text, at.end, &["e ", "ing "])?;
        ["that", "we", "all", "a", "the"]
            .iter()
            .filter_map(|next| after(text, end, &[next]))
            .find_map(|end| word(text, at.start..end))
    }),
    needle(PhraseAdditionally, "additionally", word),
    needle(PhraseAdditionally, "furthermore", word),
    needle(PhraseAdditionally, "moreover", word),
    needle(PhraseJustWantedTo, "wanted to ", wanted),
    needle(PhraseJustWantedTo, "writing to ", wanted),
    needle(PhraseJustWantedTo, "reaching out to ", wanted),
];

impl Needles {
    fn new() -> Self {
        let mut allowed = [[0; 256]; 3];
        for (index, needle) in LIST.iter().enumerate() {
            let bit = 1_u64 << (index % 64);
            for (place, table) in allowed.iter_mut().enumerate() {
                match needle.opening.as_bytes().get(place) {
                    Some(byte) => {
                        table[usize::from(*byte)] |= bit;
                        table[usize::from(byte.to_ascii_uppercase())] |= bit;
                    }
                    None => table.iter_mut().for_each(|bits| *bits |= bit),
                }
            }
        }
        Self { allowed }
    }

    /// Tells of the first place of each kind of trace, and maybe of later ones.
    pub(super) fn find_all(&self, text: &str, mut found: impl FnMut(TextTell, Range<usize>)) {
        let bytes = text.as_bytes();
        let mut open = u64::MAX;
        for (at, first) in bytes.iter().enumerate() {
            let mut candidates = self.allowed[0][usize::from(*first)] & open;
            if candidates == 0 {
                continue;
            }
            for (place, table) in self.allowed.iter().enumerate().skip(1) {
                // Past the end stands a zero, which no pattern asks for.
                let byte = bytes.get(at + place).copied().unwrap_or(0);
                candidates &= table[usize::from(byte)];
            }
            while candidates != 0 {
                let index = candidates.trailing_zeros();
                candidates &= candidates - 1;
                let Some(needle) = LIST.get(index as usize) else {
                    break;
                };
                if let Some(opened) = after(text, at, &[needle.opening])
                    && let Some(end) = (needle.ends)(text, at..opened)
                {
                    found(needle.tell, at..end);
                    open &= !(1 << index);
                }
            }
        }
    }
}

/// Where the first of `words` that stands at `at` ends.
fn after(text: &str, at: usize, words: &[&str]) -> Option<usize> {
    let rest = text.as_bytes().get(at..)?;
    words
        .iter()
        .find(|word| {
            rest.get(..word.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
        })
        .map(|word| at + word.len())
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn starts_word(text: &str, at: usize) -> bool {
    text.get(..at)
        .and_then(|before| before.chars().next_back())
        .is_none_or(|c| !is_word(c))
}

fn ends_word(text: &str, at: usize) -> bool {
    text.get(at..)
        .and_then(|rest| rest.chars().next())
        .is_none_or(|c| !is_word(c))
}

/// Whether `at` lies where a model's remarks about a text stand.
fn is_early(text: &str, at: usize) -> bool {
    at <= REMARKS_WITHIN
        || text
            .get(..at)
            .is_some_and(|before| before.chars().nth(REMARKS_WITHIN).is_none())
}

fn whole(_: &str, at: Range<usize>) -> Option<usize> {
    Some(at.end)
}

fn word(text: &str, at: Range<usize>) -> Option<usize> {
    (starts_word(text, at.start) && ends_word(text, at.end)).then_some(at.end)
}

/// A word that goes on behind the opening.
fn longer_word(text: &str, at: Range<usize>) -> Option<usize> {
    (starts_word(text, at.start) && !ends_word(text, at.end)).then_some(at.end)
}

fn early(text: &str, at: Range<usize>) -> Option<usize> {
    is_early(text, at.end).then_some(at.end)
}

fn bold(text: &str, at: Range<usize>) -> Option<usize> {
    let rest = text.get(at.end..)?;
    let mut length = 0;
    for (offset, c) in rest.char_indices() {
        match c {
            '*' => {
                let end = at.end + offset;
                return (length >= 2).then(|| after(text, end, &["**"]))?;
            }
            '\n' => return None,
            _ => length += 1,
        }
        if length > BOLD_MAX {
            return None;
        }
    }
    None
}

fn heading(text: &str, at: Range<usize>) -> Option<usize> {
    let bytes = text.as_bytes();
    if at.start > 0 && bytes.get(at.start - 1) != Some(&b'\n') {
        return None;
    }
    let marks = bytes
        .get(at.start..)?
        .iter()
        .take(5)
        .take_while(|byte| **byte == b'#')
        .count();
    let end = at.start + marks;
    let is_heading = marks <= 4 && bytes.get(end) == Some(&b' ') && !ends_word(text, end + 1);
    is_heading.then_some(end)
}

/// Where a bracket that opened before `at` closes.
fn closes(text: &str, at: usize) -> Option<usize> {
    for (length, (offset, c)) in text.get(at..)?.char_indices().enumerate() {
        match c {
            ']' => return Some(at + offset + 1),
            '\n' => return None,
            _ if length >= PLACEHOLDER_MAX => return None,
            _ => {}
        }
    }
    None
}

fn placeholder(text: &str, at: Range<usize>) -> Option<usize> {
    let words = [
        "your",
        "my",
        "insert",
        "name",
        "company",
        "recipient",
        "sender",
        "date",
        "phone",
        "position",
        "title",
        "contact",
    ];
    closes(text, after(text, at.end, &words)?)
}

fn placeholder_left(text: &str, at: Range<usize>) -> Option<usize> {
    let words = [
        "your ",
        "insert ",
        "recipient",
        "sender",
        "name]",
        "date]",
        "company name",
        "tu nombre",
        "su nombre",
        "ihr name",
        "votre nom",
    ];
    let end = after(text, at.end, &words)?;
    if text.as_bytes().get(end - 1) == Some(&b']') {
        return Some(end);
    }
    closes(text, end)
}

fn crosses(text: &str, at: Range<usize>) -> Option<usize> {
    let rest = text.get(at.end..)?;
    let more = rest
        .bytes()
        .take_while(|byte| byte.eq_ignore_ascii_case(&b'x'))
        .count();
    word(text, at.start..at.end + more)
}

fn draft(text: &str, at: Range<usize>) -> Option<usize> {
    let end = after(text, at.end, &["the ", "a ", "your "])?;
    let end = after(text, end, &["e-mail", "email", "draft", "revised"])?;
    is_early(text, end).then_some(end)
}

fn subject(text: &str, at: Range<usize>) -> Option<usize> {
    let next = text.get(at.end..)?.chars().next()?;
    let end = at.end + next.len_utf8();
    (next.is_whitespace() && starts_word(text, at.start) && is_early(text, end)).then_some(end)
}

fn hope(text: &str, at: Range<usize>) -> Option<usize> {
    let start = after(text, at.end, &["this", "you're", "you are", "the", "all"])?;
    let optional = after(text, start, &[" e-mail", " email", " message"]);
    [optional, Some(start)]
        .into_iter()
        .flatten()
        .find_map(|from| {
            let rest = text.get(from..)?;
            for (gone, (offset, c)) in rest.char_indices().enumerate() {
                if let Some(end) = after(text, from + offset, &["finds you", "well"]) {
                    return Some(end);
                }
                if gone >= 25 || matches!(c, '.' | '\n') {
                    return None;
                }
            }
            None
        })
}

fn wanted(text: &str, at: Range<usize>) -> Option<usize> {
    after(
        text,
        at.end,
        &[
            "follow", "let", "check", "share", "touch", "inform", "confirm", "update",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_bit_for_each_pattern() {
        assert!(LIST.len() <= 64, "{}", LIST.len());
        assert!(LIST.iter().all(|needle| {
            let opening = needle.opening;
            opening.is_ascii() && opening.to_ascii_lowercase() == opening
        }));
    }
}
