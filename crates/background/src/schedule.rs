//! What happens once a night.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};

/// Something that is due once a night, from a local hour on.
///
/// A night is named by the date on which its hour comes, and lasts until that hour of the next day.
/// Something is due when its last success was in an earlier night and at least [`fresh`](Self::fresh)
/// ago. So it happens never twice in one night, whatever the clocks do, and is skipped in none in
/// which somebody asks: who was asleep at its hour is told when they wake up.
///
/// What was late stays late at first. After a success at noon the next one is due at eleven, then at
/// ten, until its hour is reached again.
///
/// ```
/// use chrono::DateTime;
/// use decnet_background::schedule::Nightly;
///
/// # fn main() -> Result<(), chrono::ParseError> {
/// let at = DateTime::parse_from_rfc3339;
/// let nightly = Nightly::default();
/// let last = Some(at("2026-03-05T03:00:10+01:00")?.to_utc());
/// assert!(!nightly.is_due(&at("2026-03-06T02:59:59+01:00")?, last));
/// assert!(nightly.is_due(&at("2026-03-06T03:00:00+01:00")?, last));
/// assert!(nightly.is_due(&at("2026-03-05T03:00:00+01:00")?, None));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nightly {
    /// Local hour from which it is due, 0 to 23; a larger one counts as 23. Default 3.
    pub hour: u32,
    /// For how long a success counts, whatever the clock says. Default 23 h: a night in which clocks
    /// go forward is as long.
    pub fresh: TimeDelta,
}

impl Default for Nightly {
    fn default() -> Self {
        Self {
            hour: 3,
            fresh: TimeDelta::hours(23),
        }
    }
}

impl Nightly {
    /// Whether it is due now, in the time zone of `now`, after its last success, if there was any.
    ///
    /// A success that lies in the future says that the clock was put back. If it lies less than
    /// [`fresh`](Self::fresh) ahead it counts, for it may have been a moment ago; else it is due.
    pub fn is_due<Z: TimeZone>(
        &self,
        now: &DateTime<Z>,
        last_success: Option<DateTime<Utc>>,
    ) -> bool {
        let Some(last) = last_success else {
            return true;
        };
        let age = now.clone().to_utc() - last;
        if age.abs() < self.fresh {
            return false;
        }
        let is_ahead = age < TimeDelta::zero();
        is_ahead || self.night(&last.with_timezone(&now.timezone())) < self.night(now)
    }

    /// The night that a moment is in.
    fn night<Z: TimeZone>(&self, at: &DateTime<Z>) -> NaiveDate {
        let local = at.naive_local();
        let hour = NaiveTime::from_hms_opt(self.hour.min(23), 0, 0).unwrap_or_default();
        let date = local.date();
        if local.time().num_seconds_from_midnight() >= hour.num_seconds_from_midnight() {
            return date;
        }
        date.checked_sub_days(Days::new(1)).unwrap_or(date)
    }
}
