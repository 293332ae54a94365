//! An [`AlertLedger`] in memory, for tests and for whoever keeps nothing.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::alert::{Alert, AlertId};
use crate::ledger::{
    AlertFilter, AlertLedger, AlertLedgerError, AlertRecord, DROPPED, Delivery, DeliveryRecord,
    DeliveryState, FailedDelivery, Raised, Recorded,
};
use crate::sink::SinkName;

/// Alerts in memory, in the order in which they were raised.
#[derive(Clone, Debug, Default)]
pub struct MemoryAlertLedger {
    alerts: Vec<Kept>,
}

#[derive(Clone, Debug)]
struct Kept {
    id: AlertId,
    alert: Alert,
    times: u64,
    last_at: DateTime<Utc>,
    deliveries: BTreeMap<SinkName, KeptDelivery>,
}

#[derive(Clone, Debug)]
struct KeptDelivery {
    state: DeliveryState,
    attempt: u32,
    /// While it waits.
    claimable_at: DateTime<Utc>,
    settled_at: Option<DateTime<Utc>>,
    error: Option<String>,
}

impl KeptDelivery {
    fn settle(&mut self, state: DeliveryState, at: DateTime<Utc>) {
        self.state = state;
        self.settled_at = Some(at);
    }
}

impl MemoryAlertLedger {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// The delivery, if the caller still holds it.
    fn held(&mut self, id: AlertId, sink: &SinkName, attempt: u32) -> Option<&mut KeptDelivery> {
        self.alerts
            .iter_mut()
            .find(|kept| kept.id == id)?
            .deliveries
            .get_mut(sink)
            .filter(|held| held.state == DeliveryState::Waiting && held.attempt == attempt)
    }
}

impl AlertLedger for MemoryAlertLedger {
    fn raise(
        &mut self,
        id: AlertId,
        alert: &Alert,
        sinks: &[SinkName],
    ) -> Result<Raised, AlertLedgerError> {
        let same =
            |kept: &&mut Kept| kept.alert.kind() == alert.kind() && kept.alert.key() == alert.key();
        if let Some(kept) = self.alerts.iter_mut().find(same) {
            kept.times = kept.times.saturating_add(1);
            kept.last_at = kept.last_at.max(alert.at());
            return Ok(Raised::Repeated(kept.id));
        }
        let due = KeptDelivery {
            state: DeliveryState::Waiting,
            attempt: 0,
            claimable_at: DateTime::UNIX_EPOCH,
            settled_at: None,
            error: None,
        };
        self.alerts.push(Kept {
            id,
            alert: alert.clone(),
            times: 1,
            last_at: alert.at(),
            deliveries: sinks
                .iter()
                .map(|sink| (sink.clone(), due.clone()))
                .collect(),
        });
        Ok(Raised::New(id))
    }

    fn drop_unconfigured(
        &mut self,
        configured: &[SinkName],
        at: DateTime<Utc>,
    ) -> Result<u64, AlertLedgerError> {
        let mut dropped = 0;
        for kept in &mut self.alerts {
            for (sink, delivery) in &mut kept.deliveries {
                if delivery.state == DeliveryState::Waiting && !configured.contains(sink) {
                    delivery.settle(DeliveryState::Dropped, at);
                    delivery.error = Some(DROPPED.to_owned());
                    dropped += 1;
                }
            }
        }
        Ok(dropped)
    }

    fn claim_deliveries(
        &mut self,
        sink: &SinkName,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
        limit: usize,
    ) -> Result<Vec<Delivery>, AlertLedgerError> {
        let mut due: Vec<(AlertId, &Alert, &mut KeptDelivery)> = self
            .alerts
            .iter_mut()
            .filter_map(|kept| Some((kept.id, &kept.alert, kept.deliveries.get_mut(sink)?)))
            .filter(|(_, _, delivery)| {
                delivery.state == DeliveryState::Waiting && delivery.claimable_at <= now
            })
            .collect();
        due.sort_by_key(|(_, _, delivery)| delivery.claimable_at);
        due.truncate(limit);
        let claimed = due.into_iter().map(|(id, alert, delivery)| {
            delivery.attempt = delivery.attempt.saturating_add(1);
            delivery.claimable_at = lease_until;
            Delivery {
                id,
                alert: alert.clone(),
                sink: sink.clone(),
                attempt: delivery.attempt,
            }
        });
        Ok(claimed.collect())
    }

    fn record_sent(
        &mut self,
        id: AlertId,
        sink: &SinkName,
        attempt: u32,
        at: DateTime<Utc>,
    ) -> Result<Recorded, AlertLedgerError> {
        let Some(delivery) = self.held(id, sink, attempt) else {
            return Ok(Recorded::Overtaken);
        };
        delivery.settle(DeliveryState::Sent, at);
        delivery.error = None;
        Ok(Recorded::Yes)
    }

    fn record_failed(&mut self, failed: &FailedDelivery) -> Result<Recorded, AlertLedgerError> {
        let Some(delivery) = self.held(failed.id, &failed.sink, failed.attempt) else {
            return Ok(Recorded::Overtaken);
        };
        delivery.error = Some(failed.error.clone());
        match failed.next_attempt_at {
            Some(next) => delivery.claimable_at = next,
            None => delivery.settle(DeliveryState::GivenUp, failed.at),
        }
        Ok(Recorded::Yes)
    }

    fn alerts(&mut self, filter: &AlertFilter) -> Result<Vec<AlertRecord>, AlertLedgerError> {
        let is_wanted = |kept: &&Kept| {
            let of_kind = |kind| kept.alert.kind() == kind;
            let has_state = |state| kept.deliveries.values().any(|held| held.state == state);
            filter.kind.as_ref().is_none_or(of_kind) && filter.state.is_none_or(has_state)
        };
        let most = match filter.limit {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap_or(usize::MAX),
        };
        let listed = self.alerts.iter().rev().filter(is_wanted).take(most);
        Ok(listed.map(record).collect())
    }
}

fn record(kept: &Kept) -> AlertRecord {
    let deliveries = kept.deliveries.iter().map(|(sink, held)| DeliveryRecord {
        sink: sink.clone(),
        state: held.state,
        attempts: held.attempt,
        settled_at: held.settled_at,
        claimable_at: (held.state == DeliveryState::Waiting).then_some(held.claimable_at),
        error: held.error.clone(),
    });
    AlertRecord {
        id: kept.id,
        alert: kept.alert.clone(),
        times: kept.times,
        last_at: kept.last_at,
        deliveries: deliveries.collect(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_conforms() {
        crate::conformance::check(super::MemoryAlertLedger::new);
    }
}
