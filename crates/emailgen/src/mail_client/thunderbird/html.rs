//! The HTML twin of a message, as Thunderbird's editor serialises it: indented by two spaces,
//! wrapped at 72 columns.

use super::release::Release;
use super::{Body, History, Place};
use crate::mail_client::html::escape;
use crate::message::ParentMessage;
use crate::mime::flowed::{Line, SIGNATURE_SEPARATOR};

/// Column at which the serialiser wraps.
const WRAP_AT: usize = 72;

/// A whole document that says what the body's lines say.
pub(super) fn render(
    body: &Body<'_>,
    parent: Option<&ParentMessage<'_>>,
    release: Release,
    charset: &str,
) -> String {
    let mut out = Writer {
        out: String::with_capacity(4096),
        column: 0,
    };
    if release.has_doctype() {
        out.raw("<!DOCTYPE html>\n");
    }
    // The editor starts a new mail and a reply from different templates.
    out.raw(match body.history {
        History::Quoted { .. } => {
            "<html>\n  <head>\n    <meta http-equiv=\"Content-Type\" content=\"text/html; charset="
        }
        History::None | History::Forwarded { .. } => {
            "<html>\n  <head>\n\n    <meta http-equiv=\"content-type\" content=\"text/html; charset="
        }
    });
    out.raw(charset);
    out.raw("\">\n  </head>\n  ");
    out.raw(release.body_tag());
    out.raw("\n");
    match &body.history {
        History::None => {
            out.text_of(body);
            out.signature_of(body);
        }
        History::Quoted {
            attribution,
            lines,
            place,
        } => {
            if *place != Place::BelowQuote {
                out.text_of(body);
            }
            if *place == Place::AboveQuote {
                out.signature_of(body);
            }
            let id = parent.map(|parent| parent.message_id).unwrap_or_default();
            out.quoted(attribution, lines, id);
            if *place == Place::BelowQuote {
                out.text_of(body);
            }
            if *place != Place::AboveQuote {
                out.signature_of(body);
            }
        }
        History::Forwarded {
            title,
            headers,
            lines,
            ..
        } => {
            out.text_of(body);
            out.signature_of(body);
            out.forwarded(title, headers, lines);
        }
    }
    out.raw("  </body>\n</html>\n");
    out.out
}

struct Writer {
    out: String,
    column: usize,
}

impl Writer {
    fn text_of(&mut self, body: &Body<'_>) {
        if !body.text.is_empty() {
            let lines: Vec<Line<'_>> = body.text.split('\n').map(Line::own).collect();
            self.paragraphs(&lines, 4);
        }
    }

    fn signature_of(&mut self, body: &Body<'_>) {
        if body.signature.is_empty() {
            return;
        }
        self.raw("    <pre class=\"moz-signature\" cols=\"72\">");
        self.raw(SIGNATURE_SEPARATOR);
        for line in body.signature.split('\n') {
            self.raw("\n");
            for word in line.split_inclusive(' ') {
                self.linked(word);
            }
        }
        self.raw("</pre>\n");
    }

    fn quoted(&mut self, attribution: &str, lines: &[Line<'_>], parent_id: &str) {
        self.raw("    <div class=\"moz-cite-prefix\">");
        self.inline(attribution, 6);
        self.raw("<br>\n    </div>\n    <blockquote type=\"cite\"");
        let mut cite = String::new();
        escape(parent_id.trim_matches(['<', '>']), true, &mut cite);
        let fits = self.column + cite.len() + 13 <= WRAP_AT;
        self.raw(if fits { " " } else { "\n      " });
        self.raw("cite=\"mid:");
        self.raw(&cite);
        self.raw("\">");
        self.raw("\n");
        self.levels(lines, 1, 6);
        self.raw("    </blockquote>\n");
    }

    fn forwarded(&mut self, title: &str, headers: &[(&str, String)], lines: &[Line<'_>]) {
        self.raw("    <div class=\"moz-forward-container\"><br>\n      <br>\n      ");
        self.raw(title);
        self.raw(
            "\n      <table class=\"moz-email-headers-table\" cellspacing=\"0\"\n        \
             cellpadding=\"0\" border=\"0\">\n        <tbody>\n",
        );
        for (label, value) in headers {
            self.raw(
                "          <tr>\n            \
                 <th valign=\"BASELINE\" nowrap=\"nowrap\" align=\"RIGHT\">",
            );
            self.text(label);
            // The serialiser breaks the line where the label does not fit.
            let fits = self.column + " </th>".len() <= WRAP_AT;
            self.raw(if fits {
                " </th>\n"
            } else {
                "\n            </th>\n"
            });
            self.raw("            <td>");
            self.inline(value, 14);
            self.raw("</td>\n          </tr>\n");
        }
        self.raw("        </tbody>\n      </table>\n      <br>\n      <br>\n");
        self.levels(lines, 0, 6);
        self.raw("    </div>\n");
    }

    /// Writes lines of at least `depth`, with a block quote around each deeper run.
    fn levels(&mut self, lines: &[Line<'_>], depth: usize, indent: usize) {
        for run in lines.chunk_by(|a, b| (a.depth > depth) == (b.depth > depth)) {
            if run.first().is_some_and(|line| line.depth > depth) {
                self.start_line(indent);
                self.raw("<blockquote type=\"cite\">\n");
                self.levels(run, depth + 1, indent + 2);
                self.start_line(indent);
                self.raw("</blockquote>\n");
            } else {
                self.paragraphs(run, indent);
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
        let after = &word[bare.len()..];
        if !(is_url || is_address) || !link.bytes().all(|b| b.is_ascii_graphic()) {
            self.text(word);
            return;
        }
        let scheme = if is_url { "" } else { "mailto:" };
        let mut href = String::new();
        escape(link, true, &mut href);
        // Between angle brackets, the brackets are part of the link (RFC 2396 appendix E).
        let bracketed = before.strip_suffix('<').zip(after.strip_prefix('>'));
        let (before, shown, class, after) = match bracketed {
            Some((before, after)) => (before, format!("<{link}>"), "moz-txt-link-rfc2396E", after),
            None if is_url => (before, link.to_owned(), "moz-txt-link-freetext", after),
            None => (before, link.to_owned(), "moz-txt-link-abbreviated", after),
        };
        self.text(before);
        self.raw(&format!("<a class=\"{class}\" href=\"{scheme}{href}\">"));
        self.text(&shown);
        self.raw("</a>");
        self.text(after);
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
            "<a class=\"moz-txt-link-rfc2396E\" href=\"mailto:ana@corp.example\">\
             &lt;ana@corp.example&gt;</a>."
        );
        for text in ["https://", "@corp", "a@b", "http:// x", "x@@y.z"] {
            assert!(!inline(text).contains("<a"), "{text}");
        }
    }
}
