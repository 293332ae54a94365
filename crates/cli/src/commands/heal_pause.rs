//! `decnet heal pause` and `decnet heal resume`

use chrono::{DateTime, Utc};
use decnet_emailgen::world::WorldLedger;
use decnet_self_heal::ledger::{HealLedger, KnownTarget, TargetId, View};
use decnet_store::Store;
use serde_json::json;

use crate::commands::heal_show::unknown;
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::Failure;
use crate::output::{say, say_json, shortened};
use crate::wiring::open_store;

/// Targets that are read at a time.
const PAGE: usize = 1_024;

/// Leaves a decoy alone, or all of them.
pub(crate) fn pause(flags: &Flags, target: Option<&str>, json: bool) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let now = environment::now();
    // Who mistypes a name would believe that the decoy is left alone.
    if let Some(name) = target {
        check(&mut store, name, now)?;
    }
    let is_new = store.pause(target, now)?;
    tell(target, json, true, is_new);
    Ok(())
}

/// Ends a pause.
pub(crate) fn resume(flags: &Flags, target: Option<&str>, json: bool) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let now = environment::now();
    let was_paused = store.resume(target, now)?;
    tell(target, json, false, was_paused);
    let everything = store.fleet(now, now)?.paused_since.is_some();
    if everything && target.is_some() && !json {
        say("everything else is paused still; `decnet heal resume` ends that");
    }
    Ok(())
}

/// Whether there is such a decky, or any points or attempts of it.
fn check(store: &mut Store, name: &str, now: DateTime<Utc>) -> Result<(), Failure> {
    let view = View {
        points_from: now,
        beginnings_from: now,
    };
    let mut names = store.decky_names()?;
    if names.iter().any(|decky| decky == name) || store.target(name, view)?.is_some() {
        return Ok(());
    }
    let mut after = TargetId::default();
    loop {
        let page: Vec<KnownTarget> = store.targets(after, PAGE, view)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        names.extend(page.into_iter().map(|known| known.name));
    }
    Err(unknown(name, names.iter().map(String::as_str)))
}

fn tell(target: Option<&str>, json: bool, is_paused: bool, has_changed: bool) {
    if json {
        say_json(&json!({ "target": target, "paused": is_paused, "changed": has_changed }));
        return;
    }
    let what = target.map_or_else(|| "everything".to_owned(), |name| shortened(name, 60));
    say(&match (is_paused, has_changed) {
        (true, true) => format!("{what} is paused"),
        (true, false) => format!("{what} was paused already"),
        (false, true) => format!("{what} goes on"),
        (false, false) => format!("{what} was not paused"),
    });
}
