//! `decnet memory rebuild` and `decnet db snapshot`

use decnet_memory::ledger::{MemoryLedger, SnapshotInfo};
use serde_json::json;

use crate::backing_up::bytes;
use crate::commands::memory::moment;
use crate::commands::world::spinner;
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::Failure;
use crate::output::{say, say_json};
use crate::wiring::open_store;

/// Makes what follows from the log anew.
pub(crate) fn rebuild(flags: &Flags, json: bool) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let bar = spinner("reading the log of memories");
    let rebuilt = store.rebuild();
    bar.finish_and_clear();
    let rebuilt = rebuilt?;
    if json {
        say_json(&rebuilt);
        return Ok(());
    }
    let memories = counted(rebuilt.memories, "memory", "memories");
    let entries = counted(rebuilt.entries, "entry", "entries");
    say(&match (rebuilt.from_snapshot, rebuilt.memories) {
        (_, 0) => "the log is empty: nothing is remembered yet".to_owned(),
        (Some(last), _) => {
            format!(
                "{memories} made anew, from the snapshot of entry {last} and {entries} behind it"
            )
        }
        (None, _) => {
            format!("{memories} made anew, from all {entries} of the log; there is no snapshot")
        }
    });
    Ok(())
}

/// Keeps what follows from the log so far.
pub(crate) fn snapshot(flags: &Flags, json: bool) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let mut store = open_store(&settings, false)?;
    if store.log(0, 1)?.is_empty() {
        match json {
            true => say_json(&json!({ "taken": false, "snapshot": null, "kept": [] })),
            false => say("nothing is remembered yet, so there is nothing to keep"),
        }
        return Ok(());
    }
    let now = environment::now();
    let bar = spinner("reading the log of memories");
    let taken = store.snapshot(now, settings.memory.snapshots_kept.value);
    bar.finish_and_clear();
    let taken = taken?;
    // The one that was there already has the time at which it was taken.
    let is_new = taken.taken_at.timestamp_micros() == now.timestamp_micros();
    let kept = store.snapshots()?;
    if json {
        say_json(&json!({ "taken": is_new, "snapshot": taken, "kept": kept }));
        return Ok(());
    }
    let what = described(&taken);
    let last = taken.last_entry;
    say(&match is_new {
        true => format!("took a snapshot of entry {last}: {what}"),
        false => {
            let since = moment(taken.taken_at);
            format!("nothing happened since the snapshot of entry {last}, taken on {since}: {what}")
        }
    });
    let kept: Vec<String> = kept
        .iter()
        .map(|info| format!("entry {} ({})", info.last_entry, moment(info.taken_at)))
        .collect();
    say(&format!("kept are {}", kept.join(", ")));
    Ok(())
}

fn described(snapshot: &SnapshotInfo) -> String {
    let memories = counted(snapshot.memories, "memory", "memories");
    format!("{memories}, {}", bytes(snapshot.bytes))
}

fn counted(count: u64, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {several}"),
    }
}
