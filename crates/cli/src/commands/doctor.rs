//! `decnet doctor`

mod alerts;
mod background;
mod heal;
mod memory;
mod sessions;

use std::path::Path;

use decnet_activity_driver::action::ActionKind;
use decnet_activity_driver::decky::Transport;
use decnet_emailgen::world::{World, WorldLedger};
use decnet_realism::active_hours::ActiveHours;
use decnet_realism::language;
use decnet_realism::pool::PoolError;
use serde_json::json;

use crate::commands::findings::Findings;
use crate::commands::personas::unknown_mail_client;
use crate::commands::world::progress_bar;
use crate::config::{Flags, Settings};
use crate::failure::Failure;
use crate::output::{bold, one_line, say, say_json, table};
use crate::wiring::{Session, is_private, pool, root_around, runtime};

/// Looks at everything and says what is wrong.
pub(crate) fn run(flags: &Flags, json: bool) -> Result<(), Failure> {
    let settings = Settings::load(flags)?;
    let mut findings = Findings::default();
    state_dir(&settings, &mut findings);
    let session = match Session::open(settings.clone(), false) {
        Ok(session) => Some(session),
        Err(failure) => {
            findings.problem(
                "database",
                failure.message,
                "run `decnet init`, or name the right --state-dir",
            );
            None
        }
    };
    pool_file(&settings, &mut findings);
    alerts::sinks(&settings, &mut findings);
    sessions::sources(&settings, &mut findings);
    background::backups(&settings, &mut findings)?;
    background::running(&settings, &mut findings);
    if let Some(mut session) = session {
        database(&mut session, &mut findings)?;
        alerts::given_up(&mut session.store, &mut findings)?;
        sessions::processors(&mut session.store, &settings, &mut findings)?;
        heal::engine(&mut session.store, &settings, &mut findings)?;
        let backlog = session.store.backlog()?;
        background::jobs(&backlog, &mut findings);
        memory::memories(
            &session.settings,
            &mut session.store,
            &backlog,
            &mut findings,
        )?;
        session.sync_pool()?;
        let world = session.store.world()?;
        people(&world, &mut findings);
        deckies(&session, &world, &mut findings)?;
    }
    if json {
        let settings: Vec<_> = settings
            .lines()
            .into_iter()
            .map(|(name, value, origin)| json!({ "name": name, "value": value, "origin": origin }))
            .collect();
        say_json(&json!({
            "settings": settings,
            "findings": findings,
            "problems": findings.problems(),
        }));
    } else {
        show(&settings, &findings);
    }
    findings.failure()
}

fn state_dir(settings: &Settings, findings: &mut Findings) {
    let path = &settings.state_dir.value;
    match is_private(path) {
        Ok(true) => findings.good("state", format!("{} is private", path.display())),
        Ok(false) => findings.problem(
            "state",
            format!("{} can be read by others", path.display()),
            "chmod 700 it: it says which hosts are decoys",
        ),
        Err(error) => findings.problem(
            "state",
            format!("{}: {error}", path.display()),
            "run `decnet init`, or name the right --state-dir",
        ),
    }
    if let Some(path) = &settings.secret_file.value
        && let Ok(false) = is_private(path)
    {
        findings.warning(
            "secret",
            format!("{} can be read or changed by others", path.display()),
            "chmod 600 it",
        );
    }
}

fn database(session: &mut Session, findings: &mut Findings) -> Result<(), Failure> {
    let path = session.settings.database();
    if let Ok(false) = is_private(&path) {
        findings.problem(
            "database",
            format!("{} can be read by others", path.display()),
            "chmod 600 it",
        );
    }
    let problems = session.store.integrity_problems()?;
    if let Some(first) = problems.first() {
        findings.problem(
            "database",
            format!("{} integrity problems, first: {first}", problems.len()),
            "restore a backup",
        );
    }
    let usage = session.store.usage()?;
    findings.good(
        "database",
        format!(
            "schema {}, {} KiB, {} mails, {} on their way, {} answers to come",
            usage.schema_version,
            usage.bytes / 1024,
            usage.mails,
            usage.unfinished,
            usage.answers
        ),
    );
    Ok(())
}

fn pool_file(settings: &Settings, findings: &mut Findings) {
    let loaded = pool(settings);
    let path = settings.personas.value.display().to_string();
    match &loaded.problem {
        Some(PoolError::Missing { .. }) => findings.good(
            "pool",
            format!("{path} does not exist: deckies without a topology get no mail"),
        ),
        Some(problem) => findings.problem(
            "pool",
            problem.to_string(),
            "`decnet personas validate` tells more",
        ),
        None => findings.good(
            "pool",
            format!("{path}, {} personas", loaded.parsed.personas.len()),
        ),
    }
    for dropped in &loaded.parsed.dropped {
        findings.warning("pool", dropped.to_string(), "correct the entry");
    }
    for warning in &loaded.parsed.warnings {
        findings.warning("pool", warning.to_string(), "correct the entry");
    }
}

fn people(world: &World, findings: &mut Findings) {
    let supported = language::supported();
    for list in &world.lists {
        let name = list.topology.as_deref().map_or_else(
            || "pool".to_owned(),
            |topology| format!("topology {topology}"),
        );
        let has_mail_decky = world
            .deckies
            .iter()
            .any(|view| view.topology == list.topology && view.running && view.decky.serves_mail());
        if has_mail_decky && list.personas.len() < 2 {
            findings.problem(
                &name,
                format!("{} personas", list.personas.len()),
                "mail needs at least two",
            );
        }
        for view in &list.personas {
            let who = format!("persona {}", view.persona.email.as_str());
            if let Some(problem) = &view.problem {
                findings.problem(
                    &who,
                    problem.clone(),
                    "declare the domain, or use another address",
                );
            }
            if ActiveHours::parse(&view.persona.active_hours).is_err() {
                findings.warning(
                    &who,
                    format!(
                        "active_hours {:?} cannot be read: always at work",
                        view.persona.active_hours
                    ),
                    "write HH:MM-HH:MM",
                );
            }
            let code = view.persona.language_or(&list.language_default);
            let primary = code
                .split(['-', '_'])
                .next()
                .unwrap_or(code)
                .to_ascii_lowercase();
            if !supported.contains(&primary.as_str()) {
                findings.warning(
                    &who,
                    format!("the offline writer has no {code:?} and writes English"),
                    "supported languages are listed in docs/personas.md",
                );
            }
            if let Some(warning) = unknown_mail_client(&view.persona) {
                findings.warning(
                    &who,
                    warning,
                    "name one that there is, or leave it out to have one drawn",
                );
            }
            if let Some(home) = &view.persona.home
                && !world.deckies.iter().any(|decky| decky.decky.name == *home)
            {
                findings.problem(
                    &who,
                    format!("home {home:?} is no decky"),
                    "name one of the world's",
                );
            }
        }
    }
}

fn deckies(session: &Session, world: &World, findings: &mut Findings) -> Result<(), Failure> {
    let roots = world.deckies.iter().map(|view| {
        let Transport::Local(folders) = &view.decky.transport;
        (view.decky.name.as_str(), folders.root.as_path())
    });
    if let Some(failure) = root_around(&session.settings, roots) {
        findings.problem("state", failure.message, "move it out of the decoy");
    }
    if world.deckies.is_empty() {
        findings.problem(
            "world",
            "it has no deckies",
            "apply a world file with `decnet world apply`",
        );
    }
    let bar = progress_bar(world.deckies.len() as u64);
    let runtime = runtime()?;
    for view in &world.deckies {
        bar.inc(1);
        let subject = format!("decky {}", view.decky.name);
        if let Some(error) = &view.refusing {
            findings.problem(
                &subject,
                format!("refused its last mail: {error}"),
                "mail waits and is tried again",
            );
        }
        for login in &view.foreign_mailboxes {
            findings.problem(
                &subject,
                format!("the mailbox of {login} holds mail that decnet did not write"),
                "set `adopt = true` in its transport to use it",
            );
        }
        if !view.running || !view.decky.serves_mail() {
            continue;
        }
        let driver = match session
            .drivers
            .driver_for(&view.decky.transport, ActionKind::Email)
        {
            Ok(driver) => driver,
            Err(error) => {
                findings.problem(&subject, error.to_string(), "use another transport");
                continue;
            }
        };
        match runtime.block_on(driver.probe(&view.decky)) {
            Ok(()) => findings.good(&subject, "can be reached and written to"),
            Err(error) => findings.problem(
                &subject,
                error.to_string(),
                "correct its transport, or stop it in the world file",
            ),
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn show(settings: &Settings, findings: &Findings) {
    let config = settings.config_file.as_deref().map_or_else(
        || "none; defaults only".to_owned(),
        |path: &Path| path.display().to_string(),
    );
    say(&format!("{} {config}", bold("configuration file")));
    let rows: Vec<Vec<String>> = settings
        .lines()
        .into_iter()
        .map(|(name, value, origin)| vec![name.to_owned(), one_line(&value), origin])
        .collect();
    say(&table(&["setting", "value", "from"], &rows));
    say("");
    findings.show();
}
