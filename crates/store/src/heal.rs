//! What was counted, what was done about it, and what is paused.
//!
//! `heal_log` is the truth; the other tables are what follows from it, kept so that nothing that is
//! asked often reads more than it shows. An entry is appended and applied in one transaction.

mod attempts;
mod intake;
mod journal;
mod points;
mod targets;

use chrono::{DateTime, Utc};
use decnet_self_heal::attempt::{Attempt, AttemptId, ExecutionError};
use decnet_self_heal::decision::Plan;
use decnet_self_heal::fleet::Budget;
use decnet_self_heal::freeze::Presence;
use decnet_self_heal::ledger::{
    AttemptFilter, Begun, Fleet, HealLedger, HealLedgerError, Held, Intake, KnownTarget,
    Observations, Recorded, TargetId, View, check_target_name,
};
use decnet_self_heal::limits::Limits;
use decnet_self_heal::log::Entry;
use rusqlite::Connection;

use self::attempts::Outcome;
use crate::error::Failed;
use crate::open::Store;
use crate::people::moment;
use crate::values::floor_micros;

impl HealLedger for Store {
    fn take_in(&mut self, intake: &Intake<'_>) -> Result<(), HealLedgerError> {
        intake::check_names(intake)?;
        self.change(|transaction| intake::take_in(transaction, intake))
    }

    fn position(&mut self, source: &str) -> Result<i64, HealLedgerError> {
        Ok(intake::position(&self.connection, source)?)
    }

    fn targets(
        &mut self,
        after: TargetId,
        limit: usize,
        view: View,
    ) -> Result<Vec<KnownTarget>, HealLedgerError> {
        self.look(|snapshot| targets::page(snapshot, after, limit, view))
    }

    fn target(&mut self, name: &str, view: View) -> Result<Option<KnownTarget>, HealLedgerError> {
        self.look(|snapshot| targets::one(snapshot, name, view))
    }

    fn fleet(
        &mut self,
        begun_from: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Fleet, HealLedgerError> {
        self.look(|snapshot| targets::fleet(snapshot, begun_from, now))
    }

    fn presences(&mut self, ended_after: DateTime<Utc>) -> Result<Vec<Presence>, HealLedgerError> {
        Ok(intake::presences(&self.connection, ended_after)?)
    }

    fn record_observations(
        &mut self,
        seen: &Observations,
        now: DateTime<Utc>,
    ) -> Result<(), HealLedgerError> {
        if seen.is_empty() {
            return Ok(());
        }
        for (_, target, _) in &seen.episodes {
            check_target_name(target)?;
        }
        self.change(|transaction| targets::record_observations(transaction, seen, now))
    }

    fn begin(
        &mut self,
        plan: &Plan,
        limits: &Limits,
        budget: Budget,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Begun, HealLedgerError> {
        check_target_name(&plan.target)?;
        let lease_until = floor_micros(lease_until);
        self.change(|transaction| {
            attempts::begin(transaction, plan, limits, budget, now, lease_until)
        })
    }

    fn unfinished(
        &mut self,
        now: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Attempt>, HealLedgerError> {
        Ok(attempts::unfinished(&self.connection, now, limit)?)
    }

    fn take_up(
        &mut self,
        id: AttemptId,
        token: u32,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<Held>, HealLedgerError> {
        let lease_until = floor_micros(lease_until);
        self.change(|transaction| attempts::take_up(transaction, id, token, now, lease_until))
    }

    fn record_success(
        &mut self,
        id: AttemptId,
        token: u32,
        result: &serde_json::Value,
        at: DateTime<Utc>,
    ) -> Result<Recorded, HealLedgerError> {
        let outcome = Outcome::Success { result };
        self.change(|transaction| attempts::record(transaction, id, token, outcome, at))
    }

    fn record_failure(
        &mut self,
        id: AttemptId,
        token: u32,
        error: &ExecutionError,
        retry_at: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    ) -> Result<Recorded, HealLedgerError> {
        let retry_at = retry_at.map(floor_micros);
        let outcome = Outcome::Failure { error, retry_at };
        self.change(|transaction| attempts::record(transaction, id, token, outcome, at))
    }

    fn pause(&mut self, target: Option<&str>, now: DateTime<Utc>) -> Result<bool, HealLedgerError> {
        target.map_or(Ok(()), check_target_name)?;
        self.change(|transaction| targets::pause(transaction, target, now))
    }

    fn resume(
        &mut self,
        target: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<bool, HealLedgerError> {
        self.change(|transaction| targets::resume(transaction, target, now))
    }

    fn paused(&mut self) -> Result<Vec<(String, DateTime<Utc>)>, HealLedgerError> {
        Ok(targets::paused(&self.connection)?)
    }

    fn attempts(&mut self, filter: &AttemptFilter) -> Result<Vec<Attempt>, HealLedgerError> {
        Ok(attempts::list(&self.connection, filter)?)
    }

    fn log(&mut self, after: i64, limit: usize) -> Result<Vec<Entry>, HealLedgerError> {
        Ok(journal::read(&self.connection, after, limit)?)
    }
}

impl Store {
    /// Reads with several statements what is true at one moment.
    fn look<T>(
        &mut self,
        read: impl FnOnce(&Connection) -> Result<T, Failed>,
    ) -> Result<T, HealLedgerError> {
        let snapshot = self.connection.transaction().map_err(Failed::from)?;
        Ok(read(&snapshot)?)
    }
}

fn some_moment(micros: Option<i64>) -> Result<Option<DateTime<Utc>>, Failed> {
    Ok(micros.map(moment).transpose()?)
}
