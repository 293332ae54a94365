//! Arguments of `decnet heal`.

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::{ModelArguments, parse_pause, parse_time};

#[derive(Debug, Subcommand)]
pub(crate) enum HealCommand {
    /// Judge every decoy once, and do what is to be done
    #[command(
        after_help = "Examples:\n  decnet heal tick\n  decnet heal tick --dry-run --json | jq 'group_by(.reason) | map({(.[0].reason // \"act\"): length})'\n  decnet heal tick --now 2026-03-06T10:00 --dry-run"
    )]
    Tick(HealTickArguments),
    /// Do so again and again until stopped
    #[command(after_help = "Examples:\n  decnet heal run\n  decnet heal run --interval 2m")]
    Run {
        /// Pause between ticks
        #[arg(long, value_name = "PAUSE", value_parser = parse_pause)]
        interval: Option<Duration>,
        #[command(flatten)]
        model: ModelArguments,
    },
    /// Say why something is or is not done to a decoy now
    #[command(
        after_help = "Examples:\n  decnet heal explain mail01\n  decnet heal explain mail01 --now 2026-03-06T10:00 --json"
    )]
    Explain {
        /// The decoy, or any name that points were imported for
        target: String,
        /// Judge as of this moment [default: now]
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        now: Option<DateTime<Utc>>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List what was done, the last first
    #[command(
        after_help = "Examples:\n  decnet heal history\n  decnet heal history --target mail01 --status failed\n  decnet heal history --limit 0 --json"
    )]
    History(HealHistoryArguments),
    /// Leave a decoy alone, or all of them
    #[command(after_help = "Examples:\n  decnet heal pause\n  decnet heal pause mail01")]
    Pause {
        /// Only this decoy [default: everything]
        target: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// End a pause
    #[command(after_help = "Examples:\n  decnet heal resume\n  decnet heal resume mail01")]
    Resume {
        /// Only this decoy [default: the pause of everything]
        target: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Points of how much decoys are looked at and used
    #[command(subcommand)]
    Metrics(MetricsCommand),
}

#[derive(Debug, Args)]
pub(crate) struct HealTickArguments {
    /// Say what would be done, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The moment of the tick [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) now: Option<DateTime<Utc>>,
    /// Everything random about its mail follows from this [default: drawn]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Print JSON: one object for each target
    #[arg(long)]
    pub(crate) json: bool,
    /// Print nothing unless something goes wrong, for cron
    #[arg(short, long, conflicts_with = "json")]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) model: ModelArguments,
}

#[derive(Debug, Args)]
pub(crate) struct HealHistoryArguments {
    /// Only what was done to this decoy
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
    /// Only this outcome
    #[arg(long, value_parser = ["running", "success", "failed"])]
    pub(crate) status: Option<String>,
    /// At most this many; 0 for all
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum MetricsCommand {
    /// Take in points from a file: JSON lines or CSV with target, ts, impressions, engagements
    #[command(
        after_help = "Counts are totals since counting began. A point of the same target and moment replaces the earlier one.\n\nExamples:\n  decnet heal metrics import points.csv\n  exporter --since 2h | decnet heal metrics import -"
    )]
    Import {
        /// The file; - reads standard input
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
