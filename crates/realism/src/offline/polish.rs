//! From sentences of a script to text in a persona's hand.

use super::clean::is_hidden;
use super::dice::Dice;
use super::habits::Habits;
use crate::language::Pack;

/// A paragraph.
#[derive(Debug)]
pub(crate) enum Block {
    /// Running text.
    Prose(Vec<String>),
    /// A list, one item a line.
    List(Vec<String>),
    /// A line that stands as it is.
    Line(String),
}

/// The text of a paragraph.
pub(crate) fn write(block: &Block, habits: &Habits, pack: &Pack, dice: &mut Dice) -> String {
    match block {
        Block::Prose(sentences) => prose(sentences, habits, pack, dice),
        Block::List(items) => {
            let lines: Vec<String> = items
                .iter()
                .map(|item| {
                    let item = tidy(item, pack);
                    let item = hand(item.trim_end_matches('.'), true, habits, pack, dice);
                    format!("- {item}")
                })
                .collect();
            lines.join("\n")
        }
        Block::Line(line) => {
            let line = tidy(line, pack);
            if habits.lower {
                line
            } else {
                capitals(&line, true)
            }
        }
    }
}

fn prose(sentences: &[String], habits: &Habits, pack: &Pack, dice: &mut Dice) -> String {
    let gap = if habits.two_spaces { "  " } else { " " };
    let mut out = String::new();
    let mut open = true;
    for (index, sentence) in sentences.iter().enumerate() {
        let tidy = tidy(sentence, pack);
        if tidy.is_empty() {
            continue;
        }
        let mut text = hand(&tidy, open, habits, pack, dice);
        open = true;
        let is_last = index + 1 == sentences.len();
        if !out.is_empty() {
            out.push_str(if out.ends_with(',') { " " } else { gap });
        }
        if text.ends_with('.') && !text.ends_with("..") {
            if is_last && dice.chance(habits.drops_stop) {
                text.pop();
            } else if is_last && can_exclaim(&tidy, pack) && dice.chance(habits.exclaims) {
                text.pop();
                text.push_str(if habits.careless && dice.chance(40) {
                    "!!"
                } else {
                    "!"
                });
            } else if habits.dots && dice.chance(14) {
                text.push('.');
            } else if !is_last
                && text.len() < 70
                && !text.contains(',')
                && dice.chance(habits.runs_on)
            {
                text.pop();
                text.push(',');
                open = false;
            }
        }
        out.push_str(&text);
    }
    if out.ends_with(',') {
        out.pop();
    }
    out
}

/// Whether a sentence may end with an exclamation mark.
fn can_exclaim(sentence: &str, pack: &Pack) -> bool {
    let lower = sentence.to_lowercase();
    lower.len() < 80 && pack.cues.glad.iter().any(|word| lower.contains(word))
}

/// Single spaces, none before a mark, merged words.
fn tidy(text: &str, pack: &Pack) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' if out.is_empty() || out.ends_with([' ', '¿', '¡']) => {}
            ',' | '.' | '?' | '!' | ':' | ';' => {
                if out.ends_with(' ') {
                    out.pop();
                }
                if !(c == ',' && out.ends_with(',')) {
                    out.push(c);
                }
            }
            c => out.push(c),
        }
    }
    let mut out = out.trim_end().to_owned();
    for (apart, merged) in pack.mergers {
        if out.contains(apart) {
            out = out.replace(apart, merged);
        }
    }
    out
}

/// One or more sentences as this persona types them.
fn hand(text: &str, open: bool, habits: &Habits, pack: &Pack, dice: &mut Dice) -> String {
    let mut words: Vec<String> = text.split(' ').map(str::to_owned).collect();
    for word in &mut words {
        if !habits.contracts {
            expand_word(word, pack);
        }
        if habits.typos > 0 && dice.below(1000) < habits.typos as usize {
            slip(word, dice);
        }
    }
    let mut out = words.join(" ");
    if habits.lower {
        if habits.careless {
            out = lone_i(&out);
        }
    } else {
        out = capitals(&out, open);
    }
    if habits.careless {
        out = out
            .chars()
            .flat_map(|c| {
                let loose = pack.careless.iter().find(|(from, _)| *from == c);
                let kept = if loose.is_none() { Some(c) } else { None };
                kept.into_iter()
                    .chain(loose.map_or("", |(_, to)| to).chars())
            })
            .collect();
    }
    if habits.two_spaces {
        for end in [". ", "? ", "! "] {
            out = out.replace(end, &format!("{end} "));
        }
    }
    out
}

fn expand_word(word: &mut String, pack: &Pack) {
    let Some(first) = word.chars().next() else {
        return;
    };
    let lower = first.to_lowercase().next().unwrap_or(first);
    for (short, long) in pack.contractions {
        let rest = &short[short.chars().next().map_or(0, char::len_utf8)..];
        let Some(tail) = word[first.len_utf8()..].strip_prefix(rest) else {
            continue;
        };
        let starts = short.chars().next();
        if (starts == Some(first) || starts == Some(lower))
            && !tail.starts_with(char::is_alphanumeric)
        {
            let mut whole: String = (*long).to_owned();
            whole.push_str(tail);
            if first.is_uppercase() {
                whole = capitals(&whole, true);
            }
            *word = whole;
            return;
        }
    }
}

/// A slip of the finger: two letters change places, or one is dropped. Only words of lower-case
/// ASCII letters, so that names and numbers stay right.
fn slip(word: &mut String, dice: &mut Dice) {
    let end = word
        .trim_end_matches(|c: char| !c.is_ascii_lowercase())
        .len();
    if end < 5 || !word[..end].chars().all(|c| c.is_ascii_lowercase()) {
        return;
    }
    let at = dice.between(1, end - 3);
    if dice.chance(65) {
        let bytes = word.as_bytes();
        let (left, right) = (char::from(bytes[at]), char::from(bytes[at + 1]));
        word.replace_range(at..at + 2, &format!("{right}{left}"));
    } else {
        word.remove(at + 1);
    }
}

/// Whether `typed` may be a slip of the finger for `meant`: see [`slip`].
pub(crate) fn is_slip(typed: &str, meant: &str) -> bool {
    let (typed, meant) = (typed.as_bytes(), meant.as_bytes());
    let Some(at) = typed
        .iter()
        .zip(meant)
        .position(|(one, other)| one != other)
    else {
        return meant.len() == typed.len() + 1;
    };
    if at == 0 {
        return false;
    }
    let (left, right) = (&typed[at..], &meant[at..]);
    let changed = left.len() == right.len()
        && left.len() > 1
        && left[0] == right[1]
        && left[1] == right[0]
        && left[2..] == right[2..];
    changed || left == &right[1..]
}

fn lone_i(text: &str) -> String {
    let words = text.split(' ').map(|word| match word.strip_prefix('I') {
        Some(rest) if rest.is_empty() || rest.starts_with(['\'', ',', '.']) => format!("i{rest}"),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Upper case at the start of every sentence; at the very start only when `open`.
pub(crate) fn capitals(text: &str, open: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut start = open;
    let mut ended = false;
    for (at, c) in text.char_indices() {
        if start && c.is_alphanumeric() {
            if is_host(&text[at..]) {
                out.push(c);
            } else {
                out.extend(c.to_uppercase());
            }
            start = false;
        } else {
            out.push(c);
        }
        if matches!(c, '.' | '?' | '!') {
            ended = true;
        } else if c == ' ' {
            start |= ended && !out.ends_with(".. ");
        } else {
            ended = false;
        }
    }
    out
}

/// Whether the text starts with the name of a machine, `db-03`, which keeps its small letters.
fn is_host(text: &str) -> bool {
    let word = text.split(' ').next().unwrap_or_default();
    word.split_once('-').is_some_and(|(kind, number)| {
        kind.bytes().all(|byte| byte.is_ascii_lowercase())
            && number.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// The finished text: paragraphs kept, nothing hidden, no line that a mailbox file would take for
/// a separator.
pub(crate) fn scrub(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split('\n') {
        let line: String = line.chars().filter(|c| !is_hidden(*c)).collect();
        let line = line.trim_end();
        if let Some(rest) = line.strip_prefix("From ") {
            out.push_str("from ");
            out.push_str(rest);
        } else {
            out.push_str(line.trim_start_matches(['>', '#', '*']));
        }
        out.push('\n');
    }
    out.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language;

    #[test]
    fn sentences_are_tidied() {
        let pack = language::pack("es");
        assert_eq!(
            tidy(" lo de el  presupuesto , bien .", pack),
            "lo del presupuesto, bien."
        );
        assert_eq!(
            capitals("¿vienes? ana lo sabe. v2.xlsx va", true),
            "¿Vienes? Ana lo sabe. V2.xlsx va"
        );
        assert_eq!(capitals("db-03 is slow", true), "db-03 is slow");
    }

    #[test]
    fn short_forms_are_written_out() {
        let pack = language::pack("en");
        let check = |word: &str, expect: &str| {
            let mut word = word.to_owned();
            expand_word(&mut word, pack);
            assert_eq!(word, expect);
        };
        check("don't", "do not");
        check("I'm", "I am");
        check("It's", "It is");
        check("Ana's", "Ana's");
        check("can't,", "cannot,");
    }

    #[test]
    fn slips_are_recognised() {
        let check = |typed, meant, expected| assert_eq!(is_slip(typed, meant), expected, "{typed}");
        check("tehre", "there", true);
        check("mandr", "mandar", true);
        check("ther", "there", true);
        check("threw", "there", false);
        check("table", "cable", false);
        check("tables", "table", false);
        check("", "a", true);
        for seed in 0..200 {
            let mut word = "comparative".to_owned();
            slip(&mut word, &mut Dice::new(seed));
            assert!(
                word == "comparative" || is_slip(&word, "comparative"),
                "{word}"
            );
        }
    }

    #[test]
    fn mailbox_separators_do_not_survive() {
        assert_eq!(scrub("a\nFrom here\u{200b}\n> b"), "a\nfrom here\n b");
    }
}
