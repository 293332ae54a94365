//! The ledger in memory does what every ledger has to do.

use decnet_self_heal::conformance;
use decnet_self_heal::memory_ledger::MemoryHealLedger;

#[test]
fn the_memory_ledger_conforms() {
    assert!(conformance::CHECKS.len() > 40);
    conformance::check(MemoryHealLedger::new);
}
