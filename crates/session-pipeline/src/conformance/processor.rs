//! What every processor has to pass: however a log is cut, the records are the same.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::lines::{BadLines, LineBuffer};
use crate::processor::{Outcome, Processor, ProcessorError, STATE_MAX};
use crate::record::{Notice, RecordId};
use crate::source::Log;

/// Time and body of each record, by kind and id.
pub type Records = BTreeMap<(String, RecordId), (Option<DateTime<Utc>>, String)>;

/// Everything that a processor said of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Records as they are in the end.
    pub records: Records,
    /// Notices, in order.
    pub notices: Vec<Notice>,
    /// State after the last line.
    pub state: Option<Vec<u8>>,
    /// Lines that were skipped.
    pub bad: BadLines,
}

impl Reading {
    /// Takes over an outcome as a ledger does.
    pub fn apply(&mut self, outcome: Outcome) {
        for record in outcome.records {
            self.records.insert(
                (record.kind.to_owned(), record.id),
                (record.occurred_at, record.body),
            );
        }
        self.notices.extend(outcome.notices);
        self.state = Some(outcome.state);
    }
}

/// Reads a log that comes in pieces, each a number of complete lines.
///
/// # Errors
///
/// What the processor says.
pub fn read(
    processor: &dyn Processor,
    log: &Log,
    pieces: &[&[u8]],
) -> Result<Reading, ProcessorError> {
    let mut reading = Reading::default();
    let mut buffer = LineBuffer::default();
    let (mut offset, mut number) = (0, 0);
    for piece in pieces {
        let mut input = *piece;
        let mut lines = buffer.lines(&mut input, offset, number, u64::MAX);
        let outcome = processor.process(log, &mut lines, reading.state.as_deref())?;
        lines.drain();
        (offset, number) = (lines.consumed(), lines.number());
        let (bad, _) = lines.finish();
        reading.bad.extend(&bad);
        reading.apply(outcome);
    }
    Ok(reading)
}

/// What is wrong with a processor, as far as this log shows it. `text` ends with a line feed.
///
/// Checked: name; the same records whether the log comes at once, line by line, or cut in two at
/// any of up to 64 places; the same again for the same; bodies are JSON objects; the state is bounded.
pub fn violations(processor: &dyn Processor, log: &Log, text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let name = processor.name();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(is_plain) {
        found.push(format!(
            "the name {name:?} is not lower-case letters, digits and hyphens"
        ));
    }
    if processor.reads().is_empty() {
        found.push("it reads no kind of log".to_owned());
    }
    let whole = match read(processor, log, &[text]) {
        Ok(whole) => whole,
        Err(error) => {
            found.push(format!("the whole log: {error}"));
            return found;
        }
    };
    for ((kind, id), (_, body)) in &whole.records {
        if !serde_json::from_str::<serde_json::Value>(body).is_ok_and(|body| body.is_object()) {
            found.push(format!(
                "record {kind} {id}: the body is no JSON object: {body}"
            ));
        }
    }
    let length = whole.state.as_ref().map_or(0, Vec::len);
    if length > STATE_MAX {
        found.push(format!(
            "the state has {length} bytes, more than {STATE_MAX}"
        ));
    }
    let mut compare = |how: String, pieces: &[&[u8]]| match read(processor, log, pieces) {
        Ok(again) => found.extend(difference(&whole, &again).map(|what| format!("{how}: {what}"))),
        Err(error) => found.push(format!("{how}: {error}")),
    };
    compare("the same again".to_owned(), &[text]);
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    if !lines.is_empty() {
        compare("line by line".to_owned(), &lines);
    }
    let mut ends: Vec<usize> = lines
        .iter()
        .scan(0, |end, line| {
            *end += line.len();
            Some(*end)
        })
        .collect();
    ends.pop();
    let every = ends.len().div_ceil(64).max(1);
    for end in ends.into_iter().step_by(every) {
        let (first, second) = text.split_at(end);
        compare(format!("cut at byte {end}"), &[first, second]);
    }
    found
}

/// The first difference in what was said.
fn difference(expected: &Reading, found: &Reading) -> Option<String> {
    for (key, value) in &expected.records {
        match found.records.get(key) {
            None => return Some(format!("{} {} is missing", key.0, key.1)),
            Some(other) if other != value => {
                return Some(format!("{} {}: {other:?}, not {value:?}", key.0, key.1));
            }
            Some(_) => {}
        }
    }
    if let Some((kind, id)) = found
        .records
        .keys()
        .find(|key| !expected.records.contains_key(key))
    {
        return Some(format!("{kind} {id} is too much"));
    }
    if expected.notices != found.notices {
        return Some(format!(
            "notices {:?}, not {:?}",
            found.notices, expected.notices
        ));
    }
    if expected.bad.count != found.bad.count {
        return Some(format!(
            "{} bad lines, not {}",
            found.bad.count, expected.bad.count
        ));
    }
    None
}
