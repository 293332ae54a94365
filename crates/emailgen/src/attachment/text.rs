//! Words of others made harmless.
//!
//! Topic and names come from a language model or a world file, so they may hold anything. Here they
//! lose what no format needs (control and invisible characters, line ends, a beginning that a
//! spreadsheet takes for a formula) and get a length; what is special in one format only, such as
//! `;` in iCalendar, is escaped where that format is written.

use crate::random::{FNV_OFFSET, fnv1a};

/// Most characters of a title.
const TITLE_CHARS: usize = 80;
/// Most characters of a name.
const NAME_CHARS: usize = 48;

/// The topic as a heading, or nothing if nothing is left of it.
pub(super) fn title(topic: &str) -> Option<String> {
    let mut title = one_line(topic, TITLE_CHARS);
    let first = title.chars().next()?;
    if first.is_lowercase() {
        title = first.to_uppercase().chain(title.chars().skip(1)).collect();
    }
    Some(title)
}

/// A name to show; the address where there is no name.
pub(super) fn person(name: &str, address: &str) -> String {
    let name = one_line(name, NAME_CHARS);
    if !name.is_empty() {
        return name;
    }
    let address = one_line(address, NAME_CHARS);
    if address.is_empty() {
        "N. N.".to_owned()
    } else {
        address
    }
}

/// What a logo says: the name in the sender's domain.
pub(super) fn company(address: &str) -> String {
    let domain = address.rsplit('@').next().unwrap_or_default();
    let mut labels: Vec<&str> = domain.split('.').collect();
    if labels.len() > 1 {
        labels.pop();
    }
    let label: String = labels
        .pop()
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(14)
        .collect();
    if label.is_empty() {
        "office".to_owned()
    } else {
        label.to_ascii_lowercase()
    }
}

/// A single line without invisible characters, that begins with a letter, a digit or a bracket.
fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    // Bounded before anything else looks at it.
    for word in text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .take(4 * most)
    {
        let word: String = word.chars().filter(|&c| !invisible(c)).take(most).collect();
        let word = if line.is_empty() {
            // `=`, `+`, `-` and `@` begin a formula, also in their full-width forms.
            word.trim_start_matches(|c: char| {
                !c.is_alphanumeric() && !matches!(c, '(' | '[' | '¿' | '¡' | '«' | '„' | '“')
            })
        } else {
            &word
        };
        let long = word.chars().count();
        if word.is_empty() {
            continue;
        }
        if length > 0 && length + 1 + long > most {
            break;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += long;
    }
    line
}

/// Characters that change how others are shown, or show nothing.
fn invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..='\u{e0fff}')
}

/// FNV-1a over the parts, with a byte between them that no UTF-8 text holds.
pub(super) fn hash(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    let state = fnv1a(FNV_OFFSET, bytes);
    // The low bits of FNV-1a depend on the last bytes only weakly.
    state ^ (state >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_harmless_line() {
        for (topic, expected) in [
            ("budget 2026", "Budget 2026"),
            ("=HYPERLINK(\"http://x\")", "HYPERLINK(\"http://x\")"),
            ("＝1+1", "1+1"),
            ("@SUM(A1)\r\nATTENDEE:x", "SUM(A1) ATTENDEE:x"),
            (" \u{202e}\u{200b}- \t+-=év\u{0}a", "Év a"),
            ("¿Quién viene?", "¿Quién viene?"),
        ] {
            assert_eq!(title(topic).as_deref(), Some(expected), "{topic:?}");
        }
        assert_eq!(title("-=+@ \u{feff}"), None);
        assert!(title(&"x".repeat(100_000)).is_some_and(|title| title.len() == 80));
        assert!(title(&"wo ".repeat(100_000)).is_some_and(|title| title.len() <= 80));
    }

    #[test]
    fn a_company_is_the_name_in_the_domain() {
        for (address, expected) in [
            ("ana@corp.example", "corp"),
            ("ana@mail.corp.example", "corp"),
            ("ana@localhost", "localhost"),
            ("", "office"),
            ("ana@\u{0}/../", "office"),
        ] {
            assert_eq!(company(address), expected, "{address:?}");
        }
    }
}
