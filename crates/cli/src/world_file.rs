//! The operator's world file (TOML) as a change to the world.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use decnet_activity_driver::decky::{Decky, DeckySource, Transport};
use decnet_emailgen::world::{DeckySpec, PoolSettings, TopologySpec, WorldChange};
use decnet_realism::persona::{ListError, ParsedPersonas};
use serde::Deserialize;

use crate::failure::{Failure, Kind};

/// Largest world file, in bytes: room for two million deckies.
const FILE_MAX: u64 = 1 << 30;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WorldToml {
    domains: Vec<String>,
    pool: Option<PoolToml>,
    topology: Vec<TopologyToml>,
    decky: Vec<DeckyToml>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PoolToml {
    #[serde(default = "english")]
    language_default: String,
    #[serde(default)]
    topics: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TopologyToml {
    name: String,
    #[serde(default = "english")]
    language_default: String,
    #[serde(default)]
    topics: Vec<String>,
    #[serde(default)]
    personas: Vec<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeckyToml {
    name: String,
    uuid: Option<String>,
    source: Option<DeckySource>,
    topology: Option<String>,
    services: Vec<String>,
    #[serde(default)]
    state: StateToml,
    transport: Transport,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StateToml {
    #[default]
    Running,
    Stopped,
}

fn english() -> String {
    "en".to_owned()
}

/// A world file, parsed, with the warnings that its personas raised.
#[derive(Debug)]
pub(crate) struct WorldFile {
    /// What it says.
    pub(crate) change: WorldChange,
    /// What is odd but accepted.
    pub(crate) warnings: Vec<String>,
}

/// Reads a world file. Every entry must be right: an operator who applies a world wants all of it.
pub(crate) fn read(path: &Path) -> Result<WorldFile, Failure> {
    let metadata = fs::metadata(path).map_err(|error| Failure::reading(path, &error))?;
    if !metadata.is_file() || metadata.len() > FILE_MAX {
        return Err(Failure::new(
            Kind::BadInput,
            format!("{} is no file of at most {FILE_MAX} bytes", path.display()),
        ));
    }
    let text = fs::read_to_string(path).map_err(|error| Failure::reading(path, &error))?;
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let folder = fs::canonicalize(if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        &folder
    })
    .map_err(|error| Failure::reading(&folder, &error))?;
    parse(&text, path, &folder)
}

/// Parses a world file; `folder` is what relative roots are relative to.
pub(crate) fn parse(text: &str, path: &Path, folder: &Path) -> Result<WorldFile, Failure> {
    let file: WorldToml = toml::from_str(text)
        .map_err(|error| Failure::new(Kind::BadInput, toml_message(path, text, &error)))?;
    let wrong = |what: String| Failure::new(Kind::BadInput, format!("{}: {what}", path.display()));
    let mut warnings = Vec::new();
    let domains = file
        .domains
        .iter()
        .map(|domain| declared_domain(domain).map_err(&wrong))
        .collect::<Result<_, _>>()?;
    let pool = file.pool.map(|pool| PoolSettings {
        language_default: pool.language_default,
        topics: pool.topics,
    });
    if let Some(pool) = &pool {
        check_topics("pool", &pool.topics).map_err(&wrong)?;
    }
    let mut topologies = Vec::with_capacity(file.topology.len());
    for topology in file.topology {
        check_name("topology", &topology.name).map_err(&wrong)?;
        check_topics(&topology.name, &topology.topics).map_err(&wrong)?;
        let parsed = ParsedPersonas::from_value(&serde_json::Value::Array(topology.personas));
        if let Some(problem) = first_problem(&parsed) {
            return Err(wrong(format!("topology {}: {problem}", topology.name)));
        }
        warnings.extend(
            parsed.warnings.iter().map(|warning| {
                format!("{}: topology {}: {warning}", path.display(), topology.name)
            }),
        );
        topologies.push(TopologySpec {
            name: topology.name,
            language_default: topology.language_default,
            topics: topology.topics,
            personas: parsed.personas,
        });
    }
    let mut deckies = Vec::with_capacity(file.decky.len());
    for decky in file.decky {
        deckies.push(decky_spec(decky, folder).map_err(&wrong)?);
    }
    Ok(WorldFile {
        change: WorldChange {
            domains,
            pool,
            topologies,
            deckies,
        },
        warnings,
    })
}

/// What is wrong with a persona list, first thing first.
pub(crate) fn first_problem(parsed: &ParsedPersonas) -> Option<String> {
    if let Some(error) = &parsed.list_error {
        return Some(list_error(error));
    }
    parsed.dropped.first().map(ToString::to_string)
}

/// A list error as text.
pub(crate) fn list_error(error: &ListError) -> String {
    error.to_string()
}

/// One line for a TOML error: file, line, key where it is about a value, what.
pub(crate) fn toml_message(path: &Path, text: &str, error: &toml::de::Error) -> String {
    let mut message = path.display().to_string();
    if let Some(span) = error.span() {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let _ = write!(message, ":{line}");
        let start = before.rsplit('\n').next().unwrap_or_default();
        if let Some((key, _)) = start.split_once('=') {
            let _ = write!(message, ": {}", key.trim());
        }
    }
    let _ = write!(message, ": {}", error.message().replace('\n', " "));
    message
}

fn decky_spec(decky: DeckyToml, folder: &Path) -> Result<DeckySpec, String> {
    check_name("decky", &decky.name)?;
    let source = decky.source.unwrap_or(match decky.topology {
        Some(_) => DeckySource::Topology,
        None => DeckySource::Fleet,
    });
    let transport = match decky.transport {
        Transport::Local(mut folders) => {
            if folders.root.is_relative() {
                folders.root = folder.join(&folders.root);
            }
            folders.root = without_dots(&folders.root);
            if folders.root.parent().is_none() {
                return Err(format!(
                    "decky {}: transport.root is this host's own file system",
                    decky.name
                ));
            }
            folders
                .check_maildir()
                .map_err(|reason| format!("decky {}: transport.maildir: {reason}", decky.name))?;
            Transport::Local(folders)
        }
    };
    for service in &decky.services {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if service.is_empty() || service.len() > 32 || !service.chars().all(plain) {
            return Err(format!(
                "decky {}: {service:?} is no service name such as \"imap\"",
                decky.name
            ));
        }
    }
    let uuid = decky.uuid.unwrap_or_else(|| uuid_from_name(&decky.name));
    if uuid.is_empty() || uuid.len() > 64 || !uuid.chars().all(|c| c.is_ascii_graphic()) {
        return Err(format!("decky {}: {uuid:?} cannot be a uuid", decky.name));
    }
    Ok(DeckySpec {
        decky: Decky {
            uuid,
            name: decky.name,
            source,
            services: decky.services,
            transport,
        },
        topology: decky.topology,
        running: matches!(decky.state, StateToml::Running),
    })
}

/// The path without `.` and `..`, without asking the file system.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// A decky's or topology's name: what can stand in a host name, a file name and a terminal.
fn check_name(what: &str, name: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts_well && name.len() <= 63 && name.chars().all(plain) {
        return Ok(());
    }
    Err(format!(
        "{what} {name:?}: a name has 1 to 63 letters, digits, `-`, `_` or `.` and starts with a letter or digit"
    ))
}

fn check_topics(list: &str, topics: &[String]) -> Result<(), String> {
    for topic in topics {
        let length = topic.chars().count();
        if topic.trim().is_empty() || length > 200 || topic.chars().any(char::is_control) {
            return Err(format!(
                "{list}: topic {topic:?} is empty, longer than 200 characters, or more than one line"
            ));
        }
    }
    Ok(())
}

fn declared_domain(domain: &str) -> Result<String, String> {
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if domain.len() <= 253 && domain.contains('.') && domain.split('.').all(label) {
        Ok(domain)
    } else {
        Err(format!(
            "{domain:?} is no domain name; declare it as \"corp.example\", IDN as \"xn--…\""
        ))
    }
}

/// A uuid that a name always gets: version 8 of RFC 9562, whose bits are the maker's to choose.
fn uuid_from_name(name: &str) -> String {
    let half = |basis: u64| {
        name.bytes().fold(basis, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    };
    let high = half(0xcbf2_9ce4_8422_2325);
    let low = half(high ^ 0x9e37_79b9_7f4a_7c15);
    format!(
        "{:08x}-{:04x}-8{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0x0fff,
        ((low >> 48) & 0x3fff) | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<WorldFile, String> {
        parse(text, Path::new("world.toml"), Path::new("/srv")).map_err(|failure| failure.message)
    }

    const DECKY: &str = r#"
        [[decky]]
        name = "mail1"
        services = ["imap"]
        [decky.transport]
        kind = "local"
        root = "decoys/../mail1"
    "#;

    #[test]
    fn a_decky_without_a_topology_is_of_the_fleet() {
        let file = check(DECKY).unwrap();
        let spec = &file.change.deckies[0];
        assert_eq!(spec.decky.source, DeckySource::Fleet);
        assert!(spec.running);
        let Transport::Local(folders) = &spec.decky.transport;
        assert_eq!(folders.root, Path::new("/srv/mail1"));
        assert_eq!(folders.file_mode, 0o600);
    }

    #[test]
    fn errors_name_the_line() {
        let error = check("domains = []\n[[decky]]\nnam = \"x\"\n").unwrap_err();
        assert!(error.starts_with("world.toml:3: "), "{error}");
    }

    #[test]
    fn hostile_names_are_refused() {
        for name in ["", "..", "a/b", "a b", "-x", "x\\ny", "é"] {
            let text = DECKY.replace(
                "mail1\"\n        services",
                &format!("{name}\"\n        services"),
            );
            assert!(check(&text).is_err(), "{name:?}");
        }
        assert!(check(&DECKY.replace("decoys/../mail1", "/")).is_err());
    }

    #[test]
    fn a_wrong_persona_names_list_index_and_field() {
        let text = "[[topology]]\nname = \"hq\"\n[[topology.personas]]\nname = \"A\"\nemail = \"nobody\"\nrole = \"x\"\n";
        let error = check(text).unwrap_err();
        assert!(error.contains("hq") && error.contains("email"), "{error}");
    }

    #[test]
    fn names_make_stable_distinct_uuids() {
        assert_eq!(uuid_from_name("mail1"), uuid_from_name("mail1"));
        assert_ne!(uuid_from_name("mail1"), uuid_from_name("mail2"));
        assert_eq!(uuid_from_name("mail1").len(), 36);
    }
}
