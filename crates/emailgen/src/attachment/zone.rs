//! A time zone as iCalendar describes it (RFC 5545, section 3.6.5).

use chrono::{
    DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Offset, TimeDelta, TimeZone,
};
use chrono_tz::{OffsetName, Tz};

/// The zone of this name, or the one that has the offset of `date` all year.
pub(super) fn named(name: &str, date: &DateTime<FixedOffset>) -> Tz {
    if let Ok(zone) = name.parse() {
        return zone;
    }
    let hours = date.offset().local_minus_utc() / 3600;
    // The sign in these names is that of POSIX: west is positive.
    format!("Etc/GMT{:+}", -hours).parse().unwrap_or(Tz::UTC)
}

/// Lines of a `VTIMEZONE`, valid around the year of `when` at least.
pub(super) fn lines(zone: Tz, when: NaiveDateTime) -> Vec<String> {
    let year = when.year();
    let mut lines = vec!["BEGIN:VTIMEZONE".to_owned(), format!("TZID:{zone}")];
    let changes = changes(zone, year);
    match &changes[..] {
        [first, second] => match (first.rule(zone, year), second.rule(zone, year)) {
            (Some(one), Some(two)) => {
                first.write(&mut lines, &one.start_1970(first.local), Some(&one.text()));
                second.write(&mut lines, &two.start_1970(second.local), Some(&two.text()));
            }
            _ => dated(zone, year, &mut lines),
        },
        [] => {
            let offset = offset_at(zone, when);
            Change {
                local: when,
                from: offset,
                to: offset,
                name: name_at(zone, when),
            }
            .write(&mut lines, "19700101T000000", None);
        }
        _ => dated(zone, year, &mut lines),
    }
    lines.push("END:VTIMEZONE".to_owned());
    lines
}

/// Zones whose changes follow no weekday (Morocco): each change of this year and the years next to
/// it by its date, after the offset before them.
fn dated(zone: Tz, year: i32, lines: &mut Vec<String>) {
    let all: Vec<Change> = (year - 1..=year + 1)
        .flat_map(|year| changes(zone, year))
        .collect();
    if let Some(first) = all.first() {
        Change {
            local: first.local,
            from: first.from,
            to: first.from,
            name: name_at(zone, first.local - TimeDelta::days(2)),
        }
        .write(lines, "19700101T000000", None);
    }
    for change in &all {
        let start = change.local.format("%Y%m%dT%H%M%S").to_string();
        change.write(lines, &start, None);
    }
}

/// A change of the offset.
struct Change {
    /// Wall clock in the moment before.
    local: NaiveDateTime,
    /// Seconds east of UTC before.
    from: i32,
    /// Seconds east of UTC after.
    to: i32,
    /// Abbreviation after.
    name: String,
}

impl Change {
    fn write(&self, lines: &mut Vec<String>, start: &str, rule: Option<&str>) {
        let kind = if self.to > self.from {
            "DAYLIGHT"
        } else {
            "STANDARD"
        };
        lines.push(format!("BEGIN:{kind}"));
        lines.push(format!("TZOFFSETFROM:{}", offset(self.from)));
        lines.push(format!("TZOFFSETTO:{}", offset(self.to)));
        lines.push(format!("TZNAME:{}", self.name));
        lines.push(format!("DTSTART:{start}"));
        if let Some(rule) = rule {
            lines.push(format!("RRULE:{rule}"));
        }
        lines.push(format!("END:{kind}"));
    }

    /// The rule of which this change and those of the years next to it are instances.
    fn rule(&self, zone: Tz, year: i32) -> Option<Rule> {
        let date = self.local.date();
        let last = date.month() != (date + TimeDelta::days(7)).month();
        let number = i8::try_from(date.day0() / 7 + 1).ok()?;
        // A last Sunday is the fourth or the fifth one, by the year.
        let candidates = [last.then_some(-1), Some(number)];
        candidates.into_iter().flatten().find_map(|nth| {
            let rule = Rule {
                month: date.month(),
                nth,
                day: date.weekday(),
            };
            let holds = |year| {
                changes(zone, year).iter().any(|other| {
                    other.to == self.to
                        && other.local.time() == self.local.time()
                        && rule.in_year(year) == Some(other.local.date())
                })
            };
            (holds(year - 1) && holds(year + 1)).then_some(rule)
        })
    }
}

/// `+0100`, `-0330`.
fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

/// A weekday of a month, counted from its start or (-1) its end.
struct Rule {
    month: u32,
    nth: i8,
    day: chrono::Weekday,
}

impl Rule {
    fn in_year(&self, year: i32) -> Option<NaiveDate> {
        if let Ok(nth) = u8::try_from(self.nth) {
            return NaiveDate::from_weekday_of_month_opt(year, self.month, self.day, nth);
        }
        (4..=5)
            .rev()
            .find_map(|nth| NaiveDate::from_weekday_of_month_opt(year, self.month, self.day, nth))
    }

    /// The instance in 1970, which is where most programs let a rule begin.
    fn start_1970(&self, local: NaiveDateTime) -> String {
        let date = self.in_year(1970).unwrap_or(local.date());
        format!("{}T{}", date.format("%Y%m%d"), local.format("%H%M%S"))
    }

    fn text(&self) -> String {
        let day = match self.day {
            chrono::Weekday::Mon => "MO",
            chrono::Weekday::Tue => "TU",
            chrono::Weekday::Wed => "WE",
            chrono::Weekday::Thu => "TH",
            chrono::Weekday::Fri => "FR",
            chrono::Weekday::Sat => "SA",
            chrono::Weekday::Sun => "SU",
        };
        format!("FREQ=YEARLY;BYMONTH={};BYDAY={}{day}", self.month, self.nth)
    }
}

/// The changes of a year, by UTC.
fn changes(zone: Tz, year: i32) -> Vec<Change> {
    let mut found = Vec::new();
    let (Some(first), Some(end)) = (
        NaiveDate::from_ymd_opt(year, 1, 1),
        NaiveDate::from_ymd_opt(year + 1, 1, 1),
    ) else {
        return found;
    };
    let mut before = first.and_time(chrono::NaiveTime::MIN);
    let end = end.and_time(chrono::NaiveTime::MIN);
    while before < end {
        let after = before + TimeDelta::days(1);
        let (from, to) = (offset_at(zone, before), offset_at(zone, after));
        if from != to {
            // Seconds after `before`: the last with the old offset, the first with the new one.
            let (mut low, mut high) = (0, 86_400);
            while high - low > 1 {
                let middle = (low + high) / 2;
                if offset_at(zone, before + TimeDelta::seconds(middle)) == from {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            let moment = before + TimeDelta::seconds(high);
            found.push(Change {
                local: moment + TimeDelta::seconds(from.into()),
                from,
                to,
                name: name_at(zone, moment),
            });
        }
        before = after;
    }
    found
}

/// Seconds east of UTC at a moment.
fn offset_at(zone: Tz, utc: NaiveDateTime) -> i32 {
    zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()
}

/// Abbreviation at a moment.
fn name_at(zone: Tz, utc: NaiveDateTime) -> String {
    let found = zone.offset_from_utc_datetime(&utc);
    found
        .abbreviation()
        .map_or_else(|| offset(found.fix().local_minus_utc()), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(zone: &str) -> String {
        let when = NaiveDate::from_ymd_opt(2026, 3, 6)
            .and_then(|date| date.and_hms_opt(10, 0, 0))
            .expect("a date");
        lines(zone.parse().expect("a zone"), when).join("\n")
    }

    #[test]
    fn rules_are_those_of_the_zone() {
        let madrid = of("Europe/Madrid");
        assert!(madrid.contains(
            "BEGIN:DAYLIGHT\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nTZNAME:CEST\n\
             DTSTART:19700329T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nEND:DAYLIGHT"
        ));
        assert!(
            madrid.contains("DTSTART:19701025T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU")
        );
        let york = of("America/New_York");
        assert!(york.contains(
            "TZNAME:EDT\nDTSTART:19700308T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU"
        ));
        assert!(york.contains("DTSTART:19701101T020000\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU"));
        let sydney = of("Australia/Sydney");
        assert!(sydney.contains("BYMONTH=4;BYDAY=1SU") && sydney.contains("BYMONTH=10;BYDAY=1SU"));
        let tokyo = of("Asia/Tokyo");
        assert!(
            tokyo.contains("TZOFFSETTO:+0900\nTZNAME:JST\nDTSTART:19700101T000000"),
            "{tokyo}"
        );
        assert!(!tokyo.contains("RRULE"));
        assert!(of("Asia/Kolkata").contains("TZOFFSETTO:+0530"));
        let morocco = of("Africa/Casablanca");
        assert!(!morocco.contains("RRULE") && morocco.matches("BEGIN:STANDARD").count() >= 3);
    }

    #[test]
    fn an_unknown_zone_keeps_the_offset() {
        let date = DateTime::parse_from_rfc3339("2026-03-06T10:00:00+02:00").expect("a date");
        assert_eq!(named("Nowhere/At all", &date), Tz::Etc__GMTMinus2);
        assert_eq!(named("Europe/Madrid", &date), Tz::Europe__Madrid);
    }
}
