//! Canons.

use chrono::{DateTime, Utc};
use decnet_memory::canon::{
    CanonDraft, CanonEntry, CanonError, CanonId, CanonKey, CanonKind, CanonLedger, MOST_TRIES,
    company_key, name_key, tidy_details, tidy_name,
};
use decnet_memory::ledger::MemoryLedgerError;
use decnet_memory::memory::check_key;
use rusqlite::{Connection, Params, Transaction, params};

use super::ByTheCanon;
use super::looks::first;
use crate::error::{Failed, corrupt};
use crate::open::Store;
use crate::people::moment;

/// The columns that an entry is read from, in the order of [`read`].
macro_rules! entries {
    ($rest:literal) => {
        concat!(
            "SELECT id, company, kind, role, name, details, made_at FROM canon ",
            $rest
        )
    };
}

impl CanonLedger for Store {
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
        // Nearly always it is there, and then nobody has to wait for the write lock.
        let known = self.look_back(|snapshot| of_key(snapshot, &company, key))?;
        if let Some(known) = known {
            return Ok(known);
        }
        let made: Result<CanonEntry, CanonError> =
            self.change::<_, MemoryLedgerError>(|transaction| {
                make_entry(transaction, &company, key, make, at)
            })?;
        Ok(made?)
    }

    fn canon_named(
        &mut self,
        company: &str,
        kind: CanonKind,
        name: &str,
    ) -> Result<Option<CanonEntry>, MemoryLedgerError> {
        let company = company_key(company);
        self.look_back(|snapshot| match named(snapshot, &company, kind, name)? {
            Some(id) => one(snapshot, id),
            None => Ok(None),
        })
    }

    fn canon_rename(&mut self, id: CanonId, name: &str) -> Result<CanonEntry, MemoryLedgerError> {
        let name = tidy_name(name)?;
        let renamed: Result<CanonEntry, CanonError> =
            self.change::<_, MemoryLedgerError>(|transaction| rename(transaction, id, &name))?;
        Ok(renamed?)
    }

    fn canon_describe(
        &mut self,
        id: CanonId,
        details: &str,
    ) -> Result<CanonEntry, MemoryLedgerError> {
        let described = self.change::<_, MemoryLedgerError>(|transaction| {
            transaction
                .prepare_cached("UPDATE canon SET details = ?2 WHERE id = ?1")?
                .execute(params![id.0, tidy_details(details)])?;
            one(transaction, id)
        })?;
        Ok(described.ok_or(CanonError::Unknown { id })?)
    }

    fn canon_list(
        &mut self,
        company: Option<&str>,
        kind: Option<CanonKind>,
    ) -> Result<Vec<CanonEntry>, MemoryLedgerError> {
        let (company, kind) = (company.map(company_key), kind.map(CanonKind::name));
        self.look_back(|snapshot| {
            let sql = entries!(
                "WHERE (?1 IS NULL OR company = ?1) AND (?2 IS NULL OR kind = ?2) ORDER BY id"
            );
            read(snapshot, sql, params![company, kind])
        })
    }
}

fn make_entry(
    transaction: &Transaction<'_>,
    company: &str,
    key: &CanonKey,
    make: &mut dyn FnMut(u32) -> CanonDraft,
    at: DateTime<Utc>,
) -> ByTheCanon<CanonEntry> {
    // Somebody else may have been faster.
    if let Some(known) = of_key(transaction, company, key)? {
        return Ok(Ok(known));
    }
    for tried in 0..MOST_TRIES {
        let draft = make(tried);
        let name = match tidy_name(&draft.name) {
            Ok(name) => name,
            Err(error) => return Ok(Err(error)),
        };
        if key.kind.has_unique_names() && named(transaction, company, key.kind, &name)?.is_some() {
            continue;
        }
        let id = insert(transaction, company, key, &name, &draft.details, at)?;
        let made = one(transaction, id)?;
        let made = made.ok_or_else(|| corrupt(format!("entry {} of a canon is lost", id.0)))?;
        return Ok(Ok(made));
    }
    Ok(Err(CanonError::NoFreeName {
        key: key.to_string(),
    }))
}

/// What this is called in a company.
pub(crate) fn name_of(
    connection: &Connection,
    company: &str,
    kind: CanonKind,
    role: &str,
) -> Result<Option<String>, Failed> {
    first(
        connection,
        "SELECT name FROM canon WHERE company = ?1 AND kind = ?2 AND role = ?3",
        params![company, kind.name(), role],
    )
}

/// Whether something in a company has or had this name.
pub(crate) fn is_taken(
    connection: &Connection,
    company: &str,
    kind: CanonKind,
    name: &str,
) -> Result<bool, Failed> {
    Ok(named(connection, company, kind, name)?.is_some())
}

/// Keeps a name that somebody made, unless there is one. Others of its kind may have the same.
///
/// # Errors
///
/// [`CanonError`] for what cannot be a key or a name.
pub(crate) fn keep(
    transaction: &Transaction<'_>,
    company: &str,
    key: &CanonKey,
    name: &str,
    at: DateTime<Utc>,
) -> ByTheCanon<()> {
    let name = match key.check().and_then(|()| tidy_name(name)) {
        Ok(name) => name,
        Err(error) => return Ok(Err(error)),
    };
    if name_of(transaction, company, key.kind, &key.role)?.is_none() {
        insert(transaction, company, key, &name, "", at)?;
    }
    Ok(Ok(()))
}

/// Makes an entry.
fn insert(
    transaction: &Transaction<'_>,
    company: &str,
    key: &CanonKey,
    name: &str,
    details: &str,
    at: DateTime<Utc>,
) -> Result<CanonId, Failed> {
    transaction
        .prepare_cached(
            "INSERT INTO canon (company, kind, role, name, details, made_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            company,
            key.kind.name(),
            key.role,
            name,
            tidy_details(details),
            at.timestamp_micros(),
        ])?;
    let id = CanonId(transaction.last_insert_rowid());
    set_name(transaction, company, key.kind, id, name)?;
    Ok(id)
}

fn rename(transaction: &Transaction<'_>, id: CanonId, name: &str) -> ByTheCanon<CanonEntry> {
    let Some(entry) = one(transaction, id)? else {
        return Ok(Err(CanonError::Unknown { id }));
    };
    let namesake = named(transaction, &entry.company, entry.kind, name)?;
    if let Some(by) = namesake
        && by != id
        && entry.kind.has_unique_names()
    {
        let name = name.to_owned();
        return Ok(Err(CanonError::Taken { name, by }));
    }
    let place: i64 = transaction
        .prepare_cached("SELECT coalesce(max(place), 0) + 1 FROM canon_name WHERE canon = ?1")?
        .query_row([id.0], |row| row.get(0))?;
    transaction
        .prepare_cached(
            "UPDATE canon_name SET alias = ?2, place = ?3 WHERE canon = ?1 AND alias IS NULL",
        )?
        .execute(params![id.0, entry.name, place])?;
    transaction
        .prepare_cached("UPDATE canon SET name = ?2 WHERE id = ?1")?
        .execute(params![id.0, name])?;
    set_name(transaction, &entry.company, entry.kind, id, name)?;
    let renamed = one(transaction, id)?;
    Ok(renamed.ok_or(CanonError::Unknown { id }))
}

/// Notes that an entry is called so, whatever it was called by the same key before.
fn set_name(
    transaction: &Transaction<'_>,
    company: &str,
    kind: CanonKind,
    id: CanonId,
    name: &str,
) -> Result<(), Failed> {
    transaction
        .prepare_cached(
            "INSERT INTO canon_name (company, kind, key, canon) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET alias = NULL, place = NULL",
        )?
        .execute(params![company, kind.name(), name_key(name), id.0])?;
    Ok(())
}

/// The first entry that has or had this name.
fn named(
    connection: &Connection,
    company: &str,
    kind: CanonKind,
    name: &str,
) -> Result<Option<CanonId>, Failed> {
    let id: Option<i64> = first(
        connection,
        "SELECT canon FROM canon_name WHERE company = ?1 AND kind = ?2 AND key = ?3
         ORDER BY canon LIMIT 1",
        params![company, kind.name(), name_key(name)],
    )?;
    Ok(id.map(CanonId))
}

fn of_key(
    connection: &Connection,
    company: &str,
    key: &CanonKey,
) -> Result<Option<CanonEntry>, Failed> {
    let sql = entries!("WHERE company = ?1 AND kind = ?2 AND role = ?3");
    let params = params![company, key.kind.name(), key.role];
    Ok(read(connection, sql, params)?.pop())
}

fn one(connection: &Connection, id: CanonId) -> Result<Option<CanonEntry>, Failed> {
    Ok(read(connection, entries!("WHERE id = ?1"), [id.0])?.pop())
}

fn read(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<Vec<CanonEntry>, Failed> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let kind = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        let kind = CanonKind::ALL.into_iter().find(|of| of.name() == kind);
        entries.push(CanonEntry {
            id: CanonId(id),
            company: row.get(1)?,
            kind: kind.ok_or_else(|| corrupt(format!("the kind of entry {id} of a canon")))?,
            role: row.get(3)?,
            name: row.get(4)?,
            details: row.get(5)?,
            aliases: aliases(connection, id)?,
            made_at: moment(row.get(6)?)?,
        });
    }
    Ok(entries)
}

fn aliases(connection: &Connection, id: i64) -> Result<Vec<String>, Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT alias FROM canon_name WHERE canon = ?1 AND place IS NOT NULL ORDER BY place",
    )?;
    let rows = statement.query_map([id], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
