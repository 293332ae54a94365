//! Scores by rules: by what a memory is, not by what it says of itself.
//!
//! | score | when |
//! |---|---|
//! | 3 | a decision, a deadline or an incident with an amount that the other side named before, or with an amount and a date of which it named one, in a thread that has gone on for a while |
//! | 2 | a decision, a deadline or an incident with an amount, a date or a host; or a first contact about an amount |
//! | 1 | one of these alone, or a first contact |
//! | 0 | anything else |
//!
//! A text that shows a [sign](super::signs) of being meant for its scorer gets 1 at most, and one that
//! leaves a [doubt](super::doubts) 2. The rules read English and Spanish, which are the languages that
//! personas write in.
//!
//! What is only asked for is no decision (`could you approve it?`), and what is down is an incident
//! only if it is a host or a service.

use async_trait::async_trait;
use chrono::DateTime;

use super::doubts::{Doubt, doubt_in, has_plea, is_legible};
use super::signs::{first_sign, folded, sentences, sign_in, words_of};
use super::wording::{ASKS_FOR, DEADLINE, DECISION, GOES_DOWN, INCIDENT};
use super::{PIVOTAL, SUSPECT_MAX, Score, Scorer, ScorerError, Scoring};
use crate::entities::{Entity, extract};
use crate::memory::{Kind, Speaker};

/// Earlier memories of a thread from which on it has gone on for a while.
pub const THREAD_MIN: u32 = 2;

/// Scores by the rules of this module. Immediate, and the same for the same memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct RuleScorer;

#[async_trait]
impl Scorer for RuleScorer {
    fn name(&self) -> &str {
        "rules"
    }

    async fn score(&self, scoring: &Scoring) -> Result<Score, ScorerError> {
        Ok(by_rules(scoring))
    }
}

/// The score of a memory by the rules.
pub fn by_rules(scoring: &Scoring) -> Score {
    let found = Found::of(scoring);
    let level = found.level();
    let lower = |most: u8, why: String| Score {
        score: most,
        reason: format!("the text {why}; without that it would be {}", found.told()),
    };
    let score = if level > SUSPECT_MAX
        && let Some(sign) = first_sign(scoring)
    {
        lower(SUSPECT_MAX, sign.to_string())
    } else if level >= PIVOTAL
        && let Some(doubt) = first_doubt(scoring)
    {
        lower(PIVOTAL - 1, doubt.to_string())
    } else {
        Score {
            score: level,
            reason: found.told(),
        }
    };
    score.bounded()
}

/// The first doubt about what a memory tells, if there is one.
pub fn first_doubt(scoring: &Scoring) -> Option<Doubt> {
    doubt_in(&scoring.words.narrative, said_by_other_side(scoring))
}

/// What the other side of the correspondence said before, as far as the rules read it and it has no
/// sign: what the owner writes is answered by others, and everything else comes from others.
fn said_by_other_side(scoring: &Scoring) -> impl Iterator<Item = &str> {
    let other_side = match scoring.facts.kind {
        Kind::MailSent => Speaker::Other,
        Kind::MailReceived | Kind::Other(_) => Speaker::Owner,
    };
    let before = scoring.words.dialogue.iter();
    before
        .filter(move |said| said.by == other_side)
        .filter(|said| sign_in(&said.text).is_none() && is_legible(&said.text))
        .map(|said| said.text.as_str())
}

/// How much code finds in a memory, 0 to 3, whatever its text wants.
pub fn substance(scoring: &Scoring) -> u8 {
    Found::of(scoring).level()
}

/// Whether what lies outside a text agrees with it: its thread has gone on, and the other side named
/// something of what it mentions before.
pub fn is_corroborated(scoring: &Scoring) -> bool {
    let found = Found::of(scoring);
    found.has_gone_on && found.shared.is_some()
}

/// What was found in a memory.
#[derive(Debug, Default)]
struct Found {
    /// A decision, a deadline, an incident.
    events: Vec<&'static str>,
    amount: Option<Entity>,
    date: Option<Entity>,
    host: Option<Entity>,
    /// An amount or date that the other side of the correspondence named before.
    shared: Option<Entity>,
    is_first_contact: bool,
    has_gone_on: bool,
}

impl Found {
    fn of(scoring: &Scoring) -> Self {
        let when = scoring.facts.happened_at;
        let entities = extract(&scoring.words.narrative, &[], when);
        let first = |kind| {
            entities
                .iter()
                .find(|entity| entity.kind() == kind)
                .cloned()
        };
        // A sentence that pleads names nothing that could speak for it later.
        let named_before: Vec<Entity> = said_by_other_side(scoring)
            .flat_map(sentences)
            .filter(|sentence| !has_plea(sentence))
            .flat_map(|sentence| extract(sentence, &[], when))
            .collect();
        let is_shared = |entity: &&Entity| {
            matches!(entity.kind(), "amount" | "date") && named_before.contains(entity)
        };
        let circumstances = scoring.circumstances;
        Self {
            events: events_in(&scoring.words.narrative),
            amount: first("amount"),
            date: first("date"),
            host: first("host"),
            shared: entities.iter().find(is_shared).cloned(),
            is_first_contact: scoring.facts.other.is_some()
                && circumstances.earlier_with_other == 0,
            has_gone_on: circumstances.earlier_in_thread >= THREAD_MIN,
        }
    }

    fn level(&self) -> u8 {
        let has_event = !self.events.is_empty();
        let (amount, date) = (self.amount.is_some(), self.date.is_some());
        let is_settled = match &self.shared {
            Some(shared) => date || shared.kind() == "amount",
            None => false,
        };
        if has_event && amount && is_settled && self.has_gone_on {
            return PIVOTAL;
        }
        if has_event && (amount || date || self.host.is_some()) || self.is_first_contact && amount {
            return 2;
        }
        u8::from(has_event || amount || date || self.host.is_some() || self.is_first_contact)
    }

    /// What was found, for people to read.
    fn told(&self) -> String {
        let entities = [&self.amount, &self.date, &self.host];
        let mut parts: Vec<String> = self
            .events
            .iter()
            .map(|event| (*event).to_owned())
            .collect();
        parts.extend(entities.into_iter().flatten().map(Entity::to_string));
        if self.is_first_contact {
            parts.push("a first contact".to_owned());
        }
        if let Some(shared) = &self.shared {
            parts.push(format!("{shared} named by both sides"));
        }
        if self.has_gone_on {
            parts.push("a thread that has gone on".to_owned());
        }
        match parts.as_slice() {
            [] => "nothing that stands out".to_owned(),
            parts => parts.join(", "),
        }
    }
}

/// Whether a sentence, in its words and as it is written, tells of something.
type Tells = fn(&[String], &str) -> bool;

/// What a text tells of: a decision, a deadline, an incident.
fn events_in(text: &str) -> Vec<&'static str> {
    let events: [(Tells, &'static str); 3] = [
        (is_decision, "a decision"),
        (is_deadline, "a deadline"),
        (is_incident, "an incident"),
    ];
    let sentences: Vec<(Vec<String>, &str)> = sentences(text)
        .map(|sentence| {
            let words = words_of(sentence).into_iter().map(|word| folded(&word));
            (words.collect(), sentence)
        })
        .collect();
    let tells = |is_event: Tells| {
        let mut sentences = sentences.iter();
        sentences.any(|(words, sentence)| is_event(words, sentence))
    };
    events
        .into_iter()
        .filter(|(is_event, _)| tells(*is_event))
        .map(|(_, name)| name)
        .collect()
}

fn is_decision(words: &[String], sentence: &str) -> bool {
    let at = words
        .iter()
        .position(|word| DECISION.contains(word.as_str()));
    let is_asked_for = |before: &[String]| {
        let mut before = before.iter();
        before.any(|word| ASKS_FOR.contains(word.as_str()))
    };
    let before = at.and_then(|at| words.get(..at));
    before.is_some_and(|before| !is_asked_for(before)) && !sentence.ends_with('?')
}

/// `Due to` tells why, not until when.
fn is_deadline(words: &[String], _: &str) -> bool {
    let mut at = words.iter().enumerate();
    at.any(|(at, word)| {
        let is_cause = || word == "due" && words.get(at + 1).is_some_and(|next| next == "to");
        DEADLINE.contains(word.as_str()) && !is_cause()
    })
}

fn is_incident(words: &[String], sentence: &str) -> bool {
    const IS: &[&str] = &[
        "is", "are", "was", "were", "been", "went", "goes", "go", "still",
    ];
    let is_down = || {
        let down = words.iter().skip(1).position(|word| word == "down")?;
        let (before, _) = words.split_at_checked(down + 1)?;
        let (last, before) = before.split_last()?;
        let names_a_host = || {
            let entities = extract(sentence, &[], DateTime::UNIX_EPOCH);
            entities.iter().any(|entity| entity.kind() == "host")
        };
        let mut before = before.iter();
        let is_service = before.any(|word| GOES_DOWN.contains(word.as_str())) || names_a_host();
        (IS.contains(&last.as_str()) && is_service).then_some(())
    };
    words.iter().any(|word| INCIDENT.contains(word.as_str())) || is_down().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(events_in(text), expected, "{text}");
    }

    #[test]
    fn what_is_settled_is_a_decision_and_what_is_asked_for_is_none() {
        check("We agreed on 12,400 EUR.", &["a decision"]);
        check("Aprobado, y lo firmo hoy.", &["a decision"]);
        check("Do you agree?", &[]);
        check("Could you approve it by Friday.", &[]);
        check("It needs your approval. Has it been signed?", &[]);
    }

    #[test]
    fn a_day_is_a_deadline_and_a_cause_is_none() {
        check("It is due on Friday.", &["a deadline"]);
        check("It is late due to the rain.", &[]);
    }

    #[test]
    fn hosts_and_services_go_down_and_prices_do_not() {
        check("web-09 is down again.", &["an incident"]);
        check("The mail server went down at 9:30.", &["an incident"]);
        check("There was an outage.", &["an incident"]);
        check("Training is down with $1,492.", &[]);
        check("I came down the stairs to the server.", &[]);
        check("You are down for one right now, number 38.", &[]);
    }
}
