//! Whether a user's turn confirms or corrects something, as far as its words show. It costs nothing,
//! and most turns do neither, so most turns cost no call of a model.
//!
//! A sign stands at the beginning of a clause (`yes, …`, `so, no: …`), with a few exceptions. What
//! is asked (`right?`), pasted as code or quoted is no sign. A false sign costs a call, a missed one
//! a fact.

mod words;

use self::words::LANGUAGES;

/// Most bytes of a turn that are looked at: whoever confirms or corrects does so early.
const SCANNED: usize = 1_000;

/// What a turn shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Signals {
    /// It confirms.
    pub(super) confirms: bool,
    /// It corrects.
    pub(super) corrects: bool,
}

impl Signals {
    pub(super) fn any(self) -> bool {
        self.confirms || self.corrects
    }
}

/// What the words of `text` show.
pub(super) fn signals(text: &str) -> Signals {
    let text = &text[..text.floor_char_boundary(SCANNED)];
    let mut found = Signals {
        confirms: text.trim_start().starts_with(['👍', '✅', '💯']),
        corrects: false,
    };
    for clause in clauses(text) {
        if clause.is_question {
            continue;
        }
        match opening(clause.after_fillers()) {
            Some(Sign::Confirms) => found.confirms = true,
            Some(Sign::Corrects) => found.corrects = true,
            None => {}
        }
        found.corrects |= corrects_anywhere(&clause.words) || contrasts(&clause);
    }
    found
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Confirms,
    Corrects,
}

/// The sign that a clause begins with: the longest one, for `stimmt nicht` is no `stimmt`.
fn opening(clause: &[String]) -> Option<Sign> {
    let signs = LANGUAGES.iter().flat_map(|language| {
        let confirms = language
            .confirms
            .iter()
            .map(|phrase| (phrase, Sign::Confirms));
        let corrects = language
            .corrects
            .iter()
            .map(|phrase| (phrase, Sign::Corrects));
        confirms.chain(corrects)
    });
    signs
        .filter_map(|(phrase, sign)| Some((opens(clause, phrase)?, sign)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, sign)| sign)
}

/// The number of words of `phrase`, if the clause begins with it. A `|` at its end stands for the
/// end of the clause.
fn opens(clause: &[String], phrase: &str) -> Option<usize> {
    let (phrase, is_alone) = match phrase.strip_suffix('|') {
        Some(phrase) => (phrase, true),
        None => (phrase, false),
    };
    let mut length = 0;
    for word in phrase.split(' ') {
        if clause.get(length)? != word {
            return None;
        }
        length += 1;
    }
    (!is_alone || clause.len() == length).then_some(length)
}

fn corrects_anywhere(clause: &[String]) -> bool {
    LANGUAGES
        .iter()
        .flat_map(|language| language.corrects_anywhere)
        .any(|phrase| (0..clause.len()).any(|at| opens(&clause[at..], phrase).is_some()))
}

/// `…, not 443`, or `it is 8443 not 443`.
fn contrasts(clause: &Clause) -> bool {
    const NOT: [&str; 6] = ["not", "nicht", "no", "nao", "pas", "non"];
    const IS: [&str; 14] = [
        "is", "it's", "its", "are", "was", "were", "that's", "ist", "sind", "es", "e", "est",
        "c'est", "son",
    ];
    /// Most words between the two.
    const BETWEEN: usize = 6;
    let is_not = |word: &String| NOT.contains(&word.as_str());
    if clause.follows_comma && clause.words.len() > 1 && clause.words.first().is_some_and(is_not) {
        return true;
    }
    clause.words.iter().enumerate().any(|(at, word)| {
        let from = at.saturating_sub(BETWEEN + 1);
        is_not(word)
            && at + 1 < clause.words.len()
            && clause.words[from..at.saturating_sub(1).max(from)]
                .iter()
                .any(|word| IS.contains(&word.as_str()))
    })
}

/// Words between two punctuation marks.
#[derive(Default)]
struct Clause {
    words: Vec<String>,
    follows_comma: bool,
    is_question: bool,
}

impl Clause {
    /// The words without those that only take a breath.
    fn after_fillers(&self) -> &[String] {
        const FILLERS: [&str; 21] = [
            "ok", "okay", "oh", "ah", "hm", "hmm", "well", "so", "um", "uh", "and", "but", "und",
            "aber", "pero", "mais", "ma", "mas", "bueno", "also", "ach",
        ];
        let start = self
            .words
            .iter()
            .position(|word| !FILLERS.contains(&word.as_str()))
            .unwrap_or(self.words.len());
        &self.words[start..]
    }
}

/// The clauses of what a user typed.
fn clauses(text: &str) -> Vec<Clause> {
    let mut clauses = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        let line = line.trim_start();
        if line.starts_with("```") {
            in_code = !in_code;
            continue;
        }
        if in_code || line.starts_with('>') {
            continue;
        }
        clauses_of_line(line, &mut clauses);
    }
    clauses
}

fn clauses_of_line(line: &str, clauses: &mut Vec<Clause>) {
    let mut clause = Clause::default();
    let mut word = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(c) = letter(c) {
            c.chars().for_each(|c| word.push(c));
            continue;
        }
        let ends_clause = match c {
            // Inside a number, a name or a time they separate nothing.
            '.' | ',' | ':' => chars.peek().is_none_or(|next| !next.is_alphanumeric()),
            '!' | '?' | ';' | '(' | ')' | '\u{2013}' | '\u{2014}' | '\u{a1}' | '\u{bf}' => true,
            '-' => word.is_empty() && chars.peek() == Some(&' '),
            _ => false,
        };
        if matches!(c, '\u{300}'..='\u{36f}') {
            continue;
        }
        if !word.is_empty() {
            clause.words.push(std::mem::take(&mut word));
        }
        if ends_clause {
            clause.is_question = c == '?';
            let next = Clause {
                follows_comma: matches!(c, ',' | ';' | '\u{2013}' | '\u{2014}' | '-' | '('),
                ..Clause::default()
            };
            clauses.push(std::mem::replace(&mut clause, next));
        }
    }
    if !word.is_empty() {
        clause.words.push(word);
    }
    clauses.push(clause);
}

/// A letter or digit in lower case and without an accent; people leave accents out.
fn letter(c: char) -> Option<String> {
    let plain = match c {
        '\'' | '\u{2019}' => "'",
        'á' | 'à' | 'â' | 'ä' | 'ã' | 'Á' | 'À' | 'Â' | 'Ä' | 'Ã' => "a",
        'é' | 'è' | 'ê' | 'ë' | 'É' | 'È' | 'Ê' | 'Ë' => "e",
        'í' | 'ì' | 'î' | 'ï' | 'Í' | 'Ì' | 'Î' | 'Ï' => "i",
        'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'Ó' | 'Ò' | 'Ô' | 'Ö' | 'Õ' => "o",
        'ú' | 'ù' | 'û' | 'ü' | 'Ú' | 'Ù' | 'Û' | 'Ü' => "u",
        'ç' | 'Ç' => "c",
        'ñ' | 'Ñ' => "n",
        'ß' => "ss",
        c if c.is_alphanumeric() => return Some(c.to_lowercase().collect()),
        _ => return None,
    };
    Some(plain.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_of_each_language() {
        let check = |expected: &str, texts: &[&str]| {
            for text in texts {
                let signals = signals(text);
                let found = match (signals.confirms, signals.corrects) {
                    (false, false) => "nothing",
                    (true, false) => "confirms",
                    (false, true) => "corrects",
                    (true, true) => "both",
                };
                assert_eq!(found, expected, "{text}");
            }
        };
        check(
            "confirms",
            &[
                "yes",
                "Yes, that's right",
                "ok yes",
                "Correct.",
                "Exactly!",
                "yep",
                "👍",
                "That’s right, go on",
                "hmm, you're right",
                "right",
                "Right, next step",
                "ja genau",
                "Genau.",
                "Stimmt",
                "Das ist richtig",
                "Du hast recht",
                "sí",
                "Sí, es así",
                "Exacto",
                "Así es.",
                "asi es",
                "Tienes razón",
                "sim",
                "Isso mesmo!",
                "É isso",
                "exato",
                "oui",
                "C'est ça",
                "c’est exact",
                "Tout à fait",
                "sì",
                "Esatto",
                "È giusto",
                "hai ragione",
            ],
        );
        check(
            "corrects",
            &[
                "No, it's 8443",
                "no it's 8443",
                "Nope",
                "Actually the port is 8443",
                "that's not what I said",
                "Wrong.",
                "not quite",
                "It's 8443, not 443",
                "the port is 8443 not 443",
                "the port should be 8443",
                "I meant staging",
                "nein, 8443",
                "Das stimmt nicht",
                "falsch",
                "Stimmt nicht.",
                "nicht Port 443, sondern 8443",
                "no, es 8443",
                "En realidad es Lisboa",
                "no es Madrid sino Lisboa",
                "Te equivocas",
                "não, é 8443",
                "Na verdade é Lisboa",
                "está errado",
                "non, c'est 8443",
                "Ce n'est pas ça",
                "en fait c'est Lyon",
                "C'est faux",
                "no, è 8443",
                "Non è così",
                "in realtà è Roma",
                "ti sbagli",
                "non Roma bensì Milano",
            ],
        );
        check(
            "both",
            &[
                "Yes, but the port is 8443, not 443",
                "exactly. Actually no, wait",
                "sí, pero no es 443",
            ],
        );
        check(
            "nothing",
            &[
                "",
                "fix the tests",
                "please add a function",
                "Is that correct?",
                "it's 443, right?",
                "si quieres, sigue",
                "I know nothing about that",
                "nothing works",
                "know this",
                "```\nyes\nno, wrong\n```",
                "> yes, that's right\nwhat does this mean",
                "thanks",
                "why is the port 443?",
                "the yes option",
                "noch einmal",
                "jahr 2024",
                "notes first",
                "run it on 10.0.0.1:443",
                "danke",
                "merci",
                "grazie",
                "obrigado",
            ],
        );
    }

    #[test]
    fn what_stands_late_is_not_read() {
        assert!(!signals(&format!("{}\nyes, right", "word ".repeat(300))).any());
    }

    #[test]
    fn phrases_are_written_as_they_are_compared() {
        for language in LANGUAGES {
            for phrase in [
                language.confirms,
                language.corrects,
                language.corrects_anywhere,
            ]
            .concat()
            {
                let words: Vec<String> =
                    clauses(phrase).into_iter().flat_map(|c| c.words).collect();
                assert_eq!(
                    words.join(" "),
                    phrase.trim_end_matches('|'),
                    "{}",
                    language.name
                );
            }
        }
    }
}
