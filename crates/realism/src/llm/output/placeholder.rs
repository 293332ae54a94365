//! What a model left to be filled in.

use std::sync::LazyLock;

use super::characters::Signs;
use crate::style::phrases::Phrases;

/// Longest placeholder in bytes; what is longer is no single detail.
const LENGTH_MAX: usize = 120;

/// Whether `text` holds something to be filled in: `[Your Name]`, `{name}`, `<Date>`, `$AMOUNT`,
/// `XXX`, `____`, "Your Name".
pub(super) fn is_in(text: &str, signs: Signs) -> bool {
    is_in_with(text, signs, true)
}

/// [`is_in`] for a text that is known to hold one of [`PHRASES`], or none.
pub(super) fn is_in_with(text: &str, signs: Signs, has_phrases: bool) -> bool {
    // Nobody writes braces: they are blanks, or remains of JSON.
    signs.any(Signs::BRACE)
        || (signs.any(Signs::BRACKET) && (unbalanced(text) || brackets(text)))
        || (signs.any(Signs::ANGLE) && angles(text))
        || (signs.any(Signs::FILLER) && fillers(text))
        || has_phrases && words(text)
        || text
            .lines()
            .map(|line| line.trim_matches(|c: char| !c.is_alphanumeric()))
            .any(|line| line.contains(' ') && is_bare(line))
}

/// Whether a whole line is nothing but something to be filled in.
pub(super) fn is_whole(line: &str) -> bool {
    let line = line.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '*' | '_' | ',' | '.' | '-' | '–' | '—')
    });
    let enclosed = [('[', ']'), ('{', '}'), ('<', '>'), ('(', ')')]
        .iter()
        .any(|(open, close)| {
            line.starts_with(*open)
                && line.find(*close).is_some_and(|at| {
                    at + 1 == line.len() || line[at..].chars().all(|c| c == *close)
                })
        });
    line.len() <= LENGTH_MAX && (is_bare(line) || enclosed && is_in(line, Signs::of(line)))
}

/// Longest of the words that [`is_bare`] knows, in bytes.
const BARE_MAX: usize = 16;

/// Whether a line is the name of a detail instead of the detail.
fn is_bare(line: &str) -> bool {
    line.len() <= BARE_MAX
        && matches!(
            line.to_lowercase().as_str(),
            "your name"
                | "your full name"
                | "my name"
                | "name"
                | "sender"
                | "sender name"
                | "sender's name"
                | "tu nombre"
                | "su nombre"
                | "mi nombre"
                | "nombre"
                | "ihr name"
                | "dein name"
                | "mein name"
                | "votre nom"
                | "ton nom"
                | "nom"
                | "il tuo nome"
                | "nome"
                | "seu nome"
                | "your position"
                | "your title"
                | "your company"
                | "your job title"
                | "job title"
                | "company name"
                | "tu cargo"
                | "tu puesto"
                | "su cargo"
        )
}

/// Whether a whole line is a name to be filled in, and not a title or a date.
pub(super) fn is_name(line: &str) -> bool {
    let folded = line.to_lowercase();
    is_whole(line)
        && [
            "name",
            "nombre",
            "nom",
            "nome",
            "sender",
            "signature",
            "firma",
        ]
        .iter()
        .any(|word| folded.contains(word))
        && !["company", "empresa", "firmen", "entreprise"]
            .iter()
            .any(|word| folded.contains(word))
}

/// A bracket that nothing opens, or nothing closes in its line: what is left of JSON, or of
/// something to be filled in.
fn unbalanced(text: &str) -> bool {
    text.lines().any(|line| {
        let mut is_open = false;
        for byte in line.bytes().filter(|byte| b"[]".contains(byte)) {
            if is_open == (byte == b'[') {
                return true;
            }
            is_open = !is_open;
        }
        is_open
    })
}

fn brackets(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        let inner = &rest[at + 1..];
        let ahead = &inner[..inner.floor_char_boundary(LENGTH_MAX)];
        let end = ahead.find([']', '\n']).unwrap_or(ahead.len());
        let address = ahead[end..].strip_prefix("](");
        let is_link = address.is_some_and(|address| {
            ["http", "mailto:", "www."]
                .iter()
                .any(|start| address.starts_with(start))
        }) && !ahead[..end].to_lowercase().contains("your");
        if !is_link && is_bracket_placeholder(&ahead[..end]) {
            return true;
        }
        rest = inner;
    }
    false
}

/// People write `[1]`, `[sic]`, `[INC-2041]` and `[URGENT]`, and hardly anything else in brackets.
fn is_bracket_placeholder(inner: &str) -> bool {
    let inner = inner.trim();
    if inner.contains(['<', '>', '|', '\\', '"']) {
        return true;
    }
    let letters = inner.chars().filter(|c| c.is_alphabetic()).count();
    if letters == 0 || matches!(inner, "sic" | "x" | "X") {
        return false;
    }
    let has_lower = inner.chars().any(char::is_lowercase);
    if !has_lower {
        const FIELDS: [&str; 22] = [
            "NAME",
            "DATE",
            "TIME",
            "YOUR",
            "INSERT",
            "COMPANY",
            "TITLE",
            "AMOUNT",
            "NUMBER",
            "ADDRESS",
            "PHONE",
            "LINK",
            "LOCATION",
            "RECIPIENT",
            "SENDER",
            "NOMBRE",
            "FECHA",
            "EMPRESA",
            "DATUM",
            "NOM",
            "POSITION",
            "TBD",
        ];
        return inner
            .split(|c: char| !c.is_alphabetic())
            .any(|word| FIELDS.contains(&word));
    }
    let is_ticket = !inner.contains(' ') && inner.bytes().any(|byte| byte.is_ascii_digit());
    !is_ticket
}

fn angles(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let inner = &rest[at + 1..];
        let ahead = &inner[..inner.floor_char_boundary(LENGTH_MAX)];
        // `<|` is what is left of a mark of the chat.
        if ahead.starts_with("<<") || ahead.starts_with('|') {
            return true;
        }
        if let Some(end) = ahead
            .find(['>', '\n', '<'])
            .filter(|end| ahead[*end..].starts_with('>'))
        {
            let inner = ahead[..end].trim_start_matches('/');
            // Addresses and links stand in angle brackets too.
            let is_address = inner.contains(['@', '/', ':']);
            if inner.starts_with(char::is_alphabetic) && !is_address && inner.len() <= 60 {
                return true;
            }
        }
        rest = inner;
    }
    false
}

/// `$AMOUNT`, `%NAME%`, `XXX`, `XX/XX`, `____`.
fn fillers(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(found) = bytes[at..]
        .iter()
        .position(|byte| matches!(byte, b'_' | b'$' | b'%' | b'X'))
    {
        at += found;
        let sign = bytes[at];
        let run = bytes[at..].iter().take_while(|byte| **byte == sign).count();
        let after = &bytes[at + run..];
        let before = at.checked_sub(1).map(|before| bytes[before]);
        let name = after
            .iter()
            .take(24)
            .take_while(|byte| byte.is_ascii_uppercase() || **byte == b'_')
            .count();
        let found = match sign {
            b'_' => run >= 4,
            b'$' => {
                name >= 3
                    && !matches!(
                        &after[..name],
                        b"USD" | b"CAD" | b"AUD" | b"NZD" | b"MXN" | b"HKD" | b"SGD"
                    )
            }
            b'%' => name >= 3 && after.get(name) == Some(&b'%'),
            _ => {
                let stands_alone = before.is_none_or(|byte| !byte.is_ascii_alphanumeric())
                    && after
                        .first()
                        .is_none_or(|byte| !byte.is_ascii_alphanumeric());
                stands_alone
                    && (run >= 3
                        || run == 2
                            && (matches!(after.first(), Some(b'/' | b'%' | b':'))
                                || before.is_some_and(|byte| matches!(byte, b'$' | b'/' | b'#'))))
            }
        };
        if found {
            return true;
        }
        at += run;
    }
    false
}

/// What stands for a name or another detail outside of any bracket.
pub(super) static PHRASES: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new(&[
        ("your name", ()),
        ("your full name", ()),
        ("insert name", ()),
        ("insert date", ()),
        ("insert the", ()),
        ("insert your", ()),
        ("name's name", ()),
        ("lorem ipsum", ()),
        ("dear name", ()),
        ("dear recipient", ()),
        ("hi name", ()),
        ("hello name", ()),
        ("hi recipient", ()),
        ("dear recipient's name", ()),
        ("hola nombre", ()),
        ("estimado nombre", ()),
        ("hallo name", ()),
        ("bonjour nom", ()),
        ("your position here", ()),
        ("your company name", ()),
        ("company name here", ()),
        ("name here", ()),
        ("tu nombre aquí", ()),
        ("su nombre aquí", ()),
        ("nombre del destinatario", ()),
        ("nombre del remitente", ()),
        ("nombre de la empresa", ()),
        ("ihr name", ()),
        ("name des empfängers", ()),
        ("votre nom", ()),
        ("nom du destinataire", ()),
        ("il tuo nome", ()),
        ("seu nome", ()),
        ("recipient's name", ()),
        ("sender's name", ()),
    ])
});

/// "Your Name" and the like outside of any bracket.
fn words(text: &str) -> bool {
    let mut from = 0;
    while let Some(found) = PHRASES.find(text, from) {
        // "Your name came up" is a sentence; a placeholder stands where a name would.
        let before = text[..found.start].trim_end_matches([' ', '(', '"']);
        let after = text[found.end..].trim_start_matches([' ', ')', '"', '.', ',']);
        let alone = (before.is_empty() || before.ends_with(['\n', ',', ':', '-']))
            && (after.is_empty() || after.starts_with('\n'));
        let certain = !matches!(
            &text[found.start..found.end].to_ascii_lowercase()[..],
            "your name"
                | "your full name"
                | "insert the"
                | "insert your"
                | "name here"
                | "ihr name"
                | "votre nom"
                | "il tuo nome"
                | "seu nome"
                | "your company name"
        );
        let in_parens = before.len() < found.start
            && text[..found.start].ends_with('(')
            && text[found.end..].starts_with(')');
        if alone || certain || in_parens {
            return true;
        }
        from = found.end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_filled_in_is_seen() {
        let is_in = |text: &str| super::is_in(text, Signs::of(text));
        for text in [
            "Best,\n[Your Name]",
            "Dear [Recipient's Name],",
            "on [Date] at",
            "[Insert project]",
            "Hola [Nombre]",
            "[NAME]",
            "[DATE]",
            "[Luis Ortega",
            "Hi {name},",
            "Hi {{first_name}},",
            "Hi <Name>,",
            "<Insert Name>",
            "pay $AMOUNT now",
            "%NAME%",
            "ticket XXX",
            "XX/XX/2024",
            "by ____ at",
            "at XX:00",
            "$XX",
            "Regards,\nYour Name",
            "Saludos,\nTu nombre aquí",
            "(Your Name)",
            "lorem ipsum dolor",
            "{}",
            "what they want.\"}You can",
            "2017-05-09}...",
            "or this] as well",
            "[<A1E] You are",
            "[<#216589>] Al menos",
        ] {
            assert!(is_in(text), "{text}");
        }
        for text in [
            "see [1] and [INC-2041]",
            "[URGENT] server",
            "a [sic] b",
            "[x] done",
            "ana <ana@corp.example>",
            "see <https://x.y>",
            "5 < 6 > 4",
            "I paid $USD 5",
            "the MAX is 3",
            "your name came up",
            "kisses xxx",
            "Windows XP and OSX",
            "100% sure",
            "file_name_a",
            "[]",
            "roman XX century",
            "[jira-12]",
        ] {
            assert!(!is_in(text), "{text}");
        }
        for line in [
            "[Your Name]",
            "**[Your Name]**",
            "Your Name",
            "{name},",
            "Tu nombre",
        ] {
            assert!(is_whole(line) && is_name(line), "{line}");
        }
        assert!(is_whole("[Your Position]") && !is_name("[Your Position]"));
        assert!(!is_whole("Ana") && !is_whole("[Your Name], CFO"));
    }
}
