//! Small tools on bytes. Nothing here looks at a byte more often than a fixed number of times.

/// Where `byte` first stands.
pub(super) fn find(haystack: &[u8], byte: u8) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let pattern = ONES * u64::from(byte);
    let (words, tail) = haystack.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        // A byte of the difference is zero where the byte stands.
        let difference = u64::from_le_bytes(*word) ^ pattern;
        let zeros = difference.wrapping_sub(ONES) & !difference & HIGH;
        if zeros != 0 {
            return Some(index * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    let at = tail.iter().position(|candidate| *candidate == byte)?;
    Some(words.len() * 8 + at)
}

/// Adds a value to a hash. Quick; whoever wants two texts to collide can make them.
pub(super) fn mix(hash: u64, value: u64) -> u64 {
    (hash.rotate_left(5) ^ value).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// The first line without its end, and what follows it.
pub(super) fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    let (line, rest) = match find(bytes, b'\n') {
        Some(end) => (slice(bytes, 0, end), slice(bytes, end + 1, bytes.len())),
        None => (bytes, &[][..]),
    };
    (line.strip_suffix(b"\r").unwrap_or(line), rest)
}

/// `bytes[from..to]`, or nothing if that is not in it.
pub(super) fn slice(bytes: &[u8], from: usize, to: usize) -> &[u8] {
    bytes.get(from..to).unwrap_or_default()
}

/// Whether `bytes` starts with `start` in any case.
pub(super) fn starts_with(bytes: &[u8], start: &[u8]) -> bool {
    bytes
        .get(..start.len())
        .is_some_and(|bytes| bytes.eq_ignore_ascii_case(start))
}

/// Whether `bytes` ends with `end` in any case.
pub(super) fn ends_with(bytes: &[u8], end: &[u8]) -> bool {
    bytes
        .len()
        .checked_sub(end.len())
        .and_then(|at| bytes.get(at..))
        .is_some_and(|bytes| bytes.eq_ignore_ascii_case(end))
}

/// Where `needle` stands in any case.
pub(super) fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = needle.first()?;
    haystack.iter().enumerate().position(|(at, byte)| {
        byte.eq_ignore_ascii_case(first) && starts_with(slice(haystack, at, haystack.len()), needle)
    })
}

/// Whether `needle` stands in `haystack` in any case.
pub(super) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    position(haystack, needle).is_some()
}

/// The part before the first `byte`, and the part behind it.
pub(super) fn split_at_byte(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = find(bytes, byte)?;
    Some((slice(bytes, 0, at), slice(bytes, at + 1, bytes.len())))
}

/// The part before the last `byte`, and the part behind it.
pub(super) fn split_at_last_byte(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().rposition(|candidate| *candidate == byte)?;
    Some((slice(bytes, 0, at), slice(bytes, at + 1, bytes.len())))
}

/// Whether all of at least `min` and at most `max` bytes satisfy `class`.
pub(super) fn all(bytes: &[u8], min: usize, max: usize, class: fn(&u8) -> bool) -> bool {
    (min..=max).contains(&bytes.len()) && bytes.iter().all(class)
}

/// A decimal number of at most 18 digits, and nothing else.
pub(super) fn number(digits: &[u8]) -> Option<i64> {
    if !all(digits, 1, 18, u8::is_ascii_digit) {
        return None;
    }
    Some(
        digits
            .iter()
            .fold(0, |number, digit| number * 10 + i64::from(digit - b'0')),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_byte_is_found_where_it_first_stands(bytes in proptest::collection::vec(0_u8..4, 0..40), byte in 0_u8..4) {
            prop_assert_eq!(find(&bytes, byte), bytes.iter().position(|candidate| *candidate == byte));
        }
    }
}
