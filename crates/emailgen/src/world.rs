//! The world: declared domains, topologies with their personas, deckies, and the pool.

use std::collections::BTreeSet;

use decnet_activity_driver::decky::{Decky, DeckySource, Transport};
use decnet_realism::domain;
use decnet_realism::persona::Persona;
use serde::Serialize;

use crate::ledger::LedgerError;

/// What an operator's world file says. Applying it adds and changes what it names; what it does
/// not name stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorldChange {
    /// Domains to declare as the operator's own, lower case.
    pub domains: Vec<String>,
    /// Settings of the pool.
    pub pool: Option<PoolSettings>,
    /// Topologies; each replaces the personas and topics it had.
    pub topologies: Vec<TopologySpec>,
    /// Deckies.
    pub deckies: Vec<DeckySpec>,
}

/// Settings of the pool; its personas are in a file of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// Language of personas that have none.
    pub language_default: String,
    /// Topics of new threads; empty for the built-in ones.
    pub topics: Vec<String>,
}

/// A named set of deckies with personas of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopologySpec {
    /// Unique name.
    pub name: String,
    /// Language of personas that have none.
    pub language_default: String,
    /// Topics of new threads; empty for the built-in ones.
    pub topics: Vec<String>,
    /// Everybody in it, languages unset where the operator left them so.
    pub personas: Vec<Persona>,
}

/// A decky and its place in the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeckySpec {
    /// The decky.
    pub decky: Decky,
    /// Its topology; `None` for the fleet and for shards, which use the pool.
    pub topology: Option<String>,
    /// Whether it is up.
    pub running: bool,
}

/// Something in a world that cannot be.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WorldError {
    /// A domain that is neither reserved nor declared.
    #[error(
        "persona {address} of {list}: the domain {domain} is not declared as yours; add it to \
         `domains`, or use a reserved one such as {domain_hint}.example"
    )]
    UndeclaredDomain {
        /// Which list.
        list: String,
        /// Whose address.
        address: String,
        /// Its domain.
        domain: String,
        /// First label of it.
        domain_hint: String,
    },
    /// A decky of source `topology` without one, or another with one.
    #[error("decky {decky}: source {source_name} {requirement}")]
    TopologyMismatch {
        /// Which decky.
        decky: String,
        /// Its source.
        source_name: &'static str,
        /// What the source asks for.
        requirement: &'static str,
    },
    /// A decky in a topology that is neither in the change nor in the ledger.
    #[error("decky {decky}: there is no topology {topology:?}")]
    UnknownTopology {
        /// Which decky.
        decky: String,
        /// The topology it names.
        topology: String,
    },
    /// Two entries with one name or uuid.
    #[error("two {what} are called {name:?}")]
    Duplicate {
        /// `topologies`, `deckies`, `decky uuids` or `decky folders`.
        what: &'static str,
        /// The name.
        name: String,
    },
}

impl WorldChange {
    /// Checks what can be checked without the ledger: duplicates, sources and domains. `declared`
    /// are the domains declared before.
    ///
    /// # Errors
    ///
    /// The first [`WorldError`] found.
    pub fn validate(&self, declared: &[String]) -> Result<(), WorldError> {
        let mut names = BTreeSet::new();
        for topology in &self.topologies {
            if !names.insert(topology.name.as_str()) {
                return Err(duplicate("topologies", &topology.name));
            }
        }
        let mut names = BTreeSet::new();
        let mut uuids = BTreeSet::new();
        let mut folders = BTreeSet::new();
        for spec in &self.deckies {
            let name = &spec.decky.name;
            if !names.insert(name.as_str()) {
                return Err(duplicate("deckies", name));
            }
            if !uuids.insert(spec.decky.uuid.as_str()) {
                return Err(duplicate("decky uuids", &spec.decky.uuid));
            }
            let Transport::Local(local) = &spec.decky.transport;
            if !folders.insert((local.root.as_path(), local.maildir.as_str())) {
                let folder = local.root.join(&local.maildir);
                return Err(duplicate("decky folders", &folder.display().to_string()));
            }
            let requirement = match (spec.decky.source, &spec.topology) {
                (DeckySource::Topology, None) => Some("needs `topology = \"…\"`"),
                (DeckySource::Fleet | DeckySource::Shard, Some(_)) => {
                    Some("takes its personas from the pool and has no topology")
                }
                _ => None,
            };
            if let Some(requirement) = requirement {
                return Err(WorldError::TopologyMismatch {
                    decky: name.clone(),
                    source_name: source_name(spec.decky.source),
                    requirement,
                });
            }
        }
        let declared: Vec<String> = declared.iter().chain(&self.domains).cloned().collect();
        for topology in &self.topologies {
            for persona in &topology.personas {
                if let Some(error) = undeclared(&topology.name, persona, &declared) {
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// Why a persona of `list` may not take part: its domain is neither reserved (RFC 2606, 6761) nor
/// declared.
pub fn undeclared(list: &str, persona: &Persona, declared: &[String]) -> Option<WorldError> {
    let domain = persona.email.domain();
    if domain::is_reserved(domain) || domain::matches_declared(domain, declared) {
        return None;
    }
    Some(WorldError::UndeclaredDomain {
        list: list.to_owned(),
        address: persona.email.as_str().to_owned(),
        domain: domain.to_owned(),
        domain_hint: domain.split('.').next().unwrap_or_default().to_owned(),
    })
}

/// The name of a source as world files write it.
pub fn source_name(source: DeckySource) -> &'static str {
    match source {
        DeckySource::Topology => "topology",
        DeckySource::Fleet => "fleet",
        DeckySource::Shard => "shard",
    }
}

fn duplicate(what: &'static str, name: &str) -> WorldError {
    WorldError::Duplicate {
        what,
        name: name.to_owned(),
    }
}

/// What applying a change did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorldDiff {
    /// What is new, such as `decky mail1`.
    pub added: Vec<String>,
    /// What is different.
    pub changed: Vec<String>,
    /// What is gone.
    pub removed: Vec<String>,
    /// How many entries stay as they were.
    pub unchanged: u64,
}

/// The world as the ledger has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct World {
    /// Declared domains.
    pub domains: Vec<String>,
    /// The topologies, then the pool.
    pub lists: Vec<PersonaListView>,
    /// The deckies, by name.
    pub deckies: Vec<DeckyView>,
}

/// A list of personas as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PersonaListView {
    /// Name of the topology; `None` for the pool.
    pub topology: Option<String>,
    /// Language of personas that have none.
    pub language_default: String,
    /// Topics of new threads.
    pub topics: Vec<String>,
    /// The personas.
    pub personas: Vec<PersonaView>,
}

/// A persona as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PersonaView {
    /// As the operator described them, language unset if they left it so.
    #[serde(flatten)]
    pub persona: Persona,
    /// Decky of their mailbox, once they have one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox_on: Option<String>,
    /// Login there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Whether mail can be delivered to them.
    pub available: bool,
    /// Why not, where it is the persona's own fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A decky as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeckyView {
    /// The decky.
    #[serde(flatten)]
    pub decky: Decky,
    /// Its topology.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topology: Option<String>,
    /// Whether it is up.
    pub running: bool,
    /// Messages that decnet keeps on it.
    pub messages: u64,
    /// What it answered when it refused mail last, while that mail is still to be delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusing: Option<String>,
    /// Mailboxes that decnet keeps out of, by login, since they hold foreign mail.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub foreign_mailboxes: Vec<String>,
}

/// The repository behind `decnet world` and `decnet personas`.
pub trait WorldLedger {
    /// Applies a change in one transaction and says what it did. With `dry_run` nothing is
    /// written. `progress` is told how many entries are done.
    ///
    /// # Errors
    ///
    /// [`ApplyError`]; nothing was written then.
    fn apply(
        &mut self,
        change: &WorldChange,
        dry_run: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<WorldDiff, ApplyError>;

    /// Removes deckies by name; their mail stays on disk and in the ledger. Answers which of the
    /// names were known.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] when the storage fails; so for every method below.
    fn remove_deckies(&mut self, names: &[String]) -> Result<Vec<String>, LedgerError>;

    /// Removes topologies by name with their personas and deckies. Answers which were known.
    fn remove_topologies(&mut self, names: &[String]) -> Result<Vec<String>, LedgerError>;

    /// Takes back declared domains; personas in them take no part any more. Answers which were
    /// declared.
    fn remove_domains(&mut self, domains: &[String]) -> Result<Vec<String>, LedgerError>;

    /// The whole world, for people to read.
    fn world(&mut self) -> Result<World, LedgerError>;

    /// Names of all deckies, in the order of their names.
    fn decky_names(&mut self) -> Result<Vec<String>, LedgerError>;

    /// Domains declared as the operator's own.
    fn declared_domains(&mut self) -> Result<Vec<String>, LedgerError>;

    /// What [`replace_pool`](WorldLedger::replace_pool) was told last.
    fn pool_fingerprint(&mut self) -> Result<Option<String>, LedgerError>;

    /// Replaces the personas of the pool. A persona in an undeclared domain is kept out, with the
    /// reason. `fingerprint` says what they were read from.
    fn replace_pool(&mut self, personas: &[Persona], fingerprint: &str) -> Result<(), LedgerError>;
}

/// Why a change was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The change cannot be.
    #[error(transparent)]
    World(#[from] WorldError),
    /// The storage failed.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
