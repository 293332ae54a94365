//! Arguments of `decnet run` and `decnet worker`.

use clap::{Args, Subcommand};

use super::ModelArguments;
use crate::config::Part;

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Leave a part out; may be repeated
    #[arg(long, value_name = "PART", value_enum)]
    pub(crate) without: Vec<Part>,
    #[command(flatten)]
    pub(crate) model: ModelArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkerCommand {
    /// Do jobs, and back the database up each night, until SIGTERM
    #[command(
        after_help = "Examples:\n  decnet worker run\n\nOn SIGTERM or SIGINT, jobs in work have 10 seconds; then they wait for the next start."
    )]
    Run,
    /// Do the jobs that are due, and what follows from them, until none is
    #[command(
        after_help = "Jobs that fail are tried again later, and are no failure of the tick.\n\nExamples:\n  decnet worker tick\n  decnet worker tick --json\n\nFrom cron, where neither `decnet run` nor `decnet worker run` does it:\n  */5 * * * *  decnet worker tick --quiet"
    )]
    Tick {
        /// Say nothing unless something went wrong
        #[arg(long, short)]
        quiet: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
