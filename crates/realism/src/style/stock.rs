//! The stock phrases of models: sentences that say nothing, and words that nobody types.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::phrases::{Found, Phrases};

/// What to do with a phrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Leave the whole sentence out that starts with it.
    DropSentence,
    /// Leave it out where it starts a sentence; what follows becomes the start.
    DropOpening,
    /// Put this in its place, with its capital.
    Replace(&'static str),
}

/// Most bytes of a sentence that is left out: a longer one says something after all.
const SENTENCE_MAX: usize = 140;

pub(crate) static PHRASES: LazyLock<Phrases<Edit>> = LazyLock::new(|| Phrases::new(&list()));

/// `text` without the stock phrases of models.
pub(crate) fn without_stock_phrases(text: &str) -> Cow<'_, str> {
    let mut next = PHRASES.find(text, 0);
    if next.is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    let mut capital = false;
    while let Some(found) = next {
        push(&mut out, &text[copied..found.start], &mut capital);
        copied = found.start;
        if let Some(end) = apply(text, found, &mut out, &mut capital) {
            copied = end;
        }
        next = PHRASES.find(text, copied.max(found.end));
    }
    push(&mut out, &text[copied..], &mut capital);
    if out.chars().any(char::is_alphanumeric) {
        Cow::Owned(out)
    } else {
        // Nothing else was said.
        Cow::Borrowed(text)
    }
}

fn push(out: &mut String, text: &str, capital: &mut bool) {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if *capital => {
            out.extend(first.to_uppercase());
            out.push_str(letters.as_str());
            *capital = false;
        }
        _ => out.push_str(text),
    }
}

/// Writes what stands in for `found`; where the text goes on, or `None` if it stays.
fn apply(text: &str, found: Found<Edit>, out: &mut String, capital: &mut bool) -> Option<usize> {
    let starts = starts_sentence(out);
    match found.value {
        Edit::DropSentence if starts => {
            let end = sentence_end(text, found.end)?;
            // Gone with the blanks that follow, or, at the end of a line, with those before.
            let after = text[end..].trim_start_matches(' ');
            if after.is_empty() || after.starts_with('\n') {
                let kept = out.trim_end_matches(' ').len();
                out.truncate(kept);
                let alone = out.is_empty() || out.ends_with('\n');
                return Some(
                    text.len()
                        - if alone {
                            after.trim_start_matches('\n')
                        } else {
                            after
                        }
                        .len(),
                );
            }
            Some(text.len() - after.len())
        }
        Edit::DropOpening if starts => {
            let after = text[found.end..].trim_start_matches([',', ' ', ':']);
            // A question or a new line after it would be left without its start.
            if !after.starts_with(char::is_alphanumeric) {
                return None;
            }
            *capital = true;
            Some(text.len() - after.len())
        }
        Edit::Replace(words) => {
            let mut upper = text[found.start..].starts_with(char::is_uppercase);
            push(out, words, &mut upper);
            Some(found.end)
        }
        Edit::DropSentence | Edit::DropOpening => None,
    }
}

fn starts_sentence(before: &str) -> bool {
    let words = before.trim_end_matches([' ', '\t', '¡', '¿', '"']);
    words.is_empty()
        || words.ends_with(['.', '!', '?', '\n', ':'])
        || words.ends_with(',') && is_greeting(words)
}

/// Whether the last line is so short that its comma ends a greeting.
fn is_greeting(before: &str) -> bool {
    const GREETING_MAX: usize = 30;
    before.len() - before.rfind('\n').map_or(0, |at| at + 1) <= GREETING_MAX
}

/// The end of the sentence, unless it is long or goes on with a question.
fn sentence_end(text: &str, from: usize) -> Option<usize> {
    let mut previous = b' ';
    for (ahead, &byte) in text.as_bytes()[from..]
        .iter()
        .enumerate()
        .take(SENTENCE_MAX)
    {
        match byte {
            b'\n' => return Some(from + ahead),
            b'?' => return None,
            _ => {}
        }
        if matches!(previous, b'.' | b'!') && matches!(byte, b' ' | b'"') {
            return Some(from + ahead);
        }
        previous = byte;
    }
    (text.len() - from <= SENTENCE_MAX).then_some(text.len())
}

fn list() -> Vec<(&'static str, Edit)> {
    let sentences = [
        // English
        "i hope this email finds you*",
        "i hope this e-mail finds you*",
        "i hope this message finds you*",
        "i hope this note finds you*",
        "i hope this letter finds you*",
        "i hope this finds you*",
        "hope this email finds you*",
        "hope this message finds you*",
        "hope this finds you*",
        "i hope that this email finds you*",
        "i trust this email finds you*",
        "i trust this message finds you*",
        "i hope this email reaches you*",
        "i hope this message reaches you*",
        "i hope you are having a wonderful*",
        "i hope you're having a wonderful*",
        "your prompt attention to this matter is*",
        "thank you for your prompt attention*",
        "thank you for your attention to this matter*",
        "thank you for your understanding and cooperation*",
        // Spanish
        "espero que este correo te encuentre*",
        "espero que este correo le encuentre*",
        "espero que este correo lo encuentre*",
        "espero que este correo la encuentre*",
        "espero que este correo os encuentre*",
        "espero que este correo les encuentre*",
        "espero que este correo electrónico te encuentre*",
        "espero que este correo electrónico le encuentre*",
        "espero que este correo electrónico lo encuentre*",
        "espero que este mensaje te encuentre*",
        "espero que este mensaje le encuentre*",
        "espero que este mensaje lo encuentre*",
        "espero que este mensaje la encuentre*",
        "espero que este mensaje os encuentre*",
        "espero que te encuentres bien*",
        "espero que se encuentre bien*",
        "agradezco de antemano su atención*",
        // German
        "ich hoffe, diese e-mail erreicht*",
        "ich hoffe, diese nachricht erreicht*",
        "ich hoffe diese e-mail erreicht*",
        "ich hoffe diese nachricht erreicht*",
        "ich hoffe, dass diese e-mail*",
        "ich hoffe, dass diese nachricht*",
        // French, Portuguese, Italian
        "j'espère que ce message vous trouve*",
        "j'espère que ce message te trouve*",
        "j'espère que cet e-mail vous trouve*",
        "j'espère que ce courriel vous trouve*",
        "espero que este e-mail o encontre*",
        "espero que este e-mail a encontre*",
        "espero que esta mensagem o encontre*",
        "spero che questa email ti trovi*",
        "spero che questa mail ti trovi*",
        "spero che questo messaggio ti trovi*",
    ];
    let openings = [
        "it is important to note that",
        "it's important to note that",
        "it is worth noting that",
        "it's worth noting that",
        "it should be noted that",
        "please note that it is important that",
        "in today's fast-paced world",
        "in today's fast-paced business environment",
        "in today's rapidly evolving landscape",
        "in conclusion",
        "in summary",
        "rest assured that",
        "rest assured",
        "please rest assured that",
        "i am writing to inform you that",
        "i'm writing to inform you that",
        "i wanted to take a moment to let you know that",
        "es importante destacar que",
        "es importante señalar que",
        "cabe destacar que",
        "cabe mencionar que",
        "cabe señalar que",
        "le escribo para informarle de que",
        "le escribo para informarle que",
        "te escribo para informarte de que",
        "te escribo para informarte que",
        "en conclusión",
        "il est important de noter que",
    ];
    let words = [
        ("please do not hesitate to contact", "please contact"),
        ("please don't hesitate to contact", "please contact"),
        ("do not hesitate to contact", "just contact"),
        ("don't hesitate to contact", "just contact"),
        ("please do not hesitate to reach out to", "please write to"),
        ("please don't hesitate to reach out to", "please write to"),
        ("please do not hesitate to reach out", "please get in touch"),
        ("please don't hesitate to reach out", "please get in touch"),
        ("do not hesitate to reach out to", "just write to"),
        ("don't hesitate to reach out to", "just write to"),
        ("do not hesitate to reach out", "just get in touch"),
        ("don't hesitate to reach out", "just get in touch"),
        ("please do not hesitate to let", "please let"),
        ("please don't hesitate to let", "please let"),
        ("please feel free to reach out to", "please write to"),
        ("feel free to reach out to", "just write to"),
        ("please feel free to reach out", "please get in touch"),
        ("feel free to reach out", "just get in touch"),
        ("delve into", "look into"),
        ("delves into", "looks into"),
        ("delved into", "looked into"),
        ("delving into", "looking into"),
        ("delve deeper into", "look closer at"),
        ("utilize", "use"),
        ("utilizes", "uses"),
        ("utilized", "used"),
        ("utilizing", "using"),
        ("furthermore,", "also,"),
        ("moreover,", "also,"),
        ("additionally,", "also,"),
        ("is a testament to", "shows"),
        ("are a testament to", "show"),
        ("a testament to", "a sign of"),
        ("unwavering", "steady"),
        ("seamless", "smooth"),
        ("seamlessly", "smoothly"),
        ("meticulous", "careful"),
        ("meticulously", "carefully"),
        ("pivotal", "key"),
        ("a plethora of", "plenty of"),
        ("a myriad of", "plenty of"),
        ("in order to", "to"),
        ("at your earliest convenience", "when you can"),
        ("no dudes en contactarme", "escríbeme"),
        ("no dudes en ponerte en contacto conmigo", "escríbeme"),
        ("no dudes en escribirme", "escríbeme"),
        ("no dude en contactarme", "escríbame"),
        ("no dude en ponerse en contacto conmigo", "escríbame"),
        ("no dudéis en contactarme", "escribidme"),
        ("a la brevedad posible", "en cuanto pueda"),
        ("zögern sie nicht, mich zu kontaktieren", "melden Sie sich"),
        ("zögere nicht, mich zu kontaktieren", "melde dich"),
        ("darüber hinaus", "außerdem"),
        ("il convient de noter que", "notez que"),
    ];
    let mut list = Vec::new();
    list.extend(sentences.map(|phrase| (phrase, Edit::DropSentence)));
    list.extend(openings.map(|phrase| (phrase, Edit::DropOpening)));
    list.extend(words.map(|(phrase, words)| (phrase, Edit::Replace(words))));
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stock_phrases_go_and_sentences_stay_whole() {
        for (text, expected) in [
            (
                "Hi Ana,\n\nI hope this email finds you well.\n\nThe plan is on.",
                "Hi Ana,\n\nThe plan is on.",
            ),
            (
                "Hi Ana,\n\nI hope this message finds you well! The plan is on.",
                "Hi Ana,\n\nThe plan is on.",
            ),
            (
                "The plan is on. I hope this finds you well.",
                "The plan is on.",
            ),
            (
                "Hola Luis:\n\nEspero que este correo te encuentre bien. Te paso el plan.",
                "Hola Luis:\n\nTe paso el plan.",
            ),
            (
                "Guten Tag,\nich hoffe, diese E-Mail erreicht Sie wohl.\nDer Plan steht.",
                "Guten Tag,\nDer Plan steht.",
            ),
            (
                "I hope this email finds you well.",
                "I hope this email finds you well.",
            ),
            (
                "It is important to note that we close at 5.",
                "We close at 5.",
            ),
            (
                "We delved into it. Utilizing the tool helps.",
                "We looked into it. Using the tool helps.",
            ),
            (
                "If in doubt, please do not hesitate to contact me at 555.",
                "If in doubt, please contact me at 555.",
            ),
            (
                "Furthermore, it rains; in conclusion it is wet.",
                "Also, it rains; in conclusion it is wet.",
            ),
            (
                "Is it true? I hope this email finds you?",
                "Is it true? I hope this email finds you?",
            ),
            ("Nothing to do.", "Nothing to do."),
        ] {
            assert_eq!(without_stock_phrases(text), expected, "{text}");
        }
    }
}
