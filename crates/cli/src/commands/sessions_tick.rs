//! `decnet sessions tick`

use std::io::{self, IsTerminal};
use std::sync::atomic::AtomicBool;

use decnet_session_pipeline::runner::Step;
use decnet_session_pipeline::source::Source;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use crate::alerting;
use crate::arguments::SessionTickArguments;
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::heal::take_in_engagement;
use crate::output::{one_line, say, say_json, table, warn};
use crate::processors::registry;
use crate::sessions::{
    Ended, alert_overdue, empty, missing, pass_on_notices, run_processor, sources,
};
use crate::wiring::{open_store, run_with_sockets};

/// Smallest backlog that gets a progress bar.
const BAR_FROM: u64 = 8 << 20;

/// Runs processors once.
pub(crate) fn run(flags: &Flags, arguments: &SessionTickArguments) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let registry = registry(&settings)?;
    let sources = sources(&settings, arguments.dir.as_deref())?;
    let names: Vec<String> = match &arguments.processor {
        Some(name) => vec![registry.entry(name)?.name.clone()],
        None => registry
            .entries()
            .iter()
            .map(|entry| entry.name.clone())
            .collect(),
    };
    // Said before anything is read.
    let mut store = open_store(&settings, false)?;
    let stop = AtomicBool::new(false);
    let started_by = format!("sessions tick, process {}", std::process::id());
    let mut ended = Vec::new();
    for name in names {
        let bar = ProgressBar::hidden();
        let outcome = run_processor(
            &settings,
            &registry,
            &sources,
            &name,
            &started_by,
            &stop,
            &mut |step| advance(&bar, &name, step),
        );
        bar.finish_and_clear();
        // What stops one processor stops no other.
        ended.push((name, outcome.unwrap_or_else(Ended::Failed)));
    }
    empty(&sources).iter().for_each(|hint| warn(hint));
    pass_on_notices(&mut store, &settings)?;
    take_in_engagement(&mut store, &settings)?;
    alert_overdue(&mut store, &settings, &registry, environment::now())?;
    let delivered = run_with_sockets(alerting::deliver(&mut store, &settings))?;
    if arguments.json {
        say_json(&json!({
            "runs": ended.iter().map(|(name, ended)| as_json(name, ended)).collect::<Vec<_>>(),
            "alerts_sent": delivered.sent,
        }));
    } else {
        show(&ended);
    }
    verdict(&sources, arguments.processor.is_some(), &ended)
}

/// Moves a progress bar, which appears when there is much to read.
fn advance(bar: &ProgressBar, name: &str, step: Step) {
    match step {
        Step::Found { bytes, .. } if bytes >= BAR_FROM && io::stderr().is_terminal() => {
            bar.set_length(bytes);
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.set_message(name.to_owned());
            let template = "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
        }
        Step::Read { bytes } => bar.inc(bytes),
        Step::Found { .. } | Step::Done => {}
    }
}

/// A run as JSON.
pub(crate) fn as_json(name: &str, ended: &Ended) -> Value {
    match ended {
        Ended::Ran(report) => {
            let mut value = json!(report.counts);
            value["processor"] = json!(name);
            value["state"] = json!("done");
            value["details"] = json!(report.details);
            if let Some(why) = &report.unavailable {
                value["state"] = json!("unavailable");
                value["reason"] = json!(why);
            }
            value
        }
        Ended::Held(by) => json!({
            "processor": name,
            "state": "held",
            "reason": held_by(by.as_ref()),
        }),
        Ended::Unavailable(why) => json!({
            "processor": name,
            "state": "unavailable",
            "reason": why,
        }),
        Ended::Failed(failure) => json!({
            "processor": name,
            "state": "failed",
            "reason": failure.to_string(),
        }),
    }
}

fn held_by(by: Option<&(String, chrono::DateTime<chrono::Utc>)>) -> String {
    match by {
        Some((who, since)) => {
            format!(
                "another run goes on: {who}, since {}",
                since.format("%Y-%m-%d %H:%M:%S")
            )
        }
        None => "another run goes on".to_owned(),
    }
}

fn show(ended: &[(String, Ended)]) {
    let rows: Vec<Vec<String>> = ended
        .iter()
        .filter_map(|(name, ended)| match ended {
            Ended::Ran(report) => {
                let counts = &report.counts;
                let numbers = [
                    counts.scanned,
                    counts.processed,
                    counts.skipped,
                    counts.capped,
                    counts.errors,
                    counts.items,
                    counts.bad_lines,
                ];
                let mut row = vec![name.clone()];
                row.extend(numbers.iter().map(u64::to_string));
                row.push(format!("{:.1}", counts.bytes as f64 / 1e6));
                Some(row)
            }
            Ended::Held(_) | Ended::Unavailable(_) | Ended::Failed(_) => None,
        })
        .collect();
    if !rows.is_empty() {
        let heading = [
            "processor",
            "scanned",
            "processed",
            "skipped",
            "capped",
            "errors",
            "items",
            "bad lines",
            "MB",
        ];
        say(&table(&heading, &rows));
    }
    for (name, ended) in ended {
        // The others are the exit's to tell.
        if matches!(ended, Ended::Ran(_) | Ended::Unavailable(_)) {
            tell(name, ended);
        }
    }
}

/// What a run has to say beside its counts.
pub(crate) fn tell(name: &str, ended: &Ended) {
    match ended {
        Ended::Ran(report) => {
            for detail in &report.details {
                warn(&format!(
                    "{name}: {}: {}",
                    one_line(&detail.log),
                    one_line(&detail.what)
                ));
            }
            if let Some(why) = &report.unavailable {
                warn(&format!("{name} stopped: {why}"));
            }
        }
        Ended::Held(by) => warn(&format!("{name}: {}", held_by(by.as_ref()))),
        Ended::Unavailable(why) => say(&format!("{name} is not available: {why}")),
        Ended::Failed(failure) => warn(&format!("{name}: {failure}")),
    }
}

/// The exit code of a tick. What failed of single logs is tried again, and no failure of the tick.
fn verdict(sources: &[Source], was_named: bool, ended: &[(String, Ended)]) -> Result<(), Failure> {
    // What stops several for the same reason, such as a full disk, is said once.
    let mut reasons: Vec<(Vec<&str>, Failure)> = Vec::new();
    for (name, ended) in ended {
        let Some(failure) = failure(ended, was_named) else {
            continue;
        };
        let same = reasons
            .iter_mut()
            .find(|(_, known)| (known.kind, &known.message) == (failure.kind, &failure.message));
        match same {
            Some((names, _)) => names.push(name),
            None => reasons.push((vec![name], failure)),
        }
    }
    let named = |(names, failure): (Vec<&str>, Failure)| {
        Failure::new(
            failure.kind,
            format!("{}: {}", names.join(", "), failure.message),
        )
    };
    let mut failures: Vec<Failure> = reasons.into_iter().map(named).collect();
    let missing = missing(sources).into_iter();
    failures.extend(missing.map(|what| Failure::new(Kind::NoInput, what)));
    // The first is the exit's; the others are told all the same.
    let mut failures = failures.into_iter();
    let first = failures.next();
    failures.for_each(|failure| warn(&failure.to_string()));
    first.map_or(Ok(()), Err)
}

/// What makes the end of one processor's run a failure of the tick.
fn failure(ended: &Ended, was_named: bool) -> Option<Failure> {
    match ended {
        Ended::Failed(failure) => Some(Failure::new(failure.kind, failure.message.clone())),
        Ended::Held(by) => {
            let what = format!("{}; try again later", held_by(by.as_ref()));
            Some(Failure::new(Kind::Temporary, what))
        }
        Ended::Unavailable(why) if was_named => Some(Failure::new(Kind::Unavailable, why.as_str())),
        Ended::Ran(report) if was_named => {
            let why = report.unavailable.as_deref()?;
            Some(Failure::new(Kind::Unavailable, why))
        }
        Ended::Ran(_) | Ended::Unavailable(_) => None,
    }
}
