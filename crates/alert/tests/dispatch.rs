//! Rounds of deliveries: side by side, bounded, tried again, given up.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use decnet_alert::alert::{Alert, AlertId, AlertKind, Severity};
use decnet_alert::dispatch::{DeliveryPolicy, DeliveryReport, Dispatcher, send_to_all};
use decnet_alert::ledger::{AlertFilter, AlertLedger, DeliveryState, Raised};
use decnet_alert::memory_ledger::MemoryAlertLedger;
use decnet_alert::sink::{Sink, SinkError, SinkName};
use tokio::time::Instant;

const KIND: AlertKind = AlertKind::constant("first-login");
const GOOD: SinkName = SinkName::constant("good");
const BAD: SinkName = SinkName::constant("bad");

/// What a sink does with one alert.
#[derive(Clone, Copy, Debug)]
enum Act {
    Take,
    Hang,
    Linger(u64),
    Panic,
    Refuse(u16, bool, Option<u64>),
}

/// A sink that follows a script, and takes everything after its end.
#[derive(Debug)]
struct Scripted {
    name: SinkName,
    script: Mutex<VecDeque<Act>>,
    asked: Mutex<Vec<u128>>,
}

impl Scripted {
    fn new(name: SinkName, script: impl IntoIterator<Item = Act>) -> Arc<Self> {
        Arc::new(Self {
            name,
            script: Mutex::new(script.into_iter().collect()),
            asked: Mutex::default(),
        })
    }

    fn asked(&self) -> Vec<u128> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sink for Scripted {
    fn name(&self) -> &SinkName {
        &self.name
    }

    fn destination(&self) -> String {
        "a test".to_owned()
    }

    async fn send(&self, id: AlertId, _: &Alert) -> Result<(), SinkError> {
        self.asked.lock().unwrap().push(id.0);
        let act = self.script.lock().unwrap().pop_front();
        match act.unwrap_or(Act::Take) {
            Act::Take => Ok(()),
            Act::Hang => std::future::pending().await,
            Act::Linger(seconds) => {
                tokio::time::sleep(Duration::from_secs(seconds)).await;
                Ok(())
            }
            Act::Panic => panic!("a bug"),
            Act::Refuse(status, is_transient, retry_after) => Err(SinkError::Refused {
                status,
                message: "no\nthank you".to_owned(),
                is_transient,
                retry_after: retry_after.map(Duration::from_secs),
            }),
        }
    }
}

/// A ledger, its sinks and a clock that stands still unless it is moved.
struct Desk {
    ledger: MemoryAlertLedger,
    sinks: Vec<Arc<dyn Sink>>,
    seconds: AtomicI64,
    policy: DeliveryPolicy,
}

impl Desk {
    fn new(sinks: &[&Arc<Scripted>]) -> Self {
        Self {
            ledger: MemoryAlertLedger::new(),
            sinks: sinks.iter().map(|sink| Arc::clone(sink) as _).collect(),
            seconds: AtomicI64::new(0),
            policy: DeliveryPolicy::default(),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        at(self.seconds.load(Ordering::Relaxed))
    }

    fn raise(&mut self, ids: std::ops::RangeInclusive<u128>) {
        let names: Vec<_> = self.sinks.iter().map(|sink| sink.name().clone()).collect();
        for id in ids {
            let key = format!("mx{id}");
            let alert = Alert::new(KIND, key, Severity::Notice, self.now(), "x").unwrap();
            let raised = self.ledger.raise(AlertId(id), &alert, &names).unwrap();
            assert_eq!(raised, Raised::New(AlertId(id)));
        }
    }

    async fn deliver(&mut self) -> DeliveryReport {
        let seconds = &self.seconds;
        // The middle: pauses are as long as they are on average.
        let mut random = || 1 << 63;
        let mut dispatcher = Dispatcher {
            ledger: &mut self.ledger,
            sinks: &self.sinks,
            clock: &|| at(seconds.load(Ordering::Relaxed)),
            random: &mut random,
            policy: self.policy,
        };
        dispatcher.deliver().await.unwrap()
    }

    /// State, attempts and error of each delivery to a sink, the first alert first.
    fn states(&mut self, sink: &SinkName) -> Vec<(DeliveryState, u32, Option<String>)> {
        let listed = self.ledger.alerts(&AlertFilter::default()).unwrap();
        let deliveries = listed
            .into_iter()
            .rev()
            .flat_map(|record| record.deliveries);
        deliveries
            .filter(|held| held.sink == *sink)
            .map(|held| (held.state, held.attempts, held.error))
            .collect()
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_000 + seconds)
}

#[tokio::test(start_paused = true)]
async fn everything_due_is_sent_once_in_order() {
    let sink = Scripted::new(GOOD, []);
    let mut desk = Desk::new(&[&sink]);
    desk.raise(1..=5);
    assert_eq!(desk.deliver().await.sent, 5);
    assert_eq!(sink.asked(), [1, 2, 3, 4, 5]);
    assert_eq!(desk.deliver().await, DeliveryReport::default());
    assert_eq!(sink.asked().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_hangs_holds_up_no_other() {
    let (good, bad) = (Scripted::new(GOOD, []), Scripted::new(BAD, [Act::Hang]));
    let mut desk = Desk::new(&[&bad, &good]);
    desk.raise(1..=3);
    let start = Instant::now();
    let report = desk.deliver().await;
    assert_eq!(start.elapsed(), Duration::from_secs(10), "one deadline");
    assert_eq!(report.sent, 3);
    assert_eq!(report.failed.len(), 1);
    assert_eq!(report.failed[0].error, "no success within 10s");
    assert_eq!(good.asked(), [1, 2, 3]);
    assert_eq!(bad.asked(), [1], "the next ones would hang as well");
    assert_eq!(desk.states(&BAD)[1], (DeliveryState::Waiting, 0, None));
}

#[tokio::test(start_paused = true)]
async fn sinks_work_side_by_side() {
    let sinks = [GOOD, BAD].map(|name| Scripted::new(name, [Act::Linger(5); 3]));
    let mut desk = Desk::new(&[&sinks[0], &sinks[1]]);
    desk.raise(1..=3);
    let start = Instant::now();
    assert_eq!(desk.deliver().await.sent, 6);
    assert_eq!(start.elapsed(), Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn what_fails_waits_longer_each_time_and_is_given_up_and_said() {
    let sink = Scripted::new(BAD, [Act::Refuse(503, true, None); 10]);
    let mut desk = Desk::new(&[&sink]);
    desk.raise(1..=1);
    let mut waits = Vec::new();
    let mut last = 0;
    for minute in 0..2_000 {
        desk.seconds.store(60 * minute, Ordering::Relaxed);
        let report = desk.deliver().await;
        let tried = sink.asked().len();
        if report.failed.len() + report.given_up.len() == 1 {
            waits.push(minute - last);
            last = minute;
        }
        assert_eq!(
            report.given_up.len(),
            usize::from(tried == 10 && last == minute)
        );
    }
    assert_eq!(waits, [0, 1, 3, 9, 27, 81, 243, 360, 360, 360]);
    let error = "refused with status 503: no thank you".to_owned();
    assert_eq!(
        desk.states(&BAD),
        [(DeliveryState::GivenUp, 10, Some(error))]
    );
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_asks_for_a_pause_gets_it() {
    let sink = Scripted::new(BAD, [Act::Refuse(429, true, Some(3_600))]);
    let mut desk = Desk::new(&[&sink]);
    desk.raise(1..=1);
    assert_eq!(desk.deliver().await.failed.len(), 1);
    desk.seconds.store(3_599, Ordering::Relaxed);
    assert_eq!(desk.deliver().await, DeliveryReport::default());
    // It is no earlier than asked for, and at most a tenth later by this lot.
    desk.seconds.store(3_960, Ordering::Relaxed);
    assert_eq!(desk.deliver().await.sent, 1);
}

#[tokio::test(start_paused = true)]
async fn a_failure_for_good_does_not_hold_up_the_next_alert() {
    let sink = Scripted::new(BAD, [Act::Refuse(400, false, None), Act::Panic]);
    let mut desk = Desk::new(&[&sink]);
    desk.raise(1..=3);
    let report = desk.deliver().await;
    assert_eq!((report.sent, report.given_up.len()), (1, 2));
    assert_eq!(report.given_up[1].error, "the sink broke: it panicked");
    assert_eq!(sink.asked(), [1, 2, 3]);
    let states: Vec<_> = desk.states(&BAD).iter().map(|(state, ..)| *state).collect();
    let given_up = DeliveryState::GivenUp;
    assert_eq!(states, [given_up, given_up, DeliveryState::Sent]);
}

#[tokio::test(start_paused = true)]
async fn new_alerts_do_not_wait_behind_one_that_fails() {
    let sink = Scripted::new(BAD, [Act::Refuse(500, true, None)]);
    let mut desk = Desk::new(&[&sink]);
    desk.raise(1..=1);
    assert_eq!(desk.deliver().await.failed.len(), 1);
    desk.raise(2..=3);
    desk.seconds.store(3_600, Ordering::Relaxed);
    assert_eq!(desk.deliver().await.sent, 3);
    assert_eq!(sink.asked(), [1, 2, 3, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_round_has_an_end() {
    let sink = Scripted::new(BAD, [Act::Linger(9); 100]);
    let mut desk = Desk::new(&[&sink]);
    desk.raise(1..=100);
    let start = Instant::now();
    assert_eq!(
        desk.deliver().await.sent,
        4,
        "the fourth began before the end"
    );
    assert_eq!(start.elapsed(), Duration::from_secs(36));
    let sink = Scripted::new(GOOD, []);
    let mut desk = Desk::new(&[&sink]);
    desk.raise(1..=150);
    assert_eq!(desk.deliver().await.sent, 100);
    assert_eq!(desk.deliver().await.sent, 50);
}

#[tokio::test(start_paused = true)]
async fn tries_that_a_crash_cut_off_count() {
    let sink = Scripted::new(BAD, []);
    let mut desk = Desk::new(&[&sink]);
    desk.raise(1..=2);
    for crash in 1..=10 {
        let held = desk.ledger.claim_deliveries(&BAD, at(crash), at(crash), 2);
        assert_eq!(held.unwrap().len(), 2);
    }
    desk.seconds.store(100, Ordering::Relaxed);
    let report = desk.deliver().await;
    assert_eq!(report.given_up.len(), 2, "{report:?}");
    let said = "the sink broke: no try of it came to an end";
    assert_eq!(report.given_up[0].error, said);
    assert_eq!(sink.asked(), [], "it is not sent for an eleventh time");
}

#[tokio::test(start_paused = true)]
async fn what_was_overtaken_is_said_and_not_recorded() {
    let sink = Scripted::new(BAD, [Act::Linger(5)]);
    let mut desk = Desk::new(&[&sink]);
    desk.raise(1..=1);
    // The other process: it takes over what the clock of this one says is still leased.
    let held = desk.ledger.claim_deliveries(&BAD, at(0), at(0), 1).unwrap();
    assert_eq!(held[0].attempt, 1);
    assert_eq!(desk.deliver().await.sent, 1);
    let failed = decnet_alert::ledger::FailedDelivery {
        id: AlertId(1),
        sink: BAD,
        attempt: 1,
        error: "late".to_owned(),
        at: at(9),
        next_attempt_at: Some(at(10)),
    };
    let recorded = desk.ledger.record_failed(&failed).unwrap();
    assert_eq!(recorded, decnet_alert::ledger::Recorded::Overtaken);
    assert_eq!(desk.states(&BAD), [(DeliveryState::Sent, 2, None)]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_sink_that_is_gone_is_dropped() {
    let (good, bad) = (Scripted::new(GOOD, []), Scripted::new(BAD, [Act::Hang]));
    let mut desk = Desk::new(&[&good, &bad]);
    desk.raise(1..=2);
    desk.sinks.truncate(1);
    let report = desk.deliver().await;
    assert_eq!((report.sent, report.dropped), (2, 2));
    assert_eq!(bad.asked(), []);
}

#[tokio::test(start_paused = true)]
async fn a_set_up_is_tried_without_a_ledger() {
    let (good, bad) = (Scripted::new(GOOD, []), Scripted::new(BAD, [Act::Hang]));
    let broken = Scripted::new(SinkName::constant("broken"), [Act::Panic]);
    let sinks: Vec<Arc<dyn Sink>> = vec![bad, good, broken];
    let alert = Alert::new(KIND, "k", Severity::Info, at(0), "x").unwrap();
    let results = send_to_all(&sinks, AlertId(1), &alert, Duration::from_secs(3)).await;
    let said: Vec<String> = results
        .iter()
        .map(|result| {
            result
                .as_ref()
                .map_or_else(ToString::to_string, |()| "sent".to_owned())
        })
        .collect();
    assert_eq!(
        said,
        [
            "no success within 3s",
            "sent",
            "the sink broke: it panicked"
        ]
    );
}
