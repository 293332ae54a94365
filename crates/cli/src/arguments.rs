//! The command line.

mod canon;
mod db;
mod heal;
mod jobs;
mod memory;
mod run;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use self::canon::{CanonCommand, CanonListArguments, CanonSetArguments};
pub(crate) use self::db::DbCommand;
pub(crate) use self::heal::{HealCommand, HealHistoryArguments, HealTickArguments, MetricsCommand};
pub(crate) use self::jobs::{JobListArguments, JobsCommand};
pub(crate) use self::memory::{MemoryCommand, MemoryListArguments};
pub(crate) use self::run::{RunArguments, WorkerCommand};

/// Makes a deception network look lived in.
#[derive(Debug, Parser)]
#[command(
    name = "decnet",
    version,
    about,
    after_help = "Start here:\n  decnet demo                         fill mailboxes of a world of its own\n  decnet init --dir ./decnet          make a configuration and an example world\n  decnet doctor                       find what is wrong before it matters\n\nExit codes: 0 done or nothing to do, 64 usage, 65 bad input, 66 no input,\n69 unavailable, 73 cannot write, 75 try again, 78 configuration."
)]
pub(crate) struct Arguments {
    /// Configuration file [env: DECNET_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder of the database, private to you [env: DECNET_STATE_DIR]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Log more to standard error; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Log to standard error as JSON lines
    #[arg(long, global = true)]
    pub(crate) log_json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fill mailboxes of a small world of its own, on a simulated clock
    #[command(
        after_help = "Examples:\n  decnet demo\n  decnet demo /tmp/acme --mails 300\n  decnet demo /tmp/acme --seed 7 --now 2026-03-06T16:00:00Z   the same bytes each time"
    )]
    Demo(DemoArguments),
    /// Make a configuration, an example world file and an empty database
    #[command(
        after_help = "Examples:\n  decnet init --dir ./decnet\n  sudo decnet init                    in /etc/decnet and /var/lib/decnet"
    )]
    Init(InitArguments),
    /// Topologies, deckies, their personas and your domains
    #[command(subcommand)]
    World(WorldCommand),
    /// The pool of personas for deckies that have no topology
    #[command(subcommand)]
    Personas(PersonasCommand),
    /// Mail, sessions, heal and the worker in one process, until SIGTERM
    #[command(
        after_help = "What goes wrong in one part is told, and does not end the others. Session logs are read if any are\nconfigured. A service manager is told when it has started, stops, and is alive (sd_notify).\n\nExamples:\n  decnet run\n  decnet run --without heal --without sessions"
    )]
    Run(RunArguments),
    /// Mail between personas
    #[command(subcommand)]
    Emailgen(EmailgenCommand),
    /// The language model that writes, if you have one
    #[command(subcommand)]
    Llm(LlmCommand),
    /// What intruders and agents did, read from their logs
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Nudges for decoys that nobody finds interesting, and why there are none
    #[command(subcommand)]
    Heal(HealCommand),
    /// What personas remember, how much it matters, and what is pinned
    #[command(subcommand)]
    Memory(MemoryCommand),
    /// The names that vendors, projects and others have in all mail of a company
    #[command(subcommand)]
    Canon(CanonCommand),
    /// The background worker: jobs, and a backup each night
    #[command(subcommand)]
    Worker(WorkerCommand),
    /// Jobs of the worker: what waits, what failed for good
    #[command(subcommand)]
    Jobs(JobsCommand),
    /// The database: backups that are proven to restore, checks, migration, snapshots
    #[command(subcommand)]
    Db(DbCommand),
    /// Alerts: what happened, and who was told
    #[command(subcommand)]
    Alerts(AlertsCommand),
    /// Find what is wrong: configuration, database, pool, every decky
    #[command(after_help = "Examples:\n  decnet doctor\n  decnet doctor --json | jq .problems")]
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print a completion script for your shell
    #[command(
        after_help = "Examples:\n  decnet completions bash > /etc/bash_completion.d/decnet\n  decnet completions zsh > ~/.zfunc/_decnet"
    )]
    Completions {
        /// Your shell
        shell: Shell,
    },
}

impl Command {
    /// Whose words a command wants.
    pub(crate) fn model(&self) -> ModelArguments {
        match self {
            Self::Emailgen(EmailgenCommand::Tick(TickArguments { model, .. }))
            | Self::Emailgen(EmailgenCommand::Run { model, .. })
            | Self::Heal(HealCommand::Tick(HealTickArguments { model, .. }))
            | Self::Heal(HealCommand::Run { model, .. })
            | Self::Run(RunArguments { model, .. })
            | Self::Llm(LlmCommand::Doctor { model, .. })
            | Self::Llm(LlmCommand::Try(TryArguments { model, .. })) => model.clone(),
            _ => ModelArguments::default(),
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// A folder that does not exist yet [default: ./decnet-demo, or the next free one]
    pub(crate) dir: Option<PathBuf>,
    /// About how many mails to write, at most 100,000
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) mails: u32,
    /// Where the story ends [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) now: Option<DateTime<Utc>>,
    /// Everything random follows from this [default: drawn]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Keep configuration, state and world file in this folder [default: the system's folders]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorldCommand {
    /// Add and change what a world file names; the rest stays as it is
    #[command(
        after_help = "Examples:\n  decnet world apply world.toml --dry-run\n  decnet world apply world.toml"
    )]
    Apply {
        /// World file (TOML)
        file: PathBuf,
        /// Say what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the world as decnet has it
    Show {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Take deckies, topologies or domains out of the world; mail stays where it is
    #[command(
        after_help = "Examples:\n  decnet world remove --decky mail1\n  decnet world remove --topology headquarters"
    )]
    Remove {
        /// Name of a decky; may be repeated
        #[arg(long, value_name = "NAME", required_unless_present_any = ["topology", "domain"])]
        decky: Vec<String>,
        /// Name of a topology, with its personas and deckies; may be repeated
        #[arg(long, value_name = "NAME")]
        topology: Vec<String>,
        /// A declared domain: its people take no part any more; may be repeated
        #[arg(long, value_name = "DOMAIN")]
        domain: Vec<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PersonasCommand {
    /// Check a list and put it in place of the pool
    #[command(
        after_help = "Examples:\n  decnet personas import staff.json\n  decnet personas import staff.json --output ./pool.json"
    )]
    Import(ImportArguments),
    /// Say what is wrong with a list, entry by entry
    Validate {
        /// JSON list of personas
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show everybody, and whether they are at work now
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ImportArguments {
    /// JSON list of personas
    pub(crate) file: PathBuf,
    /// Write here instead of the pool's place
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EmailgenCommand {
    /// Do once what is due: answer a mail, or start a thread
    #[command(
        after_help = "Examples:\n  decnet emailgen tick\n  decnet emailgen tick --dry-run\n  decnet emailgen tick --count 20\n\nFrom cron, every five minutes:\n  */5 * * * *  decnet emailgen tick --quiet"
    )]
    Tick(TickArguments),
    /// Tick in a loop until SIGTERM
    #[command(after_help = "Examples:\n  decnet emailgen run\n  decnet emailgen run --interval 2m")]
    Run {
        /// Pause between ticks, such as 90s or 5m
        #[arg(long, value_name = "TIME", value_parser = parse_pause)]
        interval: Option<Duration>,
        #[command(flatten)]
        model: ModelArguments,
    },
    /// List mails, newest first
    #[command(
        after_help = "Examples:\n  decnet emailgen list\n  decnet emailgen list --address ana@corp.example --limit 50\n  decnet emailgen list --state failed"
    )]
    List(ListArguments),
    /// Show one mail with everything known of it
    Show {
        /// Its number, as `list` prints it
        id: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Find what in mail tells that it is synthetic
    #[command(
        after_help = "Examples:\n  decnet emailgen scan /srv/decoy/home/*/Maildir\n  decnet emailgen scan Maildir --json | jq .give_aways\n  decnet emailgen scan saved.mbox --all\n\nWhat is given together counts as one world. Exit code 65 when something gives it away;\nshares and the mailbox as a whole are judged from 50 messages on."
    )]
    Scan(ScanArguments),
    /// Older name of `personas import`
    #[command(hide = true)]
    ImportPersonas(ImportArguments),
}

/// Whose words.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ModelArguments {
    /// Who writes: off, ollama, openai or fake [env: DECNET_REALISM_LLM] [default: off]
    #[arg(long, value_name = "MODEL")]
    pub(crate) llm: Option<String>,
    /// Play the generations of this file, and record there what it does not hold
    #[arg(long, value_name = "FILE")]
    pub(crate) cassette: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct TickArguments {
    /// How many mails
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) count: u32,
    /// How many of them may share a commit, at most 128
    #[arg(long, value_name = "NUMBER", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=128))]
    pub(crate) group: u32,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Everything random follows from this [default: drawn]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Tick as if it were this time: RFC 3339, or UTC without an offset [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) now: Option<DateTime<Utc>>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Say nothing unless something went wrong
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) model: ModelArguments,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LlmCommand {
    /// Find out whether the model is there, quick enough, and writes mail that can be sent
    #[command(
        after_help = "Examples:\n  DECNET_REALISM_LLM=ollama decnet llm doctor\n  decnet llm doctor --llm openai --json"
    )]
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        model: ModelArguments,
    },
    /// Have one mail written, and show prompt, answer and what became of it; nothing is sent
    #[command(
        after_help = "The prompt has what the sender remembers, and the names that the company has by now.\n\nExamples:\n  decnet llm try laura.bennett@northgate.example tom.oneill@northgate.example\n  decnet llm try laura tom --topic \"the copier contract\"\n  decnet llm try laura tom --reply-to 12"
    )]
    Try(TryArguments),
    /// Read saved output of a model as a mail
    #[command(
        after_help = "Examples:\n  decnet llm parse answer.txt\n  decnet llm parse outputs/*.txt --json | jq 'select(.ok | not)'"
    )]
    Parse {
        /// Files of what a model wrote; - for standard input
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// They answer a mail: no subject is expected
        #[arg(long)]
        reply: bool,
        /// Print one line of JSON for each
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TryArguments {
    /// Who writes: an address, or the start of one or of a name
    pub(crate) sender: String,
    /// Who reads
    pub(crate) recipient: String,
    /// What a new mail is about [default: drawn]
    #[arg(long, conflicts_with = "reply_to")]
    pub(crate) topic: Option<String>,
    /// Number of the mail to answer, as `emailgen list` prints it
    #[arg(long, value_name = "ID")]
    pub(crate) reply_to: Option<i64>,
    /// Everything random follows from this [default: drawn]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) seed: Option<u64>,
    /// Write as if it were this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) now: Option<DateTime<Utc>>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model: ModelArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ScanArguments {
    /// Maildirs with their folders, trees of messages, mboxes or single messages
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Show all messages that give themselves away, and tells that were not found
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// Read once what is new in the logs
    #[command(
        after_help = "Examples:\n  decnet sessions tick\n  decnet sessions tick --processor usage --dir ~/transcripts\n  decnet sessions tick --json | jq '.runs[].errors'\n\nFrom cron, every five minutes:\n  */5 * * * *  decnet sessions tick > /dev/null\n\nExit code 75 when another run of a processor goes on, 66 when a source is missing."
    )]
    Tick(SessionTickArguments),
    /// Run each processor when it is due, until SIGTERM
    Run,
    /// How each processor is doing
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// The processors there are, and what keeps one from running
    Processors {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Tools and tokens of agents, added up
    #[command(
        after_help = "Examples:\n  decnet sessions usage\n  decnet sessions usage --by tool\n  decnet sessions usage --by user --json | jq .total"
    )]
    Usage(UsageArguments),
    /// What users confirmed and corrected, each fact with the confidence that its evidence gives
    #[command(
        after_help = "Examples:\n  decnet sessions facts\n  decnet sessions facts --json | jq '.[] | select(.disputed)'"
    )]
    Facts {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// What a processor recorded, one line of JSON each
    #[command(
        after_help = "Examples:\n  decnet sessions records cowrie\n  decnet sessions records engagement --kind presence | jq 'select(.record.until == null)'\n  decnet sessions records verification --kind evidence"
    )]
    Records(RecordArguments),
    /// Logs that a processor set aside after too many failures
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
}

#[derive(Debug, Args)]
pub(crate) struct SessionTickArguments {
    /// Only this processor
    #[arg(long, value_name = "NAME")]
    pub(crate) processor: Option<String>,
    /// Read this folder of agent sessions, USER/SESSION.jsonl, instead of the configured sources
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct UsageArguments {
    /// What to add up by
    #[arg(long, value_enum, default_value_t = UsageByArgument::Day)]
    pub(crate) by: UsageByArgument,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum UsageByArgument {
    /// Days, in UTC
    Day,
    /// Users
    User,
    /// Models
    Model,
    /// Tools
    Tool,
}

#[derive(Debug, Args)]
pub(crate) struct RecordArguments {
    /// Which processor
    pub(crate) processor: String,
    /// Only this kind of record
    #[arg(long)]
    pub(crate) kind: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// List them with their last error
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Have the next run read one again
    #[command(after_help = "Examples:\n  decnet sessions quarantine replay agent/ana/0b1c")]
    Replay {
        /// Its key, as `quarantine list` prints it
        key: String,
        /// Only for this processor
        #[arg(long, value_name = "NAME")]
        processor: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// List alerts, the last first, and where each was delivered
    #[command(
        after_help = "Examples:\n  decnet alerts list\n  decnet alerts list --kind first-login --limit 50\n  decnet alerts list --json | jq '.[].summary'"
    )]
    List(AlertListArguments),
    /// Send a test alert to every sink of the configuration
    #[command(after_help = "Examples:\n  decnet alerts test\n  decnet alerts test --json")]
    Test {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AlertListArguments {
    /// At most this many; 0 for all
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u64,
    /// Only this kind, such as first-login
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only mail from or to this address
    #[arg(long)]
    pub(crate) address: Option<String>,
    /// Only the thread that this mail started
    #[arg(long, value_name = "ID")]
    pub(crate) thread: Option<i64>,
    /// Only this state
    #[arg(long, value_parser = ["planned", "composed", "delivered", "failed", "abandoned"])]
    pub(crate) state: Option<String>,
    /// At most this many; 0 for all
    #[arg(long, default_value_t = 20)]
    pub(crate) limit: u64,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// A pause between ticks.
fn parse_pause(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(pause) if pause >= Duration::from_millis(10) => Ok(pause),
        _ => Err(format!("{text:?} is no pause such as 90s or 5m")),
    }
}

/// A moment: RFC 3339, or UTC without an offset.
fn parse_time(text: &str) -> Result<DateTime<Utc>, String> {
    let wrong = || format!("{text:?} is no time such as 2026-03-06T16:00:00Z or 2026-03-06T16:00");
    let time = DateTime::parse_from_rfc3339(text)
        .map(|time| time.to_utc())
        .or_else(|_| {
            [
                "%Y-%m-%dT%H:%M:%S",
                "%Y-%m-%d %H:%M:%S",
                "%Y-%m-%dT%H:%M",
                "%Y-%m-%d %H:%M",
            ]
            .iter()
            .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
            .map(|time| time.and_utc())
            .ok_or_else(wrong)
        })?;
    // What every IMAP server and file system can store.
    let (first, last) = (0, 4_102_444_800);
    if (first..=last).contains(&time.timestamp()) {
        Ok(time)
    } else {
        Err(format!("{text:?} is not between 1970 and 2100"))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn times_are_read_in_every_form_and_nonsense_is_not() {
        let expected = "2026-03-06T16:00:00Z".parse::<DateTime<Utc>>().unwrap();
        for text in [
            "2026-03-06T16:00:00Z",
            "2026-03-06T17:00:00+01:00",
            "2026-03-06 16:00",
            "2026-03-06T16:00:00",
        ] {
            assert_eq!(parse_time(text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "tomorrow",
            "1492-01-01T00:00:00Z",
            "2400-01-01T00:00:00Z",
        ] {
            assert!(parse_time(text).is_err(), "{text}");
        }
    }
}
