//! Keeps the derived rows from which a tick draws: which deckies can take a new mailbox, which
//! personas can be written to, and who can start a thread.
//!
//! Numbering rows without gaps makes a draw one look-up by number, whatever the size of the world.

use std::collections::{BTreeMap, BTreeSet};

use decnet_emailgen::ledger::LedgerError;
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::ledger_error;

/// Brings everything derived from one decky up to date.
pub(crate) fn refresh_decky(connection: &Connection, decky: i64) -> Result<(), LedgerError> {
    if let Some(list) = refresh_home_slot(connection, decky).map_err(ledger_error)? {
        refresh_list(connection, list)?;
    }
    Ok(())
}

/// Brings the home slot of one decky up to date and answers its list.
pub(crate) fn refresh_home_slot(
    connection: &Connection,
    decky: i64,
) -> rusqlite::Result<Option<i64>> {
    let Some((list, wanted)) = connection
        .prepare_cached(
            "SELECT list_id, running AND serves_mail AND refused IS NULL AND NOT removed
             FROM decky WHERE id = ?1",
        )?
        .query_row(params![decky], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, bool>(1)?))
        })
        .optional()?
    else {
        return Ok(None);
    };
    let held = connection
        .prepare_cached("SELECT list_id, position FROM home_slot WHERE decky_id = ?1")?
        .query_row(params![decky], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })
        .optional()?;
    match held {
        Some((held_list, position)) if !wanted || held_list != list => {
            remove_home_slot(connection, held_list, position)?;
            if wanted {
                add_home_slot(connection, list, decky)?;
            }
        }
        None if wanted => add_home_slot(connection, list, decky)?,
        _ => {}
    }
    Ok(Some(list))
}

fn add_home_slot(connection: &Connection, list: i64, decky: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO home_slot (list_id, position, decky_id)
             SELECT id, home_slots, ?2 FROM persona_list WHERE id = ?1",
        )?
        .execute(params![list, decky])?;
    connection
        .prepare_cached("UPDATE persona_list SET home_slots = home_slots + 1 WHERE id = ?1")?
        .execute(params![list])?;
    Ok(())
}

fn remove_home_slot(connection: &Connection, list: i64, position: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE persona_list SET home_slots = home_slots - 1 WHERE id = ?1")?
        .execute(params![list])?;
    connection
        .prepare_cached("DELETE FROM home_slot WHERE list_id = ?1 AND position = ?2")?
        .execute(params![list, position])?;
    // The last one moves into the gap.
    connection
        .prepare_cached(
            "UPDATE home_slot SET position = ?2
             WHERE list_id = ?1
               AND position = (SELECT home_slots FROM persona_list WHERE id = ?1)
               AND position <> ?2",
        )?
        .execute(params![list, position])?;
    Ok(())
}

/// Brings availability, sender slots and blocked answers of one list up to date.
pub(crate) fn refresh_list(connection: &Connection, list: i64) -> Result<(), LedgerError> {
    refresh_list_rows(connection, list).map_err(ledger_error)
}

fn refresh_list_rows(connection: &Connection, list: i64) -> rusqlite::Result<()> {
    let personas: Vec<(i64, i64, bool, bool)> = connection
        .prepare_cached(
            "SELECT p.id, p.schedule_id, p.available,
                    p.removed = 0 AND p.problem IS NULL AND l.removed = 0 AND CASE
                        WHEN p.home_id IS NOT NULL THEN
                            EXISTS (SELECT 1 FROM home_slot h WHERE h.decky_id = p.home_id)
                            AND NOT EXISTS (
                                SELECT 1 FROM mailbox m
                                WHERE m.decky_id = p.home_id AND m.login = p.login
                                  AND m.origin = 'foreign')
                        WHEN p.definition ->> '$.home' IS NOT NULL THEN
                            EXISTS (
                                SELECT 1 FROM decky d JOIN home_slot h ON h.decky_id = d.id
                                WHERE d.name = p.definition ->> '$.home'
                                  AND d.list_id = p.list_id)
                        ELSE l.home_slots > 0
                    END
             FROM persona p JOIN persona_list l ON l.id = p.list_id
             WHERE p.list_id = ?1
             ORDER BY p.id",
        )?
        .query_map(params![list], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Result<_, _>>()?;
    let mut per_schedule: BTreeMap<i64, u64> = BTreeMap::new();
    for (_, schedule, _, available) in &personas {
        if *available {
            *per_schedule.entry(*schedule).or_default() += 1;
        }
    }
    let mut changed = Vec::new();
    for (persona, schedule, was_available, available) in personas {
        if was_available != available {
            connection
                .prepare_cached("UPDATE persona SET available = ?2 WHERE id = ?1")?
                .execute(params![persona, available])?;
            changed.push(persona);
        }
        let mut wanted = BTreeSet::new();
        if available {
            for (peer, count) in &per_schedule {
                if *peer != schedule || *count > 1 {
                    wanted.insert((schedule, *peer));
                }
            }
        }
        let held: BTreeSet<(i64, i64)> = connection
            .prepare_cached(
                "SELECT sender_schedule, peer_schedule FROM sender_slot WHERE persona_id = ?1",
            )?
            .query_map(params![persona], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        for (sender, peer) in held.difference(&wanted) {
            remove_sender_slot(connection, *sender, *peer, persona)?;
        }
        for (sender, peer) in wanted.difference(&held) {
            add_sender_slot(connection, *sender, *peer, persona)?;
        }
    }
    for persona in changed {
        for column in ["answerer_id", "author_id"] {
            connection
                .prepare_cached(&format!(
                    "UPDATE answer SET blocked = (
                         SELECT min(p.available) = 0 FROM persona p
                         WHERE p.id IN (answer.answerer_id, answer.author_id))
                     WHERE {column} = ?1"
                ))?
                .execute(params![persona])?;
        }
    }
    Ok(())
}

fn add_sender_slot(
    connection: &Connection,
    sender: i64,
    peer: i64,
    persona: i64,
) -> rusqlite::Result<()> {
    let position: i64 = connection
        .prepare_cached(
            "INSERT INTO sender_class (sender_schedule, peer_schedule, size) VALUES (?1, ?2, 1)
             ON CONFLICT DO UPDATE SET size = size + 1
             RETURNING size - 1",
        )?
        .query_row(params![sender, peer], |row| row.get(0))?;
    connection
        .prepare_cached(
            "INSERT INTO sender_slot (sender_schedule, peer_schedule, position, persona_id)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![sender, peer, position, persona])?;
    Ok(())
}

fn remove_sender_slot(
    connection: &Connection,
    sender: i64,
    peer: i64,
    persona: i64,
) -> rusqlite::Result<()> {
    let position: i64 = connection
        .prepare_cached(
            "DELETE FROM sender_slot
             WHERE persona_id = ?3 AND sender_schedule = ?1 AND peer_schedule = ?2
             RETURNING position",
        )?
        .query_row(params![sender, peer, persona], |row| row.get(0))?;
    let last: i64 = connection
        .prepare_cached(
            "UPDATE sender_class SET size = size - 1
             WHERE sender_schedule = ?1 AND peer_schedule = ?2
             RETURNING size",
        )?
        .query_row(params![sender, peer], |row| row.get(0))?;
    if last == 0 {
        connection
            .prepare_cached(
                "DELETE FROM sender_class WHERE sender_schedule = ?1 AND peer_schedule = ?2",
            )?
            .execute(params![sender, peer])?;
    } else if position != last {
        // The last one moves into the gap.
        connection
            .prepare_cached(
                "UPDATE sender_slot SET position = ?3
                 WHERE sender_schedule = ?1 AND peer_schedule = ?2 AND position = ?4",
            )?
            .execute(params![sender, peer, position, last])?;
    }
    Ok(())
}
