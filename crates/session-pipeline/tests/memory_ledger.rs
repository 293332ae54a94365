//! The ledger in memory does what every ledger has to do.

use decnet_session_pipeline::conformance;
use decnet_session_pipeline::memory_ledger::MemorySessionLedger;

#[test]
fn the_memory_ledger_conforms() {
    conformance::ledger::check(MemorySessionLedger::default);
}
