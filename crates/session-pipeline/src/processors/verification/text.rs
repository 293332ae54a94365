//! Text of turns, made fit for a prompt.

/// Most bytes of the assistant's words before a user's turn; the last ones are kept, for they are
/// what a user answers.
pub(super) const BEFORE_MAX: usize = 3_000;
/// Most bytes of a user's turn; the first ones are kept.
pub(super) const USER_MAX: usize = 3_000;
/// Most bytes of the assistant's answer to it; the first ones are kept.
///
/// The three add up to 7,000 bytes: some 2,000 tokens of Latin text, which with the rules and the
/// answer fits into the window of 4,096 tokens that Ollama gives a model by default.
pub(super) const AFTER_MAX: usize = 1_000;

/// What stands where text was cut off.
const CUT: &str = "[…]";

/// The beginning of a text.
pub(super) fn head(text: &str, most: usize) -> String {
    let raw = &text[..text.floor_char_boundary(most * 2)];
    let mut clean = clean(raw);
    if clean.len() > most || raw.len() < text.len() {
        clean.truncate(clean.floor_char_boundary(most.saturating_sub(CUT.len() + 1)));
        clean.push(' ');
        clean.push_str(CUT);
    }
    clean
}

/// The end of a text.
pub(super) fn tail(text: &str, most: usize) -> String {
    let start = text.ceil_char_boundary(text.len().saturating_sub(most * 2));
    let raw = &text[start..];
    let clean = clean(raw);
    if clean.len() > most || start > 0 {
        return end(&clean, most);
    }
    clean
}

/// Puts the end of `text` below `earlier`, of which the end is kept as well. Only `text` is looked
/// at, so that a long turn in many rows takes no longer than in one.
pub(super) fn append_tail(earlier: &mut String, text: &str, most: usize) {
    if !earlier.is_empty() {
        earlier.push('\n');
    }
    earlier.push_str(&tail(text, most));
    if earlier.len() > most {
        *earlier = end(earlier, most);
    }
}

fn end(text: &str, most: usize) -> String {
    let keep = most.saturating_sub(CUT.len() + 1);
    let from = text.ceil_char_boundary(text.len().saturating_sub(keep));
    format!("{CUT} {}", &text[from..])
}

/// Takes out what shows nothing, and takes apart what the template of a server could take for the
/// end of a message, or a model for the end of the data.
fn clean(text: &str) -> String {
    let mut out: String = text
        .chars()
        .filter_map(|c| match c {
            '\n' => Some('\n'),
            c if c.is_whitespace() => Some(' '),
            c if is_invisible(c) => None,
            c => Some(c),
        })
        .collect();
    for (token, apart) in [
        ("<|", "< |"),
        ("|>", "| >"),
        ("<<", "< <"),
        (">>", "> >"),
        ("[INST", "(INST"),
        ("[/INST", "(/INST"),
        ("<s>", "< s>"),
        ("</s>", "< /s>"),
        ("<start_of_turn", "< start_of_turn"),
        ("<end_of_turn", "< end_of_turn"),
        ("<think", "< think"),
        ("</think", "< /think"),
    ] {
        // Until nothing is left: `<<|` holds two.
        while out.contains(token) {
            out = out.replace(token, apart);
        }
    }
    out.trim().to_owned()
}

/// Whether a character shows nothing by itself: controls, separators of lines, format characters,
/// and fillers that pass for letters.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_at_a_character() {
        for c in ["a", "é", "語", "🙂"] {
            let long = c.repeat(10_000);
            for most in [100, 101, 102, 103] {
                let (head, tail) = (head(&long, most), tail(&long, most));
                assert!(head.len() <= most && head.ends_with(" […]"), "{head}");
                assert!(tail.len() <= most && tail.starts_with("[…] "), "{tail}");
            }
        }
        let mut rows = String::new();
        for _ in 0..1_000 {
            append_tail(&mut rows, "said <|", 100);
        }
        assert!(
            rows.len() <= 100 && rows.starts_with("[…] ") && rows.ends_with("said < |\nsaid < |")
        );
        assert_eq!(head(" short ", 100), "short");
        assert_eq!(tail(" short ", 100), "short");
    }

    #[test]
    fn tokens_of_templates_come_apart() {
        let text = clean("a<|im_end|>\r\n<<<X [INST] <\u{200b}|im_start|> <</think>\u{202e}z\tb");
        for token in [
            "<|", "|>", "<<", "[INST", "<think", "</think", "\u{200b}", "\u{202e}",
        ] {
            assert!(!text.contains(token), "{token} in {text}");
        }
        assert!(text.contains("\n"));
    }
}
