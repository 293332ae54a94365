//! What Cowrie's lines count for.

use chrono::TimeDelta;

use crate::lines::BadLine;
use crate::processors::cowrie::row::{self, SessionRow, text};
use crate::processors::engagement::OwnAccess;
use crate::processors::engagement::visits::{Phase, Visit, Visits};

/// Cowrie ends idle sessions after minutes. One that is silent for longer than this was lost when
/// Cowrie ended, which its log does not tell.
const IDLE_MAX: TimeDelta = TimeDelta::hours(24);

/// Takes in a line.
pub(crate) fn take(visits: &mut Visits<'_>, own: &OwnAccess, line: &str) -> Result<(), BadLine> {
    let Some(SessionRow { row, at }) = row::read(line)? else {
        return Ok(());
    };
    visits.give_up_idle(at, IDLE_MAX);
    let id = row.session();
    let known = visits.seen(id, at).map(|visit| visit.phase);
    let is_own = known.map_or(own.is_address(row.address()), |phase| phase == Phase::Own);
    match row.eventid() {
        "cowrie.session.connect" => {
            visits.end(id, at);
            let phase = match own.is_address(row.address()) {
                true => Phase::Own,
                false => Phase::Connected,
            };
            let visit = Visit::new(phase, at, text(&row.protocol)).address(row.address());
            visits.begin(id, visit);
        }
        "cowrie.login.success" => {
            let user = text(&row.username);
            let is_own = is_own || own.is_user(user);
            if known.is_none() {
                let visit = Visit::new(Phase::Connected, at, text(&row.protocol));
                visits.begin(id, visit.address(row.address()));
            }
            match known {
                Some(Phase::Inside) => {}
                _ if is_own => {
                    if let Some(visit) = visits.seen(id, at) {
                        visit.phase = Phase::Own;
                    }
                }
                _ => visits.enter(id, at, user),
            }
        }
        // What typed lines do not find is logged once more, as failed.
        "cowrie.command.input" | "cowrie.session.file_download" | "cowrie.session.file_upload"
            if !is_own =>
        {
            visits.engagements += 1;
        }
        "cowrie.session.closed" => {
            visits.end(id, at);
        }
        _ => {}
    }
    Ok(())
}
