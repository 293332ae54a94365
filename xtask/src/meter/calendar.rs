//! When a company's mail is written: a week in May of each of eight years.

use super::random::Random;

/// Mondays in May, 00:00 UTC, from 2019 to 2026: the years of the corpora that the meter compares
/// with, in which programs change. It is summer time in every zone of the story.
const MONDAYS: [u64; 8] = [
    1_557_100_800,
    1_588_550_400,
    1_620_000_000,
    1_651_449_600,
    1_683_504_000,
    1_714_953_600,
    1_746_403_200,
    1_777_852_800,
];
const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;
/// Share of mail by year, in hundredths: most of the corpora is of the first years.
const BY_YEAR: [u64; MONDAYS.len()] = [21, 20, 19, 16, 9, 8, 5, 2];
/// Share of mail by weekday, Monday first, in thousandths: offices write most early in the week
/// and 4.5 % at weekends.
const BY_WEEKDAY: [u64; 7] = [200, 200, 200, 185, 170, 20, 25];
/// Share of mail by hour of the sender's day, in thousandths: the profile of the Enron staff, with
/// its dip at noon and its tail in the evening.
const BY_HOUR: [u64; 24] = [
    8, 5, 4, 4, 5, 8, 14, 30, 56, 77, 87, 79, 64, 74, 81, 89, 88, 68, 41, 30, 27, 24, 20, 12,
];

/// Where and how much is written: seconds east of UTC, and the share of all mail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Office {
    /// Seconds east of UTC in summer.
    pub(super) offset: i64,
    /// Its share, in any unit.
    pub(super) weight: u64,
}

/// `count` moments at which somebody of the offices writes, in order, in seconds since 1970.
pub(super) fn moments(seed: u64, count: usize, offices: &[Office]) -> Vec<u64> {
    let mut random = Random::new(seed, "moments");
    let mut moments: Vec<u64> = (0..count)
        .map(|_| {
            let office = offices[random.weighted(offices.iter().map(|office| office.weight))];
            let weekday = random.weighted(BY_WEEKDAY.into_iter()) as u64;
            let hour = random.weighted(BY_HOUR.into_iter()) as u64;
            let week = random.weighted(BY_YEAR.into_iter());
            let local = MONDAYS[week] + weekday * DAY + hour * HOUR + random.number(0..HOUR);
            local.saturating_add_signed(-office.offset)
        })
        .collect();
    moments.sort_unstable();
    moments
}

/// The night after the last day, when offices are empty.
pub(super) fn end() -> u64 {
    MONDAYS[MONDAYS.len() - 1] + 7 * DAY + 4 * HOUR
}

/// RFC 3339, in UTC.
pub(super) fn rfc3339(moment: u64) -> String {
    let (days, second) = (moment / DAY, moment % DAY);
    let (mut year, mut day) = (1970, days);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    format!(
        "{year}-{month:02}-{:02}T{:02}:{:02}:{:02}Z",
        day + 1,
        second / HOUR,
        second % HOUR / 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_dates() {
        for (moment, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (MONDAYS[0], "2019-05-06T00:00:00Z"),
            (end(), "2026-05-11T04:00:00Z"),
        ] {
            assert_eq!(rfc3339(moment), expected);
        }
    }

    #[test]
    fn most_mail_falls_into_office_hours() {
        let office = Office {
            offset: -5 * 3_600,
            weight: 1,
        };
        let moments = moments(1, 2_000, &[office]);
        assert_eq!(moments, super::moments(1, 2_000, &[office]));
        assert!(moments.is_sorted());
        let share = |holds: &dyn Fn(u64, u64) -> bool| {
            // The first day of 1970 was a Thursday.
            let local = moments.iter().map(|moment| moment - 5 * HOUR + 3 * DAY);
            let holding = local.filter(|local| holds(local / DAY % 7, local % DAY / HOUR));
            holding.count() as f64 / 2_000.0
        };
        let weekend = share(&|day, _| day >= 5);
        assert!((0.03..0.06).contains(&weekend), "{weekend}");
        let office = share(&|day, hour| day < 5 && (8..18).contains(&hour));
        assert!((0.68..0.80).contains(&office), "{office}");
    }
}
