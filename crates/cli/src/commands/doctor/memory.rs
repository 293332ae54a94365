//! What the doctor says of memories.

use decnet_memory::ledger::MemoryLedger;
use decnet_store::{Backlog, Store};

use super::background::{LATE, ago};
use crate::commands::findings::Findings;
use crate::config::Settings;
use crate::environment;
use crate::failure::Failure;
use crate::memory_scorer::{NO_MODEL, lacks_model};
use crate::remembering::{REMEMBER, SCORE};

/// Entries behind the newest snapshot from which on a rebuild takes more than a moment: about a
/// second on a small machine.
const MANY: i64 = 50_000;

/// Mail that nobody remembers, memories that nobody scores, and a log without a snapshot. Nothing
/// here takes longer the more is remembered.
pub(super) fn memories(
    settings: &Settings,
    store: &mut Store,
    backlog: &[Backlog],
    findings: &mut Findings,
) -> Result<(), Failure> {
    if lacks_model(settings) {
        let what = NO_MODEL.to_owned();
        findings.warning(
            "memory",
            what,
            "set [llm] or DECNET_REALISM_LLM, or memory.scorer",
        );
    }
    let of = |kind: &str| backlog.iter().find(|of| of.kind == kind);
    let (remembering, scoring) = (of(REMEMBER), of(SCORE));
    let dead = |of: Option<&Backlog>| of.map_or(0, |of| of.dead);
    let unwritten = dead(remembering);
    if unwritten > 0 {
        findings.warning(
            "memory",
            format!("{unwritten} mails are not remembered: their jobs failed for good"),
            "`decnet jobs list --kind memory.remember --state dead` says why; then retry or discard them",
        );
    }
    let unscored = dead(scoring);
    if unscored > 0 {
        findings.warning(
            "memory",
            format!("{unscored} memories are not scored: their jobs failed for good"),
            "`decnet jobs list --kind memory.score --state dead` says why; then retry or discard them",
        );
    }
    let open = |of: Option<&Backlog>| of.map_or(0, |of| of.open);
    let (mails, scores) = (open(remembering), open(scoring));
    let due = [remembering, scoring].into_iter().flatten();
    let now = environment::now();
    let waiting = format!("{mails} mails wait to be remembered, {scores} memories for their score");
    match due.filter_map(|of| of.due_since).min() {
        Some(due) if now - due > LATE => findings.warning(
            "memory",
            format!("{waiting}, and one has been due for {}", ago(now - due)),
            "start `decnet run` or `decnet worker run`, or have cron call `decnet worker tick`; if one does, `decnet jobs list --kind memory.score` says what it waits for",
        ),
        Some(_) => findings.good("memory", waiting),
        None => {}
    }
    let newest = store.snapshots()?.into_iter().next();
    let last = newest.as_ref().map_or(0, |newest| newest.last_entry);
    // Numbers leave no gap, so one look says whether there are as many.
    if !store.log(last.saturating_add(MANY), 1)?.is_empty() {
        findings.warning(
            "memory",
            format!("more than {MANY} entries of the log are in no snapshot: a rebuild takes long"),
            "`decnet db snapshot` takes one now; `decnet run` and `decnet worker run` from time to time",
        );
        return Ok(());
    }
    match newest {
        Some(newest) => {
            let (memories, age) = (newest.memories, ago(now - newest.taken_at));
            let what = format!("the newest snapshot has {memories} memories, of {age} ago");
            findings.good("memory", what);
        }
        None if store.log(0, 1)?.is_empty() => {
            findings.good("memory", "nothing is remembered yet");
        }
        None => findings.good("memory", "no snapshot yet, and none needed"),
    }
    Ok(())
}
