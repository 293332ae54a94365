//! `cargo xtask`: what a developer of decnet does beside `cargo build`.

mod bench;
mod install;
mod mail_server;
mod meter;
mod steps;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

/// A command: its name, its arguments, one line about it, and the function behind it.
struct Command {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<(), String>,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "test",
        arguments: "",
        about: "install what is missing, then run every check and every test",
        run: test::run,
    },
    Command {
        name: "tidy",
        arguments: "",
        about: "check the rules of the code base that the compiler does not know",
        run: tidy::run,
    },
    Command {
        name: "bench",
        arguments: "[--quick] [--sessions] [--heal] [--background] [--memory]",
        about: "print what decnet costs, or only what is named, each figure beside its limit; --quick leaves out large worlds",
        run: |arguments| bench::run(arguments).map_err(|error| error.to_string()),
    },
    Command {
        name: "meter",
        arguments: "--meter FOLDER [--out DIR] [--seed N] [--messages N]",
        about: "write six weeks of mail, have the meter in FOLDER compare it with real mail, and print the verdict",
        run: meter::run,
    },
    Command {
        name: "dovecot",
        arguments: "DIR [PORT]",
        about: "serve the mailboxes of the world in DIR, such as a demo's, to a mail program",
        run: mail_server::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.split_first() {
        None => Err(help()),
        Some((name, _)) if matches!(name.as_str(), "help" | "-h" | "--help") => {
            println!("{}", help());
            Ok(())
        }
        Some((name, rest)) => match COMMANDS.iter().find(|command| command.name == name) {
            Some(command) if rest.iter().any(|word| word == "-h" || word == "--help") => {
                println!("{}", usage(command));
                Ok(())
            }
            Some(command) => (command.run)(rest),
            None => Err(format!("there is no command {name:?}\n\n{}", help())),
        },
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn usage(command: &Command) -> String {
    let Command {
        name,
        arguments,
        about,
        ..
    } = command;
    format!(
        "{}\n    {about}",
        format!("cargo xtask {name} {arguments}").trim_end()
    )
}

fn help() -> String {
    let usages: Vec<String> = COMMANDS.iter().map(usage).collect();
    format!("commands:\n\n{}", usages.join("\n"))
}

/// Refuses arguments.
fn no_arguments(arguments: &[String]) -> Result<(), String> {
    match arguments.first() {
        None => Ok(()),
        Some(first) => Err(format!("{first:?}: this command takes no arguments")),
    }
}
