//! `decnet heal metrics import`

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use chrono::TimeDelta;
use decnet_self_heal::import::{ImportError, Points};
use decnet_self_heal::ledger::{HealLedger, Intake};
use decnet_self_heal::point::Point;
use decnet_store::Store;
use serde_json::json;

use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::output::{say, say_json, warn};
use crate::wiring::open_store;

/// Points of one commit.
const BATCH: usize = 10_000;
/// Bad lines that are named one by one.
const MOST_NAMED: u64 = 5;

/// What an import came to.
#[derive(Debug, Default)]
struct Imported {
    points: u64,
    targets: BTreeSet<String>,
    bad_lines: u64,
    first: Vec<String>,
}

/// Takes in the points of a file.
pub(crate) fn run(flags: &Flags, file: &Path, json: bool) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let imported = if file == Path::new("-") {
        import(&mut store, io::stdin().lock(), file)?
    } else {
        let opened = File::open(file).map_err(|error| unreadable(file, &error))?;
        import(&mut store, BufReader::with_capacity(1 << 16, opened), file)?
    };
    for bad in &imported.first {
        warn(&format!("{}: {bad}; left out", file.display()));
    }
    if json {
        say_json(&json!({
            "points": imported.points,
            "targets": imported.targets.len(),
            "bad_lines": imported.bad_lines,
        }));
    } else {
        say(&format!(
            "{} points of {} targets taken in",
            imported.points,
            imported.targets.len()
        ));
    }
    if imported.bad_lines > 0 {
        return Err(Failure::new(
            Kind::BadInput,
            format!(
                "{}: {} no point; correct them and import the file again",
                file.display(),
                match imported.bad_lines {
                    1 => "1 line holds".to_owned(),
                    lines => format!("{lines} lines hold"),
                }
            ),
        ));
    }
    Ok(())
}

fn import(store: &mut Store, reader: impl BufRead, file: &Path) -> Result<Imported, Failure> {
    let broken = |error: ImportError| match error {
        ImportError::Io(error) => unreadable(file, &error),
        other => Failure::new(Kind::BadInput, format!("{}: {other}", file.display())),
    };
    let mut imported = Imported::default();
    let mut batch: Vec<(String, Point)> = Vec::new();
    // Other clocks may be ahead of this one, but not by days.
    let latest = environment::now() + TimeDelta::days(1);
    for point in Points::of(reader).map_err(broken)?.not_after(latest) {
        match point {
            Ok(point) => batch.push(point),
            Err(error) if error.is_of_one_line() => {
                imported.bad_lines += 1;
                if imported.bad_lines <= MOST_NAMED {
                    imported.first.push(error.to_string());
                }
            }
            Err(error) => return Err(broken(error)),
        }
        if batch.len() >= BATCH {
            take_in(store, &mut batch, &mut imported)?;
        }
    }
    take_in(store, &mut batch, &mut imported)?;
    Ok(imported)
}

fn take_in(
    store: &mut Store,
    batch: &mut Vec<(String, Point)>,
    imported: &mut Imported,
) -> Result<(), Failure> {
    let points: Vec<(&str, Point)> = batch
        .iter()
        .map(|(target, point)| (target.as_str(), *point))
        .collect();
    store.take_in(&Intake {
        points: &points,
        ..Intake::default()
    })?;
    imported.points += points.len() as u64;
    for (target, _) in batch.drain(..) {
        if !imported.targets.contains(&target) {
            imported.targets.insert(target);
        }
    }
    Ok(())
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    let kind = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => Kind::NoInput,
        _ => Kind::BadInput,
    };
    Failure::new(kind, format!("cannot read {}: {error}", file.display()))
}
