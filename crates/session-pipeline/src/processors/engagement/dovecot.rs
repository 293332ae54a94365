//! What Dovecot's lines count for.

use crate::lines::BadLine;
use crate::processors::engagement::OwnAccess;
use crate::processors::engagement::calendar::Calendar;
use crate::processors::engagement::dovecot_line::{Counts, Event, read};
use crate::processors::engagement::early_ends::EarlyEnd;
use crate::processors::engagement::visits::{Phase, Visit, Visits};

/// Takes in a line.
pub(crate) fn take(
    visits: &mut Visits<'_>,
    calendar: &Calendar,
    own: &OwnAccess,
    line: &str,
) -> Result<(), BadLine> {
    let (stamp, event) = read(line).ok_or(BadLine::Unrecognised)?;
    let at = calendar
        .moment(stamp, &mut visits.latest)
        .ok_or(BadLine::Unrecognised)?;
    while let Some(end) = visits.early_ends.pop_overdue(at) {
        count_unseen(visits, &end);
    }
    match event {
        Event::Restarted => visits.cut_all(at),
        Event::Login {
            protocol,
            user,
            address,
            pid,
            session,
        } => {
            let is_own = own.is_address(address) || own.is_user(user);
            let phase = if is_own { Phase::Own } else { Phase::Connected };
            let id = session.map_or_else(|| nameless(protocol, user, pid), str::to_owned);
            // An id that is in use again: the line that ended it is missing.
            visits.end(&id, at);
            let early = session.and_then(|session| visits.early_ends.take(session));
            // Nobody leaves before coming, whatever the times of the lines.
            let since = early.as_ref().map_or(at, |end| end.until.min(at));
            let visit = Visit::new(phase, since, protocol)
                .address(address)
                .user(user)
                .pid(pid);
            match early {
                Some(end) if !is_own => {
                    visits.came_and_left(&id, visit, end.until);
                    count(visits, end.counts);
                }
                Some(_) => {}
                None => {
                    visits.begin(&id, visit);
                    if !is_own {
                        visits.enter(&id, at, user);
                    }
                }
            }
        }
        Event::Connection { address } => {
            if !own.is_address(address) {
                visits.impressions += 1;
            }
        }
        Event::End {
            protocol,
            user,
            pid,
            session,
            counts,
        } => {
            let id = match session {
                Some(session) => Some(session.to_owned()),
                None => pid
                    .and_then(|pid| visits.of_process(pid))
                    .or_else(|| visits.of_user(protocol, user)),
            };
            match id.and_then(|id| visits.end(&id, at)) {
                Some(Phase::Own) => {}
                Some(_) => count(visits, counts),
                None => {
                    let end = EarlyEnd {
                        until: at,
                        counts,
                        is_own_user: own.is_user(user),
                    };
                    ended_unseen(visits, session, end);
                }
            }
        }
        Event::Killed { pid, session } => {
            let of_process = || pid.and_then(|pid| visits.of_process(pid));
            if let Some(id) = session.map(str::to_owned).or_else(of_process) {
                let phase = visits.end(&id, at);
                if phase.is_none() {
                    let end = EarlyEnd {
                        until: at,
                        counts: Counts::default(),
                        is_own_user: false,
                    };
                    ended_unseen(visits, session, end);
                }
            }
        }
        Event::Other => {}
    }
    Ok(())
}

/// Lists are one impression for all of a session: programs list the same folder over and over.
/// Bodies are one engagement each.
fn count(visits: &mut Visits<'_>, counts: Counts) {
    visits.impressions += u64::from(counts.listed > 0);
    visits.engagements = visits.engagements.saturating_add(counts.fetched);
}

/// A session ended whose login was not read. It may be in the next lines; without an id, it could
/// not be told from that of another session.
fn ended_unseen(visits: &mut Visits<'_>, session: Option<&str>, end: EarlyEnd) {
    let is_final = match session {
        Some(session) => visits.early_ends.hold(session, end),
        None => Some(end),
    };
    if let Some(end) = is_final {
        count_unseen(visits, &end);
    }
}

/// The log begins in the midst of a session; its user is all that is known.
fn count_unseen(visits: &mut Visits<'_>, end: &EarlyEnd) {
    if !end.is_own_user {
        count(visits, end.counts);
    }
}

/// Stands in for the id of a session where the configuration leaves ids out.
fn nameless(protocol: &str, user: &str, pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("pid {pid}"),
        None => format!("{protocol} {}", user.chars().take(128).collect::<String>()),
    }
}
