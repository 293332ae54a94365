//! Generations on a file: recorded once, played back ever after.
//!
//! With the same seed, the same `now` and the same cassette, everything that follows from a
//! model's words is the same to the byte, without the model. Failures are recorded too: what was
//! passed over then is passed over again.

mod line;

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use self::line::{Line, key_of};
use super::backend::{Generation, GenerationRequest, LlmBackend, LlmError};

/// Largest cassette, in bytes: some twenty thousand generations.
pub const CASSETTE_MAX: u64 = 64 << 20;

/// A cassette cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CassetteError {
    /// It cannot be opened, read or written.
    #[error("cassette: {0}")]
    Io(#[from] io::Error),
    /// It is larger than [`CASSETTE_MAX`].
    #[error("cassette: larger than {CASSETTE_MAX} bytes")]
    TooLarge,
    /// It is a folder, a pipe or a device.
    #[error("cassette: it is no file")]
    NotAFile,
    /// One of its lines is no generation.
    #[error("cassette: line {line}: {what}")]
    Malformed {
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// A recording of generations.
///
/// The file holds one JSON object a line. Two programs may not write one cassette at once: the
/// second waits until the first is done.
#[derive(Debug)]
pub struct Cassette {
    tape: Mutex<Tape>,
}

#[derive(Debug)]
struct Tape {
    file: File,
    /// What is still to be played, by request.
    recorded: BTreeMap<String, VecDeque<Result<Generation, LlmError>>>,
}

impl Cassette {
    /// Opens the cassette at `path`, or makes an empty one that its user alone can read. A line
    /// that was torn by a crash is dropped.
    ///
    /// # Errors
    ///
    /// [`CassetteError`].
    pub fn open(path: &Path) -> Result<Self, CassetteError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(CassetteError::NotAFile);
        }
        file.lock()?;
        if file.metadata()?.len() > CASSETTE_MAX {
            return Err(CassetteError::TooLarge);
        }
        let mut text = Vec::new();
        Read::by_ref(&mut file)
            .take(CASSETTE_MAX)
            .read_to_end(&mut text)?;
        let whole = text
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |at| at + 1);
        let mut recorded: BTreeMap<String, VecDeque<_>> = BTreeMap::new();
        let lines = text.get(..whole).unwrap_or_default();
        for (index, bytes) in lines.split(|byte| *byte == b'\n').enumerate() {
            if bytes.is_empty() {
                continue;
            }
            let line = Line::parse(bytes).map_err(|what| CassetteError::Malformed {
                line: index + 1,
                what,
            })?;
            let (key, result) = line.into_parts();
            recorded.entry(key).or_default().push_back(result);
        }
        // Only what follows whole lines of a cassette was torn; another file is left alone.
        if whole < text.len() {
            if whole == 0 && !text.starts_with(b"{") {
                return Err(CassetteError::Malformed {
                    line: 1,
                    what: "this is no cassette".to_owned(),
                });
            }
            file.set_len(whole as u64)?;
        }
        file.seek(SeekFrom::End(0))?;
        Ok(Self {
            tape: Mutex::new(Tape { file, recorded }),
        })
    }

    /// How many generations are left to be played.
    pub fn left(&self) -> usize {
        self.tape().recorded.values().map(VecDeque::len).sum()
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn play(&self, request: &GenerationRequest) -> Option<Result<Generation, LlmError>> {
        self.tape()
            .recorded
            .get_mut(&key_of(request))
            .and_then(VecDeque::pop_front)
    }

    fn record(
        &self,
        model: &str,
        request: &GenerationRequest,
        result: &Result<Generation, LlmError>,
    ) -> Result<(), LlmError> {
        let line = Line::new(model, request, result).to_bytes();
        let mut tape = self.tape();
        let whole = tape.file.stream_position();
        let written = whole.and_then(|whole| {
            tape.file.write_all(&line).inspect_err(|_| {
                // Half a line would take the next one with it. What cannot be cut off either is
                // dropped when the cassette is opened again.
                let _ = tape.file.set_len(whole);
                let _ = tape.file.seek(SeekFrom::Start(whole));
            })
        });
        written.map_err(|error| LlmError::Unavailable {
            reason: format!("the cassette cannot be written: {error}"),
            may_run_on: false,
        })
    }
}

/// Plays what is on a cassette; asks the backend behind it for the rest, and records that.
///
/// Without a backend it plays only.
#[derive(Debug)]
pub struct Recorded<B> {
    cassette: Cassette,
    inner: Option<B>,
}

impl<B: LlmBackend> Recorded<B> {
    /// Plays `cassette`, with `inner` behind it.
    pub fn new(cassette: Cassette, inner: Option<B>) -> Self {
        Self { cassette, inner }
    }
}

#[async_trait::async_trait]
impl<B: LlmBackend> LlmBackend for Recorded<B> {
    fn name(&self) -> &str {
        self.inner.as_ref().map_or("cassette", LlmBackend::name)
    }

    fn model(&self) -> &str {
        self.inner.as_ref().map_or("cassette", LlmBackend::model)
    }

    async fn generate(&self, request: &GenerationRequest) -> Result<Generation, LlmError> {
        if let Some(result) = self.cassette.play(request) {
            return result;
        }
        let Some(inner) = &self.inner else {
            return Err(LlmError::Unavailable {
                reason: "the cassette does not hold this request, and no model is set".to_owned(),
                may_run_on: false,
            });
        };
        let result = inner.generate(request).await;
        self.cassette.record(inner.model(), request, &result)?;
        result
    }
}

#[cfg(test)]
mod tests;
