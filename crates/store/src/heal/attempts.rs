//! Attempts: who holds them, and what became of them.

use chrono::{DateTime, Utc};
use decnet_self_heal::attempt::{Attempt, AttemptId, ExecutionError, LONGEST_WAIT, Status};
use decnet_self_heal::decision::{Plan, Reason};
use decnet_self_heal::fleet::Budget;
use decnet_self_heal::ledger::{AttemptFilter, Begun, Held, KnownTarget, Recorded, View};
use decnet_self_heal::limits::Limits;
use decnet_self_heal::log::Event;
use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, named_params, params};

use super::intake::target_id;
use super::{journal, some_moment, targets};
use crate::error::{Failed, corrupt};
use crate::people::moment;
use crate::values::{at_most, json};

/// The columns that an attempt is read from, in the order of [`attempt`].
macro_rules! attempts {
    ($($rest:literal)?) => {
        concat!(
            "SELECT id, plan, started_at, tries, token, result,
                    status, claimable_at, settled_at, error_code, error_detail
             FROM heal_attempt ",
            $($rest)?
        )
    };
}

/// How a try ended.
#[derive(Clone, Copy)]
pub(super) enum Outcome<'a> {
    Success {
        result: &'a serde_json::Value,
    },
    Failure {
        error: &'a ExecutionError,
        retry_at: Option<DateTime<Utc>>,
    },
}

pub(super) fn begin(
    transaction: &Transaction<'_>,
    plan: &Plan,
    limits: &Limits,
    budget: Budget,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
) -> Result<Begun, Failed> {
    let target = target_id(transaction, &plan.target)?;
    if let Some(reason) = objection(transaction, plan, limits, budget, now)? {
        return Ok(Begun::Refused(reason));
    }
    let same = made(transaction, target, plan)?;
    // An older epoch that has come back: what was done in it stays done.
    if let Some(reason) = same.as_ref().and_then(Attempt::bars_beginning) {
        return Ok(Begun::Refused(reason));
    }
    let token = same.map_or(1, |attempt| attempt.token.saturating_add(1));
    let id = write_beginning(transaction, target, plan, token, now, lease_until)?;
    let event = Event::Began {
        attempt: id,
        plan: plan.clone(),
        token,
        lease_until,
    };
    let entry = journal::append(transaction, now, &event)?;
    transaction
        .prepare_cached(
            "INSERT INTO heal_beginning (target_id, at, entry, action) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            target,
            now.timestamp_micros(),
            entry,
            plan.action.name()
        ])?;
    Ok(Begun::Yes(Box::new(held(transaction, id)?)))
}

/// What stands against an attempt by now.
fn objection(
    transaction: &Transaction<'_>,
    plan: &Plan,
    limits: &Limits,
    budget: Budget,
    now: DateTime<Utc>,
) -> Result<Option<Reason>, Failed> {
    let since = |span| {
        now.checked_sub_signed(span)
            .unwrap_or(DateTime::<Utc>::MIN_UTC)
    };
    let view = View {
        // Nobody asks for them here.
        points_from: DateTime::<Utc>::MAX_UTC,
        beginnings_from: since(limits.horizon()),
    };
    let target = targets::one(transaction, &plan.target, view)?;
    let target = target.unwrap_or_else(|| KnownTarget::unheard(&plan.target));
    let fleet = targets::fleet(transaction, since(Budget::SPAN), now)?;
    Ok(fleet.objection(&target, plan, limits, budget, now))
}

/// The attempt at this action in this epoch, if there was one.
fn made(
    transaction: &Transaction<'_>,
    target: i64,
    plan: &Plan,
) -> Result<Option<Attempt>, Failed> {
    let sql = attempts!("WHERE target_id = ?1 AND policy = ?2 AND key = ?3 AND epoch = ?4");
    let params = params![target, plan.policy, plan.key.as_str(), plan.epoch.0];
    Ok(read(transaction, sql, params)?.pop())
}

/// Writes the row of an attempt that begins, for the first time or again.
fn write_beginning(
    transaction: &Transaction<'_>,
    target: i64,
    plan: &Plan,
    token: u32,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
) -> Result<AttemptId, Failed> {
    transaction
        .prepare_cached(
            "UPDATE heal_attempt SET is_current = 0
             WHERE target_id = ?1 AND policy = ?2 AND key = ?3 AND is_current = 1",
        )?
        .execute(params![target, plan.policy, plan.key.as_str()])?;
    let id = transaction
        .prepare_cached(
            "INSERT INTO heal_attempt (target_id, policy, key, epoch, plan, started_at, tries,
                                       token, status, claimable_at)
             VALUES (:target, :policy, :key, :epoch, :plan, :now, 1, :token, 'running', :lease)
             ON CONFLICT (target_id, policy, key, epoch) DO UPDATE SET
                 plan = excluded.plan, started_at = excluded.started_at, tries = 1,
                 token = excluded.token, begun = min(begun + 1, 4294967295),
                 status = 'running', claimable_at = excluded.claimable_at, settled_at = NULL,
                 error_code = NULL, error_detail = NULL, result = NULL, is_current = 1
             RETURNING id",
        )?
        .query_row(
            named_params! {
                ":target": target,
                ":policy": plan.policy,
                ":key": plan.key.as_str(),
                ":epoch": plan.epoch.0,
                ":plan": json(plan)?,
                ":now": now.timestamp_micros(),
                ":token": token,
                ":lease": lease_until.timestamp_micros(),
            },
            |row| row.get(0),
        )?;
    Ok(AttemptId(id))
}

/// An attempt that was just begun or taken up.
fn held(transaction: &Transaction<'_>, id: AttemptId) -> Result<Held, Failed> {
    let lost = || corrupt(format!("attempt {} is lost", id.0));
    let attempt = read(transaction, attempts!("WHERE id = ?1"), [id.0])?.pop();
    let (beginning, failures_in_a_row) = transaction
        .prepare_cached(
            "SELECT a.begun, t.failures_in_a_row
             FROM heal_attempt a JOIN heal_target t ON t.id = a.target_id WHERE a.id = ?1",
        )?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Held {
        attempt: attempt.ok_or_else(lost)?,
        beginning,
        failures_in_a_row,
    })
}

pub(super) fn take_up(
    transaction: &Transaction<'_>,
    id: AttemptId,
    token: u32,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
) -> Result<Option<Held>, Failed> {
    let next = token.saturating_add(1);
    let taken = transaction
        .prepare_cached(
            "UPDATE heal_attempt
             SET tries = min(tries + 1, 4294967295), token = :next, status = 'running',
                 claimable_at = :lease, settled_at = NULL, error_code = NULL, error_detail = NULL
             WHERE id = :id AND token = :token
               AND (claimable_at <= :now OR claimable_at > :beyond)",
        )?
        .execute(named_params! {
            ":id": id.0,
            ":token": token,
            ":next": next,
            ":now": now.timestamp_micros(),
            ":beyond": beyond(now),
            ":lease": lease_until.timestamp_micros(),
        })?;
    if taken == 0 {
        return Ok(None);
    }
    let event = Event::TakenUp {
        attempt: id,
        token: next,
        lease_until,
    };
    journal::append(transaction, now, &event)?;
    held(transaction, id).map(Some)
}

/// Notes how a try ended, if it is still the caller's.
pub(super) fn record(
    transaction: &Transaction<'_>,
    id: AttemptId,
    token: u32,
    outcome: Outcome<'_>,
    at: DateTime<Utc>,
) -> Result<Recorded, Failed> {
    let (status, error, retry_at, result) = match outcome {
        Outcome::Success { result } => ("success", None, None, Some(json(result)?)),
        Outcome::Failure { error, retry_at } => ("failed", Some(error), retry_at, None),
    };
    let target: Option<i64> = transaction
        .prepare_cached(
            "UPDATE heal_attempt
             SET status = :status, claimable_at = :retry_at, settled_at = :at,
                 error_code = :code, error_detail = :detail, result = :result
             WHERE id = :id AND token = :token AND status = 'running' RETURNING target_id",
        )?
        .query_row(
            named_params! {
                ":id": id.0,
                ":token": token,
                ":status": status,
                ":retry_at": retry_at.map(|at| at.timestamp_micros()),
                ":at": at.timestamp_micros(),
                ":code": error.map(|error| error.code.name()),
                ":detail": error.map(|error| &error.detail),
                ":result": result,
            },
            |row| row.get(0),
        )
        .optional()?;
    let Some(target) = target else {
        return Ok(Recorded::Overtaken);
    };
    let (event, count) = match outcome {
        Outcome::Success { result } => (
            Event::Succeeded {
                attempt: id,
                token,
                result: result.clone(),
            },
            "UPDATE heal_target SET failures_in_a_row = 0
             WHERE id = ?1 AND failures_in_a_row > 0",
        ),
        Outcome::Failure { error, retry_at } => (
            Event::Failed {
                attempt: id,
                token,
                error: error.clone(),
                retry_at,
            },
            "UPDATE heal_target SET failures_in_a_row = min(failures_in_a_row + 1, 4294967295)
             WHERE id = ?1",
        ),
    };
    journal::append(transaction, at, &event)?;
    transaction.prepare_cached(count)?.execute([target])?;
    Ok(Recorded::Yes)
}

/// What is claimable later was so by a clock that was put back since.
fn beyond(now: DateTime<Utc>) -> i64 {
    now.checked_add_signed(LONGEST_WAIT)
        .map_or(i64::MAX, |beyond| beyond.timestamp_micros())
}

pub(super) fn unfinished(
    connection: &Connection,
    now: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Attempt>, Failed> {
    let sql = attempts!(
        "WHERE claimable_at <= ?1 OR claimable_at > ?2 ORDER BY claimable_at, id LIMIT ?3"
    );
    read(
        connection,
        sql,
        params![now.timestamp_micros(), beyond(now), at_most(limit)],
    )
}

pub(super) fn list(
    connection: &Connection,
    filter: &AttemptFilter,
) -> Result<Vec<Attempt>, Failed> {
    let limit = match filter.limit {
        0 => -1,
        limit => i64::try_from(limit).unwrap_or(-1),
    };
    let Some(target) = &filter.target else {
        // One statement for each status, so that each uses its index: most attempts succeed.
        let sql = match filter.status.as_deref() {
            None => attempts!("ORDER BY id DESC LIMIT ?1"),
            Some("running") => attempts!(
                "INDEXED BY heal_attempt_claimable
                 WHERE claimable_at IS NOT NULL AND status = 'running' ORDER BY id DESC LIMIT ?1"
            ),
            Some("success") => attempts!("WHERE status = 'success' ORDER BY id DESC LIMIT ?1"),
            Some("failed") => attempts!("WHERE status = 'failed' ORDER BY id DESC LIMIT ?1"),
            Some(_) => return Ok(Vec::new()),
        };
        return read(connection, sql, [limit]);
    };
    let sql = attempts!(
        "WHERE target_id = (SELECT id FROM heal_target WHERE name = ?1)
         AND (?2 IS NULL OR status = ?2) ORDER BY id DESC LIMIT ?3"
    );
    read(connection, sql, params![target, filter.status, limit])
}

fn read(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<Attempt>, Failed> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut attempts = Vec::new();
    while let Some(row) = rows.next()? {
        attempts.push(attempt(row)?);
    }
    Ok(attempts)
}

fn attempt(row: &Row<'_>) -> Result<Attempt, Failed> {
    let id: i64 = row.get(0)?;
    let wrong = |error: serde_json::Error| corrupt(format!("attempt {id}: {error}"));
    let plan = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    let result = row.get_ref(5)?.as_str_or_null();
    let result = result.map_err(rusqlite::Error::from)?;
    Ok(Attempt {
        id: AttemptId(id),
        plan: serde_json::from_str(plan).map_err(wrong)?,
        started_at: moment(row.get(2)?)?,
        tries: row.get(3)?,
        token: row.get(4)?,
        result: result
            .map(serde_json::from_str)
            .transpose()
            .map_err(wrong)?,
        status: RawStatus::read(row, 6)?.parse()?,
    })
}

/// Where an attempt stands, as its row has it.
pub(super) struct RawStatus {
    name: String,
    claimable_at: Option<i64>,
    settled_at: Option<i64>,
    error_code: Option<String>,
    error_detail: Option<String>,
}

impl RawStatus {
    /// Reads status, claimable_at, settled_at, error_code and error_detail, from column `at` on.
    pub(super) fn read(row: &Row<'_>, at: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            name: row.get(at)?,
            claimable_at: row.get(at + 1)?,
            settled_at: row.get(at + 2)?,
            error_code: row.get(at + 3)?,
            error_detail: row.get(at + 4)?,
        })
    }

    pub(super) fn parse(self) -> Result<Status, Failed> {
        let claimable_at = some_moment(self.claimable_at)?;
        let settled_at = some_moment(self.settled_at)?;
        match (
            self.name.as_str(),
            claimable_at,
            settled_at,
            self.error_code,
        ) {
            ("running", Some(lease_until), _, _) => Ok(Status::Running { lease_until }),
            ("success", _, Some(at), _) => Ok(Status::Success { at }),
            ("failed", retry_at, Some(at), Some(code)) => {
                let code = code.parse();
                let code = code.map_err(|error| corrupt(format!("a kind of failure: {error}")))?;
                let detail = self.error_detail.unwrap_or_default();
                Ok(Status::Failed {
                    at,
                    error: ExecutionError { code, detail },
                    retry_at,
                })
            }
            _ => Err(corrupt(format!("an attempt that is {:?}", self.name)).into()),
        }
    }
}
