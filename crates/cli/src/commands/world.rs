//! `decnet world`

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

use decnet_activity_driver::decky::Transport;
use decnet_emailgen::memory_ledger::MemoryLedger;
use decnet_emailgen::world::{ApplyError, World, WorldDiff, WorldLedger};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;

use crate::commands::personas::unknown_mail_client;
use crate::config::{Flags, Settings};
use crate::failure::{Failure, Kind};
use crate::output::{bold, one_line, say, say_json, shortened, table, warn};
use crate::wiring::{Session, root_around};
use crate::world_file;

/// Entries of each kind that a person is shown by name.
const SHOWN: usize = 20;

/// Applies a world file.
pub(crate) fn apply(flags: &Flags, file: &Path, dry_run: bool, json: bool) -> Result<(), Failure> {
    let world = world_file::read(file)?;
    for warning in &world.warnings {
        warn(warning);
    }
    let in_file = |error: ApplyError| {
        let is_of_the_file = matches!(error, ApplyError::World(_));
        let mut failure = Failure::from(error);
        if is_of_the_file {
            failure.message = format!("{}: {}", file.display(), failure.message);
        }
        failure
    };
    let settings = Settings::load(flags)?;
    let roots = world.change.deckies.iter().map(|spec| {
        let Transport::Local(folders) = &spec.decky.transport;
        (spec.decky.name.as_str(), folders.root.as_path())
    });
    if let Some(failure) = root_around(&settings, roots) {
        return Err(failure);
    }
    if dry_run && !settings.database().exists() {
        let mut empty = MemoryLedger::new();
        let diff = empty
            .apply(&world.change, dry_run, &mut |_| {})
            .map_err(in_file)?;
        show_diff(&diff, dry_run, json);
        return Ok(());
    }
    let personas = world.change.topologies.iter();
    for warning in personas
        .flat_map(|topology| &topology.personas)
        .filter_map(unknown_mail_client)
    {
        warn(&warning);
    }
    let mut session = Session::open(settings, !dry_run)?;
    let entries = world.change.topologies.len() + world.change.deckies.len();
    let bar = progress_bar(entries as u64);
    let diff = session
        .store
        .apply(&world.change, dry_run, &mut |done| bar.set_position(done))
        .map_err(in_file)?;
    bar.finish_and_clear();
    if !dry_run {
        session.sync_pool()?;
    }
    show_diff(&diff, dry_run, json);
    Ok(())
}

fn show_diff(diff: &WorldDiff, dry_run: bool, json: bool) {
    if json {
        say_json(&json!({ "dry_run": dry_run, "diff": diff }));
    } else {
        say(&described(diff, dry_run));
    }
}

/// Shows the world.
pub(crate) fn show(flags: &Flags, json: bool) -> Result<(), Failure> {
    let mut session = Session::open(Settings::load(flags)?, false)?;
    session.sync_pool()?;
    let world = session.store.world()?;
    if json {
        say_json(&world);
    } else {
        say(&overview(&world));
    }
    Ok(())
}

/// Takes deckies and topologies out of the world.
pub(crate) fn remove(
    flags: &Flags,
    deckies: &[String],
    topologies: &[String],
    domains: &[String],
    json: bool,
) -> Result<(), Failure> {
    let mut session = Session::open(Settings::load(flags)?, false)?;
    let world = session.store.world()?;
    let known = |name: &String| {
        world.deckies.iter().any(|view| view.decky.name == *name) && deckies.contains(name)
            || world
                .lists
                .iter()
                .any(|list| list.topology.as_ref() == Some(name))
                && topologies.contains(name)
            || world.domains.contains(name) && domains.contains(name)
    };
    if let Some(unknown) = deckies
        .iter()
        .chain(topologies)
        .chain(domains)
        .find(|name| !known(name))
    {
        return Err(Failure::new(
            Kind::BadInput,
            format!(
                "nothing in the world is called {unknown:?}; `decnet world show` has the names"
            ),
        ));
    }
    let mut removed = session.store.remove_deckies(deckies)?;
    removed.extend(session.store.remove_topologies(topologies)?);
    removed.extend(session.store.remove_domains(domains)?);
    if json {
        say_json(&json!({ "removed": removed }));
    } else {
        say(&format!("removed {}", removed.join(", ")));
    }
    Ok(())
}

/// A progress bar on terminals, nothing elsewhere, and nothing for what is done at once.
pub(crate) fn progress_bar(length: u64) -> ProgressBar {
    if length < 50 || !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}") {
        bar.set_style(style);
    }
    bar
}

/// A sign of life on a terminal, nothing elsewhere.
pub(crate) fn spinner(what: &str) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::new_spinner().with_message(what.to_owned());
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

fn described(diff: &WorldDiff, dry_run: bool) -> String {
    let mut lines = Vec::new();
    for (sign, entries) in [
        ("+", &diff.added),
        ("~", &diff.changed),
        ("-", &diff.removed),
    ] {
        for entry in entries.iter().take(SHOWN) {
            lines.push(format!("{sign} {}", one_line(entry)));
        }
        if entries.len() > SHOWN {
            lines.push(format!("{sign} and {} more", entries.len() - SHOWN));
        }
    }
    let verb = if dry_run { "would be " } else { "" };
    lines.push(format!(
        "{} {verb}added, {} {verb}changed, {} {verb}removed, {} unchanged",
        diff.added.len(),
        diff.changed.len(),
        diff.removed.len(),
        diff.unchanged
    ));
    lines.join("\n")
}

fn overview(world: &World) -> String {
    let mut parts = Vec::new();
    let domains = if world.domains.is_empty() {
        "none; only reserved ones are used".to_owned()
    } else {
        world.domains.join(", ")
    };
    parts.push(format!("{} {domains}", bold("declared domains")));
    let rows: Vec<Vec<String>> = world
        .deckies
        .iter()
        .map(|view| {
            let Transport::Local(folders) = &view.decky.transport;
            vec![
                view.decky.name.clone(),
                view.topology.clone().unwrap_or_else(|| "(pool)".to_owned()),
                if view.running { "running" } else { "stopped" }.to_owned(),
                view.decky.services.join(","),
                view.messages.to_string(),
                shortened(&folders.root.display().to_string(), 50),
                view.refusing
                    .as_deref()
                    .map(|error| shortened(error, 60))
                    .unwrap_or_default(),
            ]
        })
        .collect();
    parts.push(table(
        &[
            "decky",
            "people",
            "state",
            "services",
            "messages",
            "root",
            "refuses mail",
        ],
        &rows,
    ));
    for list in &world.lists {
        let name = list.topology.as_deref().unwrap_or("(pool)");
        let rows: Vec<Vec<String>> = list
            .personas
            .iter()
            .map(|view| {
                vec![
                    shortened(&view.persona.name, 30),
                    view.persona.email.as_str().to_owned(),
                    view.persona.language_or(&list.language_default).to_owned(),
                    view.mailbox_on.clone().unwrap_or_else(|| "-".to_owned()),
                    view.login.clone().unwrap_or_else(|| "-".to_owned()),
                    match (&view.problem, view.available) {
                        (Some(problem), _) => shortened(problem, 80),
                        (None, true) => "yes".to_owned(),
                        (None, false) => "no".to_owned(),
                    },
                ]
            })
            .collect();
        if !rows.is_empty() {
            parts.push(format!(
                "{}\n{}",
                bold(&format!("people of {name}")),
                table(
                    &["name", "address", "language", "decky", "login", "mail"],
                    &rows
                )
            ));
        }
    }
    parts.join("\n\n")
}
