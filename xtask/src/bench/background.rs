//! What jobs and backups cost, beside SQLite and the disk.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Figures, Programs, Result, output, row, settle, short};

/// Jobs that wait while others are done.
const WAITING: [u64; 3] = [100, 10_000, 100_000];

/// Measures jobs and backups. Everything is written below `dir`. `quick` copies a smaller database.
pub(super) fn measure(programs: &Programs, dir: &Path, quick: bool) -> Result<()> {
    fs::create_dir_all(dir)?;
    jobs(programs, &dir.join("jobs"))?;
    for count in WAITING {
        waiting(programs, &dir.join("waiting.db"), count)?;
    }
    let megabytes = if quick { 128 } else { 1_024 };
    backup(programs, &dir.join("backup"), megabytes)?;
    fs::remove_dir_all(dir)?;
    Ok(())
}

fn jobs(programs: &Programs, dir: &Path) -> Result<()> {
    let figures = background_speed(programs, &["jobs", &dir.to_string_lossy()])?;
    let (ours, limit) = (figures.of("job_mean_s"), figures.of("bare_job_mean_s"));
    let rate = |rate: f64| format!("{rate:.0}/s");
    row(
        "jobs one by one, durable",
        &rate(1.0 / ours),
        &rate(1.0 / limit),
        limit / ours,
        ">= 0.8",
    );
    let (ours, limit) = (figures.of("job_s"), figures.of("bare_job_s"));
    row(
        "  one of them, median",
        &short(ours),
        &short(limit),
        ours / limit,
        "",
    );
    let ours = figures.of("batched_jobs_per_s");
    let limit = figures.of("bare_batched_jobs_per_s");
    row(
        "  in batches of 1,000",
        &rate(ours),
        &rate(limit),
        ours / limit,
        ">= 40,000/s",
    );
    Ok(())
}

/// What is done with one job among many, without waiting for the disk.
fn waiting(programs: &Programs, database: &Path, count: u64) -> Result<()> {
    let arguments = ["waiting", &database.to_string_lossy(), &count.to_string()];
    let figures = background_speed(programs, &arguments)?;
    let claim = format!("one job claimed among {count}");
    for (name, ours, limit) in [
        (&*claim, "claim_s", "bare_claim_s"),
        ("  enqueued", "enqueue_s", "bare_enqueue_s"),
        ("  settled", "settle_s", "bare_settle_s"),
    ] {
        let (ours, limit) = (figures.of(ours), figures.of(limit));
        row(name, &short(ours), &short(limit), ours / limit, "");
    }
    let each = figures.of("enqueue_each_s");
    row(
        "  one more in a commit that there is",
        &short(each),
        "",
        f64::NAN,
        "<= 50 us",
    );
    Ok(())
}

fn backup(programs: &Programs, dir: &Path, megabytes: u64) -> Result<()> {
    let arguments = ["backup", &dir.to_string_lossy(), &megabytes.to_string()];
    let figures = background_speed(programs, &arguments)?;
    let bytes = figures.of("bytes");
    let speed = |name: &str| format!("{:.0} MB/s", bytes / figures.of(name) / 1e6);
    let name = format!("backup of {:.0} MB", bytes / 1e6);
    for (name, ours, ratio, goal) in [
        (&*name, "back_up_s", "ratio", ">= 0.7"),
        (
            "  of which the copy of its pages",
            "pages_s",
            "pages_ratio",
            "",
        ),
    ] {
        let ratio = figures.of(ratio);
        row(name, &speed(ours), &speed("plain_s"), ratio, goal);
    }
    row("  its drill", &speed("drill_s"), "", f64::NAN, "");
    for (name, ours, limit, goal) in [
        (
            "  the longest commit meanwhile",
            "commit_most_s",
            "commit_alone_most_s",
            "<= 20 ms",
        ),
        (
            "    the slowest of a hundred",
            "commit_99_s",
            "commit_alone_99_s",
            "",
        ),
    ] {
        let (ours, limit) = (figures.of(ours), figures.of(limit));
        row(name, &short(ours), &short(limit), ours / limit, goal);
    }
    Ok(())
}

fn background_speed(programs: &Programs, arguments: &[&str]) -> Result<Figures> {
    settle()?;
    output(Command::new(&programs.background_speed).args(arguments))
}
