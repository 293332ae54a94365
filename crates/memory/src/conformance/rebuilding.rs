//! Rebuilds and snapshots.

use super::desk::{Desk, about, agrees_with_its_log, at};
use crate::ledger::MemoryFilter;
use crate::memory::Memory;
use crate::pins::Hand;

/// Some of everything.
fn fill(desk: &mut Desk<'_>, from: i64) {
    let ids = desk.pivotal(from..from + 10);
    desk.hand(ids[9], Hand::Unpin);
    desk.hand(ids[0], Hand::Pin);
    desk.score(ids[5], 1, &format!("lower:{from}"));
    desk.write(about(
        &format!("about:{from}"),
        from,
        "t1",
        &["Acme", "Atlas"],
    ));
}

fn shown(desk: &mut Desk<'_>) -> Vec<Memory> {
    Desk::ok(desk.0.list(&MemoryFilter::default()))
}

pub(super) fn a_rebuild_changes_nothing(desk: &mut Desk<'_>) {
    let nothing = Desk::ok(desk.0.rebuild());
    assert_eq!((nothing.entries, nothing.memories), (0, 0));
    fill(desk, 0);
    let (before, last) = (shown(desk), desk.last_entry());
    let rebuilt = Desk::ok(desk.0.rebuild());
    assert_eq!(rebuilt.entries, last.cast_unsigned());
    assert_eq!((rebuilt.memories, rebuilt.from_snapshot), (11, None));
    assert_eq!(shown(desk), before);
    assert_eq!(desk.last_entry(), last);
    // Afterwards it goes on as before.
    fill(desk, 100);
    agrees_with_its_log(desk.0);
}

pub(super) fn a_rebuild_starts_from_the_newest_snapshot(desk: &mut Desk<'_>) {
    fill(desk, 0);
    desk.snapshot(5);
    let first = desk.last_entry();
    fill(desk, 100);
    let info = desk.snapshot(5);
    assert_eq!((info.last_entry, info.memories), (desk.last_entry(), 22));
    assert!(info.last_entry > first && info.bytes > 0);
    fill(desk, 200);
    let (before, last) = (shown(desk), desk.last_entry());
    let rebuilt = Desk::ok(desk.0.rebuild());
    assert_eq!(rebuilt.from_snapshot, Some(info.last_entry));
    assert_eq!(rebuilt.entries, (last - info.last_entry).cast_unsigned());
    assert_eq!(rebuilt.memories, 33);
    assert_eq!(shown(desk), before);
}

pub(super) fn the_newest_snapshots_are_kept(desk: &mut Desk<'_>) {
    let mut taken = Vec::new();
    for minute in 0..7 {
        desk.plain(&format!("{minute}"), minute);
        taken.push(desk.snapshot(5));
    }
    taken.reverse();
    assert_eq!(Desk::ok(desk.0.snapshots()), taken[..5]);
    assert_eq!(taken[0].taken_at, at(4_000));
    // At least one.
    desk.plain("more", 9);
    let newest = desk.snapshot(0);
    assert_eq!(Desk::ok(desk.0.snapshots()), [newest]);
}

pub(super) fn a_snapshot_of_nothing_new_is_the_one_before(desk: &mut Desk<'_>) {
    desk.plain("a", 1);
    let first = desk.snapshot(5);
    let again = Desk::ok(desk.0.snapshot(at(9_000), 5));
    assert_eq!(again, first);
    assert_eq!(Desk::ok(desk.0.snapshots()), [first]);
}
