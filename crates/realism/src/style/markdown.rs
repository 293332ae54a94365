//! Taking Markdown out of a text.

use std::borrow::Cow;

/// The text that Markdown marks up, without its marks.
///
/// Bold, italics, code and headings lose their marks, a link becomes its text and, where it says
/// more, its address; lists keep `- `. Snake case, products and footnotes stay as they are.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let is_mark = |byte: u8| matches!(byte, b'*' | b'_' | b'#' | b'`' | b'[' | b'+' | b'\\' | 0xe2);
    if !text
        .bytes()
        .fold(false, |marked, byte| marked | is_mark(byte))
    {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let words = line.trim_end_matches('\n');
        plain_line(words, &mut out);
        out.push_str(&line[words.len()..]);
    }
    if out == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(out)
    }
}

fn plain_line(line: &str, out: &mut String) {
    let words = line.trim_start();
    let indent = &line[..line.len() - words.len()];
    if is_rule(words) {
        return;
    }
    let heading = words.trim_start_matches('#');
    let level = words.len() - heading.len();
    if (1..=6).contains(&level) && (heading.is_empty() || heading.starts_with([' ', '\t'])) {
        return inline(heading.trim().trim_end_matches('#').trim_end(), out);
    }
    out.push_str(indent);
    let item = ["* ", "+ ", "• ", "◦ ", "▪ ", "‣ ", "●  ", "● ", "- "]
        .iter()
        .find_map(|mark| words.strip_prefix(mark));
    let Some(item) = item else {
        return inline(words, out);
    };
    out.push_str("- ");
    let item = item.trim_start();
    let item = ["[ ] ", "[x] ", "[X] "]
        .iter()
        .find_map(|mark| item.strip_prefix(mark))
        .unwrap_or(item);
    inline(item, out);
}

/// Whether a line is nothing but a rule: three or more of one sign.
fn is_rule(line: &str) -> bool {
    let line = line.trim_end();
    let Some(sign) = line.chars().next() else {
        return false;
    };
    matches!(sign, '*' | '_')
        && line.chars().all(|c| c == sign || c == ' ')
        && line.matches(sign).count() >= 3
}

fn inline(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.find(['*', '_', '`', '[', '!', '\\']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let sign = from.as_bytes()[0];
        let used = match sign {
            b'`' => from.len() - from.trim_start_matches('`').len(),
            b'*' | b'_' => emphasis(out, from, sign),
            b'[' => link(from, out),
            b'!' if from.starts_with("![") => match link_parts(&from[1..]) {
                Some((.., length)) => 1 + length,
                None => 0,
            },
            b'\\' => {
                // An escaped sign stands for itself.
                let escaped = from[1..].chars().next().filter(char::is_ascii_punctuation);
                out.extend(escaped);
                escaped.map_or(0, |_| 2)
            }
            _ => 0,
        };
        if used > 0 {
            rest = &from[used..];
        } else {
            out.push(char::from(sign));
            rest = &from[1..];
        }
    }
    out.push_str(rest);
}

/// How many marks of emphasis to leave out: those with a word on one side and none on the other.
fn emphasis(out: &str, from: &str, sign: u8) -> usize {
    let marks = from.len() - from.trim_start_matches(char::from(sign)).len();
    let before = out.chars().next_back();
    let after = from[marks..].chars().next();
    let opens =
        before.is_none_or(|c| !c.is_alphanumeric()) && after.is_some_and(|c| !c.is_whitespace());
    let closes =
        before.is_some_and(|c| !c.is_whitespace()) && after.is_none_or(|c| !c.is_alphanumeric());
    // A lone star may stand for "see below", or multiply; a run of underscores is a blank to fill.
    match (sign, marks) {
        (b'*', 1..=3) if opens || closes => {
            if marks == 1 && !(opens && closes_later(&from[1..], '*') || closes && before.is_some())
            {
                0
            } else {
                marks
            }
        }
        (b'*', 2..=3) => marks,
        (b'_', 1..=2) if opens && closes_later(&from[marks..], '_') => marks,
        (b'_', 1..=2) if closes && !opens => marks,
        _ => 0,
    }
}

/// Whether the line goes on to close an emphasis. Looks only a little ahead, to stay linear.
fn closes_later(text: &str, sign: char) -> bool {
    const AHEAD: usize = 400;
    text.char_indices()
        .take(AHEAD)
        .zip(
            text.char_indices()
                .skip(1)
                .map(|(_, c)| Some(c))
                .chain([None]),
        )
        .any(|((at, c), next)| c == sign && at > 0 && next.is_none_or(|c| !c.is_alphanumeric()))
}

/// Writes a link as text; how many bytes it took.
fn link(from: &str, out: &mut String) -> usize {
    let Some((text, address, length)) = link_parts(from) else {
        return 0;
    };
    inline_shallow(text, out);
    let bare = address.strip_prefix("mailto:").unwrap_or(address);
    if bare != text && !bare.is_empty() && !bare.starts_with('#') {
        out.push_str(" (");
        out.push_str(bare);
        out.push(')');
    }
    length
}

fn inline_shallow(text: &str, out: &mut String) {
    out.extend(text.chars().filter(|c| !matches!(c, '*' | '`')));
}

/// Text, address and length in bytes of `[text](address)`.
fn link_parts(from: &str) -> Option<(&str, &str, usize)> {
    // Longer ones are no links; the bound keeps the search linear.
    const PART_MAX: usize = 500;
    let close = from.bytes().take(PART_MAX).position(|byte| byte == b']')?;
    let rest = from[close + 1..].strip_prefix('(')?;
    let end = rest.bytes().take(PART_MAX).position(|byte| byte == b')')?;
    let address = rest[..end].split_whitespace().next().unwrap_or_default();
    Some((&from[1..close], address, close + 1 + 1 + end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_words_stay() {
        for (text, expected) in [
            ("plain", "plain"),
            (
                "**Bold** and *it* and __b__ and _i_.",
                "Bold and it and b and i.",
            ),
            ("***both***", "both"),
            ("## Next steps\n\ntext", "Next steps\n\ntext"),
            ("#ticket and C# and #1", "#ticket and C# and #1"),
            (
                "* one\n+ two\n• three\n- [ ] four",
                "- one\n- two\n- three\n- four",
            ),
            ("run `df -h` on it", "run df -h on it"),
            (
                "[the wiki](https://wiki.x/a) now",
                "the wiki (https://wiki.x/a) now",
            ),
            ("[https://x.y](https://x.y)", "https://x.y"),
            ("[a@b.c](mailto:a@b.c)", "a@b.c"),
            ("my_file_name.txt stays", "my_file_name.txt stays"),
            ("3 * 4 = 12", "3 * 4 = 12"),
            ("* * *\nend", "\nend"),
            ("a footnote* here", "a footnote here"),
            ("see note [1] there", "see note [1] there"),
            ("3\\. and \\*stars\\*", "3. and *stars*"),
            ("**Note:** x", "Note: x"),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
