//! What in the words of a mail tells that a program wrote them.
//!
//! [`text_tells`] names what it finds and judges nothing: people write em dashes and stock phrases
//! too, only not in every mail. How often they do is for the caller to know.

mod needles;

use std::ops::Range;

use self::needles::NEEDLES;
use crate::style::is_invisible;

/// One kind of trace in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextTell {
    /// An em dash.
    EmDash,
    /// Curly quotes.
    SmartQuotes,
    /// The fence of a Markdown code block.
    MarkdownFence,
    /// Bold text or a heading in Markdown.
    MarkdownBoldOrHeading,
    /// Something that looks like a place to fill in. Program code looks like it too.
    Placeholder,
    /// A place to fill in that nobody writes on purpose: `[Your name]`, `Lorem ipsum`.
    PlaceholderLeft,
    /// Words that a model puts around a mail. People write "here is the draft" too.
    AiDisclaimer,
    /// The writer says that it is a model.
    AiSpeaks,
    /// The text starts with a line that was to be the subject.
    LeakedSubject,
    /// Marks of a prompt or of a model's turn.
    PromptRemains,
    /// A character that shows nothing, such as a zero-width space.
    InvisibleCharacter,
    /// "I hope this finds you well."
    PhraseHopeThisFinds,
    /// "Don't hesitate to reach out."
    PhraseDontHesitate,
    /// "Circle back", "touch base".
    PhraseCircleBack,
    /// "Delve", "leverage", "seamless".
    PhraseDelveLeverage,
    /// "Let me know if you …"
    PhraseLetMeKnowIf,
    /// "As discussed".
    PhraseAsDiscussed,
    /// "Moving forward".
    PhraseMovingForward,
    /// "Looking forward to".
    PhraseLookForward,
    /// "Ensure that".
    PhraseEnsureThat,
    /// "Additionally", "furthermore", "moreover".
    PhraseAdditionally,
    /// "Just wanted to follow up".
    PhraseJustWantedTo,
}

/// A trace, and where it first stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFinding {
    /// What it is.
    pub tell: TextTell,
    /// The bytes of the text that show it.
    pub range: Range<usize>,
}

/// Finds each kind of trace in what somebody wrote: the text of a mail without quoted mail and
/// signature. Each kind is named once, where it first stands.
///
/// The time that it takes follows from the length of `text` alone.
///
/// ```
/// use decnet_realism::tells::{TextTell, text_tells};
///
/// let found = text_tells("Hi Ana,\n\nplease sign here — thanks!\n\n[Your name]");
/// let tells: Vec<_> = found.iter().map(|finding| finding.tell).collect();
/// assert_eq!(tells, [TextTell::EmDash, TextTell::Placeholder, TextTell::PlaceholderLeft]);
/// assert!(text_tells("Hi Ana,\n\nplease sign here, thanks!\n\nBen").is_empty());
/// ```
pub fn text_tells(text: &str) -> Vec<TextFinding> {
    let mut found = Vec::new();
    if !text.is_ascii() {
        characters(text, &mut found);
    }
    if let Some(range) = leaked_subject(text) {
        add(&mut found, TextTell::LeakedSubject, range);
    }
    NEEDLES.find_all(text, |tell, range| add(&mut found, tell, range));
    found.sort_by_key(|finding| (finding.range.start, finding.tell));
    found
}

fn add(found: &mut Vec<TextFinding>, tell: TextTell, range: Range<usize>) {
    if found.iter().all(|finding| finding.tell != tell) {
        found.push(TextFinding { tell, range });
    }
}

fn characters(text: &str, found: &mut Vec<TextFinding>) {
    let mut before = '\n';
    for (at, c) in text.char_indices().filter(|(_, c)| !c.is_ascii()) {
        let range = at..at + c.len_utf8();
        match c {
            '—' => add(found, TextTell::EmDash, range),
            '“' | '”' | '’' => add(found, TextTell::SmartQuotes, range),
            // A soft hyphen, and the joiners of scripts and emoji that need them, are written.
            '\u{ad}' | '\u{200c}' | '\u{200d}' | '\u{200e}' | '\u{200f}' => {}
            // A phone opens its quotation with a byte order mark.
            '\u{feff}' if at == 0 || before == '\n' => {}
            c if is_invisible(c) => add(found, TextTell::InvisibleCharacter, range),
            _ => {}
        }
        before = text[..at].chars().next_back().unwrap_or('\n');
    }
}

/// The first line, if it names the subject in one of the ways that models do.
fn leaked_subject(text: &str) -> Option<Range<usize>> {
    let trimmed = text.trim_start();
    let start = text.len() - trimmed.len();
    let line = trimmed.lines().next()?;
    let label = line.trim_start_matches(['*', '#', '_', ' ', '"']);
    let word = [
        "subject", "asunto", "betreff", "objet", "oggetto", "assunto",
    ]
    .iter()
    .find(|word| {
        label
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    })?;
    let rest = label[word.len()..].trim_start_matches(['*', '_', ' ']);
    rest.starts_with(':').then(|| start..start + line.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_trace_is_found() {
        use TextTell::*;
        for (text, expected) in [
            ("", &[][..]),
            ("Done - mostly, 9-5.", &[]),
            ("a — b", &[EmDash]),
            ("it’s", &[SmartQuotes]),
            ("```\ncode\n```", &[MarkdownFence]),
            ("the **plan** is", &[MarkdownBoldOrHeading]),
            ("# Plan", &[MarkdownBoldOrHeading]),
            ("see\n### Plan", &[MarkdownBoldOrHeading]),
            ("2 ** 3 and 4", &[]),
            ("#1 and # two", &[]),
            ("[Your name]", &[Placeholder, PlaceholderLeft]),
            ("[my note on it]", &[Placeholder]),
            ("{{name}}", &[Placeholder]),
            ("<company>", &[Placeholder]),
            ("XXXXX", &[Placeholder]),
            ("aXXXX", &[]),
            ("lorem Ipsum", &[Placeholder, PlaceholderLeft]),
            ("Here's the draft", &[AiDisclaimer]),
            ("As an AI language model, I", &[AiDisclaimer, AiSpeaks]),
            ("Subject: the plan\n\nHi", &[LeakedSubject, AiDisclaimer]),
            (
                "**Asunto:** el plan",
                &[MarkdownBoldOrHeading, LeakedSubject],
            ),
            ("<think>Hm</think>", &[PromptRemains]),
            ("<|im_start|>user", &[PromptRemains]),
            ("in\u{200b}voice", &[InvisibleCharacter]),
            ("\u{feff}Hi", &[]),
            ("Hope you're all doing well", &[PhraseHopeThisFinds]),
            ("I hope this email finds you well.", &[PhraseHopeThisFinds]),
            ("I hope this helps. Well", &[]),
            ("don’t hesitate", &[SmartQuotes, PhraseDontHesitate]),
            ("Feel free to reach out", &[PhraseDontHesitate]),
            ("loop you in", &[PhraseCircleBack]),
            ("leveraging", &[PhraseDelveLeverage]),
            ("leveraged", &[]),
            ("streamlined", &[PhraseDelveLeverage]),
            ("robustness", &[]),
            ("aligned on it", &[PhraseDelveLeverage]),
            ("let me know if there", &[PhraseLetMeKnowIf]),
            ("was discussed", &[PhraseAsDiscussed]),
            ("Going forward", &[PhraseMovingForward]),
            ("looking forward to", &[PhraseLookForward]),
            ("ensuring that", &[PhraseEnsureThat]),
            ("ensure that's", &[PhraseEnsureThat]),
            ("ensure those", &[]),
            ("Moreover", &[PhraseAdditionally]),
            ("just wanted to check", &[PhraseJustWantedTo]),
        ] {
            let mut tells: Vec<_> = text_tells(text).iter().map(|found| found.tell).collect();
            tells.sort_unstable();
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            assert_eq!(tells, expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in any::<String>()) {
            for found in text_tells(&text) {
                prop_assert!(text.get(found.range).is_some());
            }
        }

        #[test]
        fn marks_in_any_order_are_read(text in "[\\[\\]{}<>*#`y\u{200b}—hope thsinf\n]{0,60}") {
            for found in text_tells(&text) {
                prop_assert!(text.get(found.range).is_some());
            }
        }
    }
}
