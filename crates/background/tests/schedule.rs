//! Once a night, in every time zone, through every change of its clocks.

use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use decnet_background::schedule::Nightly;
use proptest::collection::vec;
use proptest::prelude::*;

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// When it happens, for somebody who asks every `step` minutes between `from` and `to`, unless asleep.
fn runs(
    nightly: Nightly,
    zone: Tz,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    step: i64,
    is_asleep: impl Fn(DateTime<Utc>) -> bool,
) -> Vec<DateTime<Utc>> {
    let (mut now, mut last, mut runs) = (from, Some(from), Vec::new());
    while now < to {
        if !is_asleep(now) && nightly.is_due(&now.with_timezone(&zone), last) {
            last = Some(now);
            runs.push(now);
        }
        now += TimeDelta::minutes(step);
    }
    runs
}

/// The night of a moment, found in another way than the code does: hour by hour backwards.
fn night(at: DateTime<Utc>, zone: Tz, hour: u32) -> NaiveDate {
    let local = at.with_timezone(&zone);
    let date = local.date_naive();
    if local.hour() >= hour {
        date
    } else {
        date.pred_opt().unwrap()
    }
}

#[test]
fn clocks_that_go_forward_and_back_change_nothing() {
    for (zone, from, hour) in [
        (Tz::Europe__Madrid, "2026-03-20T00:00:00Z", 3),
        (Tz::Europe__Madrid, "2026-03-20T00:00:00Z", 2),
        (Tz::Europe__Madrid, "2026-10-15T00:00:00Z", 2),
        (Tz::Europe__Madrid, "2026-10-15T00:00:00Z", 3),
        (Tz::America__New_York, "2026-10-25T00:00:00Z", 1),
        (Tz::America__Havana, "2026-10-25T00:00:00Z", 0),
        (Tz::Australia__Lord_Howe, "2026-03-28T00:00:00Z", 1),
        (Tz::Asia__Beirut, "2026-03-20T00:00:00Z", 0),
    ] {
        let nightly = Nightly {
            hour,
            ..Nightly::default()
        };
        // It was done at its hour last.
        let mut from = utc(from);
        while from.with_timezone(&zone).hour() != hour {
            from += TimeDelta::minutes(1);
        }
        let found = runs(nightly, zone, (from, from + TimeDelta::days(20)), 1, |_| {
            false
        });
        let mut nights: Vec<NaiveDate> = found.iter().map(|at| night(*at, zone, hour)).collect();
        let count = nights.len();
        nights.dedup();
        assert_eq!(nights.len(), count, "{zone} {hour}: twice in a night");
        let all: Vec<NaiveDate> = nights[0].iter_days().take(count).collect();
        assert_eq!(nights, all, "{zone} {hour}: one was skipped");
        assert!(count >= 19, "{zone} {hour}: {count}");
        let last = found.last().unwrap().with_timezone(&zone);
        assert_eq!(last.hour(), hour, "{zone}: it comes back to its hour");
    }
}

#[test]
fn who_was_asleep_is_told_at_the_next_wake_up() {
    let zone = Tz::Europe__Madrid;
    let (from, to) = (utc("2026-06-01T01:00:00Z"), utc("2026-06-08T00:00:00Z"));
    let awake = utc("2026-06-03T10:07:00Z");
    let asleep = |at: DateTime<Utc>| at > utc("2026-06-02T12:00:00Z") && at < awake;
    let found = runs(Nightly::default(), zone, (from, to), 1, asleep);
    assert_eq!(found[0], utc("2026-06-02T01:00:00Z"));
    assert_eq!(found[1], awake, "late, but on its day");
    assert_eq!(
        found[2],
        awake + TimeDelta::hours(23),
        "not twice within the guard"
    );
    assert_eq!(found[3], awake + TimeDelta::hours(46));
}

#[test]
fn clocks_that_jump_neither_repeat_nor_stop_it() {
    let nightly = Nightly::default();
    let is_due = |now: &str, last: &str| nightly.is_due(&utc(now), Some(utc(last)));
    // Put back by hours just after it was done.
    assert!(!is_due("2026-06-02T00:10:00Z", "2026-06-02T03:00:00Z"));
    assert!(!is_due("2026-06-02T03:00:00Z", "2026-06-02T03:00:00Z"));
    assert!(is_due("2026-06-03T03:00:00Z", "2026-06-02T03:00:00Z"));
    // It had been years ahead.
    assert!(is_due("2026-06-02T12:00:00Z", "2031-01-01T03:00:00Z"));
    // Put forward by days.
    assert!(is_due("2026-06-09T12:00:00Z", "2026-06-02T03:00:00Z"));
    assert!(
        !is_due("2026-06-03T02:59:59Z", "2026-06-02T03:00:00Z"),
        "before its hour"
    );
    assert!(is_due("2026-06-03T03:00:00Z", "2026-06-02T03:00:30Z"));
    assert!(
        !is_due("2026-06-03T01:59:00Z", "2026-06-02T03:00:00Z"),
        "too fresh"
    );
    let late = Nightly {
        hour: 99,
        ..nightly
    };
    assert!(late.is_due(
        &utc("2026-06-03T23:00:00Z"),
        Some(utc("2026-06-02T22:00:00Z"))
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn once_a_night_in_every_zone(
        zone in 0..TZ_VARIANTS.len(),
        begin in 0..60_i64 * 365 * 24 * 60,
        hour in 0..24_u32,
        step in prop_oneof![Just(1_i64), Just(7), Just(15), Just(60)],
        naps in vec((0..20_i64 * 24 * 60, 1..72_i64 * 60), 0..3),
    ) {
        let zone = TZ_VARIANTS[zone];
        let from = utc("1980-01-01T00:00:00Z") + TimeDelta::minutes(begin);
        let to = from + TimeDelta::days(20);
        let nightly = Nightly { hour, ..Nightly::default() };
        let is_asleep = |at: DateTime<Utc>| {
            let minute = (at - from).num_minutes();
            naps.iter().any(|(begin, length)| (*begin..begin + length).contains(&minute))
        };
        let found = runs(nightly, zone, (from, to), step, is_asleep);
        let nights: Vec<NaiveDate> = found.iter().map(|at| night(*at, zone, hour)).collect();
        for (pair, nights) in found.windows(2).zip(nights.windows(2)) {
            prop_assert!(pair[1] - pair[0] >= nightly.fresh, "{:?}", pair);
            prop_assert!(nights[0] < nights[1], "twice in a night: {:?}", pair);
        }
        // Whoever was awake through a night of usual length did it in that night.
        let step = TimeDelta::minutes(step);
        let mut nights_asked: Vec<(NaiveDate, i64, bool)> = Vec::new();
        let mut now = from;
        while now < to {
            let of = night(now, zone, hour);
            match nights_asked.last_mut() {
                Some((night, asked, awake)) if *night == of => {
                    *asked += 1;
                    *awake &= !is_asleep(now);
                }
                _ => nights_asked.push((of, 1, !is_asleep(now))),
            }
            now += step;
        }
        let begun_in = night(from, zone, hour);
        for (of, asked, awake) in nights_asked.iter().rev().skip(1) {
            let is_usual = step * i32::try_from(*asked).unwrap() > nightly.fresh + step;
            // What was asked late in the night before may be one step too fresh at the end of a
            // night of 23 hours; nights of 24 leave room for that.
            if *awake && is_usual && *of > begun_in {
                prop_assert!(nights.contains(of), "{of} was skipped: {found:?}");
            }
        }
    }
}
