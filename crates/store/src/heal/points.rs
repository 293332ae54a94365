//! The points of a target as one value: records of 24 bytes in the order of time, each a moment in
//! microseconds, impressions and engagements, little-endian.
//!
//! A row for each point would make a look at a hundred thousand targets read millions of rows.

use chrono::{DateTime, TimeDelta, Utc};
use decnet_emailgen::ledger::LedgerError;
use decnet_self_heal::ledger::POINTS_MAX;
use decnet_self_heal::point::Point;

use crate::error::corrupt;
use crate::people::moment;
use crate::values::ceil_micros;

/// Bytes of one record.
const RECORD: usize = 24;

/// One record.
type Record = [u8; RECORD];

/// The points of a target from `from` on.
pub(super) fn read(packed: &[u8], from: DateTime<Utc>) -> Result<Vec<Point>, LedgerError> {
    let records = records(packed)?;
    let first = first_from(records, ceil_micros(from));
    records
        .get(first..)
        .unwrap_or_default()
        .iter()
        .map(unpacked)
        .collect()
}

/// The newest point.
pub(super) fn newest(packed: &[u8]) -> Result<Option<Point>, LedgerError> {
    records(packed)?.last().map(unpacked).transpose()
}

/// Adds points, in any order; one of the same moment replaces the earlier. Then drops what is older
/// than `keep_for`, counted back from the newest, and what is too much. Whether anything changed.
pub(super) fn add(
    packed: &mut Vec<u8>,
    points: impl IntoIterator<Item = Point>,
    keep_for: Option<TimeDelta>,
) -> Result<bool, LedgerError> {
    let mut changed = false;
    for point in points {
        let micros = point.at.timestamp_micros();
        let record = packed_record(&point);
        let kept = records(packed)?;
        // Nearly always the newest: looked for from the end.
        let at = match kept.last() {
            Some(last) if micros_of(last) < micros => kept.len(),
            _ => first_from(kept, micros),
        };
        match kept.get(at) {
            Some(same) if *same == record => continue,
            Some(same) if micros_of(same) == micros => {
                packed.splice(at * RECORD..(at + 1) * RECORD, record);
            }
            _ => {
                packed.splice(at * RECORD..at * RECORD, record);
            }
        }
        changed = true;
    }
    let kept = records(packed)?;
    let too_old = match (kept.last(), keep_for) {
        (Some(newest), Some(keep_for)) => {
            let from = moment(micros_of(newest))?.checked_sub_signed(keep_for);
            from.map_or(0, |from| first_from(kept, ceil_micros(from)))
        }
        _ => 0,
    };
    let surplus = too_old.max(kept.len().saturating_sub(POINTS_MAX));
    packed.drain(..surplus * RECORD);
    Ok(changed || surplus > 0)
}

fn records(packed: &[u8]) -> Result<&[Record], LedgerError> {
    match packed.as_chunks() {
        (records, []) => Ok(records),
        _ => Err(corrupt(format!("points of {} bytes", packed.len()))),
    }
}

/// Number of the first record that is not before `micros`.
fn first_from(records: &[Record], micros: i64) -> usize {
    records.partition_point(|record| micros_of(record) < micros)
}

fn packed_record(point: &Point) -> Record {
    let mut record = [0; RECORD];
    let parts = [
        point.at.timestamp_micros().to_le_bytes(),
        point.impressions.to_le_bytes(),
        point.engagements.to_le_bytes(),
    ];
    let (eights, _) = record.as_chunks_mut();
    eights.copy_from_slice(&parts);
    record
}

/// The three numbers of a record.
fn parts(record: &Record) -> [[u8; 8]; 3] {
    let mut parts = [[0; 8]; 3];
    let (eights, _) = record.as_chunks();
    parts.copy_from_slice(eights);
    parts
}

fn micros_of(record: &Record) -> i64 {
    let [at, ..] = parts(record);
    i64::from_le_bytes(at)
}

fn unpacked(record: &Record) -> Result<Point, LedgerError> {
    let [at, impressions, engagements] = parts(record);
    Ok(Point {
        at: moment(i64::from_le_bytes(at))?,
        impressions: u64::from_le_bytes(impressions),
        engagements: u64::from_le_bytes(engagements),
    })
}
