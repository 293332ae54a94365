//! Names that come from outside (logins, addresses, paths) or go to the disk (Maildir file names).

use std::path::{Component, Path, PathBuf};

use crate::action::{MailFlags, MailLocation};
use crate::driver::DriverError;

use super::site::Site;

/// `NAME_MAX` of every Linux file system that matters.
pub(super) const LONGEST_NAME: usize = 255;
/// `PATH_MAX` without its NUL.
const LONGEST_PATH: usize = 4095;
/// Leaves room for sizes, flags and what a mail server appends later.
const LONGEST_UNIQUE_NAME: usize = 180;

/// The Maildir of a mailbox, relative to the root.
pub(super) fn maildir(site: &Site<'_>, mailbox: &MailLocation) -> Result<PathBuf, DriverError> {
    let template = site.folders.maildir.as_str();
    let mut expanded = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        expanded.push_str(&rest[..at]);
        let end = rest[at..].find('}').map(|end| at + end + 1);
        let placeholder = end.map_or("", |end| &rest[at..end]);
        let halves = || mailbox.address.rsplit_once('@');
        let (what, value) = match placeholder {
            "{login}" => ("login", Some(mailbox.login.as_str())),
            "{address}" => ("address", Some(mailbox.address.as_str())),
            "{local}" => ("address", halves().map(|(local, _)| local)),
            "{domain}" => ("address", halves().map(|(_, domain)| domain)),
            _ => return Err(site.invalid("maildir", template, "it has an unknown placeholder")),
        };
        let Some(value) = value else {
            return Err(site.invalid("address", &mailbox.address, "it has no @"));
        };
        check_name(value).map_err(|reason| site.invalid(what, value, reason))?;
        expanded.push_str(value);
        rest = &rest[placeholder.len() + at..];
    }
    expanded.push_str(rest);
    below_root(Path::new(&expanded)).map_err(|refusal| match refusal {
        Refusal::Outside => site.outside(Path::new(&expanded)),
        Refusal::Unusable(reason) => site.invalid("maildir", &expanded, reason),
    })
}

/// A path of the decky, relative to its root.
pub(super) fn file_path(site: &Site<'_>, path: &Path) -> Result<PathBuf, DriverError> {
    let checked = if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        Err(Refusal::Unusable("it names a folder"))
    } else {
        below_root(path)
    };
    checked.map_err(|refusal| match refusal {
        Refusal::Outside => site.outside(path),
        Refusal::Unusable(reason) => site.invalid("path", &path.to_string_lossy(), reason),
    })
}

/// The unique name of a message, checked.
pub(super) fn unique_name<'m>(
    site: &Site<'_>,
    location: &'m MailLocation,
) -> Result<&'m str, DriverError> {
    let name = location.unique_name.as_str();
    let reason = if let Err(reason) = check_name(name) {
        reason
    } else if name.starts_with('.') {
        "it would be a hidden file"
    } else if name.contains([',', ':']) {
        "it has a comma or a colon"
    } else if name.len() > LONGEST_UNIQUE_NAME {
        "it is longer than 180 bytes"
    } else {
        return Ok(name);
    };
    Err(site.invalid("unique_name", name, reason))
}

/// Whether a file of `new/` or `cur/` is the message with this unique name.
pub(super) fn is_message(file_name: &[u8], unique_name: &str) -> bool {
    file_name
        .strip_prefix(unique_name.as_bytes())
        .is_some_and(|rest| matches!(rest.first(), None | Some(b',' | b':')))
}

/// The name of a message in `new/`: Dovecot takes its size (`S`) and its size with CRLF line ends
/// (`W`) from here rather than from the file, so both must be exact.
pub(super) fn message_name(unique_name: &str, bytes: usize, line_feeds: usize) -> String {
    format!("{unique_name},S={bytes},W={}", bytes + line_feeds)
}

/// The flags as `cur/` writes them, sorted.
pub(super) fn flag_letters(flags: MailFlags) -> &'static str {
    match (flags.draft, flags.answered, flags.seen) {
        (false, false, false) => "",
        (false, false, true) => "S",
        (false, true, false) => "R",
        (false, true, true) => "RS",
        (true, false, false) => "D",
        (true, false, true) => "DS",
        (true, true, false) => "DR",
        (true, true, true) => "DRS",
    }
}

/// `file_name` with flags added. Flags and keywords that others have set stay.
pub(super) fn with_flags(file_name: &[u8], add: MailFlags) -> Vec<u8> {
    let colon = file_name.iter().position(|&byte| byte == b':');
    let (base, info) = file_name.split_at(colon.unwrap_or(file_name.len()));
    // Info of any other kind than ":2," was never specified; it carries no flags.
    let mut letters = info.strip_prefix(b":2,").unwrap_or_default().to_vec();
    letters.extend_from_slice(flag_letters(add).as_bytes());
    letters.sort_unstable();
    letters.dedup();
    [base, b":2,", &letters].concat()
}

/// The name of a try's file in `tmp/`.
pub(super) fn tmp_name(unique_name: &str, attempt: u32) -> String {
    match attempt {
        1 => unique_name.to_owned(),
        _ => format!("{unique_name}.{attempt}"),
    }
}

/// The attempt whose file in `tmp/` this is; 0 for the [fence](super::batch).
pub(super) fn attempt_of(file_name: &[u8], unique_name: &str) -> Option<u32> {
    let rest = file_name.strip_prefix(unique_name.as_bytes())?;
    if rest.is_empty() {
        return Some(1);
    }
    let digits = std::str::from_utf8(rest.strip_prefix(b".")?).ok()?;
    digits.parse().ok()
}

enum Refusal {
    Outside,
    Unusable(&'static str),
}

fn below_root(path: &Path) -> Result<PathBuf, Refusal> {
    let bytes = path.as_os_str().as_encoded_bytes();
    if bytes.contains(&0) {
        return Err(Refusal::Unusable("it has a NUL"));
    }
    if bytes.len() > LONGEST_PATH {
        return Err(Refusal::Unusable("it is longer than 4095 bytes"));
    }
    let mut below = PathBuf::with_capacity(bytes.len());
    for component in path.components() {
        match component {
            Component::Normal(name) if name.len() > LONGEST_NAME => {
                return Err(Refusal::Unusable("a part is longer than 255 bytes"));
            }
            Component::Normal(name) => below.push(name),
            // The decky's own idea of an absolute path.
            Component::RootDir | Component::CurDir => {}
            Component::ParentDir | Component::Prefix(_) => return Err(Refusal::Outside),
        }
    }
    if below.as_os_str().is_empty() {
        return Err(Refusal::Unusable("it is empty"));
    }
    Ok(below)
}

/// Refuses what could not be one part of a path, and what would break a listing.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("it is empty")
    } else if name == "." || name == ".." {
        Err("it is a relative folder")
    } else if name.contains('/') {
        Err("it has a slash")
    } else if name.chars().any(char::is_control) {
        Err("it has a control character")
    } else if name.len() > LONGEST_NAME {
        Err("it is longer than 255 bytes")
    } else {
        Ok(())
    }
}
