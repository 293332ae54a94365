//! What people see: one line, tables, colours on terminals only, and nothing that a mail or a
//! world file could use to drive the terminal.

use std::io::{self, IsTerminal, Write};

use crate::failure::Kind;

/// Text with everything that a terminal might act on replaced: control and format characters
/// become `�`, line breaks and tabs a space.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if is_unsafe(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

/// Like [`one_line`], but line breaks and tabs stay.
pub(crate) fn safe_text(text: &str) -> String {
    text.chars()
        .filter(|c| *c != '\r')
        .map(|c| match c {
            '\n' | '\t' => c,
            c if is_unsafe(c) => char::REPLACEMENT_CHARACTER,
            c => c,
        })
        .collect()
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// At most `width` characters, with `…` for what is cut.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    let text = one_line(text);
    if text.chars().count() <= width {
        return text;
    }
    let mut short: String = text.chars().take(width.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// Rows under a heading, columns padded to the widest cell.
pub(crate) fn table(heading: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = heading.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut line = String::new();
        for (cell, width) in cells.zip(&widths) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - cell.chars().count()));
        }
        line.trim_end().to_owned()
    };
    let mut text = bold(&line(&mut heading.iter().copied()));
    for row in rows {
        text.push('\n');
        text.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    text
}

/// Bold on a terminal, plain elsewhere.
pub(crate) fn bold(text: &str) -> String {
    if io::stdout().is_terminal() && !crate::environment::no_color() {
        format!("\u{1b}[1m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Writes to standard output. A reader that went away ends the program quietly, as `head` expects.
pub(crate) fn say(text: &str) {
    let mut stdout = io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    if let Err(error) = written {
        if error.kind() == io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        warn(&format!("cannot write to standard output: {error}"));
        std::process::exit(i32::from(Kind::CannotCreate.code()));
    }
}

/// Writes a value as JSON to standard output.
pub(crate) fn say_json(value: &impl serde::Serialize) {
    // Plain data with string keys: serialising it cannot fail.
    say(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Writes to standard error.
pub(crate) fn warn(text: &str) {
    // There is nowhere left to say that standard error is closed.
    let _ = writeln!(io::stderr(), "decnet: {}", one_line(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_drives_the_terminal() {
        assert_eq!(one_line("a\u{1b}[2Jb\r\nc"), "a\u{fffd}[2Jb  c");
        assert_eq!(one_line("x\u{202e}y"), "x\u{fffd}y");
        assert_eq!(safe_text("a\r\nb\u{7}"), "a\nb\u{fffd}");
    }

    #[test]
    fn a_table_lines_up() {
        let rows = vec![vec!["1".into(), "x".into()], vec!["222".into(), "y".into()]];
        assert_eq!(table(&["id", "name"], &rows), "id   name\n1    x\n222  y");
    }

    #[test]
    fn long_text_is_cut_by_characters() {
        assert_eq!(shortened("ñandú", 4), "ñan…");
        assert_eq!(shortened("ñandú", 5), "ñandú");
    }
}
