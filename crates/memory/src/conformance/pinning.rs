//! Pins.

use super::desk::{ANN, Desk, memory};
use crate::log::Event;
use crate::memory::{MemoryId, Pin};
use crate::pins::{Hand, PINS_PER_OWNER, PinChange, PinReason};

fn change(memory: MemoryId, pin: Pin, why: PinReason) -> PinChange {
    PinChange { memory, pin, why }
}

pub(super) fn a_score_of_three_pins(desk: &mut Desk<'_>) {
    for score in 0..=3 {
        let id = desk.plain(&format!("{score}"), score.into());
        let changes = desk.score(id, score, &format!("s{score}"));
        if score < 3 {
            assert_eq!((changes.len(), desk.pin(id)), (0, Pin::None));
        } else {
            assert_eq!(changes, [change(id, Pin::Automatic, PinReason::Pivotal)]);
            assert_eq!(desk.pin(id), Pin::Automatic);
            // It is so already.
            assert_eq!(desk.score(id, 3, "again"), []);
        }
    }
}

pub(super) fn over_the_cap_the_oldest_automatic_pin_goes(desk: &mut Desk<'_>) {
    // The third was written first, and is the newest: its own age counts.
    let newest = desk.pivotal(500..501);
    let ids = desk.pivotal(0..7);
    assert_eq!(desk.pinned().len(), PINS_PER_OWNER);
    let next = desk.plain("next", 100);
    let changes = desk.score(next, 3, "s");
    let why = PinReason::Displaced { by: next };
    assert_eq!(
        changes,
        [
            change(next, Pin::Automatic, PinReason::Pivotal),
            change(ids[0], Pin::None, why)
        ]
    );
    assert_eq!(desk.pinned().len(), PINS_PER_OWNER);
    assert_eq!(desk.pin(newest[0]), Pin::Automatic);
    // What was displaced may come back, at the cost of the oldest.
    let changes = desk.score(ids[0], 3, "again");
    let why = PinReason::Displaced { by: ids[0] };
    assert_eq!(changes[1], change(ids[1], Pin::None, why));
}

pub(super) fn the_pin_just_made_stays_even_if_it_is_the_oldest(desk: &mut Desk<'_>) {
    let ids = desk.pivotal(100..108);
    let oldest = desk.plain("oldest", 1);
    let changes = desk.score(oldest, 3, "s");
    assert_eq!(changes.last().map(|change| change.memory), Some(ids[0]));
    assert_eq!(desk.pin(oldest), Pin::Automatic);
}

pub(super) fn of_the_same_moment_what_was_written_first_goes(desk: &mut Desk<'_>) {
    let mut ids = Vec::new();
    for number in 0..9 {
        let id = desk.plain(&format!("{number}"), 7);
        desk.score(id, 3, &format!("s{number}"));
        ids.push(id);
    }
    assert_eq!(desk.pinned(), ids[1..]);
}

pub(super) fn manual_pins_never_go(desk: &mut Desk<'_>) {
    let mut manual = Vec::new();
    for number in 0..8 {
        let id = desk.plain(&format!("{number}"), number);
        let changes = desk.hand(id, Hand::Pin);
        assert_eq!(changes, [change(id, Pin::Manual, PinReason::ByHand)]);
        manual.push(id);
    }
    // There is room for one beside them, the one just made.
    let first = desk.pivotal(50..51);
    assert_eq!(desk.pinned().len(), 9);
    let second = desk.pivotal(40..41);
    manual.extend(second);
    assert_eq!(desk.pinned(), manual);
    assert_eq!(desk.pin(first[0]), Pin::None);
}

pub(super) fn a_manual_pin_stays_manual_whatever_it_is_scored(desk: &mut Desk<'_>) {
    let id = desk.plain("a", 1);
    desk.hand(id, Hand::Pin);
    for score in [3, 0, 3] {
        let cause = format!("s{}", desk.last_entry());
        assert_eq!(desk.score(id, score, &cause), []);
        assert_eq!(desk.pin(id), Pin::Manual);
    }
}

pub(super) fn a_lower_score_takes_an_automatic_pin(desk: &mut Desk<'_>) {
    let id = desk.pivotal(1..2)[0];
    let changes = desk.score(id, 2, "s");
    assert_eq!(changes, [change(id, Pin::None, PinReason::NoLongerPivotal)]);
    desk.score(id, 3, "s2");
    assert_eq!(desk.pin(id), Pin::Automatic);
}

pub(super) fn what_a_hand_unpinned_stays_unpinned(desk: &mut Desk<'_>) {
    let id = desk.pivotal(1..2)[0];
    let changes = desk.hand(id, Hand::Unpin);
    assert_eq!(changes, [change(id, Pin::None, PinReason::ByHand)]);
    assert!(desk.show(id).unpinned_by_hand);
    assert_eq!(desk.score(id, 1, "s1"), []);
    assert_eq!(desk.score(id, 3, "s2"), []);
    assert_eq!(desk.pin(id), Pin::None);
    // Pinning by hand ends that, and so may a score again.
    desk.hand(id, Hand::Pin);
    assert!(!desk.show(id).unpinned_by_hand);
    // A pin may be forbidden before there is one.
    let other = desk.plain("other", 2);
    assert_eq!(desk.hand(other, Hand::Unpin).len(), 1);
    assert_eq!(desk.score(other, 3, "s3"), []);
}

pub(super) fn a_pin_by_hand_displaces_automatic_ones(desk: &mut Desk<'_>) {
    let ids = desk.pivotal(0..8);
    let by_hand = desk.plain("by hand", 99);
    let changes = desk.hand(by_hand, Hand::Pin);
    let why = PinReason::Displaced { by: by_hand };
    assert_eq!(changes[1..], [change(ids[0], Pin::None, why)]);
    // One that is pinned already takes no more room.
    let changes = desk.hand(ids[3], Hand::Pin);
    assert_eq!(changes, [change(ids[3], Pin::Manual, PinReason::ByHand)]);
    assert_eq!(desk.pinned().len(), PINS_PER_OWNER);
}

pub(super) fn a_hand_that_changes_nothing_writes_nothing(desk: &mut Desk<'_>) {
    let id = desk.plain("a", 1);
    desk.hand(id, Hand::Pin);
    assert_eq!(desk.hand(id, Hand::Pin), []);
    desk.hand(id, Hand::Unpin);
    assert_eq!(desk.hand(id, Hand::Unpin), []);
    assert_eq!(desk.last_entry(), 3);
}

pub(super) fn owners_have_pins_of_their_own(desk: &mut Desk<'_>) {
    let mut ids = desk.pivotal(0..8);
    let mut of_ann = memory("of ann", 99);
    of_ann.facts.owner = ANN.to_owned();
    let of_ann = desk.write(of_ann);
    assert_eq!(desk.score(of_ann, 3, "s").len(), 1);
    ids.push(of_ann);
    assert_eq!(desk.pinned(), ids);
}

pub(super) fn what_changed_a_pin_is_told(desk: &mut Desk<'_>) {
    let ids = desk.pivotal(0..8);
    let by_hand = desk.plain("by hand", 99);
    desk.hand(by_hand, Hand::Pin);
    desk.hand(by_hand, Hand::Unpin);
    let mut changes = |memory: MemoryId, limit: usize| {
        let entries = Desk::ok(desk.0.pin_changes(memory, limit));
        let told = entries.into_iter().map(|entry| match entry.event {
            Event::MemoryPinChanged {
                memory: of,
                pin,
                why,
            } => (of, pin, why, entry.cause),
            other => panic!("{other:?} changes no pin"),
        });
        told.collect::<Vec<_>>()
    };
    let cause = || "operator".to_owned();
    assert_eq!(
        changes(by_hand, 9),
        [
            (by_hand, Pin::None, PinReason::ByHand, cause()),
            (by_hand, Pin::Manual, PinReason::ByHand, cause()),
        ]
    );
    assert_eq!(
        changes(ids[0], 9),
        [
            (
                ids[0],
                Pin::None,
                PinReason::Displaced { by: by_hand },
                cause()
            ),
            (
                ids[0],
                Pin::Automatic,
                PinReason::Pivotal,
                "score:0".to_owned()
            ),
        ]
    );
    assert_eq!(changes(by_hand, 1).len(), 1);
    assert_eq!(changes(MemoryId(999), 9), []);
}
