//! What is known, from all the evidence for it.
//!
//! Facts are folded from evidence anew each time, so that none of it is ever merged away:
//!
//! - The same value of the same attribute of the same subject, said by the same user, is one fact.
//!   Saying it again adds evidence to it.
//! - A correction is evidence for a fact of its own, and counts against the one that it contradicts:
//!   the value that it replaces, or every earlier other value if it names none.
//! - A fact is superseded as long as nothing newer than the correction speaks for it. What is said
//!   for it afterwards is evidence for it, and both facts are disputed from then on.
//!
//! Confidence follows from the kinds of evidence alone ([`Evidence::weight`]). Turns of a session
//! count less and less, each a fifth of the one before it, for they stem from one moment and one
//! mood; sessions count in full: 1 − Π(1 − w). Each correction against the fact, with weight c,
//! takes its share: times Π(1 − c).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::evidence::{Evidence, EvidenceKind, fact_key};
use super::occurs::folded;
use crate::record::RecordId;

/// What each further turn of a session counts, against the one before it.
const AGAIN: f64 = 0.2;
/// Most confidence; nothing that people say is certain.
const CONFIDENCE_MAX: f64 = 0.99;

/// Something that a user holds to be true, or held.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The same for the same user, subject, attribute and value.
    pub id: RecordId,
    /// The same for the same subject and attribute.
    pub fact_key: String,
    /// Who said it.
    pub user: Option<String>,
    /// Whom or what it is about, as it was spelled first.
    pub subject: String,
    /// Which property of it, as it was spelled first.
    pub attribute: String,
    /// Its value, as it was spelled first.
    pub value: String,
    /// How much speaks for it, from 0 to 0.99, with two digits.
    pub confidence: f64,
    /// Everything that speaks for it, by time.
    pub evidence: Vec<RecordId>,
    /// Everything that speaks against it, by time.
    pub against: Vec<RecordId>,
    /// When it was said first and last.
    pub said: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// The fact of the newest correction against it, if nothing newer speaks for this one.
    pub superseded_by: Option<RecordId>,
    /// Whether it was said again after it had been corrected, or the same happened to what it
    /// corrects, and no correction settled it since.
    pub disputed: bool,
}

/// Folds evidence into facts, ordered by user, subject, attribute and value. Its order does not
/// matter, nor whether it comes twice. A turn that stands in several logs, as when a session was
/// resumed, counts once.
pub fn merge(evidence: impl IntoIterator<Item = Evidence>) -> Vec<Fact> {
    let mut attributes: BTreeMap<Attribute, BTreeSet<Said>> = BTreeMap::new();
    for evidence in evidence {
        let attribute = Attribute {
            user: evidence.user.clone(),
            subject: folded(&evidence.subject),
            attribute: folded(&evidence.attribute),
        };
        let said = Said {
            at: evidence.at,
            id: evidence.id().0,
            value: folded(&evidence.value),
            evidence,
        };
        attributes.entry(attribute).or_default().insert(said);
    }
    attributes
        .iter()
        .flat_map(|(attribute, said)| facts(attribute, said))
        .collect()
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Attribute {
    user: Option<String>,
    subject: String,
    attribute: String,
}

/// Evidence in its order: by time, what has none first, then by id.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    at: Option<DateTime<Utc>>,
    id: [u8; 16],
    value: String,
    evidence: Evidence,
}

impl Said {
    fn is_correction(&self) -> bool {
        self.evidence.kind == EvidenceKind::Corrected
    }

    /// Whether it says that `value` is wrong, which was first said at `first`.
    fn contradicts(&self, value: &str, first: &Said) -> bool {
        self.is_correction()
            && self.value != value
            && match &self.evidence.replaces {
                Some(replaces) => folded(replaces) == value,
                None => first < self,
            }
    }

    /// Where it was said. Logs may hold copies of a turn.
    fn turn(&self) -> &str {
        &self.evidence.turn
    }

    fn session(&self) -> (&str, &str) {
        (&self.evidence.source, &self.evidence.log)
    }
}

/// Everything said for and against one value.
struct Case<'a> {
    value: &'a str,
    first: &'a Said,
    last: &'a Said,
    for_it: Vec<&'a Said>,
    against: Vec<&'a Said>,
}

fn facts(attribute: &Attribute, said: &BTreeSet<Said>) -> Vec<Fact> {
    let mut values: BTreeMap<&str, Vec<&Said>> = BTreeMap::new();
    for one in said {
        values.entry(&one.value).or_default().push(one);
    }
    let cases: Vec<Case<'_>> = values
        .into_iter()
        .filter_map(|(value, for_it)| {
            let (first, last) = (*for_it.first()?, *for_it.last()?);
            let against = said.iter().filter(|one| one.contradicts(value, first));
            Some(Case {
                value,
                first,
                last,
                against: against.collect(),
                for_it,
            })
        })
        .collect();
    let superseding: BTreeMap<&str, &str> = cases
        .iter()
        .filter_map(|case| {
            let newest = case.against.last()?;
            (*newest > case.last).then_some((case.value, newest.value.as_str()))
        })
        .collect();
    let mut disputed = BTreeSet::new();
    for case in &cases {
        for correction in &case.against {
            let is_open = !superseding.contains_key(case.value)
                && !superseding.contains_key(correction.value.as_str());
            if is_open && *correction < case.last {
                disputed.extend([case.value, correction.value.as_str()]);
            }
        }
    }
    let id = |value: &str| {
        let user = attribute.user.as_deref();
        RecordId::of(&[
            "fact",
            if user.is_some() { "of" } else { "of nobody" },
            user.unwrap_or_default(),
            &attribute.subject,
            &attribute.attribute,
            value,
        ])
    };
    let ids = |said: &[&Said]| {
        let mut ids: Vec<RecordId> = said.iter().map(|one| RecordId(one.id)).collect();
        // A turn may have been read by two models.
        ids.dedup();
        ids
    };
    cases
        .iter()
        .map(|case| Fact {
            id: id(case.value),
            fact_key: fact_key(&attribute.subject, &attribute.attribute),
            user: attribute.user.clone(),
            subject: case.first.evidence.subject.clone(),
            attribute: case.first.evidence.attribute.clone(),
            value: case.first.evidence.value.clone(),
            confidence: confidence(&case.for_it, &case.against),
            evidence: ids(&case.for_it),
            against: ids(&case.against),
            said: span(&case.for_it),
            superseded_by: superseding.get(case.value).map(|value| id(value)),
            disputed: disputed.contains(case.value),
        })
        .collect()
}

/// The first and the last time.
fn span(said: &[&Said]) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let mut times = said.iter().filter_map(|one| one.at);
    let first = times.next()?;
    Some((first, times.next_back().unwrap_or(first)))
}

fn confidence(for_it: &[&Said], against: &[&Said]) -> f64 {
    let confidence = support(for_it) * opposition(against);
    (confidence * 100.0)
        .round()
        .clamp(0.0, CONFIDENCE_MAX * 100.0)
        / 100.0
}

/// The largest weight of each turn, with the first session that it stands in.
fn turns<'a>(said: &[&'a Said]) -> BTreeMap<&'a str, ((&'a str, &'a str), f64)> {
    let mut turns = BTreeMap::new();
    for one in said {
        let weight = one.evidence.weight();
        turns
            .entry(one.turn())
            .and_modify(|(session, most): &mut ((&str, &str), f64)| {
                *session = one.session().min(*session);
                *most = most.max(weight);
            })
            .or_insert((one.session(), weight));
    }
    turns
}

fn support(said: &[&Said]) -> f64 {
    let mut sessions: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for (session, weight) in turns(said).into_values() {
        sessions.entry(session).or_default().push(weight);
    }
    let mut doubt = 1.0;
    for weights in sessions.values_mut() {
        weights.sort_by(|a, b| b.total_cmp(a));
        let mut share = 1.0;
        for weight in weights {
            doubt *= 1.0 - *weight * share;
            share *= AGAIN;
        }
    }
    1.0 - doubt
}

/// What the corrections leave. Each turn counts in full, whatever its session: one more never makes
/// the others count less.
fn opposition(said: &[&Said]) -> f64 {
    turns(said)
        .into_values()
        .map(|(_, weight)| 1.0 - weight)
        .product()
}

#[cfg(test)]
mod tests;
