//! Signs that a keyboard does not have, as the ones that it has.

use std::borrow::Cow;

/// Curly quotes, the ellipsis and odd blanks as a keyboard types them.
///
/// Guillemets and the signs of Spanish stay: keyboards there have them.
pub(crate) fn typed(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find(|c: char| !c.is_ascii() && as_typed(c).is_some()) else {
        return Cow::Borrowed(text);
    };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    for c in text[first..].chars() {
        match as_typed(c) {
            Some(typed) => out.push_str(typed),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

fn as_typed(c: char) -> Option<&'static str> {
    Some(match c {
        '“' | '”' | '„' | '‟' | '″' => "\"",
        '‘' | '’' | '‚' | '‛' | '′' => "'",
        '…' => "...",
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            " "
        }
        _ => return None,
    })
}
