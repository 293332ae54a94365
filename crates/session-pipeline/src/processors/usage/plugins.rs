//! Which plugin a skill, an agent or a command belongs to.
//!
//! Agents write `<plugin>:<name>` for what plugins bring along. Plugins are curated, or come from a
//! community market, whose single items go by the market's own prefix.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// What an item of a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ItemType {
    /// A skill, or a slash command.
    Skill,
    /// An agent that is sent for.
    Agent,
    /// A whole plugin.
    Plugin,
}

impl ItemType {
    /// The type of that name: `skill`, `agent` or `plugin`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "skill" => Some(Self::Skill),
            "agent" => Some(Self::Agent),
            "plugin" => Some(Self::Plugin),
            _ => None,
        }
    }
}

/// The plugins that are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownPlugins {
    /// Names of curated plugins.
    pub curated: BTreeSet<String>,
    /// Items of the community market, by name.
    pub community: BTreeMap<String, ItemType>,
    /// What the market is called; also the prefix of its single items. Default `flea`.
    pub market: String,
}

impl Default for KnownPlugins {
    fn default() -> Self {
        Self {
            curated: BTreeSet::new(),
            community: BTreeMap::new(),
            market: "flea".to_owned(),
        }
    }
}

/// Where something comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin<'a> {
    /// `builtin`, `curated` or the name of the market.
    pub(super) source: &'a str,
    /// The plugin it is a part of.
    pub(super) plugin: Option<&'a str>,
    /// Its name in there.
    pub(super) local_name: Option<&'a str>,
    pub(super) item_type: Option<ItemType>,
}

impl KnownPlugins {
    /// Where the first of `names` that belongs to a known plugin comes from.
    pub(super) fn origin<'a>(
        &'a self,
        names: impl IntoIterator<Item = (Option<&'a str>, ItemType)>,
    ) -> Origin<'a> {
        names
            .into_iter()
            .filter_map(|(name, item_type)| Some((name?.split_once(':')?, item_type)))
            .find_map(|((prefix, local_name), item_type)| {
                let origin = |source, plugin, item_type| Origin {
                    source,
                    plugin,
                    local_name: Some(local_name),
                    item_type: Some(item_type),
                };
                if prefix == self.market {
                    let item_type = self.community.get(local_name)?;
                    return Some(origin(&self.market, None, *item_type));
                }
                if self.curated.contains(prefix) {
                    return Some(origin("curated", Some(prefix), item_type));
                }
                let is_bundle = self.community.get(prefix) == Some(&ItemType::Plugin);
                is_bundle.then(|| origin(&self.market, Some(prefix), item_type))
            })
            .unwrap_or(Origin {
                source: "builtin",
                plugin: None,
                local_name: None,
                item_type: None,
            })
    }
}
