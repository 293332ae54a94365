//! Who is there, and who is available.

use std::sync::Arc;

use decnet_activity_driver::decky::Decky;

use super::{DeckyEntry, MemoryLedger, PersonaEntry, State, at, numbered, unknown};
use crate::ledger::{
    Correspondent, DeckyId, Home, HomeChoice, LedgerError, MailboxOrigin, PersonaId, PersonaListId,
    ScheduleId,
};

impl MemoryLedger {
    pub(super) fn persona_entry(&self, id: PersonaId) -> Result<&PersonaEntry, LedgerError> {
        at(&self.personas, id.0).ok_or_else(|| unknown("persona", id.0))
    }

    pub(super) fn decky_entry(&self, id: DeckyId) -> Result<&DeckyEntry, LedgerError> {
        at(&self.deckies, id.0).ok_or_else(|| unknown("decky", id.0))
    }

    /// Whether a decky can take a new mailbox: it is up, serves mail and refuses nothing.
    pub(super) fn takes_mail(&self, decky: DeckyId) -> bool {
        at(&self.deckies, decky.0).is_some_and(|entry| {
            entry.running && entry.decky.serves_mail() && entry.refused.is_none() && !entry.removed
        })
    }

    /// Deckies of a list that can take a new mailbox.
    pub(super) fn homes_of(&self, list: PersonaListId) -> Vec<DeckyId> {
        numbered(&self.deckies)
            .map(|(id, entry)| (DeckyId(id), entry))
            .filter(|(id, entry)| entry.list == list && self.takes_mail(*id))
            .map(|(id, _)| id)
            .collect()
    }

    /// The decky of that name, if personas of `list` can have a new mailbox there.
    pub(super) fn home_called(&self, list: PersonaListId, name: &str) -> Option<DeckyId> {
        self.homes_of(list)
            .into_iter()
            .find(|id| at(&self.deckies, id.0).is_some_and(|entry| entry.decky.name == name))
    }

    /// Whether mail can be delivered to a persona.
    pub(super) fn is_available(&self, entry: &PersonaEntry) -> bool {
        let list_removed = at(&self.lists, entry.list.0).is_none_or(|list| list.removed);
        if entry.removed || entry.problem.is_some() || list_removed {
            return false;
        }
        match (&entry.home, &entry.persona.home) {
            (Some(home), _) => self.takes_mail(home.decky) && !self.is_foreign(home),
            (None, Some(name)) => self.home_called(entry.list, name).is_some(),
            (None, None) => !self.homes_of(entry.list).is_empty(),
        }
    }

    pub(super) fn available(&self, id: PersonaId) -> bool {
        at(&self.personas, id.0).is_some_and(|entry| self.is_available(entry))
    }

    /// Available personas of every list.
    pub(super) fn available_people(&self) -> Vec<(PersonaId, PersonaListId, ScheduleId)> {
        numbered(&self.personas)
            .filter(|(_, entry)| self.is_available(entry))
            .map(|(id, entry)| (PersonaId(id), entry.list, entry.schedule))
            .collect()
    }

    /// A persona with home and language resolved.
    pub(super) fn correspondent(&self, id: PersonaId) -> Result<Correspondent, LedgerError> {
        let entry = self.persona_entry(id)?;
        let list = at(&self.lists, entry.list.0).ok_or_else(|| unknown("list", entry.list.0))?;
        let mut persona = entry.persona.clone();
        if persona.language.is_none() {
            persona.language = Some(list.language_default.clone());
        }
        let home = entry
            .home
            .as_ref()
            .map(|home| self.resolve(home))
            .transpose()?;
        Ok(Correspondent {
            id,
            list: entry.list,
            persona: Arc::new(persona),
            home,
            mail_programs: entry.mail_programs.clone(),
        })
    }

    pub(super) fn resolve(&self, home: &HomeChoice) -> Result<Home, LedgerError> {
        Ok(Home {
            decky_id: home.decky,
            decky: self.decky(home.decky)?,
            login: home.login.clone(),
        })
    }

    pub(super) fn decky(&self, id: DeckyId) -> Result<Arc<Decky>, LedgerError> {
        Ok(self.decky_entry(id)?.decky.clone())
    }

    /// Messages of delivered mails on a decky.
    pub(super) fn messages_on(&self, decky: DeckyId) -> u64 {
        self.mails
            .values()
            .filter(|mail| mail.state == State::Delivered && !mail.is_replaced)
            .map(|mail| mail.ends_on(decky))
            .sum()
    }

    fn is_foreign(&self, home: &HomeChoice) -> bool {
        self.mailboxes
            .get(&(home.decky, home.login.clone()))
            .is_some_and(|mailbox| mailbox.origin == MailboxOrigin::Foreign)
    }
}
