//! The decision about each target, and about all of them together. Pure: no I/O, no clock.

use chrono::{DateTime, TimeDelta, Utc};

use crate::attempt::Beginning;
use crate::decision::{Decision, Reason};
use crate::fleet::{Budget, CircuitRule, FleetCount};
use crate::freeze::Frozen;
use crate::ledger::{Fleet, KnownTarget, View};
use crate::policy::{Episode, Facts, Policy, Standing};
use crate::surroundings::Surrounding;

/// Judges targets one by one, and then what is to be done in all.
///
/// About one target, in this order: everything is paused, it is paused, somebody is inside; then the
/// policies. About all together: the circuit, then the budget.
pub struct Engine<'a> {
    policies: &'a [&'a dyn Policy],
    fleet: &'a Fleet,
    frozen: &'a Frozen,
    now: DateTime<Utc>,
    decoys: FleetCount,
    others: FleetCount,
    has_decoys: bool,
    verdicts: Vec<Verdict>,
    entered: Vec<(String, String, Episode)>,
}

/// What is to be done about a target, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Which target.
    pub target: String,
    /// What is to be done.
    pub decision: Decision,
    /// The policy that was followed; `None` when none was asked.
    pub policy: Option<String>,
    /// What each policy says, in the order of their list.
    pub by_policy: Vec<(String, Decision)>,
    /// When the action that the plan names began last on the target.
    last_beginning: Option<DateTime<Utc>>,
    is_decoy: bool,
}

/// Everything that was judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    /// What is to be done about each target, in the order of names.
    pub verdicts: Vec<Verdict>,
    /// Episodes that targets have entered: name of the policy, target, episode.
    pub entered: Vec<(String, String, Episode)>,
    /// What the fleet is judged by.
    pub count: FleetCount,
    /// Whether the circuit is open.
    pub circuit_is_open: bool,
}

impl Judgement {
    /// The targets that are to be acted on, the most urgent first: decoys before others, the strongest
    /// action, the most stagnant, the one that was left alone longest.
    pub fn actions(&self) -> Vec<usize> {
        let verdicts = self.verdicts.iter().enumerate();
        let acting = verdicts.filter(|(_, verdict)| matches!(verdict.decision, Decision::Act(_)));
        in_order_of_urgency(acting)
    }
}

impl<'a> Engine<'a> {
    /// An engine for the moment `now`.
    pub fn new(
        policies: &'a [&'a dyn Policy],
        fleet: &'a Fleet,
        frozen: &'a Frozen,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            policies,
            fleet,
            frozen,
            now,
            decoys: FleetCount::default(),
            others: FleetCount::default(),
            has_decoys: false,
            verdicts: Vec::new(),
            entered: Vec::new(),
        }
    }

    /// How far back targets have to be known.
    pub fn view(policies: &[&dyn Policy], now: DateTime<Utc>) -> View {
        let longest = |spans: &mut dyn Iterator<Item = TimeDelta>| {
            let longest = spans.max().unwrap_or_default();
            let from = now.checked_sub_signed(longest);
            from.unwrap_or(DateTime::<Utc>::MIN_UTC)
        };
        View {
            points_from: longest(&mut policies.iter().map(|policy| policy.looks_back())),
            beginnings_from: longest(&mut policies.iter().map(|policy| policy.limits().horizon())),
        }
    }

    /// Judges one target.
    pub fn judge(&mut self, known: &KnownTarget, surrounding: Surrounding) {
        let gate = self.gate(known);
        let mut by_policy = Vec::with_capacity(self.policies.len());
        let mut is_stale = None;
        for policy in self.policies {
            let name = policy.name();
            let episode = known.episodes.iter().find(|(of, _)| of == name);
            let facts = Facts {
                target: &known.name,
                points: &known.points,
                history: &known.history,
                episode: episode.map(|(_, episode)| *episode),
                last_change: surrounding.last_change,
                standing: surrounding.standing,
            };
            let evaluation = policy.evaluate(&facts, self.now);
            is_stale = is_stale.or(evaluation.is_stale);
            // Who is left alone is not observed either: a pause writes nothing at all.
            if let Some(episode) = evaluation.episode.filter(|_| gate.is_none()) {
                self.entered
                    .push((name.to_owned(), known.name.clone(), episode));
            }
            by_policy.push((name.to_owned(), evaluation.decision));
        }
        let is_decoy = matches!(surrounding.standing, Standing::Decoy { .. });
        self.has_decoys |= is_decoy;
        let count = match is_decoy {
            true => &mut self.decoys,
            false => &mut self.others,
        };
        count.add(is_stale);
        let verdict = verdict(known, gate, by_policy);
        self.verdicts.push(Verdict {
            is_decoy,
            ..verdict
        });
    }

    /// What is to be done in all.
    pub fn conclude(self, circuit: &CircuitRule, budget: Budget) -> Judgement {
        // Where there are decoys, other targets say nothing about them.
        let count = match self.has_decoys {
            true => self.decoys,
            false => self.others,
        };
        let mut judgement = Judgement {
            circuit_is_open: circuit.is_open(count),
            verdicts: self.verdicts,
            entered: self.entered,
            count,
        };
        judgement
            .verdicts
            .sort_unstable_by(|a, b| a.target.cmp(&b.target));
        if judgement.circuit_is_open {
            let since = self.fleet.circuit_open_since.unwrap_or(self.now);
            for verdict in &mut judgement.verdicts {
                verdict.hold(Reason::FleetCircuitOpen {
                    stale: judgement.count.stale,
                    with_traffic: judgement.count.with_traffic,
                    since,
                });
            }
        }
        let mut begun = self.fleet.begun.clone();
        for index in judgement.actions() {
            let Some(verdict) = judgement.verdicts.get_mut(index) else {
                continue;
            };
            match (budget.objection(&begun, self.now), &verdict.decision) {
                (Some(reason), _) => verdict.hold(reason),
                (None, Decision::Act(plan)) => begun.push(Beginning::new(plan.action, self.now)),
                (None, Decision::Skip(_)) => {}
            }
        }
        judgement
    }

    /// Why the target is left alone, whatever the policies say.
    fn gate(&self, known: &KnownTarget) -> Option<Reason> {
        self.fleet
            .pause(known.paused_since)
            .or_else(|| self.frozen.reason(&known.name))
    }
}

impl Verdict {
    /// Holds the action back, if there is one.
    pub(crate) fn hold(&mut self, reason: Reason) {
        if let Decision::Act(plan) = &self.decision {
            self.decision = Decision::withhold(plan.clone(), reason);
        }
    }
}

/// The first policy that acts is followed, else one whose action waits for another try, else the
/// first of all.
fn verdict(
    known: &KnownTarget,
    gate: Option<Reason>,
    by_policy: Vec<(String, Decision)>,
) -> Verdict {
    let acts = |(_, decision): &&(String, Decision)| matches!(decision, Decision::Act(_));
    let waits = |(_, decision): &&(String, Decision)| {
        matches!(decision.reason(), Some(Reason::RetryScheduled { .. }))
    };
    let followed = by_policy.iter().find(acts);
    let followed = followed.or_else(|| by_policy.iter().find(waits));
    let followed = followed.or_else(|| by_policy.first());
    let (policy, decision) = match (gate, followed) {
        (Some(reason), followed) => {
            let plan = followed.and_then(|(_, decision)| decision.plan().cloned());
            let held = match plan {
                Some(plan) => Decision::withhold(plan, reason),
                None => Decision::skip(reason),
            };
            (None, held)
        }
        (None, Some((name, decision))) => (Some(name.clone()), decision.clone()),
        // Nobody has asked for anything.
        (None, None) => (None, Decision::skip(Reason::NeverChanged)),
    };
    let action = decision.plan().map(|plan| plan.action);
    let beginnings = known.history.beginnings.iter();
    let same = beginnings.filter(|beginning| Some(beginning.action) == action);
    Verdict {
        target: known.name.clone(),
        last_beginning: same.map(|beginning| beginning.at).max(),
        is_decoy: false,
        decision,
        policy,
        by_policy,
    }
}

fn in_order_of_urgency<'v>(acting: impl Iterator<Item = (usize, &'v Verdict)>) -> Vec<usize> {
    let mut acting: Vec<(usize, &Verdict)> = acting.collect();
    acting.sort_by(|(_, a), (_, b)| {
        let urgency = |verdict: &Verdict| {
            let plan = verdict.decision.plan();
            let stagnation = plan.and_then(|plan| plan.stagnation).unwrap_or(0.0);
            (plan.map(|plan| plan.tier), stagnation)
        };
        let ((tier_a, stagnation_a), (tier_b, stagnation_b)) = (urgency(a), urgency(b));
        b.is_decoy
            .cmp(&a.is_decoy)
            .then(tier_b.cmp(&tier_a))
            .then(stagnation_b.total_cmp(&stagnation_a))
            .then(a.last_beginning.cmp(&b.last_beginning))
            .then_with(|| a.target.cmp(&b.target))
    });
    acting.into_iter().map(|(index, _)| index).collect()
}
