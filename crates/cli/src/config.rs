//! Settings with the origin of each value. Flag beats environment, environment beats
//! configuration file, file beats default.

mod alerts;
mod backup;
mod heal;
mod llm;
mod memory;
mod run;
mod sessions;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use decnet_realism::pool::pool_path;
use serde::Deserialize;

use crate::environment;
use crate::failure::{Failure, Kind};

pub(crate) use self::alerts::{AlertSettings, TokenSource};
pub(crate) use self::backup::{BackupSettings, OLD};
pub(crate) use self::heal::HealConfiguration;
pub(crate) use self::llm::{LlmKind, LlmSettings};
pub(crate) use self::memory::{MemorySettings, ScorerKind};
pub(crate) use self::run::{Part, RunSettings};
pub(crate) use self::sessions::SessionSettings;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A command-line flag.
    Flag(&'static str),
    /// An environment variable.
    Environment(&'static str),
    /// The configuration file.
    File(PathBuf),
    /// Built in.
    Default,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag {name}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Setting<T> {
    /// The value.
    pub(crate) value: T,
    /// Its origin.
    pub(crate) origin: Origin,
}

/// Every setting.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The configuration file that was read.
    pub(crate) config_file: Option<PathBuf>,
    /// Folder of the database. Private to the user.
    pub(crate) state_dir: Setting<PathBuf>,
    /// File of the persona pool.
    pub(crate) personas: Setting<PathBuf>,
    /// Whether every step waits for the disk. Default true.
    pub(crate) durable: Setting<bool>,
    /// File with the secret that a new deployment gets: 64 hexadecimal digits. Default none: drawn.
    pub(crate) secret_file: Setting<Option<PathBuf>>,
    /// JSON-lines file that gets one line for each event. Default none.
    pub(crate) events_file: Setting<Option<PathBuf>>,
    /// When a tick writes. Default `every-tick`.
    pub(crate) pacing: Setting<String>,
    /// Pause between ticks of `emailgen run`. Default 5 minutes.
    pub(crate) interval: Setting<Duration>,
    /// Silence after which another tick takes over. Default 60 s.
    pub(crate) lease: Setting<Duration>,
    /// Share of mails that are answered. Default 0.6.
    pub(crate) reply_share: Setting<f64>,
    /// Median reply times of fast, normal and slow personas. Default 12, 45 and 180 minutes.
    pub(crate) reply_medians: [Setting<Duration>; 3],
    /// Age at which mail is removed. Default never.
    pub(crate) keep_for: Setting<Option<Duration>>,
    /// Most messages on one decky, 0 for no limit. Default 20,000.
    pub(crate) messages_per_decky: Setting<u64>,
    /// The language model.
    pub(crate) llm: LlmSettings,
    /// Where alerts go.
    pub(crate) alerts: AlertSettings,
    /// Session logs.
    pub(crate) sessions: SessionSettings,
    /// Nudges for decoys.
    pub(crate) heal: HealConfiguration,
    /// What personas remember.
    pub(crate) memory: MemorySettings,
    /// Copies of the database.
    pub(crate) backup: BackupSettings,
    /// What goes on in the background.
    pub(crate) run: RunSettings,
}

/// What the command line says of settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags {
    /// `--config`.
    pub(crate) config: Option<PathBuf>,
    /// `--state-dir`.
    pub(crate) state_dir: Option<PathBuf>,
    /// `--interval`.
    pub(crate) interval: Option<Duration>,
    /// `--interval` of `heal run`.
    pub(crate) heal_interval: Option<Duration>,
    /// `--without` of `run`.
    pub(crate) without: Vec<Part>,
    /// `--llm`.
    pub(crate) llm: Option<String>,
    /// `--cassette`.
    pub(crate) cassette: Option<PathBuf>,
}

/// The configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    state_dir: Option<PathBuf>,
    personas: Option<PathBuf>,
    durable: Option<bool>,
    secret_file: Option<PathBuf>,
    events: EventsTable,
    emailgen: EmailgenTable,
    llm: llm::LlmTable,
    alerts: alerts::AlertsTable,
    sessions: sessions::SessionsTable,
    heal: heal::HealTable,
    memory: memory::MemoryTable,
    backup: backup::BackupTable,
    run: run::RunTable,
    worker: run::WorkerTable,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EventsTable {
    file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct EmailgenTable {
    pacing: Option<String>,
    interval: Option<String>,
    lease: Option<String>,
    reply_share: Option<f64>,
    reply_median_fast: Option<String>,
    reply_median_normal: Option<String>,
    reply_median_slow: Option<String>,
    keep_for: Option<String>,
    messages_per_decky: Option<u64>,
}

/// Largest configuration file, in bytes.
const FILE_MAX: u64 = 1 << 20;

impl Settings {
    /// Collects every setting.
    pub(crate) fn load(flags: &Flags) -> Result<Self, Failure> {
        let found = find_file(flags);
        let (config_file, file) = match found {
            Some((path, must_exist)) => match read_file(&path) {
                Ok(file) => (Some(path), file),
                Err(Unreadable::Absent) if !must_exist => (None, File::default()),
                Err(Unreadable::Absent) => {
                    return Err(Failure::new(
                        Kind::Configuration,
                        format!("there is no configuration file {}", path.display()),
                    ));
                }
                Err(Unreadable::Because(failure)) => return Err(failure),
            },
            None => (None, File::default()),
        };
        let from_file = Source {
            path: config_file.as_deref(),
        };
        let events = file.events;
        let emailgen = file.emailgen;
        let llm = LlmSettings::load(flags, file.llm, &from_file)?;
        let memory = MemorySettings::load(file.memory, &llm.model.value, &from_file)?;
        let home = environment::home();
        let pool = environment::variable("DECNET_REALISM_PERSONAS").map(PathBuf::from);
        let pool_in_file = file.personas.map(|path| from_file.below(&path));
        let personas = match (pool, pool_in_file) {
            (Some(value), _) => Setting {
                value,
                origin: Origin::Environment("DECNET_REALISM_PERSONAS"),
            },
            (None, Some(value)) => Setting {
                value,
                origin: from_file.origin(),
            },
            (None, None) => Setting {
                value: pool_path(None, home.as_deref(), Path::exists),
                origin: Origin::Default,
            },
        };
        let state_dir = state_dir(flags, &file.state_dir, &from_file);
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let pacing = from_file.or(emailgen.pacing, "every-tick".to_owned());
        if pacing.value != "every-tick" {
            return Err(from_file.wrong(
                "emailgen.pacing",
                &format!(
                    "{:?} is not known; the only pacing is \"every-tick\"",
                    pacing.value
                ),
            ));
        }
        let reply_share = from_file.or(emailgen.reply_share, 0.6);
        if !(0.0..=0.95).contains(&reply_share.value) {
            return Err(from_file.wrong(
                "emailgen.reply_share",
                &format!("{} is not between 0 and 0.95", reply_share.value),
            ));
        }
        let interval = match flags.interval {
            Some(value) => Setting {
                value,
                origin: Origin::Flag("--interval"),
            },
            None => from_file.duration("emailgen.interval", emailgen.interval, minutes(5))?,
        };
        let keep_for = match emailgen.keep_for {
            Some(text) => {
                let setting = from_file.duration("emailgen.keep_for", Some(text), minutes(1))?;
                Setting {
                    value: Some(setting.value),
                    origin: setting.origin,
                }
            }
            None => Setting {
                value: None,
                origin: Origin::Default,
            },
        };
        let backup = BackupSettings::load(file.backup, &state_dir.value, &from_file)?;
        Ok(Self {
            state_dir,
            personas,
            durable: from_file.or(file.durable, true),
            secret_file: from_file.path(file.secret_file),
            events_file: from_file.path(events.file),
            pacing,
            interval,
            lease: from_file.duration("emailgen.lease", emailgen.lease, minutes(1))?,
            reply_share,
            reply_medians: [
                from_file.duration(
                    "emailgen.reply_median_fast",
                    emailgen.reply_median_fast,
                    minutes(12),
                )?,
                from_file.duration(
                    "emailgen.reply_median_normal",
                    emailgen.reply_median_normal,
                    minutes(45),
                )?,
                from_file.duration(
                    "emailgen.reply_median_slow",
                    emailgen.reply_median_slow,
                    minutes(180),
                )?,
            ],
            keep_for,
            messages_per_decky: from_file.or(emailgen.messages_per_decky, 20_000),
            llm,
            memory,
            alerts: AlertSettings::load(file.alerts, &from_file)?,
            sessions: SessionSettings::load(
                file.sessions,
                &from_file,
                &crate::processors::CADENCES,
            )?,
            heal: HealConfiguration::load(flags, file.heal, &from_file)?,
            backup,
            run: RunSettings::load(flags, file.run, file.worker, &from_file)?,
            config_file,
        })
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.state_dir.value.join("decnet.db")
    }

    /// Name, value and origin of each setting, for people to read.
    pub(crate) fn lines(&self) -> Vec<(&'static str, String, String)> {
        let path = |path: &Path| path.display().to_string();
        let span = |duration: Duration| humantime::format_duration(duration).to_string();
        let line = |name, value: String, origin: &Origin| (name, value, origin.to_string());
        let [fast, normal, slow] = &self.reply_medians;
        let mut lines = vec![
            line(
                "state_dir",
                path(&self.state_dir.value),
                &self.state_dir.origin,
            ),
            line(
                "personas",
                path(&self.personas.value),
                &self.personas.origin,
            ),
            line(
                "durable",
                self.durable.value.to_string(),
                &self.durable.origin,
            ),
            line(
                "secret_file",
                self.secret_file
                    .value
                    .as_deref()
                    .map_or_else(|| "none".to_owned(), path),
                &self.secret_file.origin,
            ),
            line(
                "events.file",
                self.events_file
                    .value
                    .as_deref()
                    .map_or_else(|| "none".to_owned(), path),
                &self.events_file.origin,
            ),
            line(
                "emailgen.pacing",
                self.pacing.value.clone(),
                &self.pacing.origin,
            ),
            line(
                "emailgen.interval",
                span(self.interval.value),
                &self.interval.origin,
            ),
            line("emailgen.lease", span(self.lease.value), &self.lease.origin),
            line(
                "emailgen.reply_share",
                self.reply_share.value.to_string(),
                &self.reply_share.origin,
            ),
            line("emailgen.reply_median_fast", span(fast.value), &fast.origin),
            line(
                "emailgen.reply_median_normal",
                span(normal.value),
                &normal.origin,
            ),
            line("emailgen.reply_median_slow", span(slow.value), &slow.origin),
            line(
                "emailgen.keep_for",
                self.keep_for
                    .value
                    .map_or_else(|| "for ever".to_owned(), span),
                &self.keep_for.origin,
            ),
            line(
                "emailgen.messages_per_decky",
                self.messages_per_decky.value.to_string(),
                &self.messages_per_decky.origin,
            ),
        ];
        lines.extend(self.llm.lines());
        lines.extend(self.alerts.lines());
        lines.extend(self.sessions.lines());
        lines.extend(self.heal.lines());
        lines.extend(self.memory.lines());
        lines.extend(self.backup.lines());
        lines.extend(self.run.lines());
        lines
    }
}

/// Where decnet looks for its configuration when nothing names a file: below the home folder, then
/// for the whole host.
pub(crate) fn default_file() -> PathBuf {
    let system = PathBuf::from("/etc/decnet/decnet.toml");
    match environment::home() {
        Some(home) if !environment::is_superuser() => home.join(".config/decnet/decnet.toml"),
        _ => system,
    }
}

/// Where decnet keeps its state when nothing names a folder.
pub(crate) fn default_state_dir() -> PathBuf {
    let home = environment::home();
    match (environment::variable("XDG_STATE_HOME"), home) {
        _ if environment::is_superuser() => PathBuf::from("/var/lib/decnet"),
        (Some(state), _) => PathBuf::from(state).join("decnet"),
        (None, Some(home)) => home.join(".local/state/decnet"),
        (None, None) => PathBuf::from("/var/lib/decnet"),
    }
}

/// The file to read, and whether it has to exist.
fn find_file(flags: &Flags) -> Option<(PathBuf, bool)> {
    if let Some(path) = &flags.config {
        return Some((path.clone(), true));
    }
    if let Some(path) = environment::variable("DECNET_CONFIG") {
        return Some((path.into(), true));
    }
    [default_file(), PathBuf::from("/etc/decnet/decnet.toml")]
        .into_iter()
        .find(|path| path.exists())
        .map(|path| (path, false))
}

fn state_dir(flags: &Flags, in_file: &Option<PathBuf>, from_file: &Source<'_>) -> Setting<PathBuf> {
    if let Some(value) = &flags.state_dir {
        return Setting {
            value: value.clone(),
            origin: Origin::Flag("--state-dir"),
        };
    }
    if let Some(value) = environment::variable("DECNET_STATE_DIR") {
        return Setting {
            value: value.into(),
            origin: Origin::Environment("DECNET_STATE_DIR"),
        };
    }
    match in_file {
        Some(path) => Setting {
            value: from_file.below(path),
            origin: from_file.origin(),
        },
        None => Setting {
            value: default_state_dir(),
            origin: Origin::Default,
        },
    }
}

enum Unreadable {
    Absent,
    Because(Failure),
}

fn read_file(path: &Path) -> Result<File, Unreadable> {
    let configuration = |message| Unreadable::Because(Failure::new(Kind::Configuration, message));
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unreadable::Absent),
        Err(error) => {
            return Err(configuration(format!(
                "cannot read {}: {error}",
                path.display()
            )));
        }
    };
    if !metadata.is_file() || metadata.len() > FILE_MAX {
        return Err(configuration(format!(
            "{} is no configuration file of at most {FILE_MAX} bytes",
            path.display()
        )));
    }
    let text = fs::read_to_string(path)
        .map_err(|error| configuration(format!("cannot read {}: {error}", path.display())))?;
    toml::from_str(&text)
        .map_err(|error| configuration(crate::world_file::toml_message(path, &text, &error)))
}

/// Reads values of the configuration file.
struct Source<'a> {
    path: Option<&'a Path>,
}

impl Source<'_> {
    fn origin(&self) -> Origin {
        self.path
            .map_or(Origin::Default, |path| Origin::File(path.to_owned()))
    }

    fn or<T>(&self, value: Option<T>, default: T) -> Setting<T> {
        match value {
            Some(value) => Setting {
                value,
                origin: self.origin(),
            },
            None => Setting {
                value: default,
                origin: Origin::Default,
            },
        }
    }

    /// A path relative to the file, if it is given.
    fn path(&self, path: Option<PathBuf>) -> Setting<Option<PathBuf>> {
        match path {
            Some(path) => Setting {
                value: Some(self.below(&path)),
                origin: self.origin(),
            },
            None => Setting {
                value: None,
                origin: Origin::Default,
            },
        }
    }

    /// A path of the file, which is relative to the folder of the file.
    fn below(&self, path: &Path) -> PathBuf {
        match self.path.and_then(Path::parent) {
            Some(folder) => folder.join(path),
            None => path.to_owned(),
        }
    }

    fn duration(
        &self,
        name: &'static str,
        text: Option<String>,
        default: Duration,
    ) -> Result<Setting<Duration>, Failure> {
        let Some(text) = text else {
            return Ok(Setting {
                value: default,
                origin: Origin::Default,
            });
        };
        match humantime::parse_duration(&text) {
            Ok(value) if !value.is_zero() && value <= Duration::from_secs(100 * 365 * 86_400) => {
                Ok(Setting {
                    value,
                    origin: self.origin(),
                })
            }
            _ => Err(self.wrong(
                name,
                &format!("{text:?} is no duration, such as \"5m\" or \"90d\""),
            )),
        }
    }

    fn wrong(&self, name: &str, what: &str) -> Failure {
        let path = self
            .path
            .map(|path| format!("{}: ", path.display()))
            .unwrap_or_default();
        Failure::new(Kind::Configuration, format!("{path}{name}: {what}"))
    }
}
