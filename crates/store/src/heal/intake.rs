//! What comes from elsewhere: points, presences, and how far their sources were read.

use chrono::{DateTime, Utc};
use decnet_self_heal::freeze::Presence;
use decnet_self_heal::ledger::{CounterPoint, HealLedgerError, Intake, check_target_name};
use decnet_self_heal::point::Point;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{points, some_moment};
use crate::error::Failed;
use crate::people::moment;
use crate::values::{ceil_micros, floor_micros};

/// Whether all names are ones that targets can have.
pub(super) fn check_names(intake: &Intake<'_>) -> Result<(), HealLedgerError> {
    let points = intake.points.iter().map(|(name, _)| *name);
    let counters = intake.counters.iter().map(|point| point.target);
    let presences = intake.presences.iter();
    let presences = presences.map(|presence| presence.target.as_str());
    let targets = intake.targets.iter().copied();
    let mut names = targets.chain(points).chain(counters).chain(presences);
    names.try_for_each(check_target_name)
}

/// What was counted of a target.
#[derive(Clone, Copy)]
enum Counted<'a> {
    Point(Point),
    Counter(&'a CounterPoint<'a>),
}

pub(super) fn take_in(transaction: &Transaction<'_>, intake: &Intake<'_>) -> Result<(), Failed> {
    for name in intake.targets {
        target_id(transaction, name)?;
    }
    let mut counted = Vec::with_capacity(intake.points.len() + intake.counters.len());
    for (name, point) in intake.points {
        counted.push((target_id(transaction, name)?, Counted::Point(*point)));
    }
    for point in intake.counters {
        counted.push((
            target_id(transaction, point.target)?,
            Counted::Counter(point),
        ));
    }
    // In the order of the rows, so that each page is written once. What is of one target stays in
    // its order: points first, and the last of one moment counts.
    counted.sort_by_key(|(target, _)| *target);
    for of_target in counted.chunk_by(|one, other| one.0 == other.0) {
        count(transaction, of_target, intake)?;
    }
    for presence in intake.presences {
        target_id(transaction, &presence.target)?;
        keep_presence(transaction, presence)?;
    }
    if let Some(before) = intake.forget_presences_before {
        transaction
            .prepare_cached("DELETE FROM heal_presence WHERE until < ?1")?
            .execute([ceil_micros(before)])?;
    }
    if let Some((source, position)) = intake.position {
        transaction
            .prepare_cached(
                "INSERT INTO heal_position (source, position) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET position = excluded.position",
            )?
            .execute(params![source, position])?;
    }
    Ok(())
}

/// The id of a target; it is made known if it is not.
pub(super) fn target_id(transaction: &Transaction<'_>, name: &str) -> Result<i64, Failed> {
    let found = transaction
        .prepare_cached("SELECT id FROM heal_target WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    if let Some(id) = found {
        return Ok(id);
    }
    transaction
        .prepare_cached("INSERT INTO heal_target (name) VALUES (?1)")?
        .execute([name])?;
    Ok(transaction.last_insert_rowid())
}

/// Keeps what was counted of one target.
fn count(
    transaction: &Transaction<'_>,
    of_target: &[(i64, Counted<'_>)],
    intake: &Intake<'_>,
) -> Result<(), Failed> {
    let Some((target, _)) = of_target.first() else {
        return Ok(());
    };
    let found: Option<Vec<u8>> = transaction
        .prepare_cached("SELECT points FROM heal_points WHERE target_id = ?1")?
        .query_row([target], |row| row.get(0))
        .optional()?;
    let mut packed = found.unwrap_or_default();
    let mut changed = false;
    for (_, counted) in of_target {
        let point = match counted {
            Counted::Point(point) => Some(*point),
            Counted::Counter(point) => {
                let newest = points::newest(&packed)?;
                sum(transaction, *target, point, newest)?
            }
        };
        if let Some(point) = point {
            changed |= points::add(&mut packed, [point], intake.keep_for)?;
        }
    }
    if changed {
        transaction
            .prepare_cached(
                "INSERT INTO heal_points (target_id, points) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET points = excluded.points",
            )?
            .execute(params![target, packed])?;
    }
    Ok(())
}

/// Keeps what a counter showed; gives the newest point of its target with what the counter gained.
/// `None`: it showed no more than was known.
fn sum(
    transaction: &Transaction<'_>,
    target: i64,
    counted: &CounterPoint<'_>,
    newest: Option<Point>,
) -> Result<Option<Point>, Failed> {
    let point = Point {
        at: floor_micros(counted.point.at),
        ..counted.point
    };
    let found = transaction
        .prepare_cached(
            "SELECT at, impressions, engagements FROM heal_counter
             WHERE target_id = ?1 AND counter = ?2",
        )?
        .query_row(params![target, counted.counter], |row| {
            let impressions: i64 = row.get(1)?;
            let engagements: i64 = row.get(2)?;
            let numbers = (impressions.cast_unsigned(), engagements.cast_unsigned());
            Ok((row.get(0)?, numbers))
        })
        .optional()?;
    let last = match found {
        Some((at, (impressions, engagements))) => Some(Point {
            at: moment(at)?,
            impressions,
            engagements,
        }),
        None => None,
    };
    let summed = point.summed(last.as_ref(), newest.as_ref());
    if summed.is_none() {
        return Ok(None);
    }
    transaction
        .prepare_cached(
            "INSERT INTO heal_counter (target_id, counter, at, impressions, engagements)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET at = excluded.at, impressions = excluded.impressions,
                                       engagements = excluded.engagements",
        )?
        .execute(params![
            target,
            counted.counter,
            point.at.timestamp_micros(),
            point.impressions.cast_signed(),
            point.engagements.cast_signed(),
        ])?;
    Ok(summed)
}

fn keep_presence(transaction: &Transaction<'_>, presence: &Presence) -> Result<(), Failed> {
    transaction
        .prepare_cached(
            "INSERT INTO heal_presence (id, target, since, until) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET target = excluded.target, since = excluded.since,
                                       until = excluded.until",
        )?
        .execute(params![
            presence.id,
            presence.target,
            presence.since.timestamp_micros(),
            presence.until.map(|until| until.timestamp_micros()),
        ])?;
    Ok(())
}

pub(super) fn position(connection: &Connection, source: &str) -> Result<i64, Failed> {
    let found = connection
        .prepare_cached("SELECT position FROM heal_position WHERE source = ?1")?
        .query_row([source], |row| row.get(0))
        .optional()?;
    Ok(found.unwrap_or(0))
}

/// Presences that are open or ended after `ended_after`, in the order of their ids.
pub(super) fn presences(
    connection: &Connection,
    ended_after: DateTime<Utc>,
) -> Result<Vec<Presence>, Failed> {
    // Two look-ups in one index: `OR` would need two passes and a table of rows already seen.
    let mut statement = connection.prepare_cached(
        "SELECT id, target, since, until FROM heal_presence WHERE until IS NULL
         UNION ALL
         SELECT id, target, since, until FROM heal_presence WHERE until > ?1",
    )?;
    let mut rows = statement.query([ended_after.timestamp_micros()])?;
    let mut presences = Vec::new();
    while let Some(row) = rows.next()? {
        presences.push(Presence {
            id: row.get(0)?,
            target: row.get(1)?,
            since: moment(row.get(2)?)?,
            until: some_moment(row.get(3)?)?,
        });
    }
    presences.sort_unstable_by(|one, other| one.id.cmp(&other.id));
    Ok(presences)
}
