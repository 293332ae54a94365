//! Targets with their history, what holds for all of them, and pauses.

use chrono::{DateTime, Utc};
use decnet_self_heal::action::IdempotencyKey;
use decnet_self_heal::attempt::{Beginning, Epoch, History, Known};
use decnet_self_heal::ledger::{Fleet, KnownTarget, Observations, TargetId, View};
use decnet_self_heal::log::Event;
use decnet_self_heal::policy::Episode;
use rusqlite::{Connection, Params, Row, Transaction, params};

use super::attempts::RawStatus;
use super::intake::target_id;
use super::{journal, points, some_moment};
use crate::error::{Failed, corrupt};
use crate::people::moment;
use crate::values::{at_most, ceil_micros, floor_micros};

/// The columns that a target is read from, in the order of [`read`].
macro_rules! targets {
    () => {
        "SELECT t.id, t.name, t.failures_in_a_row, t.paused_since, p.points
         FROM heal_target t LEFT JOIN heal_points p ON p.target_id = t.id "
    };
}

/// Targets after `after`, at most `limit`.
pub(super) fn page(
    connection: &Connection,
    after: TargetId,
    limit: usize,
    view: View,
) -> Result<Vec<KnownTarget>, Failed> {
    let sql = concat!(targets!(), "WHERE t.id > ?1 ORDER BY t.id LIMIT ?2");
    read(connection, sql, params![after.0, at_most(limit)], view)
}

pub(super) fn one(
    connection: &Connection,
    name: &str,
    view: View,
) -> Result<Option<KnownTarget>, Failed> {
    let sql = concat!(targets!(), "WHERE t.name = ?1");
    Ok(read(connection, sql, [name], view)?.pop())
}

/// Reads targets whose ids follow each other, in their order.
fn read(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    view: View,
) -> Result<Vec<KnownTarget>, Failed> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut targets = Vec::new();
    while let Some(row) = rows.next()? {
        let packed = row.get_ref(4)?.as_blob_or_null();
        let packed = packed.map_err(rusqlite::Error::from)?.unwrap_or_default();
        targets.push(KnownTarget {
            id: TargetId(row.get(0)?),
            name: row.get(1)?,
            points: points::read(packed, view.points_from)?,
            history: History {
                failures_in_a_row: row.get(2)?,
                ..History::default()
            },
            episodes: Vec::new(),
            paused_since: some_moment(row.get(3)?)?,
        });
    }
    let (Some(first), Some(last)) = (targets.first(), targets.last()) else {
        return Ok(targets);
    };
    let ids = (first.id.0, last.id.0);
    add_episodes(connection, &mut targets, ids)?;
    add_attempts(connection, &mut targets, ids)?;
    for target in &mut targets {
        // Where nothing began last, nothing ever began.
        if !target.history.attempts.is_empty() {
            target.history.beginnings = beginnings(connection, target.id.0, view.beginnings_from)?;
        }
    }
    Ok(targets)
}

fn add_episodes(
    connection: &Connection,
    targets: &mut [KnownTarget],
    (first, last): (i64, i64),
) -> Result<(), Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT target_id, policy, number, is_stale, since FROM heal_episode
         WHERE target_id BETWEEN ?1 AND ?2 ORDER BY target_id, policy",
    )?;
    let mut rows = statement.query([first, last])?;
    while let Some(row) = rows.next()? {
        let episode = Episode {
            number: row.get(2)?,
            is_stale: row.get(3)?,
            since: moment(row.get(4)?)?,
        };
        if let Some(target) = of_id(targets, row.get(0)?) {
            target.episodes.push((row.get(1)?, episode));
        }
    }
    Ok(())
}

/// Adds the attempt of each policy and key that began last.
fn add_attempts(
    connection: &Connection,
    targets: &mut [KnownTarget],
    (first, last): (i64, i64),
) -> Result<(), Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT target_id, policy, key, epoch, started_at, tries,
                status, claimable_at, settled_at, error_code, error_detail
         FROM heal_attempt WHERE target_id BETWEEN ?1 AND ?2 AND is_current = 1
         ORDER BY target_id, policy, key",
    )?;
    let mut rows = statement.query([first, last])?;
    while let Some(row) = rows.next()? {
        let known = Known {
            policy: row.get(1)?,
            key: IdempotencyKey::kept(row.get::<_, String>(2)?),
            epoch: Epoch(row.get(3)?),
            started_at: moment(row.get(4)?)?,
            tries: row.get(5)?,
            status: RawStatus::read(row, 6)?.parse()?,
        };
        if let Some(target) = of_id(targets, row.get(0)?) {
            target.history.attempts.push(known);
        }
    }
    Ok(())
}

fn of_id(targets: &mut [KnownTarget], id: i64) -> Option<&mut KnownTarget> {
    let found = targets.binary_search_by_key(&TargetId(id), |target| target.id);
    targets.get_mut(found.ok()?)
}

/// Beginnings on a target from `from` on, in the order of the log. Those that were seen ahead need
/// no look of their own: each was seen before its own time.
fn beginnings(
    connection: &Connection,
    target: i64,
    from: DateTime<Utc>,
) -> Result<Vec<Beginning>, Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT entry, action, at, seen_ahead_at FROM heal_beginning
         WHERE target_id = ?1 AND at >= ?2",
    )?;
    let mut rows = statement.query([target, ceil_micros(from)])?;
    let mut beginnings: Vec<(i64, Beginning)> = Vec::new();
    while let Some(row) = rows.next()? {
        beginnings.push((row.get(0)?, beginning(row, 1)?));
    }
    beginnings.sort_unstable_by_key(|(entry, _)| *entry);
    Ok(beginnings
        .into_iter()
        .map(|(_, beginning)| beginning)
        .collect())
}

/// Reads action, at and seen_ahead_at, from column `column` on.
fn beginning(row: &Row<'_>, column: usize) -> Result<Beginning, Failed> {
    let action = row.get_ref(column)?.as_str();
    let action = action.map_err(rusqlite::Error::from)?.parse();
    Ok(Beginning {
        action: action.map_err(|error| corrupt(format!("the action of a beginning: {error}")))?,
        at: moment(row.get(column + 1)?)?,
        seen_ahead_at: some_moment(row.get(column + 2)?)?,
    })
}

pub(super) fn fleet(
    connection: &Connection,
    begun_from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Fleet, Failed> {
    let (paused_since, circuit_open_since) = connection
        .prepare_cached("SELECT paused_since, circuit_open_since FROM heal_fleet")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let clock_was_put_back = connection
        .prepare_cached(
            "SELECT 1 FROM heal_beginning
             WHERE at > ?1 AND (seen_ahead_at IS NULL OR seen_ahead_at > ?1)",
        )?
        .exists([now.timestamp_micros()])?;
    Ok(Fleet {
        paused_since: some_moment(paused_since)?,
        circuit_open_since: some_moment(circuit_open_since)?,
        begun: begun(connection, begun_from)?,
        clock_was_put_back,
    })
}

/// Beginnings on any target, from `from` on.
fn begun(connection: &Connection, from: DateTime<Utc>) -> Result<Vec<Beginning>, Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT action, at, seen_ahead_at FROM heal_beginning WHERE at >= ?1 ORDER BY at",
    )?;
    let mut rows = statement.query([ceil_micros(from)])?;
    let mut begun = Vec::new();
    while let Some(row) = rows.next()? {
        begun.push(beginning(row, 0)?);
    }
    Ok(begun)
}

pub(super) fn record_observations(
    transaction: &Transaction<'_>,
    seen: &Observations,
    now: DateTime<Utc>,
) -> Result<(), Failed> {
    if seen.clock_was_put_back {
        journal::append(transaction, now, &Event::ClockPutBack)?;
        transaction
            .prepare_cached(
                "UPDATE heal_beginning SET seen_ahead_at = ?1
                 WHERE at > ?1 AND (seen_ahead_at IS NULL OR seen_ahead_at > ?1)",
            )?
            .execute([now.timestamp_micros()])?;
    }
    for (policy, target, episode) in &seen.episodes {
        let event = Event::EpisodeBegan {
            policy: policy.clone(),
            target: target.clone(),
            episode: Episode {
                since: floor_micros(episode.since),
                ..*episode
            },
        };
        journal::append(transaction, now, &event)?;
        transaction
            .prepare_cached(
                "INSERT INTO heal_episode (target_id, policy, number, is_stale, since)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET number = excluded.number,
                     is_stale = excluded.is_stale, since = excluded.since",
            )?
            .execute(params![
                target_id(transaction, target)?,
                policy,
                episode.number,
                episode.is_stale,
                episode.since.timestamp_micros(),
            ])?;
    }
    if let Some((is_open, count)) = seen.circuit {
        let mut statement = transaction.prepare_cached(
            "UPDATE heal_fleet SET circuit_open_since = ?1
             WHERE (circuit_open_since IS NULL) = (?1 IS NOT NULL)",
        )?;
        if statement.execute([is_open.then(|| now.timestamp_micros())])? > 0 {
            let (stale, with_traffic) = (count.stale, count.with_traffic);
            let event = if is_open {
                Event::CircuitOpened {
                    stale,
                    with_traffic,
                }
            } else {
                Event::CircuitClosed {
                    stale,
                    with_traffic,
                }
            };
            journal::append(transaction, now, &event)?;
        }
    }
    Ok(())
}

/// Pauses a target, or everything; whether it was not paused.
pub(super) fn pause(
    transaction: &Transaction<'_>,
    target: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, Failed> {
    if let Some(name) = target {
        target_id(transaction, name)?;
    }
    let changed = set_pause(transaction, target, Some(now))?;
    if changed {
        let target = target.map(str::to_owned);
        journal::append(transaction, now, &Event::Paused { target })?;
    }
    Ok(changed)
}

/// Ends a pause; whether there was one.
pub(super) fn resume(
    transaction: &Transaction<'_>,
    target: Option<&str>,
    now: DateTime<Utc>,
) -> Result<bool, Failed> {
    let changed = set_pause(transaction, target, None)?;
    if changed {
        let target = target.map(str::to_owned);
        journal::append(transaction, now, &Event::Resumed { target })?;
    }
    Ok(changed)
}

/// Begins or ends a pause; whether that changed anything.
fn set_pause(
    transaction: &Transaction<'_>,
    target: Option<&str>,
    since: Option<DateTime<Utc>>,
) -> Result<bool, Failed> {
    let since = since.map(|since| since.timestamp_micros());
    let changed = match target {
        None => transaction
            .prepare_cached(
                "UPDATE heal_fleet SET paused_since = ?1
                 WHERE (paused_since IS NULL) = (?1 IS NOT NULL)",
            )?
            .execute([since])?,
        Some(name) => transaction
            .prepare_cached(
                "UPDATE heal_target SET paused_since = ?2
                 WHERE name = ?1 AND (paused_since IS NULL) = (?2 IS NOT NULL)",
            )?
            .execute(params![name, since])?,
    };
    Ok(changed > 0)
}

/// Targets that are paused, by name.
pub(super) fn paused(connection: &Connection) -> Result<Vec<(String, DateTime<Utc>)>, Failed> {
    let mut statement = connection.prepare_cached(
        "SELECT name, paused_since FROM heal_target
         WHERE paused_since IS NOT NULL ORDER BY name",
    )?;
    let mut rows = statement.query([])?;
    let mut paused = Vec::new();
    while let Some(row) = rows.next()? {
        paused.push((row.get(0)?, moment(row.get(1)?)?));
    }
    Ok(paused)
}
