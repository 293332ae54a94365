//! The least that a durable tick can be: two commits and two files put in place by rename. What
//! decnet does is measured beside it.
//!
//! `bare_tick DIR COUNT durable|fast` does that COUNT times in one process and prints the seconds
//! it took.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use rusqlite::{Connection, params};

/// Bytes of a short mail, and of what a ledger keeps of one.
const MESSAGE: usize = 900;
const ROW: usize = 1_500;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(dir), Some(count), Some(mode)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: bare_tick DIR COUNT durable|fast".into());
    };
    let dir = Path::new(&dir);
    let count: u32 = count.parse()?;
    let durable = mode == "durable";
    for folder in ["inbox/tmp", "inbox/new", "sent/tmp", "sent/cur"] {
        fs::create_dir_all(dir.join(folder))?;
    }
    let connection = Connection::open(dir.join("bare.db"))?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let synchronous = if durable { "FULL" } else { "OFF" };
    connection.execute_batch(&format!(
        "PRAGMA synchronous = {synchronous};
         CREATE TABLE IF NOT EXISTS tick (id INTEGER PRIMARY KEY, state TEXT, body BLOB);"
    ))?;
    let start = Instant::now();
    for _ in 0..count {
        let row = vec![b'r'; ROW];
        connection
            .prepare_cached("INSERT INTO tick (state, body) VALUES ('planned', ?1)")?
            .execute(params![row])?;
        let id = connection.last_insert_rowid();
        for (folder, place) in [("inbox", "new"), ("sent", "cur")] {
            let folder = dir.join(folder);
            let name = format!("{id}.bare");
            let temporary = folder.join("tmp").join(&name);
            let mut file = File::create_new(&temporary)?;
            file.write_all(&vec![b'm'; MESSAGE])?;
            if durable {
                file.sync_all()?;
            }
            fs::rename(&temporary, folder.join(place).join(&name))?;
            if durable {
                File::open(folder.join(place))?.sync_all()?;
            }
        }
        connection
            .prepare_cached("UPDATE tick SET state = 'delivered' WHERE id = ?1")?
            .execute(params![id])?;
    }
    println!("{}", start.elapsed().as_secs_f64());
    Ok(())
}
