//! Arguments of `decnet memory`.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum MemoryCommand {
    /// List memories, the one written last first
    #[command(
        after_help = "Examples:\n  decnet memory list\n  decnet memory list --owner laura.bennett@northgate.example --pinned\n  decnet memory list --least-score 2 --limit 0 --json | jq '.[].narrative'"
    )]
    List(MemoryListArguments),
    /// Show a memory with everything known of it: its score and why, its pin and why
    #[command(
        after_help = "Examples:\n  decnet memory show 12\n  decnet memory show 12 --json | jq '.pin_changes'"
    )]
    Show {
        /// Its number, as `list` prints it
        id: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Hold on to a memory, whatever it is scored
    #[command(
        after_help = "Its owner thinks of pinned memories first. At most 8 of one owner are pinned by their scores;\nwhat you pin never goes, but an older pin by a score may go for it.\n\nExamples:\n  decnet memory pin 12"
    )]
    Pin {
        /// Its number
        id: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Let a memory fade: no score pins it from then on
    #[command(
        after_help = "`decnet memory pin` takes it back.\n\nExamples:\n  decnet memory unpin 12"
    )]
    Unpin {
        /// Its number
        id: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make everything that follows from the log of memories anew
    #[command(
        after_help = "Nothing is lost by it: the log itself stays as it is. Others that write wait meanwhile.\n\nExamples:\n  decnet memory rebuild\n\nExit code 65 when the log is damaged; nothing is changed then."
    )]
    Rebuild {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct MemoryListArguments {
    /// Only memories of this persona
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) owner: Option<String>,
    /// Only memories about this other party
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) about: Option<String>,
    /// Only memories of this thread, as `show` prints it
    #[arg(long)]
    pub(crate) thread: Option<String>,
    /// Only what is pinned
    #[arg(long)]
    pub(crate) pinned: bool,
    /// Only what was scored this, 0 to 3, or more
    #[arg(long, value_name = "SCORE", value_parser = clap::value_parser!(u8).range(0..=3))]
    pub(crate) least_score: Option<u8>,
    /// At most this many; 0 for all
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
