//! Small traces that text from a model carries, and how they are taken out.
//!
//! [`guard`] takes all of them out: long dashes, Markdown, signs that no keyboard has, invisible
//! characters and the stock phrases of models.

mod markdown;
pub(crate) mod phrases;
mod punctuation;
pub(crate) mod stock;
pub(crate) mod word_bits;

use std::borrow::Cow;

/// `text` as a person at a keyboard would have typed it.
///
/// Invisible characters go ([`strip_invisible`]), and so do Markdown, curly quotes, ellipses and
/// odd blanks, long dashes ([`replace_dashes`]), and the stock phrases of models: sentences such as
/// "I hope this email finds you well." are left out, words such as "delve into" replaced, and the
/// sentence around them stays whole. A text that is nothing but such a sentence keeps it.
///
/// With `uses_llms_heavily` the writer is known to paste what a model wrote: then only what cannot
/// be seen goes. Phrases are looked for in every language that is known: people mix them.
///
/// ```
/// use decnet_realism::style::guard;
///
/// let text = "Hi Ana,\n\nI hope this email finds you well. The **plan** — mine — is done…";
/// assert_eq!(guard(text, false), "Hi Ana,\n\nThe plan, mine, is done...");
/// assert_eq!(guard(text, true), text);
/// ```
pub fn guard(text: &str, uses_llms_heavily: bool) -> String {
    guarded(text, uses_llms_heavily).into_owned()
}

/// [`guard`], without a copy of what stays as it is.
pub(crate) fn guarded(text: &str, uses_llms_heavily: bool) -> Cow<'_, str> {
    guarded_with(text, uses_llms_heavily, true)
}

/// [`guarded`] for a text that is known to hold stock phrases, or none.
pub(crate) fn guarded_with(
    text: &str,
    uses_llms_heavily: bool,
    has_stock_phrases: bool,
) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    // Without an early end the look at all bytes is one at many bytes at once.
    let is_rare = |byte: u8| !matches!(byte, b'\n' | b'\t' | 0x20..=0x7e | 0xc3 | 0xa0..=0xbf);
    let has_rare = text.bytes().fold(false, |rare, byte| rare | is_rare(byte));
    if has_rare
        && text
            .chars()
            .any(|c| is_invisible(c) && !matches!(c, '\n' | '\t'))
    {
        text = Cow::Owned(strip_invisible(&text));
    }
    if uses_llms_heavily {
        return text;
    }
    if !text.is_ascii() {
        change(&mut text, punctuation::typed);
        if text.contains(|c| is_dash(c) || matches!(c, '\u{2010}' | '\u{2011}')) {
            text = Cow::Owned(replace_dashes(&text, false));
        }
    }
    change(&mut text, markdown::plain);
    // What was changed may hold others than the text that was looked at.
    if has_stock_phrases || matches!(text, Cow::Owned(_)) {
        change(&mut text, stock::without_stock_phrases);
    }
    text
}

/// Puts what `edit` makes of a text in its place, if it changes anything.
fn change(text: &mut Cow<'_, str>, edit: fn(&str) -> Cow<'_, str>) {
    if let Cow::Owned(edited) = edit(text) {
        *text = Cow::Owned(edited);
    }
}

/// Replaces the dashes that people at work do not type with what they do type.
///
/// | where | becomes |
/// |---|---|
/// | an em dash, or a spaced en dash, between words | a comma: `a — b` → `a, b` |
/// | any dash without spaces between digits | a hyphen: `9–5` → `9-5` |
/// | an en dash without spaces between words | a hyphen: `Mon–Fri` → `Mon-Fri` |
/// | an en dash with spaces between digits | a hyphen with spaces: `9:00 – 17:00` → `9:00 - 17:00` |
/// | a minus sign (U+2212) | a hyphen, spaced as it was: `a − b` → `a - b` |
/// | at the start of a line | a hyphen, as a list mark or before a name: `— Ana` → `- Ana` |
/// | where a comma would separate nothing (end of a line, next to punctuation) | nothing |
///
/// Blanks around a replaced dash, thin ones too, become at most one space. The two hyphens of
/// Unicode (U+2010, U+2011) become ASCII ones; ASCII hyphens stay as they are.
///
/// With `uses_llms_heavily` the text is returned unchanged.
///
/// ```
/// use decnet_realism::style::replace_dashes;
///
/// assert_eq!(replace_dashes("Done — mostly, 9–5.", false), "Done, mostly, 9-5.");
/// assert_eq!(replace_dashes("Done — mostly.", true), "Done — mostly.");
/// ```
pub fn replace_dashes(text: &str, uses_llms_heavily: bool) -> String {
    if uses_llms_heavily {
        return text.to_owned();
    }
    let text = text.replace(['\u{2010}', '\u{2011}'], "-");
    if !text.contains(is_dash) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let words = line.trim_end_matches(['\r', '\n']);
        replace_in_line(words, &mut out);
        out.push_str(&line[words.len()..]);
    }
    out
}

/// Removes what cannot be seen: control, zero-width, direction and other format characters.
///
/// `\n` and `\t` stay; other line ends (`\r\n`, `\r`, U+2028, …) become `\n`. Joiners stay between
/// letters of the scripts that need them and inside an emoji.
///
/// ```
/// use decnet_realism::style::strip_invisible;
///
/// assert_eq!(strip_invisible("in\u{200b}voice\r\n\u{202e}42"), "invoice\n42");
/// ```
pub fn strip_invisible(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' => kept.push(c),
            '\r' => {
                rest.next_if_eq(&'\n');
                kept.push('\n');
            }
            '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => kept.push('\n'),
            '\u{200c}' | '\u{200d}' => {
                if kept.ends_with(takes_joiner) && rest.peek().copied().is_some_and(takes_joiner) {
                    kept.push(c);
                }
            }
            c if is_invisible(c) => {}
            c => kept.push(c),
        }
    }
    kept
}

/// Whether `c` shows nothing by itself: controls (C0, C1, with line ends and tab), line and
/// paragraph separators, and format characters (Unicode `Cf`) with the blank fillers that pass for
/// letters. Spaces of any width are not, and neither are the selectors of emoji.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Joiners mean something in Arabic, Indic, Tibetan, Khmer and Mongolian letters, and in emoji.
fn takes_joiner(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{fff}' | '\u{1780}'..='\u{18af}'
        | '\u{fe0f}' | '\u{2190}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

fn is_dash(c: char) -> bool {
    is_long_dash(c) || is_short_dash(c) || c == MINUS
}

/// Em dash, horizontal bar, and the two-em, three-em, upright and small forms.
fn is_long_dash(c: char) -> bool {
    matches!(
        c,
        '\u{2014}' | '\u{2015}' | '\u{2e3a}' | '\u{2e3b}' | '\u{fe31}' | '\u{fe58}'
    )
}

/// Figure dash, en dash and its upright form.
fn is_short_dash(c: char) -> bool {
    matches!(c, '\u{2012}' | '\u{2013}' | '\u{fe32}')
}

const MINUS: char = '\u{2212}';

/// One run of dashes in a line, and what stands around it.
struct Dash<'a> {
    /// The line up to the run, without the blanks before it, already replaced.
    before: &'a str,
    /// The line after the run and its blanks.
    after: &'a str,
    /// The dashes, with any blanks between them.
    dashes: &'a str,
    spaced_before: bool,
    spaced_after: bool,
}

fn replace_in_line(line: &str, out: &mut String) {
    let start = out.len();
    let mut rest = line;
    while let Some(at) = rest.find(is_dash) {
        out.push_str(&rest[..at]);
        let after = rest[at..].trim_start_matches(|c: char| is_dash(c) || c.is_whitespace());
        let run = &rest[at..rest.len() - after.len()];
        let dashes = run.trim_end();
        let before = out[start..].trim_end();
        let end = start + before.len();
        let dash = Dash {
            before,
            after,
            dashes,
            spaced_before: end < out.len(),
            spaced_after: dashes.len() < run.len(),
        };
        match dash.replacement() {
            Replacement::ListMark(mark) => out.push_str(mark),
            Replacement::Glue(glue) => {
                out.truncate(end);
                out.push_str(glue);
            }
        }
        rest = after;
    }
    out.push_str(rest);
}

enum Replacement {
    /// Put after the blanks that start the line.
    ListMark(&'static str),
    /// Put in place of the dash and of the blanks around it.
    Glue(&'static str),
}

impl Dash<'_> {
    fn replacement(&self) -> Replacement {
        // The mark of a quoted line does not make the dash the middle of one.
        let opens_line = self.before.chars().all(|c| c == '>' || c.is_whitespace());
        match (opens_line, self.after.is_empty()) {
            (true, true) => Replacement::Glue(""),
            (true, false) => Replacement::ListMark(if self.spaced_after { "- " } else { "-" }),
            (false, true) => Replacement::Glue(""),
            (false, false) => Replacement::Glue(self.glue()),
        }
    }

    /// What goes between two words.
    fn glue(&self) -> &'static str {
        let (Some(previous), Some(next)) =
            (self.before.chars().next_back(), self.after.chars().next())
        else {
            return "";
        };
        let spaced = self.spaced_before || self.spaced_after;
        let long = self.dashes.contains(is_long_dash);
        let digits = previous.is_numeric() && next.is_numeric();

        if self.dashes.chars().all(|c| c == MINUS) {
            return self.hyphen();
        }
        if !long && (!self.spaced_before && joins(previous) && joins(next) || digits) {
            // `Mon–Fri`, `9:00 – 17:00`, `pre– and post-war`.
            return self.hyphen();
        }
        if digits && !spaced {
            return "-";
        }
        if self.opens(previous) || self.closes(next) {
            return "";
        }
        if matches!(previous, ',' | ';' | ':' | '.' | '!' | '?' | '…') {
            return " ";
        }
        ", "
    }

    fn hyphen(&self) -> &'static str {
        match (self.spaced_before, self.spaced_after) {
            (true, true) => " - ",
            (true, false) => " -",
            (false, true) => "- ",
            (false, false) => "-",
        }
    }

    /// Whether `previous` opens a bracket or a quotation.
    fn opens(&self, previous: char) -> bool {
        let ahead = self.before.chars().rev().nth(1);
        matches!(
            previous,
            '(' | '[' | '{' | '“' | '‘' | '«' | '„' | '¿' | '¡'
        ) || matches!(previous, '"' | '\'') && ahead.is_none_or(char::is_whitespace)
    }

    /// Whether `next` ends a clause, a bracket or a quotation.
    fn closes(&self, next: char) -> bool {
        let beyond = self.after.chars().nth(1);
        matches!(
            next,
            ',' | ';' | ':' | '.' | '!' | '?' | '…' | ')' | ']' | '}' | '”' | '»'
        ) || matches!(next, '"' | '\'' | '’') && beyond.is_none_or(|c| !c.is_alphanumeric())
    }
}

/// Whether a hyphen can stand next to `c`.
fn joins(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '%' | '°' | '$' | '€' | '£')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dashes_become_what_people_type() {
        for (text, expected) in [
            ("", ""),
            (
                "plain - text -- with hyphens",
                "plain - text -- with hyphens",
            ),
            ("a — b", "a, b"),
            ("a—b", "a, b"),
            ("é—ü", "é, ü"),
            ("a – b", "a, b"),
            ("a ― b", "a, b"),
            ("a — — b", "a, b"),
            ("a ——b", "a, b"),
            ("a\u{2009}—\u{2009}b", "a, b"),
            ("a\u{a0}— b", "a, b"),
            ("a − b", "a - b"),
            ("7−5", "7-5"),
            ("down to −5 degrees", "down to -5 degrees"),
            ("(−5)", "(-5)"),
            ("9–5", "9-5"),
            ("2020–2024", "2020-2024"),
            ("2020—2024", "2020-2024"),
            ("9:00 – 17:00", "9:00 - 17:00"),
            ("in 2020 — 12 of us", "in 2020, 12 of us"),
            ("5%–10%", "5%-10%"),
            ("€5–€10", "€5-€10"),
            ("Mon–Fri", "Mon-Fri"),
            ("pre– and post-war", "pre- and post-war"),
            ("well\u{2011}known", "well-known"),
            ("\"quote\"—said", "\"quote\", said"),
            ("he said—\"go\"", "he said, \"go\""),
            ("\"But—\" she said", "\"But\" she said"),
            ("\"—no\"", "\"no\""),
            ("(—a—)", "(a)"),
            ("fine, — thanks", "fine, thanks"),
            ("fine. — Thanks", "fine. Thanks"),
            ("the list —, and", "the list, and"),
            ("—", ""),
            ("——", ""),
            ("  —  ", ""),
            ("— a", "- a"),
            ("  – item", "  - item"),
            ("—Ana", "-Ana"),
            ("> — a", "> - a"),
            ("a —", "a"),
            ("line1—\nline2", "line1\nline2"),
            ("line1 —\r\n— line2\r\n", "line1\r\n- line2\r\n"),
        ] {
            assert_eq!(replace_dashes(text, false), expected, "{text:?}");
            assert_eq!(replace_dashes(text, true), text);
        }
    }

    #[test]
    fn what_cannot_be_seen_goes() {
        for (text, expected) in [
            ("tab\tand\nline", "tab\tand\nline"),
            ("a\r\nb\rc\u{2028}d\u{85}e\u{b}f", "a\nb\nc\nd\ne\nf"),
            ("in\u{200b}vo\u{ad}ice\u{feff}\0\u{1b}", "invoice"),
            ("\u{202e}abc\u{2066}d\u{2069}", "abcd"),
            ("a\u{200d}b", "ab"),
            ("tag\u{e0041}\u{e007f}", "tag"),
            ("👩\u{200d}💻 ❤\u{fe0f}", "👩\u{200d}💻 ❤\u{fe0f}"),
            ("می\u{200c}خواهم", "می\u{200c}خواهم"),
            ("wide\u{3000}and\u{2009}thin", "wide\u{3000}and\u{2009}thin"),
        ] {
            assert_eq!(strip_invisible(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_dash_is_left_and_no_line_is_lost(text in "[a0 ,.\"(>\u{2009}—–―−\n-]{0,24}") {
            let replaced = replace_dashes(&text, false);
            prop_assert!(!replaced.contains(is_dash));
            prop_assert_eq!(replace_dashes(&replaced, false), &replaced[..]);
            prop_assert_eq!(replaced.matches('\n').count(), text.matches('\n').count());
            let words = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
            prop_assert_eq!(words(&replaced), words(&text));
        }

        #[test]
        fn a_comma_is_never_doubled_or_alone(text in "[a0]( ?[—–―] ?[a0]){1,6}") {
            let replaced = replace_dashes(&text, false);
            prop_assert!(!replaced.contains("  ") && !replaced.contains(" ,") && !replaced.contains(",,"));
        }

        #[test]
        fn stripping_is_final(text in any::<String>()) {
            let stripped = strip_invisible(&text);
            prop_assert_eq!(strip_invisible(&stripped), &stripped[..]);
        }
    }
}
