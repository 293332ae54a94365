//! What writers learn: names from canons, and memories.

use decnet_emailgen::correspondence::{MAIL_COPIED, memory_cause};
use decnet_emailgen::knowledge_ledger::{KnowledgeLedger, RecallCue};
use decnet_emailgen::ledger::{LedgerError, PlannedMail, PlannedName};
use decnet_memory::canon::{self, CanonKey, tidy_name};
use decnet_memory::entities::{Entity, extract};
use decnet_memory::memory::{Kind, Pin};
use decnet_memory::recall::{Candidate, Cue, Reach, recall};
use decnet_realism::canon::CanonKind;
use decnet_realism::knowledge::{Part, Recollection};
use rusqlite::{Connection, Transaction};

use crate::error::{Failed, corrupt, ledger_error};
use crate::memory::{canons, looks};
use crate::open::Store;

/// How a memory says what it is about.
const TOPIC: &str = "topic";

impl KnowledgeLedger for Store {
    fn canon_names(
        &mut self,
        company: &str,
        wanted: &[(CanonKind, &str)],
    ) -> Result<Vec<Option<String>>, LedgerError> {
        let snapshot = self.connection.transaction().map_err(ledger_error)?;
        let name = |(kind, role): &(CanonKind, &str)| name_of(&snapshot, company, *kind, role);
        wanted.iter().map(name).collect()
    }

    fn is_canon_name_taken(
        &mut self,
        company: &str,
        kind: CanonKind,
        name: &str,
    ) -> Result<bool, LedgerError> {
        let is_taken = canons::is_taken(&self.connection, company, kind_of(kind), name)
            .map_err(|Failed(error)| error)?;
        Ok(is_taken || kind == CanonKind::Person && is_persona(&self.connection, company, name)?)
    }

    fn recollections(&mut self, cue: &RecallCue<'_>) -> Result<Vec<Recollection>, LedgerError> {
        let snapshot = self.connection.transaction().map_err(ledger_error)?;
        remembered(&snapshot, cue).map_err(|Failed(error)| error)
    }
}

/// Whether a persona of a company has this first name.
fn is_persona(connection: &Connection, company: &str, name: &str) -> Result<bool, LedgerError> {
    // The expressions of its index, persona_first_name.
    connection
        .prepare_cached(
            "SELECT EXISTS (
                 SELECT 1 FROM persona
                 WHERE lower(substr(email, instr(email, '@') + 1)) = ?1
                     AND lower(substr(definition ->> '$.name', 1,
                                      instr((definition ->> '$.name') || ' ', ' ') - 1)) = lower(?2))",
        )
        .and_then(|mut statement| statement.query_row([company, name], |row| row.get(0)))
        .map_err(ledger_error)
}

fn remembered(connection: &Connection, cue: &RecallCue<'_>) -> Result<Vec<Recollection>, Failed> {
    let mut entities = vec![Entity::from(format!("{TOPIC}:{}", cue.topic))];
    let names = cue.names.iter().filter(|name| is_telling(name.kind));
    entities.extend(names.map(|name| Entity::name(&name.name)));
    for entity in extract(cue.text, &[], cue.now) {
        if !entities.contains(&entity) {
            entities.push(entity);
        }
    }
    let thread = cue.thread.map(|thread| format!("thread:{}", thread.0));
    let cue_of_memory = Cue {
        owner: cue.owner.to_owned(),
        other: Some(cue.other.to_owned()),
        thread,
        entities,
        now: cue.now,
    };
    let mut candidates = looks::candidates(connection, &cue_of_memory, &Reach::default())?;
    if let Some(parent) = cue.parent {
        let cause = memory_cause(parent, cue.owner);
        candidates.retain(|candidate| candidate.cause != cause);
    }
    let recalled = recall(&candidates, &cue_of_memory, cue.tokens);
    let recollections = recalled.iter().filter_map(|recalled| {
        let mut candidates = candidates.iter();
        candidates
            .find(|candidate| candidate.memory == recalled.memory)
            .map(recollection)
    });
    Ok(recollections.collect())
}

/// Whether two mails that name the same have something to do with each other. Machines and colleagues
/// come up everywhere, and an amount of a matter in each mail of it.
fn is_telling(kind: CanonKind) -> bool {
    matches!(
        kind,
        CanonKind::Project | CanonKind::Vendor | CanonKind::Customer
    )
}

fn recollection(candidate: &Candidate) -> Recollection {
    let topic = candidate
        .entities
        .iter()
        .find(|entity| entity.kind() == TOPIC);
    Recollection {
        memory: candidate.memory.0,
        happened_at: candidate.happened_at,
        other: candidate.other.clone(),
        part: match &candidate.kind {
            Kind::MailSent => Part::Author,
            Kind::Other(kind) if kind == MAIL_COPIED => Part::Copied,
            Kind::MailReceived | Kind::Other(_) => Part::Reader,
        },
        topic: topic.map(|topic| topic.value().to_owned()),
        text: candidate.text.clone(),
        is_pinned: candidate.pin != Pin::None,
    }
}

/// Whether these names can be kept: nothing of them is called otherwise by now.
pub(super) fn agrees_on(
    transaction: &Transaction<'_>,
    names: &[PlannedName],
) -> Result<bool, LedgerError> {
    for planned in names {
        let name = &planned.name;
        let held = name_of(transaction, &planned.company, name.kind, &name.role)?;
        if held.is_some_and(|held| tidy_name(&name.name) != Ok(held)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Keeps the names that a plan makes.
pub(super) fn keep_names(
    transaction: &Transaction<'_>,
    plan: &PlannedMail,
) -> Result<(), LedgerError> {
    for PlannedName { company, name } in &plan.names {
        let key = CanonKey {
            kind: kind_of(name.kind),
            role: name.role.clone(),
        };
        let at = plan.sent_at.to_utc();
        canons::keep(transaction, company, &key, &name.name, at)
            .map_err(|Failed(error)| error)?
            .map_err(|error| corrupt(error.to_string()))?;
    }
    Ok(())
}

fn name_of(
    connection: &Connection,
    company: &str,
    kind: CanonKind,
    role: &str,
) -> Result<Option<String>, LedgerError> {
    canons::name_of(connection, company, kind_of(kind), role).map_err(|Failed(error)| error)
}

fn kind_of(kind: CanonKind) -> canon::CanonKind {
    match kind {
        CanonKind::Person => canon::CanonKind::Person,
        CanonKind::Project => canon::CanonKind::Project,
        CanonKind::Vendor => canon::CanonKind::Vendor,
        CanonKind::Customer => canon::CanonKind::Customer,
        CanonKind::Amount => canon::CanonKind::Amount,
        CanonKind::Host => canon::CanonKind::Host,
    }
}
