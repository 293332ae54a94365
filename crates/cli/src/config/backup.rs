//! Settings of backups.

use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use decnet_background::backup::{Backups, KEEP};
use decnet_background::schedule::Nightly;
use serde::Deserialize;

use super::{Setting, Source};
use crate::failure::Failure;

/// Where backups go, and when.
#[derive(Clone, Debug)]
pub(crate) struct BackupSettings {
    /// Whether the worker makes one each night. Default true.
    pub(crate) enabled: Setting<bool>,
    /// Their folder. Default `backups` in the state folder.
    pub(crate) folder: Setting<PathBuf>,
    /// How many are kept, at least 1. Default 14.
    pub(crate) keep: Setting<usize>,
    /// Local hour from which the nightly one is due, 0 to 23. Default 3.
    pub(crate) hour: Setting<u32>,
}

/// `[backup]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct BackupTable {
    enabled: Option<bool>,
    folder: Option<PathBuf>,
    keep: Option<usize>,
    hour: Option<u32>,
}

impl BackupSettings {
    pub(super) fn load(
        table: BackupTable,
        state_dir: &Path,
        from_file: &Source<'_>,
    ) -> Result<Self, Failure> {
        let folder = table.folder.map(|path| from_file.below(&path));
        let keep = from_file.or(table.keep, KEEP);
        if keep.value == 0 {
            let what = "0 would keep none; to make none, `enabled = false`";
            return Err(from_file.wrong("backup.keep", what));
        }
        let hour = from_file.or(table.hour, Nightly::default().hour);
        if hour.value > 23 {
            let what = format!("{} is no hour from 0 to 23", hour.value);
            return Err(from_file.wrong("backup.hour", &what));
        }
        Ok(Self {
            enabled: from_file.or(table.enabled, true),
            folder: from_file.or(folder, state_dir.join("backups")),
            keep,
            hour,
        })
    }

    /// The folder with its backups.
    pub(crate) fn backups(&self) -> Backups {
        Backups {
            folder: self.folder.value.clone(),
            keep: self.keep.value,
        }
    }

    /// When the nightly one is due.
    pub(crate) fn nightly(&self) -> Nightly {
        Nightly {
            hour: self.hour.value,
            ..Nightly::default()
        }
    }

    /// Name, value and origin of each setting, for people to read.
    pub(super) fn lines(&self) -> Vec<(&'static str, String, String)> {
        let line = |name, value: String, origin: &super::Origin| (name, value, origin.to_string());
        let folder = self.folder.value.display().to_string();
        vec![
            line(
                "backup.enabled",
                self.enabled.value.to_string(),
                &self.enabled.origin,
            ),
            line("backup.folder", folder, &self.folder.origin),
            line(
                "backup.keep",
                self.keep.value.to_string(),
                &self.keep.origin,
            ),
            line(
                "backup.hour",
                self.hour.value.to_string(),
                &self.hour.origin,
            ),
        ]
    }
}

/// Age from which the newest backup is too old, when one is made each night.
pub(crate) const OLD: TimeDelta = TimeDelta::hours(48);
