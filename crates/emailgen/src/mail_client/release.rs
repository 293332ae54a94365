//! Releases of a program, and which one somebody has on a day.

use chrono::{DateTime, FixedOffset, NaiveDate};

use super::random_text::constant;

/// A release: year and month in which it came, and how the program names itself.
pub(super) type Release = (i32, u32, &'static str);

/// The name of the release that an installation has on a day: everybody upgrades with a lag of their
/// own, up to `most_days`.
pub(super) fn installed(
    releases: &'static [Release],
    date: &DateTime<FixedOffset>,
    installation: u64,
    most_days: u64,
) -> &'static str {
    let lag = constant(installation, "lag") % most_days.max(1);
    let day = date.date_naive() - chrono::Days::new(lag);
    releases
        .iter()
        .rev()
        .find(|(year, month, _)| {
            NaiveDate::from_ymd_opt(*year, *month, 1).is_some_and(|since| since <= day)
        })
        .or(releases.first())
        .map_or("", |(_, _, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_upgrades() {
        const RELEASES: &[Release] = &[(2019, 3, "1"), (2020, 3, "2")];
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap_or_default();
        for person in 0..50 {
            let on = |text: &str| installed(RELEASES, &at(text), person, 60);
            assert_eq!(on("1999-01-01T00:00:00Z"), "1");
            assert_eq!(on("2020-02-20T00:00:00Z"), "1");
            assert_eq!(on("2020-05-01T00:00:00Z"), "2");
        }
    }
}
