//! What `doctor` says of session logs.

use std::path::Path;

use decnet_session_pipeline::ledger::SessionLedger;
use decnet_store::Store;

use crate::commands::findings::Findings;
use crate::config::Settings;
use crate::environment;
use crate::failure::Failure;
use crate::processors::registry;
use crate::sessions::{missing, overdue};

/// Whether the sources can be read.
pub(super) fn sources(settings: &Settings, findings: &mut Findings) {
    let sources = &settings.sessions.sources.value;
    for what in missing(sources) {
        findings.problem(
            "sessions",
            what,
            "correct [[sessions.source]], or make the folder readable",
        );
    }
    for source in sources {
        let is_absent = source.kind.is_one_file() && !Path::exists(&source.path);
        if is_absent && missing(std::slice::from_ref(source)).is_empty() {
            findings.warning(
                "sessions",
                format!(
                    "source {}: {} does not exist yet",
                    source.name,
                    source.path.display()
                ),
                "nothing is read until somebody writes it",
            );
        }
    }
}

/// Whether processors run, and what they set aside.
pub(super) fn processors(
    store: &mut Store,
    settings: &Settings,
    findings: &mut Findings,
) -> Result<(), Failure> {
    if settings.sessions.sources.value.is_empty() {
        return Ok(());
    }
    let registry = registry(settings)?;
    for late in overdue(store, &registry, environment::now())? {
        findings.warning(
            "sessions",
            format!(
                "processor {} has not run since {}",
                late.name,
                late.since.format("%Y-%m-%d %H:%M:%SZ")
            ),
            "start `decnet sessions run`, or call `decnet sessions tick` from cron",
        );
    }
    let quarantined = store.quarantined()?.len();
    if quarantined > 0 {
        findings.warning(
            "sessions",
            format!("{quarantined} logs are in quarantine"),
            "`decnet sessions quarantine list` says why",
        );
    }
    let logs: u64 = store.log_counts()?.iter().map(|(_, count)| count).sum();
    findings.good("sessions", format!("{logs} logs were read"));
    Ok(())
}
