//! The base64 transfer encoding (RFC 2045 §6.8).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Characters on a line.
const LINE: usize = 76;

/// Base64 on one line.
pub(crate) fn inline(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Appends base64 in lines of 76 characters, each ending in CRLF.
pub(crate) fn write_lines(bytes: &[u8], out: &mut Vec<u8>) {
    let mut line = String::with_capacity(LINE);
    out.reserve(bytes.len() / 3 * 4 + bytes.len() / 28 + 8);
    for chunk in bytes.chunks(LINE / 4 * 3) {
        line.clear();
        STANDARD.encode_string(chunk, &mut line);
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

/// The bytes of base64 text on one line; `None` when it is none.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_full_and_end_in_crlf() {
        for length in [0_u8, 1, 56, 57, 58, 114, 200] {
            let bytes: Vec<u8> = (0..length).collect();
            let mut lines = Vec::new();
            write_lines(&bytes, &mut lines);
            let text = String::from_utf8(lines).unwrap_or_default();
            assert!(length == 0 || text.ends_with("\r\n"));
            assert!(text.lines().all(|line| line.len() <= LINE));
            assert_eq!(decode(&text.replace("\r\n", "")), Some(bytes));
        }
    }
}
