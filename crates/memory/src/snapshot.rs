//! A state as bytes, so that a rebuild need not read the whole log.
//!
//! ```text
//! magic, version │ SHA-256 of the rest │ last entry │ names │ memories
//! ```
//!
//! Numbers are LEB128. What was damaged on the way is found by its sum, and refused.

use chrono::DateTime;
use sha2::{Digest, Sha256};

use crate::log::{NameId, Names, Remembered, State};
use crate::memory::{MemoryId, Pin};

const MAGIC: &[u8; 16] = b"decnet-memory-1\n";
const SUM: usize = 32;

/// A snapshot that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot cannot be read: {detail}")]
pub struct SnapshotError {
    /// What was found.
    pub detail: &'static str,
}

/// A state as bytes; the same state gives the same.
pub fn encode(state: &State) -> Vec<u8> {
    let mut body = Vec::with_capacity(state.memories().len() * 32);
    put_signed(&mut body, state.last_entry);
    put_length(&mut body, state.names.texts().len());
    for text in state.names.texts() {
        put_length(&mut body, text.len());
        body.extend_from_slice(text.as_bytes());
    }
    put_length(&mut body, state.memories().len());
    let mut before = 0;
    for memory in state.memories() {
        put_signed(&mut body, memory.id.0.wrapping_sub(before));
        before = memory.id.0;
        put(&mut body, u64::from(memory.owner.0));
        for name in [memory.other, memory.thread] {
            put(&mut body, name.map_or(0, |name| u64::from(name.0)));
        }
        put_signed(&mut body, memory.happened_at.timestamp_micros());
        put_length(&mut body, memory.entities.len());
        for entity in &memory.entities {
            put(&mut body, u64::from(entity.0));
        }
        let pin = match memory.pin {
            Pin::None => 0,
            Pin::Automatic => 1,
            Pin::Manual => 2,
        };
        let score = memory.score.map_or(0, |score| u64::from(score) + 1);
        put(
            &mut body,
            pin | u64::from(memory.unpinned_by_hand) << 2 | score << 3,
        );
        put_signed(&mut body, memory.scored_by);
    }
    let mut bytes = Vec::with_capacity(MAGIC.len() + SUM + body.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&Sha256::digest(&body));
    bytes.extend_from_slice(&body);
    bytes
}

/// The state of these bytes.
///
/// # Errors
///
/// [`SnapshotError`] if they are not what [`encode`] gave.
pub fn decode(bytes: &[u8]) -> Result<State, SnapshotError> {
    let refuse = |detail| Err(SnapshotError { detail });
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        return refuse("it is of another kind or version");
    };
    let Some((sum, body)) = rest.split_at_checked(SUM) else {
        return refuse("it is cut off");
    };
    if Sha256::digest(body).as_slice() != sum {
        return refuse("its sum is wrong");
    }
    read(body).ok_or(SnapshotError {
        detail: "it makes no sense",
    })
}

fn read(body: &[u8]) -> Option<State> {
    let mut reader = Reader(body);
    let last_entry = reader.signed()?;
    let mut names = Names::default();
    for _ in 0..reader.number()? {
        let length = usize::try_from(reader.number()?).ok()?;
        let (text, rest) = reader.0.split_at_checked(length)?;
        reader.0 = rest;
        names.intern(std::str::from_utf8(text).ok()?);
    }
    let count = usize::try_from(reader.number()?).ok()?;
    // What is left bounds how many there can be.
    let mut memories = Vec::with_capacity(count.min(reader.0.len()));
    let mut before = 0;
    for _ in 0..count {
        let id = i64::wrapping_add(before, reader.signed()?);
        before = id;
        let owner = reader.name()??;
        let (other, thread) = (reader.name()?, reader.name()?);
        let happened_at = DateTime::from_timestamp_micros(reader.signed()?)?;
        let entities = (0..reader.number()?)
            .map(|_| reader.name()?)
            .collect::<Option<_>>()?;
        let flags = reader.number()?;
        memories.push(Remembered {
            id: MemoryId(id),
            owner,
            other,
            thread,
            happened_at,
            entities,
            score: match flags >> 3 {
                0 => None,
                score => Some(u8::try_from(score - 1).ok()?),
            },
            scored_by: reader.signed()?,
            pin: match flags & 3 {
                0 => Pin::None,
                1 => Pin::Automatic,
                2 => Pin::Manual,
                _ => return None,
            },
            unpinned_by_hand: flags & 4 != 0,
        });
    }
    reader
        .0
        .is_empty()
        .then(|| State::of(names, memories, last_entry))
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// A name; the inner `None` is the absence of one.
    fn name(&mut self) -> Option<Option<NameId>> {
        let number = u32::try_from(self.number()?).ok()?;
        Some((number > 0).then_some(NameId(number)))
    }
}

fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        // The lowest seven bits, and that more follow.
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn put_length(bytes: &mut Vec<u8>, length: usize) {
    put(bytes, length as u64);
}

fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put(bytes, (number << 1 ^ number >> 63).cast_unsigned());
}
