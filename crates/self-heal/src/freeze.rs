//! While somebody is inside a decoy, nothing that is there changes.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};

use crate::decision::Reason;

/// How long a decoy is left alone because of somebody inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreezeRule {
    /// How long after they left. Default 15 minutes.
    pub hold_off: TimeDelta,
    /// How long in all, so that an idle connection cannot disable a decoy. Default 4 hours.
    pub longest: TimeDelta,
}

impl Default for FreezeRule {
    fn default() -> Self {
        Self {
            hold_off: TimeDelta::minutes(15),
            longest: TimeDelta::hours(4),
        }
    }
}

/// Somebody is or was inside a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// What tells it from others; the same when its end is recorded.
    pub id: String,
    /// Where.
    pub target: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When they left; `None`: they have not.
    pub until: Option<DateTime<Utc>>,
}

/// Targets that are left alone now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frozen {
    spans: HashMap<String, Span>,
}

/// A time in which somebody was inside, or had just left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    since: DateTime<Utc>,
    left_at: Option<DateTime<Utc>>,
    until: DateTime<Utc>,
}

impl FreezeRule {
    /// How far back ended presences matter.
    pub fn horizon(&self) -> TimeDelta {
        self.longest.max(self.hold_off)
    }

    /// Which targets are frozen at `now`. Presences that overlap, or follow each other within the
    /// hold-off, are one: it ends [`longest`](Self::longest) after it began, however many there are.
    /// Somebody who comes after that begins a new one.
    pub fn frozen<'p>(
        &self,
        presences: impl IntoIterator<Item = &'p Presence>,
        now: DateTime<Utc>,
    ) -> Frozen {
        let mut of_target: HashMap<&str, Vec<&Presence>> = HashMap::new();
        // No clock of a decoy is a day ahead; what says so is bogus, and would freeze it till then.
        let latest = plus(now, TimeDelta::days(1));
        for presence in presences {
            if presence.since > latest {
                continue;
            }
            let list = of_target.entry(presence.target.as_str()).or_default();
            list.push(presence);
        }
        let mut frozen = Frozen::default();
        for (target, mut list) in of_target {
            list.sort_by_key(|presence| presence.since);
            if let Some(span) = self.last_span(&list, now).filter(|span| span.until > now) {
                frozen.spans.insert(target.to_owned(), span);
            }
        }
        frozen
    }

    fn last_span(&self, presences: &[&Presence], now: DateTime<Utc>) -> Option<Span> {
        let mut last: Option<Span> = None;
        for presence in presences {
            // The clock of a decoy may be ahead of ours.
            let since = presence.since.min(now);
            let begun = last.filter(|span| since <= span.until);
            let began = begun.map_or(since, |span| span.since);
            let end = match presence.until {
                Some(until) => plus(until, self.hold_off),
                None => DateTime::<Utc>::MAX_UTC,
            };
            let longest = plus(began, self.longest);
            let earlier = begun.map(|span| span.until);
            let left_at = match (begun.map(|span| span.left_at), presence.until) {
                (Some(None), _) | (_, None) => None,
                (Some(Some(left)), Some(until)) => Some(left.max(until)),
                (None, Some(until)) => Some(until),
            };
            last = Some(Span {
                since: began,
                left_at,
                until: earlier.map_or(end, |earlier| earlier.max(end)).min(longest),
            });
        }
        last
    }
}

impl Frozen {
    /// Why a target is left alone, if it is.
    pub fn reason(&self, target: &str) -> Option<Reason> {
        let span = self.spans.get(target)?;
        Some(Reason::IntruderPresent {
            since: span.since,
            left_at: span.left_at,
            until: span.until,
        })
    }

    /// The names of all of them, in no order.
    pub fn targets(&self) -> impl Iterator<Item = &str> {
        self.spans.keys().map(String::as_str)
    }
}

fn plus(at: DateTime<Utc>, span: TimeDelta) -> DateTime<Utc> {
    let sum = at.checked_add_signed(span);
    sum.unwrap_or(DateTime::<Utc>::MAX_UTC)
}
