//! What happens to decoys, and who carries plans out.

use std::collections::HashMap;
use std::future::pending;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use decnet_self_heal::action::Action;
use decnet_self_heal::attempt::{ErrorCode, ExecutionError};
use decnet_self_heal::executor::{Executor, Order};
use decnet_self_heal::freeze::Presence;
use decnet_self_heal::ledger::{HealLedger, Intake};
use decnet_self_heal::memory_ledger::MemoryHealLedger;
use decnet_self_heal::point::Point;
use decnet_self_heal::policy::Standing;
use decnet_self_heal::surroundings::{Surrounding, Surroundings, SurroundingsError};
use decnet_tests::draw::Draw;
use serde_json::json;

pub(crate) const DECOYS: usize = 1_000;

/// Draws.
pub(crate) struct Nature(Draw);

impl Nature {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Draw::new(seed))
    }

    pub(crate) fn next_number(&mut self) -> u64 {
        self.0.next_number()
    }

    pub(crate) fn one_in(&mut self, many: u64) -> bool {
        self.0.below(many) == 0
    }

    fn between(&mut self, from: i64, to: i64) -> i64 {
        from + self.0.below(to.abs_diff(from)) as i64
    }
}

/// Times are minutes since this.
pub(crate) fn moment(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

/// How much is done for so many looks.
#[derive(Clone, Copy)]
enum Mood {
    /// Nobody counts.
    Unheard,
    /// Nobody comes.
    Untouched,
    Lively,
    Middling,
    Dead,
}

pub(crate) struct Decoy {
    pub(crate) name: String,
    /// Is no decoy at all, but something plain.
    pub(crate) is_plain: bool,
    /// Whether anybody ever comes.
    is_visited: bool,
    mood: Mood,
    silent_until: i64,
    impressions: u64,
    engagements: u64,
    /// What was counted, by minute, as far back as it may matter.
    pub(crate) points: Vec<(i64, u64, u64)>,
    pub(crate) last_change: Option<i64>,
    hours_east: i64,
    pub(crate) is_paused: bool,
    /// Who was inside last: since when, and until when.
    pub(crate) intruder: Option<(i64, Option<i64>)>,
    visits: u32,
}

impl Decoy {
    /// Of some decoys nobody knows when they change.
    fn change(&mut self, clock: i64) {
        if let Some(at) = &mut self.last_change {
            *at = clock;
        }
    }

    pub(crate) fn owner_is_active(&self, clock: i64) -> bool {
        (8..18).contains(&(clock.div_euclid(60) + self.hours_east).rem_euclid(24))
    }
}

pub(crate) struct World {
    nature: Nature,
    pub(crate) decoys: Vec<Decoy>,
    /// Minutes by the clock, and those that truly passed.
    pub(crate) clock: i64,
    pub(crate) truth: i64,
    /// Minutes that the clock was put forward by, in all.
    pub(crate) put_forward: i64,
    /// When the clock was put forward or back last, in truth.
    pub(crate) jumped_at: i64,
    storm_until: i64,
    pub(crate) paused_all: bool,
    pause_until: i64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut nature = Nature::new(seed);
        let decoys = (0..DECOYS).map(|index| Decoy {
            name: format!("decoy-{index:04}"),
            is_plain: index % 10 == 0,
            is_visited: index % 3 == 1 || index % 7 == 0,
            mood: Mood::Untouched,
            silent_until: 0,
            impressions: 0,
            engagements: 0,
            points: Vec::new(),
            last_change: (index % 3 == 0).then(|| -nature.between(0, 20_000)),
            hours_east: nature.between(-11, 15),
            is_paused: false,
            intruder: None,
            visits: 0,
        });
        Self {
            decoys: decoys.collect(),
            nature,
            clock: 0,
            truth: 0,
            put_forward: 0,
            jumped_at: -100_000,
            storm_until: 0,
            paused_all: false,
            pause_until: 0,
        }
    }

    pub(crate) fn pass_an_hour(&mut self, hour: i64, ledger: &mut MemoryHealLedger) {
        self.advance(hour);
        let may_jump = self.truth - self.jumped_at > 14 * 60;
        if may_jump && self.nature.one_in(150) {
            let jump = self.nature.between(-360, 361);
            self.clock += jump;
            self.put_forward += jump.max(0);
            self.jumped_at = self.truth;
            for decoy in &mut self.decoys {
                if let Some((_, until @ None)) = &mut decoy.intruder {
                    *until = Some(self.clock - jump);
                }
            }
        }
        if self.nature.one_in(200) {
            self.storm_until = hour + self.nature.between(2, 12);
        }
        let now = moment(self.clock);
        if self.paused_all && hour >= self.pause_until {
            self.paused_all = false;
            assert!(ledger.resume(None, now).unwrap());
        } else if !self.paused_all && self.nature.one_in(400) {
            self.paused_all = true;
            self.pause_until = hour + self.nature.between(1, 20);
            assert!(ledger.pause(None, now).unwrap());
        }
        for index in 0..self.decoys.len() {
            self.live(index, hour, ledger);
        }
        self.report(ledger);
    }

    /// An hour in which nobody comes and nobody looks.
    pub(crate) fn pass_a_quiet_hour(&mut self, hour: i64, ledger: &mut MemoryHealLedger) {
        self.advance(hour);
        let now = moment(self.clock);
        if self.paused_all {
            self.paused_all = false;
            ledger.resume(None, now).unwrap();
        }
        for decoy in &mut self.decoys {
            if decoy.is_paused {
                decoy.is_paused = false;
                ledger.resume(Some(&decoy.name), now).unwrap();
            }
            if let Some((_, until @ None)) = &mut decoy.intruder {
                *until = Some(self.clock);
            }
        }
        self.report(ledger);
    }

    fn advance(&mut self, hour: i64) {
        let passed = hour * 60 - self.truth;
        self.truth += passed;
        self.clock += passed;
    }

    fn live(&mut self, index: usize, hour: i64, ledger: &mut MemoryHealLedger) {
        let (clock, nature) = (self.clock, &mut self.nature);
        let is_calm = self.truth - self.jumped_at > 14 * 60;
        let decoy = &mut self.decoys[index];
        if nature.one_in(60) {
            decoy.mood = match nature.between(0, 20) {
                0..8 if decoy.is_visited => Mood::Lively,
                8..10 if decoy.is_visited => Mood::Middling,
                10..12 if decoy.is_visited => Mood::Dead,
                0..16 => Mood::Unheard,
                _ => Mood::Untouched,
            };
        }
        if nature.one_in(1_000) {
            decoy.silent_until = hour + nature.between(2, 12);
        }
        if nature.one_in(300) {
            (decoy.impressions, decoy.engagements) = (0, 0);
        }
        if nature.one_in(200) {
            decoy.change(clock);
        }
        if nature.one_in(if decoy.is_paused { 20 } else { 2_000 }) {
            decoy.is_paused = !decoy.is_paused;
            let (name, now) = (Some(decoy.name.as_str()), moment(clock));
            let has_changed = if decoy.is_paused {
                ledger.pause(name, now)
            } else {
                ledger.resume(name, now)
            };
            assert!(has_changed.unwrap());
        }
        match decoy.intruder {
            // Most leave soon; some hardly ever end their connection.
            Some((since, None)) => {
                let is_patient = decoy.visits.is_multiple_of(4);
                let leaves = nature.one_in(if is_patient { 40 } else { 2 });
                decoy.intruder = Some((since, leaves.then_some(clock)));
            }
            Some((_, Some(until))) if clock < until + 300 => {}
            _ if is_calm && nature.one_in(400) => {
                decoy.intruder = Some((clock - nature.between(0, 60), None));
                decoy.visits += 1;
            }
            _ => {}
        }
        if hour < decoy.silent_until || matches!(decoy.mood, Mood::Unheard) {
            return;
        }
        for minute in [clock - 30, clock] {
            let looks = nature.between(20, 120) as u64;
            let (looks, deeds) = match decoy.mood {
                Mood::Unheard | Mood::Untouched => (0, 0),
                _ if hour < self.storm_until => (looks, 0),
                Mood::Lively => (looks, looks / 10),
                Mood::Middling => (looks, looks / 60),
                Mood::Dead => (looks, looks / 110),
            };
            decoy.impressions += looks;
            decoy.engagements += deeds;
            decoy.points.retain(|point| point.0 != minute);
            let point = (minute, decoy.impressions, decoy.engagements);
            decoy.points.push(point);
        }
        decoy.points.sort_unstable();
        let surplus = decoy.points.len().saturating_sub(40);
        decoy.points.drain(..surplus);
    }

    /// Tells the ledger what was seen.
    fn report(&self, ledger: &mut MemoryHealLedger) {
        let mut points = Vec::with_capacity(2 * DECOYS);
        let mut presences = Vec::new();
        let names: Vec<&str> = match self.truth {
            0 => self.decoys.iter().map(|decoy| &*decoy.name).collect(),
            _ => Vec::new(),
        };
        for decoy in &self.decoys {
            let new = decoy.points.iter().filter(|point| {
                // Those of this hour; what is told again replaces itself.
                point.0 >= self.clock - 30 && point.0 <= self.clock
            });
            points.extend(new.map(|(minute, impressions, engagements)| {
                let point = Point {
                    at: moment(*minute),
                    impressions: *impressions,
                    engagements: *engagements,
                };
                (&*decoy.name, point)
            }));
            // What has been told stays told.
            let is_new = |until: Option<i64>| until.is_none_or(|until| until >= self.clock - 360);
            if let Some((since, until)) = decoy.intruder.filter(|(_, until)| is_new(*until)) {
                presences.push(Presence {
                    id: format!("{}/{}", decoy.name, decoy.visits),
                    target: decoy.name.clone(),
                    since: moment(since),
                    until: until.map(moment),
                });
            }
        }
        ledger
            .take_in(&Intake {
                targets: &names,
                points: &points,
                keep_for: Some(TimeDelta::hours(9)),
                presences: &presences,
                forget_presences_before: Some(moment(self.clock) - TimeDelta::days(2)),
                ..Intake::default()
            })
            .unwrap();
    }

    pub(crate) fn index(name: &str) -> usize {
        name.strip_prefix("decoy-").unwrap().parse().unwrap()
    }

    pub(crate) fn changed(&mut self, name: &str) {
        let clock = self.clock;
        self.decoys[Self::index(name)].change(clock);
    }
}

impl Surroundings for World {
    fn of(
        &mut self,
        targets: &[&str],
        now: DateTime<Utc>,
    ) -> Result<Vec<Surrounding>, SurroundingsError> {
        assert_eq!(now, moment(self.clock));
        let targets = targets.iter().map(|name| &self.decoys[Self::index(name)]);
        let known = targets.map(|decoy| Surrounding {
            last_change: decoy.last_change.map(moment),
            standing: if decoy.is_plain {
                Standing::Plain
            } else {
                Standing::Decoy {
                    owner_active: decoy.owner_is_active(self.clock),
                }
            },
        });
        Ok(known.collect())
    }
}

/// What became of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    Transient,
    Permanent,
    Crash,
}

#[derive(Debug)]
pub(crate) struct Execution {
    pub(crate) attempt: i64,
    pub(crate) target: String,
    pub(crate) action: Action,
    pub(crate) cause: String,
    pub(crate) beginning: u32,
    pub(crate) tries: u32,
    pub(crate) outcome: Outcome,
    pub(crate) took_effect: bool,
}

/// Carries plans out: fails now and then, dies now and then, and does nothing twice.
pub(crate) struct Hands {
    nature: Nature,
    pub(crate) is_clumsy: bool,
    /// How often each cause took effect.
    pub(crate) effects: HashMap<String, u32>,
    /// What was executed since somebody looked.
    pub(crate) done: Vec<Execution>,
}

impl Hands {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            nature: Nature::new(seed),
            is_clumsy: true,
            effects: HashMap::new(),
            done: Vec::new(),
        }
    }
}

#[async_trait]
impl Executor for Hands {
    async fn execute(&mut self, order: &Order) -> Result<serde_json::Value, ExecutionError> {
        let lot = if self.is_clumsy {
            self.nature.between(0, 100)
        } else {
            99
        };
        let (outcome, does_it) = match lot {
            0..4 => (Outcome::Crash, lot % 2 == 0),
            4..10 => (Outcome::Permanent, false),
            10..25 => (Outcome::Transient, lot % 3 == 0),
            _ => (Outcome::Done, true),
        };
        let cause = order.plan.cause();
        let took_effect = does_it && !self.effects.contains_key(&cause);
        if took_effect {
            *self.effects.entry(cause.clone()).or_default() += 1;
        }
        self.done.push(Execution {
            attempt: order.attempt.0,
            target: order.plan.target.clone(),
            action: order.plan.action,
            cause,
            beginning: order.beginning,
            tries: order.tries,
            outcome,
            took_effect,
        });
        let transient = ErrorCode::ALL[(lot % 4) as usize];
        match outcome {
            Outcome::Done => Ok(json!({"took_effect": took_effect})),
            Outcome::Transient => Err(ExecutionError::new(transient, "not now")),
            Outcome::Permanent => Err(ExecutionError::new(ErrorCode::Rejected, "no")),
            // The process dies here: nobody ever asks again.
            Outcome::Crash => pending().await,
        }
    }
}
