//! Writes folders of agents' sessions, and measures how fast they are read:
//!
//! ```text
//! session_speed generate DIR --files 1000 --bytes 1000000    # of each file
//! session_speed append DIR --every 1 --bytes 10000           # to each, or to every n-th
//! session_speed measure DIR --rounds 5
//! session_speed walk DIR                                     # looks at each file, reads none
//! ```

mod chance;
mod discarding_ledger;
mod measure;
mod texts;
mod transcript;

use std::fs::{self, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use self::chance::Chance;
use self::texts::Texts;
use self::transcript::Session;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Folders of users.
const USERS: u64 = 48;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [command, dir, options @ ..] = arguments.as_slice() else {
        return Err("give a command, generate, append, measure or walk, and a folder".into());
    };
    let dir = Path::new(dir);
    let option = |name: &str, default: u64| -> Result<u64> {
        let at = options.iter().position(|option| option == name);
        match at.and_then(|at| options.get(at + 1)) {
            Some(number) => Ok(number.parse()?),
            None => Ok(default),
        }
    };
    match command.as_str() {
        "generate" => {
            let bytes = option("--bytes", 1_000_000)?;
            write(dir, 0..option("--files", 1_000)?, bytes, 0)
        }
        "append" => {
            let every = usize::try_from(option("--every", 1)?)?.max(1);
            let before = measure::files(dir)?;
            let bytes_before: u64 = before.iter().map(|(_, bytes)| bytes).sum();
            let numbers = (0..before.len() as u64).step_by(every);
            write(dir, numbers, option("--bytes", 10_000)?, bytes_before)?;
            let after = measure::files(dir)?;
            let bytes_after: u64 = after.iter().map(|(_, bytes)| bytes).sum();
            println!(
                "bytes_before {bytes_before}\nappended {}",
                bytes_after - bytes_before
            );
            Ok(())
        }
        "walk" => measure::walk(dir),
        "measure" => measure::all(dir, usize::try_from(option("--rounds", 3)?)?),
        other => Err(format!("there is no command {other:?}").into()),
    }
}

/// Writes a part of each of these sessions to the end of its file.
fn write(dir: &Path, numbers: impl Iterator<Item = u64>, bytes: u64, part: u64) -> Result<()> {
    let texts = Texts::new();
    for user in 0..USERS {
        fs::create_dir_all(dir.join(format!("user-{user:02}")))?;
    }
    for number in numbers {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path(dir, number))?;
        let mut file = BufWriter::with_capacity(1 << 18, file);
        Session::new(&texts, number, part, &mut file).write(bytes)?;
        file.flush()?;
    }
    Ok(())
}

fn path(dir: &Path, number: u64) -> PathBuf {
    let name = Chance::of(number).uuid();
    dir.join(format!("user-{:02}", number % USERS))
        .join(format!("{name}.jsonl"))
}
