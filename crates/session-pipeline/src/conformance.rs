//! What every processor and every ledger has to pass.

pub mod ledger;
pub mod processor;
