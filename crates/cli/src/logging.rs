//! Logs go to standard error.

use std::io::{self, IsTerminal};

use tracing::Level;

/// Installs the logger: warnings only, more with each `--verbose`.
pub(crate) fn install(verbose: u8, json: bool) {
    let level = match verbose {
        0 => Level::WARN,
        1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let builder = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr);
    if json {
        builder.json().flatten_event(true).init();
    } else {
        let colours = io::stderr().is_terminal() && !crate::environment::no_color();
        builder.with_ansi(colours).with_target(false).init();
    }
}
