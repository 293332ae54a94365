//! Settings of what personas remember.

use std::time::Duration;

use decnet_emailgen::tick::RECALL_TOKENS;
use decnet_memory::ledger::SNAPSHOTS_KEPT;
use serde::Deserialize;

use super::llm::{known, name_of, text};
use super::{Origin, Setting, Source};
use crate::failure::Failure;

/// Who says how much a memory matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScorerKind {
    /// The language model if one is configured, else the rules.
    Auto,
    /// The rules.
    Rules,
    /// The language model.
    Model,
}

impl ScorerKind {
    const NAMES: [(&'static str, Self); 3] = [
        ("auto", Self::Auto),
        ("rules", Self::Rules),
        ("model", Self::Model),
    ];
}

/// What personas remember, and how.
#[derive(Clone, Debug)]
pub(crate) struct MemorySettings {
    /// Whether delivered mail becomes memories. Default true.
    pub(crate) enabled: Setting<bool>,
    /// Who scores them. Default auto.
    pub(crate) scorer: Setting<ScorerKind>,
    /// Name of the model that scores, as the server of `[llm]` knows it. Default the one that writes.
    pub(crate) model: Setting<String>,
    /// Most tokens that are recalled into a prompt; 0 recalls nothing. Default 400.
    pub(crate) recall_tokens: Setting<usize>,
    /// Age of the newest snapshot at which the next one is taken, if something happened since.
    /// Default 6 h.
    pub(crate) snapshot_every: Setting<Duration>,
    /// How many snapshots are kept, at least 1. Default 5.
    pub(crate) snapshots_kept: Setting<usize>,
}

/// `[memory]` of the configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MemoryTable {
    enabled: Option<bool>,
    scorer: Option<String>,
    model: Option<String>,
    recall_tokens: Option<usize>,
    snapshot_every: Option<String>,
    snapshots_kept: Option<usize>,
}

/// Most tokens that may be recalled.
const RECALL_TOKENS_MAX: usize = 16_384;

impl MemorySettings {
    /// `writing_model` is the name of the model of `[llm]`.
    pub(super) fn load(
        table: MemoryTable,
        writing_model: &str,
        from_file: &Source<'_>,
    ) -> Result<Self, Failure> {
        let scorer = table.scorer.map(|name| known(&ScorerKind::NAMES, &name));
        let scorer = scorer
            .transpose()
            .map_err(|what| from_file.wrong("memory.scorer", &what))?;
        let recall_tokens = from_file.or(table.recall_tokens, RECALL_TOKENS);
        if recall_tokens.value > RECALL_TOKENS_MAX {
            let what = format!(
                "{} is more than {RECALL_TOKENS_MAX}, which no prompt holds",
                recall_tokens.value
            );
            return Err(from_file.wrong("memory.recall_tokens", &what));
        }
        let snapshots_kept = from_file.or(table.snapshots_kept, SNAPSHOTS_KEPT);
        if snapshots_kept.value == 0 {
            return Err(from_file.wrong("memory.snapshots_kept", "0 would keep none; at least 1"));
        }
        Ok(Self {
            enabled: from_file.or(table.enabled, true),
            scorer: from_file.or(scorer, ScorerKind::Auto),
            model: text("DECNET_MEMORY_MODEL", table.model, writing_model, from_file)?,
            recall_tokens,
            snapshot_every: from_file.duration(
                "memory.snapshot_every",
                table.snapshot_every,
                Duration::from_secs(6 * 3_600),
            )?,
            snapshots_kept,
        })
    }

    /// Tokens that writers may recall: none where nothing is remembered.
    pub(crate) fn budget(&self) -> usize {
        match self.enabled.value {
            true => self.recall_tokens.value,
            false => 0,
        }
    }

    /// Name, value and origin of each setting, for people to read.
    pub(super) fn lines(&self) -> Vec<(&'static str, String, String)> {
        let line = |name, value: String, origin: &Origin| (name, value, origin.to_string());
        let every = humantime::format_duration(self.snapshot_every.value).to_string();
        vec![
            line(
                "memory.enabled",
                self.enabled.value.to_string(),
                &self.enabled.origin,
            ),
            line(
                "memory.scorer",
                name_of(&ScorerKind::NAMES, self.scorer.value).to_owned(),
                &self.scorer.origin,
            ),
            line("memory.model", self.model.value.clone(), &self.model.origin),
            line(
                "memory.recall_tokens",
                self.recall_tokens.value.to_string(),
                &self.recall_tokens.origin,
            ),
            line("memory.snapshot_every", every, &self.snapshot_every.origin),
            line(
                "memory.snapshots_kept",
                self.snapshots_kept.value.to_string(),
                &self.snapshots_kept.origin,
            ),
        ]
    }
}
