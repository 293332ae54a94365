//! What the HTML writers of the mail clients share.

use crate::mime::flowed::Line;

/// Text as it stands in HTML; quotes too in an attribute.
pub(super) fn escape(text: &str, in_attribute: bool, out: &mut String) {
    let mut rest = text;
    loop {
        // Up to what may be escaped; 0xc2 is the first octet of a space that does not break.
        let run = rest
            .bytes()
            .position(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | 0xc2));
        let (plain, tail) = rest.split_at(run.unwrap_or(rest.len()));
        out.push_str(plain);
        let mut chars = tail.chars();
        let Some(c) = chars.next() else {
            return;
        };
        rest = chars.as_str();
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            '"' if in_attribute => out.push_str("&quot;"),
            _ => out.push(c),
        }
    }
}

/// Text as it stands in HTML.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    escape(text, false, &mut out);
    out
}

/// Text in which no run of spaces is lost: browsers show several as one, and none at the start.
pub(super) fn with_spaces(text: &str, out: &mut String) {
    let has_runs = || text.as_bytes().windows(2).any(|pair| pair == b"  ");
    if !text.starts_with(' ') && !text.ends_with(' ') && !has_runs() {
        escape(text, false, out);
        return;
    }
    let mut after_space = true;
    for (index, piece) in text.split(' ').enumerate() {
        if index > 0 {
            out.push_str(if after_space || piece.is_empty() {
                "&nbsp;"
            } else {
                " "
            });
            after_space = true;
        }
        if !piece.is_empty() {
            escape(piece, false, out);
            after_space = false;
        }
    }
}

/// Runs of lines of one depth: below `depth`, and deeper ones together.
pub(super) fn runs<'l, 'a>(
    lines: &'l [Line<'a>],
    depth: usize,
) -> impl Iterator<Item = &'l [Line<'a>]> {
    lines.chunk_by(move |a, b| (a.depth > depth) == (b.depth > depth))
}

/// Quoted lines, each between its start and its end, with a block for each deeper level. An empty
/// line shows as one.
pub(super) fn levels(
    lines: &[Line<'_>],
    depth: usize,
    [start, end, block]: [&str; 3],
    out: &mut String,
) {
    for run in runs(lines, depth) {
        if run.first().is_some_and(|line| line.depth > depth) {
            out.push_str(block);
            levels(run, depth + 1, [start, end, block], out);
            out.push_str("</blockquote>");
        } else {
            for line in run {
                out.push_str(start);
                with_spaces(&line.text, out);
                if line.text.is_empty() && !end.contains("<br") {
                    out.push_str("<br>");
                }
                out.push_str(end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_survive() {
        let shown = |text: &str| {
            let mut out = String::new();
            with_spaces(text, &mut out);
            out
        };
        assert_eq!(shown("a b"), "a b");
        assert_eq!(shown("a  b"), "a&nbsp;&nbsp;b");
        assert_eq!(shown(" a & <b> "), "&nbsp;a &amp; &lt;b&gt;&nbsp;");
        assert_eq!(shown(""), "");
    }
}
