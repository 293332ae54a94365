//! Canons in memory.

use chrono::{DateTime, Utc};

use super::InMemoryLedger;
use crate::canon::{
    CanonDraft, CanonEntry, CanonError, CanonId, CanonKey, CanonKind, CanonLedger, MOST_TRIES,
    company_key, name_key, tidy_details, tidy_name,
};
use crate::ledger::MemoryLedgerError;
use crate::memory::{check_key, whole_micros};

/// Every entry, in the order of ids.
#[derive(Debug, Default)]
pub(super) struct Canons(Vec<CanonEntry>);

impl Canons {
    fn named(&self, company: &str, kind: CanonKind, name: &str) -> Option<&CanonEntry> {
        let wanted = name_key(name);
        self.0.iter().find(|entry| {
            let mut names = std::iter::once(&entry.name).chain(&entry.aliases);
            entry.company == company
                && entry.kind == kind
                && names.any(|name| name_key(name) == wanted)
        })
    }

    fn get_mut(&mut self, id: CanonId) -> Result<&mut CanonEntry, CanonError> {
        let entry = self.0.iter_mut().find(|entry| entry.id == id);
        entry.ok_or(CanonError::Unknown { id })
    }
}

impl CanonLedger for InMemoryLedger {
    fn canon(
        &mut self,
        company: &str,
        key: &CanonKey,
        make: &mut dyn FnMut(u32) -> CanonDraft,
        at: DateTime<Utc>,
    ) -> Result<CanonEntry, MemoryLedgerError> {
        key.check()?;
        let company = company_key(company);
        check_key("company", &company)?;
        let mut entries = self.canons.0.iter();
        let known = entries.find(|entry| entry.company == company && entry.key() == *key);
        if let Some(known) = known {
            return Ok(known.clone());
        }
        for tried in 0..MOST_TRIES {
            let draft = make(tried);
            let name = tidy_name(&draft.name)?;
            if key.kind.has_unique_names() && self.canons.named(&company, key.kind, &name).is_some()
            {
                continue;
            }
            let last = self.canons.0.last().map_or(0, |entry| entry.id.0);
            let entry = CanonEntry {
                id: CanonId(last + 1),
                company,
                kind: key.kind,
                role: key.role.clone(),
                name,
                details: tidy_details(&draft.details),
                aliases: Vec::new(),
                made_at: whole_micros(at),
            };
            self.canons.0.push(entry.clone());
            return Ok(entry);
        }
        Err(CanonError::NoFreeName {
            key: key.to_string(),
        }
        .into())
    }

    fn canon_named(
        &mut self,
        company: &str,
        kind: CanonKind,
        name: &str,
    ) -> Result<Option<CanonEntry>, MemoryLedgerError> {
        let entry = self.canons.named(&company_key(company), kind, name);
        Ok(entry.cloned())
    }

    fn canon_rename(&mut self, id: CanonId, name: &str) -> Result<CanonEntry, MemoryLedgerError> {
        let name = tidy_name(name)?;
        let entry = self.canons.get_mut(id)?.clone();
        let namesake = self.canons.named(&entry.company, entry.kind, &name);
        if let Some(namesake) = namesake
            && namesake.id != id
            && entry.kind.has_unique_names()
        {
            return Err(CanonError::Taken {
                name,
                by: namesake.id,
            }
            .into());
        }
        let entry = self.canons.get_mut(id)?;
        let old = std::mem::replace(&mut entry.name, name);
        entry.aliases.push(old);
        // Neither the name itself nor another spelling of it.
        let now = name_key(&entry.name);
        entry.aliases.retain(|alias| name_key(alias) != now);
        Ok(entry.clone())
    }

    fn canon_describe(
        &mut self,
        id: CanonId,
        details: &str,
    ) -> Result<CanonEntry, MemoryLedgerError> {
        let entry = self.canons.get_mut(id)?;
        entry.details = tidy_details(details);
        Ok(entry.clone())
    }

    fn canon_list(
        &mut self,
        company: Option<&str>,
        kind: Option<CanonKind>,
    ) -> Result<Vec<CanonEntry>, MemoryLedgerError> {
        let company = company.map(company_key);
        let entries = self.canons.0.iter().filter(|entry| {
            company
                .as_ref()
                .is_none_or(|company| entry.company == *company)
                && kind.is_none_or(|kind| entry.kind == kind)
        });
        Ok(entries.cloned().collect())
    }
}
