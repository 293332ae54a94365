//! Alerts and their deliveries.

use chrono::{DateTime, Utc};
use decnet_alert::alert::{Alert, AlertId, AlertKind, Severity};
use decnet_alert::ledger::{
    AlertFilter, AlertLedger, AlertLedgerError, AlertRecord, DROPPED, Delivery, DeliveryRecord,
    DeliveryState, FailedDelivery, Raised, Recorded,
};
use decnet_alert::sink::SinkName;
use decnet_emailgen::ledger::LedgerError;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};
use serde_json::{Map, Value};

use crate::error::{Failed, corrupt};
use crate::open::Store;
use crate::people::moment;

/// The columns that an alert is read from, in the order of [`RawAlert::read`].
macro_rules! alert_columns {
    () => {
        "alert.number, alert.id, alert.kind, alert.key, alert.severity, alert.at, alert.decky, \
         alert.summary, alert.facts, alert.times, alert.last_at"
    };
}

impl AlertLedger for Store {
    fn raise(
        &mut self,
        id: AlertId,
        alert: &Alert,
        sinks: &[SinkName],
    ) -> Result<Raised, AlertLedgerError> {
        self.change(|transaction| match repeated(transaction, alert)? {
            Some(first) => Ok(Raised::Repeated(first)),
            None => insert(transaction, id, alert, sinks).map(|()| Raised::New(id)),
        })
    }

    fn drop_unconfigured(
        &mut self,
        configured: &[SinkName],
        at: DateTime<Utc>,
    ) -> Result<u64, AlertLedgerError> {
        let is_gone = |sink: &String| !configured.iter().any(|name| name.as_str() == sink);
        let sinks = waited_for(&self.connection).map_err(Failed::from)?;
        let gone: Vec<String> = sinks.into_iter().filter(is_gone).collect();
        if gone.is_empty() {
            return Ok(0);
        }
        self.change(|transaction| {
            let mut statement = transaction.prepare_cached(
                "UPDATE alert_delivery
                 SET state = 'dropped', claimable_at = NULL, settled_at = ?2, error = ?3
                 WHERE sink = ?1 AND claimable_at IS NOT NULL",
            )?;
            let mut dropped: u64 = 0;
            for sink in &gone {
                let rows = statement.execute(params![sink, at.timestamp_micros(), DROPPED])?;
                dropped = dropped.saturating_add(rows as u64);
            }
            Ok(dropped)
        })
    }

    fn claim_deliveries(
        &mut self,
        sink: &SinkName,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Delivery>, AlertLedgerError> {
        if limit == 0 || !is_due(&self.connection, sink, now).map_err(Failed::from)? {
            return Ok(Vec::new());
        }
        self.change(|transaction| claim(transaction, sink, now, lease_until, limit))
    }

    fn record_sent(
        &mut self,
        id: AlertId,
        sink: &SinkName,
        attempt: u32,
        at: DateTime<Utc>,
    ) -> Result<Recorded, AlertLedgerError> {
        let settled = (DeliveryState::Sent, None, Some(at), None);
        self.record(id, sink, attempt, settled)
    }

    fn record_failed(&mut self, failed: &FailedDelivery) -> Result<Recorded, AlertLedgerError> {
        let error = Some(failed.error.as_str());
        let outcome = match failed.next_attempt_at {
            Some(next) => (DeliveryState::Waiting, Some(next), None, error),
            None => (DeliveryState::GivenUp, None, Some(failed.at), error),
        };
        self.record(failed.id, &failed.sink, failed.attempt, outcome)
    }

    fn alerts(&mut self, filter: &AlertFilter) -> Result<Vec<AlertRecord>, AlertLedgerError> {
        Ok(list(&self.connection, filter)?)
    }
}

/// State, when it is claimable, when it was settled, error.
type Outcome<'a> = (
    DeliveryState,
    Option<DateTime<Utc>>,
    Option<DateTime<Utc>>,
    Option<&'a str>,
);

impl Store {
    /// Records how an attempt ended, if it is still the caller's.
    fn record(
        &mut self,
        id: AlertId,
        sink: &SinkName,
        attempt: u32,
        (state, claimable_at, settled_at, error): Outcome<'_>,
    ) -> Result<Recorded, AlertLedgerError> {
        let changed = self.change::<_, AlertLedgerError>(|transaction| {
            let mut statement = transaction.prepare_cached(
                "UPDATE alert_delivery
                 SET state = :state, claimable_at = :claimable_at, settled_at = :settled_at,
                     error = :error
                 WHERE alert = (SELECT number FROM alert WHERE id = :id) AND sink = :sink
                     AND attempt = :attempt AND state = 'waiting'",
            )?;
            Ok(statement.execute(named_params! {
                ":state": state.name(),
                ":claimable_at": claimable_at.map(|time| time.timestamp_micros()),
                ":settled_at": settled_at.map(|time| time.timestamp_micros()),
                ":error": error,
                ":id": id.to_string(),
                ":sink": sink.as_str(),
                ":attempt": attempt,
            })?)
        })?;
        Ok(match changed {
            0 => Recorded::Overtaken,
            _ => Recorded::Yes,
        })
    }
}

/// The sinks that something waits for; hardly ever more than are configured.
fn waited_for(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT sink FROM alert_delivery WHERE claimable_at IS NOT NULL",
    )?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Whether there is anything to claim.
fn is_due(connection: &Connection, sink: &SinkName, now: DateTime<Utc>) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM alert_delivery WHERE sink = ?1 AND claimable_at <= ?2")?
        .exists(params![sink.as_str(), now.timestamp_micros()])
}

/// Counts an alert that there is already.
fn repeated(transaction: &Transaction<'_>, alert: &Alert) -> Result<Option<AlertId>, Failed> {
    let id: Option<String> = transaction
        .prepare_cached(
            "UPDATE alert SET times = times + 1, last_at = max(last_at, ?3)
             WHERE kind = ?1 AND key = ?2 RETURNING id",
        )?
        .query_row(
            params![
                alert.kind().as_str(),
                alert.key(),
                alert.at().timestamp_micros()
            ],
            |row| row.get(0),
        )
        .optional()?;
    Ok(id.map(|id| id_of(&id)).transpose()?)
}

fn insert(
    transaction: &Transaction<'_>,
    id: AlertId,
    alert: &Alert,
    sinks: &[SinkName],
) -> Result<(), Failed> {
    // Plain data with string keys: serialising it cannot fail.
    let facts = serde_json::to_string(alert.facts()).unwrap_or_default();
    transaction
        .prepare_cached(
            "INSERT INTO alert (id, kind, key, severity, at, decky, summary, facts, last_at)
             VALUES (:id, :kind, :key, :severity, :at, :decky, :summary, :facts, :at)",
        )?
        .execute(named_params! {
            ":id": id.to_string(),
            ":kind": alert.kind().as_str(),
            ":key": alert.key(),
            ":severity": alert.severity().number(),
            ":at": alert.at().timestamp_micros(),
            ":decky": alert.decky(),
            ":summary": alert.summary(),
            ":facts": facts,
        })?;
    let number = transaction.last_insert_rowid();
    let mut statement = transaction.prepare_cached(
        "INSERT INTO alert_delivery (alert, sink, state, claimable_at)
         VALUES (?1, ?2, 'waiting', 0)",
    )?;
    for sink in sinks {
        statement.execute(params![number, sink.as_str()])?;
    }
    Ok(())
}

fn claim(
    transaction: &Transaction<'_>,
    sink: &SinkName,
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
    limit: usize,
) -> Result<Vec<Delivery>, Failed> {
    let mut due = transaction.prepare_cached(concat!(
        "SELECT ",
        alert_columns!(),
        " FROM alert_delivery JOIN alert ON alert.number = alert_delivery.alert
          WHERE sink = ?1 AND claimable_at <= ?2
          ORDER BY claimable_at, alert_delivery.alert LIMIT ?3"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let raw = due
        .query_map(
            params![sink.as_str(), now.timestamp_micros(), limit],
            RawAlert::read,
        )?
        .collect::<Result<Vec<_>, _>>()?;
    let mut lease = transaction.prepare_cached(
        "UPDATE alert_delivery SET attempt = attempt + 1, claimable_at = ?3
         WHERE alert = ?1 AND sink = ?2 RETURNING attempt",
    )?;
    let mut claimed = Vec::with_capacity(raw.len());
    for raw in raw {
        let attempt = lease.query_row(
            params![raw.number, sink.as_str(), lease_until.timestamp_micros()],
            |row| row.get(0),
        )?;
        claimed.push(Delivery {
            id: id_of(&raw.id)?,
            alert: raw.alert()?,
            sink: sink.clone(),
            attempt,
        });
    }
    Ok(claimed)
}

fn list(connection: &Connection, filter: &AlertFilter) -> Result<Vec<AlertRecord>, Failed> {
    // One statement for each shape of filter, so that each uses its index.
    let sql = match (&filter.kind, filter.state) {
        (None, None) => concat!(
            "SELECT ",
            alert_columns!(),
            " FROM alert WHERE ?1 IS NULL AND ?2 IS NULL ORDER BY number DESC LIMIT ?3"
        ),
        (Some(_), None) => concat!(
            "SELECT ",
            alert_columns!(),
            " FROM alert WHERE kind = ?1 AND ?2 IS NULL ORDER BY number DESC LIMIT ?3"
        ),
        (_, Some(_)) => concat!(
            "SELECT ",
            alert_columns!(),
            " FROM alert WHERE (?1 IS NULL OR kind = ?1)
              AND number IN (SELECT alert FROM alert_delivery WHERE state = ?2)
              ORDER BY number DESC LIMIT ?3"
        ),
    };
    let limit = match filter.limit {
        0 => -1,
        limit => i64::try_from(limit).unwrap_or(-1),
    };
    let kind = filter.kind.as_ref().map(AlertKind::as_str);
    let state = filter.state.map(DeliveryState::name);
    let mut statement = connection.prepare_cached(sql)?;
    let raw = statement
        .query_map(params![kind, state, limit], RawAlert::read)?
        .collect::<Result<Vec<_>, _>>()?;
    let mut deliveries = connection.prepare_cached(
        "SELECT sink, state, attempt, settled_at, claimable_at, error
         FROM alert_delivery WHERE alert = ?1 ORDER BY sink",
    )?;
    raw.into_iter()
        .map(|raw| {
            let held = deliveries
                .query_map(params![raw.number], RawDelivery::read)?
                .collect::<Result<Vec<_>, _>>()?;
            Ok(AlertRecord {
                id: id_of(&raw.id)?,
                times: raw.times.cast_unsigned(),
                last_at: moment(raw.last_at)?,
                alert: raw.alert()?,
                deliveries: held
                    .into_iter()
                    .map(RawDelivery::record)
                    .collect::<Result<_, _>>()?,
            })
        })
        .collect()
}

/// A row of `alert`.
struct RawAlert {
    number: i64,
    id: String,
    kind: String,
    key: String,
    severity: u8,
    at: i64,
    decky: Option<String>,
    summary: String,
    facts: String,
    times: i64,
    last_at: i64,
}

impl RawAlert {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            id: row.get(1)?,
            kind: row.get(2)?,
            key: row.get(3)?,
            severity: row.get(4)?,
            at: row.get(5)?,
            decky: row.get(6)?,
            summary: row.get(7)?,
            facts: row.get(8)?,
            times: row.get(9)?,
            last_at: row.get(10)?,
        })
    }

    fn alert(&self) -> Result<Alert, LedgerError> {
        let wrong = |what: String| corrupt(format!("alert {}: {what}", self.number));
        let kind = AlertKind::parse(&self.kind).map_err(|error| wrong(error.to_string()))?;
        let severity = Severity::from_number(self.severity)
            .ok_or_else(|| wrong(format!("severity {}", self.severity)))?;
        let at = moment(self.at)?;
        let mut alert = Alert::new(kind, &self.key, severity, at, &self.summary)
            .map_err(|error| wrong(error.to_string()))?;
        if let Some(decky) = &self.decky {
            alert = alert.with_decky(decky);
        }
        let facts: Map<String, Value> =
            serde_json::from_str(&self.facts).map_err(|error| wrong(error.to_string()))?;
        for (name, value) in facts {
            alert = alert.with_fact(&name, value);
        }
        Ok(alert)
    }
}

/// A row of `alert_delivery`.
struct RawDelivery {
    sink: String,
    state: String,
    attempts: u32,
    settled_at: Option<i64>,
    claimable_at: Option<i64>,
    error: Option<String>,
}

impl RawDelivery {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sink: row.get(0)?,
            state: row.get(1)?,
            attempts: row.get(2)?,
            settled_at: row.get(3)?,
            claimable_at: row.get(4)?,
            error: row.get(5)?,
        })
    }

    fn record(self) -> Result<DeliveryRecord, LedgerError> {
        Ok(DeliveryRecord {
            sink: SinkName::parse(&self.sink).map_err(|error| corrupt(error.to_string()))?,
            state: DeliveryState::parse(&self.state)
                .ok_or_else(|| corrupt(format!("a delivery is {:?}", self.state)))?,
            attempts: self.attempts,
            settled_at: self.settled_at.map(moment).transpose()?,
            claimable_at: self.claimable_at.map(moment).transpose()?,
            error: self.error,
        })
    }
}

fn id_of(text: &str) -> Result<AlertId, LedgerError> {
    AlertId::parse(text).ok_or_else(|| corrupt(format!("the alert id {text:?}")))
}
