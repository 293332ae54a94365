//! `decnet worker tick`

use std::sync::Arc;

use decnet_background::worker::WorkedOff;

use super::worker_run::TURNED_OFF;
use crate::config::{Flags, Settings};
use crate::failure::{Failure, Kind};
use crate::jobs;
use crate::output::{say, say_json, warn};
use crate::ticking::Told;
use crate::wiring::run_with_sockets;

/// Does the jobs that are due, until none is.
pub(crate) fn run(flags: &Flags, quiet: bool, json: bool) -> Result<(), Failure> {
    let settings = Arc::new(Settings::load(flags)?);
    let done = match settings.run.enabled.value {
        true => run_with_sockets(async {
            let mut told = Told::listen()?;
            tokio::select! {
                done = jobs::tick(&settings) => done,
                () = told.wait() => Err(interrupted()),
            }
        })?,
        false => WorkedOff::default(),
    };
    if json {
        say_json(&done);
    } else if !settings.run.enabled.value {
        if !quiet {
            say(TURNED_OFF);
        }
    } else if !quiet {
        say(&outcome(&done));
    }
    if done.failed > 0 || done.dead > 0 {
        warn(&format!(
            "of the jobs {} failed and {} are dead; `decnet jobs list` says why",
            done.failed, done.dead
        ));
    }
    Ok(())
}

fn interrupted() -> Failure {
    Failure::new(
        Kind::Temporary,
        "stopped; jobs in work wait until their leases run out",
    )
}

/// One line for what was done.
fn outcome(done: &WorkedOff) -> String {
    let counts = [
        (done.done, "done"),
        (done.failed, "failed and tried again later"),
        (done.dead, "failed for good"),
        (done.discarded, "given up"),
        (done.lost, "taken over by others"),
        (done.waiting, "waiting for later"),
    ];
    let told: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    match told.as_slice() {
        [] => "no jobs are due".to_owned(),
        told => format!("jobs: {}", told.join(", ")),
    }
}
