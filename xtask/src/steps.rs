//! Steps of a longer command: a heading each, and how long they took.

use std::process::Command;
use std::time::Instant;

/// Prints a heading, runs something, and says how long it took.
pub(crate) fn step<T>(
    heading: &str,
    work: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    println!("\n=== {heading}");
    let start = Instant::now();
    let result = work();
    println!("=== {heading}: {} s", start.elapsed().as_secs());
    result.map_err(|error| format!("{heading}: {error}"))
}

/// Runs a command whose output everybody may see.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let shown = shown(command);
    println!("$ {shown}");
    let status = command
        .status()
        .map_err(|error| format!("{shown}: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{shown}: {status}"))
    }
}

/// A command line for people, programs by their names.
fn shown(command: &Command) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let name = program.rsplit('/').next().unwrap_or(&program).to_owned();
    let mut words = vec![name];
    words.extend(
        command
            .get_args()
            .map(|argument| argument.to_string_lossy().into_owned()),
    );
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command() {
        let error = step("walk", || run(Command::new("/bin/false").arg("x"))).unwrap_err();
        assert!(error.starts_with("walk: false x: "), "{error}");
        let error = run(&mut Command::new("/no/such/program")).unwrap_err();
        assert!(error.starts_with("program: "), "{error}");
    }
}
