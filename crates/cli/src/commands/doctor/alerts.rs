//! What the doctor says of alerts.

use decnet_alert::ledger::{AlertFilter, AlertLedger, DeliveryState};
use decnet_alert::sinks::syslog::SyslogTarget;
use decnet_store::Store;

use crate::commands::findings::Findings;
use crate::config::{Settings, TokenSource};
use crate::failure::Failure;
use crate::wiring::is_private;

/// Alerts that were given up and are named one by one.
const MOST_NAMED: usize = 5;

/// Whether each sink can be reached, as far as that shows without sending.
pub(super) fn sinks(settings: &Settings, findings: &mut Findings) {
    file(settings, findings);
    syslog(settings, findings);
    webhook(settings, findings);
}

fn file(settings: &Settings, findings: &mut Findings) {
    let Some(path) = &settings.alerts.file.value else {
        return;
    };
    let shown = path.display();
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => std::path::Path::new("."),
    };
    if !folder.is_dir() {
        findings.problem(
            "alerts.file",
            format!("the folder of {shown} does not exist"),
            "make it, or name another file",
        );
    } else if path.exists() && !path.is_file() {
        findings.problem(
            "alerts.file",
            format!("{shown} is no file"),
            "name another one",
        );
    } else if let Ok(false) = is_private(path) {
        findings.warning(
            "alerts.file",
            format!("{shown} can be read by others"),
            "chmod 600 it: it says which hosts are decoys",
        );
    } else {
        findings.good("alerts.file", format!("alerts go to {shown}"));
    }
}

fn syslog(settings: &Settings, findings: &mut Findings) {
    let Some(target) = &settings.alerts.syslog.value else {
        return;
    };
    match target {
        SyslogTarget::Unix { path } if !path.exists() => findings.problem(
            "alerts.syslog",
            format!("there is no socket {}", path.display()),
            "start the syslog daemon, or name another target",
        ),
        target => findings.good("alerts.syslog", format!("alerts go to {target}")),
    }
}

fn webhook(settings: &Settings, findings: &mut Findings) {
    let Some(url) = &settings.alerts.webhook.value else {
        return;
    };
    if url.is_encrypted() || url.is_loopback() {
        findings.good("alerts.webhook", format!("alerts go to {url}"));
    } else {
        findings.warning(
            "alerts.webhook",
            format!("{url} is another machine, and the connection is not encrypted"),
            "write https://: who listens learns which hosts are decoys",
        );
    }
    let Some(token) = &settings.alerts.webhook_token else {
        return;
    };
    if let Err(failure) = token.value.read() {
        findings.problem(
            "alerts.webhook",
            failure.message,
            "correct the file: alerts wait until then",
        );
    }
    if let TokenSource::File(path) = &token.value
        && let Ok(false) = is_private(path)
    {
        findings.warning(
            "alerts.webhook",
            format!("the token file {} can be read by others", path.display()),
            "chmod 600 it",
        );
    }
}

/// Alerts that did not get to a sink and are not tried again.
pub(super) fn given_up(store: &mut Store, findings: &mut Findings) -> Result<(), Failure> {
    let given_up = store.alerts(&AlertFilter {
        state: Some(DeliveryState::GivenUp),
        ..AlertFilter::default()
    })?;
    for record in given_up.iter().take(MOST_NAMED) {
        for delivery in &record.deliveries {
            if delivery.state == DeliveryState::GivenUp {
                findings.warning(
                    format!("alert {}", record.id),
                    format!(
                        "{:?} of {} did not get to {}: {}",
                        record.alert.summary(),
                        record.alert.at().format("%Y-%m-%d %H:%M UTC"),
                        delivery.sink,
                        delivery.error.as_deref().unwrap_or("no reason is known")
                    ),
                    "correct the sink, and try it with `decnet alerts test`",
                );
            }
        }
    }
    let more = given_up.len().saturating_sub(MOST_NAMED);
    if more > 0 {
        findings.warning(
            "alerts",
            format!("{more} more alerts did not get to a sink"),
            "`decnet alerts list` names them",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use decnet_alert::alert::{Alert, AlertId, AlertKind, Severity};
    use decnet_alert::ledger::{FailedDelivery, Raised, Recorded};
    use decnet_alert::sink::SinkName;
    use decnet_store::OpenOptions;
    use serde_json::json;

    use super::*;

    #[test]
    fn alerts_that_were_given_up_are_named_up_to_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decnet.db");
        let mut store = Store::open(&path, OpenOptions::default()).unwrap();
        let (kind, sink) = (
            AlertKind::constant("first-login"),
            SinkName::constant("file"),
        );
        let at = DateTime::UNIX_EPOCH;
        for number in 0..8 {
            let key = format!("mx{number}");
            let alert = Alert::new(kind.clone(), key, Severity::Notice, at, "a login").unwrap();
            let id = AlertId(number);
            let raised = store.raise(id, &alert, std::slice::from_ref(&sink));
            assert_eq!(raised.unwrap(), Raised::New(id));
            let held = store.claim_deliveries(&sink, at, at, 1).unwrap();
            assert_eq!(held[0].id, id);
            // The last one is still tried.
            let next_attempt_at = (number == 7).then_some(at);
            let failed = FailedDelivery {
                id,
                sink: sink.clone(),
                attempt: 1,
                error: "disk full".to_owned(),
                at,
                next_attempt_at,
            };
            assert_eq!(store.record_failed(&failed).unwrap(), Recorded::Yes);
        }
        let mut findings = Findings::default();
        given_up(&mut store, &mut findings).unwrap();
        let found = json!(findings);
        let found = found.as_array().unwrap();
        assert_eq!(found.len(), MOST_NAMED + 1, "{found:?}");
        assert_eq!(found[0]["severity"], "warning");
        assert_eq!(
            found[0]["what"],
            "\"a login\" of 1970-01-01 00:00 UTC did not get to file: disk full"
        );
        let more = "2 more alerts did not get to a sink";
        assert_eq!(found[MOST_NAMED]["what"], more);
    }
}
