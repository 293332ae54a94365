//! Settings of alerts: where they go.

use std::fs;
use std::path::{Path, PathBuf};

use decnet_alert::sinks::syslog::SyslogTarget;
use decnet_alert::sinks::webhook::{BearerToken, WebhookUrl};
use serde::Deserialize;

use super::{Origin, Setting, Source};
use crate::environment;
use crate::failure::{Failure, Kind};

/// Variable with the token of the webhook.
const TOKEN: &str = "DECNET_ALERTS_WEBHOOK_TOKEN";
/// Largest file of a token, in bytes.
const TOKEN_FILE_MAX: u64 = 64 << 10;

/// Where alerts go.
#[derive(Clone, Debug)]
pub(crate) struct AlertSettings {
    /// File of JSON lines. Default none.
    pub(crate) file: Setting<Option<PathBuf>>,
    /// Syslog daemon. Default none.
    pub(crate) syslog: Setting<Option<SyslogTarget>>,
    /// Webhook. Default none.
    pub(crate) webhook: Setting<Option<WebhookUrl>>,
    /// What the webhook is shown, and where it comes from. Default none.
    pub(crate) webhook_token: Option<Setting<TokenSource>>,
}

/// Where a token is.
#[derive(Clone, Debug)]
pub(crate) enum TokenSource {
    /// Here.
    Value(BearerToken),
    /// In a file, which is read when the token is needed.
    File(PathBuf),
}

impl TokenSource {
    /// The token.
    pub(crate) fn read(&self) -> Result<BearerToken, Failure> {
        match self {
            Self::Value(token) => Ok(token.clone()),
            Self::File(path) => read_token(path),
        }
    }
}

/// `[alerts]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AlertsTable {
    file: Option<PathBuf>,
    syslog: Option<String>,
    webhook: Option<String>,
    webhook_token_file: Option<PathBuf>,
}

impl AlertSettings {
    pub(super) fn load(table: AlertsTable, from_file: &Source<'_>) -> Result<Self, Failure> {
        let syslog = table
            .syslog
            .map(|target| SyslogTarget::parse(&target))
            .transpose()
            .map_err(|error| from_file.wrong("alerts.syslog", &error.to_string()))?;
        let webhook = table
            .webhook
            .map(|url| WebhookUrl::parse(&url))
            .transpose()
            .map_err(|error| from_file.wrong("alerts.webhook", &error.to_string()))?;
        Ok(Self {
            file: from_file.path(table.file),
            syslog: from_file.or(syslog.map(Some), None),
            webhook: from_file.or(webhook.map(Some), None),
            webhook_token: webhook_token(table.webhook_token_file, from_file)?,
        })
    }

    /// Name, value and origin of each setting, for people to read.
    pub(super) fn lines(&self) -> Vec<(&'static str, String, String)> {
        let none = || "none".to_owned();
        let line = |name, value: Option<String>, origin: &Origin| {
            (name, value.unwrap_or_else(none), origin.to_string())
        };
        let file = self.file.value.as_ref();
        let syslog = self.syslog.value.as_ref();
        let webhook = self.webhook.value.as_ref();
        let mut lines = vec![
            line(
                "alerts.file",
                file.map(|path| path.display().to_string()),
                &self.file.origin,
            ),
            line(
                "alerts.syslog",
                syslog.map(ToString::to_string),
                &self.syslog.origin,
            ),
            line(
                "alerts.webhook",
                webhook.map(ToString::to_string),
                &self.webhook.origin,
            ),
        ];
        if let Some(token) = &self.webhook_token {
            let set = Some("set".to_owned());
            lines.push(line("alerts.webhook_token", set, &token.origin));
        }
        lines
    }
}

fn webhook_token(
    in_file: Option<PathBuf>,
    from_file: &Source<'_>,
) -> Result<Option<Setting<TokenSource>>, Failure> {
    if let Some(text) = environment::variable(TOKEN) {
        // What the token is stays unsaid, also when it is none.
        let value = text
            .to_str()
            .and_then(|text| BearerToken::parse(text).ok())
            .ok_or_else(|| {
                let what = format!("{TOKEN}: it is no token of visible characters");
                Failure::new(Kind::Configuration, what)
            })?;
        return Ok(Some(Setting {
            value: TokenSource::Value(value),
            origin: Origin::Environment(TOKEN),
        }));
    }
    Ok(in_file.map(|path| Setting {
        value: TokenSource::File(from_file.below(&path)),
        origin: from_file.origin(),
    }))
}

fn read_token(path: &Path) -> Result<BearerToken, Failure> {
    let configuration = |what: &str| {
        Failure::new(
            Kind::Configuration,
            format!("the token file {}: {what}", path.display()),
        )
    };
    let metadata = fs::metadata(path).map_err(|error| configuration(&error.to_string()))?;
    if !metadata.is_file() || metadata.len() > TOKEN_FILE_MAX {
        return Err(configuration("it is no small file"));
    }
    let text = fs::read_to_string(path).map_err(|error| configuration(&error.to_string()))?;
    BearerToken::parse(&text).map_err(|error| configuration(&error.to_string()))
}
