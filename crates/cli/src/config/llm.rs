//! Settings of the language model.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use decnet_realism::llm::circuit_breaker::CircuitPolicy;
use decnet_realism::llm::layers::GuardPolicy;
use decnet_realism::llm::model_state::SlotPolicy;
use decnet_realism::llm::prompt::{MailFormat, MailPromptSettings};
use decnet_realism::llm::secret::ApiKey;
use decnet_realism::llm::writer::LlmWriterSettings;
use serde::Deserialize;

use super::{Flags, Origin, Setting, Source};
use crate::environment;
use crate::failure::{Failure, Kind};

/// Which model writes, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LlmKind {
    /// None: the offline writer does.
    Off,
    /// Ollama's own protocol.
    Ollama,
    /// An OpenAI-compatible server.
    OpenAi,
    /// A fixed answer.
    Fake,
}

impl LlmKind {
    const NAMES: [(&'static str, Self); 4] = [
        ("off", Self::Off),
        ("ollama", Self::Ollama),
        ("openai", Self::OpenAi),
        ("fake", Self::Fake),
    ];

    pub(crate) fn name(self) -> &'static str {
        name_of(&Self::NAMES, self)
    }
}

/// Where a key is.
#[derive(Clone, Debug)]
pub(crate) enum KeySource {
    /// Here.
    Value(ApiKey),
    /// In a file, which is read when the key is needed.
    File(PathBuf),
}

impl KeySource {
    /// The key.
    pub(crate) fn read(&self) -> Result<ApiKey, Failure> {
        match self {
            Self::Value(key) => Ok(key.clone()),
            Self::File(path) => read_key(path),
        }
    }
}

/// Every setting of the language model.
#[derive(Clone, Debug)]
pub(crate) struct LlmSettings {
    /// Which. Default off.
    pub(crate) kind: Setting<LlmKind>,
    /// Its name, as the server knows it. Default `llama3.2` for Ollama, `default` otherwise.
    pub(crate) model: Setting<String>,
    /// Where the server is. Default the usual port of each on this machine.
    pub(crate) base_url: Setting<String>,
    /// Hosts beside this machine that may be spoken to. Default none.
    pub(crate) allow_hosts: Setting<Vec<String>>,
    /// The key, and where it comes from. Default none.
    pub(crate) api_key: Option<Setting<KeySource>>,
    /// Most time for one mail. Default 60 s.
    pub(crate) timeout: Setting<Duration>,
    /// Most time for a connection. Default 5 s.
    pub(crate) connect_timeout: Setting<Duration>,
    /// Longest silence in the middle of an answer. Default 30 s.
    pub(crate) idle_timeout: Setting<Duration>,
    /// Most tokens of an answer. Default 600.
    pub(crate) most_tokens: Setting<u32>,
    /// Window of the model, in tokens, for Ollama. Default 4,096.
    pub(crate) context: Setting<u32>,
    /// How long Ollama keeps the model loaded. Default 10 minutes.
    pub(crate) keep_alive: Setting<String>,
    /// How freely to draw. Default 0.8.
    pub(crate) temperature: Setting<f64>,
    /// Shape of the answer. Default `json`.
    pub(crate) format: Setting<MailFormat>,
    /// Generations that the server runs at once. Default 1.
    pub(crate) slots: Setting<u64>,
    /// How long an abandoned generation may go on. Default the timeout.
    pub(crate) orphan_hold: Setting<Duration>,
    /// Failures in a row that open the circuit breaker. Default 3.
    pub(crate) breaker_failures: Setting<u32>,
    /// How long it stays open. Default 60 s.
    pub(crate) breaker_cooldown: Setting<Duration>,
    /// An answer that takes longer counts as a failure. Default nine tenths of the timeout.
    pub(crate) slow_call: Setting<Duration>,
    /// What the fake model answers.
    pub(crate) fake_output: String,
    /// Recording to play and to add to.
    pub(crate) cassette: Option<PathBuf>,
}

/// `[llm]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LlmTable {
    backend: Option<String>,
    model: Option<String>,
    base_url: Option<String>,
    allow_hosts: Option<Vec<String>>,
    api_key_file: Option<PathBuf>,
    timeout: Option<String>,
    connect_timeout: Option<String>,
    idle_timeout: Option<String>,
    most_tokens: Option<u32>,
    context: Option<u32>,
    keep_alive: Option<String>,
    temperature: Option<f64>,
    format: Option<String>,
    slots: Option<u64>,
    orphan_hold: Option<String>,
    breaker_failures: Option<u32>,
    breaker_cooldown: Option<String>,
    slow_call: Option<String>,
}

/// Largest file of a key, in bytes.
const KEY_FILE_MAX: u64 = 64 << 10;
/// What the fake model answers unless it is told.
const FAKE_OUTPUT: &str = "Subject: A short note\n\nHi,\n\njust a short note that everything is on track for this week.\n";

impl LlmSettings {
    pub(super) fn load(
        flags: &Flags,
        table: LlmTable,
        from_file: &Source<'_>,
    ) -> Result<Self, Failure> {
        let kind = kind(flags, table.backend, from_file)?;
        let timeout = timeout(table.timeout, from_file)?;
        let default_url = match kind.value {
            LlmKind::OpenAi => "http://127.0.0.1:8080",
            _ => "http://127.0.0.1:11434",
        };
        let default_model = match kind.value {
            LlmKind::Ollama => "llama3.2",
            _ => "default",
        };
        let format = match table.format {
            None => from_file.or(None, MailFormat::default()),
            Some(name) => from_file.or(
                Some(
                    known(&MailFormat::NAMES, &name)
                        .map_err(|what| from_file.wrong("llm.format", &what))?,
                ),
                MailFormat::default(),
            ),
        };
        let in_range = |name: &str, is_right: bool, what: &str| {
            if is_right {
                Ok(())
            } else {
                Err(from_file.wrong(name, what))
            }
        };
        let temperature = from_file.or(table.temperature, 0.8);
        in_range(
            "llm.temperature",
            (0.0..=2.0).contains(&temperature.value),
            "must be between 0 and 2",
        )?;
        let most_tokens = from_file.or(table.most_tokens, 600);
        in_range(
            "llm.most_tokens",
            (16..=16_384).contains(&most_tokens.value),
            "must be between 16 and 16384",
        )?;
        let context = from_file.or(table.context, 4_096);
        in_range(
            "llm.context",
            (1_024..=1_048_576).contains(&context.value),
            "must be between 1024 and 1048576",
        )?;
        let slots = from_file.or(table.slots, 1);
        in_range(
            "llm.slots",
            (1..=256).contains(&slots.value),
            "must be between 1 and 256",
        )?;
        let breaker_failures = from_file.or(table.breaker_failures, 3);
        in_range(
            "llm.breaker_failures",
            (1..=1_000).contains(&breaker_failures.value),
            "must be between 1 and 1000",
        )?;
        let seconds = Duration::from_secs;
        let span = |name, text, default| from_file.duration(name, text, default);
        let slow_call = span("llm.slow_call", table.slow_call, timeout.value.mul_f64(0.9))?;
        Ok(Self {
            api_key: api_key(table.api_key_file, from_file)?,
            model: text(
                "DECNET_REALISM_MODEL",
                table.model,
                default_model,
                from_file,
            )?,
            base_url: text(
                "DECNET_REALISM_BASE_URL",
                table.base_url,
                default_url,
                from_file,
            )?,
            allow_hosts: from_file.or(table.allow_hosts, Vec::new()),
            connect_timeout: span("llm.connect_timeout", table.connect_timeout, seconds(5))?,
            idle_timeout: span("llm.idle_timeout", table.idle_timeout, seconds(30))?,
            keep_alive: from_file.or(table.keep_alive, "10m".to_owned()),
            orphan_hold: hold(table.orphan_hold, timeout.value, from_file)?,
            breaker_cooldown: span("llm.breaker_cooldown", table.breaker_cooldown, seconds(60))?,
            fake_output: environment::variable("DECNET_REALISM_FAKE_OUTPUT").map_or_else(
                || FAKE_OUTPUT.to_owned(),
                |output| output.to_string_lossy().into_owned(),
            ),
            cassette: flags.cassette.clone(),
            kind,
            timeout,
            most_tokens,
            context,
            temperature,
            format,
            slots,
            breaker_failures,
            slow_call,
        })
    }

    /// Whether a tick may have to wait for a model.
    pub(crate) fn is_on(&self) -> bool {
        self.kind.value != LlmKind::Off || self.cassette.is_some()
    }

    /// Leaves the offline writer alone.
    pub(crate) fn switch_off(&mut self) {
        self.kind.value = LlmKind::Off;
        self.cassette = None;
    }

    /// How the model is asked for mail.
    pub(crate) fn writer_settings(&self) -> LlmWriterSettings {
        LlmWriterSettings {
            prompt: MailPromptSettings {
                format: self.format.value,
                most_tokens: self.most_tokens.value,
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "a temperature has one decimal"
                )]
                temperature: self.temperature.value as f32,
                ..MailPromptSettings::default()
            },
            within: self.timeout.value,
        }
    }

    /// When the model may be asked.
    pub(crate) fn guard_policy(&self) -> GuardPolicy {
        GuardPolicy {
            circuit: CircuitPolicy {
                failures: self.breaker_failures.value,
                cooldown: self.breaker_cooldown.value,
                probe_lease: self.timeout.value.saturating_mul(2),
                slow_call: Some(self.slow_call.value),
            },
            slots: SlotPolicy {
                slots: usize::try_from(self.slots.value).unwrap_or(1),
                hold: self.orphan_hold.value,
            },
        }
    }

    /// Name, value and origin of each setting that matters, for people to read.
    pub(super) fn lines(&self) -> Vec<(&'static str, String, String)> {
        let span = |duration: Duration| humantime::format_duration(duration).to_string();
        let mut lines = vec![(
            "llm.backend",
            self.kind.value.name().to_owned(),
            self.kind.origin.to_string(),
        )];
        if !matches!(self.kind.value, LlmKind::Ollama | LlmKind::OpenAi) {
            return lines;
        }
        let mut line = |name, value: String, origin: &Origin| {
            lines.push((name, value, origin.to_string()));
        };
        line("llm.model", self.model.value.clone(), &self.model.origin);
        line(
            "llm.base_url",
            self.base_url.value.clone(),
            &self.base_url.origin,
        );
        line(
            "llm.allow_hosts",
            match self.allow_hosts.value.as_slice() {
                [] => "this machine alone".to_owned(),
                hosts => hosts.join(", "),
            },
            &self.allow_hosts.origin,
        );
        match &self.api_key {
            Some(key) => line("llm.api_key", "set".to_owned(), &key.origin),
            None => line("llm.api_key", "none".to_owned(), &Origin::Default),
        }
        line(
            "llm.timeout",
            span(self.timeout.value),
            &self.timeout.origin,
        );
        line(
            "llm.connect_timeout",
            span(self.connect_timeout.value),
            &self.connect_timeout.origin,
        );
        line(
            "llm.idle_timeout",
            span(self.idle_timeout.value),
            &self.idle_timeout.origin,
        );
        line(
            "llm.most_tokens",
            self.most_tokens.value.to_string(),
            &self.most_tokens.origin,
        );
        if self.kind.value == LlmKind::Ollama {
            line(
                "llm.context",
                self.context.value.to_string(),
                &self.context.origin,
            );
            line(
                "llm.keep_alive",
                self.keep_alive.value.clone(),
                &self.keep_alive.origin,
            );
        }
        line(
            "llm.temperature",
            self.temperature.value.to_string(),
            &self.temperature.origin,
        );
        line(
            "llm.format",
            name_of(&MailFormat::NAMES, self.format.value).to_owned(),
            &self.format.origin,
        );
        line(
            "llm.slots",
            self.slots.value.to_string(),
            &self.slots.origin,
        );
        line(
            "llm.orphan_hold",
            span(self.orphan_hold.value),
            &self.orphan_hold.origin,
        );
        line(
            "llm.breaker_failures",
            self.breaker_failures.value.to_string(),
            &self.breaker_failures.origin,
        );
        line(
            "llm.breaker_cooldown",
            span(self.breaker_cooldown.value),
            &self.breaker_cooldown.origin,
        );
        line(
            "llm.slow_call",
            span(self.slow_call.value),
            &self.slow_call.origin,
        );
        lines
    }
}

fn kind(
    flags: &Flags,
    in_file: Option<String>,
    from_file: &Source<'_>,
) -> Result<Setting<LlmKind>, Failure> {
    if let Some(name) = &flags.llm {
        return Ok(Setting {
            value: known(&LlmKind::NAMES, name)
                .map_err(|what| Failure::new(Kind::Usage, format!("--llm: {what}")))?,
            origin: Origin::Flag("--llm"),
        });
    }
    let variable = "DECNET_REALISM_LLM";
    if let Some(name) = environment::variable(variable) {
        return Ok(Setting {
            value: known(&LlmKind::NAMES, &name.to_string_lossy())
                .map_err(|what| wrong_variable(variable, &what))?,
            origin: Origin::Environment(variable),
        });
    }
    let value = in_file
        .map(|name| known(&LlmKind::NAMES, &name))
        .transpose()
        .map_err(|what| from_file.wrong("llm.backend", &what))?;
    Ok(from_file.or(value, LlmKind::Off))
}

fn timeout(in_file: Option<String>, from_file: &Source<'_>) -> Result<Setting<Duration>, Failure> {
    let variable = "DECNET_REALISM_TIMEOUT";
    let limits = 0.05..=86_400.0;
    let setting = match environment::variable(variable) {
        Some(text) => {
            let text = text.to_string_lossy();
            let seconds: f64 = text
                .trim()
                .trim_end_matches('s')
                .parse()
                .unwrap_or(f64::NAN);
            if !limits.contains(&seconds) {
                return Err(wrong_variable(
                    variable,
                    &format!("{text:?} is no number of seconds from 0.05 to 86400"),
                ));
            }
            Setting {
                value: Duration::from_secs_f64(seconds),
                origin: Origin::Environment(variable),
            }
        }
        None => from_file.duration("llm.timeout", in_file, Duration::from_secs(60))?,
    };
    if limits.contains(&setting.value.as_secs_f64()) {
        Ok(setting)
    } else {
        Err(from_file.wrong("llm.timeout", "must be between 50ms and 1day"))
    }
}

/// How long an abandoned generation keeps its slot; `0s` is allowed.
fn hold(
    in_file: Option<String>,
    timeout: Duration,
    from_file: &Source<'_>,
) -> Result<Setting<Duration>, Failure> {
    match in_file.as_deref() {
        Some("0" | "0s") => Ok(from_file.or(Some(Duration::ZERO), timeout)),
        _ => from_file.duration("llm.orphan_hold", in_file, timeout),
    }
}

pub(super) fn text(
    variable: &'static str,
    in_file: Option<String>,
    default: &str,
    from_file: &Source<'_>,
) -> Result<Setting<String>, Failure> {
    match environment::variable(variable) {
        Some(value) => match value.into_string() {
            Ok(value) if !value.contains(char::is_control) => Ok(Setting {
                value,
                origin: Origin::Environment(variable),
            }),
            _ => Err(wrong_variable(variable, "it is no plain text")),
        },
        None => Ok(from_file.or(in_file, default.to_owned())),
    }
}

fn api_key(
    in_file: Option<PathBuf>,
    from_file: &Source<'_>,
) -> Result<Option<Setting<KeySource>>, Failure> {
    let variable = "DECNET_REALISM_API_KEY";
    if let Some(text) = environment::variable(variable) {
        // What the key is stays unsaid, also when it is none.
        let value = text
            .to_str()
            .and_then(|text| ApiKey::parse(text).ok())
            .ok_or_else(|| wrong_variable(variable, "it is no key of visible characters"))?;
        return Ok(Some(Setting {
            value: KeySource::Value(value),
            origin: Origin::Environment(variable),
        }));
    }
    let variable = "DECNET_REALISM_API_KEY_FILE";
    if let Some(path) = environment::variable(variable) {
        return Ok(Some(Setting {
            value: KeySource::File(path.into()),
            origin: Origin::Environment(variable),
        }));
    }
    Ok(in_file.map(|path| Setting {
        value: KeySource::File(from_file.below(&path)),
        origin: from_file.origin(),
    }))
}

fn read_key(path: &Path) -> Result<ApiKey, Failure> {
    let configuration = |what: &str| {
        Failure::new(
            Kind::Configuration,
            format!("the API key file {}: {what}", path.display()),
        )
    };
    let metadata = fs::metadata(path).map_err(|error| configuration(&error.to_string()))?;
    if !metadata.is_file() || metadata.len() > KEY_FILE_MAX {
        return Err(configuration("it is no small file"));
    }
    let text = fs::read_to_string(path).map_err(|error| configuration(&error.to_string()))?;
    ApiKey::parse(&text).map_err(|_| configuration("it holds no key of visible characters"))
}

fn wrong_variable(variable: &str, what: &str) -> Failure {
    Failure::new(Kind::Configuration, format!("{variable}: {what}"))
}

/// The value of a name.
pub(super) fn known<T: Copy>(names: &[(&'static str, T)], name: &str) -> Result<T, String> {
    let wanted = name.trim().to_lowercase();
    names
        .iter()
        .find(|(known, _)| *known == wanted)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let all: Vec<&str> = names.iter().map(|(known, _)| *known).collect();
            format!("{name:?} is not known; there are {}", all.join(", "))
        })
}

pub(super) fn name_of<T: Copy + PartialEq>(names: &[(&'static str, T)], value: T) -> &'static str {
    names
        .iter()
        .find(|(_, known)| *known == value)
        .map_or("", |(name, _)| name)
}
