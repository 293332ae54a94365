//! Words of mail clients' user interfaces: weekdays, months, and whether somebody's clock is
//! American.

use chrono::{DateTime, Datelike, FixedOffset, Offset};

/// Languages that clients are translated into here; any other is taken for English.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Words {
    English,
    /// English with the clock and the order of dates of the United States.
    American,
    Spanish,
    German,
    French,
    Italian,
    Portuguese,
    Dutch,
}

impl Words {
    /// The words of a language tag. English is American in a zone of the Americas, unless the tag
    /// names another region.
    pub(super) fn of(language: &str, date: &DateTime<FixedOffset>) -> Self {
        let mut parts = language.split(['-', '_']);
        let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
        let region = parts.next().unwrap_or_default();
        match tag.as_str() {
            "es" => Self::Spanish,
            "de" => Self::German,
            "fr" => Self::French,
            "it" => Self::Italian,
            "pt" => Self::Portuguese,
            "nl" => Self::Dutch,
            _ => {
                let hours = date.offset().fix().local_minus_utc() / 3600;
                let is_american = match region.to_ascii_uppercase().as_str() {
                    "US" => true,
                    "" => (-10..=-4).contains(&hours),
                    _ => false,
                };
                if is_american {
                    Self::American
                } else {
                    Self::English
                }
            }
        }
    }

    /// The weekday in short, such as `Wed`, without a full stop.
    pub(super) fn short_weekday(self, date: &DateTime<FixedOffset>) -> &'static str {
        let names = match self {
            Self::English | Self::American => ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
            Self::Spanish => ["lun", "mar", "mié", "jue", "vie", "sáb", "dom"],
            Self::German => ["Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"],
            Self::French => ["lun", "mar", "mer", "jeu", "ven", "sam", "dim"],
            Self::Italian => ["lun", "mar", "mer", "gio", "ven", "sab", "dom"],
            Self::Portuguese => ["seg", "ter", "qua", "qui", "sex", "sáb", "dom"],
            Self::Dutch => ["ma", "di", "wo", "do", "vr", "za", "zo"],
        };
        pick(names, date.weekday().num_days_from_monday())
    }

    /// The weekday in full.
    pub(super) fn weekday(self, date: &DateTime<FixedOffset>) -> &'static str {
        let names = match self {
            Self::English | Self::American => [
                "Monday",
                "Tuesday",
                "Wednesday",
                "Thursday",
                "Friday",
                "Saturday",
                "Sunday",
            ],
            Self::Spanish => [
                "lunes",
                "martes",
                "miércoles",
                "jueves",
                "viernes",
                "sábado",
                "domingo",
            ],
            Self::German => [
                "Montag",
                "Dienstag",
                "Mittwoch",
                "Donnerstag",
                "Freitag",
                "Samstag",
                "Sonntag",
            ],
            Self::French => [
                "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche",
            ],
            Self::Italian => [
                "lunedì",
                "martedì",
                "mercoledì",
                "giovedì",
                "venerdì",
                "sabato",
                "domenica",
            ],
            Self::Portuguese => [
                "segunda-feira",
                "terça-feira",
                "quarta-feira",
                "quinta-feira",
                "sexta-feira",
                "sábado",
                "domingo",
            ],
            Self::Dutch => [
                "maandag",
                "dinsdag",
                "woensdag",
                "donderdag",
                "vrijdag",
                "zaterdag",
                "zondag",
            ],
        };
        pick(names, date.weekday().num_days_from_monday())
    }

    /// The month in short, such as `Jul`, without a full stop.
    pub(super) fn short_month(self, date: &DateTime<FixedOffset>) -> &'static str {
        let names = match self {
            Self::English | Self::American => [
                "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
            ],
            Self::Spanish => [
                "ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sept", "oct", "nov", "dic",
            ],
            Self::German => [
                "Jan", "Feb", "März", "Apr", "Mai", "Juni", "Juli", "Aug", "Sept", "Okt", "Nov",
                "Dez",
            ],
            Self::French => [
                "janv", "févr", "mars", "avr", "mai", "juin", "juil", "août", "sept", "oct", "nov",
                "déc",
            ],
            Self::Italian => [
                "gen", "feb", "mar", "apr", "mag", "giu", "lug", "ago", "set", "ott", "nov", "dic",
            ],
            Self::Portuguese => [
                "jan", "fev", "mar", "abr", "mai", "jun", "jul", "ago", "set", "out", "nov", "dez",
            ],
            Self::Dutch => [
                "jan", "feb", "mrt", "apr", "mei", "jun", "jul", "aug", "sep", "okt", "nov", "dec",
            ],
        };
        pick(names, date.month0())
    }

    /// The month in full.
    pub(super) fn month(self, date: &DateTime<FixedOffset>) -> &'static str {
        let names = match self {
            Self::English | Self::American => [
                "January",
                "February",
                "March",
                "April",
                "May",
                "June",
                "July",
                "August",
                "September",
                "October",
                "November",
                "December",
            ],
            Self::Spanish => [
                "enero",
                "febrero",
                "marzo",
                "abril",
                "mayo",
                "junio",
                "julio",
                "agosto",
                "septiembre",
                "octubre",
                "noviembre",
                "diciembre",
            ],
            Self::German => [
                "Januar",
                "Februar",
                "März",
                "April",
                "Mai",
                "Juni",
                "Juli",
                "August",
                "September",
                "Oktober",
                "November",
                "Dezember",
            ],
            Self::French => [
                "janvier",
                "février",
                "mars",
                "avril",
                "mai",
                "juin",
                "juillet",
                "août",
                "septembre",
                "octobre",
                "novembre",
                "décembre",
            ],
            Self::Italian => [
                "gennaio",
                "febbraio",
                "marzo",
                "aprile",
                "maggio",
                "giugno",
                "luglio",
                "agosto",
                "settembre",
                "ottobre",
                "novembre",
                "dicembre",
            ],
            Self::Portuguese => [
                "janeiro",
                "fevereiro",
                "março",
                "abril",
                "maio",
                "junho",
                "julho",
                "agosto",
                "setembro",
                "outubro",
                "novembro",
                "dezembro",
            ],
            Self::Dutch => [
                "januari",
                "februari",
                "maart",
                "april",
                "mei",
                "juni",
                "juli",
                "augustus",
                "september",
                "oktober",
                "november",
                "december",
            ],
        };
        pick(names, date.month0())
    }
}

fn pick<const N: usize>(names: [&'static str; N], place: u32) -> &'static str {
    usize::try_from(place)
        .ok()
        .and_then(|place| names.get(place))
        .copied()
        .unwrap_or_default()
}
