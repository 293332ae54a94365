//! Processes that die of SIGKILL anywhere.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::binary::{Decnet, Outcome};
use crate::draw::Draw;

/// Starts the program and kills it, after random moments, until `most` have died, several at a
/// time. Before each start, and once more at the end, `arguments` is told which worker it is and how
/// much of the kills is done, from 0 to 1, and says what to start. What is quicker than its death has
/// to end well, or to say that it is to be tried again.
pub fn kill<W: Send>(
    decnet: &Decnet,
    most: u64,
    workers: impl IntoIterator<Item = W>,
    arguments: impl Fn(&mut W, f64, &mut Draw) -> Vec<String> + Sync,
) {
    let kills = AtomicU64::new(0);
    let work = |number: usize, mut worker: W| {
        let mut draw = Draw::new(number as u64);
        // Microseconds. Some die before the database is open, and a few end before they die.
        let mut longest = 50_000;
        loop {
            let done = kills.load(Ordering::Relaxed);
            let arguments = arguments(&mut worker, done as f64 / most as f64, &mut draw);
            if done >= most {
                return;
            }
            let mut child = decnet.start(&arguments);
            thread::sleep(Duration::from_micros(draw.below(longest)));
            child.kill().expect("it is our child");
            let output = child.wait_with_output().expect("it ends");
            if output.status.signal() == Some(9) {
                kills.fetch_add(1, Ordering::Relaxed);
                longest += longest / 8;
            } else {
                longest = (longest / 2).max(2_000);
                let ended = Outcome::from_output(arguments.join(" "), output);
                assert!(matches!(ended.code, Some(0 | 75)), "{ended:#?}");
            }
        }
    };
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = workers
            .into_iter()
            .enumerate()
            .map(|(number, worker)| scope.spawn(move || work(number, worker)))
            .collect();
        for thread in threads {
            thread.join().expect("the worker ends");
        }
    });
}

/// Whether steps can be counted here. If not, it is said why.
pub fn strace_works() -> bool {
    let mut probe = Command::new("strace");
    match probe
        .args(["-f", "-qq", "-o", "/dev/null", "true"])
        .output()
    {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            println!("skipped, nothing can be traced here: {reason}");
            false
        }
        Err(error) => {
            println!("skipped, strace cannot be run ({error}); `cargo xtask test` installs it");
            false
        }
    }
}

/// Whether a command was killed as it made a system call for the so-manieth time. It may end before,
/// and then has to end well.
pub fn killed_at(decnet: &Decnet, arguments: &[&str], call: &str, time: u32) -> bool {
    // Not every machine has every call.
    let traced = format!("trace=?{call}");
    let injected = format!("inject=?{call}:signal=KILL:when={time}");
    let strace = [
        "strace",
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &traced,
        "-e",
        &injected,
    ];
    let output = decnet.wrapped(&strace, arguments).output();
    let output = output.expect("it was run before");
    let is_killed = output.status.signal() == Some(9);
    let ended = Outcome::from_output(format!("{call} {time}"), output);
    assert!(is_killed || ended.code == Some(0), "{ended:#?}");
    is_killed
}
