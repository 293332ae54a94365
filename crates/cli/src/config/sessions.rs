//! Settings of sessions: which logs are read, by whom and how often.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use decnet_session_pipeline::processors::usage::{ItemType, KnownPlugins};
use decnet_session_pipeline::source::{Source as LogSource, SourceKind};
use serde::Deserialize;

use super::{Origin, Setting, Source};
use crate::failure::Failure;

/// Which logs are read, by whom and how often.
#[derive(Clone, Debug)]
pub(crate) struct SessionSettings {
    /// Who is behind the folders of agent sessions. Default: each is called what it is called.
    pub(crate) users: BTreeMap<String, String>,
    /// Where logs are. Default none.
    pub(crate) sources: Setting<Vec<LogSource>>,
    /// After this long a run begins no other log. Default 150 s.
    pub(crate) budget: Setting<Duration>,
    /// After this long the rest of one log waits for the next run. Default 60 s.
    pub(crate) log_budget: Setting<Duration>,
    /// Most logs that are tried in one run. Default 100,000.
    pub(crate) cap: Setting<u64>,
    /// Failures in a row after which a log is set aside. Default 5.
    pub(crate) tries: Setting<u32>,
    /// Pause of each processor between its runs.
    pub(crate) cadences: BTreeMap<String, Setting<Duration>>,
    /// Whether captured passwords are kept. Default false.
    pub(crate) keep_passwords: Setting<bool>,
    /// Addresses of decnet's own access to its decoys. Default none.
    pub(crate) own_addresses: Setting<Vec<IpAddr>>,
    /// Users of decnet's own access. Default none.
    pub(crate) own_users: Setting<Vec<String>>,
    /// How far apart points of engagement are. Default 5 minutes.
    pub(crate) sample_every: Setting<Duration>,
    /// Plugins that skills and agents are attributed to. Default none.
    pub(crate) plugins: KnownPlugins,
}

/// `[sessions]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SessionsTable {
    source: Vec<SourceTable>,
    users: BTreeMap<String, String>,
    budget: Option<String>,
    log_budget: Option<String>,
    cap: Option<u64>,
    tries: Option<u32>,
    cadence: BTreeMap<String, String>,
    keep_passwords: Option<bool>,
    own_addresses: Option<Vec<IpAddr>>,
    own_users: Option<Vec<String>>,
    sample_every: Option<String>,
    plugins: PluginsTable,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceTable {
    kind: String,
    path: PathBuf,
    name: Option<String>,
    decky: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PluginsTable {
    curated: Vec<String>,
    community: BTreeMap<String, String>,
    market: Option<String>,
}

impl SessionSettings {
    pub(super) fn load(
        table: SessionsTable,
        from_file: &Source<'_>,
        cadences: &[(&str, Duration)],
    ) -> Result<Self, Failure> {
        let mut given = table.cadence;
        let mut known = BTreeMap::new();
        for (name, default) in cadences {
            let text = given.remove(*name);
            let setting = from_file.duration("sessions.cadence", text, *default)?;
            known.insert((*name).to_owned(), setting);
        }
        if let Some(name) = given.keys().next() {
            let names: Vec<&str> = cadences.iter().map(|(name, _)| *name).collect();
            let what = format!(
                "there is no processor {name:?}; there are {}",
                names.join(", ")
            );
            return Err(from_file.wrong("sessions.cadence", &what));
        }
        let sources = sources(table.source, from_file)?;
        if table.cap == Some(0) {
            return Err(from_file.wrong("sessions.cap", "0 logs are none; at least 1"));
        }
        if table.tries == Some(0) {
            return Err(from_file.wrong("sessions.tries", "0 tries are none; at least 1"));
        }
        Ok(Self {
            users: table.users,
            sources: Setting {
                origin: if sources.is_empty() {
                    Origin::Default
                } else {
                    from_file.origin()
                },
                value: sources,
            },
            budget: from_file.duration(
                "sessions.budget",
                table.budget,
                Duration::from_secs(150),
            )?,
            log_budget: from_file.duration(
                "sessions.log_budget",
                table.log_budget,
                Duration::from_secs(60),
            )?,
            cap: from_file.or(table.cap, 100_000),
            tries: from_file.or(table.tries, 5),
            cadences: known,
            keep_passwords: from_file.or(table.keep_passwords, false),
            own_addresses: from_file.or(table.own_addresses, Vec::new()),
            own_users: from_file.or(table.own_users, Vec::new()),
            sample_every: from_file.duration(
                "sessions.sample_every",
                table.sample_every,
                Duration::from_secs(300),
            )?,
            plugins: plugins(table.plugins, from_file)?,
        })
    }

    /// Name, value and origin of each setting, for people to read.
    pub(super) fn lines(&self) -> Vec<(&'static str, String, String)> {
        let span =
            |setting: &Setting<Duration>| humantime::format_duration(setting.value).to_string();
        let sources: Vec<String> = self
            .sources
            .value
            .iter()
            .map(|source| format!("{} ({})", source.name, source.path.display()))
            .collect();
        let line = |name, value: String, origin: &Origin| (name, value, origin.to_string());
        vec![
            line(
                "sessions.source",
                if sources.is_empty() {
                    "none".to_owned()
                } else {
                    sources.join(", ")
                },
                &self.sources.origin,
            ),
            line("sessions.budget", span(&self.budget), &self.budget.origin),
            line(
                "sessions.log_budget",
                span(&self.log_budget),
                &self.log_budget.origin,
            ),
            line("sessions.cap", self.cap.value.to_string(), &self.cap.origin),
            line(
                "sessions.tries",
                self.tries.value.to_string(),
                &self.tries.origin,
            ),
            line(
                "sessions.keep_passwords",
                self.keep_passwords.value.to_string(),
                &self.keep_passwords.origin,
            ),
            line(
                "sessions.sample_every",
                span(&self.sample_every),
                &self.sample_every.origin,
            ),
        ]
    }
}

fn sources(tables: Vec<SourceTable>, from_file: &Source<'_>) -> Result<Vec<LogSource>, Failure> {
    let mut names = BTreeSet::new();
    let wrong = |what: String| from_file.wrong("sessions.source", &what);
    tables
        .into_iter()
        .map(|table| {
            let kind = SourceKind::named(&table.kind).ok_or_else(|| {
                let kinds = SourceKind::ALL.map(SourceKind::name).join(", ");
                wrong(format!(
                    "{:?} is no kind of log; there are {kinds}",
                    table.kind
                ))
            })?;
            let name = table.name.unwrap_or_else(|| match &table.decky {
                Some(decky) => format!("{}-{decky}", kind.name()),
                None => kind.name().to_owned(),
            });
            if name.is_empty() || name.contains('/') || name.chars().any(char::is_control) {
                return Err(wrong(format!(
                    "{name:?} is no name: empty, or with a slash"
                )));
            }
            if table.path.as_os_str().is_empty() {
                return Err(wrong(format!("{name} has no path")));
            }
            if kind.is_one_file() && table.decky.is_none() {
                return Err(wrong(format!(
                    "{name}: a log of kind {} needs decky, the name of the decoy that writes it",
                    kind.name()
                )));
            }
            if !names.insert(name.clone()) {
                return Err(wrong(format!(
                    "there are two sources named {name:?}; give them different names"
                )));
            }
            Ok(LogSource {
                name,
                kind,
                path: from_file.below(&table.path),
                decky: table.decky,
            })
        })
        .collect()
}

fn plugins(table: PluginsTable, from_file: &Source<'_>) -> Result<KnownPlugins, Failure> {
    let defaults = KnownPlugins::default();
    let community = table
        .community
        .into_iter()
        .map(|(name, item_type)| match ItemType::named(&item_type) {
            Some(item_type) => Ok((name, item_type)),
            None => Err(from_file.wrong(
                "sessions.plugins.community",
                &format!("{name}: {item_type:?} is not skill, agent or plugin"),
            )),
        })
        .collect::<Result<_, _>>()?;
    Ok(KnownPlugins {
        curated: table.curated.into_iter().collect(),
        community,
        market: table.market.unwrap_or(defaults.market),
    })
}
