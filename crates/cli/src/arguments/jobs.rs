//! Arguments of `decnet jobs`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum JobsCommand {
    /// List jobs, the one enqueued last first
    #[command(
        after_help = "Examples:\n  decnet jobs list\n  decnet jobs list --state dead\n  decnet jobs list --kind backup.nightly --limit 0 --json"
    )]
    List(JobListArguments),
    /// Show a job with everything known of it
    #[command(after_help = "Examples:\n  decnet jobs show 12")]
    Show {
        /// Its number, as `list` prints it
        id: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Have a dead or discarded job tried again, with all its tries
    #[command(
        after_help = "Examples:\n  decnet jobs retry 12\n  decnet jobs list --state dead --limit 0 --json | jq '.[].id' | xargs -n 1 decnet jobs retry"
    )]
    Retry {
        /// Its number
        id: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give up a job that waits or is dead
    #[command(after_help = "Examples:\n  decnet jobs discard 12")]
    Discard {
        /// Its number
        id: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct JobListArguments {
    /// Only this kind, such as backup.nightly
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Only this state
    #[arg(long, value_parser = ["waiting", "running", "done", "dead", "discarded"])]
    pub(crate) state: Option<String>,
    /// At most this many; 0 for all
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
