//! Facts that a user confirmed or corrected in a session with an agent.
//!
//! A turn of the user that confirms or corrects, as far as its words show (`signals`), becomes a
//! question to a language model, together with what the assistant said before and after it
//! (`prompt`). The answer has to have the shape that was asked for (`answer`), and the turns have to
//! bear each fact out (`check`). What is left is [`Evidence`], a record each;
//! [`facts::merge`] folds the evidence of all logs into facts.
//!
//! # What a log leads to
//!
//! - A turn is asked about when the assistant has answered it, or the user goes on without that. The
//!   last turn of a log waits in the state until then.
//! - All questions of a call are asked in that call, one after the other, at most two generations
//!   each. Five hundred questions about one log are the most; a record of kind `limit` counts the
//!   turns beyond.
//! - A question gives one record of kind `answer` with the number of facts that were kept and
//!   dropped, or one of kind `unreadable` with the reason. Neither an unreadable answer nor a
//!   question that the server refuses is an error: asking again would bring the same.
//! - When the model cannot be asked, nothing of the call is taken as read. Answers that it gave are
//!   remembered for the next try.
//!
//! Records follow from the lines and the model's answers, and do not depend on how the log is cut.
//! Models need not repeat themselves; the ids of records hold nothing that a model decides but fact
//! and value.

mod answer;
mod check;
pub mod evidence;
pub mod extractor;
pub mod facts;
mod memory;
mod occurs;
mod prompt;
mod rows;
mod signals;
mod state;
mod text;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use self::check::{Dropped, borne_out};
use self::evidence::{Evidence, fact_key};
use self::extractor::{ExtractorError, FactExtractor};
use self::memory::{Memory, Reading};
use self::prompt::{Turns, request};
use self::state::{QUESTIONS_MAX, Question, State};
use self::text::head;
use crate::lines::Lines;
use crate::processor::{Outcome, Processor, ProcessorError};
use crate::record::{Record, RecordId};
use crate::source::{Log, SourceKind};

/// Most bytes of a server's words that a record keeps.
const WHY_MAX: usize = 300;

/// The processor.
pub struct Verification {
    extractor: Arc<dyn FactExtractor>,
    memory: Memory,
}

impl Verification {
    /// Name of the processor.
    pub const NAME: &'static str = "verification";

    /// A processor that asks `extractor`.
    pub fn new(extractor: Arc<dyn FactExtractor>) -> Self {
        Self {
            extractor,
            memory: Memory::default(),
        }
    }

    /// The records that a question leads to.
    fn ask(&self, log: &Log, question: &Question) -> Result<Vec<Record>, ProcessorError> {
        let reading = match self.memory.recall(question.turns()) {
            Some(reading) => reading,
            None => {
                let reading = self.read(question.turns())?;
                self.memory.keep(question.turns(), reading.clone());
                reading
            }
        };
        let model = self.extractor.model();
        let about = About {
            turn: &question.turn,
            at: question.at,
            user: log.user.as_deref(),
            model: &model,
        };
        let answer = match reading {
            Ok(answer) => answer,
            Err(why) => {
                let body = Unreadable { about, why: &why };
                return Ok(vec![record("unreadable", log, question, &body)?]);
            }
        };
        let (borne, dropped) = borne_out(&answer, question.turns(), question.signals);
        let body = Answered {
            about,
            kept: borne.len(),
            dropped: &dropped,
        };
        let mut records = vec![record("answer", log, question, &body)?];
        for one in borne {
            let claim = one.claim;
            let evidence = Evidence {
                at: question.at,
                source: log.source.clone(),
                log: log.key.clone(),
                turn: question.turn.clone(),
                user: log.user.clone(),
                fact_key: fact_key(&claim.subject, &claim.attribute),
                subject: claim.subject,
                attribute: claim.attribute,
                value: claim.value,
                kind: one.kind,
                explicit: one.is_explicit,
                replaces: claim.replaces,
                quote: claim.quote,
                model: model.clone(),
            };
            records.push(evidence.record().map_err(unwritable)?);
        }
        Ok(records)
    }

    /// Asks, and once more with the reason if the answer cannot be used.
    fn read(&self, turns: Turns<'_>) -> Result<Reading, ProcessorError> {
        let first = match self.attempt(turns, None)? {
            Ok(answer) => return Ok(Ok(answer)),
            Err(Unusable::Refused(detail)) => return Ok(Err(format!("refused: {detail}"))),
            Err(Unusable::Fault(fault)) => fault.to_string(),
        };
        Ok(match self.attempt(turns, Some(&first))? {
            Ok(answer) => Ok(answer),
            Err(Unusable::Refused(detail)) => Err(format!("{first}; then refused: {detail}")),
            Err(Unusable::Fault(fault)) => Err(format!("{first}; then {fault}")),
        })
    }

    fn attempt(
        &self,
        turns: Turns<'_>,
        objection: Option<&str>,
    ) -> Result<Result<answer::Answer, Unusable>, ProcessorError> {
        match self.extractor.extract(&request(turns, objection)) {
            Ok(text) => Ok(answer::read(&text).map_err(Unusable::Fault)),
            Err(ExtractorError::Refused { detail }) => {
                Ok(Err(Unusable::Refused(head(&detail, WHY_MAX))))
            }
            Err(ExtractorError::Unavailable { detail }) => Err(ProcessorError::Unavailable {
                what: "language model".to_owned(),
                detail,
            }),
        }
    }
}

impl Processor for Verification {
    fn name(&self) -> &str {
        Self::NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn reads(&self) -> &[SourceKind] {
        &[SourceKind::Agent]
    }

    fn process(
        &self,
        log: &Log,
        lines: &mut Lines<'_>,
        state: Option<&[u8]>,
    ) -> Result<Outcome, ProcessorError> {
        let mut state = match state {
            None => State::default(),
            Some(bytes) => State::from_bytes(bytes).map_err(|error| ProcessorError::State {
                detail: error.to_string(),
                bytes: bytes.len(),
            })?,
        };
        let passed_over = state.passed_over;
        let mut records = Vec::new();
        while let Some(line) = lines.next() {
            let position = || format!("{}/{}@{}", log.source, log.key, line.offset);
            let read =
                rows::read(line.text).map(|turn| turn.and_then(|turn| state.take(turn, position)));
            match read {
                Ok(None) => {}
                Ok(Some(question)) => records.extend(self.ask(log, &question)?),
                Err(why) => lines.refuse(why),
            }
        }
        if state.passed_over > passed_over {
            records.push(limit(log, state.passed_over)?);
        }
        Ok(Outcome {
            records,
            state: state.to_bytes().map_err(unwritable)?,
            notices: Vec::new(),
        })
    }
}

/// Why an answer is of no use.
enum Unusable {
    Fault(answer::Fault),
    Refused(String),
}

/// What records about a question have in common.
#[derive(Serialize)]
struct About<'a> {
    turn: &'a str,
    at: Option<DateTime<Utc>>,
    user: Option<&'a str>,
    model: &'a str,
}

#[derive(Serialize)]
struct Answered<'a> {
    #[serde(flatten)]
    about: About<'a>,
    kept: usize,
    dropped: &'a Dropped,
}

#[derive(Serialize)]
struct Unreadable<'a> {
    #[serde(flatten)]
    about: About<'a>,
    why: &'a str,
}

#[derive(Serialize)]
struct Limit {
    asked: u32,
    passed_over: u64,
}

fn record(
    kind: &'static str,
    log: &Log,
    question: &Question,
    body: &impl Serialize,
) -> Result<Record, ProcessorError> {
    Ok(Record {
        kind,
        id: RecordId::of(&[kind, &log.source, &log.key, &question.turn]),
        occurred_at: question.at,
        body: serde_json::to_string(body).map_err(unwritable)?,
    })
}

/// How many turns were not asked about.
fn limit(log: &Log, passed_over: u64) -> Result<Record, ProcessorError> {
    let body = Limit {
        asked: QUESTIONS_MAX,
        passed_over,
    };
    Ok(Record {
        kind: "limit",
        id: RecordId::of(&["limit", &log.source, &log.key]),
        occurred_at: None,
        body: serde_json::to_string(&body).map_err(unwritable)?,
    })
}

fn unwritable(error: serde_json::Error) -> ProcessorError {
    ProcessorError::Failed {
        detail: format!("cannot write JSON: {error}"),
        line: None,
    }
}
