//! Seeds: every random choice about one mail follows from one number.

use chrono::{DateTime, Utc};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The seed of one mail, from the seed of the tick, its `now` and the mail's id.
pub fn mail_seed(tick_seed: u64, now: DateTime<Utc>, mail: i64) -> u64 {
    let mut state = mix(tick_seed ^ 0x6465_636e_6574_2f31);
    state = mix(state ^ now.timestamp_micros().cast_unsigned());
    mix(state ^ mail.cast_unsigned())
}

/// A generator for one purpose, so that a new choice for one purpose leaves the others as they
/// were.
pub fn generator(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(sub_seed(seed, purpose))
}

/// The seed that [`generator`] uses.
pub fn sub_seed(seed: u64, purpose: Purpose) -> u64 {
    mix(seed ^ mix(purpose as u64))
}

/// What a generator is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Who writes to whom, and about what.
    Picker = 1,
    /// Time of day of a new thread, to the microsecond.
    SendTime = 2,
    /// Message-ID.
    MessageId = 3,
    /// Maildir file names.
    FileName = 4,
    /// Words.
    Text = 5,
    /// Boundary and the like.
    MailClient = 6,
    /// Whether and when it is answered.
    Answer = 7,
}

/// SplitMix64's finaliser (Steele, Lea and Flood 2014): every input bit reaches every output bit.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_by_each_argument() {
        let now = DateTime::UNIX_EPOCH;
        let later = now + chrono::TimeDelta::microseconds(1);
        let base = mail_seed(1, now, 1);
        assert_ne!(base, mail_seed(2, now, 1));
        assert_ne!(base, mail_seed(1, later, 1));
        assert_ne!(base, mail_seed(1, now, 2));
        assert_eq!(base, mail_seed(1, now, 1));
    }

    #[test]
    fn purposes_do_not_share_a_stream() {
        assert_ne!(sub_seed(9, Purpose::Text), sub_seed(9, Purpose::Answer));
    }
}
