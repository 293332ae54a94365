//! Seeds: every random choice about one mail follows from one number.

use chrono::{DateTime, Utc};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What makes a deployment unlike any other: everything random hangs on it, so that two
/// deployments share no id, host name or habit beyond chance. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct DeploymentSecret([u8; 32]);

impl DeploymentSecret {
    /// A secret of 32 random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, to be stored privately.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The secret that 64 hexadecimal digits spell.
    pub fn from_hex(digits: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if digits.len() != 2 * bytes.len() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The number that everything constant about a thing follows from: the same for the same
    /// `kind` and name (letters in lower case), and nothing that is made from it leads back to the
    /// secret.
    pub fn number(&self, kind: Kind, name: &str) -> u64 {
        let hash = name
            .bytes()
            .map(|byte| byte.to_ascii_lowercase())
            .fold(mix(kind as u64), |hash, byte| mix(hash ^ u64::from(byte)));
        let mut keyed = ChaCha8Rng::from_seed(self.0);
        keyed.set_stream(hash);
        keyed.next_u64()
    }
}

impl std::fmt::Debug for DeploymentSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DeploymentSecret(..)")
    }
}

/// What a [number](DeploymentSecret::number) is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Mails, by nothing.
    Mail = 1,
    /// A person, by address.
    Person = 2,
    /// A company, by domain.
    Company = 3,
    /// A mailbox, by decky, login and folder.
    Mailbox = 4,
    /// What things are called in a company, by domain.
    Canon = 5,
}

/// The seed of one mail, from the deployment, the seed of the tick, its `now` and the mail's id.
pub fn mail_seed(secret: &DeploymentSecret, tick_seed: u64, now: DateTime<Utc>, mail: i64) -> u64 {
    let mut state = mix(tick_seed ^ secret.number(Kind::Mail, ""));
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
    /// Whether, when and by whom it is answered.
    Answer = 7,
    /// The way it came.
    Trace = 8,
    /// Who else gets it, and what it is to its thread.
    Thread = 9,
    /// Files that go with it.
    Attachment = 10,
    /// Which of their mail programs somebody writes with.
    MailProgram = 11,
    /// A mail that no mailbox holds.
    Unseen = 12,
    /// How a draft grows.
    Draft = 13,
}

/// SplitMix64's finaliser (Steele, Lea and Flood 2014): every input bit reaches every output bit.
pub(crate) fn mix(value: u64) -> u64 {
    finalise(value.wrapping_add(0x9e37_79b9_7f4a_7c15))
}

/// [`mix`] without its first step, which keeps 0 from giving 0.
pub(crate) fn finalise(value: u64) -> u64 {
    let z = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What [`fnv1a`] starts from.
pub(crate) const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a (Fowler, Noll and Vo) of some bytes, from [`FNV_OFFSET`] or where another one ended. Its
/// low bits depend on the last bytes only weakly.
pub(crate) fn fnv1a(start: u64, bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(start, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_differ_by_each_argument() {
        let now = DateTime::UNIX_EPOCH;
        let later = now + chrono::TimeDelta::microseconds(1);
        let secret = DeploymentSecret::new([7; 32]);
        let other = DeploymentSecret::new([8; 32]);
        let base = mail_seed(&secret, 1, now, 1);
        assert_ne!(base, mail_seed(&other, 1, now, 1));
        assert_ne!(base, mail_seed(&secret, 2, now, 1));
        assert_ne!(base, mail_seed(&secret, 1, later, 1));
        assert_ne!(base, mail_seed(&secret, 1, now, 2));
        assert_eq!(base, mail_seed(&secret, 1, now, 1));
    }

    #[test]
    fn numbers_differ_by_deployment_kind_and_name() {
        let secret = DeploymentSecret::new([7; 32]);
        let base = secret.number(Kind::Person, "ana@corp.example");
        assert_eq!(base, secret.number(Kind::Person, "Ana@Corp.Example"));
        assert_ne!(base, secret.number(Kind::Company, "ana@corp.example"));
        assert_ne!(base, secret.number(Kind::Person, "ben@corp.example"));
        let other = DeploymentSecret::new([8; 32]);
        assert_ne!(base, other.number(Kind::Person, "ana@corp.example"));
        assert_eq!(format!("{secret:?}"), "DeploymentSecret(..)");
    }

    #[test]
    fn purposes_do_not_share_a_stream() {
        assert_ne!(sub_seed(9, Purpose::Text), sub_seed(9, Purpose::Answer));
    }
}
