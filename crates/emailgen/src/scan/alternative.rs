//! Whether an HTML alternative says the same as the plain text.

use super::bytes::{self, mix};

/// Fewer different words than this are not compared.
const WORDS_MIN: usize = 6;

/// Whether less than six tenths of the different words of `plain` stand in `html`.
pub(super) fn disagrees(plain: &str, html: &str) -> bool {
    let mut words = WordSet::default();
    each_word(plain, |word| {
        words.add(word);
        true
    });
    if words.count < WORDS_MIN {
        return false;
    }
    // A share below 0.6, in whole numbers.
    let (count, mut shared) = (words.count, 0);
    let too_few = |shared: usize| shared * 10 < count * 6;
    each_word(&untagged(html), |word| {
        shared += usize::from(words.mark(word));
        too_few(shared)
    });
    too_few(shared)
}

/// What a reader of HTML sees, up to the first quotation: a line for each block.
pub(super) fn visible(html: &str) -> String {
    let mut out = String::with_capacity(html.len() / 2);
    let mut rest = html;
    // Once an end is not found it is not looked for again: the time stays linear.
    let mut searched = [false; 3];
    const HIDDEN: [(&str, &str); 3] = [
        ("style", "</style>"),
        ("script", "</script>"),
        ("head", "</head>"),
    ];
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(rest.get(..at).unwrap_or_default());
        let mark = rest.get(at..).unwrap_or_default();
        if mark.starts_with('&') {
            let (c, length) = entity(mark);
            out.push(c);
            rest = mark.get(length..).unwrap_or_default();
            continue;
        }
        let name = mark.get(1..).unwrap_or_default();
        let is = |tag: &str| bytes::starts_with(name.as_bytes(), tag.as_bytes());
        if is("blockquote") {
            return out;
        }
        let hidden = HIDDEN
            .iter()
            .zip(&mut searched)
            .find(|((tag, _), searched)| !**searched && is(tag));
        if let Some(((_, end), searched)) = hidden {
            if let Some(length) = bytes::position(mark.as_bytes(), end.as_bytes()) {
                out.push(' ');
                rest = mark.get(length + end.len()..).unwrap_or_default();
                continue;
            }
            *searched = true;
        }
        if ["br", "/p", "/div", "/tr", "/li"].iter().any(|tag| is(tag)) {
            out.push('\n');
        }
        rest = match mark.find('>') {
            Some(end) => mark.get(end + 1..).unwrap_or_default(),
            None => {
                out.push_str(mark);
                return out;
            }
        };
    }
    out.push_str(rest);
    out
}

/// Text of HTML: a space for each tag, and entities as the letters they stand for.
fn untagged(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    // Where no `>` is left, no tag is left either.
    let mut has_end = true;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(rest.get(..at).unwrap_or_default());
        let mark = rest.get(at..).unwrap_or_default();
        if mark.starts_with('<') {
            let end = if has_end { mark.find('>') } else { None };
            has_end = end.is_some();
            match end {
                // `<>` is no tag.
                Some(end) if end > 1 => {
                    out.push(' ');
                    rest = mark.get(end + 1..).unwrap_or_default();
                }
                _ => {
                    out.push('<');
                    rest = mark.get(1..).unwrap_or_default();
                }
            }
        } else {
            let (c, length) = entity(mark);
            out.push(c);
            rest = mark.get(length..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

/// Longest entity that is read.
const ENTITY_MAX: usize = 12;

/// The sign of an entity at the start of `text`, and how long it is.
fn entity(text: &str) -> (char, usize) {
    let none = ('&', 1);
    let ahead = text
        .get(..text.floor_char_boundary(ENTITY_MAX))
        .unwrap_or_default();
    let Some(end) = ahead.find(';') else {
        return none;
    };
    let name = ahead.get(1..end).unwrap_or_default();
    let number = name
        .strip_prefix('#')
        .map(|number| match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        });
    let c = match number {
        Some(number) => number.ok().and_then(char::from_u32),
        None => named(name),
    };
    c.map_or(none, |c| (c, end + 1))
}

fn named(name: &str) -> Option<char> {
    /// From U+00C0.
    const LETTERS: &str = "Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc \
        Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash \
        Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig \
        ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc \
        otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml";
    Some(match name {
        "nbsp" => '\u{a0}',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "rsquo" => '’',
        "lsquo" => '‘',
        _ => {
            let at = LETTERS
                .split_ascii_whitespace()
                .position(|letter| letter == name)?;
            char::from_u32(0xc0 + u32::try_from(at).ok()?)?
        }
    })
}

/// Gives the hash of each word in lower case, while wanted; `don't` is one word.
///
/// Letters are those of ASCII and from U+00C0 to U+00FF, so bytes are enough to tell them.
pub(super) fn each_word(text: &str, mut each: impl FnMut(u64) -> bool) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let mut hash = 0xcbf2_9ce4_8422_2325;
        loop {
            match (bytes.get(at), bytes.get(at + 1)) {
                (Some(letter), _) if letter.is_ascii_alphabetic() => {
                    hash = mix(hash, u64::from(letter.to_ascii_lowercase()));
                    at += 1;
                }
                (Some(0xc3), Some(second)) => {
                    let is_capital = matches!(second, 0x80..=0x96 | 0x98..=0x9e);
                    let small = if is_capital { second + 0x20 } else { *second };
                    hash = mix(hash, 0xc300 | u64::from(small));
                    at += 2;
                }
                _ => break,
            }
        }
        if at == start {
            at += 1;
            continue;
        }
        let apostrophe: &[u8] = match bytes.get(at..) {
            Some([b'\'', ..]) => b"'",
            Some([0xe2, 0x80, 0x99, ..]) => "’".as_bytes(),
            _ => b"",
        };
        let behind = at + apostrophe.len();
        if !apostrophe.is_empty() && bytes.get(behind).is_some_and(u8::is_ascii_alphabetic) {
            hash = mix(hash, apostrophe.len() as u64);
            at = behind;
            while let Some(letter) = bytes.get(at).filter(|byte| byte.is_ascii_alphabetic()) {
                hash = mix(hash, u64::from(letter.to_ascii_lowercase()));
                at += 1;
            }
        }
        if !each(hash) {
            return;
        }
    }
}

/// Hashes of words, open addressing.
#[derive(Default)]
struct WordSet {
    /// 0 for a free place; the lowest bit of a word says whether it was met again.
    slots: Vec<u64>,
    count: usize,
}

impl WordSet {
    fn add(&mut self, word: u64) {
        if (self.count + 1) * 2 > self.slots.len() {
            let words = std::mem::take(&mut self.slots);
            self.slots = vec![0; (words.len() * 4).max(256)];
            self.count = 0;
            for word in words.into_iter().filter(|word| *word != 0) {
                self.add(word);
            }
        }
        let key = word | 2;
        if let Some(slot) = self.slot(key)
            && *slot == 0
        {
            *slot = key & !1;
            self.count += 1;
        }
    }

    /// Whether `word` is in the set, and is met for the first time.
    fn mark(&mut self, word: u64) -> bool {
        match self.slot(word | 2) {
            Some(slot) if *slot != 0 && *slot & 1 == 0 => {
                *slot |= 1;
                true
            }
            _ => false,
        }
    }

    /// The place of a word: where it is, or the free one where it would be.
    fn slot(&mut self, key: u64) -> Option<&mut u64> {
        let key = key & !1;
        let mask = self.slots.len().checked_sub(1)?;
        let mut at = (key >> 20) as usize & mask;
        for _ in 0..self.slots.len() {
            let slot = self.slots.get(at)?;
            if *slot == 0 || *slot & !1 == key {
                return self.slots.get_mut(at);
            }
            at = (at + 1) & mask;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> usize {
        let mut count = 0;
        each_word(text, |_| {
            count += 1;
            true
        });
        count
    }

    #[test]
    fn words_are_letters_with_one_apostrophe() {
        for (text, count) in [
            ("", 0),
            ("don't 9a b9c", 4),
            ("a'b'c", 2),
            ("l’été", 2),
            ("é è", 2),
            ("a' b", 2),
        ] {
            assert_eq!(words(text), count, "{text}");
        }
    }

    #[test]
    fn only_other_words_disagree() {
        let plain = "Please find the minutes of the meeting below, José.";
        assert!(!disagrees(
            plain,
            "<p>Please find the minutes <b>of</b> the meeting&nbsp;below, Jos&eacute;.</p>"
        ));
        assert!(disagrees(
            plain,
            "<p>Something else altogether was written here.</p>"
        ));
        assert!(!disagrees("two words", "<p>other"));
        assert!(disagrees(plain, &"<".repeat(100_000)));
    }
}
