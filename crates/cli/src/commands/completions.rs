//! `decnet completions`

use std::io;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;

/// Prints a completion script.
pub(crate) fn run(shell: Shell) {
    clap_complete::generate(
        shell,
        &mut Arguments::command(),
        "decnet",
        &mut io::stdout(),
    );
}
