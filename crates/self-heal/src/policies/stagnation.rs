//! Targets that are looked at and not used: the fewer engagements for each impression, the stronger
//! the action.

use chrono::{DateTime, TimeDelta, Utc};

use crate::action::{IdempotencyKey, Tier};
use crate::attempt::Epoch;
use crate::decision::{Decision, Plan, Reason};
use crate::limits::Limits;
use crate::point::Trend;
use crate::policy::{Episode, Evaluation, Facts, Policy, Standing};

/// The policy. Its checks, in order: enough samples, traffic (of decoys alone), duplicates, the
/// limit of the window, cooldowns, an active owner (of decoys alone).
///
/// ```
/// use chrono::{DateTime, TimeDelta};
/// use decnet_self_heal::attempt::History;
/// use decnet_self_heal::decision::Decision;
/// use decnet_self_heal::point::Point;
/// use decnet_self_heal::policies::stagnation::Stagnation;
/// use decnet_self_heal::policy::{Facts, Policy, Standing};
///
/// let now = DateTime::UNIX_EPOCH + TimeDelta::days(1);
/// let points = [(60, 0), (30, 500), (5, 1_000)].map(|(minutes, impressions)| Point {
///     at: now - TimeDelta::minutes(minutes),
///     impressions,
///     engagements: impressions / 100,
/// });
/// let facts = Facts {
///     target: "p1",
///     points: &points,
///     history: &History::default(),
///     episode: None,
///     last_change: None,
///     standing: Standing::Plain,
/// };
/// let Decision::Act(plan) = Stagnation::default().evaluate(&facts, now).decision else {
///     panic!("one engagement in a hundred is stagnation");
/// };
/// assert_eq!((plan.tier.name(), plan.action.name()), ("tier_3", "thread"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Stagnation {
    /// How far back points count, both ends included. Default 90 minutes.
    pub window: TimeDelta,
    /// Points that it takes in the window. Default 3.
    pub samples: usize,
    /// What the engagement rate is multiplied with. Default 20: one engagement for 20 impressions
    /// is no stagnation at all.
    pub rate_factor: f64,
    /// Stagnation from which a target is in tier 2. Default 0.55.
    pub tier_2_from: f64,
    /// Stagnation from which a target is in tier 3. Default 0.8.
    pub tier_3_from: f64,
    /// When the same action may be done again. Default [`EpochRule::Episode`], of at most 7 days.
    pub epochs: EpochRule,
    /// How often a target may be acted on.
    pub limits: Limits,
}

/// How often the same action is done to the same target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpochRule {
    /// Once and never again.
    Forever,
    /// Once in each time that the target stays stagnant (tier 2 or 3), and once in each time that it
    /// does not. Such a time ends when the target changes between the two, when nobody looks at a
    /// decoy any more, or after `longest`.
    Episode {
        /// After so long a new episode begins, though nothing has changed.
        longest: TimeDelta,
    },
}

impl Default for EpochRule {
    fn default() -> Self {
        Self::Episode {
            longest: TimeDelta::days(7),
        }
    }
}

impl Default for Stagnation {
    fn default() -> Self {
        Self {
            window: TimeDelta::minutes(90),
            samples: 3,
            rate_factor: 20.0,
            tier_2_from: 0.55,
            tier_3_from: 0.8,
            epochs: EpochRule::default(),
            limits: Limits::default(),
        }
    }
}

impl Stagnation {
    /// The name that its attempts are kept under.
    pub const NAME: &'static str = "stagnation";

    /// The tier of a stagnation.
    pub fn tier(&self, stagnation: f64) -> Tier {
        if stagnation >= self.tier_3_from {
            Tier::Three
        } else if stagnation >= self.tier_2_from {
            Tier::Two
        } else {
            Tier::One
        }
    }

    /// The episode that a target is in now, and whether it is a new one.
    fn episode(
        &self,
        known: Option<Episode>,
        is_stale: bool,
        now: DateTime<Utc>,
    ) -> (Option<Episode>, bool) {
        let EpochRule::Episode { longest } = self.epochs else {
            return (None, false);
        };
        let number = match known {
            Some(episode) if episode.is_stale == is_stale && now - episode.since < longest => {
                return (Some(episode), false);
            }
            Some(episode) => episode.number.saturating_add(1),
            None => 1,
        };
        let since = now;
        (
            Some(Episode {
                number,
                is_stale,
                since,
            }),
            true,
        )
    }
}

impl Policy for Stagnation {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn evaluate(&self, facts: &Facts<'_>, now: DateTime<Utc>) -> Evaluation {
        let trend = Trend::of(facts.points, self.window, now);
        // Without a point there is nothing to say, however few it takes.
        if trend.samples < self.samples.max(1) {
            return Decision::skip(Reason::InsufficientSamples {
                sample_count: trend.samples,
                needed: self.samples.max(1),
            })
            .into();
        }
        if trend.impressions == 0 && matches!(facts.standing, Standing::Decoy { .. }) {
            let (episode, is_new) = self.episode(facts.episode, false, now);
            let ended = is_new && facts.episode.is_some();
            return Evaluation {
                decision: Decision::skip(Reason::NoTraffic {
                    sample_count: trend.samples,
                }),
                episode: episode.filter(|_| ended),
                is_stale: None,
            };
        }
        let stagnation = trend.stagnation(self.rate_factor);
        let tier = self.tier(stagnation);
        let action = tier.action();
        let is_stale = tier > Tier::One;
        let (episode, is_new) = self.episode(facts.episode, is_stale, now);
        let plan = Plan {
            policy: Self::NAME.to_owned(),
            target: facts.target.to_owned(),
            tier,
            action,
            key: IdempotencyKey::of(facts.target, action, tier),
            epoch: episode.map_or(Epoch::FOREVER, |episode| Epoch(episode.number)),
            stagnation: Some(stagnation),
            trend: Some(trend),
            last_change: facts.last_change,
        };
        let id = (&plan.key, plan.epoch);
        let objection = self
            .limits
            .objection(facts.history, Self::NAME, id, action, now)
            .or_else(|| {
                facts
                    .standing
                    .is_deserted()
                    .then_some(Reason::OwnerInactive)
            });
        Evaluation {
            decision: match objection {
                Some(reason) => Decision::withhold(plan, reason),
                None => Decision::Act(plan),
            },
            episode: episode.filter(|_| is_new),
            is_stale: (trend.impressions > 0).then_some(is_stale),
        }
    }

    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn looks_back(&self) -> TimeDelta {
        self.window
    }
}
