//! Topologies, deckies, personas and declared domains.

use std::collections::BTreeSet;
use std::sync::Arc;

use decnet_activity_driver::decky::{Decky, Transport};
use decnet_realism::persona::Persona;

use super::{
    DeckyEntry, MemoryLedger, POOL, PersonaEntry, PersonaList, at, at_mut, next_id, numbered,
};
use crate::ledger::{DeckyId, LedgerError, MailboxOrigin, PersonaListId, ScheduleId};
use crate::world::{
    ApplyError, DeckySpec, DeckyView, PersonaListView, PersonaView, TopologySpec, World,
    WorldChange, WorldDiff, WorldError, WorldLedger, undeclared,
};

impl WorldLedger for MemoryLedger {
    fn apply(
        &mut self,
        change: &WorldChange,
        dry_run: bool,
        progress: &mut dyn FnMut(u64),
    ) -> Result<WorldDiff, ApplyError> {
        change.validate(&self.declared_domains()?)?;
        let mut next = self.clone();
        let mut diff = WorldDiff::default();
        next.apply_change(change, &mut diff, progress)?;
        if !dry_run {
            *self = next;
        }
        Ok(diff)
    }

    fn remove_deckies(&mut self, names: &[String]) -> Result<Vec<String>, LedgerError> {
        let mut removed = Vec::new();
        for name in names {
            let known = numbered(&self.deckies)
                .find(|(_, entry)| entry.decky.name == *name && !entry.removed)
                .map(|(id, _)| DeckyId(id));
            if let Some(id) = known {
                self.remove_decky(id);
                removed.push(name.clone());
            }
        }
        Ok(removed)
    }

    fn remove_topologies(&mut self, names: &[String]) -> Result<Vec<String>, LedgerError> {
        let mut removed = Vec::new();
        for name in names {
            let Some(list) = self.known_topology(name) else {
                continue;
            };
            if let Some(entry) = at_mut(&mut self.lists, list.0) {
                entry.removed = true;
            }
            for entry in &mut self.personas {
                entry.removed |= entry.list == list;
            }
            let deckies: Vec<DeckyId> = numbered(&self.deckies)
                .filter(|(_, entry)| entry.list == list && !entry.removed)
                .map(|(id, _)| DeckyId(id))
                .collect();
            for decky in deckies {
                self.remove_decky(decky);
            }
            removed.push(name.clone());
        }
        Ok(removed)
    }

    fn remove_domains(&mut self, domains: &[String]) -> Result<Vec<String>, LedgerError> {
        let removed: Vec<String> = domains
            .iter()
            .filter(|domain| self.domains.remove(*domain))
            .cloned()
            .collect();
        if !removed.is_empty() {
            self.reconsider_problems();
        }
        Ok(removed)
    }

    fn world(&mut self) -> Result<World, LedgerError> {
        let mut lists: Vec<PersonaListView> = numbered(&self.lists)
            .filter(|(_, list)| !list.removed)
            .map(|(id, list)| PersonaListView {
                topology: list.topology.clone(),
                language_default: list.language_default.clone(),
                topics: list.topics.to_vec(),
                personas: self.persona_views(PersonaListId(id)),
            })
            .collect();
        lists.sort_by_key(|list| (list.topology.is_none(), list.topology.clone()));
        let mut deckies: Vec<DeckyView> = numbered(&self.deckies)
            .filter(|(_, entry)| !entry.removed)
            .map(|(id, entry)| self.decky_view(DeckyId(id), entry))
            .collect();
        deckies.sort_by_key(|view| view.decky.name.clone());
        Ok(World {
            domains: self.domains.iter().cloned().collect(),
            lists,
            deckies,
        })
    }

    fn decky_names(&mut self) -> Result<Vec<String>, LedgerError> {
        let there = numbered(&self.deckies).filter(|(_, entry)| !entry.removed);
        let mut names: Vec<String> = there.map(|(_, entry)| entry.decky.name.clone()).collect();
        names.sort();
        Ok(names)
    }

    fn declared_domains(&mut self) -> Result<Vec<String>, LedgerError> {
        Ok(self.domains.iter().cloned().collect())
    }

    fn pool_fingerprint(&mut self) -> Result<Option<String>, LedgerError> {
        Ok(self.pool_fingerprint.clone())
    }

    fn replace_pool(&mut self, personas: &[Persona], fingerprint: &str) -> Result<(), LedgerError> {
        self.replace_personas(POOL, personas, &mut WorldDiff::default());
        self.pool_fingerprint = Some(fingerprint.to_owned());
        Ok(())
    }
}

impl MemoryLedger {
    fn apply_change(
        &mut self,
        change: &WorldChange,
        diff: &mut WorldDiff,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), WorldError> {
        for domain in &change.domains {
            if self.domains.insert(domain.clone()) {
                diff.added.push(format!("domain {domain}"));
            } else {
                diff.unchanged += 1;
            }
        }
        if let Some(pool) = &change.pool {
            if self.update_list(POOL, &pool.language_default, &pool.topics) {
                diff.changed.push("pool".to_owned());
            } else {
                diff.unchanged += 1;
            }
        }
        let mut done = 0;
        for topology in &change.topologies {
            self.apply_topology(topology, diff);
            done += 1;
            progress(done);
        }
        for spec in &change.deckies {
            self.apply_decky(spec, diff)?;
            done += 1;
            progress(done);
        }
        self.reconsider_problems();
        Ok(())
    }

    /// Sets language and topics of a list, and answers whether that changed anything.
    fn update_list(&mut self, id: PersonaListId, language: &str, topics: &[String]) -> bool {
        let Some(list) = at_mut(&mut self.lists, id.0) else {
            return false;
        };
        let same = list.language_default == language && *list.topics == *topics && !list.removed;
        list.language_default = language.to_owned();
        list.topics = Arc::from(topics);
        list.removed = false;
        !same
    }

    fn apply_topology(&mut self, topology: &TopologySpec, diff: &mut WorldDiff) {
        let label = format!("topology {}", topology.name);
        let known = numbered(&self.lists)
            .find(|(_, list)| list.topology.as_deref() == Some(&topology.name))
            .map(|(id, list)| (PersonaListId(id), list.removed));
        let list = match known {
            Some((list, removed)) => {
                let changed = self.update_list(list, &topology.language_default, &topology.topics);
                if removed {
                    diff.added.push(label);
                } else if changed {
                    diff.changed.push(label);
                } else {
                    diff.unchanged += 1;
                }
                list
            }
            None => {
                let id = PersonaListId(next_id(&self.lists));
                self.lists.push(PersonaList {
                    topology: Some(topology.name.clone()),
                    language_default: topology.language_default.clone(),
                    topics: Arc::from(topology.topics.as_slice()),
                    removed: false,
                });
                diff.added.push(label);
                id
            }
        };
        self.replace_personas(list, &topology.personas, diff);
    }

    /// Makes the personas of a list those given: new ones are added, missing ones take no part any
    /// more.
    fn replace_personas(
        &mut self,
        list: PersonaListId,
        personas: &[Persona],
        diff: &mut WorldDiff,
    ) {
        let declared: Vec<String> = self.domains.iter().cloned().collect();
        let list_name = list_name(&self.lists, list);
        let mut kept = BTreeSet::new();
        for persona in personas {
            let problem = undeclared(&list_name, persona, &declared).map(|error| error.to_string());
            let schedule = self.schedule_id(persona);
            let label = format!("persona {}", persona.email.as_str());
            let known = (1_i64..).zip(&mut self.personas).find(|(_, entry)| {
                let address = entry.persona.email.as_str();
                entry.list == list && address.eq_ignore_ascii_case(persona.email.as_str())
            });
            let Some((id, entry)) = known else {
                kept.insert(next_id(&self.personas));
                self.personas.push(PersonaEntry {
                    list,
                    persona: persona.clone(),
                    schedule,
                    home: None,
                    mail_programs: None,
                    removed: false,
                    problem,
                });
                diff.added.push(label);
                continue;
            };
            kept.insert(id);
            // Equal addresses may be written in different case.
            let same = entry.persona == *persona
                && entry.persona.email.as_str() == persona.email.as_str()
                && entry.problem == problem
                && !entry.removed;
            if same {
                diff.unchanged += 1;
                continue;
            }
            if entry.removed {
                diff.added.push(label);
            } else {
                diff.changed.push(label);
            }
            entry.persona = persona.clone();
            entry.schedule = schedule;
            entry.problem = problem;
            entry.removed = false;
        }
        for (id, entry) in (1_i64..).zip(&mut self.personas) {
            if entry.list == list && !entry.removed && !kept.contains(&id) {
                entry.removed = true;
                diff.removed
                    .push(format!("persona {}", entry.persona.email.as_str()));
            }
        }
    }

    fn schedule_id(&mut self, persona: &Persona) -> ScheduleId {
        let schedule = persona.schedule();
        let known = numbered(&self.schedules)
            .find(|(_, held)| **held == schedule)
            .map(|(id, _)| id);
        ScheduleId(known.unwrap_or_else(|| {
            self.schedules.push(schedule);
            next_id(&self.schedules) - 1
        }))
    }

    fn apply_decky(&mut self, spec: &DeckySpec, diff: &mut WorldDiff) -> Result<(), WorldError> {
        let decky = &spec.decky;
        let list = match &spec.topology {
            None => POOL,
            Some(topology) => {
                self.known_topology(topology)
                    .ok_or_else(|| WorldError::UnknownTopology {
                        decky: decky.name.clone(),
                        topology: topology.clone(),
                    })?
            }
        };
        let known: Vec<DeckyId> = numbered(&self.deckies)
            .filter(|(_, entry)| entry.decky.name == decky.name || entry.decky.uuid == decky.uuid)
            .map(|(id, _)| DeckyId(id))
            .collect();
        let label = format!("decky {}", decky.name);
        if known.len() > 1 {
            // The name of one and the uuid of another.
            return Err(WorldError::Duplicate {
                what: "deckies",
                name: decky.name.clone(),
            });
        }
        let Some(&id) = known.first() else {
            self.deckies.push(DeckyEntry {
                decky: Arc::new(decky.clone()),
                list,
                running: spec.running,
                removed: false,
                refused: None,
                last_change: None,
            });
            diff.added.push(label);
            return Ok(());
        };
        let Some(entry) = at_mut(&mut self.deckies, id.0) else {
            return Ok(());
        };
        let same = *entry.decky == *decky
            && entry.list == list
            && entry.running == spec.running
            && !entry.removed;
        if same {
            diff.unchanged += 1;
            return Ok(());
        }
        if entry.removed {
            diff.added.push(label);
        } else {
            diff.changed.push(label);
        }
        entry.decky = Arc::new(decky.clone());
        entry.list = list;
        entry.running = spec.running;
        entry.removed = false;
        if adopts(decky) {
            for ((on, _), mailbox) in &mut self.mailboxes {
                if *on == id && mailbox.origin == MailboxOrigin::Foreign {
                    mailbox.origin = MailboxOrigin::Adopted;
                }
            }
        }
        // Mailboxes of the list it served so far are out of reach for that list.
        self.move_out(id, |entry| entry.list != list);
        Ok(())
    }

    /// Takes a decky out of the world. Personas who lived there look for another home; their mail
    /// stays where it is.
    fn remove_decky(&mut self, id: DeckyId) {
        if let Some(entry) = at_mut(&mut self.deckies, id.0) {
            entry.removed = true;
        }
        self.move_out(id, |_| true);
    }

    fn move_out(&mut self, decky: DeckyId, who: impl Fn(&PersonaEntry) -> bool) {
        for entry in &mut self.personas {
            let lives_there = entry.home.as_ref().is_some_and(|home| home.decky == decky);
            if lives_there && who(entry) {
                entry.home = None;
            }
        }
    }

    /// Looks again at which personas are in a domain that is not declared.
    fn reconsider_problems(&mut self) {
        let declared: Vec<String> = self.domains.iter().cloned().collect();
        for entry in &mut self.personas {
            let list_name = list_name(&self.lists, entry.list);
            entry.problem =
                undeclared(&list_name, &entry.persona, &declared).map(|error| error.to_string());
        }
    }

    fn known_topology(&self, name: &str) -> Option<PersonaListId> {
        numbered(&self.lists)
            .find(|(_, list)| list.topology.as_deref() == Some(name) && !list.removed)
            .map(|(id, _)| PersonaListId(id))
    }

    fn persona_views(&self, list: PersonaListId) -> Vec<PersonaView> {
        self.personas
            .iter()
            .filter(|entry| entry.list == list && !entry.removed)
            .map(|entry| PersonaView {
                persona: entry.persona.clone(),
                mailbox_on: entry
                    .home
                    .as_ref()
                    .and_then(|home| at(&self.deckies, home.decky.0))
                    .map(|entry| entry.decky.name.clone()),
                login: entry.home.as_ref().map(|home| home.login.clone()),
                available: self.is_available(entry),
                problem: entry.problem.clone(),
            })
            .collect()
    }

    fn decky_view(&self, id: DeckyId, entry: &DeckyEntry) -> DeckyView {
        DeckyView {
            decky: (*entry.decky).clone(),
            topology: at(&self.lists, entry.list.0).and_then(|list| list.topology.clone()),
            running: entry.running,
            messages: self.messages_on(id),
            refusing: entry
                .refused
                .and_then(|mail| self.mails.get(&mail)?.error.clone()),
            foreign_mailboxes: self
                .mailboxes
                .iter()
                .filter(|((on, _), mailbox)| *on == id && mailbox.origin == MailboxOrigin::Foreign)
                .map(|((_, login), _)| login.clone())
                .collect(),
        }
    }
}

fn adopts(decky: &Decky) -> bool {
    match &decky.transport {
        Transport::Local(folders) => folders.adopt,
    }
}

fn list_name(lists: &[PersonaList], list: PersonaListId) -> String {
    at(lists, list.0)
        .and_then(|entry| entry.topology.as_ref())
        .map_or_else(|| "the pool".to_owned(), |name| format!("topology {name}"))
}
