//! The SQLite store does what every ledger has to do.

use std::cell::Cell;

use decnet_emailgen::conformance;
use decnet_store::{Durability, OpenOptions, Store};

#[test]
fn the_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let opened = Cell::new(0);
    conformance::check(|| {
        opened.set(opened.get() + 1);
        let path = folder.path().join(format!("{}.db", opened.get()));
        let options = OpenOptions {
            durability: Durability::ProcessOnly,
            ..OpenOptions::default()
        };
        Store::open(&path, options).unwrap()
    });
}
