//! Pauses, episodes, the circuit, clocks that were put back, and the log.

use chrono::TimeDelta;

use super::desk::{ALL, Desk, P1, at, plan, plan_on, times};
use crate::action::{Action, Tier};
use crate::attempt::Beginning;
use crate::decision::Reason;
use crate::fleet::FleetCount;
use crate::ledger::{Fleet, Observations, View};
use crate::log::Event;

pub(super) fn pauses_are_noted_once(desk: &mut Desk<'_>) {
    assert!(desk.pause(Some("zeta"), 1));
    assert!(desk.pause(Some(P1), 2));
    assert!(!desk.pause(Some(P1), 3), "it is paused");
    assert_eq!(desk.target().paused_since, Some(at(2)), "since the first");
    let paused = Desk::ok(desk.0.paused());
    let expected = [(P1.to_owned(), at(2)), ("zeta".to_owned(), at(1))];
    assert_eq!(paused, expected, "by name");
    assert_eq!(desk.events().len(), 2);
    let reason = desk.refused(&plan(Tier::One), 4);
    let since = at(2);
    let everything = false;
    assert_eq!(reason, Reason::Paused { everything, since });
    desk.begin(&plan_on("p2", Tier::One), 4);
    assert!(desk.resume(Some(P1), 5));
    assert!(!desk.resume(Some(P1), 6));
    assert!(!desk.resume(Some("nobody"), 6));
    assert_eq!(desk.target().paused_since, None);
    assert_eq!(desk.events().len(), 4);
    desk.begin(&plan(Tier::One), 7);
    assert!(desk.pause(Some(P1), 8));
    assert_eq!(desk.target().paused_since, Some(at(8)));
}

pub(super) fn everything_may_be_paused(desk: &mut Desk<'_>) {
    assert!(desk.pause(Some(P1), 0));
    assert!(desk.pause(None, 1));
    assert!(!desk.pause(None, 2));
    assert_eq!(desk.fleet(0, 2).paused_since, Some(at(1)));
    assert_eq!(Desk::ok(desk.0.paused()).len(), 1, "targets on their own");
    assert_eq!(desk.target().paused_since, Some(at(0)));
    let reason = desk.refused(&plan_on("p2", Tier::One), 3);
    let since = at(1);
    let everything = true;
    assert_eq!(reason, Reason::Paused { everything, since });
    assert!(desk.resume(None, 4));
    assert!(!desk.resume(None, 5));
    assert_eq!(desk.fleet(0, 5).paused_since, None);
    assert_eq!(desk.target().paused_since, Some(at(0)), "it stays");
    let events = desk.events();
    let target = || Some(P1.to_owned());
    let expected = [
        Event::Paused { target: target() },
        Event::Paused { target: None },
        Event::Resumed { target: None },
    ];
    assert_eq!(events, expected);
    // What runs is not held up: it may end, and be tried again.
    assert!(desk.resume(Some(P1), 6));
    let held = desk.begin(&plan(Tier::One), 7);
    assert!(desk.pause(None, 8));
    assert!(desk.take_up(held.attempt.id, 1, 20).is_some());
    let recorded = desk.success(held.attempt.id, 2, 21);
    assert_eq!(recorded, crate::ledger::Recorded::Yes);
}

pub(super) fn episodes_replace_each_other(desk: &mut Desk<'_>) {
    let zeal = desk.episode("zeal", 1, 10);
    desk.episode("stagnation", 1, 11);
    let stagnation = desk.episode("stagnation", 2, 12);
    let expected = [
        ("stagnation".to_owned(), stagnation),
        ("zeal".to_owned(), zeal),
    ];
    assert_eq!(desk.target().episodes, expected, "by name of the policy");
    assert_eq!(desk.page(0, 10)[0].episodes, expected);
    assert_eq!(desk.events().len(), 3);
    assert_eq!(desk.target().history.beginnings, []);
}

pub(super) fn the_circuit_opens_and_closes_once(desk: &mut Desk<'_>) {
    desk.circuit(false, 0);
    assert_eq!(desk.events(), [], "it was closed");
    desk.circuit(true, 1);
    desk.circuit(true, 2);
    assert_eq!(desk.fleet(0, 2).circuit_open_since, Some(at(1)));
    desk.circuit(false, 3);
    desk.circuit(false, 4);
    assert_eq!(desk.fleet(0, 4).circuit_open_since, None);
    let (stale, with_traffic) = (5, 10);
    let expected = [
        Event::CircuitOpened {
            stale,
            with_traffic,
        },
        Event::CircuitClosed {
            stale,
            with_traffic,
        },
    ];
    assert_eq!(desk.events(), expected);
    // An open circuit is the tick's to heed.
    desk.circuit(true, 5);
    desk.begin(&plan(Tier::One), 6);
}

pub(super) fn a_clock_that_was_put_back_is_noticed_once(desk: &mut Desk<'_>) {
    desk.done(&plan(Tier::One), 0);
    desk.done(&plan(Tier::Two), 100);
    desk.done(&plan_on("p2", Tier::One), 200);
    assert!(!desk.fleet(0, 200).clock_was_put_back);
    assert!(desk.fleet(0, 199).clock_was_put_back);
    desk.put_back(50);
    let ahead = |action, minutes, seen: Option<i64>| Beginning {
        action,
        at: at(minutes),
        seen_ahead_at: seen.map(at),
    };
    let (comment, edit) = (Tier::One.action(), Tier::Two.action());
    let seen = [ahead(comment, 0, None), ahead(edit, 100, Some(50))];
    assert_eq!(desk.beginnings(P1), seen);
    assert_eq!(desk.beginnings("p2"), [ahead(comment, 200, Some(50))]);
    assert!(!desk.fleet(0, 50).clock_was_put_back, "it is remembered");
    assert!(!desk.fleet(0, 99).clock_was_put_back);
    // Put back once more: those that were seen before keep what was seen first.
    desk.done(&plan(Tier::Three), 60);
    assert!(desk.fleet(0, 55).clock_was_put_back);
    desk.put_back(55);
    let thread = Tier::Three.action();
    let seen = [
        ahead(comment, 0, None),
        ahead(edit, 100, Some(50)),
        ahead(thread, 60, Some(55)),
    ];
    assert_eq!(desk.beginnings(P1), seen, "in the order of beginning");
    // It lies at the moment, not ahead of it.
    desk.done(&plan_on("p3", Tier::One), 70);
    desk.put_back(70);
    assert_eq!(desk.beginnings("p3"), [ahead(comment, 70, None)]);
    assert!(!desk.fleet(0, 70).clock_was_put_back);
    // What was seen at a moment that lies ahead itself is seen again.
    assert!(desk.fleet(0, 54).clock_was_put_back);
    assert!(desk.fleet(0, 49).clock_was_put_back);
    desk.put_back(52);
    let seen = [
        ahead(comment, 0, None),
        ahead(edit, 100, Some(50)),
        ahead(thread, 60, Some(52)),
    ];
    assert_eq!(desk.beginnings(P1), seen);
    assert_eq!(desk.beginnings("p3"), [ahead(comment, 70, Some(52))]);
    assert_eq!(desk.fleet(60, 52).begun[0], ahead(thread, 60, Some(52)));
    desk.put_back(-30);
    let seen = [
        ahead(comment, 0, Some(-30)),
        ahead(edit, 100, Some(-30)),
        ahead(thread, 60, Some(-30)),
    ];
    assert_eq!(desk.beginnings(P1), seen);
    assert!(!desk.fleet(0, -30).clock_was_put_back);
}

pub(super) fn what_was_seen_ahead_shows_for_as_long_as_it_counts(desk: &mut Desk<'_>) {
    desk.done(&plan(Tier::One), 10);
    desk.done(&plan(Tier::Two), 500);
    desk.put_back(0);
    let from = |desk: &mut Desk<'_>, beginnings_from| {
        let view = View {
            beginnings_from,
            ..ALL
        };
        let history = desk.look(P1, view).history;
        history
            .beginnings
            .iter()
            .map(|held| held.at)
            .collect::<Vec<_>>()
    };
    // By its own time: when it was seen is always earlier.
    assert_eq!(from(desk, at(0)), [at(10), at(500)]);
    assert_eq!(from(desk, at(10)), [at(10), at(500)]);
    let a_moment = TimeDelta::microseconds(1);
    assert_eq!(from(desk, at(10) + a_moment), [at(500)]);
    assert_eq!(from(desk, at(500)), [at(500)]);
    assert!(from(desk, at(500) + a_moment).is_empty());
}

pub(super) fn what_holds_for_all_is_shown(desk: &mut Desk<'_>) {
    for (number, minutes) in [30, 10, 20, 10].into_iter().enumerate() {
        desk.begin(&plan_on(&format!("t{number}"), Tier::One), minutes);
    }
    desk.circuit(true, 40);
    assert!(desk.pause(None, 41));
    let expected = Fleet {
        paused_since: Some(at(41)),
        circuit_open_since: Some(at(40)),
        begun: [10, 10, 20, 30]
            .map(|minutes| Beginning::new(Action::Comment, at(minutes)))
            .to_vec(),
        clock_was_put_back: false,
    };
    assert_eq!(desk.fleet(10, 41), expected);
    assert_eq!(times(&desk.fleet(11, 41)), [at(20), at(30)]);
    assert!(desk.fleet(31, 41).begun.is_empty());
}

pub(super) fn nothing_seen_is_nothing_written(desk: &mut Desk<'_>) {
    desk.observe(&Observations::default(), 0);
    assert_eq!(desk.events(), []);
    let seen = Observations {
        circuit: Some((false, FleetCount::default())),
        ..Observations::default()
    };
    desk.observe(&seen, 1);
    assert_eq!(desk.events(), []);
    assert_eq!(desk.page(0, 10), []);
}

pub(super) fn the_log_comes_page_by_page(desk: &mut Desk<'_>) {
    let id = desk.begin(&plan(Tier::One), 0).attempt.id;
    let _ = desk.failure(id, 1, 1, Some(2));
    assert!(desk.take_up(id, 1, 2).is_some());
    let _ = desk.success(id, 2, 3);
    desk.episode("stagnation", 1, 4);
    desk.circuit(true, 5);
    desk.put_back(-1);
    assert!(desk.pause(Some(P1), 7));
    assert!(desk.resume(Some(P1), 8));
    let whole = Desk::ok(desk.0.log(0, usize::MAX));
    let numbers: Vec<_> = whole.iter().map(|entry| entry.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8, 9], "without a gap");
    let minutes = whole.iter().map(|entry| entry.at);
    let expected = [0, 1, 2, 3, 4, 5, -1, 7, 8].map(at);
    assert_eq!(
        minutes.collect::<Vec<_>>(),
        expected,
        "by the clock of then"
    );
    assert!(matches!(&whole[0].event, Event::Began { attempt, token: 1, .. } if *attempt == id));
    assert!(matches!(
        &whole[1].event,
        Event::Failed {
            retry_at: Some(_),
            ..
        }
    ));
    assert!(matches!(&whole[2].event, Event::TakenUp { token: 2, .. }));
    assert!(matches!(&whole[3].event, Event::Succeeded { token: 2, .. }));
    assert_eq!(whole[6].event, Event::ClockPutBack);
    assert_eq!(Desk::ok(desk.0.log(3, 2)), whole[3..5]);
    assert_eq!(Desk::ok(desk.0.log(9, 5)), []);
    assert_eq!(Desk::ok(desk.0.log(0, 0)), []);
    assert_eq!(Desk::ok(desk.0.log(-7, 1)), whole[..1]);
    assert_eq!(Desk::ok(desk.0.log(i64::MAX, 1)), []);
}
