//! `decnet db`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use decnet_background::backup::{BackupFacts, Copying, read_facts};
use decnet_store::{Store, check_backup, restore as put_back};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::backing_up::{bytes, copy_to, facts_json, facts_line, take};
use crate::commands::world::{progress_bar, spinner};
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::output::{one_line, say, say_json};
use crate::wiring::{make_private_dir, open_store, run_with_sockets};

/// Copies the database, and proves the copy.
pub(crate) fn backup(flags: &Flags, file: Option<&Path>, json: bool) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let mut store = open_store(&settings, false)?;
    let started = Instant::now();
    let mut bar = ProgressBar::hidden();
    let mut on_copy = |copying: Copying| {
        if bar.length() != Some(copying.total) {
            bar = progress_bar(copying.total);
        }
        bar.set_position(copying.done);
    };
    let done = match file {
        Some(file) => copy_to(&mut store, &settings, file, &mut on_copy)
            .map(|facts| (file.to_owned(), facts, Vec::new())),
        None => take(&mut store, &settings, &mut on_copy)
            .map(|taken| (taken.file.path, taken.facts, taken.pruned)),
    };
    bar.finish_and_clear();
    let (path, facts, pruned) = match done {
        Ok(done) => done,
        Err(failure) => {
            deliver_alerts(&mut store, &settings);
            return Err(failure);
        }
    };
    let took = started.elapsed();
    if json {
        let mut value = facts_json(&path, &facts);
        add(&mut value, "took_ms", json!(millis(took)));
        add(&mut value, "proven", json!(true));
        add(&mut value, "pruned", json!(pruned));
        say_json(&value);
        return Ok(());
    }
    say(&format!(
        "{}: {}; in {:.1} s, proven to restore",
        shown(&path),
        facts_line(&facts),
        took.as_secs_f64()
    ));
    match pruned.as_slice() {
        [] => {}
        [one] => say(&format!("removed {}, the oldest", shown(one))),
        several => say(&format!("removed the {} oldest", several.len())),
    }
    Ok(())
}

/// Has somebody told of a failure, as far as that works. It is told here anyway.
fn deliver_alerts(store: &mut Store, settings: &Settings) {
    let delivered = run_with_sockets(crate::alerting::deliver(store, settings));
    if let Err(failure) = delivered {
        tracing::warn!(%failure, "alerts wait");
    }
}

/// Puts a backup into the place of the database.
pub(crate) fn restore(flags: &Flags, file: &Path, json: bool) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    is_file(file)?;
    make_private_dir(&settings.state_dir.value)?;
    let database = settings.database();
    if is_same(file, &database) {
        let what = format!("{} is the database itself", file.display());
        return Err(Failure::new(Kind::Usage, what));
    }
    let bar = spinner("checking the backup");
    let restored = put_back(&database, file, environment::now());
    bar.finish_and_clear();
    let restored = restored?;
    if json {
        let mut value = facts_json(&database, &restored.facts);
        add(&mut value, "backup", json!(file));
        add(&mut value, "compared", json!(restored.compared));
        add(&mut value, "kept", json!(restored.kept));
        say_json(&value);
        return Ok(());
    }
    say(&format!(
        "{} is restored: {}",
        shown(&database),
        facts_line(&restored.facts)
    ));
    if !restored.compared {
        say(NO_FACTS);
    }
    if let Some(kept) = &restored.kept {
        say(&format!("what it replaced is {}", shown(kept)));
    }
    Ok(())
}

/// A path that drives no terminal.
fn shown(path: &Path) -> String {
    one_line(&path.display().to_string())
}

const NO_FACTS: &str = "no facts lie beside it, so only its structure was checked";

/// Checks a backup, or the database and its newest backup.
pub(crate) fn check(flags: &Flags, file: Option<&Path>, json: bool) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    match file {
        Some(file) if !is_same(file, &settings.database()) => check_file(file, json),
        // Others may be writing to it.
        _ => check_all(&settings, json),
    }
}

fn check_file(file: &Path, json: bool) -> Result<(), Failure> {
    let checked = checked(file)?;
    if json {
        say_json(&checked.to_json());
    } else {
        say(&checked.to_line());
    }
    Ok(())
}

fn check_all(settings: &Settings, json: bool) -> Result<(), Failure> {
    let mut store = open_store(settings, false)?;
    let database = settings.database();
    let bar = spinner("checking the database");
    let problems = store.integrity_problems();
    bar.finish_and_clear();
    let problems = problems?;
    if let Some(first) = problems.first() {
        let count = problems.len();
        let what = format!(
            "{}: its check found {count} problems, the first: {first}; restore a backup",
            database.display()
        );
        return Err(Failure::new(Kind::BadInput, what));
    }
    let usage = store.usage()?;
    if !json {
        say(&format!(
            "{}: whole, {}, {} mails, schema {}",
            shown(&database),
            bytes(usage.bytes),
            usage.mails,
            usage.schema_version
        ));
    }
    let newest = settings.backup.backups().list()?.pop();
    let newest = newest.map(|newest| checked(&newest.path)).transpose()?;
    if json {
        say_json(&json!({
            "database": { "file": database, "usage": usage, "problems": [] },
            "newest_backup": newest.as_ref().map(Checked::to_json),
        }));
    } else {
        say(&match &newest {
            Some(newest) => newest.to_line(),
            None => format!(
                "there is no backup in {}",
                shown(&settings.backup.folder.value)
            ),
        });
    }
    Ok(())
}

/// A backup that is good.
struct Checked {
    file: PathBuf,
    facts: BackupFacts,
    /// Whether there was something to compare it with.
    compared: bool,
}

impl Checked {
    fn to_json(&self) -> Value {
        let mut value = facts_json(&self.file, &self.facts);
        add(&mut value, "compared", json!(self.compared));
        value
    }

    fn to_line(&self) -> String {
        let file = shown(&self.file);
        let facts = facts_line(&self.facts);
        match self.compared {
            true => format!("{file}: good, {facts}; as it was made"),
            false => format!("{file}: {facts}; {NO_FACTS}"),
        }
    }
}

/// Checks a backup.
fn checked(file: &Path) -> Result<Checked, Failure> {
    is_file(file)?;
    let bar = spinner("checking the backup");
    let found = read_facts(file).and_then(|facts| {
        let found = check_backup(file, facts.as_ref())?;
        Ok((found, facts.is_some()))
    });
    bar.finish_and_clear();
    let (facts, compared) = found.map_err(|failure| {
        let what = format!("{} is no good: {failure}", file.display());
        Failure::new(Kind::BadInput, what)
    })?;
    Ok(Checked {
        file: file.to_owned(),
        facts,
        compared,
    })
}

/// Brings the database up to date.
pub(crate) fn migrate(flags: &Flags, json: bool) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let mut store = open_store(&settings, false)?;
    let (from, to) = (store.migrated_from(), store.usage()?.schema_version);
    let copy = from.map(|from| {
        let name = format!("before-migration-{from:04}.db");
        settings.backup.folder.value.join(name)
    });
    if json {
        say_json(&json!({ "from": from.unwrap_or(to), "to": to, "copy": copy }));
        return Ok(());
    }
    match (from, copy) {
        (Some(from), Some(copy)) => say(&format!(
            "migrated from schema {from} to {to}; as it was before, it is {}",
            shown(&copy)
        )),
        _ => say(&format!("up to date: schema {to}")),
    }
    Ok(())
}

/// Whether there is such a file.
fn is_file(file: &Path) -> Result<(), Failure> {
    match fs::metadata(file) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => {
            let what = format!("{} is no file", file.display());
            Err(Failure::new(Kind::BadInput, what))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let what = format!("there is no {}", file.display());
            Err(Failure::new(Kind::NoInput, what))
        }
        Err(error) => Err(Failure::reading(file, &error)),
    }
}

/// Whether two paths lead to the same file.
fn is_same(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

fn add(value: &mut Value, name: &str, of: Value) {
    if let Value::Object(map) = value {
        map.insert(name.to_owned(), of);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
