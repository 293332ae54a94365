//! What it costs to decide about decoys and to record what was done, beside SQLite and the disk.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Figures, NOW, Programs, Result, mib, output, processes, quiet, row, settle, short};

/// Attempts in the ledger that single decoys are looked at among.
const RECORDS: [u64; 3] = [10_000, 100_000, 1_000_000];
/// Decoys that are judged in one tick.
const DECOYS: [u64; 3] = [1_000, 10_000, 100_000];
/// Processes of which the median is taken.
const PROCESSES: usize = 7;

/// Measures single decoys, ticks, and ticks as processes. Everything is written below `dir`. `quick`
/// leaves out the largest of each.
pub(super) fn measure(programs: &Programs, dir: &Path, quick: bool) -> Result<()> {
    let most = if quick { 2 } else { 3 };
    fs::create_dir_all(dir)?;
    records(programs, dir, RECORDS.get(..most).unwrap_or(&RECORDS))?;
    let decoys = DECOYS.get(..most).unwrap_or(&DECOYS);
    let limit = ticks(programs, dir, decoys)?;
    if let Some(most) = decoys.last() {
        processes_of(programs, &dir.join("process"), *most, limit)?;
    }
    fs::remove_dir_all(dir)?;
    Ok(())
}

/// One decoy looked at, and one outcome recorded, in a ledger that grows.
fn records(programs: &Programs, dir: &Path, counts: &[u64]) -> Result<()> {
    let database = dir.join("records.db");
    for count in counts {
        let figures = heal_speed(programs, "records", &database, Some(*count))?;
        let figure = |name: &str| figures.of(name);
        let beside = |name: &str, (ours, limit): (&str, &str), goal: &str| {
            let (ours, limit) = (figure(ours), figure(limit));
            row(name, &short(ours), &short(limit), ours / limit, goal);
        };
        let name = format!("one decoy among {count} attempts");
        beside(&name, ("evaluate_s", "bare_look_up_s"), "<= 50 us");
        beside(
            "  of which the look-up",
            ("look_up_s", "bare_look_up_s"),
            "",
        );
        row(
            "  the slowest of a hundred",
            &short(figure("evaluate_worst_percent_s")),
            "",
            f64::NAN,
            "",
        );
        beside("  one outcome recorded", ("outcome_s", "sync_s"), "");
        beside(
            "  its mean, with checkpoints",
            ("outcome_mean_s", "sync_mean_s"),
            "",
        );
        row(
            "  its durable commits; its pages",
            &format!("{:.2}", figure("commits")),
            &format!("{:.1}", figure("pages")),
            f64::NAN,
            "<= 1",
        );
        beside("  one attempt begun", ("begin_s", "sync_s"), "");
    }
    Ok(())
}

/// All decoys judged in one process; answers with the limit of the last count, in seconds.
fn ticks(programs: &Programs, dir: &Path, counts: &[u64]) -> Result<f64> {
    let mut limit = f64::NAN;
    for count in counts {
        let database = dir.join(format!("decoys-{count}.db"));
        heal_speed(programs, "decoys", &database, Some(*count))?;
        let figures = heal_speed(programs, "tick", &database, None)?;
        limit = figures.of("bare_loop_s");
        let names = [
            (format!("tick over {count} decoys"), "tick_s", "<= 2 s"),
            ("  where all deserve something".to_owned(), "old_s", ""),
            ("  the first one".to_owned(), "first_tick_s", ""),
        ];
        for (name, figure, goal) in names {
            let ours = figures.of(figure);
            row(&name, &short(ours), &short(limit), ours / limit, goal);
        }
    }
    Ok(limit)
}

/// The same as processes, in a world of as many deckies.
fn processes_of(programs: &Programs, dir: &Path, count: u64, limit: f64) -> Result<()> {
    let (state, root) = (dir.join("state"), dir.join("root"));
    fs::create_dir_all(&state)?;
    fs::create_dir_all(&root)?;
    let database = state.join("decnet.db");
    quiet(Command::new(&programs.large_world).args([
        &*database.to_string_lossy(),
        &*root.to_string_lossy(),
        &count.to_string(),
        "all",
    ]))?;
    heal_speed(programs, "decoys", &database, Some(count))?;
    let tick = |arguments: &[&str]| {
        let program = programs.decnet.to_string_lossy();
        let state = state.to_string_lossy();
        let words = [
            &*program,
            "--state-dir",
            &*state,
            "heal",
            "tick",
            "--now",
            NOW,
        ];
        let words = words.iter().chain(arguments);
        words
            .map(|word| (*word).to_owned())
            .collect::<Vec<String>>()
    };
    let real = tick(&[]);
    // The first one remembers what it sees.
    processes(&real, 1)?;
    let rows = [
        ("  as a process", &real),
        ("  as a process, --dry-run", &tick(&["--dry-run"])),
    ];
    for (name, command) in rows {
        let measured = processes(command, PROCESSES)?;
        row(
            name,
            &short(measured.median_ms / 1e3),
            &short(limit),
            measured.median_ms / 1e3 / limit,
            "<= 2 s",
        );
        row(
            "    its memory, most",
            &mib(measured.memory_mib),
            "",
            f64::NAN,
            "",
        );
    }
    Ok(())
}

fn heal_speed(
    programs: &Programs,
    what: &str,
    database: &Path,
    count: Option<u64>,
) -> Result<Figures> {
    settle()?;
    let mut command = Command::new(&programs.heal_speed);
    command.arg(what).arg(database);
    command.args(count.map(|count| count.to_string()));
    output(&mut command)
}
