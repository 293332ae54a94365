//! Lines of a stream.

use super::Body;
use crate::llm::backend::LlmError;

/// Longest line, in bytes: one token with its envelope, or a whole answer of a server that does
/// not stream.
const LINE_MAX: usize = 256 << 10;

/// The lines of a body, as they come.
pub(crate) struct Lines<'c> {
    body: Body<'c>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that belong to lines handed out.
    used: usize,
    /// Bytes after `used` that hold no line end.
    searched: usize,
    is_over: bool,
}

impl<'c> Lines<'c> {
    pub(crate) fn new(body: Body<'c>) -> Self {
        Self {
            body,
            buffer: Vec::new(),
            used: 0,
            searched: 0,
            is_over: false,
        }
    }

    /// The next line, without its end; `None` after the last. What follows the last line end is a
    /// line too.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, LlmError> {
        loop {
            let open = self.buffer.get(self.used..).unwrap_or_default();
            let unsearched = open.get(self.searched..).unwrap_or_default();
            if let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') {
                let length = self.searched + at;
                let line = text(open.get(..length).unwrap_or_default())?;
                self.used += length + 1;
                self.searched = 0;
                return Ok(Some(line));
            }
            self.searched = open.len();
            if self.searched > LINE_MAX {
                return Err(LlmError::Malformed {
                    what: format!("one of its lines is longer than {LINE_MAX} bytes"),
                });
            }
            if self.is_over {
                if open.is_empty() {
                    return Ok(None);
                }
                let line = text(open)?;
                self.used = self.buffer.len();
                self.searched = 0;
                return Ok(Some(line));
            }
            self.buffer.drain(..self.used);
            self.used = 0;
            match self.body.chunk().await? {
                Some(chunk) => self.buffer.extend_from_slice(&chunk),
                None => self.is_over = true,
            }
        }
    }
}

fn text(line: &[u8]) -> Result<String, LlmError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    String::from_utf8(line.to_vec()).map_err(|_| LlmError::Malformed {
        what: "it is no UTF-8".to_owned(),
    })
}
