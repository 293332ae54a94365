//! One run of one processor, and what follows from it: notices become alerts.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_alert::alert::{Alert, AlertError, AlertKind, Severity};
use decnet_session_pipeline::ledger::{RunReport, SessionLedger};
use decnet_session_pipeline::record::{Notice, RecordId};
use decnet_session_pipeline::registry::{ProcessorRegistry, RegistryError};
use decnet_session_pipeline::runner::{Ran, Run, RunSettings, Step};
use decnet_session_pipeline::source::{Source, SourceKind};
use decnet_store::Store;

use crate::alerting;
use crate::config::Settings;
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::wiring::open_store;

const FIRST_LOGIN: AlertKind = AlertKind::constant("first-login");
const QUARANTINE: AlertKind = AlertKind::constant("quarantine");
const OVERDUE: AlertKind = AlertKind::constant("processor-overdue");

/// Notices that are passed on at once.
const NOTICES_AT_ONCE: usize = 200;

/// What became of a processor's run.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It ended.
    Ran(RunReport),
    /// Another run of this processor goes on.
    Held(Option<(String, DateTime<Utc>)>),
    /// It cannot be made now.
    Unavailable(String),
    /// The storage failed; what was committed before stays.
    Failed(Failure),
}

/// Runs one processor once over `sources`.
pub(crate) fn run_processor(
    settings: &Settings,
    registry: &ProcessorRegistry,
    sources: &[Source],
    name: &str,
    started_by: &str,
    stop: &AtomicBool,
    on_step: &mut dyn FnMut(Step),
) -> Result<Ended, Failure> {
    let processor = match registry.build(name) {
        Ok(processor) => processor,
        Err(RegistryError::Unavailable { why, .. }) => return Ok(Ended::Unavailable(why)),
        Err(error) => return Err(error.into()),
    };
    let mut store = open_store(settings, false)?;
    let sessions = &settings.sessions;
    let run_settings = RunSettings {
        cap: usize::try_from(sessions.cap.value).unwrap_or(usize::MAX),
        budget: sessions.budget.value,
        log_budget: sessions.log_budget.value,
        most_failures: sessions.tries.value,
        ..RunSettings::new(started_by)
    };
    let started = Instant::now();
    let run = Run {
        processor: &*processor,
        sources,
        identity: &sessions.users,
        settings: &run_settings,
        wall_clock: &environment::now,
        elapsed: &|| started.elapsed(),
        stop,
        on_step,
    };
    Ok(match run.once(&mut store)? {
        Ran::Done(report) => Ended::Ran(report),
        Ran::Held { by } => Ended::Held(by),
    })
}

/// The sources to read: those of the configuration, or one folder of agent sessions.
pub(crate) fn sources(settings: &Settings, dir: Option<&Path>) -> Result<Vec<Source>, Failure> {
    let configured = &settings.sessions.sources.value;
    let Some(dir) = dir else {
        if configured.is_empty() {
            return Err(Failure::new(
                Kind::Configuration,
                "no logs are configured; add [[sessions.source]] to the configuration, or give --dir",
            ));
        }
        return Ok(configured.clone());
    };
    let path = fs::canonicalize(dir).map_err(|error| {
        Failure::new(
            Kind::NoInput,
            format!("cannot read {}: {error}", dir.display()),
        )
    })?;
    if !path.is_dir() {
        return Err(Failure::new(
            Kind::NoInput,
            format!("{} is not a folder", dir.display()),
        ));
    }
    // The same folder stays the same source, however it is named.
    let known = configured.iter().find(|source| {
        source.kind == SourceKind::Agent
            && fs::canonicalize(&source.path).is_ok_and(|of| of == path)
    });
    Ok(vec![known.cloned().unwrap_or_else(|| Source {
        name: path.to_string_lossy().into_owned(),
        kind: SourceKind::Agent,
        path,
        decky: None,
    })])
}

/// What is wrong with sources, one line each.
pub(crate) fn missing(sources: &[Source]) -> Vec<String> {
    let problem = |source: &Source| {
        let folder = if source.kind.is_one_file() {
            if source.path.exists() && !source.path.is_file() {
                return Some(format!(
                    "source {}: {} is not a file",
                    source.name,
                    source.path.display()
                ));
            }
            // The log itself may come with its first line.
            source
                .path
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty())?
        } else {
            &source.path
        };
        match fs::metadata(folder) {
            Ok(metadata) if metadata.is_dir() => None,
            Ok(_) => Some(format!(
                "source {}: {} is not a folder",
                source.name,
                folder.display()
            )),
            Err(error) => Some(format!(
                "source {}: {}: {error}",
                source.name,
                folder.display()
            )),
        }
    };
    sources.iter().filter_map(problem).collect()
}

/// Sources that are there, but hold nothing to read.
pub(crate) fn empty(sources: &[Source]) -> Vec<String> {
    let hint = |source: &Source| {
        if !missing(std::slice::from_ref(source)).is_empty() {
            return None;
        }
        let (name, path) = (&source.name, source.path.display());
        if source.kind.is_one_file() {
            (!source.path.exists()).then(|| format!("source {name}: {path} does not exist yet"))
        } else {
            (!has_sessions(&source.path))
                .then(|| format!("source {name}: no <user>/<session>.jsonl below {path}"))
        }
    };
    sources.iter().filter_map(hint).collect()
}

/// Whether there is a session in the folder of any user.
fn has_sessions(folder: &Path) -> bool {
    let entries = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten();
    let is_session = |path: &Path| path.extension().is_some_and(|ending| ending == "jsonl");
    entries(folder).any(|user| entries(&user.path()).any(|file| is_session(&file.path())))
}

/// Makes alerts of what processors have noticed.
pub(crate) fn pass_on_notices(store: &mut Store, settings: &Settings) -> Result<(), Failure> {
    loop {
        let waiting = store.notices(NOTICES_AT_ONCE)?;
        if waiting.is_empty() {
            return Ok(());
        }
        let mut alerts = Vec::new();
        for notice in &waiting {
            match alert_of(&notice.processor, &notice.notice) {
                Ok(alert) => alerts.push(alert),
                // A key of more than 512 bytes: nothing that a later try could mend.
                Err(error) => {
                    tracing::error!(%error, notice = ?notice.notice, "a notice is no alert")
                }
            }
        }
        // Alerts first: a notice that comes again after a crash is known by its key.
        alerting::raise(store, settings, &alerts)?;
        let ids: Vec<i64> = waiting.iter().map(|notice| notice.id).collect();
        store.forget_notices(&ids)?;
    }
}

/// Raises an alert for every processor that ran once and is overdue now.
pub(crate) fn alert_overdue(
    store: &mut Store,
    settings: &Settings,
    registry: &ProcessorRegistry,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let mut alerts = Vec::new();
    for overdue in overdue(store, registry, now)? {
        let summary = format!(
            "processor {} has not run since {}",
            overdue.name, overdue.since
        );
        let key = format!("{}:{}", overdue.name, overdue.since.timestamp());
        let alert = Alert::new(OVERDUE, key, Severity::Warning, now, &summary);
        match alert {
            Ok(alert) => alerts.push(alert.with_fact("processor", overdue.name)),
            Err(error) => tracing::error!(%error, "an overdue processor is no alert"),
        }
    }
    alerting::raise(store, settings, &alerts).map(|_| ())
}

/// A processor that should have run by now.
#[derive(Clone, Debug)]
pub(crate) struct Overdue {
    pub(crate) name: String,
    /// When its last run ended.
    pub(crate) since: DateTime<Utc>,
}

/// The processors that ran once, and whose last run ended too long ago.
pub(crate) fn overdue(
    store: &mut Store,
    registry: &ProcessorRegistry,
    now: DateTime<Utc>,
) -> Result<Vec<Overdue>, Failure> {
    let mut overdue = Vec::new();
    for entry in registry.entries() {
        let runs = store.runs(&entry.name, 50)?;
        let Some(since) = runs.iter().find_map(|run| run.ended_at) else {
            continue;
        };
        let most = TimeDelta::from_std(entry.cadence.overdue_after()).unwrap_or(TimeDelta::MAX);
        let is_late = now.signed_duration_since(since) > most;
        // What cannot run is not late; to find out, it has to be made.
        if is_late && registry.build(&entry.name).is_ok() {
            overdue.push(Overdue {
                name: entry.name.clone(),
                since,
            });
        }
    }
    Ok(overdue)
}

fn alert_of(processor: &str, notice: &Notice) -> Result<Alert, AlertError> {
    let key = notice.key();
    Ok(match notice {
        Notice::FirstLogin {
            decky,
            user,
            address,
            at,
        } => {
            let summary = format!("first login on {decky}: {user} from {address}");
            let at = at.unwrap_or_else(environment::now);
            Alert::new(FIRST_LOGIN, key, Severity::Critical, at, &summary)?
                .with_decky(decky)
                .with_fact("user", user.as_str())
                .with_fact("address", address.as_str())
                .with_fact("processor", processor)
        }
        Notice::Quarantined {
            source,
            log,
            failures,
            error,
            at,
        } => {
            let summary =
                format!("{processor} set {source}/{log} aside after {failures} tries: {error}");
            // Names of files are as long as somebody likes; keys of alerts are not.
            let key = RecordId::of(&[processor, &key]).to_hex();
            Alert::new(QUARANTINE, key, Severity::Error, *at, &summary)?
                .with_fact("processor", processor)
                .with_fact("log", format!("{source}/{log}"))
                .with_fact("error", error.as_str())
        }
    })
}
