//! The contract of a policy, and the facts that it decides by.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::attempt::History;
use crate::decision::Decision;
use crate::limits::Limits;
use crate::point::Point;

/// A rule that decides, from the facts about a target alone, whether it deserves an action now.
///
/// A policy is pure: the same facts and the same `now` give the same answer. Several run side by
/// side on each target; the first that acts, in the order of their list, is followed.
pub trait Policy: Send + Sync {
    /// Its name, unique in a list and the same for ever, since attempts are kept under it.
    fn name(&self) -> &str;

    /// Decides about a target.
    fn evaluate(&self, facts: &Facts<'_>, now: DateTime<Utc>) -> Evaluation;

    /// How often its targets may be acted on.
    fn limits(&self) -> &Limits;

    /// How far back it looks at points; what is older may be missing from the facts. Default: as far
    /// back as the limits look.
    fn looks_back(&self) -> TimeDelta {
        self.limits().horizon()
    }
}

/// What a policy answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// What is to be done.
    pub decision: Decision,
    /// The episode that the target has entered, to be kept and given to the next evaluation by this
    /// policy. `None`: it is in the one that the facts named, or the policy has none.
    pub episode: Option<Episode>,
    /// Whether the target has traffic, and is stagnant: what the fleet is judged by. `None`: the
    /// policy cannot say.
    pub is_stale: Option<bool>,
}

impl From<Decision> for Evaluation {
    fn from(decision: Decision) -> Self {
        Self {
            decision,
            episode: None,
            is_stale: None,
        }
    }
}

/// What is known of a target.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Its name.
    pub target: &'a str,
    /// What was counted, in any order; at least as far back as the policies look.
    pub points: &'a [Point],
    /// What was done to it.
    pub history: &'a History,
    /// The episode that it is in by the policy that decides.
    pub episode: Option<Episode>,
    /// When anything of it last changed; `None`: never, or nobody knows.
    pub last_change: Option<DateTime<Utc>>,
    /// What it is to the world around.
    pub standing: Standing,
}

/// What a target is to the world around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Something of which nothing but its points is known.
    #[default]
    Plain,
    /// A decoy. That nobody looks at it is its normal state.
    Decoy {
        /// Whether somebody who has something there is active now.
        owner_active: bool,
    },
}

impl Standing {
    /// Whether nobody could act on it now as its owner.
    pub fn is_deserted(self) -> bool {
        matches!(
            self,
            Self::Decoy {
                owner_active: false
            }
        )
    }
}

/// A time in which a target stays stagnant, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    /// The first has 1; each new one has one more.
    pub number: i64,
    /// Whether the target is stagnant in it.
    pub is_stale: bool,
    /// When it began.
    pub since: DateTime<Utc>,
}
