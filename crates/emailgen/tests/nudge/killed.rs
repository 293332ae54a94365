//! Nudges that die, and whoever finishes their work.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use super::*;
use crate::faults::{Death, MortalLedger};
use crate::office::run;

/// Starts a nudge with a writer that takes its time, and drops it while it waits.
pub(super) fn drop_midway(office: &mut Office, settings: &TickSettings, nudge: &Nudge) {
    let drivers = registry(quick_driver());
    let writer = SlowWriter::failing(0);
    let now = settings.now;
    let mut tick = Tick {
        ledger: &mut office.ledger,
        drivers: &drivers,
        writer: &writer,
        wall_clock: &move || now,
        follow_ups: &|_| Vec::new(),
        on_record: &mut |_| (),
    };
    let mut future = Box::pin(tick.nudge(settings, nudge));
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(future.as_mut().poll(&mut context), Poll::Pending));
}

/// An office with mail and a draft that has been saved once.
fn busy(kind: NudgeKind) -> (Office, String) {
    let mut office = Office::always(&NAMES, &["mx1", "mx2"]);
    for hour in 0..2 {
        office.tick(&TickSettings {
            count: 2,
            ..quiet(hour)
        });
    }
    let decky = inhabited(&mut office);
    if kind == NudgeKind::Edit {
        let first = nudge(kind, &decky, "first");
        let _ = done(do_nudge(&mut office, &settings(20, 1), &first));
    }
    (office, decky)
}

/// Who comes after the one that died.
#[derive(Clone, Copy, Debug)]
enum Next {
    SameCause,
    Tick,
}

fn finish(office: &mut Office, wanted: &Nudge, next: Next, wall: DateTime<Utc>) {
    let drivers = registry(quick_driver());
    let later = TickSettings {
        pacing: Pacing::RepliesOnly,
        ..quiet(40)
    };
    if let Next::Tick = next {
        let report = run(&mut office.ledger, &drivers, &OfflineWriter, wall, &later).unwrap();
        assert!(report.failed.is_empty(), "{:?}", report.failed);
    }
    let _ = done(
        run_nudge(
            &mut office.ledger,
            &drivers,
            &OfflineWriter,
            wall,
            &later,
            wanted,
        )
        .unwrap(),
    );
}

#[track_caller]
fn assert_done_once(office: &mut Office, mails: usize, what: &str) {
    let all = office.mails();
    assert_eq!(all.len(), mails + 1, "{what}");
    assert!(all.iter().all(|mail| mail.state == "delivered"), "{what}");
    assert_consistent(office);
    let drafts = drafts(office).len();
    let begun = all.iter().filter(|mail| mail.draft == Some(1)).count();
    assert_eq!(drafts, begun, "{what}: one file for each draft");
}

#[test]
fn a_nudge_killed_at_any_call_to_the_ledger_is_done_once() {
    for kind in KINDS {
        for (slow, next) in [(false, Next::SameCause), (true, Next::Tick)] {
            for number in 0.. {
                let mut ended = false;
                for death in [Death::Before(number), Death::After(number)] {
                    let (mut office, decky) = busy(kind);
                    let mails = office.mails().len();
                    let wanted = nudge(kind, &decky, "wanted");
                    let drivers = registry(quick_driver());
                    let at = quiet(30);
                    let writer = SlowWriter::failing(0);
                    let mut ledger = MortalLedger::new(&mut office.ledger, death);
                    let writer: &dyn Writer = if slow { &writer } else { &OfflineWriter };
                    let result = run_nudge(&mut ledger, &drivers, writer, at.now, &at, &wanted);
                    ended |= result.is_ok();
                    let last = ledger.calls.last().copied().unwrap_or_default();
                    let what = format!("{kind:?} {next:?} {death:?} ({last})");
                    finish(&mut office, &wanted, next, at.now + TimeDelta::hours(2));
                    assert_done_once(&mut office, mails, &what);
                }
                if ended {
                    assert!(number > 6, "{kind:?} calls its ledger {number} times");
                    break;
                }
            }
        }
    }
}

#[test]
fn a_nudge_killed_at_any_action_is_done_once() {
    for kind in KINDS {
        let mut died = 0;
        for actions in 0..20 {
            let (mut office, decky) = busy(kind);
            let mails = office.mails().len();
            let wanted = nudge(kind, &decky, "wanted");
            let dead: Arc<AtomicBool> = Arc::default();
            let driver = FaultyDriver {
                dies_after: actions,
                dead: Arc::clone(&dead),
                ..FaultyDriver::new()
            };
            let at = quiet(30);
            let mut ledger = MortalLedger::with_flag(&mut office.ledger, &dead);
            let result = run_nudge(
                &mut ledger,
                &registry(driver),
                &OfflineWriter,
                at.now,
                &at,
                &wanted,
            );
            if !dead.load(Ordering::SeqCst) {
                let _ = done(result.unwrap());
                break;
            }
            died += 1;
            finish(
                &mut office,
                &wanted,
                Next::Tick,
                at.now + TimeDelta::hours(2),
            );
            assert_done_once(&mut office, mails, &format!("{kind:?} {actions}"));
        }
        assert!(died > 1, "{kind:?} does {died} things");
    }
}

#[test]
fn an_ordinary_tick_does_not_count_a_nudged_mail_twice() {
    let (mut office, decky) = busy(NudgeKind::Thread);
    let wanted = nudge(NudgeKind::Thread, &decky, "wanted");
    let at = settings(30, 1);
    drop_midway(&mut office, &at, &wanted);
    let drivers = registry(quick_driver());
    let wall = at.now + TimeDelta::hours(2);
    let report = run(
        &mut office.ledger,
        &drivers,
        &OfflineWriter,
        wall,
        &settings(31, 1),
    )
    .unwrap();
    let [record] = &report.delivered[..] else {
        panic!("{:?}", report.delivered);
    };
    assert_eq!(record.cause.as_deref(), Some("wanted"));
}
