//! Self-heal: what it takes in, what it asks the world, and how mail carries its plans out.

use std::collections::{BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use decnet_alert::alert::{Alert, AlertKind, Severity};
use decnet_emailgen::ledger::{DeckyId, MailLedger};
use decnet_emailgen::nudge::{Nudge, NudgeFailure, NudgeKind, NudgeOutcome, Obstacle};
use decnet_emailgen::nudge_ledger::NudgeLedger;
use decnet_emailgen::tick::TickError;
use decnet_emailgen::world::WorldLedger;
use decnet_self_heal::action::Action;
use decnet_self_heal::attempt::{ErrorCode, ExecutionError};
use decnet_self_heal::executor::{Executor, Order};
use decnet_self_heal::freeze::Presence;
use decnet_self_heal::ledger::{CounterPoint, HealLedger, Intake};
use decnet_self_heal::point::Point;
use decnet_self_heal::policy::Standing;
use decnet_self_heal::surroundings::{Surrounding, Surroundings, SurroundingsError};
use decnet_self_heal::tick::{HealReport, HealSettings, HealTick};
use decnet_session_pipeline::ledger::SessionLedger;
use decnet_session_pipeline::processors::engagement::EngagementRecord;
use decnet_session_pipeline::source::SourceKind;
use decnet_store::Store;
use serde_json::{Value, json};

use crate::alerting;
use crate::config::Settings;
use crate::environment;
use crate::failure::{Failure, Kind};
use crate::wiring::{Session, open_store};

const FLEET_STALE: AlertKind = AlertKind::constant("fleet-stale");

/// What engagement is taken in from.
pub(crate) const ENGAGEMENT: &str = "engagement";
/// Deckies that are read at a time.
const PAGE: usize = 1_024;

/// How a tick at `now` behaves, from the settings.
fn heal_settings(settings: &Settings, now: DateTime<Utc>, targets: Vec<String>) -> HealSettings {
    let heal = &settings.heal;
    HealSettings {
        freeze: heal.freeze,
        circuit: heal.circuit,
        budget: heal.budget,
        retries: heal.retries,
        lease: TimeDelta::from_std(heal.lease.value).unwrap_or(TimeDelta::MAX),
        targets,
        ..HealSettings::new(now)
    }
}

/// Takes in what the session pipeline has recorded of decoys since the last time.
pub(crate) fn take_in_engagement(store: &mut Store, settings: &Settings) -> Result<(), Failure> {
    let after = store.position(ENGAGEMENT)?;
    let mut points: Vec<(String, String, Point)> = Vec::new();
    let mut presences: HashMap<String, Presence> = HashMap::new();
    let mut unreadable: u64 = 0;
    let last =
        store.for_each_record_since(
            ENGAGEMENT,
            after,
            &mut |record| match EngagementRecord::read(&record.kind, &record.body) {
                Ok(Some(EngagementRecord::Point(point))) => {
                    let counter = format!("{}/{}", record.log.source, record.log.key);
                    let counted = Point {
                        at: point.at,
                        impressions: point.impressions,
                        engagements: point.engagements,
                    };
                    points.push((target_name(&point.decky), counter, counted));
                }
                Ok(Some(EngagementRecord::Presence(presence))) => {
                    let id = record.id.to_hex();
                    let presence = Presence {
                        id: id.clone(),
                        target: target_name(&presence.decky),
                        since: presence.since,
                        until: presence.until,
                    };
                    presences.insert(id, presence);
                }
                Ok(None) => {}
                Err(_) => unreadable += 1,
            },
        )?;
    if last == after {
        return Ok(());
    }
    if unreadable > 0 {
        tracing::warn!(unreadable, "records of engagement that make no sense");
    }
    points.sort_by_key(|(_, _, point)| point.at);
    let counters: Vec<CounterPoint<'_>> = points
        .iter()
        .map(|(target, counter, point)| CounterPoint {
            target,
            counter,
            point: *point,
        })
        .collect();
    let presences: Vec<Presence> = presences.into_values().collect();
    let freeze = &settings.heal.freeze;
    let newest = points.last().map(|(_, _, point)| point.at);
    store.take_in(&Intake {
        counters: &counters,
        // Twice the window: a tick may come late, and the points before it still count.
        keep_for: settings.heal.stagnation.window.checked_mul(2),
        presences: &presences,
        forget_presences_before: newest.and_then(|at| at.checked_sub_signed(freeze.horizon())),
        position: Some((ENGAGEMENT, last)),
        ..Intake::default()
    })?;
    Ok(())
}

/// A decky's name as a target: names in logs are as long as somebody likes.
fn target_name(decky: &str) -> String {
    let mut name = decky.to_owned();
    let mut end = name.len().min(decnet_self_heal::ledger::TARGET_NAME_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    name
}

/// The deckies with somebody inside at `now`: what lies there stays as it is.
pub(crate) fn frozen(
    store: &mut Store,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<BTreeSet<String>, Failure> {
    let freeze = settings.heal.freeze;
    let from = now.checked_sub_signed(freeze.horizon());
    let presences = store.presences(from.unwrap_or(DateTime::<Utc>::MIN_UTC))?;
    if presences.is_empty() {
        return Ok(BTreeSet::new());
    }
    let frozen = freeze.frozen(&presences, now);
    Ok(frozen.targets().map(str::to_owned).collect())
}

/// The world as it is at one moment.
pub(crate) struct WorldNow {
    surroundings: HashMap<String, Surrounding>,
}

impl WorldNow {
    /// Looks at every decky.
    pub(crate) fn look(store: &mut Store, now: DateTime<Utc>) -> Result<Self, Failure> {
        let nobody = Surrounding {
            last_change: None,
            standing: Standing::Decoy {
                owner_active: false,
            },
        };
        // Those that serve no mail, or do not run, have nobody who could do anything.
        let names = store.decky_names()?.into_iter();
        let mut surroundings: HashMap<String, Surrounding> =
            names.map(|name| (name, nobody)).collect();
        let schedules = store.schedules()?.into_iter();
        let open: Vec<_> = schedules
            .filter(|(_, schedule)| schedule.is_open(now))
            .map(|(id, _)| id)
            .collect();
        let mut after = DeckyId(0);
        loop {
            let page = store.decky_life(after, PAGE, &open)?;
            let Some(last) = page.last() else { break };
            after = last.id;
            for life in page {
                let surrounding = Surrounding {
                    last_change: life.last_change,
                    standing: Standing::Decoy {
                        owner_active: life.owner_at_work,
                    },
                };
                surroundings.insert(life.name, surrounding);
            }
        }
        Ok(Self { surroundings })
    }

    /// Names of all deckies.
    pub(crate) fn deckies(&self) -> Vec<String> {
        self.surroundings.keys().cloned().collect()
    }
}

impl Surroundings for WorldNow {
    fn of(
        &mut self,
        targets: &[&str],
        _: DateTime<Utc>,
    ) -> Result<Vec<Surrounding>, SurroundingsError> {
        let known = targets.iter().map(|target| self.surroundings.get(*target));
        Ok(known
            .map(|known| known.copied().unwrap_or_default())
            .collect())
    }
}

/// Carries plans out as mail: in the outbox, through the drivers.
pub(crate) struct MailExecutor<'s> {
    session: &'s mut Session,
    seed: u64,
    deckies: HashSet<String>,
}

impl<'s> MailExecutor<'s> {
    /// For these deckies, with everything random about the mails from `seed`.
    fn new(session: &'s mut Session, seed: u64, deckies: HashSet<String>) -> Self {
        Self {
            session,
            seed,
            deckies,
        }
    }

    async fn nudge(&mut self, nudge: &Nudge, now: DateTime<Utc>) -> Result<NudgeOutcome, Failed> {
        let mut settings = self.session.tick_settings(now, self.seed, 1);
        settings.frozen = frozen(&mut self.session.store, &self.session.settings, now)?;
        let done = self
            .session
            .tick(async |tick| tick.nudge(&settings, nudge).await)
            .await?;
        Ok(done?)
    }
}

#[async_trait]
impl Executor for MailExecutor<'_> {
    fn acts_on(&self, target: &str) -> bool {
        self.deckies.contains(target)
    }

    async fn execute(&mut self, order: &Order) -> Result<Value, ExecutionError> {
        let plan = &order.plan;
        let kind = match plan.action {
            Action::Comment => NudgeKind::Comment,
            Action::Edit => NudgeKind::Edit,
            Action::Thread => NudgeKind::Thread,
        };
        // A mail that was given up stays so; an attempt that is begun again makes another one. One
        // that got through after all is not repeated.
        for beginning in 1..=order.beginning {
            let cause = match beginning {
                1 => plan.cause(),
                number => format!("{}#{number}", plan.cause()),
            };
            let nudge = Nudge {
                cause,
                decky: plan.target.clone(),
                kind,
            };
            let outcome = self
                .nudge(&nudge, order.now)
                .await
                .map_err(|error| error.0)?;
            let is_over = matches!(outcome, NudgeOutcome::Abandoned { .. });
            if !is_over || beginning == order.beginning {
                return settled(outcome);
            }
        }
        Err(ExecutionError::new(ErrorCode::Other, "it was never begun"))
    }
}

/// What a nudge comes to for an attempt.
fn settled(outcome: NudgeOutcome) -> Result<Value, ExecutionError> {
    match outcome {
        NudgeOutcome::Done {
            mail,
            record,
            repeated,
        } => Ok(json!({
            "mail": mail,
            "message_id": record.get("message_id"),
            "from": record.get("from"),
            "to": record.get("to"),
            "subject": record.get("subject"),
            "repeated": repeated,
        })),
        NudgeOutcome::Kept {
            mail,
            error,
            failure,
            ..
        } => {
            let code = match failure {
                NudgeFailure::Timeout => ErrorCode::Timeout,
                NudgeFailure::RateLimit => ErrorCode::RateLimit,
                NudgeFailure::Unavailable => ErrorCode::ServiceUnavailable,
                NudgeFailure::Unreachable => ErrorCode::NetworkError,
                NudgeFailure::Other => ErrorCode::ServiceUnavailable,
            };
            Err(ExecutionError::new(
                code,
                format!("mail {}: {error}", mail.0),
            ))
        }
        NudgeOutcome::InWork { mail } => Err(ExecutionError::new(
            ErrorCode::ServiceUnavailable,
            format!("mail {} is in work elsewhere", mail.0),
        )),
        NudgeOutcome::Abandoned { mail, error } => Err(ExecutionError::new(
            ErrorCode::Rejected,
            format!("mail {} was given up: {error}", mail.0),
        )),
        NudgeOutcome::Impossible(obstacle) => {
            let (code, detail) = hindrance(&obstacle);
            Err(ExecutionError::new(code, detail))
        }
    }
}

/// Why nothing can be done, for people to read.
fn hindrance(obstacle: &Obstacle) -> (ErrorCode, String) {
    let nothing = |detail: &str| (ErrorCode::NothingToDo, detail.to_owned());
    match obstacle {
        Obstacle::UnknownDecky => (
            ErrorCode::NotFound,
            "no running decky of this name serves mail".to_owned(),
        ),
        Obstacle::NoMailbox => nothing("nobody has a mailbox there"),
        Obstacle::NobodyAtWork { next_opening } => match next_opening {
            Some(time) => nothing(&format!(
                "nobody is at work before {}",
                time.format("%a %Y-%m-%d %H:%M UTC")
            )),
            None => nothing("nobody is at work"),
        },
        Obstacle::NothingToAnswer => nothing("no thread there can be answered"),
        Obstacle::NoColleague => nothing("nobody is there to write to"),
        Obstacle::Frozen => nothing("somebody is inside"),
    }
}

/// What keeps a nudge from being tried at all.
struct Failed(ExecutionError);

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        let code = match failure.kind {
            Kind::Temporary | Kind::Unavailable | Kind::CannotCreate => {
                ErrorCode::ServiceUnavailable
            }
            Kind::Usage | Kind::BadInput | Kind::NoInput | Kind::Configuration => ErrorCode::Other,
        };
        Self(ExecutionError::new(code, failure))
    }
}

impl From<TickError> for Failed {
    fn from(error: TickError) -> Self {
        let code = match &error {
            TickError::Driver(_) => ErrorCode::NetworkError,
            other if other.is_transient() => ErrorCode::ServiceUnavailable,
            _ => ErrorCode::Other,
        };
        Self(ExecutionError::new(code, error))
    }
}

/// One tick, with what belongs to it: engagement is taken in before, and alerts are raised after. A
/// dry run writes nothing, and neither does a tick while everything is paused.
pub(crate) async fn tick(
    session: &mut Session,
    now: DateTime<Utc>,
    seed: u64,
    dry_run: bool,
) -> Result<HealReport, Failure> {
    let settings = session.settings.clone();
    // The ledger has a connection of its own: the executor's mail needs the session's.
    let mut ledger = open_store(&settings, false)?;
    let is_paused = ledger.fleet(now, now)?.paused_since.is_some();
    let writes = !dry_run && !is_paused;
    if writes {
        session.sync_pool()?;
        take_in_engagement(&mut ledger, &settings)?;
    }
    let mut world = WorldNow::look(&mut session.store, now)?;
    let deckies = world.deckies();
    let heal_settings = heal_settings(&settings, now, deckies.clone());
    let policies = settings.heal.policies();
    let mut executor = MailExecutor::new(session, seed, deckies.into_iter().collect());
    let mut tick = HealTick {
        ledger: &mut ledger,
        policies: &policies,
        surroundings: &mut world,
        executor: &mut executor,
        wall_clock: &environment::now,
        random: &mut environment::random,
        on_execution: &mut |execution| {
            let attempt = &execution.attempt;
            tracing::info!(attempt = attempt.id.0, target = attempt.plan.target,
                action = %attempt.plan.action, status = attempt.status.name(), "heal");
        },
    };
    let report = match writes {
        true => tick.run(&heal_settings).await?,
        false => tick.preview(&heal_settings)?,
    };
    if writes {
        alert(&mut ledger, &settings, &report, now)?;
        alerting::deliver(&mut ledger, &settings).await?;
    }
    Ok(report)
}

/// Raises an alert while the circuit is open: one for each time that it opens.
fn alert(
    store: &mut Store,
    settings: &Settings,
    report: &HealReport,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let Some(circuit) = &report.circuit else {
        return Ok(());
    };
    let (stale, of) = (circuit.count.stale, circuit.count.with_traffic);
    let summary = format!(
        "{stale} of {of} decoys with traffic are stale at once; nothing is done until that is over"
    );
    let key = circuit.since.timestamp_micros().to_string();
    match Alert::new(FLEET_STALE, key, Severity::Warning, now, &summary) {
        Ok(alert) => {
            let alert = alert
                .with_fact("stale", stale.to_string())
                .with_fact("with_traffic", of.to_string());
            alerting::raise(store, settings, &[alert]).map(|_| ())
        }
        Err(error) => {
            tracing::error!(%error, "an open circuit is no alert");
            Ok(())
        }
    }
}

/// Whether logs are read that engagement is recorded from.
pub(crate) fn reads_engagement(settings: &Settings) -> bool {
    let mut sources = settings.sessions.sources.value.iter();
    sources.any(|source| matches!(source.kind, SourceKind::Dovecot | SourceKind::Cowrie))
}
