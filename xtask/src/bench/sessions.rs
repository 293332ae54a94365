//! What reading agents' sessions costs, beside a bare read of the same files from the page cache.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{
    Figures, Process, Programs, Result, World, mib, output, processes, quiet, row, settle,
};

/// Measurements of which the median is taken, each with a database of its own.
const ROUNDS: usize = 3;
/// Bytes of a session among a thousand.
const SESSION_BYTES: u64 = 1_000_000;
/// What is appended to each of them: one per cent, as the last row ends where it ends.
const APPENDED_BYTES: u64 = 5_000;
/// Looks at sessions that have not changed.
const LOOKS: usize = 7;

/// How much is read.
struct Sizes {
    sessions: u64,
    large_bytes: u64,
    unchanged: u64,
}

/// Measures reading, committing, appending and looking. Everything is written below `dir`.
pub(super) fn measure(programs: &Programs, dir: &Path, quick: bool) -> Result<()> {
    let sizes = if quick {
        Sizes {
            sessions: 200,
            large_bytes: 200_000_000,
            unchanged: 10_000,
        }
    } else {
        Sizes {
            sessions: 1_000,
            large_bytes: 1_000_000_000,
            unchanged: 100_000,
        }
    };
    many(programs, &dir.join("sessions"), sizes.sessions)?;
    one_large(programs, &dir.join("session"), sizes.large_bytes)?;
    unchanged(programs, &dir.join("unchanged"), sizes.unchanged)
}

/// A thousand sessions: at the least, by the processor alone, with a database, and grown.
fn many(programs: &Programs, dir: &Path, sessions: u64) -> Result<()> {
    let corpus = dir.join("logs");
    generate(programs, &corpus, sessions, SESSION_BYTES)?;
    let figures = in_process(programs, &corpus)?;
    let figure = |name: &str| figures.of(name);
    let (bytes, bare) = (figure("bytes"), figure("bare_s"));
    let rate = |seconds: f64| format!("{:.2} GB/s", bytes / seconds / 1e9);
    let beside_bare = |name: &str, seconds: f64, goal: &str| {
        row(name, &rate(seconds), &rate(bare), bare / seconds, goal);
    };
    let name = format!("reading {:.0} MB in {sessions} sessions", bytes / 1e6);
    beside_bare(&name, figure("extract_s"), ">= 1 GB/s");
    beside_bare(
        "  by each second of a core",
        figure("extract_processor_s"),
        "",
    );
    beside_bare("  a bare typed parse of its rows", figure("parse_s"), "");

    let worlds = (0..ROUNDS)
        .map(|round| World::new(programs, &dir.join(format!("world-{round}"))))
        .collect::<Result<Vec<World>>>()?;
    let in_each_world = || -> Result<Vec<Process>> {
        let ticks = worlds.iter().map(|world| tick(programs, world, &corpus, 1));
        ticks.collect()
    };
    let cold = in_each_world()?;
    let growth = append(programs, &corpus, 1, APPENDED_BYTES)?;
    let grown = in_each_world()?;
    // Each hundredth session becomes twice as long.
    let doubling = append(programs, &corpus, 100, SESSION_BYTES)?;
    let doubled = in_each_world()?;
    let memory = [&cold, &grown, &doubled].into_iter().flatten();
    let memory = memory.fold(0.0_f64, |most, process| most.max(process.memory_mib));
    let [cold, grown, doubled] = [cold, grown, doubled].map(median_ms);
    beside_bare("  committed, as a process", cold / 1e3, ">= 0.6 GB/s");
    row(
        "  its memory, most",
        &mib(memory),
        "",
        f64::NAN,
        "<= 64 MiB",
    );
    let beside_cold = |name: &str, ms: f64, goal: &str| {
        row(
            name,
            &format!("{ms:.0} ms"),
            &format!("{cold:.0} ms"),
            ms / cold,
            goal,
        );
    };
    let name = format!("{:.1} % appended, to every session", growth * 100.0);
    beside_cold(&name, grown, "<= 0.03");
    let name = format!("{:.1} % appended, to one in a hundred", doubling * 100.0);
    beside_cold(&name, doubled, "<= 0.03");
    fs::remove_dir_all(dir)?;
    Ok(())
}

/// One session that is as large as all of them.
fn one_large(programs: &Programs, dir: &Path, bytes: u64) -> Result<()> {
    let corpus = dir.join("logs");
    generate(programs, &corpus, 1, bytes)?;
    let mut runs = Vec::new();
    for round in 0..ROUNDS {
        let world = World::new(programs, &dir.join(format!("world-{round}")))?;
        runs.push(tick(programs, &world, &corpus, 1)?);
    }
    let memory = runs
        .iter()
        .fold(0.0_f64, |most, run| most.max(run.memory_mib));
    let seconds = median_ms(runs) / 1e3;
    let rate = format!("{:.2} GB/s", bytes as f64 / seconds / 1e9);
    let name = format!("one session of {:.0} MB, committed", bytes as f64 / 1e6);
    row(&name, &rate, "", f64::NAN, "");
    row(
        "  its memory, most",
        &mib(memory),
        "",
        f64::NAN,
        "<= 64 MiB",
    );
    fs::remove_dir_all(dir)?;
    Ok(())
}

/// Many sessions that have not changed since they were read.
fn unchanged(programs: &Programs, dir: &Path, sessions: u64) -> Result<()> {
    let corpus = dir.join("logs");
    // One row is enough: they are only looked at.
    generate(programs, &corpus, sessions, 1)?;
    let world = World::new(programs, &dir.join("world"))?;
    let first = tick(programs, &world, &corpus, 1)?;
    let again = tick(programs, &world, &corpus, LOOKS)?;
    let figures = output(
        Command::new(&programs.session_speed)
            .arg("walk")
            .arg(&corpus),
    )?;
    let walk = figures.of("walk_s") * 1e3;
    row(
        &format!("looking at {sessions} unchanged sessions"),
        &format!("{:.0} ms", again.median_ms),
        &format!("{walk:.0} ms"),
        again.median_ms / walk,
        "<= 500 ms",
    );
    row(
        "  its memory, most",
        &mib(again.memory_mib),
        "",
        f64::NAN,
        "<= 64 MiB",
    );
    row(
        "  memory of the run that read them",
        &mib(first.memory_mib),
        "",
        f64::NAN,
        "<= 64 MiB",
    );
    fs::remove_dir_all(dir)?;
    Ok(())
}

/// `decnet sessions tick`, durable, so many times.
fn tick(programs: &Programs, world: &World, corpus: &Path, runs: usize) -> Result<Process> {
    settle()?;
    let command = [
        &*programs.decnet.to_string_lossy(),
        "--config",
        &*world.durable.to_string_lossy(),
        "sessions",
        "tick",
        "--processor",
        "usage",
        "--json",
        "--dir",
        &*corpus.to_string_lossy(),
    ]
    .map(str::to_owned);
    processes(&command, runs)
}

fn generate(programs: &Programs, corpus: &Path, files: u64, bytes: u64) -> Result<()> {
    quiet(
        Command::new(&programs.session_speed)
            .arg("generate")
            .arg(corpus)
            .args(["--files", &files.to_string(), "--bytes", &bytes.to_string()]),
    )?;
    settle()
}

/// Appends to each `every`-th session; answers with how much longer all of them are for it.
fn append(programs: &Programs, corpus: &Path, every: u64, bytes: u64) -> Result<f64> {
    let figures = output(
        Command::new(&programs.session_speed)
            .arg("append")
            .arg(corpus)
            .args(["--every", &every.to_string(), "--bytes", &bytes.to_string()]),
    )?;
    let figure = |name: &str| figures.of(name);
    Ok(figure("appended") / figure("bytes_before"))
}

fn in_process(programs: &Programs, corpus: &Path) -> Result<Figures> {
    settle()?;
    output(
        Command::new(&programs.session_speed)
            .arg("measure")
            .arg(corpus)
            .args(["--rounds", "7"]),
    )
}

fn median_ms(mut runs: Vec<Process>) -> f64 {
    runs.sort_by(|a, b| a.median_ms.total_cmp(&b.median_ms));
    runs.get(runs.len() / 2)
        .map_or(f64::NAN, |run| run.median_ms)
}
