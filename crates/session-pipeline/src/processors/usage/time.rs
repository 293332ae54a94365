//! Times in transcripts.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// Forms without an offset, which are taken as UTC.
const WITHOUT_OFFSET: [&str; 4] = [
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y%m%dT%H%M%S%.f",
    "%Y-%m-%dT%H:%M",
];

/// A time in a form of ISO 8601. What is none is `None`, never the present.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    if let Ok(time) = DateTime::parse_from_str(text, "%Y%m%dT%H%M%S%.f%#z") {
        return Some(time.to_utc());
    }
    let text = text.strip_suffix('Z').unwrap_or(text);
    WITHOUT_OFFSET
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .or_else(|| {
            let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some(date.and_time(NaiveTime::MIN))
        })
        .map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let expected = "2026-05-12T07:30:00Z".parse::<DateTime<Utc>>().unwrap();
        for text in [
            "2026-05-12T07:30:00Z",
            "2026-05-12T07:30:00.000Z",
            "2026-05-12T09:30:00+02:00",
            "2026-05-12T07:30:00",
            "2026-05-12 07:30:00",
            "20260512T073000Z",
            "20260512T093000+0200",
            "2026-05-12T07:30",
        ] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for text in ["", "soon", "1715499000", "2026-13-01T00:00:00Z", "07:30"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
