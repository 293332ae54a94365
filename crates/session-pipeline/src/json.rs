//! Lines that are JSON objects.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

use crate::lines::{BadLine, DEPTH_MAX};

/// Reads a line as the object that it should be.
///
/// Fields that `T` does not name are passed over without being kept; they have to be JSON all the
/// same, and no deeper than [`DEPTH_MAX`].
///
/// # Errors
///
/// Why the line is bad, for [`Lines::refuse`](crate::lines::Lines::refuse).
///
/// ```
/// use decnet_session_pipeline::json;
/// use decnet_session_pipeline::lines::BadLine;
///
/// #[derive(serde::Deserialize)]
/// struct Row<'a> {
///     #[serde(borrow)]
///     user: Option<std::borrow::Cow<'a, str>>,
/// }
///
/// let row: Row<'_> = json::object(r#"{"user": "ana", "more": [1, 2]}"#).unwrap();
/// assert_eq!(row.user.as_deref(), Some("ana"));
/// assert_eq!(json::object::<Row<'_>>("[1, 2]").err(), Some(BadLine::NotAnObject));
/// ```
pub fn object<'l, T: Deserialize<'l>>(text: &'l str) -> Result<T, BadLine> {
    if !text.trim_start().starts_with('{') {
        return Err(match serde_json::from_str::<IgnoredAny>(text) {
            _ if nests_too_deep(text) => BadLine::TooDeep,
            Ok(_) => BadLine::NotAnObject,
            Err(_) => BadLine::NotJson,
        });
    }
    if nests_too_deep(text) {
        return Err(BadLine::TooDeep);
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => BadLine::WrongType,
        Category::Syntax | Category::Eof | Category::Io => BadLine::NotJson,
    })
}

/// Whether brackets nest deeper than [`DEPTH_MAX`]. What nobody asked for is passed over by
/// `serde_json` without a look at its depth.
fn nests_too_deep(text: &str) -> bool {
    let bytes = text.as_bytes();
    // Nearly every line has too few brackets, wherever they are; counting them is quick.
    opening_brackets(bytes) > DEPTH_MAX && depth(bytes) > DEPTH_MAX
}

/// How many `{` and `[` there are, in strings or not. Eight bytes at a time, by hand: what is built
/// for size is not vectorised.
fn opening_brackets(bytes: &[u8]) -> usize {
    const LOW: u64 = u64::MAX / 255;
    const SEVEN_BITS: u64 = LOW * 0x7f;
    let (words, rest) = bytes.as_chunks::<8>();
    // So few words at once that a byte can count what is found in its place.
    let in_words = words.chunks(255).map(|words| {
        let counts = words.iter().fold(0, |counts: u64, word| {
            // A byte is zero where a bracket is.
            let other = (u64::from_le_bytes(*word) | (LOW * 0x20)) ^ (LOW * u64::from(b'{'));
            let is_other = ((other & SEVEN_BITS) + SEVEN_BITS) | other;
            counts + ((!is_other >> 7) & LOW)
        });
        counts.to_le_bytes().map(usize::from).iter().sum::<usize>()
    });
    let in_rest = rest.iter().filter(|byte| **byte | 0x20 == b'{').count();
    in_words.sum::<usize>() + in_rest
}

/// The deepest nesting of brackets outside strings.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => at = end_of_string(bytes, at + 1),
            _ => {}
        }
        at += 1;
    }
    deepest
}

/// Where the string ends that starts at `at`: the position of its closing quote, or of the end.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while let Some(rest) = bytes.get(at..) {
        match memchr::memchr2(b'"', b'\\', rest) {
            Some(found) if rest.get(found) == Some(&b'"') => return at + found,
            Some(found) => at += found + 2,
            None => break,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_told() {
        let check = |text: &str, expected: BadLine| {
            #[derive(Debug, Deserialize)]
            struct Row {
                #[serde(default)]
                _n: i64,
            }
            let found = object::<Row>(text).err();
            assert_eq!(found, Some(expected), "{:.40}", text);
        };
        check("null", BadLine::NotAnObject);
        check("42", BadLine::NotAnObject);
        check("\"{\"", BadLine::NotAnObject);
        check("{", BadLine::NotJson);
        check("{\"a\":NaN}", BadLine::NotJson);
        check("{\"a\":1} x", BadLine::NotJson);
        check("{\"_n\":\"x\"}", BadLine::WrongType);
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        check(&deep, BadLine::TooDeep);
        check(&format!("{{\"a\":{deep}}}"), BadLine::TooDeep);
        check(
            &format!("{{\"a\":{}", "{\"a\":".repeat(100_000)),
            BadLine::TooDeep,
        );
    }

    #[test]
    fn brackets_in_strings_are_text() {
        let text = format!("{{\"a\":\"{}\\\"\"}}", "[".repeat(1000));
        assert!(object::<IgnoredAny>(&text).is_ok());
    }

    #[test]
    fn every_opening_bracket_counts() {
        let every_byte: Vec<u8> = (0..=255).collect();
        assert_eq!(opening_brackets(&every_byte), 2);
        for length in [0, 1, 7, 8, 9, 2_039, 2_040, 2_041, 10_000] {
            assert_eq!(opening_brackets(&vec![b'['; length]), length);
            assert_eq!(opening_brackets(&vec![b'{'; length]), length);
            assert_eq!(opening_brackets(&vec![b'z'; length]), 0);
        }
    }
}
