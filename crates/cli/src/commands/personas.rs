//! `decnet personas`

use std::fs::File;
use std::io::Read;
use std::path::Path;

use decnet_emailgen::mail_client;
use decnet_emailgen::world::{WorldLedger, undeclared};
use decnet_realism::persona::{MAX_TEXT, ParsedPersonas, Persona};
use decnet_realism::pool;
use serde_json::json;

use crate::arguments::ImportArguments;
use crate::config::{Flags, Settings};
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::output::{one_line, say, say_json, shortened, table, warn};
use crate::wiring::Session;
use crate::world_file::list_error;

/// Checks a list and puts it in place of the pool.
pub(crate) fn import(flags: &Flags, arguments: &ImportArguments) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let text = read(&arguments.file)?;
    let destination = arguments
        .output
        .clone()
        .unwrap_or_else(|| settings.personas.value.clone());
    let report = pool::import(&text, &destination).map_err(|error| {
        let mut failure = Failure::from(error);
        if failure.kind == Kind::BadInput {
            failure.message = format!("{}: {}", arguments.file.display(), failure.message);
        }
        failure
    })?;
    for dropped in &report.dropped {
        warn(&format!("{}: {dropped}", arguments.file.display()));
    }
    for warning in &report.warnings {
        warn(&format!("{}: {warning}", arguments.file.display()));
    }
    if report.is_too_small() {
        warn("one persona has nobody to write to; mail needs at least two");
    }
    let personas = ParsedPersonas::from_text(&text).personas;
    for warning in personas.iter().filter_map(unknown_mail_client) {
        warn(&warning);
    }
    if settings.database().exists() {
        let mut session = Session::open(settings, false)?;
        let declared = session.store.declared_domains()?;
        for persona in &personas {
            if let Some(error) = undeclared("the pool", persona, &declared) {
                warn(&error.to_string());
            }
        }
        if arguments.output.is_none() {
            session.sync_pool()?;
        }
    }
    if arguments.json {
        say_json(&json!({
            "written_to": report.written_to,
            "kept": report.kept,
            "dropped": report.dropped.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "warnings": report.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        }));
    } else {
        say(&format!(
            "imported {} of {} personas to {}",
            report.kept,
            report.kept + report.dropped.len(),
            report.written_to.display()
        ));
    }
    Ok(())
}

/// What is to be said of somebody whose mail client there is none of.
pub(crate) fn unknown_mail_client(persona: &Persona) -> Option<String> {
    let name = persona.mail_client.as_deref()?;
    if mail_client::by_name(name).is_some() {
        return None;
    }
    let known: Vec<&str> = mail_client::ALL
        .iter()
        .map(|client| client.name())
        .collect();
    Some(format!(
        "{}: mail_client {name:?} is none of {}; one of these is drawn",
        persona.email.as_str(),
        known.join(", ")
    ))
}

/// Says what is wrong with a list.
pub(crate) fn validate(file: &Path, json: bool) -> Result<(), Failure> {
    let parsed = ParsedPersonas::from_text(&read(file)?);
    let problems: Vec<String> = parsed
        .list_error
        .iter()
        .map(list_error)
        .chain(parsed.dropped.iter().map(ToString::to_string))
        .collect();
    let mut warnings: Vec<String> = parsed.warnings.iter().map(ToString::to_string).collect();
    warnings.extend(parsed.personas.iter().filter_map(unknown_mail_client));
    if json {
        say_json(&json!({
            "valid": parsed.personas.len(),
            "problems": problems,
            "warnings": warnings,
        }));
    } else {
        for problem in &problems {
            say(&format!("wrong    {}", one_line(problem)));
        }
        for warning in &warnings {
            say(&format!("warning  {}", one_line(warning)));
        }
        say(&format!(
            "{} valid, {} wrong",
            parsed.personas.len(),
            problems.len()
        ));
    }
    if parsed.personas.len() < 2 && problems.is_empty() {
        warn("mail needs at least two personas");
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(Failure::new(
            Kind::BadInput,
            format!(
                "{}: {} of the entries cannot be used",
                file.display(),
                problems.len()
            ),
        ))
    }
}

/// Shows everybody, and whether they are at work now.
pub(crate) fn list(flags: &Flags, json: bool) -> Result<(), Failure> {
    let mut session = Session::open(Settings::load(flags)?, false)?;
    session.sync_pool()?;
    let now = environment::now();
    let world = session.store.world()?;
    let mut rows = Vec::new();
    let mut entries = Vec::new();
    for list in &world.lists {
        for view in &list.personas {
            let at_work = view.persona.schedule().is_open(now);
            let name = list.topology.as_deref().unwrap_or("(pool)");
            entries.push(json!({ "list": list.topology, "at_work": at_work, "persona": view }));
            rows.push(vec![
                name.to_owned(),
                shortened(&view.persona.name, 30),
                view.persona.email.as_str().to_owned(),
                shortened(&view.persona.role, 30),
                view.persona.language_or(&list.language_default).to_owned(),
                format!(
                    "{} {}",
                    view.persona.active_hours,
                    view.persona.timezone.as_deref().unwrap_or("UTC")
                ),
                if at_work { "at work" } else { "away" }.to_owned(),
            ]);
        }
    }
    if json {
        say_json(&entries);
    } else if rows.is_empty() {
        say("nobody yet: apply a world file, or import a pool with `decnet personas import`");
    } else {
        say(&table(
            &[
                "list", "name", "address", "role", "language", "hours", "now",
            ],
            &rows,
        ));
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| Failure::reading(path, &error))?;
    // One byte more than allowed, so that the parser sees that it is too long.
    file.take(MAX_TEXT as u64 + 1)
        .read_to_string(&mut text)
        .map_err(|error| Failure::reading(path, &error))?;
    Ok(text)
}
