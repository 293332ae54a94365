//! Messages of a Maildir, a tree of files, an mbox or a single file, one at a time.

use std::fs::{self, File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Kind};

/// Larger files are no mail that people write, and are passed over.
const MESSAGE_MAX: u64 = 8_000_000;

/// Folders in folders, deeper than which nothing is looked for.
const DEPTH_MAX: usize = 32;

/// How far into a file its first headers are looked for.
const HEAD: usize = 4_000;

/// A message that was found.
pub(super) struct Message<'a> {
    /// Where, for people to read.
    pub(super) path: &'a str,
    /// The mail folder.
    pub(super) folder: &'a str,
    /// The file.
    pub(super) file_name: &'a str,
    /// Unix seconds.
    pub(super) modified_at: Option<i64>,
    /// All of it.
    pub(super) bytes: &'a [u8],
}

/// Gives each message below `path`. What could not be read inside of it is returned.
pub(super) fn each_message(
    path: &Path,
    mut each: impl FnMut(&Message<'_>),
) -> Result<Vec<Failure>, Failure> {
    let metadata = fs::metadata(path).map_err(|error| Failure {
        kind: Kind::NoInput,
        ..Failure::reading(path, &error)
    })?;
    if !metadata.is_dir() && !metadata.is_file() {
        return Err(Failure::new(
            Kind::NoInput,
            format!("{}: neither a file nor a folder", path.display()),
        ));
    }
    if !metadata.is_dir() {
        return single(path, &metadata, &mut each).map(|()| Vec::new());
    }
    let mut unreadable = Vec::new();
    let mut open = vec![(path.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let entries = match sorted_entries(&folder) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(Failure::reading(&folder, &error)),
            Err(error) => {
                unreadable.push(Failure::reading(&folder, &error));
                continue;
            }
        };
        let mail_folder = mail_folder(&folder);
        let mut below = Vec::new();
        for entry in entries {
            // What a link points to may lie anywhere, or be the folder that it lies in.
            let Ok(metadata) = fs::symlink_metadata(&entry) else {
                continue;
            };
            if metadata.is_dir() {
                let is_tmp = entry.file_name().is_some_and(|name| name == "tmp");
                if depth < DEPTH_MAX && !(is_tmp && folder.join("cur").is_dir()) {
                    below.push((entry, depth + 1));
                }
            } else if metadata.is_file() && metadata.len() > MESSAGE_MAX {
                unreadable.push(Failure::new(
                    Kind::NoInput,
                    format!("{}: larger than 8 MB, passed over", entry.display()),
                ));
            } else if metadata.is_file() && !is_index(&entry) {
                match fs::read(&entry) {
                    Ok(bytes) if looks_like_mail(&bytes) => {
                        give(&entry, &mail_folder, &metadata, &bytes, &mut each);
                    }
                    Ok(_) => {}
                    Err(error) => unreadable.push(Failure::reading(&entry, &error)),
                }
            }
        }
        open.extend(below.into_iter().rev());
    }
    Ok(unreadable)
}

fn sorted_entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    entries.sort_unstable();
    Ok(entries)
}

/// The mail folder of a folder of files: `Sent` of `.Sent/cur`, or what its name says.
fn mail_folder(folder: &Path) -> String {
    let name = |path: &Path| {
        path.file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let base = name(folder);
    if base == "cur" || base == "new" {
        let parent = folder.parent().map(name).unwrap_or_default();
        return match parent.strip_prefix('.') {
            Some(inner) if !inner.is_empty() => inner.to_owned(),
            _ => "INBOX".to_owned(),
        };
    }
    if base.to_lowercase().contains("sent") {
        "Sent".to_owned()
    } else {
        "INBOX".to_owned()
    }
}

/// Files that mail servers keep beside the messages.
fn is_index(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    ["dovecot", ".DS_Store", "subscriptions", "maildirfolder"]
        .iter()
        .any(|start| name.starts_with(start))
}

/// Whether a file starts with headers, one of which mail has.
fn looks_like_mail(bytes: &[u8]) -> bool {
    let head = bytes.get(..bytes.len().min(HEAD)).unwrap_or_default();
    let mut lines = head.split(|byte| *byte == b'\n').peekable();
    if head.starts_with(b"From ") {
        lines.next();
    }
    let is_header = |line: &&[u8]| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let name = name.trim_ascii_end();
        name.len() < line.len() && !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
    };
    lines.peek().is_some_and(is_header)
        && lines.any(|line| {
            ["from:", "date:", "subject:", "received:"]
                .iter()
                .any(|name| {
                    line.get(..name.len())
                        .is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
                })
        })
}

fn give(
    path: &Path,
    folder: &str,
    metadata: &Metadata,
    bytes: &[u8],
    each: &mut impl FnMut(&Message<'_>),
) {
    each(&Message {
        path: &path.to_string_lossy(),
        folder,
        file_name: &path.file_name().unwrap_or_default().to_string_lossy(),
        modified_at: Some(metadata.mtime()),
        bytes,
    });
}

/// An mbox, or a message.
fn single(
    path: &Path,
    metadata: &Metadata,
    each: &mut impl FnMut(&Message<'_>),
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::reading(path, &error);
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(failed)?);
    if file.fill_buf().map_err(failed)?.starts_with(b"From ") {
        return mbox(path, &mut file, each).map_err(failed);
    }
    let mut bytes = Vec::new();
    file.take(MESSAGE_MAX)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if looks_like_mail(&bytes) {
        give(path, "file", metadata, &bytes, each);
    }
    Ok(())
}

/// Whether a line parts two messages of an mbox: it ends in a year, as the time of delivery does.
fn parts_messages(line: &[u8]) -> bool {
    line.starts_with(b"From ")
        && line
            .windows(4)
            .any(|digits| digits.iter().all(u8::is_ascii_digit))
}

fn mbox(
    path: &Path,
    file: &mut impl BufRead,
    each: &mut impl FnMut(&Message<'_>),
) -> io::Result<()> {
    let shown = path.to_string_lossy();
    let (mut message, mut number) = (Vec::new(), 0_usize);
    let mut give = |message: &mut Vec<u8>| {
        if !message.trim_ascii().is_empty() {
            number += 1;
            each(&Message {
                path: &format!("{shown}#{number}"),
                folder: "mbox",
                file_name: "",
                modified_at: None,
                bytes: message,
            });
        }
        message.clear();
    };
    let mut line = Vec::new();
    loop {
        line.clear();
        // A line without an end must not fill the memory.
        let length = file
            .by_ref()
            .take(MESSAGE_MAX)
            .read_until(b'\n', &mut line)?;
        if length == 0 {
            give(&mut message);
            return Ok(());
        }
        if parts_messages(&line) {
            // The line end before belongs to what parts them.
            if message.ends_with(b"\n") {
                message.pop();
            }
            give(&mut message);
        } else if message.len() as u64 <= MESSAGE_MAX {
            let marks = line.iter().take_while(|byte| **byte == b'>').count();
            let is_escaped = marks > 0
                && line
                    .get(marks..)
                    .is_some_and(|rest| rest.starts_with(b"From "));
            message.extend_from_slice(line.get(usize::from(is_escaped)..).unwrap_or_default());
        }
    }
}
