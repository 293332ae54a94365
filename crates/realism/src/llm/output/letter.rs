//! The parts of a letter: who is greeted, and how it ends.

use std::sync::LazyLock;

use super::letter_words::{CLOSINGS, GREETINGS};
use crate::style::phrases::Phrases;

/// A greeting at the start of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Greeting<'a> {
    /// Who is greeted, titles included; empty if nobody is named.
    pub(super) name: &'a str,
    /// Whether nothing else stands on the line.
    pub(super) is_whole_line: bool,
    /// Whether a letter that starts like this ends with a closing.
    pub(super) is_formal: bool,
}

/// Longest name that a greeting names, in bytes.
const NAME_MAX: usize = 60;

/// The greeting that `line` starts with.
pub(super) fn greeting_of(line: &str) -> Option<Greeting<'_>> {
    static WORDS: LazyLock<Phrases<bool>> = LazyLock::new(|| Phrases::new(GREETINGS));
    let line = line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '¡'));
    let word = WORDS.at(line, 0)?;
    let rest = name_after_comma(&line[word.end..]);
    let ahead = &rest[..rest.floor_char_boundary(NAME_MAX)];
    let end = ahead
        .find([',', ':', '!', '.', ';', '?', '\n'])
        .unwrap_or(ahead.len());
    // `Dr.` ends no greeting.
    let end = match ahead[end..].starts_with('.') && is_title(&ahead[..end]) {
        true => ahead[end + 1..]
            .find([',', ':', '!', '.', ';', '\n'])
            .map_or(ahead.len(), |at| end + 1 + at),
        false => end,
    };
    let name = ahead[..end]
        .trim()
        .trim_matches('*')
        .trim_end_matches([' ', '-', '–', '—']);
    let after = rest[end..].trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, ',' | ':' | '!' | '.' | ';' | '*' | '-' | '–' | '—')
    });
    let is_whole_line = after.is_empty();
    // "Good morning to all who came today" is a sentence, and so is "Hi there is a problem".
    let named = name.split_whitespace().count() <= 6 && looks_named(name);
    (named && (is_whole_line || end < ahead.len())).then_some(Greeting {
        name,
        is_whole_line,
        is_formal: word.value,
    })
}

/// `rest` of a greeting without the comma before a name: `Good morning, Ana!`.
fn name_after_comma(rest: &str) -> &str {
    let Some(after) = rest.strip_prefix(", ") else {
        return rest;
    };
    let ahead = &after[..after.floor_char_boundary(NAME_MAX)];
    let end = ahead
        .find([',', ':', '!', '.', '\n'])
        .unwrap_or(ahead.len());
    if is_name(&ahead[..end]) { after } else { rest }
}

fn is_title(text: &str) -> bool {
    let word = text.trim().rsplit(' ').next().unwrap_or_default();
    matches!(
        word,
        "Mr" | "Mrs"
            | "Ms"
            | "Dr"
            | "Prof"
            | "Sr"
            | "Sra"
            | "Srta"
            | "Dra"
            | "Dipl"
            | "M"
            | "Sig"
            | "Dott"
            | "Ing"
    )
}

/// Whether `name` may be a name or a group: no sentence goes on in it.
fn looks_named(name: &str) -> bool {
    name.split_whitespace().all(|word| {
        let first = word.chars().next().unwrap_or(' ');
        first.is_uppercase() || !first.is_alphabetic() || is_group_word(word)
    })
}

fn is_group_word(word: &str) -> bool {
    matches!(
        word.to_lowercase().as_str(),
        "all"
            | "team"
            | "everyone"
            | "everybody"
            | "there"
            | "folks"
            | "guys"
            | "colleagues"
            | "colleague"
            | "both"
            | "and"
            | "the"
            | "of"
            | "sir"
            | "madam"
            | "or"
            | "y"
            | "e"
            | "und"
            | "et"
            | "a"
            | "à"
            | "todos"
            | "todas"
            | "equipo"
            | "compañeros"
            | "compañeras"
            | "colegas"
            | "señor"
            | "señora"
            | "señores"
            | "de"
            | "del"
            | "la"
            | "los"
            | "van"
            | "von"
            | "der"
            | "di"
            | "da"
            | "do"
            | "zusammen"
            | "alle"
            | "allen"
            | "kolleginnen"
            | "kollegen"
            | "team,"
            | "herr"
            | "frau"
            | "damen"
            | "herren"
            | "tous"
            | "toutes"
            | "monsieur"
            | "madame"
            | "équipe"
            | "tutti"
            | "tutte"
            | "pessoal"
            | "equipe"
            | "días"
            | "tardes"
            | "noches"
            | "again"
            | "morning"
            | "afternoon"
            | "office"
            | "liebe"
            | "lieber"
            | "querido"
            | "querida"
            | "estimado"
            | "estimada"
            | "chers"
            | "chères"
            | "@"
    )
}

/// Whether `name` names a group, or nobody in particular.
pub(super) fn is_group(name: &str) -> bool {
    let mut words = name.split_whitespace().peekable();
    words.peek().is_none()
        || words.any(|word| {
            matches!(
                word.trim_matches([',', '.', '!']).to_lowercase().as_str(),
                "all"
                    | "team"
                    | "everyone"
                    | "everybody"
                    | "there"
                    | "folks"
                    | "guys"
                    | "colleagues"
                    | "both"
                    | "sir"
                    | "madam"
                    | "todos"
                    | "todas"
                    | "equipo"
                    | "compañeros"
                    | "compañeras"
                    | "colegas"
                    | "señores"
                    | "zusammen"
                    | "alle"
                    | "allen"
                    | "kolleginnen"
                    | "kollegen"
                    | "damen"
                    | "herren"
                    | "tous"
                    | "toutes"
                    | "équipe"
                    | "tutti"
                    | "tutte"
                    | "pessoal"
                    | "equipe"
                    | "and"
                    | "y"
                    | "und"
                    | "et"
                    | "e"
                    | "office"
                    | "department"
                    | "support"
                    | "helpdesk"
                    | "it"
                    | "hr"
                    | "colleague"
                    | "management"
                    | "customer"
                    | "partners"
                    | "friends"
                    | "members"
                    | "again"
            )
        })
}

/// What stands at the end of a line that closes a letter: `Best regards,`, `Thanks, Ana`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Closing<'a> {
    /// The name on the same line; empty if there is none.
    pub(super) name: &'a str,
    /// Whether the line may as well be part of the text, such as `Thanks!`.
    pub(super) is_weak: bool,
}

/// Longest line that can be a closing, in bytes.
const CLOSING_MAX: usize = 70;

/// The closing that `line` is.
pub(super) fn closing_of(line: &str) -> Option<Closing<'_>> {
    static WORDS: LazyLock<Phrases<bool>> = LazyLock::new(|| Phrases::new(CLOSINGS));
    if line.len() > CLOSING_MAX {
        return None;
    }
    let line = line.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '*' | '_' | '¡' | '-' | '–' | '—')
    });
    let word = WORDS.at(line, 0)?;
    let rest = &line[word.end..];
    let name = rest.trim_start_matches([',', '.', '!', ' ', '-', '–', '—', '*', '_']);
    if name.is_empty() {
        return Some(Closing {
            name: "",
            is_weak: word.value,
        });
    }
    let separated = rest.starts_with([',', '!', '-', '–', '—'])
        || rest.starts_with(" -")
        || rest.starts_with(" –")
        || rest.starts_with(" —")
        || rest.starts_with(". ");
    (separated && is_name(name)).then_some(Closing {
        name,
        is_weak: false,
    })
}

/// Whether a line may be the name of a person, or one of the lines of a signature.
pub(super) fn is_name(line: &str) -> bool {
    const WORDS_MAX: usize = 4;
    const LINE_MAX: usize = 50;
    let line = line
        .trim()
        .trim_matches(|c: char| matches!(c, '*' | '_' | ',' | '-' | '–' | '—' | ' ' | '.'));
    if line.is_empty() || line.len() > LINE_MAX || closing_like(line) {
        return false;
    }
    let mut words = 0;
    let capitalised = line.split_whitespace().all(|word| {
        words += 1;
        let word = word.trim_matches(['(', ')', '"', ',', '.', '\'', '’']);
        let first = word.chars().next().unwrap_or('.');
        (first.is_uppercase()
            || first == '['
            || first == '<'
            || first == '{'
            || matches!(
                word,
                "de" | "del"
                    | "la"
                    | "van"
                    | "von"
                    | "der"
                    | "di"
                    | "da"
                    | "y"
                    | "e"
                    | "and"
                    | "dos"
            ))
            && word.chars().all(|c| {
                c.is_alphabetic()
                    || matches!(
                        c,
                        '-' | '\'' | '’' | '.' | '[' | ']' | '<' | '>' | '{' | '}'
                    )
            })
    });
    capitalised && words <= WORDS_MAX
}

fn closing_like(line: &str) -> bool {
    static WORDS: LazyLock<Phrases<bool>> = LazyLock::new(|| Phrases::new(CLOSINGS));
    WORDS.at(line, 0).is_some_and(|word| word.end == line.len())
}

/// Whether `line` may belong to the signature under a name: a title, a company, an address.
pub(super) fn is_signature_line(line: &str) -> bool {
    const LINE_MAX: usize = 80;
    let line = line.trim();
    let is_sentence = line.ends_with(['.', '!', '?']) && line.split_whitespace().count() >= 4;
    line.len() <= LINE_MAX && !is_sentence && !line.starts_with("- ")
}

/// Whether a paragraph may follow the end of a letter.
pub(super) fn is_postscript(line: &str) -> bool {
    let line = line.trim_start_matches(['*', '_', '(', ' ']);
    if !line.starts_with(['P', 'N', 'p']) {
        return false;
    }
    [
        "P.S", "PS:", "PS.", "PS ", "PS,", "P.D", "PD:", "PD.", "P.-", "NB:", "N.B", "p.s", "ps:",
        "Ps:", "PPS", "P. S", "P. D", "P.P.S",
    ]
    .iter()
    .any(|mark| line.starts_with(mark))
}

/// The first word of a name without titles, folded for comparison; empty for none.
pub(super) fn first_names(name: &str) -> impl Iterator<Item = String> + '_ {
    name.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’' | '-')))
        .filter(|word| word.chars().count() > 1)
        .map(fold)
        .filter(|word| {
            !matches!(
                word.as_str(),
                "mr" | "mrs"
                    | "ms"
                    | "dr"
                    | "prof"
                    | "sr"
                    | "sra"
                    | "srta"
                    | "dra"
                    | "don"
                    | "doña"
                    | "dona"
                    | "herr"
                    | "frau"
                    | "monsieur"
                    | "madame"
                    | "mme"
                    | "de"
                    | "del"
                    | "la"
                    | "van"
                    | "von"
                    | "der"
                    | "di"
                    | "da"
                    | "señor"
                    | "señora"
                    | "senor"
                    | "senora"
                    | "sig"
                    | "dott"
                    | "ing"
                    | "el"
            )
        })
}

/// Lower case, and without the accents of Latin letters: people drop them.
pub(super) fn fold(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    word.chars()
        .flat_map(char::to_lowercase)
        .map(|c| match c {
            'á' | 'à' | 'â' | 'ä' | 'ã' | 'å' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'í' | 'ì' | 'î' | 'ï' => 'i',
            'ó' | 'ò' | 'ô' | 'ö' | 'õ' | 'ø' => 'o',
            'ú' | 'ù' | 'û' | 'ü' => 'u',
            'ñ' => 'n',
            'ç' => 'c',
            c => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greetings_name_somebody() {
        for (line, expected) in [
            ("Hi Ana,", Some(("Ana", true))),
            ("Dear Mr. Ortega", Some(("Mr. Ortega", true))),
            ("Dear Dr. Ruiz, I write", Some(("Dr. Ruiz", false))),
            ("Hola Nuria, el jueves no puedo", Some(("Nuria", false))),
            ("¡Hola!", Some(("", true))),
            ("Hello!", Some(("", true))),
            ("Hi team,", Some(("team", true))),
            ("Hi IT, ich hatte", Some(("IT", false))),
            (
                "Sehr geehrte Damen und Herren,",
                Some(("Damen und Herren", true)),
            ),
            ("Buenos días, Luis:", Some(("Luis", true))),
            ("Hola, te paso el plan.", Some(("", false))),
            (
                "Dear [Luis Ortega's Name],",
                Some(("[Luis Ortega's Name]", true)),
            ),
            ("Hi there is a problem with the printer", None),
            ("Dear me, this was long", None),
            ("High time", None),
            ("", None),
        ] {
            let found = greeting_of(line).map(|g| (g.name, g.is_whole_line));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn closings_are_whole_lines() {
        for (line, expected) in [
            ("Best regards,", Some("")),
            ("Thanks, Ana", Some("Ana")),
            ("Un saludo.", Some("")),
            ("Mit freundlichen Grüßen", Some("")),
            ("MIT FREUNDLICHEN GRÜSSEN", Some("")),
            ("Best — Luis Ortega", Some("Luis Ortega")),
            ("Thanks for the file.", None),
            ("Best we talk tomorrow.", None),
            ("Gracias, te lo mando luego.", None),
        ] {
            assert_eq!(
                closing_of(line).map(|closing| closing.name),
                expected,
                "{line}"
            );
        }
        assert!(is_name("Ana López") && is_name("- Ana") && is_name("[Your Name]"));
        assert!(!is_name("See you on Monday") && !is_name("Thanks"));
    }
}
