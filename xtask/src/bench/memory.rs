//! What it costs to remember, beside SQLite and the disk.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Figures, Programs, Result, output, row, settle, short};

/// Memories that are recalled among.
const MEMORIES: [u64; 3] = [10_000, 100_000, 1_000_000];
/// Entries of a log that everything is made anew from.
const ENTRIES: [u64; 2] = [100_000, 1_000_000];

/// Measures recalling, writing and rebuilding. Everything is written below `dir`. `quick` leaves out
/// the largest of each.
pub(super) fn measure(programs: &Programs, dir: &Path, quick: bool) -> Result<()> {
    fs::create_dir_all(dir)?;
    let all_but = usize::from(quick);
    for count in &MEMORIES[..MEMORIES.len() - all_but] {
        recall(programs, &dir.join("recall.db"), *count)?;
    }
    for count in &ENTRIES[..ENTRIES.len() - all_but] {
        rebuild(programs, &dir.join("rebuild.db"), *count)?;
    }
    fs::remove_dir_all(dir)?;
    Ok(())
}

fn recall(programs: &Programs, database: &Path, count: u64) -> Result<()> {
    let figures = memory_speed(programs, "recall", database, count)?;
    let recall = format!("recall among {count} memories");
    for (name, ours, limit, goal) in [
        (
            &*recall,
            "recall_median_s",
            "bare_look_up_median_s",
            "<= 1 ms",
        ),
        (
            "  the slowest of a hundred",
            "recall_99_s",
            "bare_look_up_99_s",
            "",
        ),
        (
            "  the slowest of all",
            "recall_most_s",
            "bare_look_up_most_s",
            "",
        ),
        ("  one written", "write_alone_s", "sync_s", ""),
        ("  one scored", "score_alone_s", "sync_s", ""),
        (
            "  one more in a commit that there is",
            "write_each_s",
            "",
            "",
        ),
    ] {
        let (ours, limit) = (figures.of(ours), figures.of(limit));
        row(name, &short(ours), &short(limit), ours / limit, goal);
    }
    Ok(())
}

fn rebuild(programs: &Programs, database: &Path, count: u64) -> Result<()> {
    let figures = memory_speed(programs, "rebuild", database, count)?;
    let rebuild = format!("rebuild of {count} entries");
    let limit = figures.of("bare_rebuild_s");
    for (name, ours, goal) in [
        (&*rebuild, "rebuild_s", "<= 5 s for 1,000,000"),
        ("  the fastest of five", "rebuild_best_s", ""),
        ("  from a snapshot", "rebuild_from_snapshot_s", ""),
        ("  taking a snapshot", "snapshot_s", ""),
    ] {
        let ours = figures.of(ours);
        row(name, &short(ours), &short(limit), ours / limit, goal);
    }
    Ok(())
}

fn memory_speed(programs: &Programs, what: &str, database: &Path, count: u64) -> Result<Figures> {
    settle()?;
    let mut command = Command::new(&programs.memory_speed);
    output(command.arg(what).arg(database).arg(count.to_string()))
}
