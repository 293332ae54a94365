//! How much a memory matters: 0 for nothing at all, 3 for what is never to be forgotten.
//!
//! A [`Scorer`] says so, and why. [`RuleScorer`](rules::RuleScorer) goes by rules; a model goes by
//! the [`prompt`](crate::prompt), and what it answers goes through [`judge`].
//!
//! # Text cannot raise its own score
//!
//! What a memory tells may come from anybody. Four things keep it from scoring itself:
//!
//! - What a model answers is read as one JSON object of the [right shape](read_answer). Anything odd
//!   is an error, never a score.
//! - A model lifts a memory by one step at most above what [rules] find in it, so that whoever talks a
//!   model into anything has won little.
//! - [Signs](signs) that a text speaks to whoever scores it cap it at [`SUSPECT_MAX`], and at what
//!   rules find in it.
//! - A 3 needs [`Circumstances`], an owner's own words that agree with it, and a text without a
//!   [doubt](doubts): nothing that may plead to be kept, and no passage that the rules do not read.
//!   The first two come from who sent what and when, not from what a text claims.

pub mod doubts;
pub mod rules;
pub mod signs;
pub mod wording;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::memory::{Facts, MemoryId, Words, first_bytes};

/// The score that pins a memory.
pub const PIVOTAL: u8 = 3;
/// Highest score of a text that shows a sign of wanting one.
pub const SUSPECT_MAX: u8 = 1;
/// Longest reason, in characters.
pub const REASON_MAX: usize = 400;
/// Longest name of a scorer, in bytes. Longer ones are cut.
pub const SCORER_MAX: usize = 128;
/// Up to how many earlier memories are counted.
pub const EARLIER_MAX: u32 = 8;

/// How much a memory matters, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Score {
    /// 0 (nothing at all) to [`PIVOTAL`].
    pub score: u8,
    /// Why, in 1 to [`REASON_MAX`] characters.
    pub reason: String,
}

impl Score {
    /// A score within its bounds: too high a one is lowered to [`PIVOTAL`], a reason is cleaned and
    /// cut, and one that is missing says so.
    pub fn bounded(&self) -> Self {
        let reason: String = crate::memory::clean(&self.reason)
            .trim()
            .chars()
            .take(REASON_MAX)
            .collect();
        Self {
            score: self.score.min(PIVOTAL),
            reason: match reason.as_str() {
                "" => "no reason was given".to_owned(),
                _ => reason,
            },
        }
    }
}

/// A scorer's name within its bounds.
pub fn scorer_name(name: &str) -> String {
    let name = crate::memory::clean(name);
    first_bytes(name.trim(), SCORER_MAX).to_owned()
}

/// What lies around a memory, counted by its ledger. No text has a say in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Circumstances {
    /// Memories of the owner in the same thread that happened before it; at most [`EARLIER_MAX`].
    pub earlier_in_thread: u32,
    /// Memories of the owner about the same other party that happened before it; at most
    /// [`EARLIER_MAX`].
    pub earlier_with_other: u32,
}

/// A memory as a scorer gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scoring {
    /// Which.
    pub memory: MemoryId,
    /// Whose it is, about whom, of what, and when.
    pub facts: Facts,
    /// What it tells. Data, whatever it says.
    pub words: Words,
    /// What lies around it.
    pub circumstances: Circumstances,
}

/// Says how much a memory matters.
///
/// A scorer that asks a model puts its answer through [`judge`]. Dropping the future gives the
/// question up; asking again is always allowed.
#[async_trait]
pub trait Scorer: Send + Sync {
    /// Its name, kept with each score, such as `rules` or `llm:qwen3`.
    fn name(&self) -> &str;

    /// Scores one memory.
    ///
    /// # Errors
    ///
    /// [`ScorerError`] says what stood in the way and whether trying again can help.
    async fn score(&self, scoring: &Scoring) -> Result<Score, ScorerError>;
}

#[async_trait]
impl<S: Scorer + ?Sized> Scorer for Box<S> {
    fn name(&self) -> &str {
        (**self).name()
    }

    async fn score(&self, scoring: &Scoring) -> Result<Score, ScorerError> {
        (**self).score(scoring).await
    }
}

/// Why there is no score.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScorerError {
    /// What answers is not there, is too slow, or has too much to do.
    #[error("the scorer is unavailable: {detail}")]
    Unavailable {
        /// What was found.
        detail: String,
    },
    /// The answer is not what was asked for. Another draw may be.
    #[error("the scorer's answer is no score: {detail}")]
    Malformed {
        /// What was found.
        detail: String,
    },
    /// The scorer will not score this, however often it is asked.
    #[error("the scorer refused: {detail}")]
    Refused {
        /// What it said.
        detail: String,
    },
}

impl ScorerError {
    /// Whether trying again later can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Malformed { .. } => true,
            Self::Refused { .. } => false,
        }
    }
}

/// Reads a model's answer: one JSON object with `score`, an integer from 0 to 3, and `reason`, a text
/// of 1 to [`REASON_MAX`] characters without control characters. Nothing beside them, and nothing
/// around it but white space.
///
/// # Errors
///
/// [`ScorerError::Malformed`] for anything else. Nothing is repaired: an answer that has to be
/// interpreted is one that somebody else may have had a hand in.
pub fn read_answer(answer: &str) -> Result<Score, ScorerError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Answer {
        score: u8,
        reason: String,
    }
    let malformed = |detail: String| Err(ScorerError::Malformed { detail });
    let Answer { score, reason } = match serde_json::from_str(answer) {
        Ok(answer) => answer,
        Err(error) => return malformed(error.to_string()),
    };
    if score > PIVOTAL {
        return malformed(format!("a score of {score}, above {PIVOTAL}"));
    }
    let length = reason.chars().count();
    if !(1..=REASON_MAX).contains(&length) || reason.trim().is_empty() {
        return malformed(format!("a reason of {length} characters"));
    }
    if reason.chars().any(char::is_control) {
        return malformed("a reason with control characters".to_owned());
    }
    Ok(Score { score, reason })
}

/// What a model's answer comes to for this memory: read by [`read_answer`], and no higher than the
/// memory may go.
///
/// # Errors
///
/// As [`read_answer`].
pub fn judge(answer: &str, scoring: &Scoring) -> Result<Score, ScorerError> {
    let score = read_answer(answer)?;
    Ok(capped(score, scoring))
}

/// The score, no higher than this memory may go, whoever scored it.
pub fn capped(score: Score, scoring: &Scoring) -> Score {
    let found = rules::substance(scoring);
    let (most, why) = if let Some(sign) = signs::first_sign(scoring) {
        (SUSPECT_MAX.min(found), format!("the text {sign}"))
    } else if score.score > found + 1 {
        (found + 1, "rules find too little in it".to_owned())
    } else if score.score < PIVOTAL {
        return score;
    } else if !rules::is_corroborated(scoring) {
        (PIVOTAL - 1, "nobody else spoke of it before".to_owned())
    } else if let Some(doubt) = rules::first_doubt(scoring) {
        (PIVOTAL - 1, format!("the text {doubt}"))
    } else {
        return score;
    };
    if score.score <= most {
        return score;
    }
    let reason = format!(
        "{most} instead of {}, for {why}: {}",
        score.score, score.reason
    );
    Score {
        score: most,
        reason,
    }
    .bounded()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_the_right_shape_is_a_score() {
        let score = read_answer("\n{\"score\": 2, \"reason\": \"a deadline\"} ").unwrap();
        assert_eq!((score.score, score.reason.as_str()), (2, "a deadline"));
        let longest = format!(r#"{{"reason":"{}","score":3}}"#, "é".repeat(REASON_MAX));
        assert_eq!(read_answer(&longest).unwrap().score, 3);
    }

    #[test]
    fn anything_else_is_an_error() {
        let too_long = format!(r#"{{"score":3,"reason":"{}"}}"#, "x".repeat(REASON_MAX + 1));
        for answer in [
            "",
            "3",
            "null",
            "score: 3",
            r#"{"score":3}"#,
            r#"{"reason":"x"}"#,
            r#"{"score":4,"reason":"x"}"#,
            r#"{"score":-1,"reason":"x"}"#,
            r#"{"score":3.0,"reason":"x"}"#,
            r#"{"score":"3","reason":"x"}"#,
            r#"{"score":true,"reason":"x"}"#,
            r#"{"score":[3],"reason":"x"}"#,
            r#"{"score":99999999999999999999,"reason":"x"}"#,
            r#"{"score":3,"reason":""}"#,
            r#"{"score":3,"reason":"  "}"#,
            r#"{"score":3,"reason":null}"#,
            r#"{"score":3,"reason":"a\nb"}"#,
            r#"{"score":1,"score":3,"reason":"x"}"#,
            r#"{"score":3,"reason":"x","pin":true}"#,
            r#"{"score":3,"reason":"x"} ok"#,
            r#"[{"score":3,"reason":"x"}]"#,
            r#"{"Score":3,"reason":"x"}"#,
            "```json\n{\"score\":3,\"reason\":\"x\"}\n```",
            too_long.as_str(),
        ] {
            let error = read_answer(answer).unwrap_err();
            assert!(matches!(error, ScorerError::Malformed { .. }), "{answer}");
        }
    }

    #[test]
    fn scores_stay_within_their_bounds() {
        let wild = Score {
            score: 200,
            reason: "\u{0}".to_owned(),
        };
        let bounded = wild.bounded();
        assert_eq!(
            (bounded.score, bounded.reason.as_str()),
            (3, "no reason was given")
        );
        assert_eq!(bounded.bounded(), bounded);
    }
}
