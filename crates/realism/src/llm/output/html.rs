//! HTML as text.

/// What HTML says, and how much of it was tags.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stripped {
    pub(super) text: String,
    /// Whether there were more tags than words.
    pub(super) is_mostly_markup: bool,
}

/// Takes the tags and entities of HTML out of `text`; `None` if there are none.
///
/// Only names that HTML has are tags: `<Name>` and `<ana@corp.example>` stay.
pub(super) fn strip(text: &str) -> Option<Stripped> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut tag_bytes = 0;
    let mut changed = false;
    let has_end_tags = text.contains("</");
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        let from = &rest[at..];
        if let Some((shown, length)) = entity(from) {
            out.push(shown);
            rest = &from[length..];
            changed = true;
            continue;
        }
        let Some(tag) = tag_of(from, has_end_tags) else {
            out.push_str(&from[..1]);
            rest = &from[1..];
            continue;
        };
        changed = true;
        tag_bytes += tag.length;
        rest = &from[tag.length..];
        match tag.effect {
            Effect::None => {}
            Effect::Break => line_break(&mut out, 1, &mut rest),
            Effect::Paragraph => line_break(&mut out, 2, &mut rest),
            Effect::Item => {
                line_break(&mut out, 1, &mut rest);
                out.push_str("- ");
            }
            Effect::Cell => out.push_str(" | "),
            Effect::Hide(name) => {
                let end = end_of(rest, name);
                tag_bytes += end;
                rest = &rest[end..];
            }
        }
    }
    out.push_str(rest);
    changed.then(|| Stripped {
        is_mostly_markup: tag_bytes > out.trim().len(),
        text: out,
    })
}

enum Effect {
    None,
    Break,
    Paragraph,
    Item,
    Cell,
    /// What stands up to the end tag of this name is not shown.
    Hide(&'static str),
}

struct Tag {
    effect: Effect,
    length: usize,
}

/// Ends the line, without piling up empty ones where the source has line ends too.
fn line_break(out: &mut String, count: usize, rest: &mut &str) {
    let kept = out.trim_end_matches(' ').len();
    out.truncate(kept);
    // Two is all that matters, and counting them all each time would not be linear.
    let had = out
        .bytes()
        .rev()
        .take(2)
        .take_while(|byte| *byte == b'\n')
        .count();
    if !out.is_empty() {
        // `<br><br>` is an empty line, `</p><p>` one as well.
        let wanted = if count == 1 {
            (had + 1).min(2)
        } else {
            had.max(2)
        };
        out.extend(std::iter::repeat_n('\n', wanted - had.min(wanted)));
    }
    *rest = rest.trim_start_matches([' ', '\n']);
}

/// Longest tag in bytes, attributes included; it keeps the search linear.
const TAG_MAX: usize = 600;

fn tag_of(from: &str, has_end_tags: bool) -> Option<Tag> {
    if from.starts_with("<!--") {
        let length = from.find("-->").map_or(from.len(), |end| end + 3);
        return Some(Tag {
            effect: Effect::None,
            length,
        });
    }
    let inner = from.strip_prefix('<')?;
    let (is_end, name_on) = match inner.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (false, inner.strip_prefix('!').unwrap_or(inner)),
    };
    let name_length = name_on
        .bytes()
        .take_while(u8::is_ascii_alphanumeric)
        .take(12)
        .count();
    let (name, attributes) = name_on.split_at(name_length);
    if !attributes.starts_with(['>', ' ', '/', '\n']) {
        return None;
    }
    let mut folded = [0; 12];
    folded[..name.len()].copy_from_slice(name.as_bytes());
    folded.make_ascii_lowercase();
    let effect = match std::str::from_utf8(&folded[..name.len()]).ok()? {
        "br" => Effect::Break,
        "p" | "ul" | "ol" | "table" | "blockquote" | "hr" | "h1" | "h2" | "h3" | "h4" | "h5"
        | "h6" => Effect::Paragraph,
        "div" | "tr" | "section" | "header" | "footer" | "article" => Effect::Break,
        "li" if !is_end => Effect::Item,
        "td" | "th" if is_end => Effect::Cell,
        "style" if !is_end => Effect::Hide("</style"),
        "script" if !is_end => Effect::Hide("</script"),
        "title" if !is_end => Effect::Hide("</title"),
        "a" | "b" | "i" | "u" | "s" | "em" | "strong" | "span" | "font" | "html" | "head"
        | "body" | "meta" | "link" | "small" | "big" | "sub" | "sup" | "code" | "pre"
        | "center" | "img" | "tbody" | "thead" | "doctype" | "strike" | "del" | "ins" | "mark"
        | "main" | "style" | "script" | "title" | "li" | "td" | "th" | "tt" | "abbr" | "cite"
        | "q" | "email" | "subject" | "mail" | "answer" | "response" | "output" | "message"
        | "label" | "input" | "button" | "form" | "nav" => Effect::None,
        _ => return None,
    };
    let ahead = &from[..from.floor_char_boundary(TAG_MAX)];
    let close = ahead.find('>')?;
    // `<email>` alone is something to fill in; as a pair around the text it is a tag.
    let is_word = matches!(
        name,
        "email" | "subject" | "mail" | "message" | "answer" | "response" | "output"
    );
    if is_word && !has_end_tags {
        return None;
    }
    Some(Tag {
        effect,
        length: close + 1,
    })
}

/// Where the end tag `name` starts in `rest`, or the end of the text.
fn end_of(rest: &str, name: &str) -> usize {
    let mut from = 0;
    while let Some(at) = rest[from..].find("</").map(|at| from + at) {
        if rest.as_bytes()[at..]
            .get(..name.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        {
            return at;
        }
        from = at + 2;
    }
    rest.len()
}

/// The character that an entity stands for, and the length of the entity.
///
/// `&amp;` is taken with every `amp;` behind it, so that no entity is left that was escaped twice.
fn entity(from: &str) -> Option<(char, usize)> {
    const NAME_MAX: usize = 10;
    let inner = from.strip_prefix('&')?;
    let name_at = inner.len() - inner.trim_start_matches("amp;").len();
    let name = &inner[name_at..];
    let ahead = &name[..name.floor_char_boundary(NAME_MAX)];
    let shown = ahead
        .find(';')
        .and_then(|end| Some((named(&ahead[..end])?, end)));
    match shown {
        Some((shown, end)) => Some((shown, 1 + name_at + end + 1)),
        None if name_at > 0 => Some(('&', 1 + name_at)),
        None => None,
    }
}

fn named(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code);
    }
    Some(match name {
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" | "rsquo" | "lsquo" => '\'',
        "nbsp" => ' ',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "ldquo" => '“',
        "rdquo" => '”',
        "bull" => '•',
        "euro" => '€',
        "pound" => '£',
        "copy" => '©',
        "deg" => '°',
        "iexcl" => '¡',
        "iquest" => '¿',
        "aacute" => 'á',
        "eacute" => 'é',
        "iacute" => 'í',
        "oacute" => 'ó',
        "uacute" => 'ú',
        "ntilde" => 'ñ',
        "Aacute" => 'Á',
        "Eacute" => 'É',
        "Ntilde" => 'Ñ',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "Auml" => 'Ä',
        "Ouml" => 'Ö',
        "Uuml" => 'Ü',
        "szlig" => 'ß',
        "agrave" => 'à',
        "egrave" => 'è',
        "ecirc" => 'ê',
        "ccedil" => 'ç',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_entities_become_text() {
        for (text, expected) in [
            (
                "<p>Hi Ana,</p><p>It is <b>on</b>.<br>Bye</p>",
                "Hi Ana,\n\nIt is on.\nBye",
            ),
            ("<ul><li>one</li><li>two</li></ul>", "- one\n- two"),
            (
                "Q&amp;A &lt;3 caf&eacute; &#39;x&#39;&nbsp;&amp;amp;amp;",
                "Q&A <3 café 'x' &",
            ),
            ("<a href=\"https://x\">here</a>", "here"),
            (
                "<html><head><style>p {}</style></head><body>Text that is shown</body></html>",
                "Text that is shown",
            ),
        ] {
            assert_eq!(strip(text).expect(text).text.trim(), expected, "{text}");
        }
        for text in ["a < b", "<Name>", "<ana@corp.example>", "AT&T & co", "<<<"] {
            assert_eq!(strip(text), None, "{text}");
        }
        assert!(strip("<div><span></span></div>x").is_some_and(|s| s.is_mostly_markup));
        assert!(strip("<b>Hi</b> there, the plan is on").is_some_and(|s| !s.is_mostly_markup));
    }
}
