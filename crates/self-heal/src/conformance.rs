//! What every ledger of the engine has to do, as checks that a ledger's own tests can run.
//!
//! Each check starts with an empty ledger, drives it through the trait alone, and looks at what it
//! shows. After each, the log is folded with [`State::apply`], which has to give what the ledger
//! shows.
//!
//! ```
//! use decnet_self_heal::conformance;
//! use decnet_self_heal::memory_ledger::MemoryHealLedger;
//!
//! conformance::check(MemoryHealLedger::new);
//! ```

mod attempts;
mod beginning;
mod desk;
mod looks;
mod observed;

use std::panic::{AssertUnwindSafe, catch_unwind};

use self::desk::Desk;
pub use self::desk::agrees_with_its_log;
use crate::ledger::HealLedger;
#[cfg(doc)]
use crate::log::State;

/// One check: a name that says what has to hold, and what finds out.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// Name, unique in the list.
    pub name: &'static str,
    /// Runs it on an empty ledger; panics, with what was found, if it does not hold.
    pub run: fn(&mut dyn HealLedger),
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
    looks::an_empty_ledger_shows_nothing,
    looks::targets_are_known_in_the_order_of_first_mention,
    looks::names_that_no_target_can_have_change_nothing,
    looks::names_are_kept_as_they_are,
    looks::pages_follow_each_other,
    looks::points_are_sorted_however_they_come,
    looks::a_point_of_the_same_moment_replaces_the_earlier,
    looks::points_are_kept_for_their_time,
    looks::the_newest_points_are_kept,
    looks::a_look_goes_as_far_back_as_it_says,
    looks::counters_add_what_they_gained,
    looks::a_counter_may_begin_again,
    looks::presences_end_and_are_forgotten,
    looks::positions_are_those_of_their_source,
    beginning::a_first_attempt_begins,
    beginning::what_was_done_is_not_done_again_in_its_epoch,
    beginning::what_is_being_done_is_not_begun_twice,
    beginning::what_waits_for_its_retry_is_not_begun,
    beginning::what_failed_for_good_may_begin_again,
    beginning::an_epoch_that_comes_back_stays_done,
    beginning::an_epoch_that_comes_back_may_begin_again,
    beginning::policies_and_targets_stand_apart,
    beginning::the_window_counts_all_actions_on_a_target,
    beginning::an_action_rests_after_it_began,
    beginning::failures_in_a_row_make_the_rest_longer,
    beginning::the_budget_counts_all_targets,
    beginning::what_stands_against_it_comes_in_order,
    beginning::plans_are_kept_as_they_are,
    attempts::a_success_is_settled,
    attempts::a_failure_is_tried_again_when_it_is_due,
    attempts::a_failure_for_good_is_settled,
    attempts::a_lease_keeps_others_away_until_it_ends,
    attempts::who_was_overtaken_changes_nothing,
    attempts::a_late_failure_does_not_undo_a_success,
    attempts::who_held_it_before_it_began_again_is_overtaken,
    attempts::failures_are_counted_until_a_success,
    attempts::what_is_due_longest_comes_first,
    attempts::lists_are_filtered_and_the_last_comes_first,
    observed::pauses_are_noted_once,
    observed::everything_may_be_paused,
    observed::episodes_replace_each_other,
    observed::the_circuit_opens_and_closes_once,
    observed::a_clock_that_was_put_back_is_noticed_once,
    observed::what_was_seen_ahead_shows_for_as_long_as_it_counts,
    observed::what_holds_for_all_is_shown,
    observed::nothing_seen_is_nothing_written,
    observed::the_log_comes_page_by_page,
);

/// Runs every check, each on a ledger of its own that `make` gives.
///
/// # Panics
///
/// If any does not hold, listing all that do not.
pub fn check<L: HealLedger>(mut make: impl FnMut() -> L) {
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
