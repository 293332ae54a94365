//! The ledger in memory does what every ledger has to do.

use decnet_emailgen::conformance;
use decnet_emailgen::memory_ledger::MemoryLedger;

#[test]
fn the_memory_ledger_conforms() {
    conformance::check(MemoryLedger::new);
}

#[test]
fn checks_have_names_of_their_own() {
    let mut names: Vec<&str> = conformance::checks().map(|check| check.name).collect();
    let count = names.len();
    assert!(count > 70, "{count}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}
