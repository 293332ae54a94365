//! The HTML twin of a message, as Thunderbird's editor serialises it: indented by two spaces,
//! wrapped at 72 columns.

use super::{Body, Quoted, composes_html};
use crate::message::Message;
use crate::mime::flowed::{Line, SIGNATURE_SEPARATOR};

/// Column at which the serialiser wraps.
const WRAP_AT: usize = 72;

/// A whole document that says what the body's lines say.
pub(super) fn render(body: &Body<'_>, message: &Message<'_>) -> String {
    let mut out = Writer {
        out: String::with_capacity(4096),
        column: 0,
    };
    // The editor starts a new mail and a reply from different templates.
    out.raw(if body.quoted.is_some() {
        "<!DOCTYPE html>\n<html>\n  <head>\n    \
         <meta http-equiv=\"Content-Type\" content=\"text/html; charset=UTF-8\">\n  \
         </head>\n  <body>\n"
    } else {
        "<!DOCTYPE html>\n<html>\n  <head>\n\n    \
         <meta http-equiv=\"content-type\" content=\"text/html; charset=UTF-8\">\n  \
         </head>\n  <body>\n"
    });
    if let (Some(quoted), Some(parent)) = (&body.quoted, &message.parent) {
        out.quoted(
            quoted,
            parent.message_id,
            composes_html(parent.author_address),
        );
    }
    let lines: Vec<Line<'_>> = body.text.split('\n').map(Line::own).collect();
    if !body.text.is_empty() {
        out.paragraphs(&lines, 4);
    }
    if !body.signature.is_empty() {
        out.raw("    <pre class=\"moz-signature\" cols=\"72\">");
        out.raw(SIGNATURE_SEPARATOR);
        for line in body.signature.split('\n') {
            out.raw("\n");
            for word in line.split_inclusive(' ') {
                out.linked(word);
            }
        }
        out.raw("</pre>\n");
    }
    out.raw("  </body>\n</html>\n");
    out.out
}

struct Writer {
    out: String,
    column: usize,
}

impl Writer {
    fn quoted(&mut self, quoted: &Quoted<'_>, parent_id: &str, parent_is_html: bool) {
        self.raw("    <div class=\"moz-cite-prefix\">");
        self.inline(&quoted.attribution, 6);
        self.raw("<br>\n    </div>\n    <blockquote type=\"cite\"");
        let mut cite = String::new();
        escape(parent_id.trim_matches(['<', '>']), true, &mut cite);
        let fits = self.column + cite.len() + 13 <= WRAP_AT;
        self.raw(if fits { " " } else { "\n      " });
        self.raw("cite=\"mid:");
        self.raw(&cite);
        self.raw("\">");
        if parent_is_html {
            self.raw("\n");
            self.levels(&quoted.lines, 1, 6, Self::paragraphs);
        } else {
            // A plain text parent is quoted with a break after each line.
            self.levels(&quoted.lines, 1, 6, Self::breaks);
        }
        self.raw("    </blockquote>\n");
    }

    /// Writes lines of at least `depth`, with a block quote around each deeper run.
    fn levels(
        &mut self,
        lines: &[Line<'_>],
        depth: usize,
        indent: usize,
        write: fn(&mut Self, &[Line<'_>], usize),
    ) {
        for run in lines.chunk_by(|a, b| (a.depth > depth) == (b.depth > depth)) {
            if run.first().is_some_and(|line| line.depth > depth) {
                self.start_line(indent);
                self.raw("<blockquote type=\"cite\">\n");
                self.levels(run, depth + 1, indent + 2, write);
                self.start_line(indent);
                self.raw("</blockquote>\n");
            } else {
                write(self, run, indent);
            }
        }
    }

    /// A `p` for each run of lines between empty ones, with `br` between its lines.
    fn paragraphs(&mut self, lines: &[Line<'_>], indent: usize) {
        for paragraph in lines.split(|line| line.text.is_empty()) {
            if paragraph.is_empty() {
                continue;
            }
            self.start_line(indent);
            self.raw("<p>");
            for (index, line) in paragraph.iter().enumerate() {
                if index > 0 {
                    self.raw("<br>\n");
                    self.start_line(indent + 2);
                }
                self.inline(&line.text, indent + 2);
            }
            self.raw("</p>\n");
        }
    }

    /// A `br` after each line.
    fn breaks(&mut self, lines: &[Line<'_>], indent: usize) {
        for line in lines {
            if self.column == 0 {
                self.start_line(indent);
            }
            self.inline(&line.text, indent);
            self.raw("<br>\n");
        }
    }

    /// Text that wraps, with `indent` in front of what follows.
    fn inline(&mut self, text: &str, indent: usize) {
        let mut spaces: usize = 0;
        let mut at_start = true;
        for (index, word) in text.split([' ', '\t']).enumerate() {
            spaces += usize::from(index > 0);
            if word.is_empty() {
                continue;
            }
            // Browsers show a run of spaces as one, and none at the start of a line. The last
            // space of a run may be a line break in the source.
            let breakable = spaces > 1 || (spaces == 1 && !at_start);
            for _ in 0..spaces - usize::from(breakable) {
                self.raw("&nbsp;");
            }
            if breakable {
                if self.column + 1 + word.chars().count() > WRAP_AT {
                    self.raw("\n");
                    self.start_line(indent);
                } else {
                    self.raw(" ");
                }
            }
            self.linked(word);
            spaces = 0;
            at_start = false;
        }
    }

    /// One word, as a link when it is one: Thunderbird turns addresses into links as it sends.
    fn linked(&mut self, word: &str) {
        let bare = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '>', '"', '\'', ' ']);
        let start = bare.len() - bare.trim_start_matches(['(', '<', '"', '\'']).len();
        let (before, link) = bare.split_at(start);
        let is_url = link
            .strip_prefix("https://")
            .or_else(|| link.strip_prefix("http://"))
            .is_some_and(|rest| !rest.is_empty());
        let is_address = !is_url
            && link.split_once('@').is_some_and(|(local, domain)| {
                let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+-".contains(&b);
                !local.is_empty()
                    && local.bytes().all(plain)
                    && domain.contains('.')
                    && domain.bytes().all(plain)
            });
        self.text(before);
        if (is_url || is_address) && link.bytes().all(|b| b.is_ascii_graphic()) {
            let (class, scheme) = if is_url {
                ("moz-txt-link-freetext", "")
            } else {
                ("moz-txt-link-abbreviated", "mailto:")
            };
            let mut href = String::new();
            escape(link, true, &mut href);
            self.raw(&format!("<a class=\"{class}\" href=\"{scheme}{href}\">"));
            self.text(link);
            self.raw("</a>");
        } else {
            self.text(link);
        }
        self.text(&word[bare.len()..]);
    }

    fn text(&mut self, text: &str) {
        let before = self.out.len();
        escape(text, false, &mut self.out);
        self.column += self.out[before..].chars().count();
    }

    fn start_line(&mut self, indent: usize) {
        if self.column > 0 {
            self.raw("\n");
        }
        self.out.extend(std::iter::repeat_n(' ', indent));
        self.column = indent;
    }

    /// Markup, or text without anything to escape.
    fn raw(&mut self, markup: &str) {
        self.out.push_str(markup);
        self.column = match markup.rsplit_once('\n') {
            Some((_, last)) => last.chars().count(),
            None => self.column + markup.chars().count(),
        };
    }
}

fn escape(text: &str, in_attribute: bool, out: &mut String) {
    for c in text.chars() {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn inline(text: &str) -> String {
        let mut writer = Writer {
            out: String::new(),
            column: 0,
        };
        writer.inline(text, 2);
        writer.out
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(
            inline("<script>a & b</script>"),
            "&lt;script&gt;a &amp; b&lt;/script&gt;"
        );
        assert_eq!(inline("&nbsp; \"x\""), "&amp;nbsp; \"x\"");
    }

    #[test]
    fn runs_of_spaces_survive() {
        assert_eq!(inline(" a  b c"), "&nbsp;a&nbsp; b c");
        assert_eq!(inline("   a"), "&nbsp;&nbsp; a");
    }

    #[test]
    fn lines_wrap() {
        let wrapped = inline(&"word ".repeat(30));
        assert!(wrapped.lines().all(|line| line.len() <= WRAP_AT));
        assert!(
            wrapped
                .lines()
                .skip(1)
                .all(|line| line.starts_with("  word"))
        );
    }

    #[test]
    fn addresses_become_links() {
        assert_eq!(
            inline("(https://x.example/?a=1&b=\"2\"),"),
            "(<a class=\"moz-txt-link-freetext\" href=\"https://x.example/?a=1&amp;b=&quot;2\">\
             https://x.example/?a=1&amp;b=\"2</a>\"),"
        );
        assert_eq!(
            inline("<ana@corp.example>."),
            "&lt;<a class=\"moz-txt-link-abbreviated\" href=\"mailto:ana@corp.example\">\
             ana@corp.example</a>&gt;."
        );
        for text in ["https://", "@corp", "a@b", "http:// x", "x@@y.z"] {
            assert!(!inline(text).contains("<a"), "{text}");
        }
    }
}
