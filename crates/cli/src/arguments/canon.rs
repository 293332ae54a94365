//! Arguments of `decnet canon`.

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use decnet_memory::canon::CanonKind;

#[derive(Debug, Subcommand)]
pub(crate) enum CanonCommand {
    /// List entries, in the order in which they were made
    #[command(
        after_help = "Examples:\n  decnet canon list\n  decnet canon list --company northgate.example --kind vendor\n  decnet canon list --json | jq '.[] | select(.aliases != [])'"
    )]
    List(CanonListArguments),
    /// Give something its name: makes the entry, or renames it
    #[command(
        after_help = "A KEY is a kind and a part: person, project, vendor, customer, amount or host, and what it is for.\nWhat mail has named already is renamed: mail that is written from then on has the new name.\n\nExamples:\n  decnet canon set northgate.example \"vendor:the new chairs\" \"Winmark Office\"\n  decnet canon set northgate.example project:3 Lathe --details \"ends in June\"\n\nExit code 65 when the name is or was that of another entry."
    )]
    Set(CanonSetArguments),
    /// Rename an entry; its old name is still known
    #[command(after_help = "Examples:\n  decnet canon rename 3 \"Winmark Retail\"")]
    Rename {
        /// Its number, as `list` prints it
        id: i64,
        /// Its new name
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Replace what is kept of an entry beside its name
    #[command(
        after_help = "Examples:\n  decnet canon describe 3 \"delivers on Tuesdays\"\n  decnet canon describe 3 \"\"                 nothing more"
    )]
    Describe {
        /// Its number
        id: i64,
        /// What has to stay the same about it, at most 2048 bytes
        text: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CanonListArguments {
    /// Only entries of this company
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) company: Option<String>,
    /// Only this kind
    #[arg(long, value_parser = PossibleValuesParser::new(CanonKind::ALL.map(CanonKind::name)))]
    pub(crate) kind: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CanonSetArguments {
    /// Domain of the company
    pub(crate) company: String,
    /// What it stands for, such as "vendor:the new chairs"
    pub(crate) key: String,
    /// What it is called, at most 200 bytes
    pub(crate) name: String,
    /// What else has to stay the same about it, at most 2048 bytes
    #[arg(long, value_name = "TEXT")]
    pub(crate) details: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
