//! What every ledger of memories has to do, as checks that a ledger's own tests can run.
//!
//! Each check starts with an empty ledger, drives it through the traits alone, and looks at what it
//! shows. After each, the log is folded with [`State::apply`], which has to give what the ledger
//! shows, and so it has to be after a rebuild.
//!
//! ```
//! use decnet_memory::conformance;
//! use decnet_memory::in_memory::InMemoryLedger;
//!
//! conformance::check(InMemoryLedger::new);
//! ```

mod canons;
mod desk;
mod pinning;
mod rebuilding;
mod recalling;
mod writing;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::desk::Desk;
pub use self::desk::agrees_with_its_log;
use crate::ledger::MemoryLedger;
#[cfg(doc)]
use crate::log::State;

/// One check: a name that says what has to hold, and what finds out.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Name, unique in the list.
    pub name: &'static str,
    /// Runs it on an empty ledger; panics, with what was found, if it does not hold.
    pub run: fn(&mut dyn MemoryLedger),
}

macro_rules! checks {
    ($($module:ident::$name:ident),* $(,)?) => {
        /// Every check.
        pub const CHECKS: &[Check] = &[$(Check {
            name: stringify!($name),
            run: |ledger| {
                $module::$name(&mut Desk(ledger));
                agrees_with_its_log(ledger);
            },
        }),*];
    };
}
checks!(
    writing::an_empty_ledger_shows_nothing,
    writing::what_is_written_is_shown,
    writing::a_cause_is_written_once_for_ever,
    writing::a_batch_is_written_whole_or_not_at_all,
    writing::texts_are_cleaned_and_cut,
    writing::times_are_cut_to_microseconds,
    writing::lists_are_filtered_and_the_last_comes_first,
    writing::the_log_comes_page_by_page,
    writing::a_scorer_gets_what_lies_around_a_memory,
    writing::the_latest_score_holds,
    writing::a_score_of_one_cause_is_given_once,
    writing::what_is_not_there_cannot_be_scored_or_pinned,
    writing::scores_stay_within_their_bounds,
    pinning::a_score_of_three_pins,
    pinning::over_the_cap_the_oldest_automatic_pin_goes,
    pinning::the_pin_just_made_stays_even_if_it_is_the_oldest,
    pinning::of_the_same_moment_what_was_written_first_goes,
    pinning::manual_pins_never_go,
    pinning::a_manual_pin_stays_manual_whatever_it_is_scored,
    pinning::a_lower_score_takes_an_automatic_pin,
    pinning::what_a_hand_unpinned_stays_unpinned,
    pinning::a_pin_by_hand_displaces_automatic_ones,
    pinning::a_hand_that_changes_nothing_writes_nothing,
    pinning::owners_have_pins_of_their_own,
    pinning::what_changed_a_pin_is_told,
    recalling::candidates_are_found_on_every_way,
    recalling::no_candidate_comes_twice,
    recalling::each_way_has_its_own_limit,
    recalling::what_happens_later_is_not_remembered,
    recalling::nobody_remembers_what_others_do,
    rebuilding::a_rebuild_changes_nothing,
    rebuilding::a_rebuild_starts_from_the_newest_snapshot,
    rebuilding::the_newest_snapshots_are_kept,
    rebuilding::a_snapshot_of_nothing_new_is_the_one_before,
    canons::an_entry_is_made_once,
    canons::no_two_entries_share_a_name,
    canons::amounts_may_be_the_same,
    canons::companies_stand_apart,
    canons::a_rename_keeps_the_id_and_the_old_name,
    canons::a_name_that_is_taken_is_refused,
    canons::names_and_details_are_tidied,
    canons::entries_are_listed,
);

/// Runs every check, each on a ledger of its own that `make` gives.
///
/// # Panics
///
/// If any does not hold, listing all that do not.
pub fn check<L: MemoryLedger>(mut make: impl FnMut() -> L) {
    let mut failures = Vec::new();
    for check in CHECKS {
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
