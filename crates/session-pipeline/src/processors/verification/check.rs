//! Whether the turns bear a claim out. A model may make things up, or repeat what somebody wrote
//! into the session to be repeated.

use std::collections::{BTreeMap, HashSet};

use super::answer::{Answer, Claim};
use super::evidence::EvidenceKind;
use super::occurs::{Said, folded, normalised, said};
use super::prompt::Turns;
use super::signals::Signals;

/// A claim that the turns bear out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Borne {
    pub(super) claim: Claim,
    pub(super) kind: EvidenceKind,
    /// Whether the value stands in the user's own turn.
    pub(super) is_explicit: bool,
}

/// How many claims were dropped, by reason.
pub(super) type Dropped = BTreeMap<&'static str, u32>;

/// The claims that the turns bear out, and the reasons against the others.
pub(super) fn borne_out(
    answer: &Answer,
    turns: Turns<'_>,
    signals: Signals,
) -> (Vec<Borne>, Dropped) {
    let (before, user) = (normalised(turns.before), normalised(turns.user));
    let mut dropped = Dropped::new();
    let mut count = |why, number| {
        if number > 0 {
            *dropped.entry(why).or_default() += number;
        }
    };
    count("misshapen", answer.misshapen);
    count("too_many", answer.too_many);
    let mut seen = HashSet::new();
    let mut borne = Vec::new();
    for claim in &answer.claims {
        let key = [&claim.subject, &claim.attribute, &claim.value].map(|text| folded(text));
        if key.iter().any(String::is_empty) {
            count("misshapen", 1);
        } else if !seen.insert(key) {
            count("duplicate", 1);
        } else {
            match check(claim, &before, &user, signals) {
                Ok(one) => borne.push(one),
                Err(why) => count(why, 1),
            }
        }
    }
    (borne, dropped)
}

fn check(claim: &Claim, before: &str, user: &str, signals: Signals) -> Result<Borne, &'static str> {
    let quote = normalised(&claim.quote);
    let quoted = |text| said(text, &quote) != Said::Not;
    if !(quoted(user) || (!claim.corrected && quoted(before))) {
        return Err("quote");
    }
    let value = folded(&claim.value);
    let (by_user, by_assistant) = (said(user, &value), said(before, &value));
    match (by_user, by_assistant) {
        (Said::Not, Said::Not) => return Err("value"),
        // `not 443` is no evidence for 443, whatever the assistant said.
        (Said::Denied, _) => return Err("denied"),
        _ => {}
    }
    let is_explicit = by_user == Said::Plainly;
    let mut claim = claim.clone();
    if !claim.corrected {
        if !signals.confirms {
            return Err("kind");
        }
        claim.replaces = None;
        let kind = if is_explicit {
            EvidenceKind::Restated
        } else {
            EvidenceKind::Confirmed
        };
        return Ok(Borne {
            claim,
            kind,
            is_explicit,
        });
    }
    if !signals.corrects && !is_explicit {
        return Err("kind");
    }
    if let Some(replaces) = claim.replaces.as_deref().map(folded) {
        if replaces == value {
            return Err("replaces_itself");
        }
        // A value that nobody named was not corrected.
        if said(before, &replaces) == Said::Not && said(user, &replaces) == Said::Not {
            claim.replaces = None;
        }
    }
    // After a bare `no`, the assistant's words hold what is wrong. Only who names that has told it
    // from what is right.
    if !is_explicit && claim.replaces.is_none() {
        return Err("value");
    }
    Ok(Borne {
        claim,
        kind: EvidenceKind::Corrected,
        is_explicit,
    })
}

#[cfg(test)]
mod tests {
    use super::super::signals::signals;
    use super::*;

    fn claim(kind: &str, value: &str, replaces: &str, quote: &str) -> Claim {
        Claim {
            subject: "server".to_owned(),
            attribute: "port".to_owned(),
            value: value.to_owned(),
            corrected: kind == "corrected",
            replaces: (!replaces.is_empty()).then(|| replaces.to_owned()),
            quote: quote.to_owned(),
        }
    }

    #[test]
    fn claims_need_the_words_of_the_turns() {
        use EvidenceKind::{Confirmed, Corrected, Restated};
        let check = |before: &str,
                     user: &str,
                     claim: Claim,
                     expected: Result<(EvidenceKind, bool), &str>| {
            let turns = Turns {
                before,
                user,
                after: "It is 9999.",
            };
            let answer = Answer {
                claims: vec![claim.clone()],
                ..Answer::default()
            };
            let (borne, dropped) = borne_out(&answer, turns, signals(user));
            let found = match borne.first() {
                Some(borne) => Ok((borne.kind, borne.is_explicit)),
                None => Err(*dropped.keys().next().unwrap()),
            };
            assert_eq!(found, expected, "{user}: {claim:?}");
        };
        let before = "So the server listens on port 443?";
        check(
            before,
            "yes",
            claim("confirmed", "443", "", "yes"),
            Ok((Confirmed, false)),
        );
        check(
            before,
            "yes",
            claim("confirmed", "443", "", "port 443"),
            Ok((Confirmed, false)),
        );
        check(
            before,
            "Yes, 443.",
            claim("confirmed", "443", "", "Yes, 443"),
            Ok((Restated, true)),
        );
        check(
            before,
            "no, 8443",
            claim("corrected", "8443", "443", "no, 8443"),
            Ok((Corrected, true)),
        );
        check(
            before,
            "8443!",
            claim("corrected", "8443", "443", "8443"),
            Ok((Corrected, true)),
        );
        // The quote.
        check(
            before,
            "yes",
            claim("confirmed", "443", "", "listens on 443"),
            Err("quote"),
        );
        check(
            before,
            "no, 8443",
            claim("corrected", "8443", "443", "port 443"),
            Err("quote"),
        );
        check(
            before,
            "yes",
            claim("confirmed", "443", "", "It is 9999"),
            Err("quote"),
        );
        check(
            before,
            "yes",
            claim("confirmed", "443", "", "ye"),
            Err("quote"),
        );
        // The value.
        check(
            before,
            "yes",
            claim("confirmed", "9999", "", "yes"),
            Err("value"),
        );
        check(
            before,
            "yes",
            claim("confirmed", "43", "", "yes"),
            Err("value"),
        );
        check(
            before,
            "no, wrong",
            claim("corrected", "9999", "443", "wrong"),
            Err("value"),
        );
        check(
            before,
            "no, wrong",
            claim("corrected", "443", "", "wrong"),
            Err("value"),
        );
        check(
            before,
            "no, not 443",
            claim("corrected", "443", "", "not 443"),
            Err("denied"),
        );
        check(
            before,
            "yes, not 443",
            claim("confirmed", "443", "", "yes"),
            Err("denied"),
        );
        // The kind.
        check(
            before,
            "no, wrong",
            claim("confirmed", "443", "", "wrong"),
            Err("kind"),
        );
        check(
            before,
            "no, 8443",
            claim("confirmed", "8443", "", "8443"),
            Err("kind"),
        );
        check(
            before,
            "yes",
            claim("corrected", "443", "", "yes"),
            Err("kind"),
        );
        check(
            before,
            "no, 443",
            claim("corrected", "443", "443.", "443"),
            Err("replaces_itself"),
        );
        // Chosen among what the assistant named.
        let before = "Is it 443 or 8443? I take 443.";
        check(
            before,
            "no, the other",
            claim("corrected", "8443", "443", "the other"),
            Ok((Corrected, false)),
        );
        check(
            before,
            "no, the other",
            claim("corrected", "8443", "", "the other"),
            Err("value"),
        );
        check(
            before,
            "no, the other",
            claim("corrected", "8443", "80", "the other"),
            Err("value"),
        );
        check(
            before,
            "yes",
            claim("confirmed", "...", "", "yes"),
            Err("misshapen"),
        );
    }

    #[test]
    fn what_was_named_by_nobody_is_not_contradicted() {
        let turns = Turns {
            before: "Port 443?",
            user: "no, 8443",
            after: "",
        };
        for (replaces, expected) in [("443", Some("443")), ("80", None)] {
            let answer = Answer {
                claims: vec![claim("corrected", "8443", replaces, "8443")],
                ..Answer::default()
            };
            let (borne, _) = borne_out(&answer, turns, signals(turns.user));
            assert_eq!(borne[0].claim.replaces.as_deref(), expected);
        }
    }

    #[test]
    fn the_same_fact_twice_counts_once() {
        let turns = Turns {
            before: "Port 443?",
            user: "yes",
            after: "",
        };
        let mut second = claim("confirmed", "443.", "", "yes");
        second.subject = " SERVER".to_owned();
        let answer = Answer {
            claims: vec![claim("confirmed", "443", "", "yes"), second],
            misshapen: 2,
            too_many: 3,
        };
        let (borne, dropped) = borne_out(&answer, turns, signals(turns.user));
        assert_eq!(borne.len(), 1);
        let expected = Dropped::from([("duplicate", 1), ("misshapen", 2), ("too_many", 3)]);
        assert_eq!(dropped, expected);
    }
}
