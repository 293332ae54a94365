//! An alert as a message of RFC 5424.
//!
//! ```text
//! <132>1 2026-03-06T16:00:00Z host decnet 4711 first-login [decnet@32473 id="…" …] first login …
//! ```

use serde_json::Value;

use crate::alert::{Alert, AlertId};
use crate::text;

/// Facility local0: the one that programs without one of their own use.
const FACILITY: u8 = 16;
/// Name of our structured data. 32473 is the enterprise number for documentation (RFC 5612).
const DATA_ID: &str = "decnet@32473";
/// Longest fields of the header, in bytes (RFC 5424, section 6).
const HOST_MAX: usize = 255;
const APP_MAX: usize = 48;
const PROCESS_MAX: usize = 128;
const MESSAGE_ID_MAX: usize = 32;
/// What a text that is not all ASCII begins with (RFC 5424, section 6.4).
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Who sends messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyslogOrigin {
    /// Name of this machine; `None` when it is unknown.
    pub host: Option<String>,
    /// Name of the program.
    pub app: String,
    /// Number of the process, or whatever tells one from another.
    pub process: Option<String>,
}

/// The message of an alert, in at most `most` bytes. What does not fit is left out: first the key
/// and facts, in their order, then the end of the summary.
pub(super) fn write(origin: &SyslogOrigin, id: AlertId, alert: &Alert, most: usize) -> String {
    let mut message = format!(
        "<{}>1 {} {} {} {} {} [{DATA_ID}",
        FACILITY * 8 + alert.severity().number(),
        alert.at().format("%Y-%m-%dT%H:%M:%S%.6fZ"),
        field(origin.host.as_deref(), HOST_MAX),
        field(Some(&origin.app), APP_MAX),
        field(origin.process.as_deref(), PROCESS_MAX),
        field(Some(alert.kind().as_str()), MESSAGE_ID_MAX),
    );
    let mark = if alert.summary().is_ascii() {
        None
    } else {
        Some(BYTE_ORDER_MARK)
    };
    let end = "] ".len() + mark.map_or(0, char::len_utf8) + alert.summary().len();
    let mut add = |name: &str, value: &str| {
        let parameter = format!(" {name}=\"{}\"", escaped(value));
        if message.len() + parameter.len() + end <= most {
            message.push_str(&parameter);
        }
    };
    add("id", &id.to_string());
    add("kind", alert.kind().as_str());
    if let Some(decky) = alert.decky() {
        add("decky", decky);
    }
    add("key", alert.key());
    for (name, value) in alert.facts() {
        // No name twice.
        if matches!(name.as_str(), "id" | "kind" | "decky" | "key") {
            continue;
        }
        match value {
            Value::String(text) => add(name, text),
            other => add(name, &text::json(other)),
        }
    }
    message.push_str("] ");
    message.extend(mark);
    message.push_str(alert.summary());
    message.truncate(message.floor_char_boundary(most));
    message
}

/// A field of the header: visible ASCII, or `-` for nothing.
fn field(value: Option<&str>, most: usize) -> String {
    let visible: String = value
        .unwrap_or_default()
        .chars()
        .filter(char::is_ascii_graphic)
        .take(most)
        .collect();
    if visible.is_empty() {
        "-".to_owned()
    } else {
        visible
    }
}

/// A value of structured data: `"`, `\` and `]` escaped (RFC 5424, section 6.3.3), on one line.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in text::one_line(value, usize::MAX).chars() {
        if matches!(c, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use proptest::prelude::*;

    use super::*;
    use crate::alert::{AlertKind, Severity};

    const KIND: AlertKind = AlertKind::constant("first-login");
    const ID: AlertId = AlertId(0xa1);

    fn origin() -> SyslogOrigin {
        SyslogOrigin {
            host: Some("sensor 1.corp.example\n".to_owned()),
            app: "decnet".to_owned(),
            process: Some("4711".to_owned()),
        }
    }

    fn alert(summary: &str) -> Alert {
        let at: DateTime<Utc> = "2026-03-06T16:00:00.25Z".parse().unwrap();
        Alert::new(KIND, "mx1", Severity::Warning, at, summary).unwrap()
    }

    #[test]
    fn a_message_is_as_the_standard_has_it() {
        let alert = alert("first login on mx1")
            .with_decky("mx1")
            .with_fact("source", "203.0.113.9")
            .with_fact("port", 22)
            .with_fact("user", "a\"b\\c]d\ne\u{1b}");
        assert_eq!(
            write(&origin(), ID, &alert, 2_048),
            "<132>1 2026-03-06T16:00:00.250000Z sensor1.corp.example decnet 4711 first-login \
             [decnet@32473 id=\"000000000000000000000000000000a1\" kind=\"first-login\" \
             decky=\"mx1\" key=\"mx1\" port=\"22\" source=\"203.0.113.9\" \
             user=\"a\\\"b\\\\c\\]d e\u{fffd}\"] first login on mx1"
        );
    }

    #[test]
    fn what_is_unknown_is_a_hyphen_and_unicode_has_its_mark() {
        let nobody = SyslogOrigin {
            host: None,
            app: "ñ".to_owned(),
            process: None,
        };
        let message = write(&nobody, ID, &alert("señal"), 2_048);
        assert!(message.contains("Z - - - first-login ["), "{message}");
        assert!(message.ends_with("] \u{feff}señal"), "{message}");
    }

    #[test]
    fn long_kinds_are_whole_in_the_data() {
        let kind = AlertKind::parse(&"x".repeat(64)).unwrap();
        let alert = Alert::new(kind, "k", Severity::Critical, DateTime::UNIX_EPOCH, "s").unwrap();
        let message = write(&origin(), ID, &alert, 2_048);
        assert!(message.starts_with("<130>1 1970-01-01T00:00:00.000000Z "));
        assert!(message.contains(&format!(" {} [", "x".repeat(32))));
        assert!(message.contains(&format!("kind=\"{}\"", "x".repeat(64))));
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_the_summary_stays() {
        let mut long = alert(&"ñ".repeat(250));
        for number in 0..20 {
            long = long.with_fact(&format!("fact{number:02}"), "]".repeat(900));
        }
        let message = write(&origin(), ID, &long, 2_048);
        assert!(message.len() <= 2_048);
        assert!(message.contains("key=\"mx1\"] "), "{message}");
        assert!(message.ends_with(&"ñ".repeat(250)));
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_place(
            key in ".{1,80}", summary in ".{0,300}", fact in ".{0,300}", most in 200_usize..3_000
        ) {
            let alert = Alert::new(KIND, key, Severity::Info, DateTime::UNIX_EPOCH, &summary)
                .unwrap()
                .with_fact("fact", fact);
            let message = write(&origin(), ID, &alert, most);
            prop_assert!(message.len() <= most);
            let control = message.chars().find(|c| c.is_control());
            prop_assert_eq!(control, None);
            // The data ends where its first bare bracket is; what follows is the summary's start.
            let mut is_escaped = false;
            let data_end = message.char_indices().find(|(_, c)| {
                let is_end = *c == ']' && !is_escaped;
                is_escaped = *c == '\\' && !is_escaped;
                is_end
            });
            let end = data_end.map(|(end, _)| end);
            prop_assert!(end.is_some(), "{}", message);
            let rest = message[end.unwrap_or_default() + 1..].strip_prefix(' ');
            prop_assert!(rest.is_some(), "{}", message);
            let rest = rest.unwrap_or_default();
            let rest = rest.strip_prefix('\u{feff}').unwrap_or(rest);
            prop_assert!(alert.summary().starts_with(rest), "{}", message);
        }
    }
}
