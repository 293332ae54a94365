//! `Thread-Index`: where a message stands in a conversation ([MS-OXOMSG] §2.2.1.3,
//! `PidTagConversationIndex`).
//!
//! A root is 22 bytes: 0x01, the time of sending as the high bytes of a FILETIME, and a GUID. Each
//! reply appends 5 bytes: the time since the root with a lower resolution, and a random and a
//! sequence number. Servers write the 0x01 and five bytes of time, which starts with 0x01 again
//! (`AQ` in base64). Outlook on a desktop takes the time's own 0x01 for it, and six bytes (`Ad`).
//!
//! [MS-OXOMSG]: https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxomsg

use chrono::{DateTime, FixedOffset};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::mime::base64;

/// Seconds from 1601-01-01, where FILETIME starts, to 1970-01-01.
const FILETIME_EPOCH: i64 = 11_644_473_600;
/// Bytes of a root.
const ROOT: usize = 22;
/// Bytes that each reply appends.
const CHILD: usize = 5;
/// Longest index that is continued: more replies than a thread has, and in base64 it still fits a
/// line of 998 octets.
const LONGEST: usize = ROOT + 120 * CHILD;

/// What makes an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Maker {
    /// Outlook on a desktop.
    Desktop,
    /// An Exchange server, for Outlook on the web and on phones.
    Server,
}

/// The index of the first message of a conversation.
pub(super) fn root(maker: Maker, date: &DateTime<FixedOffset>, rng: &mut ChaCha8Rng) -> String {
    let time = filetime(date).to_be_bytes();
    let mut index = Vec::with_capacity(ROOT);
    // The highest byte of a FILETIME is 0x01 from 1829 to 2057.
    match maker {
        Maker::Desktop => index.extend_from_slice(&time[..6]),
        Maker::Server => {
            index.push(0x01);
            index.extend_from_slice(&time[..5]);
        }
    }
    index.extend(std::iter::repeat_with(|| rng.random::<u8>()).take(16));
    base64::inline(&index)
}

/// The index of an answer to a message that has `parent`. Where that is none, the index that the
/// recipient's server gave the message when it arrived is continued.
pub(super) fn reply(
    parent: Option<&str>,
    parent_date: &DateTime<FixedOffset>,
    date: &DateTime<FixedOffset>,
    rng: &mut ChaCha8Rng,
) -> String {
    let parent = parent
        .and_then(base64::decode)
        .filter(|index| is_index(index) && index.len() + CHILD <= LONGEST);
    let mut index = match parent {
        Some(index) => index,
        None => base64::decode(&root(Maker::Server, parent_date, rng)).unwrap_or_default(),
    };
    let sum = |time: &[u8]| {
        time.iter()
            .fold(0_u64, |sum, &byte| sum << 8 | u64::from(byte))
    };
    let root_time = match index.get(..6) {
        Some([0x01, time @ ..]) if time.first() == Some(&0x01) => sum(time) << 24,
        Some(time) => sum(time) << 16,
        None => 0,
    };
    let elapsed = filetime(date).saturating_sub(root_time);
    // One bit says which 31 of the bits follow: from 2^18 (26 ms) up to 1.7 years, or from 2^23.
    let delta = if elapsed >> 49 == 0 {
        (elapsed >> 18) as u32 & 0x7fff_ffff
    } else {
        (elapsed >> 23) as u32 & 0x7fff_ffff | 0x8000_0000
    };
    index.extend_from_slice(&delta.to_be_bytes());
    index.push(rng.random::<u8>() & 0xf0);
    base64::inline(&index)
}

/// The index of an answer by Outlook without Exchange, which takes no index from its parent: the
/// first id of the thread stands for the root, and each of the others for a reply. The second byte
/// of the root and the first one of each reply are below 4 (three indexes of 2020 to 2025 that
/// were looked at). What comes last is the answer's own.
pub(super) fn of_references(
    references: &str,
    date: &DateTime<FixedOffset>,
    rng: &mut ChaCha8Rng,
) -> String {
    let mut index = Vec::with_capacity(ROOT + 8 * CHILD);
    for id in references.split(' ').take((LONGEST - ROOT) / CHILD - 1) {
        let hash = |salt| super::random_text::constant(salt, id).to_be_bytes();
        if index.is_empty() {
            index.push(0x01);
            for salt in 0..3 {
                index.extend_from_slice(&hash(salt));
            }
            index.truncate(ROOT);
            index[1] &= 3;
        } else {
            let start = index.len();
            index.extend_from_slice(&hash(0)[..CHILD]);
            index[start] &= 3;
        }
    }
    reply(Some(&base64::inline(&index)), date, date, rng)
}

/// Whether these are the bytes of an index.
fn is_index(bytes: &[u8]) -> bool {
    bytes.first() == Some(&0x01)
        && bytes.len() >= ROOT
        && (bytes.len() - ROOT).is_multiple_of(CHILD)
}

/// 100-nanosecond steps since 1601.
pub(super) fn filetime(date: &DateTime<FixedOffset>) -> u64 {
    let seconds = u64::try_from(date.timestamp() + FILETIME_EPOCH).unwrap_or(0);
    seconds * 10_000_000 + u64::from(date.timestamp_subsec_nanos() / 100)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn at(time: &str) -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339(time).unwrap()
    }

    #[test]
    fn a_reply_keeps_the_root_and_adds_five_bytes() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let first = at("2026-03-06T10:00:00+01:00");
        let root_index = root(Maker::Desktop, &first, &mut rng);
        let server_index = root(Maker::Server, &first, &mut rng);
        assert!(server_index.starts_with("AQHc"), "{server_index}");
        let root_bytes = base64::decode(&root_index).unwrap();
        assert_eq!((root_bytes.len(), root_bytes[0]), (22, 1));
        // 2026-03-06 is 0x01dcad… in FILETIME.
        assert!(root_index.starts_with("Adyt"), "{root_index}");
        let mut parent = root_index;
        for minutes in 1..40_i64 {
            let date = first + chrono::TimeDelta::minutes(minutes);
            let index = reply(Some(&parent), &first, &date, &mut rng);
            let bytes = base64::decode(&index).unwrap();
            assert_eq!(bytes.len(), 22 + 5 * usize::try_from(minutes).unwrap());
            assert_eq!(bytes[..22], root_bytes[..]);
            let delta =
                u32::from_be_bytes(bytes[bytes.len() - 5..bytes.len() - 1].try_into().unwrap());
            let seconds = (u64::from(delta) << 18) as f64 / 1e7;
            assert!((seconds - minutes as f64 * 60.0).abs() < 1.0, "{seconds}");
            parent = index;
        }
    }

    #[test]
    fn a_message_without_an_index_gets_one_from_the_time_it_was_sent() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let date = at("2026-03-06T10:00:00+01:00");
        for parent in [None, Some(""), Some("hello"), Some("AAAA")] {
            let bytes = base64::decode(&reply(parent, &date, &date, &mut rng)).unwrap();
            assert_eq!((bytes.len(), bytes[0]), (27, 1));
        }
    }
}
