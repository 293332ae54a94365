//! The event file: one JSON object a line, each event once, in order.
//!
//! Events wait in the database, committed with what they tell of. A writer takes the file's lock,
//! reads in its last whole line how far it goes, drops a torn line after it, and adds what is
//! missing. So a crash at any point loses nothing and repeats nothing. To rotate the file, rename
//! it: the next line goes to a new file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use decnet_store::Store;

use crate::failure::{Failure, Kind};

/// How far back the last whole line may start. A record has a few kilobytes.
const TAIL: u64 = 1 << 20;

/// Adds every event that is not in the file yet.
pub(crate) fn write_pending(store: &mut Store, path: &Path, durable: bool) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::writing(path, &error);
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    file.lock().map_err(failed)?;
    let last = last_sequence(&mut file).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Failure::new(
            Kind::BadInput,
            format!(
                "{} does not end like an event file: {error}; move it away",
                path.display()
            ),
        ),
        _ => failed(error),
    })?;
    let events = store.events_after(last)?;
    let mut lines = Vec::new();
    let mut written_through = last;
    for event in &events {
        // The body is a JSON object; the sequence becomes its first field.
        let fields = event.body.strip_prefix('{').unwrap_or("}");
        let comma = if fields.starts_with('}') { "" } else { "," };
        lines.extend_from_slice(
            format!("{{\"sequence\":{}{comma}{fields}\n", event.sequence).as_bytes(),
        );
        written_through = event.sequence;
    }
    if !lines.is_empty() {
        file.write_all(&lines).map_err(failed)?;
        if durable {
            file.sync_data().map_err(failed)?;
        }
        store.forget_events_through(written_through)?;
    }
    Ok(())
}

/// The sequence of the last whole line, with the file positioned after it and cut there.
fn last_sequence(file: &mut File) -> io::Result<i64> {
    let length = file.seek(SeekFrom::End(0))?;
    let start = length.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(start))?;
    let mut tail = Vec::new();
    file.take(TAIL).read_to_end(&mut tail)?;
    let whole = tail
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    let end = start + whole as u64;
    if start > 0 && whole == 0 {
        return Err(invalid("no line ends in its last megabyte"));
    }
    if end < length {
        file.set_len(end)?;
    }
    file.seek(SeekFrom::Start(end))?;
    let lines = tail.get(..whole.saturating_sub(1)).unwrap_or_default();
    if lines.is_empty() && end == 0 {
        return Ok(0);
    }
    let line = lines
        .rsplit(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    #[derive(serde::Deserialize)]
    struct Numbered {
        sequence: i64,
    }
    serde_json::from_slice::<Numbered>(line)
        .map(|numbered| numbered.sequence)
        .map_err(|error| invalid(&format!("its last line has no sequence ({error})")))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(content: &[u8]) -> (io::Result<i64>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        fs::write(&path, content).unwrap();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .unwrap();
        let last = last_sequence(&mut file);
        (last, fs::read(&path).unwrap())
    }

    #[test]
    fn the_last_whole_line_says_how_far_the_file_goes() {
        assert_eq!(check(b"").0.unwrap(), 0);
        assert_eq!(check(b"{\"sequence\":7,\"a\":1}\n").0.unwrap(), 7);
        let (last, content) = check(b"{\"sequence\":7}\n{\"sequence\":8}\n{\"sequ");
        assert_eq!(last.unwrap(), 8);
        assert_eq!(content, b"{\"sequence\":7}\n{\"sequence\":8}\n");
        let (last, content) = check(b"{\"sequ");
        assert_eq!((last.unwrap(), content), (0, Vec::new()));
    }

    #[test]
    fn another_file_is_not_touched() {
        assert!(check(b"dear diary\n").0.is_err());
    }
}
