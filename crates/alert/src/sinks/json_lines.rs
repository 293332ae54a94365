//! A file of JSON lines: one object for each alert.
//!
//! The file is private to its owner, and every line is on the disk before it counts as sent. Writers
//! take the file's lock. A line that a crash left torn is closed before the next one begins, and an
//! alert whose line is among the last ones already, since a crash came between writing and
//! recording, is not written again. To rotate the file, rename it: the next line goes to a new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;

use crate::alert::{Alert, AlertId};
use crate::sink::{Sink, SinkError, SinkName};
use crate::text;

/// How far back a line is recognised, in bytes: some hundred usual alerts, or eight of the longest.
const TAIL: u64 = 256 << 10;
/// Longest path in a message, in bytes.
const PATH_MAX: usize = 512;

/// Appends alerts to a file.
#[derive(Clone, Debug)]
pub struct JsonLinesSink {
    name: SinkName,
    path: PathBuf,
}

impl JsonLinesSink {
    /// A sink that appends to the file at `path`. The file is made when it is missing; its folder
    /// is not.
    pub fn new(name: SinkName, path: impl Into<PathBuf>) -> Self {
        Self {
            name,
            path: path.into(),
        }
    }
}

#[async_trait]
impl Sink for JsonLinesSink {
    fn name(&self) -> &SinkName {
        &self.name
    }

    fn destination(&self) -> String {
        shown(&self.path)
    }

    async fn send(&self, id: AlertId, alert: &Alert) -> Result<(), SinkError> {
        let (path, line) = (self.path.clone(), alert.to_json(id));
        let failed = |operation, source| SinkError::File {
            operation,
            path: shown(&self.path),
            source,
        };
        // A disk may take long. If the deadline passes meanwhile, the next try waits for the lock
        // and finds the line.
        tokio::task::spawn_blocking(move || append(&path, &line, id))
            .await
            .map_err(|error| failed("append to", io::Error::other(error)))?
            .map_err(|(operation, source)| failed(operation, source))
    }
}

fn shown(path: &Path) -> String {
    text::one_line(&path.display().to_string(), PATH_MAX)
}

fn append(path: &Path, line: &str, id: AlertId) -> Result<(), (&'static str, io::Error)> {
    let on = |operation| move |error| (operation, error);
    let is_new = !path.exists();
    // To open a pipe for reading and writing waits for nobody.
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(on("open"))?;
    let metadata = file.metadata().map_err(on("look at"))?;
    if !metadata.is_file() {
        return Err(("append to", io::Error::other("it is no file")));
    }
    file.lock().map_err(on("lock"))?;
    let (length, tail) = read_tail(&mut file).map_err(on("read"))?;
    if !holds(&tail, id) {
        let mut written = Vec::with_capacity(line.len() + 2);
        if tail.last().is_some_and(|byte| *byte != b'\n') {
            written.push(b'\n');
        }
        written.extend_from_slice(line.as_bytes());
        written.push(b'\n');
        if let Err(error) = file.write_all(&written) {
            // Half a line is of no use to anybody. If it cannot be taken back, the next one closes
            // it.
            let _ = file.set_len(length);
            return Err(("append to", error));
        }
    }
    // Also for a line that was there: whoever wrote it may not have come so far.
    file.sync_data().map_err(on("sync"))?;
    if is_new && let Some(folder) = path.parent() {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(on("sync the folder of"))?;
    }
    Ok(())
}

/// The length of the file, and its end.
fn read_tail(file: &mut File) -> io::Result<(u64, Vec<u8>)> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    Ok((length, tail))
}

/// Whether a whole line of `tail` is the alert. Each line of ours begins with its id.
fn holds(tail: &[u8], id: AlertId) -> bool {
    let start = format!("{{\"id\":\"{id}\"");
    tail.split_inclusive(|byte| *byte == b'\n')
        .any(|line| line.starts_with(start.as_bytes()) && line.ends_with(b"}\n"))
}
