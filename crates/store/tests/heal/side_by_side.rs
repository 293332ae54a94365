//! The store and the ledger in memory, driven side by side through whatever can happen.

use std::fmt::Debug;

use chrono::{DateTime, TimeDelta, Utc};
use decnet_self_heal::action::{IdempotencyKey, Tier};
use decnet_self_heal::attempt::{AttemptId, Epoch, ErrorCode, ExecutionError};
use decnet_self_heal::conformance::agrees_with_its_log;
use decnet_self_heal::decision::Plan;
use decnet_self_heal::fleet::{Budget, FleetCount};
use decnet_self_heal::freeze::Presence;
use decnet_self_heal::ledger::{
    AttemptFilter, CounterPoint, Fleet, HealLedger, HealLedgerError, Intake, Observations,
    TargetId, View,
};
use decnet_self_heal::limits::Limits;
use decnet_self_heal::memory_ledger::MemoryHealLedger;
use decnet_self_heal::point::Point;
use decnet_self_heal::policy::Episode;
use decnet_store::Store;
use proptest::prelude::*;
use serde_json::json;

use super::open;

const TARGETS: [&str; 5] = ["p1", "it's", "100%\n", "東京", ""];
const POLICIES: [&str; 2] = ["stagnation", "age"];
const COUNTERS: [&str; 2] = ["web", "mail"];

/// Something that happens to a ledger. Minutes are those that the clock goes on, or back.
#[derive(Clone, Debug)]
enum Step {
    Clock(i64),
    Points {
        points: Vec<(usize, i64, u64, u64)>,
        keep_for: Option<i64>,
    },
    Counters {
        counted: Vec<(usize, usize, i64, u64, u64)>,
        keep_for: Option<i64>,
    },
    Presences {
        presences: Vec<(u8, usize, i64, Option<i64>)>,
        forget_before: Option<i64>,
    },
    Position(usize, i64),
    Begin {
        target: usize,
        policy: usize,
        tier: usize,
        epoch: i64,
        strict: bool,
        stagnation: f64,
    },
    TakeUp {
        lot: usize,
        token: u32,
    },
    Success {
        lot: usize,
        token: u32,
        number: f64,
    },
    Failure {
        lot: usize,
        token: u32,
        retry: Option<i64>,
        code: usize,
    },
    Pause(Option<usize>),
    Resume(Option<usize>),
    Observe {
        episodes: Vec<(usize, usize, i64)>,
        circuit: Option<bool>,
        put_back: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    // The last name is one that no target can have: seldom.
    let target = || prop_oneof![60 => 0..4_usize, 1 => Just(4_usize)];
    let minutes = || -30..30_i64;
    let counts = || prop_oneof![8 => 0..100_u64, 1 => any::<u64>()];
    let keep_for = || prop::option::of(0..60_i64);
    // How far the token is from the right one.
    let token = || prop_oneof![8 => Just(0_u32), 1 => Just(1), 1 => Just(2)];
    prop_oneof![
        4 => (-20..90_i64).prop_map(Step::Clock),
        3 => (
            prop::collection::vec((target(), minutes(), counts(), counts()), 0..6),
            keep_for(),
        )
            .prop_map(|(points, keep_for)| Step::Points { points, keep_for }),
        2 => (
            prop::collection::vec(
                (target(), 0..2_usize, minutes(), counts(), counts()),
                0..6,
            ),
            keep_for(),
        )
            .prop_map(|(counted, keep_for)| Step::Counters { counted, keep_for }),
        1 => (
            prop::collection::vec(
                (0..6_u8, target(), minutes(), prop::option::of(minutes())),
                0..4,
            ),
            prop::option::of(minutes()),
        )
            .prop_map(|(presences, forget_before)| Step::Presences {
                presences,
                forget_before,
            }),
        1 => (0..2_usize, any::<i64>()).prop_map(|(source, at)| Step::Position(source, at)),
        8 => (target(), 0..2_usize, 0..3_usize, 0..3_i64, any::<bool>(), 0.0..1.0_f64).prop_map(
            |(target, policy, tier, epoch, strict, stagnation)| Step::Begin {
                target,
                policy,
                tier,
                epoch,
                strict,
                stagnation,
            }
        ),
        4 => (any::<usize>(), token()).prop_map(|(lot, token)| Step::TakeUp { lot, token }),
        3 => (any::<usize>(), token(), any::<f64>().prop_filter("JSON has no others", |number| {
            number.is_finite()
        }))
            .prop_map(|(lot, token, number)| Step::Success { lot, token, number }),
        5 => (any::<usize>(), token(), prop::option::of(minutes()), 0..8_usize).prop_map(
            |(lot, token, retry, code)| Step::Failure {
                lot,
                token,
                retry,
                code,
            }
        ),
        1 => prop::option::of(target()).prop_map(Step::Pause),
        2 => prop::option::of(target()).prop_map(Step::Resume),
        2 => (
            prop::collection::vec((0..2_usize, target(), any::<i64>()), 0..3),
            prop::option::of(any::<bool>()),
            any::<bool>(),
        )
            .prop_map(|(episodes, circuit, put_back)| Step::Observe {
                episodes,
                circuit,
                put_back,
            }),
    ]
}

struct Pair {
    store: Store,
    memory: MemoryHealLedger,
    now: DateTime<Utc>,
}

impl Pair {
    /// Does the same to both; they have to answer the same.
    #[track_caller]
    fn both<T: PartialEq + Debug>(
        &mut self,
        work: impl Fn(&mut dyn HealLedger) -> Result<T, HealLedgerError>,
    ) -> Option<T> {
        let told = |done: Result<T, HealLedgerError>| done.map_err(|error| error.to_string());
        let (store, memory) = (told(work(&mut self.store)), told(work(&mut self.memory)));
        assert_eq!(store, memory);
        store.ok()
    }

    fn after(&self, minutes: i64) -> DateTime<Utc> {
        self.now + TimeDelta::minutes(minutes)
    }

    fn point(&self, minutes: i64, impressions: u64, engagements: u64) -> Point {
        Point {
            at: self.after(minutes),
            impressions,
            engagements,
        }
    }

    /// An attempt, and its token less what it is off.
    fn some_attempt(&mut self, lot: usize, off: u32) -> (AttemptId, u32) {
        let all = self.both(|ledger| ledger.attempts(&AttemptFilter::default()));
        let all = all.unwrap_or_default();
        match all.get(lot % all.len().max(1)) {
            Some(attempt) => (attempt.id, attempt.token.wrapping_sub(off)),
            None => (AttemptId(1), 1),
        }
    }

    fn take_in(&mut self, intake: &Intake<'_>) {
        self.both(|ledger| ledger.take_in(intake));
    }

    fn step(&mut self, step: &Step) {
        let now = self.now;
        match step {
            Step::Clock(minutes) => {
                // Seconds and less make moments that no other step hits by chance.
                self.now = self.after(*minutes) + TimeDelta::microseconds(1_000_003);
            }
            Step::Points { points, keep_for } => {
                let points: Vec<_> = points
                    .iter()
                    .map(|(target, minutes, impressions, engagements)| {
                        let point = self.point(*minutes, *impressions, *engagements);
                        (TARGETS[*target], point)
                    })
                    .collect();
                self.take_in(&Intake {
                    points: &points,
                    keep_for: keep_for.map(TimeDelta::minutes),
                    ..Intake::default()
                });
            }
            Step::Counters { counted, keep_for } => {
                let counters: Vec<_> = counted
                    .iter()
                    .map(
                        |(target, counter, minutes, impressions, engagements)| CounterPoint {
                            target: TARGETS[*target],
                            counter: COUNTERS[*counter],
                            point: self.point(*minutes, *impressions, *engagements),
                        },
                    )
                    .collect();
                self.take_in(&Intake {
                    counters: &counters,
                    keep_for: keep_for.map(TimeDelta::minutes),
                    ..Intake::default()
                });
            }
            Step::Presences {
                presences,
                forget_before,
            } => {
                let presences: Vec<_> = presences
                    .iter()
                    .map(|(id, target, since, until)| Presence {
                        id: format!("session {id}"),
                        target: TARGETS[*target].to_owned(),
                        since: self.after(*since),
                        until: until.map(|until| self.after(until)),
                    })
                    .collect();
                self.take_in(&Intake {
                    presences: &presences,
                    forget_presences_before: forget_before.map(|minutes| self.after(minutes)),
                    ..Intake::default()
                });
            }
            Step::Position(source, position) => self.take_in(&Intake {
                position: Some((COUNTERS[*source], *position)),
                ..Intake::default()
            }),
            Step::Begin {
                target,
                policy,
                tier,
                epoch,
                strict,
                stagnation,
            } => {
                let (target, tier) = (TARGETS[*target], Tier::ALL[*tier]);
                let plan = Plan {
                    policy: POLICIES[*policy].to_owned(),
                    target: target.to_owned(),
                    tier,
                    action: tier.action(),
                    key: IdempotencyKey::of(target, tier.action(), tier),
                    epoch: Epoch(*epoch),
                    stagnation: Some(*stagnation),
                    trend: None,
                    last_change: None,
                };
                let limits = Limits {
                    most_in_window: if *strict { 2 } else { 100 },
                    ..Limits::default()
                };
                let budget = Budget {
                    actions_per_hour: if *strict { 3 } else { 100 },
                };
                let lease_until = self.after(10);
                self.both(|ledger| ledger.begin(&plan, &limits, budget, now, lease_until));
            }
            Step::TakeUp { lot, token } => {
                let (id, token) = self.some_attempt(*lot, *token);
                let lease_until = self.after(10);
                self.both(|ledger| ledger.take_up(id, token, now, lease_until));
            }
            Step::Success { lot, token, number } => {
                let (id, token) = self.some_attempt(*lot, *token);
                let result = json!({"number": number});
                self.both(|ledger| ledger.record_success(id, token, &result, now));
            }
            Step::Failure {
                lot,
                token,
                retry,
                code,
            } => {
                let (id, token) = self.some_attempt(*lot, *token);
                let error = ExecutionError::new(ErrorCode::ALL[*code], "it did not work");
                let retry_at = retry.map(|minutes| self.after(minutes));
                self.both(|ledger| ledger.record_failure(id, token, &error, retry_at, now));
            }
            Step::Pause(target) => {
                let target = target.map(|target| TARGETS[target]);
                self.both(|ledger| ledger.pause(target, now));
            }
            Step::Resume(target) => {
                let target = target.map(|target| TARGETS[target]);
                self.both(|ledger| ledger.resume(target, now));
            }
            Step::Observe {
                episodes,
                circuit,
                put_back,
            } => {
                let episodes = episodes
                    .iter()
                    .map(|(policy, target, number)| {
                        let episode = Episode {
                            number: *number,
                            is_stale: number % 2 == 0,
                            since: now,
                        };
                        let policy = POLICIES[*policy].to_owned();
                        (policy, TARGETS[*target].to_owned(), episode)
                    })
                    .collect();
                let count = FleetCount {
                    stale: 5,
                    with_traffic: 9,
                };
                let seen = Observations {
                    episodes,
                    circuit: circuit.map(|is_open| (is_open, count)),
                    clock_was_put_back: *put_back,
                };
                self.both(|ledger| ledger.record_observations(&seen, now));
            }
        }
    }

    /// Looks that a tick takes.
    fn look(&mut self) {
        let now = self.now;
        let view = View {
            points_from: self.after(-20),
            beginnings_from: self.after(-90),
        };
        self.both(|ledger| ledger.targets(TargetId(1), 2, view));
        self.both(|ledger| ledger.target(TARGETS[0], view));
        self.both(|ledger| fleet(ledger, view.beginnings_from, now));
        self.both(|ledger| ledger.unfinished(now, 3));
        self.both(|ledger| ledger.presences(view.points_from));
    }

    /// Everything that there is.
    fn compare(&mut self) {
        let all = View {
            points_from: DateTime::<Utc>::MIN_UTC,
            beginnings_from: DateTime::<Utc>::MIN_UTC,
        };
        let now = self.now;
        self.both(|ledger| ledger.targets(TargetId(0), 100, all));
        self.both(|ledger| fleet(ledger, all.beginnings_from, now));
        self.both(|ledger| ledger.presences(all.points_from));
        self.both(|ledger| ledger.paused());
        self.both(|ledger| ledger.unfinished(DateTime::<Utc>::MAX_UTC, 1_000));
        self.both(|ledger| ledger.log(0, 10_000));
        for source in COUNTERS {
            self.both(|ledger| ledger.position(source));
        }
        for target in [None, Some(TARGETS[0]), Some(TARGETS[2])] {
            for status in [None, Some("running"), Some("success"), Some("failed")] {
                for limit in [0, 2] {
                    let filter = AttemptFilter {
                        target: target.map(str::to_owned),
                        status: status.map(str::to_owned),
                        limit,
                    };
                    self.both(|ledger| ledger.attempts(&filter));
                }
            }
        }
    }
}

/// What holds for all, with beginnings in an order that both can keep.
fn fleet(
    ledger: &mut dyn HealLedger,
    begun_from: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Fleet, HealLedgerError> {
    let mut fleet = ledger.fleet(begun_from, now)?;
    fleet
        .begun
        .sort_unstable_by_key(|held| (held.at, held.action, held.seen_ahead_at));
    Ok(fleet)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 80,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn store_and_memory_show_the_same(steps in prop::collection::vec(step(), 1..80)) {
        let folder = tempfile::tempdir().unwrap();
        let mut pair = Pair {
            store: open(&folder.path().join("decnet.db")),
            memory: MemoryHealLedger::new(),
            now: DateTime::UNIX_EPOCH + TimeDelta::days(20_000),
        };
        for step in &steps {
            pair.step(step);
            pair.look();
        }
        pair.compare();
        agrees_with_its_log(&mut pair.store);
        agrees_with_its_log(&mut pair.memory);
        prop_assert_eq!(pair.store.integrity_problems().unwrap(), Vec::<String>::new());
    }
}
