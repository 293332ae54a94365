//! Backups of the database: made, told of when they fail, and due once a night.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use decnet_activity_driver::decky::Transport;
use decnet_alert::alert::{Alert, AlertKind, Severity};
use decnet_background::backup::{
    BackupError, BackupFacts, BackupTarget, Copying, Step, Taken, write_facts,
};
use decnet_background::handler::{JobHandler, Outcome};
use decnet_background::job::{ClaimedJob, Enqueued, JobState, NewJob};
use decnet_background::ledger::JobLedger;
use decnet_emailgen::world::WorldLedger;
use decnet_store::Store;
use serde_json::{Value, json};

use crate::alerting;
use crate::config::Settings;
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::wiring::{decky_around, open_store};

/// The alert of a night without a backup, or of a backup that is no good.
const BACKUP_FAILED: AlertKind = AlertKind::constant("backup-failed");
/// The kind of job that makes one each night.
pub(crate) const NIGHTLY: &str = "backup.nightly";
/// How long one may take.
const MOST_TIME: Duration = Duration::from_secs(6 * 3_600);
/// Most backups of a night: one that is lost is made again.
const MOST_A_NIGHT: u32 = 9;

/// Enqueues tonight's backup if it is due and not enqueued yet. Answers whether it did.
pub(crate) fn enqueue_nightly(store: &mut Store, settings: &Settings) -> Result<bool, Failure> {
    let backup = &settings.backup;
    if !backup.enabled.value {
        return Ok(false);
    }
    let now = environment::now();
    let local = now.with_timezone(&chrono::Local);
    let night = (local.naive_local() - TimeDelta::hours(i64::from(backup.hour.value))).date();
    let last = match backup.backups().last_success() {
        Ok(last) => last,
        Err(error) => {
            let failure = Failure::from(error);
            raise(
                store,
                settings,
                &night_key(&night.to_string()),
                &failure,
                now,
            );
            return Err(failure);
        }
    };
    if !backup.nightly().is_due(&local, last) {
        return Ok(false);
    }
    for number in 1..=MOST_A_NIGHT {
        let cause = match number {
            1 => night.to_string(),
            number => format!("{night}#{number}"),
        };
        let job = NewJob::new(NIGHTLY, cause, Value::Null);
        match store.enqueue(&[job], now)?.first() {
            Some(Enqueued::New(_)) => return Ok(true),
            // It was made, and is gone: somebody removed it.
            Some(Enqueued::Known(id))
                if store
                    .job(*id)?
                    .is_some_and(|job| job.state == JobState::Done) => {}
            _ => return Ok(false),
        }
    }
    Ok(false)
}

/// Makes the backup of a night.
pub(crate) struct NightlyBackup {
    settings: Arc<Settings>,
}

impl NightlyBackup {
    /// With these settings.
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self { settings }
    }
}

/// Has a backup end when the job is dropped.
struct Cancelled(Arc<AtomicBool>);

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl JobHandler for NightlyBackup {
    fn kind(&self) -> &str {
        NIGHTLY
    }

    async fn handle(&self, job: &ClaimedJob) -> Outcome {
        let settings = Arc::clone(&self.settings);
        let night = job.cause.clone();
        let cancelled = Cancelled(Arc::default());
        let heard = Arc::clone(&cancelled.0);
        // A copy keeps its thread busy.
        let work = tokio::task::spawn_blocking(move || once_a_night(&settings, &night, &heard));
        match work.await {
            Ok(Ok(())) => Outcome::done(),
            Ok(Err(failure)) => Outcome::Retry {
                why: failure.to_string(),
                after: None,
            },
            Err(error) => Outcome::Retry {
                why: error.to_string(),
                after: None,
            },
        }
    }

    fn most_time(&self) -> Duration {
        MOST_TIME
    }
}

/// Makes a backup unless somebody has made tonight's, and raises one alert if that fails, however
/// often it is tried.
fn once_a_night(settings: &Settings, night: &str, cancelled: &AtomicBool) -> Result<(), Failure> {
    let now = environment::now();
    let backup = &settings.backup;
    let mut store = open_store(settings, false)?;
    refuse_decoys(&mut store, &backup.folder.value)?;
    let local = now.with_timezone(&chrono::Local);
    let is_due = |last| backup.nightly().is_due(&local, last);
    let done = match backup.backups().last_success() {
        Ok(last) if !is_due(last) => return Ok(()),
        Ok(_) => {
            backup.backups().take(
                &mut store,
                now,
                &mut |_| match cancelled.load(Ordering::Relaxed) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                },
            )
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(taken) => {
            tell_unpruned(&taken);
            tracing::info!(file = %taken.file.path.display(), bytes = taken.facts.bytes, "backup");
            Ok(())
        }
        Err(error @ (BackupError::Cancelled | BackupError::Busy { .. })) => Err(error.into()),
        Err(error) => {
            let failure = Failure::from(error);
            raise(
                &mut store,
                settings,
                &format!("night:{night}"),
                &failure,
                now,
            );
            Err(failure)
        }
    }
}

/// Makes a backup now.
pub(crate) fn take(
    store: &mut Store,
    settings: &Settings,
    on_copy: &mut dyn FnMut(Copying),
) -> Result<Taken, Failure> {
    refuse_decoys(store, &settings.backup.folder.value)?;
    let now = environment::now();
    let taken = settings.backup.backups().take(store, now, &mut |step| {
        if let Step::Copying(copying) = step {
            on_copy(copying);
        }
        ControlFlow::Continue(())
    });
    let taken = taken.map_err(|error| told(store, settings, error, now))?;
    tell_unpruned(&taken);
    Ok(taken)
}

/// Makes a copy at a place of the caller's choice, where nothing is yet, and drills it like a backup.
pub(crate) fn copy_to(
    store: &mut Store,
    settings: &Settings,
    to: &Path,
    on_copy: &mut dyn FnMut(Copying),
) -> Result<BackupFacts, Failure> {
    refuse_decoys(store, to)?;
    let facts_file = behind(to, ".json");
    for path in [to, &facts_file] {
        if fs::symlink_metadata(path).is_ok() {
            let what = format!("{} exists; name another file", path.display());
            return Err(Failure::new(Kind::CannotCreate, what));
        }
    }
    let partial = behind(to, ".partial");
    let done = prove(store, &partial, to, on_copy);
    // After a success it is another name of the copy.
    let removed = fs::remove_file(&partial);
    let now = environment::now();
    let facts = done.map_err(|error| told(store, settings, error, now))?;
    removed
        .and_then(|()| sync_folder(to))
        .map_err(|error| Failure::writing(to, &error))?;
    Ok(facts)
}

/// Refuses a place inside a decoy: an intruder would find all that decnet knows there.
fn refuse_decoys(store: &mut Store, place: &Path) -> Result<(), Failure> {
    let world = store.world()?;
    let roots = world.deckies.iter().map(|view| {
        let Transport::Local(folders) = &view.decky.transport;
        (view.decky.name.as_str(), folders.root.as_path())
    });
    match decky_around(place, roots) {
        None => Ok(()),
        Some(decky) => Err(Failure::new(
            Kind::Configuration,
            format!(
                "{} lies inside decky {decky}, where an intruder would find a backup; choose another place",
                place.display()
            ),
        )),
    }
}

fn prove(
    store: &mut Store,
    partial: &Path,
    to: &Path,
    on_copy: &mut dyn FnMut(Copying),
) -> Result<BackupFacts, BackupError> {
    if let Err(source) = fs::remove_file(partial)
        && source.kind() != io::ErrorKind::NotFound
    {
        return Err(BackupError::Io {
            operation: "remove",
            path: partial.to_owned(),
            source,
        });
    }
    let facts = store.back_up(partial, &mut |copying| {
        on_copy(copying);
        ControlFlow::Continue(())
    })?;
    if let Err(failure) = store.drill(partial, &facts) {
        return Err(BackupError::Drill {
            failure,
            set_aside: None,
        });
    }
    write_facts(to, &facts)?;
    // Unlike a rename, a link never replaces what somebody else has put there meanwhile.
    if let Err(source) = fs::hard_link(partial, to) {
        let _ = fs::remove_file(behind(to, ".json"));
        return Err(BackupError::Io {
            operation: "make",
            path: to.to_owned(),
            source,
        });
    }
    Ok(facts)
}

/// The failure of a backup; one that is no good is an alert too.
fn told(store: &mut Store, settings: &Settings, error: BackupError, now: DateTime<Utc>) -> Failure {
    let is_alert = matches!(error, BackupError::Drill { .. });
    let failure = Failure::from(error);
    if is_alert {
        let key = format!("by-hand:{}", now.timestamp_micros());
        raise(store, settings, &key, &failure, now);
    }
    failure
}

/// The key of the alert of a night; its further backups have a number behind it.
fn night_key(cause: &str) -> String {
    let night = cause.split('#').next().unwrap_or(cause);
    format!("night:{night}")
}

/// Raises the alert. That it cannot be kept is no other failure: what went wrong is told anyway.
fn raise(store: &mut Store, settings: &Settings, key: &str, failure: &Failure, at: DateTime<Utc>) {
    let summary = format!("a backup failed: {failure}");
    let raised = Alert::new(BACKUP_FAILED, key, Severity::Error, at, &summary)
        .map_err(|error| Failure::new(Kind::BadInput, error.to_string()))
        .and_then(|alert| {
            let folder = settings.backup.folder.value.display().to_string();
            alerting::raise(store, settings, &[alert.with_fact("folder", folder)])
        });
    if let Err(failure) = raised {
        tracing::error!(%failure, "a failed backup is no alert");
    }
}

fn tell_unpruned(taken: &Taken) {
    if let Some(error) = &taken.not_pruned {
        tracing::warn!(%error, "old backups stay");
    }
}

/// What a backup holds, for programs.
pub(crate) fn facts_json(file: &Path, facts: &BackupFacts) -> Value {
    json!({
        "file": file,
        "bytes": facts.bytes,
        "sha256": facts.sha256,
        "schema_version": facts.schema_version,
        "rows": facts.rows,
    })
}

/// The same for people: `1.2 MiB, 3456 rows in 40 tables, schema 9`.
pub(crate) fn facts_line(facts: &BackupFacts) -> String {
    let rows: u64 = facts.rows.values().sum();
    format!(
        "{}, {rows} rows in {} tables, schema {}",
        bytes(facts.bytes),
        facts.rows.len(),
        facts.schema_version
    )
}

/// A number of bytes as people say it.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..1_024 => format!("{count} bytes"),
        1_024..1_048_576 => format!("{} KiB", count / 1_024),
        _ => format!("{:.1} MiB", count as f64 / 1_048_576.0),
    }
}

fn behind(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::File::open(folder)?.sync_all()
}
