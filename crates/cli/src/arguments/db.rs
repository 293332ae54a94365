//! Arguments of `decnet db`.

use std::path::PathBuf;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Copy the database while decnet runs, and prove that the copy can be restored
    #[command(
        after_help = "Without FILE the copy goes to the folder of backups, and the oldest there goes when there are too many.\n\nExamples:\n  decnet db backup\n  decnet db backup /mnt/usb/decnet.db\n\nFrom cron, each night, where neither `decnet run` nor `decnet worker run` does it:\n  0 3 * * *  decnet db backup > /dev/null\n\nExit code 65 when the copy is no good, 73 when it cannot be written, 75 when another one is being made."
    )]
    Backup {
        /// Where to, a file that does not exist yet [default: the folder of backups]
        file: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Put a backup into the place of the database, which is kept beside it
    #[command(
        after_help = "Stop decnet first. The backup is checked before anything is changed.\n\nExamples:\n  decnet db restore /var/lib/decnet/backups/decnet-20260306T030004Z.db\n\nExit code 65 when the backup is no good, 66 when there is none, 75 while the database is in use."
    )]
    Restore {
        /// The backup
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Check a backup, or the database and its newest backup
    #[command(
        after_help = "Examples:\n  decnet db check\n  decnet db check backups/decnet-20260306T030004Z.db\n  for file in backups/decnet-*.db; do decnet db check \"$file\"; done\n\nExit code 65 when something is damaged, 66 when there is no such file."
    )]
    Check {
        /// A backup [default: the database and its newest backup]
        file: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Bring the database of an older decnet up to date; any other command would do so too
    #[command(
        after_help = "A copy goes to the folder of backups first.\n\nExamples:\n  decnet db migrate"
    )]
    Migrate {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Keep what follows from the log of memories, so that a rebuild need not read all of it
    #[command(
        after_help = "The newest are kept (memory.snapshots_kept, 5). Where a worker runs, it takes one when it is time.\n\nExamples:\n  decnet db snapshot\n  decnet db snapshot --json | jq '.kept'"
    )]
    Snapshot {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}
