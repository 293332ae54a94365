//! Alerts: raised into the database, and brought to the sinks of the configuration.

use std::sync::Arc;

use async_trait::async_trait;
use decnet_alert::alert::{Alert, AlertId};
use decnet_alert::dispatch::{DeliveryPolicy, DeliveryReport, Dispatcher};
use decnet_alert::ledger::{AlertLedger, Raised};
use decnet_alert::sink::{Sink, SinkError, SinkName};
use decnet_alert::sinks::json_lines::JsonLinesSink;
use decnet_alert::sinks::syslog::{SyslogOrigin, SyslogSink};
use decnet_alert::sinks::webhook::WebhookSink;
use decnet_store::Store;

use crate::config::Settings;
use crate::environment;
use crate::failure::Failure;

const FILE: SinkName = SinkName::constant("file");
const SYSLOG: SinkName = SinkName::constant("syslog");
const WEBHOOK: SinkName = SinkName::constant("webhook");

/// Keeps alerts, each once for its kind and key, with a delivery for every sink of the
/// configuration. Nothing is sent yet: [`deliver`] does that. Answers in the same order.
pub(crate) fn raise(
    store: &mut Store,
    settings: &Settings,
    alerts: &[Alert],
) -> Result<Vec<Raised>, Failure> {
    let sinks = sinks(settings);
    let names: Vec<SinkName> = sinks.iter().map(|sink| sink.name().clone()).collect();
    alerts
        .iter()
        .map(|alert| Ok(store.raise(new_id(), alert, &names)?))
        .collect()
}

/// Brings what is due to the sinks, within half a minute or so. What a sink does wrong is logged and
/// tried again by a later call, and is no failure of this one.
pub(crate) async fn deliver(
    store: &mut Store,
    settings: &Settings,
) -> Result<DeliveryReport, Failure> {
    let report = Dispatcher {
        ledger: store,
        sinks: &sinks(settings),
        clock: &environment::now,
        random: &mut environment::random,
        policy: DeliveryPolicy::default(),
    }
    .deliver()
    .await?;
    for failed in &report.failed {
        tracing::warn!(alert = %failed.id, sink = %failed.sink, attempt = failed.attempt,
            error = failed.error, "an alert was not delivered, and is tried again");
    }
    for given_up in &report.given_up {
        tracing::error!(alert = %given_up.id, sink = %given_up.sink, attempt = given_up.attempt,
            error = given_up.error, "an alert is given up");
    }
    if report.dropped > 0 {
        tracing::warn!(
            deliveries = report.dropped,
            "alerts for sinks that are not configured any more are dropped"
        );
    }
    Ok(report)
}

/// An id for a new alert.
pub(crate) fn new_id() -> AlertId {
    AlertId(u128::from(environment::random()) << 64 | u128::from(environment::random()))
}

/// The sinks of the configuration.
pub(crate) fn sinks(settings: &Settings) -> Vec<Arc<dyn Sink>> {
    let alerts = &settings.alerts;
    let mut sinks: Vec<Arc<dyn Sink>> = Vec::new();
    if let Some(path) = &alerts.file.value {
        sinks.push(Arc::new(JsonLinesSink::new(FILE, path.clone())));
    }
    if let Some(target) = &alerts.syslog.value {
        let origin = SyslogOrigin {
            host: environment::host_name(),
            app: "decnet".to_owned(),
            process: Some(std::process::id().to_string()),
        };
        sinks.push(Arc::new(SyslogSink::new(SYSLOG, target.clone(), origin)));
    }
    if let Some(url) = &alerts.webhook.value {
        let token = alerts.webhook_token.as_ref();
        match token.map(|token| token.value.read()).transpose() {
            Ok(token) => sinks.push(Arc::new(WebhookSink::new(WEBHOOK, url.clone(), token))),
            Err(failure) => sinks.push(Arc::new(Misconfigured {
                name: WEBHOOK,
                destination: url.to_string(),
                what: failure.message,
            })),
        }
    }
    sinks
}

/// A sink that cannot be made as it is configured. The others go on; this one's alerts wait until
/// somebody corrects it.
#[derive(Debug)]
struct Misconfigured {
    name: SinkName,
    destination: String,
    what: String,
}

#[async_trait]
impl Sink for Misconfigured {
    fn name(&self) -> &SinkName {
        &self.name
    }

    fn destination(&self) -> String {
        self.destination.clone()
    }

    async fn send(&self, _: AlertId, _: &Alert) -> Result<(), SinkError> {
        Err(SinkError::Misconfigured {
            what: self.what.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::UdpSocket;
    use std::path::Path;
    use std::time::Duration;

    use chrono::DateTime;
    use decnet_alert::alert::{AlertKind, Severity};
    use decnet_alert::ledger::{AlertFilter, DeliveryState};

    use super::*;
    use crate::config::Flags;
    use crate::wiring::{open_store, run_with_sockets};

    const KIND: AlertKind = AlertKind::constant("first-login");

    fn settings(folder: &Path, alerts: &str) -> Settings {
        let config = folder.join("decnet.toml");
        fs::write(&config, format!("state_dir = \".\"\n{alerts}")).unwrap();
        Settings::load(&Flags {
            config: Some(config),
            ..Flags::default()
        })
        .unwrap()
    }

    fn alert(key: &str) -> Alert {
        let at = DateTime::UNIX_EPOCH;
        Alert::new(KIND, key, Severity::Warning, at, "first login").unwrap()
    }

    #[test]
    fn alerts_get_to_every_sink_that_takes_them() {
        let folder = tempfile::tempdir().unwrap();
        let daemon = UdpSocket::bind("127.0.0.1:0").unwrap();
        daemon
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let settings = settings(
            folder.path(),
            &format!(
                "[alerts]\nfile = \"alerts.jsonl\"\nsyslog = \"udp://{}\"\n\
                 webhook = \"http://127.0.0.1:9/hook\"\nwebhook_token_file = \"none\"\n",
                daemon.local_addr().unwrap()
            ),
        );
        let mut store = open_store(&settings, true).unwrap();
        let alerts = [alert("mx1"), alert("mx2"), alert("mx1")];
        let raised = raise(&mut store, &settings, &alerts).unwrap();
        assert!(matches!(raised[1], Raised::New(_)), "{raised:?}");
        assert_eq!(raised[2], Raised::Repeated(raised[0].id()));
        let report = run_with_sockets(deliver(&mut store, &settings)).unwrap();
        assert_eq!(report.sent, 4, "{report:?}");
        assert_eq!(report.failed.len(), 1, "{report:?}");
        assert!(report.failed[0].error.contains("token file"), "{report:?}");

        let lines = fs::read_to_string(folder.path().join("alerts.jsonl")).unwrap();
        assert_eq!(lines.lines().count(), 2);
        let id = raised[0].id().to_string();
        assert!(lines.starts_with(&format!("{{\"id\":\"{id}\"")), "{lines}");
        let mut buffer = [0; 4_096];
        let length = daemon.recv(&mut buffer).unwrap();
        let message = str::from_utf8(&buffer[..length]).unwrap();
        assert!(message.contains(&id), "{message}");

        let again = run_with_sockets(deliver(&mut store, &settings)).unwrap();
        assert_eq!(
            (again.sent, again.failed.len()),
            (0, 1),
            "the second alert of the webhook"
        );
        let waiting = AlertFilter {
            state: Some(DeliveryState::Waiting),
            ..AlertFilter::default()
        };
        assert_eq!(store.alerts(&waiting).unwrap().len(), 2);
    }

    #[test]
    fn without_sinks_alerts_are_kept_and_those_for_former_ones_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let with_file = settings(folder.path(), "[alerts]\nfile = \"none/alerts.jsonl\"\n");
        let mut store = open_store(&with_file, true).unwrap();
        assert_eq!(
            raise(&mut store, &with_file, &[alert("mx1")])
                .unwrap()
                .len(),
            1
        );
        let without = settings(folder.path(), "");
        assert_eq!(
            raise(&mut store, &without, &[alert("mx2")]).unwrap().len(),
            1
        );
        let report = run_with_sockets(deliver(&mut store, &without)).unwrap();
        assert_eq!((report.sent, report.dropped), (0, 1));
        let listed = store.alerts(&AlertFilter::default()).unwrap();
        assert_eq!(listed[1].deliveries[0].state, DeliveryState::Dropped);
        assert!(listed[0].deliveries.is_empty());
    }

    #[test]
    fn tokens_and_secret_paths_are_not_among_the_settings() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "t0ken\n").unwrap();
        let settings = settings(
            folder.path(),
            "[alerts]\nwebhook = \"https://hooks.example/s3cret\"\nwebhook_token_file = \"token\"\n",
        );
        let shown = format!("{:?} {settings:?}", settings.lines());
        assert!(shown.contains("https://hooks.example/…"), "{shown}");
        assert!(
            !shown.contains("s3cret") && !shown.contains("t0ken"),
            "{shown}"
        );
        assert_eq!(sinks(&settings)[0].destination(), "https://hooks.example/…");
    }
}
