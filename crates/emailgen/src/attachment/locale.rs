//! Words, numbers and dates as people of a language and a region write them.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate};

/// A language in a region.
#[derive(Clone, Copy)]
pub(super) struct Locale {
    /// `key=value` lines, lists separated by `|`: one string, because a table of strings would be
    /// relocated whenever the program starts.
    words: &'static str,
    /// Primary tag of the language.
    pub(super) language: &'static str,
    /// Between units and decimals.
    pub(super) decimal: char,
    /// Between groups of three digits.
    group: char,
    /// What separates the cells of a CSV file.
    pub(super) list: char,
    currency: &'static str,
    date: DateOrder,
    /// US Letter instead of A4.
    pub(super) letter: bool,
}

#[derive(Clone, Copy)]
enum DateOrder {
    DayFirst(char),
    MonthFirst,
}

impl Locale {
    /// The locale of a language, in the region that the time zone belongs to.
    pub(super) fn of(language: &str, time_zone: &str) -> Locale {
        let primary = language.split(['-', '_']).next().unwrap_or_default();
        let america = time_zone.starts_with("America/");
        let comma = |tag, words, group, separator| Locale {
            words,
            language: tag,
            decimal: ',',
            group,
            list: ';',
            currency: "€",
            date: DateOrder::DayFirst(separator),
            letter: false,
        };
        if primary.eq_ignore_ascii_case("es") {
            let spain = comma("es", include_str!("words/es.txt"), '.', '/');
            let points = [
                "America/Mexico_City",
                "America/Monterrey",
                "America/Tijuana",
            ];
            if points.contains(&time_zone) {
                return Locale {
                    decimal: '.',
                    group: ',',
                    list: ',',
                    currency: "$",
                    letter: true,
                    ..spain
                };
            }
            return Locale {
                currency: if america { "$" } else { "€" },
                letter: america,
                ..spain
            };
        }
        if primary.eq_ignore_ascii_case("pt") {
            return Locale {
                currency: if america { "R$" } else { "€" },
                ..comma("pt", include_str!("words/pt.txt"), '.', '/')
            };
        }
        if primary.eq_ignore_ascii_case("de") {
            return comma("de", include_str!("words/de.txt"), '.', '.');
        }
        if primary.eq_ignore_ascii_case("fr") {
            return comma("fr", include_str!("words/fr.txt"), '\u{a0}', '/');
        }
        if primary.eq_ignore_ascii_case("it") {
            return comma("it", include_str!("words/it.txt"), '.', '/');
        }
        if primary.eq_ignore_ascii_case("nl") {
            return comma("nl", include_str!("words/nl.txt"), '.', '-');
        }
        Locale {
            words: include_str!("words/en.txt"),
            language: "en",
            decimal: '.',
            group: ',',
            list: ',',
            currency: if america {
                "$"
            } else if time_zone == "Europe/London" {
                "£"
            } else {
                "€"
            },
            date: if america {
                DateOrder::MonthFirst
            } else {
                DateOrder::DayFirst('/')
            },
            letter: america,
        }
    }

    /// The value of a key; empty if there is none.
    pub(super) fn word(&self, key: &str) -> &'static str {
        self.words
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix('='))
            .unwrap_or_default()
    }

    /// The values of a key.
    pub(super) fn words(&self, key: &str) -> Vec<&'static str> {
        self.word(key).split('|').collect()
    }

    /// Short name of a month, from 0.
    pub(super) fn month(&self, month0: u32) -> &'static str {
        self.word("months")
            .split('|')
            .nth(month0 as usize % 12)
            .unwrap_or_default()
    }

    /// `06/03/2026`, `06.03.2026`, `3/6/2026`.
    pub(super) fn date(&self, date: NaiveDate) -> String {
        let (year, month, day) = (date.year(), date.month(), date.day());
        match self.date {
            DateOrder::DayFirst(separator) => {
                format!("{day:02}{separator}{month:02}{separator}{year:04}")
            }
            DateOrder::MonthFirst => format!("{month}/{day}/{year:04}"),
        }
    }

    /// `6 March 2026`.
    pub(super) fn long_date(&self, date: NaiveDate) -> String {
        let months = self.words("long_months");
        let month = months
            .get(date.month0() as usize)
            .copied()
            .unwrap_or_default();
        let (year, day) = (date.year(), date.day());
        match (self.language, self.date) {
            (_, DateOrder::MonthFirst) => format!("{month} {day}, {year}"),
            ("es" | "pt", _) => format!("{day} de {month} de {year}"),
            ("de", _) => format!("{day}. {month} {year}"),
            _ => format!("{day} {month} {year}"),
        }
    }

    /// Hundredths as `1.234,50`.
    pub(super) fn grouped(&self, cents: i64) -> String {
        let units = self.whole(cents / 100);
        format!("{units}{}{:02}", self.decimal, cents.unsigned_abs() % 100)
    }

    /// `12.345`.
    pub(super) fn whole(&self, units: i64) -> String {
        let digits = units.unsigned_abs().to_string();
        let mut text = if units < 0 { "-" } else { "" }.to_owned();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(self.group);
            }
            text.push(digit);
        }
        text
    }

    /// Hundredths as `1234,50`.
    pub(super) fn plain(&self, cents: i64) -> String {
        format!(
            "{}{}{:02}",
            cents / 100,
            self.decimal,
            cents.unsigned_abs() % 100
        )
    }

    /// Hundredths with the sign of the currency.
    pub(super) fn money(&self, cents: i64) -> String {
        let amount = self.grouped(cents);
        match self.currency {
            "€" if self.decimal == ',' => format!("{amount} €"),
            "R$" => format!("R$ {amount}"),
            sign => format!("{sign}{amount}"),
        }
    }

    /// Fills `{y}`, `{m}`, `{d}`, `{H}`, `{M}`, `{S}` of a pattern.
    pub(super) fn stamp(&self, key: &str, time: &DateTime<FixedOffset>) -> String {
        let mut text = self.word(key).to_owned();
        for (field, format) in [
            ("{y}", "%Y"),
            ("{m}", "%m"),
            ("{d}", "%d"),
            ("{H}", "%H"),
            ("{M}", "%M"),
            ("{S}", "%S"),
        ] {
            text = text.replace(field, &time.format(format).to_string());
        }
        text
    }

    /// A tag with the usual region, as in the `Lang` of a PDF.
    pub(super) fn tag(&self) -> &'static str {
        match self.language {
            "es" => "es-ES",
            "de" => "de-DE",
            "fr" => "fr-FR",
            "it" => "it-IT",
            "pt" if self.currency == "R$" => "pt-BR",
            "pt" => "pt-PT",
            "nl" => "nl-NL",
            _ if self.letter => "en-US",
            _ => "en-GB",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_language() {
        for (language, zone, grouped, plain, money) in [
            (
                "en",
                "Europe/London",
                "1,234,567.05",
                "1234567.05",
                "£1,234,567.05",
            ),
            (
                "en-US",
                "America/New_York",
                "1,234,567.05",
                "1234567.05",
                "$1,234,567.05",
            ),
            (
                "de",
                "Europe/Berlin",
                "1.234.567,05",
                "1234567,05",
                "1.234.567,05 €",
            ),
            (
                "es",
                "Europe/Madrid",
                "1.234.567,05",
                "1234567,05",
                "1.234.567,05 €",
            ),
            (
                "es",
                "America/Mexico_City",
                "1,234,567.05",
                "1234567.05",
                "$1,234,567.05",
            ),
            (
                "fr_FR",
                "Europe/Paris",
                "1\u{a0}234\u{a0}567,05",
                "1234567,05",
                "1\u{a0}234\u{a0}567,05 €",
            ),
            (
                "pt",
                "America/Sao_Paulo",
                "1.234.567,05",
                "1234567,05",
                "R$ 1.234.567,05",
            ),
        ] {
            let locale = Locale::of(language, zone);
            assert_eq!(locale.grouped(123_456_705), grouped);
            assert_eq!(locale.plain(123_456_705), plain);
            assert_eq!(locale.money(123_456_705), money);
        }
        assert_eq!(Locale::of("xx", "").whole(999), "999");
    }

    #[test]
    fn every_language_has_every_word() {
        let keys = |locale: &Locale| -> Vec<(String, usize)> {
            locale
                .words
                .lines()
                .map(|line| {
                    let (key, value) = line.split_once('=').expect("key=value");
                    assert!(
                        value.split('|').all(|word| !word.trim().is_empty()),
                        "{line}"
                    );
                    (key.to_owned(), value.split('|').count())
                })
                .collect()
        };
        let english = keys(&Locale::of("en", ""));
        for language in ["es", "de", "fr", "it", "pt", "nl"] {
            let locale = Locale::of(language, "");
            assert_eq!(locale.language, language);
            assert_eq!(keys(&locale), english, "{language}");
        }
    }
}
