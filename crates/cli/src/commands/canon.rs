//! `decnet canon`

use decnet_emailgen::world::WorldLedger;
use decnet_memory::canon::{
    CanonDraft, CanonEntry, CanonError, CanonId, CanonKey, CanonKind, CanonLedger, DETAILS_MAX,
    company_key, tidy_details, tidy_name,
};
use decnet_memory::ledger::MemoryLedgerError;
use decnet_memory::memory::clean;
use decnet_store::Store;
use serde_json::{Value, json};

use crate::arguments::{CanonListArguments, CanonSetArguments};
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::output::{one_line, say, say_json, shortened, table};
use crate::suggestion::nearest;
use crate::wiring::open_store;

/// Lists entries, in the order in which they were made.
pub(crate) fn list(flags: &Flags, arguments: &CanonListArguments) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let kind = arguments.kind.as_deref();
    let kind = kind.and_then(|name| CanonKind::ALL.into_iter().find(|of| of.name() == name));
    let company = arguments.company.as_deref().map(company_key);
    let entries = store.canon_list(company.as_deref(), kind)?;
    if arguments.json {
        say_json(&entries);
    } else if entries.is_empty() {
        say(&why_none(&mut store, company.as_deref(), kind)?);
    } else {
        let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
        let heading = ["id", "company", "key", "name", "before", "details"];
        say(&table(&heading, &rows));
    }
    Ok(())
}

fn row(entry: &CanonEntry) -> Vec<String> {
    let or_dash = |text: &str, width| match text {
        "" => "-".to_owned(),
        text => shortened(text, width),
    };
    vec![
        entry.id.0.to_string(),
        shortened(&entry.company, 25),
        shortened(&entry.key().to_string(), 40),
        shortened(&entry.name, 22),
        or_dash(&entry.aliases.join(", "), 10),
        or_dash(&entry.details, 10),
    ]
}

/// Why nothing is listed, and what to do about it.
fn why_none(
    store: &mut Store,
    company: Option<&str>,
    kind: Option<CanonKind>,
) -> Result<String, Failure> {
    let all = store.canon_list(None, None)?;
    if all.is_empty() {
        return Ok(
            "no entries yet: mail makes them, and so does `decnet canon set COMPANY KEY NAME`"
                .to_owned(),
        );
    }
    let hint = match company {
        Some(company) if all.iter().all(|entry| entry.company != company) => {
            let companies = all.iter().map(|entry| entry.company.as_str());
            nearest(company, companies)
        }
        _ => None,
    };
    let what = match kind {
        Some(kind) => format!("no entries of kind {} match", kind.name()),
        None => "no entries match".to_owned(),
    };
    Ok(match hint {
        Some(company) => format!("{what}; did you mean {}?", one_line(company)),
        None => what,
    })
}

/// Makes an entry, or renames and describes the one that there is.
///
/// Each step is a transaction of its own, and changes nothing when it is done again.
pub(crate) fn set(flags: &Flags, arguments: &CanonSetArguments) -> Result<(), Failure> {
    let company = checked_company(&arguments.company)?;
    let key = checked_key(&arguments.key)?;
    let name = tidy_name(&arguments.name).map_err(|error| refused(error, None))?;
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let details = arguments.details.as_deref();
    let mut known = store.canon_list(Some(&company), Some(key.kind))?;
    known.retain(|entry| entry.role == key.role);
    let (done, before) = match known.pop() {
        Some(before) => {
            let mut entry = before.clone();
            if entry.name != name {
                entry = renamed(&mut store, entry.id, &name)?;
            }
            if let Some(details) = details
                && entry.details != tidy_details(details)
            {
                entry = store.canon_describe(entry.id, details)?;
            }
            (entry, Some(before))
        }
        None => (make(&mut store, &company, &key, &name, details)?, None),
    };
    let what = match &before {
        None => format!("made entry {}", id_and_name(&done)),
        Some(before) if *before == done => format!("entry {} was so already", id_and_name(&done)),
        Some(before) if before.name != done.name => said_renamed(&done, &before.name),
        Some(_) => format!("described entry {}", id_and_name(&done)),
    };
    if arguments.json {
        let is_changed = before.as_ref() != Some(&done);
        tell_json(&done, is_changed);
        return Ok(());
    }
    say(&what);
    if let Some(details) = details {
        say_cut(details);
    }
    if before.is_none()
        && let Some(note) = stranger(&mut store, &company)?
    {
        say(&note);
    }
    Ok(())
}

/// Makes an entry of this name. A name that is taken is never replaced by another.
fn make(
    store: &mut Store,
    company: &str,
    key: &CanonKey,
    name: &str,
    details: Option<&str>,
) -> Result<CanonEntry, Failure> {
    if key.kind.has_unique_names()
        && let Some(by) = store.canon_named(company, key.kind, name)?
    {
        return Err(taken(name, Some(&by), by.id));
    }
    let mut draft = |_: u32| CanonDraft {
        name: name.to_owned(),
        details: details.unwrap_or_default().to_owned(),
    };
    let made = store.canon(company, key, &mut draft, environment::now());
    made.map_err(|error| explained(store, error))
}

/// Gives an entry another name.
pub(crate) fn rename(flags: &Flags, id: i64, name: &str, json: bool) -> Result<(), Failure> {
    let name = tidy_name(name).map_err(|error| refused(error, None))?;
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let before = find(&mut store, id)?;
    if before.name == name {
        match json {
            true => tell_json(&before, false),
            false => say(&format!("entry {} was so already", id_and_name(&before))),
        }
        return Ok(());
    }
    let entry = renamed(&mut store, before.id, &name)?;
    match json {
        true => tell_json(&entry, true),
        false => say(&said_renamed(&entry, &before.name)),
    }
    Ok(())
}

/// Replaces what is kept of an entry beside its name.
pub(crate) fn describe(flags: &Flags, id: i64, text: &str, json: bool) -> Result<(), Failure> {
    let mut store = open_store(&Settings::load(flags)?, false)?;
    let before = find(&mut store, id)?;
    let entry = store
        .canon_describe(before.id, text)
        .map_err(|error| explained(&mut store, error))?;
    if json {
        tell_json(&entry, entry.details != before.details);
        return Ok(());
    }
    say(
        &match (entry.details == before.details, entry.details.is_empty()) {
            (true, _) => format!("entry {} was so already", id_and_name(&entry)),
            (false, true) => format!("entry {} has no details any more", id_and_name(&entry)),
            (false, false) => format!("described entry {}", id_and_name(&entry)),
        },
    );
    say_cut(text);
    Ok(())
}

fn renamed(store: &mut Store, id: CanonId, name: &str) -> Result<CanonEntry, Failure> {
    let renamed = store.canon_rename(id, name);
    renamed.map_err(|error| explained(store, error))
}

fn find(store: &mut Store, id: i64) -> Result<CanonEntry, Failure> {
    by_id(store, CanonId(id))?.ok_or_else(|| {
        let what = format!("there is no entry {id}; `decnet canon list` has the numbers");
        Failure::new(Kind::BadInput, what)
    })
}

/// A few entries for each topic and month: reading all of them takes no time that people notice.
fn by_id(store: &mut Store, id: CanonId) -> Result<Option<CanonEntry>, Failure> {
    let entries = store.canon_list(None, None)?;
    Ok(entries.into_iter().find(|entry| entry.id == id))
}

/// The company of a text, if it can be a domain.
fn checked_company(text: &str) -> Result<String, Failure> {
    let company = company_key(text);
    let is_domain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-');
    if (1..=255).contains(&company.len()) && company.chars().all(is_domain) {
        return Ok(company);
    }
    let what = format!(
        "{:?} is no domain of a company, such as northgate.example",
        shortened(text, 60)
    );
    Err(Failure::new(Kind::BadInput, what))
}

/// The key of a text, or what is wrong with it.
fn checked_key(text: &str) -> Result<CanonKey, Failure> {
    let error = match text.parse::<CanonKey>() {
        Ok(key) => return Ok(key),
        Err(error) => error,
    };
    let kinds = CanonKind::ALL.map(CanonKind::name);
    let given = text.split_once(':').map(|(kind, _)| kind);
    let hint = match given {
        Some(given) if !kinds.contains(&given) => {
            let near = nearest(&given.to_lowercase(), kinds.into_iter());
            near.map_or_else(
                || format!("kinds are {}", kinds.join(", ")),
                |kind| format!("did you mean {kind}:…?"),
            )
        }
        _ => format!("kinds are {}", kinds.join(", ")),
    };
    match error {
        CanonError::Key { .. } => {
            let what = format!(
                "{:?} is no key, such as vendor:office-supplies; {hint}",
                shortened(text, 60)
            );
            Err(Failure::new(Kind::BadInput, what))
        }
        other => Err(refused(other, None)),
    }
}

/// What stands against a change of a canon. A name that is taken is told with whose it is.
fn explained(store: &mut Store, error: MemoryLedgerError) -> Failure {
    match error {
        MemoryLedgerError::Canon(error) => {
            let by = match &error {
                CanonError::Taken { by, .. } => by_id(store, *by).ok().flatten(),
                _ => None,
            };
            refused(error, by.as_ref())
        }
        other => other.into(),
    }
}

fn refused(error: CanonError, by: Option<&CanonEntry>) -> Failure {
    match error {
        CanonError::Taken { name, by: id } => taken(&name, by, id),
        other => Failure::new(Kind::BadInput, other.to_string()),
    }
}

fn taken(name: &str, by: Option<&CanonEntry>, id: CanonId) -> Failure {
    let whose = by.map_or_else(
        || id.0.to_string(),
        |entry| format!("{}, {} of {}", id.0, entry.key(), entry.company),
    );
    let what =
        format!("the name {name:?} belongs to entry {whose}; take another, or rename that one");
    // Each part has its bound, and together they are still long.
    Failure::new(Kind::BadInput, shortened(&what, 900))
}

fn id_and_name(entry: &CanonEntry) -> String {
    format!(
        "{}, {} of {}: {}",
        entry.id.0,
        shortened(&entry.key().to_string(), 60),
        one_line(&entry.company),
        one_line(&entry.name)
    )
}

fn said_renamed(entry: &CanonEntry, before: &str) -> String {
    format!(
        "renamed entry {}; mail that says {} is still about it",
        id_and_name(entry),
        one_line(before)
    )
}

/// Says that a text was longer than what is kept, if it was.
fn say_cut(text: &str) {
    if clean(text).trim().len() > DETAILS_MAX {
        say(&format!("the details were cut to {DETAILS_MAX} bytes"));
    }
}

fn tell_json(entry: &CanonEntry, is_changed: bool) {
    let mut value = json!(entry);
    if let Value::Object(map) = &mut value {
        map.insert("changed".to_owned(), json!(is_changed));
    }
    say_json(&value);
}

/// That nobody works at a company: whoever mistypes it would wonder why no mail mentions the name.
fn stranger(store: &mut Store, company: &str) -> Result<Option<String>, Failure> {
    let world = store.world()?;
    let personas = world.lists.iter().flat_map(|list| &list.personas);
    let domains: Vec<String> = personas
        .map(|view| view.persona.email.domain().to_lowercase())
        .collect();
    if domains.iter().any(|domain| domain == company) {
        return Ok(None);
    }
    let near = nearest(company, domains.iter().map(String::as_str));
    let hint = near.map_or_else(String::new, |domain| {
        format!("; did you mean {}?", one_line(domain))
    });
    let company = one_line(company);
    Ok(Some(format!(
        "no persona has an address at {company} yet{hint}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_key_is_told_with_what_was_meant() {
        for (key, hint) in [
            ("vender:paper", "did you mean vendor:…?"),
            ("Vendor:paper", "did you mean vendor:…?"),
            (
                "zzz:paper",
                "kinds are person, project, vendor, customer, amount, host",
            ),
            ("paper", "kinds are"),
            ("vendor:", "kinds are"),
            ("vendor:a\u{1b}b", "kinds are"),
            ("", "kinds are"),
        ] {
            let failure = checked_key(key).unwrap_err();
            assert_eq!(failure.kind, Kind::BadInput);
            assert!(failure.message.contains(hint), "{key}: {failure}");
        }
        let long = checked_key(&format!("vendor:{}", "x".repeat(100_000))).unwrap_err();
        assert!(long.message.len() < 300, "{long}");
        assert_eq!(checked_key("vendor:paper").unwrap().role, "paper");
    }

    #[test]
    fn a_company_is_a_domain() {
        assert_eq!(
            checked_company(" Northgate.Example ").unwrap(),
            "northgate.example"
        );
        for text in [
            "",
            " ",
            "a b",
            "a\u{1b}.example",
            "a@b.example",
            &"x".repeat(300),
        ] {
            let failure = checked_company(text).unwrap_err();
            assert!(failure.message.len() < 300, "{failure}");
            assert_eq!(failure.kind, Kind::BadInput);
        }
    }
}
