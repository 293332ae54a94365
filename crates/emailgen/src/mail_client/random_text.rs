//! Random text in the alphabets that mail clients use.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::random::{FNV_OFFSET, finalise, fnv1a};

pub(super) const LOWER_HEX: &[u8] = b"0123456789abcdef";
pub(super) const UPPER_HEX: &[u8] = b"0123456789ABCDEF";
pub(super) const UPPER_ALPHANUMERIC: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
pub(super) const ALPHANUMERIC: &[u8] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
pub(super) const BASE64: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// So many letters of an alphabet.
pub(super) fn letters(alphabet: &[u8], count: usize, rng: &mut ChaCha8Rng) -> String {
    let mut text = String::with_capacity(count);
    for _ in 0..count {
        if let Some(&letter) = alphabet.get(rng.random_range(0..alphabet.len())) {
            text.push(char::from(letter));
        }
    }
    text
}

/// A random UUID (version 4, variant 1: RFC 9562 §5.4) in lower case.
pub(super) fn uuid(rng: &mut ChaCha8Rng) -> String {
    let mut bytes: [u8; 16] = rng.random();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// Draws that are constant for one person or company: a number for each question asked of the
/// number that everything follows from.
pub(super) fn constant(number: u64, question: &str) -> u64 {
    finalise(fnv1a(number ^ FNV_OFFSET, question.bytes()))
}

/// Whether somebody belongs to a share of all people, in per cent, by a [`constant`] of theirs.
pub(super) fn is_among(number: u64, question: &str, per_cent: u64) -> bool {
    constant(number, question) % 100 < per_cent
}
