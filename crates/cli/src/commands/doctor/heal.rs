//! What `doctor` says of self-heal.

use decnet_self_heal::ledger::{AttemptFilter, HealLedger};
use decnet_session_pipeline::ledger::SessionLedger;
use decnet_store::Store;

use crate::commands::findings::Findings;
use crate::config::Settings;
use crate::environment;
use crate::failure::Failure;
use crate::heal::{ENGAGEMENT, reads_engagement};

/// Attempts that are looked at for failures.
const LOOKED_AT: u64 = 20;

/// Whether decoys are nudged, and what stands against it.
pub(super) fn engine(
    store: &mut Store,
    settings: &Settings,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let now = environment::now();
    let fleet = store.fleet(now, now)?;
    if let Some(since) = fleet.paused_since {
        findings.warning(
            "heal",
            format!(
                "everything is paused since {}",
                since.format("%Y-%m-%d %H:%M:%SZ")
            ),
            "`decnet heal resume` ends that",
        );
    }
    let paused = store.paused()?.len();
    if paused > 0 {
        findings.warning(
            "heal",
            format!("{paused} decoys are paused"),
            "`decnet heal resume DECKY` ends that",
        );
    }
    if let Some(since) = fleet.circuit_open_since {
        findings.warning(
            "heal",
            format!(
                "the fleet's circuit is open since {}: nothing is done",
                since.format("%Y-%m-%d %H:%M:%SZ")
            ),
            "`decnet heal tick --dry-run` shows which decoys are stale; look whether their logs are read",
        );
    }
    if reads_engagement(settings) && store.runs(ENGAGEMENT, 1)?.is_empty() {
        findings.warning(
            "heal",
            "the logs of decoys were never read: nobody is known to be inside",
            "start `decnet sessions run`, or call `decnet sessions tick` before `decnet heal tick`",
        );
    }
    let attempts = store.attempts(&AttemptFilter {
        limit: LOOKED_AT,
        ..AttemptFilter::default()
    })?;
    let failed = attempts
        .iter()
        .filter(|attempt| attempt.status.name() == "failed")
        .count();
    if failed > 0 && failed * 2 >= attempts.len() {
        findings.warning(
            "heal",
            format!("{failed} of the last {} actions failed", attempts.len()),
            "`decnet heal history --status failed` says why",
        );
    }
    if attempts.is_empty() && !reads_engagement(settings) {
        findings.good(
            "heal",
            "no logs of decoys are read: only what is old is nudged",
        );
    } else {
        let last = attempts.first().map_or_else(
            || "nothing was done yet".to_owned(),
            |attempt| {
                let at = attempt.started_at.format("%Y-%m-%d %H:%M:%SZ");
                format!("the last action began {at}")
            },
        );
        findings.good("heal", last);
    }
    Ok(())
}
