//! Targets, their points and counters, presences, positions.

use chrono::{DateTime, TimeDelta, Utc};

use super::desk::{ALL, Desk, P1, at, plan, plan_on, point, presence};
use crate::action::Tier;
use crate::ledger::{
    AttemptFilter, CounterPoint, HealLedgerError, Intake, Observations, POINTS_MAX,
    TARGET_NAME_MAX, TargetId, View,
};
use crate::point::Point;
use crate::policy::Episode;

/// Names that break what does not take them as they are.
pub(super) fn hostile_names() -> Vec<String> {
    let mut names: Vec<String> = [
        "it's \"quoted\" -- ; DROP TABLE heal_target",
        "100%_of\\them",
        "two\nlines\r\n\ttabbed",
        "nul\0inside",
        "\u{1b}[31mred\u{7}",
        "Ñandú 東京 🦀 e\u{301}",
        "é",
        "e\u{301}",
        "P1",
        "p1 ",
        " p1",
        "?1",
        ":name",
        "null",
        "{\"target\":null}",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("x".repeat(TARGET_NAME_MAX));
    names.push("東".repeat(TARGET_NAME_MAX / 3));
    names
}

pub(super) fn an_empty_ledger_shows_nothing(desk: &mut Desk<'_>) {
    assert_eq!(desk.page(0, 10), []);
    assert_eq!(Desk::ok(desk.0.target(P1, ALL)), None);
    assert_eq!(desk.fleet(-10_000, 0), crate::ledger::Fleet::default());
    assert!(desk.present(-10_000).is_empty());
    assert!(desk.due(10_000, 10).is_empty());
    assert_eq!(desk.list(), []);
    assert_eq!(desk.events(), []);
    assert_eq!(Desk::ok(desk.0.paused()), []);
    assert_eq!(Desk::ok(desk.0.position("a")), 0);
    assert!(!desk.resume(Some(P1), 0));
    assert!(!desk.resume(None, 0));
    assert_eq!(Desk::ok(desk.0.target(P1, ALL)), None, "asking makes none");
}

pub(super) fn targets_are_known_in_the_order_of_first_mention(desk: &mut Desk<'_>) {
    desk.take_in(&Intake {
        targets: &["zeta", "alpha"],
        points: &[("mid", point(0, 1, 1)), ("alpha", point(0, 1, 1))],
        counters: &[CounterPoint {
            target: "counted",
            counter: "web",
            point: point(0, 1, 1),
        }],
        presences: &[presence("s1", "entered", 0, None)],
        ..Intake::default()
    });
    assert!(desk.pause(Some("resting"), 1));
    let _ = desk.begin(&plan_on("nudged", Tier::One), 2);
    let seen = Observations {
        episodes: vec![(
            "stagnation".to_owned(),
            "watched".to_owned(),
            Episode {
                number: 1,
                is_stale: true,
                since: at(3),
            },
        )],
        ..Observations::default()
    };
    desk.observe(&seen, 3);
    desk.take_in(&Intake {
        targets: &["alpha", "zeta", "late"],
        ..Intake::default()
    });
    let names: Vec<_> = desk
        .page(0, 100)
        .into_iter()
        .map(|known| known.name)
        .collect();
    let order = [
        "zeta", "alpha", "mid", "counted", "entered", "resting", "nudged", "watched", "late",
    ];
    assert_eq!(names, order);
}

pub(super) fn names_that_no_target_can_have_change_nothing(desk: &mut Desk<'_>) {
    let long = "x".repeat(TARGET_NAME_MAX + 1);
    for name in ["", long.as_str()] {
        let refused = |done: Result<(), HealLedgerError>| match done {
            Err(HealLedgerError::TargetName { length }) => assert_eq!(length, name.len()),
            other => panic!("{} bytes: {other:?}", name.len()),
        };
        let position = Some(("source", 7));
        refused(desk.0.take_in(&Intake {
            targets: &["good", name],
            position,
            ..Intake::default()
        }));
        refused(desk.0.take_in(&Intake {
            points: &[("good", point(0, 1, 1)), (name, point(0, 1, 1))],
            position,
            ..Intake::default()
        }));
        let counter = |target| CounterPoint {
            target,
            counter: "web",
            point: point(0, 1, 1),
        };
        refused(desk.0.take_in(&Intake {
            counters: &[counter("good"), counter(name)],
            position,
            ..Intake::default()
        }));
        refused(desk.0.take_in(&Intake {
            targets: &["good"],
            presences: &[presence("a", "good", 0, None), presence("b", name, 0, None)],
            position,
            ..Intake::default()
        }));
        let episode = Episode {
            number: 1,
            is_stale: true,
            since: at(0),
        };
        let entered = |target: &str| ("stagnation".to_owned(), target.to_owned(), episode);
        let seen = Observations {
            episodes: vec![entered("good"), entered(name)],
            clock_was_put_back: true,
            ..Observations::default()
        };
        refused(desk.0.record_observations(&seen, at(0)));
        refused(desk.0.pause(Some(name), at(0)).map(|_| ()));
        let (limits, budget) = (super::desk::no_limits(), super::desk::NO_BUDGET);
        let begun = desk
            .0
            .begin(&plan_on(name, Tier::One), &limits, budget, at(0), at(1));
        refused(begun.map(|_| ()));
        assert!(!desk.resume(Some(name), 0));
    }
    assert_eq!(desk.page(0, 10), [], "half of it was kept");
    assert!(desk.present(-10_000).is_empty());
    assert_eq!(Desk::ok(desk.0.position("source")), 0);
    assert_eq!(desk.events(), []);
}

pub(super) fn names_are_kept_as_they_are(desk: &mut Desk<'_>) {
    let names = hostile_names();
    for (index, name) in names.iter().enumerate() {
        let minutes = i64::try_from(index).unwrap_or(0);
        desk.take_in(&Intake {
            points: &[(name, point(minutes, 1, 0))],
            counters: &[CounterPoint {
                target: name,
                counter: name,
                point: point(minutes + 1, 5, 5),
            }],
            presences: &[presence(name, name, minutes, None)],
            position: Some((name, minutes)),
            ..Intake::default()
        });
        let mut plan = plan_on(name, Tier::Two);
        plan.policy.clone_from(name);
        let held = desk.begin(&plan, minutes);
        assert_eq!(held.attempt.plan, plan);
        let seen = Observations {
            episodes: vec![(
                name.clone(),
                name.clone(),
                Episode {
                    number: minutes,
                    is_stale: false,
                    since: at(minutes),
                },
            )],
            ..Observations::default()
        };
        desk.observe(&seen, minutes);
        assert!(desk.pause(Some(name), minutes));
    }
    let known = desk.page(0, 100);
    assert_eq!(known.len(), names.len());
    for ((index, name), target) in names.iter().enumerate().zip(&known) {
        let minutes = i64::try_from(index).unwrap_or(0);
        assert_eq!(&target.name, name);
        assert_eq!(
            target.points,
            [point(minutes, 1, 0), point(minutes + 1, 1, 0)]
        );
        assert_eq!(target.paused_since, Some(at(minutes)));
        assert_eq!(target.history.attempts.len(), 1, "{name:?}");
        assert_eq!(&target.history.attempts[0].policy, name);
        assert_eq!(&target.episodes[0].0, name);
        assert_eq!(Desk::ok(desk.0.position(name)), minutes);
        let filter = AttemptFilter {
            target: Some(name.clone()),
            ..AttemptFilter::default()
        };
        let listed = desk.attempts(&filter);
        assert_eq!(listed.len(), 1, "{name:?}");
        assert_eq!(&listed[0].plan.target, name);
    }
    let mut sorted = names;
    sorted.sort_unstable();
    assert_eq!(desk.present(0), sorted);
    let paused = Desk::ok(desk.0.paused());
    let paused: Vec<_> = paused.into_iter().map(|(name, _)| name).collect();
    assert_eq!(paused, sorted, "by name, as bytes are compared");
}

pub(super) fn pages_follow_each_other(desk: &mut Desk<'_>) {
    let names: Vec<String> = (0..10).map(|number| format!("t{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    desk.take_in(&Intake {
        targets: &names,
        ..Intake::default()
    });
    // Every third has something, so that pages begin and end with and without.
    for name in names.iter().step_by(3) {
        desk.points(&[(name, point(0, 7, 0))]);
        desk.done(&plan_on(name, Tier::One), 1);
    }
    let whole = desk.page(0, 100);
    let of_page: Vec<_> = whole.iter().map(|known| known.name.as_str()).collect();
    assert_eq!(of_page, names);
    assert!(whole.is_sorted_by(|one, other| one.id < other.id));
    for size in 1..=11 {
        let mut gathered = Vec::new();
        let mut after = TargetId(0);
        loop {
            let page = desk.page(after.0, size);
            assert!(page.len() <= size);
            let Some(last) = page.last() else { break };
            assert!(last.id > after, "a page that does not go on");
            after = last.id;
            gathered.extend(page);
        }
        assert_eq!(gathered, whole, "pages of {size}");
    }
    assert_eq!(desk.page(0, 0), []);
    assert_eq!(desk.page(i64::MAX, 5), []);
    assert_eq!(desk.page(-5, 100), whole);
}

pub(super) fn points_are_sorted_however_they_come(desk: &mut Desk<'_>) {
    desk.points(&[
        (P1, point(30, 3, 0)),
        ("p2", point(5, 9, 9)),
        (P1, point(10, 1, 0)),
    ]);
    desk.points(&[
        (P1, point(20, 2, 0)),
        (P1, point(0, 0, 0)),
        (P1, point(40, 4, 0)),
    ]);
    let points = [
        point(0, 0, 0),
        point(10, 1, 0),
        point(20, 2, 0),
        point(30, 3, 0),
        point(40, 4, 0),
    ];
    assert_eq!(desk.target().points, points);
    assert_eq!(desk.look("p2", ALL).points, [point(5, 9, 9)]);
}

pub(super) fn a_point_of_the_same_moment_replaces_the_earlier(desk: &mut Desk<'_>) {
    desk.points(&[(P1, point(0, 1, 1)), (P1, point(10, 2, 2))]);
    desk.points(&[(P1, point(0, 8, 8)), (P1, point(0, 9, u64::MAX))]);
    desk.points(&[(P1, point(10, 2, 2))]);
    let points = [point(0, 9, u64::MAX), point(10, 2, 2)];
    assert_eq!(desk.target().points, points);
}

pub(super) fn points_are_kept_for_their_time(desk: &mut Desk<'_>) {
    let take_in = |desk: &mut Desk<'_>, points: &[(&str, Point)], minutes| {
        desk.take_in(&Intake {
            points,
            keep_for: Some(TimeDelta::minutes(minutes)),
            ..Intake::default()
        });
    };
    take_in(
        desk,
        &[
            (P1, point(0, 1, 0)),
            (P1, point(30, 2, 0)),
            ("old", point(-900, 1, 0)),
        ],
        30,
    );
    assert_eq!(desk.target().points.len(), 2, "both ends are kept");
    // Counted back from the newest of its own target, not of all.
    assert_eq!(desk.look("old", ALL).points, [point(-900, 1, 0)]);
    take_in(desk, &[(P1, point(31, 3, 0))], 30);
    assert_eq!(desk.target().points, [point(30, 2, 0), point(31, 3, 0)]);
    // One that is too old when it comes.
    take_in(desk, &[(P1, point(0, 9, 9))], 30);
    assert_eq!(desk.target().points, [point(30, 2, 0), point(31, 3, 0)]);
    // A shorter time thins out what is there.
    take_in(desk, &[(P1, point(31, 3, 0))], 0);
    assert_eq!(desk.target().points, [point(31, 3, 0)]);
    assert_eq!(desk.look("old", ALL).points, [point(-900, 1, 0)]);
}

pub(super) fn the_newest_points_are_kept(desk: &mut Desk<'_>) {
    let most = i64::try_from(POINTS_MAX).unwrap_or(0);
    let even: Vec<_> = (0..most)
        .map(|number| (P1, point(2 * number, 1, 0)))
        .collect();
    desk.points(&even);
    assert_eq!(desk.target().points.len(), POINTS_MAX);
    // Older than all: there is no room for it.
    desk.points(&[(P1, point(-1, 5, 5))]);
    assert_eq!(desk.target().points[0], point(0, 1, 0));
    // In the middle, and at the end: the oldest two go.
    desk.points(&[(P1, point(2 * most, 7, 7)), (P1, point(most + 1, 6, 6))]);
    let points = desk.target().points;
    assert_eq!(points.len(), POINTS_MAX);
    assert_eq!(points[0], point(4, 1, 0));
    assert_eq!(points[POINTS_MAX - 1], point(2 * most, 7, 7));
    assert!(points.contains(&point(most + 1, 6, 6)));
    // Many at once, in no order.
    let more: Vec<_> = (0..most + 50)
        .map(|number| (P1, point((number * 7_919) % (most + 50) + 3 * most, 2, 2)))
        .collect();
    desk.points(&more);
    let points = desk.target().points;
    assert_eq!(points.len(), POINTS_MAX);
    assert_eq!(points[0], point(3 * most + 50, 2, 2));
    assert!(points.is_sorted_by(|one, other| one.at < other.at));
}

pub(super) fn a_look_goes_as_far_back_as_it_says(desk: &mut Desk<'_>) {
    desk.points(&[
        (P1, point(0, 1, 0)),
        (P1, point(10, 2, 0)),
        (P1, point(20, 3, 0)),
    ]);
    desk.done(&plan(Tier::One), 0);
    desk.done(&plan(Tier::Two), 10);
    desk.done(&plan(Tier::Three), 20);
    let exactly = View {
        points_from: at(10),
        beginnings_from: at(20),
    };
    let target = desk.look(P1, exactly);
    assert_eq!(target.points, [point(10, 2, 0), point(20, 3, 0)]);
    assert_eq!(target.history.beginnings.len(), 1);
    assert_eq!(target.history.beginnings[0].at, at(20));
    assert_eq!(
        target.history.attempts.len(),
        3,
        "attempts are shown however old"
    );
    // Between two microseconds nothing lies.
    let later = View {
        points_from: at(10) + TimeDelta::nanoseconds(1),
        beginnings_from: at(10) + TimeDelta::nanoseconds(1),
    };
    let target = desk.look(P1, later);
    assert_eq!(target.points, [point(20, 3, 0)]);
    assert_eq!(target.history.beginnings.len(), 1);
    let nothing = View {
        points_from: DateTime::<Utc>::MAX_UTC,
        beginnings_from: DateTime::<Utc>::MAX_UTC,
    };
    let target = desk.look(P1, nothing);
    assert!(target.points.is_empty() && target.history.beginnings.is_empty());
    assert_eq!(Desk::ok(desk.0.targets(TargetId(0), 9, nothing)), [target]);
}

pub(super) fn counters_add_what_they_gained(desk: &mut Desk<'_>) {
    // What was counted before is not added.
    desk.counters(&[("web", point(0, 100, 10))]);
    assert_eq!(desk.target().points, [point(0, 0, 0)]);
    desk.counters(&[("mail", point(1, 50, 5)), ("web", point(2, 130, 11))]);
    let sums = [point(0, 0, 0), point(1, 0, 0), point(2, 30, 1)];
    assert_eq!(desk.target().points, sums);
    // It comes late, and is added no earlier than the newest.
    desk.counters(&[("mail", point(2, 53, 7))]);
    desk.counters(&[("ftp", point(-9, 1, 1)), ("ftp", point(-8, 5, 1))]);
    let sums = [point(0, 0, 0), point(1, 0, 0), point(2, 37, 3)];
    assert_eq!(desk.target().points, sums);
    // What is no later than its last is passed over, whatever it shows.
    desk.counters(&[("web", point(2, 900, 900)), ("web", point(1, 900, 900))]);
    assert_eq!(desk.target().points, sums);
    desk.counters(&[("web", point(3, 131, 11))]);
    assert_eq!(desk.target().points[3], point(3, 38, 3));
    // Counters of another target of the same name are others.
    desk.take_in(&Intake {
        counters: &[CounterPoint {
            target: "p2",
            counter: "web",
            point: point(4, 1_000, 1_000),
        }],
        ..Intake::default()
    });
    assert_eq!(desk.look("p2", ALL).points, [point(4, 0, 0)]);
    // Points that come directly are what sums go on from; in one intake they come first.
    desk.take_in(&Intake {
        counters: &[CounterPoint {
            target: P1,
            counter: "web",
            point: point(6, 132, 12),
        }],
        points: &[(P1, point(5, 500, 50))],
        keep_for: Some(TimeDelta::minutes(2)),
        ..Intake::default()
    });
    assert_eq!(desk.target().points, [point(5, 500, 50), point(6, 501, 51)]);
}

pub(super) fn a_counter_may_begin_again(desk: &mut Desk<'_>) {
    let huge = u64::MAX - 3;
    desk.counters(&[("web", point(0, huge, 40)), ("web", point(1, 7, 41))]);
    assert_eq!(desk.target().points, [point(0, 0, 0), point(1, 7, 1)]);
    desk.counters(&[("web", point(2, huge, 0))]);
    assert_eq!(desk.target().points[2], point(2, huge, 1));
    // A sum that has no room stays where it ends.
    desk.counters(&[("web", point(3, 9, 0)), ("web", point(4, 9, 0))]);
    assert_eq!(desk.target().points[3], point(3, u64::MAX, 1));
    assert_eq!(desk.target().points[4], point(4, u64::MAX, 1));
}

pub(super) fn presences_end_and_are_forgotten(desk: &mut Desk<'_>) {
    desk.take_in(&Intake {
        presences: &[
            presence("open", P1, 0, None),
            presence("ended", P1, 0, Some(10)),
            presence("short", "p2", 0, Some(5)),
        ],
        ..Intake::default()
    });
    assert_eq!(desk.present(-1), ["ended", "open", "short"]);
    assert_eq!(
        desk.present(5),
        ["ended", "open"],
        "ended after it, not at it"
    );
    assert_eq!(desk.present(10), ["open"]);
    // The end of one, and a correction of another.
    desk.take_in(&Intake {
        presences: &[
            presence("open", P1, 0, Some(30)),
            presence("ended", "p3", 2, None),
        ],
        ..Intake::default()
    });
    assert_eq!(desk.present(30), ["ended"]);
    let mut all = Desk::ok(desk.0.presences(at(-1)));
    all.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    let expected = [
        presence("ended", "p3", 2, None),
        presence("open", P1, 0, Some(30)),
        presence("short", "p2", 0, Some(5)),
    ];
    assert_eq!(all, expected);
    // Open ones are never forgotten, and those that ended at the moment not yet.
    desk.take_in(&Intake {
        presences: &[presence("gone", P1, 0, Some(29))],
        forget_presences_before: Some(at(30)),
        ..Intake::default()
    });
    assert_eq!(desk.present(-1), ["ended", "open"]);
    desk.take_in(&Intake {
        forget_presences_before: Some(at(31)),
        ..Intake::default()
    });
    assert_eq!(desk.present(-1), ["ended"]);
    assert_eq!(desk.page(0, 10).len(), 3, "their targets stay known");
}

pub(super) fn positions_are_those_of_their_source(desk: &mut Desk<'_>) {
    let mut keep = |source, position| {
        desk.take_in(&Intake {
            position: Some((source, position)),
            ..Intake::default()
        });
    };
    keep("hits", 10);
    keep("logins", -4);
    keep("hits", i64::MAX);
    keep("", 3);
    for (source, position) in [("hits", i64::MAX), ("logins", -4), ("", 3), ("Hits", 0)] {
        assert_eq!(Desk::ok(desk.0.position(source)), position, "{source:?}");
    }
    keep_back(desk);
}

/// A source that is read from its beginning again.
fn keep_back(desk: &mut Desk<'_>) {
    desk.take_in(&Intake {
        position: Some(("hits", 2)),
        ..Intake::default()
    });
    assert_eq!(Desk::ok(desk.0.position("hits")), 2);
}
