//! Settings of what goes on in the background: the worker, and `decnet run`.

use std::time::Duration;

use chrono::TimeDelta;
use clap::ValueEnum;
use decnet_background::retry::RetryPolicy;
use decnet_background::worker::WorkerSettings;
use serde::{Deserialize, Serialize};

use super::{Flags, Origin, Setting, Source};
use crate::failure::Failure;

/// What `decnet run` keeps going.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Part {
    /// Mail between personas, as `emailgen run`
    Mail,
    /// Logs of intruders and agents, as `sessions run`
    Sessions,
    /// Nudges for decoys, as `heal run`
    Heal,
    /// Jobs and nightly backups, as `worker run`
    Worker,
}

impl Part {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Mail, Self::Sessions, Self::Heal, Self::Worker];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sessions => "sessions",
            Self::Heal => "heal",
            Self::Worker => "worker",
        }
    }
}

/// What goes on in the background.
#[derive(Clone, Debug)]
pub(crate) struct RunSettings {
    /// Parts that `decnet run` leaves out. Default none.
    pub(crate) without: Setting<Vec<Part>>,
    /// Whether jobs are enqueued and done at all. Default true.
    pub(crate) enabled: Setting<bool>,
    /// How long a job is held without a sign of life. Default 1 minute.
    pub(crate) lease: Setting<Duration>,
    /// Tries before a job is dead. Default 12.
    pub(crate) tries: Setting<u32>,
    /// Wait after a job failed first, twice as long each time. Default 10 s.
    pub(crate) retry_first: Setting<Duration>,
    /// Longest such wait. Default 1 h.
    pub(crate) retry_longest: Setting<Duration>,
    /// Age at which jobs that are over are forgotten. Default 30 days.
    pub(crate) keep_jobs: Setting<Duration>,
}

/// `[run]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RunTable {
    without: Option<Vec<String>>,
}

/// `[worker]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WorkerTable {
    enabled: Option<bool>,
    lease: Option<String>,
    tries: Option<u32>,
    retry_first: Option<String>,
    retry_longest: Option<String>,
    keep_jobs: Option<String>,
}

impl RunSettings {
    pub(super) fn load(
        flags: &Flags,
        run: RunTable,
        worker: WorkerTable,
        from_file: &Source<'_>,
    ) -> Result<Self, Failure> {
        let without = if flags.without.is_empty() {
            let parts = run.without.map(|names| parts(&names, from_file));
            from_file.or(parts.transpose()?, Vec::new())
        } else {
            Setting {
                value: flags.without.clone(),
                origin: Origin::Flag("--without"),
            }
        };
        let usual = RetryPolicy::default();
        let span = |usual: TimeDelta| usual.to_std().unwrap_or_default();
        let tries = from_file.or(worker.tries, usual.most_tries);
        if tries.value == 0 {
            return Err(from_file.wrong("worker.tries", "0 tries are none; at least 1"));
        }
        Ok(Self {
            without,
            enabled: from_file.or(worker.enabled, true),
            lease: from_file.duration(
                "worker.lease",
                worker.lease,
                WorkerSettings::default().lease,
            )?,
            tries,
            retry_first: from_file.duration(
                "worker.retry_first",
                worker.retry_first,
                span(usual.first),
            )?,
            retry_longest: from_file.duration(
                "worker.retry_longest",
                worker.retry_longest,
                span(usual.longest),
            )?,
            keep_jobs: from_file.duration(
                "worker.keep_jobs",
                worker.keep_jobs,
                Duration::from_secs(30 * 86_400),
            )?,
        })
    }

    /// How the worker works.
    pub(crate) fn worker(&self) -> WorkerSettings {
        let span = |of: &Setting<Duration>| TimeDelta::from_std(of.value).unwrap_or(TimeDelta::MAX);
        WorkerSettings {
            lease: self.lease.value,
            retry: RetryPolicy {
                first: span(&self.retry_first),
                longest: span(&self.retry_longest),
                most_tries: self.tries.value,
            },
            ..WorkerSettings::default()
        }
    }

    /// Name, value and origin of each setting, for people to read.
    pub(super) fn lines(&self) -> Vec<(&'static str, String, String)> {
        let line = |name, value: String, origin: &Origin| (name, value, origin.to_string());
        let span = |of: &Setting<Duration>| humantime::format_duration(of.value).to_string();
        let without: Vec<&str> = self.without.value.iter().map(|part| part.name()).collect();
        let without = match without.is_empty() {
            true => "nothing".to_owned(),
            false => without.join(", "),
        };
        vec![
            line("run.without", without, &self.without.origin),
            line(
                "worker.enabled",
                self.enabled.value.to_string(),
                &self.enabled.origin,
            ),
            line("worker.lease", span(&self.lease), &self.lease.origin),
            line(
                "worker.tries",
                self.tries.value.to_string(),
                &self.tries.origin,
            ),
            line(
                "worker.retry_first",
                span(&self.retry_first),
                &self.retry_first.origin,
            ),
            line(
                "worker.retry_longest",
                span(&self.retry_longest),
                &self.retry_longest.origin,
            ),
            line(
                "worker.keep_jobs",
                span(&self.keep_jobs),
                &self.keep_jobs.origin,
            ),
        ]
    }
}

fn parts(names: &[String], from_file: &Source<'_>) -> Result<Vec<Part>, Failure> {
    let of_name = |name: &String| {
        let part = Part::ALL.into_iter().find(|part| part.name() == name);
        part.ok_or_else(|| {
            let known = Part::ALL.map(Part::name).join(", ");
            let what = format!("there is no part {name:?}; there are {known}");
            from_file.wrong("run.without", &what)
        })
    };
    names.iter().map(of_name).collect()
}
