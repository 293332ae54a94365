//! Hours and days in a time zone: from instants to "are they at work?" and back.

use std::fmt;

use chrono::{
    DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta,
    TimeZone, Utc,
};
use chrono_tz::Tz;

use super::{ActiveHours, ActiveHoursError, Workdays, WorkdaysError};

/// How far ahead an opening or a closing is looked for. The longest wait is a week and a day: a
/// single workday whose whole window falls into the hour that a clock change skips.
const HORIZON: TimeDelta = TimeDelta::days(15);

/// Clock changes are looked for in steps of this size. No zone has ever had two within a day that
/// cancel each other out.
const STEP: TimeDelta = TimeDelta::hours(12);

/// When somebody is at work.
///
/// The wall clock of the zone decides, whatever its changes do: who works from 02:30 is at work at
/// both 02:30 of an autumn night, and not in between at the second 02:10. A window belongs to the
/// day it starts on: `22:00-06:00` on `mon-fri` includes Saturday's early morning, not Monday's.
///
/// ```
/// use chrono::{TimeZone, Utc};
/// use decnet_realism::active_hours::Schedule;
///
/// let madrid = Schedule::parse("Europe/Madrid 09:00-18:00 mon-fri")?;
/// let sunday = Utc.with_ymd_and_hms(2026, 3, 29, 10, 0, 0).unwrap();
/// assert!(!madrid.is_open(sunday));
/// let monday = Utc.with_ymd_and_hms(2026, 3, 30, 7, 0, 0).unwrap();
/// assert_eq!(madrid.next_opening(sunday), Some(monday));
/// # Ok::<(), decnet_realism::active_hours::ScheduleError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Schedule {
    /// Where the clock hangs.
    pub timezone: Tz,
    /// Hours of a working day.
    pub hours: ActiveHours,
    /// Days on which the hours start.
    pub workdays: Workdays,
}

impl Schedule {
    /// At work always: every hour of every day.
    pub const ALWAYS: Self = Self {
        timezone: Tz::UTC,
        hours: ActiveHours::ALWAYS,
        workdays: Workdays::DAILY,
    };

    /// The canonical text, `Europe/Madrid 09:00-18:00 mon-fri`. Equal schedules have equal texts,
    /// and [`parse`](Self::parse) gives the schedule back.
    pub fn to_text(&self) -> String {
        self.to_string()
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    ///
    /// [`ScheduleError`] names the part that cannot be read.
    pub fn parse(text: &str) -> Result<Self, ScheduleError> {
        let mut parts = text.split(' ');
        let (Some(zone), Some(hours), Some(days), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(ScheduleError::Shape {
                found: super::shorten(text),
            });
        };
        Ok(Self {
            timezone: zone.parse().map_err(|_| ScheduleError::TimeZone {
                found: super::shorten(zone),
            })?,
            hours: ActiveHours::parse(hours)?,
            workdays: Workdays::parse(days)?,
        })
    }

    /// Whether they are at work at `now`.
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.wall_clock(now)
            .is_some_and(|clock| self.is_open_at(clock))
    }

    /// The first moment from `now` on at which they are at work: `now` itself when they are, else
    /// the full minute (or the clock change) that brings them to work.
    ///
    /// `None` only when there is no workday, or time itself ends (beyond chrono's year 262142).
    pub fn next_opening(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.find(now, |clock| self.opening_after(clock))
    }

    /// The moment at which the work that goes on at `now` stops; `None` when they are not at work,
    /// and when they never stop.
    pub fn closes_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if !self.is_open(now) {
            return None;
        }
        self.find(now, |clock| self.closing_after(clock))
    }

    /// `now` on the clock of the zone.
    pub fn local(&self, now: DateTime<Utc>) -> DateTime<FixedOffset> {
        now.with_timezone(&self.offset(now))
    }

    /// Goes through the stretches between clock changes; inside one, the wall clock runs evenly
    /// and `on_clock` says when what is looked for happens, at or after a wall clock time.
    fn find(
        &self,
        now: DateTime<Utc>,
        on_clock: impl Fn(NaiveDateTime) -> Option<NaiveDateTime>,
    ) -> Option<DateTime<Utc>> {
        let horizon = now.checked_add_signed(HORIZON)?;
        let mut from = now;
        while from < horizon {
            let until = self.stretch_end(from)?;
            let clock = self.wall_clock(from)?;
            let wait = on_clock(clock)?.signed_duration_since(clock);
            let moment = from.checked_add_signed(wait)?;
            if moment < until {
                return Some(moment);
            }
            from = until;
        }
        None
    }

    /// The next clock change after `from`, or [`STEP`] later when there is none until then.
    fn stretch_end(&self, from: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let offset = self.offset(from);
        let end = from.checked_add_signed(STEP)?;
        if self.offset(end) == offset {
            return Some(end);
        }
        // Changes happen on full seconds.
        let (mut before, mut after) = (from.timestamp(), end.timestamp());
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.offset(DateTime::from_timestamp(middle, 0)?) == offset {
                before = middle;
            } else {
                after = middle;
            }
        }
        DateTime::from_timestamp(after, 0)
    }

    fn offset(&self, now: DateTime<Utc>) -> FixedOffset {
        self.timezone
            .offset_from_utc_datetime(&now.naive_utc())
            .fix()
    }

    fn wall_clock(&self, now: DateTime<Utc>) -> Option<NaiveDateTime> {
        now.naive_utc().checked_add_offset(self.offset(now))
    }

    fn is_open_at(&self, clock: NaiveDateTime) -> bool {
        let today = clock.date();
        [today.pred_opt(), Some(today)]
            .into_iter()
            .flatten()
            .filter_map(|day| self.window(day))
            .any(|(start, end)| start <= clock && clock < end)
    }

    /// First time at or after `clock` that is inside a window.
    fn opening_after(&self, clock: NaiveDateTime) -> Option<NaiveDateTime> {
        self.windows_from(clock)
            .map(|(start, _)| start.max(clock))
            .next()
    }

    /// First time at or after `clock` that is outside all windows.
    fn closing_after(&self, clock: NaiveDateTime) -> Option<NaiveDateTime> {
        let mut closing = clock;
        for (start, end) in self.windows_from(clock) {
            if start > closing {
                return Some(closing);
            }
            closing = end;
        }
        // The windows of eight days and more follow each other without a gap.
        None
    }

    /// Windows that end after `clock`, in order, for the next nine days.
    fn windows_from(
        &self,
        clock: NaiveDateTime,
    ) -> impl Iterator<Item = (NaiveDateTime, NaiveDateTime)> {
        let first = clock.date().pred_opt().unwrap_or(clock.date());
        first
            .iter_days()
            .take(10)
            .filter_map(|day| self.window(day))
            .filter(move |(_, end)| *end > clock)
    }

    /// The window that starts on `day`, if it is a workday.
    fn window(&self, day: NaiveDate) -> Option<(NaiveDateTime, NaiveDateTime)> {
        if !self.workdays.contains(day.weekday()) {
            return None;
        }
        let at = |minute: u16| {
            let (days, minute) = (minute / super::DAY, minute % super::DAY);
            let time = NaiveTime::from_num_seconds_from_midnight_opt(u32::from(minute) * 60, 0)?;
            Some(
                day.checked_add_days(Days::new(u64::from(days)))?
                    .and_time(time),
            )
        };
        Some((at(self.hours.start_minute())?, at(self.hours.end_minute())?))
    }
}

impl Default for Schedule {
    /// 09:00 to 18:00, Monday to Friday, UTC.
    fn default() -> Self {
        Self {
            timezone: Tz::UTC,
            hours: ActiveHours::default(),
            workdays: Workdays::default(),
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} {}",
            self.timezone.name(),
            self.hours,
            self.workdays
        )
    }
}

impl std::str::FromStr for Schedule {
    type Err = ScheduleError;

    fn from_str(text: &str) -> Result<Self, ScheduleError> {
        Self::parse(text)
    }
}

/// Why a text is not a schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScheduleError {
    /// It does not have three parts.
    #[error("{found:?} is not a time zone, hours and days with one space between them")]
    Shape {
        /// What was given, shortened.
        found: String,
    },
    /// The zone is unknown.
    #[error("{found:?} is not an IANA time zone")]
    TimeZone {
        /// What was given, shortened.
        found: String,
    },
    /// The hours cannot be read.
    #[error(transparent)]
    Hours(#[from] ActiveHoursError),
    /// The days cannot be read.
    #[error(transparent)]
    Workdays(#[from] WorkdaysError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    /// Each row: schedule, instant, next opening (`-` for none), closing (`-` when closed).
    #[test]
    fn openings_and_closings() {
        for (schedule, now, opening, closing) in [
            // A usual week; Madrid is at +01:00 in winter.
            (
                "Europe/Madrid 09:00-18:00 mon-fri",
                "2026-01-16T10:00:00Z",
                "2026-01-16T10:00:00Z",
                "2026-01-16T17:00:00Z",
            ),
            (
                "Europe/Madrid 09:00-18:00 mon-fri",
                "2026-01-16T17:00:00Z",
                "2026-01-19T08:00:00Z",
                "-",
            ),
            (
                "Europe/Madrid 09:00-18:00 mon-fri",
                "2026-01-16T16:59:59.999Z",
                "2026-01-16T16:59:59.999Z",
                "2026-01-16T17:00:00Z",
            ),
            (
                "Europe/Madrid 09:00-18:00 mon-fri",
                "2026-01-19T07:59:59.5Z",
                "2026-01-19T08:00:00Z",
                "-",
            ),
            // Over the weekend of the clock change: 08:00Z on Friday, 07:00Z on Monday.
            (
                "Europe/Madrid 09:00-18:00 mon-fri",
                "2026-03-27T20:00:00Z",
                "2026-03-30T07:00:00Z",
                "-",
            ),
            (
                "Europe/Madrid 09:00-18:00 mon-fri",
                "2026-10-23T20:00:00Z",
                "2026-10-26T08:00:00Z",
                "-",
            ),
            // A night shift belongs to the day it starts on.
            (
                "UTC 22:00-06:00 mon-fri",
                "2026-05-02T05:00:00Z",
                "2026-05-02T05:00:00Z",
                "2026-05-02T06:00:00Z",
            ),
            (
                "UTC 22:00-06:00 mon-fri",
                "2026-05-02T23:00:00Z",
                "2026-05-04T22:00:00Z",
                "-",
            ),
            (
                "UTC 22:00-06:00 mon-fri",
                "2026-05-04T05:00:00Z",
                "2026-05-04T22:00:00Z",
                "-",
            ),
            (
                "UTC 22:00-06:00 mon-fri",
                "2026-05-04T23:00:00Z",
                "2026-05-04T23:00:00Z",
                "2026-05-05T06:00:00Z",
            ),
            (
                "UTC 18:00-00:00 fri",
                "2026-05-01T23:59:59Z",
                "2026-05-01T23:59:59Z",
                "2026-05-02T00:00:00Z",
            ),
            // Around the clock, on workdays and always.
            (
                "UTC 00:00-00:00 mon-fri",
                "2026-04-29T12:00:00Z",
                "2026-04-29T12:00:00Z",
                "2026-05-02T00:00:00Z",
            ),
            (
                "UTC 00:00-00:00 mon-fri",
                "2026-05-02T12:00:00Z",
                "2026-05-04T00:00:00Z",
                "-",
            ),
            (
                "UTC 00:00-00:00 daily",
                "2026-05-02T12:00:00Z",
                "2026-05-02T12:00:00Z",
                "-",
            ),
            ("UTC 00:00-00:00 none", "2026-05-02T12:00:00Z", "-", "-"),
            // The week is short of one day only, and it was just missed.
            (
                "UTC 09:00-10:00 wed",
                "2026-04-29T10:00:00Z",
                "2026-05-06T09:00:00Z",
                "-",
            ),
            // 02:00 to 03:00 does not exist on this night: who starts at 02:30 comes at 03:00 ...
            (
                "Europe/Madrid 02:30-05:00 daily",
                "2026-03-29T00:59:59Z",
                "2026-03-29T01:00:00Z",
                "-",
            ),
            // ... and a window that lies in the gap is left out, even when it is the week's only one.
            (
                "Europe/Madrid 02:10-02:50 sun",
                "2026-03-28T12:00:00Z",
                "2026-04-05T00:10:00Z",
                "-",
            ),
            (
                "Europe/Madrid 02:10-02:50 sun",
                "2026-03-22T01:50:00Z",
                "2026-04-05T00:10:00Z",
                "-",
            ),
            (
                "Europe/Madrid 01:00-02:30 daily",
                "2026-03-29T00:30:00Z",
                "2026-03-29T00:30:00Z",
                "2026-03-29T01:00:00Z",
            ),
            // 02:00 to 03:00 comes twice: the clock leads, so 02:30 ends the work each time.
            (
                "Europe/Madrid 01:00-02:30 daily",
                "2026-10-25T00:10:00Z",
                "2026-10-25T00:10:00Z",
                "2026-10-25T00:30:00Z",
            ),
            (
                "Europe/Madrid 01:00-02:30 daily",
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "-",
            ),
            (
                "Europe/Madrid 02:30-06:00 daily",
                "2026-10-25T00:40:00Z",
                "2026-10-25T00:40:00Z",
                "2026-10-25T01:00:00Z",
            ),
            (
                "Europe/Madrid 02:30-06:00 daily",
                "2026-10-25T01:10:00Z",
                "2026-10-25T01:30:00Z",
                "-",
            ),
            // Half an hour, at midnight, and a whole day that never was.
            (
                "Australia/Lord_Howe 02:00-03:00 daily",
                "2026-10-03T15:00:00Z",
                "2026-10-03T15:30:00Z",
                "-",
            ),
            (
                "America/Santiago 00:00-00:00 sun",
                "2026-09-06T03:00:00Z",
                "2026-09-06T04:00:00Z",
                "-",
            ),
            (
                "Pacific/Apia 09:00-18:00 fri",
                "2011-12-30T05:00:00Z",
                "2012-01-05T19:00:00Z",
                "-",
            ),
        ] {
            let text = schedule;
            let schedule = Schedule::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            let some = |moment: &str| (moment != "-").then(|| at(moment));
            let now = at(now);
            assert_eq!(schedule.next_opening(now), some(opening), "{text} at {now}");
            assert_eq!(schedule.closes_at(now), some(closing), "{text} at {now}");
            assert_eq!(
                schedule.is_open(now),
                some(opening) == Some(now),
                "{text} at {now}"
            );
        }
    }

    #[test]
    fn the_ends_of_time_are_closed_or_open_but_do_not_panic() {
        let schedule = Schedule::parse("Pacific/Kiritimati 22:00-06:00 mon-fri").unwrap();
        for now in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            for schedule in [
                schedule,
                Schedule::ALWAYS,
                Schedule::parse("America/Adak 09:00-18:00 sun").unwrap(),
            ] {
                let _ = (
                    schedule.is_open(now),
                    schedule.next_opening(now),
                    schedule.closes_at(now),
                );
            }
        }
    }

    #[test]
    fn text_that_is_not_a_schedule() {
        for text in [
            "",
            "UTC",
            "UTC 09:00-18:00",
            "UTC 09:00-18:00 mon-fri x",
            "UTC  09:00-18:00 mon-fri",
            "Mars/Base 09:00-18:00 mon-fri",
            "UTC 9-5 mon-fri",
            "UTC 09:00-18:00 lun",
        ] {
            assert!(Schedule::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn local_time_has_the_offset_of_the_day() {
        let schedule = Schedule::parse("Europe/Madrid 09:00-18:00 mon-fri").unwrap();
        let local = |now| schedule.local(at(now)).to_rfc3339();
        assert_eq!(local("2026-03-29T00:59:59Z"), "2026-03-29T01:59:59+01:00");
        assert_eq!(local("2026-03-29T01:00:00Z"), "2026-03-29T03:00:00+02:00");
    }

    /// Zones with unusual changes, and moments close to one of their changes as often as not.
    fn zone_and_moment() -> impl Strategy<Value = (Tz, DateTime<Utc>)> {
        let zones = [
            ("Europe/Madrid", "2026-03-29T01:00:00Z"),
            ("Europe/Madrid", "2026-10-25T01:00:00Z"),
            ("America/New_York", "2026-11-01T06:00:00Z"),
            ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
            ("America/Santiago", "2026-09-06T04:00:00Z"),
            ("Asia/Kathmandu", "2026-01-01T00:00:00Z"),
            ("Africa/Casablanca", "2026-03-22T02:00:00Z"),
            ("Pacific/Apia", "2011-12-30T10:00:00Z"),
            ("Antarctica/Troll", "2026-03-29T01:00:00Z"),
        ];
        let near = -3 * 86_400_i64..3 * 86_400;
        let far = -40_000_000_i64..40_000_000;
        (prop::sample::select(zones.to_vec()), prop_oneof![near, far]).prop_map(
            |((zone, change), away)| (zone.parse().unwrap(), at(change) + TimeDelta::seconds(away)),
        )
    }

    fn any_schedule() -> impl Strategy<Value = (Schedule, DateTime<Utc>)> {
        let early = 0_u16..240;
        let whole = 0_u16..1440;
        let minute = || prop_oneof![early.clone(), whole.clone()];
        (zone_and_moment(), minute(), minute(), 0_u8..128).prop_map(
            |((timezone, now), start, end, days)| {
                let text = format!(
                    "{:02}:{:02}-{:02}:{:02}",
                    start / 60,
                    start % 60,
                    end / 60,
                    end % 60
                );
                let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
                let days: Vec<&str> = (0..7)
                    .filter(|bit| days & (1 << bit) != 0)
                    .map(|bit| week[bit])
                    .collect();
                let workdays = if days.is_empty() {
                    Workdays::NONE
                } else {
                    Workdays::parse(&days.join(",")).unwrap()
                };
                (
                    Schedule {
                        timezone,
                        hours: ActiveHours::parse(&text).unwrap(),
                        workdays,
                    },
                    now,
                )
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn the_next_opening_is_the_first((schedule, now) in any_schedule()) {
            let Some(opening) = schedule.next_opening(now) else {
                prop_assert_eq!(schedule.workdays, Workdays::NONE);
                return Ok(());
            };
            prop_assert!(opening >= now && schedule.is_open(opening));
            let mut between = now;
            while between < opening {
                prop_assert!(!schedule.is_open(between), "open at {}", between);
                between += TimeDelta::seconds(599);
            }
            if opening > now {
                prop_assert!(!schedule.is_open(opening - TimeDelta::nanoseconds(1)));
                prop_assert_eq!(opening.timestamp() % 60, 0);
            }
        }

        #[test]
        fn the_closing_is_the_first((schedule, now) in any_schedule()) {
            match schedule.closes_at(now) {
                None => prop_assert!(!schedule.is_open(now) || schedule.hours.is_always() && schedule.workdays == Workdays::DAILY),
                Some(closing) => {
                    prop_assert!(closing > now && !schedule.is_open(closing));
                    prop_assert!(schedule.is_open(closing - TimeDelta::nanoseconds(1)));
                    let mut between = now;
                    while between < closing {
                        prop_assert!(schedule.is_open(between), "closed at {}", between);
                        between += TimeDelta::seconds(599);
                    }
                }
            }
        }

        #[test]
        fn open_means_that_the_wall_clock_is_in_the_hours((schedule, now) in any_schedule()) {
            let local = schedule.local(now);
            prop_assert_eq!(local, now);
            if schedule.is_open(now) {
                prop_assert!(schedule.hours.contains(local.time()));
            }
            let text = schedule.to_text();
            prop_assert_eq!(Schedule::parse(&text), Ok(schedule));
        }
    }
}
