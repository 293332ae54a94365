//! Personas and deckies as rows.

use std::sync::Arc;

use chrono::{DateTime, FixedOffset, Utc};
use decnet_activity_driver::decky::{Decky, DeckySource};
use decnet_emailgen::ledger::{
    Correspondent, DeckyId, Home, LedgerError, PersonaId, PersonaListId,
};
use decnet_realism::persona::Persona;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::{corrupt, ledger_error};

/// Columns that [`decky`] reads.
pub(crate) const DECKY_COLUMNS: &str = "uuid, name, source, services, transport";

/// Reads a decky from [`DECKY_COLUMNS`], which start at column `at`.
pub(crate) fn decky(row: &Row<'_>, at: usize) -> rusqlite::Result<RawDecky> {
    Ok(RawDecky {
        uuid: row.get(at)?,
        name: row.get(at + 1)?,
        source: row.get(at + 2)?,
        services: row.get(at + 3)?,
        transport: row.get(at + 4)?,
    })
}

/// A decky as its row has it.
pub(crate) struct RawDecky {
    uuid: String,
    name: String,
    source: String,
    services: String,
    transport: String,
}

impl RawDecky {
    pub(crate) fn parse(self) -> Result<Decky, LedgerError> {
        let source = match self.source.as_str() {
            "topology" => DeckySource::Topology,
            "fleet" => DeckySource::Fleet,
            "shard" => DeckySource::Shard,
            other => return Err(corrupt(format!("decky {}: source {other:?}", self.name))),
        };
        let wrong = |what: &str, error: serde_json::Error| {
            corrupt(format!("decky {}: {what}: {error}", self.name))
        };
        let services =
            serde_json::from_str(&self.services).map_err(|error| wrong("services", error))?;
        let transport =
            serde_json::from_str(&self.transport).map_err(|error| wrong("transport", error))?;
        Ok(Decky {
            uuid: self.uuid,
            name: self.name,
            source,
            services,
            transport,
        })
    }
}

/// A persona as the operator described it, from its stored definition.
pub(crate) fn persona(id: i64, definition: &str) -> Result<Persona, LedgerError> {
    let value: serde_json::Value = serde_json::from_str(definition)
        .map_err(|error| corrupt(format!("persona {id}: {error}")))?;
    Persona::from_json(&value).map_err(|error| corrupt(format!("persona {id}: {error}")))
}

/// One persona with home and language resolved.
pub(crate) fn correspondent(
    connection: &Connection,
    id: PersonaId,
) -> Result<Option<Correspondent>, LedgerError> {
    type Found = (
        i64,
        String,
        String,
        Option<String>,
        Option<i64>,
        Option<RawDecky>,
        Option<String>,
    );
    let found: Option<Found> = connection
        .prepare_cached(
            "SELECT p.list_id, p.definition, l.language_default, p.login, d.id,
                    d.uuid, d.name, d.source, d.services, d.transport, p.mail_programs
             FROM persona p
             JOIN persona_list l ON l.id = p.list_id
             LEFT JOIN decky d ON d.id = p.home_id
             WHERE p.id = ?1",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![id.0], |row| {
                    let decky_id: Option<i64> = row.get(4)?;
                    let home = match decky_id {
                        Some(_) => Some(decky(row, 5)?),
                        None => None,
                    };
                    Ok((
                        row.get(0)?,
                        row.get(1)?,
                        row.get(2)?,
                        row.get(3)?,
                        decky_id,
                        home,
                        row.get(10)?,
                    ))
                })
                .optional()
        })
        .map_err(ledger_error)?;
    let Some((list, definition, language_default, login, decky_id, home, programs)) = found else {
        return Ok(None);
    };
    let mut persona = persona(id.0, &definition)?;
    if persona.language.is_none() {
        persona.language = Some(language_default);
    }
    let home = match (decky_id, home, login) {
        (Some(decky_id), Some(decky), Some(login)) => Some(Home {
            decky_id: DeckyId(decky_id),
            decky: Arc::new(decky.parse()?),
            login,
        }),
        _ => None,
    };
    Ok(Some(Correspondent {
        id,
        list: PersonaListId(list),
        persona: Arc::new(persona),
        home,
        mail_programs: programs
            .map(|json| serde_json::from_str(&json))
            .transpose()
            .map_err(|error| corrupt(format!("persona {}: mail programs: {error}", id.0)))?,
    }))
}

/// One decky by its row id.
pub(crate) fn decky_by_id(
    connection: &Connection,
    id: i64,
) -> Result<Option<Arc<Decky>>, LedgerError> {
    let found = connection
        .prepare_cached(&format!("SELECT {DECKY_COLUMNS} FROM decky WHERE id = ?1"))
        .and_then(|mut statement| {
            statement
                .query_row(params![id], |row| decky(row, 0))
                .optional()
        })
        .map_err(ledger_error)?;
    found.map(|raw| raw.parse().map(Arc::new)).transpose()
}

/// Microseconds since 1970 as a moment.
pub(crate) fn moment(microseconds: i64) -> Result<DateTime<Utc>, LedgerError> {
    DateTime::from_timestamp_micros(microseconds)
        .ok_or_else(|| corrupt(format!("a time of {microseconds} microseconds")))
}

/// Microseconds since 1970 and an offset in seconds as a local moment.
pub(crate) fn local_moment(
    microseconds: i64,
    offset: i32,
) -> Result<DateTime<FixedOffset>, LedgerError> {
    let offset = FixedOffset::east_opt(offset)
        .ok_or_else(|| corrupt(format!("a zone offset of {offset} seconds")))?;
    Ok(moment(microseconds)?.with_timezone(&offset))
}
