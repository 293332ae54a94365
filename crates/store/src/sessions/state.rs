//! What a processor knows of a log between two calls.

use decnet_session_pipeline::ledger::LogId;
use rusqlite::{Connection, OptionalExtension, params};

/// An end that is longer than this and than a quarter of the base is folded into it.
const END_MAX: usize = 3000;

/// The state after the last batch of a log.
pub(super) fn read(
    connection: &Connection,
    processor: &str,
    log: LogId,
) -> rusqlite::Result<Option<Vec<u8>>> {
    type Found = (Vec<u8>, Option<i64>, Option<Vec<u8>>);
    let found: Option<Found> = connection
        .prepare_cached(
            "SELECT s.base, e.kept, e.state FROM session_progress p
             JOIN session_processor r ON r.id = p.processor_id
             JOIN session_state s ON s.progress_id = p.id
             LEFT JOIN session_state_end e ON e.progress_id = p.id
             WHERE r.name = ?1 AND p.log_id = ?2",
        )?
        .query_row(params![processor, log.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    Ok(found.map(|(mut state, kept, end)| {
        if let (Some(kept), Some(end)) = (kept, end) {
            state.truncate(usize::try_from(kept).unwrap_or(0));
            state.extend_from_slice(&end);
        }
        state
    }))
}

/// Writes a state of which the first `kept` bytes are those of the state before it.
pub(super) fn write(
    connection: &Connection,
    progress: i64,
    state: &[u8],
    kept: usize,
) -> rusqlite::Result<()> {
    // How much of the base is the beginning of the state before.
    let of_base: Option<i64> = connection
        .prepare_cached(
            "SELECT coalesce(e.kept, length(s.base)) FROM session_state s
             LEFT JOIN session_state_end e ON e.progress_id = s.progress_id
             WHERE s.progress_id = ?1",
        )?
        .query_row(params![progress], |row| row.get(0))
        .optional()?;
    let kept = of_base.map_or(0, |of_base| kept.min(usize::try_from(of_base).unwrap_or(0)));
    let end = state.get(kept..).unwrap_or_default();
    if of_base.is_some() && end.len() <= END_MAX.max(kept / 4) {
        connection
            .prepare_cached(
                "INSERT INTO session_state_end (progress_id, kept, state) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET kept = excluded.kept, state = excluded.state",
            )?
            .execute(params![progress, kept as i64, end])?;
        return Ok(());
    }
    connection
        .prepare_cached("DELETE FROM session_state_end WHERE progress_id = ?1")?
        .execute(params![progress])?;
    connection
        .prepare_cached(
            "INSERT INTO session_state (progress_id, base) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET base = excluded.base",
        )?
        .execute(params![progress, state])?;
    Ok(())
}
