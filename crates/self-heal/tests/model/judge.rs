//! Says what the engine may do and has to say, from what happened alone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use decnet_self_heal::action::{Action, Tier};
use decnet_self_heal::attempt::{AttemptId, Status};
use decnet_self_heal::decision::{Decision, Plan, Reason};
use decnet_self_heal::log::State;
use decnet_self_heal::tick::HealReport;

use super::told;
use super::world::{DECOYS, Decoy, Execution, Hands, Outcome, World, moment};

const DAY: i64 = 24 * 60;

/// Minutes from the beginning of an action to its next.
fn cooldown(action: Action) -> i64 {
    match action {
        Action::Comment => 30,
        Action::Edit => 120,
        Action::Thread => 180,
    }
}

/// Minutes to wait after so many failures, at most `longest`.
fn doubled(failures: u32, longest: i64) -> i64 {
    let mut wait = 1;
    for _ in 1..failures {
        wait = (wait * 2).min(longest);
    }
    wait.min(longest)
}

struct Beginning {
    action: Action,
    clock: i64,
    truth: i64,
    put_forward: i64,
}

#[derive(Debug, PartialEq, Eq)]
enum Stand {
    /// Somebody works on it, or died while doing so.
    Running {
        since: i64,
    },
    Waiting {
        until: i64,
    },
    Done,
    GaveUp,
}

struct Attempt {
    target: usize,
    cause: String,
    beginnings: u32,
    tries: u32,
    stand: Stand,
}

/// What can be seen of a decoy before a tick.
#[derive(Clone, Copy, Default)]
struct View {
    is_frozen: bool,
    samples: usize,
    impressions: u64,
    engagements: u64,
}

impl View {
    fn stagnation(&self) -> f64 {
        if self.impressions == 0 {
            return 1.0;
        }
        1.0 - (self.engagements as f64 / self.impressions as f64 * 20.0).min(1.0)
    }

    fn tier(&self) -> Tier {
        match self.stagnation() {
            strong if strong >= 0.8 => Tier::Three,
            middling if middling >= 0.55 => Tier::Two,
            _ => Tier::One,
        }
    }
}

/// Whether a decoy is in a stale time, since when, and the how-manieth it is.
#[derive(Clone, Copy)]
struct Time {
    is_stale: bool,
    since: i64,
    number: i64,
}

#[derive(Default)]
pub(crate) struct Judge {
    views: Vec<View>,
    times: Vec<Option<Time>>,
    begun: Vec<Vec<Beginning>>,
    failures: Vec<u32>,
    attempts: HashMap<i64, Attempt>,
    unsettled: BTreeSet<i64>,
    by_cause: HashMap<String, i64>,
    /// When attempts began by the clock, those of the last days in truth.
    recent: Vec<(i64, i64)>,
    /// Of each attempt that was due before the tick.
    due: Vec<i64>,
    circuit_is_open: bool,
    pub(crate) circuit_openings: usize,
    pub(crate) done: usize,
    pub(crate) retried: usize,
    pub(crate) gave_up: usize,
    pub(crate) crashes: usize,
    pub(crate) reasons: BTreeMap<&'static str, usize>,
}

impl fmt::Display for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "done {}, retried {}, gave up {}, crashes {}, circuit opened {}; {:?}",
            self.done,
            self.retried,
            self.gave_up,
            self.crashes,
            self.circuit_openings,
            self.reasons
        )
    }
}

impl Judge {
    pub(crate) fn new() -> Self {
        Self {
            views: vec![View::default(); DECOYS],
            times: vec![None; DECOYS],
            begun: (0..DECOYS).map(|_| Vec::new()).collect(),
            failures: vec![0; DECOYS],
            ..Self::default()
        }
    }

    /// Looks at the world as a tick is about to.
    pub(crate) fn look_at(&mut self, world: &World) {
        let clock = world.clock;
        let (mut stale, mut with_traffic) = (0, 0);
        for (index, decoy) in world.decoys.iter().enumerate() {
            let view = look(decoy, clock);
            self.views[index] = view;
            if view.samples < 3 {
                continue;
            }
            // Where there are decoys, what is none says nothing about them.
            if view.impressions > 0 && !decoy.is_plain {
                with_traffic += 1;
                stale += usize::from(view.tier() != Tier::One);
            }
            if !world.paused_all && !decoy.is_paused && !view.is_frozen {
                self.observe(index, decoy, clock);
            }
        }
        let was_open = self.circuit_is_open;
        self.circuit_is_open = with_traffic >= 4 && 10 * stale > 4 * with_traffic;
        self.circuit_openings += usize::from(self.circuit_is_open && !was_open);
        let due = self.unsettled.iter().filter(|id| {
            let attempt = &self.attempts[id];
            let decoy = &world.decoys[attempt.target];
            let is_free = !decoy.is_paused && !self.views[attempt.target].is_frozen;
            is_free
                && match attempt.stand {
                    Stand::Running { since } => since + 10 <= clock,
                    Stand::Waiting { until } => until <= clock,
                    Stand::Done | Stand::GaveUp => false,
                }
        });
        self.due = due.copied().collect();
    }

    /// Stale and other times follow each other.
    fn observe(&mut self, index: usize, decoy: &Decoy, clock: i64) {
        let view = self.views[index];
        let nobody_looks = view.impressions == 0 && !decoy.is_plain;
        let is_stale = !nobody_looks && view.tier() != Tier::One;
        let time = &mut self.times[index];
        match time {
            Some(now) if now.is_stale == is_stale && clock - now.since < 7 * DAY => {}
            Some(now) => {
                *now = Time {
                    is_stale,
                    since: clock,
                    number: now.number + 1,
                };
            }
            None if nobody_looks => {}
            None => {
                *time = Some(Time {
                    is_stale,
                    since: clock,
                    number: 1,
                });
            }
        }
    }

    pub(crate) fn check_executions(
        &mut self,
        world: &World,
        hands: &Hands,
        executions: &[Execution],
        has_ended: bool,
        state: &State,
    ) {
        let has_crashed = executions.iter().any(|e| e.outcome == Outcome::Crash);
        assert_eq!(has_crashed, !has_ended);
        if !executions.is_empty() {
            assert!(!world.paused_all && !self.circuit_is_open, "{executions:?}");
        }
        self.recent
            .retain(|(_, truth)| world.truth - truth < 3 * DAY);
        let mut targets = BTreeSet::new();
        for execution in executions {
            let target = World::index(&execution.target);
            let decoy = &world.decoys[target];
            let told = || {
                format!(
                    "truth {}, clock {}: {execution:?}",
                    world.truth, world.clock
                )
            };
            assert!(
                !decoy.is_paused && !self.views[target].is_frozen,
                "{}",
                told()
            );
            if execution.tries == 1 {
                // A tick begins one thing at most on each target.
                assert!(targets.insert(target), "{}", told());
                self.check_beginning(world, target, execution)
                    .unwrap_or_else(|why| {
                        panic!("{why} at {}", told());
                    });
            } else {
                let attempt = &self.attempts[&execution.attempt];
                assert!(self.due.contains(&execution.attempt), "{}", told());
                assert_eq!(attempt.cause, execution.cause, "{}", told());
                assert_eq!(attempt.beginnings, execution.beginning, "{}", told());
                assert_eq!(attempt.tries + 1, execution.tries, "{}", told());
                self.retried += 1;
            }
            self.settle(world, target, execution, state);
            assert!(
                hands
                    .effects
                    .get(&execution.cause)
                    .is_none_or(|often| *often == 1)
            );
            if execution.outcome == Outcome::Done {
                assert_eq!(hands.effects.get(&execution.cause), Some(&1), "{}", told());
            }
        }
        for execution in executions {
            let known = &state.targets[&execution.target];
            let failures = self.failures[World::index(&execution.target)];
            assert_eq!(known.failures_in_a_row, failures, "{execution:?}");
        }
        if has_ended && !world.paused_all && !self.circuit_is_open {
            let finished = executions.iter().filter(|e| e.tries > 1);
            let finished: BTreeSet<i64> = finished.map(|e| e.attempt).collect();
            let due: BTreeSet<i64> = self.due.iter().copied().collect();
            assert_eq!(finished, due, "everything that is due is taken up");
        }
    }

    fn check_beginning(
        &mut self,
        world: &World,
        target: usize,
        execution: &Execution,
    ) -> Result<(), String> {
        let (clock, truth) = (world.clock, world.truth);
        let decoy = &world.decoys[target];
        if !decoy.is_plain && !decoy.owner_is_active(clock) {
            return Err("nobody is there".to_owned());
        }
        let action = execution.action;
        let slowed = match self.failures[target] {
            0 | 1 => 0,
            failures => doubled(failures, 6 * 60),
        };
        let rest = cooldown(action).max(slowed);
        for earlier in self.begun[target].iter().filter(|b| b.action == action) {
            let apart = (clock - earlier.clock).abs();
            let skipped = world.put_forward - earlier.put_forward;
            if apart < rest || truth - earlier.truth + skipped < rest {
                return Err(format!("{apart} minutes by the clock, not {rest}"));
            }
        }
        self.begun[target].push(Beginning {
            action,
            clock,
            truth,
            put_forward: world.put_forward,
        });
        let mut near: Vec<i64> = self.begun[target].iter().map(|b| b.clock).collect();
        near.retain(|at| (clock - at).abs() <= 90);
        near.sort_unstable();
        if near.windows(3).any(|three| three[2] - three[0] <= 90) {
            return Err(format!("too much in a window: {near:?}"));
        }
        self.recent.push((clock, truth));
        let within = |(at, _): &&(i64, i64)| clock - 60 < *at && *at <= clock;
        let in_an_hour = self.recent.iter().filter(within).count();
        if in_an_hour > 20 {
            return Err(format!("{in_an_hour} in an hour"));
        }
        if let Some(id) = self.by_cause.get(&execution.cause) {
            let attempt = &self.attempts[id];
            if *id != execution.attempt || attempt.stand != Stand::GaveUp {
                return Err(format!("attempt {id} {:?}", attempt.stand));
            }
        }
        let attempt = self.attempts.entry(execution.attempt);
        let attempt = attempt.or_insert_with(|| Attempt {
            target,
            cause: execution.cause.clone(),
            beginnings: 0,
            tries: 0,
            stand: Stand::GaveUp,
        });
        attempt.beginnings += 1;
        attempt.tries = 0;
        if attempt.beginnings != execution.beginning || attempt.cause != execution.cause {
            return Err(format!("beginning {}", attempt.beginnings));
        }
        self.by_cause
            .insert(execution.cause.clone(), execution.attempt);
        Ok(())
    }

    fn settle(&mut self, world: &World, target: usize, execution: &Execution, state: &State) {
        let clock = world.clock;
        let failures = &mut self.failures[target];
        let attempt = self.attempts.get_mut(&execution.attempt).unwrap();
        attempt.tries += 1;
        let status = &state.attempts[&AttemptId(execution.attempt)].status;
        attempt.stand = match execution.outcome {
            Outcome::Done => {
                *failures = 0;
                self.done += 1;
                assert_eq!(*status, Status::Success { at: moment(clock) });
                Stand::Done
            }
            Outcome::Crash => {
                self.crashes += 1;
                assert_eq!(status.name(), "running");
                Stand::Running { since: clock }
            }
            Outcome::Permanent | Outcome::Transient => {
                *failures += 1;
                let is_last = execution.outcome == Outcome::Permanent || attempt.tries >= 5;
                let Status::Failed { retry_at, .. } = status else {
                    panic!("{status:?}");
                };
                match retry_at {
                    None => {
                        assert!(is_last, "{execution:?} is not tried again");
                        self.gave_up += 1;
                        Stand::GaveUp
                    }
                    Some(at) => {
                        assert!(!is_last, "{execution:?} is tried again");
                        let seconds = (*at - moment(clock)).as_seconds_f64();
                        let most = doubled(*failures, 30) as f64 * 60.0;
                        assert!(
                            seconds >= most / 2.0 && seconds <= most,
                            "{seconds} of {most}"
                        );
                        // Ticks look at whole minutes.
                        let until = clock + (seconds / 60.0).ceil() as i64;
                        Stand::Waiting { until }
                    }
                }
            }
        };
        match attempt.stand {
            Stand::Running { .. } | Stand::Waiting { .. } => {
                self.unsettled.insert(execution.attempt);
            }
            Stand::Done | Stand::GaveUp => {
                self.unsettled.remove(&execution.attempt);
            }
        }
    }

    pub(crate) fn check_verdicts(
        &mut self,
        world: &World,
        report: &HealReport,
        executions: &[Execution],
    ) {
        assert_eq!(report.circuit.is_some(), self.circuit_is_open);
        assert_eq!(report.verdicts.len(), DECOYS);
        let begun = executions.iter().filter(|e| e.tries == 1);
        let begun: HashSet<&str> = begun.map(|e| e.target.as_str()).collect();
        let tried: HashSet<&str> = executions.iter().map(|e| e.target.as_str()).collect();
        for (index, (verdict, decoy)) in report.verdicts.iter().zip(&world.decoys).enumerate() {
            assert_eq!(verdict.target, decoy.name);
            let view = self.views[index];
            let what = told(&verdict.decision);
            let told = || format!("truth {}, clock {}: {verdict:?}", world.truth, world.clock);
            assert_eq!(what == "act", begun.contains(&*decoy.name), "{}", told());
            let is_paused = world.paused_all || decoy.is_paused;
            assert_eq!(what == "paused", is_paused, "{}", told());
            let is_frozen = !is_paused && view.is_frozen;
            assert_eq!(what == "intruder_present", is_frozen, "{}", told());
            let (_, by_stagnation) = &verdict.by_policy[0];
            let was_tried = tried.contains(&*decoy.name);
            let by_policy = verdict.by_policy.iter().map(|(_, decision)| decision);
            for decision in by_policy.chain([&verdict.decision]) {
                let is_right = self.is_right(world, index, was_tried, decision);
                assert!(is_right, "{decision:?}: {}", told());
                if let Some(reason) = decision.reason() {
                    *self.reasons.entry(reason.name()).or_default() += 1;
                }
            }
            self.check_stagnation(index, decoy, is_paused || is_frozen, by_stagnation)
                .unwrap_or_else(|why| panic!("{why}: {}", told()));
        }
    }

    fn check_stagnation(
        &self,
        index: usize,
        decoy: &Decoy,
        is_left_alone: bool,
        decision: &Decision,
    ) -> Result<(), String> {
        let view = self.views[index];
        let what = told(decision);
        let is_blind = view.samples < 3;
        if (what == "insufficient_samples") != is_blind {
            return Err(format!("{} samples", view.samples));
        }
        let nobody_looks = !is_blind && !decoy.is_plain && view.impressions == 0;
        if (what == "no_traffic") != nobody_looks {
            return Err(format!("{} impressions", view.impressions));
        }
        if is_blind || nobody_looks {
            return Ok(());
        }
        let plan = decision.plan().ok_or("there is no plan")?;
        if (plan.tier, plan.stagnation) != (view.tier(), Some(view.stagnation())) {
            return Err(format!("stagnation {}", view.stagnation()));
        }
        let number = self.times[index].map(|time| time.number);
        if !is_left_alone && Some(plan.epoch.0) != number {
            return Err(format!("episode {number:?}"));
        }
        Ok(())
    }

    /// Whether a "no" is true.
    fn is_right(&self, world: &World, index: usize, was_tried: bool, decision: &Decision) -> bool {
        let decoy = &world.decoys[index];
        let clock = world.clock;
        // After a jump of the clock both times that it showed are kept free.
        let has_jumped = world.truth - world.jumped_at < DAY;
        let begun = |plan: Option<&Plan>, within: i64| {
            let same = self.begun[index].iter().filter(|b| {
                plan.is_none_or(|plan| plan.action == b.action) && (clock - b.clock).abs() <= within
            });
            same.count()
        };
        let stand = || {
            let cause = decision.plan().map(Plan::cause);
            let id = cause.and_then(|cause| self.by_cause.get(&cause));
            id.map(|id| &self.attempts[id].stand)
        };
        match decision {
            Decision::Act(_) => true,
            Decision::Skip(skip) => match &skip.reason {
                Reason::Paused { everything, .. } => *everything == world.paused_all,
                Reason::IntruderPresent { .. } => true,
                Reason::InsufficientSamples { .. } | Reason::NoTraffic { .. } => true,
                // The tick that judged may have tried it since.
                Reason::DuplicateAction { .. } => {
                    was_tried || matches!(stand(), Some(Stand::Done | Stand::Running { .. }))
                }
                Reason::RetryScheduled { .. } => {
                    was_tried || matches!(stand(), Some(Stand::Waiting { .. }))
                }
                Reason::WindowFrequencyExceeded { .. } => begun(None, 90) >= 2 || has_jumped,
                Reason::ActionCooldownActive { .. } => {
                    let slowed = doubled(self.failures[index].max(12), 6 * 60);
                    begun(skip.plan.as_ref(), slowed) >= 1 || has_jumped
                }
                Reason::OwnerInactive => !decoy.is_plain && !decoy.owner_is_active(clock),
                Reason::ChangedRecently { .. } => {
                    decoy.last_change.is_some_and(|at| clock - at < 3 * DAY)
                }
                Reason::NeverChanged => decoy.last_change.is_none(),
                // The executor of the model acts on everything.
                Reason::NobodyActs => false,
                Reason::FleetCircuitOpen { .. } => self.circuit_is_open,
                Reason::BudgetExhausted { .. } => {
                    let near = |(at, _): &&(i64, i64)| clock - 60 < *at;
                    self.recent.iter().filter(near).count() >= 20
                }
            },
        }
    }

    pub(crate) fn assert_all_settled(&self, hands: &Hands) {
        assert_eq!(self.unsettled, BTreeSet::new());
        for attempt in self.attempts.values() {
            match attempt.stand {
                Stand::Done => assert_eq!(hands.effects.get(&attempt.cause), Some(&1)),
                Stand::GaveUp => {}
                Stand::Running { .. } | Stand::Waiting { .. } => panic!("{}", attempt.cause),
            }
        }
    }
}

fn look(decoy: &Decoy, clock: i64) -> View {
    let mut view = View {
        is_frozen: decoy.intruder.is_some_and(|(since, until)| {
            let leaves = until.map_or(i64::MAX, |until| until + 15);
            clock < leaves.min(since.min(clock) + 4 * 60)
        }),
        ..View::default()
    };
    let mut earlier: Option<(u64, u64)> = None;
    for (minute, impressions, engagements) in &decoy.points {
        if *minute < clock - 90 || *minute > clock {
            continue;
        }
        view.samples += 1;
        if let Some((seen, done)) = earlier {
            let added = |before: u64, now: u64| if now < before { now } else { now - before };
            view.impressions += added(seen, *impressions);
            view.engagements += added(done, *engagements);
        }
        earlier = Some((*impressions, *engagements));
    }
    view
}
