//! `decnet completions`

use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::output::say;

/// Prints a completion script.
pub(crate) fn run(shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "decnet", &mut script);
    say(String::from_utf8_lossy(&script).trim_end());
}
