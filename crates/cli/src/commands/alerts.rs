//! `decnet alerts list` and `decnet alerts test`

use decnet_alert::alert::{Alert, AlertKind, Severity};
use decnet_alert::dispatch::{DeliveryPolicy, send_to_all};
use decnet_alert::ledger::{AlertFilter, AlertLedger, AlertRecord, DeliveryRecord, DeliveryState};
use serde_json::json;

use crate::alerting;
use crate::arguments::AlertListArguments;
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::output::{one_line, say, say_json, shortened, table};
use crate::wiring::{open_store, run_with_sockets};

const TEST: AlertKind = AlertKind::constant("test");

/// Lists alerts, the last first.
pub(crate) fn list(flags: &Flags, arguments: &AlertListArguments) -> Result<(), Failure> {
    let kind = arguments
        .kind
        .as_deref()
        .map(AlertKind::parse)
        .transpose()
        .map_err(|error| Failure::new(Kind::Usage, format!("--kind: {error}")))?;
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let alerts = store.alerts(&AlertFilter {
        kind,
        state: None,
        limit: arguments.limit,
    })?;
    if arguments.json {
        say_json(&alerts);
    } else if alerts.is_empty() {
        say("no alerts");
    } else {
        say(&listing(&alerts));
    }
    Ok(())
}

/// Sends a test alert to every sink at once. The database takes no part.
pub(crate) fn test(flags: &Flags, json: bool) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let sinks = alerting::sinks(&settings);
    if sinks.is_empty() {
        return Err(Failure::new(
            Kind::Configuration,
            "no sink is configured; set file, syslog or webhook in [alerts]",
        ));
    }
    let (id, now) = (alerting::new_id(), environment::now());
    let summary = "a test: alerts of decnet arrive here";
    let alert = Alert::new(TEST, id.to_string(), Severity::Info, now, summary)
        .map_err(|error| Failure::new(Kind::Unavailable, error.to_string()))?;
    let deadline = DeliveryPolicy::default().deadline;
    let results = run_with_sockets(async { Ok(send_to_all(&sinks, id, &alert, deadline).await) })?;
    let failed = results.iter().filter(|result| result.is_err()).count();
    let tried: Vec<_> = sinks.iter().zip(&results).collect();
    if json {
        let sinks: Vec<_> = tried
            .iter()
            .map(|(sink, result)| {
                json!({
                    "sink": sink.name(),
                    "destination": sink.destination(),
                    "sent": result.is_ok(),
                    "error": result.as_ref().err().map(|error| one_line(&error.to_string())),
                })
            })
            .collect();
        say_json(&json!({ "id": id, "sinks": sinks, "failed": failed }));
    } else {
        let rows: Vec<Vec<String>> = tried
            .iter()
            .map(|(sink, result)| {
                let outcome = match result {
                    Ok(()) => "sent".to_owned(),
                    Err(error) => one_line(&format!("failed: {error}")),
                };
                vec![
                    sink.name().to_string(),
                    one_line(&sink.destination()),
                    outcome,
                ]
            })
            .collect();
        say(&table(&["sink", "destination", "outcome"], &rows));
    }
    match failed {
        0 => Ok(()),
        failed => Err(Failure::new(
            Kind::Unavailable,
            format!("{failed} of {} sinks did not take the alert", sinks.len()),
        )),
    }
}

/// Alerts as a table.
fn listing(alerts: &[AlertRecord]) -> String {
    let rows: Vec<Vec<String>> = alerts
        .iter()
        .map(|record| {
            let alert = &record.alert;
            let deliveries: Vec<String> = record.deliveries.iter().map(delivery).collect();
            vec![
                alert.at().format("%a %Y-%m-%d %H:%M:%S UTC").to_string(),
                alert.kind().to_string(),
                alert.severity().name().to_owned(),
                shortened(alert.decky().unwrap_or("-"), 30),
                shortened(alert.summary(), 60),
                record.times.to_string(),
                match deliveries.is_empty() {
                    true => "no sinks".to_owned(),
                    false => deliveries.join("; "),
                },
            ]
        })
        .collect();
    table(
        &[
            "when", "kind", "severity", "decky", "summary", "times", "sinks",
        ],
        &rows,
    )
}

/// Where one delivery stands: `file sent`, `webhook failed (2 tries): why`.
fn delivery(record: &DeliveryRecord) -> String {
    let sink = record.sink.as_str();
    let error = record.error.as_deref().unwrap_or_default();
    let tries = record.attempts;
    match record.state {
        DeliveryState::Sent => format!("{sink} sent"),
        DeliveryState::Waiting if error.is_empty() => format!("{sink} waiting"),
        DeliveryState::Waiting => shortened(
            &format!("{sink} waiting, failed {tries} times: {error}"),
            100,
        ),
        DeliveryState::GivenUp => {
            shortened(&format!("{sink} failed after {tries} tries: {error}"), 100)
        }
        DeliveryState::Dropped => shortened(&format!("{sink} dropped: {error}"), 100),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use decnet_alert::alert::AlertId;
    use decnet_alert::sink::SinkName;

    use super::*;

    #[test]
    fn a_row_says_where_each_delivery_stands() {
        let at = DateTime::UNIX_EPOCH;
        let held = |sink, state, attempts, error: Option<&str>| DeliveryRecord {
            sink: SinkName::constant(sink),
            state,
            attempts,
            settled_at: None,
            claimable_at: None,
            error: error.map(str::to_owned),
        };
        let alert = Alert::new(TEST, "k", Severity::Error, at, "it stopped").unwrap();
        let record = AlertRecord {
            id: AlertId(1),
            alert: alert.with_decky("mx1"),
            times: 3,
            last_at: at,
            deliveries: vec![
                held("file", DeliveryState::Sent, 1, None),
                held("syslog", DeliveryState::Waiting, 0, None),
                held("webhook", DeliveryState::GivenUp, 10, Some("no\u{1b}")),
            ],
        };
        let shown = listing(&[record]);
        let row = shown.lines().nth(1).unwrap();
        assert_eq!(
            row,
            "Thu 1970-01-01 00:00:00 UTC  test  error     mx1    it stopped  3      file sent; \
             syslog waiting; webhook failed after 10 tries: no\u{fffd}"
        );
        let failing = held("file", DeliveryState::Waiting, 2, Some("full"));
        assert_eq!(delivery(&failing), "file waiting, failed 2 times: full");
    }
}
