//! Words by which a model is known: it introduces, declines, explains, or repeats its prompt.

use std::sync::LazyLock;

use super::problem::Problem;
use super::wording_lists::{APOLOGIES, DRAFT_NOUNS, GIVEAWAYS, MAIL_NOUNS, PREAMBLES, REMARKS};
use crate::style::phrases::Phrases;

/// What a phrase in the text of a mail gives away.
pub(super) fn problems(text: &str, has_giveaways: bool, found: &mut Vec<Problem>) {
    if has_giveaways {
        giveaways(text, found);
    }
    if declines(text) {
        super::add(found, Problem::Refusal);
    }
}

/// Whether `text` holds a phrase of the instructions.
pub(super) fn repeats_instructions(text: &str) -> bool {
    let mut found = Vec::new();
    giveaways(text, &mut found);
    found.contains(&Problem::InstructionsRepeated)
}

/// The phrases that give a model away.
pub(super) static PHRASES: LazyLock<Phrases<Problem>> = LazyLock::new(|| Phrases::new(GIVEAWAYS));

fn giveaways(text: &str, found: &mut Vec<Problem>) {
    let mut from = 0;
    while let Some(phrase) = PHRASES.find(text, from) {
        super::add(found, phrase.value);
        from = phrase.end;
    }
}

/// Whether the first sentence says sorry, and that the model cannot do what was asked.
fn declines(text: &str) -> bool {
    static STARTS: LazyLock<Phrases<()>> = LazyLock::new(|| Phrases::new(APOLOGIES));
    const SENTENCE_MAX: usize = 240;
    let start = text.trim_start();
    if STARTS.at(start, 0).is_none() {
        return false;
    }
    let start = &start[..start.floor_char_boundary(SENTENCE_MAX)];
    let first = start
        .find(['.', '\n', '!'])
        .map_or(start, |end| &start[..end]);
    let folded = first.to_lowercase().replace('’', "'");
    let cannot = [
        "can't",
        "cannot",
        "can not",
        "unable",
        "won't be able",
        "not able",
        "no puedo",
        "kann ich nicht",
        "ich kann",
        "ne peux pas",
        "non posso",
        "não posso",
    ];
    let task = [
        "assist",
        "request",
        "fulfill",
        "comply",
        "generate",
        "create",
        "help with that",
        "this content",
        "provide",
        "write",
        "impersonat",
        "ayudar",
        "cumplir",
        "generar",
        "escribir",
        "solicitud",
        "crear",
        "helfen",
        "erstellen",
        "schreiben",
        "anfrage",
        "aider",
        "écrire",
        "rédiger",
        "demande",
        "aiutar",
        "ajudar",
    ];
    cannot.iter().any(|words| folded.contains(words))
        && task.iter().any(|words| folded.contains(words))
}

/// Whether a line introduces a mail to whoever asked for it: "Sure! Here is the email:".
pub(super) fn is_preamble(line: &str) -> bool {
    static OPENERS: LazyLock<Phrases<bool>> = LazyLock::new(|| Phrases::new(PREAMBLES));
    static NOUNS: LazyLock<Phrases<()>> = LazyLock::new(|| Phrases::new(MAIL_NOUNS));
    const LINE_MAX: usize = 240;
    let line = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '#' | '¡'));
    if line.is_empty() || line.len() > LINE_MAX {
        return false;
    }
    let Some(opener) = OPENERS.at(line, 0) else {
        return is_role_label(line);
    };
    let rest = line[opener.end..]
        .trim_matches(|c: char| c.is_whitespace() || matches!(c, '!' | '.' | ',' | ':'));
    if rest.is_empty() {
        return true;
    }
    let names_mail = NOUNS.find(line, opener.start).is_some();
    names_mail
        && (line.ends_with([':', '：'])
            || opener.value && line.ends_with(['.', '!'])
            || rest.len() < 40 && opener.value)
}

/// A name for what follows, as in `Assistant:`, `Email:` or `Option 1:`.
fn is_role_label(line: &str) -> bool {
    let label = line.trim_end_matches([':', '：', ' ', '*', '.']);
    if label.len() > 24
        || label.len() == line.len() && !line.ends_with(|c: char| c.is_ascii_digit())
    {
        return false;
    }
    let name = label.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, ' ' | '#'));
    let numbered = name.len() < label.len();
    let name = name.to_lowercase();
    match name.as_str() {
        "email" | "e-mail" | "mail" | "option" | "version" | "draft" | "variant" | "correo"
        | "opción" | "versión" | "borrador" | "entwurf" | "variante" | "courriel" | "brouillon"
        | "reply" | "response" | "answer" => true,
        "assistant" | "model" | "ai" | "output" | "final answer" | "final email"
        | "email draft" | "respuesta" | "antwort" | "réponse" | "### response" | "your email"
        | "your answer" | "result" | "final version" => !numbered,
        _ => false,
    }
}

/// Whether a line starts another mail or turn: `Email 2:`, `User:`, `### Instruction`.
pub(super) fn starts_another(line: &str) -> bool {
    const LINE_MAX: usize = 60;
    let line = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '_' | '#'));
    if line.is_empty() || line.len() > LINE_MAX {
        return false;
    }
    // Both kinds of label end in a colon, or in a number, or are one word.
    if !line.contains(':') && !line.ends_with(|c: char| c.is_ascii_digit()) && line.contains(' ') {
        return false;
    }
    let lower = line.to_ascii_lowercase();
    let turn = [
        "user:",
        "human:",
        "assistant:",
        "system:",
        "instruction:",
        "response:",
        "input:",
        "output:",
        "prompt:",
        "usuario:",
        "asistente:",
    ];
    if turn.iter().any(|word| lower.starts_with(word))
        || matches!(lower.as_str(), "instruction" | "response" | "input")
    {
        return true;
    }
    let label = lower.split(':').next().unwrap_or_default().trim();
    let number = label.trim_start_matches(|c: char| c.is_alphabetic() || c == '-');
    let kinds = [
        "email ",
        "e-mail ",
        "mail ",
        "option ",
        "version ",
        "draft ",
        "variant ",
        "correo ",
        "opción ",
        "versión ",
        "alternative ",
    ];
    !number.is_empty()
        && number
            .trim_matches([' ', '#'])
            .bytes()
            .all(|byte| byte.is_ascii_digit())
        && kinds.iter().any(|kind| label.starts_with(kind))
}

/// Whether a line says that the mail is over: `### END`, `[End of email]`.
pub(super) fn says_end(line: &str) -> bool {
    const LINE_MAX: usize = 48;
    let line = line.trim();
    if line.is_empty() || line.len() > LINE_MAX {
        return false;
    }
    const STARTS: [u8; 4] = [b'e', b'E', b'f', b'F'];
    let word = line.trim_matches(|c: char| !c.is_alphanumeric());
    if !word
        .as_bytes()
        .first()
        .is_some_and(|first| STARTS.contains(first))
    {
        return false;
    }
    let dressed = word.len() < line.len();
    let word = word.to_lowercase();
    match word.as_str() {
        "end" | "fin" | "ende" | "fine" => dressed && !line.starts_with(char::is_alphanumeric),
        "end of email" | "end of e-mail" | "end of mail" | "end of message" | "end email"
        | "end of the email" | "end of reply" | "end of response" | "end of output"
        | "fin del correo" | "fin del mensaje" | "fin del email" | "ende der e-mail"
        | "ende der nachricht" | "fin du mail" | "fin du message" | "fin de l'e-mail"
        | "fine email" | "fim do e-mail" | "fim do email" => true,
        _ => false,
    }
}

/// Whether a paragraph speaks about the mail to whoever asked for it, so that nobody can have
/// meant it as a part.
pub(super) fn is_remark(line: &str) -> bool {
    static STARTS: LazyLock<Phrases<bool>> = LazyLock::new(|| Phrases::new(REMARKS));
    static NOUNS: LazyLock<Phrases<()>> = LazyLock::new(|| Phrases::new(DRAFT_NOUNS));
    let line = line.trim_start_matches(|c: char| {
        c.is_whitespace() || matches!(c, '*' | '_' | '#' | '(' | '[' | '-' | '>')
    });
    let Some(start) = STARTS.at(line, 0) else {
        return false;
    };
    start.value
        || NOUNS
            .find(&line[..line.floor_char_boundary(300)], start.end)
            .is_some()
}
