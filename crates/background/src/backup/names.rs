//! Names of backups. They sort by time, those of one second by their numbers.

use chrono::{DateTime, NaiveDateTime, Utc};

const PREFIX: &str = "decnet-";
const SUFFIX: &str = ".db";
const TIME: &str = "%Y%m%dT%H%M%SZ";
/// Most backups of one second.
const MOST_PER_SECOND: u32 = 99;

/// What is put behind the name of a backup for its facts.
pub(super) const FACTS: &str = ".json";
/// What is put behind the name of one that failed its drill.
pub(super) const FAILED: &str = ".failed";
/// What is put behind a name while its file is being written.
pub(super) const PARTIAL: &str = ".partial";
/// The file that whoever makes a backup in the folder holds a lock on.
pub(super) const LOCK: &str = ".backup.lock";

/// A moment as it stands in the names of backups: `20260306T160000Z`.
pub fn stamp(at: DateTime<Utc>) -> String {
    at.format(TIME).to_string()
}

/// The name of a backup of this moment, the first that `is_free`. `None` if a second has too many.
pub(super) fn name(at: DateTime<Utc>, is_free: impl Fn(&str) -> bool) -> Option<String> {
    let stamp = stamp(at);
    // A point sorts before an underscore, so the first of a second comes first.
    let numbered =
        (2..=MOST_PER_SECOND).map(|number| format!("{PREFIX}{stamp}_{number:02}{SUFFIX}"));
    let mut names = std::iter::once(format!("{PREFIX}{stamp}{SUFFIX}")).chain(numbered);
    names.find(|name| is_free(name))
}

/// When a backup of this name was taken; `None` for what is no name of a backup.
pub(super) fn taken_at(name: &str) -> Option<DateTime<Utc>> {
    let stem = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let (stamp, number) = match stem.split_once('_') {
        Some((stamp, number)) => (stamp, Some(number)),
        None => (stem, None),
    };
    if number.is_some_and(|of| of.len() != 2 || !of.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let at = NaiveDateTime::parse_from_str(stamp, TIME).ok()?.and_utc();
    // What the parser takes but this program never writes is somebody else's.
    (self::stamp(at) == stamp).then_some(at)
}

/// Whether it is a file of a run that did not come to its end.
pub(super) fn is_leftover(name: &str) -> bool {
    name.ends_with(PARTIAL)
        && (name.starts_with(PREFIX) || name.starts_with(super::files::COPY_PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_time_and_are_read_again() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let first = at("2026-03-06T16:00:00Z");
        let mut taken: Vec<String> = Vec::new();
        for moment in [first, first, first, at("2026-03-06T16:00:01.5Z")] {
            let free = |name: &str| !taken.iter().any(|of| of == name);
            let name = name(moment, free).unwrap();
            assert_eq!(taken_at(&name).unwrap().timestamp(), moment.timestamp());
            taken.push(name);
        }
        assert_eq!(taken[0], "decnet-20260306T160000Z.db");
        assert_eq!(taken[2], "decnet-20260306T160000Z_03.db");
        assert!(taken.is_sorted(), "{taken:?}");
        assert_eq!(name(first, |_| false), None);
    }

    #[test]
    fn names_of_others_are_none() {
        for name in [
            "decnet.db",
            "decnet-20260306T160000Z.db.json",
            "decnet-20260306T160000Z.db.failed",
            "decnet-20260306T160000Z.db.partial",
            "decnet-20260306T160000Z_1.db",
            "decnet-20260306T160000Z_+1.db",
            "decnet-2026306T160000Z.db",
            "decnet-20261306T160000Z.db",
            "decnet-20260306T160000Z-old.db",
            "my-decnet-20260306T160000Z.db",
            "decnet-.db",
            "",
        ] {
            assert_eq!(taken_at(name), None, "{name}");
        }
    }
}
