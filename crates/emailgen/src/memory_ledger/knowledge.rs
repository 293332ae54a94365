//! What writers learn.

use decnet_realism::canon::CanonKind;
use decnet_realism::knowledge::Recollection;

use super::{MemoryLedger, PersonaEntry};
use crate::knowledge_ledger::{KnowledgeLedger, RecallCue};
use crate::ledger::{LedgerError, PlannedName};

/// Bytes of a token, about.
const BYTES_PER_TOKEN: usize = 4;

impl KnowledgeLedger for MemoryLedger {
    fn canon_names(
        &mut self,
        company: &str,
        wanted: &[(CanonKind, &str)],
    ) -> Result<Vec<Option<String>>, LedgerError> {
        let name = |(kind, role): &(CanonKind, &str)| {
            let key = (company.to_owned(), *kind, (*role).to_owned());
            self.names.get(&key).cloned()
        };
        Ok(wanted.iter().map(name).collect())
    }

    fn is_canon_name_taken(
        &mut self,
        company: &str,
        kind: CanonKind,
        name: &str,
    ) -> Result<bool, LedgerError> {
        let name = name.to_lowercase();
        let is_persona = |entry: &PersonaEntry| {
            let persona = &entry.persona;
            persona.email.domain().eq_ignore_ascii_case(company)
                && persona.first_name().to_lowercase() == name
        };
        let is_taken = self.names.iter().any(|((of, what, _), known)| {
            of == company && *what == kind && known.to_lowercase() == name
        });
        Ok(is_taken || kind == CanonKind::Person && self.personas.iter().any(is_persona))
    }

    fn recollections(&mut self, cue: &RecallCue<'_>) -> Result<Vec<Recollection>, LedgerError> {
        let mut left = cue.tokens;
        let held = self.recollections.get(cue.owner).into_iter().flatten();
        let mut remembered: Vec<&Recollection> =
            held.filter(|held| held.happened_at <= cue.now).collect();
        remembered.sort_by_key(|held| std::cmp::Reverse((held.is_pinned, held.happened_at)));
        let fits = |held: &&Recollection| {
            let tokens = held.text.len().div_ceil(BYTES_PER_TOKEN);
            let fits = tokens <= left;
            left -= if fits { tokens } else { 0 };
            fits
        };
        Ok(remembered.into_iter().filter(fits).cloned().collect())
    }
}

impl MemoryLedger {
    /// Whether these names can be kept: nothing of them is called otherwise by now.
    pub(super) fn agrees_on(&self, names: &[PlannedName]) -> bool {
        names.iter().all(|planned| {
            let held = self.names.get(&key(planned));
            held.is_none_or(|held| *held == planned.name.name)
        })
    }

    pub(super) fn keep_names(&mut self, names: &[PlannedName]) {
        for planned in names {
            self.names.insert(key(planned), planned.name.name.clone());
        }
    }
}

fn key(planned: &PlannedName) -> (String, CanonKind, String) {
    let name = &planned.name;
    (planned.company.clone(), name.kind, name.role.clone())
}
