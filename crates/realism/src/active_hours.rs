//! When a persona is at work: hours, days, and both in a time zone.

mod days;
mod schedule;

use std::fmt;

use chrono::{NaiveTime, Timelike};

pub use days::{Workdays, WorkdaysError};
pub use schedule::{Schedule, ScheduleError};

/// Minutes in a day.
const DAY: u16 = 24 * 60;

/// Daily working hours with the precision of a minute: from the first minute up to, and without,
/// the last.
///
/// Equal ends mean always. An end before the start means over midnight: `22:00-06:00` holds 23:15
/// and 05:59.
///
/// ```
/// use chrono::NaiveTime;
/// use decnet_realism::active_hours::ActiveHours;
///
/// let night = ActiveHours::parse("22:00-06:00")?;
/// assert!(night.contains(NaiveTime::from_hms_opt(5, 59, 59).unwrap()));
/// assert!(!night.contains(NaiveTime::from_hms_opt(6, 0, 0).unwrap()));
/// assert!(ActiveHours::parse("9am-5pm").is_err());
/// # Ok::<(), decnet_realism::active_hours::ActiveHoursError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActiveHours {
    /// Minute of the day, below [`DAY`]. Both are 0 when the window is always open.
    start: u16,
    end: u16,
}

impl ActiveHours {
    /// Open the whole day.
    pub const ALWAYS: Self = Self { start: 0, end: 0 };

    /// Reads `HH:MM-HH:MM`.
    ///
    /// Numbers have one or two ASCII digits; white space around them is ignored. `24:00` is not a
    /// time here: the day ends with `00:00`.
    ///
    /// # Errors
    ///
    /// [`ActiveHoursError`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, ActiveHoursError> {
        let malformed = || ActiveHoursError::Malformed {
            found: shorten(text),
        };
        if text.trim().is_empty() {
            return Err(ActiveHoursError::Empty);
        }
        let (start, end) = text.split_once('-').ok_or_else(malformed)?;
        let start = parse_minute(start).ok_or_else(malformed)?;
        let end = parse_minute(end).ok_or_else(malformed)?;
        for (hour, minute) in [start, end] {
            if hour > 23 || minute > 59 {
                return Err(ActiveHoursError::NoSuchTime { hour, minute });
            }
        }
        let [start, end] = [start, end].map(|(hour, minute)| hour * 60 + minute);
        Ok(if start == end {
            Self::ALWAYS
        } else {
            Self { start, end }
        })
    }

    /// Reads `HH:MM-HH:MM`, and takes everything else as [always](Self::ALWAYS).
    ///
    /// A persona with a slip in the hours still writes, and
    /// [`parse_personas`](crate::persona::parse_personas) warns about it.
    pub fn parse_or_always(text: &str) -> Self {
        Self::parse(text).unwrap_or(Self::ALWAYS)
    }

    /// Whether `time` is inside.
    pub fn contains(self, time: NaiveTime) -> bool {
        // Below 24 * 60, so it fits.
        let minute = (time.hour() * 60 + time.minute()) as u16;
        if self.is_always() {
            true
        } else if self.start < self.end {
            (self.start..self.end).contains(&minute)
        } else {
            minute >= self.start || minute < self.end
        }
    }

    /// Whether the window never closes.
    pub fn is_always(self) -> bool {
        self.start == self.end
    }

    /// First minute of the window, counted from midnight.
    pub fn start_minute(self) -> u16 {
        self.start
    }

    /// First minute after the window, counted from the midnight before its start: past 1440 when
    /// it closes after midnight, 1440 when it closes at midnight or is always open.
    pub fn end_minute(self) -> u16 {
        if self.start < self.end {
            self.end
        } else {
            self.end + DAY
        }
    }
}

impl Default for ActiveHours {
    /// [`DEFAULT_ACTIVE_HOURS`](crate::persona::DEFAULT_ACTIVE_HOURS), 09:00 to 18:00.
    fn default() -> Self {
        Self {
            start: 9 * 60,
            end: 18 * 60,
        }
    }
}

impl fmt::Display for ActiveHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, end } = self;
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            start / 60,
            start % 60,
            end / 60,
            end % 60
        )
    }
}

impl std::str::FromStr for ActiveHours {
    type Err = ActiveHoursError;

    fn from_str(text: &str) -> Result<Self, ActiveHoursError> {
        Self::parse(text)
    }
}

/// Why a text is not a daily window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActiveHoursError {
    /// Nothing was given.
    #[error("the hours are empty")]
    Empty,
    /// It does not have the shape of a window.
    #[error("{found:?} is not HH:MM-HH:MM with ASCII digits and a plain hyphen")]
    Malformed {
        /// What was given, shortened.
        found: String,
    },
    /// One of the times is not on the clock.
    #[error(
        "{hour:02}:{minute:02} is not a time of the day; 23:59 is the last, and a window that lasts until midnight ends with 00:00"
    )]
    NoSuchTime {
        /// Its hour.
        hour: u16,
        /// Its minute.
        minute: u16,
    },
}

fn parse_minute(text: &str) -> Option<(u16, u16)> {
    let (hour, minute) = text.split_once(':')?;
    Some((parse_number(hour)?, parse_number(minute)?))
}

fn parse_number(text: &str) -> Option<u16> {
    let digits = text.trim_matches(|c: char| c.is_ascii_whitespace());
    // `str::parse` alone would take `+9`.
    let plain = (1..=2).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

/// Enough of a text to recognise it in a message.
fn shorten(text: &str) -> String {
    text.chars().take(32).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn windows_and_their_canonical_form() {
        for (text, canonical) in [
            ("09:00-18:00", "09:00-18:00"),
            ("9:0-18:0", "09:00-18:00"),
            (" 09:00 - 18:00 ", "09:00-18:00"),
            ("22:00-06:00", "22:00-06:00"),
            ("23:59-00:00", "23:59-00:00"),
            ("09:00-09:00", "00:00-00:00"),
        ] {
            let hours = ActiveHours::parse(text).unwrap();
            assert_eq!(hours.to_string(), canonical, "{text}");
            assert_eq!(ActiveHours::parse(canonical), Ok(hours));
        }
        assert_eq!(
            ActiveHours::parse(crate::persona::DEFAULT_ACTIVE_HOURS),
            Ok(ActiveHours::default())
        );
    }

    #[test]
    fn what_is_not_a_window_is_always_open() {
        for text in [
            "",
            "  ",
            "garbage",
            "9-5",
            "09:00",
            "-18:00",
            "24:00-06:00",
            "09:00-24:00",
            "09:60-18:00",
            "9:00am-5:00pm",
            "09.00-18.00",
            "-9:00-18:00",
            "+9:00-18:00",
            "09:00:00-18:00:00",
            "09:00to18:00",
            "09:00–18:00",
            "0_9:00-18:00",
            "٠٩:٠٠-١٨:٠٠",
            "009:00-18:00",
            "09:00-18:00-",
            "9 0:00-18:00",
            ":-:",
        ] {
            assert!(ActiveHours::parse(text).is_err(), "{text}");
            assert!(ActiveHours::parse_or_always(text).is_always());
        }
        let midnight = ActiveHours::parse("09:00-24:00").unwrap_err().to_string();
        assert!(midnight.contains("ends with 00:00"), "{midnight}");
    }

    proptest! {
        #[test]
        fn contains_agrees_with_the_minutes(start in 0_u16..DAY, end in 0_u16..DAY, second in 0_u32..86_400) {
            let clock = |m: u16| format!("{:02}:{:02}", m / 60, m % 60);
            let hours = ActiveHours::parse(&format!("{}-{}", clock(start), clock(end))).unwrap();
            let time = NaiveTime::from_num_seconds_from_midnight_opt(second, 0).unwrap();
            let minute = (second / 60) as u16;
            let (first, last) = (hours.start_minute(), hours.end_minute());
            let inside = [minute, minute + DAY].iter().any(|m| (first..last).contains(m));
            prop_assert_eq!(hours.contains(time), inside);
        }
    }
}
