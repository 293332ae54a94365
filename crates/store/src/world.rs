//! Topologies, deckies, personas and declared domains.

use std::collections::BTreeSet;

use decnet_emailgen::ledger::LedgerError;
use decnet_emailgen::world::{
    ApplyError, DeckySpec, DeckyView, PersonaListView, PersonaView, TopologySpec, World,
    WorldChange, WorldDiff, WorldError, WorldLedger, source_name, undeclared,
};
use decnet_realism::persona::Persona;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::availability::{refresh_home_slot, refresh_list};
use crate::error::{corrupt, ledger_error};
use crate::open::Store;
use crate::people::{self, DECKY_COLUMNS};

/// The row of the pool in `persona_list`.
const POOL: i64 = 1;
/// The setting that holds the fingerprint of the pool file.
const POOL_FINGERPRINT: &str = "pool_fingerprint";

impl WorldLedger for Store {
    fn apply(
        &mut self,
        change: &WorldChange,
        dry_run: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<WorldDiff, ApplyError> {
        change.validate(&self.declared_domains()?)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(ledger_error)?;
        let mut diff = WorldDiff::default();
        apply_change(&transaction, change, &mut diff, progress)?;
        if dry_run {
            transaction.rollback().map_err(ledger_error)?;
        } else {
            transaction.commit().map_err(ledger_error)?;
        }
        Ok(diff)
    }

    fn remove_deckies(&mut self, names: &[String]) -> Result<Vec<String>, LedgerError> {
        self.write(|transaction| {
            let mut removed = Vec::new();
            let mut lists = BTreeSet::new();
            for name in names {
                let id: Option<i64> = transaction
                    .query_row(
                        "SELECT id FROM decky WHERE name = ?1 AND NOT removed",
                        params![name],
                        |row| row.get(0),
                    )
                    .optional()
                    .map_err(ledger_error)?;
                if let Some(id) = id {
                    lists.extend(remove_decky(transaction, id).map_err(ledger_error)?);
                    removed.push(name.clone());
                }
            }
            for list in lists {
                refresh_list(transaction, list)?;
            }
            Ok(removed)
        })
    }

    fn remove_topologies(&mut self, names: &[String]) -> Result<Vec<String>, LedgerError> {
        self.write(|transaction| {
            let mut removed = Vec::new();
            for name in names {
                let Some(list) = known_list(transaction, name)? else {
                    continue;
                };
                let remove = || {
                    transaction.execute(
                        "UPDATE persona_list SET removed = 1 WHERE id = ?1",
                        params![list],
                    )?;
                    transaction.execute(
                        "UPDATE persona SET removed = 1 WHERE list_id = ?1",
                        params![list],
                    )?;
                    let deckies: Vec<i64> = transaction
                        .prepare("SELECT id FROM decky WHERE list_id = ?1 AND NOT removed")?
                        .query_map(params![list], |row| row.get(0))?
                        .collect::<Result<_, _>>()?;
                    for decky in deckies {
                        remove_decky(transaction, decky)?;
                    }
                    Ok(())
                };
                remove().map_err(ledger_error)?;
                refresh_list(transaction, list)?;
                removed.push(name.clone());
            }
            Ok(removed)
        })
    }

    fn remove_domains(&mut self, names: &[String]) -> Result<Vec<String>, LedgerError> {
        self.write(|transaction| {
            let mut removed = Vec::new();
            for name in names {
                let gone = transaction
                    .execute(
                        "DELETE FROM declared_domain WHERE domain = ?1",
                        params![name],
                    )
                    .map_err(ledger_error)?;
                if gone > 0 {
                    removed.push(name.clone());
                }
            }
            if !removed.is_empty() {
                for list in reconsider_problems(transaction)? {
                    refresh_list(transaction, list)?;
                }
            }
            Ok(removed)
        })
    }

    fn world(&mut self) -> Result<World, LedgerError> {
        // One snapshot for all of it.
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .map_err(ledger_error)?;
        let world = World {
            domains: domains(&transaction).map_err(ledger_error)?,
            lists: lists(&transaction)?,
            deckies: deckies(&transaction)?,
        };
        Ok(world)
    }

    fn decky_names(&mut self) -> Result<Vec<String>, LedgerError> {
        self.connection
            .prepare_cached("SELECT name FROM decky WHERE removed = 0 ORDER BY name")
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .map_err(ledger_error)
    }

    fn declared_domains(&mut self) -> Result<Vec<String>, LedgerError> {
        domains(&self.connection).map_err(ledger_error)
    }

    fn pool_fingerprint(&mut self) -> Result<Option<String>, LedgerError> {
        self.connection
            .prepare_cached("SELECT value FROM setting WHERE name = ?1")
            .and_then(|mut statement| {
                statement
                    .query_row(params![POOL_FINGERPRINT], |row| row.get(0))
                    .optional()
            })
            .map_err(ledger_error)
    }

    fn replace_pool(&mut self, personas: &[Persona], fingerprint: &str) -> Result<(), LedgerError> {
        self.write(|transaction| {
            replace_personas(transaction, POOL, personas, &mut WorldDiff::default())?;
            refresh_list(transaction, POOL)?;
            transaction
                .execute(
                    "INSERT INTO setting (name, value) VALUES (?1, ?2)
                     ON CONFLICT DO UPDATE SET value = excluded.value",
                    params![POOL_FINGERPRINT, fingerprint],
                )
                .map_err(ledger_error)?;
            Ok(())
        })
    }
}

fn apply_change(
    transaction: &Transaction<'_>,
    change: &WorldChange,
    diff: &mut WorldDiff,
    progress: &mut dyn FnMut(u64),
) -> Result<(), ApplyError> {
    let mut stale = BTreeSet::new();
    let new_domains = declare(transaction, &change.domains, diff).map_err(ledger_error)?;
    if let Some(pool) = &change.pool {
        let topics = to_json(&pool.topics);
        if update_list(transaction, POOL, &pool.language_default, &topics).map_err(ledger_error)? {
            diff.changed.push("pool".to_owned());
        } else {
            diff.unchanged += 1;
        }
    }
    let mut done = 0;
    for topology in &change.topologies {
        if let Some(list) = apply_topology(transaction, topology, diff)? {
            stale.insert(list);
        }
        done += 1;
        progress(done);
    }
    for spec in &change.deckies {
        stale.extend(apply_decky(transaction, spec, diff)?);
        done += 1;
        progress(done);
    }
    if new_domains {
        stale.extend(reconsider_problems(transaction)?);
    }
    for list in stale {
        refresh_list(transaction, list)?;
    }
    Ok(())
}

fn declare(
    connection: &Connection,
    names: &[String],
    diff: &mut WorldDiff,
) -> rusqlite::Result<bool> {
    let mut any = false;
    for name in names {
        let added = connection.execute(
            "INSERT INTO declared_domain (domain) VALUES (?1) ON CONFLICT DO NOTHING",
            params![name],
        )?;
        if added == 1 {
            diff.added.push(format!("domain {name}"));
            any = true;
        } else {
            diff.unchanged += 1;
        }
    }
    Ok(any)
}

/// Sets language and topics of a list, and answers whether that changed anything.
fn update_list(
    connection: &Connection,
    list: i64,
    language_default: &str,
    topics: &str,
) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached(
            "UPDATE persona_list SET language_default = ?2, topics = ?3, removed = 0
             WHERE id = ?1 AND (language_default <> ?2 OR topics <> ?3 OR removed)",
        )?
        .execute(params![list, language_default, topics])?;
    Ok(changed == 1)
}

/// Answers the list when anything that availability depends on may have changed.
fn apply_topology(
    transaction: &Transaction<'_>,
    topology: &TopologySpec,
    diff: &mut WorldDiff,
) -> Result<Option<i64>, LedgerError> {
    let topics = to_json(&topology.topics);
    let label = || format!("topology {}", topology.name);
    let known: Option<(i64, bool)> = transaction
        .prepare_cached("SELECT id, removed FROM persona_list WHERE topology = ?1")
        .and_then(|mut statement| {
            statement
                .query_row(params![topology.name], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
        .map_err(ledger_error)?;
    let (list, is_new) = match known {
        Some((list, removed)) => {
            let changed = update_list(transaction, list, &topology.language_default, &topics)
                .map_err(ledger_error)?;
            if removed {
                diff.added.push(label());
            } else if changed {
                diff.changed.push(label());
            } else {
                diff.unchanged += 1;
            }
            (list, removed)
        }
        None => {
            transaction
                .prepare_cached(
                    "INSERT INTO persona_list (topology, language_default, topics)
                     VALUES (?1, ?2, ?3)",
                )
                .and_then(|mut statement| {
                    statement.execute(params![topology.name, topology.language_default, topics])
                })
                .map_err(ledger_error)?;
            diff.added.push(label());
            (transaction.last_insert_rowid(), true)
        }
    };
    let people_changed = replace_personas(transaction, list, &topology.personas, diff)?;
    Ok((is_new || people_changed).then_some(list))
}

/// Makes the personas of a list those given: new ones are added, missing ones take no part any
/// more. Answers whether anything changed.
fn replace_personas(
    transaction: &Transaction<'_>,
    list: i64,
    personas: &[Persona],
    diff: &mut WorldDiff,
) -> Result<bool, LedgerError> {
    let declared = domains(transaction).map_err(ledger_error)?;
    let mut any_change = false;
    let mut kept = BTreeSet::new();
    for persona in personas {
        let problem = undeclared(&list_name(transaction, list)?, persona, &declared)
            .map(|error| error.to_string());
        let definition = to_json(persona);
        let schedule =
            schedule_id(transaction, &persona.schedule().to_text()).map_err(ledger_error)?;
        let email = persona.email.as_str();
        let known: Option<(i64, String, i64, bool, Option<String>)> = transaction
            .prepare_cached(
                "SELECT id, definition, schedule_id, removed, problem FROM persona
                 WHERE list_id = ?1 AND email = ?2",
            )
            .and_then(|mut statement| {
                statement
                    .query_row(params![list, email], |row| {
                        Ok((
                            row.get(0)?,
                            row.get(1)?,
                            row.get(2)?,
                            row.get(3)?,
                            row.get(4)?,
                        ))
                    })
                    .optional()
            })
            .map_err(ledger_error)?;
        let label = || format!("persona {email}");
        match known {
            Some((id, held, held_schedule, removed, held_problem)) => {
                kept.insert(id);
                let same = held == definition
                    && held_schedule == schedule
                    && !removed
                    && held_problem == problem;
                if same {
                    diff.unchanged += 1;
                    continue;
                }
                if removed {
                    diff.added.push(label());
                } else {
                    diff.changed.push(label());
                }
                transaction
                    .prepare_cached(
                        "UPDATE persona SET email = ?2, definition = ?3, schedule_id = ?4,
                                problem = ?5, removed = 0
                         WHERE id = ?1",
                    )
                    .and_then(|mut statement| {
                        statement.execute(params![id, email, definition, schedule, problem])
                    })
                    .map_err(ledger_error)?;
            }
            None => {
                diff.added.push(label());
                transaction
                    .prepare_cached(
                        "INSERT INTO persona (list_id, email, definition, schedule_id, problem)
                         VALUES (?1, ?2, ?3, ?4, ?5)",
                    )
                    .and_then(|mut statement| {
                        statement.execute(params![list, email, definition, schedule, problem])
                    })
                    .map_err(ledger_error)?;
                kept.insert(transaction.last_insert_rowid());
            }
        }
        any_change = true;
    }
    let present: Vec<(i64, String)> = transaction
        .prepare_cached(
            "SELECT id, email FROM persona WHERE list_id = ?1 AND NOT removed ORDER BY id",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![list], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        })
        .map_err(ledger_error)?;
    for (id, email) in present {
        if !kept.contains(&id) {
            diff.removed.push(format!("persona {email}"));
            any_change = true;
            transaction
                .execute("UPDATE persona SET removed = 1 WHERE id = ?1", params![id])
                .map_err(ledger_error)?;
        }
    }
    Ok(any_change)
}

/// Answers the lists whose availability may have changed.
fn apply_decky(
    transaction: &Transaction<'_>,
    spec: &DeckySpec,
    diff: &mut WorldDiff,
) -> Result<Vec<i64>, ApplyError> {
    let decky = &spec.decky;
    let list = match &spec.topology {
        None => POOL,
        Some(topology) => {
            known_list(transaction, topology)?.ok_or_else(|| WorldError::UnknownTopology {
                decky: decky.name.clone(),
                topology: topology.clone(),
            })?
        }
    };
    let services = to_json(&decky.services);
    let transport = to_json(&decky.transport);
    let source = source_name(decky.source);
    let label = || format!("decky {}", decky.name);
    let known: Vec<(i64, i64, bool)> = transaction
        .prepare_cached("SELECT id, list_id, removed FROM decky WHERE name = ?1 OR uuid = ?2")
        .and_then(|mut statement| {
            statement
                .query_map(params![decky.name, decky.uuid], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?
                .collect()
        })
        .map_err(ledger_error)?;
    if known.len() > 1 {
        // The name of one and the uuid of another.
        return Err(ApplyError::World(WorldError::Duplicate {
            what: "deckies",
            name: decky.name.clone(),
        }));
    }
    let known = known.first().copied();
    let upsert = || -> rusqlite::Result<Option<(i64, Vec<i64>)>> {
        let Some((id, held_list, _)) = known else {
            transaction
                .prepare_cached(
                    "INSERT INTO decky (uuid, name, source, list_id, services, transport, running,
                                        serves_mail)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute(params![
                    decky.uuid,
                    decky.name,
                    source,
                    list,
                    services,
                    transport,
                    spec.running,
                    decky.serves_mail()
                ])?;
            return Ok(Some((transaction.last_insert_rowid(), vec![list])));
        };
        let changed = transaction
            .prepare_cached(
                "UPDATE decky SET uuid = ?2, name = ?3, source = ?4, list_id = ?5, services = ?6,
                        transport = ?7, running = ?8, serves_mail = ?9, removed = 0
                 WHERE id = ?1 AND (uuid, name, source, list_id, services, transport, running,
                                    serves_mail, removed)
                                IS NOT (?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)",
            )?
            .execute(params![
                id,
                decky.uuid,
                decky.name,
                source,
                list,
                services,
                transport,
                spec.running,
                decky.serves_mail()
            ])?;
        if changed == 0 {
            return Ok(None);
        }
        if decky_adopts(decky) {
            transaction
                .prepare_cached(
                    "UPDATE mailbox SET origin = 'adopted'
                     WHERE decky_id = ?1 AND origin = 'foreign'",
                )?
                .execute(params![id])?;
        }
        if held_list != list {
            // Mailboxes of the list it served so far are out of reach for that list.
            transaction.execute(
                "UPDATE persona SET home_id = NULL, login = NULL
                 WHERE home_id = ?1 AND list_id <> ?2",
                params![id, list],
            )?;
        }
        Ok(Some((id, vec![list, held_list])))
    };
    match upsert().map_err(ledger_error)? {
        None => {
            diff.unchanged += 1;
            Ok(Vec::new())
        }
        Some((id, lists)) => {
            match known {
                Some((_, _, false)) => diff.changed.push(label()),
                _ => diff.added.push(label()),
            }
            refresh_home_slot(transaction, id).map_err(ledger_error)?;
            Ok(lists)
        }
    }
}

fn decky_adopts(decky: &decnet_activity_driver::decky::Decky) -> bool {
    match &decky.transport {
        decnet_activity_driver::decky::Transport::Local(folders) => folders.adopt,
    }
}

/// Takes a decky out of the world. Personas who lived there look for another home; their mail
/// stays where it is.
fn remove_decky(connection: &Connection, id: i64) -> rusqlite::Result<Option<i64>> {
    connection.execute("UPDATE decky SET removed = 1 WHERE id = ?1", params![id])?;
    connection.execute(
        "UPDATE persona SET home_id = NULL, login = NULL WHERE home_id = ?1",
        params![id],
    )?;
    refresh_home_slot(connection, id)
}

/// Looks again at which personas are in a domain that is not declared. Answers the lists of those
/// for whom that changed.
fn reconsider_problems(transaction: &Transaction<'_>) -> Result<BTreeSet<i64>, LedgerError> {
    let declared = domains(transaction).map_err(ledger_error)?;
    let everybody: Vec<(i64, i64, String, Option<String>)> = transaction
        .prepare("SELECT id, list_id, definition, problem FROM persona")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect()
        })
        .map_err(ledger_error)?;
    let mut lists = BTreeSet::new();
    for (id, list, definition, held) in everybody {
        let persona = people::persona(id, &definition)?;
        let problem = undeclared(&list_name(transaction, list)?, &persona, &declared)
            .map(|error| error.to_string());
        if problem != held {
            lists.insert(list);
            transaction
                .execute(
                    "UPDATE persona SET problem = ?2 WHERE id = ?1",
                    params![id, problem],
                )
                .map_err(ledger_error)?;
        }
    }
    Ok(lists)
}

fn domains(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection
        .prepare_cached("SELECT domain FROM declared_domain ORDER BY domain")?
        .query_map([], |row| row.get(0))?
        .collect()
}

fn lists(connection: &Connection) -> Result<Vec<PersonaListView>, LedgerError> {
    type Found = (i64, Option<String>, String, String);
    let rows: Vec<Found> = connection
        .prepare(
            "SELECT id, topology, language_default, topics FROM persona_list
             WHERE NOT removed ORDER BY topology IS NULL, topology",
        )
        .and_then(|mut statement| {
            statement
                .query_map([], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect()
        })
        .map_err(ledger_error)?;
    rows.into_iter()
        .map(|(id, topology, language_default, topics)| {
            Ok(PersonaListView {
                topology,
                language_default,
                topics: serde_json::from_str(&topics)
                    .map_err(|error| corrupt(format!("topics of list {id}: {error}")))?,
                personas: persona_views(connection, id)?,
            })
        })
        .collect()
}

fn persona_views(connection: &Connection, list: i64) -> Result<Vec<PersonaView>, LedgerError> {
    type Found = (
        i64,
        String,
        Option<String>,
        Option<String>,
        bool,
        Option<String>,
    );
    let rows: Vec<Found> = connection
        .prepare_cached(
            "SELECT p.id, p.definition, d.name, p.login, p.available, p.problem
             FROM persona p LEFT JOIN decky d ON d.id = p.home_id
             WHERE p.list_id = ?1 AND NOT p.removed ORDER BY p.id",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![list], |row| {
                    Ok((
                        row.get(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get(3)?,
                        row.get(4)?,
                        row.get(5)?,
                    ))
                })?
                .collect()
        })
        .map_err(ledger_error)?;
    rows.into_iter()
        .map(|(id, definition, mailbox_on, login, available, problem)| {
            Ok(PersonaView {
                persona: people::persona(id, &definition)?,
                mailbox_on,
                login,
                available,
                problem,
            })
        })
        .collect()
}

fn deckies(connection: &Connection) -> Result<Vec<DeckyView>, LedgerError> {
    type Found = (
        people::RawDecky,
        i64,
        Option<String>,
        bool,
        i64,
        Option<String>,
    );
    let rows: Vec<Found> = connection
        .prepare(&format!(
            "SELECT {}, d.id, l.topology, d.running, d.messages, m.error
             FROM decky d JOIN persona_list l ON l.id = d.list_id
                          LEFT JOIN mail m ON m.id = d.refused
             WHERE NOT d.removed ORDER BY d.name",
            DECKY_COLUMNS
                .split(", ")
                .map(|column| format!("d.{column}"))
                .collect::<Vec<_>>()
                .join(", ")
        ))
        .and_then(|mut statement| {
            statement
                .query_map([], |row| {
                    Ok((
                        people::decky(row, 0)?,
                        row.get(5)?,
                        row.get(6)?,
                        row.get(7)?,
                        row.get(8)?,
                        row.get(9)?,
                    ))
                })?
                .collect()
        })
        .map_err(ledger_error)?;
    rows.into_iter()
        .map(|(decky, id, topology, running, messages, refusing)| {
            let foreign_mailboxes = connection
                .prepare_cached(
                    "SELECT login FROM mailbox WHERE decky_id = ?1 AND origin = 'foreign'
                     ORDER BY login",
                )
                .and_then(|mut statement| {
                    statement
                        .query_map(params![id], |row| row.get(0))?
                        .collect()
                })
                .map_err(ledger_error)?;
            Ok(DeckyView {
                decky: decky.parse()?,
                topology,
                running,
                messages: messages.cast_unsigned(),
                refusing,
                foreign_mailboxes,
            })
        })
        .collect()
}

fn known_list(connection: &Connection, topology: &str) -> Result<Option<i64>, LedgerError> {
    connection
        .prepare_cached("SELECT id FROM persona_list WHERE topology = ?1 AND NOT removed")
        .and_then(|mut statement| {
            statement
                .query_row(params![topology], |row| row.get(0))
                .optional()
        })
        .map_err(ledger_error)
}

fn list_name(connection: &Connection, list: i64) -> Result<String, LedgerError> {
    let topology: Option<String> = connection
        .prepare_cached("SELECT topology FROM persona_list WHERE id = ?1")
        .and_then(|mut statement| statement.query_row(params![list], |row| row.get(0)))
        .map_err(ledger_error)?;
    Ok(topology.map_or_else(|| "the pool".to_owned(), |name| format!("topology {name}")))
}

fn schedule_id(connection: &Connection, definition: &str) -> rusqlite::Result<i64> {
    let known: Option<i64> = connection
        .prepare_cached("SELECT id FROM schedule WHERE definition = ?1")?
        .query_row(params![definition], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    connection
        .prepare_cached("INSERT INTO schedule (definition) VALUES (?1)")?
        .execute(params![definition])?;
    Ok(connection.last_insert_rowid())
}

fn to_json(value: &impl serde::Serialize) -> String {
    // Strings, numbers, lists and maps with string keys: serialising them cannot fail.
    serde_json::to_string(value).unwrap_or_default()
}
