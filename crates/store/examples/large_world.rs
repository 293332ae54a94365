//! Makes a database with a large world, to measure how the cost of a tick grows with it.
//!
//! `large_world DATABASE ROOT DECKIES all|one` makes so many deckies, each with a topology of two
//! personas: with `all` every one of them is running, with `one` only the last.
//! All mail goes below ROOT.

use std::error::Error;
use std::path::{Path, PathBuf};

use decnet_activity_driver::decky::{Decky, DeckySource, LocalFolders, Transport};
use decnet_emailgen::world::{DeckySpec, TopologySpec, WorldChange, WorldLedger};
use decnet_realism::persona::Persona;
use decnet_store::{Durability, OpenOptions, Store};
use serde_json::json;

/// Entries that one transaction adds.
const CHUNK: usize = 20_000;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(database), Some(root), Some(deckies), Some(who)) = (
        arguments.next(),
        arguments.next(),
        arguments.next(),
        arguments.next(),
    ) else {
        return Err("usage: large_world DATABASE ROOT DECKIES all|one".into());
    };
    let deckies: usize = deckies.parse()?;
    let options = OpenOptions {
        durability: Durability::ProcessOnly,
        ..OpenOptions::default()
    };
    let mut store = Store::open(Path::new(&database), options)?;
    let root = PathBuf::from(root);
    let mut change = WorldChange::default();
    for number in 0..deckies {
        // The last one is the one that can send.
        let running = who == "all" || number + 1 == deckies;
        let topology = format!("topology-{number}");
        change.topologies.push(TopologySpec {
            name: topology.clone(),
            language_default: "en".to_owned(),
            topics: Vec::new(),
            personas: vec![persona("Ana Ruiz", number)?, persona("Ben Hall", number)?],
        });
        change.deckies.push(DeckySpec {
            decky: Decky {
                uuid: format!("00000000-0000-8000-8000-{number:012}"),
                name: format!("decky-{number}"),
                source: DeckySource::Topology,
                services: vec!["imap".to_owned()],
                transport: Transport::Local(LocalFolders {
                    root: root.clone(),
                    maildir: format!("{}/{number}-{{login}}", number % 64),
                    uid: None,
                    gid: None,
                    file_mode: LocalFolders::default_file_mode(),
                    dir_mode: LocalFolders::default_dir_mode(),
                    adopt: true,
                }),
            },
            topology: Some(topology),
            running,
        });
        if change.deckies.len() == CHUNK {
            store.apply(&std::mem::take(&mut change), false, &mut |_| {})?;
        }
    }
    store.apply(&change, false, &mut |_| {})?;
    Ok(())
}

fn persona(name: &str, number: usize) -> Result<Persona, Box<dyn Error>> {
    let local = name.to_lowercase().replace(' ', ".");
    Ok(Persona::from_json(&json!({
        "name": name,
        "email": format!("{local}@c{number}.example"),
        "role": "Clerk",
        "active_hours": "00:00-00:00",
        "workdays": "daily",
    }))?)
}
