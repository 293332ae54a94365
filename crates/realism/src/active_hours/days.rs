//! The days of a working week.

use std::fmt;

use chrono::Weekday;

/// A set of weekdays, Monday to Friday by default.
///
/// ```
/// use chrono::Weekday;
/// use decnet_realism::active_hours::Workdays;
///
/// let gulf = Workdays::parse("sun-thu")?;
/// assert!(gulf.contains(Weekday::Sun) && !gulf.contains(Weekday::Fri));
/// assert_eq!(Workdays::parse("Mon, Wed ,fri")?.to_string(), "mon,wed,fri");
/// # Ok::<(), decnet_realism::active_hours::WorkdaysError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workdays(u8);

impl Workdays {
    /// Every day.
    pub const DAILY: Self = Self(0b111_1111);

    /// Monday to Friday.
    pub const MONDAY_TO_FRIDAY: Self = Self(0b001_1111);

    /// No day at all: someone who receives and never writes.
    pub const NONE: Self = Self(0);

    /// Reads a list of days and ranges: `mon-fri`, `sat-tue` (over the end of the week),
    /// `mon,wed,fri`, `mon-wed,sat`; or `daily` (`all`), or `none`.
    ///
    /// Days are English, of three letters or in full, in any case.
    ///
    /// # Errors
    ///
    /// [`WorkdaysError`] names what is not a day.
    pub fn parse(text: &str) -> Result<Self, WorkdaysError> {
        let text = text.trim();
        match text.to_ascii_lowercase().as_str() {
            "" => return Err(WorkdaysError::Empty),
            "daily" | "all" => return Ok(Self::DAILY),
            "none" => return Ok(Self::NONE),
            _ => {}
        }
        let mut days = 0;
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let last = parse_day(last)?;
            let mut day = parse_day(first)?;
            while day != last {
                days |= bit(day);
                day = day.succ();
            }
            days |= bit(last);
        }
        Ok(Self(days))
    }

    /// Whether `day` is worked.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & bit(day) != 0
    }

    /// How many days of the week are worked, 0 to 7.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }
}

impl Default for Workdays {
    fn default() -> Self {
        Self::MONDAY_TO_FRIDAY
    }
}

impl fmt::Display for Workdays {
    /// The canonical form: `daily`, `none`, one range such as `mon-fri`, or a list.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::DAILY {
            return f.write_str("daily");
        }
        if *self == Self::NONE {
            return f.write_str("none");
        }
        let starts: Vec<Weekday> = week()
            .filter(|day| self.contains(*day) && !self.contains(day.pred()))
            .collect();
        if let [first] = starts[..]
            && self.count() > 1
        {
            let mut last = first;
            while self.contains(last.succ()) {
                last = last.succ();
            }
            return write!(f, "{}-{}", short_name(first), short_name(last));
        }
        let names: Vec<&str> = week()
            .filter(|day| self.contains(*day))
            .map(short_name)
            .collect();
        f.write_str(&names.join(","))
    }
}

impl std::str::FromStr for Workdays {
    type Err = WorkdaysError;

    fn from_str(text: &str) -> Result<Self, WorkdaysError> {
        Self::parse(text)
    }
}

/// Why a text is not a set of days.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WorkdaysError {
    /// Nothing was given.
    #[error("the days are empty")]
    Empty,
    /// A part is not a day.
    #[error(
        "{found:?} is not a day; days are mon, tue, wed, thu, fri, sat, sun, as in mon-fri or mon,wed,fri, or daily"
    )]
    NotADay {
        /// The part, shortened.
        found: String,
    },
}

fn parse_day(text: &str) -> Result<Weekday, WorkdaysError> {
    let text = text.trim();
    // chrono reads exactly the short and the full English names, in any case.
    text.parse().map_err(|_| WorkdaysError::NotADay {
        found: super::shorten(text),
    })
}

fn bit(day: Weekday) -> u8 {
    1 << day.num_days_from_monday()
}

fn week() -> impl Iterator<Item = Weekday> {
    std::iter::successors(Some(Weekday::Mon), |day| {
        Some(day.succ()).filter(|day| *day != Weekday::Mon)
    })
}

fn short_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Mon => "mon",
        Weekday::Tue => "tue",
        Weekday::Wed => "wed",
        Weekday::Thu => "thu",
        Weekday::Fri => "fri",
        Weekday::Sat => "sat",
        Weekday::Sun => "sun",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_their_canonical_form() {
        for (text, canonical) in [
            ("mon-fri", "mon-fri"),
            ("Monday-FRIDAY", "mon-fri"),
            ("fri,thu,wed,tue,mon", "mon-fri"),
            ("sun-thu", "sun-thu"),
            ("sat-tue", "sat-tue"),
            ("mon, wed ,fri", "mon,wed,fri"),
            ("mon-wed,sat", "mon,tue,wed,sat"),
            ("wed", "wed"),
            ("wed-wed", "wed"),
            ("mon-sun", "daily"),
            ("wed-tue", "daily"),
            ("ALL", "daily"),
            ("daily", "daily"),
            ("none", "none"),
        ] {
            let days = Workdays::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(days.to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn every_week_survives_its_text() {
        for days in (0..=Workdays::DAILY.0).map(Workdays) {
            assert_eq!(Workdays::parse(&days.to_string()), Ok(days));
        }
    }

    #[test]
    fn what_is_not_a_day_is_named() {
        assert_eq!(Workdays::parse(" "), Err(WorkdaysError::Empty));
        for (text, found) in [
            ("mon-", ""),
            ("mo-fr", "fr"),
            ("1-5", "5"),
            ("mon,,fri", ""),
            ("mon–fri", "mon–fri"),
            ("mon-fri-sat", "fri-sat"),
            ("lun-vie", "vie"),
        ] {
            assert_eq!(
                Workdays::parse(text),
                Err(WorkdaysError::NotADay {
                    found: found.into()
                }),
                "{text}"
            );
        }
    }
}
