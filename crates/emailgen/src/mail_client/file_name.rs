//! Names of attachments in `Content-Type` and `Content-Disposition`.

use crate::mime::encoded_word::{self, EncodedWords};
use crate::mime::header;

/// Most octets of a value on one line; longer ones are cut (RFC 2231 §3).
const SEGMENT: usize = 60;

/// `name=value`, with quotes only when the value needs them (RFC 2045 §5.1), or has a character
/// that RFC 2231 §7 gives a meaning to and readers stumble over. For ASCII.
pub(super) fn bare(name: &str, value: &str) -> String {
    let is_token = !value.is_empty()
        && value
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?='*%".contains(&b));
    if is_token {
        format!("{name}={value}")
    } else {
        quoted(name, value)
    }
}

/// `name="value"`. For ASCII.
pub(super) fn quoted(name: &str, value: &str) -> String {
    format!("{name}={}", header::quoted(value))
}

/// `name*=utf-8''value` (RFC 2231 §4), in numbered pieces when it is long, with `fold` before each
/// but the first.
pub(super) fn extended(name: &str, value: &str, charset: &str, fold: &str) -> String {
    let mut pieces = vec![String::new()];
    for c in value.chars() {
        let mut buffer = [0; 4];
        let mut encoded = String::with_capacity(12);
        for byte in c.encode_utf8(&mut buffer).bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                encoded.push(char::from(byte));
            } else {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        }
        match pieces.last_mut() {
            Some(piece) if piece.len() + encoded.len() <= SEGMENT => piece.push_str(&encoded),
            _ => pieces.push(encoded),
        }
    }
    if let [piece] = pieces.as_slice() {
        return format!("{name}*={charset}''{piece}");
    }
    let mut out = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        if index == 0 {
            out.push_str(&format!("{name}*0*={charset}''{piece}"));
        } else {
            out.push_str(&format!(";{fold}{name}*{index}*={piece}"));
        }
    }
    out
}

/// `name="=?utf-8?Q?…?="`, as mail clients write it for older readers although RFC 2047 §5 forbids
/// it there.
pub(super) fn encoded(name: &str, value: &str, words: &EncodedWords, fold: &str) -> String {
    let words = encoded_word::encode(value, words, SEGMENT, false);
    format!("{name}=\"{}\"", words.join(fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_in_each_form() {
        assert_eq!(bare("name", "q3.pdf"), "name=q3.pdf");
        assert_eq!(bare("name", "q3 (1).pdf"), "name=\"q3 (1).pdf\"");
        assert_eq!(bare("name", "kim's.pdf"), "name=\"kim's.pdf\"");
        assert_eq!(bare("name", ""), "name=\"\"");
        assert_eq!(quoted("name", "a\"\\b"), "name=\"a\\\"\\\\b\"");
        assert_eq!(
            extended("filename", "año 1.pdf", "utf-8", "\r\n\t"),
            "filename*=utf-8''a%C3%B1o%201.pdf"
        );
        let long = extended("filename", &"é".repeat(256), "UTF-8", "\r\n ");
        assert!(long.starts_with("filename*0*=UTF-8''%C3%A9"));
        assert!(long.split("\r\n").all(|line| line.len() <= 90));
        assert_eq!(
            encoded("name", "año.pdf", &EncodedWords::UTF_8, "\r\n "),
            "name=\"=?UTF-8?B?YcOxby5wZGY=?=\""
        );
    }
}
