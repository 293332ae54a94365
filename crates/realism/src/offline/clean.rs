//! What may appear in a mail: filters for text that others wrote.

/// Whether a character is invisible, changes direction, or is otherwise no part of plain text.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0xad | 0x34f | 0x61c | 0x600..=0x605 | 0x6dd | 0x70f | 0x890 | 0x891 | 0x8e2
            | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
            | 0x2028..=0x202e | 0x2060..=0x206f | 0x2800 | 0x3164 | 0xe000..=0xf8ff
            | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xffff | 0x110bd | 0x110cd
            | 0x13430..=0x1345f | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0x10ffff)
}

/// One line of plain text from a foreign phrase, at most `max` characters: no addresses of the
/// web, no markup, no brackets, straight quotes, single spaces.
pub(crate) fn phrase(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    let bounded = text
        .char_indices()
        .nth(2000)
        .map_or(text, |(end, _)| &text[..end]);
    for word in bounded.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.contains("://") || word.to_ascii_lowercase().contains("www.") {
            continue;
        }
        let word: String = word.chars().filter_map(plain).collect();
        // What is left of markup may read like an address.
        let word = word.replace("://", ":");
        let size = word.chars().count();
        if !word.chars().any(char::is_alphanumeric) && (size == 0 || out.is_empty()) {
            continue;
        }
        if length + size + 1 > max {
            if out.is_empty() {
                out.extend(word.chars().take(max));
            }
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word);
        length += size + 1;
    }
    let end = |c: char| !c.is_alphanumeric() && !"%)".contains(c);
    let open = |c: char| !c.is_alphanumeric() && !"(#$".contains(c);
    let kept = out.trim_end_matches(end).trim_start_matches(open);
    without_reply_mark(kept).to_owned()
}

/// The text behind any number of `Re:`.
fn without_reply_mark(text: &str) -> &str {
    let mut rest = text;
    for _ in 0..100 {
        let is_mark = rest
            .get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case("re"));
        let behind = rest.get(2..).unwrap_or_default().trim_start();
        let Some(behind) = behind.strip_prefix(':').filter(|_| is_mark) else {
            return rest;
        };
        rest = behind.trim_start_matches(|c: char| !c.is_alphanumeric());
    }
    ""
}

/// A name that somebody else gave, as it may stand in a sentence: at most 120 characters, without
/// what is invisible, quotes and brackets.
pub(crate) fn name(name: &str) -> String {
    let words = name.split(|c: char| c.is_whitespace() || c.is_control());
    let plain = words.map(|word| word.chars().filter_map(plain).collect::<String>());
    let words: Vec<String> = plain.filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(120).collect()
}

/// First name of a display name, or nothing when there is none.
pub(crate) fn first_name(name: &str) -> String {
    let clean = phrase(name, 60);
    let titles = [
        "dr", "dra", "mr", "mrs", "ms", "prof", "sr", "sra", "don", "ing", "lic",
    ];
    let mut words = clean.split(' ').filter(|word| {
        let bare = word.trim_end_matches('.').to_lowercase();
        !titles.contains(&bare.as_str()) && word.chars().any(char::is_alphabetic)
    });
    words
        .next()
        .unwrap_or_default()
        .trim_end_matches([',', '.', ';', ':'])
        .to_owned()
}

/// Initials of a display name: one to three letters.
pub(crate) fn initials(name: &str) -> String {
    let clean = phrase(name, 60);
    clean
        .split(' ')
        .filter_map(|w| w.chars().find(|c| c.is_alphabetic()))
        .take(3)
        .collect()
}

fn plain(c: char) -> Option<char> {
    match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        '\u{2018}' | '\u{2019}' | '\u{201b}' => Some('\''),
        '"' | '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' => None,
        '[' | ']' | '{' | '}' | '<' | '>' | '*' | '_' | '`' | '|' | '~' | '\\' => None,
        c if is_hidden(c) => None,
        c => Some(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_plain() {
        let check = |text, expect: &str| assert_eq!(phrase(text, 40), expect);
        check("  Q3 \u{2014} plan\r\n[now] ", "Q3 - plan now");
        check("see http://evil.example/x or www.evil.example", "see or");
        check("a\u{200b}b \u{202e}c", "ab c");
        check("**bold** `code`", "bold code");
        check("RE: re : a", "a");
        check("\u{1f600} ...", "");
        check(
            "word word word word word word word word word word word",
            "word word word word word word word word",
        );
        check("don\u{2019}t", "don't");
    }

    #[test]
    fn names() {
        assert_eq!(first_name("Dr. María José Peña"), "María");
        assert_eq!(first_name("\u{202e}\u{0}"), "");
        assert_eq!(initials("Ana Ruiz"), "AR");
    }
}
