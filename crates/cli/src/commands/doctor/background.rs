//! What the doctor says of backups, jobs and `decnet run`.

use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_background::backup::read_facts;
use decnet_store::Backlog;

use crate::backing_up::bytes;
use crate::commands::findings::Findings;
use crate::config::{OLD, Settings};
use crate::environment;
use crate::failure::Failure;
use crate::health::{self, Condition, Health};
use crate::remembering::{REMEMBER, SCORE};
use crate::wiring::is_private;

/// How long a job may be due until it is late: a worker looks every few seconds.
pub(super) const LATE: TimeDelta = TimeDelta::hours(1);

/// The folder of backups, the newest one, and the last drill.
pub(super) fn backups(settings: &Settings, findings: &mut Findings) -> Result<(), Failure> {
    let folder = &settings.backup.folder.value;
    if let Ok(false) = is_private(folder) {
        findings.problem(
            "backups",
            format!("{} can be read by others", folder.display()),
            "chmod 700 it: each holds what the database does",
        );
    }
    let now = environment::now();
    let newest = match settings.backup.backups().list() {
        Ok(mut files) => files.pop(),
        Err(error) => {
            findings.problem("backups", error.to_string(), "correct backup.folder");
            return Ok(());
        }
    };
    let advice = match settings.backup.enabled.value {
        true => "`decnet db backup` makes one now; `decnet run` and `decnet worker run` each night",
        false => {
            "`decnet db backup` makes one; backup.enabled is false, so none is made each night"
        }
    };
    let failed = set_aside(folder);
    if let Some(name) = &failed {
        findings.warning(
            "backups",
            format!("{name} failed its drill, and was set aside"),
            "look at the disk; remove the file when you have",
        );
    }
    let Some(newest) = newest else {
        if is_older(&settings.database(), now) {
            findings.warning(
                "backups",
                format!("there is none in {}", folder.display()),
                advice,
            );
        } else {
            findings.good("backups", format!("none yet in {}", folder.display()));
        }
        return Ok(());
    };
    let name = newest.path.display();
    let age = now - newest.taken_at;
    let size = fs::metadata(&newest.path).map_or(0, |metadata| metadata.len());
    match read_facts(&newest.path) {
        Ok(Some(facts)) if facts.bytes == size => {}
        Ok(Some(facts)) => findings.problem(
            "backups",
            format!("{name} has {size} bytes instead of {}", facts.bytes),
            "`decnet db check` tells more; make another one",
        ),
        Ok(None) => findings.warning(
            "backups",
            format!("{name} has lost the facts that it is compared with"),
            "`decnet db backup` makes another one",
        ),
        Err(failure) => findings.warning(
            "backups",
            failure.to_string(),
            "`decnet db backup` makes another one",
        ),
    }
    let told = format!(
        "{name} of {} ago, {}, has passed its drill",
        ago(age),
        bytes(size)
    );
    match age > OLD {
        true => findings.warning("backups", format!("the newest is old: {told}"), advice),
        false => findings.good("backups", told),
    }
    Ok(())
}

/// A backup in this folder that failed its drill.
fn set_aside(folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?;
    let mut names = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".failed"));
    names.next()
}

/// Whether a file was made so long ago that there should be a backup of it.
fn is_older(file: &Path, now: DateTime<Utc>) -> bool {
    let made = fs::metadata(file).and_then(|metadata| metadata.created());
    made.is_ok_and(|made| now - DateTime::<Utc>::from(made) > OLD)
}

/// Jobs that failed for good, and those that nobody does; but for those of memories, which have
/// [findings of their own](super::memory).
pub(super) fn jobs(backlog: &[Backlog], findings: &mut Findings) {
    let of_memory = |kind: &str| kind == REMEMBER || kind == SCORE;
    let others = || backlog.iter().filter(|of| !of_memory(&of.kind));
    for Backlog { kind, dead, .. } in others().filter(|of| of.dead > 0) {
        findings.warning(
            "jobs",
            format!("{dead} of kind {kind} failed for good"),
            "`decnet jobs list --state dead` says why; then retry or discard them",
        );
    }
    let open: u64 = others().map(|of| of.open).sum();
    let now = environment::now();
    match others().filter_map(|of| of.due_since).min() {
        Some(due) if now - due > LATE => findings.warning(
            "jobs",
            format!("{open} wait, and one has been due for {}", ago(now - due)),
            "start `decnet run` or `decnet worker run`, or have cron call `decnet worker tick`",
        ),
        _ => findings.good(
            "jobs",
            format!("{open} waiting or in work, beside those of memories"),
        ),
    }
}

/// How `decnet run` is doing, if it runs or should.
pub(super) fn running(settings: &Settings, findings: &mut Findings) {
    let path = health::path(&settings.state_dir.value);
    match health::read(&path) {
        Ok(None) => {}
        Ok(Some(health)) => judge(&health, findings),
        Err(failure) => findings.warning("run", failure.message, "remove it, and start again"),
    }
}

fn judge(health: &Health, findings: &mut Findings) {
    let now = environment::now();
    let pid = health.pid;
    let since = ago(now - health.started_at);
    match health.condition(now, health.exists()) {
        Condition::Dead => {
            let last = ago(now - health.written_at);
            findings.problem(
                "run",
                format!("process {pid} was killed or broke off; last heard of {last} ago"),
                "start `decnet run` again: it goes on with what was under way",
            );
            return;
        }
        Condition::Silent(seconds) => findings.problem(
            "run",
            format!("process {pid} has said nothing for {seconds} s: it hangs or is stopped"),
            "look at what it waits for, and start it again",
        ),
        Condition::Well if health.is_stopping => {
            findings.good("run", format!("process {pid} is stopping"));
        }
        Condition::Well => {
            let parts: Vec<&str> = health.parts.iter().map(|part| part.name.as_str()).collect();
            let parts = parts.join(", ");
            findings.good("run", format!("process {pid} since {since}: {parts}"));
        }
    }
    for part in &health.parts {
        if let Some(failure) = &part.failure {
            findings.warning(
                format!("run {}", part.name),
                format!("its last tick failed: {failure}"),
                "it is tried again; its log tells more",
            );
        }
    }
}

/// A span as people say it.
pub(super) fn ago(span: TimeDelta) -> String {
    match span.num_seconds().max(0) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}
