//! Brings what is due to the sinks.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::alert::{Alert, AlertId};
use crate::ledger::{AlertLedger, AlertLedgerError, Delivery, FailedDelivery, Recorded};
use crate::sink::{Sink, SinkError, SinkName};
use crate::text;

/// Longest error that is kept of a delivery, in bytes.
const ERROR_MAX: usize = 512;
/// What a lease is longer than the deadline of a send: time to record how it ended.
const LEASE_MARGIN: Duration = Duration::from_secs(60);
/// By how much a pause may be longer or shorter, so that what failed together does not come back
/// together.
const JITTER: f64 = 0.2;

/// How hard deliveries are tried.
///
/// With the defaults, the ten attempts lie 1, 3, 9, 27, 81 and 243 minutes and then three times six
/// hours apart: a day in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryPolicy {
    /// Most time for one send. Default 10 s.
    pub deadline: Duration,
    /// Attempts after which a delivery is given up. Default 10.
    pub most_attempts: u32,
    /// Pause after the first failure; each later one is three times as long. Default 1 min.
    pub first_pause: Duration,
    /// Longest pause, also of those that a sink asks for. Default 6 h.
    pub longest_pause: Duration,
    /// Most alerts that one round sends to a sink. Default 100.
    pub most_per_sink: u32,
    /// Time after which a round begins no further send. Default 30 s.
    pub most_time: Duration,
}

impl Default for DeliveryPolicy {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            most_attempts: 10,
            first_pause: Duration::from_secs(60),
            longest_pause: Duration::from_secs(6 * 3_600),
            most_per_sink: 100,
            most_time: Duration::from_secs(30),
        }
    }
}

impl DeliveryPolicy {
    /// The pause after attempt number `attempt` failed, by `lot`, a random number.
    fn pause(&self, attempt: u32, asked: Option<Duration>, lot: u64) -> Duration {
        let factor = 3_u32.saturating_pow(attempt.saturating_sub(1).min(16));
        let pause = self.first_pause.saturating_mul(factor);
        let pause = pause.max(asked.unwrap_or_default()).min(self.longest_pause);
        // The upper 53 bits are what a float holds.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let share = (lot >> 11) as f64 / (1_u64 << 53) as f64;
        // Who asks to be left alone is not asked earlier.
        let jitter = if asked.is_some() {
            share
        } else {
            2.0 * share - 1.0
        };
        pause.mul_f64(1.0 + JITTER * jitter)
    }
}

/// What a round did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Deliveries that arrived.
    pub sent: u64,
    /// Failures that are tried again.
    pub failed: Vec<Undelivered>,
    /// Failures that are not.
    pub given_up: Vec<Undelivered>,
    /// Deliveries dropped because their sink is not configured any more.
    pub dropped: u64,
    /// Deliveries that somebody else took over meanwhile.
    pub overtaken: u64,
}

/// An alert that did not get to a sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    /// Which alert.
    pub id: AlertId,
    /// Which sink.
    pub sink: SinkName,
    /// Which attempt.
    pub attempt: u32,
    /// Why, on one line.
    pub error: String,
}

/// Brings what is due to the sinks, to all of them side by side, and to each one alert after the
/// other.
///
/// A failure that may pass ends the round for its sink: the next alert would meet the same one, and
/// keeps its attempts.
pub struct Dispatcher<'a> {
    /// Where the alerts are.
    pub ledger: &'a mut dyn AlertLedger,
    /// The sinks of the configuration. Their names differ.
    pub sinks: &'a [Arc<dyn Sink>],
    /// The clock of leases and retries.
    pub clock: &'a dyn Fn() -> DateTime<Utc>,
    /// Where random numbers come from.
    pub random: &'a mut dyn FnMut() -> u64,
    /// How hard to try.
    pub policy: DeliveryPolicy,
}

impl std::fmt::Debug for Dispatcher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dispatcher")
            .field("sinks", &self.sinks)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Sends that are under way.
#[derive(Default)]
struct UnderWay {
    sends: JoinSet<Result<(), SinkError>>,
    /// Number of the sink, and what is sent.
    about: HashMap<Id, (usize, Delivery)>,
}

impl Dispatcher<'_> {
    /// One round: sends what is due, and records how it went.
    ///
    /// If it is dropped before its end, what was under way is tried again when its lease has ended.
    ///
    /// # Errors
    ///
    /// [`AlertLedgerError`] when the ledger fails. What a sink does wrong is in the report.
    pub async fn deliver(&mut self) -> Result<DeliveryReport, AlertLedgerError> {
        let names: Vec<SinkName> = self.sinks.iter().map(|sink| sink.name().clone()).collect();
        let mut report = DeliveryReport {
            dropped: self.ledger.drop_unconfigured(&names, (self.clock)())?,
            ..DeliveryReport::default()
        };
        let mut under_way = UnderWay::default();
        let mut left = vec![self.policy.most_per_sink; self.sinks.len()];
        for number in 0..self.sinks.len() {
            self.send_next(number, &mut left, &mut under_way, &mut report)?;
        }
        let mut end = std::pin::pin!(sleep(self.policy.most_time));
        let mut is_over = false;
        loop {
            let joined = tokio::select! {
                biased;
                () = &mut end, if !is_over => {
                    is_over = true;
                    continue;
                }
                joined = under_way.sends.join_next_with_id() => joined,
            };
            let Some(joined) = joined else {
                return Ok(report);
            };
            let (task, result) = match joined {
                Ok((task, result)) => (task, result),
                Err(error) => (error.id(), Err(broken(&error))),
            };
            let Some((number, delivery)) = under_way.about.remove(&task) else {
                continue;
            };
            let goes_on = match &result {
                Ok(()) => true,
                Err(error) => !error.is_transient(),
            };
            self.record(delivery, result, &mut report)?;
            if goes_on && !is_over {
                self.send_next(number, &mut left, &mut under_way, &mut report)?;
            }
        }
    }

    /// Begins to send what is due next for a sink, if there is any and the round has room for it.
    fn send_next(
        &mut self,
        number: usize,
        left: &mut [u32],
        under_way: &mut UnderWay,
        report: &mut DeliveryReport,
    ) -> Result<(), AlertLedgerError> {
        let (Some(sink), Some(left)) = (self.sinks.get(number), left.get_mut(number)) else {
            return Ok(());
        };
        while *left > 0 {
            *left -= 1;
            let now = (self.clock)();
            let lease = later(now, self.policy.deadline.saturating_add(LEASE_MARGIN));
            let claimed = self.ledger.claim_deliveries(sink.name(), now, lease, 1)?;
            let Some(delivery) = claimed.into_iter().next() else {
                return Ok(());
            };
            if delivery.attempt > self.policy.most_attempts {
                // Each earlier try ended without a word: its process did too.
                let what = "no try of it came to an end".to_owned();
                self.record(delivery, Err(SinkError::Broken { what }), report)?;
                continue;
            }
            let (sink, alert) = (Arc::clone(sink), delivery.alert.clone());
            let (id, deadline) = (delivery.id, self.policy.deadline);
            let send = async move { send_within(&*sink, id, &alert, deadline).await };
            let task = under_way.sends.spawn(send);
            under_way.about.insert(task.id(), (number, delivery));
            return Ok(());
        }
        Ok(())
    }

    fn record(
        &mut self,
        delivery: Delivery,
        result: Result<(), SinkError>,
        report: &mut DeliveryReport,
    ) -> Result<(), AlertLedgerError> {
        let now = (self.clock)();
        let Delivery {
            id, sink, attempt, ..
        } = delivery;
        let error = match result {
            Ok(()) => {
                match self.ledger.record_sent(id, &sink, attempt, now)? {
                    Recorded::Yes => report.sent += 1,
                    Recorded::Overtaken => report.overtaken += 1,
                }
                return Ok(());
            }
            Err(error) => error,
        };
        let is_worth_another = error.is_transient() && attempt < self.policy.most_attempts;
        let next_attempt_at = is_worth_another.then(|| {
            let lot = (self.random)();
            later(now, self.policy.pause(attempt, error.retry_after(), lot))
        });
        let error = text::one_line(&error.to_string(), ERROR_MAX);
        let recorded = self.ledger.record_failed(&FailedDelivery {
            id,
            sink: sink.clone(),
            attempt,
            error: error.clone(),
            at: now,
            next_attempt_at,
        })?;
        let undelivered = Undelivered {
            id,
            sink,
            attempt,
            error,
        };
        match (recorded, next_attempt_at) {
            (Recorded::Overtaken, _) => report.overtaken += 1,
            (Recorded::Yes, Some(_)) => report.failed.push(undelivered),
            (Recorded::Yes, None) => report.given_up.push(undelivered),
        }
        Ok(())
    }
}

/// Sends one alert to every sink, side by side, and keeps no record: how a set-up is tried. Answers
/// in the order of the sinks.
pub async fn send_to_all(
    sinks: &[Arc<dyn Sink>],
    id: AlertId,
    alert: &Alert,
    deadline: Duration,
) -> Vec<Result<(), SinkError>> {
    let mut sends = JoinSet::new();
    let mut numbers = HashMap::new();
    for (number, sink) in sinks.iter().enumerate() {
        let (sink, alert) = (Arc::clone(sink), alert.clone());
        let send = async move { send_within(&*sink, id, &alert, deadline).await };
        numbers.insert(sends.spawn(send).id(), number);
    }
    let mut results: Vec<(usize, Result<(), SinkError>)> = Vec::new();
    while let Some(joined) = sends.join_next_with_id().await {
        let (task, result) = match joined {
            Ok((task, result)) => (task, result),
            Err(error) => (error.id(), Err(broken(&error))),
        };
        if let Some(number) = numbers.get(&task) {
            results.push((*number, result));
        }
    }
    results.sort_by_key(|(number, _)| *number);
    results.into_iter().map(|(_, result)| result).collect()
}

async fn send_within(
    sink: &dyn Sink,
    id: AlertId,
    alert: &Alert,
    deadline: Duration,
) -> Result<(), SinkError> {
    timeout(deadline, sink.send(id, alert))
        .await
        .unwrap_or(Err(SinkError::Timeout { after: deadline }))
}

fn broken(error: &JoinError) -> SinkError {
    let what = if error.is_panic() {
        "it panicked"
    } else {
        "it was stopped"
    };
    SinkError::Broken {
        what: what.to_owned(),
    }
}

fn later(now: DateTime<Utc>, span: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(span)
        .ok()
        .and_then(|span| now.checked_add_signed(span))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_fill_a_day() {
        let policy = DeliveryPolicy::default();
        let middle = 1 << 63;
        let pauses: Vec<u64> = (1..policy.most_attempts)
            .map(|attempt| policy.pause(attempt, None, middle).as_secs() / 60)
            .collect();
        assert_eq!(pauses, [1, 3, 9, 27, 81, 243, 360, 360, 360]);
        assert_eq!(pauses.iter().sum::<u64>() / 60, 24);
        let bounds = [0, u64::MAX].map(|lot| policy.pause(1, None, lot).as_secs_f64().round());
        assert_eq!(bounds, [48.0, 72.0]);
        assert!(policy.pause(u32::MAX, None, 0) < policy.longest_pause);
    }

    #[test]
    fn a_sink_is_left_alone_as_long_as_it_asks_within_bounds() {
        let policy = DeliveryPolicy::default();
        let asked = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(policy.pause(1, asked(600), 0), Duration::from_secs(600));
        assert_eq!(policy.pause(1, asked(5), 0), policy.first_pause);
        assert_eq!(policy.pause(1, asked(1 << 40), 0), policy.longest_pause);
    }
}
