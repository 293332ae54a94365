//! Releases of Apple's mail programs: what `X-Mailer` says of them, and since when.
//!
//! Builds and dates are those of Apple's public releases, as seen in mail that was sent with them.

use chrono::{DateTime, FixedOffset, NaiveDate};

use crate::mail_client::random_text::{constant, is_among};

/// A release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mail_client) struct Build {
    /// Day of its release: year, month, day.
    since: (i32, u32, u32),
    /// The build, as the program writes it.
    pub(in crate::mail_client) build: &'static str,
    /// Version of Mail on the Mac; empty on the iPhone.
    pub(in crate::mail_client) version: &'static str,
}

impl Build {
    /// The number that the build starts with: 17 is iOS 13, 3731 is macOS 13.
    pub(in crate::mail_client) fn number(&self) -> u32 {
        let digits = self.build.split(|c: char| !c.is_ascii_digit()).next();
        digits
            .and_then(|digits| digits.parse().ok())
            .unwrap_or_default()
    }
}

/// The release that somebody has on a day: most upgrade within a month, a few after most of a year.
pub(in crate::mail_client) fn installed(
    releases: &'static [Build],
    date: &DateTime<FixedOffset>,
    person: u64,
) -> Build {
    let lag = if is_among(person, "upgrades late", 10) {
        90 + constant(person, "lag") % 200
    } else {
        1 + constant(person, "lag") % 30
    };
    let day = date.date_naive() - chrono::Days::new(lag);
    let newest = releases.iter().rev().find(|release| {
        let (year, month, of_month) = release.since;
        NaiveDate::from_ymd_opt(year, month, of_month).is_some_and(|since| since <= day)
    });
    newest.or(releases.first()).copied().unwrap_or(Build {
        since: (0, 0, 0),
        build: "",
        version: "",
    })
}

const fn ios(year: i32, month: u32, day: u32, build: &'static str) -> Build {
    Build {
        since: (year, month, day),
        build,
        version: "",
    }
}

/// iOS from 12 on.
pub(in crate::mail_client) const IOS: &[Build] = &[
    ios(2018, 9, 17, "16A366"),
    ios(2018, 10, 8, "16A404"),
    ios(2018, 10, 30, "16B92"),
    ios(2018, 12, 5, "16C50"),
    ios(2018, 12, 17, "16C101"),
    ios(2019, 1, 22, "16D39"),
    ios(2019, 2, 7, "16D57"),
    ios(2019, 3, 25, "16E227"),
    ios(2019, 5, 13, "16F156"),
    ios(2019, 5, 24, "16F203"),
    ios(2019, 7, 22, "16G77"),
    ios(2019, 8, 26, "16G102"),
    ios(2019, 9, 19, "17A577"),
    ios(2019, 9, 24, "17A844"),
    ios(2019, 9, 27, "17A854"),
    ios(2019, 9, 30, "17A860"),
    ios(2019, 10, 15, "17A878"),
    ios(2019, 10, 28, "17B84"),
    ios(2019, 11, 7, "17B102"),
    ios(2019, 11, 18, "17B111"),
    ios(2019, 12, 10, "17C54"),
    ios(2020, 1, 28, "17D50"),
    ios(2020, 3, 24, "17E255"),
    ios(2020, 4, 7, "17E262"),
    ios(2020, 5, 20, "17F75"),
    ios(2020, 6, 1, "17F80"),
    ios(2020, 7, 15, "17G68"),
    ios(2020, 8, 12, "17G80"),
    ios(2020, 9, 1, "17H35"),
    ios(2020, 9, 16, "18A373"),
    ios(2020, 9, 24, "18A393"),
    ios(2020, 10, 20, "18A8395"),
    ios(2020, 11, 5, "18B92"),
    ios(2020, 12, 14, "18C66"),
    ios(2021, 1, 26, "18D52"),
    ios(2021, 3, 8, "18D61"),
    ios(2021, 3, 26, "18D70"),
    ios(2021, 4, 26, "18E199"),
    ios(2021, 5, 3, "18E212"),
    ios(2021, 5, 24, "18F72"),
    ios(2021, 7, 19, "18G69"),
    ios(2021, 7, 26, "18G82"),
    ios(2021, 9, 13, "18H17"),
    ios(2021, 9, 20, "19A346"),
    ios(2021, 10, 1, "19A348"),
    ios(2021, 10, 11, "19A404"),
    ios(2021, 10, 25, "19B74"),
    ios(2021, 11, 17, "19B81"),
    ios(2021, 12, 13, "19C56"),
    ios(2022, 1, 12, "19C63"),
    ios(2022, 1, 26, "19D50"),
    ios(2022, 2, 10, "19D52"),
    ios(2022, 3, 14, "19E241"),
    ios(2022, 3, 31, "19E258"),
    ios(2022, 5, 16, "19F77"),
    ios(2022, 7, 20, "19G71"),
    ios(2022, 8, 17, "19G82"),
    ios(2022, 9, 12, "20A362"),
    ios(2022, 9, 22, "20A380"),
    ios(2022, 10, 10, "20A392"),
    ios(2022, 10, 24, "20B82"),
    ios(2022, 11, 9, "20B101"),
    ios(2022, 11, 30, "20B110"),
    ios(2022, 12, 13, "20C65"),
    ios(2023, 1, 23, "20D47"),
    ios(2023, 2, 13, "20D67"),
    ios(2023, 3, 27, "20E247"),
    ios(2023, 4, 7, "20E252"),
    ios(2023, 5, 18, "20F66"),
    ios(2023, 6, 21, "20F75"),
    ios(2023, 7, 24, "20G75"),
    ios(2023, 9, 7, "20G81"),
    ios(2023, 9, 18, "21A329"),
    ios(2023, 10, 4, "21A360"),
    ios(2023, 10, 25, "21B74"),
    ios(2023, 11, 7, "21B91"),
    ios(2023, 11, 30, "21B101"),
    ios(2023, 12, 11, "21C62"),
    ios(2023, 12, 19, "21C66"),
    ios(2024, 1, 22, "21D50"),
    ios(2024, 2, 8, "21D61"),
    ios(2024, 3, 5, "21E219"),
    ios(2024, 3, 21, "21E236"),
    ios(2024, 5, 13, "21F79"),
    ios(2024, 5, 20, "21F90"),
    ios(2024, 7, 29, "21G80"),
    ios(2024, 8, 7, "21G93"),
    ios(2024, 9, 16, "22A3354"),
    ios(2024, 10, 3, "22A3370"),
    ios(2024, 10, 28, "22B83"),
    ios(2024, 11, 19, "22B91"),
    ios(2024, 12, 11, "22C152"),
    ios(2025, 1, 6, "22C161"),
    ios(2025, 1, 27, "22D63"),
    ios(2025, 2, 10, "22D72"),
    ios(2025, 3, 11, "22D82"),
    ios(2025, 3, 31, "22E240"),
    ios(2025, 4, 16, "22E252"),
    ios(2025, 5, 12, "22F76"),
    ios(2025, 7, 29, "22G86"),
    ios(2025, 8, 20, "22G100"),
    ios(2025, 9, 15, "23A341"),
    ios(2025, 9, 29, "23A355"),
    ios(2025, 11, 3, "23B85"),
    ios(2025, 12, 12, "23C55"),
    ios(2026, 3, 24, "23E246"),
    ios(2026, 4, 8, "23E254"),
    ios(2026, 4, 22, "23E261"),
    ios(2026, 5, 11, "23F77"),
    ios(2026, 6, 29, "23F84"),
];

const fn mac(year: i32, month: u32, day: u32, version: &'static str, build: &'static str) -> Build {
    Build {
        since: (year, month, day),
        build,
        version,
    }
}

/// macOS from 10.14 on.
pub(in crate::mail_client) const MACOS: &[Build] = &[
    mac(2018, 9, 24, "12.0", "3445.100.39"),
    mac(2018, 10, 30, "12.1", "3445.101.1"),
    mac(2018, 12, 5, "12.2", "3445.102.3"),
    mac(2019, 3, 25, "12.4", "3445.104.8"),
    mac(2019, 5, 13, "12.4", "3445.104.11"),
    mac(2019, 10, 29, "13.0", "3601.0.10"),
    mac(2019, 12, 10, "13.0", "3608.40.2.2.4"),
    mac(2020, 1, 28, "13.0", "3608.60.0.2.5"),
    mac(2020, 3, 24, "13.4", "3608.80.23.2.2"),
    mac(2020, 9, 24, "13.4", "3608.120.23.2.1"),
    mac(2020, 11, 12, "14.0", "3654.20.0.2.21"),
    mac(2020, 12, 14, "14.0", "3654.40.0.2.32"),
    mac(2021, 2, 1, "14.0", "3654.60.0.2.21"),
    mac(2021, 4, 26, "14.0", "3654.80.0.2.43"),
    mac(2021, 5, 24, "14.0", "3654.100.0.2.22"),
    mac(2021, 7, 21, "14.0", "3654.120.0.1.13"),
    mac(2021, 10, 25, "15.0", "3693.20.0.1.32"),
    mac(2021, 12, 13, "15.0", "3693.40.0.1.81"),
    mac(2022, 1, 26, "15.0", "3693.60.0.1.1"),
    mac(2022, 3, 14, "16.0", "3696.80.82.1.1"),
    mac(2022, 5, 16, "16.0", "3696.100.31"),
    mac(2022, 7, 20, "16.0", "3696.120.41.1.1"),
    mac(2022, 10, 24, "16.0", "3731.200.110.1.12"),
    mac(2022, 12, 13, "16.0", "3731.300.101.1.3"),
    mac(2023, 1, 23, "16.0", "3731.400.51.1.1"),
    mac(2023, 3, 27, "16.0", "3731.500.231"),
    mac(2023, 5, 18, "16.0", "3731.600.7"),
    mac(2023, 7, 24, "16.0", "3731.700.6"),
    mac(2023, 9, 26, "16.0", "3774.100.2.1.4"),
    mac(2023, 10, 25, "16.0", "3774.200.91.1.1"),
    mac(2023, 12, 11, "16.0", "3774.300.61.1.2"),
    mac(2024, 1, 22, "16.0", "3774.400.31"),
    mac(2024, 3, 7, "16.0", "3774.500.171.1.1"),
    mac(2024, 5, 13, "16.0", "3774.600.62"),
    mac(2024, 9, 16, "16.0", "3818.100.11.1.3"),
    mac(2024, 10, 28, "16.0", "3826.200.121"),
    mac(2024, 12, 11, "16.0", "3826.300.87.4.3"),
    mac(2025, 1, 27, "16.0", "3826.400.131.1.6"),
    mac(2025, 3, 31, "16.0", "3826.500.181.1.5"),
    mac(2025, 5, 12, "16.0", "3826.600.51.1.1"),
    mac(2025, 7, 29, "16.0", "3826.700.81"),
    mac(2025, 9, 15, "16.0", "3864.100.1.1.5"),
    mac(2025, 11, 3, "16.0", "3864.200.81.1.6"),
    mac(2025, 12, 12, "16.0", "3864.300.41.1.7"),
    mac(2026, 3, 24, "16.0", "3864.400.21"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_in_order_and_people_move_through_them() {
        for table in [IOS, MACOS] {
            assert!(table.windows(2).all(|pair| pair[0].since < pair[1].since));
            for release in table {
                let (year, month, day) = release.since;
                assert!(NaiveDate::from_ymd_opt(year, month, day).is_some());
            }
        }
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap_or_default();
        for person in 0..200 {
            let numbers: Vec<u32> = (2019..2027)
                .map(|year| installed(IOS, &at(&format!("{year}-08-20T10:00:00Z")), person))
                .map(|build| build.number())
                .collect();
            assert!(numbers.is_sorted(), "{numbers:?}");
            assert!(numbers.first() < numbers.last());
        }
        assert_eq!(
            installed(IOS, &at("1999-01-01T00:00:00Z"), 1).build,
            "16A366"
        );
    }
}
