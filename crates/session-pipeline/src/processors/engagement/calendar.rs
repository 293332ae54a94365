//! Moments of log lines that leave out the year, or the zone.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::{Deserialize, Serialize};

/// A log that goes back in time by no more than this had its clock set; by more, a year began.
const CLOCK_SET_BACK: Days = Days::new(31);

/// Where and when a log was written, as far as its lines do not say it.
///
/// Dovecot's own format, `Nov 21 16:26:01`, has neither year nor zone. The year of the first line
/// comes from here. From then on it is counted: lines are in order, so a date that lies before that
/// of an earlier line by more than 31 days is one of the next year. A log that is silent for longer
/// than eleven months at a time cannot be told from one that is not.
///
/// The zone is one offset for all of the log; where clocks are put forward in summer, half of the
/// year is off by an hour. `log_timestamp = "%Y-%m-%dT%H:%M:%S%z "` in Dovecot's configuration
/// leaves nothing to guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    zone: FixedOffset,
    first_year: FirstYear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FirstYear {
    Is(i32),
    NotAfter(NaiveDate),
}

/// When a line was written, as it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// `Nov 21 16:26:01`
    Yearless {
        month: u32,
        day: u32,
        time: NaiveTime,
    },
    /// With a year, and with a zone perhaps.
    Full(NaiveDateTime, Option<FixedOffset>),
}

/// The latest date so far, from which the next line's year is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Latest(Option<NaiveDate>);

impl Calendar {
    /// The first line is of that year.
    pub fn of_year(year: i32, zone: FixedOffset) -> Self {
        Self {
            zone,
            first_year: FirstYear::Is(year),
        }
    }

    /// The first line is of the last year that does not put it after `moment`, such as when the log
    /// was first read or its file last written. A day after is allowed, for clocks that differ.
    pub fn not_after(moment: DateTime<FixedOffset>) -> Self {
        let date = moment.date_naive();
        Self {
            zone: *moment.offset(),
            first_year: FirstYear::NotAfter(date.checked_add_days(Days::new(1)).unwrap_or(date)),
        }
    }

    /// When a line was written. `None`: on no day there is.
    pub(crate) fn moment(&self, stamp: Stamp, latest: &mut Latest) -> Option<DateTime<Utc>> {
        let (local, zone) = match stamp {
            Stamp::Full(local, zone) => (local, zone.unwrap_or(self.zone)),
            Stamp::Yearless { month, day, time } => {
                (self.date(month, day, *latest)?.and_time(time), self.zone)
            }
        };
        let offset = chrono::TimeDelta::seconds(zone.local_minus_utc().into());
        let moment = local.checked_sub_signed(offset)?.and_utc();
        latest.0 = latest.0.max(Some(local.date()));
        Some(moment)
    }

    fn date(&self, month: u32, day: u32, latest: Latest) -> Option<NaiveDate> {
        let (year, is_counted) = match (latest.0, self.first_year) {
            (Some(latest), _) => (year_after(latest, month, day), true),
            (None, FirstYear::Is(year)) => (year, false),
            (None, FirstYear::NotAfter(date)) => {
                let is_after = (month, day) > (date.month(), date.day());
                (date.year() - i32::from(is_after), false)
            }
        };
        // The 29th of February says by itself which years it cannot be.
        let back = (1..8).map(|years| -years).filter(|_| !is_counted);
        std::iter::once(0)
            .chain(back)
            .chain(1..8)
            .find_map(|years| NaiveDate::from_ymd_opt(year + years, month, day))
    }
}

/// The year of a line that comes after one of `latest`.
fn year_after(latest: NaiveDate, month: u32, day: u32) -> i32 {
    let year = latest.year();
    let is_new_year = latest.month() == 1 && latest.day() <= 2;
    if is_new_year && month == 12 && day >= 30 {
        // Written by another process a moment before midnight.
        return year - 1;
    }
    let earliest = latest.checked_sub_days(CLOCK_SET_BACK).unwrap_or(latest);
    let is_next = NaiveDate::from_ymd_opt(year, month, day).is_some_and(|date| date < earliest);
    year + i32::from(is_next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(hours: i32) -> FixedOffset {
        FixedOffset::east_opt(hours * 3600).unwrap()
    }

    fn dates(calendar: Calendar, days: &[(u32, u32)]) -> Vec<String> {
        let mut latest = Latest::default();
        days.iter()
            .map(|(month, day)| {
                let stamp = Stamp::Yearless {
                    month: *month,
                    day: *day,
                    time: NaiveTime::MIN,
                };
                calendar
                    .moment(stamp, &mut latest)
                    .map_or("-".to_owned(), |moment| moment.date_naive().to_string())
            })
            .collect()
    }

    #[test]
    fn years_are_counted() {
        let check = |days: &[(u32, u32)], expected: &[&str]| {
            assert_eq!(dates(Calendar::of_year(2025, zone(0)), days), expected);
        };
        check(
            &[(11, 21), (12, 31), (1, 1)],
            &["2025-11-21", "2025-12-31", "2026-01-01"],
        );
        check(
            &[(12, 31), (1, 1), (12, 31), (1, 1)],
            &["2025-12-31", "2026-01-01", "2025-12-31", "2026-01-01"],
        );
        check(
            &[(3, 20), (3, 1), (3, 21)],
            &["2025-03-20", "2025-03-01", "2025-03-21"],
        );
        check(
            &[(11, 1), (2, 1), (12, 1)],
            &["2025-11-01", "2026-02-01", "2026-12-01"],
        );
        check(&[(12, 1), (2, 29)], &["2025-12-01", "2028-02-29"]);
        check(&[(2, 29)], &["2024-02-29"]);
        check(&[(2, 30), (13, 1), (3, 1)], &["-", "-", "2025-03-01"]);
    }

    #[test]
    fn the_first_year_may_follow_from_a_moment() {
        let check = |moment: &str, days: &[(u32, u32)], expected: &[&str]| {
            let moment = DateTime::parse_from_rfc3339(moment).unwrap();
            assert_eq!(
                dates(Calendar::not_after(moment), days),
                expected,
                "{moment}"
            );
        };
        check(
            "2026-01-03T00:00:00Z",
            &[(11, 21), (1, 2)],
            &["2025-11-21", "2026-01-02"],
        );
        check("2026-11-21T23:59:59Z", &[(11, 22)], &["2026-11-22"]);
        check("2026-11-21T23:59:59Z", &[(11, 23)], &["2025-11-23"]);
    }

    #[test]
    fn zones_count() {
        let mut latest = Latest::default();
        let calendar = Calendar::of_year(2026, zone(2));
        let mut check = |stamp: Stamp, expected: &str| {
            let found = calendar.moment(stamp, &mut latest).unwrap();
            assert_eq!(found.to_rfc3339(), expected);
        };
        let local = NaiveDate::from_ymd_opt(2026, 11, 21)
            .unwrap()
            .and_hms_opt(1, 0, 0)
            .unwrap();
        check(Stamp::Full(local, None), "2026-11-20T23:00:00+00:00");
        check(
            Stamp::Full(local, Some(zone(-1))),
            "2026-11-21T02:00:00+00:00",
        );
        let stamp = Stamp::Yearless {
            month: 11,
            day: 21,
            time: local.time(),
        };
        check(stamp, "2026-11-20T23:00:00+00:00");
    }
}
