//! What every ledger has to do, as checks that a ledger's own tests can run.
//!
//! Each check starts with an empty ledger, drives it through its traits alone, and looks at
//! what they show. The order in which equal choices are drawn is left to the ledger.
//!
//! ```
//! use decnet_emailgen::conformance;
//! use decnet_emailgen::memory_ledger::MemoryLedger;
//!
//! conformance::check(MemoryLedger::new);
//! ```

mod availability;
mod copies;
mod correspondence;
mod desk;
mod draws;
mod knowledge;
mod nudges;
mod outbox;
mod planning;
mod replies;
mod retention;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::correspondence::CorrespondenceLedger;
use crate::ledger::MailLedger;
use crate::world::WorldLedger;

pub use desk::{Desk, composed, decky, everyone_always, persona, topology};

/// All traits in one, for trait objects.
pub trait Ledger: MailLedger + WorldLedger + CorrespondenceLedger {}

impl<L: MailLedger + WorldLedger + CorrespondenceLedger> Ledger for L {}

/// One check: a name that says what has to hold, and what finds out.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Name, unique in the list.
    pub name: &'static str,
    /// Runs it on an empty ledger; panics, with what was found, if it does not hold.
    pub run: fn(&mut dyn Ledger),
}

/// Every check.
pub fn checks() -> impl Iterator<Item = Check> {
    [
        world::CHECKS,
        availability::CHECKS,
        draws::CHECKS,
        planning::CHECKS,
        outbox::CHECKS,
        replies::CHECKS,
        copies::CHECKS,
        retention::CHECKS,
        nudges::CHECKS,
        correspondence::CHECKS,
        knowledge::CHECKS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// Runs every check, each on a ledger of its own that `make` gives.
///
/// # Panics
///
/// If any does not hold, listing all that do not.
pub fn check<L: Ledger>(mut make: impl FnMut() -> L) {
    let mut failures = Vec::new();
    for check in checks() {
        let mut ledger = make();
        // What a failed check leaves behind is dropped with its ledger.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (check.run)(&mut ledger))) {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            failures.push(format!("{}: {said}", check.name));
        }
    }
    assert!(
        failures.is_empty(),
        "the ledger does not conform:\n{}",
        failures.join("\n")
    );
}

/// A list of checks under the names of their functions.
macro_rules! named_checks {
    ($($name:ident),* $(,)?) => {
        pub(super) const CHECKS: &[super::Check] = &[$(super::Check {
            name: stringify!($name),
            run: |ledger| $name(&mut super::Desk::new(ledger)),
        }),*];
    };
}
use named_checks;
