//! One tick: judge every target, finish what was left, and do what is to be done.
//!
//! A tick takes up what earlier ones left unfinished first; then it begins what the judgement says,
//! one action after the other. Each is a commit that begins it, the executor's work, and a commit
//! that settles it. Killed anywhere, the lease of the attempt runs out and a later tick tells the
//! executor the same cause again.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::attempt::{Attempt, ErrorCode, ExecutionError, Status};
use crate::decision::{Decision, Reason};
use crate::engine::{Engine, Judgement, Verdict};
use crate::executor::{Executor, Order};
use crate::fleet::{Budget, CircuitRule, FleetCount};
use crate::freeze::{FreezeRule, Frozen};
use crate::ledger::{
    Begun, Fleet, HealLedger, HealLedgerError, Held, KnownTarget, Observations, Recorded, TargetId,
};
use crate::policy::Policy;
use crate::retry::RetryPolicy;
use crate::surroundings::{Surroundings, SurroundingsError};

/// Targets that are read at a time.
const PAGE: usize = 1_024;
/// Unfinished attempts that one tick takes up.
const MOST_TAKEN_UP: usize = 256;
/// Tries of which none was ever settled, before an attempt is given up: whatever it does ends its
/// process. Far more than anybody stops a process by hand.
const MOST_UNSETTLED: u32 = 20;

/// What a tick works with. Everything that touches the world outside is handed in.
pub struct HealTick<'a> {
    /// What was counted and done.
    pub ledger: &'a mut dyn HealLedger,
    /// The policies, in the order in which they are asked.
    pub policies: &'a [&'a dyn Policy],
    /// What is known of the world around targets.
    pub surroundings: &'a mut dyn Surroundings,
    /// Who carries plans out.
    pub executor: &'a mut dyn Executor,
    /// The operating clock, for leases and retries. Everything else goes by
    /// [`HealSettings::now`].
    pub wall_clock: &'a (dyn Fn() -> DateTime<Utc> + Sync),
    /// Draws the jitter of retries.
    pub random: &'a mut (dyn FnMut() -> u64 + Send),
    /// Told of each attempt as soon as it is settled.
    pub on_execution: &'a mut (dyn FnMut(&Execution) + Send),
}

/// How a tick behaves.
#[derive(Clone, Debug, PartialEq)]
pub struct HealSettings {
    /// The moment of the tick.
    pub now: DateTime<Utc>,
    /// How long decoys with somebody inside are left alone.
    pub freeze: FreezeRule,
    /// When so much is stagnant that nothing is done.
    pub circuit: CircuitRule,
    /// How much is done within an hour.
    pub budget: Budget,
    /// How failed tries follow each other.
    pub retries: RetryPolicy,
    /// How long an attempt may be silent before another tick takes it up. Default 10 minutes; must
    /// be longer than the slowest execution.
    pub lease: TimeDelta,
    /// Targets that exist, whether the ledger has heard of them or not. Default none.
    pub targets: Vec<String>,
}

impl HealSettings {
    /// Defaults for a tick at `now`.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            now,
            freeze: FreezeRule::default(),
            circuit: CircuitRule::default(),
            budget: Budget::default(),
            retries: RetryPolicy::default(),
            lease: TimeDelta::minutes(10),
            targets: Vec::new(),
        }
    }

    /// From when on presences that ended matter.
    fn presences_from(&self) -> DateTime<Utc> {
        let from = self.now.checked_sub_signed(self.freeze.horizon());
        from.unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}

/// What a tick did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HealReport {
    /// What was decided about each target, in the order of names, before anything was carried out.
    pub verdicts: Vec<Verdict>,
    /// What was carried out, in order.
    pub executions: Vec<Execution>,
    /// The circuit, if it is open.
    pub circuit: Option<OpenCircuit>,
}

/// Nothing is done, for so much is stagnant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCircuit {
    /// Since when.
    pub since: DateTime<Utc>,
    /// What was counted now.
    pub count: FleetCount,
}

/// One try at an attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Execution {
    /// The attempt, as the try left it.
    pub attempt: Attempt,
    /// Whether it finished what an earlier try left.
    pub was_taken_up: bool,
    /// Whether somebody else took the attempt over meanwhile; what this try did is theirs to record.
    pub was_overtaken: bool,
}

/// Why a tick stopped early.
#[derive(Debug, thiserror::Error)]
pub enum HealError {
    /// The ledger failed.
    #[error(transparent)]
    Ledger(#[from] HealLedgerError),
    /// The world could not be asked.
    #[error(transparent)]
    Surroundings(#[from] SurroundingsError),
}

impl HealError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Ledger(error) => error.is_transient(),
            Self::Surroundings(error) => error.is_transient,
        }
    }
}

impl HealTick<'_> {
    /// Does what is due.
    ///
    /// # Errors
    ///
    /// [`HealError`]. What was begun before stays in the ledger and is finished by a later tick.
    pub async fn run(&mut self, settings: &HealSettings) -> Result<HealReport, HealError> {
        let now = settings.now;
        let (fleet, frozen) = self.look(settings)?;
        let judgement = self.judge_all(settings, &fleet, &frozen)?;
        let circuit = open_circuit(&fleet, &judgement, now);
        let is_paused = fleet.paused_since.is_some();
        if !is_paused {
            self.remember(&fleet, &judgement, now)?;
        }
        let mut report = HealReport {
            verdicts: Vec::new(),
            executions: Vec::new(),
            circuit,
        };
        if !is_paused && circuit.is_none() {
            self.finish(settings, &frozen, &mut report).await?;
        }
        let actions = judgement.actions();
        report.verdicts = judgement.verdicts;
        for index in actions {
            self.act(settings, index, &mut report).await?;
        }
        Ok(report)
    }

    /// What [`run`](HealTick::run) would decide now, without writing anything.
    ///
    /// # Errors
    ///
    /// As [`run`](HealTick::run).
    pub fn preview(&mut self, settings: &HealSettings) -> Result<HealReport, HealError> {
        let (fleet, frozen) = self.look(settings)?;
        let judgement = self.judge_all(settings, &fleet, &frozen)?;
        let circuit = open_circuit(&fleet, &judgement, settings.now);
        Ok(HealReport {
            verdicts: judgement.verdicts,
            executions: Vec::new(),
            circuit,
        })
    }

    /// What holds for all targets.
    fn look(&mut self, settings: &HealSettings) -> Result<(Fleet, Frozen), HealError> {
        let now = settings.now;
        let an_hour_ago = now.checked_sub_signed(Budget::SPAN);
        let begun_from = an_hour_ago.unwrap_or(DateTime::<Utc>::MIN_UTC);
        let fleet = self.ledger.fleet(begun_from, now)?;
        let presences = self.ledger.presences(settings.presences_from())?;
        let frozen = settings.freeze.frozen(&presences, now);
        Ok((fleet, frozen))
    }

    fn judge_all(
        &mut self,
        settings: &HealSettings,
        fleet: &Fleet,
        frozen: &Frozen,
    ) -> Result<Judgement, HealError> {
        let view = Engine::view(self.policies, settings.now);
        let mut engine = Engine::new(self.policies, fleet, frozen, settings.now);
        let mut unheard: HashSet<&str> = settings.targets.iter().map(String::as_str).collect();
        let mut after = TargetId::default();
        loop {
            let page: Vec<KnownTarget> = self.ledger.targets(after, PAGE, view)?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for known in &page {
                unheard.remove(known.name.as_str());
            }
            self.judge_page(&mut engine, &page, settings.now)?;
        }
        let unheard: Vec<KnownTarget> = unheard.into_iter().map(KnownTarget::unheard).collect();
        for page in unheard.chunks(PAGE) {
            self.judge_page(&mut engine, page, settings.now)?;
        }
        Ok(engine.conclude(&settings.circuit, settings.budget))
    }

    fn judge_page(
        &mut self,
        engine: &mut Engine<'_>,
        page: &[KnownTarget],
        now: DateTime<Utc>,
    ) -> Result<(), HealError> {
        let names: Vec<&str> = page.iter().map(|known| known.name.as_str()).collect();
        let surroundings = self.surroundings.of(&names, now)?;
        for (known, surrounding) in page.iter().zip(surroundings) {
            engine.judge(known, surrounding);
        }
        Ok(())
    }

    fn remember(
        &mut self,
        fleet: &Fleet,
        judgement: &Judgement,
        now: DateTime<Utc>,
    ) -> Result<(), HealError> {
        let was_open = fleet.circuit_open_since.is_some();
        let has_turned = judgement.circuit_is_open != was_open;
        let seen = Observations {
            episodes: judgement.entered.clone(),
            circuit: has_turned.then_some((judgement.circuit_is_open, judgement.count)),
            clock_was_put_back: fleet.clock_was_put_back,
        };
        if !seen.is_empty() {
            self.ledger.record_observations(&seen, now)?;
        }
        Ok(())
    }

    /// What earlier ticks left, but for targets that are left alone, however many those are.
    fn due(&mut self, frozen: &Frozen) -> Result<Vec<Attempt>, HealError> {
        let wall_clock = (self.wall_clock)();
        let mut look_at = MOST_TAKEN_UP;
        loop {
            let mut due = self.ledger.unfinished(wall_clock, look_at)?;
            let are_all = due.len() < look_at;
            if !due.is_empty() {
                let paused: HashSet<String> = {
                    let paused = self.ledger.paused()?;
                    paused.into_iter().map(|(name, _)| name).collect()
                };
                due.retain(|attempt| {
                    let target = attempt.plan.target.as_str();
                    !paused.contains(target) && frozen.reason(target).is_none()
                });
            }
            if are_all || due.len() >= MOST_TAKEN_UP {
                due.truncate(MOST_TAKEN_UP);
                return Ok(due);
            }
            look_at = look_at.saturating_mul(4);
        }
    }

    /// Takes up what earlier ticks left, but for targets that are left alone.
    async fn finish(
        &mut self,
        settings: &HealSettings,
        frozen: &Frozen,
        report: &mut HealReport,
    ) -> Result<(), HealError> {
        for attempt in self.due(frozen)? {
            let wall_clock = (self.wall_clock)();
            let lease_until = wall_clock + settings.lease;
            let held = self
                .ledger
                .take_up(attempt.id, attempt.token, wall_clock, lease_until)?;
            if let Some(held) = held {
                let execution = self.execute(settings, held, true).await?;
                report.executions.push(execution);
            }
        }
        Ok(())
    }

    /// Does what a verdict says, unless by now something stands against it.
    async fn act(
        &mut self,
        settings: &HealSettings,
        index: usize,
        report: &mut HealReport,
    ) -> Result<(), HealError> {
        let Some(verdict) = report.verdicts.get_mut(index) else {
            return Ok(());
        };
        let Decision::Act(plan) = verdict.decision.clone() else {
            return Ok(());
        };
        let mut policies = self.policies.iter();
        let Some(policy) = policies.find(|policy| policy.name() == plan.policy) else {
            return Ok(());
        };
        if !self.executor.acts_on(&plan.target) {
            verdict.hold(Reason::NobodyActs);
            return Ok(());
        }
        // Actions before this one may have taken their time.
        let presences = self.ledger.presences(settings.presences_from())?;
        let frozen = settings.freeze.frozen(&presences, settings.now);
        if let Some(reason) = frozen.reason(&plan.target) {
            verdict.hold(reason);
            return Ok(());
        }
        let lease_until = (self.wall_clock)() + settings.lease;
        let begun = self.ledger.begin(
            &plan,
            policy.limits(),
            settings.budget,
            settings.now,
            lease_until,
        )?;
        match begun {
            Begun::Refused(reason) => verdict.hold(reason),
            Begun::Yes(held) => {
                let execution = self.execute(settings, *held, false).await?;
                report.executions.push(execution);
            }
        }
        Ok(())
    }

    async fn execute(
        &mut self,
        settings: &HealSettings,
        held: Held,
        was_taken_up: bool,
    ) -> Result<Execution, HealError> {
        let Held {
            mut attempt,
            beginning,
            failures_in_a_row,
        } = held;
        let order = Order {
            attempt: attempt.id,
            plan: attempt.plan.clone(),
            now: settings.now,
            beginning,
            tries: attempt.tries,
        };
        let (id, token) = (attempt.id, attempt.token);
        let outcome = if attempt.tries > settings.retries.most_tries.max(MOST_UNSETTLED) {
            Err(ExecutionError::new(
                ErrorCode::Other,
                format!("{} tries ended without a result", attempt.tries - 1),
            ))
        } else {
            self.executor.execute(&order).await
        };
        let at = (self.wall_clock)();
        let recorded = match outcome {
            Ok(result) => {
                attempt.status = Status::Success { at };
                let recorded = self.ledger.record_success(id, token, &result, at)?;
                attempt.result = Some(result);
                recorded
            }
            Err(error) => {
                let retry_at = self.retry_at(settings, &error, &attempt, failures_in_a_row, at);
                let recorded = self
                    .ledger
                    .record_failure(id, token, &error, retry_at, at)?;
                attempt.status = Status::Failed {
                    at,
                    error,
                    retry_at,
                };
                recorded
            }
        };
        let execution = Execution {
            attempt,
            was_taken_up,
            was_overtaken: recorded == Recorded::Overtaken,
        };
        (self.on_execution)(&execution);
        Ok(execution)
    }

    fn retry_at(
        &mut self,
        settings: &HealSettings,
        error: &ExecutionError,
        attempt: &Attempt,
        failures_in_a_row: u32,
        at: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        if !error.is_transient() {
            return None;
        }
        let failures = failures_in_a_row.saturating_add(1);
        let lot = (self.random)();
        settings.retries.retry_at(attempt.tries, failures, at, lot)
    }
}

/// The circuit as it is at `now`, if it is open.
fn open_circuit(fleet: &Fleet, judgement: &Judgement, now: DateTime<Utc>) -> Option<OpenCircuit> {
    judgement.circuit_is_open.then(|| OpenCircuit {
        since: fleet.circuit_open_since.unwrap_or(now),
        count: judgement.count,
    })
}
